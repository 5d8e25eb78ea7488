//! The flows of one family, in groups of those that stand alike.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use waypost_core::lookup::{Dropped, Prepared, Verdict, World};
use waypost_core::{Entry, Family, Flow, IfIndex, Ipv6Prefix, Prefix, Route, TableId};

use super::standing::{Context, Effects, Outlook, Standing};
use super::store::{NONE, Remote, Store};
use super::{FlowId, Judgement};
use crate::Mirror;

/// How many ranges wait to be walked at most; with more, everything is judged, and only those wait besides whose flows have lost their route.
const RANGES_MAX: usize = 1024;

/// Candidates so few are judged as they are; of more, those inside the prefix are looked for.
const FEW: u32 = 256;

/// Flows that stand alike, in a list.
#[derive(Clone, Debug)]
struct Group {
    context: u32,
    standing: Arc<Standing>,
    head: u32,
    count: u32,
    /// They are to be judged; where the route that they used has gone, that is said too.
    stale: Option<Effects>,
}

/// A range of remote addresses that is being walked.
#[derive(Clone, Debug)]
struct Range<A> {
    from: (A, u32),
    last: A,
    judge: Whom,
}

/// Whom of a range to judge.
#[derive(Clone, Debug)]
enum Whom {
    /// Everyone.
    All,
    /// Those that use this route; `gone` says that it has gone.
    Users { route: Box<Route>, gone: bool },
    /// Those that such a route may win from what they use.
    Candidates { table: TableId, prefix_length: u8 },
}

impl Whom {
    fn concerns(&self, standing: &Standing) -> bool {
        match self {
            Self::All => true,
            Self::Users { route, .. } => standing.uses(route),
            // What a longer prefix of the same table decides stays so. Those that cannot be told may be told now.
            Self::Candidates { table, prefix_length } => {
                standing.table != *table || standing.prefix_length <= *prefix_length || standing.outlook == Outlook::Unknown
            }
        }
    }

    const fn effects(&self) -> Effects {
        match self {
            Self::Users { gone: true, .. } => Effects::ROUTE_GONE,
            _ => Effects::empty(),
        }
    }
}

/// All flows of one family.
#[derive(Clone, Debug)]
pub(super) struct Half<A> {
    family: Family,
    flows: Store<A>,
    groups: Vec<Group>,
    free: Vec<u32>,
    /// The group of each standing; those that are to be judged are not in it.
    by_standing: FxHashMap<(u32, Arc<Standing>), u32>,
    contexts: Vec<Context>,
    by_context: FxHashMap<Context, u32>,
    stale: Vec<u32>,
    ranges: VecDeque<Range<A>>,
}

/// The group of the flow judged before: most go the same way.
struct Last<'a> {
    entry: &'a Entry,
    key: (TableId, u8, u32, Option<Ipv6Prefix>, u32),
    group: u32,
    standing: Arc<Standing>,
}

/// What is found out once for many flows, as long as nothing changes.
struct Slice<'a> {
    world: World<'a>,
    prepared: Prepared<'a>,
    mirror: &'a Mirror,
    last: Option<Last<'a>>,
    /// What the flow judged before came to: how it stood, how it stands, and what of it is another.
    turn: Option<(Arc<Standing>, Arc<Standing>, Effects)>,
    /// Whether the source of a context is the host's own.
    is_own: FxHashMap<u32, bool>,
}

