//! Next-hop objects into requests.

use std::time::Duration;

use waypost_core::{Error, ErrorKind, Family, GroupMember, NextHop, NextHopId, NextHopObject, NextHopObjectKind, Resilience};

use super::HEADER;
use crate::wire::constants::{
    AF_UNSPEC, NEXTHOP_GRP_TYPE_RES, NHA_BLACKHOLE, NHA_ENCAP, NHA_ENCAP_TYPE, NHA_FDB, NHA_GATEWAY, NHA_GROUP, NHA_GROUP_TYPE,
    NHA_ID, NHA_OIF, NHA_RES_GROUP, NHA_RES_GROUP_BUCKETS, NHA_RES_GROUP_IDLE_TIMER, NHA_RES_GROUP_UNBALANCED_TIMER,
    NLA_F_NESTED, NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST, RTM_DELNEXTHOP, RTM_GETNEXTHOP,
    RTM_NEWNEXTHOP, USER_HZ,
};
use crate::wire::route::{family_number, flags_to_send, lacking_in_next_hop, write_encapsulation};
use crate::wire::{Encoder, TooLong};

/// Appends the request to add a next-hop object, or with `replace` to put it in the place of the one of its number.
///
/// Its scope is left out: the kernel works it out.
///
/// # Errors
///
/// `Unsupported` where the message has no place for something that the object says, `Invalid` where its family is
/// missing or an address is of another; `out` is then as it was.
///
/// ```
/// use waypost_core::{Family, NextHop, NextHopId, NextHopObject, NextHopObjectKind};
/// use waypost_netlink::wire::next_hop::encode_next_hop;
///
/// let hop = NextHop::via("10.0.0.1".parse().unwrap());
/// let object = NextHopObject::new(NextHopId::new(7).unwrap(), Some(Family::V4), NextHopObjectKind::Single(hop));
/// let mut out = Vec::new();
/// encode_next_hop(&mut out, 1, &object, false)?;
/// # Ok::<(), waypost_core::Error>(())
/// ```
pub fn encode_next_hop(out: &mut Vec<u8>, sequence: u32, object: &NextHopObject, replace: bool) -> Result<(), Error> {
    let operation = if replace { "replace next hop" } else { "add next hop" };
    let failed = |kind: ErrorKind| Error::new(kind, operation).on(format_args!("id {}", object.id));
    if let Some(field) = lacking(object) {
        return Err(failed(ErrorKind::Unsupported).because(format!("rtnetlink cannot represent {field}")));
    }
    let family = family(object).map_err(|reason| failed(ErrorKind::Invalid).because(reason))?;

    let change = if replace { NLM_F_CREATE | NLM_F_REPLACE } else { NLM_F_CREATE | NLM_F_EXCL };
    let mut message = Encoder::begin(out, RTM_NEWNEXTHOP, NLM_F_REQUEST | NLM_F_ACK | change, sequence);
    let flags = match &object.kind {
        NextHopObjectKind::Single(hop) => flags_to_send(hop),
        _ => 0,
    };
    let [f0, f1, f2, f3] = u32::from(flags).to_ne_bytes();
    message.header(&[family, 0, object.protocol.0, 0, f0, f1, f2, f3]);
    message.u32(NHA_ID, object.id.get());
    match &object.kind {
        NextHopObjectKind::Single(hop) => write_single(&mut message, hop),
        NextHopObjectKind::Group { members, resilience } => write_group(&mut message, members, *resilience),
        _ => message.flag(NHA_BLACKHOLE),
    }
    if object.fdb {
        message.flag(NHA_FDB);
    }
    for attribute in object.unnamed.as_slice() {
        message.attribute(attribute.kind, &attribute.data);
    }
    message.finish().map_err(|error| failed(ErrorKind::Invalid).because(error))
}

