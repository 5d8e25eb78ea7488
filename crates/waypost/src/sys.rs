//! Which system this is: the one place above the backends that asks.
//!
//! A system owes `Native` (its [`Kernel`](waypost_core::Kernel)), `Options` and `Namespace` to open it with, by `open` and by
//! `open_for_requests`, `Connections`, the host's sockets, `now`, its two clocks, `deletes` and `deletes_rule`: whether its kernel, asked to delete the one, would
//! take the other for it, `boot`: by what this boot is told from others, and whether two such are of one, `neighbours_max`: how many neighbours of a family the kernel keeps at most, where it says so,
//! `may_change`, which tells whether this process may change routes, `INTERFACE_NAME_MAX`, `try_lock`, which locks a file, `keep_network_rights`: all rights but those go, and those stay with who becomes another user meanwhile, `leave_groups`, by which a process stays in one group alone, `address_of`, by which a socket is found that was named to the program, and `keep_to`, by which a socket is kept to an interface.

use cfg_if::cfg_if;

cfg_if! {
    if #[cfg(target_os = "linux")] {
        use std::time::Duration;

        use nix::time::{ClockId, clock_gettime};
        use waypost_core::{Error, ErrorKind, Family, IfIndex, NextHop, Now, Prefix, Route};

        use crate::Routes;

        pub(crate) use waypost_netlink::wire::route::deletes;
        pub(crate) use waypost_netlink::wire::rule::deletes as deletes_rule;
        pub use waypost_netlink::{Connections, Namespace, Netlink as Native, Options};

        /// What the clocks say: one that stands still while the machine sleeps, one that does not; clock_gettime(2).
        pub(crate) fn now() -> Now {
            // Both clocks are there since Linux 2.6.39, and reading them cannot fail with a valid number.
            let read = |clock| clock_gettime(clock).map_or(Duration::ZERO, Duration::from);
            Now { running: read(ClockId::CLOCK_MONOTONIC), boot: read(ClockId::CLOCK_BOOTTIME) }
        }

        /// By what this boot is told from others; random(4). A network namespace has routes of its own, and so is told apart too.
        pub(crate) fn boot() -> std::io::Result<String> {
            let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
            let namespace = std::fs::read_link("/proc/thread-self/ns/net")?;
            Ok(format!("{} {}", boot.trim(), namespace.display()))
        }

        /// Says whether two names are of one boot.
        pub(crate) fn is_same_boot(one: &str, other: &str) -> bool {
            one == other
        }

        /// Keeps a socket to an interface; socket(7), `SO_BINDTODEVICE`, without privilege since Linux 5.7.
        #[cfg(feature = "captive")]
        pub(crate) fn keep_to(
            socket: &socket2::Socket,
            interface: &str,
            _: &[std::net::IpAddr],
            _: &std::net::SocketAddr,
        ) -> std::io::Result<()> {
            socket.bind_device(Some(interface.as_bytes()))
        }

        /// Gives up all rights but those to change the network, for good; what `become_other` does to the user takes those not along.
        pub(crate) fn keep_network_rights(become_other: impl FnOnce() -> nix::Result<()>) -> nix::Result<()> {
            use nix::sys::prctl;
            prctl::set_keepcaps(true)?;
            // The right to do so goes with the user.
            waypost_netlink::bound_network_rights();
            become_other()?;
            waypost_netlink::keep_network_rights().map_err(|error| nix::Error::from_raw(error.raw_os_error().unwrap_or_default()))?;
            prctl::set_keepcaps(false)?;
            prctl::set_no_new_privs()
        }

        /// The address of a datagram socket that a program was told of; of a name that begins with `@`, in the abstract namespace of unix(7).
        pub(crate) fn address_of(name: &str) -> std::io::Result<std::os::unix::net::SocketAddr> {
            use std::os::linux::net::SocketAddrExt;
            use std::os::unix::net::SocketAddr;
            match name.strip_prefix('@') {
                Some(name) => SocketAddr::from_abstract_name(name),
                None => SocketAddr::from_pathname(name),
            }
        }

        /// How many bytes the name of an interface has at most: `IFNAMSIZ` of include/uapi/linux/if.h, without the zero byte.
        pub const INTERFACE_NAME_MAX: usize = 15;

        /// Says whether this process may change routes, by asking for one over an interface that cannot be: the kernel looks at the right before anything
        /// else (`rtnetlink_rcv_msg`, net/core/rtnetlink.c, Linux 6.18), and then finds no interface of this number.
        pub(crate) fn may_change(routes: &mut Routes) -> Result<bool, Error> {
            let mut route = Route::new(Prefix::default_of(Family::V4));
            route.entry.next_hops = IfIndex::new(i32::MAX.unsigned_abs()).map(NextHop::dev).into_iter().collect();
            match routes.add(&route) {
                Err(error) if error.kind() == ErrorKind::NotPermitted => Ok(false),
                Err(error) if error.kind() == ErrorKind::NoSuchDevice => Ok(true),
                other => other.map(|()| true),
            }
        }

        /// Leaves all groups but one; setgroups(2).
        pub(crate) fn leave_groups(group: nix::unistd::Gid) -> nix::Result<()> {
            nix::unistd::setgroups(&[group])
        }

        /// How many neighbours of a family the kernel keeps at most; arp(7). Only the first network namespace tells.
        pub(crate) fn neighbours_max(family: Family) -> Option<usize> {
            let version = if family == Family::V4 { "ipv4" } else { "ipv6" };
            let text = std::fs::read_to_string(format!("/proc/sys/net/{version}/neigh/default/gc_thresh3")).ok()?;
            text.trim().parse().ok()
        }
    } else if #[cfg(any(
        target_os = "freebsd", target_os = "netbsd", target_os = "openbsd", target_os = "dragonfly",
        target_vendor = "apple", target_os = "illumos", target_os = "solaris",
    ))] {
        use std::time::Duration;

        use nix::time::{ClockId, clock_gettime};
        use waypost_core::{Error, Family, Now, Rule};

        use crate::Routes;

        pub(crate) use waypost_pfroute::session::deletes;
        pub use waypost_pfroute::{Connections, Namespace, Options, PfRoute as Native};

        /// No rule is another's victim where there are none.
        pub(crate) const fn deletes_rule(_: &Rule, _: &Rule) -> bool {
            false
        }

        /// What the clock says. These systems have one that goes on while the machine sleeps, or one that does not, and
        /// which it is differs; so a sleep is not seen.
        pub(crate) fn now() -> Now {
            Now::awake(clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from))
        }

        /// By what this boot is told from others: when it was, as seconds since 1970, by two clocks of which one may be set.
        pub(crate) fn boot() -> std::io::Result<String> {
            let since = |clock| clock_gettime(clock).map(Duration::from);
            let (wall, running) = (since(ClockId::CLOCK_REALTIME)?, since(ClockId::CLOCK_MONOTONIC)?);
            Ok(wall.saturating_sub(running).as_secs().to_string())
        }

        /// Says whether two names are of one boot: no machine starts twice within a minute.
        pub(crate) fn is_same_boot(one: &str, other: &str) -> bool {
            let seconds = |text: &str| text.parse::<u64>().ok();
            matches!((seconds(one), seconds(other)), (Some(one), Some(other)) if one.abs_diff(other) < 60)
        }

        /// Gives a socket an address of an interface: to keep it to the interface itself, each of these systems has another way, if any.
        #[cfg(feature = "captive")]
        pub(crate) fn keep_to(
            socket: &socket2::Socket,
            _: &str,
            addresses: &[std::net::IpAddr],
            remote: &std::net::SocketAddr,
        ) -> std::io::Result<()> {
            let own = addresses.iter().find(|own| own.is_ipv4() == remote.is_ipv4());
            own.map_or(Ok(()), |own| socket.bind(&std::net::SocketAddr::new(*own, 0).into()))
        }

        cfg_if! {
            if #[cfg(any(target_os = "illumos", target_os = "solaris"))] {
                /// How many bytes the name of an interface has at most: `LIFNAMSIZ` of net/if.h, without the zero byte.
                pub const INTERFACE_NAME_MAX: usize = 31;
            } else {
                /// How many bytes the name of an interface has at most: `IFNAMSIZ` of net/if.h, without the zero byte.
                pub const INTERFACE_NAME_MAX: usize = 15;
            }
        }

        /// Says whether this process may change routes: on these systems only root may.
        pub(crate) fn may_change(_: &mut Routes) -> Result<bool, Error> {
            Ok(nix::unistd::geteuid().is_root())
        }

        /// On these systems only root may change routes: there is nothing that could be kept.
        pub(crate) fn keep_network_rights(_: impl FnOnce() -> nix::Result<()>) -> nix::Result<()> {
            Err(nix::Error::EOPNOTSUPP)
        }

        /// Leaves all groups but one. Apple's systems ask their directory service for the groups of a process.
        pub(crate) fn leave_groups(group: nix::unistd::Gid) -> nix::Result<()> {
            cfg_if! {
                if #[cfg(target_vendor = "apple")] {
                    let _ = group;
                    Err(nix::Error::EOPNOTSUPP)
                } else {
                    nix::unistd::setgroups(&[group])
                }
            }
        }

        /// The address of a datagram socket that a program was told of: here each is a file's.
        pub(crate) fn address_of(name: &str) -> std::io::Result<std::os::unix::net::SocketAddr> {
            std::os::unix::net::SocketAddr::from_pathname(name)
        }

        /// These systems name no limit.
        pub(crate) const fn neighbours_max(_: Family) -> Option<usize> {
            None
        }
    } else {
        compile_error!("Waypost has no backend for this system's routing tables yet");
    }
}

