//! Rule messages into rules.

use std::net::IpAddr;

use netlink_packet_core::{DefaultNla, Nla, NlaBuffer, NlasIterator, Parseable};
use netlink_packet_route::rule::{RuleAction as Action, RuleAttribute, RuleHeader, RulePortRange};
use waypost_core::{Attribute, Family, Masked, PortRange, Prefix, Protocol, Rule, RuleAction, TableId, UidRange};

use super::{HEADER, INVERT};
use crate::wire::constants::{
    FRA_DPORT_MASK, FRA_DSCP, FRA_DSCP_MASK, FRA_DST, FRA_FLOWLABEL, FRA_FLOWLABEL_MASK, FRA_PAD, FRA_SPORT_MASK, FRA_SRC,
};
use crate::wire::{DecodeError, Decoded, read, route};

/// The rule in the payload of an RTM_NEWRULE or RTM_DELRULE; `None` where it is of a family that is not Waypost's
/// (multicast forwarding).
///
/// A selector that is not known here, or that cannot be read, is kept in [`Rule::unnamed`] and sets
/// [`Rule::has_unknown_selector`]: to leave it out would make the rule match more packets than it does. Host bits of a
/// source or destination, which the kernel keeps and which match nothing, are kept there too, as the whole attribute.
///
/// # Errors
///
/// [`DecodeError`] where there is no header.
///
/// ```
/// use waypost_netlink::wire::rule::decode;
///
/// // from all, table 254, action 1: look up.
/// let mut payload = vec![2, 0, 0, 0, 254, 0, 0, 1, 0, 0, 0, 0];
/// payload.extend([8u16, 6].map(u16::to_ne_bytes).concat());
/// payload.extend(32766u32.to_ne_bytes());
/// let rule = decode(&payload)?.expect("IPv4 is ours").value;
/// assert_eq!(rule.to_string(), "32766: from all lookup main");
/// # Ok::<(), waypost_netlink::wire::DecodeError>(())
/// ```
pub fn decode(payload: &[u8]) -> Result<Option<Decoded<Rule>>, DecodeError> {
    let header = RuleHeader::parse(payload).map_err(|_| DecodeError::new(0, "fewer bytes than struct fib_rule_hdr has"))?;
    let Some(family) = route::family(u8::from(header.family)) else { return Ok(None) };
    let mut reader = Reader::new(Rule::new(family, 0, RuleAction::Nop), u32::from(header.table));
    reader.rule.tos = header.tos;
    reader.rule.invert = header.flags.bits() & INVERT != 0;
    reader.rule.os_flags = header.flags.bits() & !INVERT;
    for attribute in NlasIterator::new(payload.get(HEADER..).unwrap_or_default()) {
        match attribute {
            Ok(attribute) => reader.read(&attribute),
            Err(_) => reader.spoil(),
        }
    }
    reader.finish(&header).map(Some)
}

/// A rule of which some attributes have been read.
struct Reader {
    rule: Rule,
    table: u32,
    target: Option<u32>,
    source: Option<IpAddr>,
    destination: Option<IpAddr>,
    mark: Option<u32>,
    mark_mask: Option<u32>,
    dscp: Option<u8>,
    dscp_mask: Option<u8>,
    flow_label: Option<u32>,
    flow_label_mask: Option<u32>,
    source_port_mask: Option<u16>,
    destination_port_mask: Option<u16>,
    spoiled: u32,
}

impl Reader {
    fn new(rule: Rule, table: u32) -> Self {
        Self {
            rule,
            table,
            target: None,
            source: None,
            destination: None,
            mark: None,
            mark_mask: None,
            dscp: None,
            dscp_mask: None,
            flow_label: None,
            flow_label_mask: None,
            source_port_mask: None,
            destination_port_mask: None,
            spoiled: 0,
        }
    }

    fn read(&mut self, attribute: &NlaBuffer<&[u8]>) {
        if attribute.kind() == FRA_PAD {
            return;
        }
        let is_read = match self.read_newer(attribute.kind(), attribute.value()) {
            Some(is_read) => is_read,
            None => match RuleAttribute::parse(attribute) {
                Ok(read) => self.take(read),
                Err(_) => {
                    self.spoiled += 1;
                    false
                }
            },
        };
        if !is_read {
            self.keep(attribute);
            self.rule.has_unknown_selector = true;
        }
    }

    /// Reads what `netlink-packet-route` has no name for, if it is such an attribute; says whether it could be read.
    fn read_newer(&mut self, kind: u16, data: &[u8]) -> Option<bool> {
        fn put<T>(place: &mut Option<T>, value: Option<T>) -> bool {
            let is_read = value.is_some();
            *place = value;
            is_read
        }
        let is_read = match kind {
            FRA_DSCP => put(&mut self.dscp, read::u8(data)),
            FRA_DSCP_MASK => put(&mut self.dscp_mask, read::u8(data)),
            FRA_FLOWLABEL => put(&mut self.flow_label, read::be32(data)),
            FRA_FLOWLABEL_MASK => put(&mut self.flow_label_mask, read::be32(data)),
            FRA_SPORT_MASK => put(&mut self.source_port_mask, read::u16(data)),
            FRA_DPORT_MASK => put(&mut self.destination_port_mask, read::u16(data)),
            _ => return None,
        };
        self.spoiled += u32::from(!is_read);
        Some(is_read)
    }

