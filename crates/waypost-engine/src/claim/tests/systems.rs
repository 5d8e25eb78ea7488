//! Every system's way of keeping routes: rivals in every window, and a failure at every step.

use waypost_core::{Error, ErrorKind, IfIndex, Protocol, Route, RouteChange, TableId};
use waypost_sim::{Fault, Profile};

use super::scene::{Dice, Scene, route};
use crate::claim::{Claim, Execution, Failed, Item, Plan, Prune, Step};

/// The gateways that our routes go by; rivals use others, and so do the kernel's own routes.
const OURS: [&str; 4] = ["10.0.0.1", "10.9.0.1", "fe80::1", "fe80::2"];

/// A route of the words that all of them understand: no metric, no protocol, in the one table that all of them have.
fn plain(text: &str) -> Route {
    let mut route = route(text);
    (route.slot.table, route.entry.protocol) = (TableId::UNSPECIFIED, Protocol::UNSPECIFIED);
    route
}

fn is_ours(item: &Item) -> bool {
    let hops = item.as_route().map(|route| route.entry.next_hops.to_vec()).unwrap_or_default();
    hops.iter().any(|hop| hop.gateway.is_some_and(|gateway| OURS.contains(&gateway.to_string().as_str())))
}

/// What is not ours, in the kernel's order.
fn foreign(scene: &Scene) -> Vec<String> {
    scene.table().iter().filter(|item| !is_ours(item)).map(ToString::to_string).collect()
}

fn some_route(dice: &mut Dice, gateways: [[&str; 2]; 2]) -> Route {
    let (prefix, is_v6) = [("10.1.0.0/16", false), ("10.1.1.0/24", false), ("10.2.0.0/16", false), ("2001:db8:1::/48", true)]
        [dice.roll(4) as usize];
    let side = dice.roll(2) as usize;
    let dev = if is_v6 { " dev if2" } else { "" };
    plain(&format!("{prefix} via {}{dev}", gateways[usize::from(is_v6)][side]))
}

fn own_route(dice: &mut Dice) -> Route {
    some_route(dice, [[OURS[0], OURS[1]], [OURS[2], OURS[3]]])
}

fn rivals_route(dice: &mut Dice) -> Route {
    let mut route = some_route(dice, [["10.0.0.9", "10.9.0.9"], ["fe80::9", "fe80::99"]]);
    if let Some(hop) = route.entry.next_hops.first().cloned().filter(|hop| hop.interface.is_some()) {
        let mut other = hop;
        other.interface = IfIndex::new(3);
        route.entry.next_hops = other.into();
    }
    route
}

/// One thing that a rival does, to its own or to ours; the kernel may refuse it.
fn act(scene: &Scene, dice: &mut Dice) {
    let ours: Vec<Item> = scene.table().into_iter().filter(is_ours).collect();
    let one = (!ours.is_empty()).then(|| ours[dice.roll(ours.len() as u64) as usize].as_route().unwrap().clone());
    let mut in_its_place = rivals_route(dice);
    if let Some(one) = one.as_ref().filter(|one| one.slot.destination.family() == in_its_place.slot.destination.family()) {
        in_its_place.slot.destination = one.slot.destination;
    }
    let _ = match (dice.roll(6), one) {
        (0, Some(one)) => scene.sim.rival(RouteChange::Delete, &one),
        (1, Some(one)) => {
            let _ = scene.sim.rival(RouteChange::Delete, &one);
            scene.sim.rival(RouteChange::Add, &in_its_place)
        }
        (2, _) => scene.sim.rival(RouteChange::Change, &in_its_place),
        (3, _) => scene.sim.rival(RouteChange::Delete, &rivals_route(dice)),
        (4, _) => scene.sim.rival(RouteChange::Add, &in_its_place),
        _ => scene.sim.rival(RouteChange::Add, &rivals_route(dice)),
    };
}

/// What a driver does: the journal first, then step by step, and what there is afterwards.
fn carry_out(scene: &mut Scene, plan: &Plan, window: impl FnMut(&mut Scene, usize)) -> Result<(), Failed> {
    carry_out_by(scene, plan, Scene::ask_exactly, window)
}

/// The same, and after each request what is not ours is as before it.
fn carry_out_watched(scene: &mut Scene, plan: &Plan, window: impl FnMut(&mut Scene, usize)) -> Result<(), Failed> {
    let asks = |scene: &mut Scene, step: &Step| {
        let before = foreign(scene);
        let outcome = scene.ask_exactly(step);
        assert_eq!(foreign(scene), before, "{}: {step:?}", scene.name());
        outcome
    };
    carry_out_by(scene, plan, asks, window)
}

