//! What rules ask.

use super::*;

#[test]
fn each_selector_decides() {
    let tables = tables(&["default via 10.0.0.1 dev eth0"]);
    let mut all = flow("192.0.2.1");
    all.source = Some("10.0.0.7".parse().unwrap());
    all.output = IfIndex::new(2);
    (all.mark, all.tos, all.uid, all.ip_protocol) = (0x17, 0x10, Some(5), Some(6));
    (all.source_port, all.destination_port) = (Some(1000), Some(443));
    let selectors: [(&str, Edit, Edit); 11] = [
        ("to", |rule| rule.to = "192.0.2.0/24".parse().ok(), |rule| rule.to = "192.0.3.0/24".parse().ok()),
        ("from", |rule| rule.from = "10.0.0.0/24".parse().ok(), |rule| rule.from = "10.0.1.0/24".parse().ok()),
        ("iif", |rule| rule.input = Some("lo".into()), |rule| rule.input = Some("eth1".into())),
        ("oif", |rule| rule.output = Some("eth0".into()), |rule| rule.output = Some("eth9".into())),
        (
            "mark",
            |rule| rule.mark = Some(Masked { value: 7, mask: 0xf }),
            |rule| rule.mark = Some(Masked { value: 7, mask: 0xff }),
        ),
        ("tos", |rule| rule.tos = 0x10, |rule| rule.tos = 0x08),
        (
            "dscp",
            |rule| rule.dscp = Some(Masked { value: 4, mask: 0x3f }),
            |rule| rule.dscp = Some(Masked { value: 5, mask: 0x3f }),
        ),
        ("ipproto", |rule| rule.ip_protocol = Some(6), |rule| rule.ip_protocol = Some(17)),
        (
            "sport",
            |rule| rule.source_ports = Some(PortRange::new(999, 1000)),
            |rule| rule.source_ports = Some(PortRange::new(1, 999)),
        ),
        (
            "dport",
            |rule| rule.destination_ports = Some(PortRange { mask: 0xff, ..PortRange::new(0xfebb, 0xfebb) }),
            |rule| rule.destination_ports = Some(PortRange::new(444, 500)),
        ),
        ("uid", |rule| rule.uids = Some(UidRange { first: 5, last: 5 }), |rule| rule.uids = Some(UidRange { first: 6, last: 9 })),
    ];
    for (name, hit, miss) in selectors {
        for (edit, matched) in [(hit, true), (miss, false)] {
            for invert in [false, true] {
                let mut rule = Rule::new(Family::V4, 1, RuleAction::Prohibit);
                edit(&mut rule);
                rule.invert = invert;
                let expected = if matched != invert { "prohibit" } else { "default via 10.0.0.1 dev eth0" };
                assert_eq!(say(&tables, &[rule, main_rule()], &all), expected, "{name}, matched {matched}, invert {invert}");
            }
        }
    }
}

#[test]
fn what_is_not_understood_is_said_and_not_guessed() {
    let tables = tables(&["default via 10.0.0.1 dev eth0"]);
    let mut rule = Rule::new(Family::V4, 1, RuleAction::Prohibit);
    rule.has_unknown_selector = true;
    assert!(say(&tables, &[rule.clone(), main_rule()], &flow("192.0.2.1")).starts_with("? "));
    // Unless a selector that is understood says no.
    rule.to = "10.0.0.0/8".parse().ok();
    assert_eq!(say(&tables, &[rule, main_rule()], &flow("192.0.2.1")), "default via 10.0.0.1 dev eth0");
    let mut rule = Rule::new(Family::V4, 1, RuleAction::Prohibit);
    rule.uids = Some(UidRange { first: 0, last: 0 });
    assert!(say(&tables, &[rule, main_rule()], &flow("192.0.2.1")).starts_with("? "));
}

#[test]
fn ipv4_compares_three_bits_of_a_type_of_service_and_ipv6_six() {
    let tables = tables(&["default via 10.0.0.1 dev eth0", "10.1.0.0/16 dev eth1 tos 0x10", "::/0 via fe80::1 dev eth0"]);
    let (names, rules) = (names(), [rule("1: from all tos 0x10 prohibit"), main_rule(), rule6("1: from all tos 0x10 prohibit")]);
    let world = World::new(&tables, &rules, &names);
    let with = |destination, tos| say_in(&world, &Flow { tos, ..flow(destination) });
    assert_eq!(with("10.1.0.1", 0x13), "prohibit");
    assert_eq!(with("10.1.0.1", 0xb0), "prohibit", "the upper three bits do not count");
    assert_ne!(with("10.1.0.1", 0x18), "prohibit");
    assert_eq!(with("2001:db8::1", 0x13), "prohibit");
    assert_eq!(with("2001:db8::1", 0xb0), "none", "here they do");
    let world = World::new(&tables, &rules[1..2], &names);
    assert_eq!(say_in(&world, &Flow { tos: 0xb0, ..flow("10.1.0.1") }), "10.1.0.0/16 tos 0x10 dev eth1 scope link");
    assert_eq!(say_in(&world, &Flow { tos: 0x18, ..flow("10.1.0.1") }), "default via 10.0.0.1 dev eth0");
}

