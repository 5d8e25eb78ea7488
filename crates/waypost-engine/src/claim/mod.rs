//! Owning routes and rules: putting them in, keeping them, knowing them again, and never touching another's.
//!
//! ```text
//!  wish ──put──▶ Claims ──plan──▶ Plan ──Execution──▶ requests …  outcomes ──▶ Applied, or Failed and undone
//!                  ▲                                                              │
//!                  └── note, turn ◀── events of the mirror ◀── the kernel ◀───────┘
//! ```
//!
//! [`Claims`] is what one [`Owner`] wants to be there. [`Claims::plan`] compares that with a [`Mirror`](crate::Mirror) and gives a [`Plan`], which can be printed as a
//! diff; an [`Execution`] carries it out, all of it or nothing. Afterwards the claims are kept: [`Claims::turn`] tells of [`Drift`](ClaimEvent) and
//! says what is to be put back.
//!
//! # What is never done
//!
//! - Nothing is replaced in its place. What is added is added where nothing is; what stands there and is another's is a [`Conflict`].
//! - Nothing is deleted but by all of its words, and the owner's tag is one of them where the kernel keeps a tag.
//! - No metric is chosen that a kernel takes for any, or that router advertisements have.

mod any_metric;
mod execution;
mod inverse;
mod item;
pub mod journal;
mod keep;
mod owner;
mod plan;
mod restoring;
mod service;
mod set;
#[cfg(test)]
mod tests;
mod wanted;

pub use execution::{Applied, Execution, Failed, FailedPrinted, Left};
pub use item::{Backoff, Claim, Item, ItemPrinted, Policy};
pub use keep::{ClaimEvent, ClaimState, ClaimTold};
pub use owner::{Owner, Tag};
pub use plan::{Conflict, Difference, Obstacle, Plan, PlanPrinted, Step};
pub use service::Service;
pub use set::{ClaimId, Claims, Prune, is_same_rule};
pub use wanted::{as_kept, goes_that_way, has_legs_of, satisfies};
