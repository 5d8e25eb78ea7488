//! rtnetlink messages: whatever the bytes, walking and decoding them does not panic; what is decoded can be printed and
//! read back, and sent and decoded again, and is the same.

use std::fmt::Display;
use std::time::Duration;

use waypost_core::{
    InterfaceNames, NextHop, NextHopFlags, NextHopObject, NextHopObjectKind, NextHops, Preference, Route, RouteChange,
    RouteFlags, Rule, Weight,
};
use waypost_netlink::wire::constants::{
    NLA_TYPE_MASK, RTM_DELADDR, RTM_DELLINK, RTM_DELNEIGH, RTM_DELNETCONF, RTM_DELNEXTHOP, RTM_DELROUTE, RTM_DELRULE,
    RTM_NEWADDR, RTM_NEWLINK, RTM_NEWNEIGH, RTM_NEWNETCONF, RTM_NEWNEXTHOP, RTM_NEWROUTE, RTM_NEWRULE,
};
use waypost_netlink::wire::{
    Attributes, DecodeError, Decoded, Message, Messages, address, link, neighbour, next_hop, route, rule, settings,
};

use crate::text;

/// The length of a message's header.
const HEADER: usize = 16;

/// Attributes nested deeper are not walked: the kernel does not nest as deep.
const DEPTH: usize = 5;

/// Reads `data` as a datagram.
pub fn run(data: &[u8]) {
    let mut messages = Messages::new(data);
    let mut left = data.len();
    while let Some(message) = messages.next() {
        match message {
            Ok(message) => {
                left = left.checked_sub(HEADER + message.payload.len()).expect("messages do not overlap");
                decode(&message);
            }
            Err(error) => {
                assert!(error.offset <= data.len(), "{error}");
                assert!(messages.next().is_none(), "the walk ends with an error");
            }
        }
    }
    // The same bytes as one message's payload, so that nothing hangs on a length in front of them.
    routes(data);
}

/// Decodes what there is a decoder for.
fn decode(message: &Message<'_>) {
    walk(message.payload, DEPTH);
    match message.kind {
        RTM_NEWROUTE | RTM_DELROUTE => routes(message.payload),
        RTM_NEWNEXTHOP | RTM_DELNEXTHOP => next_hops(message.payload),
        RTM_NEWRULE | RTM_DELRULE => rules(message.payload),
        RTM_NEWLINK | RTM_DELLINK => printed(link::decode(message.payload)),
        RTM_NEWADDR | RTM_DELADDR => printed(address::decode(message.payload)),
        RTM_NEWNEIGH | RTM_DELNEIGH => printed(neighbour::decode(message.payload)),
        RTM_NEWNETCONF | RTM_DELNETCONF => printed(settings::decode(message.payload)),
        _ => {}
    }
}

