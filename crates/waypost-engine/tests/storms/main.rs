//! Storms in simulated kernels of all systems, with everything going wrong that can: once the kernel is quiet, the mirror is what the
//! kernel has, and who replays its events has the mirror. What nobody touched is there at every moment.
//!
//! Each storm follows from its seed. `WAYPOST_STORMS` says how many there are of each system, and `WAYPOST_STORM_SEED` names the first.

mod rivals;

use std::collections::BTreeMap;
use std::time::Duration;

use rivals::{Random, Rivals};
use waypost_core::{ErrorKind, Family, Kernel as _, LossSignal, Notices, Now, Route, RouteRef, Slot};
use waypost_engine::{Change, Event, FollowOptions, Follower, Mirror, Progress};
use waypost_sim::{Fault, Profile, Sim, SimKernel};

/// How many storms each system sees unless told otherwise.
const STORMS: u64 = 15;

/// How many things happen in a storm.
const ACTS: u64 = 60;

/// How many storms follow each other on one machine.
const IN_A_ROW: u64 = 3;

/// How often time may go on to the next deadline until the follower comes to rest.
const PATIENCE: usize = 2000;

/// One who follows, and one who is told.
struct Scene {
    sim: Sim,
    kernel: SimKernel,
    follower: Follower,
    now: Now,
    /// What a subscriber has.
    replay: BTreeMap<Slot, Vec<Route>>,
    /// What nobody touches.
    stable: Vec<Slot>,
    events: Vec<Event>,
    others: Notices,
    /// Something has gone wrong of which nothing tells.
    is_silent: bool,
    can_tell: bool,
    /// How often the socket was closed and opened anew.
    reopened: u64,
}

impl Scene {
    fn new(profile: Profile) -> Self {
        let can_tell = profile.capabilities.loss_signal != LossSignal::None;
        let sim = Sim::new(profile);
        let stable = rivals::prepare(&sim);
        let (kernel, follower) = (sim.kernel(), Follower::new(FollowOptions::default()));
        let now = Now::awake(Duration::from_secs(1));
        let (replay, events, others) = (BTreeMap::new(), Vec::new(), Notices::new());
        let mut scene =
            Self { sim, kernel, follower, now, replay, stable, events, others, is_silent: false, can_tell, reopened: 0 };
        scene.come_to_rest();
        scene.replay = slots(scene.follower.mirror());
        scene
    }

    /// One turn; says whether there is more to do.
    fn turn(&mut self) -> bool {
        let progress = match self.follower.advance(self.now, &mut self.kernel, &mut self.events, &mut self.others) {
            Err(error) if error.kind() == ErrorKind::Closed => {
                self.kernel.reopen().unwrap();
                self.follower.reopened(self.now, &mut self.events);
                self.reopened += 1;
                Progress::More
            }
            progress => progress.unwrap(),
        };
        for event in self.events.drain(..) {
            apply(&mut self.replay, &event);
        }
        if self.follower.is_synchronised() {
            let mirror = self.follower.mirror();
            for slot in &self.stable {
                assert!(mirror.tables().slot(slot).next().is_some(), "nobody has touched {slot:?}");
            }
        }
        progress == Progress::More
    }

    fn come_to_rest(&mut self) {
        for _ in 0..PATIENCE {
            while self.turn() {}
            match self.follower.deadline() {
                _ if self.follower.is_settled() => return,
                Some(deadline) => self.now = self.now.max(deadline),
                None => self.now = self.now + Duration::from_millis(1),
            }
        }
        panic!("it never comes to rest: {:?}", self.follower.stats());
    }

    /// Lets something go wrong.
    fn suffer(&mut self, random: &mut Random) {
        let some = 1 + random.below(4) as usize;
        let kind = random.pick(&[ErrorKind::Busy, ErrorKind::NotPermitted, ErrorKind::Other]);
        let fault = match random.below(12) {
            0 => Fault::LoseEvents { count: some, signalled: self.can_tell },
            1 => Fault::LoseEvents { count: some, signalled: false },
            2 => Fault::ReceiveBuffer(random.pick(&[1, 4, 4096])),
            3 | 4 => Fault::DumpBatch(random.pick(&[1, 3, 10, 256])),
            5 => Fault::InterruptDumps(some),
            6 => Fault::RefuseDumps { count: some, kind },
            7 => Fault::RepeatEvents(some),
            8 => Fault::SpoilEvents(some),
            9 => Fault::SpoilListed(1),
            10 => Fault::Close,
            _ => Fault::RefuseRequests { count: some, kind },
        };
        let loses_silently = !self.can_tell && matches!(fault, Fault::ReceiveBuffer(_));
        let is_silent =
            matches!(fault, Fault::LoseEvents { signalled: false, .. } | Fault::RepeatEvents(_) | Fault::SpoilListed(_));
        self.is_silent |= is_silent || loses_silently;
        self.kernel.suffer(fault);
    }

    /// Has all read again, and while that goes on in small parts, the table changes and that is lost.
    fn lose_amid_a_dump(&mut self, random: &mut Random, rivals: &mut Rivals) {
        self.kernel.suffer(Fault::DumpBatch(3));
        self.follower.resync(self.now, &mut self.events);
        for _ in 0..40 {
            self.now = self.now + Duration::from_millis(15);
            self.turn();
            if random.below(3) == 0 {
                self.kernel.suffer(Fault::LoseEvents { count: 1, signalled: self.can_tell });
                rivals.act(random, &self.sim);
            }
        }
        self.is_silent |= !self.can_tell;
    }

