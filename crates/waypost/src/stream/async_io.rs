//! A watcher in any executor, by async-io's reactor.

use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::async_io::{Async, Timer};
use futures_core::Stream;
use waypost_core::Error;
use waypost_engine::Event;

use crate::Watcher;

/// The events of a watcher, as a stream for smol and other executors. It ends after an error.
///
/// Dropping it drops the watcher.
#[derive(Debug)]
pub struct AsyncIoEvents {
    watcher: Watcher,
    readable: Async<OwnedFd>,
    timer: Option<Timer>,
    ended: bool,
}

impl Watcher {
    /// The events of this watcher, as a stream that async-io's reactor drives.
    ///
    /// # Errors
    ///
    /// `Other` where the system has no more file descriptors.
    pub fn into_async_io_stream(self) -> Result<AsyncIoEvents, Error> {
        let failed = |error: std::io::Error| Error::from_io("wait for the kernel", &error);
        let descriptor = self.as_fd().try_clone_to_owned().map_err(failed)?;
        // The socket does not block already; a copy of its descriptor shares that.
        let readable = Async::new_nonblocking(descriptor).map_err(failed)?;
        Ok(AsyncIoEvents { watcher: self, readable, timer: None, ended: false })
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
        &self.watcher
    }

    /// The watcher back.
    #[must_use]
    pub fn into_watcher(self) -> Watcher {
        self.watcher
    }

    /// Arms the timer for the watcher's deadline; says whether it has come already.
    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(time) = self.watcher.deadline() else {
            self.timer = None;
            return Poll::Pending;
        };
        let mut timer = Timer::after(time);
        let polled = Pin::new(&mut timer).poll(context).map(|_| ());
        self.timer = Some(timer);
        polled
    }
}

impl Stream for AsyncIoEvents {
    type Item = Result<Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.ended {
            return Poll::Ready(None);
        }
        loop {
            match this.watcher.try_next() {
                Ok(Some(event)) => return Poll::Ready(Some(Ok(event))),
                Ok(None) => {}
                Err(error) => {
                    this.ended = true;
                    return Poll::Ready(Some(Err(error)));
                }
            }
            if this.poll_deadline(context).is_ready() {
                continue;
            }
            if let Err(error) = ready!(this.readable.poll_readable(context)) {
                this.ended = true;
                return Poll::Ready(Some(Err(Error::from_io("wait for the kernel", &error))));
            }
        }
    }
}
