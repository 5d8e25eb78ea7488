//! The socket that makes requests.

use std::collections::VecDeque;
use std::time::Duration;

use waypost_core::{
    Disposition, Error, ErrorKind, Flow, LookupAnswer, LookupMode, Notice, Notices, Now, Outcome, Prefix, Protocol, Request,
    Route, RouteChange, Slot, TableId, Ticket,
};

use super::deletion::deletes;
use super::refusal::{self, errno};
use crate::lift::{Asked, Lift, Lower, LowerError};
use crate::wire::{ByteOrder, Dialect, Message, Messages, RouteOp, Source, TableSelector};

/// How long an answer may take. The kernel makes it while it is written to, so one that has not come will not come.
const PATIENCE: Duration = Duration::from_secs(2);

/// Requests on their way to the kernel, one at a time, and its answers.
///
/// Whoever drives it writes what [`outgoing`](Self::outgoing) gives, tells what came of that by
/// [`written`](Self::written), and gives what comes to [`receive`](Self::receive).
#[derive(Debug)]
pub(super) struct RequestLane {
    dialect: &'static Dialect,
    order: ByteOrder,
    table: TableId,
    pid: Option<u32>,
    waiting: VecDeque<(Ticket, Task)>,
    current: Option<Current>,
    seq: u32,
    message: Vec<u8>,
}

/// What is wanted.
#[derive(Debug)]
enum Task {
    Change(RouteChange, Box<Route>),
    Lookup(Flow, LookupMode),
}

/// The task under way.
#[derive(Debug)]
struct Current {
    ticket: Ticket,
    task: Task,
    step: Step,
    seq: u32,
    /// Set when the step's request has been written and waits for its answer.
    deadline: Option<Now>,
}

/// One request of a task, of which most have one.
#[derive(Clone, PartialEq, Debug)]
enum Step {
    Put(RouteOp),
    /// A deletion that the kernel compares with what is there.
    Delete,
    /// Reading what is there, before the kernel deletes it without comparing.
    Look,
    /// Deleting what was seen there.
    DeleteSeen(Box<Route>),
    /// Putting back what should not have been deleted.
    Restore(Box<Route>),
    Lookup(Slot),
}

impl Step {
    const fn op(&self) -> RouteOp {
        match self {
            Self::Put(op) => *op,
            Self::Delete | Self::DeleteSeen(_) => RouteOp::Delete,
            Self::Look | Self::Lookup(_) => RouteOp::Get,
            Self::Restore(_) => RouteOp::Add,
        }
    }

    /// What came of it stands in the answer and not in the error of the write.
    const fn needs_answer(&self) -> bool {
        matches!(self, Self::Look | Self::DeleteSeen(_) | Self::Lookup(_))
    }
}

impl RequestLane {
    pub(super) const fn new(dialect: &'static Dialect, order: ByteOrder, table: TableId, pid: Option<u32>, seed: u32) -> Self {
        Self { dialect, order, table, pid, waiting: VecDeque::new(), current: None, seq: seed, message: Vec::new() }
    }

    pub(super) fn submit(&mut self, ticket: Ticket, request: Request<'_>) -> Result<(), Error> {
        let task = match request {
            Request::Route(change, route) => Task::Change(change, Box::new(route.clone())),
            Request::Lookup(flow, mode) => Task::Lookup(*flow, mode),
            _ => {
                let why = "this system has no rules and no next-hop objects";
                return Err(Error::new(ErrorKind::Unsupported, "request").because(why));
            }
        };
        // What cannot be written is refused here, before anything is under way.
        let step = self.first_step(&task)?;
        self.message.clear();
        let written = encode(self.lower(Duration::ZERO), &task, &step, Asked::default(), &mut self.message);
        written.map_err(|why| task.about(Error::from(why)))?;
        self.waiting.push_back((ticket, task));
        Ok(())
    }

