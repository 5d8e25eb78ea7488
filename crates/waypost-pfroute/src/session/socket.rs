//! The kernel, spoken to over a transport.

use waypost_core::{
    Capabilities, Drained, Error, ErrorKind, Flushed, IfIndex, Kernel, Notice, Notices, Now, Request, Route, RouteVerb, TableId,
    Ticket,
};

use super::events::{EventLane, EventStats};
use super::interest::Interest;
use super::mib2::{Gateways, lacks_interface, lead_by};
use super::refusal;
use super::requests::RequestLane;
use super::transport::{Lane, Transport};
use crate::wire::{ByteOrder, Dialect, DumpSource, Messages};

/// No message is longer: its length has two bytes.
const MESSAGE_MAX: usize = 1 << 16;

/// The most messages that are taken from a socket in one turn, whatever else comes: who reads the other sockets of the
/// program must not have to wait until nobody changes a route or looks one up any more.
const MESSAGES_A_TURN: usize = 4096;

/// How a conversation is held.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionOptions {
    /// What the kernel can do.
    pub capabilities: Capabilities,
    /// The table that the sockets are of.
    pub table: TableId,
    /// Lookups that find nothing are told of, some of them every second.
    pub misses: bool,
    /// Changes of neighbours are told.
    pub neighbours: bool,
    /// What of all that is told.
    pub interest: Interest,
    /// The sequence number before the first: best a different one in every run.
    pub seed: u32,
}

impl SessionOptions {
    /// The main table of a kernel that can do this, without misses and neighbours.
    #[must_use]
    pub fn new(capabilities: Capabilities) -> Self {
        let table = capabilities.main_table;
        Self { capabilities, table, misses: false, neighbours: false, interest: Interest::default(), seed: 0 }
    }
}

/// The routing tables of a kernel that has routing sockets: of this machine, of the simulator, or of a library.
#[derive(Debug)]
pub struct RoutingSocket<T> {
    dialect: &'static Dialect,
    order: ByteOrder,
    capabilities: Capabilities,
    transport: T,
    events: EventLane,
    requests: RequestLane,
    /// Outcomes that came while requests were being written.
    outcomes: Notices,
    buffer: Vec<u8>,
    now: Now,
    gateways: Gateways,
}

impl<T: Transport> RoutingSocket<T> {
    /// A conversation in `dialect` over `transport`, whose machine has this byte order.
    #[must_use]
    pub fn new(dialect: &'static Dialect, order: ByteOrder, transport: T, options: SessionOptions) -> Self {
        let events = EventLane::new(dialect, order, &options);
        let requests = RequestLane::new(dialect, order, options.table, transport.pid(), options.seed);
        Self {
            dialect,
            order,
            capabilities: options.capabilities,
            transport,
            events,
            requests,
            outcomes: Notices::new(),
            buffer: vec![0; MESSAGE_MAX],
            now: Now::default(),
            gateways: Gateways::default(),
        }
    }

    /// What was heard and not told.
    #[must_use]
    pub const fn stats(&self) -> EventStats {
        self.events.stats()
    }

    /// What carries the bytes.
    #[must_use]
    pub const fn transport(&self) -> &T {
        &self.transport
    }

    /// Appends the messages that have come to the socket of events, as they are; says whether there may be more. Who takes
    /// them so is told of none of them by [`drain`](Kernel::drain). Of what is longer than it says, which no kernel makes
    /// and some tell on, there are as many bytes as it says; what is shorter is left out. So the next message is found.
    ///
    /// # Errors
    ///
    /// `Busy` where messages were lost; those that come are taken all the same. `Closed` or `Other` where the socket is of no
    /// more use.
    pub fn overhear(&mut self, out: &mut Vec<u8>) -> Result<Drained, Error> {
        match self.transport.read(Lane::Events, &mut self.buffer) {
            Ok(Some(length)) => {
                let read = self.buffer.get(..length).unwrap_or_default();
                out.extend(Messages::first(self.order, read).unwrap_or_default());
                Ok(Drained::More)
            }
            Ok(None) => Ok(Drained::All),
            Err(number) if refusal::is_overrun(self.dialect, number) => {
                Err(Error::new(ErrorKind::Busy, "overhear").because("messages were lost"))
            }
            Err(number) => Err(self.broken(number)),
        }
    }

    /// Writes what waits, as far as that needs no answer that has not come.
    fn write(&mut self) -> Result<(), Error> {
        loop {
            self.hear_answers()?;
            let Some(message) = self.requests.outgoing(self.transport.since_epoch(), &mut self.outcomes) else { return Ok(()) };
            let result = self.transport.write(message);
            self.requests.written(self.now, result, &mut self.outcomes);
        }
    }

    /// Takes what has come to the socket of requests: answers, and whatever else would fill it.
    fn hear_answers(&mut self) -> Result<(), Error> {
        for _ in 0..MESSAGES_A_TURN {
            match self.transport.read(Lane::Requests, &mut self.buffer) {
                Ok(Some(length)) => {
                    let message = self.buffer.get(..length).unwrap_or_default();
                    self.requests.receive(self.transport.since_epoch(), message, &mut self.outcomes);
                }
                Ok(None) => return Ok(()),
                Err(number) if refusal::is_overrun(self.dialect, number) => self.requests.overrun(&mut self.outcomes),
                Err(number) => return Err(self.broken(number)),
            }
        }
        Ok(())
    }

