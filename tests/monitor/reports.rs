//! What is told, and what is not.

use std::time::Duration;

use waypost::{DefaultCause, Family, LinkStanding, Monitor, MonitorOptions, Options, ReportReason, Rule};
use waypost_tests::ip::{ip, ip_batch, two_uplinks};

use super::{monitor, report, rest};

pub(crate) fn switching_the_default_interface_off_is_told_where_ipv6_is_off() {
    two_uplinks();
    let mut monitor = monitor();
    ip("link set wlan0 down");
    let report = report(&mut monitor);
    let expected = [
        "IPv4 default route: via 10.0.0.1 dev wlan0 -> via 10.9.0.1 dev lte0 (link down)",
        "addresses: -10.0.0.2/24 dev wlan0",
        "link wlan0: up -> down",
    ];
    assert_eq!(report.to_string(), expected.join("\n"));
    assert_eq!(report.before.default_route(Family::V4).unwrap().routes().count(), 1);
    assert!(ip("route show default").starts_with("default via 10.9.0.1"), "as the witness says");
    let later = rest(&mut monitor);
    assert!(later.is_empty(), "the routes that went along without a word are no news any more: {later:?}");
    ip("link set lte0 down");
    let text = super::report(&mut monitor).to_string();
    assert!(text.starts_with("IPv4 default route: via 10.9.0.1 dev lte0 -> none (link down)"), "{text}");
    assert!(text.ends_with("IPv4 is no longer available"), "{text}");
}

pub(crate) fn a_default_route_that_moves_is_told_with_the_reason() {
    two_uplinks();
    let mut monitor = monitor();
    let steps = [
        ("route add default via 10.9.0.1 metric 50", DefaultCause::OvertakenByMetric),
        ("route del default via 10.9.0.1 metric 50", DefaultCause::Removed),
        ("route add 0.0.0.0/1 via 10.9.0.7", DefaultCause::OvertakenByPrefix),
        ("route del 0.0.0.0/1 via 10.9.0.7", DefaultCause::Removed),
        ("route add default via 10.9.0.9 table 52", DefaultCause::Settings),
        ("rule add pref 100 lookup 52", DefaultCause::Rule),
        ("route replace default via 10.9.0.8 table 52", DefaultCause::Replaced),
        ("rule del pref 100", DefaultCause::Rule),
        ("link del wlan0", DefaultCause::LinkRemoved),
    ];
    for (words, expected) in steps {
        ip(words);
        let reports = rest(&mut monitor);
        let causes: Vec<DefaultCause> = reports
            .iter()
            .flat_map(|report| &report.reasons)
            .filter_map(|reason| match reason {
                ReportReason::DefaultRoute { family: Family::V4, why, .. } => Some(*why),
                _ => None,
            })
            .collect();
        // Where no rule names the table, what is in it means nothing.
        let expected: Vec<DefaultCause> = if expected == DefaultCause::Settings { Vec::new() } else { vec![expected] };
        assert_eq!(causes, expected, "{words}: {reports:?}");
    }
}

pub(crate) fn an_identical_renewal_is_no_news() {
    two_uplinks();
    let mut monitor = monitor();
    rest(&mut monitor);
    ip("address change 10.0.0.2/24 dev wlan0 valid_lft 3600 preferred_lft 1800");
    ip("address change 10.0.0.2/24 dev wlan0 valid_lft 7200 preferred_lft 3600");
    ip("route replace default via 10.0.0.1 metric 100");
    ip("route add default via 10.0.0.1 metric 90");
    ip("route del default via 10.0.0.1 metric 100");
    ip("route add blackhole 10.77.0.0/16");
    ip("route add multicast 224.0.0.0/4 dev wlan0 table 99");
    let reports = rest(&mut monitor);
    assert!(reports.is_empty(), "{reports:?}");
    assert!(monitor.stats().events > 0, "they were heard");
}

pub(crate) fn a_storm_elsewhere_is_no_news() {
    two_uplinks();
    let mut monitor = monitor();
    let before = *monitor.stats();
    let route = |n: u32, verb: &str| format!("route {verb} 20.{}.{}.0/24 via 10.0.0.1", n / 250, n % 250);
    ip_batch((0..5000).map(|n| route(n, "add")).chain((0..5000).map(|n| route(n, "del"))));
    let reports = rest(&mut monitor);
    assert!(reports.is_empty(), "{reports:?}");
    let after = *monitor.stats();
    assert_eq!(after.events - before.events, 10_000);
    assert_eq!(after.hints, before.hints, "none of them was worth a look");
}

pub(crate) fn a_gateway_that_became_another_machine_is_told() {
    two_uplinks();
    ip("neighbour add 10.0.0.1 lladdr 02:00:00:00:00:01 dev wlan0");
    let mut monitor = monitor();
    ip("neighbour replace 10.0.0.1 lladdr 02:00:00:00:00:02 dev wlan0");
    assert_eq!(report(&mut monitor).to_string(), "gateway 10.0.0.1 dev wlan0: 02:00:00:00:00:01 -> 02:00:00:00:00:02");
}

pub(crate) fn an_own_rule_that_is_deleted_is_put_back_later() {
    two_uplinks();
    let rule: Rule = "5210: from all lookup 52 proto 77".parse().unwrap();
    ip("rule add pref 5210 lookup 52 protocol 77");
    let mut monitor = monitor();
    monitor.keep_rules([rule]);
    for family in ["-4", "-6"] {
        let has = || ip(&format!("{family} rule show")).contains("5210:");
        assert_eq!(has(), family == "-4");
    }
    ip("rule del pref 5210");
    let gone = report(&mut monitor);
    assert_eq!(gone.to_string(), "IPv4 rules: -[5210: from all lookup 52 proto 77]");
    assert!(!ip("rule show").contains("5210:"), "it is not put back at once");
    let back = report(&mut monitor);
    assert_eq!(back.to_string(), "IPv4 rules: +[5210: from all lookup 52 proto 77]");
    assert!(ip("rule show").contains("5210:"));
}

pub(crate) fn a_snapshot_can_be_had_without_following() {
    two_uplinks();
    let snapshot = Monitor::snapshot_once(Options::new(), &MonitorOptions::new()).expect("it can be read");
    let way = snapshot.default_route(Family::V4).expect("there is one");
    assert_eq!(way.routes().map(ToString::to_string).collect::<Vec<_>>().len(), 1);
    assert_eq!(way.hops().next().and_then(|hop| hop.gateway), Some("10.0.0.1".parse().unwrap()));
    assert!(snapshot.links().values().all(|standing| *standing == LinkStanding::Up), "{:?}", snapshot.links());
    assert!(snapshot.has_family(Family::V4) && !snapshot.has_family(Family::V6));
    let mut monitor = monitor();
    assert!(monitor.poll_now().unwrap().is_none());
    monitor.inject("the user asked");
    assert_eq!(monitor.next(Some(Duration::ZERO)).unwrap().unwrap().to_string(), "asked: the user asked");
}
