//! Messages that tell of something into notices.

use waypost_core::{Family, Notice, Notices, Route, RouteFilter, RouteFlags, RouteVerb, Verb};

use crate::wire::constants::{
    AF_INET, AF_INET6, RTM_DELADDR, RTM_DELLINK, RTM_DELNEIGH, RTM_DELNETCONF, RTM_DELNEXTHOP, RTM_DELROUTE, RTM_DELRULE,
    RTM_NEWADDR, RTM_NEWLINK, RTM_NEWNEIGH, RTM_NEWNETCONF, RTM_NEWNEXTHOP, RTM_NEWROUTE, RTM_NEWRULE,
};
use crate::wire::{DecodeError, Message, address, link, neighbour, next_hop, route, rule, settings};

/// Adds the notice of an event to `out`, where it is about something that is told.
pub(super) fn event(message: &Message<'_>, out: &mut Notices) -> Result<(), DecodeError> {
    match message.kind {
        RTM_NEWROUTE | RTM_DELROUTE => {
            let verb = |route: &Route| route::verb(message.kind, message.flags, route.slot.destination.family());
            route(message.payload, verb, |_| true, out)
        }
        kind => other(kind, false, message.payload, out),
    }
}

/// Adds the notice of an entry of a dump to `out`, where it is about something that is told and, for a route, passes.
#[inline]
pub(super) fn entry(message: &Message<'_>, filter: Option<&RouteFilter>, out: &mut Notices) -> Result<(), DecodeError> {
    match message.kind {
        RTM_NEWROUTE => {
            let passes = |route: &Route| filter.is_none_or(|filter| filter.passes(route.as_ref()));
            route(message.payload, |_| RouteVerb::Listed, passes, out)
        }
        kind => other(kind, true, message.payload, out),
    }
}

/// A route, unless it is a copy that the kernel made of another for one destination.
///
/// It is decoded where it stays: moving costs as much as decoding.
#[inline]
fn route(
    payload: &[u8],
    verb: impl FnOnce(&Route) -> RouteVerb,
    passes: impl FnOnce(&Route) -> bool,
    out: &mut Notices,
) -> Result<(), DecodeError> {
    out.push(Notice::Route(RouteVerb::Listed, route::BLANK));
    let Some(Notice::Route(said, route)) = out.last_mut() else { return Ok(()) };
    let decoded = route::decode_into(payload, route);
    if matches!(decoded, Ok(Some(_))) && !route.entry.flags.contains(RouteFlags::CLONED) && passes(route) {
        *said = verb(route);
    } else {
        out.pop();
    }
    decoded.map(|_| ())
}

/// Anything but a route.
fn other(kind: u16, is_listed: bool, payload: &[u8], out: &mut Notices) -> Result<(), DecodeError> {
    let verb = |gone: u16| match (is_listed, kind == gone) {
        (true, _) => Verb::Listed,
        (false, true) => Verb::Removed,
        (false, false) => Verb::Present,
    };
    let notice = match kind {
        RTM_NEWLINK | RTM_DELLINK => link::decode(payload)?.map(|it| Notice::Link(verb(RTM_DELLINK), Box::new(it.value))),
        RTM_NEWADDR | RTM_DELADDR => address::decode(payload)?.map(|it| Notice::Address(verb(RTM_DELADDR), Box::new(it.value))),
        RTM_NEWNEIGH | RTM_DELNEIGH => {
            neighbour::decode(payload)?.map(|it| Notice::Neighbour(verb(RTM_DELNEIGH), Box::new(it.value)))
        }
        RTM_NEWRULE | RTM_DELRULE => rule::decode(payload)?.map(|it| Notice::Rule(verb(RTM_DELRULE), Box::new(it.value))),
        RTM_NEWNETCONF | RTM_DELNETCONF => {
            settings::decode(payload)?.map(|it| Notice::Settings(verb(RTM_DELNETCONF), Box::new(it.value)))
        }
        RTM_NEWNEXTHOP | RTM_DELNEXTHOP => {
            next_hop::decode(payload)?.map(|it| Notice::NextHop(verb(RTM_DELNEXTHOP), Box::new(it.value)))
        }
        _ => None,
    };
    out.extend(notice);
    Ok(())
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
