//! The one that runs: one loop for the kernel, signals, probes and those who ask.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use serde_json::{Value, json};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use waypost::{ErrorKind, Family, IfIndex, ProbeTarget, Probed, ServiceManager, UplinkId, UplinkReport, Uplinks};

use super::config::Plan;
use super::queue::Queue;
use super::{control, log, show};
use crate::args::UplinksAsked;
use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::output::Output;
use control::Client;

const KERNEL: Token = Token(0);
const RELOAD: Token = Token(1);
const END: Token = Token(2);
const ASKED: Token = Token(3);
const PROBED: Token = Token(4);
const FIRST_CLIENT: usize = 16;

/// How long is waited at the end for the kernel to take the routes away.
const FAREWELL: Duration = Duration::from_secs(5);

/// What became of a probe: of which uplink, its number, and whether it got through.
type Answer = (UplinkId, u32, Probed);

struct Daemon<'a> {
    output: &'a mut Output,
    uplinks: Uplinks,
    plan: Plan,
    /// The uplinks that are set, by name and family.
    ids: BTreeMap<(String, Family), UplinkId>,
    clients: BTreeMap<usize, Client>,
    next_client: usize,
    probes: (Sender<Answer>, Receiver<Answer>),
    queue: Queue<UplinkId>,
    wake: UnixStream,
    manager: Manager,
    /// Who started it has been told who is elected.
    has_told: bool,
    /// The interfaces of the uplinks that are planned, as they were when these were set.
    set: Option<Vec<Option<IfIndex>>>,
    /// All uplinks are being given up.
    ends: bool,
}

