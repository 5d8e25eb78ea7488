//! What a program asks, from its bytes.

use std::net::IpAddr;

use waypost_core::{
    Disposition, Entry, Family, Flow, GroupMember, IfIndex, LookupMode, Masked, NextHop, NextHopId, NextHopObject,
    NextHopObjectKind, NextHops, Preference, Prefix, Protocol, Route, RouteChange, RouteFilter, Rule, RuleAction, Scope, Slot,
    TableId, Weight,
};

use super::bytes::{Asked, address, attributes, u8_at, u16_at, u32_at};
use super::numbers::*;
use super::route_writer::numbered;

/// What is asked for.
#[derive(Clone, Debug)]
pub(super) enum Wish {
    Routes(Family, Box<RouteFilter>),
    Rules(Family),
    Links,
    Addresses,
    NextHops,
    /// What the simulated machine has none of: neighbours, settings.
    Nothing,
    Route(RouteChange, Box<Route>),
    Lookup(Flow, LookupMode),
    AddRule(Box<Rule>),
    DeleteRule(Box<Rule>),
    AddNextHop(Box<NextHopObject>, bool),
    DeleteNextHop(NextHopId),
}

/// Reads a request, or says by what number it is refused: what the machine does not understand it does not do.
pub(super) fn read(asked: &Asked<'_>) -> Result<Wish, Errno> {
    let family = || family(u8_at(asked.body, 0));
    if asked.flags & DUMP == DUMP
        && matches!(asked.kind, GETROUTE | GETRULE | GETLINK | GETADDR | GETNEXTHOP | GETNEIGH | GETNETCONF)
    {
        return Ok(match asked.kind {
            GETROUTE => Wish::Routes(family()?, Box::new(filter(asked.body)?)),
            GETRULE => Wish::Rules(family()?),
            GETLINK => Wish::Links,
            GETADDR => Wish::Addresses,
            GETNEXTHOP => Wish::NextHops,
            _ => Wish::Nothing,
        });
    }
    Ok(match asked.kind {
        NEWROUTE => Wish::Route(change(asked.flags)?, Box::new(route(asked.body, family()?)?)),
        DELROUTE => Wish::Route(RouteChange::Delete, Box::new(route(asked.body, family()?)?)),
        GETROUTE => lookup(asked.body)?,
        NEWRULE => Wish::AddRule(Box::new(rule(asked.body, family()?)?)),
        DELRULE => Wish::DeleteRule(Box::new(rule(asked.body, family()?)?)),
        NEWNEXTHOP => Wish::AddNextHop(Box::new(next_hop(asked.body)?), asked.flags & REPLACE != 0),
        DELNEXTHOP => Wish::DeleteNextHop(identity(asked.body)?),
        _ => return Err(Errno::EOPNOTSUPP),
    })
}

/// What a value is that has to be there.
fn must<T>(value: Option<T>) -> Result<T, Errno> {
    value.ok_or(Errno::EINVAL)
}

fn number(data: &[u8]) -> Result<u32, Errno> {
    must(u32_at(data, 0).filter(|_| data.len() == 4))
}

fn family(number: Option<u8>) -> Result<Family, Errno> {
    match number {
        Some(AF_INET) => Ok(Family::V4),
        Some(AF_INET6) => Ok(Family::V6),
        _ => Err(Errno::EOPNOTSUPP),
    }
}

/// `rtm_to_fib_config` and its callers: NLM_F_CREATE alone puts a route before the others of its slot on IPv4.
const fn change(flags: u16) -> Result<RouteChange, Errno> {
    match flags & (REPLACE | EXCL | CREATE | APPEND) {
        all if all & CREATE == 0 && all & REPLACE != 0 => Ok(RouteChange::Change),
        all if all & CREATE == 0 => Err(Errno::ENOENT),
        all if all & EXCL != 0 => Ok(RouteChange::Add),
        all if all & REPLACE != 0 => Ok(RouteChange::Replace),
        all if all & APPEND != 0 => Ok(RouteChange::Append),
        _ => Ok(RouteChange::Prepend),
    }
}

