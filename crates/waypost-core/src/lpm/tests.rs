//! Random operations against two oracles, a sorted map read slowly and the crate `prefix-trie`, with the structure checked after each.

use super::arena::{Arena, room};
use super::node::Node;
use super::shape::{LEVELS_FROM, LIST_AGAIN, LIST_MOST};
use super::tree::{DEPTHS, ROOT, Tree, level_index, level_start};
use super::{DualTable, Key, Numbers, Slab, Store, Table, node};
use crate::{Ipv4Prefix, Ipv6Prefix, Prefix};
use prefix_trie::PrefixMap;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::Bound;

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
    /// Removes all inside the prefix.
    RemoveChildren(u128, u8),
    /// Keeps what has these bits in its value, and changes its value.
    Retain(u32),
    /// Makes the table anew of its entries, in order or not.
    Collect(bool),
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
        1 => (bits(), length()).prop_map(|(bits, length)| Operation::RemoveChildren(bits, length)),
        1 => (0..2_u32).prop_map(Operation::Retain),
        1 => any::<bool>().prop_map(Operation::Collect),
        1 => Just(Operation::Pack),
        1 => Just(Operation::Clear),
    ]
}

/// The table under test, with each of the stores, and the two that know better.
struct Trio<P: Probe> {
    table: Table<P, u32, Numbers>,
    apart: Table<P, String>,
    map: BTreeMap<P, u32>,
    trie: PrefixMap<P::Pair, u32>,
}

impl<P: Probe> Trio<P> {
    fn new() -> Self {
        Self { table: Table::new(), apart: Table::new(), map: BTreeMap::new(), trie: PrefixMap::new() }
    }

    fn apply(&mut self, operation: Operation) {
        match operation {
            Operation::Insert(bits, length, value) => {
                let prefix = P::make(bits, length);
                let old = self.map.insert(prefix, value);
                assert_eq!(self.trie.insert(prefix.pair(), value), old);
                assert_eq!(self.table.insert(prefix, value), old, "insert {prefix:?}");
                assert_eq!(self.apart.insert(prefix, value.to_string()), old.map(|old| old.to_string()));
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
                assert_eq!(found, self.apart.get_mut(prefix).map(|held| *held = value.to_string()));
                if let Some(held) = self.trie.get_mut(&prefix.pair()) {
                    *held = value;
                }
            }
            Operation::RemoveChildren(bits, length) => {
                let prefix = P::make(bits, length);
                let before = self.map.len();
                self.map.retain(|other, _| !prefix.covers(*other));
                self.trie.remove_children(&prefix.pair());
                assert_eq!(self.table.remove_children(prefix), before - self.map.len());
                assert_eq!(self.apart.remove_children(prefix), before - self.map.len());
            }
            Operation::Retain(bits) => self.retain(bits),
            Operation::Collect(in_order) => {
                let mut entries: Vec<(P, u32)> = self.map.iter().map(|(prefix, value)| (*prefix, *value)).collect();
                if !in_order {
                    // Twice, and the first time with a value that must not stay.
                    entries.extend(entries.clone().iter().rev());
                    let half = entries.len() / 2;
                    entries[..half].iter_mut().for_each(|(_, value)| *value = !*value);
                }
                self.table = entries.iter().copied().collect();
                self.apart.clear();
                self.apart.extend(entries.iter().map(|(prefix, value)| (*prefix, value.to_string())));
            }
            Operation::Pack => {
                self.table.tree.pack();
                assert_eq!(self.table.tree.nodes.idle() + self.table.tree.values.idle(), 0);
            }
            Operation::Clear => {
                self.table.clear();
                self.apart.clear();
                self.map.clear();
                self.trie.clear();
                assert_eq!(self.table.memory() + self.apart.memory(), 0);
            }
        }
    }

    fn retain(&mut self, bits: u32) {
        let mut asked = Vec::new();
        let keep = |value: &mut u32| {
            *value ^= 2;
            *value & bits != 0
        };
        self.table.retain(|prefix, value| {
            asked.push(prefix);
            keep(value)
        });
        assert!(asked.iter().eq(self.map.keys()), "asked in order");
        self.apart.retain(|_, text| {
            let mut value = text.parse().unwrap();
            let is_kept = keep(&mut value);
            *text = value.to_string();
            is_kept
        });
        self.map.retain(|_, value| keep(value));
        self.trie = self.map.iter().map(|(prefix, value)| (prefix.pair(), *value)).collect();
    }

