//! The small numbers a kernel gives things: tables, interfaces, protocols, scopes, next-hop objects.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use crate::ParseError;

/// Gives a number type that has names for some of its values `Display`, `FromStr` and `Debug`.
macro_rules! named_number {
    ($type:ident($inner:ty), $what:literal, [$($name:literal = $value:literal),* $(,)?]) => {
        impl $type {
            /// The name that routing tools print for this number, where it has one.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($name),)*
                    _ => None,
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => f.pad(name),
                    None => fmt::Display::fmt(&self.0, f),
                }
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($type), "({})"), self)
            }
        }

        impl FromStr for $type {
            type Err = ParseError;

            /// Reads a name or a number, decimal or hexadecimal with `0x`.
            fn from_str(word: &str) -> Result<Self, ParseError> {
                match word {
                    $($name => return Ok(Self($value)),)*
                    _ => {}
                }
                let number = match word.strip_prefix("0x") {
                    Some(digits) => <$inner>::from_str_radix(digits, 16),
                    None => word.parse::<$inner>(),
                };
                number.map(Self).map_err(|_| ParseError::new(word, concat!("is no ", $what)))
            }
        }

        impl From<$inner> for $type {
            fn from(number: $inner) -> Self {
                Self(number)
            }
        }
    };
}

/// A routing table of the kernel: a table on Linux, a FIB on FreeBSD, an rtable on OpenBSD.
///
/// Linux has 2³² of them, of which three are named. The systems that have only one give it
/// [`Capabilities::main_table`](crate::Capabilities::main_table).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct TableId(pub u32);

impl TableId {
    /// No table in particular: all of them in a filter, the main one in a request.
    pub const UNSPECIFIED: Self = Self(0);
    /// The table that the last of Linux's standing rules names.
    pub const DEFAULT: Self = Self(253);
    /// The table where routes go unless somebody says otherwise, on Linux.
    pub const MAIN: Self = Self(254);
    /// The table of the host's own and broadcast addresses, on Linux.
    pub const LOCAL: Self = Self(255);
}

named_number!(TableId(u32), "routing table", ["default" = 253, "main" = 254, "local" = 255]);

/// Who installed a route: the number that Linux calls protocol.
///
/// A kernel without such a number reports [`Protocol::KERNEL`], [`Protocol::STATIC`] or [`Protocol::REDIRECT`] by
/// what its route flags say.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Protocol(pub u8);

impl Protocol {
    /// Nobody in particular. In a delete this matches every protocol on Linux.
    pub const UNSPECIFIED: Self = Self(0);
    /// An ICMP redirect.
    pub const REDIRECT: Self = Self(1);
    /// The kernel itself.
    pub const KERNEL: Self = Self(2);
    /// Whoever set the machine up: what `ip route add` uses unless told otherwise.
    pub const BOOT: Self = Self(3);
    /// The administrator.
    pub const STATIC: Self = Self(4);
    /// A router advertisement.
    pub const RA: Self = Self(9);
    /// A DHCP client.
    pub const DHCP: Self = Self(16);
}

named_number!(
    Protocol(u8),
    "routing protocol",
    [
        "unspec" = 0,
        "redirect" = 1,
        "kernel" = 2,
        "boot" = 3,
        "static" = 4,
        "gated" = 8,
        "ra" = 9,
        "mrt" = 10,
        "zebra" = 11,
        "bird" = 12,
        "dnrouted" = 13,
        "xorp" = 14,
        "ntk" = 15,
        "dhcp" = 16,
        "keepalived" = 18,
        "babel" = 42,
        "openr" = 99,
        "bgp" = 186,
        "isis" = 187,
        "ospf" = 188,
        "rip" = 189,
        "eigrp" = 192,
    ]
);

/// How far a destination or an address reaches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Scope(pub u8);

impl Scope {
    /// Everywhere: destinations behind a gateway.
    pub const UNIVERSE: Self = Self(0);
    /// Within the site (deprecated).
    pub const SITE: Self = Self(200);
    /// On the attached link.
    pub const LINK: Self = Self(253);
    /// On this host.
    pub const HOST: Self = Self(254);
    /// Nowhere: no such destination. In a delete this matches every scope on Linux.
    pub const NOWHERE: Self = Self(255);
}

named_number!(Scope(u8), "scope", ["global" = 0, "site" = 200, "link" = 253, "host" = 254, "nowhere" = 255]);

/// The number of an interface, never zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct IfIndex(NonZeroU32);

impl IfIndex {
    /// The interface of this number; zero means none.
    #[must_use]
    pub const fn new(index: u32) -> Option<Self> {
        match NonZeroU32::new(index) {
            Some(index) => Some(Self(index)),
            None => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

/// The number of a next-hop object, never zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct NextHopId(NonZeroU32);

impl NextHopId {
    /// The next-hop object of this number; zero means none.
    #[must_use]
    pub const fn new(id: u32) -> Option<Self> {
        match NonZeroU32::new(id) {
            Some(id) => Some(Self(id)),
            None => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

macro_rules! plain_number {
    ($($type:ident),*) => {$(
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($type), "({})"), self.0)
            }
        }
    )*};
}

plain_number!(IfIndex, NextHopId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_read_back() {
        for protocol in (0..=u8::MAX).map(Protocol) {
            assert_eq!(protocol.to_string().parse::<Protocol>().unwrap(), protocol);
        }
        for scope in (0..=u8::MAX).map(Scope) {
            assert_eq!(scope.to_string().parse::<Scope>().unwrap(), scope);
        }
        for table in [0, 1, 252, 253, 254, 255, 256, 51820, u32::MAX].map(TableId) {
            assert_eq!(table.to_string().parse::<TableId>().unwrap(), table);
        }
        assert_eq!("0x100".parse::<TableId>().unwrap(), TableId(256));
    }

    #[test]
    fn a_number_out_of_range_is_refused_and_named() {
        assert_eq!("256".parse::<Protocol>().unwrap_err().to_string(), "\"256\" is no routing protocol");
        assert!("4294967296".parse::<TableId>().is_err());
        assert!("-1".parse::<TableId>().is_err());
    }
}
