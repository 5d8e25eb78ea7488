//! The numbers of netlink and rtnetlink that Waypost uses, from Linux 6.18.
//!
//! Each group names the header that has it. They are part of the kernel's interface to programs and never change.
#![expect(missing_docs, reason = "these are the kernel's names; its headers and rtnetlink(7) say what they mean")]

/// Numbers of one type, one a line.
macro_rules! numbers {
    ($type:ty: $($name:ident = $value:expr;)*) => { $(pub const $name: $type = $value;)* };
}

// include/linux/socket.h. These differ from one system to another; a netlink message has Linux's on every host.
numbers! { u8:
    AF_UNSPEC = 0;
    AF_INET = 2;
    AF_BRIDGE = 7;
    AF_INET6 = 10;
    AF_MPLS = 28;
}

// include/uapi/linux/netlink.h: message types and flags.
numbers! { u16:
    NLMSG_NOOP = 1;
    NLMSG_ERROR = 2;
    NLMSG_DONE = 3;
    NLMSG_OVERRUN = 4;

    NLM_F_REQUEST = 0x1;
    NLM_F_MULTI = 0x2;
    NLM_F_ACK = 0x4;
    NLM_F_ECHO = 0x8;
    NLM_F_DUMP_INTR = 0x10;
    NLM_F_DUMP_FILTERED = 0x20;
    NLM_F_ROOT = 0x100;
    NLM_F_MATCH = 0x200;
    NLM_F_DUMP = 0x300;
    NLM_F_REPLACE = 0x100;
    NLM_F_EXCL = 0x200;
    NLM_F_CREATE = 0x400;
    NLM_F_APPEND = 0x800;
    NLM_F_CAPPED = 0x100;
    NLM_F_ACK_TLVS = 0x200;

    NLMSGERR_ATTR_MSG = 1;
    NLMSGERR_ATTR_OFFS = 2;

    NLA_F_NESTED = 0x8000;
    NLA_F_NET_BYTEORDER = 0x4000;
    NLA_TYPE_MASK = 0x3fff;
}

// include/uapi/linux/rtnetlink.h: message types.
numbers! { u16:
    RTM_NEWLINK = 16;
    RTM_DELLINK = 17;
    RTM_GETLINK = 18;
    RTM_NEWADDR = 20;
    RTM_DELADDR = 21;
    RTM_GETADDR = 22;
    RTM_NEWROUTE = 24;
    RTM_DELROUTE = 25;
    RTM_GETROUTE = 26;
    RTM_NEWNEIGH = 28;
    RTM_DELNEIGH = 29;
    RTM_GETNEIGH = 30;
    RTM_NEWRULE = 32;
    RTM_DELRULE = 33;
    RTM_GETRULE = 34;
    RTM_NEWNETCONF = 80;
    RTM_DELNETCONF = 81;
    RTM_GETNETCONF = 82;
    RTM_NEWNEXTHOP = 104;
    RTM_DELNEXTHOP = 105;
    RTM_GETNEXTHOP = 106;
}

// include/uapi/linux/rtnetlink.h: multicast groups, for NETLINK_ADD_MEMBERSHIP.
numbers! { u32:
    RTNLGRP_LINK = 1;
    RTNLGRP_NEIGH = 3;
    RTNLGRP_IPV4_IFADDR = 5;
    RTNLGRP_IPV4_ROUTE = 7;
    RTNLGRP_IPV4_RULE = 8;
    RTNLGRP_IPV6_IFADDR = 9;
    RTNLGRP_IPV6_ROUTE = 11;
    RTNLGRP_IPV6_RULE = 19;
    RTNLGRP_IPV4_NETCONF = 24;
    RTNLGRP_IPV6_NETCONF = 25;
    RTNLGRP_NEXTHOP = 32;
}

// include/uapi/linux/rtnetlink.h: `enum rt_class_t`. The kernel writes COMPAT where the table does not fit in a byte.
numbers! { u8:
    RT_TABLE_UNSPEC = 0;
    RT_TABLE_COMPAT = 252;
}

