//! How a backend is opened.

use std::os::fd::OwnedFd;
use std::path::PathBuf;

/// The network namespace whose routing tables are meant.
///
/// The calling thread never changes its namespace: a thread of its own opens the sockets, which stay in the namespace
/// that they were opened in. One process can so look into several.
#[derive(Debug, Default)]
#[non_exhaustive]
pub enum Namespace {
    /// That of the calling thread.
    #[default]
    Current,
    /// The one that `ip netns` knows by this name: a file in `/run/netns`.
    Name(String),
    /// The one that this file stands for, such as `/proc/<pid>/ns/net`.
    Path(PathBuf),
    /// The one that this open file stands for.
    Fd(OwnedFd),
}

/// How a backend is opened.
///
/// ```
/// use waypost_netlink::{Namespace, Options};
///
/// let options = Options::new().namespace(Namespace::Name("blue".into())).neighbours(true);
/// # let _ = options;
/// ```
#[derive(Debug)]
pub struct Options {
    pub(super) namespace: Namespace,
    pub(super) receive_buffer: Option<usize>,
    pub(super) neighbours: bool,
    pub(super) events: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

impl Options {
    /// The namespace of the calling thread, events of all but neighbours, and as large a receive buffer as is allowed.
    #[must_use]
    pub const fn new() -> Self {
        Self { namespace: Namespace::Current, receive_buffer: None, neighbours: false, events: true }
    }

    /// Another network namespace.
    #[must_use]
    pub fn namespace(mut self, namespace: Namespace) -> Self {
        self.namespace = namespace;
        self
    }

    /// The size of the receive buffer for events, in bytes as the kernel counts them: its own overhead included.
    ///
    /// What was had in the end is told by `Netlink::receive_buffer`.
    #[must_use]
    pub const fn receive_buffer(mut self, bytes: usize) -> Self {
        self.receive_buffer = Some(bytes);
        self
    }

    /// Whether changes of neighbours are told too; there can be many.
    #[must_use]
    pub const fn neighbours(mut self, told: bool) -> Self {
        self.neighbours = told;
        self
    }

    /// Whether changes are told at all. Without them the backend only answers requests.
    #[must_use]
    pub const fn events(mut self, told: bool) -> Self {
        self.events = told;
        self
    }

    /// Whether changes of neighbours are told too.
    #[must_use]
    pub const fn tells_neighbours(&self) -> bool {
        self.neighbours
    }
}