    fn first_step(&self, task: &Task) -> Result<Step, Error> {
        Ok(match task {
            Task::Change(change, route) if *change != RouteChange::Delete && !is_made(route.entry.disposition) => {
                let why = "routing messages make routes to a next hop, blackhole and unreachable ones alone";
                return Err(task.about(Error::new(ErrorKind::Unsupported, task.name()).because(why)));
            }
            Task::Change(RouteChange::Add, _) => Step::Put(RouteOp::Add),
            Task::Change(RouteChange::Change | RouteChange::Replace, _) => Step::Put(RouteOp::Change),
            Task::Change(RouteChange::Delete, _) if self.dialect.wants.compares_gateway => Step::Delete,
            Task::Change(RouteChange::Delete, _) => Step::Look,
            Task::Change(..) => {
                let why = "this system keeps the routes to a destination in no order";
                return Err(task.about(Error::new(ErrorKind::Unsupported, task.name()).because(why)));
            }
            Task::Lookup(flow, _) => {
                let mut plain = Flow::to(flow.destination);
                plain.output = flow.output.filter(|_| self.dialect.table == TableSelector::Interface);
                if plain != *flow {
                    let why = "routing sockets look up by the destination alone";
                    return Err(task.about(Error::new(ErrorKind::Unsupported, task.name()).because(why)));
                }
                let mut slot = Slot::new(self.table, Prefix::host(flow.destination));
                slot.interface_scope = flow.output;
                Step::Lookup(slot)
            }
        })
    }

    const fn lower(&self, since_epoch: Duration) -> Lower {
        Lower { dialect: self.dialect, order: self.order, table: self.table, since_epoch }
    }

    /// The message to be written next, if the one before has been dealt with. What turns out to be no message has failed.
    pub(super) fn outgoing(&mut self, since_epoch: Duration, out: &mut Notices) -> Option<&[u8]> {
        loop {
            if self.current.is_none() {
                let (ticket, task) = self.waiting.pop_front()?;
                let step = self.first_step(&task).ok()?;
                let seq = self.next_seq();
                self.current = Some(Current { ticket, task, step, seq, deadline: None });
            }
            let current = self.current.as_ref().filter(|current| current.deadline.is_none())?;
            let asked = Asked { seq: current.seq, pid: self.pid.unwrap_or(0) };
            self.message.clear();
            match encode(self.lower(since_epoch), &current.task, &current.step, asked, &mut self.message) {
                Ok(()) => return Some(&self.message),
                // It could be written when it was submitted, at no particular time; but the time at which a route ends may be
                // more than the header has room for.
                Err(why) => self.cannot_write(why, out),
            }
        }
    }

    /// The step under way is no message.
    fn cannot_write(&mut self, why: LowerError, out: &mut Notices) {
        let Some(current) = &self.current else { return };
        let outcome = match current.step {
            Step::Restore(_) => self.conflict(Some(errno::EINVAL)),
            _ => Outcome::Failed(current.task.about(Error::from(why))),
        };
        self.finish(outcome, out);
    }

    /// A request for the route in this slot that is no task of anybody, and the number that its answer has.
    pub(super) fn question(&mut self, slot: &Slot) -> Option<(u32, &[u8])> {
        let seq = self.next_seq();
        let asked = Asked { seq, pid: self.pid.unwrap_or(0) };
        self.message.clear();
        self.lower(Duration::ZERO).get(slot, true, asked, &mut self.message).ok()?;
        Some((seq, &self.message))
    }

    /// The route that answers a [`question`](Self::question), if `bytes` are that.
    pub(super) fn answers(&self, seq: u32, bytes: &[u8]) -> Option<Route> {
        let one = if Messages::is_one(self.order, bytes) { bytes } else { &[] };
        let mut messages = Messages::new(self.dialect, self.order, Source::Socket, one).flatten();
        messages.find_map(|message| match message {
            Message::Route(route) => {
                let is_ours = route.seq() == seq && self.pid.is_none_or(|pid| pid == route.pid());
                let is_answer = is_ours && route.op() == RouteOp::Get && route.errno() == 0;
                let lift = Lift { table: self.table, since_epoch: Duration::ZERO };
                lift.route(&route).ok().filter(|_| is_answer)
            }
            _ => None,
        })
    }

