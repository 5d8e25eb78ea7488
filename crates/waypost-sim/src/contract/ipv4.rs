//! Slots of IPv4: an ordered list of routes each.

use waypost_core::{Disposition, ErrorKind, Kernel, RouteChange, RouteVerb, TableId};

use super::World;
use super::world::{must_fail, verbs};

const NET: &str = "10.1.0.0/16";

/// An exclusive add needs an empty slot; another metric is another slot.
pub fn an_exclusive_add_refuses_a_second<K: Kernel>(world: &mut World<'_, K>) {
    for (one, other, elsewhere) in [
        ("10.1.0.0/16 via 10.0.0.1 metric 5", "10.1.0.0/16 via 10.0.0.3 metric 5", "10.1.0.0/16 via 10.0.0.3 metric 6"),
        (
            "2001:db8:1::/48 via 2001:db8::1 metric 5",
            "2001:db8:1::/48 via 2001:db8::3 metric 5",
            "2001:db8:1::/48 via 2001:db8::3 metric 6",
        ),
    ] {
        world.must(RouteChange::Add, one);
        must_fail(world.change(RouteChange::Add, one), ErrorKind::Exists);
        must_fail(world.change(RouteChange::Add, other), ErrorKind::Exists);
        world.must(RouteChange::Add, elsewhere);
    }
    assert_eq!(world.gateways(NET), [["10.0.0.1"], ["10.0.0.3"]]);
    assert_eq!(world.gateways("2001:db8:1::/48"), [["2001:db8::1"], ["2001:db8::3"]]);
}

/// A delete compares the gateway, the metric, the protocol and the table.
pub fn a_delete_that_names_the_wrong_thing_deletes_nothing<K: Kernel>(world: &mut World<'_, K>) {
    for (route, wrong) in [
        (
            "10.1.0.0/16 via 10.0.0.1 dev w0 metric 5 proto static",
            [
                "10.1.0.0/16 via 10.0.0.3 dev w0 metric 5 proto static",
                "10.1.0.0/16 via 10.0.0.1 dev w0 metric 6 proto static",
                "10.1.0.0/16 via 10.0.0.1 dev w0 metric 5 proto bird",
                "10.1.0.0/16 via 10.0.0.1 dev w0 metric 5 proto static table 100",
            ],
        ),
        (
            "2001:db8:1::/48 via 2001:db8::1 dev w0 metric 5 proto static",
            [
                "2001:db8:1::/48 via 2001:db8::3 dev w0 metric 5 proto static",
                "2001:db8:1::/48 via 2001:db8::1 dev w0 metric 6 proto static",
                "2001:db8:1::/48 via 2001:db8::1 dev w0 metric 5 proto bird",
                "2001:db8:1::/48 via 2001:db8::1 dev w0 metric 5 proto static table 100",
            ],
        ),
    ] {
        world.must(RouteChange::Add, route);
        for wrong in wrong {
            must_fail(world.change(RouteChange::Delete, wrong), ErrorKind::NotFound);
        }
        let destination = world.route(route).slot.destination.to_string();
        assert_eq!(world.routes(&destination).len(), 1);
        drop(world.said());
        world.must(RouteChange::Delete, route);
        assert_eq!(verbs(&world.said_of(&destination)), [RouteVerb::Removed]);
        assert!(world.routes(&destination).is_empty());
    }
}

/// An IPv4 delete compares type, scope and preferred source too.
pub fn an_ipv4_delete_compares_what_else_is_named<K: Kernel>(world: &mut World<'_, K>) {
    world.must(RouteChange::Add, "10.1.0.0/16 via 10.0.0.1 metric 5");
    for wrong in [
        "blackhole 10.1.0.0/16 metric 5",
        "10.1.0.0/16 via 10.0.0.1 scope link metric 5",
        "10.1.0.0/16 via 10.0.0.1 src 10.0.0.2 metric 5",
    ] {
        must_fail(world.change(RouteChange::Delete, wrong), ErrorKind::NotFound);
    }
    assert_eq!(world.gateways(NET), [["10.0.0.1"]]);
}

