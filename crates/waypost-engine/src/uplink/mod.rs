//! Uplinks: several ways out, of which one a family takes everything, and never a moment without one.
//!
//! ```text
//!  uplinks ─┐                                        ┌─▶ install, withdraw ─▶ the kernel
//!  mirror ──┼─▶ usable? ─▶ elect ─▶ wishes ─▶ orders ┤
//!  probes ──┘                         ▲              └─▶ probe
//!                                     └──── told: installed, refused, gone, kept, lost
//! ```
//!
//! The elected uplink has a *high* default route, each other usable one a *low* one, so that sockets bound to its interface work.
//! Each change of role makes before it breaks: the new route is added at a metric that nobody has, and when the kernel has it, the
//! old one is deleted by all that it is. What is refused changes nothing.
//!
//! [`Uplinks`] states wishes and is told what became of them. It writes nothing itself, reads no clock, and never touches a route of others.

mod absent;
mod adopt;
mod band;
mod beneath;
mod election;
mod health;
mod life;
mod looking;
mod member;
mod place;
mod reconcile;
mod spec;
mod status;
#[cfg(test)]
mod tests;
mod told;
mod wish;
mod wishes;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use waypost_core::{Capabilities, Family, NeighbourState, NextHop, Now, OwnershipTag, Route, RouteRef};

pub use band::MetricBands;
pub use health::{Grade, ProbeOptions, Probed};
pub use life::{Arrow, Life, Refusal, Trigger};
pub use spec::{Exit, OnRival, Uplink, UplinkOptions, Vpn};
pub use status::UplinkStatus;
pub use wish::{ElectionCause, Order, Role, Told, UplinkId, UplinkReport, Wish, WishId, WishState};

use crate::{Change, Event, Mirror};
use absent::Absent;
use member::Member;
use wishes::Wishes;

/// How long a route may be unknown to a mirror that is in step, though the kernel said that it took it, before it is doubted.
const CONFIRM: Duration = Duration::from_secs(1);

/// A wish, with what only the machine asks.
#[derive(Clone, Debug)]
struct Record {
    wish: Wish,
    /// When it was told to be there.
    since: Now,
    /// The mirror has had it.
    seen: bool,
    /// The kernel's answer was lost, or came to nothing as it was given up: the mirror will tell.
    unsure: bool,
    /// It may not be there any more: another is made before it is deleted.
    doubted: bool,
    /// The kernel says that it went: by the next turn the mirror has it again, or it is lost; and what stood in its place then.
    suspect: Option<Option<Box<Route>>>,
    /// It is withdrawn again then.
    again_at: Option<Now>,
    /// The kernel says that it does not know it: that is compared with the mirror.
    absent: Option<Absent>,
}

impl Record {
    fn new(wish: Wish) -> Self {
        Self {
            wish,
            since: Now::default(),
            seen: false,
            unsure: false,
            doubted: false,
            suspect: None,
            again_at: None,
            absent: None,
        }
    }
}

