//! Values that many rows share, kept once each.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};

use rustc_hash::FxBuildHasher;

/// No value: the end of a list.
const NONE: u32 = u32::MAX;

/// Values by number; equal values have the same number for as long as anybody uses them.
///
/// A value stands in `slots` alone. The map leads from its hash to the first of those that have that hash, and they lead
/// to each other: so nothing is kept twice, however many different values there are.
#[derive(Clone, Debug)]
pub(super) struct Interner<T> {
    slots: Vec<Interned<T>>,
    by_hash: HashMap<u64, u32, FxBuildHasher>,
    /// The first of the slots that are free.
    free: u32,
    /// The number that was given out last: neighbours in a dump mostly say the same.
    last: u32,
}

#[derive(Clone, Debug)]
struct Interned<T> {
    value: Option<T>,
    users: u32,
    /// The next value of the same hash, or the next free slot.
    next: u32,
}

impl<T: Hash + Eq + Clone> Interner<T> {
    pub(super) const fn new() -> Self {
        Self { slots: Vec::new(), by_hash: HashMap::with_hasher(FxBuildHasher), free: NONE, last: NONE }
    }

    pub(super) fn get(&self, number: u32) -> Option<&T> {
        self.slots.get(number as usize)?.value.as_ref()
    }

    /// The values in use, with their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.slots.iter().enumerate().filter_map(|(number, slot)| Some((number as u32, slot.value.as_ref()?)))
    }

    /// How many numbers there are, those that are free included.
    pub(super) fn numbers(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn memory(&self) -> usize {
        self.slots.capacity() * size_of::<Interned<T>>() + self.by_hash.capacity() * size_of::<(u64, u32, u8)>()
    }

    /// The number of `value`, with one user more; it is copied if it is new.
    #[inline]
    pub(super) fn intern(&mut self, value: &T) -> u32 {
        if let Some(slot) = self.slots.get_mut(self.last as usize) {
            if slot.value.as_ref() == Some(value) {
                slot.users += 1;
                return self.last;
            }
        }
        self.last = self.find_or_insert(value);
        self.last
    }

    fn find_or_insert(&mut self, value: &T) -> u32 {
        let hash = FxBuildHasher.hash_one(value);
        let first = self.by_hash.get(&hash).copied().unwrap_or(NONE);
        let mut number = first;
        while let Some(slot) = self.slots.get_mut(number as usize) {
            if slot.value.as_ref() == Some(value) {
                slot.users += 1;
                return number;
            }
            number = slot.next;
        }
        let interned = Interned { value: Some(value.clone()), users: 1, next: first };
        let number = match self.slots.get_mut(self.free as usize) {
            Some(slot) => {
                let number = self.free;
                self.free = slot.next;
                *slot = interned;
                number
            }
            None => {
                super::grow(&mut self.slots);
                self.slots.push(interned);
                (self.slots.len() - 1) as u32
            }
        };
        self.by_hash.insert(hash, number);
        number
    }

    /// Takes one user away; the last one takes the value along.
    pub(super) fn release(&mut self, number: u32) {
        let Some(slot) = self.slots.get_mut(number as usize) else { return };
        slot.users = slot.users.saturating_sub(1);
        if slot.users > 0 {
            return;
        }
        let Some(value) = slot.value.take() else { return };
        let next = std::mem::replace(&mut slot.next, self.free);
        self.free = number;
        self.unlink(FxBuildHasher.hash_one(&value), number, next);
        if self.by_hash.is_empty() {
            *self = Self::new();
        }
    }

    /// Takes `number` out of the list of those that have this hash.
    fn unlink(&mut self, hash: u64, number: u32, next: u32) {
        let Some(first) = self.by_hash.get_mut(&hash) else { return };
        if *first == number {
            if next == NONE {
                self.by_hash.remove(&hash);
            } else {
                *first = next;
            }
            return;
        }
        let mut before = *first;
        while let Some(slot) = self.slots.get_mut(before as usize) {
            if slot.next == number {
                slot.next = next;
                return;
            }
            before = slot.next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value whose hash says nothing.
    #[derive(Clone, PartialEq, Eq, Debug)]
    struct Same(u32);

    impl Hash for Same {
        fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
    }

    #[test]
    fn equal_values_have_one_number_and_others_another() {
        let mut interner = Interner::new();
        let (one, two) = (interner.intern(&"one"), interner.intern(&"two"));
        assert_ne!(one, two);
        assert_eq!((interner.intern(&"one"), interner.intern(&"two")), (one, two));
    }

    #[test]
    fn a_value_goes_with_its_last_user_and_its_number_is_used_again() {
        let mut interner = Interner::new();
        let stays = interner.intern(&"stays");
        let one = interner.intern(&"one");
        interner.intern(&"one");
        interner.release(one);
        assert_eq!(interner.get(one), Some(&"one"));
        interner.release(one);
        assert_eq!(interner.get(one), None);
        assert_eq!(interner.intern(&"another"), one);
        assert_eq!(interner.get(stays), Some(&"stays"));
    }

    #[test]
    fn values_of_one_hash_are_told_apart_as_they_come_and_go() {
        let mut interner = Interner::new();
        let numbers: Vec<u32> = (0..5).map(|value| interner.intern(&Same(value))).collect();
        for gone in [2, 0, 4] {
            interner.release(numbers[gone]);
        }
        for (value, number) in numbers.iter().enumerate() {
            let expected = [1, 3].contains(&value).then_some(value as u32);
            assert_eq!(interner.get(*number).map(|same| same.0), expected);
        }
        assert_eq!(interner.intern(&Same(3)), numbers[3]);
        assert_eq!(interner.intern(&Same(1)), numbers[1]);
    }
}
