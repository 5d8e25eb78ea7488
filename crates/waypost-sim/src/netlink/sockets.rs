//! One program's netlink sockets on the simulated machine, and what goes wrong with bytes on their way to it.

use std::collections::{BTreeMap, VecDeque};

use waypost_core::{
    Capabilities, Dump, DumpEnd, Error, ErrorKind, Kernel as _, Notice, Notices, Now, Outcome, Request, RouteVerb, Ticket, Verb,
};

use super::bytes::{Asked, HEADER};
use super::numbers::{ACK, Errno};
use super::reader::{self, Wish};
use super::writer::{self, Addressee};
use crate::{Fault, Sim, SimKernel};

/// Which of a program's two sockets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a program has these two")]
pub enum SocketName {
    /// That of events and dumps.
    Events,
    /// That of requests.
    Requests,
}

/// Something that happens to the next so many datagrams on the way from the kernel to the socket of events.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum ByteFault {
    /// They do not fit into the buffer that they are read into, which the socket says (`MSG_TRUNC`).
    Truncate,
    /// Their second half is missing, and nothing says so.
    Cut,
    /// The first attribute of their first message says that it is longer than they are.
    Corrupt,
    /// They come twice.
    Duplicate,
    /// Behind them another program sends the contrary of each: what has come has gone. It comes from that program's port.
    Forge,
}

/// What a socket gives.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_structs, reason = "what recvmsg(2) tells")]
pub struct Told {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The port of the sender: zero for the kernel.
    pub port: u32,
    /// There were more bytes.
    pub truncated: bool,
}

/// How long a datagram of a dump may become.
const DATAGRAM: usize = 16 * 1024;

/// How many notices are taken from the machine at once.
const BUDGET: usize = 64;

/// The port of a program that is neither the kernel nor this one.
const STRANGER: u32 = 6666;

/// One program's netlink sockets: requests go in and answers, events and dumps come out, as bytes.
#[derive(Debug)]
pub struct NetlinkSockets {
    kernel: SimKernel,
    ports: [u32; 2],
    told: [VecDeque<Told>; 2],
    asked: BTreeMap<Ticket, Pending>,
    last_ticket: u64,
    /// The dump that is being listed, and what of it has not gone out.
    dump: Option<Addressee>,
    part: Vec<u8>,
    /// Who makes the change that is told of next, where the kernel says it.
    author: u32,
    is_overrun: bool,
    faults: BTreeMap<ByteFault, usize>,
}

/// A request that has not been answered.
#[derive(Clone, Copy, Debug)]
struct Pending {
    socket: SocketName,
    to: Addressee,
    header: [u8; HEADER],
    kind: u16,
    wants_acknowledgement: bool,
}

impl NetlinkSockets {
    /// The sockets of a program of this machine, which hear everything from now on.
    #[must_use]
    pub fn new(sim: &Sim) -> Self {
        Self {
            kernel: sim.kernel(),
            ports: [4711, 4712],
            told: [VecDeque::new(), VecDeque::new()],
            asked: BTreeMap::new(),
            last_ticket: 0,
            dump: None,
            part: Vec::new(),
            author: 0,
            is_overrun: false,
            faults: BTreeMap::new(),
        }
    }

    /// The port that the kernel has given a socket.
    #[must_use]
    pub const fn port(&self, socket: SocketName) -> u32 {
        self.ports[socket as usize]
    }

    /// What goes wrong before there are bytes.
    pub fn suffer(&mut self, fault: Fault) {
        self.kernel.suffer(fault);
    }

    /// Lets this happen to the next `count` datagrams of the socket of events.
    pub fn suffer_bytes(&mut self, fault: ByteFault, count: usize) {
        self.faults.insert(fault, count);
    }

    pub(super) fn capabilities(&self) -> &Capabilities {
        self.kernel.capabilities()
    }

    pub(super) fn deadline(&self) -> Option<Now> {
        self.kernel.deadline()
    }

    pub(super) fn tell_authors(&mut self) {
        self.kernel.tell_authors();
    }

    /// Opens both anew, with other ports: what was there is lost.
    ///
    /// # Errors
    ///
    /// None: the machine always lets it.
    pub fn reopen(&mut self) -> Result<(), Error> {
        self.kernel.reopen()?;
        self.ports = self.ports.map(|port| port + 2);
        self.told.iter_mut().for_each(VecDeque::clear);
        self.asked.clear();
        self.part.clear();
        (self.dump, self.is_overrun) = (None, false);
        Ok(())
    }

