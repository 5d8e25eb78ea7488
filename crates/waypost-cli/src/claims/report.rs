//! What `apply` and its kin print.

use serde::Serialize;
use waypost::claim::{Difference, Failed, Item, Left, Plan};
use waypost::{Family, Names};

use crate::failure::Failure;
use crate::json::{RouteJson, RuleJson};
use crate::output::Output;

/// A route or a rule, under its kind.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ItemJson<'a> {
    Route(Box<RouteJson<'a>>),
    Rule(Box<RuleJson<'a>>),
}

impl<'a> ItemJson<'a> {
    pub(super) fn new(item: &'a Item, names: Names<'a>) -> Option<Self> {
        match item {
            Item::Route(route) => Some(Self::Route(Box::new(RouteJson::new(route.as_ref(), names)))),
            Item::Rule(rule) => Some(Self::Rule(Box::new(RuleJson::new(rule, names)))),
            _ => None,
        }
    }
}

#[derive(Serialize)]
struct PlanJson<'a> {
    applied: bool,
    unchanged: usize,
    added: Vec<ItemJson<'a>>,
    removed: Vec<ItemJson<'a>>,
    changed: Vec<ChangedJson<'a>>,
    conflicts: Vec<ConflictJson<'a>>,
    waiting: Vec<WaitingJson<'a>>,
}

#[derive(Serialize)]
struct ChangedJson<'a> {
    old: Option<ItemJson<'a>>,
    new: Option<ItemJson<'a>>,
}

#[derive(Serialize)]
struct ConflictJson<'a> {
    wanted: Option<ItemJson<'a>>,
    there: Option<ItemJson<'a>>,
}

#[derive(Serialize)]
struct WaitingJson<'a> {
    wanted: Option<ItemJson<'a>>,
    why: &'static str,
}

#[derive(Serialize)]
struct FailedJson<'a> {
    applied: bool,
    refused: Option<ItemJson<'a>>,
    error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_its_place: Option<ItemJson<'a>>,
    undone: Vec<ItemJson<'a>>,
    left: Vec<LeftJson<'a>>,
}

#[derive(Serialize)]
struct LeftJson<'a> {
    item: Option<ItemJson<'a>>,
    is_there: bool,
    error: String,
}

impl<'a> LeftJson<'a> {
    fn new(left: &'a Left, names: Names<'a>) -> Self {
        Self { item: ItemJson::new(&left.item, names), is_there: left.is_there, error: left.error.reason().to_owned() }
    }
}

/// Prints a plan that was carried out, or could be.
pub(super) fn plan(output: &mut Output, plan: &Plan, names: Names<'_>, is_applied: bool) -> Result<(), Failure> {
    if output.json {
        let json = plan_json(plan, names, is_applied);
        return Ok(output.json_line(&json)?);
    }
    if output.quiet && is_applied {
        return Ok(());
    }
    for line in plan.with_names(names).to_string().lines() {
        output.difference(line)?;
    }
    Ok(output.line(&summary(plan, is_applied))?)
}

fn plan_json<'a>(plan: &'a Plan, names: Names<'a>, applied: bool) -> PlanJson<'a> {
    let item = |item: &'a Item| ItemJson::new(item, names);
    let mut json = PlanJson {
        applied,
        unchanged: plan.unchanged(),
        added: Vec::new(),
        removed: Vec::new(),
        changed: Vec::new(),
        conflicts: plan
            .conflicts()
            .iter()
            .map(|one| ConflictJson { wanted: item(&one.wanted), there: item(&one.there) })
            .collect(),
        waiting: plan.waiting().iter().map(|(wanted, why)| WaitingJson { wanted: item(wanted), why: why.word() }).collect(),
    };
    for difference in plan.differences() {
        match difference {
            Difference::Added(added) => json.added.extend(item(added)),
            Difference::Removed(removed) => json.removed.extend(item(removed)),
            Difference::Changed { old, new } => json.changed.push(ChangedJson { old: item(old), new: item(new) }),
            _ => {}
        }
    }
    json
}

