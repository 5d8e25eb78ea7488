//! Walking a tree: in order, and along one address.

use std::slice;

use super::key::Key;
use super::node::{self, Node, STRIDE};
use super::tree::{End, Place, ROOT, Tree};

/// Entries in the order of their prefixes.
#[derive(Clone)]
pub(super) struct Entries<'a, P: Key> {
    tree: &'a Tree<P>,
    default: Option<&'a u32>,
    /// What comes of a tree that is a list.
    list: slice::Iter<'a, (P, u32)>,
    /// A leaf that comes before what the stack has.
    leaf: Option<&'a Node>,
    /// The nodes from the first one that was entered to the one that is being read.
    stack: Vec<Frame<P>>,
}

/// What is still to be read of a node.
#[derive(Clone)]
struct Frame<P: Key> {
    bits: P::Bits,
    depth: u8,
    prefixes: u128,
    children: u64,
    value: usize,
    child: usize,
}

impl<P: Key> Frame<P> {
    /// Some prefixes and children of `node`, which is at `depth` on the way to `bits`. Each lot is a run in the order of the node.
    fn of(node: &Node, bits: P::Bits, depth: u8, prefixes: u128, children: u64) -> Self {
        Self {
            bits: P::from_bits(bits, depth * STRIDE).bits(),
            depth,
            prefixes: node.prefixes() & prefixes,
            children: node.children & children,
            value: node.values() as usize + node.value_rank(prefixes.trailing_zeros() & 127),
            child: node.child_base as usize + node.child_rank(children.trailing_zeros() as usize & 63),
        }
    }

    /// All of the node.
    const fn all(node: &Node, bits: P::Bits, depth: u8) -> Self {
        Self {
            bits,
            depth,
            prefixes: node.prefixes(),
            children: node.children,
            value: node.values() as usize,
            child: node.child_base as usize,
        }
    }
}

impl<P: Key> Tree<P> {
    /// All entries.
    pub(super) fn iter(&self) -> Entries<'_, P> {
        let mut stack = Vec::new();
        if let Some(root) = self.nodes.items.get(ROOT) {
            stack.reserve(8);
            stack.push(Frame::all(root, P::Bits::default(), 0));
        }
        Entries { tree: self, default: self.default.as_ref(), list: self.list.0.iter(), leaf: None, stack }
    }

    /// None of the entries, to begin with.
    fn none(&self) -> Entries<'_, P> {
        Entries { tree: self, default: None, list: [].iter(), leaf: None, stack: Vec::new() }
    }

    /// The entries that lie inside `prefix`.
    pub(super) fn inside(&self, prefix: P) -> Entries<'_, P> {
        let Some(place) = Place::of(prefix) else { return self.iter() };
        let mut entries = self.none();
        if self.nodes.items.is_empty() {
            let run = &self.list.0[self.list.0.partition_point(|(other, _)| *other < prefix)..];
            entries.list = run[..run.partition_point(|(other, _)| covers(prefix, *other))].iter();
            return entries;
        }
        match self.way_to(prefix.bits(), place.depth) {
            End::Node(index) => {
                let (prefixes, children) = (node::subtree(place.chunk, place.length), node::leaves(place.chunk, place.length));
                entries.stack.push(Frame::of(&self.nodes.items[index], prefix.bits(), place.depth, prefixes, children));
            }
            End::Leaf(index) => {
                entries.leaf = Some(&self.nodes.items[index]).filter(|leaf| covers(prefix, leaf.leaf_prefix()));
            }
            End::Nothing => {}
        }
        entries
    }

    /// The entries from `prefix` on.
    pub(super) fn since(&self, prefix: P) -> Entries<'_, P> {
        let Some(place) = Place::of(prefix) else { return self.iter() };
        let mut entries = self.none();
        if self.nodes.items.is_empty() {
            entries.list = self.list.0[self.list.0.partition_point(|(other, _)| *other < prefix)..].iter();
            return entries;
        }
        let bits = prefix.bits();
        let mut index = ROOT;
        for depth in 0..place.depth {
            // What this node has behind the way down: all shorter prefixes on the way are smaller.
            let (node, chunk) = (&self.nodes.items[index], P::chunk(bits, depth));
            let behind = u128::MAX.checked_shl(node::position(chunk, STRIDE) + 1).unwrap_or(0);
            let children = u64::MAX.checked_shl(chunk as u32 + 1).unwrap_or(0);
            entries.stack.push(Frame::of(node, bits, depth, behind, children));
            let Some(child) = node.child(chunk) else { return entries };
            index = child;
            let node = &self.nodes.items[index];
            if node.is_leaf() {
                entries.leaf = Some(node).filter(|leaf| leaf.leaf_prefix::<P>() >= prefix);
                return entries;
            }
        }
        let (prefixes, children) = (u128::MAX << place.position(), u64::MAX << place.chunk);
        entries.stack.push(Frame::of(&self.nodes.items[index], bits, place.depth, prefixes, children));
        entries
    }
}

/// Says whether all of `other` lies inside `prefix`.
fn covers<P: Key>(prefix: P, other: P) -> bool {
    prefix.length() <= other.length() && P::agree(prefix.bits(), other.bits(), prefix.length())
}

