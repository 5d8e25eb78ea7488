//! Links, addresses, rules and next-hop objects as the kernel writes them: `rtnl_fill_ifinfo` (net/core/rtnetlink.c), `inet_fill_ifaddr`
//! (net/ipv4/devinet.c), `inet6_fill_ifaddr` (net/ipv6/addrconf.c), `fib_nl_fill_rule` (net/core/fib_rules.c), `nh_fill_node`
//! (net/ipv4/nexthop.c), of Linux 6.18. What the simulated machine has nothing of, statistics above all, is left out.

use std::time::Duration;

use waypost_core::{Address, AddressFlags, Family, Link, LinkFlags, NextHopObject, NextHopObjectKind, Prefix, Rule, RuleAction};

use super::bytes::Writer;
use super::numbers::*;
use super::route_writer::family;

/// The flags of links (include/uapi/linux/if.h).
const LINK_FLAGS: [(u32, LinkFlags); 13] = [
    (1, LinkFlags::UP),
    (1 << 1, LinkFlags::BROADCAST),
    (1 << 3, LinkFlags::LOOPBACK),
    (1 << 4, LinkFlags::POINT_TO_POINT),
    (1 << 6, LinkFlags::RUNNING),
    (1 << 7, LinkFlags::NO_ARP),
    (1 << 8, LinkFlags::PROMISCUOUS),
    (1 << 9, LinkFlags::ALL_MULTICAST),
    (1 << 10, LinkFlags::MASTER),
    (1 << 11, LinkFlags::SLAVE),
    (1 << 12, LinkFlags::MULTICAST),
    (1 << 16, LinkFlags::LOWER_UP),
    (1 << 17, LinkFlags::DORMANT),
];

/// The flags of addresses (include/uapi/linux/if_addr.h).
const ADDRESS_FLAGS: [(u32, AddressFlags); 5] = [
    (0x01, AddressFlags::SECONDARY),
    (0x01, AddressFlags::TEMPORARY),
    (0x20, AddressFlags::DEPRECATED),
    (0x40, AddressFlags::TENTATIVE),
    (0x80, AddressFlags::PERMANENT),
];

/// `struct ifinfomsg`: the type is that of the hardware, Ethernet or a loopback.
pub(super) fn link_header(link: &Link) -> Vec<u8> {
    let flags = LINK_FLAGS.iter().filter(|(_, flag)| link.flags.contains(*flag)).fold(link.os_flags, |bits, (bit, _)| bits | bit);
    let hardware: u16 = if link.flags.contains(LinkFlags::LOOPBACK) { 772 } else { 1 };
    let mut header = vec![0, 0];
    header.extend(hardware.to_ne_bytes());
    header.extend([link.index.get(), flags, 0].map(u32::to_ne_bytes).concat());
    header
}

pub(super) fn link(writer: &mut Writer, link: &Link) {
    writer.text(IFLA_IFNAME, &link.name);
    writer.u32(IFLA_MTU, link.mtu);
    writer.u32(IFLA_GROUP, link.group);
    for (kind, index) in [(IFLA_LINK, link.parent), (IFLA_MASTER, link.master)] {
        if let Some(index) = index {
            writer.u32(kind, index.get());
        }
    }
    if !link.link_address.is_empty() {
        writer.put(IFLA_ADDRESS, &link.link_address);
    }
}

fn address_flags(address: &Address) -> u32 {
    let has = |flag: &AddressFlags| address.flags.contains(*flag);
    ADDRESS_FLAGS.iter().filter(|(_, flag)| has(flag)).fold(address.os_flags, |bits, (bit, _)| bits | bit)
}

/// `struct ifaddrmsg`.
pub(super) fn address_header(address: &Address) -> Vec<u8> {
    let [flags, ..] = address_flags(address).to_le_bytes();
    let mut header = vec![family(Family::of(&address.local)), address.prefix_length, flags, address.scope.0];
    header.extend(address.interface.get().to_ne_bytes());
    header
}

