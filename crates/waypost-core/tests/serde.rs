//! The model in serialised form: what is written reads back as the same, in a form that people can read.

use std::fmt::Debug;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use waypost_core::{
    Address, AddressFlags, Attribute, Family, Flow, IfIndex, InterfaceSettings, Link, LinkFlags, LookupAnswer, Miss, Neighbour,
    NeighbourState, NextHopObject, Redirect, Route, Rule, SettingsOf,
};

#[track_caller]
fn reads_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) -> Value {
    let text = serde_json::to_string(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), value, "{text}");
    serde_json::from_str(&text).unwrap()
}

fn index(number: u32) -> IfIndex {
    IfIndex::new(number).unwrap()
}

#[test]
fn routes_read_back() {
    for text in [
        "default via 10.0.0.1 dev if2 metric 100 proto static",
        "blackhole 10.9.0.0/16 table 51820",
        "12 10.13.0.0/16",
        "local 10.0.0.9 dev if2 table local proto kernel scope host src 10.0.0.9",
        "10.2.0.0/16 via inet6 fe80::1 dev if2",
        "default via fe80::1 dev if3 proto ra metric 1024 expires 1799sec hoplimit 64 pref high",
        "2001:db8::/32 from 2001:db8:1::/48 via fe80::1 zone 4 dev if2 metric 7 pref low",
        "10.3.0.0/16 nhid 7 via 10.0.0.1 dev if2 proto bgp",
        "10.4.0.0/16 tos 0x10 via 10.0.0.1 dev if2 onlink linkdown",
        "10.5.0.0/16 via 10.0.0.1 dev if2 realms 3/4 mtu lock 1400 rtt 12.125ms rto_min 200ms congctl lock bbr",
        "10.6.0.0/16 metric 5 nexthop via 10.0.0.1 dev if2 weight 3 nexthop via 10.0.0.2 dev if3 weight 256 dead",
        "10.8.0.0/16 encap seg6 0x0102ff via 10.0.0.1 dev if2 hopflags 0x80 rt_offload flags 0x400 attr 40 0x0a0b",
        "10.9.0.0/16 via 10.0.0.1 dev if2 priority 8",
        "10.10.0.0/16 via 10.0.0.1 dev if2 ifscope 2",
    ] {
        let route: Route = text.parse().unwrap();
        reads_back(&route);
        reads_back(&LookupAnswer::new(route));
    }
}

#[test]
fn names_stand_where_there_are_names() {
    let route: Route = "prohibit 10.1.0.0/16 mtu lock 1400 rt_offload".parse().unwrap();
    let written = reads_back(&route);
    assert_eq!(written["slot"]["destination"], json!("10.1.0.0/16"));
    assert_eq!(written["entry"]["disposition"], json!("prohibit"));
    assert_eq!(written["entry"]["flags"], json!("OFFLOADED"));
    assert_eq!(written["entry"]["metrics"]["values"], json!({ "mtu": 1400 }));
    assert_eq!(written["entry"]["metrics"]["locked"], json!(["mtu"]));
}

#[test]
fn a_prefix_with_host_bits_is_refused() {
    let mut written = serde_json::to_value("10.1.0.0/16".parse::<Route>().unwrap()).unwrap();
    written["slot"]["destination"] = json!("10.1.0.1/16");
    let error = serde_json::from_value::<Route>(written).unwrap_err();
    assert!(error.to_string().contains("host bits"), "{error}");
}

#[test]
fn rules_read_back() {
    for text in [
        "0: from all lookup local",
        "100: from 10.0.0.0/8 to 11.0.0.0/8 fwmark 0x1/0xff iif w0 oif w1 uidrange 0-0 ipproto tcp sport 1-2 dport 80 \
         tun_id 77 lookup 100 suppress_prefixlength 0 realms 3/4 proto static",
        "1: not from all sport 0x1000/0xf000 dscp 0x28/0x38 goto 9",
        "11: from all lookup [l3mdev-table] suppress_ifgroup 3",
        "1: from all lookup 7 flags 0x1001c proto dhcp attr 77 0x0102 attr 16416 0x",
    ] {
        reads_back(&text.parse::<Rule>().unwrap());
    }
    reads_back(&Rule::parse("3: from all flowlabel 0xabc blackhole", Some(Family::V6)).unwrap());
}

#[test]
fn next_hop_objects_read_back() {
    for text in [
        "id 3 blackhole",
        "id 7 via 10.0.0.1 dev if3 scope link proto static",
        "id 9 group 7/8,2",
        "id 10 group 7,3/8 type resilient buckets 32 idle_timer 60 unbalanced_timer 300",
        "id 13 encap mpls 0x0102 via 10.0.0.1 dev if3 attr 99 0x00",
    ] {
        reads_back(&text.parse::<NextHopObject>().unwrap());
    }
}

#[test]
fn interfaces_read_back() {
    let mut link = Link::new(index(3), "w0");
    link.flags = LinkFlags::UP | LinkFlags::LOWER_UP;
    (link.mtu, link.link_address, link.parent, link.kind) = (1500, vec![2, 0, 0, 0, 0, 1], Some(index(2)), "veth".into());
    assert_eq!(reads_back(&link)["flags"], json!("UP | LOWER_UP"));

    let mut address = Address::new(index(3), "2001:db8::1".parse().unwrap(), 64);
    address.flags = AddressFlags::TENTATIVE;
    (address.valid, address.preferred) = (Some(Duration::from_secs(100)), Some(Duration::ZERO));
    reads_back(&address);

    let mut neighbour = Neighbour::new(index(3), "10.0.0.2".parse().unwrap(), NeighbourState::Stale);
    neighbour.link_address = vec![2, 0, 0, 0, 0, 2];
    reads_back(&neighbour);

    for of in [SettingsOf::All, SettingsOf::Default, SettingsOf::Interface(index(3))] {
        let mut settings = InterfaceSettings::new(Family::V6, of);
        (settings.forwarding, settings.ignore_routes_with_link_down) = (Some(true), Some(false));
        reads_back(&settings);
    }
}

#[test]
fn flows_and_what_else_a_kernel_tells_read_back() {
    let mut flow = Flow::to("192.0.2.1".parse().unwrap());
    (flow.mark, flow.uid, flow.output) = (7, Some(1000), Some(index(2)));
    reads_back(&flow);
    reads_back(&Miss::new("192.0.2.1".parse().unwrap()));
    reads_back(&Redirect::new("192.0.2.1/32".parse().unwrap(), "10.0.0.1".parse().unwrap()));
}

#[test]
fn an_attribute_keeps_its_bytes() {
    assert_eq!(reads_back(&Attribute::new(40, vec![0, 255])), json!({ "kind": 40, "data": [0, 255] }));
}
