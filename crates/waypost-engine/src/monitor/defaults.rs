//! The default route: where packets to anywhere go, by rules and tables.
//!
//! A full table has routes to nearly everywhere, so no address can be asked for in its stead. What is asked is a copy of the
//! tables that has the widest routes alone: `0.0.0.0/0`, and the halves by which a VPN overlays it without touching it (`def1` of
//! OpenVPN, which on IPv6 goes down to the halves of `2000::/3`).

use waypost_core::lookup::{Verdict, World};
use waypost_core::{
    Family, Flow, IfIndex, Ipv4Prefix, Ipv6Prefix, Link, Metric, NextHop, NextHops, Position, Prefix, Route, Tables,
};

use super::options::MonitorOptions;
use crate::Mirror;

/// The default route of one family: what packets to destinations without a route of their own follow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DefaultRoute {
    /// The route of either half of the address space; at least one has one.
    pub(super) halves: Box<[Option<Route>; 2]>,
}

impl DefaultRoute {
    /// The route, or the two where the halves of the address space go different ways. Next hops that cannot be used are left out.
    pub fn routes(&self) -> impl Iterator<Item = &Route> {
        let [below, above] = &*self.halves;
        let same = below.as_ref().zip(above.as_ref()).is_some_and(|(below, above)| lead_alike(below, above));
        below.iter().chain(above.iter().filter(move |_| !same))
    }

    /// Says whether both halves of the address space have a route.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.halves.iter().all(Option::is_some)
    }

    /// The interfaces that packets leave by.
    pub fn interfaces(&self) -> impl Iterator<Item = IfIndex> {
        self.hops().filter_map(|hop| hop.interface)
    }

    /// Its next hops.
    pub fn hops(&self) -> impl Iterator<Item = &NextHop> {
        self.routes().flat_map(|route| route.entry.next_hops.iter())
    }

    /// Says whether packets go anywhere by it; a kill switch is a default route by which they do not.
    #[must_use]
    pub fn forwards(&self) -> bool {
        self.routes().any(|route| route.entry.disposition.forwards())
    }

    /// Says whether packets go the same way as by `other`.
    pub(super) fn leads_as(&self, other: &Self) -> bool {
        self.halves.iter().zip(other.halves.iter()).all(|(one, two)| match (one, two) {
            (Some(one), Some(two)) => lead_alike(one, two),
            (one, two) => one.is_none() && two.is_none(),
        })
    }
}

/// Says whether packets go the same way by two routes, whatever the routes are called.
pub(super) fn lead_alike(one: &Route, two: &Route) -> bool {
    let way = |hop: &NextHop| (hop.interface, hop.gateway, hop.weight);
    let (mut ways, mut others): (Vec<_>, Vec<_>) =
        (one.entry.next_hops.iter().map(way).collect(), two.entry.next_hops.iter().map(way).collect());
    ways.sort_unstable();
    others.sort_unstable();
    one.entry.disposition == two.entry.disposition
        && one.entry.preferred_source == two.entry.preferred_source
        && one.entry.metrics.get(Metric::Mtu) == two.entry.metrics.get(Metric::Mtu)
        && ways == others
}

/// The prefixes that stand for anywhere, of one family.
pub(crate) fn widest(family: Family) -> Vec<Prefix> {
    let v6 = |bits: u128, length| Prefix::V6(Ipv6Prefix::from_bits(bits << 124, length));
    match family {
        Family::V4 => [(0, 0), (0, 1), (1 << 31, 1)].map(|(bits, length)| Prefix::V4(Ipv4Prefix::from_bits(bits, length))).into(),
        Family::V6 => vec![v6(0, 0), v6(0, 1), v6(0, 2), v6(2, 3), v6(2, 4), v6(3, 4)],
    }
}

/// Says whether routes to a prefix are candidates for the default route.
pub(crate) fn is_wide(prefix: Prefix) -> bool {
    // Each prefix is asked this, most of them longer.
    prefix.length() <= 4 && (prefix.is_default() || widest(prefix.family()).contains(&prefix))
}

/// One address of either half of what is routed on the Internet.
fn probes(family: Family) -> [std::net::IpAddr; 2] {
    match family {
        Family::V4 => [[1, 0, 0, 0].into(), [193, 0, 0, 0].into()],
        Family::V6 => [[0x2000, 0, 0, 0, 0, 0, 0, 1].into(), [0x3000, 0, 0, 0, 0, 0, 0, 1].into()],
    }
}

/// The candidates as the mirror has them, usable or not, those of others alone.
pub(super) fn candidates(mirror: &Mirror, options: &MonitorOptions, family: Family) -> Vec<Route> {
    let ids = mirror.tables().table_ids().filter(|table| options.counts_table(*table));
    let mut found = Vec::new();
    for table in ids.filter_map(|table| mirror.tables().table(table)) {
        for chain in widest(family).into_iter().filter_map(|prefix| table.exactly(prefix)) {
            found.extend(chain.filter(|route| !options.own.contains(&route.entry.protocol)).map(|route| route.to_route()));
        }
    }
    found
}

/// The default route of one family, by rules and tables.
pub(super) fn default_route(
    mirror: &Mirror,
    options: &MonitorOptions,
    family: Family,
    candidates: &[Route],
) -> Option<DefaultRoute> {
    let mut tables = Tables::new();
    for route in candidates {
        if let Some(usable) = usable(route, mirror, options) {
            tables.insert(&usable, Position::Last);
        }
    }
    let world = World::new(&tables, mirror.policy(family), mirror.names());
    let world = world.with_links(mirror.links()).with_settings(mirror.settings());
    let halves = probes(family).map(|probe| match world.find(&Flow::to(probe)) {
        Verdict::Found(found) => {
            let mut route = found.route.to_route();
            route.entry.next_hops = found.next_hops().cloned().collect();
            Some(route)
        }
        Verdict::Refused { route, .. } => route.map(|route| route.to_route()),
        _ => None,
    });
    halves.iter().any(Option::is_some).then(|| DefaultRoute { halves: Box::new(halves) })
}

