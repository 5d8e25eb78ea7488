use waypost_core::{Dump, Family, Notice, Notices, RouteFilter, TableId, Ticket, Touched};

use super::super::{Datagram, EventLane};
use super::{OURS, SEED, THEIRS, at, from_kernel, ipv6_route, message, route, words};
use crate::wire::constants::{
    NLM_F_CREATE, NLM_F_DUMP_FILTERED, NLM_F_DUMP_INTR, NLM_F_EXCL, NLM_F_MULTI, NLM_F_REPLACE, NLMSG_DONE, NLMSG_ERROR,
    NLMSG_OVERRUN, RTM_DELROUTE, RTM_NEWROUTE,
};

/// A lane, and what it has said.
struct Talk {
    lane: EventLane,
    said: Notices,
}

impl Talk {
    /// One that hears of changes only.
    fn new() -> Self {
        Self { lane: EventLane::new(OURS, SEED), said: Notices::new() }
    }

    /// One that has asked for the IPv4 routes that pass the filter.
    fn listing(filter: &RouteFilter) -> Self {
        let mut talk = Self::new();
        talk.lane.submit(at(0), Ticket(1), Dump::Routes(Family::V4, filter)).unwrap();
        talk.send();
        talk
    }

    fn send(&mut self) {
        assert!(self.lane.outgoing().is_some());
        self.lane.sent();
        self.lane.announce(&mut self.said);
    }

    fn hear(&mut self, messages: &[Vec<u8>]) {
        self.lane.receive(at(0), from_kernel(&messages.concat()), &mut self.said);
    }

    fn words(&self) -> Vec<String> {
        words(&self.said)
    }
}

/// The first sequence number that a lane uses.
const FIRST: u32 = SEED.wrapping_add(1);

fn entry(second: u8) -> Vec<u8> {
    message(RTM_NEWROUTE, NLM_F_MULTI, FIRST, OURS, &route(second))
}

fn done(number: i32) -> Vec<u8> {
    message(NLMSG_DONE, NLM_F_MULTI, FIRST, OURS, &number.to_ne_bytes())
}

fn added(second: u8) -> Vec<u8> {
    message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, 5, THEIRS, &route(second))
}

#[test]
fn a_dump_begins_lists_and_ends() {
    let mut talk = Talk::listing(&RouteFilter::default());
    talk.hear(&[entry(1), entry(2)]);
    talk.hear(&[entry(3), done(0)]);
    assert_eq!(talk.words(), ["started 1", "Listed 10.1.0.0/16", "Listed 10.2.0.0/16", "Listed 10.3.0.0/16", "whole 1"]);
    assert!(!talk.lane.is_listing() && talk.lane.deadline().is_none());
}

#[test]
fn changes_amid_a_dump_keep_the_kernels_order() {
    let mut talk = Talk::listing(&RouteFilter::default());
    talk.hear(&[added(9)]);
    talk.hear(&[entry(1)]);
    talk.hear(&[message(RTM_DELROUTE, 0, 5, THEIRS, &route(1))]);
    talk.hear(&[done(0)]);
    assert_eq!(talk.words(), ["started 1", "Added 10.9.0.0/16", "Listed 10.1.0.0/16", "Removed 10.1.0.0/16", "whole 1"]);
}

#[test]
fn who_deletes_or_replaces_is_told_to_those_who_asked() {
    let gone = |port: u32| message(RTM_DELROUTE, 0, 5, port, &route(1));
    let mut talk = Talk::new();
    talk.hear(&[gone(THEIRS)]);
    assert_eq!(talk.words(), ["Removed 10.1.0.0/16"]);
    talk.said.clear();
    talk.lane.tell_authors();
    // The kernel itself, a socket that is not its process's first, one that adds, and a message that is cut.
    talk.hear(&[gone(0), gone(0xffff_f000), added(2), message(RTM_DELROUTE, 0, 5, THEIRS, &[2, 16])]);
    assert!(!talk.said.iter().any(|notice| matches!(notice, Notice::Author { .. })), "{:?}", talk.words());
    talk.said.clear();
    talk.hear(&[gone(THEIRS), message(RTM_NEWROUTE, NLM_F_REPLACE, 5, THEIRS, &route(2))]);
    let [Notice::Author { of, pid: THEIRS }, Notice::Route(..), Notice::Author { pid: THEIRS, .. }, Notice::Route(..)] =
        &talk.said[..]
    else {
        panic!("{:?}", talk.words());
    };
    assert!(matches!(of, Touched::Route(slot) if slot.destination.to_string() == "10.1.0.0/16"));
}

#[test]
fn any_part_can_say_that_the_dump_is_torn() {
    for torn in 0..3 {
        let mut parts = [entry(1), entry(2), done(0)];
        let flags = u16::from_ne_bytes([parts[torn][6], parts[torn][7]]) | NLM_F_DUMP_INTR;
        parts[torn][6..8].copy_from_slice(&flags.to_ne_bytes());
        let mut talk = Talk::listing(&RouteFilter::default());
        talk.hear(&parts);
        assert_eq!(talk.words().last().unwrap(), "interrupted 1", "{torn}");
    }
}

