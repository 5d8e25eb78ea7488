//! What is still to be read, and when.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::Duration;

use waypost_core::Now;

use crate::Subject;

/// A dump waits until nothing has been said for so long, as one amid changes would be torn.
const CALM: Duration = Duration::from_millis(10);

/// How long it waits for that calm, at first and at most; it doubles with each dump that was torn.
const PATIENCE: Duration = Duration::from_millis(250);
const PATIENCE_MAX: Duration = Duration::from_secs(30);

/// Amid changes at most one part in so many of the time goes by with dumps that are torn: one that runs when the changes pause has to end before
/// the next can begin.
const TORN_SHARE: u32 = 10;

/// How long it waits after a dump that the kernel refused, at first; it doubles with each, up to the same length.
const REFUSED: Duration = Duration::from_millis(20);

/// When a kernel that announces before it acts is asked again: by then it has acted.
const AFTERTHOUGHTS: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(500)];

/// What is still to be read.
#[derive(Clone, Debug, Default)]
pub(super) struct Agenda {
    items: BTreeMap<Subject, Item>,
    /// When something was last said by which a dump can be torn.
    disturbed: Option<Now>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    /// Not before this.
    earliest: Now,
    /// No later than this, calm or not; `None` if calm does not matter.
    latest: Option<Now>,
    /// How often it has been tried in vain.
    pub(super) attempts: u32,
    /// How often something that it listed could not be understood.
    pub(super) odd: u32,
    /// How often it is to be read once more although it was read well.
    afterthoughts: usize,
}

impl Item {
    /// To be read at once, and once.
    pub(super) const fn once(now: Now) -> Self {
        Self { earliest: now, latest: None, attempts: 0, odd: 0, afterthoughts: 0 }
    }
}

impl Agenda {
    pub(super) fn disturbed(&mut self, now: Now) {
        self.disturbed = Some(now);
    }

    pub(super) fn contains(&self, subject: Subject) -> bool {
        self.items.contains_key(&subject)
    }

    /// Has `subject` read at once.
    pub(super) fn add(&mut self, now: Now, subject: Subject) {
        self.insert(subject, Item::once(now));
    }

    /// Has `subject` read when it is calm.
    pub(super) fn add_calmly(&mut self, now: Now, subject: Subject) {
        self.insert(subject, Item { earliest: now, latest: Some(now + PATIENCE), attempts: 0, odd: 0, afterthoughts: 0 });
    }

    /// Has `subject` read at once and again a little later.
    pub(super) fn add_with_afterthoughts(&mut self, now: Now, subject: Subject) {
        self.insert(subject, Item { earliest: now, latest: None, attempts: 0, odd: 0, afterthoughts: AFTERTHOUGHTS.len() });
    }

    /// Has `subject` read again, after `item` was read in vain, which `took` so long; says how often that has been. What the kernel `refused`
    /// is not asked for again at once, be it as calm as may be.
    pub(super) fn again(&mut self, now: Now, subject: Subject, item: Item, took: Duration, refused: bool) -> u32 {
        let attempts = item.attempts.saturating_add(1);
        let doubled = |first: Duration| first.saturating_mul(1 << attempts.min(11)).min(PATIENCE_MAX);
        let earliest = now + if refused { doubled(REFUSED) } else { CALM };
        let patience = doubled(PATIENCE).max(took.saturating_mul(TORN_SHARE - 1)).min(PATIENCE_MAX.max(took));
        let item = Item { earliest, latest: Some(now + patience), attempts, ..item };
        self.insert(subject, item);
        attempts
    }

    /// `subject` has been read well: has it read once more if that was planned.
    pub(super) fn done(&mut self, now: Now, subject: Subject, item: Item) {
        let Some(left) = item.afterthoughts.checked_sub(1) else { return };
        let wait = AFTERTHOUGHTS.get(AFTERTHOUGHTS.len() - item.afterthoughts).copied().unwrap_or_default();
        self.insert(subject, Item { earliest: now + wait, latest: None, attempts: 0, odd: 0, afterthoughts: left });
    }

    fn insert(&mut self, subject: Subject, item: Item) {
        if let Subject::Routes(family, interface) = subject {
            if interface.is_none() && item.afterthoughts == 0 {
                let planned = |other: &Subject| matches!(other, Subject::Routes(of, Some(_)) if *of == family);
                self.items.retain(|other, held| !planned(other) || held.afterthoughts > 0);
            }
        }
        let held = self.items.entry(subject).or_insert(item);
        held.earliest = held.earliest.min(item.earliest);
        // What was torn is patient: amid changes that overrun the buffer again and again each overrun asks for it anew.
        held.latest = held.latest.zip(item.latest).map(|(one, two)| match held.attempts.cmp(&item.attempts) {
            Ordering::Greater => one,
            Ordering::Equal => one.min(two),
            Ordering::Less => two,
        });
        held.attempts = held.attempts.max(item.attempts);
        held.odd = held.odd.max(item.odd);
        held.afterthoughts = held.afterthoughts.max(item.afterthoughts);
    }

