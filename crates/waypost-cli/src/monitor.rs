//! `waypost monitor`: follows what changes.

mod counters;
mod followed;
mod line;
mod names;

use serde::Serialize;
use waypost::{Change, Event, Family, Reason, Watcher};

use crate::args::{Counted, Watched};
use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::json::RouteJson;
use crate::output::Output;

use counters::Counters;
use followed::{Followed, borrowed};
use line::{Changed, Line};
use names::Names;

/// How many events are written in a storm before they are handed on: a reader waits no longer than for these.
const HANDED_ON: usize = 512;

pub(crate) fn run(
    invocation: &mut Invocation,
    initial: bool,
    counted: &Counted,
    user: Option<&str>,
    what: &[Watched],
) -> Result<(), Failure> {
    let what = What::new(what);
    let family = invocation.family();
    let mut watcher = Watcher::open_with(&invocation.options().neighbours(what.has(Watched::Neighbours)))?;
    if let Some(user) = user {
        waypost::become_user(user)?;
    }
    let waiting = invocation.output.waiting("reading the tables");
    watcher.synchronise(None)?;
    drop(waiting);
    let names = Names::new(watcher.names());
    let mut monitor = Monitor { output: &mut invocation.output, what, family, names, sequence: 0 };
    if initial {
        monitor.snapshot(&watcher)?;
    } else if monitor.output.json {
        monitor.line("synchronised", &serde_json::json!({ "routes": watcher.mirror().tables().len() }))?;
    }
    let mut counters = Counters::new(counted);
    loop {
        if counters.tell(&watcher)? {
            monitor.stats(&watcher)?;
        }
        monitor.output.flush()?;
        watcher.wait(counters.wait())?;
        for _ in 0..HANDED_ON {
            let Some(event) = watcher.try_next()? else { break };
            monitor.event(&event)?;
        }
    }
}

/// What is followed.
struct What(Vec<Watched>);

impl What {
    /// All but neighbours, unless something is named.
    fn new(named: &[Watched]) -> Self {
        match named {
            [] => Self(vec![Watched::Routes, Watched::Rules, Watched::Links, Watched::Addrs, Watched::Nexthops]),
            named => Self(named.to_vec()),
        }
    }

    fn has(&self, kind: Watched) -> bool {
        self.0.contains(&kind)
    }

    /// Lines must tell of what they are.
    fn is_mixed(&self) -> bool {
        self.0.iter().any(|kind| *kind != self.0[0])
    }
}

struct Monitor<'a> {
    output: &'a mut Output,
    what: What,
    family: Option<Family>,
    names: Names,
    /// The number of the last object that was written.
    sequence: u64,
}

