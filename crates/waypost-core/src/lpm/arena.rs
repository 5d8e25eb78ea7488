//! Blocks of one to 128 items, packed in one vector.
//!
//! A block has no header: whoever owns it knows how many items it has, and the room it takes follows from that
//! ([`room`]). Freed blocks wait in a list for each size; when too much waits, the table packs the arena anew.

use std::mem;

/// The sizes that blocks have. Steps of at most a third keep the waste inside blocks near a tenth; fewer sizes make a freed block
/// more likely to be of use to the next one.
const ROOMS: [u8; 17] = [1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64, 96, 128];

/// For each number of items, the index in [`ROOMS`] of the smallest block that holds them.
const CLASSES: [u8; 129] = {
    let mut classes = [0; 129];
    let mut class = 0;
    let mut count = 1;
    while count <= 128 {
        if count > ROOMS[class] as usize {
            class += 1;
        }
        classes[count] = class as u8;
        count += 1;
    }
    classes
};

/// How many items the block of `count` items has room for; none needs none.
pub(super) const fn room(count: usize) -> usize {
    if count == 0 { 0 } else { ROOMS[CLASSES[count] as usize] as usize }
}

/// Up to how many items are moved one by one, which takes less time than to call what moves many.
const FEW: usize = 8;

/// From how many items on an arena grows by a sixteenth and not by a quarter.
const LARGE: usize = 1 << 13;

#[derive(Clone, Debug)]
pub(super) struct Arena<T> {
    pub(super) items: Vec<T>,
    /// Where freed blocks start, by class; only as long as the largest class that was ever freed.
    free: Vec<Vec<u32>>,
    /// How many items' room the freed blocks have together.
    idle: usize,
    /// How many items' room was freed since the arena was packed.
    churn: usize,
    /// It is small and was moved to more memory, although much was idle: a table that grows leaves up to a half of its blocks behind.
    grew_in_vain: bool,
}

impl<T: Copy> Arena<T> {
    pub(super) const fn new() -> Self {
        Self { items: Vec::new(), free: Vec::new(), idle: 0, churn: 0, grew_in_vain: false }
    }

    /// An empty arena that has the memory for all that is in use in `other`.
    pub(super) fn sized_as(other: &Self) -> Self {
        Self { items: Vec::with_capacity(other.items.len() - other.idle), ..Self::new() }
    }

    /// Puts `item` at index `at` of the block of `count` items at `base`, and says where the block is now. A block without items is at 0.
    pub(super) fn insert(&mut self, base: u32, count: usize, at: usize, item: T) -> u32 {
        let start = base as usize;
        if count == room(count) {
            if start + count == self.items.len() {
                // The last block of the arena has nothing behind it: this is what makes insertion in order cheap.
                self.grow(room(count + 1) - count, item);
            } else if !self.take_behind(start + count, room(count + 1) - count) {
                let moved = self.allocate(count + 1, item);
                let target = moved as usize;
                self.items.copy_within(start..start + at, target);
                self.items.copy_within(start + at..start + count, target + at + 1);
                self.items[target + at] = item;
                self.release(base, count);
                return moved;
            }
        }
        if count - at <= FEW {
            let mut carried = item;
            self.items[start + at..=start + count].iter_mut().for_each(|place| mem::swap(place, &mut carried));
        } else {
            self.items.copy_within(start + at..start + count, start + at + 1);
            self.items[start + at] = item;
        }
        base
    }

    /// Takes the item at index `at` out of the block of `count` items at `base`, and says where the block is now.
    pub(super) fn remove(&mut self, base: u32, count: usize, at: usize) -> (u32, T) {
        let start = base as usize;
        let item = self.items[start + at];
        if count == 1 {
            self.release(base, count);
            return (0, item);
        }
        if count - at <= FEW {
            let mut carried = item;
            self.items[start + at..start + count].iter_mut().rev().for_each(|place| mem::swap(place, &mut carried));
        } else {
            self.items.copy_within(start + at + 1..start + count, start + at);
        }
        let kept = room(count - 1);
        if kept != room(count) {
            // What is too much has the size of a block itself: so nothing moves, and what was taken out has room when it comes back.
            self.release(base + kept as u32, room(count) - kept);
        }
        (base, item)
    }

