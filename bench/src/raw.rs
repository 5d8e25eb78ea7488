//! The bare system calls, and as few bytes of netlink as the floors need.
//!
//! Written without Waypost's code, so that the floors do not move with what is measured against them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send, setsockopt, socket, sockopt,
};

use crate::Failure;

/// No datagram is longer: the kernel caps those of a dump at this (`netlink_recvmsg` in net/netlink/af_netlink.c).
pub(crate) const DATAGRAM: usize = 32 * 1024;

/// The size of `struct nlmsghdr`.
pub(crate) const MESSAGE_HEADER: usize = 16;

/// The size of `struct rtmsg`.
pub(crate) const ROUTE_HEADER: usize = 12;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;

const RTM_NEWROUTE: u16 = 24;
const RTM_DELROUTE: u16 = 25;
const RTM_GETROUTE: u16 = 26;

const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NLM_F_EXCL: u16 = 0x200;
const NLM_F_DUMP: u16 = 0x300;
const NLM_F_CREATE: u16 = 0x400;

const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PRIORITY: u16 = 6;
const RTA_PREFSRC: u16 = 7;
const RTA_TABLE: u16 = 15;

pub(crate) const AF_INET: u8 = 2;
pub(crate) const AF_INET6: u8 = 10;

const RT_TABLE_MAIN: u8 = 254;
const RTPROT_STATIC: u8 = 4;
const RTN_UNICAST: u8 = 1;

/// A blocking netlink socket.
#[derive(Debug)]
pub(crate) struct Socket(OwnedFd);

impl Socket {
    pub(crate) fn open() -> Result<Self, Failure> {
        let socket = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute)?;
        // As the limit is without privilege, so that the acknowledgements of a whole batch fit.
        setsockopt(&socket, sockopt::RcvBuf, &(1 << 20))?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
        Ok(Self(socket))
    }

    pub(crate) fn send(&self, bytes: &[u8]) -> Result<(), Failure> {
        send(self.0.as_raw_fd(), bytes, MsgFlags::empty())?;
        Ok(())
    }

    pub(crate) fn receive<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b [u8], Failure> {
        let length = recv(self.0.as_raw_fd(), buffer, MsgFlags::empty())?;
        buffer.get(..length).ok_or_else(|| "a datagram longer than its buffer".into())
    }

    /// Has `each` see the datagrams of a dump of the routes of a family, the last included.
    pub(crate) fn dump(&self, family: u8, mut each: impl FnMut(&[u8])) -> Result<(), Failure> {
        let mut request = Vec::new();
        let start = begin(&mut request, RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, 1);
        request.extend_from_slice(&[family, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        end(&mut request, start)?;
        self.send(&request)?;
        let mut buffer = vec![0; DATAGRAM];
        loop {
            let datagram = self.receive(&mut buffer)?;
            each(datagram);
            if is_last(datagram) {
                return Ok(());
            }
        }
    }

    /// Takes one acknowledgement.
    ///
    /// # Errors
    ///
    /// The kernel's refusal.
    pub(crate) fn acknowledged(&self, buffer: &mut [u8]) -> Result<(), Failure> {
        let datagram = self.receive(buffer)?;
        match (u16_at(datagram, 4), u32_at(datagram, MESSAGE_HEADER)) {
            (Some(NLMSG_ERROR), Some(0)) => Ok(()),
            (kind, error) => Err(format!("no acknowledgement but {kind:?} {:?}", error.map(u32::cast_signed)).into()),
        }
    }
}

/// Whether a datagram is the last of its dump: it ends with NLMSG_DONE, whose payload is a number.
fn is_last(datagram: &[u8]) -> bool {
    let last = datagram.len().checked_sub(MESSAGE_HEADER + 4);
    last.is_some_and(|at| u32_at(datagram, at) == Some(20) && u16_at(datagram, at + 4) == Some(NLMSG_DONE))
}

/// What is asked for a route.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wish {
    /// Add it, if its slot is free.
    Add,
    /// Delete it.
    Delete,
}

