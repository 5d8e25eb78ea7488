//! A set of rows.

use waypost_core::RowId;

/// One bit for each row.
#[derive(Clone, Debug, Default)]
pub(super) struct Bits {
    words: Vec<u64>,
    count: usize,
}

impl Bits {
    #[inline]
    pub(super) fn contains(&self, row: RowId) -> bool {
        let index = row.index();
        self.words.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 != 0)
    }

    #[inline]
    pub(super) fn insert(&mut self, row: RowId) {
        let (index, bit) = (row.index() / 64, 1 << (row.index() % 64));
        if index >= self.words.len() {
            self.words.resize(index + 1, 0);
        }
        if let Some(word) = self.words.get_mut(index) {
            self.count += usize::from(*word & bit == 0);
            *word |= bit;
        }
    }

    pub(super) fn remove(&mut self, row: RowId) {
        if let Some(word) = self.words.get_mut(row.index() / 64) {
            let bit = 1 << (row.index() % 64);
            self.count -= usize::from(*word & bit != 0);
            *word &= !bit;
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.count
    }
}
