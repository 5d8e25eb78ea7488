//! Random operations against two oracles, a sorted map read slowly and the crate `prefix-trie`, with the structure checked after each.

use super::arena::{Arena, room};
use super::shape::{JUMP_FROM, JUMP_UNTIL};
use super::{DEPTHS, DualTable, JUMP_DEPTH, Key, Node, ROOT, Table, jump_index, node};
use crate::{Ipv4Prefix, Ipv6Prefix, Prefix};
use prefix_trie::PrefixMap;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fmt::Debug;

/// What the oracle's keys need, besides [`Key`]: the crate `prefix-trie` knows pairs of a number and a length.
trait Probe: Key {
    type Pair: prefix_trie::Prefix + Eq + Copy + Debug;
    fn pair(self) -> Self::Pair;
    fn covers(self, other: Self) -> bool;
    fn network(self) -> Self::Address;
    fn last(self) -> Self::Address;
    fn make(bits: u128, length: u8) -> Self;
}

macro_rules! probe {
    ($prefix:ident, $address:ty, $bits:ident) => {
        impl Probe for $prefix {
            type Pair = ($bits, u8);
            fn pair(self) -> Self::Pair {
                (self.bits(), self.length())
            }
            fn covers(self, other: Self) -> bool {
                self.covers(other)
            }
            fn network(self) -> $address {
                self.network()
            }
            fn last(self) -> $address {
                self.last()
            }
            fn make(bits: u128, length: u8) -> Self {
                Self::from_bits((bits >> (128 - $bits::BITS)) as $bits, length % (Self::MAX_LENGTH + 1))
            }
        }
    };
}

probe!(Ipv4Prefix, std::net::Ipv4Addr, u32);
probe!(Ipv6Prefix, std::net::Ipv6Addr, u128);

#[derive(Clone, Copy, Debug)]
enum Operation {
    Insert(u128, u8, u32),
    Remove(u128, u8),
    /// Removes the entry that stands there in the order, so that removals hit.
    RemoveNth(usize),
    Change(u128, u8, u32),
    Pack,
    Clear,
}

/// Bits that are alike, so that prefixes nest and share nodes: few of the bits in each six vary.
fn bits() -> impl Strategy<Value = u128> {
    let crowded = any::<u128>().prop_map(|bits| bits & 0x8400_8C03_8001_0000_0000_0010_0000_0003);
    let low = any::<u16>().prop_map(|bits| u128::from(bits) << 98);
    prop_oneof![4 => crowded, 4 => low, 1 => any::<u128>(), 1 => Just(u128::MAX)]
}

fn length() -> impl Strategy<Value = u8> {
    prop_oneof![6 => any::<u8>(), 6 => 0..=32_u8, 1 => Just(0), 1 => Just(128)]
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        20 => (bits(), length(), any::<u32>()).prop_map(|(bits, length, value)| Operation::Insert(bits, length, value)),
        4 => (bits(), length()).prop_map(|(bits, length)| Operation::Remove(bits, length)),
        8 => any::<usize>().prop_map(Operation::RemoveNth),
        2 => (bits(), length(), any::<u32>()).prop_map(|(bits, length, value)| Operation::Change(bits, length, value)),
        1 => Just(Operation::Pack),
        1 => Just(Operation::Clear),
    ]
}

/// The table under test and the two that know better.
struct Trio<P: Probe> {
    table: Table<P, u32>,
    map: BTreeMap<P, u32>,
    trie: PrefixMap<P::Pair, u32>,
}

impl<P: Probe> Trio<P> {
    fn new() -> Self {
        Self { table: Table::new(), map: BTreeMap::new(), trie: PrefixMap::new() }
    }

    fn apply(&mut self, operation: Operation) {
        match operation {
            Operation::Insert(bits, length, value) => {
                let prefix = P::make(bits, length);
                let old = self.map.insert(prefix, value);
                assert_eq!(self.trie.insert(prefix.pair(), value), old);
                assert_eq!(self.table.insert(prefix, value), old, "insert {prefix:?}");
            }
            Operation::Remove(bits, length) => self.remove(P::make(bits, length)),
            Operation::RemoveNth(n) => {
                if let Some(&prefix) = self.map.keys().nth(n % self.map.len().max(1)) {
                    self.remove(prefix);
                }
            }
            Operation::Change(bits, length, value) => {
                let prefix = P::make(bits, length);
                let found = self.table.get_mut(prefix).map(|held| *held = value);
                assert_eq!(found, self.map.get_mut(&prefix).map(|held| *held = value));
                if let Some(held) = self.trie.get_mut(&prefix.pair()) {
                    *held = value;
                }
            }
            Operation::Pack => {
                self.table.pack();
                assert_eq!(self.table.nodes.idle() + self.table.values.idle(), 0);
            }
            Operation::Clear => {
                self.table.clear();
                self.map.clear();
                self.trie.clear();
                assert_eq!(self.table.memory(), 0);
            }
        }
    }

