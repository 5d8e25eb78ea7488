//! The `waypost` command.
#![forbid(unsafe_code)]

fn main() {}
