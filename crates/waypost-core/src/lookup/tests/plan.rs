//! Lookups by a plan, one after the other or many together, find what the walk finds that tells its steps.

use super::*;
use crate::{Disposition, NextHop, NextHopFlags, Preference, Prefix};

/// Numbers that are as random as a seed makes them (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn one_in(&mut self, of: u64) -> bool {
        self.next() % of == 0
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[(self.next() % of.len() as u64) as usize].clone()
    }

    fn some<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        (!self.one_in(3)).then(|| self.pick(of))
    }
}

const TABLES: [TableId; 5] = [TableId::LOCAL, TableId::MAIN, TableId::DEFAULT, TableId(7), TableId(8)];

fn address(random: &mut Random, family: Family) -> IpAddr {
    random.pick(&match family {
        Family::V4 => ["10.1.1.1", "10.1.2.2", "10.2.0.1", "192.0.2.1", "0.0.0.0", "10.1.1.9"].map(|text| text.parse().unwrap()),
        Family::V6 => {
            ["2001:db8:1::1", "2001:db8:1:1::", "2001:db9::1", "fe80::1", "::", "ff02::1"].map(|text| text.parse().unwrap())
        }
    })
}

fn prefix(random: &mut Random, family: Family) -> Prefix {
    let length = random.pick(&match family {
        Family::V4 => [0, 8, 15, 16, 24, 32],
        Family::V6 => [0, 16, 31, 32, 64, 128],
    });
    Prefix::containing(address(random, family), length).unwrap()
}

fn hop(random: &mut Random) -> NextHop {
    let mut hop = NextHop::dev(random.pick(&[1, 2, 3].map(|index| IfIndex::new(index).unwrap())));
    hop.flags = random.pick(&[NextHopFlags::empty(), NextHopFlags::empty(), NextHopFlags::DEAD, NextHopFlags::LINK_DOWN]);
    hop
}

fn route(random: &mut Random, family: Family) -> Route {
    let mut route = Route::new(prefix(random, family));
    route.slot.table = random.pick(&TABLES);
    route.slot.metric = random.pick(&[0, 0, 5]);
    route.entry.disposition = random.pick(&[
        Disposition::Unicast,
        Disposition::Unicast,
        Disposition::Unicast,
        Disposition::Local,
        Disposition::Blackhole,
        Disposition::Prohibit,
        Disposition::Throw,
        Disposition::Other(99),
    ]);
    route.entry.next_hops = (0..random.pick(&[0, 1, 1, 1, 2])).map(|_| hop(random)).collect();
    route.entry.next_hop_object = if random.one_in(12) { crate::NextHopId::new(5) } else { None };
    route.entry.preference = random.pick(&[Preference::Medium, Preference::High]);
    match family {
        Family::V4 => route.slot.tos = random.pick(&[0, 0, 0, 0x10]),
        Family::V6 => {
            if let (true, Prefix::V6(source)) = (random.one_in(8), prefix(random, family)) {
                route.slot.source = Some(source);
            }
        }
    }
    route
}

fn ports(random: &mut Random) -> PortRange {
    let mut ports = PortRange::new(random.pick(&[0, 53, 80]), random.pick(&[53, 80, 443]));
    ports.mask = random.pick(&[u16::MAX, u16::MAX, 0xf0]);
    ports
}

fn rule(random: &mut Random, family: Family, priority: u32) -> Rule {
    let action = match random.next() % 16 {
        0 => random.pick(&[RuleAction::Blackhole, RuleAction::Prohibit, RuleAction::Unreachable, RuleAction::Other(77)]),
        1 | 2 => RuleAction::Goto(random.pick(&[priority, priority + 1, priority + 3, 99])),
        3 => RuleAction::Nop,
        _ => RuleAction::Lookup(random.pick(&TABLES)),
    };
    let mut rule = Rule::new(family, priority, action);
    rule.invert = random.one_in(5);
    for _ in 0..random.pick(&[0, 1, 1, 1, 2, 3]) {
        selector(random, &mut rule);
    }
    if random.one_in(6) {
        rule.suppress_prefix_length = Some(random.pick(&[0, 16, 300]));
    }
    rule.suppress_group = random.one_in(12).then_some(0);
    rule
}

