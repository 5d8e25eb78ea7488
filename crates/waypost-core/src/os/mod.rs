//! What the routes of one system say that no other's do.
//!
//! The model keeps all that a kernel says. What several systems have stands in fields of [`Route`](crate::Route); the rest is kept as the
//! kernel's own numbers and bytes, and the traits here read it by the names that the system has for it. They are there on every
//! system, like the model itself, so that a program reads routes from elsewhere too.

pub mod linux;
