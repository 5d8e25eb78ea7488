use super::*;
use waypost_core::{Address, Family, IfIndex, Link, LinkFlags, Neighbour, NeighbourState, Notice, RouteVerb, Rule, Verb};

/// A host with two interfaces, an address of each family, and nothing wrong.
struct Scene {
    mirror: Mirror,
    options: CheckOptions,
}

fn index(number: u32) -> IfIndex {
    IfIndex::new(number).unwrap()
}

impl Scene {
    fn new() -> Self {
        let mut scene = Self { mirror: Mirror::new(), options: CheckOptions::default() };
        for number in [2, 3] {
            scene.link(number, LinkFlags::UP | LinkFlags::LOWER_UP | LinkFlags::RUNNING);
        }
        scene.hear(Notice::Address(Verb::Present, Box::new(Address::new(index(2), "10.0.0.2".parse().unwrap(), 24))));
        scene.hear(Notice::Address(Verb::Present, Box::new(Address::new(index(2), "2001:db8::2".parse().unwrap(), 64))));
        scene.rule("from all lookup main priority 32766");
        scene.rule("from all lookup default priority 32767");
        for route in [
            "local 10.0.0.2 dev if2 table local proto kernel scope host src 10.0.0.2",
            "10.0.0.0/24 dev if2 proto kernel scope link src 10.0.0.2",
            "default via 10.0.0.1 dev if2 metric 5",
            "default via 10.0.0.9 dev if2 metric 6",
            "default via fe80::1 dev if2 metric 1024",
            "10.3.0.0/16 dev if3 scope link",
            "10.4.0.0/16 via 10.3.0.1 dev if3",
            "10.5.0.0/16 via 192.0.2.1 dev if3 onlink",
            "blackhole 10.250.0.0/16",
        ] {
            scene.route(route);
        }
        scene
    }

    fn hear(&mut self, notice: Notice) {
        self.mirror.handle(notice, &mut Vec::new());
    }

    fn link(&mut self, number: u32, flags: LinkFlags) {
        let mut link = Link::new(index(number), &format!("w{number}"));
        link.flags = flags;
        self.hear(Notice::Link(Verb::Present, Box::new(link)));
    }

    fn rule(&mut self, text: &str) {
        self.hear(Notice::Rule(Verb::Present, Box::new(Rule::parse(text, Some(Family::V4)).unwrap())));
    }

    fn route(&mut self, text: &str) {
        self.hear(Notice::Route(RouteVerb::Appended, text.parse().unwrap()));
    }

    fn found(&self) -> Vec<Finding> {
        check(&self.mirror, self.options).findings
    }

    /// The words of what is found, and the text of the first.
    fn words(&self) -> (Vec<&'static str>, String) {
        let found = self.found();
        let text = found.first().map(|finding| finding.text.clone()).unwrap_or_default();
        (found.iter().map(|finding| finding.problem.word()).collect(), text)
    }
}

/// Says that these routes, added to a host with nothing wrong, are found to be wrong in this way alone.
#[track_caller]
fn finds(routes: &[&str], problem: Problem, text: &str) {
    let mut scene = Scene::new();
    routes.iter().for_each(|route| scene.route(route));
    assert_eq!(scene.words(), (vec![problem.word()], text.to_owned()));
    let report = check(&scene.mirror, scene.options);
    assert_eq!(report.is_wrong(), problem.severity() > Severity::Note);
}

#[test]
fn a_host_with_nothing_wrong_has_no_findings() {
    let report = check(&Scene::new().mirror, CheckOptions::default());
    assert_eq!(report, Diagnosis::default());
    assert!(!report.is_wrong());
}

#[test]
fn a_gateway_must_be_on_the_link() {
    finds(
        &["10.9.0.0/16 via 10.0.1.1 dev if2"],
        Problem::GatewayOffLink,
        "`10.9.0.0/16 via 10.0.1.1 dev w2` goes through 10.0.1.1, which is on no network of w2",
    );
    let of_v6 = "`2001:db8:9::/48 via 2001:db8:1::1 dev w2 pref medium` goes through 2001:db8:1::1, which is on no network of w2";
    finds(&["2001:db8:9::/48 via 2001:db8:1::1 dev if2"], Problem::GatewayOffLink, of_v6);
}