fn carry_out_by(
    scene: &mut Scene,
    plan: &Plan,
    asks: impl Fn(&mut Scene, &Step) -> Result<(), Error>,
    mut window: impl FnMut(&mut Scene, usize),
) -> Result<(), Failed> {
    let remembered: Vec<Route> = scene.claims.remembered(plan).cloned().collect();
    scene.claims.remember(remembered);
    let mut execution = Execution::new(plan.clone());
    let mut at = 0;
    while let Some(step) = execution.next().cloned() {
        window(scene, at);
        let outcome = asks(scene, &step);
        execution.outcome(outcome);
        at += 1;
    }
    let done = execution.finish();
    scene.settle();
    let mirror = scene.follower.mirror();
    scene.claims.settle(plan, mirror);
    done.map(drop)
}

fn run(profile: &Profile, seed: u64) {
    let mut dice = Dice::new(seed);
    let mut scene = Scene::on(profile.clone());
    let name = scene.name().to_owned();
    for _ in 0..dice.roll(4) {
        act(&scene, &mut dice);
    }
    for _ in 0..3 {
        for id in scene.claims.iter().map(|(id, _)| id).collect::<Vec<_>>() {
            if dice.roll(3) == 0 {
                scene.claims.withdraw(id);
            }
        }
        for _ in 0..dice.roll(5) {
            scene.claims.put(Claim::new(own_route(&mut dice))).unwrap();
        }
        let plan = scene.plan(if dice.roll(2) == 0 { Prune::All } else { Prune::Withdrawn });
        let _ = carry_out_watched(&mut scene, &plan, |scene, _| {
            for _ in 0..dice.roll(3) {
                act(scene, &mut dice);
            }
            match dice.roll(20) {
                0 => scene.writer.suffer(Fault::RefuseRequests { count: 1, kind: ErrorKind::Busy }),
                1 => scene.writer.suffer(Fault::LoseOutcomes(1)),
                _ => {}
            }
        });
    }
    // A fault that no request has met yet is not to be met by what follows.
    scene.writer.suffer(Fault::RefuseRequests { count: 0, kind: ErrorKind::Busy });
    scene.writer.suffer(Fault::LoseOutcomes(0));
    // When the rivals rest, what has its place comes about, and nothing of ours is left that is not claimed.
    for id in scene.claims.iter().map(|(id, _)| id).collect::<Vec<_>>() {
        let plan = scene.plan(Prune::All);
        if plan.conflicts().iter().any(|conflict| Some(&conflict.wanted) == scene.claims.get(id).map(|claim| &claim.item)) {
            scene.claims.withdraw(id);
        }
    }
    let plan = scene.plan(Prune::All);
    carry_out(&mut scene, &plan, |_, _| {}).unwrap_or_else(|failed| panic!("{name} {seed}: {failed}"));
    let plan = scene.plan(Prune::All);
    assert!(plan.is_empty(), "{name} {seed}: {plan}");
    let claimed = scene.claims.len();
    let there = scene.table().iter().filter(|item| is_ours(item)).count();
    assert_eq!(there, claimed, "{name} {seed}: an orphan, or a gap");
}

