//! Which way packets go, found as the kernel finds it, without asking the kernel.
//!
//! [`World::find`] walks the rules in order of priority, and in each table that they name takes the route that the kernel would.
//! What it answers is the *entry* of the table that matches ([`LookupMode::Entry`](crate::LookupMode) of the kernel's own lookup).
//! [`World::explain`] gives the same answer with every step of the way to it. Neither does input or output: tables and rules may be a
//! mirror's, a simulated kernel's, or read from a file.
//!
//! ```
//! use waypost_core::lookup::{Verdict, World};
//! use waypost_core::{Family, Flow, InterfaceNames, Position, Rule, RuleAction, TableId, Tables};
//!
//! let mut tables = Tables::new();
//! tables.insert(&"default via 10.0.0.1 dev if2".parse()?, Position::Last);
//! tables.insert(&"192.0.2.0/24 via 10.0.0.9 dev if2 dead".parse()?, Position::Last);
//! let rules = [Rule::new(Family::V4, 32766, RuleAction::Lookup(TableId::MAIN))];
//!
//! let world = World::new(&tables, &rules, InterfaceNames::none());
//! let flow = Flow::to("192.0.2.1".parse().unwrap());
//! let Verdict::Found(found) = world.find(&flow) else { panic!() };
//! assert_eq!(found.route.to_string(), "default via 10.0.0.1 dev if2");
//!
//! let explanation = world.explain(&flow).to_string();
//! let lines: Vec<&str> = explanation.lines().collect();
//! assert_eq!(lines, [
//!     "rule 32766: from all lookup main",
//!     "  192.0.2.0/24 via 10.0.0.9 dev if2 dead: passed over, its way out is dead",
//!     "  default via 10.0.0.1 dev if2: taken",
//!     "found default via 10.0.0.1 dev if2",
//! ]);
//! # Ok::<(), waypost_core::ParseError>(())
//! ```
//!
//! # Many lookups
//!
//! Most of what a lookup does of rules is the same for every flow. A [`Plan`] has it done once for as long as rules and names of interfaces stay
//! as they are ([`World::with_plan`]; a mirror's world has one), [`Prepared`] for both families of a world that is only borrowed. What rules ask is
//! plain comparisons then, and where the first route to the longest prefix can be taken, it is; all else goes the same way as without a plan.
//! In large tables most of what is left is waiting for memory: [`World::find_all`] has many flows wait together.
//!
//! # What it cannot know
//!
//! It does not guess, but there are things that no message of the kernel's tells:
//!
//! - which of several next hops the kernel takes for one flow ([`Found::next_hops`] has them all, with their weights);
//! - choices that hang on whether a neighbour answers. Where the host does not forward, the kernel passes over an IPv6 gateway that is known not to
//!   answer (`NUD_FAILED`) as long as any other route does: one of the same metric, one of another (`find_rr_leaf`), or one to a shorter prefix of
//!   the same table (`fib6_table_lookup` in `net/ipv6/route.c`, Linux 6.18). Among IPv4 default routes of one slot it prefers those whose gateway answers
//!   (`fib_select_default` in `net/ipv4/fib_semantics.c`);
//! - whether the kernel sees IPv6 routes that are all for sources, to a destination with longer prefixes inside it: an addition that it refuses
//!   there, or a removal, can hide them (`fib6_find_prefix` in `net/ipv6/ip6_fib.c`), and leaves no other trace: no message tells of a refusal, and
//!   a dump walks the routes of a node, not the one that it compares flows with ([`Verdict::Indeterminate`]);
//! - how the next hops of an IPv6 route are mixed in the kernel's list with another route of the metric that is no worse than the best of them;
//!   it matters where one of them cannot be taken, and message and dump have all of them at the place of the first ([`Verdict::Indeterminate`]);
//! - cached exceptions, such as redirects and path MTUs;
//! - which table belongs to a VRF ([`Verdict::Indeterminate`]);
//! - the settings `accept_local`, `src_valid_mark`, `route_localnet` and IPv6's `force_forwarding`: they are taken for off, as they are by default.
//!
//! On IPv6 an output interface beside a source is a wish, as in the kernel's own lookup (`ip6_route_output_flags` in `net/ipv6/route.c`); a
//! socket that is bound to an interface insists on it even then.

mod arrival;
mod explanation;
mod ipv4;
mod ipv6;
mod plan;
mod rule;
mod sieve;
mod source;
#[cfg(test)]
mod tests;
mod verdict;
mod walk;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use crate::{Family, Flow, IfIndex, InterfaceNames, InterfaceSettings, Link, RouteRef, Rule, SettingsOf, Tables};

pub use explanation::{Conclusion, Explanation, Outcome, PassedOver, Step};
pub use plan::Plan;
pub use rule::Selector;
pub use verdict::{Dropped, Found, Verdict};

