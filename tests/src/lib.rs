//! What the real-kernel tests share: namespaces and the `ip` witness.

pub mod ip;
pub mod namespace;
pub mod skip;
