mod arrival;
mod ipv6;
mod plan;
mod selectors;
mod source;

use super::*;
use crate::{InterfaceSettings, Link, LinkFlags, Masked, PortRange, Position, Route, RuleAction, TableId, UidRange};

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
        Verdict::Dropped { why, .. } => format!("dropped: {why}"),
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
fn a_verdict_names_its_route_and_what_is_found_its_source() {
    let tables =
        tables(&["default via 10.0.0.1 dev eth0 src 10.0.0.2", "unreachable 10.1.0.0/16", "local 10.0.0.3 dev eth0 table local"]);
    let (names, rules) = (names(), [main_rule()]);
    let world = World::new(&tables, &rules, &names);
    let destination = |to: &str| world.find(&flow(to)).route().map(|route| route.slot.destination.to_string());
    assert_eq!(destination("10.1.0.1").as_deref(), Some("10.1.0.0/16"), "refused");
    assert_eq!(destination("192.0.2.1").as_deref(), Some("0.0.0.0/0"), "found");
    assert_eq!(World::new(&tables, &[], &names).find(&flow("192.0.2.1")).route(), None);
    for (named, source) in [(None, "10.0.0.2"), (Some("10.0.0.3"), "10.0.0.3")] {
        let flow = Flow { source: named.map(|named| named.parse().unwrap()), ..flow("192.0.2.1") };
        let Verdict::Found(found) = world.find(&flow) else { panic!() };
        assert_eq!(found.source(), Some(source.parse().unwrap()));
        assert!(format!("{found:?}").contains("route"));
    }
    let foreign = Flow { source: Some("192.0.2.9".parse().unwrap()), ..flow("192.0.2.1") };
    assert_eq!(say(&tables, &rules, &foreign), "dropped: the source is no address of this host");
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
fn several_next_hops_are_all_told_but_those_out_of_use() {
    let tables = tables(&[
        "10.1.0.0/16 nexthop via 10.0.0.1 dev eth0 weight 1 nexthop via 10.0.0.2 dev eth1 weight 1 dead nexthop via 10.0.0.3 dev eth1 weight 1",
    ]);
    let (names, rules) = (names(), [main_rule()]);
    let Verdict::Found(found) = World::new(&tables, &rules, &names).find(&flow("10.1.0.1")) else { panic!() };
    let gateways: Vec<String> = found.next_hops().filter_map(|hop| hop.gateway).map(|gateway| gateway.to_string()).collect();
    assert_eq!(gateways, ["10.0.0.1", "10.0.0.3"]);
    let told = World::new(&tables, &rules, &names).explain(&flow("10.1.0.1")).conclusion().to_string();
    assert!(told.starts_with("found 10.1.0.0/16 ") && told.ends_with(", 2 of its 3 next hops usable"), "{told}");
}

#[test]
fn of_a_group_of_next_hop_objects_any_member_is_taken() {
    let tables = tables(&["10.1.0.0/16 nhid 7 nexthop via 10.0.0.1 dev eth0 nexthop via 10.0.0.2 dev eth1 dead"]);
    let (names, rules) = (names(), [main_rule()]);
    let ways = |output| {
        let world = World::new(&tables, &rules, &names);
        let Verdict::Found(found) = world.find(&Flow { output, ..flow("10.1.0.1") }) else { panic!() };
        found.next_hops().count()
    };
    assert_eq!((ways(None), ways(IfIndex::new(2))), (2, 1));
}

fn index(number: u32) -> IfIndex {
    IfIndex::new(number).unwrap()
}

fn links(edit: impl Fn(&mut Link)) -> BTreeMap<IfIndex, Link> {
    let link = |(number, name)| {
        let mut link = Link::new(index(number), name);
        link.flags = LinkFlags::UP;
        edit(&mut link);
        (link.index, link)
    };
    [(1, "lo"), (2, "eth0"), (3, "eth1")].map(link).into()
}

/// Settings of one interface or all.
fn settings(family: Family, of: SettingsOf, edit: impl Fn(&mut InterfaceSettings)) -> Settings {
    let mut one = InterfaceSettings::new(family, of);
    edit(&mut one);
    [((family, of), one)].into()
}

fn rule(text: &str) -> Rule {
    Rule::parse(text, Some(Family::V4)).unwrap()
}

fn rule6(text: &str) -> Rule {
    Rule::parse(text, Some(Family::V6)).unwrap()
}

/// The verdict in few words, in a world with links and settings.
fn say_in(world: &World<'_>, flow: &Flow) -> String {
    let verdict = world.find(flow);
    assert_eq!(format!("{verdict:?}"), format!("{:?}", world.prepare().find(flow)), "prepared or not");
    assert_eq!(format!("{verdict:?}"), format!("{:?}", world.explain(flow).verdict), "explained or not");
    match verdict {
        Verdict::Found(found) => found.route.with_names(&names()).to_string(),
        Verdict::Refused { disposition, .. } => disposition.to_string(),
        Verdict::Dropped { why, .. } => format!("{why:?}"),
        Verdict::NoRoute => "none".to_owned(),
        Verdict::Indeterminate { why, .. } => format!("? {why}"),
    }
}

#[test]
fn of_several_ways_ipv4_takes_the_first_that_leaves_by_the_interface() {
    let tables =
        tables(&["10.1.0.0/16 nexthop via 10.0.0.1 dev eth0 nexthop via 10.0.0.2 dev eth1 nexthop via 10.0.0.3 dev eth1"]);
    let (names, rules) = (names(), [main_rule()]);
    let world = World::new(&tables, &rules, &names);
    let ways = |output| {
        let Verdict::Found(found) = world.find(&Flow { output, ..flow("10.1.0.1") }) else { panic!() };
        found.next_hops().filter_map(|hop| hop.gateway).map(|gateway| gateway.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ways(IfIndex::new(3)), ["10.0.0.2"]);
    assert_eq!(ways(None).len(), 3);
}

#[test]
fn a_lost_carrier_is_a_matter_of_all_or_one_on_ipv4_and_of_one_on_ipv6() {
    let tables = tables(&["10.1.0.0/16 dev eth1 linkdown", "2001:db8::/32 dev eth1 linkdown metric 5"]);
    let (names, rules) = (names(), [main_rule(), rule6("1: from all lookup main")]);
    let ignores = |family, of, destination: &str| {
        let settings = settings(family, of, |settings| settings.ignore_routes_with_link_down = Some(true));
        say_in(&World::new(&tables, &rules, &names).with_settings(&settings), &flow(destination)) == "none"
    };
    assert!(ignores(Family::V4, SettingsOf::All, "10.1.0.1"));
    assert!(ignores(Family::V4, SettingsOf::Interface(index(3)), "10.1.0.1"));
    assert!(!ignores(Family::V4, SettingsOf::Interface(index(2)), "10.1.0.1"));
    assert!(!ignores(Family::V6, SettingsOf::All, "2001:db8::1"));
    assert!(ignores(Family::V6, SettingsOf::Interface(index(3)), "2001:db8::1"));
    assert!(!ignores(Family::V4, SettingsOf::Interface(index(3)), "2001:db8::1"));
}

#[test]
fn the_mark_of_death_by_a_setting_ends_with_the_setting() {
    let tables = tables(&["10.1.0.0/16 dev eth1 dead linkdown"]);
    let (names, rules) = (names(), [main_rule()]);
    let settings = settings(Family::V4, SettingsOf::All, |settings| settings.ignore_routes_with_link_down = Some(false));
    let (up, down) = (links(|_| ()), links(|link| link.flags = LinkFlags::empty()));
    let world = World::new(&tables, &rules, &names);
    let to = flow("10.1.0.1");
    assert_eq!(say_in(&world, &to), "none");
    assert_eq!(say_in(&world.with_links(&up), &to), "none", "what the settings are is not known");
    assert_eq!(say_in(&world.with_settings(&settings), &to), "none", "whether the link is up is not known");
    assert_eq!(say_in(&world.with_settings(&settings).with_links(&down), &to), "none");
    assert_ne!(say_in(&world.with_settings(&settings).with_links(&up), &to), "none");
}

#[test]
fn a_next_hop_object_out_of_use_hides_shorter_prefixes_of_its_address() {
    let tables = tables(&[
        "10.0.0.0/24 nhid 7 via 10.9.0.1 dev eth0 dead",
        "10.0.0.0/16 via 10.9.0.2 dev eth0",
        "default via 10.9.0.3 dev eth0",
        "10.1.0.0/24 nhid 8",
    ]);
    let (names, rules) = (names(), [main_rule()]);
    let world = World::new(&tables, &rules, &names);
    assert_eq!(say_in(&world, &flow("10.0.0.5")), "default via 10.9.0.3 dev eth0");
    assert_eq!(say_in(&world, &flow("10.0.1.5")), "10.0.0.0/16 via 10.9.0.2 dev eth0");
    assert!(say_in(&world, &flow("10.1.0.5")).starts_with("? "), "what the object is, is not known");
}

#[test]
fn what_hangs_on_rules_that_were_is_not_guessed() {
    let tables = tables(&[
        "local 10.0.0.0/8 dev lo table local",
        "10.1.0.0/16 dev eth0",
        "local 10.2.0.1 dev lo table local",
        "blackhole 10.9.0.0/16",
        "blackhole 11.9.0.0/16",
        "11.9.9.0/24 dev eth1 table default",
    ]);
    let (names, links) = (names(), links(|_| ()));
    let own = ["0: from all lookup local", "32766: from all lookup main", "32767: from all lookup default"].map(rule);
    let world = World::new(&tables, &own, &names).with_links(&links);
    assert!(say_in(&world, &flow("10.1.0.1")).starts_with("? "), "longer in main");
    assert_eq!(say_in(&world, &flow("10.2.0.1")), "local 10.2.0.1 dev lo table local scope host");
    assert!(say_in(&world, &flow("11.9.9.1")).starts_with("? "), "the table default may have been asked");
    assert_eq!(say_in(&world, &flow("11.9.8.1")), "blackhole");
    let mut other = own.to_vec();
    other.insert(1, rule("5: from all nop"));
    let world = World::new(&tables, &other, &names).with_links(&links);
    assert_eq!(say_in(&world, &flow("10.1.0.1")), "local 10.0.0.0/8 dev lo table local scope host");
    assert_eq!(say_in(&world, &flow("11.9.9.1")), "blackhole");
}

#[test]
fn a_route_that_is_confined_to_an_interface_is_for_flows_by_that() {
    for (family, destination, ways) in [
        (Family::V4, "192.0.2.1", ["default via 10.0.0.1 dev eth0", "default via 10.9.0.1 dev eth1"]),
        (Family::V6, "2001:db8::1", ["default via fe80::1 dev eth0", "default via fe80::9 dev eth1"]),
    ] {
        let names = names();
        let [plain, mut scoped] = ways.map(|way| Route::parse(way, &names).unwrap());
        scoped.slot.interface_scope = IfIndex::new(3);
        let rules = [Rule::new(family, 0, RuleAction::Lookup(TableId::MAIN))];
        let found = |routes: &[&Route], output: Option<u32>| {
            let mut tables = Tables::new();
            routes.iter().for_each(|route| _ = tables.insert(route, Position::Last));
            let world = World::new(&tables, &rules, &names);
            let asked = Flow { output: output.and_then(IfIndex::new), ..flow(destination) };
            let plan = world.plan(family);
            let all = [world.find(&asked), world.with_plan(&plan).find(&asked), world.explain(&asked).verdict];
            let all = all.map(|verdict| verdict.route().and_then(|route| route.entry.next_hops.first()?.interface));
            assert!(all.iter().all(|one| *one == all[0]), "{all:?}");
            all[0].map(IfIndex::get)
        };
        assert_eq!(found(&[&scoped], None), None, "{family:?}");
        assert_eq!(found(&[&scoped], Some(3)), Some(3));
        assert_eq!(found(&[&scoped], Some(2)), None);
        assert_eq!(found(&[&plain, &scoped], None), Some(2));
        assert_eq!(found(&[&scoped, &plain], Some(3)), Some(3));
    }
}

#[test]
fn an_explanation_has_a_line_a_step() {
    let tables = tables(&[
        "default via 10.0.0.1 dev eth0",
        "10.1.0.0/16 dev eth1 tos 0x08",
        "throw 10.1.0.0/16 table 7",
        "default dev eth1 table 8",
    ]);
    let rules = [
        rule("1: from all fwmark 0x1 lookup 7"),
        rule("2: not from all iif lo lookup 7"),
        rule("3: from all lookup 9"),
        rule("4: from all lookup 7"),
        rule("5: from all lookup 8 suppress_prefixlength 0"),
        rule("6: from all goto 9"),
        rule("7: from all prohibit"),
        rule("9: from all lookup main"),
    ];
    let names = names();
    let explanation = World::new(&tables, &rules, &names).explain(&flow("10.1.0.1"));
    let text = explanation.to_string();
    let lines: Vec<&str> = text.lines().collect();
    let expected = [
        "rule 1: from all fwmark 0x1 lookup 7: passed over, fwmark does not match",
        "rule 2: not from all iif lo lookup 7: passed over, all that it excludes matches",
        "rule 3: from all lookup 9",
        "  its table has no route that can be taken",
        "rule 4: from all lookup 7",
        "  throw 10.1.0.0/16 table 7: taken",
        "rule 5: from all lookup 8 suppress_prefixlength 0",
        "  default dev eth1 table 8 scope link: taken",
        "  default dev eth1 table 8 scope link: passed over, its rule suppresses it",
        "rule 6: from all goto 9",
        "rule 9: from all lookup main",
        "  10.1.0.0/16 tos 0x08 dev eth1 scope link: passed over, it is for another type of service",
        "  default via 10.0.0.1 dev eth0: taken",
        "found default via 10.0.0.1 dev eth0",
    ];
    assert_eq!(lines, expected);
    let of = |step: &Step<'_>| step.rule().map(|rule| rule.priority);
    let asked: Vec<u32> = explanation.steps.iter().filter_map(of).collect();
    assert_eq!(asked, [1, 2, 3, 3, 4, 5, 5, 6, 9]);
}

#[test]
fn a_world_shows_how_many_routes_it_has_and_its_rules() {
    let (tables, rules, names) = (tables(&["default dev eth0"]), [main_rule()], names());
    let shown = format!("{:?}", World::new(&tables, &rules, &names));
    assert_eq!(shown, format!("World {{ routes: 1, rules: {rules:?}, .. }}"));
}
