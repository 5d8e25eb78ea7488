//! VPNs: what carries them, and how they come and go.

use super::*;

const PIN2: &str = "198.51.100.1 via 10.2.0.1 dev if2 metric 99";

/// Two physical uplinks, interfaces 2 and 3, and a tunnel, interface 9, whose server is 198.51.100.1.
fn with_vpn(edit: impl Fn(&mut Uplink)) -> (Machine, UplinkId) {
    let mut machine = Machine::ready();
    machine.link(9, true, true);
    machine.add(2, 5);
    machine.add(3, 1);
    machine.turn();
    let mut vpn = Uplink::new("vpn", Family::V4, index(9), Exit::PointToPoint);
    (vpn.priority, vpn.vpn) = (50, Some(Vpn::new(ip("198.51.100.1"))));
    edit(&mut vpn);
    let id = machine.uplinks.set(vpn);
    machine.written.clear();
    machine.turn();
    (machine, id)
}

#[test]
fn the_server_is_pinned_to_the_elected_physical_uplink_before_the_vpn_takes_everything() {
    let (machine, vpn) = with_vpn(|_| {});
    assert_eq!(
        machine.written,
        [
            &format!("+server {PIN2}"),
            "+low default via 10.2.0.1 dev if2 metric 4294965247",
            "+high default dev if9 scope link metric 98",
            "-high default via 10.2.0.1 dev if2 metric 99",
        ]
    );
    assert_eq!(machine.elected(), Some(vpn));
}

#[test]
fn the_pin_moves_with_the_physical_uplink_and_makes_before_it_breaks() {
    let (mut machine, vpn) = with_vpn(|_| {});
    machine.link(2, true, false);
    machine.writes(&[
        "+server 198.51.100.1 via 10.3.0.1 dev if3 metric 98",
        "-low default via 10.2.0.1 dev if2 metric 4294965247",
        &format!("-server {PIN2}"),
    ]);
    assert_eq!((machine.elected(), machine.life(vpn)), (Some(vpn), Life::Active), "the VPN stays");
}

#[test]
fn when_the_vpn_goes_the_physical_uplink_is_promoted_first() {
    let (mut machine, vpn) = with_vpn(|_| {});
    machine.uplinks.remove(vpn);
    machine.writes(&[
        "+high default via 10.2.0.1 dev if2 metric 97",
        "-low default via 10.2.0.1 dev if2 metric 4294965247",
        "-high default dev if9 scope link metric 98",
        &format!("-server {PIN2}"),
    ]);
}

#[test]
fn when_the_tunnel_goes_down_the_physical_uplink_takes_over() {
    let (mut machine, _) = with_vpn(|_| {});
    machine.link(9, false, false);
    machine.turn();
    assert_eq!(machine.defaults()[0], "default via 10.2.0.1 dev if2 metric 97");
    assert!(machine.written.contains(&format!("-server {PIN2}")));
}

#[test]
fn with_split_routing_it_is_never_elected() {
    let (machine, vpn) = with_vpn(|vpn| vpn.vpn.as_mut().unwrap().split = true);
    assert_ne!(machine.elected(), Some(vpn));
    assert_eq!(machine.defaults()[0], "default via 10.2.0.1 dev if2 metric 99");
    assert!(machine.defaults().iter().any(|route| route.starts_with("default dev if9")), "bound sockets work");
}

#[test]
fn a_server_on_the_same_subnet_or_with_a_route_of_its_own_is_not_pinned() {
    for server in ["10.2.0.77", "203.0.113.7"] {
        let mut machine = Machine::ready();
        machine.link(9, true, true);
        machine.hear(RouteVerb::Added, "203.0.113.0/24 via 10.3.0.1 dev if3 proto static");
        machine.add(2, 5);
        let mut vpn = Uplink::new("vpn", Family::V4, index(9), Exit::PointToPoint);
        (vpn.priority, vpn.vpn) = (50, Some(Vpn::new(ip(server))));
        let vpn = machine.uplinks.set(vpn);
        machine.turn();
        assert_eq!(machine.elected(), Some(vpn));
        assert!(!machine.written.iter().any(|line| line.starts_with("+server")), "{:?}", machine.written);
    }
}

#[test]
fn a_vpn_whose_server_cannot_be_reached_is_not_usable() {
    let mut machine = Machine::ready();
    machine.link(9, true, true);
    let mut vpn = Uplink::new("vpn", Family::V4, index(9), Exit::PointToPoint);
    vpn.vpn = Some(Vpn::new(ip("198.51.100.1")));
    let vpn = machine.uplinks.set(vpn);
    machine.writes(&[]);
    assert_eq!(machine.elected(), None);
    machine.add(2, 0);
    machine.turn();
    machine.turn();
    assert!(machine.written.contains(&format!("+server {PIN2}")), "{:?}", machine.written);
    assert_eq!(machine.life(vpn), Life::Active);
}

#[test]
fn the_server_may_be_of_the_other_family() {
    let (machine, vpn) = with_vpn(|vpn| {
        vpn.name = "six".into();
        vpn.family = Family::V6;
    });
    assert_eq!(machine.uplinks.elected(Family::V6), Some(vpn));
    assert_eq!(machine.written, [&format!("+server {PIN2}"), "+high default dev if9 metric 99 pref medium"]);
    assert_eq!(machine.defaults()[0], "default via 10.2.0.1 dev if2 metric 99", "IPv4 stays where it was");
}

#[test]
fn a_vpn_with_a_gateway_gets_no_host_route_to_it() {
    let (machine, _) = with_vpn(|vpn| vpn.exit = Exit::Gateway(ip("172.16.0.1")));
    assert!(!machine.written.iter().any(|line| line.starts_with("+gateway")), "{:?}", machine.written);
}
