//! What routes hang on: links, addresses, neighbours, rules, next-hop objects and settings are mirrored too.

use std::fmt::Debug;
use std::time::Duration;

use waypost::{Change, Event, Family, InterfaceSettings, Neighbour, NeighbourState, Options, Routes, Rule, SettingsOf, Watcher};
use waypost_tests::ip::{index_of, ip, sysctl, veth, veth_with_addresses};
use waypost_tests::replay::{Replay, ageless};
use waypost_tests::witness::{assert_mirrors_the_kernel, settle, watcher};

use super::PATIENCE;

const LOOKS: usize = 200;
const TURN: Duration = Duration::from_millis(20);

/// Says that the mirror comes to have what the kernel lists, and that the events until then tell it; gives these back.
fn assert_all_mirrored(watcher: &mut Watcher, replay: &mut Replay) -> Vec<Event> {
    let mut routes = Routes::open().unwrap();
    let mut events = Vec::new();
    let mut difference = String::new();
    for _ in 0..LOOKS {
        for event in settle(watcher) {
            replay.apply(&event);
            events.push(event);
        }
        replay.assert_is(watcher.mirror());
        match compare(watcher, &mut routes) {
            Ok(()) => return events,
            Err(found) => difference = found,
        }
        watcher.wait(Some(TURN)).unwrap();
    }
    panic!("the mirror is not what the kernel has: {difference}");
}

fn compare(watcher: &Watcher, routes: &mut Routes) -> Result<(), String> {
    same(watcher.links().cloned().collect(), routes.links().unwrap(), |link| link.index)?;
    let listed = routes.addresses().unwrap().iter().map(ageless).collect();
    let key = |address: &waypost::Address| (address.interface, address.local, address.prefix_length);
    same(watcher.addresses().map(ageless).collect(), listed, key)?;
    same(watcher.next_hops().cloned().collect(), routes.next_hops().unwrap(), |object| object.id)?;
    for family in Family::ALL {
        let of = |settings: &&InterfaceSettings| settings.family == family;
        let mirrored = watcher.mirror().settings().values().filter(of).copied().collect();
        same(mirrored, routes.settings(family).unwrap(), |settings| settings.of)?;
        same(watcher.rules(family).to_vec(), routes.rules(Some(family)).unwrap(), |_| ())?;
    }
    let names = routes.names().unwrap();
    let misnamed = watcher.links().find(|link| watcher.names().name(link.index) != names.name(link.index));
    misnamed.map_or(Ok(()), |link| Err(format!("{:?} is not its name", watcher.names().name(link.index))))
}

fn same<T: PartialEq + Debug, K: Ord>(mut mirrored: Vec<T>, mut listed: Vec<T>, key: fn(&T) -> K) -> Result<(), String> {
    mirrored.sort_by_key(key);
    listed.sort_by_key(key);
    let only = |these: &[T], those: &[T]| format!("{:?}", these.iter().filter(|one| !those.contains(one)).collect::<Vec<_>>());
    let both = || format!("only in the mirror: {}; only in the kernel: {}", only(&mirrored, &listed), only(&listed, &mirrored));
    if mirrored == listed { Ok(()) } else { Err(both()) }
}

/// A watcher and what it had first.
fn begin() -> (Watcher, Replay) {
    let watcher = watcher();
    let replay = Replay::of(watcher.mirror());
    (watcher, replay)
}

