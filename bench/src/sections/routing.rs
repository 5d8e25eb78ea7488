//! Dumps of the routing sysctl with the whole table, as each system would write them, from bytes to portable routes: no kernel.
//!
//! route_manager's parser of such messages is compiled for those systems alone, so it stands beside none of these.
//!
//! The dumps are made here, of the real prefixes: every entry has a destination, a gateway, a mask in the form that the
//! system gives it, the interface with its name and link-layer address, and the interface's address.

use std::hint::black_box;
use std::time::Duration;

use waypost::{Ipv4Prefix, Ipv6Prefix, Notice, TableId};
use waypost_pfroute::lift::Lift;
use waypost_pfroute::wire::{
    Axis, ByteOrder, DRAGONFLY, DRAGONFLY6, Dialect, FREEBSD, FREEBSD_I386, Field, ILLUMOS, LinkSockaddr, MACOS, MaskForm,
    Messages, Metric, NETBSD, NETBSD7, OPENBSD, OPENBSD_I386, ReportedMtu, RouteFlags, RouteOp, RouteRequest, SockaddrValue,
    Source,
};

use super::{Needs, Section, failures};
use crate::Failure;
use crate::prefixes::Prefixes;
use crate::report::{Bound, Table, goal, number};
use crate::stopwatch;
use crate::subject::{CPU, Figures, Samples, Setting, Subject};
use crate::sys;

pub(super) const SECTION: Section =
    Section { name: "routing", subjects: SUBJECTS, needs: Needs::Nothing, is_native: false, write };

const SUBJECTS: &[Subject] = &[
    subject("routing/freebsd", "FreeBSD", |setting| measure(&FREEBSD, setting)),
    subject("routing/freebsd-i386", "FreeBSD i386", |setting| measure(&FREEBSD_I386, setting)),
    subject("routing/netbsd", "NetBSD", |setting| measure(&NETBSD, setting)),
    subject("routing/netbsd7", "NetBSD 7", |setting| measure(&NETBSD7, setting)),
    subject("routing/openbsd", "OpenBSD", |setting| measure(&OPENBSD, setting)),
    subject("routing/openbsd-i386", "OpenBSD i386", |setting| measure(&OPENBSD_I386, setting)),
    subject("routing/dragonfly", "DragonFly", |setting| measure(&DRAGONFLY, setting)),
    subject("routing/dragonfly6", "DragonFly 6", |setting| measure(&DRAGONFLY6, setting)),
    subject("routing/macos", "macOS", |setting| measure(&MACOS, setting)),
    subject("routing/illumos", "illumos", |setting| measure(&ILLUMOS, setting)),
];

const fn subject(name: &'static str, label: &'static str, measure: fn(&Setting) -> Result<Figures, Failure>) -> Subject {
    Subject { name, label, repetitions: 5, measure }
}

const LIFT: Lift = Lift { table: TableId(0), since_epoch: Duration::ZERO };

const INTERFACE: u32 = 2;
const ETHERNET: u8 = 6;
const ROUTER: [u8; 4] = [192, 0, 2, 1];
const HOST: [u8; 4] = [192, 0, 2, 2];

fn measure(dialect: &'static Dialect, setting: &Setting) -> Result<Figures, Failure> {
    let prefixes = Prefixes::read(setting.step)?;
    let mut figures = Figures::default();
    let v4 = dump(dialect, &prefixes.v4, append_v4)?;
    figures = decode(dialect, &v4, prefixes.v4.len(), "v4 ", figures)?;
    drop(v4);
    let v6 = dump(dialect, &prefixes.v6, append_v6)?;
    decode(dialect, &v6, prefixes.v6.len(), "v6 ", figures)
}

fn decode(dialect: &'static Dialect, dump: &[u8], count: usize, what: &str, figures: Figures) -> Result<Figures, Failure> {
    let all = || {
        let messages = Messages::new(dialect, ByteOrder::NATIVE, Source::Sysctl, black_box(dump));
        // Looked at where it is: who moves it pays for that besides.
        let is_route = |message| match message {
            Ok(message) => matches!(black_box(&LIFT.listed(&message)), Ok(Some(Notice::Route(..)))),
            Err(_) => false,
        };
        if messages.map(is_route).filter(|&is_route| is_route).count() == count {
            Ok(())
        } else {
            Err("not every message is a route")
        }
    };
    // Once before, so that the pages are there.
    all()?;
    sys::count();
    let (span, ()) = stopwatch::here(|| Ok(all()?))?;
    let heap = sys::stop();
    let messages = count as f64;
    Ok(figures
        .and(&format!("{what}{CPU}"), span.cpu.as_secs_f64() / messages)
        .and(&format!("{what}allocations"), heap.allocations as f64 / messages)
        .and(&format!("{what}bytes"), dump.len() as f64 / messages))
}

fn dump<P: Copy>(
    dialect: &'static Dialect,
    prefixes: &[P],
    append: fn(&'static Dialect, P, &mut Vec<u8>) -> Result<(), Failure>,
) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    for &prefix in prefixes {
        append(dialect, prefix, &mut bytes)?;
    }
    Ok(bytes)
}

