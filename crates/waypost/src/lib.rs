//! A true picture of the operating system's routing tables: follow them, look routes up, change them safely.
//!
//! Waypost is for programs that live by the routing table: VPNs, agents, proxies, mesh and routing daemons. It reads the kernel's
//! tables over the kernel's own protocol, keeps a mirror that survives lost messages, and changes routes without
//! touching anybody else's.
//!
//! - [`Watcher`] keeps a live mirror and tells what changed, with what was there before.
//! - [`Monitor`] tells that the network is another than before and what that means: the default route moved and why, the machine slept.
//! - [`Reach`] tells which of a program's conversations a change hits: whose route has gone, whose source, who leaves another way.
//! - [`Connections`] lists the TCP and UDP sockets of the host, and ends those that have no way any more.
//! - [`Claims`] owns routes and rules: plans changes, makes them whole or not at all, keeps them, and knows them again after a crash.
//! - [`Uplinks`] keeps the default routes of several ways out, so that there is never a moment without one.
//! - [`Routes`] does one thing at a time: list, add, delete exactly, look up, or a pipelined batch.
//!
//! # Example
//!
//! ```no_run
//! use waypost::{Event, Watcher};
//!
//! let mut watcher = Watcher::open()?;
//! watcher.synchronise(None)?;
//! println!("{} routes", watcher.mirror().tables().len());
//! while let Some(event) = watcher.next(None)? {
//!     if let Event::Route { change, .. } = event {
//!         println!("{change:?}");
//!     }
//! }
//! # Ok::<(), waypost::Error>(())
//! ```
//!
//! # What it is not
//!
//! It configures no interfaces, speaks no routing protocol and makes no policy: those are for the program on top.
//!
//! # Features
//!
//! None is on by default, and none changes what the others do: `tokio` and `async-io` (streams of events), `serde`
//! (the model in serialised form), `tracing` (what a watcher finds noteworthy), `captive` (whether the internet is behind a link, or a portal), `decode` (captured routing messages of
//! any system, on any host).
//!
//! # Platforms
//!
//! Linux, over rtnetlink. FreeBSD, NetBSD, OpenBSD, DragonFly, macOS, illumos and Solaris, over routing sockets: compiled, and
//! tested with simulated kernels alone.
#![forbid(unsafe_code)]

#[cfg(feature = "captive")]
pub mod captive;
#[cfg(feature = "decode")]
mod capture;
mod claims;
#[cfg(feature = "decode")]
pub mod decode;
mod hub;
mod monitor;
mod privilege;
mod reach;
mod routes;
mod service;
#[cfg(any(feature = "tokio", feature = "async-io"))]
mod stream;
mod sys;
mod trace;
mod uplinks;
mod watcher;

#[cfg(feature = "decode")]
pub use capture::Capture;
pub use claims::Claims;
pub use hub::Hub;
pub use monitor::Monitor;
pub use privilege::{become_network_user, become_user};
pub use reach::{Reach, Slices};
pub use routes::{Ensured, Operation, Routes};
pub use service::ServiceManager;
#[cfg(feature = "async-io")]
pub use stream::AsyncIoEvents;
#[cfg(feature = "tokio")]
pub use stream::TokioEvents;
pub use sys::{Connections, INTERFACE_NAME_MAX, Namespace, Native, Options};
#[cfg(feature = "captive")]
pub use uplinks::ProbeTarget;
pub use uplinks::{UplinkTurn, Uplinks};
pub use watcher::Watcher;
pub use waypost_core::*;
pub use waypost_engine::claim;
pub use waypost_engine::{
    AddressPolicy, Arrow, Backlog, Change, CheckOptions, Debounce, DefaultCause, DefaultRoute, Delivery, Diagnosis, Drift,
    Effects, ElectionCause, Event, EventFilter, Exit, Finding, FlowId, FollowOptions, Grade, Judgement, Kinds, Life,
    LinkStanding, MetricBands, Metrics, Mirror, MonitorOptions, MonitorStats, OnRival, Outlook, PolicyEntry, ProbeOptions,
    Probed, Problem, Reason, Refusal, Report, ReportReason, Role, RuleKeeper, Severity, Snapshot, Standing, Stats, SubscriberId,
    Trigger, Uplink, UplinkId, UplinkOptions, UplinkReport, UplinkStatus, UsableAddress, View, Vpn, Way, Wish, WishId, WishState,
    check, sort_addresses,
};

/// The machines beneath, which do no input or output and read no clock, for programs that drive them themselves.
pub mod engine {
    pub use waypost_engine::{Monitor, Reach, Uplinks, Work};
}

/// The example of the README, so that it compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
