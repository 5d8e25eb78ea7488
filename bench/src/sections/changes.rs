//! What a change costs the monitor, and who has a million conversations.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use waypost::engine::{Monitor, Reach, Work};
use waypost::{
    Event, Family, Flow, IfIndex, Link, LinkFlags, Mirror, MonitorOptions, Notice, Now, Options, Prefix, Route, RouteVerb,
    Routes, Rule, RuleAction, TableId, Verb,
};

use super::{Needs, Section, failures};
use crate::Failure;
use crate::prefixes::Prefixes;
use crate::raw::Wish;
use crate::report::{Bound, Table, goal, number};
use crate::stopwatch;
use crate::subject::{Figures, Samples, Setting, Subject};
use crate::world::{self, Acknowledged, GATEWAY_V4, INTERFACE, PER_SEND, Pipeline};

pub(super) const SECTION: Section = Section { name: "changes", subjects: SUBJECTS, needs: Needs::Empty, is_native: false, write };

const MONITOR: &str = "changes/monitor";
const FOLLOWED: &str = "changes/followed";
const DEFAULT: &str = "changes/default";
const IPV6: &str = "changes/ipv6";
const SPREAD: &str = "changes/spread";
const KERNEL: &str = "changes/kernel";

const SUBJECTS: &[Subject] = &[
    Subject { name: MONITOR, label: "the monitor", repetitions: 5, measure: monitor },
    Subject { name: DEFAULT, label: "all by the default route", repetitions: 5, measure: |_| by_default() },
    Subject { name: IPV6, label: "all by the default route, of IPv6", repetitions: 5, measure: |_| by_default_ipv6() },
    Subject { name: SPREAD, label: "each by another route of the full table", repetitions: 5, measure: spread },
    Subject {
        name: KERNEL,
        label: "the same, driven by `waypost::Reach` over the kernel",
        repetitions: 5,
        measure: |_| driven(),
    },
    Subject { name: FOLLOWED, label: "the monitor over the kernel", repetitions: 3, measure: followed },
];

/// The rows of flows: all but the monitor.
const REACH: [&Subject; 4] = [&SUBJECTS[1], &SUBJECTS[4], &SUBJECTS[2], &SUBJECTS[3]];

/// How many flows are registered.
const FLOWS: u32 = 1_000_000;

/// How many flows are judged in a slice; the driver of the facade goes by its clock.
const SLICE: usize = 2048;

/// How many changes are told that touch nobody, of which the median is taken.
const SMALL_CHANGES: usize = 201;

/// How many changes elsewhere the monitor is told.
const STORM: usize = 1_000_000;

/// How many changes are made there while it follows the kernel, and back again, and how often some of them are sent: 10,000 a second.
const FOLLOWED_CHANGES: usize = 25_600;
const SEND_EVERY: Duration = Duration::from_micros(PER_SEND as u64 * 100);

/// How many events a driver hands over before it looks whether a report is due.
const BATCH: usize = 64;

/// A mirror, and the events of what it is told.
struct Told {
    mirror: Mirror,
    events: Vec<Event>,
}

impl Told {
    /// Two interfaces, the standing rules, and a way to everywhere.
    fn new() -> Result<Self, Failure> {
        let mut told = Self { mirror: Mirror::new(), events: Vec::new() };
        for index in [2, 3] {
            let mut link = Link::new(IfIndex::new(index).ok_or("no number")?, &format!("eth{index}"));
            link.flags = LinkFlags::UP | LinkFlags::LOWER_UP;
            link.mtu = 1500;
            told.mirror.handle(Notice::Link(Verb::Present, Box::new(link)), &mut told.events);
        }
        for family in Family::ALL {
            for (priority, id) in [(0, TableId::LOCAL), (32766, TableId::MAIN), (32767, TableId::DEFAULT)] {
                let rule = Rule::new(family, priority, RuleAction::Lookup(id));
                told.mirror.handle(Notice::Rule(Verb::Present, Box::new(rule)), &mut told.events);
            }
        }
        told.tell(RouteVerb::Added, "local 127.0.0.0/8 dev if1 table local".parse()?);
        told.tell(RouteVerb::Added, "default via 10.0.0.1 dev if2 metric 100".parse()?);
        told.tell(RouteVerb::Added, "default via fe80::1 dev if2 metric 100".parse()?);
        Ok(told)
    }

