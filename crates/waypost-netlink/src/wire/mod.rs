//! Bytes to messages and back, on any host.
//!
//! [`Messages`] walks a datagram, [`Attributes`] what a message carries, [`Encoder`] writes both. No length that a
//! kernel wrote is believed unchecked, and nothing panics. [`route`] and [`next_hop`] are decoded in one pass into
//! the portable model, without an allocation for a route with one next hop and no metrics.
//!
//! A bad attribute spoils itself and not its message: it is kept byte for byte beside the rest and counted in
//! [`Decoded::spoiled`]. Only what a route cannot be placed without (destination, table, metric, source) spoils it.
#![forbid(unsafe_code)]

pub mod address;
pub mod constants;
pub mod dump;
pub mod link;
pub mod neighbour;
pub mod next_hop;
pub mod route;
pub mod rule;
pub mod settings;

mod encoder;
mod error;
mod frame;

pub use encoder::{Encoder, TooLong};
pub use error::DecodeError;
pub use frame::{Attributes, Message, Messages, read};

/// A message in the portable model, and how much of it could not be read.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_structs, reason = "what was decoded and how well")]
pub struct Decoded<T> {
    /// What the message says.
    pub value: T,
    /// How many of its attributes are malformed or could not be kept whole.
    pub spoiled: u32,
}
