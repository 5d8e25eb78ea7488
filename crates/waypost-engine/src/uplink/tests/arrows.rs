//! Each arrow of a life, and each that there is none, taken by what happens to a machine.

use super::*;

/// An uplink, what it is to do next in its life, and what is under way.
struct Scene {
    machine: Machine,
    two: UplinkId,
}

fn busy() -> Error {
    Error::new(ErrorKind::Busy, "change route")
}

impl Scene {
    fn inactive() -> Self {
        let mut machine = Machine::ready();
        machine.holds_orders = true;
        let two = machine.add(2, 1);
        Self { machine, two }
    }

    fn added() -> Self {
        Self::inactive().polled()
    }

    fn active() -> Self {
        let mut scene = Self::added();
        scene.obey();
        scene.polled()
    }

    fn removed() -> Self {
        let mut scene = Self::active();
        scene.machine.uplinks.remove(scene.two);
        scene.polled()
    }

    fn polled(mut self) -> Self {
        self.machine.turn();
        self
    }

    /// Carries out the oldest order.
    fn obey(&mut self) {
        let order = self.machine.waiting.remove(0);
        self.machine.obey(order);
    }

    /// The wish of the order at `at`.
    fn ordered(&self, at: usize) -> WishId {
        match &self.machine.waiting[at] {
            Order::Install(wish) | Order::Withdraw(wish) => wish.id,
            other => panic!("{other:?}"),
        }
    }

    fn told(&mut self, wish: WishId, told: Told) {
        self.machine.uplinks.told(self.machine.now, wish, told);
    }

    /// The kernel says that the route at a metric has gone, and it is looked at.
    fn gone(&mut self, metric: u32) {
        self.machine.hear(RouteVerb::Removed, &format!("default via 10.2.0.1 dev if2 proto 87 metric {metric}"));
        // So that the loss is seen and nothing is ordered in its stead.
        self.machine.link(2, false, true);
        self.machine.turn();
    }

    fn is(&self, life: Life) {
        assert_eq!(self.machine.life(self.two), life);
    }
}

/// Which ways lead where, by the real requests and answers.
#[test]
fn each_arrow_is_taken_by_what_it_is_for() {
    use Life::{Active, Added, Inactive, Removed};
    let mut taken: Vec<(Life, Trigger, Life)> = Vec::new();
    let mut check = |from, trigger, to, before: Scene, act: fn(&mut Scene)| {
        let mut scene = before;
        scene.is(from);
        scene.machine.reports.clear();
        act(&mut scene);
        scene.machine.turn();
        let moved = |report: &UplinkReport| matches!(report, UplinkReport::Moved { from: one, trigger: by, to: other, .. } if (*one, *by, *other) == (from, trigger, to));
        assert!(scene.machine.tells(moved), "{from} -{trigger}-> {to}: {:#?}", scene.machine.reports);
        taken.push((from, trigger, to));
    };
    check(Inactive, Trigger::Wanted, Added, Scene::inactive(), |_| {});
    check(Added, Trigger::Installed, Active, Scene::added(), Scene::obey);
    check(Added, Trigger::Refused, Inactive, Scene::added(), |scene| scene.told(scene.ordered(0), Told::Refused(busy())));
    check(Added, Trigger::Unwanted, Removed, Scene::added(), |scene| scene.machine.uplinks.remove(scene.two));
    check(Active, Trigger::Unwanted, Removed, Scene::active(), |scene| scene.machine.uplinks.remove(scene.two));
    check(Active, Trigger::Lost, Inactive, Scene::active(), |scene| scene.gone(99));
    check(Removed, Trigger::Gone, Inactive, Scene::removed(), |scene| scene.told(scene.ordered(0), Told::Gone));
    check(Removed, Trigger::Kept, Active, Scene::removed(), |scene| scene.told(scene.ordered(0), Told::Kept(busy())));
    check(Removed, Trigger::Wanted, Added, Scene::removed(), |scene| {
        scene.machine.add(2, 1);
    });
    check(Added, Trigger::Lost, Inactive, Scene::added(), |scene| scene.told(scene.ordered(0), Told::Lost));
    let again = || {
        let mut scene = Scene::removed();
        scene.machine.add(2, 1);
        scene.polled()
    };
    check(Added, Trigger::Kept, Active, again(), |scene| scene.told(scene.ordered(0), Told::Kept(busy())));
    let refused = || {
        let mut scene = again();
        scene.told(scene.ordered(1), Told::Refused(busy()));
        scene
    };
    check(Inactive, Trigger::Kept, Active, refused(), |scene| scene.told(scene.ordered(0), Told::Kept(busy())));
    let all: Vec<_> = Life::ARROWS.iter().map(|arrow| (arrow.from, arrow.trigger, arrow.to)).collect();
    for arrow in &all {
        assert_eq!(taken.iter().filter(|one| one == &arrow).count(), 1, "{arrow:?} has one test");
    }
    assert_eq!(taken.len(), all.len());
}

