//! `waypost uplinks`: keeps the default routes of several ways out.

mod config;
mod control;
mod daemon;
mod listen;
mod log;
mod queue;
mod reasons;
mod show;

use std::path::PathBuf;

use waypost::{Exit, Family, Link, LinkFlags, Names, NextHop, Prefix, Protocol, RouteRef, TableId, Uplinks};

use crate::args::UplinksAsked;
use crate::failure::{Failure, Status, without_number};
use crate::invocation::Invocation;
use config::{Plan, Planned, Readiness};
use control::{Question, Verb};
use reasons::Reasons;

pub(crate) fn run(invocation: &mut Invocation, asked: &UplinksAsked) -> Result<(), Failure> {
    let verb = match asked {
        UplinksAsked { status: true, watch, .. } => return control::status(invocation, &listens_at(asked)?, *watch),
        UplinksAsked { promote: Some(name), .. } => Some(Verb::Promote(name.clone())),
        UplinksAsked { demote: Some(name), .. } => Some(Verb::Demote(name.clone())),
        UplinksAsked { release: true, .. } => Some(Verb::Release),
        _ => None,
    };
    if let Some(verb) = verb {
        return control::ask(&listens_at(asked)?, &Question::new(verb, invocation.family()));
    }
    if invocation.family().is_some() {
        // Routes of the other family that an earlier run left would be nobody's.
        let why = "one run keeps both families: leave -4 and -6 out, and name in a configuration what is to be kept";
        return Err(Failure::Usage(why.to_owned()));
    }
    let is_rehearsal = asked.dry_run || (asked.config.is_none() && !asked.auto);
    // Whoever has started it may have it read its configuration again at any time.
    let reload = if is_rehearsal { None } else { Some(daemon::catch_reload()?) };
    let mut plan = read(asked)?;
    let mut uplinks = Uplinks::open_with(invocation.options(), plan.options.clone())?;
    if asked.config.is_none() {
        find(&uplinks, &mut plan);
    }
    match reload {
        None => rehearse(invocation, &mut uplinks, &plan, asked.config.is_none()),
        Some(reload) => daemon::run(invocation, asked, uplinks, plan, reload),
    }
}

/// Reads the configuration, where there is one, and what the words of the command say over it.
fn read(asked: &UplinksAsked) -> Result<Plan, Failure> {
    let refused = |why: String| Failure::Missing(why, Status::Usage);
    let mut plan = match &asked.config {
        None => Plan::parse("").map_err(refused)?,
        Some(path) => {
            let name = path.display();
            let unread = |error| refused(format!("read {name}: {}", without_number(&error)));
            let text = std::fs::read_to_string(path).map_err(unread)?;
            Plan::parse(&text).map_err(|why| refused(format!("{name}: {why}")))?
        }
    };
    if let Some(socket) = &asked.socket {
        plan.listen_at(socket.clone());
    }
    Ok(plan)
}

fn listens_at(asked: &UplinksAsked) -> Result<PathBuf, Failure> {
    match &asked.socket {
        Some(socket) => Ok(socket.clone()),
        None => Ok(read(asked)?.socket),
    }
}

/// Plans the uplinks that there are: interfaces that others have default routes over, the best one first. Those that are found later stand behind.
fn find(uplinks: &Uplinks, plan: &mut Plan) {
    let own = plan.options.protocol;
    // Our own say in which order they were used, be it by hand: they count where nothing else tells of an uplink.
    for is_own in [false, true] {
        for (route, hop, link) in default_hops(uplinks) {
            let family = route.slot.destination.family();
            let is_known = plan.planned.iter().any(|one| one.key() == (link.name.as_str(), family));
            if is_known || is_advertised(route) || (route.entry.protocol == own) != is_own {
                continue;
            }
            // One beside an advertised default route is of a time when a configuration asked for that uplink.
            let is_beside =
                |other: RouteRef<'_>, by: &Link| is_advertised(other) && by.index == link.index && family == Family::V6;
            if is_own && default_hops(uplinks).any(|(other, _, by)| is_beside(other, by)) {
                continue;
            }
            let before = plan.planned.iter().filter(|one| one.family == family).map(|one| one.priority).min();
            let exit = if hop.gateway.is_some() { Exit::Learned } else { Exit::PointToPoint };
            let priority = before.map_or(1000, |before| before.saturating_sub(1));
            plan.planned.push(Planned::found(&link.name, family, exit, priority));
        }
    }
}

/// The default routes, the one that is used first at the front, with each way out of each.
fn default_hops(uplinks: &Uplinks) -> impl Iterator<Item = (RouteRef<'_>, &NextHop, &Link)> {
    let mirror = uplinks.mirror();
    let table = mirror.tables().table(main_table(uplinks));
    let chains = Family::ALL.into_iter().filter_map(move |family| table?.exactly(Prefix::default_of(family)));
    let hops = chains.flatten().flat_map(|route| route.entry.next_hops.iter().map(move |hop| (route, hop)));
    hops.filter_map(move |(route, hop)| {
        let link = hop.interface.and_then(|index| mirror.links().get(&index))?;
        (!link.flags.contains(LinkFlags::LOOPBACK)).then_some((route, hop, link))
    })
}

/// Says whether a router has advertised it: these are left alone unless a configuration asks for them.
fn is_advertised(route: RouteRef<'_>) -> bool {
    route.slot.destination.family() == Family::V6 && route.entry.protocol == Protocol::RA
}

fn main_table(uplinks: &Uplinks) -> TableId {
    uplinks.capabilities().main_table
}

/// Says what would be done.
fn rehearse(invocation: &mut Invocation, uplinks: &mut Uplinks, plan: &Plan, finds: bool) -> Result<(), Failure> {
    uplinks.dry();
    for (planned, readiness) in plan.planned.iter().zip(plan.readiness(uplinks)) {
        if let Readiness::Ready(interface) = readiness {
            uplinks.set(planned.uplink(interface));
        }
    }
    let turn = uplinks.turn()?;
    let mut reasons = Reasons::default();
    turn.reports.iter().for_each(|report| reasons.note(report, uplinks));
    let status = show::status(uplinks, plan, &reasons, &Family::ALL);
    let mut left: Vec<String> = Vec::new();
    if finds {
        let advertised = default_hops(uplinks).map(|(route, ..)| route).filter(|route| is_advertised(*route));
        left.extend(advertised.map(|route| route.to_route().with_names(Names::from(uplinks.names())).to_string()));
        left.dedup();
    }
    if invocation.output.json {
        return Ok(invocation.output.json_line(&show::rehearsed(status, &turn.dry, &left, uplinks))?);
    }
    for line in show::table(&status) {
        invocation.output.line(&format!("# {line}"))?;
    }
    for route in &left {
        invocation.output.line(&format!("# {route} is a router's own: it is left alone unless a configuration asks for it"))?;
    }
    for (adds, wish) in &turn.dry {
        let sign = if *adds { '+' } else { '-' };
        let route = wish.route.with_names(Names::from(uplinks.names()));
        invocation.output.line(&format!("{sign} {route}    # {}", wish.role))?;
    }
    if turn.dry.is_empty() {
        invocation.output.line("# nothing is to be done")?;
    }
    Ok(())
}
