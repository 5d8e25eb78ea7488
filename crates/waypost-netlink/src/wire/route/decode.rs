//! Route messages into routes.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use waypost_core::{
    Attribute, Encapsulation, Family, IfIndex, Ipv4Prefix, Ipv6Prefix, LookupAnswer, Metrics, NextHopId, NextHops, Preference,
    Prefix, Protocol, Route, RouteFlags, Scope, TableId, Unnamed,
};

use super::next_hops::{self, EncapsulationParts, address_of};
use super::{HEADER, disposition, flags, metrics};
use crate::wire::constants::{
    NLA_TYPE_MASK, RTA_CACHEINFO, RTA_DST, RTA_ENCAP, RTA_ENCAP_TYPE, RTA_EXPIRES, RTA_FLOW, RTA_GATEWAY, RTA_IIF, RTA_MARK,
    RTA_METRICS, RTA_MULTIPATH, RTA_NH_ID, RTA_OIF, RTA_PAD, RTA_PREF, RTA_PREFSRC, RTA_PRIORITY, RTA_SRC, RTA_TABLE, RTA_UID,
    RTA_VIA, RTNH_F_DEAD, RTNH_F_LINKDOWN, USER_HZ,
};
use crate::wire::{Attributes, DecodeError, Decoded, read};

/// The route in the payload of an RTM_NEWROUTE or RTM_DELROUTE; `None` where it is of a family that is not Waypost's
/// (MPLS, multicast forwarding).
///
/// Nothing is allocated for a route with one next hop, no metrics, no encapsulation and no attribute without a name.
///
/// # Errors
///
/// [`DecodeError`] where the framing is bad, or the destination, table, metric or source cannot be read: a route in the
/// wrong slot would be worse than none.
///
/// ```
/// use waypost_netlink::wire::route::decode;
///
/// // unicast default dev 2, in table 254, proto boot, scope link.
/// let mut payload = vec![2, 0, 0, 0, 254, 3, 253, 1, 0, 0, 0, 0];
/// payload.extend([8u16.to_ne_bytes(), 4u16.to_ne_bytes()].concat());
/// payload.extend(2u32.to_ne_bytes());
/// let decoded = decode(&payload)?.expect("IPv4 is ours");
/// assert_eq!(decoded.value.to_string(), "default dev if2 scope link");
/// # Ok::<(), waypost_netlink::wire::DecodeError>(())
/// ```
pub fn decode(payload: &[u8]) -> Result<Option<Decoded<Route>>, DecodeError> {
    // Made where it is returned, and not moved there: see `decode_into`.
    let mut result = Ok(Some(Decoded { value: BLANK, spoiled: 0 }));
    let Ok(Some(decoded)) = &mut result else { return result };
    match decode_into(payload, &mut decoded.value) {
        Ok(Some(spoiled)) => decoded.spoiled = spoiled,
        Ok(None) => result = Ok(None),
        Err(error) => result = Err(error),
    }
    result
}

/// Puts the route in the payload of an RTM_NEWROUTE or RTM_DELROUTE into `route`, and says how many of its attributes are spoiled;
/// otherwise as [`decode`], and then `route` is any route.
///
/// A route takes longer to move than to decode, so where there are many they are decoded where they stay.
///
/// # Errors
///
/// As [`decode`].
#[inline]
pub fn decode_into(payload: &[u8], route: &mut Route) -> Result<Option<u32>, DecodeError> {
    let Some(header) = payload.first_chunk::<HEADER>() else {
        return Err(DecodeError::new(0, "fewer bytes than struct rtmsg has"));
    };
    let Some(family) = super::family(header[0]) else { return Ok(None) };
    let mut reader = Reader::new(header, family, route);
    let mut attributes = Attributes::after(HEADER, payload);
    loop {
        let offset = attributes.offset();
        let Some(attribute) = attributes.next() else { break };
        let (kind, data) = attribute?;
        if !reader.read(kind, data, offset)? {
            reader.spoil(kind, data);
        }
    }
    reader.finish(payload).map(Some)
}

/// A route that says nothing, to be decoded into. It is copied from where constants stand, so that nothing waits for its parts.
pub(crate) const BLANK: Route = Route::new(Prefix::V4(Ipv4Prefix::DEFAULT));

