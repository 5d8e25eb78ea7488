use waypost::Native;
use waypost_core::{Dump, Family, Notice, Outcome, PortRange, Request, Rule, Verb};
use waypost_netlink::wire::rule::deletes;
use waypost_tests::ip::ip;

use super::{ask, open, outcome};

/// Rules with all selectors there are, as they print. `ip` (6.1) does not print what is newer than Linux 5.
const RULES: [(Family, &str); 19] = [
    (Family::V4, "1: not from 10.0.0.0/8 to 10.1.1.1 lookup 4294967295 proto static"),
    (Family::V4, "2: from all tos 0x10 fwmark 0 iif gone [detached] oif lost [detached] ipproto udp sport 1 dport 1-65534 nop"),
    (Family::V4, "3: from all lookup [l3mdev-table] uidrange 0-0 tun_id 18446744073709551615 prohibit"),
    (Family::V4, "4: from all sport 0x1000/0xf000 dport 0x1/0x1 dscp 0x28/0x38 goto 9"),
    (Family::V4, "5: from all lookup 7 suppress_prefixlength 32 suppress_ifgroup default realms 65535/65534"),
    (Family::V4, "6: from 10.0.0.0/8 lookup 7 attr 2 0x0a010203"),
    (Family::V4, "7: from all fwmark 0x7 blackhole"),
    (Family::V4, "8: from all dscp 46 unreachable"),
    (Family::V4, "9: from all lookup main"),
    (Family::V4, "10: from all iif lo lookup 256"),
    (Family::V4, "11: from all fwmark 0/0xff iif w0 oif w1 lookup 1000 suppress_ifgroup 9 proto dhcp"),
    (Family::V4, "12: from all goto 4294967295 [unresolved]"),
    (Family::V6, "1: not from 2001:db8::/32 to 2001:db8::1 lookup 4294967295 proto static"),
    (Family::V6, "2: from all flowlabel 0xabc lookup 7"),
    (Family::V6, "3: from all flowlabel 0xa0000/0xf0000 lookup 7"),
    (Family::V6, "4: from all tos 0x10 goto 9 [unresolved]"),
    (Family::V6, "5: from all lookup [l3mdev-table] ipproto ipv6-icmp dscp 0x1/0x3"),
    (Family::V6, "6: from all fwmark 0x1/0xff iif w0 uidrange 0-0 sport 22 lookup 256 suppress_prefixlength 0"),
    (Family::V6, "7: from all oif w1 dport 80-443 unreachable"),
];

/// The rules of both families, in the kernel's order.
fn list(kernel: &mut Native) -> Vec<Rule> {
    let mut rules = Vec::new();
    for family in [Family::V4, Family::V6] {
        rules.extend(ask(kernel, Request::Dump(Dump::Rules(family))).into_iter().filter_map(|notice| match notice {
            Notice::Rule(Verb::Listed, rule) => Some(*rule),
            _ => None,
        }));
    }
    rules
}

/// Says whether `ip` of that time prints all of a rule as it is printed here.
fn is_of_linux_5(rule: &Rule) -> bool {
    let whole = |ports: Option<PortRange>| ports.is_none_or(|ports| ports.mask == u16::MAX);
    let ports = whole(rule.source_ports) && whole(rule.destination_ports);
    ports && rule.dscp.is_none() && rule.flow_label.is_none() && rule.unnamed.is_empty()
}

pub(crate) fn every_selector_survives_the_kernel() {
    let mut kernel = open();
    let before = list(&mut kernel);
    let wanted: Vec<Rule> = RULES.iter().map(|(family, text)| Rule::parse(text, Some(*family)).unwrap()).collect();
    // The target of a goto comes before it, or else the list says for a moment that there is none.
    for rule in wanted.iter().rev() {
        let outcome = outcome(ask(&mut kernel, Request::AddRule(rule)));
        assert!(matches!(outcome, Outcome::Done), "{rule}: {outcome:?}");
    }
    let mut now = list(&mut kernel);
    now.retain(|rule| !before.contains(rule));
    for (now, wanted) in now.iter().zip(&wanted) {
        assert_eq!(now, wanted, "{now}");
    }
    assert_eq!(now.len(), wanted.len());

    let told = ip("rule show") + &ip("-6 rule show");
    for rule in wanted.iter().filter(|rule| is_of_linux_5(rule)) {
        assert!(told.lines().any(|line| line == format!("{rule:#}")), "{rule} is not in\n{told}");
    }

    for rule in &wanted {
        let outcome = outcome(ask(&mut kernel, Request::DeleteRule(rule)));
        assert!(matches!(outcome, Outcome::Done), "{rule}: {outcome:?}");
    }
    let after = list(&mut kernel);
    assert_eq!(after, before);
}

