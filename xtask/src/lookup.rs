//! `cargo xtask lookup`: our lookup against the kernel's, at length.

use crate::command::{cargo, is_root, run};
use crate::skips::REQUIRE;

/// What is passed on to the test by the environment.
const OPTIONS: [(&str, &str); 3] = [("--worlds", "WAYPOST_WORLDS"), ("--flows", "WAYPOST_FLOWS"), ("--seed", "WAYPOST_SEED")];

/// Runs the differential test of `tests/lookup` with optimised code: as many worlds of each family as asked for, from a seed on, and as many
/// flows in each. Other arguments go to the test, such as `ipv6`.
pub(crate) fn lookup(args: &[String]) -> Result<(), String> {
    let mut command = cargo("test --release --package waypost-tests --test lookup --");
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match OPTIONS.iter().find(|(option, _)| option == arg) {
            Some((option, variable)) => {
                let number: Option<u64> = args.next().and_then(|number| number.parse().ok());
                command.env(variable, number.ok_or_else(|| format!("a number must follow {option}"))?.to_string());
            }
            None => drop(command.arg(arg)),
        }
    }
    if is_root() {
        // With these rights rules can ask for any user.
        command.env(REQUIRE, "1");
    }
    run(&mut command)
}