#[test]
fn a_dump_can_end_with_an_error() {
    let mut talk = Talk::listing(&RouteFilter::default());
    talk.hear(&[entry(1), done(-1)]);
    assert_eq!(talk.words(), ["started 1", "Listed 10.1.0.0/16", "failed 1: NotPermitted"]);
    let mut talk = Talk::listing(&RouteFilter::default());
    talk.hear(&[message(NLMSG_ERROR, 0, FIRST, OURS, &[0; 20])]);
    assert_eq!(talk.words(), ["started 1"], "an acknowledgement is no end");
    talk.hear(&[message(NLMSG_ERROR, 0, FIRST, OURS, &(-16_i32).to_ne_bytes())]);
    assert_eq!(talk.words(), ["started 1", "failed 1: Busy"]);
}

#[test]
fn a_table_that_is_missing_has_no_routes() {
    let mut filter = RouteFilter::default();
    filter.table = Some(TableId(99));
    let refusal = message(NLMSG_ERROR, 0, FIRST, OURS, &(-2_i32).to_ne_bytes());
    let mut talk = Talk::listing(&filter);
    talk.hear(std::slice::from_ref(&refusal));
    assert_eq!(talk.words(), ["started 1", "whole 1"]);
    let mut talk = Talk::listing(&RouteFilter::default());
    talk.hear(&[refusal]);
    assert_eq!(talk.words(), ["started 1", "failed 1: NotFound"]);
}

#[test]
fn a_dump_that_finds_no_room_at_first_goes_on() {
    let mut talk = Talk::listing(&RouteFilter::default());
    talk.hear(&[message(NLMSG_ERROR, 0, FIRST, OURS, &(-105_i32).to_ne_bytes())]);
    assert!(talk.lane.is_listing());
    talk.hear(&[entry(1), done(0)]);
    assert_eq!(talk.words(), ["started 1", "Listed 10.1.0.0/16", "interrupted 1"]);
}

#[test]
fn an_overrun_is_told_once_and_tears_the_dump() {
    let mut talk = Talk::listing(&RouteFilter::default());
    talk.hear(&[entry(1)]);
    talk.lane.overrun(&mut talk.said);
    talk.lane.overrun(&mut talk.said);
    talk.hear(&[done(0)]);
    assert_eq!(talk.words(), ["started 1", "Listed 10.1.0.0/16", "Overrun", "interrupted 1"]);
    talk.lane.overrun(&mut talk.said);
    assert_eq!(talk.words().last().unwrap(), "Overrun", "something came in between: it is another one");
}

#[test]
fn a_datagram_that_was_cut_is_an_overrun() {
    let mut talk = Talk::listing(&RouteFilter::default());
    let bytes = entry(1);
    talk.lane.receive(at(0), Datagram { bytes: &bytes, port: 0, truncated: true }, &mut talk.said);
    talk.hear(&[done(0)]);
    assert_eq!(talk.words(), ["started 1", "Overrun", "interrupted 1"]);
}

#[test]
fn a_dump_that_the_kernel_has_no_memory_for_is_asked_for_again_and_then_given_up() {
    let mut talk = Talk::new();
    talk.lane.submit(at(0), Ticket(1), Dump::Links).unwrap();
    talk.lane.submit(at(0), Ticket(2), Dump::Addresses).unwrap();
    assert!(talk.lane.outgoing().is_some());
    talk.lane.not_sent();
    assert_eq!(talk.lane.deadline(), Some(at(0)));
    talk.lane.expire(at(60), &mut talk.said);
    assert!(talk.lane.deadline().is_some_and(|retry| retry > at(60) && retry < at(61)));
    talk.lane.not_sent();
    talk.lane.expire(at(64), &mut talk.said);
    assert!(talk.said.is_empty() && talk.lane.outgoing().is_some());
    talk.lane.not_sent();
    talk.lane.expire(at(65), &mut talk.said);
    assert_eq!(talk.words(), ["started 1", "failed 1: Busy", "started 2", "failed 2: Busy"]);
    assert!(talk.lane.outgoing().is_none() && talk.lane.deadline().is_none());
    // It was sent after all: what comes later has its own time.
    talk.lane.submit(at(66), Ticket(3), Dump::Links).unwrap();
    talk.lane.not_sent();
    talk.lane.expire(at(66), &mut talk.said);
    talk.send();
    talk.lane.expire(at(72), &mut talk.said);
    assert_eq!(talk.words()[4..], ["started 3"]);
}

#[test]
fn only_the_kernel_is_believed() {
    let mut talk = Talk::listing(&RouteFilter::default());
    let bytes = [entry(1), added(2), done(0)].concat();
    talk.lane.receive(at(0), Datagram { bytes: &bytes, port: THEIRS, truncated: false }, &mut talk.said);
    talk.lane.receive(at(0), Datagram { bytes: &bytes, port: THEIRS, truncated: true }, &mut talk.said);
    assert_eq!(talk.words(), ["started 1", "Foreign", "Foreign"]);
}

