//! Sockets of the systems that have routing sockets: the only part of the crate that knows where it runs.

mod connections;
mod options;

pub use connections::Connections;
pub use options::{Namespace, Options};

cfg_if::cfg_if! {
    if #[cfg(any(target_os = "freebsd", target_os = "netbsd", target_os = "openbsd", target_os = "dragonfly", target_vendor = "apple"))] {
        mod abi;
        mod native;
        mod sockets;
        mod sysctl;

        pub use native::PfRoute;
        pub use sockets::Sockets;
    } else if #[cfg(any(target_os = "illumos", target_os = "solaris"))] {
        mod abi;
        mod mib2;
        mod native;
        mod sockets;

        pub use native::PfRoute;
        pub use sockets::Sockets;
    }
}
