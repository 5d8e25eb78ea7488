//! Another codec as judge: what netlink-packet-route can decode, ours decodes to the same.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;
use std::time::Duration;

use netlink_packet_core::{Nla, Parseable};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteCacheInfo, RouteMessage, RouteMetric, RouteNextHop, RouteVia,
};
use proptest::prelude::*;
use waypost_core::{Family, IfIndex, LookupAnswer, Metric, NextHop, NextHopId, Preference, Prefix};
use waypost_netlink::wire::{Attributes, Messages, route};

use super::captures;
use super::golden::{is_next_hop, message};

/// The size of `struct rtmsg`.
const HEADER: usize = 12;

/// Compares the two on one payload; says whether there was anything to compare.
fn agree(payload: &[u8]) -> bool {
    let Some(family) = payload.first().and_then(|family| match family {
        2 => Some(Family::V4),
        10 => Some(Family::V6),
        _ => None,
    }) else {
        return false;
    };
    if !comparable(payload) {
        return false;
    }
    let Ok(theirs) = RouteMessage::parse(payload) else { return false };
    let Some(destination) = destination(family, &theirs) else {
        assert!(route::decode(payload).is_err(), "no prefix, and yet a route: {theirs:?}");
        return false;
    };
    let (Ok(Some(plain)), Ok(Some(answer))) = (route::decode(payload), route::decode_answer(payload)) else {
        assert!(source(family, &theirs).is_none(), "they can and we cannot: {theirs:?}");
        return false;
    };
    assert_eq!(plain.value.slot.destination, destination);
    header(&theirs, &plain.value);
    for attribute in &theirs.attributes {
        one(attribute, &theirs, &plain.value, &answer.value);
    }
    true
}

/// Whether both read the message by the same rules: each number once (they keep all of a kind, the kernel and we the last), and
/// legs of a multipath route at multiples of four (they take the next leg to follow at once).
fn comparable(payload: &[u8]) -> bool {
    let mut seen = BTreeSet::new();
    Attributes::after(HEADER, payload).map_while(Result::ok).all(|(kind, data)| {
        let legs_are_aligned = kind & 0x3fff != 9 || {
            let mut rest = data;
            loop {
                let Some(length) = rest.first_chunk().map(|length| usize::from(u16::from_ne_bytes(*length))) else { break true };
                if length % 4 != 0 || length == 0 {
                    break false;
                }
                rest = rest.get(length..).unwrap_or_default();
            }
        };
        seen.insert(kind & 0x3fff) && legs_are_aligned && inner_once(kind, data)
    })
}

/// Whether each metric stands once.
fn inner_once(kind: u16, data: &[u8]) -> bool {
    let mut seen = BTreeSet::new();
    kind & 0x3fff != 8 || Attributes::new(data).map_while(Result::ok).all(|(kind, _)| seen.insert(kind & 0x3fff))
}

fn address(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some(IpAddr::V4(*address)),
        RouteAddress::Inet6(address) => Some(IpAddr::V6(*address)),
        _ => None,
    }
}

fn destination(family: Family, theirs: &RouteMessage) -> Option<Prefix> {
    let named = theirs.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Destination(named) => address(named),
        _ => None,
    });
    match (named, theirs.header.destination_prefix_length) {
        (Some(named), length) => Prefix::containing(named, length).ok(),
        (None, 0) => Some(Prefix::default_of(family)),
        _ => None,
    }
}

/// The source prefix, where the message says one that makes sense or says none.
fn source(family: Family, theirs: &RouteMessage) -> Option<Option<Prefix>> {
    let named = theirs.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Source(named) => address(named),
        _ => None,
    });
    match (family, named, theirs.header.source_prefix_length) {
        (Family::V4, ..) | (_, _, 0) => Some(None),
        (_, Some(named), length) => Prefix::containing(named, length).ok().map(Some),
        _ => None,
    }
}

fn header(theirs: &RouteMessage, ours: &waypost_core::Route) {
    let header = &theirs.header;
    assert_eq!(u8::from(header.protocol), ours.entry.protocol.0);
    assert_eq!(u8::from(header.scope), ours.entry.scope.0);
    let family = ours.slot.destination.family();
    if family == Family::V4 {
        assert_eq!(header.tos, ours.slot.tos);
    }
    assert_eq!(source(family, theirs).unwrap().map(Prefix::network), ours.slot.source.map(|source| source.network().into()));
    let has = |matches: fn(&RouteAttribute) -> bool| theirs.attributes.iter().any(matches);
    if !has(|attribute| matches!(attribute, RouteAttribute::Table(_))) {
        assert_eq!(u32::from(header.table), ours.slot.table.0);
    }
    if !has(|attribute| matches!(attribute, RouteAttribute::Priority(_))) {
        assert_eq!(ours.slot.metric, 0);
    }
    let multipath = has(|attribute| matches!(attribute, RouteAttribute::MultiPath(_)));
    if let ([hop], false) = (&*ours.entry.next_hops, multipath) {
        assert_eq!(header.flags.bits() & 0xff, hop.flags.bits() | hop.os_flags);
    }
}

