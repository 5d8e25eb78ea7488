//! What the portable model makes of what a kernel said.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use waypost_core::{LinkFlags, NeighbourState, Notice, Protocol, Route, RouteVerb, TableId, Verb};
use waypost_pfroute::lift::{Asked, Lift, LiftError, Lower};
use waypost_pfroute::wire::{
    Axis, ByteOrder, DIALECTS, FREEBSD, Message, Messages, RouteFlags, RouteOp, RouteRequest, ScopeForm, SockaddrValue, Source,
};

use crate::captures::{self, Capture, FREEBSD13};

const LIFT: Lift = Lift { table: TableId(0), since_epoch: Duration::from_secs(600) };

/// What all of the machine's routes were when they were dumped, without `table 0`.
const DUMPED: &str = "\
10.0.0.0/24 dev if2 proto kernel scope link up flags 0x100000
10.0.0.1 dev if1 proto kernel scope link rt_static up flags 0x100000
127.0.0.1 dev if1 proto kernel scope link up flags 0x100000
172.30.0.0/16 via 10.0.0.2 dev if2 proto static rt_static up
172.30.1.1 via 10.0.0.3 dev if2 proto redirect dynamic up expires 1sec
a netmask with a gap
192.168.20.0/22 dev if2 proto static scope link rt_static up
192.168.32.0/24 via 10.0.0.254 dev if2 proto static rt_static up
192.168.33.0/24 via 10.0.0.254 dev if2 proto static rt_static up
192.168.34.0/24 via 10.0.0.254 dev if2 proto static rt_static up mtu 1300
192.168.36.0/24 via 10.0.0.254 dev if2 proto static rt_static proto1 up
192.168.40.0/24 via 10.0.0.254 dev if2 proto static rt_static up flags 0x100000
192.168.41.0/24 proto static rt_static up nexthop via 10.0.0.254 dev if2 weight 7
192.168.43.0/24 via 10.0.0.254 dev if2 proto static rt_static up
192.168.44.0 via 10.0.0.254 dev if2 proto static rt_static up
192.168.46.0/24 dev if2 proto static scope link rt_static up
192.168.47.0/24 dev if2 proto static scope link rt_static up
unreachable 198.18.0.0/15 via 127.0.0.1 dev if1 proto static rt_static up
blackhole 198.51.100.0/25 via 127.0.0.1 dev if1 proto static rt_static up
::1 dev if1 proto kernel scope link rt_static up flags 0x100000 pref medium
2001:db8::/64 dev if2 proto kernel scope link up flags 0x100000 pref medium
2001:db8::1 dev if1 proto kernel scope link rt_static up flags 0x100000 pref medium
2001:db8:9::9 via 2001:db8::2 dev if2 proto static rt_static up pref medium
unreachable 2001:db8:dead::/48 via ::1 dev if1 proto static rt_static up pref medium
fe80::/64 dev if1 proto kernel scope link ifscope 1 up flags 0x100000 pref medium
fe80::1 dev if1 proto kernel scope link ifscope 1 rt_static up flags 0x100000 pref medium
fe80::/64 dev if2 proto kernel scope link ifscope 2 up flags 0x100000 pref medium
fe80::ff:fe00:1 dev if1 proto kernel scope link ifscope 2 rt_static up flags 0x100000 pref medium";

fn messages(bytes: &[u8]) -> impl Iterator<Item = Message<'_>> {
    Messages::new(&FREEBSD, ByteOrder::Little, Source::Socket, bytes).filter_map(Result::ok)
}

fn event(bytes: &[u8]) -> Result<Option<Notice>, LiftError> {
    let message = messages(bytes).next().unwrap();
    LIFT.event(&message)
}

fn capture(number: u32) -> Capture {
    FREEBSD13.capture(number)
}

fn listed(bytes: &[u8]) -> Vec<Route> {
    let notices = messages(bytes).filter_map(|message| LIFT.listed(&message).ok());
    let routes = notices.map(|notice| match notice {
        Some(Notice::Route(RouteVerb::Listed, route)) => route,
        other => panic!("{other:?}"),
    });
    routes.collect()
}

/// What the events said of routes, in their order.
fn route_events() -> Vec<(RouteVerb, Route)> {
    let captures = FREEBSD13.captures();
    let told = captures.iter().filter(|capture| ["event", "broadcast"].contains(&capture.kind.as_str()));
    let notices = told.filter_map(|capture| event(&capture.bytes).ok().flatten());
    let routes = notices.filter_map(|notice| match notice {
        Notice::Route(verb, route) => Some((verb, route)),
        _ => None,
    });
    routes.collect()
}

