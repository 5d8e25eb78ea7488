//! Starting again: routes with our tag are taken over as they are.

use waypost_core::{Now, Prefix, RouteRef};

use super::life::Trigger;
use super::wish::{Role, UplinkId, UplinkReport, Wish, WishId, WishState};
use super::{Record, Uplinks};
use crate::Mirror;
use crate::monitor::is_wide;

/// The number of no uplink.
const NOBODY: UplinkId = UplinkId(u32::MAX);

impl Uplinks {
    /// Takes over the routes with our tag: those that an uplink wants as its own, the others to be deleted.
    pub(super) fn adopt(&mut self, now: Now, mirror: &Mirror) {
        if !self.has_protocol {
            return;
        }
        self.look(now, mirror);
        self.reports.clear();
        let Some(table) = mirror.tables().table(self.options.table) else { return };
        let tagged = table.routes().filter(|route| route.entry.protocol == self.options.protocol);
        let found: Vec<_> = tagged.map(|route| (self.meant_for(route), route.to_route())).collect();
        let mut best: [Option<(u32, UplinkId)>; 2] = [None; 2];
        for (meant, route) in found {
            let id = WishId(self.next_wish);
            self.next_wish += 1;
            let (uplink, role) = meant.unwrap_or((NOBODY, Role::High));
            if meant.is_none() {
                self.reports.push(UplinkReport::Leftover { route: Box::new(route.clone()) });
            }
            let (family, metric) = (route.slot.destination.family(), route.slot.metric);
            let mut record = Record::new(Wish { id, uplink, role, route, state: WishState::Held });
            (record.since, record.seen) = (now, true);
            self.wishes.insert(record);
            if meant.is_some() && role.is_default() {
                if role == Role::Low {
                    if let Some(member) = self.members.get_mut(&uplink) {
                        member.low = Some(metric);
                    }
                }
                self.moved(uplink, Trigger::Wanted);
                self.moved(uplink, Trigger::Installed);
                let place = &mut best[family as usize];
                if role == Role::High && place.is_none_or(|(before, _)| metric < before) {
                    *place = Some((metric, uplink));
                }
            }
        }
        // Who was used goes on being used, unless another is better.
        for (family, best) in best.into_iter().enumerate() {
            self.elected[family] = best.map(|(_, uplink)| uplink);
        }
    }

    /// The uplink that a route with our tag was made for, and in which role.
    fn meant_for(&self, route: RouteRef<'_>) -> Option<(UplinkId, Role)> {
        let [hop] = &*route.entry.next_hops else { return None };
        let destination = route.slot.destination;
        let of_interface = |interface| hop.interface == Some(interface);
        for member in self.members.values() {
            let uplink = &member.uplink;
            let is_its_way = of_interface(uplink.interface) && member.hop.as_ref().is_none_or(|own| own.gateway == hop.gateway);
            if destination.is_default() && uplink.family == destination.family() && is_its_way {
                return self.role_at(route.slot.metric).map(|role| (member.id, role));
            }
            if is_wide(destination) {
                continue;
            }
            if uplink.vpn.is_some_and(|vpn| Prefix::host(vpn.server) == destination) {
                return Some((member.id, Role::Server));
            }
            let is_resolver = uplink.resolvers.iter().any(|resolver| Prefix::host(*resolver) == destination);
            if is_resolver && is_its_way {
                return Some((member.id, Role::Resolver));
            }
            let is_gateway = matches!(uplink.exit, super::Exit::Gateway(gateway) if Prefix::host(gateway) == destination);
            if is_gateway && of_interface(uplink.interface) && hop.gateway.is_none() {
                return Some((member.id, Role::Gateway));
            }
        }
        None
    }

    /// The role of a default route of ours by its metric; `None` where it was made with other options.
    fn role_at(&self, metric: u32) -> Option<Role> {
        let bands = &self.options.bands;
        let is_high = if metric == 0 { self.options.metric_zero || !self.has_ranks } else { bands.is_high(metric) };
        match is_high {
            true => Some(Role::High),
            false => bands.is_low(metric).then_some(Role::Low),
        }
    }
}
