//! What the codec reads equals what the kernels' own headers read, field for field.

use std::net::{IpAddr, Ipv4Addr};

use serde_json::Value;
use waypost_pfroute::wire::{
    Axis, ByteOrder, Dialect, Expected, FREEBSD, MACOS, Message, Messages, NETBSD, OPENBSD, RouteFlags, RouteMessage, Sockaddr,
    Source,
};

use crate::captures::{self, Capture, FREEBSD13, NETBSD799, System};
use crate::record::render;

#[test]
fn every_capture_decodes_as_recorded() {
    assert_eq!(compare(&FREEBSD13), 317);
    assert_eq!(compare(&NETBSD799), 275);
}

/// Compares all captures of a system but those that are refused; gives the number of messages.
fn compare(system: &System) -> usize {
    let mut compared = 0;
    for capture in system.captures() {
        if system.refused.iter().any(|&(number, _)| number == capture.number()) {
            continue;
        }
        let recorded = match &capture.decoded {
            Value::Array(messages) => messages.as_slice(),
            message => std::slice::from_ref(message),
        };
        let mut messages = messages(system, &capture);
        for (nth, recorded) in recorded.iter().enumerate() {
            let message = messages.next().unwrap_or_else(|| panic!("{} ends before message {nth}", capture.file));
            let message = message.unwrap_or_else(|error| panic!("{} message {nth}: {error}", capture.file));
            assert_eq!(&render(system.dialect, &message), recorded, "{} message {nth}", capture.file);
            compared += 1;
        }
        let left = capture.bytes.len() - messages.offset();
        assert_eq!(left as u64, capture.leftover.unwrap_or(left as u64), "{}", capture.file);
        match messages.next() {
            None => assert!(left == 0 || system.zeros_behind.contains(&capture.number()), "{}", capture.file),
            Some(last) => assert!(system.cut_short.contains(&capture.number()) && last.is_err(), "{}: {last:?}", capture.file),
        }
    }
    compared
}

fn messages<'a>(system: &System, capture: &'a Capture) -> Messages<'a> {
    Messages::new(system.dialect, ByteOrder::Little, capture.source(), &capture.bytes)
}

#[test]
fn what_is_refused_says_why() {
    for system in [&FREEBSD13, &NETBSD799] {
        for &(number, why) in system.refused {
            let capture = system.capture(number);
            match messages(system, &capture).next() {
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
}

#[test]
fn a_sockaddr_past_the_end_is_a_fault_and_not_a_panic() {
    for (system, number, offset, expected) in [
        (&FREEBSD13, 304, 152, Expected::Sockaddr),
        (&FREEBSD13, 316, 152, Expected::SockaddrBody { length: 200, found: 16 }),
        (&FREEBSD13, 293, 152, Expected::SockaddrBody { length: 16, found: 8 }),
        (&NETBSD799, 268, 120, Expected::Sockaddr),
        (&NETBSD799, 280, 120, Expected::SockaddrBody { length: 200, found: 16 }),
        (&NETBSD799, 256, 120, Expected::SockaddrBody { length: 16, found: 8 }),
        // RTA_IFP and RTA_IFA with nothing behind them.
        (&NETBSD799, 55, 136, Expected::Sockaddr),
    ] {
        let capture = system.capture(number);
        let Some(Ok(Message::Route(route))) = messages(system, &capture).next() else { panic!("{}", capture.file) };
        let fault = route.addrs().fault().unwrap();
        assert_eq!((fault.offset, fault.expected), (offset, expected), "{}", capture.file);
    }
}

/// A dump of a real machine, and how far the other parser's reading of it goes.
struct Dump {
    dialect: &'static Dialect,
    path: &'static str,
    /// Interfaces that no message names.
    names: &'static [(u32, &'static str)],
    /// It reads masks that the kernel has trimmed as others, and says /32 or /24 for them.
    reads_masks: bool,
    /// It leaves out what was cloned through a gateway.
    lists_clones: bool,
    /// How many routes to 224.0.0.0/4 it adds, which are in no message.
    adds: usize,
}

const DUMPS: [Dump; 5] = [
    Dump { adds: 2, ..Dump::new(&FREEBSD, "freebsd-14.1-amd64/dump-inet") },
    Dump { adds: 2, reads_masks: false, ..Dump::new(&NETBSD, "netbsd-10.0-amd64/dump-inet") },
    Dump::new(&OPENBSD, "openbsd-7.5-amd64/dump-inet"),
    Dump::new(&OPENBSD, "openbsd-7.5-amd64/dump-inet6"),
    Dump {
        names: &[(1, "lo0"), (5, "en0")],
        reads_masks: false,
        lists_clones: false,
        ..Dump::new(&MACOS, "macos-14.5-x86_64/dump-inet")
    },
];

/// Where the dumps of real machines are, without the endings of their files.
pub(crate) fn dump_paths() -> impl Iterator<Item = &'static str> {
    DUMPS.iter().map(|dump| dump.path)
}

