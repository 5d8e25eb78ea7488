//! Host routes, interface routes and metrics.

use super::*;

#[test]
fn a_gateway_that_no_subnet_has_gets_a_host_route_first() {
    let mut machine = Machine::ready();
    let mut uplink = Machine::uplink(2, 1);
    uplink.exit = Exit::Gateway(ip("192.0.2.1"));
    let id = machine.uplinks.set(uplink);
    machine.writes(&["+gateway 192.0.2.1 dev if2 scope link metric 99", "+high default via 192.0.2.1 dev if2 metric 99"]);
    machine.uplinks.remove(id);
    machine.writes(&["-high default via 192.0.2.1 dev if2 metric 99", "-gateway 192.0.2.1 dev if2 scope link metric 99"]);
}

#[test]
fn no_default_route_is_tried_before_the_gateways_host_route_stands() {
    let mut machine = Machine::ready();
    machine.refuses.insert(Role::Gateway);
    let mut uplink = Machine::uplink(2, 1);
    uplink.exit = Exit::Gateway(ip("192.0.2.1"));
    machine.uplinks.set(uplink);
    machine.writes(&["+gateway 192.0.2.1 dev if2 scope link metric 99"]);
}

#[test]
fn a_point_to_point_uplink_gets_an_interface_route() {
    let mut machine = Machine::ready();
    machine.uplinks.set(Uplink::new("ppp", Family::V4, index(3), Exit::PointToPoint));
    machine.uplinks.set(Uplink::new("ppp", Family::V6, index(3), Exit::PointToPoint));
    machine.writes(&["+high default dev if3 scope link metric 99", "+high default dev if3 metric 99 pref medium"]);
}

#[test]
fn resolvers_are_asked_over_their_own_uplink() {
    let mut machine = Machine::ready();
    let mut uplink = Machine::uplink(2, 1);
    // One is the gateway, one is on the subnet, one is of the other family, one is elsewhere.
    uplink.resolvers = vec![ip("10.2.0.1"), ip("10.2.0.53"), ip("2001:db8:2::53"), ip("192.0.2.53")];
    let id = machine.uplinks.set(uplink);
    machine.turn();
    let resolvers: Vec<&String> = machine.written.iter().filter(|line| line.starts_with("+resolver")).collect();
    assert_eq!(resolvers, ["+resolver 192.0.2.53 via 10.2.0.1 dev if2 metric 99"]);
    machine.uplinks.remove(id);
    machine.turn();
    assert!(machine.written.contains(&"-resolver 192.0.2.53 via 10.2.0.1 dev if2 metric 99".to_owned()));
    assert!(machine.uplinks.is_idle());
}

#[test]
fn resolvers_of_both_families_are_asked_where_an_uplink_has_both() {
    let mut machine = Machine::ready();
    for (family, gateway) in [(Family::V4, "10.2.0.1"), (Family::V6, "2001:db8:2::1")] {
        let mut uplink = Uplink::new("both", family, index(2), Exit::Gateway(ip(gateway)));
        uplink.resolvers = vec![ip("192.0.2.53"), ip("2001:db8:9::53")];
        machine.uplinks.set(uplink);
    }
    machine.turn();
    let mut resolvers: Vec<&String> = machine.written.iter().filter(|line| line.starts_with("+resolver")).collect();
    resolvers.sort();
    assert_eq!(resolvers.len(), 2, "{resolvers:?}");
    assert!(resolvers[0].starts_with("+resolver 192.0.2.53 via 10.2.0.1 dev if2"), "{resolvers:?}");
    assert!(resolvers[1].starts_with("+resolver 2001:db8:9::53 via 2001:db8:2::1 dev if2"), "{resolvers:?}");
}

#[test]
fn a_resolver_that_two_uplinks_name_is_asked_over_the_elected_one() {
    let mut machine = Machine::ready();
    for number in [2, 3] {
        let mut uplink = Machine::uplink(number, number);
        uplink.resolvers = vec![ip("192.0.2.53")];
        machine.uplinks.set(uplink);
    }
    machine.turn();
    let table = |machine: &Machine| {
        let chain = machine.mirror.tables().table(TableId::MAIN).unwrap().exactly("192.0.2.53/32".parse().unwrap());
        chain.into_iter().flatten().map(|route| short(&route.to_route())).collect::<Vec<_>>()
    };
    assert_eq!(table(&machine), ["192.0.2.53 via 10.3.0.1 dev if3 metric 99"]);
    machine.link(3, true, false);
    machine.turn();
    assert_eq!(table(&machine), ["192.0.2.53 via 10.2.0.1 dev if2 metric 98"]);
}

#[test]
fn a_refused_resolver_holds_up_nothing_else() {
    let mut machine = Machine::ready();
    machine.refuses.insert(Role::Resolver);
    let mut uplink = Machine::uplink(2, 1);
    uplink.resolvers = vec![ip("192.0.2.53")];
    machine.uplinks.set(uplink);
    machine.turn();
    assert_eq!(machine.defaults().len(), 1);
    let tried = |machine: &Machine| machine.written.iter().filter(|line| line.starts_with("+resolver")).count();
    assert_eq!(tried(&machine), 1);
    machine.pass(Duration::from_millis(100));
    assert_eq!(tried(&machine), 2, "it is tried again in its time");
}

