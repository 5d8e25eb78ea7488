use std::time::Duration;

use waypost_core::{
    Family, IfIndex, Kernel, Neighbour, NeighbourState, Notice, Notices, Now, Protocol, Redirect, Request, Route, RouteChange,
    RouteVerb, Rule, RuleAction, TableId, Ticket, Verb,
};
use waypost_sim::{Fault, Profile, Sim, SimKernel};

use super::*;
use crate::{FollowOptions, Follower, Progress};

/// A machine with two interfaces that are up, a program that follows it, and a monitor of that.
struct Scene {
    sim: Sim,
    wlan: IfIndex,
    lte: IfIndex,
    kernel: SimKernel,
    follower: Follower,
    monitor: Monitor,
    now: Now,
    reports: Vec<(Now, Report)>,
}

impl Scene {
    fn new() -> Self {
        Self::with(MonitorOptions::new())
    }

    fn with(options: MonitorOptions) -> Self {
        Self::of(Profile::linux(), options, &["default via 10.0.0.1 metric 100", "default via 10.9.0.1 metric 600"])
    }

    fn of(profile: Profile, options: MonitorOptions, routes: &[&str]) -> Self {
        let sim = Sim::new(profile);
        let [wlan, lte] = [("wlan0", "10.0.0.2"), ("lte0", "10.9.0.2")].map(|(name, address)| {
            let link = sim.add_link(name);
            sim.set_up(link, true).unwrap();
            sim.set_carrier(link, true).unwrap();
            sim.add_address(link, address.parse().unwrap(), 24).unwrap();
            link
        });
        let kernel = sim.kernel();
        let mut scene = Self {
            sim,
            wlan,
            lte,
            kernel,
            follower: Follower::new(FollowOptions::default()),
            monitor: Monitor::new(options.clone(), Now::default(), &Mirror::new()),
            now: Now::awake(Duration::from_secs(100)),
            reports: Vec::new(),
        };
        routes.iter().for_each(|route| scene.add(route));
        scene.settle();
        scene.monitor = Monitor::new(options, scene.now, scene.follower.mirror());
        scene.reports.clear();
        scene
    }

    fn add(&self, text: &str) {
        self.sim.rival(RouteChange::Add, &text.parse().unwrap()).unwrap();
    }

    fn delete(&self, text: &str) {
        self.sim.rival(RouteChange::Delete, &text.parse().unwrap()).unwrap();
    }

    fn ask(&mut self, request: Request<'_>) {
        self.kernel.submit(self.now, Ticket(1), request).unwrap();
    }

    /// Goes on for as long as there is something to do at once, as a driver does: a report may be had after each batch.
    fn advance(&mut self) {
        let (mut events, mut others) = (Vec::new(), Notices::new());
        loop {
            let progress = self.follower.advance(self.now, &mut self.kernel, &mut events, &mut others).unwrap();
            for event in events.drain(..) {
                self.monitor.note(self.now, &event);
            }
            if let Some(report) = self.monitor.poll(self.now, self.follower.mirror()) {
                self.reports.push((self.now, report));
            }
            if progress != Progress::More {
                return;
            }
        }
    }

    fn pass(&mut self, milliseconds: u64) {
        self.now = self.now + Duration::from_millis(milliseconds);
        self.advance();
    }

    /// Lets time pass until nothing is planned.
    fn settle(&mut self) {
        for _ in 0..2000 {
            self.advance();
            if self.follower.is_settled() && self.monitor.pending.is_none() {
                return;
            }
            self.now = self.now + Duration::from_millis(5);
        }
        panic!("it never comes to rest");
    }

    /// The reasons of the one report there has been since this was last asked.
    fn reasons(&mut self) -> Vec<ReportReason> {
        assert_eq!(self.reports.len(), 1, "{:?}", self.texts());
        self.reports.remove(0).1.reasons
    }

