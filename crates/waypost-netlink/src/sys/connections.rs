//! The host's sockets, by sock_diag(7).

use std::net::{IpAddr, SocketAddr};

use waypost_core::{Connection, ConnectionState, Error, ErrorKind, Family, IfIndex, Transport};

use super::Options;
use super::namespace::within;
use super::receiver::{Receiver, SLOTS};
use super::socket::{Rtnetlink, Sent, is_shortage};
use crate::wire::constants::{AF_INET, AF_INET6, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR};
use crate::wire::{Attributes, Encoder, Messages, read};

/// The types of requests: include/uapi/linux/sock_diag.h (Linux 6.18).
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const SOCK_DESTROY: u16 = 21;

/// The sizes of `struct inet_diag_req_v2` and `struct inet_diag_msg` (include/uapi/linux/inet_diag.h, Linux 6.18).
const REQUEST: usize = 56;
const HEADER: usize = 72;

/// All states up to `TCP_CLOSING` (include/net/tcp_states.h, Linux 6.18) but `TCP_TIME_WAIT`, a bit each.
const STATES: u32 = 0b1111_1111_1110 & !(1 << 6);

/// Attributes of the same file; `INET_DIAG_MARK` is told to who has `CAP_NET_ADMIN`, and the first two where they are asked for.
const TOS: u16 = 5;
const TRAFFIC_CLASS: u16 = 6;
const MARK: u16 = 15;
const OPTIONS: u16 = 22;

/// What is asked for of each socket: a bit for each attribute, from number 1 on (`idiag_ext`).
const WANTED: u8 = 1 << (TOS - 1) | 1 << (TRAFFIC_CLASS - 1);

/// `transparent` of `struct inet_diag_sockopt`, a field of one bit: the sixth in the order that the compiler has.
const TRANSPARENT: u8 = if cfg!(target_endian = "big") { 0x80 >> 5 } else { 1 << 5 };

/// The receive buffer: the kernel goes on with a list when there is room.
const BUFFER: usize = 1 << 20;

/// How often a list is asked for again of which the kernel had lost a part.
const TRIES: usize = 3;

/// The TCP and UDP sockets of a network namespace: lists them, and ends them.
///
/// Listing needs no privilege, but marks are told with `CAP_NET_ADMIN` alone. Ending takes `CAP_NET_ADMIN`, and a kernel that was built with
/// `CONFIG_INET_DIAG_DESTROY`.
///
/// ```no_run
/// use waypost_netlink::{Connections, Options};
///
/// let mut connections = Connections::open(&Options::new())?;
/// for connection in connections.list()? {
///     println!("{connection}");
/// }
/// # Ok::<(), waypost_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Connections {
    socket: Rtnetlink,
    receiver: Receiver,
    sequence: u32,
}

impl Connections {
    /// Opens the network namespace that `options` name.
    ///
    /// # Errors
    ///
    /// `NoSuchDevice` where there is no such namespace, `NotPermitted` where it may not be entered, `Unsupported` where the kernel does not tell
    /// of its sockets.
    pub fn open(options: &Options) -> Result<Self, Error> {
        let socket = within(&options.namespace, || Rtnetlink::open_to(libc::NETLINK_SOCK_DIAG, BUFFER))?;
        Ok(Self { socket, receiver: Receiver::new(), sequence: 0 })
    }

    /// All sockets but those that only rest (`TIME-WAIT`): TCP's before UDP's, IPv4's before IPv6's.
    ///
    /// Sockets that come or go meanwhile may be there or not.
    ///
    /// # Errors
    ///
    /// `Unsupported` where the kernel does not tell of its sockets, `Busy` where it is short of memory.
    pub fn list(&mut self) -> Result<Vec<Connection>, Error> {
        let mut all = Vec::new();
        for transport in Transport::ALL {
            for family in [AF_INET, AF_INET6] {
                self.list_of(transport, family, &mut all)?;
            }
        }
        Ok(all)
    }