    /// The same, with all prefixes of IPv4.
    fn with(prefixes: &Prefixes) -> Result<Self, Failure> {
        let mut told = Self::new()?;
        let mut route: Route = "default via 10.0.0.1 dev if2".parse()?;
        for prefix in &prefixes.v4 {
            route.slot.destination = Prefix::V4(*prefix);
            told.tell(RouteVerb::Added, route.clone());
        }
        told.events.clear();
        Ok(told)
    }

    fn tell(&mut self, verb: RouteVerb, route: Route) {
        self.mirror.handle(Notice::Route(verb, route), &mut self.events);
    }
}

/// A million changes elsewhere in the full table.
fn monitor(setting: &Setting) -> Result<Figures, Failure> {
    let prefixes = Prefixes::read(setting.step)?;
    let mut told = Told::with(&prefixes)?;
    let now = Now::awake(Duration::from_secs(1));
    let mut monitor = Monitor::new(MonitorOptions::new(), now, &told.mirror);
    let gateways = ["10.0.0.9", "10.0.0.8"].map(|gateway| format!("default via {gateway} dev if3"));
    let [one, other] = [gateways[0].parse::<Route>()?, gateways[1].parse::<Route>()?];
    let elsewhere = prefixes.v4.iter().filter(|prefix| prefix.length() > 8).cycle();
    let storm: Vec<Route> = (elsewhere.zip([one, other].iter().cycle()).take(STORM))
        .map(|(prefix, route)| {
            let mut route = route.clone();
            route.slot.destination = Prefix::V4(*prefix);
            route
        })
        .collect();
    let (mirrored, ()) = stopwatch::here(|| {
        storm.into_iter().for_each(|route| told.tell(RouteVerb::Replaced, route));
        Ok(())
    })?;
    let (noted, reports) = stopwatch::here(|| {
        let mut reports = 0;
        for batch in told.events.chunks(BATCH) {
            batch.iter().for_each(|event| monitor.note(now, event));
            reports += usize::from(monitor.poll(now, &told.mirror).is_some());
        }
        Ok(reports)
    })?;
    let each = |span: stopwatch::Span| span.cpu.as_secs_f64() * 1e9 / told.events.len() as f64;
    Ok(Figures::default()
        .and("events", told.events.len() as f64)
        .and("reports", reports as f64)
        .and("mirror ns", each(mirrored))
        .and("monitor ns", each(noted)))
}

/// Ten thousand changes a second elsewhere in the kernel's full table, by another thread, while this one follows.
fn followed(setting: &Setting) -> Result<Figures, Failure> {
    let prefixes = Prefixes::read(setting.step)?;
    world::set_all(&prefixes, Wish::Add)?;
    let mut routes = Routes::open()?;
    let default = Route::parse(&format!("default via {GATEWAY_V4} dev {INTERFACE}"), &routes.names()?)?;
    routes.add(&default)?;
    let elsewhere = || prefixes.v4.iter().filter(|prefix| prefix.length() > 8).step_by(prefixes.v4.len() / FOLLOWED_CHANGES + 1);
    let encode = |wish| {
        let places = elsewhere().map(|prefix| (IpAddr::V4(prefix.network()), prefix.length()));
        Pipeline::encode(places, wish, None, Acknowledged::Last)
    };
    let pipelines = [encode(Wish::Delete)?, encode(Wish::Add)?];
    let changes = elsewhere().count() * pipelines.len();
    let mut monitor = waypost::Monitor::open(MonitorOptions::new())?;
    let (start, begin, mut reports) = (stopwatch::thread()?, Instant::now(), 0);
    std::thread::scope(|scope| -> Result<(), Failure> {
        let writer = scope.spawn(|| pipelines.iter().try_for_each(|all| all.run_at(SEND_EVERY).map_err(|why| why.to_string())));
        while !writer.is_finished() {
            reports += usize::from(monitor.next(Some(Duration::from_millis(50)))?.is_some());
        }
        Ok(writer.join().map_err(|_| "the writer panicked")??)
    })?;
    let seconds = begin.elapsed().as_secs_f64();
    let is_back = monitor.watcher().routes().count() > prefixes.len();
    if !is_back {
        return Err("it is not followed to the end".into());
    }
    Ok(Figures::default()
        .and("reports", reports as f64)
        .and("a second", changes as f64 / seconds)
        .and("percent", (stopwatch::thread()? - start).as_secs_f64() / seconds * 100.0))
}

