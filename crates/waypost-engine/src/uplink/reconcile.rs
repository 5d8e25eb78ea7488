//! From what is wanted and what there is to orders: makes before it breaks.

use std::net::IpAddr;

use waypost_core::{Family, NextHop, Now, Prefix, Route, Scope};

use super::beneath::Beneath;
use super::life::Trigger;
use super::place::{Place, is_alone};
use super::spec::Exit;
use super::wish::{Order, Role, UplinkId, UplinkReport, Wish, WishId, WishState};
use super::{Record, Uplinks};
use crate::Mirror;

/// A host route that an uplink is to have.
struct Host {
    role: Role,
    destination: Prefix,
    hop: NextHop,
}

impl Uplinks {
    /// Orders what is to be done.
    pub(super) fn reconcile(&mut self, now: Now, mirror: &Mirror, orders: &mut Vec<Order>) {
        // Those that are elected come first: it is they that traffic waits for.
        let mut ids: Vec<UplinkId> = self.members.keys().copied().collect();
        ids.sort_by_key(|id| !self.elected.contains(&Some(*id)));
        // What is ordered here changes nothing of which host routes are wanted.
        let mut wanted = Vec::with_capacity(ids.len());
        for &id in &ids {
            let hosts = self.hosts(id, mirror);
            let is_carried = self.keep_hosts(now, id, &hosts, mirror, orders);
            self.keep_default(now, id, is_carried, mirror, orders);
            wanted.push(hosts);
        }
        for &id in &ids {
            self.break_defaults(now, id, mirror, orders);
        }
        for (&id, hosts) in ids.iter().zip(&wanted) {
            self.break_hosts(now, id, hosts, mirror, orders);
        }
        self.break_leftovers(now, mirror, orders);
        self.repeat(now, mirror, orders);
        self.conclude();
    }

    /// The role that an uplink is to have.
    fn role_of(&self, id: UplinkId) -> Option<Role> {
        let member = self.members.get(&id).filter(|member| member.is_usable())?;
        match self.elected(member.uplink.family) == Some(id) {
            true => Some(Role::High),
            false => self.has_ranks.then_some(Role::Low),
        }
    }

    /// The wish that is what it should be, if there is one: asked for or there.
    fn current(&self, id: UplinkId, role: Role, destination: Prefix, hop: &NextHop) -> Option<&Record> {
        let source = self.members.get(&id).filter(|_| role.is_default()).map(|member| member.uplink.source);
        self.wishes.of(id).find(|record| {
            let wish = &record.wish;
            let leads = wish
                .route
                .entry
                .next_hops
                .first()
                .is_some_and(|own| (own.gateway, own.interface) == (hop.gateway, hop.interface));
            (wish.role, wish.route.slot.destination) == (role, destination)
                && leads
                && source.is_none_or(|source| wish.route.entry.preferred_source == source)
                && wish.state != WishState::Leaving
                && !record.doubted
        })
    }

    /// Adds the default route that an uplink is to have, if it does not have it.
    fn keep_default(&mut self, now: Now, id: UplinkId, is_carried: bool, mirror: &Mirror, orders: &mut Vec<Order>) {
        let Some(role) = self.role_of(id) else { return };
        let Some(member) = self.members.get(&id) else { return };
        let (family, hop) = (member.uplink.family, member.hop.clone());
        let Some(hop) = hop.filter(|_| is_carried && member.may_try(now)) else { return };
        let destination = Prefix::default_of(family);
        if self.current(id, role, destination, &hop).is_some() {
            return;
        }
        let mut route = self.route(destination, &hop);
        route.entry.preferred_source = member.uplink.source;
        match self.metric(id, role, destination, mirror) {
            Place::At(metric) => route.slot.metric = metric,
            Place::Ours => return,
            Place::Nowhere => return self.has_no_place(now, id, role, route),
        }
        let metric = route.slot.metric;
        if role == Role::Low {
            if let Some(member) = self.members.get_mut(&id) {
                member.low = Some(metric);
            }
        }
        self.install(id, role, route, orders);
        self.moved(id, Trigger::Wanted);
    }

