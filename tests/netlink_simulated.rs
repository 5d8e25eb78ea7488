//! Codec, session and engine together, over the bytes of a simulated kernel: once it is quiet, the mirror is what a program has that is told without any
//! bytes, and who replays its events has the mirror. Bytes are cut, damaged, doubled and forged on the way.

use std::collections::BTreeMap;
use std::time::Duration;

use waypost_core::{ErrorKind, Family, IfIndex, Kernel, Notices, Now, Route, RouteChange, RouteRef, Slot};
use waypost_engine::{Change, Event, FollowOptions, Follower, Mirror, Progress};
use waypost_sim::netlink::{ByteFault, NetlinkKernel};
use waypost_sim::{Fault, Profile, Sim};

const STORMS: u64 = 12;
const ACTS: u64 = 80;
const PATIENCE: usize = 2000;

/// Numbers that follow from a seed (splitmix64).
struct Random(u64);

impl Random {
    const fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }
}

struct Scene {
    sim: Sim,
    link: IfIndex,
    kernel: NetlinkKernel,
    follower: Follower,
    now: Now,
    events: Vec<Event>,
    others: Notices,
    replay: BTreeMap<Slot, Vec<Route>>,
    stable: Vec<Slot>,
    is_silent: bool,
}

impl Scene {
    fn new() -> Self {
        let sim = Sim::new(Profile::linux());
        let [link, other] = ["w0", "w1"].map(|name| sim.add_link(name));
        for (link, v4, v6) in [(link, "10.0.0.9", "2001:db8::9"), (other, "10.6.0.9", "2001:db8:6::9")] {
            sim.set_up(link, true).unwrap();
            sim.add_address(link, v4.parse().unwrap(), 24).unwrap();
            sim.add_address(link, v6.parse().unwrap(), 64).unwrap();
        }
        let stable = ["10.200.0.0/16 via 10.6.0.1 mtu lock 1400 advmss 1300", "2001:db8:200::/48 via 2001:db8:6::1 metric 7"];
        let stable = stable.map(|words| words.parse::<Route>().unwrap());
        stable.iter().for_each(|route| sim.rival(RouteChange::Add, route).unwrap());
        let mut scene = Self {
            kernel: NetlinkKernel::new(&sim),
            sim,
            link,
            follower: Follower::new(FollowOptions::default()),
            now: Now::awake(Duration::from_secs(1)),
            events: Vec::new(),
            others: Notices::new(),
            replay: BTreeMap::new(),
            stable: stable.iter().map(|route| route.slot).collect(),
            is_silent: false,
        };
        scene.come_to_rest();
        scene.replay = slots(scene.follower.mirror());
        scene
    }

    fn turn(&mut self) -> bool {
        let progress = match self.follower.advance(self.now, &mut self.kernel, &mut self.events, &mut self.others) {
            Err(error) if error.kind() == ErrorKind::Closed => {
                self.kernel.reopen().unwrap();
                self.follower.reopened(self.now, &mut self.events);
                Progress::More
            }
            progress => progress.unwrap(),
        };
        for event in self.events.drain(..) {
            apply(&mut self.replay, &event);
        }
        if self.follower.is_synchronised() {
            let tables = self.follower.mirror().tables();
            assert!(self.stable.iter().all(|slot| tables.slot(slot).next().is_some()), "nobody touches them");
        }
        progress == Progress::More
    }

    fn come_to_rest(&mut self) {
        for _ in 0..PATIENCE {
            while self.turn() {}
            match [self.follower.deadline(), self.kernel.deadline()].into_iter().flatten().min() {
                _ if self.follower.is_settled() => return,
                Some(deadline) => self.now = self.now.max(deadline),
                None => self.now = self.now + Duration::from_millis(1),
            }
        }
        panic!("it never comes to rest: {:?}", self.follower.stats());
    }

    fn suffer(&mut self, random: &mut Random) {
        let some = 1 + random.below(3) as usize;
        let bytes = [ByteFault::Truncate, ByteFault::Cut, ByteFault::Corrupt, ByteFault::Duplicate, ByteFault::Forge];
        match random.below(9) {
            0 => self.kernel.suffer(Fault::LoseEvents { count: some, signalled: true }),
            1 => self.kernel.suffer(Fault::DumpBatch(random.pick(&[1, 4, 256]))),
            2 => self.kernel.suffer(Fault::InterruptDumps(some)),
            3 => self.kernel.suffer(Fault::Close),
            _ => {
                let fault = random.pick(&bytes);
                // A link is believed of which an attribute is damaged.
                self.is_silent |= matches!(fault, ByteFault::Corrupt | ByteFault::Duplicate);
                self.kernel.suffer_bytes(fault, some);
            }
        }
    }

