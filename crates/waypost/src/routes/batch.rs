//! Many changes at once, pipelined.

use std::ops::ControlFlow;

use waypost_core::{Error, ErrorKind, NextHopId, NextHopObject, Notice, Outcome, Request, Route, RouteChange, Rule, Ticket};

use super::{Routes, deletion};
use crate::sys;

/// How many changes are under way at once: enough that the kernel never waits for us.
const WINDOW: usize = 2048;

/// For how many deletions the table is looked at once.
const RUN: usize = 1 << 16;

/// One change in a batch.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Operation {
    /// Change a route.
    Route(RouteChange, Route),
    /// Add a rule.
    AddRule(Rule),
    /// Delete a rule.
    DeleteRule(Rule),
    /// Add a next-hop object, or replace the one of its number.
    AddNextHop {
        /// The object.
        object: NextHopObject,
        /// The object may be there already.
        replace: bool,
    },
    /// Delete a next-hop object.
    DeleteNextHop(NextHopId),
}

impl Operation {
    fn request(&self) -> Request<'_> {
        match self {
            Self::Route(change, route) => Request::Route(*change, route),
            Self::AddRule(rule) => Request::AddRule(rule),
            Self::DeleteRule(rule) => Request::DeleteRule(rule),
            Self::AddNextHop { object, replace } => Request::AddNextHop { object, replace: *replace },
            Self::DeleteNextHop(id) => Request::DeleteNextHop(*id),
        }
    }
}

impl Routes {
    /// Makes many changes, one behind the other without waiting for each answer, and tells the outcome of each by its place.
    ///
    /// They reach the kernel in order and their outcomes come in order. Where `outcome` breaks off, nothing more is begun;
    /// changes that were under way already still come about, and their outcomes are still told.
    ///
    /// Deletions of kinds of routes that the kernel does not compare fully (on Linux: IPv4 ones of metric 0 or with several next hops,
    /// IPv6 ones of metric 0 or without a gateway) are looked at as [`delete`](Self::delete) does, with one listing for a run of them; that which
    /// could hit another route has the outcome `Ambiguous`. The others are compared by the kernel alone. Linux then still takes
    /// for an IPv4 route a multipath route of the same metric that begins with its next hop, and for an IPv6 route with a gateway one of the same
    /// metric that uses a next-hop object.
    ///
    /// ```no_run
    /// use std::ops::ControlFlow;
    /// use waypost::{Operation, RouteChange, Routes};
    ///
    /// let lines = ["192.0.2.0/25 via 10.0.0.1 metric 50", "192.0.2.128/25 via 10.0.0.2 metric 50"];
    /// let add = |line: &&str| Ok(Operation::Route(RouteChange::Add, line.parse()?));
    /// let operations = lines.iter().map(add).collect::<Result<Vec<_>, waypost::Error>>()?;
    /// Routes::open()?.batch(operations, |at, result| match result {
    ///     Ok(()) => ControlFlow::Continue(()),
    ///     Err(error) => {
    ///         eprintln!("{}: {error}", lines[at]);
    ///         ControlFlow::Break(())
    ///     }
    /// })?;
    /// # Ok::<(), waypost::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// An error of the socket itself. That a change was refused is an outcome.
    pub fn batch(
        &mut self,
        operations: impl IntoIterator<Item = Operation>,
        outcome: impl FnMut(usize, Result<(), Error>) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let mut operations = operations.into_iter().peekable();
        let needs_a_look = |operation: &Operation| matches!(operation, Operation::Route(RouteChange::Delete, route) if deletion::needs_a_look(route));
        let mut outcome = outcome;
        let mut told = 0;
        let mut stopped = false;
        while !stopped && operations.peek().is_some() {
            let before = told;
            let mut tell = |at: usize, result| {
                told = before + at + 1;
                let flow = outcome(before + at, result);
                stopped |= flow.is_break();
                flow
            };
            if operations.peek().is_some_and(needs_a_look) {
                // One look at the table serves a run of them.
                let run = std::iter::from_fn(|| operations.next_if(needs_a_look)).take(RUN);
                let looked_at = self.look(run.collect())?;
                self.run_batch(looked_at.into_iter(), &mut tell)?;
            } else {
                let run = std::iter::from_fn(|| operations.next_if(|operation| !needs_a_look(operation)));
                self.run_batch(run.map(Ok), &mut tell)?;
            }
        }
        Ok(())
    }

    /// Looks which of these deletions can be left to the kernel, and why the others cannot.
    fn look(&mut self, operations: Vec<Operation>) -> Result<Vec<Result<Operation, Error>>, Error> {
        let routes = operations.into_iter().filter_map(|operation| match operation {
            Operation::Route(RouteChange::Delete, route) => Some(route),
            _ => None,
        });
        let routes: Vec<_> = routes.collect();
        let mut beside = deletion::Beside::of(&routes, self.list(&deletion::of_same_tables(&routes))?);
        Ok(routes.iter().map(|route| Ok(Operation::Route(RouteChange::Delete, beside.take(route)?))).collect())
    }

    /// Pipelines changes none of which can hit a route that it does not name; those that were refused before have that outcome.
    pub(super) fn run_batch(
        &mut self,
        operations: impl Iterator<Item = Result<Operation, Error>>,
        mut outcome: impl FnMut(usize, Result<(), Error>) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let first = self.last_ticket + 1;
        let mut operations = operations.fuse();
        let mut told = 0;
        let mut stopped = false;
        let mut exhausted = false;
        // Outcomes of requests that were refused before they were sent, until those before them are in.
        let mut early: std::collections::BTreeMap<usize, Error> = std::collections::BTreeMap::new();
        loop {
            let now = sys::now();
            while !stopped && self.begun(first) - told < WINDOW {
                let Some(operation) = operations.next() else {
                    exhausted = true;
                    break;
                };
                let submitted = match operation {
                    Ok(operation) => self.submit_at(now, operation.request()).map(|_| ()),
                    Err(error) => {
                        self.last_ticket += 1;
                        Err(error)
                    }
                };
                if let Err(error) = submitted {
                    early.insert(self.begun(first) - 1, error);
                }
            }
            while let Some(error) = early.remove(&told) {
                stopped |= outcome(told, Err(error)).is_break();
                told += 1;
            }
            if told == self.begun(first) {
                if stopped || exhausted {
                    return Ok(());
                }
                continue;
            }
            let low_water = told + (self.begun(first) - told).div_ceil(2);
            self.pump(|notice| {
                let Notice::Outcome(Ticket(ticket), result) = notice else { return ControlFlow::Continue(()) };
                let Some(at) = ticket.checked_sub(first).map(|at| at as usize) else { return ControlFlow::Continue(()) };
                debug_assert_eq!(at, told, "outcomes come in the order of their requests");
                stopped |= outcome(at, to_result(result)).is_break();
                told = at + 1;
                while let Some(error) = early.remove(&told) {
                    stopped |= outcome(told, Err(error)).is_break();
                    told += 1;
                }
                if told >= low_water { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
        }
    }

    fn begun(&self, first: u64) -> usize {
        (self.last_ticket + 1 - first) as usize
    }
}

fn to_result(outcome: Outcome) -> Result<(), Error> {
    match outcome {
        Outcome::Failed(error) => Err(error),
        Outcome::Unknown => Err(Error::new(ErrorKind::Unknown, "change").because("the kernel's answer was lost")),
        _ => Ok(()),
    }
}
