//! The mirror: what the kernel has, as far as it has said so.
//!
//! It has one writer, [`Mirror::handle`], which takes what the kernel says, in the kernel's order, and tells what has
//! changed. It asks nothing itself: what it cannot know from notices it leaves as a [`Doubt`], and whoever drives it
//! (see [`Follower`](crate::Follower)) has the kernel list that part again.
//!
//! # What a notice of a route does
//!
//! | notice | IPv4 | IPv6 |
//! |---|---|---|
//! | added, appended | behind its slot | joins the route of its slot that merges with it, else behind its slot |
//! | prepended | before its slot | as added |
//! | replaced | in the place of the first of its slot | in the place of the first of its kind (one that merges, or one that does not) |
//! | removed | the entry that is the same in everything, else but for the kernel's marks, else in its next hops | the same; or some of its next hops |
//!
//! A notice that says what is known already is no event. What the mirror has and a dump has not listed is gone only if
//! the dump was *quiescent*: nothing else was said between the request and its end. Even then an IPv6 route that does not merge
//! stays where its slot has one of several next hops: the kernel does not list what stands between those. It is suspect until the kernel has
//! told by other means whether it is there.

mod alike;
mod bits;
mod event;
mod hidden;
mod keyed;
mod routes;
mod rules;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Duration;

use waypost_core::lookup::{Plan, World};
use waypost_core::{
    Address, Dump, Family, IfIndex, InterfaceNames, InterfaceSettings, Link, LinkFlags, Neighbour, NextHopId, NextHopObject,
    NextHopObjectKind, Notice, Route, RouteFilter, RouteRef, RouteVerb, Rule, RuleAction, SettingsOf, TableId, Tables, Trace,
    Verb,
};

pub use event::{Change, Event, Reason};
use keyed::Keyed;
use routes::Routes;
pub(crate) use routes::Tally;
use rules::Rules;

/// A part of what the kernel has, that can be listed by itself. The order is that in which a mirror is filled.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Subject {
    /// Links.
    Links,
    /// Addresses of both families.
    Addresses,
    /// Rules of one family.
    Rules(Family),
    /// Interface settings of one family.
    Settings(Family),
    /// Next-hop objects.
    NextHops,
    /// Neighbours of both families.
    Neighbours,
    /// Routes of one family: all, or those that have a way out of one interface.
    Routes(Family, Option<IfIndex>),
}

impl Subject {
    /// Calls `submit` with the request that lists this.
    pub(crate) fn request<R>(self, submit: impl FnOnce(Dump<'_>) -> R) -> R {
        match self {
            Self::Links => submit(Dump::Links),
            Self::Addresses => submit(Dump::Addresses),
            Self::Rules(family) => submit(Dump::Rules(family)),
            Self::Settings(family) => submit(Dump::Settings(family)),
            Self::NextHops => submit(Dump::NextHops),
            Self::Neighbours => submit(Dump::Neighbours),
            Self::Routes(family, interface) => submit(Dump::Routes(family, &filter(family, interface))),
        }
    }
}

fn filter(family: Family, interface: Option<IfIndex>) -> RouteFilter {
    let mut filter = RouteFilter::default();
    (filter.family, filter.interface) = (Some(family), interface);
    filter
}

/// What the mirror cannot know from what the kernel has said.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Doubt {
    /// Links may know each other that did not: of a pair, the first is announced before it has its peer, and not again
    /// (`veth_newlink`, drivers/net/veth.c, Linux 6.18).
    Links,
    /// The routes of one family may have changed without a word: all, or those out of one interface.
    Routes(Family, Option<IfIndex>),
    /// A route of the family has been replaced beside others in its slot. If one of them had gone without a word, the kernel hit
    /// another than the mirror: what matters is whether such a removal is still to be found out.
    Replaced(Family),
    /// The routes of one family or interface, and the kernel may not have come to it when it is asked at once: it announces that a link is switched on or off
    /// before it sees to the routes (`dev_close_many`, `dev_open`, net/core/dev.c, Linux 6.18).
    Pending(Family, IfIndex),
    /// Settings of a family may have changed without a word: what is set for all interfaces can become that of interfaces to come
    /// (`addrconf_fixup_linkdown`, net/ipv6/addrconf.c, Linux 6.18).
    Settings(Family),
    /// Next-hop objects may have gone, or be about to go, without a word: their link went down (`nexthop_flush_dev`, net/ipv4/nexthop.c,
    /// Linux 6.18).
    NextHops,
    /// The marks of the rules of a family may have changed or be about to: an interface has another name, which the kernel may announce
    /// before its rules know, or the rule has come or gone that another one goes on with (`fib_rules_event` and `fib_delrule`,
    /// net/core/fib_rules.c, Linux 6.18).
    Rules(Family),
}

