//! Many changes at once, pipelined.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use waypost_core::{
    Error, Family, NextHop, NextHopId, NextHopObject, Notice, Now, Outcome, Protocol, Request, Route, RouteChange, Rule, Ticket,
};

use super::picture::{Picture, Verdict};
use super::{Routes, deletion};
use crate::sys;

/// How many changes are under way at once, at most.
///
/// It is what goes in one send, after which the kernel has answered: more is no faster (50,000 routes take 0.32 s of CPU with 64 as with
/// 2,048, 0.36 s with 8 and 0.72 s one by one), and where one fails, those behind it in the same send come about all the same.
const WINDOW: usize = 64;

/// For how many changes the tables are looked at once.
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
    /// changes that were under way already, fewer than 64, still come about, and their outcomes are still told. The first is under way
    /// alone, and with each answer more may be.
    ///
    /// Deletions for which the kernel commonly takes something else are looked at as [`delete`](Self::delete) and
    /// [`delete_rule`](Self::delete_rule) do: those of rules, of IPv6 routes, and of IPv4 routes that have the metric 0 or several next hops. Before the first
    /// of them the tables are read, once for some ten thousand changes, and `operations` are taken that far ahead; what the batch itself
    /// changes counts. A deletion that could hit something else has the outcome `Ambiguous`.
    ///
    /// Of the other IPv4 routes, with one next hop and a metric, the kernel compares all that is named. On Linux such a deletion still hits, where
    /// the route itself is gone or stands behind it, one of the same destination, table and metric that says more: a preferred source,
    /// or further next hops behind the one that is named. Where others append to the same slot, use [`delete`](Self::delete).
    ///
    /// Outcomes that are lost are read from the state, as with single changes, when the changes begun by then have been answered.
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
    /// An error of the socket itself; `Busy` where the tables changed so fast that they could not be read in one piece. That a change was
    /// refused is an outcome.
    pub fn batch(
        &mut self,
        operations: impl IntoIterator<Item = Operation>,
        outcome: impl FnMut(usize, Result<(), Error>) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        Batch::new(self, operations.into_iter()).run(outcome)
    }

    /// The same for one who has claims, by this protocol where the kernel keeps it. Such a one deletes single next hops of IPv6 routes, which no listing shows by
    /// themselves: of those the kernel compares enough. And it sees to what else of its owner's a deletion of metric 0 could hit.
    pub(crate) fn batch_of_claims(
        &mut self,
        owner: Option<Protocol>,
        operations: impl IntoIterator<Item = Operation>,
        outcome: impl FnMut(usize, Result<(), Error>) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        Batch { trusts_next_hops: true, owner, ..Batch::new(self, operations.into_iter()) }.run(outcome)
    }
}

/// Says whether an operation deletes one next hop of an IPv6 route, by all that the kernel compares: gateway, interface, metric and protocol
/// (`ip6_route_del`, net/ipv6/route.c, Linux 6.18).
fn deletes_next_hop(operation: &Operation) -> bool {
    let Operation::Route(RouteChange::Delete, route) = operation else { return false };
    let is_named = |hop: &NextHop| hop.gateway.is_some() && hop.interface.is_some();
    route.slot.destination.family() == Family::V6
        && route.slot.metric != 0
        && route.entry.protocol != Protocol::UNSPECIFIED
        && route.entry.next_hop_object.is_none()
        && matches!(&route.entry.next_hops[..], [hop] if is_named(hop))
}

/// Changes that are being made.
pub(super) struct Batch<'a, I: Iterator> {
    routes: &'a mut Routes,
    operations: std::iter::Fuse<I>,
    /// Those that have been taken already, to be looked at together.
    ahead: VecDeque<Operation>,
    looks: bool,
    trusts_next_hops: bool,
    owner: Option<Protocol>,
    picture: Picture,
    /// Those that have been begun and not been told of.
    under_way: VecDeque<UnderWay>,
    /// The ticket of the first that is under way; the others follow.
    first: u64,
    /// How many of them have no answer.
    awaited: usize,
    /// How many of the answers were lost.
    lost: usize,
    /// How many may be under way: what fails fails early as a rule, so the first is alone, and with each answer there may be more.
    window: usize,
}

struct UnderWay {
    operation: Operation,
    answer: Answer,
}

enum Answer {
    Awaited,
    Lost,
    /// What came of it, and whether the kernel was asked.
    Known(Result<(), Error>, Asked),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Not,
    Answered,
    /// The answer was lost.
    Settled,
}

impl<'a, I: Iterator<Item = Operation>> Batch<'a, I> {
    fn new(routes: &'a mut Routes, operations: I) -> Self {
        Self {
            routes,
            operations: operations.fuse(),
            ahead: VecDeque::new(),
            looks: true,
            trusts_next_hops: false,
            owner: None,
            picture: Picture::default(),
            under_way: VecDeque::new(),
            first: 0,
            awaited: 0,
            lost: 0,
            window: 1,
        }
    }

    /// Changes none of which can hit anything that it does not name, as the caller has seen to.
    pub(super) fn of_looked_at(routes: &'a mut Routes, operations: I) -> Self {
        Self { looks: false, ..Self::new(routes, operations) }
    }

