//! Which rule the kernel takes when it is asked to delete one.

use waypost_core::{Masked, Rule, RuleAction, TableId};

use crate::wire::constants::{FRA_DST, FRA_SRC, NLA_TYPE_MASK};

/// Says whether the kernel may take `listed` where it is asked to delete `wanted`.
///
/// It takes the first rule of its list that has all that the request names. What `wanted` leaves open matches anything,
/// and neither the target of a goto nor whether a rule is inverted is compared: `rule_find` in net/core/fib_rules.c and
/// `fib4_rule_compare` in net/ipv4/fib_rules.c (Linux 6.18). Whoever must be exact lists the rules first, and refuses
/// to delete unless the first of which this is true is the one that is wanted.
///
/// ```
/// use waypost_core::Rule;
/// use waypost_netlink::wire::rule::deletes;
///
/// let wanted: Rule = "5: from all lookup 7".parse()?;
/// let listed: Rule = "5: not from 10.0.0.0/8 lookup 7 proto static".parse()?;
/// assert!(deletes(&wanted, &listed));
/// assert!(!deletes(&listed, &wanted));
/// # Ok::<(), waypost_core::ParseError>(())
/// ```
#[must_use]
pub fn deletes(wanted: &Rule, listed: &Rule) -> bool {
    wanted.family == listed.family
        && wanted.priority == listed.priority
        && same_action(wanted.action, listed.action)
        && same_addresses(wanted, listed)
        && same_packets(wanted, listed)
        && same_number(wanted.realms, listed.realms)
        && same_number(wanted.protocol.0, listed.protocol.0)
        && same_choice(wanted.suppress_prefix_length, listed.suppress_prefix_length)
        && same_choice(wanted.suppress_group, listed.suppress_group)
}

fn same_action(wanted: RuleAction, listed: RuleAction) -> bool {
    match (wanted, listed) {
        (RuleAction::Other(0), _) | (RuleAction::Goto(_), RuleAction::Goto(_)) => true,
        (RuleAction::Lookup(TableId::UNSPECIFIED), RuleAction::Lookup(_)) => true,
        (wanted, listed) => wanted == listed,
    }
}

/// Compares prefixes with their host bits, which the kernel compares too.
fn same_addresses(wanted: &Rule, listed: &Rule) -> bool {
    fn host_bits(rule: &Rule, kind: u16) -> Option<&[u8]> {
        let attribute = rule.unnamed.as_slice().iter().find(|attribute| attribute.kind & NLA_TYPE_MASK == kind);
        attribute.map(|attribute| attribute.data.as_slice())
    }
    [(FRA_SRC, wanted.from, listed.from), (FRA_DST, wanted.to, listed.to)]
        .into_iter()
        .all(|(kind, prefix, other)| prefix.is_none() || prefix == other && host_bits(wanted, kind) == host_bits(listed, kind))
}

fn same_packets(wanted: &Rule, listed: &Rule) -> bool {
    let Masked { value, mask } = wanted.mark.unwrap_or(Masked { value: 0, mask: 0 });
    let mark = listed.mark.unwrap_or(Masked { value: 0, mask: 0 });
    same_number(value, mark.value)
        && same_number(mask, mark.mask)
        && same_choice(wanted.input.as_ref(), listed.input.as_ref())
        && same_choice(wanted.output.as_ref(), listed.output.as_ref())
        && same_number(wanted.tos, listed.tos)
        // A mask of all bits is not sent, and so not compared.
        && wanted.dscp.is_none_or(|wanted| listed.dscp.is_some_and(|listed| wanted.value == listed.value))
        && same_choice(wanted.flow_label, listed.flow_label)
        && same_number(wanted.tunnel_id, listed.tunnel_id)
        && (!wanted.l3mdev || listed.l3mdev)
        && same_choice(wanted.uids, listed.uids)
        && same_number(wanted.ip_protocol.unwrap_or(0), listed.ip_protocol.unwrap_or(0))
        && same_choice(wanted.source_ports, listed.source_ports)
        && same_choice(wanted.destination_ports, listed.destination_ports)
}

/// Compares numbers of which zero matches anything.
fn same_number<T: PartialEq + Default>(wanted: T, listed: T) -> bool {
    wanted == T::default() || wanted == listed
}

fn same_choice<T: PartialEq>(wanted: Option<T>, listed: Option<T>) -> bool {
    wanted.is_none() || wanted == listed
}