/// Appends a request for a route of the main table with one next hop.
pub(crate) fn request(
    buffer: &mut Vec<u8>,
    wish: Wish,
    sequence: u32,
    (destination, length): (IpAddr, u8),
    (gateway, interface): (IpAddr, u32),
    metric: Option<u32>,
    is_acknowledged: bool,
) -> Result<(), Failure> {
    let (kind, flags) = match wish {
        Wish::Add => (RTM_NEWROUTE, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL),
        Wish::Delete => (RTM_DELROUTE, NLM_F_REQUEST),
    };
    let flags = if is_acknowledged { flags | NLM_F_ACK } else { flags };
    let family = if destination.is_ipv4() { AF_INET } else { AF_INET6 };
    let start = begin(buffer, kind, flags, sequence);
    buffer.extend_from_slice(&[family, length, 0, 0, RT_TABLE_MAIN, RTPROT_STATIC, 0, RTN_UNICAST, 0, 0, 0, 0]);
    address(buffer, RTA_DST, destination)?;
    address(buffer, RTA_GATEWAY, gateway)?;
    attribute(buffer, RTA_OIF, &interface.to_ne_bytes())?;
    if let Some(metric) = metric {
        attribute(buffer, RTA_PRIORITY, &metric.to_ne_bytes())?;
    }
    end(buffer, start)
}

fn begin(buffer: &mut Vec<u8>, kind: u16, flags: u16, sequence: u32) -> usize {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; 4]);
    buffer.extend_from_slice(&kind.to_ne_bytes());
    buffer.extend_from_slice(&flags.to_ne_bytes());
    buffer.extend_from_slice(&sequence.to_ne_bytes());
    buffer.extend_from_slice(&[0; 4]);
    start
}

fn end(buffer: &mut [u8], start: usize) -> Result<(), Failure> {
    let length = u32::try_from(buffer.len() - start)?;
    buffer[start..start + 4].copy_from_slice(&length.to_ne_bytes());
    Ok(())
}

fn address(buffer: &mut Vec<u8>, kind: u16, address: IpAddr) -> Result<(), Failure> {
    match address {
        IpAddr::V4(address) => attribute(buffer, kind, &address.octets()),
        IpAddr::V6(address) => attribute(buffer, kind, &address.octets()),
    }
}

/// Appends an attribute, whose length is one of 4 bytes times something.
fn attribute(buffer: &mut Vec<u8>, kind: u16, data: &[u8]) -> Result<(), Failure> {
    buffer.extend_from_slice(&u16::try_from(4 + data.len())?.to_ne_bytes());
    buffer.extend_from_slice(&kind.to_ne_bytes());
    buffer.extend_from_slice(data);
    Ok(())
}

/// A route with one next hop, as a walk by hand reads it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plain {
    /// The fixed header: family, lengths, table, protocol, scope, type, flags.
    #[expect(dead_code, reason = "a decoder is measured, not used")]
    pub(crate) header: [u8; ROUTE_HEADER],
    pub(crate) destination: Option<IpAddr>,
    pub(crate) gateway: Option<IpAddr>,
    pub(crate) preferred_source: Option<IpAddr>,
    pub(crate) table: u32,
    pub(crate) metric: u32,
    pub(crate) interface: u32,
}

/// Reads the payload of a route message into a fixed structure and forgets what has no place there: the least that a
/// decoder can do.
pub(crate) fn walk(payload: &[u8]) -> Option<Plain> {
    let header = *payload.first_chunk::<ROUTE_HEADER>()?;
    let mut route = Plain {
        header,
        destination: None,
        gateway: None,
        preferred_source: None,
        table: u32::from(header[4]),
        metric: 0,
        interface: 0,
    };
    let mut rest = payload.get(ROUTE_HEADER..)?;
    while let Some((length, kind)) = u16_at(rest, 0).map(usize::from).zip(u16_at(rest, 2)) {
        let data = rest.get(4..length)?;
        match kind {
            RTA_DST => route.destination = ip(data),
            RTA_OIF => route.interface = u32_at(data, 0)?,
            RTA_GATEWAY => route.gateway = ip(data),
            RTA_PRIORITY => route.metric = u32_at(data, 0)?,
            RTA_PREFSRC => route.preferred_source = ip(data),
            RTA_TABLE => route.table = u32_at(data, 0)?,
            _ => {}
        }
        rest = rest.get((length + 3) & !3..).unwrap_or_default();
    }
    Some(route)
}

fn ip(data: &[u8]) -> Option<IpAddr> {
    match data.len() {
        4 => Some(Ipv4Addr::from(*data.first_chunk::<4>()?).into()),
        16 => Some(Ipv6Addr::from(*data.first_chunk::<16>()?).into()),
        _ => None,
    }
}

/// The messages of a datagram, each with its header.
pub(crate) fn messages(datagram: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        let length = usize::try_from(u32_at(rest, 0)?).ok()?;
        let message = rest.get(..length).filter(|message| message.len() >= MESSAGE_HEADER)?;
        rest = rest.get((length + 3) & !3..).unwrap_or_default();
        Some(message)
    })
}

/// Whether a message says that there is a route.
pub(crate) fn is_route(message: &[u8]) -> bool {
    u16_at(message, 4) == Some(RTM_NEWROUTE)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}
