//! Claims on every system's simulated kernel, with a rival beside.

use std::time::Duration;

use waypost_core::{Error, ErrorKind, Kernel, Notice, Notices, Now, Outcome, Request, Route, RouteChange, TableId, Ticket};
use waypost_engine::claim::{
    Claim, ClaimEvent, ClaimTold, Claims, Difference, Execution, Item, Owner, Plan, Prune, Service, Tag,
};
use waypost_engine::{FollowOptions, Follower, Progress};
use waypost_pfroute::wire::ByteOrder;
use waypost_sim::RoutingProfile;
use waypost_sim::routing::RoutingSim;
use waypost_tests::seeded::Seeded;

struct Scene<K> {
    follower: Follower,
    reader: K,
    writer: K,
    rival: K,
    claims: Claims,
    now: Now,
    ticket: u64,
    /// Another program on the machine.
    open: Box<dyn Fn() -> K>,
}

fn route(text: &str) -> Route {
    let mut route: Route = text.parse().unwrap();
    route.slot.table = TableId(0);
    route
}

fn ask<K: Kernel>(kernel: &mut K, now: &mut Now, ticket: u64, request: Request<'_>) -> Result<(), Error> {
    kernel.submit(*now, Ticket(ticket), request)?;
    let mut notices = Notices::new();
    for _ in 0..1000 {
        kernel.flush()?;
        kernel.drain(*now, 1000, &mut notices)?;
        for notice in notices.drain(..) {
            match notice {
                Notice::Outcome(Ticket(of), Outcome::Failed(error)) if of == ticket => return Err(error),
                Notice::Outcome(Ticket(of), Outcome::Unknown) if of == ticket => {
                    return Err(Error::new(ErrorKind::Unknown, "change"));
                }
                Notice::Outcome(Ticket(of), _) if of == ticket => return Ok(()),
                _ => {}
            }
        }
        *now = *now + Duration::from_millis(1);
    }
    panic!("no answer");
}

impl<K: Kernel> Scene<K> {
    fn settle(&mut self) {
        let (mut events, mut others) = (Vec::new(), Notices::new());
        for _ in 0..10_000 {
            while self.follower.advance(self.now, &mut self.reader, &mut events, &mut others).unwrap() == Progress::More {}
            if self.follower.is_settled() {
                return events.iter().for_each(|event| self.claims.note(event));
            }
            self.now = self.now + Duration::from_millis(10);
        }
        panic!("it never comes to rest");
    }

    fn plan(&mut self) -> Plan {
        self.settle();
        self.claims.plan(self.follower.mirror(), Prune::All)
    }

    fn apply(&mut self) {
        let plan = self.plan();
        // What a driver writes into a journal first.
        let remembered: Vec<Route> = self.claims.remembered(&plan).cloned().collect();
        self.claims.remember(remembered);
        let mut execution = Execution::new(plan.clone());
        while let Some(step) = execution.next().cloned() {
            self.ticket += 1;
            let outcome = ask(&mut self.writer, &mut self.now, self.ticket, step.request());
            execution.outcome(outcome);
        }
        execution.finish().unwrap_or_else(|failed| panic!("{failed}"));
        self.settle();
        self.claims.settle(&plan, self.follower.mirror());
    }

    fn rival(&mut self, change: RouteChange, text: &str) -> Result<(), Error> {
        self.ticket += 1;
        ask(&mut self.rival, &mut self.now, self.ticket, Request::Route(change, &route(text)))
    }

    /// The routes as another program is told that asks now.
    fn fresh(&self) -> Vec<Route> {
        let (mut kernel, mut follower) = ((self.open)(), Follower::new(FollowOptions::default()));
        let (mut events, mut others, mut now) = (Vec::new(), Notices::new(), self.now);
        while !follower.is_settled() {
            while follower.advance(now, &mut kernel, &mut events, &mut others).unwrap() == Progress::More {}
            now = now + Duration::from_millis(10);
        }
        follower.mirror().routes().map(|route| route.to_route()).collect()
    }

