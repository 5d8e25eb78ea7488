//! Uplinks beside a kernel that does as it is told, unless it is told otherwise.

mod absent;
mod arrows;
mod elections;
mod rivals;
mod roles;
mod routes;
mod starting;
mod vpn;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use waypost_core::{
    Address, Capabilities, CompareAndDelete, Error, ErrorKind, Family, IfIndex, Link, LinkFlags, Notice, Now, OwnershipTag,
    Route, RouteVerb, Rule, RuleAction, TableId, Verb,
};

use super::*;
use crate::Mirror;

/// A machine: what a mirror of it has, its uplinks, and what a kernel did.
pub(super) struct Machine {
    pub(super) now: Now,
    pub(super) mirror: Mirror,
    pub(super) uplinks: Uplinks,
    pub(super) reports: Vec<UplinkReport>,
    /// What was written, in order: `+` or `-`, role and route.
    pub(super) written: Vec<String>,
    pub(super) probes: Vec<(UplinkId, u32)>,
    /// How often everything was to be read again.
    pub(super) reads: u32,
    /// Additions of these roles are refused.
    pub(super) refuses: BTreeSet<Role>,
    /// Deletions are refused.
    pub(super) keeps: bool,
    /// Orders wait here when nobody carries them out.
    pub(super) waiting: Vec<Order>,
    pub(super) holds_orders: bool,
}

pub(super) fn index(number: u32) -> IfIndex {
    IfIndex::new(number).unwrap()
}

pub(super) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn with_metrics() -> Capabilities {
    let mut can = Capabilities::least("a system with metrics");
    (can.metric, can.main_table) = (true, TableId::MAIN);
    can.compare_and_delete = CompareAndDelete::Native;
    can.ownership_tag = OwnershipTag::Protocol;
    can
}

impl Machine {
    pub(super) fn new(options: UplinkOptions) -> Self {
        Self::of(options, &with_metrics())
    }

    pub(super) fn of(options: UplinkOptions, capabilities: &Capabilities) -> Self {
        let mut mirror = Mirror::new();
        for family in Family::ALL {
            let rule = Rule::new(family, 32766, RuleAction::Lookup(TableId::MAIN));
            mirror.handle(Notice::Rule(Verb::Present, Box::new(rule)), &mut Vec::new());
        }
        Self {
            now: Now::awake(Duration::from_secs(1000)),
            mirror,
            uplinks: Uplinks::new(options, capabilities),
            reports: Vec::new(),
            written: Vec::new(),
            probes: Vec::new(),
            reads: 0,
            refuses: BTreeSet::new(),
            keeps: false,
            waiting: Vec::new(),
            holds_orders: false,
        }
    }

    /// With interfaces 2, 3 and 4 that have 10.2.0.2/24 and 2001:db8:2::2/64 and so on, and begun.
    pub(super) fn ready() -> Self {
        let mut machine = Self::new(UplinkOptions::default());
        (2..5).for_each(|number| machine.interface(number));
        machine.begin();
        machine
    }

    pub(super) fn begin(&mut self) {
        self.uplinks.start(self.now, &self.mirror);
        self.turn();
    }

    /// Interface `number`, up, with its addresses.
    pub(super) fn interface(&mut self, number: u32) {
        self.link(number, true, true);
        self.hear(RouteVerb::Added, &format!("10.{number}.0.0/24 dev if{number} proto kernel scope link"));
        self.hear(RouteVerb::Added, &format!("2001:db8:{number}::/64 dev if{number} proto kernel metric 256"));
        self.address(number, Verb::Present, |_| {});
    }

    pub(super) fn link(&mut self, number: u32, up: bool, carrier: bool) {
        let mut link = Link::new(index(number), &format!("w{number}"));
        link.flags.set(LinkFlags::UP, up);
        link.flags.set(LinkFlags::LOWER_UP, carrier);
        self.notice(Notice::Link(Verb::Present, Box::new(link)));
    }

