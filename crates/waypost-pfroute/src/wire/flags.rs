//! The flags of a route, in one numbering for all systems.

bitflags::bitflags! {
    /// The flags of a route message, with the names of route(8) and net/route.h.
    ///
    /// The numbers are Waypost's own: the same bit means different things from system to system, so a dialect's
    /// table says which bit is which of these. The word as the kernel wrote it is
    /// [`RouteMessage::raw_flags`](super::RouteMessage::raw_flags).
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
    pub struct RouteFlags: u32 {
        /// The route can be used.
        const UP = 1 << 0;
        /// The next hop is a router, not the destination's own link.
        const GATEWAY = 1 << 1;
        /// The destination is one address.
        const HOST = 1 << 2;
        /// Packets are refused with an ICMP error.
        const REJECT = 1 << 3;
        /// The route was made by a redirect.
        const DYNAMIC = 1 << 4;
        /// The route was changed by a redirect.
        const MODIFIED = 1 << 5;
        /// The kernel did what the message says. Without it, the message tells of an attempt.
        const DONE = 1 << 6;
        /// A daemon outside the kernel resolves the destination.
        const XRESOLVE = 1 << 7;
        /// The entry is a link-layer one, of ARP or NDP: no route at all.
        const LINK_LAYER = 1 << 8;
        /// The route was set by hand.
        const STATIC = 1 << 9;
        /// Packets are dropped without a word.
        const BLACKHOLE = 1 << 10;
        /// For the use of routing daemons.
        const PROTO1 = 1 << 11;
        /// For the use of routing daemons.
        const PROTO2 = 1 << 12;
        /// For the use of routing daemons.
        const PROTO3 = 1 << 13;
        /// The path MTU is fixed.
        const FIXED_MTU = 1 << 14;
        /// The kernel made the route for an address of an interface; it cannot be deleted as others can.
        const PINNED = 1 << 15;
        /// The destination is an address of this machine.
        const LOCAL = 1 << 16;
        /// The destination is a broadcast address.
        const BROADCAST = 1 << 17;
        /// The destination is a multicast address.
        const MULTICAST = 1 << 18;
        /// Packets of one flow keep to the route.
        const STICKY = 1 << 19;
        /// The route makes copies of itself, or link-layer entries, for the destinations inside.
        const CLONING = 1 << 20;
        /// The entry is a copy that the kernel made of another route for one destination.
        const CLONED = 1 << 21;
        /// The kernel made the route for the network of an address of an interface.
        const CONNECTED = 1 << 22;
        /// The kernel made the route.
        const KERNEL = 1 << 23;
        /// The route serves only what is confined to its interface.
        const INTERFACE_SCOPE = 1 << 24;
        /// There are others with the same destination and priority.
        const MULTIPATH = 1 << 25;
        /// The route gives connections their source address.
        const SET_SOURCE = 1 << 26;
        /// Other routes have looked this one up and keep it.
        const CACHED = 1 << 27;
    }
}

impl RouteFlags {
    /// Those that the portable model has words for.
    pub const PORTABLE: Self = Self::UP
        .union(Self::GATEWAY)
        .union(Self::HOST)
        .union(Self::REJECT)
        .union(Self::DYNAMIC)
        .union(Self::DONE)
        .union(Self::STATIC)
        .union(Self::BLACKHOLE)
        .union(Self::PROTO1)
        .union(Self::PROTO2)
        .union(Self::PROTO3)
        .union(Self::FIXED_MTU)
        .union(Self::LOCAL)
        .union(Self::BROADCAST)
        .union(Self::MULTICAST)
        .union(Self::LINK_LAYER)
        .union(Self::CLONING)
        .union(Self::CLONED)
        .union(Self::CONNECTED)
        .union(Self::KERNEL)
        .union(Self::INTERFACE_SCOPE)
        .union(Self::SET_SOURCE)
        // These two come and go with other routes, and no message tells.
        .union(Self::MULTIPATH)
        .union(Self::CACHED);
}
