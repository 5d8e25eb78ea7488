//! What is measured of a live table, and what it finds held to a plain map.

use std::collections::HashMap;
use std::hash::Hash;
use std::hint::black_box;

use super::tables::{Longest, Network};
use crate::stopwatch::{self, Span};
use crate::subject::Figures;
use crate::{Failure, sys};

/// How many addresses are looked up.
pub(super) const LOOKUPS: usize = 1 << 20;

/// How many addresses are looked up over and over where they are *hot*.
const HOT: usize = 1 << 12;

/// How many of the addresses are looked up in a plain map too.
const CHECKED: usize = 1 << 14;

/// How many changes a table gets that takes milliseconds for one.
const FEW: usize = 20;

/// The prefixes of a table in another order, and the addresses that are looked up in it.
pub(super) struct Keys<P: Network> {
    pub(super) shuffled: Vec<P>,
    /// Inside random prefixes of the table.
    pub(super) inside: Vec<P::Address>,
    /// Anywhere.
    pub(super) anywhere: Vec<P::Address>,
}

impl<P: Network> Keys<P> {
    pub(super) fn of(sorted: &[P]) -> Self {
        let mut random = Random::new();
        let mut shuffled = sorted.to_vec();
        for at in (1..shuffled.len()).rev() {
            shuffled.swap(at, random.below(at + 1));
        }
        let inside = (0..LOOKUPS).map(|_| sorted[random.below(sorted.len())].address_inside(random.wide())).collect();
        let anywhere = (0..LOOKUPS).map(|_| P::anywhere(random.wide())).collect();
        Self { shuffled, inside, anywhere }
    }
}

/// Measures all columns of a live table.
pub(super) fn live<P: Network + Hash, T: Longest<P>>(sorted: &[P]) -> Result<Figures, Failure> {
    let keys = Keys::of(sorted);
    let count = sorted.len() as f64;
    let mut figures = Figures::default();
    let mut table;
    if T::IS_LIVE {
        let (span, in_order) = stopwatch::here(|| Ok(T::of(sorted)))?;
        drop(in_order);
        figures = figures.and("sorted", each(span, count));
        let (span, filled) = stopwatch::here(|| Ok(T::of(&keys.shuffled)))?;
        figures = figures.and("shuffled", each(span, count));
        table = filled;
    } else {
        table = T::of(&keys.shuffled);
    }
    figures = lookups(figures, &table, &keys)?;
    if T::TELLS_ALL {
        let (span, _) = sum(|| {
            let mut sum = 0_u32;
            keys.inside.iter().for_each(|address| table.all(black_box(*address), |value| sum = sum.wrapping_add(value)));
            sum
        })?;
        figures = figures.and("covers", each(span, LOOKUPS as f64));
    }
    if T::LISTS {
        let (span, _) = sum(|| {
            let mut sum = 0_u32;
            table.each(|value| sum = sum.wrapping_add(value));
            sum
        })?;
        figures = figures.and("iterate", each(span, count));
    }
    figures = figures.and("update", update(&mut table, &keys.shuffled)?);
    check(&mut table, &keys)?;
    drop(table);
    Ok(figures.and("bytes", bytes::<P, T>(&keys.shuffled)))
}

/// Nanoseconds for one removal or insertion in the table.
pub(super) fn update<P: Network, T: Longest<P>>(table: &mut T, shuffled: &[P]) -> Result<f64, Failure> {
    let changed = if T::IS_LIVE { shuffled } else { &shuffled[..FEW.min(shuffled.len())] };
    // Small tables are gone through many times.
    let rounds = if T::IS_LIVE { (LOOKUPS / changed.len()).max(1) } else { 1 };
    let (span, ()) = stopwatch::here(|| {
        for _ in 0..rounds {
            for (prefix, value) in changed.iter().zip(1..) {
                table.remove(black_box(*prefix));
                table.insert(*prefix, value);
            }
        }
        Ok(())
    })?;
    Ok(each(span, (rounds * changed.len() * 2) as f64))
}

