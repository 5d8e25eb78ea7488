//! The ways to wait for a watcher.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::os::fd::AsFd;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use async_io::Timer;
use mio::net::UdpSocket;
use mio::{Events, Interest, Token};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{LocalSet, yield_now};
use tokio::time::timeout;
use waypost::{ErrorKind, Event, Watcher};
use waypost_tests::ip::{ip, ip_batch, veth_with_addresses};
use waypost_tests::witness::{settle, watcher};

use super::{PATIENCE, brings, takes};

const AT_ONCE: Option<Duration> = Some(Duration::ZERO);

/// A watcher that has come to rest, beside an interface with addresses.
fn resting() -> Watcher {
    veth_with_addresses("w0", "w1");
    let mut watcher = watcher();
    settle(&mut watcher);
    watcher
}

pub(crate) fn waiting_ends_with_the_time_or_with_an_event() {
    let mut watcher = resting();
    assert!(!watcher.wait(AT_ONCE).unwrap());
    assert!(!watcher.wait(Some(Duration::from_millis(5))).unwrap());
    assert_eq!(watcher.next(AT_ONCE).unwrap(), None);
    ip("route add 10.1.0.0/16 via 10.0.0.2");
    assert!(watcher.wait(Some(PATIENCE)).unwrap());
    assert!(watcher.wait(AT_ONCE).unwrap(), "waiting takes nothing away");
    let event = watcher.next(AT_ONCE).unwrap().expect("it was said to be there");
    assert!(brings(&event, "10.1.0.0/16"), "{event:?}");
    assert_eq!(watcher.try_next().unwrap(), None);
    // The one who waits sleeps before it happens.
    let rival = std::thread::spawn(|| ip("route delete 10.1.0.0/16"));
    let event = watcher.next(Some(PATIENCE)).unwrap().expect("it happens in time");
    assert!(takes(&event, "10.1.0.0/16"), "{event:?}");
    rival.join().unwrap();
}

pub(crate) fn a_first_picture_that_takes_too_long_is_told() {
    veth_with_addresses("w0", "w1");
    ip_batch((0..20_000).map(|n| format!("route add 10.{}.{}.0/24 via 10.0.0.2", 100 + n / 250, n % 250)));
    let mut watcher = Watcher::open().unwrap();
    assert!(!watcher.is_synchronised());
    let mut attempts = 0;
    while let Err(error) = watcher.synchronise(AT_ONCE) {
        assert_eq!(error.kind(), ErrorKind::Busy);
        attempts += 1;
        assert!(attempts < 100_000, "it never ends");
    }
    // Some hundreds of the 20,000 are taken in one go, and the time is looked at after each.
    assert!(attempts > 20, "{attempts}");
    assert!(watcher.is_synchronised());
    assert_eq!(watcher.try_next().unwrap(), None, "the picture has what was told until then");
    assert!(watcher.routes().count() > 20_000);
}

pub(crate) fn a_poll_wakes_when_something_has_changed() {
    let mut watcher = resting();
    let ready = |watcher: &Watcher, patience: PollTimeout| {
        poll(&mut [PollFd::new(watcher.as_fd(), PollFlags::POLLIN)], patience).expect("the socket lives")
    };
    assert_eq!(ready(&watcher, PollTimeout::ZERO), 0);
    ip("route add 10.1.0.0/16 via 10.0.0.2");
    assert_eq!(ready(&watcher, PollTimeout::from(20_000_u16)), 1);
    assert!(watcher.try_next().unwrap().is_some_and(|event| brings(&event, "10.1.0.0/16")));
    assert_eq!(watcher.try_next().unwrap(), None);
    assert_eq!(ready(&watcher, PollTimeout::ZERO), 0, "what was told has been read");
}

const ROUTES: Token = Token(0);
const QUESTIONS: Token = Token(1);

/// Turns of a loop until `done`; each ends with something to read or with the watcher's deadline.
fn turn_until(poll: &mut mio::Poll, watcher: &mut Watcher, mut done: impl FnMut(&mut Watcher, &Events) -> bool) {
    let mut ready = Events::with_capacity(8);
    loop {
        let deadline = watcher.deadline();
        poll.poll(&mut ready, Some(deadline.unwrap_or(PATIENCE))).expect("it polls");
        assert!(!ready.is_empty() || deadline.is_some(), "nothing has happened, nor is anything to be looked at");
        if done(watcher, &ready) {
            return;
        }
    }
}

