//! Routes into requests.

use waypost_core::{
    Disposition, Error, ErrorKind, Family, NextHop, NextHopFlags, Preference, Prefix, Route, RouteChange, RouteFlags,
};

use super::flags::OF_NEXT_HOP;
use super::{lower, metrics, next_hops};
use crate::wire::constants::{
    AF_INET, AF_INET6, NLA_TYPE_MASK, NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST,
    RT_TABLE_COMPAT, RTA_DST, RTA_EXPIRES, RTA_METRICS, RTA_NH_ID, RTA_PREF, RTA_PREFSRC, RTA_PRIORITY, RTA_SRC, RTA_TABLE,
    RTM_DELROUTE, RTM_F_CLONED, RTM_NEWROUTE, RTN_ANYCAST, RTN_BLACKHOLE, RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST, RTN_PROHIBIT,
    RTN_THROW, RTN_UNICAST, RTN_UNREACHABLE,
};
use crate::wire::{Encoder, TooLong};

/// Appends the request to change `route` so, which the kernel will acknowledge.
///
/// Everything that the route names is written, in a delete too, so that the kernel compares it. What it cannot compare:
/// scope nowhere, protocol 0, type 0 and metric 0 match any, IPv6 compares neither the type nor the path metrics, and
/// neither family the gateway or interface of a route that has none. [`deletes`](super::deletes) tells what a delete hits.
///
/// What the kernel alone decides (`dead`, `linkdown`, `offload` and their like) is left out, and so are the next hops
/// that came with a next-hop object.
///
/// # Errors
///
/// `Unsupported` where the message has no place for something that the route says, and `Invalid` where an address is of
/// the wrong family or something is too long; `out` is then as it was.
///
/// ```
/// use waypost_core::{ErrorKind, Route, RouteChange};
/// use waypost_netlink::wire::{Messages, route};
///
/// let mut out = Vec::new();
/// let mut wish: Route = "10.1.0.0/16 via 10.0.0.1 metric 50 proto static".parse()?;
/// route::encode_route(&mut out, 7, RouteChange::Add, &wish).unwrap();
/// let message = Messages::new(&out).next().unwrap().unwrap();
/// assert_eq!(route::decode(message.payload).unwrap().unwrap().value, wish);
///
/// wish.slot.priority = 8;
/// let error = route::encode_route(&mut out, 8, RouteChange::Add, &wish).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Unsupported);
/// # Ok::<(), waypost_core::ParseError>(())
/// ```
pub fn encode_route(out: &mut Vec<u8>, sequence: u32, change: RouteChange, route: &Route) -> Result<(), Error> {
    lower::check(change, route)?;
    let Some((kind, flags)) = kind_and_flags(change) else {
        return Err(Error::new(ErrorKind::Unsupported, lower::operation(change))
            .on(route)
            .because("rtnetlink has no such change"));
    };
    let mut message = Encoder::begin(out, kind, NLM_F_REQUEST | NLM_F_ACK | flags, sequence);
    message.header(&header(change, route));
    slot(&mut message, route);
    entry(&mut message, change, route);
    message.finish().map_err(|error| too_long(lower::operation(change), route, error))
}

/// The message type and the flags for a change.
const fn kind_and_flags(change: RouteChange) -> Option<(u16, u16)> {
    Some(match change {
        RouteChange::Add => (RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL),
        RouteChange::Replace => (RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE),
        RouteChange::Change => (RTM_NEWROUTE, NLM_F_REPLACE),
        RouteChange::Append => (RTM_NEWROUTE, NLM_F_CREATE | NLM_F_APPEND),
        RouteChange::Prepend => (RTM_NEWROUTE, NLM_F_CREATE),
        RouteChange::Delete => (RTM_DELROUTE, 0),
        _ => return None,
    })
}

/// The next hops that are sent: none beside a next-hop object.
fn hops(route: &Route) -> &[NextHop] {
    if route.entry.next_hop_object.is_some() { &[] } else { &route.entry.next_hops }
}

/// The one next hop that stands outside RTA_MULTIPATH. A share of the traffic can be said inside only.
fn single(route: &Route) -> Option<&NextHop> {
    match hops(route) {
        [hop] if hop.weight.get() == 1 => Some(hop),
        _ => None,
    }
}