    fn route(&self, destination: Prefix, hop: &NextHop) -> Route {
        let mut route = Route::new(destination);
        route.slot.table = self.options.table;
        if self.has_protocol {
            route.entry.protocol = self.options.protocol;
        }
        if hop.gateway.is_none() && destination.family() == Family::V4 {
            route.entry.scope = Scope::LINK;
        }
        let mut own = NextHop::default();
        (own.gateway, own.interface) = (hop.gateway, hop.interface);
        route.entry.next_hops = own.into();
        route
    }

    fn install(&mut self, uplink: UplinkId, role: Role, route: Route, orders: &mut Vec<Order>) {
        let id = WishId(self.next_wish);
        self.next_wish += 1;
        let wish = Wish { id, uplink, role, route, state: WishState::Asked };
        orders.push(Order::Install(wish.clone()));
        self.wishes.insert(Record::new(wish));
    }

    /// Deletes what default routes an uplink has besides the one that it is to have, where that leaves nobody without.
    fn break_defaults(&mut self, now: Now, id: UplinkId, mirror: &Mirror, orders: &mut Vec<Order>) {
        let Some(member) = self.members.get(&id) else { return };
        let role = self.role_of(id);
        let destination = Prefix::default_of(member.uplink.family);
        let current = role.zip(member.hop.as_ref()).and_then(|(role, hop)| self.current(id, role, destination, hop));
        let current = current.map(|record| (record.wish.id, record.wish.state));
        let others: Vec<WishId> = self
            .wishes
            .of(id)
            .filter(|record| record.wish.role.is_default() && record.wish.state != WishState::Leaving)
            .filter(|record| Some(record.wish.id) != current.map(|(id, _)| id))
            .filter(|record| record.again_at.is_none_or(|at| at.running <= now.running))
            .filter(|record| self.may_leave(record, role, current.map(|(_, state)| state)))
            .map(|record| record.wish.id)
            .collect();
        for wish in others {
            self.withdraw(wish, mirror, orders);
        }
    }

    /// Says whether a default route may go: another stands in its stead, or it is of no use.
    fn may_leave(&self, record: &Record, role: Option<Role>, current: Option<WishState>) -> bool {
        let wish = &record.wish;
        let Some(member) = self.members.get(&wish.uplink) else { return true };
        if !member.has_link {
            return true;
        }
        let elected = self.elected(member.uplink.family);
        if !self.has_ranks || is_alone(&wish.route) {
            // There is one place. It is made free for another, or by who is not wanted.
            return role.is_none() || current.is_none();
        }
        match (role, current) {
            // Its new one stands. Where it was elected, so must that of who is now.
            (Some(_), Some(WishState::Held)) if wish.role == Role::High && elected != Some(wish.uplink) => {
                elected.is_none_or(|elected| self.holds(elected, Role::High))
            }
            (Some(_), Some(WishState::Held)) => true,
            (Some(_), _) => false,
            // It is not wanted, or has no way out: whoever is elected must have something.
            (None, _) => elected.is_none_or(|elected| {
                let is_refused = self.members.get(&elected).is_some_and(|member| member.retry_at.is_some());
                self.holds(elected, Role::High) || (is_refused && self.holds(elected, Role::Low))
            }),
        }
    }

    pub(super) fn holds(&self, uplink: UplinkId, role: Role) -> bool {
        let is_held = |record: &Record| (record.wish.role, record.wish.state) == (role, WishState::Held) && !record.doubted;
        self.wishes.of(uplink).any(is_held)
    }

    /// Deletes the route of a wish.
    fn withdraw(&mut self, id: WishId, mirror: &Mirror, orders: &mut Vec<Order>) {
        let Some(record) = self.wishes.get_mut(id) else { return };
        record.unsure |= record.wish.state == WishState::Asked;
        (record.wish.state, record.again_at) = (WishState::Leaving, None);
        let wish = record.wish.clone();
        let uplink = wish.uplink;
        let is_last = !self.has_default(uplink, WishState::Held) && !self.has_default(uplink, WishState::Asked);
        if wish.role.is_default() && is_last {
            self.moved(uplink, Trigger::Unwanted);
        }
        if self.would_hit_another(&wish, mirror) {
            return self.gone(id);
        }
        orders.push(Order::Withdraw(wish));
    }

