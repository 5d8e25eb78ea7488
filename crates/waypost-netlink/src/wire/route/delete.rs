//! Which routes a delete can hit.

use waypost_core::{Family, Metrics, NextHop, Protocol, Route, RouteFlags, RouteRef, Scope};

use super::{encode, metrics};

/// Says whether the kernel, asked to delete `named`, would take `candidate` for it.
///
/// The kernel deletes the first route in its order that this is true of, so a delete is exact where it is true of the
/// wanted route and of none before it. It is the comparison of `fib_table_delete` and `fib_nh_match`
/// (net/ipv4/fib_trie.c, fib_semantics.c) and of `ip6_route_del` (net/ipv6/route.c, Linux 6.18), which takes what is not
/// named for anything.
///
/// ```
/// use waypost_core::Route;
/// use waypost_netlink::wire::route::deletes;
///
/// let named: Route = "default via 10.0.0.1 dev if2 proto static".parse()?;
/// let twin: Route = "default via 10.0.0.1 dev if2 proto static metric 100".parse()?;
/// assert!(deletes(&named, twin.as_ref()), "metric 0 matches any");
/// assert!(!deletes(&twin, named.as_ref()));
/// # Ok::<(), waypost_core::ParseError>(())
/// ```
#[must_use]
pub fn deletes(named: &Route, candidate: RouteRef<'_>) -> bool {
    let (slot, other) = (&named.slot, &candidate.slot);
    let same_key = slot.table == other.table
        && slot.destination == other.destination
        && slot.tos == other.tos
        && slot.source == other.source
        && (slot.metric == 0 || slot.metric == other.metric);
    let protocol = named.entry.protocol;
    same_key
        && (protocol == Protocol::UNSPECIFIED || protocol == candidate.entry.protocol)
        && match slot.destination.family() {
            Family::V4 => v4(named, candidate),
            Family::V6 => v6(named, candidate),
        }
}

fn v4(named: &Route, candidate: RouteRef<'_>) -> bool {
    let (entry, other) = (&named.entry, candidate.entry);
    (encode::disposition(entry.disposition) == 0 || entry.disposition == other.disposition)
        && (entry.scope == Scope::NOWHERE || entry.scope == other.scope)
        && (entry.preferred_source.is_none() || entry.preferred_source == other.preferred_source)
        && v4_next_hops(named, candidate)
        && v4_metrics(&entry.metrics, &other.metrics)
}

/// The comparison of `fib_nh_match`.
fn v4_next_hops(named: &Route, candidate: RouteRef<'_>) -> bool {
    let legs = &*candidate.entry.next_hops;
    if let Some(id) = named.entry.next_hop_object {
        return candidate.entry.next_hop_object == Some(id);
    }
    let hops = &*named.entry.next_hops;
    let says_something = |hop: &NextHop| hop.interface.is_some() || hop.gateway.is_some();
    if candidate.entry.next_hop_object.is_some() {
        return hops.len() < 2 && !hops.iter().any(says_something);
    }
    match hops {
        // Only the first leg of the candidate is looked at.
        [hop] if hop.weight.get() == 1 => {
            !says_something(hop)
                || legs.first().is_some_and(|leg| {
                    v4_leg(hop, leg) && (hop.encapsulation.is_none() || hop.encapsulation == leg.encapsulation)
                })
        }
        [] => true,
        hops => legs.len() <= hops.len() && legs.iter().zip(hops).all(|(leg, hop)| v4_leg(hop, leg)),
    }
}

fn v4_leg(hop: &NextHop, leg: &NextHop) -> bool {
    (hop.interface.is_none() || hop.interface == leg.interface)
        && (hop.gateway.is_none() || hop.gateway == leg.gateway)
        && (hop.realms == 0 || hop.realms == leg.realms)
}

/// The comparison of `fib_metrics_match`.
fn v4_metrics(named: &Metrics, others: &Metrics) -> bool {
    let locked = |metrics: &Metrics| {
        let numbered = metrics::NUMBERED.map(|(_, metric)| metrics.is_locked(metric));
        (numbered, metrics.is_congestion_locked())
    };
    let locks = locked(named);
    let none = locked(&Metrics::default());
    named.iter().all(|(metric, value)| others.get(metric).unwrap_or(0) == value)
        && (named.congestion().is_none() || named.congestion() == others.congestion())
        && (locks == none || locks == locked(others))
}

