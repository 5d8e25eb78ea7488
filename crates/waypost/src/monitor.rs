//! That the network is another than before, and what that means.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use mio::event::Source;
use mio::{Interest, Registry, Token};
use waypost_core::{Error, ErrorKind, Kernel, Now, Request, Rule};
use waypost_engine::{MonitorOptions, MonitorStats, Report, RuleKeeper, Snapshot};

use crate::Watcher;
use crate::sys::{self, Native, Options};

/// How many events are taken in before is looked whether a report is due: in a storm that never pauses it would never be.
const EVENTS_MAX: usize = 4096;

/// How often everything is read again where the system does not tell of changes.
const POLL_EVERY: Duration = Duration::from_secs(10);

/// Tells that the network is another than before, and what that means: the default route moved and why, addresses to connect from came
/// or went, a link is down, the machine slept.
///
/// A change is told at once; what follows soon after is held together as [`Debounce`](crate::Debounce) says. What means nothing is not told, such
/// as another route to the same gateway, or ten thousand changes a second elsewhere in a full table.
///
/// ```no_run
/// use waypost::{Monitor, MonitorOptions, ReportReason};
///
/// let mut monitor = Monitor::open(MonitorOptions::new().ignore_interfaces(["tun*"]))?;
/// while let Some(report) = monitor.next(None)? {
///     println!("{report}");
///     if report.reasons.iter().any(|reason| matches!(reason, ReportReason::DefaultRoute { .. })) {
///         // Connect again.
///     }
/// }
/// # Ok::<(), waypost::Error>(())
/// ```
///
/// # Where changes are not told
///
/// Some sandboxes refuse to tell of changes. There everything is read again every 10 s, and the reports are the same ones, later;
/// [`is_polling`](Self::is_polling) says so. What comes and goes between two readings is not seen.
///
/// # Loops of one's own
///
/// As with a [`Watcher`]: when the descriptor is readable or [`deadline`](Self::deadline) has come, call [`try_next`](Self::try_next) until it
/// gives `None`. The machine that decides what is told is [`waypost_engine::Monitor`](crate::engine::Monitor), for programs that feed it themselves.
#[derive(Debug)]
pub struct Monitor<K = Native> {
    watcher: Watcher<K>,
    machine: waypost_engine::Monitor,
    keeper: RuleKeeper,
    polling: Option<Polling>,
}

/// Reading again where changes are not told.
#[derive(Clone, Copy, Debug)]
struct Polling {
    every: Duration,
    /// When it is next done, by the clock that stands still while the machine sleeps.
    next: Duration,
}

impl Monitor {
    /// Opens the current network namespace, and waits until it has been read. Neighbours are followed too, to know the gateway.
    ///
    /// # Errors
    ///
    /// `NotPermitted` where the system refuses the socket altogether.
    pub fn open(options: MonitorOptions) -> Result<Self, Error> {
        Self::open_with(Options::new().neighbours(true), options)
    }