    fn next_seq(&mut self) -> u32 {
        // Zero is the kernel's own, and some systems have a sign here.
        self.seq = (self.seq.wrapping_add(1) & 0x7fff_ffff).max(1);
        self.seq
    }

    /// What [`outgoing`](Self::outgoing) gave has been written, and the kernel did it or refused it with this number.
    pub(super) fn written(&mut self, now: Now, result: Result<(), i32>, out: &mut Notices) {
        let Some(current) = &mut self.current else { return };
        match (&current.step, &current.task, result) {
            (step, _, Ok(())) if step.needs_answer() => current.deadline = Some(now + PATIENCE),
            (Step::Restore(_), _, result) => {
                let outcome = self.conflict(result.err());
                self.finish(outcome, out);
            }
            (_, _, Ok(())) => self.finish(Outcome::Done, out),
            // There was nothing to change: then it is to be added.
            (Step::Put(RouteOp::Change), Task::Change(RouteChange::Replace, _), Err(errno::ESRCH)) => {
                self.go_on(Step::Put(RouteOp::Add), out);
            }
            (_, _, Err(number)) => {
                let outcome = Outcome::Failed(self.refusal(number));
                self.finish(outcome, out);
            }
        }
    }

    /// Takes what the socket gave: an answer, what others did, or what somebody would have us take for either.
    pub(super) fn receive(&mut self, since_epoch: Duration, bytes: &[u8], out: &mut Notices) {
        if !Messages::is_one(self.order, bytes) {
            return;
        }
        for message in Messages::new(self.dialect, self.order, Source::Socket, bytes).flatten() {
            let Message::Route(message) = message else { continue };
            let Some(current) = self.current.as_ref().filter(|current| current.deadline.is_some()) else { return };
            let is_ours = message.seq() == current.seq
                && message.op() == current.step.op()
                && self.pid.is_none_or(|pid| pid == message.pid());
            if is_ours && message.errno() == 0 {
                let lift = Lift { table: self.table, since_epoch };
                let found = lift.route(&message).ok();
                self.answer(found, out);
            }
        }
    }

    /// Takes the answer to the step under way; `None` where it cannot be read, which tells as little as no answer.
    fn answer(&mut self, found: Option<Route>, out: &mut Notices) {
        let Some(current) = &self.current else { return };
        match (&current.step, &current.task, found) {
            (Step::Lookup(slot), Task::Lookup(_, mode), Some(mut route)) => {
                if *mode == LookupMode::Path {
                    route.slot.destination = slot.destination;
                }
                self.finish(Outcome::Found(Box::new(LookupAnswer::new(route))), out);
            }
            (Step::Look, Task::Change(_, wanted), Some(found)) if deletes(wanted, found.as_ref()) => {
                self.go_on(Step::DeleteSeen(Box::new(found)), out);
            }
            (Step::Look, task, Some(_)) => {
                let error = Error::new(ErrorKind::NotFound, task.name()).because("another route has that destination");
                let outcome = Outcome::Failed(task.about(error));
                self.finish(outcome, out);
            }
            (Step::DeleteSeen(_), Task::Change(_, wanted), Some(deleted)) => {
                if deletes(wanted, deleted.as_ref()) {
                    return self.finish(Outcome::Done, out);
                }
                // Somebody put another in its place between our look and our deletion.
                self.go_on(Step::Restore(Box::new(restorable(deleted))), out);
            }
            _ => self.finish(Outcome::Unknown, out),
        }
    }

    /// Goes on with the next request of the task, if it can be written.
    fn go_on(&mut self, step: Step, out: &mut Notices) {
        let seq = self.next_seq();
        let lower = self.lower(Duration::ZERO);
        let Some(current) = &mut self.current else { return };
        (current.step, current.seq, current.deadline) = (step, seq, None);
        self.message.clear();
        if let Err(why) = encode(lower, &current.task, &current.step, Asked::default(), &mut self.message) {
            self.cannot_write(why, out);
        }
    }

