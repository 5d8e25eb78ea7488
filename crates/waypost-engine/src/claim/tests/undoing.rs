//! A failure at every step: the table afterwards is the one before, or what is left is named.

use waypost_core::{ErrorKind, RouteChange};
use waypost_sim::Fault;

use super::scene::Scene;
use crate::claim::{Item, Plan, Prune};

/// A machine with some claims installed, a foreign route beside, and a plan of 50 changes of every kind.
fn scene_with_fifty_changes() -> (Scene, Plan) {
    let mut scene = Scene::new();
    scene.rival(waypost_core::RouteChange::Add, "10.1.0.0/16 via 10.0.0.9 metric 9");
    scene.rival(waypost_core::RouteChange::Add, "10.2.3.0/24 via 10.0.0.9 proto static");
    let mut goes = Vec::new();
    for n in 0..8 {
        goes.push(scene.put(&format!("10.1.{n}.0/24 via 10.0.0.1 metric 5")));
        goes.push(scene.put(&format!("{}: from 10.1.{n}.0/24 lookup 7", 100 + n)));
        goes.push(scene.put(&format!("2001:db8:{n}::/48 via fe80::1 dev if2 metric 5")));
        if n < 6 {
            scene.put(&format!("10.2.{n}.0/24 via 10.0.0.1 metric 5"));
            scene.put(&format!("2001:db8:2{n}::/48 via fe80::1 dev if2 metric 5"));
        }
    }
    scene.put("10.7.0.0/16 metric 5 nexthop via 10.0.0.1 weight 1 nexthop via 10.9.0.1 weight 2");
    scene.apply(Prune::Withdrawn).unwrap();
    goes.into_iter().for_each(|id| _ = scene.claims.withdraw(id));
    for n in 0..6 {
        scene.put(&format!("10.2.{n}.0/24 via 10.9.0.1 metric 5"));
        scene.put(&format!("2001:db8:2{n}::/48 via fe80::9 dev if3 metric 5"));
    }
    scene.put("10.7.0.0/16 metric 5 nexthop via 10.0.0.1 weight 2 nexthop via 10.9.0.1 weight 1");
    for n in 0..5 {
        scene.put(&format!("10.4.{n}.0/24 via 10.0.0.1 metric 5"));
        scene.put(&format!("{}: from 10.4.{n}.0/24 lookup 7", 200 + n));
    }
    scene.put("10.8.0.0/24 dev if3 metric 5");
    scene.put("2001:db8:99::/48 via fe80::1 dev if2 metric 5");
    scene.put("blackhole 10.99.0.0/16 metric 5");
    let plan = scene.plan(Prune::Withdrawn);
    assert_eq!(plan.differences().len(), 50);
    (scene, plan)
}

#[test]
fn whichever_step_is_refused_the_table_is_the_one_before() {
    let steps = scene_with_fifty_changes().1.steps().count();
    assert!(steps > 70, "those that change in their place take several: {steps}");
    for refused in 0..steps {
        let (mut scene, plan) = scene_with_fifty_changes();
        let before = scene.table();
        let failed = scene.carry_out(plan, |scene, at, _| {
            if at == refused {
                scene.writer.suffer(Fault::RefuseRequests { count: 1, kind: ErrorKind::NotPermitted });
            }
        });
        let failed = failed.unwrap_err();
        assert_eq!(scene.table(), before, "refused at {refused}: {failed}");
        assert!(failed.left().is_empty() && failed.undone().len() == refused, "{refused}: {failed}");
        assert_eq!(failed.error().kind(), ErrorKind::NotPermitted);
    }
}

#[test]
fn whichever_answer_is_lost_the_table_is_the_one_before() {
    let steps = scene_with_fifty_changes().1.steps().count();
    for lost in (0..steps).step_by(5) {
        let (mut scene, plan) = scene_with_fifty_changes();
        let before = scene.table();
        let failed = scene.carry_out(plan, |scene, at, _| {
            if at == lost {
                scene.writer.suffer(Fault::LoseOutcomes(1));
            }
        });
        assert_eq!(scene.table(), before, "lost at {lost}");
        assert!(failed.unwrap_err().left().is_empty());
    }
}

