//! Links, and what goes and comes with them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use waypost_core::{
    Address, Disposition, Error, ErrorKind, Family, IfIndex, Link, LinkFlags, NextHopFlags, Notice, Prefix, Route, Verb,
};

use super::addresses::kernel_route;
use super::insert::are_merged;
use super::{State, refused};
use crate::SameSlot;

impl State {
    /// Adds a link that is down but has a carrier as soon as it is up; the lowest number that was never used is its own unless one is asked for.
    pub(crate) fn add_link(&mut self, name: &str, index: Option<IfIndex>) -> IfIndex {
        let index = index.or_else(|| IfIndex::new(self.next_index)).unwrap_or_else(|| unreachable!("indices start at one"));
        self.next_index = self.next_index.max(index.get() + 1);
        let mut link = Link::new(index, name);
        link.mtu = 1500;
        link.flags = LinkFlags::BROADCAST | LinkFlags::MULTICAST | LinkFlags::LOWER_UP;
        self.links.insert(index, link);
        self.tell_link(index);
        index
    }

    pub(super) fn add_loopback(&mut self) {
        let index = self.add_link("lo", None);
        if let Some(link) = self.links.get_mut(&index) {
            link.flags = LinkFlags::LOOPBACK | LinkFlags::UP | LinkFlags::RUNNING | LinkFlags::LOWER_UP;
        }
        // The addresses are new and the link is there, so neither can fail.
        drop(self.add_address(index, Ipv4Addr::LOCALHOST.into(), 8));
        drop(self.add_address(index, Ipv6Addr::LOCALHOST.into(), 128));
    }

    pub(crate) fn link_named(&self, name: &str) -> Option<IfIndex> {
        self.links.values().find(|link| link.name == name).map(|link| link.index)
    }

    pub(crate) fn all_links(&self) -> Vec<Link> {
        self.links.values().cloned().collect()
    }

    pub(crate) fn all_addresses(&self) -> Vec<Address> {
        self.addresses.clone()
    }

    pub(crate) fn edit_link(&mut self, index: IfIndex, edit: impl FnOnce(&mut Link)) -> Result<(), Error> {
        let link = self.links.get_mut(&index).ok_or_else(|| refused(ErrorKind::NoSuchDevice, "no such device"))?;
        edit(link);
        self.tell_link(index);
        Ok(())
    }

    pub(crate) fn set_up(&mut self, index: IfIndex, up: bool) -> Result<(), Error> {
        let was_up = self.links.get(&index).is_some_and(Link::is_up);
        self.edit_link(index, |link| link.flags.set(LinkFlags::UP | LinkFlags::RUNNING, up))?;
        match (was_up, up) {
            (false, true) => self.came_up(index),
            (true, false) => self.went_down(index),
            _ => {}
        }
        Ok(())
    }

    pub(crate) fn remove_link(&mut self, index: IfIndex) -> Result<(), Error> {
        self.set_up(index, false)?;
        let (gone, kept) = std::mem::take(&mut self.addresses).into_iter().partition(|own| own.interface == index);
        self.addresses = kept;
        let gone: Vec<Address> = gone;
        gone.iter().for_each(|address| self.forget_address(address));
        Family::ALL.into_iter().for_each(|family| self.lose_next_hops(family, index, true));
        if let Some(link) = self.links.remove(&index) {
            self.tell(&Notice::Link(Verb::Removed, Box::new(link)));
        }
        Ok(())
    }

