//! The store of routes: every table of the kernel, as compact as they come, ready for longest-prefix match.
//!
//! A route is a *row* of 12 bytes in one vector, and 4 more in another that tell most lookups all of it. What it says is an [`Entry`] that all routes that say the same share;
//! what its slot has beside table and prefix is shared likewise. An LPM table for each [`TableId`] leads from a prefix to
//! the first row of its chain, and rows lead to each other. So a full Internet table takes about 30 bytes a route.
//!
//! A chain is in the order in which the kernel would try its routes: see [`Chain`]. Those of one slot are in the order
//! that whoever fills the store says.
//!
//! ```
//! use waypost_core::{Position, TableId, Tables};
//!
//! let mut tables = Tables::new();
//! tables.insert(&"10.0.0.0/8 via 192.0.2.1 metric 20".parse()?, Position::Last);
//! tables.insert(&"10.0.0.0/8 via 192.0.2.2 metric 10".parse()?, Position::Last);
//! tables.insert(&"10.1.0.0/16 via 192.0.2.3".parse()?, Position::Last);
//!
//! let main = tables.table(TableId::MAIN).unwrap();
//! let best = main.longest_match("10.2.0.1".parse().unwrap()).and_then(|mut chain| chain.next()).unwrap();
//! assert_eq!(best.to_string(), "10.0.0.0/8 via 192.0.2.2 metric 10");
//! # Ok::<(), waypost_core::ParseError>(())
//! ```

mod intern;
mod row;
#[cfg(test)]
mod tests;
mod view;

use std::collections::HashMap;
use std::time::Duration;

use rustc_hash::FxBuildHasher;

pub use row::RowId;
pub(crate) use view::Head;
pub use view::{Chain, TableRef};

use crate::lpm::{DualTable, Numbers};
use crate::{Entry, Family, Route, RouteRef, Slot, TableId};
use intern::Interner;
use row::{NONE, Rank, Row, Rows};

/// Where in its slot a route goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "first, last, or at a number")]
pub enum Position {
    /// Before the others.
    First,
    /// Behind as many others as this, or behind all if there are fewer.
    At(usize),
    /// Behind the others.
    Last,
}

/// All routing tables of a kernel, their routes ready for longest-prefix match.
#[derive(Clone, Debug)]
pub struct Tables {
    /// By number. They are few, and mostly one is asked again and again: see [`TablePlace`].
    tables: Vec<(TableId, Box<DualTable<u32, Numbers>>)>,
    rows: Rows,
    ranks: Interner<Rank>,
    entries: Interner<Entry>,
    /// How long those routes live whose life is limited: few.
    expiries: HashMap<u32, Duration, FxBuildHasher>,
    /// How many routes of each family there are.
    counts: [usize; 2],
}

/// Where a table stands among the others. Others come and go, so it is but where to look first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TablePlace {
    pub(crate) id: TableId,
    at: u32,
}

/// Where a row stands in its chain.
#[derive(Clone, Copy)]
struct Place {
    /// The row before it, or [`NONE`].
    before: u32,
    /// The row at the place, or [`NONE`] at the end.
    row: u32,
    /// How many rows of the same slot stand before it.
    position: usize,
}

