//! Routes in words that every library has for them, so that one judge can compare what they hold.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::IpAddr;

/// What a subject holds, or the kernel has: the routes of each slot, in words.
///
/// A slot is what nlink's `NetworkEvent::object_key` tells routes apart by, as far as storms go: family, table, destination and metric.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Held(BTreeMap<String, Vec<String>>);

/// A route in parts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Plain {
    pub(crate) table: u32,
    pub(crate) destination: Option<IpAddr>,
    pub(crate) length: u8,
    pub(crate) is_v4: bool,
    pub(crate) metric: u32,
    /// The kernel's number of what becomes of packets (`RTN_*`).
    pub(crate) kind: u8,
    pub(crate) protocol: u8,
    pub(crate) object: Option<u32>,
    /// Gateway, interface, weight.
    pub(crate) ways: Vec<(Option<IpAddr>, u32, u16)>,
}

/// From this number on routes reject (`RTN_BLACKHOLE`), and name no way that means anything.
const BLACKHOLE: u8 = 6;

impl Plain {
    pub(crate) fn slot(&self) -> String {
        let family = if self.is_v4 { '4' } else { '6' };
        let destination = self.destination.map_or_else(|| "any".to_owned(), |destination| destination.to_string());
        let destination = if self.length == 0 { "any".to_owned() } else { destination };
        format!("{family} {destination}/{} table {} metric {}", self.length, self.table, self.metric)
    }

    pub(crate) fn words(&self) -> String {
        let mut words = format!("type {} proto {}", self.kind, self.protocol);
        match self.object {
            Some(object) => write!(words, " nhid {object}"),
            None if self.kind >= BLACKHOLE => Ok(()),
            None => self.ways.iter().try_for_each(|(gateway, interface, weight)| {
                let gateway = gateway.map_or_else(String::new, |gateway| format!(" via {gateway}"));
                write!(words, ",{gateway} dev {interface} weight {weight}")
            }),
        }
        .expect("a string takes all");
        words
    }
}

impl Held {
    pub(crate) fn add(&mut self, route: &Plain) {
        self.add_words(route.slot(), route.words());
    }

    fn add_words(&mut self, slot: String, words: String) {
        let held = self.0.entry(slot).or_default();
        held.push(words);
        // Which of them comes first is not asked here.
        held.sort();
    }

    pub(crate) fn print(&self) {
        for (slot, words) in &self.0 {
            words.iter().for_each(|words| println!("{slot}\t{words}"));
        }
    }

    pub(crate) fn read(lines: impl Iterator<Item = String>) -> Self {
        let mut held = Self::default();
        for line in lines {
            if let Some((slot, words)) = line.split_once('\t') {
                held.add_words(slot.to_owned(), words.to_owned());
            }
        }
        held
    }

    /// The same, with what `known` has of the slots that it has.
    pub(crate) fn with(mut self, known: Self) -> Self {
        self.0.extend(known.0);
        self
    }

    fn slots(&self, family: char) -> impl Iterator<Item = (&String, &Vec<String>)> {
        self.0.iter().filter(move |(slot, _)| slot.starts_with(family))
    }

    pub(crate) fn count(&self, family: char) -> usize {
        self.slots(family).map(|(_, words)| words.len()).sum()
    }

    /// What this differs by from what the kernel has.
    pub(crate) fn compare(&self, kernel: &Self, family: char) -> Difference {
        let mut difference = Difference::default();
        for (slot, words) in kernel.slots(family) {
            match self.0.get(slot) {
                None => difference.missing += 1,
                Some(held) if held != words => difference.other += 1,
                Some(_) => {}
            }
        }
        difference.invented = self.slots(family).filter(|(slot, _)| !kernel.0.contains_key(*slot)).count() as u64;
        difference
    }

    /// The first few differences, for whoever wants to see them.
    pub(crate) fn show(&self, kernel: &Self, name: &str) {
        let all = self.0.keys().chain(kernel.0.keys()).collect::<std::collections::BTreeSet<_>>();
        let differ = all.into_iter().filter(|slot| self.0.get(*slot) != kernel.0.get(*slot));
        for slot in differ.take(4) {
            eprintln!("  {name}: {slot}: holds {:?}, kernel {:?}", self.0.get(slot), kernel.0.get(slot));
        }
    }
}

/// By how many slots somebody is not what the kernel is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Difference {
    /// The kernel has routes there, and the subject none.
    pub(crate) missing: u64,
    /// The subject has routes there, and the kernel none.
    pub(crate) invented: u64,
    /// Both have, and not the same.
    pub(crate) other: u64,
}

impl Difference {
    pub(crate) const fn is_none(self) -> bool {
        self.missing == 0 && self.invented == 0 && self.other == 0
    }

    /// The same destinations, tables and metrics, whatever the routes there say.
    pub(crate) const fn has_same_slots(self) -> bool {
        self.missing == 0 && self.invented == 0
    }
}
