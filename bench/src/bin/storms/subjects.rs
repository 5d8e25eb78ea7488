//! Those who hold routes: each is a process of its own, so that it can be stopped.
//!
//! It says `ready` when its first picture is whole, follows until it is told that the storm is over, and then says what it holds once
//! nothing has come for a while.

use std::io::BufRead;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt};
use netlink_packet_core::NetlinkPayload;
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use nlink::netlink::reflector::ReflectExt;
use nlink::netlink::resync::{Backoff, ConnectionFactory};
use nlink::netlink::resync_ext::ObjectKey;
use nlink::{Connection, NetworkEvent, Store, StoreOp};
use rtnetlink::sys::AsyncSocket;
use rtnetlink::{Handle, MulticastGroup, RouteMessageBuilder, new_connection, new_multicast_connection};
use waypost::{Disposition, Options, RouteRef, Watcher};

use crate::Failure;
use crate::held::{Held, Plain};

/// Those who are compared, by the names that the tables give them.
pub(crate) const ALL: [(&str, &str); 4] = [
    ("waypost", "**Waypost**, mirror"),
    ("nlink", "nlink 0.33, restarting `ResyncStream` into its `Store`"),
    ("rtnetlink-again", "rtnetlink 0.24, events; all dumped again at each overrun"),
    ("rtnetlink", "rtnetlink 0.24, dump and events"),
];

/// How long nothing may have come before a subject says what it holds.
const REST: Duration = Duration::from_secs(2);

/// How long a subject waits at most before it looks whether the storm is over.
const TURN: Duration = Duration::from_millis(20);

/// How long it may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether the storm is over, and since when nothing has come.
struct Rest {
    is_over: Arc<AtomicBool>,
    last: Instant,
    over: Option<Instant>,
}

impl Rest {
    /// Says that the first picture is whole, and listens for the end of the storm.
    fn ready() -> Self {
        println!("ready");
        let is_over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&is_over);
        std::thread::spawn(move || {
            // Whether there was a line or the other has gone: it is over.
            let _ = std::io::stdin().lock().read_line(&mut String::new());
            told.store(true, Ordering::Release);
        });
        Self { is_over, last: Instant::now(), over: None }
    }

    fn heard(&mut self) {
        self.last = Instant::now();
    }

    /// Says whether it is time to say what is held.
    fn has_come(&mut self) -> bool {
        if !self.is_over.load(Ordering::Acquire) {
            return false;
        }
        let over = *self.over.get_or_insert_with(Instant::now);
        let quiet = self.last.max(over);
        quiet.elapsed() >= REST || over.elapsed() >= PATIENCE
    }
}

/// Holds routes as the subject of this name does, with a receive buffer that the kernel counts so many bytes of.
pub(crate) fn hold(name: &str, buffer: Option<usize>) -> Result<Held, Failure> {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build();
    match name {
        "waypost" => waypost(buffer),
        "nlink" => runtime()?.block_on(nlink(buffer)),
        "rtnetlink" => runtime()?.block_on(rtnetlink(buffer, false)),
        "rtnetlink-again" => runtime()?.block_on(rtnetlink(buffer, true)),
        // What the kernel has, for the judge.
        "kernel" => runtime()?.block_on(async {
            let mut held = Held::default();
            dumped(|route| held.add(&plain(&route))).await?;
            Ok(held)
        }),
        "hidden" => runtime()?.block_on(hidden()),
        _ => Err(format!("there is no subject {name}").into()),
    }
}

/// Its periodic verification is off: what it holds comes of what it heard, and of what that made it read again.
fn waypost(buffer: Option<usize>) -> Result<Held, Failure> {
    let options = buffer.map_or_else(Options::new, |bytes| Options::new().receive_buffer(bytes));
    let mut watcher = Watcher::open_with(&options)?;
    watcher.verify_every(None);
    watcher.synchronise(Some(PATIENCE))?;
    let mut rest = Rest::ready();
    while !(rest.has_come() && (watcher.is_settled() || rest.over.is_some_and(|over| over.elapsed() >= PATIENCE))) {
        if watcher.wait(Some(TURN))? {
            rest.heard();
        }
        while watcher.try_next()?.is_some() {}
    }
    let mut held = Held::default();
    watcher.routes().for_each(|route| held.add(&of_waypost(route)));
    Ok(held)
}

