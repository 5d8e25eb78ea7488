//! What Linux does that a mirror must know of: one test for each trap, with the kernel as the judge and `ip` as a witness.

use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::Duration;

use waypost::{
    Change, Drained, ErrorKind, Event, Flow, Kernel, LookupMode, Native, NextHopFlags, Notice, Notices, Now, Options, Reason,
    Route, RouteChange, RouteFilter, RouteFlags, RouteVerb, Routes, TableId, Watcher,
};
use waypost_tests::forge;
use waypost_tests::ip::{ip, ip_batch, sysctl, veth, veth_with_addresses};
use waypost_tests::namespace::{new_network, run};
use waypost_tests::test;
use waypost_tests::witness::{assert_mirrors_the_kernel, settle, watcher};

/// How long something may take that comes at once unless it never comes.
const PATIENCE: Duration = Duration::from_secs(20);

fn routes() -> Routes {
    Routes::open().expect("the sockets open")
}

fn route(text: &str) -> Route {
    Route::parse(text, &routes().names().unwrap()).unwrap()
}

/// What the events say of routes, in few words.
fn said(events: &[Event]) -> Vec<String> {
    let say = |event: &Event| match event {
        Event::Route { change: Change::Added(route), .. } => Some(format!("added {}", route.slot.destination)),
        Event::Route { change: Change::Removed(route), .. } => Some(format!("removed {}", route.slot.destination)),
        Event::Route { change: Change::Replaced { new, .. }, .. } => Some(format!("replaced {}", new.slot.destination)),
        _ => None,
    };
    events.iter().filter_map(say).collect()
}

fn says(events: &[Event], what: &str) -> bool {
    said(events).iter().any(|event| event == what)
}

/// A second listener, who hears what the kernel says and works out nothing.
struct Witness(Native);

impl Witness {
    fn open() -> Self {
        Self(Native::open(&Options::new()).expect("the sockets open"))
    }

    /// What the kernel has said of routes by now, in the words of [`said`], and of next-hop objects.
    fn said(&mut self) -> Vec<String> {
        let mut notices = Notices::new();
        while self.0.drain(Now::default(), 1000, &mut notices).expect("the socket lives") == Drained::More {}
        let say = |notice: &Notice| match notice {
            Notice::Route(RouteVerb::Removed, route) => Some(format!("removed {}", route.slot.destination)),
            Notice::Route(RouteVerb::Replaced, route) => Some(format!("replaced {}", route.slot.destination)),
            Notice::Route(_, route) => Some(format!("added {}", route.slot.destination)),
            Notice::NextHop(_, object) => Some(format!("object {}", object.id)),
            _ => None,
        };
        notices.iter().filter_map(say).collect()
    }
}

/// Trap 1: IPv4 routes go without a message when a link is switched off; IPv6 ones are announced.
fn switching_a_link_off_takes_its_routes() {
    veth_with_addresses("w0", "w1");
    ip("route add 10.1.0.0/16 via 10.0.0.2");
    ip("route add 2001:db8:1::/48 via 2001:db8::2");
    let mut watcher = watcher();
    let mut witness = Witness::open();
    ip("link set w0 down");
    let events = settle(&mut watcher);
    let announced = witness.said();
    for (gone, is_announced) in
        [("removed 10.1.0.0/16", false), ("removed 10.0.0.0/24", false), ("removed 2001:db8:1::/48", true)]
    {
        assert!(says(&events, gone), "{gone}: {:?}", said(&events));
        assert_eq!(announced.iter().any(|event| event == gone), is_announced, "{gone}");
    }
    assert_mirrors_the_kernel(&mut watcher);
    ip("link set w0 up");
    let events = settle(&mut watcher);
    assert!(says(&events, "added 10.0.0.0/24") && !says(&events, "added 10.1.0.0/16"), "{:?}", said(&events));
    assert_mirrors_the_kernel(&mut watcher);
}

