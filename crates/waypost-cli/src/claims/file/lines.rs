//! A route or rule a line, in the words of `ip`.

use std::io::Cursor;

use waypost::claim::Claim;
use waypost::{Family, ParseError};

use super::fault::Fault;
use super::{Reader, Wish};
use crate::batch::source::{Source, words};
use crate::failure::Failure;
use crate::{rule, words};

/// What words are to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Route,
    Rule,
}

impl Kind {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Rule => "rule",
        }
    }
}

impl Reader<'_> {
    pub(super) fn lines(&self, text: &str) -> (Vec<Wish>, Vec<Fault>) {
        let (mut wishes, mut faults) = (Vec::with_capacity(text.lines().count()), Vec::new());
        let mut source = Source::new(Box::new(Cursor::new(text.to_owned().into_bytes())));
        // Reading from memory does not fail, and what was read is text.
        while let Ok(Some(block)) = source.next() {
            for (line, text) in block.lines() {
                match words(&text).and_then(|words| if words.is_empty() { Ok(None) } else { self.claim(&words, None).map(Some) })
                {
                    Ok(Some(claim)) => wishes.push(Wish { line, claim }),
                    Ok(None) => {}
                    Err(why) => faults.push(Fault::new(line, why)),
                }
            }
        }
        (wishes, faults)
    }

    /// What a line claims. Why it cannot be claimed names a word, or else all of them.
    pub(super) fn claim(&self, words: &[&str], kind: Option<Kind>) -> Result<Claim, String> {
        self.item(words, kind).map_err(|why| match why.contains('"') {
            true => why,
            false => format!("\"{}\": {why}", words.join(" ")),
        })
    }

    /// `[ip] [-4|-6] [route|rule] [add]`, and the words of `kind`, or else of what the line says that it is.
    fn item(&self, words: &[&str], kind: Option<Kind>) -> Result<Claim, String> {
        let (family, words) = self.options(words)?;
        let (said, words) = match words {
            ["rule" | "ru", rest @ ..] => (Some(Kind::Rule), rest),
            ["route" | "ro" | "r", rest @ ..] => (Some(Kind::Route), rest),
            _ => (None, words),
        };
        if let (Some(wanted), Some(said)) = (kind, said) {
            if wanted != said {
                let (said, wanted) = (said.word(), wanted.word());
                return Err(format!(
                    "{said:?} is not what stands here: {said}s have their place under \"{said}s\", not \"{wanted}s\""
                ));
            }
        }
        let words = match words {
            ["add" | "a", rest @ ..] => rest,
            [verb @ ("del" | "delete" | "d" | "flush"), ..] => {
                return Err(format!(
                    "{verb:?} is no word here: the file says what is to be there, and --prune deletes what else the owner has"
                ));
            }
            [verb @ ("replace" | "change" | "chg" | "append" | "prepend"), ..] => {
                return Err(format!(
                    "{verb:?} is no word here: the file says what is to be there, so leave it out or say \"add\""
                ));
            }
            [verb @ ("show" | "list" | "ls" | "get" | "save" | "restore"), ..] => {
                return Err(format!("{verb:?} is no word here: the file says what is to be there"));
            }
            ["nexthop", verb @ ("add" | "replace" | "del" | "delete"), ..] => {
                return Err(format!(
                    "\"nexthop {verb}\": next-hop objects cannot be claimed, only routes and rules; a route can use one by nhid"
                ));
            }
            rest => rest,
        };
        match kind.or(said) {
            Some(Kind::Rule) => self.rule(words, family),
            Some(Kind::Route) => self.route(words, family),
            // Nothing has said that it is a route.
            None => self.route(words, family).map_err(|why| match words.first() {
                Some(first) if why == ParseError::new(first, "is no address or prefix").to_string() && is_name(first) => {
                    format!(
                        "{first:?} begins neither a route nor a rule: a line is [route|rule] [add] and what `ip` takes behind it"
                    )
                }
                _ => why,
            }),
        }
    }

    /// The family that stands before a line, and what is behind: people copy lines with the `ip` that begins them.
    fn options<'w, 's>(&self, words: &'w [&'s str]) -> Result<(Option<Family>, &'w [&'s str]), String> {
        let mut words = words;
        if let ["ip", rest @ ..] = words {
            words = rest;
        }
        let mut family = self.family;
        while let [option, rest @ ..] = words {
            let told = match *option {
                "-4" => Family::V4,
                "-6" => Family::V6,
                option if option.starts_with('-') => return Err(format!("{option:?} is no option here: -4 and -6 are")),
                _ => break,
            };
            if family.is_some_and(|family| family != told) {
                return Err(format!("{option:?} does not go with the other family that is asked for"));
            }
            (family, words) = (Some(told), rest);
        }
        Ok((family, words))
    }

    pub(super) fn route(&self, words: &[&str], family: Option<Family>) -> Result<Claim, String> {
        let route = words::route(words, self.names, family).map_err(|failure| why(&failure))?;
        let says_metric = |pair: &[&str]| {
            matches!(pair[0], "metric" | "priority" | "preference") && pair[1].starts_with(|first: char| first.is_ascii_digit())
        };
        let says_zero = route.slot.metric == 0 && words.windows(2).any(says_metric);
        let claim = Claim::new(route);
        Ok(if says_zero { claim.metric_zero() } else { claim })
    }

    fn rule(&self, words: &[&str], family: Option<Family>) -> Result<Claim, String> {
        if words.is_empty() {
            return Err("the rule says nothing".to_owned());
        }
        // What is no rule is told before what it lacks.
        let claim = rule::read(words, family, &[]).map(Claim::new).map_err(|failure| why(&failure))?;
        if !rule::names_priority(words) {
            return Err(format!(
                "the rule {:?} names no priority, by which it would be known again: \"pref N\" does",
                words.join(" ")
            ));
        }
        Ok(claim)
    }
}

/// Says whether a word is one of letters alone.
fn is_name(word: &str) -> bool {
    word.chars().all(|letter| letter.is_ascii_alphabetic())
}

/// Why words cannot be read.
fn why(failure: &Failure) -> String {
    match failure {
        Failure::Usage(why) | Failure::Missing(why, _) => why.clone(),
        other => other.to_string(),
    }
}
