//! The policy rules of one family, in the kernel's order.

use waypost_core::Rule;

use super::{Change, Event};

/// Rules by priority; equal priorities in the order in which they came, and equal rules may stand twice.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    rules: Vec<Rule>,
    /// What the dump that runs has listed.
    listed: Option<Vec<Rule>>,
    /// An event came since the dump was asked for: which rules it has listed already, nobody knows.
    disturbed: bool,
}

impl Rules {
    pub(super) fn as_slice(&self) -> &[Rule] {
        &self.rules
    }

    pub(super) fn begin(&mut self) {
        (self.listed, self.disturbed) = (Some(Vec::new()), false);
    }

    pub(super) fn listed(&mut self, rule: Rule, out: &mut Vec<Event>) {
        match &mut self.listed {
            Some(listed) => listed.push(rule),
            None if self.rules.contains(&rule) => {}
            None => self.insert(rule, out),
        }
    }

    pub(super) fn present(&mut self, rule: Rule, out: &mut Vec<Event>) {
        self.disturbed = true;
        self.insert(rule, out);
    }

    pub(super) fn removed(&mut self, rule: &Rule, out: &mut Vec<Event>) {
        self.disturbed = true;
        // The mark that a named interface is missing comes and goes without a message (`detach_rules`, net/core/fib_rules.c, Linux 6.18).
        let plain = |rule: &Rule| {
            let mut plain = rule.clone();
            plain.os_flags = 0;
            plain
        };
        let exact = self.rules.iter().position(|held| held == rule);
        let found = exact.or_else(|| self.rules.iter().position(|held| plain(held) == plain(rule)));
        if let Some(index) = found {
            out.push(Event::Rule(Change::Removed(self.rules.remove(index))));
        }
    }

    fn insert(&mut self, rule: Rule, out: &mut Vec<Event>) {
        let index = self.rules.partition_point(|held| held.priority <= rule.priority);
        out.push(Event::Rule(Change::Added(rule.clone())));
        self.rules.insert(index, rule);
    }

    /// The dump has ended; says whether it told the whole truth. An event in between spoils it, as rules have no key
    /// by which to tell what the event was about.
    pub(super) fn end(&mut self, whole: bool, out: &mut Vec<Event>) -> bool {
        let Some(listed) = self.listed.take() else { return true };
        if !whole || (self.disturbed && !self.rules.is_empty()) {
            return false;
        }
        let mut missing = listed;
        missing.sort_by_key(|rule| rule.priority);
        let rules = missing.clone();
        for old in std::mem::take(&mut self.rules) {
            match missing.iter().position(|new| *new == old) {
                Some(index) => _ = missing.remove(index),
                None => out.push(Event::Rule(Change::Removed(old))),
            }
        }
        out.extend(missing.into_iter().map(|new| Event::Rule(Change::Added(new))));
        self.rules = rules;
        true
    }
}
