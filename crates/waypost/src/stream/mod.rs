//! A watcher as an asynchronous stream of events.
//!
//! | feature | for | type |
//! |---|---|---|
//! | `tokio` | tokio, with its io and time drivers on | [`TokioEvents`] |
//! | `async-io` | smol, async-std and any other executor | [`AsyncIoEvents`] |

#[cfg(feature = "async-io")]
mod async_io;
#[cfg(feature = "tokio")]
mod tokio;

use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use waypost_core::Error;
use waypost_engine::Event;

use crate::Watcher;

#[cfg(feature = "async-io")]
pub use async_io::AsyncIoEvents;
#[cfg(feature = "tokio")]
pub use tokio::TokioEvents;

/// What a runtime waits with.
trait Wait {
    /// Waits until this time has passed, and no longer for what was waited for before; `None` never passes.
    fn poll_time(&mut self, time: Option<Duration>, context: &mut Context<'_>) -> Poll<()>;

    /// Waits until the watcher's socket can be read. What has been read until now does not count.
    fn poll_readable(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>>;
}

/// How many events a stream gives in a row before its task lets the others of its thread have a turn: while a million routes come
/// there is always one more.
const EVENTS_A_TURN: u32 = 128;

/// A watcher, and what its runtime waits with.
#[derive(Debug)]
struct Driven<W> {
    watcher: Watcher,
    wait: W,
    ended: bool,
    /// How many events have been given in this turn.
    given: u32,
}

impl<W: Wait> Driven<W> {
    const fn new(watcher: Watcher, wait: W) -> Self {
        Self { watcher, wait, ended: false, given: 0 }
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Event, Error>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if self.given >= EVENTS_A_TURN {
            self.given = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        loop {
            match self.watcher.try_next() {
                Ok(Some(event)) => {
                    self.given += 1;
                    return Poll::Ready(Some(Ok(event)));
                }
                Ok(None) => {
                    self.given = 0;
                    // There is more, and others have their turn first.
                    if self.watcher.deadline() == Some(Duration::ZERO) {
                        context.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                }
                Err(error) => return self.end(error),
            }
            if self.wait.poll_time(self.watcher.deadline(), context).is_ready() {
                continue;
            }
            if let Err(error) = ready!(self.wait.poll_readable(context)) {
                return self.end(Error::from_io("wait for the kernel", &error));
            }
        }
    }

    fn end(&mut self, error: Error) -> Poll<Option<Result<Event, Error>>> {
        self.ended = true;
        Poll::Ready(Some(Err(error)))
    }
}
