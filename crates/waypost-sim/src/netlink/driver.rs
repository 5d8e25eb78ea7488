//! The codec and the session of rtnetlink over the simulated sockets: what stands between the engine and a kernel, without a system call.

use waypost_core::{Capabilities, Drained, Error, ErrorKind, Flushed, Kernel, Notices, Now, Request, Ticket};
use waypost_netlink::session::{Datagram, EventLane, RequestLane};

use super::{ByteFault, NetlinkSockets, SocketName, Told};
use crate::{Fault, Sim};

/// How large the receive buffer for answers is.
const ANSWER_BUFFER: usize = 1 << 20;

/// Where sequence numbers begin: shortly before they wrap.
const SEED: u32 = u32::MAX - 20;

/// One program's view of a [`Sim`] through rtnetlink's bytes: encoded, served, written, decoded.
///
/// ```
/// use waypost_core::{Kernel, Notice, Now, Outcome, Request, Route, RouteChange, Ticket};
/// use waypost_sim::netlink::NetlinkKernel;
/// use waypost_sim::{Profile, Sim};
///
/// let sim = Sim::new(Profile::linux());
/// let link = sim.add_link("w0");
/// sim.set_up(link, true)?;
/// sim.add_address(link, "10.0.0.2".parse().unwrap(), 24)?;
///
/// let mut kernel = NetlinkKernel::new(&sim);
/// let route: Route = "10.1.0.0/16 via 10.0.0.1".parse()?;
/// kernel.submit(Now::default(), Ticket(1), Request::Route(RouteChange::Add, &route))?;
/// kernel.flush()?;
///
/// let mut notices = Vec::new();
/// kernel.drain(Now::default(), 16, &mut notices)?;
/// assert!(matches!(notices[0], Notice::Outcome(Ticket(1), Outcome::Done)));
/// assert!(matches!(notices[1], Notice::Route(..)), "and the event comes after it");
/// # Ok::<(), waypost_core::Error>(())
/// ```
#[derive(Debug)]
pub struct NetlinkKernel {
    sockets: NetlinkSockets,
    capabilities: Capabilities,
    events: EventLane,
    requests: RequestLane,
    outcomes: Notices,
    now: Now,
}

impl NetlinkKernel {
    /// A program of this machine: it hears everything from now on.
    #[must_use]
    pub fn new(sim: &Sim) -> Self {
        let sockets = NetlinkSockets::new(sim);
        Self {
            capabilities: sockets.capabilities().clone(),
            events: EventLane::new(sockets.port(SocketName::Events), SEED),
            requests: RequestLane::new(sockets.port(SocketName::Requests), ANSWER_BUFFER, SEED),
            outcomes: Notices::new(),
            now: Now::default(),
            sockets,
        }
    }

    /// What goes wrong before there are bytes.
    pub fn suffer(&mut self, fault: Fault) {
        self.sockets.suffer(fault);
    }

    /// What goes wrong with the next `count` datagrams of events and dumps.
    pub fn suffer_bytes(&mut self, fault: ByteFault, count: usize) {
        self.sockets.suffer_bytes(fault, count);
    }

    fn send_dump(&mut self) -> Result<bool, Error> {
        let Some(message) = self.events.outgoing() else { return Ok(false) };
        self.sockets.send(self.now, SocketName::Events, message)?;
        self.events.sent();
        Ok(true)
    }
}

fn datagram(told: &Told) -> Datagram<'_> {
    Datagram { bytes: &told.bytes, port: told.port, truncated: told.truncated }
}

impl Kernel for NetlinkKernel {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn submit(&mut self, now: Now, ticket: Ticket, request: Request<'_>) -> Result<(), Error> {
        self.now = now;
        match request {
            Request::Dump(dump) => self.events.submit(now, ticket, dump),
            request => self.requests.submit(now, ticket, request),
        }
    }

    fn flush(&mut self) -> Result<Flushed, Error> {
        self.send_dump()?;
        while let Some(messages) = self.requests.outgoing() {
            self.sockets.send(self.now, SocketName::Requests, messages)?;
            self.requests.sent();
        }
        Ok(if self.requests.wants_to_send() { Flushed::WantsToWrite } else { Flushed::All })
    }

    fn drain(&mut self, now: Now, _budget: usize, out: &mut Notices) -> Result<Drained, Error> {
        self.now = now;
        self.events.announce(out);
        let mut any = false;
        // One part of a dump a call, so that whatever happens between two calls stands between two parts.
        loop {
            match self.sockets.receive(now, SocketName::Events) {
                Ok(Some(told)) => self.events.receive(now, datagram(&told), out),
                Ok(None) => break,
                Err(error) if error.kind() == ErrorKind::Busy => self.events.overrun(out),
                Err(error) => return Err(error),
            }
            any = true;
            if self.sockets.waiting(SocketName::Events) == 0 {
                break;
            }
        }
        // An answer is there as soon as what was asked is done.
        while self.sockets.waiting(SocketName::Requests) > 0 {
            any = true;
            if let Some(told) = self.sockets.receive(now, SocketName::Requests)? {
                self.requests.receive(datagram(&told), &mut self.outcomes);
            }
        }
        self.requests.drained(&mut self.outcomes);
        self.requests.expire(now, &mut self.outcomes);
        out.splice(0..0, self.outcomes.drain(..));
        self.events.expire(now, out);
        any |= self.send_dump()?;
        Ok(if any { Drained::More } else { Drained::All })
    }

    fn deadline(&self) -> Option<Now> {
        let all = [self.sockets.deadline(), self.events.deadline(), self.requests.deadline()];
        all.into_iter().flatten().min_by_key(|deadline| deadline.running)
    }

    fn reopen(&mut self) -> Result<(), Error> {
        self.sockets.reopen()?;
        self.events.reopened(self.sockets.port(SocketName::Events), &mut self.outcomes);
        self.requests.reopened(self.sockets.port(SocketName::Requests), &mut self.outcomes);
        Ok(())
    }

    fn tell_authors(&mut self) {
        self.sockets.tell_authors();
        self.events.tell_authors();
    }
}