impl Tables {
    /// No routes.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            tables: Vec::new(),
            rows: Rows::new(),
            ranks: Interner::new(),
            entries: Interner::new(),
            expiries: HashMap::with_hasher(FxBuildHasher),
            counts: [0; 2],
        }
    }

    /// How many routes there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rows.len()
    }

    /// How many routes of this family there are.
    #[must_use]
    pub const fn len_of(&self, family: Family) -> usize {
        self.counts[family as usize]
    }

    /// Says whether there is no route.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes on the heap, those kept for growth included; what single entries have on the heap (lists of next hops, metrics) is not.
    #[must_use]
    pub fn memory(&self) -> usize {
        let tables: usize = self.tables.iter().map(|(_, table)| size_of_val(&**table) + table.memory()).sum();
        tables
            + self.tables.capacity() * size_of::<(TableId, usize)>()
            + self.rows.memory()
            + self.ranks.memory()
            + self.entries.memory()
            + self.expiries.capacity() * 17
    }

    /// The different entries that routes have.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().map(|(_, entry)| entry)
    }

    /// The rows whose entry passes, in no order. It asks once an entry, not once a route.
    pub fn rows_with(&self, mut passes: impl FnMut(&Entry) -> bool) -> impl Iterator<Item = RowId> {
        let mut wanted = vec![false; self.entries.numbers()];
        for (number, entry) in self.entries.iter() {
            wanted[number as usize] = passes(entry);
        }
        let any = wanted.contains(&true);
        let rows = any.then(|| self.rows.iter()).into_iter().flatten();
        rows.filter(move |(_, row)| wanted.get(row.entry as usize) == Some(&true)).map(|(number, _)| RowId(number))
    }

    /// The routes of one slot, in order.
    pub fn slot(&self, slot: &Slot) -> impl Iterator<Item = (RowId, RouteRef<'_>)> {
        let slot = *slot;
        let chain = self.table(slot.table).and_then(|table| table.exactly(slot.destination));
        chain.into_iter().flat_map(Chain::rows).filter(move |(_, route)| route.slot == slot)
    }

    /// Adds a route to its slot and says which row it has, and how many of its slot stand before it.
    ///
    /// Whether an equal one is there already is not asked.
    ///
    /// # Panics
    ///
    /// When prefixes come near 2^32: see [`lpm`](crate::lpm).
    pub fn insert(&mut self, route: &Route, position: Position) -> (RowId, usize) {
        self.insert_alone(route).map_or_else(|| self.insert_into_chain(route, position), |row| (row, 0))
    }

    /// Adds a route if there is none to its destination in its table.
    ///
    /// This is how a dump fills an empty store: it costs one descent of the LPM table.
    ///
    /// # Panics
    ///
    /// As [`insert`](Self::insert).
    #[inline]
    pub fn insert_alone(&mut self, route: &Route) -> Option<RowId> {
        let Slot { table, destination, .. } = route.slot;
        let number = self.rows.next_number();
        let lpm = match self.find(table) {
            Ok(at) => &mut self.tables[at].1,
            Err(at) => {
                self.tables.insert(at, (table, Box::default()));
                &mut self.tables[at].1
            }
        };
        if let Some(head) = lpm.insert(destination, number) {
            lpm.insert(destination, head);
            return None;
        }
        Some(self.put_row(route, NONE))
    }

    fn insert_into_chain(&mut self, route: &Route, position: Position) -> (RowId, usize) {
        let slot = route.slot;
        let place = self.place_for(&slot, position);
        let row = self.put_row(route, place.row);
        self.link(&slot, place.before, row.0);
        (row, place.position)
    }

    /// Makes a row of the route, followed by `next`.
    #[inline]
    fn put_row(&mut self, route: &Route, next: u32) -> RowId {
        let Route { slot, entry, expires, .. } = route;
        let row = Row { rank: self.ranks.intern(&Rank::of(slot)), entry: self.entries.intern(entry), next };
        let number = self.rows.insert(row);
        if let Some(expires) = expires {
            self.expiries.insert(number, *expires);
        }
        self.counts[slot.destination.family() as usize] += 1;
        RowId(number)
    }

    /// Lets the row `before`, or where there is none the prefix, lead to `row`.
    fn link(&mut self, slot: &Slot, before: u32, row: u32) {
        if self.rows.change(before, |before| before.next = row).is_some() {
            return;
        }
        if let Ok(at) = self.find(slot.table) {
            let lpm = &mut self.tables[at].1;
            if row != NONE {
                lpm.insert(slot.destination, row);
            } else if lpm.remove(slot.destination).is_some() && lpm.is_empty() {
                self.tables.remove(at);
                if self.tables.is_empty() {
                    self.tables = Vec::new();
                }
            }
        }
    }

    /// Where in its chain a route of this slot goes.
    fn place_for(&self, slot: &Slot, position: Position) -> Place {
        let wanted = Rank::of(slot).order();
        let limit = match position {
            Position::First => 0,
            Position::At(position) => position,
            Position::Last => usize::MAX,
        };
        let mut place = Place { before: NONE, row: self.head(slot), position: 0 };
        while let Some(row) = self.rows.get(place.row) {
            let Some(rank) = self.ranks.get(row.rank).map(Rank::order) else { break };
            match rank.cmp(&wanted) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal if place.position < limit => place.position += 1,
                _ => break,
            }
            (place.before, place.row) = (place.row, row.next);
        }
        place
    }

    fn head(&self, slot: &Slot) -> u32 {
        self.lpm(slot.table).and_then(|lpm| lpm.get(slot.destination)).copied().unwrap_or(NONE)
    }

    /// Where `row` stands, if it belongs to the slot.
    fn place_of(&self, slot: &Slot, row: RowId) -> Option<Place> {
        let wanted = Rank::of(slot);
        let mut place = Place { before: NONE, row: self.head(slot), position: 0 };
        loop {
            let current = self.rows.get(place.row)?;
            let same_slot = self.ranks.get(current.rank) == Some(&wanted);
            if place.row == row.0 {
                return same_slot.then_some(place);
            }
            place.position += usize::from(same_slot);
            (place.before, place.row) = (place.row, current.next);
        }
    }

    /// What a row says.
    #[must_use]
    pub fn entry(&self, row: RowId) -> Option<&Entry> {
        self.entries.get(self.rows.get(row.0)?.entry)
    }

    /// Lets a row say something else, and gives back what it said; how long it lives is not touched.
    pub fn set_entry(&mut self, row: RowId, entry: &Entry) -> Option<Entry> {
        let old = self.entries.get(self.rows.get(row.0)?.entry)?.clone();
        let number = self.entries.intern(entry);
        let released = self.rows.change(row.0, |row| std::mem::replace(&mut row.entry, number))?;
        self.entries.release(released);
        Some(old)
    }

    /// How long a row lives, where its life is limited.
    #[must_use]
    pub fn expires(&self, row: RowId) -> Option<Duration> {
        if self.expiries.is_empty() { None } else { self.expiries.get(&row.0).copied() }
    }

    /// Sets how long a row lives, or that nothing limits it.
    pub fn set_expires(&mut self, row: RowId, expires: Option<Duration>) {
        match expires {
            Some(expires) if self.rows.get(row.0).is_some() => _ = self.expiries.insert(row.0, expires),
            _ if self.expiries.is_empty() => {}
            _ => _ = self.expiries.remove(&row.0),
        }
    }

    /// Takes a row of this slot out, and gives back the route and how many of its slot stood before it.
    pub fn remove(&mut self, slot: &Slot, row: RowId) -> Option<(Route, usize)> {
        let place = self.place_of(slot, row)?;
        let expires = self.expires(row);
        self.set_expires(row, None);
        let Row { rank, entry: number, next } = self.rows.remove(row.0)?;
        let entry = self.entries.get(number).cloned().unwrap_or_default();
        self.entries.release(number);
        self.ranks.release(rank);
        self.counts[slot.destination.family() as usize] -= 1;
        self.link(slot, place.before, next);
        Some((Route { slot: *slot, entry, expires }, place.position))
    }

    /// The tables that have routes, in order.
    pub fn table_ids(&self) -> impl Iterator<Item = TableId> {
        self.tables.iter().map(|(id, _)| *id)
    }

    /// One table, if it has routes.
    #[must_use]
    pub fn table(&self, id: TableId) -> Option<TableRef<'_>> {
        self.lpm(id).map(|lpm| TableRef::new(self, id, lpm))
    }

    /// Where a table is now, or would be.
    pub(crate) fn table_place(&self, id: TableId) -> TablePlace {
        let (Ok(at) | Err(at)) = self.find(id);
        TablePlace { id, at: at as u32 }
    }

    /// The table that is, or was, at this place, if it has routes.
    #[inline]
    pub(crate) fn at(&self, place: TablePlace) -> Option<TableRef<'_>> {
        match self.tables.get(place.at as usize) {
            Some((id, lpm)) if *id == place.id => Some(TableRef::new(self, *id, lpm)),
            _ => self.table(place.id),
        }
    }

    #[inline]
    fn find(&self, id: TableId) -> Result<usize, usize> {
        self.tables.binary_search_by_key(&id, |(id, _)| *id)
    }

    fn lpm(&self, id: TableId) -> Option<&DualTable<u32, Numbers>> {
        self.tables.get(self.find(id).ok()?).map(|(_, lpm)| &**lpm)
    }

    /// All routes with their rows: by table, then in the order of [`TableRef::routes`].
    pub fn rows(&self) -> impl Iterator<Item = (RowId, RouteRef<'_>)> {
        self.tables.iter().flat_map(|(id, lpm)| TableRef::new(self, *id, lpm).chains().flat_map(Chain::rows))
    }

    /// Those of one family, in the same order: the other family's are not gone through.
    pub fn rows_of(&self, family: Family) -> impl Iterator<Item = (RowId, RouteRef<'_>)> {
        self.tables.iter().flat_map(move |(id, lpm)| TableRef::new(self, *id, lpm).chains_of(family).flat_map(Chain::rows))
    }

    /// All routes: by table, then in the order of [`TableRef::routes`].
    pub fn routes(&self) -> impl Iterator<Item = RouteRef<'_>> {
        self.rows().map(|(_, route)| route)
    }
}

impl Default for Tables {
    fn default() -> Self {
        Self::new()
    }
}

/// Makes room for one more, by an eighth where doubling would hurt.
#[inline]
fn grow<T>(items: &mut Vec<T>) {
    if items.len() == items.capacity() {
        items.reserve_exact((items.len() / 8).max(items.len().min(4096)).max(4));
    }
}
