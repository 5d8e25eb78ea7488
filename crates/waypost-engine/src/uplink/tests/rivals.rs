//! Other programs, and the kernel, take routes of ours away or put their own beside them.

use waypost_core::Masked;

use super::*;

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

#[test]
fn a_deleted_route_is_put_back_at_once_and_then_without_a_fight_at_speed() {
    let mut machine = Machine::ready();
    let two = machine.add(2, 1);
    machine.turn();
    let mut deeds = 0;
    let begin = machine.now;
    // A rival deletes whatever it sees, for a minute.
    while machine.now.running < begin.running + Duration::from_secs(60) {
        for route in machine.defaults() {
            machine.hear(RouteVerb::Removed, &format!("{route} proto 87"));
            deeds += 1;
        }
        machine.turn();
        if deeds == 1 {
            assert_eq!(machine.defaults().len(), 1, "the first time, at once");
            assert_eq!(machine.life(two), Life::Active);
        }
        machine.pass(ms(10));
    }
    assert!((8..=14).contains(&deeds), "{deeds} times in a minute");
    // It gives up, and all is as it was.
    machine.pass(Duration::from_secs(31));
    assert_eq!(machine.defaults().len(), 1);
}

#[test]
fn with_yield_it_is_left_to_the_rival_until_the_link_comes_again() {
    let mut machine = Machine::new(UplinkOptions { on_rival: OnRival::Yield, ..UplinkOptions::default() });
    machine.interface(2);
    machine.begin();
    let two = machine.add(2, 1);
    machine.turn();
    machine.hear(RouteVerb::Removed, "default via 10.2.0.1 dev if2 proto 87 metric 99");
    machine.turn();
    machine.pass(Duration::from_secs(600));
    assert!(machine.defaults().is_empty());
    machine.link(2, false, true);
    machine.turn();
    machine.link(2, true, true);
    machine.turn();
    assert_eq!((machine.defaults().len(), machine.life(two)), (1, Life::Active));
}

#[test]
fn what_was_left_to_a_rival_is_taken_back_when_his_route_has_gone_or_it_is_asked_for() {
    let mut machine = Machine::new(UplinkOptions { on_rival: OnRival::Yield, ..UplinkOptions::default() });
    (2..4).for_each(|number| machine.interface(number));
    machine.begin();
    let two = machine.add(2, 2);
    machine.turn();
    let theirs = "default via 10.2.0.7 dev if2 proto static metric 99";
    machine.hear(RouteVerb::Replaced, theirs);
    machine.writes(&[]);
    machine.hear(RouteVerb::Removed, theirs);
    machine.writes(&["+high default via 10.2.0.1 dev if2 metric 99"]);
    machine.hear(RouteVerb::Replaced, theirs);
    machine.writes(&[]);
    machine.uplinks.choose(Family::V4, None);
    machine.writes(&["+high default via 10.2.0.1 dev if2 metric 98"]);
    let three = machine.add(3, 1);
    machine.turn();
    machine.hear(RouteVerb::Removed, "default via 10.2.0.1 dev if2 proto 87 metric 98");
    machine.turn();
    assert_eq!(machine.elected(), Some(three));
    let is_so = |report: &UplinkReport| matches!(report, UplinkReport::Elected { before, cause: ElectionCause::Yielded, .. } if *before == Some(two));
    assert!(machine.tells(is_so));
}

#[test]
fn what_takes_the_place_of_a_route_that_is_missing_is_told() {
    let mut machine = Machine::new(UplinkOptions { on_rival: OnRival::Yield, ..UplinkOptions::default() });
    machine.interface(2);
    machine.begin();
    machine.add(2, 1);
    machine.hear(RouteVerb::Added, "default via 10.2.0.7 dev if2 metric 2000");
    machine.turn();
    assert!(machine.uplinks.outranked_by().is_empty());
    machine.hear(RouteVerb::Removed, "default via 10.2.0.1 dev if2 proto 87 metric 99");
    machine.turn();
    assert_eq!(machine.uplinks.outranked_by().len(), 1);
}

#[test]
fn what_stands_above_is_told_once_though_ours_is_being_replaced() {
    let mut machine = Machine::ready();
    machine.add(2, 1);
    machine.hear(RouteVerb::Added, "default via 10.3.0.7 dev if3 metric 1");
    machine.turn();
    let mut uplink = Machine::uplink(2, 1);
    uplink.exit = Exit::Gateway(ip("10.2.0.77"));
    machine.uplinks.set(uplink);
    machine.holds_orders = true;
    machine.turn();
    assert!(matches!(machine.waiting[..], [Order::Install(_)]) && machine.uplinks.outranked_by().len() == 1);
}

