//! Portable routes to requests, as each kernel wants them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use waypost_core::{
    Disposition, Entry, Error, ErrorKind, Metric as Portable, NextHop, NextHopFlags, Prefix, Protocol, Route,
    RouteFlags as Marks, Slot, TableId, Weight,
};

use crate::wire::{
    Axis, ByteOrder, Dialect, EncodeError, Metric, RouteFlags, RouteOp, RouteRequest, SockaddrValue, TableSelector, has_zone,
};

/// Turns routes into requests: what requests of one socket have in common.
///
/// ```
/// use std::time::Duration;
/// use waypost_core::{NextHop, Route, TableId};
/// use waypost_pfroute::lift::{Asked, Lower};
/// use waypost_pfroute::wire::{ByteOrder, OPENBSD, RouteOp};
///
/// let lower = Lower { dialect: &OPENBSD, order: ByteOrder::Little, table: TableId(0), since_epoch: Duration::ZERO };
/// let mut route = Route::new("192.0.2.0/24".parse()?);
/// route.slot.table = TableId(5);
/// route.slot.priority = 8;
/// route.entry.next_hops = NextHop::via("198.51.100.1".parse().unwrap()).into();
/// let mut bytes = Vec::new();
/// lower.route(RouteOp::Add, &route, Asked { seq: 1, pid: 0 }, &mut bytes).unwrap();
/// // The table and the priority stand in the header.
/// assert_eq!(bytes.get(8..11), Some(&[5, 0, 8][..]));
/// # Ok::<(), waypost_core::PrefixError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "made by whoever writes to a socket, who must know all of it")]
pub struct Lower {
    /// The system that is asked.
    pub dialect: &'static Dialect,
    /// The byte order of its machine.
    pub order: ByteOrder,
    /// The table that the socket is of. Only some systems have requests that name another.
    pub table: TableId,
    /// The wall clock's time since 1970, which expiry times are given in.
    pub since_epoch: Duration,
}

/// By what the answer to a request is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "kernels know an answer by no third number")]
pub struct Asked {
    /// The asker's number for the request.
    pub seq: u32,
    /// The asker's process. Most kernels fill it in themselves.
    pub pid: u32,
}

