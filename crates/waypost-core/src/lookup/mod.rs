//! Which way packets go, found as the kernel finds it, without asking the kernel.
//!
//! [`World::find`] walks the rules in order of priority, and in each table that they name takes the longest prefix that has a usable route.
//! What it answers is the *entry* of the table that matches ([`LookupMode::Entry`](crate::LookupMode) of the kernel's own lookup). What it cannot know
//! it does not guess: the kernel's choice among several next hops (the answer has them all), cached exceptions such as redirects and
//! path MTUs, and IPv6 choices that hang on whether a neighbour answers.
//!
//! ```
//! use waypost_core::lookup::{Verdict, World};
//! use waypost_core::{Family, Flow, InterfaceNames, Position, Rule, RuleAction, TableId, Tables};
//!
//! let mut tables = Tables::new();
//! tables.insert(&"default via 10.0.0.1 dev if2".parse()?, Position::Last);
//! tables.insert(&"192.0.2.0/24 via 10.0.0.9 dev if2".parse()?, Position::Last);
//! let rules = [Rule::new(Family::V4, 32766, RuleAction::Lookup(TableId::MAIN))];
//!
//! let world = World::new(&tables, &rules, InterfaceNames::none());
//! let Verdict::Found(found) = world.find(&Flow::to("192.0.2.1".parse().unwrap())) else { panic!() };
//! assert_eq!(found.route.to_string(), "192.0.2.0/24 via 10.0.0.9 dev if2");
//! # Ok::<(), waypost_core::ParseError>(())
//! ```

mod rule;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use crate::{
    Disposition, Family, Flow, IfIndex, InterfaceNames, InterfaceSettings, Link, NextHop, RouteRef, Rule, RuleAction, SettingsOf,
    Tables,
};

use rule::Match;
use table::Hit;

/// What a lookup goes by: tables, rules, and the little of interfaces that matters.
#[derive(Clone, Copy)]
pub struct World<'a> {
    tables: &'a Tables,
    rules: &'a [Rule],
    names: &'a InterfaceNames,
    links: Option<&'a BTreeMap<IfIndex, Link>>,
    settings: Option<&'a Settings>,
}

/// The settings of interfaces, by family.
type Settings = BTreeMap<(Family, SettingsOf), InterfaceSettings>;

impl<'a> World<'a> {
    /// A world of these tables and rules, the rules in order of priority.
    ///
    /// Of interfaces their names are known: they are of no group, and routes over those without carrier count.
    #[must_use]
    pub const fn new(tables: &'a Tables, rules: &'a [Rule], names: &'a InterfaceNames) -> Self {
        Self { tables, rules, names, links: None, settings: None }
    }

    /// The same, where links have the groups that these have.
    #[must_use]
    pub const fn with_links(mut self, links: &'a BTreeMap<IfIndex, Link>) -> Self {
        self.links = Some(links);
        self
    }

    /// The same, where these settings say whether routes over an interface without carrier count.
    #[must_use]
    pub const fn with_settings(mut self, settings: &'a BTreeMap<(Family, SettingsOf), InterfaceSettings>) -> Self {
        self.settings = Some(settings);
        self
    }

