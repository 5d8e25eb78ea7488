//! Claims on the real kernel: the command, rivals, crashes, and what leaves by which uplink.

mod command;
mod crashes;
mod keeping;
mod rivals;
mod service;

use std::fs;
use std::path::PathBuf;
use std::process::{ExitCode, Output};
use std::time::Duration;

use waypost_tests::command::{build, command as waypost_command};
use waypost_tests::namespace::run;
use waypost_tests::test;

/// How long something may take that comes at once unless it never comes.
const PATIENCE: Duration = Duration::from_secs(20);

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn ran(words: &str) -> Output {
    waypost_command(words).output().expect("the command starts")
}

/// What the command prints, given these words.
#[track_caller]
fn waypost(words: &str) -> String {
    let output = ran(words);
    assert!(output.status.success(), "waypost {words}: {}{}", text(&output.stderr), text(&output.stdout));
    text(&output.stdout)
}

/// The exit status, the error and the output of a command that must fail.
#[track_caller]
fn fails(words: &str) -> (i32, String, String) {
    let output = ran(words);
    assert!(!output.status.success(), "waypost {words} did not fail: {}", text(&output.stdout));
    (output.status.code().expect("it ends by itself"), text(&output.stderr), text(&output.stdout))
}

/// A file of the test's own, in a folder that its namespace covers.
fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from("/run").join(name);
    fs::write(&path, text).expect("the file can be written");
    path
}

fn main() -> ExitCode {
    if let Err(code) = build("claims") {
        return code;
    }
    run(&[
        test!(command::a_file_is_brought_about_and_doing_it_again_changes_nothing),
        test!(command::what_is_not_in_the_file_any_more_goes_where_that_is_asked_for),
        test!(command::a_file_that_is_wrong_is_refused_before_anything_is_touched),
        test!(command::toml_and_lines_say_the_same),
        test!(command::what_cannot_be_restored_is_told_by_its_line),
        test!(command::the_next_hop_of_another_that_has_joined_a_route_stays_when_the_route_goes),
        test!(command::what_others_have_is_named_and_left_alone),
        test!(command::what_fails_in_the_middle_is_undone_and_that_is_told),
        test!(command::what_was_saved_can_be_restored),
        test!(command::what_was_saved_says_all_of_it),
        test!(command::what_is_in_the_way_of_what_was_saved_is_told_before_anything_is_touched),
        test!(command::a_route_of_metric_0_goes_and_changes_beside_another_of_its_owner),
        test!(command::what_is_kept_stays_when_nobody_reads_what_is_told),
        test!(command::the_route_that_an_interface_has_by_itself_stays),
        test!(command::an_owner_sweeps_its_own_alone),
        test!(command::programs_get_json),
        test!(command::what_is_kept_comes_back_and_who_took_it_is_told),
        test!(keeping::what_rivals_take_away_is_told_and_put_back),
        test!(keeping::which_process_took_it_away_is_told),
        test!(keeping::who_does_not_follow_reads_again_before_each_plan),
        test!(keeping::what_goes_with_its_link_comes_back_with_it),
        test!(keeping::what_cannot_be_there_yet_waits),
        test!(keeping::a_default_route_changes_without_a_packet_that_finds_none),
        test!(rivals::whatever_rivals_do_between_our_steps_nothing_of_theirs_is_lost_or_changed),
        test!(rivals::what_a_rival_has_put_in_its_place_meanwhile_is_named),
        test!(rivals::an_ipv6_route_without_a_gateway_comes_back_behind_another_of_its_slot),
        test!(crashes::whatever_moment_apply_is_killed_at_the_next_one_leaves_no_orphan_and_no_gap),
        test!(crashes::whatever_moment_sweep_is_killed_at_the_next_one_leaves_nothing),
        test!(crashes::what_a_crash_has_left_is_adopted),
        test!(service::mail_and_web_to_the_same_host_leave_by_two_uplinks),
        test!(service::a_user_and_a_mark_have_ways_of_their_own),
    ])
}
