//! Uplinks against simulated kernels: seeded runs with faults and rivals, in which what must hold is looked at after every write.

mod bench;
mod judge;
mod machine;

use std::time::Duration;

use waypost_engine::UplinkOptions;
use waypost_sim::{Profile, RoutingProfile};
use waypost_tests::seeded::Seeded;

use bench::Bench;
use machine::{Machine, Routing, WithMetrics};

/// How many seeds each profile gets: a few where it is to be quick, those of `WAYPOST_UPLINK_SEEDS` where it is to be thorough.
fn seeds() -> std::ops::Range<u64> {
    let count =
        std::env::var("WAYPOST_UPLINK_SEEDS").ok().map_or(24, |count| count.parse().expect("WAYPOST_UPLINK_SEEDS is a number"));
    let first =
        std::env::var("WAYPOST_UPLINK_FIRST").ok().map_or(0, |first| first.parse().expect("WAYPOST_UPLINK_FIRST is a number"));
    first..first + count
}

/// One run: things happen, and each time it has come to rest all must be well.
fn run<M: Machine>(machine: M, seed: u64) {
    let mut numbers = Seeded::new(seed);
    let mut bench = Bench::new(machine, seed, &mut numbers);
    bench.settle();
    bench.judge_at_rest();
    for _ in 0..12 {
        for _ in 0..=numbers.below(6) {
            bench.disturb(&mut numbers);
            bench.turn();
            bench.pass(Duration::from_millis(numbers.pick(&[0, 1, 20, 150, 700, 3000])));
        }
        bench.settle();
        bench.judge_at_rest();
    }
    bench.end();
}

#[test]
fn with_metrics_all_holds_at_every_step() {
    for seed in seeds() {
        run(WithMetrics::new(Profile::linux()), seed);
    }
}

/// Seeds that found something once.
#[test]
fn what_went_wrong_once_does_not_again() {
    // A deletion was refused, and then the addition that was to follow it: who had a route was said to have none.
    run(WithMetrics::new(Profile::linux()), 2552);
    // The late answer about a route that was given up was taken for that about the next.
    run(WithMetrics::new(Profile::linux()), 4029);
    // A deletion was asked again, its answer lost, when nothing else stood any more.
    run(WithMetrics::new(Profile::linux()), 5212);
    // It was judged while an addition was under way.
    run(WithMetrics::new(Profile::linux()), 6690);
    // A rival's deletion was lost without a word, and the last default route that was really there was given up: it could not be known.
    run(WithMetrics::new(Profile::linux()), 2668);
    // What was lost without a word was that another way out had come up, before the one in use lost its address.
    run(WithMetrics::new(Profile::linux()), 755);
}

#[test]
fn on_routing_sockets_all_holds_that_can() {
    for (seed, profile) in seeds().step_by(6).zip(RoutingProfile::ALL.iter().cycle()) {
        run(Routing::new(*profile), seed);
    }
}

#[test]
fn the_options_are_those_of_the_command() {
    assert_eq!(UplinkOptions::default().protocol, UplinkOptions::PROTOCOL);
}
