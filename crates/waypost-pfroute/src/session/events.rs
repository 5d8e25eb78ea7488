//! The socket that hears of changes, and the lists.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use waypost_core::{
    Dump, DumpEnd, Error, ErrorKind, IfIndex, Link, Notice, Notices, Now, Route, RouteVerb, TableId, Ticket, Touched, Verb,
};

use super::Transport;
use super::interest::Interest;
use super::lists::Listing;
use super::mib2;
use super::socket::SessionOptions;
use crate::lift::{Lift, tells_of_neighbour};
use crate::wire::{
    ByteOrder, Dialect, DumpSource, Expected, Field, Kind, Malformed, Message, Messages, RouteFlags, RouteMessage, RouteOp,
    Source,
};

/// How many lookups that found nothing are told of in one second; the others are counted.
const MISSES_A_SECOND: u32 = 16;

/// What was heard and not told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct EventStats {
    /// Requests of others that failed: they change nothing.
    pub attempts: u64,
    /// Lookups that found nothing.
    pub misses: u64,
    /// Those of them that were not told of, because nobody asked or there were too many.
    pub misses_dropped: u64,
}

/// What is heard of changes, and one list at a time.
#[derive(Debug)]
pub(super) struct EventLane {
    dialect: &'static Dialect,
    order: ByteOrder,
    table: TableId,
    tells_misses: bool,
    tells_neighbours: bool,
    interest: Interest,
    waiting: VecDeque<(Ticket, Listing)>,
    current: Option<Current>,
    /// What the sysctl gave last; kept, because the next list is as long.
    buffer: Vec<u8>,
    second: Duration,
    misses: u32,
    stats: EventStats,
    /// The links as they were told of last: no message but those of dumps says everything of one.
    links: BTreeMap<IfIndex, Link>,
    /// An overrun has been told of, and nothing has come since.
    is_overrun: bool,
    tells_authors: bool,
}

#[derive(Debug)]
struct Current {
    ticket: Ticket,
    listing: Listing,
    since_epoch: Duration,
    /// How far in the buffer it has come.
    at: usize,
    /// What was read of tables that are no messages.
    read: mib2::Read,
    is_interrupted: bool,
    error: Option<Error>,
}

impl EventLane {
    pub(super) fn new(dialect: &'static Dialect, order: ByteOrder, options: &SessionOptions) -> Self {
        Self {
            dialect,
            order,
            table: options.table,
            tells_misses: options.misses,
            tells_neighbours: options.neighbours,
            interest: options.interest.clone(),
            waiting: VecDeque::new(),
            current: None,
            buffer: Vec::new(),
            second: Duration::ZERO,
            misses: 0,
            stats: EventStats { attempts: 0, misses: 0, misses_dropped: 0 },
            links: BTreeMap::new(),
            is_overrun: false,
            tells_authors: false,
        }
    }

    pub(super) const fn tell_authors(&mut self) {
        self.tells_authors = true;
    }

    pub(super) const fn stats(&self) -> EventStats {
        self.stats
    }

    pub(super) fn submit(&mut self, ticket: Ticket, dump: Dump<'_>) -> Result<(), Error> {
        let Some(listing) = Listing::of(dump) else {
            return Err(Error::new(ErrorKind::Unsupported, "list").because("routing sockets have no such list"));
        };
        self.waiting.push_back((ticket, listing));
        Ok(())
    }

    /// Reads the next list that waits; says whether there was one.
    pub(super) fn begin<T: Transport>(&mut self, transport: &mut T, out: &mut Notices) -> bool {
        if self.current.is_some() {
            return false;
        }
        let Some((ticket, listing)) = self.waiting.pop_front() else { return false };
        out.push(Notice::DumpStarted(ticket));
        let since_epoch = transport.since_epoch();
        let (dialect, order) = (self.dialect, self.order);
        let read = if dialect.dump == DumpSource::Mib2 {
            let lift = Lift { table: self.table, since_epoch };
            let read = mib2::Read::tables(&listing, transport, dialect, order, lift, &mut self.buffer);
            // It has been read to the end.
            self.buffer.clear();
            read
        } else {
            listing.read(transport, dialect, order, self.table, &mut self.buffer).map(|()| mib2::Read::default())
        };
        let (read, error) = match read {
            Ok(read) => (read, None),
            Err(error) => {
                self.buffer.clear();
                (mib2::Read::default(), Some(error))
            }
        };
        self.current = Some(Current { ticket, listing, since_epoch, at: 0, read, is_interrupted: false, error });
        true
    }