type SettingsKey = (Family, SettingsOf);

type AddressKey = (IfIndex, IpAddr, u8, Option<IpAddr>);

/// What the kernel has, as far as it has said so.
///
/// ```
/// use waypost_core::{Notice, RouteVerb};
/// use waypost_engine::{Change, Event, Mirror};
///
/// let (mut mirror, mut events) = (Mirror::new(), Vec::new());
/// let mut hear = |verb, text: &str| mirror.handle(Notice::Route(verb, text.parse().unwrap()), &mut events);
/// hear(RouteVerb::Added, "10.0.0.0/8 via 192.0.2.1");
/// hear(RouteVerb::Replaced, "10.0.0.0/8 via 192.0.2.2");
///
/// let Some(Event::Route { change: Change::Replaced { old, .. }, .. }) = events.last() else { panic!() };
/// assert_eq!(old.to_string(), "10.0.0.0/8 via 192.0.2.1");
/// assert_eq!(mirror.routes().count(), 1);
/// ```
#[derive(Clone, Debug)]
pub struct Mirror {
    routes: Routes,
    rules: [Rules; 2],
    /// What a kernel without rules goes by, by family.
    standing: Option<[Rule; 2]>,
    links: Keyed<IfIndex, Link>,
    addresses: Keyed<AddressKey, Address>,
    /// Those addresses, whichever interface has them.
    own: BTreeSet<IpAddr>,
    neighbours: Keyed<(IfIndex, IpAddr, bool), Neighbour>,
    next_hops: Keyed<NextHopId, NextHopObject>,
    settings: Keyed<SettingsKey, InterfaceSettings>,
    names: InterfaceNames,
    /// How lookups go through the rules of each family: made when one is asked for, and again when rules or names have changed.
    plans: [OnceLock<Plan>; 2],
    doubts: Vec<Doubt>,
    announce: bool,
    /// How many changes of other things than routes the kernel did not announce: reading found them.
    found: u64,
    /// What the kernel has told of the slots of routes that no dump lists.
    traces: Vec<Trace>,
}

impl Mirror {
    /// A mirror of nothing.
    #[must_use]
    pub fn new() -> Self {
        Self {
            routes: Routes::new(),
            rules: [Rules::default(), Rules::default()],
            standing: None,
            links: Keyed::new(),
            addresses: Keyed::new(),
            own: BTreeSet::new(),
            neighbours: Keyed::new(),
            next_hops: Keyed::new(),
            settings: Keyed::new(),
            names: InterfaceNames::default(),
            plans: [OnceLock::new(), OnceLock::new()],
            doubts: Vec::new(),
            announce: true,
            found: 0,
            traces: Vec::new(),
        }
    }

    /// The routes, to look up in.
    #[must_use]
    pub const fn tables(&self) -> &Tables {
        self.routes.tables()
    }

