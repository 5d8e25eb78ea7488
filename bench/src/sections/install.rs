//! The IPv4 table, installed and removed again.

use std::net::IpAddr;

use super::{Needs, Section, failures, times};
use crate::Failure;
use crate::peers::command;
#[cfg(feature = "peers")]
use crate::peers::{nlink, rtnetlink};
use crate::prefixes::Prefixes;
use crate::raw::Wish;
use crate::report::{Bound, goal, number};
use crate::stopwatch;
use crate::subject::{CPU, Figures, Samples, Setting, Subject, WALL};
use crate::waypost;
use crate::world::{Acknowledged, Pipeline};

pub(super) const SECTION: Section = Section { name: "install", subjects: SUBJECTS, needs: Needs::Empty, is_native: false, write };

/// Before the names of the times of either half.
pub(crate) const ADD: &str = "add ";
pub(crate) const DELETE: &str = "delete ";

/// The metric of the routes: on IPv4 a deletion without one would match any (`fib_table_delete` in net/ipv4/fib_trie.c), and
/// Waypost would look at the table first.
pub(crate) const METRIC: u32 = 50;

pub(super) const FLOOR: &str = "install/floor";
const QUIET: &str = "install/floor-quiet";
pub(super) const LIBRARY: &str = "install/waypost";
const BATCH: &str = "install/waypost-batch";
pub(super) const IP: &str = "install/ip-batch";

const SUBJECTS: &[Subject] = &[
    Subject { name: FLOOR, label: "floor: encoded beforehand, 64 to a send, each acknowledged", repetitions: 5, measure: floor },
    Subject { name: QUIET, label: "floor: the same, the last of a send acknowledged", repetitions: 5, measure: floor_quiet },
    Subject { name: LIBRARY, label: "**Waypost**, `Routes::batch`, an outcome each", repetitions: 5, measure: waypost::batch },
    Subject { name: BATCH, label: "**`waypost batch`**", repetitions: 5, measure: command::waypost_batch },
    Subject { name: IP, label: "`ip -batch`", repetitions: 5, measure: command::ip_batch },
    #[cfg(feature = "peers")]
    Subject {
        name: "install/rtnetlink",
        label: "rtnetlink 0.24, one after another",
        repetitions: 5,
        measure: rtnetlink::install,
    },
    #[cfg(feature = "peers")]
    Subject { name: "install/nlink", label: "nlink 0.33, `batch` of 200", repetitions: 5, measure: nlink::install },
];

fn floor(setting: &Setting) -> Result<Figures, Failure> {
    pipelined(setting, Acknowledged::Each)
}

/// What the kernel itself needs for its tables, but for an answer to each send.
fn floor_quiet(setting: &Setting) -> Result<Figures, Failure> {
    pipelined(setting, Acknowledged::Last)
}

fn pipelined(setting: &Setting, acknowledged: Acknowledged) -> Result<Figures, Failure> {
    let prefixes = Prefixes::read(setting.step)?;
    let encode = |wish| {
        let v4 = prefixes.v4.iter().map(|prefix| (IpAddr::V4(prefix.network()), prefix.length()));
        Pipeline::encode(v4, wish, Some(METRIC), acknowledged)
    };
    let (adds, deletes) = (encode(Wish::Add)?, encode(Wish::Delete)?);
    let (add, ()) = stopwatch::here(|| adds.run())?;
    let (delete, ()) = stopwatch::here(|| deletes.run())?;
    Ok(Figures::default().span(ADD, add).span(DELETE, delete))
}

fn write(samples: &Samples) -> String {
    let share = |prefix: &str, kind: &str| samples.ratio(FLOOR, LIBRARY, &format!("{prefix}{kind}")).map(|ratio| ratio * 100.0);
    let faster = samples.ratio(IP, BATCH, &format!("{ADD}{WALL}"));
    let most = number(samples.ratio(IP, QUIET, &format!("{ADD}{WALL}")), 1, "");
    let at_least = |what, share| goal(what, share, Bound::AtLeast(95.0), 1, " %");
    format!(
        "Installed:\n\n{}\nRemoved again:\n\n{}\n{}{}{}{}{}- the second floor, all but the kernel's own work: {most} times as fast as `ip -batch`\n{}",
        times(samples, SUBJECTS, ADD),
        times(samples, SUBJECTS, DELETE),
        at_least("install, share of the floor's rate, wall", share(ADD, WALL)),
        at_least("install, share of the floor's rate, CPU", share(ADD, CPU)),
        at_least("remove, share of the floor's rate, wall", share(DELETE, WALL)),
        at_least("remove, share of the floor's rate, CPU", share(DELETE, CPU)),
        goal("`waypost batch`, times as fast as `ip -batch`", faster, Bound::AtLeast(5.0), 1, ""),
        failures(samples, SUBJECTS),
    )
}