/// The answer in the payload of an RTM_NEWROUTE that came for a lookup; `None` where it is of a family that is not Waypost's.
///
/// # Errors
///
/// As [`decode`].
pub fn decode_answer(payload: &[u8]) -> Result<Option<Decoded<LookupAnswer>>, DecodeError> {
    let Some(Decoded { value: mut route, spoiled }) = decode(payload)? else { return Ok(None) };
    let unnamed = std::mem::take(&mut route.entry.unnamed);
    let mut answer = LookupAnswer::new(route);
    let mut others = Unnamed::default();
    for attribute in unnamed.as_slice() {
        let number = read::u32(&attribute.data);
        match (attribute.kind & NLA_TYPE_MASK, number) {
            (RTA_MARK, Some(mark)) => answer.mark = mark,
            (RTA_UID, Some(uid)) => answer.uid = Some(uid),
            (RTA_IIF, Some(index)) => answer.input = IfIndex::new(index),
            // IPv4 repeats the source that was asked for; it is no part of a slot there.
            (RTA_SRC, Some(_)) => {}
            _ => others.push(attribute.clone()),
        }
    }
    answer.route.entry.unnamed = others;
    if answer.route.entry.flags.contains(RouteFlags::CLONED) && answer.route.slot.destination.family() == Family::V4 {
        // The upper half of the word is then of the path (`RTCF_LOCAL` and its like in linux/in_route.h), and one of those
        // bits means something else of a route (`rt_fill_info` in net/ipv4/route.c, Linux 6.18).
        answer.route.entry.flags.remove(RouteFlags::OFFLOAD_FAILED);
        answer.route.entry.os_flags &= 0xffff;
    }
    // IPv6 answers with a source of no address where none was asked for.
    if answer.route.slot.source == Some(Ipv6Prefix::host(Ipv6Addr::UNSPECIFIED)) {
        answer.route.slot.source = None;
    }
    Ok(Some(Decoded { value: answer, spoiled }))
}

/// A route of which some attributes have been read.
///
/// What is written here in small parts is not read again in larger ones: the processor would have to wait for the parts. So addresses
/// stay bytes of the message until their place is known.
struct Reader<'a, 'r> {
    header: &'a [u8; HEADER],
    family: Family,
    route: &'r mut Route,
    table: u32,
    metric: u32,
    destination: Option<&'a [u8]>,
    source: Option<&'a [u8]>,
    /// The next hop that stands outside RTA_MULTIPATH; its gateway has the size of an address.
    interface: Option<IfIndex>,
    gateway: Option<&'a [u8]>,
    realms: u32,
    has_hop: bool,
    has_legs: bool,
    encapsulation: EncapsulationParts<'a>,
    spoiled: u32,
}

impl<'a, 'r> Reader<'a, 'r> {
    #[inline]
    fn new(header: &'a [u8; HEADER], family: Family, route: &'r mut Route) -> Self {
        route.expires = None;
        let entry = &mut route.entry;
        entry.preference = Preference::Medium;
        entry.preferred_source = None;
        entry.next_hop_object = None;
        entry.metrics = Metrics::default();
        entry.unnamed = Unnamed::default();
        Self {
            header,
            family,
            route,
            table: u32::from(header[4]),
            metric: 0,
            destination: None,
            source: None,
            interface: None,
            gateway: None,
            realms: 0,
            has_hop: false,
            has_legs: false,
            encapsulation: EncapsulationParts::default(),
            spoiled: 0,
        }
    }

    /// Reads one attribute; `false` where it is malformed.
    #[inline]
    fn read(&mut self, kind: u16, data: &'a [u8], offset: usize) -> Result<bool, DecodeError> {
        match kind & NLA_TYPE_MASK {
            RTA_DST => self.destination = Some(data),
            RTA_TABLE => {
                self.table = read::u32(data).ok_or(DecodeError::new(offset, "a table that is no number of four bytes"))?
            }
            RTA_PRIORITY => {
                self.metric = read::u32(data).ok_or(DecodeError::new(offset, "a metric that is no number of four bytes"))?;
            }
            RTA_OIF => {
                let Some(index) = read::u32(data) else { return Ok(false) };
                self.interface = IfIndex::new(index);
                self.has_hop = true;
            }
            RTA_GATEWAY => return Ok(self.read_gateway((data.len() == size(self.family)).then_some(data))),
            RTA_PREFSRC => {
                let Some(address) = address_of(self.family, data) else { return Ok(false) };
                self.route.entry.preferred_source = Some(address);
            }
            RTA_PREF if self.family == Family::V6 => {
                let Some(preference) = preference(data) else { return Ok(false) };
                self.route.entry.preference = preference;
            }
            RTA_CACHEINFO => {
                let Some(expires) = expiry(data) else { return Ok(false) };
                self.route.expires = expires;
            }
            _ => return Ok(self.read_rarer(kind, data)),
        }
        Ok(true)
    }

