mod hidden;

use super::*;
use std::time::Duration;
use waypost_core::{IfIndex, Route, RouteChange};
use waypost_sim::{Fault, Profile, Sim, SimKernel};

/// A machine with an interface that is up, and a program that follows it.
struct Scene {
    sim: Sim,
    link: IfIndex,
    kernel: SimKernel,
    follower: Follower,
    now: Now,
    events: Vec<Event>,
    others: Notices,
}

impl Scene {
    fn new() -> Self {
        let sim = Sim::new(Profile::linux());
        let link = sim.add_link("w0");
        sim.set_up(link, true).unwrap();
        sim.set_carrier(link, true).unwrap();
        sim.add_address(link, "10.0.0.2".parse().unwrap(), 24).unwrap();
        let kernel = sim.kernel();
        let follower = Follower::new(FollowOptions::default());
        let now = Now::awake(Duration::from_secs(1));
        Self { sim, link, kernel, follower, now, events: Vec::new(), others: Notices::new() }
    }

    fn synchronised() -> Self {
        let mut scene = Self::new();
        scene.settle();
        scene.events.clear();
        scene
    }

    fn rival(&self, change: RouteChange, text: &str) {
        self.sim.rival(change, &route(text)).unwrap();
    }

    /// Goes on for as long as there is something to do at once.
    fn advance(&mut self) {
        while self.follower.advance(self.now, &mut self.kernel, &mut self.events, &mut self.others).unwrap() == Progress::More {}
    }

    /// Goes on, letting time pass, until nothing is planned.
    fn settle(&mut self) {
        for _ in 0..1000 {
            self.advance();
            match self.follower.deadline() {
                _ if self.follower.is_settled() => return,
                Some(deadline) => self.now = self.now.max(deadline),
                None => self.now = self.now + Duration::from_millis(1),
            }
        }
        panic!("it never comes to rest: {:?}", self.follower.stats());
    }

    fn has(&self, text: &str) -> bool {
        let wanted = route(text);
        self.follower.mirror().routes().any(|held| held.slot == wanted.slot)
    }

    /// Compares the mirror with what another program is told that asks now.
    fn assert_true(&self) {
        let mut fresh = Self { kernel: self.sim.kernel(), ..Self::new() };
        fresh.settle();
        let all = |follower: &Follower| follower.mirror().routes().map(|route| route.to_route()).collect::<Vec<_>>();
        assert_eq!(all(&self.follower), all(&fresh.follower));
    }
}

fn route(text: &str) -> Route {
    text.parse().unwrap()
}

fn count(events: &[Event], wanted: fn(&Event) -> bool) -> usize {
    events.iter().filter(|event| wanted(event)).count()
}

#[test]
fn the_first_snapshot_is_whole_and_told_by_one_event() {
    let mut scene = Scene::new();
    scene.rival(RouteChange::Add, "10.1.0.0/16 via 10.0.0.1");
    scene.advance();
    assert!(scene.follower.is_synchronised());
    assert_eq!(scene.events, [Event::Synchronised]);
    assert!(scene.has("10.1.0.0/16"));
    assert_eq!(scene.follower.mirror().names().name(scene.link), Some("w0"));
    assert_eq!(scene.follower.mirror().rules(Family::V4).len(), 3);
    scene.assert_true();
}

#[test]
fn the_first_snapshot_is_told_one_by_one_if_asked() {
    let mut scene = Scene::new();
    scene.follower = Follower::new(FollowOptions { announce_snapshot: true, ..FollowOptions::default() });
    scene.advance();
    let added = count(&scene.events, |event| matches!(event, Event::Route { change: crate::Change::Added(_), .. }));
    assert_eq!(added, scene.follower.mirror().tables().len());
    assert_eq!(scene.events.last(), Some(&Event::Synchronised));
}

#[test]
fn what_happens_afterwards_is_told() {
    let mut scene = Scene::synchronised();
    scene.rival(RouteChange::Add, "10.1.0.0/16 via 10.0.0.1");
    scene.rival(RouteChange::Delete, "10.1.0.0/16 via 10.0.0.1");
    scene.advance();
    assert_eq!(count(&scene.events, |event| matches!(event, Event::Route { .. })), 2);
    assert_eq!(scene.events.len(), 2);
    scene.assert_true();
}

