//! Files that say what is to be there: TOML, or lines in the words of `ip`.
//!
//! ```toml
//! owner = "vpn=201"
//! routes = ["10.1.0.0/16 via 10.0.0.1 dev eth0 metric 50"]
//! rules = ["100: from 10.1.0.0/16 lookup 7"]
//!
//! [[service]]                          # mail leaves by another uplink
//! packets = "ipproto tcp dport 25"
//! table = 1025
//! priority = 1000
//! routes = ["default via 10.9.0.1 dev lte0 metric 50"]
//! ```

use std::io::{Cursor, Read};

use serde::Deserialize;
use toml::Spanned;
use waypost::claim::{Claim, Service};
use waypost::{Capabilities, Family, Names, Rule, RuleAction, TableId};

use crate::batch::source::{Source, words};
use crate::failure::{Failure, Status, complain};
use crate::{rule, words};

/// What a file says.
#[derive(Debug)]
pub(super) struct File {
    pub(super) owner: Option<String>,
    pub(super) wishes: Vec<Wish>,
}

/// What one line says.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) line: usize,
    pub(super) claim: Claim,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    owner: Option<String>,
    #[serde(default)]
    routes: Vec<Spanned<String>>,
    #[serde(default)]
    rules: Vec<Spanned<String>>,
    #[serde(default)]
    service: Vec<Spanned<ServiceEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceEntry {
    packets: Spanned<String>,
    table: u32,
    priority: u32,
    routes: Vec<Spanned<String>>,
}

/// The whole text of a file, or of standard input.
pub(super) fn text(path: &str) -> Result<String, Failure> {
    let failed = |error| Failure::Io(format!("read {path}"), error);
    let mut bytes = Vec::new();
    if path == "-" {
        std::io::stdin().read_to_end(&mut bytes).map_err(failed)?;
    } else {
        bytes = std::fs::read(path).map_err(failed)?;
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let byte = error.as_bytes().get(at).copied().unwrap_or_default();
        let line = Lines::of(error.as_bytes()).at(at);
        complain(&format_args!("{path}:{line}: the byte {byte:#04x} is no text in UTF-8"));
        Failure::Said(Status::Failed)
    })
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

/// Reads a file. All that is wrong with it is told, each with its line, word and reason, before this fails.
pub(super) fn read(
    path: &str,
    text: &str,
    names: Names<'_>,
    family: Option<Family>,
    capabilities: &Capabilities,
) -> Result<File, Failure> {
    let reader = Reader { names, family, capabilities };
    let (file, faults) = if is_toml(path, text) { reader.document(text) } else { reader.lines(text) };
    for (line, why) in &faults {
        complain(&format_args!("{path}:{line}: {why}"));
    }
    if faults.is_empty() { Ok(file) } else { Err(Failure::Said(Status::Failed)) }
}

/// Says whether a text is TOML: by its name, or else by its first line that says anything.
fn is_toml(path: &str, text: &str) -> bool {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    let begins = |line: &str| line.starts_with('[') || line.split_whitespace().nth(1) == Some("=");
    path.ends_with(".toml") || first.is_some_and(begins)
}

/// What is wrong, and in which line.
type Faults = Vec<(usize, String)>;

struct Reader<'a> {
    names: Names<'a>,
    family: Option<Family>,
    capabilities: &'a Capabilities,
}

