//! The routes that uplinks want, what is ordered, and what is told of it.

use std::fmt;

use waypost_core::{Error, Family, Route};

use super::health::Grade;
use super::life::{Life, Trigger};

/// An uplink's number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UplinkId(pub(super) u32);

/// A wish's number; it is never given again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct WishId(pub(super) u64);

impl WishId {
    /// The number by which a program can keep it.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// What a route is wanted for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Role {
    /// The default route of the elected uplink.
    High,
    /// The default route of another one, for sockets that are bound to its interface.
    Low,
    /// The host route to a gateway that no subnet of the interface has.
    Gateway,
    /// The host route to a resolver.
    Resolver,
    /// The host route to a VPN's server, over the uplink beneath.
    Server,
}

impl Role {
    /// Says whether it is a default route.
    #[must_use]
    pub const fn is_default(self) -> bool {
        matches!(self, Self::High | Self::Low)
    }

    /// One word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Low => "low",
            Self::Gateway => "gateway",
            Self::Resolver => "resolver",
            Self::Server => "server",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// How a wish stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "asked for, there, or being taken away")]
pub enum WishState {
    /// It has been asked for.
    Asked,
    /// It is there.
    Held,
    /// It is being taken away.
    Leaving,
}

/// A route that an uplink wants.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Wish {
    /// Its number.
    pub id: WishId,
    /// The uplink.
    pub uplink: UplinkId,
    /// What for.
    pub role: Role,
    /// The route, with the metric that is the uplink's alone.
    pub route: Route,
    /// How it stands.
    pub state: WishState,
}

/// What the machine wants done, in this order.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Order {
    /// Add the route of this wish; its slot must be empty.
    Install(Wish),
    /// Delete the route of this wish: exactly this one.
    Withdraw(Wish),
    /// Have the mirror read the routes again: a router's lifetime is over, unless it was renewed, which no kernel tells.
    Read,
    /// Look whether packets get through this uplink, and tell with this number.
    Probe(UplinkId, u32),
}

/// What became of a wish.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Told {
    /// Added.
    Installed,
    /// Not added.
    Refused(Error),
    /// Deleted, or not there any more.
    Gone,
    /// Not deleted: it is still there.
    Kept(Error),
    /// The answer was lost, and the state did not tell.
    Unknown,
    /// The kernel took it away without being asked, or another program did; confirmed.
    Lost,
}

/// Why another uplink is elected.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum ElectionCause {
    /// It is better than the one before.
    Better,
    /// The one before cannot be used any more: its link, its way out, or it is not wanted.
    Unusable,
    /// Nothing gets through the one before.
    Bad,
    /// The default route of the one before is refused, or has no free metric.
    Refused,
    /// The one before was left to a rival, which took its route away.
    Yielded,
    /// Somebody asked for it.
    Asked,
}

impl ElectionCause {
    /// A few words for it.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Better => "it is better",
            Self::Unusable => "the one before cannot be used",
            Self::Bad => "nothing gets through the one before",
            Self::Refused => "the default route of the one before is refused",
            Self::Yielded => "the one before is left to a rival",
            Self::Asked => "somebody asked for it",
        }
    }
}

/// What is worth telling people.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum UplinkReport {
    /// An uplink has gone on in its life.
    Moved {
        /// The uplink.
        uplink: UplinkId,
        /// From here.
        from: Life,
        /// By this.
        trigger: Trigger,
        /// To here.
        to: Life,
    },
    /// Another uplink is elected, or none.
    Elected {
        /// The family.
        family: Family,
        /// The one before.
        before: Option<UplinkId>,
        /// The one now.
        now: Option<UplinkId>,
        /// Why.
        cause: ElectionCause,
    },
    /// A change of role is done: its default route of this role stands alone.
    Switched {
        /// The uplink.
        uplink: UplinkId,
        /// Its role.
        role: Role,
    },
    /// A route was not added: a promote, where its role is high, or a demote, where it is low, has failed.
    Refused {
        /// The wish.
        wish: Wish,
        /// Why.
        error: Error,
    },
    /// A route was not deleted.
    Kept {
        /// The wish.
        wish: Wish,
        /// Why.
        error: Error,
    },
    /// A route of ours has gone without our doing.
    Lost {
        /// The wish.
        wish: Wish,
        /// The route that stands in its place, where another program overwrote it.
        overwritten_by: Option<Box<Route>>,
    },
    /// A default route of somebody else's is used before that of the elected uplink. It is left alone.
    Outranked {
        /// The route.
        route: Box<Route>,
    },
    /// Such a route is there no more, or is not used before ours.
    OutrankedNoMore {
        /// The route.
        route: Box<Route>,
    },
    /// What is thought of an uplink has changed.
    Graded {
        /// The uplink.
        uplink: UplinkId,
        /// What is thought now.
        grade: Grade,
    },
    /// A route with our tag was found that no uplink wants; it is deleted.
    Leftover {
        /// The route.
        route: Box<Route>,
    },
}
