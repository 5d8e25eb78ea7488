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
pub(super) fn of(steps: &[Step], done: &[Done]) -> (Vec<(Step, Done)>, Vec<Left>) {
    let (mut inverses, mut left) = (Vec::new(), Vec::new());
    let shared = shared(steps, done);
    let mut seen = FxHashSet::default();
    for (step, done) in steps.iter().zip(done.iter().copied()).rev().filter(|(_, done)| *done != Done::No) {
        let hops = |route: &Route| shared.get(&route.slot);
        match step {
            Step::DeleteRoute(route, back) if hops(route).is_some() => {
                if let Some(hops) = hops(route).filter(|_| seen.insert(route.slot)) {
                    put_back(route, *back, hops, &mut inverses, &mut left);
                }
            }
            _ if done != Done::Nothing => inverses.push((step.inverse(), done)),
            _ => {}
        }
    }
    (inverses, left)
}

/// The next hops that are deleted one by one, by slot and in the order of their route.
fn shared(steps: &[Step], done: &[Done]) -> FxHashMap<Slot, Vec<(NextHops, Done)>> {
    let mut shared: FxHashMap<Slot, Vec<(NextHops, Done)>> = FxHashMap::default();
    for (step, done) in steps.iter().zip(done.iter().copied()).rev() {
        if let Step::DeleteRoute(route, _) = step {
            if route.slot.destination.family() == Family::V6 {
                shared.entry(route.slot).or_default().push((route.entry.next_hops.clone(), done));
            }
        }
    }
    shared.retain(|_, hops| hops.len() > 1);
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
