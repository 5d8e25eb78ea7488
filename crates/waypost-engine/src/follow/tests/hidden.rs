//! Routes that are there and that no dump lists.

use super::*;

/// A route without a gateway between two next hops of its slot, where no dump lists it.
fn hidden() -> (Scene, [&'static str; 3]) {
    let mut scene = Scene::new();
    scene.sim.add_address(scene.link, "2001:db8::2".parse().unwrap(), 64).unwrap();
    scene.sim.add_link_at(IfIndex::new(3).unwrap(), "w1");
    scene.sim.set_up(IfIndex::new(3).unwrap(), true).unwrap();
    scene.settle();
    let lines = [
        "2001:db8:1::/48 via 2001:db8::1 metric 5",
        "2001:db8:1::/48 dev if3 metric 5",
        "2001:db8:1::/48 via 2001:db8::3 metric 5",
    ];
    lines.iter().for_each(|line| scene.rival(RouteChange::Append, line));
    scene.settle();
    (scene, lines)
}

#[test]
fn what_an_ipv6_dump_hides_stays() {
    let (mut scene, lines) = hidden();
    assert_eq!(slot_of(&scene, lines[0]), [2, 1]);
    scene.follower.resync(scene.now, &mut scene.events);
    scene.settle();
    assert_eq!(slot_of(&scene, lines[0]), [2, 1], "it is there, and no dump says so");
    // A dump of the routes of its interface does not list it either.
    scene.sim.set_carrier(IfIndex::new(3).unwrap(), true).unwrap();
    scene.settle();
    assert_eq!(slot_of(&scene, lines[0]), [2, 1]);
    scene.rival(RouteChange::Delete, lines[2]);
    scene.settle();
    assert_eq!(slot_of(&scene, lines[0]), [1, 1]);
    scene.assert_true();
}

#[test]
fn what_an_ipv6_dump_hides_goes_when_it_can_be_seen_to_have_gone() {
    let (mut scene, lines) = hidden();
    // The removals are lost, and the next dump lists no other next hops.
    scene.kernel.suffer(Fault::LoseEvents { count: 2, signalled: true });
    scene.rival(RouteChange::Delete, lines[2]);
    scene.rival(RouteChange::Delete, lines[1]);
    scene.settle();
    assert_eq!(slot_of(&scene, lines[0]), [1]);
    // Its interface is off, and that was lost too.
    let (mut scene, lines) = hidden();
    scene.kernel.suffer(Fault::LoseEvents { count: 64, signalled: true });
    scene.sim.set_up(IfIndex::new(3).unwrap(), false).unwrap();
    scene.kernel.suffer(Fault::LoseEvents { count: 0, signalled: true });
    scene.settle();
    assert_eq!(slot_of(&scene, lines[0]), [2]);
    scene.assert_true();
}

fn suspects(scene: &Scene) -> usize {
    let stats = scene.follower.stats();
    assert_eq!(stats.suspects[1] > 0, stats.suspect_since[1].is_some());
    stats.suspects[1]
}

/// The kernel says nothing of what `act` does, and that something was lost.
fn unheard(scene: &mut Scene, act: impl FnOnce(&Scene)) {
    scene.kernel.suffer(Fault::LoseEvents { count: usize::MAX, signalled: true });
    act(scene);
    scene.kernel.suffer(Fault::LoseEvents { count: 0, signalled: true });
    scene.events.clear();
    scene.settle();
}

#[test]
fn one_whose_going_was_lost_is_taken_away_when_the_kernel_tells_what_there_is() {
    let (mut scene, lines) = hidden();
    unheard(&mut scene, |scene| scene.rival(RouteChange::Delete, lines[1]));
    assert_eq!((slot_of(&scene, lines[0]), suspects(&scene)), (vec![2], 0));
    let gone = |event: &Event| matches!(event, Event::Route { change: crate::Change::Removed(old), .. } if *old == route("2001:db8:1::/48 dev if3 metric 5"));
    let at = scene.events.iter().position(gone).expect("it is told");
    assert_eq!(scene.events.first(), Some(&Event::ResyncStarted { reason: Reason::Overrun }));
    assert!(matches!(scene.events[at + 1..], [Event::Resynced { removed: 1, .. }]), "before the end: {:?}", scene.events);
    scene.assert_true();
}

#[test]
fn one_that_is_there_is_certain_when_the_kernel_tells_what_there_is() {
    let (mut scene, lines) = hidden();
    unheard(&mut scene, |_| ());
    scene.follower.verify(scene.now);
    scene.settle();
    assert_eq!((slot_of(&scene, lines[0]), suspects(&scene)), (vec![2, 1], 0));
    assert!(scene.follower.verified().is_some_and(|drift| drift.is_none()));
}

#[test]
fn where_the_kernel_cannot_tell_it_is_suspect_from_the_first_dump_on() {
    let (mut scene, lines) = hidden();
    scene.kernel.suffer(Fault::NoTraces);
    unheard(&mut scene, |scene| scene.rival(RouteChange::Delete, lines[1]));
    assert_eq!((slot_of(&scene, lines[0]), suspects(&scene)), (vec![2, 1], 1));
    // A torn dump does not make it certain.
    scene.kernel.suffer(Fault::InterruptDumps(64));
    scene.follower.resync(scene.now, &mut scene.events);
    scene.advance();
    assert_eq!(suspects(&scene), 1);
    scene.kernel.suffer(Fault::InterruptDumps(0));
    // That it has gone shows when it could be listed.
    scene.rival(RouteChange::Delete, lines[2]);
    scene.follower.resync(scene.now, &mut scene.events);
    scene.settle();
    assert_eq!((slot_of(&scene, lines[0]), suspects(&scene)), (vec![1], 0));
    scene.assert_true();
}

#[test]
fn a_refused_answer_leaves_it_suspect_and_the_watcher_settled() {
    let (mut scene, lines) = hidden();
    let mut late = Late { kernel: scene.sim.kernel(), act: None, refuse: true };
    scene.follower.resync(scene.now, &mut scene.events);
    scene.follower = late.settle(scene.follower.clone());
    assert_eq!((slot_of(&scene, lines[0]), suspects(&scene)), (vec![2, 1], 1));
}

/// A kernel in which something happens after it has told what there is, and before that ends.
struct Late {
    kernel: SimKernel,
    act: Option<Box<dyn FnOnce()>>,
    refuse: bool,
}

impl Late {
    fn settle(&mut self, mut follower: Follower) -> Follower {
        let mut now = Now::awake(Duration::from_secs(1000));
        for _ in 0..1000 {
            while follower.advance(now, self, &mut Vec::new(), &mut Notices::new()).unwrap() == Progress::More {}
            if follower.is_settled() {
                return follower;
            }
            now = follower.deadline().unwrap_or(now + Duration::from_millis(1)).max(now);
        }
        panic!("it never comes to rest: {:?}", follower.stats());
    }
}

impl Kernel for Late {
    fn capabilities(&self) -> &waypost_core::Capabilities {
        self.kernel.capabilities()
    }

    fn submit(&mut self, now: Now, ticket: Ticket, request: Request<'_>) -> Result<(), Error> {
        self.kernel.submit(now, ticket, request)
    }

    fn flush(&mut self) -> Result<Flushed, Error> {
        self.kernel.flush()
    }

    fn drain(&mut self, now: Now, budget: usize, out: &mut Notices) -> Result<Drained, Error> {
        let at = out.len();
        let mut drained = self.kernel.drain(now, budget, out)?;
        if out[at..].iter().any(|notice| matches!(notice, Notice::Trace(_))) {
            let Some(Notice::DumpDone(ticket, mut end)) = out.pop() else { panic!("{out:?}") };
            if let Some(act) = self.act.take() {
                act();
                drained = self.kernel.drain(now, budget, out)?;
            }
            if self.refuse {
                end.error = Some(Error::new(ErrorKind::Unsupported, "tell"));
            }
            out.push(Notice::DumpDone(ticket, end));
        }
        Ok(drained)
    }

    fn deadline(&self) -> Option<Now> {
        self.kernel.deadline()
    }
}

#[test]
fn what_happens_before_the_answer_ends_makes_it_void() {
    let (mut scene, lines) = hidden();
    // It has gone unheard, and comes again behind what is told of the slot: on the word of that it would be taken away.
    let mut late = Late { kernel: scene.sim.kernel(), act: None, refuse: false };
    let follower = late.settle(scene.follower.clone());
    late.kernel.suffer(Fault::LoseEvents { count: usize::MAX, signalled: true });
    lines[1..].iter().for_each(|line| scene.rival(RouteChange::Delete, line));
    lines[2..].iter().for_each(|line| scene.rival(RouteChange::Append, line));
    late.kernel.suffer(Fault::LoseEvents { count: 0, signalled: true });
    let (sim, lost) = (scene.sim.clone(), lines);
    late.act = Some(Box::new(move || {
        for (change, at) in [(RouteChange::Delete, 2), (RouteChange::Append, 1), (RouteChange::Append, 2)] {
            sim.rival(change, &route(lost[at])).unwrap();
        }
    }));
    scene.follower = late.settle(follower);
    assert!(late.act.is_none(), "it was asked");
    assert_eq!((slot_of(&scene, lines[0]), suspects(&scene)), (vec![2, 1], 0));
}

#[test]
fn what_the_caller_asks_of_slots_is_the_callers() {
    let (mut scene, lines) = hidden();
    let slots = [route(lines[0]).slot];
    scene.kernel.submit(scene.now, Ticket(1), Request::Dump(Dump::Traces(&slots))).unwrap();
    scene.settle();
    assert_eq!(scene.others.iter().filter(|notice| matches!(notice, Notice::Trace(_))).count(), 3);
}

/// How many routes are there and how many suspect when all of so many slots have lost what was hidden in them.
fn left_of(slots: u32) -> (usize, usize) {
    let (mut scene, lines) = hidden();
    lines.iter().for_each(|line| scene.rival(RouteChange::Delete, line));
    let ways = ["via 2001:db8::1", "dev if3", "via 2001:db8::3"];
    for n in 0..slots {
        ways.iter().for_each(|way| scene.rival(RouteChange::Append, &format!("2001:db8:1:{n:x}::/64 {way} metric 5")));
        scene.advance();
    }
    scene.settle();
    let gone = |scene: &Scene| {
        (0..slots).for_each(|n| scene.rival(RouteChange::Delete, &format!("2001:db8:1:{n:x}::/64 dev if3 metric 5")))
    };
    unheard(&mut scene, gone);
    let of_the_slots = |route: &waypost_core::RouteRef<'_>| route.slot.metric == 5 && route.entry.next_hops.len() == 1;
    (scene.follower.mirror().routes().filter(of_the_slots).count(), suspects(&scene))
}

#[test]
fn about_very_many_slots_nobody_is_asked() {
    assert_eq!(left_of(1024), (0, 0));
    assert_eq!(left_of(1025), (1025, 1025));
}
