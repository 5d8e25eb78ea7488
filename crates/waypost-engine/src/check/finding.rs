//! What can be found, and what to do about it.

use waypost_core::{Family, Route, Rule};

use crate::follow::Drift;

/// How grave a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Severity {
    /// It may be meant so.
    Note,
    /// It is probably not meant so.
    Warning,
    /// Packets get lost, or what is known is not true.
    Error,
}

impl Severity {
    /// One word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What can be wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Problem {
    /// The mirror was not what the kernel has.
    Drift,
    /// A gateway is on no network of its interface.
    GatewayOffLink,
    /// A preferred source is no address of the host.
    SourceNotAssigned,
    /// The kernel's table of neighbours is full, or nearly.
    NeighboursFull,
    /// A route leaves by an interface that is off, or has no carrier, or is not there.
    LinkDown,
    /// Default routes of one metric: which of them is used is an accident.
    EqualDefaults,
    /// A default in two halves hides the whole one, whatever their metrics are.
    HalvesHideDefault,
    /// A route that drops packets hides one that forwards them.
    Hidden,
    /// Two protocols have a route in one slot.
    Duplicated,
    /// A rule looks into a table that is empty.
    EmptyTable,
    /// A rule goes on with one that is not there.
    DanglingGoto,
    /// A route is passed over for one of another protocol that has a lower metric.
    Shadowed,
    /// A route drops a part of what a shorter prefix forwards.
    Pierced,
}

impl Problem {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Drift,
        Self::GatewayOffLink,
        Self::SourceNotAssigned,
        Self::NeighboursFull,
        Self::LinkDown,
        Self::EqualDefaults,
        Self::HalvesHideDefault,
        Self::Hidden,
        Self::Duplicated,
        Self::EmptyTable,
        Self::DanglingGoto,
        Self::Shadowed,
        Self::Pierced,
    ];

    /// One word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Drift => "drift",
            Self::GatewayOffLink => "gateway-off-link",
            Self::SourceNotAssigned => "source-not-assigned",
            Self::NeighboursFull => "neighbours-full",
            Self::LinkDown => "link-down",
            Self::EqualDefaults => "equal-defaults",
            Self::HalvesHideDefault => "halves-hide-default",
            Self::Hidden => "hidden",
            Self::Duplicated => "duplicated",
            Self::EmptyTable => "empty-table",
            Self::DanglingGoto => "dangling-goto",
            Self::Shadowed => "shadowed",
            Self::Pierced => "pierced",
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Drift => {
                "nothing now: it is mended; if it comes again, look at the overruns in the statistics, and give the watcher a larger \
                 receive buffer"
            }
            Self::GatewayOffLink => {
                "give the interface an address in the gateway's network, correct the gateway, or add `onlink` if it is meant"
            }
            Self::SourceNotAssigned => "assign the address, or take `src` off the route",
            Self::NeighboursFull => "raise gc_thresh3 (and gc_thresh2), or find out who fills the table",
            Self::LinkDown => "switch the interface on or plug it in, or delete the route",
            Self::EqualDefaults => "give all but one of them a higher metric",
            Self::HalvesHideDefault => "nothing, if a tunnel is to carry everything; else delete the two halves",
            Self::Hidden => "delete the route that drops packets, or give it a higher metric",
            Self::Duplicated => "let one protocol install it, or give them different metrics",
            Self::EmptyTable => "fill the table, or delete the rule",
            Self::DanglingGoto => "add a rule of that priority, or delete this one",
            Self::Shadowed => "nothing, if it is a fallback; else change the metrics",
            Self::Pierced => "nothing, if these packets are to be dropped; else delete the longer prefix",
        }
    }

    /// How grave it is.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::Drift | Self::GatewayOffLink | Self::SourceNotAssigned => Severity::Error,
            Self::NeighboursFull
            | Self::LinkDown
            | Self::EqualDefaults
            | Self::Hidden
            | Self::Duplicated
            | Self::EmptyTable
            | Self::DanglingGoto => Severity::Warning,
            Self::HalvesHideDefault | Self::Shadowed | Self::Pierced => Severity::Note,
        }
    }
}

/// One thing that was found.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Finding {
    /// How grave it is.
    pub severity: Severity,
    /// What is wrong.
    pub problem: Problem,
    /// The route it is about, if it is about one.
    pub route: Option<Route>,
    /// The rule it is about, if it is about one.
    pub rule: Option<Rule>,
    /// The route that makes it so: the other default, the one that hides.
    pub other: Option<Route>,
    /// What is wrong, in words.
    pub text: String,
}

impl Finding {
    pub(super) const fn new(problem: Problem, text: String) -> Self {
        Self { severity: problem.severity(), problem, route: None, rule: None, other: None, text }
    }

    pub(super) fn of(problem: Problem, route: Route, text: String) -> Self {
        Self { route: Some(route), ..Self::new(problem, text) }
    }

    /// The family of what it is about, where that is a route or a rule.
    pub(super) fn family(&self) -> Option<Family> {
        let of_route = self.route.as_ref().map(|route| route.slot.destination.family());
        of_route.or(self.rule.as_ref().map(|rule| rule.family))
    }

    pub(super) fn drift(drift: Drift) -> Self {
        let Drift { added, removed, replaced, others } = drift;
        let text = format!(
            "the kernel had {added} routes that were not known, had no more {removed} that were, and {replaced} that were different, \
             beside {others} other things"
        );
        Self::new(Problem::Drift, text)
    }
}
