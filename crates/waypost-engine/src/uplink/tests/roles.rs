//! Who has which default route, and how roles change.

use super::*;

const LOW2: &str = "default via 10.2.0.1 dev if2 metric 4294965247";
const LOW3: &str = "default via 10.3.0.1 dev if3 metric 4294964223";

#[test]
fn the_elected_uplink_has_a_high_default_route_and_each_other_a_low_one() {
    let mut machine = Machine::ready();
    let (two, three) = (machine.add(2, 1), machine.add(3, 2));
    machine.turn();
    assert_eq!(machine.elected(), Some(three));
    assert_eq!(machine.defaults(), ["default via 10.3.0.1 dev if3 metric 99", LOW2]);
    assert_eq!((machine.life(two), machine.life(three)), (Life::Active, Life::Active));
}

#[test]
fn a_switch_makes_both_new_routes_before_it_breaks_either() {
    let mut machine = Machine::ready();
    let (two, _) = (machine.add(2, 1), machine.add(3, 2));
    machine.turn();
    machine.uplinks.choose(Family::V4, Some(two));
    machine.writes(&[
        "+high default via 10.2.0.1 dev if2 metric 98",
        &format!("+low {LOW3}"),
        &format!("-low {LOW2}"),
        "-high default via 10.3.0.1 dev if3 metric 99",
    ]);
    assert!(machine.tells(|report| matches!(report, UplinkReport::Switched { uplink, role: Role::High } if *uplink == two)));
}

#[test]
fn nothing_is_broken_before_the_kernel_has_answered() {
    let mut machine = Machine::ready();
    let (two, _) = (machine.add(2, 1), machine.add(3, 2));
    machine.turn();
    (machine.holds_orders, machine.written) = (true, Vec::new());
    machine.uplinks.choose(Family::V4, Some(two));
    machine.turn();
    let orders = std::mem::take(&mut machine.waiting);
    assert!(orders.iter().all(|order| matches!(order, Order::Install(_))), "{orders:?}");
    // The low one of the old is there, the high one of the new is not: the old high one stays.
    machine.obey(orders[1].clone());
    machine.turn();
    assert!(machine.waiting.is_empty(), "{:?}", machine.waiting);
    machine.obey(orders[0].clone());
    machine.turn();
    assert_eq!(machine.waiting.len(), 2, "{:?}", machine.waiting);
}

#[test]
fn a_failed_promote_keeps_the_old_default_route_and_is_reported() {
    let mut machine = Machine::ready();
    let (two, three) = (machine.add(2, 1), machine.add(3, 2));
    machine.turn();
    machine.refuses.insert(Role::High);
    machine.uplinks.choose(Family::V4, Some(two));
    machine.turn();
    assert_eq!(machine.elected(), Some(three), "the election is taken back");
    assert_eq!(machine.defaults()[0], "default via 10.3.0.1 dev if3 metric 99");
    assert!(
        machine.tells(
            |report| matches!(report, UplinkReport::Refused { wish, .. } if (wish.uplink, wish.role) == (two, Role::High))
        )
    );
    assert_eq!(machine.life(two), Life::Active, "it keeps its low one");
    // It is tried again, and when the kernel takes it, it is so.
    machine.refuses.clear();
    machine.pass(Duration::from_secs(1));
    assert_eq!(machine.elected(), Some(two));
    assert_eq!(machine.defaults(), ["default via 10.2.0.1 dev if2 metric 98", LOW3]);
}

#[test]
fn a_failed_demote_is_reported_as_failed_and_the_old_route_stays() {
    let mut machine = Machine::ready();
    let (two, three) = (machine.add(2, 1), machine.add(3, 2));
    machine.turn();
    machine.refuses.insert(Role::Low);
    machine.uplinks.choose(Family::V4, Some(two));
    machine.turn();
    assert!(
        machine.tells(
            |report| matches!(report, UplinkReport::Refused { wish, .. } if (wish.uplink, wish.role) == (three, Role::Low))
        )
    );
    let switched =
        |report: &UplinkReport| matches!(report, UplinkReport::Switched { uplink, role: Role::Low } if *uplink == three);
    assert!(!machine.tells(switched));
    assert_eq!(machine.defaults()[0], "default via 10.2.0.1 dev if2 metric 98", "who is elected is used all the same");
    assert!(machine.defaults().contains(&"default via 10.3.0.1 dev if3 metric 99".to_owned()));
    machine.refuses.clear();
    machine.pass(Duration::from_secs(1));
    assert!(machine.tells(switched));
    assert_eq!(machine.defaults(), ["default via 10.2.0.1 dev if2 metric 98", LOW3]);
}

