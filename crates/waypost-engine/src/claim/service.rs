//! Routes for some packets alone: by protocol, ports, user or mark.

use waypost_core::{
    Capabilities, Error, ErrorKind, Family, Masked, PortRange, Prefix, Route, Rule, RuleAction, TableId, UidRange,
};

use super::item::{Claim, Item, Policy};

/// Which packets go by routes of their own: those that have all that is named.
///
/// On Linux that becomes policy rules, and the routes go into a table of their own that the rules lead to.
///
/// A socket learns the way when it connects. The kernel asks the rules by what it knows then: the protocol, the port connected to, the user
/// and the socket's mark. So `getsockname()` gives the address of the interface that its packets leave by, and `IP_MTU` the MTU of that way. It
/// does not know the port that the socket will have, unless it was bound before: a rule by source port then gives the source address
/// of another way (`ip_route_connect`, include/net/route.h, Linux 6.18). Nor does a mark count that a packet filter sets later.
///
/// ```
/// use waypost_core::{Capabilities, OwnershipTag, Route, TableId};
/// use waypost_engine::claim::Service;
///
/// let mut linux = Capabilities::least("a system with rules");
/// linux.rules = true;
/// let way: Route = "default via 10.9.0.1 dev if3 metric 50".parse()?;
/// let smtp = Service::new(TableId(1025), 1000).protocol(6).destination_ports(25, 25);
/// let claims = smtp.claims(&linux, [way])?;
/// assert_eq!(claims[0].item.to_string(), "route default via 10.9.0.1 dev if3 table 1025 metric 50");
/// assert_eq!(claims[1].item.to_string(), "rule 1000: from all ipproto tcp dport 25 lookup 1025");
/// # Ok::<(), waypost_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Service {
    table: TableId,
    priority: u32,
    policy: Policy,
    to: Option<Prefix>,
    protocol: Option<u8>,
    source_ports: Option<PortRange>,
    destination_ports: Option<PortRange>,
    uids: Option<UidRange>,
    mark: Option<Masked<u32>>,
}

impl Service {
    /// A service whose routes stand in `table`, and whose rules have this priority. Nothing else should be in the table.
    #[must_use]
    pub const fn new(table: TableId, priority: u32) -> Self {
        Self {
            table,
            priority,
            policy: Policy::Report,
            to: None,
            protocol: None,
            source_ports: None,
            destination_ports: None,
            uids: None,
            mark: None,
        }
    }

    /// What is done if its rules or routes are taken away.
    #[must_use]
    pub const fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Packets to these addresses.
    #[must_use]
    pub const fn to(mut self, prefix: Prefix) -> Self {
        self.to = Some(prefix);
        self
    }

    /// Packets of this IP protocol: 6 is TCP, 17 is UDP.
    #[must_use]
    pub const fn protocol(mut self, protocol: u8) -> Self {
        self.protocol = Some(protocol);
        self
    }

    /// Packets from these ports. See [`Service`] for what that does to a socket's address.
    #[must_use]
    pub const fn source_ports(mut self, first: u16, last: u16) -> Self {
        self.source_ports = Some(PortRange::new(first, last));
        self
    }

    /// Packets to these ports.
    #[must_use]
    pub const fn destination_ports(mut self, first: u16, last: u16) -> Self {
        self.destination_ports = Some(PortRange::new(first, last));
        self
    }

    /// Packets of these users.
    #[must_use]
    pub const fn uids(mut self, first: u32, last: u32) -> Self {
        self.uids = Some(UidRange { first, last });
        self
    }

    /// Packets of sockets with this mark, under this mask.
    #[must_use]
    pub const fn mark(mut self, value: u32, mask: u32) -> Self {
        self.mark = Some(Masked { value, mask });
        self
    }

    /// The claims: these routes, moved into the service's table, and a rule for each of their families.
    ///
    /// # Errors
    ///
    /// `Unsupported`, saying what it has instead, on a system without policy rules. `Invalid` where nothing is named, so that all
    /// packets would go this way; where ports are named and no protocol that has them; where there is no route; where one names a table that is
    /// not the service's; and where the table is one of the kernel's own.
    pub fn claims(&self, capabilities: &Capabilities, routes: impl IntoIterator<Item = Route>) -> Result<Vec<Claim>, Error> {
        let failed = |kind, why: &str| Error::new(kind, "route by service").because(why);
        if !capabilities.rules {
            return Err(failed(
                ErrorKind::Unsupported,
                &format!("this system has no policy rules: {}", capabilities.instead_of_rules),
            ));
        }
        let has_ports = self.source_ports.is_some() || self.destination_ports.is_some();
        if self.to.is_none() && self.protocol.is_none() && !has_ports && self.uids.is_none() && self.mark.is_none() {
            return Err(failed(ErrorKind::Invalid, "it names no packets, and would take all"));
        }
        // TCP, DCCP, SCTP, UDP and UDP-Lite have ports.
        if has_ports && !matches!(self.protocol, Some(6 | 17 | 33 | 132 | 136)) {
            return Err(failed(ErrorKind::Invalid, "ports are those of a protocol that has them: name tcp, udp or the like"));
        }
        if [TableId::UNSPECIFIED, TableId::LOCAL, capabilities.main_table, TableId::DEFAULT].contains(&self.table) {
            return Err(failed(ErrorKind::Invalid, "its table must be one of its own"));
        }
        let mut claims = Vec::new();
        for mut route in routes {
            // A route that names no table is of the main one.
            if ![TableId::UNSPECIFIED, TableId::MAIN, capabilities.main_table, self.table].contains(&route.slot.table) {
                let why = format!("a route of it names table {}, and its own is {}", route.slot.table, self.table);
                return Err(failed(ErrorKind::Invalid, &why).on(&route));
            }
            route.slot.table = self.table;
            claims.push(Claim::new(route).policy(self.policy));
        }
        for family in Family::ALL {
            let is_for = self.to.is_none_or(|to| to.family() == family);
            if is_for && claims.iter().any(|claim| matches!(claim.item, Item::Route(_)) && claim.item.family() == family) {
                claims.push(Claim::new(self.rule(family)).policy(self.policy));
            }
        }
        if !claims.iter().any(|claim| matches!(claim.item, Item::Rule(_))) {
            return Err(failed(ErrorKind::Invalid, "it has no route of its family"));
        }
        Ok(claims)
    }

    fn rule(&self, family: Family) -> Rule {
        let mut rule = Rule::new(family, self.priority, RuleAction::Lookup(self.table));
        rule.to = self.to;
        rule.ip_protocol = self.protocol;
        rule.source_ports = self.source_ports;
        rule.destination_ports = self.destination_ports;
        rule.uids = self.uids;
        rule.mark = self.mark;
        rule
    }
}
