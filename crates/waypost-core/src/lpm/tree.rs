//! The tree: prefixes and a number of 32 bits for each.

use std::mem;

use super::arena::Arena;
use super::key::Key;
use super::key::sealed::first;
use super::list::List;
use super::node::{self, Node, STRIDE};

/// The index of the root among the nodes, if there are any.
pub(super) const ROOT: usize = 0;

/// How many nodes there are at most on the way to a prefix: 128 bits in steps of six.
pub(super) const DEPTHS: usize = 128usize.div_ceil(STRIDE as usize);

/// Prefixes and a number for each. A few are kept in a list, more in nodes; see [`shape`](super::shape).
#[derive(Clone, Debug)]
pub(super) struct Tree<P> {
    /// The value of the prefix of length 0, which no node has a bit for.
    pub(super) default: Option<u32>,
    pub(super) length: usize,
    /// All other prefixes, while there are no nodes.
    pub(super) list: List<P>,
    pub(super) nodes: Arena<Node>,
    pub(super) values: Arena<u32>,
    /// The nodes down to this depth are all there, needed or not, so that those at it are found by the address alone.
    pub(super) level: u8,
    /// Where the nodes at the level start.
    pub(super) level_first: u32,
    /// How many prefixes end above the level: mostly none, and then a lookup that found nothing need not go there.
    pub(super) above: u32,
}

/// Where a prefix of at least one bit stands: in the node at `depth`, as the first `length` bits (1 to 6) of `chunk`.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) depth: u8,
    pub(super) chunk: usize,
    pub(super) length: u8,
}

impl Place {
    pub(super) fn of<P: Key>(prefix: P) -> Option<Self> {
        let depth = prefix.length().checked_sub(1)? / STRIDE;
        Some(Self { depth, chunk: P::chunk(prefix.bits(), depth), length: prefix.length() - depth * STRIDE })
    }

    pub(super) const fn position(self) -> u32 {
        node::position(self.chunk, self.length)
    }
}

/// What the way to a prefix ends at.
pub(super) enum End {
    /// The node at its depth, by index.
    Node(usize),
    /// A leaf, by index, that may be of this prefix or of another one.
    Leaf(usize),
    /// Nothing.
    Nothing,
}

impl<P: Key> Tree<P> {
    pub(super) const fn new() -> Self {
        Self {
            default: None,
            length: 0,
            list: List(Vec::new()),
            nodes: Arena::new(),
            values: Arena::new(),
            level: 0,
            level_first: 0,
            above: 0,
        }
    }

    pub(super) fn memory(&self) -> usize {
        self.list.memory() + self.nodes.memory() + self.values.memory()
    }

    pub(super) fn get(&self, prefix: P) -> Option<&u32> {
        let Some(place) = Place::of(prefix) else { return self.default.as_ref() };
        if self.nodes.items.is_empty() {
            return self.list.get(prefix);
        }
        match self.way_to(prefix.bits(), place.depth) {
            End::Node(index) => Some(&self.values.items[self.nodes.items[index].value(place.position())?]),
            End::Leaf(index) => {
                let leaf = &self.nodes.items[index];
                (leaf.leaf_prefix::<P>() == prefix).then_some(leaf.leaf_value())
            }
            End::Nothing => None,
        }
    }

    pub(super) fn get_mut(&mut self, prefix: P) -> Option<&mut u32> {
        let Some(place) = Place::of(prefix) else { return self.default.as_mut() };
        if self.nodes.items.is_empty() {
            return self.list.get_mut(prefix);
        }
        match self.way_to(prefix.bits(), place.depth) {
            End::Node(index) => Some(&mut self.values.items[self.nodes.items[index].value(place.position())?]),
            End::Leaf(index) => {
                let leaf = &mut self.nodes.items[index];
                (leaf.leaf_prefix::<P>() == prefix).then_some(leaf.leaf_value_mut())
            }
            End::Nothing => None,
        }
    }

    /// The length and the value of the longest prefix that contains this address.
    #[inline]
    pub(super) fn longest_match(&self, bits: P::Bits) -> Option<(u8, &u32)> {
        let found = if self.nodes.items.is_empty() {
            self.list.longest_match(bits)
        } else {
            // Shorter prefixes than the level's stand above it. They are asked last, so that none of them is copied into the level.
            let longer = self.longest_below(bits);
            if longer.is_none() && self.above > 0 { self.longest_above(bits) } else { longer }
        };
        found.or_else(|| self.default.as_ref().map(|value| (0, value)))
    }

