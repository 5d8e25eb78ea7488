//! Whether packets really get through an uplink: probes, with thresholds, back-off and jitter.

use std::time::Duration;

use waypost_core::Now;

/// How an uplink is probed. What a probe is (a packet, a connection, a page) is the driver's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ProbeOptions {
    /// How long after one probe the next is made while all is well.
    pub interval: Duration,
    /// How long after a failure the next is made, until it is decided.
    pub retry: Duration,
    /// How many failures one after the other make an uplink bad.
    pub fail_after: u32,
    /// How many successes one after the other make a bad one good.
    pub pass_after: u32,
    /// A bad one is probed after twice the time each, up to this.
    pub backoff_max: Duration,
    /// How long the answer to a probe is waited for at most: longer than any takes. The next is not made before.
    pub patience: Duration,
    /// By what share of it a time may be longer, in percent, so that many uplinks are not probed at once.
    pub jitter: u8,
}

impl Default for ProbeOptions {
    /// Each 10 s, each second after a failure, bad after 3 failures, good after 2 successes, a bad one each minute at most; a tenth of jitter.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(10),
            retry: Duration::from_secs(1),
            fail_after: 3,
            pass_after: 2,
            backoff_max: Duration::from_secs(60),
            patience: Duration::from_secs(60),
            jitter: 10,
        }
    }
}

/// What is thought of an uplink. The better is the greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "nothing gets through, something may not, nothing is known, or it does")]
pub enum Grade {
    /// Nothing gets through.
    Bad,
    /// Something has not got through lately.
    Doubtful,
    /// Nobody has looked.
    Unknown,
    /// It gets through.
    Good,
}

impl Grade {
    /// One word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Bad => "bad",
            Self::Doubtful => "doubtful",
            Self::Unknown => "unknown",
            Self::Good => "good",
        }
    }
}

/// What became of a probe.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "it got through, it did not, or somebody in between answered")]
pub enum Probed {
    /// It got through.
    Passed,
    /// It did not in time.
    Failed,
    /// Somebody in between answered: a captive portal. It counts as a failure.
    Captive,
}

/// The health of one uplink.
#[derive(Clone, Debug)]
pub(super) struct Health {
    options: Option<ProbeOptions>,
    pub(super) grade: Grade,
    /// Failures, or successes, one after the other.
    failures: u32,
    passes: u32,
    /// How long it is waited while it is bad.
    wait: Duration,
    /// When the next probe is due.
    pub(super) due: Option<Now>,
    /// The number of the probe under way.
    under_way: Option<u32>,
    number: u32,
    seed: u64,
}

impl Health {
    pub(super) fn new(options: Option<ProbeOptions>, seed: u64) -> Self {
        Self {
            options,
            grade: Grade::Unknown,
            failures: 0,
            passes: 0,
            wait: Duration::ZERO,
            due: None,
            under_way: None,
            number: 0,
            seed: seed | 1,
        }
    }

    /// Forgets what was known: the link was away.
    pub(super) fn forget(&mut self) {
        (self.grade, self.failures, self.passes) = (Grade::Unknown, 0, 0);
        (self.due, self.under_way) = (None, None);
    }

    /// The number of a probe to be made now.
    pub(super) fn probe(&mut self, now: Now) -> Option<u32> {
        let options = self.options?;
        let due = *self.due.get_or_insert(now);
        if due.running > now.running {
            return None;
        }
        self.number = self.number.wrapping_add(1);
        self.under_way = Some(self.number);
        // One that takes longer than the interval is waited for: else its failure would never count. Should no answer ever come, it is not.
        self.due = Some(now + options.patience);
        self.under_way
    }

    /// Takes what became of a probe; an old one counts for nothing.
    pub(super) fn probed(&mut self, now: Now, number: u32, probed: Probed) {
        let Some(options) = self.options else { return };
        if self.under_way != Some(number) {
            return;
        }
        self.under_way = None;
        let wait = match probed {
            Probed::Passed => self.passed(&options),
            Probed::Failed | Probed::Captive => self.failed(&options),
        };
        self.due = Some(now + self.later(wait));
    }

    fn passed(&mut self, options: &ProbeOptions) -> Duration {
        (self.failures, self.passes) = (0, self.passes.saturating_add(1));
        if self.grade == Grade::Bad && self.passes < options.pass_after {
            return options.retry;
        }
        self.grade = Grade::Good;
        options.interval
    }

    fn failed(&mut self, options: &ProbeOptions) -> Duration {
        (self.passes, self.failures) = (0, self.failures.saturating_add(1));
        if self.grade == Grade::Bad {
            self.wait = self.wait.saturating_mul(2).min(options.backoff_max);
            return self.wait;
        }
        self.grade = if self.failures < options.fail_after { Grade::Doubtful } else { Grade::Bad };
        self.wait = options.retry;
        options.retry
    }

    /// The kernel says that packets do not seem to arrive, or that the gateway does not answer: looks at once, or where nobody looks
    /// believes it.
    pub(super) fn suspect(&mut self, now: Now, gateway_failed: bool) {
        match self.options {
            Some(_) if self.under_way.is_none() => self.due = Some(now),
            Some(_) => {}
            None => self.grade = if gateway_failed { Grade::Bad } else { self.grade.min(Grade::Doubtful) },
        }
    }

    /// The gateway answers: that tells something only where nobody looks.
    pub(super) fn gateway_answers(&mut self) {
        if self.options.is_none() && self.grade != Grade::Unknown {
            self.grade = Grade::Good;
        }
    }

