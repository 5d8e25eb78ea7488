//! The socket that makes requests.

use std::collections::VecDeque;
use std::time::Duration;

use waypost_core::{Error, ErrorKind, Notice, Notices, Now, Outcome, Request, Ticket};

use super::operation::Operation;
use super::refusal::Verdict;
use super::shortage::{self, Shortage};
use super::{Datagram, lower, message};
use crate::wire::constants::{NLM_F_ACK, NLMSG_ERROR, RTM_NEWROUTE};
use crate::wire::{Message, Messages, route};

/// How many messages go into one send, and how many bytes unless one message alone is larger. The kernel deals with all
/// of them in one system call and looks at nothing else meanwhile.
const MESSAGES_A_SEND: usize = 64;
const BYTES_A_SEND: usize = 32 * 1024;

/// What an answer takes of a receive buffer at most, as the kernel counts: a refusal with text is in a block of 1 KiB,
/// with some 250 bytes to describe it (`SKB_TRUESIZE`).
const ANSWER: usize = 2048;

/// How long an answer may take. The kernel answers while it is being sent to, so one that has not come will not come.
const PATIENCE: Duration = Duration::from_secs(5);

/// Beyond this, what has been answered is cut off the front of what has been encoded.
const SLACK: usize = 64 * 1024;

/// Requests on their way to the kernel, and its answers.
///
/// Whoever drives it sends what [`outgoing`](Self::outgoing) gives, says so by [`sent`](Self::sent) or, where the kernel had no memory for
/// it, by [`not_sent`](Self::not_sent), and gives what comes to [`receive`](Self::receive). No more is under way than the receive buffer has room to answer.
///
/// ```
/// use waypost_core::{Notice, Now, Outcome, Request, Route, RouteChange, Ticket};
/// use waypost_netlink::session::{Datagram, RequestLane};
///
/// let mut lane = RequestLane::new(4711, 1 << 20, 0);
/// let route: Route = "blackhole 192.0.2.0/24".parse()?;
/// lane.submit(Now::default(), Ticket(1), Request::Route(RouteChange::Add, &route))?;
/// let request = lane.outgoing().expect("there is room for an answer").to_vec();
/// lane.sent();
///
/// // NLMSG_ERROR with the number zero, and the header of the request: it is done.
/// let mut answer = 36u32.to_ne_bytes().to_vec();
/// answer.extend([2u16, 0x100].map(u16::to_ne_bytes).concat());
/// answer.extend_from_slice(&request[8..12]);
/// answer.extend([4711u32, 0].map(u32::to_ne_bytes).concat());
/// answer.extend_from_slice(&request[..16]);
/// let mut notices = Vec::new();
/// lane.receive(Datagram { bytes: &answer, port: 0, truncated: false }, &mut notices);
/// assert!(matches!(notices[..], [Notice::Outcome(Ticket(1), Outcome::Done)]));
/// # Ok::<(), waypost_core::Error>(())
/// ```
#[derive(Debug)]
pub struct RequestLane {
    port: u32,
    /// The number of the first request that is kept.
    first: u32,
    /// The requests that have no answer, each as long as it says, from `answered` on: kept to be named if they fail.
    encoded: Vec<u8>,
    answered: usize,
    pending: VecDeque<Pending>,
    /// How many of `pending` have been sent, and where in `encoded` the others begin.
    in_flight: usize,
    unsent: usize,
    window: usize,
    now: Now,
    deadline: Option<Now>,
    is_overrun: bool,
    shortage: Shortage,
}

#[derive(Debug)]
struct Pending {
    ticket: Ticket,
    length: usize,
    operation: Operation,
    is_answered: bool,
    /// The kernel answers only if it refuses: see [`RequestLane::outgoing`].
    is_quiet: bool,
}

impl RequestLane {
    /// The conversation of a socket with this port and this size of receive buffer; sequence numbers start with `seed`.
    #[must_use]
    pub fn new(port: u32, receive_buffer: usize, seed: u32) -> Self {
        Self {
            port,
            first: seed,
            encoded: Vec::new(),
            answered: 0,
            pending: VecDeque::new(),
            in_flight: 0,
            unsent: 0,
            window: (receive_buffer / ANSWER).clamp(1, 1024),
            now: Now::default(),
            deadline: None,
            is_overrun: false,
            shortage: Shortage::default(),
        }
    }

    /// Queues a request that is no dump.
    ///
    /// # Errors
    ///
    /// `Unsupported` or `Invalid` where rtnetlink cannot represent it; then it is not queued.
    pub fn submit(&mut self, now: Now, ticket: Ticket, request: Request<'_>) -> Result<(), Error> {
        self.now = now;
        let unknown = || Error::new(ErrorKind::Unsupported, "request").because("rtnetlink has no such request");
        let operation = Operation::of(&request).filter(|operation| *operation != Operation::List).ok_or_else(unknown)?;
        let start = self.encoded.len();
        #[expect(clippy::cast_possible_truncation, reason = "sequence numbers wrap")]
        let sequence = self.first.wrapping_add(self.pending.len() as u32);
        lower::encode(&mut self.encoded, sequence, operation, request)?;
        self.pending.push_back(Pending {
            ticket,
            length: self.encoded.len() - start,
            operation,
            is_answered: false,
            is_quiet: false,
        });
        Ok(())
    }

