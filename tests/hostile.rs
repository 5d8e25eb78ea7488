//! Hostile bytes under a limit: whatever is said to Waypost, its memory has a bound.
//!
//! A child process of this program, whose address space is limited, is told what no kernel says, far more of it than it may have memory for.
//! It has to go on to the end. To show that the limit bites, another one keeps what it is told, and must fail.

use std::process::{Command, ExitCode, Output};

use waypost::decode::Decoder;
use waypost::{Mirror, Notices};
use waypost_core::{Dump, Family, Now, RouteFilter, Ticket};
use waypost_netlink::session::{Datagram, EventLane};
use waypost_tests::namespace::run;
use waypost_tests::seeded::Seeded;
use waypost_tests::test;

/// Names what a child process is to do.
const PLAY: &str = "WAYPOST_HOSTILE";

/// How large a child process may become in all, its program and libraries included: SECURITY.md states it.
const LIMIT: u64 = 64 << 20;

/// As much as a kernel's datagram has at most.
const DATAGRAM: usize = 32 << 10;

/// How many times each datagram comes.
const TIMES: usize = 500;

/// How many notices one datagram can make: it has no more messages than headers fit in, and one that says something of itself.
const NOTICES_MAX: usize = DATAGRAM / 16 + 2;

const PORT: u32 = 7;
/// No request has this number.
const SEQUENCE: u32 = 99;
const NEW_ROUTE: u16 = 24;
const MULTIPATH: u16 = 9;

