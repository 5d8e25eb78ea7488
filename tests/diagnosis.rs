//! What the command `waypost` says of itself and of the table: counters, findings, and who it runs as.

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use serde_json::Value;
use waypost::{Capture, ErrorKind, Options};
use waypost_tests::command::{Running, build, command, program};
use waypost_tests::ip::{ip, ip_batch, veth_with_addresses};
use waypost_tests::namespace::run;
use waypost_tests::test;

/// Reads to the object of an event for which `is_last` holds.
fn read_to(running: &mut Running, event: &str, is_last: impl Fn(&Value) -> bool) -> Value {
    loop {
        let object = running.object();
        if object["event"] == event && is_last(&object) {
            return object;
        }
    }
}

fn a_monitor_tells_what_it_has_counted_and_writes_it_for_collectors() {
    veth_with_addresses("w0", "w1");
    let file = PathBuf::from("/run/waypost.prom");
    let mut monitor = Running::new("--json monitor --stats --metrics /run/waypost.prom --every 1 rules");
    let first = read_to(&mut monitor, "stats", |_| true);
    assert!(first["routes"].as_u64() > Some(4) && first["since_proof"].as_f64() < Some(20.0), "{first}");
    (0..5).for_each(|n| drop(ip(&format!("route add 10.{n}.0.0/24 dev w0 table 7"))));
    let later =
        read_to(&mut monitor, "stats", |stats| stats["routes"].as_u64() == first["routes"].as_u64().map(|routes| routes + 5));
    assert!(later["notices"].as_u64() > first["notices"].as_u64(), "{later}");
    let text = std::fs::read_to_string(file).expect("it has been written");
    assert!(text.ends_with("# EOF\n") && text.contains("waypost_overruns_total 0\n"), "{text}");
}

/// What the check finds: the problem and what it is about, and whether it says that something is wrong.
fn checked(words: &str) -> (Vec<(String, String)>, bool) {
    let output = command(words).output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let found: Vec<Value> = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let about = |one: &Value| {
        assert!(one["advice"].as_str().is_some_and(|advice| !advice.is_empty()), "{one}");
        let of_rule = || one["rule"]["priority"].to_string();
        (one["problem"].as_str().unwrap().to_owned(), one["route"]["dst"].as_str().map_or_else(of_rule, str::to_owned))
    };
    (found.iter().map(about).collect(), output.status.code() == Some(1))
}

fn a_table_with_nothing_wrong_is_proved_and_passes() {
    veth_with_addresses("w0", "w1");
    ip("route add default via 10.0.0.2");
    assert_eq!(checked("check --json"), (vec![], false));
    let output = command("check").output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.ends_with("routes proved: 0 errors, 0 warnings, 0 notes\n"), "{text}");
}

fn what_is_wrong_with_a_table_is_told_with_what_to_do() {
    veth_with_addresses("w0", "w1");
    ip("link add w2 type veth peer name w3");
    ip("link set w2 up");
    ip("address add 10.6.0.1/24 dev w2");
    for line in [
        "route add default via 10.0.0.2",
        "route append default via 10.0.0.3",
        "route add 0.0.0.0/1 via 10.0.0.4",
        "route add 128.0.0.0/1 via 10.0.0.4",
        "route add 10.7.0.0/16 via 10.6.0.2",
        "route add 10.8.0.0/16 via 10.0.0.2 proto static",
        "route append 10.8.0.0/16 via 10.0.0.3 proto bird",
        "route add 10.9.0.0/16 via 10.0.0.2 metric 9",
        "route add blackhole 10.9.0.0/16 metric 3",
        "route add blackhole 10.8.1.0/24",
        "rule add from 10.1.0.0/16 lookup 77 priority 100",
        "rule add from 10.1.0.0/16 goto 300 priority 200",
    ] {
        ip(line);
    }
    // The gateway's network goes, and the kernel does not ask again.
    ip("-6 route add 2001:db8:5::/64 dev w0");
    ip("-6 route add 2001:db8:55::/48 via 2001:db8:5::9");
    ip("-6 route delete 2001:db8:5::/64 dev w0");
    let (mut found, is_wrong) = checked("check --json");
    found.sort();
    let expected = [
        ("dangling-goto", "200"),
        ("duplicated", "10.8.0.0/16"),
        ("empty-table", "100"),
        ("equal-defaults", "default"),
        ("gateway-off-link", "2001:db8:55::/48"),
        ("halves-hide-default", "default"),
        ("halves-hide-default", "default"),
        ("hidden", "10.9.0.0/16"),
        ("link-down", "10.6.0.0/24"),
        ("link-down", "10.7.0.0/16"),
        ("pierced", "10.8.1.0/24"),
    ];
    assert_eq!(found, expected.map(|(problem, about)| (problem.to_owned(), about.to_owned())));
    assert!(is_wrong);
    let output = command("-6 check").output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.starts_with("error gateway-off-link: `2001:db8:55::/48 via 2001:db8:5::9 dev w0"), "{text}");
    assert!(text.contains("\n    give the interface an address in the gateway's network"), "{text}");
    assert_eq!(output.status.code(), Some(1));
}

