//! What the kernel has, as far as a batch needs to know it to tell which route a deletion means.

use std::collections::BTreeSet;

use waypost::{Family, Position, Prefix, Route, RouteChange, RouteRef, Tables};

/// The metric that an IPv6 route of metric 0 gets: `IP6_RT_PRIO_USER` in `include/net/ip6_route.h` (Linux 6.18).
const IPV6_USUAL_METRIC: u32 = 1024;

/// The routes as they were listed, and changed since by the batch itself.
pub(super) struct Picture {
    tables: Tables,
    /// Nothing has been changed since they were listed.
    pub(super) is_fresh: bool,
    /// Destinations of changes that may be under way still: what there is then hangs on the kernel's answer.
    open: BTreeSet<Prefix>,
}

impl Picture {
    pub(super) const fn new() -> Self {
        Self { tables: Tables::new(), is_fresh: true, open: BTreeSet::new() }
    }

    pub(super) fn list(&mut self, route: RouteRef<'_>) {
        self.tables.insert(&route.to_route(), Position::Last);
    }

    /// The routes to a destination, in all tables.
    pub(super) fn to(&self, destination: Prefix) -> impl Iterator<Item = RouteRef<'_>> {
        let tables = self.tables.table_ids().filter_map(|id| self.tables.table(id));
        tables.filter_map(move |table| table.exactly(destination)).flatten()
    }

    /// Says whether it is known what there is to a destination.
    pub(super) fn is_settled(&self, destination: Prefix) -> bool {
        !self.open.contains(&destination)
    }

    /// Takes note that all that was under way has been answered.
    pub(super) fn settle(&mut self) {
        self.open.clear();
    }

    /// Takes note of a change that is under way. What the kernel then has is known in the end, but for what it fills in.
    pub(super) fn change(&mut self, change: RouteChange, route: &Route) {
        self.is_fresh = false;
        if change != RouteChange::Delete {
            self.open.insert(route.slot.destination);
        }
        let mut route = route.clone();
        let family = route.slot.destination.family();
        if family == Family::V6 && route.slot.metric == 0 {
            route.slot.metric = IPV6_USUAL_METRIC;
        }
        match change {
            RouteChange::Delete => self.remove(&route),
            RouteChange::Prepend => _ = self.tables.insert(&route, Position::First),
            RouteChange::Replace | RouteChange::Change => {
                // IPv4 has the first of the slot replaced, IPv6 all of it.
                let replaced = if family == Family::V4 { 1 } else { usize::MAX };
                let rows: Vec<_> = self.tables.slot(&route.slot).take(replaced).map(|(row, _)| row).collect();
                for row in rows {
                    self.tables.remove(&route.slot, row);
                }
                self.tables.insert(&route, Position::First);
            }
            _ => _ = self.tables.insert(&route, Position::Last),
        }
    }

    fn remove(&mut self, route: &Route) {
        let found = self.tables.slot(&route.slot).find(|(_, there)| *there.entry == route.entry).map(|(row, _)| row);
        if let Some(row) = found {
            self.tables.remove(&route.slot, row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_batchs_own_changes_are_seen() {
        let route = |text: &str| text.parse::<Route>().unwrap();
        let mut picture = Picture::new();
        picture.list(route("10.0.0.0/8 via 10.9.0.1").as_ref());
        picture.change(RouteChange::Append, &route("10.0.0.0/8 via 10.9.0.2"));
        picture.change(RouteChange::Replace, &route("10.0.0.0/8 via 10.9.0.3"));
        let there =
            |picture: &Picture, to: &str| picture.to(to.parse().unwrap()).map(|route| route.to_string()).collect::<Vec<_>>();
        assert_eq!(there(&picture, "10.0.0.0/8"), ["10.0.0.0/8 via 10.9.0.3", "10.0.0.0/8 via 10.9.0.2"]);
        picture.change(RouteChange::Delete, &route("10.0.0.0/8 via 10.9.0.3"));
        assert_eq!(there(&picture, "10.0.0.0/8"), ["10.0.0.0/8 via 10.9.0.2"]);
        picture.change(RouteChange::Add, &route("2001:db8::/32 dev if2"));
        assert_eq!(there(&picture, "2001:db8::/32"), ["2001:db8::/32 dev if2 metric 1024 pref medium"]);
        assert!(!picture.is_fresh);
    }
}
