//! Which next hops of a route packets may take: `fib_lookup_good_nhc` in `net/ipv4/fib_semantics.c`, `find_match` in
//! `net/ipv6/route.c` (Linux 6.18).

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{Asked, PassedOver, Settings, World, setting};
use crate::{Family, Flow, IfIndex, Link, NextHop, NextHopFlags, RouteRef, SettingsOf};

/// What a flow asks of next hops.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sieve<'a> {
    links: Option<&'a BTreeMap<IfIndex, Link>>,
    settings: Option<&'a Settings>,
    family: Family,
    /// The interface that packets must leave by.
    only: Option<IfIndex>,
    /// The interface that IPv6 prefers among routes of one metric.
    pub(super) wished: Option<IfIndex>,
}

impl<'a> Sieve<'a> {
    #[inline]
    pub(super) fn of(world: &World<'a>, asked: &Asked) -> Self {
        let flow = &asked.flow;
        let (only, wished) = match flow.destination {
            IpAddr::V4(_) => (flow.output, None),
            IpAddr::V6(destination) => {
                // `rt6_need_strict` and `ip6_route_output_flags` in net/ipv6/route.c: a wish, unless the destination is of one link
                // or an interface stands for the source. Packets that came in wish to leave where they came in.
                let wished = flow.input.or(flow.output);
                let is_of_link = destination.is_multicast() || destination.is_unicast_link_local() || destination.is_loopback();
                let insists = is_of_link || flow.output.is_some() && flow.source.is_none();
                (wished.filter(|_| insists), wished)
            }
        };
        Self { links: world.links, settings: world.settings, family: Family::of(&flow.destination), only, wished }
    }

    /// The same for packets of the host itself, of whose flow the source counts as this.
    #[inline]
    pub(super) fn of_local(world: &World<'a>, flow: &Flow, source: Option<IpAddr>) -> Self {
        let family = Family::of(&flow.destination);
        let plain = Self { links: world.links, settings: world.settings, family, only: None, wished: None };
        match flow.output {
            None => plain,
            Some(_) => Self::of(world, &Asked { flow: Flow { source, ..*flow }, family, came_by: None }),
        }
    }

    /// Says whether packets may leave by any interface.
    pub(super) const fn takes_any_interface(&self) -> bool {
        self.only.is_none()
    }

    /// Says whether nothing speaks against a next hop, as nearly always; where it says no, [`objection`](Self::objection) has still to be asked.
    #[inline]
    pub(super) fn passes(&self, hop: &NextHop) -> bool {
        let is_alive = !hop.flags.intersects(NextHopFlags::DEAD.union(NextHopFlags::LINK_DOWN));
        is_alive && (self.only.is_none() || hop.interface == self.only)
    }

    /// What speaks against a next hop.
    #[inline]
    pub(super) fn objection(&self, hop: &NextHop) -> Option<PassedOver> {
        if hop.flags.intersects(NextHopFlags::DEAD.union(NextHopFlags::LINK_DOWN)) {
            if let Some(objection) = self.disuse(hop) {
                return Some(objection);
            }
        }
        self.only.is_some_and(|only| hop.interface != Some(only)).then_some(PassedOver::OtherInterface)
    }

    /// Whether a next hop with a mark is out of use.
    ///
    /// The kernel also marks dead what it lists without carrier where that does not count (`fib_nexthop_info` in
    /// net/ipv4/fib_semantics.c). The setting can have changed since, which no message tells of a route: so of an interface that is
    /// known to be up, the setting decides.
    #[cold]
    fn disuse(&self, hop: &NextHop) -> Option<PassedOver> {
        let (dead, down) = (hop.flags.contains(NextHopFlags::DEAD), hop.flags.contains(NextHopFlags::LINK_DOWN));
        let is_up = |index| self.links.and_then(|links| links.get(&index)).is_some_and(Link::is_up);
        match hop.interface {
            Some(index) if down && self.ignores_link_down(index) => Some(PassedOver::LinkDown),
            Some(index) if down && self.settings.is_some() && is_up(index) => None,
            _ => dead.then_some(PassedOver::Dead),
        }
    }

    /// `ip_ignore_linkdown` in `include/linux/inetdevice.h` asks for all interfaces and for this one, `ip6_ignore_linkdown` in
    /// `include/net/addrconf.h` for this one alone (Linux 6.18).
    fn ignores_link_down(&self, index: IfIndex) -> bool {
        let of = |of| setting(self.settings, self.family, of, |settings| settings.ignore_routes_with_link_down).unwrap_or(false);
        of(SettingsOf::Interface(index)) || self.family == Family::V4 && of(SettingsOf::All)
    }

    /// The first objection to a route's next hops, where there is one to each.
    #[inline]
    pub(super) fn objection_to_all(&self, route: &RouteRef<'_>) -> Option<PassedOver> {
        let mut first = None;
        for hop in route.entry.next_hops.iter() {
            let objection = self.objection(hop)?;
            first = first.or(Some(objection));
        }
        first.or(Some(PassedOver::NoWayOut))
    }

    /// The next hops that may be taken.
    ///
    /// With an output interface IPv4 takes the first that leaves by it (`fib_select_path` in net/ipv4/fib_semantics.c). Of a group of next-hop
    /// objects any member is taken, whatever speaks against it, once one has let the route match (`nexthop_select_path` in net/ipv4/nexthop.c).
    pub(super) fn next_hops(self, route: RouteRef<'a>) -> impl Iterator<Item = &'a NextHop> + use<'a> {
        let hops = &route.entry.next_hops;
        let takes_first = self.family == Family::V4 && self.only.is_some();
        let takes_any = route.entry.next_hop_object.is_some() && !takes_first;
        let most = if takes_first { 1 } else { usize::MAX };
        hops.iter().filter(move |hop| takes_any || self.objection(hop).is_none()).take(most)
    }
}
