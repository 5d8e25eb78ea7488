//! Which IPv6 route of one table is taken: `fib6_node_lookup` in `net/ipv6/ip6_fib.c`, `fib6_table_lookup` in `net/ipv6/route.c`
//! (Linux 6.18).

use std::net::{IpAddr, Ipv6Addr};

use super::sieve::Sieve;
use super::walk::{Hit, LOOPBACK, Observer};
use super::{Asked, PassedOver, Step};
use crate::tables::{Chain, TableRef};
use crate::{Disposition, Ipv6Prefix, NextHop, Preference, Prefix, RouteRef};

/// The route that the kernel takes in `table`.
#[inline]
pub(super) fn find<'a>(table: TableRef<'a>, asked: &Asked, sieve: &Sieve<'a>, observer: &mut impl Observer<'a>) -> Hit<'a> {
    let Some(longest) = table.longest_match(asked.flow.destination) else { return Hit::Nothing };
    let destination = longest.destination();
    let source = match asked.flow.source {
        Some(IpAddr::V6(source)) => source,
        _ => Ipv6Addr::UNSPECIFIED,
    };
    let mut search = Search { table, asked, source, sieve, observer, is_on_way_back: false };
    // Nearly always the longest match is it.
    match search.try_chain(longest) {
        Hit::Nothing => search.shorter(destination, &mut table.matches(asked.flow.destination)),
        hit => hit,
    }
}

struct Search<'s, 'a, O> {
    table: TableRef<'a>,
    asked: &'s Asked,
    source: Ipv6Addr,
    sieve: &'s Sieve<'a>,
    observer: &'s mut O,
    /// A destination has been tried that has routes for the source, but none that can be taken.
    is_on_way_back: bool,
}