#[test]
fn a_dump_lists_the_machines_routes() {
    let capture = capture(319);
    let text = messages(&capture.bytes).map(|message| match LIFT.listed(&message) {
        Ok(Some(Notice::Route(RouteVerb::Listed, route))) => route.to_string().replace(" table 0", ""),
        Err(error) => error.to_string(),
        other => panic!("{other:?}"),
    });
    assert_eq!(text.collect::<Vec<_>>().join("\n"), DUMPED);
    let weighted = listed(&capture.bytes).into_iter().find(|route| route.slot.destination.to_string() == "192.168.41.0/24");
    assert_eq!(weighted.unwrap().entry.next_hops[0].weight.get(), 7);
}

#[test]
fn a_dump_of_14_1_lifts_whole() {
    let bytes = captures::read("freebsd-14.1-amd64/dump-inet.bin");
    let text: Vec<String> = listed(&bytes).iter().map(|route| route.to_string().replace(" table 0", "")).collect();
    assert_eq!(
        text,
        [
            "default via 172.23.192.1 dev if2 proto static rt_static up",
            "127.0.0.1 dev if1 proto kernel scope link up flags 0x100000",
            "172.23.192.0/20 dev if2 proto kernel scope link up flags 0x100000",
            "172.23.198.182 dev if1 proto kernel scope link rt_static up flags 0x100000",
        ]
    );
}

#[test]
fn each_interface_has_its_own_link_local_network() {
    let slots: Vec<_> = listed(&capture(319).bytes).into_iter().map(|route| route.slot).collect();
    for (nth, slot) in slots.iter().enumerate() {
        assert!(!slots[..nth].contains(slot), "{slot:?} twice");
    }
}

#[test]
fn an_event_and_a_dump_tell_of_a_route_alike() {
    let mut told = HashMap::new();
    for (verb, route) in route_events() {
        match verb {
            RouteVerb::Removed => told.remove(&route.slot),
            _ => told.insert(route.slot, route.entry),
        };
    }
    let mut compared = 0;
    for route in listed(&capture(319).bytes) {
        if let Some(entry) = told.remove(&route.slot) {
            assert_eq!(entry, route.entry, "{}", route.slot.destination);
            compared += 1;
        }
    }
    assert!(compared >= 10, "{compared}");
}

#[test]
fn what_is_removed_is_what_was_there() {
    let mut told = HashMap::new();
    let mut compared = 0;
    for (verb, route) in route_events() {
        if verb != RouteVerb::Removed {
            told.insert(route.slot, route.entry);
            continue;
        }
        let Some(entry) = told.remove(&route.slot) else { continue };
        if route.entry.next_hops.is_empty() {
            // An address of the host's own goes without a word of its interface.
            assert_eq!(entry.protocol, Protocol::KERNEL);
            continue;
        }
        // A change of metrics is told as it was asked for, so what it leaves alone is not in it.
        assert_eq!(entry, route.entry, "{}", route.slot.destination);
        compared += 1;
    }
    assert!(compared >= 8, "{compared}");
}

#[test]
fn what_failed_or_only_asked_changes_nothing() {
    let mut asked = 0;
    for capture in FREEBSD13.captures() {
        let is_lookup = capture.decoded["type"] == 4;
        if capture.kind != "reply" && capture.kind != "broadcast" || !(is_lookup || capture.write_result < 0) {
            continue;
        }
        asked += 1;
        for message in messages(&capture.bytes) {
            assert!(matches!(LIFT.event(&message), Ok(None)), "{}", capture.file);
        }
    }
    assert!(asked > 60, "{asked}");
}

#[test]
fn a_mask_that_the_kernel_lost_is_not_taken_for_the_default_route() {
    assert_eq!(event(&capture(254).bytes).unwrap_err(), LiftError::MaskLost(48));
    assert_eq!(event(&capture(146).bytes).unwrap_err(), LiftError::MaskLost(16));
    // This one was written with a mask of length zero, and nothing is left over.
    let Ok(Some(Notice::Route(RouteVerb::Added, route))) = event(&capture(122).bytes) else { panic!("a route") };
    assert!(route.slot.destination.is_default());
}

#[test]
fn an_ipv6_route_has_no_ipv4_gateway() {
    let gateway =
        |value| [(Axis::Dst, SockaddrValue::Inet6 { address: "2001:db8::".parse().unwrap(), scope: 0 }), (Axis::Gateway, value)];
    let told = |addrs: &[_]| {
        let flags = RouteFlags::UP | RouteFlags::DONE | RouteFlags::GATEWAY | RouteFlags::HOST;
        let mut bytes = Vec::new();
        let request = RouteRequest { flags, index: 2, addrs, ..RouteRequest::new(RouteOp::Add) };
        request.encode(&FREEBSD, ByteOrder::Little, &mut bytes).unwrap();
        event(&bytes)
    };
    let of_v4 = gateway(SockaddrValue::Inet([10, 0, 0, 1].into()));
    assert_eq!(told(&of_v4).unwrap_err(), LiftError::Missing(Axis::Gateway));
    let of_v6 = gateway(SockaddrValue::Inet6 { address: "2001:db8::1".parse().unwrap(), scope: 0 });
    assert!(matches!(told(&of_v6), Ok(Some(Notice::Route(RouteVerb::Added, _)))));
}

