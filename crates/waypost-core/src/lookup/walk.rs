//! The way through the rules: `fib_rules_lookup` in `net/core/fib_rules.c` (Linux 6.18).

use super::rule::{Match, Ready};
use super::sieve::Sieve;
use super::{Asked, Dropped, Found, Step, Verdict, World, arrival, ipv4, ipv6};
use crate::{Disposition, Family, Flow, RouteRef, Rule, RuleAction, TableId};

pub(super) use super::LOOPBACK;

/// Who is told the steps of a lookup.
pub(super) trait Observer<'a> {
    fn note(&mut self, step: impl FnOnce() -> Step<'a>);
}

/// Nobody: the steps are not even made.
pub(super) struct Silent;

impl<'a> Observer<'a> for Silent {
    #[inline]
    fn note(&mut self, _: impl FnOnce() -> Step<'a>) {}
}

/// Somebody who wants to read them afterwards.
#[derive(Default)]
pub(super) struct Recorder<'a> {
    pub(super) steps: Vec<Step<'a>>,
}

impl<'a> Observer<'a> for Recorder<'a> {
    fn note(&mut self, step: impl FnOnce() -> Step<'a>) {
        self.steps.push(step());
    }
}

/// What one table has for a flow.
#[derive(Debug)]
pub(super) enum Hit<'a> {
    /// A route, which may say no.
    Route(RouteRef<'a>),
    Nothing,
    /// It cannot be told, and why.
    Unknown(&'static str),
}

impl Hit<'_> {
    pub(super) fn is_local(&self) -> bool {
        matches!(self, Self::Route(route) if route.entry.disposition == Disposition::Local)
    }
}

/// The verdict on a flow; `rules` gives the rules in order, those of other families included or not.
#[inline]
pub(super) fn decide<'a>(
    world: &World<'a>,
    rules: &impl Fn(Family, usize) -> Option<Ready<'a>>,
    flow: &Flow,
    observer: &mut impl Observer<'a>,
) -> Verdict<'a> {
    let asked = Asked::of(flow);
    if asked.flow.input.is_some() {
        return arrival::decide(world, rules, &asked, observer);
    }
    if let (Family::V4, Some(source)) = (asked.family, asked.flow.source) {
        // `ip_route_output_key_hash_rcu` in net/ipv4/route.c.
        if !world.has_source(source) {
            return Verdict::Dropped { why: Dropped::ForeignSource, found: None };
        }
    }
    Walk { world, asked: &asked, sieve: Sieve::of(world, &asked), observer }.along(rules)
}

/// One flow on its way through the rules.
pub(super) struct Walk<'w, 'a, O> {
    pub(super) world: &'w World<'a>,
    pub(super) asked: &'w Asked,
    pub(super) sieve: Sieve<'a>,
    pub(super) observer: &'w mut O,
}

impl<'a, O: Observer<'a>> Walk<'_, 'a, O> {
    #[inline]
    pub(super) fn along(&mut self, rules: &impl Fn(Family, usize) -> Option<Ready<'a>>) -> Verdict<'a> {
        let family = self.asked.family;
        let mut at = 0;
        while let Some(ready) = rules(family, at) {
            at += 1;
            let rule = ready.rule;
            if rule.family != family {
                continue;
            }
            match ready.matches(self.asked, self.world) {
                Match::Yes => self.observer.note(|| Step::Rule { rule }),
                Match::No(selector) => {
                    self.observer.note(|| Step::RulePassed { rule, selector });
                    continue;
                }
                Match::Unknown(why) => return Verdict::Indeterminate { rule, why },
            }
            match self.act(&ready, rules, at) {
                Act::Next => {}
                Act::Goto(target) => at = target,
                Act::End(verdict) => return verdict,
            }
        }
        Verdict::NoRoute
    }

    /// Does what a rule says; the next one stands at `at`.
    #[inline]
    fn act(&mut self, ready: &Ready<'a>, rules: &impl Fn(Family, usize) -> Option<Ready<'a>>, at: usize) -> Act<'a> {
        let rule = ready.rule;
        let refuse = |disposition| Act::End(Verdict::Refused { disposition, route: None, rule });
        match rule.action {
            RuleAction::Lookup(_) => self.in_table(ready, rules),
            RuleAction::Nop => Act::Next,
            // The kernel refuses a goto backwards; a list that has one would never end.
            RuleAction::Goto(priority) if priority <= rule.priority => {
                Act::End(Verdict::Indeterminate { rule, why: "it goes to a rule before itself" })
            }
            RuleAction::Goto(priority) => {
                let is_target = |ready: Ready<'_>| ready.rule.family == rule.family && ready.rule.priority == priority;
                let target =
                    (at..).map_while(|at| rules(rule.family, at).map(|ready| (at, ready))).find(|(_, ready)| is_target(*ready));
                target.map_or(Act::Next, |(at, _)| Act::Goto(at))
            }
            RuleAction::Blackhole => refuse(Disposition::Blackhole),
            RuleAction::Unreachable => refuse(Disposition::Unreachable),
            RuleAction::Prohibit => refuse(Disposition::Prohibit),
            RuleAction::Other(_) => Act::End(Verdict::Indeterminate { rule, why: "its action is not known here" }),
        }
    }

