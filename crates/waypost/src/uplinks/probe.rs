//! Looking whether packets get through an uplink.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use waypost_core::{Error, ErrorKind, Family};
use waypost_engine::Probed;

use crate::captive::{self, Endpoint};
use crate::sys;

/// How many octets tell an echo of ours from those of others.
const TOKEN: usize = 8;

/// Whom a probe asks, and how.
///
/// ```
/// use waypost::ProbeTarget;
///
/// assert!(matches!("192.0.2.1".parse()?, ProbeTarget::Echo(_)));
/// assert!(matches!("[2001:db8::1]:443".parse()?, ProbeTarget::Connect(_)));
/// assert!(matches!("http://192.0.2.1/generate_204".parse()?, ProbeTarget::Page(_)));
/// assert!("https://192.0.2.1/".parse::<ProbeTarget>().is_err());
/// # Ok::<(), waypost::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum ProbeTarget {
    /// An ICMP echo request to this address, as `ping` makes them.
    Echo(IpAddr),
    /// A TCP connection. Somebody who refuses it has been reached: that counts as well.
    Connect(SocketAddr),
    /// A page that answers 204, No Content, over HTTP: whoever answers anything else in its place is a captive portal.
    Page(String),
}

impl FromStr for ProbeTarget {
    type Err = Error;

    /// An address is asked for an echo, an address with a port for a connection, and what begins with `http:` for a page.
    fn from_str(text: &str) -> Result<Self, Error> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Echo(address));
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::Connect(address));
        }
        if !text.contains("://") {
            let why = "it is an address, an address with a port, or a page that begins with http:";
            return Err(Error::new(ErrorKind::Invalid, "probe").on(text).because(why));
        }
        captive::Check::new(captive::Options::new([Endpoint::no_content(text)]))?;
        Ok(Self::Page(text.to_owned()))
    }
}

impl fmt::Display for ProbeTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Echo(address) => address.fmt(f),
            Self::Connect(address) => address.fmt(f),
            Self::Page(url) => f.write_str(url),
        }
    }
}

impl ProbeTarget {
    /// The family that it is asked over; `None` for a page, which is asked over that of the addresses that are given.
    #[must_use]
    pub fn family(&self) -> Option<Family> {
        match self {
            Self::Echo(address) => Some(Family::of(address)),
            Self::Connect(address) => Some(Family::of(&address.ip())),
            Self::Page(_) => None,
        }
    }

    /// The address that is asked; of a page only where it is asked by one and not by a name.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Echo(address) => Some(*address),
            Self::Connect(address) => Some(address.ip()),
            Self::Page(url) => captive::names::address_of(url),
        }
    }

    /// The name that a page is asked by, where the process has asked it and never learnt an address of that name: such a page says nothing of an uplink.
    #[must_use]
    pub fn unknown_name(&self) -> Option<String> {
        let Self::Page(url) = self else { return None };
        captive::names::name_of(url).filter(|name| captive::names::is_unknown(name))
    }

    /// Says whether this process may ask it.
    ///
    /// # Errors
    ///
    /// `NotPermitted` where an echo takes a right that it has not.
    pub fn may_ask(&self) -> Result<(), Error> {
        let Self::Echo(target) = self else { return Ok(()) };
        match open_for_echo(*target) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                let why = "an ICMP echo takes CAP_NET_RAW, or a group that net.ipv4.ping_group_range names";
                Err(Error::new(ErrorKind::NotPermitted, "probe").on(self).because(why))
            }
            _ => Ok(()),
        }
    }

    /// Asks, kept to an interface that has these addresses, and blocks for `timeout` at most.
    ///
    /// The name of a page is looked up as the system does it, which is over the way out that is in use. So the addresses that it had are kept for
    /// the life of the process, that of the page as it should be first, and the lookup is waited for only where there are none.
    ///
    /// # Platform-specific
    ///
    /// Linux binds the socket to the interface; elsewhere it gets an address of it, and the tables decide by which way it leaves. An echo takes
    /// a group that `net.ipv4.ping_group_range` names, or CAP_NET_RAW; elsewhere the rights of root.
    #[must_use]
    pub fn ask(&self, interface: &str, addresses: &[IpAddr], timeout: Duration) -> Probed {
        let answers = match self {
            Self::Echo(target) => echo(interface, addresses, *target, timeout),
            Self::Connect(target) => connect(interface, addresses, *target, timeout),
            Self::Page(url) => return captive::page(url, interface, addresses, timeout),
        };
        if answers.is_ok() { Probed::Passed } else { Probed::Failed }
    }
}

fn connect(interface: &str, addresses: &[IpAddr], target: SocketAddr, timeout: Duration) -> io::Result<()> {
    let socket = Socket::new(Domain::for_address(target), Type::STREAM, Some(Protocol::TCP))?;
    sys::keep_to(&socket, interface, addresses, &target)?;
    match socket.connect_timeout(&target.into(), timeout) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        other => other,
    }
}

