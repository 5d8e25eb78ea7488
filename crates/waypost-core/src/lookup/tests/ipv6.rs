//! What IPv6 does differently.

use super::*;

#[test]
fn ipv6_prefers_the_router_of_higher_preference_and_the_more_specific_source() {
    let tables = tables(&[
        "default via fe80::1 dev eth0 metric 1024",
        "default via fe80::2 dev eth1 metric 1024 pref high",
        "default via fe80::3 dev eth1 metric 2048 pref high",
        "default from 2001:db8:1::/48 via fe80::4 dev eth1 metric 4096",
    ]);
    let rule = Rule::new(Family::V6, 32766, RuleAction::Lookup(TableId::MAIN));
    let rules = [main_rule(), rule];
    assert_eq!(say(&tables, &rules, &flow("2001:db8::1")), "default via fe80::2 dev eth1 metric 1024 pref high");
    let from = Flow { source: "2001:db8:1::9".parse().ok(), ..flow("2001:db8::1") };
    assert!(say(&tables, &rules, &from).starts_with("default from 2001:db8:1::/48 via fe80::4"));
}

#[test]
fn an_ipv6_output_is_a_must_without_source_and_a_wish_beside_one() {
    let tables =
        tables(&["2001:db8::/32 via fe80::1 dev eth0 metric 5", "2001:db8::/32 dev eth1 metric 5", "::/0 dev eth1 metric 9"]);
    let (names, rules) = (names(), [rule6("1: from all lookup main")]);
    let world = World::new(&tables, &rules, &names);
    let out = |output, source: &str| Flow { output: IfIndex::new(output), source: source.parse().ok(), ..flow("2001:db8::1") };
    assert_eq!(say_in(&world, &out(0, "")), "2001:db8::/32 via fe80::1 dev eth0 metric 5 pref medium");
    assert_eq!(say_in(&world, &out(3, "")), "2001:db8::/32 dev eth1 metric 5 pref medium");
    assert_eq!(say_in(&world, &out(3, "2001:db8::9")), "2001:db8::/32 dev eth1 metric 5 pref medium");
    assert_eq!(say_in(&world, &out(1, "2001:db8::9")), "2001:db8::/32 via fe80::1 dev eth0 metric 5 pref medium");
    assert_eq!(say_in(&world, &out(1, "")), "none");
    assert_eq!(
        say_in(&world, &Flow { input: IfIndex::new(3), ..flow("2001:db8::1") }),
        "2001:db8::/32 dev eth1 metric 5 pref medium"
    );
}

#[test]
fn when_the_lowest_metric_fails_ipv6_compares_all_others_at_once() {
    let tables = tables(&[
        "::/0 via fe80::1 dev eth0 metric 5 dead",
        "::/0 via fe80::2 dev eth0 metric 6",
        "::/0 via fe80::3 dev eth0 metric 7 pref high",
    ]);
    let (names, rules) = (names(), [rule6("1: from all lookup main")]);
    let world = World::new(&tables, &rules, &names);
    assert!(say_in(&world, &flow("2001:db8::1")).contains("fe80::3"));
}

#[test]
fn routes_for_other_sources_hide_what_stands_beside_them() {
    let tables = tables(&[
        "2001:db8:1::/48 via fe80::1 dev eth0 metric 5",
        "2001:db8:1::/48 from 2001:db8:9::/64 via fe80::2 dev eth0 metric 5",
        "2001:db8:1::/48 from 2001:db8:9:0:5::/80 via fe80::6 dev eth0 metric 5 dead",
        "2001:db8:1:1::/64 via fe80::3 dev eth0 metric 5 dead",
        "::/0 via fe80::4 dev eth0 metric 5",
        "::/0 from 2001:db8:9::/64 via fe80::5 dev eth0 metric 5",
    ]);
    let (names, rules) = (names(), [rule6("1: from all lookup main")]);
    let world = World::new(&tables, &rules, &names);
    let gateway = |destination: &str, source: &str| {
        let Verdict::Found(found) = world.find(&Flow { source: source.parse().ok(), ..flow(destination) }) else { panic!() };
        found.route.entry.next_hops[0].gateway.unwrap().to_string()
    };
    assert_eq!(gateway("2001:db8:1::1", "2001:db8:9::1"), "fe80::2");
    assert_eq!(gateway("2001:db8:1::1", "2001:db8:9:0:5::1"), "fe80::2", "the most specific is dead");
    assert_eq!(gateway("2001:db8:1::1", "2001:db8:8::1"), "fe80::4", "the plain route is hidden");
    assert_eq!(gateway("2001:db8:1:1::1", "2001:db8:8::1"), "fe80::1", "but not on the way back from a longer prefix");
    assert_eq!(gateway("2001:db9::1", "2001:db8:8::1"), "fe80::4", "nor is the default");
    let told = world.explain(&flow("2001:db8:1::1")).to_string();
    assert!(
        told.contains("fe80::1 dev eth0 metric 5 pref medium: passed over, it stands beside routes for other sources"),
        "{told}"
    );
}

