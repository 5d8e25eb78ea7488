//! PF_ROUTE.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use waypost_core::{LinkFlags, Notice, RouteVerb, TableId};
use waypost_pfroute::lift::Lift;
use waypost_pfroute::wire::{
    Axis, ByteOrder, Dialect, InterfaceMessage, Message as Wire, Messages, Metric, RouteMessage, RouteOp, Sockaddr, Sockaddrs,
    Source,
};

use super::{Addr, Item, Message, named_bits};

/// Nobody knows when a capture was made: see [`undated`].
const LIFT: Lift = Lift { table: TableId(0), since_epoch: Duration::ZERO };

pub(super) fn items(dialect: &'static Dialect, order: ByteOrder, source: Source, bytes: &[u8]) -> Vec<Item> {
    let messages = Messages::new(dialect, order, source, bytes);
    let items = messages.map(|message| match message {
        Ok(message) => Item::Message(Box::new(described(dialect, source, &message))),
        Err(malformed) => {
            Item::Malformed { why: format!("expected {}", malformed.error.expected), offset: malformed.error.offset }
        }
    });
    items.collect()
}

fn described(dialect: &'static Dialect, source: Source, message: &Wire<'_>) -> Message {
    let number = message.number();
    let name = dialect.message_type(number).name;
    let kind = if name.is_empty() { format!("type {number}") } else { format!("RTM_{name}") };
    let mut said = Message { kind, version: Some(dialect.version), ..Message::default() };
    match message {
        Wire::Route(route) | Wire::Desync(route) => describe_route(&mut said, route),
        Wire::Address(address) => {
            said.index = Some(address.index());
            said.flags = named_bits(address.raw_flags(), |bit| route_flag(dialect, bit));
            describe_addrs(&mut said, address.addrs());
        }
        Wire::Multicast(group) => {
            said.index = Some(group.index());
            describe_addrs(&mut said, group.addrs());
        }
        Wire::Interface(link) => {
            said.index = Some(link.index());
            said.flags = link_flags(link);
            describe_addrs(&mut said, link.addrs());
        }
        Wire::Announce(announce) | Wire::WirelessEvent(announce) => {
            said.index = Some(announce.index());
            let name = String::from_utf8_lossy(announce.name()).into_owned();
            said.addrs.push((Axis::Ifp.name(), Addr::Link { name, index: announce.index(), address: Vec::new() }));
        }
        Wire::Wireless(wireless) => said.index = Some(wireless.index()),
        Wire::Bfd(bfd) => said.index = Some(bfd.index()),
        _ => said.fault = Some("a type that is not read".to_owned()),
    }
    let lifted = match source {
        Source::Socket => LIFT.event(message),
        Source::Sysctl => LIFT.listed(message),
    };
    match (lifted, message) {
        (Ok(Some(notice)), _) => said.meaning = Some(undated(notice)),
        // An attempt, an answer, or a copy: not news, and yet about a route.
        (Ok(None), Wire::Route(route)) => {
            said.meaning = LIFT.route(route).ok().map(|route| undated(Notice::Route(RouteVerb::Listed, route)));
        }
        (Ok(None), _) => {}
        (Err(error), _) => said.fault = Some(error.to_string()),
    }
    said
}

/// Without the time that a route has left, which counts from when the message was made. The moment when it ends is among
/// the metrics.
fn undated(mut notice: Notice) -> Notice {
    if let Notice::Route(_, route) = &mut notice {
        route.expires = None;
    }
    notice
}

fn describe_route(said: &mut Message, route: &RouteMessage<'_>) {
    let dialect = route.dialect();
    // The header of these counts who holds the route where others say who asked.
    if route.op() != RouteOp::Get2 {
        said.seq = Some(route.seq());
        said.pid = Some(route.pid());
        said.errno = Some(route.errno());
    }
    said.index = Some(route.index());
    said.flags = named_bits(route.raw_flags(), |bit| route_flag(dialect, bit));
    said.metrics =
        route.metrics().filter(|&(_, value)| value != 0).map(|(known, value)| (metric_name(known.metric), value)).collect();
    said.locks =
        route.metrics().filter(|(known, _)| route.is_locked(known.metric)).map(|(known, _)| metric_name(known.metric)).collect();
    describe_addrs(said, route.addrs());
}

