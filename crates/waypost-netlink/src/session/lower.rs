//! Requests into messages, and back into words where they fail.

use waypost_core::{Error, ErrorKind, Request};

use super::operation::Operation;
use crate::wire::constants::{RTM_DELROUTE, RTM_NEWROUTE};
use crate::wire::{Message, route};

/// Appends the message that makes a request.
pub(super) fn encode(_out: &mut Vec<u8>, _sequence: u32, operation: Operation, _request: Request<'_>) -> Result<(), Error> {
    Err(Error::new(ErrorKind::Unsupported, operation.name()).because("rtnetlink has no such request"))
}

/// What a request is about, in words.
pub(super) fn subject(request: &Message<'_>) -> Option<String> {
    match request.kind {
        RTM_NEWROUTE | RTM_DELROUTE => Some(route::decode(request.payload).ok()??.value.to_string()),
        _ => None,
    }
}
