//! Counters.

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
}
