//! A kernel that speaks the bytes of routing sockets.
//!
//! It has a reader and a writer of its own, so that it does not share the codec's mistakes: of the codec it takes the
//! tables of the dialects, and its own bytes are compared with those of real kernels. It keeps one route for a
//! destination, or one of each priority where headers have that, as these kernels do unless they are asked for several paths.

mod machine;
mod mib2;
mod reader;
mod requests;
mod sockets;
mod world;
mod writer;

pub use machine::RoutingSim;
pub use sockets::SimSockets;

/// The numbers of errors, which are two families.
#[derive(Clone, Copy, Debug)]
struct Errno;

#[rustfmt::skip]
impl Errno {
    const ESRCH: i32 = 3;
    const ENXIO: i32 = 6;
    const ENOMEM: i32 = 12;
    const EEXIST: i32 = 17;
    const EINVAL: i32 = 22;
}

/// What a request fails for whose number differs between systems.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Odd {
    Version,
    Type,
    Family,
    Unreachable,
    NoBuffers,
}

impl Odd {
    /// Its number where sockets have 4.4BSD's numbers, or System V's.
    const fn number(self, is_system_v: bool) -> i32 {
        match (self, is_system_v) {
            (Self::Version, false) => 43,
            (Self::Version, true) => 120,
            (Self::Type, false) => 45,
            (Self::Type, true) => 122,
            (Self::Family, false) => 47,
            (Self::Family, true) => 124,
            (Self::Unreachable, false) => 51,
            (Self::Unreachable, true) => 128,
            (Self::NoBuffers, false) => 55,
            (Self::NoBuffers, true) => 132,
        }
    }
}
