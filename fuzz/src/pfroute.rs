//! Routing-socket messages: whatever the bytes, the walk advances, stays inside the buffer and ends.

use std::time::Duration;

use waypost_core::{Notice, Route, TableId};
use waypost_pfroute::lift::{Asked, Lift, Lower};
use waypost_pfroute::wire::{
    Axis, ByteOrder, Dialect, Message, Messages, Metric, RouteFlags, RouteMessage, RouteOp, Sockaddrs, Source,
};

pub use waypost_pfroute::wire::{
    DIALECTS, DRAGONFLY, DRAGONFLY6, FREEBSD, FREEBSD_I386, ILLUMOS, MACOS, NETBSD, NETBSD7, OPENBSD, OPENBSD_I386,
};

use crate::text;

const NOW: Duration = Duration::from_secs(1_700_000_000);

pub(crate) const LIFT: Lift = Lift { table: TableId(0), since_epoch: NOW };

/// Reads `data` as messages of a dialect, in either byte order and from either source.
pub fn run(dialect: &'static Dialect, data: &[u8]) {
    for (order, source) in [(ByteOrder::Little, Source::Socket), (ByteOrder::Big, Source::Sysctl)] {
        let mut messages = Messages::new(dialect, order, source, data);
        let mut last = 0;
        while let Some(message) = messages.next() {
            assert!(messages.offset() > last && messages.offset() <= data.len(), "the walk does not advance");
            last = messages.offset();
            match message {
                Ok(message) => touch(dialect, order, &message),
                Err(malformed) => assert!(malformed.bytes.len() <= data.len() && !malformed.to_string().is_empty()),
            }
        }
        assert!(messages.next().is_none(), "the walk has ended");
    }
}

fn touch(dialect: &'static Dialect, order: ByteOrder, message: &Message<'_>) {
    for notice in [LIFT.event(message), LIFT.listed(message)].into_iter().flatten().flatten() {
        match &notice {
            Notice::Route(_, route) => {
                text::route_reads_back(route);
                comes_back(dialect, order, route);
            }
            Notice::Losing(route) => text::route_reads_back(route),
            other => assert!(!format!("{other:?}").is_empty()),
        }
    }
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

/// A route that can be asked for is read from the request with the same destination and way out.
pub(crate) fn comes_back(dialect: &'static Dialect, order: ByteOrder, route: &Route) {
    let lower = Lower { dialect, order, table: TableId(0), since_epoch: NOW };
    let mut bytes = Vec::new();
    if lower.route(RouteOp::Add, route, Asked { seq: 1, pid: 2 }, &mut bytes).is_err() {
        assert!(bytes.is_empty(), "nothing is left of a request that cannot be written");
        return;
    }
    let Some(Ok(Message::Route(asked))) = Messages::new(dialect, order, Source::Socket, &bytes).next() else {
        panic!("a request is a message");
    };
    assert_eq!((asked.seq(), asked.pid(), asked.addrs().fault(), asked.addrs().trailing()), (1, 2, None, 0));
    let told = LIFT.route(&asked).expect("a request makes sense");
    assert_eq!(told.slot.destination, route.slot.destination);
    // What is dropped leads to the loopback, whatever it led to.
    if route.entry.disposition.forwards() {
        let gateway = |route: &Route| route.entry.next_hops.first().and_then(|hop| hop.gateway);
        assert_eq!(gateway(&told), gateway(route));
    }
}

fn touch_route(route: &RouteMessage<'_>) {
    let _ = (route.index(), route.flags(), route.pid(), route.seq(), route.errno(), route.inits(), route.locks());
    let _ = (route.table(), route.priority(), route.uses(), route.metric(Metric::Weight), route.metrics().count());
    assert_eq!(route.dialect().flag_word(route.flags() & RouteFlags::UP), Some(route.raw_flags() & 1));
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
