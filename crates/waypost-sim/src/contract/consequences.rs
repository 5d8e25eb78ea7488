//! What goes with links, addresses and next-hop objects, and what is said of it.

use std::net::IpAddr;

use waypost_core::{
    Address, Dump, Kernel, NextHop, NextHopFlags, NextHopId, NextHopObject, NextHopObjectKind, Notice, Request, Route,
    RouteChange, RouteVerb, Verb,
};

use super::world::{Act, address, verbs};
use super::{World, world};

const V4: &str = "10.1.0.0/16";
const V6: &str = "2001:db8:1::/48";

/// Adds a route of each family through a gateway.
fn add_both<K: Kernel>(world: &mut World<'_, K>) {
    world.must(RouteChange::Add, "10.1.0.0/16 via 10.0.0.1 metric 5");
    world.must(RouteChange::Add, "2001:db8:1::/48 via 2001:db8::1 metric 5");
    drop(world.said());
}

/// The addresses of a link.
fn addresses<K: Kernel>(world: &mut World<'_, K>, link: &str) -> Vec<Address> {
    let index = world.index(link);
    let own = world.list(Dump::Addresses).into_iter();
    own.filter_map(|notice| if let Notice::Address(_, own) = notice { Some(*own) } else { None })
        .filter(|own| own.interface == index)
        .collect()
}

/// What was said of the routes to both destinations.
fn said_of_both(said: &[Notice]) -> (Vec<RouteVerb>, Vec<RouteVerb>) {
    let of = |destination: &str| {
        let prefix = world::prefix(destination);
        let of_it = said.iter().filter_map(|notice| match notice {
            Notice::Route(verb, route) if route.slot.destination == prefix => Some(*verb),
            _ => None,
        });
        of_it.collect()
    };
    (of(V4), of(V6))
}

/// Switching a link off takes the routes over it: IPv4 without a word, IPv6 one by one. What has no way out stays.
pub fn a_link_that_goes_down_drops_ipv4_silently_and_ipv6_loudly<K: Kernel>(world: &mut World<'_, K>) {
    world.must(RouteChange::Add, "blackhole 10.2.0.0/16 metric 5");
    add_both(world);
    world.act(Act::SetDown("w0"));
    let said = world.said();
    assert_eq!(said_of_both(&said), (vec![], vec![RouteVerb::Removed]));
    let w0 = world.index("w0");
    let is_down = |notice: &Notice| matches!(notice, Notice::Link(Verb::Present, link) if link.index == w0 && !link.is_up());
    assert!(said.iter().any(is_down), "the link says so");
    assert!(world.routes(V4).is_empty() && world.routes(V6).is_empty());
    assert!(world.routes("10.0.0.0/24").is_empty(), "the connected route too");
    assert_eq!(world.routes("10.0.0.2/32").len(), 1, "but not that to the host's own address");
    assert_eq!(world.routes("10.2.0.0/16").len(), 1, "nor the blackhole");
    let left: Vec<IpAddr> = addresses(world, "w0").iter().map(|own| own.local).collect();
    assert_eq!(left, [address("10.0.0.2")], "IPv6 addresses go, IPv4 ones stay");
}

/// When the link is back, so are the kernel's own routes, announced; those of others are not.
pub fn a_link_that_comes_up_brings_its_own_routes_alone<K: Kernel>(world: &mut World<'_, K>) {
    add_both(world);
    world.act(Act::SetDown("w0"));
    drop(world.said());
    world.act(Act::SetUp("w0"));
    assert_eq!(verbs(&world.said_of("10.0.0.0/24")), [RouteVerb::Added]);
    assert_eq!(world.routes("10.0.0.0/24").len(), 1);
    assert!(world.routes(V4).is_empty() && world.routes(V6).is_empty());
}

/// Removing a link is switching it off, and more: its addresses and their routes go too.
pub fn a_link_that_is_removed_takes_its_routes<K: Kernel>(world: &mut World<'_, K>) {
    add_both(world);
    let w0 = world.index("w0");
    world.act(Act::RemoveLink("w0"));
    let said = world.said();
    assert_eq!(said_of_both(&said), (vec![], vec![RouteVerb::Removed]));
    let is_gone = |notice: &Notice| matches!(notice, Notice::Link(Verb::Removed, link) if link.index == w0);
    assert!(said.iter().any(is_gone), "the link says so");
    let without_address =
        |notice: &Notice| matches!(notice, Notice::Address(Verb::Removed, own) if own.local == address("10.0.0.2"));
    assert!(said.iter().any(without_address), "and the address");
    assert!(["10.0.0.0/24", "10.0.0.2/32", V4, V6].iter().all(|destination| world.routes(destination).is_empty()));
}

/// An address takes its connected and local routes and those that prefer it as source, all announced; a gateway's route stays if another address is left.
pub fn an_address_takes_its_routes<K: Kernel>(world: &mut World<'_, K>) {
    world.act(Act::AddAddress("w0", address("10.50.0.1"), 24));
    world.must(RouteChange::Add, "10.1.0.0/16 via 10.50.0.9 metric 5");
    world.must(RouteChange::Add, "10.3.0.0/16 via 10.0.0.1 src 10.50.0.1 metric 5");
    drop(world.said());
    world.act(Act::RemoveAddress("w0", address("10.50.0.1"), 24));
    let said = world.said();
    for destination in ["10.50.0.0/24", "10.50.0.1/32", "10.50.0.255/32", "10.3.0.0/16"] {
        let prefix = world::prefix(destination);
        let is_told =
            |notice: &Notice| matches!(notice, Notice::Route(RouteVerb::Removed, route) if route.slot.destination == prefix);
        assert!(said.iter().any(is_told), "{destination} is told");
        assert!(world.routes(destination).is_empty(), "{destination} is gone");
    }
    assert_eq!(world.gateways(V4), [["10.50.0.9"]]);
}

