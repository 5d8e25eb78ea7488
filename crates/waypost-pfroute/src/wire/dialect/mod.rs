//! What differs between systems, as data.

mod freebsd;

pub use freebsd::FREEBSD;

use waypost_core::LinkFlags;

use super::bytes::Field;
use super::flags::RouteFlags;
use super::message::{Change, Metric, RouteOp};
use super::sockaddr::Axis;

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
    /// What each type number stands for.
    pub kinds: [Kind; 256],
    /// `struct rt_msghdr`.
    pub route: RouteLayout,
    /// `struct ifa_msghdr`.
    pub address: AddressLayout,
    /// `struct ifma_msghdr`.
    pub multicast: MulticastLayout,
    /// `struct if_msghdr`.
    pub interface: InterfaceLayout,
    /// `struct if_announcemsghdr`.
    pub announce: AnnounceLayout,
    /// Sockaddrs stand in this order, each present where its bit of the address mask is set.
    pub axes: &'static [Axis],
    /// A sockaddr takes a multiple of this many bytes, and one unit where its length is zero.
    pub unit: u8,
    /// The numbers of the address families.
    pub families: Families,
    /// What each bit of a route's flag word stands for, from the lowest; empty where it is unknown.
    pub flag_bits: [RouteFlags; 32],
    /// What each bit of an interface's flag word stands for, from the lowest; empty where it is unknown.
    pub link_flag_bits: [LinkFlags; 32],
    /// A route that has no MTU of its own is reported with its interface's; only [`RouteFlags::FIXED_MTU`] tells.
    pub reports_interface_mtu: bool,
}

/// What a message type tells of, and so which layout its header has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Kind {
    /// A route.
    Route(RouteOp),
    /// An address of an interface.
    Address(Change),
    /// A multicast address that an interface listens to.
    Multicast(Change),
    /// The state of an interface.
    Interface,
    /// An interface that came or went.
    Announce,
    /// Something this codec does not read.
    Unknown,
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
}

/// The header of a route message.
#[derive(Debug)]
#[non_exhaustive]
pub struct RouteLayout {
    /// The length of the header; the sockaddrs begin behind it.
    pub size: u16,
    /// The interface's index.
    pub index: Field,
    /// The RTF_ flags.
    pub flags: Field,
    /// Which sockaddrs there are.
    pub addrs: Field,
    /// Who asked.
    pub pid: Field,
    /// The asker's number for the request.
    pub seq: Field,
    /// Why the request failed, in the system's own numbers.
    pub errno: Field,
    /// Which flags a change is about.
    pub flag_mask: Field,
    /// Which metrics a request sets.
    pub inits: Field,
    /// Which metrics the kernel must not change.
    pub locks: Field,
    /// The metrics.
    pub metrics: &'static [MetricField],
}

/// One metric of a route.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct MetricField {
    /// Which one.
    pub metric: Metric,
    /// Where it stands.
    pub field: Field,
    /// Its RTV_ bit in `inits` and `locks`; zero for what the kernel alone sets.
    pub bit: u32,
    /// The kernel keeps it. Others it shows to all listeners as they were asked for, and forgets them.
    pub kept: bool,
}

/// The header of a message about an address.
#[derive(Debug)]
#[non_exhaustive]
pub struct AddressLayout {
    /// The length of the header; the sockaddrs begin behind it.
    pub size: u16,
    /// Which sockaddrs there are.
    pub addrs: Field,
    /// The flags of the address.
    pub flags: Field,
    /// The interface's index.
    pub index: Field,
    /// The metric of the address.
    pub metric: Field,
}

/// The header of a message about a multicast address.
#[derive(Debug)]
#[non_exhaustive]
pub struct MulticastLayout {
    /// The length of the header; the sockaddrs begin behind it.
    pub size: u16,
    /// Which sockaddrs there are.
    pub addrs: Field,
    /// The flags, which no kernel that was read sets.
    pub flags: Field,
    /// The interface's index.
    pub index: Field,
}

