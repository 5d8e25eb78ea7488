//! The socket that hears of changes and lists tables.

use std::collections::VecDeque;
use std::time::Duration;

use waypost_core::{Dump, DumpEnd, Error, ErrorKind, Notice, Notices, Now, RouteVerb, Ticket, Touched, Verb};

use super::listing::Listing;
use super::operation::Operation;
use super::refusal::{Verdict, errno};
use super::shortage::{self, Shortage};
use super::{Datagram, message};
use crate::wire::constants::{NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, NLMSG_OVERRUN};
use crate::wire::{Message, Messages};

/// How long the kernel may say nothing of a dump before it is given up. It makes the next part of a dump while the one
/// before is being received (netlink(7)), so that silence means that nothing more will come.
const SILENCE: Duration = Duration::from_secs(10);

/// What is heard of changes, and one dump at a time.
///
/// Whoever drives it sends what [`outgoing`](Self::outgoing) gives and says so by [`sent`](Self::sent) or, where the kernel had no
/// memory for it, by [`not_sent`](Self::not_sent); before anything else is received, [`announce`](Self::announce) tells that the dump has begun, since the kernel may queue a change that
/// the dump has not seen before the dump's first part.
///
/// ```
/// use waypost_core::{Dump, Notice, Now, Ticket};
/// use waypost_netlink::session::{Datagram, EventLane};
///
/// let mut lane = EventLane::new(4711, 0);
/// lane.submit(Now::default(), Ticket(1), Dump::Links)?;
/// let request = lane.outgoing().expect("nothing else is listed").to_vec();
/// lane.sent();
/// let mut notices = Vec::new();
/// lane.announce(&mut notices);
///
/// // The kernel has no links: NLMSG_DONE with the number zero, for the request of this port.
/// let mut done = 20u32.to_ne_bytes().to_vec();
/// done.extend([3u16, 2].map(u16::to_ne_bytes).concat());
/// done.extend_from_slice(&request[8..12]);
/// done.extend([4711u32, 0].map(u32::to_ne_bytes).concat());
/// lane.receive(Now::default(), Datagram { bytes: &done, port: 0, truncated: false }, &mut notices);
/// assert!(matches!(notices[..], [Notice::DumpStarted(Ticket(1)), Notice::DumpDone(Ticket(1), _)]));
/// # Ok::<(), waypost_core::Error>(())
/// ```
#[derive(Debug)]
pub struct EventLane {
    port: u32,
    sequence: u32,
    waiting: VecDeque<(Ticket, Listing)>,
    current: Option<Current>,
    message: Vec<u8>,
    now: Now,
    /// An overrun has been told of, and nothing has come since.
    is_overrun: bool,
    shortage: Shortage,
    tells_authors: bool,
}

/// The dump that is being received.
#[derive(Debug)]
struct Current {
    ticket: Ticket,
    listing: Listing,
    is_announced: bool,
    is_interrupted: bool,
    heard: Now,
}

impl EventLane {
    /// The conversation of a socket with this port; sequence numbers follow `seed`.
    #[must_use]
    pub fn new(port: u32, seed: u32) -> Self {
        Self {
            port,
            sequence: seed,
            waiting: VecDeque::new(),
            current: None,
            message: Vec::new(),
            now: Now::default(),
            is_overrun: false,
            shortage: Shortage::default(),
            tells_authors: false,
        }
    }

    /// From here on tells who deletes and replaces, where the kernel says it: see [`Touched`].
    pub const fn tell_authors(&mut self) {
        self.tells_authors = true;
    }

    /// Queues a dump behind those that wait already.
    ///
    /// # Errors
    ///
    /// `Unsupported` where this backend has no such dump.
    pub fn submit(&mut self, now: Now, ticket: Ticket, dump: Dump<'_>) -> Result<(), Error> {
        self.now = now;
        let Some(listing) = Listing::of(dump) else {
            return Err(Error::new(ErrorKind::Unsupported, Operation::List.name()).because("rtnetlink has no such list"));
        };
        self.waiting.push_back((ticket, listing));
        Ok(())
    }

