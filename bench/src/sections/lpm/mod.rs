//! Tables for the longest match, in memory: no kernel.

mod dir;
mod frozen;
mod measure;
mod peers;
mod plot;
mod readers;
mod sizes;
mod small;
mod tables;

use ip_network_table_deps_treebitmap::IpLookupTable;
use poptrie::Poptrie;
use prefix_trie::PrefixMap;
use ts_bart::SimpleTable;
use waypost::lpm::{Numbers, Table as Lpm};
use waypost::{Ipv4Prefix, Ipv6Prefix};

use super::{Needs, Section, failures};
use crate::Failure;
use crate::prefixes::Prefixes;
use crate::report::{Bound, Table, goal, number};
use crate::subject::{Figures, Samples, Setting, Subject};
use tables::Longest;

const fn section(name: &'static str, subjects: &'static [Subject], is_native: bool, write: fn(&Samples) -> String) -> Section {
    Section { name, subjects, needs: Needs::Nothing, is_native, write }
}

/// The sections: live tables in both builds, then what else there is to be known of them.
pub(super) const V4: Section = section("lpm-v4", OF_V4, true, |samples| write(samples, OF_V4, &GOALS_V4));
pub(super) const V6: Section = section("lpm-v6", OF_V6, true, |samples| write(samples, OF_V6, &GOALS_V6));
pub(super) const V4_GENERIC: Section = section("lpm-v4-generic", OF_V4, false, |samples| write(samples, OF_V4, &GOALS_V4));
pub(super) const V6_GENERIC: Section = section("lpm-v6-generic", OF_V6, false, |samples| write(samples, OF_V6, &GOALS_V6));
pub(super) const FROZEN: Section = frozen::SECTION;
pub(super) const SMALL: Section = small::SECTION;
pub(super) const READERS: Section = readers::SECTION;
pub(super) const SIZES: Section = sizes::SECTION;
pub(super) use sizes::drawing;

const OURS: &str = "**Waypost**";
const PREFIX_TRIE: &str = "prefix-trie 0.10";
const TREEBITMAP: &str = "treebitmap 0.5 (ip_network_table-deps)";
const BART: &str = "ts_bart 0.6";
const POPTRIE: &str = "poptrie 0.2";

const OF_V4: &[Subject] = &[
    of_table("lpm-v4/waypost", OURS, v4::<Lpm<Ipv4Prefix, u32, Numbers>>),
    of_table("lpm-v4/prefix-trie", PREFIX_TRIE, v4::<PrefixMap<(u32, u8), u32>>),
    of_table("lpm-v4/treebitmap", TREEBITMAP, v4::<IpLookupTable<std::net::Ipv4Addr, u32>>),
    of_table("lpm-v4/bart", BART, v4::<SimpleTable<u32>>),
    of_table("lpm-v4/poptrie", POPTRIE, v4::<Poptrie<(u32, u8), u32>>),
];

const OF_V6: &[Subject] = &[
    of_table("lpm-v6/waypost", OURS, v6::<Lpm<Ipv6Prefix, u32, Numbers>>),
    of_table("lpm-v6/prefix-trie", PREFIX_TRIE, v6::<PrefixMap<(u128, u8), u32>>),
    of_table("lpm-v6/treebitmap", TREEBITMAP, v6::<IpLookupTable<std::net::Ipv6Addr, u32>>),
    of_table("lpm-v6/bart", BART, v6::<SimpleTable<u32>>),
    of_table("lpm-v6/poptrie", POPTRIE, v6::<Poptrie<(u128, u8), u32>>),
];

const fn of_table(name: &'static str, label: &'static str, measure: fn(&Setting) -> Result<Figures, Failure>) -> Subject {
    Subject { name, label, repetitions: 5, measure }
}

