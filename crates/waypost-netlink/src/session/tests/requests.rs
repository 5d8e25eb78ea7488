use waypost_core::{Flow, LookupMode, Notices, Request, Route, RouteChange, Ticket};

use super::super::{Datagram, RequestLane};
use super::{OURS, SEED, THEIRS, at, attribute, from_kernel, message, route, words};
use crate::wire::Messages;
use crate::wire::constants::{NLM_F_ACK, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLMSG_ERROR, NLMSGERR_ATTR_MSG, RTM_NEWROUTE};

/// Room for eight answers.
const BUFFER: usize = 16 * 1024;

struct Talk {
    lane: RequestLane,
    said: Notices,
}

impl Talk {
    /// One that has asked for this many routes to be added, by tickets from 0 on.
    fn adding(count: u8, buffer: usize) -> Self {
        let mut talk = Self { lane: RequestLane::new(OURS, buffer, SEED), said: Notices::new() };
        for second in 0..count {
            let route: Route = format!("10.{second}.0.0/16 via 10.0.0.1 proto static").parse().unwrap();
            talk.lane.submit(at(0), Ticket(second.into()), Request::Route(RouteChange::Add, &route)).unwrap();
        }
        talk
    }

    /// Sends what can be sent at once, and says which sequence numbers it had.
    fn send(&mut self) -> Vec<u32> {
        let bytes = self.lane.outgoing().expect("something to send").to_vec();
        self.lane.sent();
        Messages::new(&bytes).map(|message| message.unwrap().sequence).collect()
    }

    fn hear(&mut self, messages: &[Vec<u8>]) {
        self.lane.receive(from_kernel(&messages.concat()), &mut self.said);
    }

    fn words(&self) -> Vec<String> {
        words(&self.said)
    }
}

/// The acknowledgement of the request of this ticket.
fn ack(ticket: u32, number: i32) -> Vec<u8> {
    let payload = [(-number).to_ne_bytes().to_vec(), vec![0; 16]].concat();
    message(NLMSG_ERROR, NLM_F_CAPPED, SEED.wrapping_add(ticket), OURS, &payload)
}

#[test]
fn requests_go_out_together_and_each_is_answered() {
    let mut talk = Talk::adding(3, BUFFER);
    assert_eq!(talk.send(), [SEED, SEED.wrapping_add(1), SEED.wrapping_add(2)]);
    assert!(talk.lane.outgoing().is_none());
    talk.hear(&[ack(0, 0), ack(1, 17)]);
    talk.hear(&[ack(2, 0)]);
    assert_eq!(
        talk.words(),
        ["0 Done", "1 failed: add route 10.1.0.0/16 via 10.0.0.1 proto static: it is there already", "2 Done"]
    );
    assert_eq!(talk.lane.deadline(), None);
}

#[test]
fn a_refusal_has_the_kernels_words_and_the_route() {
    let mut talk = Talk::adding(1, BUFFER);
    talk.send();
    let text = attribute(NLMSGERR_ATTR_MSG, b"Nexthop has invalid gateway\0");
    let payload = [(-101_i32).to_ne_bytes().to_vec(), vec![0; 16], text].concat();
    talk.hear(&[message(NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS, SEED, OURS, &payload)]);
    assert_eq!(
        talk.words(),
        ["0 failed: add route 10.0.0.0/16 via 10.0.0.1 proto static: Nexthop has invalid gateway (the network is unreachable)"]
    );
}

#[test]
fn no_more_is_under_way_than_can_be_answered() {
    let mut talk = Talk::adding(20, BUFFER);
    assert_eq!(talk.send().len(), 8);
    assert!(talk.lane.outgoing().is_none() && talk.lane.wants_to_send());
    talk.hear(&[ack(0, 0), ack(1, 0), ack(2, 0)]);
    assert_eq!(talk.send(), (8..11).map(|ticket| SEED.wrapping_add(ticket)).collect::<Vec<_>>());
}

