//! Messages that tell of something into notices.

use waypost_core::{Family, Notice, Route, RouteFlags, RouteVerb, Verb};

use crate::wire::constants::{
    AF_INET, AF_INET6, RTM_DELADDR, RTM_DELLINK, RTM_DELNEIGH, RTM_DELNETCONF, RTM_DELNEXTHOP, RTM_DELROUTE, RTM_DELRULE,
    RTM_NEWADDR, RTM_NEWLINK, RTM_NEWNEIGH, RTM_NEWNETCONF, RTM_NEWNEXTHOP, RTM_NEWROUTE, RTM_NEWRULE,
};
use crate::wire::{DecodeError, Decoded, Message, address, link, neighbour, next_hop, route, rule, settings};

/// The notice of an event; `None` where it is about nothing that is told.
pub(super) fn event(message: &Message<'_>) -> Option<Result<Notice, DecodeError>> {
    match message.kind {
        RTM_NEWROUTE | RTM_DELROUTE => {
            let verb = |route: &Route| route::verb(message.kind, message.flags, route.slot.destination.family());
            route(message.payload).map(|route| route.map(|route| Notice::Route(verb(&route), route)))
        }
        kind => other(kind, false, message.payload),
    }
}

/// The notice of an entry of a dump; `None` where it is about nothing that is told.
#[inline]
pub(super) fn entry(message: &Message<'_>) -> Option<Result<Notice, DecodeError>> {
    match message.kind {
        RTM_NEWROUTE => route(message.payload).map(|route| route.map(|route| Notice::Route(RouteVerb::Listed, route))),
        kind => other(kind, true, message.payload),
    }
}

/// A route, unless it is a copy that the kernel made of another for one destination.
#[inline]
fn route(payload: &[u8]) -> Option<Result<Route, DecodeError>> {
    match route::decode(payload) {
        Ok(decoded) => {
            decoded.map(|decoded| decoded.value).filter(|route| !route.entry.flags.contains(RouteFlags::CLONED)).map(Ok)
        }
        Err(error) => Some(Err(error)),
    }
}

/// Anything but a route.
fn other(kind: u16, is_listed: bool, payload: &[u8]) -> Option<Result<Notice, DecodeError>> {
    let verb = |gone: u16| match (is_listed, kind == gone) {
        (true, _) => Verb::Listed,
        (false, true) => Verb::Removed,
        (false, false) => Verb::Present,
    };
    match kind {
        RTM_NEWLINK | RTM_DELLINK => lift(link::decode(payload), |link| Notice::Link(verb(RTM_DELLINK), Box::new(link))),
        RTM_NEWADDR | RTM_DELADDR => {
            lift(address::decode(payload), |address| Notice::Address(verb(RTM_DELADDR), Box::new(address)))
        }
        RTM_NEWNEIGH | RTM_DELNEIGH => {
            lift(neighbour::decode(payload), |neighbour| Notice::Neighbour(verb(RTM_DELNEIGH), Box::new(neighbour)))
        }
        RTM_NEWRULE | RTM_DELRULE => lift(rule::decode(payload), |rule| Notice::Rule(verb(RTM_DELRULE), Box::new(rule))),
        RTM_NEWNETCONF | RTM_DELNETCONF => {
            lift(settings::decode(payload), |settings| Notice::Settings(verb(RTM_DELNETCONF), Box::new(settings)))
        }
        RTM_NEWNEXTHOP | RTM_DELNEXTHOP => {
            lift(next_hop::decode(payload), |object| Notice::NextHop(verb(RTM_DELNEXTHOP), Box::new(object)))
        }
        _ => None,
    }
}

/// The notice of what was decoded, unless it is none of Waypost's.
fn lift<T>(
    decoded: Result<Option<Decoded<T>>, DecodeError>,
    notice: impl FnOnce(T) -> Notice,
) -> Option<Result<Notice, DecodeError>> {
    decoded.map(|decoded| decoded.map(|decoded| notice(decoded.value))).transpose()
}

/// The family of a payload: its first byte, whatever it is about.
#[inline]
pub(super) fn family(payload: &[u8]) -> Option<u8> {
    payload.first().copied()
}

/// The number that a family goes by.
pub(super) const fn number(family: Family) -> u8 {
    match family {
        Family::V4 => AF_INET,
        Family::V6 => AF_INET6,
    }
}
