//! Next-hop objects: RTM_NEWNEXTHOP, RTM_DELNEXTHOP and RTM_GETNEXTHOP.
//!
//! A message is `struct nhmsg` and attributes (include/uapi/linux/nexthop.h, Linux 6.18).

mod encode;

use std::time::Duration;

use waypost_core::{
    Attribute, Family, GroupMember, IfIndex, NextHop, NextHopId, NextHopObject, NextHopObjectKind, Protocol, Resilience, Scope,
    Weight,
};

pub use encode::{encode_next_hop, encode_next_hop_delete, encode_next_hop_dump};

use super::constants::{
    AF_UNSPEC, NEXTHOP_GRP_TYPE_MPATH, NEXTHOP_GRP_TYPE_RES, NHA_BLACKHOLE, NHA_ENCAP, NHA_ENCAP_TYPE, NHA_FDB, NHA_GATEWAY,
    NHA_GROUP, NHA_GROUP_TYPE, NHA_ID, NHA_OIF, NHA_OP_FLAGS, NHA_RES_GROUP, NHA_RES_GROUP_BUCKETS, NHA_RES_GROUP_IDLE_TIMER,
    NHA_RES_GROUP_UNBALANCED_TIMER, NLA_TYPE_MASK, USER_HZ,
};
use super::route::{EncapsulationParts, address_of, family, of_next_hop};
use super::{Attributes, DecodeError, Decoded, read};

/// The size of `struct nhmsg`.
const HEADER: usize = 8;
/// The size of `struct nexthop_grp`.
const MEMBER: usize = 8;

/// The next-hop object in the payload of an RTM_NEWNEXTHOP or RTM_DELNEXTHOP; `None` where it is of a family that is not
/// Waypost's.
///
/// # Errors
///
/// [`DecodeError`] where the framing is bad or the object has no number.
///
/// ```
/// use waypost_netlink::wire::next_hop::decode;
///
/// // id 5, blackhole, IPv4.
/// let mut payload = vec![2, 0, 3, 0, 0, 0, 0, 0];
/// payload.extend([8u16.to_ne_bytes(), 1u16.to_ne_bytes()].concat());
/// payload.extend(5u32.to_ne_bytes());
/// payload.extend([4u16.to_ne_bytes(), 4u16.to_ne_bytes()].concat());
/// assert_eq!(decode(&payload)?.expect("IPv4 is ours").value.id.get(), 5);
/// # Ok::<(), waypost_netlink::wire::DecodeError>(())
/// ```
pub fn decode(payload: &[u8]) -> Result<Option<Decoded<NextHopObject>>, DecodeError> {
    let Some(&[number, scope, protocol, _, f0, f1, f2, f3]) = payload.first_chunk::<HEADER>() else {
        return Err(DecodeError::new(0, "fewer bytes than struct nhmsg has"));
    };
    let family = match (number, family(number)) {
        (AF_UNSPEC, _) => None,
        (_, Some(family)) => Some(family),
        (_, None) => return Ok(None),
    };
    let mut reader = Reader { family, ..Reader::default() };
    for attribute in Attributes::after(HEADER, payload) {
        let (kind, data) = attribute?;
        if !reader.read(kind, data) {
            reader.keep(kind, data);
            reader.spoiled += 1;
        }
    }
    let id = reader.id.ok_or(DecodeError::new(HEADER, "a next-hop object without a number"))?;
    let mut object = NextHopObject::new(id, family, NextHopObjectKind::Blackhole);
    object.protocol = Protocol(protocol);
    object.scope = Scope(scope);
    Ok(Some(reader.finish(object, u32::from_ne_bytes([f0, f1, f2, f3]))))
}

/// An object of which some attributes have been read.
#[derive(Default)]
struct Reader<'a> {
    family: Option<Family>,
    id: Option<NextHopId>,
    hop: NextHop,
    encapsulation: EncapsulationParts<'a>,
    members: Option<Vec<GroupMember>>,
    is_resilient: bool,
    resilience: Resilience,
    is_blackhole: bool,
    is_fdb: bool,
    unnamed: Vec<Attribute>,
    spoiled: u32,
}

