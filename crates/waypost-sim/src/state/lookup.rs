//! Finding the way, as the machine's own rules and tables say.
//!
//! It reads everything from beginning to end: whatever finds the way faster can be compared with it.

use waypost_core::{
    Disposition, Error, ErrorKind, Family, Flow, IfIndex, LookupAnswer, LookupMode, Prefix, Route, RouteFlags, Rule, RuleAction,
    TableId,
};

use super::{State, refused};

impl State {
    pub(crate) fn look_up(&self, flow: &Flow, mode: LookupMode) -> Result<LookupAnswer, Error> {
        let unreachable = || refused(ErrorKind::Unreachable, "Network is unreachable");
        let found = self.walk_rules(flow)?.ok_or_else(unreachable)?;
        match found.entry.disposition {
            Disposition::Blackhole => return Err(refused(ErrorKind::Invalid, "the route is a blackhole")),
            Disposition::Unreachable => return Err(refused(ErrorKind::Unreachable, "No route to host")),
            Disposition::Prohibit => return Err(refused(ErrorKind::NotPermitted, "the route prohibits it")),
            _ => {}
        }
        let mut route = self.shown(&found);
        match mode {
            LookupMode::Entry => route.entry.flags |= RouteFlags::MATCHED_ENTRY,
            LookupMode::Path => {
                route.slot.destination = Prefix::host(flow.destination);
                route.entry.next_hops = route.entry.next_hops.first().cloned().map(Into::into).unwrap_or_default();
                let leaves_by = route.entry.next_hops.first().and_then(|hop| hop.interface);
                let chosen = route.entry.preferred_source.or_else(|| self.source_for(flow, leaves_by));
                route.entry.preferred_source = flow.source.or(chosen);
            }
        }
        let mut answer = LookupAnswer::new(route);
        answer.mark = flow.mark;
        answer.uid = flow.uid;
        answer.input = flow.input;
        Ok(answer)
    }

    /// The route that the rules lead to. A `goto` leads forward, so the walk ends.
    fn walk_rules(&self, flow: &Flow) -> Result<Option<Route>, Error> {
        let mut from = 0;
        for rule in self.rules_of(Family::of(&flow.destination)) {
            if rule.priority < from || !self.matches(rule, flow) {
                continue;
            }
            match rule.action {
                RuleAction::Lookup(table) => {
                    let is_suppressed = |route: &Route| {
                        rule.suppress_prefix_length.is_some_and(|length| u32::from(route.slot.destination.length()) <= length)
                    };
                    if let Some(route) = self.longest(table, flow).filter(|route| !is_suppressed(route)) {
                        return Ok(Some(route));
                    }
                }
                RuleAction::Goto(priority) => from = priority,
                RuleAction::Blackhole => return Err(refused(ErrorKind::Invalid, "a rule drops it")),
                RuleAction::Unreachable => return Err(refused(ErrorKind::Unreachable, "Network is unreachable")),
                RuleAction::Prohibit => return Err(refused(ErrorKind::NotPermitted, "a rule prohibits it")),
                _ => {}
            }
        }
        Ok(None)
    }

    /// The first usable route of the longest prefix in a table; a throw is none.
    fn longest(&self, table: TableId, flow: &Flow) -> Option<Route> {
        let fits = |route: &&Route| {
            route.slot.table == table
                && route.slot.destination.contains(flow.destination)
                && (route.slot.tos == 0 || route.slot.tos == flow.tos)
                && flow
                    .output
                    .is_none_or(|index| self.shown(route).entry.next_hops.iter().any(|hop| hop.interface == Some(index)))
        };
        let all: Vec<&Route> = self.tables.values().flatten().filter(fits).collect();
        let longest = all.iter().map(|route| route.slot.destination.length()).max()?;
        let first = all.into_iter().find(|route| route.slot.destination.length() == longest)?;
        (first.entry.disposition != Disposition::Throw).then(|| first.clone())
    }

    /// The first address of the interface that a packet leaves by, of those that reach farthest.
    fn source_for(&self, flow: &Flow, interface: Option<IfIndex>) -> Option<std::net::IpAddr> {
        let family = Family::of(&flow.destination);
        let own = self.addresses.iter().filter(|own| Family::of(&own.local) == family);
        own.filter(|own| interface.is_none_or(|index| own.interface == index)).min_by_key(|own| own.scope).map(|own| own.local)
    }

    fn matches(&self, rule: &Rule, flow: &Flow) -> bool {
        let named = |index: Option<IfIndex>| index.and_then(|index| self.links.get(&index)).map(|link| link.name.as_str());
        let in_range = |range: Option<waypost_core::PortRange>, port: Option<u16>| {
            range.is_none_or(|range| port.is_some_and(|port| (range.first..=range.last).contains(&port)))
        };
        let selected = rule.from.is_none_or(|prefix| flow.source.is_some_and(|source| prefix.contains(source)))
            && rule.to.is_none_or(|prefix| prefix.contains(flow.destination))
            && rule.mark.is_none_or(|mark| flow.mark & mark.mask == mark.value)
            && (rule.tos == 0 || rule.tos == flow.tos)
            && rule.input.as_deref().is_none_or(|name| named(flow.input) == Some(name))
            && rule.output.as_deref().is_none_or(|name| named(flow.output) == Some(name))
            && rule.ip_protocol.is_none_or(|protocol| flow.ip_protocol == Some(protocol))
            && rule.uids.is_none_or(|uids| flow.uid.is_some_and(|uid| (uids.first..=uids.last).contains(&uid)))
            && in_range(rule.source_ports, flow.source_port)
            && in_range(rule.destination_ports, flow.destination_port);
        selected != rule.invert
    }
}
