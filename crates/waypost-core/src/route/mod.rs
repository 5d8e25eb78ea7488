//! Routes: where the kernel keeps one, and what it says.

pub(crate) mod display;
mod flags;
mod metrics;
mod next_hop;
pub(crate) mod parse;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

pub use flags::{NextHopFlags, RouteFlags};
pub use metrics::{Metric, Metrics};
pub use next_hop::{Encapsulation, NextHop, NextHops, Weight};

pub use display::{InterfacePrinted, WithNames};

use crate::{IfIndex, Ipv6Prefix, NextHopId, Prefix, Protocol, Scope, TableId};

/// Where a kernel keeps a route: the key that its *replace* acts upon.
///
/// Fields that a kernel does not tell routes apart by are zero there, so equality is plain.
///
/// | field | Linux | FreeBSD, DragonFly | NetBSD | OpenBSD | macOS | illumos |
/// |---|---|---|---|---|---|---|
/// | `table` | table | FIB | - | rtable | - | - |
/// | `metric` | yes | - | - | - | - | - |
/// | `tos` | IPv4 | - | - | - | - | - |
/// | `source` | IPv6 | - | - | - | - | - |
/// | `priority` | - | - | - | yes | - | - |
/// | `interface_scope` | - | link-local | link-local | link-local | yes | - |
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Slot {
    /// The routing table.
    pub table: TableId,
    /// The addresses that the route is for.
    pub destination: Prefix,
    /// The source addresses that it is for, where it asks (IPv6 on Linux).
    pub source: Option<Ipv6Prefix>,
    /// The type of service that it is for, or zero for all (IPv4 on Linux).
    pub tos: u8,
    /// OpenBSD's priority without its down bit, else zero.
    pub priority: u8,
    /// Its rank among routes to the same destination: the lower wins.
    pub metric: u32,
    /// The interface that the route is confined to: by `RTF_IFSCOPE` on macOS, and where link-local IPv6 destinations
    /// have a zone, by that.
    pub interface_scope: Option<IfIndex>,
}

impl Slot {
    /// The slot of `destination` in `table`, all else zero.
    #[must_use]
    pub const fn new(table: TableId, destination: Prefix) -> Self {
        Self { table, destination, source: None, tos: 0, priority: 0, metric: 0, interface_scope: None }
    }
}

/// What becomes of packets to a destination: the *type* of `ip route`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Disposition {
    /// They go to a next hop.
    #[default]
    Unicast,
    /// They are for this host.
    Local,
    /// They go to everybody on the link.
    Broadcast,
    /// They are for this host, among others that have the address.
    Anycast,
    /// They go to a group.
    Multicast,
    /// They are dropped without a word.
    Blackhole,
    /// They are dropped; the sender hears *host unreachable*.
    Unreachable,
    /// They are dropped; the sender hears *administratively prohibited*.
    Prohibit,
    /// The lookup goes on in the next table that the rules name.
    Throw,
    /// A type of the kernel's that has no name here: its number.
    Other(u8),
}

impl Disposition {
    /// All that have names, as `ip route` writes them.
    pub const NAMED: [(Self, &'static str); 9] = [
        (Self::Unicast, "unicast"),
        (Self::Local, "local"),
        (Self::Broadcast, "broadcast"),
        (Self::Anycast, "anycast"),
        (Self::Multicast, "multicast"),
        (Self::Blackhole, "blackhole"),
        (Self::Unreachable, "unreachable"),
        (Self::Prohibit, "prohibit"),
        (Self::Throw, "throw"),
    ];

    /// Says whether packets go anywhere at all.
    #[must_use]
    pub const fn forwards(self) -> bool {
        !matches!(self, Self::Blackhole | Self::Unreachable | Self::Prohibit | Self::Throw)
    }
}

/// How a router wishes to be preferred among others (RFC 4191); IPv6 on Linux.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[expect(clippy::exhaustive_enums, reason = "RFC 4191 has two bits and reserves the fourth value")]
pub enum Preference {
    /// Only where no other is.
    Low,
    /// Like any other.
    #[default]
    Medium,
    /// Before others.
    High,
}

/// An attribute of the kernel's that has no portable name, byte for byte.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Attribute {
    /// The kernel's number for it, flag bits included.
    pub kind: u16,
    /// Its payload.
    pub data: Vec<u8>,
}

impl Attribute {
    /// An attribute of this number and payload.
    #[must_use]
    pub fn new(kind: u16, data: Vec<u8>) -> Self {
        Self { kind, data }
    }
}

/// Attributes that have no portable name. Most things have none, and then this is one null pointer.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Unnamed(Option<Arc<Vec<Attribute>>>);

