//! How a flow stands: whether it has a way, and which.

use std::net::IpAddr;

use waypost_core::lookup::{Dropped, Found, Verdict};
use waypost_core::{Disposition, Family, Flow, IfIndex, Ipv6Prefix, Metric, Route, TableId};

use crate::Mirror;

bitflags::bitflags! {
    /// What of a flow is another than before.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
    pub struct Effects: u16 {
        /// It has no route any more.
        const ROUTE_LOST = 1 << 0;
        /// Its source is no address of the host any more.
        const SOURCE_LOST = 1 << 1;
        /// The route that it used has gone, whether another remains or not.
        const ROUTE_GONE = 1 << 2;
        /// It leaves by another interface.
        const INTERFACE = 1 << 3;
        /// It goes through another gateway.
        const GATEWAY = 1 << 4;
        /// Its packets may be of another size.
        const MTU = 1 << 5;
        /// It has a way again.
        const REGAINED = 1 << 6;
    }
}

/// The words for [`Effects`], as the command prints them.
impl Effects {
    /// One word for each that is set, joined by hyphens.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        let all = [
            (Self::ROUTE_LOST, "route-lost"),
            (Self::SOURCE_LOST, "source-lost"),
            (Self::ROUTE_GONE, "route-gone"),
            (Self::INTERFACE, "interface"),
            (Self::GATEWAY, "gateway"),
            (Self::MTU, "mtu"),
            (Self::REGAINED, "regained"),
        ];
        all.into_iter().filter(move |(effect, _)| self.contains(*effect)).map(|(_, word)| word)
    }
}

/// Whether a flow has a way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Outlook {
    /// Nothing is said yet: the tables are still being read.
    #[default]
    Unjudged,
    /// It has a route.
    Routed,
    /// No table has a route.
    NoRoute,
    /// A route or rule says no.
    Refused(Disposition),
    /// Its source is no address of this host.
    SourceLost,
    /// It cannot be told: a rule decides that is not understood, or by what is not known here.
    Unknown,
}

impl Outlook {
    /// Says whether packets of the flow go nowhere.
    #[must_use]
    pub const fn is_lost(self) -> bool {
        matches!(self, Self::NoRoute | Self::Refused(_) | Self::SourceLost)
    }

    /// A word or two for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unjudged => "unjudged",
            Self::Routed => "routed",
            Self::NoRoute => "no route",
            Self::Refused(_) => "refused",
            Self::SourceLost => "source lost",
            Self::Unknown => "unknown",
        }
    }
}

/// One way out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub struct Way {
    /// The interface.
    pub interface: Option<IfIndex>,
    /// The gateway; `None` is a destination on the link, or the host's own.
    pub gateway: Option<IpAddr>,
}

/// How a flow stands. Flows that stand alike share one.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub struct Standing {
    /// Whether it has a way.
    pub outlook: Outlook,
    /// The table that its route is in, where it has one.
    pub table: TableId,
    /// The length of the route's prefix.
    pub prefix_length: u8,
    /// The route's metric.
    pub metric: u32,
    /// The sources that the route is for, where it asks.
    pub sources: Option<Ipv6Prefix>,
    /// The ways that it may take; which of several, the kernel does not tell.
    pub ways: Vec<Way>,
    /// The largest packet, in bytes: what the route says, or the smallest of its links; zero where neither is known.
    pub mtu: u32,
}

impl Standing {
    fn bare(outlook: Outlook) -> Self {
        Self { outlook, ..Self::default() }
    }

    /// How a flow stands by what a mirror has, its ports included; it need not be registered.
    #[must_use]
    pub fn in_mirror(flow: &Flow, mirror: &Mirror) -> Self {
        let world = mirror.world(Family::of(&flow.destination));
        let is_lost = |source: &IpAddr| source.is_ipv6() && !source.is_unspecified() && !world.has_source(*source);
        match flow.source.filter(is_lost) {
            Some(_) => Self::bare(Outlook::SourceLost),
            None => Self::of(&world.find(flow), mirror),
        }
    }

