//! What the kernel made of wishes, and what that does to a life.

use waypost_core::{ErrorKind, Now};

use super::absent::Absent;
use super::life::Trigger;
use super::spec::OnRival;
use super::wish::{Role, Told, UplinkId, UplinkReport, WishId, WishState};
use super::{CONFIRM, Record, Uplinks};
use crate::Mirror;

impl Uplinks {
    /// Takes what became of a wish.
    pub fn told(&mut self, now: Now, wish: WishId, told: Told) {
        let Some(record) = self.wishes.get_mut(wish) else { return };
        self.stirred = true;
        let (uplink, role) = (record.wish.uplink, record.wish.role);
        match (told, record.wish.state) {
            (Told::Installed, WishState::Asked) => {
                (record.wish.state, record.since) = (WishState::Held, now);
                if let Some(member) = self.members.get_mut(&uplink).filter(|_| role.is_default()) {
                    member.was_installed();
                }
                self.default_moved(uplink, role, Trigger::Installed);
            }
            (Told::Refused(error), WishState::Asked) => self.refused(now, wish, error),
            (Told::Installed, WishState::Leaving) => record.unsure = false,
            // Given up before it was there: the deletion on its way says what has become of it, and another may be under way already.
            (Told::Installed | Told::Refused(_), _) | (Told::Lost, WishState::Leaving) => {}
            (Told::Gone, _) => self.gone(wish),
            // The mirror has told that it went: be it that the answer to the deletion that did it was lost.
            (Told::Kept(_) | Told::Unknown, WishState::Leaving) if record.suspect.is_some() => self.gone(wish),
            (Told::Kept(error), WishState::Leaving | WishState::Held) if error.kind() == ErrorKind::NotFound => {
                record.absent = Some(Absent::new(error));
            }
            // Nor is it known to have been added: it is asked again.
            (Told::Kept(_), WishState::Leaving) if record.unsure => record.again_at = Some(now + self.options.retry),
            (Told::Kept(error), WishState::Leaving) => self.was_kept(now, wish, error),
            (Told::Kept(_), _) => {}
            // Whether it is there, the mirror tells.
            (Told::Unknown, WishState::Asked) => (record.unsure, record.since) = (true, now),
            (Told::Unknown, WishState::Leaving) => record.again_at = Some(now + self.options.retry),
            (Told::Unknown, WishState::Held) => record.doubted = true,
            (Told::Lost, _) => self.lost(now, wish, None),
        }
    }

    fn refused(&mut self, now: Now, wish: WishId, error: waypost_core::Error) {
        let Some(record) = self.wishes.remove(wish) else { return };
        let (uplink, role) = (record.wish.uplink, record.wish.role);
        if let Some(member) = self.members.get_mut(&uplink) {
            match role {
                Role::Resolver => member.was_refused_aside(now, &self.options),
                _ => member.was_refused(now, &self.options),
            }
            member.blocked |= role == Role::High;
        }
        self.reports.push(UplinkReport::Refused { wish: record.wish, error });
        self.without(uplink, role, Trigger::Refused);
    }

    /// The route of a wish is there no more.
    pub(super) fn gone(&mut self, wish: WishId) {
        let Some(record) = self.wishes.remove(wish) else { return };
        let (uplink, role) = (record.wish.uplink, record.wish.role);
        if record.wish.state == WishState::Held {
            return self.without(uplink, role, Trigger::Lost);
        }
        let is_last = !self.wishes.of(uplink).any(|other| other.wish.role.is_default());
        if is_last {
            self.default_moved(uplink, role, Trigger::Gone);
        }
    }

    /// A route of ours has gone without our doing.
    pub(super) fn lost(&mut self, now: Now, wish: WishId, overwritten_by: Option<Box<waypost_core::Route>>) {
        let Some(record) = self.wishes.remove(wish) else { return };
        let (uplink, role) = (record.wish.uplink, record.wish.role);
        if let Some(member) = self.members.get_mut(&uplink).filter(|member| member.is_usable()) {
            member.was_robbed(now, &self.options);
            member.yielded |= self.options.on_rival == OnRival::Yield;
        }
        self.reports.push(UplinkReport::Lost { wish: record.wish, overwritten_by });
        self.without(uplink, role, Trigger::Lost);
    }

    /// Moves a life, after a default route has left the wishes for good: only if that was the last of those that count.
    fn without(&mut self, uplink: UplinkId, role: Role, trigger: Trigger) {
        if !role.is_default() {
            return;
        }
        if !self.has_default(uplink, WishState::Held) {
            let is_under_way = self.has_default(uplink, WishState::Asked);
            match trigger {
                Trigger::Refused | Trigger::Unwanted if is_under_way => {}
                _ => self.moved(uplink, trigger),
            }
            if trigger == Trigger::Lost && is_under_way {
                self.moved(uplink, Trigger::Wanted);
            }
        } else if trigger == Trigger::Refused {
            self.moved(uplink, trigger);
        }
    }

    pub(super) fn default_moved(&mut self, uplink: UplinkId, role: Role, trigger: Trigger) {
        if role.is_default() {
            self.moved(uplink, trigger);
        }
    }

    pub(super) fn has_default(&self, uplink: UplinkId, state: WishState) -> bool {
        self.wishes.of(uplink).any(|record| record.wish.state == state && record.wish.role.is_default())
    }

    /// Moves a life along an arrow; where there is none, nothing happens.
    pub(super) fn moved(&mut self, uplink: UplinkId, trigger: Trigger) {
        let Some(member) = self.members.get_mut(&uplink) else { return };
        let from = member.life;
        if let Some(to) = from.after(trigger) {
            member.life = to;
            self.reports.push(UplinkReport::Moved { uplink, from, trigger, to });
        }
    }

    /// Compares what is held with what the mirror has.
    pub(super) fn see(&mut self, now: Now, mirror: &Mirror) {
        let (mut lost, mut found) = (Vec::new(), Vec::new());
        // Of a route that the mirror has had, it tells when it goes.
        let is_told = |record: &&Record| {
            let is_known = record.wish.state == WishState::Held && record.seen;
            !is_known || record.suspect.is_some() || record.unsure || record.doubted
        };
        let ids: Vec<WishId> = self.wishes.values().filter(is_told).map(|record| record.wish.id).collect();
        for id in ids {
            let Some(record) = self.wishes.get(id) else { continue };
            let priority = self.there(&record.wish, mirror).map(|route| route.slot.priority);
            let is_there = priority.is_some();
            let overdue = (record.since + CONFIRM).running <= now.running;
            let Some(record) = self.wishes.get_mut(id) else { continue };
            record.seen |= is_there;
            record.wish.route.slot.priority = priority.unwrap_or(record.wish.route.slot.priority);
            let state = record.wish.state;
            // Of one that went before its answer came it is told when that has come, or will not.
            let is_answered = state == WishState::Held || (state == WishState::Asked && record.unsure);
            let suspect = record.suspect.take_if(|_| is_there || is_answered);
            match suspect {
                _ if is_there => {
                    record.doubted = false;
                    if std::mem::take(&mut record.unsure) && state == WishState::Asked {
                        found.push(id);
                    }
                }
                Some(instead) if state != WishState::Leaving => lost.push((id, instead)),
                // The kernel has said nothing of it going, or nothing at all, but a mirror that is in step does not have it.
                _ if overdue && !self.resyncing && (state == WishState::Held || record.unsure) => record.doubted = true,
                _ => {}
            }
        }
        for id in found {
            self.told(now, id, Told::Installed);
        }
        for (id, instead) in lost {
            self.lost(now, id, instead);
        }
    }
}