/// The same trap where the administrator has IPv6 keep quiet as well (`net.ipv6.route.skip_notify_on_dev_down`).
fn ipv6_routes_that_go_without_a_message_are_missed_too() {
    veth_with_addresses("w0", "w1");
    ip("route add 2001:db8:1::/48 via 2001:db8::2");
    ip("route add 2001:db8:2::/48 nexthop via 2001:db8::2 nexthop via 2001:db8::3");
    // Only the initial user namespace has this.
    sysctl("net/ipv6/route/skip_notify_on_dev_down", "1");
    let mut watcher = watcher();
    ip("link set w0 down");
    let events = settle(&mut watcher);
    for gone in ["removed 2001:db8:1::/48", "removed 2001:db8:2::/48"] {
        assert!(says(&events, gone), "{gone}: {:?}", said(&events));
    }
    assert_mirrors_the_kernel(&mut watcher);
}

/// Trap 2: so they do when the interface is deleted …
fn deleting_an_interface_takes_its_routes() {
    veth_with_addresses("w0", "w1");
    ip("route add 10.1.0.0/16 via 10.0.0.2");
    ip("route add 10.2.0.0/16 nexthop via 10.0.0.2 nexthop via 10.0.0.3");
    let mut watcher = watcher();
    ip("link delete w0");
    let events = settle(&mut watcher);
    for gone in ["removed 10.1.0.0/16", "removed 10.2.0.0/16", "removed 10.0.0.0/24"] {
        assert!(says(&events, gone), "{gone}: {:?}", said(&events));
    }
    assert_mirrors_the_kernel(&mut watcher);
}

/// … and when the link's last IPv4 address goes. As long as there is another, routes stay whose gateway is covered by none.
fn deleting_an_address_takes_the_routes_that_need_one() {
    veth_with_addresses("w0", "w1");
    ip("address add 10.9.0.1/24 dev w0");
    ip("nexthop add id 7 via 10.0.0.2 dev w0");
    ip("route add 10.1.0.0/16 via 10.9.0.2");
    ip("route add 10.2.0.0/16 via 10.0.0.2");
    ip("route add 10.3.0.0/16 via 10.0.0.2 src 10.9.0.1");
    ip("route add 10.4.0.0/16 nhid 7");
    let mut watcher = watcher();
    let goes = |watcher: &mut Watcher, address: &str| {
        let mut witness = Witness::open();
        ip(&format!("address delete {address} dev w0"));
        let events = settle(watcher);
        assert_mirrors_the_kernel(watcher);
        let of_ours = |events: Vec<String>| events.into_iter().filter(|event| event.ends_with("/16")).collect::<Vec<_>>();
        (of_ours(witness.said()), of_ours(said(&events)))
    };
    let (announced, found) = goes(&mut watcher, "10.9.0.1/24");
    assert_eq!((&announced[..], &found[..]), (&["removed 10.3.0.0/16".to_owned()][..], &announced[..]));
    let (announced, found) = goes(&mut watcher, "10.0.0.1/24");
    assert_eq!(announced, [""; 0], "the kernel says nothing of these");
    assert_eq!(found, ["removed 10.1.0.0/16", "removed 10.2.0.0/16"]);
    assert!(ip("route show").starts_with("10.4.0.0/16 nhid 7"), "a next-hop object needs no address");
}

/// Trap 3: routes stay when the carrier goes, and turn `linkdown`, without a message of their own.
fn losing_the_carrier_marks_routes() {
    veth_with_addresses("w0", "w1");
    ip("route add 10.1.0.0/16 via 10.0.0.2");
    let mut watcher = watcher();
    ip("link set w1 down");
    settle(&mut watcher);
    assert_mirrors_the_kernel(&mut watcher);
    let marked = |watcher: &Watcher| {
        let route = watcher.routes().find(|route| route.slot.destination.to_string() == "10.1.0.0/16").unwrap();
        route.entry.next_hops[0].flags.contains(NextHopFlags::LINK_DOWN)
    };
    assert!(marked(&watcher));
    ip("link set w1 up");
    settle(&mut watcher);
    assert_mirrors_the_kernel(&mut watcher);
    assert!(!marked(&watcher));
}

