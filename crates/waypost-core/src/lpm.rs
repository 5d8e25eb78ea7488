//! Longest-prefix-match tables: which of many prefixes contain an address, and which one most closely.
//!
//! [`Table`] holds the prefixes of one family, [`DualTable`] those of both. They are the index of the mirror and of the lookup:
//! one entry for each prefix, with a value that is small and copied, such as the number of a row.
//!
//! ```
//! use waypost_core::lpm::Table;
//! use waypost_core::Ipv4Prefix;
//!
//! let mut table: Table<Ipv4Prefix, u32> = Table::new();
//! table.insert("0.0.0.0/0".parse()?, 1);
//! table.insert("10.0.0.0/8".parse()?, 2);
//! table.insert("10.1.0.0/16".parse()?, 3);
//!
//! let (prefix, row) = table.longest_match("10.1.2.3".parse().unwrap()).unwrap();
//! assert_eq!((prefix.to_string(), *row), ("10.1.0.0/16".to_owned(), 3));
//!
//! let lengths: Vec<u8> = table.matches("10.2.0.0".parse().unwrap()).map(|(prefix, _)| prefix.length()).collect();
//! assert_eq!(lengths, [0, 8]);
//! # Ok::<(), waypost_core::PrefixError>(())
//! ```
//!
//! # Cost
//!
//! *w* is the length of the prefix or address: up to 32 or 128 bits. *k* is how many entries are given out.
//!
//! | operation | time | memory reads that wait for each other |
//! |---|---|---|
//! | [`get`](Table::get), [`get_mut`](Table::get_mut) | O(w / 6) | one for each 6 bits, and the value |
//! | [`longest_match`](Table::longest_match) | O(w / 6) | the same |
//! | [`insert`](Table::insert), [`remove`](Table::remove) | O(w / 6) and up to 126 values or 64 nodes moved, amortised | the same |
//! | [`matches`](Table::matches), [`covering`](Table::covering) | O(w / 6 + k) | |
//! | [`children`](Table::children), [`iter`](Table::iter) | O(w / 6 + k), and the nodes on the way | |
//! | [`clone`](Table::clone), [`clear`](Table::clear) | O(n), a plain copy of memory | |
//!
//! # How it works
//!
//! A tree bitmap: each node takes six bits of the address and is 32 bytes of bitmaps and two indices. The nodes below it lie in one block, and
//! so do the values of the prefixes that end in it, packed: their rank in the bitmap is their place in the block. So a prefix costs its value
//! and a share of a node. From some thousands of entries on, a table of 16 KiB leads from the first twelve bits straight to the third node;
//! it knows of nodes only, so a default route or a /8 that comes and goes never touches it.
//!
//! Freed blocks are used again. When an eighth of the memory lies idle, the table packs itself anew, which takes time in proportion to its size; that
//! is paid for by the operations before it. Apart from that, memory grows by a sixteenth once it is large, so growing needs no second copy of the whole.
//!
//! Values are `Copy`: they move when their neighbours come and go, and blocks that are not in use are filled with copies, which keeps all of this free of
//! `unsafe`. Whoever has large values keeps them in a slab and their index here, as the mirror does.

mod arena;
mod dual;
mod iter;
mod key;
mod node;
mod shape;
#[cfg(test)]
mod tests;

pub use dual::DualTable;
pub use iter::{Iter, Matches};
pub use key::Key;

use arena::Arena;
use node::{ANCESTORS, Node, STRIDE};
use std::fmt;
use std::marker::PhantomData;
use std::mem;

/// The index of the root among the nodes, if there are any.
const ROOT: usize = 0;

/// How many nodes there are at most on the way to a prefix: 128 bits in steps of six.
const DEPTHS: usize = 128usize.div_ceil(STRIDE as usize);

/// The depth of the nodes that the jump table leads to.
const JUMP_DEPTH: u8 = 2;

/// The nodes at [`JUMP_DEPTH`] by the first twelve bits of the address; [`ROOT`], which is never there, where there is none.
type Jump = [u32; 1 << (STRIDE * JUMP_DEPTH)];

/// A longest-prefix-match table of one family; see the [module](self) for what it costs.
///
/// `P` is [`Ipv4Prefix`](crate::Ipv4Prefix) or [`Ipv6Prefix`](crate::Ipv6Prefix).
#[derive(Clone)]
pub struct Table<P, V> {
    nodes: Arena<Node>,
    values: Arena<V>,
    /// The value of the prefix of length 0, which no node has a bit for.
    default: Option<V>,
    length: usize,
    jump: Option<Box<Jump>>,
    keys: PhantomData<P>,
}

impl<P: Key, V: Copy> Table<P, V> {
    /// An empty table, without memory of its own.
    #[must_use]
    pub const fn new() -> Self {
        Self { nodes: Arena::new(), values: Arena::new(), default: None, length: 0, jump: None, keys: PhantomData }
    }

