//! Which flows a change hits, against the kernel: what `ip` does to the network is told to those whom it concerns, and to nobody else.

use std::process::ExitCode;
use std::time::Duration;

use waypost::{Effects, Flow, FlowId, Judgement, Options, Outlook, Reach};
use waypost_tests::ip::{index_of, ip, ip_batch, sysctl, two_uplinks, veth_with_addresses};
use waypost_tests::namespace::run;
use waypost_tests::test;

/// How often is looked, for a moment each time, whether it has come to rest.
const TURNS: usize = 400;

fn main() -> ExitCode {
    run(&[
        test!(one_whose_route_goes_is_told_though_another_remains),
        test!(a_source_that_is_removed_is_told),
        test!(another_interface_gateway_and_size_are_told),
        test!(rules_and_tables_count),
        test!(a_link_that_is_switched_off_hits_who_leaves_by_it),
        test!(ipv6_is_judged_too),
        test!(an_ipv4_source_is_what_an_interface_has),
        test!(an_ipv6_source_is_what_any_table_that_rules_lead_to_has),
        test!(nothing_is_judged_before_it_has_been_quiet),
        test!(a_storm_elsewhere_hits_nobody),
    ])
}

/// Judges the flows of this namespace without waiting for quiet.
fn reach() -> Reach {
    Reach::open_with(&Options::new(), Duration::ZERO).expect("the socket opens without privilege")
}

fn flow(text: &str) -> Flow {
    let mut words = text.split(' ');
    let mut flow = Flow::to(words.next().and_then(|word| word.parse().ok()).expect("an address"));
    flow.source = words.next().map(|word| word.parse().expect("an address"));
    flow
}

/// Lets it come to rest, and gives what is told on the way.
fn rest(reach: &mut Reach) -> Vec<Judgement> {
    let mut told = Vec::new();
    for _ in 0..TURNS {
        // What `ip` has done is in the queue when it ends; what is read again after it keeps this from being settled.
        match reach.next(Some(Duration::from_millis(50))).expect("the socket lives") {
            Some(hit) => told.push(hit),
            None if reach.is_settled() => return told,
            None => {}
        }
    }
    panic!("it comes to rest: {told:?}");
}

/// What is told, in the order of the flows.
fn effects(told: &[Judgement]) -> Vec<(FlowId, Effects)> {
    let mut effects: Vec<_> = told.iter().map(|hit| (hit.flow, hit.effects)).collect();
    effects.sort_unstable();
    effects
}

fn one_whose_route_goes_is_told_though_another_remains() {
    two_uplinks();
    let mut reach = reach();
    let [far, near] = ["192.0.2.1", "10.9.0.7"].map(|to| reach.register(&flow(to)));
    assert!(rest(&mut reach).is_empty());
    assert_eq!(reach.standing(far).unwrap().ways[0].interface.unwrap().get(), index_of("wlan0"));
    ip("route del default via 10.0.0.1 metric 100");
    let told = rest(&mut reach);
    assert_eq!(effects(&told), [(far, Effects::ROUTE_GONE | Effects::INTERFACE | Effects::GATEWAY)]);
    assert!(ip("route get 192.0.2.1").contains("via 10.9.0.1 dev lte0"), "as the witness says");
    ip("route del default via 10.9.0.1 metric 600");
    assert_eq!(effects(&rest(&mut reach)), [(far, Effects::ROUTE_GONE | Effects::ROUTE_LOST)]);
    ip("route add default via 10.9.0.1");
    assert_eq!(effects(&rest(&mut reach)), [(far, Effects::REGAINED)]);
    assert_eq!(reach.standing(near).unwrap().outlook, Outlook::Routed);
}

fn a_source_that_is_removed_is_told() {
    two_uplinks();
    ip("address add 10.0.0.3/24 dev wlan0");
    let mut reach = reach();
    let [kept, lost] = ["192.0.2.1 10.0.0.2", "192.0.2.1 10.0.0.3"].map(|words| reach.register(&flow(words)));
    assert!(rest(&mut reach).is_empty());
    // A lease that is renewed is no news to anybody.
    ip("address change 10.0.0.3/24 dev wlan0 valid_lft 3600 preferred_lft 1800");
    assert!(rest(&mut reach).is_empty());
    ip("address del 10.0.0.3/24 dev wlan0");
    assert_eq!(effects(&rest(&mut reach)), [(lost, Effects::SOURCE_LOST)]);
    assert_eq!(reach.standing(kept).unwrap().outlook, Outlook::Routed);
    ip("address add 10.0.0.3/24 dev wlan0");
    assert_eq!(effects(&rest(&mut reach)), [(lost, Effects::REGAINED)]);
}

