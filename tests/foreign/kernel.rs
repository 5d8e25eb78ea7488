//! The production session over a foreign kernel's sockets, which are numbers of its own and no file descriptors.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use waypost_core::{Kernel as _, Now};
use waypost_pfroute::session::{Lane, RoutingSocket, SessionOptions, Transport, capabilities};
use waypost_pfroute::wire::{ByteOrder, Dialect, DumpSource};
use waypost_sim::contract::{Act, World};

use crate::library::Library;

/// A foreign kernel, spoken to as a native one is.
pub(crate) type ForeignKernel = RoutingSocket<Sockets>;

/// How many ticks pass after something was done, before its traces are looked for: a kernel may tell by a task of its own.
const TICKS: i32 = 20;
/// How often the kernel is given time and says nothing, before it is taken for silent.
const SILENT_MAX: u32 = 200;
/// The time that one waiting stands for.
const TURN: Duration = Duration::from_millis(50);
/// The receive buffer that is asked for, in bytes; halved until the kernel allows it.
const RECEIVE_BUFFER: i32 = 1 << 20;
const RECEIVE_BUFFER_MIN: i32 = 16 << 10;

/// SOL_SOCKET and SO_RCVBUF of 4.4BSD's sys/socket.h, which all of these systems have.
const SOL_SOCKET: i32 = 0xffff;
const SO_RCVBUF: i32 = 0x1002;

/// The two sockets of a conversation with the kernel in a library.
pub(crate) struct Sockets {
    lib: &'static Library,
    dialect: &'static Dialect,
    events: i32,
    requests: i32,
    /// How often the kernel was waited for since it said something.
    silent: Rc<Cell<u32>>,
}

impl Sockets {
    /// The kernel's own number of the socket that hears of changes.
    pub(crate) const fn events(&self) -> i32 {
        self.events
    }
}

impl Transport for Sockets {
    fn write(&mut self, request: &[u8]) -> Result<(), i32> {
        let result = self.lib.write(self.requests, request);
        self.lib.tick(TICKS);
        result.map(drop)
    }

    fn read(&mut self, lane: Lane, buffer: &mut [u8]) -> Result<Option<usize>, i32> {
        let fd = match lane {
            Lane::Events => self.events,
            Lane::Requests => self.requests,
        };
        // EAGAIN of 4.4BSD's sys/errno.h, and of System V's.
        let again = if self.dialect.dump == DumpSource::Mib2 { 11 } else { 35 };
        match self.lib.read(fd, buffer) {
            Ok(0) => Ok(None),
            Ok(length) => {
                self.silent.set(0);
                Ok(usize::try_from(length).ok())
            }
            Err(number) if number == again => Ok(None),
            Err(number) => Err(number),
        }
    }

    fn sysctl(&mut self, name: &[i32], buffer: Option<&mut [u8]>) -> Result<usize, i32> {
        self.lib.sysctl(name, buffer)
    }

    fn pid(&self) -> Option<u32> {
        // It is that of the process that the kernel takes us for.
        None
    }

    fn since_epoch(&self) -> Duration {
        std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default()
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        self.lib.close(self.events);
        self.lib.close(self.requests);
    }
}

/// The kernel of a library, and what it is.
#[derive(Clone, Copy)]
pub(crate) struct Foreign {
    pub(crate) lib: &'static Library,
    pub(crate) dialect: &'static Dialect,
    /// In the kernel's own words.
    pub(crate) interface: &'static str,
}

impl Foreign {
    /// Starts the kernel.
    pub(crate) fn boot(library: Library) -> Result<Self, String> {
        let library: &Library = Box::leak(Box::new(library));
        let os = library.os();
        let dialect = dialect(&os).ok_or_else(|| format!("no dialect for {os:?}"))?;
        library.boot().map_err(|number| format!("{os} does not start: {number}"))?;
        library.tick(TICKS);
        let (family, inet6) = (library.protocol_family(), library.inet6());
        if family != i32::from(dialect.protocol_family) || inet6 != i32::from(dialect.families.inet6) {
            return Err(format!("{os} has PF_ROUTE {family} and AF_INET6 {inet6}, which {} has not", dialect.name));
        }
        Ok(Self { lib: library, dialect, interface: Box::leak(library.interface().into_boxed_str()) })
    }

