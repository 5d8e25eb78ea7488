//! What is asked for is told, and nothing else, whether or not the kernel sends it.
#![cfg(feature = "pfroute")]

use waypost_core::{Dump, Family, Kernel, Notice, Notices, Now, Request, Route, RouteChange, RouteFilter, TableId, Ticket};
use waypost_pfroute::session::{Interest, RoutingSocket, SessionOptions, capabilities};
use waypost_pfroute::wire::{ByteOrder, OPENBSD};
use waypost_sim::RoutingProfile;
use waypost_sim::routing::{RoutingSim, SimSockets};

/// A machine of this kind, and a program of it that is told what `interest` says.
fn with(profile: RoutingProfile, interest: Interest) -> (RoutingSim, RoutingSocket<SimSockets>) {
    let sim = RoutingSim::new(profile, ByteOrder::Big);
    let index = sim.add_link("w0");
    sim.set_up(index, true).unwrap();
    sim.add_address(index, "10.0.0.2".parse().unwrap(), 24).unwrap();
    sim.add_address(index, "2001:db8::2".parse().unwrap(), 64).unwrap();
    let mut options = SessionOptions::new(capabilities(profile.dialect, profile.system, profile.tells_loss));
    options.misses = true;
    options.interest = interest;
    let kernel = RoutingSocket::new(profile.dialect, ByteOrder::Big, sim.sockets(), options);
    (sim, kernel)
}

/// Has somebody else add a route.
fn add(sim: &RoutingSim, words: &str) {
    let mut other = sim.kernel();
    let mut route: Route = words.parse().unwrap();
    route.slot.table = TableId(0);
    other.submit(Now::default(), Ticket(1), Request::Route(RouteChange::Add, &route)).unwrap();
    other.flush().unwrap();
}

/// What is told of routes and misses, in short.
fn told(kernel: &mut RoutingSocket<SimSockets>) -> Vec<String> {
    let mut notices = Notices::new();
    kernel.drain(Now::default(), 1000, &mut notices).unwrap();
    let short = notices.iter().filter_map(|notice| match notice {
        Notice::Route(_, route) => Some(route.slot.destination.to_string()),
        Notice::Miss(miss) => Some(format!("miss {}", miss.destination)),
        _ => None,
    });
    short.collect()
}

#[test]
fn changes_of_one_family_are_told_alone() {
    for profile in RoutingProfile::ALL {
        let mut interest = Interest::default();
        interest.family = Some(Family::V6);
        let (sim, mut kernel) = with(profile, interest);
        add(&sim, "10.1.0.0/16 via 10.0.0.1");
        add(&sim, "2001:db8:1::/48 via 2001:db8::1");
        sim.miss("10.9.9.9".parse().unwrap());
        assert_eq!(told(&mut kernel), ["2001:db8:1::/48"], "{}", profile.dialect.name);
    }
}

#[test]
fn misses_of_some_destinations_are_told_alone() {
    for profile in RoutingProfile::ALL {
        let mut interest = Interest::default();
        interest.misses_to = vec!["192.0.2.1".parse().unwrap()];
        let (sim, mut kernel) = with(profile, interest);
        sim.miss("192.0.2.2".parse().unwrap());
        sim.miss("192.0.2.1".parse().unwrap());
        assert_eq!(told(&mut kernel), ["miss 192.0.2.1"], "{}", profile.dialect.name);
        assert_eq!((kernel.stats().misses, kernel.stats().misses_dropped), (2, 1));
    }
}

#[test]
fn routes_of_a_worse_priority_are_neither_told_nor_listed() {
    let mut interest = Interest::default();
    interest.worst_priority = Some(8);
    let (sim, mut kernel) = with(RoutingProfile::named(OPENBSD.name).unwrap(), interest);
    for words in
        ["10.1.0.0/16 via 10.0.0.1 priority 8", "10.1.0.0/16 via 10.0.0.1 priority 32", "10.2.0.0/16 via 10.0.0.1 priority 9"]
    {
        add(&sim, words);
    }
    assert_eq!(told(&mut kernel), ["10.1.0.0/16"]);
    let filter = RouteFilter::default();
    kernel.submit(Now::default(), Ticket(2), Request::Dump(Dump::Routes(Family::V4, &filter))).unwrap();
    assert_eq!(told(&mut kernel), ["10.0.0.0/24", "10.1.0.0/16"]);
}
