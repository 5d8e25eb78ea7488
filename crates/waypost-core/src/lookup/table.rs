//! Which route of one table is taken: `fib_table_lookup` in `net/ipv4/fib_trie.c`, `rt6_select` in `net/ipv6/route.c` (Linux 6.18).

use super::Settings;
use crate::tables::{Chain, TableRef};
use crate::{Disposition, Family, Flow, IfIndex, NextHop, NextHopFlags, RouteRef, SettingsOf};

/// The route that a table has.
pub(super) enum Hit<'a> {
    /// One that packets can take.
    Route(RouteRef<'a>),
    /// One that says no.
    Refused(RouteRef<'a>),
}

/// The route of the longest prefix that has a usable one.
pub(super) fn find<'a>(table: TableRef<'a>, flow: &Flow, settings: Option<&Settings>) -> Option<Hit<'a>> {
    // Nearly always the longest match is it.
    if let Some(hit) = in_chain(table.longest_match(flow.destination)?, flow, settings) {
        return Some(hit);
    }
    let shorter: Vec<Chain<'a>> = table.matches(flow.destination).collect();
    shorter.into_iter().rev().find_map(|chain| in_chain(chain, flow, settings))
}

/// The first usable route to one prefix; among IPv6 routes of the same metric, the one of the highest preference.
fn in_chain<'a>(chain: Chain<'a>, flow: &Flow, settings: Option<&Settings>) -> Option<Hit<'a>> {
    let mut usable = chain.filter(|route| is_for(route, flow) && is_usable_route(route, flow, settings));
    let mut best = usable.next()?;
    if best.slot.destination.family() == Family::V6 {
        let rank = (best.slot.source, best.slot.metric);
        let equals = usable.take_while(|route| (route.slot.source, route.slot.metric) == rank);
        best = equals.fold(best, |best, route| if route.entry.preference > best.entry.preference { route } else { best });
    }
    Some(if best.entry.disposition.forwards() { Hit::Route(best) } else { Hit::Refused(best) })
}

/// Says whether a route asks for a source or type of service that the flow has.
fn is_for(route: &RouteRef<'_>, flow: &Flow) -> bool {
    // The kernel compares but the DSCP: the low two bits are for congestion.
    let tos = route.slot.tos == 0 || route.slot.tos == flow.tos & 0xfc || route.slot.tos == flow.tos;
    let source = route.slot.source.is_none_or(|prefix| match flow.source {
        Some(std::net::IpAddr::V6(source)) => prefix.contains(source),
        _ => false,
    });
    tos && source
}

fn is_usable_route(route: &RouteRef<'_>, flow: &Flow, settings: Option<&Settings>) -> bool {
    let hops = &route.entry.next_hops;
    match route.entry.disposition {
        Disposition::Blackhole | Disposition::Unreachable | Disposition::Prohibit | Disposition::Throw => true,
        _ => hops.iter().any(|hop| is_usable(hop, flow, settings)),
    }
}

/// Says whether packets of a flow may go that way.
pub(super) fn is_usable(hop: &NextHop, flow: &Flow, settings: Option<&Settings>) -> bool {
    let family = Family::of(&flow.destination);
    let down = hop.flags.contains(NextHopFlags::LINK_DOWN)
        && hop.interface.is_some_and(|index| ignores_link_down(settings, family, index));
    let wanted = flow.output.is_none_or(|output| hop.interface == Some(output));
    !hop.flags.contains(NextHopFlags::DEAD) && !down && wanted
}

/// `IN_DEV_IGNORE_ROUTES_WITH_LINKDOWN` in `include/linux/inetdevice.h` (Linux 6.18): for all interfaces or for this one.
fn ignores_link_down(settings: Option<&Settings>, family: Family, index: IfIndex) -> bool {
    let of = |of| settings?.get(&(family, of))?.ignore_routes_with_link_down;
    of(SettingsOf::All).unwrap_or(false) || of(SettingsOf::Interface(index)).unwrap_or(false)
}
