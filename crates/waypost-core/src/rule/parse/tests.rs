use super::*;
use crate::{Attribute, Protocol};

#[track_caller]
fn reads_back(text: &str, family: Family) -> Rule {
    let rule = Rule::parse(text, Some(family)).unwrap();
    assert_eq!(rule.family, family);
    assert_eq!(rule.to_string(), text);
    let tabbed = format!("{rule:#}");
    assert_eq!(tabbed, text.replacen(": ", ":\t", 1));
    assert_eq!(Rule::parse(&tabbed, Some(family)).unwrap(), rule);
    rule
}

/// The first lines are what `ip rule` (iproute2 6.1) printed on Linux 6.18.
#[test]
fn what_is_printed_reads_back_as_the_same_rule() {
    for text in [
        "0: from all lookup local",
        "5: not from 10.1.1.1 goto 32766",
        "6: from all nop",
        "7: from all fwmark 0x7 blackhole",
        "8: from all goto 9999 [unresolved]",
        "9: from all iif nosuch [detached] unreachable",
        "10: from all dport 1-9 prohibit",
        "11: from all lookup [l3mdev-table]",
        "11: from all lookup [l3mdev-table] unreachable",
        "12: from all fwmark 0/0xff lookup 1000 suppress_ifgroup 7",
        "13: from all tos 0x08 ipproto ipproto-201 lookup 1000 realms 7",
        "100: from 10.0.0.0/8 to 11.0.0.0/8 fwmark 0x1/0xff iif w0 oif w1 uidrange 0-0 ipproto tcp sport 1-2 dport 80 \
         tun_id 77 lookup 100 suppress_prefixlength 0 realms 3/4 proto static",
        "102: from all ipproto gre lookup 7 suppress_ifgroup default",
        "32766: from all lookup main proto kernel",
        "1: from all sport 0x1000/0xf000 dport 80 dscp 46 lookup 7",
        "1: from all sport 50-53/0x1ff lookup 7",
        "1: from all dport 0/0x1 dscp 0x28/0x38 type 4",
        "1: from all oif w1 [detached] lookup 4294967295",
        "1: from all lookup [l3mdev-table] lookup 9",
        "1: from all lookup 0",
        "1: from all lookup 7 flags 0x1001c proto dhcp attr 77 0x0102 attr 16416 0x",
    ] {
        reads_back(text, Family::V4);
    }
    for text in [
        "102: from 2001:db8::/32 to 2001:db8::1 lookup 7",
        "3: from all flowlabel 0xabc lookup 7",
        "3: from all flowlabel 0/0xf lookup 7",
    ] {
        reads_back(text, Family::V6);
    }
}

#[test]
fn words_mean_what_ip_rule_means_by_them() {
    let rule = Rule::parse("from any to 10.0.0.0/8 iif w0 fwmark 5 sport 7 order 9 protocol static sup_pl 0", None).unwrap();
    assert_eq!((rule.from, rule.to), (None, Some("10.0.0.0/8".parse().unwrap())));
    assert_eq!(rule.mark, Some(Masked { value: 5, mask: u32::MAX }));
    assert_eq!(rule.source_ports, Some(PortRange::new(7, 7)));
    assert_eq!((rule.priority, rule.protocol), (9, Protocol::STATIC));
    assert_eq!(rule.action, RuleAction::Lookup(TableId::MAIN));
    assert_eq!(rule.suppress_prefix_length, Some(0));
    let masked = Rule::parse("dport 0x50/0xf0 dscp 0x8/0x38 table 7 preference 1", None).unwrap();
    assert_eq!(masked.destination_ports, Some(PortRange { first: 0x50, last: 0x50, mask: 0xf0 }));
    assert_eq!(masked.dscp, Some(Masked { value: 8, mask: 0x38 }));
    assert_eq!(Rule::parse("l3mdev pref 1000", None).unwrap().action, RuleAction::Lookup(TableId::UNSPECIFIED));
    assert_eq!(Rule::parse("type blackhole", None).unwrap().action, RuleAction::Blackhole);
}

