//! Rules as `ip rule` prints them.

use std::fmt::{self, LowerHex};

use super::{FLAG_INPUT_DETACHED, FLAG_OUTPUT_DETACHED, FLAG_UNRESOLVED, Masked, PortRange, Rule, RuleAction};
use crate::route::display::{Destination, Hex};
use crate::{Named, Names, Protocol, TableId};

/// The IP protocols that are printed by name: `/etc/protocols`.
pub(super) const IP_PROTOCOLS: [(u8, &str); 12] = [
    (1, "icmp"),
    (2, "igmp"),
    (6, "tcp"),
    (17, "udp"),
    (33, "dccp"),
    (47, "gre"),
    (50, "esp"),
    (51, "ah"),
    (58, "ipv6-icmp"),
    (89, "ospf"),
    (132, "sctp"),
    (136, "udplite"),
];

impl Rule {
    /// This rule with tables and other numbers by name when printed; see [`Names`].
    #[must_use]
    pub fn with_names<'a>(&'a self, names: impl Into<Names<'a>>) -> Named<'a, Self> {
        Named::new(self, names)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_names(Names::none()).fmt(f)
    }
}

impl fmt::Display for Named<'_, Rule> {
    /// Writes the words of `ip rule` in the order of `print_rule` in iproute2's `ip/iprule.c` (6.1; for what is newer, 6.15).
    ///
    /// The alternate form, `{:#}`, has a tab behind the priority as `ip rule` does. The family is not written, as there.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { thing: rule, names } = *self;
        write!(f, "{}:{}", rule.priority, if f.alternate() { '\t' } else { ' ' })?;
        if rule.invert {
            f.write_str("not ")?;
        }
        match rule.from.filter(|from| !from.is_default()) {
            Some(from) => write!(f, "from {}", Destination(from))?,
            None => f.write_str("from all")?,
        }
        if let Some(to) = rule.to.filter(|to| !to.is_default()) {
            write!(f, " to {}", Destination(to))?;
        }
        rule.write_selectors(f, names)?;
        rule.write_newer_selectors(f)?;
        rule.write_action(f, names)?;
        let os_flags = rule.unnamed_flags() | rule.flags_not_in_words();
        if os_flags != 0 {
            write!(f, " flags {os_flags:#x}")?;
        }
        if rule.protocol != Protocol::UNSPECIFIED {
            write!(f, " proto {}", names.protocol(rule.protocol))?;
        }
        for attribute in rule.unnamed.as_slice() {
            write!(f, " attr {} {}", attribute.kind, Hex(&attribute.data))?;
        }
        Ok(())
    }
}

impl Rule {
    /// Says whether it names an interface by which packets come in, and there is none of that name (Linux).
    #[must_use]
    pub const fn is_input_detached(&self) -> bool {
        self.os_flags & FLAG_INPUT_DETACHED != 0
    }

    /// Says whether it names an interface by which packets go out, and there is none of that name (Linux).
    #[must_use]
    pub const fn is_output_detached(&self) -> bool {
        self.os_flags & FLAG_OUTPUT_DETACHED != 0
    }

    /// Says whether it goes on with a rule that is not there (Linux).
    #[must_use]
    pub const fn is_unresolved(&self) -> bool {
        self.os_flags & FLAG_UNRESOLVED != 0
    }

    /// The bits of `os_flags` that have no word.
    #[must_use]
    pub const fn unnamed_flags(&self) -> u32 {
        self.os_flags & !(FLAG_INPUT_DETACHED | FLAG_OUTPUT_DETACHED | FLAG_UNRESOLVED)
    }

    /// The flags that a word stands for, behind another word that is not there.
    fn flags_not_in_words(&self) -> u32 {
        let goes = matches!(self.action, RuleAction::Goto(_));
        [(FLAG_INPUT_DETACHED, self.input.is_some()), (FLAG_OUTPUT_DETACHED, self.output.is_some()), (FLAG_UNRESOLVED, goes)]
            .iter()
            .filter(|(_, has_word)| !has_word)
            .fold(0, |flags, (flag, _)| flags | self.os_flags & flag)
    }