fn append_v4(dialect: &'static Dialect, prefix: Ipv4Prefix, out: &mut Vec<u8>) -> Result<(), Failure> {
    let inet = |octets: [u8; 4]| SockaddrValue::Inet(octets.into());
    let addrs = [SockaddrValue::Inet(prefix.network()), inet(ROUTER), SockaddrValue::Inet(prefix.mask()), inet(HOST)];
    append_entry(dialect, addrs, prefix.mask().octets().as_slice(), prefix.length() == 32, out)
}

fn append_v6(dialect: &'static Dialect, prefix: Ipv6Prefix, out: &mut Vec<u8>) -> Result<(), Failure> {
    let inet6 = |address| SockaddrValue::Inet6 { address, scope: 0 };
    let router = SockaddrValue::Inet6 { address: "fe80::1".parse()?, scope: INTERFACE };
    let addrs = [inet6(prefix.network()), router, inet6(prefix.mask()), inet6("2001:db8::2".parse()?)];
    append_entry(dialect, addrs, prefix.mask().octets().as_slice(), prefix.length() == 128, out)
}

/// Appends an entry of destination, gateway, mask and address of the interface.
fn append_entry(
    dialect: &'static Dialect,
    [destination, gateway, mask, address]: [SockaddrValue<'_>; 4],
    mask_bytes: &[u8],
    is_host: bool,
    out: &mut Vec<u8>,
) -> Result<(), Failure> {
    let link = LinkSockaddr::new(INTERFACE, ETHERNET, b"em0", &[2, 0, 0x5e, 0, 0x10, 1]);
    let before = [(Axis::Dst, destination), (Axis::Gateway, gateway), (Axis::Netmask, mask)];
    let behind = [(Axis::Ifp, SockaddrValue::Link(link)), (Axis::Ifa, address)];
    let flags = RouteFlags::UP | RouteFlags::GATEWAY | RouteFlags::STATIC;
    let flags = if is_host { flags | RouteFlags::HOST } else { flags };
    let is_trimmed = dialect.in_sysctl.inet_mask == MaskForm::Trimmed;
    let addrs = match (is_host, is_trimmed) {
        (true, _) => [&before[..2], &behind].concat(),
        (false, false) => [&before[..], &behind].concat(),
        // The mask comes between, by hand.
        (false, true) => before[..2].to_vec(),
    };
    let start = out.len();
    // Those that do not keep an MTU for each route report the interface's.
    let mtu: &[(Metric, u64)] = if dialect.reported_mtu == ReportedMtu::Own { &[] } else { &[(Metric::Mtu, 1500)] };
    let request = RouteRequest { flags, index: INTERFACE, metrics: mtu, addrs: &addrs, ..RouteRequest::new(RouteOp::Get) };
    request.encode(dialect, ByteOrder::NATIVE, out)?;
    if is_trimmed && !is_host {
        append_trimmed(dialect, mask_bytes, out);
        let tail = RouteRequest { addrs: &behind, ..RouteRequest::new(RouteOp::Get) };
        let mut bytes = Vec::new();
        tail.encode(dialect, ByteOrder::NATIVE, &mut bytes)?;
        out.extend_from_slice(&bytes[usize::from(dialect.request.addrs.size)..]);
        let message = &mut out[start..];
        let length = message.len() as u64;
        // RTA_DST to RTA_IFA, but RTA_GENMASK.
        let written = [(Field::u16(0), length), (dialect.request.addrs.addrs, 0x37)];
        if written.into_iter().any(|(field, value)| !field.write(ByteOrder::NATIVE, message, value)) {
            return Err("a number does not fit".into());
        }
    }
    Ok(())
}

/// A mask as the radix tree keeps it: cut behind its last one, with ones before the address.
fn append_trimmed(dialect: &Dialect, mask: &[u8], out: &mut Vec<u8>) {
    let before = if mask.len() == 4 { 4 } else { 8 };
    let kept = mask.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    let length = if kept == 0 { 0 } else { before + kept };
    let end = out.len() + dialect.round(length);
    if length != 0 {
        out.push(length as u8);
        out.resize(out.len() + before - 1, 0xff);
        out.extend_from_slice(&mask[..kept]);
    }
    out.resize(end, 0);
}

fn write(samples: &Samples) -> String {
    let mut table = Table::new(&["", "IPv4 ns", "bytes", "IPv6 ns", "bytes", "allocations", "runs"]);
    let nanoseconds = |name, what: &str| samples.median(name, &format!("{what}{CPU}")).map(|seconds| seconds * 1e9);
    let mut worst: Option<f64> = None;
    let mut allocations: Option<f64> = None;
    for subject in SUBJECTS {
        let mut cells = vec![subject.label.to_owned()];
        for what in ["v4 ", "v6 "] {
            let figure = nanoseconds(subject.name, what);
            worst = worst.into_iter().chain(figure).reduce(f64::max);
            let heap = samples.median(subject.name, &format!("{what}allocations"));
            allocations = allocations.into_iter().chain(heap).reduce(f64::max);
            cells.push(number(figure, 1, ""));
            cells.push(number(samples.median(subject.name, &format!("{what}bytes")), 0, ""));
        }
        cells.push(number(samples.median(subject.name, "v4 allocations"), 1, ""));
        cells.push(samples.count(subject.name).to_string());
        table.row(cells);
    }
    format!(
        "{table}\n{}{}{}",
        goal("a message of the slowest", worst, Bound::AtMost(60.0), 1, " ns"),
        goal("allocations", allocations, Bound::AtMost(0.0), 0, ""),
        failures(samples, SUBJECTS),
    )
}