    fn came_up(&mut self, index: IfIndex) {
        Family::ALL.into_iter().for_each(|family| self.revive_next_hops(family, index));
        let own: Vec<Address> = self.addresses.iter().filter(|own| own.interface == index).cloned().collect();
        own.iter().for_each(|address| self.make_network_routes(address));
        if self.profile.ipv6.connected.link_local {
            let groups = Prefix::containing(Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0).into(), 8);
            if let Ok(groups) = groups {
                let mut route = kernel_route(self.profile.local_table, groups, index);
                route.entry.disposition = Disposition::Multicast;
                route.slot.metric = self.profile.ipv6.connected.metric;
                self.make(route);
            }
            let [high, low] = [(index.get() >> 16) as u16, (index.get() & 0xffff) as u16];
            let local = IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0xff, high, low));
            // It went when the link went down, so it is new.
            drop(self.add_address(index, local, 64));
        }
    }

    /// The next hops of a link that had been given up are used again, and nobody says so (`fib_sync_up`).
    pub(super) fn revive_next_hops(&mut self, family: Family, index: IfIndex) {
        let over = |route: &Route| {
            route.slot.destination.family() == family && route.entry.next_hops.iter().any(|hop| hop.interface == Some(index))
        };
        self.tables.values_mut().flatten().filter(|route| over(route)).for_each(|route| mark_dead(route, index, false));
    }

    fn went_down(&mut self, index: IfIndex) {
        self.lose_objects(index);
        for family in Family::ALL {
            if self.profile.family(family).routes_leave_with_link {
                self.lose_next_hops(family, index, false);
            }
            if self.profile.family(family).addresses_leave_with_link {
                let leaves = |own: &Address| own.interface == index && Family::of(&own.local) == family;
                let (gone, kept) = std::mem::take(&mut self.addresses).into_iter().partition(leaves);
                self.addresses = kept;
                let gone: Vec<Address> = gone;
                gone.iter().for_each(|address| self.forget_address(address));
            }
        }
    }

    /// Takes a link's next hops from the routes of a family; a route without any left goes (`fib_sync_down_dev`, `fib6_ifdown`).
    ///
    /// IPv4 keeps the host's own addresses reachable unless `all` go.
    pub(super) fn lose_next_hops(&mut self, family: Family, index: IfIndex, all: bool) {
        let profile = *self.profile.family(family);
        let stays = |route: &Route| !all && !profile.addresses_leave_with_link && route.entry.disposition == Disposition::Local;
        let hit = |route: &Route| {
            route.slot.destination.family() == family
                && !stays(route)
                && route.entry.next_hops.iter().any(|hop| hop.interface == Some(index))
        };
        self.tables.values_mut().flatten().filter(|route| hit(route)).for_each(|route| mark_dead(route, index, true));
        let is_dead = |route: &Route| route.entry.next_hops.iter().all(|hop| hop.flags.contains(NextHopFlags::DEAD));
        let dead: Vec<Route> = match profile.same_slot {
            SameSlot::Ordered | SameSlot::Single | SameSlot::ByGateway => {
                self.tables.values().flatten().filter(|route| hit(route) && is_dead(route)).cloned().collect()
            }
            SameSlot::Merged => {
                let gone = |chain: &Vec<Route>, route: &Route| {
                    hit(route) && is_dead(route) && chain.iter().filter(|other| are_merged(other, route)).all(is_dead)
                };
                let chains = self.tables.values();
                chains.flat_map(|chain| chain.iter().filter(|route| gone(chain, route)).cloned().collect::<Vec<_>>()).collect()
            }
        };
        self.drop_routes(profile.consequences_announced, |route| dead.contains(route));
    }

    /// Takes out every route that `goes`, with or without a word.
    pub(super) fn drop_routes(&mut self, announced: bool, goes: impl Fn(&Route) -> bool) {
        let mut gone = Vec::new();
        for chain in self.tables.values_mut() {
            gone.extend(chain.iter().filter(|route| goes(route)).cloned());
            chain.retain(|route| !goes(route));
        }
        self.tables.retain(|_, chain| !chain.is_empty());
        if !gone.is_empty() {
            self.serial += 1;
        }
        if announced {
            for mut route in gone {
                route.entry.next_hops = route.entry.next_hops.iter().cloned().map(without_marks).collect();
                self.tell_route(waypost_core::RouteVerb::Removed, &route);
            }
        }
    }
}

fn without_marks(mut hop: waypost_core::NextHop) -> waypost_core::NextHop {
    hop.flags &= NextHopFlags::ON_LINK;
    hop
}

/// Marks the next hops of a route that leave by a link.
fn mark_dead(route: &mut Route, index: IfIndex, dead: bool) {
    let mark = |hop: &waypost_core::NextHop| {
        let mut hop = hop.clone();
        if hop.interface == Some(index) {
            hop.flags.set(NextHopFlags::DEAD, dead);
        }
        hop
    };
    route.entry.next_hops = route.entry.next_hops.iter().map(mark).collect();
}
