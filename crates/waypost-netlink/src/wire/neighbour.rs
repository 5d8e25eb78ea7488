//! Neighbour messages: RTM_NEWNEIGH and RTM_DELNEIGH.
//!
//! A message is `struct ndmsg` and attributes (rtnetlink(7); include/uapi/linux/neighbour.h, Linux 6.18).

use std::net::IpAddr;

use netlink_packet_core::{NlasIterator, ParseableParametrized};
use netlink_packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourHeader, NeighbourState as State};
use waypost_core::{Family, IfIndex, Neighbour, NeighbourState};

use super::constants::{NTF_EXT_SHIFT, NTF_PROXY, NTF_ROUTER};
use super::{DecodeError, Decoded, read, route};

/// The size of `struct ndmsg`.
pub(super) const HEADER: usize = 12;

/// The neighbour in the payload of an RTM_NEWNEIGH or RTM_DELNEIGH; `None` where it is of a family that is not
/// Waypost's, such as an entry of a bridge's forwarding table.
///
/// # Errors
///
/// [`DecodeError`] where there is no header, no interface number or no address.
pub fn decode(payload: &[u8]) -> Result<Option<Decoded<Neighbour>>, DecodeError> {
    let header = NeighbourHeader::parse(payload).map_err(|_| DecodeError::new(0, "fewer bytes than struct ndmsg has"))?;
    let Some(family) = route::family(u8::from(header.family)) else { return Ok(None) };
    let index = IfIndex::new(header.ifindex).ok_or(DecodeError::new(4, "a neighbour without an interface"))?;
    let mut address = None;
    let mut link_address = Vec::new();
    let mut bits = u32::from(header.flags.bits());
    let mut spoiled = 0;
    for attribute in NlasIterator::new(payload.get(HEADER..).unwrap_or_default()) {
        let read = attribute.and_then(|attribute| NeighbourAttribute::parse_with_param(&attribute, header.family));
        match read {
            Ok(NeighbourAttribute::Destination(destination)) => match ip(destination, family) {
                Some(ip) => address = Some(ip),
                None => spoiled += 1,
            },
            Ok(NeighbourAttribute::LinkLayerAddress(bytes)) => link_address = bytes,
            Ok(NeighbourAttribute::ExtFlags(flags)) => bits |= flags.bits() << NTF_EXT_SHIFT,
            Ok(_) => {}
            Err(_) => spoiled += 1,
        }
    }
    let address = address.ok_or(DecodeError::new(HEADER, "a neighbour without an address"))?;
    let mut neighbour = Neighbour::new(index, address, state(header.state));
    neighbour.link_address = link_address;
    neighbour.router = bits & NTF_ROUTER != 0;
    neighbour.proxy = bits & NTF_PROXY != 0;
    neighbour.os_flags = bits & !(NTF_ROUTER | NTF_PROXY);
    Ok(Some(Decoded { value: neighbour, spoiled }))
}

/// The address, if it is of this family. On hosts that number families otherwise it comes as bytes.
fn ip(address: NeighbourAddress, family: Family) -> Option<IpAddr> {
    let ip = match address {
        NeighbourAddress::Inet(ip) => IpAddr::V4(ip),
        NeighbourAddress::Inet6(ip) => IpAddr::V6(ip),
        NeighbourAddress::Other(bytes) => read::address(&bytes)?,
        _ => return None,
    };
    (Family::of(&ip) == family).then_some(ip)
}

const fn state(state: State) -> NeighbourState {
    match state {
        State::Incomplete => NeighbourState::Incomplete,
        State::Reachable => NeighbourState::Reachable,
        State::Stale => NeighbourState::Stale,
        State::Delay => NeighbourState::Delay,
        State::Probe => NeighbourState::Probe,
        State::Failed => NeighbourState::Failed,
        State::Noarp => NeighbourState::NoArp,
        State::Permanent => NeighbourState::Permanent,
        // The kernel has each neighbour in one state; bits of several are none that it would write.
        _ => NeighbourState::None,
    }
}
