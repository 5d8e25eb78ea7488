//! What the kernel has where a batch deletes, kept true by what the kernel answers.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::Hash;

use waypost_core::{Error, Family, InterfaceNames, Prefix, Protocol, Route, RouteChange, Rule, TableId};
use waypost_engine::claim;

use super::batch::Operation;
use super::deletion::{self, place};
use crate::sys;

/// What may be done about an operation now.
pub(super) enum Verdict {
    /// The kernel can be asked: it can take nothing else for what is named.
    Go,
    /// The kernel must not be asked.
    Refused(Error),
    /// Nobody knows before what is under way has been answered.
    Wait,
    /// Nobody knows before the kernel has been read.
    Look,
}

/// What the kernel has at the places where deletions must be looked at first: a destination in a table, or a rule's priority.
///
/// An operation changes it once the kernel has answered. Until then nothing is judged that hangs on the answer.
#[derive(Default)]
pub(super) struct Picture {
    routes: HashMap<(TableId, Prefix), Place<Route>>,
    rules: HashMap<(Family, u32), Place<Rule>>,
    /// How many changes of next-hop objects have no answer: routes go with an object.
    objects_under_way: usize,
    /// The interfaces as they were called when the places were read, for what is refused.
    pub(super) names: InterfaceNames,
    /// Whose routes are deleted, where all are one owner's.
    pub(super) owner: Option<Protocol>,
}

struct Place<T> {
    /// As the kernel listed it, in its order.
    there: Vec<T>,
    /// What the batch has added since, as it was written: the kernel may have filled in the rest.
    added: Vec<T>,
    /// How many operations here have no answer.
    under_way: usize,
    /// Something has been done here of which it is not plain what came of it.
    is_stale: bool,
}

impl<T> Default for Place<T> {
    fn default() -> Self {
        Self { there: Vec::new(), added: Vec::new(), under_way: 0, is_stale: false }
    }
}

