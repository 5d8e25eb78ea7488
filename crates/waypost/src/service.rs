//! Whoever has started this program, and wants to be told how it is doing.

use std::io;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use crate::sys;

/// The socket that a service manager wants to be told by, where there is one: sd_notify(3).
///
/// ```no_run
/// if let Some(manager) = waypost::ServiceManager::find() {
///     manager.say("READY=1")?;
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct ServiceManager {
    socket: UnixDatagram,
    address: SocketAddr,
}

impl ServiceManager {
    /// The one that the environment names by `NOTIFY_SOCKET`: a file, or on Linux a name in the abstract namespace, which begins with `@`.
    #[must_use]
    pub fn find() -> Option<Self> {
        std::env::var("NOTIFY_SOCKET").ok().and_then(|name| Self::at(&name))
    }

    /// The one at this place, if it is one: a path from the root, or a name in the abstract namespace.
    #[must_use]
    pub fn at(name: &str) -> Option<Self> {
        if !name.starts_with(['/', '@']) {
            return None;
        }
        Some(Self { socket: UnixDatagram::unbound().ok()?, address: sys::address_of(name).ok()? })
    }

    /// Tells it something, such as `READY=1`. It is not waited for where it does not read.
    ///
    /// # Errors
    ///
    /// What the system says where it cannot be told: there is nobody any more, or too much is unread.
    pub fn say(&self, text: &str) -> io::Result<()> {
        self.socket.set_nonblocking(true)?;
        self.socket.send_to_addr(text.as_bytes(), &self.address).map(drop)
    }
}