/// Why a route cannot be said in a dialect.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LowerError {
    /// The system has no such thing, or its requests cannot name it.
    #[error("{dialect} cannot represent {what}")]
    Unsupported {
        /// The dialect's name.
        dialect: &'static str,
        /// What cannot be represented.
        what: &'static str,
    },
    /// The request makes no sense.
    #[error("{0}")]
    Invalid(&'static str),
    /// A part of it cannot be written.
    #[error("{0}")]
    Encode(#[from] EncodeError),
}

impl From<LowerError> for Error {
    fn from(error: LowerError) -> Self {
        let kind = match error {
            LowerError::Invalid(_) => ErrorKind::Invalid,
            _ => ErrorKind::Unsupported,
        };
        Self::new(kind, "encode request").because(error)
    }
}

/// The sockaddrs of a request, in the order of their bits.
struct Addrs<'a> {
    all: [(Axis, SockaddrValue<'a>); 6],
    count: usize,
}

impl<'a> Addrs<'a> {
    fn new() -> Self {
        Self { all: [(Axis::Dst, SockaddrValue::Interface(0)); 6], count: 0 }
    }

    fn push(&mut self, axis: Axis, value: SockaddrValue<'a>) {
        if let Some(place) = self.all.get_mut(self.count) {
            *place = (axis, value);
            self.count += 1;
        }
    }

    fn as_slice(&self) -> &[(Axis, SockaddrValue<'a>)] {
        self.all.get(..self.count).unwrap_or_default()
    }
}

impl Lower {
    /// Appends the request that adds, changes or deletes `route`, or locks its metrics.
    ///
    /// A deletion names the gateway. Whether the kernel compares it, [`Wants::compares_gateway`](crate::wire::Wants)
    /// tells.
    ///
    /// # Errors
    ///
    /// [`LowerError`] where the dialect has no words for a part of the route; nothing is dropped silently.
    pub fn route(&self, op: RouteOp, route: &Route, asked: Asked, out: &mut Vec<u8>) -> Result<(), LowerError> {
        let (slot, entry) = (&route.slot, &route.entry);
        self.refuse_unsayable(slot, entry)?;
        let hop = match &*entry.next_hops {
            [] => None,
            [hop] => Some(hop),
            _ => return Err(self.unsupported("several next hops in one request")),
        };
        let mut flags = flags(slot.destination, entry) | RouteFlags::UP;
        let mut addrs = Addrs::new();
        let zone = slot.interface_scope.map_or(0, |interface| interface.get());
        addrs.push(Axis::Dst, destination(slot.destination, zone));
        if op != RouteOp::Lock {
            flags |= self.gateway(op, slot.destination, entry.disposition, hop, &mut addrs)?;
        }
        netmask(slot.destination, &mut addrs);
        let (metrics, metric_count) = self.metrics(op, route)?;
        let (locks, lock_count) = locks(entry)?;
        if op == RouteOp::Add || op == RouteOp::Change {
            self.interface(hop, &mut addrs);
            if let Some(source) = entry.preferred_source {
                flags |= RouteFlags::SET_SOURCE;
                addrs.push(Axis::Src, address(source, 0));
            }
        }
        let scoped = self.scope(slot, &mut flags);
        let request = RouteRequest {
            flags,
            os_flags: entry.os_flags,
            index: scoped,
            table: self.header_table(slot),
            priority: self.priority(slot, entry),
            seq: asked.seq,
            pid: asked.pid,
            metrics: metrics.get(..metric_count).unwrap_or_default(),
            locks: locks.get(..lock_count).unwrap_or_default(),
            addrs: addrs.as_slice(),
            ..RouteRequest::new(op)
        };
        Ok(request.encode(self.dialect, self.order, out)?)
    }

    /// Appends the request that looks a destination up: the longest match where `exactly` is false, else the route
    /// to just this prefix.
    ///
    /// # Errors
    ///
    /// [`LowerError`] where the dialect has no words for it, as for another table.
    pub fn get(&self, slot: &Slot, exactly: bool, asked: Asked, out: &mut Vec<u8>) -> Result<(), LowerError> {
        self.refuse_slot(slot)?;
        let wants = self.dialect.wants;
        let mut flags = if wants.up_in_get { RouteFlags::UP } else { RouteFlags::empty() };
        let mut addrs = Addrs::new();
        let zone = slot.interface_scope.map_or(0, |interface| interface.get());
        addrs.push(Axis::Dst, destination(slot.destination, zone));
        if exactly {
            flags.set(RouteFlags::HOST, slot.destination.is_host());
            netmask(slot.destination, &mut addrs);
        }
        if wants.interface_in_get {
            addrs.push(Axis::Ifp, SockaddrValue::Interface(0));
        }
        let index = self.scope(slot, &mut flags);
        let request = RouteRequest {
            flags,
            index,
            table: self.header_table(slot),
            priority: slot.priority,
            seq: asked.seq,
            pid: asked.pid,
            addrs: addrs.as_slice(),
            ..RouteRequest::new(RouteOp::Get)
        };
        Ok(request.encode(self.dialect, self.order, out)?)
    }

    const fn unsupported(&self, what: &'static str) -> LowerError {
        LowerError::Unsupported { dialect: self.dialect.name, what }
    }

    fn refuse_slot(&self, slot: &Slot) -> Result<(), LowerError> {
        let has_priority = self.dialect.request.priority.width() != 0;
        let is_zoned = matches!(slot.destination, Prefix::V6(prefix) if has_zone(prefix.network()));
        let scopes = is_zoned || self.dialect.table == TableSelector::Interface;
        let unsayable = [
            (slot.metric != 0, "a metric"),
            (slot.tos != 0, "a type of service"),
            (slot.source.is_some(), "a source prefix"),
            (slot.priority != 0 && !has_priority, "a priority"),
            (slot.interface_scope.is_some() && !scopes, "a scope of one interface"),
            (slot.table != self.table && self.dialect.table != TableSelector::Header, "another table than the socket's"),
        ];
        match unsayable.into_iter().find(|&(is_so, _)| is_so) {
            Some((_, what)) => Err(self.unsupported(what)),
            // OpenBSD sys/net/rtsock.c, `route_output`: the rest is the kernel's.
            None if slot.priority == 1 || slot.priority > 63 => Err(LowerError::Invalid("a priority of 1, or above 63")),
            None => Ok(()),
        }
    }

    fn refuse_unsayable(&self, slot: &Slot, entry: &Entry) -> Result<(), LowerError> {
        self.refuse_slot(slot)?;
        let keeps_source = self.dialect.flag_word(RouteFlags::SET_SOURCE).is_some();
        let unsayable = [
            (entry.next_hop_object.is_some(), "a next-hop object"),
            (!entry.unnamed.is_empty(), "attributes of another system"),
            (entry.preferred_source.is_some() && !keeps_source, "a preferred source address"),
            (entry.metrics.congestion().is_some(), "a congestion control algorithm"),
            (!self.says_protocol(slot, entry), "who installed it"),
        ];
        match unsayable.into_iter().find(|&(is_so, _)| is_so) {
            Some((_, what)) => Err(self.unsupported(what)),
            None => entry.next_hops.iter().try_for_each(|hop| self.refuse_hop(hop)),
        }
    }

    fn refuse_hop(&self, hop: &NextHop) -> Result<(), LowerError> {
        let weighs = self.dialect.request.metrics.iter().any(|known| known.metric == Metric::Weight && known.kept);
        let unsayable = [
            (hop.weight != Weight::ONE && !weighs, "a weight"),
            (hop.realms != 0, "realms"),
            (hop.encapsulation.is_some(), "an encapsulation"),
            (!hop.flags.difference(NextHopFlags::LINK_DOWN | NextHopFlags::DEAD).is_empty(), "a mark on a next hop"),
        ];
        match unsayable.into_iter().find(|&(is_so, _)| is_so) {
            Some((_, what)) => Err(self.unsupported(what)),
            None => Ok(()),
        }
    }

    /// Says whether flags or the priority tell who installed the route. [`Protocol::BOOT`] is nobody in particular.
    fn says_protocol(&self, slot: &Slot, entry: &Entry) -> bool {
        match entry.protocol {
            Protocol::UNSPECIFIED | Protocol::BOOT | Protocol::STATIC | Protocol::KERNEL | Protocol::REDIRECT => true,
            other => {
                let told = super::route::priority(other);
                // A listing says it by the priority, of which each protocol has several.
                let is_told = || super::route::protocol(RouteFlags::empty(), slot.priority, false) == other;
                self.dialect.request.priority.width() != 0 && told.is_some_and(|_| slot.priority == 0 || is_told())
            }
        }
    }

    fn priority(&self, slot: &Slot, entry: &Entry) -> u8 {
        let told = super::route::priority(entry.protocol).filter(|_| self.dialect.request.priority.width() != 0);
        if slot.priority == 0 { told.unwrap_or(0) } else { slot.priority }
    }

    fn header_table(&self, slot: &Slot) -> Option<u32> {
        (self.dialect.table == TableSelector::Header).then_some(slot.table.0)
    }

    /// The index that goes into the header, where that confines the route to an interface.
    fn scope(&self, slot: &Slot, flags: &mut RouteFlags) -> u32 {
        let is_zoned = matches!(slot.destination, Prefix::V6(prefix) if has_zone(prefix.network()));
        match slot.interface_scope {
            Some(interface) if self.dialect.table == TableSelector::Interface && !is_zoned => {
                *flags |= RouteFlags::INTERFACE_SCOPE;
                interface.get()
            }
            _ => 0,
        }
    }

    /// Where packets go next, and the flag that says what kind of place that is.
    fn gateway(
        &self,
        op: RouteOp,
        destination: Prefix,
        disposition: Disposition,
        hop: Option<&NextHop>,
        addrs: &mut Addrs<'_>,
    ) -> Result<RouteFlags, LowerError> {
        let interface = hop.and_then(|hop| hop.interface).map_or(0, |interface| interface.get());
        if let Some(gateway) = hop.and_then(|hop| hop.gateway) {
            let zone = hop.map_or(0, |hop| if hop.scope_id == 0 { interface } else { hop.scope_id });
            addrs.push(Axis::Gateway, address(gateway, zone));
            return Ok(RouteFlags::GATEWAY);
        }
        match disposition {
            // What is dropped must lead somewhere all the same.
            Disposition::Blackhole | Disposition::Unreachable
                if op != RouteOp::Delete || self.dialect.wants.gateway_in_delete =>
            {
                let loopback = match destination {
                    Prefix::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
                    Prefix::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
                };
                addrs.push(Axis::Gateway, address(loopback, 0));
                Ok(RouteFlags::GATEWAY)
            }
            _ if interface == 0 && op == RouteOp::Delete && !self.dialect.wants.gateway_in_delete => Ok(RouteFlags::empty()),
            _ if interface == 0 => Err(LowerError::Invalid("a route without a gateway or an interface")),
            _ if !self.dialect.wants.link_gateways => Err(self.unsupported("a route out of an interface without its address")),
            _ => {
                addrs.push(Axis::Gateway, SockaddrValue::Interface(interface));
                Ok(RouteFlags::empty())
            }
        }
    }

    fn interface(&self, hop: Option<&NextHop>, addrs: &mut Addrs<'_>) {
        let Some(hop) = hop else { return };
        let Some(interface) = hop.interface else { return };
        if hop.gateway.is_some() || self.dialect.wants.interface_twice {
            addrs.push(Axis::Ifp, SockaddrValue::Interface(interface.get()));
        }
    }

    fn metrics(&self, op: RouteOp, route: &Route) -> Result<([(Metric, u64); MOST_METRICS], usize), LowerError> {
        let mut metrics = [(Metric::Mtu, 0); MOST_METRICS];
        let mut count = 0;
        if op == RouteOp::Delete {
            return Ok((metrics, count));
        }
        let mut push = |metric, value| {
            if let Some(place) = metrics.get_mut(count) {
                *place = (metric, value);
                count += 1;
            }
        };
        let units = u64::from(self.dialect.rtt_units);
        for (portable, value) in route.entry.metrics.iter() {
            let (metric, unit) = wire_metric(portable, units).ok_or_else(|| self.unsupported("a metric of another system"))?;
            push(metric, u64::from(value) * unit);
        }
        if op == RouteOp::Lock {
            return Ok((metrics, count));
        }
        if let Some(left) = route.expires {
            push(Metric::Expire, self.since_epoch.saturating_add(left).as_secs());
        }
        if let Some(hop) = route.entry.next_hops.first().filter(|hop| hop.weight != Weight::ONE) {
            push(Metric::Weight, u64::from(hop.weight.get()));
        }
        Ok((metrics, count))
    }
}

/// Seven metrics have portable names, and expiry and the weight come besides.
const MOST_METRICS: usize = 9;

fn wire_metric(metric: Portable, rtt_units: u64) -> Option<(Metric, u64)> {
    Some(match metric {
        Portable::Mtu => (Metric::Mtu, 1),
        Portable::HopCount => (Metric::HopCount, 1),
        Portable::RecvPipe => (Metric::ReceivePipe, 1),
        Portable::SendPipe => (Metric::SendPipe, 1),
        Portable::SsThresh => (Metric::SlowStartThreshold, 1),
        Portable::Rtt => (Metric::Rtt, rtt_units / 8000),
        Portable::RttVar => (Metric::RttVariance, rtt_units / 4000),
        _ => return None,
    })
}

fn locks(entry: &Entry) -> Result<([Metric; MOST_METRICS], usize), LowerError> {
    let mut locks = [Metric::Mtu; MOST_METRICS];
    let mut count = 0;
    for metric in Portable::ALL.into_iter().filter(|&metric| entry.metrics.is_locked(metric)) {
        let (known, _) = wire_metric(metric, 0).ok_or(LowerError::Invalid("a lock on a metric of another system"))?;
        if let Some(place) = locks.get_mut(count) {
            *place = known;
            count += 1;
        }
    }
    Ok((locks, count))
}

/// What the flags say of a route; what kind of next hop it has comes with that.
fn flags(destination: Prefix, entry: &Entry) -> RouteFlags {
    let mut flags = RouteFlags::empty();
    flags.set(RouteFlags::HOST, destination.is_host());
    flags.set(RouteFlags::STATIC, entry.protocol == Protocol::STATIC || entry.flags.contains(Marks::STATIC));
    flags.set(RouteFlags::REJECT, entry.disposition == Disposition::Unreachable);
    flags.set(RouteFlags::BLACKHOLE, entry.disposition == Disposition::Blackhole);
    flags.set(RouteFlags::PROTO1, entry.flags.contains(Marks::PROTO1));
    flags.set(RouteFlags::PROTO2, entry.flags.contains(Marks::PROTO2));
    flags.set(RouteFlags::PROTO3, entry.flags.contains(Marks::PROTO3));
    flags
}

/// In full, zeros and all: where a request's mask has length zero, some kernels stop reading. One address has none.
fn netmask(destination: Prefix, addrs: &mut Addrs<'_>) {
    if !destination.is_host() {
        addrs.push(Axis::Netmask, mask(destination));
    }
}

fn address(address: IpAddr, zone: u32) -> SockaddrValue<'static> {
    match address {
        IpAddr::V4(address) => SockaddrValue::Inet(address),
        IpAddr::V6(address) => SockaddrValue::Inet6 { address, scope: if has_zone(address) { zone } else { 0 } },
    }
}

fn destination(destination: Prefix, zone: u32) -> SockaddrValue<'static> {
    match destination {
        Prefix::V4(prefix) => SockaddrValue::Inet(prefix.network()),
        Prefix::V6(prefix) => address(prefix.network().into(), zone),
    }
}

fn mask(destination: Prefix) -> SockaddrValue<'static> {
    match destination {
        Prefix::V4(prefix) => SockaddrValue::Inet(prefix.mask()),
        Prefix::V6(prefix) => SockaddrValue::Inet6 { address: prefix.mask(), scope: 0 },
    }
}
