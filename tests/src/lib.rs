//! What the real-kernel tests share: namespaces and the `ip` witness.

pub mod skip;
