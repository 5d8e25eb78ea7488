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

    /// Leaves out what one step skipped and a later one ran: the root step lets no test against the kernel be
    /// skipped.
    fn settle(&mut self) {
        if self.passed.contains(&steps::ROOT) {
            self.skipped.retain(|skip| STEPS.iter().any(|step| step.name == skip.name));
        }
    }

    /// What was skipped and is not in the list of what may be.
    fn unexcused(&self, allowed: &[String]) -> Vec<&Skip> {
        self.skipped.iter().filter(|skip| !allowed.contains(&skip.name)).collect()
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
    let strict = args.iter().any(|arg| arg == "--strict");
    let names: Vec<&String> = args.iter().filter(|arg| *arg != "--strict").collect();
    if let Some(name) = names.iter().find(|name| STEPS.iter().all(|step| step.name != name.as_str())) {
        return Err(format!("there is no step {name}; `cargo xtask ci --list` names them"));
    }
    let chosen = STEPS.iter().filter(|step| names.is_empty() || names.iter().any(|name| name.as_str() == step.name));
    let mut report = Report::default();
    for step in chosen {
        report.add(step.name, timed(step));
    }
    report.settle();
    conclude(&report, strict)
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
fn conclude(report: &Report, strict: bool) -> Result<(), String> {
    let list =
        fs::read_to_string(root().join("xtask/allowed-skips.txt")).map_err(|error| format!("allowed-skips.txt: {error}"))?;
    let unexcused = report.unexcused(&skips::allowed(&list)?);
    println!();
    for skip in &report.skipped {
        println!("{skip}");
    }
    for (step, why) in &report.failed {
        println!("failed: {step}: {why}");
    }
    let mut failed = report.failed.len();
    if strict {
        for skip in &unexcused {
            println!("failed: {} was skipped, which xtask/allowed-skips.txt does not allow", skip.name);
        }
        failed += unexcused.len();
    }
    println!("{} passed, {failed} failed, {} skipped", report.passed.len(), report.skipped.len());
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
        assert_eq!(report.unexcused(&["msrv".into()]), [&skip("v4::get")]);
        assert_eq!(report.unexcused(&["msrv".into(), "v4::get".into()]), Vec::<&Skip>::new());
    }

    #[test]
    fn what_root_ran_was_not_skipped() {
        let mut report = Report::default();
        report.add("test", Outcome::Passed(vec![skip("v4::get")]));
        report.add("msrv", Outcome::Skipped("no toolchain".into()));
        report.add(steps::ROOT, Outcome::Passed(Vec::new()));
        report.settle();
        let names: Vec<&str> = report.skipped.iter().map(|skip| skip.name.as_str()).collect();
        assert_eq!(names, ["msrv"]);
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
