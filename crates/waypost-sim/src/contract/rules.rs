//! Policy rules.

use waypost_core::{Dump, ErrorKind, Family, Kernel, Masked, Notice, Protocol, Request, Rule, RuleAction, TableId, Verb};

use super::World;
use super::world::{must_fail, prefix};

/// The rules of a family, as they are listed.
fn listed<K: Kernel>(world: &mut World<'_, K>, family: Family) -> Vec<Rule> {
    let rules = world.list(Dump::Rules(family)).into_iter();
    rules.filter_map(|notice| if let Notice::Rule(_, rule) = notice { Some(*rule) } else { None }).collect()
}

fn rule(family: Family) -> Rule {
    let mut rule = Rule::new(family, 100, RuleAction::Lookup(TableId(1000)));
    rule.from = Some(prefix(if family == Family::V4 { "10.7.0.0/16" } else { "2001:db8:7::/48" }));
    rule.mark = Some(Masked { value: 7, mask: 0xff });
    rule.protocol = Protocol::STATIC;
    rule
}

/// A rule is there once, is announced as it comes and goes, and can be deleted once.
pub fn a_rule_is_added_once_and_deleted_once<K: Kernel>(world: &mut World<'_, K>) {
    for family in Family::ALL {
        let rule = rule(family);
        let before = listed(world, family);
        drop(world.said());
        world.ask(Request::AddRule(&rule)).unwrap_or_else(|error| panic!("{error}"));
        must_fail(world.ask(Request::AddRule(&rule)), ErrorKind::Exists);
        let mut other = rule.clone();
        other.action = RuleAction::Lookup(TableId(1001));
        must_fail(world.ask(Request::DeleteRule(&other)), ErrorKind::NotFound);
        assert!(listed(world, family).contains(&rule), "{:?}", listed(world, family));
        world.ask(Request::DeleteRule(&rule)).unwrap_or_else(|error| panic!("{error}"));
        must_fail(world.ask(Request::DeleteRule(&rule)), ErrorKind::NotFound);
        assert_eq!(listed(world, family), before);
        let told: Vec<Verb> = world
            .said()
            .iter()
            .filter_map(|notice| match notice {
                Notice::Rule(verb, told) if **told == rule => Some(*verb),
                _ => None,
            })
            .collect();
        assert_eq!(told, [Verb::Present, Verb::Removed]);
    }
}

/// Rules come in the order in which they are asked, those of one priority as they were added.
pub fn rules_are_listed_by_priority<K: Kernel>(world: &mut World<'_, K>) {
    for (priority, table) in [(300, 3), (100, 2), (300, 1), (200, 4)] {
        let rule = Rule::new(Family::V4, priority, RuleAction::Lookup(TableId(table)));
        world.ask(Request::AddRule(&rule)).unwrap_or_else(|error| panic!("{error}"));
    }
    let order: Vec<(u32, RuleAction)> = listed(world, Family::V4).iter().map(|rule| (rule.priority, rule.action)).collect();
    let expected = [(0, 255), (100, 2), (200, 4), (300, 3), (300, 1), (32766, 254), (32767, 253)];
    assert_eq!(order, expected.map(|(priority, table)| (priority, RuleAction::Lookup(TableId(table)))));
}
