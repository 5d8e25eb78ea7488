//! Counters.

use std::time::Duration;

use waypost_core::{Family, Now};

use crate::mirror::Reason;

/// What a [`Follower`](super::Follower) has been through.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Notices taken from the kernel.
    pub notices: u64,
    /// Messages that could not be understood.
    pub undecodable: u64,
    /// Datagrams of other programs than the kernel, which were thrown away.
    pub foreign: u64,
    /// How often the kernel's messages came faster than they were read.
    pub overruns: u64,
    /// How often everything was read again because something may have changed that was not known.
    pub resyncs: u64,
    /// Those of them for each reason, in the order of [`Reason::ALL`].
    pub resyncs_by_reason: [u64; Reason::ALL.len()],
    /// Dumps that have ended.
    pub dumps: u64,
    /// Those of them that did not tell the whole truth: they were interrupted, failed, or something changed meanwhile.
    pub torn: u64,
    /// Dumps that the kernel will not do.
    pub refused: u64,
    /// How often a part was read again because it may have changed without a word.
    pub doubts: u64,
    /// Routes of each family, IPv4 first, that the last full dump did not list and that may have gone: they are kept until that is certain.
    /// Those that no dump can list are among them, unless the kernel has told by other means that they are there.
    pub suspects: [usize; 2],
    /// Since when there have been suspects of each family.
    pub suspect_since: [Option<Now>; 2],
    /// For how long there have been suspects at most, as far as it is over.
    pub suspect_longest: Duration,
    /// How often the machine has been found to have slept.
    pub sleeps: u64,
    /// How often a verification was begun, unasked or on demand.
    pub verifications: u64,
    /// Changes that verifications have found and the kernel had not announced.
    pub drift: u64,
    /// When all was last known to have been read whole; `None` before the first snapshot.
    pub read_at: Option<Now>,
    /// How many events have waited at once for whoever is told them, at most.
    pub queue_max: usize,
}

impl Stats {
    /// For how long nothing has proved the mirror: the time since all was last read whole.
    #[must_use]
    pub fn since_proof(&self, now: Now) -> Option<Duration> {
        Some(now.boot.saturating_sub(self.read_at?.boot))
    }

    /// How often everything was read again for this reason.
    #[must_use]
    pub fn resyncs_after(&self, reason: Reason) -> u64 {
        Reason::ALL.iter().zip(self.resyncs_by_reason).filter(|(one, _)| **one == reason).map(|(_, count)| count).sum()
    }

    pub(super) fn resynced_after(&mut self, reason: Reason) {
        self.resyncs += 1;
        for (one, count) in Reason::ALL.iter().zip(&mut self.resyncs_by_reason) {
            *count += u64::from(*one == reason);
        }
    }

    /// A full dump has left so many suspects of a family.
    pub(super) fn suspected(&mut self, now: Now, family: Family, suspects: usize) {
        self.suspects[family as usize] = suspects;
        let since = &mut self.suspect_since[family as usize];
        match (suspects, *since) {
            (0, Some(began)) => {
                self.suspect_longest = self.suspect_longest.max(now.boot.saturating_sub(began.boot));
                *since = None;
            }
            (0, None) | (_, Some(_)) => {}
            (_, None) => *since = Some(now),
        }
    }
}

/// In what the mirror was not what the kernel had: changes that were found by reading, and not announced.
///
/// On a kernel that lets routes go without a word, some of which the mirror had not yet looked for are among them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Drift {
    /// Routes that the kernel had and the mirror had not.
    pub added: u64,
    /// Routes that the mirror had and the kernel had not.
    pub removed: u64,
    /// Routes that were different; one that goes another way counts as one that has gone and one that has come.
    pub replaced: u64,
    /// Links, addresses, rules, next-hop objects and settings that had come, gone or become others. Neighbours live without a word,
    /// and do not count.
    pub others: u64,
}

impl Drift {
    /// Says whether the mirror was what the kernel had.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.total() == 0
    }

    /// How many differences there were.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.added + self.removed + self.replaced + self.others
    }
}
