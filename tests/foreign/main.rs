//! The contract of kernels with routing sockets, of a kernel that a library brings along: `README.md` beside this file has
//! the interface.
//!
//! `WAYPOST_FOREIGN_KERNEL` names the library; without it the simulated kernel of `library/` is loaded, in each dialect.
//! There is one kernel in a process, so each test is run in a process of its own, which is this program again.

mod beyond;
mod exceptions;
mod kernel;
mod library;
mod runner;

use std::process::ExitCode;

use waypost_sim::contract::World;
use waypost_sim::contract::routing_sockets as contract;

use kernel::ForeignKernel;

/// A test, by its name.
type Test = (&'static str, fn(&mut World<'_, ForeignKernel>));

macro_rules! each {
    ($($name:ident),* $(,)?) => {
        const CONTRACT: &[Test] = &[$((stringify!($name), contract::$name)),*];
    };
}

waypost_sim::routing_contract_tests!(each);

fn main() -> ExitCode {
    runner::run(CONTRACT, beyond::TESTS)
}
