//! What every kernel with routing sockets must do. One that cannot say a thing by its nature is asked for others.

use std::net::IpAddr;

use waypost_core::{
    CompareAndDelete, Disposition, Dump, ErrorKind, Family, Flow, Kernel, LookupMode, Notice, Request, RouteChange, RouteVerb,
    Rule, RuleAction, TableId, Verb,
};

use super::World;
use super::world::{Act, address, gateways_of, must_fail, verbs};

/// A network and a gateway to it, of each family.
const PAIRS: [(&str, &str, &str); 2] =
    [("10.1.0.0/16", "10.0.0.1", "10.0.0.3"), ("2001:db8:1::/48", "2001:db8::1", "2001:db8::3")];

/// What is added is told and listed, and gone when it is deleted; each is seen as soon as the outcome is there.
pub fn what_is_added_is_told_and_listed<K: Kernel>(world: &mut World<'_, K>) {
    for (net, gateway, _) in PAIRS {
        for _ in 0..3 {
            world.must(RouteChange::Add, &format!("{net} via {gateway}"));
            assert_eq!(verbs(&world.said_of(net)), [RouteVerb::Added]);
            assert_eq!(world.gateways(net), [[gateway]]);
            world.must(RouteChange::Delete, &format!("{net} via {gateway}"));
            assert_eq!(verbs(&world.said_of(net)), [RouteVerb::Removed]);
            assert!(world.routes(net).is_empty());
        }
    }
}

/// What an event says of a route is what a dump says of it, or the mirror would see changes where there are none.
pub fn an_event_says_what_a_dump_says<K: Kernel>(world: &mut World<'_, K>) {
    for (net, gateway, _) in PAIRS {
        world.must(RouteChange::Add, &format!("{net} via {gateway} proto static"));
        let said: Vec<_> = world.said_of(net).into_iter().map(|(_, route)| route).collect();
        let listed = world.routes(net);
        assert_eq!(said.len(), 1);
        assert_eq!((said[0].slot, said[0].entry.disposition), (listed[0].slot, listed[0].entry.disposition));
        assert_eq!((said[0].entry.protocol, gateways_of(&said[0])), (listed[0].entry.protocol, gateways_of(&listed[0])));
    }
}

/// Adding is exclusive, whatever the gateway; who tried is told, and others hear nothing of it.
pub fn a_second_route_to_a_destination_is_refused<K: Kernel>(world: &mut World<'_, K>) {
    for (net, gateway, other) in PAIRS {
        world.must(RouteChange::Add, &format!("{net} via {gateway}"));
        drop(world.said());
        must_fail(world.change(RouteChange::Add, &format!("{net} via {gateway}")), ErrorKind::Exists);
        must_fail(world.change(RouteChange::Add, &format!("{net} via {other}")), ErrorKind::Exists);
        assert!(world.said_of(net).is_empty());
        assert_eq!(world.gateways(net), [[gateway]]);
    }
}

/// A deletion that names another gateway deletes nothing.
pub fn a_deletion_compares_the_gateway<K: Kernel>(world: &mut World<'_, K>) {
    for (net, gateway, other) in PAIRS {
        world.must(RouteChange::Add, &format!("{net} via {gateway}"));
        drop(world.said());
        must_fail(world.change(RouteChange::Delete, &format!("{net} via {other}")), ErrorKind::NotFound);
        assert!(world.said_of(net).is_empty());
        assert_eq!(world.gateways(net), [[gateway]]);
        world.must(RouteChange::Delete, &format!("{net} via {gateway}"));
        must_fail(world.change(RouteChange::Delete, &format!("{net} via {gateway}")), ErrorKind::NotFound);
    }
}

/// A change puts the new gateway in the place of the old one, and is told so; one of nothing is refused.
pub fn a_change_replaces_the_gateway<K: Kernel>(world: &mut World<'_, K>) {
    for (net, gateway, other) in PAIRS {
        must_fail(world.change(RouteChange::Change, &format!("{net} via {gateway}")), ErrorKind::NotFound);
        world.must(RouteChange::Add, &format!("{net} via {gateway}"));
        drop(world.said());
        world.must(RouteChange::Change, &format!("{net} via {other}"));
        assert_eq!(verbs(&world.said_of(net)), [RouteVerb::Replaced]);
        assert_eq!(world.gateways(net), [[other]]);
    }
}

/// A replacement changes what is there, and adds where nothing is.
pub fn a_replacement_adds_where_nothing_is<K: Kernel>(world: &mut World<'_, K>) {
    for (net, gateway, other) in PAIRS {
        world.must(RouteChange::Replace, &format!("{net} via {gateway}"));
        assert_eq!(world.gateways(net), [[gateway]]);
        world.must(RouteChange::Replace, &format!("{net} via {other}"));
        assert_eq!(world.gateways(net), [[other]]);
    }
}

