//! Which route a deletion is meant for.

use waypost_core::{NextHop, Protocol, Route, RouteFlags, RouteRef};

/// What says whose a route is, as far as flags tell.
const MARKS: RouteFlags = RouteFlags::STATIC.union(RouteFlags::PROTO1).union(RouteFlags::PROTO2).union(RouteFlags::PROTO3);

/// Says whether a deletion of `named` is meant for `candidate`, by all that routing messages can name.
///
/// A kernel that compares the gateway does so itself; for the others the session does.
///
/// ```
/// use waypost_core::Route;
/// use waypost_pfroute::session::deletes;
///
/// let named: Route = "10.0.0.0/8 via 10.9.0.1".parse()?;
/// let other: Route = "10.0.0.0/8 via 10.9.0.2".parse()?;
/// assert!(deletes(&named, named.as_ref()) && !deletes(&named, other.as_ref()));
/// # Ok::<(), waypost_core::ParseError>(())
/// ```
#[must_use]
pub fn deletes(named: &Route, candidate: RouteRef<'_>) -> bool {
    let (entry, other) = (&named.entry, candidate.entry);
    let goes_that_way = |hop: &NextHop| {
        other.next_hops.first().is_some_and(|leg| {
            hop.gateway == leg.gateway && (hop.interface.is_none() || leg.interface.is_none() || hop.interface == leg.interface)
        })
    };
    // Nobody in particular is whoever it was.
    let of_anybody = matches!(entry.protocol, Protocol::UNSPECIFIED | Protocol::BOOT);
    named.slot == candidate.slot
        && entry.disposition == other.disposition
        && (of_anybody || entry.protocol == other.protocol)
        && other.flags.contains(entry.flags & MARKS)
        && (entry.next_hops.is_empty() || entry.next_hops.first().is_some_and(goes_that_way))
}
