//! Reading the store.

use std::net::IpAddr;

use super::{RowId, Tables};
use crate::lpm::{DualTable, Numbers};
use crate::{Prefix, RouteRef, Slot, TableId};

/// One table of the kernel's, to be read.
#[derive(Clone, Copy, Debug)]
pub struct TableRef<'a> {
    tables: &'a Tables,
    id: TableId,
    lpm: &'a DualTable<u32, Numbers>,
}

impl<'a> TableRef<'a> {
    pub(super) const fn new(tables: &'a Tables, id: TableId, lpm: &'a DualTable<u32, Numbers>) -> Self {
        Self { tables, id, lpm }
    }

    /// Its number.
    #[must_use]
    pub const fn id(self) -> TableId {
        self.id
    }

    /// How many destinations it has routes to.
    #[must_use]
    pub const fn destinations(self) -> usize {
        self.lpm.len()
    }

    /// The routes to the longest prefix that contains `address`.
    #[must_use]
    pub fn longest_match(self, address: IpAddr) -> Option<Chain<'a>> {
        self.lpm.longest_match(address).map(|found| self.chain(found))
    }

    /// The routes to each prefix that contains `address`, from the shortest prefix to the longest.
    pub fn matches(self, address: IpAddr) -> impl Iterator<Item = Chain<'a>> {
        self.lpm.matches(address).map(move |found| self.chain(found))
    }

    /// The routes to each prefix that covers `prefix`, itself included, from the shortest to the longest.
    pub fn covering(self, prefix: Prefix) -> impl Iterator<Item = Chain<'a>> {
        self.lpm.covering(prefix).map(move |found| self.chain(found))
    }

    /// The routes to each prefix inside `prefix`, itself included, in the order of prefixes.
    pub fn inside(self, prefix: Prefix) -> impl Iterator<Item = Chain<'a>> {
        self.lpm.children(prefix).map(move |found| self.chain(found))
    }

    /// The routes to exactly this prefix.
    #[must_use]
    pub fn exactly(self, prefix: Prefix) -> Option<Chain<'a>> {
        self.lpm.get(prefix).map(|head| self.chain((prefix, head)))
    }

    /// The routes to each prefix, IPv4 first, in the order of prefixes.
    pub fn chains(self) -> impl Iterator<Item = Chain<'a>> {
        self.lpm.iter().map(move |found| self.chain(found))
    }

    /// All routes, IPv4 first: in the order of prefixes, and those to one prefix as [`Chain`] says.
    pub fn routes(self) -> impl Iterator<Item = RouteRef<'a>> {
        self.chains().flatten()
    }

    const fn chain(self, (destination, head): (Prefix, &u32)) -> Chain<'a> {
        Chain { tables: self.tables, table: self.id, destination, next: *head }
    }
}

/// The routes of one table to one prefix, in the order in which the kernel would try them.
///
/// The most specific source prefix comes first, then the highest type of service, then the lowest metric (and, where a
/// system has them, what is not confined to an interface and the lowest priority); then the order within the slot.
#[derive(Clone, Debug)]
pub struct Chain<'a> {
    tables: &'a Tables,
    table: TableId,
    destination: Prefix,
    next: u32,
}

impl<'a> Chain<'a> {
    /// The prefix.
    #[must_use]
    pub const fn destination(&self) -> Prefix {
        self.destination
    }

    /// The same routes, each with its row.
    pub fn rows(mut self) -> impl Iterator<Item = (RowId, RouteRef<'a>)> {
        std::iter::from_fn(move || self.step())
    }

    fn step(&mut self) -> Option<(RowId, RouteRef<'a>)> {
        let number = self.next;
        let row = self.tables.rows.get(number)?;
        self.next = row.next;
        let mut slot = Slot::new(self.table, self.destination);
        self.tables.ranks.get(row.rank)?.put_into(&mut slot);
        let expires = self.tables.expires(RowId(number));
        Some((RowId(number), RouteRef::new(slot, self.tables.entries.get(row.entry)?, expires)))
    }
}

impl<'a> Iterator for Chain<'a> {
    type Item = RouteRef<'a>;

    fn next(&mut self) -> Option<RouteRef<'a>> {
        self.step().map(|(_, route)| route)
    }
}
