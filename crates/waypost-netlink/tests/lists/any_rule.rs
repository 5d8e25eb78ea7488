//! Rules that nobody thought of, through bytes and through text.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use waypost_core::{Attribute, Family, Masked, PortRange, Prefix, Protocol, Rule, RuleAction, TableId, UidRange};
use waypost_netlink::wire::{Messages, rule};

fn prefix(family: Family) -> BoxedStrategy<Prefix> {
    match family {
        Family::V4 => (any::<u32>(), 1..=32u8).prop_map(|(bits, length)| (Ipv4Addr::from(bits).into(), length)).boxed(),
        Family::V6 => (any::<u128>(), 1..=128u8).prop_map(|(bits, length)| (Ipv6Addr::from(bits).into(), length)).boxed(),
    }
    .prop_map(|(address, length)| Prefix::containing(address, length).unwrap())
    .boxed()
}

fn action() -> impl Strategy<Value = RuleAction> {
    prop_oneof![
        any::<u32>().prop_map(|table| RuleAction::Lookup(TableId(table))),
        any::<u32>().prop_map(RuleAction::Goto),
        Just(RuleAction::Nop),
        Just(RuleAction::Blackhole),
        Just(RuleAction::Unreachable),
        Just(RuleAction::Prohibit),
        prop_oneof![Just(0), Just(4), Just(5), 9..=u8::MAX].prop_map(RuleAction::Other),
    ]
}

fn ports() -> impl Strategy<Value = PortRange> {
    let range = any::<(u16, u16)>().prop_map(|(one, other)| PortRange::new(one.min(other), one.max(other)));
    let masked = any::<(u16, u16)>().prop_map(|(port, mask)| {
        let mut ports = PortRange::new(port, port);
        ports.mask = mask;
        ports
    });
    prop_oneof![range, masked]
}

fn uids() -> impl Strategy<Value = UidRange> {
    any::<(u32, u32)>().prop_map(|(one, other)| UidRange { first: one.min(other), last: one.max(other) })
}

prop_compose! {
    fn selectors(family: Family)(
        (from, to) in (of(prefix(family)), of(prefix(family))),
        (input, output) in (of("[a-z0-9.@-]{1,15}"), of("[a-z0-9.@-]{1,15}")),
        (mark, tos) in (of(any::<(u32, u32)>()), any::<u8>()),
        dscp in of((0..64u8, 0..64u8)),
        flow_label in of((0..0x10_0000u32, 0..0x10_0000u32)),
        (ip_protocol, tunnel_id, l3mdev) in (of(any::<u8>()), any::<u64>(), any::<bool>()),
        (source_ports, destination_ports, uids) in (of(ports()), of(ports()), of(uids())),
    ) -> Rule {
        let mut rule = Rule::new(family, 0, RuleAction::Nop);
        (rule.from, rule.to, rule.input, rule.output, rule.tos) = (from, to, input, output, tos);
        rule.mark = mark.map(|(value, mask)| Masked { value, mask });
        rule.dscp = dscp.map(|(value, mask)| Masked { value, mask });
        rule.flow_label = flow_label.map(|(value, mask)| Masked { value, mask });
        (rule.ip_protocol, rule.tunnel_id, rule.l3mdev) = (ip_protocol, tunnel_id, l3mdev);
        (rule.source_ports, rule.destination_ports, rule.uids) = (source_ports, destination_ports, uids);
        rule
    }
}

prop_compose! {
    fn rules()(
        rule in prop_oneof![selectors(Family::V4), selectors(Family::V6)],
        (priority, action, invert) in (any::<u32>(), action(), any::<bool>()),
        (length, group, realms) in (of(0..=i32::MAX as u32), of(0..=i32::MAX as u32), any::<u32>()),
        (protocol, os_flags) in any::<(u8, u32)>(),
        unnamed in vec((31..0x4000u16, vec(any::<u8>(), 0..9)), 0..3),
    ) -> Rule {
        let mut rule = rule;
        (rule.priority, rule.action, rule.invert) = (priority, action, invert);
        (rule.suppress_prefix_length, rule.suppress_group, rule.realms) = (length, group, realms);
        // `invert` stands for a flag of its own.
        (rule.protocol, rule.os_flags) = (Protocol(protocol), os_flags & !0x2);
        rule.has_unknown_selector = !unnamed.is_empty();
        unnamed.into_iter().for_each(|(kind, data)| rule.unnamed.push(Attribute::new(kind, data)));
        rule
    }
}

proptest! {
    #[test]
    fn any_rule_reads_back_from_text(rule in rules()) {
        prop_assert_eq!(&Rule::parse(&rule.to_string(), Some(rule.family)).unwrap(), &rule, "{}", rule);
    }

    #[test]
    fn any_rule_decodes_from_its_own_bytes(rule in rules()) {
        let mut bytes = Vec::new();
        rule::encode(&mut bytes, 1, rule::RuleChange::Add, &rule).unwrap();
        let message = Messages::new(&bytes).next().unwrap().unwrap();
        let decoded = rule::decode(message.payload).unwrap().unwrap();
        let mut expected = rule;
        // Unresolved, detached: only the kernel says so.
        expected.os_flags &= !0x1c;
        prop_assert_eq!((decoded.value, decoded.spoiled), (expected, 0));
    }
}