#[test]
fn no_source_is_a_source_on_ipv4_and_none_on_ipv6() {
    let tables = tables(&["default via 10.0.0.1 dev eth0", "::/0 via fe80::1 dev eth0"]);
    let (names, rules) = (names(), [rule("1: from 0.0.0.0/8 prohibit"), main_rule(), rule6("1: from ::/8 prohibit")]);
    let world = World::new(&tables, &rules, &names);
    assert_eq!(say_in(&world, &flow("10.1.0.1")), "prohibit");
    assert_eq!(say_in(&world, &Flow { source: "10.0.0.5".parse().ok(), ..flow("10.1.0.1") }), "default via 10.0.0.1 dev eth0");
    assert_eq!(say_in(&world, &flow("2001:db8::1")), "none");
    assert_eq!(say_in(&world, &Flow { source: "::".parse().ok(), ..flow("2001:db8::1") }), "none");
    let mut chooses = rule6("1: from 2001:db8::/64 prohibit");
    chooses.os_flags = 0x10000;
    let rules = [chooses];
    let world = World::new(&tables, &rules, &names);
    assert!(say_in(&world, &flow("2001:db8::1")).starts_with("? "));
    assert_eq!(say_in(&world, &Flow { source: "2001:db9::1".parse().ok(), ..flow("2001:db8::1") }), "none");
}

#[test]
fn ports_and_labels_that_a_flow_does_not_name_are_zero() {
    let tables = tables(&["::/0 via fe80::1 dev eth0"]);
    let names = names();
    let decides = |text: &str, flow: Flow| {
        let rules = [rule6(text)];
        say_in(&World::new(&tables, &rules, &names), &flow) == "prohibit"
    };
    let plain = flow("2001:db8::1");
    assert!(!decides("1: from all sport 1-1000 prohibit", plain));
    assert!(decides("1: from all sport 0x10/0x1 prohibit", plain));
    assert!(decides("1: from all flowlabel 0/0x3 prohibit", plain));
    assert!(!decides("1: from all flowlabel 5 prohibit", plain));
    assert!(decides("1: from all flowlabel 5/0x7 prohibit", Flow { flow_label: Some(13), ..plain }));
    assert!(!decides("1: from all tun_id 7 prohibit", plain));
    assert!(decides("1: not from all tun_id 7 prohibit", plain));
}

#[test]
fn suppressing_by_group_asks_the_links() {
    let tables = tables(&[
        "default via 10.0.0.1 dev eth1",
        "local 2001:db8::1 dev eth1 table main metric 1",
        "2001:db8:2::/48 metric 5 nexthop via fe80::1 dev eth0 nexthop via fe80::2 dev eth1",
        "2001:db8:3::/48 metric 5 nexthop via fe80::1 dev eth1 nexthop via fe80::2 dev eth1",
    ]);
    let rules = [rule("1: from all lookup main suppress_ifgroup 5"), rule6("1: from all lookup main suppress_ifgroup 5")];
    let (names, links) = (names(), links(|link| link.group = if link.name == "eth1" { 5 } else { 0 }));
    let unknown = World::new(&tables, &rules, &names);
    let world = unknown.with_links(&links);
    assert!(say_in(&unknown, &flow("10.1.0.1")).starts_with("? "));
    assert_eq!(say_in(&world, &flow("10.1.0.1")), "none");
    assert_ne!(say_in(&world, &flow("2001:db8::1")), "none", "it leaves by the loopback");
    assert!(say_in(&world, &flow("2001:db8:2::1")).starts_with("? "), "it hangs on the kernel's choice");
    assert_eq!(say_in(&world, &flow("2001:db8:3::1")), "none");
}

#[test]
fn a_rule_for_masters_asks_nothing_of_who_has_none() {
    let tables = tables(&["default via 10.0.0.1 dev eth0"]);
    let (names, rules) = (names(), [rule("1: from all lookup [l3mdev-table]"), main_rule()]);
    let world = World::new(&tables, &rules, &names);
    let free = links(|_| ());
    let bound = links(|link| match link.name.as_str() {
        "eth0" => link.master = IfIndex::new(3),
        "eth1" => link.kind = "vrf".to_owned(),
        _ => {}
    });
    let out = Flow { output: IfIndex::new(2), ..flow("10.1.0.1") };
    assert!(say_in(&world, &out).starts_with("? "));
    assert_eq!(say_in(&world.with_links(&free), &out), "default via 10.0.0.1 dev eth0");
    assert_eq!(say_in(&world.with_links(&bound), &flow("10.1.0.1")), "default via 10.0.0.1 dev eth0");
    assert!(say_in(&world.with_links(&bound), &out).starts_with("? "));
}