    fn texts(&self) -> Vec<String> {
        self.reports.iter().map(|(now, report)| format!("{:?}: {report}", now.running)).collect()
    }

    /// The text of the one report there has been.
    fn text(&mut self) -> String {
        assert_eq!(self.reports.len(), 1, "{:?}", self.texts());
        self.reports.remove(0).1.to_string()
    }
}

#[test]
fn a_default_route_that_goes_is_told_with_what_takes_its_place() {
    let mut scene = Scene::new();
    scene.delete("default via 10.0.0.1 dev if2 metric 100");
    scene.settle();
    assert_eq!(scene.text(), "IPv4 default route: via 10.0.0.1 dev wlan0 -> via 10.9.0.1 dev lte0 (removed)");
    scene.add("default via 10.0.0.1 metric 100");
    scene.settle();
    assert_eq!(scene.text(), "IPv4 default route: via 10.9.0.1 dev lte0 -> via 10.0.0.1 dev wlan0 (overtaken by metric)");
    scene.delete("default via 10.9.0.1 dev if3 metric 600");
    scene.settle();
    assert!(scene.reports.is_empty(), "nothing went that way");
    scene.delete("default via 10.0.0.1 dev if2 metric 100");
    scene.settle();
    assert_eq!(scene.text(), "IPv4 default route: via 10.0.0.1 dev wlan0 -> none (removed)");
    scene.add("default via 10.0.0.1 metric 9");
    scene.settle();
    assert_eq!(scene.text(), "IPv4 default route: none -> via 10.0.0.1 dev wlan0 (added)");
}

#[test]
fn another_route_the_same_way_means_nothing() {
    let mut scene = Scene::new();
    scene.add("default via 10.0.0.1 metric 50");
    scene.settle();
    scene.delete("default via 10.0.0.1 dev if2 metric 100");
    scene.settle();
    scene.add("0.0.0.0/1 via 10.0.0.1");
    scene.add("128.0.0.0/1 via 10.0.0.1");
    scene.settle();
    assert!(scene.reports.is_empty(), "{:?}", scene.texts());
    assert!(scene.monitor.stats().compared > 0, "it was looked at");
}

#[test]
fn halves_that_overlay_the_default_route_count_as_one() {
    let mut scene = Scene::new();
    scene.add("0.0.0.0/1 via 10.9.0.5");
    scene.add("128.0.0.0/1 via 10.9.0.5");
    scene.settle();
    assert_eq!(
        scene.text(),
        "IPv4 default route: via 10.0.0.1 dev wlan0 -> via 10.9.0.5 dev lte0 (overtaken by a longer prefix)"
    );
    scene.delete("128.0.0.0/1 via 10.9.0.5 dev if3");
    scene.settle();
    let half = "0.0.0.0/1 via 10.9.0.5 dev lte0, 0.0.0.0/0 via 10.0.0.1 dev wlan0";
    assert_eq!(scene.text(), format!("IPv4 default route: via 10.9.0.5 dev lte0 -> {half} (removed)"));
    let default = scene.monitor.snapshot().default_route(Family::V4).unwrap();
    assert!(default.is_whole() && default.forwards());
    assert_eq!(default.interfaces().collect::<Vec<_>>(), [scene.lte, scene.wlan]);
}

#[test]
fn the_quarters_of_ipv6_count_as_one() {
    let mut scene = Scene::new();
    scene.sim.add_address(scene.wlan, "2001:db8::2".parse().unwrap(), 64).unwrap();
    scene.sim.add_address(scene.lte, "2001:db8:9::2".parse().unwrap(), 64).unwrap();
    scene.add("default via 2001:db8::1 dev if2 metric 1024");
    scene.settle();
    scene.reports.clear();
    for prefix in ["2000::/4", "3000::/4", "::/3", "fc00::/7"] {
        scene.add(&format!("{prefix} via 2001:db8:9::1 dev if3 metric 1024"));
    }
    scene.settle();
    let expected = "IPv6 default route: via 2001:db8::1 dev wlan0 -> via 2001:db8:9::1 dev lte0 (overtaken by a longer prefix)";
    assert_eq!(scene.text(), expected);
}

