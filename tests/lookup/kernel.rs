//! The kernel, asked and told many things in one send.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{MsgFlags, recv, send, setsockopt, sockopt};
use waypost::{Flow, LookupAnswer, LookupMode, Route, RouteChange, Rule};
use waypost_netlink::wire::route::{decode_answer, encode_lookup, encode_route};
use waypost_netlink::wire::rule::{self, RuleChange};
use waypost_netlink::wire::{Message, Messages};
use waypost_tests::route_socket;

/// How many requests go in one send: their answers must fit into the socket's buffer.
const PER_SEND: usize = 64;

/// The size of `struct nlmsghdr`, and where its flags stand.
const HEADER: usize = 16;
const FLAGS: usize = 6;
const NLM_F_REQUEST: u16 = 1;

/// A socket on which nothing is listened to but answers.
pub(crate) struct Kernel {
    socket: OwnedFd,
    requests: Vec<u8>,
    buffer: Vec<u8>,
}

/// What the kernel answers to a lookup: an error is its number.
pub(crate) type Answer = Result<LookupAnswer, i32>;

impl Kernel {
    pub(crate) fn open() -> Self {
        let socket = route_socket(0);
        // The limit without privilege.
        setsockopt(&socket, sockopt::RcvBuf, &(1 << 20)).expect("a buffer");
        Self { socket, requests: Vec::new(), buffer: vec![0; 1 << 16] }
    }

    /// Changes routes, and says how many of the changes the kernel refused.
    pub(crate) fn change<'r>(&mut self, changes: impl IntoIterator<Item = (RouteChange, &'r Route)>) -> usize {
        self.tell(changes, |out, (change, route)| encode_route(out, 1, change, route).expect("a route that can be sent"))
    }

    /// Changes rules, and says how many of the changes the kernel refused.
    pub(crate) fn change_rules<'r>(&mut self, change: RuleChange, rules: impl IntoIterator<Item = &'r Rule>) -> usize {
        self.tell(rules, |out, rule| rule::encode(out, 1, change, rule).expect("a rule that can be sent"))
    }

    fn tell<T>(&mut self, what: impl IntoIterator<Item = T>, mut encode: impl FnMut(&mut Vec<u8>, T)) -> usize {
        let mut refused = 0;
        let mut what = what.into_iter().peekable();
        while what.peek().is_some() {
            self.requests.clear();
            let mut count = 0;
            for one in what.by_ref().take(PER_SEND) {
                encode(&mut self.requests, one);
                count += 1;
            }
            self.send();
            self.receive(count, |_, message| refused += usize::from(error(message) != Some(0)));
        }
        refused
    }

    /// Asks for the entry and then for the path of each flow, at most half of [`PER_SEND`] of them; `told` gets both by the place of the flow.
    pub(crate) fn ask(&mut self, flows: &[Flow], mut told: impl FnMut(usize, Answer, Answer)) {
        for (chunk, flows) in flows.chunks(PER_SEND / 2).enumerate() {
            self.requests.clear();
            for flow in flows {
                for mode in [LookupMode::Entry, LookupMode::Path] {
                    let start = self.requests.len();
                    encode_lookup(&mut self.requests, 1, flow, mode).expect("a flow of one family");
                    // Nothing but the answer.
                    self.requests[start + FLAGS..start + FLAGS + 2].copy_from_slice(&NLM_F_REQUEST.to_ne_bytes());
                }
            }
            self.send();
            let mut entry = None;
            self.receive(flows.len() * 2, |at, message| match entry.take() {
                None => entry = Some(answer(message)),
                Some(entry) => told(chunk * PER_SEND / 2 + at / 2, entry, answer(message)),
            });
        }
    }

    fn send(&self) {
        let sent = send(self.socket.as_raw_fd(), &self.requests, MsgFlags::empty()).expect("the kernel takes requests");
        assert_eq!(sent, self.requests.len());
    }

    fn receive(&mut self, count: usize, mut each: impl FnMut(usize, &Message<'_>)) {
        let mut at = 0;
        while at < count {
            let length = recv(self.socket.as_raw_fd(), &mut self.buffer, MsgFlags::empty()).expect("the buffer is large enough");
            for message in Messages::new(&self.buffer[..length]) {
                each(at, &message.expect("messages of the kernel are whole"));
                at += 1;
            }
        }
        assert_eq!(at, count, "one answer to each request");
    }
}

/// The number in an NLMSG_ERROR, 0 for an acknowledgement.
fn error(message: &Message<'_>) -> Option<i32> {
    const NLMSG_ERROR: u16 = 2;
    let number = message.payload.first_chunk().map(|bytes| -i32::from_ne_bytes(*bytes));
    (message.kind == NLMSG_ERROR).then_some(number?)
}

fn answer(message: &Message<'_>) -> Answer {
    debug_assert_eq!(HEADER, 16);
    match error(message) {
        Some(error) => Err(error),
        None => Ok(decode_answer(message.payload).expect("an answer").expect("of a family").value),
    }
}
