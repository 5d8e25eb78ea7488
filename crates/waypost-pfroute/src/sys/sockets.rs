//! Two routing sockets of this system. See route(4), on illumos route(4P).
#![expect(unsafe_code, reason = "options that socket2 does not name")]

use std::io::{self, Read as _, Write as _};
use std::mem::size_of_val;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};
use std::time::{Duration, SystemTime};

use libc::{c_int, socklen_t};
use socket2::{Domain, Protocol, Socket, Type};
use waypost_core::{Error, Family, TableId};

use super::Options;
use crate::session::{Lane, Transport};
use crate::wire::{Dialect, Kind, RouteOp};

#[cfg(target_os = "openbsd")]
use crate::wire::RouteFlags;
#[cfg(any(target_os = "netbsd", target_os = "dragonfly"))]
use {
    crate::wire::{ByteOrder, SockaddrValue},
    std::net::IpAddr,
};

/// The receive buffer for events, in bytes, unless the options say otherwise; halved until the system allows it.
const EVENT_BUFFER: usize = 4 << 20;
/// The least that is tried for: twice what systems give by themselves.
const EVENT_BUFFER_MIN: usize = 16 << 10;

/// The routing sockets of this system.
#[derive(Debug)]
pub struct Sockets {
    events: Socket,
    requests: Socket,
    pid: Option<u32>,
    receive_buffer: usize,
    /// The kernel tells by an error that messages were lost.
    pub(super) tells_loss: bool,
}

impl Sockets {
    pub(super) fn open(dialect: &'static Dialect, options: &Options, hears_events: bool) -> Result<Self, Error> {
        let failed = |error: io::Error| Error::from_io("open a routing socket", &error);
        let events = socket(dialect, options.table, options.interest.family).map_err(failed)?;
        let requests = socket(dialect, options.table, None).map_err(failed)?;
        let receive_buffer = enlarge(&events, options.receive_buffer.unwrap_or(EVENT_BUFFER)).map_err(failed)?;
        let tells_loss = set_tells_loss(&events);
        // What is not wanted need not fill the buffers; where the kernel cannot sort it out, the session does.
        filter_types(&events, dialect, |kind| options.misses || !matches!(kind, Kind::Route(RouteOp::Miss, _)));
        filter_types(&requests, dialect, |kind| matches!(kind, Kind::Route(RouteOp::Get | RouteOp::Delete, _)));
        filter_events(&events, dialect, options);
        if !hears_events {
            // A socket that never reads would keep its buffer full.
            events.shutdown(Shutdown::Read).map_err(failed)?;
        }
        Ok(Self { events, requests, pid: Some(std::process::id()), receive_buffer, tells_loss })
    }

    /// The socket of events, to be polled for reading.
    #[must_use]
    pub fn event_fd(&self) -> BorrowedFd<'_> {
        self.events.as_fd()
    }

    /// The socket of requests, to be polled for reading.
    #[must_use]
    pub fn request_fd(&self) -> BorrowedFd<'_> {
        self.requests.as_fd()
    }

    /// The size of the receive buffer for events that was had, in bytes.
    #[must_use]
    pub const fn receive_buffer(&self) -> usize {
        self.receive_buffer
    }
}