#[test]
fn links_and_addresses_are_told_alike_by_events_and_lists() {
    let list: Vec<Notice> = messages(&capture(328).bytes).filter_map(|message| LIFT.listed(&message).unwrap()).collect();
    let [Notice::Link(..), Notice::Address(..), Notice::Link(Verb::Listed, em0), Notice::Address(Verb::Listed, of_em0)] =
        list.as_slice()
    else {
        panic!("{list:?}");
    };
    assert_eq!((em0.name.as_str(), em0.mtu, em0.link_address.as_slice()), ("em0", 1500, &[2, 0, 0, 0, 0, 1][..]));
    assert!(em0.flags.contains(LinkFlags::UP | LinkFlags::BROADCAST | LinkFlags::MULTICAST | LinkFlags::LOWER_UP));

    let Ok(Some(Notice::Address(Verb::Present, address))) = event(&capture(2).bytes) else { panic!("an address") };
    assert_eq!(&address, of_em0);
    assert_eq!((address.local.to_string().as_str(), address.prefix_length), ("10.0.0.1", 24));
    assert_eq!(address.broadcast, Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 255))));

    let Ok(Some(Notice::Link(Verb::Present, changed))) = event(&capture(35).bytes) else { panic!("a link") };
    assert_eq!((changed.index, changed.mtu, changed.name.as_str()), (em0.index, 1400, ""));
    let Ok(Some(Notice::Link(Verb::Removed, gone))) = event(&capture(53).bytes) else { panic!("a link") };
    assert_eq!(gone.name, "lo1");
}

#[test]
fn a_link_layer_entry_is_a_neighbour_and_no_route() {
    let Ok(Some(Notice::Neighbour(Verb::Present, added))) = event(&capture(239).bytes) else { panic!("a neighbour") };
    assert_eq!((added.address.to_string().as_str(), added.link_address.as_slice()), ("10.0.0.50", &[2, 0, 0, 0, 0, 0x50][..]));
    assert_eq!(added.state, NeighbourState::Permanent);
    let Ok(Some(Notice::Neighbour(Verb::Removed, _))) = event(&capture(245).bytes) else { panic!("a neighbour") };
    let listed: Vec<_> = messages(&capture(325).bytes).map(|message| LIFT.listed(&message)).collect();
    assert!(listed.iter().all(|notice| matches!(notice, Ok(Some(Notice::Neighbour(Verb::Listed, _))))), "{listed:?}");
}

fn inet(a: u8, b: u8, c: u8, d: u8) -> SockaddrValue<'static> {
    SockaddrValue::Inet(Ipv4Addr::new(a, b, c, d))
}

