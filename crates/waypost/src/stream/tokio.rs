//! A watcher in tokio.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ::tokio::io::Interest;
use ::tokio::io::unix::AsyncFd;
use ::tokio::time::{Sleep, sleep};
use futures_core::Stream;
use waypost_core::Error;
use waypost_engine::Event;

use super::{Driven, Wait};
use crate::Watcher;

/// The events of a watcher, as a stream for tokio. It ends after an error.
///
/// Dropping it drops the watcher; nothing goes on in the background.
#[derive(Debug)]
pub struct TokioEvents(Driven<Waiting>);

#[derive(Debug)]
struct Waiting {
    readable: AsyncFd<OwnedFd>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Watcher {
    /// The events of this watcher, as a stream. Call it inside a tokio runtime whose io and time drivers are on.
    ///
    /// ```no_run
    /// use waypost::Watcher;
    ///
    /// # async fn follow() -> Result<(), waypost::Error> {
    /// let mut events = Watcher::open()?.into_tokio_stream()?;
    /// while let Some(event) = events.next().await {
    ///     println!("{:?} of {} routes", event?, events.watcher().mirror().tables().len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `Other` where the system has no more file descriptors.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn into_tokio_stream(self) -> Result<TokioEvents, Error> {
        let failed = |error: io::Error| Error::from_io("wait for the kernel", &error);
        let descriptor = self.as_fd().try_clone_to_owned().map_err(failed)?;
        let readable = register(descriptor).map_err(failed)?;
        Ok(TokioEvents(Driven::new(self, Waiting { readable, timer: None })))
    }
}

/// Registers a descriptor with tokio's reactor.
///
/// tokio deprecates this call because not every `AsRawFd` keeps its descriptor open. An `OwnedFd` does, for as long as the
/// `AsyncFd` owns it; and the call that replaces it takes `unsafe`, of which this crate has none.
#[expect(deprecated, reason = "the descriptor is owned, and the other way is unsafe")]
fn register(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(descriptor, Interest::READABLE)
}

impl TokioEvents {
    /// The next event; `None` after an error. Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// `Closed` where the socket is of no more use.
    pub async fn next(&mut self) -> Option<Result<Event, Error>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// The watcher, to look at the tables between two events.
    #[must_use]
    pub fn watcher(&self) -> &Watcher {
        &self.0.watcher
    }

    /// The watcher back.
    #[must_use]
    pub fn into_watcher(self) -> Watcher {
        self.0.watcher
    }
}

impl Stream for TokioEvents {
    type Item = Result<Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next(context)
    }
}

impl Wait for Waiting {
    fn poll_time(&mut self, time: Option<Duration>, context: &mut Context<'_>) -> Poll<()> {
        self.timer = time.map(|time| Box::pin(sleep(time)));
        self.timer.as_mut().map_or(Poll::Pending, |timer| timer.as_mut().poll(context))
    }

    fn poll_readable(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Nothing was left to read before, and what comes from here on makes it ready again.
        ready!(self.readable.poll_read_ready(context))?.clear_ready();
        Poll::Ready(Ok(()))
    }
}
