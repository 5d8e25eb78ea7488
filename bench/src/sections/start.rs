//! How long a command takes that does nothing.

use super::{Needs, Section, failures};
use crate::peers::command;
use crate::report::{Bound, Table, goal, number};
use crate::subject::{CPU, Samples, Subject, WALL};

pub(super) const SECTION: Section = Section { name: "start", subjects: SUBJECTS, needs: Needs::Full, is_native: false, write };

const WAYPOST: &str = "start/waypost";

const SUBJECTS: &[Subject] = &[
    Subject { name: "start/true", label: "floor: `true`", repetitions: 50, measure: command::do_nothing },
    Subject { name: WAYPOST, label: "**`waypost --version`**", repetitions: 50, measure: command::waypost_version },
    Subject { name: "start/ip", label: "`ip -V`", repetitions: 50, measure: command::ip_version },
];

fn write(samples: &Samples) -> String {
    let mut table = Table::new(&["", "wall ms", "CPU ms", "runs"]);
    for subject in SUBJECTS {
        let ms = |name| number(samples.median(subject.name, name).map(|seconds| seconds * 1e3), 2, "");
        table.row(vec![subject.label.to_owned(), ms(WALL), ms(CPU), samples.count(subject.name).to_string()]);
    }
    let wall = samples.median(WAYPOST, WALL).map(|seconds| seconds * 1e3);
    let goal = goal("`waypost --version`", wall, Bound::AtMost(5.0), 2, " ms");
    format!("{table}\n{goal}{}", failures(samples, SUBJECTS))
}
