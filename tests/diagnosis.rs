//! What the command `waypost` says of itself and of the table: counters, findings, and who it runs as.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};

use serde_json::Value;
use waypost_tests::ip::{ip, veth_with_addresses};
use waypost_tests::namespace::run;
use waypost_tests::skip::skip;
use waypost_tests::test;

/// Where cargo puts the command: beside the directory of the test programs.
fn program() -> PathBuf {
    let test = std::env::current_exe().expect("this program has a path");
    test.parent().and_then(std::path::Path::parent).expect("a target directory").join("waypost")
}

fn command(words: &str) -> Command {
    let mut command = Command::new(program());
    command.args(words.split_whitespace()).stdin(Stdio::null());
    command
}

/// A program that goes on until the test is over.
struct Running {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(words: &str) -> Self {
        let mut child = command(words).stdout(Stdio::piped()).spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Self { child, lines }
    }

    /// Reads to the object of an event for which `is_last` holds.
    fn read_to(&mut self, event: &str, is_last: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = self.lines.next().expect("it goes on").expect("text");
            let object: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
            if object["event"] == event && is_last(&object) {
                return object;
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself where the test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn a_monitor_tells_what_it_has_counted_and_writes_it_for_collectors() {
    veth_with_addresses("w0", "w1");
    let file = PathBuf::from("/run/waypost.prom");
    let mut monitor = Running::start("--json monitor --stats --metrics /run/waypost.prom --every 1 rules");
    let first = monitor.read_to("stats", |_| true);
    assert!(first["routes"].as_u64() > Some(4) && first["since_proof"].as_f64() < Some(20.0), "{first}");
    (0..5).for_each(|n| drop(ip(&format!("route add 10.{n}.0.0/24 dev w0 table 7"))));
    let later = monitor.read_to("stats", |stats| stats["routes"].as_u64() == first["routes"].as_u64().map(|routes| routes + 5));
    assert!(later["notices"].as_u64() > first["notices"].as_u64(), "{later}");
    let text = std::fs::read_to_string(file).expect("it has been written");
    assert!(text.ends_with("# EOF\n") && text.contains("waypost_overruns_total 0\n"), "{text}");
}

fn main() -> ExitCode {
    // The program is another package's: cargo builds it for that package's own tests only.
    let built = Command::new(env!("CARGO")).args(["build", "--quiet", "--package", "waypost-cli", "--bin", "waypost"]).status();
    if !built.is_ok_and(|status| status.success()) {
        // So it is for a user who may not write where cargo builds.
        return match skip("diagnosis", "the command cannot be built by this user") {
            Ok(()) => ExitCode::SUCCESS,
            Err(required) => {
                eprintln!("{required}");
                ExitCode::FAILURE
            }
        };
    }
    run(&[test!(a_monitor_tells_what_it_has_counted_and_writes_it_for_collectors)])
}