impl Reader<'_> {
    fn lines(&self, text: &str) -> (File, Faults) {
        let (mut wishes, mut faults) = (Vec::with_capacity(text.lines().count()), Faults::new());
        let mut source = Source::new(Box::new(Cursor::new(text.to_owned().into_bytes())));
        // Reading from memory does not fail, and what was read is text.
        while let Ok(Some(block)) = source.next() {
            for (line, text) in block.lines() {
                let read = words(&text).and_then(|words| if words.is_empty() { Ok(None) } else { self.claim(&words).map(Some) });
                match read {
                    Ok(Some(claim)) => wishes.push(Wish { line, claim }),
                    Ok(None) => {}
                    Err(why) => faults.push((line, why)),
                }
            }
        }
        (File { owner: None, wishes }, faults)
    }

    /// A line: `[-4|-6] [route|rule] [add]`, and its words.
    fn claim(&self, words: &[&str]) -> Result<Claim, String> {
        let (family, words) = match words {
            ["-4", rest @ ..] => (Some(Family::V4), rest),
            ["-6", rest @ ..] => (Some(Family::V6), rest),
            _ => (self.family, words),
        };
        let (is_rule, words) = match words {
            ["rule" | "ru", rest @ ..] => (true, rest),
            ["route" | "r" | "ro", rest @ ..] => (false, rest),
            _ => (false, words),
        };
        match words {
            ["nexthop", verb @ ("add" | "replace" | "del" | "delete"), ..] => Err(format!(
                "\"nexthop {verb}\": next-hop objects cannot be claimed, only routes and rules; a route can use one by nhid"
            )),
            ["add", rest @ ..] if is_rule => self.rule(rest, family),
            ["add", rest @ ..] => self.route(rest, family),
            [verb @ ("del" | "delete" | "replace" | "change" | "append" | "prepend" | "flush"), ..] => {
                Err(format!("{verb:?} is no word here: the file says what is to be there"))
            }
            rest if is_rule => self.rule(rest, family),
            rest => self.route(rest, family),
        }
    }

    fn route(&self, words: &[&str], family: Option<Family>) -> Result<Claim, String> {
        let route = words::route(words, self.names, family).map_err(|failure| why(&failure))?;
        let says_zero = words.windows(2).any(|pair| matches!(pair, ["metric" | "priority" | "preference", "0"]));
        let claim = Claim::new(route);
        Ok(if says_zero { claim.metric_zero() } else { claim })
    }

    fn rule(&self, words: &[&str], family: Option<Family>) -> Result<Claim, String> {
        if !rule::names_priority(words) {
            return Err("the rule names no priority, by which it would be known again".to_owned());
        }
        rule::read(words, family, &[]).map(Claim::new).map_err(|failure| why(&failure))
    }

    fn document(&self, text: &str) -> (File, Faults) {
        // There can be very many routes: the text is not counted anew for each.
        let lines = Lines::of(text.as_bytes());
        let line_at = |at: usize| lines.at(at);
        let document: Document = match toml::from_str(text) {
            Ok(document) => document,
            Err(error) => {
                let line = error.span().map_or(1, |span| line_at(span.start));
                return (File { owner: None, wishes: Vec::new() }, vec![(line, error.message().to_owned())]);
            }
        };
        let (mut wishes, mut faults) = (Vec::new(), Faults::new());
        let mut take = |line: usize, claims: Result<Vec<Claim>, String>| match claims {
            Ok(claims) => wishes.extend(claims.into_iter().map(|claim| Wish { line, claim })),
            Err(why) => faults.push((line, why)),
        };
        for text in &document.routes {
            let claim = words(text.get_ref()).and_then(|words| self.route(&words, self.family));
            take(line_at(text.span().start), claim.map(|claim| vec![claim]));
        }
        for text in &document.rules {
            let claim = words(text.get_ref()).and_then(|words| self.rule(&words, self.family));
            take(line_at(text.span().start), claim.map(|claim| vec![claim]));
        }
        for service in &document.service {
            take(line_at(service.span().start), self.service(service.get_ref()));
        }
        (File { owner: document.owner, wishes }, faults)
    }

    fn service(&self, entry: &ServiceEntry) -> Result<Vec<Claim>, String> {
        let ServiceEntry { packets, table, priority, routes } = entry;
        let (table, priority) = (TableId(*table), *priority);
        let selectors = words(packets.get_ref())?;
        let rule = Rule::parse_words(&selectors, self.names, self.family, priority).map_err(|error| error.to_string())?;
        let mut bare = Rule::new(rule.family, priority, RuleAction::Lookup(TableId::MAIN));
        (bare.to, bare.ip_protocol, bare.uids, bare.mark) = (rule.to, rule.ip_protocol, rule.uids, rule.mark);
        (bare.source_ports, bare.destination_ports) = (rule.source_ports, rule.destination_ports);
        if bare != rule {
            return Err(format!("{:?} says more than to, ipproto, sport, dport, uidrange and fwmark", packets.get_ref()));
        }
        let mut service = Service::new(table, priority);
        if let Some(to) = rule.to {
            service = service.to(to);
        }
        if let Some(protocol) = rule.ip_protocol {
            service = service.protocol(protocol);
        }
        if let Some(ports) = rule.source_ports {
            service = service.source_ports(ports.first, ports.last);
        }
        if let Some(ports) = rule.destination_ports {
            service = service.destination_ports(ports.first, ports.last);
        }
        if let Some(uids) = rule.uids {
            service = service.uids(uids.first, uids.last);
        }
        if let Some(mark) = rule.mark {
            service = service.mark(mark.value, mark.mask);
        }
        let routes = routes.iter().map(|text| words(text.get_ref()).and_then(|words| self.route(&words, self.family)));
        let routes = routes.map(|claim| claim.map(|claim| claim.item.as_route().cloned())).collect::<Result<Vec<_>, _>>()?;
        service.claims(self.capabilities, routes.into_iter().flatten()).map_err(|error| error.reason().to_owned())
    }
}

