//! The claims of one owner, and what they lack.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::time::Duration;

use rustc_hash::{FxBuildHasher, FxHashSet};
use waypost_core::{
    Capabilities, Error, ErrorKind, Family, IfIndex, NextHop, Position, Route, RouteChange, RouteRef, Rule, Slot, TableId,
    Tables, Touched,
};

use super::item::{Backoff, Claim, Item};
use super::keep::Kept;
use super::owner::{Owner, Tag};
use super::plan::{Conflict, Obstacle, Plan, Swap, can_stand_behind};
use super::wanted::{as_kept, has_legs_of, is_satisfied_by};
use crate::Mirror;

/// The metric of a claim that names none: not 0, which a deletion on Linux takes for any, nor 1024, which router advertisements have on IPv6.
const USUAL_METRIC: u32 = 512;

/// How far behind a route's metric what holds its place meanwhile may stand.
const BRIDGE_SPAN: u32 = 16;

/// The number of a claim in its set. A later claim can get the number of one that was withdrawn.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ClaimId(pub(super) u32);

/// What a plan does with what the owner has and does not claim any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "it stays or it goes")]
pub enum Prune {
    /// It stays, but for what was [withdrawn](Claims::withdraw) and what an interrupted change has left beside a claim.
    Withdrawn,
    /// It goes.
    All,
}

/// What one owner wants to be there, and what has become of it.
#[derive(Clone, Debug)]
pub struct Claims {
    owner: Owner,
    pub(super) tag: Tag,
    capabilities: Capabilities,
    pub(super) kept: Vec<Option<Kept>>,
    free: Vec<u32>,
    /// The routes that are claimed, to look up in, and whose they are by row.
    wanted: Tables,
    ids: Vec<u32>,
    pub(super) rules: Vec<u32>,
    /// What the owner has put in and may still be there, where the tag does not tell it.
    known: HashMap<Slot, Vec<Route>, FxBuildHasher>,
    /// What was withdrawn and may still be there.
    pub(super) released: Vec<Item>,
    pub(super) backoff: Backoff,
    pub(super) dirty: Vec<u32>,
    pub(super) timers: BTreeSet<(Duration, u32)>,
    pub(super) waiting: BTreeSet<u32>,
    pub(super) surroundings_changed: bool,
    /// Who makes the change that is told of next.
    pub(super) author: Option<(Touched, u32)>,
    pub(super) told: Vec<super::ClaimTold>,
}

/// How a claimed route stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    Held,
    Missing,
    /// The owner's, but saying something else.
    Differs(Route, RouteChange),
    Foreign(Item),
}

impl Claims {
    /// No claims of `owner` yet, for a kernel of these capabilities.
    #[must_use]
    pub fn new(owner: Owner, capabilities: &Capabilities) -> Self {
        Self {
            tag: owner.tag(capabilities),
            owner,
            capabilities: capabilities.clone(),
            kept: Vec::new(),
            free: Vec::new(),
            wanted: Tables::new(),
            ids: Vec::new(),
            rules: Vec::new(),
            known: HashMap::default(),
            released: Vec::new(),
            backoff: Backoff::default(),
            dirty: Vec::new(),
            timers: BTreeSet::new(),
            waiting: BTreeSet::new(),
            surroundings_changed: false,
            author: None,
            told: Vec::new(),
        }
    }

    /// Says whether this kernel keeps several routes in a slot, in an order.
    pub(super) const fn can_append(&self) -> bool {
        self.capabilities.append
    }

    /// Whose they are.
    #[must_use]
    pub const fn owner(&self) -> &Owner {
        &self.owner
    }

    /// By what the kernel knows the owner's again.
    #[must_use]
    pub const fn tag(&self) -> Tag {
        self.tag
    }

    /// How long what was taken away stays away before it is put back.
    pub const fn set_backoff(&mut self, backoff: Backoff) {
        self.backoff = backoff;
    }

