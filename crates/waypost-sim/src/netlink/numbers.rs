//! The numbers of rtnetlink that the simulated kernel writes and reads, from the headers of Linux 6.18 (include/uapi/linux/netlink.h, rtnetlink.h,
//! if_link.h, if_addr.h, fib_rules.h, nexthop.h). They are written down a second time on purpose: a wrong one in the codec is found by this one.

macro_rules! numbers {
    ($type:ty: $($name:ident = $value:expr),* $(,)?) => { $(pub(super) const $name: $type = $value;)* };
}

numbers! { u8: AF_INET = 2, AF_INET6 = 10 }
numbers! { u16: NLMSG_ERROR = 2, NLMSG_DONE = 3 }
// Flags of all messages, of those that ask, and of acknowledgements.
numbers! { u16: MULTI = 0x2, ACK = 0x4, DUMP_INTR = 0x10, DUMP_FILTERED = 0x20, DUMP = 0x300, REPLACE = 0x100, EXCL = 0x200, CREATE = 0x400, APPEND = 0x800, CAPPED = 0x100 }
numbers! { u16:
    NEWLINK = 16, DELLINK = 17, GETLINK = 18, NEWADDR = 20, DELADDR = 21, GETADDR = 22, NEWROUTE = 24, DELROUTE = 25, GETROUTE = 26,
    GETNEIGH = 30, NEWRULE = 32, DELRULE = 33, GETRULE = 34, GETNETCONF = 82, NEWNEXTHOP = 104, DELNEXTHOP = 105, GETNEXTHOP = 106,
}
numbers! { u16:
    RTA_DST = 1, RTA_SRC = 2, RTA_IIF = 3, RTA_OIF = 4, RTA_GATEWAY = 5, RTA_PRIORITY = 6, RTA_PREFSRC = 7, RTA_METRICS = 8,
    RTA_MULTIPATH = 9, RTA_FLOW = 11, RTA_CACHEINFO = 12, RTA_TABLE = 15, RTA_MARK = 16, RTA_VIA = 18, RTA_PREF = 20, RTA_EXPIRES = 23,
    RTA_UID = 25, RTA_NH_ID = 30,
}
numbers! { u32: CLONED = 0x200, FIB_MATCH = 0x2000 }
numbers! { u16:
    IFLA_ADDRESS = 1, IFLA_IFNAME = 3, IFLA_MTU = 4, IFLA_LINK = 5, IFLA_MASTER = 10, IFLA_GROUP = 27,
    IFA_ADDRESS = 1, IFA_LOCAL = 2, IFA_LABEL = 3, IFA_BROADCAST = 4, IFA_CACHEINFO = 6, IFA_FLAGS = 8, IFA_RT_PRIORITY = 9,
    FRA_DST = 1, FRA_SRC = 2, FRA_IIFNAME = 3, FRA_GOTO = 4, FRA_PRIORITY = 6, FRA_FWMARK = 10, FRA_SUPPRESS_PREFIXLEN = 14,
    FRA_TABLE = 15, FRA_FWMASK = 16, FRA_OIFNAME = 17, FRA_PROTOCOL = 21,
    NHA_ID = 1, NHA_GROUP = 2, NHA_GROUP_TYPE = 3, NHA_BLACKHOLE = 4, NHA_OIF = 5, NHA_GATEWAY = 6,
}

/// Types of routes, in the order of their numbers from one on.
pub(super) const TYPES: [waypost_core::Disposition; 9] = {
    use waypost_core::Disposition::{Anycast, Blackhole, Broadcast, Local, Multicast, Prohibit, Throw, Unicast, Unreachable};
    [Unicast, Local, Broadcast, Anycast, Multicast, Blackhole, Unreachable, Prohibit, Throw]
};

/// Attributes inside RTA_METRICS, in the order of their numbers from RTAX_MTU, 2, on; `None` where a name stands and no number.
pub(super) const METRICS: [Option<waypost_core::Metric>; 16] = {
    use waypost_core::Metric::{
        AdvMss, Cwnd, FastOpenNoCookie, Features, HopLimit, InitCwnd, InitRwnd, Mtu, QuickAck, Reordering, RtoMin, Rtt, RttVar,
        SsThresh, Window,
    };
    [
        Some(Mtu),
        Some(Window),
        Some(Rtt),
        Some(RttVar),
        Some(SsThresh),
        Some(Cwnd),
        Some(AdvMss),
        Some(Reordering),
        Some(HopLimit),
        Some(InitCwnd),
        Some(Features),
        Some(RtoMin),
        Some(InitRwnd),
        Some(QuickAck),
        None,
        Some(FastOpenNoCookie),
    ]
};

/// Numbers of errors (include/uapi/asm-generic/errno-base.h and errno.h).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Errno(pub(super) i32);

#[rustfmt::skip]
impl Errno {
    pub(super) const EPERM: Self = Self(1);
    pub(super) const ENOENT: Self = Self(2);
    pub(super) const ESRCH: Self = Self(3);
    pub(super) const EIO: Self = Self(5);
    pub(super) const ENOMEM: Self = Self(12);
    pub(super) const EEXIST: Self = Self(17);
    pub(super) const ENODEV: Self = Self(19);
    pub(super) const EINVAL: Self = Self(22);
    pub(super) const EOPNOTSUPP: Self = Self(95);
    pub(super) const ENETUNREACH: Self = Self(101);
}
