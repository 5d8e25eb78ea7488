//! What the functions of the interface do.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use waypost_pfroute::wire::ByteOrder;
use waypost_sim::RoutingProfile;
use waypost_sim::routing::RoutingSim;

use crate::{CHOICE, DEFAULT};

/// The process that a request's answer names.
const PID: u32 = 2;

/// The numbers of errors that these systems share.
#[rustfmt::skip]
pub(crate) mod errno {
    pub(crate) const ENOENT: i32 = 2;
    pub(crate) const EBADF: i32 = 9;
    pub(crate) const ENOMEM: i32 = 12;
    pub(crate) const EEXIST: i32 = 17;
    pub(crate) const EINVAL: i32 = 22;
    pub(crate) const EAGAIN: i32 = 35;
    pub(crate) const ENOPROTOOPT: i32 = 42;
    pub(crate) const EADDRNOTAVAIL: i32 = 49;
}

/// SOL_SOCKET, SO_RCVBUF and SO_RERROR of the systems' sys/socket.h; FreeBSD, NetBSD and DragonFly each have another SO_RERROR.
const SOL_SOCKET: i32 = 0xffff;
const SO_RCVBUF: i32 = 0x1002;
const SO_RERROR: [i32; 3] = [0x2_0000, 0x4000, 0x2000];

/// How a dialect's system calls itself.
const SYSTEMS: &[(&str, &str)] = &[
    ("freebsd", "freebsd 14.0"),
    ("freebsd-i386", "freebsd 14.0 i386"),
    ("netbsd", "netbsd 10.0"),
    ("netbsd7", "netbsd 7.99.34"),
    ("openbsd", "openbsd 7.5"),
    ("openbsd-i386", "openbsd 7.5 i386"),
    ("dragonfly", "dragonfly 6.4"),
    ("dragonfly6", "dragonfly 5.6"),
    ("macos", "macos 14.5"),
];

/// The kernel of this process.
pub(crate) struct Foreign {
    sim: RoutingSim,
    pub(crate) system: CString,
    pub(crate) name: CString,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Sockets by the number that the program has for them.
    sockets: BTreeMap<i32, Socket>,
    last: i32,
    interface: Option<u32>,
    clone: Option<u32>,
}

struct Socket {
    number: usize,
    /// Shut down for reading: every read is at the end.
    is_deaf: bool,
}

/// What a call gives: a number from zero, or that of an error.
pub(crate) type Called = Result<i64, i32>;

/// The kernel; `None` where the one that is asked for is not simulated.
pub(crate) fn kernel() -> Option<&'static Foreign> {
    static KERNEL: OnceLock<Option<Foreign>> = OnceLock::new();
    KERNEL.get_or_init(|| Foreign::new(&std::env::var(CHOICE).unwrap_or_else(|_| DEFAULT.to_owned()))).as_ref()
}

impl Foreign {
    fn new(dialect: &str) -> Option<Self> {
        let (_, system) = SYSTEMS.iter().find(|(known, _)| *known == dialect)?;
        Some(Self {
            sim: RoutingSim::new(RoutingProfile::named(dialect)?, ByteOrder::NATIVE),
            system: CString::new(*system).ok()?,
            name: CString::new("sim0").ok()?,
            state: Mutex::default(),
        })
    }