/// Trap 5: an overrun is one error, once; the mirror reads again and says what it missed.
fn an_overrun_is_told_and_repaired() {
    veth_with_addresses("w0", "w1");
    ip("route add 10.200.0.0/16 via 10.0.0.2");
    let mut watcher = Watcher::open_with(&Options::new().receive_buffer(4096)).unwrap();
    watcher.synchronise(None).unwrap();
    ip("route delete 10.200.0.0/16");
    ip_batch((0..3000).map(|n| format!("route add 10.{}.{}.0/24 via 10.0.0.2", 100 + n / 250, n % 250)));
    let events = settle(&mut watcher);
    assert!(watcher.stats().overruns > 0, "4 KiB do not hold 3,000 messages");
    let started = events.iter().any(|event| matches!(event, Event::ResyncStarted { reason: Reason::Overrun }));
    let ended = events.iter().any(|event| matches!(event, Event::Resynced { reason: Reason::Overrun, added, .. } if *added > 0));
    assert!(started && ended);
    assert!(says(&events, "removed 10.200.0.0/16"));
    assert_eq!(said(&events).iter().filter(|event| event.starts_with("added")).count(), 3000);
    assert_mirrors_the_kernel(&mut watcher);
}

/// Trap 6: a replace does not name its victim; on IPv4 it is the first of the slot, and the others stay.
fn a_replace_hits_the_first_of_its_slot() {
    veth_with_addresses("w0", "w1");
    for gateway in ["10.0.0.2", "10.0.0.3", "10.0.0.4"] {
        ip(&format!("route append 10.1.0.0/16 via {gateway}"));
    }
    let mut watcher = watcher();
    ip("route replace 10.1.0.0/16 via 10.0.0.9");
    let events = settle(&mut watcher);
    let Some(Event::Route { change: Change::Replaced { old, new }, position: 0 }) = events.first() else { panic!("{events:?}") };
    assert_eq!(old, &route("10.1.0.0/16 via 10.0.0.2 dev w0"));
    assert_eq!(new, &route("10.1.0.0/16 via 10.0.0.9 dev w0"));
    ip("route prepend 10.1.0.0/16 via 10.0.0.7");
    ip("route append 10.1.0.0/16 via 10.0.0.8");
    settle(&mut watcher);
    assert_mirrors_the_kernel(&mut watcher);
}

/// Trap 7: an identical replace succeeds, and on IPv4 the kernel says nothing of it. On IPv6 it does, and that is no event either.
fn an_identical_replace_succeeds_without_an_event() {
    veth_with_addresses("w0", "w1");
    let same = [
        (route("10.1.0.0/16 via 10.0.0.2 dev w0 metric 5"), false),
        (route("2001:db8:1::/48 via 2001:db8::2 dev w0 metric 5"), true),
    ];
    same.iter().for_each(|(same, _)| routes().add(same).unwrap());
    let mut watcher = watcher();
    for (same, is_announced) in &same {
        let mut witness = Witness::open();
        routes().change(RouteChange::Replace, same).unwrap();
        assert_eq!(settle(&mut watcher), []);
        let announced = if *is_announced { vec![format!("replaced {}", same.slot.destination)] } else { Vec::new() };
        assert_eq!(witness.said(), announced);
    }
    assert_mirrors_the_kernel(&mut watcher);
}

