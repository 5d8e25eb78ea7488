//! Storms: whoever replays the events over the first picture has the mirror, and the mirror is what the kernel has.

use std::thread;
use std::time::Duration;

use waypost::{Event, Options, Watcher};
use waypost_tests::ip::{ip, ip_batch, ip_batch_anyhow, sysctl, veth_with_addresses};
use waypost_tests::replay::Replay;
use waypost_tests::seeded::Seeded;
use waypost_tests::storm::route_line;
use waypost_tests::witness::{assert_mirrors_the_kernel, settle};

use super::PATIENCE;

/// How many lines each storm has.
const LINES: usize = 1500;

/// How long the watcher waits at most before it looks whether the storm is over.
const TURN: Duration = Duration::from_millis(5);

fn prepare() {
    veth_with_addresses("w0", "w1");
    sysctl("net/ipv6/conf/default/accept_dad", "0");
    ip("link add w2 type veth peer name w3");
    for command in ["link set w2 up", "link set w3 up", "address add 10.6.0.1/24 dev w2", "address add 2001:db8:6::1/64 dev w2"] {
        ip(command);
    }
}

fn open(options: &Options) -> Watcher {
    let mut watcher = Watcher::open_with(options).unwrap();
    watcher.synchronise(Some(PATIENCE)).unwrap();
    watcher
}

/// One line of a storm; some of them fail.
fn line(seeded: &mut Seeded) -> String {
    if seeded.one_in(60) {
        return seeded
            .pick(&[
                "link set w2 down",
                "link set w2 up",
                "link set w3 down",
                "link set w3 up",
                "link set w0 up",
                "address add 10.6.0.1/24 dev w2",
                "address add 2001:db8:6::1/64 dev w2",
                "address delete 10.6.0.1/24 dev w2",
                "address delete 2001:db8:6::1/64 dev w2",
                "address flush dev w2",
            ])
            .to_owned();
    }
    if seeded.one_in(30) {
        return seeded
            .pick(&[
                "nexthop add id 7 via 10.0.0.2 dev w0",
                "nexthop replace id 7 via 10.6.0.3 dev w2",
                "nexthop delete id 7",
                "nexthop add id 8 via 2001:db8::2 dev w0",
                "nexthop replace id 8 via 2001:db8:6::3 dev w2",
                "nexthop delete id 8",
            ])
            .to_owned();
    }
    route_line(seeded)
}

/// Runs a storm, and has `watch` called until it is over.
fn storm(seed: u64, mut watch: impl FnMut()) {
    let mut seeded = Seeded::new(seed);
    let lines: Vec<String> = (0..LINES).map(|_| line(&mut seeded)).collect();
    let storm = thread::spawn(move || ip_batch_anyhow(lines));
    while !storm.is_finished() {
        watch();
    }
    let failed = storm.join().unwrap();
    assert!(failed < LINES * 3 / 4, "{failed} of {LINES} lines did nothing");
}

/// Follows a storm, and says that the events tell all of it.
fn follow(seed: u64, watcher: &mut Watcher) {
    let mut replay = Replay::of(watcher.mirror());
    storm(seed, || {
        watcher.wait(Some(TURN)).unwrap();
        while let Some(event) = watcher.try_next().unwrap() {
            replay.apply(&event);
        }
        replay.assert_is(watcher.mirror());
    });
    finish(replay, watcher);
}

fn finish(mut replay: Replay, watcher: &mut Watcher) {
    settle(watcher).iter().for_each(|event| replay.apply(event));
    replay.assert_is(watcher.mirror());
    assert_mirrors_the_kernel(watcher);
}

pub(crate) fn events_replayed_over_a_snapshot_are_the_mirror() {
    prepare();
    let mut watcher = open(&Options::new().neighbours(true));
    for seed in 1..=5 {
        follow(seed, &mut watcher);
    }
    assert_eq!(watcher.stats().overruns, 0);
}

pub(crate) fn legs_of_ipv6_that_come_and_go_have_the_weights_that_are_listed() {
    prepare();
    let mut watcher = open(&Options::new());
    for line in [
        "-6 route add 2001:db8:9::/48 metric 5 nexthop via 2001:db8::2 weight 3 nexthop via 2001:db8::3",
        "-6 route delete 2001:db8:9::/48 metric 5 via 2001:db8::3",
        "-6 route append 2001:db8:9::/48 metric 5 via 2001:db8::4",
    ] {
        ip(line);
        assert_mirrors_the_kernel(&mut watcher);
    }
}

pub(crate) fn they_are_so_with_a_buffer_that_overruns() {
    prepare();
    let mut watcher = open(&Options::new().receive_buffer(4096));
    for seed in 11..=13 {
        follow(seed, &mut watcher);
    }
    // One who is too slow for so small a buffer.
    let replay = Replay::of(watcher.mirror());
    storm(14, thread::yield_now);
    finish(replay, &mut watcher);
    assert!(watcher.stats().overruns > 0);
}

pub(crate) fn they_are_so_for_one_who_reads_when_all_is_over() {
    prepare();
    let mut watcher = open(&Options::new());
    for seed in 21..=23 {
        let replay = Replay::of(watcher.mirror());
        storm(seed, thread::yield_now);
        finish(replay, &mut watcher);
    }
    assert_eq!(watcher.stats().overruns, 0, "the buffer holds a storm");
}

pub(crate) fn a_burst_is_told_whole() {
    veth_with_addresses("w0", "w1");
    let mut watcher = open(&Options::new());
    settle(&mut watcher);
    ip_batch((0..5000).map(|n| format!("route add 10.{}.{}.0/24 via 10.0.0.2", 100 + n / 250, n % 250)));
    ip_batch((0..5000).map(|n| format!("route replace 10.{}.{}.0/24 via 10.0.0.3", 100 + n / 250, n % 250)));
    let events: Vec<Event> = std::iter::from_fn(|| watcher.try_next().unwrap()).collect();
    let routes = events.iter().filter(|event| matches!(event, Event::Route { .. })).count();
    assert_eq!((routes, events.len()), (10_000, 10_000));
    assert_mirrors_the_kernel(&mut watcher);
}
