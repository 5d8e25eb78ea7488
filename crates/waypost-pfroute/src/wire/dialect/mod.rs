//! What differs between systems, as data.

mod dragonfly;
mod freebsd;
mod illumos;
mod layout;
mod macos;
mod netbsd;
mod openbsd;

pub use dragonfly::{DRAGONFLY, DRAGONFLY6};
pub use freebsd::{FREEBSD, FREEBSD_I386};
pub use illumos::ILLUMOS;
pub use layout::{
    AddressLayout, AddrsLayout, AnnounceLayout, HeadLayout, InterfaceLayout, MetricField, MulticastLayout, RouteLayout,
    WirelessLayout,
};
pub use macos::MACOS;
pub use netbsd::{NETBSD, NETBSD7};
pub use openbsd::{OPENBSD, OPENBSD_I386};

use waypost_core::LinkFlags;

use super::flags::RouteFlags;
use super::message::{Change, RouteOp};
use super::sockaddr::{Axis, rounded};

/// One system's way of writing routing messages: every offset and number that the codec needs.
///
/// A dialect is a constant; adding a system adds a table, not code.
#[derive(Debug)]
#[non_exhaustive]
pub struct Dialect {
    /// The name by which a user asks for it.
    pub name: &'static str,
    /// RTM_VERSION: messages of another are not read.
    pub version: u8,
    /// PF_ROUTE: the family of the socket, and its sysctl's second number.
    pub protocol_family: u8,
    /// What each type number stands for, from zero; no system has more.
    pub types: [MessageType; MESSAGE_TYPES],
    /// The header of a request about a route.
    pub request: &'static RouteLayout,
    /// Sockaddrs stand in this order, each present where its bit of the address mask is set.
    pub axes: &'static [Axis],
    /// How long a sockaddr is, and what it takes.
    pub sockaddrs: SockaddrForm,
    /// The numbers of the address families.
    pub families: Families,
    /// How many bytes the `sockaddr_dl` of a request has, unless its name and address need more.
    pub link_length: u8,
    /// What each bit of a route's flag word stands for.
    pub flag_bits: FlagBits,
    /// What each bit of an interface's flag word stands for, from the lowest; empty where it is unknown.
    pub link_flag_bits: [LinkFlags; 32],
    /// What tells whether a link has a carrier.
    pub carrier: Carrier,
    /// How many units of a round-trip time there are in a second: RTM_RTTUNIT.
    pub rtt_units: u32,
    /// Whose MTU a route without one of its own is reported with.
    pub reported_mtu: ReportedMtu,
    /// What the kernel says of routes that it makes.
    pub own_routes: OwnRoutes,
    /// Where a link-local address has its zone.
    pub scope: ScopeForm,
    /// What the kernel writes to sockets.
    pub on_socket: Written,
    /// What the kernel writes to its dumps.
    pub in_sysctl: Written,
    /// How a request names its table.
    pub table: TableSelector,
    /// Where the routing table is read.
    pub dump: DumpSource,
    /// What requests must say besides.
    pub wants: Wants,
}

/// How many type numbers a dialect has room for.
pub const MESSAGE_TYPES: usize = 32;

/// A message type.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct MessageType {
    /// Its name in the system's header, without `RTM_`; empty where it has none.
    pub name: &'static str,
    /// What it tells of.
    pub kind: Kind,
}

