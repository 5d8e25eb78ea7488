//! The full table of the Internet, in and out.
//!
//! As a rule each eighth of its routes, which is as much as a build for debugging has patience for; all of them with
//! `WAYPOST_FULL_TABLE=1`, which the step `root` of `cargo xtask ci` sets.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::process::ExitCode;

use waypost::lookup::Verdict;
use waypost::{
    Change, Event, Family, Flow, IfIndex, LookupMode, NextHop, Operation, Prefix, Protocol, Route, RouteChange, RouteFilter,
    RouteRef, Routes, TableId, Watcher,
};
use waypost_tests::internet::prefixes;
use waypost_tests::ip::{index_of, ip, veth_with_addresses};
use waypost_tests::namespace::run;
use waypost_tests::seeded::Seeded;
use waypost_tests::test;
use waypost_tests::witness::{settle, watcher};

/// What part of the table is taken where nobody asks for all of it.
const STEP: usize = 8;

/// How many routes are installed before the watcher looks: so many events its socket holds, however small the system
/// lets its buffer be.
const PART: usize = 128;

/// How many addresses are looked up, of each family.
const LOOKUPS: usize = 200;

/// Of all routes. IPv4's delete would take none for any, and IPv6 for 1024.
const METRIC: u32 = 50;

const GATEWAYS: [&str; 2] = ["10.0.0.2", "2001:db8::2"];

/// What is to be in the tables, and how to tell that it is.
struct Expected {
    prefixes: Vec<Prefix>,
    places: HashMap<Prefix, usize>,
    interface: IfIndex,
}

impl Expected {
    fn new() -> Self {
        let is_whole = std::env::var_os("WAYPOST_FULL_TABLE").is_some_and(|value| value == "1");
        let prefixes = prefixes(if is_whole { 1 } else { STEP });
        let places = prefixes.iter().zip(0..).map(|(prefix, place)| (*prefix, place)).collect();
        Self { prefixes, places, interface: IfIndex::new(index_of("w0")).expect("an interface has a number") }
    }

    fn route(&self, prefix: Prefix) -> Route {
        let mut route = Route::new(prefix);
        route.slot.metric = METRIC;
        route.entry.protocol = Protocol::STATIC;
        let gateway: IpAddr = GATEWAYS[prefix.family() as usize].parse().expect("an address");
        route.entry.next_hops = NextHop::via(gateway).with_interface(self.interface).into();
        route
    }

    fn operations(&self, change: RouteChange, part: &[Prefix]) -> Vec<Operation> {
        part.iter().map(|prefix| Operation::Route(change, self.route(*prefix))).collect()
    }

    /// The longest prefix that contains an address, by looking at them one by one from the longest on.
    fn longest(&self, address: IpAddr) -> Option<Prefix> {
        let around = |length| Prefix::containing(address, length).expect("a length that addresses have");
        (0..=Prefix::host(address).length()).rev().map(around).find(|prefix| self.places.contains_key(prefix))
    }
}

/// Says that what is shown to it is what is expected, each route once.
struct Roll<'a> {
    expected: &'a Expected,
    called: Vec<bool>,
    witness: &'static str,
}

impl<'a> Roll<'a> {
    fn new(expected: &'a Expected, witness: &'static str) -> Self {
        Self { expected, called: vec![false; expected.prefixes.len()], witness }
    }

    fn call(&mut self, prefix: Prefix) {
        let Some(place) = self.expected.places.get(&prefix) else { panic!("{}: {prefix} was not installed", self.witness) };
        assert!(!std::mem::replace(&mut self.called[*place], true), "{}: {prefix} twice", self.witness);
    }

    fn see(&mut self, route: RouteRef<'_>) {
        assert_eq!(route, self.expected.route(route.slot.destination).as_ref(), "{}", self.witness);
        self.call(route.slot.destination);
    }

    #[track_caller]
    fn end(self) {
        let missing = self.called.iter().position(|called| !called).map(|place| self.expected.prefixes[place]);
        assert_eq!(missing, None, "{} lacks it", self.witness);
    }
}

/// Whether a route is one of those that the test installs.
fn is_ours(route: RouteRef<'_>) -> bool {
    route.slot.table == TableId::MAIN && route.entry.protocol == Protocol::STATIC
}

/// Carries out changes, and says that each has an outcome, that of success, in its turn.
fn carry_out(routes: &mut Routes, operations: Vec<Operation>) {
    let (count, mut told) = (operations.len(), 0);
    let outcome = |at, result: Result<(), waypost::Error>| {
        result.unwrap_or_else(|error| panic!("change {at}: {error}"));
        assert_eq!(at, told);
        told += 1;
        ControlFlow::Continue(())
    };
    routes.batch(operations, outcome).expect("the socket lives");
    assert_eq!(told, count);
}