pub(crate) fn a_mio_loop_serves_the_watcher_beside_a_socket() {
    let mut watcher = resting();
    // Only what has changed is to wake the loop.
    watcher.verify_every(None);
    ip("route add 10.1.0.0/16 via 10.0.0.2");
    settle(&mut watcher);
    let mut poll = mio::Poll::new().unwrap();
    let mut socket = UdpSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    poll.registry().register(&mut watcher, ROUTES, Interest::READABLE).unwrap();
    poll.registry().register(&mut socket, QUESTIONS, Interest::READABLE).unwrap();
    let asker = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    asker.send_to(b"?", socket.local_addr().unwrap()).unwrap();
    turn_until(&mut poll, &mut watcher, |_, ready| ready.iter().any(|event| event.token() == QUESTIONS));

    ip("route add 10.2.0.0/16 via 10.0.0.2");
    turn_until(&mut poll, &mut watcher, |watcher, ready| {
        let told = watcher.try_next().unwrap().is_some_and(|event| brings(&event, "10.2.0.0/16"));
        assert!(!told || ready.iter().any(|event| event.token() == ROUTES));
        told
    });

    // The kernel says nothing of the routes that go: the watcher looks, again when its deadline has come.
    ip("link set w0 down");
    let mut events = Vec::new();
    turn_until(&mut poll, &mut watcher, |watcher, _| {
        events.extend(std::iter::from_fn(|| watcher.try_next().unwrap()));
        watcher.is_settled()
    });
    for gone in ["10.1.0.0/16", "10.2.0.0/16"] {
        assert!(events.iter().any(|event| takes(event, gone)), "{events:?}");
    }
    assert_eq!(watcher.deadline(), None);

    poll.registry().reregister(&mut watcher, Token(7), Interest::READABLE).unwrap();
    ip("link set w0 up");
    turn_until(&mut poll, &mut watcher, |_, ready| ready.iter().any(|event| event.token() == Token(7)));
    poll.registry().deregister(&mut watcher).unwrap();
}

fn tokio() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Waits for `future`, and does `act` once it is asleep: only what it waits for can wake it then.
async fn woken_by<T>(future: impl Future<Output = T>, act: impl FnOnce()) -> T {
    let mut future = pin!(future);
    let mut act = Some(act);
    poll_fn(|context| {
        let polled = future.as_mut().poll(context);
        match (&polled, act.take()) {
            (Poll::Pending, Some(act)) => act(),
            (Poll::Ready(_), Some(_)) => panic!("it did not have to wait"),
            _ => {}
        }
        polled
    })
    .await
}

/// Waits for `future` with async-io's clock for as long as is bearable.
async fn in_time<T>(future: impl Future<Output = T>) -> Option<T> {
    let (mut future, mut timer) = (pin!(future), pin!(Timer::after(PATIENCE)));
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => timer.as_mut().poll(context).map(|_| None),
    })
    .await
}

pub(crate) fn tokio_wakes_the_stream() {
    veth_with_addresses("w0", "w1");
    tokio().block_on(async {
        let mut events = Watcher::open().unwrap().into_tokio_stream().unwrap();
        loop {
            let event = timeout(PATIENCE, events.next()).await.expect("in time").expect("no end").unwrap();
            if event == Event::Synchronised {
                break;
            }
        }
        for n in 0..3 {
            while timeout(Duration::from_millis(20), events.next()).await.is_ok() {}
            let next = woken_by(timeout(PATIENCE, events.next()), || drop(ip(&format!("route add 10.{n}.0.0/16 via 10.0.0.2"))));
            let event = next.await.expect("in time").expect("no end").unwrap();
            assert!(brings(&event, &format!("10.{n}.0.0/16")), "{event:?}");
        }
        assert!(events.watcher().routes().any(|route| route.slot.destination.to_string() == "10.2.0.0/16"));
        let mut watcher = events.into_watcher();
        ip("route delete 10.2.0.0/16");
        assert!(watcher.next(Some(PATIENCE)).unwrap().is_some_and(|event| takes(&event, "10.2.0.0/16")));
    });
}

