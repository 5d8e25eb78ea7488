//! What a kernel said, asked of it again, says the same.

use std::time::Duration;

use waypost_core::os::linux::{RouteExt, RouteExtMut};
use waypost_core::{NextHops, Route, RouteChange, RouteFlags};
use waypost_netlink::wire::{Messages, next_hop, route};

use super::captures;
use super::golden::{is_next_hop, message};

fn routes() -> impl Iterator<Item = Route> {
    captures::all().into_iter().filter(|captured| captured.source != "answer").filter_map(|captured| {
        let message = message(&captured);
        (!is_next_hop(message)).then(|| route::decode(message.payload).unwrap().unwrap().value)
    })
}

fn encoded(change: RouteChange, wish: &Route) -> Route {
    let mut out = Vec::new();
    route::encode_route(&mut out, 1, change, wish).unwrap();
    route::decode(Messages::new(&out).next().unwrap().unwrap().payload).unwrap().unwrap().value
}

/// The route without what the kernel alone decides, which is not sent.
fn wish(mut route: Route) -> Route {
    route.entry.flags -= RouteFlags::OFFLOADED | RouteFlags::TRAPPED;
    let kernels = waypost_core::NextHopFlags::DEAD | waypost_core::NextHopFlags::LINK_DOWN;
    route.entry.next_hops = route
        .entry
        .next_hops
        .iter()
        .map(|hop| {
            let mut hop = hop.clone();
            hop.flags -= kernels;
            hop
        })
        .collect();
    if route.entry.next_hop_object.is_some() {
        route.entry.next_hops = NextHops::NONE;
    }
    // Seconds are sent.
    route.expires = route.expires.map(|expires| Duration::from_secs(expires.as_millis().div_ceil(1000) as u64));
    route
}

#[test]
fn a_captured_route_survives_encoding() {
    let mut count = 0;
    for captured in routes() {
        for change in [RouteChange::Add, RouteChange::Replace, RouteChange::Append] {
            assert_eq!(encoded(change, &captured), wish(captured.clone()), "{captured}");
        }
        count += 1;
    }
    assert!(count > 120, "{count}");
}

#[test]
fn a_delete_names_all_but_expiry_and_preference() {
    for captured in routes() {
        let mut wish = wish(captured.clone());
        wish.expires = None;
        wish.entry.preference = Default::default();
        assert_eq!(encoded(RouteChange::Delete, &captured), wish, "{captured}");
        assert!(route::deletes(&captured, captured.as_ref()), "{captured}");
    }
}

#[test]
fn a_captured_object_survives_encoding() {
    let mut count = 0;
    for captured in captures::all() {
        let message = message(&captured);
        if is_next_hop(message) {
            let mut object = next_hop::decode(message.payload).unwrap().unwrap().value;
            let mut out = Vec::new();
            next_hop::encode_next_hop(&mut out, 1, &object, true).unwrap();
            // The kernel works the scope out and refuses to be told.
            object.scope = waypost_core::Scope::UNIVERSE;
            let again = next_hop::decode(Messages::new(&out).next().unwrap().unwrap().payload).unwrap().unwrap();
            assert_eq!((again.value, again.spoiled), (object, 0), "{}", captured.command);
            count += 1;
        }
    }
    assert!(count > 25, "{count}");
}

#[test]
fn the_kernels_flags_are_read_back_as_they_were() {
    for captured in captures::all() {
        let message = message(&captured);
        if is_next_hop(message) {
            continue;
        }
        let bits = u32::from_ne_bytes(message.payload[8..12].try_into().unwrap());
        let route = route::decode(message.payload).unwrap().unwrap().value;
        assert_eq!(route.rtm_flags(), bits, "{route}");
        let mut flagged = route.clone();
        flagged.set_rtm_flags(bits);
        assert_eq!(flagged, route);
    }
}

#[test]
fn what_has_no_field_is_sent_along() {
    const RTA_TTL_PROPAGATE: u16 = 26;
    let mut wanted: Route = "10.1.0.0/16 via 10.0.0.1 dev if2".parse().unwrap();
    wanted.set_attribute(RTA_TTL_PROPAGATE, &[1]);
    wanted.set_rtm_flags(0x104);
    let sent = encoded(RouteChange::Add, &wanted);
    assert_eq!(sent.attribute(RTA_TTL_PROPAGATE), Some(&[1][..]));
    assert_eq!(sent.rtm_flags(), 0x104, "RTM_F_NOTIFY and RTNH_F_ONLINK");
    assert_eq!(sent, wanted);
}
