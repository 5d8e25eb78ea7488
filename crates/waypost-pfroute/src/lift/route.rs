//! Routes.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use waypost_core::{
    Disposition, Family, IfIndex, Ipv4Prefix, Metric as Portable, Metrics, NextHops, Prefix, Protocol, Route,
    RouteFlags as Marks, Scope, TableId, Weight,
};

use super::{Lift, LiftError};
use crate::wire::{
    Axis, MaskForm, Metric, RawSockaddr, ReportedMtu, RouteFlags, RouteMessage, RouteOp, ScopeForm, Sockaddrs, has_zone,
};

impl Lift {
    /// The route that the message is about.
    ///
    /// What a dump tells and an event does not is left out, so that the same route reads the same from both: the
    /// interface's address (`RTA_IFA`), the number of the next-hop object, the MTU where it is the interface's.
    /// `RTF_UP` is taken for set in a deletion, which comes without it.
    ///
    /// # Errors
    ///
    /// [`LiftError`] where the destination or the mask makes no sense, or an IPv6 destination has an IPv4 gateway.
    pub fn route(&self, message: &RouteMessage<'_>) -> Result<Route, LiftError> {
        let mut result = Ok(BLANK);
        if let Ok(route) = &mut result {
            if let Err(error) = self.fill(message, route) {
                result = Err(error);
            }
        }
        result
    }

    /// Makes a [`BLANK`] route the one that the message is about. What is written here in small parts is not read again
    /// in larger ones, as a move would: the processor would have to wait for the parts.
    #[inline]
    pub(super) fn fill(&self, message: &RouteMessage<'_>, route: &mut Route) -> Result<(), LiftError> {
        let addrs = message.addrs();
        if let Some(fault) = addrs.fault() {
            return Err(fault.into());
        }
        let flags = message.flags();
        let (network, zone) = address(addrs, Axis::Dst).ok_or(LiftError::Missing(Axis::Dst))?;
        let length = prefix_length(message, flags, Family::of(&network))?;
        let destination = Prefix::containing(network, length).map_err(|_| LiftError::MaskGap)?;
        let way = Way::read(message, flags);
        if network.is_ipv6() && way.gateway.is_some_and(|gateway| gateway.is_ipv4()) {
            return Err(LiftError::Missing(Axis::Gateway));
        }
        let slot = &mut route.slot;
        slot.destination = destination;
        slot.table = message.table().map_or(self.table, TableId);
        slot.priority = message.priority() & !PRIORITY_DOWN;
        slot.interface_scope = interface_scope(message, flags, network, zone);
        let entry = &mut route.entry;
        entry.disposition = disposition(flags);
        entry.protocol = protocol(flags, slot.priority, message.dialect().own_routes.are_static);
        entry.scope = scope(entry.disposition, &way);
        entry.flags = marks(flags, message.op());
        entry.os_flags = message.dialect().other_bits(message.raw_flags());
        if flags.contains(RouteFlags::SET_SOURCE) {
            entry.preferred_source = address(addrs, Axis::Src).map(|(source, _)| source);
        }
        let numbers = Numbers::read(message, flags, &mut entry.metrics);
        way.fill(numbers.weight, &mut entry.next_hops);
        route.expires = self.expires(numbers.end, flags);
        Ok(())
    }

    fn expires(&self, end: u64, flags: RouteFlags) -> Option<Duration> {
        // ARP writes there when it has seen the route of a network (NetBSD sys/netinet/if_arp.c and xnu
        // bsd/netinet/in_arp.c, `arp_rtrequest`); that one does not end.
        if flags.intersects(RouteFlags::CLONING | RouteFlags::CONNECTED) {
            return None;
        }
        (end != 0).then(|| Duration::from_secs(end).saturating_sub(self.since_epoch))
    }
}

/// A route that says nothing.
pub(super) const BLANK: Route = Route::new(Prefix::V4(Ipv4Prefix::DEFAULT));

/// RTP_DOWN of OpenBSD's sys/net/route.h, which a priority has while the route cannot be used; RTF_UP says it too.
const PRIORITY_DOWN: u8 = 0x80;

/// The interface that the route is confined to. The zone is part of the key: every interface has its own fe80::/64.
fn interface_scope(message: &RouteMessage<'_>, flags: RouteFlags, network: IpAddr, zone: u32) -> Option<IfIndex> {
    let is_in_zone = matches!(network, IpAddr::V6(network) if has_zone(network));
    let by_message = flags.contains(RouteFlags::INTERFACE_SCOPE) || (is_in_zone && message.dialect().scope == ScopeForm::None);
    IfIndex::new(if zone == 0 && by_message { message.index() } else { zone })
}

