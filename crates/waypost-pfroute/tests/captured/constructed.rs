//! Messages that no capture has, and every dialect's requests: see `tests/data/README.md`.

use std::time::Duration;

use waypost_core::{IfIndex, NextHop, Notice, Protocol, Route, TableId};
use waypost_pfroute::lift::{Asked, Lift, Lower, LowerError};
use waypost_pfroute::wire::{
    Axis, ByteOrder, DIALECTS, DRAGONFLY, Dialect, FREEBSD, FREEBSD_I386, ILLUMOS, MACOS, Message, Messages, Metric, NETBSD,
    OPENBSD, RouteFlags, RouteOp, Sockaddr, Source,
};

use crate::captures;

const LIFT: Lift = Lift { table: TableId(0), since_epoch: Duration::ZERO };

fn bytes(name: &str) -> Vec<u8> {
    let text = String::from_utf8(captures::read("constructed.txt")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    let digits = line.trim().as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn route(text: &str) -> Route {
    let mut route: Route = text.parse().unwrap();
    route.slot.table = TableId(0);
    route.entry.protocol = Protocol::STATIC;
    route
}

fn lower(dialect: &'static Dialect, order: ByteOrder) -> Lower {
    Lower { dialect, order, table: TableId(0), since_epoch: Duration::from_secs(1000) }
}

fn written(dialect: &'static Dialect, op: RouteOp, route: &Route, seq: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    lower(dialect, ByteOrder::Little).route(op, route, Asked { seq, pid: 0 }, &mut bytes).unwrap();
    bytes
}

#[test]
fn requests_are_written_as_each_system_wants_them() {
    let plain = route("192.0.2.0/24 via 198.51.100.1");
    let with_mtu = route("192.0.2.0/24 via 198.51.100.1 mtu 1400");
    let mut in_table = plain.clone();
    (in_table.slot.table, in_table.slot.priority) = (TableId(5), 8);
    let mut scoped = plain.clone();
    scoped.slot.interface_scope = IfIndex::new(5);
    let interface = IfIndex::new(3).unwrap();
    let mut by_link = route("2001:db8::/32");
    by_link.entry.next_hops = NextHop::via("fe80::1".parse().unwrap()).with_interface(interface).into();
    for (name, dialect, route, seq) in [
        ("F1", &FREEBSD, &plain, 1),
        ("F2", &FREEBSD_I386, &with_mtu, 1),
        ("N1", &NETBSD, &plain, 1),
        ("O1", &OPENBSD, &in_table, 1),
        ("D1", &DRAGONFLY, &with_mtu, 1),
        ("M1", &MACOS, &scoped, 1),
        ("I1", &ILLUMOS, &plain, 1),
        ("I2", &ILLUMOS, &by_link, 2),
    ] {
        assert_eq!(written(dialect, RouteOp::Add, route, seq), bytes(name), "{name}");
    }
}

/// What an example says of the portable model.
fn said(dialect: &'static Dialect, source: Source, name: &str) -> Notice {
    let bytes = bytes(name);
    let mut messages = Messages::new(dialect, ByteOrder::Little, source, &bytes);
    let message = messages.next().unwrap().unwrap();
    assert!(messages.next().is_none());
    let notice = match source {
        Source::Socket => LIFT.event(&message),
        Source::Sysctl => LIFT.listed(&message),
    };
    notice.unwrap().unwrap()
}

#[test]
fn what_no_capture_has_is_read_as_it_was_meant() {
    for (name, dialect, source, text) in [
        (
            "F3",
            &FREEBSD,
            Source::Sysctl,
            "fe80::/64 dev if2 table 0 proto kernel scope link ifscope 2 up flags 0x100000 pref medium",
        ),
        ("F4", &FREEBSD, Source::Socket, "2: inet 192.0.2.7/24 brd 192.0.2.255"),
        ("N2", &NETBSD, Source::Sysctl, "default via 198.51.100.1 dev if1 table 0 proto static rt_static up"),
        ("N3", &NETBSD, Source::Sysctl, "198.51.100.0/22 dev if1 table 0 proto kernel scope link cloning up"),
        ("N4", &NETBSD, Source::Socket, "1: inet 192.0.2.7/24 brd 192.0.2.255"),
        ("O3", &OPENBSD, Source::Sysctl, "default via 198.51.100.1 dev if1 table 0 proto static priority 8 rt_static up"),
        ("D2", &DRAGONFLY, Source::Socket, "2: inet 192.0.2.7/24 brd 192.0.2.255"),
        ("M2", &MACOS, Source::Sysctl, "default via 198.51.100.1 dev if5 table 0 proto static rt_static up"),
        ("M4", &MACOS, Source::Sysctl, "default via fe80::1 dev if5 table 0 proto unspec up pref medium"),
    ] {
        let said = match said(dialect, source, name) {
            Notice::Route(_, route) => route.to_string(),
            Notice::Address(_, address) => format!(
                "{}: inet {}/{} brd {}",
                address.interface,
                address.local,
                address.prefix_length,
                address.broadcast.unwrap()
            ),
            other => panic!("{other:?}"),
        };
        assert_eq!(said, text, "{name}");
    }
    let Notice::Link(_, link) = said(&DRAGONFLY, Source::Socket, "D3") else { panic!("a link") };
    assert_eq!((link.index.get(), link.mtu, link.has_carrier()), (2, 1500, true));
    assert!(matches!(said(&OPENBSD, Source::Socket, "O2"), Notice::Overrun));
}

#[test]
fn a_label_and_name_servers_are_read() {
    let label = bytes("O3");
    let Some(Ok(Message::Route(route))) = Messages::new(&OPENBSD, ByteOrder::Little, Source::Sysctl, &label).next() else {
        panic!("a route");
    };
    assert_eq!(route.addrs().get(Axis::Label), Some(Sockaddr::Label(b"uplink")));
    assert_eq!((route.pid(), route.metric(Metric::PacketsSent)), (4242, Some(9)));
    let servers = bytes("O4");
    let Some(Ok(Message::Route(proposal))) = Messages::new(&OPENBSD, ByteOrder::Little, Source::Socket, &servers).next() else {
        panic!("a proposal");
    };
    assert_eq!((proposal.op(), proposal.priority()), (RouteOp::Proposal, 58));
    let dns = proposal.addrs().raw(Axis::Dns).unwrap();
    assert_eq!(dns.bytes(), [10, 2, 192, 0, 2, 53, 192, 0, 2, 54]);
}

#[test]
fn the_last_padding_may_be_missing_on_one_systems_sockets() {
    let event = bytes("M3");
    let trailing = |source| {
        let Some(Ok(Message::Route(route))) = Messages::new(&MACOS, ByteOrder::Little, source, &event).next() else {
            panic!("a route");
        };
        assert_eq!(route.addrs().fault(), None);
        assert_eq!(LIFT.route(&route).unwrap().slot.destination.to_string(), "192.0.2.0/24");
        route.addrs().trailing()
    };
    assert_eq!(trailing(Source::Socket), 0);
    assert_eq!(trailing(Source::Sysctl), -1, "a dump has it");
}

/// What the kernel would tell all listeners once it has done what the request says.
fn echoed(dialect: &'static Dialect, order: ByteOrder, op: RouteOp, route: &Route) -> Result<Route, LowerError> {
    let mut bytes = Vec::new();
    lower(dialect, order).route(op, route, Asked::default(), &mut bytes)?;
    let flags = dialect.request.flags;
    let word = flags.read(order, &bytes).unwrap() | u64::from(dialect.flag_word(RouteFlags::DONE).unwrap());
    assert!(flags.write(order, &mut bytes, word));
    let message = Messages::new(dialect, order, Source::Socket, &bytes).next().unwrap().unwrap();
    let lift = Lift { table: TableId(0), since_epoch: Duration::from_secs(1000) };
    let Message::Route(message) = message else { panic!("{message:?}") };
    assert_eq!((message.op(), message.addrs().fault(), message.addrs().trailing()), (op, None, 0));
    Ok(lift.route(&message).unwrap())
}

#[test]
fn a_route_comes_back_as_it_was_asked_for() {
    let mut labelled = 0;
    for dialect in DIALECTS {
        for order in [ByteOrder::Little, ByteOrder::Big] {
            for text in [
                "192.0.2.0/24 via 198.51.100.1",
                "192.0.2.1 via 198.51.100.1",
                "192.0.2.0/24 via 198.51.100.1 dev if3",
                "192.0.2.0/24 dev if3 scope link",
                "default via fe80::1 dev if3",
                "default via 198.51.100.1 mtu 1400",
                "default via 198.51.100.1 mtu lock 1400",
                "default via 198.51.100.1 proto1",
                "2001:db8::/32 via 2001:db8:1::1",
                "2001:db8::1 via 2001:db8:1::1",
                "default via 2001:db8:1::1 expires 5sec",
                "blackhole 192.0.2.0/24",
                "unreachable 2001:db8::/32",
            ] {
                let mut asked = route(text);
                asked.entry.flags |= waypost_core::RouteFlags::UP | waypost_core::RouteFlags::STATIC;
                let Ok(told) = echoed(dialect, order, RouteOp::Add, &asked) else {
                    // The one system that forgets expiry, and wants an address where others take an interface.
                    let is_known = text.contains("expires") || text.contains("scope link");
                    assert!(dialect.name == "illumos" && is_known, "{}: {text}", dialect.name);
                    continue;
                };
                if asked.entry.next_hops.is_empty() {
                    asked.entry.next_hops = told.entry.next_hops.clone();
                }
                // A route's own MTU is told from its interface's by a mark or a lock on these.
                let is_hidden = dialect.name.starts_with("freebsd") || (dialect.name == "macos" && !text.contains("lock"));
                if is_hidden {
                    asked.entry.metrics = told.entry.metrics.clone();
                }
                assert_eq!(told, asked, "{}: {text}", dialect.name);
                labelled += 1;
            }
        }
    }
    assert_eq!(labelled, DIALECTS.len() * 2 * 13 - 4);
}