/// Installs all of it in parts, and says that the watcher tells of each route once, as it is.
fn install(expected: &Expected, routes: &mut Routes, watcher: &mut Watcher) {
    let mut told = Roll::new(expected, "the watcher's events");
    for part in expected.prefixes.chunks(PART) {
        carry_out(routes, expected.operations(RouteChange::Add, part));
        while let Some(event) = watcher.try_next().expect("the socket lives") {
            match event {
                Event::Route { change: Change::Added(route), .. } => told.see(route.as_ref()),
                other => panic!("an event of nothing that was done: {other:?}"),
            }
        }
    }
    told.end();
    assert_eq!(watcher.stats().overruns, 0);
}

/// Says that the kernel, the mirror and `ip` have what is expected.
fn compare(expected: &Expected, routes: &mut Routes, watcher: &Watcher) {
    let mut listed = Roll::new(expected, "the kernel's list");
    let mut filter = RouteFilter::default();
    (filter.table, filter.protocol) = (Some(TableId::MAIN), Some(Protocol::STATIC));
    let each = |route: RouteRef<'_>| {
        listed.see(route);
        ControlFlow::Continue(())
    };
    routes.for_each(&filter, each).expect("a list");
    listed.end();

    let mut mirrored = Roll::new(expected, "the mirror");
    watcher.routes().filter(|route| is_ours(*route)).for_each(|route| mirrored.see(route));
    mirrored.end();

    let mut witnessed = Roll::new(expected, "ip");
    for (family, gateway, more) in [("-4", GATEWAYS[0], ""), ("-6", GATEWAYS[1], " pref medium")] {
        for line in ip(&format!("{family} route show proto static")).lines() {
            let (prefix, rest) = line.split_once(' ').expect("a prefix and more");
            assert_eq!(rest.trim_end(), format!("via {gateway} dev w0 metric {METRIC}{more}"), "{prefix}");
            witnessed.call(prefix.parse().expect("a prefix"));
        }
    }
    witnessed.end();
}

/// An address inside one of the prefixes.
fn address(expected: &Expected, family: Family, seeded: &mut Seeded) -> IpAddr {
    let prefix = std::iter::repeat_with(|| seeded.pick(&expected.prefixes)).find(|prefix| prefix.family() == family);
    match prefix.expect("there are prefixes of both families") {
        Prefix::V4(prefix) => {
            let random = u32::try_from(seeded.number() >> 32).expect("half of the bits");
            IpAddr::V4((prefix.network().to_bits() | (random & !prefix.mask().to_bits())).into())
        }
        Prefix::V6(prefix) => {
            let random = u128::from(seeded.number()) << 64 | u128::from(seeded.number());
            IpAddr::V6((prefix.network().to_bits() | (random & !prefix.mask().to_bits())).into())
        }
    }
}

/// Says that the mirror and the kernel find the longest match.
fn look_up(expected: &Expected, routes: &mut Routes, watcher: &Watcher) {
    let mut seeded = Seeded::new(1);
    for family in [Family::V4, Family::V6] {
        for _ in 0..LOOKUPS {
            let address = address(expected, family, &mut seeded);
            let longest = expected.route(expected.longest(address).expect("it is in a prefix"));
            let answer = routes.lookup(&Flow::to(address), LookupMode::Entry).expect("there is a way");
            assert_eq!(answer.route.slot, longest.slot, "the kernel's way to {address}");
            match watcher.lookup(&Flow::to(address)) {
                Verdict::Found(found) => assert_eq!(found.route, longest.as_ref(), "the mirror's way to {address}"),
                other => panic!("{address}: {other:?}"),
            }
        }
    }
}

fn the_full_table_goes_in_and_out() {
    veth_with_addresses("w0", "w1");
    let expected = Expected::new();
    let mut watcher = watcher();
    settle(&mut watcher);
    let before: Vec<Route> = watcher.routes().map(RouteRef::to_route).collect();
    let mut routes = Routes::open().expect("the sockets open");

    install(&expected, &mut routes, &mut watcher);
    assert_eq!(watcher.routes().count(), before.len() + expected.prefixes.len());
    compare(&expected, &mut routes, &watcher);
    look_up(&expected, &mut routes, &watcher);

    // At one go: the watcher may be overrun, and reads again then.
    carry_out(&mut routes, expected.operations(RouteChange::Delete, &expected.prefixes));
    settle(&mut watcher);
    let left: Vec<Route> = watcher.routes().map(RouteRef::to_route).collect();
    assert_eq!(left, before, "what the mirror has left");
    assert_eq!(routes.list(&RouteFilter::default()).expect("a list").len(), before.len(), "what the kernel has left");
    assert_eq!(ip("-4 route show proto static") + &ip("-6 route show proto static"), "");
}

fn main() -> ExitCode {
    run(&[test!(the_full_table_goes_in_and_out)])
}
