//! What the tables have in common.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use waypost::lpm::{Key, Numbers, Table};
use waypost::{Ipv4Prefix, Ipv6Prefix};

/// A prefix, and how the peers write it.
pub(super) trait Network: Key {
    /// Their whole number of an address.
    type Number;

    /// The address in the high bits.
    fn high_bits(address: Self::Address) -> u128;

    /// An address of the part of the space that is in use.
    fn anywhere(random: u128) -> Self::Address;

    /// The prefix as ts_bart takes it.
    fn net(self) -> IpNet;

    /// An address as ts_bart takes it.
    fn ip(address: Self::Address) -> IpAddr;

    /// The prefix as prefix-trie takes it.
    fn pair(self) -> (Self::Number, u8);

    /// The prefix of one address.
    fn host(address: Self::Address) -> (Self::Number, u8);

    /// The prefix as treebitmap takes it.
    fn parts(self) -> (Self::Address, u32);

    /// An address inside the prefix, the host bits being those of `random`.
    fn address_inside(self, random: u128) -> Self::Address;

    /// The prefixes that contain an address, from the longest on.
    fn around(address: Self::Address) -> impl Iterator<Item = Self>;
}

impl Network for Ipv4Prefix {
    type Number = u32;

    fn high_bits(address: Ipv4Addr) -> u128 {
        u128::from(address.to_bits()) << 96
    }

    fn anywhere(random: u128) -> Ipv4Addr {
        Ipv4Addr::from_bits(random as u32)
    }

    fn net(self) -> IpNet {
        IpNet::V4(Ipv4Net::new_assert(self.network(), self.length()))
    }

    fn ip(address: Ipv4Addr) -> IpAddr {
        address.into()
    }

    fn pair(self) -> (u32, u8) {
        (self.bits(), self.length())
    }

    fn host(address: Ipv4Addr) -> (u32, u8) {
        (address.to_bits(), 32)
    }

    fn parts(self) -> (Ipv4Addr, u32) {
        (self.network(), self.length().into())
    }

    fn address_inside(self, random: u128) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.bits() | (random as u32 & !self.mask().to_bits()))
    }

    fn around(address: Ipv4Addr) -> impl Iterator<Item = Self> {
        (0..=32).rev().map(move |length| Self::from_bits(address.to_bits(), length))
    }
}

impl Network for Ipv6Prefix {
    type Number = u128;

    fn high_bits(address: Ipv6Addr) -> u128 {
        address.to_bits()
    }

    /// The addresses of the Internet are inside 2000::/3.
    fn anywhere(random: u128) -> Ipv6Addr {
        Ipv6Addr::from_bits(1 << 125 | random >> 3)
    }

    fn net(self) -> IpNet {
        IpNet::V6(Ipv6Net::new_assert(self.network(), self.length()))
    }

    fn ip(address: Ipv6Addr) -> IpAddr {
        address.into()
    }

    fn pair(self) -> (u128, u8) {
        (self.bits(), self.length())
    }

    fn host(address: Ipv6Addr) -> (u128, u8) {
        (address.to_bits(), 128)
    }

    fn parts(self) -> (Ipv6Addr, u32) {
        (self.network(), self.length().into())
    }

    fn address_inside(self, random: u128) -> Ipv6Addr {
        Ipv6Addr::from_bits(self.bits() | (random & !self.mask().to_bits()))
    }

    fn around(address: Ipv6Addr) -> impl Iterator<Item = Self> {
        (0..=128).rev().map(move |length| Self::from_bits(address.to_bits(), length))
    }
}

/// A table that finds the longest match.
pub(super) trait Longest<P: Network>: Sized {
    /// Whether a change takes so little time that a million of them can be waited for.
    const IS_LIVE: bool = true;
    /// Whether it tells all prefixes that contain an address, the prefixes included.
    const TELLS_ALL: bool = true;
    /// Whether it lists its entries.
    const LISTS: bool = true;

    fn empty() -> Self;
    fn insert(&mut self, prefix: P, value: u32);
    fn remove(&mut self, prefix: P);
    /// The value of this prefix, or 0.
    fn exact(&self, prefix: P) -> u32;
    /// The value of the longest prefix that contains the address, or 0.
    fn longest(&self, address: P::Address) -> u32;
    /// The values of all prefixes that contain the address, from the shortest on.
    fn all(&self, address: P::Address, each: impl FnMut(u32));
    /// All values, and the prefixes with them, in order.
    fn each(&self, each: impl FnMut(u32));

    /// A table of these prefixes, with the numbers from 1 on as values.
    fn of(prefixes: &[P]) -> Self {
        let mut table = Self::empty();
        for (prefix, value) in prefixes.iter().zip(1..) {
            table.insert(*prefix, value);
        }
        table
    }
}

impl<P: Network> Longest<P> for Table<P, u32, Numbers> {
    fn empty() -> Self {
        Self::new()
    }

    fn insert(&mut self, prefix: P, value: u32) {
        self.insert(prefix, value);
    }

    fn remove(&mut self, prefix: P) {
        self.remove(prefix);
    }

    fn exact(&self, prefix: P) -> u32 {
        self.get(prefix).copied().unwrap_or(0)
    }

    fn longest(&self, address: P::Address) -> u32 {
        self.longest_match(address).map_or(0, |(_, value)| *value)
    }

    fn all(&self, address: P::Address, mut each: impl FnMut(u32)) {
        self.matches(address).for_each(|(prefix, value)| {
            std::hint::black_box(prefix);
            each(*value);
        });
    }

    fn each(&self, mut each: impl FnMut(u32)) {
        self.iter().for_each(|(prefix, value)| {
            std::hint::black_box(prefix);
            each(*value);
        });
    }
}
