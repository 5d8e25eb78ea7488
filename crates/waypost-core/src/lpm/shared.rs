//! One writer beside many readers.
//!
//! There are several copies of the table, mostly two. Readers have the one that was published last; the writer changes another and notes what
//! it did. [`Writer::publish`] exchanges them in one step, and what was noted since is done again to a copy that no reader looks at any more.
//! A copy at which one still looks is left to that reader: the writer never waits, and takes or makes another one.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};

use super::{Key, Slab, Store, Table};

/// Changes a table that others read at the same time.
///
/// ```
/// use waypost_core::Ipv4Prefix;
/// use waypost_core::lpm::{Table, Writer};
///
/// let mut writer: Writer<Ipv4Prefix, &str> = Writer::new(Table::new());
/// let reader = writer.reader();
/// let thread = std::thread::spawn(move || {
///     while reader.snapshot().is_empty() {
///         std::thread::yield_now();
///     }
///     reader.snapshot().longest_match("10.1.2.3".parse().unwrap()).map(|(_, name)| *name)
/// });
/// writer.insert("10.0.0.0/8".parse()?, "office");
/// writer.insert("10.1.0.0/16".parse()?, "lab");
/// writer.publish();
/// assert_eq!(thread.join().unwrap(), Some("lab"));
/// # Ok::<(), waypost_core::PrefixError>(())
/// ```
pub struct Writer<P, V, S = Slab<V>> {
    published: Arc<ArcSwap<Table<P, V, S>>>,
    /// The writer's own copy, with all changes in it; `None` from a publication to the next change.
    own: Option<Arc<Table<P, V, S>>>,
    /// Copies that were published before.
    retired: Vec<Retired<P, V, S>>,
    /// What was done last, so far as a copy may lack it.
    log: VecDeque<Change<P, V>>,
    /// How many changes the writer's copy has that the published one lacks.
    unpublished: usize,
}

/// A copy at which readers may still look.
struct Retired<P, V, S> {
    table: Arc<Table<P, V, S>>,
    /// How many changes the published copy has that this one lacks.
    lacks: usize,
}

enum Change<P, V> {
    Insert(P, V),
    Remove(P),
}

/// How many prefixes are copied in the time of one change: 8 ns each in the full Internet table, and a quarter of a microsecond.
const COPIED_PER_CHANGE: usize = 32;

/// How many changes are done again at least, rather than a small table copied.
const LEAST_LOG: usize = 256;

impl<P: Key, V: Clone, S: Store<Value = V> + Clone> Writer<P, V, S> {
    /// Publishes `table` and keeps a copy of it to be changed.
    #[must_use]
    pub fn new(table: Table<P, V, S>) -> Self {
        let own = Some(Arc::new(table.clone()));
        let published = Arc::new(ArcSwap::from_pointee(table));
        Self { published, own, retired: Vec::new(), log: VecDeque::new(), unpublished: 0 }
    }

    /// A handle for readers, to be cloned and sent to their threads.
    #[must_use]
    pub fn reader(&self) -> Reader<P, V, S> {
        Reader { published: Arc::clone(&self.published) }
    }

    /// Sets the value of `prefix`, and gives back the one that was there. Readers see it once it is published.
    pub fn insert(&mut self, prefix: P, value: V) -> Option<V> {
        let old = self.own().insert(prefix, value.clone());
        self.note(Change::Insert(prefix, value));
        old
    }

    /// Takes `prefix` out, and gives back its value. Readers see it once it is published.
    pub fn remove(&mut self, prefix: P) -> Option<V> {
        let old = self.own().remove(prefix);
        self.note(Change::Remove(prefix));
        old
    }

    /// Lets readers see all changes so far, at once.
    pub fn publish(&mut self) {
        if self.unpublished == 0 {
            return;
        }
        if let Some(own) = self.own.take() {
            self.retired.push(Retired { table: self.published.swap(own), lacks: 0 });
            self.retired.iter_mut().for_each(|copy| copy.lacks += self.unpublished);
            self.unpublished = 0;
        }
    }

    /// The copy that is the writer's alone, with all changes in it.
    fn own(&mut self) -> &mut Table<P, V, S> {
        let own = self.own.take().unwrap_or_else(|| self.caught_up());
        // No one else has it: `caught_up` has shown that, and it is given to nobody before it is published.
        Arc::make_mut(self.own.insert(own))
    }

    /// The newest copy that no reader has, brought up to date, or a new one. Everything has been published.
    fn caught_up(&mut self) -> Arc<Table<P, V, S>> {
        self.retired.retain(|copy| copy.lacks <= self.log.len());
        let free = |(n, copy): (usize, &mut Retired<P, V, S>)| Arc::get_mut(&mut copy.table).map(|_| (copy.lacks, n));
        let Some((lacks, n)) = self.retired.iter_mut().enumerate().filter_map(free).min() else {
            return Arc::new(Table::clone(&self.published.load()));
        };
        let mut own = self.retired.swap_remove(n).table;
        if let Some(table) = Arc::get_mut(&mut own) {
            for change in self.log.range(self.log.len() - lacks..) {
                match change {
                    Change::Insert(prefix, value) => drop(table.insert(*prefix, value.clone())),
                    Change::Remove(prefix) => drop(table.remove(*prefix)),
                }
            }
        }
        // What every copy has is done to none again.
        let lacked = self.retired.iter().map(|copy| copy.lacks).max().unwrap_or(0);
        self.log.drain(..self.log.len() - lacked);
        own
    }

    /// Keeps what was done for the copies that lack it, as long as doing it again costs less than another copy.
    fn note(&mut self, change: Change<P, V>) {
        let most = self.own.as_ref().map_or(0, |own| own.len() / COPIED_PER_CHANGE).max(LEAST_LOG);
        while self.log.len() >= most {
            self.log.pop_front();
        }
        self.log.push_back(change);
        self.unpublished += 1;
    }
}

