//! What this system's dialect says, and what the crate `libc` says of the same structs and numbers: compared while compiling.
//!
//! Where `libc` lacks a struct, `cargo xtask abi-check` compares with the system's own header.

use std::mem::offset_of;

use super::native::NATIVE;
use crate::wire::{Dialect, Kind};

const DIALECT: &Dialect = NATIVE.0;

/// Offsets of a layout's numbers, and of a struct's members.
#[cfg_attr(any(target_os = "illumos", target_os = "solaris"), expect(unused_macros, reason = "libc has none of these structs"))]
macro_rules! same {
    ($layout:expr, $structure:ty, $($field:ident => $($member:ident).+),+ $(,)?) => {
        $(assert!($layout.$field.offset() as usize == offset_of!($structure, $($member).+));)+
    };
}

// The numbers that a socket is opened with, and those in sockaddrs.
const _: () = {
    let families = DIALECT.families;
    assert!(DIALECT.protocol_family as i32 == libc::AF_ROUTE);
    assert!(families.inet as i32 == libc::AF_INET && families.inet6 as i32 == libc::AF_INET6);
    assert!(families.link as i32 == libc::AF_LINK);
    // A sockaddr_dl is alike everywhere as far as it is read.
    assert!(offset_of!(libc::sockaddr_dl, sdl_index) == 2 && offset_of!(libc::sockaddr_dl, sdl_type) == 4);
    assert!(offset_of!(libc::sockaddr_dl, sdl_nlen) == 5 && offset_of!(libc::sockaddr_dl, sdl_alen) == 6);
    assert!(offset_of!(libc::sockaddr_dl, sdl_data) == 8);
    assert!(offset_of!(libc::sockaddr_in, sin_addr) == 4 && size_of::<libc::sockaddr_in>() == 16);
    assert!(offset_of!(libc::sockaddr_in6, sin6_addr) == 8 && offset_of!(libc::sockaddr_in6, sin6_scope_id) == 24);
};

cfg_if::cfg_if! {
    if #[cfg(not(any(target_os = "illumos", target_os = "solaris")))] {
        use crate::wire::InterfaceLayout;

        /// The header of the message of this number.
        const fn interface(number: i32) -> &'static InterfaceLayout {
            match DIALECT.types[number as usize].kind {
                Kind::Interface(layout) => layout,
                _ => panic!("it is about no interface"),
            }
        }

        const _: () = {
            assert!(DIALECT.version as i32 == libc::RTM_VERSION);
            let layout = interface(libc::RTM_IFINFO);
            assert!(layout.addrs.size as usize == size_of::<libc::if_msghdr>());
            assert!(layout.addrs.addrs.offset() as usize == offset_of!(libc::if_msghdr, ifm_addrs));
            same!(layout, libc::if_msghdr,
                flags => ifm_flags, index => ifm_index, kind => ifm_data.ifi_type, address_length => ifm_data.ifi_addrlen,
                header_length => ifm_data.ifi_hdrlen, mtu => ifm_data.ifi_mtu, metric => ifm_data.ifi_metric,
                baud_rate => ifm_data.ifi_baudrate,
            );
        };
    } else {
        const _: () = assert!(matches!(DIALECT.types[1].kind, Kind::Route(..)));
    }
}

cfg_if::cfg_if! {
    if #[cfg(any(target_os = "freebsd", target_os = "netbsd", target_os = "openbsd", target_os = "dragonfly"))] {
        const _: () = {
            same!(interface(libc::RTM_IFINFO), libc::if_msghdr, link_state => ifm_data.ifi_link_state);
        };
    }
}