#[test]
fn a_route_that_the_kernel_does_not_take_away_is_reported_and_tried_again() {
    let mut machine = Machine::ready();
    let two = machine.add(2, 1);
    machine.turn();
    machine.keeps = true;
    machine.uplinks.remove(two);
    machine.turn();
    assert_eq!(machine.life(two), Life::Active, "it is still there");
    assert!(machine.tells(|report| matches!(report, UplinkReport::Kept { .. })));
    machine.keeps = false;
    machine.pass(Duration::from_secs(1));
    assert!(machine.defaults().is_empty() && machine.uplinks.is_idle());
    assert_eq!(machine.uplinks.status(machine.now).count(), 0, "it is forgotten");
}

/// Found by seed 2552 of `tests/uplinks_simulated`.
#[test]
fn who_keeps_its_old_route_is_active_though_its_new_one_is_refused() {
    let mut machine = Machine::ready();
    let two = machine.add(2, 1);
    machine.turn();
    (machine.holds_orders, machine.keeps) = (true, true);
    machine.uplinks.remove(two);
    machine.turn();
    machine.add(2, 1);
    machine.turn();
    assert_eq!(machine.life(two), Life::Added);
    machine.refuses.insert(Role::High);
    for order in std::mem::take(&mut machine.waiting) {
        machine.obey(order);
        assert_eq!(machine.life(two), Life::Active, "the old one is there");
    }
    assert_eq!(machine.defaults(), ["default via 10.2.0.1 dev if2 metric 99"]);
}

/// Found by seed 4029 of `tests/uplinks_simulated`.
#[test]
fn a_late_answer_about_an_old_route_says_nothing_of_the_new_one() {
    for refused in [true, false] {
        let mut machine = Machine::ready();
        machine.holds_orders = true;
        let two = machine.add(2, 1);
        machine.turn();
        machine.uplinks.remove(two);
        machine.turn();
        machine.add(2, 1);
        machine.turn();
        assert_eq!((machine.life(two), machine.waiting.len()), (Life::Added, 3), "added, deleted, added");
        let Order::Install(old) = machine.waiting.remove(0) else { panic!("it was to be added") };
        let told = if refused { Told::Refused(Error::new(ErrorKind::Busy, "add route")) } else { Told::Installed };
        machine.uplinks.told(machine.now, old.id, told);
        assert_eq!(machine.life(two), Life::Added, "refused: {refused}");
        machine.uplinks.told(machine.now, old.id, Told::Lost);
        assert_eq!(machine.life(two), Life::Added, "lost");
    }
}

/// Found by seed 5212 of `tests/uplinks_simulated`.
#[test]
fn a_deletion_whose_answer_was_lost_is_not_asked_again_where_nothing_else_stands_by_now() {
    let mut machine = Machine::ready();
    let (_, three) = (machine.add(2, 2), machine.add(3, 1));
    machine.turn();
    machine.holds_orders = true;
    machine.uplinks.remove(three);
    machine.turn();
    let Some(Order::Withdraw(low)) = machine.waiting.pop() else { panic!("it is to be deleted") };
    machine.uplinks.told(machine.now, low.id, Told::Unknown);
    // Meanwhile a rival has deleted the other one, which is asked for again.
    machine.hear(RouteVerb::Removed, "default via 10.2.0.1 dev if2 proto 87 metric 99");
    machine.turn();
    let Some(Order::Install(high)) = machine.waiting.pop() else { panic!("it is to be put back") };
    machine.pass(UplinkOptions::default().retry);
    assert!(machine.waiting.is_empty(), "{:?}", machine.waiting);
    machine.obey(Order::Install(high));
    machine.pass(UplinkOptions::default().retry);
    assert!(matches!(&machine.waiting[..], [Order::Withdraw(wish)] if wish.id == low.id), "{:?}", machine.waiting);
}

#[test]
fn who_is_given_up_goes_when_another_stands() {
    let mut machine = Machine::ready();
    let (_, three) = (machine.add(2, 1), machine.add(3, 2));
    machine.turn();
    machine.uplinks.remove(three);
    machine.writes(&[
        "+high default via 10.2.0.1 dev if2 metric 98",
        &format!("-low {LOW2}"),
        "-high default via 10.3.0.1 dev if3 metric 99",
    ]);
}

#[test]
fn who_is_wanted_again_before_it_was_gone_gets_another_metric() {
    let mut machine = Machine::ready();
    let two = machine.add(2, 1);
    machine.turn();
    machine.holds_orders = true;
    machine.uplinks.remove(two);
    machine.turn();
    assert_eq!(machine.life(two), Life::Removed);
    machine.add(2, 1);
    machine.turn();
    assert_eq!(machine.life(two), Life::Added);
    machine.holds_orders = false;
    machine.writes(&["-high default via 10.2.0.1 dev if2 metric 99", "+high default via 10.2.0.1 dev if2 metric 98"]);
    assert_eq!(machine.life(two), Life::Active);
}

