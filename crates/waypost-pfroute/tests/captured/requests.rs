//! Requests that a kernel was given, byte for byte from the encoder.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::Value;
use waypost_pfroute::wire::{
    Axis, ByteOrder, Dialect, EncodeError, FREEBSD, LinkSockaddr, Message, Messages, Metric, RouteFlags, RouteOp, RouteRequest,
    ScopeForm, SockaddrValue, Source,
};

use crate::captures::{FREEBSD13, NETBSD799, System};

/// Requests that the encoder cannot write, and must not.
const NOT_WRITTEN_FREEBSD: [(u32, &str); 13] = [
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

const NOT_WRITTEN_NETBSD: [(u32, &str); 7] = [
    (55, "address bits without sockaddrs"),
    (109, "a mask of length zero"),
    (112, "a mask of length zero"),
    (115, "a trimmed mask"),
    (118, "a trimmed mask"),
    (190, "a zone behind a link-local address, where this kernel does not look for it"),
    (208, "a zone behind a link-local address, where this kernel does not look for it"),
];

/// What a sockaddr is made of, kept for as long as the request is.
struct Recorded {
    axis: Axis,
    inet: Option<Ipv4Addr>,
    inet6: Option<(Ipv6Addr, u32)>,
    index: u32,
    kind: u8,
    name: Vec<u8>,
    address: Vec<u8>,
}

impl Recorded {
    /// The sockaddr as C has read it.
    fn new(dialect: &Dialect, axis: Axis, value: &Value) -> Self {
        let number = |key: &str| u32::try_from(value[key].as_u64().unwrap_or(0)).unwrap();
        let text = |key: &str| value[key].as_str();
        let hex = text("lladdr").unwrap_or_default().split(':').filter(|byte| !byte.is_empty());
        Self {
            axis,
            inet: text("inet").map(|address| address.parse().unwrap()),
            inet6: text("inet6").map(|address| zoned(dialect, address.parse().unwrap(), number("scope_id"))),
            index: number("sdl_index"),
            kind: u8::try_from(number("sdl_type")).unwrap(),
            name: text("name").unwrap_or_default().as_bytes().to_vec(),
            address: hex.map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect(),
        }
    }

    fn value(&self) -> (Axis, SockaddrValue<'_>) {
        let value = match (self.inet, self.inet6) {
            (Some(address), _) => SockaddrValue::Inet(address),
            (_, Some((address, scope))) => SockaddrValue::Inet6 { address, scope },
            _ => SockaddrValue::Link(LinkSockaddr::new(self.index, self.kind, &self.name, &self.address)),
        };
        (self.axis, value)
    }
}

/// The address and its zone, which one of the kernels has in the address.
fn zoned(dialect: &Dialect, address: Ipv6Addr, scope: u32) -> (Ipv6Addr, u32) {
    let mut segments = address.segments();
    if dialect.scope == ScopeForm::Embedded && segments[0] == 0xfe80 && segments[1] != 0 {
        let zone = std::mem::take(&mut segments[1]);
        return (segments.into(), zone.into());
    }
    (address, scope)
}

/// Writes what C has read from a request.
fn written(dialect: &'static Dialect, recorded: &Value) -> Vec<u8> {
    let number = |key: &str| u32::try_from(recorded[key].as_u64().unwrap_or(0)).unwrap();
    let op = [RouteOp::Add, RouteOp::Delete, RouteOp::Change, RouteOp::Get, RouteOp::Lock]
        .into_iter()
        .find(|&op| dialect.route_type(op).map(u32::from) == Some(number("type")))
        .unwrap();
    let metrics: Vec<(Metric, u64)> = METRICS
        .into_iter()
        .filter(|(_, _, bit)| number("inits") & bit != 0)
        .map(|(metric, key, _)| (metric, u64::from(number(key))))
        .collect();
    let locks: Vec<Metric> =
        METRICS.into_iter().filter(|(_, _, bit)| number("rmx_locks") & bit != 0).map(|(metric, _, _)| metric).collect();
    let list = recorded["addrs_list"].as_object().unwrap();
    let known = dialect.axes.iter().filter_map(|&axis| Some(Recorded::new(dialect, axis, list.get(axis.name())?)));
    let known: Vec<Recorded> = known.collect();
    let addrs: Vec<(Axis, SockaddrValue<'_>)> = known.iter().map(Recorded::value).collect();
    let flags = dialect.flags(number("flags"));
    assert_eq!(dialect.flag_word(flags), Some(number("flags")), "every bit has a name");
    let request = RouteRequest {
        flags,
        index: number("index"),
        pid: number("pid"),
        seq: number("seq"),
        metrics: &metrics,
        locks: &locks,
        addrs: &addrs,
        ..RouteRequest::new(op)
    };
    let mut bytes = Vec::new();
    request.encode(dialect, ByteOrder::Little, &mut bytes).unwrap();
    bytes
}

/// Those that requests were captured with.
const METRICS: [(Metric, &str, u32); 5] = [
    (Metric::Mtu, "rmx_mtu", 0x1),
    (Metric::HopCount, "rmx_hopcount", 0x2),
    (Metric::Expire, "rmx_expire", 0x4),
    (Metric::ReceivePipe, "rmx_recvpipe", 0x8),
    (Metric::Weight, "rmx_weight", 0x100),
];

#[test]
fn every_request_is_written_as_captured() {
    assert_eq!(compare(&FREEBSD13, &NOT_WRITTEN_FREEBSD), 10);
    assert_eq!(compare(&NETBSD799, &NOT_WRITTEN_NETBSD), 62);
}

/// Compares all requests of a system but those that are excluded, of which each must be one.
fn compare(system: &System, excluded: &[(u32, &str)]) -> usize {
    let requests: Vec<_> = system.captures().into_iter().filter(|capture| capture.kind == "request").collect();
    for (number, why) in excluded {
        assert!(requests.iter().any(|capture| capture.number() == *number), "{number}: {why}");
    }
    let compared = requests.iter().filter(|capture| excluded.iter().all(|&(number, _)| number != capture.number()));
    compared.inspect(|capture| assert_eq!(written(system.dialect, &capture.decoded), capture.bytes, "{}", capture.file)).count()
}

fn inet(a: u8, b: u8, c: u8, d: u8) -> SockaddrValue<'static> {
    SockaddrValue::Inet(Ipv4Addr::new(a, b, c, d))
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
