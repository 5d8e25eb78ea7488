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

#[cfg(feature = "async-io")]
pub use async_io::AsyncIoEvents;
#[cfg(feature = "tokio")]
pub use tokio::TokioEvents;
