//! `waypost rule`: lists and changes policy rules.

use waypost::{Error, ErrorKind, Family, InterfaceNames, Names, Routes, Rule};

use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::json::RuleJson;
use crate::numbers;

pub(crate) fn run(invocation: &mut Invocation, words: &[String]) -> Result<(), Failure> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let said = |error| Failure::RefusedOn(format!("rule {}", words.join(" ")), error);
    let mut routes = invocation.routes()?;
    match words.as_slice() {
        [] => show(invocation, &mut routes, &[]),
        ["show" | "list" | "ls", which @ ..] => show(invocation, &mut routes, which),
        ["add", rule @ ..] => {
            let rules = if names_priority(rule) { Vec::new() } else { routes.rules(None)? };
            let rule = read(rule, invocation.family(), &rules)?;
            routes.add_rule(&rule).map_err(said)
        }
        ["del" | "delete", rest @ ..] => {
            let rules = routes.rules(None)?;
            let meant = Meant::read(rest, invocation.family())?;
            let rule = meant.the_one(&rules).map_err(said)?;
            routes.delete_rule(rule).map_err(said)
        }
        [word, ..] => Err(Failure::Usage(format!("{word:?} is none of show, add, del"))),
    }
}

/// Rules name their interfaces themselves.
fn names() -> Names<'static> {
    numbers::with(InterfaceNames::none())
}

fn show(invocation: &mut Invocation, routes: &mut Routes, which: &[&str]) -> Result<(), Failure> {
    let family = invocation.family();
    let names = names();
    let meant = if which.is_empty() { None } else { Some(meant_of(which, family)?) };
    let mut rules = routes.rules(family)?;
    rules.retain(|rule| meant.as_ref().is_none_or(|meant| meant.iter().any(|meant| meant.is(rule))));
    let output = &mut invocation.output;
    if output.json {
        let mut array = output.array()?;
        rules.iter().try_for_each(|rule| array.push(&RuleJson::new(rule, names)))?;
        return Ok(array.end()?);
    }
    for rule in &rules {
        // Where one family is asked for the lines are those of `ip rule`; otherwise they must tell theirs.
        match family {
            Some(_) => output.line(&format!("{:#}", rule.with_names(names)))?,
            None => output.line(&format!("{:<6}{}", rule.family.to_string(), rule.with_names(names)))?,
        }
    }
    Ok(())
}

/// The rules that are meant, of each family that the words can be of.
fn meant_of(words: &[&str], family: Option<Family>) -> Result<Vec<Meant>, Failure> {
    if family.is_some() {
        return Ok(vec![Meant::read(words, family)?]);
    }
    let [v4, v6] = Family::ALL.map(|family| Meant::read(words, Some(family)));
    match (v4, v6) {
        (Err(failure), Err(_)) => Err(failure),
        (v4, v6) => Ok(v4.into_iter().chain(v6).collect()),
    }
}

/// Reads a rule to be added; where it names no priority it gets that which the kernel would choose.
pub(crate) fn read(words: &[&str], family: Option<Family>, there: &[Rule]) -> Result<Rule, Failure> {
    if words.is_empty() {
        // `ip rule add` takes that for one more look into the main table.
        return Err(Failure::Usage("what the rule says is missing".to_owned()));
    }
    let usage = |error: waypost::ParseError| Failure::Usage(error.to_string());
    let rule = Rule::parse_words(words, names(), family, Rule::USUAL_PRIORITY).map_err(usage)?;
    if names_priority(words) {
        return Ok(rule);
    }
    Rule::parse_words(words, names(), Some(rule.family), unnamed_priority(there, rule.family)).map_err(usage)
}

/// The priority before the second rule: `fib_default_rule_pref` in net/core/fib_rules.c (Linux 6.18).
fn unnamed_priority(there: &[Rule], family: Family) -> u32 {
    let second = there.iter().filter(|rule| rule.family == family).nth(1);
    second.map_or(0, |rule| rule.priority.saturating_sub(1))
}

/// Says whether the words of a rule name its priority.
pub(crate) fn names_priority(words: &[&str]) -> bool {
    words.first().is_some_and(|word| word.ends_with(':'))
        || words.iter().any(|word| matches!(*word, "priority" | "preference" | "pref" | "order"))
}

/// Which rule is to be deleted: what the words name must be so.
pub(crate) struct Meant {
    rule: Rule,
    has_family: bool,
    has_priority: bool,
    has_action: bool,
}

impl Meant {
    /// Reads the words of a rule, of which some may be missing. IPv4 is meant where nothing tells the family.
    pub(crate) fn read(words: &[&str], family: Option<Family>) -> Result<Self, Failure> {
        if words.is_empty() {
            return Err(Failure::Usage("what tells the rule is missing".to_owned()));
        }
        let rule = Rule::parse_words(words, names(), family, 0).map_err(|error| Failure::Usage(error.to_string()))?;
        let names_action = |word: &&str| {
            matches!(*word, "lookup" | "table" | "goto" | "type" | "nop" | "blackhole" | "unreachable" | "prohibit")
        };
        Ok(Self {
            has_family: family.is_some(),
            has_priority: names_priority(words),
            has_action: words.iter().any(names_action),
            rule,
        })
    }