    /// How many claims there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.len() - self.free.len()
    }

    /// Says whether nothing is claimed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The claims with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (ClaimId, &Claim)> {
        let all = (0..).zip(&self.kept);
        all.filter_map(|(number, kept)| kept.as_ref().map(|kept| (ClaimId(number), &kept.claim)))
    }

    /// One claim.
    #[must_use]
    pub fn get(&self, id: ClaimId) -> Option<&Claim> {
        self.kept(id).map(|kept| &kept.claim)
    }

    pub(super) fn kept(&self, id: ClaimId) -> Option<&Kept> {
        self.kept.get(id.0 as usize)?.as_ref()
    }

    pub(super) fn kept_mut(&mut self, id: ClaimId) -> Option<&mut Kept> {
        self.kept.get_mut(id.0 as usize)?.as_mut()
    }

    /// Makes room for so many more claims: who knows how many will come spares the moving of those that are there.
    pub fn reserve(&mut self, more: usize) {
        self.kept.reserve(more);
    }

    /// Claims something. A claim to the same slot, or to the same rule, is the same claim: it wants this from now on.
    ///
    /// Its item gets the owner's tag. A route that names no metric gets the metric 512 where there are metrics: a kernel takes none
    /// for any. [`Claim::metric_zero`] says that 0 is meant; then no other claim of the set may be to the same destination.
    ///
    /// # Errors
    ///
    /// `Invalid` where the item says that it is another owner's; `Ambiguous` where a deletion of metric 0 could hit another claim; `Unsupported` where this
    /// system cannot represent it.
    pub fn put(&mut self, mut claim: Claim) -> Result<ClaimId, Error> {
        match &mut claim.item {
            Item::Route(route) => self.complete(route, claim.metric_zero)?,
            Item::Rule(rule) => self.tag.put_on_rule(rule)?,
        }
        let id = match self.find(&claim.item) {
            Some(id) => {
                self.forget(id);
                id
            }
            None => ClaimId(self.free.pop().unwrap_or_else(|| {
                self.kept.push(None);
                self.kept.len() as u32 - 1
            })),
        };
        match &claim.item {
            Item::Route(route) => {
                let (row, _) = self.wanted.insert(route, Position::Last);
                if self.ids.len() <= row.index() {
                    self.ids.resize(row.index() + 1, u32::MAX);
                }
                self.ids[row.index()] = id.0;
            }
            Item::Rule(_) => self.rules.push(id.0),
        }
        self.kept[id.0 as usize] = Some(Kept::new(claim));
        self.mark(id.0);
        Ok(id)
    }

    /// Fills in what every claimed route has.
    fn complete(&self, route: &mut Route, metric_zero: bool) -> Result<(), Error> {
        self.tag.put_on(route)?;
        let unsupported = |why: &str| Err(Error::new(ErrorKind::Unsupported, "claim route").because(why));
        if route.slot.table == TableId::MAIN || route.slot.table == TableId::UNSPECIFIED {
            route.slot.table = self.capabilities.main_table;
        }
        if !self.capabilities.metric {
            return if route.slot.metric == 0 { Ok(()) } else { unsupported("routes have no metrics here") };
        }
        if route.slot.metric == 0 && !metric_zero {
            route.slot.metric = USUAL_METRIC;
        }
        route.slot = as_kept(route.slot);
        let beside = self.wanted.table(route.slot.table).and_then(|table| table.exactly(route.slot.destination));
        let other = beside.into_iter().flatten().find(|other| {
            let (one, two) = (other.slot.metric, route.slot.metric);
            one != two && (one == 0 || two == 0)
        });
        match other {
            Some(other) => Err(Error::new(ErrorKind::Ambiguous, "claim route")
                .on(&*route)
                .because(format!("a deletion of the one of metric 0 could hit the other: {other}"))),
            None => Ok(()),
        }
    }

    /// Gives a claim up: the next plan deletes what it has put in.
    pub fn withdraw(&mut self, id: ClaimId) -> Option<Claim> {
        self.kept(id)?;
        let claim = self.forget(id)?;
        self.free.push(id.0);
        self.released.push(claim.item.clone());
        Some(claim)
    }

    /// Takes a claim out of every index.
    fn forget(&mut self, id: ClaimId) -> Option<Claim> {
        let kept = self.kept.get_mut(id.0 as usize)?.take()?;
        self.waiting.remove(&id.0);
        if let Some(due) = kept.due {
            self.timers.remove(&(due, id.0));
        }
        match &kept.claim.item {
            Item::Route(route) => {
                let row = self.wanted.slot(&route.slot).map(|(row, _)| row).next();
                row.and_then(|row| self.wanted.remove(&route.slot, row));
            }
            Item::Rule(_) => self.rules.retain(|rule| *rule != id.0),
        }
        Some(kept.claim)
    }

    /// The claim to the same slot or rule.
    fn find(&self, item: &Item) -> Option<ClaimId> {
        match item {
            Item::Route(route) => self.at(&route.slot),
            Item::Rule(rule) => {
                let is_it = |id: &&u32| matches!(self.get(ClaimId(**id)), Some(Claim { item: Item::Rule(own), .. }) if is_same_rule(own, rule));
                self.rules.iter().find(is_it).map(|id| ClaimId(*id))
            }
        }
    }

    /// Says whether this very item is claimed.
    fn is_claimed(&self, item: &Item) -> bool {
        self.find(item).and_then(|id| self.get(id)).is_some_and(|claim| claim.item == *item)
    }

    /// The claim to a slot.
    pub(super) fn at(&self, slot: &Slot) -> Option<ClaimId> {
        let (row, _) = self.wanted.slot(slot).next()?;
        self.ids.get(row.index()).map(|id| ClaimId(*id))
    }

    /// The claims to a destination, and to the one that covers it most narrowly.
    pub(super) fn around(&self, route: &Route) -> Vec<(ClaimId, Slot)> {
        let Some(table) = self.wanted.table(route.slot.table) else { return Vec::new() };
        let rows = table.covering(route.slot.destination).flat_map(|chain| chain.rows());
        let mut found: Vec<(ClaimId, Slot)> =
            rows.filter_map(|(row, own)| Some((ClaimId(*self.ids.get(row.index())?), own.slot))).collect();
        let length = |slot: &Slot| slot.destination.length();
        let narrowest = found.iter().map(|(_, slot)| length(slot)).filter(|own| *own < route.slot.destination.length()).max();
        found.retain(|(_, slot)| slot.destination == route.slot.destination || Some(length(slot)) == narrowest);
        found
    }

    /// Takes in what a journal says that the owner has put in before.
    pub fn remember(&mut self, routes: impl IntoIterator<Item = Route>) {
        for route in routes {
            let known = self.known.entry(route.slot).or_default();
            if !known.contains(&route) {
                known.push(route);
            }
        }
    }

    /// What a journal should say before `plan` is carried out: what may have been put in, and what is about to be.
    pub fn remembered<'a>(&'a self, plan: &'a Plan) -> impl Iterator<Item = &'a Route> {
        let comes = plan.steps().filter_map(|step| match step {
            super::Step::AddRoute(_, route) => Some(route),
            _ => None,
        });
        self.known.values().flatten().chain(comes)
    }

    /// Takes note of what there is after a plan, come about or not: what is not there any more need not be remembered.
    pub fn settle(&mut self, plan: &Plan, mirror: &Mirror) {
        // What was withdrawn and could not be deleted is still to go, unless it is claimed again.
        let mut released = std::mem::take(&mut self.released);
        released.retain(|item| !self.is_claimed(item) && is_there(item, mirror));
        self.released = released;
        if self.tag.is_enough() {
            return;
        }
        let routes: Vec<Route> = self.remembered(plan).cloned().collect();
        self.known.clear();
        let remains = |route: &Route| mirror.tables().slot(&route.slot).any(|(_, there)| is_satisfied_by(route, there));
        self.remember(routes.into_iter().filter(remains));
    }

    /// Says whether a route is the owner's: by its tag, or where that does not tell, by what is remembered.
    #[must_use]
    pub fn owns(&self, route: RouteRef<'_>) -> bool {
        let is_known =
            || self.known.get(&route.slot).is_some_and(|known| known.iter().any(|known| is_satisfied_by(known, route)));
        self.tag.is_on(route) && (self.tag.is_enough() || is_known())
    }

    /// All that is there and is the owner's, claimed or not: what a crash may have left among it.
    #[must_use]
    pub fn owned(&self, mirror: &Mirror) -> Vec<Item> {
        let routes = mirror.routes().filter(|route| self.owns(*route)).map(|route| Item::Route(route.to_route()));
        let rules = Family::ALL.into_iter().flat_map(|family| mirror.rules(family));
        let rules = rules.filter(|rule| self.tag.is_on_rule(rule)).map(|rule| Item::Rule(rule.clone()));
        routes.chain(rules).collect()
    }

    /// Claims all that is there and is the owner's, so that it is kept, and says how many claims that made. What has a claim to its slot already is left to it.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put).
    pub fn adopt(&mut self, mirror: &Mirror, policy: super::Policy) -> Result<usize, Error> {
        let mut adopted = 0;
        for item in self.owned(mirror) {
            if self.find(&item).is_none() {
                self.put(Claim::new(item).policy(policy).metric_zero())?;
                adopted += 1;
            }
        }
        Ok(adopted)
    }

    /// What would have to be changed so that the kernel has what is claimed.
    #[must_use]
    pub fn plan(&self, mirror: &Mirror, prune: Prune) -> Plan {
        let tagged = self.tagged(mirror);
        let mut plan = tagged.map_or_else(Plan::default, |tagged| Plan::with_room(self.len().saturating_sub(tagged)));
        let mut held = 0;
        for (_, claim) in self.iter() {
            held += usize::from(self.plan_claim(claim, mirror, &mut plan));
        }
        self.plan_leftovers(mirror, prune, self.may_have_leftovers(tagged, held), &mut plan);
        self.in_order(plan, mirror)
    }

    /// What one claim lacks, whatever the others do: a plan comes about as a whole or not at all.
    #[must_use]
    pub fn plan_for(&self, id: ClaimId, mirror: &Mirror) -> Plan {
        let mut plan = Plan::default();
        if let Some(claim) = self.get(id) {
            self.plan_claim(claim, mirror, &mut plan);
        }
        self.in_order(plan, mirror)
    }

    /// What was withdrawn and is still there, to be deleted, whatever claims lack.
    #[must_use]
    pub fn plan_withdrawn(&self, mirror: &Mirror) -> Plan {
        let mut plan = Plan::default();
        for (at, item) in self.released.iter().enumerate() {
            if self.released[..at].contains(item) {
                continue;
            }
            match item {
                Item::Route(route) => {
                    let claimed = self.at(&route.slot).and_then(|id| self.get(id)).and_then(|claim| claim.item.as_route());
                    let is_wanted = |there| claimed.is_some_and(|own| is_satisfied_by(own, there) || is_joined(own, there));
                    let there = mirror.tables().slot(&route.slot).map(|(_, there)| there);
                    let there = there.filter(|there| self.owns(*there) && !is_wanted(*there));
                    for there in there.filter(|there| is_satisfied_by(route, *there) || is_joined(route, *there)) {
                        plan.delete(Item::Route(there.to_route()), self.place_of(there, mirror), is_satisfied_by(route, there));
                    }
                }
                Item::Rule(rule)
                    if self.find(item).is_none() && matches!(self.standing_of_rule(rule, mirror), Standing::Held) =>
                {
                    plan.delete(item.clone(), RouteChange::Add, true);
                }
                Item::Rule(_) => {}
            }
        }
        self.in_order(plan, mirror)
    }

    /// Plans what a claim lacks; says whether it is a route and lacks nothing.
    fn plan_claim(&self, claim: &Claim, mirror: &Mirror, plan: &mut Plan) -> bool {
        match &claim.item {
            Item::Route(route) => match self.standing(route, mirror) {
                Standing::Held => {
                    plan.unchanged += 1;
                    return true;
                }
                standing => self.plan_route(route, standing, mirror, plan),
            },
            Item::Rule(rule) => match self.standing_of_rule(rule, mirror) {
                Standing::Held => plan.unchanged += 1,
                Standing::Foreign(there) => plan.conflicts.push(Conflict { wanted: claim.item.clone(), there }),
                _ => plan.add(claim.item.clone()),
            },
        }
        false
    }

    fn plan_route(&self, route: &Route, standing: Standing, mirror: &Mirror, plan: &mut Plan) {
        if let Some(obstacle) = obstacle(&route.entry.next_hops, mirror) {
            plan.waiting.push((Item::Route(route.clone()), obstacle));
            return;
        }
        match standing {
            Standing::Foreign(there) => plan.conflicts.push(Conflict { wanted: Item::Route(route.clone()), there }),
            Standing::Differs(old, back) => {
                let how = self.swap(&old, route, mirror);
                plan.change(old, route.clone(), how, back);
            }
            _ => plan.add(Item::Route(route.clone())),
        }
    }

    /// How this kernel lets one route become another.
    fn swap(&self, old: &Route, new: &Route, mirror: &Mirror) -> Swap {
        if self.capabilities.append && can_stand_behind(old, new) {
            return Swap::Behind;
        }
        if !self.capabilities.metric {
            return Swap::Gap;
        }
        let slot = new.slot;
        let is_free = |metric: &u32| {
            let at = at_metric(slot, *metric);
            mirror.tables().slot(&at).next().is_none() && self.at(&at).is_none()
        };
        let behind = (1..=BRIDGE_SPAN).filter_map(|more| slot.metric.checked_add(more));
        behind.filter(|metric| *metric != 1024).find(is_free).map_or(Swap::Gap, Swap::Bridge)
    }

    /// How a claimed route stands.
    pub(super) fn standing(&self, route: &Route, mirror: &Mirror) -> Standing {
        let (mut differs, mut foreign, mut before, mut behind) = (None, None, 0, 0);
        for (_, there) in mirror.tables().slot(&route.slot) {
            if self.owns(there) {
                if is_satisfied_by(route, there) || is_joined(route, there) {
                    return Standing::Held;
                }
                differs = differs.or(Some(there));
            } else {
                foreign = foreign.or(Some(there));
                if differs.is_some() { behind += 1 } else { before += 1 }
            }
        }
        match (differs, foreign) {
            (Some(old), _) => Standing::Differs(old.to_route(), self.back(route.slot.destination.family(), before, behind)),
            (None, Some(other)) => Standing::Foreign(Item::Route(other.to_route())),
            (None, None) => Standing::Missing,
        }
    }

    /// How a claimed rule stands.
    pub(super) fn standing_of_rule(&self, rule: &Rule, mirror: &Mirror) -> Standing {
        let there = mirror.rules(rule.family).iter().filter(|there| is_same_rule(there, rule));
        let mut foreign = None;
        for there in there {
            if self.tag.is_on_rule(there) {
                return Standing::Held;
            }
            foreign = foreign.or(Some(there));
        }
        foreign.map_or(Standing::Missing, |there| Standing::Foreign(Item::Rule(there.clone())))
    }

    /// What is the owner's and is not claimed.
    ///
    /// `may_be` says whether there may be routes of the owner's beside those that were found where they are wanted.
    fn plan_leftovers(&self, mirror: &Mirror, prune: Prune, may_be: bool, plan: &mut Plan) {
        let changed: FxHashSet<Slot> = plan.differences.iter().filter_map(old_slot).collect();
        let is_wanted = |there: RouteRef<'_>| {
            let own = self.at(&there.slot).and_then(|id| self.get(id)).and_then(|claim| claim.item.as_route());
            own.is_some_and(|own| is_satisfied_by(own, there) || is_joined(own, there)) || changed.contains(&there.slot)
        };
        let mut released: HashMap<Slot, Vec<&Route>, FxBuildHasher> = HashMap::default();
        for route in self.released.iter().filter_map(Item::as_route) {
            released.entry(route.slot).or_default().push(route);
        }
        let of_slot = |slot: &Slot| released.get(slot).into_iter().flatten();
        let withdrawn = |there: RouteRef<'_>| of_slot(&there.slot).any(|route| is_satisfied_by(route, there));
        let is_among = |there: RouteRef<'_>| of_slot(&there.slot).any(|route| is_joined(route, there));
        let goes =
            |there: RouteRef<'_>| prune == Prune::All || self.is_beside_its_claim(there) || withdrawn(there) || is_among(there);
        if may_be {
            let gone = mirror.routes().filter(|there| self.owns(*there) && !is_wanted(*there) && goes(*there));
            let gone: Vec<RouteRef<'_>> = gone.collect();
            // Of one slot the last goes first: what is put back comes behind on IPv6.
            for there in gone.chunk_by(|one, next| one.slot == next.slot).flat_map(|slot| slot.iter().rev().copied()) {
                plan.delete(Item::Route(there.to_route()), self.place_of(there, mirror), withdrawn(there));
            }
        }
        for rule in Family::ALL.into_iter().flat_map(|family| mirror.rules(family)).filter(|rule| self.tag.is_on_rule(rule)) {
            let item = Item::Rule(rule.clone());
            let withdrawn = || self.released.iter().any(|other| matches!(other, Item::Rule(other) if is_same_rule(other, rule)));
            if self.find(&item).is_none() && (prune == Prune::All || withdrawn()) {
                plan.delete(item, RouteChange::Add, true);
            }
        }
    }

    /// How a route would be put back that stands behind and before so many others in its slot.
    ///
    /// On IPv6 those that do not join stand beside each other, and a new one always behind: what prepends on IPv4 appends there, as `NLM_F_APPEND`
    /// does (`fib6_add_rt2node`, net/ipv6/ip6_fib.c, Linux 6.18). Where nothing can be appended, routes of several gateways are added beside each other.
    const fn back(&self, family: Family, before: usize, behind: usize) -> RouteChange {
        match (family, before, behind) {
            (_, 0, 0) => RouteChange::Add,
            _ if !self.capabilities.append => RouteChange::Add,
            (Family::V4, 0, _) => RouteChange::Prepend,
            _ => RouteChange::Append,
        }
    }

    /// How a route that is there would be put back.
    fn place_of(&self, route: RouteRef<'_>, mirror: &Mirror) -> RouteChange {
        let mut all = mirror.tables().slot(&route.slot).map(|(_, there)| there.entry == route.entry);
        let before = all.by_ref().take_while(|is_it| !is_it).count();
        self.back(route.slot.destination.family(), before, all.count())
    }

    /// How many routes have the owner's tag, where that is asked once an entry and not once a route.
    fn tagged(&self, mirror: &Mirror) -> Option<usize> {
        let Tag::Protocol(protocol) = self.tag else { return None };
        Some(mirror.tables().rows_with(|entry| entry.protocol == protocol).count())
    }

    /// Says whether there may be routes of the owner's beside those that were found where they are wanted.
    fn may_have_leftovers(&self, tagged: Option<usize>, held: usize) -> bool {
        match self.tag {
            Tag::Protocol(_) => tagged != Some(held),
            Tag::Priority(_) => true,
            _ => !self.known.is_empty(),
        }
    }

    /// Says whether a route of the owner's is what held the place of a claimed one while that was changed: the same, at a metric
    /// just behind.
    fn is_beside_its_claim(&self, there: RouteRef<'_>) -> bool {
        if !self.capabilities.metric || self.at(&there.slot).is_some() {
            return false;
        }
        let metrics = (1..=BRIDGE_SPAN).filter_map(|less| there.slot.metric.checked_sub(less));
        let mut claims = metrics.filter_map(|metric| self.at(&at_metric(there.slot, metric)));
        claims.any(|id| {
            let own = self.get(id).and_then(|claim| claim.item.as_route());
            own.is_some_and(|own| is_satisfied_by(own, RouteRef::new(own.slot, there.entry, None)))
        })
    }
}

