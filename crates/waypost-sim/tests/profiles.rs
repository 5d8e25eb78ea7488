//! What the systems' profiles claim, one by one.

use waypost_core::{
    Drained, Dump, ErrorKind, Family, IfIndex, Kernel, Notice, Notices, Now, Request, Route, RouteChange, RouteFilter, RouteVerb,
    Ticket,
};
use waypost_sim::{Fault, Profile, Sim, SimKernel};

/// A machine with a link that is up and has 10.0.0.2/24.
fn machine(profile: Profile) -> (Sim, IfIndex) {
    let sim = Sim::new(profile);
    let link = sim.add_link("w0");
    sim.set_up(link, true).unwrap();
    sim.add_address(link, "10.0.0.2".parse().unwrap(), 24).unwrap();
    (sim, link)
}

fn with_sockets() -> impl Iterator<Item = Profile> {
    Profile::all().into_iter().skip(1)
}

fn route(sim: &Sim, words: &str) -> Route {
    let mut route: Route = words.parse().unwrap();
    route.slot.table = sim.kernel().capabilities().main_table;
    route
}

fn heard(kernel: &mut SimKernel) -> Notices {
    let mut notices = Notices::new();
    while kernel.drain(Now::default(), 1000, &mut notices).unwrap() == Drained::More {}
    notices
}

fn ask_for_routes(kernel: &mut SimKernel) {
    let filter = RouteFilter::default();
    kernel.submit(Now::default(), Ticket(1), Request::Dump(Dump::Routes(Family::V4, &filter))).unwrap();
    kernel.flush().unwrap();
}

/// The routes to 10.1.0.0/16 and beyond that a dump lists.
fn listed(sim: &Sim) -> Vec<String> {
    let mut kernel = sim.kernel();
    ask_for_routes(&mut kernel);
    let in_question = |notice: Notice| match notice {
        Notice::Route(_, route) if route.to_string().starts_with("10.1.") => Some(route.to_string()),
        _ => None,
    };
    heard(&mut kernel).into_iter().filter_map(in_question).collect()
}

fn overruns(notices: &Notices) -> usize {
    notices.iter().filter(|notice| matches!(notice, Notice::Overrun)).count()
}

#[test]
fn a_second_route_stands_beside_the_first_where_gateways_tell_them_apart() {
    for profile in with_sockets() {
        let name = profile.capabilities.system;
        let (sim, _) = machine(profile);
        let add = |words: &str| sim.rival(RouteChange::Add, &route(&sim, words));
        add("10.1.0.0/16 via 10.0.0.1").unwrap();
        assert_eq!(add("10.1.0.0/16 via 10.0.0.1").unwrap_err().kind(), ErrorKind::Exists, "{name}");
        let beside = ["OpenBSD (simulated)", "illumos (simulated)"].contains(&name);
        assert_eq!(add("10.1.0.0/16 via 10.0.0.3").is_ok(), beside, "{name}");
        assert_eq!(listed(&sim).len(), if beside { 2 } else { 1 }, "{name}");
        let replace = sim.rival(RouteChange::Replace, &route(&sim, "10.1.0.0/16 via 10.0.0.4"));
        assert_eq!(replace.unwrap_err().kind(), ErrorKind::Unsupported, "{name}");
    }
}

