//! What is worth telling.

use std::collections::BTreeSet;
use std::time::Duration;

use waypost_core::{Protocol, TableId};

use super::glob::Globs;

/// How reports are held together: the first comes at once, those that follow wait until it is quiet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Debounce {
    /// How long nothing must have happened before what came after a report is told.
    pub quiet: Duration,
    /// How long it is held back at most, however busy it is.
    pub longest: Duration,
}

impl Default for Debounce {
    /// 100 ms, and 1 s at most.
    fn default() -> Self {
        Self { quiet: Duration::from_millis(100), longest: Duration::from_secs(1) }
    }
}

impl Debounce {
    /// What happens after a report is told when there was `quiet`, after `longest` at the latest.
    #[must_use]
    pub const fn new(quiet: Duration, longest: Duration) -> Self {
        Self { quiet, longest }
    }
}

/// What a [`Monitor`](super::Monitor) finds worth telling.
///
/// ```
/// use waypost_core::Protocol;
/// use waypost_engine::{Debounce, MonitorOptions};
///
/// let options = MonitorOptions::new()
///     .debounce(Debounce::default())
///     .ignore_interfaces(["docker*", "veth*"])
///     .ignore_protocol(Protocol(77));
/// # let _ = options;
/// ```
#[derive(Clone, Debug)]
pub struct MonitorOptions {
    pub(super) debounce: Debounce,
    pub(super) tables: Option<BTreeSet<TableId>>,
    pub(super) only: Globs,
    pub(super) ignored: Globs,
    pub(super) own: BTreeSet<Protocol>,
    pub(super) link_local: bool,
    pub(super) resyncs: bool,
    pub(super) nap: Duration,
    pub(super) clock_check: Option<Duration>,
}

impl Default for MonitorOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl MonitorOptions {
    /// All tables that rules name, all interfaces, nobody's routes ignored, link-local addresses left out.
    #[must_use]
    pub fn new() -> Self {
        Self {
            debounce: Debounce::default(),
            tables: None,
            only: Globs::default(),
            ignored: Globs::default(),
            own: BTreeSet::new(),
            link_local: false,
            resyncs: false,
            nap: Duration::from_secs(10),
            clock_check: Some(Duration::from_secs(15)),
        }
    }

    /// How reports are held together.
    #[must_use]
    pub const fn debounce(mut self, debounce: Debounce) -> Self {
        self.debounce = debounce;
        self
    }

    /// Default routes in these tables alone count.
    #[must_use]
    pub fn tables(mut self, tables: impl IntoIterator<Item = TableId>) -> Self {
        self.tables = Some(tables.into_iter().collect());
        self
    }

    /// Interfaces whose name fits one of these patterns alone count (`*` is any text, `?` any character), with their addresses and
    /// the routes out of them.
    #[must_use]
    pub fn only_interfaces<S: Into<String>>(mut self, patterns: impl IntoIterator<Item = S>) -> Self {
        self.only.extend(patterns);
        self
    }

    /// Interfaces whose name fits one of these patterns do not count, nor do their addresses and the routes out of them. A VPN names
    /// its own tunnel so and hears of the default route beneath it.
    #[must_use]
    pub fn ignore_interfaces<S: Into<String>>(mut self, patterns: impl IntoIterator<Item = S>) -> Self {
        self.ignored.extend(patterns);
        self
    }

    /// Routes and rules that carry this tag are the program's own, and no news to it.
    #[must_use]
    pub fn ignore_protocol(mut self, own: Protocol) -> Self {
        self.own.insert(own);
        self
    }

    /// Whether link-local addresses count as usable; they do not unless this says so.
    #[must_use]
    pub const fn link_local(mut self, counts: bool) -> Self {
        self.link_local = counts;
        self
    }

    /// Whether it is told that messages were lost even where nothing is different afterwards; it is not unless this says so.
    #[must_use]
    pub const fn resyncs(mut self, told: bool) -> Self {
        self.resyncs = told;
        self
    }

    /// How long the machine must have slept for that to be told, 10 s unless this says otherwise: it wakes for moments to look after itself.
    #[must_use]
    pub const fn nap(mut self, longest: Duration) -> Self {
        self.nap = longest;
        self
    }

    /// How often the clocks are compared where nothing else happens; `None` compares them only when something does.
    #[must_use]
    pub const fn clock_check(mut self, interval: Option<Duration>) -> Self {
        self.clock_check = interval;
        self
    }

    /// Says whether an interface of this name counts.
    pub(super) fn counts(&self, name: &str) -> bool {
        (self.only.is_empty() || self.only.fit(name)) && !self.ignored.fit(name)
    }

    pub(super) fn counts_table(&self, table: TableId) -> bool {
        self.tables.as_ref().is_none_or(|tables| tables.contains(&table))
    }
}
