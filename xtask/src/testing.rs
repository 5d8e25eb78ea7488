//! `cargo xtask test`: what passes without root on any Linux machine.

use crate::command::{cargo, run};
use crate::skips::{Log, REQUIRE, Skip};

/// Runs the tests and says by name what could not run.
pub(crate) fn test(args: &[String]) -> Result<(), String> {
    let (tests, skips) = workspace(args)?;
    for skip in &skips {
        println!("{skip}");
    }
    if skips.is_empty() {
        println!("nothing was skipped");
    }
    tests
}

/// Whether the tests of the workspace passed, doc examples included, and what of them was skipped.
///
/// Tests against a kernel make themselves a user namespace and a network namespace in it.
pub(crate) fn workspace(args: &[String]) -> Result<(Result<(), String>, Vec<Skip>), String> {
    let log = Log::new()?;
    let mut command = cargo("test --workspace --all-features --no-fail-fast");
    let tests = run(command.args(args).env(crate::skips::LOG, log.path()));
    Ok((tests, log.read()?))
}

/// The tests against the real kernel, with the rights that this process has: none may be skipped.
pub(crate) fn as_root() -> Result<(), String> {
    let log = Log::new()?;
    let mut command = cargo("test --package waypost-tests --all-features --no-fail-fast");
    run(command.env(crate::skips::LOG, log.path()).env(REQUIRE, "1"))?;
    match log.read()?.first() {
        None => Ok(()),
        Some(skip) => Err(format!("{skip}, where nothing may be skipped")),
    }
}