/// A random number after another.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 32) as u32
    }

    /// Somewhere on the internet; nobody is in 250.0.0.0/8, and nobody on this machine or its links.
    fn anywhere(&mut self) -> Ipv4Addr {
        loop {
            let address = Ipv4Addr::from_bits(self.next());
            if !matches!(address.octets(), [0 | 10 | 127 | 224.., ..] | [192, 0, 2, _]) {
                return address;
            }
        }
    }
}

fn by_default() -> Result<Figures, Failure> {
    let mut random = Random(1);
    judge(&mut Told::new()?, &IN_IPV4, || random.anywhere().into())
}

fn by_default_ipv6() -> Result<Figures, Failure> {
    let mut random = Random(1);
    let mut part = || u128::from(random.next());
    judge(&mut Told::new()?, &IN_IPV6, || {
        // In 2000::/4: nobody is in 3fff::/20.
        Ipv6Addr::from_bits(2 << 124 | (part() & 0xfff_ffff) << 96 | part() << 64 | part() << 32 | part()).into()
    })
}

fn spread(setting: &Setting) -> Result<Figures, Failure> {
    let prefixes = Prefixes::read(setting.step)?;
    let mut random = Random(1);
    judge(&mut Told::with(&prefixes)?, &IN_IPV4, || {
        let prefix = prefixes.v4[random.next() as usize % prefixes.v4.len()];
        Ipv4Addr::from_bits(prefix.bits() | random.next() & !u32::from(prefix.mask())).into()
    })
}

/// The routes that are told: one that nobody goes by, and a default route before the one that is there.
struct Changes {
    nobody: &'static str,
    moved: &'static str,
}

const IN_IPV4: Changes = Changes { nobody: "250.0.0.0/16 via 10.0.0.9 dev if3", moved: "default via 10.0.0.8 dev if3 metric 50" };
const IN_IPV6: Changes = Changes { nobody: "3fff::/20 via fe80::9 dev if3", moved: "default via fe80::8 dev if3 metric 50" };

/// Registers a million flows, then tells changes that hit nobody, and one that moves the default route.
fn judge(told: &mut Told, changes: &Changes, mut remote: impl FnMut() -> IpAddr) -> Result<Figures, Failure> {
    let mut reach = Reach::new(Duration::ZERO);
    let remotes: Vec<Flow> = (0..FLOWS).map(|_| Flow::to(remote())).collect();
    let (registered, ()) = stopwatch::here(|| {
        for flow in &remotes {
            let _number = reach.register(flow);
        }
        Ok(())
    })?;
    reach.work(Now::awake(Duration::from_secs(10)), &told.mirror, 1, &mut Vec::new());
    let (first, _) = work(&mut reach, told)?;
    let mut small = Vec::new();
    for verb in [RouteVerb::Added, RouteVerb::Removed].into_iter().cycle().take(SMALL_CHANGES) {
        let (span, hits) = change(&mut reach, told, verb, changes.nobody)?;
        if hits.0 > 0 {
            return Err("somebody is hit by what touches nobody".into());
        }
        small.push(span.wall.as_secs_f64());
    }
    small.sort_unstable_by(f64::total_cmp);
    let (away, hits) = change(&mut reach, told, RouteVerb::Added, changes.moved)?;
    let (back, hits_back) = change(&mut reach, told, RouteVerb::Removed, changes.moved)?;
    let ms = |span: stopwatch::Span| span.cpu.as_secs_f64() * 1e3;
    Ok(Figures::default()
        .and("register ns", registered.cpu.as_secs_f64() * 1e9 / f64::from(FLOWS))
        .and("bytes", reach.memory() as f64 / f64::from(FLOWS))
        .and("first ms", ms(first))
        .and("none us", small[small.len() / 2] * 1e6)
        .and("moved ms", ms(away).max(ms(back)))
        .and("hit", hits.0.min(hits_back.0) as f64)
        .and("longest ms", hits.1.max(hits_back.1).as_secs_f64() * 1e3))
}

