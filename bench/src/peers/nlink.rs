//! nlink 0.33.

use futures_util::StreamExt;
use nlink::netlink::route::Ipv4Route;
use nlink::{Connection, Route};
use waypost::Ipv4Prefix;

use super::{block_on, figure};
use crate::Failure;
use crate::prefixes::Prefixes;
use crate::sections::{Memory, install};
use crate::stopwatch;
use crate::subject::{Figures, Setting};
use crate::world::{self, GATEWAY_V4};

/// All routes, in a list.
pub(crate) fn list(_: &Setting) -> Result<Figures, Failure> {
    let (span, routes) = stopwatch::here(|| block_on(async { Ok(Connection::<Route>::new()?.get_routes().await?) }))?;
    Ok(Figures::of(span).and("routes", figure(routes.len())?))
}

/// The memory of that list.
pub(crate) fn memory(_: &Setting) -> Result<Figures, Failure> {
    let memory = Memory::before()?;
    let routes = block_on(async { Ok(Connection::<Route>::new()?.get_routes().await?) })?;
    memory.after(routes.len())
}

/// All routes, one after another, none of them kept.
pub(crate) fn stream(_: &Setting) -> Result<Figures, Failure> {
    let mut count = 0;
    let (span, ()) = stopwatch::here(|| {
        block_on(async {
            let connection = Connection::<Route>::new()?;
            let mut routes = std::pin::pin!(connection.stream_routes().await?);
            while let Some(route) = routes.next().await {
                route?;
                count += 1;
            }
            Ok(())
        })
    })?;
    Ok(Figures::of(span).and("routes", figure(count)?))
}

/// How many routes go into one batch: of one as large as nlink would split it itself the acknowledgements overrun its receive
/// buffer (`ENOBUFS`).
const PER_BATCH: usize = 200;

/// The IPv4 table in and out.
pub(crate) fn install(setting: &Setting) -> Result<Figures, Failure> {
    let prefixes = Prefixes::read(setting.step)?;
    let interface = world::interface()?;
    let route = |prefix: &Ipv4Prefix| {
        Ipv4Route::from_addr(prefix.network(), prefix.length()).gateway(GATEWAY_V4).dev_index(interface).priority(install::METRIC)
    };
    let (add, ()) = stopwatch::here(|| {
        block_on(async {
            let connection = Connection::<Route>::new()?;
            for part in prefixes.v4.chunks(PER_BATCH) {
                let batch = part.iter().fold(connection.batch(), |batch, prefix| batch.add_route(route(prefix)));
                batch.execute_all().await?;
            }
            Ok(())
        })
    })?;
    let (delete, ()) = stopwatch::here(|| {
        block_on(async {
            let connection = Connection::<Route>::new()?;
            for part in prefixes.v4.chunks(PER_BATCH) {
                let batch = part.iter().fold(connection.batch(), |batch, prefix| batch.del_route(route(prefix)));
                batch.execute_all().await?;
            }
            Ok(())
        })
    })?;
    Ok(Figures::default().span(install::ADD, add).span(install::DELETE, delete))
}