    /// Ends a socket: whoever reads from it or writes to it is told at once that the connection was aborted (`ECONNABORTED`), and a TCP peer is sent a reset
    /// if there is a way to it.
    ///
    /// # Errors
    ///
    /// `NotFound` where it has ended already, `NotPermitted` without `CAP_NET_ADMIN`, `Unsupported` where the kernel cannot do that.
    pub fn close(&mut self, connection: &Connection) -> Result<(), Error> {
        let failed = |error: Error| error.on(connection);
        self.send(SOCK_DESTROY, NLM_F_ACK, &request_for(connection)).map_err(failed)?;
        self.answers("end a socket", &mut |_| ()).map_err(failed)
    }

    fn list_of(&mut self, transport: Transport, family: u8, all: &mut Vec<Connection>) -> Result<(), Error> {
        let start = all.len();
        for _ in 1..TRIES {
            self.send(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request(transport, family))?;
            match self.answers("list sockets", &mut |payload| all.extend(decode(payload, transport))) {
                Err(error) if error.kind() == ErrorKind::Busy => all.truncate(start),
                ended => return ended,
            }
        }
        self.send(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request(transport, family))?;
        self.answers("list sockets", &mut |payload| all.extend(decode(payload, transport)))
    }

    fn send(&mut self, kind: u16, flags: u16, request: &[u8; REQUEST]) -> Result<(), Error> {
        let mut bytes = Vec::new();
        self.sequence = self.sequence.wrapping_add(1);
        let mut message = Encoder::begin(&mut bytes, kind, NLM_F_REQUEST | flags, self.sequence);
        message.header(request);
        // No attribute is in it that could be too long.
        let _fits = message.finish();
        match self.socket.send(&bytes)? {
            Sent::All => Ok(()),
            Sent::Nothing => Err(Error::new(ErrorKind::Busy, "ask for sockets").because("the kernel has no room for requests")),
        }
    }

    /// Takes what answers the last request until it ends. The kernel answers as it is asked, so there is nothing to wait for.
    fn answers(&mut self, operation: &'static str, each: &mut dyn FnMut(&[u8])) -> Result<(), Error> {
        let lost = |why: &str| Error::new(ErrorKind::Busy, operation).because(why);
        loop {
            let count = match self.receiver.receive(&self.socket, SLOTS) {
                Ok(count) => count,
                Err(error) if is_shortage(&error) => return Err(lost("the kernel has lost a part of its answer")),
                Err(error) => return Err(Error::from_io(operation, &error)),
            };
            for datagram in self.receiver.datagrams(count).filter(|datagram| datagram.port == 0) {
                for message in Messages::new(datagram.bytes) {
                    let message = message.map_err(|error| Error::new(ErrorKind::Other, operation).because(error))?;
                    match message.kind {
                        _ if message.sequence != self.sequence => {}
                        NLMSG_DONE | NLMSG_ERROR => return ended(operation, message.payload),
                        _ => each(message.payload),
                    }
                }
            }
        }
    }
}

/// What the end of an answer says: zero, or the number of an error as a negative one.
fn ended(operation: &'static str, payload: &[u8]) -> Result<(), Error> {
    let number = payload.first_chunk().map_or(0, |bytes| i32::from_ne_bytes(*bytes).saturating_neg());
    if number == 0 {
        return Ok(());
    }
    let error = std::io::Error::from_raw_os_error(number);
    match number {
        // `inet_diag_handler_cmd` and `inet_diag_dump_compat` in net/ipv4/inet_diag.c (Linux 6.18): ENOENT without the module of the protocol, and
        // where there is no such socket; EOPNOTSUPP where the kernel was built without ending them.
        libc::ENOENT if operation == "list sockets" => Err(Error::new(ErrorKind::Unsupported, operation)
            .because("this kernel does not tell of its sockets (CONFIG_INET_DIAG)")
            .with_os_error(number)),
        libc::EOPNOTSUPP => Err(Error::new(ErrorKind::Unsupported, operation)
            .because("this kernel ends no sockets (CONFIG_INET_DIAG_DESTROY)")
            .with_os_error(number)),
        _ => Err(Error::from_io(operation, &error)),
    }
}