#[test]
fn the_last_of_a_send_answers_for_those_of_which_nothing_was_said() {
    let mut talk = Talk::adding(3, BUFFER);
    let flow = Flow::to("192.0.2.1".parse().unwrap());
    talk.lane.submit(at(0), Ticket(3), Request::Lookup(&flow, LookupMode::Path)).unwrap();
    let route: Route = "10.0.0.0/8 via 10.0.0.1 proto static".parse().unwrap();
    talk.lane.submit(at(0), Ticket(4), Request::Route(RouteChange::Add, &route)).unwrap();
    talk.lane.submit(at(0), Ticket(5), Request::Route(RouteChange::Add, &route)).unwrap();
    let bytes = talk.lane.outgoing().unwrap().to_vec();
    talk.lane.sent();
    let asks: Vec<bool> = Messages::new(&bytes).map(|message| message.unwrap().flags & NLM_F_ACK != 0).collect();
    assert_eq!(asks, [false, false, false, true, false, true], "a lookup is answered by itself");
    talk.hear(&[ack(1, 17)]);
    assert_eq!(talk.words().len(), 2, "that the second was refused says that the first was done, and nothing of the third");
    talk.hear(&[ack(3, 101), ack(5, 0)]);
    let words = talk.words();
    let kinds: Vec<&str> = words.iter().map(|word| word.split(':').next().unwrap().split(' ').nth(1).unwrap()).collect();
    assert_eq!(kinds, ["Done", "failed", "Done", "failed", "Done", "Done"], "{words:?}");
    assert_eq!(talk.lane.deadline(), None);
}

#[test]
fn a_send_has_so_many_messages() {
    let mut talk = Talk::adding(100, 1 << 20);
    assert_eq!(talk.send().len(), 64);
    assert_eq!(talk.send().len(), 36);
}

#[test]
fn many_rounds_leave_nothing_behind() {
    let mut talk = Talk::adding(0, 1 << 20);
    let route: Route = "10.0.0.0/8 via 10.0.0.1".parse().unwrap();
    let mut sequence = 0;
    for round in 0..100 {
        for ticket in 0..50 {
            talk.lane.submit(at(0), Ticket(ticket), Request::Route(RouteChange::Add, &route)).unwrap();
        }
        // One of each fifty is refused, and one of each hundred is still waiting when the next come.
        while talk.lane.outgoing().is_some() {
            talk.send();
        }
        for _ in 0..(if round % 2 == 0 { 49 } else { 51 }) {
            talk.hear(&[ack(sequence, i32::from(sequence % 50 == 7) * 17)]);
            sequence += 1;
        }
    }
    let words = talk.words();
    assert_eq!(words.len(), 5000);
    assert_eq!(words.iter().filter(|word| word.contains("failed: add route 10.0.0.0/8 via 10.0.0.1: ")).count(), 100);
    assert!(!talk.lane.wants_to_send() && talk.lane.deadline().is_none());
}

#[test]
fn a_long_queue_keeps_its_place_as_it_is_answered() {
    let mut talk = Talk::adding(0, BUFFER);
    for ticket in 0..4000_u32 {
        let route: Route = format!("10.{}.{}.0/24 via 10.0.0.1", ticket / 256, ticket % 256).parse().unwrap();
        talk.lane.submit(at(0), Ticket(ticket.into()), Request::Route(RouteChange::Add, &route)).unwrap();
    }
    let mut answered = 0;
    while talk.lane.wants_to_send() {
        for sequence in talk.send() {
            assert_eq!(sequence, SEED.wrapping_add(answered));
            talk.hear(&[ack(answered, 17)]);
            answered += 1;
        }
    }
    assert_eq!(talk.said.len(), 4000);
    for (ticket, word) in talk.words().iter().enumerate() {
        let expected = format!("{ticket} failed: add route 10.{}.{}.0/24 via 10.0.0.1: ", ticket / 256, ticket % 256);
        assert!(word.starts_with(&expected), "{word}");
    }
}

#[test]
fn an_overrun_loses_what_is_not_answered_by_the_end() {
    let mut talk = Talk::adding(10, BUFFER);
    talk.send();
    talk.lane.overrun();
    talk.hear(&[ack(0, 0), ack(2, 0)]);
    talk.lane.drained(&mut talk.said);
    // The refusal of the second may be among what was lost.
    let expected = ["0 Done", "1 Unknown", "2 Done", "3 Unknown", "4 Unknown", "5 Unknown", "6 Unknown", "7 Unknown"];
    assert_eq!(talk.words(), expected);
    // What was not sent goes on, and what comes too late is nobody's.
    assert_eq!(talk.send().len(), 2);
    talk.hear(&[ack(1, 0), ack(8, 0), ack(9, 0)]);
    assert_eq!(talk.words()[8..], ["8 Done", "9 Done"]);
}

