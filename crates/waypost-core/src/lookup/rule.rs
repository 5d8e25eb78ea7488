//! Whether a rule matches: `fib_rule_match` in `net/core/fib_rules.c`, `fib4_rule_match` in `net/ipv4/fib_rules.c` and
//! `fib6_rule_match` in `net/ipv6/fib6_rules.c` (Linux 6.18).

use std::fmt;
use std::net::IpAddr;

use super::{Asked, World};
use crate::tables::TableRef;
use crate::{Family, IfIndex, PortRange, Prefix, Rule, RuleAction};

/// What a rule asks of packets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Selector {
    /// Where they go.
    To,
    /// Where they come from.
    From,
    /// The interface that they came in by.
    Input,
    /// The interface that the socket is bound to.
    Output,
    /// The mark.
    Mark,
    /// The type of service.
    Tos,
    /// The differentiated services code point.
    Dscp,
    /// The IPv6 flow label.
    FlowLabel,
    /// The IP protocol.
    IpProtocol,
    /// The source port.
    SourcePort,
    /// The destination port.
    DestinationPort,
    /// The user who sends.
    Uid,
    /// The tunnel that they came through.
    Tunnel,
    /// The layer-3 master device (VRF) that they belong to.
    Master,
    /// One that is not known here.
    Unknown,
}

impl Selector {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 15] = [
        Self::To,
        Self::From,
        Self::Input,
        Self::Output,
        Self::Mark,
        Self::Tos,
        Self::Dscp,
        Self::FlowLabel,
        Self::IpProtocol,
        Self::SourcePort,
        Self::DestinationPort,
        Self::Uid,
        Self::Tunnel,
        Self::Master,
        Self::Unknown,
    ];

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl fmt::Display for Selector {
    /// The word that `ip rule` has for it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::To => "to",
            Self::From => "from",
            Self::Input => "iif",
            Self::Output => "oif",
            Self::Mark => "fwmark",
            Self::Tos => "tos",
            Self::Dscp => "dscp",
            Self::FlowLabel => "flowlabel",
            Self::IpProtocol => "ipproto",
            Self::SourcePort => "sport",
            Self::DestinationPort => "dport",
            Self::Uid => "uidrange",
            Self::Tunnel => "tun_id",
            Self::Master => "l3mdev",
            Self::Unknown => "an unknown selector",
        })
    }
}

/// Whether a rule matches a flow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Match {
    Yes,
    /// The selector that says no; `None` where the rule is for what its selectors do not match, and all match.
    No(Option<Selector>),
    /// It cannot be told, and why.
    Unknown(&'static str),
}

/// What one selector says: an error where it cannot be told.
type Answer = Result<bool, &'static str>;

/// The flag of IPv6 rules that match the source that would be chosen: `FIB_RULE_FIND_SADDR` in `linux/fib_rules.h` (6.18).
pub(super) const FLAG_FIND_SOURCE: u32 = 0x10000;

/// A rule with all looked up that does not depend on the flow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ready<'a> {
    pub(super) rule: &'a Rule,
    /// The selectors that it has, by [`Selector::bit`].
    asks: u16,
    /// The interfaces of its names, where they exist.
    pub(super) input: Option<IfIndex>,
    pub(super) output: Option<IfIndex>,
    /// The table that it names, where that has routes.
    pub(super) table: Option<TableRef<'a>>,
}

impl<'a> Ready<'a> {
    pub(super) fn of(rule: &'a Rule, world: &World<'a>) -> Self {
        let index = |name: &Option<String>| name.as_deref().and_then(|name| world.names.exactly(name));
        let table = match rule.action {
            RuleAction::Lookup(table) => world.tables.table(table),
            _ => None,
        };
        Self { rule, asks: asks(rule), input: index(&rule.input), output: index(&rule.output), table }
    }

    /// The selectors that it has, in order.
    pub(super) fn selectors(&self) -> impl Iterator<Item = Selector> + use<> {
        let asks = self.asks;
        Selector::ALL.into_iter().filter(move |selector| asks & selector.bit() != 0)
    }

    #[inline]
    pub(super) fn matches(&self, asked: &Asked, world: &World<'_>) -> Match {
        let no = match self.asks {
            0 => None,
            asks => match self.first_no(asks, asked, world) {
                Ok(no) => no,
                Err(why) => return Match::Unknown(why),
            },
        };
        match (no, self.rule.invert) {
            (None, false) | (Some(_), true) => Match::Yes,
            (no, _) => Match::No(no),
        }
    }

