//! The tasks of the Waypost workspace: `cargo xtask help`.
fn main() {}
