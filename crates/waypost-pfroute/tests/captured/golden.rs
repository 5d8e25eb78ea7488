//! What the codec reads equals what the kernel's own headers read, field for field.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use waypost_pfroute::wire::{
    AddressMessage, AnnounceMessage, Announced, Axis, ByteOrder, Change, Expected, FREEBSD, InterfaceMessage, Message, Messages,
    Metric, MulticastMessage, RawSockaddr, RouteMessage, RouteOp, Sockaddr, Sockaddrs, Source,
};

use crate::captures;

/// Captures that C read by force and the codec refuses, with what it says instead.
const REFUSED: [(u32, &str); 6] = [
    (286, "at byte 2: expected version 5, found 4"),
    (287, "at byte 2: expected version 5, found 4"),
    (289, "at byte 0: expected the 176 bytes that the message says it has, found 168"),
    (290, "at byte 0: expected the 176 bytes that the message says it has, found 168"),
    (298, "type 77"),
    (299, "type 77"),
];

#[test]
fn every_capture_decodes_as_recorded() {
    let mut compared = 0;
    for capture in captures::freebsd13() {
        if REFUSED.iter().any(|&(number, _)| number == capture.number()) {
            continue;
        }
        let recorded = match &capture.decoded {
            Value::Array(messages) => messages.as_slice(),
            message => std::slice::from_ref(message),
        };
        let mut messages = Messages::new(&FREEBSD, ByteOrder::Little, Source::Socket, &capture.bytes);
        for (nth, recorded) in recorded.iter().enumerate() {
            let message = messages.next().unwrap_or_else(|| panic!("{} ends before message {nth}", capture.file));
            let message = message.unwrap_or_else(|error| panic!("{} message {nth}: {error}", capture.file));
            assert_eq!(&render(&message), recorded, "{} message {nth}", capture.file);
            compared += 1;
        }
        let left = capture.bytes.len() - messages.offset();
        assert_eq!(left as u64, capture.leftover.unwrap_or(left as u64), "{}", capture.file);
        match messages.next() {
            None => assert!(left == 0 || capture.number() == 292 || capture.number() == 293, "{}", capture.file),
            // FreeBSD 13.0 calls a dump that the buffer was too short for a success.
            Some(last) => assert!(capture.number() == 323 && last.is_err(), "{}: {last:?}", capture.file),
        }
    }
    assert_eq!(compared, 317);
}

#[test]
fn what_is_refused_says_why() {
    let captures = captures::freebsd13();
    for (number, why) in REFUSED {
        let capture = captures.iter().find(|capture| capture.number() == number).unwrap();
        match Messages::new(&FREEBSD, ByteOrder::Little, Source::Socket, &capture.bytes).next() {
            Some(Err(malformed)) => {
                assert_eq!(malformed.error.to_string(), why);
                assert_eq!(malformed.bytes, capture.bytes);
            }
            Some(Ok(Message::Unknown { number, bytes })) => {
                assert_eq!(format!("type {number}"), why);
                assert_eq!(bytes, capture.bytes);
            }
            other => panic!("{}: {other:?}", capture.file),
        }
    }
}

#[test]
fn a_sockaddr_past_the_end_is_a_fault_and_not_a_panic() {
    let captures = captures::freebsd13();
    for (number, offset, expected) in [
        (304, 152, Expected::Sockaddr),
        (316, 152, Expected::SockaddrBody { length: 200, found: 16 }),
        (293, 152, Expected::SockaddrBody { length: 16, found: 8 }),
    ] {
        let capture = captures.iter().find(|capture| capture.number() == number).unwrap();
        let Some(Ok(Message::Route(route))) = Messages::new(&FREEBSD, ByteOrder::Little, Source::Socket, &capture.bytes).next()
        else {
            panic!("{}", capture.file);
        };
        let fault = route.addrs().fault().unwrap();
        assert_eq!((fault.offset, fault.expected), (offset, expected), "{}", capture.file);
    }
}

