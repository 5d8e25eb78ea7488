//! Packets that come in, and sources.

use super::*;

#[test]
fn a_wish_for_an_interface_is_none_of_packets_that_come_in() {
    let tables = tables(&["default via 10.0.0.1 dev eth0", "10.1.0.0/16 via 10.9.0.1 dev eth1"]);
    let (names, rules) = (names(), [rule("1: from all oif eth0 prohibit"), rule("2: from all uidrange 0-0 lookup main")]);
    let world = World::new(&tables, &rules, &names);
    let came = Flow { input: IfIndex::new(3), output: IfIndex::new(2), uid: Some(7), ..flow("10.1.0.1") };
    assert_eq!(say_in(&world, &came), "10.1.0.0/16 via 10.9.0.1 dev eth1", "and they are of the user 0");
    assert_eq!(say_in(&world, &Flow { input: None, ..came }), "prohibit");
}

/// A host with an address on eth0, and packets of it and through it.
const HOST: [&str; 7] = [
    "local 10.0.0.1 dev eth0 table local",
    "broadcast 10.0.0.255 dev eth0 table local",
    "broadcast 10.7.0.255 dev eth1 table local",
    "10.0.0.0/24 dev eth0",
    "10.1.0.0/16 via 10.0.0.9 dev eth0",
    "anycast 10.3.0.0/16 dev eth0",
    "10.7.0.0/24 dev eth1",
];

fn host_rules() -> [Rule; 3] {
    ["0: from all lookup local", "9: from all nop", "32766: from all lookup main"].map(rule)
}

#[test]
fn packets_leave_with_an_address_of_the_host() {
    let (tables, names, rules) = (tables(&HOST), names(), host_rules());
    let world = World::new(&tables, &rules, &names);
    let from = |source: &str| say_in(&world, &Flow { source: source.parse().ok(), ..flow("10.1.0.1") });
    assert_eq!(from("10.0.0.1"), "10.1.0.0/16 via 10.0.0.9 dev eth0");
    assert_eq!(from("0.0.0.0"), "10.1.0.0/16 via 10.0.0.9 dev eth0");
    assert_eq!(from("10.0.0.2"), "ForeignSource");
    assert_eq!(from("10.0.0.255"), "ForeignSource");
}

#[test]
fn packets_that_come_in_are_passed_on_where_the_interface_forwards() {
    let (tables, names, rules) = (tables(&HOST), names(), host_rules());
    let world = World::new(&tables, &rules, &names);
    let three = SettingsOf::Interface(index(3));
    let stays = settings(Family::V4, three, |settings| settings.forwarding = Some(false));
    let through = |world: &World<'_>, source: &str, destination: &str| {
        say_in(world, &Flow { input: IfIndex::new(3), source: source.parse().ok(), ..flow(destination) })
    };
    assert_eq!(through(&world, "10.7.0.5", "10.1.0.1"), "10.1.0.0/16 via 10.0.0.9 dev eth0");
    let still = world.with_settings(&stays);
    assert_eq!(through(&still, "10.7.0.5", "10.1.0.1"), "NotForwarding");
    assert_eq!(through(&still, "10.7.0.5", "10.0.0.1"), "local 10.0.0.1 dev eth0 table local scope host");
    assert_eq!(through(&still, "10.7.0.5", "10.0.0.255"), "broadcast 10.0.0.255 dev eth0 table local scope link");
    assert_eq!(through(&world, "10.7.0.5", "10.3.0.1"), "NotForwardable");
    assert_eq!(through(&world, "10.0.0.1", "10.1.0.1"), "OwnSource");
    assert_eq!(through(&world, "10.0.0.255", "10.1.0.1"), "Martian");
    for source in ["224.0.0.1", "0.1.2.3", "127.0.0.1", "255.255.255.255"] {
        assert_eq!(through(&world, source, "10.1.0.1"), "Martian", "{source}");
    }
    for destination in ["0.0.0.1", "127.0.0.1"] {
        assert_eq!(through(&world, "10.7.0.5", destination), "Martian", "{destination}");
        assert_eq!(through(&world, "", destination), "Martian", "{destination}");
    }
    assert_eq!(through(&world, "", "10.1.0.1"), "10.1.0.0/16 via 10.0.0.9 dev eth0", "nothing to check");
}

#[test]
fn the_way_back_is_checked_as_strictly_as_the_interface_or_all_ask() {
    let (tables, names, rules) = (tables(&HOST), names(), host_rules());
    let check = |of, filter, input, source: &str| {
        let settings = settings(Family::V4, of, |settings| settings.rp_filter = Some(filter));
        let world = World::new(&tables, &rules, &names).with_settings(&settings);
        say_in(&world, &Flow { input: IfIndex::new(input), source: source.parse().ok(), ..flow("10.1.0.1") }) != "ReversePath"
    };
    for of in [SettingsOf::All, SettingsOf::Interface(index(2))] {
        assert!(check(of, 1, 2, "10.1.0.7"), "it comes from where it would go to");
        assert!(!check(of, 1, 2, "10.7.0.7"), "it comes from elsewhere");
        assert!(check(of, 0, 2, "10.7.0.7"));
        assert!(check(of, 2, 2, "10.7.0.7"), "loose");
        assert!(!check(of, 2, 2, "192.0.2.1"), "no way back at all");
        assert!(check(of, 0, 2, "192.0.2.1"));
    }
    assert!(!check(SettingsOf::All, 2, 3, "10.1.0.7"), "an interface without address is not loose");
    assert!(check(SettingsOf::All, 0, 3, "10.1.0.7"), "but it need not insist");
    assert!(check(SettingsOf::Interface(index(2)), 1, 3, "10.1.0.7"), "it is another's filter");
}

