//! Questions about routes: dumps and lookups.

use waypost_core::{Error, ErrorKind, Family, Flow, LookupMode, RouteFilter};

use super::encode;
use crate::wire::constants::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, RT_TABLE_COMPAT, RTA_DPORT, RTA_DST, RTA_FLOWLABEL, RTA_IIF, RTA_IP_PROTO, RTA_MARK,
    RTA_OIF, RTA_SPORT, RTA_SRC, RTA_TABLE, RTA_UID, RTM_F_FIB_MATCH, RTM_F_LOOKUP_TABLE, RTM_GETROUTE,
};
use crate::wire::{Encoder, TooLong};

/// Appends the request to list the routes of one family.
///
/// The filter's table, protocol, type and interface are the kernel's to apply, on a socket with NETLINK_GET_STRICT_CHK:
/// `ip_valid_fib_dump_req` in net/ipv4/fib_frontend.c (Linux 6.18). Everything that the filter asks for must be checked
/// again on what comes.
///
/// # Errors
///
/// `Invalid` where the message would be too long, which it never is.
///
/// ```
/// use waypost_core::{Family, RouteFilter, TableId};
/// use waypost_netlink::wire::route::encode_route_dump;
///
/// let mut filter = RouteFilter::default();
/// filter.table = Some(TableId(51820));
/// let mut out = Vec::new();
/// encode_route_dump(&mut out, 1, Family::V4, &filter)?;
/// assert_eq!(out.len(), 16 + 12 + 8);
/// # Ok::<(), waypost_core::Error>(())
/// ```
pub fn encode_route_dump(out: &mut Vec<u8>, sequence: u32, family: Family, filter: &RouteFilter) -> Result<(), Error> {
    let mut message = Encoder::begin(out, RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, sequence);
    let table = filter.table.map_or(0, |table| table.0);
    let mut header = [0; super::HEADER];
    header[0] = encode::family(family);
    header[4] = u8::try_from(table).unwrap_or(RT_TABLE_COMPAT);
    header[5] = filter.protocol.map_or(0, |protocol| protocol.0);
    header[7] = filter.disposition.map_or(0, encode::disposition);
    message.header(&header);
    if table > u32::from(u8::MAX) {
        message.u32(RTA_TABLE, table);
    }
    if let Some(index) = filter.interface {
        message.u32(RTA_OIF, index.get());
    }
    message.finish().map_err(|error| too_long("list routes", error))
}

/// Appends the request to find the way of a flow.
///
/// # Errors
///
/// `Invalid` where source and destination are of different families.
///
/// ```
/// use waypost_core::{Flow, LookupMode};
/// use waypost_netlink::wire::route::encode_lookup;
///
/// let mut out = Vec::new();
/// encode_lookup(&mut out, 1, &Flow::to("192.0.2.1".parse().unwrap()), LookupMode::Entry)?;
/// # Ok::<(), waypost_core::Error>(())
/// ```
pub fn encode_lookup(out: &mut Vec<u8>, sequence: u32, flow: &Flow, mode: LookupMode) -> Result<(), Error> {
    let family = Family::of(&flow.destination);
    if let Some(source) = flow.source.filter(|source| Family::of(source) != family) {
        let reason = format!("{source} is of the other family");
        return Err(Error::new(ErrorKind::Invalid, LOOK_UP).on(flow.destination).because(reason));
    }
    let mut message = Encoder::begin(out, RTM_GETROUTE, NLM_F_REQUEST | NLM_F_ACK, sequence);
    let mut header = [0; super::HEADER];
    header[0] = encode::family(family);
    header[1] = family.bits();
    header[2] = flow.source.map_or(0, |_| family.bits());
    header[3] = flow.tos;
    header[8..].copy_from_slice(&flags(family, mode).to_ne_bytes());
    message.header(&header);
    message.address(RTA_DST, flow.destination);
    if let Some(source) = flow.source {
        message.address(RTA_SRC, source);
    }
    write_flow(&mut message, flow);
    message.finish().map_err(|error| too_long(LOOK_UP, error).on(flow.destination))
}

const LOOK_UP: &str = "look up";

/// IPv4 names the table where it looked only if asked to. IPv6 always does, and refuses to be asked: `inet6_rtm_valid_getroute_req`
/// in net/ipv6/route.c (Linux 6.18).
const fn flags(family: Family, mode: LookupMode) -> u32 {
    let table = match family {
        Family::V4 => RTM_F_LOOKUP_TABLE,
        Family::V6 => 0,
    };
    match mode {
        LookupMode::Path => table,
        LookupMode::Entry => table | RTM_F_FIB_MATCH,
    }
}

fn write_flow(message: &mut Encoder<'_>, flow: &Flow) {
    if let Some(index) = flow.input {
        message.u32(RTA_IIF, index.get());
    }
    if let Some(index) = flow.output {
        message.u32(RTA_OIF, index.get());
    }
    if flow.mark != 0 {
        message.u32(RTA_MARK, flow.mark);
    }
    if let Some(uid) = flow.uid {
        message.u32(RTA_UID, uid);
    }
    if let Some(protocol) = flow.ip_protocol {
        message.u8(RTA_IP_PROTO, protocol);
    }
    if let Some(port) = flow.source_port {
        message.be16(RTA_SPORT, port);
    }
    if let Some(port) = flow.destination_port {
        message.be16(RTA_DPORT, port);
    }
    if let Some(label) = flow.flow_label {
        message.be32(RTA_FLOWLABEL, label);
    }
}

fn too_long(operation: &'static str, error: TooLong) -> Error {
    Error::new(ErrorKind::Invalid, operation).because(error)
}
