//! A deletion of what the kernel says not to know: that is compared with the mirror.

use super::*;

/// One uplink that is given up, and the order to delete its route.
fn giving_up(options: UplinkOptions) -> (Machine, UplinkId, Wish) {
    let mut machine = Machine::new(options);
    machine.interface(2);
    machine.begin();
    let two = machine.add(2, 1);
    machine.turn();
    machine.holds_orders = true;
    machine.uplinks.remove(two);
    machine.turn();
    let Some(Order::Withdraw(wish)) = machine.waiting.pop() else { panic!("it is to be deleted") };
    (machine, two, wish)
}

fn not_found() -> Told {
    Told::Kept(Error::new(ErrorKind::NotFound, "delete route"))
}

fn reads_all(machine: &mut Machine) {
    let reason = crate::Reason::Asked;
    machine.uplinks.note(machine.now, &Event::ResyncStarted { reason });
    machine.uplinks.note(machine.now, &Event::Resynced { reason, added: 0, removed: 0, replaced: 0 });
    machine.turn();
}

fn tells_kept(machine: &Machine) -> usize {
    machine.reports.iter().filter(|report| matches!(report, UplinkReport::Kept { .. })).count()
}

#[test]
fn what_neither_the_kernel_nor_the_mirror_has_is_gone() {
    // The kernel purged it without a word before the deletion came, and the mirror hears of it before the answer, or after.
    for mirror_first in [true, false] {
        let (mut machine, _, wish) = giving_up(UplinkOptions::default());
        let gone = |machine: &mut Machine| machine.hear(RouteVerb::Removed, "default via 10.2.0.1 dev if2 proto 87 metric 99");
        if mirror_first {
            gone(&mut machine);
        }
        machine.uplinks.told(machine.now, wish.id, not_found());
        if !mirror_first {
            gone(&mut machine);
        }
        machine.turn();
        assert!(machine.uplinks.is_idle(), "mirror first: {mirror_first}");
        assert!(machine.waiting.is_empty() && tells_kept(&machine) == 0);
    }
}

#[test]
fn what_the_kernel_does_not_know_and_the_mirror_has_is_read_again_before_it_is_believed() {
    // The table is another, or the interface: it is still there.
    let (mut machine, two, wish) = giving_up(UplinkOptions::default());
    machine.uplinks.told(machine.now, wish.id, not_found());
    machine.turn();
    assert_eq!(std::mem::take(&mut machine.waiting), [Order::Read], "it is looked at, once");
    assert_eq!((tells_kept(&machine), machine.life(two)), (0, Life::Removed));
    reads_all(&mut machine);
    assert_eq!((tells_kept(&machine), machine.life(two)), (1, Life::Active), "it is there: it was not deleted");
    machine.pass(UplinkOptions::default().retry);
    assert!(matches!(&machine.waiting[..], [Order::Withdraw(again)] if again.id == wish.id), "{:?}", machine.waiting);
    // The mirror was wrong: it is not there.
    let (mut machine, _, wish) = giving_up(UplinkOptions::default());
    machine.uplinks.told(machine.now, wish.id, not_found());
    machine.turn();
    machine.mirror.handle(Notice::Route(RouteVerb::Removed, wish.route), &mut Vec::new());
    reads_all(&mut machine);
    assert!(machine.uplinks.is_idle() && tells_kept(&machine) == 0);
}

#[test]
fn what_is_never_read_again_is_deleted_again() {
    let (mut machine, _, wish) = giving_up(UplinkOptions::default());
    machine.uplinks.told(machine.now, wish.id, not_found());
    machine.turn();
    assert_eq!(std::mem::take(&mut machine.waiting), [Order::Read]);
    machine.pass(Duration::from_secs(10));
    assert!(matches!(&machine.waiting[..], [Order::Withdraw(again)] if again.id == wish.id), "{:?}", machine.waiting);
}

#[test]
fn what_stands_in_another_slot_is_not_gone_and_is_deleted_there() {
    let (mut machine, two, wish) = giving_up(UplinkOptions::default());
    // Somebody has given it another metric, as by a deletion and an addition.
    machine.hear(RouteVerb::Added, "default via 10.2.0.1 dev if2 proto 87 metric 50");
    machine.mirror.handle(Notice::Route(RouteVerb::Removed, wish.route.clone()), &mut Vec::new());
    machine.uplinks.told(machine.now, wish.id, not_found());
    machine.turn();
    assert_eq!((tells_kept(&machine), machine.life(two)), (1, Life::Active), "it is there");
    machine.holds_orders = false;
    machine.written.clear();
    machine.pass(UplinkOptions::default().retry);
    assert_eq!(machine.written, ["-high default via 10.2.0.1 dev if2 metric 50"]);
    assert!(machine.defaults().is_empty() && machine.uplinks.is_idle());
}