impl Dump {
    const fn new(dialect: &'static Dialect, path: &'static str) -> Self {
        Self { dialect, path, names: &[], reads_masks: true, lists_clones: true, adds: 0 }
    }

    /// What the other parser found: network, prefix length, gateway, interface, source address.
    fn expected(&self) -> Vec<Row> {
        let found: Value = serde_json::from_slice(&captures::read(&format!("{}.json", self.path))).unwrap();
        let all = found["expected"].as_array().unwrap();
        let is_added = |row: &&Value| self.adds != 0 && row[0] == 0xe000_0000_u32;
        assert_eq!(all.iter().filter(is_added).count(), self.adds);
        all.iter().filter(|row| !is_added(row)).map(|row| self.row(row)).collect()
    }

    fn row(&self, row: &Value) -> Row {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (network, length) = match row[0].as_u64() {
            Some(network) => {
                let mask = u32::try_from(row[1].as_u64().unwrap()).unwrap();
                (Ipv4Addr::from(u32::try_from(network).unwrap()).into(), u64::from(mask.leading_ones()))
            }
            None => (text(&row[0]).parse().unwrap(), row[1].as_u64().unwrap()),
        };
        let source = row[4].as_str().map_or_else(|| text(&row[4][0]), str::to_owned);
        let length = self.reads_masks.then(|| u8::try_from(length).unwrap());
        Row { network, length, gateway: text(&row[2]).parse().unwrap(), interface: text(&row[3]), source: source.parse().ok() }
    }

    /// What the messages say, in the same words.
    fn rows(&self) -> Vec<Row> {
        let bytes = captures::read(&format!("{}.bin", self.path));
        let messages = Messages::new(self.dialect, ByteOrder::Little, Source::Sysctl, &bytes);
        let routes = messages.map(|message| match message {
            Ok(Message::Route(route)) => route,
            other => panic!("{other:?}"),
        });
        let routes = routes.filter(|route| {
            assert_eq!(route.addrs().fault(), None);
            assert_eq!(route.addrs().trailing(), 0, "padding and all");
            self.lists_clones || !route.flags().contains(RouteFlags::CLONED | RouteFlags::GATEWAY)
        });
        routes.map(|route| self.said(&route)).collect()
    }

    fn said(&self, route: &RouteMessage<'_>) -> Row {
        let addrs = route.addrs();
        let address = |axis| match addrs.get(axis) {
            Some(Sockaddr::Inet(address)) => Some(IpAddr::V4(address)),
            Some(Sockaddr::Inet6 { address, .. }) => {
                // The zone is in the second group on this system.
                let [first, zone, rest @ ..] = address.segments();
                let is_local = matches!(first, 0xfe80 | 0xff01 | 0xff02);
                let [c, d, e, f, g, h] = rest;
                Some(IpAddr::from([first, if is_local { 0 } else { zone }, c, d, e, f, g, h]))
            }
            _ => None,
        };
        let network = address(Axis::Dst).unwrap();
        let length = match address(Axis::Netmask) {
            Some(IpAddr::V4(mask)) => u32::from(mask).leading_ones(),
            Some(IpAddr::V6(mask)) => u128::from(mask).leading_ones(),
            None => 32,
        };
        let links = [addrs.link(Axis::Ifp), addrs.link(Axis::Gateway)].into_iter().flatten();
        let named = links.map(|link| link.name).find(|name| !name.is_empty());
        let known = || self.names.iter().find(|(index, _)| *index == route.index()).map_or("hvn0", |&(_, name)| name);
        Row {
            network,
            length: self.reads_masks.then(|| u8::try_from(length).unwrap()),
            gateway: address(Axis::Gateway).unwrap_or(Ipv4Addr::UNSPECIFIED.into()),
            interface: named.map_or_else(|| known().to_owned(), |name| String::from_utf8(name.to_vec()).unwrap()),
            source: address(Axis::Ifa),
        }
    }
}

#[derive(PartialEq, Debug)]
struct Row {
    network: IpAddr,
    length: Option<u8>,
    gateway: IpAddr,
    interface: String,
    source: Option<IpAddr>,
}

#[test]
fn dumps_have_the_routes_that_another_parser_found() {
    for dump in &DUMPS {
        assert_eq!(dump.rows(), dump.expected(), "{}", dump.path);
    }
}