    /// The messages to be sent next, if there are any and the window has room.
    ///
    /// The last of them alone asks to be acknowledged. The kernel deals with them in order and tells of each that it refuses,
    /// asked or not (`netlink_rcv_skb` in net/netlink/af_netlink.c, Linux 6.18): those of which it has said nothing when
    /// a later one is answered have been done. So a full send costs one answer, not one for each message.
    #[must_use]
    pub fn outgoing(&mut self) -> Option<&[u8]> {
        let (messages, bytes) = self.next_send();
        if messages == 0 {
            return None;
        }
        let send = self.encoded.get_mut(self.unsent..self.unsent + bytes)?;
        let mut at = 0;
        for (n, pending) in self.pending.range_mut(self.in_flight..).take(messages).enumerate() {
            pending.is_quiet = n + 1 < messages && pending.operation != Operation::Lookup;
            ask_for_acknowledgement(send.get_mut(at..)?, !pending.is_quiet);
            at += pending.length;
        }
        Some(send)
    }

    /// What [`outgoing`](Self::outgoing) gave has been sent.
    pub fn sent(&mut self) {
        let (messages, bytes) = self.next_send();
        self.in_flight += messages;
        self.unsent += bytes;
        self.deadline = Some(self.now + PATIENCE);
        self.shortage.end();
    }

    /// What [`outgoing`](Self::outgoing) gave could not be sent: the kernel is short of memory. It is given again, and given up where that
    /// does not pass; [`deadline`](Self::deadline) says when to try.
    pub const fn not_sent(&mut self) {
        self.shortage.meet();
    }

    fn next_send(&self) -> (usize, usize) {
        let room = self.window.saturating_sub(self.in_flight).min(MESSAGES_A_SEND);
        let (mut messages, mut bytes) = (0, 0);
        for pending in self.pending.range(self.in_flight..).take(room) {
            if messages > 0 && bytes + pending.length > BYTES_A_SEND {
                break;
            }
            messages += 1;
            bytes += pending.length;
        }
        (messages, bytes)
    }

    /// Says whether there are requests that have not been sent.
    #[must_use]
    pub fn wants_to_send(&self) -> bool {
        self.in_flight < self.pending.len()
    }

    /// Takes what the socket gave.
    pub fn receive(&mut self, datagram: Datagram<'_>, out: &mut Notices) {
        // Anybody may send to a netlink socket; the kernel alone sends from port 0.
        if datagram.port != 0 {
            out.push(Notice::Foreign);
            return;
        }
        if datagram.truncated {
            self.overrun();
            return;
        }
        for message in Messages::new(datagram.bytes).map_while(Result::ok) {
            if message.port == self.port {
                self.answer(&message, out);
            }
        }
    }

    /// Answers were lost, as the socket says (`ENOBUFS`) or as is plain to see.
    pub const fn overrun(&mut self) {
        self.is_overrun = true;
    }

    /// The socket has nothing more for now. What was sent has been answered then; what has no answer lost it.
    pub fn drained(&mut self, out: &mut Notices) {
        if std::mem::take(&mut self.is_overrun) {
            self.give_up(out);
        }
    }

    /// The socket is another now, of this port: what has been sent and not answered stays unknown, and what waits is sent by the new one.
    pub fn reopened(&mut self, port: u32, out: &mut Notices) {
        self.port = port;
        self.is_overrun = false;
        self.give_up(out);
    }

    /// Gives up what has had no answer, or could not be sent, for too long.
    pub fn expire(&mut self, now: Now, out: &mut Notices) {
        self.now = now;
        if self.deadline.is_some_and(|deadline| now.running >= deadline.running) {
            self.give_up(out);
        }
        // Outcomes come in the order of their requests.
        if self.shortage.is_too_long(now) && self.in_flight == 0 {
            self.give_up_unsent(out);
        }
    }

    /// When [`expire`](Self::expire) wants to be called, and what waits to be sent to be sent again.
    #[must_use]
    pub fn deadline(&self) -> Option<Now> {
        shortage::earlier(self.deadline, self.shortage.deadline(self.now))
    }

    /// Gives up all that has not been sent; nothing is under way.
    fn give_up_unsent(&mut self, out: &mut Notices) {
        let messages = Messages::new(self.encoded.get(self.unsent..).unwrap_or_default()).map_while(Result::ok);
        for (pending, message) in self.pending.iter().zip(messages) {
            let error = shortage::error(pending.operation.name());
            let error = lower::subject(&message).into_iter().fold(error, Error::on);
            out.push(Notice::Outcome(pending.ticket, Outcome::Failed(error)));
        }
        #[expect(clippy::cast_possible_truncation, reason = "sequence numbers wrap")]
        let count = self.pending.len() as u32;
        self.first = self.first.wrapping_add(count);
        self.pending.clear();
        self.shortage.end();
        self.forget();
    }