fn of_waypost(route: RouteRef<'_>) -> Plain {
    let (slot, entry) = (route.slot, route.entry);
    let kind = match entry.disposition {
        Disposition::Other(number) => number,
        named => Disposition::NAMED.iter().zip(1..).find(|((other, _), _)| *other == named).map_or(0, |(_, number)| number),
    };
    let (destination, length) = match slot.destination {
        waypost::Prefix::V4(prefix) => (IpAddr::V4(prefix.network()), prefix.length()),
        waypost::Prefix::V6(prefix) => (IpAddr::V6(prefix.network()), prefix.length()),
    };
    Plain {
        table: slot.table.0,
        destination: Some(destination),
        length,
        is_v4: destination.is_ipv4(),
        metric: slot.metric,
        kind,
        protocol: entry.protocol.0,
        object: entry.next_hop_object.map(|object| object.get()),
        ways: entry
            .next_hops
            .iter()
            .map(|hop| (hop.gateway, hop.interface.map_or(0, |index| index.get()), hop.weight.get()))
            .collect(),
    }
}

/// As its documentation of `events_restarting` and `reflect` shows: a stream that is resynced after an overflow and begun anew after a
/// failure, into the store that comes with it, by the keys that come with it.
async fn nlink(buffer: Option<usize>) -> Result<Held, Failure> {
    let factory: ConnectionFactory<nlink::Route> = Arc::new(|| Box::pin(async { Connection::<nlink::Route>::new() }));
    let mut events = Connection::events_restarting(factory, Backoff::default());
    if let Some(bytes) = buffer {
        // The kernel doubles what it is given (socket(7)).
        events = events.rcvbuf(bytes / 2);
    }
    let store: Store<ObjectKey, NetworkEvent> = Store::new();
    let mut watch = Box::pin(events.reflect(store.clone(), |event: &NetworkEvent| match event {
        NetworkEvent::NewRoute(_) => event.object_key().map_or(StoreOp::Ignore, StoreOp::Upsert),
        NetworkEvent::DelRoute(_) => event.object_key().map_or(StoreOp::Ignore, StoreOp::Remove),
        _ => StoreOp::Ignore,
    }));
    while let Some(item) = watch.next().await {
        if item?.is_resync_end() {
            break;
        }
    }
    let mut rest = Rest::ready();
    while !rest.has_come() {
        match tokio::time::timeout(TURN, watch.next()).await {
            Ok(Some(_)) => rest.heard(),
            Ok(None) => break,
            Err(_) => {}
        }
    }
    let mut held = Held::default();
    for (_, event) in store.snapshot() {
        if let NetworkEvent::NewRoute(route) = event {
            held.add(&of_nlink(&route));
        }
    }
    Ok(held)
}

fn of_nlink(route: &nlink::netlink::messages::RouteMessage) -> Plain {
    let ways = match route.multipath() {
        Some(hops) => hops.iter().map(|hop| (hop.gateway, hop.ifindex, hop.weight)).collect(),
        None => vec![(route.gateway().or(route.via()).copied(), route.oif().unwrap_or(0), 1)],
    };
    Plain {
        table: route.table_id(),
        destination: route.destination().copied(),
        length: route.dst_len(),
        is_v4: route.is_ipv4(),
        metric: route.priority().unwrap_or(0),
        kind: route.route_type() as u8,
        protocol: route.protocol().into(),
        object: route.nh_id(),
        ways,
    }
}

/// As its example `ip_monitor` listens, with a dump behind that, and a table by the same keys as nlink's. It tells of overruns
/// and says nothing of what to do then: `again` dumps everything again.
async fn rtnetlink(buffer: Option<usize>, again: bool) -> Result<Held, Failure> {
    let (mut connection, _handle, mut messages) =
        new_multicast_connection(&[MulticastGroup::Ipv4Route, MulticastGroup::Ipv6Route])?;
    if let Some(bytes) = buffer {
        connection.socket_mut().socket_mut().set_rx_buf_sz(u32::try_from(bytes / 2)?)?;
    }
    tokio::spawn(connection);
    let mut table = std::collections::BTreeMap::new();
    let keep = |table: &mut std::collections::BTreeMap<String, RouteMessage>, route| {
        table.insert(plain(&route).slot(), route);
    };
    dumped(|route| keep(&mut table, route)).await?;
    let mut rest = Rest::ready();
    while !rest.has_come() {
        let Ok(message) = tokio::time::timeout(TURN, messages.next()).await else { continue };
        let Some((message, _)) = message else { break };
        rest.heard();
        match message.payload {
            NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewRoute(route)) => keep(&mut table, route),
            NetlinkPayload::InnerMessage(RouteNetlinkMessage::DelRoute(route)) => drop(table.remove(&plain(&route).slot())),
            NetlinkPayload::Overrun(_) if again => {
                table.clear();
                dumped(|route| keep(&mut table, route)).await?;
            }
            _ => {}
        }
    }
    let mut held = Held::default();
    table.values().for_each(|route| held.add(&plain(route)));
    Ok(held)
}

