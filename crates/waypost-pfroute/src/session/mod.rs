//! Conversations with a kernel over routing sockets, without a socket: what to write next, and what came of it.
//!
//! Two lanes, as on every kernel: one that hears of changes and lists tables, one that makes requests, so that a storm
//! of changes cannot eat an answer. [`RoutingSocket`] drives both over a [`Transport`], which is the system's own
//! sockets, the simulator, or a kernel that runs inside a process; what they carry is a
//! [`Dialect`](crate::wire::Dialect)'s.
//!
//! What there is to know of such a conversation:
//!
//! - Every routing socket hears what every other writes, and the kernel's answers to it. A request that was refused is
//!   told to all as it came, however malformed: those are counted, and change nothing.
//! - The kernel deals with a request while it is written, so the error of the write is the outcome. Only what a
//!   lookup found, and what a deletion has in fact deleted, stands in the answer, which can be lost.
//! - A kernel that deletes by the destination alone is asked first what is there, and its answer to the deletion is
//!   looked at: what was not meant is put back, and the outcome is a conflict.

mod capabilities;
mod deletion;
mod events;
mod interest;
mod lists;
mod mib2;
mod refusal;
mod requests;
mod socket;
mod transport;

pub use capabilities::{capabilities, capabilities_of_all};
pub use deletion::deletes;
pub use events::EventStats;
pub use interest::Interest;
pub use socket::{RoutingSocket, SessionOptions};
pub use transport::{Lane, Transport};