#[test]
fn a_socket_that_is_closed_takes_nothing_away_and_is_opened_anew() {
    let mut scene = Scene::synchronised();
    scene.rival(RouteChange::Add, "10.1.0.0/16 via 10.0.0.1");
    scene.rival(RouteChange::Add, "10.2.0.0/16 via 10.0.0.1");
    scene.advance();
    scene.events.clear();
    scene.kernel.suffer(Fault::Close);
    for _ in 0..2 {
        let told = scene.follower.advance(scene.now, &mut scene.kernel, &mut scene.events, &mut scene.others);
        assert_eq!(told.unwrap_err().kind(), ErrorKind::Closed);
    }
    scene.rival(RouteChange::Delete, "10.1.0.0/16 via 10.0.0.1");
    scene.rival(RouteChange::Add, "10.3.0.0/16 via 10.0.0.1");
    assert!(scene.has("10.1.0.0/16") && scene.events.is_empty(), "nothing is known of it");
    scene.kernel.reopen().unwrap();
    scene.follower.reopened(scene.now, &mut scene.events);
    scene.settle();
    assert_eq!(scene.events.first(), Some(&Event::ResyncStarted { reason: Reason::Reopened }));
    assert_eq!(scene.events.last(), Some(&Event::Resynced { reason: Reason::Reopened, added: 1, removed: 1, replaced: 0 }));
    assert_eq!(scene.events.len(), 4, "of what stayed nothing is told: {:?}", scene.events);
    scene.assert_true();
}

#[test]
fn a_socket_that_is_closed_amid_a_dump_ends_nothing() {
    // Wherever in the reading of everything it is.
    for turns in 0..40 {
        let mut scene = Scene::synchronised();
        scene.rival(RouteChange::Add, "10.1.0.0/16 via 10.0.0.1");
        scene.settle();
        scene.kernel.suffer(Fault::DumpBatch(1));
        scene.follower.verify(scene.now);
        for _ in 0..turns {
            scene.follower.advance(scene.now, &mut scene.kernel, &mut scene.events, &mut scene.others).unwrap();
        }
        scene.events.clear();
        scene.kernel.suffer(Fault::Close);
        scene.kernel.reopen().unwrap();
        scene.follower.reopened(scene.now, &mut scene.events);
        scene.settle();
        let changes =
            scene.events.iter().filter(|event| matches!(event, Event::Route { .. } | Event::Link(_) | Event::Address(_)));
        assert_eq!(changes.count(), 0, "after {turns} turns: {:?}", scene.events);
        scene.assert_true();
    }
}

#[test]
fn an_overrun_is_told_and_repaired_between_two_marks() {
    let mut scene = Scene::synchronised();
    scene.rival(RouteChange::Add, "10.9.0.0/16 via 10.0.0.1");
    scene.advance();
    scene.events.clear();
    scene.kernel.suffer(Fault::LoseEvents { count: 2, signalled: true });
    scene.rival(RouteChange::Add, "10.1.0.0/16 via 10.0.0.1");
    scene.rival(RouteChange::Delete, "10.9.0.0/16 via 10.0.0.1");
    scene.advance();
    assert!(scene.follower.is_synchronised(), "it keeps what it has meanwhile");
    assert!(scene.has("10.9.0.0/16"));
    scene.settle();
    assert_eq!(scene.events.first(), Some(&Event::ResyncStarted { reason: Reason::Overrun }));
    assert_eq!(scene.events.last(), Some(&Event::Resynced { reason: Reason::Overrun, added: 1, removed: 1, replaced: 0 }));
    assert_eq!(scene.events.len(), 4);
    assert_eq!((scene.follower.stats().overruns, scene.follower.stats().resyncs), (1, 1));
    scene.assert_true();
}

