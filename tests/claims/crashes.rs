//! The command is killed at random points of what it does.

use std::fmt::Write;

use super::*;
use waypost::claim::{Owner, Policy, Prune};
use waypost::{Claims, Event, Watcher};
use waypost_tests::ip::{ip, veth_with_addresses};
use waypost_tests::seeded::Seeded;

/// How often the command is killed: a few times where nothing else is asked for.
fn kills() -> u64 {
    std::env::var("WAYPOST_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(20)
}

/// Routes in each of two files; some are the same in both, some differ in their gateway, and some stand in one alone.
const ROUTES: u64 = 800;

fn lines(gateway: u32, from: u64) -> String {
    let mut text = format!("default via 10.0.0.{gateway} metric 50\ndefault via 2001:db8::{gateway} dev w0 metric 50\n");
    for n in from..from + ROUTES {
        let _ = writeln!(text, "10.{}.{}.0/24 via 10.0.0.2 metric 50", 100 + n / 250, n % 250);
        if n % 4 == 0 {
            let _ = writeln!(text, "2001:db8:{n:x}::/48 via 2001:db8::{gateway} dev w0 metric 50");
            let _ = writeln!(text, "rule add from 10.{}.{}.0/24 lookup 7 pref {}", 100 + n / 250, n % 250, 1000 + n);
        }
    }
    text
}

/// What is not the owner's.
fn foreign() -> Vec<String> {
    let all = ip("route show table all") + &ip("-6 route show table all") + &ip("rule") + &ip("-6 rule");
    all.lines().filter(|line| !line.contains("proto 119")).map(str::to_owned).collect()
}

fn add_foreign() {
    for words in [
        "10.100.7.0/24 via 10.0.0.9 metric 9",
        "10.100.8.0/24 via 10.0.0.9 metric 50 proto static table 9",
        "192.0.2.0/24 dev w0",
    ] {
        ip(&format!("route add {words}"));
    }
    ip("-6 route add default via 2001:db8::9 metric 1000");
    ip("rule add from 10.100.0.0/24 lookup 9 pref 1000");
}

/// Starts the command and kills it when the kernel has told of so many changes; says whether it had ended before.
fn kill_after(words: &str, changes: u64) -> bool {
    let mut watcher = Watcher::open().expect("a watcher");
    watcher.synchronise(None).expect("the tables");
    let mut child = waypost_command(words).stdout(std::process::Stdio::null()).spawn().expect("the command starts");
    let mut seen = 0;
    while seen < changes {
        match watcher.next(Some(Duration::from_millis(20))).expect("the kernel") {
            Some(Event::Route { .. } | Event::Rule(_)) => seen += 1,
            Some(_) => {}
            None if child.try_wait().expect("a child").is_some() => break,
            None => {}
        }
    }
    let had_ended = child.try_wait().expect("a child").is_some();
    child.kill().expect("it is killed, or has ended");
    child.wait().expect("it ends");
    had_ended
}

pub(super) fn whatever_moment_apply_is_killed_at_the_next_one_leaves_no_orphan_and_no_gap() {
    veth_with_addresses("w0", "w1");
    add_foreign();
    let theirs = foreign();
    let files = [file("a", &lines(2, 0)), file("b", &lines(3, ROUTES / 2))];
    waypost(&format!("apply {} --prune -q", files[0].display()));
    let (mut dice, mut killed) = (Seeded::new(7), 0);
    let mut there = 0;
    for turn in 0..kills() {
        // The one that is not there.
        let path = &files[1 - there];
        let ended = kill_after(&format!("apply {} --prune -q", path.display()), dice.below(ROUTES));
        killed += u64::from(!ended);
        // What both files have has been there all the while, by one way or the other.
        for family in ["-4", "-6"] {
            // On IPv6 what holds its place meanwhile has a metric just behind.
            let own = ip(&format!("{family} route show default proto 119"));
            assert!(own.contains("via") && !own.contains("metric 1000"), "turn {turn}: there is no default: {own}");
        }
        assert_eq!(foreign(), theirs, "turn {turn}");
        // Either it goes on, or the other one is wanted instead.
        there = usize::try_from(dice.below(2)).expect("0 or 1");
        let path = &files[there];
        waypost(&format!("apply {} --prune -q", path.display()));
        let said = waypost(&format!("apply {} --prune", path.display()));
        let wanted = fs::read_to_string(path).expect("the file").lines().count();
        assert_eq!(said, format!("nothing to change: {wanted} are there\n"), "turn {turn}");
        assert_eq!(waypost("claims").lines().count(), wanted, "turn {turn}: there is an orphan");
        assert_eq!(foreign(), theirs, "turn {turn}");
    }
    println!("{killed} of {} were killed before they had ended", kills());
    assert!(killed > 0, "it had always ended before");
}

pub(super) fn whatever_moment_sweep_is_killed_at_the_next_one_leaves_nothing() {
    veth_with_addresses("w0", "w1");
    add_foreign();
    let theirs = foreign();
    let path = file("a", &lines(2, 0));
    let mut dice = Seeded::new(8);
    for turn in 0..kills() {
        waypost(&format!("apply {} -q", path.display()));
        kill_after("sweep --owner waypost -q", dice.below(ROUTES));
        assert_eq!(foreign(), theirs, "turn {turn}");
        waypost("sweep --owner waypost -q");
        assert_eq!(waypost("claims"), "", "turn {turn}");
        assert_eq!(foreign(), theirs, "turn {turn}");
    }
}

pub(super) fn what_a_crash_has_left_is_adopted() {
    veth_with_addresses("w0", "w1");
    waypost(&format!("apply {} -q", file("a", &lines(2, 0)).display()));
    let mut claims = Claims::open(Owner::standard()).expect("claims");
    let there = claims.owned().len();
    assert!(there > 300 && claims.claims().is_empty());
    assert_eq!(claims.adopt(Policy::Reassert).expect("adopted"), there);
    assert!(claims.plan(Prune::All).expect("a plan").is_empty());
}
