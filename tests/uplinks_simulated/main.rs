//! Uplinks against simulated kernels: seeded runs with faults and rivals, in which what must hold is looked at at every step.

mod bench;
mod disturb;
mod judge;
mod machine;

use std::time::Duration;

use waypost_engine::UplinkOptions;
use waypost_sim::{Profile, RoutingProfile};
use waypost_tests::seeded::Seeded;

use bench::Bench;
use judge::Looks;
use machine::{Machine, Routing, WithMetrics};

/// How many seeds each profile gets: a few where it is to be quick, those of `WAYPOST_UPLINK_SEEDS` where it is to be thorough.
fn seeds() -> std::ops::Range<u64> {
    let count =
        std::env::var("WAYPOST_UPLINK_SEEDS").ok().map_or(24, |count| count.parse().expect("WAYPOST_UPLINK_SEEDS is a number"));
    let first =
        std::env::var("WAYPOST_UPLINK_FIRST").ok().map_or(0, |first| first.parse().expect("WAYPOST_UPLINK_FIRST is a number"));
    first..first + count
}

/// Whether things happen between two writes too.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Between {
    Nothing,
    Disturbances,
}

/// One run: things happen, all along that holds which must, and each time it has come to rest all must be well.
fn run<M: Machine>(machine: M, seed: u64, between: Between) -> Looks {
    let mut numbers = Seeded::new(seed);
    let others = (between == Between::Disturbances).then(|| Seeded::new(!seed));
    let mut bench = Bench::new(machine, seed, &mut numbers, others);
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
    bench.looks
}

/// Each second seed has things happen between writes.
fn run_seed<M: Machine>(machine: M, seed: u64) -> Looks {
    run(machine, seed, if seed % 2 == 0 { Between::Nothing } else { Between::Disturbances })
}

/// Tells how often was looked, and that most of it was.
fn tell(all: impl Iterator<Item = Looks>) {
    let mut sum = Looks::default();
    for looks in all {
        sum.steps += looks.steps;
        sum.known += looks.known;
        sum.misled += looks.misled;
    }
    eprintln!("{} steps; ends of turns, by family: {} known, {} misled", sum.steps, sum.known, sum.misled);
    assert!(sum.known > 9 * sum.misled, "{sum:?}");
}

#[test]
fn with_metrics_all_holds_at_every_step() {
    tell(seeds().map(|seed| run_seed(WithMetrics::new(Profile::linux()), seed)));
}

/// Seeds that found something once.
#[test]
fn what_went_wrong_once_does_not_again() {
    // A deletion was refused, and then the addition that was to follow it: who had a route was said to have none.
    run(WithMetrics::new(Profile::linux()), 2552, Between::Nothing);
    // The late answer about a route that was given up was taken for that about the next.
    run(WithMetrics::new(Profile::linux()), 4029, Between::Nothing);
    // A deletion was asked again, its answer lost, when nothing else stood any more.
    run(WithMetrics::new(Profile::linux()), 5212, Between::Nothing);
    // It was judged while an addition was under way.
    run(WithMetrics::new(Profile::linux()), 6690, Between::Nothing);
    // A rival's deletion was lost without a word, and the last default route that was really there was given up: it could not be known.
    run(WithMetrics::new(Profile::linux()), 2668, Between::Nothing);
    // It was judged while the host route to its gateway was waited for.
    run(WithMetrics::new(Profile::linux()), 1761, Between::Disturbances);
    // What was lost without a word was that another way out had come up, before the one in use lost its address.
    run(WithMetrics::new(Profile::linux()), 755, Between::Nothing);
    // Routes that were doubted were judged as if they stood: that of the elected one, one that could not be used, one that was refused another.
    run(WithMetrics::new(Profile::linux()), 2358, Between::Nothing);
    run(WithMetrics::new(Profile::linux()), 2927, Between::Disturbances);
    run(WithMetrics::new(Profile::linux()), 6132, Between::Nothing);
    // What was added was taken away before all was read again, and its answer came a second after that.
    run(WithMetrics::new(Profile::linux()), 9637, Between::Disturbances);
}

#[test]
fn on_routing_sockets_all_holds_that_can() {
    // Each profile has its turn however few seeds there are.
    let seeds = seeds();
    let count = usize::try_from((seeds.end - seeds.start).div_ceil(6)).expect("a few").max(RoutingProfile::ALL.len());
    let each = (seeds.start..).step_by(6).take(count).zip(RoutingProfile::ALL.iter().cycle());
    tell(each.map(|(seed, profile)| run_seed(Routing::new(*profile), seed)));
}

#[test]
fn the_options_are_those_of_the_command() {
    assert_eq!(UplinkOptions::default().protocol, UplinkOptions::PROTOCOL);
}
