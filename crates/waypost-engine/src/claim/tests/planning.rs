//! What a plan does, and in which order.

use waypost_core::{ErrorKind, OwnershipTag, RouteChange};

use super::scene::{Scene, route, rule};
use crate::Mirror;
use crate::claim::{Claim, Claims, Difference, Obstacle, Owner, Plan, Policy, Prune, Service};

fn steps(scene: &mut Scene, prune: Prune) -> Vec<String> {
    let plan = scene.plan(prune);
    let words = |step: &crate::claim::Step| format!("{} {}", if step.adds() { "+" } else { "-" }, step.item());
    plan.steps().map(words).collect()
}

#[test]
fn what_is_there_is_not_touched_and_the_rest_is_added_and_deleted() {
    let mut scene = Scene::new();
    scene.put("10.1.0.0/16 via 10.0.0.1 metric 5");
    let second = scene.put("10.2.0.0/16 via 10.0.0.1 metric 5");
    scene.put("7: from all lookup 7");
    scene.apply(Prune::Withdrawn).unwrap();
    let plan = scene.plan(Prune::All);
    assert!(plan.is_empty() && plan.unchanged() == 3 && plan.to_string().is_empty());
    scene.claims.withdraw(second).unwrap();
    scene.put("10.3.0.0/16 via 10.0.0.1 metric 5");
    let done = scene.apply(Prune::Withdrawn).unwrap();
    assert_eq!(done.requests(), 2, "only the difference is written");
    assert_eq!(scene.words().len(), 3);
}

#[test]
fn a_plan_for_one_claim_takes_up_no_other_and_one_of_what_was_withdrawn_none() {
    let mut scene = Scene::new();
    let [first, second, third] =
        ["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"].map(|to| scene.put(&format!("{to} via 10.0.0.1 metric 5")));
    scene.apply(Prune::Withdrawn).unwrap();
    for id in [first, second] {
        let own = scene.claims.get(id).and_then(|claim| claim.item.as_route()).unwrap().to_string();
        scene.rival(RouteChange::Delete, &own);
    }
    scene.settle();
    assert_eq!(scene.plan(Prune::Withdrawn).steps().count(), 2, "two claims lack their routes");
    let words = |plan: Plan| plan.steps().map(|step| step.item().to_string()).collect::<Vec<_>>();
    let for_one = words(scene.claims.plan_for(first, scene.follower.mirror()));
    assert!(matches!(&for_one[..], [step] if step.contains("10.1.0.0/16")), "{for_one:?}");
    assert!(scene.claims.plan_for(third, scene.follower.mirror()).is_empty());
    for claim in [second, third, scene.put("7: from all lookup 7")] {
        scene.claims.withdraw(claim).unwrap();
    }
    let withdrawn = words(scene.claims.plan_withdrawn(scene.follower.mirror()));
    assert!(matches!(&withdrawn[..], [step] if step.contains("10.3.0.0/16")), "what is there goes, once: {withdrawn:?}");
}

#[test]
fn what_is_claimed_again_is_withdrawn_no_more() {
    let mut scene = Scene::new();
    let items = ["10.1.0.0/16 via 10.0.0.1 metric 5", "7: from all lookup 7"];
    let mut claimed = items.map(|item| scene.put(item));
    for _ in 0..3 {
        scene.apply(Prune::Withdrawn).unwrap();
        assert!(scene.claims.released.is_empty(), "nothing is still to go: {:?}", scene.claims.released);
        for id in claimed {
            scene.claims.withdraw(id).unwrap();
        }
        claimed = items.map(|item| scene.put(item));
    }
    assert_eq!(scene.words().len(), 2);
}

#[test]
fn what_is_not_claimed_any_more_goes_where_that_is_asked_for() {
    let mut scene = Scene::new();
    scene.put("10.1.0.0/16 via 10.0.0.1 metric 5");
    scene.put("7: from all lookup 7");
    scene.apply(Prune::Withdrawn).unwrap();
    scene.claims = Claims::new(Owner::standard(), &waypost_sim::Profile::linux().capabilities);
    assert!(scene.plan(Prune::Withdrawn).is_empty());
    assert_eq!(scene.plan(Prune::All).differences().len(), 2);
    scene.apply(Prune::All).unwrap();
    assert!(scene.words().is_empty());
}

