//! Routing-socket messages: whatever the bytes, the walk advances, stays inside the buffer and ends.

use std::time::Duration;

use waypost_core::{Notice, TableId};
use waypost_pfroute::lift::Lift;
use waypost_pfroute::wire::{Axis, ByteOrder, FREEBSD, Message, Messages, Metric, RouteMessage, Sockaddrs, Source};

use crate::text;

const LIFT: Lift = Lift { table: TableId(0), since_epoch: Duration::from_secs(1_700_000_000) };

/// Reads `data` as messages of either byte order.
pub fn run(data: &[u8]) {
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let mut messages = Messages::new(&FREEBSD, order, Source::Socket, data);
        let mut last = 0;
        while let Some(message) = messages.next() {
            assert!(messages.offset() > last && messages.offset() <= data.len(), "the walk does not advance");
            last = messages.offset();
            match message {
                Ok(message) => touch(&message),
                Err(malformed) => assert!(malformed.bytes.len() <= data.len() && !malformed.to_string().is_empty()),
            }
        }
        assert!(messages.next().is_none(), "the walk has ended");
    }
}

fn touch(message: &Message<'_>) {
    for notice in [LIFT.event(message), LIFT.listed(message)].into_iter().flatten().flatten() {
        match &notice {
            Notice::Route(_, route) => text::route_reads_back(route),
            Notice::Losing(route) => text::route_reads_back(route),
            other => assert!(!format!("{other:?}").is_empty()),
        }
    }
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
