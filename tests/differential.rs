//! The simulated kernel against the real one: the same random life in both, and the same seen of it.
//!
//! Each step is done in both worlds. Its outcome, what is said of the routes, and the tables as ordered lists must be
//! the same after each. The seeds are fixed; `WAYPOST_SEED` runs one of one's own.

use std::process::ExitCode;

use waypost_core::{
    Disposition, Family, Kernel, NextHop, NextHopFlags, NextHopId, NextHopObject, NextHopObjectKind, Notice, Request, Route,
    RouteChange, RouteFilter,
};
use waypost_sim::contract::{Act, World};
use waypost_sim::{Profile, Sim};
use waypost_tests::namespace::{Test, run};
use waypost_tests::seeded::Seeded;
use waypost_tests::world::world;

/// How many steps a life has.
const STEPS: usize = 300;

/// Something that is done in both worlds.
#[derive(Clone, Debug)]
enum Step {
    Route(RouteChange, String, Option<u32>),
    Object(u32, &'static str, bool),
    DeleteObject(u32),
    Act(Act<'static>),
}

fn step(seeded: &mut Seeded, is_up: &mut bool, has_address: &mut bool) -> Step {
    if seeded.one_in(12) {
        return act(seeded, is_up, has_address);
    }
    let object = seeded.pick(&[7, 8]);
    if seeded.one_in(12) {
        let gateways: [&str; 2] = if object == 7 { ["10.0.0.1", "10.0.0.3"] } else { ["2001:db8::1", "2001:db8::3"] };
        return match seeded.one_in(3) {
            true => Step::DeleteObject(object),
            false => Step::Object(object, seeded.pick(&gateways), seeded.one_in(2)),
        };
    }
    use RouteChange::{Add, Append, Change, Delete, Prepend, Replace};
    let v4 = seeded.one_in(2);
    let before = if v4 { Prepend } else { Append };
    let change = seeded.pick(&[Add, Add, Replace, Change, Append, before, Delete, Delete]);
    let (net, gateways): (&str, [&str; 4]) = match v4 {
        true => (seeded.pick(&["10.1.0.0/16", "10.2.0.0/16"]), ["10.0.0.1", "10.0.0.3", "10.6.0.9", "10.99.0.1"]),
        false => (
            seeded.pick(&["2001:db8:1::/48", "2001:db8:2::/48"]),
            ["2001:db8::1", "2001:db8::3", "2001:db8:ee::9", "2001:db8:99::1"],
        ),
    };
    let via = |seeded: &mut Seeded| seeded.pick(&[gateways[0], gateways[0], gateways[1], gateways[1], gateways[2], gateways[3]]);
    let metric = seeded.pick(if v4 { &[0, 5, 6][..] } else { &[5, 6][..] });
    let tail = format!("proto {} metric {metric}", seeded.pick(&["static", "static", "bird"]));
    let tos = if v4 && seeded.one_in(6) { "tos 4 " } else { "" };
    let words = match seeded.below(10) {
        0 => format!("blackhole {net} {tos}{tail}"),
        1 => format!("{net} {tos}dev w0 scope {} {tail}", if v4 { "link" } else { "global" }),
        2 => return Step::Route(change, format!("{net} {tos}{tail}"), Some(if v4 { 7 } else { 8 })),
        3 | 4 => {
            let (one, other) = (via(seeded), via(seeded));
            format!("{net} {tos}{tail} nexthop via {one} weight {} nexthop via {other}", seeded.pick(&[1, 3]))
        }
        _ => format!("{net} {tos}via {} {tail}", via(seeded)),
    };
    Step::Route(change, words, None)
}

fn act(seeded: &mut Seeded, is_up: &mut bool, has_address: &mut bool) -> Step {
    if seeded.one_in(2) {
        *is_up = !*is_up;
        return Step::Act(if *is_up { Act::SetUp("w1") } else { Act::SetDown("w1") });
    }
    *has_address = !*has_address;
    let address = [10, 6, 0, 1].into();
    Step::Act(if *has_address { Act::AddAddress("w1", address, 24) } else { Act::RemoveAddress("w1", address, 24) })
}

/// What a step led to: its outcome, what was said of the routes, and the tables.
type Seen = (String, Vec<String>, Vec<String>);

fn live<K: Kernel>(world: &mut World<'_, K>, step: &Step) -> Seen {
    let outcome = match step {
        Step::Act(act) => {
            world.act(*act);
            Ok(None)
        }
        Step::Route(change, words, object) => {
            let mut route = world.route(words);
            route.entry.next_hop_object = object.and_then(NextHopId::new);
            world.ask(Request::Route(*change, &route))
        }
        Step::Object(id, gateway, replace) => {
            let gateway = gateway.parse().expect("an address");
            let hop = NextHop::via(gateway).with_interface(world.index("w0"));
            let id = NextHopId::new(*id).expect("not zero");
            let object = NextHopObject::new(id, Some(Family::of(&gateway)), NextHopObjectKind::Single(hop));
            world.ask(Request::AddNextHop { object: &object, replace: *replace })
        }
        Step::DeleteObject(id) => world.ask(Request::DeleteNextHop(NextHopId::new(*id).expect("not zero"))),
    };
    let outcome = outcome.map_or_else(|error| format!("{:?}", error.kind()), |_| "done".to_owned());
    let said = world.said();
    let mut said: Vec<String> = said
        .iter()
        .filter_map(|notice| match notice {
            Notice::Route(verb, route) => told(world, route).map(|route| format!("{verb:?} {route}")),
            Notice::NextHop(verb, object) => Some(format!("{verb:?} object {}", object.id)),
            _ => None,
        })
        .collect();
    if !matches!(step, Step::Route(..)) {
        // In what order the routes go that hang on a link or an object is nobody's promise.
        said.sort();
    }
    let tables = Family::ALL.map(|family| world.routes_passing(family, &RouteFilter::default()));
    let tables = tables.iter().flatten().filter_map(|route| told(world, route)).collect();
    (outcome, said, tables)
}

/// A route to one of the networks that the steps are about, in words that do not name interfaces by number.
fn told<K: Kernel>(world: &World<'_, K>, route: &Route) -> Option<String> {
    let destination = route.slot.destination.to_string();
    if !["10.1.0.0/16", "10.2.0.0/16", "2001:db8:1::/48", "2001:db8:2::/48"].contains(&destination.as_str()) {
        return None;
    }
    let link = |hop: &NextHop| ["w0", "w1"].into_iter().find(|name| hop.interface == Some(world.index(name)));
    let marks = |hop: &NextHop| hop.flags & (NextHopFlags::DEAD | NextHopFlags::LINK_DOWN);
    let hops =
        route.entry.next_hops.iter().map(|hop| format!("{:?} {:?} {:?} {:?}", hop.gateway, link(hop), hop.weight, marks(hop)));
    // Where nothing is forwarded, IPv6 names the loopback.
    let hops: Vec<String> = if route.entry.disposition == Disposition::Unicast { hops.collect() } else { Vec::new() };
    let (slot, entry) = (route.slot, &route.entry);
    Some(format!(
        "{:?} {destination} tos {} metric {} {} {:?} {hops:?}",
        entry.disposition, slot.tos, slot.metric, entry.protocol, entry.next_hop_object
    ))
}

/// What only one of two has seen.
fn differences(real: &Seen, simulated: &Seen) -> String {
    let mut text = String::new();
    if real.0 != simulated.0 {
        text = format!("outcome: {} of the kernel, {} of the simulator\n", real.0, simulated.0);
    }
    for (what, real, simulated) in [("said", &real.1, &simulated.1), ("listed", &real.2, &simulated.2)] {
        let only = |one: &[String], other: &[String]| {
            one.iter().filter(|line| !other.contains(line)).cloned().collect::<Vec<_>>().join("\n  ")
        };
        if real != simulated {
            text += &format!(
                "{what} by the kernel alone:\n  {}\nby the simulator alone:\n  {}\n",
                only(real, simulated),
                only(simulated, real)
            );
        }
    }
    text
}

fn prepare<K: Kernel>(world: &mut World<'_, K>) {
    world.act(Act::AddLink("w1"));
    world.act(Act::AddAddress("w1", [10, 6, 0, 1].into(), 24));
    world.act(Act::SetUp("w1"));
    drop(world.said());
}

fn live_both(seed: u64) {
    let mut real = world();
    let sim = Sim::new(Profile::linux());
    let mut simulated = World::about(&sim);
    prepare(&mut real);
    prepare(&mut simulated);
    let mut seeded = Seeded::new(seed);
    let (mut is_up, mut has_address) = (true, true);
    let mut done = Vec::new();
    for number in 0..STEPS {
        let step = step(&mut seeded, &mut is_up, &mut has_address);
        done.push(format!("{step:?}"));
        let (real, simulated) = (live(&mut real, &step), live(&mut simulated, &step));
        let last = &done[done.len().saturating_sub(12)..];
        let differs = differences(&real, &simulated);
        assert!(differs.is_empty(), "seed {seed}, step {number}, after {last:#?}:\n{differs}");
    }
}

/// A life of one's own, to replay or to search.
fn another_life() {
    match std::env::var("WAYPOST_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => live_both(seed),
        None => live_both(0),
    }
}

macro_rules! lives {
    ($($seed:literal)*) => {
        &[Test::new("another_life", another_life), $(Test::new(concat!("life_", $seed), || live_both($seed))),*]
    };
}

fn main() -> ExitCode {
    run(lives![1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16])
}