/// Trap 8: an IPv6 append joins the next hops, and deleting one of them takes it out.
fn ipv6_next_hops_join_and_leave() {
    veth_with_addresses("w0", "w1");
    ip("route add 2001:db8:1::/48 via 2001:db8::2 metric 7 proto static");
    let mut watcher = watcher();
    ip("route append 2001:db8:1::/48 via 2001:db8::3 metric 7 proto bird");
    settle(&mut watcher);
    assert_mirrors_the_kernel(&mut watcher);
    let hops = |watcher: &Watcher| {
        let route = watcher.routes().find(|route| route.slot.destination.to_string() == "2001:db8:1::/48").unwrap();
        route.entry.next_hops.len()
    };
    assert_eq!(hops(&watcher), 2);
    ip("route append 2001:db8:1::/48 via 2001:db8::4 metric 7");
    ip("route delete 2001:db8:1::/48 via 2001:db8::2 metric 7");
    settle(&mut watcher);
    assert_eq!(hops(&watcher), 2);
    assert_mirrors_the_kernel(&mut watcher);
}

/// The same trap, the other half: what stands between next hops that joined is there, and in no list (`fib6_dump_node`).
fn what_an_ipv6_dump_hides_stays() {
    veth_with_addresses("w0", "w1");
    ip("route append 2001:db8:1::/48 via 2001:db8::2 metric 7");
    ip("route append 2001:db8:1::/48 dev w1 metric 7");
    let mut watcher = watcher();
    ip("route append 2001:db8:1::/48 via 2001:db8::3 metric 7");
    settle(&mut watcher);
    assert!(!ip("-6 route show 2001:db8:1::/48").contains("dev w1"), "the kernel lists it");
    let held = |watcher: &Watcher| {
        let of_it = watcher.routes().filter(|route| route.slot.destination.to_string() == "2001:db8:1::/48");
        of_it.map(|route| route.entry.next_hops.len()).collect::<Vec<_>>()
    };
    watcher.resync();
    let events = settle(&mut watcher);
    assert_eq!((said(&events).len(), held(&watcher)), (0, vec![2, 1]), "{events:?}");
    // It shows again without a word.
    ip("route delete 2001:db8:1::/48 via 2001:db8::3 metric 7");
    settle(&mut watcher);
    assert!(ip("-6 route show 2001:db8:1::/48").contains("dev w1"));
    assert_eq!(held(&watcher), [1, 1]);
    assert_mirrors_the_kernel(&mut watcher);
}

/// A watcher whose buffer holds little, of a slot with a route that no list has: `dev w1` between two next hops.
fn watcher_of_what_is_hidden() -> Watcher {
    veth_with_addresses("w0", "w1");
    let mut watcher = Watcher::open_with(&Options::new().receive_buffer(4096)).unwrap();
    watcher.synchronise(None).unwrap();
    for way in ["via 2001:db8::2", "dev w1", "via 2001:db8::3"] {
        ip(&format!("route append 2001:db8:1::/48 {way} metric 7"));
        settle(&mut watcher);
    }
    assert_eq!(ways_of_what_is_hidden(&watcher), (vec![2, 1], 0));
    watcher
}

/// How many next hops the routes of that slot have, and how many routes are suspect.
fn ways_of_what_is_hidden(watcher: &Watcher) -> (Vec<usize>, usize) {
    let of_it = watcher.routes().filter(|route| route.slot.destination.to_string() == "2001:db8:1::/48");
    (of_it.map(|route| route.entry.next_hops.len()).collect(), watcher.stats().suspects[1])
}

/// Does to a route of that slot what its watcher is not told: its buffer is full by then.
fn unheard(watcher: &Watcher, words: &str) {
    ip_batch((0..500).map(|n| format!("route add 10.{}.{}.0/24 via 10.0.0.2", 100 + n / 250, n % 250)));
    ip(words);
    assert!(!watcher.routes().any(|route| route.slot.destination.to_string() == "10.100.0.0/24"), "nothing was read meanwhile");
}

