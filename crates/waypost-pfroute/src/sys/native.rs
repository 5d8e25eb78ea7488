//! The kernel of this system.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::os::fd::BorrowedFd;

use waypost_core::{Capabilities, Drained, Error, ErrorKind, Flushed, Kernel, Notices, Now, Request, Ticket};

use super::{Namespace, Options, Sockets};
use crate::session::{RoutingSocket, SessionOptions, capabilities};
use crate::wire::{self, ByteOrder, Dialect};

cfg_if::cfg_if! {
    if #[cfg(all(target_os = "freebsd", target_pointer_width = "64"))] {
        pub(super) const NATIVE: (&Dialect, &str) = (&wire::FREEBSD, "FreeBSD");
    } else if #[cfg(target_os = "freebsd")] {
        // Of a 32-bit kernel: a 64-bit one writes its own headers to 32-bit processes too.
        pub(super) const NATIVE: (&Dialect, &str) = (&wire::FREEBSD_I386, "FreeBSD");
    } else if #[cfg(target_os = "netbsd")] {
        pub(super) const NATIVE: (&Dialect, &str) = (&wire::NETBSD, "NetBSD");
    } else if #[cfg(all(target_os = "openbsd", target_pointer_width = "64"))] {
        pub(super) const NATIVE: (&Dialect, &str) = (&wire::OPENBSD, "OpenBSD");
    } else if #[cfg(target_os = "openbsd")] {
        pub(super) const NATIVE: (&Dialect, &str) = (&wire::OPENBSD_I386, "OpenBSD");
    } else if #[cfg(target_os = "dragonfly")] {
        pub(super) const NATIVE: (&Dialect, &str) = (&wire::DRAGONFLY, "DragonFly");
    } else if #[cfg(target_os = "illumos")] {
        pub(super) const NATIVE: (&Dialect, &str) = (&wire::ILLUMOS, "illumos");
    } else if #[cfg(target_os = "solaris")] {
        pub(super) const NATIVE: (&Dialect, &str) = (&wire::ILLUMOS, "Solaris");
    } else {
        pub(super) const NATIVE: (&Dialect, &str) = (&wire::MACOS, "macOS");
    }
}

/// The routing tables of this machine, by its routing sockets.
///
/// Reading needs no privilege, changing needs root. Poll [`event_fd`](Self::event_fd) and
/// [`request_fd`](Self::request_fd) for reading to know when to [`drain`](Kernel::drain).
///
/// Unverified: it has been compiled for these systems, and run over simulated kernels only.
#[derive(Debug)]
pub struct PfRoute(RoutingSocket<Sockets>);

impl PfRoute {
    /// Opens the sockets.
    ///
    /// # Errors
    ///
    /// `Unsupported` for any but the current network namespace, or for a table where there is one;
    /// `NotPermitted`, `Busy` or `Other` where the system refuses a socket.
    pub fn open(options: &Options) -> Result<Self, Error> {
        Self::open_as(options, options.events)
    }

    /// Opens the sockets for requests alone, whatever the options say of events.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_for_requests(options: &Options) -> Result<Self, Error> {
        Self::open_as(options, false)
    }

    fn open_as(options: &Options, hears_events: bool) -> Result<Self, Error> {
        if !matches!(options.namespace, Namespace::Current) {
            let why = "this system has no network namespaces";
            return Err(Error::new(ErrorKind::Unsupported, "open a network namespace").because(why));
        }
        let (dialect, system) = NATIVE;
        let sockets = Sockets::open(dialect, options, hears_events)?;
        let mut session = SessionOptions::new(capabilities(dialect, system, sockets.tells_loss));
        session.table = options.table;
        session.misses = options.misses;
        session.neighbours = options.neighbours;
        session.interest = options.interest.clone();
        // A number that differs from run to run: an answer to somebody else does not fit.
        #[expect(clippy::cast_possible_truncation, reason = "half of the bits are as random as all")]
        let seed = RandomState::new().build_hasher().finish() as u32;
        session.seed = seed;
        Ok(Self(RoutingSocket::new(dialect, ByteOrder::NATIVE, sockets, session)))
    }

    /// The socket of events, to be polled for reading.
    #[must_use]
    pub fn event_fd(&self) -> BorrowedFd<'_> {
        self.0.transport().event_fd()
    }

    /// The socket of requests, to be polled for reading.
    #[must_use]
    pub fn request_fd(&self) -> BorrowedFd<'_> {
        self.0.transport().request_fd()
    }

    /// The size of the receive buffer for events that was had, in bytes.
    #[must_use]
    pub const fn receive_buffer(&self) -> usize {
        self.0.transport().receive_buffer()
    }

    /// By what name the bytes of this kernel are known: see `waypost decode`.
    #[must_use]
    pub fn dialect() -> &'static str {
        NATIVE.0.name
    }

    /// Appends the messages that have come to the socket of events, as they are; says whether there may be more. Who takes
    /// them so is told of none of them by [`drain`](Kernel::drain).
    ///
    /// # Errors
    ///
    /// `Busy` where messages were lost; those that come are taken all the same. `Closed` or `Other` where the socket is of no
    /// more use.
    pub fn overhear(&mut self, out: &mut Vec<u8>) -> Result<Drained, Error> {
        self.0.overhear(out)
    }

    /// What was heard and not told.
    #[must_use]
    pub const fn stats(&self) -> crate::session::EventStats {
        self.0.stats()
    }
}

impl Kernel for PfRoute {
    fn capabilities(&self) -> &Capabilities {
        self.0.capabilities()
    }

    fn submit(&mut self, now: Now, ticket: Ticket, request: Request<'_>) -> Result<(), Error> {
        self.0.submit(now, ticket, request)
    }

    fn flush(&mut self) -> Result<Flushed, Error> {
        self.0.flush()
    }

    fn drain(&mut self, now: Now, budget: usize, out: &mut Notices) -> Result<Drained, Error> {
        self.0.drain(now, budget, out)
    }

    fn deadline(&self) -> Option<Now> {
        self.0.deadline()
    }

    fn tell_authors(&mut self) {
        self.0.tell_authors();
    }
}
