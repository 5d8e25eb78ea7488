//! Rules into requests to add or delete them.

use netlink_packet_core::{DefaultNla, Emitable};
use netlink_packet_route::IpProtocol;
use netlink_packet_route::route::RouteProtocol;
use netlink_packet_route::route::RouteRealm;
use netlink_packet_route::rule::{
    RuleAction as Action, RuleAttribute, RuleFlags, RuleHeader, RuleMessage, RulePortRange, RuleUidRange,
};
use waypost_core::{Error, ErrorKind, PortRange, Prefix, Rule, RuleAction};

use super::{INVERT, SET_BY_THE_KERNEL};
use crate::wire::Encoder;
use crate::wire::constants::{
    FRA_DPORT_MASK, FRA_DSCP, FRA_DSCP_MASK, FRA_DST, FRA_FLOWLABEL, FRA_FLOWLABEL_MASK, FRA_SPORT_MASK, FRA_SRC, NLA_TYPE_MASK,
    NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST, RTM_DELRULE, RTM_NEWRULE,
};
use crate::wire::dump::number;

/// The most bytes that the name of an interface has: `IFNAMSIZ` of include/uapi/linux/if.h, without the zero byte.
const NAME: usize = 15;

/// What is to be done with a rule.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a rule is added or deleted; the kernel has no replace for rules")]
pub enum RuleChange {
    /// Add it; it must not be there yet.
    Add,
    /// Delete the first rule that has all that this one names, which may be another: [`deletes`](super::deletes) tells.
    Delete,
}

impl RuleChange {
    const fn operation(self) -> &'static str {
        match self {
            Self::Add => "add rule",
            Self::Delete => "delete rule",
        }
    }
}

/// Appends a request to add or delete a rule, which the kernel is to acknowledge.
///
/// # Errors
///
/// `Invalid` where the rule has the name of an interface that no interface can have, `Unsupported` where an attribute
/// without a name is longer than a message has room for. Then `out` is as it was.
///
/// ```
/// use waypost_core::Rule;
/// use waypost_netlink::wire::{Messages, rule};
///
/// let wanted: Rule = "100: from 10.0.0.0/8 lookup 7".parse()?;
/// let mut buffer = Vec::new();
/// rule::encode(&mut buffer, 1, rule::RuleChange::Add, &wanted)?;
/// let message = Messages::new(&buffer).next().unwrap()?;
/// assert_eq!(rule::decode(message.payload)?.unwrap().value, wanted);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn encode(out: &mut Vec<u8>, sequence: u32, change: RuleChange, rule: &Rule) -> Result<(), Error> {
    check(change, rule)?;
    let mut message = RuleMessage::default();
    message.header = header(rule);
    message.attributes = attributes(rule);
    let mut payload = vec![0; message.buffer_len()];
    message.emit(&mut payload);
    let (kind, flags) = match change {
        RuleChange::Add => (RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL),
        RuleChange::Delete => (RTM_DELRULE, 0),
    };
    let mut request = Encoder::begin(out, kind, NLM_F_REQUEST | NLM_F_ACK | flags, sequence);
    request.header(&payload);
    request.finish().map_err(|error| Error::new(ErrorKind::Unsupported, change.operation()).on(rule).because(error))
}

/// Refuses what would not go into attributes as it is.
fn check(change: RuleChange, rule: &Rule) -> Result<(), Error> {
    let fault = |kind, why: String| Err(Error::new(kind, change.operation()).on(rule).because(why));
    for name in [&rule.input, &rule.output].into_iter().flatten() {
        if name.is_empty() || name.len() > NAME || name.contains('\0') {
            return fault(ErrorKind::Invalid, format!("no interface can be called {name:?}"));
        }
    }
    // An attribute's length is two bytes and counts its header of four, and what follows stands at a multiple of four.
    match rule.unnamed.as_slice().iter().find(|attribute| attribute.data.len() > usize::from(u16::MAX) - 8) {
        Some(attribute) => fault(ErrorKind::Unsupported, format!("attribute {} is too long for a message", attribute.kind)),
        None => Ok(()),
    }
}

fn header(rule: &Rule) -> RuleHeader {
    let action = match rule.action {
        RuleAction::Lookup(_) => Action::ToTable,
        RuleAction::Goto(_) => Action::Goto,
        RuleAction::Nop => Action::Nop,
        RuleAction::Blackhole => Action::Blackhole,
        RuleAction::Unreachable => Action::Unreachable,
        RuleAction::Prohibit => Action::Prohibit,
        RuleAction::Other(number) => Action::from(number),
        // What the model may learn later has no number here: the kernel refuses an action that it does not know.
        _ => Action::Other(u8::MAX),
    };
    let flags = rule.os_flags & !(SET_BY_THE_KERNEL | INVERT) | if rule.invert { INVERT } else { 0 };
    RuleHeader {
        family: number(rule.family).into(),
        dst_len: rule.to.map_or(0, Prefix::length),
        src_len: rule.from.map_or(0, Prefix::length),
        tos: rule.tos,
        // The table goes into its attribute, which has room for all of them.
        table: 0,
        action,
        flags: RuleFlags::from_bits_retain(flags),
    }
}

