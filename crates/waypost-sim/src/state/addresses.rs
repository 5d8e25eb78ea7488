//! Addresses, and the routes that a kernel makes and takes with them.

use std::net::IpAddr;

use waypost_core::{
    Address, AddressFlags, Disposition, Entry, Error, ErrorKind, Family, IfIndex, LinkFlags, NextHop, Prefix, Protocol, Route,
    RouteChange, Scope, Slot, TableId, Verb,
};

use super::reach::network;
use super::{State, refused};
use crate::SameSlot;

/// How long an IPv4 prefix may be to have a broadcast address of its own.
const LONGEST_WITH_BROADCAST: u8 = 30;

impl State {
    pub(crate) fn add_address(&mut self, interface: IfIndex, local: IpAddr, length: u8) -> Result<(), Error> {
        if !self.links.contains_key(&interface) {
            return Err(refused(ErrorKind::NoSuchDevice, "no such device"));
        }
        if self.addresses.iter().any(|own| own.interface == interface && own.local == local) {
            return Err(refused(ErrorKind::Exists, "the address is there"));
        }
        let mut address = Address::new(interface, local, length);
        address.flags = AddressFlags::PERMANENT;
        address.scope = scope_of(local);
        let is_second = |own: &Address| own.interface == interface && subnet(own) == subnet(&address);
        if local.is_ipv4() && self.addresses.iter().any(is_second) {
            address.flags |= AddressFlags::SECONDARY;
        }
        self.addresses.push(address.clone());
        match self.profile.family(Family::of(&local)).same_slot {
            SameSlot::Ordered | SameSlot::Single | SameSlot::ByGateway => {
                self.tell_address(Verb::Present, &address);
                self.make(self.host_route(&address));
                self.make_network_routes(&address);
                if self.links.get(&interface).is_some_and(waypost_core::Link::is_up) {
                    // fib_inetaddr_event (net/ipv4/fib_frontend.c)
                    self.revive_next_hops(Family::of(&local), interface);
                }
            }
            SameSlot::Merged => {
                self.make_network_routes(&address);
                self.tell_address(Verb::Present, &address);
                self.make(self.host_route(&address));
            }
        }
        Ok(())
    }

    pub(crate) fn remove_address(&mut self, interface: IfIndex, local: IpAddr) -> Result<(), Error> {
        let is_meant = |own: &Address| own.interface == interface && own.local == local;
        let at = self.addresses.iter().position(is_meant);
        let at = at.ok_or_else(|| refused(ErrorKind::NotFound, "there is no such address"))?;
        let address = self.addresses.remove(at);
        self.forget_address(&address);
        if address.flags.contains(AddressFlags::SECONDARY) {
            return Ok(());
        }
        let is_its_second = |own: &Address| own.interface == interface && subnet(own) == subnet(&address);
        let (seconds, kept) = std::mem::take(&mut self.addresses).into_iter().partition(is_its_second);
        self.addresses = kept;
        // Without promote_secondaries the secondary addresses go with their primary one (net/ipv4/devinet.c).
        let seconds: Vec<Address> = seconds;
        for second in seconds {
            match second.flags.contains(AddressFlags::SECONDARY) {
                true => self.forget_address(&second),
                false => self.addresses.push(second),
            }
        }
        Ok(())
    }

    /// Says that an address that is no longer kept has gone, with what hangs on it.
    pub(super) fn forget_address(&mut self, address: &Address) {
        let family = Family::of(&address.local);
        let profile = *self.profile.family(family);
        self.tell_address(Verb::Removed, address);
        let mut made = self.network_routes(address);
        made.push(self.host_route(address));
        if profile.same_slot == SameSlot::Merged {
            made.rotate_right(1);
        }
        for route in made {
            self.drop_routes(true, |other| other.slot == route.slot && is_of_the_kernel(other, &route));
        }
        let prefers = |route: &Route| route.entry.preferred_source == Some(address.local);
        if profile.routes_leave_with_source {
            // Announced since 6.6 (fib_sync_down_addr).
            self.drop_routes(true, prefers);
        } else {
            let prefer = self.tables.values_mut().flatten().filter(|route| prefers(route));
            prefer.for_each(|route| route.entry.preferred_source = None);
        }
        let has_more = self.addresses.iter().any(|own| own.interface == address.interface && Family::of(&own.local) == family);
        if profile.routes_leave_with_last_address && !has_more {
            self.lose_next_hops(family, address.interface, true);
        }
    }

