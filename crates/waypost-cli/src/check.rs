//! `waypost check`: proves the mirror, and looks the table over.

use serde::Serialize;
use waypost::{Diagnosis, Severity, Watcher};

use crate::failure::{Failure, Status};
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

pub(crate) fn run(invocation: &mut Invocation) -> Result<(), Failure> {
    let mut watcher = Watcher::open_with(&invocation.options().neighbours(true))?;
    watcher.synchronise(None)?;
    let report = watcher.check_family(None, invocation.family())?;
    match invocation.output.json {
        true => print_json(invocation, &watcher, &report)?,
        false => print_text(invocation, &watcher, &report)?,
    }
    if report.is_wrong() { Err(Failure::Said(Status::Failed)) } else { Ok(()) }
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
fn print_text(invocation: &mut Invocation, watcher: &Watcher, report: &Diagnosis) -> Result<(), Failure> {
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
    let summary = format!("{routes} routes proved: {errors} errors, {warnings} warnings, {notes} notes{more}");
    if !output.quiet {
        output.line(&summary)?;
    }
    Ok(())
}