/// One attribute of theirs is in our route.
fn one(attribute: &RouteAttribute, theirs: &RouteMessage, ours: &waypost_core::Route, answer: &LookupAnswer) {
    let entry = &ours.entry;
    let single = || {
        let multipath = theirs.attributes.iter().any(|attribute| matches!(attribute, RouteAttribute::MultiPath(_)));
        (!multipath).then(|| entry.next_hops.first().cloned().unwrap_or_default())
    };
    match attribute {
        RouteAttribute::Table(table) => assert_eq!(*table, ours.slot.table.0),
        RouteAttribute::Priority(metric) => assert_eq!(*metric, ours.slot.metric),
        RouteAttribute::PrefSource(source) => assert_eq!(address(source), entry.preferred_source),
        RouteAttribute::NhId(id) => assert_eq!(NextHopId::new(*id), entry.next_hop_object),
        RouteAttribute::Mark(mark) => assert_eq!(*mark, answer.mark),
        RouteAttribute::Uid(uid) => assert_eq!(Some(*uid), answer.uid),
        RouteAttribute::Iif(index) => assert_eq!(IfIndex::new(*index), answer.input),
        RouteAttribute::Preference(preference) => match u8::from(*preference) {
            0 => assert_eq!(entry.preference, Preference::Medium),
            1 => assert_eq!(entry.preference, Preference::High),
            3 => assert_eq!(entry.preference, Preference::Low),
            other => assert!(entry.unnamed.as_slice().iter().any(|kept| kept.data == [other])),
        },
        RouteAttribute::CacheInfo(info) => expiry(info, theirs, ours),
        RouteAttribute::Metrics(metrics) => metrics.iter().for_each(|metric| one_metric(metric, ours)),
        RouteAttribute::MultiPath(legs) => {
            assert_eq!(legs.len(), entry.next_hops.len());
            legs.iter().zip(&entry.next_hops).for_each(|(theirs, ours)| leg(theirs, ours));
        }
        RouteAttribute::Oif(_) | RouteAttribute::Gateway(_) | RouteAttribute::Via(_) | RouteAttribute::Realm(_) => {
            if let Some(hop) = single() {
                way(attribute, &theirs.attributes, &hop);
            }
        }
        RouteAttribute::Other(other) => {
            let mut value = vec![0; other.value_len()];
            other.emit_value(&mut value);
            let kept =
                entry.unnamed.as_slice().iter().any(|kept| kept.kind & 0x3fff == other.kind() & 0x3fff && kept.data == value);
            assert!(kept || other.kind() & 0x3fff == 24, "{other:?} is lost");
        }
        _ => {}
    }
}

fn expiry(info: &RouteCacheInfo, theirs: &RouteMessage, ours: &waypost_core::Route) {
    let ticks = i32::from_ne_bytes(info.expires.to_ne_bytes());
    let expected = (ticks != 0).then(|| Duration::from_millis(u64::try_from(ticks).unwrap_or(0) * 10));
    if !theirs.attributes.iter().any(|attribute| matches!(attribute, RouteAttribute::Expires(_))) {
        assert_eq!(ours.expires, expected);
    }
}

fn leg(theirs: &RouteNextHop, ours: &NextHop) {
    assert_eq!(u16::from(theirs.hops) + 1, ours.weight.get());
    assert_eq!(IfIndex::new(theirs.interface_index), ours.interface);
    assert_eq!(u32::from(theirs.flags.bits()), ours.flags.bits() | ours.os_flags);
    // A leg's head has its interface; what an attribute says of that is not looked at (`fib_get_nhs`, net/ipv4/fib_semantics.c, Linux 6.18).
    let others = theirs.attributes.iter().filter(|attribute| !matches!(attribute, RouteAttribute::Oif(_)));
    others.for_each(|attribute| way(attribute, &theirs.attributes, ours));
}