    /// From now on nothing goes wrong that has not gone wrong yet.
    fn recover(&mut self) {
        for fault in [
            Fault::LoseEvents { count: 0, signalled: false },
            Fault::ReceiveBuffer(4096),
            Fault::DumpBatch(256),
            Fault::InterruptDumps(0),
            Fault::RefuseDumps { count: 0, kind: ErrorKind::Other },
            Fault::RepeatEvents(0),
            Fault::SpoilEvents(0),
            Fault::SpoilListed(0),
            Fault::RefuseRequests { count: 0, kind: ErrorKind::Other },
        ] {
            self.kernel.suffer(fault);
        }
    }

    /// Something happens, and some time goes by.
    fn act(&mut self, random: &mut Random, rivals: &mut Rivals) {
        match random.below(12) {
            0 => self.suffer(random),
            // A burst.
            1 => (0..random.below(30)).for_each(|_| rivals.act(random, &self.sim)),
            2 => self.now.boot += Duration::from_secs(random.below(5000)),
            3 => self.follower.verify(self.now),
            4 => self.lose_amid_a_dump(random, rivals),
            _ => rivals.act(random, &self.sim),
        }
        self.now = self.now + Duration::from_millis(random.pick(&[0, 0, 1, 5, 20, 300, 2000]));
        for _ in 0..random.below(4) {
            self.turn();
        }
    }

    /// Says that all is as promised, now that the kernel is quiet.
    fn assert_true(&mut self) {
        self.recover();
        self.come_to_rest();
        if std::mem::take(&mut self.is_silent) {
            // Nothing tells: it is found by the next verification.
            let due = self.follower.deadline().expect("the next verification");
            // Reading may take a hundredth of all time, and has taken less time than the storms.
            let bound = Duration::from_secs(75) + self.now.running * 125;
            assert!(due.running <= self.now.running + bound, "staleness has a bound");
            self.now = self.now.max(due);
            self.come_to_rest();
        }
        let mut fresh = Follower::new(FollowOptions::default());
        let (mut kernel, mut events) = (self.sim.kernel(), Vec::new());
        while fresh.advance(self.now, &mut kernel, &mut events, &mut self.others).unwrap() == Progress::More {}
        let (held, true_one) = (self.follower.mirror(), fresh.mirror());
        assert_eq!(slots(held), slots(true_one), "{:?}", self.follower.stats());
        assert_eq!(self.replay, slots(held), "what a subscriber has");
        assert_eq!(held.links(), true_one.links());
        assert_eq!(held.next_hops(), true_one.next_hops());
        assert!(held.addresses().eq(true_one.addresses()));
        for family in Family::ALL {
            assert_eq!(held.rules(family), true_one.rules(family));
        }
        assert_eq!(self.follower.stats().suspects, [0, 0]);
    }
}

fn slots(mirror: &Mirror) -> BTreeMap<Slot, Vec<Route>> {
    let mut slots: BTreeMap<Slot, Vec<Route>> = BTreeMap::new();
    for route in mirror.routes().map(RouteRef::to_route) {
        slots.entry(route.slot).or_default().push(route);
    }
    slots
}

/// What a subscriber makes of an event.
fn apply(replay: &mut BTreeMap<Slot, Vec<Route>>, event: &Event) {
    let Event::Route { change, position } = event else { return };
    let slot = change.now().or(change.before()).expect("a change is of something").slot;
    let held = replay.entry(slot).or_default();
    if let Some(old) = change.before() {
        assert_eq!(held.get(*position), Some(old), "before {change:?}");
    }
    match change {
        Change::Added(new) => held.insert(*position, new.clone()),
        Change::Replaced { new, .. } => held[*position] = new.clone(),
        Change::Removed(_) => drop(held.remove(*position)),
    }
    if held.is_empty() {
        replay.remove(&slot);
    }
}

/// Tells which storm it was, if it fails.
struct Telltale(&'static str, u64);

impl Drop for Telltale {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}: play it again with WAYPOST_STORM_SEED={} WAYPOST_STORMS=1", self.0, self.1);
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn storms(profile: impl Fn() -> Profile) {
    let first = number("WAYPOST_STORM_SEED").unwrap_or(1);
    let (mut torn, mut overruns, mut drift, mut reopened) = (0, 0, 0, 0);
    for seed in first..first + number("WAYPOST_STORMS").unwrap_or(STORMS) {
        let _telltale = Telltale(profile().capabilities.system, seed);
        let mut random = Random::new(seed);
        let mut scene = Scene::new(profile());
        let mut rivals = Rivals::new(&profile());
        for _ in 0..IN_A_ROW {
            (0..ACTS).for_each(|_| scene.act(&mut random, &mut rivals));
            scene.assert_true();
        }
        let stats = scene.follower.stats();
        torn += stats.torn;
        overruns += stats.overruns;
        drift += stats.drift;
        reopened += scene.reopened;
    }
    let system = profile().capabilities.system;
    println!("{system}: {torn} torn dumps, {overruns} overruns, {reopened} sockets closed, {drift} differences found by reading");
    assert!(torn > 0 && drift > 0 && reopened > 0, "a storm in which nothing goes wrong is none");
}

#[test]
fn the_mirror_is_true_after_storms_on_linux() {
    storms(Profile::linux);
}

#[test]
fn the_mirror_is_true_after_storms_on_freebsd() {
    storms(Profile::freebsd);
}

#[test]
fn the_mirror_is_true_after_storms_on_netbsd() {
    storms(Profile::netbsd);
}

#[test]
fn the_mirror_is_true_after_storms_on_openbsd() {
    storms(Profile::openbsd);
}

#[test]
fn the_mirror_is_true_after_storms_on_dragonfly() {
    storms(Profile::dragonfly);
}

#[test]
fn the_mirror_is_true_after_storms_on_macos() {
    storms(Profile::macos);
}

#[test]
fn the_mirror_is_true_after_storms_on_illumos() {
    storms(Profile::illumos);
}
