//! Looking at what there is: which uplinks can be used, which is elected, and what stands above it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use waypost_core::lookup::{Verdict, World};
use waypost_core::{Family, Flow, Now, Route, Rule, RuleAction, TableId};

use super::Uplinks;
use super::beneath::Beneath;
use super::election::{Candidate, elect};
use super::health::Grade;
use super::member::{Member, Serving, WayOut, serving, way_out};
use super::wish::{ElectionCause, Order, Role, UplinkId, UplinkReport, WishState};
use crate::Mirror;
use crate::monitor::{is_wide, widest};

/// How soon it is read again where reading came to no end.
pub(super) const REREAD: Duration = Duration::from_secs(10);

/// How long after the end of a lifetime it is read: within a tick of that Linux says 0, which is also what it says of a route that lives on
/// (`rt6_fill_node`, net/ipv6/route.c, Linux 6.18).
pub(super) const AFTERWARDS: Duration = Duration::from_millis(50);

/// Addresses for documentation (RFC 5737, RFC 3849): no route is narrower than a default there. What becomes of a packet to them says which default is used.
const ANYWHERE: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))];

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
                member.router_until = expires.map(|expires| until.unwrap_or(now + expires + AFTERWARDS));
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
            Some(old) if self.members.get(&old.id).is_some_and(|old| old.yielded) => ElectionCause::Yielded,
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

    /// Finds the routes of others that are used before the default route of the elected uplinks, or in the place of one that is not there.
    pub(super) fn look_above(&mut self, mirror: &Mirror) {
        let mut above: Vec<Route> = Vec::new();
        for family in Family::ALL {
            let Some(elected) = self.elected(family) else { continue };
            let high = || self.wishes.of(elected).filter(|record| record.wish.role == Role::High).map(|record| &record.wish);
            let held = high().filter(|wish| wish.state == WishState::Held).map(|wish| wish.route.slot.metric).min();
            // It is about to be there: what stands until then is no news.
            if held.is_none() && high().any(|wish| wish.state == WishState::Asked) {
                continue;
            }
            let table = mirror.tables().table(self.options.table);
            let wide = table.map(|table| widest(family).into_iter().filter_map(move |prefix| table.exactly(prefix)).flatten());
            for route in wide.into_iter().flatten() {
                let is_narrower = route.slot.destination.length() > 0;
                let is_before = is_narrower || held.is_none_or(|metric| route.slot.metric < metric);
                if is_before && route.slot.tos == 0 && route.slot.source.is_none() && !self.is_ours(route) {
                    above.push(route.to_route());
                }
            }
            above.extend(self.by_rule(family, mirror));
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

    /// The default route of another table that a rule leads packets to which nothing is special about.
    fn by_rule(&self, family: Family, mirror: &Mirror) -> Option<Route> {
        // Hardly any machine has such rules, and this is asked all the time.
        let has_routes = |table| mirror.tables().table(table).is_some_and(|table| table.routes().next().is_some());
        let is_another = |rule: &Rule| match rule.action {
            RuleAction::Lookup(table) => table != self.options.table && table != TableId::LOCAL && has_routes(table),
            _ => false,
        };
        let rules = mirror.rules(family);
        if !rules.iter().any(is_another) {
            return None;
        }
        let world = World::new(mirror.tables(), rules, mirror.names());
        let world = world.with_links(mirror.links()).with_settings(mirror.settings());
        match world.find(&Flow::to(ANYWHERE[family as usize])) {
            Verdict::Found(found) if found.route.slot.table != self.options.table => {
                Some(found.route.to_route()).filter(|route| is_wide(route.slot.destination))
            }
            _ => None,
        }
    }
}