fn runs() -> u64 {
    std::env::var("WAYPOST_CLAIM_SYSTEM_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(20)
}

#[test]
fn on_every_system_rivals_lose_nothing_and_no_orphan_is_left() {
    for profile in Profile::all() {
        (0..runs()).for_each(|seed| run(&profile, seed));
    }
}

/// A plan of 50 changes of every kind that all systems know.
fn scene_with_fifty_changes(profile: &Profile) -> (Scene, Plan) {
    let mut scene = Scene::on(profile.clone());
    scene.sim.rival(RouteChange::Add, &plain("10.99.0.0/16 via 10.0.0.9")).unwrap();
    let own = |n: u64, gateway: &str| Claim::new(plain(&format!("10.{}.{n}.0/24 via {gateway}", n / 20)));
    let goes: Vec<_> = (1..16).map(|n| scene.claims.put(own(n, OURS[0])).unwrap()).collect();
    (20..35).for_each(|n| _ = scene.claims.put(own(n, OURS[0])).unwrap());
    let plan = scene.plan(Prune::Withdrawn);
    carry_out(&mut scene, &plan, |_, _| {}).unwrap();
    goes.into_iter().for_each(|id| _ = scene.claims.withdraw(id));
    (20..35).for_each(|n| _ = scene.claims.put(own(n, OURS[1])).unwrap());
    (40..60).for_each(|n| _ = scene.claims.put(own(n, OURS[0])).unwrap());
    let plan = scene.plan(Prune::Withdrawn);
    assert_eq!(plan.differences().len(), 50, "{}: {plan}", scene.name());
    (scene, plan)
}

/// Of how many steps one is refused: each where many runs are asked for.
fn every() -> usize {
    if std::env::var_os("WAYPOST_CLAIM_SYSTEM_RUNS").is_some() { 1 } else { 4 }
}

#[test]
fn on_every_system_the_table_is_the_one_before_whichever_step_is_refused() {
    for profile in Profile::all() {
        let steps = scene_with_fifty_changes(&profile).1.steps().count();
        for refused in (0..steps).step_by(every()) {
            let (mut scene, plan) = scene_with_fifty_changes(&profile);
            let before = scene.table();
            let failed = carry_out(&mut scene, &plan, |scene, at| {
                if at == refused {
                    scene.writer.suffer(Fault::RefuseRequests { count: 1, kind: ErrorKind::NotPermitted });
                }
            });
            let failed = failed.unwrap_err();
            assert!(failed.left().is_empty() && scene.table() == before, "{} {refused}: {failed}", scene.name());
        }
    }
}

#[test]
fn what_a_system_cannot_do_its_capabilities_say() {
    for profile in Profile::all() {
        let mut scene = Scene::on(profile.clone());
        let can = profile.capabilities.clone();
        let rule = Claim::new(super::scene::rule("1000: from all lookup 7"));
        assert_eq!(scene.claims.put(rule).is_ok(), can.rules, "{}", can.system);
        let ranked = Claim::new(route("10.1.0.0/16 via 10.0.0.1 metric 5"));
        assert_eq!(scene.claims.put(ranked).is_ok(), can.metric, "{}", can.system);
        // What stands in its place goes first where both cannot be there.
        scene.claims.put(Claim::new(plain("10.2.0.0/16 via 10.0.0.1"))).unwrap();
        let plan = scene.plan(Prune::Withdrawn);
        carry_out(&mut scene, &plan, |_, _| {}).unwrap();
        scene.claims.put(Claim::new(plain("10.2.0.0/16 via 10.9.0.1"))).unwrap();
        assert_eq!(scene.plan(Prune::Withdrawn).has_gap(), !can.metric, "{}", can.system);
    }
}

#[test]
fn what_was_withdrawn_still_goes_after_a_plan_that_failed() {
    for profile in Profile::all() {
        let mut scene = Scene::on(profile);
        let id = scene.claims.put(Claim::new(plain("10.1.0.0/16 via 10.0.0.1"))).unwrap();
        let plan = scene.plan(Prune::Withdrawn);
        carry_out(&mut scene, &plan, |_, _| {}).unwrap();
        scene.claims.withdraw(id);
        let plan = scene.plan(Prune::Withdrawn);
        let refuse = |scene: &mut Scene, _| scene.writer.suffer(Fault::RefuseRequests { count: 1, kind: ErrorKind::Busy });
        carry_out(&mut scene, &plan, refuse).unwrap_err();
        let plan = scene.plan(Prune::Withdrawn);
        assert_eq!(plan.differences().len(), 1, "{}: {plan}", scene.name());
    }
}

#[test]
fn what_shares_its_destination_with_anothers_comes_back_on_every_system() {
    let mut shared = 0;
    for profile in Profile::all() {
        let mut scene = Scene::on(profile.clone());
        let goes = scene.claims.put(Claim::new(plain("10.1.0.0/16 via 10.0.0.1"))).unwrap();
        // What goes after it is refused.
        let last = scene.claims.put(Claim::new(plain("10.1.1.0/24 via 10.0.0.1"))).unwrap();
        let plan = scene.plan(Prune::Withdrawn);
        carry_out(&mut scene, &plan, |_, _| {}).unwrap();
        let there = scene.claims.get(goes).unwrap().item.as_route().unwrap().slot;
        let mut theirs = plain("10.1.0.0/16 via 10.9.0.9");
        theirs.slot = there;
        let is_shared =
            scene.sim.rival(RouteChange::Add, &theirs).or_else(|_| scene.sim.rival(RouteChange::Append, &theirs)).is_ok();
        shared += usize::from(is_shared);
        let words = |scene: &Scene| {
            let mut words: Vec<String> = scene.table().iter().map(ToString::to_string).collect();
            words.sort();
            words
        };
        let before = words(&scene);
        [goes, last].into_iter().for_each(|id| _ = scene.claims.withdraw(id));
        let plan = scene.plan(Prune::Withdrawn);
        let failed = carry_out(&mut scene, &plan, |scene, at| {
            if at == 1 {
                scene.writer.suffer(Fault::RefuseRequests { count: 1, kind: ErrorKind::Busy });
            }
        });
        let failed = failed.unwrap_err();
        assert!(failed.left().is_empty(), "{}: {failed}", profile.capabilities.system);
        assert_eq!(words(&scene), before, "{}: {failed}", profile.capabilities.system);
    }
    assert!(shared > 1, "nowhere but on one system two stand in one place");
}
