//! Longest-prefix-match tables: which of many prefixes contain an address, and which one most closely.
//!
//! [`Table`] holds the prefixes of one family, [`DualTable`] those of both: one entry for each prefix, with a value of any kind.
//! Ten routes or a million, the table takes the form that fits.
//!
//! ```
//! use waypost_core::lpm::Table;
//! use waypost_core::Ipv4Prefix;
//!
//! let mut table: Table<Ipv4Prefix, &str> = Table::new();
//! table.insert("0.0.0.0/0".parse()?, "default");
//! table.insert("10.0.0.0/8".parse()?, "office");
//! table.insert("10.1.0.0/16".parse()?, "lab");
//!
//! let (prefix, name) = table.longest_match("10.1.2.3".parse().unwrap()).unwrap();
//! assert_eq!((prefix.to_string(), *name), ("10.1.0.0/16".to_owned(), "lab"));
//!
//! let lengths: Vec<u8> = table.matches("10.2.0.0".parse().unwrap()).map(|(prefix, _)| prefix.length()).collect();
//! assert_eq!(lengths, [0, 8]);
//! # Ok::<(), waypost_core::PrefixError>(())
//! ```
//!
//! # Values
//!
//! A value stays where it is for as long as it is in the table, whatever comes and goes beside it: it lies in a [`Slab`], and the tree keeps its
//! place. Where the values are themselves numbers of 32 bits, such as the rows of the mirror, `Table<P, u32, Numbers>` keeps them in the
//! tree: see [`Numbers`].
//!
//! # Cost
//!
//! *n* is the number of entries, *w* the length of the prefix or address, up to 32 or 128 bits, and *k* how many entries are given out or taken out.
//!
//! | operation | time |
//! |---|---|
//! | [`get`](Table::get), [`get_mut`](Table::get_mut), [`longest_match`](Table::longest_match) | O(w / 6): one read from memory for each six bits that still tell prefixes apart, and the value |
//! | [`insert`](Table::insert), [`remove`](Table::remove) | O(w / 6), and up to 126 numbers or 64 nodes moved; amortised, as at times the memory is packed anew |
//! | [`matches`](Table::matches), [`covering`](Table::covering) | O(w / 6 + k) |
//! | [`iter`](Table::iter), [`children`](Table::children), [`range`](Table::range) | O(w / 6 + k) |
//! | [`remove_children`](Table::remove_children) | O(k w / 6) |
//! | [`retain`](Table::retain) | O(n + k w / 6) |
//! | `collect`, and `extend` of an empty table | O(n) if what comes is in order, else O(n log n) |
//! | [`clone`](Table::clone), [`clear`](Table::clear) | O(n), a plain copy of memory |
//! | [`freeze`](Table::freeze) | O(n) |
//!
//! # Readers on other threads
//!
//! A table that changes no more, or seldom, is best [frozen](Table::freeze) and shared in an `Arc`. A [`Writer`] changes a table that others
//! [read](Reader) meanwhile: they never wait and see all of what was published at once, or nothing of it.
//!
//! # How it works
//!
//! A tree bitmap: each node takes six bits of the address and is 32 bytes. It has a bit for each of the 126 prefixes of one to six bits that can end in it
//! and a bit for each of the 64 ways on. The nodes below it lie in one block, and so do the values of the prefixes that end in it, packed:
//!
//! ```text
//!             node                                     10.0.0.0/8 in the node at depth 1, which takes bits 7 to 12:
//!   ┌──────────────────────────┐                        its relative length is 2, its six bits are 10....
//!   │ prefixes, low half  .1.1 │──rank──┐                 low half    high half
//!   │ prefixes, high half 1.1. │──rank──│──────────┐    ┌──────┬──────┬──────┬──────┐
//!   │ value_base  ─────────────┼────────┴──────────┴──▶ │  …   │  …   │ 10/8 │  …   │  values: the base is between the halves
//!   │ children    ....1.....1. │──rank──┐               └──────┴──────┴──────┴──────┘
//!   │ child_base  ─────────────┼────────┴─────────────▶ ┌──────┬──────┐
//!   └──────────────────────────┘                        │ node │ leaf │  nodes: in the order of their six bits
//!                                                       └──────┴──────┘
//! ```
//!
//! The *rank* of a bit, the number of ones before it, is the place of its child or value in the block; for values it is counted from the base, which is between those
//! of the two halves of the prefixes, so that one half is enough to count in. A way on that leads to one single prefix ends in a
//! *leaf*, which holds all of that prefix and its value. So a prefix costs four bytes and a share of a node where prefixes are dense, and 32
//! bytes where it is alone. The default route stands beside all this: that it comes and goes costs nothing.
//!
//! How the form is chosen: up to 16 entries are a sorted list, which is searched from end to end. More are nodes. From 512 entries on, the root and the 64 nodes
//! below it are all there, whether they are needed or not (2 KiB), so that the first six bits of an address tell where the walk starts; from
//! 32,768 on, the 4,096 nodes below those too (130 KiB), and the first twelve bits do. Shorter prefixes still stand in the nodes above and are asked
//! last, so that a /8 that comes and goes touches one node as any other does. A form is left at half the size at which it is entered.
//!
//! Freed blocks are used again. When an eighth of the memory lies idle and much has come and gone, the table packs itself anew, which takes time in proportion to its
//! size. Apart from that, memory grows by a sixteenth once it is large, so growing needs no second copy of the whole.

