//! The seam between whoever keeps a picture of the routing tables and the kernel that has them.

mod display;
mod notice;
mod request;

use std::ops::Add;
use std::time::Duration;

pub use notice::{DumpEnd, Miss, Notice, Notices, Outcome, Redirect, RouteVerb, Touched, Trace, Verb};
pub use request::{Dump, Flow, LookupAnswer, LookupMode, Request, RouteChange, RouteFilter};

use crate::{Capabilities, Error, ErrorKind};

/// A moment, by two clocks that only their owner reads.
///
/// Both run on the same scale from the same start. They part when the machine sleeps: `boot` goes on and `running` stands still.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "a moment is what the two clocks say")]
pub struct Now {
    /// The clock that stands still while the machine sleeps.
    pub running: Duration,
    /// The clock that does not.
    pub boot: Duration,
}

impl Now {
    /// The moment when both clocks say `time`: that of a machine that never slept.
    #[must_use]
    pub const fn awake(time: Duration) -> Self {
        Self { running: time, boot: time }
    }
}

impl Add<Duration> for Now {
    type Output = Self;

    /// So much later, or the end of time where a clock cannot say that.
    fn add(self, time: Duration) -> Self {
        Self { running: self.running.saturating_add(time), boot: self.boot.saturating_add(time) }
    }
}

/// The number of a request, chosen by whoever makes it; its outcome carries the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a ticket is its number")]
pub struct Ticket(pub u64);

/// What became of the requests that were queued.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "all has gone out or it has not")]
pub enum Flushed {
    /// All of them went out.
    All,
    /// The kernel takes no more for now: flush again when the socket can be written.
    WantsToWrite,
}

/// Whether a kernel has more to say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "there is more or there is not")]
pub enum Drained {
    /// Nothing more for now.
    All,
    /// The budget was used up, and there may be more.
    More,
}

/// A kernel's routing tables: a real one's, or that of the simulator.
///
/// Nothing here blocks. Requests are queued, go out together, and each is answered by one [`Notice::Outcome`]
/// (or, for a dump, one [`Notice::DumpDone`]). Notices that belong to the tables come in the kernel's order.
///
/// Whoever drives it reads the clock and waits: for its sockets, and for its [`deadline`](Self::deadline).
///
/// ```
/// use waypost_core::{Error, ErrorKind, Kernel, Notice, Notices, Now, Outcome, Request, Ticket};
///
/// /// Makes one change; `wait` comes back when the kernel has said something or is overdue, and tells the time.
/// fn change(kernel: &mut impl Kernel, request: Request<'_>, mut wait: impl FnMut() -> Now) -> Result<(), Error> {
///     kernel.submit(Now::default(), Ticket(1), request)?;
///     let mut notices = Notices::new();
///     loop {
///         kernel.flush()?;
///         kernel.drain(wait(), 100, &mut notices)?;
///         for notice in notices.drain(..) {
///             match notice {
///                 Notice::Outcome(Ticket(1), Outcome::Done) => return Ok(()),
///                 Notice::Outcome(Ticket(1), Outcome::Failed(error)) => return Err(error),
///                 Notice::Outcome(Ticket(1), _) => return Err(Error::new(ErrorKind::Unknown, "change")),
///                 _ => {}
///             }
///         }
///     }
/// }
/// ```
pub trait Kernel {
    /// What this kernel can do.
    fn capabilities(&self) -> &Capabilities;

    /// Queues a request.
    ///
    /// # Errors
    ///
    /// `Unsupported` or `Invalid` where this kernel cannot represent the request; then nothing has been queued and no
    /// outcome will come.
    fn submit(&mut self, now: Now, ticket: Ticket, request: Request<'_>) -> Result<(), Error>;

    /// Sends what is queued, many requests to a system call.
    ///
    /// # Errors
    ///
    /// `Closed` or `Other` where the socket is of no more use. A request that the kernel refuses is no error here but an outcome.
    fn flush(&mut self) -> Result<Flushed, Error>;

    /// Takes what the kernel has said, about `budget` notices of it, and adds it to `out`.
    ///
    /// # Errors
    ///
    /// `Closed` or `Other` where the socket is of no more use. Lost messages are no error but [`Notice::Overrun`].
    fn drain(&mut self, now: Now, budget: usize, out: &mut Notices) -> Result<Drained, Error>;

    /// When `drain` wants to be called even if the kernel has said nothing: an answer is overdue then.
    fn deadline(&self) -> Option<Now>;

    /// Opens anew what is of no more use, where it was opened before: in the same place, even if that has lost its name. What was
    /// said meanwhile is lost. Whatever was asked and not answered has its answer from the next [`drain`](Self::drain):
    /// an outcome that is unknown, a dump that failed.
    ///
    /// # Errors
    ///
    /// `Unsupported` where this kernel, or the place where it was opened, cannot be opened again; `NotPermitted` where this process
    /// may not any more.
    fn reopen(&mut self) -> Result<(), Error> {
        Err(Error::new(ErrorKind::Unsupported, "open again"))
    }

    /// From here on, where the kernel says which program has deleted or replaced something, tells of that before the change: [`Notice::Author`].
    ///
    /// Most who follow do not want to know, and need not pay for it.
    fn tell_authors(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_never_due_is_no_overflow() {
        assert_eq!(Now::awake(Duration::from_secs(1)) + Duration::MAX, Now::awake(Duration::MAX));
    }
}
