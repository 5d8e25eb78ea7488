//! How the uplinks stand, for people.

use std::time::Duration;

use waypost_core::{NextHop, Now, Route};

use super::Uplinks;
use super::health::Grade;
use super::life::Life;
use super::spec::Uplink;
use super::wish::{Role, UplinkId, WishState};

/// How one uplink stands.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UplinkStatus<'a> {
    /// Its number.
    pub id: UplinkId,
    /// What it is.
    pub uplink: &'a Uplink,
    /// Where in its life it is.
    pub life: Life,
    /// It takes everything of its family.
    pub elected: bool,
    /// Somebody asked for it.
    pub asked: bool,
    /// Somebody asked for others to be elected before it.
    pub set_back: bool,
    /// Its link carries packets.
    pub has_link: bool,
    /// The way out, while it can be used.
    pub hop: Option<&'a NextHop>,
    /// What is thought of it.
    pub grade: Grade,
    /// Its default routes that are there, with the role of each.
    pub defaults: Vec<(Role, u32)>,
    /// For how long it takes nobody's place yet.
    pub hold_down: Option<Duration>,
    /// In how long a default route of it is tried again.
    pub retry: Option<Duration>,
    /// It is left to a rival.
    pub yielded: bool,
}

impl Uplinks {
    /// How each uplink stands.
    pub fn status(&self, now: Now) -> impl Iterator<Item = UplinkStatus<'_>> {
        let until = move |at: Option<Now>| at.map(|at| at.running.saturating_sub(now.running));
        self.members.values().map(move |member| {
            let own = self.wishes.of(member.id).map(|record| &record.wish).filter(|wish| wish.role.is_default());
            let there = own.filter(|wish| wish.state != WishState::Asked);
            UplinkStatus {
                id: member.id,
                uplink: &member.uplink,
                life: member.life,
                elected: self.elected(member.uplink.family) == Some(member.id),
                asked: member.asked,
                set_back: member.set_back,
                has_link: member.has_link,
                hop: member.hop.as_ref(),
                grade: member.health.grade,
                defaults: there.map(|wish| (wish.role, wish.route.slot.metric)).collect(),
                hold_down: until(member.hold_until),
                retry: until(member.retry_at),
                yielded: member.yielded,
            }
        })
    }

    /// The routes of others that are used before the default routes of elected uplinks.
    #[must_use]
    pub fn outranked_by(&self) -> &[Route] {
        &self.outranked
    }

    /// An uplink, while it is kept.
    #[must_use]
    pub fn uplink(&self, id: UplinkId) -> Option<&Uplink> {
        self.members.get(&id).map(|member| &member.uplink)
    }
}
