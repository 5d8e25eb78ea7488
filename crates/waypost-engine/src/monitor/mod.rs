//! The monitor: that the network is another than before, and what that means.
//!
//! ```text
//!  events ──▶ may it mean anything? ─no─▶ forgotten
//!                     │ yes
//!                     ▼
//!        nothing was told lately ──▶ compared at once ──▶ report, if it means anything
//!                     │ something was
//!                     ▼
//!        compared when it was quiet, or when that takes too long
//! ```
//!
//! Events are hints: what is told is the difference between two pictures of the mirror, so what comes and goes in between is no
//! news, and nothing is told twice.

mod defaults;
mod glob;
mod options;
mod repair;
mod report;
mod snapshot;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use waypost_core::{InterfaceSettings, Link, Now, Route};

pub use defaults::{DefaultCause, DefaultRoute};
pub(crate) use defaults::{is_wide, widest};
pub use options::{Debounce, MonitorOptions};
pub use repair::RuleKeeper;
pub use report::{Report, ReportReason};
pub use snapshot::{LinkStanding, Snapshot, UsableAddress};

use crate::{Change, Event, Mirror, Reason};

/// How many reasons that no picture shows wait for a report at most; more of them say nothing more.
const ASIDE_MAX: usize = 64;

/// Tells that the network is another than before, and what that means.
///
/// It reads no clock and asks nothing: whoever drives it hands it the events of a mirror and the time, and asks for a report after
/// each batch and when its [`deadline`](Self::deadline) has come. The first report comes at once; what follows is held together as
/// [`Debounce`] says.
///
/// ```
/// use std::time::Duration;
/// use waypost_core::Now;
/// use waypost_engine::{Mirror, Monitor, MonitorOptions, ReportReason};
///
/// let (mirror, now) = (Mirror::new(), Now::awake(Duration::from_secs(1)));
/// let mut monitor = Monitor::new(MonitorOptions::new(), now, &mirror);
/// assert!(monitor.poll(now, &mirror).is_none(), "nothing is different");
///
/// monitor.inject(now, "the user asked");
/// let report = monitor.poll(now, &mirror).unwrap();
/// assert_eq!(report.reasons, [ReportReason::Injected("the user asked".into())]);
/// ```
#[derive(Clone, Debug)]
pub struct Monitor {
    options: MonitorOptions,
    /// What was told last.
    told: Arc<Snapshot>,
    /// Something has happened that may mean something.
    pending: Option<Pending>,
    /// Until when it is soon after a report.
    busy_until: Option<Now>,
    /// What has happened that no picture shows.
    aside: Vec<ReportReason>,
    /// How long the machine had slept altogether when that was last looked at, and when that was.
    asleep: Duration,
    looked: Now,
    stats: MonitorStats,
}

/// What a [`Monitor`] has been through.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct MonitorStats {
    /// Events that it was handed.
    pub events: u64,
    /// Those of them that might have meant something.
    pub hints: u64,
    /// How often two pictures were compared.
    pub compared: u64,
    /// How often they meant the same.
    pub same: u64,
    /// Reports.
    pub reports: u64,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    first: Now,
    last: Now,
    /// It need not wait for quiet.
    at_once: bool,
}

impl Monitor {
    /// A monitor of what `mirror` has from now on. The mirror should have been filled; else what fills it is told.
    #[must_use]
    pub fn new(options: MonitorOptions, now: Now, mirror: &Mirror) -> Self {
        let told = Arc::new(Snapshot::of(mirror, &options));
        Self {
            options,
            told,
            pending: None,
            busy_until: None,
            aside: Vec::new(),
            asleep: asleep(now),
            looked: now,
            stats: MonitorStats::default(),
        }
    }

    /// What the network was like when it was last told, or when the monitor was made.
    #[must_use]
    pub const fn snapshot(&self) -> &Arc<Snapshot> {
        &self.told
    }

    /// What has been counted so far.
    #[must_use]
    pub const fn stats(&self) -> &MonitorStats {
        &self.stats
    }

    /// Takes note of an event. What means nothing is forgotten at once.
    #[inline]
    pub fn note(&mut self, now: Now, event: &Event) {
        self.stats.events += 1;
        if let Event::Route { change, .. } = event {
            // Most there is by far.
            let matters = |route: Option<&Route>| route.is_some_and(|route| defaults::is_wide(route.slot.destination));
            if !matters(change.now()) && !matters(change.before()) {
                return;
            }
        }
        self.weigh(now, event);
    }

