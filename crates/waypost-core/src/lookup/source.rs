//! Whether an address is the host's own, so that its packets can come from it and answers find it.

use std::net::IpAddr;

use super::sieve::Sieve;
use super::walk::{Hit, Silent};
use super::{Asked, World, ipv4, ipv6};
use crate::{Disposition, Family, Flow, Rule, RuleAction, TableId};

impl World<'_> {
    /// Says whether a connection can have this source.
    ///
    /// - IPv4: the kernel sends from the addresses of any interface, whatever VRF that is of, and from what the table `local` has for the host's own,
    ///   and from no other source (`ip_route_output_key_hash_rcu` in `net/ipv4/route.c`, `__ip_dev_find` in `net/ipv4/devinet.c`, Linux 6.18).
    ///   A route of type `local` in another table takes packets in, and answers to them are refused.
    /// - IPv6: the kernel sends from whatever source a socket has; what counts is whether what comes back is taken in (`ip6_route_input` in
    ///   `net/ipv6/route.c`): an interface has the address, or rules may lead to a route that makes it the host's own (`local`, `anycast`),
    ///   in whichever table. A rule that asks for more than the destination is taken to match where that makes the address the host's own, since
    ///   the marks and interfaces of packets that are still to come are not known; so it is with the tables of VRFs.
    ///
    /// ```
    /// use waypost_core::lookup::World;
    /// use waypost_core::{Family, InterfaceNames, Position, Rule, Tables};
    ///
    /// let mut tables = Tables::new();
    /// tables.insert(&"local 2001:db8:5::/64 dev if1 table 100".parse()?, Position::Last);
    /// let rules = [Rule::parse("50: from all fwmark 1 lookup 100", Some(Family::V6))?];
    /// let world = World::new(&tables, &rules, InterfaceNames::none());
    /// assert!(world.has_source("2001:db8:5::7".parse().unwrap()));
    /// assert!(!world.has_source("2001:db8:6::7".parse().unwrap()));
    /// # Ok::<(), waypost_core::ParseError>(())
    /// ```
    #[must_use]
    pub fn has_source(&self, source: IpAddr) -> bool {
        match source {
            IpAddr::V4(_) => self.has_address(source) || self.is_local(source),
            IpAddr::V6(address) => address.is_loopback() || self.has_address(source) || self.may_come_in(source),
        }
    }

    /// Says whether an interface has this address; where none are known, it says no.
    pub(super) fn has_address(&self, address: IpAddr) -> bool {
        self.addresses.is_some_and(|addresses| addresses.contains(&address))
    }

    /// Says whether the table `local` has an address for the host's own; where there is no such table, all are.
    fn is_local(&self, address: IpAddr) -> bool {
        let Some(table) = self.tables.table(TableId::LOCAL) else { return true };
        let asked = Asked::of(&Flow::to(address));
        ipv4::find(table, &asked, &Sieve::of(self, &asked), &mut Silent).is_local()
    }

    /// Says whether rules may lead IPv6 packets to this address to the host itself.
    fn may_come_in(&self, address: IpAddr) -> bool {
        let mut is_straight = true;
        for rule in self.rules.iter().filter(|rule| rule.family == Family::V6) {
            if !rule.invert && rule.to.is_some_and(|to| !to.contains(address)) {
                continue;
            }
            let is_taken_in = match rule.action {
                _ if rule.l3mdev => self.is_taken_in_by_vrf(address).then_some(true),
                RuleAction::Lookup(table) => self.is_taken_in_by(table, address),
                RuleAction::Blackhole | RuleAction::Unreachable | RuleAction::Prohibit => Some(false),
                RuleAction::Goto(_) => {
                    // What it leaps over is looked at all the same, and decides nothing.
                    is_straight = false;
                    None
                }
                RuleAction::Nop | RuleAction::Other(_) => None,
            };
            match is_taken_in {
                Some(true) => return true,
                Some(false) if is_straight && asks_for_destination_alone(rule) => return false,
                _ => {}
            }
        }
        false
    }

    /// Says whether packets to this address are the host's by a table; `None` where it has nothing to say.
    fn is_taken_in_by(&self, table: TableId, address: IpAddr) -> Option<bool> {
        let asked = Asked::of(&Flow::to(address));
        match ipv6::find(self.tables.table(table)?, &asked, &Sieve::of(self, &asked), &mut Silent) {
            Hit::Route(route) => match route.entry.disposition {
                Disposition::Local | Disposition::Anycast => Some(true),
                Disposition::Throw => None,
                _ => Some(false),
            },
            Hit::Nothing => None,
            // Where it cannot be told, nobody is said to have lost his source.
            Hit::Unknown(_) => Some(true),
        }
    }

    /// Says whether a table that may be a VRF's has an address for the host's own: which table belongs to which is not known here.
    fn is_taken_in_by_vrf(&self, address: IpAddr) -> bool {
        let has_vrf = self.links.is_none_or(|links| links.values().any(|link| link.kind == "vrf"));
        has_vrf && self.tables.table_ids().any(|table| self.is_taken_in_by(table, address) == Some(true))
    }
}

/// Says whether a rule takes all packets to its destinations.
fn asks_for_destination_alone(rule: &Rule) -> bool {
    let mut plain = Rule::new(rule.family, rule.priority, rule.action);
    (plain.to, plain.protocol, plain.realms, plain.os_flags) = (rule.to, rule.protocol, rule.realms, rule.os_flags);
    *rule == plain
}