/// In each state everything that does not move it comes, to a real machine in that state, and nothing happens and nothing is told.
#[test]
fn each_refused_arrow_changes_nothing() {
    for refusal in Life::REFUSALS {
        let mut scene = match refusal.state {
            Life::Inactive => Scene::inactive(),
            Life::Added => Scene::added(),
            Life::Active => Scene::active(),
            Life::Removed => Scene::removed(),
        };
        scene.is(refusal.state);
        scene.machine.reports.clear();
        scene.machine.uplinks.moved(scene.two, refusal.trigger);
        scene.is(refusal.state);
        assert!(scene.machine.uplinks.reports.is_empty(), "{refusal:?}: {:?}", scene.machine.uplinks.reports);
    }
}

/// The answers that come late, or twice, as a driver gives them: to wishes that are no more, or that are in another state.
#[test]
fn a_late_answer_moves_nobody() {
    let answers = || [Told::Installed, Told::Refused(busy()), Told::Gone, Told::Kept(busy()), Told::Unknown, Told::Lost];
    // The wish was refused, or went: its number is known to nobody.
    for make in [Scene::inactive as fn() -> Scene, Scene::added, Scene::active, Scene::removed] {
        for told in answers() {
            let mut scene = make();
            let (before, words) = (scene.machine.life(scene.two), format!("{told:?}"));
            scene.told(WishId(u64::MAX), told);
            assert_eq!(scene.machine.life(scene.two), before, "{words}");
        }
    }
    // What was added is said to have been added, or refused, once more; what is being deleted too.
    for make in [Scene::active as fn() -> Scene, Scene::removed] {
        for told in [Told::Installed, Told::Refused(busy())] {
            let mut scene = make();
            let (before, wish) = (scene.machine.life(scene.two), scene.machine.uplinks.wishes().next().expect("one").id);
            scene.told(wish, told);
            assert_eq!(scene.machine.life(scene.two), before);
        }
    }
    // What is there was not deleted: that is known.
    let mut scene = Scene::active();
    let wish = scene.machine.uplinks.wishes().next().expect("one").id;
    scene.told(wish, Told::Kept(busy()));
    scene.is(Life::Active);
    // What is being deleted has gone by itself: the answer to the deletion will say so.
    let mut scene = Scene::removed();
    scene.told(scene.ordered(0), Told::Lost);
    scene.is(Life::Removed);
}

/// The first of two deletions was refused and the second was done, or found nothing.
#[test]
fn what_is_there_and_is_said_to_be_gone_by_a_late_answer_moves_its_life_as_a_loss() {
    let mut scene = Scene::removed();
    let wish = scene.ordered(0);
    scene.told(wish, Told::Kept(busy()));
    scene.is(Life::Active);
    scene.told(wish, Told::Gone);
    scene.is(Life::Inactive);
    assert!(scene.machine.uplinks.is_idle());
}
