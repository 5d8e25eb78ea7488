//! The host's sockets, which are not listed here.

use std::convert::Infallible;

use waypost_core::{Connection, Error, ErrorKind};

use super::Options;

/// Why sockets are not listed, in the words of docs/PLATFORMS.md.
const REASON: &str =
    "each of these systems lists its sockets in a way of its own, and nothing was captured that a reader could be held to";

/// The TCP and UDP sockets of the host. On the systems with routing sockets they are not listed: [`open`](Self::open) says why.
#[derive(Debug)]
pub struct Connections {
    never: Infallible,
}

impl Connections {
    /// Refuses.
    ///
    /// # Errors
    ///
    /// `Unsupported`, always.
    pub fn open(_: &Options) -> Result<Self, Error> {
        Err(Error::new(ErrorKind::Unsupported, "list sockets").because(REASON))
    }

    /// All sockets.
    ///
    /// # Errors
    ///
    /// None: there is nobody to be asked.
    pub const fn list(&mut self) -> Result<Vec<Connection>, Error> {
        match self.never {}
    }

    /// Ends a socket.
    ///
    /// # Errors
    ///
    /// None: there is nobody to be asked.
    pub const fn close(&mut self, _: &Connection) -> Result<(), Error> {
        match self.never {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_sockets_are_not_listed_is_said_with_the_reason() {
        let error = Connections::open(&Options::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("in a way of its own"), "{error}");
    }
}
