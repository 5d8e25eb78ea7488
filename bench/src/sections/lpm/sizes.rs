//! Tables of one prefix to ten million: what each costs as a table grows and shrinks.

use std::hint::black_box;

use prefix_trie::PrefixMap;
use waypost::Ipv4Prefix;
use waypost::lpm::{Numbers, Table as Lpm};

use super::measure::{Keys, LOOKUPS, Random, bytes, each, sum, total, update};
use super::plot::{Curve, Panel, plot};
use super::tables::{Longest, Network};
use super::{OURS, PREFIX_TRIE};
use crate::prefixes::Prefixes;
use crate::report::{Bound, Table, goal, marked, number};
use crate::sections::{Needs, Section, failures};
use crate::subject::{Figures, Samples, Setting, Subject};
use crate::{Failure, stopwatch, sys};

pub(crate) const SECTION: Section =
    Section { name: "lpm-sizes", subjects: SUBJECTS, needs: Needs::Nothing, is_native: true, write };

/// Each table in three parts, so that none takes long: one part can be measured while the machine is quiet for a minute.
const SUBJECTS: &[Subject] = &[
    part("sizes/waypost", OURS, sizes::<Ours, 0>),
    part("sizes/waypost-1m", OURS, sizes::<Ours, 1>),
    part("sizes/waypost-10m", OURS, sizes::<Ours, 2>),
    part("sizes/prefix-trie", PREFIX_TRIE, sizes::<Peer, 0>),
    part("sizes/prefix-trie-1m", PREFIX_TRIE, sizes::<Peer, 1>),
    part("sizes/prefix-trie-10m", PREFIX_TRIE, sizes::<Peer, 2>),
];

type Ours = Lpm<Ipv4Prefix, u32, Numbers>;
type Peer = PrefixMap<(u32, u8), u32>;

const fn part(name: &'static str, label: &'static str, measure: fn(&Setting) -> Result<Figures, Failure>) -> Subject {
    Subject { name, label, repetitions: 5, measure }
}

/// Which part of a table's a size belongs to.
const fn part_of(size: usize) -> usize {
    match size {
        0..MILLION => 0,
        MILLION..10_000_000 => 1,
        _ => 2,
    }
}

/// The median of a figure of a size.
fn median(samples: &Samples, label: &str, size: usize, what: &str) -> Option<f64> {
    let subject = SUBJECTS.iter().filter(|subject| subject.label == label).nth(part_of(size))?;
    samples.median(subject.name, &name(size, what))
}

/// How many prefixes there are. The table takes another form beyond 16, and from 512 and 32,768 on: so both sides of each are here.
const SIZES: [usize; 18] =
    [1, 4, 16, 17, 40, 128, 511, 512, 1_000, 4_000, 10_000, 32_767, 32_768, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000];

/// What is measured of each size.
const COLUMNS: [(&str, &str); 5] =
    [("grow", "grow ns"), ("shrink", "shrink ns"), ("update", "update ns"), ("match", "match ns"), ("bytes", "bytes a prefix")];

const MILLION: usize = 1_000_000;

fn name(size: usize, what: &str) -> String {
    format!("{size} {what}")
}