    pub(super) fn address(&mut self, number: u32, verb: Verb, edit: impl Fn(&mut Address)) {
        for (local, length) in [(format!("10.{number}.0.2"), 24), (format!("2001:db8:{number}::2"), 64)] {
            let mut address = Address::new(index(number), ip(&local), length);
            edit(&mut address);
            self.notice(Notice::Address(verb, Box::new(address)));
        }
    }

    /// The kernel says something of a route.
    pub(super) fn hear(&mut self, verb: RouteVerb, words: &str) {
        self.notice(Notice::Route(verb, words.parse().unwrap()));
    }

    pub(super) fn notice(&mut self, notice: Notice) {
        let mut events = Vec::new();
        self.mirror.handle(notice, &mut events);
        events.iter().for_each(|event| self.uplinks.note(self.now, event));
    }

    /// An IPv4 uplink through the router of interface `number`.
    pub(super) fn uplink(number: u32, priority: u32) -> Uplink {
        let exit = Exit::Gateway(ip(&format!("10.{number}.0.1")));
        let mut uplink = Uplink::new(format!("w{number}"), Family::V4, index(number), exit);
        uplink.priority = priority;
        uplink
    }

    pub(super) fn add(&mut self, number: u32, priority: u32) -> UplinkId {
        self.uplinks.set(Self::uplink(number, priority))
    }

    /// Lets the machine go on until nothing is left to do.
    pub(super) fn turn(&mut self) {
        for round in 0.. {
            assert!(round < 50, "it comes to an end: {:?}", self.written);
            let mut orders = Vec::new();
            self.uplinks.poll(self.now, &self.mirror, &mut orders, &mut self.reports);
            self.waiting.append(&mut orders);
            if self.waiting.is_empty() || self.holds_orders {
                return;
            }
            for order in std::mem::take(&mut self.waiting) {
                self.obey(order);
            }
        }
    }

    pub(super) fn obey(&mut self, order: Order) {
        match order {
            Order::Install(wish) => {
                self.written.push(format!("+{} {}", wish.role, short(&wish.route)));
                if self.refuses.contains(&wish.role) {
                    let error = Error::new(ErrorKind::Busy, "add route");
                    return self.uplinks.told(self.now, wish.id, Told::Refused(error));
                }
                assert_eq!(self.mirror.tables().slot(&wish.route.slot).count(), 0, "{} is exclusive", wish.route);
                self.notice(Notice::Route(RouteVerb::Added, wish.route));
                self.uplinks.told(self.now, wish.id, Told::Installed);
            }
            Order::Withdraw(wish) => {
                self.written.push(format!("-{} {}", wish.role, short(&wish.route)));
                if self.keeps {
                    let error = Error::new(ErrorKind::Busy, "delete route");
                    return self.uplinks.told(self.now, wish.id, Told::Kept(error));
                }
                self.notice(Notice::Route(RouteVerb::Removed, wish.route));
                self.uplinks.told(self.now, wish.id, Told::Gone);
            }
            Order::Read => self.reads += 1,
            Order::Probe(uplink, number) => self.probes.push((uplink, number)),
        }
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.turn();
    }

    /// Lets the machine go on, and says what was written meanwhile.
    #[track_caller]
    pub(super) fn writes(&mut self, expected: &[&str]) {
        self.written.clear();
        self.turn();
        assert_eq!(self.written, expected);
    }

    pub(super) fn life(&self, id: UplinkId) -> Life {
        self.uplinks.status(self.now).find(|status| status.id == id).unwrap().life
    }

    pub(super) fn elected(&self) -> Option<UplinkId> {
        self.uplinks.elected(Family::V4)
    }

    /// The default routes that there are, the first the one that is used.
    pub(super) fn defaults(&self) -> Vec<String> {
        let table = self.mirror.tables().table(TableId::MAIN).unwrap();
        let chain = table.exactly("0.0.0.0/0".parse().unwrap());
        chain.into_iter().flatten().map(|route| short(&route.to_route())).collect()
    }

    pub(super) fn tells(&self, is_meant: impl Fn(&UplinkReport) -> bool) -> bool {
        self.reports.iter().any(is_meant)
    }
}

/// A route without its protocol where that is ours.
fn short(route: &Route) -> String {
    route.to_string().replace(" proto 87", "")
}
