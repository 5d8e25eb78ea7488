//! A file in TOML.

use std::borrow::Cow;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeArray, DeInteger, DeTable, DeValue};
use waypost::Family;
use waypost::claim::{Claim, Owner};

use super::fault::{Fault, meant};
use super::lines::Kind;
use super::{Lines, Reader, Said, Whose, Wish};
use crate::batch::source::words;
use crate::claims::owner;

/// The keys of the whole. `docs/claims.md` says what each is; a test compares.
pub(super) const KEYS: [&str; 4] = ["owner", "routes", "rules", "service"];

/// The keys of `[[service]]`.
pub(super) const SERVICE: [&str; 4] = ["packets", "table", "priority", "routes"];

/// The keys of a route, and of a rule, that is told more of than its words.
pub(super) const ROUTE: [&str; 2] = ["route", "family"];
pub(super) const RULE: [&str; 2] = ["rule", "family"];

/// A value, and where it stands.
pub(super) type Value<'t> = Spanned<DeValue<'t>>;

/// A route or a rule in words.
pub(super) struct Entry<'v> {
    /// Where its words begin.
    pub(super) at: usize,
    pub(super) words: Vec<&'v str>,
    pub(super) family: Option<Family>,
}

/// What has been read of a document so far, by where it stands.
pub(super) struct Document<'r, 't> {
    pub(super) reader: &'r Reader<'r>,
    text: &'t str,
    owner: Option<Owner>,
    pub(super) claims: Vec<(usize, Claim)>,
    faults: Vec<(usize, String)>,
}

impl Reader<'_> {
    pub(super) fn document(&self, text: &str) -> (Said, Vec<Fault>) {
        let mut document = Document { reader: self, text, owner: None, claims: Vec::new(), faults: Vec::new() };
        let (table, errors) = DeTable::parse_recoverable(text);
        if errors.is_empty() {
            document.whole(table.get_ref());
        }
        for error in errors {
            let span = error.span().unwrap_or_default();
            document.fault(span.start, format!("{}: {}", document.quoted(span), error.message().replace('\n', " ")));
        }
        document.finish()
    }
}

