//! Which conversations a change hits: whose route has gone, who has none, who leaves another way.
//!
//! Flows that stand alike (the same way by a prefix of the same length, the same source, mark and so on) are one group. A change
//! marks groups, or a range of remote addresses, as to be judged again:
//!
//! | what changes | what is judged again |
//! |---|---|
//! | a route | the flows inside its prefix that used it, or that it may win from what they use |
//! | a default route that goes | those in the groups that used it |
//! | a link | those in the groups that leave by it |
//! | an address, a route that may make some the host's own | those in the groups that have such a source |
//! | rules, settings, a link by whose name, group or VRF rules go | all of the family |
//!
//! Judging is done in slices, so that events are not held up by a million flows. What is marked while a slice waits is simply marked too.

mod half;
mod standing;
mod store;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use waypost_core::{Family, Flow, InterfaceSettings, Link, Now, Prefix, Route, Rule, RuleAction, TableId};

use half::Half;
pub use standing::{Effects, Outlook, Standing, Way};

use crate::{Change, Event, Mirror};

/// With routes and no quiet, judging begins after so many times the quiet that is waited for.
const LONGEST: u32 = 10;

/// How many registered flows there can be of each family.
const FAMILY_BIT: u32 = 1 << 31;

/// A registered flow. Its number is given to another one when it has been removed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FlowId(u32);

impl FlowId {
    const fn new(family: Family, number: u32) -> Self {
        Self(match family {
            Family::V4 => number,
            Family::V6 => number | FAMILY_BIT,
        })
    }

    const fn family(self) -> Family {
        if self.0 & FAMILY_BIT == 0 { Family::V4 } else { Family::V6 }
    }

    const fn number(self) -> u32 {
        self.0 & !FAMILY_BIT
    }

    /// The number by which a program can keep it.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// A flow is hit by a change.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Judgement {
    /// The flow.
    pub flow: FlowId,
    /// What of it is another than before; never empty.
    pub effects: Effects,
    /// How it stood.
    pub before: Arc<Standing>,
    /// How it stands.
    pub now: Arc<Standing>,
}

/// Whether there is more to judge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "there is more or there is not")]
pub enum Work {
    /// All is judged.
    Done,
    /// There is more: come again.
    More,
}

/// Tells which of the flows that a program has are hit by changes of the routing tables.
///
/// It reads no clock and asks nothing: whoever drives it hands it the events of a mirror, and has it [`work`](Self::work) in slices. No flow is judged
/// before the tables are known not to be half read: they have routes, and it has been quiet for a moment, or has not for long.
///
/// Ports and flow labels of flows are not kept: a rule that asks for them is taken not to match.
///
/// ```
/// use std::time::Duration;
/// use waypost_core::{Family, Flow, Notice, Now, RouteVerb, Rule, RuleAction, TableId, Verb};
/// use waypost_engine::{Effects, Mirror, Reach, Work};
///
/// let (mut mirror, mut events) = (Mirror::new(), Vec::new());
/// let rule = Rule::new(Family::V4, 32766, RuleAction::Lookup(TableId::MAIN));
/// mirror.handle(Notice::Rule(Verb::Present, Box::new(rule)), &mut events);
/// mirror.handle(Notice::Route(RouteVerb::Added, "default via 10.0.0.1 dev if2".parse()?), &mut events);
///
/// let mut reach = Reach::new(Reach::COLD_PLUG);
/// let flow = reach.register(&Flow::to("192.0.2.1".parse().unwrap()));
/// let mut hits = Vec::new();
/// let now = Now::awake(Duration::from_secs(1));
/// reach.work(now, &mirror, 100, &mut hits);
/// reach.work(now + Reach::COLD_PLUG, &mirror, 100, &mut hits);
/// assert!(hits.is_empty(), "it has a way");
///
/// mirror.handle(Notice::Route(RouteVerb::Removed, "default via 10.0.0.1 dev if2".parse()?), &mut events);
/// reach.note(now, events.last().unwrap(), &mirror);
/// assert_eq!(reach.work(now + Reach::COLD_PLUG, &mirror, 100, &mut hits), Work::Done);
/// assert_eq!((hits[0].flow, hits[0].effects), (flow, Effects::ROUTE_LOST | Effects::ROUTE_GONE));
/// # Ok::<(), waypost_core::ParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Reach {
    v4: Half<u32>,
    v6: Half<u128>,
    cold_plug: Duration,
    phase: Phase,
}

