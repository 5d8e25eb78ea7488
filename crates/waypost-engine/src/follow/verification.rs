//! Proving the mirror from time to time, and on demand.
//!
//! Most losses are told, and are mended when they are. What is not told (a kernel that drops messages without a word, a route that
//! goes without one) shows when everything is read again. That is done now and then, in the background: a verification that finds nothing
//! is no event. One that finds something becomes a resync from there on.

use std::time::Duration;

use waypost_core::Now;

use super::stats::Drift;
use super::{Follower, State};
use crate::mirror::{Event, Reason, Tally};

/// How long it is between two verifications, unless told otherwise.
pub(super) const INTERVAL: Duration = Duration::from_secs(60);

/// At most one part in so many of all time goes by with reading for verifications that nobody asked for.
const SHARE: u32 = 100;

/// A machine that has been asleep for so long may have missed something.
const ASLEEP: Duration = Duration::from_secs(1);

/// When the mirror is to be proved, and how far that is.
#[derive(Clone, Debug, Default)]
pub(super) struct Verification {
    /// When the next one begins.
    due: Option<Now>,
    /// What reading had found when the present one began.
    from: Option<(Tally, u64)>,
    /// Somebody has asked for the present one.
    asked: bool,
    /// What was found by one that somebody asked for.
    result: Option<Drift>,
    /// How long dumps have taken since the present one began.
    cost: Duration,
    /// How long the machine has been asleep in all.
    slept: Option<Duration>,
    /// The state of the generator that spreads the verifications of many programs.
    random: u64,
}

impl Verification {
    /// When the next one begins.
    pub(super) const fn due(&self) -> Option<Now> {
        self.due
    }

    /// A dump has taken so long.
    pub(super) fn took(&mut self, time: Duration) {
        self.cost = self.cost.saturating_add(time);
    }

    /// Says whether the machine has slept since the last call.
    fn has_slept(&mut self, now: Now) -> bool {
        let slept = now.boot.saturating_sub(now.running);
        let before = self.slept.replace(slept).unwrap_or(slept);
        slept.saturating_sub(before) >= ASLEEP
    }

    /// Plans the next one: between three and five quarters of the interval from now, later if reading is dear.
    fn plan(&mut self, now: Now, interval: Duration) {
        let interval = interval.max(self.cost.saturating_mul(SHARE));
        // SplitMix64, seeded by the clock: programs that were started together are to drift apart.
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15) ^ u64::from(now.running.subsec_nanos());
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let part = u32::from((mixed >> 56) as u8);
        self.due = Some(now + interval / 4 * 3 + interval / 512 * part);
    }
}

impl Follower {
    /// Has everything read again to see whether the mirror is what the kernel has: [`verified`](Self::verified) says when it is done.
    ///
    /// The same is done from time to time unasked, see [`FollowOptions::verify_every`](super::FollowOptions::verify_every).
    pub fn verify(&mut self, now: Now) {
        self.verification.result = None;
        self.begin_verification(now);
        self.verification.asked = true;
    }

    /// What [`verify`](Self::verify) has found, once all has been read again; it is told once.
    pub const fn verified(&mut self) -> Option<Drift> {
        self.verification.result.take()
    }

    /// Sets how often everything is read again unasked, see [`FollowOptions::verify_every`](super::FollowOptions::verify_every).
    pub fn set_verify_every(&mut self, now: Now, interval: Option<Duration>) {
        self.options.verify_every = interval;
        self.verification.due = None;
        if let (Some(interval), State::Following) = (interval, self.state) {
            self.verification.plan(now, interval);
        }
    }

    /// Begins a verification if it is time for one, or if the machine has been asleep.
    pub(super) fn verify_if_due(&mut self, now: Now) {
        let has_slept = self.verification.has_slept(now);
        self.stats.sleeps += u64::from(has_slept);
        let is_due = self.verification.due.is_some_and(|due| due.running <= now.running);
        if self.state == State::Following && (is_due || (has_slept && self.options.verify_every.is_some())) {
            self.begin_verification(now);
        }
    }

    fn begin_verification(&mut self, now: Now) {
        self.stats.verifications += 1;
        self.everything().into_iter().for_each(|subject| self.agenda.add_calmly(now, subject));
        self.verification.due = None;
        // What one that runs has found belongs to this one too.
        if self.verification.from.is_none() {
            self.verification.from = Some(self.mirror.found());
            self.verification.cost = Duration::ZERO;
        }
        if self.state == State::Following {
            self.state = State::Verifying(self.mirror.tally());
        }
    }

    /// Makes a resync of a verification that has found something, with its mark before what was added to `out` from `at` on.
    pub(super) fn mark_what_was_found(&mut self, at: usize, out: &mut Vec<Event>) {
        let State::Verifying(before) = self.state else { return };
        if self.verification.from.is_some_and(|from| from != self.mirror.found()) {
            self.state = State::Resyncing(Reason::Verification, before);
            self.stats.resynced_after(Reason::Verification);
            out.insert(at.min(out.len()), Event::ResyncStarted { reason: Reason::Verification });
        }
    }

    /// All has been read: that is as good as a verification, and ends one that runs.
    pub(super) fn proved(&mut self, now: Now) {
        self.stats.read_at = Some(now);
        if self.state == State::Reading && self.verification.from.is_some() {
            // There was nothing that could have been wrong.
            self.verification.from = Some(self.mirror.found());
        }
        if let Some((routes, others)) = self.verification.from.take() {
            let (found, of_others) = self.mirror.found();
            let Tally { added, removed, replaced } = found.since(routes);
            let drift = Drift { added, removed, replaced, others: of_others - others };
            self.stats.drift += drift.total();
            if std::mem::take(&mut self.verification.asked) {
                self.verification.result = Some(drift);
            }
        }
        if let Some(interval) = self.options.verify_every {
            self.verification.plan(now, interval);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long after now the next verification begins, where reading has taken `cost`.
    fn planned(nanoseconds: u32, cost: Duration) -> Duration {
        let mut verification = Verification { cost, ..Verification::default() };
        let now = Now::awake(Duration::new(7, nanoseconds));
        verification.plan(now, INTERVAL);
        verification.due.unwrap().running - now.running
    }

    #[test]
    fn verifications_are_spread_around_their_interval() {
        let times: Vec<_> = (0..200).map(|n| planned(n * 4_999_999, Duration::ZERO).as_secs()).collect();
        assert!(times.iter().all(|time| (45..=75).contains(time)), "{times:?}");
        let in_part = |from: u64| times.iter().filter(|time| (from..from + 10).contains(time)).count();
        assert!([45, 55, 65].into_iter().all(|from| in_part(from) > 30), "{times:?}");
    }

    #[test]
    fn a_verification_that_was_dear_is_done_less_often() {
        let time = planned(1, Duration::from_secs(30));
        assert!(time >= Duration::from_secs(30) * SHARE * 3 / 4, "{time:?}");
    }

    #[test]
    fn the_longest_interval_does_not_outgrow_the_clock() {
        assert!(planned(1, Duration::MAX) >= Duration::MAX / 2);
    }
}