    /// So much later, and up to a share of it more.
    fn later(&mut self, time: Duration) -> Duration {
        let jitter = self.options.map_or(0, |options| options.jitter);
        // xorshift64 (Marsaglia 2003): it is to scatter probes, not to be secret.
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        time.saturating_add(time.saturating_mul(u32::from(jitter)).saturating_mul((self.seed % 1000) as u32) / 100_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Now {
        Now::awake(Duration::from_millis(milliseconds))
    }

    fn steady() -> ProbeOptions {
        ProbeOptions { jitter: 0, ..ProbeOptions::default() }
    }

    /// Has it probed when that is due, and answers; tells how long it was until then.
    fn answer(health: &mut Health, now: &mut Now, probed: Probed) -> Duration {
        let due = health.due.unwrap_or(*now);
        let waited = due.running.saturating_sub(now.running);
        *now = due;
        let number = health.probe(*now).expect("it is due");
        health.probed(*now, number, probed);
        waited
    }

    #[test]
    fn it_is_bad_after_the_failures_and_good_after_the_successes_that_are_asked_for() {
        let (mut health, mut now) = (Health::new(Some(steady()), 1), at(0));
        assert_eq!(health.grade, Grade::Unknown);
        answer(&mut health, &mut now, Probed::Passed);
        assert_eq!(health.grade, Grade::Good);
        for grade in [Grade::Doubtful, Grade::Doubtful, Grade::Bad] {
            answer(&mut health, &mut now, Probed::Failed);
            assert_eq!(health.grade, grade);
        }
        answer(&mut health, &mut now, Probed::Passed);
        assert_eq!(health.grade, Grade::Bad, "one is not enough");
        answer(&mut health, &mut now, Probed::Passed);
        assert_eq!(health.grade, Grade::Good);
        answer(&mut health, &mut now, Probed::Captive);
        assert_eq!(health.grade, Grade::Doubtful, "a captive portal is a failure");
        answer(&mut health, &mut now, Probed::Passed);
        assert_eq!(health.grade, Grade::Good, "a doubt is dispelled by one");
    }

    #[test]
    fn a_bad_one_is_asked_less_and_less_often() {
        let (mut health, mut now) = (Health::new(Some(steady()), 1), at(0));
        let waits: Vec<u64> = (0..12).map(|_| answer(&mut health, &mut now, Probed::Failed).as_secs()).collect();
        assert_eq!(waits, [0, 1, 1, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        answer(&mut health, &mut now, Probed::Passed);
        assert_eq!(answer(&mut health, &mut now, Probed::Passed).as_secs(), 1, "a first success is followed up soon");
        assert_eq!(answer(&mut health, &mut now, Probed::Passed).as_secs(), 10);
    }

    #[test]
    fn jitter_only_adds_and_not_more_than_its_share() {
        let mut options = steady();
        options.jitter = 50;
        let mut health = Health::new(Some(options), 99);
        let waits: Vec<Duration> = (0..200).map(|_| health.later(Duration::from_secs(10))).collect();
        assert!(waits.iter().all(|wait| (10_000..15_000).contains(&wait.as_millis())), "{waits:?}");
        assert!(waits.iter().any(|wait| wait.as_millis() > 14_000), "it uses its share");
    }

    #[test]
    fn an_old_answer_counts_for_nothing_and_none_is_waited_for_for_ever() {
        let mut health = Health::new(Some(steady()), 1);
        let old = health.probe(at(0)).unwrap();
        assert_eq!(health.probe(at(59_999)), None);
        let new = health.probe(at(60_000)).expect("no answer came, and the next is due");
        health.probed(at(60_001), old, Probed::Failed);
        assert_eq!(health.grade, Grade::Unknown);
        health.probed(at(60_001), new, Probed::Passed);
        assert_eq!(health.grade, Grade::Good);
    }

    #[test]
    fn a_failure_that_takes_longer_than_the_interval_counts() {
        let mut options = steady();
        (options.interval, options.retry) = (Duration::from_millis(100), Duration::from_millis(100));
        let (mut health, mut now) = (Health::new(Some(options), 1), 0);
        for grade in [Grade::Doubtful, Grade::Doubtful, Grade::Bad] {
            let number = health.probe(at(now)).expect("it is due");
            // Meanwhile it is asked whether another is due.
            assert_eq!((100..2_000).step_by(100).find_map(|later| health.probe(at(now + later))), None);
            health.probed(at(now + 2_000), number, Probed::Failed);
            assert_eq!(health.grade, grade);
            now += 2_100;
        }
    }

    #[test]
    fn what_the_kernel_says_of_the_gateway_hastens_a_probe_or_is_believed_where_there_is_none() {
        let mut probed = Health::new(Some(steady()), 1);
        let mut now = at(0);
        answer(&mut probed, &mut now, Probed::Passed);
        assert_eq!(probed.probe(at(5_000)), None);
        probed.suspect(at(5_000), true);
        assert_eq!(probed.grade, Grade::Good, "it is asked, not believed");
        assert!(probed.probe(at(5_000)).is_some());

        let mut believed = Health::new(None, 1);
        assert_eq!(believed.probe(at(0)), None);
        believed.gateway_answers();
        assert_eq!(believed.grade, Grade::Unknown);
        believed.suspect(at(0), false);
        assert_eq!(believed.grade, Grade::Doubtful);
        believed.suspect(at(0), true);
        assert_eq!(believed.grade, Grade::Bad);
        believed.gateway_answers();
        assert_eq!(believed.grade, Grade::Good);
    }
}