/// A request for all sockets of a family.
// By hand, like the header of an answer: the crates that know both ask for a newer Rust than ours, or bring others that nobody keeps.
fn request(transport: Transport, family: u8) -> [u8; REQUEST] {
    let mut bytes = [0; REQUEST];
    (bytes[0], bytes[1], bytes[2]) = (family, transport.ip_protocol(), WANTED);
    bytes[4..8].copy_from_slice(&STATES.to_ne_bytes());
    bytes
}

/// A request for one socket, by all that tells it apart.
fn request_for(connection: &Connection) -> [u8; REQUEST] {
    let mut bytes = request(connection.transport, if connection.local.is_ipv4() { AF_INET } else { AF_INET6 });
    // `struct inet_diag_sockid`: two ports, two addresses, an interface, a cookie.
    let ends = [(8, 12, Some(connection.local)), (10, 28, connection.remote)];
    for (port, address, end) in ends.into_iter().filter_map(|(port, address, end)| Some((port, address, end?))) {
        bytes[port..port + 2].copy_from_slice(&end.port().to_be_bytes());
        match end.ip() {
            IpAddr::V4(ip) => bytes[address..address + 4].copy_from_slice(&ip.octets()),
            IpAddr::V6(ip) => bytes[address..address + 16].copy_from_slice(&ip.octets()),
        }
    }
    bytes[44..48].copy_from_slice(&connection.interface.map_or(0, IfIndex::get).to_ne_bytes());
    bytes[48..56].copy_from_slice(&connection.cookie.to_ne_bytes());
    bytes
}

/// A socket of a list; `None` where it cannot be read.
fn decode(payload: &[u8], transport: Transport) -> Option<Connection> {
    let header: &[u8; HEADER] = payload.first_chunk()?;
    let number = |at| header.get(at..at + 4).and_then(read::u32);
    let end = |port: usize, address: usize| {
        let ip = match header[0] {
            AF_INET => IpAddr::from(*header.get(address..)?.first_chunk::<4>()?),
            AF_INET6 => IpAddr::from(*header.get(address..)?.first_chunk::<16>()?),
            _ => return None,
        };
        Some(SocketAddr::new(ip, u16::from_be_bytes(*header.get(port..)?.first_chunk()?)))
    };
    let mut connection = Connection::new(transport, state(header[1])?, end(4, 8)?);
    connection.remote = end(6, 24).filter(|remote| remote.port() != 0 || !is_unspecified(remote.ip()));
    connection.interface = IfIndex::new(number(40)?);
    connection.cookie = u64::from_ne_bytes(*header.get(44..)?.first_chunk()?);
    connection.uid = number(64);
    connection.inode = number(68)?.into();
    // The packets of an IPv6 socket that talks IPv4 have IPv4's type of service.
    let of_packets = if connection.family() == Family::V4 { TOS } else { TRAFFIC_CLASS };
    // One odd attribute must not hide a socket.
    for (kind, data) in Attributes::after(HEADER, payload).map_while(Result::ok) {
        match kind {
            MARK => connection.mark = read::u32(data),
            OPTIONS => connection.is_transparent = data.first().map(|bits| bits & TRANSPARENT != 0),
            _ if kind == of_packets => connection.tos = data.first().copied().unwrap_or(0),
            _ => {}
        }
    }
    Some(connection)
}

fn is_unspecified(address: IpAddr) -> bool {
    address.to_canonical().is_unspecified()
}

