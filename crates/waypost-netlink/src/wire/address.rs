//! Address messages: RTM_NEWADDR and RTM_DELADDR.
//!
//! A message is `struct ifaddrmsg` and attributes (rtnetlink(7); include/uapi/linux/if_addr.h, Linux 6.18).

use std::net::IpAddr;
use std::time::Duration;

use netlink_packet_core::{NlasIterator, Parseable};
use netlink_packet_route::address::{AddressAttribute, AddressHeader};
use waypost_core::{Address, AddressFlags, Family, IfIndex, Protocol, Scope};

use super::constants::{
    IFA_F_DADFAILED, IFA_F_DEPRECATED, IFA_F_HOMEADDRESS, IFA_F_MANAGETEMPADDR, IFA_F_MCAUTOJOIN, IFA_F_NODAD,
    IFA_F_NOPREFIXROUTE, IFA_F_OPTIMISTIC, IFA_F_PERMANENT, IFA_F_SECONDARY, IFA_F_STABLE_PRIVACY, IFA_F_TENTATIVE,
};
use super::{DecodeError, Decoded, route};

/// The size of `struct ifaddrmsg`.
pub(super) const HEADER: usize = 8;

/// The address in the payload of an RTM_NEWADDR or RTM_DELADDR; `None` where it is of a family that is not Waypost's.
///
/// The protocol keeps the kernel's number, which is none of those that routes have (`IFAPROT_KERNEL_LO` and so on).
///
/// # Errors
///
/// [`DecodeError`] where there is no header, no interface number or no address.
pub fn decode(payload: &[u8]) -> Result<Option<Decoded<Address>>, DecodeError> {
    let header = AddressHeader::parse(payload).map_err(|_| DecodeError::new(0, "fewer bytes than struct ifaddrmsg has"))?;
    let Some(family) = route::family(u8::from(header.family)) else { return Ok(None) };
    let index = IfIndex::new(header.index).ok_or(DecodeError::new(4, "an address without an interface"))?;
    let unspecified = match family {
        Family::V4 => IpAddr::from([0; 4]),
        Family::V6 => IpAddr::from([0; 16]),
    };
    let mut address = Address::new(index, unspecified, header.prefix_len);
    address.scope = Scope(u8::from(header.scope));
    let mut bits = u32::from(header.flags.bits());
    let (mut own, mut other) = (None, None);
    let mut spoiled = 0;
    for attribute in NlasIterator::new(payload.get(HEADER..).unwrap_or_default()) {
        let Some(read) = attribute.ok().and_then(|attribute| AddressAttribute::parse(&attribute).ok()) else {
            spoiled += 1;
            continue;
        };
        match read {
            AddressAttribute::Local(ip) if Family::of(&ip) == family => own = Some(ip),
            AddressAttribute::Address(ip) if Family::of(&ip) == family => other = Some(ip),
            AddressAttribute::Local(_) | AddressAttribute::Address(_) => spoiled += 1,
            AddressAttribute::Broadcast(ip) => address.broadcast = Some(ip.into()),
            AddressAttribute::Label(label) => address.label = label,
            AddressAttribute::Flags(flags) => bits = flags.bits(),
            AddressAttribute::RoutePriority(metric) => address.metric = metric,
            AddressAttribute::Protocol(protocol) => address.protocol = Protocol(u8::from(protocol)),
            AddressAttribute::CacheInfo(life) => {
                address.valid = lifetime(life.ifa_valid);
                address.preferred = lifetime(life.ifa_preferred);
            }
            _ => {}
        }
    }
    // IFA_ADDRESS is the other end where IFA_LOCAL says something else, and the own address where there is no IFA_LOCAL.
    address.local = own.or(other).ok_or(DecodeError::new(HEADER, "an address message without an address"))?;
    address.peer = other.filter(|other| *other != address.local);
    (address.flags, address.os_flags) = flags(bits, family);
    Ok(Some(Decoded { value: address, spoiled }))
}

fn flags(bits: u32, family: Family) -> (AddressFlags, u32) {
    let secondary = match family {
        Family::V4 => AddressFlags::SECONDARY,
        Family::V6 => AddressFlags::TEMPORARY,
    };
    let known = [
        (IFA_F_SECONDARY, secondary),
        (IFA_F_DADFAILED, AddressFlags::DUPLICATED),
        (IFA_F_DEPRECATED, AddressFlags::DEPRECATED),
        (IFA_F_TENTATIVE, AddressFlags::TENTATIVE),
        (IFA_F_PERMANENT, AddressFlags::PERMANENT),
        (IFA_F_NOPREFIXROUTE, AddressFlags::NO_PREFIX_ROUTE),
        (IFA_F_NODAD, AddressFlags::NO_DETECTION),
        (IFA_F_OPTIMISTIC, AddressFlags::OPTIMISTIC),
        (IFA_F_HOMEADDRESS, AddressFlags::HOME),
        (IFA_F_MANAGETEMPADDR, AddressFlags::MAKES_TEMPORARY),
        (IFA_F_MCAUTOJOIN, AddressFlags::AUTO_JOIN),
        (IFA_F_STABLE_PRIVACY, AddressFlags::STABLE_PRIVACY),
    ];
    known.into_iter().fold((AddressFlags::empty(), bits), |(flags, rest), (bit, flag)| {
        if bits & bit == 0 { (flags, rest) } else { (flags | flag, rest & !bit) }
    })
}

/// A lifetime in seconds, of which all ones is for ever: `INFINITY_LIFE_TIME` in include/net/addrconf.h.
fn lifetime(seconds: u32) -> Option<Duration> {
    (seconds != u32::MAX).then(|| Duration::from_secs(u64::from(seconds)))
}
