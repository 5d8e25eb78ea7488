//! Rows: what is kept of each route, and the order that those of one prefix stand in.

use std::cmp::Reverse;

use crate::{IfIndex, Ipv6Prefix, Slot};

/// The end of a chain.
pub(super) const NONE: u32 = u32::MAX;

/// The number of a row. It stays the same for as long as the route is there; afterwards another gets it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RowId(pub(super) u32);

impl RowId {
    /// The number, dense from zero: fit to index a vector or a set of bits.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What is kept of one route. Table and prefix are where its chain hangs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// The number of its interned [`Rank`].
    pub(super) rank: u32,
    /// The number of its interned entry.
    pub(super) entry: u32,
    /// The next row of the chain, or the next free row.
    pub(super) next: u32,
}

/// What a slot has beside table and prefix. Hardly any two of a table's routes differ in it, so it is interned.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Rank {
    source: Option<Ipv6Prefix>,
    interface_scope: Option<IfIndex>,
    metric: u32,
    tos: u8,
    priority: u8,
}

impl Rank {
    pub(super) const fn of(slot: &Slot) -> Self {
        let Slot { source, tos, priority, metric, interface_scope, .. } = *slot;
        Self { source, interface_scope, metric, tos, priority }
    }

    pub(super) fn put_into(self, slot: &mut Slot) {
        let Self { source, interface_scope, metric, tos, priority } = self;
        (slot.source, slot.interface_scope, slot.metric, slot.tos, slot.priority) =
            (source, interface_scope, metric, tos, priority);
    }

    /// What decides which route of a prefix comes first.
    ///
    /// The most specific source, as the kernel looks in a node's source subtree before the node's own routes
    /// (`fib6_node_lookup_1`, net/ipv6/ip6_fib.c, Linux 6.18). Then the highest type of service and the lowest metric
    /// (`fib_find_alias`, net/ipv4/fib_trie.c). What only other systems have stands where it decides there:
    /// a scoped route behind one that is not, the lowest priority first.
    pub(super) fn order(&self) -> impl Ord + use<> {
        let source = self.source.map(|source| (Reverse(source.length()), source));
        (source.is_none(), source, Reverse(self.tos), self.interface_scope, self.priority, self.metric)
    }
}

/// The rows, in one vector, those that are free in a list.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    rows: Vec<Row>,
    free: u32,
    used: usize,
}

impl Rows {
    pub(super) const fn new() -> Self {
        Self { rows: Vec::new(), free: NONE, used: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.used
    }

    pub(super) fn memory(&self) -> usize {
        self.rows.capacity() * size_of::<Row>()
    }

    /// The number that the next row will have.
    pub(super) fn next_number(&self) -> u32 {
        if self.free == NONE { self.rows.len() as u32 } else { self.free }
    }

    #[inline]
    pub(super) fn insert(&mut self, row: Row) -> u32 {
        self.used += 1;
        if let Some(slot) = self.rows.get_mut(self.free as usize) {
            let number = std::mem::replace(&mut self.free, slot.next);
            *slot = row;
            return number;
        }
        super::grow(&mut self.rows);
        self.rows.push(row);
        (self.rows.len() - 1) as u32
    }

    pub(super) fn remove(&mut self, number: u32) -> Option<Row> {
        let row = *self.get(number)?;
        self.used -= 1;
        if self.used == 0 {
            *self = Self::new();
            return Some(row);
        }
        if let Some(slot) = self.rows.get_mut(number as usize) {
            *slot = Row { rank: NONE, entry: NONE, next: self.free };
            self.free = number;
        }
        Some(row)
    }

    /// The row of this number, unless it is free.
    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<&Row> {
        self.rows.get(number as usize).filter(|row| row.entry != NONE)
    }

    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut Row> {
        self.rows.get_mut(number as usize).filter(|row| row.entry != NONE)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Row)> {
        self.rows.iter().enumerate().filter(|(_, row)| row.entry != NONE).map(|(number, row)| (number as u32, row))
    }
}
