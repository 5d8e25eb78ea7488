//! Who changes a simulated machine without asking.

use waypost_core::{
    Drained, Dump, IfIndex, InterfaceNames, Kernel, NextHopId, NextHopObject, Notice, Notices, Now, Request, Route, RouteChange,
    RouteFilter, Rule, Slot, TableId, Ticket,
};
use waypost_sim::{Profile, Sim};

/// Numbers that follow from a seed (splitmix64).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).expect("it is less than a length")]
    }
}

/// How many routes of each family nobody touches.
const STABLE: u32 = 12;

/// A link `w0` that nobody touches, with routes over it that nobody touches, and a link `w1` of which anything may become. The slots
/// of those routes are given back.
pub(crate) fn prepare(sim: &Sim) -> Vec<Slot> {
    let link = sim.add_link("w0");
    sim.set_up(link, true).unwrap();
    sim.set_carrier(link, true).unwrap();
    sim.add_address(link, "10.0.0.1".parse().unwrap(), 24).unwrap();
    sim.add_address(link, "2001:db8::1".parse().unwrap(), 64).unwrap();
    remake(sim, sim.add_link("w1"));
    let mut slots = Vec::new();
    for n in 0..STABLE {
        for text in [format!("10.200.{n}.0/24 via 10.0.0.9"), format!("2001:db8:f{n:02x}::/48 via 2001:db8::9")] {
            let route = of(sim, &text);
            sim.rival(RouteChange::Add, &route).unwrap();
            slots.push(route.slot);
        }
    }
    slots.iter().map(|slot| kept(sim, slot)).collect()
}

/// The slot as this kernel keeps it, which may have a metric of its own for one that names none.
fn kept(sim: &Sim, slot: &Slot) -> Slot {
    let mut kernel = sim.kernel();
    let filter = RouteFilter::default();
    let family = slot.destination.family();
    kernel.submit(Now::default(), Ticket(1), Request::Dump(Dump::Routes(family, &filter))).unwrap();
    kernel.flush().unwrap();
    let mut notices = Notices::new();
    while kernel.drain(Now::default(), 1000, &mut notices).unwrap() == Drained::More {}
    let found = notices.iter().find_map(|notice| match notice {
        Notice::Route(_, route) if route.slot.destination == slot.destination => Some(route.slot),
        _ => None,
    });
    found.expect("it has been added")
}

fn remake(sim: &Sim, link: IfIndex) {
    for _ in [sim.set_up(link, true), sim.set_carrier(link, true)] {}
    for (address, length) in [("10.6.0.1", 24), ("2001:db8:6::1", 64)] {
        // It may be there.
        drop(sim.add_address(link, address.parse().unwrap(), length));
    }
}

/// The route as `ip` would give it to this kernel: in its main table.
fn of(sim: &Sim, text: &str) -> Route {
    let mut route: Route = text.parse().unwrap();
    if route.slot.table == TableId::MAIN {
        route.slot.table = sim.kernel().capabilities().main_table;
    }
    route
}

/// Those who change things, and what they know of the machine.
pub(crate) struct Rivals {
    has_rules: bool,
    has_metrics: bool,
    has_append: bool,
    has_objects: bool,
    has_priorities: bool,
    has_scopes: bool,
}

impl Rivals {
    pub(crate) const fn new(profile: &Profile) -> Self {
        let can = &profile.capabilities;
        Self {
            has_rules: can.rules,
            has_metrics: can.metric,
            has_append: can.append,
            has_objects: can.next_hop_objects,
            has_priorities: can.priority,
            has_scopes: can.interface_scope,
        }
    }

    /// One of them does something; whether it succeeds is the kernel's affair.
    pub(crate) fn act(&mut self, random: &mut Random, sim: &Sim) {
        match random.below(20) {
            0..=13 => self.route(random, sim),
            14 | 15 => link(random, sim),
            16 => address(random, sim),
            17 if self.has_objects => object(random, sim),
            18 if self.has_rules => rule(random, sim),
            _ => self.route(random, sim),
        }
    }