    pub(crate) fn profile(&self) -> RoutingProfile {
        self.sim.profile()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn interface(&self) -> Result<u32, i32> {
        self.state().interface.ok_or(errno::ENOENT)
    }

    /// The simulator's number of a socket that hears.
    fn socket_number(&self, fd: i32) -> Result<usize, i32> {
        self.state().sockets.get(&fd).map(|socket| socket.number).ok_or(errno::EBADF)
    }

    pub(crate) fn topology(&self) -> Called {
        let mut state = self.state();
        let index = *state.interface.get_or_insert_with(|| self.sim.add_link(&self.name.to_string_lossy()));
        Ok(i64::from(index))
    }

    pub(crate) fn socket(&self) -> Called {
        let mut state = self.state();
        state.last += 1;
        let fd = state.last;
        state.sockets.insert(fd, Socket { number: self.sim.socket(), is_deaf: false });
        Ok(i64::from(fd))
    }

    pub(crate) fn close(&self, fd: i32) -> Called {
        let socket = self.state().sockets.remove(&fd).ok_or(errno::EBADF)?;
        self.sim.set_receive_buffer(socket.number, 0);
        Ok(0)
    }

    /// SHUT_RD and SHUT_RDWR end the hearing.
    pub(crate) fn shutdown(&self, fd: i32, how: i32) -> Called {
        let mut state = self.state();
        let socket = state.sockets.get_mut(&fd).ok_or(errno::EBADF)?;
        socket.is_deaf |= how != 1;
        Ok(0)
    }

    /// The next message, of which what does not fit is dropped.
    pub(crate) fn read(&self, fd: i32, buffer: &mut [u8]) -> Called {
        let number = self.socket_number(fd)?;
        if self.state().sockets.get(&fd).is_some_and(|socket| socket.is_deaf) {
            return Ok(0);
        }
        let message = self.sim.read(number)?.ok_or(errno::EAGAIN)?;
        buffer.iter_mut().zip(&message).for_each(|(place, byte)| *place = *byte);
        Ok(length(buffer.len().min(message.len())))
    }

    pub(crate) fn write(&self, fd: i32, request: &[u8]) -> Called {
        self.sim.write(self.socket_number(fd)?, PID, request)?;
        Ok(length(request.len()))
    }

    pub(crate) fn set_option(&self, fd: i32, level: i32, option: i32, value: &[u8]) -> Called {
        let number = self.socket_number(fd)?;
        let value = value.first_chunk().map(|bytes| i32::from_ne_bytes(*bytes)).ok_or(errno::EINVAL)?;
        match (level, option) {
            (SOL_SOCKET, SO_RCVBUF) => {
                self.sim.set_receive_buffer(number, usize::try_from(value).map_err(|_| errno::EINVAL)?);
                Ok(0)
            }
            (SOL_SOCKET, option) if SO_RERROR.contains(&option) && self.profile().tells_loss => Ok(0),
            _ => Err(errno::ENOPROTOOPT),
        }
    }

    /// Reads a variable, or says how long it is where there is no buffer.
    pub(crate) fn sysctl(&self, name: &[i32], buffer: Option<&mut [u8]>) -> Called {
        let listing = self.sim.sysctl(name)?;
        let Some(buffer) = buffer else { return Ok(length(listing.len())) };
        if listing.len() > buffer.len() && !self.profile().cuts_dumps {
            return Err(errno::ENOMEM);
        }
        buffer.iter_mut().zip(&listing).for_each(|(place, byte)| *place = *byte);
        Ok(length(buffer.len().min(listing.len())))
    }

    pub(crate) fn set_up(&self, is_up: bool) -> Called {
        self.sim.set_up(self.interface()?, is_up).map_err(|_| errno::ENOENT)?;
        Ok(0)
    }

    pub(crate) fn set_mtu(&self, mtu: i32) -> Called {
        let mtu = u32::try_from(mtu).ok().filter(|mtu| *mtu >= 72).ok_or(errno::EINVAL)?;
        self.sim.set_mtu(self.interface()?, mtu).map_err(|_| errno::ENOENT)?;
        Ok(0)
    }

    pub(crate) fn add_address(&self, address: IpAddr, length: u8) -> Called {
        self.sim.add_address(self.interface()?, address, length).map_err(|_| errno::EEXIST)?;
        Ok(0)
    }

    pub(crate) fn remove_address(&self, address: IpAddr) -> Called {
        self.sim.remove_address(self.interface()?, address).map_err(|_| errno::EADDRNOTAVAIL)?;
        Ok(0)
    }

    pub(crate) fn create_clone(&self) -> Called {
        let mut state = self.state();
        if state.clone.is_some() {
            return Err(errno::EEXIST);
        }
        let index = self.sim.add_link("clone0");
        state.clone = Some(index);
        Ok(i64::from(index))
    }

    pub(crate) fn destroy_clone(&self) -> Called {
        let index = self.state().clone.take().ok_or(errno::ENOENT)?;
        self.sim.remove_link(index).map_err(|_| errno::ENOENT)?;
        Ok(0)
    }

    pub(crate) fn send(&self, destination: Ipv4Addr) -> Called {
        self.sim.send(destination.into());
        Ok(0)
    }
}

fn length(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
