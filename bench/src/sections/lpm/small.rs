//! Small tables, as most machines have them.

use std::hash::Hash;
use std::hint::black_box;

use ip_network_table_deps_treebitmap::IpLookupTable;
use prefix_trie::PrefixMap;
use ts_bart::SimpleTable;
use waypost::lpm::{Numbers, Table as Lpm};
use waypost::{Ipv4Prefix, Ipv6Prefix};

use super::measure::{Keys, LOOKUPS, bytes, check, each, sum, total, update};
use super::tables::{Longest, Network};
use super::{BART, OURS, PREFIX_TRIE, TREEBITMAP, advantage};
use crate::Failure;
use crate::prefixes::Prefixes;
use crate::report::{Bound, Table, goal, number};
use crate::sections::{Needs, Section, failures};
use crate::subject::{Figures, Samples, Setting, Subject};

pub(crate) const SECTION: Section =
    Section { name: "lpm-small", subjects: SUBJECTS, needs: Needs::Nothing, is_native: true, write };

const SUBJECTS: &[Subject] = &[
    subject("small/waypost", OURS, both::<Lpm<Ipv4Prefix, u32, Numbers>, Lpm<Ipv6Prefix, u32, Numbers>>),
    subject("small/prefix-trie", PREFIX_TRIE, both::<PrefixMap<(u32, u8), u32>, PrefixMap<(u128, u8), u32>>),
    subject(
        "small/treebitmap",
        TREEBITMAP,
        both::<IpLookupTable<std::net::Ipv4Addr, u32>, IpLookupTable<std::net::Ipv6Addr, u32>>,
    ),
    subject("small/bart", BART, both::<SimpleTable<u32>, SimpleTable<u32>>),
];

const fn subject(name: &'static str, label: &'static str, measure: fn(&Setting) -> Result<Figures, Failure>) -> Subject {
    Subject { name, label, repetitions: 7, measure }
}

/// How many routes there are.
const SIZES: [usize; 2] = [10, 1000];

/// What is measured, and in what.
const COLUMNS: [(&str, &str); 3] = [("update", "ns"), ("match", "ns"), ("bytes", "bytes a prefix")];

fn both<T: Longest<Ipv4Prefix>, U: Longest<Ipv6Prefix>>(_: &Setting) -> Result<Figures, Failure> {
    let all = Prefixes::read(1)?;
    let mut figures = Figures::default();
    for size in SIZES {
        figures = one::<Ipv4Prefix, T>(figures, "v4", &all.v4, size)?;
        figures = one::<Ipv6Prefix, U>(figures, "v6", &all.v6, size)?;
    }
    Ok(figures)
}

/// Each so-many-th prefix of the Internet's, and a default route among them.
fn one<P: Network + Hash, T: Longest<P>>(figures: Figures, family: &str, all: &[P], size: usize) -> Result<Figures, Failure> {
    let mut some: Vec<P> = all.iter().copied().step_by(all.len() / (size - 1)).take(size - 1).collect();
    some.insert(0, P::around(P::anywhere(0)).last().ok_or("a default route")?);
    let keys = Keys::of(&some);
    let mut table = T::of(&keys.shuffled);
    let update = update(&mut table, &keys.shuffled)?;
    let (span, _) = sum(|| total(keys.inside.iter().map(|address| table.longest(black_box(*address)))))?;
    check(&mut table, &keys)?;
    let name = |what: &str| format!("{family} {size} {what}");
    Ok(figures
        .and(&name("update"), update)
        .and(&name("match"), each(span, LOOKUPS as f64))
        .and(&name("bytes"), bytes::<P, T>(&keys.shuffled)))
}

fn write(samples: &Samples) -> String {
    let mut text = String::new();
    let mut goals = String::new();
    for (family, label) in [("v4", "IPv4"), ("v6", "IPv6")] {
        let mut heads = vec![label.to_owned()];
        for size in SIZES {
            heads.extend(COLUMNS.map(|(what, unit)| format!("{size} routes: {what}, {unit}").replace("bytes, bytes", "bytes")));
        }
        heads.push("runs".to_owned());
        let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
        let mut table = Table::new(&heads);
        for subject in SUBJECTS {
            let mut cells = vec![subject.label.to_owned()];
            for size in SIZES {
                let figure = |(what, _)| number(samples.median(subject.name, &format!("{family} {size} {what}")), 1, "");
                cells.extend(COLUMNS.map(figure));
            }
            cells.push(samples.count(subject.name).to_string());
            table.row(cells);
        }
        text += &format!("{table}\n");
        for size in SIZES {
            for (what, _) in COLUMNS {
                let ratio = advantage(samples, SUBJECTS, &format!("{family} {size} {what}"));
                goals +=
                    &goal(&format!("{label}, {size} routes, {what}, over the best peer"), ratio, Bound::AtLeast(1.0), 2, " ×");
            }
        }
    }
    format!("{text}{goals}{}", failures(samples, SUBJECTS))
}
