//! The verbs of Waypost, without input, output or a clock.
//!
//! [`Mirror`] is what the kernel has, as far as it has said so; [`Follower`] keeps a mirror in step with a
//! [`Kernel`](waypost_core::Kernel): it asks for snapshots, follows what the kernel says, and reads again what was lost.
//!
//! [`Monitor`] tells that the network is another than before and what that means, of what a mirror has.
//! [`Reach`] tells which of a program's conversations a change hits.
//! [`Uplinks`] keeps the default routes of several ways out, so that there is never a moment without one.
//!
//! [`claim::Claims`] is what a program owns: it plans changes, carries them out whole, and keeps what is claimed.
//!
//! Programs depend on the `waypost` crate, which drives this with the system's own sockets and clock.
#![forbid(unsafe_code)]

mod check;
pub mod claim;
mod fan_out;
mod follow;
mod mirror;
mod monitor;
mod reach;
mod sort_addresses;
mod uplink;

pub use check::{CheckOptions, Diagnosis, Finding, Problem, Severity, check};
pub use fan_out::{Backlog, Delivery, EventFilter, FanOut, Kinds, SubscriberId, View};
pub use follow::{Drift, FollowOptions, Follower, Metrics, Progress, Stats};
pub use mirror::{Change, Doubt, Event, Mirror, Reason, Subject};
pub use monitor::{
    Debounce, DefaultCause, DefaultRoute, LinkStanding, Monitor, MonitorOptions, MonitorStats, Report, ReportReason, RuleKeeper,
    Snapshot, UsableAddress,
};
pub use reach::{Effects, FlowId, Judgement, Outlook, Reach, Standing, Way, Work};
pub use sort_addresses::{AddressPolicy, PolicyEntry, sort_addresses};
pub use uplink::{
    Arrow, ElectionCause, Exit, Grade, Life, MetricBands, OnRival, Order, ProbeOptions, Probed, Refusal, Role, Told, Trigger,
    Uplink, UplinkId, UplinkOptions, UplinkReport, UplinkStatus, Uplinks, Vpn, Wish, WishId, WishState,
};
