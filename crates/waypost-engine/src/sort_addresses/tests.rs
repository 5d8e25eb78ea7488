use waypost_core::{Link, LinkFlags, Notice, RouteVerb, Rule, RuleAction, TableId, Verb};

use super::*;

/// Marks on an address of a test: what stands behind it.
fn own(text: &str) -> Address {
    let mut words = text.split(' ');
    let address: IpAddr = words.next().unwrap().parse().unwrap();
    let length = if address.is_ipv4() { 24 } else { 64 };
    let mut own = Address::new(IfIndex::new(2).unwrap(), address, length);
    for word in words {
        match word {
            "deprecated" => own.flags |= AddressFlags::DEPRECATED,
            "home" => own.flags |= AddressFlags::HOME,
            "temporary" => own.flags |= AddressFlags::TEMPORARY,
            "tentative" => own.flags |= AddressFlags::TENTATIVE,
            "elsewhere" => own.interface = IfIndex::new(3).unwrap(),
            other => panic!("{other}"),
        }
    }
    own
}

/// A host with these addresses on one link, and routes to everywhere.
fn host(addresses: &[&str], routes: &[&str]) -> Mirror {
    let (mut mirror, mut events) = (Mirror::new(), Vec::new());
    for (index, kind) in [(2, "veth"), (3, "veth"), (4, "sit")] {
        let mut link = Link::new(IfIndex::new(index).unwrap(), &format!("if{index}"));
        link.flags = LinkFlags::UP | LinkFlags::LOWER_UP;
        link.kind = kind.to_owned();
        mirror.handle(Notice::Link(Verb::Present, Box::new(link)), &mut events);
    }
    for family in Family::ALL {
        let rule = Rule::new(family, 32766, RuleAction::Lookup(TableId::MAIN));
        mirror.handle(Notice::Rule(Verb::Present, Box::new(rule)), &mut events);
    }
    for address in addresses {
        mirror.handle(Notice::Address(Verb::Present, Box::new(own(address))), &mut events);
    }
    for route in routes {
        mirror.handle(Notice::Route(RouteVerb::Added, route.parse().unwrap()), &mut events);
    }
    mirror
}

const EVERYWHERE: [&str; 2] = ["default dev if2 scope link", "::/0 dev if2 metric 1"];

/// The destinations in the order in which they are tried.
fn sorted(mirror: &Mirror, destinations: &[&str]) -> Vec<String> {
    let mut addresses: Vec<IpAddr> = destinations.iter().map(|address| address.parse().unwrap()).collect();
    sort_addresses(mirror, &AddressPolicy::default(), &mut addresses);
    addresses.iter().map(ToString::to_string).collect()
}

#[test]
fn the_examples_of_section_10_2_come_out_whatever_order_they_are_given_in() {
    // Sources, and the destinations as they are to come out.
    let examples: [(&str, &[&str], [&str; 2]); 9] = [
        ("prefer matching scope", &["2001:db8:1::2", "fe80::1", "169.254.13.78"], ["2001:db8:1::1", "198.51.100.121"]),
        ("prefer matching scope", &["fe80::1", "198.51.100.117"], ["198.51.100.121", "2001:db8:1::1"]),
        ("prefer higher precedence", &["2001:db8:1::2", "fe80::1", "10.1.2.4"], ["2001:db8:1::1", "10.1.2.3"]),
        ("prefer smaller scope", &["2001:db8:1::2", "fe80::2"], ["fe80::1", "2001:db8:1::1"]),
        ("prefer home address", &["2001:db8:1::2", "2001:db8:3::1 home", "fe80::2"], ["2001:db8:1::1", "fe80::1"]),
        ("avoid deprecated addresses", &["2001:db8:1::2", "fe80::2 deprecated"], ["2001:db8:1::1", "fe80::1"]),
        ("longest matching prefix", &["2001:db8:1::2", "2001:db8:3f44::2", "fe80::2"], ["2001:db8:1::1", "2001:db8:3ffe::1"]),
        ("prefer matching label", &["2002:c633:6401::2", "fe80::2"], ["2002:c633:6401::1", "2001:db8:1::1"]),
        ("prefer higher precedence", &["2002:c633:6401::2", "2001:db8:1::2", "fe80::2"], ["2001:db8:1::1", "2002:c633:6401::1"]),
    ];
    for (rule, sources, expected) in examples {
        let mirror = host(sources, &EVERYWHERE);
        let [first, second] = expected;
        assert_eq!(sorted(&mirror, &[first, second]), expected, "{rule}");
        assert_eq!(sorted(&mirror, &[second, first]), expected, "{rule}");
    }
}

#[test]
fn the_examples_of_section_10_1_come_out() {
    let examples: [(&str, &str, &[&str], &str); 8] = [
        ("appropriate scope", "2001:db8:1::1", &["2001:db8:3::1", "fe80::1"], "2001:db8:3::1"),
        ("appropriate scope", "ff05::1", &["2001:db8:3::1", "fe80::1"], "2001:db8:3::1"),
        ("same address", "2001:db8:1::1", &["2001:db8:1::1 deprecated", "2001:db8:2::1"], "2001:db8:1::1"),
        ("appropriate scope", "fe80::1", &["fe80::2 deprecated", "2001:db8:1::1"], "fe80::2"),
        ("longest matching prefix", "2001:db8:1::1", &["2001:db8:1::2", "2001:db8:3::2"], "2001:db8:1::2"),
        ("home address", "2001:db8:1::1", &["2001:db8:1::2", "2001:db8:3::2 home"], "2001:db8:3::2"),
        (
            "matching label",
            "2002:c633:6401::1",
            &["2002:c633:6401::d5e3:7953:13eb:22e8 temporary", "2001:db8:1::2"],
            "2002:c633:6401::d5e3:7953:13eb:22e8",
        ),
        (
            "temporary address",
            "2001:db8:1::d5e3:0:0:1",
            &["2001:db8:1::2", "2001:db8:1::d5e3:7953:13eb:22e8 temporary"],
            "2001:db8:1::d5e3:7953:13eb:22e8",
        ),
    ];
    for (rule, destination, sources, expected) in examples {
        let mut all: Vec<Source> = sources.iter().map(|text| source_of(&own(text), IfIndex::new(2))).collect();
        for _ in 0..2 {
            let chosen = best_source(&AddressPolicy::default(), destination.parse().unwrap(), &all).unwrap();
            assert_eq!(chosen.address, expected.parse::<IpAddr>().unwrap(), "{rule}");
            all.reverse();
        }
    }
}

