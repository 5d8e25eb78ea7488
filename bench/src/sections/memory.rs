//! The memory of a process that mirrors both tables.

use std::fs;

use super::{Needs, Section, failures};
#[cfg(feature = "peers")]
use crate::peers::nlink;
use crate::report::{Bound, Table, goal, number};
use crate::subject::{Figures, Samples, Subject};
use crate::{Failure, waypost};

pub(super) const SECTION: Section = Section { name: "memory", subjects: SUBJECTS, needs: Needs::Full, is_native: false, write };

pub(super) const MIRROR: &str = "memory/mirror";

const SUBJECTS: &[Subject] = &[
    Subject { name: MIRROR, label: "**Waypost**, a live mirror", repetitions: 5, measure: waypost::memory },
    #[cfg(feature = "peers")]
    Subject { name: "memory/nlink", label: "nlink 0.33, the list of `get_routes`", repetitions: 5, measure: nlink::memory },
];

/// What the memory of a process that holds `count` routes was.
#[derive(Debug)]
pub(crate) struct Memory {
    /// The resident bytes before anything was read.
    before: f64,
}

impl Memory {
    /// Looks at this process, before.
    pub(crate) fn before() -> Result<Self, Failure> {
        crate::sys::count();
        Ok(Self { before: status("VmRSS:")? })
    }

    /// Looks again, while `routes` routes are held.
    pub(crate) fn after(self, routes: usize) -> Result<Figures, Failure> {
        let heap = crate::sys::stop();
        let routes = f64::from(u32::try_from(routes)?);
        let each = |bytes: usize| bytes as f64 / routes;
        Ok(Figures::default()
            .and("routes", routes)
            .and("resident", (status("VmHWM:")? - self.before) / routes)
            .and("peak", each(heap.peak))
            .and("live", each(heap.live)))
    }
}

/// A number of bytes from /proc/self/status.
fn status(name: &str) -> Result<f64, Failure> {
    let text = fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)).ok_or("/proc/self/status lacks a line")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? * 1024.0)
}

fn write(samples: &Samples) -> String {
    let mut table = Table::new(&["", "routes", "peak resident, bytes a route", "peak heap", "heap, in the end", "runs"]);
    for subject in SUBJECTS {
        let figure = |name, digits| number(samples.median(subject.name, name), digits, "");
        let runs = samples.count(subject.name).to_string();
        let figures = [figure("routes", 0), figure("resident", 1), figure("peak", 1), figure("live", 1), runs];
        table.row([subject.label.to_owned()].into_iter().chain(figures).collect());
    }
    let resident = samples.median(MIRROR, "resident");
    let goal = goal("peak resident memory of the mirror", resident, Bound::AtMost(80.0), 1, " bytes a route");
    format!("{table}\n{goal}{}", failures(samples, SUBJECTS))
}