pub(crate) fn links_are_followed_through_names_and_numbers() {
    veth("w0", "w1");
    let (mut watcher, mut replay) = begin();
    let index = index_of("w0");
    let name = |watcher: &Watcher, index: u32| watcher.names().name(waypost::IfIndex::new(index).unwrap()).map(str::to_owned);
    let mut check = |watcher: &mut Watcher| assert_all_mirrored(watcher, &mut replay);
    ip("link set w0 down");
    ip("link set w0 name uplink");
    ip("link set uplink up");
    ip("link property add dev uplink altname another-name-for-it");
    ip("link set uplink mtu 1400 group 7 address 02:00:00:00:00:07");
    let events = check(&mut watcher);
    let renamed =
        |event: &Event| matches!(event, Event::Link(Change::Replaced { old, new }) if old.name == "w0" && new.name == "uplink");
    assert!(events.iter().any(renamed), "{events:?}");
    assert_eq!(name(&watcher, index).as_deref(), Some("uplink"));
    assert_eq!(watcher.names().index("another-name-for-it").unwrap().get(), index);
    assert!(watcher.names().index("w0").is_err());
    // Another one of the same number.
    ip("link delete uplink");
    ip(&format!("link add other index {index} type veth peer name w1"));
    check(&mut watcher);
    assert_eq!(name(&watcher, index).as_deref(), Some("other"));
    // Another one of the same name.
    ip("link delete other");
    ip("link add other type veth peer name w1");
    check(&mut watcher);
    assert_ne!(index_of("other"), index);
    assert_eq!(name(&watcher, index), None);
    assert_eq!(name(&watcher, index_of("other")).as_deref(), Some("other"));
    // A bridge takes a port and gives it back.
    ip("link add b0 type bridge");
    ip("link set other master b0");
    check(&mut watcher);
    let port = |watcher: &Watcher| watcher.links().find(|link| link.name == "other").unwrap().master.is_some();
    assert!(port(&watcher));
    ip("link set other nomaster");
    check(&mut watcher);
    assert!(!port(&watcher));
    ip("link delete b0");
    check(&mut watcher);
    assert!(watcher.names().index("b0").is_err());
    assert_mirrors_the_kernel(&mut watcher);
}

pub(crate) fn addresses_are_followed() {
    veth_with_addresses("w0", "w1");
    let (mut watcher, mut replay) = begin();
    for command in [
        "address add 10.0.0.9/24 dev w0 label w0:nine",
        "address add 10.7.0.1 peer 10.7.0.2/32 dev w0",
        "address add 192.0.2.1/24 broadcast 192.0.2.255 dev w0 metric 70 noprefixroute",
        "address add 192.0.2.7/24 dev w0 valid_lft 1000 preferred_lft 500",
        "address change 192.0.2.7/24 dev w0 valid_lft 2000 preferred_lft 1500",
        "address add 2001:db8:7::1/64 dev w0 nodad",
        "address add 2001:db8:7::2/64 dev w0 nodad valid_lft 1000 preferred_lft 0",
        "address add 2001:db8:7::3/128 peer 2001:db8:7::4/128 dev w0 nodad",
        "address delete 10.0.0.1/24 dev w0",
        "address flush dev w0",
    ] {
        ip(command);
        let events = assert_all_mirrored(&mut watcher, &mut replay);
        let told = events.iter().any(|event| matches!(event, Event::Address(_)));
        assert_eq!(told, !command.contains("change"), "{command}: {events:?}");
    }
    assert_mirrors_the_kernel(&mut watcher);
}

pub(crate) fn neighbours_are_followed_on_request() {
    veth_with_addresses("w0", "w1");
    let mut without = watcher();
    let mut watcher = Watcher::open_with(&Options::new().neighbours(true)).unwrap();
    watcher.synchronise(Some(PATIENCE)).unwrap();
    let mut replay = Replay::of(watcher.mirror());
    let mut routes = Routes::open().unwrap();
    let key = |neighbour: &Neighbour| (neighbour.interface, neighbour.address);
    for command in [
        "neighbour add 10.0.0.2 lladdr 02:00:00:00:00:02 dev w0 nud permanent",
        "neighbour change 10.0.0.2 lladdr 02:00:00:00:00:03 dev w0 nud permanent",
        "neighbour add 2001:db8::2 lladdr 02:00:00:00:00:02 dev w0 nud stale router",
        "neighbour add 10.0.0.3 dev w0 nud noarp lladdr 02:00:00:00:00:04",
        "neighbour delete 10.0.0.2 dev w0",
        "link set w0 down",
    ] {
        ip(command);
        let events = assert_all_mirrored(&mut watcher, &mut replay);
        assert!(events.iter().any(|event| matches!(event, Event::Neighbour(_))), "{command}: {events:?}");
        // Those that need no asking the kernel makes by itself, and says nothing (`___neigh_create`, net/core/neighbour.c).
        let asked = |neighbour: &Neighbour| neighbour.state != NeighbourState::NoArp || neighbour.address.is_ipv4();
        let mirrored = watcher.neighbours().filter(|neighbour| asked(neighbour)).cloned().collect();
        let listed = routes.neighbours().unwrap().into_iter().filter(asked).collect();
        same(mirrored, listed, key).unwrap_or_else(|difference| panic!("{command}: {difference}"));
    }
    let events = settle(&mut without);
    assert!(!events.iter().any(|event| matches!(event, Event::Neighbour(_))) && without.neighbours().next().is_none());
}