    /// The request to be sent next, if one can be: there is one dump at a time on a socket.
    pub fn outgoing(&mut self) -> Option<&[u8]> {
        if self.current.is_some() {
            return None;
        }
        let (_, listing) = self.waiting.front()?;
        self.message.clear();
        // A request of a few numbers is never too long.
        listing.encode(&mut self.message, self.sequence.wrapping_add(1)).ok()?;
        Some(&self.message)
    }

    /// What [`outgoing`](Self::outgoing) gave has been sent.
    pub fn sent(&mut self) {
        if let Some((ticket, listing)) = self.waiting.pop_front() {
            self.sequence = self.sequence.wrapping_add(1);
            self.current = Some(Current { ticket, listing, is_announced: false, is_interrupted: false, heard: self.now });
        }
        self.shortage.end();
    }

    /// What [`outgoing`](Self::outgoing) gave could not be sent: the kernel is short of memory. It is given again, and given up where that
    /// does not pass; [`deadline`](Self::deadline) says when to try.
    pub const fn not_sent(&mut self) {
        self.shortage.meet();
    }

    /// Tells that a dump has begun, if that has not been told.
    pub fn announce(&mut self, out: &mut Notices) {
        if let Some(current) = self.current.as_mut().filter(|current| !current.is_announced) {
            current.is_announced = true;
            out.push(Notice::DumpStarted(current.ticket));
        }
    }

    /// Says whether a dump is being received.
    #[must_use]
    pub const fn is_listing(&self) -> bool {
        self.current.is_some()
    }

    /// Says whether a dump could be sent for.
    #[must_use]
    pub fn wants_to_send(&self) -> bool {
        self.current.is_none() && !self.waiting.is_empty()
    }

    /// Takes what the socket gave.
    pub fn receive(&mut self, now: Now, datagram: Datagram<'_>, out: &mut Notices) {
        self.now = now;
        // Anybody may send to a netlink socket; the kernel alone sends from port 0.
        if datagram.port != 0 {
            out.push(Notice::Foreign);
            return;
        }
        if datagram.truncated {
            self.overrun(out);
            return;
        }
        self.is_overrun = false;
        for message in Messages::new(datagram.bytes) {
            match message {
                // The port is ours in answers to this socket, and of somebody else in news of what he did.
                Ok(message) if message.port == self.port => self.answer(&message, out),
                Ok(message) => self.event(&message, out),
                Err(error) => self.undecodable(error, false, out),
            }
        }
    }

    /// Something was lost, as the socket says (`ENOBUFS`) or as is plain to see.
    pub fn overrun(&mut self, out: &mut Notices) {
        self.interrupt();
        if !std::mem::replace(&mut self.is_overrun, true) {
            out.push(Notice::Overrun);
        }
    }

    /// The socket is another now, of this port: the dump that was being received has failed, and what waits is asked of the new one.
    pub fn reopened(&mut self, port: u32, out: &mut Notices) {
        self.port = port;
        self.is_overrun = false;
        self.interrupt();
        let error = Error::new(ErrorKind::Unknown, Operation::List.name()).because("the socket was opened anew");
        self.end(Some(error), out);
    }

    /// Gives up the dump that the kernel has said nothing of for too long, and those that could not be sent for.
    pub fn expire(&mut self, now: Now, out: &mut Notices) {
        self.now = now;
        if self.end_of_silence().is_some_and(|end| now.running >= end.running) {
            let error = Error::new(ErrorKind::Unknown, Operation::List.name()).because("the kernel does not go on");
            self.end(Some(error), out);
        }
        if self.shortage.is_too_long(now) {
            self.shortage.end();
            for (ticket, listing) in self.waiting.drain(..) {
                let error = shortage::error(Operation::List.name()).on(listing.name());
                out.extend([Notice::DumpStarted(ticket), Notice::DumpDone(ticket, DumpEnd::new(false, Some(error)))]);
            }
        }
    }

