//! A table that is looked up and never changed.
//!
//! A leaf-pushed Poptrie: every six bits of an address lead either to a node below or to the answer itself, so nothing is kept
//! on the way and nothing is looked for twice. A direct table takes the first bits at once. Equal answers that stand
//! beside each other are kept once, and their place is counted from a bitmap of where each run begins.

use std::fmt;
use std::marker::PhantomData;

use super::key::Key;
use super::key::sealed::first;
use super::node::{self, Node, STRIDE};
use super::store::{Slab, Store};
use super::tree::{Place, ROOT, Tree};
use super::{Table, shape};

/// Marks the number of a node; without it, the number is that of an answer.
const NODE: u32 = 1 << 31;

/// From how many entries on the direct table takes 18 bits, which is 1 MiB.
const WIDE_FROM: usize = 1 << 19;

/// An immutable longest-prefix-match table, made by [`Table::freeze`]; share it in an `Arc`.
///
/// It finds values only. Which prefix had the value is no longer known: who needs it keeps it in the value.
#[derive(Clone)]
pub struct Frozen<P, V, S = Slab<V>> {
    direct: Vec<u32>,
    /// How many steps of six bits the direct table takes.
    depth: u8,
    nodes: Vec<Fork>,
    /// Places of values; [`none`](Self::none) where no prefix matches.
    answers: Vec<u32>,
    /// A place that no value has.
    none: u32,
    store: S,
    keys: PhantomData<(P, V)>,
}

/// Six bits of the address.
#[derive(Clone, Copy, Default)]
struct Fork {
    /// Of the chunks that lead to an answer, those where another answer begins than that of the chunk before; and those that lead to a node.
    ways: [u64; 2],
    /// What comes before the first answer and before the first node, whose number is marked.
    bases: [u32; 2],
}

impl Fork {
    /// Where this chunk leads. Answer or node cannot be guessed: so it is an index, and no branch.
    #[inline]
    const fn step(&self, chunk: usize) -> u32 {
        // All bits up to that of the chunk, itself included.
        let upto = u64::MAX >> (63 - (chunk & 63));
        let kind = (self.ways[1] >> (chunk & 63) & 1) as usize;
        self.bases[kind].wrapping_add((self.ways[kind] & upto).count_ones())
    }
}

impl<P: Key, V, S: Store<Value = V>> Frozen<P, V, S> {
    /// The value of the longest prefix that contains `address`.
    #[must_use]
    #[inline]
    pub fn longest_match(&self, address: P::Address) -> Option<&V> {
        let bits = P::of(address).bits();
        let mut number = self.direct[P::top(bits, self.depth)];
        let (mut window, mut depth) = (P::window(bits, self.depth), self.depth);
        while number & NODE != 0 {
            number = self.nodes[(number ^ NODE) as usize].step(first(window));
            depth += 1;
            window = P::next_window(window, bits, depth);
        }
        self.value(number)
    }

    /// The values for many addresses, each as [`longest_match`](Self::longest_match) would find it.
    ///
    /// All of them go down together, one step at a time, so that the processor waits for many reads from memory at once.
    #[must_use]
    pub fn longest_matches<const N: usize>(&self, addresses: &[P::Address; N]) -> [Option<&V>; N] {
        let bits: [P::Bits; N] = addresses.map(|address| P::of(address).bits());
        let mut numbers: [u32; N] = bits.map(|bits| self.direct[P::top(bits, self.depth)]);
        let mut depth = self.depth;
        while numbers.iter().fold(0, |any, number| any | number) & NODE != 0 {
            for (number, bits) in numbers.iter_mut().zip(&bits) {
                // Who is there already goes through the first node, and stays: that costs less than to guess who it is.
                let is_under_way = *number & NODE != 0;
                let node = if is_under_way { *number ^ NODE } else { 0 };
                let next = self.nodes[node as usize].step(P::chunk(*bits, depth));
                *number = if is_under_way { next } else { *number };
            }
            depth += 1;
        }
        numbers.map(|number| self.value(number))
    }

