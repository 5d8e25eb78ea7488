//! Tables that are looked up and never changed.

use std::hint::black_box;

use poptrie::Poptrie;
use waypost::lpm::{Frozen, Key, Numbers, Table as Lpm};
use waypost::{Ipv4Prefix, Ipv6Prefix};

use super::dir::Direct;
use super::measure::{Keys, LOOKUPS, each, sum, total};
use super::tables::{Longest, Network};
use crate::prefixes::Prefixes;
use crate::report::{Bound, Table, goal, number};
use crate::sections::{Needs, Section, failures};
use crate::subject::{Figures, Samples, Setting, Subject};
use crate::{Failure, stopwatch, sys};

pub(crate) const SECTION: Section =
    Section { name: "lpm-frozen", subjects: SUBJECTS, needs: Needs::Nothing, is_native: true, write };

const DIRECT_V4: &str = "dir-24-8 by hand, as in DPDK's `rte_fib`";
const DIRECT_V6: &str = "24 bits, then 8 by 8, by hand, as in DPDK's `rte_fib6`";

const SUBJECTS: &[Subject] = &[
    subject("frozen-v4/waypost", "IPv4, **Waypost**", |setting| waypost(Prefixes::read(setting.step)?.v4)),
    subject("frozen-v4/direct", DIRECT_V4, |setting| direct(Prefixes::read(setting.step)?.v4)),
    subject("frozen-v4/poptrie", "poptrie 0.2", |setting| poptrie_v4(Prefixes::read(setting.step)?.v4)),
    subject("frozen-v6/waypost", "IPv6, **Waypost**", |setting| waypost(Prefixes::read(setting.step)?.v6)),
    subject("frozen-v6/direct", DIRECT_V6, |setting| direct(Prefixes::read(setting.step)?.v6)),
    subject("frozen-v6/poptrie", "poptrie 0.2", |setting| poptrie_v6(Prefixes::read(setting.step)?.v6)),
];

const fn subject(name: &'static str, label: &'static str, measure: fn(&Setting) -> Result<Figures, Failure>) -> Subject {
    Subject { name, label, repetitions: 5, measure }
}

/// How many addresses a batch has.
const BATCH: usize = 32;

const COLUMNS: &[(&str, &str)] = &[
    ("build ms", "build"),
    ("one by one ns", "match"),
    ("hot ns", "hot"),
    ("batch of 32 ns", "batch"),
    ("latency ns", "latency"),
    ("bytes a prefix", "bytes"),
];

/// Looks addresses up, and adds up what it finds.
type Look<'t, P> = &'t dyn Fn(&[<P as Key>::Address]) -> u32;

/// What is asked of a table that does not change.
struct Asked<'t, P: Network> {
    one: Look<'t, P>,
    /// The addresses, each hanging on the last answer.
    chain: Look<'t, P>,
    batch: Option<Look<'t, P>>,
}

impl<P: Network> Asked<'_, P> {
    fn measure(&self, keys: &Keys<P>) -> Result<Figures, Failure> {
        let all = &keys.inside[..];
        let (one, first) = sum(|| (self.one)(black_box(all)))?;
        let (hot, _) = sum(|| total((0..LOOKUPS >> 12).map(|_| (self.one)(black_box(&all[..1 << 12])))))?;
        let (chain, second) = sum(|| (self.chain)(black_box(all)))?;
        let count = LOOKUPS as f64;
        let mut figures = Figures::default()
            .and("match", each(one, count))
            .and("hot", each(hot, count))
            .and("latency", each(chain, count))
            .and("sum", f64::from(first));
        let mut sums = vec![first, second];
        if let Some(batch) = self.batch {
            let (span, third) = sum(|| batch(black_box(all)))?;
            figures = figures.and("batch", each(span, count));
            sums.push(third);
        }
        if sums.iter().any(|sum| *sum != first) {
            return Err("one by one it finds other routes than at once".into());
        }
        Ok(figures)
    }
}

/// The sum of what `find` finds for addresses of which each hangs on the last answer.
fn chain<A: Copy>(addresses: &[A], find: impl Fn(A) -> u32) -> u32 {
    let (mut last, mut sum, nothing) = (0, 0_u32, black_box(0));
    for at in 0..addresses.len() {
        last = find(addresses[at ^ (last & nothing) as usize]);
        sum = sum.wrapping_add(last);
    }
    sum
}

fn waypost<P: Network>(sorted: Vec<P>) -> Result<Figures, Failure> {
    let keys = Keys::of(&sorted);
    let table = <Lpm<P, u32, Numbers> as Longest<P>>::of(&keys.shuffled);
    let (span, first) = stopwatch::here(|| Ok(table.freeze()))?;
    drop(first);
    sys::count();
    let frozen: Frozen<P, u32, Numbers> = table.freeze();
    let bytes = sys::stop().live as f64 / sorted.len() as f64;
    let find = |address: P::Address| frozen.longest_match(address).copied().unwrap_or(0);
    let batch = |addresses: &[P::Address]| {
        let (batches, _) = addresses.as_chunks::<BATCH>();
        total(batches.iter().flat_map(|batch| frozen.longest_matches(batch)).map(|value| value.copied().unwrap_or(0)))
    };
    check(&table, &keys, find)?;
    let asked = Asked::<P> {
        one: &|addresses| total(addresses.iter().map(|address| find(*address))),
        chain: &|addresses| chain(addresses, find),
        batch: Some(&batch),
    };
    Ok(asked.measure(&keys)?.and("build", span.cpu.as_secs_f64() * 1e3).and("bytes", bytes))
}

