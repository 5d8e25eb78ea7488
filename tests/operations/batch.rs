//! Batches that delete.

use std::ops::ControlFlow;

use waypost::{ErrorKind, Family, Operation, RouteChange, RouteFilter, Routes, Rule};
use waypost_tests::ip::veth_with_addresses;

use super::{route, routes, rules, witness};

/// What a batch tells, in order.
fn outcomes(routes: &mut Routes, operations: impl IntoIterator<Item = Operation>) -> Vec<Result<(), ErrorKind>> {
    let mut outcomes = Vec::new();
    let tell = |at, result: Result<(), waypost::Error>| {
        assert_eq!(at, outcomes.len(), "in order");
        outcomes.push(result.map_err(|error| error.kind()));
        ControlFlow::Continue(())
    };
    routes.batch(operations, tell).unwrap();
    outcomes
}

pub(crate) fn rules_in_a_batch_are_looked_at_before_they_are_deleted() {
    let mut routes = routes();
    for (family, net) in [(Family::V4, "10.7.0.0/16"), (Family::V6, "2001:db8:7::/48")] {
        let rule = |text: &str| Rule::parse(&text.replace("NET", net), Some(family)).unwrap();
        let before = rules(family);
        let (plain, fuller) = (rule("from all lookup 77 priority 500"), rule("from NET lookup 77 priority 500"));
        let other = rule("from NET lookup 78 priority 501");
        // Asked to delete the plain one, the kernel would take the fuller one for it.
        routes.add_rule(&fuller).unwrap();
        let delete = |rule: &Rule| Operation::DeleteRule(rule.clone());
        assert_eq!(outcomes(&mut routes, [delete(&plain)]), [Err(ErrorKind::Ambiguous)]);
        assert_eq!(rules(family).len(), before.len() + 1);
        // What the batch itself does counts.
        let add = |rule: &Rule| Operation::AddRule(rule.clone());
        let operations = [
            delete(&plain),
            delete(&fuller),
            add(&plain),
            add(&fuller),
            add(&other),
            delete(&plain),
            delete(&plain),
            delete(&other),
            delete(&fuller),
            delete(&fuller),
        ];
        let (done, other, gone) = (Ok(()), Err(ErrorKind::Ambiguous), Err(ErrorKind::NotFound));
        let expected = [other, done, done, done, done, done, other, done, done, gone];
        assert_eq!(outcomes(&mut routes, operations), expected);
        assert_eq!(rules(family), before);
    }
}

pub(crate) fn a_batch_takes_no_next_hop_out_of_a_route_of_several() {
    veth_with_addresses("w0", "w1");
    let mut routes = routes();
    let legs = "nexthop via 2001:db8::2 dev w0 weight 1 nexthop via 2001:db8::3 dev w0 weight 1";
    let several = format!("2001:db8:1::/48 metric 5 pref medium {legs}");
    routes.add(&route(&several)).unwrap();
    let delete = |text: &str| Operation::Route(RouteChange::Delete, route(text));
    let leg = "2001:db8:1::/48 via 2001:db8::2 dev w0 metric 5";
    assert_eq!(outcomes(&mut routes, [delete(leg)]), [Err(ErrorKind::NotFound)]);
    assert_eq!(witness("2001:db8:1::/48"), std::slice::from_ref(&several));
    assert_eq!(outcomes(&mut routes, [delete(&several), delete(&several)]), [Ok(()), Err(ErrorKind::NotFound)]);
    assert_eq!(witness("2001:db8:1::/48"), [""; 0]);
}

pub(crate) fn what_a_batch_adds_it_can_delete() {
    veth_with_addresses("w0", "w1");
    let mut routes = routes();
    let changes = |change: RouteChange| {
        let text = |n: u32| [format!("10.1.{n}.0/24 via 10.0.0.2"), format!("2001:db8:{n:x}::/48 via 2001:db8::2")];
        (1..200).flat_map(text).map(move |text| Operation::Route(change, route(&text)))
    };
    let operations = changes(RouteChange::Add).chain(changes(RouteChange::Delete)).chain(changes(RouteChange::Add));
    assert!(outcomes(&mut routes, operations).into_iter().all(|outcome| outcome == Ok(())));
    // Each is added, deleted as it was listed, and added again, in turn.
    let mut filter = RouteFilter::default();
    filter.gateway = Some("10.0.0.2".parse().unwrap());
    let listed = routes.list(&filter).unwrap();
    assert_eq!(listed.len(), 199);
    let turns = listed.iter().flat_map(|route| {
        let turn = [RouteChange::Delete, RouteChange::Add, RouteChange::Delete];
        turn.map(|change| Operation::Route(change, route.clone()))
    });
    assert!(outcomes(&mut routes, turns).into_iter().all(|outcome| outcome == Ok(())));
    assert_eq!(routes.list(&filter).unwrap(), []);
}