/// A message of this kind, in answer to whoever has this port, or news where it is zero.
fn message(kind: u16, port: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (16 + payload.len() as u32).to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend([0, 0]);
    bytes.extend(SEQUENCE.to_ne_bytes());
    bytes.extend(port.to_ne_bytes());
    bytes.extend(payload);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// An attribute, whose length can be a lie.
fn attribute(kind: u16, length: u16, payload: &[u8]) -> Vec<u8> {
    [&length.to_ne_bytes(), &kind.to_ne_bytes(), payload].concat()
}

/// A route to an IPv4 prefix of this number, with such attributes behind its header.
fn route(number: u8, attributes: &[u8]) -> Vec<u8> {
    let header = [2, 24, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0];
    let destination = attribute(1, 8, &[10, 0, number, 0]);
    message(NEW_ROUTE, 0, &[&header[..], &destination, attributes].concat())
}

fn repeated(one: &[u8]) -> Vec<u8> {
    one.repeat(DATAGRAM / one.len())
}

/// What no kernel says.
fn datagrams() -> Vec<(&'static str, Vec<u8>)> {
    // As many next hops as a datagram holds: some hundreds of these are a million.
    let hops: Vec<u8> = (0..(DATAGRAM - 64) / 8).flat_map(|n| [8, 0, 0, (n % 256) as u8, 2, 0, 0, 0]).collect();
    let length = (hops.len() + 4) as u16;
    // Each attribute is inside the one before.
    let nested: Vec<u8> =
        (0..(DATAGRAM - 64) / 4).flat_map(|n| attribute(MULTIPATH | 0x8000, length - 4 * n as u16, &[])).collect();
    let mut seeded = Seeded::new(5);
    let noise: Vec<u8> = (0..DATAGRAM).map(|_| seeded.below(256) as u8).collect();
    vec![
        ("next hops", route(1, &attribute(MULTIPATH, length, &hops))),
        ("nested attributes", route(2, &nested)),
        ("attributes longer than the message", repeated(&route(3, &attribute(5, u16::MAX, &[1, 2, 3, 4])))),
        ("attributes of no length", repeated(&route(4, &attribute(5, 0, &[])))),
        ("unknown attributes", route(5, &attribute(999, 20, &[7; 16]).repeat(1600))),
        ("messages of no length", vec![0; DATAGRAM]),
        ("messages longer than the datagram", u32::MAX.to_ne_bytes().repeat(DATAGRAM / 4)),
        ("messages of nothing but a header", repeated(&message(NEW_ROUTE, 0, &[]))),
        ("ends of dumps that nobody asked for", repeated(&message(3, PORT, &[0; 4]))),
        ("answers to what was not asked", repeated(&message(2, PORT, &[0; 20]))),
        ("noise", noise),
    ]
}

/// Has a session and a mirror told all of it, by the kernel's port and by another's, amid a dump and not.
fn play_netlink(hoards: bool) {
    let (mut lane, mut mirror, mut events) = (EventLane::new(PORT, 1), Mirror::new(), Vec::new());
    let (mut out, mut hoard) = (Notices::new(), Vec::new());
    let (now, filter) = (Now::default(), RouteFilter::default());
    for (what, bytes) in datagrams() {
        // A dump waits, so that anything may be taken for a part of it.
        lane.submit(now, Ticket(1), Dump::Routes(Family::V4, &filter)).expect("it can be asked for");
        if lane.outgoing().is_some() {
            lane.sent();
        }
        for turn in 0..TIMES {
            let port = if turn % 2 == 0 { 0 } else { 4242 };
            lane.receive(now, Datagram { bytes: &bytes, port, truncated: turn % 64 == 0 }, &mut out);
            assert!(out.len() <= NOTICES_MAX, "{what}: {} notices", out.len());
            for notice in out.drain(..) {
                match hoards {
                    true => hoard.push(notice),
                    false => mirror.handle(notice, &mut events),
                }
            }
            events.clear();
        }
        assert!(mirror.routes().count() <= 8, "{what}: there are no more destinations");
    }
    // Some of it is a route after all: what was refused at the door would show nothing.
    assert!(hoards || mirror.routes().count() >= 2, "{} routes", mirror.routes().count());
    println!("{} kept", hoard.len());
}

/// Has the decoders of all systems told noise that begins as a message of theirs does.
fn play_decoders() {
    let mut seeded = Seeded::new(9);
    for name in Decoder::names() {
        let decoder = Decoder::named(name).expect("it is named");
        for turn in 0..TIMES / 4 {
            let mut bytes: Vec<u8> = (0..DATAGRAM / 8).map(|_| seeded.below(256) as u8).collect();
            let length = seeded.pick(&[0, 1, 4, 92, 152, DATAGRAM as u16 / 8, u16::MAX]);
            bytes.splice(..4, [length.to_ne_bytes()[0], length.to_ne_bytes()[1], 5, (turn % 26) as u8]);
            match turn % 3 {
                // Addresses are there without number, and have no length.
                0 => bytes.iter_mut().skip(12).for_each(|byte| *byte = 0xff),
                1 => bytes.iter_mut().skip(92).for_each(|byte| *byte = 0),
                _ => {}
            }
            assert!(decoder.items(&bytes).len() <= bytes.len(), "{name}");
        }
    }
}

fn child(play: &str) -> Output {
    let program = std::env::current_exe().expect("this program has a path");
    let mut limited = Command::new("prlimit");
    limited.arg(format!("--as={LIMIT}")).arg("--").arg(program).env(PLAY, play).env("RUST_BACKTRACE", "0");
    limited.output().expect("prlimit starts")
}

#[track_caller]
fn goes_on_to_the_end(play: &str) {
    let output = child(play);
    assert!(output.status.success(), "{play}: {} {}", output.status, String::from_utf8_lossy(&output.stderr));
}

fn what_a_netlink_socket_says_takes_no_more_memory_than_is_stated() {
    goes_on_to_the_end("netlink");
}

fn what_a_decoder_is_given_takes_no_more_memory_than_is_stated() {
    goes_on_to_the_end("decoders");
}

fn whoever_keeps_what_is_said_hits_the_limit() {
    let output = child("hoard");
    assert!(!output.status.success(), "the limit is none: {}", String::from_utf8_lossy(&output.stdout));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("memory allocation"), "it fails for another reason: {said}");
}

fn main() -> ExitCode {
    match std::env::var(PLAY).as_deref() {
        Ok("netlink") => play_netlink(false),
        Ok("hoard") => play_netlink(true),
        Ok("decoders") => play_decoders(),
        _ => {
            return run(&[
                test!(what_a_netlink_socket_says_takes_no_more_memory_than_is_stated),
                test!(what_a_decoder_is_given_takes_no_more_memory_than_is_stated),
                test!(whoever_keeps_what_is_said_hits_the_limit),
            ]);
        }
    }
    ExitCode::SUCCESS
}