#[test]
fn a_dump_of_14_1_has_the_routes_that_another_parser_found() {
    let bytes = captures::read("freebsd-14.1-amd64/dump-inet.bin");
    let expected: Value = serde_json::from_slice(&captures::read("freebsd-14.1-amd64/dump-inet.json")).unwrap();
    let mut expected = expected["expected"].as_array().unwrap().clone();
    // 224.0.0.0/4 is that parser's own addition.
    expected.retain(|route| route[0] != 0xe000_0000_u32);

    let routes = Messages::new(&FREEBSD, ByteOrder::Little, Source::Socket, &bytes).map(|message| {
        let Ok(Message::Route(route)) = message else { panic!("{message:?}") };
        let addrs = route.addrs();
        let inet = |axis| match addrs.get(axis) {
            Some(Sockaddr::Inet(address)) => Some(address),
            _ => None,
        };
        let name = String::from_utf8(addrs.link(Axis::Ifp).unwrap().name.to_vec()).unwrap();
        let gateway = inet(Axis::Gateway).unwrap_or(std::net::Ipv4Addr::UNSPECIFIED).to_string();
        let mask = inet(Axis::Netmask).map_or(u32::MAX, u32::from);
        json!([u32::from(inet(Axis::Dst).unwrap()), mask, gateway, name, inet(Axis::Ifa).unwrap().to_string(), 1])
    });
    assert_eq!(routes.collect::<Vec<_>>(), expected);
}

/// The message as the index records it.
fn render(message: &Message<'_>) -> Value {
    let (mut fields, addrs) = match message {
        Message::Route(route) => (render_route(route), Some(route.addrs())),
        Message::Address(address) => (render_address(address), Some(address.addrs())),
        Message::Multicast(multicast) => (render_multicast(multicast), Some(multicast.addrs())),
        Message::Interface(interface) => (render_interface(interface), Some(interface.addrs())),
        Message::Announce(announce) => (render_announce(announce), None),
        other => panic!("{other:?}"),
    };
    let object = fields.as_object_mut().unwrap();
    object.insert("version".to_owned(), json!(5));
    if let Some(addrs) = addrs {
        object.insert("addrs_list".to_owned(), render_addrs(addrs));
        object.insert("trailing_bytes".to_owned(), json!(addrs.trailing()));
    }
    fields
}

fn render_route(route: &RouteMessage<'_>) -> Value {
    let number = match route.op() {
        RouteOp::Add => 1,
        RouteOp::Delete => 2,
        RouteOp::Change => 3,
        RouteOp::Get => 4,
        RouteOp::Lock => 8,
        other => panic!("no capture has {other:?}"),
    };
    let metric = |metric| route.metric(metric).unwrap();
    json!({
        "msglen": route.bytes().len(),
        "type": number,
        "struct": "rt_msghdr",
        "index": route.index(),
        "flags": route.raw_flags(),
        "addrs": route.raw_addrs(),
        "pid": route.pid(),
        "seq": route.seq(),
        "errno": route.errno(),
        "fmask": route.raw_flag_mask(),
        "inits": route.inits(),
        "rmx_locks": route.locks(),
        "rmx_mtu": metric(Metric::Mtu),
        "rmx_hopcount": metric(Metric::HopCount),
        "rmx_expire": metric(Metric::Expire),
        "rmx_recvpipe": metric(Metric::ReceivePipe),
        "rmx_sendpipe": metric(Metric::SendPipe),
        "rmx_ssthresh": metric(Metric::SlowStartThreshold),
        "rmx_rtt": metric(Metric::Rtt),
        "rmx_rttvar": metric(Metric::RttVariance),
        "rmx_pksent": metric(Metric::PacketsSent),
        "rmx_weight": metric(Metric::Weight),
        "rmx_nhidx": metric(Metric::NextHopIndex),
    })
}

fn render_address(address: &AddressMessage<'_>) -> Value {
    json!({
        "msglen": address.bytes().len(),
        "type": match address.change() { Change::Added => 12, Change::Removed => 13, other => panic!("{other:?}") },
        "struct": "ifa_msghdr",
        "addrs": address.raw_addrs(),
        "flags": address.raw_flags(),
        "metric": address.metric(),
        "index": address.index(),
    })
}