    /// Finds the way of `flow`.
    #[must_use]
    pub fn find(&self, flow: &Flow) -> Verdict<'a> {
        let family = Family::of(&flow.destination);
        let mut from = 0;
        'rules: loop {
            for (at, rule) in self.rules.iter().enumerate().skip(from).filter(|(_, rule)| rule.family == family) {
                match rule::matches(rule, flow, self.names) {
                    Match::No => continue,
                    Match::Unknown(why) => return Verdict::Indeterminate { rule, why },
                    Match::Yes => {}
                }
                match rule.action {
                    RuleAction::Lookup(table) => match self.in_table(table, flow, rule) {
                        Some(verdict) => return verdict,
                        None => continue,
                    },
                    RuleAction::Nop => continue,
                    RuleAction::Goto(priority) => {
                        let Some(next) = self.rules.iter().position(|rule| rule.family == family && rule.priority == priority)
                        else {
                            continue;
                        };
                        // The kernel refuses a goto backwards; a list that has one would never end.
                        if next <= at {
                            return Verdict::Indeterminate { rule, why: "it goes to a rule before itself" };
                        }
                        from = next;
                        continue 'rules;
                    }
                    RuleAction::Blackhole => return Verdict::Refused { disposition: Disposition::Blackhole, route: None, rule },
                    RuleAction::Unreachable => {
                        return Verdict::Refused { disposition: Disposition::Unreachable, route: None, rule };
                    }
                    RuleAction::Prohibit => return Verdict::Refused { disposition: Disposition::Prohibit, route: None, rule },
                    RuleAction::Other(_) => return Verdict::Indeterminate { rule, why: "its action is not known here" },
                }
            }
            return Verdict::NoRoute;
        }
    }

    /// The verdict of one table, or `None` where the next rule is to be asked.
    fn in_table(&self, table: crate::TableId, flow: &Flow, rule: &'a Rule) -> Option<Verdict<'a>> {
        let table = self.tables.table(table)?;
        match table::find(table, flow, self.settings)? {
            Hit::Refused(route) if route.entry.disposition == Disposition::Throw => None,
            Hit::Refused(route) => Some(Verdict::Refused { disposition: route.entry.disposition, route: Some(route), rule }),
            Hit::Route(route) if self.is_suppressed(&route, rule) => None,
            Hit::Route(route) => Some(Verdict::Found(Found { route, rule, flow: *flow, settings: self.settings })),
        }
    }

    /// Says whether a rule passes a route over: `fib4_rule_suppress` in `net/ipv4/fib_rules.c` (Linux 6.18).
    fn is_suppressed(&self, route: &RouteRef<'_>, rule: &Rule) -> bool {
        let short = rule.suppress_prefix_length.is_some_and(|length| u32::from(route.slot.destination.length()) <= length);
        let interface = route.entry.next_hops.first().and_then(|hop| hop.interface);
        let grouped = || rule.suppress_group.is_some_and(|group| interface.is_some_and(|index| self.group(index) == group));
        short || grouped()
    }

    fn group(&self, index: IfIndex) -> u32 {
        self.links.and_then(|links| links.get(&index)).map_or(0, |link| link.group)
    }
}

impl fmt::Debug for World<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("routes", &self.tables.len()).field("rules", &self.rules).finish_non_exhaustive()
    }
}

/// What a lookup found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Verdict<'a> {
    /// A route.
    Found(Found<'a>),
    /// A route or rule that says no.
    Refused {
        /// How it says so.
        disposition: Disposition,
        /// The route; `None` where the rule says no itself.
        route: Option<RouteRef<'a>>,
        /// The rule.
        rule: &'a Rule,
    },
    /// No table has a route.
    NoRoute,
    /// A rule decides that is not understood, or by what the flow does not say.
    Indeterminate {
        /// The rule.
        rule: &'a Rule,
        /// What is not understood.
        why: &'static str,
    },
}

/// A route that a lookup found.
#[derive(Clone, Copy)]
pub struct Found<'a> {
    /// The route.
    pub route: RouteRef<'a>,
    /// The rule that named its table.
    pub rule: &'a Rule,
    flow: Flow,
    settings: Option<&'a Settings>,
}

impl<'a> Found<'a> {
    /// The next hops that the kernel may use; which of several it takes for one flow is its secret.
    pub fn next_hops(&self) -> impl Iterator<Item = &'a NextHop> {
        let (flow, settings) = (self.flow, self.settings);
        self.route.entry.next_hops.iter().filter(move |hop| table::is_usable(hop, &flow, settings))
    }
}

impl fmt::Debug for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found").field("route", &self.route).field("rule", &self.rule).finish_non_exhaustive()
    }
}
