//! What goes wrong between the simulated kernel and a program, by schedule.

use std::time::Duration;

use waypost_core::{
    Drained, Dump, ErrorKind, Family, Kernel, Notice, Notices, Now, Outcome, Request, Route, RouteChange, RouteFilter, RouteVerb,
    TableId, Ticket,
};
use waypost_sim::{Fault, Profile, Sim, SimKernel};

const START: Now = Now::awake(Duration::ZERO);

fn machine() -> Sim {
    let sim = Sim::new(Profile::linux());
    let link = sim.add_link("w0");
    sim.set_up(link, true).unwrap();
    sim.add_address(link, "10.0.0.2".parse().unwrap(), 24).unwrap();
    sim.add_address(link, "2001:db8::2".parse().unwrap(), 64).unwrap();
    sim
}

fn route(words: &str) -> Route {
    words.parse().unwrap()
}

fn net(number: u32) -> Route {
    route(&format!("10.{}.{}.0/24 via 10.0.0.1 metric 5", 1 + number / 256, number % 256))
}

fn net6(number: u32) -> Route {
    route(&format!("2001:db8:{:x}::/48 via 2001:db8::1 metric 5", 0x100 + number))
}

fn submit(kernel: &mut SimKernel, ticket: u64, request: Request<'_>) {
    kernel.submit(START, Ticket(ticket), request).unwrap();
    kernel.flush().unwrap();
}

fn drain_all(kernel: &mut SimKernel, now: Now) -> Notices {
    let mut notices = Notices::new();
    while kernel.drain(now, 64, &mut notices).unwrap() == Drained::More {}
    notices
}

/// A dump of the main table, with `between` done before each batch but the first.
fn dump(kernel: &mut SimKernel, family: Family, mut between: impl FnMut(usize)) -> Vec<Route> {
    drain_all(kernel, START);
    let mut filter = RouteFilter::default();
    filter.table = Some(TableId::MAIN);
    submit(kernel, 1, Request::Dump(Dump::Routes(family, &filter)));
    let mut listed = Vec::new();
    for round in 0.. {
        let mut notices = Notices::new();
        kernel.drain(START, usize::MAX, &mut notices).unwrap();
        let is_done = notices.iter().any(|notice| matches!(notice, Notice::DumpDone(..)));
        listed.extend(notices.into_iter().filter_map(|notice| match notice {
            Notice::Route(RouteVerb::Listed, route) => Some(route),
            _ => None,
        }));
        if is_done {
            break;
        }
        between(round);
    }
    listed
}

#[test]
fn every_program_hears_what_any_of_them_does() {
    let sim = machine();
    let (mut one, mut other) = (sim.kernel(), sim.kernel());
    submit(&mut one, 7, Request::Route(RouteChange::Add, &net(1)));
    sim.rival(RouteChange::Add, &net(2)).unwrap();
    let own = drain_all(&mut one, START);
    assert!(matches!(own[..], [Notice::Outcome(Ticket(7), Outcome::Done), Notice::Route(..), Notice::Route(..)]), "{own:?}");
    let heard = drain_all(&mut other, START);
    assert!(matches!(heard[..], [Notice::Route(..), Notice::Route(..)]), "{heard:?}");
}

#[test]
fn a_full_buffer_loses_all_until_it_is_empty_and_says_so_once() {
    let sim = machine();
    let mut kernel = sim.kernel();
    kernel.suffer(Fault::ReceiveBuffer(4));
    (0..10).for_each(|number| sim.rival(RouteChange::Add, &net(number)).unwrap());
    let mut notices = Notices::new();
    kernel.drain(START, 3, &mut notices).unwrap();
    assert!(matches!(notices[..], [Notice::Overrun, Notice::Route(..), Notice::Route(..)]), "{notices:?}");
    sim.rival(RouteChange::Add, &net(11)).unwrap();
    let rest = drain_all(&mut kernel, START);
    assert_eq!(rest.len(), 2, "there was room again, but the queue was not empty: {rest:?}");
    sim.rival(RouteChange::Add, &net(12)).unwrap();
    assert!(matches!(drain_all(&mut kernel, START)[..], [Notice::Route(..)]));
}

#[test]
fn events_are_lost_with_a_word_or_without() {
    for signalled in [false, true] {
        let sim = machine();
        let mut kernel = sim.kernel();
        kernel.suffer(Fault::LoseEvents { count: 2, signalled });
        (0..3).for_each(|number| sim.rival(RouteChange::Add, &net(number)).unwrap());
        let heard = drain_all(&mut kernel, START);
        assert_eq!(heard.iter().filter(|notice| matches!(notice, Notice::Route(..))).count(), 1);
        assert_eq!(heard.iter().any(|notice| matches!(notice, Notice::Overrun)), signalled);
    }
}

