//! What Waypost and its peers hold after the storms of the chaos test.
//!
//! `cargo run --release --bin storms -- [--storms N] [--seed S]`, in network namespaces of its own. Each storm is of a seed and has a
//! new namespace, in which there are some routes to begin with; all subjects start anew, each a process of its own, and have read all
//! before it begins. Rivals then do what they do in `tests/chaos` (of six sorts, in turn), to both families. Storms of every
//! second seed have receive buffers of 4 KiB, as the kernel counts them, those of the others what each library takes by itself. In one of three, and in all of the last
//! sort, all subjects are stopped (SIGSTOP) in the midst of it. When it is over and each has heard nothing for two seconds, what it holds
//! is compared with a dump of the kernel's that is the same before and after that. What IPv6 does not list, as it stands between next hops
//! that were merged, is learnt in the end, by deleting the slot.
//!
//! A comparison is of slots: family, table, destination and metric, which is what nlink tells routes apart by.

mod held;
#[expect(dead_code, reason = "it is shared with the program that measures the rest")]
#[path = "../../prefixes.rs"]
mod prefixes;
#[expect(dead_code, reason = "it is shared with the program that measures the rest")]
#[path = "../../raw.rs"]
mod raw;
#[path = "../../../../tests/chaos/rivals.rs"]
mod rivals;
mod subjects;
#[expect(dead_code, reason = "it is shared with the program that measures the rest")]
#[path = "../../world.rs"]
mod world;

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use held::{Difference, Held};
use rivals::Sort;
use waypost_tests::ip::{ip, ip_batch_anyhow, sysctl, veth_with_addresses};
use waypost_tests::namespace::new_network;
use waypost_tests::seeded::Seeded;
use waypost_tests::storm::route_line;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The receive buffer of every second storm, in bytes as the kernel counts them.
const NARROW: usize = 4096;

/// How many routes are tried to be added before the storm.
const BEFORE: usize = 200;

/// How often the kernel is asked until it says the same twice.
const LOOKS: usize = 50;

const FAMILIES: [char; 2] = ['4', '6'];

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
    let value = |name: &str| arguments.iter().position(|word| word == name).and_then(|at| arguments.get(at + 1));
    if let [word, name, buffer] = arguments
        && word == "hold"
    {
        subjects::hold(name, buffer.parse().ok())?.print();
        println!(".");
        return Ok(());
    }
    let storms: u64 = value("--storms").map_or(Ok(12), |word| word.parse())?;
    let first: u64 = value("--seed").map_or(Ok(1), |word| word.parse())?;
    world::enter().map_err(|failure| failure.to_string())?;
    let mut tallies = [[[Tally::default(); 2]; subjects::ALL.len()]; 2];
    let mut unquiet = 0;
    for seed in first..first + storms {
        // A namespace is a thread's.
        let outcome = thread::spawn(move || storm(seed)).join().map_err(|_| "a storm failed")??;
        let Some((kernel, held)) = outcome else {
            unquiet += 1;
            eprintln!("seed {seed}: the kernel does not come to rest");
            continue;
        };
        let side = usize::from(is_narrow(seed));
        for (subject, held) in held.iter().enumerate() {
            for (family, letter) in FAMILIES.into_iter().enumerate() {
                let difference = held.compare(&kernel, letter);
                tallies[side][subject][family].add(difference, kernel.count(letter));
                if !difference.is_none() {
                    eprintln!("seed {seed}: {} IPv{letter}: {difference:?}", subjects::ALL[subject].0);
                }
            }
            held.show(&kernel, subjects::ALL[subject].0);
        }
    }
    print(&tallies);
    if unquiet > 0 {
        println!("\nNot counted, as the kernel's own dumps differed before and after: {unquiet} storms.");
    }
    Ok(())
}

const fn is_narrow(seed: u64) -> bool {
    // Each sort meets both.
    (seed / Sort::ALL.len() as u64) % 2 == 1
}

/// What a subject held after some storms.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    storms: u64,
    equal: u64,
    same_slots: u64,
    missing: u64,
    invented: u64,
    other: u64,
    routes: u64,
}

impl Tally {
    fn add(&mut self, difference: Difference, routes: usize) {
        self.storms += 1;
        self.equal += u64::from(difference.is_none());
        self.same_slots += u64::from(difference.has_same_slots());
        self.missing += difference.missing;
        self.invented += difference.invented;
        self.other += difference.other;
        self.routes += routes as u64;
    }
}