    fn give_up(&mut self, out: &mut Notices) {
        for pending in self.pending.iter_mut().take(self.in_flight) {
            if !std::mem::replace(&mut pending.is_answered, true) {
                out.push(Notice::Outcome(pending.ticket, Outcome::Unknown));
            }
        }
        self.forget();
    }

    fn answer(&mut self, message: &Message<'_>, out: &mut Notices) {
        let position = message.sequence.wrapping_sub(self.first) as usize;
        let Some(pending) = self.pending.get(position).filter(|_| position < self.in_flight) else {
            // Its request was given up.
            return;
        };
        if pending.is_answered {
            return;
        }
        let outcome = match (message.kind, pending.operation) {
            (NLMSG_ERROR, operation) => match Verdict::of_error(message.flags, message.payload) {
                Some(Verdict { number: 0, .. }) => Outcome::Done,
                Some(verdict) => Outcome::Failed(self.refusal(position, operation, verdict)),
                None => Outcome::Unknown,
            },
            (RTM_NEWROUTE, Operation::Lookup) => self.found(position, message),
            // Nothing that was asked for.
            _ => return,
        };
        let ticket = pending.ticket;
        self.settle_before(position, out);
        out.push(Notice::Outcome(ticket, outcome));
        if let Some(pending) = self.pending.get_mut(position) {
            pending.is_answered = true;
        }
        self.forget();
    }

    /// The request at `position` has been answered, so those before it that ask for no acknowledgement have been done; unless
    /// answers were lost, and a refusal could be among them.
    fn settle_before(&mut self, position: usize, out: &mut Notices) {
        let outcome = || if self.is_overrun { Outcome::Unknown } else { Outcome::Done };
        for pending in self.pending.iter_mut().take(position).filter(|pending| pending.is_quiet && !pending.is_answered) {
            pending.is_answered = true;
            out.push(Notice::Outcome(pending.ticket, outcome()));
        }
    }

    /// The answer to a lookup, which is of the family that was asked about.
    fn found(&self, position: usize, message: &Message<'_>) -> Outcome {
        let failed = |reason: &dyn std::fmt::Display| {
            let error = Error::new(ErrorKind::Other, Operation::Lookup.name()).because(reason);
            Outcome::Failed(match self.request(position).and_then(|request| lower::subject(&request)) {
                Some(subject) => error.on(subject),
                None => error,
            })
        };
        let asked = self.request(position).and_then(|request| message::family(request.payload));
        if message::family(message.payload) != asked {
            return failed(&"the answer is of another family");
        }
        match route::decode_answer(message.payload) {
            Ok(Some(decoded)) => Outcome::Found(Box::new(decoded.value)),
            Ok(None) => failed(&"the answer is of another family"),
            Err(error) => failed(&error),
        }
    }

    #[cold]
    fn refusal(&self, position: usize, operation: Operation, verdict: Verdict<'_>) -> Error {
        let error = verdict.error(operation);
        match self.request(position).and_then(|request| lower::subject(&request)) {
            Some(subject) => error.on(subject),
            None => error,
        }
    }

    /// A request that has no answer yet.
    fn request(&self, position: usize) -> Option<Message<'_>> {
        let before: usize = self.pending.iter().take(position).map(|pending| pending.length).sum();
        Messages::new(self.encoded.get(self.answered + before..)?).next()?.ok()
    }

    /// Lets go of the requests at the front that have been answered.
    fn forget(&mut self) {
        while self.pending.front().is_some_and(|pending| pending.is_answered) {
            let Some(pending) = self.pending.pop_front() else { break };
            self.answered += pending.length;
            self.first = self.first.wrapping_add(1);
            self.in_flight -= 1;
        }
        self.deadline = (self.in_flight > 0).then(|| self.now + PATIENCE);
        if self.answered > SLACK && self.answered > self.encoded.len() / 2 {
            self.encoded.drain(..self.answered);
            self.unsent -= self.answered;
            self.answered = 0;
        }
        if self.pending.is_empty() {
            self.encoded.clear();
            (self.answered, self.unsent) = (0, 0);
        }
    }
}

/// Sets or clears `NLM_F_ACK` in the header of the message that begins here.
fn ask_for_acknowledgement(message: &mut [u8], wanted: bool) {
    // `nlmsg_flags` follows a length of four bytes and a type of two (netlink(7)).
    let Some(bytes) = message.get_mut(6..8) else { return };
    let Ok(flags) = <[u8; 2]>::try_from(&*bytes) else { return };
    let flags = u16::from_ne_bytes(flags);
    let flags = if wanted { flags | NLM_F_ACK } else { flags & !NLM_F_ACK };
    bytes.copy_from_slice(&flags.to_ne_bytes());
}