pub(crate) fn run(invocation: &mut Invocation, asked: &UplinksAsked, uplinks: Uplinks, plan: Plan) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::Io("wait".to_owned(), error);
    let mut poll = Poll::new().map_err(failed)?;
    let mut ready = Events::with_capacity(64);
    let kernel = uplinks.as_fd().as_raw_fd();
    poll.registry().register(&mut SourceFd(&kernel), KERNEL, Interest::READABLE).map_err(failed)?;
    let mut reload = signal(&poll, &[SIGHUP], RELOAD).map_err(failed)?;
    let _end = signal(&poll, &[SIGTERM, SIGINT], END).map_err(failed)?;
    let (mut woken, wake) = UnixStream::pair().map_err(failed)?;
    woken.set_nonblocking(true).map_err(failed)?;
    poll.registry().register(&mut SourceFd(&woken.as_raw_fd()), PROBED, Interest::READABLE).map_err(failed)?;
    let at = |error| Failure::Io(format!("listen at {}", plan.socket.display()), error);
    let mut listener = control::listen(&plan.socket, plan.socket_mode).map_err(at)?;
    poll.registry().register(&mut listener, ASKED, Interest::READABLE).map_err(failed)?;
    log::begin(invocation.output.errors_coloured, invocation.output.quiet);
    give_up_rights(asked)?;
    let socket = plan.socket.clone();
    let mut daemon = Daemon {
        output: &mut invocation.output,
        uplinks,
        plan,
        ids: BTreeMap::new(),
        clients: BTreeMap::new(),
        next_client: FIRST_CLIENT,
        probes: mpsc::channel(),
        queue: Queue::new(),
        wake,
        manager: Manager::new(),
        has_told: false,
        set: None,
        ends: false,
    };
    daemon.turn()?;
    daemon.manager.say("READY=1");
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
                ASKED => daemon.accept(&listener, poll.registry())?,
                END => {
                    drop(listener);
                    let _ = std::fs::remove_file(&socket);
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

/// From here on it needs no rights but those to change the network. The socket's file stays with who started it.
fn give_up_rights(asked: &UplinksAsked) -> Result<(), Failure> {
    match waypost::become_network_user(asked.user.as_deref()) {
        // Where only root may change routes, root it is, unless somebody asks for another.
        Err(error) if error.kind() == ErrorKind::Unsupported && asked.user.is_none() => Ok(()),
        other => Ok(other?),
    }
}

/// A stream that can be read when one of these signals has come.
fn signal(poll: &Poll, signals: &[i32], token: Token) -> io::Result<UnixStream> {
    let (read, write) = UnixStream::pair()?;
    read.set_nonblocking(true)?;
    for signal in signals {
        signal_hook::low_level::pipe::register(*signal, write.try_clone()?)?;
    }
    poll.registry().register(&mut SourceFd(&read.as_raw_fd()), token, Interest::READABLE)?;
    Ok(read)
}

fn empty(stream: &mut UnixStream) {
    let mut buffer = [0; 256];
    while matches!(stream.read(&mut buffer), Ok(1..)) {}
}

impl Daemon<'_> {
    /// Does what is to be done, and tells of it.
    fn turn(&mut self) -> Result<(), Failure> {
        self.set_all();
        let turn = self.uplinks.turn()?;
        for report in &turn.reports {
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
        if !turn.reports.is_empty() && self.clients.values().any(|client| client.watches) {
            let told = show::status(&self.uplinks);
            self.clients.retain(|_, client| !client.watches || client.tell(&told).is_ok());
        }
        self.manager.keep_alive();
        Ok(())
    }

    /// Sets the uplinks whose interfaces are there, and gives up those whose are not, or that are not planned any more.
    fn set_all(&mut self) {
        let interfaces = self.plan.planned.iter().map(|planned| planned.index(self.uplinks.names())).collect();
        if self.set.as_ref() == Some(&interfaces) {
            return;
        }
        self.set = Some(interfaces);
        let mut wanted = BTreeMap::new();
        for planned in &self.plan.planned {
            if let Some(uplink) = planned.uplink(self.uplinks.names()) {
                wanted.insert((uplink.name.clone(), uplink.family), uplink);
            }
        }
        let gone: Vec<_> = self.ids.keys().filter(|key| !wanted.contains_key(*key)).cloned().collect();
        for key in gone {
            if let Some(id) = self.ids.remove(&key) {
                self.uplinks.remove(id);
            }
        }
        for (key, uplink) in wanted {
            let same = self.ids.get(&key).and_then(|id| self.uplinks.uplink(*id)).is_some_and(|own| *own == uplink);
            if !same {
                let id = self.uplinks.set(uplink);
                self.ids.insert(key, id);
            }
        }
    }

    fn tell(&mut self, report: &UplinkReport) -> Result<(), Failure> {
        // At the end it is no news that nobody is elected any more.
        if self.ends && !matches!(report, UplinkReport::Kept { .. }) {
            return Ok(());
        }
        if let Some(line) = show::report(report, &self.uplinks) {
            match self.output.json {
                true => self.output.json_line(&json!({ "time": jiff::Timestamp::now().to_string(), "report": line }))?,
                false if show::warns(report) => tracing::warn!("{line}"),
                false => tracing::info!("{line}"),
            }
        }
        Ok(())
    }

    /// Reads the configuration again; a bad one is refused and the one that runs kept.
    fn reload(&mut self, asked: &UplinksAsked) {
        if asked.config.is_none() {
            return;
        }
        match super::read(asked).map(|plan| self.plan.followed_by(plan)) {
            Ok(Ok(plan)) => {
                (self.plan, self.set) = (plan, None);
                tracing::info!("the configuration has been read again");
            }
            Ok(Err(why)) => tracing::error!("the new configuration is refused: {why}"),
            Err(failure) => tracing::error!("the new configuration is refused, the old one kept: {failure}"),
        }
    }

    fn accept(&mut self, listener: &mio::net::UnixListener, registry: &mio::Registry) -> Result<(), Failure> {
        let failed = |error: io::Error| Failure::Io("listen".to_owned(), error);
        loop {
            match listener.accept() {
                Ok((mut stream, _)) => {
                    self.make_room();
                    let number = self.next_client;
                    self.next_client += 1;
                    registry.register(&mut stream, Token(number), Interest::READABLE).map_err(failed)?;
                    self.clients.insert(number, Client::new(stream));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // That somebody cannot ask is no reason to stop keeping routes.
                Err(error) => {
                    tracing::warn!("somebody cannot ask: {error}");
                    return Ok(());
                }
            }
        }
    }

    /// Where as many ask as can be, who has been there longest goes: whoever says nothing keeps nobody else out.
    fn make_room(&mut self) {
        if self.clients.len() >= control::CLIENTS_MAX {
            self.clients.pop_first();
        }
    }

    /// Answers one who asks.
    fn answer(&mut self, number: usize) {
        let Some(mut client) = self.clients.remove(&number) else { return };
        while let Ok(question) = client.question() {
            let Some(question) = question else {
                self.clients.insert(number, client);
                return;
            };
            client.watches |= question == "watch";
            let answer = self.reply(&question);
            // Who only asked once is done.
            if client.tell(&answer).is_err() || !client.watches {
                return;
            }
        }
    }

    fn reply(&mut self, question: &str) -> Value {
        match question.split_once(' ') {
            None if question == "status" || question == "watch" => show::status(&self.uplinks),
            None if question == "release" => {
                Family::ALL.iter().for_each(|family| self.uplinks.choose(*family, None));
                json!({})
            }
            Some((word @ ("promote" | "demote"), name)) => {
                let named: Vec<_> =
                    self.ids.iter().filter(|((own, _), _)| own == name).map(|((_, family), id)| (*family, *id)).collect();
                for (family, id) in &named {
                    match word {
                        "promote" => self.uplinks.choose(*family, Some(*id)),
                        _ => self.uplinks.set_back(*id),
                    }
                }
                if named.is_empty() { json!({ "error": format!("there is no uplink {name:?}") }) } else { json!({}) }
            }
            _ => json!({ "error": "ask for status, watch, promote NAME, demote NAME or release" }),
        }
    }

    /// Makes a probe, in a thread that ends with it; nothing where there is nothing to be asked.
    fn probe(&self, uplink: UplinkId, number: u32) -> Option<()> {
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
        let look = move || {
            // One that answers is enough; the time is for each.
            let mut answers = targets.iter().map(|target| target.ask(&interface, &addresses, timeout));
            let said = answers.find(|said| *said != Probed::Failed).unwrap_or(Probed::Failed);
            let _ = answer.send((uplink, number, said));
            let _ = wake.write_all(&[0]);
        };
        std::thread::Builder::new().spawn(look).ok().map(drop)
    }

    fn take_probes(&mut self) {
        while let Ok((uplink, number, probed)) = self.probes.1.try_recv() {
            self.queue.end();
            self.uplinks.probed(uplink, number, probed);
        }
    }

    /// Takes away what was added, unless it is to be left.
    fn end(mut self, leave: bool) -> Result<(), Failure> {
        self.manager.say("STOPPING=1");
        if leave {
            return Ok(());
        }
        self.ends = true;
        self.uplinks.remove_all();
        self.plan.planned.clear();
        self.set = None;
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

/// Who started it, if he wants to be told: sd_notify(3).
struct Manager {
    found: Option<ServiceManager>,
    /// How often he wants to hear, and when he is told next.
    watchdog: Option<(Duration, Instant)>,
}

impl Manager {
    fn new() -> Self {
        let every = std::env::var("WATCHDOG_USEC").ok().and_then(|micros| micros.parse().ok()).map(Duration::from_micros);
        let watchdog = every.filter(|every| !every.is_zero()).map(|every| (every / 2, now()));
        Self { found: ServiceManager::find(), watchdog }
    }

    fn say(&self, text: &str) {
        if let Some(manager) = &self.found {
            let _ = manager.say(text);
        }
    }

    fn due(&self) -> Option<Duration> {
        self.watchdog.map(|(_, due)| due.saturating_duration_since(now()))
    }

    fn keep_alive(&mut self) {
        let time = now();
        if let Some((every, due)) = self.watchdog.filter(|(_, due)| *due <= time) {
            self.watchdog = Some((every, due.max(time) + every));
            self.say("WATCHDOG=1");
        }
    }
}
