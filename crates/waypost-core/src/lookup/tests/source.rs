//! Which sources are the host's own.

use super::*;

fn rules(texts: &[&str]) -> Vec<Rule> {
    texts.iter().map(|text| Rule::parse(text, Some(Family::V6)).unwrap()).collect()
}

/// Whether `source` is the host's own by these rules and tables.
fn has(rules: &[&str], routes: &[&str], source: &str) -> bool {
    let (names, tables, rules) = (names(), tables(routes), self::rules(rules));
    World::new(&tables, &rules, &names).has_source(source.parse().unwrap())
}

const OWN: [&str; 2] = ["0: from all lookup local", "32766: from all lookup main"];
const ANY: &str = "local 2001:db8:5::/64 dev lo table 100";
const DEFAULT: &str = "default via fe80::1 dev eth0";
const SOURCE: &str = "2001:db8:5::7";

#[test]
fn an_ipv4_source_is_what_an_interface_or_the_table_local_has() {
    let tables = tables(&["local 10.0.0.2 dev eth0 table local", "local 10.5.0.0/16 dev lo table 100", "default dev eth0"]);
    let (names, all) = (names(), [Rule::parse("5: from all lookup 100", Some(Family::V4)).unwrap(), main_rule()]);
    // One of an interface in a VRF, whose local route is in another table.
    let addresses = ["10.0.0.2", "10.9.0.2"].map(|own| own.parse().unwrap()).into();
    let world = World::new(&tables, &all, &names).with_addresses(&addresses);
    let plan = world.plan(Family::V4);
    for (source, is_own) in [("10.0.0.2", true), ("10.9.0.2", true), ("10.5.0.2", false), ("192.0.2.9", false)] {
        assert_eq!(world.has_source(source.parse().unwrap()), is_own, "{source}");
        let flow = Flow { source: source.parse().ok(), ..flow("192.0.2.1") };
        for verdict in [world.find(&flow), world.with_plan(&plan).find(&flow), world.explain(&flow).verdict] {
            assert_eq!(matches!(verdict, Verdict::Found(_)), is_own, "{source}: {verdict:?}");
        }
    }
    assert!(!World::new(&tables, &all, &names).has_source("10.9.0.2".parse().unwrap()), "no interface is known");
}

#[test]
fn an_ipv6_source_is_what_rules_lead_to_the_host() {
    let with = |rule: &str| has(&[OWN[0], rule, OWN[1]], &[ANY, DEFAULT], SOURCE);
    assert!(!has(&OWN, &[ANY, DEFAULT], SOURCE), "no rule names that table");
    for rule in [
        "50: from all lookup 100",
        "50: from all to 2001:db8:5::/64 lookup 100",
        "50: from all fwmark 1 lookup 100",
        "50: from all iif eth1 lookup 100",
        "50: from 2001:db8:77::/64 lookup 100",
        "50: not from all fwmark 1 lookup 100",
    ] {
        assert!(with(rule), "{rule}");
    }
    assert!(!with("50: from all to 2001:db8:6::/64 lookup 100"), "they are for others");
    assert!(has(&OWN, &["local 2001:db8:5::/64 dev lo table local"], SOURCE));
    assert!(has(&OWN, &["anycast 2001:db8:5::7 dev eth0 table local"], SOURCE));
    assert!(has(&OWN, &[], "::1"));
}

#[test]
fn what_comes_first_takes_ipv6_packets_in_or_passes_them_on() {
    let behind = |rules: &[&str], more: &str| {
        let all: Vec<&str> = rules.iter().copied().chain(["32767: from all lookup 100"]).collect();
        has(&all, &[ANY, DEFAULT, more], SOURCE)
    };
    let other = "2001:db8:5::/80 via fe80::1 dev eth0 table 100";
    assert!(!behind(&OWN, "2001:db8:9::/64 dev eth1"), "the default route takes them");
    assert!(!behind(&[OWN[0], "9: from all to 2001:db8:5::/64 blackhole"], "2001:db8:9::/64 dev eth1"));
    assert!(behind(&[OWN[0], "9: from all fwmark 1 lookup main"], "2001:db8:9::/64 dev eth1"), "if they are marked");
    assert!(behind(&[OWN[0], "9: from all lookup main suppress_prefixlength 0"], "2001:db8:9::/64 dev eth1"));
    assert!(behind(&[OWN[0], "9: from all goto 32767", OWN[1]], "2001:db8:9::/64 dev eth1"));
    assert!(behind(&[OWN[0], "8: from all lookup 8"], "throw 2001:db8:5::/64 table 8"));
    assert!(!behind(&[OWN[0]], other), "a longer prefix takes them");
    assert!(behind(&[OWN[0]], &format!("{other} dead")), "but not where its way is dead");
}

#[test]
fn what_a_vrf_may_have_for_its_own_is_nobodys_loss() {
    let (names, tables) = (names(), tables(&[ANY, DEFAULT]));
    let rules = rules(&["1000: from all lookup [l3mdev-table]", OWN[1]]);
    let source = SOURCE.parse().unwrap();
    assert!(World::new(&tables, &rules, &names).has_source(source), "no interface is known");
    let mut links = links(|_| ());
    assert!(!World::new(&tables, &rules, &names).with_links(&links).has_source(source), "there is no VRF");
    links.values_mut().next().unwrap().kind = "vrf".to_owned();
    assert!(World::new(&tables, &rules, &names).with_links(&links).has_source(source));
    let foreign = "2001:db8:77::1".parse().unwrap();
    assert!(!World::new(&tables, &rules, &names).with_links(&links).has_source(foreign), "no table has it");
    assert!(!World::new(&tables, &rules[1..], &names).with_links(&links).has_source(source), "nothing leads to its table");
}
