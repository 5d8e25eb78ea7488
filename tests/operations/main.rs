//! Every operation of the facade on the real kernel, for both families, with `ip` as a witness.

mod batch;
mod lost;

use std::ops::ControlFlow;
use std::process::ExitCode;

use waypost::os::linux::{Attributes, Realms, RouteExt, RouteExtMut};
use waypost::{
    Disposition, Ensured, ErrorKind, Family, Flow, IfIndex, LookupMode, NextHopFlags, NextHopId, NextHopObject, Operation, Route,
    RouteChange, RouteFilter, Routes, Rule, TableId,
};
use waypost_tests::ip::{self, index_of, ip, ip_batch, veth, veth_with_addresses};
use waypost_tests::namespace::{cannot_run, run};
use waypost_tests::test;
use waypost_tests::witness::{assert_mirrors_the_kernel, settle, watcher};

fn routes() -> Routes {
    Routes::open().expect("the sockets open")
}

fn route(text: &str) -> Route {
    Route::parse(text, &routes().names().unwrap()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// What `ip` lists for a destination in all tables.
fn witness(destination: &str) -> Vec<String> {
    let family = if destination.contains(':') { "-6" } else { "-4" };
    let text = ip(&format!("{family} -oneline route show table all exact {destination}"));
    text.lines().map(|line| line.replace('\\', " ").split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// What `ip` lists of rules.
fn rules(family: Family) -> Vec<String> {
    let flag = if family == Family::V4 { "-4" } else { "-6" };
    ip(&format!("{flag} rule show")).lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// Each family's route through a first and a second gateway, both with a metric, and its destination.
const PAIRS: [(&str, &str, &str); 2] = [
    ("10.1.0.0/16 via 10.0.0.2 dev w0 metric 5", "10.1.0.0/16 via 10.0.0.3 dev w0 metric 5", "10.1.0.0/16"),
    (
        "2001:db8:1::/48 via 2001:db8::2 dev w0 metric 5 pref medium",
        "2001:db8:1::/48 via 2001:db8::3 dev w0 metric 5 pref medium",
        "2001:db8:1::/48",
    ),
];

fn adding_is_exclusive() {
    veth_with_addresses("w0", "w1");
    let mut routes = routes();
    for (one, other, destination) in PAIRS {
        routes.add(&route(one)).unwrap();
        assert_eq!(routes.add(&route(other)).unwrap_err().kind(), ErrorKind::Exists);
        assert_eq!(witness(destination), [one]);
    }
}

fn replacing_and_changing_put_one_in_the_place_of_another() {
    veth_with_addresses("w0", "w1");
    let mut routes = routes();
    for (one, other, destination) in PAIRS {
        assert_eq!(routes.change(RouteChange::Change, &route(one)).unwrap_err().kind(), ErrorKind::NotFound);
        routes.change(RouteChange::Replace, &route(one)).unwrap();
        assert_eq!(witness(destination), [one]);
        routes.change(RouteChange::Replace, &route(other)).unwrap();
        assert_eq!(witness(destination), [other]);
        routes.change(RouteChange::Change, &route(one)).unwrap();
        assert_eq!(witness(destination), [one]);
    }
}

fn appending_and_prepending_keep_what_is_there() {
    veth_with_addresses("w0", "w1");
    let mut routes = routes();
    routes.add(&route("10.1.0.0/16 via 10.0.0.3 dev w0")).unwrap();
    routes.change(RouteChange::Append, &route("10.1.0.0/16 via 10.0.0.4 dev w0")).unwrap();
    routes.change(RouteChange::Prepend, &route("10.1.0.0/16 via 10.0.0.2 dev w0")).unwrap();
    let expected = ["10.0.0.2", "10.0.0.3", "10.0.0.4"].map(|gateway| format!("10.1.0.0/16 via {gateway} dev w0"));
    assert_eq!(witness("10.1.0.0/16"), expected);
    routes.add(&route(PAIRS[1].0)).unwrap();
    routes.change(RouteChange::Append, &route(PAIRS[1].1)).unwrap();
    let joined =
        "2001:db8:1::/48 metric 5 pref medium nexthop via 2001:db8::2 dev w0 weight 1 nexthop via 2001:db8::3 dev w0 weight 1";
    assert_eq!(witness("2001:db8:1::/48"), [joined]);
}

fn ensuring_adds_once_and_tells_who_is_in_the_way() {
    veth_with_addresses("w0", "w1");
    let mut routes = routes();
    for (one, other, destination) in PAIRS {
        assert_eq!(routes.ensure(&route(one)).unwrap(), Ensured::Added);
        assert_eq!(routes.ensure(&route(one)).unwrap(), Ensured::There);
        let error = routes.ensure(&route(other)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Exists);
        assert!(error.to_string().contains(&format!("in its place is {one}")), "{error}");
        assert_eq!(witness(destination), [one]);
    }
    // What the kernel fills in by itself does not count as different.
    assert_eq!(routes.ensure(&route("10.2.0.0/16 via 10.0.0.2")).unwrap(), Ensured::Added);
    assert_eq!(routes.ensure(&route("10.2.0.0/16 via 10.0.0.2")).unwrap(), Ensured::There);
    assert_eq!(routes.ensure(&route("2001:db8:2::/48 via 2001:db8::2")).unwrap(), Ensured::Added);
    assert_eq!(routes.ensure(&route("2001:db8:2::/48 via 2001:db8::2")).unwrap(), Ensured::There);
}

fn deleting_compares_everything() {
    veth_with_addresses("w0", "w1");
    let mut routes = routes();
    for (one, other, destination) in PAIRS {
        routes.add(&route(one)).unwrap();
        assert_eq!(routes.delete(&route(other)).unwrap_err().kind(), ErrorKind::NotFound, "another gateway");
        let mut wrong = route(one);
        wrong.slot.metric = 6;
        assert_eq!(routes.delete(&wrong).unwrap_err().kind(), ErrorKind::NotFound, "another metric");
        let mut wrong = route(one);
        wrong.entry.protocol = waypost::Protocol::STATIC;
        assert_eq!(routes.delete(&wrong).unwrap_err().kind(), ErrorKind::NotFound, "another protocol");
        let mut wrong = route(one);
        wrong.slot.table = TableId(99);
        assert!(!routes.delete_if_exists(&wrong).unwrap(), "another table");
        assert_eq!(witness(destination), [one]);
        assert!(routes.delete_if_exists(&route(one)).unwrap());
        assert!(!routes.delete_if_exists(&route(one)).unwrap());
        assert_eq!(witness(destination), [""; 0]);
    }
}

fn what_a_listing_prints_can_be_deleted_and_takes_nothing_else() {
    veth_with_addresses("w0", "w1");
    veth("v0", "v1");
    ip("address add 10.9.0.1/24 dev v0");
    ip("nexthop add id 7 via 10.0.0.2 dev w0");
    ip("nexthop add id 8 via 2001:db8::2 dev w0");
    ip_batch([
        "route add 10.1.0.0/16 nhid 7",
        "route append 10.1.0.0/16 via 10.0.0.2",
        "route append 10.1.0.0/16 via 10.0.0.2 metric 9 src 10.0.0.1",
        "route append 10.1.0.0/16 via 10.0.0.2 metric 9",
        "route add 10.2.0.0/16 nexthop via 10.9.0.3 weight 2 nexthop via 10.0.0.2 nexthop via 10.0.0.3",
        "route append 10.2.0.0/16 via 10.0.0.9",
        "route add 10.3.0.0/16 via 192.0.2.9 dev v0 onlink",
        "route add blackhole 10.3.0.0/16 metric 4",
        "route add 10.4.0.0/16 dev v0 scope global",
        "route add 2001:db8:1::/48 via 2001:db8::2",
        "route add 2001:db8:1::/48 via 2001:db8::2 metric 5",
        "route add 2001:db8:1::/48 nhid 8 metric 6",
        "route add 2001:db8:2::/48 nexthop via 2001:db8::3 dev w0 nexthop via 2001:db8::2 dev w0",
        "route add 2001:db8:2::/48 dev w0 metric 4 expires 600",
        "route add blackhole 2001:db8:3::/48",
        "route add unreachable 2001:db8:3::/48 metric 5",
        "route add 2001:db8:3::/48 via 2001:db8::2 metric 6",
    ]);
    // The ways out of v0 are marked as without carrier from here on.
    ip("link set v1 down");
    let mut routes = routes();
    let names = routes.names().unwrap();
    let mut all = routes.list(&RouteFilter::default()).unwrap();
    while !all.is_empty() {
        let before = all.len();
        for route in all.clone() {
            let text = route.with_names(&names).to_string();
            let read = Route::parse(&text, &names).unwrap_or_else(|error| panic!("{text}: {error}"));
            match routes.delete(&read) {
                Ok(()) => _ = all.remove(all.iter().position(|held| *held == route).unwrap()),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Ambiguous, "{text}: {error}"),
            }
            assert_eq!(untimed(routes.list(&RouteFilter::default()).unwrap()), untimed(all.clone()), "{text}");
        }
        assert!(all.len() < before, "these are in each other's way: {all:?}");
    }
}

/// Routes without the time that is left to them, and without the marks of a carrier, which come in the kernel's own time.
fn untimed(mut routes: Vec<Route>) -> Vec<Route> {
    for route in &mut routes {
        route.expires = None;
        let hops = route.entry.next_hops.iter().cloned();
        route.entry.next_hops = hops
            .map(|mut hop| {
                hop.flags.remove(NextHopFlags::LINK_DOWN | NextHopFlags::DEAD);
                hop
            })
            .collect();
    }
    routes
}

fn a_batch_deletes_nothing_that_ipv6_would_take_for_what_was_named() {
    veth_with_addresses("w0", "w1");
    let mut routes = routes();
    let twins = [
        "2001:db8:1::/48 via 2001:db8::2 dev w0 metric 5 pref medium",
        "2001:db8:2::/48 via 2001:db8::2 dev w0 metric 5 pref medium",
    ];
    twins.iter().for_each(|twin| routes.add(&route(twin)).unwrap());
    let named = ["2001:db8:1::/48 via 2001:db8::2 dev w0", "blackhole 2001:db8:2::/48 metric 5"];
    let operations = named.map(|text| Operation::Route(RouteChange::Delete, route(text)));
    let mut kinds = Vec::new();
    let outcome = |_, result: Result<(), waypost::Error>| {
        kinds.push(result.unwrap_err().kind());
        ControlFlow::Continue(())
    };
    routes.batch(operations, outcome).unwrap();
    assert_eq!(kinds, [ErrorKind::NotFound; 2]);
    assert_eq!([witness("2001:db8:1::/48"), witness("2001:db8:2::/48")], twins.map(|twin| vec![twin.to_owned()]));
}

fn deleting_by_a_filter_wants_exactly_one() {
    veth_with_addresses("w0", "w1");
    let mut routes = routes();
    for gateway in ["10.0.0.2", "10.0.0.3"] {
        ip(&format!("route append 10.1.0.0/16 via {gateway} metric 5"));
    }
    let mut filter = RouteFilter::default();
    filter.exactly = Some("10.1.0.0/16".parse().unwrap());
    let error = routes.delete_one(&filter).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ambiguous);
    assert!(error.to_string().contains("via 10.0.0.3 dev w0"), "{error}");
    filter.gateway = Some("10.0.0.2".parse().unwrap());
    assert_eq!(routes.delete_one(&filter).unwrap(), route("10.1.0.0/16 via 10.0.0.2 dev w0 metric 5"));
    assert_eq!(routes.delete_one(&filter).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(witness("10.1.0.0/16").len(), 1);
}

fn flushing_takes_what_passes_and_nothing_else() {
    veth_with_addresses("w0", "w1");
    let mut routes = routes();
    ip_batch((0..200).map(|n| format!("route add 10.1.{n}.0/24 via 10.0.0.2 proto static table 7")));
    ip_batch((0..100).map(|n| format!("route add 2001:db8:1:{n:x}::/64 via 2001:db8::2 proto static")));
    ip("route add 10.2.0.0/16 via 10.0.0.2");
    assert_eq!(routes.flush(&RouteFilter::default()).unwrap_err().kind(), ErrorKind::Invalid, "nobody means every route");
    let mut filter = RouteFilter::default();
    filter.family = Some(Family::V4);
    assert_eq!(routes.flush(&filter).unwrap_err().kind(), ErrorKind::Invalid, "nor every one of a family");
    filter.family = None;
    filter.protocol = Some(waypost::Protocol::STATIC);
    assert_eq!(routes.flush(&filter).unwrap(), 300);
    assert_eq!(ip("route show table 7").trim(), "");
    assert_eq!(witness("10.2.0.0/16").len(), 1);
    assert_eq!(routes.flush(&filter).unwrap(), 0);
    // One that stays, and that the kernel could take for one of those that go, stops it all.
    ip("route add 10.3.0.0/16 via 10.0.0.2 proto static");
    ip("route add 10.3.0.0/16 via 10.0.0.2 proto static metric 9");
    filter.metric = Some(0);
    assert_eq!(routes.flush(&filter).unwrap_err().kind(), ErrorKind::Ambiguous);
    assert_eq!(witness("10.3.0.0/16").len(), 2);
}

fn a_batch_tells_the_outcome_of_each() {
    veth_with_addresses("w0", "w1");
    let mut routes = routes();
    let mut operations: Vec<Operation> = (0..5000)
        .map(|n| route(&format!("10.{}.{}.0/24 via 10.0.0.2 dev w0", 100 + n / 250, n % 250)))
        .map(|route| Operation::Route(RouteChange::Add, route))
        .collect();
    operations[2500] = Operation::Route(RouteChange::Add, route("10.1.0.0/16 via 192.0.2.1 dev w0"));
    operations[2501] = Operation::Route(RouteChange::Delete, route("10.100.0.0/24 via 10.0.0.2 dev w0"));
    let mut outcomes = Vec::new();
    routes
        .batch(operations, |at, result| {
            outcomes.push((at, result.map_err(|error| error.kind())));
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(outcomes.len(), 5000);
    assert!(outcomes.iter().enumerate().all(|(expected, (at, _))| expected == *at), "in order");
    let failed: Vec<_> = outcomes.iter().filter(|(_, result)| result.is_err()).collect();
    assert_eq!(failed, [&(2500, Err(ErrorKind::Unreachable))]);
    assert_eq!(ip("-4 route show via 10.0.0.2").lines().count(), 4997);
}

fn deletions_in_a_batch_are_looked_at_together() {
    veth_with_addresses("w0", "w1");
    let mut routes = routes();
    ip_batch((0..200).map(|n| format!("route add 10.1.{n}.0/24 via 10.0.0.2")));
    ip("route add 10.1.7.0/24 via 10.0.0.2 metric 9");
    let delete = |text: String| Operation::Route(RouteChange::Delete, route(&text));
    let mut operations: Vec<_> = (0..200).map(|n| delete(format!("10.1.{n}.0/24 via 10.0.0.2 dev w0"))).collect();
    // Twice the same: the second time it is not there. And the twin, after which the one that it stood beside can go.
    operations.push(delete("10.1.3.0/24 via 10.0.0.2 dev w0".to_owned()));
    operations.push(delete("10.1.7.0/24 via 10.0.0.2 dev w0 metric 9".to_owned()));
    operations.push(delete("10.1.7.0/24 via 10.0.0.2 dev w0".to_owned()));
    let mut failed = Vec::new();
    let outcome = |at, result: Result<(), waypost::Error>| {
        failed.extend(result.err().map(|error| (at, error.kind())));
        ControlFlow::Continue(())
    };
    routes.batch(operations, outcome).unwrap();
    assert_eq!(failed, [(7, ErrorKind::Ambiguous), (200, ErrorKind::NotFound)]);
    assert_eq!(ip("route show via 10.0.0.2"), "");
}

fn a_batch_begins_nothing_more_once_it_is_stopped() {
    veth_with_addresses("w0", "w1");
    let mut routes = routes();
    let begun = std::cell::Cell::new(0);
    let operations = (0..100_000_u32).map(|n| {
        begun.set(begun.get() + 1);
        let gateway = if n == 10 { "192.0.2.1" } else { "10.0.0.2" };
        let mut route: Route = format!("10.{}.{}.{}/32 via {gateway}", 100 + n / 62_500, n / 250 % 250, n % 250).parse().unwrap();
        route.slot.metric = 1;
        Operation::Route(RouteChange::Add, route)
    });
    let mut told = 0;
    let stop_at_failure = |_, result: Result<(), waypost::Error>| {
        told += 1;
        if result.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    routes.batch(operations, stop_at_failure).unwrap();
    assert!(begun.get() < 10_000, "{} were begun", begun.get());
    assert_eq!(told, begun.get(), "what was under way is told");
    assert_eq!(ip("-4 route show via 10.0.0.2").lines().count(), told - 1);
}

fn each_refusal_has_its_kind_and_the_kernels_words() {
    veth_with_addresses("w0", "w1");
    let mut routes = routes();
    let mut refused = |route: &Route| routes.add(route).unwrap_err();
    let error = refused(&route("10.1.0.0/16 via 192.0.2.1 dev w0"));
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert_eq!(error.kernel_text(), Some("Nexthop has invalid gateway"));
    assert!(error.to_string().contains("10.1.0.0/16"), "it names the route: {error}");
    assert!(error.raw_os_error().is_some());
    let mut nowhere = route("10.1.0.0/16 dev w0");
    nowhere.entry.next_hops = waypost::NextHop::dev(IfIndex::new(4711).unwrap()).into();
    assert_eq!(refused(&nowhere).kind(), ErrorKind::NoSuchDevice);
    let error = refused(&route("2001:db8:1::/48 via 2001:db8:ffff::1 dev w0"));
    assert!(matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::Invalid), "{error:?}");
    let mut unheard_of = route("10.1.0.0/16 via 10.0.0.2 dev w0");
    unheard_of.slot.priority = 8;
    assert_eq!(refused(&unheard_of).kind(), ErrorKind::Unsupported, "Linux has no priorities");
    let error = refused(&route("10.1.0.0/16 nhid 4711"));
    assert!(matches!(error.kind(), ErrorKind::Invalid | ErrorKind::NotFound), "{error:?}");
    assert_eq!(witness("10.1.0.0/16"), [""; 0]);
}

fn an_interface_that_goes_in_the_midst_of_a_batch_fails_the_rest() {
    veth_with_addresses("w0", "w1");
    let mut routes = routes();
    let index = index_of("w0");
    let operations = (0..20_000_u32).map(|n| {
        if n == 6_000 {
            ip("link delete w0");
        }
        let text = format!("10.{}.{}.0/24 via 10.0.0.2 dev if{index} metric 3", 100 + n / 250, n % 250);
        Operation::Route(RouteChange::Add, text.parse().unwrap())
    });
    let (mut added, mut refused) = (0, 0);
    let outcome = |_, result: Result<(), waypost::Error>| {
        match result {
            Ok(()) => added += 1,
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::NoSuchDevice | ErrorKind::Unreachable), "{error:?}");
                refused += 1;
            }
        }
        ControlFlow::Continue(())
    };
    routes.batch(operations, outcome).unwrap();
    assert_eq!(added + refused, 20_000, "each has its outcome");
    assert!(added > 0 && refused >= 14_000, "{added} added, {refused} refused");
}

fn every_kind_of_route_comes_back_as_it_was_added() {
    veth_with_addresses("w0", "w1");
    ip("nexthop add id 7 via 10.0.0.2 dev w0");
    let mut routes = routes();
    for text in [
        "blackhole 10.20.0.0/16",
        "unreachable 10.21.0.0/16 metric 9",
        "prohibit 10.22.0.0/16 table 51820",
        "throw 10.23.0.0/16 table 4294967295",
        "10.24.0.0/16 tos 0x10 via 10.0.0.2 dev w0 proto bird src 10.0.0.1 metric 20",
        "10.25.0.0/16 via inet6 fe80::1 dev w0",
        "10.26.0.0/16 metric 5 nexthop via 10.0.0.2 dev w0 weight 3 nexthop via 10.0.0.3 dev w0 weight 256",
        "10.27.0.0/16 via 10.0.0.2 dev w0 mtu lock 1400 rtt 12.125ms advmss 1300 hoplimit 9 congctl lock reno",
        "10.28.0.0/16 via 192.0.2.9 dev w0 onlink realms 3/4",
        "10.29.0.0/16 dev w0 scope global",
        "local 10.31.0.1 dev w0 table local proto kernel scope host",
        "2001:db8:20::/48 via 2001:db8::2 dev w0 proto static metric 7 mtu 1280 pref high",
        "2001:db8:21::/48 from 2001:db8:ff::/48 via 2001:db8::2 dev w0 metric 7 pref low",
        "2001:db8:22::/48 metric 7 pref medium nexthop via 2001:db8::2 dev w0 weight 2 nexthop via 2001:db8::3 dev w0 weight 1",
        "2001:db8:23::/48 via fe80::9 dev w0 metric 7 pref medium",
        "2001:db8:24::1 dev w0 metric 7 pref medium",
    ] {
        let wanted = route(text);
        routes.add(&wanted).unwrap_or_else(|error| panic!("{text}: {error}"));
        let mut filter = RouteFilter::default();
        filter.exactly = Some(wanted.slot.destination);
        let listed = routes.list(&filter).unwrap();
        let names = routes.names().unwrap();
        let printed: Vec<String> = listed.iter().map(|route| route.with_names(&names).to_string()).collect();
        assert_eq!(printed, [text]);
        assert_eq!(listed, std::slice::from_ref(&wanted), "{text}");
        routes.delete(&wanted).unwrap_or_else(|error| panic!("{text}: {error}"));
        // And once more, from what was printed.
        routes.add(&route(&printed[0])).unwrap();
        assert_eq!(routes.list(&filter).unwrap(), [wanted]);
    }
    routes.add(&route("10.32.0.0/16 nhid 7")).unwrap();
    assert_eq!(witness("10.32.0.0/16"), ["10.32.0.0/16 nhid 7 via 10.0.0.2 dev w0"]);
    // What ip prints less exactly than Waypost, which writes nothing that would read back as another route.
    ip("route delete 10.27.0.0/16");
    ip("route delete 10.29.0.0/16 scope global");
    let mut watcher = watcher();
    settle(&mut watcher);
    assert_mirrors_the_kernel(&mut watcher);
}

fn what_has_no_field_is_set_and_read_by_linuxs_own_names() {
    const RTNH_F_ONLINK: u32 = 4;
    veth_with_addresses("w0", "w1");
    let mut routes = routes();
    let mut wanted = route("10.28.0.0/16 via 192.0.2.9 dev w0");
    assert_eq!(routes.add(&wanted).unwrap_err().kind(), ErrorKind::Unreachable, "the gateway is on no link");
    let realms = Realms { source: 3, destination: 4 };
    wanted.set_rtm_flags(RTNH_F_ONLINK);
    wanted.set_realms(realms);
    // The kernel ignores what it does not know.
    wanted.set_attribute(0x1fff, &[1, 2, 3, 4]);
    routes.add(&wanted).unwrap();
    assert_eq!(witness("10.28.0.0/16"), ["10.28.0.0/16 via 192.0.2.9 dev w0 onlink realms 3/4"]);
    let watcher = watcher();
    let there = watcher.routes().find(|there| there.slot == wanted.slot).unwrap();
    assert_eq!((there.rtm_flags(), there.realms()), (RTNH_F_ONLINK, Some(realms)));
    assert_eq!((there.attributes(), there.encapsulation()), (&[][..], None));
}

fn encapsulations_come_back_as_they_were_added() {
    veth_with_addresses("w0", "w1");
    let words = "route add 10.30.0.0/16 metric 7 encap seg6 mode encap segs 2001:db8::9 dev w0";
    if !ip::run("ip", words.split(' ')).status.success() {
        cannot_run("this kernel has no segment routing");
    }
    ip("route add 2001:db8:30::/48 metric 7 encap seg6 mode encap segs 2001:db8::9,2001:db8::8 via 2001:db8::2");
    let mut routes = routes();
    for destination in ["10.30.0.0/16", "2001:db8:30::/48"] {
        let before = witness(destination);
        assert!(before[0].contains("encap seg6"), "{before:?}");
        let mut filter = RouteFilter::default();
        filter.exactly = Some(destination.parse().unwrap());
        let listed = routes.list(&filter).unwrap();
        // SEG6_IPTUNNEL_SRH (1) of include/uapi/linux/seg6_iptunnel.h: the mode, and a header of IPv6 with the segments.
        let segments = Attributes::of(&listed[0].encapsulation().unwrap().data).next();
        assert!(matches!(segments, Some((1, [_, _, _, _, _, length, 4, ..])) if *length > 0), "{segments:?}");
        let text = listed[0].with_names(&routes.names().unwrap()).to_string();
        assert_eq!(listed, [route(&text)]);
        routes.delete(&listed[0]).unwrap();
        assert_eq!(witness(destination), [""; 0]);
        routes.add(&route(&text)).unwrap();
        assert_eq!(routes.list(&filter).unwrap(), listed);
        assert_eq!(witness(destination), before);
    }
}

fn listings_are_filtered_by_the_kernel_and_again_here() {
    veth_with_addresses("w0", "w1");
    let mut routes = routes();
    ip("route add 10.1.0.0/16 via 10.0.0.2 proto static table 7");
    ip("route add 10.1.1.0/24 via 10.0.0.2 proto bird table 7");
    ip("route add blackhole 10.1.2.0/24 table 7");
    ip("route add 10.1.3.0/24 via 10.0.0.2 proto static");
    let mut count = |edit: &dyn Fn(&mut RouteFilter)| {
        let mut filter = RouteFilter::default();
        edit(&mut filter);
        routes.list(&filter).unwrap().len()
    };
    assert_eq!(count(&|filter| filter.table = Some(TableId(7))), 3);
    assert_eq!(count(&|filter| filter.protocol = Some(waypost::Protocol::STATIC)), 2);
    assert_eq!(count(&|filter| filter.disposition = Some(Disposition::Blackhole)), 1);
    assert_eq!(count(&|filter| filter.gateway = Some("10.0.0.2".parse().unwrap())), 3);
    assert_eq!(count(&|filter| filter.inside = Some("10.1.0.0/16".parse().unwrap())), 4);
    assert_eq!(count(&|filter| filter.covering = Some("10.1.1.7/32".parse().unwrap())), 2);
    let index = IfIndex::new(index_of("w0")).unwrap();
    assert_eq!(count(&|filter| (filter.interface, filter.table) = (Some(index), Some(TableId(7)))), 2);
    assert_eq!(count(&|filter| filter.table = Some(TableId(4711))), 0, "a table that is not there is empty");
}

fn lookups_are_answered_as_ip_answers_them() {
    veth_with_addresses("w0", "w1");
    ip("route add 192.0.2.0/24 via 10.0.0.2 metric 5");
    ip("route add 2001:db8:2::/48 via 2001:db8::2 metric 5");
    ip("route add 192.0.2.0/24 via 10.0.0.9 table 7");
    ip("rule add fwmark 7 table 7 priority 100");
    let mut routes = routes();
    let mut find = |flow: &Flow, mode| routes.lookup(flow, mode).map(|answer| answer.route);
    let flow = Flow::to("192.0.2.1".parse().unwrap());
    let path = find(&flow, LookupMode::Path).unwrap();
    assert_eq!(path.entry.next_hops[0].gateway, Some("10.0.0.2".parse().unwrap()));
    assert_eq!(path.entry.preferred_source, Some("10.0.0.1".parse().unwrap()));
    assert_eq!(find(&flow, LookupMode::Entry).unwrap().slot.destination, "192.0.2.0/24".parse().unwrap());
    let mut marked = flow;
    marked.mark = 7;
    assert_eq!(find(&marked, LookupMode::Entry).unwrap().slot.table, TableId(7));
    let six = Flow::to("2001:db8:2::1".parse().unwrap());
    assert_eq!(find(&six, LookupMode::Entry).unwrap().slot.destination, "2001:db8:2::/48".parse().unwrap());
    let nowhere = Flow::to("198.51.100.1".parse().unwrap());
    assert_eq!(find(&nowhere, LookupMode::Path).unwrap_err().kind(), ErrorKind::Unreachable);
    // The mirror says the same without asking.
    let watcher = watcher();
    for (flow, table) in [(flow, TableId::MAIN), (marked, TableId(7)), (six, TableId::MAIN)] {
        let waypost::lookup::Verdict::Found(found) = watcher.lookup(&flow) else { panic!("{flow:?}") };
        assert_eq!(found.route.slot.table, table);
    }
}

fn rules_come_and_go() {
    veth_with_addresses("w0", "w1");
    let mut routes = routes();
    let mut watcher = watcher();
    for (family, text, printed) in [
        (
            Family::V4,
            "from 10.7.0.0/16 fwmark 0x7/0xff iif w0 lookup 77 suppress_prefixlength 0 priority 500",
            "500: from 10.7.0.0/16 fwmark 0x7/0xff iif w0 lookup 77 suppress_prefixlength 0",
        ),
        (
            Family::V6,
            "not to 2001:db8:9::/48 ipproto tcp dport 80-443 prohibit priority 501",
            "501: not from all to 2001:db8:9::/48 ipproto tcp dport 80-443 prohibit",
        ),
    ] {
        let rule = Rule::parse(text, Some(family)).unwrap_or_else(|error| panic!("{text}: {error}"));
        routes.add_rule(&rule).unwrap();
        assert_eq!(routes.add_rule(&rule).unwrap_err().kind(), ErrorKind::Exists);
        let flag = if family == Family::V4 { "-4" } else { "-6" };
        let witnessed = ip(&format!("{flag} rule show priority {}", rule.priority));
        assert_eq!(witnessed.split_whitespace().collect::<Vec<_>>().join(" "), printed);
        let listed = routes.rules(Some(family)).unwrap();
        let there = listed.iter().find(|listed| listed.priority == rule.priority).unwrap();
        assert_eq!(there.to_string(), printed);
        settle(&mut watcher);
        assert_eq!(watcher.rules(family), listed);
        routes.delete_rule(there).unwrap();
        assert_eq!(routes.delete_rule(there).unwrap_err().kind(), ErrorKind::NotFound);
    }
    settle(&mut watcher);
    assert_eq!(watcher.rules(Family::V4), routes.rules(Some(Family::V4)).unwrap());
}

fn next_hop_objects_come_and_go() {
    veth_with_addresses("w0", "w1");
    let mut routes = routes();
    let names = routes.names().unwrap();
    let mut watcher = watcher();
    for text in ["id 7 via 10.0.0.2 dev w0 scope link", "id 8 via 2001:db8::2 dev w0", "id 9 blackhole", "id 10 group 7,3"] {
        let object = NextHopObject::parse(text, &names, None).unwrap_or_else(|error| panic!("{text}: {error}"));
        routes.add_next_hop(&object).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(routes.add_next_hop(&object).unwrap_err().kind(), ErrorKind::Exists);
        routes.replace_next_hop(&object).unwrap();
    }
    let witnessed = ip("nexthop show");
    assert_eq!(witnessed.lines().count(), 4, "{witnessed}");
    assert!(witnessed.contains("id 10 group 7,3"), "{witnessed}");
    settle(&mut watcher);
    let listed = routes.next_hops().unwrap();
    assert_eq!(watcher.next_hops().cloned().collect::<Vec<_>>(), listed);
    for (line, object) in witnessed.lines().zip(&listed) {
        assert_eq!(object.with_names(&names).to_string(), line.trim());
    }
    let seven = NextHopId::new(7).unwrap();
    routes.delete_next_hop(seven).unwrap();
    assert_eq!(routes.delete_next_hop(seven).unwrap_err().kind(), ErrorKind::NotFound);
    settle(&mut watcher);
    assert_eq!(watcher.next_hops().cloned().collect::<Vec<_>>(), routes.next_hops().unwrap());
}

fn ones_own_writes_are_read() {
    veth_with_addresses("w0", "w1");
    let mut routes = routes();
    let mut watcher = watcher();
    for (one, _, _) in PAIRS {
        let wanted = route(one);
        routes.add(&wanted).unwrap();
        let event = watcher.try_next().unwrap();
        assert!(
            matches!(&event, Some(waypost::Event::Route { change: waypost::Change::Added(route), .. }) if *route == wanted),
            "{event:?}"
        );
    }
}

fn main() -> ExitCode {
    run(&[
        test!(adding_is_exclusive),
        test!(replacing_and_changing_put_one_in_the_place_of_another),
        test!(appending_and_prepending_keep_what_is_there),
        test!(ensuring_adds_once_and_tells_who_is_in_the_way),
        test!(deleting_compares_everything),
        test!(what_a_listing_prints_can_be_deleted_and_takes_nothing_else),
        test!(a_batch_deletes_nothing_that_ipv6_would_take_for_what_was_named),
        test!(deleting_by_a_filter_wants_exactly_one),
        test!(flushing_takes_what_passes_and_nothing_else),
        test!(a_batch_tells_the_outcome_of_each),
        test!(deletions_in_a_batch_are_looked_at_together),
        test!(batch::rules_in_a_batch_are_looked_at_before_they_are_deleted),
        test!(batch::a_batch_takes_no_next_hop_out_of_a_route_of_several),
        test!(batch::what_a_batch_adds_it_can_delete),
        test!(lost::a_single_change_whose_answer_is_lost_is_read_from_the_state),
        test!(lost::changes_of_a_batch_whose_answers_are_lost_are_read_from_the_state),
        test!(a_batch_begins_nothing_more_once_it_is_stopped),
        test!(each_refusal_has_its_kind_and_the_kernels_words),
        test!(an_interface_that_goes_in_the_midst_of_a_batch_fails_the_rest),
        test!(every_kind_of_route_comes_back_as_it_was_added),
        test!(what_has_no_field_is_set_and_read_by_linuxs_own_names),
        test!(encapsulations_come_back_as_they_were_added),
        test!(listings_are_filtered_by_the_kernel_and_again_here),
        test!(lookups_are_answered_as_ip_answers_them),
        test!(rules_come_and_go),
        test!(next_hop_objects_come_and_go),
        test!(ones_own_writes_are_read),
    ])
}
