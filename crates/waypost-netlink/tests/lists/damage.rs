use waypost_netlink::wire::{address, link, neighbour, rule, settings};

use super::{ADDRESSES, LINKS, NEIGHBOURS, PROXIES, RULES4, RULES6, SETTINGS4, SETTINGS6, attribute, payloads};

fn everything() -> Vec<Vec<u8>> {
    [LINKS, ADDRESSES, NEIGHBOURS, PROXIES, RULES4, RULES6, SETTINGS4, SETTINGS6].into_iter().flat_map(payloads).collect()
}

/// Reads bytes as everything that they are not, too.
fn read(payload: &[u8]) {
    let _ = link::decode(payload);
    let _ = address::decode(payload);
    let _ = neighbour::decode(payload);
    let _ = settings::decode(payload);
    if let Ok(Some(decoded)) = rule::decode(payload) {
        let _ = rule::encode(&mut Vec::new(), 1, rule::RuleChange::Add, &decoded.value);
        let _ = decoded.value.to_string();
    }
}

#[test]
fn no_cut_panics() {
    for payload in everything() {
        (0..payload.len()).for_each(|end| read(&payload[..end]));
    }
}

#[test]
fn no_changed_byte_panics() {
    for payload in everything() {
        for at in 0..payload.len() {
            for change in [0x01, 0x02, 0x04, 0x80, 0xff] {
                let mut damaged = payload.clone();
                damaged[at] ^= change;
                read(&damaged);
            }
        }
    }
}

/// Whatever one byte is, a link whose header is whole keeps what the header says; and its name, unless that is hit.
#[test]
fn a_link_with_a_broken_attribute_still_has_index_name_and_flags() {
    for payload in payloads(LINKS) {
        let whole = link::decode(&payload).unwrap().unwrap().value;
        // struct ifinfomsg and IFLA_IFNAME, which the kernel writes first.
        let name_ends = 16 + 4 + whole.name.len() + 1;
        for at in name_ends.next_multiple_of(4)..payload.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut damaged = payload.clone();
                damaged[at] ^= change;
                let link = link::decode(&damaged).unwrap().unwrap().value;
                assert_eq!((link.index, link.flags, link.os_flags), (whole.index, whole.flags, whole.os_flags));
                // A changed number can make a name of another attribute.
                assert!(!link.name.is_empty());
            }
        }
    }
}

#[test]
fn a_bad_attribute_of_a_link_spoils_only_itself() {
    // Numbers that are too short, kind and names that are no UTF-8, each behind the good ones.
    for kind in [4, 5, 10, 27, 52] {
        let payload = [payloads(LINKS).swap_remove(2), attribute(kind, &[0xff; 3])].concat();
        let decoded = link::decode(&payload).unwrap().unwrap();
        assert_eq!(decoded.value, link::decode(&payloads(LINKS)[2]).unwrap().unwrap().value, "{kind}");
        assert_eq!(decoded.spoiled, 1, "{kind}");
    }
}

#[test]
fn a_filter_that_no_kernel_has_spoils_only_itself() {
    let payload = [payloads(SETTINGS4).swap_remove(0), attribute(3, &256u32.to_ne_bytes())].concat();
    let decoded = settings::decode(&payload).unwrap().unwrap();
    assert_eq!((decoded.value.rp_filter, decoded.spoiled), (Some(0), 1));
}

#[test]
fn a_link_whose_name_cannot_be_read_goes_by_number() {
    let header = &payloads(LINKS)[2][..16];
    let nameless = link::decode(header).unwrap().unwrap();
    assert_eq!((nameless.value.name.as_str(), nameless.spoiled), ("if3", 1));
    let odd = link::decode(&[header, &attribute(3, b"w\xff0\0")].concat()).unwrap().unwrap();
    assert_eq!((odd.value.name.as_str(), odd.spoiled), ("w\u{fffd}0", 1));
}

#[test]
fn what_has_no_address_or_interface_is_refused() {
    assert_eq!(link::decode(&[0; 16]).unwrap_err().to_string(), "at byte 4: a link without a number");
    assert_eq!(link::decode(&[0; 15]).unwrap_err().offset, 0);
    assert!(address::decode(&payloads(ADDRESSES)[0][..8]).is_err());
    assert!(neighbour::decode(&payloads(NEIGHBOURS)[0][..12]).is_err());
    assert!(settings::decode(&payloads(SETTINGS4)[0][..4]).is_err());
    assert!(rule::decode(&[2; 11]).is_err());
}
