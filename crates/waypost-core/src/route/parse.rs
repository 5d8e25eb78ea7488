//! Routes as people write them: the words of `ip route`.

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::display::{ENCAPSULATIONS, preference_word};
use super::{Disposition, Encapsulation, Entry, Metric, NextHop, NextHopFlags, Preference, Route, RouteFlags, Weight};
use crate::words::{self, Said, Words};
use crate::{Family, IfIndex, Ipv6Prefix, Names, NextHopId, ParseError, Prefix, Scope, TableId};

impl FromStr for Route {
    type Err = ParseError;

    /// Reads a route whose interfaces go by number (`dev if2`); [`Route::parse`] takes names too.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text, Names::none())
    }
}

impl Route {
    /// Reads a route in the words of `ip route`, such as `default via 10.0.0.1 dev eth0 metric 100 proto static`.
    ///
    /// What [`Display`](std::fmt::Display) prints reads back as the same route, but for the fraction of a second that its
    /// life has left. Words after the destination come in any order. The family of `default` is that of its gateway, IPv6
    /// beside `pref`, or IPv4; `via inet6` says that the gateway is of another family than the destination. A route without an address of a router and without a scope
    /// gets the scope that `ip route add` would give it: link for IPv4, host for a local address.
    ///
    /// # Errors
    ///
    /// A [`ParseError`] names the first word that is wrong, and why.
    ///
    /// ```
    /// use waypost_core::{InterfaceNames, Route};
    ///
    /// let error = Route::parse("10.0.0.0/8 via 10.0.0.1 metrik 5", InterfaceNames::none()).unwrap_err();
    /// assert_eq!(error.to_string(), "\"metrik\" is no word of a route");
    /// ```
    pub fn parse<'a>(text: &str, names: impl Into<Names<'a>>) -> Result<Self, ParseError> {
        let words: Vec<&str> = text.split_whitespace().collect();
        Self::parse_words(&words, names, None)
    }

    /// Reads a route from words that are apart already, such as a command's arguments.
    ///
    /// `family` is that of a `default` which nothing else tells the family of.
    ///
    /// # Errors
    ///
    /// As [`Route::parse`].
    pub fn parse_words<'a>(words: &[&str], names: impl Into<Names<'a>>, family: Option<Family>) -> Result<Self, ParseError> {
        let mut reader = Reader::begin(Words::new(words, names.into()), family)?;
        while let Some(word) = reader.words.next() {
            reader.word(word)?;
        }
        reader.finish()
    }
}

/// The words that a route has once, those together that mean the same; the first two a way out has, too. The last of two would undo the other unseen.
const ONCE: [&[&str]; 11] = [
    &["via"],
    &["dev", "oif"],
    &["table"],
    &["metric", "preference"],
    &["priority"],
    &["tos", "dsfield"],
    &["proto", "protocol"],
    &["scope"],
    &["src"],
    &["nhid"],
    &["pref"],
];

/// What has been read of a route so far.
struct Reader<'a> {
    words: Words<'a>,
    said: Said,
    route: Route,
    /// The way out that stands outside any `nexthop`.
    hop: NextHop,
    has_hop: bool,
    hops: Vec<NextHop>,
    scope: Option<Scope>,
    /// The table was named, so a `local` route's default does not apply.
    table_named: bool,
    /// The destination was written as `default` and nothing has told its family yet.
    family_open: bool,
    /// A gateway of a family that was written before it is there, or `pref`.
    told: Option<Family>,
}

impl<'a> Reader<'a> {
    fn begin(mut words: Words<'a>, family: Option<Family>) -> Result<Self, ParseError> {
        let named = words.peek().and_then(disposition);
        if named.is_some() {
            words.next();
        }
        words.take("to");
        let word = words.value("the type of route").map_err(|_| ParseError::new("", "a route begins with its destination"))?;
        let destination = words::destination(word, family.unwrap_or(Family::V4))?;
        let family_open = destination.is_default() && family.is_none() && !word.contains('/');
        let mut route = Route::new(destination);
        route.entry.disposition = named.unwrap_or_default();
        Ok(Self {
            words,
            said: Said::default(),
            route,
            hop: NextHop::default(),
            has_hop: false,
            hops: Vec::new(),
            scope: None,
            table_named: false,
            family_open,
            told: None,
        })
    }

