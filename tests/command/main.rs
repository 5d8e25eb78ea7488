//! The command `waypost` on the real kernel, for both families, with `ip` as a witness.

mod around;
mod batches;
mod changing;
mod conns;
mod failing;
mod following;
mod showing;
mod summing_up;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, ExitCode, Output, Stdio};

use serde_json::Value;
use waypost_tests::command::{Running, build, command, program};
use waypost_tests::ip::{ip, veth_with_addresses};
use waypost_tests::namespace::{cannot_run, run};
use waypost_tests::test;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn ran(words: &str) -> Output {
    command(words).output().expect("the command starts")
}

/// What the command prints, given these words.
#[track_caller]
fn waypost(words: &str) -> String {
    let output = ran(words);
    assert!(output.status.success(), "waypost {words}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// The exit status and the error of a command that must fail.
#[track_caller]
fn fails(words: &str) -> (i32, String) {
    let output = ran(words);
    assert!(!output.status.success(), "waypost {words} did not fail: {}", text(&output.stdout));
    (output.status.code().expect("it ends by itself"), text(&output.stderr))
}

/// The lines of `ip` and of the command, without the blank that `ip` puts at their ends.
fn lines(text: &str) -> Vec<String> {
    text.lines().map(|line| line.trim_end().to_owned()).collect()
}

fn json(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A table with every kind of route that this machine's kernel has.
fn rich_table() {
    veth_with_addresses("w0", "w1");
    ip("nexthop add id 7 via 10.0.0.2 dev w0");
    ip("nexthop add id 8 via 10.0.0.3 dev w0");
    ip("nexthop add id 9 group 7,3/8");
    for route in [
        "10.1.0.0/16 via 10.0.0.2 mtu lock 1400 rtt 300ms rttvar 100ms hoplimit 44 metric 5 proto static",
        "10.2.0.0/16 nexthop via 10.0.0.2 dev w0 weight 3 nexthop via 10.0.0.3 dev w0",
        "blackhole 10.3.0.0/16",
        "throw 10.3.0.0/16 metric 9",
        "10.4.0.0/16 via inet6 fe80::1 dev w0",
        "10.5.0.0/16 via 10.9.9.9 table 51820 proto 99 realms 3/4 onlink dev w0",
        "10.6.0.0/16 nhid 9",
        "10.7.0.0/16 nhid 7 tos 0x10",
        "10.8.0.0/16 dev w0 src 10.0.0.1 features ecn congctl cubic",
        "default via 10.0.0.2",
        "2001:db8:5::/48 from 2001:db8:1::/64 via fe80::1 dev w0 pref high",
        "2001:db8:6::/48 nexthop via fe80::1 dev w0 weight 2 nexthop via fe80::2 dev w0",
        "unreachable 2001:db8:7::/48 metric 7",
        "default via fe80::1 dev w0 table 9",
    ] {
        ip(&format!(
            "{} route add {route}",
            if route.contains("2001") || route.contains("default via fe80") { "-6" } else { "-4" }
        ));
    }
}

/// Runs a batch that stands on standard input.
fn batch(words: &str, lines: &str) -> Output {
    let mut child = command(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a child");
    child.stdin.take().expect("a pipe").write_all(lines.as_bytes()).expect("it reads");
    child.wait_with_output().expect("it ends")
}

fn main() -> ExitCode {
    if let Err(code) = build("command") {
        return code;
    }
    run(&[
        test!(showing::showing_prints_the_lines_of_ip),
        test!(showing::json_has_the_fields_and_values_of_ip),
        test!(changing::every_verb_does_what_ip_sees),
        test!(changing::rules_and_next_hops_come_and_go),
        test!(showing::the_kernel_and_the_mirror_tell_the_way),
        test!(failing::each_failure_has_its_status_and_its_reason),
        test!(failing::what_is_there_already_is_said_of_what_it_is),
        test!(changing::another_route_that_would_go_instead_is_named_with_its_interface),
        test!(changing::a_gateway_of_the_other_family_makes_default_what_it_is_for_ip),
        test!(changing::words_are_taken_as_ip_takes_them),
        test!(showing::numbers_have_the_names_that_ip_gives_them),
        test!(showing::links_and_addresses_have_the_flags_of_ip),
        test!(showing::a_path_is_told_as_ip_tells_it),
        test!(showing::rules_have_the_fields_and_values_of_ip),
        test!(changing::one_way_of_several_is_not_taken_for_the_route),
        test!(batches::a_batch_is_carried_out_in_order),
        test!(batches::a_batch_that_fails_names_the_line),
        test!(batches::a_line_is_judged_by_what_the_kernel_did_and_not_by_what_it_was_asked),
        test!(batches::what_was_done_before_a_file_ended_in_an_error_is_told),
        test!(batches::what_is_behind_the_line_that_failed_is_told_exactly),
        test!(following::whoever_replays_the_monitor_has_the_table),
        test!(following::a_monitor_tells_what_it_is_asked_for),
        test!(following::what_was_captured_says_itself_how_it_is_decoded),
        test!(summing_up::the_summary_is_an_object_a_report),
        test!(summing_up::the_summary_is_a_line_a_reason),
        test!(summing_up::the_messages_of_libwebsockets_are_printed),
        test!(conns::each_socket_is_listed_with_its_route),
        test!(conns::one_without_a_way_is_ended_in_milliseconds),
        test!(conns::those_without_a_way_are_ended_once),
        test!(conns::who_has_a_way_by_its_ports_or_another_source_is_not_ended),
        test!(around::a_reader_that_goes_away_is_no_error),
        test!(around::another_namespace_is_looked_into),
        test!(failing::without_privilege_everything_that_reads_works),
        test!(failing::a_full_disk_is_told_of_whatever_is_printed),
        test!(failing::nothing_that_the_kernel_names_reaches_the_terminal_as_a_command),
        test!(around::a_terminal_gets_columns_and_colours),
        test!(around::an_interrupt_ends_it_quietly),
        test!(around::shells_complete_what_is_typed),
        test!(around::manual_pages_are_rendered),
    ])
}
