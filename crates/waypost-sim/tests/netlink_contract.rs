//! The contract, of the simulated kernel through rtnetlink's bytes, and what a program makes of bytes that are damaged on the way.
#![cfg(feature = "netlink")]

use std::time::Duration;

use waypost_core::{
    Dump, Family, IfIndex, Kernel, Notice, Notices, Now, Outcome, Request, Route, RouteChange, RouteFilter, Ticket,
};
use waypost_sim::contract::{self, World};
use waypost_sim::netlink::{ByteFault, NetlinkKernel, NetlinkSockets, SocketName};
use waypost_sim::{Fault, Profile, Sim};

macro_rules! each {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                let sim = Sim::new(Profile::linux());
                contract::$name(&mut World::of_machine(&sim, NetlinkKernel::new(&sim)));
            }
        )*
    };
}

waypost_sim::contract_tests!(each);

const NOW: Now = Now::awake(Duration::ZERO);

fn route(words: &str) -> Route {
    words.parse().unwrap()
}

fn machine() -> (Sim, IfIndex) {
    let sim = Sim::new(Profile::linux());
    let link = sim.add_link("w0");
    sim.set_up(link, true).unwrap();
    sim.add_address(link, "10.0.0.2".parse().unwrap(), 24).unwrap();
    (sim, link)
}

fn hear(kernel: &mut NetlinkKernel) -> Notices {
    let mut notices = Notices::new();
    while kernel.drain(NOW, 64, &mut notices).unwrap() == waypost_core::Drained::More {}
    notices
}

/// What is heard of a route that comes while this goes wrong with what tells of it.
fn heard_amid(fault: ByteFault) -> Notices {
    let (sim, _) = machine();
    let mut kernel = NetlinkKernel::new(&sim);
    kernel.suffer_bytes(fault, 1);
    sim.rival(RouteChange::Add, &route("10.1.0.0/16 via 10.0.0.1")).unwrap();
    sim.rival(RouteChange::Add, &route("10.2.0.0/16 via 10.0.0.1")).unwrap();
    hear(&mut kernel)
}

fn routes_in(notices: &Notices) -> usize {
    notices.iter().filter(|notice| matches!(notice, Notice::Route(..))).count()
}

#[test]
fn bytes_that_are_cut_off_are_an_overrun() {
    let notices = heard_amid(ByteFault::Truncate);
    assert!(matches!(notices[..], [Notice::Overrun, Notice::Route(..)]), "{notices:?}");
}

#[test]
fn bytes_that_make_no_sense_spoil_themselves() {
    for fault in [ByteFault::Cut, ByteFault::Corrupt] {
        let notices = heard_amid(fault);
        assert!(matches!(notices[..], [Notice::Undecodable { in_dump: false, .. }, Notice::Route(..)]), "{fault:?}: {notices:?}");
    }
}

#[test]
fn what_another_program_sends_is_not_believed() {
    let notices = heard_amid(ByteFault::Forge);
    assert_eq!((routes_in(&notices), notices.len()), (2, 3), "{notices:?}");
    assert!(matches!(notices[1], Notice::Foreign));
    // It would have been, but for the port.
    assert_eq!(routes_in(&heard_amid(ByteFault::Duplicate)), 3);
}

#[test]
fn a_dump_that_the_kernel_gives_up_is_told_so() {
    let (sim, _) = machine();
    let mut kernel = NetlinkKernel::new(&sim);
    kernel.suffer(Fault::RefuseDumps { count: 1, kind: waypost_core::ErrorKind::NotPermitted });
    let filter = RouteFilter::default();
    for expected in [Some(waypost_core::ErrorKind::NotPermitted), None] {
        kernel.submit(NOW, Ticket(1), Request::Dump(Dump::Routes(Family::V4, &filter))).unwrap();
        kernel.flush().unwrap();
        let notices = hear(&mut kernel);
        let Some(Notice::DumpDone(Ticket(1), end)) = notices.last() else { panic!("{notices:?}") };
        assert_eq!(end.error.as_ref().map(waypost_core::Error::kind), expected);
    }
}

