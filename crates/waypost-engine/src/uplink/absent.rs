//! When the kernel says that a route which is to be deleted is not there: that is true, or it means something else.

use waypost_core::{Error, Now, Route, RouteRef};

use super::Uplinks;
use super::life::Trigger;
use super::looking::REREAD;
use super::wish::{UplinkReport, Wish, WishId, WishState};
use crate::Mirror;

/// What the kernel said.
#[derive(Clone, Debug)]
pub(super) struct Absent {
    error: Error,
    /// All is to be read again.
    is_asked: bool,
    /// All has been read again since.
    is_read: bool,
}

impl Absent {
    pub(super) const fn new(error: Error) -> Self {
        Self { error, is_asked: false, is_read: false }
    }

    pub(super) const fn was_read(&mut self) {
        self.is_read = true;
    }
}

impl Uplinks {
    /// Compares what the kernel says not to know with the mirror. Where that does not have it either, it is gone. Where it does, all is read
    /// again, and if it is still there then, or stands in another slot, it is there and was not deleted.
    pub(super) fn compare_absent(&mut self, now: Now, mirror: &Mirror) {
        if self.resyncing {
            return;
        }
        let ids: Vec<WishId> =
            self.wishes.values().filter(|record| record.absent.is_some()).map(|record| record.wish.id).collect();
        for id in ids {
            let Some(record) = self.wishes.get(id) else { continue };
            let is_there = self.there(&record.wish, mirror).is_some();
            let moved = if is_there { None } else { self.elsewhere(&record.wish, mirror) };
            let Some(record) = self.wishes.get_mut(id) else { continue };
            let Some(mut absent) = record.absent.take() else { continue };
            if is_there && !absent.is_read {
                if !std::mem::replace(&mut absent.is_asked, true) {
                    (record.again_at, self.wants_read) = (Some(now + REREAD), true);
                }
                record.absent = Some(absent);
            } else if is_there || moved.is_some() {
                if let Some(route) = moved {
                    (record.wish.route, record.seen) = (route, true);
                }
                self.was_kept(now, id, absent.error);
            } else {
                self.gone(id);
            }
        }
    }

    /// The route of a wish in another slot than its own, where nobody answers for that.
    fn elsewhere(&self, wish: &Wish, mirror: &Mirror) -> Option<Route> {
        let way = |route: RouteRef<'_>| match &*route.entry.next_hops {
            [hop] => Some((hop.gateway, hop.interface)),
            _ => None,
        };
        let own = way(wish.route.as_ref());
        let table = mirror.tables().table(self.options.table).filter(|_| self.has_protocol)?;
        let mut chain = table.exactly(wish.route.slot.destination)?;
        chain.find(|route| self.has_our_tag(*route) && way(*route) == own && !self.is_ours(*route)).map(|route| route.to_route())
    }

    /// The route of a wish was not deleted, and is there.
    pub(super) fn was_kept(&mut self, now: Now, wish: WishId, error: Error) {
        let Some(record) = self.wishes.get_mut(wish) else { return };
        record.wish.state = WishState::Held;
        record.again_at = Some(now + self.options.retry);
        let (uplink, role) = (record.wish.uplink, record.wish.role);
        self.reports.push(UplinkReport::Kept { wish: record.wish.clone(), error });
        self.default_moved(uplink, role, Trigger::Kept);
    }
}
