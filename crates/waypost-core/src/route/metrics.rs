//! The path metrics that a route can carry: MTU, window, round-trip time and their like.

use std::sync::Arc;

/// The name of a path metric, as `ip route` and `route(8)` call it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Metric {
    /// The path's maximum transmission unit, in bytes.
    Mtu,
    /// The largest window to advertise, in bytes.
    Window,
    /// The round-trip time, in eighths of a millisecond, as the kernels keep it.
    Rtt,
    /// The round-trip time's variance, in quarters of a millisecond, as the kernels keep it.
    RttVar,
    /// The slow-start threshold, in segments on Linux and bytes elsewhere.
    SsThresh,
    /// The clamp of the congestion window, in segments.
    Cwnd,
    /// The segment size to advertise, in bytes.
    AdvMss,
    /// The greatest reordering to expect, in segments.
    Reordering,
    /// The hop limit of packets sent.
    HopLimit,
    /// The congestion window to begin with, in segments.
    InitCwnd,
    /// Bits of features (ECN is 1).
    Features,
    /// The least retransmission time-out, in milliseconds.
    RtoMin,
    /// The receive window to begin with, in segments.
    InitRwnd,
    /// Whether to acknowledge at once.
    QuickAck,
    /// Whether TCP fast open does without a cookie.
    FastOpenNoCookie,
    /// The receive buffer's delay-bandwidth product, in bytes.
    RecvPipe,
    /// The send buffer's delay-bandwidth product, in bytes.
    SendPipe,
    /// The number of hops to the destination.
    HopCount,
}

impl Metric {
    /// Every metric, in the order of `ip route`.
    pub const ALL: [Self; 18] = [
        Self::Mtu,
        Self::Window,
        Self::Rtt,
        Self::RttVar,
        Self::SsThresh,
        Self::Cwnd,
        Self::AdvMss,
        Self::Reordering,
        Self::HopLimit,
        Self::InitCwnd,
        Self::Features,
        Self::RtoMin,
        Self::InitRwnd,
        Self::QuickAck,
        Self::FastOpenNoCookie,
        Self::RecvPipe,
        Self::SendPipe,
        Self::HopCount,
    ];

    /// The word for it in `ip route`, and in `route(8)` for those that Linux has not.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Mtu => "mtu",
            Self::Window => "window",
            Self::Rtt => "rtt",
            Self::RttVar => "rttvar",
            Self::SsThresh => "ssthresh",
            Self::Cwnd => "cwnd",
            Self::AdvMss => "advmss",
            Self::Reordering => "reordering",
            Self::HopLimit => "hoplimit",
            Self::InitCwnd => "initcwnd",
            Self::Features => "features",
            Self::RtoMin => "rto_min",
            Self::InitRwnd => "initrwnd",
            Self::QuickAck => "quickack",
            Self::FastOpenNoCookie => "fastopen_no_cookie",
            Self::RecvPipe => "recvpipe",
            Self::SendPipe => "sendpipe",
            Self::HopCount => "hopcount",
        }
    }

    /// The metric of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.word() == word)
    }

    const fn index(self) -> usize {
        self as usize
    }
}

/// The path metrics of a route. Most routes have none, and then this is one null pointer.
///
/// ```
/// use waypost_core::{Metric, Metrics};
///
/// let mut metrics = Metrics::default();
/// metrics.set(Metric::Mtu, 1400);
/// metrics.lock(Metric::Mtu);
/// assert_eq!(metrics.get(Metric::Mtu), Some(1400));
/// assert!(metrics.is_locked(Metric::Mtu));
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Metrics(Option<Arc<Set>>);

#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
struct Set {
    values: [Option<u32>; Metric::ALL.len()],
    locks: u32,
    congestion: Option<Box<str>>,
}

/// The bit behind those of the numeric metrics.
const CONGESTION_LOCK: u32 = 1 << Metric::ALL.len();

impl Metrics {
    /// No metrics.
    pub const NONE: Self = Self(None);