/// What the kernel leaves out of a list of routes (`ip_valid_fib_dump_req` in net/ipv4/fib_frontend.c).
fn filter(body: &[u8]) -> Result<RouteFilter, Errno> {
    let mut filter = RouteFilter::default();
    let some = |at: usize| u8_at(body, at).filter(|number| *number != 0);
    filter.table = some(4).map(|table| TableId(table.into()));
    filter.protocol = some(5).map(Protocol);
    filter.disposition = some(7).map(disposition);
    for (kind, data) in must(attributes(body, 12))? {
        match kind {
            RTA_TABLE => filter.table = Some(TableId(number(data)?)),
            RTA_OIF => filter.interface = IfIndex::new(number(data)?),
            _ => return Err(Errno::EINVAL),
        }
    }
    Ok(filter)
}

fn disposition(number: u8) -> Disposition {
    let at = usize::from(number).checked_sub(1);
    at.and_then(|at| TYPES.get(at).copied()).unwrap_or(Disposition::Other(number))
}

fn prefix(of: Family, data: Option<&[u8]>, length: u8) -> Result<Prefix, Errno> {
    let any = match of {
        Family::V4 => IpAddr::from([0; 4]),
        Family::V6 => IpAddr::from([0; 16]),
    };
    let network = data.map_or(Some(any), address).filter(|address| Family::of(address) == of);
    // Bits behind the length are refused: `fib_new_table` comes after "Invalid prefix for given prefix length".
    let made = Prefix::containing(must(network)?, length).map_err(|_| Errno::EINVAL)?;
    if Some(made.network()) == network { Ok(made) } else { Err(Errno::EINVAL) }
}

/// A next hop of which parts have been read.
#[derive(Default)]
struct Hop {
    hop: NextHop,
    is_there: bool,
}

impl Hop {
    fn read(&mut self, kind: u16, data: &[u8]) -> Result<bool, Errno> {
        match kind {
            RTA_OIF => self.hop.interface = IfIndex::new(number(data)?),
            RTA_GATEWAY => self.hop.gateway = Some(must(address(data))?),
            RTA_VIA => self.hop.gateway = Some(must(data.get(2..).and_then(address))?),
            RTA_FLOW => self.hop.realms = number(data)?,
            _ => return Ok(false),
        }
        self.is_there = true;
        Ok(true)
    }
}

fn route(body: &[u8], of: Family) -> Result<Route, Errno> {
    let flags = must(u32_at(body, 8))?;
    let all = must(attributes(body, 12))?;
    let find = |wanted: u16| all.iter().find(|(kind, _)| *kind == wanted).map(|(_, data)| *data);
    let byte = |at: usize| must(u8_at(body, at));
    let table = find(RTA_TABLE).map_or_else(|| byte(4).map(u32::from), number)?;
    let mut slot = Slot::new(TableId(table), prefix(of, find(RTA_DST), byte(1)?)?);
    slot.tos = byte(3)?;
    slot.metric = find(RTA_PRIORITY).map_or(Ok(0), number)?;
    if byte(2)? > 0 {
        match prefix(of, find(RTA_SRC), byte(2)?)? {
            Prefix::V6(source) => slot.source = Some(source),
            Prefix::V4(_) => return Err(Errno::EINVAL),
        }
    }
    let mut entry = Entry::default();
    entry.disposition = disposition(byte(7)?);
    entry.protocol = Protocol(byte(5)?);
    entry.scope = Scope(byte(6)?);
    let mut expires = None;
    let (mut hop, mut legs) = (Hop::default(), None);
    for (kind, data) in &all {
        match *kind {
            RTA_TABLE | RTA_DST | RTA_PRIORITY | RTA_SRC => {}
            RTA_PREFSRC => entry.preferred_source = Some(must(address(data))?),
            RTA_NH_ID => entry.next_hop_object = Some(must(NextHopId::new(number(data)?))?),
            RTA_METRICS => metrics(data, &mut entry)?,
            RTA_PREF => entry.preference = preference(must(u8_at(data, 0))?)?,
            RTA_EXPIRES => expires = Some(std::time::Duration::from_secs(number(data)?.into())),
            RTA_MULTIPATH => legs = Some(multipath(data)?),
            _ if hop.read(*kind, data)? => {}
            // What the simulated machine has not.
            _ => return Err(Errno::EOPNOTSUPP),
        }
    }
    let on_link = |hop: &mut NextHop, flags: u32| hop.flags = waypost_core::NextHopFlags::from_bits_truncate(flags & 0xff);
    entry.next_hops = match legs {
        Some(legs) => legs.into(),
        None if hop.is_there => {
            on_link(&mut hop.hop, flags);
            hop.hop.into()
        }
        None => NextHops::NONE,
    };
    let mut route = Route::from_parts(slot, entry);
    route.expires = expires;
    Ok(route)
}

