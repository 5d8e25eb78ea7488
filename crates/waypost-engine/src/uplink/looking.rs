//! Looking at what there is: which uplinks can be used, which is elected, and what stands above it.

use std::time::Duration;

use waypost_core::{Family, Now, Route};

use super::Uplinks;
use super::beneath::Beneath;
use super::election::{Candidate, elect};
use super::health::Grade;
use super::member::{Member, Serving, WayOut, serving, way_out};
use super::wish::{ElectionCause, Order, Role, UplinkId, UplinkReport, WishState};
use crate::Mirror;
use crate::monitor::widest;

/// How soon it is read again where reading came to no end.
pub(super) const REREAD: Duration = Duration::from_secs(10);

impl Uplinks {
    /// Finds out which uplinks can be used, and elects.
    pub(super) fn look(&mut self, now: Now, mirror: &Mirror) {
        let serving = serving(mirror);
        self.look_at(now, mirror, &serving, |member| member.uplink.vpn.is_none());
        for family in Family::ALL {
            let candidates = self.candidates(now, family, |member| member.uplink.vpn.is_none());
            self.physical[family as usize] = elect(&candidates, self.physical[family as usize]);
        }
        self.look_at(now, mirror, &serving, |member| member.uplink.vpn.is_some());
        for family in Family::ALL {
            self.elect(now, family);
        }
        self.members.values_mut().for_each(|member| member.let_go(now));
    }

    fn look_at(&mut self, now: Now, mirror: &Mirror, serving: &Serving, is_meant: impl Fn(&Member) -> bool) {
        let ids: Vec<UplinkId> = self.members.values().filter(|member| is_meant(member)).map(|member| member.id).collect();
        for id in ids {
            let Some(uplink) = self.members.get(&id).map(|member| &member.uplink) else { continue };
            let WayOut { has_link, mut hop, router } = way_out(uplink, mirror, serving, &self.options);
            if let Some(vpn) = uplink.vpn {
                hop = hop.filter(|_| self.beneath(vpn.server, mirror) != Beneath::Nowhere);
            }
            if let Some(member) = self.members.get_mut(&id) {
                // What stands in the mirror was so when it was heard: it is taken when it is new.
                let before = std::mem::replace(&mut member.router, router.map(|(router, _)| router));
                let until = member.router_until.filter(|_| member.router == before);
                let expires = router.and_then(|(_, expires)| expires);
                member.router_until = expires.map(|expires| until.unwrap_or(now + expires));
                member.look(now, has_link, hop, &self.options);
            }
        }
    }

    fn candidates(&self, now: Now, family: Family, is_meant: impl Fn(&Member) -> bool) -> Vec<Candidate> {
        let split = |member: &Member| member.uplink.vpn.is_some_and(|vpn| vpn.split);
        let of_family = self.members.values().filter(|member| member.uplink.family == family && is_meant(member));
        let usable = of_family.filter(|member| member.is_usable() && !split(member));
        usable
            .map(|member| Candidate {
                id: member.id,
                priority: member.uplink.priority,
                grade: member.health.grade,
                settled: member.is_settled(now),
                asked: member.asked,
                set_back: member.set_back,
                blocked: member.yielded || (member.blocked && !member.may_try(now)),
            })
            .collect()
    }

    fn elect(&mut self, now: Now, family: Family) {
        let before = self.elected[family as usize];
        let candidates = self.candidates(now, family, |_| true);
        let elected = elect(&candidates, before);
        if elected == before {
            return;
        }
        self.elected[family as usize] = elected;
        let old = before.and_then(|id| candidates.iter().find(|candidate| candidate.id == id));
        let cause = match old {
            _ if candidates.iter().any(|candidate| candidate.asked && Some(candidate.id) == elected) => ElectionCause::Asked,
            None if before.is_some() => ElectionCause::Unusable,
            Some(old) if old.grade == Grade::Bad => ElectionCause::Bad,
            Some(old) if old.blocked => ElectionCause::Refused,
            _ => ElectionCause::Better,
        };
        self.reports.push(UplinkReport::Elected { family, before, now: elected, cause });
    }

    /// Has routers looked at whose lifetime is over: they are there all the same if it was renewed. So it is where the kernel does not know
    /// what the mirror has.
    pub(super) fn read_again(&mut self, now: Now, orders: &mut Vec<Order>) {
        let mut is_due = std::mem::take(&mut self.wants_read);
        for until in self.members.values_mut().filter_map(|member| member.router_until.as_mut()) {
            if until.running <= now.running {
                (is_due, *until) = (true, now + REREAD);
            }
        }
        if is_due {
            orders.push(Order::Read);
        }
    }

    /// Orders the probes that are due.
    pub(super) fn probe(&mut self, now: Now, orders: &mut Vec<Order>) {
        for member in self.members.values_mut().filter(|member| member.is_usable()) {
            if let Some(number) = member.health.probe(now) {
                orders.push(Order::Probe(member.id, number));
            }
        }
    }

    /// Finds the routes of others that are used before the default route of the elected uplinks.
    pub(super) fn look_above(&mut self, mirror: &Mirror) {
        let mut above: Vec<Route> = Vec::new();
        for family in Family::ALL {
            let Some(elected) = self.elected(family) else { continue };
            let held = self.wishes.values().filter(|record| record.wish.state == WishState::Held);
            let high = held.filter(|record| record.wish.uplink == elected && record.wish.role == Role::High);
            let Some(metric) = high.map(|record| record.wish.route.slot.metric).min() else { continue };
            let Some(table) = mirror.tables().table(self.options.table) else { continue };
            for route in widest(family).into_iter().filter_map(|prefix| table.exactly(prefix)).flatten() {
                let is_narrower = route.slot.destination.length() > 0;
                let is_before = is_narrower || route.slot.metric < metric;
                if is_before && route.slot.tos == 0 && route.slot.source.is_none() && !self.is_ours(route) {
                    above.push(route.to_route());
                }
            }
        }
        let before = std::mem::take(&mut self.outranked);
        for route in before.iter().filter(|route| !above.contains(route)) {
            self.reports.push(UplinkReport::OutrankedNoMore { route: Box::new(route.clone()) });
        }
        for route in above.iter().filter(|route| !before.contains(route)) {
            self.reports.push(UplinkReport::Outranked { route: Box::new(route.clone()) });
        }
        self.outranked = above;
    }
}
