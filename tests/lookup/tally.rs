//! What decided, counted: worlds in which nothing but the destination mattered would say little.

use std::collections::BTreeMap;
use std::fmt;

use waypost::lookup::{PassedOver, Selector, Step, Verdict, World};
use waypost::{Disposition, Family, Flow, InterfaceNames, RouteRef, Rule, RuleAction, Tables};

/// How many flows there were, and what decided about those that were looked at.
#[derive(Default)]
pub(crate) struct Tally {
    /// Each so-many-th flow is looked at.
    every: u64,
    pub(crate) worlds: u64,
    pub(crate) flows: u64,
    /// Flows of which it cannot be told, as the kernel chooses among several next hops.
    pub(crate) undecided: u64,
    sampled: u64,
    counts: BTreeMap<&'static str, u64>,
}

/// The selectors that random rules have.
const SELECTORS: [Selector; 12] = [
    Selector::To,
    Selector::From,
    Selector::Input,
    Selector::Output,
    Selector::Mark,
    Selector::Tos,
    Selector::Dscp,
    Selector::FlowLabel,
    Selector::IpProtocol,
    Selector::SourcePort,
    Selector::DestinationPort,
    Selector::Uid,
];

/// The other things that must have been seen.
const OTHERS: [&str; 16] = [
    "goto",
    "nop",
    "a rule that says no",
    "suppressor",
    "throw",
    "a route that says no",
    "dead or no carrier",
    "another interface",
    "type of service or preference or source",
    "several next hops",
    "twins",
    "metric",
    "found",
    "no route",
    "came in",
    "dropped",
];

fn word(selector: Selector) -> &'static str {
    match selector {
        Selector::To => "to",
        Selector::From => "from",
        Selector::Input => "iif",
        Selector::Output => "oif",
        Selector::Mark => "fwmark",
        Selector::Tos => "tos",
        Selector::Dscp => "dscp",
        Selector::FlowLabel => "flowlabel",
        Selector::IpProtocol => "ipproto",
        Selector::SourcePort => "sport",
        Selector::DestinationPort => "dport",
        _ => "uidrange",
    }
}

/// The rules without one kind of selector.
fn without(rules: &[Rule], selector: Selector) -> Vec<Rule> {
    let mut rules = rules.to_vec();
    for rule in &mut rules {
        match selector {
            Selector::To => rule.to = None,
            Selector::From => rule.from = None,
            Selector::Input => rule.input = None,
            Selector::Output => rule.output = None,
            Selector::Mark => rule.mark = None,
            Selector::Tos => rule.tos = 0,
            Selector::Dscp => rule.dscp = None,
            Selector::FlowLabel => rule.flow_label = None,
            Selector::IpProtocol => rule.ip_protocol = None,
            Selector::SourcePort => rule.source_ports = None,
            Selector::DestinationPort => rule.destination_ports = None,
            _ => rule.uids = None,
        }
    }
    rules
}

/// The same world with one kind of selector taken out of all rules, for each kind.
pub(crate) struct Variants(Vec<(Selector, Vec<Rule>)>);

impl Variants {
    pub(crate) fn of(rules: &[Rule]) -> Self {
        Self(SELECTORS.map(|selector| (selector, without(rules, selector))).into())
    }
}

/// What tells verdicts apart.
fn identity<'a>(verdict: &Verdict<'a>) -> (u8, Option<RouteRef<'a>>) {
    let kind = match verdict {
        Verdict::Found(_) => 0,
        Verdict::Refused { disposition: Disposition::Blackhole, .. } => 1,
        Verdict::Refused { disposition: Disposition::Prohibit, .. } => 2,
        Verdict::Refused { .. } => 3,
        Verdict::Dropped { .. } => 4,
        _ => 5,
    };
    (kind, verdict.route())
}

impl Tally {
    /// Nothing so far. Of so many flows that looking at each sixteenth would take as long as asking the kernel, fewer are looked at.
    pub(crate) fn of(flows: u64) -> Self {
        Self { every: if flows > 1_000_000 { 64 } else { 16 }, ..Self::default() }
    }