fn preference(number: u8) -> Result<Preference, Errno> {
    match number {
        0 => Ok(Preference::Medium),
        1 => Ok(Preference::High),
        3 => Ok(Preference::Low),
        _ => Err(Errno::EINVAL),
    }
}

fn metrics(data: &[u8], entry: &mut Entry) -> Result<(), Errno> {
    for (kind, data) in must(attributes(data, 0))? {
        let value = number(data)?;
        if kind == 1 {
            numbered().filter(|(number, _)| value & 1 << number != 0).for_each(|(_, metric)| entry.metrics.lock(metric));
        } else {
            let metric = numbered().find(|(number, _)| *number == kind).map(|(_, metric)| metric);
            entry.metrics.set(metric.ok_or(Errno::EOPNOTSUPP)?, value);
        }
    }
    Ok(())
}

/// `struct rtnexthop` after `struct rtnexthop`, each with attributes.
fn multipath(mut rest: &[u8]) -> Result<Vec<NextHop>, Errno> {
    let mut legs = Vec::new();
    while !rest.is_empty() {
        let length = usize::from(must(u16_at(rest, 0))?);
        let leg = must(rest.get(..length))?;
        let mut hop = Hop::default();
        hop.hop.interface = IfIndex::new(must(u32_at(leg, 4))?);
        hop.hop.weight = must(Weight::new(u16::from(must(u8_at(leg, 3))?) + 1))?;
        hop.hop.flags = waypost_core::NextHopFlags::from_bits_truncate(must(u8_at(leg, 2))?.into());
        for (kind, data) in must(attributes(leg, 8))? {
            if !hop.read(kind, data)? {
                return Err(Errno::EOPNOTSUPP);
            }
        }
        legs.push(hop.hop);
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(legs)
}

fn lookup(body: &[u8]) -> Result<Wish, Errno> {
    let all = must(attributes(body, 12))?;
    let find = |wanted: u16| all.iter().find(|(kind, _)| *kind == wanted).map(|(_, data)| *data);
    let mut flow = Flow::to(must(find(RTA_DST).and_then(address))?);
    flow.tos = must(u8_at(body, 3))?;
    for (kind, data) in &all {
        match *kind {
            RTA_DST => {}
            RTA_SRC => flow.source = Some(must(address(data))?),
            RTA_IIF => flow.input = IfIndex::new(number(data)?),
            RTA_OIF => flow.output = IfIndex::new(number(data)?),
            RTA_MARK => flow.mark = number(data)?,
            RTA_UID => flow.uid = Some(number(data)?),
            _ => return Err(Errno::EOPNOTSUPP),
        }
    }
    let is_match = must(u32_at(body, 8))? & FIB_MATCH != 0;
    Ok(Wish::Lookup(flow, if is_match { LookupMode::Entry } else { LookupMode::Path }))
}

fn rule(body: &[u8], of: Family) -> Result<Rule, Errno> {
    let all = must(attributes(body, 12))?;
    let find = |wanted: u16| all.iter().find(|(kind, _)| *kind == wanted).map(|(_, data)| *data);
    let byte = |at: usize| must(u8_at(body, at));
    let table = find(FRA_TABLE).map_or_else(|| byte(4).map(u32::from), number)?;
    let action = match byte(7)? {
        1 => RuleAction::Lookup(TableId(table)),
        2 => RuleAction::Goto(find(FRA_GOTO).map_or(Err(Errno::EINVAL), number)?),
        3 => RuleAction::Nop,
        6 => RuleAction::Blackhole,
        7 => RuleAction::Unreachable,
        8 => RuleAction::Prohibit,
        _ => return Err(Errno::EINVAL),
    };
    let mut rule = Rule::new(of, find(FRA_PRIORITY).map_or(Ok(0), number)?, action);
    rule.tos = byte(3)?;
    rule.invert = must(u32_at(body, 8))? & 2 != 0;
    let within = |data, length| if length > 0 { prefix(of, data, length).map(Some) } else { Ok(None) };
    rule.to = within(find(FRA_DST), byte(1)?)?;
    rule.from = within(find(FRA_SRC), byte(2)?)?;
    let text = |data: &[u8]| String::from_utf8_lossy(data.strip_suffix(&[0]).unwrap_or(data)).into_owned();
    for (kind, data) in &all {
        match *kind {
            FRA_TABLE | FRA_GOTO | FRA_PRIORITY | FRA_DST | FRA_SRC | FRA_FWMASK => {}
            FRA_IIFNAME => rule.input = Some(text(data)),
            FRA_OIFNAME => rule.output = Some(text(data)),
            FRA_FWMARK => {
                let mask = find(FRA_FWMASK).map_or(Ok(u32::MAX), number)?;
                rule.mark = Some(Masked { value: number(data)?, mask });
            }
            FRA_PROTOCOL => rule.protocol = Protocol(must(u8_at(data, 0))?),
            FRA_SUPPRESS_PREFIXLEN => rule.suppress_prefix_length = Some(number(data)?).filter(|length| *length != u32::MAX),
            _ => return Err(Errno::EOPNOTSUPP),
        }
    }
    Ok(rule)
}

fn identity(body: &[u8]) -> Result<NextHopId, Errno> {
    let all = must(attributes(body, 8))?;
    let id = all.iter().find(|(kind, _)| *kind == NHA_ID).map(|(_, data)| number(data));
    must(NextHopId::new(must(id)??))
}

fn next_hop(body: &[u8]) -> Result<NextHopObject, Errno> {
    let (mut hop, mut members, mut is_blackhole) = (NextHop::default(), None, false);
    for (kind, data) in must(attributes(body, 8))? {
        match kind {
            NHA_ID => {}
            NHA_BLACKHOLE => is_blackhole = true,
            NHA_OIF => hop.interface = IfIndex::new(number(data)?),
            NHA_GATEWAY => hop.gateway = Some(must(address(data))?),
            NHA_GROUP => members = Some(group(data)?),
            NHA_GROUP_TYPE if u16_at(data, 0) == Some(0) => {}
            _ => return Err(Errno::EOPNOTSUPP),
        }
    }
    hop.flags = waypost_core::NextHopFlags::from_bits_truncate(must(u32_at(body, 4))? & 0xff);
    let kind = match members {
        Some(members) => NextHopObjectKind::Group { members, resilience: None },
        None if is_blackhole => NextHopObjectKind::Blackhole,
        None => NextHopObjectKind::Single(hop),
    };
    let mut object = NextHopObject::new(identity(body)?, family(u8_at(body, 0)).ok(), kind);
    object.protocol = Protocol(must(u8_at(body, 2))?);
    Ok(object)
}

fn group(data: &[u8]) -> Result<Vec<GroupMember>, Errno> {
    let member = |bytes: &[u8]| {
        let weight = u16::from_le_bytes([must(u8_at(bytes, 4))?, must(u8_at(bytes, 5))?]);
        let weight = must(weight.checked_add(1).and_then(Weight::new))?;
        Ok(GroupMember { id: must(NextHopId::new(must(u32_at(bytes, 0))?))?, weight })
    };
    data.chunks(8).map(member).collect()
}
