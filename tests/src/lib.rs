//! What the real-kernel tests share: namespaces, the `ip` witness and the command.
#![deny(unsafe_code)]

pub mod command;
pub mod far;
pub mod flood;
pub mod interfaces;
pub mod internet;
pub mod ip;
pub mod namespace;
pub mod replay;
pub mod seeded;
pub mod skip;
pub mod storm;
mod sys;
pub mod wish;
pub mod witness;
pub mod world;

pub use sys::{
    Seen, Wire, abstract_datagrams, connecting, cover, drop_rights, enter_network, forge, missing_groups, refuse_subscriptions,
    route_socket, serve_as, sleep_by_the_clocks, switch_link, take_interrupts, transparent_datagrams,
};