/// Appends the request to delete a next-hop object.
///
/// # Errors
///
/// `Invalid` where the message would be too long, which it never is.
pub fn encode_next_hop_delete(out: &mut Vec<u8>, sequence: u32, id: NextHopId) -> Result<(), Error> {
    let mut message = Encoder::begin(out, RTM_DELNEXTHOP, NLM_F_REQUEST | NLM_F_ACK, sequence);
    message.header(&[0; HEADER]);
    message.u32(NHA_ID, id.get());
    message.finish().map_err(|error| too_long("delete next hop", error))
}

/// Appends the request to list all next-hop objects.
///
/// # Errors
///
/// `Invalid` where the message would be too long, which it never is.
pub fn encode_next_hop_dump(out: &mut Vec<u8>, sequence: u32) -> Result<(), Error> {
    let mut message = Encoder::begin(out, RTM_GETNEXTHOP, NLM_F_REQUEST | NLM_F_DUMP, sequence);
    message.header(&[0; HEADER]);
    message.finish().map_err(|error| too_long("list next hops", error))
}

/// The number of the family to write: groups must have none, all else must have one.
fn family(object: &NextHopObject) -> Result<u8, String> {
    let gateway = match &object.kind {
        NextHopObjectKind::Group { .. } => return Ok(AF_UNSPEC),
        NextHopObjectKind::Single(hop) => hop.gateway,
        _ => None,
    };
    match (object.family, gateway) {
        (Some(family), Some(gateway)) if Family::of(&gateway) != family => Err(format!("{gateway} is of the other family")),
        (Some(family), _) => Ok(family_number(family)),
        (None, Some(gateway)) => Ok(family_number(Family::of(&gateway))),
        (None, None) => Err("it has no family".to_owned()),
    }
}

fn lacking(object: &NextHopObject) -> Option<&'static str> {
    let NextHopObjectKind::Single(hop) = &object.kind else { return None };
    if hop.weight.get() != 1 {
        Some("a weight outside a group")
    } else if hop.realms != 0 {
        Some("the realms of a next-hop object")
    } else {
        lacking_in_next_hop(object.family.unwrap_or(Family::V4), hop)
    }
}

fn write_single(message: &mut Encoder<'_>, hop: &NextHop) {
    if let Some(index) = hop.interface {
        message.u32(NHA_OIF, index.get());
    }
    if let Some(gateway) = hop.gateway {
        message.address(NHA_GATEWAY, gateway);
    }
    if let Some(encapsulation) = &hop.encapsulation {
        write_encapsulation(message, encapsulation, NHA_ENCAP_TYPE, NHA_ENCAP);
    }
}

fn write_group(message: &mut Encoder<'_>, members: &[GroupMember], resilience: Option<Resilience>) {
    message.nested(NHA_GROUP, |message| {
        for member in members {
            let [low, high] = (member.weight.get() - 1).to_le_bytes();
            let [i0, i1, i2, i3] = member.id.get().to_ne_bytes();
            message.raw(&[i0, i1, i2, i3, low, high, 0, 0]);
        }
    });
    if let Some(resilience) = resilience {
        message.u16(NHA_GROUP_TYPE, NEXTHOP_GRP_TYPE_RES);
        message.nested(NHA_RES_GROUP | NLA_F_NESTED, |message| {
            // The kernel has a default for the number of buckets, and refuses zero.
            if resilience.buckets != 0 {
                message.u16(NHA_RES_GROUP_BUCKETS, resilience.buckets);
            }
            message.u32(NHA_RES_GROUP_IDLE_TIMER, to_ticks(resilience.idle_timer));
            message.u32(NHA_RES_GROUP_UNBALANCED_TIMER, to_ticks(resilience.unbalanced_timer));
        });
    }
}

fn to_ticks(time: Duration) -> u32 {
    u32::try_from(time.as_millis() / u128::from(1000 / USER_HZ)).unwrap_or(u32::MAX)
}

fn too_long(operation: &'static str, error: TooLong) -> Error {
    Error::new(ErrorKind::Invalid, operation).because(error)
}