/// The same trap, when its going was lost: the kernel has a file of all there is, without the tables.
fn what_an_ipv6_dump_hides_goes_though_nobody_heard_of_it() {
    let mut watcher = watcher_of_what_is_hidden();
    unheard(&watcher, "route delete 2001:db8:1::/48 dev w1 metric 7");
    let events = settle(&mut watcher);
    assert!(watcher.stats().overruns > 0 && says(&events, "removed 2001:db8:1::/48"), "{:?}", watcher.stats());
    assert_eq!(ways_of_what_is_hidden(&watcher), (vec![2], 0));
    assert_mirrors_the_kernel(&mut watcher);
    // That something was lost does not take away what is there.
    ip("route append 2001:db8:1::/48 dev w1 metric 7");
    ip("route append 2001:db8:1::/48 via 2001:db8::4 metric 7");
    settle(&mut watcher);
    watcher.resync();
    settle(&mut watcher);
    assert_eq!(ways_of_what_is_hidden(&watcher), (vec![3, 1], 0));
    // A table that has it too, and lists it, is not taken for the one that hides it.
    ip("route append 2001:db8:1::/48 dev w1 metric 7 table 300");
    settle(&mut watcher);
    ip_batch((0..500).map(|n| format!("route delete 10.{}.{}.0/24 via 10.0.0.2", 100 + n / 250, n % 250)));
    ip("route delete 2001:db8:1::/48 dev w1 metric 7");
    settle(&mut watcher);
    assert_eq!(ways_of_what_is_hidden(&watcher), (vec![3, 1], 0), "the one that is left is of table 300");
    assert_mirrors_the_kernel(&mut watcher);
    assert!(watcher.stats().overruns > 1);
}

/// The same file is another's in another namespace, and the watcher may be moved there.
fn what_an_ipv6_dump_hides_is_looked_for_where_the_watcher_is() {
    let mut watcher = watcher_of_what_is_hidden();
    unheard(&watcher, "route delete 2001:db8:1::/48 dev w1 metric 7");
    let elsewhere = move || {
        new_network();
        settle(&mut watcher);
        watcher
    };
    let mut watcher = std::thread::spawn(elsewhere).join().expect("it comes to rest");
    assert_mirrors_the_kernel(&mut watcher);
    assert_eq!(ways_of_what_is_hidden(&watcher), (vec![2], 0));
}

/// Where there are more IPv6 routes than can be looked through, it stays and is suspect.
fn what_an_ipv6_dump_hides_is_suspect_among_very_many() {
    let mut watcher = watcher_of_what_is_hidden();
    ip_batch((0..8192).map(|n| format!("route add 2001:db8:2:{n:x}::/64 via 2001:db8::2")));
    ip("route delete 2001:db8:1::/48 dev w1 metric 7");
    settle(&mut watcher);
    assert!(watcher.stats().overruns > 0);
    assert_eq!(ways_of_what_is_hidden(&watcher), (vec![2, 1], 1));
    ip("-6 route flush root 2001:db8:2::/48");
    settle(&mut watcher);
    assert_mirrors_the_kernel(&mut watcher);
    assert_eq!(ways_of_what_is_hidden(&watcher), (vec![2], 0));
}

/// Replacing an IPv6 route can make it the twin of another, and the kernel keeps and lists both.
fn an_ipv6_route_can_be_there_twice() {
    veth_with_addresses("w0", "w1");
    let mut watcher = watcher();
    ip("-6 route add 2001:db8:9::/48 dev w1 metric 6");
    ip("-6 route append 2001:db8:9::/48 dev w0 metric 6");
    ip("-6 route replace 2001:db8:9::/48 dev w0 metric 6");
    assert_eq!(ip("-6 route show 2001:db8:9::/48").lines().count(), 2);
    assert_mirrors_the_kernel(&mut watcher);
    assert_mirrors_the_kernel(&mut waypost_tests::witness::watcher());
    watcher.resync();
    assert_mirrors_the_kernel(&mut watcher);
    ip("-6 route delete 2001:db8:9::/48 dev w0 metric 6");
    assert_mirrors_the_kernel(&mut watcher);
    assert_eq!(ip("-6 route show 2001:db8:9::/48").lines().count(), 1);
}

