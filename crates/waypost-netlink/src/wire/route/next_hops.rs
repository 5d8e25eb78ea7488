//! Next hops: RTA_MULTIPATH, RTA_VIA and what stands for one next hop.

use std::net::IpAddr;
use std::sync::Arc;

use waypost_core::{Encapsulation, Family, IfIndex, NextHop, NextHops, Weight};

use super::flags;
use crate::wire::constants::{AF_INET, AF_INET6, NLA_TYPE_MASK, RTA_ENCAP, RTA_ENCAP_TYPE, RTA_FLOW, RTA_GATEWAY, RTA_VIA};
use crate::wire::frame::aligned;
use crate::wire::{Attributes, read};

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

/// The gateway in RTA_VIA: the number of its family, then the address.
pub(super) fn via(data: &[u8]) -> Option<IpAddr> {
    let (family, address) = data.split_first_chunk::<2>()?;
    let family = u8::try_from(u16::from_ne_bytes(*family)).ok()?;
    match family {
        AF_INET => address_of(Family::V4, address),
        AF_INET6 => address_of(Family::V6, address),
        _ => None,
    }
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
            RTA_VIA => via(data).map(|gateway| hop.gateway = Some(gateway)),
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
