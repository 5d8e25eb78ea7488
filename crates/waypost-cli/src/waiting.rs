//! Tells a person at a terminal that something takes its time.

use std::io::{self, IsTerminal};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How long something goes on before that is told.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often what is told moves.
const TURN: Duration = Duration::from_millis(120);

/// As long as it is there, somebody who looks at standard error is told what is being done once that takes longer than a second.
pub(crate) struct Waiting {
    /// Closed where it ends.
    end: Option<Sender<()>>,
    watch: Option<JoinHandle<()>>,
}

impl Waiting {
    pub(crate) fn begin(quiet: bool, what: &'static str) -> Self {
        if !is_watched(quiet, io::stderr().is_terminal()) {
            return Self { end: None, watch: None };
        }
        let (end, ended) = mpsc::channel();
        let watch = move || {
            let mut bar = None;
            watch(&ended, PATIENCE, || bar.get_or_insert_with(|| spinner(what)).tick());
            bar.iter().for_each(ProgressBar::finish_and_clear);
        };
        // Whoever has no thread left waits without being told.
        Self { end: Some(end), watch: thread::Builder::new().spawn(watch).ok() }
    }
}

/// Somebody looks at standard error and wants to see more than errors there.
const fn is_watched(quiet: bool, is_terminal: bool) -> bool {
    is_terminal && !quiet
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.end.take();
        if let Some(watch) = self.watch.take() {
            // It draws, and nothing else: where it fails there is nothing to be done.
            let _ = watch.join();
        }
    }
}

/// Draws again and again from when patience ends, until the other side is closed.
fn watch(ended: &Receiver<()>, patience: Duration, mut draw: impl FnMut()) {
    let mut wait = patience;
    while ended.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
        draw();
        wait = TURN;
    }
}

fn spinner(what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message(what);
    bar.set_draw_target(ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}, {elapsed} so far") {
        bar.set_style(style);
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_looks_and_wants_to_know_is_told() {
        assert!(is_watched(false, true) && !is_watched(true, true) && !is_watched(false, false));
        assert!(Waiting::begin(true, "reading").end.is_none());
    }

    #[test]
    fn what_ends_in_time_is_not_told() {
        let (end, ended) = mpsc::channel();
        drop(end);
        watch(&ended, PATIENCE, || panic!("nobody has waited"));
    }

    #[test]
    fn what_takes_its_time_is_told_until_it_ends() {
        let (end, ended) = mpsc::channel();
        let (mut end, mut drawn) = (Some(end), 0);
        watch(&ended, Duration::ZERO, || {
            drawn += 1;
            if drawn == 3 {
                end.take();
            }
        });
        assert_eq!(drawn, 3);
    }
}
