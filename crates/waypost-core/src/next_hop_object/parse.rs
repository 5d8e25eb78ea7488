//! Next-hop objects as people write them: the words of `ip nexthop`.

use std::str::FromStr;
use std::time::Duration;

use super::{GroupMember, NextHopObject, NextHopObjectKind, Resilience};
use crate::route::parse::way_word;
use crate::words::Words;
use crate::{Family, Names, NextHop, NextHopId, ParseError, Protocol, Scope, Unnamed, Weight};

impl FromStr for NextHopObject {
    type Err = ParseError;

    /// Reads an object whose interface goes by number (`dev if2`); [`NextHopObject::parse`] takes names too.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text, Names::none(), None)
    }
}

impl NextHopObject {
    /// Reads a next-hop object in the words of `ip nexthop`, such as `id 7 via 10.0.0.1 dev eth0 proto static`.
    ///
    /// What [`Display`](std::fmt::Display) prints reads back as the same object when `family` is given, which the
    /// words alone need not tell: without it, it is that of the gateway, or IPv4; a group has none.
    ///
    /// # Errors
    ///
    /// A [`ParseError`] names the first word that is wrong, and why.
    ///
    /// ```
    /// use waypost_core::{InterfaceNames, NextHopObject};
    ///
    /// let group = NextHopObject::parse("id 9 group 7/8,2", InterfaceNames::none(), None)?;
    /// assert_eq!(group.to_string(), "id 9 group 7/8,2");
    /// let error = NextHopObject::parse("id 9 group 7/", InterfaceNames::none(), None).unwrap_err();
    /// assert_eq!(error.to_string(), "\"7/\" is no group such as 7/8,2");
    /// # Ok::<(), waypost_core::ParseError>(())
    /// ```
    pub fn parse<'a>(text: &str, names: impl Into<Names<'a>>, family: Option<Family>) -> Result<Self, ParseError> {
        let words: Vec<&str> = text.split_whitespace().collect();
        Self::parse_words(&words, names, family)
    }

    /// Reads a next-hop object from words that are apart already, such as a command's arguments.
    ///
    /// # Errors
    ///
    /// As [`NextHopObject::parse`].
    pub fn parse_words<'a>(words: &[&str], names: impl Into<Names<'a>>, family: Option<Family>) -> Result<Self, ParseError> {
        let mut reader = Reader {
            words: Words::new(words, names.into()),
            id: None,
            hop: NextHop::default(),
            has_hop: false,
            blackhole: false,
            members: Vec::new(),
            resilience: None,
            protocol: Protocol::UNSPECIFIED,
            scope: Scope::UNIVERSE,
            fdb: false,
            unnamed: Unnamed::default(),
        };
        while let Some(word) = reader.words.next() {
            reader.word(word)?;
        }
        reader.finish(family)
    }
}

/// What has been read of an object so far.
struct Reader<'a> {
    words: Words<'a>,
    id: Option<NextHopId>,
    hop: NextHop,
    has_hop: bool,
    blackhole: bool,
    members: Vec<GroupMember>,
    resilience: Option<Resilience>,
    protocol: Protocol,
    scope: Scope,
    fdb: bool,
    unnamed: Unnamed,
}

