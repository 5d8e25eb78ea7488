//! `waypost batch`: carries out a file of changes, pipelined.

mod behind;
mod picture;
mod progress;
mod reader;
pub(crate) mod source;

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;

use waypost::{Error, Operation, RouteChange, RouteFilter, Routes};

use crate::failure::{Failure, Status, complain};
use crate::invocation::Invocation;

use behind::Behind;
use picture::Picture;
use progress::Progress;
use reader::{Need, Reader, Step};
use source::{Block, Source};

pub(crate) fn run(invocation: &mut Invocation, keep_going: bool, file: Option<&str>) -> Result<(), Failure> {
    let (name, from, size) = open(file)?;
    let mut routes = invocation.routes()?;
    let reader =
        Reader { names: routes.names()?, family: invocation.family(), picture: None, rules: None, rules_are_open: false };
    let progress = Progress::new(size, invocation.output.quiet);
    let mut source = Source::new(from);
    let mut run = Run {
        name,
        keep_going,
        reader,
        progress,
        done: 0,
        refused: 0,
        failed: None,
        stopped_at: None,
        behind: Behind::default(),
    };
    while run.goes_on() {
        let block = match source.next() {
            Ok(Some(block)) => block,
            Ok(None) => break,
            Err(error) => {
                // What stands before is done, and has to be known.
                if run.done + run.refused > 0 {
                    run.progress.finish(run.done, run.refused);
                }
                return Err(Failure::Io(format!("read {}", run.name), error));
            }
        };
        run.block(&mut routes, &block)?;
        run.progress.show(source.given(), run.done);
    }
    run.progress.finish(run.done, run.refused);
    if let (Some(at), false) = (run.stopped_at, keep_going) {
        complain(&format_args!("{}: stopped at line {at}: {}", run.name, run.behind));
    }
    match run.failed {
        None => Ok(()),
        Some(_) if keep_going => Err(Failure::Said(Status::Failed)),
        Some(status) => Err(Failure::Said(status)),
    }
}

/// What is to be read: its name, itself, and its size where that is known.
type Opened = (String, Box<dyn Read>, Option<u64>);

fn open(file: Option<&str>) -> Result<Opened, Failure> {
    let Some(path) = file.filter(|file| *file != "-") else {
        return Ok(("standard input".to_owned(), Box::new(io::stdin()), None));
    };
    let opened = File::open(path).and_then(|file| file.metadata().map(|metadata| (file, metadata)));
    let (file, metadata) = opened.map_err(|error| Failure::Io(format!("open {path}"), error))?;
    Ok((path.to_owned(), Box::new(file), metadata.is_file().then_some(metadata.len())))
}

/// A batch that is being carried out.
struct Run {
    name: String,
    keep_going: bool,
    reader: Reader,
    progress: Progress,
    done: u64,
    refused: u64,
    /// The status of the first failure.
    failed: Option<Status>,
    /// The line of the first failure.
    stopped_at: Option<usize>,
    behind: Behind,
}

/// A line that the kernel has been asked to carry out.
struct Asked<'a> {
    number: usize,
    line: Cow<'a, str>,
    is_deletion: bool,
}

/// Lines that are read as the kernel takes them.
struct Feed<'a, L> {
    run: &'a mut Run,
    lines: L,
    /// A line that has to be read again.
    again: Option<(usize, Cow<'a, str>)>,
    need: Option<Need>,
    /// A line that cannot be carried out: those before it are, if nothing fails before.
    stuck: Option<(usize, Cow<'a, str>, Failure)>,
    asked: VecDeque<Asked<'a>>,
}

impl Run {
    fn goes_on(&self) -> bool {
        self.failed.is_none() || self.keep_going
    }

    fn block(&mut self, routes: &mut Routes, block: &Block) -> Result<(), Failure> {
        let feed = Feed { run: self, lines: block.lines(), again: None, need: None, stuck: None, asked: VecDeque::new() };
        let feed = RefCell::new(feed);
        loop {
            let operations = std::iter::from_fn(|| feed.borrow_mut().next());
            routes.batch(operations, |_, outcome| feed.borrow_mut().outcome(outcome))?;
            let mut feed = feed.borrow_mut();
            match (feed.stuck.take(), feed.need.take()) {
                (Some((number, line, failure)), _) => feed.run.fail(number, &line, &failure),
                (None, Some(need)) => feed.run.reader.satisfy(need, routes)?,
                (None, None) => return Ok(()),
            }
            if !feed.run.goes_on() {
                return Ok(());
            }
        }
    }

    /// Says what became of a line that was not carried out.
    fn fail(&mut self, number: usize, line: &str, failure: &Failure) {
        self.refused += 1;
        if !self.goes_on() {
            self.behind.refused.push(number);
            return;
        }
        self.stopped_at = self.stopped_at.or(Some(number));
        // A file with a wrong line is no wrong usage of the command.
        let status = failure.status().map(|status| if status == Status::Usage { Status::Failed } else { status });
        self.failed = self.failed.or(status);
        let why = match failure {
            Failure::Usage(why) => why.clone(),
            Failure::Refused(error) => Failure::RefusedOn(line.trim().to_owned(), error.clone()).to_string(),
            other => other.to_string(),
        };
        let said = format!("{}:{number}: {why}", self.name);
        self.progress.aside(|| complain(&said));
    }
}

impl<'a, L: Iterator<Item = (usize, Cow<'a, str>)>> Feed<'a, L> {
    /// The next change, unless something must be done before.
    fn next(&mut self) -> Option<Operation> {
        if !self.run.goes_on() || self.stuck.is_some() || self.need.is_some() {
            return None;
        }
        loop {
            let (number, line) = self.again.take().or_else(|| self.lines.next())?;
            let step = match source::words(&line) {
                Ok(words) if words.is_empty() => continue,
                Ok(words) => self.run.reader.read(&words),
                Err(why) => Step::Fail(Failure::Usage(why)),
            };
            match step {
                Step::Do(operation) => {
                    let is_deletion = matches!(operation, Operation::Route(RouteChange::Delete, _));
                    self.asked.push_back(Asked { number, line, is_deletion });
                    return Some(operation);
                }
                Step::Need(need) => {
                    self.need = Some(need);
                    self.again = Some((number, line));
                    return None;
                }
                Step::Fail(failure) => {
                    self.stuck = Some((number, line, failure));
                    return None;
                }
            }
        }
    }

    /// Takes note of what became of the first of the lines that were asked for.
    fn outcome(&mut self, outcome: Result<(), Error>) -> ControlFlow<()> {
        let Some(asked) = self.asked.pop_front() else { return ControlFlow::Break(()) };
        match outcome {
            Ok(()) => {
                self.run.done += 1;
                if !self.run.goes_on() {
                    self.run.behind.done.push(asked.number);
                }
            }
            Err(error) => {
                self.run.reader.doubt(error.kind(), asked.is_deletion);
                self.run.fail(asked.number, &asked.line, &Failure::Refused(error));
            }
        }
        if self.run.goes_on() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

impl Reader {
    /// Asks the kernel what a line needs to be read.
    fn satisfy(&mut self, need: Need, routes: &mut Routes) -> Result<(), Failure> {
        // It is asked for when nothing is under way any more.
        self.settle();
        match need {
            Need::Answers => {}
            Need::Rules => self.rules = Some(routes.rules(None)?),
            Need::Routes => {
                let mut picture = Picture::new();
                routes.for_each(&RouteFilter::default(), |route| {
                    picture.list(route);
                    ControlFlow::Continue(())
                })?;
                self.picture = Some(picture);
            }
        }
        Ok(())
    }
}
