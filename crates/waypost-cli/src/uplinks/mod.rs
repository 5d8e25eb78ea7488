//! `waypost uplinks`: keeps the default routes of several ways out.

mod config;
mod control;
mod daemon;
mod log;
mod queue;
mod show;

use std::path::PathBuf;

use waypost::{Family, Link, LinkFlags, Names, Prefix, TableId, Uplinks};

use crate::args::UplinksAsked;
use crate::failure::Failure;
use crate::invocation::Invocation;
use config::{Config, Plan, Planned};

pub(crate) fn run(invocation: &mut Invocation, asked: &UplinksAsked) -> Result<(), Failure> {
    if asked.status {
        return control::status(invocation, &listens_at(asked)?, asked.watch);
    }
    if let Some(name) = &asked.promote {
        return control::ask(&listens_at(asked)?, &format!("promote {name}"));
    }
    if let Some(name) = &asked.demote {
        return control::ask(&listens_at(asked)?, &format!("demote {name}"));
    }
    if asked.release {
        return control::ask(&listens_at(asked)?, "release");
    }
    let mut plan = match &asked.config {
        Some(_) => read(asked)?,
        None => Config::parse("").map_err(Failure::Usage)?,
    };
    if let Some(socket) = &asked.socket {
        plan.socket.clone_from(socket);
    }
    let mut uplinks = Uplinks::open_with(invocation.options(), plan.options.clone())?;
    if asked.config.is_none() {
        plan.planned = found(&uplinks);
    }
    if asked.dry_run || (asked.config.is_none() && !asked.auto) {
        return rehearse(invocation, &mut uplinks, &plan);
    }
    daemon::run(invocation, asked, uplinks, plan)
}

/// Reads the configuration.
fn read(asked: &UplinksAsked) -> Result<Plan, Failure> {
    let Some(path) = &asked.config else { return Config::parse("").map_err(Failure::Usage) };
    let name = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| Failure::Io(format!("read {name}"), error))?;
    Config::parse(&text).map_err(|why| Failure::Missing(format!("{name}: {why}"), crate::failure::Status::Usage))
}

fn listens_at(asked: &UplinksAsked) -> Result<PathBuf, Failure> {
    match &asked.socket {
        Some(socket) => Ok(socket.clone()),
        None => Ok(read(asked)?.socket),
    }
}

/// The uplinks that there are: interfaces that others have default routes over, the best one first.
fn found(uplinks: &Uplinks) -> Vec<Planned> {
    let mirror = uplinks.mirror();
    let table = mirror.tables().table(main_table(uplinks));
    let mut planned: Vec<Planned> = Vec::new();
    for family in Family::ALL {
        let chain = table.and_then(|table| table.exactly(Prefix::default_of(family)));
        let mut priority = 1000;
        for hop in chain.into_iter().flatten().flat_map(|route| route.entry.next_hops.iter()) {
            let counts = |link: &&Link| !link.flags.contains(LinkFlags::LOOPBACK);
            let link = hop.interface.and_then(|index| mirror.links().get(&index)).filter(counts);
            let Some(link) = link.filter(|_| hop.gateway.is_some()) else { continue };
            if !planned.iter().any(|one| one.key() == (link.name.as_str(), family)) {
                planned.push(Planned::found(&link.name, family, priority));
                priority -= 1;
            }
        }
    }
    planned
}

fn main_table(uplinks: &Uplinks) -> TableId {
    uplinks.capabilities().main_table
}

/// Says what would be done.
fn rehearse(invocation: &mut Invocation, uplinks: &mut Uplinks, plan: &Plan) -> Result<(), Failure> {
    uplinks.dry();
    for planned in &plan.planned {
        match planned.uplink(uplinks.names()) {
            Some(uplink) => drop(uplinks.set(uplink)),
            None => invocation.output.line(&format!("# {} waits for its interface", planned.key().0))?,
        }
    }
    let turn = uplinks.turn()?;
    if invocation.output.json {
        return Ok(invocation.output.json_line(&show::status(uplinks))?);
    }
    for line in show::table(&show::status(uplinks)) {
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
