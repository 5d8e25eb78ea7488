//! The nouns of Waypost: what a route, a rule, a link or an address *is*, on every operating system alike.
//!
//! This crate has the portable model, the longest-prefix-match tables, and `Kernel`: the seam between
//! whoever wants to know or change the routing tables and the kernel that has them. It does no input or
//! output, reads no clock and has no code that differs between operating systems.
//!
//! Programs depend on the `waypost` crate, which gives all of this under its own name.
#![forbid(unsafe_code)]

mod prefix;

pub use prefix::{Family, Ipv4Prefix, Ipv6Prefix, Prefix, PrefixError};
