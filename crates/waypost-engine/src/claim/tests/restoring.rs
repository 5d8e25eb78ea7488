//! What was saved comes back as it was, and nothing else is touched.

use waypost_core::{Route, RouteChange};

use super::scene::{Scene, route, rule};
use crate::claim::{Item, Plan, Prune};

fn saved(scene: &Scene) -> Vec<Item> {
    scene.table().into_iter().filter(|item| !item.to_string().contains("proto kernel")).collect()
}

fn restore(scene: &mut Scene, items: &[Item]) -> Plan {
    scene.settle();
    let plan = scene.claims.plan_to_restore(items.iter().cloned(), scene.follower.mirror());
    scene.carry_out(plan.clone(), |_, _, _| {}).unwrap();
    scene.settle();
    plan
}

const SAVED: [&str; 7] = [
    "10.1.0.0/16 via 10.0.0.1",
    "10.1.0.0/16 via 10.0.0.1 metric 5 proto static",
    "10.2.0.0/16 via 10.0.0.1 metric 5",
    "10.2.0.0/16 via 10.0.0.3 metric 5 proto bird",
    "10.2.0.0/16 dev if3 scope link metric 5",
    "2001:db8:1::/48 metric 7 nexthop via fe80::1 dev if2 weight 1 nexthop via fe80::2 dev if2 weight 1",
    "2001:db8:2::/48 via fe80::1 dev if2 metric 7",
];

fn full() -> Scene {
    let mut scene = Scene::new();
    for text in SAVED {
        scene.rival(RouteChange::Append, text);
    }
    for text in ["7: from all lookup 7 proto static", "8: from 2001:db8::/32 lookup 8"] {
        scene.ask(waypost_core::Request::AddRule(&rule(text))).unwrap();
    }
    scene
}

#[test]
fn all_of_it_comes_back_in_order_whatever_part_of_it_has_gone() {
    let mut scene = full();
    let items = saved(&scene);
    assert_eq!(items.len(), 9, "{items:#?}");
    let before = scene.table();
    assert!(restore(&mut scene, &items).is_empty());
    for missing in 0_u32..1 << items.len() {
        let gone = |at: usize| missing & 1 << at != 0;
        // Beside one of metric 0 that stays, the kernel could take the other for it.
        for (at, item) in items.iter().enumerate().rev().filter(|(at, _)| gone(*at)) {
            match item {
                Item::Route(route) => {
                    scene.sim.rival(RouteChange::Delete, route).unwrap_or_else(|error| panic!("{at} {route}: {error}"))
                }
                Item::Rule(rule) => scene.ask(waypost_core::Request::DeleteRule(rule)).unwrap(),
            }
        }
        let plan = restore(&mut scene, &items);
        assert_eq!(plan.differences().len(), missing.count_ones() as usize, "{missing:b}: {plan}");
        let first = |items: &[Item]| {
            let to_it = |item: &&Item| item.to_string().contains("10.2.0.0/16");
            items.iter().find(to_it).map(ToString::to_string)
        };
        let now = scene.table();
        assert_eq!(first(&now), first(&before), "{missing:b}: the first is again the first");
        assert!(before.iter().all(|item| now.contains(item)) && now.len() == before.len(), "{missing:b}: {now:#?}");
        // The order that was is made anew, so that each round begins with it.
        if now != before {
            let order: Vec<Route> = items.iter().filter_map(Item::as_route).cloned().collect();
            for route in order.iter().rev() {
                scene.sim.rival(RouteChange::Delete, route).unwrap();
            }
            restore(&mut scene, &items);
            assert_eq!(scene.table(), before, "{missing:b}");
        }
    }
}

#[test]
fn what_is_in_the_way_is_named_and_left_alone() {
    let mut scene = full();
    let items = saved(&scene);
    for text in ["10.2.0.0/16 via 10.0.0.1 metric 5", "2001:db8:2::/48 via fe80::1 dev if2 metric 7"] {
        scene.rival(RouteChange::Delete, text);
    }
    scene.rival(RouteChange::Add, "2001:db8:2::/48 via fe80::9 dev if3 metric 7 proto 201");
    scene.ask(waypost_core::Request::DeleteRule(&rule("7: from all lookup 7 proto static"))).unwrap();
    scene.ask(waypost_core::Request::AddRule(&rule("7: from all lookup 7 proto 201"))).unwrap();
    scene.settle();
    let plan = scene.claims.plan_to_restore(items, scene.follower.mirror());
    let words = plan.to_string();
    assert!(words.contains("! route 2001:db8:2::/48 via fe80::1") && words.contains("via fe80::9 dev if3 proto 201"), "{words}");
    assert!(words.contains("+ rule 7: from all lookup 7 proto static"), "whoever else has the same rule: {words}");
    assert_eq!((plan.conflicts().len(), plan.differences().len(), plan.unchanged()), (1, 2, 6), "{words}");
    // What is one's own and has been claimed is planned as before.
    assert!(scene.plan(Prune::All).is_empty());
    let twice = scene.claims.plan_to_restore([route(SAVED[0]), route(SAVED[0])].map(Item::from), scene.follower.mirror());
    assert!(twice.is_empty());
}