mod arena;
mod dual;
mod entries;
mod frozen;
mod iter;
mod key;
mod list;
mod node;
mod shape;
mod shared;
mod store;
#[cfg(test)]
mod tests;
mod tree;

pub use dual::DualTable;
pub use entries::{Iter, Matches, Range};
pub use frozen::Frozen;
pub use key::Key;
pub use shared::{Reader, Snapshot, Writer};
pub use store::{Numbers, Slab, Store};

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Bound, RangeBounds};

use iter::Covers;
use tree::Tree;

/// A longest-prefix-match table of one family; see the [module](self) for what it costs.
///
/// `P` is [`Ipv4Prefix`](crate::Ipv4Prefix) or [`Ipv6Prefix`](crate::Ipv6Prefix), and `S` says where the values are.
#[derive(Clone)]
pub struct Table<P, V, S = Slab<V>> {
    tree: Tree<P>,
    store: S,
    values: PhantomData<V>,
}

impl<P: Key, V, S: Store<Value = V>> Table<P, V, S> {
    /// An empty table, without memory of its own.
    #[must_use]
    pub fn new() -> Self {
        Self { tree: Tree::new(), store: S::default(), values: PhantomData }
    }

    /// How many entries there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.tree.length
    }

    /// Says whether there is no entry.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.tree.length == 0
    }

    /// Bytes on the heap, those kept for growth included; what single values have on the heap is not.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.tree.memory() + self.store.memory()
    }

    /// The value of exactly this prefix.
    #[must_use]
    #[inline]
    pub fn get(&self, prefix: P) -> Option<&V> {
        self.tree.get(prefix).map(|place| self.store.get(place))
    }

    /// The value of exactly this prefix, to be changed in place.
    #[must_use]
    #[inline]
    pub fn get_mut(&mut self, prefix: P) -> Option<&mut V> {
        self.tree.get_mut(prefix).map(|place| self.store.get_mut(place))
    }

    /// The longest prefix that contains `address`, and its value.
    #[must_use]
    #[inline(always)]
    pub fn longest_match(&self, address: P::Address) -> Option<(P, &V)> {
        let bits = P::of(address).bits();
        let (length, place) = self.tree.longest_match(bits)?;
        Some((P::from_bits(bits, length), self.store.get(place)))
    }

    /// The entries that contain `address`, from the shortest prefix to the longest.
    pub fn matches(&self, address: P::Address) -> Matches<'_, P, S> {
        self.covering(P::of(address))
    }

    /// The entries that contain all of `prefix`, from the shortest to `prefix` itself where it is there.
    pub fn covering(&self, prefix: P) -> Matches<'_, P, S> {
        Matches { covers: Covers::new(&self.tree, prefix), store: &self.store }
    }

    /// The entries that lie inside `prefix`, itself included where it is there, in order.
    pub fn children(&self, prefix: P) -> Iter<'_, P, S> {
        Iter { entries: self.tree.inside(prefix), store: &self.store }
    }

    /// All entries, in the order of the prefixes: by network address, and a shorter prefix before the longer ones inside it.
    pub fn iter(&self) -> Iter<'_, P, S> {
        Iter { entries: self.tree.iter(), store: &self.store }
    }

    /// The entries from one prefix to another, in order; none where the end comes before the start.
    ///
    /// ```
    /// use waypost_core::lpm::Table;
    /// use waypost_core::Ipv4Prefix;
    ///
    /// let prefixes = ["10.0.0.0/8", "10.0.0.0/9", "10.1.0.0/16", "11.0.0.0/8"].map(|text| text.parse::<Ipv4Prefix>().unwrap());
    /// let table: Table<Ipv4Prefix, ()> = prefixes.iter().map(|prefix| (*prefix, ())).collect();
    /// assert!(table.range(prefixes[1]..prefixes[3]).map(|(prefix, ())| prefix).eq([prefixes[1], prefixes[2]]));
    /// ```
    pub fn range(&self, range: impl RangeBounds<P>) -> Range<'_, P, S> {
        let (entries, before) = match range.start_bound() {
            Bound::Included(start) => (self.tree.since(*start), None),
            Bound::Excluded(start) => (self.tree.since(*start), Some(*start)),
            Bound::Unbounded => (self.tree.iter(), None),
        };
        Range { entries, store: &self.store, before, end: range.end_bound().cloned() }
    }

    /// Sets the value of `prefix`, and gives back the one that was there.
    ///
    /// # Panics
    ///
    /// When nodes or values come near 2^31, beyond 8 GiB.
    #[inline]
    pub fn insert(&mut self, prefix: P, value: V) -> Option<V> {
        let place = self.store.put(value);
        self.tree.insert(prefix, place).map(|old| self.store.take(old))
    }

    /// Takes `prefix` out, and gives back its value.
    #[inline]
    pub fn remove(&mut self, prefix: P) -> Option<V> {
        self.tree.remove(prefix).map(|place| self.store.take(place))
    }

    /// Takes out all entries that lie inside `prefix`, itself included, and says how many there were.
    pub fn remove_children(&mut self, prefix: P) -> usize {
        if prefix.length() == 0 {
            let count = self.len();
            self.clear();
            return count;
        }
        let inside: Vec<P> = self.tree.inside(prefix).map(|(inside, _)| inside).collect();
        self.remove_all(&inside);
        inside.len()
    }

    /// Keeps only the entries for which `keep` says so. It is asked in the order of the prefixes.
    pub fn retain(&mut self, mut keep: impl FnMut(P, &mut V) -> bool) {
        let mut entries: Vec<(P, u32)> = self.tree.iter().map(|(prefix, place)| (prefix, *place)).collect();
        entries.retain_mut(|(prefix, place)| {
            let before = *place;
            let is_kept = keep(*prefix, self.store.get_mut(place));
            if *place != before {
                // A number is its own place, and `keep` has changed it.
                self.tree.get_mut(*prefix).map(|held| std::mem::replace(held, *place));
            }
            !is_kept
        });
        let doomed: Vec<P> = entries.into_iter().map(|(prefix, _)| prefix).collect();
        self.remove_all(&doomed);
    }

    fn remove_all(&mut self, prefixes: &[P]) {
        for prefix in prefixes {
            self.remove(*prefix);
        }
    }

    /// Takes all entries out and gives the memory back.
    pub fn clear(&mut self) {
        self.tree = Tree::new();
        self.store.clear();
    }
}