    fn word(&mut self, word: &str) -> Result<(), ParseError> {
        self.note_family(word);
        self.said.note(word, &ONCE)?;
        if self.slot_word(word)? || self.entry_word(word)? || self.metric_word(word)? {
            return Ok(());
        }
        if way_word(&mut self.words, word, &mut self.hop)? {
            self.has_hop = true;
            return Ok(());
        }
        if word == "nexthop" {
            let hop = self.next_hop()?;
            self.hops.push(hop);
            return Ok(());
        }
        Err(ParseError::new(word, "is no word of a route"))
    }

    /// What a word tells of the family of `default`. An address with `inet6` before it is the gateway of an IPv4 route.
    fn note_family(&mut self, word: &str) {
        let told = match word {
            "pref" => Family::V6,
            "via" if self.words.peek() == Some("inet6") => Family::V4,
            _ => return,
        };
        self.told.get_or_insert(told);
    }

    fn slot_word(&mut self, word: &str) -> Result<bool, ParseError> {
        let slot = &mut self.route.slot;
        match word {
            "table" => {
                slot.table = self.words.table(word)?;
                self.table_named = true;
            }
            "metric" | "preference" => slot.metric = self.words.number(word, u32::MAX)?,
            "priority" => slot.priority = self.words.read(word, "priority from 0 to 255")?,
            "tos" | "dsfield" => slot.tos = self.words.type_of_service(word)?,
            "from" => {
                let source =
                    if self.words.take("default") { None } else { Some(self.words.read::<Ipv6Prefix>(word, "IPv6 prefix")?) };
                slot.source = source.filter(|source| !source.is_default());
            }
            "ifscope" => slot.interface_scope = IfIndex::new(self.words.number(word, u32::MAX)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn entry_word(&mut self, word: &str) -> Result<bool, ParseError> {
        let entry = &mut self.route.entry;
        match word {
            "proto" | "protocol" => entry.protocol = self.words.protocol(word)?,
            "scope" => self.scope = Some(self.words.scope(word)?),
            "src" => entry.preferred_source = Some(self.words.address(word)?),
            "nhid" => entry.next_hop_object = NextHopId::new(self.words.number(word, u32::MAX)?),
            "pref" => entry.preference = preference(&mut self.words)?,
            "expires" => self.route.expires = Some(expiry(&mut self.words)?),
            "flags" => entry.os_flags = self.words.number(word, u32::MAX)?,
            "attr" => entry.unnamed.push(self.words.attribute()?),
            _ => match RouteFlags::WORDS.iter().find(|(_, name)| *name == word) {
                Some((flag, _)) => entry.flags.insert(*flag),
                None => return Ok(false),
            },
        }
        Ok(true)
    }

    fn metric_word(&mut self, word: &str) -> Result<bool, ParseError> {
        let metrics = &mut self.route.entry.metrics;
        if word == "congctl" {
            if self.words.take("lock") {
                metrics.lock_congestion();
            }
            metrics.set_congestion(self.words.value(word)?);
            return Ok(true);
        }
        let Some(metric) = Metric::from_word(word) else { return Ok(false) };
        if self.words.take("lock") {
            metrics.lock(metric);
        }
        let value = match metric {
            Metric::Rtt => milliseconds(self.words.value(word)?, 8.0)?,
            Metric::RttVar => milliseconds(self.words.value(word)?, 4.0)?,
            Metric::RtoMin => milliseconds(self.words.value(word)?, 1.0)?,
            Metric::Features if self.words.take("ecn") => 1,
            _ => self.words.number(word, u32::MAX)?,
        };
        metrics.set(metric, value);
        Ok(true)
    }

    fn next_hop(&mut self) -> Result<NextHop, ParseError> {
        let (mut hop, mut said) = (NextHop::default(), Said::default());
        let mut empty = true;
        while let Some(word) = self.words.peek() {
            if word == "nexthop" {
                break;
            }
            self.words.next();
            self.note_family(word);
            said.note(word, &[ONCE[0], ONCE[1], &["weight"]])?;
            if word == "weight" {
                let weight = self.words.number(word, u32::from(Weight::MAX.get()))?;
                let weight = u16::try_from(weight).ok().and_then(Weight::new);
                hop.weight = weight.ok_or_else(|| ParseError::new("0", "is no weight: they begin with 1"))?;
            } else if !way_word(&mut self.words, word, &mut hop)? {
                return Err(ParseError::new(word, "is no word of a next hop"));
            }
            empty = false;
        }
        if empty {
            return Err(ParseError::new("", "something must follow \"nexthop\""));
        }
        Ok(hop)
    }

    /// The family of `default`, by whatever stands beside it.
    fn family_of_default(&self) -> Family {
        let Route { slot, entry, .. } = &self.route;
        let gateway = self.hops.iter().find_map(|hop| hop.gateway);
        match (self.told, gateway.or(entry.preferred_source)) {
            (Some(Family::V4), _) => Family::V4,
            (_, Some(address)) => Family::of(&address),
            (Some(Family::V6), None) => Family::V6,
            (None, None) if slot.source.is_some() => Family::V6,
            (None, None) => Family::V4,
        }
    }

    fn finish(mut self) -> Result<Route, ParseError> {
        // `ip route` says of a route with several ways out that none of them has carrier; each says so itself.
        let state = NextHopFlags::DEAD | NextHopFlags::LINK_DOWN;
        if !self.hops.is_empty() && self.hop == (NextHop { flags: self.hop.flags & state, ..NextHop::default() }) {
            self.has_hop = false;
        }
        if self.has_hop && !self.hops.is_empty() {
            return Err(ParseError::new("nexthop", "cannot stand beside a gateway or interface outside it"));
        }
        if self.has_hop {
            self.hops.push(std::mem::take(&mut self.hop));
        }
        if self.family_open {
            self.route.slot.destination = Prefix::default_of(self.family_of_default());
        }
        let family = self.route.slot.destination.family();
        if family == Family::V4 && self.route.entry.preference != Preference::Medium {
            return Err(ParseError::new("pref", "is for IPv6 routes only"));
        }
        if family == Family::V4 && self.route.slot.source.is_some() {
            return Err(ParseError::new("from", "is for IPv6 routes only"));
        }
        let of_v4 = self.hops.iter().filter_map(|hop| hop.gateway).find(IpAddr::is_ipv4);
        if let (Some(gateway), Family::V6) = (of_v4, family) {
            return Err(ParseError::new(&gateway.to_string(), "cannot be the gateway of an IPv6 route"));
        }
        if !self.table_named {
            self.route.slot.table = usual_table(self.route.entry.disposition);
        }
        self.route.entry.scope = self.scope.unwrap_or_else(|| usual_scope(family, &self.route.entry, &self.hops));
        self.route.entry.next_hops = self.hops.into();
        Ok(self.route)
    }
}

/// The type of route that has this name, or this number and no name.
fn disposition(word: &str) -> Option<Disposition> {
    let named = Disposition::NAMED.iter().find(|(_, name)| *name == word).map(|(disposition, _)| *disposition);
    named.or_else(|| word.parse().ok().map(Disposition::Other))
}

/// The table that `ip route add` puts a route into which names none: `iproute_modify` in iproute2's `ip/iproute.c` (6.1).
pub(super) const fn usual_table(disposition: Disposition) -> TableId {
    match disposition {
        Disposition::Local | Disposition::Broadcast | Disposition::Anycast => TableId::LOCAL,
        _ => TableId::MAIN,
    }
}

/// The scope that `ip route add` gives a route whose scope nobody names: `iproute_modify` in iproute2's `ip/iproute.c` (6.1).
pub(super) fn usual_scope(family: Family, entry: &Entry, hops: &[NextHop]) -> Scope {
    if family == Family::V6 {
        return Scope::UNIVERSE;
    }
    match entry.disposition {
        Disposition::Local => Scope::HOST,
        Disposition::Broadcast | Disposition::Multicast | Disposition::Anycast => Scope::LINK,
        Disposition::Unicast if entry.next_hop_object.is_some() => Scope::UNIVERSE,
        Disposition::Unicast if hops.len() < 2 && hops.iter().all(|hop| hop.gateway.is_none()) => Scope::LINK,
        _ => Scope::UNIVERSE,
    }
}

/// Reads one word of a way out; says whether it was one.
pub(crate) fn way_word(words: &mut Words<'_>, word: &str, hop: &mut NextHop) -> Result<bool, ParseError> {
    match word {
        "via" => hop.gateway = Some(words.address(word)?),
        "dev" | "oif" => hop.interface = Some(words.names.interfaces().index(words.value(word)?)?),
        "zone" => hop.scope_id = words.number(word, u32::MAX)?,
        "hopflags" => hop.os_flags = words.number(word, u32::MAX)?,
        "realm" | "realms" => hop.realms = words.realms(word)?,
        "encap" => hop.encapsulation = Some(Arc::new(encapsulation(words)?)),
        _ => match NextHopFlags::WORDS.iter().find(|(_, name)| *name == word) {
            Some((flag, _)) => hop.flags.insert(*flag),
            None => return Ok(false),
        },
    }
    Ok(true)
}

fn encapsulation(words: &mut Words<'_>) -> Result<Encapsulation, ParseError> {
    let word = words.value("encap")?;
    let kind = match ENCAPSULATIONS.iter().find(|(_, name)| *name == word) {
        Some((kind, _)) => *kind,
        None => words::number(word, 0xffff)? as u16,
    };
    if words.peek().is_some_and(|word| !word.starts_with("0x")) {
        return Err(ParseError::new(word, "is read as its bytes alone, 0x and two digits each, as they are printed"));
    }
    Ok(Encapsulation::new(kind, words.bytes("encap")?))
}

fn preference(words: &mut Words<'_>) -> Result<Preference, ParseError> {
    let word = words.value("pref")?;
    [Preference::Low, Preference::Medium, Preference::High]
        .into_iter()
        .find(|preference| preference_word(*preference) == word || preference_number(*preference) == word)
        .ok_or_else(|| ParseError::new(word, "is none of low, medium, high"))
}

/// The bits of RFC 4191, section 2.1, as `ip route` takes them for the word.
const fn preference_number(preference: Preference) -> &'static str {
    match preference {
        Preference::Medium => "0",
        Preference::High => "1",
        Preference::Low => "3",
    }
}

fn expiry(words: &mut Words<'_>) -> Result<Duration, ParseError> {
    let word = words.value("expires")?;
    let seconds = word.strip_suffix("sec").unwrap_or(word);
    seconds.parse().map(Duration::from_secs).map_err(|_| ParseError::new(word, "is no number of seconds"))
}

/// Reads a time as `ip route` does: a bare number is in the kernel's units, of which a millisecond has `units`.
fn milliseconds(word: &str, units: f64) -> Result<u32, ParseError> {
    let scaled = |digits: &str, units: f64| {
        let value = (digits.parse::<f64>().ok()? * units).round();
        (0.0..=f64::from(u32::MAX)).contains(&value).then_some(value as u32)
    };
    let value = if let Some(digits) = word.strip_suffix("ms") {
        scaled(digits, units)
    } else if let Some(digits) = word.strip_suffix('s') {
        scaled(digits, units * 1000.0)
    } else {
        word.parse().ok()
    };
    value.ok_or_else(|| ParseError::new(word, "is no time such as 300ms or 0.3s"))
}

#[cfg(test)]
mod tests;