#[test]
fn a_link_that_goes_down_takes_its_ipv4_routes_along_without_a_word() {
    let mut scene = Scene::synchronised();
    scene.rival(RouteChange::Add, "10.1.0.0/16 via 10.0.0.1");
    scene.settle();
    scene.sim.set_up(scene.link, false).unwrap();
    scene.settle();
    assert!(!scene.has("10.1.0.0/16"));
    scene.assert_true();
}

#[test]
fn a_link_that_is_removed_takes_its_routes_along() {
    let mut scene = Scene::synchronised();
    scene.rival(RouteChange::Add, "10.1.0.0/16 via 10.0.0.1");
    scene.settle();
    scene.sim.remove_link(scene.link).unwrap();
    scene.settle();
    assert!(!scene.has("10.1.0.0/16"));
    assert!(!scene.follower.mirror().links().contains_key(&scene.link));
    scene.assert_true();
}

#[test]
fn an_address_that_is_removed_takes_the_routes_behind_it_along() {
    let mut scene = Scene::synchronised();
    scene.rival(RouteChange::Add, "10.1.0.0/16 via 10.0.0.1");
    scene.settle();
    scene.sim.remove_address(scene.link, "10.0.0.2".parse().unwrap()).unwrap();
    scene.settle();
    assert!(!scene.has("10.1.0.0/16"));
    scene.assert_true();
}

#[test]
fn a_lost_carrier_marks_the_routes_though_nothing_is_said_of_them() {
    let mut scene = Scene::synchronised();
    scene.sim.set_carrier(scene.link, false).unwrap();
    scene.settle();
    scene.assert_true();
}

#[test]
fn a_dump_amid_changes_takes_nothing_away_until_one_is_quiescent() {
    let mut scene = Scene::synchronised();
    for third in 0..40 {
        scene.rival(RouteChange::Add, &format!("10.1.{third}.0/24 via 10.0.0.1"));
    }
    scene.settle();
    scene.events.clear();
    scene.kernel.suffer(Fault::DumpBatch(4));
    scene.follower.resync(scene.now, &mut scene.events);
    for flap in 0..60 {
        let change = if flap % 2 == 0 { RouteChange::Add } else { RouteChange::Delete };
        scene.rival(change, "10.0.128.0/17 via 10.0.0.1");
        scene.now = scene.now + Duration::from_millis(5);
        let more = scene.follower.advance(scene.now, &mut scene.kernel, &mut scene.events, &mut scene.others).unwrap();
        assert!(matches!(more, Progress::More | Progress::Waiting));
        let stable = (0..40).all(|third| scene.has(&format!("10.1.{third}.0/24")));
        assert!(stable, "nobody touched them");
    }
    scene.settle();
    scene.assert_true();
    assert!(matches!(scene.events.last(), Some(Event::Resynced { .. })));
}

#[test]
fn a_route_that_is_announced_as_gone_and_still_listed_has_gone() {
    let mut scene = Scene::synchronised();
    scene.rival(RouteChange::Add, "10.9.0.0/16 via 10.0.0.1");
    scene.settle();
    scene.events.clear();
    // A doubt has routes read at once, and the doubt's cause is heard together with the removal.
    scene.sim.set_carrier(scene.link, false).unwrap();
    scene.sim.rival_is_held_up(&route("10.9.0.0/16 via 10.0.0.1")).unwrap();
    scene.settle();
    assert!(!scene.has("10.9.0.0/16"));
    scene.assert_true();
    let back = |event: &Event| matches!(event, Event::Route { change: crate::Change::Added(_), .. });
    assert_eq!(count(&scene.events, back), 0, "{:?}", scene.events);
}