#[test]
fn a_link_that_is_switched_off_is_one_report_with_all_that_it_means() {
    let mut scene = Scene::new();
    scene.sim.set_up(scene.wlan, false).unwrap();
    let start = scene.now;
    scene.settle();
    assert_eq!(scene.reports[0].0, start, "it is told at once");
    let expected = [
        "IPv4 default route: via 10.0.0.1 dev wlan0 -> via 10.9.0.1 dev lte0 (link down)",
        "addresses: -10.0.0.2/24 dev wlan0",
        "link wlan0: up -> down",
    ];
    assert_eq!(scene.text(), expected.join("\n"), "the routes that it takes along without a word are no news any more");
    scene.sim.set_up(scene.wlan, true).unwrap();
    scene.settle();
    scene.reports.clear();
    scene.add("default via 10.0.0.1 metric 100");
    scene.settle();
    assert!(scene.text().ends_with("(overtaken by metric)"));
}

#[test]
fn a_link_that_is_removed_is_named_though_it_is_not_there_any_more() {
    let mut scene = Scene::new();
    scene.sim.remove_link(scene.wlan).unwrap();
    scene.settle();
    let text = scene.texts().join("\n");
    assert!(text.contains("via 10.0.0.1 dev wlan0 -> via 10.9.0.1 dev lte0 (link removed)"), "{text}");
    assert!(text.contains("link wlan0: up -> down"), "{text}");
}

#[test]
fn a_lost_carrier_is_told() {
    let mut scene = Scene::new();
    scene.sim.set_carrier(scene.wlan, false).unwrap();
    scene.settle();
    assert_eq!(scene.text(), "link wlan0: up -> no carrier", "the kernel goes on using the route");
}

#[test]
fn a_rule_that_sends_packets_elsewhere_moves_the_default_route() {
    let mut scene = Scene::new();
    scene.add("default via 10.9.0.1 table 52");
    scene.settle();
    assert!(scene.reports.is_empty(), "no rule names the table");
    let rule: Rule = "5210: from all lookup 52".parse().unwrap();
    scene.ask(Request::AddRule(&rule));
    scene.settle();
    let text = scene.text();
    assert!(text.starts_with("IPv4 default route: via 10.0.0.1 dev wlan0 -> via 10.9.0.1 dev lte0 (rule)"), "{text}");
    assert!(text.ends_with("IPv4 rules: +[5210: from all lookup 52]"), "{text}");
    scene.delete("default via 10.9.0.1 dev if3 table 52");
    scene.settle();
    assert_eq!(scene.text(), "IPv4 default route: via 10.9.0.1 dev lte0 -> via 10.0.0.1 dev wlan0 (removed)");
    scene.add("default via 10.9.0.1 table 52");
    scene.settle();
    assert!(scene.text().ends_with("(overtaken by an earlier table)"));
}

#[test]
fn rules_of_ipv6_count_too() {
    let mut scene = Scene::new();
    let mut rule = Rule::new(Family::V6, 100, RuleAction::Lookup(TableId(7)));
    rule.from = Some("2001:db8::/32".parse().unwrap());
    scene.ask(Request::AddRule(&rule));
    scene.settle();
    assert_eq!(scene.text(), "IPv6 rules: +[100: from 2001:db8::/32 lookup 7]");
    scene.ask(Request::DeleteRule(&rule));
    scene.settle();
    assert_eq!(scene.text(), "IPv6 rules: -[100: from 2001:db8::/32 lookup 7]");
}

