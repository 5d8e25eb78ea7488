//! What a kernel says.

use std::net::IpAddr;

use crate::{
    Address, Error, Family, IfIndex, InterfaceSettings, Ipv6Prefix, Link, LookupAnswer, Neighbour, NextHopObject, Prefix, Route,
    Rule, Slot, Ticket,
};

/// What a kernel says of a route.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum RouteVerb {
    /// It is there: part of a dump.
    Listed,
    /// It has come into a slot that was empty, or the kernel does not say where in the slot.
    Added,
    /// It has come before the others in its slot.
    Prepended,
    /// It has come behind the others in its slot. On IPv6 the notice has the next hops of all that have been merged into one route.
    Appended,
    /// It has come into its slot in the place of another, which the kernel does not name.
    Replaced,
    /// It has gone. On IPv6 with next hops of which the slot has more: these next hops have gone.
    Removed,
}

/// What a kernel says of anything but a route.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "listed, there, or gone")]
pub enum Verb {
    /// It is there: part of a dump.
    Listed,
    /// It has come, or is different now.
    Present,
    /// It has gone.
    Removed,
}

/// A lookup that found no route; systems with a routing socket say so.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Miss {
    /// What was looked up.
    pub destination: IpAddr,
    /// Who was sending, where the kernel says so.
    pub source: Option<IpAddr>,
}

impl Miss {
    /// A lookup of `destination` that found nothing.
    #[must_use]
    pub const fn new(destination: IpAddr) -> Self {
        Self { destination, source: None }
    }
}

/// A router said that another is better for a destination.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Redirect {
    /// The destination.
    pub destination: Prefix,
    /// The better router.
    pub gateway: IpAddr,
    /// Who said so.
    pub author: Option<IpAddr>,
    /// The interface that it was heard on.
    pub interface: Option<IfIndex>,
}

impl Redirect {
    /// A redirect of `destination` to `gateway`.
    #[must_use]
    pub const fn new(destination: Prefix, gateway: IpAddr) -> Self {
        Self { destination, gateway, author: None, interface: None }
    }
}

/// What there is of a route, without the table that has it: one of its next hops.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Trace {
    /// The addresses that the route is for.
    pub destination: Prefix,
    /// The source addresses that it is for, where it asks.
    pub source: Option<Ipv6Prefix>,
    /// The metric.
    pub metric: u32,
    /// The gateway.
    pub gateway: Option<IpAddr>,
    /// The name of the interface.
    pub interface: Option<String>,
}

impl Trace {
    /// A next hop that is not known of a route to `destination`.
    #[must_use]
    pub const fn new(destination: Prefix, metric: u32) -> Self {
        Self { destination, source: None, metric, gateway: None, interface: None }
    }

    /// Says whether it can be of a route in this slot, of whichever table.
    #[must_use]
    pub fn is_of(&self, slot: &Slot) -> bool {
        (self.destination, self.source, self.metric) == (slot.destination, slot.source, slot.metric)
    }
}

/// How a dump ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DumpEnd {
    /// The kernel says that the table changed while it was read, or an overrun ate a part.
    pub interrupted: bool,
    /// Why it failed, where it did.
    pub error: Option<Error>,
}

impl DumpEnd {
    /// A dump that came to its end and of which the kernel says nothing bad.
    pub const WHOLE: Self = Self { interrupted: false, error: None };

    /// A dump that ended so.
    #[must_use]
    pub const fn new(interrupted: bool, error: Option<Error>) -> Self {
        Self { interrupted, error }
    }
}

/// What became of a request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// The kernel did it.
    Done,
    /// The kernel answered a lookup.
    Found(Box<LookupAnswer>),
    /// The kernel refused.
    Failed(Error),
    /// The answer was lost: whether the kernel did it can only be read from the state.
    Unknown,
}

/// What a program has deleted or replaced.
///
/// Who did it the kernel says by the number of a process, and that is a hint. On Linux it is the number that the sender's socket is bound to: that of its
/// process for the first rtnetlink socket that a process has in a network namespace (`netlink_autobind`, net/netlink/af_netlink.c, 6.18), as the sender's PID namespace
/// has it. Of further sockets nothing is told, and a program can bind any number. Routing sockets give the number of the process (`rtm_pid`). The program may have
/// ended since.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Touched {
    /// A route of this slot.
    Route(Slot),
    /// A rule of this family and priority.
    Rule(Family, u32),
}

/// One thing that a kernel said.
///
/// Anything the kernel says of routes moves in place, without an allocation for those that have one next hop.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Notice {
    /// A route.
    Route(RouteVerb, Route),
    /// A rule.
    Rule(Verb, Box<Rule>),
    /// A link.
    Link(Verb, Box<Link>),
    /// An address.
    Address(Verb, Box<Address>),
    /// A neighbour.
    Neighbour(Verb, Box<Neighbour>),
    /// A next-hop object.
    NextHop(Verb, Box<NextHopObject>),
    /// Settings of an interface.
    Settings(Verb, Box<InterfaceSettings>),
    /// A next hop, of which no table is told: part of [`Dump::Traces`](crate::Dump::Traces).
    Trace(Box<Trace>),
    /// A lookup found no route.
    Miss(Miss),
    /// A route's packets do not seem to arrive.
    Losing(Box<Route>),
    /// A router named a better one.
    Redirect(Redirect),
    /// Who makes the change that is told of next, for those alone who [asked](crate::Kernel::tell_authors).
    Author {
        /// What is changed.
        of: Touched,
        /// The number of the process; see [`Touched`] for what it is worth.
        pid: u32,
    },
    /// A dump begins: what is `Listed` from here to its end belongs to it.
    DumpStarted(Ticket),
    /// A dump has ended.
    DumpDone(Ticket, DumpEnd),
    /// What became of a request.
    Outcome(Ticket, Outcome),
    /// Messages were lost: what is known may be wrong from here on.
    Overrun,
    /// A datagram was thrown away that did not come from the kernel: another program sent it to our socket.
    Foreign,
    /// A message could not be understood.
    Undecodable {
        /// It stood in a dump, and so says nothing new.
        in_dump: bool,
        /// What was wrong.
        why: String,
    },
}

/// A batch of notices, kept to be filled again.
pub type Notices = Vec<Notice>;