/// Keeps the default routes of uplinks.
///
/// Whoever drives it hands it the events of a mirror, polls it when the mirror has taken in all that the kernel has said, carries its
/// orders out in their order, and tells it what became of them.
///
/// ```
/// use std::time::Duration;
/// use waypost_core::{Address, Capabilities, Family, IfIndex, Link, LinkFlags, Notice, Now, Verb};
/// use waypost_engine::{Exit, Mirror, Order, Role, Told, Uplink, UplinkOptions, Uplinks};
///
/// let (mut mirror, mut events) = (Mirror::new(), Vec::new());
/// let wan = IfIndex::new(2).unwrap();
/// let mut link = Link::new(wan, "wan");
/// link.flags = LinkFlags::UP | LinkFlags::LOWER_UP;
/// mirror.handle(Notice::Link(Verb::Present, Box::new(link)), &mut events);
/// let address = Address::new(wan, "10.0.0.2".parse().unwrap(), 24);
/// mirror.handle(Notice::Address(Verb::Present, Box::new(address)), &mut events);
/// mirror.handle(Notice::Route(waypost_core::RouteVerb::Added, "10.0.0.0/24 dev if2".parse()?), &mut events);
///
/// let mut can = Capabilities::least("a system with metrics");
/// (can.metric, can.ownership_tag) = (true, waypost_core::OwnershipTag::Protocol);
/// let mut uplinks = Uplinks::new(UplinkOptions::default(), &can);
/// let id = uplinks.set(Uplink::new("wan", Family::V4, wan, Exit::Gateway("10.0.0.1".parse().unwrap())));
///
/// let (now, mut orders, mut reports) = (Now::awake(Duration::from_secs(1)), Vec::new(), Vec::new());
/// uplinks.start(now, &mirror);
/// uplinks.poll(now, &mirror, &mut orders, &mut reports);
/// let Some(Order::Install(wish)) = orders.pop() else { panic!() };
/// assert_eq!((wish.uplink, wish.role), (id, Role::High));
/// assert_eq!(wish.route.to_string(), "default via 10.0.0.1 dev if2 proto 87 metric 99");
/// uplinks.told(now, wish.id, Told::Installed);
/// assert_eq!(uplinks.elected(Family::V4), Some(id));
/// # Ok::<(), waypost_core::ParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Uplinks {
    options: UplinkOptions,
    /// Routes to one destination can stand beside each other.
    has_ranks: bool,
    /// The kernel keeps who installed a route.
    has_protocol: bool,
    members: BTreeMap<UplinkId, Member>,
    wishes: Wishes,
    /// By family.
    elected: [Option<UplinkId>; 2],
    /// The best of those that are no VPNs, by family.
    physical: [Option<UplinkId>; 2],
    outranked: Vec<Route>,
    reports: Vec<UplinkReport>,
    next_uplink: u32,
    next_wish: u64,
    started: bool,
    /// Something has changed that the next poll is to look at.
    stirred: bool,
    /// The mirror is being read again.
    resyncing: bool,
    /// It is to be.
    wants_read: bool,
}

impl Uplinks {
    /// No uplinks yet, on a system that can do this.
    ///
    /// Where routes have no metrics, the elected uplink alone has a default route, and a switch is a deletion and then an addition: there
    /// is a moment without.
    #[must_use]
    pub fn new(options: UplinkOptions, capabilities: &Capabilities) -> Self {
        Self {
            options,
            has_ranks: band::has_ranks(capabilities),
            has_protocol: capabilities.ownership_tag == OwnershipTag::Protocol,
            members: BTreeMap::new(),
            wishes: Wishes::default(),
            elected: [None; 2],
            physical: [None; 2],
            outranked: Vec::new(),
            reports: Vec::new(),
            next_uplink: 0,
            next_wish: 0,
            started: false,
            stirred: false,
            resyncing: false,
            wants_read: false,
        }
    }

    /// Adds an uplink, or gives the one of that name and family another shape, and tells its number.
    pub fn set(&mut self, uplink: Uplink) -> UplinkId {
        self.stirred = true;
        let same = |member: &&mut Member| (&member.uplink.name, member.uplink.family) == (&uplink.name, uplink.family);
        if let Some(member) = self.members.values_mut().find(same) {
            if member.uplink.probed != uplink.probed {
                member.health = health::Health::new(uplink.probed.then_some(self.options.probes), self.options.seed);
            }
            (member.uplink, member.wanted) = (uplink, true);
            return member.id;
        }
        let id = UplinkId(self.next_uplink);
        self.next_uplink += 1;
        self.members.insert(id, Member::new(id, uplink, &self.options));
        id
    }

    /// Gives an uplink up. Its routes go when another uplink's stand, if there is another.
    pub fn remove(&mut self, uplink: UplinkId) {
        self.stirred = true;
        if let Some(member) = self.members.get_mut(&uplink) {
            (member.wanted, member.asked) = (false, false);
        }
    }