    /// A route of the list whose interface the kernel is to be asked for.
    pub(super) fn incomplete(&mut self) -> Option<Route> {
        self.current.as_mut()?.read.incomplete()
    }

    /// Takes it back, with what was found out.
    pub(super) fn complete(&mut self, route: Route) {
        if let Some(Current { read, listing, .. }) = &mut self.current {
            read.complete(Notice::Route(RouteVerb::Listed, route), listing);
        }
    }

    /// Tells of entries of the list that was read, until there are `enough` notices; says whether there are more entries.
    pub(super) fn go_on(&mut self, out: &mut Notices, enough: usize) -> bool {
        let Some(current) = &mut self.current else { return false };
        while out.len() < enough {
            let Some(mut notice) = current.read.next() else { break };
            if let Notice::Link(verb, link) = &mut notice {
                complete(&mut self.links, *verb, link);
            }
            out.push(notice);
        }
        let lift = Lift { table: self.table, since_epoch: current.since_epoch };
        let rest = self.buffer.get(current.at..).unwrap_or_default();
        let mut messages = Messages::new(self.dialect, self.order, Source::Sysctl, rest);
        let mut has_more = true;
        while has_more && out.len() < enough {
            match messages.next() {
                Some(Ok(message)) => match lift.listed(&message) {
                    Ok(mut notice) => {
                        if let Some(Notice::Link(verb, link)) = &mut notice {
                            complete(&mut self.links, *verb, link);
                        }
                        out.extend(notice.filter(|notice| current.listing.takes(notice) && self.interest.takes_listed(notice)));
                    }
                    Err(why) => out.push(Notice::Undecodable { in_dump: true, why: why.to_string() }),
                },
                Some(Err(why)) => out.push(Notice::Undecodable { in_dump: true, why: why.to_string() }),
                None => has_more = false,
            }
        }
        current.at += messages.offset();
        has_more
    }

    /// Ends the list whose entries have all been told, once what was said meanwhile has been too: see [`RoutingSocket`].
    ///
    /// [`RoutingSocket`]: super::RoutingSocket
    pub(super) fn end(&mut self, out: &mut Notices) {
        if let Some(Current { ticket, is_interrupted, error, .. }) = self.current.take() {
            out.push(Notice::DumpDone(ticket, DumpEnd::new(is_interrupted, error)));
        }
    }

    /// Something was lost, as the socket says or a message does.
    pub(super) fn overrun(&mut self, out: &mut Notices) {
        if let Some(current) = &mut self.current {
            current.is_interrupted = true;
        }
        if !std::mem::replace(&mut self.is_overrun, true) {
            out.push(Notice::Overrun);
        }
    }

    /// Takes what the socket gave: one message. What is more or less was not said by the kernel, and anybody can write it.
    pub(super) fn receive(&mut self, now: Now, since_epoch: Duration, bytes: &[u8], out: &mut Notices) {
        if !Messages::is_one(self.order, bytes) {
            self.stats.attempts += 1;
            return;
        }
        let lift = Lift { table: self.table, since_epoch };
        for message in Messages::new(self.dialect, self.order, Source::Socket, bytes) {
            match message {
                // Nothing may be told between this and the next message: it is one overrun.
                Ok(Message::Desync(_)) => {
                    self.overrun(out);
                    continue;
                }
                Ok(message) => self.event(now, &lift, &message, out),
                Err(malformed) => self.malformed(&malformed, out),
            }
            self.is_overrun = false;
        }
    }

