//! Messages, as checked views into the buffer they came in.

mod interface;
mod route;

pub use interface::{AddressMessage, AnnounceMessage, Announced, InterfaceMessage, MulticastMessage};
pub use route::RouteMessage;

use super::bytes::{ByteOrder, Field, View};
use super::dialect::{Dialect, Kind};
use super::error::{DecodeError, Expected};
use super::sockaddr::Sockaddrs;

/// One message.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Message<'a> {
    /// About a route, or a request about one.
    Route(RouteMessage<'a>),
    /// About an address of an interface.
    Address(AddressMessage<'a>),
    /// About a multicast address that an interface listens to.
    Multicast(MulticastMessage<'a>),
    /// The state of an interface.
    Interface(InterfaceMessage<'a>),
    /// An interface came or went.
    Announce(AnnounceMessage<'a>),
    /// Of a type that this codec does not read.
    Unknown {
        /// The type's number.
        number: u8,
        /// The whole message.
        bytes: &'a [u8],
    },
}

impl<'a> Message<'a> {
    /// Reads one message that has exactly these bytes.
    ///
    /// # Errors
    ///
    /// [`Expected::Start`] or [`Expected::Header`] where they are too few for the type, [`Expected::Version`] where
    /// the message is of another version. Sockaddrs spoil only themselves: see [`Sockaddrs::fault`].
    pub fn decode(dialect: &'static Dialect, order: ByteOrder, bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let &[_, _, version, number, ..] = bytes else {
            return Err(DecodeError { offset: 0, expected: Expected::Start { found: bytes.len() } });
        };
        // Nothing behind the version is read before the version is known to be right.
        if version != dialect.version {
            return Err(DecodeError { offset: 2, expected: Expected::Version { version: dialect.version, found: version } });
        }
        let view = View { order, bytes };
        let checked = |size: u16| {
            let short = DecodeError { offset: 0, expected: Expected::Header { size, found: bytes.len() } };
            if bytes.len() < usize::from(size) { Err(short) } else { Ok(view) }
        };
        let addrs = |size: u16, field: Field| Ok(Sockaddrs::walk(dialect, checked(size)?, size, view.u32(field)));
        Ok(match dialect.kind(number) {
            Kind::Route(op) => Self::Route(RouteMessage { op, addrs: addrs(dialect.route.size, dialect.route.addrs)? }),
            Kind::Address(change) => {
                Self::Address(AddressMessage { change, addrs: addrs(dialect.address.size, dialect.address.addrs)? })
            }
            Kind::Multicast(change) => {
                Self::Multicast(MulticastMessage { change, addrs: addrs(dialect.multicast.size, dialect.multicast.addrs)? })
            }
            Kind::Interface => {
                Self::Interface(InterfaceMessage { addrs: addrs(dialect.interface.size, dialect.interface.addrs)? })
            }
            Kind::Announce => {
                Self::Announce(AnnounceMessage { view: checked(dialect.announce.size)?, layout: &dialect.announce })
            }
            Kind::Unknown => Self::Unknown { number, bytes },
        })
    }
}

/// What a route message is about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum RouteOp {
    /// A route is added.
    Add,
    /// A route is deleted.
    Delete,
    /// A route is changed.
    Change,
    /// A route is asked for, or this is the answer; every entry of a dump is one of these.
    Get,
    /// The kernel suspects that the route does not work.
    Losing,
    /// A router said that another is better.
    Redirect,
    /// A lookup found no route.
    Miss,
    /// Metrics are locked.
    Lock,
    /// A destination should be resolved to a link-layer address.
    Resolve,
}

/// Whether something came or went.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "there is no third way")]
pub enum Change {
    /// It is there now.
    Added,
    /// It is no longer there.
    Removed,
}

/// A metric of a route.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Metric {
    /// The largest packet, in bytes.
    Mtu,
    /// The greatest number of hops expected.
    HopCount,
    /// When the route ends, in seconds since 1970; zero for never.
    Expire,
    /// The receive buffer of a connection, in bytes.
    ReceivePipe,
    /// The send buffer of a connection, in bytes.
    SendPipe,
    /// The slow start threshold, in bytes.
    SlowStartThreshold,
    /// The round-trip time, in microseconds.
    Rtt,
    /// The variance of the round-trip time, in microseconds.
    RttVariance,
    /// How many packets went this way.
    PacketsSent,
    /// The share of this path among several.
    Weight,
    /// The number of the kernel's next-hop object.
    NextHopIndex,
}
