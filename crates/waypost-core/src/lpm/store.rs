//! Where the values are: the tree itself knows numbers of 32 bits only.
//!
//! [`Slab`] is for values of any kind: the tree keeps their places, and they stay where they are for as long as they are in the table,
//! whatever comes and goes beside them. [`Numbers`] is for a `u32`, which needs no place: the tree keeps the number itself, so
//! that an entry costs one read from memory and four bytes less, and eight where the place would have to be kept free.
//! The mirror, whose rows have numbers anyway, uses it; so does whoever has a slab of his own.
//!
//! Small `Copy` values of other kinds in packed blocks were left out on purpose: the tree would be compiled anew for each kind, its leaves
//! would no longer fit in half a cache line, and a reference to a value would be good only until the next change.

use std::fmt;

/// Where a [`Table`](super::Table) keeps its values: [`Slab`] or [`Numbers`], and nothing else.
pub trait Store: sealed::Places + Default {}

impl<V> Store for Slab<V> {}
impl Store for Numbers {}

pub(super) mod sealed {
    /// What the table does with its values. A place is what [`put`](Self::put) gave out and [`take`](Self::take) has not had back.
    #[expect(unnameable_types, reason = "a trait that cannot be named cannot be implemented elsewhere")]
    pub trait Places {
        type Value;

        fn put(&mut self, value: Self::Value) -> u32;
        fn take(&mut self, place: u32) -> Self::Value;
        fn get<'a>(&'a self, place: &'a u32) -> &'a Self::Value;
        fn get_mut<'a>(&'a mut self, place: &'a mut u32) -> &'a mut Self::Value;
        fn clear(&mut self);
        fn memory(&self) -> usize;
    }
}

/// Numbers that are their own places.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Numbers;

impl sealed::Places for Numbers {
    type Value = u32;

    #[inline]
    fn put(&mut self, value: u32) -> u32 {
        value
    }

    #[inline]
    fn take(&mut self, place: u32) -> u32 {
        place
    }

    #[inline]
    fn get<'a>(&'a self, place: &'a u32) -> &'a u32 {
        place
    }

    #[inline]
    fn get_mut<'a>(&'a mut self, place: &'a mut u32) -> &'a mut u32 {
        place
    }

    fn clear(&mut self) {}

    fn memory(&self) -> usize {
        0
    }
}

/// How many values the first chunk has room for, as a power of two; each further one has room for twice as many.
const FIRST: u32 = 4;

/// Values of any kind, which do not move.
pub struct Slab<V> {
    /// Chunk `n` has room for 2^([`FIRST`] + n) slots and is never moved or made larger.
    chunks: Vec<Vec<Slot<V>>>,
    /// How many slots there are.
    slots: u32,
    /// The first of the free slots.
    free: Option<u32>,
    /// How many slots are in use.
    used: u32,
}

#[derive(Clone, Debug)]
enum Slot<V> {
    Used(V),
    /// The next free slot.
    Free(Option<u32>),
}

/// The chunk of a slot, and where in it the slot is.
const fn coordinates(place: u32) -> (usize, usize) {
    let shifted = place as u64 + (1 << FIRST);
    let chunk = shifted.ilog2() - FIRST;
    (chunk as usize, (shifted - (1 << (chunk + FIRST))) as usize)
}

impl<V> Slab<V> {
    fn slot(&self, place: u32) -> &Slot<V> {
        let (chunk, at) = coordinates(place);
        &self.chunks[chunk][at]
    }

    fn slot_mut(&mut self, place: u32) -> &mut Slot<V> {
        let (chunk, at) = coordinates(place);
        &mut self.chunks[chunk][at]
    }
}

impl<V> Default for Slab<V> {
    fn default() -> Self {
        Self { chunks: Vec::new(), slots: 0, free: None, used: 0 }
    }
}

impl<V> fmt::Debug for Slab<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slab").field("used", &self.used).finish_non_exhaustive()
    }
}

impl<V: Clone> Clone for Slab<V> {
    /// Chunks keep the room that they have, so that the copy's values do not move either.
    fn clone(&self) -> Self {
        let chunk = |chunk: &Vec<Slot<V>>| {
            let mut copy = Vec::with_capacity(chunk.capacity());
            copy.extend_from_slice(chunk);
            copy
        };
        Self { chunks: self.chunks.iter().map(chunk).collect(), slots: self.slots, free: self.free, used: self.used }
    }
}

impl<V> sealed::Places for Slab<V> {
    type Value = V;

    fn put(&mut self, value: V) -> u32 {
        self.used += 1;
        if let Some(place) = self.free {
            if let Slot::Free(next) = std::mem::replace(self.slot_mut(place), Slot::Used(value)) {
                self.free = next;
            }
            return place;
        }
        let place = self.slots;
        let (chunk, _) = coordinates(place);
        if chunk == self.chunks.len() {
            self.chunks.push(Vec::with_capacity(1 << (FIRST as usize + chunk)));
        }
        self.chunks[chunk].push(Slot::Used(value));
        self.slots += 1;
        place
    }

    fn take(&mut self, place: u32) -> V {
        let freed = Slot::Free(self.free);
        let Slot::Used(value) = std::mem::replace(self.slot_mut(place), freed) else {
            unreachable!("the tree leads to values in use only");
        };
        self.free = Some(place);
        self.used -= 1;
        if self.used == 0 {
            *self = Self::default();
        }
        value
    }

    fn get<'a>(&'a self, place: &'a u32) -> &'a V {
        match self.slot(*place) {
            Slot::Used(value) => value,
            Slot::Free(_) => unreachable!("the tree leads to values in use only"),
        }
    }

    fn get_mut<'a>(&'a mut self, place: &'a mut u32) -> &'a mut V {
        match self.slot_mut(*place) {
            Slot::Used(value) => value,
            Slot::Free(_) => unreachable!("the tree leads to values in use only"),
        }
    }

    fn clear(&mut self) {
        *self = Self::default();
    }

    fn memory(&self) -> usize {
        self.chunks.capacity() * size_of::<Vec<Slot<V>>>()
            + self.chunks.iter().map(|chunk| chunk.capacity() * size_of::<Slot<V>>()).sum::<usize>()
    }
}