    /// The longest match among the prefixes that end at the level or below it.
    ///
    /// Nearly all of the time goes into waiting for memory, so what counts is how many of the lookups that follow the processor can begin meanwhile: few
    /// instructions, and no branch but the one that ends the walk that cannot be guessed.
    #[inline]
    fn longest_below(&self, bits: P::Bits) -> Option<(u8, &u32)> {
        let mut depth = self.level;
        let mut node = self.nodes.items.get(self.level_first as usize + P::top(bits, depth))?;
        let mut window = P::window(bits, 0) << (STRIDE * depth);
        // The deepest node with a hit so far. Which prefix it is and where its value lies is counted only for the last of them.
        let mut deepest = None;
        loop {
            let chunk = first(window);
            if node.has_any(chunk) & !node.is_leaf() {
                deepest = Some((node, chunk, depth));
            }
            let Some(child) = node.child(chunk) else { break };
            depth += 1;
            window = P::next_window(window, bits, depth);
            node = self.nodes.items.get(child)?;
        }
        if node.is_leaf() && P::agree(bits, node.leaf_bits::<P>(), node.leaf_length()) {
            return Some((node.leaf_length(), node.leaf_value()));
        }
        let (node, chunk, depth) = deepest?;
        let (length, value) = node.longest(chunk)?;
        Some((depth * STRIDE + length, self.values.items.get(value)?))
    }

    /// The longest match among the prefixes that end above the level, where all nodes are there and none is a leaf. Seldom needed, so out of the way.
    #[cold]
    #[inline(never)]
    fn longest_above(&self, bits: P::Bits) -> Option<(u8, &u32)> {
        (0..self.level).rev().find_map(|depth| {
            let (length, value) = self.nodes.items.get(level_index::<P>(bits, depth))?.longest(P::chunk(bits, depth))?;
            Some((depth * STRIDE + length, self.values.items.get(value)?))
        })
    }

    pub(super) fn insert(&mut self, prefix: P, value: u32) -> Option<u32> {
        let old = match Place::of(prefix) {
            None => self.default.replace(value),
            Some(_) if self.nodes.items.is_empty() => self.list.insert(prefix, value),
            Some(place) => self.insert_at(prefix, place, value),
        };
        if old.is_none() {
            self.length += 1;
            self.adapt();
        }
        old
    }

    /// Puts the prefix into the nodes; whoever calls counts it.
    pub(super) fn insert_at(&mut self, prefix: P, place: Place, value: u32) -> Option<u32> {
        let bits = prefix.bits();
        let (mut index, mut depth) = self.start(bits, place.depth);
        let mut window = P::window(bits, depth);
        while depth < place.depth {
            let Some(child) = self.nodes.items[index].child(first(window)) else {
                self.insert_child(index, first(window), Node::leaf(prefix, value));
                return None;
            };
            depth += 1;
            window = P::next_window(window, bits, depth);
            index = child;
            let node = &mut self.nodes.items[index];
            if node.is_leaf() {
                if node.leaf_prefix::<P>() == prefix {
                    return Some(mem::replace(node.leaf_value_mut(), value));
                }
                self.open_leaf(index, depth);
            }
        }
        let position = place.position();
        if let Some(held) = self.nodes.items[index].value(position) {
            return Some(mem::replace(&mut self.values.items[held], value));
        }
        self.insert_value(index, position, value);
        self.above += u32::from(depth < self.level);
        None
    }

    pub(super) fn remove(&mut self, prefix: P) -> Option<u32> {
        let old = match Place::of(prefix) {
            None => self.default.take(),
            Some(_) if self.nodes.items.is_empty() => self.list.remove(prefix),
            Some(place) => self.remove_at(prefix, place),
        };
        if old.is_some() {
            self.length -= 1;
            self.adapt();
        }
        old
    }

    fn remove_at(&mut self, prefix: P, place: Place) -> Option<u32> {
        let bits = prefix.bits();
        let mut path = [ROOT; DEPTHS];
        let (mut index, mut depth) = self.start(bits, place.depth);
        path[usize::from(depth)] = index;
        let mut window = P::window(bits, depth);
        while depth < place.depth {
            let child = self.nodes.items[index].child(first(window))?;
            let node = &self.nodes.items[child];
            if node.is_leaf() {
                if node.leaf_prefix::<P>() != prefix {
                    return None;
                }
                let value = *node.leaf_value();
                self.remove_child(index, first(window));
                self.simplify(&path, bits, depth);
                return Some(value);
            }
            depth += 1;
            window = P::next_window(window, bits, depth);
            index = child;
            path[usize::from(depth)] = index;
        }
        let node = &self.nodes.items[index];
        node.value(place.position())?;
        let value = self.remove_value(index, place.position());
        self.above -= u32::from(depth < self.level);
        self.simplify(&path, bits, depth);
        Some(value)
    }