#[test]
fn what_cannot_be_undone_is_named_and_nothing_else_is_different() {
    let steps = scene_with_fifty_changes().1.steps().count();
    let mut named = 0;
    for refused in (1..steps).step_by(3) {
        let (mut scene, plan) = scene_with_fifty_changes();
        let before = scene.table();
        let failed = scene.carry_out(plan, |scene, at, _| {
            if at == refused {
                scene.writer.suffer(Fault::RefuseRequests { count: 2, kind: ErrorKind::NotPermitted });
            }
        });
        let (failed, after) = (failed.unwrap_err(), scene.table());
        let same = |one: &Item, two: &Item| match (one, two) {
            (Item::Route(one), Item::Route(two)) => crate::claim::satisfies(one, two) || crate::claim::satisfies(two, one),
            (one, two) => one == two,
        };
        let mut more: Vec<&Item> = after.iter().filter(|item| !before.contains(item)).collect();
        let mut less: Vec<&Item> = before.iter().filter(|item| !after.contains(item)).collect();
        named += failed.left().len();
        for left in failed.left() {
            let list = if left.is_there { &mut more } else { &mut less };
            let at = list.iter().position(|item| same(item, &left.item));
            let at = at.unwrap_or_else(|| panic!("{refused}: {} is not different\n{failed}", left.item));
            list.remove(at);
        }
        assert!(more.is_empty() && less.is_empty(), "{refused}: {more:?} {less:?}\n{failed}");
    }
    assert!(named > steps / 4, "hardly ever was anything left: {named}");
}

#[test]
fn an_error_says_what_was_refused_what_was_undone_and_what_is_left() {
    let mut scene = Scene::new();
    scene.put("10.1.0.0/16 via 10.0.0.1 metric 5");
    scene.put("10.2.0.0/16 via 10.77.0.1 metric 5");
    let failed = scene.apply(Prune::Withdrawn).unwrap_err();
    assert!(failed.to_string().starts_with("add route 10.2.0.0/16 via 10.77.0.1 proto 119 metric 5: "), "{failed}");
    assert!(failed.to_string().ends_with("; 1 change was undone"), "{failed}");
    assert!(scene.words().is_empty());
}

#[test]
fn what_has_gone_meanwhile_is_not_put_back() {
    let mut scene = Scene::new();
    let gone = scene.put("10.1.0.0/16 via 10.0.0.1 metric 5");
    scene.apply(Prune::Withdrawn).unwrap();
    scene.claims.withdraw(gone);
    scene.put("10.2.0.0/16 via 10.0.0.1 metric 5");
    let plan = scene.plan(Prune::Withdrawn);
    let deleted = |scene: &mut Scene, at: usize, _: &crate::claim::Step| {
        if at == 1 {
            scene.rival(waypost_core::RouteChange::Delete, "10.1.0.0/16 via 10.0.0.1 metric 5 proto 119");
        }
    };
    scene.carry_out(plan, deleted).unwrap();
    assert_eq!(scene.words().len(), 1);
}

/// A claim of one IPv6 route whose next hops are given, put in; a rival's next hop may have joined it. The claim is withdrawn, and another put.
fn scene_with_joined(claimed: &str, rival: Option<&str>) -> Scene {
    let mut scene = Scene::new();
    let goes = scene.put(&format!("2001:db8:2::/48 metric 7 {claimed}"));
    scene.apply(Prune::Withdrawn).unwrap();
    if let Some(rival) = rival {
        scene.rival(waypost_core::RouteChange::Append, &format!("2001:db8:2::/48 metric 7 proto static {rival}"));
    }
    scene.claims.withdraw(goes);
    scene
}