    fn rival(&self, random: &mut Random) {
        let number = random.below(6);
        let (net, gateways) = match random.below(2) {
            0 => (format!("10.{}.0.0/16", 100 + number), ["10.0.0.1", "10.0.0.2", "10.6.0.1"]),
            _ => (format!("2001:db8:{:x}::/48", 100 + number), ["2001:db8::1", "2001:db8::2", "2001:db8:6::1"]),
        };
        let tail = format!("{} metric {}", random.pick(&["", " table 77", " table 70000"]), random.pick(&[5, 6]));
        let one = random.pick(&gateways);
        let words = match random.below(6) {
            0 => format!("blackhole {net}{tail}"),
            1 => format!("{net}{tail} nexthop via {one} weight 3 nexthop via {}", gateways[2]),
            2 => format!("{net} via {one}{tail} mtu 1400"),
            _ => format!("{net} via {one}{tail} proto static"),
        };
        use RouteChange::{Add, Append, Change, Delete, Replace};
        let change = random.pick(&[Add, Add, Append, Replace, Change, Delete, Delete]);
        // Some fail, as they do elsewhere.
        drop(self.sim.rival(change, &words.parse().unwrap()));
    }

    fn act(&mut self, random: &mut Random) {
        match random.below(14) {
            0 | 1 => self.suffer(random),
            2 => (0..random.below(20)).for_each(|_| self.rival(random)),
            3 => self.sim.set_up(self.link, random.below(2) == 0).unwrap(),
            4 => drop(self.sim.remove_address(self.link, "10.0.0.9".parse().unwrap())),
            5 => drop(self.sim.add_address(self.link, "10.0.0.9".parse().unwrap(), 24)),
            6 => self.sim.rename(self.link, random.pick(&["w0", "w9"])).unwrap(),
            7 => self.follower.verify(self.now),
            8 => self.now.boot += Duration::from_secs(random.below(5000)),
            _ => self.rival(random),
        }
        self.now = self.now + Duration::from_millis(random.pick(&[0, 0, 1, 20, 300]));
        for _ in 0..random.below(4) {
            self.turn();
        }
    }

    fn assert_true(&mut self) {
        for fault in [ByteFault::Truncate, ByteFault::Cut, ByteFault::Corrupt, ByteFault::Duplicate, ByteFault::Forge] {
            self.kernel.suffer_bytes(fault, 0);
        }
        for fault in [Fault::LoseEvents { count: 0, signalled: false }, Fault::DumpBatch(256), Fault::InterruptDumps(0)] {
            self.kernel.suffer(fault);
        }
        self.come_to_rest();
        if std::mem::take(&mut self.is_silent) {
            self.now = self.now.max(self.follower.deadline().expect("the next verification"));
            self.come_to_rest();
        }
        let mut fresh = Follower::new(FollowOptions::default());
        let (mut kernel, mut events) = (self.sim.kernel(), Vec::new());
        while fresh.advance(self.now, &mut kernel, &mut events, &mut self.others).unwrap() == Progress::More {}
        let (held, true_one) = (self.follower.mirror(), fresh.mirror());
        assert_eq!(slots(held), slots(true_one), "{:?}", self.follower.stats());
        assert_eq!(self.replay, slots(held), "what a subscriber has");
        assert_eq!(held.links(), true_one.links());
        assert!(held.addresses().eq(true_one.addresses()));
        for family in Family::ALL {
            assert_eq!(held.rules(family), true_one.rules(family));
        }
    }
}

fn slots(mirror: &Mirror) -> BTreeMap<Slot, Vec<Route>> {
    let mut slots: BTreeMap<Slot, Vec<Route>> = BTreeMap::new();
    for route in mirror.routes().map(RouteRef::to_route) {
        slots.entry(route.slot).or_default().push(route);
    }
    slots
}

fn apply(replay: &mut BTreeMap<Slot, Vec<Route>>, event: &Event) {
    let Event::Route { change, position } = event else { return };
    let held = replay.entry(change.now().or(change.before()).unwrap().slot).or_default();
    match change {
        Change::Added(new) => held.insert(*position, new.clone()),
        Change::Replaced { new, .. } => held[*position] = new.clone(),
        Change::Removed(old) => assert_eq!(&held.remove(*position), old),
    }
    replay.retain(|_, held| !held.is_empty());
}

/// Tells which storm it was, if it fails.
struct Telltale(u64);

impl Drop for Telltale {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("play it again with WAYPOST_STORM_SEED={} WAYPOST_STORMS=1", self.0);
        }
    }
}

#[test]
fn the_mirror_is_true_after_storms_of_bytes() {
    let number = |variable: &str| std::env::var(variable).ok().and_then(|value| value.parse::<u64>().ok());
    let first = number("WAYPOST_STORM_SEED").unwrap_or(1);
    let (mut foreign, mut undecodable, mut overruns, mut torn) = (0, 0, 0, 0);
    for seed in first..first + number("WAYPOST_STORMS").unwrap_or(STORMS) {
        let _telltale = Telltale(seed);
        let (mut random, mut scene) = (Random(seed), Scene::new());
        for _ in 0..2 {
            (0..ACTS).for_each(|_| scene.act(&mut random));
            scene.assert_true();
        }
        let stats = scene.follower.stats();
        foreign += stats.foreign;
        undecodable += stats.undecodable;
        overruns += stats.overruns;
        torn += stats.torn;
    }
    println!("{foreign} datagrams of others, {undecodable} that made no sense, {overruns} overruns, {torn} torn dumps");
    assert!(foreign > 0 && undecodable > 0 && overruns > 0 && torn > 0, "a storm in which nothing goes wrong is none");
}