fn selector(random: &mut Random, rule: &mut Rule) {
    let family = if random.one_in(20) { Family::V4 } else { rule.family };
    match random.next() % 16 {
        0 => rule.to = Some(prefix(random, family)),
        1 => rule.from = Some(prefix(random, family)),
        2 => rule.input = random.some(&["lo", "eth0", "none"].map(str::to_owned)),
        3 => rule.output = random.some(&["lo", "eth0", "none"].map(str::to_owned)),
        4 => rule.mark = Some(Masked { value: random.pick(&[0, 1, 2, u32::MAX]), mask: random.pick(&[0, 1, 3, u32::MAX]) }),
        5 => rule.tos = random.pick(&[0x10, 0x08, 0xb8, 0x03]),
        6 => rule.dscp = Some(Masked { value: random.pick(&[0, 4, 46, 0xff]), mask: random.pick(&[0, 4, 0x3f, 0xff]) }),
        7 => {
            rule.flow_label =
                Some(Masked { value: random.pick(&[0, 5, u32::MAX]), mask: random.pick(&[0, 1, 0xf_ffff, u32::MAX]) })
        }
        8 => rule.ip_protocol = Some(random.pick(&[0, 6, 17, 255])),
        9 => rule.source_ports = Some(ports(random)),
        10 => rule.destination_ports = Some(ports(random)),
        11 | 12 => rule.uids = Some(UidRange { first: random.pick(&[0, 5, 1000]), last: random.pick(&[4, 5, u32::MAX]) }),
        13 => rule.tunnel_id = random.pick(&[0, 9]),
        14 => rule.l3mdev = true,
        _ => {
            rule.has_unknown_selector = random.one_in(3);
            rule.os_flags = random.pick(&[0, super::super::rule::FLAG_FIND_SOURCE]);
        }
    }
}

fn random_flow(random: &mut Random, family: Family) -> Flow {
    let interfaces = [1, 2, 3].map(|index| IfIndex::new(index).unwrap());
    let mut flow = Flow::to(address(random, family));
    let source = if random.one_in(20) { Family::V6 } else { family };
    flow.source = random.one_in(2).then(|| address(random, source));
    flow.input = if random.one_in(8) { Some(random.pick(&interfaces)) } else { None };
    flow.output = if random.one_in(4) { Some(random.pick(&interfaces)) } else { None };
    flow.mark = random.pick(&[0, 1, 2, u32::MAX]);
    flow.tos = random.pick(&[0, 0x10, 0xb8, 0xff]);
    flow.uid = random.some(&[0, 5, 1000, u32::MAX]);
    flow.ip_protocol = random.some(&[0, 6, 17, 255]);
    flow.source_port = random.some(&[0, 53, 80, u16::MAX]);
    flow.destination_port = random.some(&[0, 53, 443]);
    flow.flow_label = random.some(&[0, 5, 0xf_ffff, u32::MAX]);
    flow
}

/// All that a verdict tells.
fn told(verdict: &Verdict<'_>) -> String {
    let found = match verdict {
        Verdict::Found(found) | Verdict::Dropped { found: Some(found), .. } => Some(found),
        _ => None,
    };
    let more = found.map(|found| (found.next_hops().collect::<Vec<_>>(), found.source()));
    format!("{verdict:?} {more:?}")
}

/// The kernel's own rules, now and then, hang on what others do not.
fn rules(random: &mut Random, family: Family) -> Vec<Rule> {
    if random.one_in(6) {
        let own = [(0, TableId::LOCAL), (32766, TableId::MAIN), (32767, TableId::DEFAULT)];
        return own.map(|(priority, table)| Rule::new(family, priority, RuleAction::Lookup(table))).into();
    }
    let families = [family, family, family, Family::V4, Family::V6];
    let mut rules: Vec<Rule> = (0..random.next() % 9)
        .map(|at| {
            let family = random.pick(&families);
            rule(random, family, at as u32 * 2 / 3)
        })
        .collect();
    rules.push(Rule::new(family, 10, RuleAction::Lookup(TableId::MAIN)));
    rules
}

