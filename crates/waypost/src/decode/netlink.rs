//! rtnetlink.

use waypost_core::{Notice, RouteVerb, Verb};
use waypost_netlink::wire::constants::*;
use waypost_netlink::wire::{
    DecodeError, Decoded, Message as Wire, Messages, address, link, neighbour, next_hop, route, rule, settings,
};

use super::{Item, Message, named_bits};

pub(super) fn items(bytes: &[u8]) -> Vec<Item> {
    let items = Messages::new(bytes).map(|message| match message {
        Ok(message) => Item::Message(Box::new(described(&message))),
        Err(error) => Item::Malformed { why: error.what.to_owned(), offset: error.offset },
    });
    items.collect()
}

fn described(message: &Wire<'_>) -> Message {
    let (kind, removes) = kind(message.kind);
    let mut said = Message {
        kind,
        seq: Some(message.sequence),
        pid: Some(message.port),
        flags: named_bits(u32::from(message.flags), |bit| flag(message.kind, bit)),
        ..Message::default()
    };
    if message.kind == NLMSG_ERROR {
        // `struct nlmsgerr`: a negative errno first.
        let error = message.payload.first_chunk().map(|&bytes| i32::from_ne_bytes(bytes));
        said.errno = error.map(i32::unsigned_abs);
        return said;
    }
    match meaning(message, removes) {
        Ok(Some((notice, spoiled))) => {
            said.meaning = Some(notice);
            said.fault = (spoiled != 0).then(|| format!("{spoiled} attributes could not be read"));
        }
        Ok(None) => {}
        Err(error) => said.fault = Some(error.to_string()),
    }
    said
}

fn meaning(message: &Wire<'_>, removes: bool) -> Result<Option<(Notice, u32)>, DecodeError> {
    let payload = message.payload;
    let verb = if removes { Verb::Removed } else { Verb::Present };
    let route_verb = if removes { RouteVerb::Removed } else { RouteVerb::Added };
    Ok(match message.kind {
        RTM_NEWROUTE | RTM_DELROUTE => with(route::decode(payload)?, |route| Notice::Route(route_verb, route)),
        RTM_NEWRULE | RTM_DELRULE => with(rule::decode(payload)?, |rule| Notice::Rule(verb, Box::new(rule))),
        RTM_NEWLINK | RTM_DELLINK => with(link::decode(payload)?, |link| Notice::Link(verb, Box::new(link))),
        RTM_NEWADDR | RTM_DELADDR => with(address::decode(payload)?, |address| Notice::Address(verb, Box::new(address))),
        RTM_NEWNEIGH | RTM_DELNEIGH => with(neighbour::decode(payload)?, |other| Notice::Neighbour(verb, Box::new(other))),
        RTM_NEWNEXTHOP | RTM_DELNEXTHOP => with(next_hop::decode(payload)?, |hop| Notice::NextHop(verb, Box::new(hop))),
        RTM_NEWNETCONF | RTM_DELNETCONF => with(settings::decode(payload)?, |said| Notice::Settings(verb, Box::new(said))),
        _ => None,
    })
}

fn with<T>(decoded: Option<Decoded<T>>, notice: impl FnOnce(T) -> Notice) -> Option<(Notice, u32)> {
    decoded.map(|Decoded { value, spoiled }| (notice(value), spoiled))
}

/// The name of a type, and whether it tells that something has gone.
fn kind(number: u16) -> (String, bool) {
    let known = [
        (NLMSG_NOOP, "NLMSG_NOOP"),
        (NLMSG_ERROR, "NLMSG_ERROR"),
        (NLMSG_DONE, "NLMSG_DONE"),
        (NLMSG_OVERRUN, "NLMSG_OVERRUN"),
        (RTM_NEWLINK, "RTM_NEWLINK"),
        (RTM_DELLINK, "RTM_DELLINK"),
        (RTM_GETLINK, "RTM_GETLINK"),
        (RTM_NEWADDR, "RTM_NEWADDR"),
        (RTM_DELADDR, "RTM_DELADDR"),
        (RTM_GETADDR, "RTM_GETADDR"),
        (RTM_NEWROUTE, "RTM_NEWROUTE"),
        (RTM_DELROUTE, "RTM_DELROUTE"),
        (RTM_GETROUTE, "RTM_GETROUTE"),
        (RTM_NEWNEIGH, "RTM_NEWNEIGH"),
        (RTM_DELNEIGH, "RTM_DELNEIGH"),
        (RTM_GETNEIGH, "RTM_GETNEIGH"),
        (RTM_NEWRULE, "RTM_NEWRULE"),
        (RTM_DELRULE, "RTM_DELRULE"),
        (RTM_GETRULE, "RTM_GETRULE"),
        (RTM_NEWNETCONF, "RTM_NEWNETCONF"),
        (RTM_DELNETCONF, "RTM_DELNETCONF"),
        (RTM_GETNETCONF, "RTM_GETNETCONF"),
        (RTM_NEWNEXTHOP, "RTM_NEWNEXTHOP"),
        (RTM_DELNEXTHOP, "RTM_DELNEXTHOP"),
        (RTM_GETNEXTHOP, "RTM_GETNEXTHOP"),
    ];
    let name = known.into_iter().find(|&(other, _)| other == number).map(|(_, name)| name);
    // rtnetlink(7): of each four, the second deletes.
    (name.map_or_else(|| format!("type {number}"), str::to_owned), number >= RTM_NEWLINK && number % 4 == 1)
}

/// The names of `nlmsg_flags`: some bits mean one thing in a request to list or delete and another in one to add.
fn flag(kind: u16, bit: u32) -> Option<&'static str> {
    let is_get = kind >= RTM_NEWLINK && kind % 4 == 2;
    let is_new = kind >= RTM_NEWLINK && kind % 4 == 0;
    Some(match bit {
        0x1 => "REQUEST",
        0x2 => "MULTI",
        0x4 => "ACK",
        0x8 => "ECHO",
        0x10 => "DUMP_INTR",
        0x20 => "DUMP_FILTERED",
        0x100 if is_get => "ROOT",
        0x200 if is_get => "MATCH",
        0x400 if is_get => "ATOMIC",
        0x100 if is_new => "REPLACE",
        0x200 if is_new => "EXCL",
        0x400 if is_new => "CREATE",
        0x800 if is_new => "APPEND",
        0x100 if kind == NLMSG_ERROR => "CAPPED",
        0x200 if kind == NLMSG_ERROR => "ACK_TLVS",
        _ => return None,
    })
}
