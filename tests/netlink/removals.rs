//! When the kernel does what it announces: a route that is said to have gone.

use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use waypost::{Native, Options};
use waypost_core::{Dump, Family, Notice, Prefix, Request, RouteChange, RouteFilter, RouteVerb, Verb};
use waypost_tests::namespace::cannot_run;
use waypost_tests::route_socket;

use super::{ask, change, hear};

/// How often a route is deleted.
const ROUNDS: u32 = 3000;

/// How many listen behind the one that looks: the kernel tells them all before it goes on, and he looks meanwhile.
const LISTENERS: usize = 300;

/// `RTMGRP_IPV4_ROUTE` and `RTMGRP_IPV6_ROUTE` of linux/rtnetlink.h.
const ROUTE_GROUPS: u32 = 0x40 | 0x400;

fn words(family: Family, number: u32) -> String {
    match family {
        Family::V4 => format!("blackhole 10.{}.0.0/16", number % 200),
        Family::V6 => format!("blackhole 2001:db8:{:x}::/48 metric 5", number % 200),
    }
}

/// Adds and deletes a route each time it is told to.
fn rival(family: Family, turns: &Receiver<u32>) {
    let mut kernel = Native::open(&Options::new()).unwrap();
    while let Ok(number) = turns.recv() {
        change(&mut kernel, RouteChange::Add, &words(family, number)).unwrap();
        change(&mut kernel, RouteChange::Delete, &words(family, number)).unwrap();
    }
}

/// Waits until it is said that the route to `destination` has gone.
fn hear_of_removal(kernel: &mut Native, destination: Prefix) {
    loop {
        let gone =
            |notice: &Notice| matches!(notice, Notice::Route(RouteVerb::Removed, route) if route.slot.destination == destination);
        if hear(kernel).iter().any(gone) {
            return;
        }
        let descriptor = kernel.event_fd();
        poll(&mut [PollFd::new(descriptor, PollFlags::POLLIN)], PollTimeout::NONE).unwrap();
    }
}

/// In how many rounds a route was listed that had been announced as gone before the list was asked for.
fn listed_though_gone(family: Family, first: Option<Dump<'_>>) -> usize {
    let _listeners: Vec<OwnedFd> = (0..LISTENERS).map(|_| route_socket(ROUTE_GROUPS)).collect();
    let mut kernel = Native::open(&Options::new()).unwrap();
    let (turn, turns) = channel();
    let rival = thread::spawn(move || rival(family, &turns));
    let mut filter = RouteFilter::default();
    filter.family = Some(family);
    let mut found = 0;
    for number in 0..ROUNDS {
        turn.send(number).unwrap();
        let destination = words(family, number).parse::<waypost_core::Route>().unwrap().slot.destination;
        hear_of_removal(&mut kernel, destination);
        if let Some(first) = first {
            let heard = ask(&mut kernel, Request::Dump(first));
            let is_link = |notice: &Notice| matches!(notice, Notice::Link(Verb::Listed, _));
            assert_eq!(heard.iter().any(is_link), first == Dump::Links, "a barrier lists nothing: {heard:?}");
        }
        let heard = ask(&mut kernel, Request::Dump(Dump::Routes(family, &filter)));
        let of_it = |verb: RouteVerb| move |notice: &Notice| matches!(notice, Notice::Route(said, route) if *said == verb && route.slot.destination == destination);
        assert!(!heard.iter().any(of_it(RouteVerb::Added)), "it does not come back");
        found += usize::from(heard.iter().any(of_it(RouteVerb::Listed)));
    }
    drop(turn);
    rival.join().unwrap();
    found
}

pub(crate) fn an_ipv4_route_can_be_listed_that_is_said_to_have_gone() {
    if thread::available_parallelism().is_ok_and(|cores| cores.get() < 2) {
        cannot_run("who deletes and who looks need a processor each");
    }
    assert!(listed_though_gone(Family::V4, None) > 0, "fib_table_delete announces before it removes (Linux 6.18)");
}

pub(crate) fn none_is_listed_when_links_were_listed_before() {
    assert_eq!(listed_though_gone(Family::V4, Some(Dump::Links)), 0);
}

pub(crate) fn none_is_listed_behind_a_barrier() {
    assert_eq!(listed_though_gone(Family::V4, Some(Dump::Barrier)), 0);
}

pub(crate) fn an_ipv6_route_that_is_said_to_have_gone_is_not_listed() {
    assert_eq!(listed_though_gone(Family::V6, None), 0);
}
