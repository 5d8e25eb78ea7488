//! Whether a rule matches: `fib_rule_match` in `net/core/fib_rules.c`, `fib4_rule_match` in `net/ipv4/fib_rules.c` and
//! `fib6_rule_match` in `net/ipv6/fib6_rules.c` (Linux 6.18).

use crate::{Flow, IfIndex, InterfaceNames, PortRange, Prefix, Rule};

/// Whether a rule matches a flow.
pub(super) enum Match {
    Yes,
    No,
    /// It cannot be told, and why.
    Unknown(&'static str),
}

/// What one selector says: `None` where it cannot be told.
type Answer = Result<bool, &'static str>;

pub(super) fn matches(rule: &Rule, flow: &Flow, names: &InterfaceNames) -> Match {
    // A selector that says no decides, whatever the others would say.
    let answers = selectors(rule, flow, names);
    let mut unknown = None;
    let mut all = true;
    for answer in answers {
        match answer {
            Ok(yes) => all &= yes,
            Err(why) => unknown = unknown.or(Some(why)),
        }
    }
    match (all, unknown) {
        (false, _) if rule.invert => Match::Yes,
        (false, _) => Match::No,
        (true, Some(why)) => Match::Unknown(why),
        (true, None) if rule.invert => Match::No,
        (true, None) => Match::Yes,
    }
}

fn selectors(rule: &Rule, flow: &Flow, names: &InterfaceNames) -> [Answer; 14] {
    [
        Ok(rule.to.is_none_or(|prefix| prefix.contains(flow.destination))),
        Ok(from(rule.from, flow)),
        Ok(rule.input.as_deref().is_none_or(|name| is_input(name, flow, names))),
        Ok(rule.output.as_deref().is_none_or(|name| is_named(flow.output, name, names))),
        Ok(rule.mark.is_none_or(|mark| (flow.mark ^ mark.value) & mark.mask == 0)),
        Ok(rule.tos == 0 || rule.tos == flow.tos & 0xfc || rule.tos == flow.tos),
        Ok(rule.dscp.is_none_or(|dscp| ((flow.tos >> 2) ^ dscp.value) & dscp.mask == 0)),
        Ok(rule.ip_protocol.is_none_or(|protocol| flow.ip_protocol == Some(protocol))),
        Ok(rule.source_ports.is_none_or(|ports| in_range(ports, flow.source_port))),
        Ok(rule.destination_ports.is_none_or(|ports| in_range(ports, flow.destination_port))),
        uid(rule, flow),
        flow_label(rule),
        tunnel_and_master(rule),
        if rule.has_unknown_selector { Err("it has a selector that is not known here") } else { Ok(true) },
    ]
}

/// A flow without a source is matched by a rule for sources only where the kernel takes the empty address for one.
fn from(prefix: Option<Prefix>, flow: &Flow) -> bool {
    let Some(prefix) = prefix else { return true };
    match flow.source {
        Some(source) => prefix.contains(source),
        None => prefix.is_default(),
    }
}

/// Packets of the host itself count as having come in by the loopback, whose number is 1 in every namespace.
fn is_input(name: &str, flow: &Flow, names: &InterfaceNames) -> bool {
    is_named(flow.input.or(IfIndex::new(1)), name, names)
}

fn is_named(index: Option<IfIndex>, name: &str, names: &InterfaceNames) -> bool {
    index.is_some_and(|index| names.name(index) == Some(name))
}

/// A flow that names no port is in no range: `fib_rule_port_inrange` in `include/net/fib_rules.h` (Linux 6.18).
fn in_range(ports: PortRange, port: Option<u16>) -> bool {
    let Some(port) = port.filter(|port| *port != 0) else { return false };
    match ports.mask {
        u16::MAX => (ports.first..=ports.last).contains(&port),
        mask => (port ^ ports.first) & mask == 0,
    }
}

fn uid(rule: &Rule, flow: &Flow) -> Answer {
    match (rule.uids, flow.uid) {
        (None, _) => Ok(true),
        (Some(uids), Some(uid)) => Ok((uids.first..=uids.last).contains(&uid)),
        (Some(_), None) => Err("it asks who sends, which the flow does not say"),
    }
}

fn flow_label(rule: &Rule) -> Answer {
    match rule.flow_label {
        None => Ok(true),
        Some(label) if label.mask == 0 => Ok(true),
        Some(_) => Err("it asks for a flow label, which the flow does not say"),
    }
}

fn tunnel_and_master(rule: &Rule) -> Answer {
    match (rule.tunnel_id, rule.l3mdev) {
        (0, false) => Ok(true),
        (0, true) => Err("it goes by layer-3 master devices, which are not followed here"),
        _ => Ok(false),
    }
}
