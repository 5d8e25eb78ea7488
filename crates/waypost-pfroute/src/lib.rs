//! The PF_ROUTE backend of Waypost.
//!
//! PF_ROUTE is how the BSDs, macOS and illumos tell of their routing tables: messages that begin alike and then
//! differ in nearly every number. This crate has one codec for all of them. [`wire`] turns bytes into messages by
//! a [`wire::Dialect`], a table of one system's offsets and numbers, so it reads any system's bytes on any host.
//! [`lift`] turns messages into the portable model of [`waypost_core`], and its routes into requests as each kernel
//! wants them.
//!
//! [`session`] holds the conversations with a kernel, over whatever carries the bytes: it opens no socket and calls no
//! system. `PfRoute` joins it to the sockets of the systems that have them.
//!
//! Unverified: no part of it has run on a real kernel yet. It has been tested with bytes that real kernels wrote, and
//! with simulated ones; `PfRoute` itself has been compiled.
//!
//! ```
//! use waypost_pfroute::wire::{ByteOrder, FREEBSD, Message, Messages, Source};
//!
//! // RTM_IFANNOUNCE: the interface em0, index 2, has come.
//! let bytes = [24, 0, 5, 17, 2, 0, b'e', b'm', b'0', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
//! let mut messages = Messages::new(&FREEBSD, ByteOrder::Little, Source::Socket, &bytes);
//! let Some(Ok(Message::Announce(announce))) = messages.next() else { panic!("an announcement") };
//! assert_eq!((announce.index(), announce.name()), (2, &b"em0"[..]));
//! assert!(messages.next().is_none());
//! ```
#![deny(unsafe_code)]

pub mod lift;
pub mod session;
pub mod wire;

mod sys;

pub use sys::*;
