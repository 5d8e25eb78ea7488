//! What leaves by an interface, and what a socket that connects knows of its way.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::sockopt::{IpMtu, IpTransparent, Ipv4Tos};
use nix::sys::socket::{
    AddressFamily, LinkAddr, SockFlag, SockProtocol, SockType, SockaddrIn, bind, connect, getsockname, getsockopt, recvfrom,
    setsockopt, socket,
};

use super::Seen;

/// All packets of the calling thread's namespace.
#[derive(Debug)]
pub struct Wire(OwnedFd);

impl Wire {
    /// Listens from now on.
    ///
    /// # Panics
    ///
    /// Where that is refused.
    #[must_use]
    pub fn open() -> Self {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        Self(socket(AddressFamily::Packet, SockType::Datagram, flags, SockProtocol::EthAll).expect("a packet socket"))
    }

    /// The TCP packets over IPv4 that were seen and not told of yet.
    ///
    /// # Panics
    ///
    /// Where reading fails.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        let mut seen = Vec::new();
        let mut buffer = [0; 2048];
        loop {
            match recvfrom::<LinkAddr>(self.0.as_raw_fd(), &mut buffer) {
                Err(Errno::EAGAIN) => return seen,
                Err(error) => panic!("read the wire: {error}"),
                Ok((length, from)) => {
                    let interface = from.map_or(0, |from| u32::try_from(from.ifindex()).expect("a number"));
                    seen.extend(read(&buffer[..length], interface));
                }
            }
        }
    }
}

/// Reads an IPv4 header and the ports behind it.
fn read(packet: &[u8], interface: u32) -> Option<Seen> {
    let (first, protocol) = (packet.first()?, packet.get(9)?);
    if first >> 4 != 4 || *protocol != 6 {
        return None;
    }
    let source: [u8; 4] = packet.get(12..16)?.try_into().ok()?;
    let ports = usize::from(first & 15) * 4;
    let port: [u8; 2] = packet.get(ports + 2..ports + 4)?.try_into().ok()?;
    Some(Seen { interface, source: source.into(), port: u16::from_be_bytes(port) })
}

/// Begins to connect a TCP socket, and says which address and MTU it has then.
///
/// # Panics
///
/// Where there is no way.
#[must_use]
pub fn connecting(to: SocketAddrV4) -> (OwnedFd, Ipv4Addr, u32) {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let tcp = socket(AddressFamily::Inet, SockType::Stream, flags, None).expect("a socket");
    match connect(tcp.as_raw_fd(), &SockaddrIn::from(to)) {
        Ok(()) | Err(Errno::EINPROGRESS) => {}
        Err(error) => panic!("connect to {to}: {error}"),
    }
    let own: SockaddrIn = getsockname(tcp.as_raw_fd()).expect("an address");
    let mtu = getsockopt(&tcp, IpMtu).expect("an MTU");
    (tcp, own.ip(), u32::try_from(mtu).expect("an MTU is no negative number"))
}

/// A UDP socket from an address that need not be the host's own.
///
/// # Panics
///
/// Where the kernel refuses it.
#[must_use]
pub fn transparent_datagrams(from: SocketAddrV4) -> UdpSocket {
    let udp = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None).expect("a socket");
    setsockopt(&udp, IpTransparent, &true).expect("rights in the namespace");
    bind(udp.as_raw_fd(), &SockaddrIn::from(from)).expect("any address");
    udp.into()
}

/// Gives the packets of a socket a type of service.
///
/// # Panics
///
/// Where the kernel refuses it.
pub fn serve_as(socket: &UdpSocket, tos: i32) {
    setsockopt(socket, Ipv4Tos, &tos).expect("a type of service");
}
