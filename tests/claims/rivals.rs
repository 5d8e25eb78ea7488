//! Rivals that add, delete and replace in every window between our requests, on the real kernel.

use std::ops::Range;

use waypost::claim::{Applied, Claim, Failed, Item, Owner, Plan, Policy, Prune};
use waypost::{
    Claims, ErrorKind, Family, InterfaceNames, NextHop, Options, Protocol, Route, RouteChange, RouteFilter, Routes, Rule, TableId,
};
use waypost_tests::ip::{ip, veth};
use waypost_tests::namespace::new_network;
use waypost_tests::seeded::Seeded;

/// The protocol of the standard owner.
const OURS: Protocol = Protocol(119);

/// The gateways of rivals; ours are others, so that next hops that IPv6 has merged can be told apart.
const THEIRS: [&str; 4] = ["10.0.0.9", "10.9.0.9", "fe80::9", "fe80::99"];

/// After so many runs, whose tables stay behind, a new namespace is taken.
const RUNS_A_NAMESPACE: u64 = 50;

/// The seeds of the runs: a few where nothing else is asked for, `5000` for as many and `9647..9648` for some that are not the first.
fn seeds() -> Range<u64> {
    let Ok(asked) = std::env::var("WAYPOST_CLAIM_KERNEL_RUNS") else { return 0..40 };
    let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("WAYPOST_CLAIM_KERNEL_RUNS={asked} names no runs"));
    match asked.split_once("..") {
        Some((first, end)) => number(first)..number(end),
        None => 0..number(&asked),
    }
}

pub(super) fn whatever_rivals_do_between_our_steps_nothing_of_theirs_is_lost_or_changed() {
    let (mut steps, mut failures) = (0, 0);
    for seed in seeds() {
        if seed % RUNS_A_NAMESPACE == 0 || seed == seeds().start {
            new_network();
            two_links();
        }
        let run = Run::new(seed);
        let (its_steps, its_failures) = run.play();
        steps += its_steps;
        failures += its_failures;
    }
    println!("{} runs, {steps} steps with a window before each, {failures} plans that failed", seeds().count());
    assert!(steps > 0 && failures > 0, "nothing was in the way of anybody");
}

fn two_links() {
    waypost_tests::ip::sysctl("net/ipv6/conf/default/accept_dad", "0");
    waypost_tests::ip::sysctl("net/ipv6/conf/default/router_solicitations", "0");
    veth("w0", "w1");
    ip("address add 10.0.0.1/24 dev w0");
    ip("address add 10.9.0.1/24 dev w1");
    // Gateways on a link are link-local, and need its own address first, which the kernel adds in its own time.
    let is_done = || ip("-6 -oneline address show scope link").lines().filter(|line| !line.contains("tentative")).count() == 2;
    assert!((0..2000).any(|_| is_done()), "the kernel takes for ever over its IPv6 addresses");
}

/// One run, in a table of its own.
struct Run {
    seed: u64,
    table: TableId,
    dice: Seeded,
    names: InterfaceNames,
    claims: Claims,
    rival: Rival,
}

struct Rival {
    routes: Routes,
    dice: Seeded,
    table: TableId,
    names: InterfaceNames,
    /// What was others' after the last thing that the rival did.
    expected: Option<Vec<String>>,
    seed: u64,
    has_zero: bool,
}

/// The prefix of IPv6 routes without a gateway, and of no others: one that stands between two next hops that have been merged no dump lists
/// (`fib6_dump_node`, net/ipv6/ip6_fib.c, Linux 6.18), and so it would seem to come and go.
const BARE: &str = "2001:db8:3::/48";

/// `has_zero` says that IPv4 routes have the metric 0 too, which a deletion takes for any.
fn some_route(dice: &mut Seeded, table: TableId, names: &InterfaceNames, is_ours: bool, has_zero: bool) -> Route {
    let prefixes = ["10.1.0.0/16", "10.1.1.0/24", "0.0.0.0/0", "2001:db8:1::/48", "2001:db8:2::/48", "::/0", BARE, "10.2.0.0/16"];
    let prefix = dice.pick(&prefixes);
    let (is_v6, side) = (prefix.contains(':'), dice.below(2) as usize);
    let way = match (is_v6, is_ours, dice.below(5)) {
        (false, _, 0) => format!("dev w{side} scope link"),
        // Both have those, so that the protocol alone tells them apart.
        (true, ..) if prefix == BARE => format!("dev w{side}"),
        // The kernel refuses it.
        (_, true, 1) if dice.below(4) == 0 => if is_v6 { "via 2001:db8:77::1" } else { "via 10.77.0.1" }.to_owned(),
        (false, true, _) => format!("via {}", ["10.0.0.2", "10.9.0.2"][side]),
        (false, false, _) => format!("via {}", THEIRS[side]),
        (true, true, 2) => "nexthop via fe80::1 dev w0 weight 1 nexthop via fe80::2 dev w0 weight 1".to_owned(),
        (true, true, _) => format!("via {} dev w0", ["fe80::1", "fe80::2"][side]),
        (true, false, _) => format!("via {} dev w1", THEIRS[2 + side]),
    };
    let protocol = if is_ours { "" } else { dice.pick(&["proto static", "", "proto bird"]) };
    let metric = match 5 + dice.below(3) {
        5 if has_zero && !is_v6 => 0,
        metric => metric,
    };
    let text = format!("{prefix} {protocol} metric {metric} table {} {way}", table.0);
    Route::parse(&text, names).unwrap_or_else(|error| panic!("{text}: {error}"))
}

