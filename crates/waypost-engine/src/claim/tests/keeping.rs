//! What is told of claims, and what is put back.

use std::time::Duration;

use waypost_core::RouteChange;

use super::scene::{Scene, route};
use crate::claim::{Backoff, Claim, ClaimId, ClaimState, Obstacle, Policy, Prune};

const OURS: &str = "10.1.0.0/16 via 10.0.0.1 metric 5";

/// A machine where a route is claimed and there.
fn held(policy: Policy) -> (Scene, ClaimId) {
    let mut scene = Scene::new();
    let id = scene.claims.put(Claim::new(route(OURS)).policy(policy)).unwrap();
    assert_eq!(scene.turn(), (1, vec![(id, "installed".to_owned())]));
    assert_eq!(scene.turn(), (0, vec![]));
    assert_eq!(scene.claims.state(id), Some(ClaimState::Held));
    (scene, id)
}

fn delete_ours(scene: &Scene) {
    scene.rival(RouteChange::Delete, &format!("{OURS} proto 119"));
}

fn told(scene: &mut Scene) -> String {
    let (_, told) = scene.turn();
    told.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("; ")
}

#[test]
fn what_another_deletes_is_told_and_by_its_policy_put_back_or_given_up() {
    for (policy, state) in
        [(Policy::Report, ClaimState::Lost), (Policy::Yield, ClaimState::GivenUp), (Policy::Reassert, ClaimState::Returning)]
    {
        let (mut scene, id) = held(policy);
        delete_ours(&scene);
        assert_eq!(told(&mut scene), "deleted");
        assert_eq!(scene.claims.state(id), Some(state));
        scene.now = scene.now + Duration::from_secs(100);
        let (asked, _) = scene.turn();
        assert_eq!(asked == 1, policy == Policy::Reassert);
        assert_eq!(scene.words().len(), asked);
    }
}

#[test]
fn which_process_did_it_is_told_where_the_kernel_says_so_and_only_of_that_time() {
    let (mut scene, _) = held(Policy::Reassert);
    let ours = route(&format!("{OURS} proto 119"));
    let again = |scene: &mut Scene| {
        scene.now = scene.now + Duration::from_secs(100);
        told(scene)
    };
    scene.sim.rival_of_process(4711, RouteChange::Delete, &ours).unwrap();
    assert_eq!(told(&mut scene), "deleted by process 4711");
    assert_eq!(again(&mut scene), "installed");
    // Another one, of whom the kernel says nothing.
    delete_ours(&scene);
    assert_eq!(told(&mut scene), "deleted");
    assert_eq!(again(&mut scene), "installed");
    let theirs = route("10.1.0.0/16 via 10.0.0.9 metric 5 proto static");
    scene.sim.rival_of_process(4712, RouteChange::Replace, &theirs).unwrap();
    let said = told(&mut scene);
    assert!(said.starts_with("replaced by route 10.1.0.0/16 via 10.0.0.9") && said.ends_with("of process 4712"), "{said}");
}

#[test]
fn who_takes_away_something_beside_a_claim_is_not_told_to_have_taken_the_claim() {
    let (mut scene, _) = held(Policy::Report);
    let ours = route(&format!("{OURS} proto 119"));
    let theirs = route("10.1.0.0/16 via 10.0.0.9 metric 5 proto static");
    scene.rival(RouteChange::Append, "10.1.0.0/16 via 10.0.0.9 metric 5 proto static");
    scene.sim.rival_of_process(4711, RouteChange::Delete, &theirs).unwrap();
    assert_eq!(told(&mut scene), "");
    // Of whoever does this the kernel says nothing.
    delete_ours(&scene);
    assert_eq!(told(&mut scene), "deleted");

    let (mut scene, _) = held(Policy::Report);
    // The one that took it is told, though another took something beside it just after.
    scene.rival(RouteChange::Append, "10.1.0.0/16 via 10.0.0.9 metric 5 proto static");
    scene.sim.rival_of_process(4712, RouteChange::Delete, &ours).unwrap();
    scene.sim.rival_of_process(4713, RouteChange::Delete, &theirs).unwrap();
    assert_eq!(told(&mut scene), "deleted by process 4712");
}

#[test]
fn who_leaves_an_ipv6_route_that_a_claim_is_part_of_is_not_told_to_have_taken_the_claim() {
    let mut scene = Scene::new();
    scene.put("2001:db8:1::/48 via fe80::1 dev if2 metric 5");
    scene.turn();
    let theirs = route("2001:db8:1::/48 via fe80::9 dev if3 metric 5 proto static");
    scene.sim.rival(RouteChange::Append, &theirs).unwrap();
    scene.sim.rival_of_process(4711, RouteChange::Delete, &theirs).unwrap();
    assert_eq!(told(&mut scene), "");
    scene.rival(RouteChange::Delete, "2001:db8:1::/48 via fe80::1 dev if2 metric 5 proto 119");
    assert_eq!(told(&mut scene), "deleted");
}

