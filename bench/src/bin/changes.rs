//! What a change of the table costs the monitor, and those who have a million conversations.
//!
//! Nothing here asks the kernel: a mirror is filled with the Internet's IPv4 routes, and is told of changes. Times are those of the thread on
//! the processor. Run it with `cargo run --release --no-default-features --bin changes`.

use std::net::{IpAddr, Ipv4Addr};
use std::process::ExitCode;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use waypost::engine::{Monitor, Reach, Work};
use waypost::{
    Event, Family, Flow, IfIndex, Link, LinkFlags, Mirror, MonitorOptions, Notice, Now, Prefix, Route, RouteVerb, Rule,
    RuleAction, TableId, Verb,
};

#[path = "../prefixes.rs"]
mod prefixes;

type Failure = Box<dyn std::error::Error>;

/// How many flows are registered.
const FLOWS: u32 = 1_000_000;

/// How many flows are judged in a slice.
const SLICE: usize = 4096;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// What the thread has used of the processor.
fn used() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = used();
    let done = work();
    (done, used() - start)
}

/// A mirror, and the events of what it is told.
struct Table {
    mirror: Mirror,
    events: Vec<Event>,
}

impl Table {
    fn tell(&mut self, verb: RouteVerb, route: Route) {
        self.mirror.handle(Notice::Route(verb, route), &mut self.events);
    }
}

fn route(text: &str) -> Result<Route, Failure> {
    Ok(text.parse()?)
}

fn run() -> Result<(), Failure> {
    let prefixes = prefixes::Prefixes::read(1)?;
    println!("{} prefixes, of which the {} of IPv4 are used", prefixes.len(), prefixes.v4.len());
    let mut table = Table { mirror: Mirror::new(), events: Vec::new() };
    for index in [2, 3] {
        let mut link = Link::new(IfIndex::new(index).ok_or("no number")?, &format!("eth{index}"));
        link.flags = LinkFlags::UP | LinkFlags::LOWER_UP;
        link.mtu = 1500;
        table.mirror.handle(Notice::Link(Verb::Present, Box::new(link)), &mut table.events);
    }
    let rules = [(0, TableId::LOCAL), (32766, TableId::MAIN), (32767, TableId::DEFAULT)];
    for (priority, id) in rules {
        let rule = Rule::new(Family::V4, priority, RuleAction::Lookup(id));
        table.mirror.handle(Notice::Rule(Verb::Present, Box::new(rule)), &mut table.events);
    }
    table.tell(RouteVerb::Added, route("local 127.0.0.0/8 dev if1 table local")?);
    table.tell(RouteVerb::Added, route("default via 10.0.0.1 dev if2 metric 100")?);
    let way = route("default via 10.0.0.1 dev if2")?;
    for prefix in &prefixes.v4 {
        let mut one = way.clone();
        one.slot.destination = Prefix::V4(*prefix);
        table.tell(RouteVerb::Added, one);
    }
    monitor(&mut table, &prefixes)?;
    reach(&mut table, &prefixes, "each to an address of the full table", true)?;
    let mut small = Table { mirror: Mirror::new(), events: Vec::new() };
    for (index, link) in table.mirror.links() {
        assert_eq!(*index, link.index);
        small.mirror.handle(Notice::Link(Verb::Present, Box::new(link.clone())), &mut small.events);
    }
    for rule in table.mirror.rules(Family::V4) {
        small.mirror.handle(Notice::Rule(Verb::Present, Box::new(rule.clone())), &mut small.events);
    }
    small.tell(RouteVerb::Added, route("local 127.0.0.0/8 dev if1 table local")?);
    small.tell(RouteVerb::Added, route("default via 10.0.0.1 dev if2 metric 100")?);
    reach(&mut small, &prefixes, "all by the default route", false)
}

