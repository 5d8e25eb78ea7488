//! The sections of docs/performance.md.

pub(crate) mod build;
mod changes;
mod claims;
mod decode;
pub(crate) mod install;
mod lookup;
mod lpm;
mod memory;
mod read;
mod routing;
mod start;
pub(crate) mod summary;

pub(crate) use memory::Memory;

use crate::report::{Table, number};
use crate::subject::{CPU, Samples, Subject, WALL};

/// A table of the document.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Section {
    /// Its name in the marks.
    pub(crate) name: &'static str,
    /// What is measured.
    pub(crate) subjects: &'static [Subject],
    /// What the kernel's tables must have.
    pub(crate) needs: Needs,
    /// It is built for the processor that it runs on; else for all of its kind, as programs are that go to others.
    pub(crate) is_native: bool,
    /// The table, and what is to be said of it.
    pub(crate) write: fn(&Samples) -> String,
}

/// What the kernel's tables must have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Needs {
    /// They are not asked.
    Nothing,
    /// No routes but those of the interface: each repetition gets a namespace of its own.
    Empty,
    /// All of them.
    Full,
}

/// All sections, in the order in which they are measured.
pub(crate) const ALL: &[Section] = &[
    install::SECTION,
    read::SECTION,
    memory::SECTION,
    decode::SECTION,
    routing::SECTION,
    start::SECTION,
    claims::SECTION,
    lpm::V4,
    lpm::V6,
    lpm::V4_GENERIC,
    lpm::V6_GENERIC,
    lpm::SMALL,
    lpm::SIZES,
    lpm::FROZEN,
    lpm::READERS,
    lookup::NATIVE,
    lookup::GENERIC,
    changes::SECTION,
];

/// What is drawn of the samples of a section.
pub(crate) fn drawing(section: &Section, samples: &Samples) -> Option<String> {
    (section.name == lpm::SIZES.name).then(|| lpm::drawing(samples))
}

/// The subject that goes by this name, and what it needs.
pub(crate) fn subject(name: &str) -> Option<(&'static Subject, Needs)> {
    let mut subjects = ALL.iter().flat_map(|section| section.subjects.iter().map(|subject| (subject, section.needs)));
    subjects.find(|(subject, _)| subject.name == name)
}

/// Wall and CPU times of subjects that all do the same, as milliseconds and as multiples of what the first needs.
fn times(samples: &Samples, subjects: &'static [Subject], prefix: &str) -> Table {
    let mut table = Table::new(&["", "wall ms", "× floor", "CPU ms", "× floor", "runs"]);
    let Some(floor) = subjects.first() else { return table };
    for subject in subjects {
        let mut cells = vec![subject.label.to_owned()];
        for kind in [WALL, CPU] {
            let name = format!("{prefix}{kind}");
            cells.push(number(samples.median(subject.name, &name).map(|seconds| seconds * 1e3), 1, ""));
            cells.push(number(samples.ratio(subject.name, floor.name, &name), 2, ""));
        }
        cells.push(samples.count(subject.name).to_string());
        table.row(cells);
    }
    table
}

/// Which subjects could not be measured, and why.
fn failures(samples: &Samples, subjects: &'static [Subject]) -> String {
    let failed = subjects.iter().filter_map(|subject| Some((subject, samples.failure(subject.name)?)));
    failed.map(|(subject, why)| format!("- {} failed: {why}\n", subject.label)).collect()
}