    /// Takes the room behind a block that grows, if it was the last of its size to be freed.
    fn take_behind(&mut self, start: usize, more: usize) -> bool {
        let Some(list) = self.free.get_mut(usize::from(CLASSES[more])) else { return false };
        if list.last().is_none_or(|last| *last as usize != start) {
            return false;
        }
        list.pop();
        self.idle -= more;
        true
    }

    /// A block for `count` items, all of them `filler` or left over from before.
    pub(super) fn allocate(&mut self, count: usize, filler: T) -> u32 {
        let room = room(count);
        if let Some(base) = self.free.get_mut(usize::from(CLASSES[count])).and_then(Vec::pop) {
            self.idle -= room;
            return base;
        }
        let base = to_index(self.items.len());
        self.grow(room, filler);
        base
    }

    /// A new block with these items, of which there is at least one.
    pub(super) fn copy(&mut self, block: &[T]) -> u32 {
        let base = self.allocate(block.len(), block[0]);
        self.items[base as usize..][..block.len()].copy_from_slice(block);
        base
    }

    /// Takes back the block of `count` items at `base`.
    pub(super) fn release(&mut self, base: u32, count: usize) {
        if count == 0 {
            return;
        }
        let class = usize::from(CLASSES[count]);
        if self.free.len() <= class {
            self.free.resize_with(class + 1, Vec::new);
        }
        self.free[class].push(base);
        self.idle += room(count);
        self.churn += room(count);
    }

    fn grow(&mut self, more: usize, filler: T) {
        let length = self.items.len();
        if self.items.capacity() - length < more {
            let step = if length < LARGE { length / 4 } else { length / 16 };
            self.grew_in_vain = length < LARGE && self.idle > length / 6;
            self.items.reserve_exact(step.max(more));
        }
        self.items.resize(length + more, filler);
    }

    /// Says whether packing pays: enough is idle, and so much came and went since the last time that it costs each of these but little. Or the
    /// arena has just been moved to more memory, for which packing would have made up.
    pub(super) fn is_sparse(&self) -> bool {
        let length = self.items.len();
        self.grew_in_vain || self.idle > length / 8 && self.churn > if length < LARGE { 4 * length + 64 } else { length / 4 }
    }

    /// Where the freed blocks are and how much room each has.
    #[cfg(test)]
    pub(super) fn free_blocks(&self) -> impl Iterator<Item = (usize, usize)> {
        let class =
            |(list, room): (&Vec<u32>, u8)| list.iter().map(move |base| (*base as usize, usize::from(room))).collect::<Vec<_>>();
        self.free.iter().zip(ROOMS).flat_map(class)
    }

    /// How many items' room the freed blocks have together.
    #[cfg(test)]
    pub(super) const fn idle(&self) -> usize {
        self.idle
    }

    /// Bytes on the heap, those not in use included.
    pub(super) fn memory(&self) -> usize {
        self.items.capacity() * size_of::<T>()
            + self.free.capacity() * size_of::<Vec<u32>>()
            + self.free.iter().map(|list| list.capacity() * size_of::<u32>()).sum::<usize>()
    }
}

