//! What a monitor tells: what there was, what there is, and what that means.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use waypost_core::{Family, IfIndex, InterfaceNames, Redirect, Route, Rule};

use super::defaults::{DefaultCause, DefaultRoute, Then, cause, lead_alike};
use super::snapshot::{LinkStanding, Snapshot, UsableAddress};
use crate::{Mirror, Reason};

/// The network is another than before.
///
/// `Display` has one line a reason.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// What there was when it was last told.
    pub before: Arc<Snapshot>,
    /// What there is.
    pub after: Arc<Snapshot>,
    /// What that means; never empty.
    pub reasons: Vec<ReportReason>,
}

/// One thing that a [`Report`] tells.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ReportReason {
    /// Packets to anywhere go another way.
    DefaultRoute {
        /// The family.
        family: Family,
        /// Where they went.
        from: Option<DefaultRoute>,
        /// Where they go.
        to: Option<DefaultRoute>,
        /// Why.
        why: DefaultCause,
    },
    /// Addresses to make connections from have come or gone.
    Addresses {
        /// Those that have come.
        added: Vec<UsableAddress>,
        /// Those that have gone.
        removed: Vec<UsableAddress>,
    },
    /// A link stands otherwise.
    Link {
        /// The link.
        interface: IfIndex,
        /// How it stood.
        from: LinkStanding,
        /// How it stands.
        to: LinkStanding,
    },
    /// Rules have come or gone.
    Rules {
        /// The family.
        family: Family,
        /// Those that have come.
        added: Vec<Rule>,
        /// Those that have gone.
        removed: Vec<Rule>,
    },
    /// The gateway has the same address and is another machine: the host may be in another network that looks alike.
    GatewayNeighbour {
        /// The interface.
        interface: IfIndex,
        /// The gateway.
        gateway: IpAddr,
        /// Its link-layer address before.
        from: Vec<u8>,
        /// Its link-layer address now.
        to: Vec<u8>,
    },
    /// A family can be used to reach beyond the link, or no longer.
    Family {
        /// The family.
        family: Family,
        /// It can be used now.
        available: bool,
    },
    /// The machine slept.
    TimeJump {
        /// For how long.
        slept: Duration,
    },
    /// Messages were lost, and everything was read again: something may have come and gone unseen.
    Resynced {
        /// Why.
        reason: Reason,
    },
    /// A router named a better one; on systems whose kernel says so.
    Redirect(Redirect),
    /// A route's packets do not seem to arrive; on systems whose kernel says so.
    Losing(Box<Route>),
    /// The program itself asked to be told: its words.
    Injected(String),
}

impl ReportReason {
    /// One word for it, joined by hyphens.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::DefaultRoute { .. } => "default-route",
            Self::Addresses { .. } => "addresses",
            Self::Link { .. } => "link",
            Self::Rules { .. } => "rules",
            Self::GatewayNeighbour { .. } => "gateway-neighbour",
            Self::Family { .. } => "family",
            Self::TimeJump { .. } => "time-jump",
            Self::Resynced { .. } => "resynced",
            Self::Redirect(_) => "redirect",
            Self::Losing(_) => "losing",
            Self::Injected(_) => "injected",
        }
    }
}

/// What is different between two pictures; `mirror` is what the second was taken of.
pub(super) fn differences(before: &Snapshot, after: &Snapshot, mirror: &Mirror) -> Vec<ReportReason> {
    let mut reasons: Vec<ReportReason> =
        Family::ALL.into_iter().filter_map(|family| default_changed(before, after, family, mirror)).collect();
    let added: Vec<_> = after.addresses.difference(&before.addresses).copied().collect();
    let removed: Vec<_> = before.addresses.difference(&after.addresses).copied().collect();
    if !added.is_empty() || !removed.is_empty() {
        reasons.push(ReportReason::Addresses { added, removed });
    }
    links_changed(before, after, &mut reasons);
    for family in Family::ALL {
        let (added, removed) =
            (missing(after.rules(family), before.rules(family)), missing(before.rules(family), after.rules(family)));
        if !added.is_empty() || !removed.is_empty() {
            reasons.push(ReportReason::Rules { family, added, removed });
        }
    }
    for ((interface, gateway), to) in &after.gateways {
        if let Some(from) = before.gateways.get(&(*interface, *gateway)).filter(|from| *from != to) {
            let (interface, gateway) = (*interface, *gateway);
            reasons.push(ReportReason::GatewayNeighbour { interface, gateway, from: from.clone(), to: to.clone() });
        }
    }
    for family in Family::ALL {
        let available = after.has_family(family);
        if available != before.has_family(family) {
            reasons.push(ReportReason::Family { family, available });
        }
    }
    reasons
}

fn default_changed(before: &Snapshot, after: &Snapshot, family: Family, mirror: &Mirror) -> Option<ReportReason> {
    let (from, to) = (before.default_route(family), after.default_route(family));
    let same = match (from, to) {
        (Some(from), Some(to)) => from.leads_as(to),
        (from, to) => from.is_none() && to.is_none(),
    };
    if same {
        return None;
    }
    let index = family as usize;
    let halves = |default: Option<&DefaultRoute>| default.map_or([None, None], |default| (*default.halves).clone());
    let pairs = halves(from).into_iter().zip(halves(to));
    let moved = |(old, new): &(Option<Route>, Option<Route>)| match (old, new) {
        (Some(old), Some(new)) => !lead_alike(old, new),
        (old, new) => old.is_some() != new.is_some(),
    };
    let (old, new) = pairs.into_iter().find(moved)?;
    let is_up = |index| before.standing(index) != LinkStanding::Down;
    let then =
        Then { candidates: &before.candidates[index], is_up: &is_up, same_rules: before.rules[index] == after.rules[index] };
    let why = cause(old.as_ref(), new.as_ref(), &then, &after.candidates[index], mirror);
    Some(ReportReason::DefaultRoute { family, from: from.cloned(), to: to.cloned(), why })
}