#[test]
fn an_answer_that_was_cut_is_lost() {
    let mut talk = Talk::adding(1, BUFFER);
    talk.send();
    talk.lane.drained(&mut talk.said);
    assert!(talk.words().is_empty());
    talk.lane.receive(Datagram { bytes: &ack(0, 0), port: 0, truncated: true }, &mut talk.said);
    talk.lane.drained(&mut talk.said);
    assert_eq!(talk.words(), ["0 Unknown"]);
}

#[test]
fn an_answer_that_does_not_come_is_not_waited_for_for_ever() {
    let mut talk = Talk::adding(2, BUFFER);
    assert_eq!(talk.lane.deadline(), None);
    talk.send();
    assert_eq!(talk.lane.deadline(), Some(at(5)));
    talk.lane.expire(at(4), &mut talk.said);
    talk.hear(&[ack(0, 0)]);
    assert_eq!(talk.words(), ["0 Done"]);
    assert_eq!(talk.lane.deadline(), Some(at(9)));
    talk.lane.expire(at(9), &mut talk.said);
    assert_eq!(talk.words(), ["0 Done", "1 Unknown"]);
    assert_eq!(talk.lane.deadline(), None);
}

#[test]
fn only_the_kernels_answers_to_us_count() {
    let mut talk = Talk::adding(2, BUFFER);
    talk.send();
    talk.lane.receive(Datagram { bytes: &ack(0, 0), port: THEIRS, truncated: false }, &mut talk.said);
    let payload = [0; 20];
    talk.hear(&[message(NLMSG_ERROR, 0, SEED, THEIRS, &payload), ack(2, 0), ack(u32::MAX, 0)]);
    talk.hear(&[message(RTM_NEWROUTE, 0, SEED, OURS, &route(1)), vec![1, 2, 3]]);
    assert_eq!(talk.words(), ["Foreign"], "that somebody else sends is told, and nothing more");
    talk.hear(&[ack(0, 0), ack(0, 0)]);
    assert_eq!(talk.words(), ["Foreign", "0 Done"]);
}

#[test]
fn what_the_kernel_has_no_memory_for_is_sent_again() {
    let mut talk = Talk::adding(2, BUFFER);
    let first = talk.lane.outgoing().unwrap().to_vec();
    talk.lane.not_sent();
    assert_eq!(talk.lane.deadline(), Some(at(0)), "whoever sends has no clock: it is asked what time it is");
    talk.lane.expire(at(100), &mut talk.said);
    let retry = talk.lane.deadline().unwrap();
    assert!(retry > at(100) && retry < at(101), "{retry:?}");
    assert_eq!(talk.lane.outgoing(), Some(&first[..]));
    talk.lane.sent();
    assert_eq!(talk.lane.deadline(), Some(at(105)), "from here on it waits for the answers");
    talk.hear(&[ack(1, 0)]);
    assert_eq!(talk.words(), ["0 Done", "1 Done"]);
    assert_eq!(talk.lane.deadline(), None);
}

#[test]
fn a_lack_of_memory_that_does_not_pass_fails_what_waits() {
    let mut talk = Talk::adding(9, BUFFER);
    assert_eq!(talk.send().len(), 8);
    // One of the nine waits for room, and then there is no memory for it.
    talk.hear(&[ack(6, 0)]);
    for seconds in 0..5 {
        assert!(talk.lane.outgoing().is_some());
        talk.lane.not_sent();
        talk.lane.expire(at(seconds), &mut talk.said);
        assert_eq!(talk.said.len(), 7, "{:?}", talk.words());
    }
    // Answers come in the order of their requests: that of the eighth has been waited for long enough too.
    talk.lane.not_sent();
    talk.lane.expire(at(5), &mut talk.said);
    let expected = "8 failed: add route 10.8.0.0/16 via 10.0.0.1 proto static: the kernel had no memory to be asked";
    assert_eq!(talk.words()[7..], ["7 Unknown", expected]);
    assert!(talk.lane.deadline().is_none() && !talk.lane.wants_to_send());
    // What is asked for later has its own time.
    let route: Route = "10.9.0.0/16 via 10.0.0.1".parse().unwrap();
    talk.lane.submit(at(6), Ticket(9), Request::Route(RouteChange::Add, &route)).unwrap();
    talk.lane.not_sent();
    talk.lane.expire(at(10), &mut talk.said);
    assert_eq!(talk.send(), [SEED.wrapping_add(9)]);
    talk.hear(&[ack(9, 0)]);
    assert_eq!(talk.words()[9..], ["9 Done"]);
}

