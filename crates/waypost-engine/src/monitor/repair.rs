//! Rules of the program's own that somebody else takes away.
//!
//! They are put back, but not at once: two daemons that both insist would keep the kernel busy at the speed of the machine.

use std::time::Duration;

use waypost_core::{Family, Now, Rule};

use crate::{Change, Event, Mirror};

/// How long a deleted rule stays away at first, and at most; it doubles while it keeps being deleted.
const DELAY: Duration = Duration::from_secs(1);
const DELAY_MAX: Duration = Duration::from_secs(64);

/// Puts back rules that were deleted.
///
/// It asks for nothing itself: whoever drives it adds what [`due`](Self::due) gives.
#[derive(Clone, Debug, Default)]
pub struct RuleKeeper {
    kept: Vec<Kept>,
}

#[derive(Clone, Debug)]
struct Kept {
    rule: Rule,
    /// When it is to be put back, or looked for once more after it was.
    due: Option<Now>,
    /// When it was last put back.
    restored: Option<Now>,
    /// How long it stays away the next time.
    delay: Duration,
}

impl RuleKeeper {
    /// Keeps these rules, which are there or are about to be.
    #[must_use]
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Self {
        let kept = |rule| Kept { rule, due: None, restored: None, delay: DELAY };
        Self { kept: rules.into_iter().map(kept).collect() }
    }

    /// Takes note of a rule that has gone, or is there again.
    pub fn note(&mut self, now: Now, event: &Event) {
        let (rule, is_gone) = match event {
            Event::Rule(Change::Removed(rule)) => (rule, true),
            Event::Rule(Change::Added(rule)) => (rule, false),
            _ => return,
        };
        for kept in self.kept.iter_mut().filter(|kept| is_same(&kept.rule, rule) && is_gone == kept.due.is_none()) {
            if !is_gone {
                kept.due = None;
                continue;
            }
            // Whoever deletes it again soon after means it.
            let soon = kept.restored.is_some_and(|restored| now < restored + kept.delay * 2);
            kept.delay = if soon { kept.delay } else { DELAY };
            kept.due = Some(now + kept.delay);
        }
    }

    /// When [`due`](Self::due) will give something.
    #[must_use]
    pub fn deadline(&self) -> Option<Now> {
        self.kept.iter().filter_map(|kept| kept.due).min()
    }

    /// The rules to add now: their time has come, and nobody has put them back meanwhile. One that the kernel refuses is given again,
    /// after twice the time, until the mirror has it.
    pub fn due(&mut self, now: Now, mirror: &Mirror) -> Vec<Rule> {
        let mut due = Vec::new();
        for kept in self.kept.iter_mut().filter(|kept| kept.due.is_some_and(|due| due.running <= now.running)) {
            kept.due = None;
            if !mirror.rules(kept.rule.family).iter().any(|rule| is_same(rule, &kept.rule)) {
                kept.restored = Some(now);
                kept.delay = (kept.delay * 2).min(DELAY_MAX);
                kept.due = Some(now + kept.delay);
                due.push(kept.rule.clone());
            }
        }
        due
    }

    /// The rules that are kept, of one family.
    pub fn rules(&self, family: Family) -> impl Iterator<Item = &Rule> {
        self.kept.iter().map(|kept| &kept.rule).filter(move |rule| rule.family == family)
    }
}

/// Says whether two rules are the same but for the marks that the kernel sets.
fn is_same(one: &Rule, two: &Rule) -> bool {
    let bare = |rule: &Rule| {
        let mut rule = rule.clone();
        rule.os_flags = 0;
        rule
    };
    bare(one) == bare(two)
}

#[cfg(test)]
mod tests {
    use waypost_core::{Notice, Verb};

    use super::*;

    fn at(seconds: u64) -> Now {
        Now::awake(Duration::from_secs(seconds))
    }

    #[test]
    fn two_daemons_do_not_fight_at_speed() {
        let rule: Rule = "5210: from 10.0.0.0/8 lookup 52".parse().unwrap();
        let (mut keeper, mut mirror) = (RuleKeeper::new([rule.clone()]), Mirror::new());
        let (mut now, mut restored) = (at(0), Vec::new());
        while now < at(600) {
            keeper.note(now, &Event::Rule(Change::Added(rule.clone())));
            keeper.note(now, &Event::Rule(Change::Removed(rule.clone())));
            now = keeper.deadline().unwrap();
            assert_eq!(keeper.due(now, &mirror), std::slice::from_ref(&rule));
            restored.push(now.running.as_secs());
        }
        assert_eq!(restored[..7], [1, 3, 7, 15, 31, 63, 127], "each time it waits twice as long");
        assert_eq!(restored[7] - restored[6], 64, "up to a minute");

        keeper.note(now, &Event::Rule(Change::Added(rule.clone())));
        assert_eq!(keeper.deadline(), None);
        keeper.note(now + Duration::from_secs(3600), &Event::Rule(Change::Removed(rule.clone())));
        assert_eq!(keeper.deadline(), Some(now + Duration::from_secs(3601)), "after a peace it is prompt again");
        mirror.handle(Notice::Rule(Verb::Present, Box::new(rule)), &mut Vec::new());
        assert_eq!(keeper.due(at(9999), &mirror), [], "somebody else has put it back");
    }

    #[test]
    fn a_rule_that_the_kernel_refuses_is_tried_again() {
        let rule: Rule = "5210: from 10.0.0.0/8 lookup 52".parse().unwrap();
        let (mut keeper, mut mirror) = (RuleKeeper::new([rule.clone()]), Mirror::new());
        keeper.note(at(0), &Event::Rule(Change::Removed(rule.clone())));
        for seconds in [1, 3, 7] {
            assert_eq!(keeper.deadline(), Some(at(seconds)));
            assert_eq!(keeper.due(at(seconds), &mirror), std::slice::from_ref(&rule));
        }
        mirror.handle(Notice::Rule(Verb::Present, Box::new(rule)), &mut Vec::new());
        assert_eq!((keeper.due(at(15), &mirror), keeper.deadline()), (vec![], None), "the mirror has it");
    }

    #[test]
    fn rules_of_others_are_left_alone() {
        let mut keeper = RuleKeeper::new(["5210: from all lookup 52".parse().unwrap()]);
        keeper.note(at(0), &Event::Rule(Change::Removed("5211: from all lookup 52".parse().unwrap())));
        assert_eq!(keeper.deadline(), None);
    }
}
