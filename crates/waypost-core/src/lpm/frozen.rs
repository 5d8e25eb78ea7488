//! A table that is looked up and never changed.
//!
//! A leaf-pushed Poptrie: every six bits of an address lead either to a node below or to the answer itself, so nothing is kept
//! on the way and nothing is looked for twice. A direct table takes the first bits at once. Equal answers that stand
//! beside each other are kept once, and their place is counted from a bitmap of where each run begins.

use std::fmt;
use std::marker::PhantomData;

use super::key::Key;
use super::node::{self, STRIDE};
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
    /// The chunks that lead to a node.
    children: u64,
    /// Those of the others where another answer begins than that of the chunk before.
    runs: u64,
    child_base: u32,
    answer_base: u32,
}

impl Fork {
    #[inline]
    const fn step(&self, chunk: usize) -> u32 {
        // All bits up to that of the chunk, itself included.
        let upto = u64::MAX >> (63 - (chunk & 63));
        if self.children >> chunk & 1 != 0 {
            NODE | (self.child_base + (self.children & upto).count_ones() - 1)
        } else {
            self.answer_base + (self.runs & upto).count_ones() - 1
        }
    }
}

impl<P: Key, V, S: Store<Value = V>> Frozen<P, V, S> {
    /// The value of the longest prefix that contains `address`.
    #[must_use]
    #[inline]
    pub fn longest_match(&self, address: P::Address) -> Option<&V> {
        let bits = P::of(address).bits();
        let mut number = self.direct[P::top(bits, self.depth)];
        let mut rest = P::from(bits, self.depth);
        while number & NODE != 0 {
            number = self.nodes[(number ^ NODE) as usize].step(P::first(rest));
            rest = P::behind(rest);
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
        let mut rests: [P::Bits; N] = bits.map(|bits| P::from(bits, self.depth));
        while numbers.iter().fold(0, |any, number| any | number) & NODE != 0 {
            for (number, rest) in numbers.iter_mut().zip(&mut rests) {
                if *number & NODE != 0 {
                    *number = self.nodes[(*number ^ NODE) as usize].step(P::first(*rest));
                    *rest = P::behind(*rest);
                }
            }
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
        let mut builder = Builder { tree, direct: vec![0; 1 << (STRIDE * depth)], depth, nodes: Vec::new(), answers: Vec::new() };
        builder.fill(Item { node: Some(ROOT as u32), answer: tree.default.unwrap_or(none) }, 0, 0);
        let Builder { direct, nodes, answers, .. } = builder;
        Frozen { direct, depth, nodes, answers, none, store: self.store.clone(), keys: PhantomData }
    }
}

/// A number that is no place of this tree: the highest such.
fn unused<P: Key>(tree: &Tree<P>) -> u32 {
    // Among one candidate more than there are entries, one at least is free.
    let lowest = u32::MAX - u32::try_from(tree.length).unwrap_or(u32::MAX);
    let mut taken: Vec<u32> = tree.iter().map(|(_, place)| *place).filter(|place| *place >= lowest).collect();
    taken.sort_unstable_by(|one, other| other.cmp(one));
    taken.dedup();
    let gap = taken.iter().zip((0..=u32::MAX).rev()).find(|(taken, candidate)| **taken != *candidate);
    gap.map_or(u32::MAX - taken.len() as u32, |(_, candidate)| candidate)
}

/// What some six bits lead to: a node or leaf of the tree, if there is more to tell apart, and the answer for all that it does not tell.
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

impl<P: Key> Builder<'_, P> {
    /// Fills the part of the direct table that starts with `first`, the first chunks of the address down to `depth`.
    fn fill(&mut self, item: Item, depth: u8, first: usize) {
        if depth < self.depth && item.node.is_some() {
            for (chunk, item) in self.expand(item, depth).into_iter().enumerate() {
                self.fill(item, depth + 1, first << STRIDE | chunk);
            }
            return;
        }
        let number = if item.node.is_some() {
            self.nodes.push(Fork::default());
            let index = self.nodes.len() - 1;
            self.fork(index, item, depth);
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
    fn fork(&mut self, index: usize, item: Item, depth: u8) {
        let items = self.expand(item, depth);
        let mut fork = Fork { answer_base: self.answers.len() as u32, child_base: self.nodes.len() as u32, ..Fork::default() };
        let mut last = None;
        for (chunk, item) in items.iter().enumerate() {
            if item.node.is_some() {
                fork.children |= 1 << chunk;
            } else if last != Some(item.answer) {
                fork.runs |= 1 << chunk;
                self.answers.push(item.answer);
                last = Some(item.answer);
            }
        }
        self.nodes.resize(self.nodes.len() + fork.children.count_ones() as usize, Fork::default());
        self.nodes[index] = fork;
        let below = items.into_iter().filter(|item| item.node.is_some());
        for (child, item) in (fork.child_base as usize..).zip(below) {
            self.fork(child, item, depth + 1);
        }
    }

    /// What each of the six bits at `depth` leads to.
    fn expand(&self, item: Item, depth: u8) -> [Item; 64] {
        let mut items = [Item { node: None, answer: item.answer }; 64];
        let Some(index) = item.node else { return items };
        let node = &self.tree.nodes.items[index as usize];
        if node.is_leaf() {
            if let Some(place) = Place::of(node.leaf_prefix::<P>()) {
                if place.depth == depth {
                    items[place.chunk..][..1 << (STRIDE - place.length)].fill(Item { node: None, answer: node.value_base });
                } else {
                    items[P::chunk(node.leaf_bits::<P>(), depth)].node = Some(index);
                }
            }
            return items;
        }
        let (mut prefixes, mut value) = (node.prefixes(), node.value_base as usize);
        while prefixes != 0 {
            // A longer prefix comes after those it lies in, and takes its part of theirs.
            let (chunk, length) = node::place(prefixes.trailing_zeros());
            items[chunk..][..1 << (STRIDE - length)].fill(Item { node: None, answer: self.tree.values.items[value] });
            prefixes &= prefixes - 1;
            value += 1;
        }
        let (mut children, mut child) = (node.children, node.child_base);
        while children != 0 {
            let to = &mut items[children.trailing_zeros() as usize];
            // The nodes of a level may be empty.
            let is_empty = self.tree.nodes.items[child as usize].is_empty();
            to.node = (!is_empty).then_some(child);
            children &= children - 1;
            child += 1;
        }
        items
    }
}

impl<P, V, S> fmt::Debug for Frozen<P, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frozen").field("nodes", &self.nodes.len()).finish_non_exhaustive()
    }
}