#[test]
fn what_is_lost_before_a_dump_that_waits_for_a_barrier_spoils_it() {
    let mut scene = Scene::synchronised();
    scene.sim.set_carrier(scene.link, false).unwrap();
    let advance = |scene: &mut Scene| {
        scene.follower.advance(scene.now, &mut scene.kernel, &mut scene.events, &mut scene.others).unwrap();
    };
    (0..9).for_each(|_| {
        if scene.follower.behind.is_none() {
            advance(&mut scene)
        }
    });
    let waits = scene.follower.behind.expect("the routes of the link are doubted");
    scene.follower.take(scene.now, Notice::Overrun, &mut scene.events, &mut scene.others).unwrap();
    (0..9).for_each(|_| {
        if !scene.follower.is_idle() {
            advance(&mut scene)
        }
    });
    assert!(matches!(waits.subject, Subject::Routes(Family::V4, Some(_))));
    assert_eq!(scene.follower.stats().torn, 1, "the list of routes behind the barrier");
    scene.settle();
    scene.assert_true();
}

#[test]
fn links_are_not_listed_once_more_where_nothing_has_been_said_since() {
    let scene = Scene::synchronised();
    let subjects = scene.follower.everything().len() as u64;
    assert_eq!(scene.follower.stats().dumps, subjects);
}

#[test]
fn a_replacement_hits_what_is_left_of_a_slot_where_another_has_gone_without_a_word() {
    let mut scene = Scene::synchronised();
    let other = scene.sim.add_link("w1");
    scene.sim.set_up(other, true).unwrap();
    scene.sim.add_address(other, "10.6.0.1".parse().unwrap(), 24).unwrap();
    scene.settle();
    for line in ["10.9.0.0/16 via 10.6.0.2 metric 5", "blackhole 10.9.0.0/16 metric 5"] {
        scene.rival(RouteChange::Append, line);
    }
    scene.settle();
    // The first goes with its link, so that the second is the one replaced, by one that does not go that way.
    scene.sim.set_up(other, false).unwrap();
    scene.rival(RouteChange::Replace, "10.9.0.0/16 via 10.0.0.1 metric 5");
    scene.settle();
    assert_eq!(slot_of(&scene, "10.9.0.0/16 metric 5"), [1]);
    scene.assert_true();
}

/// What a verification finds.
fn verify(scene: &mut Scene) -> Drift {
    scene.follower.verify(scene.now);
    assert_eq!(scene.follower.verified(), None, "nothing has been read yet");
    scene.settle();
    let drift = scene.follower.verified().expect("all has been read");
    assert_eq!(scene.follower.verified(), None, "it is told once");
    drift
}

#[test]
fn a_verification_finds_what_was_lost_without_a_word_and_repairs_it() {
    let mut scene = Scene::synchronised();
    ["10.9.0.0/16 via 10.0.0.1", "10.8.0.0/16 via 10.0.0.1"].iter().for_each(|line| scene.rival(RouteChange::Add, line));
    scene.settle();
    scene.events.clear();
    assert!(verify(&mut scene).is_none());
    assert_eq!(scene.events, [], "one that finds nothing is no event");
    scene.kernel.suffer(Fault::LoseEvents { count: 5, signalled: false });
    scene.rival(RouteChange::Add, "10.1.0.0/16 via 10.0.0.1");
    scene.rival(RouteChange::Add, "10.2.0.0/16 via 10.0.0.1");
    scene.rival(RouteChange::Delete, "10.9.0.0/16 via 10.0.0.1");
    scene.rival(RouteChange::Replace, "10.8.0.0/16 via 10.0.0.3");
    scene.sim.add_link("w7");
    // This one is announced.
    scene.rival(RouteChange::Add, "10.3.0.0/16 via 10.0.0.1");
    scene.events.clear();
    // One that goes another way is another, where nobody says that it was replaced.
    assert_eq!(verify(&mut scene), Drift { added: 3, removed: 2, replaced: 0, others: 1 });
    assert_eq!(scene.events.get(1), Some(&Event::ResyncStarted { reason: Reason::Verification }), "behind what was announced");
    scene.assert_true();
    assert!(verify(&mut scene).is_none());
    let stats = scene.follower.stats();
    assert_eq!((stats.verifications, stats.drift, stats.read_at), (3, 6, Some(scene.now)));
    assert_eq!((stats.resyncs, stats.resyncs_after(Reason::Verification)), (1, 1));
}

