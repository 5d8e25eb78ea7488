use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use waypost_core::lookup::{Dropped, World};
use waypost_core::{Kernel, Notice, Notices, Request, RouteChange, Rule, Ticket};
use waypost_sim::{Profile, Sim, SimKernel};

use super::*;
use crate::{FollowOptions, Follower, Progress};

/// A machine with two interfaces that are up, a program that follows it, and the flows of that.
struct Scene {
    sim: Sim,
    links: [waypost_core::IfIndex; 2],
    kernel: SimKernel,
    follower: Follower,
    reach: Reach,
    now: Now,
    hits: Vec<Judgement>,
    /// How many flows are judged at a time.
    slice: usize,
}

impl Scene {
    fn new() -> Self {
        let sim = Sim::new(Profile::linux());
        let links = [("w0", "10.0.0.2", "2001:db8::2"), ("w1", "10.9.0.2", "2001:db8:9::2")].map(|(name, v4, v6)| {
            let link = sim.add_link(name);
            sim.set_up(link, true).unwrap();
            sim.set_carrier(link, true).unwrap();
            sim.add_address(link, v4.parse().unwrap(), 24).unwrap();
            sim.add_address(link, v6.parse().unwrap(), 64).unwrap();
            link
        });
        let kernel = sim.kernel();
        let now = Now::awake(Duration::from_secs(100));
        let (follower, reach) = (Follower::new(FollowOptions::default()), Reach::default());
        let mut scene = Self { sim, links, kernel, follower, reach, now, hits: Vec::new(), slice: 7 };
        scene.change(RouteChange::Add, "default via 10.0.0.1 metric 100");
        scene.change(RouteChange::Add, "default via 10.9.0.1 metric 600");
        scene.settle();
        scene
    }

    fn change(&self, change: RouteChange, text: &str) {
        self.sim.rival(change, &text.parse().unwrap()).unwrap();
    }

    fn advance(&mut self) {
        let (mut events, mut others) = (Vec::new(), Notices::new());
        while self.follower.advance(self.now, &mut self.kernel, &mut events, &mut others).unwrap() == Progress::More {}
        for event in events {
            self.reach.note(self.now, &event, self.follower.mirror());
        }
        while self.reach.work(self.now, self.follower.mirror(), self.slice, &mut self.hits) == Work::More {}
    }

    fn settle(&mut self) {
        for _ in 0..2000 {
            self.advance();
            if self.follower.is_settled() && self.reach.is_done() {
                return;
            }
            self.now = self.now + Duration::from_millis(10);
        }
        panic!("it never comes to rest");
    }

    fn register(&mut self, to: &str) -> FlowId {
        self.reach.register(&Flow::to(to.parse().unwrap()))
    }

    fn register_from(&mut self, from: &str, to: &str) -> FlowId {
        let mut flow = Flow::to(to.parse().unwrap());
        flow.source = Some(from.parse().unwrap());
        self.reach.register(&flow)
    }

    /// Who has been hit since this was last asked, and how.
    fn hits(&mut self) -> Vec<(FlowId, Effects)> {
        let mut hits: Vec<_> = self.hits.drain(..).map(|hit| (hit.flow, hit.effects)).collect();
        hits.sort();
        hits
    }
}

#[test]
fn a_flow_whose_route_goes_is_told_though_another_remains() {
    let mut scene = Scene::new();
    let one = scene.register("192.0.2.1");
    scene.settle();
    assert_eq!(scene.hits(), [], "it has a way");
    assert_eq!(scene.reach.standing(one).unwrap().ways[0].gateway, Some("10.0.0.1".parse().unwrap()));
    scene.change(RouteChange::Delete, "default via 10.0.0.1 dev if2 metric 100");
    scene.settle();
    let moved = Effects::ROUTE_GONE | Effects::INTERFACE | Effects::GATEWAY;
    assert_eq!(scene.hits(), [(one, moved)]);
    scene.change(RouteChange::Add, "192.0.2.0/24 via 10.9.0.1");
    scene.settle();
    assert_eq!(scene.hits(), [], "another route the same way");
    scene.change(RouteChange::Delete, "192.0.2.0/24 via 10.9.0.1 dev if3");
    scene.settle();
    assert_eq!(scene.hits(), [(one, Effects::ROUTE_GONE)], "it goes on as before, by another route");
    scene.change(RouteChange::Delete, "default via 10.9.0.1 dev if3 metric 600");
    scene.settle();
    assert_eq!(scene.hits(), [(one, Effects::ROUTE_GONE | Effects::ROUTE_LOST)]);
    scene.change(RouteChange::Add, "default via 10.9.0.1 metric 600");
    scene.settle();
    assert_eq!(scene.hits(), [(one, Effects::REGAINED)]);
}

