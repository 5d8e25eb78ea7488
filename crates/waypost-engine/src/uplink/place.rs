//! At which metric a route can go, and what is done where it can go to none.

use std::collections::BTreeSet;

use waypost_core::{Error, ErrorKind, Family, Now, Prefix, Route};

use super::life::Trigger;
use super::wish::{Role, Told, UplinkId, Wish, WishId, WishState};
use super::{Record, Uplinks};
use crate::Mirror;

/// Where a route can go.
pub(super) enum Place {
    /// To this metric.
    At(u32),
    /// Nowhere until one of our own has gone.
    Ours,
    /// Nowhere: all metrics that it may have are taken.
    Nowhere,
}

impl Place {
    fn of(metric: Option<u32>) -> Self {
        metric.map_or(Self::Nowhere, Self::At)
    }
}

/// Says whether claims take no route to the same destination beside this one: a deletion of an IPv4 metric 0 could hit any.
pub(super) fn is_alone(route: &Route) -> bool {
    route.slot.metric == 0 && route.slot.destination.family() == Family::V4
}

impl Uplinks {
    /// Looks for a free metric for a route.
    pub(super) fn metric(&self, id: UplinkId, role: Role, destination: Prefix, mirror: &Mirror) -> Place {
        let own = self.wishes.values().map(|record| &record.wish).filter(|wish| wish.route.slot.destination == destination);
        let mut used: BTreeSet<u32> = own.clone().map(|wish| wish.route.slot.metric).collect();
        if !self.has_ranks {
            return if used.is_empty() { Place::At(0) } else { Place::Ours };
        }
        if own.clone().any(|wish| is_alone(&wish.route)) {
            return Place::Ours;
        }
        let table = mirror.tables().table(self.options.table);
        let others = table.and_then(|table| table.exactly(destination)).into_iter().flatten();
        let mut rivals: Option<u32> = None;
        let mut beat = |metric: u32| rivals = Some(rivals.map_or(metric, |rival| rival.min(metric)));
        for route in others {
            used.insert(route.slot.metric);
            if !self.is_ours(route) {
                beat(route.slot.metric);
            }
        }
        let bands = &self.options.bands;
        if role == Role::Low {
            let Some(member) = self.members.get(&id) else { return Place::Nowhere };
            let kept = member.low.filter(|metric| !used.contains(metric));
            return Place::of(kept.or_else(|| bands.take_low(member.uplink.interface, &used)));
        }
        // While the old one is being deleted nobody is to be using it: a lookup of IPv6 that is at that very route then fails, though another
        // stands (`ip6_rt_pcpu_alloc` and `ip6_create_rt_rcu` give up where `fib6_info_hold_safe` does, net/ipv6/route.c, Linux 6.18).
        own.clone().filter(|wish| wish.role == Role::High).for_each(|wish| beat(wish.route.slot.metric));
        let wants_zero = self.options.metric_zero && role == Role::High && destination.family() == Family::V4;
        // Claims take no other metric beside 0.
        if wants_zero && !used.contains(&0) && own.count() == 0 {
            return Place::At(0);
        }
        Place::of(bands.take_high(&used, rivals))
    }

    /// A route that is wanted has no free metric: that is told, and tried again, as if the kernel had refused it.
    pub(super) fn has_no_place(&mut self, now: Now, uplink: UplinkId, role: Role, route: Route) {
        let id = WishId(self.next_wish);
        self.next_wish += 1;
        let high = self.options.bands.high();
        let why = format!("no metric from {} to {} is free", high.start(), high.end());
        let error = Error::new(ErrorKind::Exists, "choose a metric").because(why);
        self.wishes.insert(Record::new(Wish { id, uplink, role, route, state: WishState::Asked }));
        self.default_moved(uplink, role, Trigger::Wanted);
        self.told(now, id, Told::Refused(error));
    }
}
