use std::fmt::Display;

use waypost_core::{AddressFlags, IfIndex, InterfaceNames};
use waypost_netlink::wire::{DecodeError, Decoded, address, link, neighbour, rule, settings};

use super::{ADDRESSES, LINKS, NEIGHBOURS, PROXIES, RULES4, RULES6, SETTINGS4, SETTINGS6, attribute, payloads};

type Decode<T> = fn(&[u8]) -> Result<Option<Decoded<T>>, DecodeError>;

/// What was captured, none of it spoiled.
#[track_caller]
fn decoded<T>(list: &str, decode: Decode<T>) -> Vec<T> {
    payloads(list)
        .iter()
        .map(|payload| {
            let decoded = decode(payload).unwrap().unwrap();
            assert_eq!(decoded.spoiled, 0);
            decoded.value
        })
        .collect()
}

fn lines<T: Display>(things: &[T]) -> Vec<String> {
    things.iter().map(ToString::to_string).collect()
}

#[test]
fn links_are_those_that_were_made() {
    let links = decoded(LINKS, link::decode);
    let names: InterfaceNames = links.iter().map(|link| (link.index, &link.name)).collect();
    let printed: Vec<_> = links.iter().map(|link| link.with_names(&names).to_string()).collect();
    assert_eq!(
        printed,
        [
            "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 group default link 00:00:00:00:00:00",
            "2: w1@w0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 master br0 group default link fa:e1:6b:14:93:89 veth",
            "3: w0@w1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 group 7 link 6a:95:f4:5e:7a:59 veth altname second-name altname third-name",
            "4: br0: <BROADCAST,MULTICAST> mtu 1400 group default link fa:e1:6b:14:93:89 bridge",
            "5: mv0@w0: <BROADCAST,MULTICAST> mtu 1500 group default link be:c6:35:c8:8a:99 macvlan",
            "6: ifb7: <BROADCAST,NOARP> mtu 1500 group default link fe:04:3d:75:da:2f ifb",
        ]
    );
    assert!(links[2].has_carrier());
    assert!(!links[3].is_up());
}

#[test]
fn addresses_are_those_that_were_added() {
    let addresses = decoded(ADDRESSES, address::decode);
    let lasting = |text: &str| format!("{text} valid_lft forever preferred_lft forever");
    assert_eq!(
        lines(&addresses),
        [
            lasting("1: if1 inet 127.0.0.1/8 scope host lo"),
            lasting("3: if3 inet 10.0.0.2/24 brd 10.0.0.255 scope global w0"),
            lasting("3: if3 inet 10.9.0.1 peer 10.9.0.2/32 metric 77 scope global w0"),
            "3: if3 inet 10.8.0.1/24 scope global dynamic noprefixroute w0:x valid_lft 100sec preferred_lft 50sec".to_owned(),
            lasting("3: if3 inet 10.0.0.3/24 scope global secondary w0"),
            lasting("1: if1 inet6 ::1/128 scope host proto kernel_lo"),
            lasting("2: if2 inet6 fe80::f8e1:6bff:fe14:9389/64 scope link tentative proto kernel_ll"),
            lasting("3: if3 inet6 2001:db8:1::1 peer 2001:db8:1::2/128 scope global nodad"),
            lasting("3: if3 inet6 2001:db8::2/64 scope global nodad"),
            lasting("3: if3 inet6 fe80::6895:f4ff:fe5e:7a59/64 scope link tentative proto kernel_ll"),
        ]
    );
    assert!(addresses[4].flags.contains(AddressFlags::PERMANENT | AddressFlags::SECONDARY));
}

#[test]
fn neighbours_are_those_that_were_added() {
    assert_eq!(
        lines(&decoded(NEIGHBOURS, neighbour::decode)),
        [
            "10.0.0.10 dev if3 lladdr 02:00:00:00:00:01 STALE",
            "10.0.0.9 dev if3 lladdr 02:00:00:00:00:01 PERMANENT",
            // NTF_EXT_LEARNED has no portable meaning.
            "2001:db8::9 dev if3 lladdr 02:00:00:00:00:02 router flags 0x10 PERMANENT",
        ]
    );
    assert_eq!(lines(&decoded(PROXIES, neighbour::decode)), ["10.0.0.11 dev if3 proxy"]);
}

