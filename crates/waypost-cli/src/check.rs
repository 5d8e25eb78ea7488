//! `waypost check`: proves the mirror, and looks the table over.

use std::time::Duration;

use serde::Serialize;
use waypost::{Diagnosis, Drift, Error, ErrorKind, Severity, Watcher};

use crate::failure::{Failure, Status, complain};
use crate::invocation::Invocation;
use crate::json::{RouteJson, RuleJson};
use crate::numbers;

/// A finding, as it is printed with `--json`.
#[derive(Serialize)]
struct FindingJson<'a> {
    severity: &'static str,
    problem: &'static str,
    text: &'a str,
    advice: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<RouteJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    other: Option<RouteJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<RuleJson<'a>>,
}

/// Findings that are not told one by one.
#[derive(Serialize)]
struct OmittedJson {
    severity: &'static str,
    problem: &'static str,
    omitted: usize,
}

/// How long is tried to prove the mirror: amid changes that never pause it cannot be.
const PROOF_MAX: Duration = Duration::from_secs(30);

/// What is said where it was not.
const UNPROVED: &str = "the routes could not be proved: they changed all the time for 30 s";

pub(crate) fn run(invocation: &mut Invocation) -> Result<(), Failure> {
    let mut watcher = Watcher::open_with(&invocation.options().neighbours(true))?;
    watcher.synchronise(None)?;
    let drift = proof(watcher.verify(Some(PROOF_MAX)))?;
    if drift.is_none() {
        complain(&UNPROVED);
    }
    let report = watcher.look_over(drift, invocation.family());
    match invocation.output.json {
        true => print_json(invocation, &watcher, &report)?,
        false => print_text(invocation, &watcher, &report, drift.is_some())?,
    }
    if report.is_wrong() || drift.is_none() { Err(Failure::Said(Status::Failed)) } else { Ok(()) }
}

/// What the verification has found; nothing where it did not come to an end.
fn proof(verified: Result<Drift, Error>) -> Result<Option<Drift>, Error> {
    match verified {
        Err(error) if error.kind() == ErrorKind::Busy => Ok(None),
        verified => verified.map(Some),
    }
}

fn print_json(invocation: &mut Invocation, watcher: &Watcher, report: &Diagnosis) -> Result<(), Failure> {
    let names = numbers::with(watcher.names());
    let mut array = invocation.output.array()?;
    for finding in &report.findings {
        array.push(&FindingJson {
            severity: finding.severity.word(),
            problem: finding.problem.word(),
            text: &finding.text,
            advice: finding.problem.advice(),
            route: finding.route.as_ref().map(|route| RouteJson::new(route.as_ref(), names)),
            other: finding.other.as_ref().map(|route| RouteJson::new(route.as_ref(), names)),
            rule: finding.rule.as_ref().map(|rule| RuleJson::new(rule, names)),
        })?;
    }
    for ((problem, severity), omitted) in &report.omitted {
        array.push(&OmittedJson { severity: severity.word(), problem: problem.word(), omitted: *omitted })?;
    }
    Ok(array.end()?)
}

/// Prints each finding, and once behind those of one problem what to do.
fn print_text(invocation: &mut Invocation, watcher: &Watcher, report: &Diagnosis, is_proved: bool) -> Result<(), Failure> {
    let output = &mut invocation.output;
    let mut findings = report.findings.iter().peekable();
    while let Some(finding) = findings.next() {
        let (severity, problem) = (finding.severity, finding.problem);
        output.line(&format!("{} {}: {}", severity.word(), problem.word(), finding.text))?;
        if findings.peek().is_none_or(|next| (next.severity, next.problem) != (severity, problem)) {
            if let Some(omitted) = report.omitted.get(&(problem, severity)) {
                output.line(&format!("{} {}: and {omitted} more", severity.word(), problem.word()))?;
            }
            output.line(&format!("    {}", problem.advice()))?;
        }
    }
    let count = |severity: Severity| report.findings.iter().filter(|finding| finding.severity == severity).count();
    let counts = [Severity::Error, Severity::Warning, Severity::Note].map(count);
    let omitted: usize = report.omitted.values().sum();
    let [errors, warnings, notes] = counts;
    let routes = watcher.mirror().tables().len();
    let more = if omitted > 0 { format!(", and {omitted} more") } else { String::new() };
    let proved = if is_proved { "proved" } else { "not proved" };
    let summary = format!("{routes} routes {proved}: {errors} errors, {warnings} warnings, {notes} notes{more}");
    if !output.quiet {
        output.line(&summary)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_proved_in_time_is_looked_over_nevertheless() {
        let failed = |kind| proof(Err(Error::new(kind, "verify the tables"))).map_err(|error| error.kind());
        assert_eq!(failed(ErrorKind::Busy), Ok(None));
        assert_eq!(failed(ErrorKind::Closed), Err(ErrorKind::Closed));
        assert_eq!(proof(Ok(Drift::default())).unwrap(), Some(Drift::default()));
    }
}
