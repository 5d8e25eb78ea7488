//! Random routes, rules and settings.

use std::fmt::Write as _;

use waypost::{Family, InterfaceNames, Route, RouteChange, Rule};
use waypost_tests::ip::{ip, sysctl, veth_with_addresses};
use waypost_tests::seeded::Seeded;

/// The tables of all worlds.
pub(crate) const TABLES: [u32; 8] = [254, 253, 7, 8, 9, 1000, 51820, 4_000_000_000];

/// The interfaces that routes leave by. The last has no carrier.
pub(crate) const INTERFACES: [&str; 3] = ["w0", "w2", "w4"];

/// The protocol that marks the routes and rules of a world.
pub(crate) const PROTOCOL: u8 = 77;

const ROUTES: usize = 60;
const RULES: usize = 24;

/// What is put into the kernel for one seed.
pub(crate) struct World {
    pub(crate) routes: Vec<(RouteChange, Route)>,
    pub(crate) rules: Vec<Rule>,
    /// Variables of the namespace and their values.
    pub(crate) settings: Vec<(String, &'static str)>,
}

impl World {
    /// The world of a seed. `is_root` says whether users other than the one who is mapped have numbers.
    pub(crate) fn new(seed: u64, family: Family, names: &InterfaceNames, is_root: bool) -> Self {
        let mut seeded = Seeded::new(seed);
        let mut world = Self { routes: Vec::new(), rules: Vec::new(), settings: settings(&mut seeded, family) };
        for _ in 0..ROUTES {
            let change = match seeded.below(6) {
                0 | 1 => RouteChange::Append,
                2 if family == Family::V4 => RouteChange::Prepend,
                _ => RouteChange::Add,
            };
            let text = route(&mut seeded, family);
            let words: Vec<&str> = text.split_whitespace().collect();
            world.routes.push((change, Route::parse_words(&words, names, Some(family)).expect(&text)));
        }
        for _ in 0..RULES {
            let text = rule(&mut seeded, family, is_root);
            world.rules.push(Rule::parse(&text, Some(family)).expect(&text));
        }
        for (priority, table) in [(150, 7), (151, 254)] {
            let text = format!("{priority}: from all lookup {table} proto {PROTOCOL}");
            world.rules.push(Rule::parse(&text, Some(family)).expect(&text));
        }
        world
    }