#[test]
fn what_was_lost_without_a_word_is_found_unasked_within_a_minute_and_a_quarter() {
    let mut scene = Scene::synchronised();
    scene.kernel.suffer(Fault::LoseEvents { count: 1, signalled: false });
    scene.rival(RouteChange::Add, "10.1.0.0/16 via 10.0.0.1");
    scene.advance();
    assert!(!scene.has("10.1.0.0/16"));
    let (lost, due) = (scene.now, scene.follower.deadline().expect("the next verification"));
    assert!(due.running - lost.running <= Duration::from_secs(75));
    scene.now = due;
    scene.settle();
    assert!(scene.has("10.1.0.0/16"));
    let reason = Reason::Verification;
    assert_eq!(scene.events.first(), Some(&Event::ResyncStarted { reason }));
    assert_eq!(scene.events.last(), Some(&Event::Resynced { reason, added: 1, removed: 0, replaced: 0 }));
    assert_eq!((scene.events.len(), scene.follower.stats().drift), (3, 1));
    assert_eq!(scene.follower.verified(), None, "nobody has asked");
}

#[test]
fn verifications_that_find_nothing_go_on_without_an_event_unless_they_are_not_wanted() {
    let mut scene = Scene::synchronised();
    for _ in 0..5 {
        scene.now = scene.follower.deadline().expect("the next verification");
        scene.settle();
    }
    assert_eq!((scene.follower.stats().verifications, scene.events.len()), (5, 0));
    scene.follower.set_verify_every(scene.now, None);
    assert_eq!(scene.follower.deadline(), None);
    assert!(verify(&mut scene).is_none(), "it can be asked for all the same");
    assert_eq!(scene.follower.deadline(), None);
}

#[test]
fn after_the_machine_has_slept_all_is_verified_at_once() {
    let mut scene = Scene::synchronised();
    scene.kernel.suffer(Fault::LoseEvents { count: 1, signalled: false });
    scene.rival(RouteChange::Add, "10.1.0.0/16 via 10.0.0.1");
    scene.advance();
    scene.now.boot += Duration::from_secs(3600);
    scene.settle();
    assert!(scene.has("10.1.0.0/16"));
    assert_eq!((scene.follower.stats().sleeps, scene.follower.stats().verifications), (1, 1));
}

#[test]
fn an_overrun_amid_a_verification_makes_a_resync_of_it_that_is_told() {
    let mut scene = Scene::synchronised();
    scene.follower.verify(scene.now);
    scene.kernel.suffer(Fault::LoseEvents { count: 1, signalled: true });
    scene.rival(RouteChange::Add, "10.1.0.0/16 via 10.0.0.1");
    scene.settle();
    assert!(scene.has("10.1.0.0/16"));
    assert_eq!(scene.events.first(), Some(&Event::ResyncStarted { reason: Reason::Overrun }));
    assert_eq!(scene.follower.verified().map(|drift| drift.added), Some(1));
    assert_eq!(scene.follower.stats().resyncs, 1);
    assert!(scene.follower.is_settled());
}

fn slot_of(scene: &Scene, text: &str) -> Vec<usize> {
    let slot = route(text).slot;
    scene.follower.mirror().routes().filter(|held| held.slot == slot).map(|held| held.entry.next_hops.len()).collect()
}

#[test]
fn what_answers_the_caller_passes_through_untouched() {
    let mut scene = Scene::synchronised();
    let mine = route("10.1.0.0/16 via 10.0.0.1");
    scene.kernel.submit(scene.now, Ticket(1), Request::Route(RouteChange::Add, &mine)).unwrap();
    scene.kernel.submit(scene.now, Ticket(2), Request::Dump(waypost_core::Dump::Links)).unwrap();
    scene.settle();
    let outcome = |notice: &Notice| matches!(notice, Notice::Outcome(Ticket(1), waypost_core::Outcome::Done));
    assert!(scene.others.iter().any(outcome));
    assert!(scene.others.iter().any(|notice| matches!(notice, Notice::DumpDone(Ticket(2), _))));
    assert!(scene.others.iter().any(|notice| matches!(notice, Notice::Link(Verb::Listed, _))));
    assert!(scene.has("10.1.0.0/16"), "and the change is in the mirror");
    scene.assert_true();
}

