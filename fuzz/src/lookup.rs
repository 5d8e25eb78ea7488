//! Lookups in worlds of any routes and rules: no panic, an end, and one answer whichever way it is asked for.

use waypost_core::lookup::{Found, Verdict, World};
use waypost_core::{Family, Flow, IfIndex, InterfaceNames, Position, Prefix, Route, RouteRef, Rule, RuleAction, TableId, Tables};

/// Reads routes, rules and flows from the lines of `text`: `+` and a route, `ROUTE` at the end of its slot, or a rule such as
/// `6 100: from all lookup main`, or `?` and a destination, a source, an input, an output, a mark and a port.
pub fn run(text: &str) {
    let names: InterfaceNames = [(IfIndex::new(7).expect("not zero"), "eth0")].into_iter().collect();
    let mut tables = Tables::new();
    let mut rules: Vec<Rule> = Vec::new();
    let mut flows = Vec::new();
    for line in text.lines().take(200) {
        if let Some(flow) = line.strip_prefix('?') {
            flows.extend(self::flow(flow));
        } else if let Some(route) = line.strip_prefix('+') {
            let words: Vec<&str> = route.split_whitespace().collect();
            if let Ok(route) = Route::parse_words(&words, &names, None) {
                tables.insert(&route, Position::Last);
            }
        } else {
            let (family, rule) = match line.strip_prefix('6') {
                Some(rule) => (Family::V6, rule),
                None => (Family::V4, line),
            };
            rules.extend(Rule::parse(rule, Some(family)));
        }
    }
    rules.sort_by_key(|rule| rule.priority);
    let world = World::new(&tables, &rules, &names);
    let prepared = world.prepare();
    for flow in flows {
        let verdict = world.find(&flow);
        let explanation = world.explain(&flow);
        assert_eq!(say(&verdict), say(&prepared.find(&flow)));
        assert_eq!(say(&verdict), say(&explanation.verdict));
        assert!(!explanation.to_string().is_empty());
        if let Verdict::Found(found) = verdict {
            is_possible(&found, &flow);
        }
    }
}

fn say(verdict: &Verdict<'_>) -> String {
    format!("{verdict:?}")
}

/// A route that is found contains the destination, and stands in the table that its rule names.
fn is_possible(found: &Found<'_>, flow: &Flow) {
    let RouteRef { slot, .. } = found.route;
    assert!(slot.destination.contains(flow.destination), "{found:?}");
    assert_eq!(found.rule.action, RuleAction::Lookup(slot.table), "{found:?}");
    assert_eq!(found.rule.family, Family::of(&flow.destination));
    if let (Some(source), Prefix::V6(_)) = (slot.source, slot.destination) {
        let from = flow.source.unwrap_or(std::net::Ipv6Addr::UNSPECIFIED.into());
        assert!(Prefix::V6(source).contains(from), "{found:?}");
    }
    assert_ne!(slot.table, TableId(0));
}

fn flow(text: &str) -> Option<Flow> {
    let mut words = text.split_whitespace();
    let mut flow = Flow::to(words.next()?.parse().ok()?);
    flow.source = words.next().and_then(|word| word.parse().ok());
    // The families of a flow's addresses are the same.
    flow.source = flow.source.filter(|source| Family::of(source) == Family::of(&flow.destination));
    let mut number = || words.next().and_then(|word| word.parse::<u32>().ok());
    flow.input = number().and_then(IfIndex::new);
    flow.output = number().and_then(IfIndex::new);
    flow.mark = number().unwrap_or(0);
    flow.destination_port = number().map(|number| number as u16);
    flow.ip_protocol = flow.destination_port.map(|_| 17);
    Some(flow)
}
