//! Where the numbers of a header stand.

use crate::wire::bytes::Field;
use crate::wire::message::Metric;

/// Where the sockaddrs of a message begin, and which there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct AddrsLayout {
    /// The length of the header: the least that a message of its type has.
    pub size: u16,
    /// The length that the message itself gives its header, or [`Field::NONE`]. The sockaddrs begin behind that, or,
    /// where it is zero or not there, behind `size`.
    pub header_length: Field,
    /// Which sockaddrs there are, one bit for each of the dialect's axes.
    pub addrs: Field,
}

/// The header of a route message: `struct rt_msghdr`.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RouteLayout {
    /// The header's length and its sockaddrs.
    pub addrs: AddrsLayout,
    /// The interface's index.
    pub index: Field,
    /// The RTF_ flags.
    pub flags: Field,
    /// The table.
    pub table: Field,
    /// The rank among routes to the same destination.
    pub priority: Field,
    /// Who asked.
    pub pid: Field,
    /// The asker's number for the request.
    pub seq: Field,
    /// Why the request failed, in the system's own numbers.
    pub errno: Field,
    /// Which flags a change is about.
    pub flag_mask: Field,
    /// How many lookups have used the route.
    pub uses: Field,
    /// The flags of the route that this one was cloned from.
    pub parent_flags: Field,
    /// Which metrics a request sets.
    pub inits: Field,
    /// Which metrics the kernel must not change.
    pub locks: Field,
    /// The metrics, those that the kernel keeps first.
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

impl MetricField {
    /// A metric that requests set and the kernel keeps.
    pub(super) const fn kept(metric: Metric, field: Field, bit: u32) -> Self {
        Self { metric, field, bit, kept: true }
    }

    /// A metric that requests can name and the kernel forgets.
    pub(super) const fn forgotten(metric: Metric, field: Field, bit: u32) -> Self {
        Self { metric, field, bit, kept: false }
    }

    /// A metric that the kernel alone sets.
    pub(super) const fn counted(metric: Metric, field: Field) -> Self {
        Self { metric, field, bit: 0, kept: false }
    }
}

/// The header of a message about an address: `struct ifa_msghdr`.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AddressLayout {
    /// The header's length and its sockaddrs.
    pub addrs: AddrsLayout,
    /// The flags of the address's route.
    pub flags: Field,
    /// The interface's index.
    pub index: Field,
    /// The routing table that the interface belongs to.
    pub table: Field,
    /// Who asked.
    pub pid: Field,
    /// The flags of the address itself, IN_IFF_ or IN6_IFF_.
    pub address_flags: Field,
    /// The metric of the address.
    pub metric: Field,
}

/// The header of a message about a multicast address: `struct ifma_msghdr`.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct MulticastLayout {
    /// The header's length and its sockaddrs.
    pub addrs: AddrsLayout,
    /// The flags, which no kernel that was read sets.
    pub flags: Field,
    /// The interface's index.
    pub index: Field,
    /// How many sockets and protocols want the group.
    pub references: Field,
}

/// The header of a message about an interface, with the parts of `struct if_data` that are read.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct InterfaceLayout {
    /// The header's length and its sockaddrs.
    pub addrs: AddrsLayout,
    /// The IFF_ flags.
    pub flags: Field,
    /// The interface's index.
    pub index: Field,
    /// The routing table that the interface belongs to.
    pub table: Field,
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

/// A message that an interface came or went: `struct if_announcemsghdr`. Some systems tell of wireless events by the
/// same header, with the event's own bytes behind it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AnnounceLayout {
    /// The length of the header.
    pub size: u16,
    /// The interface's index.
    pub index: Field,
    /// Where the name stands, padded with zeros.
    pub name: u16,
    /// How many bytes the name can have.
    pub name_length: u16,
    /// IFAN_ARRIVAL or IFAN_DEPARTURE; for wireless events, which event.
    pub what: Field,
}

/// The state of a wireless interface: `struct if_ieee80211_msghdr`.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct WirelessLayout {
    /// The length of the message.
    pub size: u16,
    /// The interface's index.
    pub index: Field,
    /// The channel.
    pub channel: Field,
    /// How many bytes the network's name has.
    pub network_length: Field,
    /// Where the network's name stands, in 32 bytes.
    pub network: u16,
    /// Where the base station's address stands, in 6 bytes.
    pub station: u16,
}

/// What every message of a system begins with, for types of which no more is read.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct HeadLayout {
    /// The length of what is read.
    pub size: u16,
    /// The interface's index.
    pub index: Field,
}
