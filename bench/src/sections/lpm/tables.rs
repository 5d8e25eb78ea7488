//! What the tables have in common.

use std::net::{Ipv4Addr, Ipv6Addr};

use ip_network_table_deps_treebitmap::{IpLookupTable, address::Address};
use prefix_trie::PrefixMap;
use waypost::lpm::{Key, Numbers, Table};
use waypost::{Ipv4Prefix, Ipv6Prefix};

/// A prefix, and how the peers write it.
pub(super) trait Network: Key {
    /// Their whole number of an address.
    type Number;

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
pub(super) trait Longest<P: Network> {
    fn empty() -> Self;
    fn insert(&mut self, prefix: P, value: u32);
    fn remove(&mut self, prefix: P);
    /// The value of the longest prefix that contains the address, which one does.
    fn longest(&self, address: P::Address) -> u32;
    /// The values of all prefixes that contain the address.
    fn all(&self, address: P::Address, each: impl FnMut(u32));
    /// All values, and the prefixes with them, in order.
    fn each(&self, each: impl FnMut(u32));
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

    fn longest(&self, address: P::Address) -> u32 {
        self.longest_match(address).map_or(0, |(_, value)| *value)
    }

    fn all(&self, address: P::Address, mut each: impl FnMut(u32)) {
        self.matches(address).for_each(|(_, value)| each(*value));
    }

    fn each(&self, mut each: impl FnMut(u32)) {
        self.iter().for_each(|(prefix, value)| {
            std::hint::black_box(prefix);
            each(*value);
        });
    }
}

impl<P: Network> Longest<P> for PrefixMap<(P::Number, u8), u32>
where
    (P::Number, u8): prefix_trie::Prefix,
{
    fn empty() -> Self {
        Self::new()
    }

    fn insert(&mut self, prefix: P, value: u32) {
        self.insert(prefix.pair(), value);
    }

    fn remove(&mut self, prefix: P) {
        self.remove(&prefix.pair());
    }

    fn longest(&self, address: P::Address) -> u32 {
        self.get_lpm(&P::host(address)).map_or(0, |(_, value)| *value)
    }

    fn all(&self, address: P::Address, mut each: impl FnMut(u32)) {
        self.cover(&P::host(address)).for_each(|(_, value)| each(*value));
    }

    fn each(&self, mut each: impl FnMut(u32)) {
        self.iter().for_each(|(prefix, value)| {
            std::hint::black_box(prefix);
            each(*value);
        });
    }
}

impl<P: Network> Longest<P> for IpLookupTable<P::Address, u32>
where
    P::Address: Address,
{
    fn empty() -> Self {
        Self::new()
    }

    fn insert(&mut self, prefix: P, value: u32) {
        let (network, length) = prefix.parts();
        self.insert(network, length, value);
    }

    fn remove(&mut self, prefix: P) {
        let (network, length) = prefix.parts();
        self.remove(network, length);
    }

    fn longest(&self, address: P::Address) -> u32 {
        self.longest_match(address).map_or(0, |(_, _, value)| *value)
    }

    fn all(&self, address: P::Address, mut each: impl FnMut(u32)) {
        self.matches(address).for_each(|(_, _, value)| each(*value));
    }

    fn each(&self, mut each: impl FnMut(u32)) {
        self.iter().for_each(|(network, length, value)| {
            std::hint::black_box((network, length));
            each(*value);
        });
    }
}
