//! Which uplink is elected when links, addresses and probes change.

use waypost_core::{AddressFlags, Neighbour, NeighbourState};

use super::super::looking::AFTERWARDS;
use super::*;

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

#[test]
fn a_link_that_goes_down_or_loses_its_carrier_is_left_at_once() {
    for (up, carrier) in [(false, true), (true, false)] {
        let mut machine = Machine::ready();
        let (two, three) = (machine.add(2, 1), machine.add(3, 2));
        machine.turn();
        machine.link(3, up, carrier);
        machine.writes(&[
            "+high default via 10.2.0.1 dev if2 metric 98",
            "-high default via 10.3.0.1 dev if3 metric 99",
            "-low default via 10.2.0.1 dev if2 metric 4294965247",
        ]);
        assert_eq!((machine.elected(), machine.life(three)), (Some(two), Life::Inactive));
    }
}

#[test]
fn who_comes_again_is_held_down_longer_each_time() {
    let mut machine = Machine::ready();
    let (two, three) = (machine.add(2, 1), machine.add(3, 2));
    machine.turn();
    for hold in [5_000, 10_000, 20_000] {
        machine.link(3, true, false);
        machine.turn();
        assert_eq!(machine.elected(), Some(two));
        machine.link(3, true, true);
        machine.turn();
        assert_eq!(machine.elected(), Some(two), "it has just come again");
        assert!(machine.defaults()[1].starts_with("default via 10.3.0.1"), "but has its low route");
        machine.pass(ms(hold - 1));
        assert_eq!(machine.elected(), Some(two));
        assert_eq!(machine.uplinks.deadline(), Some(machine.now + ms(1)));
        machine.pass(ms(1));
        assert_eq!(machine.elected(), Some(three), "after {hold} ms");
    }
    // Who was well for long has its past forgotten.
    machine.pass(UplinkOptions::default().hold_down_max);
    machine.link(3, true, false);
    machine.turn();
    machine.link(3, true, true);
    machine.turn();
    machine.pass(ms(5_000));
    assert_eq!(machine.elected(), Some(three));
}

#[test]
fn who_is_held_down_is_elected_where_nobody_else_is() {
    let mut machine = Machine::ready();
    let two = machine.add(2, 1);
    machine.turn();
    machine.link(2, false, true);
    machine.turn();
    assert_eq!(machine.elected(), None);
    machine.link(2, true, true);
    machine.turn();
    assert_eq!(machine.elected(), Some(two));
}

#[test]
fn a_silent_gateway_is_left_after_the_failures_that_were_asked_for() {
    let mut machine = Machine::ready();
    let two = machine.add(2, 1);
    let mut probed = Machine::uplink(3, 2);
    probed.probed = true;
    let three = machine.uplinks.set(probed);
    machine.turn();
    for failures in 1..=3 {
        assert_eq!(machine.elected(), Some(three));
        let (uplink, number) = machine.probes.pop().expect("a probe is due");
        assert_eq!(uplink, three, "the other is not probed");
        machine.uplinks.probed(machine.now, three, number, Probed::Failed);
        machine.turn();
        assert_eq!(machine.elected() == Some(two), failures == 3);
        machine.pass(ms(1_100));
    }
    assert!(machine.tells(|report| matches!(report, UplinkReport::Elected { cause: ElectionCause::Bad, .. })));
    assert_eq!(machine.defaults()[1], "default via 10.3.0.1 dev if3 metric 4294964223", "bound sockets, and probes, go on");
    // It passes again, and is held down first.
    for _ in 0..2 {
        let (_, number) = machine.probes.pop().expect("a probe is due");
        machine.uplinks.probed(machine.now, three, number, Probed::Passed);
        machine.pass(ms(1_100));
    }
    assert_eq!(machine.elected(), Some(two));
    machine.pass(ms(5_000));
    assert_eq!(machine.elected(), Some(three));
}

#[test]
fn a_gateway_that_does_not_answer_its_neighbours_is_bad_where_nobody_probes() {
    let mut machine = Machine::ready();
    let (two, three) = (machine.add(2, 1), machine.add(3, 2));
    machine.turn();
    let say = |machine: &mut Machine, gateway, state| {
        let neighbour = Neighbour::new(index(3), ip(gateway), state);
        machine.notice(Notice::Neighbour(Verb::Present, Box::new(neighbour)));
        machine.turn();
    };
    say(&mut machine, "10.3.0.77", NeighbourState::Failed);
    assert_eq!(machine.elected(), Some(three), "that is no gateway");
    say(&mut machine, "10.3.0.1", NeighbourState::Failed);
    assert_eq!(machine.elected(), Some(two));
    say(&mut machine, "10.3.0.1", NeighbourState::Reachable);
    machine.pass(ms(5_000));
    assert_eq!(machine.elected(), Some(three));
}

#[test]
fn losing_makes_doubt_and_doubt_decides_between_equals() {
    let mut machine = Machine::ready();
    let (two, three) = (machine.add(2, 1), machine.add(3, 1));
    machine.turn();
    assert_eq!(machine.elected(), Some(two));
    machine.notice(Notice::Losing("192.0.2.1/32 via 10.2.0.1 dev if2".parse().map(Box::new).unwrap()));
    machine.turn();
    assert_eq!(machine.elected(), Some(three));
}

