//! Files that say what is to be there: TOML, or lines in the words of `ip`.
//!
//! ```toml
//! owner = "vpn=201"
//! routes = ["10.1.0.0/16 via 10.0.0.1 dev eth0 metric 50"]
//! rules = ["100: from 10.1.0.0/16 lookup 7", { family = "inet6", rule = "101: from all lookup 7" }]
//!
//! [[service]]                          # mail leaves by another uplink
//! packets = "ipproto tcp dport 25"
//! table = 1025
//! priority = 1000
//! routes = ["default via 10.9.0.1 dev lte0 metric 50"]
//! ```

mod document;
mod fault;
mod lines;
mod service;

use std::io::Read;

use waypost::claim::{Claim, ClaimId, Item, Owner};
use waypost::{Capabilities, Claims, ErrorKind, Family, Names, Route};

use crate::failure::{Failure, Status, complain};
use fault::Fault;

/// A file as it was read, and what it is called.
#[derive(Debug)]
pub(super) struct File {
    name: String,
    text: String,
}

/// What a file says.
#[derive(Debug)]
pub(super) struct Said {
    /// Whose it is, where the file is to say that and does.
    pub(super) owner: Option<Owner>,
    /// In the order of the file.
    pub(super) wishes: Vec<Wish>,
}

/// What one line says.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) line: usize,
    pub(super) claim: Claim,
}

/// What the owner that a file names is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Whose {
    /// What the file says is this owner's.
    TheFiles,
    /// It has been named elsewhere.
    Another,
    /// What the file says is put back as somebody's that it says itself.
    Nobodys,
}

/// By what a file is read.
pub(super) struct Reader<'a> {
    pub(super) names: Names<'a>,
    pub(super) family: Option<Family>,
    pub(super) capabilities: &'a Capabilities,
    pub(super) whose: Whose,
}

impl File {
    /// The whole text of a file, or of standard input.
    pub(super) fn open(path: &str) -> Result<Self, Failure> {
        let name = if path == "-" { "standard input" } else { path };
        let failed = |error| Failure::Io(format!("read {name}"), error);
        let mut bytes = Vec::new();
        if path == "-" {
            std::io::stdin().read_to_end(&mut bytes).map_err(failed)?;
        } else {
            bytes = std::fs::read(path).map_err(failed)?;
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            let byte = error.as_bytes().get(at).copied().unwrap_or_default();
            let line = Lines::of(error.as_bytes()).at(at);
            complain(&format_args!("{name}:{line}: the byte {byte:#04x} is no text in UTF-8"));
            Failure::Said(Status::Failed)
        })?;
        Ok(Self::new(name, text))
    }

    pub(super) fn new(name: &str, mut text: String) -> Self {
        if text.starts_with('\u{feff}') {
            // Editors of other systems put the mark of byte order before text that has none.
            text.remove(0);
        }
        Self { name: name.to_owned(), text }
    }

    /// Reads it. All that is wrong with it is told, each with its line, word and reason, before this fails.
    pub(super) fn read(&self, reader: &Reader<'_>) -> Result<Said, Failure> {
        let (said, faults) = reader.read(&self.name, &self.text);
        self.refuse(faults)?;
        Ok(said)
    }

    /// Claims what it says. What cannot be claimed, and what is claimed twice, is told as [`read`](Self::read) does.
    pub(super) fn claim(&self, wishes: Vec<Wish>, claims: &mut Claims) -> Result<(), Failure> {
        let mut lines = Vec::with_capacity(wishes.len());
        claims.reserve(wishes.len());
        let mut faults = Vec::new();
        for Wish { line, claim } in wishes {
            let before = claims.claims().len();
            match claims.put(claim.clone()) {
                Ok(id) if claims.claims().len() == before => {
                    let first = lines.iter().find(|(other, _)| *other == id).map_or(0, |(_, line)| *line);
                    faults.push(Fault::new(line, claimed_twice(&claim.item, first)));
                }
                Ok(id) => lines.push((id, line)),
                Err(error) if error.kind() == ErrorKind::Ambiguous => {
                    faults.push(Fault::new(line, hit_by_a_deletion(&claim.item, &lines, claims)));
                }
                Err(error) => faults.push(Fault::new(line, format!("{}: {}", quoted(&claim.item), error.reason()))),
            }
            if faults.len() > FAULTS {
                break;
            }
        }
        self.refuse(faults)
    }

    fn refuse(&self, faults: Vec<Fault>) -> Result<(), Failure> {
        if faults.is_empty() {
            return Ok(());
        }
        fault::tell(&self.name, faults);
        Err(Failure::Said(Status::Failed))
    }
}

