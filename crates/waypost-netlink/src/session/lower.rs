//! Requests into messages, and back into words where they fail.

use waypost_core::{Error, ErrorKind, Request};

use super::operation::Operation;
use crate::wire::Message;
use crate::wire::constants::{
    RTM_DELNEXTHOP, RTM_DELROUTE, RTM_DELRULE, RTM_GETROUTE, RTM_NEWNEXTHOP, RTM_NEWROUTE, RTM_NEWRULE,
};
use crate::wire::next_hop::{self, encode_next_hop, encode_next_hop_delete};
use crate::wire::route::{self, encode_lookup, encode_route};
use crate::wire::rule::{self, RuleChange};

/// Appends the message that makes a request.
pub(super) fn encode(out: &mut Vec<u8>, sequence: u32, operation: Operation, request: Request<'_>) -> Result<(), Error> {
    match request {
        Request::Route(change, route) => encode_route(out, sequence, change, route),
        Request::Lookup(flow, mode) => encode_lookup(out, sequence, flow, mode),
        Request::AddRule(rule) => rule::encode(out, sequence, RuleChange::Add, rule),
        Request::DeleteRule(rule) => rule::encode(out, sequence, RuleChange::Delete, rule),
        Request::AddNextHop { object, replace } => encode_next_hop(out, sequence, object, replace),
        Request::DeleteNextHop(id) => encode_next_hop_delete(out, sequence, id),
        _ => Err(Error::new(ErrorKind::Unsupported, operation.name()).because("rtnetlink has no such request")),
    }
}

/// What a request is about, in words.
pub(super) fn subject(request: &Message<'_>) -> Option<String> {
    match request.kind {
        RTM_NEWROUTE | RTM_DELROUTE => Some(route::decode(request.payload).ok()??.value.to_string()),
        // The destination is what is asked about.
        RTM_GETROUTE => Some(route::decode(request.payload).ok()??.value.slot.destination.network().to_string()),
        RTM_NEWRULE | RTM_DELRULE => Some(rule::decode(request.payload).ok()??.value.to_string()),
        RTM_NEWNEXTHOP | RTM_DELNEXTHOP => Some(format!("id {}", next_hop::decode(request.payload).ok()??.value.id)),
        _ => None,
    }
}