/// Trap 9: IPv4 routes go without a message with their next-hop object; IPv6 ones are announced.
fn deleting_a_next_hop_object_takes_its_routes() {
    veth_with_addresses("w0", "w1");
    ip("nexthop add id 7 via 10.0.0.2 dev w0");
    ip("nexthop add id 8 via 2001:db8::2 dev w0");
    ip("nexthop add id 9 group 7");
    ip("route add 10.1.0.0/16 nhid 7");
    ip("route add 10.2.0.0/16 nhid 9");
    ip("route add 2001:db8:1::/48 nhid 8");
    let mut watcher = watcher();
    assert_mirrors_the_kernel(&mut watcher);
    ip("nexthop delete id 7");
    ip("nexthop delete id 8");
    let events = settle(&mut watcher);
    for gone in ["removed 10.1.0.0/16", "removed 10.2.0.0/16", "removed 2001:db8:1::/48"] {
        assert!(says(&events, gone), "{gone}: {:?}", said(&events));
    }
    assert_mirrors_the_kernel(&mut watcher);
}

/// So do the objects themselves with their link, those of both families.
fn next_hop_objects_go_with_their_link() {
    veth_with_addresses("w0", "w1");
    veth("v0", "v1");
    ip("address add 10.9.0.1/24 dev v0");
    ip("nexthop add id 7 via 10.0.0.2 dev w0");
    ip("nexthop add id 8 via 2001:db8::2 dev w0");
    ip("nexthop add id 9 group 7");
    ip("nexthop add id 17 via 10.9.0.2 dev v0");
    ip("route add 10.1.0.0/16 nhid 7");
    ip("route add 10.2.0.0/16 nhid 17");
    for (link, gone, left) in [("w0", vec![7, 8, 9], vec![17]), ("v1", vec![17], vec![])] {
        let mut watcher = watcher();
        let mut witness = Witness::open();
        // The other end of `v0` takes its carrier.
        ip(&format!("link set {link} down"));
        // The kernel sees to carriers in its own time.
        let mut events = settle(&mut watcher);
        while watcher.next_hops().count() > left.len() {
            assert!(watcher.wait(Some(PATIENCE)).unwrap(), "the objects stay");
            events.extend(settle(&mut watcher));
        }
        assert!(!witness.said().iter().any(|event| event.starts_with("object")), "the kernel says nothing of the objects");
        let told: Vec<u32> = events
            .iter()
            .filter_map(|event| match event {
                Event::NextHop(Change::Removed(object)) => Some(object.id.get()),
                _ => None,
            })
            .collect();
        assert_eq!(told, gone);
        assert_eq!(watcher.next_hops().map(|object| object.id.get()).collect::<Vec<_>>(), left);
        assert_eq!(ip("nexthop show").lines().count(), left.len());
        assert_mirrors_the_kernel(&mut watcher);
    }
}

/// The same trap, the other half: routes follow an object that is replaced.
fn replacing_a_next_hop_object_moves_its_routes() {
    veth_with_addresses("w0", "w1");
    ip("nexthop add id 7 via 10.0.0.2 dev w0");
    ip("route add 10.1.0.0/16 nhid 7");
    let mut watcher = watcher();
    ip("nexthop replace id 7 via 10.0.0.3 dev w0");
    settle(&mut watcher);
    assert_mirrors_the_kernel(&mut watcher);
}

/// Trap 10: metric 0 means any metric in an IPv4 deletion, so a deletion that could hit the twin is refused.
fn a_deletion_that_could_hit_a_twin_is_refused() {
    veth_with_addresses("w0", "w1");
    let mut routes = routes();
    let (zero, low) = (route("default via 10.0.0.2 dev w0"), route("default via 10.0.0.2 dev w0 metric 4000000"));
    routes.add(&low).unwrap();
    // The route of metric 0 is not there: the kernel would take its twin.
    assert_eq!(routes.delete(&zero).unwrap_err().kind(), ErrorKind::NotFound);
    routes.add(&zero).unwrap();
    assert_eq!(routes.delete(&zero).unwrap_err().kind(), ErrorKind::Ambiguous);
    assert_eq!(ip("-4 route show default").lines().count(), 2, "both are still there");
    routes.delete(&low).unwrap();
    routes.delete(&zero).unwrap();
    // What the kernel itself would have done.
    routes.add(&low).unwrap();
    ip("route delete default via 10.0.0.2 dev w0");
    assert_eq!(ip("-4 route show default"), "");
}

