//! What has been counted, told now and then.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
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
            replace(file, &watcher.metrics()).map_err(|error| Failure::Io(format!("write {}", file.display()), error))?;
        }
        Ok(self.told)
    }
}

/// Puts a file of this text in the place of another: whoever reads it finds the old text or the new, never half of one.
///
/// What anybody may have put there is not followed, and what is no plain file (a link, a device) is not replaced: this may run as root.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    match fs::symlink_metadata(file) {
        Ok(found) if !found.is_file() => return Err(io::Error::new(ErrorKind::InvalidInput, "it is no plain file")),
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut beside = file.to_owned().into_os_string();
    beside.push(".new");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    File::create_new(&beside)?.write_all(text.as_bytes())?;
    fs::rename(&beside, file)
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_planted_link_is_neither_followed_nor_replaced() {
        let folder = std::env::temp_dir().join(format!("waypost-counters-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let [file, beside, other] = ["metrics", "metrics.new", "other"].map(|name| folder.join(name));
        fs::write(&other, "of somebody else").unwrap();
        symlink(&other, &beside).unwrap();
        replace(&file, "first").unwrap();
        replace(&file, "second").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "second");
        assert_eq!(fs::read_to_string(&other).unwrap(), "of somebody else");
        assert!(fs::symlink_metadata(&beside).is_err(), "nothing is left behind");

        fs::remove_file(&file).unwrap();
        symlink(&other, &file).unwrap();
        assert_eq!(replace(&file, "third").unwrap_err().to_string(), "it is no plain file");
        assert!(fs::symlink_metadata(&file).unwrap().is_symlink());
        fs::remove_dir_all(&folder).unwrap();
    }
}