/// A socket for echoes. The first is for everybody, where the system lets this group (icmp(7), `ping_group_range`).
fn open_for_echo(target: IpAddr) -> io::Result<Socket> {
    let protocol = if target.is_ipv4() { Protocol::ICMPV4 } else { Protocol::ICMPV6 };
    let open = |kind| Socket::new(Domain::for_address(SocketAddr::new(target, 0)), kind, Some(protocol));
    open(Type::DGRAM).or_else(|_| open(Type::RAW))
}

fn echo(interface: &str, addresses: &[IpAddr], target: IpAddr, timeout: Duration) -> io::Result<()> {
    let remote = SocketAddr::new(target, 0);
    let mut socket = open_for_echo(target)?;
    sys::keep_to(&socket, interface, addresses, &remote)?;
    socket.connect(&remote.into())?;
    let token = RandomState::new().hash_one(target).to_ne_bytes();
    let end = sys::now().running.saturating_add(timeout);
    socket.send(&request(target.is_ipv4(), token))?;
    let mut buffer = [0; 256];
    loop {
        let wait = wait(end.saturating_sub(sys::now().running)).ok_or(io::ErrorKind::TimedOut)?;
        socket.set_read_timeout(Some(wait))?;
        match socket.read(&mut buffer) {
            Ok(length) if is_reply(target.is_ipv4(), token, buffer.get(..length).unwrap_or_default()) => return Ok(()),
            // What others are told, the whole protocol's socket hears too.
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// How long to wait on a socket with so much time left; `None` with none. Less than a microsecond would be no time-out, which is for ever (socket(7)).
fn wait(left: Duration) -> Option<Duration> {
    (!left.is_zero()).then_some(left.max(Duration::from_micros(1)))
}

/// An echo request: type, code, checksum, identifier, sequence number, data (RFC 792, RFC 4443, 4.1).
fn request(is_v4: bool, token: [u8; TOKEN]) -> Vec<u8> {
    let mut message = vec![if is_v4 { 8 } else { 128 }, 0, 0, 0, token[0], token[1], 0, 1];
    message.extend(token);
    if is_v4 {
        // Of ICMPv6 the kernel makes it (RFC 3542, 3.1).
        let sum: u32 = message.chunks_exact(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
        let folded = (sum & 0xffff) + (sum >> 16);
        let folded = ((folded & 0xffff) + (folded >> 16)) as u16;
        message[2..4].copy_from_slice(&(!folded).to_be_bytes());
    }
    message
}

/// Says whether that is the reply. A raw socket of IPv4 gives the packet's header too, which no ICMP message begins like.
fn is_reply(is_v4: bool, token: [u8; TOKEN], packet: &[u8]) -> bool {
    let header = match packet.first() {
        Some(first) if is_v4 && first >> 4 == 4 => usize::from(first & 15) * 4,
        _ => 0,
    };
    let message = packet.get(header..).unwrap_or_default();
    message.first() == Some(&if is_v4 { 0 } else { 129 }) && message.get(8..8 + TOKEN) == Some(&token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_target_is_refused() {
        for text in ["", "example", "192.0.2.1:", "192.0.2.1:99999", "icmp://192.0.2.1", "https://192.0.2.1/", "http://"] {
            assert!(text.parse::<ProbeTarget>().is_err(), "{text:?}");
        }
        for text in ["192.0.2.1", "2001:db8::1", "192.0.2.1:443", "[2001:db8::1]:443", "http://captive.example/204"] {
            assert_eq!(text.parse::<ProbeTarget>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_wait_is_never_for_ever() {
        assert_eq!(wait(Duration::ZERO), None);
        assert_eq!(wait(Duration::from_nanos(1)), Some(Duration::from_micros(1)));
        assert_eq!(wait(Duration::from_secs(1)), Some(Duration::from_secs(1)));
    }

    #[test]
    fn the_sum_of_a_request_and_its_checksum_is_all_ones() {
        let message = request(true, [0xff, 0xfe, 0x12, 0x80, 3, 4, 5, 0xf0]);
        let sum: u32 = message.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
        assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff);
        assert_eq!(request(false, [1; TOKEN])[..4], [128, 0, 0, 0]);
    }

    #[test]
    fn a_reply_is_known_by_its_type_and_token_with_and_without_the_packets_header() {
        let token = [1, 2, 3, 4, 5, 6, 7, 8];
        let mut reply = request(true, token);
        assert!(!is_reply(true, token, &reply), "a request is none: on the loopback it is heard too");
        reply[0] = 0;
        assert!(is_reply(true, token, &reply));
        let mut packet = vec![0x46; 24];
        packet.extend(&reply);
        assert!(is_reply(true, token, &packet));
        assert!(!is_reply(true, [9; TOKEN], &packet));
        for length in 0..packet.len() {
            assert!(!is_reply(true, token, &packet[..length]), "cut short");
        }
        reply[0] = 129;
        assert!(is_reply(false, token, &reply) && !is_reply(true, token, &reply));
    }
}
