//! Where a watcher looks, and with what rights.

use std::fs::{File, read_link};

use waypost::{ErrorKind, Family, Namespace, Options, RouteFilter, Routes, Watcher};
use waypost_tests::drop_rights;
use waypost_tests::ip::{ip, sysctl, veth, veth_with_addresses};
use waypost_tests::witness::{assert_mirrors_the_kernel, settle, watcher};

use super::{PATIENCE, brings};

/// The calling thread's namespace.
const HERE: &str = "/proc/thread-self/ns/net";

fn watcher_in(namespace: Namespace) -> Watcher {
    let mut watcher = Watcher::open_with(&Options::new().namespace(namespace)).expect("it opens");
    watcher.synchronise(Some(PATIENCE)).expect("a first picture");
    watcher
}

fn mirrors(watcher: &Watcher, destination: &str) -> bool {
    watcher.routes().any(|route| route.slot.destination.to_string() == destination)
}

fn lists(namespace: Namespace, destination: &str) -> bool {
    let mut routes = Routes::open_with(&Options::new().namespace(namespace)).expect("it opens");
    let listed = routes.list(&RouteFilter::default()).unwrap();
    listed.iter().any(|route| route.slot.destination.to_string() == destination)
}

/// A namespace of this name, with the route 10.1.0.0/16.
fn make(name: &str) {
    ip(&format!("netns add {name}"));
    ip(&format!("-n {name} link set lo up"));
    ip(&format!("-n {name} route add 10.1.0.0/16 dev lo"));
}

pub(crate) fn another_namespace_is_seen_by_name_by_path_and_by_descriptor() {
    make("blue");
    ip("route add 10.9.0.0/16 dev lo");
    let ways: [fn() -> Namespace; 3] = [
        || Namespace::Name("blue".into()),
        || Namespace::Path("/run/netns/blue".into()),
        || Namespace::Fd(File::open("/run/netns/blue").unwrap().into()),
    ];
    for way in ways {
        let mut watcher = watcher_in(way());
        assert!(mirrors(&watcher, "10.1.0.0/16") && !mirrors(&watcher, "10.9.0.0/16"), "{:?}", way());
        assert!(lists(way(), "10.1.0.0/16") && !lists(way(), "10.9.0.0/16"), "{:?}", way());
        ip("-n blue route add 10.2.0.0/16 dev lo");
        ip("route add 10.8.0.0/16 dev lo");
        let events = settle(&mut watcher);
        assert!(events.iter().any(|event| brings(event, "10.2.0.0/16")), "{events:?}");
        assert!(!events.iter().any(|event| brings(event, "10.8.0.0/16")), "{events:?}");
        ip("-n blue route delete 10.2.0.0/16");
        ip("route delete 10.8.0.0/16");
    }
    assert!(lists(Namespace::Current, "10.9.0.0/16") && !lists(Namespace::Current, "10.1.0.0/16"));
}

pub(crate) fn several_namespaces_are_followed_side_by_side() {
    let names = ["red", "green", "blue"];
    names.into_iter().for_each(make);
    let mut watchers = names.map(|name| watcher_in(Namespace::Name(name.into())));
    for (at, name) in names.iter().enumerate() {
        ip(&format!("-n {name} route add 10.{}.0.0/16 dev lo", 100 + at));
    }
    for (at, watcher) in watchers.iter_mut().enumerate() {
        let events = settle(watcher);
        for other in 0..names.len() {
            let told = events.iter().any(|event| brings(event, &format!("10.{}.0.0/16", 100 + other)));
            assert_eq!(told, other == at, "{events:?}");
        }
    }
    // One that nobody enters any more lives as long as somebody watches it.
    ip("netns delete red");
    assert!(mirrors(&watchers[0], "10.100.0.0/16"));
    watchers[0].resync();
    settle(&mut watchers[0]);
    assert!(mirrors(&watchers[0], "10.100.0.0/16"));
}