    /// All that lookups of one family go by, to look up in.
    #[must_use]
    pub fn world(&self, family: Family) -> World<'_> {
        let world = World::new(self.tables(), self.policy(family), self.names());
        let world = world.with_links(self.links()).with_settings(self.settings()).with_addresses(&self.own);
        world.with_plan(self.plans[family as usize].get_or_init(|| world.plan(family)))
    }

    /// All routes: by table, then by prefix, then in the order in which the kernel would try them.
    pub fn routes(&self) -> impl Iterator<Item = RouteRef<'_>> {
        self.tables().routes()
    }

    /// The rules of one family, in the order in which the kernel tries them.
    #[must_use]
    pub fn rules(&self, family: Family) -> &[Rule] {
        self.rules[family as usize].as_slice()
    }

    /// The rules that lookups of one family go by: those that there are, or, of a kernel that knows of none, the one that leads to its table.
    #[must_use]
    pub fn policy(&self, family: Family) -> &[Rule] {
        self.standing.as_ref().map_or_else(|| self.rules(family), |standing| std::slice::from_ref(&standing[family as usize]))
    }

    /// The kernel knows of no rules: it looks in this table.
    pub(crate) fn is_without_rules(&mut self, table: TableId) {
        self.plans = [OnceLock::new(), OnceLock::new()];
        self.standing = Some(Family::ALL.map(|family| Rule::new(family, 0, RuleAction::Lookup(table))));
    }

    /// The links, by number.
    #[must_use]
    pub const fn links(&self) -> &BTreeMap<IfIndex, Link> {
        self.links.items()
    }

    /// The addresses, by interface.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.addresses.items().values()
    }

    /// Says whether an interface has this address.
    #[must_use]
    pub fn has_address(&self, address: IpAddr) -> bool {
        self.own.contains(&address)
    }

    /// The neighbours, by interface; none unless they are followed.
    pub fn neighbours(&self) -> impl Iterator<Item = &Neighbour> {
        self.neighbours.items().values()
    }

    /// The next-hop objects, by number.
    #[must_use]
    pub const fn next_hops(&self) -> &BTreeMap<NextHopId, NextHopObject> {
        self.next_hops.items()
    }

    /// How interfaces are set up to route.
    #[must_use]
    pub const fn settings(&self) -> &BTreeMap<(Family, SettingsOf), InterfaceSettings> {
        self.settings.items()
    }

    /// The names of the interfaces.
    #[must_use]
    pub const fn names(&self) -> &InterfaceNames {
        &self.names
    }

    /// Says whether changes are told, or only made; they are, unless this says otherwise.
    pub fn set_announce(&mut self, announce: bool) {
        (self.announce, self.routes.announce) = (announce, announce);
    }

    pub(crate) const fn tally(&self) -> Tally {
        self.routes.tally
    }

    /// How many changes reading has found, of routes and of other things.
    ///
    /// Neighbours are not among them: the kernel lets them age, and makes those that need no resolving, without a word
    /// (`__neigh_event_send`, net/core/neighbour.c; `arp_constructor`, net/ipv4/arp.c; Linux 6.18).
    pub(crate) const fn found(&self) -> (Tally, u64) {
        (self.routes.found(), self.found)
    }

    /// Takes in what the kernel says, and adds to `out` what has changed.
    ///
    /// Notices about requests (outcomes, the begin and end of dumps, overruns) are not the mirror's and change nothing.
    pub fn handle(&mut self, notice: Notice, out: &mut Vec<Event>) {
        if let Notice::Route(verb, route) = notice {
            return self.route(verb, &route, out);
        }
        let before = out.len();
        let is_found = is_listed(&notice) && !matches!(notice, Notice::Neighbour(..));
        match notice {
            Notice::Rule(verb, rule) => self.rule(verb, *rule, out),
            Notice::Link(verb, link) => self.link(verb, *link, out),
            Notice::Address(verb, address) => self.address(verb, *address, out),
            Notice::Neighbour(verb, neighbour) => self.neighbour(verb, *neighbour, out),
            Notice::NextHop(verb, object) => self.next_hop(verb, *object, out),
            Notice::Settings(verb, settings) => self.set(verb, *settings, out),
            Notice::Trace(trace) if self.any_hidden() => self.traces.push(*trace),
            Notice::Miss(miss) => out.push(Event::Miss(miss)),
            Notice::Losing(route) => out.push(Event::Losing(route)),
            Notice::Redirect(redirect) => out.push(Event::Redirect(redirect)),
            Notice::Author { of, pid } => out.push(Event::Author { of, pid }),
            _ => {}
        }
        if !self.announce {
            out.truncate(before);
        }
        if is_found {
            self.found += (out.len() - before) as u64;
        }
    }

    /// Takes in what the kernel says of a route, as [`handle`](Self::handle) does.
    #[inline]
    pub(crate) fn route(&mut self, verb: RouteVerb, route: &Route, out: &mut Vec<Event>) {
        self.routes.handle(verb, route, out);
        for family in Family::ALL {
            if std::mem::take(&mut self.routes.doubted[family as usize]) {
                self.doubt(Doubt::Routes(family, None));
            }
            if std::mem::take(&mut self.routes.ambiguous[family as usize]) {
                self.doubt(Doubt::Replaced(family));
            }
        }
    }

    fn rule(&mut self, verb: Verb, rule: Rule, out: &mut Vec<Event>) {
        let (family, priority) = (rule.family, rule.priority);
        self.plans[family as usize] = OnceLock::new();
        let rules = &mut self.rules[family as usize];
        match verb {
            Verb::Listed => return rules.listed(rule, out),
            Verb::Present => rules.present(rule, out),
            Verb::Removed => rules.removed(&rule, out),
        }
        if self.rules(family).iter().any(|rule| rule.action == RuleAction::Goto(priority)) {
            self.doubt(Doubt::Rules(family));
        }
    }

    fn link(&mut self, verb: Verb, link: Link, out: &mut Vec<Event>) {
        let (index, is_up, carrier) = (link.index, link.is_up(), link.has_carrier());
        let change = put(&mut self.links, verb, index, link, Link::eq);
        self.disturb(verb);
        // That a carrier has come or gone shows before the routes are told of it, and the link is announced once more when they have been
        // (`linkwatch_do_dev`, net/core/link_watch.c, Linux 6.18): what was listed in between has the old marks.
        let has_old_marks = match carrier {
            true => self.routes.any_marked_down(index),
            false => is_up && self.routes.any_not_marked_down(index),
        };
        if verb == Verb::Present && has_old_marks {
            self.doubt_interface(index);
        }
        let Some(change) = change else { return };
        self.doubt_after_link(&change);
        self.name(&change);
        out.push(Event::Link(change));
    }

    /// Keeps the names in step with a link.
    fn name(&mut self, change: &Change<Link>) {
        self.plans = [OnceLock::new(), OnceLock::new()];
        if let Some(old) = change.before() {
            self.names.remove(old.index);
        }
        if let Some(new) = change.now() {
            self.names.insert(new.index, &new.name);
            new.alternative_names.iter().for_each(|name| self.names.insert_alternative(new.index, name));
        }
    }

    fn doubt_after_link(&mut self, change: &Change<Link>) {
        let ready = |link: Option<&Link>| link.is_some_and(|link| link.has_carrier() && link.flags.contains(LinkFlags::RUNNING));
        if ready(change.before()) && !ready(change.now()) && !self.next_hops().is_empty() {
            self.doubt(Doubt::NextHops);
        }
        let name = |link: Option<&Link>| link.map(|link| link.name.clone());
        if name(change.before()) != name(change.now()) {
            for family in Family::ALL {
                if self.rules(family).iter().any(|rule| rule.input.is_some() || rule.output.is_some()) {
                    self.doubt(Doubt::Rules(family));
                }
            }
        }
        match change {
            Change::Added(new) => {
                let peer = new.parent.and_then(|index| self.links().get(&index));
                if peer.is_some_and(|peer| peer.parent.is_none() && peer.kind == new.kind) {
                    self.doubt(Doubt::Links);
                }
            }
            Change::Removed(old) => self.doubt_interface(old.index),
            Change::Replaced { old, new } => {
                let carriers = LinkFlags::RUNNING | LinkFlags::LOWER_UP;
                if old.is_up() != new.is_up() {
                    if self.routes.any_uses(new.index) {
                        Family::ALL.into_iter().for_each(|family| self.doubt(Doubt::Pending(family, new.index)));
                    }
                } else if (old.flags ^ new.flags).intersects(carriers) || old.master != new.master {
                    self.doubt_interface(new.index);
                }
            }
        }
    }

    /// The routes out of an interface may have changed without a word.
    fn doubt_interface(&mut self, index: IfIndex) {
        if self.routes.any_uses(index) {
            Family::ALL.into_iter().for_each(|family| self.doubt(Doubt::Routes(family, Some(index))));
        }
    }

    fn address(&mut self, verb: Verb, address: Address, out: &mut Vec<Event>) {
        let key = (address.interface, address.local, address.prefix_length, address.peer);
        let change = put(&mut self.addresses, verb, key, address, same_address);
        self.disturb(verb);
        let Some(change) = change else { return };
        if let Change::Added(new) = &change {
            self.own.insert(new.local);
            // An interface's first IPv4 address lets dead next hops live again, and is announced before (`fib_inetaddr_event`,
            // net/ipv4/fib_frontend.c, Linux 6.18).
            if verb == Verb::Present && self.routes.any_marked_down(new.interface) {
                self.doubt(Doubt::Pending(Family::of(&new.local), new.interface));
            }
        }
        if let Change::Removed(old) = &change {
            if !self.addresses().any(|other| other.local == old.local) {
                self.own.remove(&old.local);
            }
            self.doubt_interface(old.interface);
            // Linux before 6.6 drops the routes that prefer this source without a word, and IPv6 makes them forget it
            // (`fib6_remove_prefsrc`, net/ipv6/route.c, Linux 6.18).
            let source = Some(old.local);
            if self.tables().entries().any(|entry| entry.preferred_source == source) {
                self.doubt(Doubt::Routes(Family::of(&old.local), None));
            }
        }
        out.push(Event::Address(change));
    }

    fn neighbour(&mut self, verb: Verb, neighbour: Neighbour, out: &mut Vec<Event>) {
        let key = (neighbour.interface, neighbour.address, neighbour.proxy);
        let change = put(&mut self.neighbours, verb, key, neighbour, Neighbour::eq);
        out.extend(change.map(Event::Neighbour));
    }

    fn next_hop(&mut self, verb: Verb, object: NextHopObject, out: &mut Vec<Event>) {
        let id = object.id;
        let change = put(&mut self.next_hops, verb, id, object, NextHopObject::eq);
        self.disturb(verb);
        let Some(change) = change else { return };
        if change.before().is_some() {
            self.next_hop_gone(id);
        }
        out.push(Event::NextHop(change));
    }

    /// A next-hop object has gone or become another: what uses it may have too.
    fn next_hop_gone(&mut self, id: NextHopId) {
        if self.routes_use(id) {
            Family::ALL.into_iter().for_each(|family| self.doubt(Doubt::Routes(family, None)));
        }
    }

    /// Says whether any route uses this next-hop object, by itself or in a group.
    fn routes_use(&self, id: NextHopId) -> bool {
        let has = |object: &NextHopObject| match &object.kind {
            NextHopObjectKind::Group { members, .. } => members.iter().any(|member| member.id == id),
            _ => false,
        };
        let groups: Vec<NextHopId> = self.next_hops().values().filter(|object| has(object)).map(|object| object.id).collect();
        let concerned = |used: NextHopId| used == id || groups.contains(&used);
        self.tables().entries().any(|entry| entry.next_hop_object.is_some_and(concerned))
    }

    fn set(&mut self, verb: Verb, said: InterfaceSettings, out: &mut Vec<Event>) {
        let (verb, settings) = settings::whole(&self.settings, verb, said);
        let key = (settings.family, settings.of);
        let Some(change) = put(&mut self.settings, verb, key, settings, InterfaceSettings::eq) else { return };
        // Routes out of an interface without carrier are marked dead while this is set (`fib_nexthop_info`,
        // net/ipv4/fib_semantics.c, Linux 6.18).
        let ignores = |settings: Option<&InterfaceSettings>| settings.and_then(|settings| settings.ignore_routes_with_link_down);
        if let (Change::Replaced { .. }, SettingsOf::Interface(index)) = (&change, settings.of) {
            if ignores(change.before()) != ignores(change.now()) {
                self.doubt_interface(index);
            }
        }
        if matches!(change, Change::Replaced { .. }) && settings.of == SettingsOf::All {
            self.doubt(Doubt::Settings(settings.family));
        }
        out.push(Event::Settings(change));
    }

    /// Something has been said that can tear a dump of routes.
    fn disturb(&mut self, verb: Verb) {
        if verb != Verb::Listed {
            self.routes.disturb();
        }
    }

    fn doubt(&mut self, doubt: Doubt) {
        if !self.doubts.contains(&doubt) {
            self.doubts.push(doubt);
        }
    }

    /// What the mirror has come to doubt since this was last asked.
    pub fn take_doubts(&mut self) -> Vec<Doubt> {
        std::mem::take(&mut self.doubts)
    }

    /// A dump of `subject` has been asked for: what is listed until [`end`](Self::end) belongs to it.
    pub fn begin(&mut self, subject: Subject) {
        match subject {
            Subject::Links => self.links.begin(),
            Subject::Addresses => self.addresses.begin(),
            Subject::Rules(family) => self.rules[family as usize].begin(),
            Subject::Settings(_) => self.settings.begin(),
            Subject::NextHops => self.next_hops.begin(),
            Subject::Neighbours => self.neighbours.begin(),
            Subject::Routes(family, interface) => self.routes.begin(filter(family, interface)),
        }
    }

    /// The dump of `subject` has ended, `whole` if the kernel says nothing else.
    ///
    /// What it has not listed is taken away if that is certain.
    ///
    /// # Errors
    ///
    /// The dump does not tell the whole truth, and this many routes are suspect: they may have gone, and are kept.
    pub fn end(&mut self, subject: Subject, whole: bool, out: &mut Vec<Event>) -> Result<(), usize> {
        let ended = self.end_in_slices(subject, whole, out);
        while self.go_on(out) {}
        ended
    }

    /// Goes on with the dump that has ended, if it has left something to do; says whether there is more. Until there is not, nothing else may be
    /// taken in.
    pub(crate) fn go_on(&mut self, out: &mut Vec<Event>) -> bool {
        self.routes.go_on(out)
    }

    /// Does what [`end`](Self::end) does, but leaves most of it to [`go_on`](Self::go_on) where it is about routes: there can be a million.
    pub(crate) fn end_in_slices(&mut self, subject: Subject, whole: bool, out: &mut Vec<Event>) -> Result<(), usize> {
        let before = out.len();
        let all = |_: &IfIndex| true;
        let mut links = Vec::new();
        let ended = match subject {
            Subject::Routes(..) => {
                let links = self.links.items();
                return self.routes.end(whole, |index| links.get(&index).is_some_and(Link::is_up));
            }
            Subject::Rules(family) => {
                self.plans[family as usize] = OnceLock::new();
                self.rules[family as usize].end(whole, out)
            }
            Subject::Links => {
                links = self.links.end(whole, all);
                whole
            }
            Subject::Addresses => {
                let whole = gone(&mut self.addresses, whole, |_| true, Event::Address, out);
                self.own = self.addresses().map(|own| own.local).collect();
                whole
            }
            Subject::Neighbours => gone(&mut self.neighbours, whole, |_| true, Event::Neighbour, out),
            Subject::NextHops => {
                for object in self.next_hops.end(whole, |_| true) {
                    self.next_hop_gone(object.id);
                    out.push(Event::NextHop(Change::Removed(object)));
                }
                whole
            }
            Subject::Settings(family) => gone(&mut self.settings, whole, |key| key.0 == family, Event::Settings, out),
        };
        for link in links {
            let change = Change::Removed(link);
            self.doubt_after_link(&change);
            self.name(&change);
            out.push(Event::Link(change));
        }
        if !self.announce {
            out.truncate(before);
        }
        if subject != Subject::Neighbours {
            self.found += (out.len() - before) as u64;
        }
        if ended { Ok(()) } else { Err(0) }
    }
}