impl<'a, O: Observer<'a>> Search<'_, 'a, O> {
    /// The hit of the longest prefix below `tried`. Prefixes come from the shortest on, so each waits for those behind it.
    fn shorter(&mut self, tried: Prefix, chains: &mut impl Iterator<Item = Chain<'a>>) -> Hit<'a> {
        let Some(chain) = chains.next().filter(|chain| chain.destination() != tried) else { return Hit::Nothing };
        match self.shorter(tried, chains) {
            Hit::Nothing => self.try_chain(chain),
            hit => hit,
        }
    }

    /// The routes to one destination: those for the most specific source first, those for any source last.
    ///
    /// On the way down, a destination that has routes for other sources alone is skipped together with its routes for any
    /// source, unless it is the default. On the way back, once a destination has been tried in vain, they count:
    /// `fib6_node_lookup_1` and `fib6_backtrack`.
    #[inline]
    fn try_chain(&mut self, chain: Chain<'a>) -> Hit<'a> {
        let has_sources = chain.clone().next().is_some_and(|route| route.slot.source.is_some());
        if !has_sources {
            self.is_on_way_back = true;
            return self.select(chain, None);
        }
        let is_ours = |route: &RouteRef<'_>| route.slot.source.is_some_and(|prefix| prefix.contains(self.source));
        let has_ours = chain.clone().any(|route| is_ours(&route));
        if !has_ours && !self.is_on_way_back && !chain.destination().is_default() {
            for route in chain {
                let why = if route.slot.source.is_some() { PassedOver::Source } else { PassedOver::BesideSources };
                self.observer.note(|| Step::Passed { route, why });
            }
            return Hit::Nothing;
        }
        if has_ours && !self.is_on_way_back && self.may_be_hidden(&chain) {
            return Hit::Unknown(
                "whether the kernel sees its routes for sources hangs on what was once refused or removed beside them",
            );
        }
        self.is_on_way_back = true;
        self.try_sources(chain)
    }

    /// Says whether the kernel may not see the routes to a destination that has some for sources and none for any source.
    ///
    /// The node of such a destination has no route of its own. It keeps one for its address: that of its first source, or, once an addition
    /// was refused there or a route removed, that of a longer prefix inside it (`fib6_find_prefix`). Then `fib6_node_lookup_1` compares
    /// the flow with that longer prefix. On the way back nothing is compared.
    #[cold]
    fn may_be_hidden(&self, chain: &Chain<'a>) -> bool {
        let destination = chain.destination();
        let is_for_any = |route: RouteRef<'_>| route.slot.source.is_none();
        if destination.is_default() || chain.clone().any(is_for_any) {
            return false;
        }
        let mut inside = self.table.inside(destination).map(|chain| chain.destination());
        inside.any(|longer| !longer.contains(self.asked.flow.destination))
    }

    /// Each source's routes in turn.
    #[cold]
    fn try_sources(&mut self, chain: Chain<'a>) -> Hit<'a> {
        let mut rest = chain;
        while let Some(route) = rest.clone().next() {
            let source = route.slot.source;
            if source.is_some_and(|prefix| !prefix.contains(self.source)) {
                self.observer.note(|| Step::Passed { route, why: PassedOver::Source });
                rest.next();
                continue;
            }
            match self.select(rest.clone(), source) {
                Hit::Nothing => {
                    while rest.clone().next().is_some_and(|route| route.slot.source == source) {
                        rest.next();
                    }
                }
                hit => return hit,
            }
        }
        Hit::Nothing
    }

    /// The best of the routes to a destination and from a source, which begin `chain`: `find_rr_leaf`.
    ///
    /// Those of the lowest metric are compared with each other. Where none of them can be taken, all others are compared, whatever their metric.
    #[inline]
    fn select(&mut self, chain: Chain<'a>, source: Option<Ipv6Prefix>) -> Hit<'a> {
        let mut routes = chain.take_while(|route| route.slot.source == source).peekable();
        let Some(metric) = routes.peek().map(|route| route.slot.metric) else { return Hit::Nothing };
        let mut best: Option<(Score, RouteRef<'a>)> = None;
        let mut is_open = false;
        for route in routes {
            if self.asked.is_out_of_scope(&route) {
                self.observer.note(|| Step::Passed { route, why: PassedOver::OtherInterface });
                continue;
            }
            if best.is_some_and(|(_, best)| best.slot.metric == metric) && route.slot.metric != metric {
                break;
            }
            if route.entry.next_hop_object.is_some() {
                // Such a blackhole is taken whatever has been found so far.
                if route.entry.disposition == Disposition::Blackhole {
                    return Hit::Route(route);
                }
                if route.entry.next_hops.is_empty() {
                    return Hit::Unknown("a route of its table goes by a next-hop object of which nothing is known here");
                }
            }
            if matches!(route.entry.disposition, Disposition::Other(_)) {
                return Hit::Unknown("a route of its table is of a type that is not known here");
            }
            let Some(score) = self.score(&route) else { continue };
            match best {
                Some((most, _)) if most.points >= score.points => {
                    is_open |= most.points == score.points && most.is_of_some;
                    self.observer.note(|| Step::Passed { route, why: PassedOver::Preference });
                }
                _ => {
                    is_open = false;
                    if let Some((_, route)) = best.replace((score, route)) {
                        self.observer.note(|| Step::Passed { route, why: PassedOver::Preference });
                    }
                }
            }
        }
        if is_open {
            // Each next hop stands for itself in the kernel's list (`fib6_add_rt2node`), and only the place of the first is told.
            return Hit::Unknown("whether a next hop of its route comes before another route as good is not told");
        }
        best.map_or(Hit::Nothing, |(_, route)| Hit::Route(route))
    }

    /// How good a route's best next hop is, or that none can be taken: `rt6_score_route`.
    #[inline]
    fn score(&mut self, route: &RouteRef<'a>) -> Option<Score> {
        let score = |hop: &NextHop| {
            let is_wished = self.sieve.wished.is_none() || self.sieve.wished == hop.interface;
            self.sieve.objection(hop).is_none().then_some((route.entry.preference, is_wished))
        };
        let hops = &route.entry.next_hops;
        let best = if hops.is_empty() && !route.entry.disposition.forwards() {
            // What says no leaves by the loopback.
            score(&NextHop { interface: LOOPBACK, ..NextHop::default() })
        } else {
            hops.iter().filter_map(score).max()
        };
        let is_of_some = hops.iter().any(|hop| score(hop) != best);
        if best.is_none() {
            let why = self.sieve.objection_to_all(route).unwrap_or(PassedOver::NoWayOut);
            self.observer.note(|| Step::Passed { route: *route, why });
        }
        best.map(|points| Score { points, is_of_some })
    }
}

/// How good a route is.
#[derive(Clone, Copy)]
struct Score {
    /// That of its best next hops: how the router wishes to be preferred, and whether it is by the interface that is wished for.
    points: (Preference, bool),
    /// Some of its next hops are worse.
    is_of_some: bool,
}
