//! One RTM_NEWROUTE with one next hop, from bytes to a portable route.

use std::hint::black_box;

use netlink_packet_core::NetlinkMessage;
use netlink_packet_route::RouteNetlinkMessage;
use waypost::{Family, Prefix, Route};

use super::{Needs, Section, failures};
use crate::Failure;
use crate::raw::{self, AF_INET, AF_INET6, MESSAGE_HEADER, Socket, is_route, messages};
use crate::report::{Bound, Table, goal, number};
use crate::stopwatch;
use crate::subject::{CPU, Figures, Samples, Setting, Subject};
use crate::sys;

pub(super) const SECTION: Section = Section { name: "decode", subjects: SUBJECTS, needs: Needs::Full, is_native: false, write };

pub(super) const FLOOR: &str = "decode/walk";
pub(super) const WAYPOST: &str = "decode/waypost";
const IN_PLACE: &str = "decode/waypost-into";
pub(super) const PACKET_ROUTE: &str = "decode/packet-route";

const SUBJECTS: &[Subject] = &[
    Subject { name: FLOOR, label: "floor: a walk by hand into a fixed structure", repetitions: 9, measure: by_hand },
    Subject { name: WAYPOST, label: "**Waypost**, `decode`, a new route", repetitions: 9, measure: waypost },
    Subject { name: IN_PLACE, label: "**Waypost**, `decode_into`, over a route", repetitions: 9, measure: waypost_into },
    Subject { name: PACKET_ROUTE, label: "netlink-packet-route 0.34", repetitions: 5, measure: packet_route },
];

/// How many messages of each family are decoded over and over: few enough to stay in the first cache, so that the decoder is measured
/// and not the memory.
const MESSAGES: usize = 256;

/// How often.
const ROUNDS: u32 = 4_000;

fn by_hand(_: &Setting) -> Result<Figures, Failure> {
    of_each_family(|message| {
        black_box(raw::walk(message.get(MESSAGE_HEADER..)?))?;
        Some(())
    })
}

fn waypost(_: &Setting) -> Result<Figures, Failure> {
    of_each_family(|message| {
        // Looked at where it is: who moves it pays for that besides.
        let decoded = waypost_netlink::wire::route::decode(message.get(MESSAGE_HEADER..)?);
        matches!(black_box(&decoded), Ok(Some(_))).then_some(())
    })
}

fn waypost_into(_: &Setting) -> Result<Figures, Failure> {
    let mut route = Route::new(Prefix::default_of(Family::V4));
    of_each_family(|message| {
        waypost_netlink::wire::route::decode_into(message.get(MESSAGE_HEADER..)?, &mut route).ok()??;
        black_box(&route);
        Some(())
    })
}

fn packet_route(_: &Setting) -> Result<Figures, Failure> {
    of_each_family(|message| {
        black_box(NetlinkMessage::<RouteNetlinkMessage>::deserialize(message).ok()?);
        Some(())
    })
}

/// Has `decode` decode messages as the kernel sent them.
fn of_each_family(mut decode: impl FnMut(&[u8]) -> Option<()>) -> Result<Figures, Failure> {
    let mut figures = Figures::default();
    for (what, family) in [("v4 ", AF_INET), ("v6 ", AF_INET6)] {
        let kept = sample(family)?;
        let mut all = || kept.iter().try_for_each(|message| decode(black_box(message))).ok_or("a message cannot be decoded");
        sys::count();
        all()?;
        let heap = sys::stop();
        let (span, ()) = stopwatch::here(|| Ok((0..ROUNDS).try_for_each(|_| all())?))?;
        let count = kept.len() as f64;
        figures = figures
            .and(&format!("{what}{CPU}"), span.cpu.as_secs_f64() / (f64::from(ROUNDS) * count))
            .and(&format!("{what}allocations"), heap.allocations as f64 / count);
    }
    Ok(figures)
}

/// Messages from the middle of a dump, where the Internet's routes are.
fn sample(family: u8) -> Result<Vec<Vec<u8>>, Failure> {
    let mut datagrams = Vec::new();
    Socket::open()?.dump(family, |datagram| datagrams.push(datagram.to_vec()))?;
    let middle = datagrams.get(datagrams.len() / 2).ok_or("an empty dump")?;
    let kept: Vec<_> = messages(middle).filter(|message| is_route(message)).take(MESSAGES).map(<[u8]>::to_vec).collect();
    if kept.is_empty() { Err("a dump without routes".into()) } else { Ok(kept) }
}

fn write(samples: &Samples) -> String {
    let mut table = Table::new(&["", "IPv4 ns", "× floor", "IPv6 ns", "× floor", "allocations", "runs"]);
    let nanoseconds = |name, what: &str| samples.median(name, &format!("{what}{CPU}")).map(|seconds| seconds * 1e9);
    for subject in SUBJECTS {
        let mut cells = vec![subject.label.to_owned()];
        for what in ["v4 ", "v6 "] {
            cells.push(number(nanoseconds(subject.name, what), 1, ""));
            cells.push(number(samples.ratio(subject.name, FLOOR, &format!("{what}{CPU}")), 2, ""));
        }
        cells.push(number(samples.median(subject.name, "v4 allocations"), 1, ""));
        cells.push(samples.count(subject.name).to_string());
        table.row(cells);
    }
    let of_waypost = |what| nanoseconds(WAYPOST, what);
    format!(
        "{table}\n{}{}{}{}",
        goal("an IPv4 route", of_waypost("v4 "), Bound::AtMost(50.0), 1, " ns"),
        goal("an IPv6 route", of_waypost("v6 "), Bound::AtMost(50.0), 1, " ns"),
        goal("allocations", samples.median(WAYPOST, "v4 allocations"), Bound::AtMost(0.0), 0, ""),
        failures(samples, SUBJECTS),
    )
}
