//! What keeps the form of a tree fit for its size.
//!
//! | entries | form | why |
//! |---|---|---|
//! | up to [`LIST_MOST`] | a sorted list | one cache line or a few hold all of it |
//! | more | nodes from the root on | each of them where a tree forks |
//! | from [`LEVEL_FROM`] on | the nodes of the first three depths all there | the first 12 bits of an address tell where its third node is, and the walk starts there |
//!
//! A form is left later than it is entered, so that an entry that comes and goes does not change it each time. A change costs time in
//! proportion to the size, which as many insertions or removals as it takes to come from one threshold to the other pay for.

use std::mem;

use super::arena::Arena;
use super::key::Key;
use super::list::List;
use super::node::{Node, STRIDE};
use super::tree::{Place, ROOT, Tree};

/// How many entries the list holds at most, and how few must be left for it to come back.
pub(super) const LIST_MOST: usize = 16;
pub(super) const LIST_AGAIN: usize = 8;

/// From how many entries on the level is kept, and below how many it is dropped. Its 130 KiB are then small against the rest.
pub(super) const LEVEL_FROM: usize = 32_768;
pub(super) const LEVEL_UNTIL: usize = 16_384;

/// The depth of the level, and where it starts among the nodes: behind the root and the 64 nodes below it.
pub(super) const LEVEL_DEPTH: u8 = 2;
pub(super) const LEVEL: usize = 1 + (1 << STRIDE);

/// How many nodes there are down to the level.
const LEVEL_NODES: usize = LEVEL + (1 << (STRIDE * LEVEL_DEPTH));

impl<P: Key> Tree<P> {
    /// Keeps the form of the tree fit for its size.
    #[inline]
    pub(super) fn adapt(&mut self) {
        let is_wrong = match (self.nodes.items.is_empty(), self.is_level) {
            (true, _) => self.list.0.len() > LIST_MOST,
            (false, false) => self.length < LIST_AGAIN || self.length >= LEVEL_FROM,
            (false, true) => self.length < LEVEL_UNTIL,
        };
        if is_wrong {
            self.reform();
        } else if self.nodes.is_sparse() || self.values.is_sparse() {
            self.pack();
        }
    }

    #[cold]
    fn reform(&mut self) {
        let entries: Vec<(P, u32)> = self.iter().map(|(prefix, value)| (prefix, *value)).collect();
        *self = Self::build(&entries);
    }

    /// The tree of entries that are in order and different: everything is written once, to where it stays.
    pub(super) fn build(entries: &[(P, u32)]) -> Self {
        let mut tree = Self::new();
        tree.length = entries.len();
        let entries = match entries.split_first() {
            Some(((prefix, value), others)) if prefix.length() == 0 => {
                tree.default = Some(*value);
                others
            }
            _ => entries,
        };
        if entries.len() <= LIST_MOST {
            tree.list = List(entries.to_vec());
        } else if tree.length < LEVEL_FROM {
            tree.nodes.allocate(1, Node::default());
            tree.build_below(ROOT, 0, entries);
        } else {
            tree.build_level(entries);
        }
        tree
    }

    fn build_level(&mut self, entries: &[(P, u32)]) {
        self.is_level = true;
        self.nodes.items.resize(LEVEL_NODES, Node::default());
        for index in 0..LEVEL {
            let child_base = (1 + (index << STRIDE)) as u32;
            self.nodes.items[index] = Node { children: u64::MAX, child_base, ..Node::default() };
        }
        let mut rest = entries;
        while let [(prefix, value), others @ ..] = rest {
            match Place::of(*prefix) {
                Some(place) if place.depth >= LEVEL_DEPTH => {
                    let index = super::tree::level_index::<P>(prefix.bits());
                    let same = |(other, _): &(P, u32)| {
                        super::tree::level_index::<P>(other.bits()) == index && other.length() > STRIDE * LEVEL_DEPTH
                    };
                    let (run, behind) = split(rest, same);
                    self.build_below(index, LEVEL_DEPTH, run);
                    rest = behind;
                }
                place => {
                    place.map(|place| self.insert_at(*prefix, place, *value));
                    rest = others;
                }
            }
        }
    }