#[test]
fn a_deletion_hits_another_route_where_the_kernel_does_not_compare() {
    for profile in with_sockets() {
        let name = profile.capabilities.system;
        let (sim, _) = machine(profile);
        sim.rival(RouteChange::Add, &route(&sim, "10.1.0.0/16 via 10.0.0.1")).unwrap();
        let deleted = sim.rival(RouteChange::Delete, &route(&sim, "10.1.0.0/16 via 10.0.0.3"));
        let compares = ["FreeBSD (simulated)", "OpenBSD (simulated)", "illumos (simulated)"].contains(&name);
        assert_eq!(deleted.is_err(), compares, "{name}");
        assert_eq!(listed(&sim).is_empty(), !compares, "{name}");
    }
    let (sim, _) = machine(Profile::illumos());
    let unnamed = sim.rival(RouteChange::Delete, &route(&sim, "10.1.0.0/16 dev if2"));
    assert_eq!(unnamed.unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn priorities_and_scopes_keep_routes_to_one_destination_apart() {
    let (sim, _) = machine(Profile::openbsd());
    let (sim2, link) = machine(Profile::macos());
    let (mut first, mut second) = (route(&sim, "10.1.0.0/16 via 10.0.0.1"), route(&sim, "10.1.0.0/16 via 10.0.0.1"));
    (first.slot.priority, second.slot.priority) = (8, 16);
    [&first, &second].into_iter().for_each(|one| sim.rival(RouteChange::Add, one).unwrap());
    (first.slot.priority, second.slot.priority) = (0, 0);
    second.slot.interface_scope = Some(link);
    [&first, &second].into_iter().for_each(|one| sim2.rival(RouteChange::Add, one).unwrap());
    for sim in [sim, sim2] {
        assert_eq!(listed(&sim).len(), 2);
    }
}

#[test]
fn a_link_that_is_switched_off_takes_its_routes_without_a_word_or_leaves_them() {
    for profile in with_sockets() {
        let name = profile.capabilities.system;
        let (sim, link) = machine(profile);
        sim.rival(RouteChange::Add, &route(&sim, "10.1.0.0/16 via 10.0.0.1")).unwrap();
        let mut kernel = sim.kernel();
        sim.set_up(link, false).unwrap();
        assert!(!heard(&mut kernel).iter().any(|notice| matches!(notice, Notice::Route(..))), "{name}");
        assert_eq!(listed(&sim).is_empty(), name.starts_with("illumos"), "{name}");
        let marked = listed(&sim).iter().any(|text| text.contains("linkdown"));
        assert_eq!(marked, name.starts_with("OpenBSD"), "{name}");
        sim.remove_address(link, "10.0.0.2".parse().unwrap()).unwrap();
        assert_eq!(listed(&sim).len(), 0, "{name}: what hangs on an address goes with it");
        let removed = |notice: &Notice| matches!(notice, Notice::Route(_, route) if route.to_string().starts_with("10.1."));
        assert!(!heard(&mut kernel).iter().any(removed), "{name}: without a word");
    }
}

#[test]
fn a_buffer_that_is_full_is_told_of_where_the_kernel_tells() {
    for profile in Profile::all() {
        let name = profile.capabilities.system;
        let (sim, _) = machine(profile);
        let mut kernel = sim.kernel();
        kernel.suffer(Fault::ReceiveBuffer(2));
        let add = |n: usize| sim.rival(RouteChange::Add, &route(&sim, &format!("10.1.{n}.0/24 via 10.0.0.1"))).unwrap();
        (0..5).for_each(add);
        let tells = ["Linux", "FreeBSD", "NetBSD", "OpenBSD"].iter().any(|one| name.starts_with(one));
        // One is read, which makes room.
        let mut notices = Notices::new();
        kernel.drain(Now::default(), 1 + usize::from(tells), &mut notices).unwrap();
        assert_eq!(overruns(&notices), usize::from(tells), "{name}");
        (5..6).for_each(add);
        let left = heard(&mut kernel);
        let stays = ["Linux", "OpenBSD"].iter().any(|one| name.starts_with(one));
        let routes = left.iter().filter(|notice| matches!(notice, Notice::Route(..))).count();
        assert_eq!(routes, if stays { 1 } else { 2 }, "{name}: {left:?}");
    }
}

#[test]
fn a_dump_of_one_moment_overtakes_what_is_queued_and_ends_behind_it() {
    for profile in with_sockets() {
        let (sim, _) = machine(profile);
        sim.rival(RouteChange::Add, &route(&sim, "10.1.0.0/16 via 10.0.0.1")).unwrap();
        let mut kernel = sim.kernel();
        sim.rival(RouteChange::Delete, &route(&sim, "10.1.0.0/16 via 10.0.0.1")).unwrap();
        kernel.suffer(Fault::DumpBatch(1));
        ask_for_routes(&mut kernel);
        let mut notices = Notices::new();
        kernel.drain(Now::default(), 1000, &mut notices).unwrap();
        // What happens now is not in it.
        sim.rival(RouteChange::Add, &route(&sim, "10.2.0.0/16 via 10.0.0.1")).unwrap();
        notices.extend(heard(&mut kernel));
        let kinds: Vec<_> = notices
            .iter()
            .map(|notice| match notice {
                Notice::Route(RouteVerb::Listed, route) if route.to_string().starts_with("10.2.") => "new",
                Notice::Route(RouteVerb::Listed, _) | Notice::DumpStarted(_) => "list",
                Notice::Route(..) => "event",
                _ => "end",
            })
            .collect();
        let at = |kind| kinds.iter().position(|one| *one == kind);
        assert!(at("event") > at("list") && at("new").is_none(), "{kinds:?}");
        assert_eq!((at("end"), kinds.len()), (Some(kinds.len() - 1), kinds.len()));
        assert!(kinds.iter().skip_while(|one| **one == "list").all(|one| *one != "list"), "{kinds:?}");
    }
}

#[test]
fn dumps_are_interrupted_refused_and_damaged_by_schedule() {
    for profile in Profile::all() {
        let (sim, _) = machine(profile);
        let mut kernel = sim.kernel();
        kernel.suffer(Fault::InterruptDumps(1));
        kernel.suffer(Fault::RefuseDumps { count: 1, kind: ErrorKind::Busy });
        kernel.suffer(Fault::SpoilListed(1));
        let ends = [0, 1, 2].map(|_| {
            ask_for_routes(&mut kernel);
            let notices = heard(&mut kernel);
            let damaged = notices.iter().filter(|notice| matches!(notice, Notice::Undecodable { in_dump: true, .. })).count();
            let end = notices.iter().find_map(|notice| match notice {
                Notice::DumpDone(_, end) => Some((end.interrupted, end.error.as_ref().map(|error| error.kind()))),
                _ => None,
            });
            (end.unwrap(), damaged)
        });
        assert_eq!(ends, [((false, Some(ErrorKind::Busy)), 0), ((true, None), 1), ((false, None), 0)]);
    }
}

#[test]
fn events_come_twice_or_damaged_by_schedule() {
    let (sim, _) = machine(Profile::linux());
    let mut kernel = sim.kernel();
    kernel.suffer(Fault::RepeatEvents(1));
    sim.rival(RouteChange::Add, &route(&sim, "10.1.0.0/16 via 10.0.0.1")).unwrap();
    assert_eq!(heard(&mut kernel).len(), 2);
    kernel.suffer(Fault::SpoilEvents(1));
    sim.rival(RouteChange::Add, &route(&sim, "10.2.0.0/16 via 10.0.0.1")).unwrap();
    sim.rival(RouteChange::Add, &route(&sim, "10.3.0.0/16 via 10.0.0.1")).unwrap();
    let notices = heard(&mut kernel);
    assert!(matches!(notices[..], [Notice::Undecodable { in_dump: false, .. }, Notice::Route(..)]), "{notices:?}");
}
