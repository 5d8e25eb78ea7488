//! Sockets that another part of the program closes, and namespaces whose names are removed.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, RawFd};

use nix::unistd::close;
use waypost::{Delivery, ErrorKind, Event, EventFilter, Hub, Namespace, Options, Reason, Watcher};
use waypost_tests::ip::{ip, veth_with_addresses};
use waypost_tests::route_socket;
use waypost_tests::witness::{assert_mirrors_the_kernel, settle, watcher};

use super::{PATIENCE, brings, takes};

fn prepare() -> Watcher {
    veth_with_addresses("w0", "w1");
    ip("route add 10.1.0.0/16 via 10.0.0.2");
    ip("route add 10.2.0.0/16 via 10.0.0.2");
    let mut watcher = watcher();
    assert_mirrors_the_kernel(&mut watcher);
    watcher
}

/// Closes the socket of events beneath the watcher, as a program does that closes a number too much; says which it was.
fn close_beneath(watcher: &Watcher) -> RawFd {
    let number = watcher.as_fd().as_raw_fd();
    close(number).expect("it was open");
    number
}

fn mirrors(watcher: &Watcher, destination: &str) -> bool {
    watcher.routes().any(|route| route.slot.destination.to_string() == destination)
}

/// What a call says of a socket that is closed.
fn says_closed(watcher: &mut Watcher) {
    let held = watcher.routes().count();
    let error = watcher.try_next().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
    assert_eq!(watcher.wait(Some(PATIENCE)).unwrap_err().kind(), ErrorKind::Closed, "it says so again, and does not wait");
    assert_eq!(watcher.routes().count(), held, "nothing is taken for gone");
}

/// Says that the watcher, opened anew, tells what has changed and nothing else.
fn tells_what_has_changed(watcher: &mut Watcher) {
    ip("route delete 10.1.0.0/16");
    ip("route add 10.3.0.0/16 via 10.0.0.2");
    watcher.reopen().expect("the namespace is there");
    let events = settle(watcher);
    assert_eq!(events.first(), Some(&Event::ResyncStarted { reason: Reason::Reopened }));
    assert_eq!(events.last(), Some(&Event::Resynced { reason: Reason::Reopened, added: 1, removed: 1, replaced: 0 }));
    assert!(events.iter().any(|event| takes(event, "10.1.0.0/16")) && events.iter().any(|event| brings(event, "10.3.0.0/16")));
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Route { .. })).count(), 2, "{events:?}");
    ip("route add 10.4.0.0/16 via 10.0.0.2");
    assert!(settle(watcher).iter().any(|event| brings(event, "10.4.0.0/16")), "it follows as before");
    assert_mirrors_the_kernel(watcher);
}

/// Opens things until one has this number, and gives that.
fn take_number<T: AsRawFd>(number: RawFd, mut open: impl FnMut() -> T) -> T {
    let mut others = Vec::new();
    loop {
        let opened = open();
        if opened.as_raw_fd() == number {
            return opened;
        }
        assert!(others.len() < 100, "the lowest number that is free is given first (open(2))");
        others.push(opened);
    }
}

pub(crate) fn a_socket_closed_beneath_is_told_and_opened_anew() {
    let mut watcher = prepare();
    for _ in 0..2 {
        close_beneath(&watcher);
        says_closed(&mut watcher);
        tells_what_has_changed(&mut watcher);
        ip("route add 10.1.0.0/16 via 10.0.0.2");
        ip("route delete 10.3.0.0/16");
        ip("route delete 10.4.0.0/16");
        settle(&mut watcher);
    }
    // One that is as it should be may be opened anew too.
    tells_what_has_changed(&mut watcher);
}

pub(crate) fn a_descriptor_that_stands_for_something_else_by_now_is_left_to_it() {
    let mut watcher = prepare();
    let number = close_beneath(&watcher);
    let file = take_number(number, || File::open("/dev/null").unwrap());
    says_closed(&mut watcher);
    tells_what_has_changed(&mut watcher);
    assert!(file.metadata().is_ok(), "it is open still");
    let number = close_beneath(&watcher);
    let file = take_number(number, || File::open("/dev/null").unwrap());
    drop(watcher);
    assert!(file.metadata().is_ok(), "whoever closed it has not closed this");
}

pub(crate) fn one_that_stands_for_another_such_socket_is_found_by_the_next_reading() {
    let mut watcher = prepare();
    let number = close_beneath(&watcher);
    let other = take_number(number, || route_socket(0));
    assert_eq!(watcher.try_next().unwrap(), None, "such a socket says nothing");
    assert_eq!(watcher.verify(Some(PATIENCE)).unwrap_err().kind(), ErrorKind::Closed);
    assert!(mirrors(&watcher, "10.1.0.0/16"));
    tells_what_has_changed(&mut watcher);
    assert!(nix::sys::stat::fstat(&other).is_ok());
}

pub(crate) fn a_namespace_that_is_removed_is_followed_and_opened_anew_without_its_name() {
    ip("netns add blue");
    ip("-n blue link set lo up");
    ip("-n blue route add 10.1.0.0/16 dev lo");
    ip("-n blue route add 10.2.0.0/16 dev lo");
    let options = || Options::new().namespace(Namespace::Name("blue".into()));
    let mut watcher = Watcher::open_with(&options()).unwrap();
    watcher.synchronise(Some(PATIENCE)).unwrap();
    let held = watcher.routes().count();
    ip("netns delete blue");
    // It is another that has the name then.
    ip("netns add blue");
    assert!(watcher.verify(Some(PATIENCE)).unwrap().is_none(), "who watches it keeps it");
    assert!(settle(&mut watcher).is_empty());
    close_beneath(&watcher);
    says_closed(&mut watcher);
    watcher.reopen().expect("it is held, name or not");
    let marks = [
        Event::ResyncStarted { reason: Reason::Reopened },
        Event::Resynced { reason: Reason::Reopened, added: 0, removed: 0, replaced: 0 },
    ];
    assert_eq!(settle(&mut watcher), marks, "it is the same as before, and not the other of its name");
    assert_eq!(watcher.routes().count(), held);
    // Who wants the other opens that.
    let mut other = Watcher::open_with(&options()).unwrap();
    other.synchronise(Some(PATIENCE)).unwrap();
    assert!(!mirrors(&other, "10.1.0.0/16") && mirrors(&watcher, "10.1.0.0/16"));
}

pub(crate) fn subscribers_live_through_it() {
    let mut hub = Hub::new(prepare());
    let subscriber = hub.subscribe(EventFilter::default(), 1000);
    assert!(matches!(hub.next(subscriber), Some(Delivery::Initial(_))));
    close_beneath(hub.watcher());
    ip("route delete 10.1.0.0/16");
    assert_eq!(hub.wait(Some(PATIENCE)).unwrap_err().kind(), ErrorKind::Closed);
    assert!(hub.next(subscriber).is_none());
    hub.reopen().unwrap();
    let mut told = Vec::new();
    while !hub.watcher().is_settled() {
        hub.wait(Some(PATIENCE)).unwrap();
        while let Some(delivery) = hub.next(subscriber) {
            let Delivery::Event(event) = delivery else { panic!("{delivery:?}") };
            told.push(event.clone());
        }
    }
    assert!(told.iter().any(|event| takes(event, "10.1.0.0/16")), "{told:?}");
}
