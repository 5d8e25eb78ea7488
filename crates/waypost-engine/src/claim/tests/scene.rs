//! A machine with two links, a program that claims routes on it, and rivals.

use std::time::Duration;

use waypost_core::{
    CompareAndDelete, Error, ErrorKind, Family, IfIndex, Kernel, Notice, Notices, Now, Outcome, Request, Route, RouteChange,
    Rule, Ticket,
};
use waypost_sim::{Profile, Sim, SimKernel};

use crate::claim::{Applied, Claim, ClaimEvent, ClaimId, Claims, Execution, Failed, Item, Owner, Plan, Prune, Step, satisfies};
use crate::{Event, FollowOptions, Follower, Progress};

pub(super) struct Scene {
    pub(super) sim: Sim,
    pub(super) links: [IfIndex; 2],
    pub(super) claims: Claims,
    pub(super) follower: Follower,
    pub(super) writer: SimKernel,
    pub(super) now: Now,
    kernel: SimKernel,
    ticket: u64,
}

pub(super) fn route(text: &str) -> Route {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

pub(super) fn rule(text: &str) -> Rule {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

impl Scene {
    /// Two links, `if2` and `if3`, with 10.0.0.2/24 and 10.9.0.2/24, and IPv6 link-local addresses.
    pub(super) fn new() -> Self {
        Self::on(Profile::linux())
    }

    /// The same machine under another system.
    pub(super) fn on(profile: Profile) -> Self {
        let sim = Sim::new(profile);
        let links = ["w0", "w1"].map(|name| sim.add_link(name));
        for (link, address) in links.into_iter().zip(["10.0.0.2", "10.9.0.2"]) {
            sim.set_up(link, true).unwrap();
            sim.set_carrier(link, true).unwrap();
            sim.add_address(link, address.parse().unwrap(), 24).unwrap();
        }
        let (mut kernel, writer) = (sim.kernel(), sim.kernel());
        kernel.tell_authors();
        let claims = Claims::new(Owner::standard(), kernel.capabilities());
        let follower = Follower::new(FollowOptions { verify_every: None, ..FollowOptions::default() });
        let now = Now::awake(Duration::from_secs(1));
        let mut scene = Self { sim, links, claims, follower, writer, now, kernel, ticket: 0 };
        scene.settle();
        scene
    }

    /// The system's name.
    pub(super) fn name(&self) -> &'static str {
        self.kernel.capabilities().system
    }

    pub(super) fn put(&mut self, text: &str) -> ClaimId {
        let item = if text.contains("lookup") { Item::Rule(rule(text)) } else { Item::Route(route(text)) };
        self.claims.put(Claim::new(item)).unwrap()
    }

    pub(super) fn rival(&self, change: RouteChange, text: &str) {
        self.sim.rival(change, &route(text)).unwrap_or_else(|error| panic!("{change:?} {text}: {error}"));
    }

    /// Goes on, letting time pass, until nothing is planned; what is told goes to the claims.
    pub(super) fn settle(&mut self) {
        let (mut events, mut others) = (Vec::new(), Notices::new());
        for _ in 0..1000 {
            while self.follower.advance(self.now, &mut self.kernel, &mut events, &mut others).unwrap() == Progress::More {}
            match self.follower.deadline() {
                _ if self.follower.is_settled() => break,
                Some(deadline) => self.now = self.now.max(deadline),
                None => self.now = self.now + Duration::from_millis(1),
            }
        }
        assert!(self.follower.is_settled(), "it never comes to rest");
        events.iter().for_each(|event: &Event| self.claims.note(event));
    }

    pub(super) fn plan(&mut self, prune: Prune) -> Plan {
        self.settle();
        self.claims.plan(self.follower.mirror(), prune)
    }

    /// Asks the kernel for one thing.
    pub(super) fn ask(&mut self, request: Request<'_>) -> Result<(), Error> {
        self.ticket += 1;
        self.writer.submit(self.now, Ticket(self.ticket), request).unwrap();
        self.writer.flush().unwrap();
        let mut notices = Notices::new();
        for _ in 0..10 {
            self.writer.drain(self.now, 10_000, &mut notices).unwrap();
            for notice in notices.drain(..) {
                match notice {
                    Notice::Outcome(Ticket(ticket), outcome) if ticket == self.ticket => {
                        return match outcome {
                            Outcome::Failed(error) => Err(error),
                            Outcome::Unknown => Err(Error::new(ErrorKind::Unknown, "change")),
                            _ => Ok(()),
                        };
                    }
                    _ => {}
                }
            }
            self.now = self.now.max(self.writer.deadline().unwrap_or_default());
        }
        panic!("the kernel does not answer");
    }

    /// The same for a step, as backends ask: where the kernel compares nothing before it deletes, they look first.
    pub(super) fn ask_exactly(&mut self, step: &Step) -> Result<(), Error> {
        if let (Step::DeleteRoute(route, _), CompareAndDelete::Emulated) = (step, self.kernel.capabilities().compare_and_delete) {
            let is_it = |item: &Item| item.as_route().is_some_and(|there| satisfies(there, route));
            if !self.table().iter().any(is_it) {
                return Err(Error::new(ErrorKind::NotFound, "delete"));
            }
        }
        self.ask(step.request())
    }

    /// Carries a plan out step by step; `window` comes before each step.
    pub(super) fn carry_out(&mut self, plan: Plan, mut window: impl FnMut(&mut Self, usize, &Step)) -> Result<Applied, Failed> {
        let mut execution = Execution::new(plan);
        let mut at = 0;
        while let Some(step) = execution.next().cloned() {
            window(self, at, &step);
            let outcome = self.ask(step.request());
            execution.outcome(outcome);
            at += 1;
        }
        assert!(execution.is_over());
        execution.finish()
    }

    /// Brings about what is claimed.
    pub(super) fn apply(&mut self, prune: Prune) -> Result<Applied, Failed> {
        let plan = self.plan(prune);
        let done = self.carry_out(plan.clone(), |_, _, _| {});
        self.settle();
        if done.is_ok() {
            let mirror = self.follower.mirror();
            self.claims.settle(&plan, mirror);
        }
        done
    }

    /// A turn of those who keep the claims; says what was asked for, and what is told.
    pub(super) fn turn(&mut self) -> (usize, Vec<(ClaimId, String)>) {
        self.settle();
        let due = self.claims.turn(self.now, self.follower.mirror());
        let mut told = Vec::new();
        for id in &due {
            let item = self.claims.get(*id).unwrap().item.clone();
            let result = match &item {
                Item::Route(route) => self.ask(Request::Route(RouteChange::Add, route)),
                Item::Rule(rule) => self.ask(Request::AddRule(rule)),
            };
            self.claims.answered(*id, self.now, result);
        }
        for told_one in self.claims.take_told() {
            let text = match told_one.event {
                ClaimEvent::Installed => "installed".to_owned(),
                ClaimEvent::Replaced { by, pid: None } => format!("replaced by {by}"),
                ClaimEvent::Replaced { by, pid: Some(pid) } => format!("replaced by {by} of process {pid}"),
                ClaimEvent::Deleted { pid: None } => "deleted".to_owned(),
                ClaimEvent::Deleted { pid: Some(pid) } => format!("deleted by process {pid}"),
                ClaimEvent::Gone(why) => format!("gone: {}", why.word()),
                ClaimEvent::Waiting(why) => format!("waiting: {}", why.word()),
                ClaimEvent::Conflict { there } => format!("conflict with {there}"),
                ClaimEvent::Shadowed { by } => format!("shadowed by {by}"),
                ClaimEvent::GivenUp { error } => format!("given up: {error:?}"),
            };
            told.push((told_one.id, text));
        }
        (due.len(), told)
    }

    /// All routes and rules, as another program is told that asks now, in the kernel's order.
    pub(super) fn table(&self) -> Vec<Item> {
        let mut fresh = Follower::new(FollowOptions::default());
        let mut kernel = self.sim.kernel();
        let (mut events, mut others) = (Vec::new(), Notices::new());
        while fresh.advance(self.now, &mut kernel, &mut events, &mut others).unwrap() == Progress::More {}
        assert!(fresh.is_synchronised());
        let mirror = fresh.mirror();
        let routes = mirror.routes().map(|route| Item::Route(route.to_route()));
        let rules = Family::ALL.into_iter().flat_map(|family| mirror.rules(family)).map(|rule| Item::Rule(rule.clone()));
        routes.chain(rules).collect()
    }

    /// The table without what the kernel has put in, as text.
    pub(super) fn words(&self) -> Vec<String> {
        self.table()
            .iter()
            .map(ToString::to_string)
            .filter(|text| !text.contains("proto kernel") && text.contains("119"))
            .collect()
    }
}

/// A sequence of numbers that a seed makes.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`: splitmix64.
    pub(super) const fn roll(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}
