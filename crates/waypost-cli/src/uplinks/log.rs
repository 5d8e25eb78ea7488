//! Lines of a log, on standard error, for whoever keeps it: journald, a file, or a person at a terminal.

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::output::fit;

/// Takes what is traced, by this command and by the library.
struct Log {
    form: Form,
    /// What is less grave is left out.
    least: Level,
}

/// How a line begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    /// With the number of its priority, which journald takes off again (sd-daemon(3)).
    Journal,
    /// With the word for it, in colour where somebody sees it.
    Words { colour: bool },
}

/// From now on what is traced is written to standard error.
pub(super) fn begin(colour: bool, quiet: bool) {
    let form = if is_journal() { Form::Journal } else { Form::Words { colour } };
    let least = if quiet { Level::WARN } else { Level::INFO };
    // Where somebody takes it already, he goes on.
    let _ = tracing::subscriber::set_global_default(Log { form, least });
}

/// Says whether standard error is that of journald: systemd.exec(5), `$JOURNAL_STREAM`.
fn is_journal() -> bool {
    let Ok(journal) = std::env::var("JOURNAL_STREAM") else { return false };
    let Ok(own) = io::stderr().as_fd().try_clone_to_owned().and_then(|file| std::fs::File::from(file).metadata()) else {
        return false;
    };
    journal == format!("{}:{}", own.dev(), own.ino())
}

impl Form {
    fn line(self, level: Level, text: &str) -> String {
        let (number, word, code) = match level {
            Level::ERROR => (3, "error", "31"),
            Level::WARN => (4, "warning", "33"),
            Level::INFO => (6, "info", "32"),
            _ => (7, "debug", "2"),
        };
        match self {
            Self::Journal => format!("<{number}>{text}"),
            Self::Words { colour: true } => format!("\x1b[{code}m{word}\x1b[0m: {text}"),
            Self::Words { colour: false } => format!("{word}: {text}"),
        }
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // A graver level is the lesser one.
        metadata.is_event() && *metadata.level() <= self.least
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        let line = self.form.line(*event.metadata().level(), &fit(&text.0));
        // That standard error is gone is no reason to stop keeping routes.
        let _ = writeln!(io::stderr(), "{line}");
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// What an event says: its message, then its fields.
#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = match field.name() {
            "message" => {
                let fields = std::mem::take(&mut self.0);
                write!(self.0, "{value:?}{fields}")
            }
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_begins_with_what_its_keeper_reads() {
        let words = |colour| Form::Words { colour };
        assert_eq!(Form::Journal.line(Level::ERROR, "it ends"), "<3>it ends");
        assert_eq!(Form::Journal.line(Level::WARN, "lost"), "<4>lost");
        assert_eq!(Form::Journal.line(Level::INFO, "elected"), "<6>elected");
        assert_eq!(words(false).line(Level::WARN, "lost"), "warning: lost");
        assert_eq!(words(true).line(Level::WARN, "lost"), "\x1b[33mwarning\x1b[0m: lost");
    }

    #[test]
    fn quiet_leaves_out_what_is_no_warning() {
        use std::sync::Mutex;

        /// What was let through.
        static PASSED: Mutex<Vec<String>> = Mutex::new(Vec::new());
        struct Keeps(Log);
        impl Subscriber for Keeps {
            fn enabled(&self, metadata: &Metadata<'_>) -> bool {
                self.0.enabled(metadata)
            }
            fn event(&self, event: &Event<'_>) {
                let mut text = Text::default();
                event.record(&mut text);
                PASSED.lock().unwrap().push(text.0);
            }
            fn new_span(&self, of: &Attributes<'_>) -> Id {
                self.0.new_span(of)
            }
            fn record(&self, _: &Id, _: &Record<'_>) {}
            fn record_follows_from(&self, _: &Id, _: &Id) {}
            fn enter(&self, _: &Id) {}
            fn exit(&self, _: &Id) {}
        }
        let dispatch = tracing::Dispatch::new(Keeps(Log { form: Form::Journal, least: Level::WARN }));
        tracing::dispatcher::set_global_default(dispatch).unwrap();
        tracing::info!("elected");
        tracing::warn!(reason = "overrun", "read again");
        assert_eq!(*PASSED.lock().unwrap(), ["read again reason=\"overrun\""]);
    }
}
