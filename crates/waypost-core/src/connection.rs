//! The host's sockets: who talks to whom.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::{Family, Flow, IfIndex};

/// What carries a connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP, whose sockets are connected where the program has connected them.
    Udp,
}

impl Transport {
    /// Both, in this order.
    pub const ALL: [Self; 2] = [Self::Tcp, Self::Udp];

    /// Its name.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }

    /// Its IP protocol number.
    #[must_use]
    pub const fn ip_protocol(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }
}

/// How far a connection has come; RFC 9293, 3.3.2. A UDP socket is `Established` or `Closed`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ConnectionState {
    /// Both sides talk.
    Established,
    /// The other side has been asked.
    SynSent,
    /// The other side has asked.
    SynReceived,
    /// This side has ended it.
    FinWait1,
    /// This side has ended it, and the other one knows.
    FinWait2,
    /// It is over; its ports rest.
    TimeWait,
    /// It is none.
    Closed,
    /// The other side has ended it.
    CloseWait,
    /// Both have ended it, and the other one does not know yet.
    LastAck,
    /// It waits for others to ask.
    Listen,
    /// Both have ended it at once.
    Closing,
}

impl ConnectionState {
    /// Its name, as in RFC 9293.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Established => "established",
            Self::SynSent => "syn-sent",
            Self::SynReceived => "syn-received",
            Self::FinWait1 => "fin-wait-1",
            Self::FinWait2 => "fin-wait-2",
            Self::TimeWait => "time-wait",
            Self::Closed => "closed",
            Self::CloseWait => "close-wait",
            Self::LastAck => "last-ack",
            Self::Listen => "listen",
            Self::Closing => "closing",
        }
    }
}

/// A socket of the host's.
///
/// ```
/// use waypost_core::{Connection, ConnectionState, Transport};
///
/// let local = "[::ffff:10.0.0.2]:40000".parse().unwrap();
/// let mut connection = Connection::new(Transport::Tcp, ConnectionState::Established, local);
/// assert_eq!(connection.flow(), None, "it talks to nobody");
/// connection.remote = Some("[::ffff:192.0.2.1]:443".parse().unwrap());
/// // An IPv6 socket that talks IPv4: its packets are IPv4's.
/// let flow = connection.flow().unwrap();
/// assert_eq!((flow.destination.to_string().as_str(), flow.source), ("192.0.2.1", Some("10.0.0.2".parse().unwrap())));
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Connection {
    /// What carries it.
    pub transport: Transport,
    /// How far it has come.
    pub state: ConnectionState,
    /// This side; unspecified where any address of the host's is meant.
    pub local: SocketAddr,
    /// The other side, if there is one.
    pub remote: Option<SocketAddr>,
    /// The interface that it is bound to.
    pub interface: Option<IfIndex>,
    /// Its mark; `None` where the kernel does not tell, as it does not to who has no privilege.
    pub mark: Option<u32>,
    /// The type of service or traffic class of its packets.
    pub tos: u8,
    /// It may have a source that is no address of the host's, as those of proxies that are not to be seen (`IP_TRANSPARENT`); `None` where the
    /// kernel does not tell.
    pub is_transparent: Option<bool>,
    /// Whose it is, where the kernel tells.
    pub uid: Option<u32>,
    /// The number of the file by which its process has it (`/proc/PID/fd`); zero where it has none any more.
    pub inode: u64,
    /// What tells it from every other socket, those with the same addresses included.
    pub cookie: u64,
}

impl Connection {
    /// One of which no more is known.
    #[must_use]
    pub const fn new(transport: Transport, state: ConnectionState, local: SocketAddr) -> Self {
        Self {
            transport,
            state,
            local,
            remote: None,
            interface: None,
            mark: None,
            tos: 0,
            is_transparent: None,
            uid: None,
            inode: 0,
            cookie: 0,
        }
    }

    /// The packets that it sends, as routing asks about them; `None` where it talks to nobody in particular. A mark that is not known is taken
    /// for none. A multicast or broadcast address on this side is what it listens to and no source: the kernel chooses that.
    #[must_use]
    pub fn flow(&self) -> Option<Flow> {
        let remote = self.remote?;
        let mut flow = Flow::to(remote.ip().to_canonical());
        // `inet_bind` and `inet6_bind` (net/ipv4/af_inet.c, net/ipv6/af_inet6.c, Linux 6.18) leave the source open then.
        flow.source = Some(self.local.ip().to_canonical()).filter(|local| !local.is_unspecified() && !is_many(*local));
        flow.output = self.interface;
        flow.mark = self.mark.unwrap_or(0);
        flow.tos = self.tos;
        flow.uid = self.uid;
        flow.ip_protocol = Some(self.transport.ip_protocol());
        (flow.source_port, flow.destination_port) = (Some(self.local.port()), Some(remote.port()));
        Some(flow)
    }

    /// The family of its packets.
    #[must_use]
    pub fn family(&self) -> Family {
        let address: IpAddr = self.remote.unwrap_or(self.local).ip().to_canonical();
        Family::of(&address)
    }
}

/// Says whether packets to an address are for many.
const fn is_many(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_multicast() || address.is_broadcast(),
        IpAddr::V6(address) => address.is_multicast(),
    }
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.transport.word(), self.state.word(), self.local)?;
        match self.remote {
            Some(remote) => write!(f, " -> {remote}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_socket_listens_to_with_many_is_no_source() {
        let source = |local: &str, remote: &str| {
            let mut connection = Connection::new(Transport::Udp, ConnectionState::Established, local.parse().unwrap());
            connection.remote = Some(remote.parse().unwrap());
            connection.flow().unwrap().source
        };
        for local in ["239.1.1.1:5000", "255.255.255.255:5000", "0.0.0.0:5000", "[::ffff:239.1.1.1]:5000"] {
            assert_eq!(source(local, "10.0.0.9:4000"), None, "{local}");
        }
        assert_eq!(source("[ff15::7]:5000", "[2001:db8::9]:4000"), None);
        assert_eq!(source("10.0.0.2:5000", "10.0.0.9:4000"), "10.0.0.2".parse().ok());
    }
}
