//! Next hops: RTA_MULTIPATH, RTA_VIA and what stands for one next hop.

use std::net::IpAddr;
use std::sync::Arc;

use waypost_core::{Encapsulation, Family, IfIndex, NextHop, NextHops, Weight};

use super::{encode, flags};
use crate::wire::constants::{
    AF_INET, AF_INET6, NLA_F_NESTED, NLA_TYPE_MASK, RTA_ENCAP, RTA_ENCAP_TYPE, RTA_FLOW, RTA_GATEWAY, RTA_MULTIPATH, RTA_OIF,
    RTA_VIA, RTNH_F_DEAD, RTNH_F_LINKDOWN, RTNH_F_OFFLOAD, RTNH_F_TRAP, RTNH_F_UNRESOLVED,
};
use crate::wire::frame::aligned;
use crate::wire::{Attributes, Encoder, read};

/// The size of `struct rtnexthop`.
const HEADER: usize = 8;

/// An encapsulation while its two attributes are being read, in either order.
#[derive(Clone, Copy, Default)]
pub(in crate::wire) struct EncapsulationParts<'a> {
    pub(in crate::wire) kind: Option<u16>,
    pub(in crate::wire) data: Option<&'a [u8]>,
}

impl EncapsulationParts<'_> {
    /// The encapsulation; `Err` with its bytes where nothing says of which kind they are.
    #[inline]
    pub(in crate::wire) fn join(self) -> Result<Option<Arc<Encapsulation>>, Self> {
        match (self.kind, self.data) {
            (None, None) => Ok(None),
            (Some(kind), data) => Ok(Some(Arc::new(Encapsulation::new(kind, data.unwrap_or_default().to_vec())))),
            (None, Some(_)) => Err(self),
        }
    }
}

/// The address in `data`, of this family.
#[inline]
pub(in crate::wire) fn address_of(family: Family, data: &[u8]) -> Option<IpAddr> {
    read::address(data).filter(|address| Family::of(address) == family)
}

/// The gateway in RTA_VIA, an address of the size that its family has: before it stands the number of that.
pub(super) fn via(data: &[u8]) -> Option<&[u8]> {
    let (family, address) = data.split_first_chunk::<2>()?;
    let size = match u8::try_from(u16::from_ne_bytes(*family)).ok()? {
        AF_INET => 4,
        AF_INET6 => 16,
        _ => return None,
    };
    (address.len() == size).then_some(address)
}

/// The next hops in RTA_MULTIPATH, and how much of them could not be kept; `None` where the framing is bad.
pub(super) fn multipath(family: Family, data: &[u8]) -> Option<(NextHops, u32)> {
    let mut hops = Vec::new();
    let mut spoiled = 0;
    let mut rest = data;
    while !rest.is_empty() {
        let [l0, l1, flags, weight, i0, i1, i2, i3] = *rest.first_chunk::<HEADER>()?;
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        let attributes = rest.get(HEADER..length)?;
        rest = rest.get(aligned(length)..).unwrap_or_default();

        let mut hop = NextHop::default();
        hop.interface = IfIndex::new(u32::from_ne_bytes([i0, i1, i2, i3]));
        (hop.flags, hop.os_flags) = flags::of_next_hop(u32::from(flags));
        hop.weight = weight_of(weight);
        spoiled += leg(family, attributes, &mut hop)?;
        hops.push(hop);
    }
    Some((hops.into(), spoiled))
}