impl<A: Remote> Half<A> {
    pub(super) fn new(family: Family) -> Self {
        Self {
            family,
            flows: Store::new(),
            groups: Vec::new(),
            free: Vec::new(),
            by_standing: FxHashMap::default(),
            contexts: Vec::new(),
            by_context: FxHashMap::default(),
            stale: Vec::new(),
            ranges: VecDeque::new(),
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.flows.len()
    }

    pub(super) fn memory(&self) -> usize {
        let groups = self.groups.capacity() * (size_of::<Group>() + size_of::<Standing>() + 16);
        let contexts = self.contexts.capacity() * size_of::<Context>() + self.by_context.capacity() * (size_of::<Context>() + 5);
        let lists = (self.stale.capacity() + self.free.capacity()) * 4 + self.ranges.capacity() * size_of::<Range<A>>();
        self.flows.memory() + groups + contexts + lists + self.by_standing.capacity() * 25
    }

    pub(super) fn register(&mut self, remote: A, flow: &Flow) -> u32 {
        let context = self.context(Context::of(flow));
        let group = self.group_of(context, Standing::default());
        let number = match self.groups.get_mut(group as usize) {
            Some(group_now) => {
                group_now.count += 1;
                self.flows.add(remote, group, &mut group_now.head)
            }
            None => NONE,
        };
        self.mark(group, Effects::empty());
        number
    }

    pub(super) fn remove(&mut self, number: u32) {
        let at = self.flows.group(number);
        let Some(group) = self.groups.get_mut(at as usize) else { return };
        self.flows.remove(number, &mut group.head);
        group.count -= 1;
        self.release(at);
    }

    pub(super) fn standing(&self, number: u32) -> Option<&Arc<Standing>> {
        self.groups.get(self.flows.group(number) as usize).map(|group| &group.standing)
    }

    pub(super) fn is_done(&self) -> bool {
        self.stale.is_empty() && self.ranges.is_empty()
    }

    /// Contexts are few and are kept.
    fn context(&mut self, context: Context) -> u32 {
        let next = u32::try_from(self.contexts.len()).unwrap_or(NONE);
        let number = *self.by_context.entry(context).or_insert(next);
        if number == next {
            self.contexts.push(context);
        }
        number
    }

    /// The group of those that stand so and are not to be judged.
    fn group_of(&mut self, context: u32, standing: Standing) -> u32 {
        let key = (context, Arc::new(standing));
        if let Some(group) = self.by_standing.get(&key) {
            return *group;
        }
        let group = Group { context, standing: Arc::clone(&key.1), head: NONE, count: 0, stale: None };
        let number = match self.free.pop() {
            Some(number) => {
                self.groups[number as usize] = group;
                number
            }
            None => {
                self.groups.push(group);
                u32::try_from(self.groups.len() - 1).unwrap_or(NONE)
            }
        };
        self.by_standing.insert(key, number);
        number
    }

    /// Gives a group up if it has no flow. One that is to be judged is given up where it is found empty.
    fn release(&mut self, number: u32) {
        let Some(group) = self.groups.get(number as usize).filter(|group| group.count == 0 && group.stale.is_none()) else {
            return;
        };
        let key = (group.context, Arc::clone(&group.standing));
        // While it was to be judged, another may have come to stand for the same.
        if self.by_standing.get(&key) == Some(&number) {
            self.by_standing.remove(&key);
        }
        self.free.push(number);
    }

    /// Has the flows of a group judged.
    fn mark(&mut self, number: u32, effects: Effects) {
        let Some(group) = self.groups.get_mut(number as usize).filter(|group| group.count > 0) else { return };
        match &mut group.stale {
            Some(known) => *known |= effects,
            none => {
                *none = Some(effects);
                self.stale.push(number);
                // No judgement leads to those that have not been judged, so new ones can join them while they wait.
                if group.standing.outlook != Outlook::Unjudged {
                    self.by_standing.remove(&(group.context, Arc::clone(&group.standing)));
                }
            }
        }
    }

    /// Has the flows of those groups judged that pass.
    fn mark_where(&mut self, effects: Effects, passes: impl Fn(&Context, &Standing) -> bool) {
        for number in 0..u32::try_from(self.groups.len()).unwrap_or(NONE) {
            let group = &self.groups[number as usize];
            if group.count > 0
                && self.contexts.get(group.context as usize).is_some_and(|context| passes(context, &group.standing))
            {
                self.mark(number, effects);
            }
        }
    }

    pub(super) fn judge_all(&mut self) {
        // That a route has gone is known by its range alone.
        self.ranges.retain(|range| !range.judge.effects().is_empty());
        self.mark_where(Effects::empty(), |_, _| true);
    }

    pub(super) fn judge_by_source(&mut self, sources: Prefix) {
        self.judge_by_source_where(sources, |_| true);
    }

    /// Has those judged that have a source in a prefix that passes.
    pub(super) fn judge_by_source_where(&mut self, sources: Prefix, passes: impl Fn(IpAddr) -> bool) {
        let is_meant = |source: IpAddr| sources.contains(source) && passes(source);
        self.mark_where(Effects::empty(), |context, _| context.source.is_some_and(is_meant));
    }

    pub(super) fn judge_by_interface(&mut self, index: IfIndex) {
        self.mark_where(Effects::empty(), |_, standing| standing.ways.iter().any(|way| way.interface == Some(index)));
    }

    pub(super) fn judge_inside(&mut self, prefix: Prefix) {
        self.walk(prefix, Whom::All);
    }

    /// A route has come, or (`is_old`) is not as it was; `gone` says that it has gone.
    pub(super) fn route(&mut self, route: &Route, is_old: bool, gone: bool) {
        let (table, prefix_length) = (route.slot.table, route.slot.destination.length());
        let whom = match is_old {
            true => Whom::Users { route: Box::new(route.clone()), gone },
            false => Whom::Candidates { table, prefix_length },
        };
        let concerned = self.groups.iter().filter(|group| group.count > 0 && whom.concerns(&group.standing));
        let count: u32 = concerned.map(|group| group.count).fold(0, u32::saturating_add);
        // Those that used a route to everything are exactly those of their groups; with few candidates, looking for some is no saving.
        match count {
            0 => {}
            _ if prefix_length == 0 => self.mark_where(whom.effects(), |_, standing| whom.concerns(standing)),
            1..=FEW if !is_old => self.mark_where(Effects::empty(), |_, standing| whom.concerns(standing)),
            _ => self.walk(route.slot.destination, whom),
        }
    }

    /// Has those inside a prefix looked at.
    fn walk(&mut self, prefix: Prefix, judge: Whom) {
        let bits = |address: IpAddr| match address {
            IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
            IpAddr::V6(address) => address.to_bits(),
        };
        let first = bits(prefix.network());
        let rest = u128::MAX.checked_shr(u32::from(prefix.length())).unwrap_or(0);
        let range = Range { from: (A::of_bits(first), 0), last: A::of_bits(first | rest), judge };
        if self.ranges.len() >= RANGES_MAX {
            if range.judge.effects().is_empty() {
                return self.judge_all();
            }
            if !self.flows.has_any(range.from.0, range.last) {
                return;
            }
        }
        self.ranges.push_back(range);
    }

    /// Judges some flows, about `budget` of them; gives back what is left of the budget.
    pub(super) fn work(&mut self, world: World<'_>, mirror: &Mirror, budget: usize, out: &mut Vec<Judgement>) -> usize {
        if self.is_done() {
            return budget;
        }
        let mut slice = Slice { world, prepared: world.prepare(), mirror, last: None, turn: None, is_own: FxHashMap::default() };
        // Ranges first: whom they concern goes by how flows stood, and judging a group ends that.
        let left = self.work_on_ranges(&mut slice, budget, out);
        self.work_on_groups(&mut slice, left, out)
    }

    fn work_on_groups(&mut self, slice: &mut Slice<'_>, budget: usize, out: &mut Vec<Judgement>) -> usize {
        let mut left = budget;
        while left > 0 {
            let Some(at) = self.stale.last().copied() else { break };
            match self.groups.get(at as usize).map(|group| group.head) {
                Some(NONE) | None => {
                    self.stale.pop();
                    if let Some(group) = self.groups.get_mut(at as usize) {
                        group.stale = None;
                        self.release(at);
                    }
                }
                Some(flow) => {
                    self.judge(flow, Effects::empty(), slice, out);
                    left -= 1;
                }
            }
        }
        left
    }

    fn work_on_ranges(&mut self, slice: &mut Slice<'_>, budget: usize, out: &mut Vec<Judgement>) -> usize {
        let (mut left, mut found) = (budget, Vec::new());
        while left > 0 {
            let Some(range) = self.ranges.front() else { break };
            let next = self.flows.gather(range.from, range.last, left, &mut found);
            // One that has nobody counts too: there can be many of them.
            left -= found.len().max(1);
            for flow in found.drain(..) {
                let group = self.groups.get(self.flows.group(flow) as usize);
                let Some((group, range)) = group.zip(self.ranges.front()) else { continue };
                if range.judge.concerns(&group.standing) {
                    let known = range.judge.effects();
                    self.judge(flow, known, slice, out);
                }
            }
            match (next, self.ranges.front_mut()) {
                (Some(next), Some(range)) => range.from = next,
                _ => _ = self.ranges.pop_front(),
            }
        }
        left
    }

    /// Judges one flow, and tells if it is hit: by what is `known`, by what is known of its group, or by how it stands.
    fn judge(&mut self, flow: u32, known: Effects, slice: &mut Slice<'_>, out: &mut Vec<Judgement>) {
        let from = self.flows.group(flow);
        let Some((remote, group)) = self.flows.remote(flow).zip(self.groups.get_mut(from as usize)) else { return };
        let (before, context) = (Arc::clone(&group.standing), group.context);
        let known = known | group.stale.unwrap_or_default();
        group.count -= 1;
        self.flows.take(flow, &mut group.head);
        let to = self.find(remote, context, slice);
        let Some(group) = self.groups.get_mut(to as usize) else { return };
        group.count += 1;
        self.flows.put(flow, to, &mut group.head);
        let now = &group.standing;
        let was_judged = before.outlook != Outlook::Unjudged;
        let effects = slice.effects(&before, now) | if was_judged { known } else { Effects::empty() };
        if !effects.is_empty() {
            out.push(Judgement { flow: FlowId::new(self.family, flow), effects, before, now: Arc::clone(now) });
        }
        if from != to {
            self.release(from);
        }
    }

    /// The group of those that stand as this flow does now.
    fn find(&mut self, remote: A, number: u32, slice: &mut Slice<'_>) -> u32 {
        let Some(context) = self.contexts.get(number as usize).copied() else { return NONE };
        // IPv6 looks a way up without asking whether the source is the host's own; a socket that has it is of no use all the same.
        let lost = self.family == Family::V6 && context.source.is_some_and(|source| !slice.has(number, source));
        let verdict = match lost {
            true => Verdict::Dropped { why: Dropped::ForeignSource, found: None },
            false => slice.prepared.find(&context.flow(address(self.family, remote))),
        };
        let Verdict::Found(found) = &verdict else { return self.group_of(number, Standing::of(&verdict, slice.mirror)) };
        let (entry, slot) = (found.route.entry, &found.route.slot);
        let key = (slot.table, slot.destination.length(), slot.metric, slot.source, number);
        if let Some(last) = slice.last.as_ref().filter(|last| std::ptr::eq(last.entry, entry) && last.key == key) {
            // A number can be given to another group when all have left one.
            if self
                .groups
                .get(last.group as usize)
                .is_some_and(|group| group.stale.is_none() && group.count > 0 && Arc::ptr_eq(&group.standing, &last.standing))
            {
                return last.group;
            }
        }
        let group = self.group_of(number, Standing::of(&verdict, slice.mirror));
        let standing = self.groups.get(group as usize).map(|group| Arc::clone(&group.standing)).unwrap_or_default();
        slice.last = Some(Last { entry, key, group, standing });
        group
    }
}

impl Slice<'_> {
    /// What of a flow is another. Most that are judged together turned the same way, and comparing ways takes allocations.
    fn effects(&mut self, before: &Arc<Standing>, now: &Arc<Standing>) -> Effects {
        match &self.turn {
            Some((from, to, effects)) if Arc::ptr_eq(from, before) && Arc::ptr_eq(to, now) => *effects,
            _ => {
                let effects = before.effects(now);
                self.turn = Some((Arc::clone(before), Arc::clone(now), effects));
                effects
            }
        }
    }

    /// Says whether the source of a context is the host's own.
    fn has(&mut self, context: u32, source: IpAddr) -> bool {
        let world = self.world;
        *self.is_own.entry(context).or_insert_with(|| world.has_source(source))
    }
}

fn address<A: Remote>(family: Family, remote: A) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4(std::net::Ipv4Addr::from_bits(u32::of_bits(remote.bits()))),
        Family::V6 => IpAddr::V6(std::net::Ipv6Addr::from_bits(remote.bits())),
    }
}