    /// Makes the routes to the network of an address, if its link is up.
    pub(super) fn make_network_routes(&mut self, address: &Address) {
        if self.links.get(&address.interface).is_some_and(waypost_core::Link::is_up) {
            self.network_routes(address).into_iter().for_each(|route| self.make(route));
        }
    }

    /// Makes a route of the kernel's own; one that is there already stays.
    pub(super) fn make(&mut self, route: Route) {
        drop(self.insert(RouteChange::Add, &route).or_else(|_| self.insert(RouteChange::Append, &route)));
    }

    fn host_route(&self, address: &Address) -> Route {
        let profile = &self.profile.family(Family::of(&address.local)).connected;
        let mut route = kernel_route(self.profile.local_table, Prefix::host(address.local), address.interface);
        route.entry.disposition = Disposition::Local;
        route.entry.scope = profile.local_scope;
        route.entry.preferred_source = profile.prefer_source.then_some(address.local);
        route
    }

    fn network_routes(&self, address: &Address) -> Vec<Route> {
        let profile = &self.profile.family(Family::of(&address.local)).connected;
        let prefix = subnet(address);
        let is_loopback = self.links.get(&address.interface).is_some_and(|link| link.flags.contains(LinkFlags::LOOPBACK));
        if address.flags.contains(AddressFlags::SECONDARY) || prefix.is_host() {
            return Vec::new();
        }
        let (table, disposition, scope) = if is_loopback {
            (self.profile.local_table, Disposition::Local, profile.local_scope)
        } else {
            (self.profile.capabilities.main_table, Disposition::Unicast, profile.scope)
        };
        let mut connected = kernel_route(table, prefix, address.interface);
        connected.slot.metric = profile.metric;
        connected.entry.disposition = disposition;
        connected.entry.scope = scope;
        connected.entry.preferred_source = profile.prefer_source.then_some(address.local);
        let mut routes = vec![connected];
        if let (true, Prefix::V4(net)) = (profile.broadcast && prefix.length() <= LONGEST_WITH_BROADCAST, prefix) {
            let mut broadcast = kernel_route(self.profile.local_table, Prefix::host(net.last().into()), address.interface);
            broadcast.entry.disposition = Disposition::Broadcast;
            broadcast.entry.scope = profile.scope;
            broadcast.entry.preferred_source = Some(address.local);
            routes.push(broadcast);
        }
        routes
    }
}

/// A route of the kernel's own out of an interface.
pub(super) fn kernel_route(table: TableId, destination: Prefix, interface: IfIndex) -> Route {
    let mut route = Route::from_parts(Slot::new(table, destination), Entry::default());
    route.entry.protocol = Protocol::KERNEL;
    route.entry.next_hops = NextHop::dev(interface).into();
    route
}

/// How far an address reaches, by what it is (`ipv6_addr_scope`); `ip` does the same for IPv4.
const fn scope_of(address: IpAddr) -> Scope {
    match address {
        _ if address.is_loopback() => Scope::HOST,
        IpAddr::V6(address) if address.is_unicast_link_local() => Scope::LINK,
        _ => Scope::UNIVERSE,
    }
}

fn is_of_the_kernel(route: &Route, made: &Route) -> bool {
    let interface = |route: &Route| route.entry.next_hops.first().and_then(|hop| hop.interface);
    route.entry.protocol == Protocol::KERNEL
        && route.entry.disposition == made.entry.disposition
        && route.entry.preferred_source == made.entry.preferred_source
        && interface(route) == interface(made)
}

fn subnet(address: &Address) -> Prefix {
    network(address.local, address.prefix_length)
}
