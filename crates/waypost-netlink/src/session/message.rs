//! Messages that tell of something into notices.

use waypost_core::{Family, Notice, Route, RouteFlags, RouteVerb, Verb};

use crate::wire::constants::{AF_INET, AF_INET6, RTM_DELROUTE, RTM_NEWROUTE};
use crate::wire::{DecodeError, Message, route};

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
    let _verb = |gone: u16| match (is_listed, kind == gone) {
        (true, _) => Verb::Listed,
        (false, true) => Verb::Removed,
        (false, false) => Verb::Present,
    };
    let _ = payload;
    None
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
