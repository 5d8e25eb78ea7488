//! What a kernel with routing sockets can do.

use waypost_core::{Capabilities, CompareAndDelete, LossSignal, OwnershipTag, TableId};

use crate::wire::{DRAGONFLY, Dialect, FREEBSD, Field, ILLUMOS, Kind, MACOS, NETBSD, OPENBSD, RouteFlags, TableSelector};

/// What the kernels that speak `dialect` can do, as far as Waypost makes use of it. `system` names them for people.
///
/// Where a kernel tells of lost messages by an error only since some version, this says what holds for the older ones
/// unless `loss_signal` says that the socket was told to.
#[must_use]
pub fn capabilities(dialect: &'static Dialect, system: &'static str, loss_signal: bool) -> Capabilities {
    let mut can = Capabilities::least(system);
    can.max_table = match dialect.table {
        TableSelector::Socket => TableId(u32::from(u16::MAX)),
        // RT_TABLEID_MAX of sys/net/route.h (OpenBSD 7.5).
        TableSelector::Header => TableId(255),
        TableSelector::None | TableSelector::Interface => TableId(0),
    };
    can.priority = dialect.request.priority != Field::NONE;
    can.interface_scope = dialect.table == TableSelector::Interface;
    can.compare_and_delete = if dialect.wants.compares_gateway { CompareAndDelete::Gateway } else { CompareAndDelete::Emulated };
    let has_desync = dialect.types.iter().any(|known| matches!(known.kind, Kind::Desync(_)));
    can.loss_signal = if has_desync {
        LossSignal::Message
    } else if loss_signal {
        LossSignal::Error
    } else {
        LossSignal::None
    };
    can.ownership_tag = if can.priority {
        OwnershipTag::Priority
    } else if dialect.flag_word(RouteFlags::PROTO1).is_some() {
        OwnershipTag::Flag
    } else {
        OwnershipTag::None
    };
    can.instead_of_rules = match dialect.table {
        TableSelector::Socket => {
            "a socket can have a table of its own (SO_SETFIB), a program too (setfib), and packet filters can choose one"
        }
        TableSelector::Header => {
            "a socket can have a table of its own (SO_RTABLE), a program too (route exec), and the packet filter can choose one (rtable)"
        }
        TableSelector::Interface => {
            "a socket can be bound to an interface (IP_BOUND_IF), and the packet filter can choose a way (route-to)"
        }
        TableSelector::None => "packet filters can choose a way (route-to)",
    };
    can.miss_events = true;
    can.silent_removals = true;
    can
}

/// What each system with routing sockets can do, in its newest version that is known here.
///
/// ```
/// use waypost_pfroute::session::capabilities_of_all;
///
/// assert!(capabilities_of_all().iter().any(|system| system.system == "NetBSD"));
/// ```
#[must_use]
pub fn capabilities_of_all() -> [Capabilities; 6] {
    [
        // SO_RERROR is there since 14.
        capabilities(&FREEBSD, "FreeBSD", true),
        // Since 9.
        capabilities(&NETBSD, "NetBSD", true),
        capabilities(&OPENBSD, "OpenBSD", false),
        // Since when is unverified; the number is in `sys/sockets.rs`.
        capabilities(&DRAGONFLY, "DragonFly", true),
        capabilities(&MACOS, "macOS", false),
        capabilities(&ILLUMOS, "illumos", false),
    ]
}
