//! Readers on other threads while a table changes: the ways to do it, with a hundred thousand changes a second.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use nix::time::{ClockId, clock_gettime};
use waypost::Ipv4Prefix;
use waypost::lpm::{Numbers, Reader, Table as Lpm, Writer};

use super::measure::Keys;
use super::tables::Longest;
use crate::Failure;
use crate::prefixes::Prefixes;
use crate::report::{Bound, Table, goal, number};
use crate::sections::{Needs, Section, failures};
use crate::subject::{Figures, Samples, Setting, Subject};

pub(crate) const SECTION: Section =
    Section { name: "lpm-readers", subjects: SUBJECTS, needs: Needs::Nothing, is_native: true, write };

const SUBJECTS: &[Subject] = &[
    subject("readers/log", "**Waypost**: copies and a log", measure::<Logged>),
    subject("readers/copy", "a new copy for each publication", measure::<Copied>),
    subject("readers/lock", "one table behind a lock", measure::<Locked>),
];

const fn subject(name: &'static str, label: &'static str, measure: fn(&Setting) -> Result<Figures, Failure>) -> Subject {
    Subject { name, label, repetitions: 5, measure }
}

type Live = Lpm<Ipv4Prefix, u32, Numbers>;

/// A millisecond's changes, which are published together.
const CHANGES: usize = 100;
const TURN: Duration = Duration::from_millis(1);

/// How long each measurement takes.
const SPAN: Duration = Duration::from_millis(800);

/// How many lookups a reader does with one view of the table.
const PER_VIEW: usize = 64;

/// A way to let others read what changes.
trait Shared: Sized {
    type View: Clone + Send + 'static;
    fn new(table: Live) -> Self;
    fn view(&self) -> Self::View;
    /// Takes the prefixes out and puts them in again, each change being one, and publishes what came of it.
    fn change(&mut self, prefixes: &[(Ipv4Prefix, u32)]);
    /// The sum of the values for these addresses.
    fn look(view: &Self::View, addresses: &[std::net::Ipv4Addr]) -> u32;
}

fn look(table: &Live, addresses: &[std::net::Ipv4Addr]) -> u32 {
    addresses.iter().fold(0, |sum, address| sum.wrapping_add(table.longest(black_box(*address))))
}

struct Logged(Writer<Ipv4Prefix, u32, Numbers>);

impl Shared for Logged {
    type View = Reader<Ipv4Prefix, u32, Numbers>;

    fn new(table: Live) -> Self {
        Self(Writer::new(table))
    }

    fn view(&self) -> Self::View {
        self.0.reader()
    }

    fn change(&mut self, prefixes: &[(Ipv4Prefix, u32)]) {
        for (prefix, value) in prefixes {
            self.0.remove(*prefix);
            self.0.insert(*prefix, *value);
        }
        self.0.publish();
    }

    fn look(view: &Self::View, addresses: &[std::net::Ipv4Addr]) -> u32 {
        look(&view.snapshot(), addresses)
    }
}

struct Copied {
    own: Live,
    published: Arc<ArcSwap<Live>>,
}

impl Shared for Copied {
    type View = Arc<ArcSwap<Live>>;

    fn new(table: Live) -> Self {
        Self { own: table.clone(), published: Arc::new(ArcSwap::from_pointee(table)) }
    }

    fn view(&self) -> Self::View {
        Arc::clone(&self.published)
    }

    fn change(&mut self, prefixes: &[(Ipv4Prefix, u32)]) {
        for (prefix, value) in prefixes {
            self.own.remove(*prefix);
            self.own.insert(*prefix, *value);
        }
        self.published.store(Arc::new(self.own.clone()));
    }

    fn look(view: &Self::View, addresses: &[std::net::Ipv4Addr]) -> u32 {
        look(&view.load(), addresses)
    }
}

struct Locked(Arc<RwLock<Live>>);

impl Shared for Locked {
    type View = Arc<RwLock<Live>>;

    fn new(table: Live) -> Self {
        Self(Arc::new(RwLock::new(table)))
    }

    fn view(&self) -> Self::View {
        Arc::clone(&self.0)
    }

    fn change(&mut self, prefixes: &[(Ipv4Prefix, u32)]) {
        let Ok(mut table) = self.0.write() else { return };
        for (prefix, value) in prefixes {
            table.remove(*prefix);
            table.insert(*prefix, *value);
        }
    }

    fn look(view: &Self::View, addresses: &[std::net::Ipv4Addr]) -> u32 {
        view.read().map_or(0, |table| look(&table, addresses))
    }
}

