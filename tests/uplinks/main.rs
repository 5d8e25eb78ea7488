//! `waypost uplinks` against the kernel: two ways to a host beyond, and a steady stream of packets to it through all that happens.

mod asked;
mod links;
mod probes;
mod rights;
mod running;
mod three;
mod world;

use std::process::ExitCode;

use waypost_tests::namespace::run;
use waypost_tests::{command, test};

fn main() -> ExitCode {
    if let Err(code) = command::build("uplinks") {
        return code;
    }
    run(&[
        test!(running::a_planned_switch_loses_nothing),
        test!(links::a_link_that_goes_down_is_left_at_once),
        test!(links::sixty_four_uplinks_that_flap_have_their_routes_again),
        test!(running::a_killed_daemon_leaves_the_routes_and_the_next_takes_them_over_without_a_loss),
        test!(running::what_was_added_goes_at_the_end_unless_it_is_to_be_left),
        test!(running::a_bad_configuration_is_refused_with_its_line_and_the_running_one_kept),
        test!(probes::a_silent_gateway_is_left_when_its_probes_fail),
        test!(probes::a_portal_is_not_the_internet),
        test!(probes::a_page_with_a_name_is_asked_for_when_the_way_to_the_resolver_is_silent),
        test!(probes::what_says_nothing_of_any_uplink_is_warned_of_and_no_success),
        test!(three::three_uplinks_of_both_families_carry_a_vpn_through_switches_without_a_loss),
        test!(three::killed_and_started_again_three_uplinks_and_a_vpn_lose_nothing),
        test!(rights::it_keeps_no_rights_but_those_to_change_the_network),
        test!(rights::it_goes_on_as_another_user).needs_root(),
        test!(rights::the_socket_is_for_those_whom_its_file_lets),
        test!(rights::who_says_nothing_keeps_nobody_out),
        test!(rights::what_it_says_is_for_the_journal_where_that_listens),
        test!(running::a_route_that_a_rival_deletes_comes_back_and_a_rivals_own_is_left_alone),
        test!(running::without_a_configuration_it_shows_what_it_would_do_and_does_nothing),
        test!(running::who_started_it_is_told),
        test!(asked::what_cannot_be_an_uplink_yet_is_listed_and_known_by_its_name),
        test!(asked::a_dry_run_says_all_that_it_would_do),
        test!(asked::who_asks_is_told_when_nobody_runs_and_when_it_ends),
        test!(asked::a_reload_that_cannot_be_followed_is_refused_with_file_line_and_key),
        test!(asked::what_is_found_is_what_others_tell_of),
        test!(asked::the_status_says_why_an_uplink_is_not_as_it_is_wanted),
        test!(asked::the_status_says_which_router_a_route_has_while_another_is_wanted),
        test!(asked::a_reload_that_is_asked_for_before_it_has_begun_ends_nothing),
        test!(asked::without_the_rights_that_it_takes_it_does_not_begin),
    ])
}
