//! What a subscriber wants to be told.

use std::sync::Arc;

use bitflags::bitflags;
use waypost_core::{Family, IfIndex, RouteFilter, SettingsOf, Touched};

use crate::mirror::{Change, Event};

bitflags! {
    /// Kinds of things.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
    pub struct Kinds: u8 {
        /// Routes, and what a kernel says of single packets.
        const ROUTES = 1;
        /// Rules.
        const RULES = 1 << 1;
        /// Links.
        const LINKS = 1 << 2;
        /// Addresses.
        const ADDRESSES = 1 << 3;
        /// Neighbours.
        const NEIGHBOURS = 1 << 4;
        /// Next-hop objects.
        const NEXT_HOPS = 1 << 5;
        /// Settings of interfaces.
        const SETTINGS = 1 << 6;
    }
}

/// What a subscriber wants to be told; what is not set passes everything. That all is being read again passes always.
///
/// Something that comes to pass because it has changed comes as added, and what passes no more goes as removed. The position that an
/// event of a route has counts all routes of the slot, those too that do not pass.
///
/// ```
/// use waypost_core::{Family, Prefix};
/// use waypost_engine::{EventFilter, Kinds};
///
/// let mut filter = EventFilter::default();
/// (filter.kinds, filter.family) = (Kinds::ROUTES | Kinds::LINKS, Some(Family::V4));
/// filter.routes.inside = Some("10.0.0.0/8".parse().unwrap());
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct EventFilter {
    /// The kinds of things.
    pub kinds: Kinds,
    /// Of this family alone, where a thing has one.
    pub family: Option<Family>,
    /// Of this interface alone: routes that have a way out of it, the link itself, its addresses, neighbours, settings, and next-hop
    /// objects that leave by it. Rules name interfaces, and pass.
    pub interface: Option<IfIndex>,
    /// What a route must have besides: table, destination, protocol and so on.
    pub routes: RouteFilter,
}

impl Default for EventFilter {
    /// Everything passes.
    fn default() -> Self {
        Self { kinds: Kinds::all(), family: None, interface: None, routes: RouteFilter::default() }
    }
}

impl EventFilter {
    /// Says whether anything of the event passes.
    pub(super) fn concerns(&self, event: &Event) -> bool {
        let (before, now) = self.sides(event);
        before || now
    }

    /// What of the event passes.
    pub(super) fn pass(&self, event: &Arc<Event>) -> Option<Arc<Event>> {
        match self.sides(event) {
            (true, true) => Some(event.clone()),
            (false, false) => None,
            // It has come or gone, or it is another thing now that passes where it did not, or the other way about.
            sides => Some(halved(event, sides.1).map_or_else(|| event.clone(), Arc::new)),
        }
    }

    /// Says whether what there was before passes, and what there is now. Where there is but one, or none at all, they are the same.
    fn sides(&self, event: &Event) -> (bool, bool) {
        match event {
            Event::Route { change, .. } => both(change, |route| self.passes_route(route.as_ref())),
            Event::Rule(change) => both(change, |rule| self.has(Kinds::RULES, Some(rule.family), None)),
            Event::Link(change) => both(change, |link| self.has(Kinds::LINKS, None, Some(link.index))),
            Event::Address(change) => both(change, |one| self.passes_address(one)),
            Event::Neighbour(change) => both(change, |one| self.passes_neighbour(one)),
            Event::NextHop(change) => both(change, |object| self.passes_next_hop(object)),
            Event::Settings(change) => both(change, |settings| self.passes_settings(settings)),
            Event::Miss(miss) => {
                let passes = self.has(Kinds::ROUTES, Some(Family::of(&miss.destination)), None);
                (passes, passes)
            }
            Event::Losing(route) => {
                let passes = self.passes_route((**route).as_ref());
                (passes, passes)
            }
            Event::Redirect(redirect) => {
                let passes = self.has(Kinds::ROUTES, Some(redirect.destination.family()), redirect.interface);
                (passes, passes)
            }
            Event::Author { of, .. } => {
                let passes = match of {
                    Touched::Route(slot) => self.has(Kinds::ROUTES, Some(slot.destination.family()), None),
                    Touched::Rule(family, _) => self.has(Kinds::RULES, Some(*family), None),
                    _ => true,
                };
                (passes, passes)
            }
            Event::Synchronised | Event::ResyncStarted { .. } | Event::Resynced { .. } => (true, true),
        }
    }

