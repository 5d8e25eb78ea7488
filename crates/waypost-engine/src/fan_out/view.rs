//! What there is, as far as it passes a filter.

use waypost_core::{Address, Family, InterfaceSettings, Link, Neighbour, NextHopObject, RouteRef, Rule, Slot};

use super::EventFilter;
use crate::mirror::{Change, Event, Mirror};

/// What there is, as far as a subscriber wants to know. It is borrowed from the mirror: a million routes cost nothing until they are read.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    filter: &'a EventFilter,
    mirror: &'a Mirror,
}

impl<'a> View<'a> {
    pub(super) const fn new(filter: &'a EventFilter, mirror: &'a Mirror) -> Self {
        Self { filter, mirror }
    }

    /// The mirror that it is a part of.
    #[must_use]
    pub const fn mirror(self) -> &'a Mirror {
        self.mirror
    }

    /// The routes: by table, then by prefix, then in the order in which the kernel would try them.
    pub fn routes(self) -> impl Iterator<Item = RouteRef<'a>> {
        self.mirror.routes().filter(move |route| self.filter.passes_route(*route))
    }

    /// The rules: IPv4 before IPv6, each in the order in which the kernel tries them.
    pub fn rules(self) -> impl Iterator<Item = &'a Rule> {
        let all = Family::ALL.into_iter().flat_map(move |family| self.mirror.rules(family));
        all.filter(move |rule| self.filter.passes_rule(rule))
    }

    /// The links, by number.
    pub fn links(self) -> impl Iterator<Item = &'a Link> {
        self.mirror.links().values().filter(move |link| self.filter.passes_link(link))
    }

    /// The addresses, by interface.
    pub fn addresses(self) -> impl Iterator<Item = &'a Address> {
        self.mirror.addresses().filter(move |address| self.filter.passes_address(address))
    }

    /// The neighbours, by interface.
    pub fn neighbours(self) -> impl Iterator<Item = &'a Neighbour> {
        self.mirror.neighbours().filter(move |neighbour| self.filter.passes_neighbour(neighbour))
    }

    /// The next-hop objects, by number.
    pub fn next_hops(self) -> impl Iterator<Item = &'a NextHopObject> {
        self.mirror.next_hops().values().filter(move |object| self.filter.passes_next_hop(object))
    }

    /// The settings of interfaces.
    pub fn settings(self) -> impl Iterator<Item = &'a InterfaceSettings> {
        self.mirror.settings().values().filter(move |settings| self.filter.passes_settings(settings))
    }

    /// All of it as if it had just come: links, addresses, settings, neighbours, next-hop objects, rules, and routes last. Each is made as
    /// it is asked for.
    pub fn events(self) -> impl Iterator<Item = Event> + use<'a> {
        let links = self.links().map(|link| Event::Link(Change::Added(link.clone())));
        let addresses = self.addresses().map(|address| Event::Address(Change::Added(address.clone())));
        let settings = self.settings().map(|settings| Event::Settings(Change::Added(*settings)));
        let neighbours = self.neighbours().map(|neighbour| Event::Neighbour(Change::Added(neighbour.clone())));
        let next_hops = self.next_hops().map(|object| Event::NextHop(Change::Added(object.clone())));
        let rules = self.rules().map(|rule| Event::Rule(Change::Added(rule.clone())));
        links.chain(addresses).chain(settings).chain(neighbours).chain(next_hops).chain(rules).chain(self.route_events())
    }

    /// The routes as if they had just come, each with its place in its slot.
    fn route_events(self) -> impl Iterator<Item = Event> + use<'a> {
        let mut before: Option<(Slot, usize)> = None;
        self.mirror.routes().filter_map(move |route| {
            let position = before.filter(|(slot, _)| *slot == route.slot).map_or(0, |(_, position)| position + 1);
            before = Some((route.slot, position));
            let passes = self.filter.passes_route(route);
            passes.then(|| Event::Route { change: Change::Added(route.to_route()), position })
        })
    }
}