#[test]
fn the_longest_prefix_counts_and_an_unrelated_change_is_none() {
    let mut scene = Scene::new();
    scene.change(RouteChange::Add, "192.0.2.0/24 via 10.9.0.1");
    scene.change(RouteChange::Add, "192.0.0.0/16 via 10.0.0.9");
    let (near, far) = (scene.register("192.0.2.1"), scene.register("192.0.9.1"));
    scene.settle();
    for text in ["198.51.100.0/24 via 10.0.0.1", "192.0.2.128/25 via 10.0.0.1", "192.0.10.0/24 via 10.0.0.1"] {
        scene.change(RouteChange::Add, text);
        scene.settle();
        scene.change(RouteChange::Delete, &format!("{text} dev if2"));
        scene.settle();
    }
    scene.change(RouteChange::Delete, "default via 10.0.0.1 dev if2 metric 100");
    scene.settle();
    assert_eq!(scene.hits(), [], "neither used any of these");
    scene.change(RouteChange::Delete, "192.0.2.0/24 via 10.9.0.1 dev if3");
    scene.settle();
    assert_eq!(scene.hits(), [(near, Effects::ROUTE_GONE | Effects::INTERFACE | Effects::GATEWAY)]);
    assert_eq!(scene.reach.standing(near), scene.reach.standing(far));
}

#[test]
fn rules_and_tables_count() {
    let mut scene = Scene::new();
    scene.change(RouteChange::Add, "default via 10.9.0.1 table 52");
    let mut marked = Flow::to("192.0.2.1".parse().unwrap());
    marked.mark = 7;
    let (plain, marked) = (scene.register("192.0.2.1"), scene.reach.register(&marked));
    scene.settle();
    let rule: Rule = "100: from all fwmark 7 lookup 52".parse().unwrap();
    scene.kernel.submit(scene.now, Ticket(1), Request::AddRule(&rule)).unwrap();
    scene.settle();
    assert_eq!(scene.hits(), [(marked, Effects::INTERFACE | Effects::GATEWAY)]);
    scene.change(RouteChange::Add, "192.0.2.0/24 via 10.0.0.7");
    scene.settle();
    assert_eq!(scene.hits(), [(plain, Effects::GATEWAY)], "the other's table is asked first");
    scene.change(RouteChange::Delete, "default via 10.9.0.1 dev if3 table 52");
    scene.settle();
    assert_eq!(scene.hits(), [(marked, Effects::ROUTE_GONE | Effects::INTERFACE | Effects::GATEWAY)]);
    let no: Rule = "50: to 192.0.2.0/24 unreachable".parse().unwrap();
    scene.kernel.submit(scene.now, Ticket(1), Request::AddRule(&no)).unwrap();
    scene.settle();
    assert_eq!(scene.hits(), [(plain, Effects::ROUTE_LOST), (marked, Effects::ROUTE_LOST)]);
}

#[test]
fn a_source_that_goes_is_told_in_either_family() {
    let mut scene = Scene::new();
    scene.change(RouteChange::Add, "default via 2001:db8:9::1 dev if3 metric 9");
    let flows = [
        scene.register_from("10.0.0.2", "192.0.2.1"),
        scene.register_from("2001:db8::2", "2001:db8:77::1"),
        scene.register_from("10.9.0.2", "192.0.2.1"),
    ];
    scene.settle();
    assert_eq!(scene.hits(), []);
    scene.sim.remove_address(scene.links[0], "10.0.0.2".parse().unwrap()).unwrap();
    scene.sim.remove_address(scene.links[0], "2001:db8::2".parse().unwrap()).unwrap();
    scene.settle();
    let hits: BTreeMap<FlowId, Effects> = scene.hits().into_iter().collect();
    assert!(hits[&flows[0]].contains(Effects::SOURCE_LOST) && hits[&flows[1]] == Effects::SOURCE_LOST, "{hits:?}");
    assert!(!hits[&flows[2]].contains(Effects::SOURCE_LOST), "its default route went along with the address");
    scene.sim.add_address(scene.links[0], "10.0.0.2".parse().unwrap(), 24).unwrap();
    scene.settle();
    assert_eq!(scene.hits(), [(flows[0], Effects::REGAINED)]);
}

