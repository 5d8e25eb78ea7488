//! Tables for the longest match, in memory: no kernel.

mod tables;

use std::collections::HashMap;
use std::hash::Hash;
use std::hint::black_box;

use ip_network_table_deps_treebitmap::IpLookupTable;
use prefix_trie::PrefixMap;
use waypost::lpm::{Numbers, Table as Lpm};
use waypost::{Ipv4Prefix, Ipv6Prefix};

use super::{Needs, Section, failures};
use crate::prefixes::Prefixes;
use crate::report::{Table, number};
use crate::stopwatch::{self, Span};
use crate::subject::{Figures, Samples, Setting, Subject};
use crate::{Failure, sys};
use tables::{Longest, Network};

pub(super) const V4: Section =
    Section { name: "lpm-v4", subjects: OF_V4, needs: Needs::Full, write: |samples| write(samples, OF_V4) };
pub(super) const V6: Section =
    Section { name: "lpm-v6", subjects: OF_V6, needs: Needs::Full, write: |samples| write(samples, OF_V6) };

const OURS: &str = "**Waypost**";
const PREFIX_TRIE: &str = "prefix-trie 0.10";
const TREEBITMAP: &str = "ip_network_table-deps-treebitmap 0.5";

const OF_V4: &[Subject] = &[
    Subject { name: "lpm-v4/waypost", label: OURS, repetitions: 5, measure: v4::<Lpm<Ipv4Prefix, u32, Numbers>> },
    Subject { name: "lpm-v4/prefix-trie", label: PREFIX_TRIE, repetitions: 5, measure: v4::<PrefixMap<(u32, u8), u32>> },
    Subject {
        name: "lpm-v4/treebitmap",
        label: TREEBITMAP,
        repetitions: 5,
        measure: v4::<IpLookupTable<std::net::Ipv4Addr, u32>>,
    },
];

const OF_V6: &[Subject] = &[
    Subject { name: "lpm-v6/waypost", label: OURS, repetitions: 5, measure: v6::<Lpm<Ipv6Prefix, u32, Numbers>> },
    Subject { name: "lpm-v6/prefix-trie", label: PREFIX_TRIE, repetitions: 5, measure: v6::<PrefixMap<(u128, u8), u32>> },
    Subject {
        name: "lpm-v6/treebitmap",
        label: TREEBITMAP,
        repetitions: 5,
        measure: v6::<IpLookupTable<std::net::Ipv6Addr, u32>>,
    },
];

/// The columns: a figure, and its name in the samples.
const COLUMNS: &[(&str, &str)] = &[
    ("insert sorted ns", "sorted"),
    ("shuffled ns", "shuffled"),
    ("update ns", "update"),
    ("match ns", "match"),
    ("all matches ns", "covers"),
    ("iterate ns", "iterate"),
    ("bytes a prefix", "bytes"),
];

/// How many addresses are looked up.
const LOOKUPS: usize = 1 << 20;

/// How many of them are looked up in a plain map too.
const CHECKED: usize = 1 << 14;

fn v4<T: Longest<Ipv4Prefix>>(setting: &Setting) -> Result<Figures, Failure> {
    measure::<Ipv4Prefix, T>(Prefixes::read(setting.step)?.v4)
}

fn v6<T: Longest<Ipv6Prefix>>(setting: &Setting) -> Result<Figures, Failure> {
    measure::<Ipv6Prefix, T>(Prefixes::read(setting.step)?.v6)
}

