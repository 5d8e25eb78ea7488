//! What keeps the form of a tree fit for its size.
//!
//! | entries | form | why |
//! |---|---|---|
//! | up to [`LIST_MOST`] | a sorted list | a cache line or a few hold all of it |
//! | more | nodes from the root on | each of them where a tree forks |
//! | from the first of [`LEVELS_FROM`] on | the root and the 64 nodes below it all there | the first six bits of an address tell where the walk starts |
//! | from the second on | the 4,096 nodes below those too | the first twelve bits do |
//!
//! A form is left at half the size at which it is entered, so that an entry that comes and goes does not change it each time. A change costs
//! time in proportion to the size, which as many insertions or removals as it takes to come from one threshold to the other pay for.

use std::mem;

use super::arena::Arena;
use super::key::Key;
use super::list::List;
use super::node::{Node, STRIDE};
use super::tree::{Place, Tree, level_index, level_start};

/// How many entries the list holds at most, and how few must be left for it to come back.
pub(super) const LIST_MOST: usize = 16;
pub(super) const LIST_AGAIN: usize = 8;

/// From how many entries on the nodes down to depth 1, and to depth 2, are all there. Their 2 KiB and 130 KiB are then small against the rest.
pub(super) const LEVELS_FROM: [usize; 2] = [512, 32_768];

/// For each level, from how few entries on and up to how many a tree of nodes keeps it.
const SIZES: [[usize; 2]; 4] = [
    [LIST_AGAIN, LEVELS_FROM[0]],
    [LEVELS_FROM[0].div_ceil(2), LEVELS_FROM[1]],
    [LEVELS_FROM[1].div_ceil(2), usize::MAX],
    // There is no such level: four are looked up faster than three.
    [0, usize::MAX],
];

/// The level that a tree of nodes with this many entries is built with.
pub(super) fn level_for(length: usize) -> u8 {
    LEVELS_FROM.iter().filter(|from| length >= **from).count() as u8
}

impl<P: Key> Tree<P> {
    /// Keeps the form of the tree fit for its size.
    #[inline]
    pub(super) fn adapt(&mut self) {
        let is_wrong = if self.nodes.items.is_empty() {
            self.list.0.len() > LIST_MOST
        } else {
            let [least, most] = SIZES[usize::from(self.level) % SIZES.len()];
            self.length < least || self.length >= most
        };
        if is_wrong {
            self.reform();
        }
        if self.nodes.is_sparse() || self.values.is_sparse() {
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
        } else {
            tree.build_nodes(level_for(tree.length), entries);
        }
        tree
    }

    /// The same entries in nodes, however few there are.
    pub(super) fn as_nodes(&self) -> Self {
        let mut tree = Self::new();
        (tree.default, tree.length) = (self.default, self.length);
        tree.build_nodes(0, &self.list.0);
        tree
    }

    fn build_nodes(&mut self, level: u8, entries: &[(P, u32)]) {
        (self.level, self.level_first) = (level, level_start(level) as u32);
        self.nodes.items.resize(level_start(level + 1), Node::default());
        for index in 0..level_start(level) {
            let child_base = (1 + (index << STRIDE)) as u32;
            let node = &mut self.nodes.items[index];
            (node.children, node.child_base) = (u64::MAX, child_base);
        }
        let mut rest = entries;
        while let [(prefix, value), others @ ..] = rest {
            match Place::of(*prefix) {
                Some(place) if place.depth >= level => {
                    let index = level_index::<P>(prefix.bits(), level);
                    let same =
                        |(other, _): &(P, u32)| level_index::<P>(other.bits(), level) == index && other.length() > STRIDE * level;
                    let (run, behind) = split(rest, same);
                    self.build_below(index, level, run);
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
                node.toggle_prefix(place.position());
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
        if node.prefix_count() != 0 {
            node.set_values(self.values.copy(&values[..node.prefix_count()]));
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
        if old.nodes.items.is_empty() {
            return;
        }
        let (top, last) = (level_start(self.level + 1), level_start(self.level));
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
        if node.prefix_count() != 0 {
            let values = &old.values.items[node.values() as usize..][..node.prefix_count()];
            self.nodes.items[index].set_values(self.values.copy(values));
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