    fn is(&self, there: &Rule) -> bool {
        let wanted = &self.rule;
        wanted.family == there.family
            && (!self.has_priority || wanted.priority == there.priority)
            && (!self.has_action || wanted.action == there.action)
            && wanted.invert == there.invert
            && (wanted.from.is_none() || wanted.from == there.from)
            && (wanted.to.is_none() || wanted.to == there.to)
            && (wanted.input.is_none() || wanted.input == there.input)
            && (wanted.output.is_none() || wanted.output == there.output)
            && (wanted.mark.is_none() || wanted.mark == there.mark)
            && (wanted.tos == 0 || wanted.tos == there.tos)
            && (wanted.dscp.is_none() || wanted.dscp == there.dscp)
            && (wanted.flow_label.is_none() || wanted.flow_label == there.flow_label)
            && (wanted.ip_protocol.is_none() || wanted.ip_protocol == there.ip_protocol)
            && (wanted.source_ports.is_none() || wanted.source_ports == there.source_ports)
            && (wanted.destination_ports.is_none() || wanted.destination_ports == there.destination_ports)
            && (wanted.uids.is_none() || wanted.uids == there.uids)
            && (wanted.tunnel_id == 0 || wanted.tunnel_id == there.tunnel_id)
            && (!wanted.l3mdev || there.l3mdev)
            && (wanted.suppress_prefix_length.is_none() || wanted.suppress_prefix_length == there.suppress_prefix_length)
            && (wanted.suppress_group.is_none() || wanted.suppress_group == there.suppress_group)
            && (wanted.realms == 0 || wanted.realms == there.realms)
            && (wanted.protocol == waypost::Protocol::UNSPECIFIED || wanted.protocol == there.protocol)
    }

    /// The one rule that is meant.
    pub(crate) fn the_one<'a>(&self, there: &'a [Rule]) -> Result<&'a Rule, Error> {
        let meant: Vec<&Rule> = there.iter().filter(|rule| self.is(rule)).collect();
        match meant.as_slice() {
            [one] => Ok(one),
            [] => {
                let family = if self.has_family { String::new() } else { format!(" of family {}", self.rule.family) };
                Err(Error::new(ErrorKind::NotFound, "delete rule").because(format!("there is no such rule{family}")))
            }
            // Equal rules are as good as each other.
            [first, rest @ ..] if rest.iter().all(|rule| rule == first) => Ok(first),
            several => {
                let listed: Vec<String> = several.iter().take(5).map(|rule| rule.with_names(names()).to_string()).collect();
                let why = format!("{} rules are meant: {}", several.len(), listed.join("; "));
                Err(Error::new(ErrorKind::Ambiguous, "delete rule").because(why))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there() -> Vec<Rule> {
        let v4 = [
            "0: from all lookup local",
            "100: from 10.0.0.0/8 lookup 7",
            "100: from 10.1.0.0/16 lookup 8",
            "32766: from all lookup main",
        ];
        let v6 = ["0: from all lookup local", "32766: from all lookup main"];
        let of = |text: &str, family| Rule::parse(text, Some(family)).unwrap();
        v4.iter().map(|text| of(text, Family::V4)).chain(v6.iter().map(|text| of(text, Family::V6))).collect()
    }

    fn one(words: &str, family: Option<Family>) -> Result<String, ErrorKind> {
        let words: Vec<&str> = words.split(' ').collect();
        let rules = there();
        let meant = Meant::read(&words, family).unwrap();
        meant.the_one(&rules).map(|rule| format!("{} {rule}", rule.family)).map_err(|error| error.kind())
    }

    #[test]
    fn a_rule_is_told_by_what_is_named() {
        assert_eq!(one("pref 100 lookup 7", None).unwrap(), "inet 100: from 10.0.0.0/8 lookup 7");
        assert_eq!(one("from 10.1.0.0/16", None).unwrap(), "inet 100: from 10.1.0.0/16 lookup 8");
        assert_eq!(one("pref 32766", Some(Family::V6)).unwrap(), "inet6 32766: from all lookup main");
        assert_eq!(one("pref 100", None), Err(ErrorKind::Ambiguous));
        assert_eq!(one("from 10.1.0.0/16 lookup 7", None), Err(ErrorKind::NotFound));
        assert!(Meant::read(&[], None).is_err() && read(&[], None, &[]).is_err());
    }

    #[test]
    fn of_equal_rules_any_is_meant_and_an_inverted_one_is_another() {
        let rules = ["9: from 10.0.0.0/8 lookup 7", "9: from 10.0.0.0/8 lookup 7", "9: not from 10.1.0.0/16 lookup 7"];
        let rules = rules.map(|text| Rule::parse(text, Some(Family::V4)).unwrap());
        let one = |words: &str| {
            let meant = Meant::read(&words.split(' ').collect::<Vec<_>>(), None).unwrap();
            meant.the_one(&rules).map(|rule| rule.invert).map_err(|error| error.kind())
        };
        assert_eq!(one("pref 9"), Ok(false));
        assert_eq!(one("not pref 9"), Ok(true));
        assert_eq!(one("from 10.1.0.0/16"), Err(ErrorKind::NotFound));
    }

    #[test]
    fn rules_of_both_families_are_shown_unless_a_word_tells_one() {
        let shown = |words: &str, family| {
            let meant = meant_of(&words.split(' ').collect::<Vec<_>>(), family).unwrap();
            there().iter().filter(|rule| meant.iter().any(|meant| meant.is(rule))).count()
        };
        assert_eq!((shown("lookup main", None), shown("lookup main", Some(Family::V6))), (2, 1));
        assert_eq!((shown("from 10.0.0.0/8", None), shown("pref 100", None)), (1, 2));
        assert!(meant_of(&["metrik"], None).is_err());
    }

    #[test]
    fn an_unnamed_priority_is_that_before_the_second_rule() {
        let priority = |text: &str, family| read(&text.split(' ').collect::<Vec<_>>(), family, &there()).unwrap().priority;
        assert_eq!(priority("from 10.2.0.0/16 lookup 9", None), 99);
        assert_eq!(priority("from all lookup 9", Some(Family::V6)), 32765);
        assert_eq!(priority("from 2001:db8::/32 lookup 9", None), 32765);
        assert_eq!(priority("from all lookup 9 pref 5", None), 5);
    }
}
