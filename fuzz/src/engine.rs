//! The mirror: whatever the kernel says, a subscriber who applies the events in their order has what the mirror has.
//!
//! The input is a list of acts, as that of the target `session` is.

use std::collections::BTreeMap;

use waypost_core::{Family, IfIndex, Notice, Notices, Now, Route, RouteVerb, Slot, Verb};
use waypost_engine::{Change, Event, Mirror, Subject};
use waypost_netlink::session::{Datagram, EventLane};

use crate::session::Acts;

/// Acts out `data`.
pub fn run(data: &[u8]) {
    let mut play = Play { mirror: Mirror::new(), lane: EventLane::new(1, 1), subscriber: Subscriber::default(), out: Vec::new() };
    let mut acts = Acts(data);
    while let Some(act) = acts.byte() {
        if play.act(act, &mut acts).is_none() {
            break;
        }
        play.settle();
    }
}

struct Play {
    mirror: Mirror,
    /// Turns datagrams into notices.
    lane: EventLane,
    subscriber: Subscriber,
    out: Vec<Event>,
}

impl Play {
    /// One act; `None` where the input ends in the middle of it.
    fn act(&mut self, act: u8, acts: &mut Acts<'_>) -> Option<()> {
        match act % 5 {
            0 => self.hear(acts.bytes()?, false),
            1 => self.hear(acts.bytes()?, true),
            2 => self.mirror.begin(subject(acts.byte()?)),
            3 => {
                // Whether it was the whole truth is for whoever asks for dumps.
                let _ = self.mirror.end(subject(acts.byte()?), acts.byte()? & 1 == 0, &mut self.out);
            }
            _ => {
                let doubts = self.mirror.take_doubts();
                assert!(doubts.len() < 1000 && self.mirror.take_doubts().is_empty());
            }
        }
        Some(())
    }

    /// Tells the mirror what is in a datagram: as news, or as parts of a dump.
    fn hear(&mut self, bytes: &[u8], listed: bool) {
        let mut notices = Notices::new();
        self.lane.receive(Now::default(), Datagram { bytes, port: 0, truncated: false }, &mut notices);
        for notice in notices {
            self.mirror.handle(if listed { as_listed(notice) } else { notice }, &mut self.out);
        }
    }

    /// Applies what was told, and compares.
    fn settle(&mut self) {
        self.out.drain(..).for_each(|event| self.subscriber.apply(event));
        let mut held: BTreeMap<Slot, Vec<Route>> = BTreeMap::new();
        for route in self.mirror.routes() {
            held.entry(route.slot).or_default().push(without_expiry(route.to_route()));
        }
        assert_eq!(held, self.subscriber.routes, "the mirror has the one, who listens the other");
        assert_eq!(self.mirror.tables().len(), self.mirror.routes().count());
        assert_eq!(self.mirror.links().len(), self.subscriber.links);
        assert_eq!(self.mirror.next_hops().len(), self.subscriber.next_hops);
        assert_eq!(self.mirror.addresses().count(), self.subscriber.addresses);
        assert_eq!(self.mirror.neighbours().count(), self.subscriber.neighbours);
        assert_eq!(self.mirror.settings().len(), self.subscriber.settings);
        for family in Family::ALL {
            let mut rules = self.mirror.rules(family).iter().map(ToString::to_string).collect::<Vec<_>>();
            rules.sort();
            assert_eq!(Some(&rules), self.subscriber.rules.get(&family).or(Some(&Vec::new())));
        }
    }
}

/// What somebody knows who hears the events alone.
#[derive(Debug, Default)]
struct Subscriber {
    /// In the order of their slot.
    routes: BTreeMap<Slot, Vec<Route>>,
    rules: BTreeMap<Family, Vec<String>>,
    links: usize,
    addresses: usize,
    neighbours: usize,
    next_hops: usize,
    settings: usize,
}

impl Subscriber {
    fn apply(&mut self, event: Event) {
        match event {
            Event::Route { change, position } => self.route(change, position),
            Event::Rule(change) => {
                if let Some(old) = change.before() {
                    let rules = self.rules.get_mut(&old.family).expect("what goes was there");
                    let at = rules.iter().position(|rule| *rule == old.to_string()).expect("what goes was there");
                    rules.remove(at);
                }
                if let Some(new) = change.now() {
                    let rules = self.rules.entry(new.family).or_default();
                    rules.push(new.to_string());
                    rules.sort();
                }
            }
            Event::Link(change) => count(&mut self.links, &change),
            Event::Address(change) => count(&mut self.addresses, &change),
            Event::Neighbour(change) => count(&mut self.neighbours, &change),
            Event::NextHop(change) => count(&mut self.next_hops, &change),
            Event::Settings(change) => count(&mut self.settings, &change),
            _ => {}
        }
    }

    fn route(&mut self, change: Change<Route>, position: usize) {
        let slot = change.now().or(change.before()).expect("a change is of something").slot;
        let chain = self.routes.entry(slot).or_default();
        if let Some(old) = change.before() {
            assert_eq!(chain.get(position), Some(&without_expiry(old.clone())), "what goes was there");
        }
        match change {
            Change::Added(new) => chain.insert(position, without_expiry(new)),
            Change::Replaced { new, .. } => chain[position] = without_expiry(new),
            Change::Removed(_) => drop(chain.remove(position)),
        }
        if chain.is_empty() {
            self.routes.remove(&slot);
        }
    }
}

fn count<T>(number: &mut usize, change: &Change<T>) {
    match change {
        Change::Added(_) => *number += 1,
        Change::Removed(_) => *number = number.checked_sub(1).expect("what goes was there"),
        Change::Replaced { .. } => assert!(*number > 0, "what becomes another was there"),
    }
}

/// A renewed expiry is no event, so who hears the events alone does not know it.
fn without_expiry(mut route: Route) -> Route {
    route.expires = None;
    route
}

fn as_listed(notice: Notice) -> Notice {
    match notice {
        Notice::Route(_, route) => Notice::Route(RouteVerb::Listed, route),
        Notice::Rule(_, rule) => Notice::Rule(Verb::Listed, rule),
        Notice::Link(_, link) => Notice::Link(Verb::Listed, link),
        Notice::Address(_, address) => Notice::Address(Verb::Listed, address),
        Notice::Neighbour(_, neighbour) => Notice::Neighbour(Verb::Listed, neighbour),
        Notice::NextHop(_, object) => Notice::NextHop(Verb::Listed, object),
        Notice::Settings(_, settings) => Notice::Settings(Verb::Listed, settings),
        other => other,
    }
}

fn subject(number: u8) -> Subject {
    let family = if number & 0x40 == 0 { Family::V4 } else { Family::V6 };
    match number & 7 {
        0 => Subject::Rules(family),
        1 => Subject::Links,
        2 => Subject::Addresses,
        3 => Subject::Neighbours,
        4 => Subject::NextHops,
        5 => Subject::Settings(family),
        6 => Subject::Routes(family, None),
        _ => Subject::Routes(family, IfIndex::new(u32::from(number >> 3 & 7))),
    }
}