    /// When [`expire`](Self::expire) wants to be called, and what waits to be sent to be sent again.
    #[must_use]
    pub fn deadline(&self) -> Option<Now> {
        shortage::earlier(self.end_of_silence(), self.shortage.deadline(self.now))
    }

    /// Until when the kernel may say nothing of the dump that is being received.
    fn end_of_silence(&self) -> Option<Now> {
        self.current.as_ref().map(|current| current.heard + SILENCE)
    }

    /// The dump that is being received is not whole.
    const fn interrupt(&mut self) {
        if let Some(current) = &mut self.current {
            current.is_interrupted = true;
        }
    }

    fn event(&self, message: &Message<'_>, out: &mut Notices) {
        let before = out.len();
        if let Err(error) = message::event(message, out) {
            self.undecodable(error, false, out);
        }
        if self.tells_authors && out.len() > before {
            // What the kernel does by itself has no author; the numbers that it gives to further sockets of a process are negative (`netlink_autobind`).
            if let Some(pid) = i32::try_from(message.port).ok().filter(|port| *port > 0) {
                name_author(pid.unsigned_abs(), out);
            }
        }
    }

    #[inline]
    fn answer(&mut self, message: &Message<'_>, out: &mut Notices) {
        let Some(current) = self.current.as_mut().filter(|_| message.sequence == self.sequence) else {
            // What is left of a dump that was given up.
            return;
        };
        current.heard = self.now;
        current.is_interrupted |= message.flags & NLM_F_DUMP_INTR != 0;
        if current.listing.takes(message) {
            if let Err(error) = message::entry(message, current.listing.filter(), out) {
                self.undecodable(error, true, out);
            }
        } else {
            self.control(message, out);
        }
    }

    /// Takes what belongs to the dump but is no entry of it.
    #[cold]
    fn control(&mut self, message: &Message<'_>, out: &mut Notices) {
        match message.kind {
            NLMSG_DONE => self.verdict(Verdict::of_done(message.flags, message.payload), out),
            NLMSG_ERROR => match Verdict::of_error(message.flags, message.payload) {
                // The kernel had no room for the first part, and says so; but it goes on when there is room again, and
                // takes no other dump before (Linux 6.18, `__netlink_dump_start` and `netlink_recvmsg`).
                Some(Verdict { number: errno::ENOBUFS, .. }) => self.interrupt(),
                // An acknowledgement that was not asked for, or nothing that can be read.
                Some(Verdict { number: 0, .. }) | None => {}
                Some(verdict) => self.verdict(verdict, out),
            },
            NLMSG_OVERRUN => self.overrun(out),
            // An entry of another kind or family than was asked for.
            _ => {}
        }
    }

    fn verdict(&mut self, verdict: Verdict<'_>, out: &mut Notices) {
        let names_a_table = self.current.as_ref().is_some_and(|current| current.listing.names_a_table());
        let error = match verdict.number {
            0 => None,
            errno::ENOENT if names_a_table => None,
            _ => Some(verdict.error(Operation::List)),
        };
        self.end(error, out);
    }

    fn end(&mut self, error: Option<Error>, out: &mut Notices) {
        self.announce(out);
        if let Some(Current { ticket, listing, is_interrupted, .. }) = self.current.take() {
            let error = error.map(|error| error.on(listing.name()));
            out.push(Notice::DumpDone(ticket, DumpEnd::new(is_interrupted, error)));
        }
    }

    #[cold]
    fn undecodable(&self, why: impl ToString, in_dump: bool, out: &mut Notices) {
        out.push(Notice::Undecodable { in_dump, why: why.to_string() });
    }
}

/// Puts before the last notice who did it, where something has gone or made way.
fn name_author(pid: u32, out: &mut Notices) {
    let of = match out.last() {
        Some(Notice::Route(RouteVerb::Removed | RouteVerb::Replaced, route)) => Touched::Route(route.slot),
        Some(Notice::Rule(Verb::Removed, rule)) => Touched::Rule(rule.family, rule.priority),
        _ => return,
    };
    out.insert(out.len() - 1, Notice::Author { of, pid });
}
