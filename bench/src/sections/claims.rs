//! 100,000 claimed routes: compared with what there is, and brought about.

use std::fmt::Write as _;
use std::net::IpAddr;

use waypost::claim::{Claim, Claims, Owner, Prune};
use waypost::{Mirror, NextHop, Notice, Prefix, Protocol, Route, RouteVerb, Routes};

use super::{Needs, Section, failures};
use crate::Failure;
use crate::prefixes::Prefixes;
use crate::raw::Wish;
use crate::report::{Bound, Table, goal, number};
use crate::stopwatch;
use crate::subject::{CPU, Figures, Samples, Setting, Subject, WALL};
use crate::world::{self, Acknowledged, GATEWAY_V4, Pipeline};

pub(super) const SECTION: Section = Section { name: "claims", subjects: SUBJECTS, needs: Needs::Empty, is_native: false, write };

/// How many routes are claimed.
const CLAIMS: usize = 100_000;
const METRIC: u32 = 50;

const RECONCILE: &str = "claims/reconcile";
const FLOOR: &str = "claims/floor";
const APPLY: &str = "claims/apply";
const AGAIN: &str = "claims/again";

const SUBJECTS: &[Subject] = &[
    Subject { name: FLOOR, label: "floor: encoded beforehand, 64 to a send, each acknowledged", repetitions: 5, measure: floor },
    Subject { name: APPLY, label: "**`waypost apply`**, the file read, all or nothing", repetitions: 5, measure: apply },
    Subject { name: AGAIN, label: "**`waypost apply`** once more: nothing to change", repetitions: 5, measure: again },
    Subject {
        name: RECONCILE,
        label: "**`Claims::plan`** against all routes: nothing to change",
        repetitions: 5,
        measure: reconcile,
    },
];

fn route(prefix: Prefix) -> Route {
    let mut route = Route::new(prefix);
    route.slot.metric = METRIC;
    route.entry.next_hops = NextHop::via(IpAddr::V4(GATEWAY_V4)).into();
    route
}

/// Compares the claims with a mirror of the whole Internet table, in which they are.
fn reconcile(setting: &Setting) -> Result<Figures, Failure> {
    let prefixes = Prefixes::read(setting.step)?;
    let mut claims = Claims::new(Owner::standard(), Routes::open()?.capabilities());
    let (mut mirror, mut events) = (Mirror::new(), Vec::new());
    mirror.set_announce(false);
    let v4 = prefixes.v4.iter().map(|prefix| Prefix::V4(*prefix));
    for (at, prefix) in v4.chain(prefixes.v6.iter().map(|prefix| Prefix::V6(*prefix))).enumerate() {
        let mut there = route(prefix);
        if at < CLAIMS {
            claims.put(Claim::new(there.clone()))?;
            there.entry.protocol = Protocol(Owner::standard().number());
        }
        mirror.handle(Notice::Route(RouteVerb::Listed, there), &mut events);
    }
    let (span, plan) = stopwatch::here(|| Ok(claims.plan(&mirror, Prune::All)))?;
    if !plan.is_empty() {
        return Err("there is a difference".into());
    }
    let count = |count: usize| -> Result<f64, Failure> { Ok(f64::from(u32::try_from(count)?)) };
    Ok(Figures::of(span).and("routes", count(mirror.tables().len())?).and("claims", count(plan.unchanged())?))
}

fn floor(setting: &Setting) -> Result<Figures, Failure> {
    let prefixes = Prefixes::read(setting.step)?;
    let v4 = prefixes.v4.iter().take(CLAIMS).map(|prefix| (IpAddr::V4(prefix.network()), prefix.length()));
    let adds = Pipeline::encode(v4, Wish::Add, Some(METRIC), Acknowledged::Each)?;
    let (span, ()) = stopwatch::here(|| adds.run())?;
    Ok(Figures::of(span))
}

fn apply(setting: &Setting) -> Result<Figures, Failure> {
    let file = written(setting)?;
    let span = stopwatch::programs(|| run(setting, &file));
    std::fs::remove_file(file)?;
    Ok(Figures::of(span?))
}

fn again(setting: &Setting) -> Result<Figures, Failure> {
    let file = written(setting)?;
    run(setting, &file)?;
    let span = stopwatch::programs(|| run(setting, &file));
    std::fs::remove_file(file)?;
    Ok(Figures::of(span?))
}

/// A file of the claims.
fn written(setting: &Setting) -> Result<std::path::PathBuf, Failure> {
    let mut text = String::new();
    for prefix in Prefixes::read(setting.step)?.v4.iter().take(CLAIMS) {
        writeln!(text, "{prefix} via {GATEWAY_V4} dev {} metric {METRIC}", world::INTERFACE)?;
    }
    let file = std::env::temp_dir().join(format!("waypost-bench-{}.claims", std::process::id()));
    std::fs::write(&file, text)?;
    Ok(file)
}

fn run(setting: &Setting, file: &std::path::Path) -> Result<(), Failure> {
    let status = std::process::Command::new(&setting.waypost).args(["-q", "apply"]).arg(file).status()?;
    if status.success() { Ok(()) } else { Err(format!("waypost apply: {status}").into()) }
}

fn write(samples: &Samples) -> String {
    let mut table = Table::new(&["", "wall ms", "CPU ms", "runs"]);
    for subject in SUBJECTS {
        let ms = |name| number(samples.median(subject.name, name).map(|seconds| seconds * 1e3), 1, "");
        table.row(vec![subject.label.to_owned(), ms(WALL), ms(CPU), samples.count(subject.name).to_string()]);
    }
    let planned = samples.median(RECONCILE, WALL).map(|seconds| seconds * 1e3);
    format!(
        "{table}\n{}{}{}",
        goal("compared with nothing different", planned, Bound::AtMost(250.0), 1, " ms"),
        goal(
            "`waypost apply` of 100,000 routes, × the floor, wall",
            samples.ratio(APPLY, FLOOR, WALL),
            Bound::AtMost(1.2),
            2,
            ""
        ),
        failures(samples, SUBJECTS),
    )
}
