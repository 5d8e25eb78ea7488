//! Bytes to messages and back, for any system's routing messages on any host.
//!
//! [`Messages`] walks a buffer that a routing socket or the routing sysctl filled. Each step gives a [`Message`],
//! a checked view into the buffer, or a [`Malformed`] one; after either the walk goes on where the message said it
//! ends. Nothing is allocated, no length that the kernel wrote is believed unchecked, and nothing panics.
//!
//! What differs between systems is data: see [`Dialect`]. Byte order is a parameter of its own, because it belongs
//! to the machine that wrote the bytes and not to its system.
//!
//! FreeBSD's NET_RT_IFLISTL messages have the type numbers of NET_RT_IFLIST's and another layout; nothing in them
//! says which. They are not read here: ask for NET_RT_IFLIST.

mod bytes;
mod dialect;
mod encode;
mod error;
mod flags;
mod message;
mod messages;
mod mib2;
mod sockaddr;

pub use bytes::{ByteOrder, Field};
pub use dialect::{
    AddressLayout, AddrsLayout, AnnounceLayout, Carrier, DIALECTS, DRAGONFLY, DRAGONFLY6, Dialect, DumpSource, FREEBSD,
    FREEBSD_I386, Families, FlagBits, HeadLayout, ILLUMOS, InterfaceLayout, Kind, MACOS, MESSAGE_TYPES, MaskForm, MessageType,
    MetricField, MulticastLayout, NETBSD, NETBSD7, OPENBSD, OPENBSD_I386, OwnRoutes, ReportedMtu, RouteLayout, ScopeForm,
    SockaddrForm, Source, SysctlLast, TableSelector, Wants, WirelessLayout, Written,
};
pub use encode::{EncodeError, RouteRequest, SockaddrValue};
pub use error::{DecodeError, Expected};
pub use flags::RouteFlags;
pub use message::{
    AddressMessage, AnnounceMessage, Announced, BfdMessage, Change, InterfaceMessage, Message, Metric, MulticastMessage,
    RouteMessage, RouteOp, WirelessMessage,
};
pub use messages::{Malformed, Messages};
pub use mib2::{Mib2, Mib2Address, Mib2Entry, Mib2Interface, Mib2Neighbour, Mib2Route};
pub(crate) use sockaddr::has_zone;
pub use sockaddr::{Axis, Inarp, LinkSockaddr, RawSockaddr, Sockaddr, Sockaddrs};