#[test]
fn what_cannot_be_reached_comes_last_and_ties_stay_as_they_are() {
    let mirror = host(&["2001:db8:1::2", "192.0.2.2"], &["default dev if2 scope link", "unreachable ::/0 metric 1"]);
    assert_eq!(sorted(&mirror, &["2001:db8:1::1", "198.51.100.1"]), ["198.51.100.1", "2001:db8:1::1"], "no route");
    let tentative = host(&["2001:db8:1::2 tentative", "192.0.2.2"], &EVERYWHERE);
    assert_eq!(sorted(&tentative, &["2001:db8:1::1", "198.51.100.1"]), ["198.51.100.1", "2001:db8:1::1"], "no source");
    let alike = ["203.0.113.9", "203.0.113.7", "203.0.113.8"];
    assert_eq!(sorted(&mirror, &alike), alike);
}

#[test]
fn an_ipv4_address_is_the_same_where_it_is_mapped() {
    let ipv4 = host(&["192.0.2.2"], &EVERYWHERE[..1]);
    let mapped = "::ffff:198.51.100.1";
    assert_eq!(sorted(&ipv4, &["2001:db8::1", mapped]), [mapped, "2001:db8::1"], "IPv4 alone has a way");
    let both = host(&["192.0.2.2", "2001:db8:1::2"], &EVERYWHERE);
    assert_eq!(sorted(&both, &[mapped, "2001:db8:1::1"]), ["2001:db8:1::1", mapped]);
}

#[test]
fn native_transport_is_preferred() {
    let routes = ["2001:db8:5::/48 dev if4 metric 1", "2001:db8:6::/48 dev if2 metric 1"];
    let mirror = host(&["2001:db8:1::2"], &routes);
    assert_eq!(sorted(&mirror, &["2001:db8:5::1", "2001:db8:6::1"]), ["2001:db8:6::1", "2001:db8:5::1"]);
}

#[test]
fn the_outgoing_interface_and_a_preferred_source_count() {
    let policy = AddressPolicy::default();
    let source =
        |mirror: &Mirror| candidate(mirror, &policy, "2001:db8:9::1".parse().unwrap()).source.unwrap().address.to_string();
    let mirror = host(&["2001:db8:9::2 elsewhere", "2001:db8:1::2"], &EVERYWHERE);
    assert_eq!(source(&mirror), "2001:db8:1::2", "rule 5 of section 5, though the other shares more bits");
    let mirror = host(&["2001:db8:1::2", "2001:db8:1::3 deprecated"], &["::/0 dev if2 src 2001:db8:1::3 metric 1"]);
    assert_eq!(source(&mirror), "2001:db8:1::3", "the route says so");
}

#[test]
fn another_policy_is_followed() {
    let mirror = host(&["2001:db8:1::2", "192.0.2.2"], &EVERYWHERE);
    let entry = |prefix: &str, precedence, label| PolicyEntry::new(prefix.parse().unwrap(), precedence, label);
    let policy = AddressPolicy::new([entry("::/0", 40, 1), entry("::ffff:0:0/96", 100, 4)]);
    let mut addresses: Vec<IpAddr> = ["2001:db8:1::1", "198.51.100.1"].map(|address| address.parse().unwrap()).into();
    sort_addresses(&mirror, &policy, &mut addresses);
    assert!(addresses[0].is_ipv4(), "as an administrator may wish who trusts IPv4 more");
}

#[test]
fn the_longest_prefix_counts_within_a_family_whatever_stands_between() {
    let mirror = host(&["2001:db8:1::2", "192.0.2.2"], &EVERYWHERE);
    let policy = AddressPolicy::new([PolicyEntry::new("::/0".parse().unwrap(), 40, 1)]);
    // So many that a sort notices an order that is none.
    let v4 = |n: u8| IpAddr::from(if n % 2 == 0 { [203, 0, 113, n] } else { [192, 0, 2, n + 100] });
    let v6 = |n: u16| IpAddr::from([0x2001, 0xdb8, if n % 3 == 0 { 1 } else { 0x8000 | n }, 0, 0, 0, 0, n]);
    let mut addresses: Vec<IpAddr> = (0..40).flat_map(|n| [v4(n), v6(n.into())]).collect();
    sort_addresses(&mirror, &policy, &mut addresses);
    let (of_v4, of_v6): (Vec<IpAddr>, Vec<IpAddr>) = addresses.iter().partition(|address| address.is_ipv4());
    let in_order = |near: fn(&u8) -> bool| (0..40).filter(near).chain((0..40).filter(move |n| !near(n)));
    assert_eq!(of_v4, in_order(|n| n % 2 == 1).map(v4).collect::<Vec<_>>());
    assert!(of_v6[..14].iter().eq(&(0..40).step_by(3).map(v6).collect::<Vec<_>>()), "{of_v6:?}");
    assert!(addresses.iter().step_by(2).all(IpAddr::is_ipv4), "each family keeps its places");
}
