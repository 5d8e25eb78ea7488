//! `ip` as a second witness of what the kernel has.

use std::time::Duration;

use waypost::{Event, RouteFilter, RouteRef, Routes, Watcher};

use crate::ip::ip;

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
    let turn = Duration::from_millis(20);
    loop {
        while let Some(event) = watcher.try_next().expect("the socket lives") {
            events.push(event);
        }
        if watcher.is_settled() {
            return events;
        }
        assert!(waited < PATIENCE, "the watcher does not come to rest: {:?}", watcher.stats());
        watcher.wait(Some(turn)).expect("the socket lives");
        waited += turn;
    }
}

/// Says that the mirror has what the kernel lists now, in the same order within each slot, and that `ip` lists the same.
///
/// # Panics
///
/// Where it does not.
pub fn assert_mirrors_the_kernel(watcher: &Watcher) {
    let mut listed: Vec<_> = Routes::open().unwrap().list(&RouteFilter::default()).unwrap();
    let mut mirrored: Vec<_> = watcher.routes().map(RouteRef::to_route).collect();
    // Sorting is stable: what shares a slot stays in its order.
    for routes in [&mut listed, &mut mirrored] {
        routes.iter_mut().for_each(|route| route.expires = None);
        routes.sort_by_key(|route| route.slot);
    }
    for (mirrored, listed) in mirrored.iter().zip(&listed) {
        assert_eq!(mirrored, listed, "mirrored: {mirrored}; listed: {listed}");
    }
    assert_eq!(mirrored.len(), listed.len());
    let mut mirrored: Vec<String> = watcher.routes().map(|route| words_of_waypost(&route, watcher)).collect();
    let mut witnessed = words_of_ip();
    mirrored.sort();
    witnessed.sort();
    assert_eq!(mirrored, witnessed, "the mirror on the left, ip on the right");
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
    while let Some(word) = all.next() {
        match word {
            "expires" | "error" => drop(all.next()),
            _ => words.push(word),
        }
    }
    words.join(" ")
}
