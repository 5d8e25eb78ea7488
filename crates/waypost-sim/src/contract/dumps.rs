//! What a dump lists.

use waypost_core::{Family, Kernel, Protocol, RouteChange, RouteFilter, TableId};

use super::World;
use super::world::gateways_of;

/// What was added is listed, once, with each slot's routes in order.
pub fn a_dump_lists_what_was_added_in_order<K: Kernel>(world: &mut World<'_, K>) {
    for net in 0..100 {
        world.must(RouteChange::Add, &format!("10.100.{net}.0/24 via 10.0.0.1 metric 5"));
        world.must(RouteChange::Add, &format!("2001:db8:{net}::/48 via 2001:db8::1 metric 5"));
    }
    world.must(RouteChange::Append, "10.100.7.0/24 via 10.0.0.3 metric 5");
    world.must(RouteChange::Prepend, "10.100.7.0/24 via 10.0.0.4 metric 5");
    world.must(RouteChange::Add, "10.100.7.0/24 via 10.0.0.5 metric 4");
    let all = |world: &mut World<'_, K>, family| {
        let mut filter = RouteFilter::default();
        filter.table = Some(TableId::MAIN);
        let mut routes = world.routes_passing(family, &filter);
        routes.retain(|route| route.entry.protocol == Protocol::BOOT);
        routes
    };
    let v4 = all(world, Family::V4);
    assert_eq!(v4.len(), 103);
    let seventh: Vec<String> =
        v4.iter().filter(|route| route.slot.destination.to_string() == "10.100.7.0/24").flat_map(gateways_of).collect();
    assert_eq!(seventh, ["10.0.0.5", "10.0.0.4", "10.0.0.1", "10.0.0.3"]);
    let mut v6: Vec<String> = all(world, Family::V6).iter().map(|route| route.slot.destination.to_string()).collect();
    v6.sort();
    v6.dedup();
    assert_eq!(v6.len(), 100);
}

/// A filter leaves out every other route.
pub fn a_filtered_dump_lists_no_other<K: Kernel>(world: &mut World<'_, K>) {
    world.must(RouteChange::Add, "10.1.0.0/16 via 10.0.0.1 proto static");
    world.must(RouteChange::Add, "10.2.0.0/16 via 10.0.0.1 proto bird");
    world.must(RouteChange::Add, "10.3.0.0/16 via 10.0.0.1 proto static table 1000");
    world.must(RouteChange::Add, "2001:db8:1::/48 via 2001:db8::1 proto static");
    let list = |world: &mut World<'_, K>, family, edit: &dyn Fn(&mut RouteFilter)| {
        let mut filter = RouteFilter::default();
        edit(&mut filter);
        let routes = world.routes_passing(family, &filter);
        routes.iter().map(|route| route.slot.destination.to_string()).collect::<Vec<_>>()
    };
    let mut listed = list(world, Family::V4, &|filter| filter.protocol = Some(Protocol::STATIC));
    listed.sort();
    assert_eq!(listed, ["10.1.0.0/16", "10.3.0.0/16"]);
    assert_eq!(list(world, Family::V4, &|filter| filter.table = Some(TableId(1000))), ["10.3.0.0/16"]);
    let both = |filter: &mut RouteFilter| {
        filter.table = Some(TableId::MAIN);
        filter.protocol = Some(Protocol(12));
    };
    assert_eq!(list(world, Family::V4, &both), ["10.2.0.0/16"]);
    assert_eq!(list(world, Family::V6, &|filter| filter.protocol = Some(Protocol::STATIC)), ["2001:db8:1::/48"]);
    assert!(list(world, Family::V4, &|filter| filter.protocol = Some(Protocol(77))).is_empty());
}

/// Once the outcome is there, a dump shows what was done, and the events on the way to it told of it.
pub fn what_was_done_is_there_to_be_read<K: Kernel>(world: &mut World<'_, K>) {
    for (words, destination) in
        [("10.1.0.0/16 via 10.0.0.1 metric 5", "10.1.0.0/16"), ("2001:db8:1::/48 via 2001:db8::1 metric 5", "2001:db8:1::/48")]
    {
        for _ in 0..10 {
            world.must(RouteChange::Add, words);
            assert_eq!(world.said_of(destination).len(), 1);
            assert_eq!(world.routes(destination).len(), 1);
            world.must(RouteChange::Delete, words);
            assert_eq!(world.said_of(destination).len(), 1);
            assert!(world.routes(destination).is_empty());
        }
    }
}

/// A table's number does not end where one byte does.
pub fn tables_beyond_255_are_tables<K: Kernel>(world: &mut World<'_, K>) {
    for table in [256, 1000, u32::MAX] {
        for (words, destination) in [
            (format!("10.1.0.0/16 via 10.0.0.1 metric 5 table {table}"), "10.1.0.0/16"),
            (format!("2001:db8:1::/48 via 2001:db8::1 metric 5 table {table}"), "2001:db8:1::/48"),
        ] {
            drop(world.said());
            world.must(RouteChange::Add, &words);
            let tables: Vec<u32> = world.routes(destination).iter().map(|route| route.slot.table.0).collect();
            assert_eq!(tables, [table]);
            world.must(RouteChange::Delete, &words);
            assert!(world.said_of(destination).iter().all(|(_, route)| route.slot.table.0 == table));
            assert!(world.routes(destination).is_empty());
        }
    }
}