    /// The program sends requests.
    ///
    /// # Errors
    ///
    /// `Closed` where the socket is.
    pub fn send(&mut self, now: Now, socket: SocketName, bytes: &[u8]) -> Result<(), Error> {
        let mut rest = bytes;
        while let Some((asked, behind)) = Asked::first(rest) {
            self.serve(now, socket, &asked);
            rest = behind;
        }
        self.kernel.flush().map(drop)
    }

    /// What a socket gives next; `None` where there is nothing.
    ///
    /// # Errors
    ///
    /// `Busy` where messages were lost (`ENOBUFS`), `Closed` where the socket is.
    pub fn receive(&mut self, now: Now, socket: SocketName) -> Result<Option<Told>, Error> {
        if self.told[socket as usize].is_empty() {
            self.pump(now)?;
        }
        if socket == SocketName::Events && std::mem::take(&mut self.is_overrun) {
            return Err(Error::new(ErrorKind::Busy, "receive").because("messages were lost").with_os_error(105));
        }
        Ok(self.told[socket as usize].pop_front())
    }

    /// How many datagrams can be received before the kernel makes more.
    #[must_use]
    pub fn waiting(&self, socket: SocketName) -> usize {
        self.told[socket as usize].len()
    }

    fn serve(&mut self, now: Now, socket: SocketName, asked: &Asked<'_>) {
        let to = Addressee { sequence: asked.sequence, port: self.port(socket), is_filtered: false };
        let wants_acknowledgement = asked.flags & ACK != 0;
        let pending = Pending { socket, to, header: *asked.header, kind: asked.kind, wants_acknowledgement };
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        let submitted = reader::read(asked).and_then(|wish| {
            let is_filtered = matches!(&wish, Wish::Routes(_, filter) if !filter.is_empty());
            let submitted = submit(&mut self.kernel, now, ticket, &wish);
            submitted.map(|()| is_filtered).map_err(|error| writer::errno(&error, asked.kind))
        });
        match submitted {
            Ok(is_filtered) => drop(self.asked.insert(ticket, Pending { to: Addressee { is_filtered, ..to }, ..pending })),
            Err(errno) => self.refuse(&pending, errno),
        }
    }

    fn refuse(&mut self, pending: &Pending, errno: Errno) {
        let bytes = writer::acknowledgement(Some(errno), &pending.header, pending.to);
        self.put(pending.socket, bytes);
    }

    /// Has the machine say some more.
    fn pump(&mut self, now: Now) -> Result<(), Error> {
        let mut notices = Notices::new();
        self.kernel.drain(now, BUDGET, &mut notices)?;
        notices.into_iter().for_each(|notice| self.say(notice));
        self.end_part();
        Ok(())
    }

    fn say(&mut self, notice: Notice) {
        match notice {
            Notice::Outcome(ticket, outcome) => self.answer(ticket, &outcome),
            Notice::DumpStarted(ticket) => self.dump = self.asked.get(&ticket).map(|pending| pending.to),
            Notice::DumpDone(ticket, end) => self.end_dump(ticket, &end),
            Notice::Overrun => self.is_overrun = true,
            Notice::Author { pid, .. } => self.author = pid,
            Notice::Undecodable { in_dump, .. } => self.say_nonsense(in_dump),
            notice if is_listed(&notice) => {
                let Some(bytes) = self.dump.and_then(|to| writer::message(&notice, to)) else { return };
                if self.part.len() + bytes.len() > DATAGRAM {
                    self.end_part();
                }
                self.part.extend(bytes);
            }
            notice => {
                let to = Addressee { sequence: 0, port: std::mem::take(&mut self.author), is_filtered: false };
                if let Some(bytes) = writer::message(&notice, to) {
                    self.end_part();
                    self.put(SocketName::Events, bytes);
                }
            }
        }
    }

    /// A route message whose first attribute is longer than it.
    fn say_nonsense(&mut self, in_dump: bool) {
        let to = if in_dump { self.dump.unwrap_or_default() } else { Addressee::default() };
        let route = waypost_core::Route::new(waypost_core::Prefix::V4(waypost_core::Ipv4Prefix::DEFAULT));
        let verb = if in_dump { RouteVerb::Listed } else { RouteVerb::Added };
        let mut bytes = writer::message(&Notice::Route(verb, route), to).unwrap_or_default();
        corrupt(&mut bytes);
        if in_dump {
            self.part.extend(bytes);
        } else {
            self.end_part();
            self.put(SocketName::Events, bytes);
        }
    }

