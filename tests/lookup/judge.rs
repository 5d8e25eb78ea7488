//! Whether our answer and the kernel's two are the same.

use std::net::IpAddr;

use nix::errno::Errno;
use waypost::lookup::{Dropped, Found, Verdict};
use waypost::{Disposition, Family, Flow, LookupAnswer, NextHop, RouteRef};

use crate::kernel::Answer;

/// What we expect of the kernel's two answers.
enum Expected<'v, 'a> {
    /// Both name this route.
    Route(&'v Found<'a>),
    /// Both are one of these errors.
    Errors(&'static [Errno]),
    /// There is no entry, but a path: straight out of the interface that was asked for.
    OnLink,
}

/// Says in what the answers differ.
pub(crate) fn compare(flow: &Flow, verdict: &Verdict<'_>, entry: &Answer, path: &Answer) -> Result<(), String> {
    let family = Family::of(&flow.destination);
    let expected = expected(family, flow, verdict)?;
    let fail = |what: &str, answer: &Answer| Err(format!("{what}: here {verdict:?}\nin the kernel {answer:?}"));
    match expected {
        Expected::Route(found) => match (entry, path) {
            (Ok(told), _) if !is_same_entry(found.route, told.route.as_ref()) => fail("entry", entry),
            (Ok(_), Ok(told)) if is_path_of(found, flow, told) => Ok(()),
            (Ok(_), _) => fail("path", path),
            _ => fail("entry", entry),
        },
        Expected::Errors(errors) => {
            let is_one = |answer: &Answer| answer.as_ref().is_err_and(|error| errors.contains(&Errno::from_raw(*error)));
            match (is_one(entry), is_one(path)) {
                (true, true) => Ok(()),
                (false, _) => fail(&format!("entry, not {errors:?}"), entry),
                _ => fail(&format!("path, not {errors:?}"), path),
            }
        }
        Expected::OnLink => {
            let is_none = matches!(entry, Err(error) if *error == Errno::EHOSTUNREACH as i32);
            let is_on_link = path.as_ref().is_ok_and(|told| {
                let hops = &told.route.entry.next_hops;
                hops.len() == 1 && hops[0].interface == flow.output && hops[0].gateway.is_none()
            });
            match (is_none, is_on_link) {
                (true, true) => Ok(()),
                (false, _) => fail("entry of what is taken for on link", entry),
                _ => fail("path on link", path),
            }
        }
    }
}

fn expected<'v, 'a>(family: Family, flow: &Flow, verdict: &'v Verdict<'a>) -> Result<Expected<'v, 'a>, String> {
    // `ip_route_output_key_hash_rcu` takes whatever it finds no route for as on link, where an interface is asked for (IPv4).
    let is_on_link = family == Family::V4 && flow.output.is_some() && flow.input.is_none();
    Ok(match verdict {
        Verdict::Found(found) => Expected::Route(found),
        Verdict::Refused { .. } | Verdict::NoRoute if is_on_link => Expected::OnLink,
        Verdict::NoRoute if family == Family::V4 && flow.input.is_some() => {
            Expected::Errors(&[Errno::ENETUNREACH, Errno::EHOSTUNREACH])
        }
        Verdict::NoRoute => Expected::Errors(&[Errno::ENETUNREACH]),
        Verdict::Refused { .. } if family == Family::V4 && flow.input.is_some() => {
            // An interface that does not forward says so first.
            Expected::Errors(&[Errno::EHOSTUNREACH, Errno::EINVAL, Errno::EACCES, Errno::ENETUNREACH])
        }
        Verdict::Refused { disposition, route, .. } => Expected::Errors(match (disposition, route) {
            (Disposition::Blackhole, _) => &[Errno::EINVAL],
            (Disposition::Prohibit, _) => &[Errno::EACCES],
            (Disposition::Unreachable, Some(_)) => &[Errno::EHOSTUNREACH],
            _ => &[Errno::ENETUNREACH],
        }),
        // The kernel's IPv6 lookup does not ask whether the host forwards; that comes later on a packet's way.
        Verdict::Dropped { why: Dropped::NotForwarding, found: Some(found) } if family == Family::V6 => Expected::Route(found),
        Verdict::Dropped { why: Dropped::ForeignSource, .. } => Expected::Errors(&[Errno::ENETUNREACH, Errno::EINVAL]),
        Verdict::Dropped { why: Dropped::NotForwarding, .. } => Expected::Errors(&[Errno::EHOSTUNREACH]),
        Verdict::Dropped { .. } => Expected::Errors(&[Errno::EINVAL, Errno::EXDEV]),
        other => return Err(format!("no answer: {other:?}")),
    })
}

/// Compares what does not change while nobody changes the route.
fn is_same_entry(ours: RouteRef<'_>, theirs: RouteRef<'_>) -> bool {
    let (one, other) = (ours.entry, theirs.entry);
    ours.slot == theirs.slot
        && one.disposition == other.disposition
        && one.protocol == other.protocol
        && one.scope == other.scope
        && one.preference == other.preference
        && (one.preferred_source == other.preferred_source || has_sources(ours))
        && one.next_hop_object == other.next_hop_object
        && one.metrics == other.metrics
        && has_same_hops(&one.next_hops, &other.next_hops)
}

/// Each next hop of an IPv6 route has a preferred source of its own, and the kernel tells that of the one it has chosen.
fn has_sources(route: RouteRef<'_>) -> bool {
    route.slot.destination.family() == Family::V6 && route.entry.next_hops.len() > 1
}

/// IPv6 begins the list of next hops with the one that it has chosen.
fn has_same_hops(ours: &[NextHop], theirs: &[NextHop]) -> bool {
    let key = |hop: &NextHop| (hop.gateway, hop.interface, hop.weight);
    if let ([one], [other]) = (ours, theirs) {
        return key(one) == key(other);
    }
    let sorted = |hops: &[NextHop]| {
        let mut keys: Vec<_> = hops.iter().map(key).collect();
        keys.sort_unstable();
        keys
    };
    sorted(ours) == sorted(theirs)
}

/// Says whether a path is one that `found` leads to.
fn is_path_of(found: &Found<'_>, flow: &Flow, told: &LookupAnswer) -> bool {
    let (entry, told) = (found.route.entry, &told.route);
    let [hop] = &told.entry.next_hops[..] else { return false };
    let is_hop = match entry.disposition {
        // Packets for the host itself go by the loopback.
        Disposition::Local | Disposition::Anycast => true,
        Disposition::Broadcast if flow.input.is_some() => true,
        _ => found.next_hops().any(|ours| {
            let gateway = ours.gateway.filter(|_| entry.disposition == Disposition::Unicast);
            ours.interface == hop.interface && gateway == hop.gateway
        }),
    };
    let is_source = |preferred: IpAddr| told.entry.preferred_source == Some(preferred);
    let has_source =
        flow.source.is_some() || flow.input.is_some() || has_sources(found.route) || entry.preferred_source.is_none_or(is_source);
    told.slot.table == found.route.slot.table && told.entry.disposition == entry.disposition && is_hop && has_source
}
