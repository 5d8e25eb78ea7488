//! What the kernel keeps by a key: links, addresses, neighbours, next-hop objects, settings.

use std::collections::{BTreeMap, BTreeSet};

use super::Change;

/// Items by key, and what is being learnt of them from a dump.
#[derive(Clone, Debug)]
pub(super) struct Keyed<K, T> {
    items: BTreeMap<K, T>,
    dump: Option<Marks<K>>,
}

#[derive(Clone, Debug)]
struct Marks<K> {
    /// What the dump has listed.
    seen: BTreeSet<K>,
    /// What an event has spoken of since the dump was asked for: it knows better.
    touched: BTreeSet<K>,
}

impl<K: Ord + Copy, T: Clone> Keyed<K, T> {
    pub(super) const fn new() -> Self {
        Self { items: BTreeMap::new(), dump: None }
    }

    pub(super) const fn items(&self) -> &BTreeMap<K, T> {
        &self.items
    }

    pub(super) fn begin(&mut self) {
        self.dump = Some(Marks { seen: BTreeSet::new(), touched: BTreeSet::new() });
    }

    /// Says whether an event has spoken of the item since the dump was asked for that runs.
    pub(super) fn is_touched(&self, key: &K) -> bool {
        self.dump.as_ref().is_some_and(|dump| dump.touched.contains(key))
    }

    /// The dump has listed an item.
    pub(super) fn listed(&mut self, key: K, item: T, same: fn(&T, &T) -> bool) -> Option<Change<T>> {
        if let Some(dump) = &mut self.dump {
            if dump.touched.contains(&key) {
                return None;
            }
            dump.seen.insert(key);
        }
        self.put(key, item, same)
    }

    /// An event says that the item is there.
    pub(super) fn present(&mut self, key: K, item: T, same: fn(&T, &T) -> bool) -> Option<Change<T>> {
        self.touch(key);
        self.put(key, item, same)
    }

    /// An event says that the item has gone.
    pub(super) fn removed(&mut self, key: K) -> Option<Change<T>> {
        self.touch(key);
        self.items.remove(&key).map(Change::Removed)
    }

    fn touch(&mut self, key: K) {
        if let Some(dump) = &mut self.dump {
            dump.touched.insert(key);
        }
    }

    fn put(&mut self, key: K, new: T, same: fn(&T, &T) -> bool) -> Option<Change<T>> {
        match self.items.insert(key, new.clone()) {
            None => Some(Change::Added(new)),
            Some(old) => (!same(&old, &new)).then_some(Change::Replaced { old, new }),
        }
    }

    /// The dump has ended. If it was `whole`, what it has not listed has gone: those items are given back.
    pub(super) fn end(&mut self, whole: bool, mut covers: impl FnMut(&K) -> bool) -> Vec<T> {
        let Some(Marks { seen, touched }) = self.dump.take().filter(|_| whole) else { return Vec::new() };
        let gone: Vec<K> =
            self.items.keys().filter(|key| covers(key) && !seen.contains(key) && !touched.contains(key)).copied().collect();
        gone.iter().filter_map(|key| self.items.remove(key)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(one: &u8, two: &u8) -> bool {
        one == two
    }

    fn filled() -> Keyed<u8, u8> {
        let mut keyed = Keyed::new();
        for key in 1..=3 {
            assert_eq!(keyed.present(key, key, same), Some(Change::Added(key)));
        }
        keyed
    }

    #[test]
    fn an_item_said_twice_is_no_change() {
        let mut keyed = filled();
        assert_eq!(keyed.present(1, 1, same), None);
        assert_eq!(keyed.present(1, 9, same), Some(Change::Replaced { old: 1, new: 9 }));
        assert_eq!(keyed.removed(1), Some(Change::Removed(9)));
        assert_eq!(keyed.removed(1), None);
    }

    #[test]
    fn an_event_during_a_dump_knows_better_than_the_dump() {
        let mut keyed = filled();
        keyed.begin();
        keyed.removed(1);
        keyed.present(2, 7, same);
        assert_eq!(keyed.listed(1, 1, same), None);
        assert_eq!(keyed.listed(2, 2, same), None);
        assert_eq!(keyed.end(true, |_| true), [3], "what nobody spoke of has gone");
        assert_eq!(keyed.items().clone().into_iter().collect::<Vec<_>>(), [(2, 7)]);
    }

    #[test]
    fn a_dump_that_is_not_whole_takes_nothing_away() {
        let mut keyed = filled();
        keyed.begin();
        assert!(keyed.end(false, |_| true).is_empty());
        keyed.begin();
        assert_eq!(keyed.end(true, |key| *key == 2), [2], "nor does one that covers something else");
        assert_eq!(keyed.items().len(), 2);
    }
}
