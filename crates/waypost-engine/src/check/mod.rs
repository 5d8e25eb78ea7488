//! Looking a mirror over as an experienced operator would.
//!
//! Nothing is asked and nothing is changed: what is found is told, with what to do about it.

mod finding;
mod prefixes;
mod surroundings;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use waypost_core::{Disposition, Route, RouteRef};

pub use finding::{Finding, Problem, Severity};

use crate::follow::Drift;
use crate::mirror::Mirror;
use surroundings::Surroundings;

/// How many findings of one problem are kept: a full table can have one a route.
const KEPT: usize = 100;

/// What a mirror does not know and a check goes by.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct CheckOptions {
    /// In what the mirror was not what the kernel has, if that has been verified.
    pub drift: Option<Drift>,
    /// How many neighbours of each family, IPv4 first, the kernel keeps at most, where that is known.
    pub neighbours_max: [Option<usize>; 2],
}

/// What a check has found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Diagnosis {
    /// What was found, the gravest first; of each problem no more than a hundred.
    pub findings: Vec<Finding>,
    /// How many more there are of each problem.
    pub omitted: BTreeMap<Problem, usize>,
}

impl Diagnosis {
    /// Says whether anything is wrong: notes alone are not.
    #[must_use]
    pub fn is_wrong(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity > Severity::Note)
    }

    fn add(&mut self, finding: Finding) {
        match self.findings.iter().filter(|held| held.problem == finding.problem).count() < KEPT {
            true => self.findings.push(finding),
            false => *self.omitted.entry(finding.problem).or_default() += 1,
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
    let mut report = Diagnosis::default();
    let mut surroundings = Surroundings::new(mirror);
    if let Some(drift) = options.drift.filter(|drift| !drift.is_none()) {
        report.add(Finding::drift(drift));
    }
    surroundings.neighbours(options.neighbours_max, &mut report);
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
    report.findings.sort_by_key(|finding| (std::cmp::Reverse(finding.severity), finding.problem));
    report
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
