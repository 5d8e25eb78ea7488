//! Putting back what was saved, whosever it was.

use rustc_hash::FxHashMap;
use waypost_core::{Family, Route, RouteChange, Rule, Slot};

use super::Item;
use super::plan::{Conflict, Difference, Plan, Step};
use super::set::{Claims, is_same_rule, obstacle};
use super::wanted::{as_kept, is_satisfied_by};
use crate::Mirror;

impl Claims {
    /// What would have to be added so that the kernel has all this again, whosever it was: each only where nothing is in its place, or what was saved with
    /// it. Other things there are left alone, and told as [conflicts](Plan::conflicts).
    ///
    /// Of several routes in one slot, the first is again the first. What is named twice is there once.
    #[must_use]
    pub fn plan_to_restore(&self, items: impl IntoIterator<Item = Item>, mirror: &Mirror) -> Plan {
        let mut plan = Plan::default();
        let mut rules = Vec::<Rule>::new();
        let (mut routes, mut places) = (Vec::<Vec<Route>>::new(), FxHashMap::<Slot, usize>::default());
        for item in items {
            match item {
                Item::Route(route) => {
                    let at = *places.entry(as_kept(route.slot)).or_insert(routes.len());
                    match routes.get_mut(at) {
                        Some(place) if place.contains(&route) => {}
                        Some(place) => place.push(route),
                        None => routes.push(vec![route]),
                    }
                }
                Item::Rule(rule) if rules.contains(&rule) => {}
                Item::Rule(rule) => {
                    restore_rule(rule.clone(), mirror, &mut plan);
                    rules.push(rule);
                }
            }
        }
        let mut behind = Vec::new();
        routes.into_iter().for_each(|place| self.restore_place(place, mirror, &mut plan, &mut behind));
        // What stands behind others of its slot comes when these are there.
        plan.add_behind(behind);
        self.in_order(plan, mirror)
    }

    /// Puts back the routes of one slot.
    fn restore_place(&self, saved: Vec<Route>, mirror: &Mirror, plan: &mut Plan, behind: &mut Vec<Step>) {
        let Some(slot) = saved.first().map(|route| as_kept(route.slot)) else { return };
        let mut is_there = vec![false; saved.len()];
        let mut other = None;
        for (_, there) in mirror.tables().slot(&slot) {
            let known = (0..saved.len()).find(|at| !is_there[*at] && is_satisfied_by(&saved[*at], there));
            match known {
                Some(at) => is_there[at] = true,
                None => other = other.or(Some(there)),
            }
        }
        let first_there = is_there.iter().position(|is_there| *is_there);
        let mut before = Vec::new();
        for (at, route) in saved.into_iter().enumerate() {
            if is_there[at] {
                plan.unchanged += 1;
                continue;
            }
            let item = Item::Route(route.clone());
            if let Some(obstacle) = obstacle(&route.entry.next_hops, mirror) {
                plan.waiting.push((item, obstacle));
            } else if let Some(other) = other {
                plan.conflicts.push(Conflict { wanted: item, there: Item::Route(other.to_route()) });
            } else if !self.can_append() || at == 0 && first_there.is_none() {
                plan.add(item);
            } else {
                plan.differences.push(Difference::Added(item));
                // On IPv6 a new one always stands behind.
                let is_before = slot.destination.family() == Family::V4 && first_there.is_some_and(|first| at < first);
                match is_before {
                    true => before.push(Step::AddRoute(RouteChange::Prepend, route)),
                    false => behind.push(Step::AddRoute(RouteChange::Append, route)),
                }
            }
        }
        // Each is put before those that follow it.
        behind.extend(before.into_iter().rev());
    }
}

fn restore_rule(rule: Rule, mirror: &Mirror, plan: &mut Plan) {
    // The kernel keeps two that differ in nothing but who put them in.
    let is_there = |there: &Rule| there.protocol == rule.protocol && is_same_rule(there, &rule);
    if mirror.rules(rule.family).iter().any(is_there) {
        plan.unchanged += 1;
    } else {
        plan.add(Item::Rule(rule));
    }
}
