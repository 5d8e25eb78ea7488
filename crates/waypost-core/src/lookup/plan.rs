//! Rules made ready for many lookups, and the straight way through them.
//!
//! What rules ask of packets becomes comparisons of words, into which a flow is packed once. Along them goes the straight way: rules that say
//! yes or no, and tables of which the first route to the longest prefix can be taken. Whatever is not so simple is left to [`walk`](super::walk),
//! from the start: nothing is decided in two places but that which is simple, and there the two are held to each other by a test.

use std::net::IpAddr;
use std::ops::Range;

use super::rule::{FLAG_FIND_SOURCE, Ready, Selector, tos_mask};
use super::sieve::Sieve;
use super::walk::{LOOPBACK, Silent, decide, has_own_rules_alone};
use super::{Dropped, Found, Verdict, World};
use crate::tables::{Head, TablePlace, TableRef};
use crate::{Disposition, Family, Flow, Prefix, Rule, RuleAction, TableId};

/// The rules of one family, made ready for many lookups: [`World::plan`] makes it, [`World::with_plan`] goes by it.
///
/// It stays good for as long as the rules and the names of interfaces stay as they were; tables and all else may change.
#[derive(Clone, Debug)]
pub struct Plan {
    family: Family,
    steps: Vec<Step>,
    /// What rules ask beyond their first question.
    more: Vec<Check>,
    /// A rule asks who sends: a flow that does not say takes the long way.
    asks_user: bool,
    /// The rules are those that the kernel has of itself.
    is_own_alone: bool,
    local: TablePlace,
    main: TablePlace,
}

/// The words that a flow is packed into; a power of two, so that no index is out of bounds.
type Words = [u64; 8];

const MARK: usize = 0;
const INTERFACE: usize = 1;
const PORTS: usize = 2;
const TO: usize = 3;
const FROM: usize = 5;

/// Where in their words the smaller values begin.
const PROTOCOL: u32 = 32;
const TOS: u32 = 44;
const HAS_SOURCE: u32 = 63;
const USER: u32 = 32;
const DESTINATION_PORT: u32 = 16;
const LABEL: u32 = 32;

/// The number of no protocol.
const NO_PROTOCOL: u64 = 0x100;

/// A question: whether some bits of a word, taken for a number, are between two others.
#[derive(Clone, Copy, Debug)]
struct Check {
    mask: u64,
    first: u64,
    /// The last number less the first.
    span: u64,
    word: usize,
}

impl Check {
    const ALWAYS: Self = Self { word: 0, mask: 0, first: 0, span: 0 };
    const NEVER: Self = Self { word: 0, mask: 0, first: 1, span: 0 };

    const fn equal(word: usize, shift: u32, mask: u64, value: u64) -> Self {
        Self { word, mask: mask << shift, first: (value & mask) << shift, span: 0 }
    }

    const fn between(word: usize, shift: u32, mask: u64, first: u64, last: u64) -> Self {
        if first > last {
            return Self::NEVER;
        }
        Self { word, mask: mask << shift, first: first << shift, span: (last - first) << shift }
    }

    #[inline]
    const fn holds(&self, words: &Words) -> bool {
        (words[self.word & 7] & self.mask).wrapping_sub(self.first) <= self.span
    }

    const fn is_constant(&self) -> bool {
        self.mask == 0
    }
}

/// A rule.
#[derive(Clone, Debug)]
struct Step {
    first: Check,
    /// The further questions, in [`Plan::more`].
    more: Range<u32>,
    invert: bool,
    act: Act,
    /// Its number among all rules.
    rule: u32,
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Lookup {
        table: TablePlace,
        /// A route is passed over if its prefix is this long or shorter; -1 for none.
        suppressed: i16,
    },
    Goto(u32),
    Next,
    Refuse(Disposition),
    /// What the long way must see to.
    Long,
}

/// What one rule asks.
enum Asks {
    These(Vec<Check>),
    /// It is left to the long way.
    Open,
    /// It is left to the long way where this holds; otherwise the rule does not match.
    OpenWhere(Check),
}

