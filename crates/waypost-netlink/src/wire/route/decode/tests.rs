use waypost_core::NextHop;

use super::*;
use crate::wire::Encoder;
use crate::wire::constants::{AF_INET, AF_INET6, AF_MPLS, NLA_F_NESTED, RTA_NEWDST, RTAX_CC_ALGO, RTAX_LOCK, RTAX_MTU};

const UNICAST_V4: [u8; 12] = [AF_INET, 24, 0, 0, 254, 4, 0, 1, 0, 0, 0, 0];

/// The payload of a message with this `struct rtmsg` and what `fill` adds.
fn payload(header: [u8; 12], fill: impl FnOnce(&mut Encoder<'_>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut message = Encoder::begin(&mut bytes, 24, 0, 0);
    message.header(&header);
    fill(&mut message);
    message.finish().unwrap();
    bytes.split_off(16)
}

fn route(header: [u8; 12], fill: impl FnOnce(&mut Encoder<'_>)) -> Decoded<Route> {
    decode(&payload(header, fill)).unwrap().unwrap()
}

fn destination(message: &mut Encoder<'_>) {
    message.attribute(RTA_DST, &[10, 1, 2, 0]);
}

#[test]
fn the_table_attribute_wins_over_the_header() {
    let decoded = route([AF_INET, 24, 0, 0, 252, 4, 0, 1, 0, 0, 0, 0], |message| {
        destination(message);
        message.u32(RTA_TABLE, 51820);
    });
    assert_eq!(decoded.value.slot.table, TableId(51820));
    assert_eq!(route(UNICAST_V4, destination).value.slot.table, TableId::MAIN);
}

#[test]
fn another_family_is_not_ours_and_no_error() {
    let mut header = UNICAST_V4;
    for family in [0, AF_MPLS, 128, 129] {
        header[0] = family;
        assert_eq!(decode(&payload(header, |_| ())), Ok(None));
    }
}

#[test]
fn a_bad_attribute_spoils_only_itself() {
    let decoded = route(UNICAST_V4, |message| {
        destination(message);
        message.attribute(RTA_GATEWAY, &[10, 0, 0]);
        message.u32(RTA_OIF, 2);
        message.attribute(RTA_METRICS, &[8, 0]);
        message.attribute(RTA_MULTIPATH, &[9, 0, 0, 0, 0, 0, 0, 0]);
        message.u8(RTA_NH_ID, 2);
    });
    assert_eq!(decoded.spoiled, 4);
    assert_eq!(&*decoded.value.entry.next_hops, [NextHop::dev(IfIndex::new(2).unwrap())]);
    let kept: Vec<u16> = decoded.value.entry.unnamed.as_slice().iter().map(|attribute| attribute.kind).collect();
    assert_eq!(kept, [RTA_GATEWAY, RTA_METRICS, RTA_MULTIPATH, RTA_NH_ID]);
}

#[test]
fn what_places_a_route_must_be_readable() {
    let refused = |header: [u8; 12], fill: &dyn Fn(&mut Encoder<'_>)| decode(&payload(header, fill)).unwrap_err();
    refused(UNICAST_V4, &|_| ());
    refused(UNICAST_V4, &|message| message.attribute(RTA_DST, &[10, 1, 2]));
    refused(UNICAST_V4, &|message| message.attribute(RTA_DST, &[0; 16]));
    refused([AF_INET, 33, 0, 0, 254, 4, 0, 1, 0, 0, 0, 0], &destination);
    for kind in [RTA_TABLE, RTA_PRIORITY] {
        let error = refused(UNICAST_V4, &|message| {
            destination(message);
            message.u16(kind, 1);
        });
        assert_eq!(error.offset, 20);
    }
    refused([AF_INET6, 0, 64, 0, 254, 4, 0, 1, 0, 0, 0, 0], &|message| message.attribute(RTA_SRC, &[0; 4]));
    assert!(decode(&[AF_INET; 11]).is_err());
}

#[test]
fn what_has_no_name_is_kept_as_it_came() {
    let decoded = route(UNICAST_V4, |message| {
        destination(message);
        message.attribute(RTA_NEWDST | NLA_F_NESTED, &[1, 2, 3, 4, 5]);
        message.u32(999, 7);
    });
    assert_eq!(decoded.spoiled, 0);
    let kept = [Attribute::new(RTA_NEWDST | NLA_F_NESTED, vec![1, 2, 3, 4, 5]), Attribute::new(999, 7u32.to_ne_bytes().to_vec())];
    assert_eq!(decoded.value.entry.unnamed.as_slice(), kept);
}

#[test]
fn metrics_without_a_name_are_kept_beside_those_with_one() {
    let decoded = route(UNICAST_V4, |message| {
        destination(message);
        message.nested(RTA_METRICS, |metrics| {
            metrics.u32(RTAX_MTU, 1400);
            metrics.u32(200, 5);
            metrics.u32(RTAX_LOCK, 1 << RTAX_MTU);
        });
    });
    let entry = decoded.value.entry;
    assert_eq!((decoded.spoiled, entry.metrics.get(waypost_core::Metric::Mtu)), (0, Some(1400)));
    assert!(entry.metrics.is_locked(waypost_core::Metric::Mtu));
    let inner: Vec<_> = Attributes::new(&entry.unnamed.as_slice()[0].data).map(Result::unwrap).collect();
    assert_eq!(inner, [(200, &5u32.to_ne_bytes()[..])]);
}

#[test]
fn the_low_byte_of_the_flags_belongs_to_the_one_next_hop() {
    let header = [AF_INET, 24, 0, 0, 254, 4, 0, 1, 0x90, 0x42, 0, 0];
    let flags = u32::from_le_bytes([0x90, 0x42, 0, 0]).to_ne_bytes();
    let header = [&header[..8], &flags].concat().try_into().unwrap();
    let with_hop = route(header, |message| {
        destination(message);
        message.u32(RTA_OIF, 2);
    });
    let entry = with_hop.value.entry;
    assert_eq!(entry.flags, waypost_core::RouteFlags::CLONED | waypost_core::RouteFlags::OFFLOADED);
    assert_eq!((entry.next_hops[0].flags, entry.next_hops[0].os_flags), (waypost_core::NextHopFlags::LINK_DOWN, 0x80));
    assert_eq!(entry.os_flags, 0);
    assert_eq!(route(header, destination).value.entry.os_flags, 0x90);
}

#[test]
fn an_expiry_is_signed_and_zero_means_none() {
    let expires = |ticks: i32| {
        route(UNICAST_V4, |message| {
            destination(message);
            message.attribute(RTA_CACHEINFO, &[[0; 8].as_slice(), &ticks.to_ne_bytes(), &[0; 20]].concat());
        })
        .value
        .expires
    };
    assert_eq!(expires(0), None);
    assert_eq!(expires(12_345), Some(Duration::from_millis(123_450)));
    assert_eq!(expires(-5), Some(Duration::ZERO));
}

#[test]
fn what_a_family_has_not_is_kept_as_it_came() {
    let via_v4 = [&u16::from(AF_INET).to_ne_bytes()[..], &[10, 0, 0, 1]].concat();
    let v6 = route([AF_INET6, 0, 0, 0, 254, 4, 0, 1, 0, 0, 0, 0], |message| message.attribute(RTA_VIA, &via_v4));
    assert!(v6.value.entry.next_hops.is_empty(), "the kernel has no IPv6 route by an IPv4 gateway");
    assert_eq!(v6.value.entry.unnamed.as_slice(), [Attribute::new(RTA_VIA, via_v4)]);
    let reserved = route([AF_INET6, 0, 0, 0, 254, 4, 0, 1, 0, 0, 0, 0], |message| message.u8(RTA_PREF, 2));
    assert_eq!(reserved.spoiled, 1);

    let v4 = route(UNICAST_V4, |message| {
        destination(message);
        message.u8(RTA_PREF, 1);
    });
    assert_eq!(v4.value.entry.preference, Preference::Medium);
    assert_eq!(v4.value.entry.unnamed.as_slice(), [Attribute::new(RTA_PREF, vec![1])]);
}

#[test]
fn an_algorithm_has_a_name_that_text_can_say() {
    for (name, spoiled) in [("bbr", 0), ("b r", 1), ("", 1), ("lock", 1)] {
        let decoded = route(UNICAST_V4, |message| {
            destination(message);
            message.nested(RTA_METRICS, |metrics| metrics.text(RTAX_CC_ALGO, name));
        });
        assert_eq!((decoded.spoiled, decoded.value.entry.metrics.congestion()), (spoiled, (spoiled == 0).then_some(name)));
    }
}

#[test]
fn nothing_is_left_of_the_route_that_was_decoded_over() {
    let mut full: Route = "10.0.0.0/8 tos 4 nexthop via 10.0.0.1 dev if2 nexthop via 10.0.0.2 dev if3".parse().unwrap();
    full.slot.source = Some(Ipv6Prefix::DEFAULT);
    (full.slot.priority, full.slot.interface_scope, full.slot.metric) = (8, IfIndex::new(3), 9);
    full.entry.preferred_source = Some("10.0.0.9".parse().unwrap());
    full.entry.next_hop_object = NextHopId::new(5);
    full.entry.preference = Preference::High;
    full.entry.metrics.set(waypost_core::Metric::Mtu, 1400);
    full.entry.unnamed.push(Attribute::new(99, vec![1]));
    (full.entry.os_flags, full.expires) = (1 << 30, Some(Duration::from_secs(1)));
    let legs = |message: &mut Encoder<'_>| message.attribute(RTA_MULTIPATH, &[8, 0, 0, 0, 2, 0, 0, 0, 8, 0, 0, 1, 3, 0, 0, 0]);
    for bytes in [
        payload(UNICAST_V4, destination),
        payload(UNICAST_V4, |message| {
            destination(message);
            message.u32(RTA_OIF, 2);
        }),
        payload(UNICAST_V4, |message| {
            destination(message);
            legs(message);
        }),
        payload([AF_INET6, 0, 0, 0, 254, 4, 0, 1, 0, 0, 0, 0], |message| message.u32(RTA_OIF, 2)),
    ] {
        let mut over = full.clone();
        let spoiled = decode_into(&bytes, &mut over).unwrap().unwrap();
        assert_eq!(Decoded { value: over, spoiled }, decode(&bytes).unwrap().unwrap());
    }
}