/// The address for `axis` and its zone, zero where it has none; `None` where there is no address of either family.
pub(super) fn address(addrs: &Sockaddrs<'_>, axis: Axis) -> Option<(IpAddr, u32)> {
    let (address, scope) = addrs.address(axis)?;
    match address {
        IpAddr::V6(address) if has_zone(address) => {
            // Who keeps no zone in addresses has nothing but the address there, whatever stands in its second group.
            let keeps_zone = addrs.dialect().scope != ScopeForm::None;
            let (address, zone) = if keeps_zone { without_zone(address, scope) } else { (address, scope) };
            Some((address.into(), zone))
        }
        address => Some((address, 0)),
    }
}

/// Takes the zone out of the address, where KAME's kernels keep it: in the second group of those that have one.
fn without_zone(address: Ipv6Addr, scope: u32) -> (Ipv6Addr, u32) {
    if !has_zone(address) {
        return (address, 0);
    }
    let mut segments = address.segments();
    let embedded = std::mem::take(&mut segments[1]);
    (segments.into(), if scope == 0 { u32::from(embedded) } else { scope })
}

/// How many leading bits of the destination count.
fn prefix_length(message: &RouteMessage<'_>, flags: RouteFlags, family: Family) -> Result<u8, LiftError> {
    let addrs = message.addrs();
    let mask = addrs.raw(Axis::Netmask).filter(|_| !flags.contains(RouteFlags::HOST));
    // Without a mask, it is one address.
    let Some(mask) = mask else { return Ok(family.bits()) };
    // Kernels that trim their masks write the default route's so, and some of them leave bytes behind.
    let is_trimmed = message.dialect().on_socket.inet_mask == MaskForm::Trimmed;
    if !is_trimmed && mask.length() == 0 && addrs.trailing() >= i64::try_from(message.dialect().round(0)).unwrap_or(i64::MAX) {
        return Err(LiftError::MaskLost(addrs.trailing()));
    }
    mask_length(mask, family).ok_or(LiftError::MaskGap)
}

/// How many ones the mask has; `None` where one stands behind a zero.
///
/// A mask's own family means nothing, and it may be cut behind its last one: the family is the destination's, and
/// bytes that are not there are zero.
pub(super) fn mask_length(mask: RawSockaddr<'_>, family: Family) -> Option<u8> {
    let bytes = mask.bytes().get(..usize::from(mask.length()).min(mask.bytes().len()))?;
    let (length, is_gapless) = match family {
        Family::V4 => {
            let bits = u32::from_be_bytes(padded(bytes, 4));
            (bits.leading_ones(), bits.checked_shl(bits.leading_ones()).unwrap_or(0) == 0)
        }
        Family::V6 => {
            let bits = u128::from_be_bytes(padded(bytes, 8));
            (bits.leading_ones(), bits.checked_shl(bits.leading_ones()).unwrap_or(0) == 0)
        }
    };
    u8::try_from(length).ok().filter(|_| is_gapless)
}

/// `N` bytes from `start`, with zeros for those that are not there.
fn padded<const N: usize>(bytes: &[u8], start: usize) -> [u8; N] {
    let bytes = bytes.get(start..).unwrap_or_default();
    bytes.first_chunk().copied().unwrap_or_else(|| {
        let mut padded = [0; N];
        if let Some(places) = padded.get_mut(..bytes.len()) {
            places.copy_from_slice(bytes);
        }
        padded
    })
}

pub(super) const fn disposition(flags: RouteFlags) -> Disposition {
    if flags.contains(RouteFlags::BLACKHOLE) {
        Disposition::Blackhole
    } else if flags.contains(RouteFlags::REJECT) {
        Disposition::Unreachable
    } else if flags.contains(RouteFlags::LOCAL) {
        Disposition::Local
    } else if flags.contains(RouteFlags::BROADCAST) {
        Disposition::Broadcast
    } else if flags.contains(RouteFlags::MULTICAST) {
        Disposition::Multicast
    } else {
        Disposition::Unicast
    }
}