impl Plan {
    pub(super) fn of(world: &World<'_>, family: Family) -> Self {
        let tables = world.tables;
        let mut plan = Self {
            family,
            steps: Vec::new(),
            more: Vec::new(),
            asks_user: false,
            is_own_alone: family == Family::V4 && has_own_rules_alone(&world.as_written()),
            local: tables.table_place(TableId::LOCAL),
            main: tables.table_place(TableId::MAIN),
        };
        // By priority, the first step of those that come at it or later.
        let mut priorities = Vec::new();
        for (rule, number) in world.rules.iter().zip(0..).filter(|(rule, _)| rule.family == family) {
            priorities.push((rule.priority, plan.steps.len() as u32));
            plan.asks_user |= rule.uids.is_some();
            let ready = Ready::of(rule, world);
            let (checks, act, invert) = match asks(&ready, world) {
                Asks::These(checks) => (checks, act(rule, world), rule.invert),
                Asks::Open => (Vec::new(), Act::Long, false),
                Asks::OpenWhere(check) => (vec![check], Act::Long, false),
            };
            // A question without a flow's part in it has its answer now.
            let is_never = checks.iter().any(|check| check.is_constant() && !check.holds(&Words::default()));
            let mut checks = checks.into_iter().filter(|check| !check.is_constant());
            let first = if is_never { Check::NEVER } else { checks.next().unwrap_or(Check::ALWAYS) };
            if first.is_constant() && is_never != invert {
                continue;
            }
            let start = plan.more.len() as u32;
            if !is_never {
                plan.more.extend(checks);
            }
            plan.steps.push(Step { first, more: start..plan.more.len() as u32, invert, act, rule: number });
        }
        for step in &mut plan.steps {
            if let Act::Goto(priority) = step.act {
                let target = priorities.iter().find(|(of, _)| *of == priority);
                step.act = target.map_or(Act::Next, |(_, at)| Act::Goto(*at));
            }
        }
        plan
    }

    /// The family whose rules these are.
    #[must_use]
    pub const fn family(&self) -> Family {
        self.family
    }

    /// Finds the way of `flow`, whose destination is of the plan's family.
    #[inline]
    pub(super) fn find<'a>(&self, world: &World<'a>, flow: &Flow) -> Verdict<'a> {
        self.find_by(world, flow, |table| world.tables.at(table)?.head(flow.destination))
    }

    /// The table with the most destinations of those that rules name.
    pub(super) fn largest<'a>(&self, world: &World<'a>) -> Option<TableRef<'a>> {
        let table = |step: &Step| match step.act {
            Act::Lookup { table, .. } => world.tables.at(table),
            _ => None,
        };
        self.steps.iter().filter_map(table).max_by_key(|table| table.destinations())
    }

    /// The same, where `head` finds the first route to the longest prefix in a table.
    #[inline]
    pub(super) fn find_by<'a>(
        &self,
        world: &World<'a>,
        flow: &Flow,
        head: impl Fn(TablePlace) -> Option<Head<'a>>,
    ) -> Verdict<'a> {
        let source = flow.source.filter(|source| !source.is_unspecified());
        let is_odd = source.is_some_and(|source| Family::of(&source) != self.family);
        if flow.input.is_some() || is_odd || self.asks_user && flow.uid.is_none() {
            return the_long_way(world, flow);
        }
        let words = pack(flow, source);
        let sieve = Sieve::of_local(world, flow, source);
        if let (Family::V4, Some(source)) = (self.family, source) {
            match self.is_own(world, source) {
                Some(true) => {}
                Some(false) => return Verdict::Dropped { why: Dropped::ForeignSource, found: None },
                None => return the_long_way(world, flow),
            }
        }
        let mut at = 0;
        while let Some(step) = self.steps.get(at) {
            at += 1;
            let holds = step.first.holds(&words) && (step.more.is_empty() || self.holds_more(step, &words));
            if holds == step.invert {
                continue;
            }
            let (table, suppressed) = match step.act {
                Act::Lookup { table, suppressed } => (table, suppressed),
                Act::Next => continue,
                Act::Goto(target) => {
                    at = target as usize;
                    continue;
                }
                Act::Refuse(disposition) => match world.rules.get(step.rule as usize) {
                    Some(rule) => return Verdict::Refused { disposition, route: None, rule },
                    None => return the_long_way(world, flow),
                },
                Act::Long => return the_long_way(world, flow),
            };
            let Some(head) = head(table) else { continue };
            let Some(rule) = world.rules.get(step.rule as usize).filter(|_| self.is_straight(&head, flow, &sieve)) else {
                return the_long_way(world, flow);
            };
            let disposition = head.entry.disposition;
            if disposition == Disposition::Throw {
                continue;
            }
            if self.is_own_alone && self.hangs_on_history(world, table, &head, flow) {
                return the_long_way(world, flow);
            }
            if !disposition.forwards() {
                return Verdict::Refused { disposition, route: Some(head.route()), rule };
            }
            if i16::from(head.destination.length()) > suppressed {
                return Verdict::Found(Found { route: head.route(), rule, named: source, sieve });
            }
        }
        Verdict::NoRoute
    }

    #[inline(never)]
    fn holds_more(&self, step: &Step, words: &Words) -> bool {
        self.more.get(step.more.start as usize..step.more.end as usize).unwrap_or_default().iter().all(|check| check.holds(words))
    }

    /// Says whether the first route to the longest prefix is taken, whatever else is there.
    #[inline]
    fn is_straight(&self, head: &Head<'_>, flow: &Flow, sieve: &Sieve<'_>) -> bool {
        let entry = head.entry;
        let passes = entry.next_hops.first().is_some_and(|hop| sieve.passes(hop));
        if head.is_scoped() {
            return false;
        }
        match self.family {
            Family::V4 => {
                let is_for = head.tos() == 0 || head.tos() == flow.tos & tos_mask(Family::V4);
                is_for && (passes && !matches!(entry.disposition, Disposition::Other(_)) || !entry.disposition.forwards())
            }
            // Each route of its metric can come before the first, so there must be no other; those of other metrics count only where this
            // one cannot be taken. Routes for some sources would stand before it.
            Family::V6 => {
                let is_alone = !head.is_for_sources() && entry.next_hop_object.is_none() && head.is_alone_of_its_metric();
                let is_no = entry.next_hops.is_empty() && !entry.disposition.forwards() && sieve.takes_any_interface();
                is_alone && (passes && !matches!(entry.disposition, Disposition::Other(_)) || is_no)
            }
        }
    }

    /// Says whether a source is one of the host's own addresses; `None` where that is not simple.
    fn is_own(&self, world: &World<'_>, source: IpAddr) -> Option<bool> {
        let Some(table) = world.tables.at(self.local) else { return Some(true) };
        let Some(head) = table.head(source) else { return Some(world.has_address(source)) };
        let flow = Flow::to(source);
        let sieve = Sieve::of_local(world, &flow, None);
        let is_straight = self.is_straight(&head, &flow, &sieve);
        is_straight.then(|| head.entry.disposition == Disposition::Local || world.has_address(source))
    }

    /// As `Walk::hangs_on_history`, but it may say so where that would not.
    fn hangs_on_history(&self, world: &World<'_>, table: TablePlace, head: &Head<'_>, flow: &Flow) -> bool {
        match table.id {
            TableId::LOCAL => {
                let other = world.tables.at(self.main).and_then(|table| table.head(flow.destination));
                other.is_some_and(|other| other.destination.length() > head.destination.length())
            }
            _ => !head.entry.disposition.forwards(),
        }
    }
}