/// Reads a table that a [`Writer`] changes.
pub struct Reader<P, V, S = Slab<V>> {
    published: Arc<ArcSwap<Table<P, V, S>>>,
}

impl<P: Key, V, S: Store<Value = V>> Reader<P, V, S> {
    /// The table as it was published last. It never waits, and what it gives does not change.
    ///
    /// All of the changes of one [`publish`](Writer::publish) are in it or none, and who has seen one never sees an older table later.
    /// Keep it for a packet or a batch, not for long: the writer copies the whole table when it finds none
    /// of its other copies free, and as many stay in memory as readers have kept at once, and two.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot<P, V, S> {
        Snapshot(self.published.load())
    }
}

impl<P, V, S> Clone for Reader<P, V, S> {
    fn clone(&self) -> Self {
        Self { published: Arc::clone(&self.published) }
    }
}

/// A table as it was at one time, from [`Reader::snapshot`].
pub struct Snapshot<P, V, S = Slab<V>>(Guard<Arc<Table<P, V, S>>>);

impl<P, V, S> Deref for Snapshot<P, V, S> {
    type Target = Table<P, V, S>;

    fn deref(&self) -> &Table<P, V, S> {
        &self.0
    }
}

impl<P, V, S> fmt::Debug for Writer<P, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("unpublished", &self.unpublished).finish_non_exhaustive()
    }
}

impl<P, V, S> fmt::Debug for Reader<P, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

impl<P, V, S> fmt::Debug for Snapshot<P, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::Ipv4Prefix;
    use crate::lpm::Numbers;

    #[test]
    fn readers_see_all_that_was_published_or_nothing() {
        let prefix = |n: u32| Ipv4Prefix::from_bits(n << 8, 24);
        let mut writer: Writer<Ipv4Prefix, u32, Numbers> = Writer::new(Table::new());
        (0..100).for_each(|n| assert_eq!(writer.insert(prefix(n), 0), None));
        writer.publish();
        let readers = [(); 2].map(|()| {
            let reader = writer.reader();
            std::thread::spawn(move || {
                let mut seen = 0;
                while seen < 300 {
                    let table = reader.snapshot();
                    let first = *table.get(prefix(0)).unwrap();
                    assert!(first >= seen, "time went back");
                    assert!(table.iter().all(|(_, round)| *round == first) && table.len() == 100, "half a change");
                    seen = first;
                }
            })
        });
        for round in 1..=300 {
            for n in 0..100 {
                assert_eq!(writer.remove(prefix(n)), Some(round - 1));
                assert_eq!(writer.insert(prefix(n), round), None);
            }
            writer.publish();
        }
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    }

    #[test]
    fn a_snapshot_stays_as_it_was_and_holds_no_writer_up() {
        let prefix = |n: u32| Ipv4Prefix::from_bits(n << 8, 24);
        let mut writer: Writer<Ipv4Prefix, String> = Writer::new(Table::new());
        let reader = writer.reader();
        let kept: Vec<_> = (0..10)
            .map(|n| {
                writer.insert(prefix(n), n.to_string());
                assert_eq!(reader.clone().snapshot().len(), n as usize, "not published yet");
                writer.publish();
                writer.publish();
                reader.snapshot()
            })
            .collect();
        for (length, table) in (1..).zip(&kept) {
            assert_eq!(table.len(), length);
            assert_eq!(table.get(prefix(length as u32 - 1)), Some(&(length - 1).to_string()));
        }
    }

    /// A value that counts how often it was copied.
    #[derive(Debug)]
    struct Counted(Arc<AtomicUsize>);

    impl Clone for Counted {
        fn clone(&self) -> Self {
            self.0.fetch_add(1, Ordering::Relaxed);
            Self(self.0.clone())
        }
    }

    #[test]
    fn a_snapshot_that_is_kept_costs_the_writer_one_more_copy_and_no_more() {
        let prefix = |n: u32| Ipv4Prefix::from_bits(n << 8, 24);
        let copied = Arc::new(AtomicUsize::new(0));
        let table: Table<Ipv4Prefix, Counted> = (0..1_000).map(|n| (prefix(n), Counted(copied.clone()))).collect();
        let mut writer = Writer::new(table);
        let reader = writer.reader();
        let kept = reader.snapshot();
        for n in 0..2_000 {
            writer.insert(prefix(1_000 + n), Counted(copied.clone()));
            writer.publish();
            assert_eq!(reader.snapshot().len(), 1_001 + n as usize);
        }
        assert_eq!(kept.len(), 1_000);
        // Two copies of the thousand, and each of the others for the log and for the copy that lacked it.
        let copies = copied.load(Ordering::Relaxed);
        assert!(copies <= 2 * 1_000 + 2 * 2_000, "{copies}");
        assert!(
            writer.retired.len() <= 2 && writer.log.len() <= 2_000 / 2,
            "{} copies, {} changes",
            writer.retired.len(),
            writer.log.len()
        );
    }

    #[test]
    fn what_is_done_before_anything_is_published_is_not_kept_to_be_done_again() {
        let mut writer: Writer<Ipv4Prefix, u32, Numbers> = Writer::new(Table::new());
        let reader = writer.reader();
        for round in 0..3 {
            for n in 0..5_000 {
                writer.insert(Ipv4Prefix::from_bits(n << 8, 24), round);
            }
            assert!(writer.log.len() <= 256, "{} changes", writer.log.len());
            writer.publish();
            assert!(reader.snapshot().iter().all(|(_, value)| *value == round) && reader.snapshot().len() == 5_000);
        }
    }
}
