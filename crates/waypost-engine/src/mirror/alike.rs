//! Which entry of a slot a notice speaks of.

use waypost_core::{Entry, Family, NextHop, NextHopFlags, RouteFlags, Weight};

/// What the kernel marks on a route by itself, without a word.
const VOLATILE_ROUTE: RouteFlags =
    RouteFlags::OFFLOADED.union(RouteFlags::TRAPPED).union(RouteFlags::OFFLOAD_FAILED).union(RouteFlags::UP);

/// The marks of a next hop that an administrator sets; all others are the kernel's.
const CONFIGURED_HOP: NextHopFlags = NextHopFlags::ON_LINK.union(NextHopFlags::PERVASIVE);

/// Says whether two entries are the same but for what the kernel marks on them.
///
/// The next hops of an object are the object's affair: a route that uses it stays the same route when they change.
pub(super) fn alike(one: &Entry, two: &Entry) -> bool {
    one.next_hop_object == two.next_hop_object
        && (one.next_hop_object.is_some() || hops_alike(&one.next_hops, &two.next_hops))
        && (one.disposition, one.protocol, one.scope, one.preference)
            == (two.disposition, two.protocol, two.scope, two.preference)
        && one.preferred_source == two.preferred_source
        && one.flags.difference(VOLATILE_ROUTE) == two.flags.difference(VOLATILE_ROUTE)
        && one.metrics == two.metrics
        && one.unnamed == two.unnamed
}

fn hops_alike(one: &[NextHop], two: &[NextHop]) -> bool {
    let alike = |(one, two): (&NextHop, &NextHop)| {
        same_leg(one, two) && one.weight == two.weight && (one.flags ^ two.flags).intersection(CONFIGURED_HOP).is_empty()
    };
    one.len() == two.len() && one.iter().zip(two).all(alike)
}

/// Says whether two next hops lead the same way, whatever their share and state.
pub(super) fn same_leg(one: &NextHop, two: &NextHop) -> bool {
    (one.gateway, one.interface, one.scope_id) == (two.gateway, two.interface, two.scope_id)
        && one.encapsulation == two.encapsulation
}

/// Says whether each way of `few` is one of `many`.
pub(super) fn legs_within(few: &[NextHop], many: &[NextHop]) -> bool {
    few.iter().all(|leg| many.iter().any(|other| same_leg(leg, other)))
}

/// Says whether IPv6 would merge such routes into one: they have a gateway and no next-hop object
/// (`rt6_qualify_for_ecmp`, include/net/ip6_route.h, Linux 6.18).
pub(super) fn merges(family: Family, entry: &Entry) -> bool {
    family == Family::V6
        && entry.next_hop_object.is_none()
        && !entry.next_hops.is_empty()
        && entry.next_hops.iter().all(|leg| leg.gateway.is_some())
}

/// What an entry becomes when it has the ways of `event` too: its own come first and in their order, in the state
/// that the event says, and all else stays as the first of them had it.
pub(super) fn merged(held: &Entry, event: &Entry) -> Entry {
    let current = |leg: &NextHop| event.next_hops.iter().find(|other| same_leg(leg, other)).unwrap_or(leg).clone();
    let new = event.next_hops.iter().filter(|leg| !held.next_hops.iter().any(|other| same_leg(leg, other))).cloned();
    let mut merged = held.clone();
    merged.next_hops = held.next_hops.iter().map(current).chain(new).collect();
    merged
}

/// What is left of an entry without the ways of `event`, as it is listed from then on.
pub(super) fn without(held: &Entry, event: &Entry) -> Entry {
    let mut left = held.clone();
    left.next_hops =
        held.next_hops.iter().filter(|leg| !event.next_hops.iter().any(|gone| same_leg(leg, gone))).cloned().collect();
    if let [alone] = &*left.next_hops {
        // The kernel keeps its weight, but there is a place for it among several alone (`rt6_fill_node`, net/ipv6/route.c, Linux 6.18).
        left.next_hops = alone.clone().with_weight(Weight::ONE).into();
    }
    left
}