// include/uapi/linux/rtnetlink.h: types of routes.
numbers! { u8:
    RTN_UNSPEC = 0;
    RTN_UNICAST = 1;
    RTN_LOCAL = 2;
    RTN_BROADCAST = 3;
    RTN_ANYCAST = 4;
    RTN_MULTICAST = 5;
    RTN_BLACKHOLE = 6;
    RTN_UNREACHABLE = 7;
    RTN_PROHIBIT = 8;
    RTN_THROW = 9;
}

// include/uapi/linux/rtnetlink.h: `rtm_flags` above its lowest byte, and that byte, which is also `rtnh_flags`.
numbers! { u32:
    RTM_F_NOTIFY = 0x100;
    RTM_F_CLONED = 0x200;
    RTM_F_EQUALIZE = 0x400;
    RTM_F_PREFIX = 0x800;
    RTM_F_LOOKUP_TABLE = 0x1000;
    RTM_F_FIB_MATCH = 0x2000;
    RTM_F_OFFLOAD = 0x4000;
    RTM_F_TRAP = 0x8000;
    RTM_F_OFFLOAD_FAILED = 0x2000_0000;

    RTNH_F_DEAD = 0x1;
    RTNH_F_PERVASIVE = 0x2;
    RTNH_F_ONLINK = 0x4;
    RTNH_F_OFFLOAD = 0x8;
    RTNH_F_LINKDOWN = 0x10;
    RTNH_F_UNRESOLVED = 0x20;
    RTNH_F_TRAP = 0x40;
}

// include/uapi/linux/rtnetlink.h: attributes of routes.
numbers! { u16:
    RTA_DST = 1;
    RTA_SRC = 2;
    RTA_IIF = 3;
    RTA_OIF = 4;
    RTA_GATEWAY = 5;
    RTA_PRIORITY = 6;
    RTA_PREFSRC = 7;
    RTA_METRICS = 8;
    RTA_MULTIPATH = 9;
    RTA_FLOW = 11;
    RTA_CACHEINFO = 12;
    RTA_TABLE = 15;
    RTA_MARK = 16;
    RTA_VIA = 18;
    RTA_NEWDST = 19;
    RTA_PREF = 20;
    RTA_ENCAP_TYPE = 21;
    RTA_ENCAP = 22;
    RTA_EXPIRES = 23;
    RTA_PAD = 24;
    RTA_UID = 25;
    RTA_IP_PROTO = 27;
    RTA_SPORT = 28;
    RTA_DPORT = 29;
    RTA_NH_ID = 30;
    RTA_FLOWLABEL = 31;
}

// include/uapi/linux/rtnetlink.h: attributes inside RTA_METRICS.
numbers! { u16:
    RTAX_LOCK = 1;
    RTAX_MTU = 2;
    RTAX_WINDOW = 3;
    RTAX_RTT = 4;
    RTAX_RTTVAR = 5;
    RTAX_SSTHRESH = 6;
    RTAX_CWND = 7;
    RTAX_ADVMSS = 8;
    RTAX_REORDERING = 9;
    RTAX_HOPLIMIT = 10;
    RTAX_INITCWND = 11;
    RTAX_FEATURES = 12;
    RTAX_RTO_MIN = 13;
    RTAX_INITRWND = 14;
    RTAX_QUICKACK = 15;
    RTAX_CC_ALGO = 16;
    RTAX_FASTOPEN_NO_COOKIE = 17;
}

// include/uapi/linux/nexthop.h: attributes of next-hop objects, those inside NHA_RES_GROUP, and kinds of groups.
numbers! { u16:
    NHA_ID = 1;
    NHA_GROUP = 2;
    NHA_GROUP_TYPE = 3;
    NHA_BLACKHOLE = 4;
    NHA_OIF = 5;
    NHA_GATEWAY = 6;
    NHA_ENCAP_TYPE = 7;
    NHA_ENCAP = 8;
    NHA_GROUPS = 9;
    NHA_MASTER = 10;
    NHA_FDB = 11;
    NHA_RES_GROUP = 12;
    NHA_RES_BUCKET = 13;
    NHA_OP_FLAGS = 14;

    NHA_RES_GROUP_BUCKETS = 1;
    NHA_RES_GROUP_IDLE_TIMER = 2;
    NHA_RES_GROUP_UNBALANCED_TIMER = 3;
    NHA_RES_GROUP_UNBALANCED_TIME = 4;

    NEXTHOP_GRP_TYPE_MPATH = 0;
    NEXTHOP_GRP_TYPE_RES = 1;
}