    /// The first selector that says no. That decides, whatever cannot be told of the others.
    fn first_no(&self, mut asks: u16, asked: &Asked, world: &World<'_>) -> Result<Option<Selector>, &'static str> {
        let mut unknown = None;
        while let Some(selector) = Selector::ALL.get(asks.trailing_zeros() as usize) {
            asks &= asks - 1;
            match self.holds(*selector, asked, world) {
                Ok(true) => {}
                Ok(false) => return Ok(Some(*selector)),
                Err(why) => unknown = unknown.or(Some(why)),
            }
        }
        unknown.map_or(Ok(None), Err)
    }

    fn holds(&self, selector: Selector, asked: &Asked, world: &World<'_>) -> Answer {
        let (rule, flow) = (self.rule, &asked.flow);
        Ok(match selector {
            Selector::To => rule.to.is_none_or(|prefix| prefix.contains(flow.destination)),
            Selector::From => return from(rule, flow.source),
            Selector::Input => self.input.is_some() && self.input == asked.came_by,
            Selector::Output => self.output.is_some() && self.output == flow.output,
            Selector::Mark => rule.mark.is_none_or(|mark| (flow.mark ^ mark.value) & mark.mask == 0),
            Selector::Tos => rule.tos == flow.tos & tos_mask(rule.family),
            Selector::Dscp => rule.dscp.is_none_or(|dscp| ((flow.tos >> 2) ^ dscp.value) & dscp.mask == 0),
            // Packets without a label have label 0.
            Selector::FlowLabel => {
                rule.flow_label.is_none_or(|label| (flow.flow_label.unwrap_or(0) ^ label.value) & label.mask == 0)
            }
            Selector::IpProtocol => rule.ip_protocol == flow.ip_protocol,
            Selector::SourcePort => rule.source_ports.is_none_or(|ports| in_range(ports, flow.source_port)),
            Selector::DestinationPort => rule.destination_ports.is_none_or(|ports| in_range(ports, flow.destination_port)),
            Selector::Uid => return uid(rule, flow.uid),
            // No tunnel is ever 0, and a flow names none.
            Selector::Tunnel => false,
            Selector::Master => return world.has_master(asked),
            Selector::Unknown => return Err("it has a selector that is not known here"),
        })
    }
}

/// The selectors that a rule has.
fn asks(rule: &Rule) -> u16 {
    let is_narrow = |prefix: Option<Prefix>| prefix.is_some_and(|prefix| !prefix.is_default());
    let has = [
        (Selector::To, is_narrow(rule.to)),
        (Selector::From, is_narrow(rule.from)),
        (Selector::Input, rule.input.is_some()),
        (Selector::Output, rule.output.is_some()),
        (Selector::Mark, rule.mark.is_some()),
        (Selector::Tos, rule.tos != 0),
        (Selector::Dscp, rule.dscp.is_some()),
        (Selector::FlowLabel, rule.flow_label.is_some()),
        (Selector::IpProtocol, rule.ip_protocol.is_some()),
        (Selector::SourcePort, rule.source_ports.is_some()),
        (Selector::DestinationPort, rule.destination_ports.is_some()),
        (Selector::Uid, rule.uids.is_some()),
        (Selector::Tunnel, rule.tunnel_id != 0),
        (Selector::Master, rule.l3mdev),
        (Selector::Unknown, rule.has_unknown_selector),
    ];
    has.iter().filter(|(_, has)| *has).fold(0, |asks, (selector, _)| asks | selector.bit())
}

/// The bits of a type of service that rules and IPv4 routes compare: on IPv4 its upper three are left out, as it has ever
/// been (`fib_dscp_masked_match` in `include/net/ip_fib.h`, Linux 6.18); the lowest two are for congestion.
pub(super) const fn tos_mask(family: Family) -> u8 {
    match family {
        Family::V4 => 0x1c,
        Family::V6 => 0xfc,
    }
}

/// On IPv4 no source is the source 0.0.0.0. On IPv6 it is in no prefix, and a rule can ask for the source that would be chosen.
fn from(rule: &Rule, source: Option<IpAddr>) -> Answer {
    let Some(prefix) = rule.from else { return Ok(true) };
    match (source, rule.family) {
        (Some(source), _) => Ok(prefix.contains(source)),
        (None, Family::V4) => Ok(prefix.contains(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED))),
        (None, Family::V6) if rule.os_flags & FLAG_FIND_SOURCE != 0 => Err("it goes by the source that the kernel will choose"),
        (None, Family::V6) => Ok(false),
    }
}

/// A flow that names no port has port 0, which is in no range: `fib_rule_port_match` in `include/net/fib_rules.h` (Linux 6.18).
fn in_range(ports: PortRange, port: Option<u16>) -> bool {
    let port = port.unwrap_or(0);
    match ports.mask {
        u16::MAX => (ports.first..=ports.last).contains(&port),
        mask => (port ^ ports.first) & mask == 0,
    }
}

fn uid(rule: &Rule, uid: Option<u32>) -> Answer {
    match (rule.uids, uid) {
        (None, _) => Ok(true),
        (Some(uids), Some(uid)) => Ok((uids.first..=uids.last).contains(&uid)),
        (Some(_), None) => Err("it asks who sends, which the flow does not say"),
    }
}
