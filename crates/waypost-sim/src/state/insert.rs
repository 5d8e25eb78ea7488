//! Putting routes into slots: add, replace, change, append, prepend.

use waypost_core::{Error, ErrorKind, NextHop, NextHops, Route, RouteChange, RouteVerb, Slot};

use super::{Place, State, refused};
use crate::SameSlot;

impl State {
    /// Does what a program asks about a route.
    pub(crate) fn change(&mut self, change: RouteChange, route: &Route) -> Result<(), Error> {
        if change == RouteChange::Delete {
            return self.delete(route);
        }
        let route = self.completed(route)?;
        self.insert(change, &route)
    }

    /// Puts in a route that is complete.
    pub(super) fn insert(&mut self, change: RouteChange, route: &Route) -> Result<(), Error> {
        let family = *self.profile.family(route.slot.destination.family());
        let told = match family.same_slot {
            SameSlot::Ordered => self.insert_ordered(change, route, family.identical_replace_announced)?,
            SameSlot::Single | SameSlot::ByGateway => Some(self.insert_plain(change, route, family.same_slot)?),
            SameSlot::Merged => self.insert_merged(change, route, family.identical_replace_announced)?,
        };
        if let Some((verb, route)) = told {
            self.serial += 1;
            self.tell_route(verb, &route);
        }
        Ok(())
    }

    fn insert_ordered(
        &mut self,
        change: RouteChange,
        route: &Route,
        announce_identical: bool,
    ) -> Result<Option<(RouteVerb, Route)>, Error> {
        let chain = self.tables.entry(Place::of(&route.slot)).or_default();
        let (first, end) = span(chain, &route.slot);
        let same = chain.iter().skip(first).take(end - first).position(|other| other.entry == route.entry);
        let (verb, position) = match change {
            RouteChange::Add if first < end => return Err(exists()),
            RouteChange::Change if first == end => return Err(missing()),
            RouteChange::Replace | RouteChange::Change if same == Some(0) => {
                return Ok(announce_identical.then(|| (RouteVerb::Replaced, route.clone())));
            }
            _ if same.is_some() => return Err(exists()),
            _ if first == end => (RouteVerb::Added, first),
            RouteChange::Replace | RouteChange::Change => {
                chain.remove(first);
                (RouteVerb::Replaced, first)
            }
            RouteChange::Append => (RouteVerb::Appended, end),
            _ => (RouteVerb::Prepended, first),
        };
        chain.insert(position, route.clone());
        Ok(Some((verb, route.clone())))
    }

    /// As routing sockets have it: a message adds or changes, and each that succeeds is told.
    fn insert_plain(&mut self, change: RouteChange, route: &Route, same_slot: SameSlot) -> Result<(RouteVerb, Route), Error> {
        let chain = self.tables.entry(Place::of(&route.slot)).or_default();
        let (first, end) = span(chain, &route.slot);
        let is_taken = chain[first..end].iter().any(|other| same_slot == SameSlot::Single || is_duplicate(other, route));
        let (verb, position) = match change {
            RouteChange::Add if is_taken => return Err(exists()),
            RouteChange::Add => (RouteVerb::Added, end),
            RouteChange::Change if first == end => return Err(missing()),
            RouteChange::Change if chain[first + 1..end].iter().any(|other| is_duplicate(other, route)) => return Err(exists()),
            RouteChange::Change => {
                chain.remove(first);
                (RouteVerb::Replaced, first)
            }
            _ => return Err(refused(ErrorKind::Unsupported, "there is no such operation")),
        };
        chain.insert(position, route.clone());
        Ok((verb, route.clone()))
    }

    fn insert_merged(
        &mut self,
        change: RouteChange,
        route: &Route,
        announce_identical: bool,
    ) -> Result<Option<(RouteVerb, Route)>, Error> {
        let legs = legs_of(route);
        let repeats = |(at, leg): (usize, &Route)| legs.iter().take(at).any(|other| is_duplicate(other, leg));
        if legs.iter().enumerate().any(repeats) {
            return Err(exists());
        }
        let chain = self.tables.entry(Place::of(&route.slot)).or_default();
        let before = chain.clone();
        let (first, end) = span(chain, &route.slot);
        let (was_empty, is_multipath) = (first == end, legs.len() > 1);
        let verb = match change {
            RouteChange::Add if !was_empty => return Err(exists()),
            RouteChange::Change if was_empty => return Err(missing()),
            RouteChange::Replace | RouteChange::Change if is_multipath || !was_empty => RouteVerb::Replaced,
            // Several next hops are put in one by one, so they join each other even where nothing was (ip6_route_multipath_add).
            _ if is_multipath || !was_empty => RouteVerb::Appended,
            _ => RouteVerb::Added,
        };
        let mut replacing = matches!(change, RouteChange::Replace | RouteChange::Change) && !was_empty;
        for (count, leg) in legs.iter().enumerate() {
            if std::mem::take(&mut replacing) {
                replace_merged(chain, leg);
                continue;
            }
            let (first, end) = span(chain, &leg.slot);
            if chain.iter().skip(first).take(end - first).any(|other| is_duplicate(other, leg)) {
                let taken_back = legs.get(..count).unwrap_or_default();
                let told = taken_back.last().map(|last| merged(chain, last, false));
                *chain = before;
                self.tell_taken_back(told.as_ref(), taken_back);
                return Err(exists());
            }
            chain.insert(end, leg.clone());
        }
        if *chain == before && !announce_identical {
            return Ok(None);
        }
        let told = match &legs[..] {
            // The kernel starts a multipath's notice from its first next hop, and that of a single one from the new.
            [_, .., last] => merged(chain, last, false),
            [leg] => merged(chain, leg, true),
            [] => route.clone(),
        };
        Ok(Some((verb, told)))
    }