/// Trap 11: a table from 256 on stands in an attribute; filters work; a route for some sources is no other's twin.
fn large_tables_and_source_specific_routes_are_kept_apart() {
    veth_with_addresses("w0", "w1");
    for table in [1, 255, 256, 51820, u32::MAX] {
        ip(&format!("route add 10.1.0.0/16 via 10.0.0.2 table {table}"));
    }
    ip("route add 2001:db8:1::/48 from 2001:db8:2::/48 via 2001:db8::2 metric 5");
    ip("route add 2001:db8:1::/48 via 2001:db8::2 metric 5");
    let mut watcher = watcher();
    assert_mirrors_the_kernel(&mut watcher);
    let mut filter = RouteFilter::default();
    filter.table = Some(TableId(51820));
    let listed = routes().list(&filter).unwrap();
    assert_eq!(listed, [route("10.1.0.0/16 via 10.0.0.2 dev w0 table 51820")]);
    ip("route delete 2001:db8:1::/48 from 2001:db8:2::/48 metric 5");
    ip("route delete 10.1.0.0/16 table 51820");
    settle(&mut watcher);
    assert_mirrors_the_kernel(&mut watcher);
    assert!(watcher.routes().any(|route| route.slot.destination.to_string() == "2001:db8:1::/48"));
}

/// Trap 12: a message that another process sends to our socket is not the kernel's.
fn messages_of_other_processes_are_not_believed() {
    veth("w0", "w1");
    let mut watcher = watcher();
    // RTM_NEWROUTE of blackhole 192.0.2.0/24 in table main, in the bytes that the kernel would send.
    let mut forged = vec![36, 0, 0, 0, 24, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0];
    forged.extend([2, 24, 0, 0, 254, 4, 0, 6, 0, 0, 0, 0, 8, 0, 1, 0, 192, 0, 2, 0]);
    forge(watcher.as_fd(), &forged);
    // The kernel's own word comes behind it.
    ip("route add blackhole 198.51.100.0/24");
    let events = settle(&mut watcher);
    assert!(says(&events, "added 198.51.100.0/24") && !says(&events, "added 192.0.2.0/24"), "{:?}", said(&events));
    assert_eq!(watcher.stats().foreign, 1);
    assert_mirrors_the_kernel(&mut watcher);
}

/// The other half of trap 12: whoever adds a route says how long it lives (`RTA_EXPIRES`), and the kernel says how long it still does
/// (`RTA_CACHEINFO`), in ticks of its own.
fn a_route_that_expires_says_how_long_it_still_lives() {
    veth_with_addresses("w0", "w1");
    let mut watcher = watcher();
    let mut wanted = route("2001:db8:1::/48 via 2001:db8::2 dev w0 metric 5");
    wanted.expires = Some(Duration::from_secs(600));
    routes().add(&wanted).unwrap();
    ip("route add 2001:db8:2::/48 via 2001:db8::2 dev w0 metric 5 expires 900");
    let witnessed = ip("-6 route show exact 2001:db8:1::/48");
    assert!(witnessed.contains("expires 600sec") || witnessed.contains("expires 599sec"), "{witnessed}");
    let events = settle(&mut watcher);
    let told = |destination: &str| {
        let expires = |event: &Event| match event {
            Event::Route { change: Change::Added(route), .. } if route.slot.destination.to_string() == destination => {
                route.expires
            }
            _ => None,
        };
        events.iter().find_map(expires).unwrap().as_secs_f64()
    };
    assert!((590.0..=600.0).contains(&told("2001:db8:1::/48")), "{}", told("2001:db8:1::/48"));
    assert!((890.0..=900.0).contains(&told("2001:db8:2::/48")), "{}", told("2001:db8:2::/48"));
    // Listed again, less time is left: that alone is no change, and the route can be deleted as it was named.
    watcher.resync();
    let events = settle(&mut watcher);
    assert_eq!(said(&events), [""; 0]);
    assert_mirrors_the_kernel(&mut watcher);
    routes().delete(&wanted).unwrap();
    let events = settle(&mut watcher);
    assert_eq!(said(&events), ["removed 2001:db8:1::/48"]);
}

