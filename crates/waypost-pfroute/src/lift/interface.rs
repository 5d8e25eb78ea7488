//! Links, addresses and neighbours.

use std::net::IpAddr;

use waypost_core::{Address, AddressFlags, Family, IfIndex, Link, LinkFlags, Neighbour, NeighbourState, Notice, Verb};

use super::route::{self, mask_length};
use super::{LiftError, verb};
use crate::wire::{AddressMessage, AnnounceMessage, Announced, Axis, Carrier, InterfaceMessage, RouteFlags, RouteMessage};

/// The state of a link. An event does not name it: then its name is empty.
pub(super) fn link(message: &InterfaceMessage<'_>) -> Result<Notice, LiftError> {
    let index = interface(message.index())?;
    let named = message.addrs().link(Axis::Ifp);
    let name = named.map_or_else(String::new, |link| text(link.name));
    let mut link = Link::new(index, &name);
    let (flags, os_flags) = message.flags();
    link.flags = flags;
    link.flags.set(LinkFlags::LOWER_UP, has_carrier(message, flags));
    link.os_flags = os_flags;
    link.mtu = message.mtu();
    link.link_address = named.map_or_else(Vec::new, |link| link.address.to_vec());
    Ok(Notice::Link(Verb::Present, Box::new(link)))
}

fn has_carrier(message: &InterfaceMessage<'_>, flags: LinkFlags) -> bool {
    match message.addrs().dialect().carrier {
        Carrier::Nothing => true,
        Carrier::State { down_from, down_to } => !(down_from..=down_to).contains(&message.link_state()),
        Carrier::Running => flags.contains(LinkFlags::RUNNING),
    }
}

pub(super) fn announced(message: &AnnounceMessage<'_>) -> Option<Notice> {
    let verb = match message.what() {
        Announced::Arrival => Verb::Present,
        Announced::Departure => Verb::Removed,
        Announced::Other(_) => return None,
    };
    let index = IfIndex::new(message.index())?;
    Some(Notice::Link(verb, Box::new(Link::new(index, &text(message.name())))))
}

/// IN_IFF_ and IN6_IFF_ of netinet/in_var.h and netinet6/in6_var.h, alike wherever messages have them.
const ADDRESS_FLAGS: [(u32, AddressFlags); 4] = [
    (0x2, AddressFlags::TENTATIVE),
    (0x4, AddressFlags::DUPLICATED),
    (0x10, AddressFlags::DEPRECATED),
    (0x80, AddressFlags::TEMPORARY),
];

/// An address; `None` for a link-layer one. The flags of its route are left out: an event and a dump differ in them.
pub(super) fn address(message: &AddressMessage<'_>) -> Result<Option<Notice>, LiftError> {
    let addrs = message.addrs();
    if let Some(fault) = addrs.fault() {
        return Err(fault.into());
    }
    let index = interface(message.index())?;
    if addrs.raw(Axis::Ifa).is_none() {
        return Err(LiftError::Missing(Axis::Ifa));
    }
    let Some((local, _)) = route::address(addrs, Axis::Ifa) else { return Ok(None) };
    let family = Family::of(&local);
    let length = match addrs.raw(Axis::Netmask) {
        Some(mask) => mask_length(mask, family).ok_or(LiftError::MaskGap)?,
        None => family.bits(),
    };
    let mut address = Address::new(index, local, length);
    let word = message.raw_address_flags();
    let known = ADDRESS_FLAGS.into_iter().filter(|(bit, _)| word & bit != 0);
    (address.os_flags, address.flags) =
        known.fold((word, AddressFlags::empty()), |(others, flags), (bit, flag)| (others & !bit, flags | flag));
    if let Some((other, _)) = route::address(addrs, Axis::Brd) {
        // The same place has the broadcast address or, on a point-to-point link, the far end; which, no message says.
        if is_broadcast(local, length, other) {
            address.broadcast = Some(other);
        } else if other != local && !other.is_unspecified() {
            address.peer = Some(other);
        }
    }
    Ok(Some(Notice::Address(verb(message.change()), Box::new(address))))
}

/// Says whether `other` is the last address of the network, or of one around it: NetBSD, given another mask for an
/// address, tells of it with the broadcast address from before. A network of two addresses has none.
pub(super) fn is_broadcast(local: IpAddr, length: u8, other: IpAddr) -> bool {
    let (IpAddr::V4(local), IpAddr::V4(other)) = (local, other) else { return false };
    let differing = u32::BITS - (local.to_bits() ^ other.to_bits()).leading_zeros();
    let host_bits = u32::BITS.saturating_sub(u32::from(length));
    host_bits > 1 && other.to_bits().trailing_ones() >= differing.max(host_bits)
}

/// An entry of ARP or NDP.
pub(super) fn neighbour(message: &RouteMessage<'_>, verb: Verb) -> Result<Notice, LiftError> {
    let addrs = message.addrs();
    if let Some(fault) = addrs.fault() {
        return Err(fault.into());
    }
    let (address, _) = route::address(addrs, Axis::Dst).ok_or(LiftError::Missing(Axis::Dst))?;
    let link = addrs.link(Axis::Gateway).ok_or(LiftError::Missing(Axis::Gateway))?;
    let index = interface(if link.index == 0 { message.index() } else { link.index })?;
    let is_static = message.flags().contains(RouteFlags::STATIC);
    let state = if is_static { NeighbourState::Permanent } else { NeighbourState::None };
    let mut neighbour = Neighbour::new(index, address, state);
    neighbour.link_address = link.address.to_vec();
    Ok(Notice::Neighbour(verb, Box::new(neighbour)))
}

fn interface(index: u32) -> Result<IfIndex, LiftError> {
    IfIndex::new(index).ok_or(LiftError::NoInterface)
}

fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

#[cfg(test)]
mod tests {
    use super::is_broadcast;

    #[test]
    fn a_far_end_is_told_from_a_broadcast_address() {
        let is = |local: &str, length, other: &str| is_broadcast(local.parse().unwrap(), length, other.parse().unwrap());
        assert!(is("10.0.0.1", 24, "10.0.0.255"));
        assert!(is("10.9.0.1", 24, "10.9.255.255"));
        assert!(!is("10.0.0.1", 24, "10.1.0.255"));
        assert!(!is("10.0.0.1", 24, "10.0.0.127"));
        assert!(!is("10.0.0.1", 32, "10.0.0.3"));
        assert!(!is("10.0.0.2", 31, "10.0.0.3"));
        assert!(!is("127.0.0.1", 8, "127.0.0.1"));
        assert!(!is("10.0.0.1", 24, "0.0.0.0"));
        assert!(!is("fe80::1", 64, "fe80::ffff"));
    }
}
