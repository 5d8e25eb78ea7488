//! Slots of IPv6: one route whose next hops come and go.

use waypost_core::{Kernel, RouteChange, RouteVerb};

use super::World;
use super::world::{gateways_of, verbs};

const NET: &str = "2001:db8:1::/48";

/// An append joins the next hops of what is there; what is told begins with the new one.
pub fn an_ipv6_append_merges<K: Kernel>(world: &mut World<'_, K>) {
    world.must(RouteChange::Add, "2001:db8:1::/48 via 2001:db8::1 metric 5 proto static");
    drop(world.said());
    world.must(RouteChange::Append, "2001:db8:1::/48 via 2001:db8::3 metric 5 proto bird");
    world.must(RouteChange::Append, "2001:db8:1::/48 via 2001:db8::4 metric 5 proto bird");
    let said = world.said_of(NET);
    assert_eq!(verbs(&said), [RouteVerb::Appended, RouteVerb::Appended]);
    let told: Vec<Vec<String>> = said.iter().map(|(_, route)| gateways_of(route)).collect();
    assert_eq!(told[0], ["2001:db8::3", "2001:db8::1"]);
    assert_eq!(told[1], ["2001:db8::4", "2001:db8::1", "2001:db8::3"]);
    assert!(said.iter().all(|(_, route)| route.entry.protocol == waypost_core::Protocol(12)), "told with the new one's protocol");
    let routes = world.routes(NET);
    assert_eq!(routes.iter().map(gateways_of).collect::<Vec<_>>(), [["2001:db8::1", "2001:db8::3", "2001:db8::4"]]);
    assert_eq!(routes[0].entry.protocol, waypost_core::Protocol::STATIC, "and listed with the first one's");
}

/// Deleting one next hop leaves the others, and is told of that one alone.
pub fn an_ipv6_delete_takes_one_next_hop<K: Kernel>(world: &mut World<'_, K>) {
    world.must(RouteChange::Add, "2001:db8:1::/48 via 2001:db8::1 dev w0 metric 5");
    world.must(RouteChange::Append, "2001:db8:1::/48 via 2001:db8::3 dev w0 metric 5");
    drop(world.said());
    world.must(RouteChange::Delete, "2001:db8:1::/48 via 2001:db8::1 dev w0 metric 5");
    let said = world.said_of(NET);
    assert_eq!(verbs(&said), [RouteVerb::Removed]);
    assert_eq!(gateways_of(&said[0].1), ["2001:db8::1"]);
    assert_eq!(world.gateways(NET), [["2001:db8::3"]]);
}

/// A route that names no metric has that of router advertisements.
pub fn an_ipv6_metric_of_zero_is_1024<K: Kernel>(world: &mut World<'_, K>) {
    world.must(RouteChange::Add, "2001:db8:1::/48 via 2001:db8::1");
    let said = world.said_of(NET);
    assert_eq!(said.iter().map(|(_, route)| route.slot.metric).collect::<Vec<_>>(), [1024]);
    assert_eq!(world.routes(NET).iter().map(|route| route.slot.metric).collect::<Vec<_>>(), [1024]);
}

/// A replace destroys all the next hops that had been merged, and tells the new one alone.
pub fn an_ipv6_replace_takes_all_next_hops<K: Kernel>(world: &mut World<'_, K>) {
    world.must(RouteChange::Add, "2001:db8:1::/48 via 2001:db8::1 metric 5");
    world.must(RouteChange::Append, "2001:db8:1::/48 via 2001:db8::3 metric 5");
    drop(world.said());
    world.must(RouteChange::Replace, "2001:db8:1::/48 via 2001:db8::9 metric 5");
    let said = world.said_of(NET);
    assert_eq!(verbs(&said), [RouteVerb::Replaced]);
    assert_eq!(gateways_of(&said[0].1), ["2001:db8::9"]);
    assert_eq!(world.gateways(NET), [["2001:db8::9"]]);
}

/// Unlike IPv4, a replace of a route by itself is announced.
pub fn an_identical_ipv6_replace_is_announced<K: Kernel>(world: &mut World<'_, K>) {
    world.must(RouteChange::Add, "2001:db8:1::/48 via 2001:db8::1 metric 5");
    drop(world.said());
    world.must(RouteChange::Replace, "2001:db8:1::/48 via 2001:db8::1 metric 5");
    assert_eq!(verbs(&world.said_of(NET)), [RouteVerb::Replaced]);
    assert_eq!(world.gateways(NET), [["2001:db8::1"]]);
}

/// A route without a gateway stands behind the others as a route of its own.
pub fn an_ipv6_route_without_gateway_does_not_merge<K: Kernel>(world: &mut World<'_, K>) {
    world.must(RouteChange::Add, "2001:db8:1::/48 via 2001:db8::1 metric 5");
    drop(world.said());
    world.must(RouteChange::Append, "2001:db8:1::/48 dev w0 metric 5");
    assert_eq!(world.gateways(NET), [["2001:db8::1"], ["-"]]);
    let said = world.said_of(NET);
    assert_eq!(said.iter().map(|(_, route)| gateways_of(route)).collect::<Vec<_>>(), [["-"]]);
}

/// What stands between next hops that have been merged is there, but no dump lists it until one of them has gone.
pub fn an_ipv6_dump_misses_what_stands_between_next_hops<K: Kernel>(world: &mut World<'_, K>) {
    world.must(RouteChange::Add, "2001:db8:1::/48 via 2001:db8::1 metric 5");
    world.must(RouteChange::Append, "2001:db8:1::/48 dev w0 metric 5");
    world.must(RouteChange::Append, "2001:db8:1::/48 via 2001:db8::3 dev w0 metric 5");
    assert_eq!(world.gateways(NET), [["2001:db8::1", "2001:db8::3"]]);
    world.must(RouteChange::Delete, "2001:db8:1::/48 via 2001:db8::3 dev w0 metric 5");
    assert_eq!(world.gateways(NET), [["2001:db8::1"], ["-"]]);
}

/// A route that is added with several next hops is one notice, which has all of them.
pub fn an_ipv6_multipath_is_announced_whole<K: Kernel>(world: &mut World<'_, K>) {
    let words = "2001:db8:1::/48 metric 5 nexthop via 2001:db8::1 dev w0 nexthop via 2001:db8::3 dev w0";
    drop(world.said());
    world.must(RouteChange::Add, words);
    let said = world.said_of(NET);
    assert_eq!(said.iter().map(|(_, route)| gateways_of(route)).collect::<Vec<_>>(), [["2001:db8::1", "2001:db8::3"]]);
    world.must(RouteChange::Delete, words);
    let said = world.said_of(NET);
    assert!(said.iter().all(|(verb, _)| *verb == RouteVerb::Removed));
    let mut gone: Vec<String> = said.iter().flat_map(|(_, route)| gateways_of(route)).collect();
    gone.sort();
    assert_eq!(gone, ["2001:db8::1", "2001:db8::3"]);
}