fn direct<P: Network>(sorted: Vec<P>) -> Result<Figures, Failure> {
    let keys = Keys::of(&sorted);
    let (span, first) = stopwatch::here(|| Ok(Direct::of(&keys.shuffled)))?;
    drop(first);
    sys::count();
    let table = Direct::of(&keys.shuffled);
    let bytes = sys::stop().live as f64 / sorted.len() as f64;
    let find = |address: P::Address| table.longest::<P>(address);
    let batch = |addresses: &[P::Address]| {
        let (batches, _) = addresses.as_chunks::<BATCH>();
        total(batches.iter().flat_map(|batch| table.batch::<P, BATCH>(batch)))
    };
    check(&<Lpm<P, u32, Numbers> as Longest<P>>::of(&keys.shuffled), &keys, find)?;
    let asked = Asked::<P> {
        one: &|addresses| total(addresses.iter().map(|address| find(*address))),
        chain: &|addresses| chain(addresses, find),
        batch: Some(&batch),
    };
    Ok(asked.measure(&keys)?.and("build", span.cpu.as_secs_f64() * 1e3).and("bytes", bytes))
}

fn poptrie_v4(sorted: Vec<Ipv4Prefix>) -> Result<Figures, Failure> {
    poptrie::<Ipv4Prefix, Poptrie<(u32, u8), u32>>(&sorted)
}

fn poptrie_v6(sorted: Vec<Ipv6Prefix>) -> Result<Figures, Failure> {
    poptrie::<Ipv6Prefix, Poptrie<(u128, u8), u32>>(&sorted)
}

fn poptrie<P: Network, T: Longest<P>>(sorted: &[P]) -> Result<Figures, Failure> {
    let keys = Keys::of(sorted);
    let (span, first) = stopwatch::here(|| Ok(T::of(&keys.shuffled)))?;
    drop(first);
    sys::count();
    let table = T::of(&keys.shuffled);
    let bytes = sys::stop().live as f64 / sorted.len() as f64;
    let find = |address: P::Address| table.longest(address);
    check(&<Lpm<P, u32, Numbers> as Longest<P>>::of(&keys.shuffled), &keys, find)?;
    let asked = Asked::<P> {
        one: &|addresses| total(addresses.iter().map(|address| find(*address))),
        chain: &|addresses| chain(addresses, find),
        batch: None,
    };
    Ok(asked.measure(&keys)?.and("build", span.cpu.as_secs_f64() * 1e3).and("bytes", bytes))
}

/// Holds what is found to the live table, which is held to a plain map in its own section.
fn check<P: Network>(live: &Lpm<P, u32, Numbers>, keys: &Keys<P>, find: impl Fn(P::Address) -> u32) -> Result<(), Failure> {
    let differs = |address: &&P::Address| live.longest(**address) != find(**address);
    if keys.inside.iter().chain(&keys.anywhere).any(|address| differs(&address)) {
        return Err("it finds other routes than are there".into());
    }
    Ok(())
}

fn write(samples: &Samples) -> String {
    let heads: Vec<&str> = [""].into_iter().chain(COLUMNS.iter().map(|(head, _)| *head)).chain(["runs"]).collect();
    let mut table = Table::new(&heads);
    for subject in SUBJECTS {
        let mut cells = vec![subject.label.to_owned()];
        cells.extend(COLUMNS.iter().map(|(_, name)| number(samples.median(subject.name, name), 1, "")));
        cells.push(samples.count(subject.name).to_string());
        table.row(cells);
    }
    let build = |name| samples.median(name, "build");
    let both = build("frozen-v4/waypost").zip(build("frozen-v6/waypost")).map(|(v4, v6)| v4 + v6);
    let batch = |own, floor| samples.ratio(own, floor, "batch");
    let goals = [
        goal("freezing the IPv4 table", build("frozen-v4/waypost"), Bound::AtMost(20.0), 1, " ms"),
        goal("freezing both tables", both, Bound::AtMost(20.0), 1, " ms"),
        goal("IPv4, batch of 32, over dir-24-8", batch("frozen-v4/waypost", "frozen-v4/direct"), Bound::AtMost(1.3), 2, " ×"),
        goal(
            "IPv6, batch of 32, over 24 bits and 8 by 8",
            batch("frozen-v6/waypost", "frozen-v6/direct"),
            Bound::AtMost(1.0),
            2,
            " ×",
        ),
    ]
    .concat();
    format!("{table}\n{goals}{}", failures(samples, SUBJECTS))
}