    /// A program of this machine: it hears everything from now on. With `misses` it is told of those.
    pub(crate) fn program(self, misses: bool, silent: Rc<Cell<u32>>) -> ForeignKernel {
        let open = || self.lib.socket().unwrap_or_else(|number| panic!("no socket: {number}"));
        let (events, requests) = (open(), open());
        for fd in [events, requests] {
            let mut size = RECEIVE_BUFFER;
            while self.lib.set_option(fd, SOL_SOCKET, SO_RCVBUF, size).is_err() && size > RECEIVE_BUFFER_MIN {
                size /= 2;
            }
        }
        let tells_loss =
            loss_option(self.dialect.name).is_some_and(|option| self.lib.set_option(events, SOL_SOCKET, option, 1).is_ok());
        let sockets = Sockets { lib: self.lib, dialect: self.dialect, events, requests, silent };
        let mut options = SessionOptions::new(capabilities(self.dialect, "a foreign kernel", tells_loss));
        options.misses = misses;
        options.seed = std::process::id();
        RoutingSocket::new(self.dialect, ByteOrder::NATIVE, sockets, options)
    }

    /// A world about a program of this machine, whose Ethernet interface a test knows as `w0`.
    pub(crate) fn world(self, misses: bool) -> World<'static, ForeignKernel> {
        let silent = Rc::new(Cell::new(0));
        let kernel = self.program(misses, Rc::clone(&silent));
        let time = Cell::new(Now::default());
        let operate = move |act: Act<'_>| self.operate(act).unwrap_or_else(|number| panic!("{act:?}: {number}"));
        World::about_link(self.interface, kernel, operate, move |kernel| {
            silent.set(silent.get() + 1);
            self.lib.tick(TICKS);
            let turn = time.get() + TURN;
            time.set(kernel.deadline().map_or(turn, |deadline| deadline.min(turn)).max(time.get()));
            (silent.get() < SILENT_MAX).then(|| time.get())
        })
    }

    fn operate(self, act: Act<'_>) -> Result<(), i32> {
        let done = match act {
            // It is there from the start.
            Act::AddLink(_) => Ok(0),
            Act::SetUp(_) => self.lib.set_up(true),
            Act::SetDown(_) => self.lib.set_up(false),
            Act::AddAddress(_, address, length) => self.lib.add_address(address, length),
            Act::RemoveAddress(_, address, _) => self.lib.remove_address(address),
            other => panic!("nobody can do that to this machine: {other:?}"),
        };
        self.lib.tick(TICKS);
        done.map(drop)
    }
}

/// SO_RERROR of the systems that have it, in some version: sys/socket.h of FreeBSD 14 and NetBSD 9, and DragonFly's as Zig
/// 0.17 has it.
fn loss_option(dialect: &str) -> Option<i32> {
    match dialect.split('-').next() {
        Some("freebsd") => Some(0x2_0000),
        Some("netbsd" | "netbsd7") => Some(0x4000),
        Some("dragonfly") => Some(0x2000),
        _ => None,
    }
}

/// The dialect of a system by the words in which it names itself: its name, its version, and perhaps its machine.
fn dialect(os: &str) -> Option<&'static Dialect> {
    let mut words = os.split_whitespace();
    let name = words.next()?.to_lowercase();
    let version = words.next().unwrap_or_default();
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let (major, minor) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let is_small = words.any(|word| word == "i386") || cfg!(target_pointer_width = "32");
    Dialect::named(match (name.as_str(), is_small) {
        ("freebsd", true) => "freebsd-i386",
        ("openbsd", true) => "openbsd-i386",
        // Address messages have had another layout since 7.99.40: sys/net/route.h of NetBSD 8.
        ("netbsd", _) if (major, minor) < (8, 0) => "netbsd7",
        // RTM_VERSION is 7 since 5.7: sys/net/route.h of DragonFly 5.8.
        ("dragonfly", _) if (major, minor) < (5, 8) => "dragonfly6",
        ("darwin" | "macos", _) => "macos",
        ("illumos" | "solaris" | "sunos", _) => "illumos",
        (other, _) => other,
    })
}
