//! What has been counted, told now and then.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use waypost::{Reason, Watcher};

use crate::args::Counted;
use crate::failure::Failure;

/// When the counters are told, and where to.
pub(super) struct Counters {
    told: bool,
    file: Option<PathBuf>,
    every: Duration,
    next: Instant,
}

impl Counters {
    pub(super) fn new(counted: &Counted) -> Self {
        let every = Duration::from_secs(counted.every.into());
        Self { told: counted.stats, file: counted.metrics.clone(), every, next: now() }
    }

    /// For how long to wait until the next time, if there is one.
    pub(super) fn wait(&self) -> Option<Duration> {
        (self.told || self.file.is_some()).then(|| self.next.saturating_duration_since(now()))
    }

    /// Writes the file if it is time; says whether they are to be printed too.
    pub(super) fn tell(&mut self, watcher: &Watcher) -> Result<bool, Failure> {
        let now = now();
        if self.wait().is_none() || now < self.next {
            return Ok(false);
        }
        self.next = now + self.every;
        if let Some(file) = &self.file {
            // Whoever reads it finds the old text or the new, never half of one.
            let mut beside = file.clone().into_os_string();
            beside.push(".new");
            fs::write(&beside, watcher.metrics())?;
            fs::rename(&beside, file)?;
        }
        Ok(self.told)
    }
}

/// The command is a driver too: nobody passes it the time.
#[expect(clippy::disallowed_methods, reason = "the command drives the watcher")]
fn now() -> Instant {
    Instant::now()
}

/// The counters as one object.
pub(super) fn json(watcher: &Watcher) -> serde_json::Value {
    let stats = watcher.stats();
    let reasons = Reason::ALL.iter().map(|reason| (reason.word().to_owned(), stats.resyncs_after(*reason).into()));
    serde_json::json!({
        "routes": watcher.mirror().tables().len(), "notices": stats.notices, "undecodable": stats.undecodable,
        "foreign": stats.foreign, "overruns": stats.overruns, "resyncs": serde_json::Map::from_iter(reasons),
        "dumps": stats.dumps, "torn": stats.torn, "doubts": stats.doubts, "suspects": stats.suspects.iter().sum::<usize>(),
        "suspect_longest": stats.suspect_longest.as_secs_f64(), "verifications": stats.verifications, "drift": stats.drift,
        "queue_max": stats.queue_max, "since_proof": watcher.since_proof().map(|time| time.as_secs_f64()),
    })
}

/// The counters as one line.
pub(super) fn text(watcher: &Watcher) -> String {
    let stats = watcher.stats();
    let proof = watcher.since_proof().map_or_else(|| "never".to_owned(), |time| format!("{:.1} s ago", time.as_secs_f64()));
    format!(
        "Stats routes {} notices {} undecodable {} foreign {} overruns {} resyncs {} dumps {} torn {} doubts {} suspects {} \
         verifications {} drift {} queue {} proved {proof}",
        watcher.mirror().tables().len(),
        stats.notices,
        stats.undecodable,
        stats.foreign,
        stats.overruns,
        stats.resyncs,
        stats.dumps,
        stats.torn,
        stats.doubts,
        stats.suspects.iter().sum::<usize>(),
        stats.verifications,
        stats.drift,
        stats.queue_max,
    )
}
