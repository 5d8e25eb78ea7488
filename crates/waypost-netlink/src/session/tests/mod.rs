//! Conversations with a kernel that is made up.

mod events;
mod refusals;
mod requests;

use std::time::Duration;

use waypost_core::{Notice, Now};

use super::Datagram;

/// The port of the lane under test, and of another process.
const OURS: u32 = 77;
const THEIRS: u32 = 88;
const SEED: u32 = u32::MAX;

fn at(seconds: u64) -> Now {
    Now::awake(Duration::from_secs(seconds))
}

/// What the kernel sends to a large enough buffer.
fn from_kernel(bytes: &[u8]) -> Datagram<'_> {
    Datagram { bytes, port: 0, truncated: false }
}

/// A netlink message as the kernel writes it.
fn message(kind: u16, flags: u16, sequence: u32, port: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(16 + payload.len()).unwrap();
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend(port.to_ne_bytes());
    bytes.extend(payload);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// An attribute and its padding.
fn attribute(kind: u16, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + data.len()).unwrap();
    let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// The payload of a route to `10.<second>.0.0/16` in the main table.
fn route(second: u8) -> Vec<u8> {
    let mut payload = vec![2, 16, 0, 0, 254, 4, 0, 1, 0, 0, 0, 0];
    payload.extend(attribute(1, &[10, second, 0, 0]));
    payload
}

/// The payload of an IPv6 route to everywhere.
fn ipv6_route() -> Vec<u8> {
    vec![10, 0, 0, 0, 254, 4, 0, 1, 0, 0, 0, 0]
}

/// Notices in a word each.
fn words(notices: &[Notice]) -> Vec<String> {
    let word = |notice: &Notice| match notice {
        Notice::Route(verb, route) => format!("{verb:?} {}", route.slot.destination),
        Notice::DumpStarted(ticket) => format!("started {}", ticket.0),
        Notice::DumpDone(ticket, end) => match (&end.error, end.interrupted) {
            (None, false) => format!("whole {}", ticket.0),
            (None, true) => format!("interrupted {}", ticket.0),
            (Some(error), _) => format!("failed {}: {:?}", ticket.0, error.kind()),
        },
        Notice::Outcome(ticket, waypost_core::Outcome::Failed(error)) => format!("{} failed: {error}", ticket.0),
        Notice::Outcome(ticket, outcome) => format!("{} {outcome:?}", ticket.0),
        Notice::Undecodable { in_dump, .. } => format!("undecodable in dump: {in_dump}"),
        other => format!("{other:?}"),
    };
    notices.iter().map(word).collect()
}
