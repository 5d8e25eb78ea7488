//! Flows of one family: who goes where, found by remote address, and in lists of those that stand alike.
//!
//! A flow is 16 bytes (IPv4) or 32 (IPv6): its remote address, its group, and its neighbours in the group's list. All else is kept once a
//! group. Beside them stand their numbers in the order of remote addresses, in leaves of some hundred, so that no flow that comes or goes
//! has more than one leaf moved, however many there are.

use std::collections::BTreeMap;

/// No flow, or no group.
pub(super) const NONE: u32 = u32::MAX;

/// A leaf has so many numbers at most; it grows by so many, and two that have no more together become one.
const LEAF_MAX: usize = 256;
const LEAF_GROWTH: usize = 64;
const LEAF_MERGED: usize = LEAF_MAX / 2;

/// A remote address as a number.
pub(super) trait Remote: Copy + Ord {
    const FIRST: Self;

    /// Its bits, the first of them first, in the upper part of the number.
    fn of_bits(bits: u128) -> Self;
    fn bits(self) -> u128;
}

impl Remote for u32 {
    const FIRST: Self = 0;

    fn of_bits(bits: u128) -> Self {
        (bits >> 96) as Self
    }

    fn bits(self) -> u128 {
        u128::from(self) << 96
    }
}

impl Remote for u128 {
    const FIRST: Self = 0;

    fn of_bits(bits: u128) -> Self {
        bits
    }

    fn bits(self) -> u128 {
        self
    }
}

#[derive(Clone, Copy, Debug)]
struct Record<A> {
    remote: A,
    /// The group; of a number that is free, [`NONE`].
    group: u32,
    before: u32,
    behind: u32,
}

/// The flows of one family.
#[derive(Clone, Debug)]
pub(super) struct Store<A> {
    records: Vec<Record<A>>,
    /// Numbers by remote address, each leaf under what none of its flows stands before and all of the leaf before it do.
    leaves: BTreeMap<(A, u32), Vec<u32>>,
    free: Vec<u32>,
    len: usize,
}