#[test]
fn an_uplink_without_an_address_that_serves_is_not_usable() {
    let spoil: [fn(&mut Address); 4] = [
        |address| address.flags = AddressFlags::TENTATIVE,
        |address| address.flags = AddressFlags::DEPRECATED,
        |address| address.preferred = Some(Duration::ZERO),
        |address| address.valid = Some(Duration::ZERO),
    ];
    for edit in spoil {
        let mut machine = Machine::ready();
        let (two, three) = (machine.add(2, 1), machine.add(3, 2));
        machine.turn();
        machine.address(3, Verb::Present, edit);
        // A lifetime alone is no event; something else is looked at, and so it is seen.
        machine.uplinks.choose(Family::V4, None);
        machine.turn();
        assert_eq!(machine.elected(), Some(two));
        machine.address(3, Verb::Present, |_| {});
        machine.uplinks.choose(Family::V4, None);
        machine.turn();
        machine.pass(ms(5_000));
        assert_eq!(machine.elected(), Some(three));
    }
}

#[test]
fn who_is_asked_for_is_elected_until_nobody_is() {
    let mut machine = Machine::ready();
    let (two, three) = (machine.add(2, 1), machine.add(3, 2));
    machine.turn();
    machine.uplinks.choose(Family::V4, Some(two));
    machine.turn();
    assert_eq!(machine.elected(), Some(two));
    assert!(machine.tells(|report| matches!(report, UplinkReport::Elected { cause: ElectionCause::Asked, .. })));
    machine.uplinks.choose(Family::V4, None);
    machine.turn();
    assert_eq!(machine.elected(), Some(three));
}

#[test]
fn a_learned_gateway_is_that_of_anothers_default_route_and_goes_with_it() {
    let mut machine = Machine::ready();
    let mut six = Uplink::new("w2", Family::V6, index(2), Exit::Learned);
    six.priority = 1;
    let six = machine.uplinks.set(six);
    machine.turn();
    assert_eq!(machine.uplinks.elected(Family::V6), None);
    machine.hear(RouteVerb::Added, "default via fe80::1 dev if2 proto ra metric 1024");
    machine.writes(&["+high default via fe80::1 dev if2 metric 99 pref medium"]);
    assert_eq!(machine.uplinks.elected(Family::V6), Some(six));
    machine.hear(RouteVerb::Removed, "default via fe80::1 dev if2 proto ra metric 1024");
    machine.writes(&["-high default via fe80::1 dev if2 metric 99 pref medium"]);
    assert_eq!(machine.uplinks.elected(Family::V6), None, "the router's lifetime is over");
}

#[test]
fn a_router_is_left_when_its_lifetime_is_over_unless_that_was_renewed() {
    let mut machine = Machine::ready();
    let own = |number: u32, priority| {
        let mut uplink = Uplink::new(format!("w{number}"), Family::V6, index(number), Exit::Learned);
        uplink.priority = priority;
        uplink
    };
    let (two, three) = (machine.uplinks.set(own(2, 1)), machine.uplinks.set(own(3, 2)));
    machine.hear(RouteVerb::Added, "default via fe80::1 dev if2 proto ra metric 1024 expires 1800sec");
    machine.hear(RouteVerb::Added, "default via fe80::1 dev if3 proto ra metric 1025 expires 30sec");
    machine.turn();
    assert_eq!(machine.uplinks.elected(Family::V6), Some(three));
    // Routes of ours say nothing of a router's, nor does another's.
    machine.pass(ms(20_000));
    machine.hear(RouteVerb::Added, "default via fe80::9 dev if4 proto ra metric 1026 expires 9sec");
    // Nor do others over the same interface, to the same router among them.
    for other in [
        "8000::/1 via fe80::1 dev if3",
        "default via fe80::1 dev if3 proto static metric 2000",
        "default via fe80::7 dev if3 metric 3000",
    ] {
        machine.hear(RouteVerb::Added, other);
        machine.turn();
        machine.hear(RouteVerb::Removed, other);
    }
    machine.turn();
    // At the very end a kernel that counts ticks says 0, as it does of routes that live on.
    assert_eq!(machine.uplinks.deadline(), Some(machine.now + ms(10_000) + AFTERWARDS));
    machine.pass(ms(9_999) + AFTERWARDS);
    assert_eq!(machine.reads, 0);
    machine.pass(ms(1));
    assert_eq!(
        (machine.reads, machine.uplinks.elected(Family::V6)),
        (1, Some(three)),
        "nobody says whether it was renewed: it is looked at"
    );
    let listed = |machine: &mut Machine, seconds| {
        machine.uplinks.note(machine.now, &Event::ResyncStarted { reason: crate::Reason::Asked });
        machine.hear(RouteVerb::Listed, &format!("default via fe80::1 dev if3 proto ra metric 1025 expires {seconds}sec"));
        let nothing = Event::Resynced { reason: crate::Reason::Asked, added: 0, removed: 0, replaced: 0 };
        machine.uplinks.note(machine.now, &nothing);
        machine.turn();
    };
    listed(&mut machine, 30);
    assert_eq!(machine.uplinks.elected(Family::V6), Some(three), "it was renewed");
    assert_eq!(machine.uplinks.deadline(), Some(machine.now + ms(30_000) + AFTERWARDS));
    machine.pass(ms(30_000) + AFTERWARDS);
    assert_eq!(machine.reads, 2);
    listed(&mut machine, 0);
    assert_eq!(machine.uplinks.elected(Family::V6), Some(two), "it was not");
    // Where reading comes to no end, it is read again.
    machine.pass(ms(1_800_000) + AFTERWARDS);
    machine.pass(ms(10_000));
    assert_eq!(machine.reads, 4);
}
