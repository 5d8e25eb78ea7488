//! Taking routes out.

use waypost_core::{CompareAndDelete, Disposition, Entry, Error, ErrorKind, NextHop, Protocol, Route, RouteVerb, Scope, TableId};

use super::insert::{are_merged, joins, legs_of, merged, missing};
use super::{Place, State, refused};
use crate::SameSlot;

impl State {
    /// Deletes what a program names, as far as this kernel compares it.
    pub(super) fn delete(&mut self, wish: &Route) -> Result<(), Error> {
        let mut wish = wish.clone();
        if wish.slot.table == TableId::UNSPECIFIED {
            wish.slot.table = self.profile.capabilities.main_table;
        }
        let family = self.profile.family(wish.slot.destination.family());
        let all = family.delete_compares_all;
        if let Some(id) = wish.entry.next_hop_object {
            self.object(id)?;
        }
        let names_gateway = wish.entry.next_hops.iter().any(|hop| hop.gateway.is_some());
        if family.delete_wants_gateway && !names_gateway {
            return Err(refused(ErrorKind::Invalid, "a gateway must be named"));
        }
        if self.profile.capabilities.compare_and_delete == CompareAndDelete::Emulated {
            // Whatever there is to the destination goes.
            wish.entry = Entry::default();
        }
        match family.same_slot {
            SameSlot::Ordered | SameSlot::Single | SameSlot::ByGateway => self.delete_ordered(&wish, all),
            SameSlot::Merged => self.delete_each(&legs_of(&wish), all),
        }
    }

    /// Deletes what a program names, but is held up when that has been announced, if this kernel announces it first.
    pub(crate) fn delete_and_be_held_up(&mut self, wish: &Route) -> Result<(), Error> {
        let place = Place::of(&wish.slot);
        let before = self.tables.get(&place).cloned().unwrap_or_default();
        self.delete(wish)?;
        let after = self.tables.get(&place).map_or(&[][..], Vec::as_slice);
        let differs = |(at, route): &(usize, &Route)| after.get(*at) != Some(*route);
        if let Some((at, gone)) = before.iter().enumerate().find(differs) {
            let is_early = self.profile.family(place.family).removal_announced_early;
            self.leaving = is_early.then(|| (place, at, gone.clone()));
        }
        Ok(())
    }

    /// `ip6_route_multipath_del`: each next hop is deleted by itself, and the last failure is told.
    fn delete_each(&mut self, legs: &[Route], compares_all: bool) -> Result<(), Error> {
        let mut last = Ok(());
        for leg in legs {
            last = self.delete_merged(leg, compares_all).and(last);
        }
        last
    }

    fn delete_ordered(&mut self, wish: &Route, compares_all: bool) -> Result<(), Error> {
        let place = Place::of(&wish.slot);
        let chain = self.tables.get_mut(&place).ok_or_else(missing)?;
        let at = chain.iter().position(|route| is_meant(route, wish, compares_all)).ok_or_else(missing)?;
        let gone = chain.remove(at);
        self.gone(&gone);
        Ok(())
    }

    fn delete_merged(&mut self, wish: &Route, compares_all: bool) -> Result<(), Error> {
        let place = Place::of(&wish.slot);
        let chain = self.tables.get_mut(&place).ok_or_else(missing)?;
        let at = chain.iter().position(|route| is_meant(route, wish, compares_all)).ok_or_else(missing)?;
        let leg = chain.remove(at);
        let mut gone = leg.clone();
        // Without a gateway it is the whole route that goes.
        if wish.entry.next_hops.first().is_none_or(|hop| hop.gateway.is_none()) && joins(&leg) {
            chain.insert(at, leg);
            gone = merged(chain, &gone, true);
            chain.retain(|other| !are_merged(other, &gone));
        }
        self.gone(&gone);
        Ok(())
    }

    /// Says that a route has gone.
    pub(super) fn gone(&mut self, route: &Route) {
        self.serial += 1;
        self.tables.retain(|_, chain| !chain.is_empty());
        self.tell_route(RouteVerb::Removed, route);
    }
}

/// What the request leaves at zero is not compared, metric included (`fib_table_delete`, `fib_nh_match`, `ip6_route_del`).
fn is_meant(route: &Route, wish: &Route, compares_all: bool) -> bool {
    let (entry, asked) = (&route.entry, &wish.entry);
    route.slot.tos == wish.slot.tos
        && (route.slot.priority, route.slot.interface_scope) == (wish.slot.priority, wish.slot.interface_scope)
        && route.slot.source == wish.slot.source
        && (wish.slot.metric == 0 || wish.slot.metric == route.slot.metric)
        && (asked.protocol == Protocol::UNSPECIFIED || asked.protocol == entry.protocol)
        && (asked.next_hop_object.is_none() || asked.next_hop_object == entry.next_hop_object)
        // IPv6 takes a route by an object for meant whatever next hop is named.
        && (!compares_all && entry.next_hop_object.is_some() || are_meant(&entry.next_hops, &asked.next_hops))
        && (!compares_all
            || (asked.disposition == Disposition::Other(0) || asked.disposition == entry.disposition)
                && (asked.scope == Scope::NOWHERE || asked.scope == entry.scope)
                && (asked.preferred_source.is_none() || asked.preferred_source == entry.preferred_source)
                && (asked.metrics.is_empty() || asked.metrics == entry.metrics))
}

/// One next hop that is asked for is compared with the first. Of several each of the route's must be there in its place;
/// weights, and what is asked for beyond, are not compared (`fib_nh_match`).
fn are_meant(hops: &[NextHop], asked: &[NextHop]) -> bool {
    match asked {
        [] => true,
        [one] => hops.first().is_some_and(|hop| is_same_way(hop, one)),
        _ => (1..=asked.len()).contains(&hops.len()) && hops.iter().zip(asked).all(|(hop, one)| is_same_way(hop, one)),
    }
}

fn is_same_way(hop: &NextHop, asked: &NextHop) -> bool {
    (asked.interface.is_none() || asked.interface == hop.interface) && (asked.gateway.is_none() || asked.gateway == hop.gateway)
}