#[test]
fn flags_that_do_not_fit_the_header_stand_above_those_that_do() {
    let payload = [payloads(NEIGHBOURS).swap_remove(2), attribute(15, &1u32.to_ne_bytes())].concat();
    assert_eq!(neighbour::decode(&payload).unwrap().unwrap().value.os_flags, 0x110);
}

#[test]
fn rules_are_those_that_were_added() {
    assert_eq!(
        lines(&decoded(RULES4, rule::decode)),
        [
            "0: from all lookup local proto kernel",
            "5: not from 10.1.1.1 goto 32766",
            "6: from all nop",
            "7: from all fwmark 0x7 blackhole",
            "8: from all goto 9999 [unresolved]",
            "9: from all iif nosuch [detached] unreachable",
            "10: from all dport 1-9 prohibit",
            "10: from all oif gone [detached] lookup 9",
            "11: from all lookup [l3mdev-table]",
            "12: from all fwmark 0/0xff lookup 1000 suppress_ifgroup 7",
            "13: from all tos 0x08 ipproto ipproto-201 lookup 1000 realms 7",
            "100: from 10.0.0.0/8 to 11.0.0.0/8 fwmark 0x1/0xff iif w0 oif w1 uidrange 0-0 ipproto tcp sport 1-2 dport 80 \
             tun_id 77 lookup 100 suppress_prefixlength 0 realms 3/4 proto static",
            "200: from 10.0.0.0/8 lookup 7 attr 2 0x0a010203",
            "201: from all dscp 46 lookup 7",
            "202: from all dscp 0x28/0x38 lookup 7",
            "203: from all sport 0x1000/0xf000 lookup 7",
            "204: from all dport 0x50/0xfff0 lookup 7",
            "32766: from all lookup main proto kernel",
            "32767: from all lookup default proto kernel",
        ]
    );
    assert_eq!(
        lines(&decoded(RULES6, rule::decode)),
        [
            "0: from all lookup local proto kernel",
            "102: from 2001:db8::/32 to 2001:db8::1 lookup 7",
            "300: from all flowlabel 0xabc lookup 7",
            "301: from all flowlabel 0xa0000/0xf0000 lookup 7",
            "32766: from all lookup main proto kernel",
        ]
    );
    let all = decoded(RULES4, rule::decode).into_iter().chain(decoded(RULES6, rule::decode));
    assert!(all.into_iter().all(|rule| !rule.has_unknown_selector));
}

#[test]
fn settings_are_those_that_were_set() {
    let settings = lines(&decoded(SETTINGS4, settings::decode));
    let off = "forwarding off rp_filter off mc_forwarding off proxy_neigh off ignore_routes_with_linkdown off";
    let w0 = "inet if3 forwarding on rp_filter loose mc_forwarding off proxy_neigh off ignore_routes_with_linkdown on";
    for (of, line) in ["if1", "if2", "if3", "if4", "if5", "if6", "all", "default"].iter().zip(&settings) {
        assert_eq!(*line, if *of == "if3" { w0.to_owned() } else { format!("inet {of} {off}") });
    }
    let settings = lines(&decoded(SETTINGS6, settings::decode));
    assert_eq!(settings[2], "inet6 if3 forwarding off mc_forwarding off proxy_neigh off ignore_routes_with_linkdown off");
    assert_eq!(settings.len(), 8);
}

#[test]
fn messages_of_other_families_are_about_something_else() {
    let with_family = |list: &str, family: u8| {
        let mut payload = payloads(list).swap_remove(0);
        payload[0] = family;
        payload
    };
    // A bridge's word of its port, an entry of its forwarding table, MPLS, and multicast forwarding's rules.
    assert_eq!(link::decode(&with_family(LINKS, 7)), Ok(None));
    assert_eq!(neighbour::decode(&with_family(NEIGHBOURS, 7)), Ok(None));
    assert_eq!(address::decode(&with_family(ADDRESSES, 28)), Ok(None));
    assert_eq!(settings::decode(&with_family(SETTINGS4, 28)), Ok(None));
    assert_eq!(rule::decode(&with_family(RULES4, 128)), Ok(None));
}

#[test]
fn a_parent_in_another_namespace_is_no_parent_here() {
    let mut payload = payloads(LINKS).swap_remove(1);
    assert_eq!(link::decode(&payload).unwrap().unwrap().value.parent, IfIndex::new(3));
    payload.extend(attribute(37, &0u32.to_ne_bytes()));
    let decoded = link::decode(&payload).unwrap().unwrap();
    assert_eq!((decoded.value.parent, decoded.spoiled), (None, 0));
}
