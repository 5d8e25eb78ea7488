//! A handful of prefixes in one sorted list, for which a tree would be waste.

use super::key::Key;

/// Prefixes and their values, in order. Nothing here takes more than one pass; see [`shape`](super::shape) for how long it gets.
#[derive(Clone, Debug)]
pub(super) struct List<P>(pub(super) Vec<(P, u32)>);

impl<P: Key> List<P> {
    /// Where this prefix is, or where it would be.
    fn find(&self, prefix: P) -> Result<usize, usize> {
        let at = self.0.iter().position(|(other, _)| *other >= prefix).unwrap_or(self.0.len());
        if self.0.get(at).is_some_and(|(other, _)| *other == prefix) { Ok(at) } else { Err(at) }
    }

    pub(super) fn get(&self, prefix: P) -> Option<&u32> {
        self.0.iter().find(|(other, _)| *other == prefix).map(|(_, value)| value)
    }

    pub(super) fn get_mut(&mut self, prefix: P) -> Option<&mut u32> {
        self.0.iter_mut().find(|(other, _)| *other == prefix).map(|(_, value)| value)
    }

    /// Those that contain an address come from short to long, so the last one is the longest.
    ///
    /// How many begin at the address or before it is counted without a branch: to stop in between would be to guess where, and a wrong guess
    /// costs the processor more than the rest of the list. Of these the last one is nearly always it.
    #[inline]
    pub(super) fn longest_match(&self, bits: P::Bits) -> Option<(u8, &u32)> {
        let count = self.0.iter().map(|(prefix, _)| usize::from(prefix.bits() <= bits)).sum();
        let longest = self.0.get(..count)?.iter().rev().find(|(prefix, _)| P::agree(bits, prefix.bits(), prefix.length()))?;
        Some((longest.0.length(), &longest.1))
    }

    pub(super) fn insert(&mut self, prefix: P, value: u32) -> Option<u32> {
        match self.find(prefix) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].1, value)),
            Err(at) => {
                if self.0.len() == self.0.capacity() {
                    // A list in a container with one or two routes is the common case: three more at a time, not the double.
                    self.0.reserve_exact(4);
                }
                self.0.insert(at, (prefix, value));
                None
            }
        }
    }

    pub(super) fn remove(&mut self, prefix: P) -> Option<u32> {
        let at = self.find(prefix).ok()?;
        Some(self.0.remove(at).1)
    }

    pub(super) fn memory(&self) -> usize {
        self.0.capacity() * size_of::<(P, u32)>()
    }
}