/// Reads the attributes of one leg; says how many of them could not be kept.
fn leg(family: Family, attributes: &[u8], hop: &mut NextHop) -> Option<u32> {
    let mut spoiled = 0;
    let mut encapsulation = EncapsulationParts::default();
    for attribute in Attributes::new(attributes) {
        let (kind, data) = attribute.ok()?;
        let understood = match kind & NLA_TYPE_MASK {
            RTA_GATEWAY => address_of(family, data).map(|gateway| hop.gateway = Some(gateway)),
            RTA_VIA if family == Family::V4 => via(data).and_then(read::address).map(|gateway| hop.gateway = Some(gateway)),
            RTA_FLOW => read::u32(data).map(|realms| hop.realms = realms),
            RTA_ENCAP_TYPE => read::u16(data).map(|kind| encapsulation.kind = Some(kind)),
            RTA_ENCAP => {
                encapsulation.data = Some(data);
                Some(())
            }
            _ => None,
        };
        spoiled += u32::from(understood.is_none());
    }
    match encapsulation.join() {
        Ok(encapsulation) => hop.encapsulation = encapsulation,
        Err(_) => spoiled += 1,
    }
    Some(spoiled)
}

/// The weight that `rtnh_hops` stands for: one more.
fn weight_of(hops: u8) -> Weight {
    Weight::new(u16::from(hops) + 1).unwrap_or(Weight::ONE)
}

/// The flags of a next hop that only the kernel sets. It refuses DEAD and LINKDOWN from others: `fib_create_info` in
/// net/ipv4/fib_semantics.c (Linux 6.18).
pub(super) const KERNELS: u8 = (RTNH_F_DEAD | RTNH_F_OFFLOAD | RTNH_F_LINKDOWN | RTNH_F_UNRESOLVED | RTNH_F_TRAP) as u8;

/// The flags of a next hop as far as they are for others than the kernel to set.
pub(in crate::wire) fn flags_to_send(hop: &NextHop) -> u8 {
    let [low, ..] = (hop.flags.bits() | hop.os_flags).to_le_bytes();
    low & !KERNELS
}

/// Writes a next hop that stands outside RTA_MULTIPATH.
pub(super) fn write_single(message: &mut Encoder<'_>, family: Family, hop: &NextHop) {
    if let Some(index) = hop.interface {
        message.u32(RTA_OIF, index.get());
    }
    write_way(message, family, hop);
}

/// Writes RTA_MULTIPATH.
pub(super) fn write_legs(message: &mut Encoder<'_>, family: Family, legs: &[NextHop]) {
    message.nested(RTA_MULTIPATH, |message| {
        for leg in legs {
            let [i0, i1, i2, i3] = leg.interface.map_or(0, IfIndex::get).to_ne_bytes();
            // Weights that do not fit have been refused before.
            let weight = u8::try_from(leg.weight.get() - 1).unwrap_or(u8::MAX);
            let header = [flags_to_send(leg), weight, i0, i1, i2, i3];
            message.counted(RTA_MULTIPATH, &header, |message| write_way(message, family, leg));
        }
    });
}

fn write_way(message: &mut Encoder<'_>, family: Family, hop: &NextHop) {
    match hop.gateway {
        Some(gateway) if Family::of(&gateway) == family => message.address(RTA_GATEWAY, gateway),
        Some(gateway) => write_via(message, gateway),
        None => {}
    }
    if hop.realms != 0 {
        message.u32(RTA_FLOW, hop.realms);
    }
    if let Some(encapsulation) = &hop.encapsulation {
        write_encapsulation(message, encapsulation, RTA_ENCAP_TYPE, RTA_ENCAP);
    }
}

/// Writes RTA_VIA.
fn write_via(message: &mut Encoder<'_>, gateway: IpAddr) {
    let [f0, f1] = u16::from(encode::family(Family::of(&gateway))).to_ne_bytes();
    message.nested(RTA_VIA, |message| {
        message.raw(&[f0, f1]);
        match gateway {
            IpAddr::V4(address) => message.raw(&address.octets()),
            IpAddr::V6(address) => message.raw(&address.octets()),
        }
    });
}

/// Writes an encapsulation as these two attributes. The newer kinds want the flag of nesting: `nla_parse_nested` in
/// net/ipv6/ioam6_iptunnel.c (Linux 6.18).
pub(in crate::wire) fn write_encapsulation(message: &mut Encoder<'_>, encapsulation: &Encapsulation, kind: u16, data: u16) {
    message.u16(kind, encapsulation.kind);
    message.attribute(data | NLA_F_NESTED, &encapsulation.data);
}