    /// Takes an attribute; says whether it is known here.
    fn take(&mut self, attribute: RuleAttribute) -> bool {
        let rule = &mut self.rule;
        match attribute {
            RuleAttribute::Destination(ip) => self.destination = Some(ip),
            RuleAttribute::Source(ip) => self.source = Some(ip),
            RuleAttribute::Iifname(name) => rule.input = Some(name),
            RuleAttribute::Oifname(name) => rule.output = Some(name),
            RuleAttribute::Goto(priority) => self.target = Some(priority),
            RuleAttribute::Priority(priority) => rule.priority = priority,
            RuleAttribute::FwMark(mark) => self.mark = Some(mark),
            RuleAttribute::FwMask(mask) => self.mark_mask = Some(mask),
            RuleAttribute::Realm(realm) => rule.realms = u32::from(realm.source) << 16 | u32::from(realm.destination),
            RuleAttribute::TunId(id) => rule.tunnel_id = id,
            RuleAttribute::SuppressIfGroup(group) => rule.suppress_group = unless_all_ones(group),
            RuleAttribute::SuppressPrefixLen(length) => rule.suppress_prefix_length = unless_all_ones(length),
            RuleAttribute::Table(table) => self.table = table,
            RuleAttribute::L3MDev(is_set) => rule.l3mdev = is_set,
            RuleAttribute::UidRange(range) => rule.uids = Some(UidRange { first: range.start, last: range.end }),
            RuleAttribute::Protocol(protocol) => rule.protocol = Protocol(u8::from(protocol)),
            RuleAttribute::IpProtocol(protocol) => rule.ip_protocol = Some(u8::from(protocol)),
            RuleAttribute::SourcePortRange(range) => rule.source_ports = Some(ports(range)),
            RuleAttribute::DestinationPortRange(range) => rule.destination_ports = Some(ports(range)),
            _ => return false,
        }
        true
    }

    /// Keeps an attribute byte for byte.
    fn keep(&mut self, attribute: &NlaBuffer<&[u8]>) {
        // A copy never fails; it is the trait that says it may.
        if let Ok(copy) = DefaultNla::parse(attribute) {
            self.rule.unnamed.push(Attribute::new(copy.kind(), attribute.value().to_vec()));
        }
    }

    /// Notes that something about the rule cannot be known.
    fn spoil(&mut self) {
        self.spoiled += 1;
        self.rule.has_unknown_selector = true;
    }

    fn finish(mut self, header: &RuleHeader) -> Result<Decoded<Rule>, DecodeError> {
        self.rule.from = self.prefix(FRA_SRC, self.source, header.src_len);
        self.rule.to = self.prefix(FRA_DST, self.destination, header.dst_len);
        self.rule.action = self.action(header.action);
        let masked = |value: Option<u32>, mask: Option<u32>, all: u32| {
            (value.is_some() || mask.is_some()).then(|| Masked { value: value.unwrap_or(0), mask: mask.unwrap_or(all) })
        };
        self.rule.mark = masked(self.mark, self.mark_mask, u32::MAX);
        self.rule.flow_label = masked(self.flow_label, self.flow_label_mask, Rule::FLOW_LABEL_BITS);
        self.rule.dscp = self.dscp.map(|value| Masked { value, mask: self.dscp_mask.unwrap_or(Rule::DSCP_BITS) });
        for (ports, mask) in
            [(&mut self.rule.source_ports, self.source_port_mask), (&mut self.rule.destination_ports, self.destination_port_mask)]
        {
            if let (Some(ports), Some(mask)) = (ports, mask) {
                ports.mask = mask;
            }
        }
        Ok(Decoded { value: self.rule, spoiled: self.spoiled })
    }

    /// The prefix of this address and length, which attribute `kind` said.
    fn prefix(&mut self, kind: u16, address: Option<IpAddr>, length: u8) -> Option<Prefix> {
        if length == 0 {
            return None;
        }
        let address = address.filter(|address| Family::of(address) == self.rule.family);
        let prefix = address.and_then(|address| Some((address, Prefix::containing(address, length).ok()?)));
        let Some((address, prefix)) = prefix else {
            self.spoil();
            return None;
        };
        if address != prefix.network() {
            let bytes = match address {
                IpAddr::V4(address) => address.octets().to_vec(),
                IpAddr::V6(address) => address.octets().to_vec(),
            };
            self.rule.unnamed.push(Attribute::new(kind, bytes));
        }
        Some(prefix)
    }

    fn action(&mut self, action: Action) -> RuleAction {
        match action {
            Action::ToTable => RuleAction::Lookup(TableId(self.table)),
            Action::Goto => match self.target {
                Some(priority) => RuleAction::Goto(priority),
                None => {
                    self.spoil();
                    RuleAction::Other(u8::from(action))
                }
            },
            Action::Nop => RuleAction::Nop,
            Action::Blackhole => RuleAction::Blackhole,
            Action::Unreachable => RuleAction::Unreachable,
            Action::Prohibit => RuleAction::Prohibit,
            other => RuleAction::Other(u8::from(other)),
        }
    }
}

fn ports(range: RulePortRange) -> PortRange {
    PortRange::new(range.start, range.end)
}

/// The kernel writes -1 for a suppressor that is not set: `fib_nl_fill_rule` in net/core/fib_rules.c.
fn unless_all_ones(value: u32) -> Option<u32> {
    (value != u32::MAX).then_some(value)
}