impl Default for Mirror {
    fn default() -> Self {
        Self::new()
    }
}

/// Says whether a notice tells what a dump has listed, of something else than a route.
pub(crate) fn is_listed(notice: &Notice) -> bool {
    matches!(
        notice,
        Notice::Rule(Verb::Listed, _)
            | Notice::Link(Verb::Listed, _)
            | Notice::Address(Verb::Listed, _)
            | Notice::Neighbour(Verb::Listed, _)
            | Notice::NextHop(Verb::Listed, _)
            | Notice::Settings(Verb::Listed, _)
            | Notice::Trace(_)
    )
}

fn put<K: Ord + Copy, T: Clone>(
    items: &mut Keyed<K, T>,
    verb: Verb,
    key: K,
    item: T,
    same: fn(&T, &T) -> bool,
) -> Option<Change<T>> {
    match verb {
        Verb::Listed => items.listed(key, item, same),
        Verb::Present => items.present(key, item, same),
        Verb::Removed => items.removed(key),
    }
}

/// Ends a dump of keyed items, tells what has gone, and says whether the dump told the whole truth.
fn gone<K: Ord + Copy, T: Clone>(
    items: &mut Keyed<K, T>,
    whole: bool,
    covers: impl FnMut(&K) -> bool,
    event: fn(Change<T>) -> Event,
    out: &mut Vec<Event>,
) -> bool {
    out.extend(items.end(whole, covers).into_iter().map(|item| event(Change::Removed(item))));
    whole
}

/// Says whether two addresses are the same but for how long they live.
fn same_address(one: &Address, two: &Address) -> bool {
    let plain = |address: &Address| {
        let mut plain = address.clone();
        plain.valid = plain.valid.map(|_| Duration::ZERO);
        plain.preferred = plain.preferred.map(|_| Duration::ZERO);
        plain
    };
    plain(one) == plain(two)
}
