//! Requests that a kernel was given, byte for byte from the encoder.

use std::net::{Ipv4Addr, Ipv6Addr};

use waypost_pfroute::wire::{
    Axis, ByteOrder, EncodeError, FREEBSD, Message, Messages, Metric, RouteFlags, RouteOp, RouteRequest, SockaddrValue, Source,
};

use crate::captures::FREEBSD13;

/// Requests that the encoder cannot write, and must not.
const NOT_WRITTEN: [(u32, &str); 13] = [
    (253, "a gateway of 54 bytes, whose echo the kernel corrupts"),
    (274, "a mask without a family"),
    (280, "a destination of 8 bytes"),
    (286, "another version"),
    (289, "a length larger than the message"),
    (292, "a length smaller than the message"),
    (295, "bytes behind the last sockaddr"),
    (298, "an unknown type"),
    (304, "an address bit without a sockaddr"),
    (307, "a sockaddr of length zero"),
    (310, "family 99"),
    (313, "family 30"),
    (316, "a sockaddr that runs past the end"),
];

const PID: u32 = 27382;

fn inet(a: u8, b: u8, c: u8, d: u8) -> SockaddrValue<'static> {
    SockaddrValue::Inet(Ipv4Addr::new(a, b, c, d))
}

/// A request for 192.168.`net`.0/24.
fn net(net: u8, flags: RouteFlags, seq: u32, gateway: SockaddrValue, metrics: &[(Metric, u64)]) -> Vec<u8> {
    let addrs = [(Axis::Dst, inet(192, 168, net, 0)), (Axis::Gateway, gateway), (Axis::Netmask, inet(255, 255, 255, 0))];
    encode(&RouteRequest { flags, seq, metrics, addrs: &addrs, ..RouteRequest::new(RouteOp::Add) })
}

fn get(seq: u32, flags: RouteFlags, destination: SockaddrValue) -> Vec<u8> {
    encode(&RouteRequest { seq, flags, addrs: &[(Axis::Dst, destination)], ..RouteRequest::new(RouteOp::Get) })
}

fn encode(request: &RouteRequest<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    RouteRequest { pid: PID, ..*request }.encode(&FREEBSD, ByteOrder::Little, &mut bytes).unwrap();
    bytes
}

/// The requests that were captured, written anew.
fn written() -> Vec<(u32, Vec<u8>)> {
    let up = RouteFlags::UP;
    let via = up | RouteFlags::GATEWAY;
    let fixed = via | RouteFlags::STATIC;
    let router = inet(10, 0, 0, 254);
    let router6 = SockaddrValue::Inet6 { address: Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2), scope: 0 };
    let no_mask = [(Axis::Dst, inet(192, 168, 44, 0)), (Axis::Gateway, router)];
    let no_gateway = [(Axis::Dst, inet(192, 168, 50, 0)), (Axis::Netmask, inet(255, 255, 255, 0))];
    vec![
        (250, get(1066, RouteFlags::empty(), inet(172, 30, 1, 1))),
        (256, net(47, up | RouteFlags::STATIC, 1068, SockaddrValue::Interface(2), &[])),
        (259, get(1069, up, inet(192, 168, 46, 5))),
        (262, net(40, fixed | RouteFlags::PINNED, 1070, router, &[])),
        (265, net(41, fixed, 1071, router, &[(Metric::Weight, 7)])),
        (268, get(1072, RouteFlags::empty(), inet(192, 168, 41, 1))),
        (271, net(42, fixed, 1073, router6, &[])),
        (277, encode(&RouteRequest { flags: fixed, seq: 1075, addrs: &no_mask, ..RouteRequest::new(RouteOp::Add) })),
        (283, encode(&RouteRequest { flags: via, seq: 1077, addrs: &no_gateway, ..RouteRequest::new(RouteOp::Add) })),
        (301, encode(&RouteRequest { seq: 1083, ..RouteRequest::new(RouteOp::Get) })),
    ]
}

#[test]
fn every_request_is_written_as_captured() {
    let written = written();
    let requests = FREEBSD13.captures().into_iter().filter(|capture| capture.kind == "request");
    let mut compared = 0;
    for capture in requests {
        if NOT_WRITTEN.iter().any(|&(number, _)| number == capture.number()) {
            continue;
        }
        let (_, bytes) =
            written.iter().find(|&&(number, _)| number == capture.number()).unwrap_or_else(|| panic!("{}", capture.file));
        assert_eq!(bytes, &capture.bytes, "{}", capture.file);
        compared += 1;
    }
    assert_eq!(compared, written.len());
}

#[test]
fn a_request_reads_back_in_either_byte_order() {
    let address = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    let request = RouteRequest {
        flags: RouteFlags::UP | RouteFlags::PROTO1,
        seq: 0x0102_0304,
        metrics: &[(Metric::Mtu, 1400)],
        addrs: &[(Axis::Dst, SockaddrValue::Inet6 { address, scope: 9 }), (Axis::Gateway, SockaddrValue::Interface(0x0203))],
        ..RouteRequest::new(RouteOp::Change)
    };
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let mut bytes = Vec::new();
        request.encode(&FREEBSD, order, &mut bytes).unwrap();
        let Some(Ok(Message::Route(route))) = Messages::new(&FREEBSD, order, Source::Socket, &bytes).next() else {
            panic!("{order:?}")
        };
        assert_eq!((route.op(), route.seq(), route.flags()), (request.op, request.seq, request.flags));
        assert_eq!((route.metric(Metric::Mtu), route.inits()), (Some(1400), 1));
        assert_eq!(route.addrs().get(Axis::Dst), Some(waypost_pfroute::wire::Sockaddr::Inet6 { address, scope: 9 }));
        assert_eq!(route.addrs().link(Axis::Gateway).unwrap().index, 0x0203);
        assert_eq!(route.addrs().trailing(), 0);
    }
}

#[test]
fn what_cannot_be_said_is_refused_and_leaves_no_bytes() {
    let gateway_first = [(Axis::Gateway, inet(10, 0, 0, 1)), (Axis::Dst, inet(10, 0, 0, 0))];
    let twice = [(Axis::Dst, inet(10, 0, 0, 0)), (Axis::Dst, inet(10, 0, 0, 0))];
    let add = RouteRequest::new(RouteOp::Add);
    let dialect = "freebsd";
    for (request, error) in [
        (RouteRequest { addrs: &gateway_first, ..add }, EncodeError::Axis { dialect, axis: Axis::Dst }),
        (RouteRequest { addrs: &twice, ..add }, EncodeError::Axis { dialect, axis: Axis::Dst }),
        (
            RouteRequest { metrics: &[(Metric::NextHopIndex, 3)], ..add },
            EncodeError::Metric { dialect, metric: Metric::NextHopIndex, value: 3 },
        ),
        // The kernel would take it and forget it.
        (
            RouteRequest { metrics: &[(Metric::HopCount, 3)], ..add },
            EncodeError::Metric { dialect, metric: Metric::HopCount, value: 3 },
        ),
    ] {
        let mut bytes = vec![1, 2, 3];
        assert_eq!(request.encode(&FREEBSD, ByteOrder::Little, &mut bytes), Err(error));
        assert_eq!(bytes, [1, 2, 3]);
    }
}
