//! The one that runs: one loop for the kernel, signals, probes and those who ask.

mod asked;
mod manager;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use serde_json::json;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use waypost::{Error, ErrorKind, Family, ProbeTarget, Probed, Routes, UplinkId, UplinkReport, Uplinks};

use super::config::{Plan, Readiness};
use super::listen::listen;
use super::queue::Queue;
use super::reasons::Reasons;
use super::{control, log, show};
use crate::args::UplinksAsked;
use crate::failure::{Failure, Status, without_number};
use crate::invocation::Invocation;
use crate::output::Output;
use control::Client;
use manager::Manager;

const KERNEL: Token = Token(0);
const RELOAD: Token = Token(1);
const END: Token = Token(2);
const ASKED: Token = Token(3);
const PROBED: Token = Token(4);
const FIRST_CLIENT: usize = 16;

/// How long is waited at the end for the kernel to take the routes away.
const FAREWELL: Duration = Duration::from_secs(5);

/// How many uplinks that were given up are known by their names.
const GIVEN_UP_MAX: usize = 64;

/// What became of a probe: of which uplink, its number, and whether it got through.
type Answer = (UplinkId, u32, Probed);

struct Daemon<'a> {
    output: &'a mut Output,
    uplinks: Uplinks,
    plan: Plan,
    /// The uplinks that are set, by name and family.
    ids: BTreeMap<(String, Family), UplinkId>,
    /// The names of those that were given up last: something may still be told of them.
    given_up: BTreeMap<UplinkId, String>,
    clients: BTreeMap<usize, Client>,
    next_client: usize,
    probes: (Sender<Answer>, Receiver<Answer>),
    queue: Queue<UplinkId>,
    wake: UnixStream,
    manager: Manager,
    /// Who started it has been told who is elected.
    has_told: bool,
    /// Which of the uplinks that are planned could be, when they were set.
    set: Option<Vec<Readiness>>,
    /// Whether they can be may have changed since.
    is_due: bool,
    /// They are those of another network namespace than the command runs in.
    is_elsewhere: bool,
    /// Uplinks are found, and not named by a configuration.
    finds: bool,
    /// All uplinks are being given up.
    ends: bool,
    /// Why uplinks are not as they are wanted.
    reasons: Reasons,
    /// The targets that it was warned of.
    warned: BTreeSet<String>,
    /// What the configuration is called.
    file: String,
}

/// From now on SIGHUP is kept for the loop, and ends nothing.
pub(crate) fn catch_reload() -> Result<UnixStream, Failure> {
    caught(&[SIGHUP]).map_err(|error| Failure::Io("wait".to_owned(), error))
}

pub(crate) fn run(
    invocation: &mut Invocation,
    asked: &UplinksAsked,
    uplinks: Uplinks,
    plan: Plan,
    mut reload: UnixStream,
) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::Io("wait".to_owned(), error);
    let mut poll = Poll::new().map_err(failed)?;
    let mut ready = Events::with_capacity(64);
    let kernel = uplinks.as_fd().as_raw_fd();
    poll.registry().register(&mut SourceFd(&kernel), KERNEL, Interest::READABLE).map_err(failed)?;
    let end = caught(&[SIGTERM, SIGINT]).map_err(failed)?;
    for (stream, token) in [(&reload, RELOAD), (&end, END)] {
        poll.registry().register(&mut SourceFd(&stream.as_raw_fd()), token, Interest::READABLE).map_err(failed)?;
    }
    let (mut woken, wake) = UnixStream::pair().map_err(failed)?;
    woken.set_nonblocking(true).map_err(failed)?;
    poll.registry().register(&mut SourceFd(&woken.as_raw_fd()), PROBED, Interest::READABLE).map_err(failed)?;
    may_begin(invocation, &plan)?;
    let mut listening = listen(&plan.socket, plan.socket_mode).map_err(|error| cannot_listen(&plan.socket, error))?;
    poll.registry().register(&mut listening.listener, ASKED, Interest::READABLE).map_err(failed)?;
    log::begin(invocation.output.errors_coloured, invocation.output.quiet);
    give_up_rights(asked)?;
    may_probe(&plan)?;
    let is_elsewhere = invocation.is_elsewhere();
    let mut daemon = Daemon::new(&mut invocation.output, uplinks, plan, wake);
    (daemon.is_elsewhere, daemon.finds) = (is_elsewhere, asked.config.is_none());
    daemon.file = asked.config.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    daemon.turn()?;
    daemon.manager.say("READY=1");
    if daemon.plan.planned.is_empty() {
        tracing::warn!("there are no uplinks yet");
    }
    loop {
        let wait = [daemon.uplinks.deadline(), daemon.manager.due()].into_iter().flatten().min();
        // Rounded up: a wait that ends a little early would spin.
        let wait = wait.map(|wait| wait + Duration::from_millis(u64::from(!wait.is_zero())));
        match poll.poll(&mut ready, wait) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(failed(error)),
            _ => {}
        }
        let tokens: Vec<Token> = ready.iter().map(mio::event::Event::token).collect();
        // The kernel first: what else is to be done can wait, traffic cannot.
        daemon.turn()?;
        for token in tokens {
            match token {
                RELOAD => {
                    empty(&mut reload);
                    daemon.reload(asked);
                }
                PROBED => empty(&mut woken),
                ASKED => daemon.accept(&listening.listener, poll.registry())?,
                END => {
                    if let Err(error) = listening.end() {
                        let (path, why) = (daemon.plan.socket.display(), without_number(&error));
                        tracing::info!("{path} stays, until the next one takes its place: {why}");
                    }
                    drop(listening);
                    return daemon.end(asked.leave);
                }
                Token(client) if client >= FIRST_CLIENT => daemon.answer(client),
                _ => {}
            }
        }
        daemon.take_probes();
        daemon.turn()?;
    }
}

