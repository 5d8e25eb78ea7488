//! Routes of metric 0, whose deletion IPv4 takes for one of any metric.

use waypost_core::{ErrorKind, RouteChange};
use waypost_sim::{Fault, Profile};

use super::scene::{Scene, route, rule};
use crate::claim::{Claim, Claims, Item, Owner, Plan, Prune, Step};

const ZERO: &str = "10.1.0.0/16 via 10.0.0.1";
const FIVE: &str = "10.1.0.0/16 via 10.0.0.1 metric 5";

/// A scene in which an earlier program of the owner's has left these, in this order.
fn after(left: &[&str]) -> Scene {
    let mut scene = Scene::new();
    for text in left {
        scene.rival(RouteChange::Add, &format!("{text} proto 119"));
    }
    scene.settle();
    scene
}

fn put(scene: &mut Scene, text: &str) {
    scene.claims.put(Claim::new(route(text)).metric_zero()).unwrap();
}

fn steps(plan: &Plan) -> Vec<String> {
    let verb = |step: &Step| match step {
        Step::EnsureRoute(_) => "?",
        step if step.adds() => "+",
        _ => "-",
    };
    plan.steps().map(|step| format!("{} {}", verb(step), metric(&step.item()))).collect()
}

fn metric(item: &Item) -> u32 {
    item.as_route().map_or(0, |route| route.slot.metric)
}

/// The metrics of what is the owner's.
fn metrics(scene: &Scene) -> Vec<u32> {
    let owned = |item: &Item| item.to_string().contains("proto 119");
    scene.table().iter().filter(|item| owned(item)).map(metric).collect()
}

#[test]
fn of_two_that_go_the_one_of_metric_0_goes_last() {
    let mut scene = after(&[ZERO, FIVE, "10.1.0.0/16 dev if2 scope link metric 7", "10.1.1.0/24 via 10.0.0.1"]);
    let plan = scene.plan(Prune::All);
    let to_it = |step: &&Step| step.item().to_string().contains("10.1.0.0/16");
    let order: Vec<u32> = plan.steps().filter(to_it).map(|step| metric(&step.item())).collect();
    assert_eq!(order, [5, 0, 7], "what has no gateway is not taken for what has one");
    scene.carry_out(plan, |_, _, _| {}).unwrap();
    assert_eq!(metrics(&scene), [0; 0]);
}

#[test]
fn it_becomes_one_of_another_metric_without_a_moment_in_which_there_is_none() {
    let mut scene = after(&[ZERO]);
    put(&mut scene, FIVE);
    let plan = scene.plan(Prune::All);
    assert_eq!(steps(&plan), ["+ 5", "- 0", "? 5"]);
    scene.carry_out(plan, |scene, _, _| assert!(!metrics(scene).is_empty())).unwrap();
    assert_eq!(metrics(&scene), [5]);
    scene.claims = Claims::new(Owner::standard(), &Profile::linux().capabilities);
    put(&mut scene, ZERO);
    let plan = scene.plan(Prune::All);
    assert_eq!(steps(&plan), ["+ 0", "- 5"]);
    scene.carry_out(plan, |scene, _, _| assert!(!metrics(scene).is_empty())).unwrap();
    assert_eq!(metrics(&scene), [0]);
    assert!(scene.plan(Prune::All).is_empty());
}

#[test]
fn what_stays_is_asked_for_only_where_the_kernel_could_take_it() {
    for (beside, is_asked) in [
        ("10.1.0.0/16 via 10.0.0.1 metric 9", true),
        ("10.1.0.0/16 via 10.0.0.3 metric 9", false),
        ("10.1.0.0/16 via 10.9.0.1 metric 9", false),
        ("blackhole 10.1.0.0/16 metric 9", false),
        ("10.1.0.0/16 tos 4 via 10.0.0.1 metric 9", false),
        ("10.1.0.0/24 via 10.0.0.1 metric 9", false),
    ] {
        let mut scene = after(&[ZERO]);
        put(&mut scene, beside);
        let plan = scene.plan(Prune::All);
        assert_eq!(plan.steps().any(|step| matches!(step, Step::EnsureRoute(_))), is_asked, "{beside}");
    }
    let mut scene = after(&[ZERO]);
    scene.rival(RouteChange::Add, "10.1.0.0/16 via 10.0.0.1 metric 9 proto static");
    let plan = scene.plan(Prune::All);
    assert_eq!(steps(&plan), ["- 0"], "the protocol tells another's apart");
}