    fn remove(&mut self, prefix: P) {
        let old = self.map.remove(&prefix);
        assert_eq!(self.trie.remove(&prefix.pair()), old);
        assert_eq!(self.table.remove(prefix), old, "remove {prefix:?}");
    }

    /// Asks everything there is to ask about `prefix` and its first and last address.
    fn compare(&self, prefix: P) {
        assert_eq!(self.table.get(prefix), self.map.get(&prefix), "get {prefix:?}");
        let inside: Vec<_> = self.map.iter().filter(|(other, _)| prefix.covers(**other)).map(|(p, v)| (*p, v)).collect();
        assert!(self.table.children(prefix).eq(inside.iter().copied()), "children of {prefix:?}");
        assert!(self.trie.children(&prefix.pair()).map(|(_, value)| value).eq(inside.iter().map(|(_, value)| *value)));
        assert!(self.table.covering(prefix).eq(self.covering(prefix)), "covering {prefix:?}");
        for address in [prefix.network(), prefix.last()] {
            let above = self.covering(P::of(address));
            assert_eq!(self.table.longest_match(address), above.last().copied(), "match in {prefix:?}");
            assert!(self.table.matches(address).eq(above.iter().copied()), "matches in {prefix:?}");
            let peer = self.trie.get_lpm(&P::of(address).pair());
            assert_eq!(peer, above.last().map(|(prefix, value)| (prefix.pair(), *value)));
        }
    }

    fn covering(&self, prefix: P) -> Vec<(P, &u32)> {
        self.map.iter().filter(|(other, _)| other.covers(prefix)).map(|(p, v)| (*p, v)).collect()
    }

    fn compare_all(&self) {
        assert_eq!(self.table.len(), self.map.len());
        assert_eq!(self.table.is_empty(), self.map.is_empty());
        assert!(self.table.iter().eq(self.map.iter().map(|(prefix, value)| (*prefix, value))), "iteration");
        assert_eq!(self.table, self.map.iter().map(|(prefix, value)| (*prefix, *value)).collect());
        assert_eq!(self.table.clone(), self.table);
    }
}