/// Fails where another start would fail as this one would.
fn may_begin(invocation: &Invocation, plan: &Plan) -> Result<(), Failure> {
    probes_here(invocation.is_elsewhere(), plan).map_err(Failure::Usage)?;
    match Routes::open_with(&invocation.options())?.may_change()? {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::NotPermitted, "keep uplinks").because("this process may not change routes").into()),
    }
}

/// Who may not listen there may not now and not after another start.
fn cannot_listen(path: &Path, error: io::Error) -> Failure {
    let what = format!("listen at {}", path.display());
    match error.kind() {
        io::ErrorKind::PermissionDenied => Failure::Missing(format!("{what}: {}", without_number(&error)), Status::NotPermitted),
        _ => Failure::Io(what, error),
    }
}

/// Targets are asked from where the command runs: in another network namespace they would tell of other uplinks.
fn probes_here(is_elsewhere: bool, plan: &Plan) -> Result<(), String> {
    match is_elsewhere && plan.probes() {
        true => {
            Err("probes leave by the namespace of the command: run it there, with `ip netns exec`, and not with --netns"
                .to_owned())
        }
        false => Ok(()),
    }
}

/// Fails where a target cannot be asked for want of a right: all uplinks would be thought bad.
fn may_probe(plan: &Plan) -> Result<(), Error> {
    plan.targets.iter().filter(|_| plan.probes()).try_for_each(ProbeTarget::may_ask)
}

/// From here on it needs no rights but those to change the network. The socket's file stays with who started it.
fn give_up_rights(asked: &UplinksAsked) -> Result<(), Failure> {
    match waypost::become_network_user(asked.user.as_deref()) {
        // Where only root may change routes, root it is, unless somebody asks for another.
        Err(error) if error.kind() == ErrorKind::Unsupported && asked.user.is_none() => Ok(()),
        // There is no such user: another start would not mend that.
        Err(error) if error.kind() == ErrorKind::Invalid => Err(Failure::Missing(error.to_string(), Status::Usage)),
        other => Ok(other?),
    }
}

/// A stream that can be read when one of these signals has come.
fn caught(signals: &[i32]) -> io::Result<UnixStream> {
    let (read, write) = UnixStream::pair()?;
    read.set_nonblocking(true)?;
    for signal in signals {
        signal_hook::low_level::pipe::register(*signal, write.try_clone()?)?;
    }
    Ok(read)
}

fn empty(stream: &mut UnixStream) {
    let mut buffer = [0; 256];
    while matches!(stream.read(&mut buffer), Ok(1..)) {}
}

impl<'a> Daemon<'a> {
    fn new(output: &'a mut Output, uplinks: Uplinks, plan: Plan, wake: UnixStream) -> Self {
        Self {
            output,
            uplinks,
            plan,
            ids: BTreeMap::new(),
            given_up: BTreeMap::new(),
            clients: BTreeMap::new(),
            next_client: FIRST_CLIENT,
            probes: mpsc::channel(),
            queue: Queue::new(),
            wake,
            manager: Manager::new(),
            has_told: false,
            set: None,
            is_due: true,
            is_elsewhere: false,
            finds: false,
            ends: false,
            reasons: Reasons::default(),
            warned: BTreeSet::new(),
            file: String::new(),
        }
    }