impl<A: Remote> Store<A> {
    pub(super) const fn new() -> Self {
        Self { records: Vec::new(), leaves: BTreeMap::new(), free: Vec::new(), len: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Bytes on the heap, those kept for growth included.
    pub(super) fn memory(&self) -> usize {
        // A tree keeps its nodes two thirds full and has some pointers beside the items.
        let leaves = self.leaves.len() * (size_of::<(A, u32)>() + size_of::<Vec<u32>>()) * 2;
        let numbers: usize = self.leaves.values().map(|leaf| leaf.capacity() * size_of::<u32>()).sum();
        self.records.capacity() * size_of::<Record<A>>() + self.free.capacity() * 4 + leaves + numbers
    }

    pub(super) fn group(&self, number: u32) -> u32 {
        self.records.get(number as usize).map_or(NONE, |record| record.group)
    }

    pub(super) fn remote(&self, number: u32) -> Option<A> {
        self.records.get(number as usize).filter(|record| record.group != NONE).map(|record| record.remote)
    }

    /// Adds a flow at the head of a group's list, and gives its number.
    ///
    /// # Panics
    ///
    /// With 2^31 flows.
    pub(super) fn add(&mut self, remote: A, group: u32, head: &mut u32) -> u32 {
        let record = Record { remote, group, before: NONE, behind: NONE };
        let number = match self.free.pop() {
            Some(number) => {
                self.records[number as usize] = record;
                number
            }
            None => {
                let number = u32::try_from(self.records.len()).ok().filter(|number| *number < 1 << 31).expect("fewer flows");
                if self.records.len() == self.records.capacity() {
                    // Doubling a million would cost as much again as they do.
                    self.records.reserve_exact((self.records.len() / 8).max(1024));
                }
                self.records.push(record);
                number
            }
        };
        self.len += 1;
        self.put(number, group, head);
        self.enter(remote, number);
        number
    }

    /// Takes a flow out of its group, whose list begins at `head`, and forgets it.
    pub(super) fn remove(&mut self, number: u32, head: &mut u32) {
        let Some(remote) = self.remote(number) else { return };
        self.take(number, head);
        self.leave(remote, number);
        if let Some(record) = self.records.get_mut(number as usize) {
            record.group = NONE;
        }
        self.free.push(number);
        self.len -= 1;
    }

    /// Puts a number where it stands by its remote address.
    fn enter(&mut self, remote: A, number: u32) {
        let key = (remote, number);
        let Some((_, leaf)) = self.leaves.range_mut(..=key).next_back() else {
            self.leaves.insert((A::FIRST, 0), vec![number]);
            return;
        };
        let at = leaf.partition_point(|other| Self::key(&self.records, *other) < key);
        if leaf.len() < LEAF_MAX {
            make_room(leaf);
            return leaf.insert(at, number);
        }
        // Addresses that come in order fill leaves; all others halve them.
        let mut behind = leaf.split_off(if at == LEAF_MAX { at } else { LEAF_MAX / 2 });
        leaf.shrink_to(leaf.len());
        let (at, half) = at.checked_sub(leaf.len()).map_or((at, &mut *leaf), |at| (at, &mut behind));
        make_room(half);
        half.insert(at, number);
        let first = behind.first().map(|first| Self::key(&self.records, *first));
        self.leaves.extend(first.map(|first| (first, behind)));
    }

    /// Takes a number from where it stands.
    fn leave(&mut self, remote: A, number: u32) {
        let key = (remote, number);
        let Some((separator, leaf)) = self.leaves.range_mut(..=key).next_back() else { return };
        let at = leaf.partition_point(|other| Self::key(&self.records, *other) < key);
        if leaf.get(at) == Some(&number) {
            leaf.remove(at);
        }
        let separator = *separator;
        if leaf.len() < LEAF_MERGED {
            self.merge(separator);
            let before = self.leaves.range(..separator).next_back().map(|(before, _)| *before);
            before.into_iter().for_each(|before| self.merge(before));
        }
    }

    /// Makes one of a leaf and the one behind it, where they have few together.
    fn merge(&mut self, separator: (A, u32)) {
        let mut pair = self.leaves.range(separator..);
        let (Some((_, leaf)), Some((key, behind))) = (pair.next(), pair.next()) else { return };
        if leaf.len() + behind.len() > LEAF_MERGED {
            return;
        }
        let key = *key;
        let mut behind = self.leaves.remove(&key).unwrap_or_default();
        if let Some(leaf) = self.leaves.get_mut(&separator) {
            leaf.append(&mut behind);
        }
    }

    /// What a number stands by.
    fn key(records: &[Record<A>], number: u32) -> (A, u32) {
        (records.get(number as usize).map_or(A::FIRST, |record| record.remote), number)
    }

    /// Puts a flow that is in no list at the head of a group's.
    pub(super) fn put(&mut self, number: u32, group: u32, head: &mut u32) {
        let first = std::mem::replace(head, number);
        if let Some(first) = self.records.get_mut(first as usize) {
            first.before = number;
        }
        if let Some(record) = self.records.get_mut(number as usize) {
            (record.group, record.before, record.behind) = (group, NONE, first);
        }
    }

    /// Takes a flow out of its group's list.
    pub(super) fn take(&mut self, number: u32, head: &mut u32) {
        let Some(Record { before, behind, .. }) = self.records.get(number as usize).copied() else { return };
        match self.records.get_mut(before as usize) {
            Some(record) => record.behind = behind,
            None => *head = behind,
        }
        if let Some(record) = self.records.get_mut(behind as usize) {
            record.before = before;
        }
    }

    /// Adds the flows from `from` to `last` to `found`, by remote address and number, `most` of them at most; says from where there may be more.
    pub(super) fn gather(&self, from: (A, u32), last: A, most: usize, found: &mut Vec<u32>) -> Option<(A, u32)> {
        let start = self.leaves.range(..=from).next_back().map_or(from, |(separator, _)| *separator);
        let mut left = most;
        for (separator, leaf) in self.leaves.range(start..) {
            if separator.0 > last {
                return None;
            }
            let first = leaf.partition_point(|number| Self::key(&self.records, *number) < from);
            for number in leaf.iter().skip(first) {
                let key = Self::key(&self.records, *number);
                if key.0 > last {
                    return None;
                }
                if left == 0 {
                    return Some(key);
                }
                found.push(*number);
                left -= 1;
            }
        }
        None
    }

    /// Says whether there is a flow to somewhere from `first` to `last`.
    pub(super) fn has_any(&self, first: A, last: A) -> bool {
        self.gather((first, 0), last, 0, &mut Vec::new()).is_some()
    }
}

fn make_room(leaf: &mut Vec<u32>) {
    if leaf.len() == leaf.capacity() {
        leaf.reserve_exact(LEAF_GROWTH.min(LEAF_MAX - leaf.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All flows from one remote address to another, some at a time.
    fn walked(store: &Store<u32>, from: u32, last: u32) -> Vec<u32> {
        let (mut numbers, mut at) = (Vec::new(), Some((from, 0)));
        while let Some(from) = at {
            at = store.gather(from, last, 7, &mut numbers);
        }
        numbers.into_iter().filter_map(|number| store.remote(number)).collect()
    }

    #[test]
    fn a_range_has_what_is_there_whatever_came_and_went() {
        let (mut store, mut head, mut held) = (Store::<u32>::new(), NONE, Vec::new());
        let mut random = 1_u32;
        for round in 0..6000 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if round % 3 == 2 {
                let (_, number): (u32, u32) = held.swap_remove(random as usize % held.len());
                store.remove(number, &mut head);
            } else {
                let remote = random % 5000;
                held.push((remote, store.add(remote, 0, &mut head)));
            }
        }
        for (from, last) in [(0, u32::MAX), (100, 2000), (4999, 4999), (5000, 9000)] {
            let mut expected: Vec<u32> = held.iter().map(|(remote, _)| *remote).filter(|at| (from..=last).contains(at)).collect();
            expected.sort_unstable();
            assert_eq!(walked(&store, from, last), expected);
        }
        assert_eq!(store.len(), held.len());
        let (mut at, mut listed) = (head, 0);
        while at != NONE {
            listed += 1;
            at = store.records[at as usize].behind;
        }
        assert_eq!(listed, held.len(), "the list has them all");
        let numbers: std::collections::BTreeSet<u32> = held.iter().map(|(_, number)| *number).collect();
        assert_eq!(numbers.len(), held.len(), "no number was given away twice");
    }
    /// What comes or goes has one leaf moved, or two made one or one made two: so the size of leaves is what it costs, and how many there are is
    /// what finding it does.
    #[test]
    fn no_leaf_is_large_and_there_are_not_many() {
        fn holds(store: &Store<u32>) {
            assert!(store.leaves.values().all(|leaf| leaf.len() <= LEAF_MAX && leaf.capacity() <= LEAF_MAX));
            assert_eq!(store.leaves.values().map(Vec::len).sum::<usize>(), store.len());
        }
        // In order, backwards, and all to one address.
        let orders: [fn(u32) -> u32; 4] = [|n| n, |n| 99_999 - n, |_| 7, |n| n.wrapping_mul(0x9e37_79b9)];
        for order in orders {
            let (mut store, mut head) = (Store::<u32>::new(), NONE);
            let numbers: Vec<u32> = (0..20_000).map(|n| store.add(order(n), 0, &mut head)).collect();
            holds(&store);
            // Of each hundred one stays.
            numbers.iter().filter(|number| *number % 100 != 0).for_each(|number| store.remove(*number, &mut head));
            holds(&store);
            assert!(store.leaves.len() <= 4, "{} leaves", store.leaves.len());
            assert_eq!(walked(&store, 0, u32::MAX).len(), 200);
            numbers.iter().filter(|number| *number % 100 == 0).for_each(|number| store.remove(*number, &mut head));
            assert_eq!((store.len(), store.leaves.len()), (0, 1));
        }
    }
}
