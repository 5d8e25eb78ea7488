//! Damaged captures: whatever the bytes, the walk ends, stays inside the buffer and finds what is still whole.

use std::collections::HashSet;
use std::ops::Range;
use std::time::Duration;

use waypost_core::TableId;
use waypost_pfroute::lift::Lift;
use waypost_pfroute::wire::{
    Axis, ByteOrder, DIALECTS, Dialect, FREEBSD, MACOS, Message, Messages, NETBSD, OPENBSD, RouteMessage, Sockaddrs, Source,
};

use crate::captures::{self, SYSTEMS};

const LIFT: Lift = Lift { table: TableId(0), since_epoch: Duration::ZERO };

/// How many messages are walked over at once. The walk remembers nothing but where it is, so what a wrong byte does
/// is seen on the message that it is in and those behind it.
const WINDOW: usize = 3;

/// A few messages of a capture, one behind the other.
struct Window {
    dialect: &'static Dialect,
    source: Source,
    name: String,
    bytes: Vec<u8>,
}

impl Window {
    fn walk(&self, bytes: &[u8]) -> Vec<bool> {
        walk(self.dialect, ByteOrder::Little, self.source, bytes)
    }
}

/// Every message of every capture once, as the first of a window: what one socket read, others did too.
fn windows() -> Vec<Window> {
    let mut buffers = Vec::new();
    for system in SYSTEMS {
        let captures = system.captures().into_iter();
        buffers.extend(captures.map(|capture| (system.dialect, capture.source(), capture.file, capture.bytes)));
    }
    for (dialect, path) in [
        (&FREEBSD, "freebsd-14.1-amd64/dump-inet.bin"),
        (&NETBSD, "netbsd-10.0-amd64/dump-inet.bin"),
        (&OPENBSD, "openbsd-7.5-amd64/dump-inet.bin"),
        (&OPENBSD, "openbsd-7.5-amd64/dump-inet6.bin"),
        (&MACOS, "macos-14.5-x86_64/dump-inet.bin"),
    ] {
        buffers.push((dialect, Source::Sysctl, path.to_owned(), captures::read(path)));
    }
    let mut seen = HashSet::new();
    let mut windows = Vec::new();
    for (dialect, source, name, bytes) in buffers {
        let spans = spans(&bytes);
        if spans.is_empty() && seen.insert(bytes.clone()) {
            windows.push(Window { dialect, source, name, bytes });
            continue;
        }
        for (nth, span) in spans.iter().enumerate() {
            if seen.insert(bytes[span.clone()].to_vec()) {
                let end = spans[spans.len().min(nth + WINDOW) - 1].end;
                let bytes = bytes[span.start..end].to_vec();
                windows.push(Window { dialect, source, name: format!("{name} message {nth}"), bytes });
            }
        }
    }
    windows
}

#[test]
fn a_cut_spoils_only_the_message_that_it_hits() {
    let windows = windows();
    assert!(windows.len() > 400, "{}", windows.len());
    for window in windows {
        let (readable, spans) = (window.walk(&window.bytes), spans(&window.bytes));
        for length in 0..window.bytes.len() {
            let whole = spans.iter().filter(|span| span.end <= length).count();
            let found = window.walk(window.bytes.get(..length).unwrap());
            let (before, hit) = found.split_at(whole);
            assert_eq!(before, &readable[..whole], "{} cut at {length}", window.name);
            assert!(hit.is_empty() || hit == [false], "{} cut at {length}", window.name);
        }
    }
}

#[test]
fn a_wrong_byte_spoils_only_the_message_that_it_is_in() {
    for window in windows() {
        let (readable, spans) = (window.walk(&window.bytes), spans(&window.bytes));
        let mut bytes = window.bytes.clone();
        let first = spans.first().map_or(bytes.len(), |span| span.end);
        for at in 0..first {
            for flip in [0x01, 0x80, 0xff] {
                bytes[at] ^= flip;
                let found = window.walk(&bytes);
                bytes[at] ^= flip;
                // A wrong length moves everything behind it.
                let hit = spans.first().is_some_and(|span| (span.start + 2..span.end).contains(&at));
                assert!(!hit || found.len() == readable.len(), "{} byte {at}", window.name);
                assert!(!hit || found.get(1..) == readable.get(1..), "{} byte {at}", window.name);
            }
        }
    }
}

