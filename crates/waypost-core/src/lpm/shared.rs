//! One writer beside many readers.
//!
//! There are two copies of the table. Readers have the one that was published last; the writer changes the other one and notes what
//! it did. [`Writer::publish`] exchanges them in one step, and what was noted is done again to the copy that came back.
//! If a reader still looks at that copy, the writer does not wait: it leaves it to the reader and makes a new one.

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
    /// The other copy.
    own: Arc<Table<P, V, S>>,
    /// What was done to one copy and not yet to the other.
    log: Vec<Change<P, V>>,
    /// Whether the log is still to be done to `own`; else it is what `own` has before the published copy.
    is_behind: bool,
}

enum Change<P, V> {
    Insert(P, V),
    Remove(P),
}

impl<P: Key, V: Clone, S: Store<Value = V> + Clone> Writer<P, V, S> {
    /// Publishes `table` and keeps a copy of it to be changed.
    #[must_use]
    pub fn new(table: Table<P, V, S>) -> Self {
        let own = Arc::new(table.clone());
        Self { published: Arc::new(ArcSwap::from_pointee(table)), own, log: Vec::new(), is_behind: false }
    }

    /// A handle for readers, to be cloned and sent to their threads.
    #[must_use]
    pub fn reader(&self) -> Reader<P, V, S> {
        Reader { published: Arc::clone(&self.published) }
    }

    /// Sets the value of `prefix`, and gives back the one that was there. Readers see it once it is published.
    pub fn insert(&mut self, prefix: P, value: V) -> Option<V> {
        let old = self.own().insert(prefix, value.clone());
        self.log.push(Change::Insert(prefix, value));
        old
    }

    /// Takes `prefix` out, and gives back its value. Readers see it once it is published.
    pub fn remove(&mut self, prefix: P) -> Option<V> {
        let old = self.own().remove(prefix);
        self.log.push(Change::Remove(prefix));
        old
    }

    /// Lets readers see all changes so far, at once.
    pub fn publish(&mut self) {
        if self.log.is_empty() || self.is_behind {
            return;
        }
        self.own = self.published.swap(Arc::clone(&self.own));
        self.is_behind = true;
    }

    /// The copy that is the writer's alone, with all changes in it.
    fn own(&mut self) -> &mut Table<P, V, S> {
        if self.is_behind {
            self.is_behind = false;
            let log = self.log.drain(..);
            if let Some(own) = Arc::get_mut(&mut self.own) {
                for change in log {
                    match change {
                        Change::Insert(prefix, value) => drop(own.insert(prefix, value)),
                        Change::Remove(prefix) => drop(own.remove(prefix)),
                    }
                }
            } else {
                // A reader has kept a snapshot of it.
                drop(log);
                self.own = Arc::new(Table::clone(&self.published.load()));
            }
        }
        // No one else has it: `get_mut` above has shown that, and afterwards it is given to nobody before it is published.
        Arc::make_mut(&mut self.own)
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
    /// Keep it for a packet or a batch, not for long: the writer copies the whole table when it finds its other copy still in use.
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
        f.debug_struct("Writer").field("unpublished", &self.log.len()).finish_non_exhaustive()
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