pub(super) fn address(writer: &mut Writer, address: &Address) {
    let is_v6 = address.local.is_ipv6();
    match address.peer {
        Some(peer) => {
            writer.address(IFA_LOCAL, address.local);
            writer.address(IFA_ADDRESS, peer);
        }
        None if is_v6 => writer.address(IFA_ADDRESS, address.local),
        None => {
            writer.address(IFA_ADDRESS, address.local);
            writer.address(IFA_LOCAL, address.local);
        }
    }
    if let Some(broadcast) = address.broadcast {
        writer.address(IFA_BROADCAST, broadcast);
    }
    if !address.label.is_empty() {
        writer.text(IFA_LABEL, &address.label);
    }
    writer.u32(IFA_FLAGS, address_flags(address));
    if address.metric != 0 {
        writer.u32(IFA_RT_PRIORITY, address.metric);
    }
    // `struct ifa_cacheinfo`: what is left of being preferred and of being valid, in seconds, and two times of no matter.
    let seconds = |life: Option<Duration>| life.map_or(u32::MAX, |life| u32::try_from(life.as_secs()).unwrap_or(u32::MAX));
    let life = [seconds(address.preferred), seconds(address.valid), 0, 0];
    writer.put(IFA_CACHEINFO, &life.map(u32::to_ne_bytes).concat());
}

/// `struct fib_rule_hdr`: FR_ACT_TO_TBL and its like, FIB_RULE_INVERT.
pub(super) fn rule_header(rule: &Rule) -> Vec<u8> {
    let (action, table) = match rule.action {
        RuleAction::Lookup(table) => (1, u8::try_from(table.0).unwrap_or(252)),
        RuleAction::Goto(_) => (2, 0),
        RuleAction::Nop => (3, 0),
        RuleAction::Blackhole => (6, 0),
        RuleAction::Unreachable => (7, 0),
        RuleAction::Prohibit => (8, 0),
        RuleAction::Other(number) => (number, 0),
        _ => (0, 0),
    };
    let length = |prefix: Option<Prefix>| prefix.map_or(0, Prefix::length);
    let mut header = vec![family(rule.family), length(rule.to), length(rule.from), rule.tos, table, 0, 0, action];
    header.extend((rule.os_flags | if rule.invert { 2 } else { 0 }).to_ne_bytes());
    header
}

pub(super) fn rule(writer: &mut Writer, rule: &Rule) {
    writer.u32(FRA_TABLE, if let RuleAction::Lookup(table) = rule.action { table.0 } else { 0 });
    writer.u32(FRA_SUPPRESS_PREFIXLEN, rule.suppress_prefix_length.unwrap_or(u32::MAX));
    writer.put(FRA_PROTOCOL, &[rule.protocol.0]);
    if let RuleAction::Goto(target) = rule.action {
        writer.u32(FRA_GOTO, target);
    }
    for (kind, name) in [(FRA_IIFNAME, &rule.input), (FRA_OIFNAME, &rule.output)] {
        if let Some(name) = name {
            writer.text(kind, name);
        }
    }
    if rule.priority != 0 {
        writer.u32(FRA_PRIORITY, rule.priority);
    }
    if let Some(mark) = rule.mark {
        writer.u32(FRA_FWMARK, mark.value);
        writer.u32(FRA_FWMASK, mark.mask);
    }
    for (kind, prefix) in [(FRA_DST, rule.to), (FRA_SRC, rule.from)] {
        if let Some(prefix) = prefix.filter(|prefix| prefix.length() > 0) {
            writer.address(kind, prefix.network());
        }
    }
}

/// `struct nhmsg`.
pub(super) fn next_hop_header(object: &NextHopObject) -> Vec<u8> {
    let flags = if let NextHopObjectKind::Single(hop) = &object.kind { (hop.flags.bits() | hop.os_flags) & 0xff } else { 0 };
    let mut header = vec![object.family.map_or(0, family), object.scope.0, object.protocol.0, 0];
    header.extend(flags.to_ne_bytes());
    header
}

pub(super) fn next_hop(writer: &mut Writer, object: &NextHopObject) {
    writer.u32(NHA_ID, object.id.get());
    match &object.kind {
        NextHopObjectKind::Single(hop) => {
            if let Some(index) = hop.interface {
                writer.u32(NHA_OIF, index.get());
            }
            if let Some(gateway) = hop.gateway {
                writer.address(NHA_GATEWAY, gateway);
            }
        }
        NextHopObjectKind::Group { members, .. } => {
            writer.put(NHA_GROUP_TYPE, &0u16.to_ne_bytes());
            writer.nest(NHA_GROUP, |writer| {
                for member in members {
                    // `struct nexthop_grp`: the weight less one, its upper half behind the lower.
                    let [low, high] = (member.weight.get() - 1).to_le_bytes();
                    writer.raw(&member.id.get().to_ne_bytes());
                    writer.raw(&[low, high, 0, 0]);
                }
            });
        }
        _ => writer.put(NHA_BLACKHOLE, &[]),
    }
}