#[test]
fn a_plan_finds_what_the_long_walk_finds() {
    let names = names();
    let link = |index: u32| (IfIndex::new(index).unwrap(), Link::new(IfIndex::new(index).unwrap(), "eth"));
    let links: BTreeMap<IfIndex, Link> = [link(1), link(2)].into();
    let mut found = 0;
    for seed in 0..1500 {
        let mut random = Random(seed);
        let family = random.pick(&Family::ALL);
        let mut tables = Tables::new();
        for _ in 0..random.next() % 30 {
            tables.insert(&route(&mut random, family), Position::Last);
        }
        let rules = rules(&mut random, family);
        let mut world = World::new(&tables, &rules, &names);
        if random.one_in(2) {
            world = world.with_links(&links);
        }
        let (prepared, plan) = (world.prepare(), world.plan(family));
        let flows: Vec<Flow> = (0..40).map(|_| random_flow(&mut random, family)).collect();
        let mut together = Vec::new();
        prepared.find_all(&flows, |flow, verdict| together.push((*flow, told(&verdict))));
        assert_eq!(together.len(), flows.len());
        for (flow, (same, many)) in flows.iter().zip(together) {
            assert_eq!(*flow, same);
            let explanation = world.explain(flow);
            let long = told(&explanation.verdict);
            let all = [told(&world.find(flow)), told(&prepared.find(flow)), told(&world.with_plan(&plan).find(flow)), many];
            assert!(all.iter().all(|one| *one == long), "seed {seed}, {flow:?}\n{rules:#?}\n{explanation}\n{long}\n{all:#?}");
            found += u32::from(matches!(explanation.verdict, Verdict::Found(_)));
        }
    }
    assert!(found > 5_000, "{found}");
}

#[test]
fn a_plan_stays_good_while_tables_come_and_go() {
    let (names, rules) = (names(), [Rule::new(Family::V4, 1, RuleAction::Lookup(TableId(7))), main_rule()]);
    let mut tables = tables(&["default via 10.0.0.1 dev eth0"]);
    let plan = World::new(&tables, &rules, &names).plan(Family::V4);
    let find = |tables: &Tables| {
        let verdict = World::new(tables, &rules, &names).with_plan(&plan).find(&flow("192.0.2.1"));
        verdict.route().map(|route| route.to_string())
    };
    let seven: Route = "default via 10.0.0.9 dev if2 table 7".parse().unwrap();
    let (row, _) = tables.insert(&seven, Position::Last);
    assert_eq!(find(&tables).unwrap(), seven.to_string());
    tables.insert(&"default via 10.0.0.9 dev if2 table 1".parse().unwrap(), Position::Last);
    assert_eq!(find(&tables).unwrap(), seven.to_string());
    tables.remove(&seven.slot, row);
    assert_eq!(find(&tables).unwrap(), "default via 10.0.0.1 dev if2");
}

#[test]
fn a_plan_is_asked_about_flows_of_its_own_family_alone() {
    let names = names();
    let rules = [(Family::V4, TableId(7)), (Family::V6, TableId(8))]
        .map(|(family, table)| Rule::new(family, 1, RuleAction::Lookup(table)));
    let tables = tables(&["default dev eth0 table 7", "default via fe80::1 dev if2 table 8"]);
    let world = World::new(&tables, &rules, &names);
    let flows = [flow("192.0.2.1"), flow("2001:db8::1")];
    for family in Family::ALL {
        let plan = world.plan(family);
        let world = world.with_plan(&plan);
        let mut found: Vec<Verdict<'_>> = flows.iter().map(|flow| world.find(flow)).collect();
        found.extend(flows.iter().map(|flow| world.prepare().find(flow)));
        world.find_all(&flows, |_, verdict| found.push(verdict));
        let tables: Vec<_> = found.iter().filter_map(|verdict| verdict.route()).map(|route| route.slot.table).collect();
        assert_eq!(tables, [7, 8, 7, 8, 7, 8].map(TableId), "a plan of {family:?}");
    }
}