/// A gateway that no address of the machine covers is refused.
pub fn a_gateway_out_of_reach_is_refused<K: Kernel>(world: &mut World<'_, K>) {
    for words in ["10.1.0.0/16 via 192.0.2.1", "2001:db8:1::/48 via 2001:db8:ffff::1"] {
        must_fail(world.change(RouteChange::Add, words), ErrorKind::Unreachable);
    }
}

/// Masks of every length, and none: hosts, a default route, and what is between.
pub fn destinations_of_every_length_are_kept_apart<K: Kernel>(world: &mut World<'_, K>) {
    for length in 1..=32 {
        let net = waypost_core::Prefix::containing(address("203.0.113.255"), length).map(|net| net.to_string());
        let net = net.unwrap_or_else(|error| panic!("{error}"));
        world.must(RouteChange::Add, &format!("{net} via 10.0.0.1"));
        assert_eq!(world.gateways(&net), [["10.0.0.1"]], "{net}");
    }
    for length in [1, 7, 8, 31, 32, 33, 48, 63, 64, 65, 127, 128] {
        let net = waypost_core::Prefix::containing(address("3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), length);
        let net = net.map_or_else(|error| panic!("{error}"), |net| net.to_string());
        world.must(RouteChange::Add, &format!("{net} via 2001:db8::1"));
        assert_eq!(world.gateways(&net), [["2001:db8::1"]], "{net}");
    }
    for (net, gateway) in [("0.0.0.0/0", "10.0.0.1"), ("::/0", "2001:db8::1")] {
        world.must(RouteChange::Add, &format!("{net} via {gateway}"));
        assert_eq!(world.gateways(net), [[gateway]], "{net}");
        world.must(RouteChange::Delete, &format!("{net} via {gateway}"));
        assert!(world.routes(net).is_empty(), "{net}");
    }
}

/// The longest prefix answers a lookup; where there is none, the destination is unreachable.
pub fn a_lookup_finds_the_longest_prefix<K: Kernel>(world: &mut World<'_, K>) {
    world.must(RouteChange::Add, "10.0.0.0/8 via 10.0.0.1");
    world.must(RouteChange::Add, "10.1.0.0/16 via 10.0.0.3");
    world.must(RouteChange::Add, "2001:db8:1::/48 via 2001:db8::1");
    for (destination, gateway, entry) in [
        ("10.1.2.3", "10.0.0.3", "10.1.0.0/16"),
        ("10.2.2.3", "10.0.0.1", "10.0.0.0/8"),
        ("2001:db8:1::9", "2001:db8::1", "2001:db8:1::/48"),
    ] {
        let flow = Flow::to(address(destination));
        let mut find = |mode| world.ask(Request::Lookup(&flow, mode)).ok().flatten().map(|answer| answer.route);
        let path = find(LookupMode::Path).unwrap_or_else(|| panic!("{destination} has a way"));
        assert_eq!(gateways_of(&path), [gateway]);
        assert!(path.slot.destination.is_host());
        let found = find(LookupMode::Entry).unwrap_or_else(|| panic!("{destination} has an entry"));
        assert_eq!(found.slot.destination.to_string(), entry);
    }
    let nowhere = Flow::to(address("192.0.2.1"));
    must_fail(world.ask(Request::Lookup(&nowhere, LookupMode::Path)), ErrorKind::Unreachable);
}

/// An IPv6 gateway of the link's own goes with its interface.
pub fn a_link_local_gateway_has_its_interface<K: Kernel>(world: &mut World<'_, K>) {
    let w0 = world.index("w0");
    world.must(RouteChange::Add, "2001:db8:1::/48 via fe80::1 dev w0");
    let routes = world.routes("2001:db8:1::/48");
    let hop = routes[0].entry.next_hops.first();
    assert_eq!(hop.and_then(|hop| hop.gateway), Some(address("fe80::1")));
    assert_eq!(hop.and_then(|hop| hop.interface), Some(w0));
    world.must(RouteChange::Delete, "2001:db8:1::/48 via fe80::1 dev w0");
    assert!(world.routes("2001:db8:1::/48").is_empty());
}

/// Routes that lead nowhere say so.
pub fn a_route_that_leads_nowhere_says_so<K: Kernel>(world: &mut World<'_, K>) {
    for (words, net, disposition) in [
        ("blackhole 10.5.0.0/16", "10.5.0.0/16", Disposition::Blackhole),
        ("unreachable 10.6.0.0/16", "10.6.0.0/16", Disposition::Unreachable),
        ("blackhole 2001:db8:5::/48", "2001:db8:5::/48", Disposition::Blackhole),
    ] {
        world.must(RouteChange::Add, words);
        assert_eq!(world.routes(net).iter().map(|route| route.entry.disposition).collect::<Vec<_>>(), [disposition]);
        world.must(RouteChange::Delete, words);
        assert!(world.routes(net).is_empty(), "{net}");
    }
}

/// What routing messages cannot say is refused before the kernel is asked, and nothing is dropped silently.
pub fn what_cannot_be_said_is_unsupported<K: Kernel>(world: &mut World<'_, K>) {
    for words in [
        "10.1.0.0/16 via 10.0.0.1 metric 5",
        "10.1.0.0/16 via 10.0.0.1 tos 4",
        "10.1.0.0/16 nexthop via 10.0.0.1 weight 1 nexthop via 10.0.0.3 weight 1",
        "10.1.0.0/16 via 10.0.0.1 mtu 1400 quickack 1",
        "throw 10.1.0.0/16",
    ] {
        must_fail(world.change(RouteChange::Add, words), ErrorKind::Unsupported);
    }
    must_fail(world.change(RouteChange::Append, "10.1.0.0/16 via 10.0.0.1"), ErrorKind::Unsupported);
    let rule = Rule::new(Family::V4, 5, RuleAction::Lookup(TableId(0)));
    must_fail(world.ask(Request::AddRule(&rule)), ErrorKind::Unsupported);
    assert!(world.routes("10.1.0.0/16").is_empty());
    assert_ne!(world.compare_and_delete(), CompareAndDelete::Native);
}

/// Links and addresses come, change and go, and an event about a link has its name although not every message does.
pub fn links_and_addresses_are_told<K: Kernel>(world: &mut World<'_, K>) {
    let (w0, name) = (world.index("w0"), world.link().to_owned());
    world.act(Act::SetDown("w0"));
    let is_down = |notice: &Notice| matches!(notice, Notice::Link(Verb::Present, link) if link.index == w0 && !link.is_up() && link.name == name);
    assert!(world.said().iter().any(is_down));
    world.act(Act::SetUp("w0"));
    let is_up = |notice: &Notice| matches!(notice, Notice::Link(_, link) if link.index == w0 && link.is_up() && link.mtu == 1500);
    assert!(world.said().iter().any(is_up));
    let own: IpAddr = address("10.50.0.1");
    world.act(Act::AddAddress("w0", own, 24));
    let said = world.said();
    let is_told = |verb: Verb, said: &[Notice]| {
        said.iter().any(|notice| {
            matches!(notice, Notice::Address(of, known) if *of == verb && known.local == own && known.prefix_length == 24)
        })
    };
    assert!(is_told(Verb::Present, &said));
    assert_eq!(world.routes("10.50.0.0/24").len(), 1, "with its route");
    assert!(is_told(Verb::Listed, &world.list(Dump::Addresses)));
    world.act(Act::RemoveAddress("w0", own, 24));
    assert!(is_told(Verb::Removed, &world.said()));
    assert!(world.routes("10.50.0.0/24").is_empty());
}

/// Many requests at once have an outcome each, and what they did is there.
pub fn many_requests_have_an_outcome_each<K: Kernel>(world: &mut World<'_, K>) {
    let routes: Vec<_> = (0..50).map(|net| world.route(&format!("10.100.{net}.0/24 via 10.0.0.1"))).collect();
    let tickets: Vec<_> = routes.iter().map(|route| world.submit(Request::Route(RouteChange::Add, route))).collect();
    for ticket in tickets {
        let ticket = ticket.unwrap_or_else(|error| panic!("{error}"));
        drop(world.outcome(ticket).unwrap_or_else(|error| panic!("{error}")));
    }
    let mut filter = waypost_core::RouteFilter::default();
    filter.inside = Some(super::world::prefix("10.100.0.0/16"));
    assert_eq!(world.routes_passing(Family::V4, &filter).len(), 50);
}

/// Gives the names of all contract tests for kernels with routing sockets to a macro, as
/// [`contract_tests!`](crate::contract_tests) does for rtnetlink.
#[macro_export]
macro_rules! routing_contract_tests {
    ($each:ident) => {
        $each! {
            what_is_added_is_told_and_listed,
            an_event_says_what_a_dump_says,
            a_second_route_to_a_destination_is_refused,
            a_deletion_compares_the_gateway,
            a_change_replaces_the_gateway,
            a_replacement_adds_where_nothing_is,
            a_gateway_out_of_reach_is_refused,
            destinations_of_every_length_are_kept_apart,
            a_lookup_finds_the_longest_prefix,
            a_link_local_gateway_has_its_interface,
            a_route_that_leads_nowhere_says_so,
            what_cannot_be_said_is_unsupported,
            links_and_addresses_are_told,
            many_requests_have_an_outcome_each,
        }
    };
}
