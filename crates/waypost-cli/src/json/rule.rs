//! Rules: the fields of `ip -json -details rule`.

use serde::Serialize;
use waypost::{Family, Masked, Names, NumberPrinted, PortRange, Prefix, Rule, RuleAction, TableId};

use super::{AttributeJson, Mark, Text, is_zero, mark};

/// A rule; the family is ours, iproute2 lists but one.
#[derive(Serialize)]
pub(crate) struct RuleJson<'a> {
    family: Text<Family>,
    priority: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    not: Mark,
    src: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    srclen: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dst: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dstlen: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tos: Option<Text<NumberPrinted<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fwmark: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fwmask: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iif: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iif_detached: Mark,
    #[serde(skip_serializing_if = "Option::is_none")]
    oif: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    oif_detached: Mark,
    #[serde(skip_serializing_if = "Option::is_none")]
    l3mdev: Mark,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid_start: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid_end: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ipproto: Option<String>,
    #[serde(flatten)]
    ports: std::collections::BTreeMap<&'static str, u16>,
    #[serde(skip_serializing_if = "is_zero")]
    tun_id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    dscp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flowlabel: Option<String>,
    #[serde(flatten)]
    action: ActionJson<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unresolved: Mark,
    #[serde(skip_serializing_if = "Option::is_none")]
    suppress_prefixlen: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suppress_ifgroup: Option<Text<NumberPrinted<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flow_from: Option<Text<NumberPrinted<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flow_to: Option<Text<NumberPrinted<'a>>>,
    #[serde(skip_serializing_if = "is_zero")]
    os_flags: u32,
    protocol: Text<NumberPrinted<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attributes: Vec<AttributeJson>,
}

/// What a rule does; one of these is there.
#[derive(Serialize, Default)]
struct ActionJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<Text<NumberPrinted<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    goto: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nop: Mark,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<String>,
}

impl<'a> ActionJson<'a> {
    fn new(action: RuleAction, names: Names<'a>) -> Self {
        let mut json = Self::default();
        match action {
            RuleAction::Lookup(TableId::UNSPECIFIED) => {}
            RuleAction::Lookup(table) => json.table = Some(Text(names.table(table))),
            RuleAction::Goto(priority) => json.goto = Some(priority),
            RuleAction::Nop => json.nop = mark(true),
            RuleAction::Blackhole => json.action = Some("blackhole".to_owned()),
            RuleAction::Unreachable => json.action = Some("unreachable".to_owned()),
            RuleAction::Prohibit => json.action = Some("prohibit".to_owned()),
            other => json.action = Some(format!("{other:?}")),
        }
        json
    }
}

