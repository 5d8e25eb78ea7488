//! What is wrong between routes and what they hang on: interfaces, addresses, neighbours, rules.

use std::collections::BTreeSet;
use std::net::IpAddr;

use rustc_hash::FxHashMap;
use waypost_core::{
    AddressFlags, Disposition, Family, IfIndex, Neighbour, NeighbourState, NextHop, NextHopFlags, Prefix, Protocol, RouteRef,
    RuleAction, TableId,
};

use super::prefixes::named;
use super::{CheckOptions, Finding, Problem, Report, Severity, owned};
use crate::mirror::Mirror;

/// A table of neighbours is nearly full from so many hundredths on.
const NEARLY_FULL: usize = 80;

/// The kernel's flag of a neighbour that a program has learnt and keeps (`NTF_EXT_LEARNED`, include/uapi/linux/neighbour.h, Linux
/// 6.18).
const LEARNED_ELSEWHERE: u32 = 0x10;

/// The mirror, and what has been found out of gateways and sources: many routes share few.
pub(super) struct Surroundings<'a> {
    mirror: &'a Mirror,
    own: BTreeSet<IpAddr>,
    on_link: FxHashMap<(IpAddr, IfIndex), bool>,
}

impl<'a> Surroundings<'a> {
    pub(super) fn new(mirror: &'a Mirror) -> Self {
        let own = mirror.addresses().filter(|one| !one.flags.contains(AddressFlags::DUPLICATED)).map(|one| one.local).collect();
        Self { mirror, own, on_link: FxHashMap::default() }
    }

    /// How full the tables of neighbours are.
    pub(super) fn neighbours(&self, options: CheckOptions, report: &mut Report) {
        for (family, most) in Family::ALL.into_iter().zip(options.neighbours_max) {
            let is_wanted = options.family.is_none_or(|wanted| wanted == family);
            let Some(most) = most.filter(|most| is_wanted && *most > 0) else { continue };
            let all = self.mirror.neighbours().filter(|one| Family::of(&one.address) == family && counts(one)).count();
            if all * 100 < most * NEARLY_FULL {
                continue;
            }
            let version = if family == Family::V4 { 4 } else { 6 };
            let text = format!("{all} IPv{version} neighbours are known, and the kernel keeps {most} at most");
            let mut finding = Finding::new(Problem::NeighboursFull, text);
            if all >= most {
                finding.severity = Severity::Error;
            }
            report.add(finding);
        }
    }

    /// Rules that lead nowhere.
    pub(super) fn rules(&self, report: &mut Report) {
        for family in Family::ALL {
            let rules = self.mirror.rules(family);
            for rule in rules {
                let (problem, text) = match rule.action {
                    RuleAction::Lookup(table) if self.is_empty(table, family) => {
                        (Problem::EmptyTable, format!("`{rule}` looks into a table that is empty"))
                    }
                    RuleAction::Goto(priority) if !rules.iter().any(|other| other.priority == priority) => {
                        (Problem::DanglingGoto, format!("`{rule}` goes on with a rule that is not there"))
                    }
                    _ => continue,
                };
                report.add(Finding { rule: Some(rule.clone()), ..Finding::new(problem, text) });
            }
        }
    }

    /// Says whether a table has no route of a family, though it is one of those that are there to be filled.
    fn is_empty(&self, id: TableId, family: Family) -> bool {
        let usual = [TableId::LOCAL, TableId::MAIN, TableId::DEFAULT];
        let any = |table: waypost_core::TableRef<'_>| table.inside(Prefix::default_of(family)).next().is_some();
        !usual.contains(&id) && !self.mirror.tables().table(id).is_some_and(any)
    }

    /// What is wrong with one route.
    pub(super) fn route(&mut self, route: RouteRef<'_>, report: &mut Report) {
        if route.entry.disposition != Disposition::Unicast {
            return;
        }
        if let Some(source) = route.entry.preferred_source.filter(|source| !self.is_own(*source)) {
            let text = format!("{} has packets sent from {source}, which no interface has", self.named(route));
            report.add(Finding::of(Problem::SourceNotAssigned, owned(route), text));
        }
        for hop in route.entry.next_hops.iter() {
            let Some(interface) = hop.interface else { continue };
            self.link(route, interface, report);
            if let Some(gateway) = hop.gateway.filter(|gateway| !self.reaches(*gateway, interface, hop)) {
                let dev = self.mirror.names().printed(interface);
                let text = format!("{} goes through {gateway}, which is on no network of {dev}", self.named(route));
                report.add(Finding::of(Problem::GatewayOffLink, owned(route), text));
            }
        }
    }

    fn named(&self, route: RouteRef<'_>) -> String {
        named(self.mirror, route)
    }

    fn is_own(&self, source: IpAddr) -> bool {
        let local = || self.mirror.tables().table(TableId::LOCAL)?.longest_match(source)?.next();
        self.own.contains(&source) || local().is_some_and(|route| route.entry.disposition == Disposition::Local)
    }

    fn link(&self, route: RouteRef<'_>, interface: IfIndex, report: &mut Report) {
        let link = self.mirror.links().get(&interface);
        let what = match link {
            // One in another namespace is not known here.
            None if self.mirror.links().is_empty() => return,
            None => "is not there",
            Some(link) if !link.is_up() => "is switched off",
            Some(link) if !link.has_carrier() => "has no carrier",
            Some(_) => return,
        };
        let text = format!("{} leaves by {}, which {what}", self.named(route), self.mirror.names().printed(interface));
        let mut finding = Finding::of(Problem::LinkDown, owned(route), text);
        if route.entry.protocol == Protocol::KERNEL {
            // It goes and comes with the address.
            finding.severity = Severity::Note;
        }
        report.add(finding);
    }

    /// Says whether a gateway can be asked for on its link.
    fn reaches(&mut self, gateway: IpAddr, interface: IfIndex, hop: &NextHop) -> bool {
        let is_link_local = matches!(gateway, IpAddr::V6(address) if address.is_unicast_link_local());
        if is_link_local || hop.flags.contains(NextHopFlags::ON_LINK) {
            return true;
        }
        if let Some(known) = self.on_link.get(&(gateway, interface)) {
            return *known;
        }
        let on_link = self.is_on_link(gateway, interface);
        self.on_link.insert((gateway, interface), on_link);
        on_link
    }

    fn is_on_link(&self, gateway: IpAddr, interface: IfIndex) -> bool {
        let network = |base, length| Prefix::containing(base, length).is_ok_and(|network| network.contains(gateway));
        let mut addresses = self.mirror.addresses().filter(|address| address.interface == interface);
        if addresses.any(|address| network(address.peer.unwrap_or(address.local), address.prefix_length)) {
            return true;
        }
        let direct = |route: RouteRef<'_>| {
            let leads = |hop: &NextHop| hop.interface == Some(interface) && hop.gateway.is_none();
            route.entry.disposition == Disposition::Unicast && route.entry.next_hops.iter().any(leads)
        };
        let tables = self.mirror.tables();
        tables.table_ids().filter_map(|id| tables.table(id)).any(|table| table.matches(gateway).flatten().any(direct))
    }
}

/// Says whether a neighbour takes a place of those that the kernel keeps at most. What was set by hand or learnt by a program takes none
/// (`neigh_add` and `neigh_alloc`, net/core/neighbour.c, Linux 6.18), and those that the host answers for are in a table of their own
/// (`pneigh_lookup`).
const fn counts(neighbour: &Neighbour) -> bool {
    !matches!(neighbour.state, NeighbourState::Permanent) && neighbour.os_flags & LEARNED_ELSEWHERE == 0 && !neighbour.proxy
}
