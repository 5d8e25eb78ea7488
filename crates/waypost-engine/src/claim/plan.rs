//! What would have to be changed, as a value.
//!
//! The steps stand in phases. A phase begins when all of the one before has succeeded, so that nothing is taken away before what is to
//! take its place is there:
//!
//! | phase | what |
//! |---|---|
//! | 1 | routes are added: those without a gateway first, as others may need them, and longer prefixes before shorter |
//! | 2 | rules are added: the tables that they lead to are filled by then, so packets change over at once and not route by route |
//! | 3 | rules are deleted: nothing leads to their tables any more |
//! | 4 | of IPv6 routes that become others, all next hops but the first are deleted: another's are found so |
//! | 5 | routes are deleted, in the opposite order |
//! | 6, 7 | what needed a free slot is added, and what held its place meanwhile deleted; what a deletion of metric 0 could have hit is asked for again |
//!
//! A route that becomes another in the same slot is changed without a moment in which there is none: on IPv4 the new one is put behind the
//! old, which is deleted then; on IPv6, where that would merge them, and for several next hops, the new one goes to a free metric just behind
//! until the old has made way. Where a kernel tells routes apart neither by metric nor by place, the old goes first:
//! [`Plan::has_gap`] says so.

use std::fmt;

use rustc_hash::FxHashSet;
use waypost_core::{Family, Names, NextHop, Request, Route, RouteChange, Rule, Slot};

use super::any_metric::{Twins, goes_by_any};
use super::{Item, inverse};

/// How many phases there are.
pub(super) const PHASES: usize = 7;

/// The phase in which all must be there that is deleted.
pub(super) const OWN_ALONE: usize = 3;

/// The phase in which routes are deleted.
const DELETIONS: usize = 4;

/// The first phase in which what has been deleted is gone.
pub(super) const BEHIND_DELETIONS: usize = DELETIONS + 1;

/// One request of a plan.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "whoever carries a plan out must know each kind of step")]
pub enum Step {
    /// Change a route: add, append or prepend it.
    AddRoute(RouteChange, Route),
    /// Delete a route. To undo that it is put back in this way.
    DeleteRoute(Route, RouteChange),
    /// Add a route that is there, unless the deletion of another of its owner's to the same destination, whose metric 0 the kernel takes for any,
    /// has hit it. That it is there already is no failure.
    EnsureRoute(Route),
    /// Add a rule.
    AddRule(Rule),
    /// Delete a rule.
    DeleteRule(Rule),
}

impl Step {
    /// What the kernel is asked.
    #[must_use]
    pub const fn request(&self) -> Request<'_> {
        match self {
            Self::AddRoute(change, route) => Request::Route(*change, route),
            Self::EnsureRoute(route) => Request::Route(RouteChange::Add, route),
            Self::DeleteRoute(route, _) => Request::Route(RouteChange::Delete, route),
            Self::AddRule(rule) => Request::AddRule(rule),
            Self::DeleteRule(rule) => Request::DeleteRule(rule),
        }
    }

    /// Says whether something is to be there after it.
    #[must_use]
    pub const fn adds(&self) -> bool {
        matches!(self, Self::AddRoute(..) | Self::EnsureRoute(_) | Self::AddRule(_))
    }

    /// What it is about.
    #[must_use]
    pub fn item(&self) -> Item {
        match self {
            Self::AddRoute(_, route) | Self::DeleteRoute(route, _) | Self::EnsureRoute(route) => Item::Route(route.clone()),
            Self::AddRule(rule) | Self::DeleteRule(rule) => Item::Rule(rule.clone()),
        }
    }

    /// The step that undoes it.
    pub(super) fn inverse(&self) -> Self {
        match self {
            Self::AddRoute(change, route) => Self::DeleteRoute(route.clone(), *change),
            Self::DeleteRoute(route, back) => Self::AddRoute(*back, route.clone()),
            Self::EnsureRoute(_) => self.clone(),
            Self::AddRule(rule) => Self::DeleteRule(rule.clone()),
            Self::DeleteRule(rule) => Self::AddRule(rule.clone()),
        }
    }
}

/// What is different after a plan.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Difference {
    /// It comes.
    Added(Item),
    /// It goes.
    Removed(Item),
    /// It becomes another in its place.
    Changed {
        /// What it was.
        old: Item,
        /// What it is to be.
        new: Item,
    },
}

/// Another's route or rule stands where a claim wants to be.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Conflict {
    /// What is claimed.
    pub wanted: Item,
    /// What is there.
    pub there: Item,
}

/// Why something cannot be there yet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Obstacle {
    /// Its interface is not there.
    NoLink,
    /// Its interface is down.
    LinkDown,
    /// The kernel says that its gateway cannot be reached.
    Gateway,
    /// The kernel cannot take it for now.
    Busy,
}

