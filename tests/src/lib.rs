//! What the real-kernel tests share: namespaces and the `ip` witness.
#![forbid(unsafe_code)]

pub mod ip;
pub mod namespace;
pub mod skip;
