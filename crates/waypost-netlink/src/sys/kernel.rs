//! The kernel, spoken to by two sockets.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use waypost_core::{
    Capabilities, CompareAndDelete, Drained, Dump, Error, ErrorKind, Flushed, Kernel, LossSignal, Notices, Now, OwnershipTag,
    Request, TableId, Ticket,
};

use super::Options;
use super::namespace::{back_in, here, within};
use super::receiver::{Receiver, SLOTS};
use super::socket::{Rtnetlink, Sent};
use super::traces::Traces;
use crate::session::{EventLane, RequestLane};
use crate::wire::constants::{
    RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_NETCONF,
    RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV6_RULE, RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_NEXTHOP,
};

/// Without these there is no picture of the routing tables.
const NEEDED: [u32; 2] = [RTNLGRP_IPV4_ROUTE, RTNLGRP_LINK];

/// What an older kernel, or one built without IPv6, lacks is done without.
const WANTED: [u32; 8] = [
    RTNLGRP_IPV6_ROUTE,
    RTNLGRP_IPV4_RULE,
    RTNLGRP_IPV6_RULE,
    RTNLGRP_IPV4_IFADDR,
    RTNLGRP_IPV6_IFADDR,
    RTNLGRP_IPV4_NETCONF,
    RTNLGRP_IPV6_NETCONF,
    RTNLGRP_NEXTHOP,
];

/// The receive buffer for events, in bytes, unless the options say otherwise: half a million changes. It is a limit;
/// the kernel takes the memory when there is something to keep.
const EVENT_BUFFER: usize = 64 << 20;
/// The receive buffer for answers, of which there are never more than fit.
const ANSWER_BUFFER: usize = 2 << 20;

/// How many sends one [`Kernel::flush`] makes before whoever drives it gets to look at the events.
const SENDS_A_FLUSH: usize = 32;

/// How often one [`Kernel::drain`] or turn of a flush takes answers before whoever drives it gets to do something else: a program that sends to our socket
/// without end must not hold us.
const RECEIVES_OF_ANSWERS: usize = 8;

/// A shorter datagram is no part of a large dump.
const LARGE: usize = 8 * 1024;

/// The routing tables of this machine, or of one of its network namespaces, by rtnetlink(7).
///
/// Reading needs no privilege, changing needs `CAP_NET_ADMIN` in the namespace. Poll [`event_fd`](Self::event_fd) and
/// [`request_fd`](Self::request_fd) for reading to know when to [`drain`](Kernel::drain).
///
/// ```no_run
/// use waypost_core::{Dump, Family, Kernel, Notice, Now, Request, RouteFilter, Ticket};
/// use waypost_netlink::{Netlink, Options};
///
/// let mut kernel = Netlink::open(&Options::new().events(false))?;
/// kernel.submit(Now::default(), Ticket(1), Request::Dump(Dump::Routes(Family::V4, &RouteFilter::default())))?;
/// kernel.flush()?;
/// let mut notices = Vec::new();
/// while !matches!(notices.last(), Some(Notice::DumpDone(..))) {
///     kernel.drain(Now::default(), 1000, &mut notices)?;
/// }
/// # Ok::<(), waypost_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Netlink {
    capabilities: Capabilities,
    events: Rtnetlink,
    event_lane: EventLane,
    event_receiver: Receiver,
    traces: Traces,
    is_bulky: bool,
    requests: Rtnetlink,
    request_lane: RequestLane,
    request_receiver: Receiver,
    /// Outcomes that came while requests were being sent.
    outcomes: Notices,
    missing_groups: Vec<u32>,
    hears: Hears,
    /// The namespace that the sockets are in: it is held as they hold it, whatever becomes of its name.
    place: Option<OwnedFd>,
}

/// What the socket of events is to hear.
#[derive(Clone, Copy, Debug)]
struct Hears {
    receive_buffer: usize,
    events: bool,
    neighbours: bool,
}

impl Hears {
    /// Opens both sockets, in the calling thread's namespace, and says which groups the kernel does not have.
    fn open(self) -> Result<(Rtnetlink, Rtnetlink, Vec<u32>), Error> {
        let events = Rtnetlink::open(self.receive_buffer)?;
        let missing = if self.events { subscribe(&events, self.neighbours)? } else { Vec::new() };
        Ok((events, Rtnetlink::open(ANSWER_BUFFER)?, missing))
    }
}

impl Netlink {
    /// Opens the sockets, and subscribes to what the options say.
    ///
    /// # Errors
    ///
    /// `NoSuchDevice` where there is no such namespace, `NotPermitted` where this process may not enter it, `Invalid` where
    /// its name is none, `Unsupported` where the kernel has no routing tables, `Busy` or `Other` where it refuses a socket.
    pub fn open(options: &Options) -> Result<Self, Error> {
        Self::open_as(options, options.events)
    }

