//! What it takes to follow a kernel: storms of a full table, the way of an event, a flapping default route, and rest.
//!
//! `cargo run --release --no-default-features --bin follow -- storm|event|flap|idle [RUNS]`, in a network namespace of its own; with the rights of
//! root, `storm` also measures a buffer beyond the system's limit. Clock points are of CLOCK_MONOTONIC:
//!
//! - *storm*: from the writer's last acknowledgement (a process of its own, 64 requests to a send, encoded beforehand) to the watcher's being
//!   settled with as many routes as were added, over the time of a first picture of the same table.
//! - *event*: from just before the send of the request that changes a route, which is before the kernel broadcasts it, to the return of
//!   `Watcher::next` with the event. Another thread sends 50,000 a second, one to a send;
//!   each thread has a processor of its own.
//! - *flap*: the engine's own CPU time for the notice by which the default route is replaced, with the whole table in the mirror.
//! - *idle*: wakeups and CPU time of ten seconds of `Watcher::wait`, with the table in the mirror and nothing happening.

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::resource::{UsageWho, getrusage};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;
use waypost::{Event, Family, Mirror, Notice, Options, Prefix, Route, RouteVerb, Watcher};

#[path = "../prefixes.rs"]
mod prefixes;
#[path = "../raw.rs"]
#[expect(dead_code, reason = "it is shared with the program that measures the rest")]
mod raw;
#[path = "../world.rs"]
mod world;

use world::{Acknowledged, Pipeline};

type Failure = Box<dyn std::error::Error>;

/// How many events there are a second, and for how many seconds.
const RATE: u64 = 50_000;

/// How many requests are sent in a run.
const REQUESTS: usize = 50_000;

/// How often the default route is replaced in a run.
const FLAPS: usize = 2000;

const REST: Duration = Duration::from_secs(10);

/// How large the buffer is that root may have.
const FORCED: usize = 64 << 20;