    fn weigh(&mut self, now: Now, event: &Event) {
        let matters = match event {
            Event::Route { change, .. } => {
                let counts = |route: &Route| {
                    self.options.counts_table(route.slot.table) && !self.options.own.contains(&route.entry.protocol)
                };
                change.now().is_some_and(counts) || change.before().is_some_and(counts)
            }
            Event::Rule(change) => {
                let own = &self.options.own;
                change.now().or(change.before()).is_some_and(|rule| !own.contains(&rule.protocol))
            }
            Event::Link(change) => {
                let seen = |link: Option<&Link>| link.map(|link| (LinkStanding::of(link), link.name.clone()));
                seen(change.before()) != seen(change.now())
            }
            Event::Address(change) => {
                let seen = |address: Option<&_>| address.and_then(|address| snapshot::usable(address, &self.options));
                seen(change.before()) != seen(change.now())
            }
            Event::Neighbour(change) => self.concerns_gateway(change),
            Event::Settings(change) => {
                let seen = |settings: Option<&InterfaceSettings>| settings.map(|settings| settings.ignore_routes_with_link_down);
                seen(change.before()) != seen(change.now())
            }
            // The first snapshot fills the mirror without a word where the monitor was made before it.
            Event::Synchronised | Event::Resynced { reason: Reason::Asked, .. } => true,
            Event::Resynced { reason, .. } => self.set_aside(ReportReason::Resynced { reason: *reason }),
            Event::Redirect(redirect) => self.set_aside(ReportReason::Redirect(redirect.clone())),
            Event::Losing(route) => self.set_aside(ReportReason::Losing(route.clone())),
            _ => false,
        };
        if matters {
            self.stats.hints += 1;
            self.hint(now);
        }
    }

    fn concerns_gateway(&self, change: &Change<waypost_core::Neighbour>) -> bool {
        let Some(neighbour) = change.now().filter(|neighbour| snapshot::link_address(neighbour).is_some()) else { return false };
        // A gateway may be of the other family than what goes through it.
        let mut hops = self.told.defaults.iter().flatten().flat_map(DefaultRoute::hops);
        hops.any(|hop| (hop.interface, hop.gateway) == (Some(neighbour.interface), Some(neighbour.address)))
    }

    /// Keeps what no picture shows for the next report.
    fn set_aside(&mut self, reason: ReportReason) -> bool {
        if self.aside.len() < ASIDE_MAX && !self.aside.contains(&reason) {
            self.aside.push(reason);
        }
        true
    }

    fn hint(&mut self, now: Now) {
        let at_once = self.busy_until.is_none_or(|until| now.running >= until.running);
        match &mut self.pending {
            Some(pending) => pending.last = now,
            None => self.pending = Some(Pending { first: now, last: now, at_once }),
        }
    }

    /// Has a report made although nothing is different, with the program's own words as its reason.
    pub fn inject(&mut self, now: Now, words: &str) {
        self.set_aside(ReportReason::Injected(words.to_owned()));
        self.hint(now);
    }

    /// The report that is due, if there is one.
    pub fn poll(&mut self, now: Now, mirror: &Mirror) -> Option<Report> {
        self.look_at_clocks(now);
        self.due().filter(|due| due.running <= now.running)?;
        self.poll_now(now, mirror)
    }

    /// Compares at once, whatever is being waited for; a report only if something is different.
    pub fn poll_now(&mut self, now: Now, mirror: &Mirror) -> Option<Report> {
        self.look_at_clocks(now);
        let Debounce { quiet, .. } = self.options.debounce;
        if let Some(Pending { last, .. }) = self.pending.take().filter(|pending| !pending.at_once) {
            // It has become too long, and the burst goes on: what follows belongs to it.
            self.busy_until = self.busy_until.max(Some(last + quiet));
        }
        self.stats.compared += 1;
        let mut after = Snapshot::of(mirror, &self.options);
        // A gateway whose link-layer address is not known for a while is compared with what it had.
        for (gateway, address) in &self.told.gateways {
            let (interface, gateway) = *gateway;
            let is_used = after.defaults.iter().flatten().flat_map(DefaultRoute::hops);
            if is_used.into_iter().any(|hop| (hop.interface, hop.gateway) == (Some(interface), Some(gateway))) {
                after.gateways.entry((interface, gateway)).or_insert_with(|| address.clone());
            }
        }
        let mut reasons = report::differences(&self.told, &after, mirror);
        let tells = |reason: &ReportReason| self.options.resyncs || !matches!(reason, ReportReason::Resynced { .. });
        let worth = !reasons.is_empty() || self.aside.iter().any(tells);
        reasons.append(&mut self.aside);
        let after = Arc::new(after);
        let before = std::mem::replace(&mut self.told, Arc::clone(&after));
        if !worth {
            self.stats.same += 1;
            return None;
        }
        self.stats.reports += 1;
        self.busy_until = Some(now + quiet);
        Some(Report { before, after, reasons })
    }

    /// When [`poll`](Self::poll) wants to be called though nothing has happened.
    #[must_use]
    pub fn deadline(&self) -> Option<Now> {
        let check = self.options.clock_check.map(|interval| self.looked + interval);
        self.due().into_iter().chain(check).min_by_key(|now| now.running)
    }

    fn due(&self) -> Option<Now> {
        let pending = self.pending?;
        if pending.at_once {
            return Some(pending.first);
        }
        let Debounce { quiet, longest } = self.options.debounce;
        Some((pending.last + quiet).min(pending.first + longest))
    }

    /// Notices that the machine slept: one clock went on and the other stood still.
    fn look_at_clocks(&mut self, now: Now) {
        let total = asleep(now);
        let slept = total.saturating_sub(std::mem::replace(&mut self.asleep, total));
        self.looked = now;
        if slept >= self.options.nap {
            self.set_aside(ReportReason::TimeJump { slept });
            self.pending = Some(Pending { first: now, last: now, at_once: true });
        }
    }
}

const fn asleep(now: Now) -> Duration {
    now.boot.saturating_sub(now.running)
}