#[test]
fn a_local_route_makes_its_whole_prefix_the_hosts_own_in_either_family() {
    let mut scene = Scene::new();
    scene.change(RouteChange::Add, "default via 2001:db8:9::1 dev if3 metric 9");
    let own = ["local 198.51.100.0/24 dev if2 table local", "local 2001:db8:5::/64 dev if2 table local"];
    own.iter().for_each(|route| scene.change(RouteChange::Add, route));
    let flows = [scene.register_from("198.51.100.7", "192.0.2.1"), scene.register_from("2001:db8:5::7", "2001:db8:77::1")];
    scene.settle();
    assert_eq!(scene.hits(), [], "no link has these addresses, and they are the host's");
    own.iter().for_each(|route| scene.change(RouteChange::Delete, route));
    scene.settle();
    assert!(flows.iter().all(|flow| scene.reach.standing(*flow).unwrap().outlook == Outlook::SourceLost));
    assert_eq!(scene.hits(), flows.map(|flow| (flow, Effects::SOURCE_LOST)));
    own.iter().for_each(|route| scene.change(RouteChange::Add, route));
    scene.settle();
    assert_eq!(scene.hits(), flows.map(|flow| (flow, Effects::REGAINED)));
}

#[test]
fn an_ipv6_source_counts_as_long_as_rules_lead_to_a_route_that_has_it() {
    let mut scene = Scene::new();
    scene.change(RouteChange::Add, "default via 2001:db8:9::1 dev if3 metric 9");
    let (own, other) = ("local 2001:db8:5::/64 dev if2 table 100", "2001:db8:5::/80 via 2001:db8:9::1 dev if3 table 100");
    scene.change(RouteChange::Add, own);
    let rule: Rule = "50: from all to 2001:db8:5::/64 lookup 100".parse().unwrap();
    let submit = |scene: &mut Scene, request: Request<'_>| {
        scene.kernel.submit(scene.now, Ticket(1), request).unwrap();
        scene.settle();
    };
    submit(&mut scene, Request::AddRule(&rule));
    let flow = scene.register_from("2001:db8:5::7", "2001:db8:77::1");
    scene.settle();
    assert_eq!(scene.hits(), [], "no interface has it, and it is the host's");
    let (lost, regained) = ([(flow, Effects::SOURCE_LOST)], [(flow, Effects::REGAINED)]);
    submit(&mut scene, Request::DeleteRule(&rule));
    assert_eq!(scene.hits(), lost, "nothing leads there");
    submit(&mut scene, Request::AddRule(&rule));
    assert_eq!(scene.hits(), regained);
    for (route, is_own) in [(own, true), (other, false)] {
        let (one, back) = if is_own { (RouteChange::Delete, RouteChange::Add) } else { (RouteChange::Add, RouteChange::Delete) };
        scene.change(one, route);
        scene.settle();
        assert_eq!(scene.hits(), lost, "{route}");
        scene.change(back, route);
        scene.settle();
        assert_eq!(scene.hits(), regained, "{route}");
    }
}

#[test]
fn an_address_that_two_interfaces_have_is_there_until_both_have_lost_it() {
    let mut scene = Scene::new();
    scene.change(RouteChange::Add, "default via 2001:db8:9::1 dev if3 metric 9");
    scene.sim.add_address(scene.links[1], "2001:db8::2".parse().unwrap(), 128).unwrap();
    let flow = scene.register_from("2001:db8::2", "2001:db8:77::1");
    scene.settle();
    for (link, hits) in [(0, vec![]), (1, vec![(flow, Effects::SOURCE_LOST)])] {
        scene.sim.remove_address(scene.links[link], "2001:db8::2".parse().unwrap()).unwrap();
        scene.settle();
        assert_eq!(scene.hits(), hits, "{link}");
    }
}

