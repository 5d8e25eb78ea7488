//! How far a batch is, and how fast it was.

use std::io::{IsTerminal, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::{SignedDuration, Timestamp};

/// How long a batch goes on before a bar is shown.
const PATIENCE: SignedDuration = SignedDuration::from_secs(1);

pub(super) struct Progress {
    began: Timestamp,
    /// The size of the file, where there is one.
    size: Option<u64>,
    /// Somebody looks at standard error and wants to see more than errors there.
    is_watched: bool,
    quiet: bool,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(super) fn new(size: Option<u64>, quiet: bool) -> Self {
        Self::at(size, quiet, std::io::stderr().is_terminal())
    }

    fn at(size: Option<u64>, quiet: bool, is_terminal: bool) -> Self {
        Self { began: Timestamp::now(), size, is_watched: is_terminal && !quiet, quiet, bar: None }
    }

    /// Shows that `given` bytes of the file are under way and `done` changes have been made.
    pub(super) fn show(&mut self, given: u64, done: u64) {
        if !self.is_watched {
            return;
        }
        if self.bar.is_none() && self.elapsed() >= PATIENCE {
            self.bar = Some(bar(self.size));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(given);
            bar.set_message(format!("{done} changes"));
        }
    }

    /// Takes the bar away so that something can be said.
    pub(super) fn aside(&self, say: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(say),
            None => say(),
        }
    }

    /// Says how much was done, and how fast.
    pub(super) fn finish(&self, done: u64, refused: u64) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        if self.quiet {
            return;
        }
        let seconds = self.elapsed().as_secs_f64();
        let _ = writeln!(std::io::stderr(), "waypost: {}", summary(done, refused, seconds));
    }

    fn elapsed(&self) -> SignedDuration {
        Timestamp::now().duration_since(self.began)
    }
}

fn bar(size: Option<u64>) -> ProgressBar {
    let (bar, template) = match size {
        Some(size) => (ProgressBar::new(size), "{bar:40.cyan} {percent:>3} %  {msg}  {eta} left"),
        None => (ProgressBar::new_spinner(), "{spinner} {msg}"),
    };
    bar.set_draw_target(ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

fn summary(done: u64, refused: u64, seconds: f64) -> String {
    let changes = if done == 1 { "change" } else { "changes" };
    let refused = if refused == 0 { String::new() } else { format!(", {refused} refused") };
    let rate = if seconds > 0.0 { format!(", {:.0} a second", done as f64 / seconds) } else { String::new() };
    format!("{done} {changes}{refused} in {seconds:.3} s{rate}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_comes_after_a_second_and_where_somebody_looks() {
        let shown = |quiet, is_terminal, seconds| {
            let mut progress = Progress::at(Some(9), quiet, is_terminal);
            progress.began -= SignedDuration::from_secs(seconds);
            progress.show(1, 1);
            progress.bar.is_some()
        };
        assert!(shown(false, true, 2));
        assert!(!shown(false, true, -3600) && !shown(true, true, 2) && !shown(false, false, 2));
    }

    #[test]
    fn the_summary_has_the_rate() {
        assert_eq!(summary(900_000, 0, 1.5), "900000 changes in 1.500 s, 600000 a second");
        assert_eq!(summary(1, 2, 0.0), "1 change, 2 refused in 0.000 s");
    }
}
