//! The two conversations with the kernel: whatever it says and whenever, each request has one outcome and each dump one end.
//!
//! The input is a list of acts, each a byte that says which and what it needs. Bytes that run out end the list. Afterwards
//! everything that still waits is sent and time passes, so that nothing may be left without an answer.

use std::collections::BTreeSet;
use std::time::Duration;

use waypost_core::{
    Dump, Family, Flow, IfIndex, LookupMode, Notice, Notices, Now, Outcome, Request, RouteChange, RouteFilter, TableId, Ticket,
};
use waypost_netlink::session::{Datagram, EventLane, RequestLane};
use waypost_netlink::wire::{Messages, next_hop, route, rule};

const EVENT_PORT: u32 = 0x1001;
const REQUEST_PORT: u32 = 0x2002;
/// Sequence numbers wrap soon after.
const SEED: u32 = u32::MAX - 5;
/// Room for this many answers at a time: 2,048 bytes each.
const RECEIVE_BUFFER: usize = 8 * 2048;

/// Acts out `data`.
pub fn run(data: &[u8]) {
    let mut play = Play::new();
    let mut acts = Acts(data);
    while let Some(act) = acts.byte() {
        if play.act(act, &mut acts).is_none() {
            break;
        }
    }
    play.finish();
}

/// What is left of the input.
pub(crate) struct Acts<'a>(pub(crate) &'a [u8]);

impl<'a> Acts<'a> {
    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    /// As many bytes as the two in front of them say, or as are left.
    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(u16::from_le_bytes([self.byte()?, self.byte()?]));
        let (bytes, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        Some(bytes)
    }
}

/// Both lanes, and what they owe.
struct Play {
    events: EventLane,
    requests: RequestLane,
    now: Now,
    tickets: u64,
    /// Dumps that were accepted and have not ended.
    dumps: BTreeSet<Ticket>,
    /// The dump that has begun.
    listing: Option<Ticket>,
    /// Requests that were accepted and have no outcome.
    waiting: BTreeSet<Ticket>,
    /// The sequence numbers of what was sent.
    dump_sequence: u32,
    sent: Vec<u32>,
    out: Notices,
}

impl Play {
    fn new() -> Self {
        Self {
            events: EventLane::new(EVENT_PORT, SEED),
            requests: RequestLane::new(REQUEST_PORT, RECEIVE_BUFFER, SEED),
            now: Now::default(),
            tickets: 0,
            dumps: BTreeSet::new(),
            listing: None,
            waiting: BTreeSet::new(),
            dump_sequence: SEED,
            sent: Vec::new(),
            out: Notices::new(),
        }
    }

    /// One act; `None` where the input ends in the middle of it.
    fn act(&mut self, act: u8, acts: &mut Acts<'_>) -> Option<()> {
        // A lane may say as much as it was given messages, and something about itself.
        let mut may_say = 2;
        match act % 16 {
            0 => self.submit_dump(acts.byte()?),
            1 => self.submit_change(acts.byte()?, acts.bytes()?),
            2 => self.submit_lookup(acts.byte()?, acts.bytes()?),
            3 => self.send_dump(),
            4 => self.send_requests(),
            5 => may_say += self.event_datagram(acts.byte()?, acts.bytes()?),
            // One answer settles what was sent before it, too.
            6 => may_say += self.waiting.len() + self.request_datagram(acts.byte()?, acts.byte()?, acts.bytes()?),
            7 => may_say += self.waiting.len() + self.acknowledge(acts.byte()?, acts.byte()?, acts.bytes()?),
            8 => self.events.overrun(&mut self.out),
            9 => self.requests.overrun(),
            10 => {
                may_say += self.waiting.len();
                self.requests.drained(&mut self.out);
            }
            11 => self.now = self.now + Duration::from_millis(100 * u64::from(acts.byte()?)),
            12 => {
                may_say += 2 * self.dumps.len();
                self.events.expire(self.now, &mut self.out);
            }
            13 => {
                may_say += self.waiting.len();
                self.requests.expire(self.now, &mut self.out);
            }
            // The kernel has no memory for what is to be sent.
            14 if self.events.outgoing().is_some() => self.events.not_sent(),
            15 if self.requests.outgoing().is_some() => self.requests.not_sent(),
            _ => {}
        }
        assert!(self.out.len() <= may_say, "{} notices where {may_say} can be: {:?}", self.out.len(), self.out);
        self.settle();
        Some(())
    }

    fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    fn submit_dump(&mut self, what: u8) {
        let ticket = self.ticket();
        let mut filter = RouteFilter::default();
        filter.table = (what & 0x10 != 0).then_some(TableId(u32::from(what) << 4));
        filter.interface = if what & 0x20 != 0 { IfIndex::new(2) } else { None };
        let family = if what & 0x40 == 0 { Family::V4 } else { Family::V6 };
        let dump = match what & 7 {
            0 => Dump::Rules(family),
            1 => Dump::Links,
            2 => Dump::Addresses,
            3 => Dump::Neighbours,
            4 => Dump::NextHops,
            5 => Dump::Settings(family),
            6 => Dump::Barrier,
            _ => Dump::Routes(family, &filter),
        };
        if self.events.submit(self.now, ticket, dump).is_ok() {
            self.dumps.insert(ticket);
        }
    }

    /// Submits the change of a route, rule or next-hop object that is given as the kernel would tell of it.
    fn submit_change(&mut self, change: u8, payload: &[u8]) {
        match change & 0xc0 {
            0x40 => {
                let Ok(Some(rule)) = rule::decode(payload) else { return };
                let (add, delete) = (Request::AddRule(&rule.value), Request::DeleteRule(&rule.value));
                self.submit(if change & 1 == 0 { add } else { delete });
            }
            0x80 => {
                let Ok(Some(object)) = next_hop::decode(payload) else { return };
                let add = Request::AddNextHop { object: &object.value, replace: change & 2 != 0 };
                self.submit(if change & 1 == 0 { add } else { Request::DeleteNextHop(object.value.id) });
            }
            _ => self.submit_route(change, payload),
        }
    }

    fn submit_route(&mut self, change: u8, payload: &[u8]) {
        let Ok(Some(route)) = route::decode(payload) else { return };
        let change = match change % 6 {
            0 => RouteChange::Add,
            1 => RouteChange::Replace,
            2 => RouteChange::Change,
            3 => RouteChange::Append,
            4 => RouteChange::Prepend,
            _ => RouteChange::Delete,
        };
        self.submit(Request::Route(change, &route.value));
    }

    fn submit_lookup(&mut self, what: u8, address: &[u8]) {
        let mut octets = [0; 16];
        octets.iter_mut().zip(address).for_each(|(octet, byte)| *octet = *byte);
        let [a, b, c, d, ..] = octets;
        let mut flow = Flow::to(if what & 1 == 0 { [a, b, c, d].into() } else { octets.into() });
        flow.uid = (what & 2 != 0).then_some(u32::from(a));
        flow.input = if what & 4 != 0 { IfIndex::new(u32::from(b)) } else { None };
        flow.source_port = (what & 8 != 0).then_some(u16::from(c));
        let mode = if what & 16 == 0 { LookupMode::Path } else { LookupMode::Entry };
        self.submit(Request::Lookup(&flow, mode));
    }

    fn submit(&mut self, request: Request<'_>) {
        let ticket = self.ticket();
        if self.requests.submit(self.now, ticket, request).is_ok() {
            self.waiting.insert(ticket);
        }
    }

    fn send_dump(&mut self) {
        let Some(message) = self.events.outgoing() else { return };
        let [sequence] = sequences(message).try_into().expect("a dump is asked for by one message");
        self.dump_sequence = sequence;
        self.events.sent();
        self.events.announce(&mut self.out);
    }

    fn send_requests(&mut self) {
        let Some(messages) = self.requests.outgoing() else { return };
        self.sent.extend(sequences(messages));
        self.requests.sent();
    }

    /// Gives the event lane a datagram; says how many messages are in it.
    fn event_datagram(&mut self, how: u8, bytes: &[u8]) -> usize {
        let bytes = addressed(bytes, how, EVENT_PORT, self.dump_sequence);
        self.events.receive(self.now, datagram(&bytes, how), &mut self.out);
        messages(&bytes)
    }

    /// Gives the request lane a datagram; says how many messages are in it.
    fn request_datagram(&mut self, how: u8, which: u8, bytes: &[u8]) -> usize {
        let bytes = addressed(bytes, how, REQUEST_PORT, self.sent_sequence(which));
        self.requests.receive(datagram(&bytes, how), &mut self.out);
        messages(&bytes)
    }

