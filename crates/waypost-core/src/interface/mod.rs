//! Interfaces: links, their addresses, their neighbours, and how they are set up to route.

mod display;

use std::net::IpAddr;
use std::time::Duration;

use crate::{Family, IfIndex, Protocol, Scope};

bitflags::bitflags! {
    /// What a link is and does.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
    pub struct LinkFlags: u32 {
        /// The administrator has switched it on.
        const UP = 1 << 0;
        /// It can broadcast.
        const BROADCAST = 1 << 1;
        /// It is a loopback.
        const LOOPBACK = 1 << 2;
        /// It has one peer.
        const POINT_TO_POINT = 1 << 3;
        /// It is ready to carry packets.
        const RUNNING = 1 << 4;
        /// It does not resolve neighbours.
        const NO_ARP = 1 << 5;
        /// It can multicast.
        const MULTICAST = 1 << 6;
        /// It has a carrier.
        const LOWER_UP = 1 << 7;
        /// It takes every multicast packet.
        const ALL_MULTICAST = 1 << 8;
        /// It takes every packet, whoever it is for.
        const PROMISCUOUS = 1 << 9;
        /// It spreads its load over others.
        const MASTER = 1 << 10;
        /// It carries a part of another's load.
        const SLAVE = 1 << 11;
        /// It waits for something before it can carry packets.
        const DORMANT = 1 << 12;
    }
}

impl LinkFlags {
    const WORDS: [(Self, &'static str); 12] = [
        (Self::LOOPBACK, "LOOPBACK"),
        (Self::BROADCAST, "BROADCAST"),
        (Self::POINT_TO_POINT, "POINTOPOINT"),
        (Self::MULTICAST, "MULTICAST"),
        (Self::NO_ARP, "NOARP"),
        (Self::ALL_MULTICAST, "ALLMULTI"),
        (Self::PROMISCUOUS, "PROMISC"),
        (Self::MASTER, "MASTER"),
        (Self::SLAVE, "SLAVE"),
        (Self::UP, "UP"),
        (Self::LOWER_UP, "LOWER_UP"),
        (Self::DORMANT, "DORMANT"),
    ];

    /// The words of `ip link` for these flags, in its order: `print_link_flags` in iproute2's `ip/ipaddress.c` (6.1).
    ///
    /// [`RUNNING`](Self::RUNNING) has none: where a link that is up is without it, `NO-CARRIER` stands first.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        let not_running = self & (Self::UP | Self::RUNNING) == Self::UP;
        let words = Self::WORDS.into_iter().filter(move |(flag, _)| self.contains(*flag)).map(|(_, word)| word);
        not_running.then_some("NO-CARRIER").into_iter().chain(words)
    }
}

impl AddressFlags {
    const WORDS: [(Self, &'static str); 13] = [
        (Self::SECONDARY, "secondary"),
        (Self::TEMPORARY, "temporary"),
        (Self::NO_DETECTION, "nodad"),
        (Self::OPTIMISTIC, "optimistic"),
        (Self::DUPLICATED, "dadfailed"),
        (Self::HOME, "home"),
        (Self::DEPRECATED, "deprecated"),
        (Self::TENTATIVE, "tentative"),
        (Self::PERMANENT, "dynamic"),
        (Self::MAKES_TEMPORARY, "mngtmpaddr"),
        (Self::NO_PREFIX_ROUTE, "noprefixroute"),
        (Self::AUTO_JOIN, "autojoin"),
        (Self::STABLE_PRIVACY, "stable-privacy"),
    ];

    /// The words of `ip addr` for these flags, in its order: `ifa_flag_data` in iproute2's `ip/ipaddress.c` (6.1).
    ///
    /// [`PERMANENT`](Self::PERMANENT) has none: where it is missing, `dynamic` stands instead.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        let is_said = move |flag| self.contains(flag) != (flag == Self::PERMANENT);
        Self::WORDS.into_iter().filter(move |(flag, _)| is_said(*flag)).map(|(_, word)| word)
    }
}

/// An interface.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Link {
    /// Its number.
    pub index: IfIndex,
    /// Its name.
    pub name: String,
    /// Further names that it goes by.
    pub alternative_names: Vec<String>,
    /// What it is and does.
    pub flags: LinkFlags,
    /// The bits of the kernel's flags that have no portable meaning.
    pub os_flags: u32,
    /// The largest packet that it carries, in bytes, or zero where the kernel does not say.
    pub mtu: u32,
    /// Its link-layer address, or empty.
    pub link_address: Vec<u8>,
    /// The interface that it belongs to: a bridge, a bond, a VRF.
    pub master: Option<IfIndex>,
    /// The interface beneath it, or its peer.
    pub parent: Option<IfIndex>,
    /// The group that the administrator has put it in.
    pub group: u32,
    /// What kind it is, as the system calls it (`veth`, `bridge`, …), or empty.
    pub kind: String,
}

impl Link {
    /// A link of this number and name, of which nothing else is known.
    #[must_use]
    pub fn new(index: IfIndex, name: &str) -> Self {
        Self {
            index,
            name: name.to_owned(),
            alternative_names: Vec::new(),
            flags: LinkFlags::empty(),
            os_flags: 0,
            mtu: 0,
            link_address: Vec::new(),
            master: None,
            parent: None,
            group: 0,
            kind: String::new(),
        }
    }

    /// Says whether the administrator has switched it on.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        self.flags.contains(LinkFlags::UP)
    }

    /// Says whether it is up and has a carrier.
    #[must_use]
    pub const fn has_carrier(&self) -> bool {
        self.flags.contains(LinkFlags::UP.union(LinkFlags::LOWER_UP))
    }
}

