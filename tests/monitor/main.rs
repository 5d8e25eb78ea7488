//! The monitor against the kernel: what `ip` does to the network is told with what it means.

mod refused;
mod reports;
mod sleep;

use std::process::ExitCode;
use std::time::Duration;

use waypost::{Monitor, MonitorOptions, Report};
use waypost_tests::namespace::run;
use waypost_tests::test;

/// How long something may take that comes at once unless it never comes.
const PATIENCE: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    if sleep::is_asked() {
        return sleep::be_told();
    }
    run(&[
        test!(reports::switching_the_default_interface_off_is_told_where_ipv6_is_off),
        test!(reports::a_default_route_that_moves_is_told_with_the_reason),
        test!(reports::an_identical_renewal_is_no_news),
        test!(reports::a_storm_elsewhere_is_no_news),
        test!(reports::a_gateway_that_became_another_machine_is_told),
        test!(reports::an_own_rule_that_is_deleted_is_put_back_later),
        test!(reports::a_snapshot_can_be_had_without_following),
        test!(sleep::a_sleep_is_told_by_the_kernels_own_clocks),
        test!(refused::where_subscribing_is_refused_the_same_is_told_by_reading_again),
    ])
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
