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
//! # What it cannot know
//!
//! It does not guess, but there are things that no message of the kernel's tells:
//!
//! - which of several next hops the kernel takes for one flow ([`Found::next_hops`] has them all, with their weights);
//! - choices that hang on whether a neighbour answers: among IPv6 routers of one metric where the host does not forward, and among
//!   IPv4 default routes of one slot that have gateways (`fib_select_default` in `net/ipv4/fib_semantics.c`, Linux 6.18);
//! - whether the kernel sees IPv6 routes that are all for sources, to a destination with longer prefixes inside it: an addition that it refuses
//!   there, or a removal, can hide them (`fib6_find_prefix` in `net/ipv6/ip6_fib.c`), and leaves no other trace ([`Verdict::Indeterminate`]);
//! - how the next hops of an IPv6 route are mixed in the kernel's list with another route of the metric that is no worse than the best of them;
//!   it matters where one of them cannot be taken ([`Verdict::Indeterminate`]);
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
mod rule;
mod sieve;
#[cfg(test)]
mod tests;
mod verdict;
mod walk;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use crate::{Family, Flow, IfIndex, InterfaceNames, InterfaceSettings, Link, Rule, SettingsOf, TableId, Tables};

pub use explanation::{Conclusion, Explanation, Outcome, PassedOver, Step};
pub use rule::Selector;
pub use verdict::{Dropped, Found, Verdict};

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
        Self { tables, rules, names, links: None, settings: None }
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

    /// Finds the way of `flow`. Nothing is allocated.
    #[must_use]
    pub fn find(&self, flow: &Flow) -> Verdict<'a> {
        walk::decide(self, &self.as_written(), flow, &mut Silent)
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
        let of = |family| self.rules.iter().filter(|rule| rule.family == family).map(|rule| Ready::of(rule, self)).collect();
        Prepared { world: *self, rules: [of(Family::V4), of(Family::V6)] }
    }

    /// The rules as they stand, made ready one by one.
    fn as_written(&self) -> impl Fn(Family, usize) -> Option<Ready<'a>> + use<'a> {
        let world = *self;
        move |_, at| world.rules.get(at).map(|rule| Ready::of(rule, &world))
    }

    /// Says whether the packets belong to a layer-3 master; where they do, the table that goes with it is not known.
    fn has_master(&self, asked: &Asked) -> Result<bool, &'static str> {
        let Some(links) = self.links else { return Err("it goes by layer-3 masters, which are not known here") };
        let Some(link) = asked.flow.input.or(asked.flow.output).and_then(|index| links.get(&index)) else { return Ok(false) };
        let master = link.master.and_then(|master| links.get(&master));
        match [Some(link), master].into_iter().flatten().any(|link| link.kind == "vrf") {
            true => Err("it goes by the table of a layer-3 master, which is not known here"),
            false => Ok(false),
        }
    }

    fn setting<T>(&self, family: Family, of: SettingsOf, get: impl Fn(&InterfaceSettings) -> Option<T>) -> Option<T> {
        self.settings?.get(&(family, of)).and_then(get)
    }

    /// Says whether a source is one of the host's own addresses, which the table `local` has; `None` where there is no such table.
    fn is_own(&self, source: IpAddr) -> Option<bool> {
        let table = self.tables.table(TableId::LOCAL)?;
        let asked = Asked::of(&Flow::to(source));
        let sieve = sieve::Sieve::of(self, &asked);
        Some(ipv4::find(table, &asked, &sieve, &mut Silent).is_local())
    }
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
    rules: [Vec<Ready<'a>>; 2],
}

impl<'a> Prepared<'a> {
    /// Finds the way of `flow`, as [`World::find`] does. Nothing is allocated.
    #[must_use]
    pub fn find(&self, flow: &Flow) -> Verdict<'a> {
        walk::decide(&self.world, &|family, at| self.rules[family as usize].get(at).copied(), flow, &mut Silent)
    }
}