pub(crate) fn a_deletion_takes_the_first_that_has_all_it_names() {
    let mut kernel = open();
    // Of each pair the first is asked to be deleted and the second is there.
    for (wanted, there) in [
        ("5: from all lookup 7", "5: from all lookup 7"),
        ("5: from all lookup 7", "5: not from 10.0.0.0/8 to 10.1.1.1 tos 0x10 lookup 7 proto static"),
        ("5: not from all lookup 7", "5: from all fwmark 0x1/0xff iif w0 oif w1 lookup 7 suppress_prefixlength 0"),
        ("5: from all goto 8", "5: from all uidrange 0-0 ipproto tcp sport 22 dport 1-9 tun_id 8 goto 9"),
        ("5: from all dscp 8 lookup 7", "5: from all dscp 8 lookup 7 realms 3/4"),
        ("5: from all dscp 8 lookup 7", "5: from all dscp 0x8/0x38 lookup 7"),
        ("5: from all sport 16 lookup 7", "5: from all sport 0x10/0xf0 lookup 7"),
        ("5: from 10.0.0.0/8 lookup 7", "5: from 10.0.0.0/8 lookup 7 attr 2 0x0a010203"),
        ("5: from 10.0.0.0/8 lookup 7", "5: from 10.0.0.0/9 lookup 7"),
        ("5: from all to 10.0.0.0/8 lookup 7", "5: from 10.0.0.0/8 lookup 7"),
        ("5: from all lookup 7", "5: from all lookup 8"),
        ("5: from all lookup 7", "6: from all lookup 7"),
        ("5: from all lookup 7", "5: from all blackhole"),
        ("5: from all fwmark 0x1 lookup 7", "5: from all fwmark 0x1/0xff lookup 7"),
        ("5: from all iif w0 lookup 7", "5: from all oif w0 lookup 7"),
        ("5: from all tos 0x10 lookup 7", "5: from all tos 0x08 lookup 7"),
        ("5: from all dscp 8 lookup 7", "5: from all dscp 9 lookup 7"),
        ("5: from all tun_id 7 lookup 7", "5: from all lookup 7"),
        ("5: from all lookup [l3mdev-table]", "5: from all lookup 7"),
        ("5: from all uidrange 0-0 lookup 7", "5: from all lookup 7"),
        ("5: from all ipproto tcp lookup 7", "5: from all ipproto udp lookup 7"),
        ("5: from all sport 1-2 lookup 7", "5: from all sport 1 lookup 7"),
        ("5: from all dport 1-2 lookup 7", "5: from all sport 1-2 lookup 7"),
        ("5: from all lookup 7 realms 3/4", "5: from all lookup 7"),
        ("5: from all lookup 7 proto static", "5: from all lookup 7"),
        ("5: from all lookup 7 suppress_prefixlength 0", "5: from all lookup 7 suppress_prefixlength 1"),
        ("5: from all lookup 7 suppress_ifgroup 1", "5: from all lookup 7"),
    ] {
        let [wanted, there]: [Rule; 2] = [wanted, there].map(|text| text.parse().unwrap());
        assert!(matches!(outcome(ask(&mut kernel, Request::AddRule(&there))), Outcome::Done), "{there}");
        let deleted = matches!(outcome(ask(&mut kernel, Request::DeleteRule(&wanted))), Outcome::Done);
        assert_eq!(deletes(&wanted, &there), deleted, "{wanted} of {there}");
        if !deleted {
            assert!(matches!(outcome(ask(&mut kernel, Request::DeleteRule(&there))), Outcome::Done), "{there}");
        }
    }
}