#[test]
fn a_link_that_is_switched_off_hits_those_that_left_by_it() {
    let mut scene = Scene::new();
    let (one, other) = (scene.register("192.0.2.1"), scene.register("10.9.0.77"));
    scene.settle();
    scene.sim.set_up(scene.links[0], false).unwrap();
    scene.settle();
    let hits = scene.hits();
    assert_eq!(hits.len(), 1, "{hits:?}");
    assert_eq!(hits[0], (one, Effects::ROUTE_GONE | Effects::INTERFACE | Effects::GATEWAY));
    scene.sim.remove_link(scene.links[1]).unwrap();
    scene.settle();
    let hits = scene.hits();
    assert!(hits.iter().any(|(flow, effects)| *flow == other && effects.contains(Effects::ROUTE_LOST)), "{hits:?}");
}

#[test]
fn that_a_route_has_gone_is_told_whatever_else_has_its_flows_judged() {
    let mut scene = Scene::new();
    let one = scene.register("192.0.2.1");
    let moved = Effects::ROUTE_GONE | Effects::INTERFACE | Effects::GATEWAY;
    let via_second = "192.0.2.0/24 via 10.9.0.1";
    let rule = |scene: &mut Scene, text: &str| {
        let rule: Rule = text.parse().unwrap();
        scene.kernel.submit(scene.now, Ticket(1), Request::AddRule(&rule)).unwrap();
    };
    scene.change(RouteChange::Add, via_second);
    scene.settle();
    scene.hits();
    // A link has the flows that leave by it judged.
    scene.change(RouteChange::Delete, &format!("{via_second} dev if3"));
    scene.sim.set_carrier(scene.links[1], false).unwrap();
    scene.settle();
    assert_eq!(scene.hits(), [(one, moved)]);

    // A rule has all judged.
    scene.sim.set_carrier(scene.links[1], true).unwrap();
    scene.change(RouteChange::Add, via_second);
    scene.settle();
    scene.hits();
    scene.change(RouteChange::Delete, &format!("{via_second} dev if3"));
    rule(&mut scene, "50: from all fwmark 99 lookup 52");
    scene.settle();
    assert_eq!(scene.hits(), [(one, moved)]);

    // A default that goes has its group judged, and a rule a range.
    scene.change(RouteChange::Delete, "default via 10.0.0.1 dev if2 metric 100");
    rule(&mut scene, "51: to 192.0.2.0/24 lookup 52");
    scene.settle();
    assert_eq!(scene.hits(), [(one, moved)]);
}

#[test]
fn nothing_is_judged_before_the_tables_are_known_not_to_be_half_read() {
    let mut scene = Scene::new();
    scene.reach = Reach::default();
    let flow = scene.register("192.0.2.1");
    let mirror = Mirror::new();
    let mut later = scene.now;
    let mut work = |reach: &mut Reach, milliseconds: u64, mirror: &Mirror| {
        later = later + Duration::from_millis(milliseconds);
        let mut hits = Vec::new();
        reach.work(later, mirror, 100, &mut hits);
        (later, hits)
    };
    let unjudged = |reach: &Reach| reach.standing(flow).unwrap().outlook == Outlook::Unjudged;
    work(&mut scene.reach, 0, &mirror);
    let (now, hits) = work(&mut scene.reach, 5000, &mirror);
    assert_eq!(hits, [], "an empty table is one that has not been read");
    scene.reach.note(now, &Event::Synchronised, &mirror);
    assert!(unjudged(&scene.reach) && scene.reach.deadline().is_none(), "nothing is waited for but routes");

    let full = scene.follower.mirror();
    scene.reach.note(now, &Event::Synchronised, full);
    work(&mut scene.reach, 50, full);
    let (now, _) = work(&mut scene.reach, 0, full);
    let link = full.links().values().next().unwrap();
    scene.reach.note(now, &Event::Link(Change::Added(link.clone())), full);
    work(&mut scene.reach, 99, full);
    assert!(unjudged(&scene.reach), "it has not been quiet for long enough");
    let (now, _) = work(&mut scene.reach, 0, full);
    scene.reach.note(now, &Event::Resynced { reason: crate::Reason::Asked, added: 0, removed: 0, replaced: 0 }, full);
    work(&mut scene.reach, 1, full);
    assert_eq!(scene.reach.standing(flow).unwrap().outlook, Outlook::Routed, "a resync is no noise of its own");
    let lost = scene.register("2001:db8:77::1");
    let (_, hits) = work(&mut scene.reach, 0, scene.follower.mirror());
    assert_eq!((hits.len(), hits[0].flow, hits[0].effects), (1, lost, Effects::ROUTE_LOST), "one without a way is told at once");
}