#[test]
fn another_reason_than_that_it_is_not_there_is_never_taken_for_that() {
    for kind in [ErrorKind::NoSuchDevice, ErrorKind::NotPermitted, ErrorKind::Busy, ErrorKind::Invalid] {
        let (mut machine, two, wish) = giving_up(UplinkOptions::default());
        machine.uplinks.told(machine.now, wish.id, Told::Kept(Error::new(kind, "delete route")));
        machine.turn();
        assert_eq!((tells_kept(&machine), machine.life(two)), (1, Life::Active), "{kind:?}");
        // The interface went, and the route with it: that the mirror tells.
        machine.hear(RouteVerb::Removed, "default via 10.2.0.1 dev if2 proto 87 metric 99");
        machine.turn();
        assert!(machine.uplinks.is_idle(), "{kind:?}");
    }
}

/// Found by `tests/uplinks_simulated`.
#[test]
fn a_deletion_that_is_refused_when_it_is_asked_again_is_done_where_the_mirror_has_told_of_it() {
    let (mut machine, _, wish) = giving_up(UplinkOptions::default());
    machine.uplinks.told(machine.now, wish.id, Told::Unknown);
    machine.turn();
    machine.hear(RouteVerb::Removed, "default via 10.2.0.1 dev if2 proto 87 metric 99");
    machine.turn();
    machine.uplinks.told(machine.now, wish.id, Told::Kept(Error::new(ErrorKind::NotPermitted, "delete route")));
    machine.turn();
    assert!(machine.uplinks.is_idle() && tells_kept(&machine) == 0);
}

#[test]
fn a_deletion_at_metric_zero_is_not_asked_again_where_it_could_hit_another() {
    let (mut machine, _, wish) = giving_up(UplinkOptions { metric_zero: true, ..UplinkOptions::default() });
    assert_eq!(wish.route.slot.metric, 0);
    machine.uplinks.told(machine.now, wish.id, Told::Unknown);
    machine.turn();
    // It was done, and another program has a default route now, which a deletion at metric 0 would take.
    machine.mirror.handle(Notice::Route(RouteVerb::Removed, wish.route), &mut Vec::new());
    machine.hear(RouteVerb::Added, "default via 10.2.0.7 dev if2 metric 100");
    machine.pass(UplinkOptions::default().retry);
    assert!(machine.waiting.is_empty(), "{:?}", machine.waiting);
    assert!(machine.uplinks.is_idle());
}

/// Found by `tests/uplinks_simulated`, where a rival comes between two writes.
#[test]
fn what_was_overwritten_before_its_answer_was_looked_at_is_lost_at_once() {
    let mut machine = Machine::ready();
    let two = machine.add(2, 1);
    machine.holds_orders = true;
    machine.turn();
    let Some(Order::Install(wish)) = machine.waiting.pop() else { panic!("it is to be added") };
    machine.notice(Notice::Route(RouteVerb::Added, wish.route.clone()));
    machine.hear(RouteVerb::Replaced, "default via 10.2.0.7 dev if2 proto static metric 99");
    machine.turn();
    machine.uplinks.told(machine.now, wish.id, Told::Installed);
    machine.turn();
    assert!(machine.tells(|report| matches!(report, UplinkReport::Lost { overwritten_by: Some(_), .. })));
    let Some(Order::Install(again)) = machine.waiting.pop() else { panic!("it is to be put back") };
    assert_eq!((again.route.slot.metric, machine.life(two)), (98, Life::Added));
}

/// Found by `tests/uplinks_simulated`.
#[test]
fn what_was_never_known_to_be_there_is_not_said_to_be_there_as_its_deletion_is_refused() {
    let mut machine = Machine::ready();
    let two = machine.add(2, 1);
    machine.holds_orders = true;
    machine.turn();
    machine.uplinks.remove(two);
    machine.turn();
    let Some(Order::Withdraw(wish)) = machine.waiting.pop() else { panic!("it is to be deleted") };
    // The answer to the addition is late, or lost.
    machine.uplinks.told(machine.now, wish.id, Told::Kept(Error::new(ErrorKind::NotPermitted, "delete route")));
    assert_eq!((machine.life(two), tells_kept(&machine)), (Life::Removed, 0));
    machine.waiting.clear();
    machine.pass(UplinkOptions::default().retry);
    assert!(matches!(&machine.waiting[..], [Order::Withdraw(again)] if again.id == wish.id), "{:?}", machine.waiting);
    // It was added: so it is there.
    machine.uplinks.told(machine.now, wish.id, Told::Installed);
    machine.uplinks.told(machine.now, wish.id, Told::Kept(Error::new(ErrorKind::NotPermitted, "delete route")));
    assert_eq!(machine.life(two), Life::Active);
}
