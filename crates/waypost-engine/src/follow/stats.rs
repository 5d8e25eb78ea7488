//! Counters.

use waypost_core::Now;

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
    /// How often everything was read again.
    pub resyncs: u64,
    /// Dumps that have ended.
    pub dumps: u64,
    /// Those of them that did not tell the whole truth: they were interrupted, failed, or something changed meanwhile.
    pub torn: u64,
    /// Dumps that the kernel will not do.
    pub refused: u64,
    /// How often a part was read again because it may have changed without a word.
    pub doubts: u64,
    /// Routes of each family, IPv4 first, that the last full dump did not list and that may have gone: they are kept until that is certain.
    pub suspects: [usize; 2],
    /// How often a verification was asked for.
    pub verifications: u64,
    /// Changes that verifications have found and the kernel had not announced.
    pub drift: u64,
    /// When all was last known to have been read whole; `None` before the first snapshot.
    pub read_at: Option<Now>,
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
    /// Links, addresses, rules, neighbours, next-hop objects and settings that had come, gone or become others.
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