#[test]
fn judging_begins_at_last_though_it_is_never_quiet() {
    let scene = Scene::new();
    let (mut reach, mut now, full) = (Reach::default(), scene.now, scene.follower.mirror());
    reach.register(&Flow::to("2001:db8:77::1".parse().unwrap()));
    let event = Event::Link(Change::Added(full.links().values().next().unwrap().clone()));
    let mut hits = Vec::new();
    for _ in 0..20 {
        reach.note(now, &event, full);
        assert!(reach.deadline().is_some_and(|deadline| deadline.running > now.running));
        reach.work(now, full, 100, &mut hits);
        assert_eq!(hits, []);
        now = now + Reach::COLD_PLUG / 2;
    }
    reach.note(now, &event, full);
    reach.work(now, full, 100, &mut hits);
    assert_eq!(hits.len(), 1);
}

#[test]
fn a_change_costs_by_the_flows_that_it_touches() {
    let mut scene = Scene::new();
    scene.slice = 1 << 20;
    let flows: Vec<FlowId> =
        (0..5000_u32).map(|n| scene.register(&IpAddr::from((0x1400_0000 + n * 256).to_be_bytes()).to_string())).collect();
    scene.settle();
    scene.hits.clear();
    let looked = |scene: &mut Scene, change, text: &str| {
        scene.change(change, text);
        let (mut events, mut others) = (Vec::new(), Notices::new());
        while scene.follower.advance(scene.now, &mut scene.kernel, &mut events, &mut others).unwrap() == Progress::More {}
        events.iter().for_each(|event| scene.reach.note(scene.now, event, scene.follower.mirror()));
        let mut steps = 0;
        while scene.reach.work(scene.now, scene.follower.mirror(), 1, &mut scene.hits) == Work::More {
            steps += 1;
        }
        steps
    };
    assert!(looked(&mut scene, RouteChange::Add, "30.0.0.0/8 via 10.9.0.1") <= 2, "no flow goes there");
    assert!(looked(&mut scene, RouteChange::Delete, "30.0.0.0/8 via 10.9.0.1 dev if3") <= 2);
    assert!(looked(&mut scene, RouteChange::Add, "20.0.8.0/22 via 10.9.0.1") <= 6, "four do");
    assert_eq!(scene.hits.drain(..).map(|hit| hit.flow).collect::<Vec<_>>(), flows[8..12]);
    assert!(looked(&mut scene, RouteChange::Delete, "default via 10.9.0.1 dev if3 metric 600") <= 2, "nobody used it");
    let all = looked(&mut scene, RouteChange::Add, "default via 10.0.0.7 metric 50");
    assert!((4996..5010).contains(&all), "{all}");
    assert_eq!(scene.hits.drain(..).count(), 4996, "all but those");
}

#[test]
fn flows_that_are_removed_are_not_told_of() {
    let mut scene = Scene::new();
    let flows: Vec<FlowId> = (1..200).map(|n| scene.register(&format!("192.0.2.{n}"))).collect();
    scene.settle();
    for flow in flows.iter().step_by(2) {
        scene.reach.remove(*flow);
    }
    assert_eq!((scene.reach.len(), scene.reach.standing(flows[0])), (99, None));
    scene.change(RouteChange::Delete, "default via 10.0.0.1 dev if2 metric 100");
    scene.settle();
    let mut left: Vec<FlowId> = flows.iter().skip(1).step_by(2).copied().collect();
    left.sort();
    assert_eq!(scene.hits().into_iter().map(|(flow, _)| flow).collect::<Vec<_>>(), left);
}

