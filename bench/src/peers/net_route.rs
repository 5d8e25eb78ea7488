//! net-route 0.4.6.

use net_route::Handle;

use super::{block_on, figure};
use crate::Failure;
use crate::stopwatch;
use crate::subject::{Figures, Setting};

/// All routes, in a list.
pub(crate) fn list(_: &Setting) -> Result<Figures, Failure> {
    let (span, routes) = stopwatch::here(|| block_on(async { Ok(Handle::new()?.list().await?) }))?;
    Ok(Figures::of(span).and("routes", figure(routes.len())?))
}