/// How many were hit, and how long the longest slice took.
type Hits = (usize, Duration);

/// One change: noted, and all judged that it may touch.
fn change(reach: &mut Reach, told: &mut Told, verb: RouteVerb, text: &str) -> Result<(stopwatch::Span, Hits), Failure> {
    told.events.clear();
    told.tell(verb, text.parse()?);
    let now = Now::awake(Duration::from_secs(20));
    let events = std::mem::take(&mut told.events);
    let (span, hits) = stopwatch::here(|| {
        events.iter().for_each(|event| reach.note(now, event, &told.mirror));
        Ok(work(reach, told)?.1)
    })?;
    Ok((span, hits))
}

/// Judges all that is to be judged, in slices.
fn work(reach: &mut Reach, told: &Told) -> Result<(stopwatch::Span, Hits), Failure> {
    let (mut hits, mut longest, mut out) = (0, Duration::ZERO, Vec::new());
    let (span, ()) = stopwatch::here(|| {
        loop {
            let (slice, work) =
                stopwatch::here(|| Ok(reach.work(Now::awake(Duration::from_secs(30)), &told.mirror, SLICE, &mut out)))?;
            longest = longest.max(slice.cpu);
            hits += out.len();
            out.clear();
            if work == Work::Done {
                return Ok(());
            }
        }
    })?;
    Ok((span, (hits, longest)))
}

/// The facade over the kernel: a million flows by the default route, which another program moves.
fn driven() -> Result<Figures, Failure> {
    let mut routes = Routes::open()?;
    let gateway = |metric: u32, last: u8| format!("default via {} dev {INTERFACE} metric {metric}", with_last(last));
    let names = routes.names()?;
    let parsed = |text: &str| Route::parse(text, &names);
    let (first, second) = (parsed(&gateway(100, 1))?, parsed(&gateway(50, 9))?);
    routes.add(&first)?;
    let mut reach = waypost::Reach::open_with(&Options::new(), Duration::ZERO)?;
    let mut random = Random(1);
    let flows: Vec<Flow> = (0..FLOWS).map(|_| Flow::to(IpAddr::V4(random.anywhere()))).collect();
    let (registered, ()) = stopwatch::here(|| {
        for flow in &flows {
            let _number = reach.register(flow);
        }
        Ok(())
    })?;
    while !reach.is_settled() {
        if reach.next(Some(Duration::from_millis(10)))?.is_some() {
            return Err("somebody has no way".into());
        }
    }
    let bytes = reach.memory() as f64 / f64::from(FLOWS);
    let (mut moved, mut longest) = (stopwatch::Span::default(), stopwatch::Span::default());
    for away in [true, false] {
        let (span, ()) = stopwatch::here(|| {
            if away {
                routes.add(&second)?
            } else {
                routes.delete(&second)?
            };
            let mut left = FLOWS;
            while left > 0 {
                // From one slice to the next: what is judged, and given, before the kernel is heard, and the hearing.
                let seen = reach.slices().count;
                let (gap, ()) = stopwatch::here(|| {
                    while left > 0 && reach.slices().count == seen {
                        reach.next(None)?.ok_or("nobody is told")?;
                        left -= 1;
                    }
                    Ok(())
                })?;
                longest = stopwatch::Span { wall: longest.wall.max(gap.wall), cpu: longest.cpu.max(gap.cpu) };
            }
            Ok(())
        })?;
        moved = if span.cpu > moved.cpu { span } else { moved };
    }
    Ok(Figures::default()
        .and("register ns", registered.cpu.as_secs_f64() * 1e9 / f64::from(FLOWS))
        .and("bytes", bytes)
        .and("moved ms", moved.cpu.as_secs_f64() * 1e3)
        .and("moved wall ms", moved.wall.as_secs_f64() * 1e3)
        .and("hit", f64::from(FLOWS))
        .and("longest ms", longest.cpu.as_secs_f64() * 1e3)
        .and("longest wall ms", longest.wall.max(reach.slices().longest).as_secs_f64() * 1e3))
}

