//! rtnetlink 0.24, over netlink-proto and netlink-packet-route 0.34.

use std::net::{Ipv4Addr, Ipv6Addr};

use futures_util::TryStreamExt;
use netlink_packet_route::route::{RouteMessage, RouteProtocol};
use rtnetlink::{Handle, RouteMessageBuilder, new_connection};
use waypost::Ipv4Prefix;

use super::{block_on, figure};
use crate::Failure;
use crate::prefixes::Prefixes;
use crate::sections::install;
use crate::stopwatch;
use crate::subject::{Figures, Setting};
use crate::world::{self, GATEWAY_V4};

/// All routes of both families, one after another, none of them kept.
pub(crate) fn stream(_: &Setting) -> Result<Figures, Failure> {
    let mut count = 0;
    let (span, ()) = stopwatch::here(|| {
        block_on(async {
            let handle = connect()?;
            for request in [RouteMessageBuilder::<Ipv4Addr>::new().build(), RouteMessageBuilder::<Ipv6Addr>::new().build()] {
                let mut routes = std::pin::pin!(handle.route().get(request).execute());
                while routes.try_next().await?.is_some() {
                    count += 1;
                }
            }
            Ok(())
        })
    })?;
    Ok(Figures::of(span).and("routes", figure(count)?))
}

/// The IPv4 table in and out, each route when the one before has been answered: it has no batches, and sends one
/// request at a time where many are asked for at once.
pub(crate) fn install(setting: &Setting) -> Result<Figures, Failure> {
    let prefixes = Prefixes::read(setting.step)?;
    let interface = world::interface()?;
    let route = |prefix: &Ipv4Prefix| -> RouteMessage {
        RouteMessageBuilder::<Ipv4Addr>::new()
            .destination_prefix(prefix.network(), prefix.length())
            .gateway(GATEWAY_V4)
            .output_interface(interface)
            .priority(install::METRIC)
            .protocol(RouteProtocol::Static)
            .build()
    };
    let (add, ()) = stopwatch::here(|| {
        block_on(async {
            let handle = connect()?;
            for prefix in &prefixes.v4 {
                handle.route().add(route(prefix)).execute().await?;
            }
            Ok(())
        })
    })?;
    let (delete, ()) = stopwatch::here(|| {
        block_on(async {
            let handle = connect()?;
            for prefix in &prefixes.v4 {
                handle.route().del(route(prefix)).execute().await?;
            }
            Ok(())
        })
    })?;
    Ok(Figures::default().span(install::ADD, add).span(install::DELETE, delete))
}

fn connect() -> Result<Handle, Failure> {
    let (connection, handle, _) = new_connection()?;
    tokio::spawn(connection);
    Ok(handle)
}