#[test]
fn another_owner_is_another() {
    let mut scene = Scene::new();
    scene.rival(RouteChange::Add, "10.1.0.0/16 via 10.0.0.1 metric 5 proto 201");
    scene.rival(RouteChange::Add, "10.2.0.0/16 via 10.0.0.1 metric 5");
    assert!(scene.plan(Prune::All).is_empty());
    scene.put("10.1.0.0/16 via 10.0.0.1 metric 5");
    let plan = scene.plan(Prune::All);
    assert_eq!(plan.conflicts().len(), 1, "the same words and another's all the same");
    assert!(
        plan.to_string().contains("! route 10.1.0.0/16 via 10.0.0.1 proto 119 metric 5: in its place is another's route"),
        "{plan}"
    );
}

#[test]
fn additions_come_before_deletions_and_tables_before_the_rules_that_lead_to_them() {
    let mut scene = Scene::new();
    let old: Vec<_> = ["default via 10.0.0.1 metric 5", "7: from all lookup 7", "default via 10.0.0.1 table 7 metric 5"]
        .map(|text| scene.put(text))
        .into();
    scene.apply(Prune::Withdrawn).unwrap();
    old.into_iter().for_each(|id| _ = scene.claims.withdraw(id));
    for text in [
        "default via 10.0.0.1 metric 6",
        "8: from all lookup 8",
        "default via 10.8.0.1 dev if2 table 8 metric 5",
        "10.8.0.0/24 dev if2 table 8 metric 5",
    ] {
        scene.put(text);
    }
    let words = steps(&mut scene, Prune::Withdrawn);
    let at = |wanted: &str| words.iter().position(|word| word.contains(wanted)).unwrap_or_else(|| panic!("{wanted}: {words:#?}"));
    assert!(at("+ route 10.8.0.0/24 dev") < at("+ route default via 10.8.0.1"), "{words:#?}");
    assert!(at("+ route default via 10.8.0.1") < at("+ rule 8:"), "{words:#?}");
    assert!(at("+ rule 8:") < at("- rule 7:"), "{words:#?}");
    assert!(at("- rule 7:") < at("- route default via 10.0.0.1 dev if2 table 7"), "{words:#?}");
    assert!(
        at("+ route default via 10.0.0.1 proto 119 metric 6") < at("- route default via 10.0.0.1 dev if2 proto 119 metric 5")
    );
}

/// Changes a route in its slot, and looks in every window whether there is one to its destination.
fn is_changed_without_a_gap(before: &str, after: &str, destination: &str) {
    let mut scene = Scene::new();
    scene.put(before);
    scene.apply(Prune::Withdrawn).unwrap();
    scene.put(after);
    let plan = scene.plan(Prune::Withdrawn);
    assert!(matches!(plan.differences(), [Difference::Changed { .. }]) && !plan.has_gap());
    let has_one = |scene: &Scene| scene.words().iter().any(|word| word.starts_with(&format!("route {destination}")));
    scene.carry_out(plan, |scene, _, _| assert!(has_one(scene))).unwrap();
    let words = scene.words();
    assert!(words.len() == 1 && words[0].contains(&after[after.find("via").unwrap()..][..8]), "{words:?}");
    assert!(scene.plan(Prune::All).is_empty());
}

#[test]
fn a_route_becomes_another_in_its_slot_without_a_moment_in_which_there_is_none() {
    is_changed_without_a_gap("default via 10.0.0.1 metric 5", "default via 10.9.0.1 metric 5", "default");
    is_changed_without_a_gap("default via fe80::1 dev if2 metric 5", "default via fe80::9 dev if3 metric 5", "default");
    is_changed_without_a_gap(
        "10.1.0.0/16 metric 5 nexthop via 10.0.0.1 weight 1 nexthop via 10.9.0.1 weight 2",
        "10.1.0.0/16 via 10.0.0.3 metric 5",
        "10.1.0.0/16",
    );
}