/// The columns: a figure, and its name in the samples.
const COLUMNS: &[(&str, &str)] = &[
    ("insert sorted ns", "sorted"),
    ("shuffled ns", "shuffled"),
    ("update ns", "update"),
    ("bytes a prefix", "bytes"),
    ("anywhere ns", "uni"),
    ("match ns", "match"),
    ("hot ns", "hot"),
    ("latency ns", "latency"),
    ("exact ns", "exact"),
    ("all matches ns", "covers"),
    ("iterate ns", "iterate"),
];

/// How many times as fast as the best peer that can be updated a column is to be, and how many bytes a prefix may cost.
struct Goals {
    ratios: [(&'static str, &'static str, f64); 7],
    bytes: f64,
}

const GOALS_V4: Goals = Goals {
    ratios: [
        ("match", "match", 2.0),
        ("hot", "hot", 2.0),
        ("match latency", "latency", 1.4),
        ("update", "update", 1.4),
        ("insert, shuffled", "shuffled", 1.15),
        ("ordered iteration", "iterate", 1.0),
        ("all matches, with prefixes", "covers", 2.0),
    ],
    bytes: 8.0,
};

const GOALS_V6: Goals = Goals {
    ratios: [
        ("match", "match", 2.0),
        ("hot", "hot", 1.5),
        ("match latency", "latency", 1.3),
        ("update", "update", 1.4),
        ("insert, shuffled", "shuffled", 1.0),
        ("ordered iteration", "iterate", 1.0),
        ("all matches, with prefixes", "covers", 2.0),
    ],
    bytes: 21.0,
};

fn v4<T: Longest<Ipv4Prefix>>(setting: &Setting) -> Result<Figures, Failure> {
    measure::live::<Ipv4Prefix, T>(&Prefixes::read(setting.step)?.v4)
}

fn v6<T: Longest<Ipv6Prefix>>(setting: &Setting) -> Result<Figures, Failure> {
    measure::live::<Ipv6Prefix, T>(&Prefixes::read(setting.step)?.v6)
}

fn write(samples: &Samples, subjects: &'static [Subject], goals: &Goals) -> String {
    let heads: Vec<&str> = [""].into_iter().chain(COLUMNS.iter().map(|(head, _)| *head)).chain(["runs"]).collect();
    let mut table = Table::new(&heads);
    for subject in subjects {
        let mut cells = vec![subject.label.to_owned()];
        cells.extend(COLUMNS.iter().map(|(_, name)| number(samples.median(subject.name, name), 1, "")));
        cells.push(samples.count(subject.name).to_string());
        table.row(cells);
    }
    let ratios = goals.ratios.iter().map(|(what, name, least)| {
        goal(
            &format!("{what}, over the best peer that can be updated"),
            advantage(samples, subjects, name),
            Bound::AtLeast(*least),
            2,
            " ×",
        )
    });
    let bytes = samples.median(subjects[0].name, "bytes");
    let goals: String = ratios.chain([goal("bytes a prefix", bytes, Bound::AtMost(goals.bytes), 2, "")]).collect();
    format!("{table}\n{}\n\n{goals}{}", agreement(samples, subjects), failures(samples, subjects))
}

/// Says whether all subjects have found the same.
fn agreement(samples: &Samples, subjects: &'static [Subject]) -> &'static str {
    let sums: Vec<_> = subjects.iter().filter_map(|subject| samples.median(subject.name, "sum")).collect();
    let all_agree = sums.windows(2).all(|pair| pair[0] == pair[1]);
    if all_agree { "All found the same routes." } else { "**They do not find the same routes.**" }
}

/// How many times as fast (or small) as the best of the peers that can be updated the first subject is.
fn advantage(samples: &Samples, subjects: &'static [Subject], name: &str) -> Option<f64> {
    let (own, peers) = subjects.split_first()?;
    let updatable = peers.iter().filter(|peer| peer.label != POPTRIE && samples.failure(peer.name).is_none());
    let best = updatable.filter_map(|peer| samples.median(peer.name, name)).min_by(f64::total_cmp)?;
    Some(best / samples.median(own.name, name)?)
}
