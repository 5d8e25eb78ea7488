//! `monitor --summary` and `--smd`.

use std::thread;

use waypost_tests::ip::two_uplinks;

use super::*;

pub(super) fn the_summary_is_an_object_a_report() {
    two_uplinks();
    let mut running = Running::new("monitor --summary --json");
    let first = running.object();
    assert_eq!(first["event"], "snapshot");
    assert_eq!(first["state"]["inet"][0]["gateway"], "10.0.0.1");
    assert_eq!(first["state"]["inet6"], Value::Null);
    ip("route del default via 10.0.0.1 metric 100");
    let report = running.object();
    assert_eq!((&report["event"], &report["seq"]), (&Value::from("report"), &Value::from(2)));
    let reason = &report["reasons"][0];
    assert_eq!(
        (&reason["reason"], &reason["why"], &reason["family"]),
        (&"default-route".into(), &"removed".into(), &"inet".into())
    );
    assert_eq!((&reason["from"][0]["dev"], &reason["to"][0]["dev"]), (&"wlan0".into(), &"lte0".into()));
    assert_eq!(report["before"]["inet"][0]["gateway"], "10.0.0.1");
    assert_eq!(report["after"]["inet"][0]["gateway"], "10.9.0.1");
    assert_eq!(report["after"]["links"]["wlan0"], "up");
}

pub(super) fn the_summary_is_a_line_a_reason() {
    two_uplinks();
    let mut running = Running::new("monitor --summary --initial");
    while !running.line().starts_with("default route: default via 10.0.0.1 dev wlan0") {}
    ip("address del 10.0.0.2/24 dev wlan0");
    // The kernel tells of the address first and goes on to the routes: they are one report, or the second is of the routes.
    let mut lines = [running.line(), running.line()];
    lines.sort();
    assert_eq!(lines[0], "IPv4 default route: via 10.0.0.1 dev wlan0 -> via 10.9.0.1 dev lte0 (removed)");
    assert_eq!(lines[1], "addresses: -10.0.0.2/24 dev wlan0");
}

pub(super) fn the_messages_of_libwebsockets_are_printed() {
    two_uplinks();
    let mut running = Running::new("monitor --smd");
    let reader = thread::spawn(move || (0..8).map(|_| running.line()).collect::<Vec<_>>());
    // It says nothing before something changes, so something changes until it says so.
    while !reader.is_finished() {
        ip("route add 10.5.0.0/16 via 10.0.0.1");
        ip("route add unreachable 10.6.0.0/16");
        ip("route del 10.5.0.0/16");
        ip("route del unreachable 10.6.0.0/16");
    }
    let lines = reader.join().unwrap();
    let messages = [r#"{"rt":"add"}"#, r#"{"rt":"del"}"#, r#"{"trigger":"cpdcheck","src":"gw-change"}"#];
    assert!(lines.iter().all(|line| messages.contains(&line.as_str())), "{lines:?}");
    assert!(lines.windows(2).all(|pair| pair[0] != messages[2] || pair[1] != messages[2]), "once a batch at most: {lines:?}");
    assert!(messages.iter().all(|message| lines.iter().any(|line| line == message)), "{lines:?}");
}
