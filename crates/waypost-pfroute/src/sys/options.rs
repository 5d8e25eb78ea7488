//! How a backend is opened.

use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use waypost_core::{Family, TableId};

use crate::session::Interest;

/// The network namespace whose routing tables are meant.
///
/// The systems with routing sockets have none: to open any but the current one is `Unsupported`.
#[derive(Debug, Default)]
#[non_exhaustive]
pub enum Namespace {
    /// That of the calling thread.
    #[default]
    Current,
    /// The one of this name.
    Name(String),
    /// The one that this file stands for.
    Path(PathBuf),
    /// The one that this open file stands for.
    Fd(OwnedFd),
}

/// How a backend is opened.
///
/// ```
/// use waypost_core::TableId;
/// use waypost_pfroute::Options;
///
/// let options = Options::new().table(TableId(1)).neighbours(true);
/// # let _ = options;
/// ```
#[derive(Debug)]
pub struct Options {
    pub(super) namespace: Namespace,
    pub(super) receive_buffer: Option<usize>,
    pub(super) table: TableId,
    pub(super) neighbours: bool,
    pub(super) misses: bool,
    pub(super) events: bool,
    pub(super) interest: Interest,
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

impl Options {
    /// The main table, events of all but neighbours and misses, and as large a receive buffer as is allowed.
    #[must_use]
    pub fn new() -> Self {
        Self {
            namespace: Namespace::Current,
            receive_buffer: None,
            table: TableId(0),
            neighbours: false,
            misses: false,
            events: true,
            interest: Interest::default(),
        }
    }

    /// Another network namespace, which no system with routing sockets has.
    #[must_use]
    pub fn namespace(mut self, namespace: Namespace) -> Self {
        self.namespace = namespace;
        self
    }

    /// The size of the receive buffer for events, in bytes. What was had in the end is told by `receive_buffer`.
    #[must_use]
    pub const fn receive_buffer(mut self, bytes: usize) -> Self {
        self.receive_buffer = Some(bytes);
        self
    }

    /// The table: a FIB of FreeBSD, an rtable of OpenBSD. A socket is of one.
    #[must_use]
    pub const fn table(mut self, table: TableId) -> Self {
        self.table = table;
        self
    }

    /// Whether changes of neighbours are told too; there can be many.
    #[must_use]
    pub const fn neighbours(mut self, told: bool) -> Self {
        self.neighbours = told;
        self
    }

    /// Whether lookups that find nothing are told of, up to sixteen a second.
    #[must_use]
    pub const fn misses(mut self, told: bool) -> Self {
        self.misses = told;
        self
    }

    /// Whether changes are told at all. Without them the backend only answers requests.
    #[must_use]
    pub const fn events(mut self, told: bool) -> Self {
        self.events = told;
        self
    }

    /// Changes of one family alone. The kernel sends no others.
    #[must_use]
    pub const fn family(mut self, family: Family) -> Self {
        self.interest.family = Some(family);
        self
    }

    /// Routes of this priority and better ones, which have lower numbers, alone. OpenBSD's kernel sends no others; the other
    /// systems have no priorities.
    #[must_use]
    pub const fn worst_priority(mut self, priority: u8) -> Self {
        self.interest.worst_priority = Some(priority);
        self
    }

    /// Lookups that find nothing are told of where they were of one of these destinations. NetBSD's kernel tells of no others,
    /// where they are at most thirty.
    #[must_use]
    pub fn misses_to(mut self, destinations: impl IntoIterator<Item = IpAddr>) -> Self {
        self.interest.misses_to = destinations.into_iter().collect();
        self.misses(true)
    }

    /// Whether changes of neighbours are told too.
    #[must_use]
    pub const fn tells_neighbours(&self) -> bool {
        self.neighbours
    }
}