impl Obstacle {
    /// The reason in words.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::NoLink => "its interface is not there",
            Self::LinkDown => "its interface is down",
            Self::Gateway => "its gateway cannot be reached",
            Self::Busy => "the kernel cannot take it for now",
        }
    }
}

/// What would have to be changed so that the kernel has what is claimed.
///
/// A plan changes nothing. It can be printed as a diff, and carried out by an [`Execution`](super::Execution), all of it or nothing.
///
/// ```
/// use waypost_core::{Capabilities, OwnershipTag, TableId};
/// use waypost_engine::Mirror;
/// use waypost_engine::claim::{Claim, Claims, Owner, Prune};
///
/// let mut system = Capabilities::least("a system");
/// (system.metric, system.ownership_tag, system.main_table) = (true, OwnershipTag::Protocol, TableId::MAIN);
/// let mut claims = Claims::new(Owner::standard(), &system);
/// claims.put(Claim::new("10.1.0.0/16 via 10.0.0.1 metric 50".parse::<waypost_core::Route>()?))?;
/// let plan = claims.plan(&Mirror::new(), Prune::All);
/// assert_eq!(plan.to_string(), "+ route 10.1.0.0/16 via 10.0.0.1 proto 119 metric 50\n");
/// # Ok::<(), waypost_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Plan {
    pub(super) phases: [Vec<Step>; PHASES],
    pub(super) differences: Vec<Difference>,
    pub(super) conflicts: Vec<Conflict>,
    pub(super) waiting: Vec<(Item, Obstacle)>,
    pub(super) unchanged: usize,
    pub(super) gaps: usize,
    /// Where the next hops of a route are deleted one by one.
    pub(super) split: FxHashSet<Slot>,
    pub(super) twins: Twins,
}

impl Plan {
    /// Says whether there is nothing to be done, nor anything in the way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.differences.is_empty() && self.conflicts.is_empty() && self.waiting.is_empty()
    }

    /// What will be different.
    #[must_use]
    pub fn differences(&self) -> &[Difference] {
        &self.differences
    }

    /// What others have where something is claimed. It is left alone.
    #[must_use]
    pub fn conflicts(&self) -> &[Conflict] {
        &self.conflicts
    }

    /// What cannot be there yet, and why.
    #[must_use]
    pub fn waiting(&self) -> &[(Item, Obstacle)] {
        &self.waiting
    }

    /// How much of what is claimed is there already.
    #[must_use]
    pub const fn unchanged(&self) -> usize {
        self.unchanged
    }

    /// Says whether there is a moment in which something that is changed is not there: this kernel cannot have both at once.
    #[must_use]
    pub const fn has_gap(&self) -> bool {
        self.gaps > 0
    }

    /// The steps in order.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.phases.iter().flatten()
    }

    /// This plan with interfaces and numbers by name when printed.
    #[must_use]
    pub fn with_names<'a>(&'a self, names: impl Into<Names<'a>>) -> PlanPrinted<'a> {
        PlanPrinted { plan: self, names: names.into() }
    }

    /// A plan that adds all this, each only where nothing is in its place, to put back what was saved.
    #[must_use]
    pub fn adding(items: impl IntoIterator<Item = Item>) -> Self {
        let items = items.into_iter();
        let mut plan = Self::with_room(items.size_hint().0);
        for item in items {
            plan.add(item);
        }
        plan.in_order()
    }

    /// An empty plan with room for so many additions of routes.
    pub(super) fn with_room(additions: usize) -> Self {
        let mut plan = Self::default();
        plan.differences.reserve(additions);
        plan.phases[0].reserve(additions);
        plan
    }

    pub(super) fn add(&mut self, item: Item) {
        self.differences.push(Difference::Added(item.clone()));
        match item {
            Item::Route(route) => self.phases[0].push(Step::AddRoute(RouteChange::Add, route)),
            Item::Rule(rule) => self.phases[1].push(Step::AddRule(rule)),
        }
    }

    /// Adds these routes when all others have been added, and before the rules, of which packets take none for the first of their slots.
    pub(super) fn add_behind(&mut self, steps: Vec<Step>) {
        self.phases[1].splice(0..0, steps);
    }

    /// `is_own` says that all next hops of the route are known to be the owner's.
    pub(super) fn delete(&mut self, item: Item, back: RouteChange, is_own: bool) {
        self.differences.push(Difference::Removed(item.clone()));
        match item {
            Item::Route(route) => {
                let steps = self.deletions(route, back, is_own);
                self.phases[DELETIONS].extend(steps);
            }
            Item::Rule(rule) => self.phases[2].push(Step::DeleteRule(rule)),
        }
    }

    fn deletions(&mut self, route: Route, back: RouteChange, is_own: bool) -> Vec<Step> {
        if inverse::may_be_shared(&route) {
            self.split.insert(route.slot);
        }
        inverse::deletions(route, back, is_own)
    }

    /// Puts the steps of each phase in order.
    pub(super) fn in_order(mut self) -> Self {
        // What is replaced in its place keeps its turn, as the sort is stable. Steps are large: of sorted keys each moves once.
        self.phases[0].sort_by_cached_key(rank);
        self.phases[DELETIONS].sort_by_cached_key(|step| std::cmp::Reverse(rank(step)));
        self
    }
}

