//! The daemon, and what happens to it.

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

use waypost_tests::command::{Running, command};
use waypost_tests::ip::ip;

use crate::world::{
    Stream, abstract_manager, ask, config, defaults, directory, leaves_by, make, manager, pass, signal, start, until,
    write_config,
};

/// How often a thing is done in the short form; `WAYPOST_UPLINK_ROUNDS` says how often in the long one.
pub(crate) fn rounds(short: u32) -> u32 {
    std::env::var("WAYPOST_UPLINK_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(short)
}

pub(crate) fn a_planned_switch_loses_nothing() {
    make();
    let _daemon = start(&config("", ""));
    let stream = Stream::begin();
    for round in 0..rounds(10) {
        ask("--promote w3");
        until("w3 is elected", || leaves_by() == "w3" && defaults().len() == 2);
        ask("--release");
        until("w2 is elected", || leaves_by() == "w2" && defaults().len() == 2);
        assert!(ask("--status").contains("* w2"), "in round {round}");
    }
    let (sent, lost) = stream.end();
    eprintln!("planned switches: {} rounds, {sent} packets, {lost} lost", rounds(10));
    assert_eq!(lost, 0, "of {sent}");
}

pub(crate) fn a_killed_daemon_leaves_the_routes_and_the_next_takes_them_over_without_a_loss() {
    make();
    let text = config("", "");
    let mut daemon = start(&text);
    let before = defaults();
    let stream = Stream::begin();
    let mut moment = 7_u64;
    for round in 0..rounds(10) {
        kill_after_promoting_w3(daemon, &mut moment);
        assert!(!defaults().is_empty(), "in round {round}");
        daemon = start_again();
        until("all is as it was", || {
            let now = defaults();
            leaves_by() == "w2" && now.len() == 2 && now[1].contains("dev w3")
        });
    }
    let (sent, lost) = stream.end();
    eprintln!("killed and started again {} times: {sent} packets, {lost} lost", rounds(10));
    assert_eq!(lost, 0, "of {sent}");
    assert_eq!(defaults()[1], before[1], "the low route was taken over as it was");
}

/// Kills the daemon a moment after w3 was asked for: at another point each time, of a start or of a switch.
pub(crate) fn kill_after_promoting_w3(mut daemon: Running, moment: &mut u64) {
    *moment = moment.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    let _ = command("uplinks --socket /run/uplinks/sock --promote w3").output();
    pass(Duration::from_micros(1 + *moment % 4000));
    daemon.child.kill().expect("it is there");
}

/// Starts the daemon again as it was.
pub(crate) fn start_again() -> Running {
    Running::new(&format!("uplinks --config {}", directory().join("uplinks.toml").display()))
}

pub(crate) fn what_was_added_goes_at_the_end_unless_it_is_to_be_left() {
    make();
    let mut daemon = start(&config("", ""));
    signal(&daemon, "TERM");
    assert!(daemon.child.wait().expect("it ends").success());
    assert!(defaults().is_empty(), "{:?}", defaults());
    assert!(!directory().join("sock").exists());
    let path = write_config(&config("", ""));
    let mut daemon = Running::new(&format!("uplinks --leave --config {path}"));
    until("w2 is elected", || leaves_by() == "w2" && defaults().len() == 2);
    signal(&daemon, "TERM");
    assert!(daemon.child.wait().expect("it ends").success());
    assert_eq!(defaults().len(), 2);
}

pub(crate) fn a_bad_configuration_is_refused_with_its_line_and_the_running_one_kept() {
    make();
    let path = write_config("hold_down = 1\nhold_dwon = 2\n");
    let output = command(&format!("uplinks --config {path}")).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("line 2") && said.contains("hold_dwon"), "{said}");
    let daemon = start(&config("", ""));
    write_config("[[uplink]]\nname = 7\n");
    signal(&daemon, "HUP");
    assert!(ask("--status").contains("* w2"), "the running one is kept");
    // A good one is taken.
    write_config(&config("", "").replace("priority = 10", "priority = 90"));
    signal(&daemon, "HUP");
    until("w3 is elected", || leaves_by() == "w3");
}

pub(crate) fn a_route_that_a_rival_deletes_comes_back_and_a_rivals_own_is_left_alone() {
    make();
    let mut daemon = start(&config("", ""));
    ip("route add default via 10.3.0.1 metric 5 proto static");
    until("it is told", || ask("--status").contains("! default via 10.3.0.1"));
    ip("route del default via 10.2.0.1 dev w2");
    until("it comes back", || defaults().iter().filter(|route| route.contains("dev w2")).count() == 1);
    assert!(defaults().contains(&"default via 10.3.0.1 dev w3 proto static metric 5".to_owned()), "{:?}", defaults());
    signal(&daemon, "TERM");
    assert!(daemon.child.wait().expect("it ends").success());
    assert_eq!(defaults(), ["default via 10.3.0.1 dev w3 proto static metric 5"]);
}

pub(crate) fn without_a_configuration_it_shows_what_it_would_do_and_does_nothing() {
    make();
    ip("route add default via 10.2.0.1 metric 100 proto dhcp");
    ip("route add default via 10.3.0.1 metric 200 proto dhcp");
    let before = defaults();
    let output = command("uplinks").output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success());
    assert!(said.contains("+ default via 10.2.0.1 dev w2") && said.contains("# high"), "{said}");
    assert_eq!(defaults(), before);
    // One that comes while it runs is found too, and stands behind.
    ip("route del default via 10.3.0.1");
    let mut daemon = Running::new("uplinks --auto --socket /run/uplinks/sock");
    until("it runs", || directory().join("sock").exists());
    ip("route add default via 10.3.0.1 metric 200 proto dhcp");
    until("it is found", || ask("--status").contains("  w3 inet dev w3 via 10.3.0.1 priority 999: active"));
    until("it does it", || defaults().first().is_some_and(|route| route.contains("dev w2") && route.contains("metric 99")));
    assert!(before.iter().all(|route| defaults().contains(route)), "{:?}", defaults());
    signal(&daemon, "TERM");
    assert!(daemon.child.wait().expect("it ends").success());
    assert_eq!(defaults(), before);
}

pub(crate) fn who_started_it_is_told() {
    make();
    // A file, and a name in the abstract namespace of unix(7).
    for manager in [manager(), abstract_manager()] {
        told(manager);
    }
}

fn told((socket, notify): (UnixDatagram, PathBuf)) {
    let path = write_config(&config("", ""));
    let mut starting = command(&format!("uplinks --config {path}"));
    starting.env("NOTIFY_SOCKET", &notify).env("WATCHDOG_USEC", "100000");
    let mut daemon = Running::of(starting);
    let mut heard = Vec::new();
    let mut buffer = [0; 256];
    while !(heard.iter().any(|word| word == "READY=1") && heard.iter().filter(|word| *word == "WATCHDOG=1").count() > 2) {
        let length = socket.recv(&mut buffer).expect("it tells in time");
        heard.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
    }
    assert!(heard.contains(&"STATUS=elected: w2".to_owned()), "{heard:?}");
    signal(&daemon, "TERM");
    let mut last = String::new();
    while last != "STOPPING=1" {
        let length = socket.recv(&mut buffer).expect("it tells in time");
        last = String::from_utf8_lossy(&buffer[..length]).into_owned();
    }
    assert!(daemon.child.wait().expect("it ends").success());
}
