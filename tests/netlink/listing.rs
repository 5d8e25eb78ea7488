use waypost::{Native, Options};
use waypost_core::{
    Dump, DumpEnd, Family, IfIndex, Kernel, Notice, Notices, Protocol, Request, Route, RouteFilter, RouteVerb, Slot, TableId,
    Ticket, Verb,
};
use waypost_tests::ip::{index_of, ip, ip_batch, veth};
use waypost_tests::{drop_rights, missing_groups};

use super::{NOW, ask, hear, open};

/// How a dump ended. The kernel gives new interfaces routes meanwhile: what it says of them may come behind the end.
fn end(notices: &Notices) -> &DumpEnd {
    let end = notices.iter().find_map(|notice| if let Notice::DumpDone(_, end) = notice { Some(end) } else { None });
    end.unwrap_or_else(|| panic!("{notices:?}"))
}

fn list(kernel: &mut Native, family: Family, filter: &RouteFilter) -> Vec<Route> {
    let notices = ask(kernel, Request::Dump(Dump::Routes(family, filter)));
    assert!(notices.iter().any(|notice| matches!(notice, Notice::DumpStarted(_))), "{notices:?}");
    let end = end(&notices);
    assert!(end.error.is_none() && !end.interrupted, "{end:?}");
    let route = |notice: &Notice| match notice {
        Notice::Route(RouteVerb::Listed, route) => Some(route.clone()),
        _ => None,
    };
    notices.iter().filter_map(route).collect()
}

pub(crate) fn routes_are_those_that_ip_lists() {
    veth("w0", "w1");
    ip("address add 10.0.0.1/24 dev w0");
    ip("-6 address add fd00::1/64 dev w0 nodad");
    ip_batch(
        (0..2000).map(|n| format!("route add 10.{}.{}.0/24 via 10.0.0.2 table {}", 100 + n / 256, n % 256, 1 + n % 3 * 500)),
    );
    ip_batch((0..2000).map(|n| format!("route add fd01:{n:x}::/48 via fd00::2 metric {}", 1 + n)));
    let mut kernel = Native::open(&Options::new()).unwrap();
    for (family, option) in [(Family::V4, "-4"), (Family::V6, "-6")] {
        let listed = list(&mut kernel, family, &RouteFilter::default());
        assert!(listed.len() > 2000);
        assert_eq!(listed.len(), ip(&format!("{option} route show table all")).lines().count());
        let in_table = listed.iter().filter(|route| route.slot.table == TableId(1001)).count();
        assert_eq!(in_table, if family == Family::V4 { 666 } else { 0 });
    }
}

pub(crate) fn filters_choose() {
    let mut kernel = open();
    ip("route add 10.1.0.0/16 via 10.0.0.2 proto static");
    ip("route add 10.2.0.0/16 via 10.0.0.3 proto static metric 5");
    ip("route add 10.3.0.0/16 via 10.0.0.2 table 1000");
    ip("route add blackhole 10.4.0.0/16");
    let count = |kernel: &mut Native, edit: &dyn Fn(&mut RouteFilter)| {
        let mut filter = RouteFilter::default();
        edit(&mut filter);
        list(kernel, Family::V4, &filter).len()
    };
    assert_eq!(count(&mut kernel, &|filter| filter.protocol = Some(Protocol::STATIC)), 2);
    assert_eq!(count(&mut kernel, &|filter| filter.table = Some(TableId(1000))), 1);
    assert_eq!(count(&mut kernel, &|filter| filter.disposition = Some(waypost_core::Disposition::Blackhole)), 1);
    // The kernel does not filter by these.
    assert_eq!(count(&mut kernel, &|filter| filter.gateway = "10.0.0.2".parse().ok()), 2);
    assert_eq!(count(&mut kernel, &|filter| filter.metric = Some(5)), 1);
    let interface = IfIndex::new(index_of("w0"));
    let by_interface = count(&mut kernel, &|filter| filter.interface = interface);
    let witness = ip("-4 route show table all");
    assert_eq!(by_interface, witness.lines().filter(|line| line.contains("dev w0")).count());
}

pub(crate) fn a_table_that_is_missing_has_no_routes() {
    let mut kernel = open();
    let mut filter = RouteFilter::default();
    filter.table = Some(TableId(4711));
    for family in [Family::V4, Family::V6] {
        assert_eq!(list(&mut kernel, family, &filter), []);
    }
}

pub(crate) fn everything_can_be_listed_without_rights() {
    veth("w0", "w1");
    drop_rights();
    let mut kernel = Native::open(&Options::new().neighbours(true)).expect("it opens without rights");
    assert!(missing_groups(&kernel).is_empty(), "{:?}", missing_groups(&kernel));
    let all = RouteFilter::default();
    let dumps = [
        Dump::Routes(Family::V4, &all),
        Dump::Routes(Family::V6, &all),
        Dump::Rules(Family::V4),
        Dump::Rules(Family::V6),
        Dump::Links,
        Dump::Addresses,
        Dump::Neighbours,
        Dump::NextHops,
        Dump::Settings(Family::V4),
        Dump::Settings(Family::V6),
        Dump::Barrier,
        Dump::Traces(&[]),
    ];
    for dump in dumps {
        let notices = ask(&mut kernel, Request::Dump(dump));
        let end = end(&notices);
        assert!(end.error.is_none(), "{dump:?}: {end:?}");
        assert!(!notices.iter().any(|notice| matches!(notice, Notice::Undecodable { .. })), "{notices:?}");
    }
}