impl<P: Key, V, S: Store<Value = V>> Default for Table<P, V, S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Key, V: fmt::Debug, S: Store<Value = V>> fmt::Debug for Table<P, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

/// Two tables are equal when they have the same entries, whatever order these came in.
impl<P: Key, V: PartialEq, S: Store<Value = V>> PartialEq for Table<P, V, S> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other)
    }
}

impl<P: Key, V: Eq, S: Store<Value = V>> Eq for Table<P, V, S> {}

impl<P: Key, V, S: Store<Value = V>> Extend<(P, V)> for Table<P, V, S> {
    /// Inserts one after the other; into an empty table, all at once. Of entries of one prefix the last one stays.
    fn extend<I: IntoIterator<Item = (P, V)>>(&mut self, entries: I) {
        if !self.is_empty() {
            entries.into_iter().for_each(|(prefix, value)| {
                self.insert(prefix, value);
            });
            return;
        }
        let mut entries: Vec<(P, u32)> = entries.into_iter().map(|(prefix, value)| (prefix, self.store.put(value))).collect();
        if !entries.is_sorted_by(|(one, _), (other, _)| one < other) {
            entries.sort_by_key(|(prefix, _)| *prefix);
            entries.dedup_by(|later, kept| {
                let is_same = later.0 == kept.0;
                if is_same {
                    self.store.take(std::mem::replace(&mut kept.1, later.1));
                }
                is_same
            });
        }
        self.tree = Tree::build(&entries);
    }
}

impl<P: Key, V, S: Store<Value = V>> FromIterator<(P, V)> for Table<P, V, S> {
    fn from_iter<I: IntoIterator<Item = (P, V)>>(entries: I) -> Self {
        let mut table = Self::new();
        table.extend(entries);
        table
    }
}

impl<'a, P: Key, V: 'a, S: Store<Value = V>> IntoIterator for &'a Table<P, V, S> {
    type Item = (P, &'a V);
    type IntoIter = Iter<'a, P, S>;

    fn into_iter(self) -> Iter<'a, P, S> {
        self.iter()
    }
}
