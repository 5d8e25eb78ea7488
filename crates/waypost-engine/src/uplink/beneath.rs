//! What carries an uplink: the way to a VPN's server, and whether an address is attached to an interface.

use std::net::IpAddr;

use waypost_core::lookup::{Verdict, World};
use waypost_core::{Family, Flow, IfIndex, NextHop, Position, RouteRef, Rule, RuleAction, Tables};

use super::Uplinks;
use super::wish::Role;
use crate::Mirror;
use crate::monitor::is_wide;

/// How a VPN's server is reached without the VPN.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Beneath {
    /// It is not.
    Nowhere,
    /// By a route of its own, or on the same subnet: nothing is needed.
    ByItself,
    /// By a default route: this way, to which a host route holds it.
    Through(NextHop),
}

impl Uplinks {
    /// How `server` is reached, found by lookup among the routes that neither leave by a VPN nor are there for VPNs' servers.
    pub(super) fn beneath(&self, server: IpAddr, mirror: &Mirror) -> Beneath {
        let mut tables = Tables::new();
        for table in mirror.tables().table_ids().filter_map(|id| mirror.tables().table(id)) {
            for route in table.matches(server).flatten().filter(|route| self.is_beneath(*route, mirror)) {
                tables.insert(&route.to_route(), Position::Last);
            }
        }
        let family = Family::of(&server);
        // Systems without rules look in their one table.
        let standing = [Rule::new(family, 0, RuleAction::Lookup(self.options.table))];
        let rules = if mirror.rules(family).is_empty() { &standing[..] } else { mirror.rules(family) };
        let world = World::new(&tables, rules, mirror.names());
        let world = world.with_links(mirror.links()).with_settings(mirror.settings());
        let verdict = world.find(&Flow::to(server));
        let Verdict::Found(found) = verdict else { return Beneath::Nowhere };
        if !is_wide(found.route.slot.destination) {
            return Beneath::ByItself;
        }
        // Which of several physical uplinks it is goes by the election, not by their metrics: all but one have low ones.
        let elected = self.physical[family as usize].and_then(|id| self.members.get(&id)).and_then(|member| member.hop.clone());
        let hop = elected.or_else(|| found.next_hops().next().cloned());
        hop.map_or(Beneath::Nowhere, Beneath::Through)
    }

    /// Says whether a route can carry a VPN.
    fn is_beneath(&self, route: RouteRef<'_>, mirror: &Mirror) -> bool {
        let mut ways = route.entry.next_hops.iter().filter_map(|hop| hop.interface);
        let leaves_by_vpn =
            |index| self.members.values().any(|member| member.uplink.vpn.is_some() && member.uplink.interface == index);
        let is_dead = |index| mirror.links().get(&index).is_some_and(|link| !link.has_carrier());
        let is_pin = || self.wishes.values().any(|kept| kept.wish.role == Role::Server && self.is_of(&kept.wish, route));
        !ways.any(|index| leaves_by_vpn(index) || is_dead(index)) && !is_pin()
    }

    /// Says whether a route of others leads to `address` straight out of the interface.
    pub(super) fn is_attached(&self, address: IpAddr, interface: IfIndex, mirror: &Mirror) -> bool {
        let is_link_local = match address {
            IpAddr::V4(_) => false,
            IpAddr::V6(address) => address.is_unicast_link_local(),
        };
        let Some(table) = mirror.tables().table(self.options.table) else { return is_link_local };
        let is_direct = |route: RouteRef<'_>| {
            let straight = |hop: &NextHop| hop.interface == Some(interface) && hop.gateway.is_none();
            route.entry.next_hops.iter().any(straight) && !self.is_ours(route)
        };
        // All that match 0/0 are of one chain, which can be long: it is not walked.
        let narrow = table.matches(address).filter_map(|mut chain| {
            let first = chain.next().filter(|first| !is_wide(first.slot.destination))?;
            Some(std::iter::once(first).chain(chain))
        });
        is_link_local || narrow.flatten().any(is_direct)
    }
}
