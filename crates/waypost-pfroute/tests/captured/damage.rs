//! Damaged captures: whatever the bytes, the walk ends, stays inside the buffer and finds what is still whole.

use std::collections::HashSet;
use std::ops::Range;
use std::time::Duration;

use waypost_core::TableId;
use waypost_pfroute::lift::Lift;
use waypost_pfroute::wire::{Axis, ByteOrder, FREEBSD, Message, Messages, Metric, RouteMessage, Sockaddrs, Source};

use crate::captures::{self, Capture};

const LIFT: Lift = Lift { table: TableId(0), since_epoch: Duration::ZERO };

/// The captures, without those that have no message of their own: most of what one socket read, another did too.
fn different() -> Vec<Capture> {
    let mut captures = captures::freebsd13();
    let mut seen = HashSet::new();
    captures.retain(|capture| {
        let messages = spans(&capture.bytes).into_iter().map(|span| capture.bytes[span].to_vec());
        let fresh = messages.filter(|message| seen.insert(message.clone())).count();
        fresh > 0 || capture.kind != "sysctl" && seen.insert(capture.bytes.clone())
    });
    captures
}

#[test]
fn a_cut_spoils_only_the_message_that_it_hits() {
    for capture in different() {
        let (readable, spans) = (walk(&capture.bytes), spans(&capture.bytes));
        for length in 0..capture.bytes.len() {
            let whole = spans.iter().filter(|span| span.end <= length).count();
            let found = walk(capture.bytes.get(..length).unwrap());
            let (before, hit) = found.split_at(whole);
            assert_eq!(before, &readable[..whole], "{} cut at {length}", capture.file);
            assert!(hit.is_empty() || hit == [false], "{} cut at {length}", capture.file);
        }
    }
}

#[test]
fn a_wrong_byte_spoils_only_the_message_that_it_is_in() {
    for capture in different() {
        let (readable, spans) = (walk(&capture.bytes), spans(&capture.bytes));
        let mut bytes = capture.bytes.clone();
        for at in 0..bytes.len() {
            for flip in [0x01, 0xff] {
                bytes[at] ^= flip;
                let found = walk(&bytes);
                bytes[at] ^= flip;
                // A wrong length moves everything behind it; bytes behind the last message are no message's.
                let Some(hit) = spans.iter().position(|span| (span.start + 2..span.end).contains(&at)) else { continue };
                assert_eq!(found.len(), readable.len(), "{} byte {at}", capture.file);
                for (nth, (found, readable)) in found.iter().zip(&readable).enumerate() {
                    assert!(nth == hit || found == readable, "{} byte {at} message {nth}", capture.file);
                }
            }
        }
    }
}

#[test]
fn bytes_of_one_value_are_no_messages() {
    for value in 0..=u8::MAX {
        for length in [0, 1, 3, 4, 5, 151, 152, 4096] {
            let found = walk(&vec![value; length]);
            assert!(found.iter().all(|whole| !whole) || value == FREEBSD.version, "{length} bytes of {value}");
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
fn walk(bytes: &[u8]) -> Vec<bool> {
    let mut messages = Messages::new(&FREEBSD, ByteOrder::Little, Source::Socket, bytes);
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
        Message::Route(route) => touch_route(route),
        Message::Address(address) => {
            let _ = (address.index(), address.raw_flags(), address.metric());
            touch_addrs(address.addrs(), address.bytes());
        }
        Message::Multicast(multicast) => {
            let _ = (multicast.index(), multicast.raw_flags());
            touch_addrs(multicast.addrs(), multicast.bytes());
        }
        Message::Interface(interface) => {
            let _ = (interface.index(), interface.raw_flags(), interface.mtu(), interface.baud_rate(), interface.link_state());
            touch_addrs(interface.addrs(), interface.bytes());
        }
        Message::Announce(announce) => {
            let _ = announce.what();
            assert!(announce.name().len() <= 16);
        }
        _ => {}
    }
}

fn touch_route(route: &RouteMessage<'_>) {
    let _ = (route.index(), route.flags(), route.pid(), route.seq(), route.errno(), route.inits(), route.locks());
    assert!(route.metric(Metric::NextHopIndex).is_some());
    touch_addrs(route.addrs(), route.bytes());
}

fn touch_addrs(addrs: &Sockaddrs<'_>, message: &[u8]) {
    for axis in Axis::ALL {
        assert_eq!(addrs.get(axis).is_some(), addrs.raw(axis).is_some());
        let Some(raw) = addrs.raw(axis) else { continue };
        assert!(message.as_ptr_range().contains(&raw.bytes().as_ptr()));
        assert!(raw.bytes().len() <= message.len());
    }
    assert!(addrs.fault().is_some() || addrs.trailing() > -8, "only padding may be missing without a fault");
}