#[test]
fn a_kernel_that_cannot_have_both_at_once_says_so() {
    let mut can = waypost_core::Capabilities::least("one route a destination");
    can.ownership_tag = OwnershipTag::Flag;
    let mut claims = Claims::new(Owner::standard(), &can);
    claims.put(Claim::new(route("10.1.0.0/16 via 10.0.0.1 table 0"))).unwrap();
    let old = claims.iter().next().unwrap().1.item.as_route().unwrap().clone();
    claims.remember([old.clone()]);
    let mut mirror = Mirror::new();
    mirror.handle(waypost_core::Notice::Route(waypost_core::RouteVerb::Added, old), &mut Vec::new());
    claims.put(Claim::new(route("10.1.0.0/16 via 10.0.0.3 table 0"))).unwrap();
    let plan = claims.plan(&mirror, Prune::Withdrawn);
    assert!(plan.has_gap());
    assert_eq!(plan.steps().map(crate::claim::Step::adds).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn a_route_without_a_tag_is_the_owners_only_if_it_is_remembered() {
    let mut can = waypost_core::Capabilities::least("no tags");
    can.ownership_tag = OwnershipTag::None;
    let mut claims = Claims::new(Owner::standard(), &can);
    let (mine, others) = (route("10.1.0.0/16 via 10.0.0.1 table 0"), route("10.2.0.0/16 via 10.0.0.1 table 0"));
    let mut mirror = Mirror::new();
    for there in [&mine, &others] {
        mirror.handle(waypost_core::Notice::Route(waypost_core::RouteVerb::Added, there.clone()), &mut Vec::new());
    }
    claims.put(Claim::new(others.clone())).unwrap();
    claims.remember([mine.clone()]);
    let plan = claims.plan(&mirror, Prune::All);
    assert_eq!(plan.conflicts().len(), 1);
    assert_eq!(plan.differences(), [Difference::Removed(mine.clone().into())]);
    // What is about to be added is remembered before it is.
    claims.put(Claim::new(route("10.3.0.0/16 via 10.0.0.1 table 0"))).unwrap();
    let plan = claims.plan(&mirror, Prune::All);
    assert_eq!(claims.remembered(&plan).count(), 2);
    mirror.handle(waypost_core::Notice::Route(waypost_core::RouteVerb::Removed, mine), &mut Vec::new());
    claims.settle(&plan, &mirror);
    assert_eq!(claims.remembered(&crate::claim::Plan::default()).count(), 0);
}

#[test]
fn what_an_interrupted_change_has_left_beside_a_claim_goes_unasked() {
    let mut scene = Scene::new();
    scene.put("2001:db8::/32 via fe80::1 dev if2 metric 5");
    scene.apply(Prune::Withdrawn).unwrap();
    scene.put("2001:db8::/32 via fe80::2 dev if2 metric 5");
    let plan = scene.plan(Prune::Withdrawn);
    // It ends before the last step.
    for step in plan.steps().take(3).cloned().collect::<Vec<_>>() {
        scene.ask(step.request()).unwrap();
    }
    assert_eq!(scene.words().len(), 2);
    scene.apply(Prune::Withdrawn).unwrap();
    let words = scene.words();
    assert!(words.len() == 1 && words[0].contains("via fe80::2") && words[0].contains("metric 5"), "{words:?}");
}

#[test]
fn a_claim_without_a_metric_gets_one_that_no_deletion_takes_for_any() {
    let mut scene = Scene::new();
    scene.put("10.1.0.0/16 via 10.0.0.1");
    scene.put("2001:db8::/32 via fe80::1 dev if2");
    scene.apply(Prune::Withdrawn).unwrap();
    assert!(scene.words().iter().all(|word| word.contains("metric 512")), "{:?}", scene.words());
    let zero = Claim::new(route("10.2.0.0/16 via 10.0.0.1")).metric_zero();
    scene.claims.put(zero.clone()).unwrap();
    let twin = Claim::new(route("10.2.0.0/16 via 10.0.0.1 metric 9"));
    assert_eq!(scene.claims.put(twin).unwrap_err().kind(), ErrorKind::Ambiguous);
    let other = Claim::new(route("10.1.0.0/16 via 10.0.0.1")).metric_zero();
    assert_eq!(scene.claims.put(other).unwrap_err().kind(), ErrorKind::Ambiguous);
    scene.claims.put(zero).unwrap();
}

#[test]
fn what_cannot_be_there_yet_is_no_step() {
    let mut scene = Scene::new();
    scene.sim.set_up(scene.links[1], false).unwrap();
    scene.put("10.1.0.0/16 via 10.9.0.1 dev if3 metric 5");
    scene.put("10.2.0.0/16 via 10.9.0.1 dev if77 metric 5");
    let plan = scene.plan(Prune::Withdrawn);
    assert_eq!(plan.waiting().iter().map(|(_, why)| *why).collect::<Vec<_>>(), [Obstacle::LinkDown, Obstacle::NoLink]);
    assert_eq!(plan.steps().count(), 0);
    assert!(plan.to_string().ends_with("its interface is not there\n"), "{plan}");
}

#[test]
fn what_a_crash_has_left_is_adopted_or_swept() {
    let mut scene = Scene::new();
    for text in ["10.1.0.0/16 via 10.0.0.1 metric 5", "7: from all lookup 7"] {
        scene.put(text);
    }
    scene.apply(Prune::Withdrawn).unwrap();
    let can = waypost_sim::Profile::linux().capabilities;
    scene.claims = Claims::new(Owner::standard(), &can);
    assert_eq!(scene.claims.owned(scene.follower.mirror()).len(), 2);
    assert_eq!(scene.claims.adopt(scene.follower.mirror(), Policy::Reassert).unwrap(), 2);
    assert!(scene.plan(Prune::All).is_empty() && scene.claims.len() == 2);
    assert_eq!(scene.claims.adopt(scene.follower.mirror(), Policy::Reassert).unwrap(), 0);
    scene.claims = Claims::new(Owner::new("other", 201).unwrap(), &can);
    assert_eq!(scene.claims.owned(scene.follower.mirror()).len(), 0);
}

#[test]
fn a_service_is_rules_and_a_table_where_there_are_rules_and_elsewhere_says_what_there_is() {
    let linux = waypost_sim::Profile::linux().capabilities;
    let way = || route("default via 10.9.0.1 dev if3 metric 50");
    let smtp = || Service::new(1025.into(), 1000).protocol(6).destination_ports(25, 25);
    let claims = smtp().uids(1000, 1000).mark(7, 0xff).policy(Policy::Reassert).claims(&linux, [way()]).unwrap();
    assert_eq!(claims[1].item, rule("1000: from all fwmark 0x7/0xff ipproto tcp dport 25 uidrange 1000-1000 lookup 1025").into());
    assert!(claims.iter().all(|claim| claim.policy == Policy::Reassert));
    let both = smtp().claims(&linux, [way(), route("default via fe80::1 dev if3 metric 50")]).unwrap();
    assert_eq!(both.len(), 4, "a rule for each family that has a route");
    for (service, why) in [
        (Service::new(1025.into(), 1000), "names no packets"),
        (Service::new(1025.into(), 1000).destination_ports(25, 25), "protocol"),
        (Service::new(waypost_core::TableId::MAIN, 1000).protocol(6), "table"),
        (smtp().to("2001:db8::/32".parse().unwrap()), "family"),
    ] {
        let error = service.claims(&linux, [way()]).unwrap_err();
        assert!(error.kind() == ErrorKind::Invalid && error.to_string().contains(why), "{error}");
    }
    let elsewhere = route("default via 10.9.0.1 dev if3 table 9 metric 50");
    let error = smtp().claims(&linux, [elsewhere.clone()]).unwrap_err();
    assert!(error.kind() == ErrorKind::Invalid && error.reason().contains("names table 9, and its own is 1025"), "{error}");
    assert!(Service::new(9.into(), 1000).protocol(6).claims(&linux, [elsewhere]).is_ok(), "what it says itself it may say");
    let mut other = waypost_core::Capabilities::least("another system");
    other.instead_of_rules = "a socket can have a table of its own";
    let error = smtp().claims(&other, [way()]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().ends_with("a socket can have a table of its own"), "{error}");
}