    /// Says whether a route is ours: by its tag, which stays on what a rival changes, or where that does not tell, by its gateway.
    fn is_ours(&self, route: &Route) -> bool {
        let gateways = ["10.0.0.1", "10.0.0.3"];
        let is_by = |gateway: std::net::IpAddr| gateways.contains(&gateway.to_string().as_str());
        let tag = self.claims.tag();
        let goes_our_way = || route.entry.next_hops.iter().any(|hop| hop.gateway.is_some_and(is_by));
        if tag.is_enough() { tag.is_on(route.as_ref()) } else { goes_our_way() }
    }

    fn all(&self) -> Vec<String> {
        self.follower.mirror().routes().map(|route| route.to_string()).collect()
    }
}

fn scene(profile: RoutingProfile) -> Scene<impl Kernel> {
    let sim = RoutingSim::new(profile, ByteOrder::NATIVE);
    let index = sim.add_link("w0");
    sim.set_up(index, true).unwrap();
    sim.add_address(index, "10.0.0.2".parse().unwrap(), 24).unwrap();
    let (reader, writer, rival) = (sim.kernel(), sim.kernel(), sim.kernel());
    let claims = Claims::new(Owner::standard(), reader.capabilities());
    let options = FollowOptions::default();
    let now = Now::awake(Duration::from_secs(1));
    let open = Box::new(move || sim.kernel());
    Scene { follower: Follower::new(options), reader, writer, rival, claims, now, ticket: 0, open }
}

/// The systems whose kernels keep no tag that tells the owner's from others'.
fn without_a_tag() -> impl Iterator<Item = RoutingProfile> {
    RoutingProfile::ALL.into_iter().filter(|profile| !scene(*profile).claims.tag().is_enough())
}

#[test]
fn on_each_system_what_is_claimed_comes_and_goes_and_what_is_anothers_stays() {
    for profile in RoutingProfile::ALL {
        let name = profile.dialect.name;
        let mut scene = scene(profile);
        scene.rival(RouteChange::Add, "10.9.0.0/16 via 10.0.0.9").unwrap();
        scene.settle();
        let before = scene.all();
        let first = scene.claims.put(Claim::new(route("10.1.0.0/16 via 10.0.0.1"))).unwrap();
        scene.claims.put(Claim::new(route("10.2.0.0/16 via 10.0.0.1"))).unwrap();
        scene.apply();
        assert_eq!(scene.all().len(), before.len() + 2, "{name}: {:?}", scene.all());
        let plan = scene.plan();
        assert!(plan.is_empty() && plan.unchanged() == 2, "{name}: {plan}");
        // One becomes another; the kernel has one route a destination, so there is a gap, and the plan says so.
        assert_eq!(scene.claims.put(Claim::new(route("10.1.0.0/16 via 10.0.0.3"))).unwrap(), first);
        let plan = scene.plan();
        assert!(matches!(plan.differences(), [Difference::Changed { .. }]) && plan.has_gap(), "{name}: {plan}");
        scene.apply();
        assert!(scene.all().iter().any(|route| route.contains("via 10.0.0.3")), "{name}: {:?}", scene.all());
        // What is another's is in the way, and stays.
        scene.claims.put(Claim::new(route("10.9.0.0/16 via 10.0.0.1"))).unwrap();
        let plan = scene.plan();
        let is_beside = scene.claims.tag().is_enough();
        // Where a priority tells owners apart, each has a place of its own.
        assert_eq!((plan.conflicts().len(), plan.steps().count()), if is_beside { (0, 1) } else { (1, 0) }, "{name}: {plan}");
        scene.apply();
        let ids: Vec<_> = scene.claims.iter().map(|(id, _)| id).collect();
        ids.into_iter().for_each(|id| _ = scene.claims.withdraw(id));
        scene.apply();
        assert_eq!(scene.all(), before, "{name}");
    }
}

#[test]
fn where_no_tag_tells_it_a_route_in_the_place_of_ours_is_not_ours() {
    for profile in without_a_tag() {
        let name = profile.dialect.name;
        let mut scene = scene(profile);
        let ours = route("10.1.0.0/16 via 10.0.0.1");
        scene.claims.put(Claim::new(ours)).unwrap();
        scene.apply();
        let there = scene.claims.iter().next().unwrap().1.item.as_route().unwrap().to_string();
        // A rival deletes it and puts its own there while we are away.
        scene.rival(RouteChange::Delete, &there).unwrap();
        scene.rival(RouteChange::Add, "10.1.0.0/16 via 10.0.0.9").unwrap();
        let before = {
            scene.settle();
            scene.all()
        };
        let ids: Vec<_> = scene.claims.iter().map(|(id, _)| id).collect();
        ids.into_iter().for_each(|id| _ = scene.claims.withdraw(id));
        let plan = scene.plan();
        assert!(plan.is_empty(), "{name}: {plan}");
        assert_eq!(scene.claims.owned(scene.follower.mirror()), [] as [Item; 0], "{name}");
        assert_eq!(scene.all(), before, "{name}");
    }
}