impl<'a> Reader<'a> {
    /// Reads one attribute; `false` where it is malformed.
    fn read(&mut self, kind: u16, data: &'a [u8]) -> bool {
        match kind & NLA_TYPE_MASK {
            NHA_ID => read::u32(data).map(|id| self.id = NextHopId::new(id)).is_some(),
            NHA_OIF => read::u32(data).map(|index| self.hop.interface = IfIndex::new(index)).is_some(),
            NHA_GATEWAY => {
                self.hop.gateway = self.family.and_then(|family| address_of(family, data));
                self.hop.gateway.is_some()
            }
            NHA_ENCAP_TYPE => read::u16(data).map(|kind| self.encapsulation.kind = Some(kind)).is_some(),
            NHA_ENCAP => {
                self.encapsulation.data = Some(data);
                true
            }
            NHA_GROUP => {
                // A group that cannot be read is still a group.
                let members = members(data);
                let understood = members.is_some();
                self.members = Some(members.unwrap_or_default());
                understood
            }
            NHA_GROUP_TYPE => match read::u16(data) {
                Some(NEXTHOP_GRP_TYPE_MPATH) => true,
                Some(NEXTHOP_GRP_TYPE_RES) => {
                    self.is_resilient = true;
                    true
                }
                Some(_) => {
                    self.keep(kind, data);
                    true
                }
                None => false,
            },
            NHA_RES_GROUP => match resilience(data) {
                Some(resilience) => {
                    self.resilience = resilience;
                    true
                }
                None => false,
            },
            NHA_BLACKHOLE => {
                self.is_blackhole = true;
                true
            }
            NHA_FDB => {
                self.is_fdb = true;
                true
            }
            // It says that the kernel clears a reserved field of a group's members: `nla_put_nh_group` in net/ipv4/nexthop.c
            // (Linux 6.18). It is no part of the group.
            NHA_OP_FLAGS => true,
            _ => {
                self.keep(kind, data);
                true
            }
        }
    }

    fn keep(&mut self, kind: u16, data: &[u8]) {
        self.unnamed.push(Attribute::new(kind, data.to_vec()));
    }

    fn finish(mut self, mut object: NextHopObject, flags: u32) -> Decoded<NextHopObject> {
        match self.encapsulation.join() {
            Ok(encapsulation) => self.hop.encapsulation = encapsulation,
            Err(parts) => {
                self.keep(NHA_ENCAP, parts.data.unwrap_or_default());
                self.spoiled += 1;
            }
        }
        object.kind = match self.members {
            Some(members) => NextHopObjectKind::Group { members, resilience: self.is_resilient.then_some(self.resilience) },
            None if self.is_blackhole => NextHopObjectKind::Blackhole,
            None => {
                (self.hop.flags, self.hop.os_flags) = of_next_hop(flags);
                NextHopObjectKind::Single(self.hop)
            }
        };
        object.fdb = self.is_fdb;
        self.unnamed.into_iter().for_each(|attribute| object.unnamed.push(attribute));
        Decoded { value: object, spoiled: self.spoiled }
    }
}

/// The members of a group: `struct nexthop_grp`, whose weight has its upper half in the byte behind since Linux 6.12.
fn members(data: &[u8]) -> Option<Vec<GroupMember>> {
    let mut members = Vec::new();
    for member in data.chunks(MEMBER) {
        let [i0, i1, i2, i3, low, high, ..] = *member.first_chunk::<MEMBER>()?;
        let id = NextHopId::new(u32::from_ne_bytes([i0, i1, i2, i3]))?;
        let weight = u16::from_le_bytes([low, high]).checked_add(1).and_then(Weight::new).unwrap_or(Weight::MAX);
        members.push(GroupMember { id, weight });
    }
    Some(members)
}

/// NHA_RES_GROUP. For how long the group has been out of balance is left out: it is no setting.
fn resilience(data: &[u8]) -> Option<Resilience> {
    let mut resilience = Resilience::default();
    for attribute in Attributes::new(data) {
        let (kind, data) = attribute.ok()?;
        match kind & NLA_TYPE_MASK {
            NHA_RES_GROUP_BUCKETS => resilience.buckets = read::u16(data)?,
            NHA_RES_GROUP_IDLE_TIMER => resilience.idle_timer = from_ticks(read::u32(data)?),
            NHA_RES_GROUP_UNBALANCED_TIMER => resilience.unbalanced_timer = from_ticks(read::u32(data)?),
            _ => {}
        }
    }
    Some(resilience)
}

fn from_ticks(ticks: u32) -> Duration {
    Duration::from_millis(u64::from(ticks) * u64::from(1000 / USER_HZ))
}

#[cfg(test)]
mod tests;
