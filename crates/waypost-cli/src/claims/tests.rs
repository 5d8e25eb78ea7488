//! What is saved is read back as the very same.

use waypost::claim::{Claim, Item};
use waypost::{Capabilities, IfIndex, InterfaceNames, Names, Route, Rule, TableId};

use super::{as_written, file, report};

/// Numbers that follow from a seed (splitmix64).
struct Dice(u64);

impl Dice {
    const fn roll(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[usize::try_from(self.roll(of.len() as u64)).unwrap()]
    }

    /// One of these in three, and mostly nothing.
    fn perhaps<'a>(&mut self, of: &[&'a str]) -> &'a str {
        if self.roll(3) == 0 { self.pick(of) } else { "" }
    }
}

fn some_route(dice: &mut Dice) -> Route {
    let is_v6 = dice.roll(2) == 0;
    let destination = match is_v6 {
        false => dice.pick(&["0.0.0.0/0", "10.1.0.0/16", "10.1.2.3", "192.0.2.128/25"]),
        true => dice.pick(&["::/0", "2001:db8:1::/48", "2001:db8::1", "fd00::/8"]),
    };
    let kind = dice.perhaps(&["unreachable ", "blackhole ", "prohibit ", "throw "]);
    let one = |dice: &mut Dice| match is_v6 {
        false => dice.pick(&[
            "via 10.0.0.1 realms 7",
            "via 10.0.0.1 dev if2",
            "dev if3",
            "via inet6 fe80::1 dev if2",
            "via 10.0.0.9 dev if4 onlink linkdown",
        ]),
        true => dice.pick(&["via fe80::1 dev if2", "dev if3", "via 2001:db8::9", "via fe80::2 dev if4 onlink dead linkdown"]),
    };
    let (mut way, mut hops) = (String::new(), String::new());
    match dice.roll(6) {
        _ if !kind.is_empty() => {}
        0 => way = "nhid 7".to_owned(),
        1 => (0..2 + dice.roll(2)).for_each(|_| hops += &format!(" nexthop {} weight {}", one(dice), 1 + dice.roll(3))),
        _ => one(dice).clone_into(&mut way),
    }
    // The kernel gives each IPv6 route a metric that has none.
    let metric = if is_v6 {
        dice.pick(&["metric 1024", "metric 1", "metric 7"])
    } else {
        dice.pick(&["", "metric 0", "metric 5", "metric 4294967295"])
    };
    // The words of `ip` have no least time-out that is not locked, and the kernel heeds none (`tcp_rto_min`, net/ipv4/tcp_output.c, Linux 6.18).
    let more = [
        dice.perhaps(&["table 7", "table 1000"]),
        dice.perhaps(&["proto static", "proto 119", "proto bird", "proto 0"]),
        dice.perhaps(&["mtu lock 1400 advmss 900", "initcwnd 10 congctl lock bbr", "rto_min lock 200ms", "features ecn"]),
        if is_v6 {
            dice.perhaps(&["pref high", "pref low", "from 2001:db8:7::/48"])
        } else {
            dice.perhaps(&["tos 4", "src 10.0.0.2"])
        },
        if is_v6 || !hops.is_empty() { "" } else { dice.perhaps(&["scope host", "scope 200", "offload trap"]) },
    ]
    .join(" ");
    let text = format!("{kind}{destination} {way} {metric} {more} {hops}");
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn some_rule(dice: &mut Dice) -> Rule {
    let is_v6 = dice.roll(2) == 0;
    let from = match is_v6 {
        false => dice.pick(&["all", "10.1.0.0/16", "10.1.2.3"]),
        true => dice.pick(&["all", "2001:db8:1::/48", "2001:db8::1"]),
    };
    let more = [
        dice.perhaps(if is_v6 { &["to 2001:db8:9::/48"] } else { &["to 10.9.0.0/16"] }),
        dice.perhaps(&["fwmark 7/0xff", "fwmark 0x1"]),
        dice.perhaps(&["iif w0", "oif lo", "iif w#1", "iif it's"]),
        dice.perhaps(&["ipproto tcp dport 25", "ipproto udp sport 5-9", "uidrange 5-7"]),
        dice.pick(&["lookup 7", "lookup main", "lookup 1000 suppress_prefixlength 0", "goto 40000", "blackhole", "unreachable"]),
        dice.perhaps(&["proto static", "proto 119"]),
    ]
    .join(" ");
    let not = dice.perhaps(&["not "]);
    let text = format!("{}: {not}from {from} {more}", dice.roll(32768));
    let family = if is_v6 { waypost::Family::V6 } else { waypost::Family::V4 };
    let words: Vec<&str> = text.split_whitespace().collect();
    Rule::parse_words(&words, Names::none(), Some(family), 0).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Interfaces, some of whose names mean something in a file.
fn names() -> InterfaceNames {
    let mut names = InterfaceNames::default();
    for (index, name) in [(2, "w#0"), (3, "it's\\"), (4, "tun\"4")] {
        names.insert(IfIndex::new(index).unwrap(), name);
    }
    names
}

fn read_back(text: &str, names: &InterfaceNames) -> Vec<Claim> {
    let mut linux = Capabilities::least("a system with metrics and rules");
    (linux.metric, linux.rules, linux.main_table) = (true, true, TableId::MAIN);
    let whose = file::Whose::Nobodys;
    let reader = file::Reader { names: crate::numbers::with(names), family: None, capabilities: &linux, whose };
    let said = file::File::new("saved", text.to_owned()).read(&reader).unwrap_or_else(|_| panic!("{text}"));
    said.wishes.into_iter().map(|wish| wish.claim).collect()
}

#[test]
fn whatever_is_saved_is_read_back_as_the_very_same() {
    let (mut dice, names) = (Dice(7), names());
    let some = |dice: &mut Dice| if dice.roll(3) == 0 { Item::Rule(some_rule(dice)) } else { Item::Route(some_route(dice)) };
    let items: Vec<Item> = (0..4000).map(|_| as_written(some(&mut dice))).collect();
    let lines = items.iter().map(|item| report::line_of_file(item, crate::numbers::with(&names), true) + "\n");
    let claims = read_back(&lines.collect::<String>(), &names);
    assert_eq!(claims.len(), items.len());
    let is_zero = |item: &Item| item.as_route().is_some_and(|route| route.slot.metric == 0);
    for (claim, item) in claims.iter().zip(&items) {
        // `apply` gives a route another metric that names none.
        assert_eq!((&claim.item, claim.metric_zero), (item, is_zero(item)));
    }
    let is_v6_rule = |item: &&Item| item.as_route().is_none() && item.family() == waypost::Family::V6;
    assert!(items.iter().filter(|item| is_zero(item)).count() > 100 && items.iter().filter(is_v6_rule).count() > 100);
}

#[test]
fn what_the_kernel_marks_is_not_saved() {
    let item = as_written(Item::Route("10.0.0.0/8 via 10.9.0.1 dev if2 dead linkdown onlink offload metric 5".parse().unwrap()));
    assert_eq!(item.to_string(), "route 10.0.0.0/8 via 10.9.0.1 dev if2 metric 5 onlink");
    let rule: Rule = "5: from all iif gone [detached] lookup 7".parse().unwrap();
    assert_eq!(as_written(rule.into()).to_string(), "rule 5: from all iif gone lookup 7");
}
