//! The contract, of the simulated kernel.

use std::panic::{AssertUnwindSafe, catch_unwind};

use waypost_sim::contract::{self, World};
use waypost_sim::{Profile, SameSlot, Sim, SimKernel};

/// A world about a new machine.
fn world(profile: Profile) -> World<'static, SimKernel> {
    World::about(&Sim::new(profile))
}

macro_rules! each {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                contract::$name(&mut world(Profile::linux()));
            }
        )*

        const ALL: &[(&str, fn(&mut World<'_, SimKernel>))] = &[$((stringify!($name), contract::$name)),*];
    };
}

waypost_sim::contract_tests!(each);

/// Which tests a kernel of this profile fails.
fn failed_by(profile: &Profile) -> Vec<&'static str> {
    let fails =
        |test: fn(&mut World<'_, SimKernel>)| catch_unwind(AssertUnwindSafe(|| test(&mut world(profile.clone())))).is_err();
    ALL.iter().filter(|(_, test)| fails(*test)).map(|(name, _)| *name).collect()
}

#[test]
fn a_kernel_that_differs_in_one_point_is_found_out() {
    type Edit = fn(&mut Profile);
    let edits: [(&str, Edit); 19] = [
        ("IPv4 merges", |profile| profile.ipv4.same_slot = SameSlot::Merged),
        ("IPv4 has a default metric", |profile| profile.ipv4.default_metric = 1),
        ("IPv4 announces identical replaces", |profile| profile.ipv4.identical_replace_announced = true),
        ("IPv4 announces consequences", |profile| profile.ipv4.consequences_announced = true),
        ("IPv4 loses addresses with the link", |profile| profile.ipv4.addresses_leave_with_link = true),
        ("IPv4 keeps routes without address", |profile| profile.ipv4.routes_leave_with_last_address = false),
        ("IPv4 keeps routes without source", |profile| profile.ipv4.routes_leave_with_source = false),
        ("IPv4 makes no broadcast routes", |profile| profile.ipv4.connected.broadcast = false),
        ("IPv6 keeps an order", |profile| profile.ipv6.same_slot = SameSlot::Ordered),
        ("IPv6 keeps a metric of zero", |profile| profile.ipv6.default_metric = 0),
        ("IPv6 hides identical replaces", |profile| profile.ipv6.identical_replace_announced = false),
        ("IPv6 hides consequences", |profile| profile.ipv6.consequences_announced = false),
        ("IPv6 loses routes with the last address", |profile| profile.ipv6.routes_leave_with_last_address = true),
        ("IPv6 keeps addresses without link", |profile| profile.ipv6.addresses_leave_with_link = false),
        ("objects are announced", |profile| profile.next_hop_consequences_announced = true),
        ("no default rule", |profile| profile.rules.truncate(2)),
        ("IPv4 deletes by less", |profile| profile.ipv4.delete_compares_all = false),
        ("IPv4 refuses its own gateway", |profile| profile.ipv4.own_address_as_gateway = false),
        ("IPv6 takes its own gateway", |profile| profile.ipv6.own_address_as_gateway = true),
    ];
    let missed = edits.iter().filter(|(_, edit)| {
        let mut profile = Profile::linux();
        edit(&mut profile);
        failed_by(&profile).is_empty()
    });
    let missed: Vec<&str> = missed.map(|(name, _)| *name).collect();
    assert!(missed.is_empty(), "the contract does not tell: {missed:?}");
}