#[test]
fn what_is_not_interesting_is_not_told() {
    let own = Protocol(77);
    let options = MonitorOptions::new().ignore_protocol(own).ignore_interfaces(["tun*"]);
    let mut scene = Scene::with(options);
    let tunnel = scene.sim.add_link("tun0");
    scene.sim.set_up(tunnel, true).unwrap();
    scene.sim.set_carrier(tunnel, true).unwrap();
    scene.sim.add_address(tunnel, "10.8.0.2".parse().unwrap(), 24).unwrap();
    scene.add("default dev if4 metric 1");
    scene.add("0.0.0.0/1 via 10.9.0.1 proto 77");
    let mut rule = Rule::new(Family::V4, 100, RuleAction::Lookup(TableId(7)));
    rule.protocol = own;
    scene.ask(Request::AddRule(&rule));
    scene.settle();
    assert!(scene.reports.is_empty(), "{:?}", scene.texts());
    scene.delete("default via 10.0.0.1 dev if2 metric 100");
    scene.settle();
    assert!(scene.text().contains("wlan0 -> via 10.9.0.1 dev lte0 (removed)"), "what lies beneath the tunnel is");
}

#[test]
fn tables_and_interfaces_can_be_named() {
    let mut scene = Scene::with(MonitorOptions::new().tables([TableId(52)]).only_interfaces(["lte?"]));
    assert!(scene.monitor.snapshot().default_route(Family::V4).is_none());
    scene.delete("default via 10.0.0.1 dev if2 metric 100");
    scene.sim.set_up(scene.wlan, false).unwrap();
    scene.settle();
    assert!(scene.reports.is_empty(), "{:?}", scene.texts());
    scene.sim.set_up(scene.lte, false).unwrap();
    scene.settle();
    assert!(scene.text().contains("link lte0: up -> down"));
}

#[test]
fn multicast_and_link_local_noise_is_no_news() {
    let mut scene = Scene::new();
    for round in 0..3 {
        let change = if round % 2 == 0 { RouteChange::Add } else { RouteChange::Delete };
        for route in
            ["multicast ff05::/16 dev if2 table local metric 256", "fe80:7::/64 dev if2 metric 256", "224.0.0.0/4 dev if2"]
        {
            scene.sim.rival(change, &route.parse().unwrap()).unwrap();
        }
        scene.settle();
    }
    scene.sim.add_address(scene.wlan, "fe80::2".parse().unwrap(), 64).unwrap();
    scene.sim.add_address(scene.lte, "169.254.7.7".parse().unwrap(), 16).unwrap();
    scene.settle();
    assert!(scene.reports.is_empty(), "{:?}", scene.texts());

    let mut scene = Scene::with(MonitorOptions::new().link_local(true));
    scene.sim.add_address(scene.wlan, "fe80::2".parse().unwrap(), 64).unwrap();
    scene.settle();
    assert_eq!(scene.text(), "addresses: +fe80::2/64 dev wlan0", "but no family is available by it");
}

#[test]
fn a_family_comes_and_goes_with_its_last_address() {
    let mut scene = Scene::new();
    scene.sim.add_address(scene.wlan, "2001:db8::2".parse().unwrap(), 64).unwrap();
    scene.settle();
    assert_eq!(scene.text(), "addresses: +2001:db8::2/64 dev wlan0\nIPv6 is available");
    scene.sim.add_address(scene.lte, "2001:db8:9::2".parse().unwrap(), 64).unwrap();
    scene.settle();
    assert_eq!(scene.text(), "addresses: +2001:db8:9::2/64 dev lte0");
    scene.sim.set_up(scene.lte, false).unwrap();
    scene.sim.set_up(scene.wlan, false).unwrap();
    scene.settle();
    let text = scene.texts().join("\n");
    assert!(text.contains("IPv6 is no longer available") && text.contains("IPv4 is no longer available"), "{text}");
}