    /// Says whether the deletion of a wish's route could take another's: in one the kernel takes metric 0 for any (`fib_table_delete`,
    /// net/ipv4/fib_trie.c, Linux 6.18).
    fn would_hit_another(&self, wish: &Wish, mirror: &Mirror) -> bool {
        let slot = wish.route.slot;
        let is_any = self.has_ranks && slot.metric == 0 && slot.destination.family() == Family::V4;
        let mut there = mirror.tables().slot(&slot).map(|(_, route)| route);
        is_any && !(there.next().is_some_and(|route| self.is_of(wish, route)) && there.next().is_none())
    }

    /// The host routes that an uplink is to have.
    fn hosts(&self, id: UplinkId, mirror: &Mirror) -> Vec<Host> {
        let Some(member) = self.members.get(&id).filter(|member| member.is_usable()) else { return Vec::new() };
        let Some(hop) = &member.hop else { return Vec::new() };
        let (uplink, interface) = (&member.uplink, member.uplink.interface);
        let mut hosts = Vec::new();
        if let Some(vpn) = uplink.vpn {
            if let Beneath::Through(hop) = self.beneath(vpn.server, mirror) {
                hosts.push(Host { role: Role::Server, destination: Prefix::host(vpn.server), hop });
            }
        } else if let Some(gateway) = hop.gateway.filter(|_| uplink.exit != Exit::Learned) {
            if !self.is_attached(gateway, interface, mirror) {
                hosts.push(Host { role: Role::Gateway, destination: Prefix::host(gateway), hop: NextHop::dev(interface) });
            }
        }
        for &resolver in uplink.resolvers.iter().filter(|resolver| Family::of(resolver) == uplink.family) {
            let is_gateway = hop.gateway == Some(resolver);
            if !is_gateway && self.asks_over(resolver, id) && !self.is_attached(resolver, interface, mirror) {
                hosts.push(Host { role: Role::Resolver, destination: Prefix::host(resolver), hop: hop.clone() });
            }
        }
        hosts
    }

    /// Says whether a resolver is asked over this uplink, of several that name it: the elected one, else the first.
    fn asks_over(&self, resolver: IpAddr, id: UplinkId) -> bool {
        let family = Family::of(&resolver);
        let all = self.members.values().filter(|member| member.uplink.family == family && member.is_usable());
        all.filter(|member| member.uplink.resolvers.contains(&resolver))
            .min_by_key(|member| (self.elected(family) != Some(member.id), member.id))
            .is_some_and(|first| first.id == id)
    }

    /// Adds the host routes that are missing, and says whether those stand that the default route needs.
    fn keep_hosts(&mut self, now: Now, id: UplinkId, hosts: &[Host], mirror: &Mirror, orders: &mut Vec<Order>) -> bool {
        let mut is_carried = true;
        for host in hosts {
            let current = self.current(id, host.role, host.destination, &host.hop).map(|record| record.wish.state);
            let is_aside = host.role == Role::Resolver;
            is_carried &= is_aside || current == Some(WishState::Held);
            let Some(member) = self.members.get(&id) else { continue };
            let may = if is_aside { member.aside_at.is_none() } else { member.may_try(now) };
            if current.is_some() || !may {
                continue;
            }
            let mut route = self.route(host.destination, &host.hop);
            match self.metric(id, host.role, host.destination, mirror) {
                Place::At(metric) => {
                    route.slot.metric = metric;
                    self.install(id, host.role, route, orders);
                }
                Place::Ours => {}
                Place::Nowhere => self.has_no_place(now, id, host.role, route),
            }
        }
        is_carried
    }

    /// Deletes host routes that are not wanted any more, once what they carried has gone.
    fn break_hosts(&mut self, now: Now, id: UplinkId, hosts: &[Host], mirror: &Mirror, orders: &mut Vec<Order>) {
        let carries = self.has_default(id, WishState::Held) || self.has_default(id, WishState::Asked);
        let mut leaving = Vec::new();
        for record in self.wishes.of(id).filter(|record| !record.wish.role.is_default()) {
            let wish = &record.wish;
            if wish.state == WishState::Leaving || record.again_at.is_some_and(|at| at.running > now.running) {
                continue;
            }
            let wanted = hosts.iter().find(|host| (host.role, host.destination) == (wish.role, wish.route.slot.destination));
            let may = match wanted {
                Some(host) => match self.current(id, host.role, host.destination, &host.hop) {
                    Some(current) if current.wish.id == wish.id => false,
                    Some(current) => current.wish.state == WishState::Held,
                    None => !self.has_ranks,
                },
                None => wish.role == Role::Resolver || !carries || self.is_replaced(id, wish.role, hosts),
            };
            if may {
                leaving.push(wish.id);
            }
        }
        for wish in leaving {
            self.withdraw(wish, mirror, orders);
        }
    }

