//! Next hops that the kernel keeps by themselves, for many routes to share.

mod display;
mod parse;

use std::time::Duration;

use crate::{Family, NextHop, NextHopId, Protocol, Scope, Unnamed, Weight};

/// One of a group's next hops.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "a member is an object and its weight")]
pub struct GroupMember {
    /// The next-hop object.
    pub id: NextHopId,
    /// Its share of the traffic.
    pub weight: Weight,
}

/// How a resilient group keeps flows where they are while its members change.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Resilience {
    /// How many buckets flows are put into.
    pub buckets: u16,
    /// How long a bucket must have been idle to be moved.
    pub idle_timer: Duration,
    /// How long the group may be out of balance before buckets are moved all the same; zero is for ever.
    pub unbalanced_timer: Duration,
}

/// What a next-hop object is.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum NextHopObjectKind {
    /// One way out.
    Single(NextHop),
    /// Packets are dropped.
    Blackhole,
    /// Several others.
    Group {
        /// The members.
        members: Vec<GroupMember>,
        /// How flows are kept where they are, for a resilient group.
        resilience: Option<Resilience>,
    },
}

/// A next-hop object.
///
/// `Display` prints the words of `ip nexthop` and [`NextHopObject::parse`] reads them back.
///
/// ```
/// use waypost_core::NextHopObject;
///
/// let object: NextHopObject = "id 7 via 10.0.0.1 dev if2 proto static".parse()?;
/// assert_eq!(object.to_string(), "id 7 via 10.0.0.1 dev if2 proto static");
/// # Ok::<(), waypost_core::ParseError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct NextHopObject {
    /// Its number.
    pub id: NextHopId,
    /// The family of routes that can use it; `None` for groups.
    pub family: Option<Family>,
    /// What it is.
    pub kind: NextHopObjectKind,
    /// Who installed it.
    pub protocol: Protocol,
    /// How far it reaches.
    pub scope: Scope,
    /// It is for bridges' forwarding tables.
    pub fdb: bool,
    /// What has no portable name.
    pub unnamed: Unnamed,
}

impl NextHopObject {
    /// A next-hop object of this number.
    #[must_use]
    pub fn new(id: NextHopId, family: Option<Family>, kind: NextHopObjectKind) -> Self {
        Self {
            id,
            family,
            kind,
            protocol: Protocol::UNSPECIFIED,
            scope: Scope::UNIVERSE,
            fdb: false,
            unnamed: Unnamed::default(),
        }
    }
}