#[test]
fn a_single_change_is_never_delayed_and_what_follows_waits_for_quiet() {
    let mut scene = Scene::new();
    let start = scene.now;
    scene.delete("default via 10.0.0.1 dev if2 metric 100");
    scene.advance();
    assert_eq!(scene.reports.len(), 1, "at once");
    scene.pass(60);
    scene.add("default via 10.0.0.1 metric 100");
    scene.advance();
    assert_eq!(scene.reports.len(), 1, "held back");
    assert_eq!(scene.monitor.due(), Some(start + Duration::from_millis(160)));
    scene.pass(99);
    assert_eq!(scene.reports.len(), 1);
    scene.pass(1);
    assert_eq!(scene.reports.len(), 2);
    scene.pass(100);
    scene.delete("default via 10.0.0.1 dev if2 metric 100");
    scene.advance();
    assert_eq!(scene.reports.len(), 3, "at once again");
}

#[test]
fn what_comes_and_goes_in_between_is_no_news() {
    let mut scene = Scene::new();
    scene.delete("default via 10.0.0.1 dev if2 metric 100");
    scene.advance();
    scene.reports.clear();
    for round in 0..4 {
        scene.pass(10);
        match round % 2 {
            0 => scene.add("default via 10.0.0.1 metric 100"),
            _ => scene.delete("default via 10.0.0.1 dev if2 metric 100"),
        }
        scene.advance();
    }
    scene.settle();
    assert!(scene.reports.is_empty(), "{:?}", scene.texts());
}

#[test]
fn a_burst_starves_nobody() {
    let mut scene = Scene::new();
    let start = scene.now;
    for round in 0..501 {
        match round % 2 {
            0 => scene.delete("default via 10.0.0.1 dev if2 metric 100"),
            _ => scene.add("default via 10.0.0.1 metric 100"),
        }
        scene.advance();
        scene.pass(if round % 3 == 0 { 7 } else { 11 });
    }
    let busy = scene.now.running - start.running;
    assert!(busy > Duration::from_secs(4));
    // One at once, and then the state of each second at least: either is another, or there is nothing to tell.
    let looked = scene.monitor.stats().compared;
    assert!((5..=7).contains(&looked), "{looked} in {busy:?}");
    scene.settle();
    let (_, last) = scene.reports.last().unwrap();
    let now = Snapshot::of(scene.follower.mirror(), &MonitorOptions::new());
    assert_eq!(last.after.default_route(Family::V4), now.default_route(Family::V4), "what is told last is true");
}

#[test]
fn a_storm_elsewhere_in_the_table_is_not_even_looked_at() {
    let mut scene = Scene::new();
    let before = *scene.monitor.stats();
    for round in 0..2000 {
        let route = format!("20.{}.{}.0/24 via 10.0.0.1", round / 250, round % 250);
        scene.add(&route);
        scene.delete(&format!("{route} dev if2"));
        if round % 100 == 0 {
            scene.pass(1);
        }
    }
    scene.settle();
    let after = *scene.monitor.stats();
    assert!(scene.reports.is_empty());
    assert_eq!(after.events - before.events, 4000);
    assert_eq!((after.hints, after.compared), (before.hints, before.compared));
}

#[test]
fn a_sleep_is_told_by_the_clock_that_counts_it() {
    let mut scene = Scene::new();
    scene.now.running += Duration::from_secs(3600);
    scene.now.boot += Duration::from_secs(3600);
    scene.advance();
    assert!(scene.reports.is_empty(), "an hour awake is no sleep");
    for _ in 0..5 {
        scene.now.boot += Duration::from_secs(9);
        scene.advance();
    }
    assert!(scene.reports.is_empty(), "naps do not add up");
    scene.now.boot += Duration::from_secs(1800);
    scene.advance();
    assert_eq!(scene.reasons(), [ReportReason::TimeJump { slept: Duration::from_secs(1800) }]);
    let deadline = scene.monitor.deadline().unwrap();
    assert_eq!(deadline.running - scene.now.running, Duration::from_secs(15), "it looks at the clocks by itself");
}

