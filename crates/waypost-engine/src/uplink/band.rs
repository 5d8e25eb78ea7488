//! Which metrics default routes get.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use waypost_core::{Capabilities, IfIndex};

/// The lowest metric of the low band: far above what other programs choose.
const LOW_MIN: u32 = 1 << 20;

/// The highest metric of the low band. The highest of all is that of the route by which IPv6 has none
/// (`ip6_null_entry_template` in net/ipv6/route.c, Linux 6.18).
const LOW_MAX: u32 = u32::MAX - 1;

/// How many metrics the first guess gives to each interface.
const LOW_SHARE: u32 = 1024;

/// From which metrics Waypost chooses: two bands, both without 0.
///
/// ```
/// use waypost_core::IfIndex;
/// use waypost_engine::MetricBands;
///
/// let bands = MetricBands::default();
/// assert_eq!(*bands.high().end(), 99);
/// assert_eq!(bands.first_low(IfIndex::new(3).unwrap()), u32::MAX - 3 * 1024);
/// assert!(MetricBands::new(0..=5).is_none() && MetricBands::new(5..=1024).is_none());
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MetricBands {
    high: RangeInclusive<u32>,
}

impl Default for MetricBands {
    /// The high band goes from 1 to 99: before what DHCP clients and network managers take (100 and more).
    fn default() -> Self {
        Self { high: 1..=99 }
    }
}

impl MetricBands {
    /// With another high band; `None` where it is empty, has 0, or reaches 1024, the metric of router advertisements.
    #[must_use]
    pub fn new(high: RangeInclusive<u32>) -> Option<Self> {
        (*high.start() > 0 && *high.end() < 1024 && !high.is_empty()).then_some(Self { high })
    }

    /// The high band.
    #[must_use]
    pub const fn high(&self) -> &RangeInclusive<u32> {
        &self.high
    }

    /// Says whether a metric is of the high band.
    #[must_use]
    pub fn is_high(&self, metric: u32) -> bool {
        self.high.contains(&metric)
    }

    /// Says whether a metric is of the low band.
    #[must_use]
    pub const fn is_low(&self, metric: u32) -> bool {
        metric >= LOW_MIN && metric <= LOW_MAX
    }

    /// The first guess for the low metric of an interface: it never wraps.
    #[must_use]
    pub const fn first_low(&self, interface: IfIndex) -> u32 {
        match interface.get().checked_mul(LOW_SHARE) {
            Some(share) if u32::MAX - share >= LOW_MIN => u32::MAX - share,
            // So many interfaces have no share of their own left: they search downwards from the top.
            _ => LOW_MAX,
        }
    }

    /// A free high metric: the highest that beats all of `rivals`; where there is none, the highest that is free.
    pub(super) fn take_high(&self, used: &BTreeSet<u32>, rivals: Option<u32>) -> Option<u32> {
        let (start, end) = (*self.high.start(), *self.high.end());
        let below = rivals.map_or(end, |rival| rival.saturating_sub(1).min(end));
        let free = |last: u32| (start..=last).rev().find(|metric| !used.contains(metric));
        free(below).or_else(|| free(end))
    }

    /// A free low metric: the first guess, else the next below it, else the next above it.
    pub(super) fn take_low(&self, interface: IfIndex, used: &BTreeSet<u32>) -> Option<u32> {
        let first = self.first_low(interface);
        let is_free = |metric: &u32| !used.contains(metric);
        // `used` is finite and the band is not empty, so a step for each used metric and one more is enough.
        (LOW_MIN..=first).rev().find(is_free).or_else(|| (first..=LOW_MAX).find(is_free))
    }
}

/// Whether routes to one destination can stand beside each other, the better one first.
pub(super) const fn has_ranks(capabilities: &Capabilities) -> bool {
    capabilities.metric
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(number: u32) -> IfIndex {
        IfIndex::new(number).unwrap()
    }

    #[test]
    fn low_metrics_are_never_shared_and_never_wrap() {
        let bands = MetricBands::default();
        let mut used = BTreeSet::new();
        // Those whose share would wrap are where the original begins again at the top of the others' shares.
        let numbers = (1..2000).chain(4_194_200..4_194_400).chain([u32::MAX - 1, u32::MAX]);
        for number in numbers {
            let metric = bands.take_low(index(number), &used).unwrap();
            assert!((LOW_MIN..=LOW_MAX).contains(&metric), "{number}: {metric}");
            assert!(used.insert(metric), "{number} shares {metric}");
        }
        assert!(used.contains(&(u32::MAX - 1024)) && used.contains(&LOW_MAX));
    }

    #[test]
    fn a_low_metric_that_is_taken_is_left_to_whoever_has_it() {
        let bands = MetricBands::default();
        let first = bands.first_low(index(7));
        let used = BTreeSet::from([first, first - 1]);
        assert_eq!(bands.take_low(index(7), &used), Some(first - 2));
    }

    #[test]
    fn a_high_metric_beats_what_is_there_where_it_can() {
        let bands = MetricBands::new(10..=12).unwrap();
        assert_eq!(bands.take_high(&BTreeSet::new(), None), Some(12));
        assert_eq!(bands.take_high(&BTreeSet::new(), Some(100)), Some(12), "all of the band beat it");
        assert_eq!(bands.take_high(&BTreeSet::from([12]), Some(12)), Some(11));
        assert_eq!(bands.take_high(&BTreeSet::from([10]), Some(10)), Some(12), "nothing beats it: then what is free");
        assert_eq!(bands.take_high(&BTreeSet::from([10, 11, 12]), Some(10)), None);
    }

    #[test]
    fn no_band_has_zero_or_reaches_that_of_advertisements() {
        assert!(MetricBands::new(1..=1023).is_some());
        for bad in [0..=10, 10..=1024, RangeInclusive::new(20, 10)] {
            assert!(MetricBands::new(bad).is_none());
        }
    }
}