    /// Reads one of the attributes that most routes have not.
    #[cold]
    #[inline(never)]
    fn read_rarer(&mut self, kind: u16, data: &'a [u8]) -> bool {
        match kind & NLA_TYPE_MASK {
            RTA_SRC if self.family == Family::V6 => self.source = Some(data),
            // IPv6 refuses it: `rtm_to_fib6_config` in net/ipv6/route.c (Linux 6.18).
            RTA_VIA if self.family == Family::V4 => return self.read_gateway(next_hops::via(data)),
            RTA_FLOW => {
                let Some(realms) = read::u32(data) else { return false };
                self.realms = realms;
                self.has_hop = true;
            }
            RTA_ENCAP => self.encapsulation.data = Some(data),
            RTA_ENCAP_TYPE => {
                let Some(kind) = read::u16(data) else { return false };
                self.encapsulation.kind = Some(kind);
            }
            RTA_EXPIRES => {
                let Some(seconds) = read::u32(data) else { return false };
                self.route.expires = Some(Duration::from_secs(u64::from(seconds)));
            }
            RTA_NH_ID => {
                let Some(id) = read::u32(data) else { return false };
                self.route.entry.next_hop_object = NextHopId::new(id);
            }
            RTA_MULTIPATH => {
                let Some((hops, spoiled)) = next_hops::multipath(self.family, data) else { return false };
                self.route.entry.next_hops = hops;
                self.has_legs = true;
                self.spoiled += spoiled;
            }
            RTA_METRICS => return self.read_metrics(kind, data),
            RTA_PAD => {}
            _ => self.keep(kind, data),
        }
        true
    }

    #[inline]
    fn read_gateway(&mut self, gateway: Option<&'a [u8]>) -> bool {
        self.gateway = gateway.or(self.gateway);
        self.has_hop |= gateway.is_some();
        gateway.is_some()
    }

    fn read_metrics(&mut self, kind: u16, data: &[u8]) -> bool {
        let Some(read) = metrics::decode(data) else { return false };
        self.route.entry.metrics = read.metrics;
        self.spoiled += read.spoiled;
        if !read.others.is_empty() {
            self.keep(kind, &read.others);
        }
        true
    }

    #[cold]
    fn keep(&mut self, kind: u16, data: &[u8]) {
        self.route.entry.unnamed.push(Attribute::new(kind, data.to_vec()));
    }

    #[cold]
    fn spoil(&mut self, kind: u16, data: &[u8]) {
        self.keep(kind, data);
        self.spoiled += 1;
    }

    #[inline]
    fn finish(&mut self, payload: &[u8]) -> Result<u32, DecodeError> {
        let &[_, length, source_length, tos, _, protocol, scope, kind, f0, f1, f2, f3] = self.header;
        let bits = u32::from_ne_bytes([f0, f1, f2, f3]);
        let slot = &mut self.route.slot;
        if !put_prefix(self.family, self.destination, length, &mut slot.destination) {
            return Err(DecodeError::new(1, "a destination that is no prefix of its family"));
        }
        (slot.table, slot.metric) = (TableId(self.table), self.metric);
        (slot.priority, slot.interface_scope) = (0, None);
        slot.source = None;
        slot.tos = 0;
        match self.family {
            Family::V4 => slot.tos = tos,
            Family::V6 if source_length == 0 => {}
            Family::V6 => slot.source = Some(source(self.source, source_length)?),
        }
        let encapsulation = self.join_encapsulation();
        let entry = &mut self.route.entry;
        entry.disposition = disposition(kind);
        entry.protocol = Protocol(protocol);
        entry.scope = Scope(scope);
        (entry.flags, entry.os_flags) = flags::of_route(bits);
        if self.has_legs {
            // What the kernel says here of a route with legs it says of each leg too.
            entry.os_flags |= bits & flags::OF_NEXT_HOP & !(RTNH_F_DEAD | RTNH_F_LINKDOWN);
            if self.has_hop {
                self.keep_beside_multipath(payload);
            }
        } else if self.has_hop {
            let hop = entry.next_hops.make_one();
            match self.gateway.map(read::address) {
                Some(Some(IpAddr::V4(gateway))) => hop.gateway = Some(IpAddr::V4(gateway)),
                Some(Some(IpAddr::V6(gateway))) => hop.gateway = Some(IpAddr::V6(gateway)),
                _ => {}
            }
            hop.interface = self.interface;
            hop.realms = self.realms;
            hop.encapsulation = encapsulation;
            (hop.flags, hop.os_flags) = flags::of_next_hop(bits);
        } else {
            entry.next_hops = NextHops::NONE;
            entry.os_flags |= bits & flags::OF_NEXT_HOP;
        }
        Ok(self.spoiled)
    }

