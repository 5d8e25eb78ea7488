//! Routes by service, seen on the wire.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::*;
use waypost_tests::ip::{index_of, ip, sysctl, two_uplinks};
use waypost_tests::{Wire, connecting};

/// Neither end answers: what is sent is seen where it arrives, and that is all.
fn uplinks() {
    two_uplinks();
    ip("link set lte0 mtu 1300");
    for (name, gateway) in [("wlan0", "10.0.0.1"), ("lte0", "10.9.0.1")] {
        ip(&format!("neighbour add {gateway} lladdr 02:00:00:00:00:01 dev {name} nud permanent"));
        // The other end would drop what claims to come from the host itself; it need not look at it.
        sysctl(&format!("net/ipv4/conf/{name}-end/rp_filter"), "0");
    }
}

/// Connects to a port of one host, and says from which address, with which MTU, and at the end of which uplink it was seen.
fn way_of(port: u16) -> (Ipv4Addr, u32, &'static str) {
    let wire = Wire::open();
    let (_socket, source, mtu) = connecting(SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), port));
    let ends = ["wlan0-end", "lte0-end"].map(|name| (name, index_of(name)));
    let mut seen = wire.seen();
    seen.retain(|packet| packet.port == port && ends.iter().any(|(_, index)| *index == packet.interface));
    assert!(!seen.is_empty(), "nothing was seen of port {port}");
    let first = seen[0];
    assert!(seen.iter().all(|packet| *packet == first), "{seen:?}");
    assert_eq!(first.source, source, "getsockname() says what the packet has");
    let end = ends.iter().find(|(_, index)| *index == first.interface).map(|(name, _)| *name);
    (source, mtu, end.expect("one of the two"))
}

const SERVICES: &str = "\
[[service]]
packets = \"ipproto tcp dport 25\"
table = 1025
priority = 1000
routes = [\"default via 10.9.0.1 dev lte0 metric 50\"]

[[service]]
packets = \"to 192.0.2.0/24 ipproto tcp dport 80-81\"
table = 1080
priority = 1001
routes = [\"default via 10.0.0.1 dev wlan0 metric 50\"]
";

pub(super) fn mail_and_web_to_the_same_host_leave_by_two_uplinks() {
    uplinks();
    let (web, mail) = ((Ipv4Addr::new(10, 0, 0, 2), 1500, "wlan0-end"), (Ipv4Addr::new(10, 9, 0, 2), 1300, "lte0-end"));
    // Without rules all take the best default; let that be the other one for the web.
    ip("route del default metric 600");
    ip("route add default via 10.9.0.1 metric 50");
    assert_eq!((way_of(25), way_of(80)), (mail, mail));
    ip("route del default metric 50");
    assert_eq!((way_of(25), way_of(80)), (web, web));
    waypost(&format!("apply {} -q", file("services.toml", SERVICES).display()));
    assert_eq!((way_of(25), way_of(80), way_of(81)), (mail, web, web));
    ip("route add default via 10.9.0.1 metric 50");
    assert_eq!((way_of(25), way_of(80), way_of(443)), (mail, web, mail));
    waypost("sweep --owner waypost -q");
    assert_eq!((way_of(25), way_of(80)), (mail, mail));
}

pub(super) fn a_user_and_a_mark_have_ways_of_their_own() {
    uplinks();
    let text = SERVICES
        .replace("ipproto tcp dport 25", "uidrange 0-0")
        .replace("to 192.0.2.0/24 ipproto tcp dport 80-81", "fwmark 0x7/0xff");
    waypost(&format!("apply {} -q", file("services.toml", &text).display()));
    assert_eq!(way_of(80).2, "lte0-end", "the test is user 0 of its namespace");
    assert!(ip("rule").contains("fwmark 0x7/0xff lookup 1080"));
    let marked = ip("route get 192.0.2.1 mark 7 uid 1");
    assert!(marked.contains("dev wlan0 table 1080"), "{marked}");
    waypost("sweep --owner waypost -q");
    assert_eq!(way_of(80).2, "wlan0-end");
}
