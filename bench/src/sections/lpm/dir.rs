//! What the kernel-bypass world uses for lookups alone, by hand: the form of DPDK's `rte_fib` (`dir24_8`) and `rte_fib6` (`trie`).
//!
//! A direct table takes 24 bits of the address, groups of 256 take eight more each. It is the floor of frozen tables: one or two reads of
//! memory for most addresses, at a price of hundreds of bytes a prefix.

use super::tables::Network;

/// Marks the number of a group; without it, an entry is a value.
const GROUP: u32 = 1 << 31;

/// How many bits of the address the direct table takes, and how many a group.
const DIRECT: u32 = 24;
const STEP: u32 = 8;

/// A table of values from 1 on.
#[derive(Debug)]
pub(super) struct Direct {
    direct: Vec<u32>,
    /// Groups of 256 entries, one after the other.
    groups: Vec<u32>,
}

impl Direct {
    /// The table of these prefixes, with the numbers from 1 on as values.
    pub(super) fn of<P: Network>(prefixes: &[P]) -> Self {
        let mut numbered: Vec<(P, u32)> = prefixes.iter().copied().zip(1..).collect();
        // What comes later is longer, and takes its part of what it lies in.
        numbered.sort_by_key(|(prefix, _)| prefix.parts().1);
        let mut table = Self { direct: vec![0; 1 << DIRECT], groups: Vec::new() };
        for (prefix, value) in numbered {
            let (address, length) = prefix.parts();
            table.paint(P::high_bits(address), length, value);
        }
        table
    }

    fn paint(&mut self, bits: u128, length: u32, value: u32) {
        let first = (bits >> (128 - DIRECT)) as usize;
        if length <= DIRECT {
            self.direct[first..][..1 << (DIRECT - length)].fill(value);
            return;
        }
        let mut entry = self.direct[first];
        let mut group = self.group_of(entry);
        self.direct[first] = GROUP | group;
        let mut taken = DIRECT + STEP;
        loop {
            let at = (group << STEP) as usize + (bits >> (128 - taken) & 0xff) as usize;
            if length <= taken {
                self.groups[at..][..1 << (taken - length)].fill(value);
                return;
            }
            entry = self.groups[at];
            group = self.group_of(entry);
            self.groups[at] = GROUP | group;
            taken += STEP;
        }
    }

    /// The group that an entry leads to: a new one where it leads to a value.
    fn group_of(&mut self, entry: u32) -> u32 {
        if entry & GROUP != 0 {
            return entry ^ GROUP;
        }
        let group = self.groups.len() >> STEP;
        self.groups.resize(self.groups.len() + (1 << STEP), entry);
        group as u32
    }

    /// The value for an address, or 0.
    #[inline]
    pub(super) fn longest<P: Network>(&self, address: P::Address) -> u32 {
        let bits = P::high_bits(address);
        let mut entry = self.direct[(bits >> (128 - DIRECT)) as usize];
        let mut rest = bits << DIRECT;
        while entry & GROUP != 0 {
            entry = self.below(entry, rest);
            rest <<= STEP;
        }
        entry
    }

    /// The values for many addresses, all of which go down together.
    #[inline]
    pub(super) fn batch<P: Network, const N: usize>(&self, addresses: &[P::Address; N]) -> [u32; N] {
        let bits = addresses.map(P::high_bits);
        let mut entries = bits.map(|bits| self.direct[(bits >> (128 - DIRECT)) as usize]);
        let mut taken = DIRECT;
        while entries.iter().fold(0, |any, entry| any | entry) & GROUP != 0 {
            for (entry, bits) in entries.iter_mut().zip(&bits) {
                if *entry & GROUP != 0 {
                    *entry = self.below(*entry, bits << taken);
                }
            }
            taken += STEP;
        }
        entries
    }

    #[inline]
    fn below(&self, entry: u32, rest: u128) -> u32 {
        self.groups[((entry ^ GROUP) << STEP) as usize + (rest >> (128 - STEP)) as usize]
    }
}
