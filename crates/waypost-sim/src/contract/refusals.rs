//! What a kernel refuses, and how it says so.

use waypost_core::{ErrorKind, IfIndex, Kernel, NextHop, Request, RouteChange};

use super::World;
use super::world::must_fail;

/// A gateway must be attached to a link, unless the route says that it is.
pub fn an_unreachable_gateway_is_refused<K: Kernel>(world: &mut World<'_, K>) {
    must_fail(world.change(RouteChange::Add, "10.1.0.0/16 via 10.9.0.1"), ErrorKind::Unreachable);
    must_fail(world.change(RouteChange::Add, "10.1.0.0/16 via 10.9.0.1 dev w0"), ErrorKind::Unreachable);
    must_fail(world.change(RouteChange::Add, "2001:db8:1::/48 via 2001:db9::1"), ErrorKind::Unreachable);
    must_fail(world.change(RouteChange::Add, "2001:db8:1::/48 via 2001:db9::1 dev w0"), ErrorKind::Unreachable);
    world.must(RouteChange::Add, "10.1.0.0/16 via 10.9.0.1 dev w0 onlink");
    // A gateway behind a gateway is none.
    world.must(RouteChange::Add, "10.2.0.0/16 via 10.0.0.1");
    must_fail(world.change(RouteChange::Add, "10.3.0.0/16 via 10.2.0.1"), ErrorKind::Unreachable);
}

/// IPv4 takes an address of the host's own for a gateway, IPv6 does not.
pub fn ones_own_address_is_a_gateway_on_ipv4_alone<K: Kernel>(world: &mut World<'_, K>) {
    world.must(RouteChange::Add, "10.1.0.0/16 via 10.0.0.2");
    must_fail(world.change(RouteChange::Add, "2001:db8:1::/48 via 2001:db8::2"), ErrorKind::Invalid);
}

/// An IPv6 route cannot be put before others, and is not put behind them instead.
pub fn an_ipv6_route_cannot_be_prepended<K: Kernel>(world: &mut World<'_, K>) {
    must_fail(world.change(RouteChange::Prepend, "2001:db8:1::/48 via 2001:db8::1 metric 5"), ErrorKind::Unsupported);
    assert!(world.routes("2001:db8:1::/48").is_empty());
}

/// An interface that a next hop names must be there.
pub fn a_device_that_is_not_there_is_refused<K: Kernel>(world: &mut World<'_, K>) {
    let nobody = IfIndex::new(4_000_000).unwrap_or_else(|| panic!("an index is not zero"));
    for words in ["10.1.0.0/16 scope link metric 5", "2001:db8:1::/48 metric 5"] {
        let mut route = world.route(words);
        route.entry.next_hops = NextHop::dev(nobody).into();
        must_fail(world.ask(Request::Route(RouteChange::Add, &route)), ErrorKind::NoSuchDevice);
    }
}

/// Requests that go out together are answered one by one, and a failure in the middle stops nothing.
pub fn a_batch_has_an_outcome_for_each<K: Kernel>(world: &mut World<'_, K>) {
    let words = ["10.1.0.0/16 via 10.0.0.1 metric 5", "10.1.0.0/16 via 10.0.0.3 metric 5", "10.2.0.0/16 via 10.0.0.1 metric 5"];
    let routes = words.map(|words| world.route(words));
    let tickets = routes.each_ref().map(|route| world.submit(Request::Route(RouteChange::Add, route)));
    let [first, middle, last] = tickets.map(|ticket| ticket.unwrap_or_else(|error| panic!("{error}")));
    assert!(world.outcome(last).is_ok());
    must_fail(world.outcome(middle), ErrorKind::Exists);
    assert!(world.outcome(first).is_ok());
    assert_eq!(world.gateways("10.1.0.0/16"), [["10.0.0.1"]]);
    assert_eq!(world.gateways("10.2.0.0/16"), [["10.0.0.1"]]);
}

/// A delete of nothing says so, whether the prefix or the whole table is not there.
pub fn what_is_not_there_cannot_be_deleted<K: Kernel>(world: &mut World<'_, K>) {
    for words in [
        "10.1.0.0/16 via 10.0.0.1 dev w0 metric 5",
        "10.1.0.0/16 via 10.0.0.1 dev w0 metric 5 table 4321",
        "2001:db8:1::/48 via 2001:db8::1 dev w0 metric 5",
        "2001:db8:1::/48 via 2001:db8::1 dev w0 metric 5 table 4321",
    ] {
        must_fail(world.change(RouteChange::Delete, words), ErrorKind::NotFound);
    }
}
