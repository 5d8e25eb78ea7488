//! Links, addresses, neighbours and settings: the fields of `ip -json -details link|addr|neigh|netconf`.

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;
use waypost::{
    Address, Family, InterfacePrinted, InterfaceSettings, Link, Names, Neighbour, NeighbourState, NumberPrinted, Protocol,
    SettingsOf,
};

use super::{Mark, Text, is_zero, mark};

/// A link.
#[derive(Serialize)]
pub(crate) struct LinkJson<'a> {
    ifindex: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<Text<InterfacePrinted<'a>>>,
    ifname: &'a str,
    flags: Vec<&'static str>,
    #[serde(skip_serializing_if = "is_zero")]
    os_flags: u32,
    mtu: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    master: Option<Text<InterfacePrinted<'a>>>,
    group: Text<NumberPrinted<'a>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    linkinfo: Option<LinkInfoJson<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    altnames: &'a [String],
}

#[derive(Serialize)]
struct LinkInfoJson<'a> {
    info_kind: &'a str,
}

impl<'a> LinkJson<'a> {
    pub(crate) fn new(link: &'a Link, names: Names<'a>) -> Self {
        Self {
            ifindex: link.index.get(),
            link: link.parent.map(|index| Text(names.interface(index))),
            ifname: &link.name,
            flags: link.flags.words().collect(),
            os_flags: link.os_flags,
            mtu: link.mtu,
            master: link.master.map(|index| Text(names.interface(index))),
            group: Text(names.group(link.group)),
            address: link_address(&link.link_address),
            linkinfo: (!link.kind.is_empty()).then_some(LinkInfoJson { info_kind: &link.kind }),
            altnames: &link.alternative_names,
        }
    }
}

/// A link-layer address: bytes in hexadecimal with colons, but a tunnel's as an IP address.
fn link_address(bytes: &[u8]) -> String {
    if let Ok(octets) = <[u8; 4]>::try_from(bytes) {
        return IpAddr::from(octets).to_string();
    }
    if let Ok(octets) = <[u8; 16]>::try_from(bytes) {
        return IpAddr::from(octets).to_string();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

/// A link and its addresses.
#[derive(Serialize)]
pub(crate) struct LinkAddressesJson<'a> {
    #[serde(flatten)]
    pub(crate) link: LinkJson<'a>,
    pub(crate) addr_info: Vec<AddressJson<'a>>,
}

/// An address.
#[derive(Serialize)]
pub(crate) struct AddressJson<'a> {
    family: Text<Family>,
    local: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<IpAddr>,
    prefixlen: u8,
    #[serde(skip_serializing_if = "is_zero")]
    metric: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    broadcast: Option<IpAddr>,
    scope: Text<NumberPrinted<'a>>,
    #[serde(flatten)]
    flags: std::collections::BTreeMap<&'static str, bool>,
    #[serde(skip_serializing_if = "is_zero")]
    os_flags: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<Text<NumberPrinted<'a>>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    label: &'a str,
    valid_life_time: u64,
    preferred_life_time: u64,
}

impl<'a> AddressJson<'a> {
    pub(crate) fn new(address: &'a Address, names: Names<'a>) -> Self {
        Self {
            family: Text(Family::of(&address.local)),
            local: address.local,
            address: address.peer,
            prefixlen: address.prefix_length,
            metric: address.metric,
            broadcast: address.broadcast,
            scope: Text(names.scope(address.scope)),
            flags: address.flags.words().map(|word| (word, true)).collect(),
            os_flags: address.os_flags,
            protocol: (address.protocol != Protocol::UNSPECIFIED).then(|| Text(names.address_protocol(address.protocol))),
            label: &address.label,
            valid_life_time: seconds(address.valid),
            preferred_life_time: seconds(address.preferred),
        }
    }
}

/// Seconds; for ever is the kernel's number for it, as in `ip -json`.
fn seconds(time: Option<Duration>) -> u64 {
    time.map_or(u64::from(u32::MAX), |time| time.as_secs())
}

/// A neighbour.
#[derive(Serialize)]
pub(crate) struct NeighbourJson<'a> {
    dst: IpAddr,
    dev: Text<InterfacePrinted<'a>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    lladdr: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    router: Mark,
    #[serde(skip_serializing_if = "Option::is_none")]
    proxy: Mark,
    #[serde(skip_serializing_if = "is_zero")]
    os_flags: u32,
    state: Vec<Text<NeighbourState>>,
}