    /// Asks the table that a rule names.
    #[inline]
    fn in_table(&mut self, ready: &Ready<'a>, rules: &impl Fn(Family, usize) -> Option<Ready<'a>>) -> Act<'a> {
        let rule = ready.rule;
        let Some(table) = ready.table else {
            self.observer.note(|| Step::NoRoute { rule });
            return Act::Next;
        };
        let hit = match self.asked.family {
            Family::V4 => ipv4::find(table, self.asked, &self.sieve, self.observer),
            Family::V6 => ipv6::find(table, self.asked, &self.sieve, self.observer),
        };
        let route = match hit {
            Hit::Route(route) => route,
            Hit::Nothing => {
                self.observer.note(|| Step::NoRoute { rule });
                return Act::Next;
            }
            Hit::Unknown(why) => return Act::End(Verdict::Indeterminate { rule, why }),
        };
        self.observer.note(|| Step::Taken { route });
        let disposition = route.entry.disposition;
        if disposition == Disposition::Throw {
            return Act::Next;
        }
        if self.asked.family == Family::V4 {
            if let Some(why) = self.hangs_on_history(&route, rule, rules) {
                return Act::End(Verdict::Indeterminate { rule, why });
            }
        }
        if !disposition.forwards() {
            return Act::End(Verdict::Refused { disposition, route: Some(route), rule });
        }
        match self.is_suppressed(&route, rule) {
            Ok(false) => Act::End(Verdict::Found(Found { route, rule, named: self.asked.flow.source, sieve: self.sieve })),
            Ok(true) => {
                self.observer.note(|| Step::Suppressed { route, rule });
                Act::Next
            }
            Err(why) => Act::End(Verdict::Indeterminate { rule, why }),
        }
    }

    /// Says whether a rule passes a route over: `fib4_rule_suppress` in `net/ipv4/fib_rules.c`, `fib6_rule_suppress` in
    /// `net/ipv6/fib6_rules.c` (Linux 6.18). A route that says no is not passed over.
    #[inline]
    fn is_suppressed(&self, route: &RouteRef<'_>, rule: &Rule) -> Result<bool, &'static str> {
        if rule.suppress_prefix_length.is_some_and(|length| u32::from(route.slot.destination.length()) <= length) {
            return Ok(true);
        }
        match rule.suppress_group {
            None => Ok(false),
            Some(group) => self.leaves_by_group(route, group),
        }
    }

    fn leaves_by_group(&self, route: &RouteRef<'_>, group: u32) -> Result<bool, &'static str> {
        const UNKNOWN: &str = "it goes by the group of an interface that is not known here";
        let links = self.world.links.ok_or(UNKNOWN)?;
        let has_group = |index| links.get(&index).map(|link| link.group == group).ok_or(UNKNOWN);
        if self.asked.family == Family::V4 {
            // The first next hop stands for all.
            let first = route.entry.next_hops.first().and_then(|hop| hop.interface);
            return first.map_or(Ok(false), has_group);
        }
        if matches!(route.entry.disposition, Disposition::Local | Disposition::Anycast) {
            // Such routes leave by the loopback, whatever interface has the address (`ip6_rt_get_dev_rcu` in net/ipv6/route.c).
            return LOOPBACK.map_or(Ok(false), has_group);
        }
        let mut all = self.sieve.next_hops(*route).filter_map(|hop| hop.interface).map(has_group);
        let first = all.next().unwrap_or(Ok(false))?;
        for other in all {
            if other? != first {
                return Err("it goes by the group of the next hop that the kernel chooses");
            }
        }
        Ok(first)
    }

    /// Says what else would have to be known where all rules are those that the kernel has of itself.
    ///
    /// As long as there never was another rule, the tables `local` and `main` are one, so that a longer prefix in `main` wins, and what
    /// says no in `main` does not keep `default` from being asked (`fib_lookup` in `include/net/ip_fib.h`, `fib_trie_unmerge` in
    /// `net/ipv4/fib_trie.c`, Linux 6.18). Whether there ever was one, the kernel does not tell.
    #[inline]
    fn hangs_on_history(
        &self,
        route: &RouteRef<'_>,
        rule: &Rule,
        rules: &impl Fn(Family, usize) -> Option<Ready<'a>>,
    ) -> Option<&'static str> {
        let other = match rule.action {
            RuleAction::Lookup(TableId::LOCAL) => TableId::MAIN,
            RuleAction::Lookup(TableId::MAIN) if !route.entry.disposition.forwards() => TableId::DEFAULT,
            _ => return None,
        };
        let hit = self.world.tables.table(other)?.longest_match(self.asked.flow.destination)?;
        let differs = other == TableId::DEFAULT || hit.destination().length() > route.slot.destination.length();
        (differs && has_own_rules_alone(rules)).then_some("what it comes to hangs on whether there ever were other rules")
    }
}

/// Says whether the IPv4 rules are the three that the kernel has of itself: `fib_default_rules_init` in `net/ipv4/fib_rules.c`.
pub(super) fn has_own_rules_alone<'a>(rules: &impl Fn(Family, usize) -> Option<Ready<'a>>) -> bool {
    let own = [(0, TableId::LOCAL), (32766, TableId::MAIN), (32767, TableId::DEFAULT)];
    let mut all = (0..).map_while(|at| rules(Family::V4, at)).map(|ready| ready.rule).filter(|rule| rule.family == Family::V4);
    let is_own = own.iter().all(|(priority, table)| {
        all.next().is_some_and(|rule| {
            let mut plain = Rule::new(Family::V4, *priority, RuleAction::Lookup(*table));
            plain.protocol = rule.protocol;
            plain.os_flags = rule.os_flags;
            *rule == plain
        })
    });
    is_own && all.next().is_none()
}

/// What comes of a rule.
enum Act<'a> {
    /// The next one is asked.
    Next,
    /// The one at this place is asked.
    Goto(usize),
    End(Verdict<'a>),
}