    /// When `item` may be read.
    fn due(&self, item: &Item) -> Now {
        let Some(latest) = item.latest else { return item.earliest };
        let calm = self.disturbed.map_or(item.earliest, |disturbed| disturbed + CALM);
        calm.max(item.earliest).min(latest.max(item.earliest))
    }

    /// What is planned.
    pub(super) fn subjects(&self) -> impl Iterator<Item = Subject> {
        self.items.keys().copied()
    }

    /// Takes out `subject`, whether it may be read now or not.
    pub(super) fn take(&mut self, subject: Subject) -> Option<Item> {
        self.items.remove(&subject)
    }

    /// Takes out what may be read now, in the order of subjects.
    pub(super) fn take_due(&mut self, now: Now) -> Option<(Subject, Item)> {
        let (subject, _) = self.items.iter().find(|(_, item)| self.due(item) <= now)?;
        self.items.remove_entry(&subject.clone())
    }

    /// When the next may be read.
    pub(super) fn deadline(&self) -> Option<Now> {
        self.items.values().map(|item| self.due(item)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Now {
        Now::awake(Duration::from_millis(milliseconds))
    }

    /// When what is planned is taken, and done at once, from the start on.
    fn times(agenda: &mut Agenda) -> Vec<u64> {
        let mut times = Vec::new();
        while let Some(now) = agenda.deadline() {
            let (subject, item) = agenda.take_due(now).unwrap();
            times.push(now.running.as_millis() as u64);
            agenda.done(now, subject, item);
        }
        times
    }

    #[test]
    fn a_kernel_that_announces_before_it_acts_is_asked_twice_more() {
        let mut agenda = Agenda::default();
        agenda.add_with_afterthoughts(at(100), Subject::Links);
        assert_eq!(times(&mut agenda), [100, 150, 650]);
    }

    #[test]
    fn what_waits_for_calm_waits_no_longer_than_its_patience() {
        let mut agenda = Agenda::default();
        agenda.disturbed(at(100));
        agenda.add_calmly(at(100), Subject::Links);
        assert_eq!(agenda.deadline(), Some(at(110)));
        agenda.disturbed(at(345));
        assert_eq!(agenda.deadline(), Some(at(350)));
    }

    #[test]
    fn each_torn_dump_makes_the_next_more_patient_up_to_a_limit() {
        let mut agenda = Agenda::default();
        agenda.add(at(0), Subject::Links);
        for expected in [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000] {
            let (subject, item) = agenda.take_due(at(0)).or_else(|| agenda.take_due(at(u64::MAX >> 24))).unwrap();
            agenda.again(at(0), subject, item, Duration::ZERO, false);
            agenda.disturbed(at(60_000));
            assert_eq!(agenda.deadline(), Some(at(expected)));
        }
    }

    #[test]
    fn losing_more_amid_changes_does_not_make_a_torn_dump_less_patient() {
        for lost_while_it_runs in [true, false] {
            let mut agenda = Agenda::default();
            agenda.add_calmly(at(0), Subject::Links);
            let (subject, item) = agenda.take_due(at(10)).unwrap();
            let again = |agenda: &mut Agenda| agenda.again(at(1000), subject, item, Duration::from_secs(1), false);
            if lost_while_it_runs {
                agenda.add_calmly(at(900), subject);
                again(&mut agenda);
            } else {
                again(&mut agenda);
                agenda.add_calmly(at(1100), subject);
            }
            agenda.disturbed(at(60_000));
            assert_eq!(agenda.deadline(), Some(at(10_000)), "{lost_while_it_runs}");
            // Who asks for it at once has it at once.
            agenda.add(at(1200), subject);
            assert!(agenda.take_due(at(1200)).is_some());
        }
    }

    #[test]
    fn a_torn_dump_that_took_long_makes_the_next_more_patient_too() {
        for (took, expected) in [(10, 500), (1000, 9000), (9000, 30_000), (50_000, 50_000)] {
            let mut agenda = Agenda::default();
            agenda.add(at(0), Subject::Links);
            let (subject, item) = agenda.take_due(at(0)).unwrap();
            agenda.again(at(0), subject, item, Duration::from_millis(took), false);
            agenda.disturbed(at(60_000));
            assert_eq!(agenda.deadline(), Some(at(expected)));
        }
    }

    #[test]
    fn what_was_refused_is_asked_for_less_and_less_often_however_calm_it_is() {
        let mut agenda = Agenda::default();
        agenda.add(at(0), Subject::Links);
        for expected in [40, 80, 160, 320, 640, 1280, 2560, 5120, 10_240, 20_480, 30_000, 30_000] {
            let (subject, item) = agenda.take_due(at(u64::MAX >> 24)).unwrap();
            agenda.again(at(0), subject, item, Duration::ZERO, true);
            assert_eq!(agenda.deadline(), Some(at(expected)));
        }
    }
}