impl Picture {
    /// The places, still empty, where some of these operations must be looked at.
    pub(super) fn of<'a>(operations: impl IntoIterator<Item = &'a Operation>) -> Self {
        let mut picture = Self::default();
        for operation in operations {
            match operation {
                Operation::Route(RouteChange::Delete, route) if deletion::needs_a_look(route) => {
                    picture.routes.entry(place(route)).or_default();
                }
                Operation::DeleteRule(rule) => _ = picture.rules.entry(place_of_rule(rule)).or_default(),
                _ => {}
            }
        }
        picture
    }

    /// Says whether something is to be known of the place where this route is.
    pub(super) fn wants(&self, route: &Route) -> bool {
        self.routes.contains_key(&place(route))
    }

    /// The families of the rules of which something is to be known.
    pub(super) fn families_of_rules(&self) -> Vec<Family> {
        Family::ALL.into_iter().filter(|family| self.rules.keys().any(|(wanted, _)| wanted == family)).collect()
    }

    /// Puts in what the kernel has listed.
    pub(super) fn fill(&mut self, routes: Vec<Route>, rules: Vec<Rule>) {
        for route in routes {
            if let Some(place) = self.routes.get_mut(&place(&route)) {
                place.there.push(route);
            }
        }
        for rule in rules {
            if let Some(place) = self.rules.get_mut(&place_of_rule(&rule)) {
                place.there.push(rule);
            }
        }
    }

    /// Says whether an operation may be begun. A deletion is named as [`Routes::delete`](super::Routes::delete) names it.
    pub(super) fn judge(&self, operation: &mut Operation) -> Verdict {
        let judged = match operation {
            Operation::Route(RouteChange::Delete, route) if deletion::needs_a_look(route) => self.judge_route(route),
            Operation::DeleteRule(rule) => self.judge_rule(rule),
            _ => Ok(Ok(())),
        };
        match judged {
            Ok(Ok(())) => Verdict::Go,
            Ok(Err(error)) => Verdict::Refused(error),
            Err(verdict) => verdict,
        }
    }

    fn judge_route(&self, route: &mut Route) -> Result<Result<(), Error>, Verdict> {
        if self.objects_under_way > 0 {
            return Err(Verdict::Wait);
        }
        let place = known(&self.routes, &place(route))?;
        let mut there = Cow::Borrowed(&place.there);
        if !place.added.is_empty() {
            let written = as_kept(route);
            if place.added.iter().any(|added| *added != written && could_be(&written, added)) {
                return Err(Verdict::Look);
            }
            // It stands behind those that the kernel might find before it, so that those stop its deletion.
            there.to_mut().extend(place.added.iter().filter(|added| **added == written).cloned());
        }
        Ok(deletion::judge(route, &there, &self.names, self.owner).map(|metric| route.slot.metric = metric))
    }

    fn judge_rule(&self, rule: &Rule) -> Result<Result<(), Error>, Verdict> {
        let place = known(&self.rules, &place_of_rule(rule))?;
        if place.added.iter().any(|added| added != rule) {
            return Err(Verdict::Look);
        }
        let mut there = Cow::Borrowed(&place.there);
        if !place.added.is_empty() {
            there.to_mut().extend_from_slice(&place.added);
        }
        Ok(deletion::judge_rule(rule, &there))
    }

    /// Takes note that the kernel is asked for this.
    pub(super) fn begin(&mut self, operation: &Operation) {
        self.objects_under_way += usize::from(moves_routes(operation));
        self.at(operation, |place| place.under_way += 1, |place| place.under_way += 1);
    }

    /// Takes note of what the kernel answered, or of what was read where the answer was lost.
    pub(super) fn end(&mut self, operation: &Operation, result: &Result<(), Error>, was_lost: bool) {
        if moves_routes(operation) {
            self.objects_under_way -= 1;
            // Which routes those were is not known here.
            self.routes.clear();
        }
        let is_plain = result.is_ok() && !was_lost;
        self.at(
            operation,
            |place| place.end(is_plain, |place| apply_to_routes(operation, place)),
            |place| place.end(is_plain, |place| apply_to_rules(operation, place)),
        );
    }

    /// Does one of these to the place of an operation, where something is to be known of it.
    fn at(&mut self, operation: &Operation, routes: impl FnOnce(&mut Place<Route>), rules: impl FnOnce(&mut Place<Rule>)) {
        match operation {
            Operation::Route(_, route) if !self.routes.is_empty() => {
                if let Some(place) = self.routes.get_mut(&place(route)) {
                    routes(place);
                }
            }
            Operation::AddRule(rule) | Operation::DeleteRule(rule) => {
                if let Some(place) = self.rules.get_mut(&place_of_rule(rule)) {
                    rules(place);
                }
            }
            _ => {}
        }
    }
}

impl<T> Place<T> {
    /// An operation has been answered; where it was plainly done, `apply` says what came of it, and whether that is certain.
    fn end(&mut self, is_plain: bool, apply: impl FnOnce(&mut Self) -> bool) {
        self.under_way -= 1;
        self.is_stale |= !is_plain || !apply(self);
    }
}

fn apply_to_routes(operation: &Operation, place: &mut Place<Route>) -> bool {
    let Operation::Route(change, route) = operation else { return false };
    match change {
        RouteChange::Add => {
            place.added.push(as_kept(route));
            true
        }
        RouteChange::Delete => {
            let written = as_kept(route);
            let added = place.added.iter().position(|added| *added == written).map(|at| place.added.remove(at));
            added.is_some() || remove(&mut place.there, |there| sys::deletes(route, there.as_ref()))
        }
        _ => false,
    }
}

fn apply_to_rules(operation: &Operation, place: &mut Place<Rule>) -> bool {
    match operation {
        Operation::AddRule(rule) => {
            place.added.push(rule.clone());
            true
        }
        Operation::DeleteRule(rule) => {
            remove(&mut place.there, |there| sys::deletes_rule(rule, there)) || remove(&mut place.added, |there| there == rule)
        }
        _ => false,
    }
}