#[test]
fn who_has_deleted_a_claimed_route_is_told_where_the_kernel_says_it() {
    for profile in RoutingProfile::ALL {
        let name = profile.dialect.name;
        let mut scene = scene(profile);
        scene.reader.tell_authors();
        scene.claims.put(Claim::new(route("10.1.0.0/16 via 10.0.0.1"))).unwrap();
        scene.apply();
        scene.claims.look_at_all();
        scene.claims.turn(scene.now, scene.follower.mirror());
        let there = scene.claims.iter().next().unwrap().1.item.as_route().unwrap().to_string();
        scene.claims.take_told();
        scene.rival(RouteChange::Delete, &there).unwrap();
        scene.settle();
        scene.claims.turn(scene.now, scene.follower.mirror());
        let told = scene.claims.take_told();
        // The number that the simulated machine gives every program.
        assert!(matches!(told[..], [ClaimTold { event: ClaimEvent::Deleted { pid: Some(4711) }, .. }]), "{name}: {told:?}");
    }
}

#[test]
fn an_owner_is_known_by_its_priority_in_bytes() {
    let profiles = RoutingProfile::ALL.into_iter().filter(|profile| scene(*profile).claims.tag().is_enough());
    let mut count = 0;
    for profile in profiles {
        count += 1;
        let mut scene = scene(profile);
        let Tag::Priority(own) = scene.claims.tag() else { panic!("{} has another tag", profile.dialect.name) };
        // To the same destination by the same gateway, of other priorities: one that is named, and those that a kernel gives.
        for more in [" priority 32", "", " proto static"] {
            scene.rival(RouteChange::Add, &format!("10.1.0.0/16 via 10.0.0.1{more}")).unwrap();
        }
        scene.claims.put(Claim::new(route("10.1.0.0/16 via 10.0.0.1"))).unwrap();
        scene.settle();
        let before = scene.all();
        assert_eq!(before.iter().filter(|route| route.contains("10.1.0.0/16")).count(), 3, "{before:?}");
        scene.apply();
        let ranked = |priority: u8| move |route: &&String| route.contains(&format!(" priority {priority}"));
        for priority in [8, 32, own, 56] {
            assert_eq!(scene.all().iter().filter(ranked(priority)).count(), 1, "{priority}: {:?}", scene.all());
        }
        // After a crash it is known again by that alone, and swept, and the others stay.
        scene.claims = Claims::new(Owner::standard(), scene.reader.capabilities());
        assert_eq!(scene.claims.owned(scene.follower.mirror()).len(), 1);
        scene.apply();
        assert_eq!(scene.all(), before);
    }
    assert!(count > 0, "a system tells owners by their priorities");
}

#[test]
fn the_route_that_an_interface_has_by_itself_is_in_the_way_or_stays() {
    for profile in RoutingProfile::ALL {
        let name = profile.dialect.name;
        let mut scene = scene(profile);
        scene.settle();
        let before = scene.all();
        let id = scene.claims.put(Claim::new(route("10.0.0.0/24 via 10.0.0.1"))).unwrap();
        let plan = scene.plan();
        let is_beside = scene.claims.tag().is_enough();
        assert_eq!((plan.conflicts().len(), plan.steps().count()), if is_beside { (0, 1) } else { (1, 0) }, "{name}: {plan}");
        scene.apply();
        scene.claims.withdraw(id);
        scene.apply();
        assert_eq!(scene.all(), before, "{name}");
    }
}