impl<'a, P: Key> Iterator for Entries<'a, P> {
    type Item = (P, &'a u32);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if let Some(value) = self.default.take() {
            return Some((P::from_bits(P::Bits::default(), 0), value));
        }
        if let Some(leaf) = self.leaf.take() {
            return Some((leaf.leaf_prefix(), leaf.leaf_value()));
        }
        while let Some(frame) = self.stack.last_mut() {
            let position = frame.prefixes.trailing_zeros();
            let child = frame.children.trailing_zeros() as usize;
            // What goes on behind six bits comes after the prefix of just these six bits.
            if frame.prefixes != 0 && (frame.children == 0 || position <= node::position(child, STRIDE)) {
                frame.prefixes &= frame.prefixes - 1;
                let (chunk, length) = node::place(position);
                let prefix = P::from_bits(frame.bits | P::place(chunk, frame.depth), frame.depth * STRIDE + length);
                let value = &self.tree.values.items[frame.value];
                frame.value += 1;
                return Some((prefix, value));
            }
            if frame.children == 0 {
                self.stack.pop();
                continue;
            }
            frame.children &= frame.children - 1;
            let next = &self.tree.nodes.items[frame.child];
            frame.child += 1;
            if next.is_leaf() {
                return Some((next.leaf_prefix(), next.leaf_value()));
            }
            let frame = Frame::all(next, frame.bits | P::place(child, frame.depth), frame.depth + 1);
            self.stack.push(frame);
        }
        self.list.next().map(|(prefix, value)| (*prefix, value))
    }
}

/// The entries that contain one prefix or address, from the shortest to the longest.
#[derive(Clone)]
pub(super) struct Covers<'a, P: Key> {
    tree: &'a Tree<P>,
    pub(super) prefix: P,
    default: Option<&'a u32>,
    list: slice::Iter<'a, (P, u32)>,
    /// The node that was entered last, the six bits there, and what of it is still to be read.
    node: Option<&'a Node>,
    chunk: usize,
    hits: u64,
    /// The depth of the node that follows, and where it is.
    depth: u8,
    next: Option<usize>,
}

impl<'a, P: Key> Covers<'a, P> {
    #[inline]
    pub(super) fn new(tree: &'a Tree<P>, prefix: P) -> Self {
        Self {
            tree,
            prefix,
            default: tree.default.as_ref(),
            list: tree.list.0.iter(),
            node: None,
            chunk: 0,
            hits: 0,
            depth: 0,
            next: (prefix.length() > 0 && !tree.nodes.items.is_empty()).then_some(ROOT),
        }
    }

    /// Goes on to the next node: finds its hits and what follows it. A leaf has none; if it contains the prefix, it is given back.
    #[inline]
    fn enter(&mut self, index: usize) -> Option<(P, &'a u32)> {
        let node = &self.tree.nodes.items[index];
        if node.is_leaf() {
            let prefix = node.leaf_prefix();
            return covers(prefix, self.prefix).then_some((prefix, node.leaf_value()));
        }
        let chunk = P::chunk(self.prefix.bits(), self.depth);
        let left = self.prefix.length() - self.depth * STRIDE;
        (self.node, self.chunk, self.hits) = (Some(node), chunk, node.hits(chunk));
        if left > STRIDE {
            self.next = node.child(chunk);
        } else {
            // The host bits are zero, so a longer prefix of the same network may be among the hits.
            self.hits &= u64::MAX >> (63 - node::position(chunk, left) % 64);
        }
        self.depth += 1;
        None
    }

    /// The entry of the next of the hits.
    #[inline]
    fn hit(&mut self) -> Option<(P, &'a u32)> {
        if self.hits == 0 {
            return None;
        }
        let (length, value) = self.node?.hit(self.chunk, self.hits.trailing_zeros());
        self.hits &= self.hits - 1;
        Some((P::from_bits(self.prefix.bits(), (self.depth - 1) * STRIDE + length), &self.tree.values.items[value]))
    }

    #[inline]
    fn next_of_list(&mut self) -> Option<(P, &'a u32)> {
        self.list.find(|(other, _)| covers(*other, self.prefix)).map(|(prefix, value)| (*prefix, value))
    }
}

impl<'a, P: Key> Iterator for Covers<'a, P> {
    type Item = (P, &'a u32);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if let Some(value) = self.default.take() {
            return Some((P::from_bits(P::Bits::default(), 0), value));
        }
        loop {
            if let Some(entry) = self.hit() {
                return Some(entry);
            }
            let Some(index) = self.next.take() else { return self.next_of_list() };
            if let Some(leaf) = self.enter(index) {
                return Some(leaf);
            }
        }
    }

    /// All of them, in one loop inside another: so the processor goes down while it still waits for values.
    #[inline]
    fn fold<B, F: FnMut(B, Self::Item) -> B>(mut self, init: B, mut each: F) -> B {
        let mut folded = init;
        if let Some(value) = self.default.take() {
            folded = each(folded, (P::from_bits(P::Bits::default(), 0), value));
        }
        while let Some(entry) = self.hit() {
            folded = each(folded, entry);
        }
        while let Some(index) = self.next.take() {
            if let Some(leaf) = self.enter(index) {
                folded = each(folded, leaf);
            }
            while let Some(entry) = self.hit() {
                folded = each(folded, entry);
            }
        }
        while let Some(entry) = self.next_of_list() {
            folded = each(folded, entry);
        }
        folded
    }
}
