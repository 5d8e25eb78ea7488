//! Keeping what is claimed: what has become of it, and what is to be put back.
//!
//! ```text
//!            put                kernel says yes              taken away, or replaced, by another
//!  ─────────▶ New ──▶ Asked ───────────────────▶ Held ──────────────────────────────────────────┐
//!              │        │ ▲                       │ gone with its link or address                │
//!   no link    │        │ │ link, address, route  ▼                                              ▼ by policy
//!   no gateway ├────────┴─┴─────────────────── Waiting                       Report: Lost   Reassert: Returning   Yield: GivenUp
//!   another's  └──▶ Conflict ──▶ (its place is free) ──▶ Returning ──▶ Asked       ◀────── after the back-off ──┘
//! ```

use std::time::Duration;

use waypost_core::{Error, ErrorKind, NextHops, Now, Protocol, Route, RouteFlags, RouteRef, Rule, Touched};

use super::item::{Claim, Item, Policy};
use super::plan::Obstacle;
use super::set::{ClaimId, Claims, Standing, is_joined, is_same_rule, obstacle};
use super::wanted::is_satisfied_by;
use crate::{Change, Event, Mirror};

/// How long is waited at least before the kernel is asked once more for what it has refused.
const RETRY: Duration = Duration::from_millis(100);

/// How a claim stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum ClaimState {
    /// Nothing has been done about it yet.
    New,
    /// The kernel is being asked for it.
    Asked,
    /// It is there.
    Held,
    /// It cannot be there yet.
    Waiting(Obstacle),
    /// Another's is in its place.
    Conflict,
    /// It was taken away, and will be put back.
    Returning,
    /// It was taken away, and that was told.
    Lost,
    /// It is not kept any more: by its policy, after too many times, or because the kernel refuses it.
    GivenUp,
}

/// What has become of a claim.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ClaimEvent {
    /// It is there.
    Installed,
    /// Another program has put its own in its place.
    Replaced {
        /// What is there now.
        by: Item,
        /// The process that did it, where the kernel says so; see [`Touched`] for what the number is worth.
        pid: Option<u32>,
    },
    /// Another program has deleted it.
    Deleted {
        /// The process that did it, where the kernel says so; see [`Touched`] for what the number is worth.
        pid: Option<u32>,
    },
    /// It has gone by itself, with its link or address. It comes back when it can.
    Gone(Obstacle),
    /// It cannot be there yet. It comes when it can.
    Waiting(Obstacle),
    /// Another's is in its place, and is left alone.
    Conflict {
        /// What is there.
        there: Item,
    },
    /// It is there, but packets take another's route: one to the same destination that comes first, or to a part of it.
    Shadowed {
        /// The other route.
        by: Route,
    },
    /// It is not kept any more.
    GivenUp {
        /// The kernel's refusal, where that is why.
        error: Option<Error>,
    },
}

/// What is told of one claim.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClaimTold {
    /// Which.
    pub id: ClaimId,
    /// What it is to.
    pub item: Item,
    /// What has become of it.
    pub event: ClaimEvent,
}

/// A claim, and what has become of it.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) claim: Claim,
    pub(super) state: ClaimState,
    /// When it is to be asked for.
    pub(super) due: Option<Duration>,
    is_dirty: bool,
    /// The process that took away what was there last, where that is known.
    pid: Option<u32>,
    /// The ways out that it had, where those that are claimed leave something open.
    was: NextHops,
    /// When the kernel refused it last.
    refused: Option<Duration>,
    restored: Option<Duration>,
    delay: Duration,
    times: u32,
}

impl Kept {
    pub(super) const fn new(claim: Claim) -> Self {
        Self {
            claim,
            state: ClaimState::New,
            due: None,
            is_dirty: false,
            pid: None,
            was: NextHops::NONE,
            refused: None,
            restored: None,
            delay: Duration::ZERO,
            times: 0,
        }
    }
}

impl Claims {
    /// How a claim stands.
    #[must_use]
    pub fn state(&self, id: ClaimId) -> Option<ClaimState> {
        self.kept(id).map(|kept| kept.state)
    }

    /// Has a claim looked at in the next turn.
    pub(super) fn mark(&mut self, id: u32) {
        if let Some(kept) = self.kept_mut(ClaimId(id)) {
            if !std::mem::replace(&mut kept.is_dirty, true) {
                self.dirty.push(id);
            }
        }
    }

    /// Has every claim looked at in the next turn.
    pub fn look_at_all(&mut self) {
        (0..self.kept.len() as u32).for_each(|id| self.mark(id));
    }

