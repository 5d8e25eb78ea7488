//! Rules as people write them: the words of `ip rule`.

use std::net::IpAddr;
use std::str::FromStr;

use super::display::IP_PROTOCOLS;
use super::{
    ATTRIBUTE_FROM, ATTRIBUTE_TO, FLAG_INPUT_DETACHED, FLAG_OUTPUT_DETACHED, FLAG_UNRESOLVED, Masked, PortRange, Rule,
    RuleAction, UidRange,
};
use crate::words::{self, Said, Words};
use crate::{Attribute, Family, Names, NumberKind, ParseError, Prefix, TableId};

impl FromStr for Rule {
    type Err = ParseError;

    /// Reads a rule whose family its prefixes tell, or else is IPv4; [`Rule::parse`] can be told.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text, None)
    }
}

impl Rule {
    /// The priority that the kernel gives a rule whose priority nobody names, where only the standing rules are there.
    pub const USUAL_PRIORITY: u32 = 32765;

    /// Reads a rule in the words of `ip rule`, such as `from 10.0.0.0/8 lookup 100 priority 50`.
    ///
    /// What [`Display`](std::fmt::Display) prints (`50: from 10.0.0.0/8 lookup 100`) reads back as the same rule when
    /// `family` is given, which the words alone need not tell: without it, it is that of `from` or `to`, or IPv4. A
    /// rule that names neither a table nor another action looks up the main table, and one without a priority gets
    /// [`Rule::USUAL_PRIORITY`].
    ///
    /// # Errors
    ///
    /// A [`ParseError`] names the first word that is wrong, and why.
    ///
    /// ```
    /// use waypost_core::{Family, Rule};
    ///
    /// let rule = Rule::parse("not fwmark 0x1/0xff lookup 100 pref 50", Some(Family::V6))?;
    /// assert_eq!(rule.to_string(), "50: not from all fwmark 0x1/0xff lookup 100");
    /// let error = Rule::parse("from 10.0.0.0/8 lokup 100", None).unwrap_err();
    /// assert_eq!(error.to_string(), "\"lokup\" is no word of a rule");
    /// # Ok::<(), waypost_core::ParseError>(())
    /// ```
    pub fn parse(text: &str, family: Option<Family>) -> Result<Self, ParseError> {
        let words: Vec<&str> = text.split_whitespace().collect();
        Self::parse_words(&words, Names::none(), family, Self::USUAL_PRIORITY)
    }

    /// Reads a rule from words that are apart already, such as a command's arguments.
    ///
    /// A rule that names no priority gets `unnamed_priority`: the kernel's own choice is the one before the second
    /// rule that it has, so that what comes later stands earlier.
    ///
    /// # Errors
    ///
    /// As [`Rule::parse`].
    pub fn parse_words<'a>(
        words: &[&str],
        names: impl Into<Names<'a>>,
        family: Option<Family>,
        unnamed_priority: u32,
    ) -> Result<Self, ParseError> {
        let mut reader = Reader {
            words: Words::new(words, names.into()),
            said: Said::default(),
            rule: Self::new(Family::V4, unnamed_priority, RuleAction::Lookup(TableId::UNSPECIFIED)),
            family,
            has_action: false,
        };
        if let Some(priority) = reader.words.peek().and_then(|word| word.strip_suffix(':')) {
            reader.words.next();
            reader.rule.priority = words::number(priority, u32::MAX)?;
            reader.said.note("priority", &ONCE)?;
        }
        while let Some(word) = reader.words.next() {
            reader.word(word)?;
        }
        reader.finish()
    }
}

/// The words that a rule has once, those together that mean the same: the last of two would undo the other unseen.
const ONCE: [&[&str]; 15] = [
    &["from"],
    &["to"],
    &["tos", "dsfield"],
    &["fwmark"],
    &["dscp"],
    &["flowlabel"],
    &["iif", "dev"],
    &["oif"],
    &["uidrange"],
    &["ipproto"],
    &["sport"],
    &["dport"],
    &["tun_id"],
    &["priority", "preference", "pref", "order"],
    &["proto", "protocol"],
];

