//! The rivals: programs that change what the watchers watch, without asking each other.

use std::ops::RangeBounds;
use std::thread::{self, JoinHandle};

use waypost_tests::ip::ip_batch_anyhow;
use waypost_tests::seeded::Seeded;
use waypost_tests::storm::route_line;

/// How many lines each rival has.
const LINES: u64 = 250;

/// How many rivals there are at once.
const RIVALS: usize = 2;

/// How many routes the table has that appears and vanishes.
const MANY: u64 = 1500;

/// How many it has once in a while, in the long form.
const HUGE: u64 = 100_000;

/// The second pair of interfaces, as it was in the beginning.
pub(crate) fn remake() -> [&'static str; 5] {
    [
        "link add w2 type veth peer name w3",
        "link set w2 up",
        "link set w3 up",
        "address add 10.6.0.1/24 dev w2",
        "address add 2001:db8:6::1/64 dev w2",
    ]
}

/// What happens to interfaces and addresses: one line, or the few that undo it; `kinds` says which.
fn disruption(seeded: &mut Seeded, kinds: impl RangeBounds<u64>) -> Vec<&'static str> {
    let kinds: Vec<u64> = (0..12).filter(|kind| kinds.contains(kind)).collect();
    match seeded.pick(&kinds) {
        0 => vec!["link set w2 down", "link set w2 up"],
        1 => vec!["link set w3 down"],
        2 => vec!["link set w3 up", "link set w2 up"],
        3 => [&["link delete w2", "link delete w9"][..], &remake()].concat(),
        4 => vec!["link set w2 down", "link set w2 name w9", "link set w9 up"],
        5 => vec!["link set w9 down", "link set w9 name w2", "link set w2 up"],
        6 => vec!["address delete 10.6.0.1/24 dev w2"],
        7 => vec!["address add 10.6.0.1/24 dev w2"],
        8 => vec!["address delete 2001:db8:6::1/64 dev w2"],
        9 => vec!["address add 2001:db8:6::1/64 dev w2"],
        10 => vec!["address flush dev w2", "address add 10.6.0.1/24 dev w2", "address add 2001:db8:6::1/64 dev w2"],
        _ => vec!["link set w0 down", "link set w0 up", "address add 2001:db8::1/64 dev w0"],
    }
}

fn object(seeded: &mut Seeded) -> &'static str {
    seeded.pick(&[
        "nexthop add id 7 via 10.0.0.2 dev w0",
        "nexthop replace id 7 via 10.6.0.3 dev w2",
        "nexthop delete id 7",
        "nexthop add id 8 via 2001:db8::2 dev w0",
        "nexthop replace id 8 via 2001:db8:6::3 dev w2",
        "nexthop delete id 8",
        "nexthop replace id 9 group 7",
        "nexthop delete id 9",
    ])
}

fn other(seeded: &mut Seeded) -> &'static str {
    seeded.pick(&[
        "route flush table 77",
        "-6 route flush table 77",
        "route flush table 51820",
        "-6 route flush proto bird",
        "rule add from 10.7.0.0/16 lookup 77 priority 1000",
        "rule add iif w2 lookup 51820 priority 1001",
        "-6 rule add from 2001:db8:7::/48 lookup 77 priority 1000",
        "rule delete priority 1000",
        "rule delete priority 1001",
        "-6 rule delete priority 1000",
    ])
}

/// What a storm is mostly made of; there is some of everything in each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sort {
    Routes,
    Links,
    Addresses,
    NextHops,
    Tables,
    Stops,
}

impl Sort {
    pub(crate) const ALL: [Self; 6] = [Self::Routes, Self::Links, Self::Addresses, Self::NextHops, Self::Tables, Self::Stops];
}

fn lines(seeded: &mut Seeded, sort: Sort) -> Vec<String> {
    let mut lines = Vec::new();
    let own = |line: &str| line.to_owned();
    for _ in 0..LINES {
        match (seeded.below(60), sort) {
            (0 | 1, _) | (2..=9, Sort::Links) => lines.extend(disruption(seeded, ..).into_iter().map(own)),
            (10..=19, Sort::Addresses) => lines.extend(disruption(seeded, 6..11).into_iter().map(own)),
            (2 | 3, _) | (10..=29, Sort::NextHops) => lines.push(own(object(seeded))),
            (4, _) | (10..=19, Sort::Tables) => lines.push(own(other(seeded))),
            _ => lines.push(route_line(seeded)),
        }
    }
    lines
}

/// A table of many routes that appears, and vanishes at once or in the next storm.
fn many(seeded: &mut Seeded, is_long: bool) -> Vec<String> {
    let is_huge = is_long && seeded.one_in(24);
    let number = if is_huge { HUGE } else { MANY };
    let vanishes = is_huge || seeded.one_in(2);
    let add = |n: u64| match n % 2 {
        0 => format!("route add 10.{}.{}.{}/30 via 10.0.0.2 table 99", 128 + n / 25_000, n / 100 % 250, n % 100 / 2 * 4),
        _ => format!("route add 2001:db8:{:x}:{:x}::/64 via 2001:db8::2 table 99", 0x1000 + n / 50_000, n % 50_000),
    };
    let mut lines: Vec<String> = (0..number).map(add).collect();
    lines.insert(0, "route flush table 99".to_owned());
    if vanishes {
        lines.extend(["route flush table 99".to_owned(), "-6 route flush table 99".to_owned()]);
    }
    lines
}

/// Lets the rivals loose in the namespace of the calling thread. In the long form tables become as large as anybody's.
pub(crate) fn start(seeded: &mut Seeded, sort: Sort, is_long: bool) -> Vec<JoinHandle<usize>> {
    let mut all: Vec<Vec<String>> = (0..RIVALS).map(|_| lines(seeded, sort)).collect();
    if sort == Sort::Tables || seeded.one_in(6) {
        all.push(many(seeded, is_long));
    }
    all.into_iter().map(|lines| thread::spawn(move || ip_batch_anyhow(lines))).collect()
}
