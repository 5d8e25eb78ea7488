//! Tables that are read over a stream, where the kernel does not always say by which interface a route leads.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use waypost_core::{Error, IfIndex, Link, Metric, Notice, Route, Verb};

use super::Transport;
use super::lists::Listing;
use super::refusal;
use crate::lift::{Lift, Mib2Links};
use crate::wire::{ByteOrder, Dialect, Mib2, Mib2Entry};

/// What was read of the tables and has not been told.
#[derive(Debug, Default)]
pub(super) struct Read {
    ready: VecDeque<Notice>,
    /// Routes of which it is not known by which interface they lead.
    incomplete: Vec<Route>,
    /// The interfaces' MTUs, which routes without one of their own are listed with.
    mtus: BTreeMap<IfIndex, u32>,
}

impl Read {
    /// Reads all that is asked for, by way of `buffer`.
    pub(super) fn tables<T: Transport>(
        listing: &Listing,
        transport: &mut T,
        dialect: &'static Dialect,
        order: ByteOrder,
        lift: Lift,
        buffer: &mut Vec<u8>,
    ) -> Result<Self, Error> {
        buffer.clear();
        if *listing == Listing::Nothing {
            return Ok(Self::default());
        }
        transport.mib2(buffer).map_err(|number| refusal::error(dialect, "list", number).on(listing.name()))?;
        let links = Mib2Links::read(dialect, order, buffer, |name| transport.interface_index(name).and_then(IfIndex::new));
        let mut read = Self { mtus: links.iter().map(|link| (link.index, link.mtu)).collect(), ..Self::default() };
        for entry in Mib2::new(order, buffer) {
            let notice = match entry {
                Ok(entry) if !is_wanted(listing, &entry) => Ok(None),
                Ok(entry) => lift.mib2(dialect, &entry, &links).map_err(|why| why.to_string()),
                Err(why) => Err(why.to_string()),
            };
            match notice {
                Ok(Some(Notice::Route(_, route))) if lacks_interface(&route) => read.incomplete.push(route),
                Ok(notice) => read.ready.extend(notice.filter(|notice| listing.takes(notice))),
                Err(why) => read.ready.push_back(Notice::Undecodable { in_dump: true, why }),
            }
        }
        let listed = |link: &Link| Notice::Link(Verb::Listed, Box::new(link.clone()));
        read.ready.extend(links.iter().map(listed).filter(|notice| listing.takes(notice)));
        Ok(read)
    }

    /// What is told next.
    pub(super) fn next(&mut self) -> Option<Notice> {
        self.ready.pop_front()
    }

    /// A route of which the interface is to be found out.
    pub(super) fn incomplete(&mut self) -> Option<Route> {
        self.incomplete.pop()
    }

    /// Takes it back, with what was found out.
    pub(super) fn complete(&mut self, mut notice: Notice, listing: &Listing) {
        if let Notice::Route(_, route) = &mut notice {
            let mtu = route.entry.next_hops.first().and_then(|hop| hop.interface).and_then(|index| self.mtus.get(&index));
            if mtu.is_some() && route.entry.metrics.get(Metric::Mtu) == mtu.copied() {
                route.entry.metrics.set(Metric::Mtu, 0);
            }
        }
        if listing.takes(&notice) {
            self.ready.push_back(notice);
        }
    }
}

/// Says whether the entry is of the table that is listed, so that nothing is said of others.
fn is_wanted(listing: &Listing, entry: &Mib2Entry<'_>) -> bool {
    match (listing, entry) {
        (Listing::Routes(family, _), Mib2Entry::Route(route)) => waypost_core::Family::of(&route.destination) == *family,
        (Listing::Addresses, Mib2Entry::Address(_)) | (Listing::Neighbours, Mib2Entry::Neighbour(_)) => true,
        _ => false,
    }
}

/// Says whether the route leads to a gateway by an interface that is not said.
pub(super) fn lacks_interface(route: &Route) -> bool {
    route.entry.next_hops.first().is_some_and(|hop| hop.gateway.is_some() && hop.interface.is_none())
}

/// By which interfaces gateways are reached, as far as the kernel has been asked. It is forgotten when links or addresses change.
#[derive(Debug, Default)]
pub(super) struct Gateways(BTreeMap<IpAddr, Option<IfIndex>>);

impl Gateways {
    /// What is known of the route's gateway; `None` where nobody has asked.
    pub(super) fn known(&self, route: &Route) -> Option<Option<IfIndex>> {
        self.0.get(&gateway(route)?).copied()
    }

    pub(super) fn learn(&mut self, route: &Route, interface: Option<IfIndex>) {
        if let Some(gateway) = gateway(route) {
            self.0.insert(gateway, interface);
        }
    }

    /// Forgets all that a notice may have changed.
    pub(super) fn hear(&mut self, notice: &Notice) {
        if matches!(notice, Notice::Link(..) | Notice::Address(..) | Notice::Overrun) {
            self.0.clear();
        }
    }
}

fn gateway(route: &Route) -> Option<IpAddr> {
    route.entry.next_hops.first().and_then(|hop| hop.gateway)
}

/// Fills in the interface of the route's next hop.
pub(super) fn lead_by(route: &mut Route, interface: Option<IfIndex>) {
    if let Some(hop) = route.entry.next_hops.first().cloned().as_mut().filter(|_| interface.is_some()) {
        hop.interface = interface;
        route.entry.next_hops = hop.clone().into();
    }
}