impl<'a> RuleJson<'a> {
    pub(crate) fn new(rule: &'a Rule, names: Names<'a>) -> Self {
        let length = |prefix: Option<Prefix>| prefix.filter(|prefix| !prefix.is_host()).map(|prefix| prefix.length());
        let address = |prefix: Prefix| prefix.network().to_string();
        let mut ports = std::collections::BTreeMap::new();
        ports.extend(port_fields(rule.source_ports, ["sport", "sport_start", "sport_end", "sport_mask"]));
        ports.extend(port_fields(rule.destination_ports, ["dport", "dport_start", "dport_end", "dport_mask"]));
        Self {
            family: Text(rule.family),
            priority: rule.priority,
            not: mark(rule.invert),
            src: rule.from.map_or_else(|| "all".to_owned(), address),
            srclen: length(rule.from),
            dst: rule.to.map(address),
            dstlen: length(rule.to),
            tos: (rule.tos != 0).then(|| Text(names.type_of_service(rule.tos))),
            fwmark: rule.mark.map(|mark| c_hex(mark.value)),
            fwmask: rule.mark.filter(|mark| mark.mask != u32::MAX).map(|mark| c_hex(mark.mask)),
            iif: rule.input.as_deref(),
            iif_detached: mark(rule.is_input_detached()),
            oif: rule.output.as_deref(),
            oif_detached: mark(rule.is_output_detached()),
            l3mdev: mark(rule.l3mdev),
            uid_start: rule.uids.map(|uids| uids.first),
            uid_end: rule.uids.map(|uids| uids.last),
            ipproto: rule.ip_protocol.map(ip_protocol),
            ports,
            tun_id: rule.tunnel_id,
            dscp: rule.dscp.map(|dscp| match dscp {
                Masked { value, mask: Rule::DSCP_BITS } => value.to_string(),
                Masked { value, mask } => format!("{}/{}", c_hex(value.into()), c_hex(mask.into())),
            }),
            flowlabel: rule.flow_label.map(|label| match label {
                Masked { value, mask: Rule::FLOW_LABEL_BITS } => c_hex(value),
                Masked { value, mask } => format!("{}/{}", c_hex(value), c_hex(mask)),
            }),
            action: ActionJson::new(rule.action, names),
            unresolved: mark(rule.is_unresolved()),
            suppress_prefixlen: rule.suppress_prefix_length,
            suppress_ifgroup: rule.suppress_group.map(|group| Text(names.group(group))),
            flow_from: Some(rule.realms >> 16).filter(|from| *from != 0).map(|from| Text(names.realm(from))),
            flow_to: (rule.realms != 0).then(|| Text(names.realm(rule.realms & 0xffff))),
            os_flags: rule.unnamed_flags(),
            protocol: Text(names.protocol(rule.protocol)),
            attributes: AttributeJson::all(&rule.unnamed),
        }
    }
}

/// The fields of one port, of a range, or of a port under a mask.
fn port_fields(ports: Option<PortRange>, [one, first, last, mask]: [&'static str; 4]) -> Vec<(&'static str, u16)> {
    match ports {
        None => Vec::new(),
        Some(ports) if ports.first != ports.last => vec![(first, ports.first), (last, ports.last)],
        Some(ports) if ports.mask != u16::MAX => vec![(one, ports.first), (mask, ports.mask)],
        Some(ports) => vec![(one, ports.first)],
    }
}

/// A number as C's `%#x` writes it: hexadecimal, but a bare 0.
fn c_hex(number: u32) -> String {
    if number == 0 { "0".to_owned() } else { format!("{number:#x}") }
}

/// The name of an IP protocol, as the rule's own text has it.
fn ip_protocol(number: u8) -> String {
    match number {
        1 => "icmp".to_owned(),
        2 => "igmp".to_owned(),
        6 => "tcp".to_owned(),
        17 => "udp".to_owned(),
        47 => "gre".to_owned(),
        50 => "esp".to_owned(),
        51 => "ah".to_owned(),
        58 => "ipv6-icmp".to_owned(),
        132 => "sctp".to_owned(),
        _ => format!("ipproto-{number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn json(text: &str) -> serde_json::Value {
        serde_json::to_value(RuleJson::new(&text.parse::<Rule>().unwrap(), Names::none())).unwrap()
    }

    #[test]
    fn the_fields_are_those_of_iproute2() {
        assert_eq!(
            json("100: not from 10.0.0.0/8 to 10.9.0.1 fwmark 0x1/0xff iif eth0 ipproto tcp dport 443 lookup 7 proto static"),
            json!({
                "family": "inet", "priority": 100, "not": null, "src": "10.0.0.0", "srclen": 8, "dst": "10.9.0.1",
                "fwmark": "0x1", "fwmask": "0xff", "iif": "eth0", "ipproto": "tcp", "dport": 443, "table": "7",
                "protocol": "static",
            })
        );
        assert_eq!(
            json("5: from all uidrange 0-99 sport 1-9 goto 32766"),
            json!({
                "family": "inet", "priority": 5, "src": "all", "uid_start": 0, "uid_end": 99, "sport_start": 1, "sport_end": 9,
                "goto": 32766, "protocol": "unspec",
            })
        );
        assert_eq!(json("5: from all blackhole")["action"], "blackhole");
    }
}