/// Whether a plan decides by itself: then it does not read what the rules say in the world that it is asked in, here nothing.
fn is_straight(routes: &[&str], rules: &[Rule], flow: &Flow) -> bool {
    let (tables, names) = (tables(routes), names());
    let plan = World::new(&tables, rules, &names).plan(Family::of(&flow.destination));
    let silent: Vec<Rule> = rules.iter().map(|rule| Rule::new(rule.family, rule.priority, RuleAction::Nop)).collect();
    !matches!(World::new(&tables, &silent, &names).with_plan(&plan).find(flow), Verdict::NoRoute)
}

#[test]
fn what_is_plain_goes_straight() {
    let routes = [
        "default via 10.0.0.1 dev eth0",
        "10.1.0.0/16 dev eth1 tos 0x10",
        "unreachable 10.2.0.0/16",
        "local 10.0.0.2 dev eth0 table local",
        "default via fe80::1 dev eth0",
        "2001:db8:1::/48 dev eth0 metric 5",
        "2001:db8:1::/48 dev eth1 metric 6",
        "unreachable 2001:db8:2::/48",
    ];
    let rule = |text: &str| [Family::V4, Family::V6].map(|family| Rule::parse(text, Some(family)).unwrap());
    let plain = rule("5: from all lookup main");
    let source = Flow { source: "10.0.0.2".parse().ok(), ..flow("192.0.2.1") };
    let tos = Flow { tos: 0x10, ..flow("10.1.0.1") };
    let whole = [flow("192.0.2.1"), source, flow("2001:db8::1"), flow("2001:db8:1::1")];
    for flow in [tos, flow("10.2.0.1"), flow("2001:db8:2::1")].into_iter().chain(whole) {
        assert!(is_straight(&routes, &plain, &flow), "{flow:?}");
    }
    for flow in whole.map(|flow| Flow { output: IfIndex::new(2), ..flow }) {
        assert!(is_straight(&routes, &plain, &flow), "{flow:?}");
    }
    let rules = ["fwmark 0/1 lookup main", "iif lo lookup 9", "uidrange 7-9 prohibit", "to 192.0.2.0/24 nop", "goto 5"];
    for text in rules.into_iter().chain(["lookup 9 suppress_prefixlength 0"]) {
        let first = Rule::parse(&format!("4: from all {text}"), Some(Family::V4)).unwrap();
        let flow = Flow { uid: Some(5), ..flow("192.0.2.1") };
        assert!(is_straight(&routes, &[first, plain[0].clone()], &flow), "{text}");
    }
}

#[test]
fn with_the_rules_of_the_kernel_alone_what_no_other_table_knows_better_goes_straight() {
    let routes = [
        "local 10.0.0.2 dev eth0 table local",
        "10.0.0.2 dev eth0",
        "local 10.8.0.0/16 dev eth0 table local",
        "10.8.1.0/24 dev eth0",
        "default via 10.0.0.1 dev eth0",
        "unreachable 10.2.0.0/16",
    ];
    let own = [(0, TableId::LOCAL), (32766, TableId::MAIN), (32767, TableId::DEFAULT)]
        .map(|(priority, table)| Rule::new(Family::V4, priority, RuleAction::Lookup(table)));
    let straight = ["10.0.0.2", "10.8.0.1", "192.0.2.1"].map(|to| is_straight(&routes, &own, &flow(to)));
    assert_eq!(straight, [true; 3]);
    let long = ["10.8.1.1", "10.2.0.1"].map(|to| is_straight(&routes, &own, &flow(to)));
    assert_eq!(long, [false; 2]);
}
