//! RTA_METRICS: path metrics, their locks, and the congestion control algorithm.

use waypost_core::{Metric, Metrics};

use crate::wire::constants::{
    NLA_TYPE_MASK, RTAX_ADVMSS, RTAX_CC_ALGO, RTAX_CWND, RTAX_FASTOPEN_NO_COOKIE, RTAX_FEATURES, RTAX_HOPLIMIT, RTAX_INITCWND,
    RTAX_INITRWND, RTAX_LOCK, RTAX_MTU, RTAX_QUICKACK, RTAX_REORDERING, RTAX_RTO_MIN, RTAX_RTT, RTAX_RTTVAR, RTAX_SSTHRESH,
    RTAX_WINDOW,
};
use crate::wire::frame::aligned;
use crate::wire::{Attributes, Encoder, read};

/// The kernel's numbers for metrics that are numbers. Bit *n* of RTAX_LOCK locks metric *n*.
pub(super) const NUMBERED: [(u16, Metric); 15] = [
    (RTAX_MTU, Metric::Mtu),
    (RTAX_WINDOW, Metric::Window),
    (RTAX_RTT, Metric::Rtt),
    (RTAX_RTTVAR, Metric::RttVar),
    (RTAX_SSTHRESH, Metric::SsThresh),
    (RTAX_CWND, Metric::Cwnd),
    (RTAX_ADVMSS, Metric::AdvMss),
    (RTAX_REORDERING, Metric::Reordering),
    (RTAX_HOPLIMIT, Metric::HopLimit),
    (RTAX_INITCWND, Metric::InitCwnd),
    (RTAX_FEATURES, Metric::Features),
    (RTAX_RTO_MIN, Metric::RtoMin),
    (RTAX_INITRWND, Metric::InitRwnd),
    (RTAX_QUICKACK, Metric::QuickAck),
    (RTAX_FASTOPEN_NO_COOKIE, Metric::FastOpenNoCookie),
];

/// What RTA_METRICS said.
#[derive(Default)]
pub(super) struct Read {
    pub(super) metrics: Metrics,
    /// The attributes inside that have no name here or are malformed, as they stood.
    pub(super) others: Vec<u8>,
    /// How many are malformed.
    pub(super) spoiled: u32,
}

/// Reads RTA_METRICS; `None` where its framing is bad.
pub(super) fn decode(data: &[u8]) -> Option<Read> {
    let mut read = Read::default();
    let mut walk = Attributes::new(data);
    loop {
        let start = walk.offset();
        let Some(attribute) = walk.next() else { return Some(read) };
        let (kind, value) = attribute.ok()?;
        let fate = one(kind & NLA_TYPE_MASK, value, &mut read.metrics);
        if fate != Fate::Read {
            // The last one may lack its padding, which what is written behind it needs.
            read.others.extend_from_slice(data.get(start..walk.offset().min(data.len())).unwrap_or_default());
            read.others.resize(aligned(read.others.len()), 0);
        }
        read.spoiled += u32::from(fate == Fate::Malformed);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Read,
    Unnamed,
    Malformed,
}

/// Reads one attribute inside RTA_METRICS.
fn one(kind: u16, value: &[u8], metrics: &mut Metrics) -> Fate {
    match kind {
        RTAX_CC_ALGO => {
            let name = value.strip_suffix(&[0]).unwrap_or(value);
            let Some(name) = std::str::from_utf8(name).ok().filter(|name| is_algorithm(name)) else { return Fate::Malformed };
            metrics.set_congestion(name);
            Fate::Read
        }
        RTAX_LOCK => read::u32(value).map_or(Fate::Malformed, |locks| lock(locks, metrics)),
        _ => {
            let Some((_, metric)) = NUMBERED.iter().find(|(number, _)| *number == kind) else { return Fate::Unnamed };
            let Some(value) = read::u32(value) else { return Fate::Malformed };
            metrics.set(*metric, value);
            Fate::Read
        }
    }
}

/// Says whether a congestion control algorithm can have this name: modules are loaded by it, and text tells it from `lock`.
fn is_algorithm(name: &str) -> bool {
    !name.is_empty() && name != "lock" && name.bytes().all(|byte| byte.is_ascii_graphic())
}

fn lock(locks: u32, metrics: &mut Metrics) -> Fate {
    let mut unnamed = locks;
    for (number, metric) in NUMBERED {
        if locks & (1 << number) != 0 {
            metrics.lock(metric);
            unnamed &= !(1 << number);
        }
    }
    if locks & (1 << RTAX_CC_ALGO) != 0 {
        metrics.lock_congestion();
        unnamed &= !(1 << RTAX_CC_ALGO);
    }
    if unnamed == 0 { Fate::Read } else { Fate::Unnamed }
}

/// Writes what stands inside RTA_METRICS.
pub(super) fn write(message: &mut Encoder<'_>, metrics: &Metrics) {
    let mut locks = u32::from(metrics.is_congestion_locked()) << RTAX_CC_ALGO;
    for (number, metric) in NUMBERED {
        locks |= u32::from(metrics.is_locked(metric)) << number;
    }
    if locks != 0 {
        message.u32(RTAX_LOCK, locks);
    }
    for (number, metric) in NUMBERED {
        if let Some(value) = metrics.get(metric) {
            message.u32(number, value);
        }
    }
    if let Some(algorithm) = metrics.congestion() {
        message.text(RTAX_CC_ALGO, algorithm);
    }
}