fn render_multicast(multicast: &MulticastMessage<'_>) -> Value {
    json!({
        "msglen": multicast.bytes().len(),
        "type": match multicast.change() { Change::Added => 15, Change::Removed => 16, other => panic!("{other:?}") },
        "struct": "ifma_msghdr",
        "addrs": multicast.raw_addrs(),
        "flags": multicast.raw_flags(),
        "index": multicast.index(),
    })
}

fn render_interface(interface: &InterfaceMessage<'_>) -> Value {
    json!({
        "msglen": interface.bytes().len(),
        "type": 14,
        "struct": "if_msghdr",
        "addrs": interface.raw_addrs(),
        "flags": interface.raw_flags(),
        "index": interface.index(),
        "ifi_type": interface.kind(),
        "ifi_addrlen": interface.address_length(),
        "ifi_hdrlen": interface.header_length(),
        "ifi_link_state": interface.link_state(),
        "ifi_mtu": interface.mtu(),
        "ifi_metric": interface.metric(),
        "ifi_baudrate": interface.baud_rate(),
        // These the codec does not read; they are the same in every capture.
        "ifi_physical": 0,
        "ifi_vhid": 0,
        "ifi_datalen": 152,
    })
}

fn render_announce(announce: &AnnounceMessage<'_>) -> Value {
    json!({
        "msglen": announce.bytes().len(),
        "type": 17,
        "struct": "if_announcemsghdr",
        "index": announce.index(),
        "name": String::from_utf8_lossy(announce.name()),
        "what": match announce.what() { Announced::Arrival => 0, Announced::Departure => 1, other => panic!("{other:?}") },
    })
}

fn render_addrs(addrs: &Sockaddrs<'_>) -> Value {
    let mut list: Map<String, Value> =
        addrs.iter().map(|(axis, raw)| (axis_name(axis).to_owned(), render_sockaddr(raw, addrs.get(axis).unwrap()))).collect();
    // The index has null for a sockaddr that is announced and absent; in every such capture it is the destination.
    if addrs.fault().is_some_and(|fault| fault.expected == Expected::Sockaddr) {
        list.insert("dst".to_owned(), Value::Null);
    }
    Value::Object(list)
}

fn axis_name(axis: Axis) -> &'static str {
    match axis {
        Axis::Dst => "dst",
        Axis::Gateway => "gateway",
        Axis::Netmask => "netmask",
        Axis::Ifp => "ifp",
        Axis::Ifa => "ifa",
        Axis::Brd => "brd",
        other => panic!("no capture has {other:?}"),
    }
}

fn render_sockaddr(raw: RawSockaddr<'_>, sockaddr: Sockaddr<'_>) -> Value {
    let mut value = json!({ "len": raw.length(), "family": raw.family(), "hex": hex(raw.bytes(), "") });
    let fields = match sockaddr {
        Sockaddr::Inet(address) => json!({ "inet": address.to_string() }),
        Sockaddr::Inet6 { address, scope } => {
            let groups = address.segments().map(|segment| format!("{segment:04x}"));
            json!({ "inet6": groups.join(":"), "scope_id": scope })
        }
        Sockaddr::Link(link) => json!({
            "sdl_index": link.index,
            "sdl_type": link.kind,
            "nlen": link.name.len(),
            "alen": link.address.len(),
            // The codec does not read the selector's length; it is zero in every capture.
            "slen": 0,
            "name": String::from_utf8_lossy(link.name),
            "lladdr": hex(link.address, ":"),
        }),
        Sockaddr::Unknown { .. } => json!({}),
        other => panic!("{other:?}"),
    };
    value.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    value
}

fn hex(bytes: &[u8], separator: &str) -> String {
    let mut text = String::new();
    for (nth, byte) in bytes.iter().enumerate() {
        write!(text, "{}{byte:02x}", if nth == 0 { "" } else { separator }).unwrap();
    }
    text
}
