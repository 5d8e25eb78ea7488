//! Messages as the indexes record them.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use waypost_pfroute::wire::{
    AddressMessage, AnnounceMessage, Announced, Dialect, Expected, InterfaceMessage, Message, Metric, MulticastMessage,
    RawSockaddr, RouteMessage, Sockaddr, Sockaddrs,
};

/// The message as the index records it.
pub(crate) fn render(dialect: &Dialect, message: &Message<'_>) -> Value {
    let (mut fields, addrs) = match message {
        Message::Route(route) => (render_route(dialect, route), Some((route.addrs(), route.raw_addrs()))),
        Message::Address(address) => (render_address(address), Some((address.addrs(), address.raw_addrs()))),
        Message::Multicast(group) => (render_multicast(group), Some((group.addrs(), group.raw_addrs()))),
        Message::Interface(link) => (render_interface(dialect, link), Some((link.addrs(), link.raw_addrs()))),
        Message::Announce(announce) => (render_announce(announce), None),
        other => panic!("{other:?}"),
    };
    let object = fields.as_object_mut().unwrap();
    object.insert("msglen".to_owned(), json!(message.bytes().len()));
    object.insert("type".to_owned(), json!(message.number()));
    object.insert("version".to_owned(), json!(dialect.version));
    if let Some((addrs, announced)) = addrs {
        object.insert("addrs_list".to_owned(), render_addrs(dialect, addrs, announced));
        object.insert("trailing_bytes".to_owned(), json!(addrs.trailing()));
    }
    fields
}

fn render_route(dialect: &Dialect, route: &RouteMessage<'_>) -> Value {
    let mut fields = json!({
        "struct": "rt_msghdr",
        "index": route.index(),
        "flags": route.raw_flags(),
        "addrs": route.raw_addrs(),
        "pid": route.pid(),
        "seq": route.seq(),
        "errno": route.errno(),
        "inits": route.inits(),
        "rmx_locks": route.locks(),
    });
    let object = fields.as_object_mut().unwrap();
    // The same four bytes: the one has a mask there, the other a count.
    match dialect.name {
        "freebsd" => object.insert("fmask".to_owned(), json!(route.raw_flag_mask())),
        _ => object.insert("use".to_owned(), json!(route.uses())),
    };
    let name = |metric| metric_name(metric).unwrap_or_else(|| panic!("no index has {metric:?}")).to_owned();
    object.extend(route.metrics().map(|(known, value)| (name(known.metric), json!(value))));
    fields
}

/// What the header calls it; `None` for what these systems have under no name.
pub(crate) const fn metric_name(metric: Metric) -> Option<&'static str> {
    Some(match metric {
        Metric::Mtu => "rmx_mtu",
        Metric::HopCount => "rmx_hopcount",
        Metric::Expire => "rmx_expire",
        Metric::ReceivePipe => "rmx_recvpipe",
        Metric::SendPipe => "rmx_sendpipe",
        Metric::SlowStartThreshold => "rmx_ssthresh",
        Metric::Rtt => "rmx_rtt",
        Metric::RttVariance => "rmx_rttvar",
        Metric::PacketsSent => "rmx_pksent",
        Metric::Weight => "rmx_weight",
        Metric::NextHopIndex => "rmx_nhidx",
        _ => return None,
    })
}

fn render_address(address: &AddressMessage<'_>) -> Value {
    json!({
        "struct": "ifa_msghdr",
        "addrs": address.raw_addrs(),
        "flags": address.raw_flags(),
        "metric": address.metric(),
        "index": address.index(),
    })
}

fn render_multicast(multicast: &MulticastMessage<'_>) -> Value {
    json!({
        "struct": "ifma_msghdr",
        "addrs": multicast.raw_addrs(),
        "flags": multicast.raw_flags(),
        "index": multicast.index(),
    })
}

fn render_interface(dialect: &Dialect, interface: &InterfaceMessage<'_>) -> Value {
    let mut fields = json!({
        "struct": "if_msghdr",
        "addrs": interface.raw_addrs(),
        // A C int, into which one kernel widens a short.
        "flags": i32::from_ne_bytes(interface.raw_flags().to_ne_bytes()),
        "index": interface.index(),
        "ifi_type": interface.kind(),
        "ifi_addrlen": interface.address_length(),
        "ifi_hdrlen": interface.header_length(),
        "ifi_link_state": interface.link_state(),
        "ifi_mtu": interface.mtu(),
        "ifi_metric": interface.metric(),
        "ifi_baudrate": interface.baud_rate(),
    });
    if dialect.name == "freebsd" {
        // These the codec does not read; they are the same in every capture.
        let unread = json!({ "ifi_physical": 0, "ifi_vhid": 0, "ifi_datalen": 152 });
        fields.as_object_mut().unwrap().extend(unread.as_object().unwrap().clone());
    }
    fields
}

fn render_announce(announce: &AnnounceMessage<'_>) -> Value {
    json!({
        "struct": "if_announcemsghdr",
        "index": announce.index(),
        "name": String::from_utf8_lossy(announce.name()),
        "what": match announce.what() { Announced::Arrival => 0, Announced::Departure => 1, other => panic!("{other:?}") },
    })
}

fn render_addrs(dialect: &Dialect, addrs: &Sockaddrs<'_>, announced: u32) -> Value {
    let mut list: Map<String, Value> =
        addrs.iter().map(|(axis, raw)| (axis.name().to_owned(), render_sockaddr(raw, addrs.get(axis).unwrap()))).collect();
    // The index has null for sockaddrs that are announced and absent.
    if addrs.fault().is_some_and(|fault| fault.expected == Expected::Sockaddr) {
        let announced = (0..).zip(dialect.axes).filter(|&(bit, _)| announced & (1 << bit) != 0);
        let absent = announced.filter(|&(_, &axis)| addrs.raw(axis).is_none());
        list.extend(absent.map(|(_, axis)| (axis.name().to_owned(), Value::Null)));
    }
    Value::Object(list)
}

fn render_sockaddr(raw: RawSockaddr<'_>, sockaddr: Sockaddr<'_>) -> Value {
    let mut value = json!({ "len": raw.length(), "family": raw.family(), "hex": hex(raw.bytes(), "") });
    let fields = match sockaddr {
        Sockaddr::Inet(address) => json!({ "inet": address.to_string() }),
        Sockaddr::Inet6 { address, scope } => {
            let groups = address.segments().map(|segment| format!("{segment:04x}"));
            json!({ "inet6": groups.join(":"), "scope_id": scope })
        }
        Sockaddr::Link(link) => json!({
            "sdl_index": link.index,
            "sdl_type": link.kind,
            "nlen": link.name.len(),
            "alen": link.address.len(),
            // The codec does not read the selector's length; it is zero in every capture.
            "slen": 0,
            "name": String::from_utf8_lossy(link.name),
            "lladdr": hex(link.address, ":"),
        }),
        Sockaddr::Unknown { .. } => json!({}),
        other => panic!("{other:?}"),
    };
    value.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    value
}

pub(crate) fn hex(bytes: &[u8], separator: &str) -> String {
    let mut text = String::new();
    for (nth, byte) in bytes.iter().enumerate() {
        write!(text, "{}{byte:02x}", if nth == 0 { "" } else { separator }).unwrap();
    }
    text
}