#[test]
fn rules_see_the_way_back_with_the_ends_exchanged() {
    let (tables, names) = (tables(&HOST), names());
    let settings = settings(Family::V4, SettingsOf::All, |settings| settings.rp_filter = Some(1));
    let mut came = Flow { input: IfIndex::new(3), source: "10.7.0.5".parse().ok(), mark: 1, ..flow("10.1.0.1") };
    (came.ip_protocol, came.source_port, came.destination_port) = (Some(6), Some(1000), Some(443));
    let with = |text: &str| {
        let [local, nop, main] = host_rules();
        let rules = [local, nop, rule(&format!("10: from 10.1.0.1 {text}")), main];
        say_in(&World::new(&tables, &rules, &names).with_settings(&settings), &came)
    };
    for drops in ["to 10.7.0.5", "iif eth0", "uidrange 0-0", "ipproto tcp sport 443", "ipproto tcp dport 1000"] {
        assert_eq!(with(&format!("{drops} prohibit")), "ReversePath", "{drops}");
    }
    for passes in ["iif eth1", "fwmark 1", "uidrange 1-9", "ipproto tcp sport 1000", "ipproto tcp dport 443"] {
        assert_eq!(with(&format!("{passes} prohibit")), "10.1.0.0/16 via 10.0.0.9 dev eth0", "{passes}");
    }
    assert!(with("goto 5").starts_with("? "), "what is not known of the way back");
}

#[test]
fn the_way_back_belongs_to_the_master_of_either_interface() {
    let (tables, names) = (tables(&HOST), names());
    let rules =
        ["0: from all lookup local", "5: from all to 10.1.0.1 lookup main", "9: from all lookup [l3mdev-table]"].map(rule);
    let in_vrf = |member: &str| links(|link| link.kind = if link.name == member { "vrf".to_owned() } else { String::new() });
    let came = Flow { input: IfIndex::new(3), source: "10.7.0.5".parse().ok(), ..flow("10.1.0.1") };
    for (member, is_open) in [("eth1", true), ("eth0", true), ("none", false)] {
        let links = in_vrf(member);
        let world = World::new(&tables, &rules, &names).with_links(&links);
        assert_eq!(say_in(&world, &came).starts_with("? "), is_open, "{member}");
    }
}

#[test]
fn where_the_kernel_chooses_the_way_each_has_to_pass() {
    let mut routes = HOST.to_vec();
    routes.push("10.8.0.0/16 nexthop via 10.0.0.9 dev eth0 nexthop via 10.7.0.9 dev eth1");
    let (tables, names) = (tables(&routes), names());
    let came = Flow { input: IfIndex::new(3), source: "10.7.0.5".parse().ok(), ..flow("10.8.0.1") };
    let with = |text: &str| {
        let [local, nop, main] = host_rules();
        let settings = settings(Family::V4, SettingsOf::All, |settings| settings.rp_filter = Some(1));
        let rules = [local, nop, rule(&format!("10: from 10.8.0.1 {text}")), main];
        say_in(&World::new(&tables, &rules, &names).with_settings(&settings), &came)
    };
    assert!(with("nop").starts_with("10.8.0.0/16 "), "they pass");
    assert_eq!(with("prohibit"), "ReversePath", "none passes");
    assert!(with("iif eth1 prohibit").starts_with("? "), "one of two");
}

#[test]
fn without_filter_and_rules_of_its_own_a_host_looks_for_its_own_addresses_alone() {
    let (tables, names) = (tables(&HOST), names());
    let own = ["0: from all lookup local", "32766: from all lookup main", "32767: from all lookup default"].map(rule);
    let came = Flow { input: IfIndex::new(2), source: "10.0.0.255".parse().ok(), ..flow("10.1.0.1") };
    let with = |filter| {
        let settings = settings(Family::V4, SettingsOf::All, |settings| settings.rp_filter = Some(filter));
        say_in(&World::new(&tables, &own, &names).with_settings(&settings), &came)
    };
    assert_eq!(with(0), "10.1.0.0/16 via 10.0.0.9 dev eth0");
    assert_eq!(with(1), "Martian");
    let own_source = Flow { source: "10.0.0.1".parse().ok(), ..came };
    assert_eq!(say_in(&World::new(&tables, &own, &names), &own_source), "OwnSource");
}

#[test]
fn ipv6_forwards_as_a_host_or_not_at_all() {
    let tables = tables(&["2001:db8::/32 dev eth0 metric 5", "local 2001:db9::1 dev eth0 table main metric 5"]);
    let (names, rules) = (names(), [rule6("1: from all lookup main")]);
    let settings = settings(Family::V6, SettingsOf::All, |settings| settings.forwarding = Some(false));
    let world = World::new(&tables, &rules, &names).with_settings(&settings);
    let came = |destination| Flow { input: IfIndex::new(3), ..flow(destination) };
    assert_eq!(say_in(&world, &came("2001:db8::1")), "NotForwarding");
    assert_eq!(say_in(&world, &came("2001:db9::1")), "local 2001:db9::1 dev eth0 table main metric 5 pref medium");
    assert_ne!(say_in(&World::new(&tables, &rules, &names), &came("2001:db8::1")), "NotForwarding");
}