    #[inline]
    fn join_encapsulation(&mut self) -> Option<Arc<Encapsulation>> {
        match self.encapsulation.join() {
            Ok(None) => None,
            Ok(encapsulation) => {
                self.has_hop = true;
                encapsulation
            }
            Err(parts) => {
                self.spoil(RTA_ENCAP, parts.data.unwrap_or_default());
                None
            }
        }
    }

    /// Keeps the attributes of a single next hop that stand beside RTA_MULTIPATH, which the model has no place for.
    #[cold]
    fn keep_beside_multipath(&mut self, payload: &[u8]) {
        for (kind, data) in Attributes::after(HEADER, payload).map_while(Result::ok) {
            let number = kind & NLA_TYPE_MASK;
            if [RTA_OIF, RTA_GATEWAY, RTA_VIA, RTA_FLOW, RTA_ENCAP, RTA_ENCAP_TYPE].contains(&number) {
                self.keep(kind, data);
            }
        }
    }
}

/// The size of an address of this family.
#[inline]
const fn size(family: Family) -> usize {
    match family {
        Family::V4 => 4,
        Family::V6 => 16,
    }
}

/// Puts the prefix of this length into its place, where it is one; a default route need not name its address.
#[inline]
fn put_prefix(family: Family, data: Option<&[u8]>, length: u8, place: &mut Prefix) -> bool {
    match (family, data) {
        (Family::V4, Some(data)) if length <= Ipv4Prefix::MAX_LENGTH => {
            let Ok(bytes) = data.try_into() else { return false };
            *place = Prefix::V4(Ipv4Prefix::from_bits(u32::from_be_bytes(bytes), length));
        }
        (Family::V6, Some(data)) if length <= Ipv6Prefix::MAX_LENGTH => {
            let Ok(bytes) = data.try_into() else { return false };
            *place = Prefix::V6(Ipv6Prefix::from_bits(u128::from_be_bytes(bytes), length));
        }
        (_, None) if length == 0 => *place = Prefix::default_of(family),
        _ => return false,
    }
    true
}

/// The source prefix of an IPv6 route that asks for one.
#[cold]
fn source(data: Option<&[u8]>, length: u8) -> Result<Ipv6Prefix, DecodeError> {
    let mut prefix = Prefix::V6(Ipv6Prefix::DEFAULT);
    match put_prefix(Family::V6, data, length, &mut prefix).then_some(prefix) {
        Some(Prefix::V6(prefix)) => Ok(prefix),
        _ => Err(DecodeError::new(2, "a source that is no prefix of its family")),
    }
}

/// RFC 4191's two bits; 2 is reserved.
fn preference(data: &[u8]) -> Option<Preference> {
    match read::u8(data)? {
        0 => Some(Preference::Medium),
        1 => Some(Preference::High),
        3 => Some(Preference::Low),
        _ => None,
    }
}

/// The remaining life in `struct rta_cacheinfo`, whose third number it is: clock ticks, zero for a route that lives on,
/// below zero for one that is dead and not yet collected. The other numbers say how often the route was used.
fn expiry(data: &[u8]) -> Option<Option<Duration>> {
    let ticks = i32::from_ne_bytes(data.get(8..12)?.try_into().ok()?);
    Some(match u32::try_from(ticks) {
        Ok(0) => None,
        Ok(ticks) => Some(Duration::from_millis(u64::from(ticks) * u64::from(1000 / USER_HZ))),
        Err(_) => Some(Duration::ZERO),
    })
}

#[cfg(test)]
mod tests;