#[test]
fn the_next_hop_of_another_that_has_joined_is_not_brought_back_by_undoing() {
    let theirs = "via fe80::99 dev if3";
    // Which step's answer is lost: the kernel may be asked about theirs as well as ours.
    for lost in 0..2 {
        let mut scene = scene_with_joined("via fe80::1 dev if2", Some(theirs));
        let plan = scene.plan(Prune::Withdrawn);
        assert_eq!(plan.steps().count(), 2, "each next hop by itself: {plan:?}");
        let mut taken = false;
        let failed = scene.carry_out(plan, |scene, at, step| {
            if at == lost {
                scene.writer.suffer(Fault::LoseOutcomes(1));
            }
            // The rival takes its own away while there is doubt.
            if !taken && (at > lost || step.adds()) {
                taken = true;
                scene.rival(waypost_core::RouteChange::Delete, &format!("2001:db8:2::/48 metric 7 proto static {theirs}"));
            }
        });
        let failed = failed.unwrap_err();
        let words = scene.table().iter().map(ToString::to_string).filter(|text| text.contains("2001:db8:2")).collect::<Vec<_>>();
        assert!(!taken || words.iter().all(|text| !text.contains("fe80::99")), "lost {lost}: {words:?} {failed}");
        assert!(!failed.left().is_empty(), "what is in doubt is named: {failed}");
    }
}

#[test]
fn of_next_hops_that_are_all_ours_those_come_back_that_were_there() {
    let ours = "nexthop via fe80::1 dev if2 weight 1 nexthop via fe80::2 dev if2 weight 1";
    let mut bare = scene_with_joined(ours, None);
    let steps = bare.plan(Prune::Withdrawn).steps().count();
    assert_eq!(steps, 2);
    for (at_fault, lost) in [(0, true), (1, true), (0, false), (1, false)] {
        let mut scene = scene_with_joined(ours, None);
        let (plan, before) = (scene.plan(Prune::Withdrawn), scene.table());
        let failed = scene.carry_out(plan, |scene, at, _| {
            if at == at_fault {
                scene.writer.suffer(if lost {
                    Fault::LoseOutcomes(1)
                } else {
                    Fault::RefuseRequests { count: 1, kind: ErrorKind::Busy }
                });
            }
        });
        assert!(failed.unwrap_err().left().is_empty(), "{at_fault} {lost}");
        let hops = |items: &[Item]| -> Vec<String> {
            let mut hops: Vec<String> = items
                .iter()
                .filter_map(Item::as_route)
                .flat_map(|route| route.entry.next_hops.iter().map(|hop| format!("{:?} {hop:?}", route.slot)))
                .collect();
            hops.sort();
            hops
        };
        assert_eq!(hops(&scene.table()), hops(&before), "{at_fault} {lost}");
    }
}

#[test]
fn a_next_hop_of_ours_comes_back_though_a_rival_has_taken_the_other() {
    let ours = "nexthop via fe80::1 dev if2 weight 1 nexthop via fe80::2 dev if2 weight 1";
    let mut scene = Scene::new();
    scene.put(&format!("2001:db8:2::/48 metric 7 {ours}"));
    scene.apply(Prune::Withdrawn).unwrap();
    // It becomes another in its slot, which is refused when the old one has made way.
    scene.put("2001:db8:2::/48 metric 7 via fe80::3 dev if2");
    let plan = scene.plan(Prune::Withdrawn);
    let failed = scene.carry_out(plan, |scene, at, _| match at {
        1 => scene.rival(waypost_core::RouteChange::Delete, "2001:db8:2::/48 metric 7 via fe80::2 dev if2 proto 119"),
        3 => scene.writer.suffer(Fault::RefuseRequests { count: 1, kind: ErrorKind::Busy }),
        _ => {}
    });
    let failed = failed.unwrap_err();
    assert!(failed.left().is_empty(), "{failed}");
    assert_eq!(scene.words(), ["route 2001:db8:2::/48 via fe80::1 dev if2 proto 119 metric 7 pref medium"]);
}

#[test]
fn a_claim_that_another_has_joined_does_not_change_and_stays_at_the_head() {
    let mut scene = Scene::new();
    scene.put("2001:db8:2::/48 metric 7 via fe80::1 dev if2");
    scene.apply(Prune::Withdrawn).unwrap();
    scene.rival(waypost_core::RouteChange::Append, "2001:db8:2::/48 metric 7 proto static via fe80::99 dev if3");
    scene.put("2001:db8:2::/48 metric 7 via fe80::2 dev if2");
    let (plan, before) = (scene.plan(Prune::Withdrawn), scene.table());
    let failed = scene.carry_out(plan, |_, _, _| {}).unwrap_err();
    assert_eq!(scene.table(), before, "{failed}");
    assert!(failed.left().is_empty() && failed.error().kind() == ErrorKind::Exists, "{failed}");
    assert!(failed.to_string().contains("another's, which has joined it"), "{failed}");
}