/// Why words cannot be read.
fn why(failure: &Failure) -> String {
    match failure {
        Failure::Usage(why) | Failure::Missing(why, _) => why.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(path: &str, text: &str) -> (Vec<(usize, String)>, Faults) {
        let mut linux = Capabilities::least("a system with rules");
        (linux.rules, linux.main_table) = (true, TableId::MAIN);
        let reader = Reader { names: Names::none(), family: None, capabilities: &linux };
        let (file, faults) = if is_toml(path, text) { reader.document(text) } else { reader.lines(text) };
        (file.wishes.iter().map(|wish| (wish.line, wish.claim.item.to_string())).collect(), faults)
    }

    #[test]
    fn both_forms_say_the_same() {
        let words = "# comment\nroute add 10.1.0.0/16 via 10.0.0.1 metric 50\n10.2.0.0/16 dev if2 \\\n metric 7\n\nrule add from all lookup 7 pref 9\n-6 rule 9: from all lookup 7\n";
        let (wishes, faults) = read_all("x", words);
        assert_eq!(faults, []);
        assert_eq!(wishes.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 3, 6, 7]);
        let document = "routes = [\n \"10.1.0.0/16 via 10.0.0.1 metric 50\",\n \"10.2.0.0/16 dev if2 metric 7\"]\nrules = [\"9: from all lookup 7\"]\n";
        for path in ["x.toml", "-"] {
            let (toml, faults) = read_all(path, document);
            assert_eq!(faults, []);
            assert_eq!(
                toml[..3].iter().map(|(_, text)| text).collect::<Vec<_>>(),
                wishes[..3].iter().map(|(_, text)| text).collect::<Vec<_>>()
            );
            assert_eq!(toml.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 3, 4]);
        }
    }

    #[test]
    fn a_service_becomes_rules_and_a_table() {
        let document = "[[service]]\npackets = \"ipproto tcp dport 25\"\ntable = 1025\npriority = 1000\nroutes = [\"default via 10.9.0.1 dev if3 metric 50\"]\n";
        let (wishes, faults) = read_all("x.toml", document);
        assert_eq!(faults, []);
        assert_eq!(wishes[1].1, "rule 1000: from all ipproto tcp dport 25 lookup 1025");
        assert_eq!(wishes[0].1, "route default via 10.9.0.1 dev if3 table 1025 metric 50");
    }

    #[test]
    fn a_byte_belongs_to_the_line_that_it_ends() {
        let lines = Lines::of(b"a\n\nbc\n");
        assert_eq!([0, 1, 2, 3, 4, 5, 6].map(|byte| lines.at(byte)), [1, 1, 2, 3, 3, 3, 4]);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_word() {
        for (path, text, line, said) in [
            ("x", "10.1.0.0/16 dev if2\n10.2.0.0/16 metrik 5\n", 2, "metrik"),
            ("x", "route del 10.1.0.0/16", 1, "del"),
            ("x", "10.1.0.1/16 dev if2", 1, "10.1.0.1/16"),
            ("x", "nexthop add id 5 via 10.0.0.1 dev if2", 1, "next-hop objects cannot be claimed"),
            ("x", "rule add from all lookup 7", 1, "priority"),
            ("x", "route add 10.1.0.0/16 'dev", 1, "quote"),
            ("x.toml", "routes = [\n\n\"10.1.0.0/16 metrik 5\"]", 3, "metrik"),
            ("x.toml", "\nrouts = []", 2, "routs"),
            ("x.toml", "routes = [\n", 1, "unclosed array"),
            ("x.toml", "routes = []\nrules = [7]", 2, "7"),
            ("x.toml", "\n[[service]]\npackets = \"iif eth0\"\ntable = 9\npriority = 9\nroutes = []", 2, "iif eth0"),
            (
                "x.toml",
                "[[service]]\npackets = \"dport 25\"\ntable = 9\npriority = 9\nroutes = [\"default dev if2\"]",
                1,
                "protocol",
            ),
        ] {
            let (_, faults) = read_all(path, text);
            assert!(faults.len() == 1 && faults[0].0 == line && faults[0].1.contains(said), "{text:?}: {faults:?}");
        }
    }
}
