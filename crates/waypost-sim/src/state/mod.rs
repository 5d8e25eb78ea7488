//! What the simulated machine has: the state behind every handle, and how it changes.

mod addresses;
mod delete;
mod insert;
mod links;
mod listing;
mod lookup;
mod next_hops;
mod reach;
mod rules;

use std::collections::BTreeMap;
use std::net::IpAddr;

use waypost_core::{
    Address, Error, ErrorKind, Family, IfIndex, Link, NextHopId, NextHopObject, Notice, Protocol, Route, RouteVerb, Rule,
    RuleAction, Slot, TableId, Touched, Verb,
};

use crate::Profile;
use crate::socket::Socket;

pub(crate) use listing::Cursor;

/// Where the routes to one prefix stand, in the order in which the kernel lists them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Place {
    family: Family,
    table: TableId,
    network: IpAddr,
    rank: u8,
}

impl Place {
    /// The place of a slot. On one network address IPv4 lists the longest prefix first, IPv6 the shortest.
    pub(crate) fn of(slot: &Slot) -> Self {
        let prefix = slot.destination;
        let rank = match prefix.family() {
            Family::V4 => u8::MAX - prefix.length(),
            Family::V6 => prefix.length(),
        };
        Self { family: prefix.family(), table: slot.table, network: prefix.network(), rank }
    }
}

/// A whole machine.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) profile: Profile,
    pub(crate) sockets: Vec<Socket>,
    links: BTreeMap<IfIndex, Link>,
    addresses: Vec<Address>,
    rules: Vec<Rule>,
    next_hops: BTreeMap<NextHopId, NextHopObject>,
    /// The routes to each prefix, in the kernel's order; merged ones stand here one next hop each, as IPv6 keeps them.
    tables: BTreeMap<Place, Vec<Route>>,
    /// A route that has been announced as gone, and where among those of its prefix it is still listed.
    leaving: Option<(Place, usize, Route)>,
    /// Goes up with every change of a table.
    serial: u64,
    next_index: u32,
    /// The number of the process that acts, where that is told.
    pub(crate) author: Option<u32>,
}

impl State {
    pub(crate) fn new(profile: Profile) -> Self {
        let rules = profile.rules.iter().map(|&(family, priority, table)| {
            let mut rule = Rule::new(family, priority, RuleAction::Lookup(table));
            rule.protocol = Protocol::KERNEL;
            rule
        });
        let mut state = Self {
            rules: rules.collect(),
            profile,
            sockets: Vec::new(),
            links: BTreeMap::new(),
            addresses: Vec::new(),
            next_hops: BTreeMap::new(),
            tables: BTreeMap::new(),
            leaving: None,
            serial: 0,
            next_index: 1,
            author: None,
        };
        state.add_loopback();
        state
    }

    /// Takes the lock under which tables are changed: whoever was held up with it has done what he announced.
    pub(crate) fn take_lock(&mut self) {
        self.leaving = None;
    }

    /// Tells every program that listens.
    fn tell(&mut self, notice: &Notice) {
        self.sockets.iter_mut().for_each(|socket| socket.hear(notice));
    }

    fn tell_route(&mut self, verb: RouteVerb, route: &Route) {
        let notice = Notice::Route(verb, self.shown(route));
        if let (Some(pid), RouteVerb::Removed | RouteVerb::Replaced) = (self.author, verb) {
            let author = Notice::Author { of: Touched::Route(route.slot), pid };
            self.sockets.iter_mut().filter(|socket| socket.tells_authors).for_each(|socket| socket.hear(&author));
        }
        self.tell(&notice);
    }

    fn tell_link(&mut self, index: IfIndex) {
        if let Some(link) = self.links.get(&index) {
            let notice = Notice::Link(Verb::Present, Box::new(link.clone()));
            self.tell(&notice);
        }
    }

    fn tell_address(&mut self, verb: Verb, address: &Address) {
        self.tell(&Notice::Address(verb, Box::new(address.clone())));
    }
}

/// What the kernel says when it will not.
pub(crate) fn refused(kind: ErrorKind, text: &str) -> Error {
    Error::new(kind, "change the tables").with_kernel_text(text)
}