#[test]
fn bytes_of_one_value_are_no_messages() {
    for dialect in DIALECTS {
        for value in 0..=u8::MAX {
            for length in [0, 1, 3, 4, 5, 75, 76, 151, 152, 4096] {
                let found = walk(dialect, ByteOrder::Big, Source::Socket, &vec![value; length]);
                let version = value == dialect.version;
                assert!(found.iter().all(|whole| !whole) || version, "{}: {length} bytes of {value}", dialect.name);
            }
        }
    }
}

/// Where the messages are that have all their bytes, whether or not they can be read.
fn spans(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    let mut start = 0;
    while let Some(&[low, high, ..]) = bytes.get(start..) {
        let end = start + usize::from(u16::from_le_bytes([low, high]));
        if end < start + 4 || end > bytes.len() {
            break;
        }
        spans.push(start..end);
        start = end;
    }
    spans
}

/// Reads everything there is; says of each message whether it is whole.
fn walk(dialect: &'static Dialect, order: ByteOrder, source: Source, bytes: &[u8]) -> Vec<bool> {
    let mut messages = Messages::new(dialect, order, source, bytes);
    let mut found = Vec::new();
    let mut last = 0;
    while let Some(message) = messages.next() {
        assert!(messages.offset() > last && messages.offset() <= bytes.len(), "the walk does not advance");
        last = messages.offset();
        found.push(message.is_ok());
        if let Ok(message) = message {
            touch(&message);
        }
    }
    assert!(messages.next().is_none(), "the walk has ended");
    found
}

/// Calls everything that reads from the message.
fn touch(message: &Message<'_>) {
    let _ = (LIFT.event(message), LIFT.listed(message));
    match message {
        Message::Route(route) | Message::Desync(route) => touch_route(route),
        Message::Address(address) => {
            let _ = (address.index(), address.raw_flags(), address.metric(), address.raw_address_flags());
            touch_addrs(address.addrs(), address.bytes());
        }
        Message::Multicast(multicast) => {
            let _ = (multicast.index(), multicast.raw_flags(), multicast.references());
            touch_addrs(multicast.addrs(), multicast.bytes());
        }
        Message::Interface(interface) => {
            let _ = (interface.index(), interface.flags(), interface.mtu(), interface.baud_rate(), interface.link_state());
            touch_addrs(interface.addrs(), interface.bytes());
        }
        Message::Announce(announce) | Message::WirelessEvent(announce) => {
            let _ = announce.what();
            assert!(announce.name().len() <= 16);
            assert!(announce.payload().len() < announce.bytes().len());
        }
        Message::Wireless(wireless) => assert!(wireless.network().len() <= 32 && wireless.station().len() == 6),
        Message::Bfd(bfd) => assert!(bfd.index() <= u32::from(u16::MAX)),
        _ => {}
    }
}

fn touch_route(route: &RouteMessage<'_>) {
    let _ = (route.index(), route.flags(), route.pid(), route.seq(), route.errno(), route.inits(), route.locks());
    let _ = (route.table(), route.priority(), route.uses(), route.metrics().count());
    touch_addrs(route.addrs(), route.bytes());
}

fn touch_addrs(addrs: &Sockaddrs<'_>, message: &[u8]) {
    for axis in Axis::ALL {
        assert_eq!(addrs.get(axis).is_some(), addrs.raw(axis).is_some());
        let Some(raw) = addrs.raw(axis) else { continue };
        assert!(message.as_ptr_range().contains(&raw.bytes().as_ptr()));
        assert!(raw.bytes().len() <= message.len());
        let _ = raw.inarp(ByteOrder::Little);
    }
    assert!(addrs.fault().is_some() || addrs.trailing() > -8, "only padding may be missing without a fault");
}
