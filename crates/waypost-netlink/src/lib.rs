//! The rtnetlink backend of Waypost.
//!
//! rtnetlink is how Linux tells of its routing tables and has them changed. [`wire`] turns bytes into the portable
//! model of `waypost_core` and back, on any host: it opens no socket and calls no system.
#![deny(unsafe_code)]

pub mod wire;
