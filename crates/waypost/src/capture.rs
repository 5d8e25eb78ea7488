//! Writing down what the kernel says, to be decoded later or elsewhere.

use std::os::fd::AsRawFd as _;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use waypost_core::{Drained, Error, ErrorKind};

use crate::sys::{Native, Options};

/// What a file of captured messages begins with, up to the first space.
pub(crate) const MAGIC: &str = "waypost-capture-1";

/// How many bytes are read at once, about, and by how many calls: in a storm that never pauses there is no end of them.
const BYTES_MAX: usize = 1 << 20;
const CALLS_MAX: usize = 4096;

/// The bytes that the native socket says, as they are.
///
/// ```no_run
/// use waypost::{Capture, Options};
///
/// let mut capture = Capture::open(&Options::new())?;
/// let mut bytes = Capture::header().into_bytes();
/// while bytes.len() < 100_000 {
///     capture.wait(None)?;
///     capture.read(&mut bytes)?;
/// }
/// # Ok::<(), waypost::Error>(())
/// ```
#[derive(Debug)]
pub struct Capture {
    kernel: Native,
    poll: Poll,
    /// There may be more to read, which the poll does not tell again.
    has_more: bool,
}

impl Capture {
    /// Opens the socket. What the kernel says from now on is captured.
    ///
    /// # Errors
    ///
    /// As [`Watcher::open_with`](crate::Watcher::open_with).
    pub fn open(options: &Options) -> Result<Self, Error> {
        let kernel = Native::open(options)?;
        let failed = |error| Error::from_io("capture", &error);
        let poll = Poll::new().map_err(failed)?;
        let descriptor = kernel.event_fd().as_raw_fd();
        poll.registry().register(&mut SourceFd(&descriptor), Token(0), Interest::READABLE).map_err(failed)?;
        Ok(Self { kernel, poll, has_more: false })
    }

    /// A line to stand before the bytes: by it [`Decoder::of_capture`](crate::decode::Decoder::of_capture) knows whose they are.
    #[must_use]
    pub fn header() -> String {
        let order = if cfg!(target_endian = "big") { "big" } else { "little" };
        format!("{MAGIC} {} socket {order}\n", Native::dialect())
    }

    /// Appends what has come since the last time, or about a megabyte of it: then [`wait`](Self::wait) does not wait.
    ///
    /// # Errors
    ///
    /// `Busy` where messages were lost among those that were appended: go on, and what comes next is captured. `Closed` where the
    /// socket is of no more use.
    pub fn read(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        let full = out.len().saturating_add(BYTES_MAX);
        let mut lost = Ok(());
        // The loss is told before what waited when it happened, and the poll speaks only of what comes anew: so this goes on.
        self.has_more = true;
        for _ in 0..CALLS_MAX {
            match self.kernel.overhear(out) {
                Ok(Drained::All) => {
                    self.has_more = false;
                    break;
                }
                Err(error) if error.kind() == ErrorKind::Busy => lost = Err(error),
                more => _ = more?,
            }
            if out.len() >= full {
                break;
            }
        }
        lost
    }

    /// Waits until something has come, for so long at most, or for ever.
    ///
    /// # Errors
    ///
    /// What the system says of its poll.
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<(), Error> {
        if self.has_more {
            return Ok(());
        }
        match self.poll.poll(&mut Events::with_capacity(1), timeout) {
            Err(error) if error.kind() != std::io::ErrorKind::Interrupted => Err(Error::from_io("capture", &error)),
            _ => Ok(()),
        }
    }
}
