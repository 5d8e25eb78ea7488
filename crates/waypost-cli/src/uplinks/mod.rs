//! `waypost uplinks`: keeps the default routes of several ways out.

mod config;
mod control;
mod daemon;
mod listen;
mod log;
mod queue;
mod show;

use std::path::PathBuf;

use waypost::{Family, Link, LinkFlags, Names, Prefix, TableId, Uplinks};

use crate::args::UplinksAsked;
use crate::failure::{Failure, Status, without_number};
use crate::invocation::Invocation;
use config::{Plan, Planned, Readiness};
use control::{Question, Verb};

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
    let mut plan = read(asked)?;
    let mut uplinks = Uplinks::open_with(invocation.options(), plan.options.clone())?;
    if asked.config.is_none() {
        find(&uplinks, &mut plan);
    }
    if asked.dry_run || (asked.config.is_none() && !asked.auto) {
        return rehearse(invocation, &mut uplinks, &plan);
    }
    daemon::run(invocation, asked, uplinks, plan)
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
    let mirror = uplinks.mirror();
    let table = mirror.tables().table(main_table(uplinks));
    for family in Family::ALL {
        let chain = table.and_then(|table| table.exactly(Prefix::default_of(family)));
        for hop in chain.into_iter().flatten().flat_map(|route| route.entry.next_hops.iter()) {
            let counts = |link: &&Link| !link.flags.contains(LinkFlags::LOOPBACK);
            let link = hop.interface.and_then(|index| mirror.links().get(&index)).filter(counts);
            let Some(link) = link.filter(|_| hop.gateway.is_some()) else { continue };
            if !plan.planned.iter().any(|one| one.key() == (link.name.as_str(), family)) {
                let before = plan.planned.iter().filter(|one| one.family == family).map(|one| one.priority).min();
                plan.planned.push(Planned::found(&link.name, family, before.map_or(1000, |before| before.saturating_sub(1))));
            }
        }
    }
}

fn main_table(uplinks: &Uplinks) -> TableId {
    uplinks.capabilities().main_table
}

/// Says what would be done.
fn rehearse(invocation: &mut Invocation, uplinks: &mut Uplinks, plan: &Plan) -> Result<(), Failure> {
    uplinks.dry();
    for (planned, readiness) in plan.planned.iter().zip(plan.readiness(uplinks)) {
        if let Readiness::Ready(interface) = readiness {
            uplinks.set(planned.uplink(interface));
        }
    }
    let turn = uplinks.turn()?;
    let status = show::status(uplinks, plan, &Family::ALL);
    if invocation.output.json {
        return Ok(invocation.output.json_line(&show::rehearsed(status, &turn.dry, uplinks))?);
    }
    for line in show::table(&status) {
        invocation.output.line(&format!("# {line}"))?;
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