#[test]
fn a_copy_for_one_destination_is_no_route() {
    let mut talk = Talk::listing(&RouteFilter::default());
    // RTM_F_CLONED, 0x200 of `rtm_flags`, the last number of the header.
    let mut copy = route(7);
    copy[8..12].copy_from_slice(&0x200_u32.to_ne_bytes());
    let listed = message(RTM_NEWROUTE, NLM_F_MULTI, FIRST, OURS, &copy);
    let told = message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, 5, THEIRS, &copy);
    talk.hear(&[entry(1), listed, told, added(2), done(0)]);
    assert_eq!(talk.words(), ["started 1", "Listed 10.1.0.0/16", "Added 10.2.0.0/16", "whole 1"]);
}

#[test]
fn what_answers_another_request_is_dropped() {
    let mut talk = Talk::listing(&RouteFilter::default());
    talk.hear(&[message(RTM_NEWROUTE, NLM_F_MULTI, FIRST + 1, OURS, &route(1))]);
    talk.hear(&[message(NLMSG_DONE, NLM_F_MULTI, FIRST.wrapping_sub(1), OURS, &[0; 4])]);
    assert_eq!(talk.words(), ["started 1"]);
    talk.hear(&[done(0), done(0), entry(4)]);
    assert_eq!(talk.words(), ["started 1", "whole 1"]);
}

#[test]
fn what_was_not_asked_for_is_not_listed() {
    let mut filter = RouteFilter::default();
    filter.exactly = Some("10.2.0.0/16".parse().unwrap());
    let mut talk = Talk::listing(&filter);
    talk.hear(&[entry(1), entry(2), done(0)]);
    assert_eq!(talk.words(), ["started 1", "Listed 10.2.0.0/16", "whole 1"]);
}

#[test]
fn entries_of_another_family_are_not_listed() {
    let mut talk = Talk::listing(&RouteFilter::default());
    let other = message(RTM_NEWROUTE, NLM_F_MULTI | NLM_F_DUMP_FILTERED, FIRST, OURS, &ipv6_route());
    talk.hear(&[other, entry(1), done(0)]);
    assert_eq!(talk.words(), ["started 1", "Listed 10.1.0.0/16", "whole 1"]);
}

#[test]
fn a_message_that_makes_no_sense_spoils_itself() {
    let mut talk = Talk::listing(&RouteFilter::default());
    let bad_entry = message(RTM_NEWROUTE, NLM_F_MULTI, FIRST, OURS, &[2, 16, 0]);
    let bad_event = message(RTM_NEWROUTE, 0, 5, THEIRS, &[2, 16, 0]);
    talk.hear(&[bad_entry, entry(1), bad_event, added(2), vec![9, 0, 0, 0]]);
    talk.hear(&[done(0)]);
    assert_eq!(
        talk.words(),
        [
            "started 1",
            "undecodable in dump: true",
            "Listed 10.1.0.0/16",
            "undecodable in dump: false",
            "Added 10.2.0.0/16",
            "undecodable in dump: false",
            "whole 1"
        ]
    );
}

#[test]
fn a_dump_waits_for_the_one_before() {
    let mut talk = Talk::listing(&RouteFilter::default());
    talk.lane.submit(at(0), Ticket(2), Dump::Links).unwrap();
    assert!(talk.lane.outgoing().is_none() && !talk.lane.wants_to_send());
    talk.hear(&[done(0)]);
    assert!(talk.lane.wants_to_send());
    talk.send();
    // The end of the first is not that of the second.
    talk.hear(&[done(0)]);
    talk.hear(&[message(NLMSG_DONE, NLM_F_MULTI, FIRST + 1, OURS, &[0; 4])]);
    assert_eq!(talk.words(), ["started 1", "whole 1", "started 2", "whole 2"]);
}

#[test]
fn a_dump_that_falls_silent_is_given_up() {
    let mut talk = Talk::listing(&RouteFilter::default());
    talk.lane.receive(at(8), from_kernel(&entry(1)), &mut talk.said);
    talk.lane.expire(at(17), &mut talk.said);
    assert!(talk.lane.is_listing());
    assert_eq!(talk.lane.deadline(), Some(at(18)));
    talk.lane.expire(at(18), &mut talk.said);
    assert_eq!(talk.words(), ["started 1", "Listed 10.1.0.0/16", "failed 1: Unknown"]);
    assert_eq!(talk.lane.deadline(), None);
}

#[test]
fn a_dump_that_ends_before_it_was_announced_has_begun_all_the_same() {
    let mut talk = Talk::new();
    talk.lane.submit(at(0), Ticket(1), Dump::Routes(Family::V4, &RouteFilter::default())).unwrap();
    assert!(talk.lane.outgoing().is_some());
    talk.lane.sent();
    talk.hear(&[done(0)]);
    assert_eq!(talk.words(), ["started 1", "whole 1"]);
}

#[test]
fn a_dump_that_says_that_it_lost_something_is_not_whole() {
    let mut talk = Talk::listing(&RouteFilter::default());
    talk.hear(&[entry(1), message(NLMSG_OVERRUN, 0, FIRST, OURS, &[]), done(0)]);
    assert_eq!(talk.words(), ["started 1", "Listed 10.1.0.0/16", "Overrun", "interrupted 1"]);
}