    /// Several next hops of which one cannot join: those before it are told as they come and as they go again.
    fn tell_taken_back(&mut self, told: Option<&Route>, taken_back: &[Route]) {
        if let Some(told) = told {
            self.serial += 1;
            self.tell_route(RouteVerb::Appended, told);
        }
        taken_back.iter().for_each(|leg| self.tell_route(RouteVerb::Removed, leg));
    }
}

/// Where in a chain the routes of a slot stand: from the first to behind the last.
pub(super) fn span(chain: &[Route], slot: &Slot) -> (usize, usize) {
    // Higher types of service come first (fib_find_alias, net/ipv4/fib_trie.c), then lower metrics.
    let key = |slot: &Slot| (slot.source, u8::MAX - slot.tos, slot.metric, slot.priority, slot.interface_scope);
    let first = chain.partition_point(|other| key(&other.slot) < key(slot));
    let end = chain.partition_point(|other| key(&other.slot) <= key(slot));
    (first, end)
}

/// Says whether a route joins others of its kind: it has a gateway of its own (`rt6_qualify_for_ecmp`, include/net/ip6_route.h).
pub(super) fn joins(route: &Route) -> bool {
    route.entry.next_hop_object.is_none() && route.entry.next_hops.first().is_some_and(|hop| hop.gateway.is_some())
}

/// Says whether two legs are parts of one route.
pub(super) fn are_merged(one: &Route, other: &Route) -> bool {
    joins(one) && joins(other) && one.slot == other.slot
}

/// The route that a leg is part of. What is told of a new leg begins with it and has its protocol.
pub(super) fn merged(chain: &[Route], leg: &Route, from_the_new: bool) -> Route {
    let mut all: Vec<&Route> = chain.iter().filter(|other| are_merged(other, leg)).collect();
    if from_the_new {
        let at = all.iter().position(|other| *other == leg).unwrap_or_default();
        all.rotate_left(at);
    }
    let Some(first) = all.first() else { return leg.clone() };
    let mut route = (*first).clone();
    route.entry.next_hops = all.iter().flat_map(|leg| leg.entry.next_hops.iter().cloned()).collect();
    route
}

/// The route once for each of its next hops.
pub(super) fn legs_of(route: &Route) -> Vec<Route> {
    let with = |hop: &NextHop| {
        let mut leg = route.clone();
        leg.entry.next_hops = NextHops::one(hop.clone());
        leg
    };
    if route.entry.next_hops.is_empty() { vec![route.clone()] } else { route.entry.next_hops.iter().map(with).collect() }
}

/// `fib6_add_rt2node`: the first of the same kind goes, with all that it was merged with; or else the first of the slot.
fn replace_merged(chain: &mut Vec<Route>, leg: &Route) {
    let (first, end) = span(chain, &leg.slot);
    let like = chain.iter().skip(first).take(end - first).position(|other| joins(other) == joins(leg));
    let at = like.map_or(first, |offset| first + offset);
    let old = std::mem::replace(&mut chain[at], leg.clone());
    if joins(&old) {
        let mut position = 0;
        chain.retain(|other| {
            position += 1;
            position - 1 == at || !are_merged(other, &old)
        });
    }
}

/// `rt6_duplicate_nexthop`: the gateway and the interface tell, nothing else.
fn is_duplicate(one: &Route, other: &Route) -> bool {
    let way = |route: &Route| {
        let hop = route.entry.next_hops.first();
        (route.entry.next_hop_object, hop.and_then(|hop| hop.gateway), hop.and_then(|hop| hop.interface))
    };
    way(one) == way(other)
}

fn exists() -> Error {
    refused(ErrorKind::Exists, "there is such a route")
}

pub(super) fn missing() -> Error {
    refused(ErrorKind::NotFound, "there is no such route")
}
