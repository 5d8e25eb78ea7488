//! The tables of IP, as illumos and Solaris list them, to the portable model.

use std::collections::BTreeMap;
use std::net::IpAddr;

use waypost_core::{
    Address, IfIndex, Link, LinkFlags, Metric, Neighbour, NeighbourState, Notice, Prefix, Protocol, Route, RouteFlags as Marks,
    RouteVerb, Verb, Weight,
};

use super::interface::is_broadcast;
use super::route::{self, Way};
use super::{Lift, LiftError};
use crate::wire::{
    ByteOrder, Dialect, Mib2, Mib2Address, Mib2Entry, Mib2Interface, Mib2Neighbour, Mib2Route, RouteFlags, RouteOp, has_zone,
};

/// The links that the addresses of a dump are of: no table lists them, and entries name them by name.
#[derive(Clone, Debug, Default)]
pub struct Mib2Links(BTreeMap<String, Link>);

impl Mib2Links {
    /// Reads the links of a dump, whose numbers `index_of` tells by their names; those that it does not know are left out.
    pub fn read(
        dialect: &'static Dialect,
        order: ByteOrder,
        dump: &[u8],
        mut index_of: impl FnMut(&str) -> Option<IfIndex>,
    ) -> Self {
        let mut links = BTreeMap::new();
        for entry in Mib2::new(order, dump).flatten() {
            let Mib2Entry::Address(Mib2Address { interface, mtu, raw_flags, .. }) = entry else { continue };
            let name = physical(interface);
            if links.contains_key(&name) {
                continue;
            }
            let Some(index) = index_of(&name) else { continue };
            let mut link = Link::new(index, &name);
            (link.flags, link.os_flags) = dialect.link_flags(raw_flags);
            link.flags.set(LinkFlags::LOWER_UP, link.flags.contains(LinkFlags::RUNNING));
            link.mtu = mtu;
            links.insert(name, link);
        }
        Self(links)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Link> {
        self.0.values()
    }

    fn named(&self, interface: &[u8]) -> Option<&Link> {
        self.0.get(&physical(interface))
    }
}

/// The name of an interface without the number of one of its addresses: `net0` of `net0:1`.
fn physical(name: &[u8]) -> String {
    String::from_utf8_lossy(name.split(|&byte| byte == b':').next().unwrap_or_default()).into_owned()
}

impl Lift {
    /// What an entry of a dump of IP's tables says; `None` for what comes and goes with the traffic or is of no table:
    /// copies for one destination, addresses of this machine, broadcast and multicast entries, interfaces without an address.
    ///
    /// A route may come without its interface: then the kernel has not said which, and RTM_GET tells.
    ///
    /// # Errors
    ///
    /// [`LiftError`] where the entry makes no sense.
    pub fn mib2(&self, dialect: &'static Dialect, entry: &Mib2Entry<'_>, links: &Mib2Links) -> Result<Option<Notice>, LiftError> {
        match entry {
            Mib2Entry::Route(entry) if entry.kind & NOT_LISTED != 0 => Ok(None),
            Mib2Entry::Route(entry) => Ok(Some(Notice::Route(RouteVerb::Listed, self.mib2_route(dialect, entry, links)?))),
            Mib2Entry::Address(entry) => mib2_address(entry, links),
            Mib2Entry::Neighbour(entry) => Ok(mib2_neighbour(entry, links)),
        }
    }

    fn mib2_route(&self, dialect: &'static Dialect, entry: &Mib2Route<'_>, links: &Mib2Links) -> Result<Route, LiftError> {
        let flags = dialect.flags(entry.raw_flags);
        let length = entry.prefix_length.ok_or(LiftError::MaskGap)?;
        let destination = Prefix::containing(entry.destination, length).map_err(|_| LiftError::MaskGap)?;
        let link = links.named(entry.interface);
        let mut route = Route::new(destination);
        route.slot.table = self.table;
        let is_zoned = matches!(entry.destination, IpAddr::V6(address) if has_zone(address));
        route.slot.interface_scope = link.map(|link| link.index).filter(|_| is_zoned);
        let leads_to_link = entry.kind & Mib2Route::INTERFACE != 0 && !flags.contains(RouteFlags::GATEWAY);
        // The gateway of a link's network is this machine's own address there.
        let gateway = Some(entry.next_hop).filter(|_| entry.kind & THROUGH_GATEWAY != 0 || flags.contains(RouteFlags::GATEWAY));
        let way = Way { gateway, zone: 0, index: link.map_or(0, |link| link.index.get()) };
        let said = &mut route.entry;
        said.disposition = route::disposition(flags);
        said.protocol = match route::protocol(flags, 0, dialect.own_routes.are_static) {
            Protocol::UNSPECIFIED if leads_to_link || entry.kind & Mib2Route::LOOPBACK != 0 => Protocol::KERNEL,
            told => told,
        };
        said.scope = route::scope(said.disposition, &way);
        // What is listed can be used: there is no flag that says so.
        said.flags = route::marks(flags, RouteOp::Get) | Marks::UP;
        said.os_flags = dialect.other_bits(entry.raw_flags);
        said.preferred_source = Some(entry.source).filter(|_| flags.contains(RouteFlags::SET_SOURCE));
        // A route without an MTU of its own has its interface's; which that is may not be known yet.
        if link.is_none_or(|link| link.mtu != entry.mtu) {
            said.metrics.set(Metric::Mtu, entry.mtu);
        }
        way.fill(Weight::ONE, &mut said.next_hops);
        Ok(route)
    }
}

const NOT_LISTED: u32 = Mib2Route::CLONE | Mib2Route::LOCAL | Mib2Route::BROADCAST | Mib2Route::MULTICAST | Mib2Route::NO_ROUTE;
const THROUGH_GATEWAY: u32 = Mib2Route::DEFAULT | Mib2Route::PREFIX | Mib2Route::HOST;

fn mib2_address(entry: &Mib2Address<'_>, links: &Mib2Links) -> Result<Option<Notice>, LiftError> {
    if entry.address.is_unspecified() {
        return Ok(None);
    }
    let link = links.named(entry.interface).ok_or(LiftError::NoInterface)?;
    let length = entry.prefix_length.ok_or(LiftError::MaskGap)?;
    let mut address = Address::new(link.index, entry.address, length);
    if link.flags.contains(LinkFlags::POINT_TO_POINT) {
        address.peer = Some(entry.peer).filter(|peer| !peer.is_unspecified() && *peer != entry.address);
    } else {
        address.broadcast = entry.broadcast.map(IpAddr::V4).filter(|other| is_broadcast(entry.address, length, *other));
    }
    Ok(Some(Notice::Address(Verb::Listed, Box::new(address))))
}

/// `None` where the neighbour's link-layer address is not known, or its interface is not.
fn mib2_neighbour(entry: &Mib2Neighbour<'_>, links: &Mib2Links) -> Option<Notice> {
    let index = match entry.interface {
        Mib2Interface::Name(name) => links.named(name)?.index,
        Mib2Interface::Index(index) => IfIndex::new(index)?,
    };
    if entry.link_address.is_empty() {
        return None;
    }
    let state = if entry.is_static { NeighbourState::Permanent } else { NeighbourState::None };
    let mut neighbour = Neighbour::new(index, entry.address, state);
    neighbour.link_address = entry.link_address.to_vec();
    Some(Notice::Neighbour(Verb::Listed, Box::new(neighbour)))
}