/// The header of a message about an interface, with the parts of `struct if_data` that are read.
#[derive(Debug)]
#[non_exhaustive]
pub struct InterfaceLayout {
    /// The length of the header; the sockaddrs begin behind it.
    pub size: u16,
    /// Which sockaddrs there are.
    pub addrs: Field,
    /// The IFF_ flags.
    pub flags: Field,
    /// The interface's index.
    pub index: Field,
    /// The IFT_ type.
    pub kind: Field,
    /// Whether the link is up, by LINK_STATE_.
    pub link_state: Field,
    /// The length of a link-layer address.
    pub address_length: Field,
    /// The length of a link-layer header.
    pub header_length: Field,
    /// The largest packet, in bytes.
    pub mtu: Field,
    /// The routing metric.
    pub metric: Field,
    /// The speed in bits a second.
    pub baud_rate: Field,
}

/// A message that an interface came or went.
#[derive(Debug)]
#[non_exhaustive]
pub struct AnnounceLayout {
    /// The length of the message.
    pub size: u16,
    /// The interface's index.
    pub index: Field,
    /// Where the name stands, padded with zeros.
    pub name: u16,
    /// How many bytes the name can have.
    pub name_length: u16,
    /// IFAN_ARRIVAL or IFAN_DEPARTURE.
    pub what: Field,
}

/// The table of message types from a list of those that are known.
const fn kinds(known: &[(u8, Kind)]) -> [Kind; 256] {
    let mut kinds = [Kind::Unknown; 256];
    let mut at = 0;
    while at < known.len() {
        let (number, kind) = known[at];
        kinds[number as usize] = kind;
        at += 1;
    }
    kinds
}

/// The table of flag bits from a list of single bits.
const fn flag_bits<Flag: Copy>(unknown: Flag, known: &[(u32, Flag)]) -> [Flag; 32] {
    let mut bits = [unknown; 32];
    let mut at = 0;
    while at < known.len() {
        let (word, flag) = known[at];
        assert!(word.is_power_of_two());
        bits[word.trailing_zeros() as usize] = flag;
        at += 1;
    }
    bits
}

impl Dialect {
    /// What a message type stands for.
    #[must_use]
    pub fn kind(&self, number: u8) -> Kind {
        self.kinds.get(usize::from(number)).copied().unwrap_or(Kind::Unknown)
    }

    /// The type number of a route operation; `None` where this system has none.
    #[must_use]
    pub fn route_type(&self, op: RouteOp) -> Option<u8> {
        self.kinds.iter().position(|&kind| kind == Kind::Route(op)).and_then(|number| u8::try_from(number).ok())
    }

    /// The flags that `word` has, without the bits that are unknown here.
    #[must_use]
    pub fn flags(&self, word: u32) -> RouteFlags {
        let mut flags = RouteFlags::empty();
        let mut rest = word;
        while rest != 0 {
            flags |= self.flag_bits.get(rest.trailing_zeros() as usize).copied().unwrap_or_default();
            rest &= rest - 1;
        }
        flags
    }

    /// The bits of `word` that are none of `known`: those without a name here included.
    #[must_use]
    pub fn other_bits(&self, word: u32, known: RouteFlags) -> u32 {
        let mut others = word;
        let mut rest = word;
        while rest != 0 {
            let bit = rest.trailing_zeros();
            let flag = self.flag_bits.get(bit as usize).copied().unwrap_or_default();
            if !flag.is_empty() && known.contains(flag) {
                others &= !(1 << bit);
            }
            rest &= rest - 1;
        }
        others
    }

    /// The word that says `flags`; `None` where this system has no bit for one of them.
    #[must_use]
    pub fn flag_word(&self, flags: RouteFlags) -> Option<u32> {
        flags.iter().try_fold(0, |word, flag| {
            let bit = self.flag_bits.iter().position(|&known| known == flag)?;
            Some(word | 1 << bit)
        })
    }

    /// How many bytes a sockaddr of this length takes.
    #[must_use]
    pub const fn round(&self, length: usize) -> usize {
        let unit = self.unit as usize;
        if length == 0 { unit } else { length.next_multiple_of(unit) }
    }
}
