//! The contract of kernels with routing sockets, of the kernel that this program runs on.
//!
//! It changes the machine's own routing tables, because these systems have no others: it is for machines that are thrown away, and
//! runs where `WAYPOST_THROW_AWAY` is 1, as root. On a system without routing sockets there is no such test.
//!
//! Unverified: it has run nowhere yet.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use waypost::{Native, Options};
use waypost_core::{Kernel as _, Now};
use waypost_sim::contract::World;
use waypost_sim::contract::routing_sockets as contract;
use waypost_tests::interfaces::Interface;
use waypost_tests::skip::skip;
use waypost_tests::wish::Wish;

/// A test, by its name.
type Test = (&'static str, fn(&mut World<'_, Native>));

macro_rules! each {
    ($($name:ident),* $(,)?) => {
        const TESTS: &[Test] = &[$((stringify!($name), contract::$name)),*];
    };
}

waypost_sim::routing_contract_tests!(each);

/// How long the kernel may be silent when something is waited for, in milliseconds.
const SILENCE_MAX: u16 = 5000;

fn main() -> ExitCode {
    let wish = Wish::read(std::env::args().skip(1));
    let chosen = TESTS.iter().filter(|(name, _)| wish.names(name));
    let system = match Native::open(&Options::new()) {
        Ok(kernel) => kernel.capabilities().system,
        Err(error) => {
            eprintln!("the sockets do not open: {error}");
            return ExitCode::FAILURE;
        }
    };
    if Interface::of(system).is_none() {
        println!("\nrunning 0 tests: {system} has no routing sockets\n");
        return ExitCode::SUCCESS;
    }
    if wish.list {
        chosen.for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    if std::env::var_os("WAYPOST_THROW_AWAY").is_none_or(|value| value != "1") {
        let why = "it changes this machine's own routes; WAYPOST_THROW_AWAY=1 says that the machine is thrown away";
        return if skip("routing_contract", why).is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let failed: Vec<&str> = chosen.filter(|(name, test)| !passes(system, name, *test)).map(|(name, _)| *name).collect();
    println!("failed: {failed:?}");
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn passes(system: &str, name: &str, test: fn(&mut World<'_, Native>)) -> bool {
    let result = catch_unwind(AssertUnwindSafe(|| {
        let interface = Interface::of(system).expect("it was there");
        let kernel = Native::open(&Options::new()).expect("it opened before");
        test(&mut World::about_link(interface.name(), kernel, |act| interface.act(act), wait));
    }));
    println!("test {name} ... {}", if result.is_ok() { "ok" } else { "FAILED" });
    result.is_ok()
}

/// Waits until one of the sockets can be read. No time passes: nothing that is asked here is overdue.
fn wait(kernel: &Native) -> Option<Now> {
    let mut sockets = [kernel.event_fd(), kernel.request_fd()].map(|socket| PollFd::new(socket, PollFlags::POLLIN));
    let ready = poll(&mut sockets, PollTimeout::from(SILENCE_MAX)).expect("the sockets live");
    (ready > 0).then(Now::default)
}