    /// Makes the changes, and tells of each.
    pub(super) fn run(mut self, mut outcome: impl FnMut(usize, Result<(), Error>) -> ControlFlow<()>) -> Result<(), Error> {
        let mut told = 0;
        let mut stopped = false;
        let mut exhausted = false;
        loop {
            while let Some(result) = self.first_known() {
                stopped |= outcome(told, result).is_break();
                told += 1;
            }
            if !stopped {
                exhausted = self.begin()?;
            }
            if self.awaited > 0 {
                let enough = self.awaited / 2;
                self.hear(enough)?;
                self.window = WINDOW.min(self.window * 2);
                if self.lost > 0 {
                    self.hear(0)?;
                    self.settle()?;
                }
            } else if self.under_way.is_empty() && (stopped || exhausted) {
                return Ok(());
            }
        }
    }

    /// What came of the first that is under way, where that is known.
    fn first_known(&mut self) -> Option<Result<(), Error>> {
        self.under_way.front().filter(|first| matches!(first.answer, Answer::Known(..)))?;
        let first = self.under_way.pop_front()?;
        self.first += 1;
        let Answer::Known(result, asked) = first.answer else { return None };
        if asked != Asked::Not {
            self.picture.end(&first.operation, &result, asked == Asked::Settled);
        }
        Some(result)
    }

    /// Begins as many as may be under way; says whether there are no more.
    fn begin(&mut self) -> Result<bool, Error> {
        let now = sys::now();
        while self.under_way.len() < self.window {
            let Some(mut operation) = self.ahead.pop_front().or_else(|| self.operations.next()) else { return Ok(true) };
            let looks = self.looks && !(self.trusts_next_hops && deletes_next_hop(&operation));
            match if looks { self.picture.judge(&mut operation) } else { Verdict::Go } {
                Verdict::Go => self.ask(now, operation),
                Verdict::Refused(error) => self.refuse(operation, error),
                Verdict::Wait | Verdict::Look if !self.under_way.is_empty() => {
                    self.ahead.push_front(operation);
                    return Ok(false);
                }
                Verdict::Wait | Verdict::Look => {
                    self.ahead.push_front(operation);
                    self.look()?;
                }
            }
        }
        Ok(false)
    }

    fn ask(&mut self, now: Now, operation: Operation) {
        if self.under_way.is_empty() {
            self.first = self.routes.last_ticket + 1;
        }
        match self.routes.submit_at(now, operation.request()) {
            Ok(_ticket) => {
                self.picture.begin(&operation);
                self.under_way.push_back(UnderWay { operation, answer: Answer::Awaited });
                self.awaited += 1;
            }
            Err(error) => self.under_way.push_back(UnderWay { operation, answer: Answer::Known(Err(error), Asked::Not) }),
        }
    }

    fn refuse(&mut self, operation: Operation, error: Error) {
        if self.under_way.is_empty() {
            self.first = self.routes.last_ticket + 1;
        }
        // It has a ticket all the same, so that its place among the others is told by it.
        self.routes.last_ticket += 1;
        self.under_way.push_back(UnderWay { operation, answer: Answer::Known(Err(error), Asked::Not) });
    }

    /// Takes operations ahead, and reads what must be known of the places that they are about. Nothing is under way.
    fn look(&mut self) -> Result<(), Error> {
        let more = RUN.saturating_sub(self.ahead.len());
        self.ahead.extend(self.operations.by_ref().take(more));
        self.picture = Picture::of(&self.ahead);
        self.picture.owner = self.owner;
        let routes = self.ahead.iter().filter_map(|operation| match operation {
            Operation::Route(RouteChange::Delete, route) if self.picture.wants(route) => Some(route),
            _ => None,
        });
        let listed = match routes.clone().next() {
            Some(_) => self.routes.list_where(&deletion::of_same_tables(routes), |route| self.picture.wants(route))?,
            None => Vec::new(),
        };
        let mut rules = Vec::new();
        for family in self.picture.families_of_rules() {
            rules.extend(self.routes.rules(Some(family))?);
        }
        self.picture.names = self.routes.names()?;
        self.picture.fill(listed, rules);
        Ok(())
    }

    /// Takes answers until no more than `enough` are awaited.
    fn hear(&mut self, enough: usize) -> Result<(), Error> {
        let Self { routes, under_way, first, awaited, lost, .. } = self;
        if *awaited <= enough {
            return Ok(());
        }
        routes.pump(|notice| {
            let Notice::Outcome(Ticket(ticket), outcome) = notice else { return ControlFlow::Continue(()) };
            let asked = ticket.checked_sub(*first).and_then(|at| under_way.get_mut(at as usize));
            if let Some(asked) = asked.filter(|asked| matches!(asked.answer, Answer::Awaited)) {
                *awaited -= 1;
                asked.answer = match outcome {
                    Outcome::Failed(error) => Answer::Known(Err(error), Asked::Answered),
                    Outcome::Unknown => Answer::Lost,
                    _ => Answer::Known(Ok(()), Asked::Answered),
                };
                *lost += usize::from(matches!(asked.answer, Answer::Lost));
            }
            if *awaited <= enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
    }

    /// Reads what came of those whose answers were lost. No answer is awaited.
    fn settle(&mut self) -> Result<(), Error> {
        let is_lost = |one: &&UnderWay| matches!(one.answer, Answer::Lost);
        let lost: Vec<_> = self.under_way.iter().filter(is_lost).map(|one| one.operation.request()).collect();
        let mut settled = self.routes.settle(&lost)?.into_iter();
        for one in self.under_way.iter_mut().filter(|one| matches!(one.answer, Answer::Lost)) {
            one.answer = Answer::Known(settled.next().unwrap_or(Ok(())), Asked::Settled);
        }
        self.lost = 0;
        Ok(())
    }
}
