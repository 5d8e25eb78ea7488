//! One-shot operations: ask the kernel one thing, get its answer.

mod batch;
mod deletion;
mod ensure;
mod picture;
mod settle;

use std::ops::ControlFlow;
use std::os::fd::AsRawFd;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Interest, Poll, Token};
use waypost_core::{
    Address, Capabilities, Drained, Dump, DumpEnd, Error, ErrorKind, Family, Flow, InterfaceNames, InterfaceSettings, Kernel,
    Link, LookupAnswer, LookupMode, Neighbour, NextHopId, NextHopObject, Notice, Notices, Now, Outcome, Request, Route,
    RouteChange, RouteFilter, RouteRef, Rule, Ticket,
};

use batch::Batch;
pub use batch::Operation;
pub(crate) use deletion::of_same_destination;
pub use ensure::Ensured;

use crate::sys::{self, Native, Options};

/// How many notices are taken from the kernel at a time: enough for a few of its largest replies.
const BUDGET: usize = 1024;

/// How often a dump is read again that the kernel says was interrupted.
const DUMP_ATTEMPTS: usize = 5;

/// How often is asked for a way whose answer was lost.
const LOOKUP_ATTEMPTS: usize = 3;

/// One-shot operations on the kernel's routes, rules and next-hop objects; each blocks until the kernel has answered.
///
/// To follow the tables use a [`Watcher`](crate::Watcher). An operation here never touches a route that it does not name:
/// [`add`](Self::add) is exclusive, and [`delete`](Self::delete) compares everything.
///
/// Where the kernel's answer to a change is lost, since too many came at once or another program filled our socket, the state is read
/// instead. The change has succeeded where the state is as it was asked to be: what was to be there is there, what was to be gone is not.
/// That it was so before cannot be told, nor why it is not so: then the change fails as `Unknown`.
///
/// ```no_run
/// use waypost::{Routes, Route};
///
/// let mut routes = Routes::open()?;
/// let route = Route::parse("192.0.2.0/24 via 10.0.0.1 metric 50 proto static", &routes.names()?)?;
/// routes.add(&route)?;
/// routes.delete(&route)?;
/// # Ok::<(), waypost::Error>(())
/// ```
#[derive(Debug)]
pub struct Routes {
    kernel: Native,
    poll: Poll,
    ready: mio::Events,
    notices: Notices,
    last_ticket: u64,
}

impl Routes {
    /// Opens the kernel of the current network namespace.
    ///
    /// # Errors
    ///
    /// `NotPermitted` where the system refuses the socket (a sandbox).
    pub fn open() -> Result<Self, Error> {
        Self::open_with(&Options::new())
    }