    /// All of it, for whoever wants to see it.
    pub(crate) fn told(&self) -> String {
        let mut text = String::new();
        for (name, value) in &self.settings {
            let _ = writeln!(text, "{name} = {value}");
        }
        for (change, route) in &self.routes {
            let _ = writeln!(text, "{change:?} {route}");
        }
        for rule in &self.rules {
            let _ = writeln!(text, "{rule}");
        }
        text
    }
}

/// Makes the interfaces, with addresses of both families: w0 and w2 have a carrier, w4 has none.
pub(crate) fn make_interfaces() {
    veth_with_addresses("w0", "w1");
    for (one, other, number) in [("w2", "w3", 6), ("w4", "w5", 7)] {
        ip(&format!("link add {one} type veth peer name {other}"));
        ip(&format!("link set {one} up"));
        ip(&format!("link set {other} up"));
        ip(&format!("address add 10.{number}.0.1/24 dev {one}"));
        ip(&format!("address add 2001:db8:{number}::1/64 dev {one} nodad"));
    }
    ip("link set w2 group 5");
    ip("link set w5 down");
    // Lookups of a host look for its routers, and answers to that would be no part of a world.
    for name in ["w0", "w1", "w2", "w3", "w4"] {
        sysctl(&format!("net/ipv6/conf/{name}/router_probe_interval"), "3600");
    }
}

fn settings(seeded: &mut Seeded, family: Family) -> Vec<(String, &'static str)> {
    let protocol = if family == Family::V4 { "ipv4" } else { "ipv6" };
    let mut settings = Vec::new();
    let mut set = |of: &str, name: &str, value| settings.push((format!("net/{protocol}/conf/{of}/{name}"), value));
    let switch = |is_on| if is_on { "1" } else { "0" };
    // What is for all is handed on to each, so it comes first.
    set("all", "ignore_routes_with_linkdown", switch(seeded.one_in(4)));
    set("w4", "ignore_routes_with_linkdown", switch(seeded.one_in(2)));
    set("all", "forwarding", switch(!seeded.one_in(4)));
    if family == Family::V4 {
        for name in ["w0", "w1", "w2", "w4"] {
            set(name, "forwarding", switch(!seeded.one_in(5)));
            set(name, "rp_filter", seeded.pick(&["0", "0", "1", "2"]));
        }
        set("all", "rp_filter", seeded.pick(&["0", "0", "0", "0", "2", "1"]));
    }
    settings
}

pub(crate) fn prefix(seeded: &mut Seeded, family: Family) -> String {
    let (one, other) = (seeded.below(3), seeded.below(3));
    match family {
        Family::V4 => match seeded.below(7) {
            0 | 1 => "default".to_owned(),
            2 => format!("10.{}.0.0/16", 100 + one),
            3 => format!("10.{}.{other}.0/24", 100 + one),
            4 => format!("10.{}.{other}.{}/32", 100 + one, seeded.below(3)),
            5 => "10.100.0.0/14".to_owned(),
            _ => "10.96.0.0/11".to_owned(),
        },
        Family::V6 => match seeded.below(7) {
            0 | 1 => "default".to_owned(),
            2 => format!("2001:db8:{:x}::/48", 0x100 + one),
            3 => format!("2001:db8:{:x}:{other}::/64", 0x100 + one),
            4 => format!("2001:db8:{:x}:{other}::{}/128", 0x100 + one, seeded.below(3)),
            5 => "2001:db8:100::/46".to_owned(),
            _ => "2001:db8::/32".to_owned(),
        },
    }
}

/// A gateway and the interface that leads to it.
fn hop(seeded: &mut Seeded, family: Family) -> String {
    let (interface, number) = seeded.pick(&[("w0", 0), ("w0", 0), ("w2", 6), ("w4", 7)]);
    let host = 2 + seeded.below(3);
    match (family, number) {
        (Family::V4, number) => format!("via 10.{number}.0.{host} dev {interface}"),
        (Family::V6, 0) => format!("via 2001:db8::{host} dev {interface}"),
        (Family::V6, number) => format!("via 2001:db8:{number}::{host} dev {interface}"),
    }
}

fn route(seeded: &mut Seeded, family: Family) -> String {
    let destination = prefix(seeded, family);
    let metric = seeded.pick(&[5, 5, 6, 7]);
    let mut tail = format!("table {} metric {metric} proto {PROTOCOL}", seeded.pick(&TABLES));
    let mut source = "";
    match family {
        Family::V4 if seeded.one_in(6) => tail += seeded.pick(&[" tos 0x10", " tos 0x08", " tos 0x18"]),
        Family::V6 if seeded.one_in(6) => {
            source = seeded.pick(&["from 2001:db8::/64", "from 2001:db8:6::/64", "from 2001:db8::/32"])
        }
        _ => {}
    }
    if family == Family::V6 && metric == 6 {
        // Next hops that come together in one route keep a preference each, of which the kernel tells one: so here they have the same.
        tail += " pref high";
    }
    if seeded.one_in(10) {
        tail += seeded.pick(match family {
            Family::V4 => &[" src 10.0.0.1", " src 10.6.0.1"],
            Family::V6 => &[" src 2001:db8::1", " src 2001:db8:6::1"],
        });
    }
    match seeded.below(16) {
        0..=2 => {
            let refusal = seeded.pick(&["blackhole", "unreachable", "prohibit", "throw", "throw"]);
            format!("{refusal} {destination} {source} {tail}")
        }
        3 | 4 => {
            let preference = if family == Family::V6 { seeded.pick(&["", " pref high", " pref low"]) } else { "" };
            // It can be said once.
            let tail = if preference.is_empty() { tail } else { tail.replace(" pref high", "") };
            format!("{destination} {source} dev {} {tail}{preference}", seeded.pick(&INTERFACES))
        }
        5..=7 => {
            let mut text = format!("{destination} {source} {tail}");
            for _ in 0..2 + seeded.below(2) {
                let hop = hop(seeded, family);
                let _ = write!(text, " nexthop {hop} weight {}", 1 + seeded.below(3));
            }
            text
        }
        _ => format!("{destination} {source} {} {tail}", hop(seeded, family)),
    }
}

/// One or two selectors.
fn selectors(seeded: &mut Seeded, family: Family, is_root: bool) -> String {
    let mut words = String::new();
    let kinds = if family == Family::V4 { 11 } else { 12 };
    let first = seeded.below(kinds);
    words += &selector(seeded, family, first, is_root);
    if seeded.one_in(6) {
        let second = (first + 1 + seeded.below(kinds - 1)) % kinds;
        words += &selector(seeded, family, second, is_root);
    }
    words
}

fn selector(seeded: &mut Seeded, family: Family, kind: u64, is_root: bool) -> String {
    match kind {
        0 => format!(
            " to {}",
            prefix(seeded, family).replace("default", if family == Family::V4 { "10.0.0.0/8" } else { "2000::/3" })
        ),
        1 => {
            let prefixes: &[&str] = match family {
                Family::V4 => &["10.0.0.0/24", "10.0.0.0/13", "10.6.0.1", "0.0.0.0/6"],
                Family::V6 => &["2001:db8::/64", "2001:db8::/46", "2001:db8:6::1"],
            };
            format!(" from {}", seeded.pick(prefixes))
        }
        2 => format!(" iif {}", seeded.pick(&["lo", "w0", "w2", "none9"])),
        3 => format!(" oif {}", seeded.pick(&INTERFACES)),
        4 => format!(" fwmark {}", seeded.pick(&["1", "0x2/0x3", "0/0x1", "0x10/0x30"])),
        5 => format!(" tos {}", seeded.pick(&["0x10", "0x08", "0x18"])),
        6 => format!(" dscp {}", seeded.pick(&["4", "0", "0x2/0x2", "46", "0/0x4"])),
        7 => format!(" ipproto {}", seeded.pick(&["tcp", "udp"])),
        8 => format!(" sport {}", seeded.pick(&["1000", "1-1024", "1000-2000", "0x1/0x1"])),
        9 => format!(" dport {}", seeded.pick(&["53", "1-1023", "80-443", "0x50/0xff"])),
        10 if is_root => format!(" uidrange {}", seeded.pick(&["0-0", "5-5", "1-1000", "1000-4000000000"])),
        10 => " uidrange 0-0".to_owned(),
        _ => format!(" flowlabel {}", seeded.pick(&["5", "0x1/0x1", "0/0x3"])),
    }
}

fn rule(seeded: &mut Seeded, family: Family, is_root: bool) -> String {
    let priority = 100 + seeded.below(45);
    let mut words = format!("{priority}:");
    if seeded.one_in(6) {
        words += " not";
    }
    if !seeded.one_in(10) {
        words += &selectors(seeded, family, is_root);
    }
    match seeded.below(16) {
        0 => words += seeded.pick(&[" blackhole", " unreachable", " prohibit"]),
        1 => {
            let near = priority + 1 + seeded.below(6);
            words += &format!(" goto {}", seeded.pick(&[near, 150, 151]));
        }
        2 => words += " nop",
        _ => {
            words += &format!(" lookup {}", seeded.pick(&TABLES));
            match seeded.below(8) {
                0 => words += &format!(" suppress_prefixlength {}", seeded.pick(&[0, 14, 16, 48])),
                1 => words += &format!(" suppress_ifgroup {}", seeded.pick(&["default", "5"])),
                _ => {}
            }
        }
    }
    words + &format!(" proto {PROTOCOL}")
}
