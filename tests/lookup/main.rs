//! The mirror's own lookup against the kernel's, in random worlds: both of the kernel's answers, the entry and the path, must be ours.
//!
//! The seeds are fixed. `WAYPOST_WORLDS` and `WAYPOST_FLOWS` ask for more worlds and more flows in each, `WAYPOST_SEED` for the worlds from
//! that seed on; `cargo xtask lookup` does so, with optimised code. Run with the rights of root and `WAYPOST_REQUIRE_KERNEL=1` it has the rules ask for
//! users that a user namespace has no numbers for.

mod flows;
mod judge;
mod kernel;
mod tally;
mod worlds;

use std::process::ExitCode;
use std::time::Duration;

use waypost::lookup::Verdict;
use waypost::{Family, Flow, Protocol, Route, RouteChange, RouteRef, Rule, Watcher};
use waypost_netlink::wire::rule::RuleChange;
use waypost_tests::ip::sysctl;
use waypost_tests::namespace::run;
use waypost_tests::seeded::Seeded;
use waypost_tests::skip::is_required;
use waypost_tests::test;
use waypost_tests::witness::{assert_mirrors_the_kernel, watcher};

use flows::{Interfaces, flow};
use kernel::Kernel;
use tally::{Tally, Variants};
use worlds::{PROTOCOL, World, make_interfaces};

/// How many worlds there are, and how many flows in each, where nobody asks for more.
const WORLDS: u64 = 60;
const FLOWS: u64 = 400;

/// Each so-many-th world of IPv4 is followed from the one before; the others are read anew. A follower looks again half a second after some
/// changes, and ten thousand worlds would be an hour of waiting.
const FOLLOWED: u64 = 8;

/// Flows are asked about by the handful.
const HANDFUL: usize = 256;

/// What is to be compared.
struct Wish {
    first: u64,
    worlds: u64,
    flows: u64,
}

impl Wish {
    fn read() -> Self {
        let number = |name| std::env::var(name).ok().map(|text| text.parse().expect(name));
        let first = number("WAYPOST_SEED");
        let worlds = number("WAYPOST_WORLDS").unwrap_or(if first.is_some() { 1 } else { WORLDS });
        Self { first: first.unwrap_or(1), worlds, flows: number("WAYPOST_FLOWS").unwrap_or(FLOWS) }
    }
}

fn replay(seed: u64, flows: u64, family: Family) -> String {
    let test = if family == Family::V4 { "ipv4" } else { "ipv6" };
    let rights = if is_required() { "WAYPOST_REQUIRE_KERNEL=1 " } else { "" };
    format!("{rights}WAYPOST_SEED={seed} WAYPOST_FLOWS={flows} cargo test -p waypost-tests --test lookup {test}")
}

fn both_find_the_same(family: Family) {
    let wish = Wish::read();
    make_interfaces();
    let mut watcher = watcher();
    assert_mirrors_the_kernel(&mut watcher);
    let mut kernel = Kernel::open();
    let mut tally = Tally::of(wish.worlds * wish.flows);
    for seed in wish.first..wish.first + wish.worlds {
        let world = World::new(seed, family, watcher.names(), is_required());
        install(&world, &mut kernel);
        // No dump lists an IPv6 route without a gateway that stands between next hops that were merged (docs/PLATFORMS.md).
        if family == Family::V6 || seed % FOLLOWED == 0 {
            settle(&mut watcher);
        } else {
            watcher = waypost_tests::witness::watcher();
        }
        if let Err(difference) = compare(seed, wish.flows, family, &watcher, &mut kernel, &mut tally) {
            panic!("seed {seed}: {difference}\n{}replay: {}", world.told(), replay(seed, wish.flows, family));
        }
        tally.worlds += 1;
        if tally.worlds % 500 == 0 {
            eprintln!("{family}, up to seed {seed}: {tally}");
        }
        // Where the next world is followed, it is settled together with this.
        clear(family, &watcher, &mut kernel);
    }
    println!("{family}, seeds {} to {}: {tally}", wish.first, wish.first + wish.worlds - 1);
    // A world alone, to see a difference again, decides little.
    if wish.worlds >= WORLDS {
        tally.check(family);
    }
}