fn another_interface_gateway_and_size_are_told() {
    two_uplinks();
    ip("route add 198.51.100.0/24 via 10.0.0.7");
    let mut reach = reach();
    let one = reach.register(&flow("198.51.100.1"));
    let other = reach.register(&flow("192.0.2.1"));
    assert!(rest(&mut reach).is_empty());
    for (words, expected) in [
        ("route replace 198.51.100.0/24 via 10.0.0.8", Effects::ROUTE_GONE | Effects::GATEWAY),
        ("route replace 198.51.100.0/24 via 10.9.0.8", Effects::ROUTE_GONE | Effects::INTERFACE | Effects::GATEWAY),
        ("route replace 198.51.100.0/24 via 10.9.0.8 mtu 1300", Effects::MTU),
        ("route add 198.51.100.0/28 via 10.9.0.9 mtu 1300", Effects::GATEWAY),
        ("link set lte0 mtu 1280", Effects::empty()),
    ] {
        ip(words);
        let told = rest(&mut reach);
        let found: Vec<_> = told.iter().map(|hit| (hit.flow, hit.effects - Effects::ROUTE_GONE)).collect();
        let expected = Some((one, expected - Effects::ROUTE_GONE)).filter(|(_, effects)| !effects.is_empty());
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{words}: {told:?}");
    }
    ip("link set wlan0 mtu 1400");
    assert_eq!(effects(&rest(&mut reach)), [(other, Effects::MTU)]);
}

fn rules_and_tables_count() {
    two_uplinks();
    ip("route add default via 10.9.0.9 table 52");
    let mut reach = reach();
    let mut marked = flow("192.0.2.1");
    marked.mark = 7;
    let (plain, marked) = (reach.register(&flow("192.0.2.1")), reach.register(&marked));
    assert!(rest(&mut reach).is_empty());
    ip("rule add pref 100 fwmark 7 lookup 52");
    assert_eq!(effects(&rest(&mut reach)), [(marked, Effects::INTERFACE | Effects::GATEWAY)]);
    // What the table has that no rule leads the other one to means nothing to it.
    ip("route replace default via 10.9.0.8 table 52");
    let told = rest(&mut reach);
    assert!(told.iter().all(|hit| hit.flow == marked && hit.effects.contains(Effects::GATEWAY)) && !told.is_empty(), "{told:?}");
    ip("route del default table 52");
    let told = effects(&rest(&mut reach));
    assert_eq!(told, [(marked, Effects::ROUTE_GONE | Effects::INTERFACE | Effects::GATEWAY)], "it falls through to main");
    ip("rule add pref 90 to 192.0.2.0/24 prohibit");
    assert_eq!(effects(&rest(&mut reach)), [(plain, Effects::ROUTE_LOST), (marked, Effects::ROUTE_LOST)]);
    ip("rule del pref 90");
    assert_eq!(effects(&rest(&mut reach)), [(plain, Effects::REGAINED), (marked, Effects::REGAINED)]);
}

fn a_link_that_is_switched_off_hits_who_leaves_by_it() {
    two_uplinks();
    let mut reach = reach();
    let [far, bound, other] = ["192.0.2.1", "192.0.2.1 10.0.0.2", "10.9.0.7"].map(|words| reach.register(&flow(words)));
    assert!(rest(&mut reach).is_empty());
    // No message tells of the routes that go along; the address stays.
    ip("link set wlan0 down");
    let told = rest(&mut reach);
    let moved = Effects::INTERFACE | Effects::GATEWAY;
    for flow in [far, bound] {
        assert!(told.iter().any(|hit| hit.flow == flow && hit.effects.contains(moved)), "{told:?}");
    }
    assert!(told.iter().all(|hit| hit.flow != other), "{told:?}");
    assert!(ip("route get 192.0.2.1").contains("dev lte0"), "as the witness says");
}

fn ipv6_is_judged_too() {
    veth_with_addresses("w0", "w1");
    ip("-6 route add 2001:db8:7::/48 via 2001:db8::7 dev w0");
    ip("-6 address add 2001:db8::2/64 dev w0 nodad");
    let mut reach = reach();
    let [route, source] = ["2001:db8:7::1", "2001:db8:7::1 2001:db8::2"].map(|words| reach.register(&flow(words)));
    assert!(rest(&mut reach).is_empty());
    ip("-6 address del 2001:db8::2/64 dev w0");
    assert_eq!(effects(&rest(&mut reach)), [(source, Effects::SOURCE_LOST)]);
    ip("-6 route del 2001:db8:7::/48");
    let told = rest(&mut reach);
    assert_eq!(effects(&told)[0], (route, Effects::ROUTE_LOST | Effects::ROUTE_GONE), "{told:?}");
}