    /// Gives all of them up: [`is_idle`](Self::is_idle) says when their routes have gone.
    pub fn remove_all(&mut self) {
        self.stirred = true;
        self.members.values_mut().for_each(|member| (member.wanted, member.asked) = (false, false));
    }

    /// Says whether no route is wanted, there, or under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.wishes.is_empty()
    }

    /// Has an uplink elected as long as it is well, whatever its priority; `None` lets priorities decide again.
    pub fn choose(&mut self, family: Family, uplink: Option<UplinkId>) {
        self.stirred = true;
        for member in self.members.values_mut().filter(|member| member.uplink.family == family) {
            (member.asked, member.set_back) = (Some(member.id) == uplink, false);
            // Who lets priorities decide again has dealt with the rival.
            if member.asked || (uplink.is_none() && member.yielded) {
                (member.yielded, member.retry_at) = (false, None);
            }
        }
    }

    /// Has an uplink elected only where no other is well, until [`choose`](Self::choose) is called for its family.
    pub fn set_back(&mut self, uplink: UplinkId) {
        self.stirred = true;
        if let Some(member) = self.members.get_mut(&uplink) {
            (member.asked, member.set_back) = (false, true);
        }
    }

    /// The elected uplink of a family.
    #[must_use]
    pub const fn elected(&self, family: Family) -> Option<UplinkId> {
        self.elected[family as usize]
    }

    /// All wishes: each is asked for, there, or being taken away.
    pub fn wishes(&self) -> impl Iterator<Item = &Wish> {
        self.wishes.values().map(|record| &record.wish)
    }

    /// Says whether a route that the kernel said to have taken is doubted: for a second the mirror, in step with the kernel, has not had it. It counts for
    /// nothing then; another is made, or it goes when whoever is elected has one.
    #[must_use]
    pub fn is_doubted(&self, wish: WishId) -> bool {
        self.wishes.get(wish).is_some_and(|record| record.doubted)
    }

    /// Begins, once `mirror` is in step with the kernel: routes with our tag that an uplink wants are taken over as they are, the others
    /// are deleted when there is a default route without them.
    pub fn start(&mut self, now: Now, mirror: &Mirror) {
        if !self.started {
            (self.started, self.stirred) = (true, true);
            self.adopt(now, mirror);
        }
    }

    /// Takes note of an event of `mirror`, which may be ahead of it.
    pub fn note(&mut self, now: Now, event: &Event) {
        match event {
            Event::Route { change, .. } => self.note_route(change),
            Event::Link(change) => {
                let index = change.now().or(change.before()).map(|link| link.index);
                self.try_again(|member| Some(member.uplink.interface) == index);
            }
            Event::Address(change) => {
                let index = change.now().or(change.before()).map(|address| address.interface);
                self.try_again(|member| Some(member.uplink.interface) == index);
            }
            Event::Rule(_) => self.stirred = true,
            Event::Neighbour(change) => {
                if let Some(neighbour) = change.now() {
                    self.note_neighbour(now, neighbour);
                }
            }
            Event::Losing(route) => {
                let ways: BTreeSet<_> = route.entry.next_hops.iter().filter_map(|hop| hop.interface).collect();
                self.suspect(now, false, |member| ways.contains(&member.uplink.interface));
            }
            Event::ResyncStarted { .. } => self.resyncing = true,
            Event::Resynced { .. } | Event::Synchronised => {
                (self.resyncing, self.stirred) = (false, true);
                self.wishes.values_mut().filter_map(|record| record.absent.as_mut()).for_each(Absent::was_read);
                self.members.values_mut().for_each(|member| member.router_until = None);
            }
            _ => {}
        }
    }

    fn note_route(&mut self, change: &Change<Route>) {
        let Some(any) = change.now().or(change.before()) else { return };
        let destination = any.slot.destination;
        self.note_wish(change);
        if crate::monitor::is_wide(destination) {
            self.stirred = true;
            if any.entry.protocol != self.options.protocol {
                if change.now().is_none() {
                    self.rival_has_gone(destination.family());
                }
                // Another route, be it over the same interface, says nothing of how long that router is there.
                let tells_of = |member: &Member, route: &Route| {
                    let is_router =
                        |hop: &NextHop, gateway| hop.interface == Some(member.uplink.interface) && hop.gateway == Some(gateway);
                    let router = member.router.filter(|(slot, _)| *slot == route.slot);
                    router.is_some_and(|(_, gateway)| route.entry.next_hops.iter().any(|hop| is_router(hop, gateway)))
                };
                for member in self.members.values_mut() {
                    if change.before().into_iter().chain(change.now()).any(|route| tells_of(member, route)) {
                        member.router_until = None;
                    }
                }
            }
            return;
        }
        let mut stirs = false;
        for member in self.members.values_mut() {
            let gateway = member.hop.as_ref().and_then(|hop| hop.gateway);
            let server = member.uplink.vpn.map(|vpn| vpn.server);
            if gateway.is_some_and(|gateway| destination.contains(gateway)) && any.entry.protocol != self.options.protocol {
                member.try_again();
                stirs = true;
            }
            stirs |= server.is_some_and(|server| destination.contains(server));
        }
        self.stirred |= stirs;
    }

    /// A default route of others is there no more: it may have been that which ours were left to.
    fn rival_has_gone(&mut self, family: Family) {
        for member in self.members.values_mut().filter(|member| member.uplink.family == family && member.yielded) {
            (member.yielded, member.retry_at) = (false, None);
        }
    }

    /// Takes note of what it says of a wish.
    fn note_wish(&mut self, change: &Change<Route>) {
        let of = |route: &Route| {
            self.wishes.values().find(|record| self.is_of(&record.wish, route.as_ref())).map(|record| record.wish.id)
        };
        let (before, now) = (change.before().and_then(of), change.now().and_then(of));
        if let Some(record) = before.and_then(|id| self.wishes.get_mut(id)) {
            self.stirred = true;
            // One that has not been seen yet: this is about one that had its place before.
            let is_it = record.wish.state == WishState::Held || record.seen;
            match is_it {
                true => record.suspect = Some(change.now().cloned().map(Box::new)),
                false => record.seen = false,
            }
        }
        if let (Some(record), Some(route)) = (now.and_then(|id| self.wishes.get_mut(id)), change.now()) {
            (record.seen, record.suspect) = (true, None);
            // Where the kernel gives one to those that name none, a deletion is to name it: one without takes any.
            record.wish.route.slot.priority = route.slot.priority;
        }
    }

    fn note_neighbour(&mut self, now: Now, neighbour: &waypost_core::Neighbour) {
        let is_gateway = |member: &Member| {
            let gateway = member.hop.as_ref().and_then(|hop| hop.gateway);
            member.uplink.interface == neighbour.interface && gateway == Some(neighbour.address)
        };
        match neighbour.state {
            NeighbourState::Failed => self.suspect(now, true, is_gateway),
            NeighbourState::Reachable => {
                let options = &self.options;
                for member in self.members.values_mut().filter(|member| is_gateway(member)) {
                    let before = member.health.grade;
                    member.health.gateway_answers();
                    if member.health.grade != before {
                        member.graded(now, before, options);
                        self.reports.push(UplinkReport::Graded { uplink: member.id, grade: member.health.grade });
                        self.stirred = true;
                    }
                }
            }
            _ => {}
        }
    }

    fn suspect(&mut self, now: Now, gateway_failed: bool, mut is_meant: impl FnMut(&Member) -> bool) {
        for member in self.members.values_mut().filter(|member| is_meant(member)) {
            let before = member.health.grade;
            member.health.suspect(now, gateway_failed);
            if member.health.grade != before {
                member.graded(now, before, &self.options);
                self.reports.push(UplinkReport::Graded { uplink: member.id, grade: member.health.grade });
            }
            self.stirred = true;
        }
    }

    fn try_again(&mut self, mut is_meant: impl FnMut(&Member) -> bool) {
        self.stirred = true;
        self.members.values_mut().filter(|member| is_meant(member)).for_each(Member::try_again);
    }

    /// Takes what became of a probe.
    pub fn probed(&mut self, now: Now, uplink: UplinkId, number: u32, probed: Probed) {
        let Some(member) = self.members.get_mut(&uplink) else { return };
        let before = member.health.grade;
        member.health.probed(now, number, probed);
        if member.health.grade != before {
            member.graded(now, before, &self.options);
            self.reports.push(UplinkReport::Graded { uplink, grade: member.health.grade });
        }
        self.stirred = true;
    }

    /// Says what is to be done now, and what is worth telling. `mirror` has taken in all that the kernel has said.
    pub fn poll(&mut self, now: Now, mirror: &Mirror, orders: &mut Vec<Order>, reports: &mut Vec<UplinkReport>) {
        let is_due = || self.deadline().is_some_and(|deadline| deadline.running <= now.running);
        if self.started && (self.stirred || is_due()) {
            self.stirred = false;
            self.compare_absent(now, mirror);
            self.see(now, mirror);
            self.look(now, mirror);
            self.read_again(now, orders);
            self.probe(now, orders);
            self.reconcile(now, mirror, orders);
            self.look_above(mirror);
        }
        reports.append(&mut self.reports);
    }

    /// When [`poll`](Self::poll) wants to be called though nothing has happened.
    #[must_use]
    pub fn deadline(&self) -> Option<Now> {
        if !self.started {
            return None;
        }
        let members = self.members.values().flat_map(|member| {
            // A time that has passed is of no more interest once it has been acted upon, which is what taking it away says.
            let probe = member.health.due.filter(|_| member.is_usable());
            [member.hold_until, member.retry_at, member.aside_at, member.router_until, probe]
        });
        let unseen = |record: &Record| {
            let waits = (record.unsure && record.wish.state != WishState::Leaving)
                || (record.wish.state == WishState::Held && !record.seen);
            waits && !record.doubted && !self.resyncing
        };
        let records = self.wishes.values().flat_map(|record| [record.again_at, unseen(record).then(|| record.since + CONFIRM)]);
        members.chain(records).flatten().min_by_key(|now| now.running)
    }

    /// Says whether a route is that of a wish.
    fn is_of(&self, wish: &Wish, route: RouteRef<'_>) -> bool {
        let wanted = &wish.route;
        // The cheapest first: this is asked of each wish and each route.
        if route.slot.metric != wanted.slot.metric || !self.has_our_tag(route) {
            return false;
        }
        let (Some(own), [hop]) = (wanted.entry.next_hops.first(), &*route.entry.next_hops) else { return false };
        let mut slot = route.slot;
        if wanted.slot.priority == 0 {
            // The kernel gives one of its own to those that name none.
            slot.priority = 0;
        }
        slot == wanted.slot && own.gateway == hop.gateway && (own.interface == hop.interface || hop.interface.is_none())
    }

    /// The route of a wish, where the mirror has it.
    fn there<'a>(&self, wish: &Wish, mirror: &'a Mirror) -> Option<RouteRef<'a>> {
        let slot = &wish.route.slot;
        // Where there are metrics the kernel gives no priority of its own: the slot is known, and there can be many beside it.
        if self.has_ranks {
            return mirror.tables().slot(slot).map(|(_, route)| route).find(|route| self.is_of(wish, *route));
        }
        mirror.tables().table(slot.table)?.exactly(slot.destination)?.find(|route| self.is_of(wish, *route))
    }

    fn has_our_tag(&self, route: RouteRef<'_>) -> bool {
        !self.has_protocol || route.entry.protocol == self.options.protocol
    }

    /// Says whether a route is one of ours.
    fn is_ours(&self, route: RouteRef<'_>) -> bool {
        self.has_our_tag(route) && self.wishes.values().any(|record| self.is_of(&record.wish, route))
    }
}