    /// Does what is to be done, and tells of it.
    fn turn(&mut self) -> Result<(), Failure> {
        let mut has_set = self.set_all()?;
        let mut turn = self.uplinks.turn()?;
        // What was heard may be that an interface has come which is waited for, or a default route whose uplink is to be found.
        self.is_due |= turn.surroundings_changed || self.finds;
        if self.set_all()? {
            has_set = true;
            let more = self.uplinks.turn()?;
            self.is_due |= more.surroundings_changed;
            turn.reports.extend(more.reports);
            turn.probes.extend(more.probes);
        }
        for report in &turn.reports {
            self.reasons.note(report, &self.uplinks);
            self.tell(report)?;
        }
        for (uplink, number) in turn.probes {
            self.queue.put(uplink, number);
        }
        while let Some((uplink, number)) = self.queue.begin() {
            if self.probe(uplink, number).is_none() {
                self.queue.end();
            }
        }
        self.output.flush()?;
        if turn.reports.iter().any(|report| matches!(report, UplinkReport::Elected { .. })) || !self.has_told {
            self.has_told = true;
            let elected = self.uplinks.status().filter(|status| status.elected).map(|status| status.uplink.name.clone());
            let elected: Vec<String> = elected.collect();
            self.manager.say(&format!("STATUS=elected: {}", if elected.is_empty() { "none".into() } else { elected.join(", ") }));
        }
        if (!turn.reports.is_empty() || has_set) && self.clients.values().any(|client| client.watches.is_some()) {
            let (uplinks, plan, reasons) = (&self.uplinks, &self.plan, &self.reasons);
            self.clients.retain(|_, client| match client.watches {
                Some(families) => client.tell(&show::status(uplinks, plan, reasons, families)).is_ok(),
                None => true,
            });
        }
        self.manager.keep_alive();
        Ok(())
    }

    /// Sets the uplinks that can be, and gives up those that cannot, or that are not planned any more; says whether any of that is other than it was.
    fn set_all(&mut self) -> Result<bool, Failure> {
        if !std::mem::take(&mut self.is_due) {
            return Ok(false);
        }
        if self.finds && !self.ends {
            super::find(&self.uplinks, &mut self.plan);
        }
        let ready = self.plan.readiness(&self.uplinks);
        if self.set.as_ref() == Some(&ready) {
            return Ok(false);
        }
        let before = self.set.replace(ready.clone()).unwrap_or_default();
        let mut wanted = BTreeMap::new();
        let mut lines = Vec::new();
        for (at, (planned, readiness)) in self.plan.planned.iter().zip(ready).enumerate() {
            if let Readiness::Ready(interface) = readiness {
                wanted.insert((planned.name.clone(), planned.family), planned.uplink(interface));
            }
            if let Some(why) = readiness.why(planned).filter(|_| before.get(at) != Some(&readiness)) {
                lines.push((matches!(readiness, Readiness::OwnGateway(_)), format!("{}: {why}", planned.name)));
            }
        }
        let gone: Vec<_> = self.ids.keys().filter(|key| !wanted.contains_key(*key)).cloned().collect();
        for key in gone {
            if let Some(id) = self.ids.remove(&key) {
                self.uplinks.remove(id);
                self.given_up.insert(id, key.0);
                if self.given_up.len() > GIVEN_UP_MAX {
                    self.given_up.pop_first();
                }
            }
        }
        for (key, uplink) in wanted {
            let same = self.ids.get(&key).and_then(|id| self.uplinks.uplink(*id)).is_some_and(|own| *own == uplink);
            if !same {
                let id = self.uplinks.set(uplink);
                self.ids.insert(key, id);
            }
        }
        lines.iter().try_for_each(|(warns, line)| self.say(*warns, line))?;
        Ok(true)
    }

    fn tell(&mut self, report: &UplinkReport) -> Result<(), Failure> {
        // At the end it is no news that nobody is elected any more.
        if self.ends && !matches!(report, UplinkReport::Kept { .. }) {
            return Ok(());
        }
        match show::report(report, &self.uplinks, &self.given_up) {
            Some(line) => self.say(show::warns(report), &line),
            None => Ok(()),
        }
    }

    fn say(&mut self, warns: bool, line: &str) -> Result<(), Failure> {
        match self.output.json {
            true => self.output.json_line(&json!({ "time": jiff::Timestamp::now().to_string(), "report": line }))?,
            false if warns => tracing::warn!("{line}"),
            false => tracing::info!("{line}"),
        }
        Ok(())
    }

