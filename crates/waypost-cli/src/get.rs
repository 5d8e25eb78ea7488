//! `waypost get`: asks for the way to an address.

use std::net::IpAddr;

use serde::Serialize;
use waypost::lookup::{Explanation, Step, Verdict};
use waypost::{Error, ErrorKind, Flow, LookupAnswer, LookupMode, Names, Protocol, RouteFlags, RouteRef, Rule, Watcher};

use crate::failure::{Failure, Status};
use crate::invocation::Invocation;
use crate::json::{RouteJson, RuleJson};
use crate::numbers;
use crate::words;

pub(crate) fn run(invocation: &mut Invocation, words: &[String], local: bool, fibmatch: bool) -> Result<(), Failure> {
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    // `ip route get` has it among the words.
    let count = words.len();
    words.retain(|word| *word != "fibmatch");
    let fibmatch = fibmatch || words.len() < count;
    if local {
        return from_mirror(invocation, &words);
    }
    let mut routes = invocation.routes()?;
    let interfaces = routes.names()?;
    let names = numbers::with(&interfaces);
    let flow = words::flow(&words, names)?;
    let mode = if fibmatch { LookupMode::Entry } else { LookupMode::Path };
    match routes.lookup(&flow, mode) {
        Ok(mut answer) => {
            if mode == LookupMode::Path {
                // Every path is such a copy; that says nothing.
                answer.route.entry.flags.remove(RouteFlags::CLONED);
            }
            print(
                invocation,
                &Answer { source: flow.source.filter(|_| mode == LookupMode::Path), ..Answer::of_kernel(&answer) },
                names,
            )
        }
        Err(error) => Err(no_way(&words, error)),
    }
}

/// An answer, the kernel's or the mirror's.
struct Answer<'a> {
    route: RouteRef<'a>,
    /// The source that was asked for, where a path from it is told.
    source: Option<IpAddr>,
    mark: u32,
    uid: Option<u32>,
    input: Option<waypost::IfIndex>,
    rule: Option<&'a Rule>,
}

impl<'a> Answer<'a> {
    fn of_kernel(answer: &'a LookupAnswer) -> Self {
        Self { route: answer.route.as_ref(), source: None, mark: answer.mark, uid: answer.uid, input: answer.input, rule: None }
    }
}

#[derive(Serialize)]
struct AnswerJson<'a> {
    #[serde(flatten)]
    route: RouteJson<'a>,
    #[serde(skip_serializing_if = "Option::is_none", rename = "from")]
    source: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mark: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iif: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<RuleJson<'a>>,
}

fn print(invocation: &mut Invocation, answer: &Answer<'_>, names: Names<'_>) -> Result<(), Failure> {
    let output = &mut invocation.output;
    let mark = Some(answer.mark).filter(|mark| *mark != 0);
    // A route for packets from there says so itself.
    let source = answer.source.filter(|_| answer.route.slot.source.is_none());
    if output.json {
        let mut array = output.array()?;
        array.push(&AnswerJson {
            route: RouteJson::new(answer.route, names),
            source,
            mark,
            uid: answer.uid,
            iif: answer.input.map(|index| names.interface(index).to_string()),
            rule: answer.rule.map(|rule| RuleJson::new(rule, names)),
        })?;
        return Ok(array.end()?);
    }
    let mut entry = answer.route.entry.clone();
    if entry.protocol == Protocol::UNSPECIFIED {
        // A path was installed by nobody: the one protocol that the text leaves out says so.
        entry.protocol = Protocol::BOOT;
    }
    entry.os_flags = 0;
    let text = format!("{:#}", RouteRef::new(answer.route.slot, &entry, answer.route.expires).with_names(names));
    // A path is nothing to be read back as a route, so the scope that tells it from a shorter way of writing stays away.
    // Nor is it of interest that the routes of the table `local` count as those of `main` where there are no rules but the first.
    let mut text = text.replacen(" scope global", "", 1).replacen(" table main", "", 1);
    if let Some(source) = source {
        let destination = text.find(&answer.route.slot.destination.network().to_string()).unwrap_or(0);
        let end = text[destination..].find(' ').map_or(text.len(), |end| destination + end);
        text.insert_str(end, &format!(" from {source}"));
    }
    if let Some(mark) = mark {
        text.push_str(&format!(" mark {mark:#x}"));
    }
    if let Some(uid) = answer.uid {
        text.push_str(&format!(" uid {uid}"));
    }
    if let Some(index) = answer.input {
        text.push_str(&format!(" iif {}", names.interface(index)));
    }
    if let Some(rule) = answer.rule {
        text.push_str(&format!("\n    rule {}", rule.with_names(names)));
    }
    Ok(text.lines().try_for_each(|line| output.line(line))?)
}

