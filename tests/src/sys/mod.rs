//! Where the tests run: in namespaces where there are any, and nowhere else.

/// What this process may do in namespaces of its own, or why it cannot make any.
pub(crate) type Rights = Result<Root, String>;

/// Whether this process has the rights of the initial user namespace.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Root(pub(crate) bool);

mod signals;

pub use signals::take_interrupts;

cfg_if::cfg_if! {
    if #[cfg(target_os = "linux")] {
        mod rtnetlink;
        mod seccomp;
        mod wire;

        pub(crate) use rtnetlink::{enter, has_room, thread_number};
        pub use rtnetlink::{cover, drop_rights, enter_network, forge, missing_groups, new_network, route_socket};
        pub use seccomp::refuse_subscriptions;
        pub use wire::{Seen, Wire, connecting};
    } else {
        mod elsewhere;

        pub(crate) use elsewhere::{enter, has_room, thread_number};
        pub use elsewhere::{Seen, Wire, connecting, cover, drop_rights, enter_network, forge, missing_groups, new_network, refuse_subscriptions, route_socket};
    }
}
