//! Deletions that could hit another route or rule.
//!
//! No kernel compares everything that a deletion names. Linux takes metric 0 for any on IPv4, looks at the first next hop only where
//! one is named, and on IPv6 compares neither type nor next-hop object. Had the route that is meant gone without a word
//! meanwhile, such a deletion would hit another: the low-priority twin of a default route, say.

use std::borrow::Cow;
use std::collections::HashMap;

use waypost_core::{
    Error, ErrorKind, Family, InterfaceNames, Prefix, Protocol, Request, Route, RouteChange, RouteFilter, Rule, TableId,
};
use waypost_engine::claim;

use super::Routes;
use crate::sys;

impl Routes {
    /// Deletes exactly this route: everything that it names must match.
    ///
    /// The routes to its destination are read first. Where the kernel could take another of them for it, the deletion is refused: on
    /// Linux so for an IPv4 route of metric 0, which means *any* to the kernel, as long as the same is there with another metric.
    ///
    /// # Errors
    ///
    /// `NotFound` where there is no such route, `Ambiguous` where another could be hit, `NotPermitted`.
    pub fn delete(&mut self, route: &Route) -> Result<(), Error> {
        let there = self.list(&of_same_destination(route))?;
        let mut named = Cow::Borrowed(route);
        let metric = match judge(route, &there, InterfaceNames::none(), None) {
            // The names are asked for only where there is something to say.
            Err(_) => judge(route, &there, &self.names()?, None)?,
            Ok(metric) => metric,
        };
        if metric != route.slot.metric {
            named.to_mut().slot.metric = metric;
        }
        self.do_it(Request::Route(RouteChange::Delete, &named))
    }

    /// Deletes exactly this route if it is there; says whether it was.
    ///
    /// # Errors
    ///
    /// As [`delete`](Self::delete) but `NotFound`.
    pub fn delete_if_exists(&mut self, route: &Route) -> Result<bool, Error> {
        match self.delete(route) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Deletes the one route that passes `filter`, and returns it.
    ///
    /// # Errors
    ///
    /// `NotFound` where none passes, `Ambiguous`, naming them, where several do; otherwise as [`delete`](Self::delete).
    pub fn delete_one(&mut self, filter: &RouteFilter) -> Result<Route, Error> {
        let mut passing = self.list(filter)?;
        let Some(route) = passing.pop() else {
            return Err(Error::new(ErrorKind::NotFound, "delete route").because("there is no such route"));
        };
        if !passing.is_empty() {
            passing.push(route);
            let names = self.names()?;
            let listed: Vec<String> = passing.iter().take(8).map(|route| route.with_names(&names).to_string()).collect();
            let why = format!("{} routes are meant: {}", passing.len(), listed.join("; "));
            return Err(Error::new(ErrorKind::Ambiguous, "delete route").because(why));
        }
        self.delete(&route)?;
        Ok(route)
    }

    /// Deletes the rule that is exactly this.
    ///
    /// The rules are read first: the kernel deletes the first that has all that is named, which could be another.
    ///
    /// # Errors
    ///
    /// `NotFound` where there is no such rule, `Ambiguous` where another could be hit, `NotPermitted`.
    pub fn delete_rule(&mut self, rule: &Rule) -> Result<(), Error> {
        let there = self.rules(Some(rule.family))?;
        judge_rule(rule, &there)?;
        self.do_it(Request::DeleteRule(rule))
    }
}

/// Refuses the deletion of a rule that is not among those of its family, or for which the kernel would take another of them.
pub(super) fn judge_rule(rule: &Rule, there: &[Rule]) -> Result<(), Error> {
    let failed = |kind| Error::new(kind, "delete rule").on(rule);
    match there.iter().find(|listed| sys::deletes_rule(rule, listed)) {
        None => Err(failed(ErrorKind::NotFound).because("there is no such rule")),
        Some(first) if is_same_rule(first, rule) => Ok(()),
        Some(first) => Err(failed(ErrorKind::Ambiguous).because(format!("the kernel would take another for it: {first}"))),
    }
}

/// Says whether two rules are the same but for what the kernel fills in: its flags, and who added it where nobody said.
pub(super) fn is_same_rule(listed: &Rule, wanted: &Rule) -> bool {
    let mut wanted = wanted.clone();
    wanted.os_flags = listed.os_flags;
    if wanted.protocol == waypost_core::Protocol::UNSPECIFIED {
        wanted.protocol = listed.protocol;
    }
    *listed == wanted
}

/// What the routes to the same destination in the same table pass.
pub(crate) fn of_same_destination(route: &Route) -> RouteFilter {
    let mut filter = RouteFilter::default();
    filter.family = Some(route.slot.destination.family());
    filter.table = Some(route.slot.table);
    filter.exactly = Some(route.slot.destination);
    filter
}

/// Finds the one route of `there` that a deletion means, and refuses where the kernel could take another for it; says by which metric
/// the kernel is to be asked, since it takes none for any. `owner` is as for [`check`].
pub(super) fn judge(route: &Route, there: &[Route], names: &InterfaceNames, owner: Option<Protocol>) -> Result<u32, Error> {
    let Some(meant) = there.iter().find(|other| claim::satisfies(other, route)) else {
        return Err(Error::new(ErrorKind::NotFound, "delete route")
            .on(route.with_names(names))
            .because("there is no such route"));
    };
    let metric = meant.slot.metric;
    if metric == route.slot.metric {
        check(route, there, names, owner)?;
    } else {
        let mut named = route.clone();
        named.slot.metric = metric;
        check(&named, there, names, owner)?;
    }
    Ok(metric)
}

/// Refuses a deletion for which the kernel could take another route of `there`.
///
/// What has the protocol of `owner`, where the deletion names that too, may stand behind the route that is meant: whoever deletes for the owner asks afterwards for
/// what is to stay ([`Step::EnsureRoute`](claim::Step::EnsureRoute)). The kernel goes through them in the order of its listing.
fn check(route: &Route, there: &[Route], names: &InterfaceNames, owner: Option<Protocol>) -> Result<(), Error> {
    let is_meant = |other: &Route| claim::satisfies(other, route);
    // One that says nothing more than was named is meant before those that do.
    let is_exact = |other: &Route| is_meant(other) && claim::satisfies(route, other);
    let hit = |other: &&Route| sys::deletes(route, other.as_ref());
    let is_first = || there.iter().find(hit).is_some_and(is_meant);
    let is_owners = |other: &Route| owner == Some(route.entry.protocol) && owner == Some(other.entry.protocol) && is_first();
    let other = there.iter().filter(hit).find(|other| !is_meant(other) && !is_owners(other));
    let fuller = || there.iter().find(hit).filter(|first| !is_exact(first) && there.iter().any(is_exact));
    match other.or_else(fuller) {
        None => Ok(()),
        Some(other) => Err(Error::new(ErrorKind::Ambiguous, "delete route")
            .on(route.with_names(names))
            .because(format!("the kernel could take another for it, which would have to go first: {}", other.with_names(names)))),
    }
}

/// What the routes of the same tables pass, as narrowly as one filter can say.
pub(super) fn of_same_tables<'a>(routes: impl Iterator<Item = &'a Route> + Clone) -> RouteFilter {
    let mut filter = RouteFilter::default();
    let Some(first) = routes.clone().next() else { return filter };
    if routes.clone().all(|route| route.slot.table == first.slot.table) {
        filter.table = Some(first.slot.table);
    }
    let family = first.slot.destination.family();
    filter.family = routes.clone().all(|route| route.slot.destination.family() == family).then_some(family);
    filter
}