#[test]
fn what_was_hit_in_its_place_comes_back() {
    let mut scene = after(&[ZERO]);
    put(&mut scene, FIVE);
    let plan = scene.plan(Prune::All);
    let rival_was_first = |scene: &mut Scene, _, step: &Step| {
        if matches!(step, Step::DeleteRoute(..)) {
            scene.rival(RouteChange::Delete, &format!("{ZERO} proto 119"));
            assert_eq!(metrics(scene), [5]);
        }
    };
    scene.carry_out(plan, rival_was_first).unwrap();
    assert_eq!(metrics(&scene), [5]);
    // And where it was there before and is not asked for anew.
    let mut scene = after(&[ZERO]);
    let id = scene.claims.put(Claim::new(route(ZERO)).metric_zero()).unwrap();
    scene.rival(RouteChange::Add, &format!("{FIVE} proto 119"));
    scene.claims.withdraw(id);
    let plan = scene.plan(Prune::Withdrawn);
    assert_eq!(steps(&plan), ["- 0", "? 5"]);
    scene.carry_out(plan, rival_was_first).unwrap();
    assert_eq!(metrics(&scene), [5]);
}

/// From one of the metrics to the other, beside changes that can be refused before and after.
fn turned(from: &str, to: &str) -> (Scene, Plan) {
    let mut scene = after(&[from, "10.2.0.0/16 via 10.0.0.1", "10.3.0.0/16 via 10.0.0.1 metric 3"]);
    for text in [to, "10.4.0.0/16 via 10.0.0.1 metric 4", "2001:db8:1::/48 via fe80::1 dev if2 metric 6"] {
        put(&mut scene, text);
    }
    scene.claims.put(Claim::new(rule("7: from all lookup 7"))).unwrap();
    let plan = scene.plan(Prune::All);
    (scene, plan)
}

#[test]
fn whichever_step_is_refused_all_is_as_before_though_a_rival_deletes_the_one_of_metric_0() {
    for ([from, to], is_hit) in [([ZERO, FIVE], false), ([FIVE, ZERO], false), ([ZERO, FIVE], true), ([FIVE, ZERO], true)] {
        let count = turned(from, to).1.steps().count();
        for refused in 0..count {
            let (mut scene, plan) = turned(from, to);
            let before = scene.table();
            let mut is_deleted = false;
            let done = scene.carry_out(plan, |scene, at, step| {
                if at == refused {
                    scene.writer.suffer(Fault::RefuseRequests { count: 1, kind: ErrorKind::NotPermitted });
                }
                let is_zero = matches!(step, Step::DeleteRoute(route, _) if route.slot == self::route(ZERO).slot);
                if is_hit && is_zero && at != refused && !is_deleted {
                    is_deleted = true;
                    scene.rival(RouteChange::Delete, &format!("{ZERO} proto 119"));
                }
            });
            let failed = done.unwrap_err();
            assert!(
                failed.left().is_empty() && scene.table() == before,
                "{from} {refused} {is_hit}: {failed}\n{:#?}",
                scene.table()
            );
        }
    }
}

#[test]
fn of_two_that_are_restored_the_one_of_metric_0_is_undone_last() {
    let mut scene = Scene::new();
    let items = [FIVE, ZERO, "10.3.0.0/16 via 10.77.0.1 metric 3"].map(|text| Item::from(route(text)));
    let plan = scene.claims.plan_to_restore(items, scene.follower.mirror());
    let before = scene.table();
    let failed = scene.carry_out(plan, |_, _, _| {}).unwrap_err();
    assert_eq!(failed.undone().iter().map(metric).collect::<Vec<_>>(), [5, 0]);
    assert_eq!(scene.table(), before);
}