pub(crate) fn a_namespace_that_is_missing_is_no_such_device() {
    for namespace in [|| Namespace::Name("green".into()), || Namespace::Path("/run/netns/green".into())] {
        let options = || Options::new().namespace(namespace());
        let errors = [Watcher::open_with(&options()).err(), Routes::open_with(&options()).err()];
        for error in errors {
            let error = error.expect("there is none");
            assert_eq!(error.kind(), ErrorKind::NoSuchDevice);
            assert!(error.to_string().contains("green"), "{error}");
        }
    }
}

pub(crate) fn the_caller_stays_where_it_is() {
    make("blue");
    let before = read_link(HERE).unwrap();
    let mut watcher = watcher_in(Namespace::Name("blue".into()));
    drop(Routes::open_with(&Options::new().namespace(Namespace::Name("blue".into()))).unwrap());
    settle(&mut watcher);
    assert_eq!(read_link(HERE).unwrap(), before);
    assert_ne!(read_link(HERE).unwrap(), std::fs::canonicalize("/run/netns/blue").unwrap());
    assert!(!lists(Namespace::Current, "10.1.0.0/16"));
}

pub(crate) fn without_rights_everything_is_seen() {
    veth_with_addresses("w0", "w1");
    ip("route add 10.1.0.0/16 via 10.0.0.2");
    ip("rule add fwmark 7 table 7 priority 100");
    ip("nexthop add id 7 via 10.0.0.2 dev w0");
    let privileged = std::thread::spawn(|| {
        drop_rights();
        let mut watcher = watcher();
        assert_mirrors_the_kernel(&mut watcher);
        let mut routes = Routes::open().unwrap();
        assert_eq!(watcher.rules(Family::V4), routes.rules(Some(Family::V4)).unwrap());
        assert_eq!(watcher.next_hops().count(), 1);
        let route = routes.list(&RouteFilter::default()).unwrap().remove(0);
        assert_eq!(routes.delete(&route).unwrap_err().kind(), ErrorKind::NotPermitted);
        watcher
    });
    let mut watcher = privileged.join().expect("nothing that reads needs rights");
    ip("route add 10.2.0.0/16 via 10.0.0.2");
    let events = settle(&mut watcher);
    assert!(events.iter().any(|event| brings(event, "10.2.0.0/16")), "{events:?}");
}

pub(crate) fn a_namespace_with_nothing_but_its_loopback_is_whole() {
    ip("link set lo down");
    let mut watcher = watcher();
    assert_eq!(watcher.links().map(|link| link.name.as_str()).collect::<Vec<_>>(), ["lo"]);
    assert_mirrors_the_kernel(&mut watcher);
    assert!(!mirrors(&watcher, "::1/128"));
    assert_eq!(watcher.rules(Family::V4).len(), 3);
    ip("link set lo up");
    assert_mirrors_the_kernel(&mut watcher);
    assert!(mirrors(&watcher, "127.0.0.0/8") && mirrors(&watcher, "::1/128"));
}

pub(crate) fn a_host_without_ipv6_is_followed() {
    sysctl("net/ipv6/conf/all/disable_ipv6", "1");
    sysctl("net/ipv6/conf/default/disable_ipv6", "1");
    veth("w0", "w1");
    ip("address add 10.0.0.1/24 dev w0");
    let mut watcher = watcher();
    ip("route add 10.1.0.0/16 via 10.0.0.2");
    assert_mirrors_the_kernel(&mut watcher);
    assert!(watcher.routes().all(|route| route.slot.destination.family() == Family::V4));
    assert!(mirrors(&watcher, "10.1.0.0/16"));
    // It comes while somebody looks, and goes again.
    sysctl("net/ipv6/conf/all/disable_ipv6", "0");
    assert_mirrors_the_kernel(&mut watcher);
    assert!(watcher.routes().any(|route| route.slot.destination.family() == Family::V6));
    sysctl("net/ipv6/conf/all/disable_ipv6", "1");
    assert_mirrors_the_kernel(&mut watcher);
}
