//! A watcher in any executor, by async-io's reactor.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use ::async_io::{Async, Timer};
use futures_core::Stream;
use waypost_core::Error;
use waypost_engine::Event;

use super::{Driven, Wait};
use crate::Watcher;

/// The events of a watcher, as a stream for smol and other executors. It ends after an error.
///
/// Dropping it drops the watcher.
#[derive(Debug)]
pub struct AsyncIoEvents(Driven<Waiting>);

#[derive(Debug)]
struct Waiting {
    readable: Async<OwnedFd>,
    timer: Option<Timer>,
}

impl Watcher {
    /// The events of this watcher, as a stream that async-io's reactor drives, in whatever executor.
    ///
    /// ```no_run
    /// use waypost::Watcher;
    ///
    /// async_io::block_on(async {
    ///     let mut events = Watcher::open()?.into_async_io_stream()?;
    ///     while let Some(event) = events.next().await {
    ///         println!("{:?} of {} routes", event?, events.watcher().mirror().tables().len());
    ///     }
    ///     Ok::<(), waypost::Error>(())
    /// })?;
    /// # Ok::<(), waypost::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Other` where the system has no more file descriptors.
    pub fn into_async_io_stream(self) -> Result<AsyncIoEvents, Error> {
        let failed = |error: io::Error| Error::from_io("wait for the kernel", &error);
        let descriptor = self.as_fd().try_clone_to_owned().map_err(failed)?;
        // The socket does not block already; a copy of its descriptor shares that.
        let readable = Async::new_nonblocking(descriptor).map_err(failed)?;
        Ok(AsyncIoEvents(Driven::new(self, Waiting { readable, timer: None })))
    }
}

impl AsyncIoEvents {
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

impl Stream for AsyncIoEvents {
    type Item = Result<Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next(context)
    }
}

impl Wait for Waiting {
    fn poll_time(&mut self, time: Option<Duration>, context: &mut Context<'_>) -> Poll<()> {
        self.timer = time.map(Timer::after);
        self.timer.as_mut().map_or(Poll::Pending, |timer| Pin::new(timer).poll(context).map(|_| ()))
    }

    fn poll_readable(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.readable.poll_readable(context)
    }
}