    /// Bytes on the heap; what single values have on the heap is not.
    #[must_use]
    pub fn memory(&self) -> usize {
        (self.direct.capacity() + self.answers.capacity()) * size_of::<u32>()
            + self.nodes.capacity() * size_of::<Fork>()
            + self.store.memory()
    }

    #[inline]
    fn value(&self, number: u32) -> Option<&V> {
        let place = &self.answers[number as usize];
        (*place != self.none).then(|| self.store.get(place))
    }
}

impl<P: Key, V, S: Store<Value = V> + Clone> Table<P, V, S> {
    /// An immutable copy that is made for lookups: about half as much time each, and in batches less.
    ///
    /// Making it takes time in proportion to the size, some 20 ms for a million entries.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use waypost_core::{Ipv4Prefix, lpm::Table};
    ///
    /// let mut table: Table<Ipv4Prefix, &str> = Table::new();
    /// table.insert("10.0.0.0/8".parse()?, "office");
    /// let frozen = Arc::new(table.freeze());
    /// table.clear();
    /// assert_eq!(frozen.longest_match("10.1.2.3".parse().unwrap()), Some(&"office"));
    /// assert_eq!(frozen.longest_matches(&["10.0.0.1", "11.0.0.1"].map(|a| a.parse().unwrap())), [Some(&"office"), None]);
    /// # Ok::<(), waypost_core::PrefixError>(())
    /// ```
    #[must_use]
    pub fn freeze(&self) -> Frozen<P, V, S> {
        let depth = if self.len() >= WIDE_FROM { 3 } else { shape::level_for(self.len()) };
        let few;
        let tree = if self.tree.nodes.items.is_empty() {
            few = self.tree.as_nodes();
            &few
        } else {
            &self.tree
        };
        let none = unused(tree);
        let mut builder = Builder {
            tree,
            direct: vec![0; 1 << (STRIDE * depth)],
            depth,
            nodes: Vec::with_capacity(tree.nodes.items.len()),
            answers: Vec::with_capacity(tree.length + tree.length / 4),
        };
        builder.fill(Item { node: Some(ROOT as u32), answer: tree.default.unwrap_or(none) }, 0, 0);
        let Builder { direct, mut nodes, mut answers, .. } = builder;
        nodes.shrink_to_fit();
        answers.shrink_to_fit();
        Frozen { direct, depth, nodes, answers, none, store: self.store.clone(), keys: PhantomData }
    }
}

/// A number that is no place of this tree.
fn unused<P: Key>(tree: &Tree<P>) -> u32 {
    // The one above the highest will do, and free blocks may count as well: to go through memory as it lies takes a fraction of the time
    // that going through the entries takes.
    let leaves = tree.nodes.items.iter().filter(|node| node.is_leaf()).map(Node::leaf_value);
    let highest = tree.values.items.iter().chain(leaves).chain(&tree.default).max();
    highest.map_or(Some(0), |highest| highest.checked_add(1)).unwrap_or_else(|| gap(tree))
}

/// The highest number that is no place of this tree.
fn gap<P: Key>(tree: &Tree<P>) -> u32 {
    // Among one candidate more than there are entries, one at least is free.
    let lowest = u32::MAX - u32::try_from(tree.length).unwrap_or(u32::MAX);
    let mut taken: Vec<u32> = tree.iter().map(|(_, place)| *place).filter(|place| *place >= lowest).collect();
    taken.sort_unstable_by(|one, other| other.cmp(one));
    taken.dedup();
    let gap = taken.iter().zip((0..=u32::MAX).rev()).find(|(taken, candidate)| **taken != *candidate);
    gap.map_or(u32::MAX - taken.len() as u32, |(_, candidate)| candidate)
}

/// What some bits lead to: a node or leaf of the tree, if there is more to tell apart, and the answer for all that it does not tell.
#[derive(Clone, Copy)]
struct Item {
    node: Option<u32>,
    answer: u32,
}

