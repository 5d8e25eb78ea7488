//! What a kernel can be asked.

use std::net::IpAddr;

use crate::{
    Disposition, Entry, Family, IfIndex, NextHopId, NextHopObject, Prefix, Protocol, Route, RouteRef, Rule, Scope, Slot, TableId,
};

/// One thing that a kernel is asked.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Request<'a> {
    /// List things; they come as notices, and a [`DumpDone`](crate::Notice::DumpDone) at the end.
    Dump(Dump<'a>),
    /// Change a route.
    Route(RouteChange, &'a Route),
    /// Find the way to a destination.
    Lookup(&'a Flow, LookupMode),
    /// Add a rule; it must not be there yet.
    AddRule(&'a Rule),
    /// Delete the rule that is exactly this.
    DeleteRule(&'a Rule),
    /// Add a next-hop object, or replace the one of that number if `replace` is set.
    AddNextHop {
        /// The object.
        object: &'a NextHopObject,
        /// The object may be there already.
        replace: bool,
    },
    /// Delete a next-hop object.
    DeleteNextHop(NextHopId),
}

/// How a route is changed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum RouteChange {
    /// Add it; its slot must be empty.
    Add,
    /// Put it in the place of whatever the kernel finds first in its slot, or add it. Never for a slot that others may share.
    Replace,
    /// Put it in the place of whatever the kernel finds first in its slot, which must not be empty.
    Change,
    /// Add it behind what its slot has. On IPv6 the next hops join those of the route that is there.
    Append,
    /// Add it before what its slot has.
    Prepend,
    /// Delete this route: all that it names must match.
    Delete,
}

/// What is to be listed.
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub enum Dump<'a> {
    /// Routes of one family that pass the filter.
    Routes(Family, &'a RouteFilter),
    /// Rules of one family.
    Rules(Family),
    /// Links.
    Links,
    /// Addresses of both families.
    Addresses,
    /// Neighbours of both families.
    Neighbours,
    /// Next-hop objects.
    NextHops,
    /// Interface settings of one family.
    Settings(Family),
    /// Nothing. When it ends, all that the kernel had announced before it was asked for has been carried out; a kernel that cannot say so refuses it
    /// as unsupported.
    Barrier,
    /// What there is of each of these slots, in whichever table: one [`Trace`](crate::Trace) for each next hop of each route, those included that no list
    /// of routes has.
    ///
    /// A kernel that cannot tell, or not in reasonable time, refuses it as unsupported. What changes meanwhile is told before the end.
    Traces(&'a [Slot]),
}

/// Which routes: those that have all that is set here.
///
/// ```
/// use waypost_core::{Protocol, Route, RouteFilter};
///
/// let mut filter = RouteFilter::default();
/// filter.protocol = Some(Protocol::STATIC);
/// filter.inside = Some("10.0.0.0/8".parse()?);
/// let route: Route = "10.1.0.0/16 via 10.0.0.1 proto static".parse()?;
/// assert!(filter.passes(route.as_ref()));
/// # Ok::<(), waypost_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub struct RouteFilter {
    /// The family.
    pub family: Option<Family>,
    /// The table.
    pub table: Option<TableId>,
    /// Who installed them.
    pub protocol: Option<Protocol>,
    /// What becomes of the packets.
    pub disposition: Option<Disposition>,
    /// The scope.
    pub scope: Option<Scope>,
    /// An interface that one of the next hops leaves by.
    pub interface: Option<IfIndex>,
    /// A gateway that one of the next hops has.
    pub gateway: Option<IpAddr>,
    /// The preferred source.
    pub preferred_source: Option<IpAddr>,
    /// The metric.
    pub metric: Option<u32>,
    /// The type of service.
    pub tos: Option<u8>,
    /// Destinations inside this prefix, itself included (`root` of `ip route`).
    pub inside: Option<Prefix>,
    /// Destinations that cover this prefix, itself included (`match` of `ip route`).
    pub covering: Option<Prefix>,
    /// This destination alone (`exact` of `ip route`).
    pub exactly: Option<Prefix>,
}

impl RouteFilter {
    /// Says whether nothing is set: every route passes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Says whether a route has all that is set.
    #[must_use]
    pub fn passes(&self, route: RouteRef<'_>) -> bool {
        self.passes_slot(&route.slot) && self.passes_entry(route.entry)
    }

    fn passes_slot(&self, slot: &Slot) -> bool {
        let destination = slot.destination;
        self.family.is_none_or(|family| family == destination.family())
            && self.table.is_none_or(|table| table == slot.table)
            && self.metric.is_none_or(|metric| metric == slot.metric)
            && self.tos.is_none_or(|tos| tos == slot.tos)
            && self.inside.is_none_or(|prefix| prefix.covers(destination))
            && self.covering.is_none_or(|prefix| destination.covers(prefix))
            && self.exactly.is_none_or(|prefix| prefix == destination)
    }

    fn passes_entry(&self, entry: &Entry) -> bool {
        self.protocol.is_none_or(|protocol| protocol == entry.protocol)
            && self.disposition.is_none_or(|disposition| disposition == entry.disposition)
            && self.scope.is_none_or(|scope| scope == entry.scope)
            && self.preferred_source.is_none_or(|source| entry.preferred_source == Some(source))
            && self.interface.is_none_or(|index| entry.next_hops.iter().any(|hop| hop.interface == Some(index)))
            && self.gateway.is_none_or(|gateway| entry.next_hops.iter().any(|hop| hop.gateway == Some(gateway)))
    }
}

/// The packets of one conversation, as far as routing asks about them.
///
/// ```
/// use waypost_core::Flow;
///
/// let mut flow = Flow::to("192.0.2.1".parse().unwrap());
/// flow.mark = 7;
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Flow {
    /// Where they go.
    pub destination: IpAddr,
    /// Where they come from, if that is chosen already.
    pub source: Option<IpAddr>,
    /// The interface that they came in by; then they are forwarded.
    pub input: Option<IfIndex>,
    /// The interface that the socket is bound to.
    pub output: Option<IfIndex>,
    /// The mark.
    pub mark: u32,
    /// The type of service.
    pub tos: u8,
    /// The user who sends.
    pub uid: Option<u32>,
    /// The IP protocol number.
    pub ip_protocol: Option<u8>,
    /// The source port.
    pub source_port: Option<u16>,
    /// The destination port.
    pub destination_port: Option<u16>,
    /// The IPv6 flow label, 20 bits.
    pub flow_label: Option<u32>,
}

impl Flow {
    /// Packets of this host to `destination`, of which nothing else is known.
    #[must_use]
    pub const fn to(destination: IpAddr) -> Self {
        Self {
            destination,
            source: None,
            input: None,
            output: None,
            mark: 0,
            tos: 0,
            uid: None,
            ip_protocol: None,
            source_port: None,
            destination_port: None,
            flow_label: None,
        }
    }
}

/// What a kernel's lookup is to tell.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the kernel has these two answers")]
pub enum LookupMode {
    /// The path that a packet would take.
    Path,
    /// The table's entry that matched.
    Entry,
}

/// What a kernel's lookup told.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct LookupAnswer {
    /// The path, its destination the address that was asked for; or the table's entry, as [`LookupMode`] asked.
    pub route: Route,
    /// The mark that was looked up with, or zero.
    pub mark: u32,
    /// The user that was looked up with.
    pub uid: Option<u32>,
    /// The interface that the packets came in by.
    pub input: Option<IfIndex>,
}

impl LookupAnswer {
    /// The answer `route`.
    #[must_use]
    pub const fn new(route: Route) -> Self {
        Self { route, mark: 0, uid: None, input: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_asks_for_all_that_is_set() {
        let route: Route = "10.1.0.0/16 via 10.0.0.1 dev if2 metric 5 proto static".parse().unwrap();
        let passes = |edit: &dyn Fn(&mut RouteFilter)| {
            let mut filter = RouteFilter::default();
            edit(&mut filter);
            filter.passes(route.as_ref())
        };
        assert!(passes(&|_| ()));
        assert!(passes(&|filter| filter.inside = Some("10.0.0.0/8".parse().unwrap())));
        assert!(!passes(&|filter| filter.inside = Some("10.1.1.0/24".parse().unwrap())));
        assert!(passes(&|filter| filter.covering = Some("10.1.1.0/24".parse().unwrap())));
        assert!(!passes(&|filter| filter.covering = Some("10.0.0.0/8".parse().unwrap())));
        assert!(!passes(&|filter| filter.exactly = Some("10.0.0.0/8".parse().unwrap())));
        assert!(!passes(&|filter| filter.family = Some(Family::V6)));
        assert!(!passes(&|filter| filter.table = Some(TableId(9))));
        assert!(!passes(&|filter| filter.metric = Some(0)));
        assert!(!passes(&|filter| filter.tos = Some(4)));
        assert!(!passes(&|filter| filter.protocol = Some(Protocol::KERNEL)));
        assert!(!passes(&|filter| filter.disposition = Some(Disposition::Local)));
        assert!(!passes(&|filter| filter.scope = Some(Scope::LINK)));
        assert!(!passes(&|filter| filter.preferred_source = Some("10.0.0.2".parse().unwrap())));
        assert!(!passes(&|filter| filter.interface = IfIndex::new(3)));
        assert!(!passes(&|filter| filter.gateway = Some("10.0.0.2".parse().unwrap())));
        assert!(passes(&|filter| (filter.interface, filter.gateway) = (IfIndex::new(2), Some("10.0.0.1".parse().unwrap()))));
    }
}