impl Rival {
    fn all(&mut self) -> Vec<Route> {
        let mut filter = RouteFilter::default();
        filter.table = Some(self.table);
        self.routes.list(&filter).expect("the routes")
    }

    /// What is not ours, in the kernel's order: routes by protocol, and of IPv6 routes that joined ours the next hops that are others'.
    fn foreign(&mut self) -> Vec<String> {
        let mut all = Vec::new();
        for route in self.all() {
            let is_theirs = |hop: &&NextHop| hop.gateway.is_some_and(|own| THEIRS.contains(&own.to_string().as_str()));
            let hops: Vec<&NextHop> = route.entry.next_hops.iter().filter(is_theirs).collect();
            match &hops[..] {
                [] if route.entry.protocol == OURS => {}
                [] => all.push(route.to_string()),
                [..] if route.slot.destination.family() == Family::V4 => all.push(route.to_string()),
                _ => all.extend(hops.into_iter().map(|hop| format!("{:?} {:?} {:?}", route.slot, hop.gateway, hop.interface))),
            }
        }
        for rule in self.routes.rules(None).expect("the rules").iter().filter(|rule| rule.protocol != OURS) {
            all.push(rule.to_string());
        }
        all
    }

    /// Says that what is others' is as it was when the rival had done its last.
    #[track_caller]
    fn check(&mut self, after: &str) {
        let now = self.foreign();
        if let Some(expected) = &self.expected {
            assert_eq!(&now, expected, "seed {}: after {after}", self.seed);
        }
        self.expected = Some(now);
    }

    /// One thing that it does, to its own or to ours; the kernel may refuse it.
    fn act(&mut self) {
        let ours: Vec<Route> = self.all().into_iter().filter(|route| route.entry.protocol == OURS).collect();
        let one = (!ours.is_empty()).then(|| ours[self.dice.below(ours.len() as u64) as usize].clone());
        let mut own = || some_route(&mut self.dice, self.table, &self.names, false, self.has_zero);
        let (other, mut in_its_place) = (own(), own());
        let kind = |route: &Route| (route.slot.destination.family(), route.slot.destination.to_string() == BARE);
        if let Some(one) = one.as_ref().filter(|one| kind(one) == kind(&in_its_place)) {
            in_its_place.slot = one.slot;
        }
        let is_v6 = in_its_place.slot.destination.family() == Family::V6;
        let routes = &mut self.routes;
        // What it deletes it names as a listing has it, and of a route with several next hops one.
        let _ = match (self.dice.below(8), one) {
            (0, Some(one)) => routes.delete(&one),
            (1, Some(one)) => {
                let _ = routes.delete(&one);
                routes.add(&in_its_place)
            }
            (2, Some(one)) => {
                // It puts the same back.
                let _ = routes.delete(&one);
                routes.add(&one)
            }
            (3, _) => routes.change(RouteChange::Replace, &in_its_place),
            (4, _) => routes.change(RouteChange::Append, &in_its_place),
            (5, _) if !is_v6 => routes.change(RouteChange::Prepend, &in_its_place),
            (6, _) => routes.delete(&other),
            _ => routes.add(&other),
        };
        self.expected = None;
        self.check("the rival alone");
    }

    /// Comes between two requests of ours: says that the one before has touched nothing of others', and acts.
    fn comes_between(&mut self, before: &str) {
        self.check(before);
        for _ in 0..self.dice.below(3) {
            self.act();
        }
    }
}

impl Run {
    fn new(seed: u64) -> Self {
        let table = TableId(u32::try_from(1000 + seed % RUNS_A_NAMESPACE).expect("a small number"));
        let options = Options::new();
        let claims = if seed % 2 == 0 { Claims::open(Owner::standard()) } else { Claims::open_once(options, Owner::standard()) };
        let mut routes = Routes::open().expect("routes");
        let names = routes.names().expect("the names");
        let dice = Seeded::new(seed ^ 0xc1a1_4500_0000);
        let rival = Rival { routes, dice, table, names: names.clone(), expected: None, seed, has_zero: seed % 4 >= 2 };
        Self { seed, table, dice: Seeded::new(seed), names, claims: claims.expect("claims"), rival }
    }