/// The comparison of `ip6_route_del`, which knows neither types nor path metrics.
fn v6(named: &Route, candidate: RouteRef<'_>) -> bool {
    let cached = |flags: RouteFlags| flags.contains(RouteFlags::CLONED);
    if cached(named.entry.flags) != cached(candidate.entry.flags) {
        return false;
    }
    match (named.entry.next_hop_object, candidate.entry.next_hop_object) {
        (None, None) => {}
        // A route of an object falls to a delete that names no object, whatever its gateway.
        (id, Some(other)) => return id.is_none_or(|id| id == other),
        (Some(_), None) => return false,
    }
    let leg_matches = |hop: &NextHop| {
        candidate.entry.next_hops.iter().any(|leg| {
            (hop.interface.is_none() || hop.interface == leg.interface) && (hop.gateway.is_none() || hop.gateway == leg.gateway)
        })
    };
    named.entry.next_hops.is_empty() || named.entry.next_hops.iter().any(leg_matches)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(named: &str, candidate: &str) -> bool {
        let candidate: Route = candidate.parse().unwrap();
        deletes(&named.parse().unwrap(), candidate.as_ref())
    }

    #[test]
    fn what_is_not_named_matches_anything() {
        let twin = "10.0.0.0/8 via 10.0.0.1 dev if2 proto static metric 5 src 10.0.0.9 mtu 1400";
        assert!(hits(twin, twin));
        assert!(hits("10.0.0.0/8 via 10.0.0.1 proto unspec scope nowhere", twin));
        for other in [
            "10.0.0.0/9 via 10.0.0.1 proto unspec",
            "10.0.0.0/8 via 10.0.0.2 proto unspec",
            "10.0.0.0/8 via 10.0.0.1 dev if3 proto unspec",
            "10.0.0.0/8 via 10.0.0.1 metric 6 proto unspec",
            "10.0.0.0/8 via 10.0.0.1 proto boot",
            "10.0.0.0/8 via 10.0.0.1 proto unspec scope link",
            "10.0.0.0/8 via 10.0.0.1 proto unspec src 10.0.0.8",
            "10.0.0.0/8 via 10.0.0.1 proto unspec mtu 1500",
            "10.0.0.0/8 via 10.0.0.1 proto unspec tos 4",
            "10.0.0.0/8 via 10.0.0.1 proto unspec table 9",
            "10.0.0.0/8 nhid 3 proto unspec scope nowhere",
            "blackhole 10.0.0.0/8 proto unspec scope nowhere",
        ] {
            assert!(!hits(other, twin), "{other}");
        }
    }

    #[test]
    fn one_gateway_hits_a_multipath_route_that_begins_with_it() {
        let multipath = "10.0.0.0/8 nexthop via 10.0.0.1 dev if2 weight 1 nexthop via 10.0.0.2 dev if3 weight 1";
        assert!(hits("10.0.0.0/8 via 10.0.0.1 dev if2", multipath));
        assert!(!hits("10.0.0.0/8 via 10.0.0.2 dev if3", multipath));
        assert!(!hits(multipath, &format!("{multipath} nexthop via 10.0.0.3 dev if4 weight 1")));
    }

    #[test]
    fn ipv6_compares_no_types_and_ignores_gateways_where_an_object_is() {
        assert!(hits("blackhole 2001:db8::/32 metric 5", "2001:db8::/32 via fe80::1 dev if2 metric 5"));
        assert!(hits("2001:db8::/32 via fe80::1 dev if2", "2001:db8::/32 nhid 4 via fe80::2 dev if3"));
        assert!(!hits("2001:db8::/32 nhid 5", "2001:db8::/32 nhid 4 via fe80::2 dev if3"));
        let multipath = "2001:db8::/32 nexthop via fe80::1 dev if2 weight 1 nexthop via fe80::2 dev if3 weight 1";
        assert!(hits("2001:db8::/32 via fe80::2 dev if3", multipath));
        assert!(!hits("2001:db8::/32 via fe80::3 dev if3", multipath));
    }
}