    /// Reads the configuration again; a bad one is refused and the one that runs kept.
    fn reload(&mut self, asked: &UplinksAsked) {
        let Some(path) = &asked.config else {
            tracing::warn!("there is no configuration that could be read again");
            return;
        };
        let read = super::read(asked).map_err(|failure| failure.to_string()).and_then(|plan| {
            let plan = self.plan.followed_by(plan).map_err(|why| format!("{}: {why}", path.display()))?;
            probes_here(self.is_elsewhere, &plan).map_err(|why| format!("{}: {why}", path.display()))?;
            may_probe(&plan).map_err(|error| format!("{}: {error}", path.display()))?;
            Ok(plan)
        });
        match read {
            Ok(plan) => {
                (self.plan, self.set, self.is_due) = (plan, None, true);
                self.warned.clear();
                tracing::info!("the configuration has been read again");
            }
            Err(why) => tracing::error!("the new configuration is refused, the old one kept: {why}"),
        }
    }

    /// Makes a probe, in a thread that ends with it; nothing where there is nothing to be asked.
    fn probe(&mut self, uplink: UplinkId, number: u32) -> Option<()> {
        let own = self.uplinks.uplink(uplink)?;
        let (index, family) = (own.interface, own.family);
        let interface = self.uplinks.names().printed(index).to_string();
        // A page is asked over this family and no other.
        let is_own = |own: &&waypost::Address| own.interface == index && Family::of(&own.local) == family;
        let addresses: Vec<_> = self.uplinks.mirror().addresses().filter(is_own).map(|own| own.local).collect();
        let is_of_family = |target: &&ProbeTarget| target.family().is_none_or(|own| own == family);
        let mut targets: Vec<_> = self.plan.targets.iter().filter(is_of_family).cloned().collect();
        // A portal lets much through: who asks for a page too goes by that.
        targets.sort_by_key(|target| !matches!(target, ProbeTarget::Page(_)));
        let (timeout, answer) = (self.plan.timeout, self.probes.0.clone());
        let mut wake = self.wake.try_clone().ok().filter(|_| !targets.is_empty())?;
        // What this host answers itself says nothing of any uplink, and counts as no answer.
        let is_own = |target: &ProbeTarget| {
            target.address().is_some_and(|asked| self.uplinks.mirror().addresses().any(|own| own.local == asked))
        };
        let (own, targets): (Vec<_>, Vec<_>) = targets.into_iter().partition(is_own);
        own.iter().for_each(|target| self.warn_of(&target.to_string(), "it is an address of this host"));
        let look = move || {
            // One that answers is enough; the time is for each.
            let mut answers = targets.iter().map(|target| target.ask(&interface, &addresses, timeout));
            let said = answers.find(|said| *said != Probed::Failed).unwrap_or(Probed::Failed);
            let _ = answer.send((uplink, number, said));
            let _ = wake.write_all(&[0]);
        };
        std::thread::Builder::new().spawn(look).ok().map(drop)
    }

    /// Warns of a target, once.
    fn warn_of(&mut self, target: &str, why: &str) {
        if self.warned.insert(target.to_owned()) {
            let line = self.plan.targets_at.unwrap_or(1);
            tracing::warn!("{}: line {line}: probe.targets: {target}: {why}", self.file);
        }
    }

    fn take_probes(&mut self) {
        while let Ok((uplink, number, probed)) = self.probes.1.try_recv() {
            self.queue.end();
            if probed == Probed::Failed {
                let unknown: Vec<String> = self.plan.targets.iter().filter_map(ProbeTarget::unknown_name).collect();
                let why = "no address of it was ever known, so it says nothing of any uplink: a page can be named by its address";
                unknown.iter().for_each(|name| self.warn_of(name, why));
            }
            self.uplinks.probed(uplink, number, probed);
        }
    }

    /// Takes away what was added, unless it is to be left.
    fn end(mut self, leave: bool) -> Result<(), Failure> {
        self.manager.say("STOPPING=1");
        // Who watches is told by that: what is taken away now says nothing of the uplinks.
        self.clients.clear();
        if leave {
            return Ok(());
        }
        self.ends = true;
        self.uplinks.remove_all();
        self.plan.planned.clear();
        (self.set, self.is_due) = (None, true);
        self.ids.clear();
        let end = now() + FAREWELL;
        while !self.uplinks.is_idle() {
            let left = end.saturating_duration_since(now());
            if left.is_zero() {
                return Err(Failure::Missing("some routes could not be taken away".to_owned(), crate::failure::Status::Failed));
            }
            self.turn()?;
            if !self.uplinks.is_idle() {
                self.uplinks.wait(Some(left))?;
            }
        }
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "the command drives the uplinks")]
fn now() -> Instant {
    Instant::now()
}
