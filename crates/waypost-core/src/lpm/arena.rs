//! Blocks of one to 128 items, packed in one vector.
//!
//! A block has no header: whoever owns it knows how many items it has, and the room it takes follows from that
//! ([`room`]). Freed blocks wait in a list for each size; when too much waits, the table packs the arena anew.

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
            if start + count != self.items.len() {
                let moved = self.allocate(count + 1, item);
                let target = moved as usize;
                self.items.copy_within(start..start + at, target);
                self.items.copy_within(start + at..start + count, target + at + 1);
                self.items[target + at] = item;
                self.release(base, count);
                return moved;
            }
            // The last block of the arena has nothing behind it: this is what makes insertion in order cheap.
            self.grow(room(count + 1) - count, item);
        }
        self.items.copy_within(start + at..start + count, start + at + 1);
        self.items[start + at] = item;
        base
    }

    /// Takes the item at index `at` out of the block of `count` items at `base`, and says where the block is now.
    pub(super) fn remove(&mut self, base: u32, count: usize, at: usize) -> (u32, T) {
        let start = base as usize;
        let item = self.items[start + at];
        if room(count - 1) == room(count) {
            self.items.copy_within(start + at + 1..start + count, start + at);
            return (base, item);
        }
        if count == 1 {
            self.release(base, count);
            return (0, item);
        }
        let moved = self.allocate(count - 1, item);
        let target = moved as usize;
        self.items.copy_within(start..start + at, target);
        self.items.copy_within(start + at + 1..start + count, target + at);
        self.release(base, count);
        (moved, item)
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
