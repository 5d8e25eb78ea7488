//! What every kernel must do: the same functions for the simulated one and the real ones.
//!
//! Each function here is a test. It gets a [`World`]: a kernel, somebody who does to the machine what an
//! administrator would ([`Act`]), and a way to wait. [`contract_tests!`](crate::contract_tests) lists them all, so
//! that whoever has a kernel runs every one of them.
//!
//! The machine must have nothing but its loopback when a world is made. Who runs it makes the link `w0` when asked
//! to, of any kind that has a carrier when it is up.
//!
//! # Panics
//!
//! All of them, where the kernel does not do what it must: that is how a test fails.

mod consequences;
mod dumps;
mod ipv4;
mod ipv6;
mod lookups;
mod refusals;
pub mod routing_sockets;
mod rules;
mod simulated;
mod world;

pub use consequences::*;
pub use dumps::*;
pub use ipv4::*;
pub use ipv6::*;
pub use lookups::*;
pub use refusals::*;
pub use rules::*;
pub use world::{Act, World};

/// Gives the names of all contract tests to a macro: `contract_tests!(each)` is `each! { name, name, … }`.
#[macro_export]
macro_rules! contract_tests {
    ($each:ident) => {
        $each! {
            an_exclusive_add_refuses_a_second,
            a_delete_that_names_the_wrong_thing_deletes_nothing,
            an_ipv4_delete_compares_what_else_is_named,
            an_ipv4_metric_of_zero_is_zero,
            a_replace_hits_the_first,
            an_append_goes_behind_and_a_prepend_before,
            an_identical_ipv4_replace_says_nothing,
            a_change_of_nothing_is_not_found,
            metric_zero_deletes_any_ipv4_route,
            routes_that_lead_nowhere_are_kept_apart,
            a_multipath_keeps_its_weights,
            routes_of_another_tos_have_a_slot_of_their_own,
            an_ipv6_append_merges,
            an_ipv6_delete_takes_one_next_hop,
            an_ipv6_metric_of_zero_is_1024,
            an_ipv6_replace_takes_all_next_hops,
            an_identical_ipv6_replace_is_announced,
            an_ipv6_route_without_gateway_does_not_merge,
            an_ipv6_dump_misses_what_stands_between_next_hops,
            an_ipv6_multipath_is_announced_whole,
            a_link_that_goes_down_drops_ipv4_silently_and_ipv6_loudly,
            a_link_that_comes_up_brings_its_own_routes_alone,
            a_link_that_is_removed_takes_its_routes,
            an_address_takes_its_routes,
            the_last_ipv4_address_takes_all_routes_silently,
            a_lost_carrier_is_said_of_the_link_alone,
            a_next_hop_object_takes_its_routes,
            a_next_hop_object_goes_with_its_link_silently,
            a_replaced_next_hop_object_changes_its_routes,
            a_dump_lists_what_was_added_in_order,
            a_filtered_dump_lists_no_other,
            what_was_done_is_there_to_be_read,
            tables_beyond_255_are_tables,
            a_lookup_tells_the_path_and_the_entry,
            a_lookup_goes_by_the_rules,
            a_lookup_of_nothing_is_unreachable,
            an_unreachable_gateway_is_refused,
            ones_own_address_is_a_gateway_on_ipv4_alone,
            an_ipv6_route_cannot_be_prepended,
            a_device_that_is_not_there_is_refused,
            a_batch_has_an_outcome_for_each,
            what_is_not_there_cannot_be_deleted,
            a_rule_is_added_once_and_deleted_once,
            rules_are_listed_by_priority,
        }
    };
}