/// What the kernel has in each slot that has merged next hops: it does not list what stands between those (`fib6_dump_node`, net/ipv6/ip6_fib.c,
/// Linux 6.18), but tells it as it is deleted. So all of them are, one after another.
async fn hidden() -> Result<Held, Failure> {
    let (connection, _handle, mut messages) = new_multicast_connection(&[MulticastGroup::Ipv6Route])?;
    tokio::spawn(connection);
    let mut slots = std::collections::BTreeMap::new();
    dumped(|route| {
        let listed = plain(&route);
        if !listed.is_v4 && listed.object.is_none() && listed.ways.len() > 1 {
            slots.insert(listed.slot(), listed);
        }
    })
    .await?;
    for slot in slots.values() {
        let Some(IpAddr::V6(destination)) = slot.destination else { continue };
        let (destination, table) = (format!("{destination}/{}", slot.length), slot.table.to_string());
        let metric = slot.metric.to_string();
        let words = ["-6", "route", "delete", &destination, "table", &table, "metric", &metric];
        while waypost_tests::ip::run("ip", words).status.success() {}
    }
    let mut held = Held::default();
    while let Ok(Some((message, _))) = tokio::time::timeout(TURN * 10, messages.next()).await {
        if let NetlinkPayload::InnerMessage(RouteNetlinkMessage::DelRoute(route)) = message.payload {
            let gone = plain(&route);
            if slots.contains_key(&gone.slot()) {
                held.add(&gone);
            }
        }
    }
    Ok(held)
}

/// Gives all routes that the kernel lists.
async fn dumped(mut give: impl FnMut(RouteMessage)) -> Result<(), Failure> {
    let (connection, handle, _): (_, Handle, _) = new_connection()?;
    tokio::spawn(connection);
    for request in [RouteMessageBuilder::<Ipv4Addr>::new().build(), RouteMessageBuilder::<Ipv6Addr>::new().build()] {
        let mut routes = pin!(handle.route().get(request).execute());
        while let Some(route) = routes.try_next().await? {
            give(route);
        }
    }
    Ok(())
}

const fn address(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some(IpAddr::V4(*address)),
        RouteAddress::Inet6(address) => Some(IpAddr::V6(*address)),
        _ => None,
    }
}

fn gateway(attributes: &[RouteAttribute]) -> Option<IpAddr> {
    attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Gateway(gateway) => address(gateway),
        _ => None,
    })
}

fn plain(route: &RouteMessage) -> Plain {
    let mut plain = Plain {
        table: u32::from(route.header.table),
        destination: None,
        length: route.header.destination_prefix_length,
        is_v4: route.header.address_family == AddressFamily::Inet,
        metric: 0,
        kind: route.header.kind.into(),
        protocol: route.header.protocol.into(),
        object: None,
        ways: Vec::new(),
    };
    let mut interface = 0;
    for attribute in &route.attributes {
        match attribute {
            RouteAttribute::Table(table) => plain.table = *table,
            RouteAttribute::Destination(destination) => plain.destination = address(destination),
            RouteAttribute::Priority(metric) => plain.metric = *metric,
            RouteAttribute::NhId(object) => plain.object = Some(*object),
            RouteAttribute::Oif(index) => interface = *index,
            RouteAttribute::MultiPath(hops) => {
                let way = |hop: &netlink_packet_route::route::RouteNextHop| {
                    (gateway(&hop.attributes), hop.interface_index, u16::from(hop.hops) + 1)
                };
                plain.ways = hops.iter().map(way).collect();
            }
            _ => {}
        }
    }
    if plain.ways.is_empty() {
        plain.ways.push((gateway(&route.attributes), interface, 1));
    }
    plain
}
