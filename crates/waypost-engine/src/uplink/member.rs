//! One uplink and what is known of it.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use waypost_core::{Address, AddressFlags, Family, IfIndex, NextHop, Now, Prefix, Scope, Slot};

use super::health::{Grade, Health};
use super::life::Life;
use super::spec::{Exit, Uplink, UplinkOptions};
use super::wish::{Role, UplinkId};
use crate::Mirror;

/// How far doubling goes: 2^20 times what it began with is more than any maximum.
const DOUBLINGS_MAX: u32 = 20;

/// `first`, doubled for each time after the first, and `most` at most.
pub(super) fn backed_off(first: Duration, times: u32, most: Duration) -> Duration {
    first.saturating_mul(1 << times.saturating_sub(1).min(DOUBLINGS_MAX)).min(most)
}

#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) id: UplinkId,
    pub(super) uplink: Uplink,
    /// It is not being given up.
    pub(super) wanted: bool,
    pub(super) life: Life,
    /// Its link carries packets.
    pub(super) has_link: bool,
    /// The way out, while it can be used.
    pub(super) hop: Option<NextHop>,
    /// By whose route it knows its router: the route's slot and the router.
    pub(super) router: Option<Router>,
    /// When the lifetime of its router is over, unless that is renewed meanwhile.
    pub(super) router_until: Option<Now>,
    /// Since when that is so.
    since: Now,
    /// It was usable before, and then was not, or was bad.
    failures: u32,
    /// Until then it takes nobody's place.
    pub(super) hold_until: Option<Now>,
    /// Somebody asked for it to be elected.
    pub(super) asked: bool,
    /// Somebody asked for others to be elected before it.
    pub(super) set_back: bool,
    /// Until then no default route of it is added.
    pub(super) retry_at: Option<Now>,
    /// The kernel refuses its high default route.
    pub(super) blocked: bool,
    tries: u32,
    /// The same for routes to resolvers, which are to hold up nothing else.
    pub(super) aside_at: Option<Now>,
    aside_tries: u32,
    losses: u32,
    lost_at: Option<Now>,
    /// It is left to a rival.
    pub(super) yielded: bool,
    /// The metric of its low default route, kept for the next time.
    pub(super) low: Option<u32>,
    /// The role that it was last said to have alone.
    pub(super) told_role: Option<Role>,
    pub(super) health: Health,
}