pub(crate) fn what_is_not_listed_is_told_of() {
    let mut kernel = open();
    ip("address add 2001:db8::1/64 dev w0 nodad");
    for way in ["via 2001:db8::2", "dev w1", "via 2001:db8::3", "dev w1 table 300"] {
        ip(&format!("route append 2001:db8:1::/48 {way} metric 7"));
    }
    ip("route add 2001:db8:1::/48 dev w1 metric 8");
    let mut slot = Slot::new(TableId(0), "2001:db8:1::/48".parse().unwrap());
    slot.metric = 7;
    let notices = ask(&mut kernel, Request::Dump(Dump::Traces(&[slot])));
    let way = |notice: &Notice| match notice {
        Notice::Trace(trace) => Some((trace.gateway.map(|to| to.to_string()), trace.interface.clone().unwrap_or_default())),
        _ => None,
    };
    let mut ways: Vec<_> = notices.iter().filter_map(way).collect();
    ways.sort();
    let expected = [(None, "w1"), (None, "w1"), (Some("2001:db8::2"), "w0"), (Some("2001:db8::3"), "w0")];
    assert_eq!(ways, expected.map(|(to, dev)| (to.map(str::to_owned), dev.to_owned())));
    assert!(end(&notices).error.is_none());
}

pub(crate) fn dumps_wait_for_each_other() {
    let mut kernel = open();
    let all = RouteFilter::default();
    for ticket in 1..=4 {
        let family = if ticket % 2 == 0 { Family::V6 } else { Family::V4 };
        kernel.submit(NOW, Ticket(ticket), Request::Dump(Dump::Routes(family, &all))).unwrap();
    }
    kernel.flush().unwrap();
    let notices: Notices = hear(&mut kernel);
    assert_eq!(marks(&notices), (1..=4).flat_map(|ticket| [("started", ticket), ("done", ticket)]).collect::<Vec<_>>());
}

/// Where dumps begin and end.
fn marks(notices: &[Notice]) -> Vec<(&'static str, u64)> {
    let mark = |notice: &Notice| match notice {
        Notice::DumpStarted(ticket) => Some(("started", ticket.0)),
        Notice::DumpDone(ticket, _) => Some(("done", ticket.0)),
        _ => None,
    };
    notices.iter().filter_map(mark).collect()
}

pub(crate) fn dumps_wait_for_what_is_not_listed_to_be_told() {
    let mut kernel = open();
    let mut notices = Notices::new();
    kernel.submit(NOW, Ticket(1), Request::Dump(Dump::Traces(&[]))).unwrap();
    while marks(&notices).is_empty() {
        kernel.drain(NOW, 1000, &mut notices).unwrap();
    }
    // Between its beginning and its end another is asked for.
    kernel.submit(NOW, Ticket(2), Request::Dump(Dump::Links)).unwrap();
    kernel.submit(NOW, Ticket(3), Request::Dump(Dump::Traces(&[]))).unwrap();
    while marks(&notices).len() < 6 {
        kernel.flush().unwrap();
        kernel.drain(NOW, 1000, &mut notices).unwrap();
    }
    let in_turn =
        |order: [u64; 3]| order.into_iter().flat_map(|ticket| [("started", ticket), ("done", ticket)]).collect::<Vec<_>>();
    let marks = marks(&notices);
    assert!(marks == in_turn([1, 2, 3]) || marks == in_turn([1, 3, 2]), "{marks:?}");
}

pub(crate) fn links_addresses_and_rules_are_those_that_ip_lists() {
    let mut kernel = open();
    ip("rule add from 10.9.0.0/24 table 9 priority 99");
    ip("neighbour add 10.0.0.7 lladdr 02:00:00:00:00:07 dev w0");
    for (dump, words) in [
        (Dump::Links, "-o link show"),
        (Dump::Addresses, "-o address show"),
        (Dump::Rules(Family::V4), "-4 rule show"),
        (Dump::Rules(Family::V6), "-6 rule show"),
        (Dump::Neighbours, "neighbour show nud all"),
    ] {
        // The kernel adds IPv6 addresses and neighbours of its own in its time: it is asked again until both have seen the same.
        let mut seen = Vec::new();
        let are_same = (0..20).any(|_| {
            let notices = ask(&mut kernel, Request::Dump(dump));
            let counts = (notices.iter().filter(|notice| is_listed(notice)).count(), ip(words).lines().count());
            seen.push((counts, notices));
            counts.0 == counts.1
        });
        assert!(are_same, "{words}: {seen:?}");
    }
}

fn is_listed(notice: &Notice) -> bool {
    use Notice::{Address, Link, Neighbour, Rule};
    matches!(notice, Link(Verb::Listed, _) | Address(Verb::Listed, _) | Rule(Verb::Listed, _) | Neighbour(Verb::Listed, _))
}