    /// A few plans one after the other; says how many steps there were and how many plans failed.
    fn play(mut self) -> (usize, usize) {
        for _ in 0..self.dice.below(6) {
            self.rival.act();
        }
        let (mut steps, mut failures) = (0, 0);
        for _ in 0..3 {
            self.wish_for_others();
            let prune = if self.dice.below(2) == 0 { Prune::All } else { Prune::Withdrawn };
            let plan = self.claims.plan(prune).expect("a plan");
            let (count, done) = self.carry_out(plan);
            steps += count;
            failures += usize::from(done.is_err());
        }
        self.come_to_rest();
        (steps, failures)
    }

    fn wish_for_others(&mut self) {
        for id in self.claims.claims().iter().map(|(id, _)| id).collect::<Vec<_>>() {
            if self.dice.below(3) == 0 {
                self.claims.withdraw(id);
            }
        }
        for _ in 0..self.dice.below(6) {
            let policy = self.dice.pick(&[Policy::Report, Policy::Reassert, Policy::Yield]);
            let route = some_route(&mut self.dice, self.table, &self.names, true, self.rival.has_zero);
            match self.claims.put(Claim::new(route).policy(policy).metric_zero()) {
                // One of metric 0 and another to the same destination cannot both be claimed.
                Err(error) if self.rival.has_zero && error.kind() == ErrorKind::Ambiguous => {}
                put => _ = put.expect("a claim"),
            }
        }
        if self.dice.below(2) == 0 {
            let text = format!("{}: from 10.1.0.0/16 lookup {}", 100 + self.dice.below(3), self.table.0);
            self.claims.put(Claim::new(text.parse::<Rule>().expect("a rule"))).expect("a claim");
        }
    }

    /// Carries a plan out with the rival in every window.
    fn carry_out(&mut self, plan: Plan) -> (usize, Result<Applied, Failed>) {
        let rival = &mut self.rival;
        let (mut steps, mut last) = (0, "nothing".to_owned());
        rival.expected = None;
        let done = self.claims.carry_out_step_by_step(plan, |step| {
            rival.comes_between(&last);
            last = format!("step {steps}: {step:?}");
            steps += 1;
        });
        rival.check(&last);
        let done = done.expect("the kernel");
        for left in done.as_ref().err().map_or(&[][..], Failed::left) {
            // What the rival has put in the place, or what its way went with; never what there is no such operation for.
            let kind = left.error.kind();
            assert!(
                matches!(kind, ErrorKind::Exists | ErrorKind::Unreachable),
                "seed {}: {}: {}",
                self.seed,
                left.item,
                left.error
            );
        }
        (steps, done)
    }

    /// When the rivals rest, what is claimed and has its place comes about, and nothing of ours is left that is not.
    fn come_to_rest(mut self) {
        let seed = self.seed;
        loop {
            let plan = self.claims.plan(Prune::All).expect("a plan");
            let stuck: Vec<_> = plan.conflicts().iter().map(|conflict| conflict.wanted.clone()).collect();
            let is_stuck = |claim: &Claim| stuck.contains(&claim.item) || is_unreachable(&claim.item);
            let ids: Vec<_> = self.claims.claims().iter().filter(|(_, claim)| is_stuck(claim)).map(|(id, _)| id).collect();
            if ids.is_empty() {
                break;
            }
            ids.into_iter().for_each(|id| _ = self.claims.withdraw(id));
        }
        let before = self.rival.foreign();
        let plan = self.claims.plan(Prune::All).expect("a plan");
        let done = self.claims.carry_out(plan).expect("the kernel");
        assert_eq!(self.rival.foreign(), before, "seed {seed}");
        match done {
            Ok(_) => {
                let plan = self.claims.plan(Prune::All).expect("a plan");
                assert!(plan.is_empty(), "seed {seed}: {plan}");
            }
            // Next hops that have joined ours on IPv6 take the slot when ours leave it, and cannot be told from ours before.
            Err(failed) => {
                assert!(failed.error().kind() == ErrorKind::Exists && failed.left().is_empty(), "seed {seed}: {failed}");
            }
        }
        // Another start knows them by their tag alone, and takes them all away.
        let mut sweeper = Claims::open_once(Options::new(), Owner::standard()).expect("claims");
        let plan = sweeper.plan(Prune::All).expect("a plan");
        sweeper.carry_out(plan).expect("the kernel").unwrap_or_else(|failed| panic!("seed {seed}: {failed}"));
        assert_eq!(self.rival.foreign(), before, "seed {seed}");
        let left: Vec<Route> = self.rival.all().into_iter().filter(|route| route.entry.protocol == OURS).collect();
        let is_ours = |hop: &NextHop| hop.gateway.is_none_or(|own| !THEIRS.contains(&own.to_string().as_str()));
        let is_orphan = |route: &&Route| route.entry.next_hops.iter().any(is_ours);
        assert!(!left.iter().any(|route| is_orphan(&route)), "seed {seed}: {left:?}");
    }
}

