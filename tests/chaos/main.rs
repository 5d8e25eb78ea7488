//! Chaos on the real kernel: whatever rivals do, and however slow the watcher is, the mirror comes to be what the kernel has.
//!
//! Every round has a seed and a network namespace of its own, so that a failure can be played again by its seed alone; how the
//! kernel interleaves the rivals differs all the same, so it may take some rounds. `WAYPOST_CHAOS_SEED` names the first seed,
//! `WAYPOST_CHAOS_ROUNDS` how many follow, `WAYPOST_CHAOS_BESIDE` how many are played beside each other, as most of a round is waiting for the
//! kernel to come to rest, and `WAYPOST_CHAOS_LONG=1` has tables of 100,000 routes appear and vanish and the watchers stopped
//! for seconds; `cargo xtask chaos` sets all four.

mod rivals;

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rivals::Sort;
use waypost::{Delivery, EventFilter, Family, Hub, Options, SubscriberId, Watcher};
use waypost_tests::ip::{ip, run as run_program, sysctl, veth_with_addresses};
use waypost_tests::namespace::{new_network, run};
use waypost_tests::replay::Replay;
use waypost_tests::seeded::Seeded;
use waypost_tests::test;
use waypost_tests::witness::assert_mirrors_the_kernel;

/// How long reading everything may take: on a busy machine that is long, with 100,000 routes and a dozen others who read.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long the watchers wait at most before they look whether the storm is over.
const TURN: Duration = Duration::from_millis(2);

/// How many storms a namespace sees.
const STORMS: u64 = 3;

/// How many rounds the short form has.
const ROUNDS: u64 = 2;

/// How many rounds are played beside each other unless told otherwise.
const BESIDE: u64 = 2;

/// How many things happened that a round that says nothing would not have seen.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    rounds: u64,
    /// In the order of [`Sort::ALL`].
    storms: [u64; Sort::ALL.len()],
    events: u64,
    lags: u64,
    overruns: u64,
    resyncs: u64,
    torn: u64,
}

/// How many events wait for a subscriber that keeps up, and for one that does not.
const CAPACITIES: [usize; 2] = [1 << 22, 16];

/// How often all is read once more until that finds nothing.
const LOOKS: usize = 5;

/// In one of so many turns the one that does not keep up reads.
const SELDOM: u64 = 64;

/// A watcher and what its subscribers make of its events.
struct Follower {
    name: &'static str,
    hub: Hub,
    subscribers: Vec<Subscriber>,
    events: u64,
    lags: u64,
    turns: u64,
}

struct Subscriber {
    id: SubscriberId,
    replay: Replay,
}

impl Follower {
    fn new(name: &'static str, options: &Options) -> Self {
        let mut watcher = Watcher::open_with(options).unwrap();
        watcher.synchronise(Some(PATIENCE)).unwrap();
        let mut follower = Self { name, hub: Hub::new(watcher), subscribers: Vec::new(), events: 0, lags: 0, turns: 0 };
        follower.subscribe();
        follower
    }

    /// Begins anew with two subscribers, of whom one lags.
    fn subscribe(&mut self) {
        let replay = Replay::of(self.hub.watcher().mirror());
        let subscribers = CAPACITIES.map(|capacity| {
            let id = self.hub.subscribe(EventFilter::default(), capacity);
            // What it begins with is the mirror.
            assert!(matches!(self.hub.next(id), Some(Delivery::Initial(_))));
            Subscriber { id, replay: replay.clone() }
        });
        self.subscribers = subscribers.into();
    }

    /// Takes what has happened, and has the subscribers read it.
    fn follow(&mut self) {
        self.hub.wait(Some(TURN)).unwrap();
        self.turns += 1;
        // The one that lags reads seldom: each time it has to read all there is.
        let readers = if self.turns % SELDOM == 0 { 2 } else { 1 };
        self.read(readers);
    }

    /// Has the first of the subscribers read what there is for them.
    fn read(&mut self, readers: usize) {
        for Subscriber { id, replay } in self.subscribers.iter_mut().take(readers) {
            while let Some(delivery) = self.hub.next(*id) {
                match delivery {
                    Delivery::Event(event) => {
                        replay.apply(&event);
                        self.events += 1;
                    }
                    Delivery::Lagged { view, .. } => {
                        *replay = Replay::of(view.mirror());
                        self.lags += 1;
                    }
                    other => panic!("{}: {other:?}", self.name),
                }
            }
        }
    }

    /// Says, of one that has come to rest, that what each subscriber has is the mirror and the mirror what the kernel has.
    fn finish(mut self) -> Self {
        self.follow();
        self.read(2);
        for Subscriber { replay, .. } in &mut self.subscribers {
            replay.assert_is(self.hub.watcher().mirror());
        }
        let mut watcher = self.hub.into_watcher();
        assert_mirrors_the_kernel(&mut watcher);
        // The kernel may still be at it in its own time, and some of that it does without a word.
        let mut verify = || match watcher.verify(Some(PATIENCE)) {
            Ok(drift) => drift,
            Err(error) => panic!("{}: {error}: {:?}", self.name, watcher.stats()),
        };
        let drifts: Vec<_> = (0..LOOKS).map(|_| verify()).take_while(|one| !one.is_none()).collect();
        assert!(drifts.len() < LOOKS, "{}: reading all once more finds {drifts:?}", self.name);
        // Whatever came meanwhile belongs to the mirror that was compared.
        self.hub = Hub::new(watcher);
        self.subscribe();
        self
    }
}