    /// How many entries there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Says whether there is no entry.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Bytes on the heap, those kept for growth included.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.nodes.memory() + self.values.memory() + self.jump.as_ref().map_or(0, |jump| size_of_val(&**jump))
    }

    /// The value of exactly this prefix.
    #[must_use]
    pub fn get(&self, prefix: P) -> Option<&V> {
        let Some(place) = Place::of(prefix) else {
            return self.default.as_ref();
        };
        let node = self.node_at(prefix.bits(), place.depth)?;
        let value = self.nodes.items[node].value(place.position())?;
        Some(&self.values.items[value])
    }

    /// The value of exactly this prefix, to be changed in place.
    #[must_use]
    pub fn get_mut(&mut self, prefix: P) -> Option<&mut V> {
        let Some(place) = Place::of(prefix) else {
            return self.default.as_mut();
        };
        let node = self.node_at(prefix.bits(), place.depth)?;
        let value = self.nodes.items[node].value(place.position())?;
        Some(&mut self.values.items[value])
    }

    /// The longest prefix that contains `address`, and its value.
    #[must_use]
    pub fn longest_match(&self, address: P::Address) -> Option<(P, &V)> {
        let bits = P::of(address).bits();
        let hit = match &self.jump {
            None => self.deepest(bits, ROOT, 0, u8::MAX),
            Some(jump) => match jump[jump_index::<P>(bits)] as usize {
                ROOT => None,
                node => self.deepest(bits, node, JUMP_DEPTH, u8::MAX),
            }
            .or_else(|| self.deepest(bits, ROOT, 0, JUMP_DEPTH)),
        };
        let Some((node, hits, depth)) = hit else {
            return self.default.as_ref().map(|value| (P::from_bits(bits, 0), value));
        };
        let position = hits.ilog2();
        let (_, length) = node::place(position);
        let value = node.value_base as usize + node.value_rank(position);
        Some((P::from_bits(bits, depth * STRIDE + length), &self.values.items[value]))
    }

    /// The entries that contain `address`, from the shortest prefix to the longest.
    pub fn matches(&self, address: P::Address) -> Matches<'_, P, V> {
        Matches::new(self, P::of(address))
    }

    /// The entries that contain all of `prefix`, from the shortest to `prefix` itself where it is there.
    pub fn covering(&self, prefix: P) -> Matches<'_, P, V> {
        Matches::new(self, prefix)
    }

    /// The entries that lie inside `prefix`, itself included where it is there, in order.
    pub fn children(&self, prefix: P) -> Iter<'_, P, V> {
        Iter::inside(self, prefix)
    }

    /// All entries, in the order of the prefixes: by network address, and a shorter prefix before the longer ones inside it.
    pub fn iter(&self) -> Iter<'_, P, V> {
        Iter::all(self)
    }

    /// Sets the value of `prefix`, and gives back the one that was there.
    ///
    /// # Panics
    ///
    /// When nodes or values come near 2^32, beyond 16 GiB.
    pub fn insert(&mut self, prefix: P, value: V) -> Option<V> {
        let Some(place) = Place::of(prefix) else {
            let old = self.default.replace(value);
            self.length += usize::from(old.is_none());
            return old;
        };
        let index = self.make_node_at(prefix.bits(), place.depth);
        let node = &mut self.nodes.items[index];
        let position = place.position();
        if let Some(value_index) = node.value(position) {
            return Some(mem::replace(&mut self.values.items[value_index], value));
        }
        let count = node.prefixes.count_ones() as usize;
        node.value_base = self.values.insert(node.value_base, count, node.value_rank(position), value);
        node.prefixes |= 1 << position;
        self.length += 1;
        self.adapt();
        None
    }

    /// Takes `prefix` out, and gives back its value.
    pub fn remove(&mut self, prefix: P) -> Option<V> {
        let Some(place) = Place::of(prefix) else {
            let old = self.default.take();
            self.length -= usize::from(old.is_some());
            return old;
        };
        let bits = prefix.bits();
        let mut path = [ROOT; DEPTHS];
        for depth in 0..place.depth {
            let node = &self.nodes.items.get(path[usize::from(depth)])?;
            path[usize::from(depth) + 1] = node.child(P::chunk(bits, depth))?;
        }
        let node = self.nodes.items.get_mut(path[usize::from(place.depth)])?;
        let position = place.position();
        node.value(position)?;
        let count = node.prefixes.count_ones() as usize;
        let (base, old) = self.values.remove(node.value_base, count, node.value_rank(position));
        node.value_base = base;
        node.prefixes &= !(1 << position);
        self.length -= 1;
        for depth in (0..place.depth).rev() {
            if !self.nodes.items[path[usize::from(depth) + 1]].is_empty() {
                break;
            }
            self.remove_child(path[usize::from(depth)], bits, depth);
        }
        self.adapt();
        Some(old)
    }

    /// Takes all entries out and gives the memory back.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// The deepest node from `index` at `depth` on, and above `end`, that has a prefix of this address: the node, all such prefixes in it, its depth.
    fn deepest(&self, bits: P::Bits, mut index: usize, mut depth: u8, end: u8) -> Option<(&Node, u128, u8)> {
        let mut deepest = None;
        while let Some(node) = self.nodes.items.get(index) {
            let chunk = P::chunk(bits, depth);
            let hits = node.prefixes & ANCESTORS[chunk];
            if hits != 0 {
                deepest = Some((node, hits, depth));
            }
            let Some(child) = node.child(chunk) else { break };
            index = child;
            depth += 1;
            if depth == end {
                break;
            }
        }
        deepest
    }

    /// Where the walk to a node at `depth` starts: as far down as the jump table leads.
    fn start(&self, bits: P::Bits, depth: u8) -> (usize, u8) {
        match &self.jump {
            Some(jump) if depth >= JUMP_DEPTH => match jump[jump_index::<P>(bits)] as usize {
                ROOT => (ROOT, 0),
                node => (node, JUMP_DEPTH),
            },
            _ => (ROOT, 0),
        }
    }

    /// The node at `depth` on the way to this address.
    fn node_at(&self, bits: P::Bits, depth: u8) -> Option<usize> {
        let (mut index, start) = self.start(bits, depth);
        for depth in start..depth {
            index = self.nodes.items.get(index)?.child(P::chunk(bits, depth))?;
        }
        (index < self.nodes.items.len()).then_some(index)
    }

    /// The node at `depth` on the way to this address; it and what is missing above it is made.
    fn make_node_at(&mut self, bits: P::Bits, depth: u8) -> usize {
        if self.nodes.items.is_empty() {
            self.nodes.allocate(1, Node::default());
        }
        let (mut index, start) = self.start(bits, depth);
        for depth in start..depth {
            index = match self.nodes.items[index].child(P::chunk(bits, depth)) {
                Some(child) => child,
                None => self.insert_child(index, bits, depth),
            };
        }
        index
    }

    fn insert_child(&mut self, parent: usize, bits: P::Bits, depth: u8) -> usize {
        let chunk = P::chunk(bits, depth);
        let Node { children, child_base, .. } = self.nodes.items[parent];
        let rank = self.nodes.items[parent].child_rank(chunk);
        let base = self.nodes.insert(child_base, children.count_ones() as usize, rank, Node::default());
        let node = &mut self.nodes.items[parent];
        node.child_base = base;
        node.children |= 1 << chunk;
        if depth + 1 == JUMP_DEPTH {
            self.redirect(parent, P::chunk(bits, 0));
        }
        base as usize + rank
    }

    fn remove_child(&mut self, parent: usize, bits: P::Bits, depth: u8) {
        let chunk = P::chunk(bits, depth);
        let Node { children, child_base, .. } = self.nodes.items[parent];
        let rank = self.nodes.items[parent].child_rank(chunk);
        let (base, _) = self.nodes.remove(child_base, children.count_ones() as usize, rank);
        let node = &mut self.nodes.items[parent];
        node.child_base = base;
        node.children &= !(1 << chunk);
        if depth + 1 == JUMP_DEPTH {
            self.redirect(parent, P::chunk(bits, 0));
        }
    }
}

