//! The nouns of Waypost: what a route, a rule, a link or an address *is*, on every operating system alike.
//!
//! This crate has the portable model, the longest-prefix-match tables, and [`Kernel`]: the seam between
//! whoever wants to know or change the routing tables and the kernel that has them. It does no input or
//! output, reads no clock and has no code that differs between operating systems.
//!
//! Programs depend on the `waypost` crate, which gives all of this under its own name.
//!
//! # A map
//!
//! | what | where |
//! |---|---|
//! | a destination | [`Prefix`], [`Ipv4Prefix`], [`Ipv6Prefix`] |
//! | a route: where the kernel keeps it, and what it says | [`Route`], [`Slot`], [`Entry`] |
//! | the way out | [`NextHop`], [`NextHops`], [`NextHopObject`] |
//! | policy | [`Rule`] |
//! | interfaces | [`Link`], [`Address`], [`Neighbour`], [`InterfaceSettings`] |
//! | the host's sockets | [`Connection`] |
//! | all routes of a kernel, to look up in | [`Tables`], [`lpm`] |
//! | what a kernel says and is asked | [`Kernel`], [`Notice`], [`Request`], [`Outcome`] |
//! | what a kernel can do | [`Capabilities`] |
//! | what one system's routes say and no other's | [`os`] |
//! | what went wrong | [`Error`], [`ErrorKind`] |
//! | which way packets go, without asking the kernel | [`lookup`] |
//!
//! # Example
//!
//! ```
//! use waypost_core::Route;
//!
//! let route: Route = "10.1.0.0/16 via 10.0.0.1 metric 50 proto static".parse()?;
//! assert_eq!(route.slot.destination.to_string(), "10.1.0.0/16");
//! assert_eq!(route.slot.metric, 50);
//! # Ok::<(), waypost_core::ParseError>(())
//! ```
#![forbid(unsafe_code)]

pub mod lpm;

mod capabilities;
mod connection;
mod error;
#[cfg(feature = "serde")]
mod flags_as_text;
mod interface;
mod interface_names;
mod kernel;
pub mod lookup;
mod next_hop_object;
mod number;
mod number_names;
pub mod os;
mod prefix;
mod prefix_short;
mod route;
mod rule;
mod tables;
mod words;

pub use capabilities::{Capabilities, CompareAndDelete, LossSignal, OwnershipTag};
pub use connection::{Connection, ConnectionState, Transport};
pub use error::{Error, ErrorKind};
pub use interface::{Address, AddressFlags, InterfaceSettings, Link, LinkFlags, Neighbour, NeighbourState, SettingsOf};
pub use interface_names::{InterfaceNames, Named};
pub use kernel::{
    Drained, Dump, DumpEnd, Flow, Flushed, Kernel, LookupAnswer, LookupMode, Miss, Notice, Notices, Now, Outcome, Redirect,
    Request, RouteChange, RouteFilter, RouteVerb, Ticket, Touched, Trace, Verb,
};
pub use next_hop_object::{GroupMember, NextHopObject, NextHopObjectKind, Resilience};
pub use number::{IfIndex, NextHopId, Protocol, Scope, TableId};
pub use number_names::{Names, NumberKind, NumberNames, NumberPrinted};
pub use prefix::{Family, Ipv4Prefix, Ipv6Prefix, Prefix, PrefixError};
pub use route::{
    Attribute, Disposition, Encapsulation, Entry, InterfacePrinted, Metric, Metrics, NextHop, NextHopFlags, NextHops, Preference,
    Route, RouteFlags, RouteRef, Slot, Unnamed, Weight, WithNames,
};
pub use rule::{Masked, PortRange, Rule, RuleAction, UidRange};
pub use tables::{Chain, Position, RowId, TableRef, Tables};
pub use words::ParseError;