/// A message as a kernel would send it, of interface 2.
fn message(op: RouteOp, flags: RouteFlags, addrs: &[(Axis, SockaddrValue)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let message = RouteRequest { flags, index: 2, addrs, ..RouteRequest::new(op) };
    message.encode(&FREEBSD, ByteOrder::Little, &mut bytes).unwrap();
    bytes
}

fn added(flags: RouteFlags, addrs: &[(Axis, SockaddrValue)]) -> Route {
    match event(&message(RouteOp::Add, flags | RouteFlags::DONE, addrs)) {
        Ok(Some(Notice::Route(RouteVerb::Added, route))) => route,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_error_or_a_missing_mark_makes_an_attempt() {
    let addrs = [(Axis::Dst, inet(172, 30, 1, 1)), (Axis::Gateway, inet(10, 0, 0, 3))];
    let flags = RouteFlags::UP | RouteFlags::GATEWAY | RouteFlags::HOST;
    for op in [RouteOp::Add, RouteOp::Change, RouteOp::Delete, RouteOp::Redirect] {
        let mut bytes = message(op, flags | RouteFlags::DONE, &addrs);
        assert!(event(&bytes).unwrap().is_some(), "{op:?}");
        bytes[24] = 17;
        assert!(event(&bytes).unwrap().is_none(), "{op:?} with an error");
    }
    for op in [RouteOp::Add, RouteOp::Change, RouteOp::Delete] {
        assert!(event(&message(op, flags, &addrs)).unwrap().is_none(), "{op:?} without RTF_DONE");
    }
}

#[test]
fn a_host_route_is_one_address_whatever_its_mask() {
    let addrs = [(Axis::Dst, inet(172, 30, 1, 1)), (Axis::Gateway, inet(10, 0, 0, 3)), (Axis::Netmask, inet(255, 0, 0, 0))];
    let gateway = RouteFlags::GATEWAY;
    assert_eq!(added(gateway | RouteFlags::HOST, &addrs).slot.destination.to_string(), "172.30.1.1/32");
    assert_eq!(added(gateway, &addrs).slot.destination.to_string(), "172.0.0.0/8");
}

#[test]
fn an_address_of_ones_own_is_no_gateway() {
    let addrs = [(Axis::Dst, inet(172, 30, 1, 1)), (Axis::Gateway, inet(10, 0, 0, 1))];
    assert_eq!(added(RouteFlags::HOST, &addrs).entry.next_hops[0].gateway, None);
    assert!(added(RouteFlags::HOST | RouteFlags::GATEWAY, &addrs).entry.next_hops[0].gateway.is_some());
}

#[test]
fn a_gateways_zone_is_told_where_it_is_not_the_interface() {
    for (scope, told) in [(2, 0), (9, 9)] {
        let gateway = SockaddrValue::Inet6 { address: "fe80::1".parse().unwrap(), scope };
        let destination = SockaddrValue::Inet6 { address: "2001:db8::1".parse().unwrap(), scope: 0 };
        let route = added(RouteFlags::HOST | RouteFlags::GATEWAY, &[(Axis::Dst, destination), (Axis::Gateway, gateway)]);
        assert_eq!(route.entry.next_hops[0].scope_id, told);
    }
}

#[test]
fn a_lookup_that_missed_and_a_redirect_are_events() {
    let told = |op, flags, addrs: &[_]| event(&message(op, flags | RouteFlags::DONE, addrs)).unwrap().unwrap();
    let destination = (Axis::Dst, inet(172, 30, 1, 1));
    let Notice::Miss(miss) = told(RouteOp::Miss, RouteFlags::empty(), &[destination]) else { panic!("a miss") };
    assert_eq!(miss.destination, IpAddr::V4(Ipv4Addr::new(172, 30, 1, 1)));

    let addrs = [destination, (Axis::Gateway, inet(10, 0, 0, 3)), (Axis::Author, inet(10, 0, 0, 2))];
    let flags = RouteFlags::HOST | RouteFlags::GATEWAY | RouteFlags::DYNAMIC;
    let Notice::Redirect(redirect) = told(RouteOp::Redirect, flags, &addrs) else { panic!("a redirect") };
    assert_eq!(redirect.destination.to_string(), "172.30.1.1/32");
    assert_eq!((redirect.gateway.to_string(), redirect.author.unwrap().to_string()), ("10.0.0.3".into(), "10.0.0.2".into()));
    assert_eq!(redirect.interface.unwrap().get(), 2);

    let Notice::Losing(route) = told(RouteOp::Losing, flags, &addrs[..2]) else { panic!("a route that loses") };
    assert_eq!(route.entry.next_hops[0].gateway, Some(redirect.gateway));
}

#[test]
fn a_route_that_outlasts_the_clock_is_asked_for_or_refused() {
    for dialect in DIALECTS {
        let lower = Lower { dialect, order: ByteOrder::Little, table: TableId(0), since_epoch: Duration::from_secs(1) };
        let mut route: Route = "172.30.0.0/16 via 10.0.0.3 table 0".parse().unwrap();
        route.expires = Some(Duration::MAX);
        let mut bytes = Vec::new();
        let asked = lower.route(RouteOp::Add, &route, Asked { seq: 1, pid: 2 }, &mut bytes);
        assert_eq!(asked.is_err(), bytes.is_empty(), "{}", dialect.name);
    }
}

#[test]
fn the_second_group_of_an_address_is_a_zone_where_the_kernel_keeps_one_there() {
    for dialect in DIALECTS {
        let address = "fe80:9::1".parse().unwrap();
        let addrs = [
            (Axis::Dst, SockaddrValue::Inet6 { address: "2001:db8::1".parse().unwrap(), scope: 0 }),
            (Axis::Gateway, SockaddrValue::Inet6 { address, scope: 0 }),
        ];
        let flags = RouteFlags::UP | RouteFlags::GATEWAY | RouteFlags::HOST | RouteFlags::DONE;
        let mut bytes = Vec::new();
        let request = RouteRequest { flags, addrs: &addrs, ..RouteRequest::new(RouteOp::Add) };
        request.encode(dialect, ByteOrder::Little, &mut bytes).unwrap();
        let message = Message::decode(dialect, ByteOrder::Little, Source::Socket, &bytes).unwrap();
        let Ok(Some(Notice::Route(_, route))) = LIFT.event(&message) else { panic!("{}", dialect.name) };
        let hop = &route.entry.next_hops[0];
        let (told, zone) = if dialect.scope == ScopeForm::None { ("fe80:9::1", 0) } else { ("fe80::1", 9) };
        assert_eq!((hop.gateway.unwrap().to_string().as_str(), hop.scope_id), (told, zone), "{}", dialect.name);
    }
}