    /// Opens the network namespace that `options` name, with their receive buffer and subscriptions.
    ///
    /// Where the system refuses to tell of changes, everything is read again every 10 s instead.
    ///
    /// # Errors
    ///
    /// `NoSuchDevice` where there is no such namespace, `NotPermitted` where it may not be entered or the system refuses the socket.
    pub fn open_with(options: Options, monitor: MonitorOptions) -> Result<Self, Error> {
        let (mut watcher, is_polling) = match Watcher::open_with(&options) {
            Ok(watcher) => (watcher, false),
            Err(error) if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::NotPermitted) => {
                (Watcher::open_with(&options.events(false))?, true)
            }
            Err(error) => return Err(error),
        };
        watcher.synchronise(None)?;
        let mut new = Self::with_watcher(watcher, monitor);
        if is_polling {
            new.poll_every(POLL_EVERY);
        }
        Ok(new)
    }

    /// What the network is like now: read once, and not followed.
    ///
    /// # Errors
    ///
    /// As [`open_with`](Self::open_with).
    pub fn snapshot_once(options: Options, monitor: &MonitorOptions) -> Result<Snapshot, Error> {
        let mut watcher = Watcher::open_with(&options.events(false))?;
        watcher.synchronise(None)?;
        Ok(Snapshot::of(watcher.mirror(), monitor))
    }

    /// The next report, waited for until `timeout` has passed (`None` waits as long as it takes).
    ///
    /// # Errors
    ///
    /// `Closed` where the socket is of no more use, `NotPermitted` where a rule that is [kept](Self::keep_rules) may not be put back.
    pub fn next(&mut self, timeout: Option<Duration>) -> Result<Option<Report>, Error> {
        let end = timeout.and_then(|timeout| sys::now().running.checked_add(timeout));
        loop {
            let (report, more) = self.turn()?;
            let now = sys::now().running;
            if report.is_some() || end.is_some_and(|end| now >= end) {
                return Ok(report);
            }
            if more {
                continue;
            }
            let wake = end.into_iter().chain(self.own_deadline()).min();
            self.watcher.wait(wake.map(|wake| wake.saturating_sub(now)))?;
        }
    }
}

impl<K: Kernel> Monitor<K> {
    /// A monitor of what a watcher has from now on. The watcher should have its first picture, else that is told.
    #[must_use]
    pub fn with_watcher(watcher: Watcher<K>, options: MonitorOptions) -> Self {
        let machine = waypost_engine::Monitor::new(options, sys::now(), watcher.mirror());
        Self { watcher, machine, keeper: RuleKeeper::default(), polling: None }
    }

    /// Keeps these rules: one that somebody deletes is put back, after a second at first, and later each time while that goes on, so that
    /// two daemons do not fight at speed. Rules that are not there are not added.
    ///
    /// It takes the right to change rules: where the kernel refuses that, the next call that gives reports fails with `NotPermitted`, and the
    /// rule is tried again later all the same.
    pub fn keep_rules(&mut self, rules: impl IntoIterator<Item = Rule>) {
        self.keeper = RuleKeeper::new(rules);
    }

    /// Has everything read again this often, for systems that do not tell of changes.
    pub fn poll_every(&mut self, interval: Duration) {
        self.polling = Some(Polling { every: interval, next: sys::now().running.saturating_add(interval) });
    }

    /// Says whether everything is read again from time to time, as the system does not tell of changes.
    #[must_use]
    pub const fn is_polling(&self) -> bool {
        self.polling.is_some()
    }

    /// The next report, if one is due; never blocks.
    ///
    /// # Errors
    ///
    /// `Closed` where the socket is of no more use, `NotPermitted` where a rule that is [kept](Self::keep_rules) may not be put back.
    pub fn try_next(&mut self) -> Result<Option<Report>, Error> {
        loop {
            match self.turn()? {
                (None, true) => {}
                (report, _) => return Ok(report),
            }
        }
    }

    /// Takes in some events and looks whether a report is due; says whether there may be more events.
    fn turn(&mut self) -> Result<(Option<Report>, bool), Error> {
        // Any other refusal is for a moment, such as that somebody else was first.
        if let Some(error) = self.watcher.take_refusal().filter(|error| error.kind() == ErrorKind::NotPermitted) {
            return Err(error);
        }
        let now = sys::now();
        if let Some(polling) = self.polling.as_mut().filter(|polling| polling.next <= now.running) {
            polling.next = now.running.saturating_add(polling.every);
            self.watcher.resync();
        }
        let mut left = EVENTS_MAX;
        while let Some(event) = self.watcher.try_next()? {
            self.machine.note(now, &event);
            self.keeper.note(now, &event);
            left -= 1;
            if left == 0 {
                break;
            }
        }
        let now = sys::now();
        self.repair(now)?;
        Ok((self.machine.poll(now, self.watcher.mirror()), left == 0))
    }