/// The states as the kernel numbers them: include/net/tcp_states.h (Linux 6.18).
const fn state(number: u8) -> Option<ConnectionState> {
    Some(match number {
        1 => ConnectionState::Established,
        2 => ConnectionState::SynSent,
        // TCP_NEW_SYN_RECV is another's word for the same.
        3 | 12 => ConnectionState::SynReceived,
        4 => ConnectionState::FinWait1,
        5 => ConnectionState::FinWait2,
        6 => ConnectionState::TimeWait,
        // TCP_BOUND_INACTIVE has a port and no more.
        7 | 13 => ConnectionState::Closed,
        8 => ConnectionState::CloseWait,
        9 => ConnectionState::LastAck,
        10 => ConnectionState::Listen,
        11 => ConnectionState::Closing,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An established connection from `[2001:db8::2]:40000` to `[2001:db8::1]:443`, of user 1000 by an interface, as `struct inet_diag_msg` has it.
    fn message(family: u8, state: u8) -> Vec<u8> {
        let mut bytes = vec![family, state, 0, 0];
        bytes.extend([40_000_u16.to_be_bytes(), 443_u16.to_be_bytes()].concat());
        for last in [2, 1] {
            bytes.extend([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
        }
        bytes.extend(7_u32.to_ne_bytes());
        bytes.extend(0x0102_0304_0506_0708_u64.to_ne_bytes());
        for number in [0_u32, 0, 0, 1000, 4242] {
            bytes.extend(number.to_ne_bytes());
        }
        bytes
    }

    #[test]
    fn a_socket_is_read_with_its_mark_whatever_else_is_said_of_it() {
        let mut bytes = message(AF_INET6, 1);
        assert_eq!(bytes.len(), HEADER);
        assert_eq!(decode(&bytes, Transport::Tcp).unwrap().mark, None, "not told without privilege");
        assert_eq!(decode(&bytes, Transport::Tcp).unwrap().is_transparent, None, "older kernels do not tell");
        // An attribute of no known kind and size, then the mark.
        let number = |value: u8| vec![value, 0, 0, 0];
        for (kind, value) in [
            (200_u16, vec![1, 2, 3, 0]),
            (MARK, 9_u32.to_ne_bytes().to_vec()),
            (TOS, number(4)),
            (TRAFFIC_CLASS, number(8)),
            (OPTIONS, number(TRANSPARENT)),
        ] {
            bytes.extend(8_u16.to_ne_bytes());
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(value);
        }
        let connection = decode(&bytes, Transport::Tcp).unwrap();
        assert_eq!(connection.to_string(), "tcp established [2001:db8::2]:40000 -> [2001:db8::1]:443");
        assert_eq!((connection.mark, connection.uid, connection.inode), (Some(9), Some(1000), 4242));
        assert_eq!((connection.interface, connection.cookie), (IfIndex::new(7), 0x0102_0304_0506_0708));
        assert_eq!((connection.tos, connection.is_transparent), (8, Some(true)));
    }

    #[test]
    fn one_socket_is_asked_for_by_all_that_tells_it_apart() {
        let asked = message(AF_INET6, 1);
        let request = request_for(&decode(&asked, Transport::Tcp).unwrap());
        assert_eq!(request[..8], [[AF_INET6, 6, WANTED, 0], STATES.to_ne_bytes()].concat());
        // Both have the same `struct inet_diag_sockid`.
        assert_eq!(request[8..], asked[4..52]);
        assert_eq!(decode(&asked, Transport::Udp).map(|connection| request_for(&connection)[1]), Some(17));
    }

    #[test]
    fn what_is_no_socket_is_none() {
        let whole = message(AF_INET6, 1);
        for length in 0..HEADER {
            assert_eq!(decode(&whole[..length], Transport::Udp), None);
        }
        assert_eq!(decode(&message(77, 1), Transport::Tcp), None, "a family of no internet");
        assert_eq!(decode(&message(AF_INET6, 99), Transport::Tcp), None, "a state of no protocol");
    }

    #[test]
    fn a_refusal_says_what_is_missing() {
        let kind = |operation, number: i32| ended(operation, &(-number).to_ne_bytes()).map_err(|error| error.kind());
        assert_eq!(kind("list sockets", 0), Ok(()));
        assert_eq!(kind("list sockets", libc::ENOENT), Err(ErrorKind::Unsupported));
        assert_eq!(kind("end a socket", libc::ENOENT), Err(ErrorKind::NotFound));
        assert_eq!(kind("end a socket", libc::EPERM), Err(ErrorKind::NotPermitted));
        assert_eq!(kind("end a socket", libc::EOPNOTSUPP), Err(ErrorKind::Unsupported));
    }
}