    /// Counts a flow, and looks closer at some.
    pub(crate) fn add<'a>(&mut self, flow: &Flow, make: impl Fn(Option<&'a [Rule]>) -> World<'a>, variants: &'a Variants) {
        self.flows += 1;
        if self.flows % self.every != 0 {
            return;
        }
        self.sampled += 1;
        let explanation = make(None).explain(flow);
        let verdict = identity(&explanation.verdict);
        for (selector, rules) in &variants.0 {
            // It decides if the answer is another without it.
            if identity(&make(Some(rules)).find(flow).clone()) != verdict {
                self.count(word(*selector));
            }
        }
        let mut seen: Vec<&'static str> = explanation.steps.iter().flat_map(step).collect();
        seen.extend(outcome(flow, &explanation.verdict));
        seen.sort_unstable();
        seen.dedup();
        seen.into_iter().for_each(|what| self.count(what));
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// Says that each selector decided about at least one flow in a hundred, and that all else was seen.
    pub(crate) fn check(&self, family: Family) {
        for selector in SELECTORS.into_iter().filter(|selector| family == Family::V6 || *selector != Selector::FlowLabel) {
            let count = self.counts.get(word(selector)).copied().unwrap_or(0);
            assert!(count * 100 >= self.sampled, "{selector} decides about {count} of {} flows: {self}", self.sampled);
        }
        assert!(self.undecided * 10 <= self.flows, "too many flows are undecided: {self}");
        for what in OTHERS {
            let count = self.counts.get(what).copied().unwrap_or(0);
            assert!(count * 1000 >= self.sampled, "{what} came about {count} times for {} flows: {self}", self.sampled);
        }
    }
}

/// What a step has to do with.
fn step(step: &Step<'_>) -> Vec<&'static str> {
    match step {
        Step::Rule { rule } => match rule.action {
            RuleAction::Goto(_) => vec!["goto"],
            RuleAction::Nop => vec!["nop"],
            RuleAction::Lookup(_) => vec![],
            _ => vec!["a rule that says no"],
        },
        Step::Suppressed { .. } => vec!["suppressor"],
        Step::Taken { route } => match route.entry.disposition {
            Disposition::Throw => vec!["throw"],
            Disposition::Unicast | Disposition::Local => vec![],
            _ => vec!["a route that says no"],
        },
        Step::Passed { why, .. } => match why {
            PassedOver::Dead | PassedOver::LinkDown => vec!["dead or no carrier"],
            PassedOver::OtherInterface => vec!["another interface"],
            _ => vec!["type of service or preference or source"],
        },
        _ => vec![],
    }
}

fn outcome(flow: &Flow, verdict: &Verdict<'_>) -> Vec<&'static str> {
    let mut seen = Vec::new();
    if flow.input.is_some() {
        seen.push("came in");
    }
    match verdict {
        Verdict::Found(found) => {
            seen.push("found");
            if found.next_hops().count() > 1 {
                seen.push("several next hops");
            }
        }
        Verdict::NoRoute => seen.push("no route"),
        Verdict::Dropped { .. } => seen.push("dropped"),
        _ => {}
    }
    seen
}

/// Says whether the route shares its slot or its destination with others.
pub(crate) fn company(tables: &Tables, route: RouteRef<'_>) -> (bool, bool) {
    let chain = tables.table(route.slot.table).and_then(|table| table.exactly(route.slot.destination));
    let (mut twins, mut metrics) = (0, 0);
    for other in chain.into_iter().flatten() {
        twins += usize::from(other.slot == route.slot);
        metrics += usize::from(other.slot.metric != route.slot.metric);
    }
    (twins > 1, metrics > 0)
}

impl Tally {
    /// Counts what a found route had beside it.
    pub(crate) fn add_company(&mut self, tables: &Tables, verdict: &Verdict<'_>) {
        if self.flows % self.every != 0 {
            return;
        }
        let Some(route) = verdict.route() else { return };
        let (has_twins, has_metrics) = company(tables, route);
        if has_twins {
            self.count("twins");
        }
        if has_metrics {
            self.count("metric");
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} worlds, {} flows and {} undecided ones; ", self.worlds, self.flows, self.undecided)?;
        write!(f, "of {} that were looked at", self.sampled)?;
        for (what, count) in &self.counts {
            write!(f, ", {what} {:.1} %", *count as f64 * 100.0 / self.sampled as f64)?;
        }
        Ok(())
    }
}

/// The names, for whoever makes worlds of its own.
pub(crate) fn world<'a>(
    mirror: &'a waypost::Mirror,
    names: &'a InterfaceNames,
    family: Family,
    rules: Option<&'a [Rule]>,
) -> World<'a> {
    let rules = rules.unwrap_or_else(|| mirror.rules(family));
    World::new(mirror.tables(), rules, names).with_links(mirror.links()).with_settings(mirror.settings())
}
