//! The monitor against the kernel: what `ip` does to the network is told with what it means.

mod command;
mod refused;
mod reports;

use std::process::ExitCode;
use std::time::Duration;

use waypost::{Monitor, MonitorOptions, Report};
use waypost_tests::ip::{ip, sysctl};
use waypost_tests::namespace::run;
use waypost_tests::test;

/// How long something may take that comes at once unless it never comes.
const PATIENCE: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    run(&[
        test!(reports::switching_the_default_interface_off_is_told_where_ipv6_is_off),
        test!(reports::a_default_route_that_moves_is_told_with_the_reason),
        test!(reports::an_identical_renewal_is_no_news),
        test!(reports::a_storm_elsewhere_is_no_news),
        test!(reports::a_gateway_that_became_another_machine_is_told),
        test!(reports::an_own_rule_that_is_deleted_is_put_back_later),
        test!(reports::a_snapshot_can_be_had_without_following),
        test!(command::the_summary_is_an_object_a_report),
        test!(command::the_summary_is_a_line_a_reason),
        test!(command::the_messages_of_libwebsockets_are_printed),
        test!(refused::where_subscribing_is_refused_the_same_is_told_by_reading_again),
    ])
}

/// Two interfaces with a way to everywhere each; IPv6 is off unless it is asked for.
fn two_uplinks() {
    sysctl("net/ipv6/conf/default/disable_ipv6", "1");
    sysctl("net/ipv6/conf/all/disable_ipv6", "1");
    for (name, network, metric) in [("wlan0", "10.0.0", 100), ("lte0", "10.9.0", 600)] {
        ip(&format!("link add {name} type veth peer name {name}-end"));
        ip(&format!("link set {name}-end up"));
        ip(&format!("link set {name} up"));
        ip(&format!("address add {network}.2/24 dev {name}"));
        ip(&format!("route add default via {network}.1 metric {metric}"));
    }
}

/// A monitor of the interfaces at this end of the cables: when the other end loses its carrier, the kernel tells in its own time.
fn monitor() -> Monitor {
    Monitor::open(MonitorOptions::new().ignore_interfaces(["*-end"])).expect("the sockets open without privilege")
}

/// The next report, which must come.
#[track_caller]
fn report(monitor: &mut Monitor) -> Report {
    monitor.next(Some(PATIENCE)).expect("the socket lives").expect("a report comes in time")
}

/// Lets the monitor come to rest, and gives the reports of that.
fn rest(monitor: &mut Monitor) -> Vec<Report> {
    let mut reports = Vec::new();
    loop {
        // Longer than what is held back, and longer than the last of what is read again.
        match monitor.next(Some(Duration::from_millis(1500))).expect("the socket lives") {
            Some(report) => reports.push(report),
            None if monitor.watcher().is_settled() => return reports,
            None => {}
        }
    }
}
