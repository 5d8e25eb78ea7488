//! What the network is like, as far as it means anything to a program.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use waypost_core::{Address, AddressFlags, Family, IfIndex, InterfaceNames, Link, Neighbour, NeighbourState, Route, Rule, Scope};

use super::defaults::{DefaultRoute, candidates, default_route};
use super::options::MonitorOptions;
use crate::Mirror;

/// Whether a link can carry packets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum LinkStanding {
    /// It is switched off, or is not there.
    Down,
    /// It is switched on and has no carrier.
    NoCarrier,
    /// It is up.
    Up,
}

impl LinkStanding {
    /// How a link stands.
    #[must_use]
    pub const fn of(link: &Link) -> Self {
        match (link.is_up(), link.has_carrier()) {
            (_, true) => Self::Up,
            (true, _) => Self::NoCarrier,
            _ => Self::Down,
        }
    }

    /// A word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::NoCarrier => "no carrier",
            Self::Up => "up",
        }
    }
}

/// An address that connections can be made from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub struct UsableAddress {
    /// The interface.
    pub interface: IfIndex,
    /// The address.
    pub address: IpAddr,
    /// How many leading bits are the network's.
    pub prefix_length: u8,
}

/// What the network is like: what a [`Report`](super::Report) compares.
///
/// It can be taken by itself, without following anything.
///
/// ```
/// use waypost_core::{Family, Link, LinkFlags, Notice, RouteVerb, Rule, RuleAction, TableId, IfIndex, Verb};
/// use waypost_engine::{Mirror, MonitorOptions, Snapshot};
///
/// let (mut mirror, mut events) = (Mirror::new(), Vec::new());
/// let mut link = Link::new(IfIndex::new(2).unwrap(), "eth0");
/// link.flags = LinkFlags::UP | LinkFlags::LOWER_UP;
/// let rule = Rule::new(Family::V4, 32766, RuleAction::Lookup(TableId::MAIN));
/// mirror.handle(Notice::Link(Verb::Present, Box::new(link)), &mut events);
/// mirror.handle(Notice::Rule(Verb::Present, Box::new(rule)), &mut events);
/// mirror.handle(Notice::Route(RouteVerb::Added, "default via 192.0.2.1 dev if2".parse()?), &mut events);
///
/// let snapshot = Snapshot::of(&mirror, &MonitorOptions::new());
/// let way = snapshot.default_route(Family::V4).unwrap();
/// assert_eq!(way.hops().next().unwrap().gateway, Some("192.0.2.1".parse().unwrap()));
/// # Ok::<(), waypost_core::ParseError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub(super) defaults: [Option<DefaultRoute>; 2],
    /// All routes that could have been the default route, by family.
    pub(super) candidates: [Vec<Route>; 2],
    pub(super) links: BTreeMap<IfIndex, LinkStanding>,
    pub(super) addresses: BTreeSet<UsableAddress>,
    pub(super) rules: [Vec<Rule>; 2],
    pub(super) gateways: BTreeMap<(IfIndex, IpAddr), Vec<u8>>,
    pub(super) names: InterfaceNames,
}

impl Snapshot {
    /// What `mirror` has, seen with these options.
    #[must_use]
    pub fn of(mirror: &Mirror, options: &MonitorOptions) -> Self {
        let candidates = Family::ALL.map(|family| candidates(mirror, options, family));
        let defaults = Family::ALL.map(|family| default_route(mirror, options, family, &candidates[family as usize]));
        let counting = mirror.links().values().filter(|link| options.counts(&link.name));
        let links: BTreeMap<IfIndex, LinkStanding> = counting.map(|link| (link.index, LinkStanding::of(link))).collect();
        let is_on = |index: &IfIndex| links.get(index).is_some_and(|standing| *standing != LinkStanding::Down);
        let addresses = mirror.addresses().filter(|address| is_on(&address.interface)).filter_map(|own| usable(own, options));
        let addresses = addresses.collect();
        let foreign = |rule: &&Rule| !options.own.contains(&rule.protocol);
        let rules = Family::ALL.map(|family| mirror.rules(family).iter().filter(foreign).map(settled).collect());
        let gateways = gateways(mirror, &defaults);
        Self { defaults, candidates, links, addresses, rules, gateways, names: mirror.names().clone() }
    }

