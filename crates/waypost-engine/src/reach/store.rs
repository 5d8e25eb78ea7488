//! Flows of one family: who goes where, found by remote address, and in lists of those that stand alike.
//!
//! A flow is 16 bytes (IPv4) or 32 (IPv6): its remote address, its group, and its neighbours in the group's list. All else is kept once a
//! group. Beside them stands a list of their numbers in the order of remote addresses; new ones wait in a small tree until there are
//! enough of them to be merged into it, and those that have gone stay in it until there are enough to be swept.

use std::collections::BTreeSet;

/// No flow, or no group.
pub(super) const NONE: u32 = u32::MAX;

/// At most this part of all flows waits to be merged or swept, and so many may always.
const WAITING_PART: usize = 16;
const WAITING_MIN: usize = 256;

/// A remote address as a number.
pub(super) trait Remote: Copy + Ord {
    /// Its bits, the first of them first, in the upper part of the number.
    fn of_bits(bits: u128) -> Self;
    fn bits(self) -> u128;
}

impl Remote for u32 {
    fn of_bits(bits: u128) -> Self {
        (bits >> 96) as Self
    }

    fn bits(self) -> u128 {
        u128::from(self) << 96
    }
}

impl Remote for u128 {
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
    /// Numbers by remote address; those that have gone stand there until they are swept.
    order: Vec<u32>,
    /// Those that are not in `order` yet.
    fresh: BTreeSet<(A, u32)>,
    /// Those that have gone and stand in `order`: their numbers cannot be given away yet.
    gone: usize,
    free: Vec<u32>,
    len: usize,
}

impl<A: Remote> Store<A> {
    pub(super) const fn new() -> Self {
        Self { records: Vec::new(), order: Vec::new(), fresh: BTreeSet::new(), gone: 0, free: Vec::new(), len: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Bytes on the heap, those kept for growth included.
    pub(super) fn memory(&self) -> usize {
        // A tree keeps its nodes two thirds full and has some pointers beside the items.
        let fresh = self.fresh.len() * size_of::<(A, u32)>() * 2;
        self.records.capacity() * size_of::<Record<A>>() + (self.order.capacity() + self.free.capacity()) * 4 + fresh
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
        self.fresh.insert((remote, number));
        if self.fresh.len() > (self.len / WAITING_PART).max(WAITING_MIN) {
            self.tidy();
        }
        number
    }

    /// Takes a flow out of its group, whose list begins at `head`, and forgets it.
    pub(super) fn remove(&mut self, number: u32, head: &mut u32) {
        self.take(number, head);
        let Some(record) = self.records.get_mut(number as usize) else { return };
        record.group = NONE;
        self.len -= 1;
        if self.fresh.remove(&(record.remote, number)) {
            self.free.push(number);
        } else {
            self.gone += 1;
        }
        if self.gone > (self.len / WAITING_PART).max(WAITING_MIN) {
            self.tidy();
        }
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

    /// The first flow from `from` to `last`, by remote address and number.
    ///
    /// `hint` is where the one before was found, and becomes where this one is: whoever walks does not search each time.
    pub(super) fn next(&self, from: (A, u32), last: A, hint: &mut usize) -> Option<(A, u32)> {
        let key = |number: &u32| self.records.get(*number as usize).map(|record| (record.remote, *number));
        let is_before = |at: usize| self.order.get(at).and_then(key).is_some_and(|key| key < from);
        let is_start = |at: usize| !is_before(at) && (at == 0 || is_before(at - 1));
        *hint = match [*hint, hint.saturating_add(1)].into_iter().find(|at| is_start(*at)) {
            Some(at) => at,
            None => self.order.partition_point(|number| key(number) < Some(from)),
        };
        while self.order.get(*hint).is_some_and(|number| self.group(*number) == NONE) {
            *hint += 1;
        }
        let old = self.order.get(*hint).and_then(key);
        let new = self.fresh.range(from..).next().copied();
        old.into_iter().chain(new).min().filter(|(remote, _)| *remote <= last)
    }

    /// Merges what waits into the order, and sweeps what has gone.
    fn tidy(&mut self) {
        let mut fresh = std::mem::take(&mut self.fresh).into_iter().peekable();
        let mut order = Vec::with_capacity(self.len + self.len / 64);
        for number in std::mem::take(&mut self.order) {
            let Some(record) = self.records.get(number as usize) else { continue };
            while let Some((_, new)) = fresh.next_if(|new| *new < (record.remote, number)) {
                order.push(new);
            }
            match record.group {
                NONE => self.free.push(number),
                _ => order.push(number),
            }
        }
        order.extend(fresh.map(|(_, number)| number));
        (self.order, self.gone) = (order, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All flows from one remote address to another, by walking.
    fn walked(store: &Store<u32>, from: u32, last: u32) -> Vec<u32> {
        let (mut found, mut at, mut hint) = (Vec::new(), (from, 0), 0);
        while let Some((remote, number)) = store.next(at, last, &mut hint) {
            found.push(remote);
            at = (remote, number + 1);
        }
        found
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
}
