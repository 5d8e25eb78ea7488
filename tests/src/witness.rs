//! `ip` as a second witness of what the kernel has.

use std::fmt::Display;
use std::net::IpAddr;
use std::time::Duration;

use waypost::{Event, Family, NextHop, Route, RouteFilter, RouteRef, Routes, Watcher};

use crate::ip::ip;

/// How often [`assert_mirrors_the_kernel`] looks, and how long it waits for the next event in between.
const LOOKS: usize = 200;
const TURN: Duration = Duration::from_millis(20);

/// How long a mirror may take to be in step once the kernel is quiet.
const PATIENCE: Duration = Duration::from_secs(20);

/// A watcher whose first picture is whole.
///
/// # Panics
///
/// Where it does not come to that.
#[must_use]
pub fn watcher() -> Watcher {
    let mut watcher = Watcher::open().expect("the sockets open without privilege");
    watcher.synchronise(Some(PATIENCE)).expect("a first picture");
    watcher
}

/// Lets the watcher come to rest, and returns the events of that.
///
/// # Panics
///
/// Where it does not.
pub fn settle(watcher: &mut Watcher) -> Vec<Event> {
    let mut events = Vec::new();
    let mut waited = Duration::ZERO;
    loop {
        while let Some(event) = watcher.try_next().expect("the socket lives") {
            events.push(event);
        }
        if watcher.is_settled() {
            return events;
        }
        assert!(waited < PATIENCE, "the watcher does not come to rest: {:?}", watcher.stats());
        watcher.wait(Some(TURN)).expect("the socket lives");
        waited += TURN;
    }
}

/// Says that the mirror comes to have what the kernel lists, in the same order within each slot, and that `ip` lists the same.
///
/// The kernel itself may still be at it: it sees to carriers and IPv6 addresses in its own time. So this looks until it is so.
///
/// # Panics
///
/// Where it is not so however long one looks.
pub fn assert_mirrors_the_kernel(watcher: &mut Watcher) {
    let mut difference = String::new();
    for _ in 0..LOOKS {
        settle(watcher);
        match compare(watcher) {
            Ok(()) => return,
            Err(found) => difference = found,
        }
        watcher.wait(Some(TURN)).expect("the socket lives");
    }
    panic!("the mirror is not what the kernel has: {difference}");
}

fn compare(watcher: &Watcher) -> Result<(), String> {
    let mut listed: Vec<_> = Routes::open().unwrap().list(&RouteFilter::default()).unwrap();
    let mut mirrored: Vec<_> = watcher.routes().map(RouteRef::to_route).collect();
    // Sorting is stable: what shares a slot stays in its order.
    for routes in [&mut listed, &mut mirrored] {
        routes.iter_mut().for_each(|route| route.expires = None);
        routes.sort_by_key(|route| route.slot);
    }
    let is_hidden = |route: &Route| {
        let first = listed.partition_point(|other| other.slot < route.slot);
        let slot = || listed[first..].iter().take_while(|other| other.slot == route.slot);
        slot().any(|other| conceals(other, route)) && !slot().any(|other| other == route)
    };
    let (hidden, mirrored): (Vec<Route>, Vec<Route>) = mirrored.into_iter().partition(is_hidden);
    if watcher.stats().suspects[Family::V6 as usize] == 0 {
        are_there(&hidden, &listed, watcher)?;
    }
    same("the kernel's list", &mirrored, &listed)?;
    let mut mirrored: Vec<String> = mirrored.iter().map(|route| words_of_waypost(&route.as_ref(), watcher)).collect();
    let mut witnessed = words_of_ip();
    mirrored.sort();
    witnessed.sort();
    same("ip", &mirrored, &witnessed)
}

/// Says whether the kernel does not list `route` where it lists `other`: an IPv6 route that does not merge, in the slot of one of
/// several next hops (`fib6_dump_node`, net/ipv6/ip6_fib.c, Linux 6.18).
fn conceals(other: &Route, route: &Route) -> bool {
    let merges = |route: &Route| {
        let hops = &route.entry.next_hops;
        route.entry.next_hop_object.is_none() && !hops.is_empty() && hops.iter().all(|hop| hop.gateway.is_some())
    };
    route.slot.destination.family() == Family::V6
        && other.slot == route.slot
        && other.entry.next_hops.len() > 1
        && merges(other)
        && !merges(route)
}