fn an_ipv4_source_is_what_an_interface_has() {
    two_uplinks();
    let mut reach = reach();
    // Whatever the table `local` says: addresses of interfaces in a VRF are in another.
    ip("route del local 10.0.0.2 dev wlan0 table local");
    let flow = reach.register(&flow("192.0.2.1 10.0.0.2"));
    assert!(rest(&mut reach).is_empty());
    assert_eq!(reach.standing(flow).unwrap().outlook, Outlook::Routed);
    assert!(ip("route get 192.0.2.1 from 10.0.0.2").contains("dev wlan0"), "as the witness says");
    ip("address del 10.0.0.2/24 dev wlan0");
    let told = rest(&mut reach);
    assert!(told.iter().any(|hit| hit.flow == flow && hit.effects.contains(Effects::SOURCE_LOST)), "{told:?}");
}

fn an_ipv6_source_is_what_any_table_that_rules_lead_to_has() {
    veth_with_addresses("w0", "w1");
    ip("-6 route add 2001:db8:7::/48 via 2001:db8::7 dev w0");
    ip("-6 route add local 2001:db8:5::/64 dev lo table 100");
    ip("-6 rule add to 2001:db8:5::/64 lookup 100");
    let mut reach = reach();
    let flow = reach.register(&flow("2001:db8:7::1 2001:db8:5::7"));
    assert!(rest(&mut reach).is_empty());
    assert_eq!(reach.standing(flow).unwrap().outlook, Outlook::Routed);
    let come_in = "-6 route get 2001:db8:5::7 from 2001:db8:7::1 iif w0";
    assert!(ip(come_in).starts_with("local "), "as the witness says: {}", ip(come_in));
    ip("-6 rule del to 2001:db8:5::/64 lookup 100");
    assert_eq!(effects(&rest(&mut reach)), [(flow, Effects::SOURCE_LOST)]);
    ip("-6 rule add to 2001:db8:5::/64 lookup 100");
    assert_eq!(effects(&rest(&mut reach)), [(flow, Effects::REGAINED)]);
    ip("-6 route del local 2001:db8:5::/64 dev lo table 100");
    assert_eq!(effects(&rest(&mut reach)), [(flow, Effects::SOURCE_LOST)]);
}

fn nothing_is_judged_before_it_has_been_quiet() {
    sysctl("net/ipv6/conf/all/disable_ipv6", "1");
    sysctl("net/ipv6/conf/default/disable_ipv6", "1");
    let quiet = Duration::from_secs(2);
    let mut reach = Reach::open_with(&Options::new(), quiet).expect("the socket opens without privilege");
    let far = reach.register(&flow("192.0.2.1"));
    // The machine starts: its interface comes up, gets an address, and a way to everywhere last.
    assert!(reach.next(Some(Duration::from_millis(100))).unwrap().is_none());
    assert_eq!(reach.standing(far).unwrap().outlook, Outlook::Unjudged);
    for words in [
        "link add wlan0 type veth peer name wlan0-end",
        "link set wlan0-end up",
        "link set wlan0 up",
        "address add 10.0.0.2/24 dev wlan0",
        "route add default via 10.0.0.1",
    ] {
        let told = reach.next(Some(Duration::from_millis(20))).unwrap();
        assert_eq!(told, None, "nobody is told that there is no route while the tables are half read");
        ip(words);
    }
    assert!(rest(&mut reach).is_empty(), "it had a way when it was judged first");
    assert_eq!(reach.standing(far).unwrap().outlook, Outlook::Routed);
}

fn a_storm_elsewhere_hits_nobody() {
    two_uplinks();
    let mut reach = reach();
    for n in 0..2000_u32 {
        reach.register(&Flow::to(std::net::Ipv4Addr::from_bits(0xc000_0200 + n).into()));
    }
    assert!(rest(&mut reach).is_empty());
    let route = |n: u32, verb: &str| format!("route {verb} 20.{}.{}.0/24 via 10.9.0.1", n / 250, n % 250);
    ip_batch((0..5000).map(|n| route(n, "add")).chain((0..5000).map(|n| route(n, "del"))));
    assert!(rest(&mut reach).is_empty());
}
