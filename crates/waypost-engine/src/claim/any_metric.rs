//! Routes of metric 0 beside others of their owner's.
//!
//! IPv4 takes the metric 0 of a deletion for any (`fib_nh_match`, net/ipv4/fib_semantics.c, Linux 6.18) and deletes the first that has the rest of what is named, by rising
//! metric (`fib_table_delete`, net/ipv4/fib_trie.c): the one of metric 0, as long as that is there. Had a rival just deleted it, the next
//! would go, which is no other program's, as the owner's protocol is named too. So two things are seen to:
//!
//! - Where both are to go, the one of metric 0 goes last.
//! - Where the other stays, it is asked for again behind the deletion ([`Step::EnsureRoute`]): it is there, says the kernel, or else comes back.

use rustc_hash::{FxHashMap, FxHashSet};
use waypost_core::{Family, Prefix, Route, RouteRef, Scope, Slot, TableId};

use super::execution::Done;
use super::owner::Tag;
use super::plan::{BEHIND_DELETIONS, Plan, Step};
use super::set::Claims;
use crate::Mirror;

/// The routes that a deletion in a slot of metric 0 could hit, by slot.
pub(super) type Twins = FxHashMap<Slot, Vec<Route>>;

/// Says whether a deletion of this route goes by any metric.
pub(super) fn goes_by_any(route: &Route) -> bool {
    route.slot.metric == 0 && route.slot.destination.family() == Family::V4
}

/// Says whether the kernel could take a route for the one that is named. It compares more than this, and no less.
fn could_be(there: RouteRef<'_>, named: &Route) -> bool {
    let (slot, entry) = (&named.slot, &named.entry);
    let first = |hops: &[waypost_core::NextHop]| hops.first().map(|hop| (hop.gateway, hop.interface));
    let goes_there = match (first(&there.entry.next_hops), first(&entry.next_hops)) {
        (Some((gateway, interface)), Some((named, by))) => {
            (named.is_none() || gateway == named) && (interface.is_none() || by.is_none() || interface == by)
        }
        _ => true,
    };
    (there.slot.table, there.slot.destination, there.slot.tos) == (slot.table, slot.destination, slot.tos)
        && there.slot.metric != 0
        && there.entry.disposition == entry.disposition
        && (entry.scope == Scope::NOWHERE || there.entry.scope == entry.scope)
        && goes_there
}

impl Claims {
    /// A plan with its steps in order, and what of the owner's a deletion could hit that goes by any metric.
    pub(super) fn in_order(&self, plan: Plan, mirror: &Mirror) -> Plan {
        let mut plan = plan.in_order();
        // Elsewhere routes have no metrics.
        if matches!(self.tag, Tag::Protocol(_)) {
            self.see_to_twins(&mut plan, mirror);
        }
        plan
    }

    fn see_to_twins(&self, plan: &mut Plan, mirror: &Mirror) {
        let (mut twins, mut hit) = (Twins::default(), Vec::new());
        for step in plan.steps() {
            let (Step::AddRoute(_, named) | Step::DeleteRoute(named, _)) = step else { continue };
            if !goes_by_any(named) {
                continue;
            }
            if !step.adds() {
                hit.push(named.clone());
            }
            let known: &mut Vec<Route> = twins.entry(named.slot).or_default();
            let beside = mirror.tables().table(named.slot.table).and_then(|table| table.exactly(named.slot.destination));
            for there in beside.into_iter().flatten().filter(|there| self.owns(*there) && could_be(*there, named)) {
                let there = there.to_route();
                if !known.contains(&there) {
                    known.push(there);
                }
            }
        }
        if twins.is_empty() {
            return;
        }
        let ensured = what_stays(plan, &hit, &twins);
        plan.phases[BEHIND_DELETIONS].extend(ensured.into_iter().map(Step::EnsureRoute));
        twins.retain(|_, twins| !twins.is_empty());
        plan.twins = twins;
    }
}

/// What is to be there after a plan, and could be hit by the deletions of `hit`: what was there and stays, and what the plan adds.
fn what_stays(plan: &Plan, hit: &[Route], twins: &Twins) -> Vec<Route> {
    let mut gone: FxHashSet<Slot> = FxHashSet::default();
    let mut added: FxHashMap<(TableId, Prefix), Vec<&Route>> = FxHashMap::default();
    for step in plan.steps() {
        match step {
            Step::DeleteRoute(route, _) => _ = gone.insert(route.slot),
            Step::AddRoute(_, route) if route.slot.metric != 0 => {
                added.entry((route.slot.table, route.slot.destination)).or_default().push(route);
            }
            _ => {}
        }
    }
    let mut stays: Vec<Route> = Vec::new();
    for named in hit {
        let there = twins.get(&named.slot).into_iter().flatten().filter(|route| !gone.contains(&route.slot));
        let comes = added.get(&(named.slot.table, named.slot.destination)).into_iter().flatten().copied();
        for route in there.chain(comes).filter(|route| could_be(route.as_ref(), named)) {
            if !stays.contains(route) {
                stays.push(route.clone());
            }
        }
    }
    stays
}

/// What must be asked for again after steps have been undone: what was there before and could have been hit, forwards or backwards.
pub(super) fn to_ensure(steps: &[Step], twins: &Twins, done: &[Done]) -> Vec<(Step, Done)> {
    if twins.is_empty() {
        return Vec::new();
    }
    let mut seen: FxHashSet<Slot> = FxHashSet::default();
    let mut ensured: Vec<(Step, Done)> = Vec::new();
    for (step, done) in steps.iter().zip(done) {
        let (Step::AddRoute(_, route) | Step::DeleteRoute(route, _)) = step else { continue };
        if matches!(done, Done::Yes | Done::Perhaps) && seen.insert(route.slot) {
            let twins = twins.get(&route.slot).into_iter().flatten();
            ensured.extend(twins.map(|twin| (Step::EnsureRoute(twin.clone()), Done::Nothing)));
        }
    }
    ensured
}
