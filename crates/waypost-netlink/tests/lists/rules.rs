use waypost_core::{Attribute, Error, ErrorKind, Rule};
use waypost_netlink::wire::{Attributes, Decoded, Messages, constants, rule};

use super::{RULES4, RULES6, attribute, payloads};

fn encode(change: rule::RuleChange, wanted: &Rule) -> Result<Vec<u8>, Error> {
    let mut buffer = Vec::new();
    rule::encode(&mut buffer, 7, change, wanted)?;
    Ok(buffer)
}

#[track_caller]
fn survives(wanted: &Rule) {
    let bytes = encode(rule::RuleChange::Add, wanted).unwrap();
    let message = Messages::new(&bytes).next().unwrap().unwrap();
    assert_eq!((message.kind, message.flags, message.sequence), (constants::RTM_NEWRULE, 0x605, 7));
    let decoded = rule::decode(message.payload).unwrap().unwrap();
    assert_eq!(decoded, Decoded { value: wanted.clone(), spoiled: 0 });
}

#[test]
fn a_captured_rule_encodes_to_itself() {
    let mut seen = 0;
    for payload in payloads(RULES4).iter().chain(&payloads(RULES6)) {
        let mut captured = rule::decode(payload).unwrap().unwrap().value;
        // What only the kernel says is not said to it: unresolved, detached.
        captured.os_flags &= !0x1c;
        survives(&captured);
        seen += 1;
    }
    assert_eq!(seen, 24);
}

#[test]
fn every_selector_survives() {
    for text in [
        "0: from all lookup 0",
        "4294967295: not from 10.0.0.0/8 to 10.1.1.1 lookup 4294967295 proto 255",
        "1: from all tos 0xfc fwmark 0/0 iif fifteen-letters oif x ipproto ipproto-255 sport 0 dport 0-65535 nop",
        "1: from all uidrange 0-4294967295 tun_id 18446744073709551615 lookup [l3mdev-table] prohibit",
        "1: from all sport 0x1000/0xf000 dport 0/0x1 dscp 0x28/0x38 flowlabel 0xabcde/0xfffff goto 9",
        "1: from all lookup 7 suppress_prefixlength 128 suppress_ifgroup default realms 65535/65535 flags 0x10001",
        "1: from all type 4 attr 99 0x010203 attr 32867 0x",
    ] {
        for family in [waypost_core::Family::V4, waypost_core::Family::V6] {
            match Rule::parse(text, Some(family)) {
                Ok(wanted) => survives(&wanted),
                Err(error) => assert!(error.why().contains("family"), "{text}: {error}"),
            }
        }
    }
    survives(&Rule::parse("1: from 2001:db8::/32 to ::1 lookup 7", None).unwrap());
}

#[test]
fn a_deletion_asks_for_nothing_to_be_made() {
    let bytes = encode(rule::RuleChange::Delete, &"5: from all lookup 7".parse().unwrap()).unwrap();
    let message = Messages::new(&bytes).next().unwrap().unwrap();
    assert_eq!((message.kind, message.flags), (constants::RTM_DELRULE, 0x5));
}

#[test]
fn a_selector_that_is_not_known_is_kept_and_said_to_be_there() {
    let mut payload = payloads(RULES4).swap_remove(0);
    payload.extend(attribute(99, &[1, 2, 3]));
    let decoded = rule::decode(&payload).unwrap().unwrap();
    assert!(decoded.value.has_unknown_selector);
    assert_eq!(decoded.value.unnamed.as_slice(), [Attribute::new(99, vec![1, 2, 3])]);
    assert_eq!(decoded.spoiled, 0);
}

/// Each of these attributes has a size that its number does not allow.
#[test]
fn a_selector_that_cannot_be_read_is_not_left_out_in_silence() {
    for kind in [1, 2, 4, 6, 10, 11, 12, 13, 14, 15, 16, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30] {
        let mut payload = payloads(RULES4).swap_remove(0);
        payload.extend(attribute(kind, &[1, 2, 3]));
        let decoded = rule::decode(&payload).unwrap().unwrap();
        assert!(decoded.value.has_unknown_selector, "{kind}");
        assert_eq!(decoded.value.unnamed.as_slice(), [Attribute::new(kind, vec![1, 2, 3])]);
        assert_eq!((decoded.value.priority, decoded.spoiled), (0, 1), "{kind}");
    }
}

#[test]
fn padding_is_no_selector() {
    let mut payload = payloads(RULES4).swap_remove(0);
    payload.extend(attribute(constants::FRA_PAD, &[]));
    let decoded = rule::decode(&payload).unwrap().unwrap();
    assert!(!decoded.value.has_unknown_selector);
    assert!(decoded.value.unnamed.is_empty());
}

#[test]
fn host_bits_are_sent_once_and_with_the_length() {
    let captured = rule::decode(&payloads(RULES4)[12]).unwrap().unwrap().value;
    assert_eq!(captured.to_string(), "200: from 10.0.0.0/8 lookup 7 attr 2 0x0a010203");
    let bytes = encode(rule::RuleChange::Delete, &captured).unwrap();
    let payload = Messages::new(&bytes).next().unwrap().unwrap().payload;
    assert_eq!(payload[2], 8);
    let sources = Attributes::after(12, payload).map(Result::unwrap).filter(|(kind, _)| *kind == constants::FRA_SRC);
    assert_eq!(sources.collect::<Vec<_>>(), [(constants::FRA_SRC, &[10, 1, 2, 3][..])]);
}

#[test]
fn what_only_the_kernel_says_is_not_said_to_it() {
    let rule: Rule = "9: from all iif gone [detached] oif lost [detached] goto 99 [unresolved] flags 0x10000".parse().unwrap();
    let bytes = encode(rule::RuleChange::Add, &rule).unwrap();
    let decoded = rule::decode(Messages::new(&bytes).next().unwrap().unwrap().payload).unwrap().unwrap();
    assert_eq!(decoded.value.os_flags, 0x10000);
}

#[test]
fn a_prefix_length_without_its_address_is_a_selector_that_is_not_known() {
    for at in [1, 2] {
        let mut payload = payloads(RULES4).swap_remove(0);
        payload[at] = 8;
        let decoded = rule::decode(&payload).unwrap().unwrap();
        assert_eq!((decoded.value.from, decoded.value.to), (None, None));
        assert!(decoded.value.has_unknown_selector);
    }
}

#[test]
fn what_no_message_can_say_is_refused_before_it_is_sent() {
    let mut rule: Rule = "1: from all lookup 7".parse().unwrap();
    for name in ["sixteen-letters-", "", "lo\0"] {
        rule.input = Some(name.to_owned());
        let error = encode(rule::RuleChange::Add, &rule).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains("no interface can be called"), "{error}");
    }
    rule.input = None;
    rule.unnamed.push(Attribute::new(99, vec![0; 65_528]));
    assert_eq!(encode(rule::RuleChange::Delete, &rule).unwrap_err().kind(), ErrorKind::Unsupported);
}