impl Transport for Sockets {
    fn write(&mut self, request: &[u8]) -> Result<(), i32> {
        loop {
            match self.requests.write(request) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.raw_os_error().unwrap_or(libc::EIO)),
                Ok(_all) => return Ok(()),
            }
        }
    }

    fn read(&mut self, lane: Lane, buffer: &mut [u8]) -> Result<Option<usize>, i32> {
        let socket = match lane {
            Lane::Events => &mut self.events,
            Lane::Requests => &mut self.requests,
        };
        loop {
            match socket.read(buffer) {
                // A socket that was shut down has nothing to say.
                Ok(0) => return Ok(None),
                Ok(length) => return Ok(Some(length)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error.raw_os_error().unwrap_or(libc::EIO)),
            }
        }
    }

    fn sysctl(&mut self, name: &[i32], buffer: Option<&mut [u8]>) -> Result<usize, i32> {
        cfg_if::cfg_if! {
            if #[cfg(any(target_os = "illumos", target_os = "solaris"))] {
                let _ = (name, buffer);
                Err(libc::ENXIO)
            } else {
                super::sysctl::read(name, buffer).map_err(|error| error.raw_os_error().unwrap_or(libc::EIO))
            }
        }
    }

    #[cfg(any(target_os = "illumos", target_os = "solaris"))]
    fn mib2(&mut self, out: &mut Vec<u8>) -> Result<(), i32> {
        super::mib2::read(out).map_err(|error| error.raw_os_error().unwrap_or(libc::EIO))
    }

    #[cfg(any(target_os = "illumos", target_os = "solaris"))]
    fn interface_index(&mut self, name: &str) -> Option<u32> {
        super::mib2::interface_index(name)
    }

    fn pid(&self) -> Option<u32> {
        self.pid
    }

    fn since_epoch(&self) -> Duration {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }
}

/// A socket that hears of one family, or of both, in `table`: its protocol says which (route(4) of each system). SO_USELOOPBACK is
/// left as it is, on, so that one's own changes are heard of as everybody else's.
fn socket(dialect: &'static Dialect, table: TableId, family: Option<Family>) -> io::Result<Socket> {
    let protocol = family.map(|family| match family {
        Family::V4 => dialect.families.inet,
        Family::V6 => dialect.families.inet6,
    });
    let protocol = protocol.map(|family| Protocol::from(c_int::from(family)));
    let socket = Socket::new(Domain::from(c_int::from(dialect.protocol_family)), Type::RAW, protocol)?;
    socket.set_nonblocking(true)?;
    if table != TableId(0) {
        set_table(&socket, c_int::try_from(table.0).unwrap_or(c_int::MAX))?;
    }
    Ok(socket)
}

fn enlarge(socket: &Socket, wanted: usize) -> io::Result<usize> {
    let mut size = wanted;
    // Systems refuse what is more than they allow, and do not say how much that is.
    while socket.set_recv_buffer_size(size).is_err() && size > EVENT_BUFFER_MIN {
        size /= 2;
    }
    socket.recv_buffer_size()
}

cfg_if::cfg_if! {
    if #[cfg(target_os = "freebsd")] {
        /// SO_SETFIB: the socket is of another FIB.
        fn set_table(socket: &Socket, table: c_int) -> io::Result<()> {
            set(socket, libc::SOL_SOCKET, libc::SO_SETFIB, &table)
        }
    } else if #[cfg(target_os = "openbsd")] {
        /// SO_RTABLE: the socket is of another table.
        fn set_table(socket: &Socket, table: c_int) -> io::Result<()> {
            set(socket, libc::SOL_SOCKET, libc::SO_RTABLE, &table)
        }
    } else {
        fn set_table(_: &Socket, _: c_int) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }
    }
}

cfg_if::cfg_if! {
    if #[cfg(target_os = "freebsd")] {
        /// SO_RERROR of sys/socket.h (FreeBSD 14).
        const SO_RERROR: Option<c_int> = Some(0x2_0000);
    } else if #[cfg(target_os = "netbsd")] {
        /// SO_RERROR of sys/socket.h (NetBSD 9).
        const SO_RERROR: Option<c_int> = Some(0x4000);
    } else if #[cfg(target_os = "dragonfly")] {
        /// SO_RERROR of sys/socket.h, as Zig 0.17's `std.c.SO` has it; the header itself was not to be had. An older kernel refuses it.
        const SO_RERROR: Option<c_int> = Some(0x2000);
    } else {
        /// OpenBSD tells by a message; macOS and illumos do not tell.
        const SO_RERROR: Option<c_int> = None;
    }
}

/// Asks to be told by an error that messages were lost, and says whether the kernel will.
fn set_tells_loss(socket: &Socket) -> bool {
    SO_RERROR.is_some_and(|option| set::<c_int>(socket, libc::SOL_SOCKET, option, &1).is_ok())
}