#[cold]
#[inline(never)]
fn the_long_way<'a>(world: &World<'a>, flow: &Flow) -> Verdict<'a> {
    decide(world, &world.as_written(), flow, &mut Silent)
}

/// The parts of a flow that rules ask about, `came_by` aside: a flow that comes in takes the long way.
#[inline]
fn pack(flow: &Flow, source: Option<IpAddr>) -> Words {
    let protocol = flow.ip_protocol.map_or(NO_PROTOCOL, u64::from);
    let mut words = Words::default();
    words[MARK] =
        u64::from(flow.mark) | protocol << PROTOCOL | u64::from(flow.tos) << TOS | u64::from(source.is_some()) << HAS_SOURCE;
    words[INTERFACE] = u64::from(flow.output.map_or(0, |index| index.get())) | u64::from(flow.uid.unwrap_or(0)) << USER;
    words[PORTS] = u64::from(flow.source_port.unwrap_or(0))
        | u64::from(flow.destination_port.unwrap_or(0)) << DESTINATION_PORT
        | u64::from(flow.flow_label.unwrap_or(0)) << LABEL;
    (words[TO], words[TO + 1]) = halves(flow.destination);
    if let Some(source) = source {
        (words[FROM], words[FROM + 1]) = halves(source);
    }
    words
}

/// The bits of an address; IPv4 has them in the second half.
#[inline]
fn halves(address: IpAddr) -> (u64, u64) {
    match address {
        IpAddr::V4(address) => (0, u64::from(address.to_bits())),
        IpAddr::V6(address) => ((address.to_bits() >> 64) as u64, address.to_bits() as u64),
    }
}

/// Whether an address is inside a prefix.
fn inside(checks: &mut Vec<Check>, word: usize, prefix: Prefix) {
    let (network, mask) = match prefix {
        Prefix::V4(prefix) => (halves(prefix.network().into()), halves(prefix.mask().into())),
        Prefix::V6(prefix) => (halves(prefix.network().into()), halves(prefix.mask().into())),
    };
    let both = [Check::equal(word, 0, mask.0, network.0), Check::equal(word + 1, 0, mask.1, network.1)];
    checks.extend(both.into_iter().filter(|check| !check.is_constant()));
}