/// What has been read of a rule so far.
struct Reader<'a> {
    words: Words<'a>,
    said: Said,
    rule: Rule,
    /// The family, once it is known.
    family: Option<Family>,
    has_action: bool,
}

impl Reader<'_> {
    fn word(&mut self, word: &str) -> Result<(), ParseError> {
        self.said.note(word, &ONCE)?;
        if self.address_word(word)? || self.packet_word(word)? || self.action_word(word)? || self.other_word(word)? {
            return Ok(());
        }
        Err(ParseError::new(word, "is no word of a rule"))
    }

    fn address_word(&mut self, word: &str) -> Result<bool, ParseError> {
        match word {
            "from" => self.rule.from = self.prefix(word)?,
            "to" => self.rule.to = self.prefix(word)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Reads a prefix; one that matches every address selects nothing.
    fn prefix(&mut self, keyword: &str) -> Result<Option<Prefix>, ParseError> {
        let word = self.words.value(keyword)?;
        if matches!(word, "all" | "any" | "default") {
            return Ok(None);
        }
        let prefix = Prefix::parse_short(word)?;
        let family = *self.family.get_or_insert(prefix.family());
        if prefix.family() != family {
            return Err(ParseError::new(word, format!("is not of the rule's family, {family}")));
        }
        Ok(Some(prefix).filter(|prefix| !prefix.is_default()))
    }

    fn packet_word(&mut self, word: &str) -> Result<bool, ParseError> {
        let Self { words, rule, .. } = self;
        match word {
            "tos" | "dsfield" => rule.tos = words.type_of_service(word)?,
            "fwmark" => rule.mark = Some(masked(words.masked(word, u32::MAX)?, u32::MAX)),
            "dscp" => {
                let (value, mask) = words.masked(word, u32::from(Rule::DSCP_BITS))?;
                let mask = mask.unwrap_or(u32::from(Rule::DSCP_BITS));
                rule.dscp = Some(Masked { value: value as u8, mask: mask as u8 });
            }
            "flowlabel" => rule.flow_label = Some(masked(words.masked(word, Rule::FLOW_LABEL_BITS)?, Rule::FLOW_LABEL_BITS)),
            "iif" | "dev" => {
                rule.input = Some(words.value(word)?.to_owned());
                rule.os_flags |= if words.take("[detached]") { FLAG_INPUT_DETACHED } else { 0 };
            }
            "oif" => {
                rule.output = Some(words.value(word)?.to_owned());
                rule.os_flags |= if words.take("[detached]") { FLAG_OUTPUT_DETACHED } else { 0 };
            }
            "l3mdev" => rule.l3mdev = true,
            "uidrange" => rule.uids = Some(uids(words.value(word)?)?),
            "ipproto" => rule.ip_protocol = Some(ip_protocol(words.value(word)?)?),
            "sport" => rule.source_ports = Some(ports(words.value(word)?)?),
            "dport" => rule.destination_ports = Some(ports(words.value(word)?)?),
            "tun_id" => rule.tunnel_id = words.read(word, "tunnel id")?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn action_word(&mut self, word: &str) -> Result<bool, ParseError> {
        let words = &mut self.words;
        let action = match word {
            "lookup" | "table" if words.take("[l3mdev-table]") => {
                self.rule.l3mdev = true;
                return Ok(true);
            }
            "lookup" | "table" => RuleAction::Lookup(words.table(word)?),
            "goto" => {
                let priority = words.number(word, u32::MAX)?;
                self.rule.os_flags |= if words.take("[unresolved]") { FLAG_UNRESOLVED } else { 0 };
                RuleAction::Goto(priority)
            }
            "type" => {
                let word = words.value(word)?;
                match action(word) {
                    Some(action) => action,
                    None => RuleAction::Other(words::number(word, 0xff)? as u8),
                }
            }
            _ => match action(word) {
                Some(action) => action,
                None => return Ok(false),
            },
        };
        if self.has_action {
            return Err(ParseError::new(word, "is a second thing to do"));
        }
        self.has_action = true;
        self.rule.action = action;
        Ok(true)
    }

    fn other_word(&mut self, word: &str) -> Result<bool, ParseError> {
        let Self { words, rule, .. } = self;
        match word {
            "not" => rule.invert = true,
            "priority" | "preference" | "pref" | "order" => rule.priority = words.number(word, u32::MAX)?,
            "suppress_prefixlength" | "sup_pl" => rule.suppress_prefix_length = Some(words.number(word, i32::MAX as u32)?),
            "suppress_ifgroup" | "sup_group" => {
                let group = words.value(word)?;
                rule.suppress_group = Some(words.names.read(NumberKind::Group, group, i32::MAX as u32, "group of links")?);
            }
            "realms" | "realm" => rule.realms = words.realms(word)?,
            "proto" | "protocol" => rule.protocol = words.protocol(word)?,
            "flags" => rule.os_flags |= words.number(word, u32::MAX)?,
            "attr" => rule.unnamed.push(words.attribute()?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn finish(mut self) -> Result<Rule, ParseError> {
        self.rule.family = self.family.unwrap_or(Family::V4);
        let is_known = |attribute: &Attribute| match attribute.kind {
            ATTRIBUTE_TO => is_inside(&attribute.data, self.rule.to),
            ATTRIBUTE_FROM => is_inside(&attribute.data, self.rule.from),
            _ => false,
        };
        self.rule.has_unknown_selector = !self.rule.unnamed.as_slice().iter().all(is_known);
        // The kernel refuses a table beside l3mdev: `fib_nl2rule` in net/core/fib_rules.c (6.18).
        if !self.has_action && !self.rule.l3mdev {
            self.rule.action = RuleAction::Lookup(TableId::MAIN);
        }
        Ok(self.rule)
    }
}

/// Says whether these bytes are an address of this prefix.
fn is_inside(bytes: &[u8], prefix: Option<Prefix>) -> bool {
    let address = match (<[u8; 4]>::try_from(bytes), <[u8; 16]>::try_from(bytes)) {
        (Ok(octets), _) => IpAddr::from(octets),
        (_, Ok(octets)) => IpAddr::from(octets),
        _ => return false,
    };
    prefix.is_some_and(|prefix| prefix.contains(address))
}

/// The action of this word, where the word alone tells it.
fn action(word: &str) -> Option<RuleAction> {
    match word {
        "nop" => Some(RuleAction::Nop),
        "blackhole" => Some(RuleAction::Blackhole),
        "unreachable" => Some(RuleAction::Unreachable),
        "prohibit" => Some(RuleAction::Prohibit),
        _ => None,
    }
}

fn masked((value, mask): (u32, Option<u32>), all: u32) -> Masked<u32> {
    Masked { value, mask: mask.unwrap_or(all) }
}

fn uids(word: &str) -> Result<UidRange, ParseError> {
    let range = word.split_once('-').and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    match range {
        Some((first, last)) if first <= last => Ok(UidRange { first, last }),
        _ => Err(ParseError::new(word, "is no range of user ids such as 0-99")),
    }
}

fn ip_protocol(word: &str) -> Result<u8, ParseError> {
    match IP_PROTOCOLS.iter().find(|(_, name)| *name == word) {
        Some((number, _)) => Ok(*number),
        None => word.strip_prefix("ipproto-").unwrap_or(word).parse().map_err(|_| ParseError::new(word, "is no IP protocol")),
    }
}

/// Reads `PORT`, `FIRST-LAST` or `PORT/MASK`.
fn ports(word: &str) -> Result<PortRange, ParseError> {
    let port = |word: &str| words::number(word, 0xffff).map(|port| port as u16);
    let (range, mask) = match word.split_once('/') {
        Some((range, mask)) => (range, port(mask)?),
        None => (word, u16::MAX),
    };
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let (first, last) = (port(first)?, port(last)?);
    if first > last {
        return Err(ParseError::new(word, "ends before it begins"));
    }
    Ok(PortRange { mask, ..PortRange::new(first, last) })
}

#[cfg(test)]
mod tests;