/// The routes to some destinations, by table and destination.
#[derive(Default)]
pub(super) struct Beside(HashMap<(TableId, Prefix), Vec<Route>>);

impl Beside {
    /// What is beside these routes: nothing yet.
    pub(super) fn around<'a>(routes: impl IntoIterator<Item = &'a Route>) -> Self {
        Self(routes.into_iter().map(|route| (place(route), Vec::new())).collect())
    }

    /// Says whether a route is beside one of them.
    pub(super) fn wants(&self, route: &Route) -> bool {
        self.0.contains_key(&place(route))
    }

    /// Puts in those that are beside them.
    pub(super) fn fill(&mut self, routes: impl IntoIterator<Item = Route>) {
        for route in routes {
            if let Some(there) = self.0.get_mut(&place(&route)) {
                there.push(route);
            }
        }
    }

    /// Those beside a route.
    pub(super) fn at(&self, route: &Route) -> &[Route] {
        self.0.get(&place(route)).map_or(&[], Vec::as_slice)
    }

    /// Refuses the deletion of a route where the kernel could take another for it.
    pub(super) fn check(&self, route: &Route, names: &InterfaceNames) -> Result<(), Error> {
        check(route, self.at(route), names, None)
    }
}

/// Where the routes are that a deletion of this one could hit.
pub(super) fn place(route: &Route) -> (TableId, Prefix) {
    (route.slot.table, route.slot.destination)
}