    fn answer(&mut self, ticket: Ticket, outcome: &Outcome) {
        let Some(pending) = self.asked.remove(&ticket) else { return };
        match outcome {
            Outcome::Failed(error) => self.refuse(&pending, writer::errno(error, pending.kind)),
            Outcome::Found(answer) => self.put(pending.socket, writer::answer(answer, pending.to)),
            Outcome::Done => {}
            // It was lost on the way.
            _ => return,
        }
        if pending.wants_acknowledgement && !matches!(outcome, Outcome::Failed(_)) {
            self.put(pending.socket, writer::acknowledgement(None, &pending.header, pending.to));
        }
    }

    fn end_dump(&mut self, ticket: Ticket, end: &DumpEnd) {
        self.dump = None;
        let Some(pending) = self.asked.remove(&ticket) else { return };
        match &end.error {
            Some(error) => {
                self.end_part();
                self.refuse(&pending, writer::errno(error, pending.kind));
            }
            None => {
                self.part.extend(writer::done(None, end.interrupted, pending.to));
                self.end_part();
            }
        }
    }

    /// What of a dump has been written goes out.
    fn end_part(&mut self) {
        let part = std::mem::take(&mut self.part);
        if !part.is_empty() {
            self.put(SocketName::Events, part);
        }
    }

    /// A datagram is on its way, and something may happen to it there.
    fn put(&mut self, socket: SocketName, bytes: Vec<u8>) {
        let mut told = Told { bytes, port: 0, truncated: false };
        let mut behind = None;
        if socket == SocketName::Events {
            if self.happens(ByteFault::Forge) {
                behind = Some(Told { port: STRANGER, ..told.clone() });
                behind.iter_mut().for_each(|told| reverse(&mut told.bytes));
            }
            if self.happens(ByteFault::Duplicate) {
                self.told[socket as usize].push_back(told.clone());
            }
            if self.happens(ByteFault::Corrupt) {
                corrupt(&mut told.bytes);
            }
            told.truncated = self.happens(ByteFault::Truncate);
            if told.truncated || self.happens(ByteFault::Cut) {
                told.bytes.truncate(told.bytes.len() / 2);
            }
        }
        self.told[socket as usize].extend([Some(told), behind].into_iter().flatten());
    }

    fn happens(&mut self, fault: ByteFault) -> bool {
        let left = self.faults.entry(fault).or_default();
        let happens = *left > 0;
        *left = left.saturating_sub(1);
        happens
    }
}

const fn is_listed(notice: &Notice) -> bool {
    matches!(
        notice,
        Notice::Route(RouteVerb::Listed, _)
            | Notice::Rule(Verb::Listed, _)
            | Notice::Link(Verb::Listed, _)
            | Notice::Address(Verb::Listed, _)
            | Notice::NextHop(Verb::Listed, _)
    )
}

/// Where the first attribute of a message begins that has such a header as routes and rules have.
const FIRST_ATTRIBUTE: usize = HEADER + 12;

fn corrupt(bytes: &mut [u8]) {
    if let Some(length) = bytes.get_mut(FIRST_ATTRIBUTE..FIRST_ATTRIBUTE + 2) {
        length.copy_from_slice(&u16::MAX.to_ne_bytes());
    }
}

/// What tells that something has come tells that it has gone, and the other way round: the types differ in one.
fn reverse(bytes: &mut [u8]) {
    if let Some(kind) = bytes.get_mut(4..6) {
        let number = u16::from_ne_bytes([kind[0], kind[1]]) ^ 1;
        kind.copy_from_slice(&number.to_ne_bytes());
    }
}

fn submit(kernel: &mut SimKernel, now: Now, ticket: Ticket, wish: &Wish) -> Result<(), Error> {
    let request = match wish {
        Wish::Routes(family, filter) => Request::Dump(Dump::Routes(*family, filter)),
        Wish::Rules(family) => Request::Dump(Dump::Rules(*family)),
        Wish::Links => Request::Dump(Dump::Links),
        Wish::Addresses => Request::Dump(Dump::Addresses),
        Wish::NextHops => Request::Dump(Dump::NextHops),
        Wish::Nothing => Request::Dump(Dump::Neighbours),
        Wish::Route(change, route) => Request::Route(*change, route),
        Wish::Lookup(flow, mode) => Request::Lookup(flow, *mode),
        Wish::AddRule(rule) => Request::AddRule(rule),
        Wish::DeleteRule(rule) => Request::DeleteRule(rule),
        Wish::AddNextHop(object, replace) => Request::AddNextHop { object, replace: *replace },
        Wish::DeleteNextHop(id) => Request::DeleteNextHop(*id),
    };
    kernel.submit(now, ticket, request)
}
