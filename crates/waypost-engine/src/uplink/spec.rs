//! What an uplink is, and how all of them are kept.

use std::net::IpAddr;
use std::time::Duration;

use waypost_core::{Family, IfIndex, Protocol, TableId};

use super::band::MetricBands;
use super::health::ProbeOptions;

/// Through what packets leave by an uplink.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Exit {
    /// Through this router.
    Gateway(IpAddr),
    /// Through the router of a default route that another program, or the kernel by a router advertisement, has over the interface;
    /// while there is none, the uplink is not usable.
    Learned,
    /// Straight out of the interface: whoever is at the other end takes everything.
    PointToPoint,
}

/// What makes an uplink a VPN: its packets go to a server, over another uplink.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Vpn {
    /// The server; it may be of the other family. A host route holds its packets on the uplink beneath, unless it is on the same subnet.
    pub server: IpAddr,
    /// The VPN takes only what has routes of its own: it is never elected.
    pub split: bool,
}

impl Vpn {
    /// A VPN with this server, which takes everything.
    #[must_use]
    pub const fn new(server: IpAddr) -> Self {
        Self { server, split: false }
    }
}

/// One way out, of one family.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Uplink {
    /// What people call it. With its family it names the uplink.
    pub name: String,
    /// The family.
    pub family: Family,
    /// The interface.
    pub interface: IfIndex,
    /// The way out of it.
    pub exit: Exit,
    /// The highest is elected.
    pub priority: u32,
    /// Makes it a VPN.
    pub vpn: Option<Vpn>,
    /// Resolvers that are asked over this very uplink.
    pub resolvers: Vec<IpAddr>,
    /// The source address for connections that do not choose one.
    pub source: Option<IpAddr>,
    /// It is probed.
    pub probed: bool,
}

impl Uplink {
    /// An uplink of priority 0, no VPN, that is not probed.
    #[must_use]
    pub fn new(name: impl Into<String>, family: Family, interface: IfIndex, exit: Exit) -> Self {
        Self {
            name: name.into(),
            family,
            interface,
            exit,
            priority: 0,
            vpn: None,
            resolvers: Vec::new(),
            source: None,
            probed: false,
        }
    }
}

/// What is done when another program deletes or overwrites a default route of ours.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum OnRival {
    /// It is put back: at once, and when that goes on, after longer and longer times.
    #[default]
    Reassert,
    /// The uplink is left without, until its link comes again or somebody asks for it.
    Yield,
}

/// How all uplinks are kept.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct UplinkOptions {
    /// The table of the default routes.
    pub table: TableId,
    /// By what the routes are known as ours.
    pub protocol: Protocol,
    /// From which metrics those of default routes are chosen.
    pub bands: MetricBands,
    /// The elected IPv4 default route has metric 0 where that is free. Then a switch to it shows only when the one before has gone, and it
    /// is deleted only while it is known to be there: the kernel takes metric 0 in a deletion for any.
    pub metric_zero: bool,
    /// How long an uplink that comes again must have been well before it takes the place of one that is; each time it fails again
    /// meanwhile doubles it.
    pub hold_down: Duration,
    /// What that grows to at most; an uplink that was well for so long has its past forgotten.
    pub hold_down_max: Duration,
    /// How long after a refusal or a rival's deed it is tried again; each time doubles it.
    pub retry: Duration,
    /// What that grows to at most.
    pub retry_max: Duration,
    /// What is done about rivals.
    pub on_rival: OnRival,
    /// How those uplinks are probed that are.
    pub probes: ProbeOptions,
    /// What the jitter of probes begins with.
    pub seed: u64,
}

impl UplinkOptions {
    /// The protocol number by which the command's default routes are known.
    pub const PROTOCOL: Protocol = Protocol(87);
}

impl Default for UplinkOptions {
    /// The main table of Linux, 5 s of hold-down up to 5 min, a retry after 100 ms up to 30 s, rivals answered.
    fn default() -> Self {
        Self {
            table: TableId::MAIN,
            protocol: Self::PROTOCOL,
            bands: MetricBands::default(),
            metric_zero: false,
            hold_down: Duration::from_secs(5),
            hold_down_max: Duration::from_secs(300),
            retry: Duration::from_millis(100),
            retry_max: Duration::from_secs(30),
            on_rival: OnRival::default(),
            probes: ProbeOptions::default(),
            seed: 1,
        }
    }
}