impl Monitor<'_> {
    /// Prints all that is there.
    fn snapshot(&mut self, watcher: &Watcher) -> Result<(), Failure> {
        if self.output.json {
            self.line("snapshot-begin", &())?;
        }
        for link in watcher.links() {
            self.changed(Change::Added(link))?;
        }
        for address in watcher.addresses() {
            self.changed(Change::Added(address))?;
        }
        for neighbour in watcher.neighbours() {
            self.changed(Change::Added(neighbour))?;
        }
        for object in watcher.next_hops() {
            self.changed(Change::Added(object))?;
        }
        for rule in Family::ALL.into_iter().flat_map(|family| watcher.rules(family)) {
            self.changed(Change::Added(rule))?;
        }
        let mut routes = 0;
        for route in watcher.routes() {
            if self.wants(&route) {
                routes += 1;
                self.changed(Change::Added(&route))?;
            }
        }
        if self.output.json {
            self.line("snapshot-end", &serde_json::json!({ "routes": routes }))?;
        }
        Ok(())
    }

    fn event(&mut self, event: &Event) -> Result<(), Failure> {
        match event {
            Event::Route { change, .. } => self.route(change),
            Event::Rule(change) => self.changed(borrowed(change)),
            Event::Link(change) => {
                self.names.follow(change);
                self.changed(borrowed(change))
            }
            Event::Address(change) => self.changed(borrowed(change)),
            Event::Neighbour(change) => self.changed(borrowed(change)),
            Event::NextHop(change) => self.changed(borrowed(change)),
            Event::Settings(change) => self.changed(borrowed(change)),
            Event::ResyncStarted { reason } => self.resync_started(*reason),
            Event::Resynced { reason, added, removed, replaced } => self.resynced(*reason, [*added, *removed, *replaced]),
            other if self.what.has(Watched::Routes) => self.packet(other),
            _ => Ok(()),
        }
    }

    /// Prints what has been counted.
    fn stats(&mut self, watcher: &Watcher) -> Result<(), Failure> {
        if self.output.json {
            return self.line("stats", &counters::json(watcher));
        }
        Ok(self.output.line(&counters::text(watcher))?)
    }

    /// Prints what the kernel says of single packets.
    fn packet(&mut self, event: &Event) -> Result<(), Failure> {
        let names = self.names.current();
        let (word, json, text) = match event {
            Event::Miss(miss) => {
                ("miss", serde_json::json!({ "destination": miss.destination, "source": miss.source }), format!("Miss {miss}"))
            }
            Event::Losing(route) => {
                let json = serde_json::json!({ "route": RouteJson::new(route.as_ref().as_ref(), names) });
                ("losing", json, format!("Losing {}", route.with_names(names)))
            }
            Event::Redirect(redirect) => {
                let json = serde_json::json!({
                    "destination": redirect.destination.to_string(), "gateway": redirect.gateway, "author": redirect.author,
                    "dev": redirect.interface.map(|index| names.interface(index).to_string()),
                });
                ("redirect", json, format!("Redirect {}", redirect.with_names(names)))
            }
            _ => return Ok(()),
        };
        if self.output.json { self.line(word, &json) } else { Ok(self.output.line(&text)?) }
    }

    fn resync_started(&mut self, reason: Reason) -> Result<(), Failure> {
        if self.output.json {
            return self.line("resync-begin", &serde_json::json!({ "reason": reason.word() }));
        }
        Ok(self.output.line(&format!("Resync after {}", reason.word()))?)
    }

    fn resynced(&mut self, reason: Reason, [added, removed, replaced]: [u64; 3]) -> Result<(), Failure> {
        if self.output.json {
            let counts = serde_json::json!({
                "reason": reason.word(), "added": added, "removed": removed, "replaced": replaced,
            });
            return self.line("resync", &counts);
        }
        let counts = format!("{added} added, {removed} removed, {replaced} replaced");
        Ok(self.output.line(&format!("Resynced after {}: {counts}", reason.word()))?)
    }

    /// Prints a change, if the user wants it.
    fn changed<T: Followed>(&mut self, change: Change<&T>) -> Result<(), Failure> {
        let (word, thing, old) = match change {
            Change::Added(thing) => ("added", thing, None),
            Change::Replaced { old, new } => ("replaced", new, Some(old)),
            Change::Removed(thing) => ("removed", thing, None),
        };
        if !self.wants(thing) {
            return Ok(());
        }
        let names = self.names.current();
        if self.output.json {
            let body = Changed { change: word, key: T::KEY, thing: thing.json(names), old: old.map(|old| old.json(names)) };
            return Self::write(self.output, &mut self.sequence, T::KEY, &body);
        }
        let label = if self.what.is_mixed() { format!("[{}] ", T::KEY) } else { String::new() };
        let text = thing.text(names);
        match (word, old) {
            ("removed", _) => self.output.line(&format!("{label}Deleted {text}"))?,
            (_, Some(old)) => {
                self.output.line(&format!("{label}Replaced {}", old.text(names)))?;
                self.output.line(&format!("{label}    with {text}"))?;
            }
            _ => self.output.line(&format!("{label}{text}"))?,
        }
        Ok(())
    }

    fn route(&mut self, change: &Change<waypost::Route>) -> Result<(), Failure> {
        match change {
            Change::Added(route) => self.changed(Change::Added(&route.as_ref())),
            Change::Replaced { old, new } => self.changed(Change::Replaced { old: &old.as_ref(), new: &new.as_ref() }),
            Change::Removed(route) => self.changed(Change::Removed(&route.as_ref())),
        }
    }

    fn wants<T: Followed>(&self, thing: &T) -> bool {
        let is_wanted = |wanted: Family| thing.family().is_none_or(|family| family == wanted);
        self.what.has(T::WATCHED) && self.family.is_none_or(is_wanted)
    }

    /// Writes one object.
    fn line(&mut self, event: &'static str, body: &impl Serialize) -> Result<(), Failure> {
        Self::write(self.output, &mut self.sequence, event, body)
    }

    fn write(output: &mut Output, sequence: &mut u64, event: &'static str, body: &impl Serialize) -> Result<(), Failure> {
        *sequence += 1;
        Ok(output.json_line(&Line { time: jiff::Timestamp::now(), seq: *sequence, event, body })?)
    }
}
