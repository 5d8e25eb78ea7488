//! Bytes to messages and back, on any host.
//!
//! [`Messages`] walks a datagram, [`Attributes`] what a message carries, [`Encoder`] writes both. No length that a
//! kernel wrote is believed unchecked, and nothing panics.
#![forbid(unsafe_code)]

pub mod constants;

mod encoder;
mod error;
mod frame;

pub use encoder::{Encoder, TooLong};
pub use error::DecodeError;
pub use frame::{Attributes, Message, Messages, read};