/// An index as the nodes keep it.
///
/// # Panics
///
/// At 2^31 items, which is beyond 8 GiB.
fn to_index(index: usize) -> u32 {
    u32::try_from(index).ok().filter(|index| *index < 1 << 31).expect("an LPM table holds less than 2^31 items")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever the size of a block, an item that is taken out of it and comes back finds its room there, and nothing else has moved.
    #[test]
    fn what_comes_back_finds_its_room() {
        for count in 2..=128_usize {
            let mut arena = Arena::new();
            let base = (0..count).fold(0, |base, at| arena.insert(base, at, at, at as u32));
            // Something must stand behind the block, or it would grow into what is free there anyway.
            arena.insert(0, 0, 0, u32::MAX);
            let (length, idle) = (arena.items.len(), arena.idle());
            for at in 0..count {
                assert_eq!(arena.remove(base, count, at), (base, at as u32));
                let rest = &arena.items[base as usize..][..count - 1];
                assert!(rest.iter().map(|item| *item as usize).eq((0..count).filter(|other| *other != at)));
                assert_eq!(arena.insert(base, count - 1, at, at as u32), base);
                assert!(arena.items[base as usize..][..count].iter().map(|item| *item as usize).eq(0..count));
                assert_eq!((arena.items.len(), arena.idle()), (length, idle));
            }
        }
    }

    /// What is too much for a block that shrinks is itself as large as a block.
    #[test]
    fn blocks_shrink_by_whole_blocks() {
        for rooms in ROOMS.windows(2) {
            assert_eq!(room(usize::from(rooms[1] - rooms[0])), usize::from(rooms[1] - rooms[0]), "{rooms:?}");
        }
    }

    /// An arena as it might have become: so many items, of which so many are idle, and so many came and went.
    fn arena(length: usize, idle: usize, churn: usize) -> Arena<u32> {
        Arena { items: vec![0; length], idle, churn, ..Arena::new() }
    }

    #[test]
    fn an_arena_grows_by_a_quarter_and_when_it_is_large_by_a_sixteenth() {
        let mut arena = Arena::<u32>::new();
        for length in 0..20_000 {
            let room = arena.items.capacity();
            arena.allocate(1, 0);
            let more = if length < 8192 { length / 4 } else { length / 16 };
            assert_eq!(arena.items.capacity(), if length < room { room } else { length + more.max(1) }, "{length}");
        }
        for (length, more) in [(8191, 2047), (8192, 512)] {
            let mut arena = self::arena(length, 0, 0);
            arena.grow(1, 0);
            assert_eq!(arena.items.capacity(), length + more);
        }
    }

    #[test]
    fn packing_pays_once_an_eighth_is_idle_and_enough_came_and_went() {
        for (length, idle, churn) in [(1000, 125, 4064), (8191, 1023, 32_828), (8192, 1024, 2048)] {
            assert!(arena(length, idle + 1, churn + 1).is_sparse(), "{length}");
            assert!(!arena(length, idle, churn + 1).is_sparse(), "{length}");
            assert!(!arena(length, idle + 1, churn).is_sparse(), "{length}");
        }
    }

    #[test]
    fn packing_pays_once_a_small_arena_has_grown_with_a_sixth_idle() {
        for (length, idle, is_sparse) in [(600, 101, true), (600, 100, false), (8191, 1366, true), (8192, 8000, false)] {
            let mut arena = arena(length, idle, 0);
            assert!(!arena.is_sparse());
            arena.grow(1, 0);
            assert_eq!(arena.is_sparse(), is_sparse, "{length}, {idle}");
        }
    }

    #[test]
    fn an_arena_has_room_for_what_another_uses_and_counts_its_bytes() {
        assert_eq!(Arena::sized_as(&arena(100, 40, 0)).memory(), 60 * size_of::<u32>());
        let free = vec![Vec::with_capacity(5), Vec::with_capacity(2)];
        let lists = free.capacity() * size_of::<Vec<u32>>();
        assert_eq!(Arena { free, ..arena(100, 0, 0) }.memory(), 107 * size_of::<u32>() + lists);
    }

    #[test]
    fn an_index_has_31_bits() {
        assert_eq!(to_index((1 << 31) - 1), u32::MAX >> 1);
    }

    #[test]
    #[should_panic(expected = "less than 2^31 items")]
    fn an_index_of_32_bits_is_too_large() {
        to_index(1 << 31);
    }
}
