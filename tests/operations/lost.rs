//! Changes whose answers are lost because there is no room for them in our socket.

use std::ops::ControlFlow;

use waypost::{ErrorKind, Family, Flow, LookupMode, NextHopObject, Operation, Route, RouteChange, Routes, Rule};
use waypost_tests::flood;
use waypost_tests::ip::{ip, veth_with_addresses};

use super::{PAIRS, route, routes, rules, witness};

/// How many changes of a batch are under way at once, at most.
const UNDER_WAY: usize = 64;

pub(crate) fn a_single_change_whose_answer_is_lost_is_read_from_the_state() {
    veth_with_addresses("w0", "w1");
    let mut routes = routes();
    let lost = |routes: &mut Routes, change: &dyn Fn(&mut Routes) -> Result<(), waypost::Error>| {
        assert!(flood::fill_all() > 0, "there was room");
        change(routes).map_err(|error| error.kind())
    };
    for (one, other, destination) in PAIRS {
        let (one, other) = (route(one), route(other));
        assert_eq!(lost(&mut routes, &|routes| routes.add(&one)), Ok(()));
        // The kernel says that it is there already, which nobody hears.
        assert_eq!(lost(&mut routes, &|routes| routes.add(&other)), Err(ErrorKind::Unknown));
        assert_eq!(lost(&mut routes, &|routes| routes.change(RouteChange::Append, &other)), Ok(()));
        assert!(witness(destination).join(" ").contains("10.0.0.3") || witness(destination).join(" ").contains("2001:db8::3"));
        assert_eq!(lost(&mut routes, &|routes| routes.change(RouteChange::Replace, &other)), Ok(()));
        let family = one.slot.destination.family();
        let rule = Rule::parse("from all fwmark 7 lookup 77 priority 500", Some(family)).unwrap();
        assert_eq!(lost(&mut routes, &|routes| routes.add_rule(&rule)), Ok(()));
        assert!(rules(family).iter().any(|line| line.starts_with("500:")));
        let mut refused = rule.clone();
        refused.action = waypost::RuleAction::Goto(3);
        assert_eq!(lost(&mut routes, &|routes| routes.add_rule(&refused)), Err(ErrorKind::Unknown));
        let object = NextHopObject::parse("id 7 blackhole", &routes.names().unwrap(), Some(family)).unwrap();
        assert_eq!(lost(&mut routes, &|routes| routes.add_next_hop(&object)), Ok(()));
        assert_eq!(lost(&mut routes, &|routes| routes.replace_next_hop(&object)), Ok(()));
        assert_eq!(lost(&mut routes, &|routes| routes.delete_next_hop(object.id)), Ok(()));
        assert_eq!(ip("nexthop show"), "");
        let flow = Flow::to(one.entry.next_hops[0].gateway.unwrap());
        assert_eq!(lost(&mut routes, &|routes| routes.lookup(&flow, LookupMode::Path).map(|_| ())), Ok(()));
    }
}

pub(crate) fn changes_of_a_batch_whose_answers_are_lost_are_read_from_the_state() {
    veth_with_addresses("w0", "w1");
    let mut routes = routes();
    for (one, other, destination) in PAIRS {
        let (one, other) = (route(one), route(other));
        let family = one.slot.destination.family();
        let mut elsewhere = one.clone();
        elsewhere.slot.metric = 9;
        let rule = |text: &str| Rule::parse(text, Some(family)).unwrap();
        let (old, new) = (rule("from all lookup 77 priority 500"), rule("from all lookup 78 priority 501"));
        let mut object = |text: &str| NextHopObject::parse(text, &routes.names().unwrap(), Some(family)).unwrap();
        let (first, second) = (object("id 7 blackhole"), object("id 8 blackhole"));
        routes.add(&one).unwrap();
        routes.add_rule(&old).unwrap();
        routes.add_next_hop(&first).unwrap();
        // With these as many come to be under way as ever are; they are deleted in the end.
        let many = (0..2 * UNDER_WAY).map(|n| Operation::AddRule(rule(&format!("from all lookup 80 priority {}", 600 + n))));
        // These are looked at and refused. As the second half is told of, the others have been looked at but not begun.
        let nothing = Operation::DeleteRule(rule("from all lookup 79 priority 502"));
        let before = many.chain(std::iter::repeat_n(nothing, 2 * UNDER_WAY));
        let lost = [
            Operation::DeleteRule(old),
            Operation::Route(RouteChange::Delete, one),
            Operation::Route(RouteChange::Add, elsewhere.clone()),
            // This one is there by then, with another next hop.
            Operation::Route(RouteChange::Add, Route::from_parts(elsewhere.slot, other.entry.clone())),
            Operation::AddRule(new.clone()),
            Operation::AddNextHop { object: second.clone(), replace: false },
            Operation::AddNextHop { object: second, replace: true },
            Operation::DeleteNextHop(first.id),
        ];
        let mut told = Vec::new();
        let mut filled = 0;
        let tell = |at, result: Result<(), waypost::Error>| {
            if at == 3 * UNDER_WAY {
                filled = flood::fill_all();
            }
            told.push(result.map_err(|error| error.kind()));
            ControlFlow::Continue(())
        };
        routes.batch(before.chain(lost), tell).unwrap();
        assert!(filled > 0, "there was room");
        assert!(told.drain(..2 * UNDER_WAY).all(|outcome| outcome == Ok(())));
        assert!(told.drain(..2 * UNDER_WAY).all(|outcome| outcome == Err(ErrorKind::NotFound)));
        let done = Ok(());
        assert_eq!(told, [done, done, done, Err(ErrorKind::Unknown), done, done, done, done]);
        assert_eq!(witness(destination).len(), 1);
        assert_eq!(ip("nexthop show").trim(), "id 8 blackhole");
        routes.delete_rule(&new).unwrap();
        ip(&format!("{} rule flush table 80", if family == Family::V4 { "-4" } else { "-6" }));
        ip("nexthop flush");
    }
}
