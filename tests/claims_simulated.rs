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

struct Scene<K> {
    follower: Follower,
    reader: K,
    writer: K,
    rival: K,
    claims: Claims,
    now: Now,
    ticket: u64,
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
    Scene { follower: Follower::new(options), reader, writer, rival, claims, now, ticket: 0 }
}

/// The systems whose claims the simulated machine can keep: it knows no priorities, so not the one that tells owners by them.
fn systems() -> impl Iterator<Item = RoutingProfile> {
    RoutingProfile::ALL.into_iter().filter(|profile| !matches!(scene(*profile).claims.tag(), Tag::Priority(_)))
}

#[test]
fn on_each_system_what_is_claimed_comes_and_goes_and_what_is_anothers_stays() {
    for profile in systems() {
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
        assert_eq!(plan.conflicts().len(), 1, "{name}: {plan}");
        let ids: Vec<_> = scene.claims.iter().map(|(id, _)| id).collect();
        ids.into_iter().for_each(|id| _ = scene.claims.withdraw(id));
        scene.apply();
        assert_eq!(scene.all(), before, "{name}");
    }
}

#[test]
fn where_no_tag_tells_it_a_route_in_the_place_of_ours_is_not_ours() {
    for profile in systems() {
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
    for profile in systems() {
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
fn routes_by_service_say_what_each_system_has_instead() {
    for profile in RoutingProfile::ALL {
        let scene = scene(profile);
        let mail = Service::new(TableId(7), 1000).protocol(6).destination_ports(25, 25);
        let error = mail.claims(scene.reader.capabilities(), [route("0.0.0.0/0 via 10.0.0.1")]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("packet filter"), "{}: {error}", profile.dialect.name);
    }
}
