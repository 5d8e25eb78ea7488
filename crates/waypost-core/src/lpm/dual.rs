//! One table for both families.

use super::{Key, Slab, Store, Table};
use crate::{Ipv4Prefix, Ipv6Prefix, Prefix};
use std::fmt;
use std::net::IpAddr;
use std::ops::{Bound, RangeBounds};

/// A longest-prefix-match table of both families: a [`Table`] for each.
///
/// ```
/// use waypost_core::lpm::DualTable;
///
/// let mut table: DualTable<u32> = DualTable::new();
/// table.insert("10.0.0.0/8".parse()?, 1);
/// table.insert("2001:db8::/32".parse()?, 2);
/// assert_eq!(table.longest_match("2001:db8::1".parse().unwrap()), Some(("2001:db8::/32".parse()?, &2)));
/// assert_eq!(table.longest_match("192.0.2.1".parse().unwrap()), None);
/// # Ok::<(), waypost_core::PrefixError>(())
/// ```
#[derive(Clone)]
pub struct DualTable<V, S = Slab<V>> {
    v4: Table<Ipv4Prefix, V, S>,
    v6: Table<Ipv6Prefix, V, S>,
}

impl<V, S: Store<Value = V>> DualTable<V, S> {
    /// An empty table, without memory of its own.
    #[must_use]
    pub fn new() -> Self {
        Self { v4: Table::new(), v6: Table::new() }
    }

    /// The table of the IPv4 entries.
    #[must_use]
    pub const fn v4(&self) -> &Table<Ipv4Prefix, V, S> {
        &self.v4
    }

    /// The table of the IPv6 entries.
    #[must_use]
    pub const fn v6(&self) -> &Table<Ipv6Prefix, V, S> {
        &self.v6
    }

    /// The table of the IPv4 entries, to be changed.
    pub const fn v4_mut(&mut self) -> &mut Table<Ipv4Prefix, V, S> {
        &mut self.v4
    }

    /// The table of the IPv6 entries, to be changed.
    pub const fn v6_mut(&mut self) -> &mut Table<Ipv6Prefix, V, S> {
        &mut self.v6
    }