    /// Takes note of what a mirror tells.
    pub fn note(&mut self, event: &Event) {
        // It is told just before the change that it is about, and says nothing of any other.
        let author = self.author.take();
        match event {
            Event::Author { of, pid } => self.author = Some((*of, *pid)),
            Event::Route { change, .. } => {
                self.note_route(change, author);
                if let Some(new) = change.now() {
                    self.surroundings_changed |= new.entry.next_hops.iter().any(|hop| hop.gateway.is_none());
                    self.note_shadow(new);
                }
            }
            Event::Rule(change) => self.note_rule(change, author),
            Event::Link(_) | Event::Address(_) | Event::NextHop(_) => self.surroundings_changed = true,
            _ => {}
        }
    }

    fn note_route(&mut self, change: &Change<Route>, author: Option<(Touched, u32)>) {
        for route in [change.before(), change.now()].into_iter().flatten() {
            let Some(id) = self.at(&route.slot) else { continue };
            self.mark(id.0);
            let Some(kept) = self.kept_mut(id) else { continue };
            let old = change.before().filter(|old| is_held_by(&kept.claim.item, old));
            if let Some(old) = old.filter(|old| is_satisfied_by_item(&kept.claim.item, old)) {
                kept.was = old.entry.next_hops.clone();
            }
            // In the same slot others come and go, whose author has not touched what is claimed.
            if change.now().is_some_and(|new| is_held_by(&kept.claim.item, new)) {
                kept.pid = None;
            } else if let Some(old) = old {
                kept.pid = author.filter(|(of, _)| *of == Touched::Route(old.slot)).map(|(_, pid)| pid);
            }
        }
    }

    fn note_rule(&mut self, change: &Change<Rule>, author: Option<(Touched, u32)>) {
        for at in 0..self.rules.len() {
            let id = self.rules[at];
            self.mark(id);
            let tag = self.tag;
            let Some(kept) = self.kept_mut(ClaimId(id)) else { continue };
            let is_it =
                |rule: &&Rule| tag.is_on_rule(rule) && matches!(&kept.claim.item, Item::Rule(own) if is_same_rule(own, rule));
            if change.now().filter(is_it).is_some() {
                kept.pid = None;
            } else if let Some(old) = change.before().filter(is_it) {
                let touched = Touched::Rule(old.family, old.priority);
                kept.pid = author.filter(|(of, _)| *of == touched).map(|(_, pid)| pid);
            }
        }
    }

    /// Tells of claims that another's new route takes the packets of.
    fn note_shadow(&mut self, new: &Route) {
        let is_kernels = new.entry.protocol == Protocol::KERNEL
            || new.entry.flags.intersects(RouteFlags::CLONED | RouteFlags::CLONING | RouteFlags::DYNAMIC);
        if self.is_empty() || is_kernels || self.owns(new.as_ref()) {
            return;
        }
        for (id, slot) in self.around(new) {
            let (own, its) = (slot.destination, new.slot.destination);
            let comes_first = own == its
                && (slot.tos, slot.source) == (new.slot.tos, new.slot.source)
                && (new.slot.metric, new.slot.priority) < (slot.metric, slot.priority);
            // Of a default route every other takes a part; those that take a half are meant to hide it.
            let takes_part = own != its && (!own.is_default() || its.length() == 1);
            let Some(kept) = self.kept(id).filter(|kept| kept.state == ClaimState::Held) else { continue };
            if comes_first || takes_part {
                let item = kept.claim.item.clone();
                self.told.push(ClaimTold { id, item, event: ClaimEvent::Shadowed { by: new.clone() } });
            }
        }
    }

    /// When [`turn`](Self::turn) will give something though nothing is noted.
    #[must_use]
    pub fn deadline(&self) -> Option<Now> {
        self.timers.first().map(|(due, _)| Now::awake(*due))
    }

    /// Judges what has been noted, and gives the claims to ask the kernel for now: each is to be added where nothing is, and what comes of
    /// it handed to [`answered`](Self::answered).
    ///
    /// The mirror must have taken in all that the kernel said up to the last answer that was handed over.
    pub fn turn(&mut self, now: Now, mirror: &Mirror) -> Vec<ClaimId> {
        if std::mem::take(&mut self.surroundings_changed) {
            let waiting: Vec<u32> = self.waiting.iter().copied().collect();
            waiting.into_iter().for_each(|id| self.mark(id));
        }
        for id in std::mem::take(&mut self.dirty) {
            self.judge(ClaimId(id), now, mirror);
        }
        let mut due = Vec::new();
        while let Some((_, id)) = self.timers.first().copied().filter(|(due, _)| *due <= now.running) {
            let id = ClaimId(id);
            self.set_due(id, None);
            let Some(kept) = self.kept(id) else { continue };
            match self.stands(&kept.claim.item, mirror) {
                Standing::Held => self.becomes(id, ClaimState::Held, ClaimEvent::Installed),
                Standing::Missing => match self.obstacle_of(id, mirror) {
                    Some(why) => self.waits(id, why),
                    None => {
                        if let Some(kept) = self.kept_mut(id) {
                            kept.state = ClaimState::Asked;
                        }
                        due.push(id);
                    }
                },
                Standing::Differs(there, _) => self.conflicts(id, Item::Route(there)),
                Standing::Foreign(there) => self.conflicts(id, there),
            }
        }
        due
    }

