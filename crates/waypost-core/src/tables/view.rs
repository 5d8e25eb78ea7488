//! Reading the store.

use std::net::IpAddr;

use super::row::Rank;
use super::{RowId, Tables};
use crate::lpm::{DualTable, Numbers};
use crate::{Entry, Family, Prefix, RouteRef, TableId};

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

    /// The first of the routes to the longest prefix that contains `address`.
    #[inline]
    pub(crate) fn head(self, address: IpAddr) -> Option<Head<'a>> {
        let (destination, number) = self.lpm.longest_match(address)?;
        self.head_at(destination, *number)
    }

    /// The same of several addresses, some of which may be nobody's. The steps of all are taken side by side, so that each waits for memory but
    /// once for all of them.
    #[inline]
    pub(crate) fn heads<const N: usize>(self, addresses: &[Option<IpAddr>; N]) -> [Option<Head<'a>>; N] {
        let found = addresses.map(|address| self.lpm.longest_match(address?));
        let numbers = found.map(|found| found.map(|(destination, number)| (destination, *number)));
        let briefs = numbers.map(|found| found.map_or(0, |(_, number)| self.tables.rows.peek(number)));
        // That they have been read is what counts.
        std::hint::black_box(briefs);
        numbers.map(|found| found.and_then(|(destination, number)| self.head_at(destination, number)))
    }

    #[inline]
    fn head_at(self, destination: Prefix, number: u32) -> Option<Head<'a>> {
        let (rank, entry, goes_on) = self.tables.rows.brief(number)?;
        let (rank, entry) = (self.tables.ranks.get(rank)?, self.tables.entries.get(entry)?);
        Some(Head { tables: self.tables, table: self.id, destination, number, rank, entry, is_alone: !goes_on })
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

    /// The routes to each prefix of one family, in the order of prefixes.
    pub fn chains_of(self, family: Family) -> impl Iterator<Item = Chain<'a>> {
        let v4 = (family == Family::V4).then(|| self.lpm.v4().iter()).into_iter().flatten();
        let v6 = (family == Family::V6).then(|| self.lpm.v6().iter()).into_iter().flatten();
        let found =
            v4.map(|(prefix, head)| (Prefix::V4(prefix), head)).chain(v6.map(|(prefix, head)| (Prefix::V6(prefix), head)));
        found.map(move |found| self.chain(found))
    }

    /// All routes, IPv4 first: in the order of prefixes, and those to one prefix as [`Chain`] says.
    pub fn routes(self) -> impl Iterator<Item = RouteRef<'a>> {
        self.chains().flatten()
    }

    const fn chain(self, (destination, head): (Prefix, &u32)) -> Chain<'a> {
        Chain { tables: self.tables, table: self.id, destination, next: *head }
    }
}

/// A route in the parts that it is kept in, the first of its chain: what can be asked of it before all of it is put together.
#[derive(Clone, Copy)]
pub(crate) struct Head<'a> {
    tables: &'a Tables,
    table: TableId,
    pub(crate) destination: Prefix,
    number: u32,
    rank: &'a Rank,
    pub(crate) entry: &'a Entry,
    is_alone: bool,
}

impl<'a> Head<'a> {
    /// The type of service that it is for.
    pub(crate) const fn tos(&self) -> u8 {
        self.rank.tos()
    }

    /// Says whether it is for some sources alone.
    pub(crate) const fn is_for_sources(&self) -> bool {
        self.rank.has_source()
    }

    /// Says whether it is confined to an interface.
    pub(crate) const fn is_scoped(&self) -> bool {
        self.rank.is_scoped()
    }

    /// Says whether no other route of its chain is compared with it: the chain ends here, or goes on with another metric.
    #[inline]
    pub(crate) fn is_alone_of_its_metric(&self) -> bool {
        self.is_alone || self.next_metric().is_some_and(|metric| metric != self.rank.metric())
    }

    fn next_metric(&self) -> Option<u32> {
        let next = self.tables.rows.get(self.tables.rows.get(self.number)?.next)?;
        Some(self.tables.ranks.get(next.rank)?.metric())
    }

    #[inline]
    pub(crate) fn route(&self) -> RouteRef<'a> {
        let slot = self.rank.slot(self.table, self.destination);
        RouteRef::new(slot, self.entry, self.tables.expires(RowId(self.number)))
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
        let slot = self.tables.ranks.get(row.rank)?.slot(self.table, self.destination);
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
