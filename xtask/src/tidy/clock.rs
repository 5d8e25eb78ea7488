//! Time is an argument: a clock is read in the driver of the facade and by programs, nowhere else.

use super::Finding;
use super::tree::Tree;

/// The driver, the command, and the programs that measure, tests that show how long something takes among them. And sockets whose kernel says when routes end by the wall
/// clock, which is no time that anything is scheduled by.
const ALLOWED: &[&str] = &[
    "crates/waypost/src",
    "crates/waypost-cli/src",
    "crates/waypost-pfroute/src/sys",
    "tests/captive",
    "tests/command/conns",
    "tests/uplinks",
    "xtask",
    "bench",
];

const CLOCKS: &[&str] = &["Instant::now", "SystemTime::now", "Timestamp::now", "Zoned::now", "clock_gettime"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, code) in tree.rust().filter(|(file, _)| !file.is_under(ALLOWED)) {
        for clock in CLOCKS {
            let what = format!("`{clock}`: take the time as an argument");
            findings.extend(code.find(clock).map(|at| Finding::new(&file.path, code.line(at), what.clone())));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::tests::{accepts, refuses};

    #[test]
    fn the_driver_and_programs_read_a_clock() {
        accepts(check, "crates/waypost/src/driver.rs", "let now = Instant::now();");
        accepts(check, "crates/waypost-cli/src/monitor.rs", "SystemTime::now()");
        accepts(check, "crates/waypost-pfroute/src/sys/sockets.rs", "SystemTime::now()");
        refuses(check, "crates/waypost-pfroute/src/session/events.rs", "SystemTime::now()");
        accepts(check, "bench/src/main.rs", "std::time::Instant::now()");
    }

    #[test]
    fn nobody_else_does() {
        refuses(check, "crates/waypost-engine/src/mirror.rs", "let now = Instant::now();");
        refuses(check, "crates/waypost-netlink/src/sys/socket.rs", "std::time::SystemTime::now()");
        refuses(check, "crates/waypost/tests/watch.rs", "Instant::now()");
        refuses(check, "tests/netlink.rs", "libc::clock_gettime(0, &mut now)");
    }

    #[test]
    fn a_clock_in_a_comment_is_not_read() {
        accepts(check, "crates/waypost-core/src/kernel.rs", "/// Never `Instant::now()`.\nfn f(now: Now) {}");
    }
}
