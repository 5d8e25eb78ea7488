use super::*;
use crate::{Masked, PortRange, Position, Route, TableId, UidRange};

type Edit = fn(&mut Rule);

fn names() -> InterfaceNames {
    [(1, "lo"), (2, "eth0"), (3, "eth1")].into_iter().map(|(index, name)| (IfIndex::new(index).unwrap(), name)).collect()
}

fn tables(routes: &[&str]) -> Tables {
    let mut tables = Tables::new();
    for route in routes {
        tables.insert(&Route::parse(route, &names()).unwrap(), Position::Last);
    }
    tables
}

fn main_rule() -> Rule {
    Rule::new(Family::V4, 32766, RuleAction::Lookup(TableId::MAIN))
}

fn flow(destination: &str) -> Flow {
    Flow::to(destination.parse().unwrap())
}

/// The verdict in few words.
fn say(tables: &Tables, rules: &[Rule], flow: &Flow) -> String {
    let names = names();
    match World::new(tables, rules, &names).find(flow) {
        Verdict::Found(found) => found.route.with_names(&names).to_string(),
        Verdict::Refused { disposition, .. } => disposition.to_string(),
        Verdict::NoRoute => "none".to_owned(),
        Verdict::Indeterminate { why, .. } => format!("? {why}"),
    }
}

#[test]
fn the_longest_prefix_wins_and_then_the_lowest_metric() {
    let tables = tables(&["default via 10.0.0.1 dev eth0", "10.1.0.0/16 dev eth1 metric 9", "10.1.0.0/16 dev eth0 metric 3"]);
    assert_eq!(say(&tables, &[main_rule()], &flow("10.1.2.3")), "10.1.0.0/16 dev eth0 scope link metric 3");
    assert_eq!(say(&tables, &[main_rule()], &flow("10.2.2.3")), "default via 10.0.0.1 dev eth0");
}

#[test]
fn a_dead_way_or_another_interface_falls_back_to_a_shorter_prefix() {
    let tables = tables(&["default via 10.0.0.1 dev eth0", "10.1.0.0/16 dev eth1", "10.1.1.0/24 via 10.1.0.1 dev eth1 dead"]);
    assert_eq!(say(&tables, &[main_rule()], &flow("10.1.1.1")), "10.1.0.0/16 dev eth1 scope link");
    let bound = Flow { output: IfIndex::new(2), ..flow("10.1.1.1") };
    assert_eq!(say(&tables, &[main_rule()], &bound), "default via 10.0.0.1 dev eth0");
}

#[test]
fn a_lost_carrier_counts_only_where_the_interface_says_so() {
    let tables = tables(&["default via 10.0.0.1 dev eth0", "10.1.0.0/16 dev eth1 linkdown"]);
    assert_eq!(say(&tables, &[main_rule()], &flow("10.1.1.1")), "10.1.0.0/16 dev eth1 scope link linkdown");
    let (names, rules) = (names(), [main_rule()]);
    let three = SettingsOf::Interface(IfIndex::new(3).unwrap());
    let mut settings = InterfaceSettings::new(Family::V4, three);
    settings.ignore_routes_with_link_down = Some(true);
    let settings = [((Family::V4, three), settings)].into_iter().collect();
    let world = World::new(&tables, &rules, &names).with_settings(&settings);
    let Verdict::Found(found) = world.find(&flow("10.1.1.1")) else { panic!() };
    assert!(found.route.slot.destination.is_default());
}

#[test]
fn a_route_that_says_no_ends_the_walk_and_throw_goes_on() {
    let tables = tables(&[
        "default via 10.0.0.1 dev eth0",
        "unreachable 10.1.0.0/16",
        "throw 10.2.0.0/16 table 7",
        "blackhole default table 7",
    ]);
    let seven = Rule::new(Family::V4, 5, RuleAction::Lookup(TableId(7)));
    assert_eq!(say(&tables, &[main_rule()], &flow("10.1.0.1")), "unreachable");
    assert_eq!(say(&tables, &[seven.clone(), main_rule()], &flow("10.2.0.1")), "default via 10.0.0.1 dev eth0");
    assert_eq!(say(&tables, &[seven, main_rule()], &flow("10.3.0.1")), "blackhole");
}

#[test]
fn suppressors_pass_routes_over() {
    let tables = tables(&["default via 10.0.0.1 dev eth0", "10.1.0.0/16 dev eth1", "default via 10.9.0.1 dev eth1 table 7"]);
    let mut rule = main_rule();
    rule.priority = 1;
    rule.suppress_prefix_length = Some(0);
    let seven = Rule::new(Family::V4, 2, RuleAction::Lookup(TableId(7)));
    let rules = [rule, seven];
    assert_eq!(say(&tables, &rules, &flow("192.0.2.1")), "default via 10.9.0.1 dev eth1 table 7");
    assert_eq!(say(&tables, &rules, &flow("10.1.0.1")), "10.1.0.0/16 dev eth1 scope link");
}

#[test]
fn goto_skips_and_never_turns_back() {
    let tables = tables(&["default via 10.0.0.1 dev eth0"]);
    let no = Rule::new(Family::V4, 5, RuleAction::Prohibit);
    let skip = Rule::new(Family::V4, 1, RuleAction::Goto(32766));
    assert_eq!(say(&tables, &[skip, no.clone(), main_rule()], &flow("192.0.2.1")), "default via 10.0.0.1 dev eth0");
    let nowhere = Rule::new(Family::V4, 1, RuleAction::Goto(9));
    assert_eq!(say(&tables, &[nowhere, no.clone(), main_rule()], &flow("192.0.2.1")), "prohibit");
    let back = Rule::new(Family::V4, 9, RuleAction::Goto(1));
    let nop = Rule::new(Family::V4, 1, RuleAction::Nop);
    assert!(say(&tables, &[nop, back, main_rule()], &flow("192.0.2.1")).starts_with("? "));
}

#[test]
fn each_selector_decides() {
    let tables = tables(&["default via 10.0.0.1 dev eth0"]);
    let mut all = flow("192.0.2.1");
    all.source = Some("10.0.0.7".parse().unwrap());
    (all.input, all.output) = (IfIndex::new(3), IfIndex::new(2));
    (all.mark, all.tos, all.uid, all.ip_protocol) = (0x17, 0x10, Some(5), Some(6));
    (all.source_port, all.destination_port) = (Some(1000), Some(443));
    let selectors: [(&str, Edit, Edit); 11] = [
        ("to", |rule| rule.to = "192.0.2.0/24".parse().ok(), |rule| rule.to = "192.0.3.0/24".parse().ok()),
        ("from", |rule| rule.from = "10.0.0.0/24".parse().ok(), |rule| rule.from = "10.0.1.0/24".parse().ok()),
        ("iif", |rule| rule.input = Some("eth1".into()), |rule| rule.input = Some("lo".into())),
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
fn several_next_hops_are_all_told_but_those_out_of_use() {
    let tables = tables(&[
        "10.1.0.0/16 nexthop via 10.0.0.1 dev eth0 weight 1 nexthop via 10.0.0.2 dev eth1 weight 1 dead nexthop via 10.0.0.3 dev eth1 weight 1",
    ]);
    let (names, rules) = (names(), [main_rule()]);
    let Verdict::Found(found) = World::new(&tables, &rules, &names).find(&flow("10.1.0.1")) else { panic!() };
    let gateways: Vec<String> = found.next_hops().filter_map(|hop| hop.gateway).map(|gateway| gateway.to_string()).collect();
    assert_eq!(gateways, ["10.0.0.1", "10.0.0.3"]);
}