/// What a rule does: see [`walk`](super::walk).
fn act(rule: &Rule, world: &World<'_>) -> Act {
    match rule.action {
        RuleAction::Lookup(_) if rule.suppress_group.is_some() => Act::Long,
        RuleAction::Lookup(table) => {
            let suppressed = rule.suppress_prefix_length.map_or(-1, |length| length.min(128) as i16);
            Act::Lookup { table: world.tables.table_place(table), suppressed }
        }
        RuleAction::Nop => Act::Next,
        RuleAction::Goto(priority) if priority <= rule.priority => Act::Long,
        RuleAction::Goto(priority) => Act::Goto(priority),
        RuleAction::Blackhole => Act::Refuse(Disposition::Blackhole),
        RuleAction::Unreachable => Act::Refuse(Disposition::Unreachable),
        RuleAction::Prohibit => Act::Refuse(Disposition::Prohibit),
        RuleAction::Other(_) => Act::Long,
    }
}

/// What a rule asks of the packets of the host itself: see `Ready::holds`.
fn asks(ready: &Ready<'_>, world: &World<'_>) -> Asks {
    let rule = ready.rule;
    if rule.l3mdev && !rule.invert && world.links.is_some() {
        // Packets of the host that ask for no interface belong to no master.
        return Asks::OpenWhere(Check::between(INTERFACE, 0, 0xffff_ffff, 1, 0xffff_ffff));
    }
    let mut checks = Vec::new();
    for selector in ready.selectors() {
        match selector {
            Selector::Master | Selector::Unknown => return Asks::Open,
            Selector::To | Selector::From => {
                let Some(prefix) = (if selector == Selector::To { rule.to } else { rule.from }) else { continue };
                if rule.os_flags & FLAG_FIND_SOURCE != 0 || prefix.family() != rule.family {
                    return Asks::Open;
                }
                if (selector, rule.family) == (Selector::From, Family::V6) {
                    checks.push(Check::equal(MARK, HAS_SOURCE, 1, 1));
                }
                inside(&mut checks, if selector == Selector::To { TO } else { FROM }, prefix);
            }
            _ => checks.push(check(ready, selector)),
        }
    }
    Asks::These(checks)
}

/// The one question of a selector that has one.
fn check(ready: &Ready<'_>, selector: Selector) -> Check {
    let rule = ready.rule;
    let masked = |word, shift, (mask, value): (u64, u64)| Check::equal(word, shift, mask, value);
    let ports = |ports: Option<crate::PortRange>, shift| match ports {
        None => Check::ALWAYS,
        Some(ports) if ports.mask == u16::MAX => Check::between(PORTS, shift, 0xffff, ports.first.into(), ports.last.into()),
        Some(ports) => masked(PORTS, shift, (ports.mask.into(), ports.first.into())),
    };
    match selector {
        // The packets of the host itself count as having come in by the loopback.
        Selector::Input if ready.input == LOOPBACK => Check::ALWAYS,
        Selector::Input => Check::NEVER,
        Selector::Output => {
            ready.output.map_or(Check::NEVER, |index| Check::equal(INTERFACE, 0, 0xffff_ffff, index.get().into()))
        }
        Selector::Mark => rule.mark.map_or(Check::ALWAYS, |mark| masked(MARK, 0, (mark.mask.into(), mark.value.into()))),
        // A value with bits that are not compared matches nothing.
        Selector::Tos if rule.tos & !tos_mask(rule.family) != 0 => Check::NEVER,
        Selector::Tos => masked(MARK, TOS, (tos_mask(rule.family).into(), rule.tos.into())),
        Selector::Dscp => rule.dscp.map_or(Check::ALWAYS, |dscp| masked(MARK, TOS + 2, (dscp.mask.into(), dscp.value.into()))),
        Selector::FlowLabel => {
            rule.flow_label.map_or(Check::ALWAYS, |label| masked(PORTS, LABEL, (label.mask.into(), label.value.into())))
        }
        Selector::IpProtocol => {
            let number = rule.ip_protocol.map_or(NO_PROTOCOL, u64::from);
            masked(MARK, PROTOCOL, (0x1ff, number))
        }
        Selector::SourcePort => ports(rule.source_ports, 0),
        Selector::DestinationPort => ports(rule.destination_ports, DESTINATION_PORT),
        Selector::Uid => rule
            .uids
            .map_or(Check::ALWAYS, |uids| Check::between(INTERFACE, USER, 0xffff_ffff, uids.first.into(), uids.last.into())),
        Selector::To | Selector::From | Selector::Tunnel | Selector::Master | Selector::Unknown => Check::NEVER,
    }
}