fn sizes<T: Longest<Ipv4Prefix>, const PART: usize>(setting: &Setting) -> Result<Figures, Failure> {
    let all = Prefixes::read(1)?.v4;
    let mut figures = Figures::default();
    // A quick run has no time for the largest.
    let most = SIZES[SIZES.len() - 1] / setting.step;
    for size in SIZES.into_iter().filter(|size| part_of(*size) == PART && *size <= most) {
        let keys = Keys::of(&prefixes(&all, size));
        let rounds = (MILLION / 4 / size).max(1);
        let mut grown: Vec<T> = Vec::with_capacity(rounds);
        // To count what is allocated costs a large table nothing, and a small one is made again for it.
        if size >= MILLION {
            sys::count();
        }
        let (grow, ()) = stopwatch::here(|| {
            grown.extend((0..rounds).map(|_| T::of(black_box(&keys.shuffled))));
            Ok(())
        })?;
        let heap = sys::stop();
        let table = &mut grown[0];
        let update = update(table, &keys.shuffled[..size.min(MILLION)])?;
        let (span, _) = sum(|| total(keys.inside.iter().map(|address| table.longest(black_box(*address)))))?;
        let (shrink, ()) = stopwatch::here(|| {
            for table in &mut grown {
                keys.shuffled.iter().for_each(|prefix| table.remove(*prefix));
            }
            Ok(())
        })?;
        drop(grown);
        let count = (rounds * size) as f64;
        let bytes = if size >= MILLION { heap.live as f64 / count } else { bytes::<Ipv4Prefix, T>(&keys.shuffled) };
        figures = figures
            .and(&name(size, "grow"), each(grow, count))
            .and(&name(size, "shrink"), each(shrink, count))
            .and(&name(size, "update"), update)
            .and(&name(size, "match"), each(span, LOOKUPS as f64))
            .and(&name(size, "bytes"), bytes);
    }
    Ok(figures)
}

/// So many prefixes: each so-many-th of the Internet's, or all of these and longer ones at random places inside them.
fn prefixes(all: &[Ipv4Prefix], size: usize) -> Vec<Ipv4Prefix> {
    if size <= all.len() {
        return all.iter().copied().step_by(all.len() / size).take(size).collect();
    }
    let mut random = Random::new();
    let mut more = all.to_vec();
    while more.len() < size {
        while more.len() < size {
            let around = all[random.below(all.len())];
            let length = (around.length() + 1 + random.below(6) as u8).min(32);
            more.push(Ipv4Prefix::from_bits(around.address_inside(random.wide()).to_bits(), length));
        }
        more.sort_unstable();
        more.dedup();
    }
    more
}

fn write(samples: &Samples) -> String {
    let heads =
        ["prefixes"].into_iter().chain(COLUMNS.iter().map(|(_, head)| *head)).chain(["match, prefix-trie", "update", "bytes"]);
    let mut table = Table::new(&heads.collect::<Vec<_>>());
    for size in SIZES {
        let figure = |label, what: &str| number(median(samples, label, size, what), 1, "");
        let mut cells = vec![size.to_string()];
        cells.extend(COLUMNS.map(|(what, _)| figure(OURS, what)));
        cells.extend(["match", "update", "bytes"].map(|what| figure(PREFIX_TRIE, what)));
        table.row(cells);
    }
    let growth = |what| {
        let at = |size| median(samples, OURS, size, what);
        Some(at(10 * MILLION)? / at(MILLION)?)
    };
    let goals: String = ["update", "match", "bytes"]
        .map(|what| goal(&format!("{what}, 10 million over 1 million"), growth(what), Bound::AtMost(1.3), 2, " ×"))
        .concat();
    let runs = SUBJECTS.iter().map(|subject| samples.count(subject.name)).min().unwrap_or(0);
    format!("{table}\n{runs} runs of each at least.\n\n{goals}{}", failures(samples, SUBJECTS))
}

/// The plot of it, a part of its own: `cargo xtask bench` makes a file of it.
pub(crate) fn drawing(samples: &Samples) -> String {
    let curve = |of: &'static str, colour, what: &str, dashes| {
        let point = |size: usize| Some((size as f64, median(samples, of, size, what)?));
        let label = format!("{}, {what}", of.trim_matches('*'));
        Curve { label, colour, dashes, points: SIZES.into_iter().filter_map(point).collect() }
    };
    let both = |what: &str, dashes| [curve(OURS, "#0b6e4f", what, dashes), curve(PREFIX_TRIE, "#b3541e", what, dashes)];
    let panels = [
        Panel { title: "update and match, ns", curves: [both("update", ""), both("match", "5 4")].concat() },
        Panel {
            title: "growing from nothing and shrinking to it, ns each",
            curves: [both("grow", ""), both("shrink", "5 4")].concat(),
        },
        Panel { title: "bytes a prefix", curves: both("bytes", "").to_vec() },
    ];
    marked("lpm-sizes.svg", &plot("IPv4 prefixes in the table", &panels))
}