/// Has all of them come to rest, beside each other: most of that is waiting.
fn come_to_rest(followers: &mut [Follower]) {
    for turn in 0.. {
        let mut restless = followers.iter_mut().filter(|follower| !follower.hub.watcher().is_settled()).peekable();
        if restless.peek().is_none() {
            return;
        }
        for follower in restless {
            assert!(turn < 20_000, "{} does not come to rest: {:?}", follower.name, follower.hub.watcher().stats());
            follower.follow();
        }
    }
}

/// Tells how to play a round again, if it fails.
struct Telltale(u64);

impl Drop for Telltale {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("chaos: seed {} failed; play it again: cargo xtask chaos --minutes 1 --seed {}", self.0, self.0);
        }
    }
}

fn prepare() {
    veth_with_addresses("w0", "w1");
    sysctl("net/ipv6/conf/default/accept_dad", "0");
    rivals::remake().iter().for_each(|line| drop(ip(line)));
}

/// Stops this process, and has it go on so many seconds later: its rivals are processes of their own.
fn be_stopped(seconds: &str) {
    let script = "kill -STOP $1; sleep $2; kill -CONT $1";
    run_program("sh", ["-c", script, "sh", &std::process::id().to_string(), seconds]);
}

fn storm(seeded: &mut Seeded, sort: Sort, is_long: bool, followers: &mut [Follower]) {
    let rivals = rivals::start(seeded, sort, is_long);
    let seconds = if is_long { seeded.pick(&["0.05", "0.5", "2"]) } else { "0.05" };
    let stops = sort == Sort::Stops || seeded.one_in(6);
    let stopper = thread::spawn(move || {
        if stops {
            be_stopped(seconds)
        }
    });
    while !rivals.iter().all(thread::JoinHandle::is_finished) {
        for follower in followers.iter_mut().filter(|follower| follower.name != "late") {
            follower.follow();
        }
    }
    for rival in rivals {
        // Some lines fail, and which of them depends on the other rivals.
        rival.join().unwrap();
    }
    stopper.join().unwrap();
}

/// Says that a watcher that starts now has the same links, rules and so on.
fn assert_as_one_who_starts_now(followers: &mut [Follower]) {
    let mut fresh = Follower::new("fresh", &Options::new());
    for follower in followers {
        follower.subscribers[0].replay.assert_same_but_routes(&mut fresh.subscribers[0].replay);
        for family in Family::ALL {
            assert_eq!(follower.hub.watcher().rules(family), fresh.hub.watcher().rules(family), "{}: rules", follower.name);
        }
    }
}

fn round(seed: u64, is_long: bool) -> Tally {
    let mut tally = Tally::default();
    let _telltale = Telltale(seed);
    let mut seeded = Seeded::new(seed);
    new_network();
    prepare();
    let mut followers = [
        Follower::new("quick", &Options::new()),
        Follower::new("narrow", &Options::new().receive_buffer(4096)),
        Follower::new("late", &Options::new()),
    ];
    for number in 0..STORMS {
        let sort = Sort::ALL[((seed * STORMS + number) % Sort::ALL.len() as u64) as usize];
        storm(&mut seeded, sort, is_long, &mut followers);
        come_to_rest(&mut followers);
        followers = followers.map(Follower::finish);
        assert_as_one_who_starts_now(&mut followers);
        tally.storms[sort as usize] += 1;
    }
    tally.rounds += 1;
    for follower in followers {
        let stats = follower.hub.watcher().stats();
        tally.events += follower.events;
        tally.lags += follower.lags;
        tally.overruns += stats.overruns;
        tally.resyncs += stats.resyncs;
        tally.torn += stats.torn;
    }
    tally
}

impl Tally {
    /// How much there is of both.
    fn and(self, other: Self) -> Self {
        Self {
            rounds: self.rounds + other.rounds,
            storms: std::array::from_fn(|sort| self.storms[sort] + other.storms[sort]),
            events: self.events + other.events,
            lags: self.lags + other.lags,
            overruns: self.overruns + other.overruns,
            resyncs: self.resyncs + other.resyncs,
            torn: self.torn + other.torn,
        }
    }
}

/// Plays the rounds of these seeds, so many beside each other, each in a thread of its own: a namespace is a thread's.
fn play(first: u64, rounds: u64, beside: u64, is_long: bool) -> Tally {
    let next = AtomicU64::new(0);
    let some = || {
        let mut tally = Tally::default();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= rounds {
                return tally;
            }
            tally = tally.and(round(first.saturating_add(number), is_long));
        }
    };
    thread::scope(|scope| {
        let players: Vec<_> = (0..beside).map(|_| scope.spawn(some)).collect();
        players.into_iter().map(|player| player.join().expect("the round says what it found")).fold(Tally::default(), Tally::and)
    })
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{variable} is no number: {value}")))
}

fn the_mirror_is_what_the_kernel_has_after_any_storm() {
    let first = number("WAYPOST_CHAOS_SEED").unwrap_or(1);
    let rounds = number("WAYPOST_CHAOS_ROUNDS").unwrap_or(ROUNDS);
    let beside = number("WAYPOST_CHAOS_BESIDE").unwrap_or(BESIDE).max(1);
    let is_long = number("WAYPOST_CHAOS_LONG") == Some(1);
    let tally = play(first, rounds, beside, is_long);
    let storms: u64 = tally.storms.iter().sum();
    println!("chaos from seed {first}: {storms} storms, each of IPv4 and of IPv6, by sort {:?}: {tally:?}", Sort::ALL);
    assert!(tally.overruns > 0, "4 KiB hold a storm: it is none");
    assert!(tally.lags > 0, "a queue of {} holds a storm", CAPACITIES[1]);
}

fn main() -> ExitCode {
    run(&[test!(the_mirror_is_what_the_kernel_has_after_any_storm)])
}
