//! Which way a flow goes, found in memory by rules and the full table: no kernel.

use std::hint::black_box;
use std::net::IpAddr;

use waypost::lookup::{Verdict, World};
use waypost::{
    Family, Flow, IfIndex, InterfaceNames, NextHop, Position, Prefix, Protocol, Route, RouteRef, Rule, TableId, Tables,
};

use super::{Needs, Section, failures};
use crate::prefixes::Prefixes;
use crate::report::{Bound, Table, goal, number};
use crate::stopwatch;
use crate::subject::{Figures, Samples, Setting, Subject};
use crate::{Failure, subject};

pub(super) const NATIVE: Section = Section { name: "lookup", subjects: SUBJECTS, needs: Needs::Nothing, is_native: true, write };
pub(super) const GENERIC: Section =
    Section { name: "lookup-generic", subjects: SUBJECTS, needs: Needs::Nothing, is_native: false, write };

const SUBJECTS: &[Subject] = &[
    Subject { name: "lookup/v4", label: "IPv4", repetitions: 5, measure: |setting| measure(setting, Family::V4) },
    Subject { name: "lookup/v6", label: "IPv6", repetitions: 5, measure: |setting| measure(setting, Family::V6) },
];

/// How many flows are looked up. Each is made of its address on the spot: that many flows would not stay in the processor's cache.
const FLOWS: usize = 1 << 20;

/// Ten rules: the kernel's own three, and seven that ask for something that the flows are not. Their table has a route to everywhere, so none can be left out.
const RULES: [&str; 10] = [
    "0: from all lookup local",
    "100: from all fwmark 0x1 lookup 100",
    "101: from all iif bench1 lookup 100",
    "102: from all uidrange 5-5 lookup 100",
    "103: from all ipproto tcp dport 443 lookup 100",
    "104: from all tos 0x10 lookup 100",
    "105: from all oif bench1 lookup 100",
    "106: not from all iif lo lookup 100",
    "32766: from all lookup main",
    "32767: from all lookup default",
];

/// What is measured, and its name in the samples.
const COLUMNS: [(&str, &str); 4] =
    [("longest match alone", "match"), ("many together", "together"), ("one by one", "planned"), ("without a plan", "plain")];

/// How many flows are looked up with one call, where many are.
const TOGETHER: usize = 256;

fn measure(setting: &Setting, family: Family) -> Result<Figures, Failure> {
    let prefixes = Prefixes::read(setting.step)?;
    let all: Vec<Prefix> = match family {
        Family::V4 => prefixes.v4.into_iter().map(Prefix::V4).collect(),
        Family::V6 => prefixes.v6.into_iter().map(Prefix::V6).collect(),
    };
    let named = [(1, "lo"), (2, "bench0"), (3, "bench1")].map(|(index, name)| Some((IfIndex::new(index)?, name)));
    let (tables, names) = (tables(&all, family)?, named.into_iter().flatten().collect::<InterfaceNames>());
    let rules: Vec<Rule> = RULES.iter().map(|rule| Rule::parse(rule, Some(family))).collect::<Result<_, _>>()?;
    let world = World::new(&tables, &rules, &names);
    let destinations = destinations(&all);
    let flow = |destination: &IpAddr| {
        let mut flow = Flow::to(*destination);
        (flow.uid, flow.ip_protocol, flow.destination_port) = (Some(1000), Some(17), Some(53));
        flow
    };

    let main = tables.table(TableId::MAIN).ok_or("no routes")?;
    // The number of the route is read too: what else would the match be good for?
    let longest = |address: &IpAddr| main.longest_match(black_box(*address)).and_then(|mut chain| chain.next());
    let bits = |route: RouteRef<'_>| u64::from(route.slot.destination.length());
    let (bare, lengths) = stopwatch::here(|| Ok(destinations.iter().filter_map(longest).map(bits).sum::<u64>()))?;
    let length = |verdict: Verdict<'_>| verdict.route().map_or(0, bits);
    let plan = world.plan(family);
    let planned = world.with_plan(&plan);
    let (together, all) = stopwatch::here(|| {
        let (mut flows, mut sum) = (Vec::with_capacity(TOGETHER), 0);
        for destinations in destinations.chunks(TOGETHER) {
            flows.clear();
            flows.extend(destinations.iter().map(flow));
            planned.find_all(black_box(&flows), |_, verdict| sum += length(verdict));
        }
        Ok(sum)
    })?;
    let find = |world: &World<'_>| destinations.iter().map(|to| length(world.find(black_box(&flow(to))))).sum::<u64>();
    let (one_by_one, found) = stopwatch::here(|| Ok(find(&planned)))?;
    let (plain, same) = stopwatch::here(|| Ok(find(&world)))?;
    if [all, found, same] != [lengths; 3] {
        return Err("lookups find other routes than the table has".into());
    }
    let each = |span: stopwatch::Span| span.cpu.as_secs_f64() * 1e9 / FLOWS as f64;
    let figures = Figures::default().and("match", each(bare)).and("together", each(together));
    Ok(figures.and("planned", each(one_by_one)).and("plain", each(plain)))
}