#[test]
fn the_family_is_what_was_said_or_that_of_the_prefixes() {
    let family = |text: &str, family| Rule::parse(text, family).unwrap().family;
    assert_eq!(family("from all lookup 7", None), Family::V4);
    assert_eq!(family("from all lookup 7", Some(Family::V6)), Family::V6);
    assert_eq!(family("to 2001:db8::/32 lookup 7", None), Family::V6);
    assert_eq!(family("from ::/0 lookup 7", None), Family::V6);
}

#[test]
fn a_priority_that_nobody_names_is_the_one_that_was_given_for_that() {
    let priority = |words: &[&str]| Rule::parse_words(words, Names::none(), None, 77).unwrap().priority;
    assert_eq!(priority(&["lookup", "7"]), 77);
    assert_eq!(priority(&["lookup", "7", "pref", "0"]), 0);
    assert_eq!("lookup 7".parse::<Rule>().unwrap().priority, Rule::USUAL_PRIORITY);
}

#[test]
fn an_attribute_without_a_name_is_a_selector_that_is_not_known() {
    let rule = reads_back("1: from all lookup 7 attr 99 0x0a", Family::V4);
    assert!(rule.has_unknown_selector);
    assert_eq!(rule.unnamed.as_slice(), [Attribute::new(99, vec![10])]);
}

#[test]
fn host_bits_of_a_prefix_are_no_selector_of_their_own() {
    let is_unknown = |text: &str| reads_back(text, Family::V4).has_unknown_selector;
    assert!(!is_unknown("1: from 10.0.0.0/8 lookup 7 attr 2 0x0a010203"));
    assert!(!is_unknown("1: from all to 10.0.0.0/8 lookup 7 attr 1 0x0a010203"));
    assert!(is_unknown("1: from 10.0.0.0/8 lookup 7 attr 1 0x0a010203"));
    assert!(is_unknown("1: from 10.0.0.0/8 lookup 7 attr 2 0x0b010203"));
    assert!(is_unknown("1: from 10.0.0.0/8 lookup 7 attr 2 0x0a01"));
    assert!(is_unknown("1: from all lookup 7 attr 2 0x0a010203"));
}

#[test]
fn the_word_at_fault_is_named() {
    let fault = |text: &str| Rule::parse(text, None).unwrap_err().to_string();
    for (text, expected) in [
        ("x: from all", "\"x\" is no number from 0 to 4294967295"),
        ("from", "something must follow \"from\""),
        ("from here", "\"here\" is no address or prefix"),
        ("from 10.0.0.0/8 to 2001:db8::/32", "\"2001:db8::/32\" is not of the rule's family, inet"),
        ("fwmark 0x1/0x1ffffffff", "\"0x1ffffffff\" is no number from 0 to 4294967295"),
        ("dscp 64", "\"64\" is no number from 0 to 63"),
        ("flowlabel 0x100000", "\"0x100000\" is no number from 0 to 1048575"),
        ("uidrange 5", "\"5\" is no range of user ids such as 0-99"),
        ("uidrange 5-4", "\"5-4\" is no range of user ids such as 0-99"),
        ("ipproto teecp", "\"teecp\" is no IP protocol"),
        ("sport 9-8", "\"9-8\" ends before it begins"),
        ("dport 65536", "\"65536\" is no number from 0 to 65535"),
        ("tun_id big", "\"big\" is no tunnel id"),
        ("lookup nowhere", "\"nowhere\" is no routing table"),
        ("from 10.0.0.0/8 from 10.1.0.0/16", "\"from\" is said twice"),
        ("iif if2 dev if3", "\"dev\" is said twice"),
        ("9: from all pref 8", "\"pref\" is said twice"),
        ("lookup 7 blackhole", "\"blackhole\" is a second thing to do"),
        ("goto", "something must follow \"goto\""),
        ("tos 256", "\"256\" is no type of service from 0 to ff"),
        ("[detached]", "\"[detached]\" is no word of a rule"),
        ("attr 5 07", "\"07\" is no 0x and two hexadecimal digits for each byte"),
    ] {
        assert_eq!(fault(text), expected, "{text:?}");
    }
}