fn describe_addrs(said: &mut Message, addrs: &Sockaddrs<'_>) {
    let of_ipv6 = [Axis::Dst, Axis::Ifa].into_iter().find_map(|axis| match addrs.get(axis)? {
        Sockaddr::Inet(_) => Some(false),
        Sockaddr::Inet6 { .. } => Some(true),
        _ => None,
    });
    for (axis, raw) in addrs.iter() {
        let shown = match (axis, of_ipv6, addrs.get(axis)) {
            // A mask's own family means nothing.
            (Axis::Netmask | Axis::Genmask, Some(of_ipv6), _) => mask(of_ipv6, raw.bytes(), raw.length()),
            (_, _, Some(sockaddr)) => shown(sockaddr),
            (_, _, None) => continue,
        };
        said.addrs.push((axis.name(), shown));
    }
    said.fault = addrs.fault().map(|fault| fault.to_string());
    said.trailing = Some(addrs.trailing());
}

fn shown(sockaddr: Sockaddr<'_>) -> Addr {
    match sockaddr {
        Sockaddr::Inet(address) => Addr::Text(address.to_string()),
        Sockaddr::Inet6 { address, scope: 0 } => Addr::Text(address.to_string()),
        Sockaddr::Inet6 { address, scope } => Addr::Text(format!("{address}%{scope}")),
        Sockaddr::Link(link) => Addr::Link {
            name: String::from_utf8_lossy(link.name).into_owned(),
            index: link.index,
            address: link.address.to_vec(),
        },
        Sockaddr::Mpls(word) => Addr::Text(format!("{word:#010x}")),
        Sockaddr::Label(label) => Addr::Text(String::from_utf8_lossy(label).into_owned()),
        Sockaddr::Unknown { family, bytes } => Addr::Unknown(family, bytes.to_vec()),
        other => Addr::Text(format!("{other:?}")),
    }
}

/// A mask as an address of the destination's family, with zeros for what has been trimmed.
fn mask(of_ipv6: bool, bytes: &[u8], length: u8) -> Addr {
    let start = if of_ipv6 { 8 } else { 4 };
    let ones = bytes.get(start..bytes.len().min(usize::from(length))).unwrap_or_default();
    let mut padded = [0; 16];
    for (place, &byte) in padded.iter_mut().zip(ones) {
        *place = byte;
    }
    let [a, b, c, d, ..] = padded;
    let mask: IpAddr = if of_ipv6 { Ipv6Addr::from(padded).into() } else { Ipv4Addr::new(a, b, c, d).into() };
    Addr::Text(mask.to_string())
}

fn route_flag(dialect: &'static Dialect, bit: u32) -> Option<&'static str> {
    let name = dialect.flag_bits.names.get(bit.trailing_zeros() as usize).copied()?;
    Some(name).filter(|name| !name.is_empty())
}

fn link_flags(link: &InterfaceMessage<'_>) -> Vec<String> {
    let (flags, others) = link.flags();
    let known = [
        (LinkFlags::UP, "UP"),
        (LinkFlags::BROADCAST, "BROADCAST"),
        (LinkFlags::LOOPBACK, "LOOPBACK"),
        (LinkFlags::POINT_TO_POINT, "POINTOPOINT"),
        (LinkFlags::RUNNING, "RUNNING"),
        (LinkFlags::NO_ARP, "NOARP"),
        (LinkFlags::MULTICAST, "MULTICAST"),
    ];
    let names = known.into_iter().filter(|&(flag, _)| flags.contains(flag)).map(|(_, name)| name.to_owned());
    names.chain((others != 0).then(|| format!("{others:#x}"))).collect()
}

const fn metric_name(metric: Metric) -> &'static str {
    match metric {
        Metric::Mtu => "mtu",
        Metric::HopCount => "hopcount",
        Metric::Expire => "expire",
        Metric::ReceivePipe => "recvpipe",
        Metric::SendPipe => "sendpipe",
        Metric::SlowStartThreshold => "ssthresh",
        Metric::Rtt => "rtt",
        Metric::RttVariance => "rttvar",
        Metric::PacketsSent => "pksent",
        Metric::Weight => "weight",
        Metric::NextHopIndex => "nhidx",
        Metric::References => "refcnt",
        Metric::SegmentSize => "mssopt",
        Metric::SegmentLife => "msl",
        Metric::InitialWindow => "iwmaxsegs",
        Metric::InitialWindowCap => "iwcapsegs",
        _ => "unnamed",
    }
}