impl Unnamed {
    /// The attributes, in the kernel's order.
    #[must_use]
    pub fn as_slice(&self) -> &[Attribute] {
        self.0.as_ref().map_or(&[], |attributes| attributes)
    }

    /// Says whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }

    /// Adds one.
    pub fn push(&mut self, attribute: Attribute) {
        Arc::make_mut(self.0.get_or_insert_default()).push(attribute);
    }
}

/// What a route says: everything about it but where the kernel keeps it.
///
/// A full Internet table has a million slots and few different entries, so the mirror keeps each entry once.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Entry {
    /// What becomes of the packets.
    pub disposition: Disposition,
    /// Who installed it.
    pub protocol: Protocol,
    /// How far the destination reaches.
    pub scope: Scope,
    /// IPv6 router preference.
    pub preference: Preference,
    /// The source address for connections that do not choose one.
    pub preferred_source: Option<IpAddr>,
    /// The next-hop object that it uses, where it uses one. The kernel may name the object's next hops beside it.
    pub next_hop_object: Option<NextHopId>,
    /// What the kernel marks on it.
    pub flags: RouteFlags,
    /// The bits of the kernel's flags that have no portable meaning.
    pub os_flags: u32,
    /// The ways out.
    pub next_hops: NextHops,
    /// The path metrics.
    pub metrics: Metrics,
    /// What has no portable name.
    pub unnamed: Unnamed,
}

/// A route: its slot and what it says.
///
/// `Display` prints the words of `ip route` and `FromStr` reads them back; see [`Route::with_names`] for interfaces by name.
///
/// ```
/// use waypost_core::{NextHop, Prefix, Protocol, Route};
///
/// let mut route = Route::new("10.1.0.0/16".parse()?);
/// route.slot.metric = 50;
/// route.entry.protocol = Protocol::STATIC;
/// route.entry.next_hops = NextHop::via("10.0.0.1".parse().unwrap()).into();
/// assert_eq!(route.to_string(), "10.1.0.0/16 via 10.0.0.1 proto static metric 50");
/// # Ok::<(), waypost_core::PrefixError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Route {
    /// Where the kernel keeps it.
    pub slot: Slot,
    /// What it says.
    pub entry: Entry,
    /// How long it still lives, where its life is limited, counted from when the kernel said so.
    pub expires: Option<Duration>,
}

impl Route {
    /// A unicast route to `destination` in the main table, installed by nobody in particular, with no way out yet.
    ///
    /// The table is [`TableId::MAIN`]; on systems other than Linux set it to
    /// [`Capabilities::main_table`](crate::Capabilities::main_table).
    #[must_use]
    #[inline]
    pub const fn new(destination: Prefix) -> Self {
        let entry = Entry {
            disposition: Disposition::Unicast,
            protocol: Protocol::BOOT,
            scope: Scope::UNIVERSE,
            preference: Preference::Medium,
            preferred_source: None,
            next_hop_object: None,
            flags: RouteFlags::empty(),
            os_flags: 0,
            next_hops: NextHops::NONE,
            metrics: Metrics::NONE,
            unnamed: Unnamed(None),
        };
        Self::from_parts(Slot::new(TableId::MAIN, destination), entry)
    }

    /// A route of this slot and entry that does not expire.
    #[must_use]
    pub const fn from_parts(slot: Slot, entry: Entry) -> Self {
        Self { slot, entry, expires: None }
    }

    /// The same route, borrowed in parts.
    #[must_use]
    pub const fn as_ref(&self) -> RouteRef<'_> {
        RouteRef { slot: self.slot, entry: &self.entry, expires: self.expires }
    }
}

/// A route in somebody's table, without a copy of what it says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct RouteRef<'a> {
    /// Where the kernel keeps it.
    pub slot: Slot,
    /// What it says.
    pub entry: &'a Entry,
    /// How long it still lives, where its life is limited, counted from when the kernel said so.
    pub expires: Option<Duration>,
}

impl<'a> RouteRef<'a> {
    /// The route of this slot and entry.
    #[must_use]
    pub const fn new(slot: Slot, entry: &'a Entry, expires: Option<Duration>) -> Self {
        Self { slot, entry, expires }
    }

    /// A copy to keep; it allocates nothing.
    #[must_use]
    pub fn to_route(self) -> Route {
        Route { slot: self.slot, entry: self.entry.clone(), expires: self.expires }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_moves_in_few_cache_lines() {
        assert!(size_of::<Entry>() <= 136, "{}", size_of::<Entry>());
        assert!(size_of::<Route>() <= 232, "{}", size_of::<Route>());
    }
}
