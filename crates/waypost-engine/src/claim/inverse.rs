//! What undoes the steps of a plan.
//!
//! A step has one that undoes it, but for the next hops of an IPv6 route. Those that other programs append join the owner's, and the kernel does not say
//! in a listing which of them are whose. It does say when one is deleted by all of its words, tag included: it goes where it is the
//! owner's, and there is none where it is another's. So a plan deletes each by itself, and what is put back is what has gone.
//!
//! Where such a route is to become another, its first next hop goes last, when all others have been found to be the owner's: another's would be left alone in
//! the slot, and ours could neither be put there nor back at the head of it.

use rustc_hash::{FxHashMap, FxHashSet};
use waypost_core::{Error, ErrorKind, Family, NextHops, Route, RouteChange, Slot};

use super::any_metric::{self, Twins};
use super::execution::{Done, Left};
use super::plan::Step;

/// Says whether the next hops of a route may be several programs'.
pub(super) fn may_be_shared(route: &Route) -> bool {
    // Those of an object are the object's, and not the route's.
    route.slot.destination.family() == Family::V6 && route.entry.next_hops.len() > 1 && route.entry.next_hop_object.is_none()
}

/// The steps that delete a route: one for each next hop where these may be several programs', the last first, so that the others stay in order.
///
/// `is_own` says that all of them are known to be the owner's.
pub(super) fn deletions(route: Route, back: RouteChange, is_own: bool) -> Vec<Step> {
    if !may_be_shared(&route) {
        return vec![Step::DeleteRoute(route, back)];
    }
    let back = if is_own { RouteChange::Add } else { RouteChange::Append };
    let hops = route.entry.next_hops.iter().rev();
    hops.map(|hop| Step::DeleteRoute(with_hops(&route, NextHops::one(hop.clone())), back)).collect()
}

fn with_hops(route: &Route, hops: NextHops) -> Route {
    let mut route = route.clone();
    route.entry.next_hops = hops;
    route
}

/// What undoes the steps that were begun, the last first, with what is known of each; and what cannot be undone.
///
/// `split` has the slots where next hops are deleted one by one.
pub(super) fn of(steps: &[Step], split: &FxHashSet<Slot>, twins: &Twins, done: &[Done]) -> (Vec<(Step, Done)>, Vec<Left>) {
    let (mut inverses, mut left) = (Vec::new(), Vec::new());
    let shared = shared(steps, split, done);
    let mut seen = FxHashSet::default();
    for (step, done) in steps.iter().zip(done.iter().copied()).rev().filter(|(_, done)| *done != Done::No) {
        let hops = |route: &Route| shared.get(&route.slot).filter(|_| is_leg(route));
        match step {
            Step::DeleteRoute(route, back) if hops(route).is_some() => {
                if let Some(hops) = hops(route).filter(|_| seen.insert(route.slot)) {
                    put_back(route, *back, hops, &mut inverses, &mut left);
                }
            }
            // Another's may have joined it meanwhile.
            Step::AddRoute(change, route) if done != Done::Nothing => {
                inverses.extend(deletions(route.clone(), *change, true).into_iter().map(|step| (step, done)));
            }
            Step::EnsureRoute(_) => {}
            _ if done != Done::Nothing => inverses.push((step.inverse(), done)),
            _ => {}
        }
    }
    inverses.extend(any_metric::to_ensure(steps, twins, done));
    (inverses, left)
}

/// Says whether this may be one next hop of a route; what has no gateway stands beside that by itself (`rt6_qualify_for_ecmp`, include/net/ip6_route.h, Linux 6.18).
fn is_leg(route: &Route) -> bool {
    matches!(&*route.entry.next_hops, [hop] if hop.gateway.is_some())
}

/// The next hops that are deleted one by one, by slot and in the order of their route.
fn shared(steps: &[Step], split: &FxHashSet<Slot>, done: &[Done]) -> FxHashMap<Slot, Vec<(NextHops, Done)>> {
    let mut shared: FxHashMap<Slot, Vec<(NextHops, Done)>> = FxHashMap::default();
    for (step, done) in steps.iter().zip(done.iter().copied()).rev() {
        if let Step::DeleteRoute(route, _) = step {
            if is_leg(route) && split.contains(&route.slot) {
                shared.entry(route.slot).or_default().push((route.entry.next_hops.clone(), done));
            }
        }
    }
    shared
}

/// Puts the next hops of one route back that were deleted.
fn put_back(route: &Route, back: RouteChange, hops: &[(NextHops, Done)], inverses: &mut Vec<(Step, Done)>, left: &mut Vec<Left>) {
    let some = |which: Done| hops.iter().filter(move |(_, done)| *done == which).map(|(hops, _)| hops.clone());
    let is_doubtful = some(Done::Perhaps).next().is_some();
    if is_doubtful && back == RouteChange::Add {
        // They are the owner's, whether they have gone or not: those that have not are told to be there.
        let gone = hops.iter().filter(|(_, done)| matches!(done, Done::Yes | Done::Perhaps));
        inverses.extend(gone.map(|(hops, done)| (Step::AddRoute(RouteChange::Append, with_hops(route, hops.clone())), *done)));
        return;
    }
    for hops in some(Done::Perhaps) {
        let why = Error::new(ErrorKind::Unknown, "undo").because("it is not known whether it has gone, nor whose it was");
        left.push(Left { item: with_hops(route, hops).into(), is_there: false, error: why });
    }
    let gone: NextHops = some(Done::Yes).flat_map(|hops| hops.to_vec()).collect();
    if !gone.is_empty() {
        // While its first is there they join that; otherwise what is there has come from another, and is not to be joined.
        let is_headed = hops.first().is_some_and(|(_, done)| *done == Done::No);
        let change = if is_headed { RouteChange::Append } else { RouteChange::Add };
        inverses.push((Step::AddRoute(change, with_hops(route, gone)), Done::Yes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_that_stand_beside_each_other_in_a_slot_come_back_each_as_it_was() {
        let delete = |text: &str| Step::DeleteRoute(text.parse().expect("a route"), RouteChange::Append);
        let apart = ["unreachable 2001:db8:5::/48 metric 7", "2001:db8:5::/48 via fe80::1 dev if2 metric 7"].map(delete);
        let (inverses, left) = of(&apart, &FxHashSet::default(), &Twins::default(), &[Done::Yes; 2]);
        assert!(left.is_empty());
        let each = [(apart[1].inverse(), Done::Yes), (apart[0].inverse(), Done::Yes)];
        assert_eq!(inverses, each);
        // Beside what is deleted next hop by next hop, too.
        let slots = FxHashSet::from_iter(apart[0].item().as_route().map(|route| route.slot));
        assert_eq!(of(&apart, &slots, &Twins::default(), &[Done::Yes; 2]).0.len(), 2);
    }
}
