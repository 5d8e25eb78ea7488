use super::*;
use crate::{IfIndex, InterfaceNames};

fn names() -> InterfaceNames {
    [(IfIndex::new(3).unwrap(), "w0")].into_iter().collect()
}

#[track_caller]
fn reads_back(text: &str, family: Family) -> NextHopObject {
    let object = NextHopObject::parse(text, &names(), Some(family)).unwrap();
    assert_eq!(object.with_names(&names()).to_string(), text);
    object
}

/// The first lines are what `ip nexthop` (iproute2 6.1) printed on Linux 6.18.
#[test]
fn what_is_printed_reads_back_as_the_same_object() {
    for text in [
        "id 3 blackhole",
        "id 7 via 10.0.0.1 dev w0 scope link proto static",
        "id 8 via 10.0.0.4 dev w0 scope link onlink",
        "id 9 group 7/8,2",
        "id 10 group 7,3/8 type resilient buckets 32 idle_timer 60 unbalanced_timer 300",
        "id 4294967295 dev if9 scope host proto zebra dead linkdown",
        "id 12 group 11,65535 proto bgp fdb",
        "id 13 encap mpls 0x0102 via 10.0.0.1 dev w0",
        "id 14 group 1 type resilient buckets 1 idle_timer 0.25 unbalanced_timer 12.000000001",
        "id 15 dev w0 attr 99 0x00",
    ] {
        reads_back(text, Family::V4);
    }
    let object = reads_back("id 11 via fe80::1 fdb", Family::V6);
    assert_eq!(object.family, Some(Family::V6));
    assert_eq!(reads_back("id 4 blackhole", Family::V6).family, Some(Family::V6));
    assert_eq!(reads_back("id 4 group 7", Family::V6).family, None);
}

#[test]
fn words_mean_what_ip_nexthop_means_by_them() {
    let family = |text: &str| text.parse::<NextHopObject>().unwrap().family;
    assert_eq!(family("id 1 via 2001:db8::1"), Some(Family::V6));
    assert_eq!(family("dev if3 id 1"), Some(Family::V4));
    let printed = "id 10 group 7,3/8 type resilient buckets 32 idle_timer 60 unbalanced_timer 300 unbalanced_time 0 ";
    assert_eq!(printed.parse::<NextHopObject>().unwrap().to_string(), printed.trim_end().replace(" unbalanced_time 0", ""));
    let NextHopObjectKind::Group { resilience, .. } =
        "id 1 group 2 type resilient buckets 8".parse::<NextHopObject>().unwrap().kind
    else {
        panic!("a group was written");
    };
    assert_eq!(resilience.unwrap().idle_timer, Duration::from_secs(120));
    assert_eq!("id 1 group 2 type mpath".parse::<NextHopObject>().unwrap().to_string(), "id 1 group 2");
}

#[test]
fn the_word_at_fault_is_named() {
    let fault = |text: &str| NextHopObject::parse(text, &names(), Some(Family::V4)).unwrap_err().to_string();
    for (text, expected) in [
        ("", "a next-hop object needs an id"),
        ("id 0", "\"0\" is no next-hop object"),
        ("id 7", "a next-hop object needs a way out, a group or \"blackhole\""),
        ("id 7 via fe80::1", "\"fe80::1\" is not of the object's family, inet"),
        ("id 7 dev w9", "\"w9\" is no interface here"),
        ("id 7 group 1,0", "\"1,0\" is no group such as 7/8,2"),
        ("id 7 group 1//2", "\"1//2\" is no group such as 7/8,2"),
        ("id 7 group 1 type round", "\"round\" is none of mpath, resilient"),
        ("id 7 group 1 type resilient idle_timer -1", "\"-1\" is no number of seconds"),
        ("id 7 group 1 type resilient idle_timer 1.", "\"1.\" is no number of seconds"),
        ("id 7 dev w0 type resilient buckets 4", "\"resilient\" is for groups only"),
        ("id 7 group 1 dev w0", "\"group\" cannot stand beside a way out of its own"),
        ("id 7 blackhole dev w0", "\"blackhole\" cannot stand beside a gateway or interface"),
        ("id 7 dev w0 metric 5", "\"metric\" is no word of a next-hop object"),
    ] {
        assert_eq!(fault(text), expected, "{text:?}");
    }
}

mod any_object {
    use std::net::IpAddr;

    use proptest::collection::vec;
    use proptest::option::of;
    use proptest::prelude::*;

    use super::*;
    use crate::{Attribute, Encapsulation, NextHopFlags};

    fn single() -> impl Strategy<Value = NextHopObjectKind> {
        let interface = (1..9u32).prop_map(|number| IfIndex::new(number).unwrap());
        let encapsulation = (any::<u16>(), vec(any::<u8>(), 0..5)).prop_map(|(kind, data)| Encapsulation::new(kind, data));
        let flags = (0..0x80u32).prop_map(NextHopFlags::from_bits_truncate);
        let numbers = (any::<u32>(), any::<u32>(), 0..9u32);
        (of(any::<IpAddr>()), interface, of(encapsulation), flags, numbers).prop_map(
            |(gateway, interface, encapsulation, flags, numbers)| {
                let mut hop = NextHop::dev(interface);
                (hop.gateway, hop.flags, hop.encapsulation) = (gateway, flags, encapsulation.map(Into::into));
                (hop.realms, hop.os_flags, hop.scope_id) = numbers;
                NextHopObjectKind::Single(hop)
            },
        )
    }

    fn group() -> impl Strategy<Value = NextHopObjectKind> {
        let member = (1..=u32::MAX, 1..=u16::MAX)
            .prop_map(|(id, weight)| GroupMember { id: NextHopId::new(id).unwrap(), weight: Weight::new(weight).unwrap() });
        let resilience = (any::<u16>(), any::<(Duration, Duration)>())
            .prop_map(|(buckets, (idle_timer, unbalanced_timer))| Resilience { buckets, idle_timer, unbalanced_timer });
        (vec(member, 1..4), of(resilience)).prop_map(|(members, resilience)| NextHopObjectKind::Group { members, resilience })
    }

    proptest! {
        #[test]
        fn reads_back_from_text(
            kind in prop_oneof![single(), group(), Just(NextHopObjectKind::Blackhole)],
            (id, protocol, scope, fdb) in (1..=u32::MAX, any::<u8>(), any::<u8>(), any::<bool>()),
            unnamed in vec((any::<u16>(), vec(any::<u8>(), 0..5)), 0..3),
        ) {
            let family = match &kind {
                NextHopObjectKind::Single(NextHop { gateway: Some(gateway), .. }) => Some(Family::of(gateway)),
                NextHopObjectKind::Group { .. } => None,
                _ => Some(Family::V6),
            };
            let mut object = NextHopObject::new(NextHopId::new(id).unwrap(), family, kind);
            (object.protocol, object.scope, object.fdb) = (Protocol(protocol), Scope(scope), fdb);
            unnamed.into_iter().for_each(|(kind, data)| object.unnamed.push(Attribute::new(kind, data)));
            let text = object.to_string();
            prop_assert_eq!(NextHopObject::parse(&text, InterfaceNames::none(), family).unwrap(), object, "{}", text);
        }
    }
}
