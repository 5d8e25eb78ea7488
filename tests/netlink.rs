//! The rtnetlink backend against the kernel.

use std::process::ExitCode;

use waypost_core::{Dump, Family, Kernel, Notice, Notices, Now, Request, RouteFilter, RouteVerb, Ticket};
use waypost_netlink::{Netlink, Options};
use waypost_tests::ip::{ip, veth};
use waypost_tests::namespace::run;
use waypost_tests::test;

const NOW: Now = Now::awake(std::time::Duration::ZERO);

fn open() -> Netlink {
    Netlink::open(&Options::new()).expect("the sockets open without privilege")
}

/// What a request is answered with, up to its end, and what else is heard meanwhile.
fn ask(kernel: &mut Netlink, request: Request<'_>) -> Notices {
    kernel.submit(NOW, Ticket(7), request).expect("a request that Linux knows");
    kernel.flush().expect("the kernel takes it");
    let mut notices = Notices::new();
    let is_end = |notice: &Notice| matches!(notice, Notice::DumpDone(Ticket(7), _) | Notice::Outcome(Ticket(7), _));
    while !notices.iter().any(is_end) {
        kernel.drain(NOW, 1000, &mut notices).expect("the socket lives");
    }
    notices
}

fn routes(notices: &Notices) -> Vec<(RouteVerb, String)> {
    let route = |notice: &Notice| match notice {
        Notice::Route(verb, route) => Some((*verb, route.to_string())),
        _ => None,
    };
    notices.iter().filter_map(route).collect()
}

fn a_dump_lists_what_ip_lists() {
    veth("w0", "w1");
    ip("address add 10.0.0.1/24 dev w0");
    ip("route add 10.1.0.0/16 via 10.0.0.2 proto static metric 50");
    let mut kernel = open();
    let all = ask(&mut kernel, Request::Dump(Dump::Routes(Family::V4, &RouteFilter::default())));
    assert!(matches!(all.first(), Some(Notice::DumpStarted(Ticket(7)))), "{all:?}");
    let Some(Notice::DumpDone(_, end)) = all.last() else { panic!("{all:?}") };
    assert!(!end.interrupted && end.error.is_none(), "{end:?}");
    let listed = routes(&all);
    assert_eq!(listed.len(), ip("-4 route show table all").lines().count(), "{listed:?}");
    assert!(listed.iter().any(|(verb, route)| *verb == RouteVerb::Listed && route.contains("10.1.0.0/16 via 10.0.0.2")));
}

fn changes_are_followed() {
    veth("w0", "w1");
    ip("address add 10.0.0.1/24 dev w0");
    let mut kernel = open();
    let mut notices = Notices::new();
    ip("route add 10.1.0.0/16 via 10.0.0.2");
    ip("route replace 10.1.0.0/16 via 10.0.0.3");
    ip("route append 10.1.0.0/16 via 10.0.0.4");
    ip("route prepend 10.1.0.0/16 via 10.0.0.5");
    ip("route del 10.1.0.0/16 via 10.0.0.4");
    kernel.drain(NOW, 1000, &mut notices).unwrap();
    let verbs: Vec<_> = routes(&notices).into_iter().map(|(verb, _)| verb).collect();
    use RouteVerb::{Added, Appended, Prepended, Removed, Replaced};
    assert_eq!(verbs, [Added, Replaced, Appended, Prepended, Removed]);
}

fn main() -> ExitCode {
    run(&[test!(a_dump_lists_what_ip_lists), test!(changes_are_followed)])
}
