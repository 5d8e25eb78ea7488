//! What can be claimed.

use std::fmt;
use std::time::Duration;

use waypost_core::{Family, Names, Route, Rule};

/// A route or a rule.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Item {
    /// A route.
    Route(Route),
    /// A policy rule.
    Rule(Rule),
}

impl Item {
    /// The family that it is of.
    #[must_use]
    pub const fn family(&self) -> Family {
        match self {
            Self::Route(route) => route.slot.destination.family(),
            Self::Rule(rule) => rule.family,
        }
    }

    /// The route, if it is one.
    #[must_use]
    pub const fn as_route(&self) -> Option<&Route> {
        match self {
            Self::Route(route) => Some(route),
            Self::Rule(_) => None,
        }
    }

    /// This with interfaces and numbers by name when printed.
    #[must_use]
    pub fn with_names<'a>(&'a self, names: impl Into<Names<'a>>) -> ItemPrinted<'a> {
        ItemPrinted { item: self, names: names.into() }
    }
}

impl From<Route> for Item {
    fn from(route: Route) -> Self {
        Self::Route(route)
    }
}

impl From<Rule> for Item {
    fn from(rule: Rule) -> Self {
        Self::Rule(rule)
    }
}

impl fmt::Display for Item {
    /// Writes `route` or `rule`, and its words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_names(Names::none()).fmt(f)
    }
}

/// An [`Item`] that prints with names.
#[derive(Clone, Copy, Debug)]
pub struct ItemPrinted<'a> {
    item: &'a Item,
    names: Names<'a>,
}

impl fmt::Display for ItemPrinted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.item {
            Item::Route(route) => write!(f, "route {}", route.with_names(self.names)),
            // A rule for all sources does not tell its family otherwise.
            Item::Rule(rule) if rule.family == Family::V6 => write!(f, "-6 rule {}", rule.with_names(self.names)),
            Item::Rule(rule) => write!(f, "rule {}", rule.with_names(self.names)),
        }
    }
}

/// What is done when another program has taken a claimed route or rule away, or put another in its place.
///
/// What goes by itself, with its link or address, comes back under each of them as soon as it can.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Policy {
    /// It is told, and nothing is done.
    #[default]
    Report,
    /// It is put back, after [`Backoff::first`] and, while that goes on, later each time.
    Reassert,
    /// It is told, and the claim is given up.
    Yield,
}

/// How long what was taken away stays away before it is put back.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Backoff {
    /// How long at first. It doubles each time that it is soon taken away again.
    pub first: Duration,
    /// How long at most.
    pub longest: Duration,
    /// After how many times in a row the claim is given up; `None` is never.
    pub times_max: Option<u32>,
}

impl Default for Backoff {
    /// A second at first, 64 at most, and never given up.
    fn default() -> Self {
        Self { first: Duration::from_secs(1), longest: Duration::from_secs(64), times_max: None }
    }
}

impl Backoff {
    /// A back-off from one time to another, never given up.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, times_max: None }
    }

    /// The same, given up after so many times in a row.
    #[must_use]
    pub const fn times_max(mut self, times: u32) -> Self {
        self.times_max = Some(times);
        self
    }
}

/// That something is to be there, and what is done if it is taken away.
///
/// ```
/// use waypost_core::Route;
/// use waypost_engine::claim::{Claim, Policy};
///
/// let route: Route = "10.1.0.0/16 via 10.0.0.1 metric 50".parse()?;
/// let claim = Claim::new(route).policy(Policy::Reassert);
/// assert_eq!(claim.item.to_string(), "route 10.1.0.0/16 via 10.0.0.1 metric 50");
/// # Ok::<(), waypost_core::ParseError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Claim {
    /// What is to be there.
    pub item: Item,
    /// What is done if it is taken away.
    pub policy: Policy,
    /// The metric 0 is meant, and not that none is named. See [`Claims::put`](super::Claims::put).
    pub metric_zero: bool,
}

impl Claim {
    /// A claim to this, told about and no more.
    #[must_use]
    pub fn new(item: impl Into<Item>) -> Self {
        Self { item: item.into(), policy: Policy::Report, metric_zero: false }
    }

    /// The same with this policy.
    #[must_use]
    pub const fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// The same, of metric 0 if it names none.
    #[must_use]
    pub const fn metric_zero(mut self) -> Self {
        self.metric_zero = true;
        self
    }
}
