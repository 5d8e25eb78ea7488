//! Changes, seen by `ip`.

use super::*;

pub(super) fn every_verb_does_what_ip_sees() {
    veth_with_addresses("w0", "w1");
    for (destination, first, second) in
        [("10.1.0.0/16", "via 10.0.0.2", "via 10.0.0.3"), ("2001:db8:1::/48", "via 2001:db8::2", "via 2001:db8::3")]
    {
        let family = if destination.contains(':') { "-6" } else { "-4" };
        let there = || ip(&format!("{family} -oneline route show exact {destination}")).lines().count();
        let has = |way: &str| ip(&format!("{family} route show exact {destination}")).contains(way);
        waypost(&format!("add {destination} {first} metric 5"));
        assert!(there() == 1 && has(first));
        waypost(&format!("ensure {destination} {first} metric 5"));
        waypost(&format!("replace {destination} {second} metric 5"));
        assert!(there() == 1 && has(second));
        waypost(&format!("change {destination} {first} metric 5"));
        assert!(there() == 1 && has(first));
        waypost(&format!("del {destination}"));
        assert_eq!(there(), 0);
        assert_eq!(fails(&format!("del {destination}")).0, 4);
        waypost(&format!("del {destination} --if-exists"));
        waypost(&format!("append {destination} {first} metric 5 proto 99"));
        waypost(&format!("append {destination} {second} metric 5 proto 99"));
        assert!(has(first) && has(second));
        waypost(&format!("{family} flush proto 99"));
        assert_eq!(there(), 0);
    }
    waypost("add 10.1.0.0/16 via 10.0.0.2");
    waypost("prepend 10.1.0.0/16 via 10.0.0.3");
    assert!(ip("route show exact 10.1.0.0/16").starts_with("10.1.0.0/16 via 10.0.0.3"));
}

pub(super) fn rules_and_next_hops_come_and_go() {
    veth_with_addresses("w0", "w1");
    for family in ["-4", "-6"] {
        waypost(&format!("{family} rule add fwmark 0x1/0xff lookup 7"));
        let theirs = ip(&format!("{family} -details rule")).replace(" proto unspec", "");
        assert_eq!(lines(&waypost(&format!("{family} rule"))), lines(&theirs));
        assert!(ip(&format!("{family} rule")).contains("fwmark 0x1/0xff lookup 7"));
        waypost(&format!("{family} rule del fwmark 0x1/0xff"));
        assert!(!ip(&format!("{family} rule")).contains("fwmark"));
        assert_eq!(fails(&format!("{family} rule del fwmark 0x1/0xff")).0, 4);
    }
    waypost("nexthop add id 7 via 10.0.0.2 dev w0");
    waypost("nexthop add id 9 group 7,3");
    assert_eq!(lines(&waypost("nexthop")), lines(&ip("nexthop")));
    assert_eq!(json(&waypost("--json nexthop")), json(&ip("-json -details nexthop")));
    ip("nexthop add id 8 via 2001:db8::2 dev w0");
    for (family, count) in [("-4", 2), ("-6", 2)] {
        // A group is of either family.
        assert_eq!(waypost(&format!("{family} nexthop")).lines().count(), count, "{family}");
    }
    ip("nexthop del id 8");
    assert_eq!(waypost("-4 addr show w0").lines().count(), 1);
    assert!(waypost("-6 addr show w0").lines().all(|line| line.contains(" inet6 ")));
    waypost("nexthop del id 9");
    assert_eq!(ip("nexthop").lines().count(), 1);
    assert!(waypost("link show w0").contains(": w0@w1: <"));
    assert!(waypost("addr show dev w0").contains("inet 10.0.0.1/24"));
    waypost("neigh");
}

pub(super) fn another_route_that_would_go_instead_is_named_with_its_interface() {
    veth_with_addresses("w0", "w1");
    // A multipath route that begins with the same gateway is hit first: the kernel looks at nothing else.
    waypost("add 10.2.0.0/16 nexthop via 10.0.0.2 dev w0 nexthop via 10.0.0.3 dev w0");
    waypost("append 10.2.0.0/16 via 10.0.0.2 dev w0");
    let (status, said) = fails("del 10.2.0.0/16 via 10.0.0.2 dev w0");
    assert_eq!(status, 1);
    assert!(said.contains("nexthop via 10.0.0.2 dev w0") && !said.contains("dev if"), "{said}");
}

pub(super) fn a_gateway_of_the_other_family_makes_default_what_it_is_for_ip() {
    veth_with_addresses("w0", "w1");
    let theirs = || (ip("-4 route show default"), ip("-6 route show default"));
    for words in ["default via inet6 fe80::2 dev w0", "default nexthop via inet6 fe80::2 dev w0 nexthop via inet6 fe80::3 dev w0"]
    {
        ip(&format!("route add {words}"));
        let wanted = theirs();
        ip("-6 route flush default");
        waypost(&format!("add {words}"));
        assert_eq!(theirs(), wanted, "{words}");
        assert!(wanted.0.is_empty() && !wanted.1.is_empty());
        waypost(&format!("del {words}"));
        waypost(&format!("-4 add {words}"));
        assert!(theirs().0.contains("via inet6 fe80::2") && theirs().1.is_empty());
        waypost(&format!("-4 del {words}"));
    }
}

pub(super) fn words_are_taken_as_ip_takes_them() {
    veth_with_addresses("w0", "w1");
    for words in [
        "-4 10.1/16 via 10.0.0.2 priority 5",
        "-4 0/1 via 10.0.0.2 rto_min 5ms",
        "-4 10.1.0.0/255.255.0.0 dev w0 tos 10",
        "-4 10.1.0.0/16 dev w0 dsfield 0x10 preference 7 mtu lock 1400 features ecn quickack 1 initcwnd 20 congctl cubic",
        "-4 10.1.0.0/16 nexthop via 10.0.0.2 weight 256 realms 3/4 nexthop dev w0",
        "-6 2001:db8:9::/48 from default via fe80::2 dev w0 pref 3 expires 100",
        "-6 unreachable 2001:db8:9::/48 metric 4294967295",
    ] {
        let (family, route) = words.split_at(2);
        ip(&format!("{family} route add {route}"));
        // A second may pass between the two.
        let there = || ip(&format!("{family} -details route show table all proto boot")).replace(" 99sec ", " 100sec ");
        let wanted = there();
        assert_ne!(wanted, "", "{words}");
        ip(&format!("{family} route flush table all proto boot"));
        waypost(&format!("{family} add {route}"));
        assert_eq!(there(), wanted, "{words}");
        ip(&format!("{family} route flush table all proto boot"));
    }
}

pub(super) fn one_way_of_several_is_not_taken_for_the_route() {
    veth_with_addresses("w0", "w1");
    waypost("add 10.2.0.0/16 nexthop via 10.0.0.2 dev w0 nexthop via 10.0.0.3 dev w0");
    let (status, said) = fails("del 10.2.0.0/16 via 10.0.0.2");
    assert_eq!(status, 1);
    assert!(said.contains("one of several next hops"), "{said}");
    assert_eq!(ip("route show exact 10.2.0.0/16").lines().count(), 3);
    waypost("del 10.2.0.0/16 nexthop via 10.0.0.2 dev w0 nexthop via 10.0.0.3 dev w0");
    assert_eq!(ip("route show exact 10.2.0.0/16"), "");
}