#[test]
fn who_deletes_another_rule_of_the_same_priority_is_not_told_to_have_deleted_a_claimed_one() {
    use waypost_core::{Rule, Touched};
    let mut scene = Scene::new();
    let rule = |text: &str| super::scene::rule(text);
    scene.claims.put(Claim::new(rule("7: from all lookup 7"))).unwrap();
    scene.turn();
    let gone = |rule: Rule| crate::Event::Rule(crate::Change::Removed(rule));
    let author = |pid| crate::Event::Author { of: Touched::Rule(waypost_core::Family::V4, 7), pid };
    scene.claims.note(&author(4711));
    scene.claims.note(&gone(rule("7: from 10.0.0.0/8 lookup 9")));
    scene.ask(waypost_core::Request::DeleteRule(&rule("7: from all lookup 7 proto 119"))).unwrap();
    assert_eq!(told(&mut scene), "deleted");
}

#[test]
fn two_programs_that_both_insist_do_not_fight_at_speed() {
    let (mut scene, id) = held(Policy::Reassert);
    let mut waits = Vec::new();
    for _ in 0..9 {
        delete_ours(&scene);
        assert_eq!(told(&mut scene), "deleted");
        let due = scene.claims.deadline().unwrap();
        waits.push((due.running - scene.now.running).as_secs());
        scene.now = scene.now + (due.running - scene.now.running - Duration::from_millis(1));
        assert_eq!(scene.turn().0, 0, "not before its time");
        scene.now = scene.now + Duration::from_millis(1);
        assert_eq!(scene.turn(), (1, vec![(id, "installed".to_owned())]));
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 64, 64]);
    scene.now = scene.now + Duration::from_secs(3600);
    delete_ours(&scene);
    told(&mut scene);
    assert_eq!(
        scene.claims.deadline().unwrap().running - scene.now.running,
        Duration::from_secs(1),
        "after a peace it is prompt again"
    );
}

#[test]
fn a_fight_can_be_given_up() {
    let (mut scene, id) = held(Policy::Reassert);
    scene.claims.set_backoff(Backoff::new(Duration::from_secs(1), Duration::from_secs(1)).times_max(2));
    for _ in 0..2 {
        delete_ours(&scene);
        told(&mut scene);
        scene.now = scene.now + Duration::from_secs(1);
        assert_eq!(scene.turn().0, 1);
    }
    delete_ours(&scene);
    assert_eq!(told(&mut scene), "deleted; given up: None");
    assert_eq!(scene.claims.state(id), Some(ClaimState::GivenUp));
}

#[test]
fn what_another_puts_in_its_place_is_named_and_left_alone() {
    for policy in [Policy::Report, Policy::Yield, Policy::Reassert] {
        let (mut scene, id) = held(policy);
        let theirs = "10.1.0.0/16 via 10.9.0.9 dev if3 proto static metric 5";
        scene.rival(RouteChange::Replace, theirs);
        assert_eq!(told(&mut scene), format!("replaced by route {theirs}"));
        scene.now = scene.now + Duration::from_secs(1000);
        assert_eq!(scene.turn(), (0, vec![]), "nothing is written over it");
        scene.rival(RouteChange::Delete, theirs);
        scene.turn();
        scene.now = scene.now + Duration::from_secs(1000);
        let (asked, _) = scene.turn();
        assert_eq!(asked == 1, policy == Policy::Reassert, "{policy:?}");
        assert_eq!(scene.claims.state(id) == Some(ClaimState::Held), policy == Policy::Reassert);
    }
}

#[test]
fn what_is_in_the_way_from_the_beginning_is_a_conflict_until_it_goes() {
    let mut scene = Scene::new();
    let theirs = "10.1.0.0/16 via 10.9.0.9 dev if3 proto static metric 5";
    scene.rival(RouteChange::Add, theirs);
    let id = scene.put(OURS);
    assert_eq!(scene.turn(), (0, vec![(id, format!("conflict with route {theirs}"))]));
    assert_eq!(scene.turn(), (0, vec![]), "it is told once");
    scene.rival(RouteChange::Delete, theirs);
    assert_eq!(scene.turn(), (0, vec![]), "whoever had the place may be about to use it again");
    scene.now = scene.now + Duration::from_secs(1);
    assert_eq!(scene.turn(), (1, vec![(id, "installed".to_owned())]));
}