    /// The route that packets to anywhere follow.
    #[must_use]
    pub const fn default_route(&self, family: Family) -> Option<&DefaultRoute> {
        self.defaults[family as usize].as_ref()
    }

    /// The links that count, by number, and how they stand.
    #[must_use]
    pub const fn links(&self) -> &BTreeMap<IfIndex, LinkStanding> {
        &self.links
    }

    /// The addresses that connections can be made from.
    #[must_use]
    pub const fn addresses(&self) -> &BTreeSet<UsableAddress> {
        &self.addresses
    }

    /// The rules, but those of the program's own.
    #[must_use]
    pub fn rules(&self, family: Family) -> &[Rule] {
        &self.rules[family as usize]
    }

    /// The link-layer address of a gateway of the default route, where neighbours are followed and it is known.
    #[must_use]
    pub fn gateway_link_address(&self, interface: IfIndex, gateway: IpAddr) -> Option<&[u8]> {
        self.gateways.get(&(interface, gateway)).map(Vec::as_slice)
    }

    /// Says whether there is an address of the family that reaches beyond the link.
    #[must_use]
    pub fn has_family(&self, family: Family) -> bool {
        self.addresses.iter().any(|usable| Family::of(&usable.address) == family && !is_link_local(usable.address))
    }

    /// The names that interfaces had.
    #[must_use]
    pub const fn names(&self) -> &InterfaceNames {
        &self.names
    }

    pub(super) fn standing(&self, index: IfIndex) -> LinkStanding {
        self.links.get(&index).copied().unwrap_or(LinkStanding::Down)
    }
}

/// A rule without the marks that the kernel sets as interfaces come and go.
fn settled(rule: &Rule) -> Rule {
    let mut rule = rule.clone();
    rule.os_flags = 0;
    rule
}

/// The address as one that connections can be made from, if it is.
pub(super) fn usable(address: &Address, options: &MonitorOptions) -> Option<UsableAddress> {
    let local = address.local;
    let is_ready = !address.flags.intersects(AddressFlags::TENTATIVE | AddressFlags::DUPLICATED);
    let reaches = !local.is_loopback() && !local.is_unspecified() && address.scope != Scope::HOST;
    let wanted = options.link_local || !is_link_local(local);
    (is_ready && reaches && wanted).then_some(UsableAddress {
        interface: address.interface,
        address: local,
        prefix_length: address.prefix_length,
    })
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// The link-layer addresses of the gateways.
fn gateways(mirror: &Mirror, defaults: &[Option<DefaultRoute>; 2]) -> BTreeMap<(IfIndex, IpAddr), Vec<u8>> {
    let hops = defaults.iter().flatten().flat_map(DefaultRoute::hops);
    let wanted: BTreeSet<(IfIndex, IpAddr)> = hops.filter_map(|hop| Some((hop.interface?, hop.gateway?))).collect();
    let known = mirror.neighbours().filter(|neighbour| wanted.contains(&(neighbour.interface, neighbour.address)));
    known.filter_map(|neighbour| Some(((neighbour.interface, neighbour.address), link_address(neighbour)?.to_vec()))).collect()
}

/// The link-layer address that the neighbour is believed to have.
pub(super) fn link_address(neighbour: &Neighbour) -> Option<&[u8]> {
    let is_known = !matches!(neighbour.state, NeighbourState::Incomplete | NeighbourState::Failed);
    (is_known && !neighbour.proxy && !neighbour.link_address.is_empty()).then_some(neighbour.link_address.as_slice())
}
