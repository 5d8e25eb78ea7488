//! A kernel in memory, to test against what a real one does only now and then.
//!
//! [`Sim`] is a machine: links, addresses, rules, next-hop objects and routing tables, kept as a [`Profile`] says
//! that one operating system keeps them. [`SimKernel`] is a handle on it that implements
//! [`Kernel`](waypost_core::Kernel): several handles on one machine are several programs. What an administrator or
//! a cable would do, `Sim`'s own methods do; what goes wrong on the way to a program, [`Fault`] says.
//!
//! Nothing is random, nothing sleeps and no clock is read: the same calls give the same notices.
//!
//! The [`contract`] is what every kernel must do, this one and the real ones alike.
//!
//! ```
//! use waypost_core::{Kernel, Notice, Now, Outcome, Request, Route, RouteChange, Ticket};
//! use waypost_sim::{Profile, Sim};
//!
//! let sim = Sim::new(Profile::linux());
//! let link = sim.add_link("w0");
//! sim.set_up(link, true)?;
//! sim.add_address(link, "10.0.0.2".parse().unwrap(), 24)?;
//!
//! let mut kernel = sim.kernel();
//! let route: Route = "10.1.0.0/16 via 10.0.0.1".parse()?;
//! kernel.submit(Now::default(), Ticket(1), Request::Route(RouteChange::Add, &route))?;
//! kernel.flush()?;
//!
//! let mut notices = Vec::new();
//! kernel.drain(Now::default(), 16, &mut notices)?;
//! assert!(matches!(notices[0], Notice::Outcome(Ticket(1), Outcome::Done)));
//! assert!(matches!(notices[1], Notice::Route(..)), "and the event comes after it");
//! # Ok::<(), waypost_core::Error>(())
//! ```
#![forbid(unsafe_code)]

pub mod contract;
mod kernel;
#[cfg(feature = "netlink")]
pub mod netlink;
mod profile;
#[cfg(feature = "pfroute")]
pub mod routing;
mod sim;
mod socket;
mod state;

pub use kernel::SimKernel;
#[cfg(feature = "pfroute")]
pub use profile::RoutingProfile;
pub use profile::{Connected, FamilyProfile, Profile, Resume, SameSlot};
pub use sim::Sim;
pub use socket::Fault;
