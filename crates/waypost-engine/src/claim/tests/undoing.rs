//! A failure at every step: the table afterwards is the one before, or what is left is named.

use waypost_core::ErrorKind;
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
