//! What a subscriber has who took a snapshot and applies events to it.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use waypost::{Address, Change, Event, Link, Mirror, Neighbour, NextHopObject, Route, Slot};

/// A copy of a mirror that is kept up to date by its events alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Replay {
    routes: BTreeMap<Slot, Vec<Route>>,
    links: Vec<Link>,
    addresses: Vec<Address>,
    neighbours: Vec<Neighbour>,
    next_hops: Vec<NextHopObject>,
}

impl Replay {
    /// What the mirror has now. Times are left out: that they pass is no event.
    #[must_use]
    pub fn of(mirror: &Mirror) -> Self {
        let mut routes: BTreeMap<Slot, Vec<Route>> = BTreeMap::new();
        for route in mirror.routes() {
            routes.entry(route.slot).or_default().push(timeless(route.to_route()));
        }
        let mut replay = Self {
            routes,
            links: mirror.links().values().cloned().collect(),
            addresses: mirror.addresses().map(ageless).collect(),
            neighbours: mirror.neighbours().cloned().collect(),
            next_hops: mirror.next_hops().values().cloned().collect(),
        };
        replay.sort();
        replay
    }

    /// Applies what a subscriber is told.
    ///
    /// # Panics
    ///
    /// Where an event does not fit what is there.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Route { change, position } => self.route(change, *position),
            Event::Link(change) => apply(&mut self.links, change, Link::clone),
            Event::Address(change) => apply(&mut self.addresses, change, ageless),
            Event::Neighbour(change) => apply(&mut self.neighbours, change, Neighbour::clone),
            Event::NextHop(change) => apply(&mut self.next_hops, change, NextHopObject::clone),
            _ => {}
        }
    }

    fn route(&mut self, change: &Change<Route>, position: usize) {
        let slot = change.now().or(change.before()).expect("a change is of something").slot;
        let held = self.routes.entry(slot).or_default();
        if let Some(old) = change.before() {
            assert_eq!(held.get(position), Some(&timeless(old.clone())), "before {change:?} at {position} of {held:?}");
        }
        match change {
            Change::Added(new) => held.insert(position, timeless(new.clone())),
            Change::Replaced { new, .. } => held[position] = timeless(new.clone()),
            Change::Removed(_) => drop(held.remove(position)),
        }
        if held.is_empty() {
            self.routes.remove(&slot);
        }
    }

    /// Says that this is what the mirror has.
    ///
    /// # Panics
    ///
    /// Where it is not.
    pub fn assert_is(&mut self, mirror: &Mirror) {
        self.sort();
        let expected = Self::of(mirror);
        for (slot, routes) in &self.routes {
            assert_eq!(expected.routes.get(slot), Some(routes), "replayed at {slot:?}");
        }
        assert_eq!(self.routes.len(), expected.routes.len(), "slots that have routes");
        assert_eq!(self, &expected);
    }

    /// Says that all but routes is the same in both: links, addresses, neighbours, next-hop objects.
    ///
    /// # Panics
    ///
    /// Where it is not.
    pub fn assert_same_but_routes(&mut self, other: &mut Self) {
        self.sort();
        other.sort();
        assert_eq!(self.links, other.links);
        assert_eq!(self.addresses, other.addresses);
        assert_eq!(self.neighbours, other.neighbours);
        assert_eq!(self.next_hops, other.next_hops);
    }

    fn sort(&mut self) {
        self.links.sort_by_key(|link| link.index);
        self.addresses.sort_by_key(|address| (address.interface, address.local, address.prefix_length, address.peer));
        self.neighbours.sort_by_key(|neighbour| (neighbour.interface, neighbour.address, neighbour.proxy));
        self.next_hops.sort_by_key(|object| object.id);
    }
}

fn apply<T: PartialEq + Debug>(all: &mut Vec<T>, change: &Change<T>, copy: fn(&T) -> T) {
    if let Some(old) = change.before() {
        let at = all.iter().position(|held| *held == copy(old));
        all.swap_remove(at.unwrap_or_else(|| panic!("what {change:?} was of is not among {all:?}")));
    }
    all.extend(change.now().map(copy));
}

fn timeless(mut route: Route) -> Route {
    route.expires = None;
    route
}

/// An address without how long it still lives.
#[must_use]
pub fn ageless(address: &Address) -> Address {
    let mut address = address.clone();
    address.valid = address.valid.map(|_| Duration::ZERO);
    address.preferred = address.preferred.map(|_| Duration::ZERO);
    address
}