/// What a message type tells of, with the layout of its header.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Kind {
    /// A route.
    Route(RouteOp, &'static RouteLayout),
    /// An address of an interface.
    Address(Change, &'static AddressLayout),
    /// A multicast address that an interface listens to.
    Multicast(Change, &'static MulticastLayout),
    /// The state of an interface.
    Interface(&'static InterfaceLayout),
    /// An interface that came or went.
    Announce(&'static AnnounceLayout),
    /// Something that happened to a wireless interface.
    WirelessEvent(&'static AnnounceLayout),
    /// The state of a wireless interface.
    Wireless(&'static WirelessLayout),
    /// The state of a neighbour that BFD watches.
    Bfd(&'static HeadLayout),
    /// Messages were lost.
    Desync(&'static RouteLayout),
    /// Something this codec does not read.
    Unknown,
}

/// How long a sockaddr is, and how many bytes of the message it takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SockaddrForm {
    /// Its first byte says its length, its second its family. It takes a multiple of so many bytes, and one multiple
    /// where its length is zero.
    Length {
        /// How many bytes it takes a multiple of: a power of two.
        unit: u8,
    },
    /// Its first two bytes say its family, in the byte order of the machine, and that gives its length.
    Family,
}

/// The numbers that a dialect gives to address families.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Families {
    /// AF_INET.
    pub inet: u8,
    /// AF_INET6.
    pub inet6: u8,
    /// AF_LINK.
    pub link: u8,
    /// AF_MPLS, where the system has it and its sockaddr carries a label.
    pub mpls: Option<u8>,
}

/// What each bit of a route's flag word stands for.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct FlagBits {
    /// The flags, from the lowest bit; empty where the bit has no meaning here.
    pub flags: [RouteFlags; 32],
    /// Their names in the system's header, without `RTF_`; empty where it has none.
    pub names: [&'static str; 32],
    /// The bits whose flags are all [`RouteFlags::PORTABLE`].
    pub portable: u32,
}

/// What tells whether a link has a carrier. Where nothing does, it counts as there: many virtual interfaces never say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Carrier {
    /// No message.
    Nothing,
    /// LINK_STATE_, which is one of these where it is not there.
    State {
        /// The lowest number that says so.
        down_from: u16,
        /// The highest.
        down_to: u16,
    },
    /// IFF_RUNNING.
    Running,
}

/// Whose MTU a route without one of its own is reported with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ReportedMtu {
    /// Nobody's: what is reported was set.
    Own,
    /// Its interface's; [`RouteFlags::FIXED_MTU`] tells which are its own.
    UnlessFixed,
    /// Its interface's; a lock tells which are its own.
    UnlessLocked,
}

/// What a kernel says of the routes that it makes for the addresses of its interfaces.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct OwnRoutes {
    /// Those to networks have RTF_STATIC too. Elsewhere that tells a person's from the kernel's.
    pub are_static: bool,
    /// Those to its own addresses are told of without RTF_DONE, which elsewhere tells what was done from what was tried.
    pub local_lack_done: bool,
}

/// Where a link-local IPv6 address has its zone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ScopeForm {
    /// In `sin6_scope_id`.
    Field,
    /// In the second group of the address, where KAME's kernels keep it.
    Embedded,
    /// Nowhere: the interface of the message says it.
    None,
}

/// Where bytes come from. Some kernels write the same message in two ways.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "there is no third place that messages come from")]
pub enum Source {
    /// A routing socket: events, and answers to requests.
    Socket,
    /// A dump of the routing sysctl.
    Sysctl,
}

/// What is particular about the messages that a kernel writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Written {
    /// The last sockaddr of every message takes its padding too.
    pub pads_last: bool,
    /// IPv4 masks.
    pub inet_mask: MaskForm,
    /// IPv6 masks.
    pub inet6_mask: MaskForm,
}

/// How a kernel writes netmasks. Requests have them in full, which every kernel takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum MaskForm {
    /// As a sockaddr of its family.
    Full,
    /// As the radix tree keeps it: cut behind the last byte that is not zero, so that `/0` has length zero; what
    /// stands before the address means nothing.
    Trimmed,
}

impl Written {
    /// Padded, with masks of one form.
    const fn padded(mask: MaskForm) -> Self {
        Self { pads_last: true, inet_mask: mask, inet6_mask: mask }
    }
}

/// How a request names the table that it is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TableSelector {
    /// There is one table.
    None,
    /// By the socket's SO_SETFIB.
    Socket,
    /// In the message's header.
    Header,
    /// There is one table, in which [`RouteFlags::INTERFACE_SCOPE`] confines routes to the header's interface.
    Interface,
}

/// Where the routing table is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum DumpSource {
    /// By `sysctl {CTL_NET, protocol_family, 0, family, op, argument}`.
    Sysctl {
        /// The number for the routes.
        routes: u8,
        /// The number for routes with certain flags: NET_RT_FLAGS.
        by_flags: u8,
        /// The number for interfaces and their addresses.
        interfaces: u8,
        /// What may follow the argument.
        last: SysctlLast,
    },
    /// By a T_SVR4_OPTMGMT_REQ to a stream device. The answer is no routing message: see `inet/mib2.h`.
    Mib2,
}

/// The last number of a routing sysctl's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SysctlLast {
    /// The name ends with the argument.
    Nothing,
    /// The table may follow.
    Table,
    /// A processor may follow, to read its own copy.
    Processor,
}

/// What requests must say besides the route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Wants {
    /// RTM_GET has RTF_UP, or the answer hides the gateway behind the interface's address.
    pub up_in_get: bool,
    /// RTM_GET asks for the interface by a sockaddr without one. Elsewhere the answer always has it.
    pub interface_in_get: bool,
    /// A route out of an interface names it twice: as its gateway and as its interface.
    pub interface_twice: bool,
    /// A route out of an interface has an AF_LINK gateway. Elsewhere it has an address of the interface's.
    pub link_gateways: bool,
    /// RTM_DELETE names the gateway.
    pub gateway_in_delete: bool,
    /// RTM_DELETE compares the gateway that it names. Elsewhere it hits whatever has the destination.
    pub compares_gateway: bool,
}

impl MessageType {
    const UNKNOWN: Self = Self { name: "", kind: Kind::Unknown };
}

