//! Why packets go where they go, step by step.

use std::fmt;

use super::{Selector, Verdict};
use crate::{Flow, Names, RouteRef, Rule};

/// One step of a lookup.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Step<'a> {
    /// A rule did not match.
    RulePassed {
        /// The rule.
        rule: &'a Rule,
        /// The selector that says no; `None` where the rule is for what its selectors do not match, and all match.
        selector: Option<Selector>,
    },
    /// A rule matched; what comes of it follows.
    Rule {
        /// The rule.
        rule: &'a Rule,
    },
    /// A route to the destination was passed over.
    Passed {
        /// The route.
        route: RouteRef<'a>,
        /// Why.
        why: PassedOver,
    },
    /// A route was taken, which may say no.
    Taken {
        /// The route.
        route: RouteRef<'a>,
    },
    /// A route was taken, and then passed over as its rule says (`suppress_prefixlength`, `suppress_ifgroup`).
    Suppressed {
        /// The route.
        route: RouteRef<'a>,
        /// The rule.
        rule: &'a Rule,
    },
    /// The table of a rule has no route that can be taken.
    NoRoute {
        /// The rule.
        rule: &'a Rule,
    },
}

impl<'a> Step<'a> {
    /// The rule that was asked, or by which a route was passed over.
    #[must_use]
    pub const fn rule(&self) -> Option<&'a Rule> {
        match self {
            Self::RulePassed { rule, .. } | Self::Rule { rule } | Self::Suppressed { rule, .. } | Self::NoRoute { rule } => {
                Some(rule)
            }
            Self::Passed { .. } | Self::Taken { .. } => None,
        }
    }

    /// The route that was looked at.
    #[must_use]
    pub const fn route(&self) -> Option<RouteRef<'a>> {
        match self {
            Self::Passed { route, .. } | Self::Taken { route } | Self::Suppressed { route, .. } => Some(*route),
            Self::RulePassed { .. } | Self::Rule { .. } | Self::NoRoute { .. } => None,
        }
    }

    /// What came of it, in words: `passed over, fwmark does not match`.
    #[must_use]
    pub const fn outcome(&self) -> Outcome<'_, 'a> {
        Outcome(self)
    }
}

/// The words of [`Step::outcome`]; for a rule that matched there are none, as what comes of it follows.
#[derive(Clone, Copy, Debug)]
pub struct Outcome<'s, 'a>(&'s Step<'a>);

impl fmt::Display for Outcome<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Step::RulePassed { selector: Some(selector), .. } => write!(f, "passed over, {selector} does not match"),
            Step::RulePassed { selector: None, .. } => f.write_str("passed over, all that it excludes matches"),
            Step::Rule { .. } => Ok(()),
            Step::Passed { why, .. } => write!(f, "passed over, {why}"),
            Step::Taken { .. } => f.write_str("taken"),
            Step::Suppressed { .. } => f.write_str("passed over, its rule suppresses it"),
            Step::NoRoute { .. } => f.write_str("its table has no route that can be taken"),
        }
    }
}

/// Why a route to the destination was passed over.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum PassedOver {
    /// It is for another type of service.
    Tos,
    /// It is for other sources.
    Source,
    /// Beside it stand routes for other sources, and the kernel then passes over the whole destination (IPv6).
    BesideSources,
    /// Its ways out are dead.
    Dead,
    /// Its ways out have no carrier, and where they leave that counts.
    LinkDown,
    /// It leaves by another interface.
    OtherInterface,
    /// It has no way out.
    NoWayOut,
    /// Another of its slot or metric is better, or came first (IPv6).
    Preference,
    /// A route to a longer prefix of the same network address has a next-hop object that cannot be used; then the kernel
    /// does not try shorter ones of that address (IPv4).
    NextHopObject,
}

impl fmt::Display for PassedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tos => "it is for another type of service",
            Self::Source => "it is for another source",
            Self::BesideSources => "it stands beside routes for other sources",
            Self::Dead => "its way out is dead",
            Self::LinkDown => "its way out has no carrier",
            Self::OtherInterface => "it leaves by another interface",
            Self::NoWayOut => "it has no way out",
            Self::Preference => "another is preferred",
            Self::NextHopObject => "a longer prefix of its address has a next-hop object out of use",
        })
    }
}

/// The whole way of a lookup: [`World::explain`](super::World::explain) makes it.
///
/// `Display` prints a line for each step, routes indented below the rule that named their table, and one for the verdict.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Explanation<'a> {
    /// What was looked up.
    pub flow: Flow,
    /// The steps, in order.
    pub steps: Vec<Step<'a>>,
    /// What it came to.
    pub verdict: Verdict<'a>,
    pub(super) names: Names<'a>,
}

impl<'a> Explanation<'a> {
    /// The same, with these names of tables, protocols and other numbers where it is printed.
    #[must_use]
    pub fn with_names(mut self, names: impl Into<Names<'a>>) -> Self {
        self.names = names.into();
        self
    }

    /// The verdict in words: `found default via 10.0.0.1 dev eth0`.
    #[must_use]
    pub const fn conclusion(&self) -> Conclusion<'_> {
        Conclusion(self)
    }
}

/// The words of [`Explanation::conclusion`].
#[derive(Clone, Copy, Debug)]
pub struct Conclusion<'e>(&'e Explanation<'e>);

impl fmt::Display for Conclusion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.names;
        match &self.0.verdict {
            Verdict::Found(found) => {
                write!(f, "found {}", found.route.with_names(names))?;
                let (usable, all) = (found.next_hops().count(), found.route.entry.next_hops.len());
                if usable < all { write!(f, ", {usable} of its {all} next hops usable") } else { Ok(()) }
            }
            Verdict::Refused { route: Some(route), .. } => write!(f, "refused by {}", route.with_names(names)),
            Verdict::Refused { rule, .. } => write!(f, "refused by the rule {}", rule.with_names(names)),
            Verdict::Dropped { why, .. } => write!(f, "dropped: {why}"),
            Verdict::NoRoute => f.write_str("no table has a route"),
            Verdict::Indeterminate { rule, why } => write!(f, "the rule {} decides: {why}", rule.with_names(names)),
        }
    }
}

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            match (step, step.route()) {
                (Step::Rule { rule }, _) => writeln!(f, "rule {}", rule.with_names(self.names))?,
                (Step::RulePassed { rule, .. }, _) => writeln!(f, "rule {}: {}", rule.with_names(self.names), step.outcome())?,
                (_, Some(route)) => writeln!(f, "  {}: {}", route.with_names(self.names), step.outcome())?,
                (_, None) => writeln!(f, "  {}", step.outcome())?,
            }
        }
        write!(f, "{}", self.conclusion())
    }
}