#[test]
fn routes_for_sources_alone_may_be_hidden_by_a_longer_prefix_inside() {
    let sources = "2001:db8:1::/48 from 2001:db8:9::/64 via fe80::1 dev eth0 metric 5";
    let longer = "2001:db8:1:2::/64 via fe80::2 dev eth0 metric 5";
    let (names, rules) = (names(), [rule6("1: from all lookup main")]);
    let from = |destination: &str| Flow { source: "2001:db8:9::1".parse().ok(), ..flow(destination) };
    let is_known = |routes: &[&str], destination: &str| {
        let tables = tables(routes);
        !matches!(World::new(&tables, &rules, &names).find(&from(destination)), Verdict::Indeterminate { .. })
    };
    assert!(!is_known(&[sources, longer], "2001:db8:1::1"));
    assert!(is_known(&[sources], "2001:db8:1::1"), "nothing is inside");
    assert!(is_known(&[sources, longer], "2001:db8:1:2::1"), "the longer prefix is the one");
    assert!(is_known(&[sources, "2001:db8:1:2::/64 via fe80::2 dev eth0 metric 5 dead"], "2001:db8:1:2::1"), "on the way back");
    let plain = "2001:db8:1::/48 via fe80::3 dev eth0 metric 5";
    assert!(is_known(&[sources, longer, plain], "2001:db8:1::1"), "the destination has a route of its own");
    assert!(is_known(&["::/0 from 2001:db8:9::/64 via fe80::1 dev eth0 metric 5", longer], "2001:db8:1::1"), "the default is");
}

#[test]
fn next_hops_that_are_not_all_as_good_leave_open_which_route_comes_first() {
    let many = "::/0 metric 5 nexthop via fe80::1 dev eth0 nexthop via fe80::2 dev eth1";
    let (names, rules) = (names(), [rule6("1: from all lookup main")]);
    let say = |routes: &[&str], output| {
        let tables = tables(routes);
        match World::new(&tables, &rules, &names).find(&Flow { output: IfIndex::new(output), ..flow("2001:db8::1") }) {
            Verdict::Found(found) => Some(found.route.entry.next_hops.len()),
            Verdict::Indeterminate { .. } => None,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(say(&[many, "::/0 dev eth1 metric 5"], 3), None, "eth0's next hop may come before it or eth1's");
    assert_eq!(say(&[many, "::/0 dev eth1 metric 5"], 0), Some(2), "each of them is as good");
    assert_eq!(say(&["::/0 dev eth1 metric 5", many], 3), Some(1), "none of them comes before it");
    assert_eq!(say(&[many, "::/0 dev eth1 metric 5 pref high"], 3), Some(1), "it is better");
    assert_eq!(say(&[many, "::/0 dev eth1 metric 5 pref low"], 3), Some(2), "it is worse");
    assert_eq!(say(&[many, "::/0 dev eth1 metric 6"], 3), Some(2), "its metric is higher");
}

#[test]
fn what_says_no_leaves_by_the_loopback() {
    let tables = tables(&["unreachable 2001:db8::/32 metric 5"]);
    let (names, rules) = (names(), [rule6("1: from all lookup main")]);
    let out =
        |output| say_in(&World::new(&tables, &rules, &names), &Flow { output: IfIndex::new(output), ..flow("2001:db8::1") });
    assert_eq!([0, 1, 2].map(out), ["unreachable", "unreachable", "none"]);
}

#[test]
fn a_blackhole_by_a_next_hop_object_is_taken_whatever_else_is_there() {
    let (names, rules) = (names(), [rule6("1: from all lookup main")]);
    let found = |other: &str| {
        let mut tables = tables(&["::/0 via fe80::1 dev eth0 metric 5 pref high"]);
        let mut route = Route::parse(other, &names).unwrap();
        route.entry.next_hop_object = crate::NextHopId::new(7);
        tables.insert(&route, Position::Last);
        say_in(&World::new(&tables, &rules, &names), &flow("2001:db8::1"))
    };
    assert_eq!(found("blackhole ::/0 metric 5"), "blackhole");
    assert_eq!(found("::/0 via fe80::2 dev eth1 metric 5"), "default via fe80::1 dev eth0 metric 5 pref high");
}

#[test]
fn to_a_destination_of_one_link_an_interface_is_a_must_beside_a_source_too() {
    let tables = tables(&["::/0 dev eth0 metric 5"]);
    let (names, rules) = (names(), [rule6("1: from all lookup main")]);
    let world = World::new(&tables, &rules, &names);
    let found = |destination: &str, output| {
        let source = "2001:db8::9".parse().ok();
        say_in(&world, &Flow { output: IfIndex::new(output), source, ..flow(destination) }) != "none"
    };
    for destination in ["ff02::1", "fe80::7", "::1"] {
        assert!(found(destination, 2) && !found(destination, 3), "{destination}");
    }
    assert!(found("2001:db8::1", 3));
}