#[test]
fn an_undecodable_event_has_all_read_again_and_an_entry_of_a_dump_does_not() {
    let mut scene = Scene::synchronised();
    let told = |scene: &mut Scene, in_dump| {
        let notice = Notice::Undecodable { in_dump, why: String::new() };
        scene.follower.take(scene.now, notice, &mut scene.events, &mut scene.others).unwrap();
        scene.settle();
        (scene.follower.stats().undecodable, scene.follower.stats().resyncs)
    };
    assert_eq!(told(&mut scene, true), (1, 0));
    assert_eq!(told(&mut scene, false), (2, 1));
}

#[test]
fn what_other_programs_send_is_counted_and_nothing_more() {
    let mut scene = Scene::synchronised();
    scene.follower.take(scene.now, Notice::Foreign, &mut scene.events, &mut scene.others).unwrap();
    assert!(scene.follower.is_settled() && scene.events.is_empty() && scene.others.is_empty());
    let stats = scene.follower.stats();
    assert_eq!((stats.foreign, stats.resyncs, stats.undecodable), (1, 0, 0));
}

/// How many events one call makes at most here: two of each notice, and a slice.
const EVENTS_AT_ONCE: usize = 2 * BUDGET + 1024;

#[test]
fn what_a_dump_takes_away_is_told_in_slices_and_nothing_is_taken_in_between() {
    let mut scene = Scene::synchronised();
    scene.kernel.suffer(Fault::ReceiveBuffer(100_000));
    // Those of one kind go, and those that the dump lists fill more than one call.
    let gone = |n: u32| format!("20.{}.{}.0/24 dev if2", n / 250, n % 250);
    let kept = |n: u32| format!("30.{}.{}.0/24 dev if2", n / 250, n % 250);
    (0..2500).for_each(|n| scene.rival(RouteChange::Add, &gone(n)));
    (0..700).for_each(|n| scene.rival(RouteChange::Add, &kept(n)));
    // It shares the slot of the one that goes last.
    scene.rival(RouteChange::Append, "blackhole 20.9.249.0/24");
    scene.settle();
    scene.events.clear();
    scene.kernel.suffer(Fault::LoseEvents { count: 2500, signalled: true });
    (0..2500).for_each(|n| scene.rival(RouteChange::Delete, &gone(n)));
    scene.kernel.suffer(Fault::DumpBatch(10_000));
    let (mut told, mut has_meddled) = (0, false);
    for _ in 0..100_000 {
        let before = scene.follower.stats().notices;
        let progress = scene.follower.advance(scene.now, &mut scene.kernel, &mut scene.events, &mut scene.others).unwrap();
        assert!(scene.events.len() - told <= EVENTS_AT_ONCE, "{} at once", scene.events.len() - told);
        told = scene.events.len();
        let lists = scene.follower.running.is_some_and(|running| running.subject == Some(Subject::Routes(Family::V4, None)));
        if lists && scene.follower.stats().notices - before == BUDGET as u64 && !has_meddled {
            // This comes right behind the end of the dump, and hits what is left of the slot.
            scene.rival(RouteChange::Replace, "20.9.249.0/24 via 10.0.0.1");
            has_meddled = true;
        }
        assert!(!scene.follower.is_settled() || !scene.follower.is_ending);
        match progress {
            Progress::More => {}
            _ if scene.follower.is_settled() => break,
            _ => scene.now = scene.now + Duration::from_millis(1),
        }
    }
    assert!(has_meddled && scene.follower.is_settled());
    let removed = count(&scene.events, |event| matches!(event, Event::Route { change: crate::Change::Removed(_), .. }));
    assert_eq!(removed, 2500);
    assert!(matches!(scene.events.last(), Some(Event::Resynced { removed: 2500, .. })), "{:?}", scene.events.last());
    let count_of_dumps = scene.follower.stats().torn;
    assert_eq!(count_of_dumps, 0, "the replacement came behind the end of the dump");
    scene.assert_true();
}