#[test]
fn a_default_route_that_a_rule_leads_to_is_told() {
    for family in Family::ALL {
        let mut machine = Machine::ready();
        let mut uplink = Machine::uplink(2, 1);
        let route = match family {
            Family::V4 => "default via 10.3.0.1 dev if3 table 51820",
            Family::V6 => {
                (uplink.family, uplink.exit) = (family, Exit::Gateway(ip("2001:db8:2::1")));
                "default via 2001:db8:3::1 dev if3 table 51820 pref medium"
            }
        };
        machine.uplinks.set(uplink);
        let mut rule = Rule::new(family, 100, RuleAction::Lookup(TableId::from(51820)));
        (rule.mark, rule.invert) = (Some(Masked { value: 0xca6c, mask: u32::MAX }), true);
        machine.hear(RouteVerb::Added, route);
        machine.turn();
        assert!(machine.uplinks.outranked_by().is_empty(), "no rule leads there");
        machine.notice(Notice::Rule(Verb::Present, Box::new(rule.clone())));
        machine.turn();
        assert_eq!(machine.uplinks.outranked_by().iter().map(ToString::to_string).collect::<Vec<_>>(), [route]);
        let narrow = match family {
            Family::V4 => "192.0.2.0/24 dev if3 table 51820",
            Family::V6 => "2001:db8::/32 dev if3 table 51820",
        };
        machine.hear(RouteVerb::Added, narrow);
        machine.hear(RouteVerb::Removed, route);
        machine.turn();
        assert!(machine.uplinks.outranked_by().is_empty(), "that is no default route");
        machine.hear(RouteVerb::Removed, narrow);
        machine.hear(RouteVerb::Added, route);
        rule.priority = 40_000;
        machine.notice(Notice::Rule(Verb::Present, Box::new(rule.clone())));
        rule.priority = 100;
        machine.notice(Notice::Rule(Verb::Removed, Box::new(rule)));
        machine.turn();
        assert!(machine.uplinks.outranked_by().is_empty(), "ours comes before that rule");
    }
}

#[test]
fn an_overwritten_route_is_lost_and_the_overwriter_named_and_left_alone() {
    let mut machine = Machine::ready();
    machine.add(2, 1);
    machine.turn();
    machine.hear(RouteVerb::Replaced, "default via 10.2.0.7 dev if2 proto static metric 99");
    machine.writes(&["+high default via 10.2.0.1 dev if2 metric 98"]);
    let named = |report: &UplinkReport| match report {
        UplinkReport::Lost { overwritten_by: Some(route), .. } => {
            route.to_string() == "default via 10.2.0.7 dev if2 proto static metric 99"
        }
        _ => false,
    };
    assert!(machine.tells(named));
}

#[test]
fn a_default_route_of_others_that_is_used_before_ours_is_reported_once_and_not_touched() {
    for words in
        ["default via 10.2.0.7 dev if2 metric 5", "default via 10.2.0.7 dev if2", "0.0.0.0/1 dev if4", "128.0.0.0/1 dev if4"]
    {
        let mut machine = Machine::ready();
        machine.add(2, 1);
        machine.turn();
        machine.hear(RouteVerb::Added, words);
        machine.writes(&[]);
        machine.pass(Duration::from_secs(100));
        let above = machine.reports.iter().filter(|report| matches!(report, UplinkReport::Outranked { .. })).count();
        assert_eq!((above, machine.uplinks.outranked_by().len()), (1, 1), "{words}");
        machine.hear(RouteVerb::Removed, words);
        machine.writes(&[]);
        assert!(machine.tells(|report| matches!(report, UplinkReport::OutrankedNoMore { .. })));
    }
    let mut machine = Machine::ready();
    machine.add(2, 1);
    machine.hear(RouteVerb::Added, "default via 10.2.0.7 dev if2 metric 100");
    machine.turn();
    assert!(machine.uplinks.outranked_by().is_empty(), "that one comes behind ours");
}

#[test]
fn a_new_high_metric_beats_those_of_others_where_it_can() {
    let mut machine = Machine::ready();
    machine.hear(RouteVerb::Added, "default via 10.2.0.7 dev if2 metric 50");
    machine.add(2, 1);
    machine.writes(&["+high default via 10.2.0.1 dev if2 metric 49"]);
}

#[test]
fn what_the_kernel_took_silently_is_put_back_when_it_can_be() {
    let mut machine = Machine::ready();
    let two = machine.add(2, 1);
    machine.turn();
    machine.refuses.insert(Role::High);
    machine.hear(RouteVerb::Removed, "10.2.0.0/24 dev if2 proto kernel scope link");
    machine.hear(RouteVerb::Removed, "default via 10.2.0.1 dev if2 proto 87 metric 99");
    machine.turn();
    assert_eq!(machine.life(two), Life::Inactive);
    machine.refuses.clear();
    machine.hear(RouteVerb::Added, "10.2.0.0/24 dev if2 proto kernel scope link");
    machine.turn();
    assert_eq!(machine.life(two), Life::Active, "the route to the gateway is there again: it is not waited for longer");
}

#[test]
fn what_a_mirror_in_step_does_not_have_is_made_anew_before_it_is_deleted() {
    let mut machine = Machine::ready();
    machine.add(2, 1);
    machine.holds_orders = true;
    machine.turn();
    let Some(Order::Install(wish)) = machine.waiting.pop() else { panic!() };
    // The kernel says that it has it, but no event ever comes.
    machine.uplinks.told(machine.now, wish.id, Told::Installed);
    machine.holds_orders = false;
    machine.writes(&[]);
    assert_eq!(machine.uplinks.deadline(), Some(machine.now + CONFIRM));
    machine.written.clear();
    machine.pass(CONFIRM);
    assert_eq!(machine.written, ["+high default via 10.2.0.1 dev if2 metric 98", "-high default via 10.2.0.1 dev if2 metric 99"]);
}

#[test]
fn a_lost_answer_is_read_from_the_mirror() {
    let mut machine = Machine::ready();
    let two = machine.add(2, 1);
    machine.holds_orders = true;
    machine.turn();
    let Some(Order::Install(wish)) = machine.waiting.pop() else { panic!() };
    machine.uplinks.told(machine.now, wish.id, Told::Unknown);
    machine.turn();
    assert_eq!(machine.life(two), Life::Added);
    machine.notice(Notice::Route(RouteVerb::Added, wish.route));
    machine.turn();
    assert_eq!(machine.life(two), Life::Active);
}