fn attributes(rule: &Rule) -> Vec<RuleAttribute> {
    let mut all = vec![RuleAttribute::Priority(rule.priority), RuleAttribute::Protocol(RouteProtocol::from(rule.protocol.0))];
    match rule.action {
        RuleAction::Lookup(table) => all.push(RuleAttribute::Table(table.0)),
        RuleAction::Goto(priority) => all.push(RuleAttribute::Goto(priority)),
        _ => {}
    }
    // With its host bits, where the rule has kept them.
    let whole = |kind| rule.unnamed.as_slice().iter().any(|attribute| attribute.kind & NLA_TYPE_MASK == kind);
    let network = |prefix: Option<Prefix>| prefix.filter(|prefix| !prefix.is_default()).map(Prefix::network);
    all.extend(network(rule.from).filter(|_| !whole(FRA_SRC)).map(RuleAttribute::Source));
    all.extend(network(rule.to).filter(|_| !whole(FRA_DST)).map(RuleAttribute::Destination));
    selectors(rule, &mut all);
    newer_selectors(rule, &mut all);
    for attribute in rule.unnamed.as_slice() {
        all.push(raw(attribute.kind, &attribute.data));
    }
    all
}

fn selectors(rule: &Rule, all: &mut Vec<RuleAttribute>) {
    all.extend(rule.input.clone().map(RuleAttribute::Iifname));
    all.extend(rule.output.clone().map(RuleAttribute::Oifname));
    if let Some(mark) = rule.mark {
        all.extend([RuleAttribute::FwMark(mark.value), RuleAttribute::FwMask(mark.mask)]);
    }
    if rule.realms != 0 {
        let halves = RouteRealm { source: (rule.realms >> 16) as u16, destination: rule.realms as u16 };
        all.push(RuleAttribute::Realm(halves));
    }
    if rule.tunnel_id != 0 {
        all.push(RuleAttribute::TunId(rule.tunnel_id));
    }
    all.extend(rule.suppress_group.map(RuleAttribute::SuppressIfGroup));
    all.extend(rule.suppress_prefix_length.map(RuleAttribute::SuppressPrefixLen));
    if rule.l3mdev {
        all.push(RuleAttribute::L3MDev(true));
    }
    all.extend(rule.uids.map(|uids| RuleAttribute::UidRange(RuleUidRange { start: uids.first, end: uids.last })));
    all.extend(rule.ip_protocol.map(|protocol| RuleAttribute::IpProtocol(IpProtocol::from(protocol))));
    let range = |ports: PortRange| RulePortRange { start: ports.first, end: ports.last };
    all.extend(rule.source_ports.map(range).map(RuleAttribute::SourcePortRange));
    all.extend(rule.destination_ports.map(range).map(RuleAttribute::DestinationPortRange));
}

/// Appends what older kernels refuse; a mask of all bits, which is what they assume, is left out for their sake.
fn newer_selectors(rule: &Rule, all: &mut Vec<RuleAttribute>) {
    for (kind, ports) in [(FRA_SPORT_MASK, rule.source_ports), (FRA_DPORT_MASK, rule.destination_ports)] {
        let mask = ports.map(|ports| ports.mask).filter(|mask| *mask != u16::MAX);
        all.extend(mask.map(|mask| raw(kind, &mask.to_ne_bytes())));
    }
    if let Some(dscp) = rule.dscp {
        all.push(raw(FRA_DSCP, &[dscp.value]));
        if dscp.mask != Rule::DSCP_BITS {
            all.push(raw(FRA_DSCP_MASK, &[dscp.mask]));
        }
    }
    // The kernel asks for both: `fib6_nl2rule_flowlabel` in net/ipv6/fib6_rules.c (6.18).
    if let Some(label) = rule.flow_label {
        all.push(raw(FRA_FLOWLABEL, &label.value.to_be_bytes()));
        all.push(raw(FRA_FLOWLABEL_MASK, &label.mask.to_be_bytes()));
    }
}

fn raw(kind: u16, data: &[u8]) -> RuleAttribute {
    RuleAttribute::Other(DefaultNla::new(kind, data.to_vec()))
}
