use super::*;
use crate::wire::{Messages, route};
use waypost_core::{IfIndex, Metric, Scope, Weight};

fn encode(change: RouteChange, route: &Route) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    encode_route(&mut out, 1, change, route)?;
    Ok(out)
}

fn parse(text: &str) -> Route {
    text.parse().unwrap()
}

#[test]
fn what_is_encoded_decodes_to_the_same() {
    for text in [
        "default via 10.0.0.1 dev if2",
        "10.1.0.0/16 tos 0x10 table 51820 proto static metric 7 src 10.0.0.2 via inet6 fe80::1 dev if2 onlink realms 1/2",
        "10.1.0.0/16 mtu lock 1400 advmss 1360 hoplimit 9 congctl lock cubic via 10.0.0.1",
        "10.1.0.0/16 nexthop via 10.0.0.1 dev if2 weight 256 realm 5 nexthop via inet6 fe80::1 dev if3 weight 1 onlink",
        "10.1.0.0/16 nexthop encap seg6 0x0102030405 via 10.0.0.1 weight 3 nexthop dev if9 weight 2",
        "10.1.0.0/16 encap mpls 0x0800010000064100 via 10.0.0.1 attr 26 0x01",
        "blackhole 10.0.0.0/8",
        "prohibit 10.0.0.0/8 table 300",
        "2001:db8::/32 from 2001:db8:1::/48 via fe80::1 dev if2 metric 1024 pref high expires 60sec",
        "2001:db8::/32 nhid 12 pref low",
        "unreachable 2001:db8::/32 dev if1 metric 5",
        "local 10.0.0.1 dev if2 table local proto kernel src 10.0.0.1",
    ] {
        let route = parse(text);
        for change in [RouteChange::Add, RouteChange::Replace, RouteChange::Change, RouteChange::Append] {
            let bytes = encode(change, &route).unwrap();
            let message = Messages::new(&bytes).next().unwrap().unwrap();
            let decoded = route::decode(message.payload).unwrap().unwrap();
            assert_eq!(decoded.spoiled, 0, "{text}");
            assert_eq!(decoded.value, route, "{text}: {}", decoded.value);
        }
    }
}

#[test]
fn a_change_is_said_by_its_flags() {
    let route = parse("10.0.0.0/8 via 10.0.0.1");
    for (change, kind, flags) in [
        (RouteChange::Add, 24, 0x600),
        (RouteChange::Replace, 24, 0x500),
        (RouteChange::Change, 24, 0x100),
        (RouteChange::Append, 24, 0xc00),
        (RouteChange::Prepend, 24, 0x400),
        (RouteChange::Delete, 25, 0),
    ] {
        let bytes = encode(change, &route).unwrap();
        let message = Messages::new(&bytes).next().unwrap().unwrap();
        assert_eq!((message.kind, message.flags), (kind, flags | NLM_F_REQUEST | NLM_F_ACK), "{change:?}");
    }
}

#[test]
fn what_the_kernel_alone_decides_is_not_sent() {
    let wish = parse("10.0.0.0/8 nexthop via 10.0.0.1 weight 1 onlink nexthop via 10.0.0.2 weight 1");
    let read = parse(
        "10.0.0.0/8 rt_offload nexthop via 10.0.0.1 weight 1 dead onlink linkdown nexthop via 10.0.0.2 weight 1 offload trap",
    );
    assert_eq!(encode(RouteChange::Delete, &read).unwrap(), encode(RouteChange::Delete, &wish).unwrap());
    assert_eq!(encode(RouteChange::Add, &read).unwrap(), encode(RouteChange::Add, &wish).unwrap());
    assert_eq!(
        encode(RouteChange::Add, &parse("10.0.0.0/8 via 10.0.0.1 linkdown dead onlink")).unwrap(),
        encode(RouteChange::Add, &parse("10.0.0.0/8 via 10.0.0.1 onlink")).unwrap(),
    );
}

#[test]
fn next_hops_beside_an_object_are_not_sent() {
    let route = parse("10.0.0.0/8 nhid 7 via 10.0.0.1 dev if2");
    assert_eq!(
        encode(RouteChange::Delete, &route).unwrap(),
        encode(RouteChange::Delete, &parse("10.0.0.0/8 nhid 7 scope global")).unwrap()
    );
}

#[test]
fn what_cannot_be_represented_is_refused_by_name() {
    let v4 = || parse("10.0.0.0/8 via 10.0.0.1 dev if2");
    let v6 = || parse("2001:db8::/32 via fe80::1 dev if2");
    let hop = |mut route: Route, edit: &dyn Fn(&mut NextHop)| {
        let mut hop = route.entry.next_hops[0].clone();
        edit(&mut hop);
        route.entry.next_hops = hop.into();
        route
    };
    let with = |mut route: Route, edit: &dyn Fn(&mut Route)| {
        edit(&mut route);
        route
    };
    for (route, word) in [
        (with(v4(), &|route| route.slot.priority = 8), "priority"),
        (with(v4(), &|route| route.slot.interface_scope = IfIndex::new(3)), "interface scope"),
        (with(v6(), &|route| route.slot.tos = 8), "type of service"),
        (with(v4(), &|route| route.slot.source = Some("2001:db8::/32".parse().unwrap())), "source prefix"),
        (with(v6(), &|route| route.entry.scope = Scope::LINK), "scope"),
        (with(v4(), &|route| route.entry.preference = Preference::High), "preference"),
        (with(v4(), &|route| route.expires = Some(std::time::Duration::from_secs(1))), "expiry"),
        (with(v4(), &|route| route.entry.flags = RouteFlags::STATIC), "flags"),
        (with(v4(), &|route| route.entry.metrics.set(Metric::RecvPipe, 1)), "recvpipe"),
        (with(v4(), &|route| route.entry.metrics.set(Metric::SendPipe, 1)), "sendpipe"),
        (with(v4(), &|route| route.entry.metrics.set(Metric::HopCount, 1)), "hopcount"),
        (with(v4(), &|route| route.entry.metrics.lock(Metric::HopCount)), "lock"),
        (hop(v6(), &|hop| hop.scope_id = 3), "zone"),
        (hop(v4(), &|hop| hop.weight = Weight::new(257).unwrap()), "weight"),
        (hop(v6(), &|hop| hop.realms = 3), "realms"),
        (hop(v6(), &|hop| hop.gateway = Some("10.0.0.1".parse().unwrap())), "IPv4 gateway"),
        (hop(v6(), &|hop| hop.flags = NextHopFlags::PERVASIVE), "pervasive"),
    ] {
        let error = encode(RouteChange::Add, &route).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(error.reason().contains(word), "{error}");
    }
    assert!(encode(RouteChange::Prepend, &v6()).unwrap_err().reason().contains("prepended"));
    assert!(encode(RouteChange::Add, &hop(v6(), &|hop| hop.scope_id = 2)).is_ok(), "the interface is its own zone");
    let foreign = with(v4(), &|route| route.entry.preferred_source = Some("::1".parse().unwrap()));
    assert_eq!(encode(RouteChange::Add, &foreign).unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn too_many_legs_are_refused_and_nothing_is_left() {
    let mut route = parse("10.0.0.0/8 via 10.0.0.1");
    route.entry.next_hops = vec![NextHop::via("10.0.0.1".parse().unwrap()); 5000].into();
    let mut out = vec![0; 4];
    assert_eq!(encode_route(&mut out, 1, RouteChange::Add, &route).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(out.len(), 4);
}