fn links_changed(before: &Snapshot, after: &Snapshot, reasons: &mut Vec<ReportReason>) {
    let gone = before.links.keys().filter(|index| !after.links.contains_key(index));
    for interface in after.links.keys().chain(gone).copied() {
        let (from, to) = (before.standing(interface), after.standing(interface));
        if from != to {
            reasons.push(ReportReason::Link { interface, from, to });
        }
    }
}

/// The rules of `these` that `those` have not as often.
fn missing(these: &[Rule], those: &[Rule]) -> Vec<Rule> {
    let mut left: Vec<&Rule> = those.iter().collect();
    let mut missing = Vec::new();
    for rule in these {
        match left.iter().position(|other| *other == rule) {
            Some(at) => _ = left.swap_remove(at),
            None => missing.push(rule.clone()),
        }
    }
    missing
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, reason) in self.reasons.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            self.line(reason, f)?;
        }
        Ok(())
    }
}

impl Report {
    /// The name of an interface, that of before where it has gone.
    #[must_use]
    pub fn interface_name(&self, index: IfIndex) -> String {
        let names = if self.after.names.name(index).is_some() { &self.after.names } else { &self.before.names };
        names.printed(index).to_string()
    }

    fn line(&self, reason: &ReportReason, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |family: Family| if family == Family::V4 { "IPv4" } else { "IPv6" };
        match reason {
            ReportReason::DefaultRoute { family, from, to, why } => {
                let (before, after) = (ways(from.as_ref(), &self.before.names), ways(to.as_ref(), &self.after.names));
                write!(f, "{} default route: {before} -> {after} ({})", word(*family), why.word())
            }
            ReportReason::Addresses { added, removed } => {
                f.write_str("addresses:")?;
                let own = |f: &mut fmt::Formatter<'_>, sign: &str, of: &UsableAddress| {
                    write!(f, " {sign}{}/{} dev {}", of.address, of.prefix_length, self.interface_name(of.interface))
                };
                removed.iter().try_for_each(|address| own(f, "-", address))?;
                added.iter().try_for_each(|address| own(f, "+", address))
            }
            ReportReason::Link { interface, from, to } => {
                write!(f, "link {}: {} -> {}", self.interface_name(*interface), from.word(), to.word())
            }
            ReportReason::Rules { family, added, removed } => {
                write!(f, "{} rules:", word(*family))?;
                removed.iter().try_for_each(|rule| write!(f, " -[{rule}]"))?;
                added.iter().try_for_each(|rule| write!(f, " +[{rule}]"))
            }
            ReportReason::GatewayNeighbour { interface, gateway, from, to } => {
                let name = self.interface_name(*interface);
                write!(f, "gateway {gateway} dev {name}: {} -> {}", LinkAddress(from), LinkAddress(to))
            }
            ReportReason::Family { family, available: true } => write!(f, "{} is available", word(*family)),
            ReportReason::Family { family, .. } => write!(f, "{} is no longer available", word(*family)),
            ReportReason::TimeJump { slept } => write!(f, "the machine slept {} s", slept.as_secs()),
            ReportReason::Resynced { reason } => write!(f, "read again after {}", reason.word()),
            ReportReason::Redirect(redirect) => write!(f, "redirect: {}", redirect.with_names(&self.after.names)),
            ReportReason::Losing(route) => write!(f, "losing: {}", route.with_names(&self.after.names)),
            ReportReason::Injected(words) => write!(f, "asked: {words}"),
        }
    }
}

/// The ways of a default route in a few words.
fn ways(default: Option<&DefaultRoute>, names: &InterfaceNames) -> String {
    let Some(default) = default else { return "none".to_owned() };
    let way = |route: &Route| {
        let hops: Vec<String> = route
            .entry
            .next_hops
            .iter()
            .map(|hop| {
                let via = hop.gateway.map(|gateway| format!("via {gateway}"));
                let dev = hop.interface.map(|index| format!("dev {}", names.printed(index)));
                via.into_iter().chain(dev).collect::<Vec<_>>().join(" ")
            })
            .collect();
        if hops.is_empty() { format!("{:?}", route.entry.disposition).to_lowercase() } else { hops.join(" and ") }
    };
    let is_simple = default.is_whole() && default.routes().count() == 1;
    let one = |route: &Route| if is_simple { way(route) } else { format!("{} {}", route.slot.destination, way(route)) };
    default.routes().map(one).collect::<Vec<_>>().join(", ")
}

/// A link-layer address, its bytes in hexadecimal.
struct LinkAddress<'a>(&'a [u8]);

impl fmt::Display for LinkAddress<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(at, byte)| write!(f, "{}{byte:02x}", if at > 0 { ":" } else { "" }))
    }
}
