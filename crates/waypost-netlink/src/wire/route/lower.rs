//! What a route message has no place for: found before anything is sent.

use std::net::IpAddr;

use waypost_core::{Error, ErrorKind, Family, Metric, NextHop, NextHopFlags, Preference, Route, RouteChange, RouteFlags};

/// The marks that only the kernel makes. They come with a route that was read and are no part of a wish.
const KERNELS: RouteFlags =
    RouteFlags::OFFLOADED.union(RouteFlags::TRAPPED).union(RouteFlags::OFFLOAD_FAILED).union(RouteFlags::MATCHED_ENTRY);

/// The greatest weight of a leg: `rtnh_hops` has one byte and counts from one.
const WEIGHT_MAX: u16 = 256;

/// The operation that `change` is, for errors.
pub(super) const fn operation(change: RouteChange) -> &'static str {
    match change {
        RouteChange::Add => "add route",
        RouteChange::Replace => "replace route",
        RouteChange::Change => "change route",
        RouteChange::Append => "append route",
        RouteChange::Prepend => "prepend route",
        RouteChange::Delete => "delete route",
        _ => "edit route",
    }
}

/// Says whether a route message can say all that `route` says.
pub(super) fn check(change: RouteChange, route: &Route) -> Result<(), Error> {
    let lacking = slot(change, route).or_else(|| entry(change, route)).or_else(|| {
        // The kernel takes the next hops from the object.
        let hops = if route.entry.next_hop_object.is_some() { &[] } else { &*route.entry.next_hops };
        hops.iter().find_map(|hop| next_hop(route.slot.destination.family(), hop))
    });
    if let Some(field) = lacking {
        let reason = format!("rtnetlink cannot represent {field}");
        return Err(Error::new(ErrorKind::Unsupported, operation(change)).on(route).because(reason));
    }
    match foreign_address(route) {
        Some(address) => {
            let reason = format!("{address} is of the other family");
            Err(Error::new(ErrorKind::Invalid, operation(change)).on(route).because(reason))
        }
        None => Ok(()),
    }
}

fn slot(change: RouteChange, route: &Route) -> Option<&'static str> {
    let slot = &route.slot;
    let family = slot.destination.family();
    if slot.priority != 0 {
        Some("a priority")
    } else if slot.interface_scope.is_some() {
        Some("an interface scope")
    } else if family == Family::V6 && slot.tos != 0 {
        Some("the type of service of an IPv6 route")
    } else if family == Family::V4 && slot.source.is_some() {
        Some("the source prefix of an IPv4 route")
    } else if family == Family::V6 && change == RouteChange::Prepend {
        // CREATE alone puts an IPv6 route behind those of its metric: `fib6_add_rt2node` in net/ipv6/ip6_fib.c (6.18).
        Some("a prepended IPv6 route")
    } else {
        None
    }
}

fn entry(change: RouteChange, route: &Route) -> Option<&'static str> {
    let entry = &route.entry;
    let family = route.slot.destination.family();
    // A delete may name a cached route of IPv6, but nobody can make one.
    let cached = if change == RouteChange::Delete && family == Family::V6 { RouteFlags::CLONED } else { RouteFlags::empty() };
    if !(KERNELS | cached).contains(entry.flags) {
        return Some("these flags");
    }
    if family == Family::V6 && entry.scope.0 != 0 {
        return Some("the scope of an IPv6 route");
    }
    if family == Family::V4 && entry.preference != Preference::Medium {
        return Some("the preference of an IPv4 route");
    }
    if family == Family::V4 && route.expires.is_some() && change != RouteChange::Delete {
        return Some("the expiry of an IPv4 route");
    }
    // Most routes have none, and going through the names takes longer than all the rest.
    if entry.metrics.is_empty() {
        return None;
    }
    match entry.metrics.iter().map(|(metric, _)| metric).find(|metric| unnumbered(*metric)) {
        Some(Metric::RecvPipe) => Some("the metric recvpipe"),
        Some(Metric::SendPipe) => Some("the metric sendpipe"),
        Some(_) => Some("the metric hopcount"),
        None if Metric::ALL.into_iter().any(|metric| unnumbered(metric) && entry.metrics.is_locked(metric)) => {
            Some("the lock of a metric that it has not")
        }
        None => None,
    }
}

fn unnumbered(metric: Metric) -> bool {
    !super::metrics::NUMBERED.iter().any(|(_, numbered)| *numbered == metric)
}

pub(in crate::wire) fn next_hop(family: Family, hop: &NextHop) -> Option<&'static str> {
    if hop.scope_id != 0 && hop.interface.is_none_or(|index| index.get() != hop.scope_id) {
        Some("a zone other than the interface")
    } else if hop.weight.get() > WEIGHT_MAX {
        Some("a weight above 256")
    } else if family == Family::V6 && hop.realms != 0 {
        Some("the realms of an IPv6 route")
    } else if family == Family::V6 && matches!(hop.gateway, Some(IpAddr::V4(_))) {
        Some("an IPv4 gateway of an IPv6 route")
    } else if family == Family::V6 && hop.flags.contains(NextHopFlags::PERVASIVE) {
        Some("a pervasive next hop of an IPv6 route")
    } else {
        None
    }
}

fn foreign_address(route: &Route) -> Option<IpAddr> {
    let family = route.slot.destination.family();
    route.entry.preferred_source.filter(|address| Family::of(address) != family)
}
