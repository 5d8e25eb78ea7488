//! Reading the words of `ip route` and `ip rule`, one by one.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::{Attribute, Family, Names, NumberKind, Prefix, PrefixError, Protocol, Scope, TableId};

/// Text that does not say what it should: the word at fault, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseError {
    word: String,
    why: String,
}

impl ParseError {
    /// The fault of `word`; `why` goes on where the quoted word ends: *is no routing table*.
    #[must_use]
    pub fn new(word: &str, why: impl Into<String>) -> Self {
        Self { word: word.to_owned(), why: why.into() }
    }

    /// The word at fault; empty where a word is missing at the end.
    #[must_use]
    pub fn word(&self) -> &str {
        &self.word
    }

    /// What is wrong with it.
    #[must_use]
    pub fn why(&self) -> &str {
        &self.why
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.word.is_empty() {
            return f.write_str(&self.why);
        }
        write!(f, "{:?} {}", self.word, self.why)
    }
}

impl std::error::Error for ParseError {}

impl From<PrefixError> for ParseError {
    fn from(error: PrefixError) -> Self {
        match error {
            PrefixError::Syntax(word) => Self::new(&word, "is no address or prefix"),
            PrefixError::HostBits { address, length, network } => {
                Self::new(&format!("{address}/{length}"), format!("has host bits set; the network is {network}"))
            }
            PrefixError::Length { family, length } => {
                Self::new(&length.to_string(), format!("is no prefix length of family {family}: they go to {}", family.bits()))
            }
        }
    }
}

/// A cursor over words, with the names of things at hand.
pub(crate) struct Words<'a> {
    words: std::iter::Peekable<std::slice::Iter<'a, &'a str>>,
    pub(crate) names: Names<'a>,
}