bitflags::bitflags! {
    /// What the kernel marks on an address.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
    pub struct AddressFlags: u32 {
        /// It is not the first of its network (IPv4).
        const SECONDARY = 1 << 0;
        /// Duplicate address detection has not ended.
        const TENTATIVE = 1 << 1;
        /// Somebody else on the link has it.
        const DUPLICATED = 1 << 2;
        /// New connections should not use it.
        const DEPRECATED = 1 << 3;
        /// It was not made from a router advertisement that can take it away.
        const PERMANENT = 1 << 4;
        /// It is a temporary one, for privacy.
        const TEMPORARY = 1 << 5;
        /// The kernel makes no connected route for it.
        const NO_PREFIX_ROUTE = 1 << 6;
        /// Nobody is asked whether he has it already (IPv6).
        const NO_DETECTION = 1 << 7;
        /// It may be used before duplicate address detection has ended (IPv6).
        const OPTIMISTIC = 1 << 8;
        /// It is the home address of a mobile host (IPv6).
        const HOME = 1 << 9;
        /// Temporary addresses are made from it (IPv6).
        const MAKES_TEMPORARY = 1 << 10;
        /// The kernel joins the multicast group that it is.
        const AUTO_JOIN = 1 << 11;
        /// It was made from a secret, to be the same on this network each time (IPv6; RFC 7217).
        const STABLE_PRIVACY = 1 << 12;
    }
}

/// An address of an interface.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Address {
    /// The interface.
    pub interface: IfIndex,
    /// The host's own address.
    pub local: IpAddr,
    /// How many leading bits are the network's.
    pub prefix_length: u8,
    /// The other end of a point-to-point link.
    pub peer: Option<IpAddr>,
    /// The broadcast address.
    pub broadcast: Option<IpAddr>,
    /// How far the address reaches.
    pub scope: Scope,
    /// What the kernel marks on it.
    pub flags: AddressFlags,
    /// The bits of the kernel's flags that have no portable meaning.
    pub os_flags: u32,
    /// The label (IPv4 on Linux), or empty.
    pub label: String,
    /// Its rank among routes: the metric of its connected route, or zero.
    pub metric: u32,
    /// Who set it.
    pub protocol: Protocol,
    /// How long it still is valid; `None` is for ever.
    pub valid: Option<Duration>,
    /// How long new connections still may use it; `None` is for ever.
    pub preferred: Option<Duration>,
}

impl Address {
    /// The address `local` of `interface`, of which nothing else is known.
    #[must_use]
    pub const fn new(interface: IfIndex, local: IpAddr, prefix_length: u8) -> Self {
        Self {
            interface,
            local,
            prefix_length,
            peer: None,
            broadcast: None,
            scope: Scope::UNIVERSE,
            flags: AddressFlags::empty(),
            os_flags: 0,
            label: String::new(),
            metric: 0,
            protocol: Protocol::UNSPECIFIED,
            valid: None,
            preferred: None,
        }
    }
}

/// What is known of a neighbour's link-layer address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum NeighbourState {
    /// Nothing yet; the kernel is asking.
    Incomplete,
    /// It answered lately.
    Reachable,
    /// It answered once.
    Stale,
    /// It answered once; the kernel will ask again soon.
    Delay,
    /// The kernel is asking again.
    Probe,
    /// It did not answer.
    Failed,
    /// It needs no answer.
    NoArp,
    /// It was set by hand.
    Permanent,
    /// The kernel says nothing of it.
    None,
}

/// A neighbour on a link.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Neighbour {
    /// The interface.
    pub interface: IfIndex,
    /// Its address.
    pub address: IpAddr,
    /// Its link-layer address, or empty.
    pub link_address: Vec<u8>,
    /// What is known of it.
    pub state: NeighbourState,
    /// It says that it is a router (IPv6).
    pub router: bool,
    /// This host answers for it.
    pub proxy: bool,
    /// The kernel's flags for it.
    pub os_flags: u32,
}

impl Neighbour {
    /// A neighbour of which nothing else is known.
    #[must_use]
    pub const fn new(interface: IfIndex, address: IpAddr, state: NeighbourState) -> Self {
        Self { interface, address, link_address: Vec::new(), state, router: false, proxy: false, os_flags: 0 }
    }
}

/// What [`InterfaceSettings`] are about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[expect(clippy::exhaustive_enums, reason = "the kernel's directories are all, default, and one an interface")]
pub enum SettingsOf {
    /// All interfaces at once.
    All,
    /// Interfaces to come.
    Default,
    /// One interface.
    Interface(IfIndex),
}

/// How an interface is set up to route (NETCONF on Linux). What the kernel does not say is `None`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct InterfaceSettings {
    /// The family that they are for.
    pub family: Family,
    /// What they are about.
    pub of: SettingsOf,
    /// Packets that came in here may go out elsewhere.
    pub forwarding: Option<bool>,
    /// Reverse path filter: 0 off, 1 strict, 2 loose (IPv4).
    pub rp_filter: Option<u8>,
    /// Multicast packets are forwarded.
    pub multicast_forwarding: Option<bool>,
    /// The host answers for neighbours elsewhere.
    pub proxy_neighbours: Option<bool>,
    /// Routes out of an interface without carrier do not count.
    pub ignore_routes_with_link_down: Option<bool>,
}

impl InterfaceSettings {
    /// Settings that say nothing yet.
    #[must_use]
    pub const fn new(family: Family, of: SettingsOf) -> Self {
        Self {
            family,
            of,
            forwarding: None,
            rp_filter: None,
            multicast_forwarding: None,
            proxy_neighbours: None,
            ignore_routes_with_link_down: None,
        }
    }
}