#[test]
fn what_has_not_been_asked_is_not_answered() {
    let mut talk = Talk::adding(9, BUFFER);
    talk.send();
    talk.hear(&[ack(8, 0)]);
    assert!(talk.words().is_empty() && talk.lane.wants_to_send());
}

#[test]
fn a_lookup_is_answered_by_a_route_of_its_family() {
    let mut talk = Talk::adding(0, BUFFER);
    let ask = |talk: &mut Talk| {
        let flow = Flow::to("10.7.0.1".parse().unwrap());
        talk.lane.submit(at(0), Ticket(3), Request::Lookup(&flow, LookupMode::Path)).unwrap();
        talk.send()[0]
    };
    let sequence = ask(&mut talk);
    // The acknowledgement behind the answer has nothing to add.
    let behind = message(NLMSG_ERROR, 0, sequence, OURS, &[0; 20]);
    talk.hear(&[message(RTM_NEWROUTE, 0, sequence, OURS, &route(7)), behind]);
    assert!(talk.words()[0].starts_with("3 Found"), "{:?}", talk.words());
    let sequence = ask(&mut talk);
    talk.hear(&[message(RTM_NEWROUTE, 0, sequence, OURS, &super::ipv6_route())]);
    assert_eq!(talk.words()[1], "3 failed: look up 10.7.0.1: the answer is of another family");
    let sequence = ask(&mut talk);
    talk.hear(&[message(NLMSG_ERROR, NLM_F_CAPPED, sequence, OURS, &[&(-113_i32).to_ne_bytes()[..], &[0; 16]].concat())]);
    assert_eq!(talk.words()[2], "3 failed: look up 10.7.0.1: the host is unreachable");
}

#[test]
fn what_cannot_be_represented_is_refused_before_it_is_queued() {
    let mut talk = Talk::adding(1, BUFFER);
    let mut odd: Route = "10.9.0.0/16 via 10.0.0.1".parse().unwrap();
    odd.slot.priority = 8;
    assert!(talk.lane.submit(at(0), Ticket(9), Request::Route(RouteChange::Add, &odd)).is_err());
    assert_eq!(talk.send(), [SEED]);
}

#[test]
fn a_request_has_one_outcome_however_often_it_is_answered() {
    let mut talk = Talk { lane: RequestLane::new(OURS, BUFFER, SEED), said: Notices::new() };
    let flow = Flow::to("192.0.2.1".parse().unwrap());
    let route: Route = "10.0.0.0/8 via 10.0.0.1 proto static".parse().unwrap();
    talk.lane.submit(at(0), Ticket(0), Request::Lookup(&flow, LookupMode::Path)).unwrap();
    talk.lane.submit(at(0), Ticket(1), Request::Route(RouteChange::Add, &route)).unwrap();
    talk.send();
    // The first has no answer yet, so that the second is still known.
    talk.hear(&[ack(1, 17), ack(1, 17)]);
    assert_eq!(talk.words().len(), 1, "{:?}", talk.words());
}

#[test]
fn what_waits_fails_behind_what_is_under_way() {
    let mut talk = Talk::adding(10, BUFFER);
    assert_eq!(talk.send().len(), 8);
    talk.hear(&[ack(0, 0)]);
    assert!(talk.lane.outgoing().is_some());
    talk.lane.not_sent();
    talk.lane.expire(at(0), &mut talk.said);
    talk.lane.expire(at(3), &mut talk.said);
    talk.hear(&[ack(1, 0)]);
    // The memory has been short for too long, but of what is under way the answers may still come.
    talk.lane.expire(at(5), &mut talk.said);
    assert_eq!(talk.words(), ["0 Done", "1 Done"]);
    talk.lane.expire(at(8), &mut talk.said);
    let words = talk.words();
    assert!(words[2..8].iter().all(|word| word.ends_with("Unknown")), "{words:?}");
    assert!(words[8..].iter().all(|word| word.contains("no memory")) && words.len() == 10, "{words:?}");
}