#[test]
fn equal_defaults_are_an_accident() {
    let text = "`default via 10.0.0.7 dev w2 metric 5` has the metric of `default via 10.0.0.1 dev w2 metric 5`: which is used is an accident";
    finds(&["default via 10.0.0.7 dev if2 metric 5"], Problem::EqualDefaults, text);
    let mut halves = Scene::new();
    for route in ["0.0.0.0/1 via 10.0.0.7 dev if2 metric 9", "128.0.0.0/1 via 10.0.0.7 dev if2"] {
        halves.route(route);
    }
    let text = "`default via 10.0.0.1 dev w2 metric 5` is never used: the two halves of everything are longer prefixes";
    assert_eq!(halves.words(), (vec!["halves-hide-default"; 2], text.to_owned()), "each of the defaults, whatever the metrics");
    halves.route("0.0.0.0/1 via 10.0.0.8 dev if2 metric 9");
    let text = "`0.0.0.0/1 via 10.0.0.8 dev w2 metric 9` has the metric of `0.0.0.0/1 via 10.0.0.7 dev w2 metric 9`: which is used is an accident";
    assert_eq!((halves.words().0.len(), halves.words().1), (3, text.to_owned()));
    let mut one_half = Scene::new();
    one_half.route("0.0.0.0/1 dev if3 metric 5");
    assert_eq!(one_half.found(), []);
}

#[test]
fn a_route_that_drops_and_comes_first_hides_one_that_forwards() {
    let text = "`10.4.0.0/16 via 10.0.0.1 dev w2 metric 7` is never used: `blackhole 10.4.0.0/16 metric 3` comes first";
    let mut scene = Scene::new();
    scene.hear(Notice::Route(RouteVerb::Removed, "10.4.0.0/16 via 10.3.0.1 dev if3".parse().unwrap()));
    scene.route("10.4.0.0/16 via 10.0.0.1 dev if2 metric 7");
    assert_eq!(scene.found(), []);
    scene.route("blackhole 10.4.0.0/16 metric 3");
    assert_eq!(scene.words(), (vec!["hidden"], text.to_owned()));
    finds(
        &["blackhole 10.4.7.0/24"],
        Problem::Pierced,
        "`blackhole 10.4.7.0/24` drops a part of what `10.4.0.0/16 via 10.3.0.1 dev w3` forwards",
    );
}

#[test]
fn two_protocols_that_have_one_prefix_are_told() {
    let text = "`10.4.0.0/16 via 10.3.0.2 dev w3 proto bird` stands beside `10.4.0.0/16 via 10.3.0.1 dev w3`";
    finds(&["10.4.0.0/16 via 10.3.0.2 dev if3 proto bird"], Problem::Duplicated, text);
    let text = "`10.4.0.0/16 via 10.3.0.2 dev w3 proto bird metric 32` waits behind `10.4.0.0/16 via 10.3.0.1 dev w3`";
    finds(&["10.4.0.0/16 via 10.3.0.2 dev if3 proto bird metric 32"], Problem::Shadowed, text);
}

#[test]
fn a_source_must_be_the_hosts_own() {
    let text = "`10.6.0.0/16 dev w2 scope link src 10.0.0.77` has packets sent from 10.0.0.77, which no interface has";
    finds(&["10.6.0.0/16 dev if2 scope link src 10.0.0.77"], Problem::SourceNotAssigned, text);
    let mut any = Scene::new();
    any.route("local 10.0.0.64/26 dev if2 table local");
    any.route("10.6.0.0/16 dev if2 scope link src 10.0.0.77");
    assert_eq!(any.found(), [], "a route to the host itself makes it so too");
}

#[test]
fn routes_over_an_interface_that_is_off_or_has_no_carrier_or_is_not_there_are_told() {
    for (flags, what) in [(LinkFlags::empty(), "is switched off"), (LinkFlags::UP, "has no carrier")] {
        let mut scene = Scene::new();
        scene.link(3, flags);
        let (words, text) = scene.words();
        assert_eq!(words, ["link-down"; 3]);
        assert_eq!(text, format!("`10.3.0.0/16 dev w3 scope link` leaves by w3, which {what}"));
    }
    let mut scene = Scene::new();
    scene.route("10.7.0.0/16 dev if9");
    assert_eq!(scene.words().1, "`10.7.0.0/16 dev if9 scope link` leaves by if9, which is not there");
    let mut scene = Scene::new();
    scene.route("10.8.0.0/16 dev if3 proto kernel scope link");
    scene.link(3, LinkFlags::UP);
    assert_eq!(scene.found().last().map(|finding| finding.severity), Some(Severity::Note), "that is the kernel's own affair");
}