    /// Opens the sockets for requests alone, whatever the options say of events.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_for_requests(options: &Options) -> Result<Self, Error> {
        Self::open_as(options, false)
    }

    fn open_as(options: &Options, hears_events: bool) -> Result<Self, Error> {
        let receive_buffer = options.receive_buffer.unwrap_or(EVENT_BUFFER);
        let hears = Hears { receive_buffer, events: hears_events, neighbours: options.neighbours };
        let ((events, requests, missing_groups), place) = within(&options.namespace, || {
            // Who only asks opens anew as he likes.
            Ok((hears.open()?, if hears_events { here() } else { None }))
        })?;
        // A number that differs from run to run: an answer to somebody else does not fit.
        #[expect(clippy::cast_possible_truncation, reason = "half of the bits are as random as all")]
        let seed = RandomState::new().build_hasher().finish() as u32;
        Ok(Self {
            capabilities: capabilities(events.is_strict, !missing_groups.contains(&RTNLGRP_NEXTHOP)),
            event_lane: EventLane::new(events.port, seed),
            event_receiver: Receiver::new(),
            traces: Traces::default(),
            is_bulky: false,
            request_lane: RequestLane::new(requests.port, requests.receive_buffer, !seed),
            request_receiver: Receiver::new(),
            events,
            requests,
            outcomes: Notices::new(),
            missing_groups,
            hears,
            place,
        })
    }

    /// The socket of events and dumps, to be polled for reading.
    #[must_use]
    pub fn event_fd(&self) -> BorrowedFd<'_> {
        self.events.as_fd()
    }

    /// The socket of requests, to be polled for reading.
    #[must_use]
    pub fn request_fd(&self) -> BorrowedFd<'_> {
        self.requests.as_fd()
    }

    /// The size of the receive buffer for events that was had, in bytes as the kernel counts them.
    #[must_use]
    pub const fn receive_buffer(&self) -> usize {
        self.events.receive_buffer
    }

    /// The multicast groups (`RTNLGRP_…`) that this kernel does not have: of what they tell, no news will come.
    #[must_use]
    pub fn missing_groups(&self) -> &[u32] {
        &self.missing_groups
    }

    /// By what name the bytes of this kernel are known: see `waypost decode`.
    #[must_use]
    pub const fn dialect() -> &'static str {
        "rtnetlink"
    }

    /// Appends the messages of the kernel's that have come to the socket of events, as they are; says whether there may be
    /// more. Who takes them so is told of none of them by [`drain`](Kernel::drain).
    ///
    /// # Errors
    ///
    /// `Busy` where messages were lost; those that come are taken all the same. `Closed` where the socket is of no more use.
    pub fn overhear(&mut self, out: &mut Vec<u8>) -> Result<Drained, Error> {
        match self.event_receiver.receive(&self.events, SLOTS) {
            Ok(count) => {
                let of_the_kernel = self.event_receiver.datagrams(count).filter(|datagram| datagram.port == 0);
                of_the_kernel.for_each(|datagram| out.extend(datagram.bytes));
                Ok(Drained::More)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Drained::All),
            Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                Err(Error::new(ErrorKind::Busy, "overhear").because("messages were lost"))
            }
            Err(error) => Err(self.events.broken("receive an event", &error)),
        }
    }

    /// Says whether [`flush`](Kernel::flush) would send something.
    #[must_use]
    pub fn wants_write(&self) -> bool {
        self.event_lane.wants_to_send() || self.request_lane.wants_to_send()
    }

    /// Asks for the next dump, if one waits; says whether one was asked for.
    fn send_dump(&mut self) -> Result<bool, Error> {
        if self.traces.is_reading() {
            return Ok(false);
        }
        let Some(message) = self.event_lane.outgoing() else { return Ok(false) };
        // Something else that has the descriptor's number by now could be such a socket too, and what it is told is not ours to hear.
        self.events.check("send to the kernel")?;
        let sent = self.events.send(message)? == Sent::All;
        if sent {
            self.event_lane.sent();
            self.is_bulky = true;
        } else {
            self.event_lane.not_sent();
        }
        Ok(sent)
    }

    /// Takes the answers that are there, and whatever else would make the socket readable for ever.
    fn drain_answers(&mut self) -> Result<Drained, Error> {
        for _ in 0..RECEIVES_OF_ANSWERS {
            match self.request_receiver.receive(&self.requests, SLOTS) {
                Ok(count) => {
                    for datagram in self.request_receiver.datagrams(count) {
                        self.request_lane.receive(datagram, &mut self.outcomes);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.request_lane.drained(&mut self.outcomes);
                    return Ok(Drained::All);
                }
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => self.request_lane.overrun(),
                Err(error) => return Err(self.requests.broken("receive an answer", &error)),
            }
        }
        Ok(Drained::More)
    }

    fn drain_events(&mut self, now: Now, budget: usize, out: &mut Notices) -> Result<Drained, Error> {
        let enough = out.len().saturating_add(budget);
        self.event_lane.announce(out);
        // Not all that comes makes a notice: most of a dump that is filtered here does not.
        let mut datagrams = 0;
        while out.len() < enough && datagrams < budget {
            // The kernel fills the next part of a dump as one is taken. One at a time stays in the processor's cache.
            let most = if self.is_bulky { 1 } else { SLOTS };
            match self.event_receiver.receive(&self.events, most) {
                Ok(count) => {
                    datagrams += count;
                    for datagram in self.event_receiver.datagrams(count) {
                        self.is_bulky = datagram.bytes.len() >= LARGE;
                        self.event_lane.receive(now, datagram, out);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !self.send_dump()? {
                        return Ok(Drained::All);
                    }
                    self.event_lane.announce(out);
                }
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => self.event_lane.overrun(out),
                Err(error) => return Err(self.events.broken("receive an event", &error)),
            }
        }
        Ok(Drained::More)
    }
}

impl Kernel for Netlink {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn submit(&mut self, now: Now, ticket: Ticket, request: Request<'_>) -> Result<(), Error> {
        match request {
            Request::Dump(Dump::Traces(slots)) => {
                self.traces.submit(ticket, slots);
                Ok(())
            }
            Request::Dump(dump) => self.event_lane.submit(now, ticket, dump),
            request => self.request_lane.submit(now, ticket, request),
        }
    }

    fn flush(&mut self) -> Result<Flushed, Error> {
        self.send_dump()?;
        for _ in 0..SENDS_A_FLUSH {
            if let Some(messages) = self.request_lane.outgoing() {
                match self.requests.send(messages)? {
                    Sent::All => self.request_lane.sent(),
                    Sent::Nothing => {
                        self.request_lane.not_sent();
                        return Ok(Flushed::WantsToWrite);
                    }
                }
            } else if self.request_lane.wants_to_send() {
                // What has been answered makes room for more.
                self.drain_answers()?;
            } else {
                return Ok(Flushed::All);
            }
        }
        Ok(if self.request_lane.wants_to_send() { Flushed::WantsToWrite } else { Flushed::All })
    }

    fn drain(&mut self, now: Now, budget: usize, out: &mut Notices) -> Result<Drained, Error> {
        let answers = self.drain_answers()?;
        self.request_lane.expire(now, &mut self.outcomes);
        out.append(&mut self.outcomes);
        let events = self.drain_events(now, budget, out)?;
        let mut goes_on = answers == Drained::More || events == Drained::More;
        if events == Drained::All && !self.event_lane.is_listing() {
            goes_on |= self.traces.is_busy();
            self.traces.go_on(self.place.as_ref(), out);
        }
        self.event_lane.expire(now, out);
        Ok(if goes_on { Drained::More } else { Drained::All })
    }

    fn deadline(&self) -> Option<Now> {
        let deadlines = [self.event_lane.deadline(), self.request_lane.deadline()];
        deadlines.into_iter().flatten().min_by_key(|deadline| deadline.running)
    }

    fn reopen(&mut self) -> Result<(), Error> {
        let unsupported = || Error::new(ErrorKind::Unsupported, "open again").because("where it was opened cannot be told");
        let place = self.place.as_ref().ok_or_else(unsupported)?;
        let hears = self.hears;
        let (events, requests, missing_groups) = back_in(place, || hears.open())?;
        self.event_lane.reopened(events.port, &mut self.outcomes);
        self.request_lane.reopened(requests.port, &mut self.outcomes);
        self.traces.give_up(&mut self.outcomes);
        (self.events, self.requests, self.missing_groups) = (events, requests, missing_groups);
        Ok(())
    }

    fn tell_authors(&mut self) {
        self.event_lane.tell_authors();
    }
}

/// Joins the groups; says which of them the kernel does not have.
fn subscribe(socket: &Rtnetlink, neighbours: bool) -> Result<Vec<u32>, Error> {
    if !NEEDED.into_iter().all(|group| socket.join(group)) {
        return Err(
            Error::new(ErrorKind::Unsupported, "subscribe to routes and links").because("the kernel does not tell of them")
        );
    }
    let wanted = WANTED.into_iter().chain(neighbours.then_some(RTNLGRP_NEIGH));
    Ok(wanted.filter(|group| !socket.join(*group)).collect())
}

fn capabilities(dump_filters: bool, next_hop_objects: bool) -> Capabilities {
    let mut linux = Capabilities::least("Linux");
    linux.main_table = TableId::MAIN;
    linux.max_table = TableId(u32::MAX);
    linux.metric = true;
    linux.tos = true;
    linux.source_prefix = true;
    linux.multipath = true;
    linux.ipv4_via_ipv6 = true;
    linux.encapsulation = true;
    linux.next_hop_objects = next_hop_objects;
    linux.rules = true;
    linux.throw_and_prohibit = true;
    linux.atomic_replace = true;
    linux.append = true;
    linux.dump_filters = dump_filters;
    linux.compare_and_delete = CompareAndDelete::Native;
    linux.loss_signal = LossSignal::Error;
    linux.ownership_tag = OwnershipTag::Protocol;
    linux.silent_removals = true;
    linux.connections = true;
    linux
}

const _: fn() = || {
    // A watcher may be moved to another thread.
    fn is_send<T: Send>() {}
    is_send::<Netlink>();
};