impl<'a> Words<'a> {
    pub(crate) fn new(words: &'a [&'a str], names: Names<'a>) -> Self {
        Self { words: words.iter().peekable(), names }
    }

    pub(crate) fn peek(&mut self) -> Option<&'a str> {
        self.words.peek().map(|word| **word)
    }

    pub(crate) fn next(&mut self) -> Option<&'a str> {
        self.words.next().copied()
    }

    /// Takes the next word if it is this one.
    pub(crate) fn take(&mut self, word: &str) -> bool {
        self.words.next_if(|next| **next == word).is_some()
    }

    /// The value that must follow `keyword`.
    pub(crate) fn value(&mut self, keyword: &str) -> Result<&'a str, ParseError> {
        self.next().ok_or_else(|| ParseError::new("", format!("something must follow {keyword:?}")))
    }

    /// The value that must follow `keyword`, read as a `T`, which is `what` in words.
    pub(crate) fn read<T: FromStr>(&mut self, keyword: &str, what: &str) -> Result<T, ParseError> {
        let word = self.value(keyword)?;
        word.parse().map_err(|_| ParseError::new(word, format!("is no {what}")))
    }

    /// The number that must follow `keyword`, decimal or hexadecimal with `0x`, at most `max`.
    pub(crate) fn number(&mut self, keyword: &str, max: u32) -> Result<u32, ParseError> {
        let word = self.value(keyword)?;
        number(word, max)
    }

    /// The address that must follow `keyword`, after `inet` or `inet6` if need be.
    pub(crate) fn address(&mut self, keyword: &str) -> Result<IpAddr, ParseError> {
        let wanted = if self.take("inet") {
            Some(Family::V4)
        } else if self.take("inet6") {
            Some(Family::V6)
        } else {
            None
        };
        let word = self.value(keyword)?;
        let address: IpAddr = word.parse().map_err(|_| ParseError::new(word, "is no address"))?;
        if wanted.is_some_and(|family| family != Family::of(&address)) {
            return Err(ParseError::new(word, "is no address of that family"));
        }
        Ok(address)
    }

    /// The value, and its mask if one stands behind a slash, that must follow `keyword`: decimal or hexadecimal, at most `max`.
    pub(crate) fn masked(&mut self, keyword: &str, max: u32) -> Result<(u32, Option<u32>), ParseError> {
        let word = self.value(keyword)?;
        match word.split_once('/') {
            Some((value, mask)) => Ok((number(value, max)?, Some(number(mask, max)?))),
            None => Ok((number(word, max)?, None)),
        }
    }

    /// The realms that must follow `keyword`, `FROM/TO` or `TO`, both halves at most 65,535.
    pub(crate) fn realms(&mut self, keyword: &str) -> Result<u32, ParseError> {
        let word = self.value(keyword)?;
        let (from, to) = word.split_once('/').unwrap_or(("0", word));
        let realm = |word| self.names.read(NumberKind::Realm, word, 0xffff, "realm");
        Ok(realm(from)? << 16 | realm(to)?)
    }

    /// The table that must follow `keyword`.
    pub(crate) fn table(&mut self, keyword: &str) -> Result<TableId, ParseError> {
        let word = self.value(keyword)?;
        self.names.read_table(word)
    }

    /// The protocol that must follow `keyword`.
    pub(crate) fn protocol(&mut self, keyword: &str) -> Result<Protocol, ParseError> {
        let word = self.value(keyword)?;
        self.names.read_protocol(word)
    }

    /// The scope that must follow `keyword`.
    pub(crate) fn scope(&mut self, keyword: &str) -> Result<Scope, ParseError> {
        let word = self.value(keyword)?;
        self.names.read_scope(word)
    }

    /// The type of service that must follow `keyword`.
    pub(crate) fn type_of_service(&mut self, keyword: &str) -> Result<u8, ParseError> {
        let word = self.value(keyword)?;
        self.names.read_type_of_service(word)
    }

    /// An attribute without a name, which follows `attr`: its number and its bytes.
    pub(crate) fn attribute(&mut self) -> Result<Attribute, ParseError> {
        let kind = self.number("attr", 0xffff)? as u16;
        Ok(Attribute::new(kind, self.bytes("attr")?))
    }

    /// The bytes that must follow `keyword` as one hexadecimal word, `0x` and two digits each.
    pub(crate) fn bytes(&mut self, keyword: &str) -> Result<Vec<u8>, ParseError> {
        let word = self.value(keyword)?;
        let wrong = || ParseError::new(word, "is no 0x and two hexadecimal digits for each byte");
        let digits = word.strip_prefix("0x").filter(|digits| digits.len() % 2 == 0).ok_or_else(wrong)?;
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        digits.as_bytes().chunks(2).map(|pair| byte(pair).ok_or_else(wrong)).collect()
    }
}

/// Which words have been said of those that can be said once.
#[derive(Clone, Copy, Default)]
pub(crate) struct Said(u32);

impl Said {
    /// Takes note of a word. `once` has those that mean the same together; there are no more than 32 of them.
    pub(crate) fn note(&mut self, word: &str, once: &[&[&str]]) -> Result<(), ParseError> {
        let Some(at) = once.iter().position(|same| same.contains(&word)) else { return Ok(()) };
        let bit = 1 << at;
        if self.0 & bit != 0 {
            return Err(ParseError::new(word, "is said twice"));
        }
        self.0 |= bit;
        Ok(())
    }
}

/// A number, decimal or hexadecimal with `0x`, at most `max`.
pub(crate) fn number(word: &str, max: u32) -> Result<u32, ParseError> {
    let number = match word.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => word.parse(),
    };
    number.ok().filter(|number| *number <= max).ok_or_else(|| ParseError::new(word, format!("is no number from 0 to {max}")))
}

/// A destination: `default`, an address, or a prefix. `default` alone does not tell its family.
pub(crate) fn destination(word: &str, family: Family) -> Result<Prefix, ParseError> {
    match word {
        "default" | "any" | "all" => Ok(Prefix::default_of(family)),
        _ => Prefix::parse_short(word),
    }
}
