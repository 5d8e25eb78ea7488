//! Looking a mirror over as an experienced operator would.
//!
//! Nothing is asked and nothing is changed: what is found is told, with what to do about it.

mod finding;
mod prefixes;
mod surroundings;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use waypost_core::{Disposition, Family, Route, RouteRef};

pub use finding::{Finding, Problem, Severity};

use crate::follow::Drift;
use crate::mirror::Mirror;
use surroundings::Surroundings;

/// How many findings of one problem and severity are kept: a full table can have one a route.
const KEPT: usize = 100;

/// What a mirror does not know and a check goes by.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct CheckOptions {
    /// In what the mirror was not what the kernel has, if that has been verified.
    pub drift: Option<Drift>,
    /// How many neighbours of each family, IPv4 first, the kernel keeps at most, where that is known.
    pub neighbours_max: [Option<usize>; 2],
    /// The family that is looked over; `None` is both. What drift there was is told whatever it was of.
    pub family: Option<Family>,
}

/// What a check has found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Diagnosis {
    /// What was found, the gravest first; of each problem no more than a hundred of one severity.
    pub findings: Vec<Finding>,
    /// How many more there are of each problem and severity.
    pub omitted: BTreeMap<(Problem, Severity), usize>,
}

impl Diagnosis {
    /// Says whether anything is wrong: notes alone are not.
    #[must_use]
    pub fn is_wrong(&self) -> bool {
        let told = self.findings.iter().map(|finding| finding.severity);
        told.chain(self.omitted.keys().map(|(_, severity)| *severity)).any(|severity| severity > Severity::Note)
    }
}

/// A diagnosis that is being made.
#[derive(Debug, Default)]
struct Report {
    diagnosis: Diagnosis,
    family: Option<Family>,
    kept: BTreeMap<(Problem, Severity), usize>,
}

impl Report {
    /// Keeps or counts a finding, unless it is of a family that nobody asked for.
    fn add(&mut self, finding: Finding) {
        if self.family.zip(finding.family()).is_some_and(|(wanted, family)| wanted != family) {
            return;
        }
        let key = (finding.problem, finding.severity);
        let kept = self.kept.entry(key).or_default();
        if *kept < KEPT {
            *kept += 1;
            self.diagnosis.findings.push(finding);
        } else {
            *self.diagnosis.omitted.entry(key).or_default() += 1;
        }
    }
}

/// Looks a mirror over.
///
/// ```
/// use waypost_core::{Notice, RouteVerb};
/// use waypost_engine::{CheckOptions, Mirror, Problem, check};
///
/// let (mut mirror, mut events) = (Mirror::new(), Vec::new());
/// for text in ["default via 192.0.2.1 dev if2", "default via 192.0.2.9 dev if3"] {
///     mirror.handle(Notice::Route(RouteVerb::Appended, text.parse()?), &mut events);
/// }
/// let report = check(&mirror, CheckOptions::default());
/// assert!(report.findings.iter().any(|finding| finding.problem == Problem::EqualDefaults));
/// # Ok::<(), waypost_core::Error>(())
/// ```
#[must_use]
pub fn check(mirror: &Mirror, options: CheckOptions) -> Diagnosis {
    let mut report = Report { family: options.family, ..Report::default() };
    let mut surroundings = Surroundings::new(mirror);
    if let Some(drift) = options.drift.filter(|drift| !drift.is_none()) {
        report.add(Finding::drift(drift));
    }
    surroundings.neighbours(options, &mut report);
    surroundings.rules(&mut report);
    for id in mirror.tables().table_ids() {
        let Some(table) = mirror.tables().table(id) else { continue };
        prefixes::defaults(mirror, table, &mut report);
        for chain in table.chains() {
            let routes: Vec<RouteRef<'_>> = chain.collect();
            prefixes::chain(mirror, table, &routes, &mut report);
            routes.iter().for_each(|route| surroundings.route(*route, &mut report));
        }
    }
    let mut diagnosis = report.diagnosis;
    diagnosis.findings.sort_by_key(|finding| (std::cmp::Reverse(finding.severity), finding.problem));
    diagnosis
}

/// Says whether packets that match are dropped.
const fn drops(route: RouteRef<'_>) -> bool {
    matches!(route.entry.disposition, Disposition::Blackhole | Disposition::Unreachable | Disposition::Prohibit)
}

fn owned(route: RouteRef<'_>) -> Route {
    let mut route = route.to_route();
    route.expires = None;
    route
}
