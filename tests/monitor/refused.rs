//! Where the system does not tell of changes.

use std::time::Duration;

use waypost::{ErrorKind, Monitor, MonitorOptions, Watcher};
use waypost_tests::ip::{ip, two_uplinks};
use waypost_tests::refuse_subscriptions;

use super::{PATIENCE, report};

pub(crate) fn where_subscribing_is_refused_the_same_is_told_by_reading_again() {
    two_uplinks();
    let changes =
        ["route del default via 10.0.0.1 metric 100", "address add 192.0.2.7/24 dev lte0", "rule add pref 100 lookup 52"];
    // What is told where nothing is refused.
    let mut told = Vec::new();
    let mut monitor = Monitor::open(MonitorOptions::new()).expect("the sockets open without privilege");
    assert!(!monitor.is_polling());
    for change in changes {
        ip(change);
        told.push(report(&mut monitor).to_string());
        // What is soon after a report is held back; there is nothing.
        assert!(monitor.next(Some(Duration::from_millis(200))).unwrap().is_none());
    }
    ip("route add default via 10.0.0.1 metric 100");
    ip("address del 192.0.2.7/24 dev lte0");
    ip("rule del pref 100");

    refuse_subscriptions();
    let refused = Watcher::open().map(|_| ()).expect_err("it is refused to this thread");
    assert!(matches!(refused.kind(), ErrorKind::Unsupported | ErrorKind::NotPermitted), "{refused}");
    let mut monitor = Monitor::open(MonitorOptions::new()).expect("there is another way");
    assert!(monitor.is_polling());
    monitor.poll_every(Duration::from_millis(300));
    for (change, expected) in changes.into_iter().zip(&told) {
        ip(change);
        let report = monitor.next(Some(PATIENCE)).unwrap().expect("it is found by reading again");
        assert_eq!(report.to_string(), *expected);
        assert!(monitor.next(Some(Duration::from_millis(700))).unwrap().is_none(), "and found once");
    }
    monitor.poll_every(Duration::from_secs(3600));
    assert!(monitor.poll_now().unwrap().is_none(), "nothing is different");
    ip("rule del pref 100");
    let report = monitor.poll_now().unwrap().expect("who asks does not wait");
    assert_eq!(report.to_string(), "IPv4 rules: -[100: from all lookup 52]");
}
