//! What a line asks for.

use waypost::{ErrorKind, Family, InterfaceNames, NextHopObject, Operation, RouteChange, Rule};

use super::picture::Picture;
use crate::change::the_one;
use crate::failure::Failure;
use crate::rule::Meant;
use crate::words::{self, Selection};
use crate::{nexthop, numbers, rule};

/// What is known while lines are read.
pub(super) struct Reader {
    pub(super) names: InterfaceNames,
    pub(super) family: Option<Family>,
    /// The routes, once a deletion has asked for them.
    pub(super) picture: Option<Picture>,
    /// The rules, once one had to be told from others.
    pub(super) rules: Option<Vec<Rule>>,
    /// A change of a rule may be under way still.
    pub(super) rules_are_open: bool,
}

/// What is to be done about a line.
pub(super) enum Step {
    Do(Operation),
    /// The line must be read again when this is known.
    Need(Need),
    Fail(Failure),
}

/// What must be asked of the kernel before a line can be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Need {
    Routes,
    Rules,
    /// What became of all that is under way.
    Answers,
}

impl From<Result<Operation, Failure>> for Step {
    fn from(read: Result<Operation, Failure>) -> Self {
        match read {
            Ok(operation) => Self::Do(operation),
            Err(failure) => Self::Fail(failure),
        }
    }
}

impl Reader {
    /// Reads the words of a line: those of `ip -batch`, and those of this command's own verbs.
    pub(super) fn read(&mut self, words: &[&str]) -> Step {
        match words {
            ["route" | "ro" | "r", "add" | "a", route @ ..] | ["add", route @ ..] => self.change(RouteChange::Add, route),
            ["route" | "ro" | "r", "replace", route @ ..] | ["replace", route @ ..] => self.change(RouteChange::Replace, route),
            ["route" | "ro" | "r", "change" | "chg", route @ ..] | ["change", route @ ..] => {
                self.change(RouteChange::Change, route)
            }
            ["route" | "ro" | "r", "append", route @ ..] | ["append", route @ ..] => self.change(RouteChange::Append, route),
            ["route" | "ro" | "r", "prepend", route @ ..] | ["prepend", route @ ..] => self.change(RouteChange::Prepend, route),
            ["route" | "ro" | "r", "del" | "delete" | "d", route @ ..] | ["del" | "delete", route @ ..] => self.delete(route),
            ["rule" | "ru", "add" | "a", rule @ ..] => self.add_rule(rule),
            ["rule" | "ru", "del" | "delete" | "d", rule @ ..] => self.delete_rule(rule),
            ["nexthop" | "nh", verb @ ("add" | "replace"), object @ ..] => {
                self.picture = None;
                self.next_hop(object, *verb == "replace").into()
            }
            ["nexthop" | "nh", "del" | "delete", words @ ..] => {
                // Routes go with it.
                self.picture = None;
                nexthop::id(words).map(Operation::DeleteNextHop).into()
            }
            [object @ ("route" | "rule" | "nexthop")] => fail(format!("something must follow {object:?}")),
            ["route" | "rule" | "nexthop", verb, ..] => fail(format!("{verb:?} cannot be done in a batch")),
            [word, ..] => fail(format!("{word:?} is none of route, rule, nexthop")),
            [] => fail(String::new()),
        }
    }

    fn change(&mut self, change: RouteChange, words: &[&str]) -> Step {
        let read = words::route(words, numbers::with(&self.names), self.family);
        if let (Ok(route), Some(picture)) = (&read, &mut self.picture) {
            picture.change(change, route);
            if change == RouteChange::Append && route.slot.destination.family() == Family::V6 {
                // The kernel merges it with what is there.
                self.picture = None;
            }
        }
        read.map(|route| Operation::Route(change, route)).into()
    }

    fn delete(&mut self, words: &[&str]) -> Step {
        let selection = Selection::read(words, numbers::with(&self.names), self.family).and_then(Selection::of_one_destination);
        let (destination, selection) = match selection {
            Ok(selection) => selection,
            Err(failure) => return Step::Fail(failure),
        };
        let Some(picture) = &mut self.picture else { return Step::Need(Need::Routes) };
        if !picture.is_settled(destination) {
            return Step::Need(Need::Answers);
        }
        match the_one(picture.to(destination), &selection, numbers::with(&self.names)).map(|route| route.to_route()) {
            Ok(route) => {
                picture.change(RouteChange::Delete, &route);
                Step::Do(Operation::Route(RouteChange::Delete, route))
            }
            // What the kernel has filled in since the routes were listed may tell.
            Err(_) if !picture.is_fresh => Step::Need(Need::Routes),
            Err(error) => Step::Fail(Failure::Refused(error)),
        }
    }

