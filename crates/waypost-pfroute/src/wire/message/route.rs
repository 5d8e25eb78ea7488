//! Messages about routes.

use super::{Metric, RouteOp};
use crate::wire::dialect::{Dialect, MetricField, RouteLayout};
use crate::wire::flags::RouteFlags;
use crate::wire::sockaddr::Sockaddrs;

/// A message about a route: `struct rt_msghdr`.
#[derive(Clone, Copy, Debug)]
pub struct RouteMessage<'a> {
    op: RouteOp,
    layout: &'static RouteLayout,
    addrs: Sockaddrs<'a>,
    /// Everybody who reads the message asks for them, several times.
    flags: RouteFlags,
}

impl<'a> RouteMessage<'a> {
    #[inline]
    pub(super) fn new(op: RouteOp, layout: &'static RouteLayout, addrs: Sockaddrs<'a>) -> Self {
        let flags = addrs.dialect().flags(addrs.view().u32(layout.flags));
        Self { op, layout, addrs, flags }
    }

    /// What it is about.
    #[must_use]
    pub const fn op(&self) -> RouteOp {
        self.op
    }

    /// The interface's index; zero where none is named.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.addrs.view().u32(self.layout.index)
    }

    /// The table; `None` where messages do not name it.
    #[must_use]
    pub fn table(&self) -> Option<u32> {
        (self.layout.table.width() != 0).then(|| self.addrs.view().u32(self.layout.table))
    }

    /// The rank among routes to the same destination; zero where the system has none.
    #[must_use]
    pub fn priority(&self) -> u8 {
        self.addrs.view().u8(self.layout.priority)
    }

    /// How many lookups have used the route; zero where the kernel does not say.
    #[must_use]
    pub fn uses(&self) -> u32 {
        self.addrs.view().u32(self.layout.uses)
    }

    /// The flag word of the route that this one was cloned from; zero where the message does not say.
    #[must_use]
    pub fn raw_parent_flags(&self) -> u32 {
        self.addrs.view().u32(self.layout.parent_flags)
    }

    /// The flags that the dialect has names for.
    #[must_use]
    pub const fn flags(&self) -> RouteFlags {
        self.flags
    }

    /// The flag word as the kernel wrote it.
    #[must_use]
    pub fn raw_flags(&self) -> u32 {
        self.addrs.view().u32(self.layout.flags)
    }

    /// Which sockaddrs the message announces, as a bit mask.
    #[must_use]
    pub fn raw_addrs(&self) -> u32 {
        self.addrs.view().u32(self.layout.addrs.addrs)
    }

    /// The process that asked; zero for the kernel itself, and for every answer of some kernels.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.addrs.view().u32(self.layout.pid)
    }

    /// The asker's number for the request; zero for the kernel itself.
    #[must_use]
    pub fn seq(&self) -> u32 {
        self.addrs.view().u32(self.layout.seq)
    }

    /// Why the request failed, in the numbers of the dialect's system; zero where it did not.
    #[must_use]
    pub fn errno(&self) -> u32 {
        self.addrs.view().u32(self.layout.errno)
    }

    /// Which flags a change is about.
    #[must_use]
    pub fn raw_flag_mask(&self) -> u32 {
        self.addrs.view().u32(self.layout.flag_mask)
    }

    /// Which metrics the request sets, as RTV_ bits.
    #[must_use]
    pub fn inits(&self) -> u64 {
        self.addrs.view().get(self.layout.inits)
    }

    /// Which metrics are locked, as RTV_ bits.
    #[must_use]
    pub fn locks(&self) -> u64 {
        self.addrs.view().get(self.layout.locks)
    }

    /// Says whether the kernel must not change the metric.
    #[must_use]
    pub fn is_locked(&self, metric: Metric) -> bool {
        let known = self.layout.metrics.iter().find(|known| known.metric == metric);
        known.is_some_and(|known| self.locks() & u64::from(known.bit) != 0)
    }

    /// The metric; `None` where the dialect has none of that name.
    #[must_use]
    pub fn metric(&self, metric: Metric) -> Option<u64> {
        let known = self.layout.metrics.iter().find(|known| known.metric == metric)?;
        Some(self.read(known))
    }

    /// One of the dialect's metrics.
    fn read(&self, metric: &MetricField) -> u64 {
        self.addrs.view().get(metric.field)
    }

    /// The sockaddrs.
    #[must_use]
    pub const fn addrs(&self) -> &Sockaddrs<'a> {
        &self.addrs
    }

    /// The whole message.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.addrs.view().bytes
    }

    /// The dialect that it was read by.
    #[must_use]
    pub const fn dialect(&self) -> &'static Dialect {
        self.addrs.dialect()
    }

    /// The metrics that its header has and the kernel keeps, with their values.
    #[inline]
    pub(crate) fn kept_metrics(&self) -> impl Iterator<Item = (&'static MetricField, u64)> + '_ {
        self.layout.metrics.iter().take_while(|known| known.kept).map(|known| (known, self.read(known)))
    }

    /// The metrics that its header has, with their values.
    pub fn metrics(&self) -> impl Iterator<Item = (&'static MetricField, u64)> + '_ {
        self.layout.metrics.iter().map(|known| (known, self.read(known)))
    }
}