cfg_if! {
    if #[cfg(target_os = "solaris")] {
        /// A file that is locked until this is dropped, or the process ends.
        pub(crate) type Lock = std::fs::File;

        /// Locks a file, unless another process has it; fcntl(2), as there is no flock(2).
        pub(crate) fn try_lock(file: std::fs::File) -> std::io::Result<Option<Lock>> {
            use nix::fcntl::{FcntlArg, fcntl};
            use nix::libc;
            let whole = libc::flock {
                l_type: libc::F_WRLCK as libc::c_short,
                l_whence: libc::SEEK_SET as libc::c_short,
                l_start: 0,
                l_len: 0,
                l_sysid: 0,
                l_pid: 0,
                l_pad: [0; 4],
            };
            match fcntl(&file, FcntlArg::F_SETLK(&whole)) {
                Ok(_) => Ok(Some(file)),
                Err(nix::Error::EACCES | nix::Error::EAGAIN) => Ok(None),
                Err(error) => Err(error.into()),
            }
        }
    } else {
        /// A file that is locked until this is dropped, or the process ends.
        pub(crate) type Lock = nix::fcntl::Flock<std::fs::File>;

        /// Locks a file, unless another process has it; flock(2).
        pub(crate) fn try_lock(file: std::fs::File) -> std::io::Result<Option<Lock>> {
            use nix::fcntl::{Flock, FlockArg};
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => Ok(Some(lock)),
                Err((_, nix::Error::EWOULDBLOCK)) => Ok(None),
                Err((_, error)) => Err(error.into()),
            }
        }
    }
}