/// What is decoded can be printed.
fn printed<T: Display>(decoded: Result<Option<Decoded<T>>, DecodeError>) {
    match decoded {
        Ok(Some(decoded)) => assert!(!decoded.value.to_string().is_empty()),
        Ok(None) => {}
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn next_hops(payload: &[u8]) {
    let Ok(Some(decoded)) = next_hop::decode(payload) else { return };
    let object = decoded.value;
    let printed = object.to_string();
    if let Ok(again) = NextHopObject::parse(&printed, InterfaceNames::none(), object.family) {
        // A group has no family and anything else has one: `rtm_to_nh_config` in net/ipv4/nexthop.c (Linux 6.18).
        let is_group = matches!(object.kind, NextHopObjectKind::Group { .. });
        let is_of_a_kernel = object.family.is_none() == is_group;
        assert!(decoded.spoiled > 0 || !is_of_a_kernel || again == object, "{printed} is not {object:?}");
    }
    let mut out = Vec::new();
    if next_hop::encode_next_hop(&mut out, 7, &object, false).is_ok() {
        let again = next_hop::decode(only(&out).payload).expect("what is encoded decodes").expect("its family is still ours");
        if decoded.spoiled == 0 && object.unnamed.is_empty() {
            assert_eq!((again.value.id, again.spoiled), (object.id, 0));
        }
    }
}

fn rules(payload: &[u8]) {
    let Ok(Some(decoded)) = rule::decode(payload) else { return };
    let rule = decoded.value;
    let is_word =
        |name: &Option<String>| name.as_ref().is_none_or(|name| !name.is_empty() && !name.contains(char::is_whitespace));
    // What could not be read is not in the text, and the kernel lets a rule name what no interface can be called.
    if decoded.spoiled == 0 && is_word(&rule.input) && is_word(&rule.output) {
        let printed = rule.to_string();
        if let Ok(again) = Rule::parse(&printed, Some(rule.family)) {
            assert_eq!(again, rule, "{printed}");
        }
    }
    for change in [rule::RuleChange::Add, rule::RuleChange::Delete] {
        let mut out = Vec::new();
        if rule::encode(&mut out, 7, change, &rule).is_ok() {
            let again = rule::decode(only(&out).payload).expect("what is encoded decodes").expect("its family is still ours");
            if decoded.spoiled == 0 && rule.unnamed.is_empty() {
                let mut sent = rule.clone();
                // Whether a name or a target is there is for the kernel to say.
                sent.os_flags = again.value.os_flags;
                assert_eq!((again.value, again.spoiled), (sent, 0), "{change:?}");
            }
        }
    }
}

/// The one message that a request is.
fn only(request: &[u8]) -> Message<'_> {
    let messages = Messages::new(request).map(|message| message.expect("what is encoded can be walked"));
    let [message] = messages.collect::<Vec<_>>().try_into().expect("a request is one message");
    message
}

/// Walks over attributes, and over what may be attributes inside.
fn walk(bytes: &[u8], depth: usize) {
    let mut attributes = Attributes::new(bytes);
    let mut last = 0;
    while let Some(attribute) = attributes.next() {
        match attribute {
            Ok((_, data)) => {
                assert!(attributes.offset() >= last + 4 + data.len(), "the walk does not advance");
                last = attributes.offset();
                if depth > 0 {
                    walk(data, depth - 1);
                }
            }
            Err(_) => assert!(attributes.next().is_none(), "the walk ends with an error"),
        }
    }
}

fn routes(payload: &[u8]) {
    if let Ok(Some(answer)) = route::decode_answer(payload) {
        assert!(!answer.value.route.to_string().is_empty());
    }
    let Ok(Some(decoded)) = route::decode(payload) else { return };
    let route = decoded.value;
    // The lock of a congestion control algorithm that has no name has no words.
    if !route.entry.metrics.is_congestion_locked() || route.entry.metrics.congestion().is_some() {
        text::route_reads_back(&route);
    }
    assert!(route::deletes(&route, route.as_ref()), "a route is what a delete of it hits: {route}");
    for change in [RouteChange::Add, RouteChange::Append, RouteChange::Delete] {
        let mut out = vec![1, 2, 3, 4];
        if route::encode_route(&mut out, 7, change, &route).is_err() {
            assert_eq!(out, [1, 2, 3, 4], "what is refused leaves no bytes");
            continue;
        }
        let again = route::decode(only(&out[4..]).payload).expect("what is encoded decodes").expect("its family is still ours");
        if decoded.spoiled == 0 && !names_the_named(&route) {
            assert_eq!((again.value, again.spoiled), (as_sent(&route, change), 0), "{change:?}");
        }
    }
}

/// Says whether an attribute that the model has a place for was kept as bytes: one that came twice, or beside others that
/// exclude it. No kernel sends such, and sent again it may be read otherwise.
fn names_the_named(route: &Route) -> bool {
    /// The attributes of `enum rtattr_type_t` that a route is read from (include/uapi/linux/rtnetlink.h, Linux 6.18).
    const NAMED: [u16; 19] = [1, 2, 4, 5, 6, 7, 8, 9, 11, 12, 15, 18, 20, 21, 22, 23, 25, 26, 30];
    route.entry.unnamed.as_slice().iter().any(|attribute| NAMED.contains(&(attribute.kind & NLA_TYPE_MASK)))
}

/// The route as far as a request says it: without what the kernel alone decides.
fn as_sent(route: &Route, change: RouteChange) -> Route {
    let kernels =
        NextHopFlags::DEAD | NextHopFlags::OFFLOADED | NextHopFlags::LINK_DOWN | NextHopFlags::UNRESOLVED | NextHopFlags::TRAPPED;
    let mut sent = route.clone();
    let entry = &mut sent.entry;
    entry.os_flags &= !kernels.bits();
    let hop = |hop: &NextHop| {
        let mut sent = hop.clone();
        sent.flags -= kernels;
        sent
    };
    entry.next_hops = match entry.next_hop_object {
        Some(_) => NextHops::NONE,
        None => entry.next_hops.iter().map(hop).collect(),
    };
    // One way out that leads nowhere is none: interface 0 stands for it. Its flags are then the route's.
    if let [hop] = &*entry.next_hops {
        let is_nowhere = (hop.gateway, hop.interface, hop.realms, hop.weight) == (None, None, 0, Weight::ONE);
        if is_nowhere && hop.encapsulation.is_none() {
            entry.os_flags |= hop.flags.bits() | hop.os_flags;
            entry.next_hops = NextHops::NONE;
        }
    }
    if change == RouteChange::Delete {
        entry.flags &= RouteFlags::CLONED;
        entry.preference = Preference::Medium;
        sent.expires = None;
    } else {
        entry.flags = RouteFlags::empty();
        sent.expires =
            sent.expires.map(|time| Duration::from_secs(time.as_millis().div_ceil(1000).clamp(1, u128::from(u32::MAX)) as u64));
    }
    sent
}