pub(crate) fn rules_are_followed() {
    veth("w0", "w1");
    let (mut watcher, mut replay) = begin();
    for command in [
        "rule add priority 100 from 10.1.0.0/16 lookup 7",
        "rule add priority 100 from 10.2.0.0/16 lookup 7",
        "rule add priority 90 iif w0 fwmark 0x7/0xff lookup 8",
        "rule add priority 91 oif nowhere ipproto udp dport 53 prohibit",
        "rule add priority 95 goto 100",
        "rule add priority 96 uidrange 0-0 lookup 9 suppress_prefixlength 0",
        "-6 rule add priority 100 not to 2001:db8::/32 lookup 7 suppress_ifgroup 3",
        "rule delete priority 100 from 10.1.0.0/16",
        "rule delete priority 100",
        "link set w0 down",
        "link set w0 name w9",
        "link add nowhere type veth peer name elsewhere",
        "rule delete priority 0",
        "rule flush",
    ] {
        ip(command);
        let events = assert_all_mirrored(&mut watcher, &mut replay);
        let told = |event: &Event| matches!(event, Event::Rule(_));
        assert_eq!(events.iter().any(told), !command.ends_with("down"), "{command}: {events:?}");
    }
    let left: Vec<&Rule> = watcher.rules(Family::V4).iter().collect();
    assert!(left.is_empty() || left.iter().all(|rule| rule.priority == 0), "{left:?}");
}

pub(crate) fn next_hop_objects_are_followed() {
    veth_with_addresses("w0", "w1");
    let (mut watcher, mut replay) = begin();
    for command in [
        "nexthop add id 7 via 10.0.0.2 dev w0",
        "nexthop add id 8 via 10.0.0.3 dev w0",
        "nexthop add id 9 via 2001:db8::2 dev w0",
        "nexthop add id 10 group 7,3/8",
        "nexthop add id 11 blackhole",
        "nexthop replace id 7 via 10.0.0.4 dev w0",
        // The group loses a member.
        "nexthop delete id 8",
        // And all objects of an interface go with it; the group with its last member.
        "link set w0 down",
    ] {
        ip(command);
        let events = assert_all_mirrored(&mut watcher, &mut replay);
        assert!(events.iter().any(|event| matches!(event, Event::NextHop(_))), "{command}: {events:?}");
    }
    assert_eq!(watcher.next_hops().map(|object| object.id.get()).collect::<Vec<_>>(), [11]);
}

pub(crate) fn settings_are_followed() {
    veth_with_addresses("w0", "w1");
    let (mut watcher, mut replay) = begin();
    let all = |watcher: &Watcher, family| watcher.mirror().settings()[&(family, SettingsOf::All)];
    for (family, name, value) in [
        (Family::V4, "net/ipv4/ip_forward", "1"),
        (Family::V6, "net/ipv6/conf/all/forwarding", "1"),
        (Family::V4, "net/ipv4/conf/all/rp_filter", "1"),
        (Family::V4, "net/ipv4/conf/w0/rp_filter", "2"),
        (Family::V4, "net/ipv4/conf/w0/ignore_routes_with_linkdown", "1"),
        (Family::V6, "net/ipv6/conf/all/ignore_routes_with_linkdown", "1"),
        (Family::V4, "net/ipv4/ip_forward", "0"),
    ] {
        sysctl(name, value);
        let events = assert_all_mirrored(&mut watcher, &mut replay);
        let told =
            |event: &Event| matches!(event, Event::Settings(change) if change.now().is_some_and(|now| now.family == family));
        assert!(events.iter().any(told), "{name}: {events:?}");
        if name.ends_with("forward") || name.ends_with("forwarding") {
            assert_eq!(all(&watcher, family).forwarding, Some(value == "1"));
        }
    }
    ip("link delete w0");
    assert_all_mirrored(&mut watcher, &mut replay);
    assert_mirrors_the_kernel(&mut watcher);
}