    /// Takes one message from the socket of events; says whether there was one.
    fn hear_event(&mut self, now: Now, out: &mut Notices) -> Result<bool, Error> {
        match self.transport.read(Lane::Events, &mut self.buffer) {
            Ok(Some(length)) => {
                let message = self.buffer.get(..length).unwrap_or_default();
                let before = out.len();
                self.events.receive(now, self.transport.since_epoch(), message, out);
                self.complete_told(out, before)?;
                Ok(true)
            }
            Ok(None) => Ok(false),
            Err(number) if refusal::is_overrun(self.dialect, number) => {
                self.events.overrun(out);
                Ok(true)
            }
            Err(number) => Err(self.broken(number)),
        }
    }

    /// Hears what the kernel has to say and then lists what was asked for. The end of a list is told when what was said
    /// until then has been: so whoever sees the end has seen all that came before it, and whatever happened while the
    /// list was made stands between its beginning and its end.
    fn drain_events(&mut self, now: Now, budget: usize, out: &mut Notices) -> Result<Drained, Error> {
        let enough = out.len().saturating_add(budget);
        let mut heard = 0;
        // Of what is heard, not all is told.
        while out.len() < enough && heard < MESSAGES_A_TURN {
            if self.events.go_on(out, enough) {
                continue;
            }
            if self.hear_event(now, out)? {
                heard += 1;
                continue;
            }
            self.events.end(out);
            if !self.events.begin(&mut self.transport, out) {
                return Ok(Drained::All);
            }
            self.gateways = Gateways::default();
            while let Some(mut route) = self.events.incomplete() {
                let interface = self.interface_of(&route)?;
                lead_by(&mut route, interface);
                self.events.complete(route);
            }
        }
        Ok(Drained::More)
    }

    /// Finds out by which interfaces the routes lead that were told from `before` on, where the kernel does not always say.
    fn complete_told(&mut self, out: &mut Notices, before: usize) -> Result<(), Error> {
        if self.dialect.dump != DumpSource::Mib2 {
            return Ok(());
        }
        for notice in out.get_mut(before..).unwrap_or_default() {
            self.gateways.hear(notice);
            match notice {
                Notice::Route(verb, route) if lacks_interface(route) => {
                    let interface = match verb {
                        // It cannot be asked for any more.
                        RouteVerb::Removed => self.gateways.known(route).flatten(),
                        _ => self.interface_of(route)?,
                    };
                    lead_by(route, interface);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// By which interface the route leads: the kernel is asked once for each gateway. It answers while it is written to, so an
    /// answer that is not there then does not come.
    fn interface_of(&mut self, route: &Route) -> Result<Option<IfIndex>, Error> {
        if let Some(known) = self.gateways.known(route) {
            return Ok(known);
        }
        // What others want comes first: its answer must not be taken for this one's.
        self.hear_answers()?;
        let Some((seq, message)) = self.requests.question(&route.slot) else { return Ok(None) };
        let mut found = None;
        if self.transport.write(message).is_ok() {
            for _ in 0..MESSAGES_A_TURN {
                match self.transport.read(Lane::Requests, &mut self.buffer) {
                    Ok(Some(length)) => {
                        let message = self.buffer.get(..length).unwrap_or_default();
                        found = found.or_else(|| self.requests.answers(seq, message));
                        self.requests.receive(self.transport.since_epoch(), message, &mut self.outcomes);
                    }
                    Ok(None) => break,
                    Err(number) if refusal::is_overrun(self.dialect, number) => self.requests.overrun(&mut self.outcomes),
                    Err(number) => return Err(self.broken(number)),
                }
            }
        }
        let interface = found.and_then(|route| route.entry.next_hops.first().and_then(|hop| hop.interface));
        self.gateways.learn(route, interface);
        Ok(interface)
    }

    fn broken(&self, number: i32) -> Error {
        let error = refusal::error(self.dialect, "hear the kernel", number);
        match error.kind() {
            ErrorKind::Closed | ErrorKind::Other => error,
            _ => Error::new(ErrorKind::Other, "hear the kernel").because(error.reason()).with_os_error(number),
        }
    }
}

impl<T: Transport> Kernel for RoutingSocket<T> {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn submit(&mut self, now: Now, ticket: Ticket, request: Request<'_>) -> Result<(), Error> {
        self.now = now;
        match request {
            Request::Dump(dump) => self.events.submit(ticket, dump),
            request => self.requests.submit(ticket, request),
        }
    }

    fn flush(&mut self) -> Result<Flushed, Error> {
        self.write()?;
        // What waits for an answer goes on when that is heard.
        Ok(Flushed::All)
    }

    fn drain(&mut self, now: Now, budget: usize, out: &mut Notices) -> Result<Drained, Error> {
        self.now = now;
        self.write()?;
        self.requests.expire(now, &mut self.outcomes);
        self.write()?;
        out.append(&mut self.outcomes);
        self.drain_events(now, budget, out)
    }

    fn deadline(&self) -> Option<Now> {
        self.requests.deadline()
    }

    fn tell_authors(&mut self) {
        self.events.tell_authors();
    }
}
