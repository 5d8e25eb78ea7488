//! What a lookup comes to.

use std::fmt;
use std::net::IpAddr;

use super::sieve::Sieve;
use crate::{Disposition, NextHop, RouteRef, Rule};

/// What a lookup found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Verdict<'a> {
    /// A route.
    Found(Found<'a>),
    /// A route or rule that says no.
    Refused {
        /// How it says so.
        disposition: Disposition,
        /// The route; `None` where the rule says no itself.
        route: Option<RouteRef<'a>>,
        /// The rule.
        rule: &'a Rule,
    },
    /// The packets go nowhere, whatever the tables have.
    Dropped {
        /// Why.
        why: Dropped,
        /// The route that they would have taken, where it was looked up.
        found: Option<Found<'a>>,
    },
    /// No table has a route.
    NoRoute,
    /// A rule decides that is not understood, or by what is not known here.
    Indeterminate {
        /// The rule.
        rule: &'a Rule,
        /// What is not understood.
        why: &'static str,
    },
}

impl<'a> Verdict<'a> {
    /// The route that decides, where one does.
    #[must_use]
    pub const fn route(&self) -> Option<RouteRef<'a>> {
        match self {
            Self::Found(found) | Self::Dropped { found: Some(found), .. } => Some(found.route),
            Self::Refused { route, .. } => *route,
            _ => None,
        }
    }
}

/// Why packets go nowhere, whatever the tables have.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Dropped {
    /// The host sends them from an address that is not its own (IPv4).
    ForeignSource,
    /// They came in by an interface that does not forward (IPv6: the host does not).
    NotForwarding,
    /// They came in and their route is neither one to pass them on by nor one of the host (IPv4).
    NotForwardable,
    /// They came in from an address that no packet may come from, or to one that none may go to (IPv4).
    Martian,
    /// They came in from an address of the host's own (IPv4).
    OwnSource,
    /// They came in by an interface that the way back does not leave by, and the interface insists on that (IPv4, `rp_filter`).
    ReversePath,
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ForeignSource => "the source is no address of this host",
            Self::NotForwarding => "the interface that they came in by does not forward",
            Self::NotForwardable => "packets that came in cannot be passed on by it",
            Self::Martian => "no packet may come in between these addresses",
            Self::OwnSource => "they came in from an address of this host",
            Self::ReversePath => "the way back does not leave by the interface that they came in by",
        })
    }
}

/// A route that a lookup found.
#[derive(Clone, Copy)]
pub struct Found<'a> {
    /// The route; its slot names the table.
    pub route: RouteRef<'a>,
    /// The rule that named its table.
    pub rule: &'a Rule,
    /// The source that the flow names.
    pub(super) named: Option<IpAddr>,
    pub(super) sieve: Sieve<'a>,
}

impl<'a> Found<'a> {
    /// The next hops that the kernel may use, with their weights; which of several it takes for one flow is its secret.
    pub fn next_hops(&self) -> impl Iterator<Item = &'a NextHop> + use<'a> {
        self.sieve.next_hops(self.route)
    }

    /// The source that the packets have: the flow's, or the one that the route prefers. `None` is the kernel's choice.
    #[must_use]
    pub fn source(&self) -> Option<IpAddr> {
        self.named.or(self.route.entry.preferred_source)
    }
}

impl fmt::Debug for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found").field("route", &self.route).field("rule", &self.rule).finish_non_exhaustive()
    }
}
