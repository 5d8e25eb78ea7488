//! Tables for the longest match: whatever is put in and taken out, they find what a sorted map finds that is read slowly.

use std::collections::BTreeMap;

use waypost_core::lpm::{Frozen, Key, Numbers, Table, Writer};
use waypost_core::{Ipv4Prefix, Ipv6Prefix};

/// A prefix of few and many bits.
trait Probe: Key {
    fn make(bits: u128, length: u8) -> Self;
    fn first(self) -> Self::Address;
    fn last(self) -> Self::Address;
    fn covers(self, other: Self) -> bool;
}

impl Probe for Ipv4Prefix {
    fn make(bits: u128, length: u8) -> Self {
        Self::from_bits((bits >> 96) as u32, length % 33)
    }

    fn first(self) -> Self::Address {
        self.network()
    }

    fn last(self) -> Self::Address {
        self.last()
    }

    fn covers(self, other: Self) -> bool {
        self.covers(other)
    }
}

impl Probe for Ipv6Prefix {
    fn make(bits: u128, length: u8) -> Self {
        Self::from_bits(bits, length % 129)
    }

    fn first(self) -> Self::Address {
        self.network()
    }

    fn last(self) -> Self::Address {
        self.last()
    }

    fn covers(self, other: Self) -> bool {
        self.covers(other)
    }
}

/// Takes `bytes` for acts on a table of each family.
pub fn run(bytes: &[u8]) {
    acts::<Ipv4Prefix>(bytes);
    acts::<Ipv6Prefix>(bytes);
}

/// Each act is six bytes: what to do, the length of a prefix, and four bytes of which its bits are made.
fn acts<P: Probe>(bytes: &[u8]) {
    let mut table: Table<P, u32, Numbers> = Table::new();
    let mut writer: Writer<P, String> = Writer::new(Table::new());
    let mut map: BTreeMap<P, u32> = BTreeMap::new();
    for (number, some) in (0..).zip(bytes.chunks_exact(6)) {
        let Some(([act, length], bits)) = some.split_first_chunk::<2>() else { continue };
        let word = bits.first_chunk().map_or(0, |bits| u32::from_le_bytes(*bits));
        // Few different addresses, so that prefixes lie in each other, and some all over the place.
        let word = if act & 0x80 == 0 { word & 0x8103_0103 } else { word };
        let prefix = P::make(u128::from(word) << 96 | u128::from(word) << 60 | u128::from(word), *length);
        match act & 7 {
            0..=2 => {
                let old = map.insert(prefix, number);
                assert_eq!(table.insert(prefix, number), old);
                assert_eq!(writer.insert(prefix, number.to_string()), old.map(|old| old.to_string()));
            }
            3 => {
                let old = map.remove(&prefix);
                assert_eq!(table.remove(prefix), old);
                assert_eq!(writer.remove(prefix), old.map(|old| old.to_string()));
            }
            4 => {
                let doomed: Vec<P> = map.keys().copied().filter(|other| prefix.covers(*other)).collect();
                assert_eq!(table.remove_children(prefix), doomed.len());
                for prefix in doomed {
                    map.remove(&prefix);
                    writer.remove(prefix);
                }
            }
            5 => {
                table = map.iter().map(|(prefix, value)| (*prefix, *value)).collect();
                writer.publish();
            }
            // So many at once that the table takes another form.
            6 => {
                for step in 0..u32::from(*length) * 4 {
                    let prefix = P::make(u128::from(word.wrapping_add(step << 8)) << 96, 24);
                    let old = map.insert(prefix, step);
                    assert_eq!(table.insert(prefix, step), old);
                    writer.insert(prefix, step.to_string());
                }
            }
            _ => ask(&table, &map, prefix),
        }
    }
    writer.publish();
    whole(&table, &map);
    let snapshot = writer.reader().snapshot();
    assert!(
        snapshot.iter().map(|(prefix, value)| (prefix, value.clone())).eq(table.iter().map(|(p, value)| (p, value.to_string())))
    );
}

/// What is to be known of one prefix and its addresses.
fn ask<P: Probe>(table: &Table<P, u32, Numbers>, map: &BTreeMap<P, u32>, prefix: P) {
    let entry = |(prefix, value): (&P, &u32)| (*prefix, *value);
    let own = |(prefix, value): (P, &u32)| (prefix, *value);
    assert_eq!(table.get(prefix), map.get(&prefix));
    let covering: Vec<_> = map.iter().map(entry).filter(|(other, _)| other.covers(prefix)).collect();
    assert!(table.covering(prefix).map(own).eq(covering));
    let inside: Vec<_> = map.iter().map(entry).filter(|(other, _)| prefix.covers(*other)).collect();
    assert!(table.children(prefix).map(own).eq(inside));
    assert!(table.range(prefix..).map(own).eq(map.range(prefix..).map(entry)));
    assert!(table.range(..prefix).map(own).eq(map.range(..prefix).map(entry)));
    for address in [prefix.first(), prefix.last()] {
        let host = P::of(address);
        let longest = map.iter().map(entry).filter(|(other, _)| other.covers(host)).max_by_key(|(other, _)| other.length());
        assert_eq!(table.longest_match(address).map(own), longest);
    }
}

/// What is to be known of all of it.
fn whole<P: Probe>(table: &Table<P, u32, Numbers>, map: &BTreeMap<P, u32>) {
    assert_eq!(table.len(), map.len());
    assert!(table.iter().map(|(prefix, value)| (prefix, *value)).eq(map.iter().map(|(prefix, value)| (*prefix, *value))));
    let frozen: Frozen<P, u32, Numbers> = table.freeze();
    for prefix in map.keys() {
        for address in [prefix.first(), prefix.last()] {
            let longest = table.longest_match(address).map(|(_, value)| value);
            assert_eq!(frozen.longest_match(address), longest);
            assert_eq!(frozen.longest_matches(&[address, prefix.first()])[0], longest);
        }
    }
}