/// A route that names no metric has none.
pub fn an_ipv4_metric_of_zero_is_zero<K: Kernel>(world: &mut World<'_, K>) {
    world.must(RouteChange::Add, "10.1.0.0/16 via 10.0.0.1");
    assert_eq!(world.routes(NET).iter().map(|route| route.slot.metric).collect::<Vec<_>>(), [0]);
}

/// A replace takes the place of the first route in its slot, whoever owns it; the others stay, and the event names the new one alone.
pub fn a_replace_hits_the_first<K: Kernel>(world: &mut World<'_, K>) {
    world.must(RouteChange::Add, "10.1.0.0/16 via 10.0.0.1 metric 5 proto static");
    world.must(RouteChange::Append, "10.1.0.0/16 via 10.0.0.3 metric 5");
    drop(world.said());
    world.must(RouteChange::Replace, "10.1.0.0/16 via 10.0.0.9 metric 5");
    assert_eq!(world.gateways(NET), [["10.0.0.9"], ["10.0.0.3"]]);
    let said = world.said_of(NET);
    assert_eq!(verbs(&said), [RouteVerb::Replaced]);
    must_fail(world.change(RouteChange::Replace, "10.1.0.0/16 via 10.0.0.3 metric 5"), ErrorKind::Exists);
    world.must(RouteChange::Change, "10.1.0.0/16 via 10.0.0.8 metric 5");
    assert_eq!(world.gateways(NET), [["10.0.0.8"], ["10.0.0.3"]]);
}

/// The order of a slot is that of its appends and prepends, and events say which it was.
pub fn an_append_goes_behind_and_a_prepend_before<K: Kernel>(world: &mut World<'_, K>) {
    world.must(RouteChange::Append, "10.1.0.0/16 via 10.0.0.1 metric 5");
    world.must(RouteChange::Append, "10.1.0.0/16 via 10.0.0.3 metric 5");
    world.must(RouteChange::Prepend, "10.1.0.0/16 via 10.0.0.4 metric 5");
    must_fail(world.change(RouteChange::Append, "10.1.0.0/16 via 10.0.0.3 metric 5"), ErrorKind::Exists);
    assert_eq!(verbs(&world.said_of(NET)), [RouteVerb::Added, RouteVerb::Appended, RouteVerb::Prepended]);
    assert_eq!(world.gateways(NET), [["10.0.0.4"], ["10.0.0.1"], ["10.0.0.3"]]);
}

/// A replace of the first route by itself succeeds, and nobody hears of it.
pub fn an_identical_ipv4_replace_says_nothing<K: Kernel>(world: &mut World<'_, K>) {
    world.must(RouteChange::Add, "10.1.0.0/16 via 10.0.0.1 metric 5");
    drop(world.said());
    world.must(RouteChange::Replace, "10.1.0.0/16 via 10.0.0.1 metric 5");
    assert_eq!(world.said_of(NET), []);
    world.must(RouteChange::Replace, "10.1.0.0/16 via 10.0.0.3 metric 5");
    assert_eq!(verbs(&world.said_of(NET)), [RouteVerb::Replaced]);
}

/// A change needs something to change, in its own slot.
pub fn a_change_of_nothing_is_not_found<K: Kernel>(world: &mut World<'_, K>) {
    world.must(RouteChange::Add, "10.1.0.0/16 via 10.0.0.1 metric 5");
    must_fail(world.change(RouteChange::Change, "10.1.0.0/16 via 10.0.0.1 metric 6"), ErrorKind::NotFound);
    must_fail(world.change(RouteChange::Change, "10.2.0.0/16 via 10.0.0.1 metric 5"), ErrorKind::NotFound);
    must_fail(world.change(RouteChange::Change, "2001:db8:1::/48 via 2001:db8::1 metric 5"), ErrorKind::NotFound);
}