/// With its last IPv4 address a link loses all IPv4 routes over it; only the kernel's own are announced. IPv6 loses none.
pub fn the_last_ipv4_address_takes_all_routes_silently<K: Kernel>(world: &mut World<'_, K>) {
    add_both(world);
    world.act(Act::RemoveAddress("w0", address("10.0.0.2"), 24));
    assert_eq!(said_of_both(&world.said()), (vec![], vec![]));
    assert!(world.routes(V4).is_empty());
    assert_eq!(world.routes(V6).len(), 1);
    for own in addresses(world, "w0") {
        world.act(Act::RemoveAddress("w0", own.local, own.prefix_length));
    }
    assert!(addresses(world, "w0").is_empty());
    assert_eq!(said_of_both(&world.said()), (vec![], vec![]));
    assert_eq!(world.routes(V6).len(), 1, "IPv6 keeps a route whose gateway nothing covers any more");
}

/// A lost carrier marks the next hops, and only the link says so.
pub fn a_lost_carrier_is_said_of_the_link_alone<K: Kernel>(world: &mut World<'_, K>) {
    add_both(world);
    world.act(Act::TakeCarrier("w0"));
    let w0 = world.index("w0");
    // A worker of the kernel's tells of it in its own time (net/core/link_watch.c).
    world.wait_until_said(
        |notice| matches!(notice, Notice::Link(Verb::Present, link) if link.index == w0 && link.is_up() && !link.has_carrier()),
    );
    assert_eq!(said_of_both(&world.said()), (vec![], vec![]));
    for destination in [V4, V6] {
        let routes = world.routes(destination);
        let flags: Vec<NextHopFlags> =
            routes.iter().flat_map(|route| route.entry.next_hops.iter().map(|hop| hop.flags)).collect();
        assert_eq!(flags, [NextHopFlags::LINK_DOWN]);
    }
}

/// Adds a next-hop object through a gateway over `w0`.
fn add_object<K: Kernel>(world: &mut World<'_, K>, id: u32, gateway: &str, replace: bool) -> NextHopId {
    let id = NextHopId::new(id).unwrap_or_else(|| panic!("an id is not zero"));
    let gateway = address(gateway);
    let hop = NextHop::via(gateway).with_interface(world.index("w0"));
    let object = NextHopObject::new(id, Some(waypost_core::Family::of(&gateway)), NextHopObjectKind::Single(hop));
    let done = world.ask(Request::AddNextHop { object: &object, replace });
    done.unwrap_or_else(|error| panic!("{error}"));
    id
}

/// Adds a next-hop object and a route by it, for each family.
fn add_both_by_object<K: Kernel>(world: &mut World<'_, K>) -> [NextHopId; 2] {
    let ids = [add_object(world, 7, "10.0.0.1", false), add_object(world, 8, "2001:db8::1", false)];
    for (destination, id) in [V4, V6].into_iter().zip(ids) {
        let mut route: Route = world.route(&format!("{destination} metric 5 proto static"));
        route.entry.next_hop_object = Some(id);
        let done = world.ask(Request::Route(RouteChange::Add, &route));
        done.unwrap_or_else(|error| panic!("{error}"));
    }
    drop(world.said());
    ids
}

/// A route by an object has its next hops; deleting the object takes IPv4 routes silently and IPv6 ones loudly.
pub fn a_next_hop_object_takes_its_routes<K: Kernel>(world: &mut World<'_, K>) {
    let ids = add_both_by_object(world);
    assert_eq!(world.gateways(V4), [["10.0.0.1"]]);
    assert_eq!(world.gateways(V6), [["2001:db8::1"]]);
    assert_eq!(world.routes(V4)[0].entry.next_hop_object, Some(ids[0]));
    for id in ids {
        world.ask(Request::DeleteNextHop(id)).unwrap_or_else(|error| panic!("{error}"));
    }
    let said = world.said();
    assert_eq!(said_of_both(&said), (vec![], vec![RouteVerb::Removed]));
    let told = said.iter().filter(|notice| matches!(notice, Notice::NextHop(Verb::Removed, _)));
    assert_eq!(told.count(), 2);
    assert!(world.routes(V4).is_empty() && world.routes(V6).is_empty());
    world::must_fail(world.ask(Request::DeleteNextHop(ids[0])), waypost_core::ErrorKind::NotFound);
}

/// An object over a link that is switched off is gone, and nobody says so.
pub fn a_next_hop_object_goes_with_its_link_silently<K: Kernel>(world: &mut World<'_, K>) {
    add_both_by_object(world);
    assert_eq!(world.list(Dump::NextHops).len(), 2);
    world.act(Act::SetDown("w0"));
    let said = world.said();
    assert!(!said.iter().any(|notice| matches!(notice, Notice::NextHop(..))), "{said:?}");
    assert_eq!(said_of_both(&said), (vec![], vec![RouteVerb::Removed]));
    assert!(world.list(Dump::NextHops).is_empty());
    assert!(world.routes(V4).is_empty() && world.routes(V6).is_empty());
}

/// Replacing an object changes the routes by it, and each is announced as replaced.
pub fn a_replaced_next_hop_object_changes_its_routes<K: Kernel>(world: &mut World<'_, K>) {
    add_both_by_object(world);
    add_object(world, 7, "10.0.0.3", true);
    add_object(world, 8, "2001:db8::3", true);
    assert_eq!(said_of_both(&world.said()), (vec![RouteVerb::Replaced], vec![RouteVerb::Replaced]));
    assert_eq!(world.gateways(V4), [["10.0.0.3"]]);
    assert_eq!(world.gateways(V6), [["2001:db8::3"]]);
}
