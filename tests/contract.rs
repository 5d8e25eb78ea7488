//! The contract that the simulated kernel keeps, of the real one.

use std::process::ExitCode;

use waypost_sim::contract;
use waypost_tests::namespace::{Test, run};
use waypost_tests::world::world;

macro_rules! each {
    ($($name:ident),* $(,)?) => {
        const TESTS: &[Test] = &[$(Test::new(stringify!($name), || contract::$name(&mut world()))),*];
    };
}

waypost_sim::contract_tests!(each);

fn main() -> ExitCode {
    run(TESTS)
}
