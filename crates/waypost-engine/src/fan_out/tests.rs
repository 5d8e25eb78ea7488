use super::*;
use crate::mirror::Change;
use waypost_core::{Family, IfIndex, Link, Notice, Protocol, Route, RouteVerb, Verb};

/// A mirror whose changes are told.
#[derive(Default)]
struct Scene {
    mirror: Mirror,
    fan_out: FanOut,
}

impl Scene {
    fn hear(&mut self, notice: Notice) {
        let mut events = Vec::new();
        self.mirror.handle(notice, &mut events);
        events.into_iter().for_each(|event| self.fan_out.publish(event));
    }

    fn route(&mut self, verb: RouteVerb, text: &str) {
        self.hear(Notice::Route(verb, text.parse().unwrap()));
    }

    fn add(&mut self, numbers: std::ops::Range<u32>) {
        for number in numbers {
            self.route(RouteVerb::Added, &format!("10.{number}.0.0/16 via 192.0.2.1"));
        }
    }

    /// Reads all that waits for a subscriber, and applies it to what it had; says how often it had lagged.
    fn read(&mut self, id: SubscriberId, held: &mut Vec<Route>) -> u64 {
        let mut lagged = 0;
        while let Some(delivery) = self.fan_out.next(id, &self.mirror) {
            match delivery {
                Delivery::Initial(view) => *held = view.routes().map(|route| route.to_route()).collect(),
                Delivery::Lagged { missed, view } => {
                    lagged += missed;
                    *held = view.routes().map(|route| route.to_route()).collect();
                }
                Delivery::Event(event) => apply(held, &event),
            }
        }
        lagged
    }

    fn routes(&self) -> Vec<Route> {
        self.mirror.routes().map(|route| route.to_route()).collect()
    }
}

fn apply(held: &mut Vec<Route>, event: &Event) {
    let Event::Route { change, .. } = event else { return };
    if let Some(old) = change.before() {
        let at = held.iter().position(|one| one == old).expect("it was there");
        held.remove(at);
    }
    held.extend(change.now().cloned());
    held.sort_by_key(|route| route.slot);
}

#[test]
fn each_is_told_all_from_its_own_beginning_on() {
    let mut scene = Scene::default();
    let early = scene.fan_out.subscribe(EventFilter::default(), 100);
    let (mut of_early, mut of_late) = (Vec::new(), Vec::new());
    scene.read(early, &mut of_early);
    scene.add(0..5);
    let late = scene.fan_out.subscribe(EventFilter::default(), 100);
    scene.add(5..10);
    scene.read(late, &mut of_late);
    scene.route(RouteVerb::Removed, "10.3.0.0/16 via 192.0.2.1");
    assert_eq!((scene.read(early, &mut of_early), scene.read(late, &mut of_late)), (0, 0));
    assert_eq!((of_early, of_late), (scene.routes(), scene.routes()));
    assert!(scene.fan_out.unsubscribe(late) && !scene.fan_out.unsubscribe(late));
    assert!(scene.fan_out.next(late, &scene.mirror).is_none());
}

#[test]
fn a_slow_one_is_told_that_it_lagged_and_goes_on_from_a_new_view_while_the_others_miss_nothing() {
    let mut scene = Scene::default();
    let [slow, quick] = [4, 100].map(|capacity| scene.fan_out.subscribe(EventFilter::default(), capacity));
    let (mut of_slow, mut of_quick) = (Vec::new(), Vec::new());
    scene.read(slow, &mut of_slow);
    scene.read(quick, &mut of_quick);
    scene.add(0..50);
    assert_eq!(scene.fan_out.backlog(slow), Some(Backlog { waiting: 0, most: 4, lags: 1 }), "it keeps nothing");
    assert_eq!(scene.fan_out.backlog(quick), Some(Backlog { waiting: 50, most: 50, lags: 0 }));
    assert!(scene.fan_out.is_ready(slow));
    assert_eq!((scene.read(slow, &mut of_slow), scene.read(quick, &mut of_quick)), (50, 0));
    scene.add(50..53);
    assert_eq!((scene.read(slow, &mut of_slow), scene.read(quick, &mut of_quick)), (0, 0));
    assert_eq!((of_slow, of_quick), (scene.routes(), scene.routes()));
}

