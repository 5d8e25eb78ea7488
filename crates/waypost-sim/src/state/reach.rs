//! Whether a next hop can be used: the checks that a kernel makes before it takes a route.

use std::net::IpAddr;

use waypost_core::{
    Disposition, Error, ErrorKind, Family, IfIndex, NextHop, NextHopFlags, NextHopObjectKind, NextHops, Prefix, Route, Scope,
    TableId,
};

use super::{State, refused};

impl State {
    /// The route as this kernel would keep it: metric and interfaces filled in.
    pub(super) fn completed(&self, route: &Route) -> Result<Route, Error> {
        let mut route = route.clone();
        let family = route.slot.destination.family();
        let table = route.slot.table;
        if table == TableId::UNSPECIFIED {
            route.slot.table = self.profile.capabilities.main_table;
        }
        if route.slot.metric == 0 {
            route.slot.metric = self.profile.family(family).default_metric;
        }
        if let Some(source) = route.entry.preferred_source {
            self.own(source).ok_or_else(|| refused(ErrorKind::Invalid, "Invalid prefsrc address."))?;
        }
        if let Some(id) = route.entry.next_hop_object {
            let object = self.object(id)?;
            if family == Family::V6 && object.family == Some(Family::V4) {
                return Err(refused(ErrorKind::Invalid, "IPv6 routes can not use an IPv4 nexthop."));
            }
            // The next hops are the object's, read when the route is shown.
            route.entry.next_hops = NextHops::NONE;
            return Ok(route);
        }
        if !route.entry.disposition.forwards() {
            route.entry.next_hops = NextHops::NONE;
            return Ok(route);
        }
        if route.entry.next_hops.is_empty() {
            return Err(refused(ErrorKind::NoSuchDevice, "there is no next hop"));
        }
        let hops = route.entry.next_hops.iter().map(|hop| self.reached(hop, route.slot.table));
        route.entry.next_hops = hops.collect::<Result<_, _>>()?;
        Ok(route)
    }

    /// The next hop with its interface, if it can be used.
    pub(super) fn reached(&self, hop: &NextHop, table: TableId) -> Result<NextHop, Error> {
        let mut hop = hop.clone();
        hop.flags &= NextHopFlags::ON_LINK;
        if let Some(index) = hop.interface {
            let link = self.links.get(&index).ok_or_else(|| refused(ErrorKind::NoSuchDevice, "no such device"))?;
            if !link.is_up() {
                return Err(refused(ErrorKind::Unreachable, "Device for nexthop is not up."));
            }
        }
        let Some(gateway) = hop.gateway else { return Ok(hop) };
        let family = Family::of(&gateway);
        if !self.profile.family(family).own_address_as_gateway && self.own(gateway).is_some() {
            return Err(refused(ErrorKind::Invalid, "Gateway can not be a local address."));
        }
        if hop.flags.contains(NextHopFlags::ON_LINK) || matches!(gateway, IpAddr::V6(gateway) if gateway.is_unicast_link_local())
        {
            hop.interface.ok_or_else(|| refused(ErrorKind::Invalid, "Egress device not specified."))?;
            return Ok(hop);
        }
        let found = self.attached(gateway, hop.interface, table);
        let interface = found.ok_or_else(|| refused(ErrorKind::Unreachable, "Nexthop has invalid gateway."))?;
        hop.interface = Some(interface);
        Ok(hop)
    }

    /// The interface that a gateway is attached to: where the longest match is a route without a gateway.
    fn attached(&self, gateway: IpAddr, over: Option<IfIndex>, table: TableId) -> Option<IfIndex> {
        let tables = [table, self.profile.local_table, self.profile.capabilities.main_table];
        let candidates = self.tables.values().flatten().filter(|route| {
            tables.contains(&route.slot.table)
                && route.slot.destination.contains(gateway)
                && over.is_none_or(|index| route.entry.next_hops.iter().any(|hop| hop.interface == Some(index)))
        });
        // The last of equally long ones would win with `max_by_key`; the kernel takes the first.
        let best = candidates.rev().max_by_key(|route| route.slot.destination.length())?;
        let hop = best.entry.next_hops.first()?;
        let near = matches!(best.entry.disposition, Disposition::Unicast | Disposition::Local) && hop.gateway.is_none();
        let has_scopes = self.profile.family(Family::of(&gateway)).connected.scope != Scope::UNIVERSE;
        let scope_is_near = !has_scopes || best.entry.scope != Scope::UNIVERSE;
        if near && scope_is_near { hop.interface } else { None }
    }

    /// The interface that has an address.
    pub(super) fn own(&self, address: IpAddr) -> Option<IfIndex> {
        self.addresses.iter().find(|own| own.local == address).map(|own| own.interface)
    }

    /// The next hops of a next-hop object.
    pub(super) fn hops_of(&self, kind: &NextHopObjectKind) -> Vec<NextHop> {
        match kind {
            NextHopObjectKind::Single(hop) => vec![hop.clone()],
            NextHopObjectKind::Group { members, .. } => {
                let single = |member: &waypost_core::GroupMember| match &self.next_hops.get(&member.id)?.kind {
                    NextHopObjectKind::Single(hop) => Some(hop.clone().with_weight(member.weight)),
                    _ => None,
                };
                members.iter().filter_map(single).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// The network that an address with this prefix length is in.
pub(super) fn network(address: IpAddr, length: u8) -> Prefix {
    Prefix::containing(address, length).unwrap_or_else(|_| Prefix::host(address))
}