#[test]
fn what_goes_with_its_link_is_told_apart_and_comes_back_with_it() {
    for policy in [Policy::Report, Policy::Yield, Policy::Reassert] {
        let (mut scene, id) = held(policy);
        scene.sim.set_up(scene.links[0], false).unwrap();
        assert_eq!(told(&mut scene), "gone: its interface is down");
        assert_eq!(scene.claims.state(id), Some(ClaimState::Waiting(Obstacle::LinkDown)));
        scene.sim.set_up(scene.links[0], true).unwrap();
        assert_eq!(scene.turn(), (1, vec![(id, "installed".to_owned())]), "{policy:?}");
        assert_eq!(scene.words().len(), 1);
    }
}

#[test]
fn what_goes_with_its_address_is_told_apart_and_comes_back_with_it() {
    let (mut scene, id) = held(Policy::Report);
    let address = "10.0.0.2".parse().unwrap();
    scene.sim.remove_address(scene.links[0], address).unwrap();
    assert_eq!(told(&mut scene), "gone: its gateway cannot be reached");
    scene.sim.add_address(scene.links[0], address, 24).unwrap();
    assert_eq!(scene.turn(), (1, vec![(id, "installed".to_owned())]));
}

#[test]
fn what_cannot_be_there_yet_waits_and_comes_when_it_can() {
    let mut scene = Scene::new();
    let far = scene.put("10.5.0.0/16 via 10.8.0.1 metric 5");
    assert_eq!(scene.turn(), (1, vec![(far, "waiting: its gateway cannot be reached".to_owned())]));
    assert_eq!(scene.turn(), (0, vec![]), "the kernel is not asked again for nothing");
    scene.sim.add_address(scene.links[1], "10.8.0.2".parse().unwrap(), 24).unwrap();
    scene.turn();
    scene.now = scene.now + Duration::from_secs(1);
    scene.turn();
    assert_eq!(scene.claims.state(far), Some(ClaimState::Held));
    let absent = scene.put("10.6.0.0/16 dev if9 metric 5");
    assert_eq!(scene.turn(), (0, vec![(absent, "waiting: its interface is not there".to_owned())]));
}

#[test]
fn a_route_that_takes_its_packets_is_told() {
    let (mut scene, _) = held(Policy::Report);
    scene.rival(RouteChange::Add, "10.1.0.0/16 via 10.9.0.9 metric 3");
    assert!(told(&mut scene).starts_with("shadowed by 10.1.0.0/16"), "a better metric");
    scene.rival(RouteChange::Add, "10.1.7.0/24 via 10.9.0.9");
    assert!(told(&mut scene).starts_with("shadowed by 10.1.7.0/24"), "a part of it");
    for harmless in [
        "10.1.0.0/16 via 10.9.0.9 metric 8",
        "10.2.0.0/16 via 10.9.0.9",
        "10.1.8.0/24 via 10.9.0.9 proto kernel",
        "10.1.9.0/24 via 10.9.0.9 table 9",
    ] {
        scene.rival(RouteChange::Add, harmless);
        assert_eq!(told(&mut scene), "", "{harmless}");
    }
}

#[test]
fn of_a_default_route_only_its_halves_are_told() {
    let mut scene = Scene::new();
    scene.put("default via 10.0.0.1 metric 5");
    scene.turn();
    scene.rival(RouteChange::Add, "10.7.0.0/16 via 10.9.0.9");
    assert_eq!(told(&mut scene), "");
    scene.rival(RouteChange::Add, "128.0.0.0/1 via 10.9.0.9");
    assert!(told(&mut scene).starts_with("shadowed by 128.0.0.0/1"));
}

#[test]
fn rules_are_kept_as_routes_are() {
    let mut scene = Scene::new();
    let rule = super::scene::rule("7: from all lookup 7");
    let id = scene.claims.put(Claim::new(rule).policy(Policy::Reassert)).unwrap();
    assert_eq!(scene.turn(), (1, vec![(id, "installed".to_owned())]));
    scene.ask(waypost_core::Request::DeleteRule(&super::scene::rule("7: from all lookup 7 proto 119"))).unwrap();
    assert_eq!(told(&mut scene), "deleted");
    scene.now = scene.now + Duration::from_secs(1);
    assert_eq!(scene.turn(), (1, vec![(id, "installed".to_owned())]));
}

#[test]
fn a_claim_that_is_put_again_wants_what_was_put_last() {
    let (mut scene, id) = held(Policy::Report);
    let again = scene.put("10.1.0.0/16 via 10.9.0.1 metric 5");
    assert_eq!(again, id);
    assert_eq!(scene.claims.len(), 1);
    scene.apply(Prune::Withdrawn).unwrap();
    assert_eq!(told(&mut scene), "installed");
    assert!(scene.words()[0].contains("via 10.9.0.1"));
}