/// Live heap bytes for one prefix after insertion in no order.
pub(super) fn bytes<P: Network, T: Longest<P>>(shuffled: &[P]) -> f64 {
    sys::count();
    let table = T::of(shuffled);
    let heap = sys::stop();
    drop(table);
    heap.live as f64 / shuffled.len() as f64
}

/// Measures what is asked for one address or one prefix.
fn lookups<P: Network, T: Longest<P>>(figures: Figures, table: &T, keys: &Keys<P>) -> Result<Figures, Failure> {
    let longest = |address: &P::Address| table.longest(black_box(*address));
    let (anywhere, one) = sum(|| total(keys.anywhere.iter().map(longest)))?;
    let (inside, two) = sum(|| total(keys.inside.iter().map(longest)))?;
    let (hot, three) = sum(|| total((0..LOOKUPS / HOT).flat_map(|_| &keys.inside[..HOT]).map(longest)))?;
    let (latency, four) = sum(|| {
        // Each address hangs on the last answer, although it is always the next one.
        let (mut last, mut sum, nothing) = (0, 0_u32, black_box(0));
        for at in 0..LOOKUPS {
            last = table.longest(keys.inside[at ^ (last & nothing) as usize]);
            sum = sum.wrapping_add(last);
        }
        sum
    })?;
    let asked = LOOKUPS.min(keys.shuffled.len());
    let (exact, five) = sum(|| total(keys.shuffled[..asked].iter().map(|prefix| table.exact(black_box(*prefix)))))?;
    let sum = total([one, two, three, four, five].into_iter());
    let all = LOOKUPS as f64;
    Ok(figures
        .and("uni", each(anywhere, all))
        .and("match", each(inside, all))
        .and("hot", each(hot, all))
        .and("latency", each(latency, all))
        .and("exact", each(exact, asked as f64))
        .and("sum", f64::from(sum)))
}

/// Holds what a table finds after all of its updates to a plain map of the prefixes, and again without every other prefix, in one that
/// can be changed in time: a table that finds other routes has no figures.
pub(super) fn check<P: Network + Hash, T: Longest<P>>(table: &mut T, keys: &Keys<P>) -> Result<(), Failure> {
    let mut values: HashMap<P, u32> = keys.shuffled.iter().copied().zip(1..).collect();
    compare(table, &values, keys)?;
    if T::IS_LIVE {
        for prefix in keys.shuffled.iter().step_by(2) {
            table.remove(*prefix);
            values.remove(prefix);
        }
        compare(table, &values, keys)?;
    }
    Ok(())
}

fn compare<P: Network + Hash, T: Longest<P>>(table: &T, values: &HashMap<P, u32>, keys: &Keys<P>) -> Result<(), Failure> {
    for address in keys.inside.iter().chain(&keys.anywhere).step_by(2 * LOOKUPS / CHECKED) {
        let expected: Vec<u32> = P::around(*address).filter_map(|prefix| values.get(&prefix).copied()).collect();
        let mut all = Vec::new();
        table.all(*address, |value| all.push(value));
        all.reverse();
        if T::TELLS_ALL && all != expected || expected.first().copied().unwrap_or(0) != table.longest(*address) {
            return Err("it finds other routes than are there".into());
        }
    }
    for prefix in keys.shuffled.iter().take(CHECKED) {
        if table.exact(*prefix) != values.get(prefix).copied().unwrap_or(0) {
            return Err("it finds another value than is there".into());
        }
    }
    Ok(())
}

/// Nanoseconds of CPU time for each of so many.
pub(super) fn each(span: Span, count: f64) -> f64 {
    span.cpu.as_secs_f64() * 1e9 / count
}

/// Measures what adds values up: the sum keeps the work from being left out, whether the caller wants it or not, and shows that all find the same.
pub(super) fn sum(find: impl FnOnce() -> u32) -> Result<(Span, u32), Failure> {
    stopwatch::here(|| Ok(black_box(find())))
}

pub(super) fn total(values: impl Iterator<Item = u32>) -> u32 {
    values.fold(0, u32::wrapping_add)
}

/// Marsaglia's xorshift: the same numbers in every process.
pub(super) struct Random(u64);

impl Random {
    pub(super) const fn new() -> Self {
        Self(0x2545_f491_4f6c_dd1d)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(super) fn wide(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }
}
