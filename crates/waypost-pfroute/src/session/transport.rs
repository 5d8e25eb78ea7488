//! What carries the bytes.

use std::time::Duration;

/// Which of the two sockets of a conversation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a conversation has these two")]
pub enum Lane {
    /// The one that hears of changes.
    Events,
    /// The one that makes requests and hears the answers.
    Requests,
}

/// A kernel's routing sockets and its routing sysctl: the system's own, the simulator's, or those of a kernel that runs
/// inside a process and has no file descriptors. Nothing here blocks.
///
/// Errors are numbers of the system whose kernel it is, which need not be the host's.
pub trait Transport {
    /// Writes one request.
    ///
    /// # Errors
    ///
    /// The number with which the kernel refused it.
    fn write(&mut self, request: &[u8]) -> Result<(), i32>;

    /// Reads the next message into `buffer`, and says how long it is; `None` where there is none yet.
    ///
    /// # Errors
    ///
    /// The error's number: that of `ENOBUFS` says that messages were lost, any other that the socket is of no more use.
    fn read(&mut self, lane: Lane, buffer: &mut [u8]) -> Result<Option<usize>, i32>;

    /// Reads a variable, or says how long it is where there is no buffer; the length is at least that of what was read.
    ///
    /// # Errors
    ///
    /// The error's number: that of `ENOMEM` says that it is longer than the buffer.
    fn sysctl(&mut self, name: &[i32], buffer: Option<&mut [u8]>) -> Result<usize, i32>;

    /// Appends IP's tables as they come over a stream: each item's `struct opthdr`, with its data behind. Of the systems whose
    /// tables are read so, which have no such variables; see [`Mib2`](crate::wire::Mib2).
    ///
    /// # Errors
    ///
    /// The error's number; where there is no such stream, that of `ENXIO`, which all systems share.
    fn mib2(&mut self, _out: &mut Vec<u8>) -> Result<(), i32> {
        Err(6)
    }

    /// The number of the interface of this name, for those tables, which have names alone; `None` where there is none.
    fn interface_index(&mut self, _name: &str) -> Option<u32> {
        None
    }

    /// The process that answers to our requests name; `None` where it is not known, as in a kernel that runs inside a
    /// process.
    fn pid(&self) -> Option<u32>;

    /// The time since 1970, which routes end by.
    fn since_epoch(&self) -> Duration;
}
