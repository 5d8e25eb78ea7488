//! `waypost monitor --smd`: the messages of libwebsockets' system message distribution (`lib/roles/netlink/ops-netlink.c`), for programs
//! that listen to those.

use waypost::{Change, Disposition, Event, Route, Watcher};

use crate::failure::Failure;
use crate::invocation::Invocation;

/// What is said at most once a batch, where a route with a gateway came or went.
const GATEWAY_CHANGED: &str = r#"{"trigger":"cpdcheck","src":"gw-change"}"#;

/// How many events make a batch at most.
const BATCH: usize = 4096;

pub(crate) fn run(invocation: &mut Invocation) -> Result<(), Failure> {
    let mut watcher = Watcher::open_with(&invocation.options())?;
    watcher.synchronise(None)?;
    let output = &mut invocation.output;
    loop {
        output.flush()?;
        watcher.wait(None)?;
        let mut batch = Vec::new();
        while let Some(event) = watcher.try_next()? {
            batch.push(event);
            if batch.len() == BATCH {
                break;
            }
        }
        messages(&batch).into_iter().try_for_each(|message| output.line(message))?;
    }
}

/// The messages about a batch of events.
fn messages(batch: &[Event]) -> Vec<&'static str> {
    let routes = batch.iter().filter_map(|event| match event {
        Event::Route { change, .. } => Some(change),
        _ => None,
    });
    let mut messages = Vec::new();
    let mut gateway_changed = false;
    for change in routes {
        let Some(route) = change.now().or(change.before()).filter(|route| is_accepted(route)) else { continue };
        messages.push(if matches!(change, Change::Removed(_)) { r#"{"rt":"del"}"# } else { r#"{"rt":"add"}"# });
        gateway_changed |= has_gateway(route) || change.before().is_some_and(has_gateway);
    }
    messages.extend(gateway_changed.then_some(GATEWAY_CHANGED));
    messages
}

/// Routes to others and to the host itself alone count.
const fn is_accepted(route: &Route) -> bool {
    matches!(route.entry.disposition, Disposition::Unicast | Disposition::Local)
}

fn has_gateway(route: &Route) -> bool {
    route.entry.next_hops.iter().any(|hop| hop.gateway.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(change: impl FnOnce(Route) -> Change<Route>, text: &str) -> Event {
        Event::Route { change: change(text.parse().unwrap()), position: 0 }
    }

    #[test]
    fn each_accepted_change_is_a_message_and_a_gateway_one_more_a_batch() {
        let batch = [
            event(Change::Added, "10.1.0.0/16 via 10.0.0.1"),
            event(Change::Added, "default via 10.0.0.1"),
            event(Change::Removed, "local 10.0.0.2 dev if2 table local"),
            event(Change::Removed, "default via 10.0.0.1"),
        ];
        let expected = [r#"{"rt":"add"}"#, r#"{"rt":"add"}"#, r#"{"rt":"del"}"#, r#"{"rt":"del"}"#, GATEWAY_CHANGED];
        assert_eq!(messages(&batch), expected);
        assert_eq!(messages(&batch[2..3]), [r#"{"rt":"del"}"#], "no gateway, no check");
    }

    #[test]
    fn what_is_not_accepted_says_nothing_and_checks_nothing() {
        let batch = [
            event(Change::Added, "unreachable 10.1.0.0/16"),
            event(Change::Added, "broadcast 10.0.0.255 dev if2 table local"),
            event(Change::Added, "multicast ff00::/8 dev if2 table local metric 256"),
            event(Change::Added, "throw 10.2.0.0/16"),
            Event::Synchronised,
        ];
        assert!(messages(&batch).is_empty());
    }
}
