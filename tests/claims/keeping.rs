//! Claims that are kept, with `ip` as a rival.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::*;
use waypost::claim::{Backoff, Claim, ClaimEvent, ClaimState, Owner, Policy, Prune};
use waypost::{Claims, Flow, LookupMode, Route, Routes};
use waypost_tests::ip::{ip, veth_with_addresses};

fn open() -> Claims {
    let mut claims = Claims::open(Owner::standard()).expect("claims");
    claims.set_backoff(Backoff::new(Duration::from_millis(20), Duration::from_millis(50)));
    claims
}

fn claim(claims: &mut Claims, words: &str, policy: Policy) -> waypost::claim::ClaimId {
    let route = Route::parse(words, claims.names()).expect("a route");
    claims.put(Claim::new(route).policy(policy)).expect("a claim")
}

#[track_caller]
fn next(claims: &mut Claims) -> ClaimEvent {
    claims.next(Some(PATIENCE)).expect("the kernel").expect("something is told").event
}

pub(super) fn what_rivals_take_away_is_told_and_put_back() {
    veth_with_addresses("w0", "w1");
    let mut claims = open();
    for (destination, via, theirs) in [("10.1.0.0/16", "10.0.0.2", "10.0.0.9"), ("2001:db8:1::/48", "2001:db8::2", "2001:db8::9")]
    {
        let family = if destination.contains(':') { "-6" } else { "-4" };
        let id = claim(&mut claims, &format!("{destination} via {via} dev w0 metric 50"), Policy::Reassert);
        assert!(matches!(next(&mut claims), ClaimEvent::Installed));
        ip(&format!("{family} route del {destination} metric 50"));
        assert!(matches!(next(&mut claims), ClaimEvent::Deleted { .. }));
        assert!(matches!(next(&mut claims), ClaimEvent::Installed));
        // Another puts its own in its place: that is left alone, and when it has gone ours comes back.
        ip(&format!("{family} route replace {destination} via {theirs} dev w0 metric 50 proto static"));
        let ClaimEvent::Replaced { by, .. } = next(&mut claims) else { panic!("it was replaced") };
        assert!(by.to_string().contains(theirs), "{by}");
        assert_eq!(claims.state(id), Some(ClaimState::Conflict));
        assert!(ip(&format!("{family} route show exact {destination}")).contains(theirs));
        ip(&format!("{family} route del {destination} metric 50"));
        assert!(matches!(next(&mut claims), ClaimEvent::Installed));
        assert!(ip(&format!("{family} route show exact {destination}")).contains(via));
        ip(&format!("{family} route add {destination} via {theirs} dev w0 metric 7"));
        assert!(matches!(next(&mut claims), ClaimEvent::Shadowed { .. }));
    }
}

/// Runs `ip` and says what process it was.
fn process_of_ip(words: &str) -> Option<u32> {
    let mut child = Command::new("ip").args(words.split(' ')).spawn().expect("ip starts");
    assert!(child.wait().expect("ip ends").success(), "ip {words}");
    Some(child.id())
}

pub(super) fn which_process_took_it_away_is_told() {
    veth_with_addresses("w0", "w1");
    let mut claims = open();
    for (destination, via) in [("10.1.0.0/16", "10.0.0.2"), ("2001:db8:1::/48", "2001:db8::2")] {
        let family = if destination.contains(':') { "-6" } else { "-4" };
        claim(&mut claims, &format!("{destination} via {via} dev w0 metric 50"), Policy::Report);
        assert!(matches!(next(&mut claims), ClaimEvent::Installed));
        let process = process_of_ip(&format!("{family} route del {destination} metric 50"));
        let told = next(&mut claims);
        assert!(matches!(told, ClaimEvent::Deleted { pid } if pid == process), "{process:?}: {told:?}");
    }
    let rule = "1000: from all lookup 7".parse::<waypost::Rule>().expect("a rule");
    claims.put(Claim::new(rule).policy(Policy::Report)).expect("a claim");
    assert!(matches!(next(&mut claims), ClaimEvent::Installed));
    let process = process_of_ip("rule del priority 1000");
    let told = next(&mut claims);
    assert!(matches!(told, ClaimEvent::Deleted { pid } if pid == process), "{process:?}: {told:?}");
}