/// The table of message types from a list of those that are known.
const fn types(known: &[(u8, &'static str, Kind)]) -> [MessageType; MESSAGE_TYPES] {
    let mut types = [MessageType::UNKNOWN; MESSAGE_TYPES];
    let mut at = 0;
    while at < known.len() {
        let (number, name, kind) = known[at];
        assert!(types[number as usize].name.is_empty());
        types[number as usize] = MessageType { name, kind };
        at += 1;
    }
    types
}

/// The table of a route's flag bits from a list of single bits.
const fn flag_bits(known: &[(u32, &'static str, RouteFlags)]) -> FlagBits {
    let mut bits = FlagBits { flags: [RouteFlags::empty(); 32], names: [""; 32], portable: 0 };
    let mut at = 0;
    while at < known.len() {
        let (word, name, flag) = known[at];
        assert!(word.is_power_of_two());
        let bit = word.trailing_zeros() as usize;
        assert!(bits.names[bit].is_empty());
        bits.flags[bit] = flag;
        bits.names[bit] = name;
        if !flag.is_empty() && RouteFlags::PORTABLE.contains(flag) {
            bits.portable |= word;
        }
        at += 1;
    }
    bits
}

/// The interface flags of net/if.h, where nearly all systems agree; `multicast` is where they do not.
const fn link_flag_bits(multicast: u32) -> [LinkFlags; 32] {
    let known = [
        (0x1, LinkFlags::UP),
        (0x2, LinkFlags::BROADCAST),
        (0x8, LinkFlags::LOOPBACK),
        (0x10, LinkFlags::POINT_TO_POINT),
        (0x40, LinkFlags::RUNNING),
        (0x80, LinkFlags::NO_ARP),
        (multicast, LinkFlags::MULTICAST),
    ];
    let mut bits = [LinkFlags::empty(); 32];
    let mut at = 0;
    while at < known.len() {
        let (word, flag): (u32, LinkFlags) = known[at];
        bits[word.trailing_zeros() as usize] = flag;
        at += 1;
    }
    bits
}

/// What a negative short has besides its 15 bits once it is an int. No system gives all these bits a meaning.
const SIGN_OF_SHORT: u32 = 0xffff_8000;

/// All dialects.
pub static DIALECTS: [&Dialect; 10] =
    [&FREEBSD, &FREEBSD_I386, &NETBSD, &NETBSD7, &OPENBSD, &OPENBSD_I386, &DRAGONFLY, &DRAGONFLY6, &MACOS, &ILLUMOS];

impl Dialect {
    /// The dialect of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        DIALECTS.into_iter().find(|dialect| dialect.name == name)
    }

    /// What a message type stands for.
    #[must_use]
    pub fn message_type(&self, number: u8) -> MessageType {
        self.types.get(usize::from(number)).copied().unwrap_or(MessageType::UNKNOWN)
    }

    /// The type number of a route operation; `None` where this system has none.
    #[must_use]
    pub fn route_type(&self, op: RouteOp) -> Option<u8> {
        let number = self.types.iter().position(|known| matches!(known.kind, Kind::Route(known, _) if known == op));
        number.and_then(|number| u8::try_from(number).ok())
    }

    /// What is particular about the messages of a source.
    #[must_use]
    pub const fn written(&self, source: Source) -> Written {
        match source {
            Source::Socket => self.on_socket,
            Source::Sysctl => self.in_sysctl,
        }
    }

    /// The flags that `word` has, without the bits that are unknown here.
    #[must_use]
    #[inline]
    pub fn flags(&self, word: u32) -> RouteFlags {
        let mut flags = RouteFlags::empty();
        let mut rest = word;
        while rest != 0 {
            flags |= self.flag_bits.flags.get(rest.trailing_zeros() as usize).copied().unwrap_or_default();
            rest &= rest - 1;
        }
        flags
    }

    /// The flags of an interface that the model has names for, and the bits of the others.
    #[must_use]
    pub fn link_flags(&self, word: u32) -> (LinkFlags, u32) {
        // Some kernels have a short for their flags and widen it with its sign.
        let word = if word & SIGN_OF_SHORT == SIGN_OF_SHORT { word & 0xffff } else { word };
        let known = (0_u32..).zip(&self.link_flag_bits);
        known
            .filter(|&(bit, flag)| word & (1 << bit) != 0 && !flag.is_empty())
            .fold((LinkFlags::empty(), word), |(flags, others), (bit, &flag)| (flags | flag, others & !(1 << bit)))
    }

    /// The bits of `word` that are not [`RouteFlags::PORTABLE`]: those without a name here included.
    #[must_use]
    #[inline]
    pub const fn other_bits(&self, word: u32) -> u32 {
        word & !self.flag_bits.portable
    }

    /// The word that says `flags`; `None` where this system has no bit for one of them.
    #[must_use]
    pub fn flag_word(&self, flags: RouteFlags) -> Option<u32> {
        flags.iter().try_fold(0, |word, flag| {
            let bit = self.flag_bits.flags.iter().position(|&known| known == flag)?;
            Some(word | 1 << bit)
        })
    }

    /// How many bytes a sockaddr of this length takes.
    #[must_use]
    pub const fn round(&self, length: usize) -> usize {
        match self.sockaddrs {
            SockaddrForm::Length { unit } => rounded(length, unit as usize),
            SockaddrForm::Family => length,
        }
    }
}

#[cfg(test)]
mod tests;