/// What is claimed is not looked at any further once so much of it is wrong: finding what each is at odds with takes time.
const FAULTS: usize = 1000;

/// Why something that has been claimed before is no claim of its own.
fn claimed_twice(item: &Item, first: usize) -> String {
    let place = if item.as_route().is_some() { "at the same metric of the same table" } else { "as the same rule" };
    format!("{} is claimed in line {first} already, {place}", quoted(item))
}

/// Why a route cannot be claimed beside one of metric 0, or as that.
fn hit_by_a_deletion(item: &Item, lines: &[(ClaimId, usize)], claims: &Claims) -> String {
    let is_beside = |other: &Route| {
        item.as_route().is_some_and(|route| {
            let table = |route: &Route| Some(route.slot.table).filter(|table| *table != claims.capabilities().main_table);
            other.slot.destination == route.slot.destination && table(other) == table(route)
        })
    };
    let beside = lines.iter().find(|(id, _)| {
        let claim = claims.claims().get(*id);
        claim.and_then(|claim| claim.item.as_route()).is_some_and(is_beside)
    });
    let line = beside.map_or(0, |(_, line)| *line);
    format!("{} is claimed in line {line} at another metric: a deletion of the one of metric 0 could hit the other", quoted(item))
}

/// The words by which somebody finds an item in the file.
fn quoted(item: &Item) -> String {
    match item {
        Item::Route(route) if route.slot.destination.is_default() => "\"default\"".to_owned(),
        Item::Route(route) => format!("\"{}\"", route.slot.destination),
        other => format!("\"{other}\""),
    }
}

/// Where the lines of a text end.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &[u8]) -> Self {
        Self(text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).collect())
    }

    /// The number of the line that a byte is in.
    fn at(&self, byte: usize) -> usize {
        1 + self.0.partition_point(|end| *end < byte)
    }
}

/// What a text is written in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    Toml,
    Lines,
    /// What `--json` prints.
    Json,
}

impl Form {
    /// The form of a text: by its first line that says anything, and by its name.
    fn of(name: &str, text: &str) -> Self {
        let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default();
        if is_json(text) {
            Self::Json
        } else if name.ends_with(".toml") || first.starts_with('[') || begins_with_a_key(first) {
            Self::Toml
        } else {
            Self::Lines
        }
    }
}

/// Says whether a text begins as an object of JSON, or an array of such, which neither TOML nor a line of words does.
fn is_json(text: &str) -> bool {
    let text = text.trim_start();
    let in_array = text.strip_prefix('[').map(str::trim_start);
    text.starts_with('{') || in_array.is_some_and(|text| text.starts_with(['{', ']']))
}

/// Says whether a line begins as TOML does, with a key and what it is.
fn begins_with_a_key(line: &str) -> bool {
    let key = line.split_once('=').map(|(key, _)| key.trim_end().trim_matches(['"', '\'']));
    key.is_some_and(|key| {
        !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    })
}

impl Reader<'_> {
    /// What a text says, and what is wrong with it.
    fn read(&self, name: &str, text: &str) -> (Said, Vec<Fault>) {
        match Form::of(name, text) {
            Form::Toml => self.document(text),
            Form::Lines => {
                let (wishes, faults) = self.lines(text);
                (Said { owner: None, wishes }, faults)
            }
            Form::Json => {
                let line = 1 + text.bytes().take_while(u8::is_ascii_whitespace).filter(|byte| *byte == b'\n').count();
                let why =
                    "this is JSON, which is for programs: what is read is TOML, or lines such as `save` prints without --json";
                (Said { owner: None, wishes: Vec::new() }, vec![Fault::new(line, why)])
            }
        }
    }
}

#[cfg(test)]
mod tests;
