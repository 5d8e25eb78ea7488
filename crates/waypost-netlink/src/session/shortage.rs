//! What could not be sent because the kernel was short of memory.

use std::time::Duration;

use waypost_core::{Error, ErrorKind, Now};

/// How long after a send that failed the next is due. The kernel says nothing when it has memory again: a netlink socket can always be
/// written to, as poll(2) has it (`datagram_poll` in net/core/datagram.c, Linux 6.18).
const RETRY: Duration = Duration::from_millis(50);

/// How long the kernel may be short of memory before what waits is given up.
const PATIENCE: Duration = Duration::from_secs(5);

/// Since when the kernel has had no memory for what is to be sent, if it has none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shortage {
    is_met: bool,
    /// When it was first noticed by a clock: whoever sends has none.
    since: Option<Now>,
    retry: Option<Now>,
}

impl Shortage {
    /// A send failed.
    pub(super) const fn meet(&mut self) {
        self.is_met = true;
        self.retry = None;
    }

    /// A send worked, or nothing waits to be sent.
    pub(super) const fn end(&mut self) {
        *self = Self { is_met: false, since: None, retry: None };
    }

    /// Says whether it has lasted too long by now.
    pub(super) fn is_too_long(&mut self, now: Now) -> bool {
        if !self.is_met {
            return false;
        }
        self.retry.get_or_insert(now + RETRY);
        let since = *self.since.get_or_insert(now);
        now.running >= (since + PATIENCE).running
    }

    /// When to send again; `now` is the last moment that was heard of.
    pub(super) fn deadline(&self, now: Now) -> Option<Now> {
        self.is_met.then(|| self.retry.unwrap_or(now))
    }
}

/// The error of what was given up.
pub(super) fn error(operation: &'static str) -> Error {
    Error::new(ErrorKind::Busy, operation).because("the kernel had no memory to be asked")
}

/// The earlier of two deadlines.
pub(super) fn earlier(one: Option<Now>, other: Option<Now>) -> Option<Now> {
    [one, other].into_iter().flatten().min_by_key(|deadline| deadline.running)
}