#[test]
fn lost_messages_are_told_with_what_they_hid() {
    let lose = Fault::LoseEvents { count: 2, signalled: true };
    let mut scene = Scene::new();
    scene.kernel.suffer(lose);
    scene.add("10.1.0.0/16 via 10.0.0.1");
    scene.delete("default via 10.0.0.1 dev if2 metric 100");
    scene.settle();
    let text = scene.texts().join("\n");
    assert!(text.contains("wlan0 -> via 10.9.0.1 dev lte0 (removed)"), "{text}");
    assert_eq!(scene.follower.stats().resyncs, 1);

    for (told, expected) in [(false, None), (true, Some("read again after overrun"))] {
        let mut scene = Scene::with(MonitorOptions::new().resyncs(told));
        scene.kernel.suffer(lose);
        scene.add("10.1.0.0/16 via 10.0.0.1");
        scene.add("10.2.0.0/16 via 10.0.0.1");
        scene.settle();
        let texts: Vec<String> = scene.reports.iter().map(|(_, report)| report.to_string()).collect();
        assert_eq!(texts, expected.into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn where_nothing_is_announced_reading_again_gives_the_same_reports() {
    let options = MonitorOptions::new();
    let (mut told, mut polled) = (Scene::with(options.clone()), Scene::with(options));
    polled.kernel.suffer(Fault::LoseEvents { count: usize::MAX, signalled: false });
    for step in 0..6 {
        for scene in [&mut told, &mut polled] {
            match step {
                0 => scene.delete("default via 10.0.0.1 dev if2 metric 100"),
                1 => scene.add("default via 10.0.0.1 metric 10"),
                2 => scene.sim.set_up(scene.lte, false).unwrap(),
                3 => scene.sim.add_address(scene.wlan, "2001:db8::2".parse().unwrap(), 64).unwrap(),
                4 => scene.ask(Request::AddRule(&"77: from all lookup 9".parse().unwrap())),
                _ => scene.sim.remove_link(scene.wlan).unwrap(),
            }
            scene.advance();
        }
        let mut events = Vec::new();
        polled.follower.resync(polled.now, &mut events);
        for scene in [&mut told, &mut polled] {
            scene.settle();
            scene.pass(1000);
        }
        let texts = |scene: &Scene| scene.reports.iter().flat_map(|(_, report)| lines(report)).collect::<Vec<_>>();
        assert!(!told.reports.is_empty(), "step {step}");
        assert_eq!(texts(&polled), texts(&told), "step {step}");
        told.reports.clear();
        polled.reports.clear();
    }
}

fn lines(report: &Report) -> Vec<String> {
    report.to_string().lines().map(str::to_owned).collect()
}

#[test]
fn a_report_can_be_had_by_asking() {
    let mut scene = Scene::new();
    assert!(scene.monitor.poll_now(scene.now, scene.follower.mirror()).is_none(), "nothing is different");
    scene.monitor.inject(scene.now, "resumed");
    scene.advance();
    assert_eq!(scene.reasons(), [ReportReason::Injected("resumed".into())]);
    scene.delete("default via 10.0.0.1 dev if2 metric 100");
    scene.advance();
    assert!(scene.reports.is_empty(), "held back");
    let report = scene.monitor.poll_now(scene.now, scene.follower.mirror()).expect("who asks does not wait");
    assert!(report.to_string().contains("(removed)"));
    scene.pass(1000);
    assert!(scene.reports.is_empty(), "it is not told twice");
}

#[test]
fn what_the_kernel_says_of_packets_is_told() {
    let mut scene = Scene::new();
    let redirect = Redirect::new("192.0.2.0/24".parse().unwrap(), "10.0.0.9".parse().unwrap());
    let route: Route = "192.0.2.0/24 via 10.0.0.1 dev if2".parse().unwrap();
    scene.monitor.note(scene.now, &Event::Redirect(redirect.clone()));
    scene.monitor.note(scene.now, &Event::Losing(Box::new(route.clone())));
    scene.advance();
    assert_eq!(scene.reasons(), [ReportReason::Redirect(redirect.clone()), ReportReason::Losing(Box::new(route))]);
    for last in 0..1000_u32 {
        let mut redirect = redirect.clone();
        redirect.interface = IfIndex::new(last + 1);
        scene.monitor.note(scene.now, &Event::Redirect(redirect));
    }
    scene.settle();
    assert_eq!(scene.reasons().len(), ASIDE_MAX, "a storm of them is cut short");
}

#[test]
fn a_gateway_that_became_another_machine_is_told() {
    let mut scene = Scene::new();
    let (wlan, gateway) = (scene.wlan, "10.0.0.1".parse().unwrap());
    let mut mirror = scene.follower.mirror().clone();
    let mut hear = |scene: &mut Scene, address: &str, state, last: u8| {
        let mut neighbour = Neighbour::new(wlan, address.parse().unwrap(), state);
        neighbour.link_address = vec![2, 0, 0, 0, 0, last];
        let mut events = Vec::new();
        mirror.handle(Notice::Neighbour(Verb::Present, Box::new(neighbour)), &mut events);
        scene.pass(1000);
        events.iter().for_each(|event| scene.monitor.note(scene.now, event));
        scene.monitor.poll(scene.now, &mirror).map(|report| report.to_string())
    };
    assert_eq!(hear(&mut scene, "10.0.0.1", NeighbourState::Reachable, 1), None, "it is learnt");
    assert_eq!(scene.monitor.snapshot().gateway_link_address(wlan, gateway), Some(&[2, 0, 0, 0, 0, 1][..]));
    assert_eq!(hear(&mut scene, "10.0.0.1", NeighbourState::Failed, 0), None);
    assert_eq!(hear(&mut scene, "10.0.0.1", NeighbourState::Stale, 1), None, "it is the same as before");
    assert_eq!(hear(&mut scene, "10.0.0.77", NeighbourState::Reachable, 9), None, "others are no gateway");
    let expected = "gateway 10.0.0.1 dev wlan0: 02:00:00:00:00:01 -> 02:00:00:00:00:02";
    assert_eq!(hear(&mut scene, "10.0.0.1", NeighbourState::Reachable, 2).as_deref(), Some(expected));
}

#[test]
fn reports_join_end_to_end_whatever_goes_wrong() {
    for seed in 0..30_u64 {
        let mut scene = Scene::new();
        let first = Arc::clone(scene.monitor.snapshot());
        let mut number = seed;
        let mut below = |end: u64| {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (number >> 33) % end
        };
        for _ in 0..120 {
            act(&scene, below(9));
            if below(20) == 0 {
                scene.kernel.suffer(Fault::LoseEvents { count: below(5) as usize, signalled: true });
            }
            scene.pass(below(150));
        }
        scene.settle();
        scene.pass(1000);
        let mut told = first;
        for (_, report) in &scene.reports {
            let unsaid = report::differences(&told, &report.before, scene.follower.mirror());
            assert_eq!(unsaid, [], "seed {seed}: told by no report");
            assert!(!report.reasons.is_empty());
            told = Arc::clone(&report.after);
        }
        let fresh = Snapshot::of(scene.follower.mirror(), &MonitorOptions::new());
        let left = report::differences(scene.monitor.snapshot(), &fresh, scene.follower.mirror());
        assert_eq!(left, [], "seed {seed}: all is told");
    }
}

/// One of the things that others do; that it can be refused does not matter.
fn act(scene: &Scene, what: u64) {
    let route = |change, text: &str| _ = scene.sim.rival(change, &text.parse().unwrap());
    match what {
        0 => route(RouteChange::Add, "default via 10.0.0.1 metric 100"),
        1 => route(RouteChange::Delete, "default via 10.0.0.1 dev if2 metric 100"),
        2 => route(RouteChange::Add, "0.0.0.0/1 via 10.9.0.1"),
        3 => route(RouteChange::Delete, "0.0.0.0/1 via 10.9.0.1 dev if3"),
        4 => _ = scene.sim.set_up(scene.wlan, false),
        5 => _ = scene.sim.set_up(scene.wlan, true),
        6 => _ = scene.sim.add_address(scene.lte, "2001:db8::7".parse().unwrap(), 64),
        7 => _ = scene.sim.remove_address(scene.lte, "2001:db8::7".parse().unwrap()),
        _ => _ = scene.sim.set_carrier(scene.lte, what == 8),
    }
}

#[test]
fn the_first_snapshot_is_a_change_for_a_monitor_that_was_made_before_it() {
    let mut scene = Scene::new();
    (scene.kernel, scene.follower) = (scene.sim.kernel(), Follower::new(FollowOptions::default()));
    scene.monitor = Monitor::new(MonitorOptions::new(), scene.now, scene.follower.mirror());
    scene.settle();
    let reasons = scene.reasons();
    assert!(reasons.iter().any(|reason| matches!(reason, ReportReason::DefaultRoute { .. })), "{reasons:?}");
    let told = scene.monitor.snapshot();
    assert_eq!(
        report::differences(told, &Snapshot::of(scene.follower.mirror(), &MonitorOptions::new()), scene.follower.mirror()),
        []
    );
}

#[test]
fn a_default_route_that_is_confined_to_an_interface_is_none() {
    let (mut mirror, now) = (Mirror::new(), Now::awake(Duration::from_secs(1)));
    mirror.is_without_rules(TableId::MAIN);
    let mut monitor = Monitor::new(MonitorOptions::new(), now, &mirror);
    let mut hear = |change, scope: Option<IfIndex>, text: &str| {
        let mut route: Route = text.parse().unwrap();
        route.slot.interface_scope = scope;
        let mut events = Vec::new();
        mirror.handle(Notice::Route(change, route), &mut events);
        events.iter().for_each(|event| monitor.note(now, event));
        monitor.poll_now(now, &mirror).map(|report| report.to_string())
    };
    let scoped = "default via 10.9.0.1 dev if3";
    assert_eq!(hear(RouteVerb::Added, IfIndex::new(3), scoped), None, "for sockets that are bound to it alone");
    assert!(hear(RouteVerb::Added, None, "default via 10.0.0.1 dev if2").unwrap().ends_with("(added)"));
    assert_eq!(hear(RouteVerb::Removed, IfIndex::new(3), scoped), None);
    let gone = hear(RouteVerb::Removed, None, "default via 10.0.0.1 dev if2").unwrap();
    assert_eq!(gone, "IPv4 default route: via 10.0.0.1 dev if2 -> none (removed)");
}

#[test]
fn a_default_route_that_goes_is_told_on_every_system() {
    for profile in Profile::all() {
        let (name, table) = (profile.capabilities.system, profile.capabilities.main_table.0);
        let default = format!("default via 10.0.0.1 dev if2 table {table}");
        let mut scene = Scene::of(profile, MonitorOptions::new(), &[&default]);
        let told = |scene: &Scene| -> Vec<String> { scene.reports.iter().map(|(_, report)| report.to_string()).collect() };
        assert!(scene.monitor.snapshot().default_route(Family::V4).is_some(), "{name}");
        scene.add(&format!("192.0.2.0/24 via 10.0.0.1 dev if2 table {table}"));
        scene.settle();
        assert!(told(&scene).is_empty(), "{name}: {:?}", told(&scene));
        scene.delete(&default);
        scene.settle();
        let expected = "IPv4 default route: via 10.0.0.1 dev wlan0 -> none (removed)";
        assert!(told(&scene).iter().any(|report| report.starts_with(expected)), "{name}: {:?}", told(&scene));
    }
}
