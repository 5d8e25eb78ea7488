//! Listing the tables, a batch at a time.

use std::borrow::Cow;
use std::collections::BTreeMap;

use waypost_core::{Family, NextHopFlags, Route, RouteFilter, Slot, TableId, Trace, Weight};

use super::insert::{are_merged, merged};
use super::{Place, State};
use crate::{Resume, SameSlot};

/// How far a dump has come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cursor {
    /// The prefix that was listed last, and how many of its routes were.
    at: Option<(Place, usize)>,
    /// How many routes of that table were listed, whether they passed the filter or not.
    count: usize,
    serial: u64,
}

impl State {
    /// The route as programs are shown it: with the next hops of its object and what their links say.
    pub(super) fn shown(&self, route: &Route) -> Route {
        let mut route = route.clone();
        if let Some(object) = route.entry.next_hop_object.and_then(|id| self.next_hops.get(&id)) {
            route.entry.next_hops = self.hops_of(&object.kind).into();
        }
        if let [one] = &*route.entry.next_hops {
            // A message has no place for the weight of a single next hop.
            route.entry.next_hops = one.clone().with_weight(Weight::ONE).into();
        }
        let carries = |hop: &waypost_core::NextHop| {
            hop.interface.and_then(|index| self.links.get(&index)).is_none_or(waypost_core::Link::has_carrier)
        };
        if !self.profile.family(route.slot.destination.family()).shows_lost_carrier {
            return route;
        }
        let is_attached = route.entry.next_hops.iter().all(|hop| carries(hop) && !hop.flags.contains(NextHopFlags::DEAD));
        if !is_attached {
            let mark = |mut hop: waypost_core::NextHop| {
                hop.flags.set(NextHopFlags::LINK_DOWN, !carries(&hop) || hop.flags.contains(NextHopFlags::DEAD));
                hop
            };
            route.entry.next_hops = route.entry.next_hops.iter().cloned().map(mark).collect();
        }
        route
    }

    /// The routes to one prefix as programs are shown them.
    fn listed(&self, family: Family, chain: &[Route]) -> Vec<Route> {
        match self.profile.family(family).same_slot {
            SameSlot::Ordered | SameSlot::Single | SameSlot::ByGateway => chain.iter().map(|route| self.shown(route)).collect(),
            SameSlot::Merged => {
                let mut shown = Vec::new();
                let mut rest = chain;
                while let Some(first) = rest.first() {
                    shown.push(self.shown(&merged(chain, first, false)));
                    // Behind the first of several next hops the walk goes on after the last of them, and so misses whatever
                    // else stands between (fib6_dump_node, net/ipv6/ip6_fib.c, seen on 6.18).
                    let last = rest.iter().rposition(|other| are_merged(first, other));
                    rest = rest.get(last.unwrap_or(0) + 1..).unwrap_or_default();
                }
                shown
            }
        }
    }

    /// The routes to each prefix, with the one that has been announced as gone and has not gone.
    fn with_leaving(&self) -> Cow<'_, BTreeMap<Place, Vec<Route>>> {
        let Some((place, at, route)) = &self.leaving else { return Cow::Borrowed(&self.tables) };
        let mut tables = self.tables.clone();
        let chain = tables.entry(*place).or_default();
        chain.insert(chain.len().min(*at), route.clone());
        Cow::Owned(tables)
    }

    /// Says whether a program can ask for what is there and not listed: only where IPv6 merges is there such.
    pub(crate) fn tells_traces(&self, socket: usize) -> bool {
        let is_told = self.sockets.get(socket).is_some_and(|socket| socket.tells_traces);
        is_told && self.profile.family(Family::V6).same_slot == SameSlot::Merged
    }

    /// What there is of these slots, a next hop each: one for a route that uses an object (`ipv6_route_native_seq_show`, net/ipv6/ip6_fib.c,
    /// Linux 6.18).
    pub(crate) fn traces(&self, slots: &[Slot]) -> Vec<Trace> {
        let chains = self.tables.iter().filter(|(place, _)| place.family == Family::V6);
        let trace = |route: &Route| {
            let shown = self.shown(route);
            let hop = shown.entry.next_hops.first();
            let mut trace = Trace::new(route.slot.destination, route.slot.metric);
            trace.source = route.slot.source;
            trace.gateway = hop.and_then(|hop| hop.gateway);
            let link = hop.and_then(|hop| hop.interface).and_then(|index| self.links.get(&index));
            trace.interface = link.map(|link| link.name.clone());
            slots.iter().any(|slot| trace.is_of(slot)).then_some(trace)
        };
        chains.flat_map(|(_, chain)| chain).filter_map(trace).collect()
    }

    /// The next batch of a dump: up to `size` routes that pass, and whether more may follow.
    pub(crate) fn list(
        &self,
        family: Family,
        filter: &RouteFilter,
        size: usize,
        whole: bool,
        cursor: &mut Cursor,
    ) -> (Vec<Route>, bool) {
        let resume = if whole { Resume::ByPrefix } else { self.profile.family(family).resume };
        let skips_by_count = resume == Resume::ByCount && cursor.serial != self.serial;
        let resumed = *cursor;
        let mut batch = Vec::new();
        let mut table: Option<TableId> = None;
        let mut seen = 0;
        for (place, chain) in self.with_leaving().iter().filter(|(place, _)| place.family == family) {
            if table != Some(place.table) {
                (table, seen) = (Some(place.table), 0);
            }
            for (position, route) in self.listed(family, chain).into_iter().enumerate() {
                seen += 1;
                let was_listed = match resumed.at {
                    None => false,
                    Some((at, _)) if at.table != place.table => place.table < at.table,
                    Some(_) if skips_by_count => seen <= resumed.count,
                    Some((at, of_it)) => *place < at || (*place == at && position < of_it),
                };
                if was_listed {
                    continue;
                }
                if batch.len() == size {
                    return (batch, true);
                }
                *cursor = Cursor { at: Some((*place, position + 1)), count: seen, serial: self.serial };
                if filter.passes(route.as_ref()) {
                    batch.push(route);
                }
            }
        }
        (batch, false)
    }
}