/// In a delete, an IPv4 metric of zero names none: the first route that otherwise matches goes.
pub fn metric_zero_deletes_any_ipv4_route<K: Kernel>(world: &mut World<'_, K>) {
    world.must(RouteChange::Add, "10.1.0.0/16 via 10.0.0.1 metric 7");
    world.must(RouteChange::Add, "10.1.0.0/16 via 10.0.0.1 metric 5");
    world.must(RouteChange::Delete, "10.1.0.0/16 via 10.0.0.1");
    let left: Vec<u32> = world.routes(NET).iter().map(|route| route.slot.metric).collect();
    assert_eq!(left, [7]);
}

/// Blackholes and their like have no way out, and keep their type.
pub fn routes_that_lead_nowhere_are_kept_apart<K: Kernel>(world: &mut World<'_, K>) {
    for (words, destination, disposition) in [
        ("blackhole 10.1.0.0/16 metric 5", "10.1.0.0/16", Disposition::Blackhole),
        ("unreachable 10.2.0.0/16 metric 5", "10.2.0.0/16", Disposition::Unreachable),
        ("prohibit 10.3.0.0/16 metric 5", "10.3.0.0/16", Disposition::Prohibit),
        ("throw 10.4.0.0/16 metric 5", "10.4.0.0/16", Disposition::Throw),
        ("blackhole 2001:db8:1::/48 metric 5", "2001:db8:1::/48", Disposition::Blackhole),
        ("unreachable 2001:db8:2::/48 metric 5", "2001:db8:2::/48", Disposition::Unreachable),
    ] {
        world.must(RouteChange::Add, words);
        let routes = world.routes(destination);
        assert_eq!(routes.iter().map(|route| route.entry.disposition).collect::<Vec<_>>(), [disposition]);
        world.must(RouteChange::Delete, words);
        assert!(world.routes(destination).is_empty());
    }
}

/// A multipath route is one route, with its next hops in order and their weights.
pub fn a_multipath_keeps_its_weights<K: Kernel>(world: &mut World<'_, K>) {
    for (words, destination) in [
        ("10.1.0.0/16 metric 5 nexthop via 10.0.0.1 dev w0 weight 2 nexthop via 10.0.0.3 dev w0 weight 256", NET),
        (
            "2001:db8:1::/48 metric 5 nexthop via 2001:db8::1 dev w0 weight 2 nexthop via 2001:db8::3 dev w0 weight 256",
            "2001:db8:1::/48",
        ),
    ] {
        world.must(RouteChange::Add, words);
        let wished = world.route(words);
        let [route] = &world.routes(destination)[..] else { panic!("not one route") };
        let ways = |route: &waypost_core::Route| {
            route.entry.next_hops.iter().map(|hop| (hop.gateway, hop.interface, hop.weight)).collect::<Vec<_>>()
        };
        assert_eq!(ways(route), ways(&wished));
        world.must(RouteChange::Delete, words);
        assert!(world.routes(destination).is_empty());
    }
}

/// Another type of service is another slot, listed first.
pub fn routes_of_another_tos_have_a_slot_of_their_own<K: Kernel>(world: &mut World<'_, K>) {
    world.must(RouteChange::Add, "10.1.0.0/16 via 10.0.0.1 metric 5");
    world.must(RouteChange::Add, "10.1.0.0/16 tos 4 via 10.0.0.3 metric 5");
    let slots: Vec<u8> = world.routes(NET).iter().map(|route| route.slot.tos).collect();
    assert_eq!(slots, [4, 0]);
    world.must(RouteChange::Delete, "10.1.0.0/16 via 10.0.0.1 metric 5");
    let slots: Vec<(TableId, u8)> = world.routes(NET).iter().map(|route| (route.slot.table, route.slot.tos)).collect();
    assert_eq!(slots, [(TableId::MAIN, 4)]);
}