    /// Answers one of the requests with this error and these attributes of an extended acknowledgement.
    fn acknowledge(&mut self, which: u8, errno: u8, attributes: &[u8]) -> usize {
        const ERROR: u16 = 2;
        const CAPPED_WITH_ATTRIBUTES: u16 = 0x300;
        let sequence = self.sent_sequence(which);
        let mut bytes = u32::try_from(36 + attributes.len()).expect("two bytes of length").to_ne_bytes().to_vec();
        bytes.extend(ERROR.to_ne_bytes());
        bytes.extend(CAPPED_WITH_ATTRIBUTES.to_ne_bytes());
        bytes.extend(sequence.to_ne_bytes());
        bytes.extend(REQUEST_PORT.to_ne_bytes());
        bytes.extend((-i32::from(errno)).to_ne_bytes());
        bytes.extend([0; 16]);
        bytes.extend(attributes);
        self.requests.receive(datagram(&bytes, 0), &mut self.out);
        1
    }

    /// The number of one of the requests that were sent, the last ones first.
    fn sent_sequence(&self, which: u8) -> u32 {
        self.sent.iter().rev().nth(usize::from(which)).copied().unwrap_or(SEED)
    }

    /// Sees what was said, and that it was owed.
    fn settle(&mut self) {
        for notice in self.out.drain(..) {
            match notice {
                Notice::DumpStarted(ticket) => {
                    assert!(self.dumps.contains(&ticket), "{ticket:?} begins and was not asked for");
                    assert_eq!(self.listing.replace(ticket), None, "one dump at a time");
                }
                Notice::DumpDone(ticket, end) => {
                    assert_eq!(self.listing.take(), Some(ticket), "what ends has begun");
                    assert!(self.dumps.remove(&ticket), "{ticket:?} ends twice");
                    assert!(end.error.is_none_or(|error| !error.to_string().is_empty()));
                }
                Notice::Outcome(ticket, outcome) => {
                    assert!(self.waiting.remove(&ticket), "{ticket:?} has an outcome and waits for none: {outcome:?}");
                    if let Outcome::Failed(error) = outcome {
                        assert!(!error.to_string().is_empty());
                    }
                }
                Notice::Undecodable { why, .. } => assert!(why.len() < 1000, "{why}"),
                _ => {}
            }
        }
        assert!(self.events.deadline().is_some() || !self.events.is_listing(), "a dump that stops has a deadline");
        assert!(self.events.deadline().is_none() || self.events.is_listing() || self.events.wants_to_send(), "nothing is owed");
        if self.requests.wants_to_send() && self.requests.outgoing().is_none() {
            assert!(self.requests.deadline().is_some(), "what waits for answers has a deadline");
        }
    }

    /// Sends all that waits and answers nothing of it.
    fn finish(mut self) {
        for _ in 0..=self.dumps.len() + self.waiting.len() {
            self.send_dump();
            self.send_requests();
            self.now = self.now + Duration::from_secs(3600);
            self.events.expire(self.now, &mut self.out);
            self.requests.expire(self.now, &mut self.out);
            self.settle();
        }
        assert_eq!(self.dumps, BTreeSet::new(), "every dump ends");
        assert_eq!(self.waiting, BTreeSet::new(), "every request has an outcome");
        assert!(!self.events.wants_to_send() && !self.requests.wants_to_send());
    }
}

/// What a receive call may tell of these bytes.
fn datagram(bytes: &[u8], how: u8) -> Datagram<'_> {
    Datagram { bytes, port: if how & 4 == 0 { 0 } else { 77 }, truncated: how & 8 != 0 }
}

fn messages(bytes: &[u8]) -> usize {
    Messages::new(bytes).count()
}

/// The sequence numbers of the messages that a lane wants to send.
fn sequences(bytes: &[u8]) -> Vec<u32> {
    Messages::new(bytes).map(|message| message.expect("what is sent can be walked").sequence).collect()
}

/// The messages as answers to this port (bit 0 of `how`) and this request (bit 1).
fn addressed(bytes: &[u8], how: u8, port: u32, sequence: u32) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut start: usize = 0;
    while let Some([l0, l1, l2, l3, _, _, _, _, s0, s1, s2, s3, p0, p1, p2, p3, ..]) = bytes.get_mut(start..) {
        let length = u32::from_ne_bytes([*l0, *l1, *l2, *l3]) as usize;
        if how & 2 != 0 {
            [*s0, *s1, *s2, *s3] = sequence.to_ne_bytes();
        }
        if how & 1 != 0 {
            [*p0, *p1, *p2, *p3] = port.to_ne_bytes();
        }
        let Some(next) = length.checked_next_multiple_of(4).filter(|next| *next >= 16) else { break };
        start = start.saturating_add(next);
    }
    bytes
}