/// Compares one attribute of a next hop. Where both kinds of gateway stand, or one twice, either will do.
fn way(attribute: &RouteAttribute, all: &[RouteAttribute], ours: &NextHop) {
    let gateways = all.iter().filter(|one| matches!(one, RouteAttribute::Gateway(_) | RouteAttribute::Via(_))).count();
    let realms = all.iter().filter(|one| matches!(one, RouteAttribute::Realm(_))).count();
    let interfaces = all.iter().filter(|one| matches!(one, RouteAttribute::Oif(_))).count();
    match attribute {
        RouteAttribute::Oif(index) if interfaces == 1 => assert_eq!(IfIndex::new(*index), ours.interface),
        RouteAttribute::Gateway(gateway) if gateways == 1 => assert_eq!(address(gateway), ours.gateway),
        // They cut the number of the family to one byte, so they read a gateway where we see a family that there is not.
        RouteAttribute::Via(RouteVia::Inet(gateway)) if gateways == 1 => {
            assert!(ours.gateway.is_none_or(|ours| ours == IpAddr::V4(*gateway)));
        }
        RouteAttribute::Via(RouteVia::Inet6(gateway)) if gateways == 1 => {
            assert!(ours.gateway.is_none_or(|ours| ours == IpAddr::V6(*gateway)));
        }
        RouteAttribute::Realm(realm) if realms == 1 => {
            assert_eq!(u32::from(realm.source) << 16 | u32::from(realm.destination), ours.realms);
        }
        RouteAttribute::EncapType(kind) => {
            assert_eq!(ours.encapsulation.as_ref().map(|encapsulation| encapsulation.kind), Some(u16::from(*kind)));
        }
        _ => {}
    }
}

fn one_metric(theirs: &RouteMetric, ours: &waypost_core::Route) {
    let metrics = &ours.entry.metrics;
    let (metric, value) = match theirs {
        RouteMetric::Lock(locks) => {
            assert_eq!(locks & 1 << 2 != 0, metrics.is_locked(Metric::Mtu));
            assert_eq!(locks & 1 << 17 != 0, metrics.is_locked(Metric::FastOpenNoCookie));
            return assert_eq!(locks & 1 << 16 != 0, metrics.is_congestion_locked());
        }
        RouteMetric::CcAlgo(name) => {
            // Ours takes for a name only what is one word.
            let is_word = !name.is_empty() && name != "lock" && name.bytes().all(|byte| byte.is_ascii_graphic());
            return assert_eq!(metrics.congestion(), is_word.then_some(name.as_str()));
        }
        RouteMetric::Mtu(value) => (Metric::Mtu, value),
        RouteMetric::Window(value) => (Metric::Window, value),
        RouteMetric::Rtt(value) => (Metric::Rtt, value),
        RouteMetric::RttVar(value) => (Metric::RttVar, value),
        RouteMetric::SsThresh(value) => (Metric::SsThresh, value),
        RouteMetric::Cwnd(value) => (Metric::Cwnd, value),
        RouteMetric::Advmss(value) => (Metric::AdvMss, value),
        RouteMetric::Reordering(value) => (Metric::Reordering, value),
        RouteMetric::Hoplimit(value) => (Metric::HopLimit, value),
        RouteMetric::InitCwnd(value) => (Metric::InitCwnd, value),
        RouteMetric::Features(value) => (Metric::Features, value),
        RouteMetric::RtoMin(value) => (Metric::RtoMin, value),
        RouteMetric::InitRwnd(value) => (Metric::InitRwnd, value),
        RouteMetric::QuickAck(value) => (Metric::QuickAck, value),
        RouteMetric::FastopenNoCookie(value) => (Metric::FastOpenNoCookie, value),
        _ => return,
    };
    // Zero is none.
    assert_eq!(metrics.get(metric).unwrap_or(0), *value, "{metric:?}");
}

/// The payloads of the captured route messages.
static PAYLOADS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let routes = captures::all().into_iter().filter(|captured| !is_next_hop(message(captured)));
    routes.map(|captured| message(&captured).payload.to_vec()).collect()
});

#[test]
fn both_read_every_captured_route_alike() {
    let compared = PAYLOADS.iter().filter(|payload| agree(payload)).count();
    assert_eq!(compared, PAYLOADS.len());
}

/// Each byte becomes each number of an attribute in turn.
#[test]
fn both_read_routes_alike_whatever_their_attributes_are_taken_for() {
    for payload in &*PAYLOADS {
        for at in 0..payload.len() {
            for number in 0..32 {
                let mut payload = payload.clone();
                payload[at] = number;
                agree(&payload);
            }
        }
    }
}

#[test]
fn both_read_what_we_encode_alike() {
    let wish: waypost_core::Route = "10.1.0.0/16 tos 8 metric 7 table 300 mtu lock 1400 congctl lock cubic src 10.0.0.2 \
         nexthop via 10.0.0.1 dev if2 weight 9 realms 1/2 nexthop via inet6 fe80::1 dev if3 weight 256 onlink"
        .parse()
        .unwrap();
    let mut out = Vec::new();
    route::encode_route(&mut out, 1, waypost_core::RouteChange::Add, &wish).unwrap();
    assert!(agree(Messages::new(&out).next().unwrap().unwrap().payload));
    assert_eq!(Ipv4Addr::new(10, 1, 0, 0), wish.slot.destination.network());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_read_damaged_routes_alike(
        which in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut payload = which.get(&PAYLOADS).clone();
        for (at, value) in edits {
            let at = at.index(payload.len());
            payload[at] = value;
        }
        agree(&payload);
    }
}
