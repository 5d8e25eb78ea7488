//! Sockets and namespaces of the one system that speaks rtnetlink: the only part of the crate that knows where it runs.

mod options;

pub use options::{Namespace, Options};

cfg_if::cfg_if! {
    if #[cfg(target_os = "linux")] {
        mod connections;
        mod kernel;
        mod namespace;
        mod receiver;
        mod rights;
        mod socket;
        mod trace_reader;
        mod traces;

        pub use connections::Connections;
        pub use kernel::Netlink;
        pub use rights::{bound_network_rights, keep_network_rights};
    }
}
