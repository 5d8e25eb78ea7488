//! Messages, as checked views into the buffer they came in.

mod interface;
mod route;
mod wireless;

pub use interface::{AddressMessage, AnnounceMessage, Announced, InterfaceMessage, MulticastMessage};
pub use route::RouteMessage;
pub use wireless::{BfdMessage, WirelessMessage};

use super::bytes::{ByteOrder, View};
use super::dialect::{AddrsLayout, Dialect, Kind, Source};
use super::error::{DecodeError, Expected};
use super::messages::Malformed;
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
    /// Something happened to a wireless interface; what, stands behind the header.
    WirelessEvent(AnnounceMessage<'a>),
    /// The state of a wireless interface.
    Wireless(WirelessMessage<'a>),
    /// The state of a neighbour that BFD watches.
    Bfd(BfdMessage<'a>),
    /// The kernel lost messages, because they were not read in time: what is known of the tables may be wrong.
    Desync(RouteMessage<'a>),
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
    /// the message is of another version, [`Expected::HeaderLength`] where it gives its own header a length that
    /// cannot be. Sockaddrs spoil only themselves: see [`Sockaddrs::fault`].
    pub fn decode(dialect: &'static Dialect, order: ByteOrder, source: Source, bytes: &'a [u8]) -> Result<Self, DecodeError> {
        Self::decode_at(dialect, order, source, bytes, 0).map_err(|malformed| malformed.error)
    }

    /// Reads one message that begins `start` bytes behind the beginning of its buffer.
    pub(super) fn decode_at(
        dialect: &'static Dialect,
        order: ByteOrder,
        source: Source,
        bytes: &'a [u8],
        start: usize,
    ) -> Result<Self, Malformed<'a>> {
        let malformed = |mut error: DecodeError| {
            error.offset += start;
            Malformed { error, bytes }
        };
        let &[_, _, version, number, ..] = bytes else {
            return Err(malformed(DecodeError { offset: 0, expected: Expected::Start { found: bytes.len() } }));
        };
        // Nothing behind the version is read before the version is known to be right.
        if version != dialect.version {
            let expected = Expected::Version { version: dialect.version, found: version };
            return Err(malformed(DecodeError { offset: 2, expected }));
        }
        let view = View { order, bytes };
        match dialect.types.get(usize::from(number)).map_or(Kind::Unknown, |known| known.kind) {
            // These come by the million.
            Kind::Route(op, layout) => {
                let first = checked(view, layout.addrs.size).and_then(|view| header_length(view, &layout.addrs));
                let addrs = Sockaddrs::walk(dialect, source, view, first.map_err(malformed)?, view.u32(layout.addrs.addrs));
                Ok(Self::Route(RouteMessage::new(op, layout, addrs)))
            }
            kind => Self::decode_rare(dialect, source, kind, number, view).map_err(malformed),
        }
    }

    fn decode_rare(
        dialect: &'static Dialect,
        source: Source,
        kind: Kind,
        number: u8,
        view: View<'a>,
    ) -> Result<Self, DecodeError> {
        let addrs = |layout: &AddrsLayout| {
            let start = header_length(checked(view, layout.size)?, layout)?;
            Ok(Sockaddrs::walk(dialect, source, view, start, view.u32(layout.addrs)))
        };
        Ok(match kind {
            Kind::Route(op, layout) => Self::Route(RouteMessage::new(op, layout, addrs(&layout.addrs)?)),
            Kind::Address(change, layout) => Self::Address(AddressMessage { change, layout, addrs: addrs(&layout.addrs)? }),
            Kind::Multicast(change, layout) => Self::Multicast(MulticastMessage { change, layout, addrs: addrs(&layout.addrs)? }),
            Kind::Interface(layout) => Self::Interface(InterfaceMessage { layout, addrs: addrs(&layout.addrs)? }),
            Kind::Announce(layout) => Self::Announce(AnnounceMessage { view: checked(view, layout.size)?, layout }),
            Kind::WirelessEvent(layout) => Self::WirelessEvent(AnnounceMessage { view: checked(view, layout.size)?, layout }),
            Kind::Wireless(layout) => Self::Wireless(WirelessMessage { view: checked(view, layout.size)?, layout }),
            Kind::Bfd(layout) => Self::Bfd(BfdMessage { view: checked(view, layout.size)?, layout }),
            Kind::Desync(layout) => Self::Desync(RouteMessage::new(RouteOp::Desync, layout, addrs(&layout.addrs)?)),
            Kind::Unknown => Self::Unknown { number, bytes: view.bytes },
        })
    }

    /// The whole message.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        match self {
            Self::Route(message) | Self::Desync(message) => message.bytes(),
            Self::Address(message) => message.bytes(),
            Self::Multicast(message) => message.bytes(),
            Self::Interface(message) => message.bytes(),
            Self::Announce(message) | Self::WirelessEvent(message) => message.bytes(),
            Self::Wireless(message) => message.bytes(),
            Self::Bfd(message) => message.bytes(),
            Self::Unknown { bytes, .. } => bytes,
        }
    }

    /// The number of its type.
    #[must_use]
    pub fn number(&self) -> u8 {
        self.bytes().get(3).copied().unwrap_or(0)
    }
}

/// The message, if it has as many bytes as its header.
#[inline]
fn checked(view: View<'_>, size: u16) -> Result<View<'_>, DecodeError> {
    let found = view.bytes.len();
    if found < usize::from(size) {
        return Err(DecodeError { offset: 0, expected: Expected::Header { size, found } });
    }
    Ok(view)
}

/// Where the sockaddrs begin: where the message says so, as long as that is behind what is read of the header.
#[inline]
fn header_length(view: View<'_>, layout: &AddrsLayout) -> Result<u16, DecodeError> {
    let length = view.u16(layout.header_length);
    if length == 0 {
        return Ok(layout.size);
    }
    if length < layout.size || usize::from(length) > view.bytes.len() {
        let expected = Expected::HeaderLength { size: layout.size, length, found: view.bytes.len() };
        return Err(DecodeError { offset: usize::from(layout.header_length.offset()), expected });
    }
    Ok(length)
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
    /// A route is asked for, and only the asker is answered.
    GetSilently,
    /// An entry of a dump that tells who holds it.
    Get2,
    /// A route is asked for, with what is known of the neighbour.
    GetExtended,
    /// A route is added, in words that SunOS 4 had.
    OldAdd,
    /// A route is deleted, in words that SunOS 4 had.
    OldDelete,
    /// A route's gateway was set.
    SetGateway,
    /// A link-layer entry has changed.
    LinkLayerUpdate,
    /// The routes that the kernel has cached should be looked up again.
    Invalidate,
    /// A daemon tells of servers and domains that a network offers.
    Proposal,
    /// The source address that the kernel prefers for a table.
    Source,
    /// Messages were lost: see [`Message::Desync`].
    Desync,
}

/// What became of an address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Change {
    /// It is there now.
    Added,
    /// It is no longer there.
    Removed,
    /// It is there and not as it was.
    Changed,
    /// It was removed some time ago, and its last user has let it go.
    Freed,
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
    /// How many hold the route.
    References,
    /// The largest segment that TCP offers, in bytes.
    SegmentSize,
    /// How long a segment of TCP may live, in milliseconds.
    SegmentLife,
    /// The largest initial window of TCP, in segments.
    InitialWindow,
    /// The largest initial window of TCP after loss, in segments.
    InitialWindowCap,
}