fn main() -> ExitCode {
    match run(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Failure> {
    let runs = arguments.get(1).map_or(Ok(20), |word| word.parse())?;
    match arguments.first().map(String::as_str) {
        Some("write") => write(),
        Some("storm") => storms(runs),
        Some("event") => event(runs),
        Some("flap") => flap(runs),
        Some("idle") => idle(),
        _ => Err("storm, event, flap or idle?".into()),
    }
}

fn time(clock: ClockId) -> Duration {
    clock_gettime(clock).map_or(Duration::ZERO, Duration::from)
}

fn now() -> Duration {
    time(ClockId::CLOCK_MONOTONIC)
}

/// A namespace of this process's own. Root stays root of the machine in it, and may so have a buffer of any size.
fn enter() -> Result<(), Failure> {
    if nix::unistd::geteuid().is_root() { world::enter_empty() } else { world::enter() }
}

/// The median and the 99th of 100 of these.
fn quantiles(values: &mut [f64]) -> (f64, f64) {
    values.sort_unstable_by(f64::total_cmp);
    let at = |part: f64| values.get(((values.len() - 1) as f64 * part).round() as usize).copied().unwrap_or(f64::NAN);
    (at(0.5), at(0.99))
}

fn tell(what: &str, unit: &str, mut values: Vec<f64>) {
    let (median, high) = quantiles(&mut values);
    println!("{what}: median {median:.2} {unit}, p99 {high:.2} {unit}, of {}", values.len());
}

/// The one who adds the table: says that it is ready, waits for a line, and says when the last was acknowledged.
fn write() -> Result<(), Failure> {
    let prefixes = prefixes::Prefixes::read(1)?;
    let all = prefixes.v4.iter().map(|prefix| (IpAddr::V4(prefix.network()), prefix.length()));
    let pipeline = Pipeline::encode(all, raw::Wish::Add, None, Acknowledged::Last)?;
    println!("{}", prefixes.v4.len());
    std::io::stdin().read_line(&mut String::new())?;
    pipeline.run()?;
    println!("{}", now().as_nanos());
    Ok(())
}

/// The writer, which is a process of its own.
struct Writer(Child, BufReader<std::process::ChildStdout>);

impl Writer {
    fn start() -> Result<Self, Failure> {
        let mut child =
            Command::new(std::env::current_exe()?).arg("write").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().ok_or("a pipe")?;
        Ok(Self(child, BufReader::new(output)))
    }

    fn number(&mut self) -> Result<u64, Failure> {
        let mut line = String::new();
        self.1.read_line(&mut line)?;
        Ok(line.trim().parse()?)
    }

    fn go(&mut self) -> Result<(), Failure> {
        Ok(self.0.stdin.as_mut().ok_or("a pipe")?.write_all(b"\n")?)
    }
}

fn storms(runs: usize) -> Result<(), Failure> {
    for (name, buffer) in [("default buffer", Some(212_992)), ("as large as anybody may", None), ("64 MiB", Some(FORCED))] {
        if buffer == Some(FORCED) && !nix::unistd::geteuid().is_root() {
            println!("{name}: takes root");
            continue;
        }
        let (mut ratios, mut overruns, mut had) = (Vec::new(), Vec::new(), 0);
        for _ in 0..runs {
            let (ratio, lost, size) = storm(buffer)?;
            eprintln!("{name}: {ratio:.3} dump times, {lost} overruns, {size} bytes");
            ratios.push(ratio);
            overruns.push(lost as f64);
            had = size;
        }
        tell(&format!("storm, {name} ({had} bytes), behind the last event"), "dump times", ratios);
        tell(&format!("storm, {name}, overruns"), "", overruns);
    }
    Ok(())
}

/// One storm: how long after its end the mirror was equal, in dump times, how many overruns there were, and the buffer.
fn storm(buffer: Option<usize>) -> Result<(f64, u64, usize), Failure> {
    enter()?;
    let mut options = Options::new();
    if let Some(size) = buffer {
        options = options.receive_buffer(size);
    } else {
        let limit: usize = std::fs::read_to_string("/proc/sys/net/core/rmem_max")?.trim().parse()?;
        options = options.receive_buffer(2 * limit);
    }
    let mut watcher = Watcher::open_with(&options)?;
    watcher.synchronise(None)?;
    let before = watcher.mirror().tables().len_of(Family::V4);
    let mut writer = Writer::start()?;
    let expected = before + usize::try_from(writer.number()?)?;
    writer.go()?;
    // When dumps ended, how many of them had been torn by then, and how many routes there were.
    let mut marks: Vec<(Duration, u64, u64, usize)> = Vec::new();
    let mut dumps = 0;
    let equal = loop {
        // Somebody who takes what there is.
        watcher.wait(Some(Duration::from_millis(1)))?;
        while watcher.try_next()?.is_some() {}
        let stats = watcher.stats();
        if stats.dumps != dumps {
            dumps = stats.dumps;
            marks.push((now(), dumps, stats.torn, watcher.mirror().tables().len_of(Family::V4)));
        }
        if watcher.mirror().tables().len_of(Family::V4) == expected && watcher.is_settled() {
            break now();
        }
    };
    let last = Duration::from_nanos(writer.number()?);
    writer.0.wait()?;
    let stats = watcher.stats();
    let mut dumps: Vec<f64> = Vec::new();
    for _ in 0..3 {
        let start = now();
        Watcher::open()?.synchronise(None)?;
        dumps.push((now() - start).as_secs_f64());
    }
    let (dump, _) = quantiles(&mut dumps);
    eprintln!("a first picture takes {dump:.3} s; ends of dumps, from the last acknowledgement on:");
    for (when, dumps, torn, routes) in marks {
        let when = when.as_secs_f64() - last.as_secs_f64();
        eprintln!("  {when:+.3} s: {dumps} dumps, {torn} of them torn, {routes} routes");
    }
    Ok((equal.saturating_sub(last).as_secs_f64() / dump, stats.overruns, watcher.receive_buffer()))
}

/// Which request an event comes of, if it comes of one.
fn which(event: &Event) -> Option<usize> {
    let Event::Route { change, .. } = event else { return None };
    let route = change.now().or(change.before())?;
    let Prefix::V4(prefix) = route.slot.destination else { return None };
    let n = usize::try_from(prefix.bits().checked_sub(0x1400_0000)? >> 8).ok().filter(|n| *n < REQUESTS / 2)?;
    Some(if change.now().is_some() { n } else { n + REQUESTS / 2 })
}

/// Keeps the calling thread to one processor: two that run on one measure how the system shares it out.
fn keep_to(processor: usize) -> Result<(), Failure> {
    let mut set = CpuSet::new();
    set.set(processor)?;
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

fn event(runs: usize) -> Result<(), Failure> {
    enter()?;
    let number = |n: usize| Ipv4Addr::from_bits(0x1400_0000 | u32::try_from(n).unwrap_or(0) << 8);
    let mut requests = Vec::new();
    let interface = world::interface()?;
    for wish in [raw::Wish::Add, raw::Wish::Delete] {
        for n in 0..REQUESTS / 2 {
            let mut bytes = Vec::new();
            let gateway = (IpAddr::V4(world::GATEWAY_V4), interface);
            raw::request(&mut bytes, wish, 1, (IpAddr::V4(number(n)), 24), gateway, None, false)?;
            requests.push(bytes);
        }
    }
    let (mut medians, mut highs) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let mut watcher = Watcher::open()?;
        watcher.synchronise(None)?;
        let sent: Vec<AtomicU64> = (0..REQUESTS).map(|_| AtomicU64::new(0)).collect();
        let mut latencies = Vec::with_capacity(REQUESTS);
        let socket = raw::Socket::open()?;
        std::thread::scope(|scope| {
            let sender = scope.spawn(|| -> Result<Duration, String> {
                keep_to(0).map_err(|failure| failure.to_string())?;
                let start = now();
                for (n, request) in requests.iter().enumerate() {
                    let due = start + Duration::from_nanos(n as u64 * (1_000_000_000 / RATE));
                    while now() < due {
                        std::hint::spin_loop();
                    }
                    sent[n].store(u64::try_from(now().as_nanos()).unwrap_or(0), Ordering::Release);
                    socket.send(request).map_err(|failure| failure.to_string())?;
                }
                Ok(now() - start)
            });
            keep_to(1)?;
            let mut next = 0;
            while next < REQUESTS {
                let Some(event) = watcher.next(Some(Duration::from_secs(2)))? else { break };
                let heard = u64::try_from(now().as_nanos())?;
                if let Some(n) = which(&event) {
                    latencies.push(heard.saturating_sub(sent[n].load(Ordering::Acquire)) as f64 / 1e3);
                    next += 1;
                }
            }
            let took = sender.join().map_err(|_| "the sender failed")??;
            eprintln!("{next} events in {took:?}, {} overruns", watcher.stats().overruns);
            Ok::<(), Failure>(())
        })?;
        if watcher.stats().overruns > 0 || latencies.len() != REQUESTS {
            return Err("events were lost: which was which cannot be told".into());
        }
        let (median, high) = quantiles(&mut latencies);
        eprintln!("median {median:.1} µs, p99 {high:.1} µs");
        medians.push(median);
        highs.push(high);
    }
    tell("event, the median of a run", "µs", medians);
    tell("event, the p99 of a run", "µs", highs);
    Ok(())
}

fn flap(runs: usize) -> Result<(), Failure> {
    let prefixes = prefixes::Prefixes::read(1)?;
    let mut mirror = Mirror::new();
    let mut events = Vec::new();
    let way: Route = "default via 10.0.0.1 dev if2".parse()?;
    for prefix in prefixes.v4.iter().map(|prefix| Prefix::V4(*prefix)).chain(prefixes.v6.iter().map(|prefix| Prefix::V6(*prefix)))
    {
        let mut route = way.clone();
        route.slot.destination = prefix;
        mirror.handle(Notice::Route(RouteVerb::Added, route), &mut events);
        events.clear();
    }
    mirror.handle(Notice::Route(RouteVerb::Added, way), &mut events);
    let others: [Route; 2] = ["default via 10.0.0.2 dev if2".parse()?, "default via 10.0.0.1 dev if3".parse()?];
    println!("{} prefixes, {} routes in the mirror", prefixes.len(), mirror.tables().len());
    let (mut medians, mut highs) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let mut times = Vec::with_capacity(FLAPS);
        for n in 0..FLAPS {
            let notice = Notice::Route(RouteVerb::Replaced, others[n % 2].clone());
            events.clear();
            let start = time(ClockId::CLOCK_THREAD_CPUTIME_ID);
            mirror.handle(notice, &mut events);
            times.push((time(ClockId::CLOCK_THREAD_CPUTIME_ID) - start).as_nanos() as f64 / 1e3);
        }
        let (median, high) = quantiles(&mut times);
        medians.push(median);
        highs.push(high);
    }
    tell("flap, the median of a run", "µs", medians);
    tell("flap, the p99 of a run", "µs", highs);
    Ok(())
}

fn idle() -> Result<(), Failure> {
    enter()?;
    let prefixes = prefixes::Prefixes::read(1)?;
    world::set_all(&prefixes, raw::Wish::Add)?;
    let mut watcher = Watcher::open()?;
    watcher.synchronise(None)?;
    watcher.verify_every(None);
    let routes: usize = Family::ALL.map(|family| watcher.mirror().tables().len_of(family)).into_iter().sum();
    // What is left to be said of the beginning.
    while watcher.wait(Some(Duration::from_secs(1)))? {
        while watcher.try_next()?.is_some() {}
    }
    let before = getrusage(UsageWho::RUSAGE_SELF)?;
    let used = time(ClockId::CLOCK_PROCESS_CPUTIME_ID);
    let is_event = watcher.wait(Some(REST))?;
    let used = time(ClockId::CLOCK_PROCESS_CPUTIME_ID) - used;
    let wakeups = getrusage(UsageWho::RUSAGE_SELF)?.voluntary_context_switches() - before.voluntary_context_switches();
    println!(
        "idle: {routes} routes, {REST:?}: slept {wakeups} times, {:.1} µs of CPU, {} events",
        used.as_nanos() as f64 / 1e3,
        u8::from(is_event)
    );
    Ok(())
}
