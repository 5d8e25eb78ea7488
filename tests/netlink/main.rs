//! The rtnetlink backend against the kernel, with `ip` as a witness.

mod bytes;
mod following;
mod listing;
mod places;
mod removals;
mod requests;
mod rules;

use std::process::ExitCode;

use waypost::{Native, Options};
use waypost_core::{Drained, Error, Family, Kernel, Notice, Notices, Now, Outcome, Request, Route, RouteChange, Ticket};
use waypost_tests::ip::{ip, veth};
use waypost_tests::namespace::run;
use waypost_tests::test;

const NOW: Now = Now::awake(std::time::Duration::ZERO);

fn main() -> ExitCode {
    run(&[
        test!(listing::routes_are_those_that_ip_lists),
        test!(listing::filters_choose),
        test!(listing::a_table_that_is_missing_has_no_routes),
        test!(listing::everything_can_be_listed_without_rights),
        test!(listing::dumps_wait_for_each_other),
        test!(listing::what_is_not_listed_is_told_of),
        test!(listing::dumps_wait_for_what_is_not_listed_to_be_told),
        test!(listing::links_addresses_and_rules_are_those_that_ip_lists),
        test!(following::each_change_says_what_it_does),
        test!(following::ones_own_change_is_heard_of_once_it_is_done),
        test!(following::an_overrun_is_told_and_news_go_on),
        test!(following::next_hop_objects_are_heard_of),
        test!(following::links_addresses_rules_and_settings_are_heard_of),
        test!(following::a_bridge_that_loses_a_port_loses_no_interface),
        test!(following::without_events_nothing_is_heard_of),
        test!(removals::an_ipv4_route_can_be_listed_that_is_said_to_have_gone),
        test!(removals::none_is_listed_when_links_were_listed_before),
        test!(removals::none_is_listed_behind_a_barrier),
        test!(removals::an_ipv6_route_that_is_said_to_have_gone_is_not_listed),
        test!(bytes::changes_of_routes_are_told_in_the_kernels_own_bytes),
        test!(bytes::lists_are_in_the_kernels_own_bytes),
        test!(requests::each_refusal_has_its_kind),
        test!(requests::without_rights_nothing_changes),
        test!(requests::a_pipeline_has_an_outcome_for_each),
        test!(requests::an_interface_that_goes_fails_the_rest),
        test!(requests::an_identical_replace_succeeds_without_an_event),
        test!(requests::lookups_answer_as_ip_does),
        test!(requests::next_hop_objects_come_and_go),
        test!(requests::rules_come_and_go),
        test!(requests::a_program_that_fills_our_sockets_does_not_hold_us),
        test!(requests::an_answer_that_finds_no_room_is_lost_and_no_other),
        test!(rules::every_selector_survives_the_kernel),
        test!(rules::a_deletion_takes_the_first_that_has_all_it_names),
        test!(places::another_namespace_is_reached_by_name_by_path_and_by_descriptor),
        test!(places::the_caller_stays_where_it_is),
        test!(places::a_namespace_that_is_missing_is_said_to_be),
        test!(places::the_receive_buffer_is_told_as_it_is),
        test!(places::rights_allow_a_larger_receive_buffer).needs_root(),
    ])
}

/// A backend in the test's namespace, which has two joined interfaces; `w0` has the address 10.0.0.1/24.
fn open() -> Native {
    veth("w0", "w1");
    ip("address add 10.0.0.1/24 dev w0");
    Native::open(&Options::new()).expect("it opens")
}

/// What a request is answered with, up to its end, and what else is heard meanwhile.
fn ask(kernel: &mut Native, request: Request<'_>) -> Notices {
    kernel.submit(NOW, Ticket(7), request).expect("a request that this backend knows");
    kernel.flush().expect("it is sent");
    let mut notices = Notices::new();
    let is_end = |notice: &Notice| matches!(notice, Notice::DumpDone(Ticket(7), _) | Notice::Outcome(Ticket(7), _));
    while !notices.iter().any(is_end) {
        kernel.drain(NOW, 1000, &mut notices).expect("the sockets live");
    }
    notices
}

/// What is heard by now.
fn hear(kernel: &mut Native) -> Notices {
    let mut notices = Notices::new();
    while kernel.drain(NOW, 1000, &mut notices).expect("the sockets live") == Drained::More {}
    notices
}

fn outcome(notices: Notices) -> Outcome {
    let outcome = notices.into_iter().find_map(|notice| match notice {
        Notice::Outcome(_, outcome) => Some(outcome),
        _ => None,
    });
    outcome.expect("an outcome")
}

/// Makes a change, and says why it failed if it did.
fn change(kernel: &mut Native, change: RouteChange, words: &str) -> Result<(), Error> {
    let route: Route = words.parse().expect("words of a route");
    match outcome(ask(kernel, Request::Route(change, &route))) {
        Outcome::Done => Ok(()),
        Outcome::Failed(error) => Err(error),
        other => panic!("{other:?}"),
    }
}

/// Changes of IPv4 routes as `Added 10.1.0.0/16`. IPv6 has its own as an interface comes up, at its own time.
fn changes(notices: &Notices) -> Vec<String> {
    let route = |notice: &Notice| match notice {
        Notice::Route(verb, route) if route.slot.destination.family() == Family::V4 => {
            Some(format!("{verb:?} {}", route.slot.destination))
        }
        _ => None,
    };
    notices.iter().filter_map(route).collect()
}
