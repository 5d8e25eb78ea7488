use waypost_core::{
    Drained, ErrorKind, Family, Flow, Flushed, Kernel, LookupMode, NextHopId, NextHopObject, NextHopObjectKind, Notice, Notices,
    Outcome, Request, Route, RouteChange, Rule, RuleAction, TableId, Ticket,
};
use waypost_tests::drop_rights;
use waypost_tests::flood;
use waypost_tests::ip::{index_of, ip};

use super::{NOW, ask, change, changes, hear, open, outcome};

pub(crate) fn each_refusal_has_its_kind() {
    let mut kernel = open();
    change(&mut kernel, RouteChange::Add, "10.1.0.0/16 via 10.0.0.2 proto static").unwrap();
    let mut refused = |wish: RouteChange, words: &str| change(&mut kernel, wish, words).expect_err(words);
    assert_eq!(refused(RouteChange::Add, "10.1.0.0/16 via 10.0.0.3").kind(), ErrorKind::Exists);
    let error = refused(RouteChange::Delete, "10.1.0.0/16 via 10.0.0.9 proto static");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().starts_with("delete route 10.1.0.0/16 via 10.0.0.9 proto static: "), "{error}");
    assert_eq!(refused(RouteChange::Change, "10.2.0.0/16 via 10.0.0.2").kind(), ErrorKind::NotFound);
    let error = refused(RouteChange::Add, "10.2.0.0/16 via 192.0.2.1");
    assert_eq!((error.kind(), error.kernel_text()), (ErrorKind::Unreachable, Some("Nexthop has invalid gateway")));
    assert_eq!(refused(RouteChange::Add, "10.2.0.0/16 dev if4711").kind(), ErrorKind::NoSuchDevice);
    // Link scope makes no sense for a gateway.
    assert_eq!(refused(RouteChange::Add, "10.2.0.0/16 via 10.0.0.2 scope host").kind(), ErrorKind::Invalid);
    ip("link set w0 down");
    assert_eq!(
        change(&mut kernel, RouteChange::Add, &format!("10.2.0.0/16 dev if{}", index_of("w0"))).unwrap_err().kind(),
        ErrorKind::Unreachable
    );
}

pub(crate) fn without_rights_nothing_changes() {
    let mut kernel = open();
    drop_rights();
    let error = change(&mut kernel, RouteChange::Add, "10.1.0.0/16 via 10.0.0.2").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotPermitted);
    assert_eq!(error.raw_os_error(), Some(1));
    assert!(matches!(outcome(ask(&mut kernel, Request::Lookup(&flow("10.0.0.2"), LookupMode::Path))), Outcome::Found(_)));
}

pub(crate) fn a_pipeline_has_an_outcome_for_each() {
    let mut kernel = open();
    let count = 5000;
    for number in 0..count {
        // Every hundredth is there already.
        let number = if number % 100 == 99 { number - 1 } else { number };
        let words = format!("10.{}.{}.0/24 via 10.0.0.2 proto 99", 100 + number / 256, number % 256);
        let route: Route = words.parse().unwrap();
        kernel.submit(NOW, Ticket(number), Request::Route(RouteChange::Add, &route)).unwrap();
    }
    let mut outcomes = Vec::new();
    loop {
        let flushed = kernel.flush().unwrap();
        outcomes.extend(hear(&mut kernel).into_iter().filter_map(|notice| match notice {
            Notice::Outcome(ticket, outcome) => Some((ticket, outcome)),
            _ => None,
        }));
        if flushed == Flushed::All {
            break;
        }
    }
    assert_eq!(outcomes.len(), usize::try_from(count).unwrap());
    assert!(outcomes.is_sorted_by_key(|(ticket, _)| *ticket));
    let failed: Vec<_> = outcomes.iter().filter(|(_, outcome)| !matches!(outcome, Outcome::Done)).collect();
    assert_eq!(failed.len(), 50);
    for (ticket, outcome) in failed {
        assert_eq!(ticket.0 % 100, 98);
        let Outcome::Failed(error) = outcome else { panic!("{outcome:?}") };
        assert_eq!(error.kind(), ErrorKind::Exists);
    }
    assert_eq!(ip("route show proto 99").lines().count(), 4950);
}

pub(crate) fn an_interface_that_goes_fails_the_rest() {
    let mut kernel = open();
    let interface = index_of("w0");
    for (ticket, host) in [(0, 1), (1, 2)] {
        let route: Route = format!("10.1.{host}.0/24 dev if{interface}").parse().unwrap();
        kernel.submit(NOW, Ticket(ticket), Request::Route(RouteChange::Add, &route)).unwrap();
        kernel.flush().unwrap();
        ip("link show");
        if ticket == 0 {
            ip("link del w0");
        }
    }
    let notices = hear(&mut kernel);
    let kinds: Vec<_> = notices
        .iter()
        .filter_map(|notice| match notice {
            Notice::Outcome(_, Outcome::Done) => Some(None),
            Notice::Outcome(_, Outcome::Failed(error)) => Some(Some(error.kind())),
            _ => None,
        })
        .collect();
    assert_eq!(kinds, [None, Some(ErrorKind::NoSuchDevice)]);
}

pub(crate) fn an_identical_replace_succeeds_without_an_event() {
    let mut kernel = open();
    change(&mut kernel, RouteChange::Add, "10.1.0.0/16 via 10.0.0.2 proto static").unwrap();
    hear(&mut kernel);
    let route: Route = "10.1.0.0/16 via 10.0.0.2 proto static".parse().unwrap();
    let notices = ask(&mut kernel, Request::Route(RouteChange::Replace, &route));
    assert!(changes(&notices).is_empty(), "{notices:?}");
    assert!(matches!(outcome(notices), Outcome::Done));
}

