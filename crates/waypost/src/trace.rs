//! What a watcher finds noteworthy, for programs that trace.

use waypost_engine::Event;

/// Traces overruns and what came of them; changes are the program's own to trace.
#[cfg(feature = "tracing")]
pub(crate) fn event(event: &Event) {
    match event {
        Event::Synchronised => tracing::debug!("the routing tables have been read"),
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
