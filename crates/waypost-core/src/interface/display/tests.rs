use super::*;
use crate::{AddressFlags, IfIndex, InterfaceNames, LinkFlags, Scope};

fn index(number: u32) -> IfIndex {
    IfIndex::new(number).unwrap()
}

fn names() -> InterfaceNames {
    [(index(1), "lo"), (index(2), "w1"), (index(3), "w0")].into_iter().collect()
}

/// What is expected here and below is in the words of `ip` (iproute2 6.1) on Linux 6.18.
#[test]
fn a_link_prints_like_ip_link() {
    let mut link = Link::new(index(3), "w0");
    link.flags = LinkFlags::BROADCAST | LinkFlags::MULTICAST | LinkFlags::UP | LinkFlags::LOWER_UP | LinkFlags::RUNNING;
    link.mtu = 1500;
    link.link_address = vec![0x92, 0xac, 0x86, 0xe6, 0xbb, 0xe7];
    link.parent = Some(index(2));
    link.kind = "veth".into();
    let expected = "3: w0@w1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 group default link 92:ac:86:e6:bb:e7 veth";
    assert_eq!(link.with_names(&names()).to_string(), expected);
    link.flags.remove(LinkFlags::RUNNING | LinkFlags::LOWER_UP);
    (link.parent, link.master, link.group, link.os_flags) = (Some(index(9)), Some(index(2)), 7, 0x100);
    link.link_address = vec![10, 0, 0, 1];
    link.alternative_names = vec!["second".into()];
    let expected =
        "3: w0@if9: <NO-CARRIER,BROADCAST,MULTICAST,UP> flags 0x100 mtu 1500 master w1 group 7 link 10.0.0.1 veth altname second";
    assert_eq!(link.with_names(&names()).to_string(), expected);
    assert_eq!(Link::new(index(5), "x").to_string(), "5: x: <> group default");
}

#[test]
fn an_address_prints_like_ip_addr() {
    let mut address = Address::new(index(3), "10.8.0.1".parse().unwrap(), 24);
    address.broadcast = Some("10.8.0.255".parse().unwrap());
    address.label = "w0:x".into();
    (address.valid, address.preferred) = (Some(Duration::from_secs(100)), Some(Duration::from_secs(50)));
    let expected = "3: w0 inet 10.8.0.1/24 brd 10.8.0.255 scope global dynamic w0:x valid_lft 100sec preferred_lft 50sec";
    assert_eq!(address.with_names(&names()).to_string(), expected);
    let mut address = Address::new(index(3), "10.9.0.1".parse().unwrap(), 32);
    address.peer = Some("10.9.0.2".parse().unwrap());
    address.flags = AddressFlags::PERMANENT | AddressFlags::SECONDARY;
    address.metric = 7;
    address.flags |= AddressFlags::NO_PREFIX_ROUTE;
    let expected = "3: w0 inet 10.9.0.1 peer 10.9.0.2/32 metric 7 scope global secondary noprefixroute valid_lft forever preferred_lft forever";
    assert_eq!(address.with_names(&names()).to_string(), expected);
    let mut address = Address::new(index(7), "fe80::1".parse().unwrap(), 64);
    (address.scope, address.protocol) = (Scope::LINK, Protocol(3));
    address.flags = AddressFlags::PERMANENT | AddressFlags::TENTATIVE;
    let expected = "7: if7 inet6 fe80::1/64 scope link tentative proto kernel_ll valid_lft forever preferred_lft forever";
    assert_eq!(address.to_string(), expected);
}

#[test]
fn a_neighbour_prints_like_ip_neigh() {
    let mut neighbour = Neighbour::new(index(3), "2001:db8::9".parse().unwrap(), NeighbourState::Permanent);
    neighbour.link_address = vec![2, 0, 0, 0, 0, 1];
    neighbour.router = true;
    assert_eq!(neighbour.with_names(&names()).to_string(), "2001:db8::9 dev w0 lladdr 02:00:00:00:00:01 router PERMANENT");
    let mut proxy = Neighbour::new(index(3), "10.0.0.11".parse().unwrap(), NeighbourState::None);
    proxy.proxy = true;
    assert_eq!(proxy.with_names(&names()).to_string(), "10.0.0.11 dev w0 proxy");
}

#[test]
fn settings_print_like_ip_netconf() {
    let mut settings = InterfaceSettings::new(Family::V4, SettingsOf::Interface(index(3)));
    (settings.forwarding, settings.rp_filter) = (Some(true), Some(2));
    (settings.multicast_forwarding, settings.proxy_neighbours) = (Some(false), Some(false));
    settings.ignore_routes_with_link_down = Some(true);
    let expected = "inet w0 forwarding on rp_filter loose mc_forwarding off proxy_neigh off ignore_routes_with_linkdown on";
    assert_eq!(settings.with_names(&names()).to_string(), expected);
    assert_eq!(InterfaceSettings::new(Family::V6, SettingsOf::Default).to_string(), "inet6 default");
    assert_eq!(InterfaceSettings::new(Family::V6, SettingsOf::All).to_string(), "inet6 all");
}