    fn has(&self, kind: Kinds, family: Option<Family>, interface: Option<IfIndex>) -> bool {
        self.kinds.contains(kind)
            && self.family.is_none_or(|wanted| family.is_none_or(|family| family == wanted))
            && self.interface.is_none_or(|wanted| interface.is_none_or(|interface| interface == wanted))
    }

    pub(super) fn passes_route(&self, route: waypost_core::RouteRef<'_>) -> bool {
        self.has(Kinds::ROUTES, Some(route.slot.destination.family()), None)
            && self.interface.is_none_or(|index| route.entry.next_hops.iter().any(|hop| hop.interface == Some(index)))
            && self.routes.passes(route)
    }

    pub(super) fn passes_rule(&self, rule: &waypost_core::Rule) -> bool {
        self.has(Kinds::RULES, Some(rule.family), None)
    }

    pub(super) fn passes_link(&self, link: &waypost_core::Link) -> bool {
        self.has(Kinds::LINKS, None, Some(link.index))
    }

    pub(super) fn passes_address(&self, address: &waypost_core::Address) -> bool {
        self.has(Kinds::ADDRESSES, Some(Family::of(&address.local)), Some(address.interface))
    }

    pub(super) fn passes_neighbour(&self, neighbour: &waypost_core::Neighbour) -> bool {
        self.has(Kinds::NEIGHBOURS, Some(Family::of(&neighbour.address)), Some(neighbour.interface))
    }

    pub(super) fn passes_next_hop(&self, object: &waypost_core::NextHopObject) -> bool {
        let interface = match &object.kind {
            waypost_core::NextHopObjectKind::Single(hop) => hop.interface,
            _ => None,
        };
        self.has(Kinds::NEXT_HOPS, object.family, interface)
    }

    pub(super) fn passes_settings(&self, settings: &waypost_core::InterfaceSettings) -> bool {
        let interface = if let SettingsOf::Interface(index) = settings.of { Some(index) } else { None };
        self.has(Kinds::SETTINGS, Some(settings.family), interface)
    }
}

fn both<T>(change: &Change<T>, passes: impl Fn(&T) -> bool) -> (bool, bool) {
    match change {
        Change::Added(one) | Change::Removed(one) => {
            let one = passes(one);
            (one, one)
        }
        Change::Replaced { old, new } => (passes(old), passes(new)),
    }
}

/// What an event is to whom only what there is now, or what there was, passes.
fn halved(event: &Event, now: bool) -> Option<Event> {
    Some(match event {
        Event::Route { change, position } => Event::Route { change: half(change, now)?, position: *position },
        Event::Rule(change) => Event::Rule(half(change, now)?),
        Event::Link(change) => Event::Link(half(change, now)?),
        Event::Address(change) => Event::Address(half(change, now)?),
        Event::Neighbour(change) => Event::Neighbour(half(change, now)?),
        Event::NextHop(change) => Event::NextHop(half(change, now)?),
        Event::Settings(change) => Event::Settings(half(change, now)?),
        _ => return None,
    })
}

fn half<T: Clone>(change: &Change<T>, now: bool) -> Option<Change<T>> {
    match change {
        Change::Replaced { new, .. } if now => Some(Change::Added(new.clone())),
        Change::Replaced { old, .. } => Some(Change::Removed(old.clone())),
        _ => None,
    }
}
