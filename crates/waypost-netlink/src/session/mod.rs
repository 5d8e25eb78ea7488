//! The two conversations with a kernel, without a socket: datagrams and the time go in, messages and notices come out.
//!
//! [`EventLane`] hears of changes and lists tables, on one socket so that the kernel's order holds between the two.
//! [`RequestLane`] makes requests on another, so that a storm of changes cannot eat an answer. Both believe only what
//! comes from the kernel and fits what was asked, and neither ends because of a message that makes no sense.
#![forbid(unsafe_code)]

mod events;
mod listing;
mod lower;
mod message;
mod operation;
mod refusal;
mod requests;
mod shortage;

#[cfg(test)]
mod tests;

pub use events::EventLane;
pub use requests::RequestLane;

/// What one receive call gave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_structs, reason = "what recvmsg(2) tells")]
pub struct Datagram<'a> {
    /// The bytes that fitted into the buffer.
    pub bytes: &'a [u8],
    /// The port of the sender: zero for the kernel.
    pub port: u32,
    /// There were more bytes than fitted.
    pub truncated: bool,
}
