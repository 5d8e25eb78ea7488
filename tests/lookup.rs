//! The mirror's own lookup against the kernel's, in random worlds: the entry that both find must be the same.
//!
//! The seeds are fixed; `WAYPOST_SEED` tries one of one's own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::ExitCode;

use waypost::lookup::Verdict;
use waypost::{Disposition, Family, Flow, LookupMode, RouteRef, Routes, Watcher};
use waypost_tests::ip::{ip, ip_batch_anyhow, veth_with_addresses};
use waypost_tests::namespace::run;
use waypost_tests::seeded::Seeded;
use waypost_tests::test;
use waypost_tests::witness::{settle, watcher};

const WORLDS: u64 = 150;
const FLOWS: usize = 40;

const TABLES: [u32; 3] = [254, 7, 51820];

fn prefix(seeded: &mut Seeded, family: Family) -> String {
    let (one, other) = (seeded.below(3), seeded.below(4));
    match family {
        Family::V4 => match seeded.below(5) {
            0 => "default".to_owned(),
            1 => format!("10.{}.0.0/16", 100 + one),
            2 => format!("10.{}.{}.0/24", 100 + one, other),
            3 => format!("10.{}.{}.{}/32", 100 + one, other, seeded.below(3)),
            _ => "10.96.0.0/11".to_owned(),
        },
        Family::V6 => match seeded.below(5) {
            0 => "default".to_owned(),
            1 => format!("2001:db8:{:x}::/48", 100 + one),
            2 => format!("2001:db8:{:x}:{other}::/64", 100 + one),
            3 => format!("2001:db8:{:x}:{other}::{}/128", 100 + one, seeded.below(3)),
            _ => "2001:db8::/32".to_owned(),
        },
    }
}

fn flag(family: Family) -> &'static str {
    if family == Family::V4 { "-4" } else { "-6" }
}

fn route(seeded: &mut Seeded, family: Family) -> String {
    let destination = prefix(seeded, family);
    let tail = format!("table {} metric {}", seeded.pick(&TABLES), seeded.pick(&[5, 6]));
    let tos = if family == Family::V4 && seeded.one_in(5) { "tos 0x10" } else { "" };
    let gateway = match family {
        Family::V4 => seeded.pick(&["10.0.0.2", "10.0.0.3", "10.6.0.2"]),
        Family::V6 => seeded.pick(&["2001:db8::2", "2001:db8::3", "2001:db8:6::2"]),
    };
    let way = match seeded.below(8) {
        0 => {
            return format!(
                "route add {} {destination} {tos} {tail}",
                seeded.pick(&["blackhole", "unreachable", "prohibit", "throw"])
            );
        }
        1 => "dev w2".to_owned(),
        _ => format!("via {gateway}"),
    };
    format!("route add {destination} {tos} {way} {tail}")
}

fn rule(seeded: &mut Seeded, family: Family) -> String {
    let mut words = format!("{} rule add priority {}", flag(family), 100 + seeded.below(20));
    if seeded.one_in(6) {
        words += " not";
    }
    match seeded.below(7) {
        0 => words += &format!(" to {}", prefix(seeded, family).replace("default", "all")),
        1 => words += &format!(" from {}", if family == Family::V4 { "10.0.0.0/24" } else { "2001:db8::/64" }),
        2 => words += seeded.pick(&[" fwmark 1", " fwmark 0x2/0x3"]),
        3 => words += " tos 0x10",
        4 => words += seeded.pick(&[" ipproto udp dport 53", " ipproto tcp dport 80-443", " ipproto tcp"]),
        5 => words += " iif lo",
        _ => {}
    }
    match seeded.below(10) {
        0 => words += seeded.pick(&[" blackhole", " unreachable", " prohibit"]),
        1 => words += &format!(" goto {}", 121 + seeded.below(2)),
        _ => {
            words += &format!(" lookup {}", seeded.pick(&TABLES));
            if seeded.one_in(4) {
                words += &format!(" suppress_prefixlength {}", seeded.pick(&[0, 16, 48]));
            }
        }
    }
    words
}