    /// Says whether no metric is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|set| **set == Set::default())
    }

    /// The value of one metric, where it is set.
    #[must_use]
    pub fn get(&self, metric: Metric) -> Option<u32> {
        self.0.as_ref().and_then(|set| set.values[metric.index()])
    }

    /// Sets one metric. Zero takes it away: kernels take it for none, and do not tell of it (Linux 6.18,
    /// `rtnetlink_put_metrics` in net/core/rtnetlink.c).
    pub fn set(&mut self, metric: Metric, value: u32) {
        if value != 0 {
            self.edit().values[metric.index()] = Some(value);
        } else if self.get(metric).is_some() {
            self.edit().values[metric.index()] = None;
            if self.is_empty() {
                *self = Self::default();
            }
        }
    }

    /// Locks one metric: the kernel must not adapt it, as path MTU discovery would.
    pub fn lock(&mut self, metric: Metric) {
        self.edit().locks |= 1 << metric.index();
    }

    /// Says whether one metric is locked.
    #[must_use]
    pub fn is_locked(&self, metric: Metric) -> bool {
        self.0.as_ref().is_some_and(|set| set.locks & (1 << metric.index()) != 0)
    }

    /// The name of the congestion control algorithm, where one is set.
    #[must_use]
    pub fn congestion(&self) -> Option<&str> {
        self.0.as_ref().and_then(|set| set.congestion.as_deref())
    }

    /// Sets the name of the congestion control algorithm.
    pub fn set_congestion(&mut self, algorithm: &str) {
        self.edit().congestion = Some(algorithm.into());
    }

    /// Says whether the congestion control algorithm is locked.
    #[must_use]
    pub fn is_congestion_locked(&self) -> bool {
        self.0.as_ref().is_some_and(|set| set.locks & CONGESTION_LOCK != 0)
    }

    /// Locks the congestion control algorithm: a connection cannot choose another.
    pub fn lock_congestion(&mut self) {
        self.edit().locks |= CONGESTION_LOCK;
    }

    /// The metrics that are set, with their values, in the order of `ip route`.
    pub fn iter(&self) -> impl Iterator<Item = (Metric, u32)> + '_ {
        Metric::ALL.into_iter().filter_map(|metric| self.get(metric).map(|value| (metric, value)))
    }

    fn edit(&mut self) -> &mut Set {
        Arc::make_mut(self.0.get_or_insert_default())
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut map = f.debug_map();
        map.entries(self.iter());
        if let Some(congestion) = self.congestion() {
            map.entry(&"congctl", &congestion);
        }
        map.finish()
    }
}

#[cfg(feature = "serde")]
mod as_map {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Metric, Metrics};

    /// The form that is written: values by name, what is locked, and the algorithm.
    #[derive(Serialize, Deserialize, Default)]
    #[serde(default)]
    struct Form {
        values: BTreeMap<Metric, u32>,
        locked: Vec<Metric>,
        congestion: Option<String>,
        congestion_locked: bool,
    }

    impl Serialize for Metrics {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let form = Form {
                values: self.iter().collect(),
                locked: Metric::ALL.into_iter().filter(|metric| self.is_locked(*metric)).collect(),
                congestion: self.congestion().map(str::to_owned),
                congestion_locked: self.is_congestion_locked(),
            };
            form.serialize(serializer)
        }
    }

    impl<'de> Deserialize<'de> for Metrics {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let form = Form::deserialize(deserializer)?;
            let mut metrics = Self::default();
            form.values.into_iter().for_each(|(metric, value)| metrics.set(metric, value));
            form.locked.into_iter().for_each(|metric| metrics.lock(metric));
            if let Some(congestion) = form.congestion {
                metrics.set_congestion(&congestion);
            }
            if form.congestion_locked {
                metrics.lock_congestion();
            }
            Ok(metrics)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back() {
        for metric in Metric::ALL {
            assert_eq!(Metric::from_word(metric.word()), Some(metric));
        }
        assert_eq!(Metric::from_word("metric"), None);
    }

    #[test]
    fn a_copy_is_not_changed_with_its_original() {
        let mut one = Metrics::default();
        one.set(Metric::Mtu, 1400);
        let two = one.clone();
        one.set(Metric::Mtu, 9000);
        one.lock(Metric::Mtu);
        assert_eq!(two.get(Metric::Mtu), Some(1400));
        assert!(!two.is_locked(Metric::Mtu));
    }

    #[test]
    fn zero_is_none() {
        let mut metrics = Metrics::default();
        metrics.set(Metric::Mtu, 0);
        assert_eq!(metrics, Metrics::default());
        metrics.set(Metric::Mtu, 1400);
        metrics.set(Metric::Window, 7);
        metrics.set(Metric::Mtu, 0);
        assert_eq!(metrics.iter().collect::<Vec<_>>(), [(Metric::Window, 7)]);
        metrics.set(Metric::Window, 0);
        assert_eq!(metrics, Metrics::default());
    }
}