/// The full table by one of sixteen gateways each, and the addresses of the host.
fn tables(prefixes: &[Prefix], family: Family) -> Result<Tables, Failure> {
    let mut tables = Tables::new();
    let interface = IfIndex::new(2).ok_or("a number")?;
    for (prefix, at) in prefixes.iter().zip(0..) {
        let mut route = Route::new(*prefix);
        route.entry.protocol = Protocol::STATIC;
        let gateway = format!("{}{}", if family == Family::V4 { "192.0.2." } else { "2001:db8::" }, at % 16 + 1_usize);
        route.entry.next_hops = NextHop::via(gateway.parse()?).with_interface(interface).into();
        tables.insert(&route, Position::Last);
    }
    let own = if family == Family::V4 { ["192.0.2.2", "127.0.0.0/8"] } else { ["2001:db8::2", "::1"] };
    let elsewhere = format!("{} dev if3 table 100", Prefix::default_of(family));
    tables.insert(&elsewhere.parse()?, Position::Last);
    for prefix in own {
        tables.insert(&format!("local {prefix} dev if1 table local").parse()?, Position::Last);
    }
    Ok(tables)
}

/// Addresses inside random prefixes.
fn destinations(prefixes: &[Prefix]) -> Vec<IpAddr> {
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let destination = |_| {
        let prefix = prefixes[(next() % prefixes.len() as u64) as usize];
        let bits = (u128::from(next()) << 64) | u128::from(next());
        match prefix {
            Prefix::V4(prefix) => IpAddr::V4((prefix.bits() | (bits as u32 & !prefix.mask().to_bits())).into()),
            Prefix::V6(prefix) => IpAddr::V6((prefix.bits() | (bits & !prefix.mask().to_bits())).into()),
        }
    };
    (0..FLOWS).map(destination).collect()
}

fn write(samples: &Samples) -> String {
    let heads = COLUMNS.map(|(head, _)| head);
    let mut table = Table::new(&[&["ns a lookup"], &heads[..], &["together, millions a second", "runs"]].concat());
    for subject in SUBJECTS {
        let mut cells = vec![subject.label.to_owned()];
        cells.extend(COLUMNS.map(|(_, name)| number(samples.median(subject.name, name), 1, "")));
        cells.push(number(millions(samples, subject), 1, ""));
        cells.push(samples.count(subject.name).to_string());
        table.row(cells);
    }
    let goals: String = (SUBJECTS.iter().zip([10.0, 7.0]))
        .map(|(subject, least)| {
            let what = format!("{} lookups a second by ten rules and the full table", subject.label);
            goal(&what, millions(samples, subject), Bound::AtLeast(least), 1, " million")
        })
        .collect();
    format!("{table}\n{goals}{}", failures(samples, SUBJECTS))
}

fn millions(samples: &Samples, subject: &subject::Subject) -> Option<f64> {
    samples.median(subject.name, "together").map(|nanoseconds| 1e3 / nanoseconds)
}