pub(crate) fn async_io_wakes_the_stream() {
    let watcher = resting();
    async_io::block_on(async {
        let mut events = watcher.into_async_io_stream().unwrap();
        for n in 0..3 {
            let next = woken_by(in_time(events.next()), || drop(ip(&format!("route add 10.{n}.0.0/16 via 10.0.0.2"))));
            let event = next.await.expect("in time").expect("no end").unwrap();
            assert!(brings(&event, &format!("10.{n}.0.0/16")), "{event:?}");
        }
        let mut watcher = events.into_watcher();
        ip("route delete 10.2.0.0/16");
        assert!(watcher.next(Some(PATIENCE)).unwrap().is_some_and(|event| takes(&event, "10.2.0.0/16")));
    });
}

/// An overrun and silent losses are looked into when the kernel is calm: nothing but the clock wakes the stream then.
pub(crate) fn the_streams_wake_for_what_the_watcher_wants_to_look_at() {
    let mut watcher = resting();
    let is_end = |event: &Event| matches!(event, Event::Resynced { .. });
    watcher.resync();
    let mut watcher = tokio().block_on(async {
        let mut events = watcher.into_tokio_stream().unwrap();
        while !is_end(&timeout(PATIENCE, events.next()).await.expect("in time").expect("no end").unwrap()) {}
        events.into_watcher()
    });
    settle(&mut watcher);
    watcher.resync();
    async_io::block_on(async {
        let mut events = watcher.into_async_io_stream().unwrap();
        while !is_end(&in_time(events.next()).await.expect("in time").expect("no end").unwrap()) {}
    });
}

/// A wait can be longer than the clock can say, or than the system call can.
pub(crate) fn a_wait_can_be_as_long_as_one_likes() {
    veth_with_addresses("w0", "w1");
    let mut watcher = Watcher::open().unwrap();
    watcher.synchronise(Some(Duration::MAX)).unwrap();
    settle(&mut watcher);
    let months = Duration::from_secs(90 * 24 * 60 * 60);
    for (n, long) in [Duration::MAX, months].into_iter().enumerate() {
        let rival = std::thread::spawn(move || ip(&format!("route add 10.{n}.0.0/16 via 10.0.0.2")));
        assert!(watcher.wait(Some(long)).unwrap());
        rival.join().unwrap();
        settle(&mut watcher);
    }
}

/// While there is always one more event, the other tasks of the thread have their turns.
pub(crate) fn a_stream_of_many_events_lets_others_have_their_turns() {
    let watcher = resting();
    ip_batch((0..5000).map(|n| format!("route add 10.{}.{}.0/24 via 10.0.0.2", 100 + n / 250, n % 250)));
    let turns = Rc::new(Cell::new(0));
    let mut told = 0;
    let tasks = LocalSet::new();
    tasks.spawn_local({
        let turns = Rc::clone(&turns);
        async move {
            loop {
                turns.set(turns.get() + 1);
                yield_now().await;
            }
        }
    });
    tokio().block_on(tasks.run_until(async {
        let mut events = watcher.into_tokio_stream().unwrap();
        while told < 5000 {
            let event = timeout(PATIENCE, events.next()).await.expect("in time").expect("no end").unwrap();
            told += usize::from(matches!(event, Event::Route { .. }));
        }
    }));
    // The kernel's messages were all there at the start: nothing had to be waited for.
    assert!(turns.get() > 20, "{} turns in {told} events", turns.get());
}

pub(crate) fn a_future_that_is_dropped_loses_nothing() {
    let watcher = resting();
    let (mut told, mut dropped) = (0, 0);
    tokio().block_on(async {
        let mut events = watcher.into_tokio_stream().unwrap();
        for round in 0..20 {
            ip_batch((0..50).map(|n| format!("route add 10.{}.{n}.0/24 via 10.0.0.2", 100 + round)));
            // The time is up at once, or after one event, or in between.
            while let Ok(event) = timeout(Duration::ZERO, events.next()).await {
                told += usize::from(matches!(event, Some(Ok(Event::Route { .. }))));
            }
            dropped += 1;
        }
        while told < 1000 {
            let event = timeout(PATIENCE, events.next()).await.expect("nothing is lost");
            told += usize::from(matches!(event, Some(Ok(Event::Route { .. }))));
        }
        assert!(timeout(Duration::from_millis(5), events.next()).await.is_err(), "nothing is told twice");
    });
    assert_eq!((told, dropped), (1000, 20));
}