    /// How many entries there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// Says whether there is no entry.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// Bytes on the heap, those kept for growth included.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.v4.memory() + self.v6.memory()
    }

    /// The value of exactly this prefix.
    #[must_use]
    pub fn get(&self, prefix: Prefix) -> Option<&V> {
        match prefix {
            Prefix::V4(prefix) => self.v4.get(prefix),
            Prefix::V6(prefix) => self.v6.get(prefix),
        }
    }

    /// The value of exactly this prefix, to be changed in place.
    #[must_use]
    pub fn get_mut(&mut self, prefix: Prefix) -> Option<&mut V> {
        match prefix {
            Prefix::V4(prefix) => self.v4.get_mut(prefix),
            Prefix::V6(prefix) => self.v6.get_mut(prefix),
        }
    }

    /// The longest prefix that contains `address`, and its value.
    #[must_use]
    pub fn longest_match(&self, address: IpAddr) -> Option<(Prefix, &V)> {
        match address {
            IpAddr::V4(address) => self.v4.longest_match(address).map(of_either),
            IpAddr::V6(address) => self.v6.longest_match(address).map(of_either),
        }
    }

    /// The entries that contain `address`, from the shortest prefix to the longest.
    pub fn matches(&self, address: IpAddr) -> impl Iterator<Item = (Prefix, &V)> {
        self.covering(Prefix::host(address))
    }

    /// The entries that contain all of `prefix`, from the shortest to `prefix` itself where it is there.
    pub fn covering(&self, prefix: Prefix) -> impl Iterator<Item = (Prefix, &V)> {
        let (v4, v6) = match prefix {
            Prefix::V4(prefix) => (Some(self.v4.covering(prefix)), None),
            Prefix::V6(prefix) => (None, Some(self.v6.covering(prefix))),
        };
        v4.into_iter().flatten().map(of_either).chain(v6.into_iter().flatten().map(of_either))
    }

    /// The entries that lie inside `prefix`, itself included where it is there, in order.
    pub fn children(&self, prefix: Prefix) -> impl Iterator<Item = (Prefix, &V)> {
        let (v4, v6) = match prefix {
            Prefix::V4(prefix) => (Some(self.v4.children(prefix)), None),
            Prefix::V6(prefix) => (None, Some(self.v6.children(prefix))),
        };
        v4.into_iter().flatten().map(of_either).chain(v6.into_iter().flatten().map(of_either))
    }

    /// All entries, in the order of the prefixes: IPv4 first, by network address, and a shorter prefix before the longer ones inside it.
    pub fn iter(&self) -> impl Iterator<Item = (Prefix, &V)> {
        self.v4.iter().map(of_either).chain(self.v6.iter().map(of_either))
    }

    /// The entries from one prefix to another, in order: IPv4 comes before IPv6.
    pub fn range(&self, range: impl RangeBounds<Prefix>) -> impl Iterator<Item = (Prefix, &V)> {
        let (start, end) = (range.start_bound().cloned(), range.end_bound().cloned());
        let to_v4 = |prefix| if let Prefix::V4(prefix) = prefix { Some(prefix) } else { None };
        let to_v6 = |prefix| if let Prefix::V6(prefix) = prefix { Some(prefix) } else { None };
        // What starts at IPv6 has no IPv4, and what ends at IPv4 has no IPv6.
        let v4 = bound(start, to_v4).map(|start| self.v4.range((start, bound(end, to_v4).unwrap_or(Bound::Unbounded))));
        let v6 = bound(end, to_v6).map(|end| self.v6.range((bound(start, to_v6).unwrap_or(Bound::Unbounded), end)));
        v4.into_iter().flatten().map(of_either).chain(v6.into_iter().flatten().map(of_either))
    }

    /// Sets the value of `prefix`, and gives back the one that was there.
    ///
    /// # Panics
    ///
    /// As [`Table::insert`].
    pub fn insert(&mut self, prefix: Prefix, value: V) -> Option<V> {
        match prefix {
            Prefix::V4(prefix) => self.v4.insert(prefix, value),
            Prefix::V6(prefix) => self.v6.insert(prefix, value),
        }
    }

    /// Takes `prefix` out, and gives back its value.
    pub fn remove(&mut self, prefix: Prefix) -> Option<V> {
        match prefix {
            Prefix::V4(prefix) => self.v4.remove(prefix),
            Prefix::V6(prefix) => self.v6.remove(prefix),
        }
    }

    /// Takes out all entries that lie inside `prefix`, itself included, and says how many there were.
    pub fn remove_children(&mut self, prefix: Prefix) -> usize {
        match prefix {
            Prefix::V4(prefix) => self.v4.remove_children(prefix),
            Prefix::V6(prefix) => self.v6.remove_children(prefix),
        }
    }

    /// Keeps only the entries for which `keep` says so. It is asked in the order of the prefixes, IPv4 first.
    pub fn retain(&mut self, mut keep: impl FnMut(Prefix, &mut V) -> bool) {
        self.v4.retain(|prefix, value| keep(prefix.into(), value));
        self.v6.retain(|prefix, value| keep(prefix.into(), value));
    }

    /// Takes all entries out and gives the memory back.
    pub fn clear(&mut self) {
        *self = Self::new();
    }
}

/// The bound in one family, if it is of that family or everywhere.
fn bound<P>(bound: Bound<Prefix>, to: impl Fn(Prefix) -> Option<P>) -> Option<Bound<P>> {
    match bound {
        Bound::Included(prefix) => to(prefix).map(Bound::Included),
        Bound::Excluded(prefix) => to(prefix).map(Bound::Excluded),
        Bound::Unbounded => Some(Bound::Unbounded),
    }
}

fn of_either<P: Key + Into<Prefix>, T>((prefix, value): (P, T)) -> (Prefix, T) {
    (prefix.into(), value)
}

impl<V, S: Store<Value = V>> Default for DualTable<V, S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V: fmt::Debug, S: Store<Value = V>> fmt::Debug for DualTable<V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<V: PartialEq, S: Store<Value = V>> PartialEq for DualTable<V, S> {
    fn eq(&self, other: &Self) -> bool {
        self.v4 == other.v4 && self.v6 == other.v6
    }
}

impl<V: Eq, S: Store<Value = V>> Eq for DualTable<V, S> {}

impl<V, S: Store<Value = V>> Extend<(Prefix, V)> for DualTable<V, S> {
    /// As [`Table`]'s: into an empty table, all at once.
    fn extend<I: IntoIterator<Item = (Prefix, V)>>(&mut self, entries: I) {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (prefix, value) in entries {
            match prefix {
                Prefix::V4(prefix) => v4.push((prefix, value)),
                Prefix::V6(prefix) => v6.push((prefix, value)),
            }
        }
        self.v4.extend(v4);
        self.v6.extend(v6);
    }
}

impl<V, S: Store<Value = V>> FromIterator<(Prefix, V)> for DualTable<V, S> {
    fn from_iter<I: IntoIterator<Item = (Prefix, V)>>(entries: I) -> Self {
        let mut table = Self::new();
        table.extend(entries);
        table
    }
}