struct Builder<'a, P> {
    tree: &'a Tree<P>,
    direct: Vec<u32>,
    depth: u8,
    nodes: Vec<Fork>,
    answers: Vec<u32>,
}

/// What each of six bits leads to: the answers, and the nodes or leaves of the tree for which there is more.
struct Ways {
    answers: [u32; 64],
    children: u64,
    /// Where the block of children is, and which of its chunks count.
    block: u32,
    all: u64,
}

impl Ways {
    /// The same answer whatever the bits, and nothing below but what is at `block`.
    const fn all(answer: u32, block: u32) -> Self {
        Self { answers: [answer; 64], children: 0, block, all: 0 }
    }

    /// The nodes or leaves below, in order, by chunk.
    fn below(&self) -> impl Iterator<Item = (usize, Item)> + '_ {
        ones(self.children).map(|chunk| {
            let before = (self.all & ((1 << chunk) - 1)).count_ones();
            (chunk, Item { node: Some(self.block + before), answer: self.answers[chunk & 63] })
        })
    }

    /// The chunks that lead to an answer and at which another one begins than that of the last such.
    fn runs(&self) -> u64 {
        // Where an answer differs from the one before, without a branch: most nodes have nothing below and need no more.
        let (mut differs, mut before) = (0, !self.answers[0]);
        for (chunk, answer) in self.answers.iter().enumerate() {
            differs |= u64::from(*answer != before) << chunk;
            before = *answer;
        }
        // Behind a chunk that leads down, the last one that does not is what counts.
        let ends = !self.children;
        let behind = self.children << 1 & ends;
        let begins = |chunk: usize| {
            let last = (ends & ((1 << chunk) - 1)).checked_ilog2();
            last.is_none_or(|last| self.answers[last as usize & 63] != self.answers[chunk & 63])
        };
        ones(behind).fold(differs & ends & !behind, |runs, chunk| runs | u64::from(begins(chunk)) << chunk)
    }
}

/// The numbers of the bits that are set.
fn ones(bits: u64) -> impl Iterator<Item = usize> {
    let mut left = bits;
    std::iter::from_fn(move || {
        let next = (left != 0).then(|| left.trailing_zeros() as usize)?;
        left &= left - 1;
        Some(next)
    })
}

