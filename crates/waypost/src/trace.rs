//! What a watcher finds noteworthy, for programs that trace.

use waypost_engine::Event;
#[cfg(feature = "tracing")]
use waypost_engine::Reason;

/// Traces overruns and what came of them; changes are the program's own to trace.
#[cfg(feature = "tracing")]
pub(crate) fn event(event: &Event) {
    match event {
        Event::Synchronised => tracing::debug!("the routing tables have been read"),
        // That somebody asked for it says of nothing that has gone wrong.
        Event::ResyncStarted { reason: Reason::Asked } => tracing::debug!("the routing tables are being read again"),
        Event::Resynced { reason: Reason::Asked, added: 0, removed: 0, replaced: 0 } => {
            tracing::debug!("the routing tables have been read again")
        }
        Event::ResyncStarted { reason } => tracing::warn!(reason = reason.word(), "the routing tables are being read again"),
        Event::Resynced { reason, added, removed, replaced } => {
            tracing::info!(reason = reason.word(), added, removed, replaced, "the routing tables have been read again");
        }
        _ => {}
    }
}

/// Does nothing: the feature `tracing` is off.
#[cfg(not(feature = "tracing"))]
pub(crate) const fn event(_: &Event) {}

#[cfg(all(test, feature = "tracing"))]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::thread::{self, ThreadId};

    use tracing::span::{Attributes, Id, Record};
    use tracing::{Level, Metadata, Subscriber};

    use super::*;

    /// Keeps the levels of what a thread tells it.
    struct Levels(Arc<Mutex<Vec<Level>>>, ThreadId);

    impl Subscriber for Levels {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn event(&self, event: &tracing::Event<'_>) {
            if thread::current().id() == self.1 {
                self.0.lock().unwrap().push(*event.metadata().level());
            }
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn only_a_reading_that_nobody_asked_for_is_a_warning() {
        let levels = Arc::new(Mutex::new(Vec::new()));
        let resynced = |reason, added| Event::Resynced { reason, added, removed: 0, replaced: 0 };
        let own = Levels(Arc::clone(&levels), thread::current().id());
        tracing::dispatcher::set_global_default(tracing::Dispatch::new(own)).unwrap();
        event(&Event::ResyncStarted { reason: Reason::Asked });
        event(&resynced(Reason::Asked, 0));
        event(&resynced(Reason::Asked, 1));
        event(&Event::ResyncStarted { reason: Reason::Overrun });
        event(&resynced(Reason::Overrun, 0));
        assert_eq!(*levels.lock().unwrap(), [Level::DEBUG, Level::DEBUG, Level::INFO, Level::WARN, Level::INFO]);
    }
}