    fn event(&mut self, now: Now, lift: &Lift, message: &Message<'_>, out: &mut Notices) {
        if let Message::Route(route) = message {
            if Self::is_attempt(route) {
                self.stats.attempts += 1;
                return;
            }
            // Neighbours come and go with the traffic: where nobody wants them, nothing is made of them.
            if self.is_of_another_table(route) || (!self.tells_neighbours && tells_of_neighbour(route)) {
                return;
            }
        }
        match lift.event(message) {
            Ok(Some(notice)) if !self.interest.takes(&notice) && !matches!(notice, Notice::Miss(_)) => {}
            Ok(Some(Notice::Miss(miss))) => self.miss(now, Notice::Miss(miss), out),
            Ok(mut notice) => {
                if let Some(Notice::Link(verb, link)) = &mut notice {
                    complete(&mut self.links, *verb, link);
                }
                if self.tells_authors {
                    out.extend(author(message, notice.as_ref()));
                }
                out.extend(notice);
            }
            Err(why) => out.push(Notice::Undecodable { in_dump: false, why: why.to_string() }),
        }
    }

    /// A request that the kernel refused is told to all as it came: it changed nothing, whatever it says. A lookup that the
    /// kernel itself made and that found nothing can bear a number too: why no route could be cloned for it (OpenBSD
    /// sys/net/route.c, `rt_clone`; xnu bsd/net/route.c, `rtalloc1_common_locked`).
    fn is_attempt(message: &RouteMessage<'_>) -> bool {
        let is_of_the_kernel = message.pid() == 0 && message.op() == RouteOp::Miss;
        message.errno() != 0 && !is_of_the_kernel
    }

    fn is_of_another_table(&self, message: &RouteMessage<'_>) -> bool {
        message.table().is_some_and(|table| table != self.table.0)
    }

    /// A message that cannot be read was somebody's request, which the kernel refused and told to all as it came: not even the
    /// number of the error need stand in it (FreeBSD 13.0, for a wrong version or length). What the kernel did bears
    /// RTF_DONE; and what is no message about a route was made by nobody but the kernel.
    fn malformed(&mut self, malformed: &Malformed<'_>, out: &mut Notices) {
        let number = malformed.bytes.get(3).copied().unwrap_or(0);
        let is_of_the_kernel = match self.dialect.message_type(number).kind {
            Kind::Route(..) => {
                let layout = self.dialect.request;
                let read = |field: Field| field.read(self.order, malformed.bytes).unwrap_or(0);
                let flags = u32::try_from(read(layout.flags)).unwrap_or(0);
                read(layout.errno) == 0 && self.dialect.flags(flags).contains(RouteFlags::DONE)
            }
            Kind::Unknown => false,
            _ => true,
        };
        let is_of_another_version = matches!(malformed.error.expected, Expected::Version { .. });
        if is_of_the_kernel && !is_of_another_version {
            out.push(Notice::Undecodable { in_dump: false, why: malformed.to_string() });
        } else {
            self.stats.attempts += 1;
        }
    }

    fn miss(&mut self, now: Now, notice: Notice, out: &mut Notices) {
        self.stats.misses += 1;
        if now.running >= self.second + Duration::from_secs(1) {
            (self.second, self.misses) = (now.running, 0);
        }
        if self.tells_misses && self.interest.takes(&notice) && self.misses < MISSES_A_SECOND {
            self.misses += 1;
            out.push(notice);
        } else {
            self.stats.misses_dropped += 1;
        }
    }
}

/// Who has deleted or replaced a route, where the message says it; what the kernel does by itself has no author.
fn author(message: &Message<'_>, notice: Option<&Notice>) -> Option<Notice> {
    let (Message::Route(message), Some(Notice::Route(RouteVerb::Removed | RouteVerb::Replaced, route))) = (message, notice)
    else {
        return None;
    };
    let pid = message.pid();
    (pid != 0).then_some(Notice::Author { of: Touched::Route(route.slot), pid })
}

/// Fills in what a message about a link does not say, from what was said of it before: an event about its state has no name,
/// and one of its coming nothing but that.
fn complete(known: &mut BTreeMap<IfIndex, Link>, verb: Verb, link: &mut Link) {
    if verb == Verb::Removed {
        if let Some(gone) = known.remove(&link.index) {
            *link = gone;
        }
        return;
    }
    if let Some(old) = known.get(&link.index) {
        if link.name.is_empty() {
            link.name.clone_from(&old.name);
        } else if link.name == old.name && link.mtu == 0 {
            *link = old.clone();
        }
        if link.link_address.is_empty() {
            link.link_address.clone_from(&old.link_address);
        }
    }
    known.insert(link.index, link.clone());
}