/// A million changes elsewhere in the table.
fn monitor(table: &mut Table, prefixes: &prefixes::Prefixes) -> Result<(), Failure> {
    let now = Now::awake(Duration::from_secs(1));
    let mut monitor = Monitor::new(MonitorOptions::new(), now, &table.mirror);
    table.events.clear();
    let other = route("default via 10.0.0.9 dev if3")?;
    for prefix in prefixes.v4.iter().filter(|prefix| prefix.length() > 8).take(500_000) {
        for verb in [RouteVerb::Replaced, RouteVerb::Replaced] {
            let mut one = other.clone();
            one.slot.destination = Prefix::V4(*prefix);
            one.slot.metric = 0;
            table.tell(verb, one);
        }
    }
    let events = std::mem::take(&mut table.events);
    let (reports, time) = timed(|| {
        let mut reports = 0;
        // A driver looks after each batch.
        for batch in events.chunks(64) {
            batch.iter().for_each(|event| monitor.note(now, event));
            reports += usize::from(monitor.poll(now, &table.mirror).is_some());
        }
        reports
    });
    let each = time.as_nanos() as f64 / events.len() as f64;
    println!(
        "monitor: {} changes elsewhere: {reports} reports, {each:.1} ns each, {:.4} % of a core at 10,000 a second",
        events.len(),
        each * 1e4 / 1e7
    );
    let (_, time) = timed(|| monitor.poll_now(now, &table.mirror));
    println!("monitor: one comparison: {:.1} µs", time.as_nanos() as f64 / 1e3);
    Ok(())
}

fn reach(table: &mut Table, prefixes: &prefixes::Prefixes, what: &str, spread: bool) -> Result<(), Failure> {
    println!("reach: {FLOWS} flows, {what}");
    let mut reach = Reach::default();
    let mut random = 1_u64;
    let (_, time) = timed(|| {
        for _ in 0..FLOWS {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let bits = (random >> 32) as u32;
            let remote = match spread {
                true => {
                    let prefix = prefixes.v4[(random >> 20) as usize % prefixes.v4.len()];
                    prefix.bits() | bits & !u32::from(prefix.mask())
                }
                // Nobody is in 30.0.0.0/8, of which one is told below.
                false => {
                    if bits >> 24 == 30 {
                        bits | 1 << 24
                    } else {
                        bits
                    }
                }
            };
            reach.register(&Flow::to(IpAddr::V4(Ipv4Addr::from_bits(remote))));
        }
    });
    println!(
        "  registering: {:.0} ns a flow; {:.1} bytes a flow",
        time.as_nanos() as f64 / f64::from(FLOWS),
        reach.memory() as f64 / f64::from(FLOWS)
    );
    let now = Now::awake(Duration::from_secs(10));
    reach.work(now, &table.mirror, 1, &mut Vec::new());
    judge(&mut reach, table, "the first judgement");
    println!("  {:.1} bytes a flow", reach.memory() as f64 / f64::from(FLOWS));
    if !spread {
        change(&mut reach, table, RouteVerb::Added, "30.0.0.0/16 via 10.0.0.9 dev if3", "a route that touches none comes");
        change(&mut reach, table, RouteVerb::Removed, "30.0.0.0/16 via 10.0.0.9 dev if3", "and goes");
    }
    change(&mut reach, table, RouteVerb::Added, "default via 10.0.0.8 dev if3 metric 50", "the default route moves");
    change(&mut reach, table, RouteVerb::Removed, "default via 10.0.0.8 dev if3 metric 50", "and back");
    change(&mut reach, table, RouteVerb::Removed, "default via 10.0.0.1 dev if2 metric 100", "it goes");
    Ok(())
}

fn change(reach: &mut Reach, table: &mut Table, verb: RouteVerb, text: &str, what: &str) {
    table.events.clear();
    if let Ok(route) = route(text) {
        table.tell(verb, route);
    }
    let events = std::mem::take(&mut table.events);
    let now = Now::awake(Duration::from_secs(20));
    let (_, time) = timed(|| events.iter().for_each(|event| reach.note(now, event, &table.mirror)));
    println!("  {what}: marked in {:.1} µs", time.as_nanos() as f64 / 1e3);
    judge(reach, table, what);
}

/// Judges all that is to be judged, in slices.
fn judge(reach: &mut Reach, table: &Table, what: &str) {
    let (mut total, mut longest, mut hits, mut slices) = (Duration::ZERO, Duration::ZERO, 0, 0);
    let mut out = Vec::new();
    loop {
        let (work, time) = timed(|| reach.work(Now::awake(Duration::from_secs(30)), &table.mirror, SLICE, &mut out));
        (total, longest, slices) = (total + time, longest.max(time), slices + 1);
        hits += out.len();
        out.clear();
        if work == Work::Done {
            break;
        }
    }
    println!(
        "  {what}: {hits} hit, {:.3} ms in {slices} slices of {SLICE}, the longest {:.3} ms",
        total.as_secs_f64() * 1e3,
        longest.as_secs_f64() * 1e3
    );
}
