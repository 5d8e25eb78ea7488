//! netlink-packet-route 0.34, which only decodes.

use std::hint::black_box;

use netlink_packet_core::NetlinkMessage;
use netlink_packet_route::RouteNetlinkMessage;

use super::figure;
use crate::Failure;
use crate::raw::{AF_INET, AF_INET6, Socket, is_route, messages};
use crate::stopwatch;
use crate::subject::{Figures, Setting};

/// Decodes the messages of both tables, which were read before the clock began to run.
pub(crate) fn decode_dump(_: &Setting) -> Result<Figures, Failure> {
    let socket = Socket::open()?;
    let mut datagrams = Vec::new();
    for family in [AF_INET, AF_INET6] {
        socket.dump(family, |datagram| datagrams.push(datagram.to_vec()))?;
    }
    let mut count = 0;
    let (span, ()) = stopwatch::here(|| {
        for message in datagrams.iter().flat_map(|datagram| messages(datagram)).filter(|message| is_route(message)) {
            black_box(NetlinkMessage::<RouteNetlinkMessage>::deserialize(black_box(message))?);
            count += 1;
        }
        Ok(())
    })?;
    Ok(Figures::of(span).and("routes", figure(count)?))
}