#[test]
fn what_waits_for_many_is_kept_once() {
    let mut scene = Scene::default();
    let ids = [(); 8].map(|()| scene.fan_out.subscribe(EventFilter::default(), 10));
    assert!(ids.iter().all(|id| scene.read(*id, &mut Vec::new()) == 0));
    scene.add(0..1);
    let Some(Delivery::Event(event)) = scene.fan_out.next(ids[0], &scene.mirror) else { panic!() };
    assert_eq!(Arc::strong_count(&event), 8);
}

#[test]
fn each_is_told_what_passes_its_filter() {
    let mut scene = Scene::default();
    let of = |change: fn(&mut EventFilter)| {
        let mut filter = EventFilter::default();
        change(&mut filter);
        filter
    };
    let filters = [
        of(|filter| filter.family = Some(Family::V6)),
        of(|filter| filter.routes.table = Some("77".parse().unwrap())),
        of(|filter| filter.routes.inside = Some("10.1.0.0/16".parse().unwrap())),
        of(|filter| filter.interface = IfIndex::new(3)),
        of(|filter| filter.routes.protocol = Some(Protocol::STATIC)),
        of(|filter| filter.kinds = Kinds::LINKS),
    ];
    let ids = filters.map(|filter| scene.fan_out.subscribe(filter, 100));
    assert!(ids.iter().all(|id| scene.read(*id, &mut Vec::new()) == 0));
    scene.hear(Notice::Link(Verb::Present, Box::new(Link::new(IfIndex::new(3).unwrap(), "w0"))));
    for text in [
        "2001:db8::/32 via fe80::1 dev if2",
        "10.9.0.0/16 via 192.0.2.1 table 77",
        "10.1.7.0/24 via 192.0.2.1",
        "10.8.0.0/16 dev if3",
        "10.7.0.0/16 via 192.0.2.1 proto static",
    ] {
        scene.route(RouteVerb::Added, text);
    }
    let told = ids.map(|id| {
        let mut told = Vec::new();
        while let Some(Delivery::Event(event)) = scene.fan_out.next(id, &scene.mirror) {
            told.push(match &*event {
                Event::Route { change, .. } => change.now().unwrap().slot.destination.to_string(),
                _ => "link".to_owned(),
            });
        }
        told.join(" ")
    });
    let link = |more: &str| format!("link {more}");
    assert_eq!(
        told,
        [
            link("2001:db8::/32"),
            link("10.9.0.0/16"),
            link("10.1.7.0/24"),
            link("10.8.0.0/16"),
            link("10.7.0.0/16"),
            "link".to_owned()
        ]
    );
}

#[test]
fn what_changes_so_that_it_passes_has_come_and_what_passes_no_more_has_gone() {
    let mut scene = Scene::default();
    let mut filter = EventFilter::default();
    filter.routes.protocol = Some(Protocol::STATIC);
    let id = scene.fan_out.subscribe(filter, 100);
    let mut held = Vec::new();
    scene.read(id, &mut held);
    scene.route(RouteVerb::Added, "10.0.0.0/8 via 192.0.2.1 proto bird");
    assert!(!scene.fan_out.is_ready(id));
    for (protocol, expected) in [("static", 1), ("static", 1), ("bird", 0), ("static", 1)] {
        scene.route(RouteVerb::Replaced, &format!("10.0.0.0/8 via 192.0.2.2 proto {protocol}"));
        scene.read(id, &mut held);
        assert_eq!(held.len(), expected, "{protocol}");
    }
    assert_eq!(held, scene.routes());
}

#[test]
fn a_view_replayed_as_events_is_the_mirror() {
    let mut scene = Scene::default();
    scene.hear(Notice::Link(Verb::Present, Box::new(Link::new(IfIndex::new(3).unwrap(), "w0"))));
    scene.add(0..5);
    scene.route(RouteVerb::Appended, "10.1.0.0/16 via 192.0.2.9");
    let filter = EventFilter::default();
    let events: Vec<_> = View::new(&filter, &scene.mirror).events().collect();
    assert!(matches!(&events[0], Event::Link(Change::Added(_))));
    let places: Vec<_> = events
        .iter()
        .filter_map(|event| if let Event::Route { position, .. } = event { Some(*position) } else { None })
        .collect();
    assert_eq!(places, [0, 0, 1, 0, 0, 0]);
}