pub(super) fn who_does_not_follow_reads_again_before_each_plan() {
    veth_with_addresses("w0", "w1");
    let mut claims = Claims::open_once(waypost::Options::new(), Owner::standard()).expect("claims");
    claim(&mut claims, "10.1.0.0/16 via 10.0.0.2 dev w0 metric 50", Policy::Report);
    for _ in 0..2 {
        let plan = claims.plan(Prune::All).expect("a plan");
        assert_eq!(plan.differences().len(), 1, "{plan}");
        claims.carry_out(plan).expect("the kernel").expect("it is carried out");
        assert!(claims.plan(Prune::All).expect("a plan").is_empty());
        ip("route del 10.1.0.0/16 metric 50");
    }
}

pub(super) fn what_goes_with_its_link_comes_back_with_it() {
    veth_with_addresses("w0", "w1");
    let mut claims = open();
    claim(&mut claims, "10.1.0.0/16 via 10.0.0.2 dev w0 metric 50", Policy::Report);
    assert!(matches!(next(&mut claims), ClaimEvent::Installed));
    ip("link set w0 down");
    assert!(matches!(next(&mut claims), ClaimEvent::Gone(_)));
    ip("link set w0 up");
    loop {
        match next(&mut claims) {
            ClaimEvent::Installed => break,
            ClaimEvent::Waiting(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(ip("route show exact 10.1.0.0/16").contains("via 10.0.0.2"));
}

pub(super) fn what_cannot_be_there_yet_waits() {
    veth_with_addresses("w0", "w1");
    let mut claims = open();
    let id = claim(&mut claims, "10.1.0.0/16 via 10.77.0.1 metric 50", Policy::Report);
    assert!(matches!(next(&mut claims), ClaimEvent::Waiting(_)));
    assert!(matches!(claims.state(id), Some(ClaimState::Waiting(_))));
    ip("address add 10.77.0.2/24 dev w0");
    assert!(matches!(next(&mut claims), ClaimEvent::Installed));
    assert!(ip("route show exact 10.1.0.0/16").contains("via 10.77.0.1"));
}

pub(super) fn a_default_route_changes_without_a_packet_that_finds_none() {
    veth_with_addresses("w0", "w1");
    let mut claims = open();
    let ways = [
        ["default via 10.0.0.2 dev w0 metric 50", "default via 10.0.0.3 dev w0 metric 50"],
        ["default via 2001:db8::2 dev w0 metric 50", "default via 2001:db8::3 dev w0 metric 50"],
    ];
    for [first, _] in ways {
        claim(&mut claims, first, Policy::Report);
    }
    let plan = claims.plan(Prune::Withdrawn).expect("a plan");
    claims.carry_out(plan).expect("the kernel").expect("it is carried out");
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let asker = scope.spawn(|| {
            let mut routes = Routes::open().expect("routes");
            let flows = ["192.0.2.1", "2001:db8:ffff::1"].map(|to| Flow::to(to.parse().expect("an address")));
            let mut asked = 0_u32;
            while !over.load(Ordering::Relaxed) {
                for flow in &flows {
                    // A lookup of IPv6 that has picked a route in the moment of its removal finds nothing, whatever else
                    // stands: ip6_rt_pcpu_alloc() cannot hold it, and ip6_pol_route() then answers with the null entry
                    // (net/ipv6/route.c, Linux 6.18). Where a default stands the next one finds it.
                    let first = routes.lookup(flow, LookupMode::Path);
                    let answer =
                        if flow.destination.is_ipv6() { first.or_else(|_| routes.lookup(flow, LookupMode::Path)) } else { first };
                    answer.unwrap_or_else(|error| panic!("after {asked}: {error}"));
                    asked += 1;
                }
            }
            asked
        });
        for turn in 0..100 {
            for way in ways {
                claim(&mut claims, way[1 - turn % 2], Policy::Report);
            }
            let plan = claims.plan(Prune::Withdrawn).expect("a plan");
            assert_eq!(plan.differences().len(), 2);
            claims.carry_out(plan).expect("the kernel").expect("it is carried out");
        }
        over.store(true, Ordering::Relaxed);
        assert!(asker.join().expect("no lookup fails") > 100);
    });
}