fn a_monitor_gives_up_the_rights_of_root_and_loses_nothing() {
    veth_with_addresses("w0", "w1");
    let mut monitor = Running::new("--json monitor --user nobody routes");
    read_to(&mut monitor, "synchronised", |_| true);
    let status = std::fs::read_to_string(format!("/proc/{}/status", monitor.child.id())).expect("it runs");
    let line = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default().trim().to_owned();
    let nobody = String::from_utf8(Command::new("id").args(["-u", "nobody"]).output().expect("id starts").stdout).unwrap();
    assert!(line("Uid:").split_whitespace().all(|uid| uid == nobody.trim()), "{status}");
    assert_eq!((line("CapEff:"), line("CapPrm:")), ("0".repeat(16), "0".repeat(16)), "{status}");
    assert!(line("Groups:").split_whitespace().all(|group| group != "0"), "{status}");
    // What goes without a word must be read again, without any rights.
    ip("route add 10.77.0.0/16 via 10.0.0.2");
    ip("link set w0 down");
    read_to(&mut monitor, "route", |object| object["change"] == "removed" && object["route"]["dst"] == "10.77.0.0/16");
    let refused = command("monitor --user no-such-user").output().expect("it starts");
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
}

fn rights_that_are_had_without_being_root_are_given_up_too() {
    veth_with_addresses("w0", "w1");
    // The directories above the program may not be open to everybody.
    let copy = "/run/waypost-of-nobody";
    std::fs::copy(program(), copy).expect("it can be copied");
    let rights = "+setuid,+setgid";
    let words = ["--reuid=nobody", "--clear-groups", "--inh-caps", rights, "--ambient-caps", rights, copy];
    let mut command = Command::new("setpriv");
    command.args(words).args(["--json", "monitor", "--user", "daemon", "routes"]).stdin(Stdio::null());
    let mut monitor = Running::of(command);
    read_to(&mut monitor, "synchronised", |_| true);
    let status = std::fs::read_to_string(format!("/proc/{}/status", monitor.child.id())).expect("it runs");
    let line = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default().trim().to_owned();
    let none = || "0".repeat(16);
    assert_eq!([line("CapEff:"), line("CapPrm:"), line("CapAmb:")], [none(), none(), none()], "{status}");
    assert!(line("Uid:").split_whitespace().all(|uid| uid != "0"), "{status}");
}

fn a_capture_that_lost_messages_has_those_that_were_left() {
    veth_with_addresses("w0", "w1");
    let mut capture = Capture::open(&Options::new().receive_buffer(4096)).expect("it opens");
    ip_batch((0..BATCH).map(batch_line));
    let mut bytes = Vec::new();
    let lost = capture.read(&mut bytes).expect_err("it was too much");
    assert_eq!(lost.kind(), ErrorKind::Busy);
    assert!(!bytes.is_empty(), "the queue was full");
    // It is empty now: what comes next wakes it, and is there.
    ip("route add 10.77.0.0/16 via 10.0.0.2");
    bytes.clear();
    capture.wait(None).expect("it waits");
    capture.read(&mut bytes).expect("nothing was lost");
    assert!(bytes.windows(4).any(|four| four == [10, 77, 0, 0]), "{bytes:?}");
}

/// How many routes a batch adds.
const BATCH: usize = 3000;

fn batch_line(number: usize) -> String {
    format!("route add 10.{}.{}.0/24 via 10.0.0.2 metric 7 proto 77", 100 + number / 250, number % 250)
}

/// The routes of the batch that the kernel has, without its own marks.
fn of_batch() -> Vec<String> {
    let text = ip("-oneline route show proto 77");
    text.lines().map(|line| line.split_whitespace().take_while(|word| *word != "dev").collect::<Vec<_>>().join(" ")).collect()
}

fn a_writer_that_is_killed_leaves_whole_routes_that_a_restart_names() {
    veth_with_addresses("w0", "w1");
    let text: String = (0..BATCH).map(|number| batch_line(number) + "\n").collect();
    std::fs::write("/run/batch", text).expect("it can be written");
    let mut in_midst = 0;
    for turn in 0..8 {
        ip("route flush proto 77");
        let mut watcher = waypost_tests::witness::watcher();
        let before = watcher.mirror().tables().len();
        let mut writer = command("--quiet batch /run/batch").spawn().expect("it starts");
        // It is killed when so many routes are there.
        while watcher.mirror().tables().len() < before + 1 + turn * BATCH / 12 {
            watcher.next(Some(std::time::Duration::from_secs(20))).expect("the socket lives").expect("it goes on");
        }
        writer.kill().expect("it can be killed");
        writer.wait().expect("it ends");
        let left = of_batch();
        in_midst += usize::from((1..BATCH).contains(&left.len()));
        // What there is are the first lines, each whole; nothing comes behind a gap.
        let wanted: Vec<_> = (0..left.len())
            .map(|number| batch_line(number).replace("route add ", "").replace(" metric 7 proto 77", ""))
            .collect();
        assert_eq!(left, wanted);
        // Who starts again is told by name what is there already, and does the rest.
        let again = command("batch --keep-going /run/batch").output().expect("it starts");
        let said = String::from_utf8_lossy(&again.stderr);
        assert!(left.is_empty() || said.contains("/run/batch:1: "), "{said}");
        assert!(left.is_empty() || said.contains("10.100.0.0/24"), "{said}");
        assert_eq!((again.status.code(), of_batch().len()), (Some(i32::from(!left.is_empty())), BATCH));
    }
    assert!(in_midst > 2, "{in_midst} of 8 were killed in the midst of it");
}

fn main() -> ExitCode {
    if let Err(code) = build("diagnosis") {
        return code;
    }
    run(&[
        test!(a_monitor_tells_what_it_has_counted_and_writes_it_for_collectors),
        test!(a_table_with_nothing_wrong_is_proved_and_passes),
        test!(what_is_wrong_with_a_table_is_told_with_what_to_do),
        test!(a_writer_that_is_killed_leaves_whole_routes_that_a_restart_names),
        test!(a_monitor_gives_up_the_rights_of_root_and_loses_nothing).needs_root(),
        test!(rights_that_are_had_without_being_root_are_given_up_too).needs_root(),
        test!(a_capture_that_lost_messages_has_those_that_were_left),
    ])
}
