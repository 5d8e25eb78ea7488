//! That the machine slept, by the kernel's own clocks: a time namespace sets the one forward that goes on meanwhile, and not the other.
//!
//! Only a process without other threads may enter such a namespace, so this program starts itself once more.

use std::process::{Command, ExitCode};
use std::time::Duration;

use waypost::ReportReason;
use waypost_tests::ip::two_uplinks;
use waypost_tests::namespace::cannot_run;
use waypost_tests::sleep_by_the_clocks;

/// Set for the process that is to be told.
const ASKED: &str = "WAYPOST_TESTS_SLEEP";

/// How long the machine is to have slept.
const SECONDS: u32 = 3600;

/// The exit status where there are no time namespaces.
const NONE: u8 = 77;

pub(crate) fn is_asked() -> bool {
    std::env::var_os(ASKED).is_some()
}

pub(crate) fn a_sleep_is_told_by_the_kernels_own_clocks() {
    two_uplinks();
    let this = std::env::current_exe().expect("this program has a path");
    let told = Command::new(this).env(ASKED, "1").output().expect("it starts once more");
    let said = String::from_utf8_lossy(&told.stderr);
    if told.status.code() == Some(NONE.into()) {
        cannot_run(said);
    }
    assert!(told.status.success(), "{said}");
}

/// What the second process does, in the network namespace of the test.
pub(crate) fn be_told() -> ExitCode {
    let mut monitor = super::monitor();
    assert!(monitor.poll_now().expect("the socket lives").is_none(), "nothing is different yet");
    if let Err(error) = sleep_by_the_clocks(SECONDS) {
        eprintln!("no time namespace can be had: {error}");
        return ExitCode::from(NONE);
    }
    let report = super::report(&mut monitor);
    let [ReportReason::TimeJump { slept }] = report.reasons[..] else { panic!("{report}") };
    // The two clocks are read one after the other.
    assert!(slept.abs_diff(Duration::from_secs(SECONDS.into())) < Duration::from_secs(30), "{slept:?}");
    assert!(monitor.poll_now().expect("the socket lives").is_none(), "it is told once");
    ExitCode::SUCCESS
}