#[test]
fn rules_that_lead_nowhere_are_told() {
    let mut scene = Scene::new();
    scene.rule("from 10.7.0.0/16 lookup 77 priority 100");
    scene.rule("from 10.7.0.0/16 goto 300 priority 200");
    let (words, text) = scene.words();
    assert_eq!(words, ["empty-table", "dangling-goto"]);
    assert!(text.ends_with("` looks into a table that is empty"), "{text}");
    scene.route("2001:db8:7::/48 dev if3 table 77");
    assert_eq!(scene.words().0.len(), 2, "a route of the other family is none for it");
    scene.route("10.7.0.0/16 dev if3 table 77");
    scene.rule("from all lookup main priority 300");
    assert_eq!(scene.found(), []);
}

#[test]
fn a_table_of_neighbours_is_told_to_be_nearly_full_and_full() {
    let mut scene = Scene::new();
    for number in 1..=80 {
        let neighbour = Neighbour::new(index(2), format!("10.0.0.{number}").parse().unwrap(), NeighbourState::Stale);
        scene.hear(Notice::Neighbour(Verb::Present, Box::new(neighbour)));
    }
    let mut others = [(); 3].map(|()| Neighbour::new(index(2), [10, 0, 0, 99].into(), NeighbourState::Stale));
    others[0].proxy = true;
    (others[1].address, others[1].os_flags) = ([10, 0, 0, 98].into(), 0x10);
    (others[2].address, others[2].state) = ([10, 0, 0, 97].into(), NeighbourState::Permanent);
    for takes_no_place in others {
        scene.hear(Notice::Neighbour(Verb::Present, Box::new(takes_no_place)));
    }
    let severity = |most: usize| {
        let options = CheckOptions { neighbours_max: [Some(most), Some(most)], ..CheckOptions::default() };
        check(&scene.mirror, options).findings.first().map(|finding| finding.severity)
    };
    assert_eq!([101, 100, 80].map(severity), [None, Some(Severity::Warning), Some(Severity::Error)]);
}

#[test]
fn drift_is_an_error_and_comes_first() {
    let mut scene = Scene::new();
    scene.route("blackhole 10.4.7.0/24");
    scene.options.drift = Some(Drift { removed: 2, ..Drift::default() });
    assert_eq!(scene.words().0, ["drift", "pierced"]);
    scene.options.drift = Some(Drift::default());
    assert_eq!(scene.words().0, ["pierced"]);
}

#[test]
fn of_a_problem_that_all_routes_have_a_hundred_are_kept_and_the_others_counted() {
    let mut scene = Scene::new();
    for number in 0..250 {
        scene.route(&format!("10.77.{number}.0/24 via 10.200.0.1 dev if2"));
    }
    let report = check(&scene.mirror, scene.options);
    assert_eq!((report.findings.len(), report.omitted.get(&(Problem::GatewayOffLink, Severity::Error))), (100, Some(&150)));
    let mut omitted = Diagnosis { omitted: report.omitted, ..Diagnosis::default() };
    assert!(omitted.is_wrong(), "what is not told one by one is wrong all the same");
    omitted.omitted = [((Problem::Pierced, Severity::Note), 7)].into();
    assert!(!omitted.is_wrong());
}

#[test]
fn what_is_less_grave_or_of_the_other_family_takes_no_place_of_what_is_asked_for() {
    let mut scene = Scene::new();
    (0..150).for_each(|number| scene.route(&format!("10.77.{number}.0/24 dev if9 proto kernel scope link")));
    scene.route("10.78.0.0/16 dev if9");
    let report = check(&scene.mirror, scene.options);
    assert_eq!((report.findings.len(), report.omitted.values().sum::<usize>()), (101, 50));
    assert!(report.is_wrong(), "the last of them is no affair of the kernel's");

    (0..150).for_each(|number| scene.route(&format!("10.79.{number}.0/24 dev if9")));
    scene.route("2001:db8:9::/48 dev if9");
    scene.options.family = Some(Family::V6);
    scene.options.neighbours_max = [Some(1), None];
    scene.hear(Notice::Neighbour(Verb::Present, Box::new(Neighbour::new(index(2), [10, 0, 0, 1].into(), NeighbourState::Stale))));
    let report = check(&scene.mirror, scene.options);
    assert_eq!((report.findings.len(), report.omitted.len()), (1, 0), "{:?}", report.findings);
}

#[test]
fn each_problem_has_a_word_of_its_own() {
    let words: std::collections::BTreeSet<_> = Problem::ALL.iter().map(|problem| problem.word()).collect();
    assert_eq!(words.len(), Problem::ALL.len());
}
