//! The flags of routes and next hops. Their lowest byte belongs to a next hop: `rtnh_flags` of a multipath route's,
//! and of `rtm_flags` where there is one.

use waypost_core::{NextHopFlags, RouteFlags};

use crate::wire::constants::{
    RTM_F_CLONED, RTM_F_FIB_MATCH, RTM_F_OFFLOAD, RTM_F_OFFLOAD_FAILED, RTM_F_TRAP, RTNH_F_DEAD, RTNH_F_LINKDOWN, RTNH_F_OFFLOAD,
    RTNH_F_ONLINK, RTNH_F_PERVASIVE, RTNH_F_TRAP, RTNH_F_UNRESOLVED,
};

/// The bits of `rtm_flags` that belong to the next hop.
pub(super) const OF_NEXT_HOP: u32 = 0xff;

const NAMED: [(u32, RouteFlags); 5] = [
    (RTM_F_CLONED, RouteFlags::CLONED),
    (RTM_F_FIB_MATCH, RouteFlags::MATCHED_ENTRY),
    (RTM_F_OFFLOAD, RouteFlags::OFFLOADED),
    (RTM_F_TRAP, RouteFlags::TRAPPED),
    (RTM_F_OFFLOAD_FAILED, RouteFlags::OFFLOAD_FAILED),
];

// The model counts the flags of a next hop as the kernel does, so reading them is one step.
const _: () = {
    assert!(NextHopFlags::DEAD.bits() == RTNH_F_DEAD);
    assert!(NextHopFlags::PERVASIVE.bits() == RTNH_F_PERVASIVE);
    assert!(NextHopFlags::ON_LINK.bits() == RTNH_F_ONLINK);
    assert!(NextHopFlags::OFFLOADED.bits() == RTNH_F_OFFLOAD);
    assert!(NextHopFlags::LINK_DOWN.bits() == RTNH_F_LINKDOWN);
    assert!(NextHopFlags::UNRESOLVED.bits() == RTNH_F_UNRESOLVED);
    assert!(NextHopFlags::TRAPPED.bits() == RTNH_F_TRAP);
    assert!(NextHopFlags::all().bits() == 0x7f);
};

/// A next hop's flags that have names, and the others.
pub(in crate::wire) const fn of_next_hop(bits: u32) -> (NextHopFlags, u32) {
    (NextHopFlags::from_bits_truncate(bits), bits & OF_NEXT_HOP & !NextHopFlags::all().bits())
}

/// A route's flags that have names, and the others.
#[inline]
pub(super) fn of_route(bits: u32) -> (RouteFlags, u32) {
    let mut flags = RouteFlags::empty();
    let mut others = bits & !OF_NEXT_HOP;
    if others != 0 {
        for (bit, flag) in NAMED {
            flags.set(flag, others & bit != 0);
            others &= !bit;
        }
    }
    (flags, others)
}