impl<'a> NeighbourJson<'a> {
    pub(crate) fn new(neighbour: &Neighbour, names: Names<'a>) -> Self {
        let states = Some(neighbour.state).filter(|state| *state != NeighbourState::None);
        Self {
            dst: neighbour.address,
            dev: Text(names.interface(neighbour.interface)),
            lladdr: link_address(&neighbour.link_address),
            router: mark(neighbour.router),
            proxy: mark(neighbour.proxy),
            os_flags: neighbour.os_flags,
            state: states.map(Text).into_iter().collect(),
        }
    }
}

/// How an interface is set up to route.
#[derive(Serialize)]
pub(crate) struct SettingsJson<'a> {
    family: Text<Family>,
    interface: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    forwarding: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rp_filter: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mc_forwarding: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proxy_neigh: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ignore_routes_with_linkdown: Option<bool>,
}

impl SettingsJson<'_> {
    pub(crate) fn new(settings: &InterfaceSettings, names: Names<'_>) -> Self {
        Self {
            family: Text(settings.family),
            interface: match settings.of {
                SettingsOf::All => "all".to_owned(),
                SettingsOf::Default => "default".to_owned(),
                SettingsOf::Interface(index) => names.interface(index).to_string(),
            },
            forwarding: settings.forwarding,
            rp_filter: settings.rp_filter.map(|mode| match mode {
                0 => "off",
                1 => "strict",
                2 => "loose",
                _ => "unknown",
            }),
            mc_forwarding: settings.multicast_forwarding,
            proxy_neigh: settings.proxy_neighbours,
            ignore_routes_with_linkdown: settings.ignore_routes_with_link_down,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use waypost::{AddressFlags, IfIndex, InterfaceNames, LinkFlags};

    fn names() -> InterfaceNames {
        [(IfIndex::new(2).unwrap(), "eth0"), (IfIndex::new(3).unwrap(), "br0")].into_iter().collect()
    }

    #[test]
    fn a_link_has_the_fields_of_iproute2() {
        let names = names();
        let mut link = Link::new(IfIndex::new(2).unwrap(), "eth0");
        link.flags = LinkFlags::UP | LinkFlags::BROADCAST;
        link.link_address = vec![2, 0, 0, 0, 0, 0xaf];
        (link.mtu, link.master, link.kind) = (1500, IfIndex::new(3), "veth".to_owned());
        assert_eq!(
            serde_json::to_value(LinkJson::new(&link, (&names).into())).unwrap(),
            json!({
                "ifindex": 2, "ifname": "eth0", "flags": ["NO-CARRIER", "BROADCAST", "UP"], "mtu": 1500, "master": "br0",
                "group": "default", "address": "02:00:00:00:00:af", "linkinfo": { "info_kind": "veth" },
            })
        );
        assert_eq!(link_address(&[10, 0, 0, 1]), "10.0.0.1");
    }

    #[test]
    fn an_address_has_the_fields_of_iproute2() {
        let mut address = Address::new(IfIndex::new(2).unwrap(), "10.0.0.2".parse().unwrap(), 24);
        address.flags = AddressFlags::PERMANENT | AddressFlags::SECONDARY;
        address.label = "eth0".to_owned();
        assert_eq!(
            serde_json::to_value(AddressJson::new(&address, Names::none())).unwrap(),
            json!({
                "family": "inet", "local": "10.0.0.2", "prefixlen": 24, "scope": "global", "secondary": true, "label": "eth0",
                "valid_life_time": 4_294_967_295_u32, "preferred_life_time": 4_294_967_295_u32,
            })
        );
    }

    #[test]
    fn a_neighbour_has_the_fields_of_iproute2() {
        let mut neighbour = Neighbour::new(IfIndex::new(2).unwrap(), "fe80::1".parse().unwrap(), NeighbourState::Stale);
        neighbour.router = true;
        assert_eq!(
            serde_json::to_value(NeighbourJson::new(&neighbour, (&names()).into())).unwrap(),
            json!({ "dst": "fe80::1", "dev": "eth0", "router": null, "state": ["STALE"] })
        );
    }
}
