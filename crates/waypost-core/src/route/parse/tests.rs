use super::*;
use crate::{InterfaceNames, Protocol};

fn names() -> InterfaceNames {
    [(IfIndex::new(2).unwrap(), "eth0"), (IfIndex::new(3).unwrap(), "wlan0")].into_iter().collect()
}

#[track_caller]
fn reads_back(text: &str) -> Route {
    let route = Route::parse(text, &names()).unwrap();
    assert_eq!(route.with_names(&names()).to_string(), text);
    let lines = format!("{:#}", route.with_names(&names()));
    assert_eq!(Route::parse(&lines, &names()).unwrap(), route);
    route
}

#[test]
fn what_is_printed_reads_back_as_the_same_route() {
    for text in [
        "default via 10.0.0.1 dev eth0 proto static metric 100",
        "10.1.0.0/16 dev eth0 proto kernel scope link src 10.1.0.7",
        "10.0.0.1 dev eth0 scope link",
        "blackhole 10.9.0.0/16",
        "unreachable 2001:db8:dead::/48 metric 1024 pref high",
        "throw 10.0.0.0/8 table 51820",
        "10.11.0.0/16 dev eth0 scope global",
        "local 10.0.0.9 dev eth0 table main scope host",
        "local 2001:db8::1 dev eth0 table local proto kernel metric 0 pref medium",
        "prohibit default metric 4278198272",
        "local 127.0.0.1 dev eth0 table local proto kernel scope host src 127.0.0.1",
        "local 10.0.0.9 dev eth0 table 100 scope host",
        "10.2.0.0/16 via inet6 fe80::1 dev eth0",
        "default via fe80::1 dev wlan0 proto ra metric 1024 expires 1799sec hoplimit 64 pref medium",
        "2001:db8::/32 from 2001:db8:1::/48 via fe80::1 dev eth0 metric 7 pref low",
        "10.3.0.0/16 nhid 7 via 10.0.0.1 dev eth0 proto bgp",
        "10.4.0.0/16 tos 0x10 via 10.0.0.1 dev eth0 onlink",
        "10.5.0.0/16 via 10.0.0.1 dev eth0 realms 3/4 mtu lock 1400 rtt 12.125ms rto_min 200ms congctl lock bbr",
        "10.6.0.0/16 metric 5 nexthop via 10.0.0.1 dev eth0 weight 3 nexthop via 10.0.0.2 dev wlan0 weight 256 dead linkdown",
        "10.7.0.0/16 encap seg6 0x0102ff via 10.0.0.1 dev eth0",
        "10.8.0.0/16 encap 77 0x via 10.0.0.1 dev eth0 hopflags 0x80 rt_offload flags 0x400 attr 40 0x0a0b",
        "10.9.0.0/16 via 10.0.0.1 dev eth0 priority 8",
        "10.10.0.0/16 via 10.0.0.1 dev eth0 ifscope 2",
        "2001:db8:1::/48 via fe80::9 zone 4 dev eth0 pref medium",
        "default dev eth0 metric 1024 pref medium",
        "throw default pref medium",
        "default via inet6 fe80::1 dev eth0",
        "default nexthop via inet6 fe80::1 dev eth0 weight 1 nexthop via 10.0.0.1 dev eth0 weight 1",
        "10.11.0.0/16 nexthop via 10.0.0.1 dev eth0 weight 7",
        "10.12.0.0/16 scope link nexthop weight 1",
        "12 10.13.0.0/16",
        "10.14.0.0/16 via 10.0.0.1 dev eth0 mtu lock 0",
    ] {
        reads_back(text);
    }
}

#[test]
fn words_mean_what_ip_route_means_by_them() {
    let route = reads_back("10.6.0.0/16 proto static metric 5 nexthop via 10.0.0.1 dev eth0 weight 3 nexthop dev wlan0 weight 1");
    assert_eq!(route.slot.table, TableId::MAIN);
    assert_eq!((route.slot.metric, route.entry.protocol), (5, Protocol::STATIC));
    assert_eq!(route.entry.next_hops.len(), 2);
    assert_eq!(route.entry.next_hops[0].weight.get(), 3);
    assert_eq!(route.entry.next_hops[1].interface.map(IfIndex::get), Some(3));
}

#[test]
fn what_holds_for_all_ways_out_is_said_by_each() {
    let ways = "nexthop via 10.0.0.1 weight 1 dead linkdown nexthop via 10.0.0.2 weight 1 linkdown";
    let route: Route = format!("10.0.0.0/8 linkdown {ways}").parse().unwrap();
    assert_eq!(route.to_string(), format!("10.0.0.0/8 {ways}"));
    // Alone it is of the one way out, which has no other word.
    assert_eq!("10.0.0.0/8 linkdown".parse::<Route>().unwrap().entry.next_hops.len(), 1);
}