#[test]
fn the_source_is_in_the_default_route() {
    let mut machine = Machine::ready();
    let mut uplink = Machine::uplink(2, 1);
    uplink.source = Some(ip("10.2.0.2"));
    machine.uplinks.set(uplink);
    machine.writes(&["+high default via 10.2.0.1 dev if2 src 10.2.0.2 metric 99"]);
}

/// Interfaces 2 and 3, and metric 0 wanted for the elected uplink.
fn with_metric_zero() -> Machine {
    let mut machine = Machine::new(UplinkOptions { metric_zero: true, ..UplinkOptions::default() });
    (2..4).for_each(|number| machine.interface(number));
    machine.begin();
    machine
}

#[test]
fn metric_zero_is_chosen_only_where_it_is_asked_for_and_left_before_another_comes() {
    let mut machine = with_metric_zero();
    machine.add(2, 1);
    machine.writes(&["+high default via 10.2.0.1 dev if2"]);
    // Claims take no other metric beside it.
    machine.add(3, 2);
    machine.writes(&["-high default via 10.2.0.1 dev if2", "+high default via 10.3.0.1 dev if3"]);
    let mut uplink = Machine::uplink(3, 2);
    uplink.exit = Exit::Gateway(ip("10.3.0.77"));
    machine.uplinks.set(uplink);
    machine.writes(&["-high default via 10.3.0.1 dev if3", "+high default via 10.3.0.77 dev if3"]);
}

#[test]
fn metric_zero_of_a_time_when_it_was_asked_for_goes_first() {
    let mut machine = Machine::new(UplinkOptions::default());
    (2..4).for_each(|number| machine.interface(number));
    machine.hear(RouteVerb::Added, "default via 10.2.0.1 dev if2 proto 87");
    machine.add(2, 2);
    machine.add(3, 1);
    machine.begin();
    assert_eq!(
        machine.written,
        [
            "-high default via 10.2.0.1 dev if2",
            "+high default via 10.2.0.1 dev if2 metric 99",
            "+low default via 10.3.0.1 dev if3 metric 4294964223",
        ]
    );
}

#[test]
fn metric_zero_waits_until_no_other_of_ours_stands() {
    let mut machine = Machine::new(UplinkOptions { metric_zero: true, ..UplinkOptions::default() });
    (2..4).for_each(|number| machine.interface(number));
    machine.hear(RouteVerb::Added, "default via 10.2.0.1 dev if2 proto 87 metric 99");
    machine.add(2, 1);
    machine.add(3, 2);
    machine.begin();
    assert_eq!(machine.written.first().map(String::as_str), Some("+high default via 10.3.0.1 dev if3 metric 98"));
}

#[test]
fn where_no_metric_is_free_that_is_told_and_tried_again() {
    let bands = MetricBands::new(1..=2).unwrap();
    let mut machine = Machine::new(UplinkOptions { bands, ..UplinkOptions::default() });
    (2..4).for_each(|number| machine.interface(number));
    for metric in 1..=2 {
        machine.hear(RouteVerb::Added, &format!("default via 10.3.0.9 dev if3 metric {metric}"));
    }
    machine.begin();
    let two = machine.add(2, 1);
    machine.writes(&[]);
    let is_told = |report: &UplinkReport| match report {
        UplinkReport::Refused { wish, error } => {
            wish.uplink == two && error.to_string().contains("no metric from 1 to 2 is free")
        }
        _ => false,
    };
    assert!(machine.tells(is_told), "{:?}", machine.reports);
    assert_eq!(machine.life(two), Life::Inactive);
    assert_eq!(machine.uplinks.outranked_by().len(), 2, "what packets take instead is told");
    machine.hear(RouteVerb::Removed, "default via 10.3.0.9 dev if3 metric 2");
    machine.written.clear();
    machine.pass(Duration::from_secs(60));
    assert_eq!(machine.written, ["+high default via 10.2.0.1 dev if2 metric 2"]);
}

#[test]
fn metric_zero_that_has_silently_gone_is_not_deleted_as_that_would_hit_a_twin() {
    let mut machine = with_metric_zero();
    let two = machine.add(2, 1);
    machine.turn();
    // Nobody has said so but the kernel.
    let gone = Notice::Route(RouteVerb::Removed, "default via 10.2.0.1 dev if2 proto 87".parse().unwrap());
    machine.mirror.handle(gone, &mut Vec::new());
    machine.uplinks.remove(two);
    machine.writes(&[]);
    assert!(machine.uplinks.is_idle());
}

#[test]
fn low_metrics_stay_with_their_uplink_and_are_never_shared() {
    let mut machine = Machine::ready();
    machine.hear(RouteVerb::Added, "default via 10.4.0.9 dev if4 metric 4294965247");
    let two = machine.add(2, 1);
    machine.add(3, 9);
    machine.turn();
    let low = |machine: &Machine| machine.uplinks.status(machine.now).find(|status| status.id == two).unwrap().defaults;
    assert_eq!(low(&machine), [(Role::Low, 4_294_965_246)], "the first guess is somebody else's");
    machine.link(2, true, false);
    machine.turn();
    machine.hear(RouteVerb::Removed, "default via 10.4.0.9 dev if4 metric 4294965247");
    machine.link(2, true, true);
    machine.turn();
    assert_eq!(low(&machine), [(Role::Low, 4_294_965_246)], "it is recorded");
}
