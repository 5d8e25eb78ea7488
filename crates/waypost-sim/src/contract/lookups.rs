//! What a lookup answers.

use waypost_core::{
    Disposition, ErrorKind, Family, Flow, Kernel, LookupMode, Request, Route, RouteChange, Rule, RuleAction, TableId,
};

use super::World;
use super::world::{address, gateways_of, must_fail, prefix};

#[track_caller]
fn look_up<K: Kernel>(world: &mut World<'_, K>, to: &str, mode: LookupMode) -> Route {
    match world.ask(Request::Lookup(&Flow::to(address(to)), mode)) {
        Ok(Some(answer)) => answer.route,
        other => panic!("{to}: {other:?}"),
    }
}

/// The path is for the address that was asked for; the entry is what stands in the table.
pub fn a_lookup_tells_the_path_and_the_entry<K: Kernel>(world: &mut World<'_, K>) {
    world.must(RouteChange::Add, "10.1.0.0/16 via 10.0.0.1 metric 5");
    world.must(RouteChange::Add, "10.1.2.0/24 via 10.0.0.3 metric 9");
    world.must(RouteChange::Add, "2001:db8:1::/48 via 2001:db8::1 metric 5");
    for (to, net, gateway, source) in [
        ("10.1.1.1", "10.1.0.0/16", "10.0.0.1", "10.0.0.2"),
        ("10.1.2.1", "10.1.2.0/24", "10.0.0.3", "10.0.0.2"),
        ("2001:db8:1::7", "2001:db8:1::/48", "2001:db8::1", "2001:db8::2"),
    ] {
        let path = look_up(world, to, LookupMode::Path);
        assert_eq!(path.slot.destination, prefix(&format!("{to}/{}", Family::of(&address(to)).bits())));
        assert_eq!(gateways_of(&path), [gateway]);
        assert_eq!(path.entry.preferred_source, Some(address(source)));
        let entry = look_up(world, to, LookupMode::Entry);
        assert_eq!(entry.slot.destination, prefix(net));
        assert_eq!(gateways_of(&entry), [gateway]);
    }
    assert_eq!(look_up(world, "10.0.0.2", LookupMode::Path).entry.disposition, Disposition::Local);
}

/// A rule can send the lookup to another table first; what that has not, the next has.
pub fn a_lookup_goes_by_the_rules<K: Kernel>(world: &mut World<'_, K>) {
    world.must(RouteChange::Add, "10.1.0.0/16 via 10.0.0.1 metric 5");
    world.must(RouteChange::Add, "10.1.0.0/16 via 10.0.0.3 metric 5 table 100");
    world.must(RouteChange::Add, "throw 10.1.9.0/24 table 100");
    let mut rule = Rule::new(Family::V4, 500, RuleAction::Lookup(TableId(100)));
    rule.to = Some(prefix("10.1.0.0/16"));
    world.ask(Request::AddRule(&rule)).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(gateways_of(&look_up(world, "10.1.1.1", LookupMode::Path)), ["10.0.0.3"]);
    assert_eq!(gateways_of(&look_up(world, "10.1.9.1", LookupMode::Path)), ["10.0.0.1"]);
    world.ask(Request::DeleteRule(&rule)).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(gateways_of(&look_up(world, "10.1.1.1", LookupMode::Path)), ["10.0.0.1"]);
}

/// Where no route is, or one that says so, the answer is that there is no way.
pub fn a_lookup_of_nothing_is_unreachable<K: Kernel>(world: &mut World<'_, K>) {
    world.must(RouteChange::Add, "unreachable 10.2.0.0/16 metric 5");
    for to in ["192.0.2.1", "2001:db9::1", "10.2.0.1"] {
        for mode in [LookupMode::Path, LookupMode::Entry] {
            must_fail(world.ask(Request::Lookup(&Flow::to(address(to)), mode)), ErrorKind::Unreachable);
        }
    }
}