/// Where a route's addition stands: gateways are found by routes without one, and the more specific must not be missed meanwhile.
///
/// Of one destination the one of metric 0 comes first and goes last, for what deletes it could hit the others.
fn rank(step: &Step) -> (bool, u8, bool) {
    let (Step::AddRoute(_, route) | Step::DeleteRoute(route, _)) = step else { return (false, 0, false) };
    let by_gateway = route.entry.next_hops.iter().any(|hop: &NextHop| hop.gateway.is_some());
    (by_gateway, u8::MAX - route.slot.destination.length(), !goes_by_any(route))
}

impl fmt::Display for Plan {
    /// Writes it as a diff: `+` what comes, `-` what goes, `!` what is in the way and `?` what has to wait.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_names(Names::none()).fmt(f)
    }
}

/// A [`Plan`] that prints with names.
#[derive(Clone, Copy, Debug)]
pub struct PlanPrinted<'a> {
    plan: &'a Plan,
    names: Names<'a>,
}

impl fmt::Display for PlanPrinted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { plan, names } = *self;
        for difference in &plan.differences {
            match difference {
                Difference::Added(item) => writeln!(f, "+ {}", item.with_names(names))?,
                Difference::Removed(item) => writeln!(f, "- {}", item.with_names(names))?,
                Difference::Changed { old, new } => {
                    writeln!(f, "- {}\n+ {}", old.with_names(names), new.with_names(names))?;
                }
            }
        }
        for Conflict { wanted, there } in &plan.conflicts {
            writeln!(f, "! {}: in its place is another's {}", wanted.with_names(names), there.with_names(names))?;
        }
        for (item, obstacle) in &plan.waiting {
            writeln!(f, "? {}: {}", item.with_names(names), obstacle.word())?;
        }
        Ok(())
    }
}

/// How a kernel lets a route become another in its slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Swap {
    /// The new one is put behind the old.
    Behind,
    /// The new one is held at another metric meanwhile.
    Bridge(u32),
    /// The old one goes first.
    Gap,
}

impl Plan {
    /// Lets one route become another in its slot. `back` is how the old one would be put back if it alone were deleted.
    pub(super) fn change(&mut self, old: Route, new: Route, how: Swap, back: RouteChange) {
        self.differences.push(Difference::Changed { old: Item::Route(old.clone()), new: Item::Route(new.clone()) });
        match how {
            Swap::Behind => {
                self.phases[0].push(Step::AddRoute(RouteChange::Append, new));
                // While the new one is there the old can only be put beside it.
                let back = if back == RouteChange::Add { RouteChange::Prepend } else { back };
                self.phases[DELETIONS].push(Step::DeleteRoute(old, back));
            }
            Swap::Bridge(metric) => {
                let mut bridge = new.clone();
                bridge.slot.metric = metric;
                self.phases[0].push(Step::AddRoute(RouteChange::Add, bridge.clone()));
                let mut hops = self.deletions(old, back, false);
                self.phases[DELETIONS].extend(hops.pop());
                self.phases[OWN_ALONE].extend(hops);
                self.phases[BEHIND_DELETIONS].push(Step::AddRoute(RouteChange::Add, new));
                let bridge = self.deletions(bridge, RouteChange::Add, true);
                self.phases[6].extend(bridge);
            }
            Swap::Gap => {
                self.gaps += 1;
                let mut hops = self.deletions(old, back, false);
                self.phases[DELETIONS].extend(hops.pop());
                self.phases[OWN_ALONE].extend(hops);
                self.phases[BEHIND_DELETIONS].push(Step::AddRoute(RouteChange::Add, new));
            }
        }
    }
}

/// Says whether a kernel that can append tells these two apart when one of them is deleted: it looks at one next hop where one is named, and
/// not at the weights of several (`fib_nh_match`, net/ipv4/fib_semantics.c, Linux 6.18).
pub(super) fn can_stand_behind(old: &Route, new: &Route) -> bool {
    let is_single = |route: &Route| route.entry.next_hops.len() <= 1;
    new.slot.destination.family() == Family::V4 && is_single(old) && is_single(new)
}