/// Says whether a deletion needs a look at the table even where many are made, because the kernel does not compare what commonly tells
/// routes of its kind apart.
pub(super) fn needs_a_look(route: &Route) -> bool {
    match route.slot.destination.family() {
        Family::V4 => route.slot.metric == 0 || route.entry.next_hops.len() > 1,
        // It compares no types, takes no metric for any, and a route that has the next hop among others loses it.
        Family::V6 => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(route: &Route, there: &[Route]) -> Result<(), Error> {
        super::check(route, there, InterfaceNames::none(), None)
    }

    fn judge(route: &Route, there: &[Route]) -> Result<u32, Error> {
        super::judge(route, there, InterfaceNames::none(), None)
    }

    fn route(text: &str) -> Route {
        text.parse().unwrap()
    }

    #[test]
    fn a_route_that_the_kernel_would_take_for_it_stops_a_deletion() {
        for (mine, other) in [
            ("default via 10.0.0.1 dev if2", "default via 10.0.0.1 dev if2 metric 9"),
            ("default via 10.0.0.1 dev if2", "default via 10.0.0.1 dev if2 metric 9 src 10.0.0.7"),
            (
                "10.0.0.0/8 via 10.0.0.1 dev if2 metric 9",
                "10.0.0.0/8 metric 9 nexthop via 10.0.0.1 dev if2 weight 1 nexthop via 10.0.0.2 dev if2 weight 1",
            ),
        ] {
            let error = check(&route(mine), &[route(mine), route(other)]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Ambiguous);
            assert!(error.to_string().ends_with(&route(other).to_string()), "{error}");
        }
    }

    #[test]
    fn an_owners_other_route_does_not_stop_its_deletion_where_the_kernel_finds_it_later() {
        let [mine, twin, others] = ["", " metric 9", " metric 7 proto static"].map(|more| {
            route(&format!("default via 10.0.0.1 dev if2{more}{}", if more.contains("proto") { "" } else { " proto 201" }))
        });
        let of = |owner: u8, there: &[Route]| super::check(&mine, there, InterfaceNames::none(), Some(Protocol(owner)));
        let there = [mine.clone(), others.clone(), twin.clone()];
        assert!(of(201, &there).is_ok() && of(202, &there).is_err() && check(&mine, &there).is_err());
        assert!(of(201, &[twin.clone(), mine.clone()]).is_err(), "the kernel finds the other first");
        assert!(of(201, &[others, twin.clone()]).is_err(), "it has gone");
    }

    #[test]
    fn a_route_that_the_kernel_would_tell_apart_does_not() {
        let mine = route("default via 10.0.0.1 dev if2");
        for other in [
            "default via 10.0.0.2 dev if2 metric 9",
            "default via 10.0.0.1 dev if3 metric 9",
            "default via 10.0.0.1 dev if2 metric 9 proto static",
            "default via 10.0.0.1 dev if2 metric 9 table 7",
            "default tos 4 via 10.0.0.1 dev if2 metric 9",
        ] {
            assert!(check(&mine, &[mine.clone(), route(other)]).is_ok(), "{other}");
        }
    }

    #[test]
    fn a_route_that_says_more_stops_a_deletion_where_the_kernel_finds_it_first() {
        let plain = route("default via 10.0.0.1 dev if2 metric 9");
        let fuller = route("default via 10.0.0.1 dev if2 metric 9 src 10.0.0.7");
        assert_eq!(check(&plain, &[fuller.clone(), plain.clone()]).unwrap_err().kind(), ErrorKind::Ambiguous);
        assert!(check(&plain, &[plain.clone(), fuller.clone()]).is_ok());
        assert!(check(&fuller, &[plain.clone(), fuller.clone()]).is_ok());
        assert!(check(&plain, &[fuller]).is_ok(), "it says all that was named");
    }

    #[test]
    fn the_metric_that_the_kernel_chose_is_named() {
        let there = [route("2001:db8::/32 via fe80::1 dev if2 metric 5"), route("2001:db8::/32 via fe80::1 dev if2 metric 1024")];
        let wanted = route("2001:db8::/32 via fe80::1 dev if2");
        assert_eq!(judge(&wanted, &there).unwrap(), 1024);
        assert_eq!(judge(&there[1], &there[..1]).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn what_is_commonly_not_compared_needs_a_look() {
        let hops = "nexthop via 10.9.0.1 weight 1 nexthop via 10.9.0.2 weight 1";
        for text in
            ["10.0.0.0/8 via 10.9.0.1", &format!("10.0.0.0/8 metric 5 {hops}"), "2001:db8::/32 via fe80::1 dev if2 metric 5"]
        {
            assert!(needs_a_look(&route(text)), "{text}");
        }
        assert!(!needs_a_look(&route("10.0.0.0/8 via 10.9.0.1 metric 5")));
    }

    #[test]
    fn one_next_hop_of_several_is_no_route_to_be_deleted() {
        let legs = "nexthop via fe80::1 dev if2 weight 1 nexthop via fe80::2 dev if2 weight 1";
        let there = [route(&format!("2001:db8::/32 metric 5 {legs}"))];
        let leg = route("2001:db8::/32 via fe80::1 dev if2 metric 5");
        assert_eq!(judge(&leg, &there).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(judge(&there[0], &there).unwrap(), 5);
    }

    #[test]
    fn rules_that_differ_in_what_the_kernel_does_not_compare_are_told_apart() {
        let rule = |text: &str| text.parse::<Rule>().unwrap();
        assert!(is_same_rule(&rule("5: from 10.0.0.0/8 lookup 7 proto static"), &rule("5: from 10.0.0.0/8 lookup 7")));
        assert!(!is_same_rule(&rule("5: not from 10.0.0.0/8 lookup 7"), &rule("5: from 10.0.0.0/8 lookup 7")));
        assert!(!is_same_rule(&rule("5: from 10.0.0.0/8 iif lo lookup 7"), &rule("5: from 10.0.0.0/8 lookup 7")));
    }
}