    /// Opens the kernel of the network namespace that `options` name. What they say of events is for a [`Watcher`](crate::Watcher), which can be
    /// opened with the same.
    ///
    /// # Errors
    ///
    /// `NoSuchDevice` where there is no such namespace, `NotPermitted` where it may not be entered.
    pub fn open_with(options: &Options) -> Result<Self, Error> {
        let kernel = Native::open_for_requests(options)?;
        let failed = |error: std::io::Error| Error::from_io("wait for the kernel", &error);
        let poll = Poll::new().map_err(failed)?;
        for (token, descriptor) in [kernel.event_fd().as_raw_fd(), kernel.request_fd().as_raw_fd()].iter().enumerate() {
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut SourceFd(descriptor), Token(token), interest).map_err(failed)?;
        }
        Ok(Self { kernel, poll, ready: mio::Events::with_capacity(4), notices: Notices::new(), last_ticket: 0 })
    }

    /// What this kernel can do.
    #[must_use]
    pub fn capabilities(&self) -> &Capabilities {
        self.kernel.capabilities()
    }

    /// The routes that pass `filter`, IPv4 first, in the kernel's order.
    ///
    /// # Errors
    ///
    /// `Busy` where the table changed so fast that it could not be read in one piece.
    pub fn list(&mut self, filter: &RouteFilter) -> Result<Vec<Route>, Error> {
        self.list_where(filter, |_| true)
    }

    /// The routes that pass `filter` and of which `is_wanted` is true.
    fn list_where(&mut self, filter: &RouteFilter, is_wanted: impl Fn(&Route) -> bool) -> Result<Vec<Route>, Error> {
        for _ in 0..DUMP_ATTEMPTS {
            let mut routes = Vec::new();
            let whole = self.read_routes(filter, |route| {
                if is_wanted(&route) {
                    routes.push(route);
                }
                ControlFlow::Continue(())
            })?;
            if whole {
                return Ok(routes);
            }
        }
        Err(interrupted("list routes"))
    }

    /// Hands each route that passes `filter` to `each` as it comes, keeping none, until `each` breaks off.
    ///
    /// What comes this way may be torn if the tables change meanwhile; a [`Watcher`](crate::Watcher) knows.
    ///
    /// # Errors
    ///
    /// `Other` where reading fails.
    pub fn for_each(&mut self, filter: &RouteFilter, mut each: impl FnMut(RouteRef<'_>) -> ControlFlow<()>) -> Result<(), Error> {
        self.read_routes(filter, |route| each(route.as_ref())).map(|_| ())
    }

    /// Reads the routes; says whether the kernel thinks the listing is whole.
    fn read_routes(&mut self, filter: &RouteFilter, mut each: impl FnMut(Route) -> ControlFlow<()>) -> Result<bool, Error> {
        let mut whole = true;
        let mut stopped = false;
        for family in families(filter.family) {
            let end = self.dump(Dump::Routes(family, filter), |notice| {
                // The rest of a listing that nobody wants is read all the same: the next one would find it in the way.
                match notice {
                    Notice::Route(_, route) if !stopped => stopped = each(route).is_break(),
                    _ => {}
                }
            })?;
            whole &= !end.interrupted;
        }
        Ok(whole || stopped)
    }

    /// Says whether this process may change routes here; nothing is changed.
    ///
    /// # Errors
    ///
    /// `Busy` or `Unknown` where the kernel's answer was lost, `Closed` where the socket is of no more use.
    ///
    /// # Platform-specific
    ///
    /// Linux is asked: it wants `CAP_NET_ADMIN` in the user namespace that the network namespace belongs to. Elsewhere it takes the rights of root.
    pub fn may_change(&mut self) -> Result<bool, Error> {
        sys::may_change(self)
    }

    /// Adds a route whose slot must be empty.
    ///
    /// # Errors
    ///
    /// `Exists` where the slot is taken, `Unreachable` where the gateway is, `NoSuchDevice`, `NotPermitted`, `Invalid`,
    /// `Unsupported` where this system cannot represent the route.
    pub fn add(&mut self, route: &Route) -> Result<(), Error> {
        self.change(RouteChange::Add, route)
    }

    /// Changes a route in the way that `change` says.
    ///
    /// [`RouteChange::Replace`] hits the first route of the slot, whoever owns it; on IPv6 it takes away all the others' next hops
    /// in the slot too. Use it for slots that are yours alone.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add), and `NotFound` where [`RouteChange::Change`] or [`RouteChange::Delete`] found no such route.
    pub fn change(&mut self, change: RouteChange, route: &Route) -> Result<(), Error> {
        if change == RouteChange::Delete {
            return self.delete(route);
        }
        self.do_it(Request::Route(change, route))
    }

    /// Makes sure that a route is there: adds it, or finds that one which says all of this is there already.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add); `Exists`, naming it, where another route has the slot.
    pub fn ensure(&mut self, route: &Route) -> Result<Ensured, Error> {
        match self.add(route) {
            Ok(()) => Ok(Ensured::Added),
            Err(error) if error.kind() == ErrorKind::Exists => self.find_ensured(route, error),
            Err(error) => Err(error),
        }
    }

    /// Deletes all routes that pass `filter`, each exactly; says how many.
    ///
    /// # Errors
    ///
    /// `Invalid` where the filter is empty, or names a family alone: nobody means all routes, those of the kernel in the table `local`
    /// included. Otherwise the first refusal; what was deleted stays deleted.
    pub fn flush(&mut self, filter: &RouteFilter) -> Result<usize, Error> {
        let mut of_any_family = filter.clone();
        of_any_family.family = None;
        if of_any_family.is_empty() {
            return Err(
                Error::new(ErrorKind::Invalid, "flush routes").because("the filter is empty, and would delete every route")
            );
        }
        let victims = self.list(filter)?;
        if victims.iter().any(deletion::needs_a_look) {
            let mut beside = deletion::Beside::around(&victims);
            let kept = |route: &Route| beside.wants(route) && !filter.passes(route.as_ref());
            let kept = self.list_where(&deletion::of_same_tables(victims.iter()), kept)?;
            beside.fill(kept);
            let names = self.names()?;
            victims.iter().try_for_each(|route| beside.check(route, &names))?;
        }
        let mut deleted = 0;
        let mut refusal = None;
        let deletions = victims.into_iter().map(|route| Operation::Route(RouteChange::Delete, route));
        Batch::of_looked_at(self, deletions).run(|_, result| match result {
            Ok(()) => {
                deleted += 1;
                ControlFlow::Continue(())
            }
            // The kernel took it away by itself meanwhile, or with another one.
            Err(error) if error.kind() == ErrorKind::NotFound => ControlFlow::Continue(()),
            Err(error) => {
                refusal = Some(error);
                ControlFlow::Break(())
            }
        })?;
        refusal.map_or(Ok(deleted), Err)
    }

    /// Asks the kernel for the way that packets of `flow` take.
    ///
    /// # Errors
    ///
    /// `Unreachable` where there is none; `NotFound` where the interface or entry asked for is not there; `Unknown` where
    /// the kernel's answers are lost again and again.
    pub fn lookup(&mut self, flow: &Flow, mode: LookupMode) -> Result<LookupAnswer, Error> {
        for _ in 0..LOOKUP_ATTEMPTS {
            match self.ask(Request::Lookup(flow, mode))? {
                Outcome::Found(answer) => return Ok(*answer),
                Outcome::Failed(error) => return Err(error),
                _ => {}
            }
        }
        Err(Error::new(ErrorKind::Unknown, "look up").on(flow.destination).because("the kernel's answers were lost"))
    }

    /// Adds a rule that must not be there yet.
    ///
    /// # Errors
    ///
    /// `Exists`, `NotPermitted`, `Invalid`, `Unsupported`.
    pub fn add_rule(&mut self, rule: &Rule) -> Result<(), Error> {
        self.do_it(Request::AddRule(rule))
    }

    /// Adds a next-hop object whose number must be free.
    ///
    /// # Errors
    ///
    /// `Exists`, `Unreachable`, `NoSuchDevice`, `NotPermitted`, `Invalid`, `Unsupported`.
    pub fn add_next_hop(&mut self, object: &NextHopObject) -> Result<(), Error> {
        self.do_it(Request::AddNextHop { object, replace: false })
    }

    /// Puts a next-hop object in the place of the one of its number, or adds it; routes that use it go the new way at once.
    ///
    /// # Errors
    ///
    /// As [`add_next_hop`](Self::add_next_hop) but `Exists`.
    pub fn replace_next_hop(&mut self, object: &NextHopObject) -> Result<(), Error> {
        self.do_it(Request::AddNextHop { object, replace: true })
    }

    /// Deletes a next-hop object, and with it the routes that use it.
    ///
    /// # Errors
    ///
    /// `NotFound`, `NotPermitted`.
    pub fn delete_next_hop(&mut self, id: NextHopId) -> Result<(), Error> {
        self.do_it(Request::DeleteNextHop(id))
    }

    /// The rules, of one family or of both.
    ///
    /// # Errors
    ///
    /// `Busy` where they changed all the while.
    pub fn rules(&mut self, family: Option<Family>) -> Result<Vec<Rule>, Error> {
        let mut rules = Vec::new();
        for family in families(family) {
            rules.extend(self.collect(Dump::Rules(family), |notice| match notice {
                Notice::Rule(_, rule) => Some(*rule),
                _ => None,
            })?);
        }
        Ok(rules)
    }

    /// The links.
    ///
    /// # Errors
    ///
    /// `Busy` where they changed all the while.
    pub fn links(&mut self) -> Result<Vec<Link>, Error> {
        self.collect(Dump::Links, |notice| match notice {
            Notice::Link(_, link) => Some(*link),
            _ => None,
        })
    }

    /// The addresses of both families.
    ///
    /// # Errors
    ///
    /// `Busy` where they changed all the while.
    pub fn addresses(&mut self) -> Result<Vec<Address>, Error> {
        self.collect(Dump::Addresses, |notice| match notice {
            Notice::Address(_, address) => Some(*address),
            _ => None,
        })
    }

    /// The neighbours of both families.
    ///
    /// # Errors
    ///
    /// `Busy` where they changed all the while.
    pub fn neighbours(&mut self) -> Result<Vec<Neighbour>, Error> {
        self.collect(Dump::Neighbours, |notice| match notice {
            Notice::Neighbour(_, neighbour) => Some(*neighbour),
            _ => None,
        })
    }

    /// The next-hop objects.
    ///
    /// # Errors
    ///
    /// `Busy` where they changed all the while, `Unsupported` where there are none on this system.
    pub fn next_hops(&mut self) -> Result<Vec<NextHopObject>, Error> {
        self.collect(Dump::NextHops, |notice| match notice {
            Notice::NextHop(_, object) => Some(*object),
            _ => None,
        })
    }

    /// How the interfaces are set up to route, of one family.
    ///
    /// # Errors
    ///
    /// `Busy` where that changed all the while, `Unsupported` where the system does not tell.
    pub fn settings(&mut self, family: Family) -> Result<Vec<InterfaceSettings>, Error> {
        self.collect(Dump::Settings(family), |notice| match notice {
            Notice::Settings(_, settings) => Some(*settings),
            _ => None,
        })
    }

    /// The names of the interfaces as they are now.
    ///
    /// # Errors
    ///
    /// As [`links`](Self::links).
    pub fn names(&mut self) -> Result<InterfaceNames, Error> {
        let mut names = InterfaceNames::default();
        for link in self.links()? {
            names.insert(link.index, &link.name);
            link.alternative_names.iter().for_each(|name| names.insert_alternative(link.index, name));
        }
        Ok(names)
    }

    /// Makes one change, and reads what came of it where the answer is lost.
    fn do_it(&mut self, request: Request<'_>) -> Result<(), Error> {
        match self.ask(request)? {
            Outcome::Failed(error) => Err(error),
            Outcome::Unknown => self.settle_one(request),
            _ => Ok(()),
        }
    }

    /// Reads a listing whole, again if the kernel says that it was interrupted.
    fn collect<T>(&mut self, what: Dump<'_>, pick: impl Fn(Notice) -> Option<T>) -> Result<Vec<T>, Error> {
        for _ in 0..DUMP_ATTEMPTS {
            let mut all = Vec::new();
            let end = self.dump(what, |notice| all.extend(pick(notice)))?;
            if !end.interrupted {
                return Ok(all);
            }
        }
        Err(interrupted("list"))
    }

    /// Has the kernel list something, to its end.
    fn dump(&mut self, what: Dump<'_>, mut each: impl FnMut(Notice)) -> Result<DumpEnd, Error> {
        let ticket = self.submit(Request::Dump(what))?;
        let end = self.pump(|notice| match notice {
            Notice::DumpDone(done, end) if done == ticket => ControlFlow::Break(end),
            other => {
                each(other);
                ControlFlow::Continue(())
            }
        })?;
        match end.error {
            Some(error) => Err(error),
            None => Ok(end),
        }
    }

    /// Asks one thing and waits for its outcome.
    fn ask(&mut self, request: Request<'_>) -> Result<Outcome, Error> {
        let ticket = self.submit(request)?;
        self.pump(|notice| match notice {
            Notice::Outcome(done, outcome) if done == ticket => ControlFlow::Break(outcome),
            _ => ControlFlow::Continue(()),
        })
    }

    fn submit(&mut self, request: Request<'_>) -> Result<Ticket, Error> {
        self.submit_at(sys::now(), request)
    }

    fn submit_at(&mut self, now: Now, request: Request<'_>) -> Result<Ticket, Error> {
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        self.kernel.submit(now, ticket, request)?;
        Ok(ticket)
    }

    /// Sends what is queued and hands on what the kernel says until `each` breaks off.
    fn pump<B>(&mut self, mut each: impl FnMut(Notice) -> ControlFlow<B>) -> Result<B, Error> {
        loop {
            self.kernel.flush()?;
            let drained = self.kernel.drain(sys::now(), BUDGET, &mut self.notices)?;
            let nothing = self.notices.is_empty();
            let mut result = ControlFlow::Continue(());
            for notice in self.notices.drain(..) {
                // What comes in one batch with the last notice that was waited for is handed on too: it will not come again.
                let flow = each(notice);
                if result.is_continue() {
                    result = flow;
                }
            }
            if let ControlFlow::Break(value) = result {
                return Ok(value);
            }
            if nothing && drained == Drained::All {
                self.wait()?;
            }
        }
    }

    /// Waits until the kernel has said something, takes more, or an answer is overdue.
    fn wait(&mut self) -> Result<(), Error> {
        let until = self.kernel.deadline().map(|deadline| deadline.running.saturating_sub(sys::now().running));
        // Rounded up: a wait that ends a little early would spin.
        let timeout = until.map(|time| time + Duration::from_millis(1));
        match self.poll.poll(&mut self.ready, timeout) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(Error::from_io("wait for the kernel", &error)),
        }
    }
}

fn families(family: Option<Family>) -> impl Iterator<Item = Family> {
    Family::ALL.into_iter().filter(move |each| family.is_none_or(|wanted| wanted == *each))
}

fn interrupted(operation: &'static str) -> Error {
    Error::new(ErrorKind::Busy, operation).because("the tables kept changing while they were read")
}