fn flow(destination: &str) -> Flow {
    Flow::to(destination.parse().unwrap())
}

pub(crate) fn lookups_answer_as_ip_does() {
    let mut kernel = open();
    ip("-6 address add fd00::1/64 dev w0 nodad");
    ip("route add 10.1.0.0/16 via 10.0.0.2 proto static metric 5");
    ip("route add blackhole 10.2.0.0/16");
    ip("route add prohibit 10.3.0.0/16");
    ip("route add unreachable 10.4.0.0/16");
    let mut look_up = |destination: &str, mode| outcome(ask(&mut kernel, Request::Lookup(&flow(destination), mode)));
    let Outcome::Found(path) = look_up("10.1.2.3", LookupMode::Path) else { panic!("a path") };
    assert_eq!(path.route.slot.destination.to_string(), "10.1.2.3/32");
    assert_eq!(path.route.entry.next_hops[0].gateway, "10.0.0.2".parse().ok());
    assert_eq!(path.route.entry.preferred_source, "10.0.0.1".parse().ok());
    let Outcome::Found(entry) = look_up("10.1.2.3", LookupMode::Entry) else { panic!("an entry") };
    assert_eq!(entry.route.slot.destination.to_string(), "10.1.0.0/16");
    assert_eq!(entry.route.slot.metric, 5);
    for address in ["10.2.0.1", "10.3.0.1", "10.4.0.1", "192.0.2.1"] {
        let Outcome::Failed(error) = look_up(address, LookupMode::Path) else { panic!("{address} is not reachable") };
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
        assert_eq!(error.subject(), Some(address));
    }
    let Outcome::Found(path) = look_up("fd00::2", LookupMode::Path) else { panic!("a path") };
    assert_eq!(path.route.entry.preferred_source, "fd00::1".parse().ok());
    assert_eq!(path.route.entry.next_hops[0].interface.map(|index| index.get()), Some(index_of("w0")));
}

pub(crate) fn next_hop_objects_come_and_go() {
    let mut kernel = open();
    let object = NextHopObject::new(NextHopId::new(9).unwrap(), Some(Family::V4), NextHopObjectKind::Blackhole);
    for _ in 0..2 {
        let outcome = outcome(ask(&mut kernel, Request::AddNextHop { object: &object, replace: false }));
        if let Outcome::Failed(error) = outcome {
            assert_eq!(error.kind(), ErrorKind::Exists);
            assert_eq!(error.subject(), Some("id 9"));
        }
    }
    assert!(ip("nexthop show").contains("id 9 blackhole"));
    assert!(matches!(outcome(ask(&mut kernel, Request::DeleteNextHop(object.id))), Outcome::Done));
    let Outcome::Failed(error) = outcome(ask(&mut kernel, Request::DeleteNextHop(object.id))) else { panic!("it is gone") };
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

pub(crate) fn rules_come_and_go() {
    let mut kernel = open();
    let mut rule = Rule::new(Family::V4, 99, RuleAction::Lookup(TableId(1009)));
    rule.from = "10.9.0.0/24".parse().ok();
    assert!(matches!(outcome(ask(&mut kernel, Request::AddRule(&rule))), Outcome::Done));
    assert!(ip("rule show").contains("from 10.9.0.0/24 lookup 1009"));
    let Outcome::Failed(error) = outcome(ask(&mut kernel, Request::AddRule(&rule))) else { panic!("it is there") };
    assert_eq!(error.kind(), ErrorKind::Exists);
    assert!(matches!(outcome(ask(&mut kernel, Request::DeleteRule(&rule))), Outcome::Done));
    let Outcome::Failed(error) = outcome(ask(&mut kernel, Request::DeleteRule(&rule))) else { panic!("it is gone") };
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.subject().is_some_and(|subject| subject.contains("10.9.0.0/24")), "{error}");
}

pub(crate) fn a_program_that_fills_our_sockets_does_not_hold_us() {
    let mut kernel = open();
    hear(&mut kernel);
    let sent = flood::fill_all();
    let mut notices = Notices::new();
    let mut turns = 0;
    let mut drained = Drained::More;
    while drained == Drained::More {
        let before = notices.len();
        drained = kernel.drain(NOW, 100, &mut notices).unwrap();
        turns += 1;
        // A turn has its budget, the answers that are taken by then, and one receive more than it asked for.
        assert!(notices.len() - before <= 100 + 256 + 32, "{} in one turn", notices.len() - before);
    }
    let foreign = notices.iter().filter(|notice| matches!(notice, Notice::Foreign)).count();
    assert_eq!(foreign, sent, "each is told");
    assert!(turns > 3 && sent > 3 * 100, "{sent} in {turns} turns");
}

pub(crate) fn an_answer_that_finds_no_room_is_lost_and_no_other() {
    let mut kernel = open();
    hear(&mut kernel);
    flood::fill_all();
    let route: Route = "10.1.0.0/16 via 10.0.0.2 proto static".parse().unwrap();
    assert!(matches!(outcome(ask(&mut kernel, Request::Route(RouteChange::Add, &route))), Outcome::Unknown));
    let Outcome::Failed(error) = outcome(ask(&mut kernel, Request::Route(RouteChange::Add, &route))) else {
        panic!("it is there")
    };
    assert_eq!(error.kind(), ErrorKind::Exists);
}
