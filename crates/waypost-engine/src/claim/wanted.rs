//! Whether a route that is there says all that another asks for.

use waypost_core::{Entry, Family, Metric, Metrics, NextHop, NextHopFlags, Preference, Protocol, Route, RouteRef, Slot};

/// The metric that an IPv6 route of metric 0 gets: `IP6_RT_PRIO_USER` in `include/net/ip6_route.h` (Linux 6.18).
const IPV6_USUAL_METRIC: u32 = 1024;

/// The marks of a next hop that whoever adds a route can ask for; the others are the kernel's to say.
const ASKED: NextHopFlags = NextHopFlags::ON_LINK.union(NextHopFlags::PERVASIVE);

/// Says whether a route that is there is the one that is wanted: in its slot, and saying all that it says. What `wanted` leaves open
/// the kernel may have filled in.
///
/// ```
/// use waypost_core::Route;
/// use waypost_engine::claim::satisfies;
///
/// let wanted: Route = "10.0.0.0/8 via 10.9.0.1 metric 5".parse()?;
/// let there: Route = "10.0.0.0/8 via 10.9.0.1 dev if2 metric 5".parse()?;
/// assert!(satisfies(&there, &wanted) && !satisfies(&wanted, &there));
/// # Ok::<(), waypost_core::ParseError>(())
/// ```
#[must_use]
pub fn satisfies(route: &Route, wanted: &Route) -> bool {
    is_satisfied_by(wanted, route.as_ref())
}

/// The same of a route in somebody's table.
pub(super) fn is_satisfied_by(wanted: &Route, there: RouteRef<'_>) -> bool {
    same_slot(&there.slot, &wanted.slot) && says_all_of(there.entry, &wanted.entry, wanted.slot.destination.family())
}

/// Says whether a route goes, among others, by all the next hops of `wanted`, from its slot.
#[must_use]
pub fn has_legs_of(route: &Route, wanted: &Route) -> bool {
    same_slot(&route.slot, &wanted.slot) && each_goes_its_way(&route.entry.next_hops, &wanted.entry.next_hops)
}

/// The slot that the kernel keeps a route in that is added to this one.
#[must_use]
pub fn as_kept(mut slot: Slot) -> Slot {
    if slot.destination.family() == Family::V6 && slot.metric == 0 {
        slot.metric = IPV6_USUAL_METRIC;
    }
    slot
}

fn same_slot(there: &Slot, wanted: &Slot) -> bool {
    // The kernel's own IPv6 routes have no metric, though nobody else can add such.
    there == wanted || *there == as_kept(*wanted)
}

/// Says whether `entry` says all that `wanted` asks for; what `wanted` leaves open the kernel may have filled in.
fn says_all_of(entry: &Entry, wanted: &Entry, family: Family) -> bool {
    entry.disposition == wanted.disposition
        && (wanted.protocol == Protocol::UNSPECIFIED || entry.protocol == wanted.protocol)
        // The kernel has no scopes for IPv6 routes.
        && (family == Family::V6 || entry.scope == wanted.scope)
        && wanted.preferred_source.is_none_or(|source| entry.preferred_source == Some(source))
        && wanted.next_hop_object.is_none_or(|id| entry.next_hop_object == Some(id))
        && (wanted.preference == Preference::Medium || entry.preference == wanted.preference)
        && has_metrics(&entry.metrics, &wanted.metrics)
        && wanted.unnamed.as_slice().iter().all(|attribute| entry.unnamed.as_slice().contains(attribute))
        && (wanted.next_hops.is_empty() || entry.next_hops.len() == wanted.next_hops.len())
        && each_goes_its_way(&entry.next_hops, &wanted.next_hops)
}

/// Says whether there are all the metrics that are wanted, locked where that is wanted.
fn has_metrics(there: &Metrics, wanted: &Metrics) -> bool {
    wanted.iter().all(|(metric, value)| there.get(metric) == Some(value))
        && Metric::ALL.into_iter().all(|metric| there.is_locked(metric) || !wanted.is_locked(metric))
        && wanted.congestion().is_none_or(|algorithm| there.congestion() == Some(algorithm))
        && (there.is_congestion_locked() || !wanted.is_congestion_locked())
}

/// Says whether each of the wanted next hops has one of its own: the kernel counts one that is named twice as two.
fn each_goes_its_way(there: &[NextHop], wanted: &[NextHop]) -> bool {
    // Most there are by far, and a claim set has many: nothing is allocated for them.
    match (there, wanted) {
        (_, []) => return true,
        ([there], [wanted]) => return goes_that_way(there, wanted),
        _ => {}
    }
    let mut left: Vec<&NextHop> = there.iter().collect();
    wanted.iter().all(|hop| {
        let found = left.iter().position(|there| goes_that_way(there, hop));
        found.map(|at| left.remove(at)).is_some()
    })
}