/// Whether the tables are known not to be half read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// They have no routes.
    Empty,
    /// They have had routes since `first`, and it has been quiet since `last`.
    Quiet {
        first: Now,
        last: Now,
    },
    Judging,
}

impl Reach {
    /// How long it must have been quiet before any flow is judged, unless the program says otherwise.
    pub const COLD_PLUG: Duration = Duration::from_millis(100);

    /// No flows yet; none is judged before routes, rules, links and addresses have been quiet for so long, or there have been routes for
    /// ten times that.
    #[must_use]
    pub fn new(cold_plug: Duration) -> Self {
        Self { v4: Half::new(Family::V4), v6: Half::new(Family::V6), cold_plug, phase: Phase::Empty }
    }

    /// Registers a flow: where it goes, and where given its source, the interface that its socket is bound to, mark, type of service, user and
    /// protocol. It is judged by the next [`work`](Self::work), and told then if it has no way.
    ///
    /// # Panics
    ///
    /// With 2^31 flows of a family.
    pub fn register(&mut self, flow: &Flow) -> FlowId {
        let number = match flow.destination {
            std::net::IpAddr::V4(remote) => self.v4.register(remote.to_bits(), flow),
            std::net::IpAddr::V6(remote) => self.v6.register(remote.to_bits(), flow),
        };
        FlowId::new(Family::of(&flow.destination), number)
    }

    /// Forgets a flow.
    pub fn remove(&mut self, flow: FlowId) {
        match flow.family() {
            Family::V4 => self.v4.remove(flow.number()),
            Family::V6 => self.v6.remove(flow.number()),
        }
    }

    /// How a flow stands as far as it has been judged; `None` if it is not registered.
    #[must_use]
    pub fn standing(&self, flow: FlowId) -> Option<&Arc<Standing>> {
        match flow.family() {
            Family::V4 => self.v4.standing(flow.number()),
            Family::V6 => self.v6.standing(flow.number()),
        }
    }