    /// Gives up the answer that has not come for too long.
    pub(super) fn expire(&mut self, now: Now, out: &mut Notices) {
        if self.deadline().is_some_and(|deadline| now.running >= deadline.running) {
            self.finish(Outcome::Unknown, out);
        }
    }

    pub(super) fn deadline(&self) -> Option<Now> {
        self.current.as_ref().and_then(|current| current.deadline)
    }

    /// Messages were lost; if the answer that is waited for was among them, it will not come.
    pub(super) fn overrun(&mut self, out: &mut Notices) {
        if self.deadline().is_some() {
            self.finish(Outcome::Unknown, out);
        }
    }

    fn finish(&mut self, outcome: Outcome, out: &mut Notices) {
        if let Some(current) = self.current.take() {
            out.push(Notice::Outcome(current.ticket, outcome));
        }
    }

    fn refusal(&self, number: i32) -> Error {
        let Some(current) = &self.current else { return refusal::error(self.dialect, "request", number) };
        current.task.about(match &current.task {
            Task::Lookup(..) if number == errno::ESRCH => {
                Error::new(ErrorKind::Unreachable, "look up").because("there is no route").with_os_error(number)
            }
            task => refusal::error(self.dialect, task.name(), number),
        })
    }

    /// Another route than the one that was meant has been deleted, and put back unless that failed with a number.
    fn conflict(&self, failure: Option<i32>) -> Outcome {
        let error = Error::new(ErrorKind::Conflict, "delete route");
        let error = match failure {
            None => error.because("another had taken its place, was deleted, and has been put back"),
            Some(number) => {
                error.because("another had taken its place, was deleted, and could not be put back").with_os_error(number)
            }
        };
        Outcome::Failed(self.current.as_ref().map_or(error.clone(), |current| current.task.about(error)))
    }
}

impl Task {
    const fn name(&self) -> &'static str {
        match self {
            Self::Change(RouteChange::Add, _) => "add route",
            Self::Change(RouteChange::Replace, _) => "replace route",
            Self::Change(RouteChange::Delete, _) => "delete route",
            Self::Change(..) => "change route",
            Self::Lookup(..) => "look up",
        }
    }

    /// The error, naming what this is about.
    fn about(&self, error: Error) -> Error {
        match self {
            Self::Change(_, route) => error.on(&**route),
            Self::Lookup(flow, _) => error.on(flow.destination),
        }
    }
}

fn encode(lower: Lower, task: &Task, step: &Step, asked: Asked, out: &mut Vec<u8>) -> Result<(), LowerError> {
    match (step, task) {
        (Step::Restore(route), _) => lower.route(RouteOp::Add, route, asked, out),
        (Step::DeleteSeen(route), _) => lower.route(RouteOp::Delete, route, asked, out),
        (Step::Lookup(slot), _) => lower.get(slot, false, asked, out),
        // A host is matched by nothing longer.
        (Step::Look, Task::Change(_, route)) => lower.get(&route.slot, true, asked, out),
        (step, Task::Change(_, route)) => lower.route(step.op(), route, asked, out),
        (_, Task::Lookup(..)) => Err(LowerError::Invalid("a lookup is no change")),
    }
}

/// Says whether a request can make such a route; the others are the kernel's to make.
const fn is_made(disposition: Disposition) -> bool {
    matches!(disposition, Disposition::Unicast | Disposition::Blackhole | Disposition::Unreachable)
}

/// What of a deleted route can be asked for again: the kernel fills in the rest as it did before.
fn restorable(mut deleted: Route) -> Route {
    if deleted.entry.protocol != Protocol::STATIC {
        deleted.entry.protocol = Protocol::UNSPECIFIED;
    }
    deleted
}
