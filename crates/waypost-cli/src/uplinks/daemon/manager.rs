//! Who started the daemon, and is told how it is.

use std::time::{Duration, Instant};

use waypost::ServiceManager;

use super::now;

/// Who started it, if he wants to be told: sd_notify(3).
pub(super) struct Manager {
    found: Option<ServiceManager>,
    /// How often he wants to hear, and when he is told next.
    watchdog: Option<(Duration, Instant)>,
}

impl Manager {
    pub(super) fn new() -> Self {
        let every = std::env::var("WATCHDOG_USEC").ok().and_then(|micros| micros.parse().ok()).map(Duration::from_micros);
        let watchdog = every.filter(|every| !every.is_zero()).map(|every| (every / 2, now()));
        Self { found: ServiceManager::find(), watchdog }
    }

    pub(super) fn say(&self, text: &str) {
        if let Some(manager) = &self.found {
            let _ = manager.say(text);
        }
    }

    pub(super) fn due(&self) -> Option<Duration> {
        self.watchdog.map(|(_, due)| due.saturating_duration_since(now()))
    }

    pub(super) fn keep_alive(&mut self) {
        let time = now();
        if let Some((every, due)) = self.watchdog.filter(|(_, due)| *due <= time) {
            self.watchdog = Some((every, due.max(time) + every));
            self.say("WATCHDOG=1");
        }
    }
}