const fn at_metric(mut slot: Slot, metric: u32) -> Slot {
    slot.metric = metric;
    slot
}

/// The slot of what becomes another.
const fn old_slot(difference: &super::Difference) -> Option<Slot> {
    match difference {
        super::Difference::Changed { old: Item::Route(old), .. } => Some(old.slot),
        _ => None,
    }
}

/// Says whether others' next hops have joined those of a route, as IPv6 routes of one slot do.
pub(super) fn is_joined(wanted: &Route, there: RouteRef<'_>) -> bool {
    let is_merged = there.slot.destination.family() == Family::V6 && there.entry.next_hops.len() > wanted.entry.next_hops.len();
    is_merged && !wanted.entry.next_hops.is_empty() && has_legs_of(&there.to_route(), wanted)
}

/// Says whether a withdrawn route or rule is there.
fn is_there(item: &Item, mirror: &Mirror) -> bool {
    match item {
        Item::Route(route) => {
            mirror.tables().slot(&route.slot).any(|(_, there)| is_satisfied_by(route, there) || is_joined(route, there))
        }
        Item::Rule(rule) => mirror.rules(rule.family).iter().any(|there| is_same_rule(there, rule)),
    }
}

/// Says whether two rules are the same but for who put them in and what the kernel marks.
#[must_use]
pub fn is_same_rule(one: &Rule, two: &Rule) -> bool {
    one.family == two.family && one.priority == two.priority && {
        let mut bare = one.clone();
        (bare.protocol, bare.os_flags) = (two.protocol, two.os_flags);
        bare == *two
    }
}

/// What keeps a route with these ways out from being there, as far as the links say.
pub(super) fn obstacle(hops: &[NextHop], mirror: &Mirror) -> Option<Obstacle> {
    let of_link = |index: IfIndex| match mirror.links().get(&index) {
        None => Some(Obstacle::NoLink),
        Some(link) if !link.is_up() => Some(Obstacle::LinkDown),
        Some(_) => None,
    };
    // A mirror of nothing has no links, and says nothing of them.
    if mirror.links().is_empty() {
        return None;
    }
    hops.iter().filter_map(|hop| hop.interface).find_map(of_link)
}