    /// Fills the empty node at `depth` with entries that all end in it or below it. The recursion is as deep as the tree: at most 22 nodes.
    fn build_below(&mut self, index: usize, depth: u8, entries: &[(P, u32)]) {
        let mut node = Node::default();
        let mut values = [0; 128];
        let mut runs: [&[(P, u32)]; 64] = [&[]; 64];
        let mut rest = entries;
        while let [(prefix, value), others @ ..] = rest {
            let Some(place) = Place::of(*prefix) else { return };
            if place.depth == depth {
                values[node.prefix_count()] = *value;
                node.prefixes |= 1 << place.position();
                rest = others;
                continue;
            }
            // What goes on behind the same six bits stands together: only the prefix of just these six comes before.
            let chunk = P::chunk(prefix.bits(), depth);
            let (run, behind) =
                split(rest, |(other, _)| P::chunk(other.bits(), depth) == chunk && other.length() > STRIDE * (depth + 1));
            runs[node.child_count()] = run;
            node.children |= 1 << chunk;
            rest = behind;
        }
        if node.prefixes != 0 {
            node.value_base = self.values.copy(&values[..node.prefix_count()]);
        }
        if node.children != 0 {
            node.child_base = self.nodes.allocate(node.child_count(), Node::default());
        }
        self.nodes.items[index] = node;
        for (child, run) in runs[..node.child_count()].iter().enumerate() {
            let child = node.child_base as usize + child;
            match run {
                [(prefix, value)] => self.nodes.items[child] = Node::leaf(*prefix, *value),
                run => self.build_below(child, depth + 1, run),
            }
        }
    }

    /// Moves everything to new memory, depth first and with nothing idle.
    pub(super) fn pack(&mut self) {
        let nodes = Arena::sized_as(&self.nodes);
        let values = Arena::sized_as(&self.values);
        let old =
            Self { nodes: mem::replace(&mut self.nodes, nodes), values: mem::replace(&mut self.values, values), ..Self::new() };
        let (top, last) = if self.is_level { (LEVEL_NODES, LEVEL) } else { (old.nodes.items.len().min(1), ROOT) };
        self.nodes.items.extend_from_slice(&old.nodes.items[..top]);
        for index in 0..last {
            self.pack_values(&old, index);
        }
        for index in last..top {
            self.pack_values(&old, index);
            self.pack_children(&old, index);
        }
    }

    /// Copies the values of the node at `index`, which is a copy of one in `old`.
    fn pack_values(&mut self, old: &Self, index: usize) {
        let node = self.nodes.items[index];
        if node.prefixes != 0 {
            let values = &old.values.items[node.value_base as usize..][..node.prefix_count()];
            self.nodes.items[index].value_base = self.values.copy(values);
        }
    }

    /// Copies what the node at `index` has below it. The recursion is as deep as the tree.
    fn pack_children(&mut self, old: &Self, index: usize) {
        let node = self.nodes.items[index];
        if node.children == 0 {
            return;
        }
        let base = self.nodes.copy(&old.nodes.items[node.child_base as usize..][..node.child_count()]);
        self.nodes.items[index].child_base = base;
        for child in base as usize..base as usize + node.child_count() {
            if !self.nodes.items[child].is_leaf() {
                self.pack_values(old, child);
                self.pack_children(old, child);
            }
        }
    }
}

/// The first entries for which `belongs` holds, and the others.
fn split<T>(entries: &[T], belongs: impl Fn(&T) -> bool) -> (&[T], &[T]) {
    let end = entries.iter().position(|entry| !belongs(entry)).unwrap_or(entries.len());
    entries.split_at(end)
}
