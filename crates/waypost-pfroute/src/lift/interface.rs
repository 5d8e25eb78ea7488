//! Links, addresses and neighbours.

use std::net::IpAddr;

use waypost_core::{Address, Family, IfIndex, Link, LinkFlags, Neighbour, NeighbourState, Notice, Prefix, Verb};

use super::route::{self, mask_length};
use super::{LiftError, verb};
use crate::wire::{AddressMessage, AnnounceMessage, Announced, Axis, InterfaceMessage, RouteFlags, RouteMessage};

/// LINK_STATE_DOWN of net/if.h. What is unknown counts as up: many virtual interfaces never say.
const LINK_STATE_DOWN: u16 = 1;

/// The state of a link. An event does not name it: then its name is empty.
pub(super) fn link(message: &InterfaceMessage<'_>) -> Result<Notice, LiftError> {
    let index = interface(message.index())?;
    let named = message.addrs().link(Axis::Ifp);
    let name = named.map_or_else(String::new, |link| text(link.name));
    let mut link = Link::new(index, &name);
    let (flags, os_flags) = message.flags();
    link.flags = flags;
    link.flags.set(LinkFlags::LOWER_UP, message.link_state() != LINK_STATE_DOWN);
    link.os_flags = os_flags;
    link.mtu = message.mtu();
    link.link_address = named.map_or_else(Vec::new, |link| link.address.to_vec());
    Ok(Notice::Link(Verb::Present, Box::new(link)))
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

/// An address; `None` for a link-layer one. Its flags are left out: an event and a dump differ in them.
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
    if let Some((other, _)) = route::address(addrs, Axis::Brd) {
        // The same place has the broadcast address or, on a point-to-point link, the far end; which, no message says.
        let last = match Prefix::containing(local, length) {
            Ok(Prefix::V4(network)) if length < 31 => Some(IpAddr::from(network.last())),
            _ => None,
        };
        if last == Some(other) {
            address.broadcast = Some(other);
        } else if other != local {
            address.peer = Some(other);
        }
    }
    Ok(Some(Notice::Address(verb(message.change()), Box::new(address))))
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