fn measure<S: Shared>(setting: &Setting) -> Result<Figures, Failure> {
    let keys = Arc::new(Keys::of(&Prefixes::read(setting.step)?.v4));
    let changes: Vec<(Ipv4Prefix, u32)> = keys.shuffled.iter().copied().zip(1..).collect();
    let table = <Live as Longest<Ipv4Prefix>>::of(&keys.shuffled);
    let mut figures = Figures::default();
    for (readers, changed) in [(1, false), (1, true), (2, true)] {
        let told = run::<S>(table.clone(), readers, changed.then_some(&changes[..]), &keys)?;
        let name = |what: &str| format!("{} {what}", if changed { readers.to_string() } else { "still".into() });
        figures = figures
            .and(&name("cpu"), told.reader_cpu)
            .and(&name("rate"), told.lookups)
            .and(&name("changes"), told.changes)
            .and(&name("writer"), told.writer_cpu);
    }
    Ok(figures)
}

/// What came of one measurement.
struct Told {
    /// Nanoseconds of CPU time for one lookup.
    reader_cpu: f64,
    /// Millions of lookups a second, of all readers together.
    lookups: f64,
    /// Thousands of changes a second.
    changes: f64,
    /// The writer's CPU time for one change, in nanoseconds.
    writer_cpu: f64,
}

fn run<S: Shared>(
    table: Live,
    readers: usize,
    changes: Option<&[(Ipv4Prefix, u32)]>,
    keys: &Arc<Keys<Ipv4Prefix>>,
) -> Result<Told, Failure> {
    let mut shared = S::new(table);
    let is_over = Arc::new(AtomicBool::new(false));
    let threads: Vec<_> = (0..readers)
        .map(|_| {
            let (view, keys, is_over) = (shared.view(), Arc::clone(keys), Arc::clone(&is_over));
            thread::spawn(move || read::<S>(&view, &keys, &is_over))
        })
        .collect();
    let start = Instant::now();
    let cpu = own_time();
    let mut done = 0;
    if let Some(changes) = changes {
        // A prefix that goes and comes is two changes.
        for some in changes.chunks(CHANGES / 2).cycle() {
            if start.elapsed() >= SPAN {
                break;
            }
            shared.change(some);
            done += 2 * some.len();
            // Who is late does not catch up: fewer changes are what is told then.
            let next = TURN * u32::try_from(done / CHANGES)?;
            wait(start, next);
        }
    } else {
        wait(start, SPAN);
    }
    let (cpu, elapsed) = (own_time() - cpu, start.elapsed().as_secs_f64());
    is_over.store(true, Relaxed);
    let (mut lookups, mut reader_cpu) = (0, Duration::ZERO);
    for reader in threads {
        let (count, cpu) = reader.join().map_err(|_| "a reader panicked")?;
        lookups += count;
        reader_cpu += cpu;
    }
    Ok(Told {
        reader_cpu: reader_cpu.as_secs_f64() * 1e9 / lookups as f64,
        lookups: lookups as f64 / elapsed / 1e6,
        changes: done as f64 / elapsed / 1e3,
        writer_cpu: cpu.as_secs_f64() * 1e9 / done.max(1) as f64,
    })
}

/// Waits until so much time has passed.
fn wait(start: Instant, until: Duration) {
    while let Some(rest) = until.checked_sub(start.elapsed()).filter(|rest| !rest.is_zero()) {
        thread::park_timeout(rest);
    }
}

/// Looks addresses up until it is over: how many, and in what CPU time.
fn read<S: Shared>(view: &S::View, keys: &Keys<Ipv4Prefix>, is_over: &AtomicBool) -> (usize, Duration) {
    let (start, mut count) = (own_time(), 0);
    for some in keys.inside.chunks(PER_VIEW).cycle() {
        if is_over.load(Relaxed) {
            break;
        }
        black_box(S::look(view, some));
        count += some.len();
    }
    (count, own_time() - start)
}

/// The CPU time of this thread.
fn own_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

fn write(samples: &Samples) -> String {
    let heads = [
        "",
        "nobody writes: CPU ns a lookup",
        "1 reader: CPU ns",
        "million lookups a second",
        "thousand changes a second",
        "CPU ns a change",
        "2 readers: CPU ns",
        "million lookups a second",
        "thousand changes a second",
        "CPU ns a change",
        "runs",
    ];
    let mut table = Table::new(&heads);
    for subject in SUBJECTS {
        let mut cells = vec![subject.label.to_owned(), number(samples.median(subject.name, "still cpu"), 1, "")];
        for readers in ["1", "2"] {
            for what in ["cpu", "rate", "changes", "writer"] {
                cells.push(number(samples.median(subject.name, &format!("{readers} {what}")), 1, ""));
            }
        }
        cells.push(samples.count(subject.name).to_string());
        table.row(cells);
    }
    let goals: String = ["1", "2"]
        .map(|readers| {
            let rate = samples.median(SUBJECTS[0].name, &format!("{readers} changes"));
            goal(&format!("changes a second with {readers} readers"), rate, Bound::AtLeast(99.0), 0, " thousand")
        })
        .concat();
    format!("{table}\n{goals}{}", failures(samples, SUBJECTS))
}