/// How many clock ticks the kernel counts to a second when it talks to programs: `USER_HZ`, 100 on every
/// architecture that Rust has (include/uapi/asm-generic/param.h, Linux 6.18).
pub const USER_HZ: u32 = 100;

// include/uapi/linux/if_link.h: attributes of links, and the bit of IFLA_EXT_MASK that leaves counters out of a list.
numbers! { u16:
    IFLA_ADDRESS = 1;
    IFLA_IFNAME = 3;
    IFLA_MTU = 4;
    IFLA_LINK = 5;
    IFLA_MASTER = 10;
    IFLA_LINKINFO = 18;
    IFLA_GROUP = 27;
    IFLA_EXT_MASK = 29;
    IFLA_LINK_NETNSID = 37;
    IFLA_PROP_LIST = 52;

    IFLA_INFO_KIND = 1;
}

// include/uapi/linux/rtnetlink.h.
numbers! { u32:
    RTEXT_FILTER_SKIP_STATS = 0x8;
}

// include/uapi/linux/if.h: flags of links.
numbers! { u32:
    IFF_UP = 0x1;
    IFF_BROADCAST = 0x2;
    IFF_LOOPBACK = 0x8;
    IFF_POINTOPOINT = 0x10;
    IFF_RUNNING = 0x40;
    IFF_NOARP = 0x80;
    IFF_PROMISC = 0x100;
    IFF_ALLMULTI = 0x200;
    IFF_MASTER = 0x400;
    IFF_SLAVE = 0x800;
    IFF_MULTICAST = 0x1000;
    IFF_LOWER_UP = 0x1_0000;
    IFF_DORMANT = 0x2_0000;
}

// include/uapi/linux/if_addr.h: flags of addresses. IPv4 calls SECONDARY what IPv6 calls TEMPORARY.
numbers! { u32:
    IFA_F_SECONDARY = 0x1;
    IFA_F_NODAD = 0x2;
    IFA_F_OPTIMISTIC = 0x4;
    IFA_F_DADFAILED = 0x8;
    IFA_F_HOMEADDRESS = 0x10;
    IFA_F_DEPRECATED = 0x20;
    IFA_F_TENTATIVE = 0x40;
    IFA_F_PERMANENT = 0x80;
    IFA_F_MANAGETEMPADDR = 0x100;
    IFA_F_NOPREFIXROUTE = 0x200;
    IFA_F_MCAUTOJOIN = 0x400;
    IFA_F_STABLE_PRIVACY = 0x800;
}

// include/uapi/linux/neighbour.h: flags of neighbours, and how far up the kernel keeps those of NDA_FLAGS_EXT.
numbers! { u32:
    NTF_PROXY = 0x8;
    NTF_ROUTER = 0x80;
    NTF_EXT_SHIFT = 8;
}

// include/uapi/linux/fib_rules.h: flags of rules.
numbers! { u32:
    FIB_RULE_INVERT = 0x2;
    FIB_RULE_UNRESOLVED = 0x4;
    FIB_RULE_IIF_DETACHED = 0x8;
    FIB_RULE_OIF_DETACHED = 0x10;
}

// include/uapi/linux/fib_rules.h: attributes of rules.
numbers! { u16:
    FRA_DST = 1;
    FRA_SRC = 2;
    FRA_IIFNAME = 3;
    FRA_OIFNAME = 17;
    FRA_PAD = 18;
    FRA_DSCP = 25;
    FRA_FLOWLABEL = 26;
    FRA_FLOWLABEL_MASK = 27;
    FRA_SPORT_MASK = 28;
    FRA_DPORT_MASK = 29;
    FRA_DSCP_MASK = 30;
}

// include/uapi/linux/netconf.h: attributes of settings, and what NETCONFA_IFINDEX says that is no interface.
numbers! { u16:
    NETCONFA_IFINDEX = 1;
    NETCONFA_FORWARDING = 2;
    NETCONFA_RP_FILTER = 3;
    NETCONFA_MC_FORWARDING = 4;
    NETCONFA_PROXY_NEIGH = 5;
    NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN = 6;
}
numbers! { i32:
    NETCONFA_IFINDEX_ALL = -1;
    NETCONFA_IFINDEX_DEFAULT = -2;
}
