//! Runs tests against a real kernel, each in a network namespace of its own.
//!
//! A test program is a target with `harness = false` whose `main` is [`run`]. It moves itself into a new user
//! namespace first, while it has one thread: the kernel refuses that to a process with several (unshare(2), `EINVAL`).
//! Then each test gets a thread in a new network namespace, in which `lo` is up and all else is missing, and what the
//! test starts, `ip` above all, runs in that namespace too. Names that `ip netns add` makes are the test's own.
//!
//! ```no_run
//! use std::process::ExitCode;
//! use waypost_tests::ip::ip;
//! use waypost_tests::namespace::run;
//! use waypost_tests::test;
//!
//! fn a_new_namespace_has_one_interface() {
//!     assert_eq!(ip("-o link show").lines().count(), 1);
//! }
//!
//! fn main() -> ExitCode {
//!     run(&[test!(a_new_namespace_has_one_interface)])
//! }
//! ```
//!
//! The programs take what those of `cargo test` take: words that the names of tests must contain, `--exact`,
//! `--skip WORD` and `--list`.

use std::any::Any;
use std::panic::resume_unwind;
use std::process::ExitCode;
use std::thread;

use crate::skip::skip;
pub use crate::sys::new_network;
use crate::sys::{Rights, Root, enter};
use crate::wish::Wish;

/// A test: its name and what it does, which panics where it fails.
#[derive(Clone, Copy, Debug)]
pub struct Test {
    name: &'static str,
    body: fn(),
    needs_root: bool,
}

impl Test {
    /// The test `body`; [`test!`](crate::test) finds its name.
    #[must_use]
    pub const fn new(name: &'static str, body: fn()) -> Self {
        Self { name, body, needs_root: false }
    }

    /// The same, which needs the rights of the initial user namespace, such as receive buffers past the system's limit.
    #[must_use]
    pub const fn needs_root(mut self) -> Self {
        self.needs_root = true;
        self
    }
}

/// A [`Test`] named after its function.
#[macro_export]
macro_rules! test {
    ($body:path) => {
        $crate::namespace::Test::new(stringify!($body), $body)
    };
}

/// Ends the running test: it cannot say anything here, because of `reason`.
pub fn cannot_run(reason: impl Into<String>) -> ! {
    // Unlike a panic this says nothing on the way.
    resume_unwind(Box::new(CannotRun(reason.into())))
}

struct CannotRun(String);

/// Runs the tests that the arguments ask for, and prints what became of each in the words of `cargo test`.
#[must_use]
pub fn run(tests: &[Test]) -> ExitCode {
    let wish = Wish::read(std::env::args().skip(1));
    let chosen: Vec<_> = tests.iter().filter(|test| wish.names(test.name)).collect();
    if wish.list {
        for test in chosen {
            println!("{}: test", test.name);
        }
        return ExitCode::SUCCESS;
    }
    println!("\nrunning {} tests", chosen.len());
    let rights = enter();
    let mut failed = Vec::new();
    let mut ignored = 0;
    for test in &chosen {
        match attempt(test, &rights) {
            Verdict::Passed => println!("test {} ... ok", test.name),
            Verdict::Failed => {
                println!("test {} ... FAILED", test.name);
                failed.push(test.name);
            }
            Verdict::Skipped => ignored += 1,
        }
    }
    let passed = chosen.len() - failed.len() - ignored;
    let verdict = if failed.is_empty() { "ok" } else { "FAILED" };
    if !failed.is_empty() {
        println!("\nfailures:\n    {}", failed.join("\n    "));
    }
    let filtered = tests.len() - chosen.len();
    let failed = failed.len();
    println!("\ntest result: {verdict}. {passed} passed; {failed} failed; {ignored} ignored; {filtered} filtered out\n");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

enum Verdict {
    Passed,
    Failed,
    Skipped,
}

fn attempt(test: &Test, rights: &Rights) -> Verdict {
    let obstacle = match rights {
        Err(reason) => Some(reason.clone()),
        Ok(Root(false)) if test.needs_root => Some("it needs the rights of root in the initial user namespace".to_owned()),
        Ok(_) => None,
    };
    let reason = match obstacle {
        Some(reason) => reason,
        None => match in_new_network(test) {
            Ok(()) => return Verdict::Passed,
            Err(payload) => match payload.downcast::<CannotRun>() {
                Ok(cannot) => cannot.0,
                // The hook has printed what it said.
                Err(_) => return Verdict::Failed,
            },
        },
    };
    match skip(test.name, reason) {
        Ok(()) => Verdict::Skipped,
        Err(required) => {
            eprintln!("{required}");
            Verdict::Failed
        }
    }
}

/// Runs a test in a thread named after it, in a network namespace that ends with the thread and what it has opened.
fn in_new_network(test: &Test) -> Result<(), Box<dyn Any + Send>> {
    let body = test.body;
    let thread = thread::Builder::new().name(test.name.to_owned()).spawn(move || {
        new_network();
        body();
    });
    thread.expect("a thread starts").join()
}
