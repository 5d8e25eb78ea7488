//! A netlink socket, set up as Waypost needs it. See netlink(7) and socket(7).
#![expect(unsafe_code, reason = "calls that neither socket2 nor nix makes as they are needed here")]

use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use libc::{c_int, c_void, sockaddr_nl, socklen_t};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use waypost_core::{Error, ErrorKind};

/// A netlink socket.
#[derive(Debug)]
pub(super) struct Rtnetlink {
    socket: ManuallyDrop<Socket>,
    /// Which file the descriptor stood for when it was opened.
    identity: Option<Identity>,
    /// The port that the kernel has given it.
    pub(super) port: u32,
    /// The size of the receive buffer that was had.
    pub(super) receive_buffer: usize,
    /// The kernel checks what a dump asks for, and does it.
    pub(super) is_strict: bool,
}

impl Rtnetlink {
    /// Opens a socket to the routing tables whose receive buffer has `receive_buffer` bytes, or as many of them as this process may have.
    pub(super) fn open(receive_buffer: usize) -> Result<Self, Error> {
        Self::open_to(libc::NETLINK_ROUTE, receive_buffer)
    }

    /// Opens a socket to another part of the kernel.
    pub(super) fn open_to(protocol: c_int, receive_buffer: usize) -> Result<Self, Error> {
        let failed = |error: io::Error| Error::from_io("open a netlink socket", &error);
        let kind = Type::RAW.cloexec().nonblocking();
        let socket = Socket::new(Domain::from(libc::AF_NETLINK), kind, Some(Protocol::from(protocol))).map_err(failed)?;
        // What an older kernel does not know is done without: then a refusal has no text, and all filters are ours.
        let is_strict = set(&socket, libc::SOL_NETLINK, libc::NETLINK_GET_STRICT_CHK, 1).is_ok();
        let _is_capped = set(&socket, libc::SOL_NETLINK, libc::NETLINK_CAP_ACK, 1).is_ok();
        let _is_extended = set(&socket, libc::SOL_NETLINK, libc::NETLINK_EXT_ACK, 1).is_ok();
        let receive_buffer = enlarge(&socket, receive_buffer).map_err(failed)?;
        socket.bind(&any_port().map_err(failed)?).map_err(failed)?;
        let port = port(&socket.local_addr().map_err(failed)?);
        let identity = Identity::of(&socket);
        Ok(Self { socket: ManuallyDrop::new(socket), identity, port, receive_buffer, is_strict })
    }

    /// Says whether the descriptor still stands for the socket: somebody in this process can have closed it, and its number can have been
    /// given to something else since.
    pub(super) fn is_there(&self) -> bool {
        self.identity.is_some() && Identity::of(&*self.socket) == self.identity
    }

    /// Fails where the descriptor does not stand for the socket any more.
    pub(super) fn check(&self, operation: &'static str) -> Result<(), Error> {
        if self.is_there() { Ok(()) } else { Err(self.broken(operation, &io::Error::from_raw_os_error(libc::EBADF))) }
    }

    /// The error of a socket that is of no more use.
    pub(super) fn broken(&self, operation: &'static str, error: &io::Error) -> Error {
        let (kind, why) = match self.is_there() {
            true => (ErrorKind::Other, error.to_string()),
            false => (ErrorKind::Closed, format!("the socket was closed by somebody in this process ({error})")),
        };
        let made = Error::new(kind, operation).because(why);
        error.raw_os_error().into_iter().fold(made, Error::with_os_error)
    }

    /// Subscribes to a group, and says whether the kernel has it.
    pub(super) fn join(&self, group: u32) -> bool {
        let number = c_int::try_from(group).unwrap_or(c_int::MAX);
        set(&self.socket, libc::SOL_NETLINK, libc::NETLINK_ADD_MEMBERSHIP, number).is_ok()
    }

    /// Sends messages to the kernel, which has dealt with them when this returns.
    pub(super) fn send(&self, bytes: &[u8]) -> Result<Sent, Error> {
        loop {
            return match self.socket.send(bytes) {
                Ok(_all) => Ok(Sent::All),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if is_shortage(&error) => Ok(Sent::Nothing),
                Err(error) => Err(self.broken("send to the kernel", &error)),
            };
        }
    }
}

/// What became of what was to be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sent {
    All,
    /// The kernel has no room for it.
    Nothing,
}

/// Whether an error says that the kernel is short of memory.
pub(super) fn is_shortage(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || matches!(error.raw_os_error(), Some(libc::ENOBUFS | libc::ENOMEM))
}

impl Drop for Rtnetlink {
    fn drop(&mut self) {
        // What has the number now is not ours to close.
        if self.is_there() {
            // SAFETY: nothing uses the socket after this, which is done once.
            unsafe { ManuallyDrop::drop(&mut self.socket) };
        }
    }
}

/// The file that a descriptor stands for, by its device and number there (fstat(2)): no other open file has the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Identity(libc::dev_t, libc::ino_t);

impl Identity {
    pub(super) fn of(file: &impl AsRawFd) -> Option<Self> {
        // SAFETY: for a structure of numbers zero is a value.
        let mut told: libc::stat = unsafe { std::mem::zeroed() };
        // SAFETY: `told` has room for what the call writes, and outlives it.
        let result = unsafe { libc::fstat(file.as_raw_fd(), &raw mut told) };
        (result == 0).then_some(Self(told.st_dev, told.st_ino))
    }
}

impl AsFd for Rtnetlink {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Makes the receive buffer `size` bytes large, past the system's limit where that is allowed (`CAP_NET_ADMIN` in the
/// initial user namespace), and says how large it is then.
fn enlarge(socket: &Socket, size: usize) -> io::Result<usize> {
    // The kernel doubles what it is given, for its own overhead (socket(7)), and tells the double.
    let half = size / 2;
    let forced = set(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, c_int::try_from(half).unwrap_or(c_int::MAX / 2));
    if forced.is_err() {
        socket.set_recv_buffer_size(half)?;
    }
    socket.recv_buffer_size()
}

fn set(socket: &Socket, level: c_int, option: c_int, value: c_int) -> io::Result<()> {
    let length = size_of::<c_int>() as socklen_t;
    // SAFETY: the value is `length` bytes long and outlives the call, which only reads it.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const value).cast::<c_void>(), length) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The address by which the kernel chooses a port.
fn any_port() -> io::Result<SockAddr> {
    let fill = |storage: *mut socket2::SockAddrStorage, length: *mut socklen_t| {
        let name = storage.cast::<sockaddr_nl>();
        // SAFETY: socket2 gives zeroed memory for the largest and most strictly aligned address, and room for a length.
        unsafe {
            (*name).nl_family = libc::AF_NETLINK as libc::sa_family_t;
            *length = size_of::<sockaddr_nl>() as socklen_t;
        }
        Ok(())
    };
    // SAFETY: `fill` has written an address of a netlink socket and its length.
    let ((), address) = unsafe { SockAddr::try_init(fill) }?;
    Ok(address)
}

fn port(address: &SockAddr) -> u32 {
    // SAFETY: the storage is as large and as aligned as any address needs, and all bits are a number.
    let name = unsafe { &*address.as_ptr().cast::<sockaddr_nl>() };
    name.nl_pid
}