    fn add_rule(&mut self, words: &[&str]) -> Step {
        let there = match &mut self.rules {
            None if !rule::names_priority(words) => return Step::Need(Need::Rules),
            Some(_) if self.rules_are_open && !rule::names_priority(words) => return Step::Need(Need::Answers),
            there => there,
        };
        self.rules_are_open = true;
        let read = rule::read(words, self.family, there.as_deref().unwrap_or_default());
        if let (Ok(rule), Some(there)) = (&read, there) {
            let at = there.iter().position(|other| other.priority > rule.priority).unwrap_or(there.len());
            there.insert(at, rule.clone());
        }
        read.map(Operation::AddRule).into()
    }

    fn delete_rule(&mut self, words: &[&str]) -> Step {
        let meant = match Meant::read(words, self.family) {
            Ok(meant) => meant,
            Err(failure) => return Step::Fail(failure),
        };
        let Some(there) = &mut self.rules else { return Step::Need(Need::Rules) };
        if self.rules_are_open {
            return Step::Need(Need::Answers);
        }
        match meant.the_one(there).cloned() {
            Ok(rule) => {
                if let Some(at) = there.iter().position(|other| *other == rule) {
                    there.remove(at);
                }
                self.rules_are_open = true;
                Step::Do(Operation::DeleteRule(rule))
            }
            Err(error) => Step::Fail(Failure::Refused(error)),
        }
    }

    fn next_hop(&self, words: &[&str], replace: bool) -> Result<Operation, Failure> {
        let object = NextHopObject::parse_words(words, numbers::with(&self.names), self.family);
        let object = object.map_err(|error| Failure::of_words(&error, words))?;
        Ok(Operation::AddNextHop { object, replace })
    }

    /// All that was under way has been answered.
    pub(super) fn settle(&mut self) {
        self.picture.iter_mut().for_each(Picture::settle);
        self.rules_are_open = false;
    }

    /// The kernel did not do what was noted as done.
    pub(super) fn doubt(&mut self, refusal: ErrorKind, operation_is_deletion: bool) {
        // A route that was to go and was not there is gone all the same.
        if refusal != ErrorKind::NotFound || !operation_is_deletion {
            self.picture = None;
        }
        self.rules = None;
    }
}

fn fail(why: String) -> Step {
    Step::Fail(Failure::Usage(why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use waypost::Route;

    fn reader() -> Reader {
        Reader { names: InterfaceNames::default(), family: None, picture: None, rules: None, rules_are_open: false }
    }

    fn read(reader: &mut Reader, line: &str) -> Step {
        reader.read(&line.split(' ').collect::<Vec<_>>())
    }

    #[test]
    fn lines_are_those_of_ip_and_of_this_command() {
        for line in ["route add 10.0.0.0/8 dev if2", "r a 10.0.0.0/8 dev if2", "add 10.0.0.0/8 dev if2"] {
            let Step::Do(Operation::Route(RouteChange::Add, route)) = read(&mut reader(), line) else { panic!("{line}") };
            assert_eq!(route.to_string(), "10.0.0.0/8 dev if2 scope link");
        }
        assert!(matches!(read(&mut reader(), "rule add from 10.0.0.0/8 lookup 7 pref 9"), Step::Do(Operation::AddRule(_))));
        assert!(matches!(read(&mut reader(), "rule add from 10.0.0.0/8 lookup 7"), Step::Need(Need::Rules)));
        assert!(matches!(read(&mut reader(), "nexthop del id 7"), Step::Do(Operation::DeleteNextHop(_))));
        for wrong in ["link add x", "route show", "route", "route add 10.0.0.0/8 metrik 5", "nexthop del 7"] {
            assert!(matches!(read(&mut reader(), wrong), Step::Fail(Failure::Usage(_))), "{wrong}");
        }
    }

    #[test]
    fn a_deletion_becomes_one_of_exactly_what_is_there() {
        let mut reader = reader();
        assert!(matches!(read(&mut reader, "route del 10.0.0.0/8"), Step::Need(Need::Routes)));
        let there: Route = "10.0.0.0/8 via 10.9.0.1 dev if2 proto static metric 5".parse().unwrap();
        let mut picture = Picture::new();
        picture.list(there.as_ref());
        reader.picture = Some(picture);
        let Step::Do(Operation::Route(RouteChange::Delete, route)) = read(&mut reader, "route del 10.0.0.0/8") else { panic!() };
        assert_eq!(route, there);
        // It is gone now, but the picture is not fresh: the kernel is asked once more.
        assert!(matches!(read(&mut reader, "route del 10.0.0.0/8"), Step::Need(Need::Routes)));
        reader.picture = Some(Picture::new());
        assert!(matches!(read(&mut reader, "route del 10.0.0.0/8"), Step::Fail(Failure::Refused(_))));
    }
}