/// A neighbour of the gateway of all IPv4 routes.
fn with_last(last: u8) -> Ipv4Addr {
    let [a, b, c, _] = GATEWAY_V4.octets();
    Ipv4Addr::new(a, b, c, last)
}

fn write(samples: &Samples) -> String {
    let of = |name: &'static str, what| samples.median(name, what);
    let monitor = |what, digits, unit| number(of(MONITOR, what), digits, unit);
    let mut table = Table::new(&[
        "a million flows",
        "register, ns",
        "bytes a flow",
        "touches none, µs",
        "moves all, ms",
        "longest slice, ms of CPU",
        "runs",
    ]);
    for subject in REACH {
        let cell = |what, digits| number(of(subject.name, what), digits, "");
        table.row(vec![
            subject.label.to_owned(),
            cell("register ns", 0),
            cell("bytes", 1),
            cell("none us", 1),
            cell("moved ms", 0),
            cell("longest ms", 2),
            samples.count(subject.name).to_string(),
        ]);
    }
    // Ten thousand a second, in percent.
    let core = of(MONITOR, "monitor ns").map(|ns| ns * 1e4 / 1e9 * 100.0);
    let worst = |what| [DEFAULT, IPV6, KERNEL].into_iter().filter_map(|name| of(name, what)).fold(0.0, f64::max);
    let most = |what: &str, value, limit, digits, unit: &str| goal(what, value, Bound::AtMost(limit), digits, unit);
    format!(
        "{} changes elsewhere in the IPv4 table: {} reports; the monitor needs {} each, the mirror before it {}.\n\
         Followed over the kernel with both tables full, {} changes a second by another thread: {} reports, {} of a core for \
         reading, mirror and monitor.\n\n\
         {}{}{}\n{table}\n{}{}{}{}{}{}",
        monitor("events", 0, ""),
        monitor("reports", 0, ""),
        monitor("monitor ns", 0, " ns"),
        monitor("mirror ns", 0, " ns"),
        number(of(FOLLOWED, "a second"), 0, ""),
        number(of(FOLLOWED, "reports"), 0, ""),
        number(of(FOLLOWED, "percent"), 1, " %"),
        most(
            "reports, either way",
            of(MONITOR, "reports").into_iter().chain(of(FOLLOWED, "reports")).reduce(f64::max),
            0.0,
            0,
            ""
        ),
        most("a core for the monitor alone, at 10,000 changes a second", core, 5.0, 3, " %"),
        most("a core for all that follows them from the kernel", of(FOLLOWED, "percent"), 5.0, 1, " %"),
        most(
            "a change that touches none, the worst of them",
            [DEFAULT, IPV6, SPREAD].into_iter().filter_map(|name| of(name, "none us")).reduce(f64::max),
            20.0,
            1,
            " µs"
        ),
        most("a million moved, engine alone or over the kernel", Some(worst("moved ms")), 250.0, 0, " ms"),
        most("the kernel is not heard for, by the wall", of(KERNEL, "longest wall ms"), 5.0, 2, " ms"),
        most("the same, by CPU time", of(KERNEL, "longest ms"), 5.0, 2, " ms"),
        most("a flow", Some(worst("bytes")), 64.0, 1, " bytes"),
        failures(samples, SUBJECTS),
    )
}
