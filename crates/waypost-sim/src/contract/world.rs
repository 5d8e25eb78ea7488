//! A kernel to be tested, and how a test talks to it.

use std::fmt;
use std::net::IpAddr;

use waypost_core::{
    CompareAndDelete, Dump, Error, Family, IfIndex, InterfaceNames, Kernel, LookupAnswer, NextHop, Notice, Notices, Now, Outcome,
    Prefix, Request, Route, RouteChange, RouteFilter, RouteVerb, TableId, Ticket, Verb,
};

/// Something that an administrator does, or a cable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Act<'a> {
    /// Add a link that is down, and has a carrier once it is up.
    AddLink(&'a str),
    /// Remove a link.
    RemoveLink(&'a str),
    /// Switch a link on.
    SetUp(&'a str),
    /// Switch a link off.
    SetDown(&'a str),
    /// Take the carrier from a link that is up.
    TakeCarrier(&'a str),
    /// Give a link an address of this prefix length; it is usable at once.
    AddAddress(&'a str, IpAddr, u8),
    /// Take an address of this prefix length from a link.
    RemoveAddress(&'a str, IpAddr, u8),
}

type Operator<'h> = Box<dyn FnMut(Act<'_>) + 'h>;
type Wait<'h, K> = Box<dyn FnMut(&K) -> Option<Now> + 'h>;

/// How often a test asks the kernel for more before it gives up; each time it has waited.
const ROUNDS_MAX: usize = 100_000;

/// A kernel, the machine that it is the kernel of, and what it has said.
///
/// The machine has the link `w0`, up, with 10.0.0.2/24 and 2001:db8::2/64.
pub struct World<'h, K> {
    kernel: K,
    /// The kernel's own name of `w0`.
    link: String,
    operator: Operator<'h>,
    wait: Wait<'h, K>,
    now: Now,
    ticket: u64,
    names: InterfaceNames,
    heard: Notices,
}

impl<K: fmt::Debug> fmt::Debug for World<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("kernel", &self.kernel).field("heard", &self.heard).finish_non_exhaustive()
    }
}

impl<'h, K: Kernel> World<'h, K> {
    /// A world about this kernel, of a machine that has nothing but its loopback.
    ///
    /// `operator` does what an administrator would, and panics where it cannot. `wait` waits until the kernel may
    /// have something to say and gives the time, or nothing where it said nothing for too long.
    #[must_use]
    pub fn new(kernel: K, operator: impl FnMut(Act<'_>) + 'h, wait: impl FnMut(&K) -> Option<Now> + 'h) -> Self {
        Self::about_link("w0", kernel, operator, wait)
    }

    /// The same, where the link that the tests know as `w0` has another name in the kernel.
    #[must_use]
    pub fn about_link(
        link: &str,
        kernel: K,
        operator: impl FnMut(Act<'_>) + 'h,
        wait: impl FnMut(&K) -> Option<Now> + 'h,
    ) -> Self {
        let mut world = Self {
            kernel,
            link: link.to_owned(),
            operator: Box::new(operator),
            wait: Box::new(wait),
            now: Now::default(),
            ticket: 0,
            names: InterfaceNames::default(),
            heard: Notices::new(),
        };
        world.act(Act::AddLink("w0"));
        world.act(Act::AddAddress("w0", address("10.0.0.2"), 24));
        world.act(Act::SetUp("w0"));
        world.act(Act::AddAddress("w0", address("2001:db8::2"), 64));
        drop(world.said());
        world
    }

    /// Does something to the machine.
    pub fn act(&mut self, act: Act<'_>) {
        (self.operator)(act);
        if let Act::AddLink(_) = act {
            let links = self.list(Dump::Links).into_iter();
            let ours = &self.link;
            let name = |name| if name == *ours { "w0".into() } else { name };
            self.names = links
                .filter_map(|notice| if let Notice::Link(_, link) = notice { Some((link.index, name(link.name))) } else { None })
                .collect();
        }
    }

    /// The kernel's own name of `w0`.
    pub fn link(&self) -> &str {
        &self.link
    }

    /// The number of a link.
    #[track_caller]
    pub fn index(&self, name: &str) -> IfIndex {
        self.names.index(name).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The route of these words, in which links go by name.
    #[track_caller]
    pub fn route(&self, words: &str) -> Route {
        let mut route = Route::parse(words, &self.names).unwrap_or_else(|error| panic!("{words}: {error}"));
        if route.slot.table == TableId::MAIN {
            route.slot.table = self.kernel.capabilities().main_table;
        }
        route
    }

    /// How this kernel's routes are deleted without deleting another's.
    pub fn compare_and_delete(&self) -> CompareAndDelete {
        self.kernel.capabilities().compare_and_delete
    }

    /// Asks the kernel to change a route, which stands in the words of `ip route`.
    ///
    /// # Errors
    ///
    /// The kernel's refusal.
    pub fn change(&mut self, change: RouteChange, words: &str) -> Result<(), Error> {
        let route = self.route(words);
        self.ask(Request::Route(change, &route)).map(drop)
    }

    /// The same, which must succeed.
    #[track_caller]
    pub fn must(&mut self, change: RouteChange, words: &str) {
        self.change(change, words).unwrap_or_else(|error| panic!("{change:?}: {error}"));
    }

    /// Asks the kernel for something and waits for the outcome; a lookup has an answer.
    ///
    /// # Errors
    ///
    /// The kernel's refusal.
    pub fn ask(&mut self, request: Request<'_>) -> Result<Option<LookupAnswer>, Error> {
        let ticket = self.submit(request)?;
        self.outcome(ticket)
    }

    /// Queues a request.
    ///
    /// # Errors
    ///
    /// `Unsupported` or `Invalid` where the kernel cannot even be asked that.
    pub fn submit(&mut self, request: Request<'_>) -> Result<Ticket, Error> {
        self.ticket += 1;
        let ticket = Ticket(self.ticket);
        self.kernel.submit(self.now, ticket, request)?;
        Ok(ticket)
    }

    /// Sends what is queued and waits for the outcome of one request.
    ///
    /// # Errors
    ///
    /// The kernel's refusal.
    #[track_caller]
    pub fn outcome(&mut self, ticket: Ticket) -> Result<Option<LookupAnswer>, Error> {
        self.hear_until(|notice| matches!(notice, Notice::Outcome(of, _) if *of == ticket));
        let at = self.heard.iter().position(|notice| matches!(notice, Notice::Outcome(of, _) if *of == ticket));
        match at.map(|at| self.heard.remove(at)) {
            Some(Notice::Outcome(_, Outcome::Done)) => Ok(None),
            Some(Notice::Outcome(_, Outcome::Found(answer))) => Ok(Some(*answer)),
            Some(Notice::Outcome(_, Outcome::Failed(error))) => Err(error),
            other => panic!("no outcome: {other:?}"),
        }
    }

    /// Lists things: what is dumped, and nothing else that is said meanwhile.
    #[track_caller]
    pub fn list(&mut self, dump: Dump<'_>) -> Notices {
        let ticket = self.submit(Request::Dump(dump)).unwrap_or_else(|error| panic!("{error}"));
        self.hear_until(|notice| matches!(notice, Notice::DumpDone(of, _) if *of == ticket));
        let mut listed = Notices::new();
        self.heard.retain(|notice| {
            match notice {
                Notice::DumpStarted(_) => return false,
                Notice::DumpDone(of, end) => {
                    assert!(*of == ticket && end.error.is_none(), "the dump failed: {end:?}");
                    return false;
                }
                _ => {}
            }
            let is_listed = is_listed(notice);
            if is_listed {
                listed.push(notice.clone());
            }
            !is_listed
        });
        listed
    }

    /// The routes of a family that pass a filter, in the kernel's order.
    #[track_caller]
    pub fn routes_passing(&mut self, family: Family, filter: &RouteFilter) -> Vec<Route> {
        let listed = self.list(Dump::Routes(family, filter)).into_iter();
        listed.filter_map(|notice| if let Notice::Route(_, route) = notice { Some(route) } else { None }).collect()
    }

    /// The routes to one prefix, in the kernel's order.
    #[track_caller]
    pub fn routes(&mut self, destination: &str) -> Vec<Route> {
        let prefix = prefix(destination);
        let mut filter = RouteFilter::default();
        filter.exactly = Some(prefix);
        let mut routes = self.routes_passing(prefix.family(), &filter);
        routes.retain(|route| route.slot.destination == prefix);
        routes
    }

    /// The gateways of the routes to one prefix: one list for each route, in the kernel's order.
    #[track_caller]
    pub fn gateways(&mut self, destination: &str) -> Vec<Vec<String>> {
        self.routes(destination).iter().map(gateways_of).collect()
    }

    /// What the kernel has said since it was asked last, up to now.
    #[track_caller]
    pub fn said(&mut self) -> Notices {
        // A dump comes on the way that events come, so its end is behind all that was said before.
        drop(self.list(Dump::Rules(Family::V4)));
        std::mem::take(&mut self.heard)
    }

    /// Waits until the kernel says such a thing, or has said it since it was asked last.
    #[track_caller]
    pub fn wait_until_said(&mut self, is_it: impl Fn(&Notice) -> bool) {
        self.hear_until(is_it);
    }

    /// What the kernel has said of the routes to one prefix.
    #[track_caller]
    pub fn said_of(&mut self, destination: &str) -> Vec<(RouteVerb, Route)> {
        let prefix = prefix(destination);
        let said = self.said().into_iter().filter_map(|notice| match notice {
            Notice::Route(verb, route) if route.slot.destination == prefix => Some((verb, route)),
            _ => None,
        });
        said.collect()
    }

    #[track_caller]
    fn hear_until(&mut self, is_it: impl Fn(&Notice) -> bool) {
        let mut seen = 0;
        for _ in 0..ROUNDS_MAX {
            self.kernel.flush().unwrap_or_else(|error| panic!("flush: {error}"));
            let drained = self.kernel.drain(self.now, 64, &mut self.heard);
            drained.unwrap_or_else(|error| panic!("drain: {error}"));
            if self.heard.iter().skip(seen).any(&is_it) {
                return;
            }
            if seen == self.heard.len() {
                self.now =
                    (self.wait)(&self.kernel).unwrap_or_else(|| panic!("the kernel is silent; it had said {:?}", self.heard));
            }
            seen = self.heard.len();
        }
        panic!("the kernel says anything but what is waited for");
    }
}

const fn is_listed(notice: &Notice) -> bool {
    matches!(
        notice,
        Notice::Route(RouteVerb::Listed, _)
            | Notice::Rule(Verb::Listed, _)
            | Notice::Link(Verb::Listed, _)
            | Notice::Address(Verb::Listed, _)
            | Notice::Neighbour(Verb::Listed, _)
            | Notice::NextHop(Verb::Listed, _)
            | Notice::Settings(Verb::Listed, _)
    )
}

/// The verbs of what was said.
pub(super) fn verbs(said: &[(RouteVerb, Route)]) -> Vec<RouteVerb> {
    said.iter().map(|(verb, _)| *verb).collect()
}

/// The gateways of a route as text, and `-` where a next hop has none.
pub(super) fn gateways_of(route: &Route) -> Vec<String> {
    let text = |hop: &NextHop| hop.gateway.map_or_else(|| "-".to_owned(), |gateway| gateway.to_string());
    route.entry.next_hops.iter().map(text).collect()
}

#[track_caller]
pub(super) fn address(text: &str) -> IpAddr {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[track_caller]
pub(super) fn prefix(text: &str) -> Prefix {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// That something was refused, and for this reason.
#[track_caller]
pub(super) fn must_fail<T: fmt::Debug>(result: Result<T, Error>, kind: waypost_core::ErrorKind) {
    match result {
        Err(error) => assert_eq!(error.kind(), kind, "{error}"),
        Ok(done) => panic!("it was done: {done:?}"),
    }
}