#[test]
fn a_lost_outcome_is_unknown_in_the_end_though_it_was_done() {
    let sim = machine();
    let mut kernel = sim.kernel();
    kernel.suffer(Fault::LoseOutcomes(1));
    submit(&mut kernel, 1, Request::Route(RouteChange::Add, &net(1)));
    assert!(matches!(drain_all(&mut kernel, START)[..], [Notice::Route(RouteVerb::Added, _)]));
    let deadline = kernel.deadline().expect("it wants to be asked when the outcome is overdue");
    assert!(matches!(drain_all(&mut kernel, deadline)[..], [Notice::Outcome(Ticket(1), Outcome::Unknown)]));
    assert_eq!(kernel.deadline(), None);
}

#[test]
fn a_late_outcome_comes_when_it_is_due() {
    let sim = machine();
    let mut kernel = sim.kernel();
    let delay = Duration::from_millis(300);
    kernel.suffer(Fault::DelayOutcomes(delay));
    submit(&mut kernel, 1, Request::Route(RouteChange::Add, &net(1)));
    assert_eq!(kernel.deadline(), Some(START + delay));
    assert!(matches!(drain_all(&mut kernel, START)[..], [Notice::Route(..)]));
    assert!(matches!(drain_all(&mut kernel, START + delay)[..], [Notice::Outcome(Ticket(1), Outcome::Done)]));
}

#[test]
fn a_request_refused_by_schedule_is_not_carried_out() {
    let sim = machine();
    let mut kernel = sim.kernel();
    kernel.suffer(Fault::RefuseRequests { count: 1, kind: ErrorKind::Busy });
    submit(&mut kernel, 1, Request::Route(RouteChange::Add, &net(1)));
    submit(&mut kernel, 2, Request::Route(RouteChange::Add, &net(1)));
    let heard = drain_all(&mut kernel, START);
    let [Notice::Outcome(Ticket(1), Outcome::Failed(error)), Notice::Outcome(Ticket(2), Outcome::Done), Notice::Route(..)] =
        &heard[..]
    else {
        panic!("{heard:?}");
    };
    assert_eq!(error.kind(), ErrorKind::Busy);
}

#[test]
fn a_burst_tears_holes_into_an_ipv6_dump_and_none_into_an_ipv4_one() {
    for (family, of, torn) in [(Family::V4, net as fn(u32) -> Route, false), (Family::V6, net6, true)] {
        let sim = machine();
        (0..40).for_each(|number| sim.rival(RouteChange::Add, &of(number)).unwrap());
        let mut kernel = sim.kernel();
        kernel.suffer(Fault::DumpBatch(10));
        let listed = dump(&mut kernel, family, |round| {
            if round == 0 {
                sim.rival(RouteChange::Delete, &of(0)).unwrap();
            }
        });
        let missing = (1..40).filter(|&number| !listed.iter().any(|route| route.slot == of(number).slot)).count();
        assert_eq!(missing, usize::from(torn), "{family}: of the routes that nobody touched");
    }
}

#[test]
fn a_burst_makes_an_ipv6_dump_repeat_itself() {
    let sim = machine();
    (10..40).for_each(|number| sim.rival(RouteChange::Add, &net6(number)).unwrap());
    let mut kernel = sim.kernel();
    kernel.suffer(Fault::DumpBatch(10));
    let before = |round| (0..2).for_each(|one| sim.rival(RouteChange::Add, &net6(3 * one + round as u32)).unwrap());
    let listed = dump(&mut kernel, Family::V6, |round| {
        if round < 2 {
            before(round)
        }
    });
    let twice = (10..40).filter(|&number| listed.iter().filter(|route| route.slot == net6(number).slot).count() == 2).count();
    assert_eq!(twice, 4);
}

#[test]
fn dumps_can_be_kept_whole() {
    let sim = machine();
    (0..40).for_each(|number| sim.rival(RouteChange::Add, &net6(number)).unwrap());
    let mut kernel = sim.kernel();
    kernel.suffer(Fault::DumpBatch(10));
    kernel.suffer(Fault::WholeDumps(true));
    let listed = dump(&mut kernel, Family::V6, |round| {
        if round == 0 {
            sim.rival(RouteChange::Delete, &net6(0)).unwrap();
        }
    });
    assert!((1..40).all(|number| listed.iter().filter(|route| route.slot == net6(number).slot).count() == 1));
}

#[test]
fn a_link_can_get_the_number_of_another() {
    let sim = machine();
    let old = sim.link("w0").unwrap();
    sim.remove_link(old).unwrap();
    let mut kernel = sim.kernel();
    sim.add_link_at(old, "other");
    sim.rename(old, "w0").unwrap();
    let heard = drain_all(&mut kernel, START);
    let names: Vec<&str> = heard
        .iter()
        .filter_map(|notice| match notice {
            Notice::Link(_, link) if link.index == old => Some(link.name.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(names, ["other", "w0"]);
}