    /// What has become of the claims since this was asked last.
    pub fn take_told(&mut self) -> Vec<ClaimTold> {
        std::mem::take(&mut self.told)
    }

    /// Takes the kernel's answer to the addition of a claim that a [turn](Self::turn) gave.
    pub fn answered(&mut self, id: ClaimId, now: Now, result: Result<(), Error>) {
        let Err(error) = result else {
            if let Some(kept) = self.kept_mut(id) {
                kept.restored = Some(now.running);
            }
            return self.becomes(id, ClaimState::Held, ClaimEvent::Installed);
        };
        if let Some(kept) = self.kept_mut(id) {
            kept.refused = Some(now.running);
        }
        match error.kind() {
            // What is in its place the mirror knows; it was not there a moment ago.
            ErrorKind::Exists => {
                if let Some(kept) = self.kept_mut(id) {
                    kept.state = ClaimState::Conflict;
                }
                self.mark(id.0);
            }
            ErrorKind::Unreachable => self.waits(id, Obstacle::Gateway),
            ErrorKind::NoSuchDevice => self.waits(id, Obstacle::NoLink),
            ErrorKind::Busy | ErrorKind::Unknown => {
                self.waits(id, Obstacle::Busy);
                self.set_due(id, Some(now.running + self.backoff.first));
            }
            _ => self.becomes(id, ClaimState::GivenUp, ClaimEvent::GivenUp { error: Some(error) }),
        }
    }

    fn stands(&self, item: &Item, mirror: &Mirror) -> Standing {
        match item {
            Item::Route(route) => self.standing(route, mirror),
            Item::Rule(rule) => self.standing_of_rule(rule, mirror),
        }
    }

    fn obstacle_of(&self, id: ClaimId, mirror: &Mirror) -> Option<Obstacle> {
        obstacle(&self.kept(id)?.claim.item.as_route()?.entry.next_hops, mirror)
    }

    fn judge(&mut self, id: ClaimId, now: Now, mirror: &Mirror) {
        let Some(kept) = self.kept_mut(id) else { return };
        kept.is_dirty = false;
        let (state, item) = (kept.state, kept.claim.item.clone());
        let standing = self.stands(&item, mirror);
        match (state, standing) {
            // The kernel's answer is on its way.
            (ClaimState::Asked, _) | (ClaimState::Held, Standing::Held) => {}
            (ClaimState::GivenUp, _) => {}
            (_, Standing::Held) => {
                self.set_due(id, None);
                self.becomes(id, ClaimState::Held, ClaimEvent::Installed);
            }
            (ClaimState::Held, standing) => self.drifted(id, now, mirror, standing),
            (ClaimState::New, Standing::Missing) => self.set_due(id, Some(now.running)),
            (ClaimState::New | ClaimState::Conflict, Standing::Differs(there, _)) => self.conflicts(id, Item::Route(there)),
            (ClaimState::New | ClaimState::Conflict, Standing::Foreign(there)) => self.conflicts(id, there),
            (ClaimState::Waiting(_), Standing::Missing) => {
                if self.obstacle_of(id, mirror).is_none() {
                    let refused = self.kept(id).and_then(|kept| kept.refused);
                    let due = refused.map_or(now.running, |refused| now.running.max(refused + RETRY));
                    self.set_due(id, Some(due));
                }
            }
            (ClaimState::Waiting(_), Standing::Foreign(there)) => self.conflicts(id, there),
            (ClaimState::Waiting(_), Standing::Differs(there, _)) => self.conflicts(id, Item::Route(there)),
            // Its place is free: whoever had it may be about to put another there.
            (ClaimState::Conflict, Standing::Missing) => self.comes_back(id, now),
            (ClaimState::Lost | ClaimState::Returning, _) => {}
        }
    }

