//! What a subscriber is told.

use waypost_core::{Address, InterfaceSettings, Link, Miss, Neighbour, NextHopObject, Redirect, Route, Rule, Touched};

/// A delta of what the kernel has.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "it comes, becomes another, or goes")]
pub enum Change<T> {
    /// It has come.
    Added(T),
    /// It has become another.
    Replaced {
        /// What it was.
        old: T,
        /// What it is.
        new: T,
    },
    /// It has gone: this is what it was.
    Removed(T),
}

impl<T> Change<T> {
    /// What there is now, if anything.
    pub const fn now(&self) -> Option<&T> {
        match self {
            Self::Added(new) | Self::Replaced { new, .. } => Some(new),
            Self::Removed(_) => None,
        }
    }

    /// What there was before, if anything.
    pub const fn before(&self) -> Option<&T> {
        match self {
            Self::Removed(old) | Self::Replaced { old, .. } => Some(old),
            Self::Added(_) => None,
        }
    }
}

/// Why everything is read again.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Reason {
    /// The kernel's messages came faster than they were read, and some were lost.
    Overrun,
    /// A message could not be understood, so something has changed and it is not known what.
    Undecodable,
    /// Somebody asked for it.
    Asked,
    /// A reading that was to show whether the mirror is what the kernel has found that it is not.
    Verification,
    /// What the kernel was heard by was of no more use, and has been opened anew.
    Reopened,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Overrun, Self::Undecodable, Self::Asked, Self::Verification, Self::Reopened];

    /// One word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Overrun => "overrun",
            Self::Undecodable => "undecodable",
            Self::Asked => "asked",
            Self::Verification => "verification",
            Self::Reopened => "reopened",
        }
    }
}

/// One thing that a subscriber is told.
///
/// Whoever applies the changes in order to what the mirror had when it was first in step has what the mirror has.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A route. A renewed expiry alone is no event, nor is a notice of what is known already.
    Route {
        /// What happened to it.
        change: Change<Route>,
        /// How many routes of its slot stand before it: where it is inserted, stays, or is taken out.
        position: usize,
    },
    /// Who makes the change that is told of next, for those alone who asked the kernel: see [`Touched`].
    Author {
        /// What is changed.
        of: Touched,
        /// The number of the process.
        pid: u32,
    },
    /// A rule; a new one stands behind those of its priority.
    Rule(Change<Rule>),
    /// A link.
    Link(Change<Link>),
    /// An address. Renewed lifetimes alone are no event.
    Address(Change<Address>),
    /// A neighbour.
    Neighbour(Change<Neighbour>),
    /// A next-hop object.
    NextHop(Change<NextHopObject>),
    /// Settings of an interface.
    Settings(Change<InterfaceSettings>),
    /// A lookup found no route.
    Miss(Miss),
    /// A route's packets do not seem to arrive.
    Losing(Box<Route>),
    /// A router named a better one.
    Redirect(Redirect),
    /// The first snapshot is whole: from here on the mirror follows.
    Synchronised,
    /// Messages may have been missed: all is being read again. Meanwhile the mirror keeps what it has.
    ResyncStarted {
        /// Why.
        reason: Reason,
    },
    /// All has been read again; the changes that it brought have been told as any others.
    Resynced {
        /// Why it was.
        reason: Reason,
        /// How many routes have come since it started.
        added: u64,
        /// How many routes have gone since it started.
        removed: u64,
        /// How many routes have become others since it started.
        replaced: u64,
    },
}