fn flow(seeded: &mut Seeded, family: Family) -> Flow {
    let number = |seeded: &mut Seeded, end: u64| u16::try_from(seeded.below(end)).expect("it is small");
    let (one, two, three) = (100 + number(seeded, 4), number(seeded, 5), number(seeded, 4));
    let destination: IpAddr = match family {
        Family::V4 => Ipv4Addr::from([10, one as u8, two as u8, three as u8]).into(),
        Family::V6 => Ipv6Addr::new(0x2001, 0xdb8, one, two, 0, 0, 0, three).into(),
    };
    let mut flow = Flow::to(destination);
    let sources = if family == Family::V4 { ["10.0.0.1", "10.6.0.1"] } else { ["2001:db8::1", "2001:db8:6::1"] };
    flow.source = seeded.one_in(2).then(|| seeded.pick(&sources).parse().expect("an address"));
    flow.mark = seeded.pick(&[0, 0, 1, 2]);
    flow.tos = seeded.pick(&[0, 0, 0x10]);
    if seeded.one_in(2) {
        flow.ip_protocol = Some(seeded.pick(&[6, 17]));
        flow.destination_port = Some(seeded.pick(&[53, 80, 443, 8080]));
    }
    flow
}

/// An entry in the words by which two are the same; nothing where packets do not get on.
fn told(route: RouteRef<'_>) -> Option<String> {
    let refuses = matches!(
        route.entry.disposition,
        Disposition::Blackhole | Disposition::Unreachable | Disposition::Prohibit | Disposition::Throw
    );
    (!refuses).then(|| route.to_string())
}

fn compare(watcher: &Watcher, routes: &mut Routes, flow: &Flow) -> Result<bool, String> {
    let ours = match watcher.lookup(flow) {
        Verdict::Found(found) => told(found.route),
        Verdict::Refused { .. } | Verdict::NoRoute => None,
        other => return Err(format!("{other:?}")),
    };
    let kernels = routes.lookup(flow, LookupMode::Entry);
    let theirs = kernels.as_ref().ok().and_then(|answer| told(answer.route.as_ref()));
    if ours == theirs { Ok(ours.is_some()) } else { Err(format!("here {ours:?}, in the kernel {theirs:?} ({kernels:?})")) }
}

fn both_find_the_same(family: Family) {
    let seeds = match std::env::var("WAYPOST_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => seed..=seed,
        None => 1..=WORLDS,
    };
    veth_with_addresses("w0", "w1");
    ip("link add w2 type veth peer name w3");
    for command in
        ["link set w2 up", "link set w3 up", "address add 10.6.0.1/24 dev w2", "address add 2001:db8:6::1/64 dev w2 nodad"]
    {
        ip(command);
    }
    let mut watcher = watcher();
    let mut routes = Routes::open().unwrap();
    let (mut found, mut asked) = (0, 0);
    for seed in seeds {
        let mut seeded = Seeded::new(seed);
        let mut lines: Vec<String> = (0..25).map(|_| route(&mut seeded, family)).collect();
        lines.extend((0..8).map(|_| rule(&mut seeded, family)));
        lines.extend((121..=122).map(|priority| format!("{} rule add priority {priority} lookup 7", flag(family))));
        ip_batch_anyhow(&lines);
        settle(&mut watcher);
        for _ in 0..FLOWS {
            let flow = flow(&mut seeded, family);
            match compare(&watcher, &mut routes, &flow) {
                Ok(is_found) => found += usize::from(is_found),
                Err(difference) => panic!("seed {seed}: {flow:?}: {difference}\n{}", lines.join("\n")),
            }
            asked += 1;
        }
        let mut clearing: Vec<String> = TABLES.map(|table| format!("{} route flush table {table} metric 5", flag(family))).into();
        clearing.extend(TABLES.map(|table| format!("{} route flush table {table} metric 6", flag(family))));
        clearing
            .extend((0..8).flat_map(|_| 100..=122).map(|priority| format!("{} rule delete priority {priority}", flag(family))));
        ip_batch_anyhow(clearing);
    }
    assert!(found * 4 > asked && found < asked, "{found} of {asked} flows have a way: such worlds say little");
}

fn ipv4_flows_go_where_the_kernel_sends_them() {
    both_find_the_same(Family::V4);
}

fn ipv6_flows_go_where_the_kernel_sends_them() {
    both_find_the_same(Family::V6);
}

fn main() -> ExitCode {
    run(&[test!(ipv4_flows_go_where_the_kernel_sends_them), test!(ipv6_flows_go_where_the_kernel_sends_them)])
}
