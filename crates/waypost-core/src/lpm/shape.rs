//! What keeps the form of a table fit for its size: the jump table, and packing.

use super::arena::Arena;
use super::key::Key;
use super::node::{Node, STRIDE};
use super::{JUMP_DEPTH, ROOT, Table};
use std::mem;

/// From how many entries on the jump table is kept, and below how many it is dropped. Apart, so that one entry that comes and goes does not
/// build it again each time; so many that its 16 KiB are small against the rest.
pub(super) const JUMP_FROM: usize = 8192;
pub(super) const JUMP_UNTIL: usize = 4096;

impl<P: Key, V: Copy> Table<P, V> {
    /// Keeps the form of the table fit for its size.
    pub(super) fn adapt(&mut self) {
        if self.nodes.is_sparse() || self.values.is_sparse() {
            self.pack();
        }
        if self.length < JUMP_UNTIL {
            self.jump = None;
        } else if self.length >= JUMP_FROM && self.jump.is_none() {
            self.build_jump();
        }
    }

    fn build_jump(&mut self) {
        self.jump = Some(Box::new([ROOT as u32; 1 << (STRIDE * JUMP_DEPTH)]));
        let Some(&root) = self.nodes.items.get(ROOT) else { return };
        for chunk in 0..1 << STRIDE {
            if let Some(child) = root.child(chunk) {
                self.redirect(child, chunk);
            }
        }
    }

    /// Makes the jump table right for the children of `parent`, the node at depth 1 for the six bits `chunk`.
    pub(super) fn redirect(&mut self, parent: usize, chunk: usize) {
        let Some(jump) = &mut self.jump else { return };
        let node = &self.nodes.items[parent];
        for (low, entry) in jump[chunk << STRIDE..][..1 << STRIDE].iter_mut().enumerate() {
            *entry = node.child(low).unwrap_or(ROOT) as u32;
        }
    }

    /// Moves everything to new memory, depth first and with nothing idle.
    pub(super) fn pack(&mut self) {
        let old = Self {
            nodes: mem::replace(&mut self.nodes, Arena::new()),
            values: mem::replace(&mut self.values, Arena::new()),
            ..Self::new()
        };
        self.nodes = Arena::sized_as(&old.nodes);
        self.values = Arena::sized_as(&old.values);
        if let Some(root) = old.nodes.items.get(ROOT..=ROOT) {
            self.nodes.copy(root);
            self.pack_below(&old, ROOT);
        }
        if self.jump.is_some() {
            self.build_jump();
        }
    }

    /// Copies what the node at `index` has below it in `old`, to where its copy already is. The recursion is as deep as the trie: at most 22 nodes.
    fn pack_below(&mut self, old: &Self, index: usize) {
        let Node { prefixes, children, child_base, value_base } = self.nodes.items[index];
        if prefixes != 0 {
            let values = &old.values.items[value_base as usize..][..prefixes.count_ones() as usize];
            self.nodes.items[index].value_base = self.values.copy(values);
        }
        if children != 0 {
            let nodes = &old.nodes.items[child_base as usize..][..children.count_ones() as usize];
            let base = self.nodes.copy(nodes);
            self.nodes.items[index].child_base = base;
            for child in 0..nodes.len() {
                self.pack_below(old, base as usize + child);
            }
        }
    }
}