cfg_if::cfg_if! {
    if #[cfg(target_os = "openbsd")] {
        /// ROUTE_MSGFILTER of net/route.h (OpenBSD 7.5): a bit for each type.
        fn filter_types(socket: &Socket, dialect: &'static Dialect, wants: impl Fn(&Kind) -> bool) {
            const ROUTE_MSGFILTER: c_int = 1;
            let bits: u32 = (0..32).filter(|&number| wants(&dialect.message_type(number).kind)).map(|number| 1 << number).sum();
            // Without the filter there is more to read, and nothing is wrong.
            let _filtered = set(socket, c_int::from(dialect.protocol_family), ROUTE_MSGFILTER, &bits);
        }

        /// ROUTE_TABLEFILTER, ROUTE_PRIOFILTER and ROUTE_FLAGFILTER of net/route.h (OpenBSD 7.5).
        fn filter_events(socket: &Socket, dialect: &'static Dialect, options: &Options) {
            const ROUTE_TABLEFILTER: c_int = 2;
            const ROUTE_PRIOFILTER: c_int = 3;
            const ROUTE_FLAGFILTER: c_int = 4;
            let level = c_int::from(dialect.protocol_family);
            let _filtered = set(socket, level, ROUTE_TABLEFILTER, &options.table.0);
            if let Some(priority) = options.interest.worst_priority.filter(|priority| *priority < 64) {
                let _filtered = set(socket, level, ROUTE_PRIOFILTER, &u32::from(priority));
            }
            // Copies that the kernel clones are told of nobody but as neighbours.
            if let Some(cloned) = dialect.flag_word(RouteFlags::CLONED).filter(|_| !options.neighbours) {
                let _filtered = set(socket, level, ROUTE_FLAGFILTER, &cloned);
            }
        }
    } else if #[cfg(any(target_os = "netbsd", target_os = "dragonfly"))] {
        /// RO_MSGFILTER of net/route.h (NetBSD 9): the types as bytes. DragonFly has it from there; that its number is the same is unverified,
        /// and the option is refused where it is not.
        fn filter_types(socket: &Socket, dialect: &'static Dialect, wants: impl Fn(&Kind) -> bool) {
            const RO_MSGFILTER: c_int = 1;
            let types: Vec<u8> = (1..32).filter(|&number| wants(&dialect.message_type(number).kind)).collect();
            // Without the filter there is more to read, and nothing is wrong.
            let _filtered = set(socket, c_int::from(dialect.protocol_family), RO_MSGFILTER, &*types);
        }

        /// RO_MISSFILTER of net/route.h (NetBSD 9): the destinations as sockaddrs, at most RO_FILTSA_MAX of them.
        fn filter_events(socket: &Socket, dialect: &'static Dialect, options: &Options) {
            const RO_MISSFILTER: c_int = 2;
            const RO_FILTSA_MAX: usize = 30;
            let destinations = &options.interest.misses_to;
            if options.misses && !destinations.is_empty() && destinations.len() <= RO_FILTSA_MAX {
                let mut sockaddrs = Vec::new();
                let value = |address: &IpAddr| match *address {
                    IpAddr::V4(address) => SockaddrValue::Inet(address),
                    IpAddr::V6(address) => SockaddrValue::Inet6 { address, scope: 0 },
                };
                for destination in destinations {
                    let _written = value(destination).append(dialect, ByteOrder::NATIVE, &mut sockaddrs);
                }
                let _filtered = set(socket, c_int::from(dialect.protocol_family), RO_MISSFILTER, &*sockaddrs);
            }
        }
    } else {
        const fn filter_types(_: &Socket, _: &'static Dialect, _: impl Fn(&Kind) -> bool + Copy) {}

        const fn filter_events(_: &Socket, _: &'static Dialect, _: &Options) {}
    }
}

fn set<T: ?Sized>(socket: &Socket, level: c_int, option: c_int, value: &T) -> io::Result<()> {
    let length = size_of_val(value) as socklen_t;
    // SAFETY: the value is `length` bytes long and outlives the call, which only reads it.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const *value).cast(), length) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
