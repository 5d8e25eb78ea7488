//! A handle on the simulated machine: what one program talks to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use waypost_core::{
    Capabilities, Drained, Dump, DumpEnd, Error, ErrorKind, Flushed, Kernel, Notice, Notices, Now, Outcome, Request, RouteChange,
    RouteVerb, Ticket, Verb,
};

use crate::socket::{Asked, Dumping, Fault, Listed};
use crate::state::{Cursor, State};

/// One program's view of a [`Sim`](crate::Sim): its own event queue, its own requests.
#[derive(Debug)]
pub struct SimKernel {
    machine: Arc<Mutex<State>>,
    capabilities: Capabilities,
    /// Which of the machine's sockets is this one's.
    socket: usize,
    queued: VecDeque<(Now, Ticket, Asked)>,
}

impl SimKernel {
    pub(crate) const fn new(machine: Arc<Mutex<State>>, capabilities: Capabilities, socket: usize) -> Self {
        Self { machine, capabilities, socket, queued: VecDeque::new() }
    }

    /// Lets something go wrong for this program from now on.
    pub fn suffer(&mut self, fault: Fault) {
        let socket = self.socket;
        self.lock().sockets[socket].suffer(fault);
    }

    /// Fails where the socket is closed.
    fn check_open(&self) -> Result<(), Error> {
        let closed = || Error::new(ErrorKind::Closed, "use the socket").because("closed by schedule");
        if self.lock().sockets[self.socket].is_open { Ok(()) } else { Err(closed()) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SimKernel {
    fn drop(&mut self) {
        let socket = self.socket;
        self.lock().sockets[socket].is_open = false;
    }
}

impl Kernel for SimKernel {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn submit(&mut self, now: Now, ticket: Ticket, request: Request<'_>) -> Result<(), Error> {
        let unsupported = || Error::new(ErrorKind::Unsupported, "simulate");
        let asked = match request {
            Request::Dump(Dump::Traces(_)) if !self.lock().tells_traces(self.socket) => return Err(unsupported()),
            Request::Dump(dump) => Asked::Dump(listed(dump).ok_or_else(unsupported)?),
            Request::Route(change, route) => {
                let prepends = self.lock().profile.family(route.slot.destination.family()).prepends;
                if change == RouteChange::Prepend && !prepends {
                    return Err(unsupported().on(route));
                }
                Asked::Route(change, Box::new(route.clone()))
            }
            Request::Lookup(flow, mode) => Asked::Lookup(*flow, mode),
            Request::AddRule(rule) => Asked::AddRule(Box::new(rule.clone())),
            Request::DeleteRule(rule) => Asked::DeleteRule(Box::new(rule.clone())),
            Request::AddNextHop { object, replace } => Asked::AddNextHop(Box::new(object.clone()), replace),
            Request::DeleteNextHop(id) => Asked::DeleteNextHop(id),
            _ => return Err(unsupported()),
        };
        let can = &self.capabilities;
        match asked {
            Asked::AddRule(_) | Asked::DeleteRule(_) if !can.rules => return Err(unsupported()),
            Asked::AddNextHop(..) | Asked::DeleteNextHop(_) if !can.next_hop_objects => return Err(unsupported()),
            _ => {}
        }
        self.queued.push_back((now, ticket, asked));
        Ok(())
    }

    fn flush(&mut self) -> Result<Flushed, Error> {
        self.check_open()?;
        let queued = std::mem::take(&mut self.queued);
        let socket = self.socket;
        let mut state = self.lock();
        for (now, ticket, asked) in queued {
            state.serve(socket, now, ticket, asked);
        }
        Ok(Flushed::All)
    }

    fn drain(&mut self, now: Now, budget: usize, out: &mut Notices) -> Result<Drained, Error> {
        self.check_open()?;
        let socket = self.socket;
        let mut state = self.lock();
        let outcomes = state.sockets[socket].outcomes(now);
        out.extend(outcomes.into_iter().map(|due| Notice::Outcome(due.ticket, due.outcome)));
        // The next batch of a dump waits for the next call, so that whatever happens between the two stands between them.
        state.next_batch(socket);
        state.sockets[socket].begin_call();
        for _ in 0..budget {
            match state.sockets[socket].next() {
                Some(notice) => out.push(notice),
                None => break,
            }
        }
        Ok(if state.sockets[socket].has_more() { Drained::More } else { Drained::All })
    }

    fn deadline(&self) -> Option<Now> {
        self.lock().sockets[self.socket].due.iter().map(|due| due.at).min()
    }

    fn reopen(&mut self) -> Result<(), Error> {
        let socket = self.socket;
        self.lock().sockets[socket].reopen();
        Ok(())
    }

    fn tell_authors(&mut self) {
        let socket = self.socket;
        self.lock().sockets[socket].tells_authors = true;
    }
}

impl State {
    fn serve(&mut self, socket: usize, now: Now, ticket: Ticket, asked: Asked) {
        if let Asked::Dump(listed) = asked {
            self.sockets[socket].dumps.push_back(Dumping { ticket, listed, started: false });
            return;
        }
        let outcome = match self.sockets[socket].refusal() {
            Some(error) => Outcome::Failed(error),
            None => self.perform(asked).unwrap_or_else(Outcome::Failed),
        };
        self.sockets[socket].answer(now, ticket, outcome);
    }

    fn perform(&mut self, asked: Asked) -> Result<Outcome, Error> {
        self.take_lock();
        match asked {
            Asked::Route(change, route) => self.change(change, &route).map_err(|error| error.on(&*route)),
            Asked::Lookup(flow, mode) => {
                return self
                    .look_up(&flow, mode)
                    .map(|answer| Outcome::Found(Box::new(answer)))
                    .map_err(|error| error.on(flow.destination));
            }
            Asked::AddRule(rule) => self.add_rule(&rule),
            Asked::DeleteRule(rule) => self.delete_rule(&rule),
            Asked::AddNextHop(object, replace) => self.add_next_hop(&object, replace),
            Asked::DeleteNextHop(id) => self.delete_next_hop(id),
            Asked::Dump(_) => Ok(()),
        }
        .map(|()| Outcome::Done)
    }

    /// Puts the next batch of the dump under way into the queue, if the one before has been read.
    fn next_batch(&mut self, socket: usize) {
        if !self.sockets[socket].wants_batch() {
            return;
        }
        let Some(mut dump) = self.sockets[socket].dumps.pop_front() else { return };
        // Links are listed under the lock under which routes are changed, be it none of them, and routes are not (`rtnl_dumpit`,
        // net/core/rtnetlink.c, Linux 6.18).
        if matches!(dump.listed, Listed::Links | Listed::Barrier) {
            self.take_lock();
        }
        let mut batch = Vec::new();
        if !std::mem::replace(&mut dump.started, true) {
            batch.push(Notice::DumpStarted(dump.ticket));
            if let Some(error) = self.sockets[socket].dump_refusal() {
                batch.push(Notice::DumpDone(dump.ticket, DumpEnd::new(false, Some(error))));
                return self.sockets[socket].put_batch(batch);
            }
        }
        if self.profile.lists_at_once {
            while self.list_some(socket, &mut dump.listed, &mut batch) {}
            self.sockets[socket].spoil(&mut batch);
            return self.sockets[socket].put_moment(dump.ticket, batch);
        }
        let more = self.list_some(socket, &mut dump.listed, &mut batch);
        self.sockets[socket].spoil(&mut batch);
        if more {
            self.sockets[socket].dumps.push_front(dump);
        } else {
            let end = self.sockets[socket].dump_end();
            batch.push(Notice::DumpDone(dump.ticket, end));
        }
        self.sockets[socket].put_batch(batch);
    }

    fn list_some(&self, socket: usize, listed: &mut Listed, batch: &mut Vec<Notice>) -> bool {
        let Some(reader) = self.sockets.get(socket) else { return false };
        match listed {
            Listed::Routes(family, filter, cursor) => {
                let (routes, more) = self.list(*family, filter, reader.dump_batch, reader.whole_dumps, cursor);
                batch.extend(routes.into_iter().map(|route| Notice::Route(RouteVerb::Listed, route)));
                return more;
            }
            Listed::Rules(family) => {
                batch.extend(self.rules_of(*family).map(|rule| Notice::Rule(Verb::Listed, Box::new(rule.clone()))));
            }
            Listed::Links => batch.extend(self.all_links().into_iter().map(|link| Notice::Link(Verb::Listed, Box::new(link)))),
            Listed::Addresses => {
                batch.extend(self.all_addresses().into_iter().map(|own| Notice::Address(Verb::Listed, Box::new(own))));
            }
            Listed::NextHops => {
                batch.extend(self.all_next_hops().into_iter().map(|object| Notice::NextHop(Verb::Listed, Box::new(object))));
            }
            Listed::Traces(slots) => batch.extend(self.traces(slots).into_iter().map(|trace| Notice::Trace(Box::new(trace)))),
            Listed::Nothing | Listed::Barrier => {}
        }
        false
    }
}

fn listed(dump: Dump<'_>) -> Option<Listed> {
    Some(match dump {
        Dump::Routes(family, filter) => Listed::Routes(family, Box::new(filter.clone()), Cursor::default()),
        Dump::Rules(family) => Listed::Rules(family),
        Dump::Links => Listed::Links,
        Dump::Addresses => Listed::Addresses,
        Dump::NextHops => Listed::NextHops,
        // The simulated machine has neighbours and settings of no kind.
        Dump::Neighbours | Dump::Settings(_) => Listed::Nothing,
        Dump::Barrier => Listed::Barrier,
        Dump::Traces(slots) => Listed::Traces(slots.to_vec()),
        _ => return None,
    })
}