    /// Says whether an uplink that goes on needs a host route of this role no more, or has all those that it needs.
    fn is_replaced(&self, id: UplinkId, role: Role, hosts: &[Host]) -> bool {
        let mut needed = hosts.iter().filter(|host| host.role == role);
        let stands = |host: &Host| {
            self.current(id, role, host.destination, &host.hop).is_some_and(|record| record.wish.state == WishState::Held)
        };
        self.members.get(&id).is_some_and(super::member::Member::is_usable) && needed.all(stands)
    }

    /// Deletes what was found with our tag and nobody wants, as soon as that leaves nobody without.
    fn break_leftovers(&mut self, now: Now, mirror: &Mirror, orders: &mut Vec<Order>) {
        let stands = |family| self.elected(family).is_none_or(|elected| self.holds(elected, Role::High));
        let may_go = |record: &Record| is_alone(&record.wish.route) || stands(record.wish.route.slot.destination.family());
        let is_orphan =
            |record: &&Record| !self.members.contains_key(&record.wish.uplink) && record.wish.state == WishState::Held;
        let orphans = self.wishes.values().filter(is_orphan);
        let orphans = orphans.filter(|record| record.again_at.is_none_or(|at| at.running <= now.running));
        let free: Vec<WishId> = orphans.filter(|record| may_go(record)).map(|record| record.wish.id).collect();
        for wish in free {
            self.withdraw(wish, mirror, orders);
        }
    }

    /// Orders deletions again whose answer was lost: as long as what they leave behind is enough, which may have changed since.
    fn repeat(&mut self, now: Now, mirror: &Mirror, orders: &mut Vec<Order>) {
        let is_due = |record: &&Record| record.again_at.is_some_and(|at| at.running <= now.running);
        let leaving = self.wishes.values().filter(|record| record.wish.state == WishState::Leaving).filter(is_due);
        let due: Vec<(WishId, bool)> =
            leaving.map(|record| (record.wish.id, !record.wish.role.is_default() || self.may_leave_now(record))).collect();
        for (id, may) in due {
            let Some(record) = self.wishes.get_mut(id) else { continue };
            record.again_at = (!may).then_some(now + self.options.retry);
            let wish = record.wish.clone();
            if may && self.would_hit_another(&wish, mirror) {
                self.gone(id);
            } else if may {
                orders.push(Order::Withdraw(wish));
            }
        }
    }

    /// Says whether a default route may go, as things are.
    fn may_leave_now(&self, record: &Record) -> bool {
        let (id, destination) = (record.wish.uplink, record.wish.route.slot.destination);
        let role = self.role_of(id);
        let hop = self.members.get(&id).and_then(|member| member.hop.as_ref());
        let current = role.zip(hop).and_then(|(role, hop)| self.current(id, role, destination, hop));
        self.may_leave(record, role, current.map(|record| record.wish.state))
    }

    /// Tells changes of role that are done, and forgets uplinks that were given up.
    fn conclude(&mut self) {
        let ids: Vec<UplinkId> = self.members.keys().copied().collect();
        for id in ids {
            let mut defaults = self.wishes.of(id).filter(|record| record.wish.role.is_default());
            let role = match (defaults.next(), defaults.next()) {
                (Some(only), None) if only.wish.state == WishState::Held && !only.doubted => Some(only.wish.role),
                (None, None) => None,
                _ => continue,
            };
            let has_wishes = self.wishes.of(id).next().is_some();
            let Some(member) = self.members.get_mut(&id) else { continue };
            if std::mem::replace(&mut member.told_role, role) != role {
                if let Some(role) = role {
                    self.reports.push(UplinkReport::Switched { uplink: id, role });
                }
            }
            if !member.wanted && !has_wishes {
                self.members.remove(&id);
            }
        }
    }
}
