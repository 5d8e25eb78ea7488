//! Policy rules.

use waypost_core::{Error, ErrorKind, Family, Notice, Protocol, Rule, Verb};

use super::{State, refused};

impl State {
    pub(crate) fn add_rule(&mut self, rule: &Rule) -> Result<(), Error> {
        if self.rules.iter().any(|other| is_same(other, rule)) {
            return Err(refused(ErrorKind::Exists, "there is such a rule"));
        }
        // Behind those of the same priority (fib_nl_newrule, net/core/fib_rules.c).
        let at = self.rules.partition_point(|other| (other.family, other.priority) <= (rule.family, rule.priority));
        self.rules.insert(at, rule.clone());
        self.tell(&Notice::Rule(Verb::Present, Box::new(rule.clone())));
        Ok(())
    }

    pub(crate) fn delete_rule(&mut self, rule: &Rule) -> Result<(), Error> {
        let is_meant =
            |other: &Rule| is_same(other, rule) && (rule.protocol == Protocol::UNSPECIFIED || rule.protocol == other.protocol);
        let at = self.rules.iter().position(is_meant);
        let at = at.ok_or_else(|| refused(ErrorKind::NotFound, "there is no such rule"))?;
        let gone = self.rules.remove(at);
        self.tell(&Notice::Rule(Verb::Removed, Box::new(gone)));
        Ok(())
    }

    pub(crate) fn rules_of(&self, family: Family) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(move |rule| rule.family == family)
    }
}

/// `rule_exists` (net/core/fib_rules.c) does not compare who installed it.
fn is_same(one: &Rule, other: &Rule) -> bool {
    let bare = |rule: &Rule| {
        let mut rule = rule.clone();
        (rule.protocol, rule.os_flags) = (Protocol::UNSPECIFIED, 0);
        rule
    };
    bare(one) == bare(other)
}