    fn route(&self, random: &mut Random, sim: &Sim) {
        let plain = [RouteChange::Add, RouteChange::Add, RouteChange::Change, RouteChange::Delete, RouteChange::Delete];
        let more = [RouteChange::Append, RouteChange::Replace, RouteChange::Prepend];
        let change = if self.has_append && random.below(2) == 0 { random.pick(&more) } else { random.pick(&plain) };
        let number = random.below(6);
        let is_v4 = random.below(2) == 0;
        // What is listed of an IPv6 slot in which routes that merge stand beside others is another matter: each kind has its destinations.
        let (net, gateways, kind) = match is_v4 {
            true => (format!("10.{}.0.0/16", 100 + number), ["10.0.0.2", "10.0.0.3", "10.6.0.2", "10.6.0.3"], random.below(6)),
            false => {
                let gateways = ["2001:db8::2", "2001:db8::3", "2001:db8:6::2", "2001:db8:6::3"];
                (format!("2001:db8:{}::/48", 100 + number), gateways, if number < 4 { random.below(4) } else { 4 })
            }
        };
        let metric = if self.has_metrics { random.pick(&[" metric 5", " metric 6"]) } else { "" };
        let one = random.pick(&gateways);
        let text = match kind {
            4 | 5 if self.has_objects && random.below(2) == 0 => format!("{net} nhid {}{metric}", if is_v4 { 7 } else { 8 }),
            4 | 5 if self.has_append => format!("blackhole {net}{metric}"),
            3 if self.has_metrics => {
                format!("{net}{metric} nexthop via {one} weight 3 nexthop via {}", random.pick(&gateways))
            }
            _ => format!("{net} via {one}{metric}"),
        };
        let mut route = of(sim, &text);
        if self.has_priorities {
            route.slot.priority = random.pick(&[8, 8, 16]);
        }
        if self.has_scopes && random.below(3) == 0 {
            route.slot.interface_scope = sim.link("w0");
        }
        if change == RouteChange::Delete && random.below(4) == 0 {
            drop(sim.rival_is_held_up(&route));
        } else {
            drop(sim.rival(change, &route));
        }
    }
}

fn link(random: &mut Random, sim: &Sim) {
    let Some(link) = sim.link("w1").or_else(|| sim.link("w9")) else { return remake(sim, sim.add_link("w1")) };
    let done = match random.below(9) {
        0 => sim.set_up(link, false),
        1 | 2 => sim.set_up(link, true),
        3 => sim.set_carrier(link, false),
        4 => sim.set_carrier(link, true),
        5 => sim.rename(link, random.pick(&["w1", "w9"])),
        6 => sim.remove_link(link),
        7 => {
            // Another link gets its number.
            let gone = sim.remove_link(link);
            sim.add_link_at(link, "w1");
            remake(sim, link);
            gone
        }
        _ => {
            remake(sim, link);
            Ok(())
        }
    };
    drop(done);
}

fn address(random: &mut Random, sim: &Sim) {
    let Some(link) = sim.link("w1").or_else(|| sim.link("w9")) else { return };
    let (address, length) = random.pick(&[("10.6.0.1", 24), ("2001:db8:6::1", 64), ("10.6.0.9", 24)]);
    let address = address.parse().unwrap();
    let done = if random.below(2) == 0 { sim.add_address(link, address, length) } else { sim.remove_address(link, address) };
    drop(done);
}

/// Has another program ask for something; what becomes of it is the kernel's affair.
fn ask(sim: &Sim, request: Request<'_>) {
    let mut kernel = sim.kernel();
    kernel.submit(Now::default(), Ticket(1), request).unwrap();
    kernel.flush().unwrap();
}

fn object(random: &mut Random, sim: &Sim) {
    let (text, id) = random.pick(&[
        ("id 7 via 10.0.0.2", 7),
        ("id 7 via 10.6.0.3", 7),
        ("id 8 via 2001:db8::2", 8),
        ("id 8 via 2001:db8:6::3", 8),
        ("id 9 group 7", 9),
    ]);
    if random.below(3) == 0 {
        return ask(sim, Request::DeleteNextHop(NextHopId::new(id).expect("not zero")));
    }
    let object = NextHopObject::parse(text, InterfaceNames::none(), None).unwrap();
    ask(sim, Request::AddNextHop { object: &object, replace: random.below(2) == 0 });
}

fn rule(random: &mut Random, sim: &Sim) {
    let text = random.pick(&[
        "1000: from 10.7.0.0/16 lookup 77",
        "1001: from all iif w1 lookup 78",
        "1000: from 2001:db8:7::/48 lookup 77",
    ]);
    let rule: Rule = text.parse().unwrap();
    ask(sim, if random.below(2) == 0 { Request::AddRule(&rule) } else { Request::DeleteRule(&rule) });
}
