//! What the kernel marks on a route and on a way out.

bitflags::bitflags! {
    /// Marks on a whole route that mean the same on every system that has them.
    ///
    /// Bits of the kernel's word without a portable meaning are kept in [`Entry::os_flags`](crate::Entry::os_flags).
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
    pub struct RouteFlags: u32 {
        /// A copy that the kernel made of another route for one destination.
        const CLONED = 1 << 0;
        /// Hardware forwards it.
        const OFFLOADED = 1 << 1;
        /// Hardware hands its packets to the kernel.
        const TRAPPED = 1 << 2;
        /// Hardware refused it.
        const OFFLOAD_FAILED = 1 << 3;
        /// It came from or was changed by an ICMP redirect.
        const DYNAMIC = 1 << 4;
        /// A person or a program installed it, not a routing protocol (`RTF_STATIC`).
        const STATIC = 1 << 5;
        /// It makes copies of itself, or resolves neighbours, for the destinations inside (`RTF_CLONING`, `RTF_CONNECTED`).
        const CLONING = 1 << 6;
        /// Marked by a routing daemon (`RTF_PROTO1`).
        const PROTO1 = 1 << 7;
        /// Marked by a routing daemon (`RTF_PROTO2`).
        const PROTO2 = 1 << 8;
        /// Marked by a routing daemon (`RTF_PROTO3`).
        const PROTO3 = 1 << 9;
        /// It has been told apart as the answer's matching table entry (`RTM_F_FIB_MATCH` on Linux).
        const MATCHED_ENTRY = 1 << 10;
        /// The kernel says that it is usable (`RTF_UP`). Linux has no such mark.
        const UP = 1 << 11;
    }
}

impl RouteFlags {
    /// The words that are printed for them; those of `ip route` where it has one.
    pub const WORDS: [(Self, &'static str); 12] = [
        (Self::OFFLOADED, "rt_offload"),
        (Self::TRAPPED, "rt_trap"),
        (Self::OFFLOAD_FAILED, "rt_offload_failed"),
        (Self::CLONED, "cloned"),
        (Self::DYNAMIC, "dynamic"),
        (Self::STATIC, "rt_static"),
        (Self::CLONING, "cloning"),
        (Self::PROTO1, "proto1"),
        (Self::PROTO2, "proto2"),
        (Self::PROTO3, "proto3"),
        (Self::MATCHED_ENTRY, "fibmatch"),
        (Self::UP, "up"),
    ];
}

bitflags::bitflags! {
    /// Marks on one way out.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
    pub struct NextHopFlags: u32 {
        /// The kernel has given it up: the interface is down.
        const DEAD = 1 << 0;
        /// A gateway that was not looked up (`pervasive`).
        const PERVASIVE = 1 << 1;
        /// The gateway counts as attached to the link, whatever the addresses say.
        const ON_LINK = 1 << 2;
        /// Hardware forwards it.
        const OFFLOADED = 1 << 3;
        /// The interface has no carrier.
        const LINK_DOWN = 1 << 4;
        /// The gateway waits for its neighbour to be resolved.
        const UNRESOLVED = 1 << 5;
        /// Hardware hands its packets to the kernel.
        const TRAPPED = 1 << 6;
    }
}

impl NextHopFlags {
    /// The words of `ip route`, in its order.
    pub const WORDS: [(Self, &'static str); 7] = [
        (Self::DEAD, "dead"),
        (Self::ON_LINK, "onlink"),
        (Self::PERVASIVE, "pervasive"),
        (Self::OFFLOADED, "offload"),
        (Self::TRAPPED, "trap"),
        (Self::LINK_DOWN, "linkdown"),
        (Self::UNRESOLVED, "unresolved"),
    ];
}