#[test]
fn the_family_of_a_default_is_that_of_what_stands_beside_it() {
    let family = |text: &str| Route::parse(text, &names()).unwrap().slot.destination.family();
    assert_eq!(family("default via fe80::1 dev eth0"), Family::V6);
    assert_eq!(family("default dev eth0 src 2001:db8::1"), Family::V6);
    assert_eq!(family("default nexthop via fe80::1 dev eth0 nexthop via fe80::2 dev eth0"), Family::V6);
    assert_eq!(family("default dev eth0"), Family::V4);
    let given = Route::parse_words(&["default", "dev", "eth0"], &names(), Some(Family::V6)).unwrap();
    assert_eq!(given.slot.destination.family(), Family::V6);
    assert_eq!(family("::/0 dev eth0"), Family::V6);
    assert_eq!(family("default dev eth0 pref medium"), Family::V6);
    assert_eq!(family("default via inet6 fe80::1 dev eth0"), Family::V4);
    assert_eq!(family("default pref medium via 10.0.0.1"), Family::V4);
}

#[test]
fn a_scope_that_nobody_names_is_that_of_ip_route() {
    let scope = |text: &str| Route::parse(text, &names()).unwrap().entry.scope;
    assert_eq!(scope("10.0.0.0/8 dev eth0"), Scope::LINK);
    assert_eq!(scope("10.0.0.0/8 via 10.0.0.1"), Scope::UNIVERSE);
    assert_eq!(scope("local 10.0.0.1 dev eth0"), Scope::HOST);
    assert_eq!(scope("2001:db8::/32 dev eth0"), Scope::UNIVERSE);
    assert_eq!(scope("blackhole 10.0.0.0/8"), Scope::UNIVERSE);
}

#[test]
fn the_word_at_fault_is_named() {
    let fault = |text: &str| Route::parse(text, &names()).unwrap_err().to_string();
    for (text, expected) in [
        ("", "a route begins with its destination"),
        ("blackhole", "a route begins with its destination"),
        ("10.0.0.1/8 via 10.0.0.1", "\"10.0.0.1/8\" has host bits set; the network is 10.0.0.0/8"),
        ("10.0.0.0/33 via 10.0.0.1", "\"33\" is no prefix length of family inet: they go to 32"),
        ("tomorrow via 10.0.0.1", "\"tomorrow\" is no address or prefix"),
        ("10.0.0.0/8 via", "something must follow \"via\""),
        ("10.0.0.0/8 via here", "\"here\" is no address"),
        ("10.0.0.0/8 via inet6 10.0.0.1", "\"10.0.0.1\" is no address of that family"),
        ("10.0.0.0/8 dev eth9", "\"eth9\" is no interface here"),
        ("10.0.0.0/8 metric -1", "\"-1\" is no number from 0 to 4294967295"),
        ("10.0.0.0/8 table 4294967296", "\"4294967296\" is no routing table"),
        ("10.0.0.0/8 nexthop", "something must follow \"nexthop\""),
        ("10.0.0.0/8 nexthop via 10.0.0.1 weight 65536", "\"65536\" is no number from 0 to 65535"),
        ("10.0.0.0/8 nexthop via 10.0.0.1 weight 0", "\"0\" is no weight: they begin with 1"),
        ("10.0.0.0/8 onlink nexthop via 10.0.0.2", "\"nexthop\" cannot stand beside a gateway or interface outside it"),
        ("10.0.0.0/8 via 10.0.0.1 nexthop via 10.0.0.2", "\"nexthop\" cannot stand beside a gateway or interface outside it"),
        ("10.0.0.0/8 via 10.0.0.1 via 10.0.0.2", "\"via\" is said twice"),
        ("10.0.0.0/8 metric 5 via 10.0.0.1 preference 6", "\"preference\" is said twice"),
        ("10.0.0.0/8 nexthop dev if2 via 10.0.0.1 nexthop dev if2 oif if3", "\"oif\" is said twice"),
        ("2001:db8::/32 via 10.0.0.1", "\"10.0.0.1\" cannot be the gateway of an IPv6 route"),
        ("10.0.0.0/8 from 2001:db8::/32", "\"from\" is for IPv6 routes only"),
        ("10.0.0.0/8 rtt soon", "\"soon\" is no time such as 300ms or 0.3s"),
        ("10.0.0.0/8 pref high", "\"pref\" is for IPv6 routes only"),
        ("10.0.0.0/8 pref best", "\"best\" is none of low, medium, high"),
        ("10.0.0.0/8 encap seg6 010", "\"seg6\" is read as its bytes alone, 0x and two digits each, as they are printed"),
        ("10.0.0.0/8 encap seg6 0x0", "\"0x0\" is no 0x and two hexadecimal digits for each byte"),
    ] {
        assert_eq!(fault(text), expected, "{text:?}");
    }
}