/// Lets the watcher come to rest. There are many worlds, so it waits but for what the watcher waits for.
fn settle(watcher: &mut Watcher) {
    const TURN: Duration = Duration::from_millis(1);
    for _ in 0..20_000 {
        while watcher.try_next().expect("the socket lives").is_some() {}
        if watcher.is_settled() {
            return;
        }
        watcher.wait(Some(TURN)).expect("the socket lives");
    }
    panic!("the watcher does not come to rest: {:?}", watcher.stats());
}

fn install(world: &World, kernel: &mut Kernel) {
    for (name, value) in &world.settings {
        sysctl(name, value);
    }
    // The kernel refuses some: a twin, a gateway that a route of another world would lead to.
    let refused = kernel.change(world.routes.iter().map(|(change, route)| (*change, route)));
    assert!(refused * 2 < world.routes.len(), "{refused} of {} routes are refused", world.routes.len());
    let refused = kernel.change_rules(RuleChange::Add, &world.rules);
    assert!(refused * 4 < world.rules.len(), "{refused} of {} rules are refused", world.rules.len());
}

/// Takes out what [`install`] has put in.
fn clear(family: Family, watcher: &Watcher, kernel: &mut Kernel) {
    let is_ours = |route: &RouteRef<'_>| route.entry.protocol == Protocol(PROTOCOL);
    let routes: Vec<Route> = watcher.routes().filter(is_ours).map(RouteRef::to_route).collect();
    kernel.change(routes.iter().map(|route| (RouteChange::Delete, route)));
    let rules: Vec<Rule> = watcher.rules(family).iter().filter(|rule| rule.protocol == Protocol(PROTOCOL)).cloned().collect();
    assert_eq!(kernel.change_rules(RuleChange::Delete, &rules), 0, "our own rules can be deleted");
}

fn compare(
    seed: u64,
    count: u64,
    family: Family,
    watcher: &Watcher,
    kernel: &mut Kernel,
    tally: &mut Tally,
) -> Result<(), String> {
    let mirror = watcher.mirror();
    let interfaces = Interfaces::of(watcher.names());
    let variants = Variants::of(mirror.rules(family));
    let make = |rules| tally::world(mirror, watcher.names(), family, rules);
    let prepared = make(None).prepare();
    // The flows are the same whatever the worlds take of theirs.
    let mut seeded = Seeded::new(seed ^ 0x00f1_0057);
    let mut left = count;
    let mut flows: Vec<Flow> = Vec::with_capacity(HANDFUL);
    let mut difference = None;
    while left > 0 && difference.is_none() {
        flows.clear();
        flows.extend((0..left.min(HANDFUL as u64)).map(|_| flow(&mut seeded, family, &interfaces)));
        left -= flows.len() as u64;
        let mut verdicts = Vec::with_capacity(flows.len());
        if seed % 2 == 0 {
            prepared.find_all(&flows, |_, verdict| verdicts.push(verdict));
        } else {
            verdicts.extend(flows.iter().map(|flow| prepared.find(flow)));
        }
        kernel.ask(&flows, |at, entry, path| {
            let (flow, verdict) = (&flows[at], &verdicts[at]);
            if matches!(verdict, Verdict::Indeterminate { .. }) {
                tally.undecided += 1;
                return;
            }
            if let Err(why) = judge::compare(flow, verdict, &entry, &path) {
                let steps = make(None).explain(flow);
                difference.get_or_insert(format!("{flow:?}\n{why}\n{steps}"));
            }
            tally.add(flow, make, &variants);
            tally.add_company(mirror.tables(), verdict);
        });
    }
    difference.map_or(Ok(()), Err)
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
