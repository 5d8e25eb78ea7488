use waypost_core::{Error, ErrorKind};

use super::super::operation::Operation;
use super::super::refusal::Verdict;
use super::{attribute, message};
use crate::wire::constants::{NLM_F_ACK_TLVS, NLM_F_CAPPED, NLMSGERR_ATTR_MSG, NLMSGERR_ATTR_OFFS};

/// What the kernel repeats of a request of 33 bytes.
fn request() -> Vec<u8> {
    message(24, 0, 1, 0, &[7; 17])
}

fn attributes() -> Vec<u8> {
    [attribute(NLMSGERR_ATTR_OFFS, &28_u32.to_ne_bytes()), attribute(NLMSGERR_ATTR_MSG, b"Nexthop has invalid gateway\0")]
        .concat()
}

fn refused(number: i32, operation: Operation) -> Error {
    Verdict::of_error(0, &(-number).to_ne_bytes()).unwrap().error(operation)
}

#[test]
fn the_kernels_words_are_found_behind_a_request_whole_or_capped() {
    let number = (-101_i32).to_ne_bytes();
    let whole = [&number[..], &request(), &attributes()].concat();
    let capped = [&number[..], &request()[..16], &attributes()].concat();
    for (flags, payload) in [(NLM_F_ACK_TLVS, whole), (NLM_F_ACK_TLVS | NLM_F_CAPPED, capped)] {
        let verdict = Verdict::of_error(flags, &payload).unwrap();
        assert_eq!(verdict, Verdict { number: 101, text: Some("Nexthop has invalid gateway"), offset: Some(28) });
        let error = verdict.error(Operation::AddRoute);
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        assert_eq!(
            error.to_string(),
            "add route: Nexthop has invalid gateway (the network is unreachable, because of byte 28 of the request)"
        );
    }
}

#[test]
fn a_warning_stands_behind_the_header_alone() {
    let payload = [&[0; 4][..], &request()[..16], &attributes()].concat();
    let verdict = Verdict::of_error(NLM_F_ACK_TLVS, &payload).unwrap();
    assert_eq!((verdict.number, verdict.text), (0, Some("Nexthop has invalid gateway")));
}

#[test]
fn the_end_of_a_dump_has_its_words_at_once() {
    let payload = [&(-22_i32).to_ne_bytes()[..], &attributes()].concat();
    let verdict = Verdict::of_done(NLM_F_ACK_TLVS, &payload);
    assert_eq!((verdict.number, verdict.text), (22, Some("Nexthop has invalid gateway")));
    assert_eq!(Verdict::of_done(0, &[]).number, 0);
    assert_eq!(Verdict::of_done(0, &20_i32.to_ne_bytes()).number, 0);
}

#[test]
fn lengths_that_cannot_be_are_survived() {
    let mut request = request();
    request[..4].copy_from_slice(&u32::MAX.to_ne_bytes());
    let payload = [&(-22_i32).to_ne_bytes()[..], &request].concat();
    assert_eq!(Verdict::of_error(NLM_F_ACK_TLVS, &payload), Some(Verdict { number: 22, text: None, offset: None }));
    assert_eq!(Verdict::of_error(NLM_F_ACK_TLVS, &payload[..6]), Some(Verdict { number: 22, text: None, offset: None }));
    assert_eq!(Verdict::of_error(0, &[1, 2, 3]), None);
    assert_eq!(Verdict::of_error(0, &i32::MIN.to_ne_bytes()), None);
    let text = [&(-22_i32).to_ne_bytes()[..], &request[..16], &attribute(NLMSGERR_ATTR_MSG, &[0xff, 0])].concat();
    assert_eq!(Verdict::of_error(NLM_F_ACK_TLVS | NLM_F_CAPPED, &text).unwrap().text, None);
}

#[test]
fn each_number_says_what_to_do() {
    for (number, kind) in [
        (1, ErrorKind::NotPermitted),
        (2, ErrorKind::NotFound),
        (3, ErrorKind::NotFound),
        (6, ErrorKind::NoSuchDevice),
        (11, ErrorKind::Busy),
        (12, ErrorKind::Busy),
        (13, ErrorKind::NotPermitted),
        (16, ErrorKind::Busy),
        (17, ErrorKind::Exists),
        (19, ErrorKind::NoSuchDevice),
        (22, ErrorKind::Invalid),
        (34, ErrorKind::Invalid),
        (95, ErrorKind::Unsupported),
        (97, ErrorKind::Unsupported),
        (99, ErrorKind::Invalid),
        (100, ErrorKind::Unreachable),
        (101, ErrorKind::Unreachable),
        (105, ErrorKind::Busy),
        (113, ErrorKind::Unreachable),
        (71, ErrorKind::Other),
    ] {
        let error = refused(number, Operation::AddRoute);
        assert_eq!((error.kind(), error.raw_os_error()), (kind, Some(number)));
    }
}

#[test]
fn a_lookup_fails_as_packets_would() {
    assert_eq!(refused(13, Operation::Lookup).to_string(), "look up: a route prohibits it");
    assert_eq!(refused(22, Operation::Lookup).kind(), ErrorKind::Unreachable);
    let with_words = Verdict { number: 22, text: Some("ipv6: Invalid values in header"), offset: None };
    assert_eq!(with_words.error(Operation::Lookup).kind(), ErrorKind::Invalid, "no packet has words");
    assert_eq!(refused(1, Operation::Lookup).kind(), ErrorKind::NotPermitted);
}

#[test]
fn what_is_not_there_is_called_by_its_name() {
    for (operation, why) in [
        (Operation::ChangeRoute, "there is no such route"),
        (Operation::DeleteRule, "there is no such rule"),
        (Operation::DeleteNextHop, "there is no such next-hop object"),
    ] {
        let error = refused(2, operation);
        assert_eq!((error.kind(), error.reason()), (ErrorKind::NotFound, why));
    }
}