fn print(tallies: &[[[Tally; 2]; subjects::ALL.len()]; 2]) {
    for (side, name) in tallies.iter().zip(["receive buffers as each library takes them", "receive buffers of 4 KiB"]) {
        println!("\n{name}:\n");
        println!("| | family | storms | equal | same slots | slots missing | invented | other routes |");
        println!("|---|---|---:|---:|---:|---:|---:|---:|");
        for (subject, (_, title)) in side.iter().zip(subjects::ALL) {
            for (tally, family) in subject.iter().zip(FAMILIES) {
                let Tally { storms, equal, same_slots, missing, invented, other, .. } = tally;
                println!("| {title} | IPv{family} | {storms} | {equal} | {same_slots} | {missing} | {invented} | {other} |");
            }
        }
        let routes: u64 = side[0].iter().map(|tally| tally.routes).sum();
        println!("\nThe kernel had {routes} routes in all when they were compared.");
    }
}

/// A subject that runs.
struct Holder(Child, BufReader<ChildStdout>);

impl Holder {
    fn start(name: &str, buffer: Option<usize>) -> Result<Self, Failure> {
        let buffer = buffer.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string());
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.args(["hold", name, &buffer]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().ok_or("a pipe")?;
        Ok(Self(child, BufReader::new(output)))
    }

    fn wait_until_ready(&mut self) -> Result<(), Failure> {
        let mut line = String::new();
        self.1.read_line(&mut line)?;
        if line == "ready\n" { Ok(()) } else { Err("a subject has no first picture".into()) }
    }

    fn say_that_it_is_over(&mut self) -> Result<(), Failure> {
        Ok(self.0.stdin.as_mut().ok_or("a pipe")?.write_all(b"\n")?)
    }

    fn finish(mut self) -> Result<Held, Failure> {
        let lines: Vec<String> = self.1.by_ref().lines().collect::<Result<_, _>>()?;
        self.0.wait()?;
        if lines.last().map(String::as_str) != Some(".") {
            return Err("a subject has failed".into());
        }
        Ok(Held::read(lines.into_iter()))
    }
}

fn kernel() -> Result<Held, Failure> {
    Holder::start("kernel", None)?.finish()
}

/// What the kernel has, once it says the same twice.
fn quiet_kernel() -> Result<Option<Held>, Failure> {
    let mut before = kernel()?;
    for _ in 0..LOOKS {
        // The kernel sees to carriers and addresses in its own time: that is looked at some times over, and nothing hangs on when.
        thread::park_timeout(Duration::from_millis(100));
        let now = kernel()?;
        if now == before {
            return Ok(Some(now));
        }
        before = now;
    }
    Ok(None)
}

fn prepare(seeded: &mut Seeded) {
    new_network();
    veth_with_addresses("w0", "w1");
    sysctl("net/ipv6/conf/default/accept_dad", "0");
    rivals::remake().iter().for_each(|line| drop(ip(line)));
    ip("nexthop add id 7 via 10.0.0.2 dev w0");
    ip("nexthop add id 8 via 2001:db8::2 dev w0");
    ip_batch_anyhow((0..BEFORE).map(|_| route_line(seeded)).collect::<Vec<_>>());
}

/// Raises the storm of this seed; says what the kernel has afterwards, and what each subject holds.
fn storm(seed: u64) -> Result<Option<(Held, Vec<Held>)>, Failure> {
    let mut seeded = Seeded::new(seed);
    let sort = Sort::ALL[usize::try_from(seed % Sort::ALL.len() as u64)?];
    prepare(&mut seeded);
    let buffer = is_narrow(seed).then_some(NARROW);
    let mut holders = subjects::ALL.iter().map(|(name, _)| Holder::start(name, buffer)).collect::<Result<Vec<_>, _>>()?;
    holders.iter_mut().try_for_each(Holder::wait_until_ready)?;
    let rivals = rivals::start(&mut seeded, sort, false);
    if sort == Sort::Stops || seeded.one_in(3) {
        let numbers: Vec<String> = holders.iter().map(|holder| holder.0.id().to_string()).collect();
        let seconds = seeded.pick(&["0.05", "0.2", "0.5"]);
        let script = "seconds=$1; shift; sleep 0.02; kill -STOP $@; sleep $seconds; kill -CONT $@";
        let arguments = ["-c", script, "sh", seconds].into_iter().chain(numbers.iter().map(String::as_str));
        waypost_tests::ip::run("sh", arguments);
    }
    for rival in rivals {
        // Some lines fail, and which of them depends on the other rivals.
        rival.join().map_err(|_| "a rival failed")?;
    }
    let Some(before) = quiet_kernel()? else { return Ok(None) };
    holders.iter_mut().try_for_each(Holder::say_that_it_is_over)?;
    let held = holders.into_iter().map(Holder::finish).collect::<Result<Vec<_>, _>>()?;
    let after = kernel()?;
    if after != before {
        return Ok(None);
    }
    let hidden = Holder::start("hidden", None)?.finish()?;
    Ok(Some((after.with(hidden), held)))
}