/// How a flow stands, found by looking it up: what the machine must come to by whatever way.
fn looked_up(mirror: &Mirror, flow: &Flow) -> Standing {
    let family = Family::of(&flow.destination);
    let world = World::new(mirror.tables(), mirror.policy(family), mirror.names());
    let world = world.with_links(mirror.links()).with_settings(mirror.settings());
    let is_lost = |source: &IpAddr| source.is_ipv6() && !mirror.addresses().any(|own| own.local == *source);
    let verdict = match flow.source.filter(is_lost) {
        Some(_) => waypost_core::lookup::Verdict::Dropped { why: Dropped::ForeignSource, found: None },
        None => world.find(flow),
    };
    Standing::of(&verdict, mirror)
}

#[test]
fn whatever_happens_every_flow_comes_to_stand_as_a_lookup_says() {
    for seed in 0..25_u64 {
        let mut scene = Scene::new();
        let mut number = seed;
        let mut below = move |end: u64| {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (number >> 33) % end
        };
        let mut flows: BTreeMap<FlowId, Flow> = BTreeMap::new();
        let mut told: BTreeMap<FlowId, Outlook> = BTreeMap::new();
        for _ in 0..150 {
            scene.slice = 1 + below(40) as usize;
            match below(10) {
                0..=3 => {
                    let mut flow = Flow::to(remote(below(60)));
                    flow.mark = below(2) as u32 * 7;
                    flow.source = (below(3) == 0).then(|| source(&flow.destination, below(2)));
                    flows.insert(scene.reach.register(&flow), flow);
                }
                4 if !flows.is_empty() => {
                    let flow = *flows.keys().nth(below(flows.len() as u64) as usize).unwrap();
                    flows.remove(&flow);
                    told.remove(&flow);
                    scene.reach.remove(flow);
                }
                5 => link_or_address(&scene, below(6)),
                6 => rule(&mut scene, below(4)),
                _ => route(&scene, below(48), below(2) == 0),
            }
            if below(3) == 0 {
                scene.advance();
            }
            if below(8) == 0 {
                scene.settle();
            }
            for hit in scene.hits.drain(..).filter(|hit| flows.contains_key(&hit.flow)) {
                assert!(!hit.effects.is_empty());
                told.insert(hit.flow, hit.now.outlook);
            }
        }
        scene.settle();
        scene.hits.drain(..).for_each(|hit| _ = told.insert(hit.flow, hit.now.outlook));
        assert_eq!(scene.reach.len(), flows.len());
        for (id, flow) in &flows {
            let expected = looked_up(scene.follower.mirror(), flow);
            let standing = scene.reach.standing(*id).unwrap();
            assert_eq!(**standing, expected, "seed {seed}: {flow:?}");
            let is_lost = told.get(id).is_some_and(|outlook| outlook.is_lost());
            assert!(
                is_lost == standing.outlook.is_lost() || standing.outlook == Outlook::Unknown,
                "seed {seed}: {flow:?} was told otherwise"
            );
        }
    }
}

fn remote(number: u64) -> IpAddr {
    match number % 3 {
        0 => format!("2001:db8:{:x}::{number}", 0x70 + number % 4).parse().unwrap(),
        _ => IpAddr::from([20, number as u8 % 4, number as u8 % 8, number as u8]),
    }
}

fn source(remote: &IpAddr, which: u64) -> IpAddr {
    let all = if remote.is_ipv4() { ["10.0.0.2", "10.9.0.2"] } else { ["2001:db8::2", "2001:db8:9::2"] };
    all[which as usize].parse().unwrap()
}