impl<'t> Document<'_, 't> {
    /// What was read, in the order of the file.
    fn finish(mut self) -> (Said, Vec<Fault>) {
        // There can be very many routes: the text is not counted anew for each.
        let lines = Lines::of(self.text.as_bytes());
        self.claims.sort_by_key(|(at, _)| *at);
        self.faults.sort_by_key(|(at, _)| *at);
        let wishes = self.claims.into_iter().map(|(at, claim)| Wish { line: lines.at(at), claim }).collect();
        let faults = self.faults.into_iter().map(|(at, why)| Fault::new(lines.at(at), why)).collect();
        (Said { owner: self.owner, wishes }, faults)
    }

    pub(super) fn fault(&mut self, at: usize, why: impl Into<String>) {
        self.faults.push((at, why.into()));
    }

    fn whole(&mut self, table: &DeTable<'t>) {
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "owner" => self.owner(value),
                "routes" => self.list("routes", value, Kind::Route),
                "rules" => self.list("rules", value, Kind::Rule),
                "service" => self.services(value),
                _ => self.unknown(key, &KEYS, "a file of claims"),
            }
        }
    }

    fn owner(&mut self, value: &Value<'t>) {
        let Some(word) = self.string("owner", value) else { return };
        match self.reader.whose {
            Whose::TheFiles => match owner::read(word, self.reader.capabilities.ownership_tag) {
                Ok(owner) => self.owner = Some(owner),
                Err(why) => self.fault(value.span().start, why),
            },
            Whose::Another => {}
            Whose::Nobodys => {
                self.fault(value.span().start, "\"owner\" is for `apply`: what is restored is whose its words say, by \"proto\"");
            }
        }
    }

    fn list(&mut self, key: &str, value: &Value<'t>, kind: Kind) {
        for value in self.array(key, value) {
            let Some(entry) = self.entry(value, kind) else { continue };
            let reader = Reader { family: entry.family, ..*self.reader };
            match reader.claim(&entry.words, Some(kind)) {
                Ok(claim) => self.claims.push((entry.at, claim)),
                Err(why) => self.fault(entry.at, why),
            }
        }
    }

    fn services(&mut self, value: &Value<'t>) {
        if value.get_ref().is_table() {
            return self.fault(value.span().start, "\"[service]\" is a table, and there can be several: write [[service]]");
        }
        for value in self.array("service", value) {
            match value.get_ref().as_table() {
                Some(table) => self.service(value.span().start, table),
                None => self.wrong_type("service", value, "an array of tables, each begun by [[service]]"),
            }
        }
    }

    /// A route or rule: its words, or a table with its words and its family.
    pub(super) fn entry<'v>(&mut self, value: &'v Value<'t>, kind: Kind) -> Option<Entry<'v>> {
        let table = match value.get_ref() {
            DeValue::String(text) => return self.words_of(value, text, self.reader.family),
            DeValue::Table(table) => table,
            _ => {
                let wanted = format!("a string of words, or {{ {0} = \"…\", family = \"inet6\" }}", kind.word());
                self.wrong_type(kind.word(), value, &wanted);
                return None;
            }
        };
        let (mut said, mut family, mut is_known) = (None, self.reader.family, true);
        for (key, value) in table {
            match key.get_ref().as_ref() {
                word if word == kind.word() => said = self.string(kind.word(), value).map(|text| (value, text)),
                "family" => match self.family(value) {
                    Some(told) => family = Some(told),
                    None => is_known = false,
                },
                _ => {
                    let (keys, what) = if kind == Kind::Route { (&ROUTE, "a route") } else { (&RULE, "a rule") };
                    self.unknown(key, keys, what);
                    is_known = false;
                }
            }
        }
        match said {
            Some((value, text)) => self.words_of(value, text, family).filter(|_| is_known),
            None => {
                if is_known && !table.keys().any(|key| key.get_ref() == kind.word()) {
                    self.fault(value.span().start, format!("{}: it has no {:?}", self.quoted(value.span()), kind.word()));
                }
                None
            }
        }
    }

    fn family(&mut self, value: &Value<'t>) -> Option<Family> {
        let at = value.span().start;
        let family = match self.string("family", value)? {
            "inet" => Family::V4,
            "inet6" => Family::V6,
            word => {
                self.fault(at, format!("{word:?} is no family: they are \"inet\" and \"inet6\""));
                return None;
            }
        };
        if self.reader.family.is_some_and(|asked| asked != family) {
            self.fault(at, format!("\"{family}\" does not go with the other family that is asked for"));
            return None;
        }
        Some(family)
    }

    fn words_of<'v>(&mut self, value: &Value<'t>, text: &'v str, family: Option<Family>) -> Option<Entry<'v>> {
        // Where the words begin behind the quotes: those of several lines begin in the next.
        let raw = self.text.get(value.span()).unwrap_or_default();
        let before =
            raw.len() - raw.trim_start_matches(|c: char| matches!(c, '"' | '\'' | '\\') || c.is_ascii_whitespace()).len();
        let at = value.span().start + if before == raw.len() { 0 } else { before };
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        let (line, more) = (lines.next().unwrap_or_default(), lines.next());
        match (words(line), more) {
            (Ok(words), None) => Some(Entry { at, words, family }),
            (Err(why), None) => {
                self.fault(at, why);
                None
            }
            (_, Some(more)) => {
                self.fault(at, format!("{:?} is a second line: each route and rule is a string of its own", more.trim()));
                None
            }
        }
    }

    pub(super) fn string<'v>(&mut self, key: &str, value: &'v Value<'t>) -> Option<&'v str> {
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong_type(key, value, "a string");
        }
        text
    }

    pub(super) fn array<'v>(&mut self, key: &str, value: &'v Value<'t>) -> impl Iterator<Item = &'v Value<'t>> + use<'v, 't> {
        let array = value.get_ref().as_array();
        if array.is_none() {
            self.wrong_type(key, value, "an array: [ … ]");
        }
        array.into_iter().flat_map(|array: &DeArray<'t>| array.iter())
    }

    pub(super) fn number(&mut self, key: &str, value: &Value<'t>) -> Option<u32> {
        let Some(integer) = value.get_ref().as_integer() else {
            self.wrong_type(key, value, "a number");
            return None;
        };
        let number = number_of(integer);
        if number.is_none() {
            let why = format!("{}: {key:?} is a number from 0 to {}", self.quoted(value.span()), u32::MAX);
            self.fault(value.span().start, why);
        }
        number
    }

    pub(super) fn wrong_type(&mut self, key: &str, value: &Value<'t>, wanted: &str) {
        let is = match value.get_ref() {
            DeValue::Integer(_) => "an integer".to_owned(),
            DeValue::Array(_) => "an array".to_owned(),
            other => format!("a {}", other.type_str()),
        };
        self.fault(value.span().start, format!("{} is {is}, and {key:?} is {wanted}", self.quoted(value.span())));
    }

    pub(super) fn unknown(&mut self, key: &Spanned<Cow<'t, str>>, known: &[&str], what: &str) {
        let word = key.get_ref();
        let why = match meant(word, known) {
            Some(near) => format!("{word:?} is no key of {what}: is {near:?} meant?"),
            None => format!("{word:?} is no key of {what}, which has {}", known.join(", ")),
        };
        self.fault(key.span().start, why);
    }

    /// The text of a span, for a message: no more of it than its first line. Strings are quoted already.
    fn quoted(&self, span: Range<usize>) -> String {
        let raw = self.text.get(span.clone()).unwrap_or_default();
        // What is missing at a place is told by the word that stands there.
        let behind = || self.text.get(span.start..).unwrap_or_default().split_whitespace().next().unwrap_or_default();
        let raw = if raw.trim().is_empty() { behind().trim_end_matches([']', '}', ',']) } else { raw };
        match raw.trim().lines().next() {
            None => "at the end".to_owned(),
            Some(word) if word.starts_with(['"', '\'', '[', '{']) => word.to_owned(),
            Some(word) => format!("\"{word}\""),
        }
    }
}

fn number_of(integer: &DeInteger<'_>) -> Option<u32> {
    u32::from_str_radix(integer.as_str(), integer.radix()).ok()
}