#[test]
fn who_may_not_look_is_told_so_and_not_that_there_is_nothing() {
    let refuse = |kernel: &mut SimKernel, count, kind| kernel.suffer(Fault::RefuseDumps { count, kind });
    let mut scene = Scene::new();
    refuse(&mut scene.kernel, 1000, ErrorKind::NotPermitted);
    let told =
        (0..100).find_map(|_| scene.follower.advance(scene.now, &mut scene.kernel, &mut scene.events, &mut scene.others).err());
    assert_eq!(told.map(|error| error.kind()), Some(ErrorKind::NotPermitted));
    assert!(!scene.follower.is_synchronised());
    // It can be asked again, and later it is but a delay.
    refuse(&mut scene.kernel, 0, ErrorKind::NotPermitted);
    scene.settle();
    let held = scene.follower.mirror().routes().count();
    refuse(&mut scene.kernel, 40, ErrorKind::NotPermitted);
    scene.follower.resync(scene.now, &mut scene.events);
    let began = scene.now;
    scene.settle();
    assert_eq!(scene.follower.mirror().routes().count(), held);
    assert_eq!((scene.follower.stats().torn, scene.follower.stats().refused), (40 + 1, 0));
    assert!(scene.now.running - began.running > Duration::from_millis(300), "it is not asked again at once");
    scene.assert_true();
}

#[test]
fn an_entry_that_is_damaged_on_the_way_takes_no_route_away_and_one_that_never_can_be_read_ends() {
    let mut scene = Scene::synchronised();
    scene.rival(RouteChange::Add, "10.9.0.0/16 via 10.0.0.1");
    scene.settle();
    scene.events.clear();
    scene.kernel.suffer(Fault::SpoilListed(4));
    scene.follower.resync(scene.now, &mut scene.events);
    scene.settle();
    assert_eq!(count(&scene.events, |event| matches!(event, Event::Route { .. })), 0, "{:?}", scene.events);
    assert_eq!(scene.follower.stats().torn, 1);
    scene.kernel.suffer(Fault::SpoilListed(usize::MAX));
    scene.follower.resync(scene.now, &mut scene.events);
    scene.settle();
    assert_eq!(scene.follower.stats().torn, 1 + 2 * 2, "two more for each family");
}

/// A kernel that loses the routes that it lists, and says of each dump that it was interrupted.
struct Torn(SimKernel);

impl Kernel for Torn {
    fn capabilities(&self) -> &waypost_core::Capabilities {
        self.0.capabilities()
    }

    fn submit(&mut self, now: Now, ticket: Ticket, request: Request<'_>) -> Result<(), Error> {
        self.0.submit(now, ticket, request)
    }

    fn flush(&mut self) -> Result<Flushed, Error> {
        self.0.flush()
    }

    fn drain(&mut self, now: Now, budget: usize, out: &mut Notices) -> Result<Drained, Error> {
        let mut heard = Notices::new();
        let drained = self.0.drain(now, budget, &mut heard)?;
        heard.retain(|notice| !matches!(notice, Notice::Route(RouteVerb::Listed, _)));
        for notice in &mut heard {
            if let Notice::DumpDone(_, end) = notice {
                end.interrupted = true;
            }
        }
        out.append(&mut heard);
        Ok(drained)
    }

    fn deadline(&self) -> Option<Now> {
        self.0.deadline()
    }
}

#[test]
fn a_dump_that_the_kernel_calls_interrupted_takes_nothing_away() {
    let Scene { kernel, mut follower, mut now, mut events, mut others, .. } = Scene::synchronised();
    let mut torn = Torn(kernel);
    let held = follower.mirror().routes().count();
    assert!(held > 0);
    follower.resync(now, &mut events);
    for _ in 0..100 {
        now = now + Duration::from_millis(100);
        while follower.advance(now, &mut torn, &mut events, &mut others).unwrap() == Progress::More {}
    }
    assert_eq!(follower.mirror().routes().count(), held);
    assert_eq!(count(&events, |event| matches!(event, Event::Route { .. })), 0);
    assert!(!follower.is_settled(), "it is still to be read");
}
