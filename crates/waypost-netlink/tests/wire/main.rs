//! The route and next-hop codec against what a kernel said, against another codec, and against damage.
#![cfg(target_endian = "little")]

mod captures;
mod damage;
mod golden;
mod oracle;
mod round_trip;
