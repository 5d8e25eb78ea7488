//! What `apply` and its kin print.

use serde::Serialize;
use waypost::Names;
use waypost::claim::{Difference, Failed, Item, Left, Plan};

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
        undone: failed.undone().iter().filter_map(|item| ItemJson::new(item, names)).collect(),
        left: failed.left().iter().map(|left| LeftJson::new(left, names)).collect(),
    };
    Ok(output.json_line(&json)?)
}

/// Prints routes and rules, one a line: `verb` stands behind the kind.
pub(super) fn items(output: &mut Output, items: impl Iterator<Item = Item>, names: Names<'_>, verb: &str) -> Result<(), Failure> {
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
        let text = item.with_names(names).to_string();
        let kind = text.find("route ").map_or("rule", |at| if at == 0 { "route" } else { "rule" });
        output.line(&text.replacen(kind, &format!("{kind}{verb}"), 1))?;
    }
    Ok(())
}