#[test]
fn a_dump_whose_parts_are_interrupted_or_damaged_says_so() {
    let (sim, _) = machine();
    let mut kernel = NetlinkKernel::new(&sim);
    let filter = RouteFilter::default();
    for (fault, is_interrupted, is_odd) in [(Fault::InterruptDumps(1), true, false), (Fault::SpoilListed(1), false, true)] {
        kernel.suffer(fault);
        kernel.submit(NOW, Ticket(1), Request::Dump(Dump::Routes(Family::V4, &filter))).unwrap();
        kernel.flush().unwrap();
        let notices = hear(&mut kernel);
        let Some(Notice::DumpDone(_, end)) = notices.last() else { panic!("{notices:?}") };
        assert_eq!(end.interrupted, is_interrupted);
        assert_eq!(notices.iter().any(|notice| matches!(notice, Notice::Undecodable { in_dump: true, .. })), is_odd);
    }
}

#[test]
fn an_outcome_that_is_lost_is_unknown_in_time() {
    let (sim, _) = machine();
    let mut kernel = NetlinkKernel::new(&sim);
    kernel.suffer(Fault::LoseOutcomes(1));
    let wanted = route("10.1.0.0/16 via 10.0.0.1");
    kernel.submit(NOW, Ticket(7), Request::Route(RouteChange::Add, &wanted)).unwrap();
    kernel.flush().unwrap();
    assert_eq!(routes_in(&hear(&mut kernel)), 1, "it was done");
    let due = kernel.deadline().expect("an answer is overdue some time");
    let mut notices = Notices::new();
    kernel.drain(due, 64, &mut notices).unwrap();
    assert!(matches!(notices[..], [Notice::Outcome(Ticket(7), Outcome::Unknown)]), "{notices:?}");
}

#[test]
fn a_socket_that_is_opened_anew_answers_what_was_asked() {
    let (sim, _) = machine();
    let mut kernel = NetlinkKernel::new(&sim);
    let (filter, wanted) = (RouteFilter::default(), route("10.1.0.0/16 via 10.0.0.1"));
    kernel.submit(NOW, Ticket(1), Request::Route(RouteChange::Add, &wanted)).unwrap();
    kernel.submit(NOW, Ticket(2), Request::Dump(Dump::Routes(Family::V4, &filter))).unwrap();
    kernel.submit(NOW, Ticket(3), Request::Dump(Dump::Links)).unwrap();
    kernel.flush().unwrap();
    kernel.suffer(Fault::Close);
    assert_eq!(kernel.drain(NOW, 64, &mut Notices::new()).unwrap_err().kind(), waypost_core::ErrorKind::Closed);
    kernel.reopen().unwrap();
    let notices = hear(&mut kernel);
    let has = |wanted: &dyn Fn(&Notice) -> bool| notices.iter().any(wanted);
    assert!(has(&|notice| matches!(notice, Notice::Outcome(Ticket(1), Outcome::Unknown))), "{notices:?}");
    assert!(has(&|notice| matches!(notice, Notice::DumpDone(Ticket(2), end) if end.error.is_some())));
    assert!(has(&|notice| matches!(notice, Notice::DumpDone(Ticket(3), end) if end.error.is_none())), "that one waited");
}

/// A request's bytes, and the number with which it is refused; zero is none.
fn refused(bytes: &[u8]) -> i32 {
    let (sim, _) = machine();
    let mut sockets = NetlinkSockets::new(&sim);
    sockets.send(NOW, SocketName::Requests, bytes).unwrap();
    let told = sockets.receive(NOW, SocketName::Requests).unwrap().expect("an acknowledgement");
    i32::from_ne_bytes(told.bytes[16..20].try_into().unwrap())
}

#[test]
fn bytes_that_ask_for_nothing_are_refused() {
    let request = |kind: u16, flags: u16, body: &[u8]| {
        let length = u32::try_from(16 + body.len()).unwrap();
        [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), &flags.to_ne_bytes(), &[0; 8], body].concat()
    };
    let blackhole = [2, 0, 0, 0, 254, 4, 0, 6, 0, 0, 0, 0];
    assert_eq!(refused(&request(24, 0x605, &blackhole)), 0, "a default route that drops all");
    assert_eq!(refused(&request(24, 0x605, &blackhole[..8])), -22, "half a header");
    assert_eq!(refused(&request(24, 0x605, &[&blackhole[..], &[9, 0, 1, 0, 10]].concat())), -22, "an attribute that is too long");
    assert_eq!(refused(&request(24, 0x605, &[&blackhole[..], &[5, 0, 1, 0, 10, 0, 0, 0]].concat())), -22, "half an address");
    assert_eq!(refused(&request(24, 0x005, &blackhole)), -2, "neither to be made nor to replace anything");
    assert_eq!(refused(&request(999, 0x5, &blackhole)), -95, "a type that there is not");
}