/// One line that tells how much is different.
fn summary(plan: &Plan, is_applied: bool) -> String {
    let count = |is_it: fn(&Difference) -> bool| plan.differences().iter().filter(|difference| is_it(difference)).count();
    let added = count(|difference| matches!(difference, Difference::Added(_)));
    let removed = count(|difference| matches!(difference, Difference::Removed(_)));
    let changed = count(|difference| matches!(difference, Difference::Changed { .. }));
    let there = plan.unchanged();
    if plan.is_empty() {
        return format!("nothing to change: {there} {} there", if there == 1 { "is" } else { "are" });
    }
    let mut text = format!("{added} added, {removed} removed, {changed} changed, {there} unchanged");
    for (count, what) in [(plan.conflicts().len(), "in conflict"), (plan.waiting().len(), "cannot be there yet")] {
        if count > 0 {
            text.push_str(&format!(", {count} {what}"));
        }
    }
    if is_applied { text } else { format!("would be: {text}") }
}

/// Prints what became of a plan that failed, for programs.
pub(super) fn failed(output: &mut Output, failed: &Failed, names: Names<'_>) -> Result<(), Failure> {
    let json = FailedJson {
        applied: false,
        refused: ItemJson::new(failed.item(), names),
        error: failed.error().reason().to_owned(),
        in_its_place: failed.in_its_place().and_then(|there| ItemJson::new(there, names)),
        undone: failed.undone().iter().filter_map(|item| ItemJson::new(item, names)).collect(),
        left: failed.left().iter().map(|left| LeftJson::new(left, names)).collect(),
    };
    Ok(output.json_line(&json)?)
}

/// Prints routes and rules, one a line.
pub(super) fn items(output: &mut Output, items: impl Iterator<Item = Item>, names: Names<'_>) -> Result<(), Failure> {
    lines(output, items, names, |item| item.with_names(names).to_string())
}

/// The same as lines of a file that `apply` and `restore` read.
pub(super) fn file(
    output: &mut Output,
    items: impl Iterator<Item = Item>,
    names: Names<'_>,
    has_metrics: bool,
) -> Result<(), Failure> {
    lines(output, items, names, |item| line_of_file(item, names, has_metrics))
}

fn lines(
    output: &mut Output,
    items: impl Iterator<Item = Item>,
    names: Names<'_>,
    text: impl Fn(&Item) -> String,
) -> Result<(), Failure> {
    if output.json {
        let mut array = output.array()?;
        for item in items {
            if let Some(json) = ItemJson::new(&item, names) {
                array.push(&json)?;
            }
        }
        return Ok(array.end()?);
    }
    for item in items {
        output.line(&text(&item))?;
    }
    Ok(())
}

/// A route or a rule as a line that `apply` and `restore` read: to these, a route without a metric is not one of metric 0.
pub(super) fn line_of_file(item: &Item, names: Names<'_>, has_metrics: bool) -> String {
    match item {
        Item::Route(route) => {
            let text = route.with_names(names);
            let text = if has_metrics { text.with_metric_zero() } else { text };
            // A default route by a gateway of the other family would be read as one of that.
            let is_by_v6 = route.entry.next_hops.iter().any(|hop| hop.gateway.is_some_and(|gateway| gateway.is_ipv6()));
            let is_v4 = item.family() == Family::V4;
            let family = if is_v4 && is_by_v6 && route.slot.destination.is_default() { "-4 " } else { "" };
            quoted(format!("{family}route add {text}"))
        }
        item => quoted(item.with_names(names).to_string().replacen("rule ", "rule add ", 1)),
    }
}

/// The same with quotes around the names of interfaces that would otherwise end a line or a word.
fn quoted(line: String) -> String {
    const ODD: [char; 4] = ['#', '"', '\'', '\\'];
    if !line.contains(ODD) {
        return line;
    }
    let words = line.split(' ').map(|word| match word {
        word if !word.contains(ODD) => word.to_owned(),
        word if word.contains('"') => format!("'{word}'"),
        word => format!("\"{word}\""),
    });
    words.collect::<Vec<_>>().join(" ")
}