    /// What was there is not any more.
    fn drifted(&mut self, id: ClaimId, now: Now, mirror: &Mirror, standing: Standing) {
        let Some(kept) = self.kept_mut(id) else { return };
        let pid = kept.pid.take();
        let (policy, item, was) = (kept.claim.policy, kept.claim.item.clone(), std::mem::take(&mut kept.was));
        let by_itself = match &item {
            Item::Route(route) => {
                obstacle(&was, mirror).or_else(|| obstacle(&route.entry.next_hops, mirror)).or_else(|| no_way(route, mirror))
            }
            Item::Rule(_) => None,
        };
        if let (Some(why), Standing::Missing) = (by_itself, &standing) {
            self.waits_told(id, why, ClaimEvent::Gone(why));
            return;
        }
        let event = match standing {
            Standing::Differs(there, _) => ClaimEvent::Replaced { by: Item::Route(there), pid },
            Standing::Foreign(by) => ClaimEvent::Replaced { by, pid },
            _ => ClaimEvent::Deleted { pid },
        };
        let is_free = matches!(event, ClaimEvent::Deleted { .. });
        match policy {
            Policy::Report => self.becomes(id, ClaimState::Lost, event),
            Policy::Yield => self.becomes(id, ClaimState::GivenUp, event),
            Policy::Reassert => {
                self.becomes(id, if is_free { ClaimState::Returning } else { ClaimState::Conflict }, event);
                if is_free {
                    self.comes_back(id, now);
                }
            }
        }
    }

    /// It is to be put back, but not at once: two programs that both insist would keep the kernel busy at the speed of the machine.
    fn comes_back(&mut self, id: ClaimId, now: Now) {
        let backoff = self.backoff;
        let Some(kept) = self.kept_mut(id) else { return };
        // Whoever takes it away again soon after means it.
        let soon = kept.restored.is_some_and(|restored| now.running < restored + kept.delay * 2);
        (kept.delay, kept.times) =
            if soon { ((kept.delay * 2).min(backoff.longest), kept.times + 1) } else { (backoff.first, 1) };
        if backoff.times_max.is_some_and(|most| kept.times > most) {
            return self.becomes(id, ClaimState::GivenUp, ClaimEvent::GivenUp { error: None });
        }
        kept.state = ClaimState::Returning;
        let due = now.running + kept.delay;
        self.set_due(id, Some(due));
    }

    fn conflicts(&mut self, id: ClaimId, there: Item) {
        self.becomes(id, ClaimState::Conflict, ClaimEvent::Conflict { there });
    }

    fn waits(&mut self, id: ClaimId, why: Obstacle) {
        if self.state(id) != Some(ClaimState::Waiting(why)) {
            self.waits_told(id, why, ClaimEvent::Waiting(why));
        }
        self.waiting.insert(id.0);
    }

    fn waits_told(&mut self, id: ClaimId, why: Obstacle, event: ClaimEvent) {
        self.becomes(id, ClaimState::Waiting(why), event);
        self.waiting.insert(id.0);
    }

    fn becomes(&mut self, id: ClaimId, state: ClaimState, event: ClaimEvent) {
        let Some(kept) = self.kept_mut(id) else { return };
        kept.state = state;
        let item = kept.claim.item.clone();
        self.waiting.remove(&id.0);
        self.told.push(ClaimTold { id, item, event });
    }

    fn set_due(&mut self, id: ClaimId, due: Option<Duration>) {
        let Some(kept) = self.kept_mut(id) else { return };
        let old = std::mem::replace(&mut kept.due, due);
        if let Some(old) = old {
            self.timers.remove(&(old, id.0));
        }
        if let Some(due) = due {
            self.timers.insert((due, id.0));
        }
    }
}

/// Says whether what is claimed is this, others' next hops among it or not.
fn is_held_by(item: &Item, there: &Route) -> bool {
    item.as_route().is_some_and(|route| is_satisfied_by(route, there.as_ref()) || is_joined(route, there.as_ref()))
}

fn is_satisfied_by_item(item: &Item, there: &Route) -> bool {
    item.as_route().is_some_and(|route| is_satisfied_by(route, there.as_ref()))
}

/// Says that a gateway is not on any network that the host is attached to.
fn no_way(route: &Route, mirror: &Mirror) -> Option<Obstacle> {
    let is_attached =
        |there: RouteRef<'_>| there.entry.disposition.forwards() && there.entry.next_hops.iter().any(|hop| hop.gateway.is_none());
    let is_covered = |gateway| {
        mirror
            .tables()
            .table_ids()
            .filter_map(|id| mirror.tables().table(id))
            .any(|table| table.matches(gateway).flatten().any(is_attached))
    };
    let mut gateways = route.entry.next_hops.iter().filter_map(|hop| hop.gateway);
    gateways.any(|gateway| !is_covered(gateway)).then_some(Obstacle::Gateway)
}
