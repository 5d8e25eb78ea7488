//! The rtnetlink backend of Waypost.
//!
//! rtnetlink is how Linux tells of its routing tables and has them changed. [`wire`] turns bytes into the portable
//! model of `waypost_core` and back, and [`session`] holds the two conversations with the kernel, both on any host: they
//! open no socket and call no system. `Netlink` joins them to sockets where there is rtnetlink.
#![deny(unsafe_code)]

pub mod session;
pub mod wire;

mod sys;

pub use sys::*;
