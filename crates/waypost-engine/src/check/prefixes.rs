//! What is wrong among the routes of one table.

use std::net::{Ipv4Addr, Ipv6Addr};

use waypost_core::{Disposition, Family, Prefix, RouteRef, TableRef};

use super::{Finding, Problem, Report, drops, owned};
use crate::mirror::Mirror;

/// The halves of all addresses, by which a tunnel takes everything over without touching the default route.
fn halves(family: Family) -> [Option<Prefix>; 2] {
    let half = |low: bool| match family {
        Family::V4 => Prefix::new(Ipv4Addr::new(if low { 0 } else { 128 }, 0, 0, 0).into(), 1),
        Family::V6 => Prefix::new(Ipv6Addr::new(if low { 0 } else { 0x8000 }, 0, 0, 0, 0, 0, 0, 0).into(), 1),
    };
    [half(true).ok(), half(false).ok()]
}

/// The forwarding routes of a table to one prefix that ask for nothing else of a packet.
fn forwarding<'a>(table: TableRef<'a>, prefix: Prefix) -> Vec<RouteRef<'a>> {
    let plain = |route: &RouteRef<'_>| {
        route.entry.disposition == Disposition::Unicast && route.slot.tos == 0 && route.slot.source.is_none()
    };
    table.exactly(prefix).into_iter().flatten().filter(plain).collect()
}

/// Defaults of one metric, the two halves of everything among them.
pub(super) fn defaults(mirror: &Mirror, table: TableRef<'_>, report: &mut Report) {
    for family in Family::ALL {
        let whole = forwarding(table, Prefix::default_of(family));
        equals(mirror, &whole, report);
        let [Some(low), Some(high)] = halves(family).map(|half| half.map(|half| forwarding(table, half))) else { continue };
        let Some(half) = low.first().filter(|_| !high.is_empty()) else { continue };
        equals(mirror, &low, report);
        // The longer prefix comes first, whatever the metrics are.
        for route in &whole {
            let text = format!("{} is never used: the two halves of everything are longer prefixes", named(mirror, *route));
            let other = Some(owned(*half));
            report.add(Finding { other, ..Finding::of(Problem::HalvesHideDefault, owned(*route), text) });
        }
    }
}

/// Routes to one prefix of which none comes first by its metric.
fn equals(mirror: &Mirror, routes: &[RouteRef<'_>], report: &mut Report) {
    for (at, route) in routes.iter().enumerate() {
        let Some(first) = routes.iter().take(at).find(|other| other.slot == route.slot) else { continue };
        let text = format!("{} has the metric of {}: which is used is an accident", named(mirror, *route), named(mirror, *first));
        report.add(Finding { other: Some(owned(*first)), ..Finding::of(Problem::EqualDefaults, owned(*route), text) });
    }
}

/// What is wrong among the routes to one prefix, in the order in which the kernel tries them.
pub(super) fn chain(mirror: &Mirror, table: TableRef<'_>, routes: &[RouteRef<'_>], report: &mut Report) {
    for (at, route) in routes.iter().enumerate() {
        // What asks for the same packets and comes before it.
        let mut before =
            routes.iter().take(at).filter(|other| other.slot.tos == route.slot.tos && other.slot.source == route.slot.source);
        let is_default = route.slot.destination.is_default();
        if route.entry.disposition != Disposition::Unicast {
            continue;
        }
        let problem = |other: &RouteRef<'_>| match other.slot == route.slot {
            _ if drops(*other) => Some(Problem::Hidden),
            _ if other.entry.protocol == route.entry.protocol => None,
            // Defaults of one metric are told as such.
            true => (!is_default).then_some(Problem::Duplicated),
            false => Some(Problem::Shadowed),
        };
        let Some((problem, other)) = before.find_map(|other| Some((problem(other)?, other))) else { continue };
        let text = match problem {
            Problem::Hidden => format!("{} is never used: {} comes first", named(mirror, *route), named(mirror, *other)),
            Problem::Duplicated => format!("{} stands beside {}", named(mirror, *route), named(mirror, *other)),
            _ => format!("{} waits behind {}", named(mirror, *route), named(mirror, *other)),
        };
        report.add(Finding { other: Some(owned(*other)), ..Finding::of(problem, owned(*route), text) });
    }
    pierced(mirror, table, routes, report);
}

/// A prefix whose packets are dropped out of one whose packets are forwarded; out of a default, or the half of one, it is what such
/// routes are for.
fn pierced(mirror: &Mirror, table: TableRef<'_>, routes: &[RouteRef<'_>], report: &mut Report) {
    let Some(route) = routes.first().filter(|route| drops(**route)) else { return };
    let destination = route.slot.destination;
    let shorter =
        table.covering(destination).filter(|chain| chain.destination() != destination && chain.destination().length() > 1);
    let Some(around) = shorter.last().and_then(|mut chain| chain.next()) else { return };
    if around.entry.disposition == Disposition::Unicast {
        let text = format!("{} drops a part of what {} forwards", named(mirror, *route), named(mirror, around));
        report.add(Finding { other: Some(owned(around)), ..Finding::of(Problem::Pierced, owned(*route), text) });
    }
}

pub(super) fn named(mirror: &Mirror, route: RouteRef<'_>) -> String {
    let mut route = route;
    route.expires = None;
    let text = route.with_names(mirror.names()).to_string();
    format!("`{}`", text.split_whitespace().collect::<Vec<_>>().join(" "))
}