/// Takes out the first that is so; says whether there is one.
fn remove<T>(all: &mut Vec<T>, is_it: impl Fn(&T) -> bool) -> bool {
    all.iter().position(is_it).map(|at| all.remove(at)).is_some()
}

/// The place of this key, where all is known of it.
fn known<'a, K: Eq + Hash, T>(places: &'a HashMap<K, Place<T>>, key: &K) -> Result<&'a Place<T>, Verdict> {
    match places.get(key) {
        Some(place) if place.under_way > 0 => Err(Verdict::Wait),
        Some(place) if !place.is_stale => Ok(place),
        _ => Err(Verdict::Look),
    }
}

/// Says whether routes go or move with a change of something else.
const fn moves_routes(operation: &Operation) -> bool {
    matches!(operation, Operation::AddNextHop { replace: true, .. } | Operation::DeleteNextHop(_))
}

const fn place_of_rule(rule: &Rule) -> (Family, u32) {
    (rule.family, rule.priority)
}

/// The route as it was written, with the metric that the kernel gives it.
fn as_kept(route: &Route) -> Route {
    let mut kept = route.clone();
    kept.slot = claim::as_kept(kept.slot);
    kept
}

/// Says whether the kernel could take a route for the one to be deleted, whatever it has filled in.
fn could_be(unwanted: &Route, added: &Route) -> bool {
    let (slot, other) = (&unwanted.slot, &added.slot);
    let gateways = |route: &Route| {
        let gateways: Vec<_> = route.entry.next_hops.iter().map(|hop| hop.gateway).collect();
        (route.entry.next_hop_object.is_none() && !gateways.is_empty() && !gateways.contains(&None)).then_some(gateways)
    };
    let differ = match (gateways(unwanted), gateways(added)) {
        (Some(unwanted), Some(added)) => !unwanted.iter().any(|gateway| added.contains(gateway)),
        _ => false,
    };
    slot.tos == other.tos && slot.source == other.source && (slot.metric == 0 || slot.metric == other.metric) && !differ
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delete(text: &str) -> Operation {
        Operation::Route(RouteChange::Delete, text.parse().unwrap())
    }

    fn add(text: &str) -> Operation {
        Operation::Route(RouteChange::Add, text.parse().unwrap())
    }

    fn rule(text: &str) -> Rule {
        text.parse().unwrap()
    }

    /// A picture for this deletion, of these routes.
    fn picture(operation: &Operation, there: &[&str]) -> Picture {
        let mut picture = Picture::of([operation]);
        picture.fill(there.iter().map(|text| text.parse().unwrap()).collect(), Vec::new());
        picture
    }

    fn word(picture: &Picture, operation: &Operation) -> String {
        match picture.judge(&mut operation.clone()) {
            Verdict::Go => "go".to_owned(),
            Verdict::Refused(error) => format!("{:?}", error.kind()),
            Verdict::Wait => "wait".to_owned(),
            Verdict::Look => "look".to_owned(),
        }
    }

    fn do_it(picture: &mut Picture, operation: &Operation) {
        picture.begin(operation);
        picture.end(operation, &Ok(()), false);
    }

    #[test]
    fn nothing_is_believed_before_the_kernel_has_answered() {
        let plain = delete("10.0.0.0/8 via 10.9.0.1 dev if2");
        let twin = delete("10.0.0.0/8 via 10.9.0.1 dev if2 metric 9");
        let mut picture = picture(&plain, &["10.0.0.0/8 via 10.9.0.1 dev if2", "10.0.0.0/8 via 10.9.0.1 dev if2 metric 9"]);
        assert_eq!(word(&picture, &plain), "Ambiguous");
        picture.begin(&twin);
        assert_eq!(word(&picture, &plain), "wait");
        picture.end(&twin, &Err(Error::new(waypost_core::ErrorKind::NotPermitted, "delete route")), false);
        assert_eq!(word(&picture, &plain), "look", "what came of it is not plain");
    }

    #[test]
    fn what_the_batch_has_done_counts() {
        let plain = delete("10.0.0.0/8 via 10.9.0.1 dev if2");
        let twin = "10.0.0.0/8 via 10.9.0.1 dev if2 metric 9";
        let mut picture = picture(&plain, &["10.0.0.0/8 via 10.9.0.1 dev if2", twin]);
        do_it(&mut picture, &delete(twin));
        assert_eq!(word(&picture, &plain), "go");
        do_it(&mut picture, &plain);
        assert_eq!(word(&picture, &plain), "NotFound");
        do_it(&mut picture, &add("10.0.0.0/8 via 10.9.0.1 dev if2"));
        assert_eq!(word(&picture, &plain), "go", "it was deleted as it was added");
        do_it(&mut picture, &add("10.0.0.0/8 via 10.9.0.7 metric 4"));
        assert_eq!(word(&picture, &plain), "go", "the kernel fills in no other gateway");
        do_it(&mut picture, &add("10.0.0.0/8 via 10.9.0.1 metric 5"));
        assert_eq!(word(&picture, &plain), "look", "the kernel may have filled in the interface");
    }

    #[test]
    fn what_is_not_plain_must_be_read_again() {
        let plain = delete("10.0.0.0/8 via 10.9.0.1 dev if2");
        let Operation::Route(_, route) = &plain else { unreachable!() };
        for other in [
            Operation::Route(RouteChange::Replace, route.clone()),
            Operation::Route(RouteChange::Append, route.clone()),
            Operation::DeleteNextHop(waypost_core::NextHopId::new(7).unwrap()),
        ] {
            let mut picture = picture(&plain, &["10.0.0.0/8 via 10.9.0.1 dev if2"]);
            assert_eq!(word(&picture, &plain), "go");
            picture.begin(&other);
            assert_eq!(word(&picture, &plain), "wait", "{other:?}");
            picture.end(&other, &Ok(()), false);
            assert_eq!(word(&picture, &plain), "look", "{other:?}");
        }
        let mut picture = picture(&plain, &["10.0.0.0/8 via 10.9.0.1 dev if2"]);
        picture.begin(&plain);
        picture.end(&plain, &Ok(()), true);
        assert_eq!(word(&picture, &plain), "look", "its answer was lost");
    }

    #[test]
    fn the_usual_metric_of_ipv6_is_named() {
        let mut unnamed = delete("2001:db8::/32 via fe80::1 dev if2");
        let picture = picture(&unnamed, &["2001:db8::/32 via fe80::1 dev if2 metric 1024"]);
        assert!(matches!(picture.judge(&mut unnamed), Verdict::Go));
        let Operation::Route(_, named) = unnamed else { unreachable!() };
        assert_eq!(named.slot.metric, 1024);
    }

    #[test]
    fn a_rule_that_comes_first_stops_a_deletion_until_it_has_gone() {
        let wanted = Operation::DeleteRule(rule("5: from all lookup 7"));
        let fuller = Operation::DeleteRule(rule("5: from 10.0.0.0/8 lookup 7"));
        let mut picture = Picture::of([&wanted]);
        assert_eq!(picture.families_of_rules(), [Family::V4]);
        picture.fill(Vec::new(), vec![rule("5: from 10.0.0.0/8 lookup 7"), rule("5: from all lookup 7")]);
        assert_eq!(word(&picture, &wanted), "Ambiguous");
        do_it(&mut picture, &fuller);
        assert_eq!(word(&picture, &wanted), "go");
        do_it(&mut picture, &wanted);
        assert_eq!(word(&picture, &wanted), "NotFound");
        do_it(&mut picture, &Operation::AddRule(rule("5: from all lookup 7")));
        assert_eq!(word(&picture, &wanted), "go");
        do_it(&mut picture, &Operation::AddRule(rule("5: from all to 10.0.0.0/8 lookup 7")));
        assert_eq!(word(&picture, &wanted), "look");
    }
}
