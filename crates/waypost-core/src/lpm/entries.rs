//! What goes through the entries of a table.

use std::fmt;
use std::ops::Bound;

use super::iter::{Covers, Entries};
use super::key::Key;
use super::store::Store;

/// Entries in the order of their prefixes: by network address, and a shorter prefix before the longer ones inside it.
///
/// From [`Table::iter`](super::Table::iter) and [`Table::children`](super::Table::children).
#[must_use = "iterators do nothing unless they are asked"]
pub struct Iter<'a, P: Key, S> {
    pub(super) entries: Entries<'a, P>,
    pub(super) store: &'a S,
}

impl<'a, P: Key, S: Store> Iterator for Iter<'a, P, S> {
    type Item = (P, &'a S::Value);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.entries.next().map(|(prefix, place)| (prefix, self.store.get(place)))
    }
}

/// Entries between two prefixes, in order.
///
/// From [`Table::range`](super::Table::range).
#[must_use = "iterators do nothing unless they are asked"]
pub struct Range<'a, P: Key, S> {
    pub(super) entries: Entries<'a, P>,
    pub(super) store: &'a S,
    /// The prefix before the first, if that is not to be given out itself.
    pub(super) before: Option<P>,
    pub(super) end: Bound<P>,
}

impl<'a, P: Key, S: Store> Iterator for Range<'a, P, S> {
    type Item = (P, &'a S::Value);

    fn next(&mut self) -> Option<Self::Item> {
        let mut entry = self.entries.next()?;
        if self.before.take() == Some(entry.0) {
            entry = self.entries.next()?;
        }
        let is_inside = match self.end {
            Bound::Included(end) => entry.0 <= end,
            Bound::Excluded(end) => entry.0 < end,
            Bound::Unbounded => true,
        };
        is_inside.then(|| (entry.0, self.store.get(entry.1)))
    }
}

/// The entries that contain one prefix or address, from the shortest to the longest.
///
/// From [`Table::matches`](super::Table::matches) and [`Table::covering`](super::Table::covering).
#[must_use = "iterators do nothing unless they are asked"]
pub struct Matches<'a, P: Key, S> {
    pub(super) covers: Covers<'a, P>,
    pub(super) store: &'a S,
}

impl<'a, P: Key, S: Store> Iterator for Matches<'a, P, S> {
    type Item = (P, &'a S::Value);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.covers.next().map(|(prefix, place)| (prefix, self.store.get(place)))
    }

    #[inline]
    fn fold<B, F: FnMut(B, Self::Item) -> B>(self, init: B, mut each: F) -> B {
        let store = self.store;
        self.covers.fold(init, |folded, (prefix, place)| each(folded, (prefix, store.get(place))))
    }
}

impl<P: Key, S> fmt::Debug for Iter<'_, P, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").finish_non_exhaustive()
    }
}

impl<P: Key, S> fmt::Debug for Range<'_, P, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Range").field("end", &self.end).finish_non_exhaustive()
    }
}

impl<P: Key, S> fmt::Debug for Matches<'_, P, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matches").field("of", &self.covers.prefix).finish_non_exhaustive()
    }
}