    /// How many flows are registered.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// Says whether no flow is registered.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes on the heap, those kept for growth included.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.v4.memory() + self.v6.memory()
    }

    /// Says whether nothing is to be judged.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.phase == Phase::Judging && self.v4.is_done() && self.v6.is_done()
    }

    /// Takes note of an event of `mirror`, which may be ahead of it.
    pub fn note(&mut self, now: Now, event: &Event, mirror: &Mirror) {
        if self.phase != Phase::Judging {
            return self.wait(now, event, mirror);
        }
        match event {
            Event::Route { change, .. } => self.route(change, mirror),
            Event::Rule(change) => {
                for rule in change.before().into_iter().chain(change.now()) {
                    match (rule.invert, rule.to, rule.action) {
                        (false, Some(to), action) if !matches!(action, RuleAction::Goto(_)) => {
                            self.judge_inside(to);
                            // IPv6 goes by rules where it takes in what comes back.
                            self.v6.judge_by_source(to);
                        }
                        _ => self.judge_all(rule.family),
                    }
                }
            }
            Event::Link(change) => self.link(change, mirror),
            Event::Address(change) => {
                let moved = change.before().map(|own| own.local) != change.now().map(|own| own.local);
                for own in change.before().into_iter().chain(change.now()).filter(|_| moved) {
                    self.judge_source(Prefix::host(own.local));
                }
            }
            Event::Settings(change) => {
                let seen = |settings: Option<&InterfaceSettings>| settings.map(|settings| settings.ignore_routes_with_link_down);
                if seen(change.before()) != seen(change.now()) {
                    change.now().or(change.before()).iter().for_each(|settings| self.judge_all(settings.family));
                }
            }
            _ => {}
        }
    }

    /// Takes note of an event before anything is judged: what the tables go by begins the quiet anew.
    fn wait(&mut self, now: Now, event: &Event, mirror: &Mirror) {
        let disturbs = matches!(event, Event::Route { .. } | Event::Rule(_) | Event::Link(_) | Event::Address(_));
        match &mut self.phase {
            Phase::Quiet { last, .. } if disturbs => *last = now,
            Phase::Empty if !mirror.tables().is_empty() => self.phase = Phase::Quiet { first: now, last: now },
            _ => {}
        }
    }

    fn route(&mut self, change: &Change<Route>, mirror: &Mirror) {
        let Some(any) = change.now().or(change.before()) else { return };
        let destination = any.slot.destination;
        match destination.family() {
            // The host takes for its own what this table has.
            Family::V4 if any.slot.table == TableId::LOCAL => self.v4.judge_by_source(destination),
            Family::V4 => {}
            // Any table may have what it takes for its own, by a longer prefix or another; what an interface has is that whatever tables say.
            Family::V6 => self.v6.judge_by_source_where(destination, |source| !mirror.has_address(source)),
        }
        let gone = matches!(change, Change::Removed(_));
        for (route, has_gone) in change.before().map(|old| (old, gone)).into_iter().chain(change.now().map(|new| (new, false))) {
            let is_old = change.before().is_some_and(|old| std::ptr::eq(old, route));
            match destination.family() {
                Family::V4 => self.v4.route(route, is_old, has_gone),
                Family::V6 => self.v6.route(route, is_old, has_gone),
            }
        }
    }

    fn link(&mut self, change: &Change<Link>, mirror: &Mirror) {
        let differs = |seen: fn(&Link) -> (u64, &str)| change.before().map(seen) != change.now().map(seen);
        let is_renamed = differs(|link| (0, &link.name));
        let is_regrouped = differs(|link| (link.group.into(), ""));
        // Which table belongs to an interface goes by the VRF that it is of.
        let is_moved = differs(|link| (link.master.map_or(0, |master| master.get().into()), &link.kind));
        let is_another = differs(|link| (link.flags.bits().into(), "")) || differs(|link| (link.mtu.into(), ""));
        let Some(link) = change.now().or(change.before()) else { return };
        if is_renamed || is_regrouped || is_moved || is_another {
            self.v4.judge_by_interface(link.index);
            self.v6.judge_by_interface(link.index);
        }
        let goes_by = |rule: &Rule| {
            (is_renamed && (rule.input.is_some() || rule.output.is_some()))
                || (is_regrouped && rule.suppress_group.is_some())
                || (is_moved && rule.l3mdev)
        };
        for family in Family::ALL {
            if mirror.rules(family).iter().any(goes_by) {
                self.judge_all(family);
            }
        }
    }

    fn judge_inside(&mut self, prefix: Prefix) {
        match prefix.family() {
            Family::V4 => self.v4.judge_inside(prefix),
            Family::V6 => self.v6.judge_inside(prefix),
        }
    }

    fn judge_all(&mut self, family: Family) {
        match family {
            Family::V4 => self.v4.judge_all(),
            Family::V6 => self.v6.judge_all(),
        }
    }

    fn judge_source(&mut self, sources: Prefix) {
        match sources.family() {
            Family::V4 => self.v4.judge_by_source(sources),
            Family::V6 => self.v6.judge_by_source(sources),
        }
    }

    /// Looks at about `budget` of the flows that are to be judged, and adds those that are hit to `out`.
    pub fn work(&mut self, now: Now, mirror: &Mirror, budget: usize, out: &mut Vec<Judgement>) -> Work {
        if !self.is_plugged(now, mirror) {
            return Work::Done;
        }
        let mut left = budget;
        for family in Family::ALL {
            let world = mirror.world(family);
            left = match family {
                Family::V4 => self.v4.work(world, mirror, left, out),
                Family::V6 => self.v6.work(world, mirror, left, out),
            };
        }
        if self.is_done() { Work::Done } else { Work::More }
    }

    /// Says whether the tables are known not to be half read.
    fn is_plugged(&mut self, now: Now, mirror: &Mirror) -> bool {
        let plugged = self.deadline().is_some_and(|deadline| deadline.running <= now.running);
        self.phase = match self.phase {
            Phase::Judging => Phase::Judging,
            _ if mirror.tables().is_empty() => Phase::Empty,
            Phase::Empty => Phase::Quiet { first: now, last: now },
            Phase::Quiet { .. } if plugged => Phase::Judging,
            quiet @ Phase::Quiet { .. } => quiet,
        };
        self.phase == Phase::Judging
    }

    /// When [`work`](Self::work) wants to be called though nothing has happened; while there are no routes, it does not.
    #[must_use]
    pub fn deadline(&self) -> Option<Now> {
        match self.phase {
            Phase::Quiet { first, last } => Some((last + self.cold_plug).min(first + self.cold_plug.saturating_mul(LONGEST))),
            _ => None,
        }
    }
}

impl Default for Reach {
    fn default() -> Self {
        Self::new(Self::COLD_PLUG)
    }
}
