//! Walking a table: in order, and along one address.

use super::key::Key;
use super::node::{self, ANCESTORS, Node, STRIDE};
use super::{Place, ROOT, Table};
use std::fmt;

/// Entries in the order of their prefixes: by network address, and a shorter prefix before the longer ones inside it.
///
/// From [`Table::iter`] and [`Table::children`].
#[must_use = "iterators do nothing unless they are asked"]
pub struct Iter<'a, P: Key, V> {
    table: &'a Table<P, V>,
    default: Option<&'a V>,
    /// The nodes from the first one that was entered to the one that is being read.
    stack: Vec<Frame<P>>,
}

/// What is still to be read of a node.
struct Frame<P: Key> {
    bits: P::Bits,
    depth: u8,
    prefixes: u128,
    children: u64,
    value: usize,
    child: usize,
}

impl<P: Key> Frame<P> {
    /// The part of `node` that lies inside its prefix of `length` bits at `chunk`; length 0 is all of it.
    const fn inside(node: &Node, bits: P::Bits, depth: u8, chunk: usize, length: u8) -> Self {
        Self {
            bits,
            depth,
            prefixes: node.prefixes & node::subtree(chunk, length),
            children: node.children & node::leaves(chunk, length),
            value: node.value_base as usize + node.value_rank(node::position(chunk, length)),
            child: node.child_base as usize + node.child_rank(chunk),
        }
    }
}

impl<'a, P: Key, V: Copy> Iter<'a, P, V> {
    pub(super) fn all(table: &'a Table<P, V>) -> Self {
        let root = table.nodes.items.get(ROOT);
        let mut stack = Vec::with_capacity(if root.is_some() { 8 } else { 0 });
        stack.extend(root.map(|root| Frame::inside(root, P::Bits::default(), 0, 0, 0)));
        Self { table, default: table.default.as_ref(), stack }
    }

    pub(super) fn inside(table: &'a Table<P, V>, prefix: P) -> Self {
        let Some(place) = Place::of(prefix) else {
            return Self::all(table);
        };
        let frame = table.node_at(prefix.bits(), place.depth).map(|node| {
            let above = P::from_bits(prefix.bits(), place.depth * STRIDE).bits();
            Frame::inside(&table.nodes.items[node], above, place.depth, place.chunk, place.length)
        });
        Self { table, default: None, stack: Vec::from_iter(frame) }
    }
}

impl<'a, P: Key, V: Copy> Iterator for Iter<'a, P, V> {
    type Item = (P, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(value) = self.default.take() {
            return Some((P::from_bits(P::Bits::default(), 0), value));
        }
        loop {
            let frame = self.stack.last_mut()?;
            let position = frame.prefixes.trailing_zeros();
            let child = frame.children.trailing_zeros() as usize;
            // What goes on behind six bits comes after the prefix of just these six bits. With no child left this is
            // larger than any position.
            if frame.prefixes != 0 && position <= node::position(child, STRIDE) {
                frame.prefixes &= frame.prefixes - 1;
                let (chunk, length) = node::place(position);
                let prefix = P::from_bits(frame.bits | P::place(chunk, frame.depth), frame.depth * STRIDE + length);
                let value = &self.table.values.items[frame.value];
                frame.value += 1;
                return Some((prefix, value));
            }
            if frame.children == 0 {
                self.stack.pop();
                continue;
            }
            frame.children &= frame.children - 1;
            let bits = frame.bits | P::place(child, frame.depth);
            let depth = frame.depth + 1;
            let next = &self.table.nodes.items[frame.child];
            frame.child += 1;
            self.stack.push(Frame::inside(next, bits, depth, 0, 0));
        }
    }
}

impl<P: Key, V> fmt::Debug for Iter<'_, P, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").finish_non_exhaustive()
    }
}

/// The entries that contain one prefix or address, from the shortest to the longest.
///
/// From [`Table::matches`] and [`Table::covering`].
#[must_use = "iterators do nothing unless they are asked"]
pub struct Matches<'a, P: Key, V> {
    table: &'a Table<P, V>,
    default: Option<&'a V>,
    prefix: P,
    /// The node that is being read, what of it is still to be read, and the node that follows.
    node: Node,
    hits: u128,
    depth: u8,
    next: Option<usize>,
}

impl<'a, P: Key, V: Copy> Matches<'a, P, V> {
    pub(super) fn new(table: &'a Table<P, V>, prefix: P) -> Self {
        let mut matches =
            Self { table, default: table.default.as_ref(), prefix, node: Node::default(), hits: 0, depth: 0, next: None };
        if prefix.length() > 0 {
            matches.enter(ROOT, 0);
        }
        matches
    }

    fn enter(&mut self, index: usize, depth: u8) {
        let Some(&node) = self.table.nodes.items.get(index) else {
            return;
        };
        let chunk = P::chunk(self.prefix.bits(), depth);
        let left = self.prefix.length() - depth * STRIDE;
        self.node = node;
        self.depth = depth;
        self.hits = node.prefixes & ANCESTORS[chunk];
        self.next = None;
        if left > STRIDE {
            self.next = node.child(chunk);
        } else {
            // The host bits are zero, so a longer prefix of the same network may be among the hits.
            self.hits &= u128::MAX >> (127 - node::position(chunk, left));
        }
    }
}

impl<'a, P: Key, V: Copy> Iterator for Matches<'a, P, V> {
    type Item = (P, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(value) = self.default.take() {
            return Some((P::from_bits(P::Bits::default(), 0), value));
        }
        while self.hits == 0 {
            let next = self.next.take()?;
            self.enter(next, self.depth + 1);
        }
        let position = self.hits.trailing_zeros();
        self.hits &= self.hits - 1;
        let (_, length) = node::place(position);
        let prefix = P::from_bits(self.prefix.bits(), self.depth * STRIDE + length);
        Some((prefix, &self.table.values.items[self.node.value_base as usize + self.node.value_rank(position)]))
    }
}

impl<P: Key, V> fmt::Debug for Matches<'_, P, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matches").field("of", &self.prefix).finish_non_exhaustive()
    }
}