/// Who installed it, as far as flags and the priority tell.
pub(super) const fn protocol(flags: RouteFlags, priority: u8, own_are_static: bool) -> Protocol {
    if flags.contains(RouteFlags::DYNAMIC) {
        return Protocol::REDIRECT;
    }
    let is_to_network = flags.intersects(TO_OWN_NETWORKS) && (own_are_static || !flags.contains(RouteFlags::STATIC));
    let is_own = (is_to_network || flags.intersects(TO_OWN_ADDRESSES)) && !flags.contains(RouteFlags::GATEWAY);
    if is_own || flags.contains(RouteFlags::KERNEL) {
        return Protocol::KERNEL;
    }
    match priority {
        LOCAL..STATIC => Protocol::KERNEL,
        EIGRP..OSPF => Protocol(192),
        OSPF..ISIS => Protocol(188),
        ISIS..RIP => Protocol(187),
        RIP..BGP => Protocol(189),
        BGP..DEFAULT => Protocol(186),
        _ if flags.contains(RouteFlags::STATIC) => Protocol::STATIC,
        _ => Protocol::UNSPECIFIED,
    }
}

/// The priority that tells of a routing protocol; `None` where none does.
pub(super) const fn priority(protocol: Protocol) -> Option<u8> {
    match protocol.0 {
        192 => Some(EIGRP),
        188 => Some(OSPF),
        187 => Some(ISIS),
        189 => Some(RIP),
        186 => Some(BGP),
        _ => None,
    }
}

/// What the kernel marks the routes to its addresses' networks with. FreeBSD pins them (sys/netinet/in.c,
/// `in_handle_ifaddr_route`), and there anybody can pin a route through a gateway.
const TO_OWN_NETWORKS: RouteFlags = RouteFlags::PINNED.union(RouteFlags::CONNECTED).union(RouteFlags::CLONING);
const TO_OWN_ADDRESSES: RouteFlags = RouteFlags::LOCAL.union(RouteFlags::BROADCAST);

// RTP_ of OpenBSD's sys/net/route.h. A priority has an interface's own, of less than 4, added.
const LOCAL: u8 = 1;
const STATIC: u8 = 8;
const EIGRP: u8 = 28;
const OSPF: u8 = 32;
const ISIS: u8 = 36;
const RIP: u8 = 40;
const BGP: u8 = 48;
const DEFAULT: u8 = 56;

/// How far the destination reaches. No message says it; it follows from the rest.
pub(super) fn scope(disposition: Disposition, way: &Way) -> Scope {
    match disposition {
        Disposition::Local => Scope::HOST,
        _ if way.gateway.is_none() && way.index != 0 => Scope::LINK,
        _ => Scope::UNIVERSE,
    }
}

pub(super) fn marks(flags: RouteFlags, op: RouteOp) -> Marks {
    let named = [
        (RouteFlags::UP, Marks::UP),
        (RouteFlags::DYNAMIC, Marks::DYNAMIC),
        (RouteFlags::STATIC, Marks::STATIC),
        (RouteFlags::CLONED, Marks::CLONED),
        (RouteFlags::CLONING, Marks::CLONING),
        (RouteFlags::CONNECTED, Marks::CLONING),
        (RouteFlags::PROTO1, Marks::PROTO1),
        (RouteFlags::PROTO2, Marks::PROTO2),
        (RouteFlags::PROTO3, Marks::PROTO3),
    ];
    let set = named.into_iter().filter(|&(flag, _)| flags.contains(flag)).fold(Marks::empty(), |marks, (_, mark)| marks | mark);
    if op == RouteOp::Delete { set | Marks::UP } else { set }
}

/// Where the route leads: nowhere, if the message names neither a gateway nor an interface.
pub(super) struct Way {
    pub(super) gateway: Option<IpAddr>,
    pub(super) zone: u32,
    pub(super) index: u32,
}

impl Way {
    fn read(message: &RouteMessage<'_>, flags: RouteFlags) -> Self {
        let addrs = message.addrs();
        if let Some((gateway, zone)) = address(addrs, Axis::Gateway) {
            let gateway = Some(gateway).filter(|_| flags.contains(RouteFlags::GATEWAY));
            let index = match message.index() {
                0 => addrs.link(Axis::Ifp).map_or(0, |link| link.index),
                index => index,
            };
            return Self { gateway, zone, index };
        }
        // Where the message names an interface, a gateway of family AF_LINK is none to send by: for an address of the
        // host's own it is the one that has the address, and packets go to the loopback. Where such a route is marked, it
        // is said to be of that interface all the same, because messages name now the one and now the other, or none.
        // FreeBSD does not mark it and pins it.
        let link = addrs.link(Axis::Gateway).filter(|_| !flags.contains(RouteFlags::PINNED)).map_or(0, |link| link.index);
        let index = match message.index() {
            _ if link != 0 && flags.contains(RouteFlags::LOCAL) => link,
            0 => addrs.link(Axis::Ifp).map(|link| link.index).filter(|&index| index != 0).unwrap_or(link),
            index => index,
        };
        Self { gateway: None, zone: 0, index }
    }

