//! Which IPv4 route of one table is taken: `fib_table_lookup` in `net/ipv4/fib_trie.c` (Linux 6.18).

use super::rule::tos_mask;
use super::sieve::Sieve;
use super::walk::{Hit, Observer};
use super::{Asked, PassedOver, Step};
use crate::tables::{Chain, TableRef};
use crate::{Disposition, Family, Prefix};

/// What the routes to one prefix come to.
enum Tried<'a> {
    Hit(Hit<'a>),
    /// None can be taken.
    Nothing,
    /// None can be taken, and those to shorter prefixes of the same network address are not tried.
    Miss,
}

/// The route of the longest prefix that has a usable one.
#[inline]
pub(super) fn find<'a>(table: TableRef<'a>, asked: &Asked, sieve: &Sieve<'a>, observer: &mut impl Observer<'a>) -> Hit<'a> {
    let Some(longest) = table.longest_match(asked.flow.destination) else { return Hit::Nothing };
    let destination = longest.destination();
    // Nearly always the longest match is it.
    match try_chain(longest, asked, sieve, observer) {
        Tried::Hit(hit) => hit,
        Tried::Nothing => {
            Search { asked, sieve, observer, missed: None }.shorter(destination, &mut table.matches(asked.flow.destination))
        }
        Tried::Miss => Search { asked, sieve, observer, missed: Some(destination) }
            .shorter(destination, &mut table.matches(asked.flow.destination)),
    }
}

/// The way back from the longest prefix.
struct Search<'s, 'a, O> {
    asked: &'s Asked,
    sieve: &'s Sieve<'a>,
    observer: &'s mut O,
    /// The prefix whose network address is no longer tried.
    missed: Option<Prefix>,
}

impl<'a, O: Observer<'a>> Search<'_, 'a, O> {
    /// The hit of the longest prefix below `tried`. Prefixes come from the shortest on, so each waits for those behind it.
    fn shorter(&mut self, tried: Prefix, chains: &mut impl Iterator<Item = Chain<'a>>) -> Hit<'a> {
        let Some(chain) = chains.next().filter(|chain| chain.destination() != tried) else { return Hit::Nothing };
        match self.shorter(tried, chains) {
            Hit::Nothing => {}
            hit => return hit,
        }
        let destination = chain.destination();
        if self.missed.is_some_and(|missed| missed.network() == destination.network()) {
            for route in chain {
                self.observer.note(|| Step::Passed { route, why: PassedOver::NextHopObject });
            }
            return Hit::Nothing;
        }
        match try_chain(chain, self.asked, self.sieve, self.observer) {
            Tried::Hit(hit) => return hit,
            Tried::Nothing => {}
            Tried::Miss => self.missed = Some(destination),
        }
        Hit::Nothing
    }
}

#[inline]
fn try_chain<'a>(chain: Chain<'a>, asked: &Asked, sieve: &Sieve<'a>, observer: &mut impl Observer<'a>) -> Tried<'a> {
    for route in chain {
        if asked.is_out_of_scope(&route) {
            observer.note(|| Step::Passed { route, why: PassedOver::OtherInterface });
            continue;
        }
        let tos = route.slot.tos;
        if tos != 0 && tos != asked.flow.tos & tos_mask(Family::V4) {
            observer.note(|| Step::Passed { route, why: PassedOver::Tos });
            continue;
        }
        // A route that says no is asked for no way out.
        if !route.entry.disposition.forwards() {
            return Tried::Hit(Hit::Route(route));
        }
        if matches!(route.entry.disposition, Disposition::Other(_)) {
            return Tried::Hit(Hit::Unknown("a route of its table is of a type that is not known here"));
        }
        let is_object = route.entry.next_hop_object.is_some();
        if is_object && route.entry.next_hops.is_empty() {
            return Tried::Hit(Hit::Unknown("a route of its table goes by a next-hop object of which nothing is known here"));
        }
        let Some(why) = sieve.objection_to_all(&route) else { return Tried::Hit(Hit::Route(route)) };
        observer.note(|| Step::Passed { route, why });
        if is_object {
            return Tried::Miss;
        }
    }
    Tried::Nothing
}