use crate::tables::TablePlace;
use rule::Ready;
use walk::{Recorder, Silent};

/// What a lookup goes by: tables, rules, and the little of interfaces that matters.
#[derive(Clone, Copy)]
pub struct World<'a> {
    tables: &'a Tables,
    rules: &'a [Rule],
    names: &'a InterfaceNames,
    links: Option<&'a BTreeMap<IfIndex, Link>>,
    settings: Option<&'a Settings>,
    addresses: Option<&'a BTreeSet<IpAddr>>,
    plan: Option<&'a Plan>,
}

/// The settings of interfaces, by family.
type Settings = BTreeMap<(Family, SettingsOf), InterfaceSettings>;

/// A flow as the kernel's lookup sees it.
#[derive(Clone, Copy, Debug)]
struct Asked {
    flow: Flow,
    family: Family,
    /// The interface that rules take the packets to have come in by.
    came_by: Option<IfIndex>,
}

/// The loopback, whose number is 1 in every namespace.
const LOOPBACK: Option<IfIndex> = IfIndex::new(1);

impl Asked {
    /// Says whether a route is for others: one that is confined to an interface is for flows by that alone (macOS: those of sockets that are bound
    /// to it, and where link-local IPv6 destinations have a zone, those of the zone).
    #[inline]
    fn is_out_of_scope(&self, route: &RouteRef<'_>) -> bool {
        route.slot.interface_scope.is_some_and(|scope| self.flow.output.or(self.flow.input) != Some(scope))
    }

    #[inline]
    fn of(flow: &Flow) -> Self {
        let family = Family::of(&flow.destination);
        let mut flow = *flow;
        flow.source = flow.source.filter(|source| !source.is_unspecified());
        if flow.input.is_some() {
            // Packets that come in are of nobody, whom the kernel takes for root, and ask for no way out
            // (`ip_route_input_slow` in net/ipv4/route.c, `ip6_route_input` in net/ipv6/route.c, Linux 6.18).
            flow.output = None;
            flow.uid = flow.uid.filter(|_| family == Family::V6).or(Some(0));
        }
        // Those of the host itself count as having come in by the loopback.
        Self { flow, family, came_by: flow.input.or(LOOPBACK) }
    }
}

impl<'a> World<'a> {
    /// A world of these tables and rules, the rules in order of priority.
    ///
    /// Of interfaces their names are known. What hangs on groups or masters of links is indeterminate then, every interface forwards, routes
    /// over those without carrier count, and where packets come from is not checked.
    #[must_use]
    pub const fn new(tables: &'a Tables, rules: &'a [Rule], names: &'a InterfaceNames) -> Self {
        Self { tables, rules, names, links: None, settings: None, addresses: None, plan: None }
    }

    /// The same, where links have the groups and masters that these have.
    #[must_use]
    pub const fn with_links(mut self, links: &'a BTreeMap<IfIndex, Link>) -> Self {
        self.links = Some(links);
        self
    }

    /// The same, where these settings say which interfaces forward, which filter sources, and whether routes over an interface without
    /// carrier count.
    #[must_use]
    pub const fn with_settings(mut self, settings: &'a BTreeMap<(Family, SettingsOf), InterfaceSettings>) -> Self {
        self.settings = Some(settings);
        self
    }

    /// The same, where interfaces have these addresses. Without them, IPv4's table `local` alone says which sources are the host's own: those of
    /// interfaces in a VRF are in a table of that.
    #[must_use]
    pub const fn with_addresses(mut self, addresses: &'a BTreeSet<IpAddr>) -> Self {
        self.addresses = Some(addresses);
        self
    }

    /// The same, where what flows of the plan's family find goes by this plan, which [`plan`](Self::plan) has made of the same rules
    /// and names.
    #[must_use]
    pub const fn with_plan(mut self, plan: &'a Plan) -> Self {
        self.plan = Some(plan);
        self
    }

    /// What lookups of one family would find out anew of the rules each time, found out once.
    #[must_use]
    pub fn plan(&self, family: Family) -> Plan {
        Plan::of(self, family)
    }