    /// How a flow stands by what a lookup came to.
    pub(super) fn of(verdict: &Verdict<'_>, mirror: &Mirror) -> Self {
        match verdict {
            Verdict::Found(found) => Self::routed(found, mirror),
            Verdict::Refused { disposition, route, .. } => {
                let mut standing = Self::bare(Outlook::Refused(*disposition));
                if let Some(route) = route {
                    let slot = route.slot;
                    (standing.table, standing.prefix_length) = (slot.table, slot.destination.length());
                    (standing.metric, standing.sources) = (slot.metric, slot.source);
                }
                standing
            }
            Verdict::Dropped { why: Dropped::ForeignSource, .. } => Self::bare(Outlook::SourceLost),
            Verdict::NoRoute => Self::bare(Outlook::NoRoute),
            _ => Self::bare(Outlook::Unknown),
        }
    }

    fn routed(found: &Found<'_>, mirror: &Mirror) -> Self {
        let slot = found.route.slot;
        let ways: Vec<Way> = found.next_hops().map(|hop| Way { interface: hop.interface, gateway: hop.gateway }).collect();
        let links = ways.iter().filter_map(|way| way.interface).filter_map(|index| mirror.links().get(&index));
        let of_links = links.map(|link| link.mtu).filter(|mtu| *mtu != 0).min().unwrap_or(0);
        let mtu = found.route.entry.metrics.get(Metric::Mtu).filter(|mtu| *mtu != 0).unwrap_or(of_links);
        Self {
            outlook: Outlook::Routed,
            table: slot.table,
            prefix_length: slot.destination.length(),
            metric: slot.metric,
            sources: slot.source,
            ways,
            mtu,
        }
    }

    /// Says whether a flow that stands so may use `route`, as far as its length, metric and ways tell.
    pub(super) fn uses(&self, route: &Route) -> bool {
        let slot = &route.slot;
        let has =
            |way: &Way| route.entry.next_hops.iter().any(|hop| (hop.interface, hop.gateway) == (way.interface, way.gateway));
        matches!(self.outlook, Outlook::Routed | Outlook::Refused(_))
            && (self.table, self.prefix_length, self.metric) == (slot.table, slot.destination.length(), slot.metric)
            && self.sources == slot.source
            && self.ways.iter().all(has)
    }

    /// What of a flow that stood so is another now that it stands as `now`.
    pub(super) fn effects(&self, now: &Self) -> Effects {
        let mut effects = Effects::empty();
        effects.set(Effects::SOURCE_LOST, now.outlook == Outlook::SourceLost && self.outlook != Outlook::SourceLost);
        let has_route = |outlook: Outlook| !matches!(outlook, Outlook::NoRoute | Outlook::Refused(_));
        effects.set(Effects::ROUTE_LOST, has_route(self.outlook) && !has_route(now.outlook));
        effects.set(Effects::REGAINED, self.outlook.is_lost() && now.outlook == Outlook::Routed);
        if (self.outlook, now.outlook) == (Outlook::Routed, Outlook::Routed) {
            let interfaces = |of: &Self| sorted(of.ways.iter().map(|way| way.interface));
            let gateways = |of: &Self| sorted(of.ways.iter().map(|way| way.gateway));
            if self.ways != now.ways {
                effects.set(Effects::INTERFACE, interfaces(self) != interfaces(now));
                effects.set(Effects::GATEWAY, gateways(self) != gateways(now));
            }
            effects.set(Effects::MTU, self.mtu != now.mtu);
        }
        effects
    }
}

fn sorted<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.collect();
    items.sort_unstable();
    items
}

/// All of a flow but where it goes: few flows differ in it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Context {
    pub(super) source: Option<IpAddr>,
    output: Option<IfIndex>,
    mark: u32,
    tos: u8,
    uid: Option<u32>,
    ip_protocol: Option<u8>,
}

impl Context {
    pub(super) const fn of(flow: &Flow) -> Self {
        let Flow { source, output, mark, tos, uid, ip_protocol, .. } = *flow;
        Self { source, output, mark, tos, uid, ip_protocol }
    }

    /// The flow to `remote`.
    pub(super) const fn flow(&self, remote: IpAddr) -> Flow {
        let mut flow = Flow::to(remote);
        (flow.source, flow.output, flow.mark) = (self.source, self.output, self.mark);
        (flow.tos, flow.uid, flow.ip_protocol) = (self.tos, self.uid, self.ip_protocol);
        flow
    }
}