#[test]
fn what_was_added_is_taken_away_again_though_another_has_joined_it() {
    let mut scene = Scene::new();
    scene.put("2001:db8:2::/48 metric 7 nexthop via fe80::1 dev if2 weight 1 nexthop via fe80::2 dev if2 weight 1");
    scene.put("2001:db8:3::/48 metric 7 via fe80::1 dev if2");
    let plan = scene.plan(Prune::Withdrawn);
    let failed = scene.carry_out(plan, |scene, at, step| {
        // All of them at once would be another route than the one that is there, as a program that looks before it deletes sees it.
        assert!(step.adds() || step.item().as_route().is_some_and(|route| route.entry.next_hops.len() == 1), "{step:?}");
        if at == 1 {
            scene.rival(waypost_core::RouteChange::Append, "2001:db8:2::/48 metric 7 proto static via fe80::99 dev if3");
            scene.writer.suffer(Fault::RefuseRequests { count: 1, kind: ErrorKind::Busy });
        }
    });
    let failed = failed.unwrap_err();
    assert!(failed.left().is_empty(), "{failed}");
    let there: Vec<String> =
        scene.table().iter().map(ToString::to_string).filter(|text| text.contains("2001:db8:2::/48")).collect();
    assert_eq!(there, ["route 2001:db8:2::/48 via fe80::99 dev if3 proto static metric 7 pref medium"]);
}

#[test]
fn ipv6_routes_without_a_gateway_that_share_a_slot_come_back_behind_what_is_there() {
    let all = |scene: &Scene| -> Vec<String> {
        scene.table().iter().map(ToString::to_string).filter(|text| text.contains("2001:db8:2::/48")).collect()
    };
    let mut scene = Scene::new();
    let goes = scene.put("2001:db8:2::/48 dev if2 metric 7");
    let narrower = scene.put("2001:db8:7:1::/64 dev if2 metric 7");
    scene.apply(Prune::Withdrawn).unwrap();
    scene.rival(RouteChange::Append, "2001:db8:2::/48 dev if3 metric 7 proto static");
    scene.rival(RouteChange::Append, "unreachable 2001:db8:2::/48 metric 7 proto static");
    let before = all(&scene);
    assert_eq!(before.len(), 3);
    // Ours is the first of its slot, and goes; what goes after it is refused.
    [goes, narrower].into_iter().for_each(|id| _ = scene.claims.withdraw(id));
    let plan = scene.plan(Prune::Withdrawn);
    let steps = plan.steps().count();
    let last = |scene: &mut Scene, at: usize, _: &crate::claim::Step| {
        if at + 1 == steps {
            scene.writer.suffer(Fault::RefuseRequests { count: 1, kind: ErrorKind::Busy });
        }
    };
    let failed = scene.carry_out(plan, last).unwrap_err();
    assert!(failed.left().is_empty(), "{failed}");
    assert_eq!(failed.undone().len(), steps - 1);
    // The kernel puts no IPv6 route before another of its slot. What is others' is as it was, in order.
    assert_eq!(all(&scene), [&before[1], &before[2], &before[0]].map(String::clone));
}

#[test]
fn ipv6_routes_of_ours_that_share_a_slot_come_back_in_their_order() {
    let mut scene = Scene::new();
    for words in ["dev if3", "dev if2", "via fe80::1 dev if2"] {
        scene.rival(RouteChange::Append, &format!("2001:db8:2::/48 {words} metric 7 proto 119"));
    }
    scene.rival(RouteChange::Add, "10.1.0.0/16 via 10.0.0.1 metric 7 proto 119");
    for refused in 0..4 {
        let (plan, before) = (scene.plan(Prune::All), scene.table());
        assert_eq!(plan.steps().count(), 4);
        let failed = scene.carry_out(plan, |scene, at, _| {
            if at == refused {
                scene.writer.suffer(Fault::RefuseRequests { count: 1, kind: ErrorKind::Busy });
            }
        });
        assert!(failed.unwrap_err().left().is_empty(), "{refused}");
        assert_eq!(scene.table(), before, "{refused}");
    }
}