    /// Finds the way of `flow`. Nothing is allocated.
    #[must_use]
    #[inline]
    pub fn find(&self, flow: &Flow) -> Verdict<'a> {
        match self.plan {
            Some(plan) if plan.family() == Family::of(&flow.destination) => plan.find(self, flow),
            _ => walk::decide(self, &self.as_written(), flow, &mut Silent),
        }
    }

    /// Finds the ways of all `flows`: see [`Prepared::find_all`].
    pub fn find_all<'f>(&self, flows: &'f [Flow], tell: impl FnMut(&'f Flow, Verdict<'a>)) {
        self.prepare().find_all(flows, tell);
    }

    /// Finds the way of `flow` and tells each step.
    #[must_use]
    pub fn explain(&self, flow: &Flow) -> Explanation<'a> {
        let mut recorder = Recorder::default();
        let verdict = walk::decide(self, &self.as_written(), flow, &mut recorder);
        Explanation { flow: *flow, steps: recorder.steps, verdict, names: self.names.into() }
    }

    /// The same world for many lookups: what each would find out anew of the rules is found out once.
    #[must_use]
    pub fn prepare(&self) -> Prepared<'a> {
        let own = |family| self.plan.filter(|plan| plan.family() == family).map(Cow::Borrowed);
        Prepared { world: *self, plans: Family::ALL.map(|family| own(family).unwrap_or_else(|| Cow::Owned(self.plan(family)))) }
    }

    /// The rules as they stand, made ready one by one.
    fn as_written(&self) -> impl Fn(Family, usize) -> Option<Ready<'a>> + use<'a> {
        let world = *self;
        move |_, at| world.rules.get(at).map(|rule| Ready::of(rule, &world))
    }

    /// Says whether the packets belong to a layer-3 master; where they do, the table that goes with it is not known.
    fn has_master(&self, asked: &Asked) -> Result<bool, &'static str> {
        let Some(links) = self.links else { return Err("it goes by layer-3 masters, which are not known here") };
        // The interface that packets come in by or ask for, and that by which rules take them to have come in, where that has a master and the
        // first has none (`l3mdev_update_flow` in net/l3mdev/l3mdev.c, Linux 6.18).
        let ends = [asked.flow.input.or(asked.flow.output), asked.came_by].into_iter().flatten();
        let mut all = ends
            .filter_map(|index| links.get(&index))
            .flat_map(|link| [Some(link), link.master.and_then(|master| links.get(&master))]);
        match all.any(|link| link.is_some_and(|link| link.kind == "vrf")) {
            true => Err("it goes by the table of a layer-3 master, which is not known here"),
            false => Ok(false),
        }
    }

    fn setting<T>(&self, family: Family, of: SettingsOf, get: impl Fn(&InterfaceSettings) -> Option<T>) -> Option<T> {
        setting(self.settings, family, of, get)
    }
}

fn setting<T>(
    settings: Option<&Settings>,
    family: Family,
    of: SettingsOf,
    get: impl Fn(&InterfaceSettings) -> Option<T>,
) -> Option<T> {
    settings?.get(&(family, of)).and_then(get)
}

impl fmt::Debug for World<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("routes", &self.tables.len()).field("rules", &self.rules).finish_non_exhaustive()
    }
}

/// A [`World`] that is ready for many lookups: [`World::prepare`] makes it.
///
/// ```
/// # use waypost_core::lookup::{Verdict, World};
/// # use waypost_core::{Flow, InterfaceNames, Tables};
/// let (tables, rules) = (Tables::new(), []);
/// let prepared = World::new(&tables, &rules, InterfaceNames::none()).prepare();
/// for last in 0..=255 {
///     assert!(matches!(prepared.find(&Flow::to([192, 0, 2, last].into())), Verdict::NoRoute));
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Prepared<'a> {
    world: World<'a>,
    plans: [Cow<'a, Plan>; 2],
}

/// How many flows are looked up side by side.
const TOGETHER: usize = 16;

impl<'a> Prepared<'a> {
    /// Finds the way of `flow`, as [`World::find`] does. Nothing is allocated.
    #[must_use]
    #[inline]
    pub fn find(&self, flow: &Flow) -> Verdict<'a> {
        self.plans[Family::of(&flow.destination) as usize].find(&self.world, flow)
    }

    /// Finds the ways of all `flows` and tells each, in order. Nothing is allocated.
    ///
    /// In a large table that is faster than one [`find`](Self::find) after the other: most of a lookup is waiting for memory, and here the
    /// lookups wait together.
    pub fn find_all<'f>(&self, flows: &'f [Flow], mut tell: impl FnMut(&'f Flow, Verdict<'a>)) {
        let largest = [0, 1].map(|family: usize| self.plans[family].largest(&self.world));
        for chunk in flows.chunks(TOGETHER) {
            let heads = [Family::V4, Family::V6].map(|family| {
                let address = |at| chunk.get(at).map(|flow: &Flow| flow.destination).filter(|to| Family::of(to) == family);
                largest[family as usize].map(|table| table.heads::<TOGETHER>(&std::array::from_fn(address)))
            });
            for (flow, at) in chunk.iter().zip(0..) {
                let family = Family::of(&flow.destination) as usize;
                let large = largest[family].zip(heads[family].as_ref());
                let head = |place: TablePlace| match large {
                    Some((table, heads)) if table.id() == place.id => heads[at],
                    _ => self.world.tables.at(place)?.head(flow.destination),
                };
                tell(flow, self.plans[family].find_by(&self.world, flow, head));
            }
        }
    }
}
