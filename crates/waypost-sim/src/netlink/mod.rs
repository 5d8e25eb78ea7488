//! A kernel that speaks the bytes of rtnetlink.
//!
//! It has a reader and a writer of its own, so that it does not share the codec's mistakes: of the codec it takes nothing but the conversations
//! that it is to hold. What it writes is compared with what a real kernel writes of the same things. What the machine does is
//! [`Sim`](crate::Sim)'s; here is how it is said.

mod bytes;
mod driver;
mod numbers;
mod objects;
mod reader;
mod route_writer;
mod sockets;
mod writer;

pub use driver::NetlinkKernel;
pub use sockets::{ByteFault, NetlinkSockets, SocketName, Told};