    /// Where the walk to a node at `depth` starts: as far down as the address alone leads.
    #[inline]
    pub(super) fn start(&self, bits: P::Bits, depth: u8) -> (usize, u8) {
        if depth >= self.level { (self.level_first as usize + P::top(bits, self.level), self.level) } else { (ROOT, 0) }
    }

    /// Goes to the node at `depth` on the way to this address, or to the leaf that stands in its place or above.
    pub(super) fn way_to(&self, bits: P::Bits, depth: u8) -> End {
        let (mut index, start) = self.start(bits, depth);
        let mut window = P::window(bits, start);
        for depth in start..depth {
            let Some(child) = self.nodes.items[index].child(first(window)) else { return End::Nothing };
            index = child;
            if self.nodes.items[index].is_leaf() {
                return End::Leaf(index);
            }
            window = P::next_window(window, bits, depth + 1);
        }
        End::Node(index)
    }

    /// Makes a node of the leaf at `depth`, with the leaf's prefix in it or below it.
    fn open_leaf(&mut self, index: usize, depth: u8) {
        let leaf = mem::take(&mut self.nodes.items[index]);
        let Some(place) = Place::of(leaf.leaf_prefix::<P>()) else { return };
        if place.depth == depth {
            self.insert_value(index, place.position(), *leaf.leaf_value());
        } else {
            self.insert_child(index, P::chunk(leaf.leaf_bits::<P>(), depth), leaf);
        }
    }

    /// Sees to it that nodes stand only where there are two ways to go, after something was taken out of the node at `depth` of the path.
    fn simplify(&mut self, path: &[usize; DEPTHS], bits: P::Bits, mut depth: u8) {
        // The root stays, and so do the nodes of the level and above.
        while depth > self.level {
            let index = path[usize::from(depth)];
            let node = self.nodes.items[index];
            match (node.prefix_count(), node.child_count()) {
                (0, 0) => self.remove_child(path[usize::from(depth) - 1], P::chunk(bits, depth - 1)),
                (1, 0) => {
                    let position = node.prefixes().trailing_zeros();
                    let (chunk, length) = node::place(position);
                    let network = P::from_bits(bits, depth * STRIDE).bits() | P::place(chunk, depth);
                    let value = self.remove_value(index, position);
                    self.nodes.items[index] = Node::leaf(P::from_bits(network, depth * STRIDE + length), value);
                }
                (0, 1) if self.nodes.items[node.child_base as usize].is_leaf() => {
                    self.nodes.items[index] = self.nodes.items[node.child_base as usize];
                    self.nodes.release(node.child_base, 1);
                }
                _ => return,
            }
            depth -= 1;
        }
    }

    fn insert_value(&mut self, index: usize, position: u32, value: u32) {
        let node = &mut self.nodes.items[index];
        let start = self.values.insert(node.values(), node.prefix_count(), node.value_rank(position), value);
        node.toggle_prefix(position);
        node.set_values(start);
    }

    fn remove_value(&mut self, index: usize, position: u32) -> u32 {
        let node = &mut self.nodes.items[index];
        let (start, value) = self.values.remove(node.values(), node.prefix_count(), node.value_rank(position));
        node.toggle_prefix(position);
        node.set_values(start);
        value
    }

    fn insert_child(&mut self, parent: usize, chunk: usize, child: Node) {
        let node = self.nodes.items[parent];
        let base = self.nodes.insert(node.child_base, node.child_count(), node.child_rank(chunk), child);
        let node = &mut self.nodes.items[parent];
        node.child_base = base;
        node.children |= 1 << chunk;
    }

    fn remove_child(&mut self, parent: usize, chunk: usize) {
        let node = self.nodes.items[parent];
        let (base, _) = self.nodes.remove(node.child_base, node.child_count(), node.child_rank(chunk));
        let node = &mut self.nodes.items[parent];
        node.child_base = base;
        node.children &= !(1 << chunk);
    }
}

/// Where the node at the level for an address is: those of a depth stand together, behind those of the depths above.
#[inline]
pub(super) fn level_index<P: Key>(bits: P::Bits, level: u8) -> usize {
    level_start(level) + P::top(bits, level)
}

/// Where the nodes at a depth of the level or above start: behind the root and all others above, 0, 1 or 65.
pub(super) const fn level_start(depth: u8) -> usize {
    ((1 << (STRIDE * depth)) - 1) / ((1 << STRIDE) - 1)
}
