//! The contract of kernels with routing sockets, in every dialect and byte order, through the session and the codec.
#![cfg(feature = "pfroute")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use waypost_pfroute::session::RoutingSocket;
use waypost_pfroute::wire::ByteOrder;
use waypost_sim::RoutingProfile;
use waypost_sim::contract::{World, routing_sockets as contract};
use waypost_sim::routing::SimSockets;

type Test = fn(&mut World<'_, RoutingSocket<SimSockets>>);

/// Runs a test for each dialect and byte order, and says which failed.
fn in_every_dialect(test: Test) {
    let mut failed = Vec::new();
    for profile in RoutingProfile::ALL {
        let name = profile.dialect.name;
        for order in [ByteOrder::Little, ByteOrder::Big] {
            if catch_unwind(AssertUnwindSafe(|| test(&mut World::of_routing_sockets(profile, order)))).is_err() {
                failed.push((name, order));
            }
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}

macro_rules! each {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                in_every_dialect(contract::$name);
            }
        )*
    };
}

waypost_sim::routing_contract_tests!(each);
