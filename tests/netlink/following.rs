use waypost::{Native, Options};
use waypost_core::{Kernel, Notice, RouteChange, Verb};
use waypost_tests::ip::{ip, ip_batch, sysctl, veth};

use super::{change, changes, hear, open};

pub(crate) fn each_change_says_what_it_does() {
    let mut kernel = open();
    hear(&mut kernel);
    ip("route add 10.1.0.0/16 via 10.0.0.2");
    ip("route replace 10.1.0.0/16 via 10.0.0.3");
    ip("route append 10.1.0.0/16 via 10.0.0.4");
    ip("route prepend 10.1.0.0/16 via 10.0.0.5");
    ip("route del 10.1.0.0/16 via 10.0.0.4");
    let verbs = ["Added", "Replaced", "Appended", "Prepended", "Removed"];
    assert_eq!(changes(&hear(&mut kernel)), verbs.map(|verb| format!("{verb} 10.1.0.0/16")));
}

pub(crate) fn ones_own_change_is_heard_of_once_it_is_done() {
    let mut kernel = open();
    hear(&mut kernel);
    let route = "10.1.0.0/16 via 10.0.0.2 proto static".parse().unwrap();
    for (change, word) in [(RouteChange::Add, "Added"), (RouteChange::Delete, "Removed")] {
        let request = waypost_core::Request::Route(change, &route);
        kernel.submit(super::NOW, waypost_core::Ticket(1), request).unwrap();
        kernel.flush().unwrap();
        // One drain has both.
        let notices = hear(&mut kernel);
        assert!(matches!(notices.first(), Some(Notice::Outcome(_, waypost_core::Outcome::Done))), "{notices:?}");
        assert_eq!(changes(&notices), [format!("{word} 10.1.0.0/16")]);
    }
}

pub(crate) fn an_overrun_is_told_and_news_go_on() {
    veth("w0", "w1");
    ip("address add 10.0.0.1/24 dev w0");
    let mut kernel = Native::open(&Options::new().receive_buffer(4096)).unwrap();
    assert!(kernel.receive_buffer() <= 4608, "{}", kernel.receive_buffer());
    hear(&mut kernel);
    ip_batch((0..3000).map(|n| format!("route add 10.{}.{}.0/24 via 10.0.0.2", 100 + n / 256, n % 256)));
    let notices = hear(&mut kernel);
    assert_eq!(notices.iter().filter(|notice| matches!(notice, Notice::Overrun)).count(), 1);
    assert!((1..100).contains(&changes(&notices).len()), "{}", notices.len());
    ip("route add 10.1.0.0/16 via 10.0.0.2");
    assert_eq!(changes(&hear(&mut kernel)), ["Added 10.1.0.0/16"]);
}

pub(crate) fn next_hop_objects_are_heard_of() {
    let mut kernel = open();
    hear(&mut kernel);
    ip("nexthop add id 9 via 10.0.0.2 dev w0");
    ip("nexthop del id 9");
    let notices = hear(&mut kernel);
    let verbs: Vec<_> = notices
        .iter()
        .filter_map(|notice| match notice {
            Notice::NextHop(verb, object) => Some((*verb, object.id.get())),
            _ => None,
        })
        .collect();
    assert_eq!(verbs, [(Verb::Present, 9), (Verb::Removed, 9)]);
}

pub(crate) fn without_events_nothing_is_heard_of() {
    veth("w0", "w1");
    ip("address add 10.0.0.1/24 dev w0");
    let mut kernel = Native::open(&Options::new().events(false)).unwrap();
    change(&mut kernel, RouteChange::Add, "10.1.0.0/16 via 10.0.0.2").unwrap();
    ip("link set w0 down");
    assert!(hear(&mut kernel).is_empty());
}

pub(crate) fn links_addresses_rules_and_settings_are_heard_of() {
    let mut kernel = open();
    hear(&mut kernel);
    ip("link set w0 mtu 1400");
    ip("address add 10.9.0.1/24 dev w0");
    ip("rule add from 10.9.0.0/24 table 9 priority 99");
    ip("rule del priority 99");
    sysctl("net/ipv4/conf/w0/forwarding", "1");
    ip("address del 10.9.0.1/24 dev w0");
    ip("link del w0");
    let notices = hear(&mut kernel);
    let said: Vec<_> = notices
        .iter()
        .filter_map(|notice| match notice {
            Notice::Link(verb, link) if link.name == "w0" => Some(format!("{verb:?} link of {}", link.mtu)),
            Notice::Address(verb, address) if address.local.is_ipv4() => Some(format!("{verb:?} {}", address.local)),
            Notice::Rule(verb, rule) => Some(format!("{verb:?} rule {}", rule.priority)),
            Notice::Settings(verb, settings) if settings.forwarding == Some(true) => Some(format!("{verb:?} forwarding")),
            _ => None,
        })
        .collect();
    for expected in [
        "Present link of 1400",
        "Present 10.9.0.1",
        "Present rule 99",
        "Removed rule 99",
        "Present forwarding",
        "Removed 10.9.0.1",
        "Removed link of 1400",
    ] {
        assert!(said.iter().any(|word| word == expected), "{expected}: {said:?}");
    }
    assert!(!notices.iter().any(|notice| matches!(notice, Notice::Undecodable { .. })), "{notices:?}");
}

pub(crate) fn a_bridge_that_loses_a_port_loses_no_interface() {
    let mut kernel = open();
    ip("link add b0 type bridge");
    ip("link set w0 master b0");
    hear(&mut kernel);
    // The kernel says RTM_DELLINK of the family AF_BRIDGE: the port goes, the interface stays.
    ip("link set w0 nomaster");
    let notices = hear(&mut kernel);
    let gone = |notice: &Notice| matches!(notice, Notice::Link(Verb::Removed, _));
    assert!(notices.iter().any(|notice| matches!(notice, Notice::Link(Verb::Present, link) if link.name == "w0")));
    assert!(!notices.iter().any(gone), "{notices:?}");
}
