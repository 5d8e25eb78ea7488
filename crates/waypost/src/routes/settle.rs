//! Changes whose answer was lost: the state says what came of them.

use waypost_core::{
    Error, ErrorKind, Family, NextHop, NextHopObject, NextHopObjectKind, Protocol, Request, Route, RouteChange, Rule,
};
use waypost_engine::claim;

use super::{Routes, deletion};

/// What is said where the answer was lost.
const LOST: &str = "the kernel's answer was lost";

/// What was read to decide by.
#[derive(Default)]
struct State {
    routes: deletion::Beside,
    rules: Vec<Rule>,
    objects: Vec<NextHopObject>,
}

impl Routes {
    /// Finds out by reading what came of a change whose answer was lost.
    pub(super) fn settle_one(&mut self, request: Request<'_>) -> Result<(), Error> {
        self.settle(&[request])?.pop().unwrap_or(Ok(()))
    }

    /// Finds out by reading what came of changes whose answers were lost: those that have come about have succeeded, of the others
    /// it is `Unknown` why not.
    pub(super) fn settle(&mut self, requests: &[Request<'_>]) -> Result<Vec<Result<(), Error>>, Error> {
        match self.read_state(requests) {
            Ok(state) => Ok(requests.iter().map(|request| decide(*request, &state)).collect()),
            // A table that cannot be read in one piece says nothing of the changes.
            Err(error) if error.kind() == ErrorKind::Busy => {
                Ok(requests.iter().map(|request| Err(unknown(*request, &format!("{LOST}, and {}", error.reason())))).collect())
            }
            Err(error) => Err(error),
        }
    }

    fn read_state(&mut self, requests: &[Request<'_>]) -> Result<State, Error> {
        let mut state = State::default();
        let routes = || {
            requests.iter().filter_map(|request| match request {
                Request::Route(_, route) => Some(*route),
                _ => None,
            })
        };
        if routes().next().is_some() {
            let mut beside = deletion::Beside::around(routes());
            let listed = self.list_where(&deletion::of_same_tables(routes()), |route| beside.wants(route))?;
            beside.fill(listed);
            state.routes = beside;
        }
        for family in Family::ALL {
            let is_of = |request: &Request<'_>| matches!(request, Request::AddRule(rule) | Request::DeleteRule(rule) if rule.family == family);
            if requests.iter().any(is_of) {
                state.rules.extend(self.rules(Some(family))?);
            }
        }
        if requests.iter().any(|request| matches!(request, Request::AddNextHop { .. } | Request::DeleteNextHop(_))) {
            state.objects = self.next_hops()?;
        }
        Ok(state)
    }
}

/// Says what came of a request, given the state after it.
fn decide(request: Request<'_>, state: &State) -> Result<(), Error> {
    let has_rule = |rule: &Rule| state.rules.iter().any(|there| deletion::is_same_rule(there, rule));
    let (is_wanted, is_there) = match request {
        Request::Route(RouteChange::Delete, route) => {
            (false, state.routes.at(route).iter().any(|there| claim::satisfies(there, route) || has_its_leg(there, route)))
        }
        Request::Route(change, route) => (true, state.routes.at(route).iter().any(|there| has_come(there, change, route))),
        Request::AddRule(rule) => (true, has_rule(rule)),
        Request::DeleteRule(rule) => (false, has_rule(rule)),
        Request::AddNextHop { object, .. } => (true, state.objects.iter().any(|there| is_object(there, object))),
        Request::DeleteNextHop(id) => (false, state.objects.iter().any(|there| there.id == id)),
        // Nothing else is a change.
        _ => return Err(unknown(request, LOST)),
    };
    match (is_wanted, is_there) {
        (true, false) => Err(unknown(request, &format!("{LOST}, and it is not there"))),
        (false, true) => Err(unknown(request, &format!("{LOST}, and it is still there"))),
        _ => Ok(()),
    }
}

/// Says whether a route is what a change to `wanted` makes.
fn has_come(there: &Route, change: RouteChange, wanted: &Route) -> bool {
    let is_joined = change == RouteChange::Append && wanted.slot.destination.family() == Family::V6;
    claim::satisfies(there, wanted) || is_joined && claim::has_legs_of(there, wanted)
}

/// Says whether the one next hop of an IPv6 route is there among others, or left alone, where it is listed without its weight. Whose it is no listing says.
fn has_its_leg(there: &Route, wanted: &Route) -> bool {
    let [leg] = &*wanted.entry.next_hops else { return false };
    let goes_there = |hop: &NextHop| hop.gateway == leg.gateway && leg.interface.is_none_or(|index| hop.interface == Some(index));
    let is_shared = wanted.slot.destination.family() == Family::V6 && leg.gateway.is_some();
    is_shared && there.slot == claim::as_kept(wanted.slot) && there.entry.next_hops.iter().any(goes_there)
}

/// Says whether an object that is there is the one that is wanted; what was left open the kernel may have filled in.
fn is_object(there: &NextHopObject, wanted: &NextHopObject) -> bool {
    use NextHopObjectKind::{Group, Single};
    let is_same_kind = match (&there.kind, &wanted.kind) {
        (Single(there), Single(wanted)) => claim::goes_that_way(there, wanted),
        (Group { members: there, resilience: is }, Group { members: wanted, resilience }) => {
            there.len() == wanted.len()
                && wanted.iter().all(|member| there.contains(member))
                && (is == resilience || is.is_some() && resilience.is_some())
        }
        (there, wanted) => there == wanted,
    };
    there.id == wanted.id
        && is_same_kind
        && there.fdb == wanted.fdb
        && (wanted.protocol == Protocol::UNSPECIFIED || there.protocol == wanted.protocol)
}

/// The error of a change of which it is not known what became of it.
fn unknown(request: Request<'_>, why: &str) -> Error {
    let failed = |operation: &'static str| Error::new(ErrorKind::Unknown, operation).because(why);
    match request {
        Request::Route(RouteChange::Add, route) => failed("add route").on(route),
        Request::Route(RouteChange::Delete, route) => failed("delete route").on(route),
        Request::Route(_, route) => failed("change route").on(route),
        Request::AddRule(rule) => failed("add rule").on(rule),
        Request::DeleteRule(rule) => failed("delete rule").on(rule),
        Request::AddNextHop { object, replace: false } => failed("add next hop").on(object),
        Request::AddNextHop { object, replace: true } => failed("replace next hop").on(object),
        Request::DeleteNextHop(id) => failed("delete next hop").on(id),
        _ => failed("change"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(routes: &[&str], rules: &[&str], objects: &[&str]) -> State {
        let routes: Vec<Route> = routes.iter().map(|text| text.parse().unwrap()).collect();
        let mut beside = deletion::Beside::around(&routes);
        beside.fill(routes.clone());
        State {
            routes: beside,
            rules: rules.iter().map(|text| text.parse().unwrap()).collect(),
            objects: objects.iter().map(|text| text.parse().unwrap()).collect(),
        }
    }

    fn is_done(request: Request<'_>, state: &State) -> bool {
        match decide(request, state) {
            Ok(()) => true,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unknown);
                false
            }
        }
    }

    #[test]
    fn a_route_that_is_there_has_been_added_and_one_that_is_not_deleted() {
        let route: Route = "10.0.0.0/8 via 10.9.0.1".parse().unwrap();
        let there = state(&["10.0.0.0/8 via 10.9.0.1 dev if2"], &[], &[]);
        let other = state(&["10.0.0.0/8 via 10.9.0.2 dev if2"], &[], &[]);
        for change in [RouteChange::Add, RouteChange::Replace, RouteChange::Change, RouteChange::Append, RouteChange::Prepend] {
            assert!(is_done(Request::Route(change, &route), &there), "{change:?}");
            assert!(!is_done(Request::Route(change, &route), &other), "{change:?}");
        }
        assert!(!is_done(Request::Route(RouteChange::Delete, &route), &there));
        assert!(is_done(Request::Route(RouteChange::Delete, &route), &other));
        let error = decide(Request::Route(RouteChange::Add, &route), &other).unwrap_err();
        assert_eq!(error.to_string(), "add route 10.0.0.0/8 via 10.9.0.1: the kernel's answer was lost, and it is not there");
    }

    #[test]
    fn next_hops_that_have_joined_others_on_ipv6_have_come() {
        let wanted: Route = "2001:db8::/32 via fe80::2 dev if2 metric 5 proto bird".parse().unwrap();
        let legs =
            "2001:db8::/32 proto static metric 5 nexthop via fe80::1 dev if2 weight 1 nexthop via fe80::2 dev if2 weight 1";
        let joined = state(&[legs], &[], &[]);
        assert!(is_done(Request::Route(RouteChange::Append, &wanted), &joined));
        assert!(!is_done(Request::Route(RouteChange::Add, &wanted), &joined));
        let other: Route = "2001:db8::/32 via fe80::3 dev if2 metric 5".parse().unwrap();
        assert!(!is_done(Request::Route(RouteChange::Append, &other), &joined));
        // While it is among them it has not been deleted, nor when it is left alone and its weight is not said.
        assert!(!is_done(Request::Route(RouteChange::Delete, &wanted), &joined));
        assert!(is_done(Request::Route(RouteChange::Delete, &other), &joined));
        let alone = state(&["2001:db8::/32 via fe80::2 dev if2 metric 5 proto bird"], &[], &[]);
        let mut weighted = wanted;
        weighted.entry.next_hops = weighted.entry.next_hops[0].clone().with_weight(waypost_core::Weight::new(3).unwrap()).into();
        assert!(!is_done(Request::Route(RouteChange::Delete, &weighted), &alone));
    }

    #[test]
    fn rules_and_next_hop_objects_are_decided_alike() {
        let state = state(&[], &["5: from 10.0.0.0/8 lookup 7 proto static"], &["id 7 via 10.0.0.1 dev if2 scope link"]);
        for (text, is_there) in [("5: from 10.0.0.0/8 lookup 7", true), ("5: from all lookup 7", false)] {
            let rule: Rule = text.parse().unwrap();
            assert_eq!(is_done(Request::AddRule(&rule), &state), is_there, "{text}");
            assert_eq!(is_done(Request::DeleteRule(&rule), &state), !is_there, "{text}");
        }
        for (text, is_there) in [
            ("id 7 via 10.0.0.1 dev if2", true),
            ("id 7 via 10.0.0.2 dev if2", false),
            ("id 7 via 10.0.0.1 dev if2 proto bird", false),
            ("id 8 via 10.0.0.1 dev if2", false),
            ("id 7 blackhole", false),
        ] {
            let object: NextHopObject = text.parse().unwrap();
            for replace in [false, true] {
                assert_eq!(is_done(Request::AddNextHop { object: &object, replace }, &state), is_there, "{text}");
            }
        }
        let id = |number| waypost_core::NextHopId::new(number).unwrap();
        assert!(!is_done(Request::DeleteNextHop(id(7)), &state));
        assert!(is_done(Request::DeleteNextHop(id(8)), &state));
    }
}