fn route(scene: &Scene, number: u64, add: bool) {
    let prefixes =
        ["default", "20.0.0.0/8", "20.1.0.0/16", "20.2.2.0/24", "20.3.0.0/17", "::/0", "2001:db8:70::/44", "2001:db8:71::/48"];
    let prefix = prefixes[number as usize % 8];
    let is_v6 = prefix.contains("::");
    let gateways =
        if is_v6 { ["2001:db8::1 dev if2", "2001:db8:9::1 dev if3"] } else { ["10.0.0.1 dev if2", "10.9.0.1 dev if3"] };
    let gateway = gateways[number as usize / 8 % 2];
    let table = if number / 16 % 3 == 0 { "52" } else { "main" };
    let metric = 100 + number / 16;
    let change = if add { RouteChange::Add } else { RouteChange::Delete };
    let _refused_or_not =
        scene.sim.rival(change, &format!("{prefix} via {gateway} metric {metric} table {table}").parse().unwrap());
}

fn link_or_address(scene: &Scene, what: u64) {
    let link = scene.links[what as usize % 2];
    let _refused_or_not = match what / 2 {
        0 => scene.sim.set_up(link, what % 3 == 0),
        1 => scene.sim.remove_address(link, "10.0.0.2".parse().unwrap()),
        _ => scene.sim.add_address(scene.links[0], "10.0.0.2".parse().unwrap(), 24),
    };
}

fn rule(scene: &mut Scene, what: u64) {
    let text = if what < 2 { "100: from all fwmark 7 lookup 52" } else { "90: to 20.2.0.0/16 lookup 52" };
    let rule: Rule = text.parse().unwrap();
    let request = if what % 2 == 0 { Request::AddRule(&rule) } else { Request::DeleteRule(&rule) };
    scene.kernel.submit(scene.now, Ticket(1), request).unwrap();
}

#[test]
fn a_link_that_rules_go_by_has_all_flows_judged() {
    let (mut mirror, mut reach, mut hits) = (Mirror::new(), Reach::new(Duration::ZERO), Vec::new());
    let now = Now::awake(Duration::from_secs(1));
    let index = |number| waypost_core::IfIndex::new(number).unwrap();
    let link = |number, name: &str, group, master| {
        let mut link = Link::new(index(number), name);
        link.flags = waypost_core::LinkFlags::UP | waypost_core::LinkFlags::LOWER_UP;
        (link.group, link.master, link.kind) = (group, master, if number == 9 { "vrf" } else { "veth" }.to_owned());
        Notice::Link(waypost_core::Verb::Present, Box::new(link))
    };
    let mut hear = |reach: &mut Reach, mirror: &mut Mirror, notice| {
        let mut events = Vec::new();
        mirror.handle(notice, &mut events);
        events.iter().for_each(|event| reach.note(now, event, mirror));
        while reach.work(now, mirror, 9, &mut hits) == Work::More {}
        std::mem::take(&mut hits).into_iter().map(|hit| hit.flow).collect::<Vec<_>>()
    };
    for notice in [link(2, "w2", 5, None), link(3, "w3", 0, None), link(4, "w4", 0, None), link(9, "vrf", 0, None)] {
        hear(&mut reach, &mut mirror, notice);
    }
    for rule in ["10: from all lookup main suppress_ifgroup 5", "20: from all lookup 52", "30: from all lookup [l3mdev-table]"] {
        let rule = Box::new(Rule::parse(rule, Some(Family::V4)).unwrap());
        hear(&mut reach, &mut mirror, Notice::Rule(waypost_core::Verb::Present, rule));
    }
    let plain = reach.register(&Flow::to([192, 0, 2, 1].into()));
    let mut bound = Flow::to([192, 0, 2, 1].into());
    bound.output = Some(index(4));
    let bound = reach.register(&bound);
    for route in ["default dev if3 table 52", "default dev if2"] {
        hear(&mut reach, &mut mirror, Notice::Route(waypost_core::RouteVerb::Added, route.parse().unwrap()));
    }
    assert_eq!(reach.standing(plain).unwrap().ways[0].interface, Some(index(3)), "the other is passed over");
    assert_eq!(reach.standing(bound).unwrap().outlook, Outlook::NoRoute);
    assert_eq!(hear(&mut reach, &mut mirror, link(2, "w2", 0, None)), [plain]);
    hear(&mut reach, &mut mirror, link(4, "w4", 0, Some(index(9))));
    assert_eq!(reach.standing(bound).unwrap().outlook, Outlook::Unknown, "what the VRF has is not known");
}