/// Says that the kernel has the routes that it does not list, by the file that has all, whatever their table (`ipv6_route_native_seq_show`,
/// net/ipv6/ip6_fib.c, Linux 6.18).
fn are_there(hidden: &[Route], listed: &[Route], watcher: &Watcher) -> Result<(), String> {
    if hidden.is_empty() {
        return Ok(());
    }
    let text = std::fs::read_to_string("/proc/thread-self/net/ipv6_route").expect("the kernel has IPv6");
    let line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        [0, 1, 2, 3, 4, 5, 9].map(|at| words.get(at).copied().unwrap_or_default()).join(" ")
    };
    let mut lines: Vec<String> = text.lines().map(line).collect();
    // Of an object it has one next hop, whichever that is.
    for route in listed.iter().chain(hidden).filter(|route| route.entry.next_hop_object.is_none()) {
        for wanted in lines_of(route, watcher) {
            match lines.iter().position(|line| *line == wanted) {
                Some(at) => _ = lines.swap_remove(at),
                None => return Err(format!("of {route} /proc/net/ipv6_route does not have {wanted}")),
            }
        }
    }
    Ok(())
}

/// What that file has of an IPv6 route, a next hop a line, without counters and flags.
fn lines_of(route: &Route, watcher: &Watcher) -> Vec<String> {
    let bits = |address: IpAddr| if let IpAddr::V6(address) = address { address.to_bits() } else { 0 };
    let destination = route.slot.destination;
    if destination.family() == Family::V4 {
        return Vec::new();
    }
    let (source, length) = route.slot.source.map_or((0, 0), |source| (source.network().to_bits(), source.length()));
    let hop = |hop: &NextHop| {
        let gateway = hop.gateway.map_or(0, bits);
        let interface = hop.interface.and_then(|index| watcher.names().name(index)).unwrap_or_default();
        let to = format!("{:032x} {:02x}", bits(destination.network()), destination.length());
        format!("{to} {source:032x} {length:02x} {gateway:032x} {:08x} {interface}", route.slot.metric)
    };
    route.entry.next_hops.iter().map(hop).collect()
}

/// Says in what two lists differ, if they do.
fn same<T: PartialEq + Display>(witness: &str, mirrored: &[T], witnessed: &[T]) -> Result<(), String> {
    if mirrored == witnessed {
        return Ok(());
    }
    let only = |these: &[T], those: &[T]| {
        let these = these.iter().filter(|one| !those.contains(one)).map(ToString::to_string);
        these.collect::<Vec<_>>().join("; ")
    };
    let at = mirrored.iter().zip(witnessed).position(|(one, other)| one != other).unwrap_or(mirrored.len().min(witnessed.len()));
    let around =
        |these: &[T]| these.iter().skip(at.saturating_sub(3)).take(8).map(ToString::to_string).collect::<Vec<_>>().join("; ");
    Err(format!(
        "only in the mirror: {}; only in {witness}: {}; where they part, the mirror has {}, and {witness} {}",
        only(mirrored, witnessed),
        only(witnessed, mirrored),
        around(mirrored),
        around(witnessed)
    ))
}

fn words_of_waypost(route: &RouteRef<'_>, watcher: &Watcher) -> String {
    let mut route = *route;
    route.expires = None;
    route.with_names(watcher.names()).to_string()
}

/// What `ip` lists, a route a line, without what is but a matter of time or of an error number.
fn words_of_ip() -> Vec<String> {
    let text = ip("-4 -oneline route show table all") + &ip("-6 -oneline route show table all");
    text.lines().map(|line| tidied(&line.replace('\\', " "))).collect()
}

fn tidied(line: &str) -> String {
    let mut words = Vec::new();
    let mut all = line.split_whitespace();
    let has_several = line.contains("nexthop ");
    while let Some(word) = all.next() {
        match word {
            "expires" | "error" => drop(all.next()),
            // What is so of each next hop is said once more of the route (`fib_sync_down_dev`, net/ipv4/fib_semantics.c, Linux 6.18).
            "linkdown" | "dead" if has_several && !words.contains(&"nexthop") => {}
            _ => words.push(word),
        }
    }
    words.join(" ")
}
