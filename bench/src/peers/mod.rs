//! Those that Waypost is compared with, each as its documentation shows it.

pub(crate) mod command;
#[cfg(feature = "peers")]
pub(crate) mod net_route;
#[cfg(feature = "peers")]
pub(crate) mod nlink;
pub(crate) mod packet_route;
#[cfg(feature = "peers")]
pub(crate) mod route_manager;
#[cfg(feature = "peers")]
pub(crate) mod rtnetlink;

use crate::Failure;

/// Runs a peer that is asynchronous, on this thread alone.
#[cfg(feature = "peers")]
fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// A number of routes as a figure.
fn figure(count: usize) -> Result<f64, Failure> {
    Ok(f64::from(u32::try_from(count)?))
}