/// The rest of trap 11: a copy that the kernel makes of a route for one destination (`RTM_F_CLONED`) is none of the table's.
fn a_copy_for_one_destination_is_no_route() {
    veth_with_addresses("w0", "w1");
    ip("route add 10.1.0.0/16 via 10.0.0.2 mtu lock 1400");
    ip("route add 2001:db8:1::/48 via 2001:db8::2");
    let mut watcher = watcher();
    let before: Vec<_> = watcher.routes().map(|route| route.to_route()).collect();
    for (destination, cloned) in [("10.1.0.7", "10.1.0.7 "), ("2001:db8:1::7", "2001:db8:1::7 ")] {
        // `ip route get` answers with the copy; the lookup knows it for one on IPv4, where the kernel always makes it.
        assert!(ip(&format!("route get {destination}")).starts_with(cloned));
        let answer = routes().lookup(&Flow::to(destination.parse().unwrap()), LookupMode::Path).unwrap().route;
        assert_eq!(answer.entry.flags.contains(RouteFlags::CLONED), destination.contains('.'), "{answer}");
        assert_eq!(answer.slot.destination.network().to_string(), destination);
    }
    settle(&mut watcher);
    assert_eq!(watcher.routes().map(|route| route.to_route()).collect::<Vec<_>>(), before);
    // A listing of copies is one of the cache, which is not asked for; the ordinary one has none.
    assert!(routes().list(&RouteFilter::default()).unwrap().iter().all(|route| !route.entry.flags.contains(RouteFlags::CLONED)));
    // An answer's route names what nobody can add.
    let copy = routes().lookup(&Flow::to("10.1.0.7".parse().unwrap()), LookupMode::Path).unwrap().route;
    assert_eq!(routes().add(&copy).unwrap_err().kind(), ErrorKind::Unsupported);
    assert_mirrors_the_kernel(&mut watcher);
}

fn main() -> ExitCode {
    run(&[
        test!(switching_a_link_off_takes_its_routes),
        test!(ipv6_routes_that_go_without_a_message_are_missed_too).needs_root(),
        test!(deleting_an_interface_takes_its_routes),
        test!(deleting_an_address_takes_the_routes_that_need_one),
        test!(losing_the_carrier_marks_routes),
        test!(an_overrun_is_told_and_repaired),
        test!(a_replace_hits_the_first_of_its_slot),
        test!(an_identical_replace_succeeds_without_an_event),
        test!(ipv6_next_hops_join_and_leave),
        test!(what_an_ipv6_dump_hides_stays),
        test!(what_an_ipv6_dump_hides_goes_though_nobody_heard_of_it),
        test!(what_an_ipv6_dump_hides_is_looked_for_where_the_watcher_is),
        test!(what_an_ipv6_dump_hides_is_suspect_among_very_many),
        test!(an_ipv6_route_can_be_there_twice),
        test!(deleting_a_next_hop_object_takes_its_routes),
        test!(next_hop_objects_go_with_their_link),
        test!(replacing_a_next_hop_object_moves_its_routes),
        test!(a_deletion_that_could_hit_a_twin_is_refused),
        test!(large_tables_and_source_specific_routes_are_kept_apart),
        test!(messages_of_other_processes_are_not_believed),
        test!(a_route_that_expires_says_how_long_it_still_lives),
        test!(a_copy_for_one_destination_is_no_route),
    ])
}