impl<P: Key> Builder<'_, P> {
    /// Fills the part of the direct table that starts with `first`, the first chunks of the address down to `depth`.
    fn fill(&mut self, item: Item, depth: u8, first: usize) {
        if depth < self.depth {
            if let Some(index) = item.node {
                let mut ways = Ways::all(item.answer, index);
                self.expand(&mut ways, index, depth);
                for chunk in ones(!ways.children) {
                    let item = Item { node: None, answer: ways.answers[chunk & 63] };
                    self.fill(item, depth + 1, first << STRIDE | chunk);
                }
                for (chunk, item) in ways.below() {
                    self.fill(item, depth + 1, first << STRIDE | chunk);
                }
                return;
            }
        }
        let number = if let Some(node) = item.node {
            self.nodes.push(Fork::default());
            let index = self.nodes.len() - 1;
            self.fork(index, node, item.answer, depth);
            NODE | index as u32
        } else {
            self.answer(item.answer)
        };
        let span = 1 << (STRIDE * (self.depth - depth));
        self.direct[first * span..][..span].fill(number);
    }

    /// The number of an answer: the last one again, if it says the same.
    fn answer(&mut self, answer: u32) -> u32 {
        if self.answers.last() != Some(&answer) {
            self.answers.push(answer);
        }
        (self.answers.len() - 1) as u32
    }

    /// Fills the node `index`. The recursion is as deep as the tree.
    fn fork(&mut self, index: usize, node: u32, answer: u32, depth: u8) {
        if self.tree.nodes.items[node as usize].is_leaf() {
            self.fork_leaf(index, node, answer, depth);
            return;
        }
        let mut ways = Ways::all(answer, node);
        self.expand(&mut ways, node, depth);
        let runs = ways.runs();
        let first_child = self.nodes.len();
        // Counting begins at one.
        let bases = [(self.answers.len() as u32).wrapping_sub(1), (NODE | first_child as u32) - 1];
        self.nodes[index] = Fork { ways: [runs, ways.children], bases };
        self.answers.extend(ones(runs).map(|chunk| ways.answers[chunk & 63]));
        if ways.children != 0 {
            self.nodes.resize(first_child + ways.children.count_ones() as usize, Fork::default());
            for (child, (_, item)) in (first_child..).zip(ways.below()) {
                if let Some(node) = item.node {
                    self.fork(child, node, item.answer, depth + 1);
                }
            }
        }
    }

    /// The same for a leaf, which has one answer of its own at most, or a single way on: most of what there is, and nothing has to be gone through.
    fn fork_leaf(&mut self, index: usize, node: u32, answer: u32, depth: u8) {
        let leaf = &self.tree.nodes.items[node as usize];
        let Some(place) = Place::of(leaf.leaf_prefix::<P>()) else { return };
        let first_child = self.nodes.len();
        let bases = [(self.answers.len() as u32).wrapping_sub(1), (NODE | first_child as u32) - 1];
        let (mut runs, mut children) = (1, 0);
        if place.depth != depth {
            children = 1 << P::chunk(leaf.leaf_bits::<P>(), depth);
            // Where the first chunk leads down, nobody counts the run that begins at it but those behind it.
            self.answers.push(answer);
        } else if *leaf.leaf_value() == answer {
            self.answers.push(answer);
        } else {
            let end = place.chunk + (1 << (STRIDE - place.length));
            if place.chunk > 0 {
                self.answers.push(answer);
            }
            self.answers.push(*leaf.leaf_value());
            if end < 64 {
                self.answers.push(answer);
            }
            // Behind the last chunk there is none.
            runs |= 1 << place.chunk | 1_u64.checked_shl(end as u32).unwrap_or(0);
        }
        self.nodes[index] = Fork { ways: [runs, children], bases };
        if children != 0 {
            self.nodes.push(Fork::default());
            self.fork_leaf(first_child, node, answer, depth + 1);
        }
    }

    /// What each of the six bits at `depth` leads to from this node or leaf, in place of what holds above it.
    fn expand(&self, ways: &mut Ways, index: u32, depth: u8) {
        let node = &self.tree.nodes.items[index as usize];
        if node.is_leaf() {
            if let Some(place) = Place::of(node.leaf_prefix::<P>()) {
                if place.depth == depth {
                    ways.answers[place.chunk..][..1 << (STRIDE - place.length)].fill(*node.leaf_value());
                } else {
                    ways.children = 1 << P::chunk(node.leaf_bits::<P>(), depth);
                }
            }
            return;
        }
        let values = &self.tree.values.items[node.values() as usize..][..node.prefix_count()];
        let mut prefixes = node.prefixes();
        for value in values {
            // A longer prefix comes after those it lies in, and takes its part of theirs.
            let (chunk, length) = node::place(prefixes.trailing_zeros());
            if length == STRIDE {
                ways.answers[chunk] = *value;
            } else {
                ways.answers[chunk..][..1 << (STRIDE - length)].fill(*value);
            }
            prefixes &= prefixes - 1;
        }
        (ways.block, ways.all, ways.children) = (node.child_base, node.children, node.children);
        if depth < self.tree.level {
            // The nodes of a level may be empty.
            let block = self.tree.nodes.items[node.child_base as usize..][..64].iter().enumerate();
            ways.children = block.fold(0, |all, (chunk, child)| all | u64::from(!child.is_empty()) << chunk);
        }
    }
}

impl<P, V, S> fmt::Debug for Frozen<P, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frozen").field("nodes", &self.nodes.len()).finish_non_exhaustive()
    }
}