impl Member {
    pub(super) fn new(id: UplinkId, uplink: Uplink, options: &UplinkOptions) -> Self {
        let probes = uplink.probed.then_some(options.probes);
        let seed = options.seed.wrapping_add(u64::from(id.0)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self {
            id,
            uplink,
            wanted: true,
            life: Life::Inactive,
            has_link: false,
            hop: None,
            router: None,
            router_until: None,
            since: Now::default(),
            failures: 0,
            hold_until: None,
            asked: false,
            set_back: false,
            retry_at: None,
            blocked: false,
            tries: 0,
            aside_at: None,
            aside_tries: 0,
            losses: 0,
            lost_at: None,
            yielded: false,
            low: None,
            told_role: None,
            health: Health::new(probes, seed),
        }
    }

    pub(super) fn is_usable(&self) -> bool {
        self.wanted && self.hop.is_some()
    }

    /// Takes in whether its link carries packets, and by what way they can leave now.
    pub(super) fn look(&mut self, now: Now, has_link: bool, hop: Option<NextHop>, options: &UplinkOptions) {
        self.has_link = has_link;
        match (self.hop.is_some(), hop.is_some()) {
            (false, true) => {
                self.since = now;
                if self.failures > 0 {
                    self.hold_until = Some(now + backed_off(options.hold_down, self.failures, options.hold_down_max));
                }
                (self.yielded, self.retry_at, self.blocked, self.tries) = (false, None, false, 0);
                (self.aside_at, self.aside_tries) = (None, 0);
            }
            (true, false) => {
                self.has_failed(now, options);
                self.health.forget();
            }
            _ => {}
        }
        self.hop = hop;
    }

    /// It has failed once more; what was before it was well for long is forgotten.
    fn has_failed(&mut self, now: Now, options: &UplinkOptions) {
        if now.running.saturating_sub(self.since.running) >= options.hold_down_max {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        self.hold_until = None;
    }

    /// Takes in that what is thought of it has changed.
    pub(super) fn graded(&mut self, now: Now, before: Grade, options: &UplinkOptions) {
        match (before == Grade::Bad, self.health.grade == Grade::Bad) {
            (false, true) => self.has_failed(now, options),
            (true, false) => {
                self.since = now;
                self.hold_until = Some(now + backed_off(options.hold_down, self.failures, options.hold_down_max));
            }
            _ => {}
        }
    }

    pub(super) fn is_settled(&self, now: Now) -> bool {
        self.hold_until.is_none_or(|until| until.running <= now.running)
    }

    pub(super) fn may_try(&self, now: Now) -> bool {
        !self.yielded && self.retry_at.is_none_or(|at| at.running <= now.running)
    }

    /// The kernel refused a route of it.
    pub(super) fn was_refused(&mut self, now: Now, options: &UplinkOptions) {
        self.tries = self.tries.saturating_add(1);
        self.retry_at = Some(now + backed_off(options.retry, self.tries, options.retry_max));
    }

    /// The kernel refused its route to a resolver.
    pub(super) fn was_refused_aside(&mut self, now: Now, options: &UplinkOptions) {
        self.aside_tries = self.aside_tries.saturating_add(1);
        self.aside_at = Some(now + backed_off(options.retry, self.aside_tries, options.retry_max));
    }

    /// The kernel took a default route of it.
    pub(super) fn was_installed(&mut self) {
        (self.tries, self.blocked, self.retry_at) = (0, false, None);
    }

    /// A rival took a route of it. The first time it is put back at once; those that come soon after each other wait longer and longer.
    pub(super) fn was_robbed(&mut self, now: Now, options: &UplinkOptions) {
        let is_old = |at: Now| now.running.saturating_sub(at.running) > options.retry_max.saturating_mul(2);
        if self.lost_at.is_some_and(is_old) {
            self.losses = 0;
        }
        self.lost_at = Some(now);
        if self.losses > 0 {
            self.retry_at = Some(now + backed_off(options.retry, self.losses, options.retry_max));
        }
        self.losses = self.losses.saturating_add(1);
    }

    /// Lets go of the times that have passed.
    pub(super) fn let_go(&mut self, now: Now) {
        let is_ahead = |at: &Now| at.running > now.running;
        self.hold_until = self.hold_until.filter(is_ahead);
        self.aside_at = self.aside_at.filter(is_ahead);
        if self.retry_at.take_if(|at| !is_ahead(at)).is_some() {
            self.blocked = false;
        }
    }

    /// Something about its interface has changed: what was refused may be taken now.
    pub(super) fn try_again(&mut self) {
        if self.losses == 0 || self.tries > 0 {
            (self.retry_at, self.tries, self.blocked) = (None, 0, false);
        }
    }
}

/// Says whether an address is one that connections can be made from: not while its owner is being looked for, nor when its time is over.
fn serves(address: &Address) -> bool {
    let is_wide = match address.local {
        IpAddr::V4(_) => true,
        IpAddr::V6(_) => address.scope != Scope::LINK,
    };
    let over = address.valid == Some(Duration::ZERO) || address.preferred == Some(Duration::ZERO);
    is_wide && !over && !address.flags.intersects(AddressFlags::TENTATIVE | AddressFlags::DUPLICATED | AddressFlags::DEPRECATED)
}

/// The interfaces that have an address of a family that serves.
pub(super) type Serving = BTreeSet<(IfIndex, Family)>;

/// Finds them.
pub(super) fn serving(mirror: &Mirror) -> Serving {
    mirror.addresses().filter(|own| serves(own)).map(|own| (own.interface, Family::of(&own.local))).collect()
}

/// How an uplink can be left by.
pub(super) struct WayOut {
    /// Its link carries packets.
    pub(super) has_link: bool,
    /// By what way they can leave by it.
    pub(super) hop: Option<NextHop>,
    /// By whose route its router is known, and how long that is to live.
    pub(super) router: Option<(Router, Option<Duration>)>,
}

/// A default route of another program's, and the router that it leads to.
pub(super) type Router = (Slot, IpAddr);

/// Whether the link of `uplink` carries packets, and by what way they can leave by it.
pub(super) fn way_out(uplink: &Uplink, mirror: &Mirror, serving: &Serving, options: &UplinkOptions) -> WayOut {
    let has_link = mirror.links().get(&uplink.interface).is_some_and(waypost_core::Link::has_carrier);
    let found = match uplink.exit {
        Exit::PointToPoint => {
            return WayOut { has_link, hop: has_link.then(|| NextHop::dev(uplink.interface)), router: None };
        }
        Exit::Gateway(gateway) => Some((gateway, None)),
        Exit::Learned => learned(uplink, mirror, options).map(|(router, expires)| (router.1, Some((router, expires)))),
    };
    let Some((gateway, router)) = found.filter(|_| has_link && serving.contains(&(uplink.interface, uplink.family))) else {
        return WayOut { has_link, hop: None, router: None };
    };
    WayOut { has_link, hop: Some(NextHop::via(gateway).with_interface(uplink.interface)), router }
}

/// The router of the best default route that somebody else has over the interface, and how long that is to live.
fn learned(uplink: &Uplink, mirror: &Mirror, options: &UplinkOptions) -> Option<(Router, Option<Duration>)> {
    let chain = mirror.tables().table(options.table)?.exactly(Prefix::default_of(uplink.family))?;
    let mut alive = chain.filter(|route| route.entry.protocol != options.protocol && route.expires != Some(Duration::ZERO));
    alive.find_map(|route| {
        let own = route.entry.next_hops.iter().filter(|hop| hop.interface == Some(uplink.interface));
        own.filter_map(|hop| hop.gateway).next().map(|gateway| ((route.slot, gateway), route.expires))
    })
}