    /// Puts back the rules whose time has come.
    fn repair(&mut self, now: Now) -> Result<(), Error> {
        for rule in self.keeper.due(now, self.watcher.mirror()) {
            self.watcher.ask(Request::AddRule(&rule))?;
        }
        Ok(())
    }

    /// How long a loop may sleep at most before it calls [`try_next`](Self::try_next) without having been woken.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let own = self.own_deadline().map(|deadline| deadline.saturating_sub(sys::now().running));
        own.into_iter().chain(self.watcher.deadline()).min()
    }

    /// When something is to be done though nothing is said, by the clock that stands still while the machine sleeps.
    fn own_deadline(&self) -> Option<Duration> {
        let machines = [self.machine.deadline(), self.keeper.deadline()].into_iter().flatten().map(|now| now.running);
        machines.chain(self.polling.map(|polling| polling.next)).min()
    }

    /// Has a report made although nothing is different, with these words as its reason.
    pub fn inject(&mut self, words: &str) {
        self.machine.inject(sys::now(), words);
    }

    /// Compares at once, whatever is being waited for; a report only if something is different. Where the system does not tell of changes, all is
    /// read again for it.
    ///
    /// # Errors
    ///
    /// `Closed` where the socket is of no more use, `NotPermitted` where a rule that is [kept](Self::keep_rules) may not be put back.
    pub fn poll_now(&mut self) -> Result<Option<Report>, Error> {
        if let Some(polling) = &mut self.polling {
            polling.next = Duration::ZERO;
        }
        if let Some(due) = self.try_next()? {
            return Ok(Some(due));
        }
        Ok(self.machine.poll_now(sys::now(), self.watcher.mirror()))
    }

    /// What the network was like when it was last told, or when the monitor was opened.
    #[must_use]
    pub const fn snapshot(&self) -> &Arc<Snapshot> {
        self.machine.snapshot()
    }

    /// What has been counted so far.
    #[must_use]
    pub const fn stats(&self) -> &MonitorStats {
        self.machine.stats()
    }

    /// The watcher beneath: all that is known of the kernel.
    #[must_use]
    pub const fn watcher(&self) -> &Watcher<K> {
        &self.watcher
    }

    /// The watcher back; what had not been told is forgotten.
    #[must_use]
    pub fn into_watcher(self) -> Watcher<K> {
        self.watcher
    }
}

impl AsFd for Monitor {
    /// The socket that changes come by. Wait until it is readable; leave reading to the monitor.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.watcher.as_fd()
    }
}

impl Source for Monitor {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> std::io::Result<()> {
        self.watcher.register(registry, token, interests)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> std::io::Result<()> {
        self.watcher.reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> std::io::Result<()> {
        self.watcher.deregister(registry)
    }
}

#[cfg(test)]
mod tests {
    use waypost_engine::FollowOptions;
    use waypost_sim::{Fault, Profile, Sim};

    use super::*;

    #[test]
    fn an_interval_may_outgrow_the_clock() {
        let watcher = Watcher::with_kernel(Sim::new(Profile::linux()).kernel(), FollowOptions::default());
        let mut monitor = Monitor::with_watcher(watcher, MonitorOptions::new());
        monitor.poll_every(Duration::MAX);
        monitor.try_next().unwrap();
        assert!(monitor.is_polling());
    }

    #[test]
    fn that_a_rule_may_not_be_put_back_is_told() {
        let mut kernel = Sim::new(Profile::linux()).kernel();
        kernel.suffer(Fault::RefuseRequests { count: 1, kind: ErrorKind::NotPermitted });
        let mut watcher = Watcher::with_kernel(kernel, FollowOptions::default());
        watcher.ask(Request::AddRule(&"5210: from all lookup 52".parse().unwrap())).unwrap();
        let mut monitor = Monitor::with_watcher(watcher, MonitorOptions::new());
        let told = (0..100).find_map(|_| monitor.try_next().err());
        assert_eq!(told.map(|error| error.kind()), Some(ErrorKind::NotPermitted));
        assert!(monitor.try_next().is_ok(), "it is told once, and the monitor goes on");
    }
}