cfg_if::cfg_if! {
    if #[cfg(target_os = "openbsd")] {
        const _: () = {
            let layout = interface(libc::RTM_IFINFO);
            assert!(layout.addrs.header_length.offset() as usize == offset_of!(libc::if_msghdr, ifm_hdrlen));
            same!(layout, libc::if_msghdr, table => ifm_tableid);
        };
    } else if #[cfg(any(target_os = "freebsd", target_os = "macos"))] {
        use crate::wire::{Field, Metric, RouteLayout};

        /// Where a metric stands in the header of a route.
        const fn metric(layout: &RouteLayout, metric: Metric) -> Field {
            let mut at = 0;
            while layout.metrics[at].metric as usize != metric as usize {
                at += 1;
            }
            layout.metrics[at].field
        }

        macro_rules! same_metrics {
            ($layout:expr, $structure:ty, $($metric:ident => $member:ident),+ $(,)?) => {
                $({
                    let field = metric($layout, Metric::$metric);
                    assert!(field.offset() as usize == offset_of!($structure, rtm_rmx.$member));
                })+
            };
        }

        const _: () = {
            let layout = DIALECT.request;
            assert!(layout.addrs.size as usize == size_of::<libc::rt_msghdr>());
            assert!(layout.addrs.addrs.offset() as usize == offset_of!(libc::rt_msghdr, rtm_addrs));
            same!(layout, libc::rt_msghdr,
                index => rtm_index, flags => rtm_flags, pid => rtm_pid, seq => rtm_seq, errno => rtm_errno,
                inits => rtm_inits, locks => rtm_rmx.rmx_locks,
            );
            same_metrics!(layout, libc::rt_msghdr,
                Mtu => rmx_mtu, HopCount => rmx_hopcount, Expire => rmx_expire, ReceivePipe => rmx_recvpipe,
                SendPipe => rmx_sendpipe, SlowStartThreshold => rmx_ssthresh, Rtt => rmx_rtt, RttVariance => rmx_rttvar,
                PacketsSent => rmx_pksent,
            );
            let Kind::Address(_, layout) = DIALECT.types[libc::RTM_NEWADDR as usize].kind else { panic!("no address") };
            assert!(layout.addrs.size as usize == size_of::<libc::ifa_msghdr>());
            assert!(layout.addrs.addrs.offset() as usize == offset_of!(libc::ifa_msghdr, ifam_addrs));
            same!(layout, libc::ifa_msghdr, flags => ifam_flags, index => ifam_index, metric => ifam_metric);
            let Kind::Multicast(_, layout) = DIALECT.types[libc::RTM_NEWMADDR as usize].kind else { panic!("no group") };
            assert!(layout.addrs.size as usize == size_of::<libc::ifma_msghdr>());
            assert!(layout.addrs.addrs.offset() as usize == offset_of!(libc::ifma_msghdr, ifmam_addrs));
            same!(layout, libc::ifma_msghdr, flags => ifmam_flags, index => ifmam_index);
        };
    }
}

cfg_if::cfg_if! {
    if #[cfg(target_os = "freebsd")] {
        const _: () = {
            same!(DIALECT.request, libc::rt_msghdr, flag_mask => rtm_fmask);
            same_metrics!(DIALECT.request, libc::rt_msghdr, Weight => rmx_weight, NextHopIndex => rmx_nhidx);
            let Kind::Announce(layout) = DIALECT.types[libc::RTM_IFANNOUNCE as usize].kind else { panic!("none") };
            assert!(layout.size as usize == size_of::<libc::if_announcemsghdr>());
            assert!(layout.name as usize == offset_of!(libc::if_announcemsghdr, ifan_name));
            same!(layout, libc::if_announcemsghdr, index => ifan_index, what => ifan_what);
        };
    } else if #[cfg(target_os = "macos")] {
        const _: () = {
            let Kind::Route(_, layout) = DIALECT.types[libc::RTM_GET2 as usize].kind else { panic!("no route") };
            assert!(layout.addrs.size as usize == size_of::<libc::rt_msghdr2>());
            same!(layout, libc::rt_msghdr2,
                index => rtm_index, flags => rtm_flags, parent_flags => rtm_parentflags, inits => rtm_inits,
            );
            same_metrics!(layout, libc::rt_msghdr2, Mtu => rmx_mtu, Expire => rmx_expire);
            let layout = interface(libc::RTM_IFINFO2);
            assert!(layout.addrs.size as usize == size_of::<libc::if_msghdr2>());
            same!(layout, libc::if_msghdr2, flags => ifm_flags, index => ifm_index, mtu => ifm_data.ifi_mtu);
        };
    }
}