/// Says whether a next hop that is there is the one that is wanted.
#[must_use]
pub fn goes_that_way(there: &NextHop, wanted: &NextHop) -> bool {
    there.gateway == wanted.gateway
        && wanted.interface.is_none_or(|index| there.interface == Some(index))
        && there.weight == wanted.weight
        && (wanted.realms == 0 || there.realms == wanted.realms)
        && there.flags.contains(wanted.flags & ASKED)
        && there.encapsulation == wanted.encapsulation
}

#[cfg(test)]
mod tests {
    use super::*;

    fn satisfied(there: &str, wanted: &str) -> bool {
        satisfies(&there.parse().unwrap(), &wanted.parse().unwrap())
    }

    #[test]
    fn what_was_left_open_the_kernel_may_fill_in() {
        assert!(satisfied("10.0.0.0/8 via 10.9.0.1 dev if2 metric 5", "10.0.0.0/8 via 10.9.0.1 metric 5"));
        assert!(satisfied("2001:db8::/32 via fe80::1 dev if2 metric 1024", "2001:db8::/32 via fe80::1 dev if2"));
        assert!(satisfied("10.0.0.0/8 via 10.9.0.1 dev if2 src 10.9.0.7 linkdown", "10.0.0.0/8 via 10.9.0.1"));
        assert!(satisfied("10.0.0.0/8 via 10.9.0.1 dev if2 mtu lock 1400 congctl lock bbr", "10.0.0.0/8 via 10.9.0.1 mtu 1400"));
        assert!(satisfied("2001:db8::/32 via fe80::1 dev if2 metric 5 pref high", "2001:db8::/32 via fe80::1 metric 5"));
    }

    #[test]
    fn an_ipv6_route_of_the_kernels_own_has_no_metric() {
        assert!(satisfied("local ::1 dev if1 table local proto kernel", "local ::1 dev if1 table local proto kernel"));
    }

    #[test]
    fn what_was_asked_for_must_be_there() {
        for (there, wanted) in [
            (
                "2001:db8::/32 nexthop via fe80::1 dev if2 weight 1 nexthop via fe80::2 dev if2 weight 1",
                "2001:db8::/32 nexthop via fe80::1 dev if2 weight 1 nexthop via fe80::1 dev if2 weight 1",
            ),
            ("10.0.0.0/8 via 10.9.0.1 dev if2", "10.0.0.0/8 via 10.9.0.2"),
            ("10.0.0.0/8 via 10.9.0.1 dev if2", "10.0.0.0/8 via 10.9.0.1 dev if3"),
            ("10.0.0.0/8 via 10.9.0.1 dev if2", "10.0.0.0/8 via 10.9.0.1 proto static"),
            ("10.0.0.0/8 via 10.9.0.1 dev if2", "10.0.0.0/8 via 10.9.0.1 mtu 1400"),
            ("10.0.0.0/8 via 10.9.0.1 dev if2 mtu 1400", "10.0.0.0/8 via 10.9.0.1 mtu lock 1400"),
            ("10.0.0.0/8 via 10.9.0.1 dev if2 congctl cubic", "10.0.0.0/8 via 10.9.0.1 congctl bbr"),
            ("10.0.0.0/8 via 10.9.0.1 dev if2 congctl bbr", "10.0.0.0/8 via 10.9.0.1 congctl lock bbr"),
            ("10.0.0.0/8 via 10.9.0.1 dev if2 realms 7", "10.0.0.0/8 via 10.9.0.1 realms 8"),
            ("10.0.0.0/8 via 10.9.0.1 dev if2", "10.0.0.0/8 via 10.9.0.1 attr 26 0x01"),
            ("2001:db8::/32 via fe80::1 dev if2 metric 5 pref low", "2001:db8::/32 via fe80::1 metric 5 pref high"),
            ("10.0.0.0/8 via 10.9.0.1 dev if2", "10.0.0.0/8 via 10.9.0.1 src 10.9.0.7"),
            ("10.0.0.0/8 via 10.9.0.1 dev if2", "10.0.0.0/8 via 10.9.0.1 onlink"),
            ("10.0.0.0/8 via 10.9.0.1 dev if2", "10.0.0.0/8 via 10.9.0.1 nhid 5"),
            ("10.0.0.0/8 via 10.9.0.1 dev if2", "10.0.0.0/8 via 10.9.0.1 metric 5"),
            ("10.0.0.0/8 via 10.9.0.1 dev if2", "blackhole 10.0.0.0/8"),
            ("10.0.0.0/8 nexthop via 10.9.0.1 weight 1 nexthop via 10.9.0.2 weight 2", "10.0.0.0/8 via 10.9.0.1"),
            (
                "10.0.0.0/8 nexthop via 10.9.0.1 weight 1 nexthop via 10.9.0.2 weight 2",
                "10.0.0.0/8 nexthop via 10.9.0.1 weight 2 nexthop via 10.9.0.2 weight 2",
            ),
        ] {
            assert!(!satisfied(there, wanted), "{there} | {wanted}");
        }
    }
}
