//! Rows: what is kept of each route, and the order that those of one prefix stand in.

use std::cmp::Reverse;

use crate::{IfIndex, Ipv6Prefix, Prefix, Slot, TableId};

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

    /// The slot of this rank.
    #[inline]
    pub(super) const fn slot(&self, table: TableId, destination: Prefix) -> Slot {
        let Self { source, interface_scope, metric, tos, priority } = *self;
        Slot { table, destination, source, tos, priority, metric, interface_scope }
    }

    pub(super) const fn tos(&self) -> u8 {
        self.tos
    }

    pub(super) const fn metric(&self) -> u32 {
        self.metric
    }

    pub(super) const fn has_source(&self) -> bool {
        self.source.is_some()
    }

    pub(super) const fn is_scoped(&self) -> bool {
        self.interface_scope.is_some()
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

/// What a lookup reads of a row, in 32 bits: so all rows that it may want fit into the caches three times as often as whole ones.
///
/// The number of the entry has 20 bits, that of the rank 11, and the highest says that the chain goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Brief(u32);

impl Brief {
    const ENTRY_BITS: u32 = 20;
    const RANK_BITS: u32 = 11;
    /// The row is free, or has numbers that do not fit. No other is like it: the numbers that would be are taken not to fit.
    const NONE: Self = Self(u32::MAX);

    const fn of(row: &Row) -> Self {
        let fits = row.entry < (1 << Self::ENTRY_BITS) - 1 && row.rank < 1 << Self::RANK_BITS;
        if !fits {
            return Self::NONE;
        }
        Self(row.entry | row.rank << Self::ENTRY_BITS | ((row.next != NONE) as u32) << 31)
    }

    const fn entry(self) -> u32 {
        self.0 & ((1 << Self::ENTRY_BITS) - 1)
    }

    const fn rank(self) -> u32 {
        self.0 >> Self::ENTRY_BITS & ((1 << Self::RANK_BITS) - 1)
    }

    const fn goes_on(self) -> bool {
        self.0 >> 31 != 0
    }
}

/// The rows, in one vector, those that are free in a list.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    rows: Vec<Row>,
    /// That of each row, or nothing.
    briefs: Vec<Brief>,
    free: u32,
    used: usize,
}

impl Rows {
    pub(super) const fn new() -> Self {
        Self { rows: Vec::new(), briefs: Vec::new(), free: NONE, used: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.used
    }

    pub(super) fn memory(&self) -> usize {
        self.rows.capacity() * size_of::<Row>() + self.briefs.capacity() * size_of::<Brief>()
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
            self.briefs[number as usize] = Brief::of(&row);
            return number;
        }
        super::grow(&mut self.rows);
        self.rows.push(row);
        super::grow(&mut self.briefs);
        self.briefs.push(Brief::of(&row));
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
            self.briefs[number as usize] = Brief::NONE;
            self.free = number;
        }
        Some(row)
    }

    /// The row of this number, unless it is free.
    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<&Row> {
        self.rows.get(number as usize).filter(|row| row.entry != NONE)
    }

    /// Changes a row, unless it is free, and gives back what `change` does.
    pub(super) fn change<T>(&mut self, number: u32, change: impl FnOnce(&mut Row) -> T) -> Option<T> {
        let row = self.rows.get_mut(number as usize).filter(|row| row.entry != NONE)?;
        let result = change(row);
        self.briefs[number as usize] = Brief::of(row);
        Some(result)
    }

    /// Something of what [`brief`](Self::brief) reads, to have it read.
    #[inline]
    pub(super) fn peek(&self, number: u32) -> u32 {
        self.briefs.get(number as usize).map_or(0, |brief| brief.0)
    }

    /// The numbers of a row's rank and entry, unless it is free, and whether its chain goes on.
    #[inline]
    pub(super) fn brief(&self, number: u32) -> Option<(u32, u32, bool)> {
        match *self.briefs.get(number as usize)? {
            Brief::NONE => self.get(number).map(|row| (row.rank, row.entry, row.next != NONE)),
            brief => Some((brief.rank(), brief.entry(), brief.goes_on())),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Row)> {
        self.rows.iter().enumerate().filter(|(_, row)| row.entry != NONE).map(|(number, row)| (number as u32, row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The brief of a row says what the row does, whatever its numbers.
    #[test]
    fn briefs_say_what_rows_say() {
        let mut rows = Rows::new();
        let edges = |bits: u32| [0, 1, (1 << bits) - 2, (1 << bits) - 1, 1 << bits, NONE - 1];
        for entry in edges(Brief::ENTRY_BITS) {
            for rank in edges(Brief::RANK_BITS) {
                for next in [NONE, 0, 7] {
                    let number = rows.insert(Row { rank, entry, next });
                    assert_eq!(rows.brief(number), Some((rank, entry, next != NONE)));
                    assert_eq!(rows.change(number, |row| std::mem::replace(&mut row.entry, 9)), Some(entry));
                    assert_eq!(rows.brief(number), Some((rank, 9, next != NONE)));
                    if next == 0 {
                        assert!(rows.remove(number).is_some());
                        assert_eq!((rows.brief(number), rows.change(number, |_| ())), (None, None));
                    }
                }
            }
        }
    }
}