fn header(change: RouteChange, route: &Route) -> [u8; super::HEADER] {
    let Route { slot, entry, .. } = route;
    let mut bits = entry.os_flags & !u32::from(next_hops::KERNELS);
    bits |= single(route).map_or(0, |hop| u32::from(next_hops::flags_to_send(hop)));
    if change == RouteChange::Delete && entry.flags.contains(RouteFlags::CLONED) {
        bits |= RTM_F_CLONED;
    }
    let [f0, f1, f2, f3] = bits.to_ne_bytes();
    [
        family(slot.destination.family()),
        slot.destination.length(),
        slot.source.map_or(0, |source| source.length()),
        slot.tos,
        u8::try_from(slot.table.0).unwrap_or(RT_TABLE_COMPAT),
        entry.protocol.0,
        entry.scope.0,
        disposition(entry.disposition),
        f0,
        f1,
        f2,
        f3,
    ]
}

fn slot(message: &mut Encoder<'_>, route: &Route) {
    let slot = &route.slot;
    if !slot.destination.is_default() {
        message.address(RTA_DST, slot.destination.network());
    }
    if let Some(source) = slot.source {
        message.address(RTA_SRC, Prefix::V6(source).network());
    }
    if slot.table.0 > u32::from(u8::MAX) {
        message.u32(RTA_TABLE, slot.table.0);
    }
    // 0 is what the kernel takes for none: on IPv6 it then chooses 1024.
    if slot.metric != 0 {
        message.u32(RTA_PRIORITY, slot.metric);
    }
}

fn entry(message: &mut Encoder<'_>, change: RouteChange, route: &Route) {
    let entry = &route.entry;
    let family = route.slot.destination.family();
    if let Some(source) = entry.preferred_source {
        message.address(RTA_PREFSRC, source);
    }
    if let Some(id) = entry.next_hop_object {
        message.u32(RTA_NH_ID, id.get());
    }
    match (single(route), hops(route)) {
        (Some(hop), _) => next_hops::write_single(message, family, hop),
        (None, []) => {}
        (None, legs) => next_hops::write_legs(message, family, legs),
    }
    let is_metrics = |kind: u16| kind & NLA_TYPE_MASK == RTA_METRICS;
    let mut others = entry.unnamed.as_slice().iter().filter(|attribute| is_metrics(attribute.kind)).peekable();
    if others.peek().is_some() || !entry.metrics.is_empty() {
        message.nested(RTA_METRICS, |message| {
            metrics::write(message, &entry.metrics);
            others.for_each(|attribute| message.header(&attribute.data));
        });
    }
    if change != RouteChange::Delete {
        if entry.preference != Preference::Medium {
            message.u8(RTA_PREF, preference(entry.preference));
        }
        if let Some(expires) = route.expires {
            // Whole seconds, and zero would mean for ever.
            let seconds = expires.as_millis().div_ceil(1000).max(1);
            message.u32(RTA_EXPIRES, u32::try_from(seconds).unwrap_or(u32::MAX));
        }
    }
    for attribute in entry.unnamed.as_slice().iter().filter(|attribute| !is_metrics(attribute.kind)) {
        message.attribute(attribute.kind, &attribute.data);
    }
}

pub(super) fn too_long(operation: &'static str, route: &Route, error: TooLong) -> Error {
    Error::new(ErrorKind::Invalid, operation).on(route).because(error)
}

/// The number that this family goes by.
pub(in crate::wire) const fn family(family: Family) -> u8 {
    match family {
        Family::V4 => AF_INET,
        Family::V6 => AF_INET6,
    }
}

/// The `rtm_type` of this disposition.
pub(super) const fn disposition(disposition: Disposition) -> u8 {
    match disposition {
        Disposition::Local => RTN_LOCAL,
        Disposition::Broadcast => RTN_BROADCAST,
        Disposition::Anycast => RTN_ANYCAST,
        Disposition::Multicast => RTN_MULTICAST,
        Disposition::Blackhole => RTN_BLACKHOLE,
        Disposition::Unreachable => RTN_UNREACHABLE,
        Disposition::Prohibit => RTN_PROHIBIT,
        Disposition::Throw => RTN_THROW,
        Disposition::Other(number) => number,
        _ => RTN_UNICAST,
    }
}

const fn preference(preference: Preference) -> u8 {
    match preference {
        Preference::Medium => 0,
        Preference::High => 1,
        Preference::Low => 3,
    }
}

const _: () = assert!(OF_NEXT_HOP == u8::MAX as u32 && NextHopFlags::all().bits() <= OF_NEXT_HOP);

#[cfg(test)]
mod tests;
