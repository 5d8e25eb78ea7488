//! Where the tests run: in namespaces where there are any, and nowhere else.

use std::net::Ipv4Addr;

/// What this process may do in namespaces of its own, or why it cannot make any.
pub(crate) type Rights = Result<Root, String>;

/// Whether this process has the rights of the initial user namespace.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Root(pub(crate) bool);

/// A TCP packet that was seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seen {
    /// The number of the interface that it was seen at.
    pub interface: u32,
    /// The address that it comes from.
    pub source: Ipv4Addr,
    /// The port that it goes to.
    pub port: u16,
}

mod signals;

pub use signals::take_interrupts;

cfg_if::cfg_if! {
    if #[cfg(target_os = "linux")] {
        mod rtnetlink;
        mod seccomp;
        mod wire;

        pub(crate) use rtnetlink::{enter, has_room, thread_number};
        pub use rtnetlink::{abstract_datagrams, cover, drop_rights, enter_network, forge, missing_groups, new_network, route_socket, sleep_by_the_clocks, switch_link};
        pub use seccomp::refuse_subscriptions;
        pub use wire::{Wire, connecting, serve_as, transparent_datagrams};
    } else {
        mod elsewhere;

        pub(crate) use elsewhere::{enter, has_room, thread_number};
        pub use elsewhere::{Wire, abstract_datagrams, connecting, cover, drop_rights, enter_network, forge, missing_groups, new_network, refuse_subscriptions, route_socket, serve_as, sleep_by_the_clocks, switch_link, transparent_datagrams};
    }
}
