//! What is beyond the contract, and can be tried on a kernel that this process has to itself.

use std::cell::Cell;
use std::net::Ipv4Addr;
use std::rc::Rc;

use waypost_core::{
    Dump, Kernel as _, LossSignal, Notice, Notices, Now, Outcome, Request, Route, RouteChange, RouteVerb, Ticket, Verb,
};
use waypost_sim::contract::World;

use crate::kernel::{Foreign, ForeignKernel};

/// A test, by its name.
pub(crate) type Test = (&'static str, fn(Foreign));

pub(crate) const TESTS: &[Test] = &[
    ("an_interface_comes_and_goes", an_interface_comes_and_goes),
    ("a_changed_mtu_is_listed", a_changed_mtu_is_listed),
    ("a_datagram_without_a_route_is_a_miss", a_datagram_without_a_route_is_a_miss),
    ("a_socket_that_was_shut_down_hears_nothing", a_socket_that_was_shut_down_hears_nothing),
    ("nonsense_of_others_ends_nothing", nonsense_of_others_ends_nothing),
    ("what_is_lost_is_told_where_the_kernel_tells", what_is_lost_is_told_where_the_kernel_tells),
];

/// Gives the kernel the time to say what it has to say of something that was done.
const TICKS: i32 = 20;

fn an_interface_comes_and_goes(foreign: Foreign) {
    let mut world = foreign.world(false);
    let names = |notices: &Notices, verb: Verb| -> Vec<String> {
        let links = notices.iter().filter_map(|notice| match notice {
            Notice::Link(of, link) if *of == verb => Some(link.name.to_string()),
            _ => None,
        });
        links.collect()
    };
    let before = names(&world.list(Dump::Links), Verb::Listed);
    foreign.lib.create_clone().expect("another interface");
    foreign.lib.tick(TICKS);
    let said = world.said();
    let after = names(&world.list(Dump::Links), Verb::Listed);
    let new: Vec<&String> = after.iter().filter(|name| !before.contains(name)).collect();
    assert_eq!(new.len(), 1, "{before:?} and then {after:?}");
    assert!(names(&said, Verb::Present).contains(new[0]), "{said:?}");
    foreign.lib.destroy_clone().expect("it goes");
    foreign.lib.tick(TICKS);
    let said = world.said();
    assert!(names(&said, Verb::Removed).contains(new[0]), "{said:?}");
    assert_eq!(names(&world.list(Dump::Links), Verb::Listed), before);
}

fn a_changed_mtu_is_listed(foreign: Foreign) {
    let mut world = foreign.world(false);
    let w0 = world.index("w0");
    foreign.lib.set_mtu(1400).expect("it can be changed");
    foreign.lib.tick(TICKS);
    drop(world.said());
    let is_w0 = |notice: &Notice| matches!(notice, Notice::Link(Verb::Listed, link) if link.index == w0 && link.mtu == 1400);
    assert!(world.list(Dump::Links).iter().any(is_w0));
}

fn a_datagram_without_a_route_is_a_miss(foreign: Foreign) {
    let mut world = foreign.world(true);
    let nowhere = Ipv4Addr::new(192, 0, 2, 1);
    foreign.lib.send(nowhere);
    foreign.lib.tick(TICKS);
    let said = world.said();
    let is_it = |notice: &Notice| matches!(notice, Notice::Miss(miss) if miss.destination == nowhere);
    assert!(said.iter().any(is_it), "{said:?}");
}

fn a_socket_that_was_shut_down_hears_nothing(foreign: Foreign) {
    let mut world = foreign.world(false);
    let mut deaf = foreign.program(false, Rc::new(Cell::new(0)));
    foreign.lib.shut_down_reading(deaf.transport().events()).expect("it can be shut down");
    let route = world.route("10.1.0.0/16 via 10.0.0.1");
    let said = asked(foreign, &mut deaf, &route);
    assert!(said.iter().any(|notice| matches!(notice, Notice::Outcome(_, Outcome::Done))), "{said:?}");
    assert!(!said.iter().any(|notice| matches!(notice, Notice::Route(..))), "{said:?}");
    assert_eq!(world.gateways("10.1.0.0/16"), [["10.0.0.1"]], "though it was done");
}

/// Has a program add a route, and gives what it was told until nothing more came.
fn asked(foreign: Foreign, kernel: &mut ForeignKernel, route: &Route) -> Notices {
    kernel.submit(Now::default(), Ticket(1), Request::Route(RouteChange::Add, route)).expect("it can be said");
    kernel.flush().expect("it is written");
    foreign.lib.tick(TICKS);
    let mut said = Notices::new();
    kernel.drain(Now::default(), 10_000, &mut said).expect("the kernel answers");
    said
}

fn nonsense_of_others_ends_nothing(foreign: Foreign) {
    let mut world = foreign.world(false);
    let socket = foreign.lib.socket().expect("a socket");
    let size = usize::from(foreign.dialect.request.addrs.size);
    let mut base = vec![0; size + 40];
    let length = u16::try_from(base.len()).expect("it is short").to_ne_bytes();
    base[..2].copy_from_slice(&length);
    (base[2], base[3]) = (foreign.dialect.version, 1);
    // A version and a type that are none; a length that is more than what is written, and one that is less; a sockaddr that
    // runs past the end; a header that is cut.
    let edits: [fn(&mut Vec<u8>, usize); 6] = [
        |bytes, _| bytes[2] = 77,
        |bytes, _| bytes[3] = 200,
        |bytes, _| bytes.extend([0; 8]),
        |bytes, _| bytes.truncate(bytes.len() - 8),
        |bytes, size| bytes[size] = 255,
        |bytes, _| bytes.truncate(20),
    ];
    for edit in edits {
        let mut bytes = base.clone();
        edit(&mut bytes, size);
        // Some kernels take some of it for a request; then it is one that fails.
        let _refused = foreign.lib.write(socket, &bytes);
        foreign.lib.tick(TICKS);
    }
    foreign.lib.close(socket);
    let said = world.said();
    assert!(!said.iter().any(|notice| matches!(notice, Notice::Route(..) | Notice::Undecodable { .. })), "{said:?}");
    world.must(RouteChange::Add, "10.1.0.0/16 via 10.0.0.1");
    let verbs: Vec<_> = world.said_of("10.1.0.0/16").into_iter().map(|(verb, _)| verb).collect();
    assert_eq!(verbs, [RouteVerb::Added], "the stream goes on");
}

fn what_is_lost_is_told_where_the_kernel_tells(foreign: Foreign) {
    let mut world = foreign.world(false);
    let mut slow = foreign.program(false, Rc::new(Cell::new(0)));
    foreign.lib.set_option(slow.transport().events(), 0xffff, 0x1002, 8192).expect("a small buffer");
    let count = 200;
    for net in 0..count {
        world.must(RouteChange::Add, &format!("10.100.{net}.0/24 via 10.0.0.1"));
    }
    let mut said = Notices::new();
    slow.drain(Now::default(), 10_000, &mut said).expect("the kernel answers");
    let heard = said.iter().filter(|notice| matches!(notice, Notice::Route(..))).count();
    assert!(heard < count, "8192 bytes are not enough for {count} messages");
    let is_told = said.iter().any(|notice| matches!(notice, Notice::Overrun));
    assert_eq!(is_told, slow.capabilities().loss_signal != LossSignal::None, "{} heard", heard);
    still_hears(&mut world, foreign, &mut slow);
}

fn still_hears(world: &mut World<'_, ForeignKernel>, foreign: Foreign, slow: &mut ForeignKernel) {
    world.must(RouteChange::Add, "10.1.0.0/16 via 10.0.0.1");
    foreign.lib.tick(TICKS);
    let mut said = Notices::new();
    slow.drain(Now::default(), 10_000, &mut said).expect("the kernel answers");
    assert!(said.iter().any(|notice| matches!(notice, Notice::Route(RouteVerb::Added, _))), "{said:?}");
}