fn is_unreachable(item: &Item) -> bool {
    let hops = item.as_route().map(|route| route.entry.next_hops.to_vec()).unwrap_or_default();
    hops.iter().any(|hop| hop.gateway.is_some_and(|own| ["10.77.0.1", "2001:db8:77::1"].contains(&own.to_string().as_str())))
}

pub(super) fn what_a_rival_has_put_in_its_place_meanwhile_is_named() {
    two_links();
    let mut claims = Claims::open_once(Options::new(), Owner::standard()).expect("claims");
    let cases = [
        (
            "10.1.0.0/16 via 10.0.0.2 metric 5",
            "route add 10.1.0.0/16 via 10.9.0.9 metric 5 proto static",
            "route 10.1.0.0/16 via 10.9.0.9",
        ),
        ("2001:db8:1::/48 dev w0 metric 5", "-6 route add 2001:db8:1::/48 dev w1 metric 5", "route 2001:db8:1::/48 dev w1"),
    ];
    for (ours, theirs, named) in cases {
        let route = Route::parse(ours, claims.names()).expect("a route");
        let id = claims.put(Claim::new(route)).expect("a claim");
        let plan = claims.plan(Prune::All).expect("a plan");
        let failed =
            claims.carry_out_step_by_step(plan, |_| drop(ip(theirs))).expect("the kernel").expect_err("it is in the way");
        let said = failed.with_names(claims.names()).to_string();
        assert!(said.contains(&format!(": in its place is {named}")), "{said}");
        assert!(failed.is_conflict() && failed.in_its_place().is_some());
        claims.withdraw(id);
    }
    let rule: Rule = "100: from 10.1.0.0/16 lookup 7".parse().expect("a rule");
    claims.put(Claim::new(rule)).expect("a claim");
    let plan = claims.plan(Prune::All).expect("a plan");
    let rival = |_: &_| drop(ip("rule add from 10.1.0.0/16 lookup 7 pref 100 proto 119"));
    let failed = claims.carry_out_step_by_step(plan, rival).expect("the kernel").expect_err("it is in the way");
    assert!(failed.to_string().contains("in its place is rule 100: from 10.1.0.0/16 lookup 7 proto 119"), "{failed}");
}

pub(super) fn an_ipv6_route_without_a_gateway_comes_back_behind_another_of_its_slot() {
    new_network();
    two_links();
    let mut claims = Claims::open(Owner::standard()).expect("claims");
    let put = |claims: &mut Claims, words: &str| {
        let route = Route::parse(words, claims.names()).expect("a route");
        claims.put(Claim::new(route)).expect("a claim")
    };
    let goes = put(&mut claims, "2001:db8:3::/48 dev w0 metric 7");
    put(&mut claims, "2001:db8:1::/48 via fe80::1 dev w0 metric 7");
    let plan = claims.plan(Prune::Withdrawn).expect("a plan");
    claims.carry_out(plan).expect("the kernel").expect("it is carried out");
    ip("-6 route append 2001:db8:3::/48 dev w1 metric 7 proto static");
    // One goes, and one becomes another; when both old ones have gone another program takes the place of the latter.
    claims.withdraw(goes);
    put(&mut claims, "2001:db8:1::/48 via fe80::2 dev w0 metric 7");
    let plan = claims.plan(Prune::Withdrawn).expect("a plan");
    let mut deleted = 0;
    let failed = claims.carry_out_step_by_step(plan, |step| {
        if deleted == 2 && step.adds() {
            ip("-6 route add 2001:db8:1::/48 via fe80::9 dev w1 metric 7 proto static");
            deleted += 1;
        }
        deleted += u32::from(!step.adds());
    });
    let failed = failed.expect("the kernel").expect_err("its place is taken");
    // What has lost its place cannot come back; the other does, and what is another's is as it was.
    assert!(matches!(failed.left(), [left] if left.error.kind() == ErrorKind::Exists && !left.is_there), "{failed}");
    let there = ip("-6 route show exact 2001:db8:3::/48");
    let lines: Vec<&str> = there.lines().map(str::trim_end).collect();
    let [theirs, ours] = lines[..] else { panic!("{there}") };
    assert!(theirs.contains("dev w1 proto static") && ours.contains("dev w0 proto 119"), "{there}");
}
