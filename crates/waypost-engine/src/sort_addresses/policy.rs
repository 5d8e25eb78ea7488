//! The policy table: RFC 6724, section 2.1.

use std::net::{IpAddr, Ipv6Addr};

use waypost_core::Ipv6Prefix;

use super::mapped;

/// One line of a policy table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct PolicyEntry {
    /// The addresses that it is for; those of IPv4 are written as IPv6 maps them, `::ffff:0:0/96`.
    pub prefix: Ipv6Prefix,
    /// Destinations of the higher precedence are tried first.
    pub precedence: u8,
    /// Sources and destinations of the same label go together.
    pub label: u8,
}

impl PolicyEntry {
    /// A line of this prefix, precedence and label.
    #[must_use]
    pub const fn new(prefix: Ipv6Prefix, precedence: u8, label: u8) -> Self {
        Self { prefix, precedence, label }
    }
}

/// Which addresses are preferred, and which go together: the longest prefix that contains an address says so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddressPolicy {
    entries: Vec<PolicyEntry>,
}

impl Default for AddressPolicy {
    /// The table of RFC 6724.
    fn default() -> Self {
        let entry = |address: [u16; 8], length, precedence, label| {
            PolicyEntry::new(Ipv6Prefix::from_bits(Ipv6Addr::from(address).to_bits(), length), precedence, label)
        };
        Self {
            entries: vec![
                entry([0, 0, 0, 0, 0, 0, 0, 1], 128, 50, 0),
                entry([0; 8], 0, 40, 1),
                entry([0, 0, 0, 0, 0, 0xffff, 0, 0], 96, 35, 4),
                entry([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, 30, 2),
                entry([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, 5, 5),
                entry([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, 3, 13),
                entry([0; 8], 96, 1, 3),
                entry([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, 1, 11),
                entry([0x3ffe, 0, 0, 0, 0, 0, 0, 0], 16, 1, 12),
            ],
        }
    }
}

impl AddressPolicy {
    /// A table of these lines. An address that none of them contains has precedence 0 and label 0.
    #[must_use]
    pub fn new(entries: impl IntoIterator<Item = PolicyEntry>) -> Self {
        Self { entries: entries.into_iter().collect() }
    }

    /// The line for an address.
    #[must_use]
    pub fn of(&self, address: IpAddr) -> PolicyEntry {
        let address = mapped(address);
        let containing = self.entries.iter().filter(|entry| entry.prefix.contains(address));
        containing.max_by_key(|entry| entry.prefix.length()).copied().unwrap_or(PolicyEntry::new(Ipv6Prefix::DEFAULT, 0, 0))
    }
}