    fn remove(&mut self, prefix: P) {
        let old = self.map.remove(&prefix);
        assert_eq!(self.trie.remove(&prefix.pair()), old);
        assert_eq!(self.table.remove(prefix), old, "remove {prefix:?}");
        assert_eq!(self.apart.remove(prefix), old.map(|old| old.to_string()));
    }

    /// Asks everything there is to ask about `prefix` and its first and last address.
    fn compare(&self, prefix: P) {
        assert_eq!(self.table.get(prefix), self.map.get(&prefix), "get {prefix:?}");
        let inside: Vec<_> = self.map.iter().filter(|(other, _)| prefix.covers(**other)).map(|(p, v)| (*p, v)).collect();
        assert!(self.table.children(prefix).eq(inside.iter().copied()), "children of {prefix:?}");
        assert!(self.trie.children(&prefix.pair()).map(|(_, value)| value).eq(inside.iter().map(|(_, value)| *value)));
        assert!(self.table.covering(prefix).eq(self.covering(prefix)), "covering {prefix:?}");
        let entries = |(prefix, value): (&P, &u32)| (*prefix, *value);
        let from = self.map.range(prefix..).map(entries);
        assert!(self.table.range(prefix..).map(|(prefix, value)| (prefix, *value)).eq(from), "from {prefix:?}");
        let last = P::of(prefix.last());
        let between = self.map.range((Bound::Excluded(prefix), Bound::Included(last)));
        let range = self.table.range((Bound::Excluded(prefix), Bound::Included(last)));
        assert!(range.map(|(prefix, value)| (prefix, *value)).eq(between.map(entries)), "inside {prefix:?}");
        assert!(self.table.range(..prefix).eq(self.map.range(..prefix).map(|(prefix, value)| (*prefix, value))), "to {prefix:?}");
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

    fn compare_frozen(&self, probes: &[P]) {
        let (frozen, apart) = (self.table.freeze(), self.apart.freeze());
        for prefix in probes {
            let addresses = [prefix.network(), prefix.last()];
            let expected = addresses.map(|address| self.table.longest_match(address).map(|(_, value)| *value));
            assert_eq!(addresses.map(|address| frozen.longest_match(address).copied()), expected, "{prefix:?}");
            assert_eq!(frozen.longest_matches(&addresses).map(Option::<&u32>::copied), expected, "{prefix:?}");
            let texts = expected.map(|value| value.map(|value| value.to_string()));
            assert_eq!(apart.longest_matches(&addresses).map(Option::<&String>::cloned), texts);
        }
    }

    fn compare_all(&self) {
        assert_eq!(self.table.len(), self.map.len());
        assert_eq!(self.table.is_empty(), self.map.is_empty());
        assert!(self.table.iter().eq(self.map.iter().map(|(prefix, value)| (*prefix, value))), "iteration");
        assert_eq!(self.table, self.map.iter().map(|(prefix, value)| (*prefix, *value)).collect());
        assert_eq!(self.table.clone(), self.table);
        assert_eq!(self.apart.clone(), self.apart);
        let texts = self.map.iter().map(|(prefix, value)| (*prefix, value.to_string()));
        assert!(self.apart.iter().map(|(prefix, text)| (prefix, text.clone())).eq(texts));
    }
}

fn random_operations_agree<P: Probe>(operations: &[Operation], probes: &[(u128, u8)]) {
    let mut trio: Trio<P> = Trio::new();
    for &operation in operations {
        trio.apply(operation);
        check(&trio.table);
        check(&trio.apart);
    }
    trio.compare_all();
    let probes: Vec<P> = probes.iter().map(|(bits, length)| P::make(*bits, *length)).collect();
    probes.iter().for_each(|prefix| trio.compare(*prefix));
    trio.compare_frozen(&probes);
    let held: Vec<P> = trio.map.keys().copied().collect();
    held.iter().for_each(|prefix| trio.compare(*prefix));
    trio.compare_frozen(&held);
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
    let mut levels = [false; 3];
    for round in 0..120_000_u32 {
        let random = u128::from(next(&mut state)) << 64 | u128::from(next(&mut state));
        // Up for sixty thousand rounds, then down.
        let insert = if round < 60_000 { random % 8 != 0 } else { random % 8 == 0 };
        let operation = match insert {
            true => Operation::Insert(random & !(0x0F << 108), 6 + (random >> 8) as u8 % 27, round),
            false => Operation::RemoveNth((random as usize) % 97),
        };
        trio.apply(operation);
        let tree = &trio.table.tree;
        levels[usize::from(tree.level)] = true;
        assert!(!tree.nodes.is_sparse() && !tree.values.is_sparse());
        if round % 4000 == 3999 {
            check(&trio.table);
            trio.compare(P::make(random, 20));
        }
    }
    let held: Vec<P> = trio.map.keys().copied().collect();
    trio.compare_frozen(&held);
    trio.compare_all();
    assert_eq!(levels, [true; 3], "the table took all forms");
    let held: Vec<P> = trio.map.keys().copied().collect();
    for (count, prefix) in held.into_iter().enumerate() {
        trio.remove(prefix);
        if count % 2048 == 0 {
            check(&trio.table);
        }
    }
    check(&trio.table);
    assert!(trio.table.is_empty() && trio.table.tree.nodes.items.is_empty());
    assert!(trio.table.memory() < 256, "{} bytes are left", trio.table.memory());
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
    let count = 1 << 18;
    let in_order = (0..count).map(|n| (Ipv4Prefix::from_bits(8 << 24 | n << 8, 24), n));
    let mut table: Table<Ipv4Prefix, u32, Numbers> = in_order.clone().collect();
    let bytes = |table: &Table<_, _, Numbers>| table.memory() * 100 / count as usize;
    assert!(bytes(&table) < 550, "{} bytes for a hundred in order", bytes(&table));
    // Every 5th first, then every 5th again: all blocks grow at the same time and leave their old places behind.
    table.clear();
    (0..5).for_each(|rest| table.extend(in_order.clone().filter(|(_, n)| n % 5 == rest)));
    check(&table);
    assert!(table.iter().eq(in_order.collect::<Vec<_>>().iter().map(|(prefix, n)| (*prefix, n))));
    assert!(bytes(&table) < 700, "{} bytes for a hundred out of order", bytes(&table));
}

#[test]
fn a_full_node_holds_every_prefix_of_its_six_bits() {
    let mut table: Table<Ipv4Prefix, Ipv4Prefix> = Table::new();
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
    let mut table: Table<Ipv4Prefix, u32, Numbers> = Table::default();
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
    let mut table: DualTable<u32, Numbers> = DualTable::new();
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
    let mut table: DualTable<&str> = DualTable::new();
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
    let prefixes: Vec<Prefix> = texts.iter().map(|text| text.parse().unwrap()).collect();
    for start in 0..prefixes.len() {
        for end in start..prefixes.len() {
            let values = |range: &mut dyn Iterator<Item = (Prefix, &usize)>| range.map(|(_, value)| *value).collect::<Vec<_>>();
            let (first, last) = (prefixes[start], prefixes[end]);
            assert_eq!(values(&mut table.range(first..last)), (start..end).collect::<Vec<_>>());
            assert_eq!(values(&mut table.range(first..=last)), (start..=end).collect::<Vec<_>>());
            assert_eq!(values(&mut table.range(..last)), (0..end).collect::<Vec<_>>());
            assert_eq!(values(&mut table.range(first..)), (start..prefixes.len()).collect::<Vec<_>>());
            let behind = (Bound::Excluded(first), Bound::Unbounded);
            assert_eq!(values(&mut table.range(behind)), (start + 1..prefixes.len()).collect::<Vec<_>>());
        }
    }
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
fn check<P: Key, V, S: Store<Value = V>>(table: &Table<P, V, S>) {
    let tree = &table.tree;
    let prefixes = usize::from(tree.default.is_some()) + tree.list.0.len();
    let mut tally = Tally { nodes: Vec::new(), values: Vec::new(), prefixes };
    if let Some(root) = tree.nodes.items.get(ROOT) {
        assert!(tree.list.0.is_empty(), "a list or nodes");
        assert!(tree.length >= LIST_AGAIN);
        tally_below(tree, root, 0, P::Bits::default(), &mut tally);
    } else {
        assert!(tree.list.0.len() <= LIST_MOST && tree.list.0.is_sorted_by(|one, other| one.0 < other.0));
    }
    assert_eq!(tally.prefixes, tree.length, "the length is the number of prefixes");
    check_level(tree, &mut tally);
    check_blocks(&tree.nodes, tally.nodes);
    check_blocks(&tree.values, tally.values);
}

struct Tally {
    nodes: Vec<(u32, usize)>,
    values: Vec<(u32, usize)>,
    prefixes: usize,
}

fn tally_below<P: Key>(tree: &Tree<P>, node: &Node, depth: u8, bits: P::Bits, tally: &mut Tally) {
    assert!(usize::from(depth) < DEPTHS);
    if node.is_leaf() {
        let prefix = node.leaf_prefix::<P>();
        assert!(depth > 0 && prefix.length() > depth * node::STRIDE);
        assert_eq!(P::from_bits(prefix.bits(), depth * node::STRIDE).bits(), bits, "a leaf lies inside its parent");
        tally.prefixes += 1;
        return;
    }
    let (prefixes, children) = (node.prefix_count(), node.child_count());
    if depth > tree.level {
        assert!(prefixes + children > 0, "a node without a purpose");
        let only_child = (prefixes == 0 && children == 1).then(|| &tree.nodes.items[node.child_base as usize]);
        assert!(prefixes + children > 1 || only_child.is_some_and(|child| !child.is_leaf()), "a node that should be a leaf");
    }
    tally.prefixes += prefixes;
    if prefixes != 0 {
        tally.values.push((node.values(), prefixes));
    }
    if children != 0 {
        if depth >= tree.level {
            tally.nodes.push((node.child_base, children));
        }
        let block = tree.nodes.items[node.child_base as usize..][..children].iter();
        for (child, chunk) in block.zip((0..64).filter(|chunk| node.children >> chunk & 1 == 1)) {
            tally_below(tree, child, depth + 1, bits | P::place(chunk, depth), tally);
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

/// The first depths of a tree of nodes are all there down to its level, at the front of the nodes.
fn check_level<P: Key>(tree: &Tree<P>, tally: &mut Tally) {
    if tree.nodes.items.is_empty() {
        return;
    }
    for (from, level) in LEVELS_FROM.into_iter().zip(1..) {
        assert!(tree.length < from || tree.level >= level, "{} entries at level {}", tree.length, tree.level);
        assert!(tree.length >= from / 2 || tree.level < level, "{} entries at level {}", tree.length, tree.level);
    }
    let above: usize = tree.nodes.items[..level_start(tree.level)].iter().map(Node::prefix_count).sum();
    assert_eq!(tree.above as usize, above);
    tally.nodes.extend((0..level_start(tree.level + 1)).map(|index| (index as u32, 1)));
    for index in 0..level_start(tree.level) {
        let node = &tree.nodes.items[index];
        assert_eq!((node.children, node.child_base as usize), (u64::MAX, 1 + 64 * index));
    }
    for index in 0..4096 {
        let bits = P::place(index >> 6, 0) | P::place(index & 63, 1);
        assert_eq!(level_index::<P>(bits, 2), 65 + index);
        assert_eq!((level_index::<P>(bits, 1), level_index::<P>(bits, 0)), (1 + (index >> 6), ROOT));
    }
}

#[test]
fn values_stay_where_they_are() {
    let mut table: Table<Ipv4Prefix, [u64; 9]> = Table::new();
    let prefix = |n: u32| Ipv4Prefix::from_bits(n << 12, 20);
    table.insert(prefix(500), [7; 9]);
    let place = std::ptr::from_ref(table.get(prefix(500)).unwrap());
    (0..1000).filter(|n| *n != 500).for_each(|n| assert_eq!(table.insert(prefix(n), [u64::from(n); 9]), None));
    (0..1000).filter(|n| *n != 500).for_each(|n| assert_eq!(table.remove(prefix(n)), Some([u64::from(n); 9])));
    assert_eq!(std::ptr::from_ref(table.get(prefix(500)).unwrap()), place);
    assert_eq!(table.remove(prefix(500)), Some([7; 9]));
    assert!(table.memory() < 1024);
}

#[test]
fn a_freed_slot_is_used_again_and_the_last_takes_all_along() {
    use super::store::sealed::Places;
    let mut slab = Slab::default();
    let places: Vec<u32> = (0..100).map(|n| slab.put(n)).collect();
    let memory = slab.memory();
    assert_eq!(places, (0..100).collect::<Vec<_>>());
    assert_eq!((slab.take(17), slab.take(90)), (17, 90));
    assert_eq!((slab.put(190), slab.put(117), slab.put(200)), (90, 17, 100));
    assert_eq!((slab.get(&17), slab.get(&90), slab.get(&16)), (&117, &190, &16));
    assert_eq!(slab.memory(), memory);
    assert_eq!((0..101).map(|place| slab.take(place)).sum::<i32>(), (0..100).sum::<i32>() + 100 + 100 + 200);
    assert_eq!(slab.memory(), 0);
}

#[test]
fn a_frozen_table_tells_any_number_from_none() {
    let address = |n: u32| std::net::Ipv4Addr::from_bits(n << 8);
    for numbers in [vec![], vec![u32::MAX], vec![u32::MAX, u32::MAX - 1, 0], vec![u32::MAX - 1, u32::MAX - 3]] {
        let entries = || numbers.iter().copied().zip(1..);
        let table: Table<Ipv4Prefix, u32, Numbers> =
            entries().map(|(number, n)| (Ipv4Prefix::from_bits(n << 8, 24), number)).collect();
        let frozen = table.freeze();
        entries().for_each(|(number, n)| assert_eq!(frozen.longest_match(address(n)), Some(&number)));
        assert_eq!(frozen.longest_match(address(0)), None);
    }
}

/// The wide direct table comes with half a million entries.
#[test]
fn a_large_frozen_table_agrees() {
    let prefixes = (0..530_000_u32).map(|n| (Ipv4Prefix::from_bits(n.wrapping_mul(0x9E37_79B1), 8 + (n % 25) as u8), n));
    let table: Table<Ipv4Prefix, u32, Numbers> = prefixes.collect();
    let frozen = table.freeze();
    let mut state = 3;
    for _ in 0..10_000 {
        let addresses: [std::net::Ipv4Addr; 4] = std::array::from_fn(|_| std::net::Ipv4Addr::from_bits(next(&mut state) as u32));
        let expected = addresses.map(|address| table.longest_match(address).map(|(_, value)| value));
        assert_eq!(frozen.longest_matches(&addresses), expected);
        assert_eq!(addresses.map(|address| frozen.longest_match(address)), expected);
    }
}

#[test]
fn a_table_that_has_grown_keeps_little_idle() {
    // Bits all over the place, so that nearly every prefix is a leaf and blocks move often.
    let prefix = |n: u32| Ipv4Prefix::from_bits(n.wrapping_mul(0x9e37_79b1), 24);
    for size in [200_u32, 400, 1_000, 2_000, 5_000] {
        let mut table: Table<Ipv4Prefix, u32, Numbers> = Table::new();
        for n in 0..size {
            table.insert(prefix(n), n);
        }
        let nodes = &table.tree.nodes;
        assert!(nodes.idle() * 3 <= nodes.items.len(), "{size}: {} of {} nodes are idle", nodes.idle(), nodes.items.len());
    }
}

/// Half of what is there can be room for growth, and no more.
#[test]
fn memory_counts_all_that_is_there() {
    let prefix = |n: u32| Ipv4Prefix::from_bits(n.wrapping_mul(0x9e37_79b1), 24);
    let numbers: Table<Ipv4Prefix, u32, Numbers> = (0..1_000).map(|n| (prefix(n), n)).collect();
    let values: Table<Ipv4Prefix, [u64; 32]> = (0..1_000).map(|n| (prefix(n), [u64::from(n); 32])).collect();
    let (way, all) = (numbers.memory(), values.memory());
    assert!((4_000..60_000).contains(&way), "{way} bytes for 1,000 numbers");
    assert!((way + 256_000 - 4_000..way + 520_000).contains(&all), "{all} bytes for 1,000 values of 256 bytes beside {way}");

    let (frozen, heavy) = (numbers.freeze().memory(), values.freeze().memory());
    assert!((4_000..400_000).contains(&frozen), "{frozen} bytes for 1,000 numbers that cannot be changed");
    assert!((frozen + 250_000..frozen + 520_000).contains(&heavy), "{heavy} bytes for 1,000 values beside {frozen}");

    let mut both: DualTable<u32, Numbers> = DualTable::default();
    both.extend((0..1_000).map(|n| (Prefix::V4(prefix(n)), n)));
    let first = both.memory();
    both.extend((0..1_000_u32).map(|n| (Prefix::V6(Ipv6Prefix::from_bits(u128::from(n) << 80, 48)), n)));
    assert!((first + 4_000..first + 100_000).contains(&both.memory()), "{} bytes of two families, {first} of one", both.memory());
}
