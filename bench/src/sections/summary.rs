//! The table of README.md: what the sections have measured, in few lines.

use super::{decode, install, memory, read};
use crate::report::{Table, number};
use crate::subject::{CPU, Samples, WALL};

pub(crate) const NAME: &str = "summary";

/// The sections that it is made of.
pub(crate) const FROM: [&str; 4] = ["install", "read", "memory", "decode"];

/// The subjects of a line: the floor, Waypost, iproute2, rtnetlink, nlink, net-route, route_manager.
type Line = [Option<&'static str>; 7];

const READ: Line = [
    Some(read::FLOOR),
    Some(read::MIRROR),
    Some(read::IP),
    Some("read/rtnetlink"),
    Some("read/nlink"),
    Some("read/net-route"),
    Some("read/route-manager"),
];
const CHANGE: Line = [
    Some(install::FLOOR),
    Some(install::LIBRARY),
    Some(install::IP),
    Some("install/rtnetlink"),
    Some("install/nlink"),
    None,
    None,
];
// rtnetlink gives what netlink-packet-route makes of a message.
const DECODE: Line = [Some(decode::FLOOR), Some(decode::WAYPOST), None, Some(decode::PACKET_ROUTE), None, None, None];
const MEMORY: Line = [None, Some(memory::MIRROR), None, None, Some("memory/nlink"), None, None];

/// The table, if there are samples of all that it is made of.
pub(crate) fn write(sections: &[(&str, Samples)]) -> Option<String> {
    let of = |name| sections.iter().find(|(section, _)| *section == name).map(|(_, samples)| samples);
    let [install, read, memory, decode] = FROM.map(of);
    let (install, read, memory, decode) = (install?, read?, memory?, decode?);
    let mut table = Table::new(&["", "floor", "Waypost", "iproute2", "rtnetlink", "nlink", "net-route", "route_manager"]);
    for (what, kind) in [("wall", WALL), ("CPU", CPU)] {
        line(&mut table, &format!("read both tables, {what} × floor"), READ, |name| read.ratio(name, read::FLOOR, kind), 2);
    }
    for (what, prefix) in [("install", install::ADD), ("remove", install::DELETE)] {
        for (how, kind) in [("wall", WALL), ("CPU", CPU)] {
            let name = format!("{prefix}{kind}");
            let ratio = |subject| install.ratio(subject, install::FLOOR, &name);
            line(&mut table, &format!("{what} the IPv4 table, {how} × floor"), CHANGE, ratio, 2);
        }
    }
    for (what, prefix) in [("an IPv4", "v4 "), ("an IPv6", "v6 ")] {
        let name = format!("{prefix}{CPU}");
        let nanoseconds = |subject| decode.median(subject, &name).map(|seconds| seconds * 1e9);
        line(&mut table, &format!("decode {what} route, ns"), DECODE, nanoseconds, 1);
    }
    line(&mut table, "hold both tables, bytes a route at the peak", MEMORY, |name| memory.median(name, "resident"), 1);
    Some(table.to_string())
}

fn line(table: &mut Table, what: &str, subjects: Line, figure: impl Fn(&'static str) -> Option<f64>, digits: usize) {
    let mut cells = vec![what.to_owned()];
    cells.extend(subjects.map(|subject| number(subject.and_then(&figure), digits, "")));
    table.row(cells);
}
