//! route_manager 0.2.17.

use route_manager::RouteManager;

use super::figure;
use crate::Failure;
use crate::stopwatch;
use crate::subject::{Figures, Setting};

/// All routes, in a list.
pub(crate) fn list(_: &Setting) -> Result<Figures, Failure> {
    let (span, routes) = stopwatch::here(|| Ok(RouteManager::new()?.list()?))?;
    Ok(Figures::of(span).and("routes", figure(routes.len())?))
}