/// Answers from the mirror: by its rules and tables.
fn from_mirror(invocation: &mut Invocation, words: &[&str]) -> Result<(), Failure> {
    let watcher = mirror(invocation)?;
    let flow: Flow = words::flow(words, numbers::with(watcher.names()))?;
    let explanation = watcher.explain(&flow).with_names(numbers::with(watcher.names()));
    if let Verdict::Found(found) = &explanation.verdict {
        let answer = Answer {
            route: found.route,
            source: None,
            mark: flow.mark,
            uid: flow.uid,
            input: flow.input,
            rule: Some(found.rule),
        };
        return print(invocation, &answer, numbers::with(watcher.names()));
    }
    concluded(words, &explanation)
}

fn mirror(invocation: &Invocation) -> Result<Watcher, Failure> {
    let _waiting = invocation.output.waiting("reading the tables");
    let mut watcher = Watcher::open_with(&invocation.options())?;
    watcher.synchronise(None)?;
    Ok(watcher)
}

/// A way is no failure; why there is none is one.
fn concluded(words: &[&str], explanation: &Explanation<'_>) -> Result<(), Failure> {
    let status = match explanation.verdict {
        Verdict::Found(_) => return Ok(()),
        Verdict::Refused { .. } | Verdict::Dropped { .. } | Verdict::NoRoute => Status::NoSuchRoute,
        _ => Status::Failed,
    };
    Err(Failure::Missing(format!("get {}: {}", words.join(" "), explanation.conclusion()), status))
}

#[derive(Serialize)]
struct ExplanationJson<'a> {
    steps: Vec<StepJson<'a>>,
    conclusion: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<RouteJson<'a>>,
}

#[derive(Serialize)]
struct StepJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<RuleJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<RouteJson<'a>>,
    outcome: String,
}

/// `waypost get --explain`: every step of the lookup in the mirror.
pub(crate) fn explain(invocation: &mut Invocation, words: &[String]) -> Result<(), Failure> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let watcher = mirror(invocation)?;
    let names = numbers::with(watcher.names());
    let explanation = watcher.explain(&words::flow(&words, names)?).with_names(names);
    let output = &mut invocation.output;
    if output.json {
        let step = |step: &Step<'_>| match step {
            Step::Rule { .. } => "asked".to_owned(),
            other => other.outcome().to_string(),
        };
        let mut array = output.array()?;
        array.push(&ExplanationJson {
            steps: (explanation.steps.iter())
                .map(|one| StepJson {
                    rule: one.rule().map(|rule| RuleJson::new(rule, names)),
                    route: one.route().map(|route| RouteJson::new(route, names)),
                    outcome: step(one),
                })
                .collect(),
            conclusion: explanation.conclusion().to_string(),
            route: explanation.verdict.route().map(|route| RouteJson::new(route, names)),
        })?;
        array.end()?;
    } else {
        explanation.to_string().lines().try_for_each(|line| output.line(line))?;
    }
    concluded(&words, &explanation)
}

/// Why there is no way: there is no route, or one that says no.
fn no_way(words: &[&str], error: Error) -> Failure {
    let said = format!("get {}", words.join(" "));
    match error.kind() {
        ErrorKind::Unreachable | ErrorKind::NotFound => {
            Failure::Missing(format!("{said}: {}", error.reason()), Status::NoSuchRoute)
        }
        _ => Failure::RefusedOn(said, error),
    }
}