fn random_operations_agree<P: Probe>(operations: &[Operation], probes: &[(u128, u8)]) {
    let mut trio: Trio<P> = Trio::new();
    for &operation in operations {
        trio.apply(operation);
        check(&trio.table);
    }
    trio.compare_all();
    for &(bits, length) in probes {
        trio.compare(P::make(bits, length));
    }
    let held: Vec<P> = trio.map.keys().copied().collect();
    for prefix in held {
        trio.compare(prefix);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ipv4_agrees_with_both_oracles(
        operations in prop::collection::vec(operation(), 0..150),
        probes in prop::collection::vec((bits(), length()), 20),
    ) {
        random_operations_agree::<Ipv4Prefix>(&operations, &probes);
    }

    #[test]
    fn ipv6_agrees_with_both_oracles(
        operations in prop::collection::vec(operation(), 0..150),
        probes in prop::collection::vec((bits(), length()), 20),
    ) {
        random_operations_agree::<Ipv6Prefix>(&operations, &probes);
    }
}

/// The next of a row of numbers that look random (SplitMix64).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

fn a_large_table_grows_and_shrinks<P: Probe>() {
    let mut trio: Trio<P> = Trio::new();
    let mut state = 1;
    let mut jumped = false;
    for round in 0..40_000_u32 {
        let random = u128::from(next(&mut state)) << 64 | u128::from(next(&mut state));
        // Up for twenty thousand rounds, then down.
        let insert = if round < 20_000 { random % 8 != 0 } else { random % 8 == 0 };
        let operation = match insert {
            true => Operation::Insert(random & !(0xFF << 108), 8 + (random >> 8) as u8 % 25, round),
            false => Operation::RemoveNth((random as usize) % 97),
        };
        trio.apply(operation);
        jumped |= trio.table.jump.is_some();
        assert!(!trio.table.nodes.is_sparse() && !trio.table.values.is_sparse());
        if round % 1000 == 999 {
            check(&trio.table);
            trio.compare(P::make(random, 20));
        }
    }
    trio.compare_all();
    assert!(jumped, "the jump table was never built");
    assert_eq!(trio.table.jump.is_some(), trio.table.len() >= JUMP_UNTIL);
    let held: Vec<P> = trio.map.keys().copied().collect();
    for (count, prefix) in held.into_iter().enumerate() {
        trio.remove(prefix);
        if count % 512 == 0 {
            check(&trio.table);
        }
    }
    check(&trio.table);
    assert!(trio.table.is_empty() && trio.table.jump.is_none());
    assert!(trio.table.memory() < 16 << 10, "{} bytes are left", trio.table.memory());
}

#[test]
fn a_large_ipv4_table_grows_and_shrinks_back() {
    a_large_table_grows_and_shrinks::<Ipv4Prefix>();
}

#[test]
fn a_large_ipv6_table_grows_and_shrinks_back() {
    a_large_table_grows_and_shrinks::<Ipv6Prefix>();
}

#[test]
fn dense_prefixes_cost_little_more_than_their_values() {
    let count = 1 << 16;
    let in_order = (0..count).map(|n| (Ipv4Prefix::from_bits(10 << 24 | n << 8, 24), n));
    let mut table: Table<Ipv4Prefix, u32> = in_order.clone().collect();
    let bytes = |table: &Table<_, _>| table.memory() * 100 / count as usize;
    assert!(bytes(&table) < 550, "{} bytes for a hundred in order", bytes(&table));
    // Every 5th first, then every 5th again: all blocks grow at the same time and leave their old places behind.
    table.clear();
    (0..5).for_each(|rest| table.extend(in_order.clone().filter(|(_, n)| n % 5 == rest)));
    check(&table);
    assert!(table.iter().eq(in_order.collect::<Vec<_>>().iter().map(|(prefix, n)| (*prefix, n))));
    assert!(bytes(&table) < 650, "{} bytes for a hundred out of order", bytes(&table));
}

#[test]
fn a_full_node_holds_every_prefix_of_its_six_bits() {
    let mut table = Table::new();
    let all = || (0..=6_u8).flat_map(|length| (0..1_u32 << length).map(move |v| (v.checked_shl(32 - u32::from(length)), length)));
    for (bits, length) in all() {
        let prefix = Ipv4Prefix::from_bits(bits.unwrap_or(0), length);
        assert_eq!(table.insert(prefix, prefix), None);
        check(&table);
    }
    assert_eq!(table.len(), 127);
    assert!(table.iter().all(|(prefix, value)| prefix == *value) && table.iter().is_sorted());
    for (bits, length) in all() {
        let prefix = Ipv4Prefix::from_bits(bits.unwrap_or(0), length);
        assert_eq!(table.remove(prefix), Some(prefix));
        check(&table);
    }
    assert!(table.is_empty());
}

#[test]
fn an_empty_table_answers_nothing() {
    let mut table: Table<Ipv4Prefix, u32> = Table::default();
    let address = "10.0.0.1".parse().unwrap();
    for prefix in [Ipv4Prefix::DEFAULT, Ipv4Prefix::host(address)] {
        assert_eq!(table.get(prefix), None);
        assert_eq!(table.get_mut(prefix), None);
        assert_eq!(table.remove(prefix), None);
        assert_eq!((table.children(prefix).count(), table.covering(prefix).count()), (0, 0));
    }
    assert_eq!((table.longest_match(address), table.matches(address).count()), (None, 0));
    assert_eq!((table.iter().count(), table.memory(), table.len()), (0, 0, 0));
    check(&table);
}

#[test]
fn a_default_route_that_flaps_moves_nothing() {
    let mut table: DualTable<u32> = DualTable::new();
    let (v4, v6): (Prefix, Prefix) = ("0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap());
    for round in 0..10 {
        assert_eq!((table.insert(v4, round), table.insert(v6, round)), (None, None));
        assert_eq!(table.longest_match("255.255.255.255".parse().unwrap()), Some((v4, &round)));
        assert_eq!(table.longest_match("ff::".parse().unwrap()), Some((v6, &round)));
        assert_eq!((table.len(), table.memory()), (2, 0));
        assert_eq!((table.remove(v4), table.remove(v6)), (Some(round), Some(round)));
        assert!(table.is_empty());
    }
}

#[test]
fn a_host_route_is_found_at_the_last_bit() {
    let mut table = DualTable::new();
    for text in ["10.0.0.1/32", "10.0.0.2/31", "2001:db8::1/128", "2001:db8::2/127", "::/0"] {
        table.insert(text.parse().unwrap(), text);
    }
    let found = |address: &str| table.longest_match(address.parse().unwrap()).map(|(_, text)| *text);
    assert_eq!(found("10.0.0.1"), Some("10.0.0.1/32"));
    assert_eq!(found("10.0.0.0"), None);
    assert_eq!(found("10.0.0.3"), Some("10.0.0.2/31"));
    assert_eq!(found("2001:db8::1"), Some("2001:db8::1/128"));
    assert_eq!(found("2001:db8::3"), Some("2001:db8::2/127"));
    assert_eq!(found("2001:db8::4"), Some("::/0"));
}

#[test]
fn the_families_of_a_dual_table_are_apart_and_in_order() {
    let texts = ["0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/16", "::/0", "::/8", "2001:db8::/32"];
    let mut table: DualTable<usize> = texts.iter().enumerate().rev().map(|(n, text)| (text.parse().unwrap(), n)).collect();
    assert!(table.iter().map(|(prefix, value)| (prefix.to_string(), *value)).eq(texts.iter().map(ToString::to_string).zip(0..)));
    let count = |prefix: &str| table.children(prefix.parse().unwrap()).count();
    assert_eq!([count("0.0.0.0/0"), count("10.0.0.0/8"), count("10.0.0.0/9"), count("::/0"), count("::/1")], [3, 2, 1, 3, 2]);
    assert!(table.matches("10.0.1.1".parse().unwrap()).map(|(_, value)| *value).eq([0, 1, 2]));
    assert!(table.covering("2001:db8::/31".parse().unwrap()).map(|(_, value)| *value).eq([3]));
    *table.get_mut("::/8".parse().unwrap()).unwrap() = 40;
    assert_eq!(table.get("::/8".parse().unwrap()), Some(&40));
    assert_eq!((table.v4().len(), table.v6().len()), (3, 3));
    table.clear();
    assert!(table.is_empty());
}

#[test]
fn numbers_of_prefixes_are_those_of_a_depth_first_walk() {
    let mut places: Vec<(usize, std::cmp::Reverse<u8>, u32)> = Vec::new();
    for position in 0..127 {
        let (chunk, length) = node::place(position);
        assert_eq!(node::position(chunk, length), position);
        assert!(node::subtree(chunk, length).trailing_zeros() == position && node::leaves(chunk, length) >> chunk & 1 == 1);
        places.push((chunk, std::cmp::Reverse(length), position));
    }
    places.sort_by_key(|(chunk, length, _)| (*chunk, length.0));
    assert!(places.iter().map(|(_, _, position)| *position).eq(0..127));
}

/// What must hold of a table at all times, whatever was done to it.
fn check<P: Key, V: Copy>(table: &Table<P, V>) {
    let mut tally = Tally { nodes: Vec::new(), values: Vec::new(), prefixes: usize::from(table.default.is_some()) };
    if let Some(root) = table.nodes.items.get(ROOT) {
        tally.nodes.push((ROOT as u32, 1));
        tally_below(table, root, 0, &mut tally);
    }
    assert_eq!(tally.prefixes, table.length, "the length is the number of bits set");
    check_blocks(&table.nodes, tally.nodes);
    check_blocks(&table.values, tally.values);
    assert!(table.length < JUMP_FROM || table.jump.is_some());
    assert!(table.length >= JUMP_UNTIL || table.jump.is_none());
    check_jump(table);
}

struct Tally {
    nodes: Vec<(u32, usize)>,
    values: Vec<(u32, usize)>,
    prefixes: usize,
}

fn tally_below<P: Key, V: Copy>(table: &Table<P, V>, node: &Node, depth: usize, tally: &mut Tally) {
    assert!(depth < DEPTHS);
    assert_eq!(node.prefixes & 1, 0, "length 0 belongs to the parent");
    assert!(!node.is_empty() || depth == 0, "a node without a purpose");
    tally.prefixes += node.prefixes.count_ones() as usize;
    if node.prefixes != 0 {
        tally.values.push((node.value_base, node.prefixes.count_ones() as usize));
    }
    if node.children != 0 {
        let count = node.children.count_ones() as usize;
        tally.nodes.push((node.child_base, count));
        for child in &table.nodes.items[node.child_base as usize..][..count] {
            tally_below(table, child, depth + 1, tally);
        }
    }
}

/// The blocks in use and the free ones must cover the arena without a gap or an overlap.
fn check_blocks<T: Copy>(arena: &Arena<T>, used: Vec<(u32, usize)>) {
    let mut blocks: Vec<(usize, usize)> = used.into_iter().map(|(base, count)| (base as usize, room(count))).collect();
    blocks.extend(arena.free_blocks());
    blocks.sort_unstable();
    let mut end = 0;
    for (base, room) in blocks {
        assert_eq!(base, end, "a gap or an overlap between blocks");
        end = base + room;
    }
    assert_eq!(end, arena.items.len());
    assert_eq!(arena.idle(), arena.free_blocks().map(|(_, room)| room).sum::<usize>());
}

fn check_jump<P: Key, V: Copy>(table: &Table<P, V>) {
    let Some(jump) = &table.jump else { return };
    for (index, &entry) in jump.iter().enumerate() {
        let bits = P::place(index >> 6, 0) | P::place(index & 63, 1);
        assert_eq!(jump_index::<P>(bits), index);
        let first = table.nodes.items[ROOT].child(index >> 6);
        let second = first.and_then(|first| table.nodes.items[first].child(index & 63));
        assert_eq!(entry as usize, second.unwrap_or(ROOT), "the jump to depth {JUMP_DEPTH}");
    }
}