/// The route with the next hops that can be used and count; `None` where it has none left.
///
/// A link that is switched off takes its routes along: the kernel says so of the link first, and of IPv4 routes never.
fn usable(route: &Route, mirror: &Mirror, options: &MonitorOptions) -> Option<Route> {
    if route.entry.next_hops.is_empty() {
        return Some(route.clone());
    }
    let serves = |hop: &&NextHop| match hop.interface.and_then(|index| mirror.links().get(&index)) {
        Some(link) => link.is_up() && options.counts(&link.name),
        None => hop.interface.is_none() || mirror.links().is_empty(),
    };
    let hops: NextHops = route.entry.next_hops.iter().filter(serves).cloned().collect();
    let mut usable = route.clone();
    usable.entry.next_hops = hops;
    (!usable.entry.next_hops.is_empty()).then_some(usable)
}

/// Why the default route is another than before.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum DefaultCause {
    /// It has come.
    Added,
    /// The one before was removed.
    Removed,
    /// The one before became another.
    Replaced,
    /// One of a lower metric has come.
    OvertakenByMetric,
    /// One for a part of the address space has come, which wins as the longer prefix.
    OvertakenByPrefix,
    /// One has come in a table that is asked earlier.
    OvertakenByTable,
    /// Its link was switched off, or lost its carrier where that counts.
    LinkDown,
    /// Its link has come back.
    LinkUp,
    /// Its link was removed.
    LinkRemoved,
    /// Rules are others than before.
    Rule,
    /// Settings are others than before.
    Settings,
}

impl DefaultCause {
    /// A word or two for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Replaced => "replaced",
            Self::OvertakenByMetric => "overtaken by metric",
            Self::OvertakenByPrefix => "overtaken by a longer prefix",
            Self::OvertakenByTable => "overtaken by an earlier table",
            Self::LinkDown => "link down",
            Self::LinkUp => "link up",
            Self::LinkRemoved => "link removed",
            Self::Rule => "rule",
            Self::Settings => "settings",
        }
    }
}

/// What there was when the default route was last told.
pub(super) struct Then<'a> {
    pub(super) candidates: &'a [Route],
    pub(super) is_up: &'a dyn Fn(IfIndex) -> bool,
    pub(super) same_rules: bool,
}

/// Why packets went by `old` and go by `new` now.
pub(super) fn cause(old: Option<&Route>, new: Option<&Route>, then: &Then<'_>, now: &[Route], mirror: &Mirror) -> DefaultCause {
    match (old, new) {
        (Some(old), new) => cause_of_leaving(old, new, then, now, mirror),
        (None, Some(new)) if !is_among(new, then.candidates) => DefaultCause::Added,
        (None, Some(new)) => {
            let was_down = new.entry.next_hops.iter().filter_map(|hop| hop.interface).any(|index| !(then.is_up)(index));
            match (was_down, then.same_rules) {
                (true, _) => DefaultCause::LinkUp,
                (false, false) => DefaultCause::Rule,
                (false, true) => DefaultCause::Settings,
            }
        }
        (None, None) => DefaultCause::Settings,
    }
}

fn cause_of_leaving(old: &Route, new: Option<&Route>, then: &Then<'_>, now: &[Route], mirror: &Mirror) -> DefaultCause {
    let links: Vec<Option<&Link>> =
        old.entry.next_hops.iter().filter_map(|hop| hop.interface).map(|index| mirror.links().get(&index)).collect();
    if !mirror.links().is_empty() && links.iter().any(Option::is_none) {
        return DefaultCause::LinkRemoved;
    }
    if links.iter().flatten().any(|link| !link.is_up()) {
        return DefaultCause::LinkDown;
    }
    if !is_among(old, now) {
        let in_its_place = now.iter().any(|route| route.slot == old.slot);
        return if in_its_place { DefaultCause::Replaced } else { DefaultCause::Removed };
    }
    let lost_carrier = links.iter().flatten().any(|link| !link.has_carrier());
    match new {
        Some(new) if !is_among(new, then.candidates) => overtaken(old, new),
        // The way that was there all along is taken now: something speaks against the old one, or for the new one.
        _ if lost_carrier => DefaultCause::LinkDown,
        _ if !then.same_rules => DefaultCause::Rule,
        Some(new) if new.entry.next_hops.iter().filter_map(|hop| hop.interface).any(|index| !(then.is_up)(index)) => {
            DefaultCause::LinkUp
        }
        _ => DefaultCause::Settings,
    }
}

fn overtaken(old: &Route, new: &Route) -> DefaultCause {
    if old.slot.table != new.slot.table {
        return DefaultCause::OvertakenByTable;
    }
    match new.slot.destination.length() > old.slot.destination.length() {
        true => DefaultCause::OvertakenByPrefix,
        false => DefaultCause::OvertakenByMetric,
    }
}

/// Says whether a route is in a list, by its slot and its ways; the list's may have more of them.
fn is_among(route: &Route, list: &[Route]) -> bool {
    let way = |hop: &NextHop| (hop.interface, hop.gateway);
    let has_ways = |other: &Route| {
        let has = |hop: &NextHop| other.entry.next_hops.iter().any(|held| way(held) == way(hop));
        route.entry.next_hops.iter().all(has)
    };
    list.iter().any(|other| other.slot == route.slot && other.entry.disposition == route.entry.disposition && has_ways(other))
}