#[test]
fn a_route_confined_to_an_interface_has_a_place_of_its_own() {
    let mut count = 0;
    for profile in RoutingProfile::ALL {
        let mut scene = scene(profile);
        if !scene.reader.capabilities().interface_scope {
            continue;
        }
        count += 1;
        scene.rival(RouteChange::Add, "10.1.0.0/16 via 10.0.0.9").unwrap();
        scene.settle();
        let before = scene.all();
        let id = scene.claims.put(Claim::new(route("10.1.0.0/16 via 10.0.0.1 ifscope 2"))).unwrap();
        assert!(scene.plan().conflicts().is_empty());
        scene.apply();
        assert_eq!(scene.all().len(), before.len() + 1, "{}: {:?}", profile.dialect.name, scene.all());
        scene.claims.withdraw(id);
        scene.apply();
        assert_eq!(scene.all(), before, "{}", profile.dialect.name);
    }
    assert!(count > 0, "a system confines routes to interfaces");
}

/// What a rival does in a window between two requests: it adds, deletes or changes something to few destinations, of ours too.
fn act<K: Kernel>(scene: &mut Scene<K>, dice: &mut Seeded) {
    let text = format!("10.{}.0.0/16 via 10.0.0.{}", 1 + dice.below(3), 8 + dice.below(2));
    let change = dice.pick(&[RouteChange::Add, RouteChange::Add, RouteChange::Delete, RouteChange::Change]);
    // It may be refused, as what it names is not there, or there already.
    drop(scene.rival(change, &text));
    if dice.below(3) == 0 {
        let ours: Vec<Route> = scene.fresh().into_iter().filter(|route| scene.is_ours(route)).collect();
        if let Some(one) = ours.first() {
            drop(scene.rival(RouteChange::Delete, &one.to_string()));
        }
    }
}

#[test]
fn rivals_in_every_window_lose_nothing_in_bytes() {
    for profile in RoutingProfile::ALL {
        for seed in 0..12 {
            let (name, mut dice) = (profile.dialect.name, Seeded::new(seed));
            let mut scene = scene(profile);
            for _ in 0..3 {
                for id in scene.claims.iter().map(|(id, _)| id).collect::<Vec<_>>() {
                    if dice.below(3) == 0 {
                        scene.claims.withdraw(id);
                    }
                }
                for _ in 0..dice.below(4) {
                    let text = format!("10.{}.0.0/16 via 10.0.0.{}", 1 + dice.below(3), 1 + 2 * dice.below(2));
                    scene.claims.put(Claim::new(route(&text))).unwrap();
                }
                let plan = scene.plan();
                let remembered: Vec<Route> = scene.claims.remembered(&plan).cloned().collect();
                scene.claims.remember(remembered);
                let mut execution = Execution::new(plan.clone());
                while let Some(step) = execution.next().cloned() {
                    act(&mut scene, &mut dice);
                    let foreign =
                        |scene: &Scene<_>| scene.fresh().into_iter().filter(|route| !scene.is_ours(route)).collect::<Vec<_>>();
                    let before = foreign(&scene);
                    scene.ticket += 1;
                    let outcome = ask(&mut scene.writer, &mut scene.now, scene.ticket, step.request());
                    assert_eq!(foreign(&scene), before, "{name} {seed}: {step:?}");
                    execution.outcome(outcome);
                }
                drop(execution.finish());
                scene.settle();
                scene.claims.settle(&plan, scene.follower.mirror());
            }
            // When they rest, what has its place is there, and nothing of ours that is not claimed.
            let conflicts: Vec<Item> = scene.plan().conflicts().iter().map(|conflict| conflict.wanted.clone()).collect();
            for id in scene.claims.iter().map(|(id, _)| id).collect::<Vec<_>>() {
                if scene.claims.get(id).is_some_and(|claim| conflicts.contains(&claim.item)) {
                    scene.claims.withdraw(id);
                }
            }
            scene.apply();
            assert_eq!(scene.fresh().iter().filter(|route| scene.is_ours(route)).count(), scene.claims.len(), "{name} {seed}");
        }
    }
}

#[test]
fn routes_by_service_say_what_each_system_has_instead() {
    for profile in RoutingProfile::ALL {
        let scene = scene(profile);
        let mail = Service::new(TableId(7), 1000).protocol(6).destination_ports(25, 25);
        let error = mail.claims(scene.reader.capabilities(), [route("0.0.0.0/0 via 10.0.0.1")]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("packet filter"), "{}: {error}", profile.dialect.name);
    }
}
