//! The facade's watcher against the kernel, with `ip` as a rival and a witness.

mod closed;
mod loops;
mod places;
mod storms;
mod things;

use std::process::ExitCode;
use std::time::Duration;

use waypost::{Change, Event};
use waypost_tests::namespace::run;
use waypost_tests::test;

/// How long something may take that comes at once unless it never comes.
const PATIENCE: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    run(&[
        test!(places::another_namespace_is_seen_by_name_by_path_and_by_descriptor),
        test!(places::several_namespaces_are_followed_side_by_side),
        test!(places::a_namespace_that_is_missing_is_no_such_device),
        test!(places::the_caller_stays_where_it_is),
        test!(places::without_rights_everything_is_seen),
        test!(places::a_namespace_with_nothing_but_its_loopback_is_whole),
        test!(places::a_host_without_ipv6_is_followed),
        test!(closed::a_socket_closed_beneath_is_told_and_opened_anew),
        test!(closed::a_descriptor_that_stands_for_something_else_by_now_is_left_to_it),
        test!(closed::one_that_stands_for_another_such_socket_is_found_by_the_next_reading),
        test!(closed::a_namespace_that_is_removed_is_followed_and_opened_anew_without_its_name),
        test!(closed::subscribers_live_through_it),
        test!(loops::waiting_ends_with_the_time_or_with_an_event),
        test!(loops::a_first_picture_that_takes_too_long_is_told),
        test!(loops::a_poll_wakes_when_something_has_changed),
        test!(loops::a_mio_loop_serves_the_watcher_beside_a_socket),
        test!(loops::tokio_wakes_the_stream),
        test!(loops::async_io_wakes_the_stream),
        test!(loops::the_streams_wake_for_what_the_watcher_wants_to_look_at),
        test!(loops::a_wait_can_be_as_long_as_one_likes),
        test!(loops::a_stream_of_many_events_lets_others_have_their_turns),
        test!(loops::a_future_that_is_dropped_loses_nothing),
        test!(storms::events_replayed_over_a_snapshot_are_the_mirror),
        test!(storms::legs_of_ipv6_that_come_and_go_have_the_weights_that_are_listed),
        test!(storms::they_are_so_with_a_buffer_that_overruns),
        test!(storms::they_are_so_for_one_who_reads_when_all_is_over),
        test!(storms::a_burst_is_told_whole),
        test!(things::links_are_followed_through_names_and_numbers),
        test!(things::addresses_are_followed),
        test!(things::neighbours_are_followed_on_request),
        test!(things::rules_are_followed),
        test!(things::next_hop_objects_are_followed),
        test!(things::settings_are_followed),
    ])
}

/// Says whether an event tells that a route to this destination has come.
fn brings(event: &Event, destination: &str) -> bool {
    matches!(event, Event::Route { change: Change::Added(route), .. } if route.slot.destination.to_string() == destination)
}

/// Says whether an event tells that a route to this destination has gone.
fn takes(event: &Event, destination: &str) -> bool {
    matches!(event, Event::Route { change: Change::Removed(route), .. } if route.slot.destination.to_string() == destination)
}
