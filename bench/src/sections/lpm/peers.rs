//! The peers, by what all tables have in common.

use std::hint::black_box;

use ip_network_table_deps_treebitmap::{IpLookupTable, address::Address};
use poptrie::Poptrie;
use prefix_trie::PrefixMap;
use ts_bart::{RoutingTable, SimpleTable};

use super::tables::{Longest, Network};

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

    fn exact(&self, prefix: P) -> u32 {
        self.get(&prefix.pair()).copied().unwrap_or(0)
    }

    fn longest(&self, address: P::Address) -> u32 {
        self.get_lpm(&P::host(address)).map_or(0, |(_, value)| *value)
    }

    fn all(&self, address: P::Address, mut each: impl FnMut(u32)) {
        self.cover(&P::host(address)).for_each(|(prefix, value)| {
            black_box(prefix);
            each(*value);
        });
    }

    fn each(&self, mut each: impl FnMut(u32)) {
        self.iter().for_each(|(prefix, value)| {
            black_box(prefix);
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

    fn exact(&self, prefix: P) -> u32 {
        let (network, length) = prefix.parts();
        self.exact_match(network, length).copied().unwrap_or(0)
    }

    fn longest(&self, address: P::Address) -> u32 {
        self.longest_match(address).map_or(0, |(_, _, value)| *value)
    }

    fn all(&self, address: P::Address, mut each: impl FnMut(u32)) {
        self.matches(address).for_each(|(network, length, value)| {
            black_box((network, length));
            each(*value);
        });
    }

    fn each(&self, mut each: impl FnMut(u32)) {
        self.iter().for_each(|(network, length, value)| {
            black_box((network, length));
            each(*value);
        });
    }
}

impl<P: Network> Longest<P> for SimpleTable<u32> {
    // It tells the values alone, and has no list.
    const TELLS_ALL: bool = false;
    const LISTS: bool = false;

    fn empty() -> Self {
        Self::default()
    }

    fn insert(&mut self, prefix: P, value: u32) {
        RoutingTable::insert(self, prefix.net(), value);
    }

    fn remove(&mut self, prefix: P) {
        RoutingTable::remove(self, prefix.net());
    }

    fn exact(&self, prefix: P) -> u32 {
        self.lookup_prefix_exact(prefix.net()).copied().unwrap_or(0)
    }

    fn longest(&self, address: P::Address) -> u32 {
        self.lookup(P::ip(address)).copied().unwrap_or(0)
    }

    fn all(&self, _: P::Address, _: impl FnMut(u32)) {}

    fn each(&self, _: impl FnMut(u32)) {}
}

impl<P: Network> Longest<P> for Poptrie<(P::Number, u8), u32>
where
    (P::Number, u8): poptrie::Prefix<ADDRESS = P::Number>,
    P::Number: poptrie::Address,
{
    // Each change moves what lies behind: milliseconds in a full table. It tells one prefix alone.
    const IS_LIVE: bool = false;
    const TELLS_ALL: bool = false;
    const LISTS: bool = false;

    fn empty() -> Self {
        Self::new()
    }

    fn insert(&mut self, prefix: P, value: u32) {
        self.insert(prefix.pair(), value);
    }

    fn remove(&mut self, prefix: P) {
        self.remove(prefix.pair());
    }

    fn exact(&self, prefix: P) -> u32 {
        self.get(prefix.pair()).copied().unwrap_or(0)
    }

    fn longest(&self, address: P::Address) -> u32 {
        self.lookup(P::host(address).0).copied().unwrap_or(0)
    }

    fn all(&self, _: P::Address, _: impl FnMut(u32)) {}

    fn each(&self, _: impl FnMut(u32)) {}

    fn of(prefixes: &[P]) -> Self {
        prefixes.iter().map(|prefix| prefix.pair()).zip(1..).collect()
    }
}