    fn write_selectors(&self, f: &mut fmt::Formatter<'_>, names: Names<'_>) -> fmt::Result {
        if self.tos != 0 {
            write!(f, " tos {}", names.type_of_service(self.tos))?;
        }
        match self.mark {
            Some(Masked { value, mask: u32::MAX }) => write!(f, " fwmark {}", Number(value))?,
            Some(Masked { value, mask }) => write!(f, " fwmark {}/{}", Number(value), Number(mask))?,
            None => {}
        }
        for (word, name, detached) in [("iif", &self.input, FLAG_INPUT_DETACHED), ("oif", &self.output, FLAG_OUTPUT_DETACHED)] {
            let Some(name) = name else { continue };
            write!(f, " {word} {name}")?;
            if self.os_flags & detached != 0 {
                f.write_str(" [detached]")?;
            }
        }
        if self.l3mdev {
            f.write_str(" lookup [l3mdev-table]")?;
        }
        if let Some(uids) = self.uids {
            write!(f, " uidrange {}-{}", uids.first, uids.last)?;
        }
        if let Some(protocol) = self.ip_protocol {
            match IP_PROTOCOLS.iter().find(|(number, _)| *number == protocol) {
                Some((_, name)) => write!(f, " ipproto {name}")?,
                None => write!(f, " ipproto ipproto-{protocol}")?,
            }
        }
        for (word, ports) in [("sport", self.source_ports), ("dport", self.destination_ports)] {
            match ports {
                Some(PortRange { first, last, mask: u16::MAX }) if first == last => write!(f, " {word} {first}")?,
                Some(PortRange { first, last, mask }) if first == last => {
                    write!(f, " {word} {}/{}", Number(first), Number(mask))?
                }
                Some(PortRange { first, last, mask: u16::MAX }) => write!(f, " {word} {first}-{last}")?,
                Some(PortRange { first, last, mask }) => write!(f, " {word} {first}-{last}/{}", Number(mask))?,
                None => {}
            }
        }
        Ok(())
    }

    fn write_newer_selectors(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.tunnel_id != 0 {
            write!(f, " tun_id {}", self.tunnel_id)?;
        }
        match self.dscp {
            Some(Masked { value, mask: Self::DSCP_BITS }) => write!(f, " dscp {value}")?,
            Some(Masked { value, mask }) => write!(f, " dscp {}/{}", Number(value), Number(mask))?,
            None => {}
        }
        match self.flow_label {
            Some(Masked { value, mask: Self::FLOW_LABEL_BITS }) => write!(f, " flowlabel {}", Number(value)),
            Some(Masked { value, mask }) => write!(f, " flowlabel {}/{}", Number(value), Number(mask)),
            None => Ok(()),
        }
    }

    fn write_action(&self, f: &mut fmt::Formatter<'_>, names: Names<'_>) -> fmt::Result {
        match self.action {
            RuleAction::Lookup(TableId::UNSPECIFIED) if self.l3mdev => {}
            RuleAction::Lookup(table) => write!(f, " lookup {}", names.table(table))?,
            _ => {}
        }
        if let Some(length) = self.suppress_prefix_length {
            write!(f, " suppress_prefixlength {length}")?;
        }
        if let Some(group) = self.suppress_group {
            write!(f, " suppress_ifgroup {}", names.group(group))?;
        }
        match (self.realms >> 16, self.realms & 0xffff) {
            (0, 0) => {}
            (0, to) => write!(f, " realms {}", names.realm(to))?,
            (from, to) => write!(f, " realms {}/{}", names.realm(from), names.realm(to))?,
        }
        match self.action {
            RuleAction::Lookup(_) => Ok(()),
            RuleAction::Goto(priority) if self.is_unresolved() => write!(f, " goto {priority} [unresolved]"),
            RuleAction::Goto(priority) => write!(f, " goto {priority}"),
            RuleAction::Nop => f.write_str(" nop"),
            RuleAction::Blackhole => f.write_str(" blackhole"),
            RuleAction::Unreachable => f.write_str(" unreachable"),
            RuleAction::Prohibit => f.write_str(" prohibit"),
            RuleAction::Other(number) => write!(f, " type {number}"),
        }
    }
}

/// A number as C's `%#x` writes it: hexadecimal, but a bare 0.
struct Number<T>(T);

impl<T: LowerHex + PartialEq + Default> fmt::Display for Number<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == T::default() { f.write_str("0") } else { write!(f, "{:#x}", self.0) }
    }
}
