//! `cargo xtask ci`: every step, named and timed, with what failed and what was skipped at the end.

use std::fs;
use std::time::Instant;

use crate::command::root;
use crate::skips::{self, Skip};
use crate::steps::{self, STEPS, Step};

/// What came of a step.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It ran and was right, but for tests in it that could not run.
    Passed(Vec<Skip>),
    /// It could not run here, for this reason.
    Skipped(String),
    /// It ran and was wrong.
    Failed(String),
}

impl From<Result<(), String>> for Outcome {
    fn from(result: Result<(), String>) -> Self {
        match result {
            Ok(()) => Self::Passed(Vec::new()),
            Err(why) => Self::Failed(why),
        }
    }
}

/// What came of all steps.
#[derive(Default, Debug)]
struct Report {
    passed: Vec<&'static str>,
    failed: Vec<(&'static str, String)>,
    skipped: Vec<Skip>,
    /// Skipped by one step and run by the root step.
    as_root: Vec<Skip>,
}

/// What may be skipped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Leave {
    /// Anything: it is told.
    Any,
    /// What the allow list gives a reason for.
    Listed,
    /// Nothing.
    Nothing,
}

impl Report {
    fn add(&mut self, step: &'static str, outcome: Outcome) {
        match outcome {
            Outcome::Passed(skips) => {
                self.passed.push(step);
                self.skipped.extend(skips);
            }
            Outcome::Skipped(reason) => self.skipped.push(Skip { name: step.to_owned(), reason }),
            Outcome::Failed(why) => self.failed.push((step, why)),
        }
    }

    /// Sets apart what one step skipped and a later one ran: the root step lets no test against the kernel be
    /// skipped.
    fn settle(&mut self) {
        if self.passed.contains(&steps::ROOT) {
            // A part of a step, such as a target, is named after the step, with a space between.
            let is_step = |skip: &Skip| STEPS.iter().any(|step| skip.name.split(' ').next() == Some(step.name));
            (self.skipped, self.as_root) = std::mem::take(&mut self.skipped).into_iter().partition(is_step);
        }
    }

    /// What was skipped and may not be.
    fn unexcused(&self, leave: Leave, listed: &[String]) -> Vec<&Skip> {
        let is_excused = |skip: &Skip| match leave {
            Leave::Any => true,
            Leave::Listed => listed.contains(&skip.name),
            Leave::Nothing => false,
        };
        self.skipped.iter().filter(|skip| !is_excused(skip)).collect()
    }
}

/// Runs the steps that `args` names, or all of them.
pub(crate) fn ci(args: &[String]) -> Result<(), String> {
    if args == ["--list"] {
        for step in STEPS {
            println!("{:<12} {}", step.name, step.about);
        }
        return Ok(());
    }
    let (flags, names): (Vec<&String>, Vec<&String>) = args.iter().partition(|arg| arg.starts_with('-'));
    let leave = match flags.as_slice() {
        [] => Leave::Any,
        [flag] if *flag == "--strict" => Leave::Listed,
        [flag] if *flag == "--complete" => Leave::Nothing,
        _ => return Err("ci takes --list, or --strict, or --complete, and names of steps".into()),
    };
    if let Some(name) = names.iter().find(|name| STEPS.iter().all(|step| step.name != name.as_str())) {
        return Err(format!("there is no step {name}; `cargo xtask ci --list` names them"));
    }
    let chosen = STEPS.iter().filter(|step| names.is_empty() || names.iter().any(|name| name.as_str() == step.name));
    let mut report = Report::default();
    for step in chosen {
        report.add(step.name, timed(step));
    }
    report.settle();
    conclude(&report, leave)
}

fn timed(step: &Step) -> Outcome {
    println!("\n=== {}: {}", step.name, step.about);
    #[expect(clippy::disallowed_methods, reason = "the time a step takes is for the reader; nothing is decided by it")]
    let start = Instant::now();
    let outcome = (step.run)();
    let seconds = start.elapsed().as_secs_f64();
    match &outcome {
        Outcome::Passed(_) => println!("=== {}: passed in {seconds:.1} s", step.name),
        Outcome::Skipped(reason) => println!("=== {}: skipped: {reason}", step.name),
        Outcome::Failed(why) => println!("=== {}: FAILED after {seconds:.1} s: {why}", step.name),
    }
    outcome
}

/// Says what came of it, with one plain line of numbers at the end.
fn conclude(report: &Report, leave: Leave) -> Result<(), String> {
    let list =
        fs::read_to_string(root().join("xtask/allowed-skips.txt")).map_err(|error| format!("allowed-skips.txt: {error}"))?;
    let unexcused = report.unexcused(leave, &skips::allowed(&list)?);
    println!();
    for skip in &report.as_root {
        println!("run as root only: {}: {}", skip.name, skip.reason);
    }
    for skip in &report.skipped {
        println!("{skip}");
    }
    for (step, why) in &report.failed {
        println!("failed: {step}: {why}");
    }
    for skip in &unexcused {
        println!("failed: {} must not be skipped here", skip.name);
    }
    let failed = report.failed.len() + unexcused.len();
    let skipped = report.skipped.len() - unexcused.len();
    println!("{} passed, {failed} failed, {skipped} skipped", report.passed.len());
    if failed == 0 { Ok(()) } else { Err(format!("{failed} failed")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skip(name: &str) -> Skip {
        Skip { name: name.into(), reason: "cannot".into() }
    }

    #[test]
    fn a_step_or_test_skipped_without_leave_is_found() {
        let mut report = Report::default();
        report.add("test", Outcome::Passed(vec![skip("v4::get")]));
        report.add("msrv", Outcome::Skipped("no toolchain".into()));
        report.settle();
        let listed = ["msrv".to_owned()];
        assert_eq!(report.unexcused(Leave::Any, &listed).len(), 0);
        assert_eq!(report.unexcused(Leave::Listed, &listed), [&skip("v4::get")]);
        assert_eq!(report.unexcused(Leave::Nothing, &listed).len(), 2);
    }

    #[test]
    fn what_root_ran_was_not_skipped() {
        let mut report = Report::default();
        report.add("test", Outcome::Passed(vec![skip("v4::get")]));
        report.add("cross-check", Outcome::Passed(vec![skip("cross-check plan9")]));
        report.add("msrv", Outcome::Skipped("no toolchain".into()));
        report.add(steps::ROOT, Outcome::Passed(Vec::new()));
        report.settle();
        let names = |skips: &[Skip]| skips.iter().map(|skip| skip.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&report.skipped), ["cross-check plan9", "msrv"]);
        assert_eq!(names(&report.as_root), ["v4::get"]);
    }

    #[test]
    fn a_root_step_that_failed_excuses_nothing() {
        let mut report = Report::default();
        report.add("test", Outcome::Passed(vec![skip("v4::get")]));
        report.add(steps::ROOT, Outcome::Failed("status 1".into()));
        report.settle();
        assert_eq!(report.skipped, [skip("v4::get")]);
    }

    #[test]
    fn every_step_has_a_name_of_its_own() {
        for (index, step) in STEPS.iter().enumerate() {
            assert!(STEPS.iter().skip(index + 1).all(|other| other.name != step.name), "{}", step.name);
        }
    }
}