#[test]
fn who_is_given_up_before_it_was_there_is_taken_away() {
    let mut machine = Machine::ready();
    machine.holds_orders = true;
    let two = machine.add(2, 1);
    machine.turn();
    assert_eq!(machine.life(two), Life::Added);
    machine.uplinks.remove(two);
    machine.turn();
    assert_eq!(machine.life(two), Life::Removed);
    machine.holds_orders = false;
    machine.writes(&["+high default via 10.2.0.1 dev if2 metric 99", "-high default via 10.2.0.1 dev if2 metric 99"]);
    assert!(machine.uplinks.is_idle());
}

#[test]
fn another_gateway_is_taken_before_the_old_one_is_left() {
    let mut machine = Machine::ready();
    machine.add(2, 1);
    machine.turn();
    let mut moved = Machine::uplink(2, 1);
    moved.exit = Exit::Gateway(ip("10.2.0.9"));
    machine.uplinks.set(moved);
    machine.writes(&["+high default via 10.2.0.9 dev if2 metric 98", "-high default via 10.2.0.1 dev if2 metric 99"]);
}

/// A lookup of IPv6 that is at a route as that is deleted fails, whatever else stands: so nobody is to be using it any more.
#[test]
fn a_high_route_goes_only_behind_a_better_one() {
    let mut machine = Machine::ready();
    let six = |number: u32, last: u32| {
        let exit = Exit::Gateway(ip(&format!("2001:db8:{number}::{last}")));
        Uplink::new(format!("w{number}"), Family::V6, index(number), exit)
    };
    let (two, three) = (machine.uplinks.set(six(2, 1)), machine.uplinks.set(six(3, 1)));
    machine.turn();
    machine.written.clear();
    for (last, chosen) in [(1, three), (1, two), (2, two), (3, two), (3, three), (4, three)] {
        let number = if chosen == two { 2 } else { 3 };
        machine.uplinks.set(six(number, last));
        machine.uplinks.choose(Family::V6, Some(chosen));
        machine.turn();
    }
    let of = |sign: &'static str| {
        let lines = machine.written.iter().filter(move |line| line.starts_with(sign));
        lines.map(|line| line.rsplit_once("metric ").unwrap().1.split(' ').next().unwrap().parse().unwrap()).collect::<Vec<u32>>()
    };
    // 99 stood before. Of three, which is not in use then, the low route alone changes.
    assert_eq!(of("+high"), [98, 97, 96, 95, 94, 93], "{:#?}", machine.written);
    assert_eq!(of("-high"), [99, 98, 97, 96, 95, 94]);
}

#[test]
fn the_families_are_elected_apart() {
    let mut machine = Machine::ready();
    let (two, three) = (machine.add(2, 5), machine.add(3, 1));
    let mut six = Uplink::new("w3", Family::V6, index(3), Exit::Gateway(ip("2001:db8:3::1")));
    six.priority = 9;
    let six = machine.uplinks.set(six);
    machine.turn();
    assert!(six != three);
    assert_eq!(machine.uplinks.elected(Family::V4), Some(two));
    assert_eq!(machine.uplinks.elected(Family::V6), Some(six));
}

#[test]
fn without_metrics_who_is_elected_alone_has_a_default_route() {
    let mut can = Capabilities::least("a system without metrics");
    can.main_table = TableId::MAIN;
    let mut machine = Machine::of(UplinkOptions::default(), &can);
    (2..4).for_each(|number| machine.interface(number));
    machine.begin();
    let (two, _) = (machine.add(2, 1), machine.add(3, 2));
    machine.writes(&["+high default via 10.3.0.1 dev if3"]);
    machine.uplinks.choose(Family::V4, Some(two));
    machine.writes(&["-high default via 10.3.0.1 dev if3", "+high default via 10.2.0.1 dev if2"]);
}

/// On OpenBSD a route that names no priority gets one (`RTP_DEFAULT`), and its claims give it that of their owner.
#[test]
fn a_priority_that_the_kernel_gives_makes_no_other_route_of_it() {
    let mut can = Capabilities::least("a system that gives priorities");
    (can.main_table, can.priority) = (TableId::MAIN, true);
    let mut machine = Machine::of(UplinkOptions::default(), &can);
    machine.interface(2);
    machine.begin();
    let two = machine.add(2, 1);
    machine.holds_orders = true;
    machine.turn();
    let Some(Order::Install(mut wish)) = machine.waiting.pop() else { panic!("it is to be added") };
    wish.route.slot.priority = 56;
    machine.notice(Notice::Route(RouteVerb::Added, wish.route.clone()));
    machine.uplinks.told(machine.now, wish.id, Told::Installed);
    machine.pass(Duration::from_secs(10));
    assert!(machine.waiting.is_empty(), "it is there: {:?}", machine.waiting);
    machine.uplinks.remove(two);
    machine.turn();
    assert!(matches!(&machine.waiting[..], [Order::Withdraw(gone)] if gone.route == wish.route), "{:?}", machine.waiting);
}
