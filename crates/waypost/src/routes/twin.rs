//! Deletions that could hit another route.
//!
//! On IPv4 Linux takes metric 0 in a deletion for *any metric* (`fib_table_delete` in `net/ipv4/fib_trie.c`, Linux 6.18). Had the
//! route of metric 0 gone without a word meanwhile, deleting it would delete the same route of another metric: the
//! low-priority twin of a default route, say.

use waypost_core::{Error, ErrorKind, Family, Route, RouteFilter};

/// Says whether deleting this route could hit another.
pub(super) fn can_have_one(route: &Route) -> bool {
    route.slot.metric == 0 && route.slot.destination.family() == Family::V4
}

/// What its twins pass.
pub(super) fn filter(route: &Route) -> RouteFilter {
    let mut filter = RouteFilter::default();
    filter.family = Some(Family::V4);
    filter.table = Some(route.slot.table);
    filter.exactly = Some(route.slot.destination);
    filter
}

/// Refuses the deletion where `others` have a twin.
pub(super) fn refuse(route: &Route, others: &[Route]) -> Result<(), Error> {
    match others.iter().find(|other| is_twin(route, other)) {
        None => Ok(()),
        Some(twin) => Err(Error::new(ErrorKind::Ambiguous, "delete route")
            .on(route)
            .because(format!("metric 0 means any metric to the kernel, and there is {twin} too: delete that one first"))),
    }
}

fn is_twin(route: &Route, other: &Route) -> bool {
    let (mine, theirs) = (&route.slot, &other.slot);
    theirs.metric != 0
        && (mine.table, mine.destination, mine.tos) == (theirs.table, theirs.destination, theirs.tos)
        && super::ensure::says_all_of(&other.entry, &route.entry, Family::V4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(text: &str) -> Route {
        text.parse().unwrap()
    }

    #[test]
    fn a_twin_of_another_metric_stops_a_deletion_of_metric_zero() {
        let mine = route("default via 10.0.0.1 dev if2");
        let error = refuse(&mine, &[mine.clone(), route("default via 10.0.0.1 dev if2 metric 9")]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Ambiguous);
        assert!(error.to_string().contains("metric 9"), "{error}");
    }

    #[test]
    fn a_route_that_the_kernel_would_tell_apart_is_no_twin() {
        let mine = route("default via 10.0.0.1 dev if2");
        for other in [
            "default via 10.0.0.2 dev if2 metric 9",
            "default via 10.0.0.1 dev if3 metric 9",
            "default via 10.0.0.1 dev if2 metric 9 proto static",
            "default via 10.0.0.1 dev if2 metric 9 table 7",
            "10.0.0.0/8 via 10.0.0.1 dev if2 metric 9",
            "default tos 4 via 10.0.0.1 dev if2 metric 9",
            "default via 10.0.0.1 dev if2 metric 9 src 10.0.0.7",
        ] {
            // A deletion that names no source matches any, so that one is a twin.
            let twin = other.contains("src");
            assert_eq!(refuse(&mine, &[route(other)]).is_err(), twin, "{other}");
        }
        assert!(!can_have_one(&route("default via 10.0.0.1 metric 1")));
        assert!(!can_have_one(&route("default via fe80::1 dev if2")));
    }
}