    pub(super) fn fill(&self, weight: Weight, hops: &mut NextHops) {
        let interface = IfIndex::new(self.index);
        if self.gateway.is_none() && interface.is_none() {
            return;
        }
        let hop = hops.make_one();
        hop.interface = interface;
        hop.gateway = self.gateway;
        hop.scope_id = if self.gateway.is_some() && self.zone != self.index { self.zone } else { 0 };
        hop.weight = weight;
    }
}

/// Zero where the kernel does not say; those that do not fit are held at the largest.
fn weight(weight: u64) -> Weight {
    match (weight, u16::try_from(weight)) {
        (0, _) => Weight::ONE,
        (_, Ok(weight)) => Weight::new(weight).unwrap_or_default(),
        (_, Err(_)) => Weight::MAX,
    }
}

/// What the numbers behind the header say. Most are zero.
struct Numbers<'a> {
    metrics: &'a mut Metrics,
    weight: Weight,
    /// When the route ends, in seconds since 1970; zero for never.
    end: u64,
}

impl<'a> Numbers<'a> {
    fn read(message: &RouteMessage<'_>, flags: RouteFlags, metrics: &'a mut Metrics) -> Self {
        let mut numbers = Self { metrics, weight: Weight::ONE, end: 0 };
        let locks = message.locks();
        for (known, value) in message.kept_metrics() {
            let is_locked = locks & u64::from(known.bit) != 0;
            if value == 0 && !is_locked {
                continue;
            }
            match known.metric {
                Metric::Expire => numbers.end = value,
                Metric::Weight => numbers.weight = weight(value),
                metric => numbers.set(message, flags, metric, value, is_locked),
            }
        }
        numbers
    }

    #[inline(never)]
    fn set(&mut self, message: &RouteMessage<'_>, flags: RouteFlags, metric: Metric, value: u64, is_locked: bool) {
        // The model has eighths and quarters of milliseconds.
        let units = u64::from(message.dialect().rtt_units);
        let (metric, value) = match metric {
            Metric::Mtu => (Portable::Mtu, value),
            Metric::HopCount => (Portable::HopCount, value),
            Metric::ReceivePipe => (Portable::RecvPipe, value),
            Metric::SendPipe => (Portable::SendPipe, value),
            Metric::SlowStartThreshold => (Portable::SsThresh, value),
            Metric::Rtt => (Portable::Rtt, value / (units / 8000)),
            Metric::RttVariance => (Portable::RttVar, value / (units / 4000)),
            _ => return,
        };
        if value != 0 && !(metric == Portable::Mtu && inherits_mtu(message, flags)) {
            self.metrics.set(metric, u32::try_from(value).unwrap_or(u32::MAX));
        }
        if is_locked {
            self.metrics.lock(metric);
        }
    }
}

/// Says whether the MTU is the interface's.
fn inherits_mtu(message: &RouteMessage<'_>, flags: RouteFlags) -> bool {
    match message.dialect().reported_mtu {
        ReportedMtu::Own => false,
        ReportedMtu::UnlessFixed => !flags.contains(RouteFlags::FIXED_MTU),
        ReportedMtu::UnlessLocked => !message.is_locked(Metric::Mtu),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_inside_the_address_is_taken_out() {
        let embedded = "fe80:2::1".parse().unwrap();
        let plain: Ipv6Addr = "fe80::1".parse().unwrap();
        assert_eq!(without_zone(embedded, 0), (plain, 2));
        assert_eq!(without_zone(embedded, 3), (plain, 3));
        assert_eq!(without_zone(plain, 3), (plain, 3));
        let global: Ipv6Addr = "2001:db8::1".parse().unwrap();
        assert_eq!(without_zone(global, 3), (global, 0));
    }

    #[test]
    fn weights_that_do_not_fit_are_held() {
        assert_eq!(weight(0).get(), 1);
        assert_eq!(weight(7).get(), 7);
        assert_eq!(weight(0x100_0000), Weight::MAX);
    }
}
