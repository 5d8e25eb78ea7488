//! Which probes are made now, and which wait.

use std::collections::VecDeque;

/// How many probes are made at once: each has a thread.
const PROBES_MAX: usize = 64;

/// The probes that are under way, and those that wait until one of them has ended.
#[derive(Debug)]
pub(super) struct Queue<K> {
    under_way: usize,
    waiting: VecDeque<(K, u32)>,
}

impl<K: PartialEq> Queue<K> {
    pub(super) const fn new() -> Self {
        Self { under_way: 0, waiting: VecDeque::new() }
    }

    /// Takes up a probe of an uplink, in the place of an older one of it that has not begun.
    pub(super) fn put(&mut self, uplink: K, number: u32) {
        match self.waiting.iter_mut().find(|(other, _)| *other == uplink) {
            Some((_, older)) => *older = number,
            None => self.waiting.push_back((uplink, number)),
        }
    }

    /// The probe to be made now, if another may be: it is under way from here on.
    pub(super) fn begin(&mut self) -> Option<(K, u32)> {
        if self.under_way >= PROBES_MAX {
            return None;
        }
        let first = self.waiting.pop_front()?;
        self.under_way += 1;
        Some(first)
    }

    /// One has ended.
    pub(super) const fn end(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_made_at_once_is_made_when_another_has_ended() {
        let mut queue = Queue::new();
        let all: Vec<_> = (0..100).map(|uplink| (uplink, uplink + 7)).collect();
        all.iter().for_each(|(uplink, number)| queue.put(*uplink, *number));
        let mut made: Vec<_> = std::iter::from_fn(|| queue.begin()).collect();
        assert_eq!(made.len(), PROBES_MAX, "each has a thread");
        for _ in 0..PROBES_MAX {
            queue.end();
            made.extend(queue.begin());
        }
        assert_eq!(made, all, "each has been made, in the order in which they were asked for");
    }

    #[test]
    fn of_an_uplink_the_last_probe_waits_alone() {
        let mut queue = Queue::new();
        for (uplink, number) in [(1, 1), (2, 1), (1, 2)] {
            queue.put(uplink, number);
        }
        let made: Vec<_> = std::iter::from_fn(|| queue.begin()).collect();
        assert_eq!(made, [(1, 2), (2, 1)], "nobody waits for what was asked before");
    }
}