impl Reader<'_> {
    fn word(&mut self, word: &str) -> Result<(), ParseError> {
        match word {
            "id" => {
                let id = NextHopId::new(self.words.number(word, u32::MAX)?);
                self.id = Some(id.ok_or_else(|| ParseError::new("0", "is no next-hop object"))?);
            }
            "blackhole" => self.blackhole = true,
            "group" => self.members = members(self.words.value(word)?)?,
            "type" => match self.words.value(word)? {
                "mpath" => self.resilience = None,
                "resilient" => self.resilience = Some(self.resilience()?),
                other => return Err(ParseError::new(other, "is none of mpath, resilient")),
            },
            "proto" | "protocol" => self.protocol = self.words.protocol(word)?,
            "scope" => self.scope = self.words.scope(word)?,
            "fdb" => self.fdb = true,
            "attr" => self.unnamed.push(self.words.attribute()?),
            _ if way_word(&mut self.words, word, &mut self.hop)? => self.has_hop = true,
            _ => return Err(ParseError::new(word, "is no word of a next-hop object")),
        }
        Ok(())
    }

    /// Reads the words behind `type resilient`.
    ///
    /// Timers that are not named have the kernel's own values: `rtm_to_nh_config_grp_res` in net/ipv4/nexthop.c (6.18).
    fn resilience(&mut self) -> Result<Resilience, ParseError> {
        let mut read = Resilience { idle_timer: Duration::from_secs(120), ..Resilience::default() };
        while let Some(word) = self.words.peek() {
            match word {
                "buckets" => {
                    self.words.next();
                    read.buckets = self.words.number(word, 0xffff)? as u16;
                }
                "idle_timer" => {
                    self.words.next();
                    read.idle_timer = seconds(self.words.value(word)?)?;
                }
                "unbalanced_timer" => {
                    self.words.next();
                    read.unbalanced_timer = seconds(self.words.value(word)?)?;
                }
                // How long the group has been out of balance, which `ip nexthop` prints, is no part of the object.
                "unbalanced_time" => {
                    self.words.next();
                    seconds(self.words.value(word)?)?;
                }
                _ => break,
            }
        }
        Ok(read)
    }

    fn finish(self, family: Option<Family>) -> Result<NextHopObject, ParseError> {
        let id = self.id.ok_or_else(|| ParseError::new("", "a next-hop object needs an id"))?;
        let is_group = !self.members.is_empty();
        if self.resilience.is_some() && !is_group {
            return Err(ParseError::new("resilient", "is for groups only"));
        }
        if is_group && (self.has_hop || self.blackhole) {
            return Err(ParseError::new("group", "cannot stand beside a way out of its own"));
        }
        if self.blackhole && self.has_hop {
            return Err(ParseError::new("blackhole", "cannot stand beside a gateway or interface"));
        }
        let told = self.hop.gateway.as_ref().map(Family::of);
        if let (Some(gateway), Some(told), Some(family)) = (self.hop.gateway, told, family) {
            if told != family {
                return Err(ParseError::new(&gateway.to_string(), format!("is not of the object's family, {family}")));
            }
        }
        let kind = match (is_group, self.blackhole) {
            (true, _) => NextHopObjectKind::Group { members: self.members, resilience: self.resilience },
            (false, true) => NextHopObjectKind::Blackhole,
            (false, false) if self.has_hop => NextHopObjectKind::Single(self.hop),
            (false, false) => return Err(ParseError::new("", "a next-hop object needs a way out, a group or \"blackhole\"")),
        };
        let family = (!is_group).then(|| told.or(family).unwrap_or(Family::V4));
        let Self { protocol, scope, fdb, unnamed, .. } = self;
        Ok(NextHopObject { id, family, kind, protocol, scope, fdb, unnamed })
    }
}

/// Reads `ID[,WEIGHT]/…`.
fn members(word: &str) -> Result<Vec<GroupMember>, ParseError> {
    let member = |text: &str| {
        let (id, weight) = text.split_once(',').unwrap_or((text, "1"));
        Some(GroupMember { id: NextHopId::new(id.parse().ok()?)?, weight: Weight::new(weight.parse().ok()?)? })
    };
    let members = word.split('/').map(member).collect::<Option<_>>();
    members.ok_or_else(|| ParseError::new(word, "is no group such as 7/8,2"))
}

/// Reads a number of seconds, with up to nine decimals.
fn seconds(word: &str) -> Result<Duration, ParseError> {
    let (whole, part) = word.split_once('.').unwrap_or((word, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    let time = (is_number(whole) && is_number(part) && part.len() <= 9)
        .then(|| Some(Duration::new(whole.parse().ok()?, format!("{part:0<9}").parse().ok()?)));
    time.flatten().ok_or_else(|| ParseError::new(word, "is no number of seconds"))
}

#[cfg(test)]
mod tests;