/// Where a prefix of at least one bit stands: in the node at `depth`, as the first `length` bits (1 to 6) of `chunk`.
#[derive(Clone, Copy)]
struct Place {
    depth: u8,
    chunk: usize,
    length: u8,
}

impl Place {
    fn of<P: Key>(prefix: P) -> Option<Self> {
        let depth = prefix.length().checked_sub(1)? / STRIDE;
        Some(Self { depth, chunk: P::chunk(prefix.bits(), depth), length: prefix.length() - depth * STRIDE })
    }

    const fn position(self) -> u32 {
        node::position(self.chunk, self.length)
    }
}

fn jump_index<P: Key>(bits: P::Bits) -> usize {
    P::chunk(bits, 0) << STRIDE | P::chunk(bits, 1)
}

impl<P: Key, V: Copy> Default for Table<P, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Key, V: Copy + fmt::Debug> fmt::Debug for Table<P, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

/// Two tables are equal when they have the same entries, whatever order these came in.
impl<P: Key, V: Copy + PartialEq> PartialEq for Table<P, V> {
    fn eq(&self, other: &Self) -> bool {
        self.length == other.length && self.iter().eq(other)
    }
}

impl<P: Key, V: Copy + Eq> Eq for Table<P, V> {}

impl<P: Key, V: Copy> Extend<(P, V)> for Table<P, V> {
    fn extend<I: IntoIterator<Item = (P, V)>>(&mut self, entries: I) {
        for (prefix, value) in entries {
            self.insert(prefix, value);
        }
    }
}

impl<P: Key, V: Copy> FromIterator<(P, V)> for Table<P, V> {
    fn from_iter<I: IntoIterator<Item = (P, V)>>(entries: I) -> Self {
        let mut table = Self::new();
        table.extend(entries);
        table
    }
}

impl<'a, P: Key, V: Copy> IntoIterator for &'a Table<P, V> {
    type Item = (P, &'a V);
    type IntoIter = Iter<'a, P, V>;

    fn into_iter(self) -> Iter<'a, P, V> {
        self.iter()
    }
}