fn measure<P: Network + Hash, T: Longest<P>>(sorted: Vec<P>) -> Result<Figures, Failure> {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut shuffled = sorted.clone();
    for at in (1..shuffled.len()).rev() {
        shuffled.swap(at, random.below(at + 1));
    }
    let addresses: Vec<P::Address> =
        (0..LOOKUPS).map(|_| sorted[random.below(sorted.len())].address_inside(random.wide())).collect();

    let (sorted_time, table) = stopwatch::here(|| Ok(filled::<P, T>(&sorted)))?;
    drop(table);
    let (shuffled_time, mut table) = stopwatch::here(|| Ok(filled::<P, T>(&shuffled)))?;
    let (matches, mut sum) = sum(|add| addresses.iter().for_each(|address| add(table.longest(black_box(*address)))))?;
    let (covers, all) = self::sum(|add| addresses.iter().for_each(|address| table.all(black_box(*address), &mut *add)))?;
    let (iterate, each) = self::sum(|add| table.each(add))?;
    sum = sum.wrapping_add(all).wrapping_add(each);
    let (update, ()) = stopwatch::here(|| {
        for (prefix, value) in shuffled.iter().zip(0..) {
            table.remove(*prefix);
            table.insert(*prefix, value);
        }
        Ok(())
    })?;
    check(&table, &shuffled, &addresses)?;
    drop(table);

    sys::count();
    let table = filled::<P, T>(&shuffled);
    let heap = sys::stop();
    drop(table);
    let routes = sorted.len() as f64;
    let each = |span: Span, count: f64| span.cpu.as_secs_f64() * 1e9 / count;
    Ok(Figures::default()
        .and("sorted", each(sorted_time, routes))
        .and("shuffled", each(shuffled_time, routes))
        .and("update", each(update, routes * 2.0))
        .and("match", each(matches, LOOKUPS as f64))
        .and("covers", each(covers, LOOKUPS as f64))
        .and("iterate", each(iterate, routes))
        .and("bytes", heap.live as f64 / routes)
        .and("sum", f64::from(sum)))
}

/// Holds what a table finds after all of its updates to a plain map of the prefixes: a table that finds other routes has no figures.
fn check<P: Network + Hash, T: Longest<P>>(table: &T, prefixes: &[P], addresses: &[P::Address]) -> Result<(), Failure> {
    let values: HashMap<P, u32> = prefixes.iter().copied().zip(0..).collect();
    for address in addresses.iter().take(CHECKED) {
        let expected: Vec<u32> = P::around(*address).filter_map(|prefix| values.get(&prefix).copied()).collect();
        let mut all = Vec::new();
        table.all(*address, |value| all.push(value));
        all.reverse();
        if all != expected || expected.first() != Some(&table.longest(*address)) {
            return Err("it finds other routes than are there".into());
        }
    }
    Ok(())
}

fn filled<P: Network, T: Longest<P>>(prefixes: &[P]) -> T {
    let mut table = T::empty();
    for (prefix, value) in prefixes.iter().zip(0..) {
        table.insert(*prefix, value);
    }
    table
}

/// Measures what finds values, and adds them up: the sum keeps the work from being left out, and shows that all find the same.
fn sum(mut find: impl FnMut(&mut dyn FnMut(u32))) -> Result<(Span, u32), Failure> {
    let mut sum = 0_u32;
    let (span, ()) = stopwatch::here(|| {
        find(&mut |value| sum = sum.wrapping_add(value));
        Ok(())
    })?;
    Ok((span, sum))
}

/// Marsaglia's xorshift: the same numbers in every process.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn wide(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }
}

fn write(samples: &Samples, subjects: &'static [Subject]) -> String {
    let heads: Vec<&str> = [""].into_iter().chain(COLUMNS.iter().map(|(head, _)| *head)).collect();
    let mut table = Table::new(&heads);
    for subject in subjects {
        let mut cells = vec![subject.label.to_owned()];
        cells.extend(COLUMNS.iter().map(|(_, name)| number(samples.median(subject.name, name), 1, "")));
        table.row(cells);
    }
    let sums: Vec<_> = subjects.iter().filter_map(|subject| samples.median(subject.name, "sum")).collect();
    let all_agree = sums.windows(2).all(|pair| pair[0] == pair[1]);
    let agreement = if all_agree { "All found the same routes." } else { "**They do not find the same routes.**" };
    format!("{table}\n{agreement}\n{}", failures(samples, subjects))
}
