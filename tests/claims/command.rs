//! `apply`, `diff`, `save`, `restore`, `sweep`, `claims`.

use super::*;
use waypost_tests::command::Running;
use waypost_tests::ip::{ip, veth_with_addresses};

const WORDS: &str = "\
# Two ways and a rule
route add 10.1.0.0/16 via 10.0.0.2 metric 50
10.2.0.0/16 via 10.0.0.2 dev w0 metric 50
2001:db8:1::/48 via 2001:db8::2 metric 50
default via 10.0.0.2 dev w0 table 7 metric 50
rule add from 10.1.0.0/16 lookup 7 pref 100
-6 rule add from 2001:db8:1::/48 lookup 7 pref 100
";

fn all() -> String {
    ip("route show table all") + &ip("-6 route show table all") + &ip("rule") + &ip("-6 rule")
}

pub(super) fn a_file_is_brought_about_and_doing_it_again_changes_nothing() {
    veth_with_addresses("w0", "w1");
    let before = all();
    let path = file("words", WORDS);
    let apply = format!("apply {}", path.display());
    let dry = waypost(&format!("{apply} --dry-run"));
    assert!(dry.ends_with("would be: 6 added, 0 removed, 0 changed, 0 unchanged\n"), "{dry}");
    assert_eq!(dry.lines().filter(|line| line.starts_with("+ ")).count(), 6, "{dry}");
    assert_eq!(all(), before, "a dry run changes nothing");
    assert_eq!(fails(&format!("diff {}", path.display())).0, 1);
    waypost(&apply);
    assert!(ip("route show exact 10.1.0.0/16").contains("via 10.0.0.2 dev w0 proto 119 metric 50"));
    assert!(ip("-6 rule").contains("from 2001:db8:1::/48 lookup 7 proto 119"));
    let after = all();
    assert_eq!(waypost(&apply), "nothing to change: 6 are there\n");
    assert_eq!(waypost(&format!("diff {}", path.display())), "nothing to change: 6 are there\n");
    assert_eq!(all(), after);
    let coloured = waypost(&format!("apply {} --dry-run --prune --color always", file("none", "").display()));
    assert!(coloured.starts_with("\x1b[31m- ") && !coloured.contains("\x1b[32m+"), "{coloured:?}");
}

pub(super) fn what_is_not_in_the_file_any_more_goes_where_that_is_asked_for() {
    veth_with_addresses("w0", "w1");
    waypost(&format!("apply {}", file("words", WORDS).display()));
    let fewer = file("fewer.toml", "routes = [\"10.1.0.0/16 via 10.0.0.3 metric 50\"]\n");
    let said = waypost(&format!("apply {}", fewer.display()));
    assert!(said.ends_with("0 added, 0 removed, 1 changed, 0 unchanged\n"), "{said}");
    assert!(ip("route show exact 10.1.0.0/16").contains("via 10.0.0.3"));
    assert_eq!(waypost("claims").lines().count(), 6);
    let said = waypost(&format!("apply {} --prune", fewer.display()));
    assert!(said.ends_with("0 added, 5 removed, 0 changed, 1 unchanged\n"), "{said}");
    assert_eq!(waypost("claims").lines().count(), 1);
}

/// Files that are wrong, and what is told of each behind its name.
const WRONG: [(&str, &str, &[&str]); 22] = [
    (
        "words",
        "10.1.0.0/16 via 10.0.0.2\n10.2.0.0/16 metrik 5\n10.3.0.0/16 dev nowhere\n",
        &["2: \"metrik\"", "3: there is no interface \"nowhere\""],
    ),
    ("twice", "10.1.0.0/16 via 10.0.0.2\n\n10.1.0.0/16 via 10.0.0.3", &["3: \"10.1.0.0/16\" is claimed in line 1"]),
    (
        "rules",
        "rule 5: iif w0 lookup 7\n-6 rule 5: iif w0 lookup 7\nrule 5: iif w0 lookup 7",
        &["3: \"rule 5: from all iif w0 lookup 7\" is claimed in line 1"],
    ),
    (
        "zero",
        "10.1.0.0/16 dev w0 metric 9\n10.1.0.0/16 dev w0 metric 0",
        &["2: \"10.1.0.0/16\" is claimed in line 1 at another metric"],
    ),
    ("foreign", "10.1.0.0/16 via 10.0.0.2 proto static", &["1: \"10.1.0.0/16\": proto static is not the owner's"]),
    ("twofold", "10.1.0.0/16 via 10.0.0.2 via 10.0.0.3", &["1: \"via\" is said twice"]),
    (
        "pasted",
        "ip route add 10.1.0.0/16 via 10.0.0.2\nip route replace 10.2.0.0/16 via 10.0.0.2\n",
        &["2: \"replace\" is no word here"],
    ),
    ("link", "link add x type dummy\n", &["1: \"link\" begins neither a route nor a rule"]),
    ("json", "\n[{\"route\": {\"dst\": \"10.1.0.0/16\"}}]", &["2: this is JSON"]),
    ("types.toml", "\nroutes = [\"10.1.0.0/16\", 7]\n", &["2: \"7\" is an integer"]),
    ("key.toml", "\nrouts = []\n", &["2: \"routs\" is no key of a file of claims: is \"routes\" meant?"]),
    ("double.toml", "routes = []\nroutes = []\n", &["2: \"routes\": duplicate key"]),
    ("owner.toml", "# whose\nowner = \"static\"", &["2: the owner \"static\": the number 4 is that of static"]),
    (
        "order.toml",
        "rules = [\"from 10.0.0.0/8\"]\n\nroutes = [\"x\"]",
        &["1: the rule \"from 10.0.0.0/8\" names no priority", "3: \"x\""],
    ),
    (
        "service.toml",
        "[[service]]\npackets = \"dport 25\"\ntable = 1025\npriority = 9\nroutes = [\"default via 10.0.0.2\"]",
        &["2: \"packets\": ports are those"],
    ),
    (
        "main.toml",
        "[[service]]\npackets = \"to 10.9.0.0/16\"\ntable = 254\npriority = 9\nroutes = [\"default via 10.0.0.2\"]",
        &["3: \"table\""],
    ),
    (
        "table.toml",
        "[[service]]\npackets = \"to 10.9.0.0/16\"\ntable = 9\npriority = 9\nroutes = [\n\"default via 10.0.0.2\",\n\"10.8.0.0/16 dev w0 table 7\"]",
        &["7: \"table 7\" is not that of the service, whose routes are in table 9"],
    ),
    (
        "same.toml",
        "[[service]]\npackets = \"to 10.9.0.0/16\"\ntable = 9\npriority = 9\nroutes = [\n\"default via 10.0.0.2\",\n\"default dev w0\"]",
        &["7: \"default\" is claimed in line 6"],
    ),
    (
        "metrik.toml",
        "[[service]]\npackets = \"to 10.9.0.0/16\"\ntable = 9\npriority = 9\nroutes = [\n\"default metrik 2\"]",
        &["6: \"metrik\""],
    ),
    (
        "family.toml",
        "rules = [\n{ rule = \"7: lookup 7\", family = 6 }]",
        &["2: \"6\" is an integer, and \"family\" is a string"],
    ),
    ("syntax.toml", "routes = [\n\"10.1.0.0/16 via 10.0.0.2\"\n\"10.2.0.0/16 via 10.0.0.2\"]", &["3: ", "missing comma"]),
    ("nothing.toml", "no toml at all", &["1: \"toml"]),
];

pub(super) fn a_file_that_is_wrong_is_refused_before_anything_is_touched() {
    veth_with_addresses("w0", "w1");
    let before = all();
    let others = ["apply --json", "apply --dry-run", "apply --prune --keep", "diff --json"];
    for ((name, text, told), words) in WRONG.into_iter().zip(others.into_iter().cycle()) {
        let path = file(name, text);
        let (status, error, _) = fails(&format!("apply {}", path.display()));
        let lines: Vec<_> =
            error.lines().filter_map(|line| line.strip_prefix(&format!("waypost: {}:", path.display()))).collect();
        assert!(status == 1 && lines.len() == error.lines().count(), "{text:?}: {status}: {error}");
        assert!(
            told.iter().all(|told| lines.iter().any(|line| line.starts_with(told) || line.contains(told))),
            "{text:?}: {error}"
        );
        assert!(told[0].ends_with(": ") || lines.len() == told.len(), "{text:?}: {error}");
        // It is the same for programs, and whatever is to be done.
        assert_eq!(fails(&format!("{words} {}", path.display())), (1, error.clone(), String::new()), "{words} {name}");
        assert_eq!(all(), before, "{text:?}");
    }
    std::fs::write("/run/latin", b"# a comment\n10.1.0.0/16 via 10.0.0.2\n# caf\xe9\n").expect("the file can be written");
    let (status, error, _) = fails("apply /run/latin");
    assert!(status == 1 && error.contains("/run/latin:3: the byte 0xe9"), "{error}");
    let long = file("long", &format!("10.1.0.0/16 via 10.0.0.2 {}", "x".repeat(10_000_000)));
    let (status, error, _) = fails(&format!("apply {}", long.display()));
    assert!(status == 1 && error.len() < 1000 && error.contains("long:1: \"xxx"), "{} bytes", error.len());
    let many = file("many", &"x\n".repeat(10_000));
    let (_, error, _) = fails(&format!("apply {}", many.display()));
    assert!(error.lines().count() == 101 && error.ends_with("/run/many: more of it is wrong\n"), "{error}");
    for (words, said) in [("apply /run/missing", "read /run/missing: No such file"), ("apply /run", "read /run: Is a directory")]
    {
        let (status, error, _) = fails(words);
        assert!(status == 1 && error.contains(said), "{words}: {error}");
    }
    for owner in ["static", "256", "vpn=0", "nobody-knows"] {
        for words in ["apply /run/pasted --owner", "sweep --owner", "claims --owner"] {
            let (status, error, _) = fails(&format!("{words} {owner}"));
            assert!(status == 2 && error.contains(&format!("the owner {owner:?}")), "{words}: {error}");
        }
    }
    assert_eq!(all(), before);
}

pub(super) fn toml_and_lines_say_the_same() {
    veth_with_addresses("w0", "w1");
    let toml = "routes = [\n\"ip route add 10.1.0.0/16 via 10.0.0.2\", { route = \"default dev w0\", family = \"inet6\" }]\n\
                rules = [\"5: iif w0 lookup 7\", { rule = \"6: iif w0 lookup 7\", family = \"inet6\" }]\n";
    let lines = "ip route add 10.1.0.0/16 via 10.0.0.2\nip -6 route add default dev w0\nrule add pref 5 iif w0 lookup 7\r\n\
                 -6 rule add pref 6 iif w0 lookup 7 # as they come\n";
    // As an editor of another system writes it.
    let (toml, lines) = (file("x.toml", &format!("\u{feff}{toml}")), file("x", &format!("\u{feff}{lines}")));
    for [one, two] in [[&toml, &lines], [&lines, &toml]] {
        waypost(&format!("apply {}", one.display()));
        assert!(ip("-6 rule").contains("6:\tfrom all iif w0 lookup 7") && !ip("rule").contains("6:\tfrom all iif w0 lookup 7"));
        assert_eq!(waypost(&format!("diff {}", two.display())), "nothing to change: 4 are there\n");
        waypost("sweep --owner waypost");
    }
}

pub(super) fn what_cannot_be_restored_is_told_by_its_line() {
    veth_with_addresses("w0", "w1");
    ip("route add 10.1.0.0/16 via 10.0.0.2");
    ip("rule add pref 5 from 10.1.0.0/16 lookup 7");
    let saved = waypost("save");
    let there = file("there", &format!("{saved}{saved}"));
    assert!(waypost(&format!("restore {}", there.display())).starts_with("nothing to change"), "what is there is there");
    ip("route del 10.1.0.0/16");
    ip("rule del pref 5");
    let before = all();
    for (name, text, told) in [
        ("s.json", waypost("save --json"), "/run/s.json:1: this is JSON"),
        ("o.toml", "\nowner = \"vpn=201\"\n".to_owned(), "/run/o.toml:2: \"owner\" is for `apply`"),
    ] {
        let (status, error, _) = fails(&format!("restore {}", file(name, &text).display()));
        assert!(status == 1 && error.contains(told), "{name}: {error}");
        assert_eq!(all(), before, "{name}");
    }
    let said = waypost(&format!("restore {}", there.display()));
    assert!(said.ends_with("2 added, 0 removed, 0 changed, 0 unchanged\n"), "what stands there twice is once there: {said}");
}

pub(super) fn the_next_hop_of_another_that_has_joined_a_route_stays_when_the_route_goes() {
    veth_with_addresses("w0", "w1");
    let path = file("words", "2001:db8:5::/48 via 2001:db8::2 dev w0 metric 50\n");
    waypost(&format!("apply {}", path.display()));
    ip("-6 route append 2001:db8:5::/48 via 2001:db8::9 dev w0 metric 50 proto static");
    assert!(waypost(&format!("apply {}", path.display())).starts_with("nothing to change"));
    // It cannot become another while theirs is there, and nothing is different after the attempt.
    let before = all();
    let other = file("other", "2001:db8:5::/48 via 2001:db8::3 dev w0 metric 50\n");
    let (_, error, _) = fails(&format!("apply {}", other.display()));
    assert!(error.contains("2001:db8:5::/48"), "{error}");
    assert_eq!(all(), before);
    waypost("sweep --owner waypost");
    let left = ip("-6 route show exact 2001:db8:5::/48");
    assert!(left.contains("via 2001:db8::9") && left.contains("proto static") && !left.contains("2001:db8::2 "), "{left}");
}

pub(super) fn what_others_have_is_named_and_left_alone() {
    veth_with_addresses("w0", "w1");
    ip("route add 10.2.0.0/16 via 10.0.0.9 metric 50");
    let before = all();
    let (status, error, said) = fails(&format!("apply {}", file("words", WORDS).display()));
    assert_eq!((status, error.as_str()), (1, "waypost: nothing was changed, as not all of it can be\n"));
    assert!(said.contains("! route 10.2.0.0/16 via 10.0.0.2 dev w0 proto 119 metric 50: in its place is another's route 10.2.0.0/16 via 10.0.0.9"), "{said}");
    assert_eq!(all(), before);
}

pub(super) fn what_fails_in_the_middle_is_undone_and_that_is_told() {
    veth_with_addresses("w0", "w1");
    waypost(&format!("apply {}", file("first", "10.9.0.0/16 via 10.0.0.2 metric 50\n").display()));
    let before = all();
    let wrong = "10.1.0.0/16 via 10.0.0.2 metric 50\n10.2.0.0/16 via 10.77.0.1 metric 50\n";
    let path = file("wrong", wrong);
    let (status, error, _) = fails(&format!("apply {} --prune", path.display()));
    assert_eq!(status, 1);
    assert!(
        error.contains(
            "add route 10.2.0.0/16 via 10.77.0.1 proto 119 metric 50: Nexthop has invalid gateway; 1 change was undone"
        ),
        "{error}"
    );
    assert!(error.contains("undone: route 10.1.0.0/16 via 10.0.0.2"), "{error}");
    assert_eq!(all(), before);
    let (_, _, json) = fails(&format!("apply {} --prune --json", path.display()));
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((json["applied"].as_bool(), json["undone"].as_array().map(Vec::len)), (Some(false), Some(1)));
    assert_eq!(json["left"], serde_json::json!([]));
}

pub(super) fn what_was_saved_can_be_restored() {
    veth_with_addresses("w0", "w1");
    for words in
        ["10.1.0.0/16 via 10.0.0.2", "10.2.0.0/16 via 10.0.0.2 metric 9 proto static mtu 1400", "10.3.0.0/16 dev w0 table 9"]
    {
        ip(&format!("route add {words}"));
    }
    ip("-6 route add 2001:db8:9::/48 via 2001:db8::2 metric 7");
    ip("rule add from 10.1.0.0/16 lookup 9 pref 77");
    waypost(&format!("apply {}", file("words", "10.8.0.0/16 via 10.0.0.2 metric 50\n").display()));
    let before = all();
    let saved = file("saved", &waypost("save"));
    let all_there = waypost(&format!("restore {}", saved.display()));
    assert!(all_there.starts_with("nothing to change: ") && all_there.ends_with(" are there\n"), "{all_there}");
    ip("route flush table 9");
    for words in ["10.1.0.0/16", "10.2.0.0/16 metric 9", "10.8.0.0/16"] {
        ip(&format!("route del {words}"));
    }
    ip("-6 route del 2001:db8:9::/48");
    ip("rule del pref 77");
    assert!(fails(&format!("diff {}", file("words", "10.8.0.0/16 via 10.0.0.2 metric 50\n").display())).2.contains("1 added"));
    let said = waypost(&format!("restore {}", saved.display()));
    assert!(said.contains("6 added, 0 removed, 0 changed, "), "{said}");
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&all()), sorted(&before));
    let own = waypost("save --owner waypost");
    assert_eq!(own.lines().count(), 1);
    assert_eq!(waypost(&format!("apply {}", file("own", &own).display())), "nothing to change: 1 is there\n");
}

pub(super) fn what_was_saved_says_all_of_it() {
    veth_with_addresses("w0", "w1");
    for words in [
        "route add 10.1.0.0/16 via 10.0.0.2",
        "route add 10.1.0.0/16 via 10.0.0.2 metric 7",
        "route append 10.1.0.0/16 via 10.0.0.3 metric 7 proto static",
        "route add 10.2.0.0/16 nexthop via 10.0.0.2 weight 2 nexthop via 10.0.0.3 weight 1",
        "route add unreachable 10.4.0.0/16",
        "-6 route add 2001:db8:9::/48 nexthop via 2001:db8::2 dev w0 nexthop via 2001:db8::3 dev w0",
        "-6 route add default via 2001:db8::2 metric 9",
        "rule add from 10.1.0.0/16 lookup 9 pref 77",
        "-6 rule add from all to 2001:db8:9::/48 lookup 9 pref 78",
    ] {
        ip(words);
    }
    waypost(&format!("apply {} --owner vpn=201", file("words", "10.8.0.0/16 via 10.0.0.2 metric 0\n").display()));
    let before = all();
    let saved = file("saved", &waypost("save"));
    for words in [
        "route flush proto boot",
        "route flush proto static",
        "route flush proto 201",
        "-6 route flush proto boot",
        "rule del pref 77",
        "-6 rule del pref 78",
    ] {
        ip(words);
    }
    waypost(&format!("restore {} -q", saved.display()));
    assert_eq!(all(), before);
    // As a file for `apply` it says the same: a route without a metric would get another there.
    let own = file("own", &waypost("save --owner 201"));
    assert_eq!(waypost(&format!("apply {} --owner 201 --prune", own.display())), "nothing to change: 1 is there\n");
}

pub(super) fn what_is_in_the_way_of_what_was_saved_is_told_before_anything_is_touched() {
    veth_with_addresses("w0", "w1");
    ip("route add 10.1.0.0/16 via 10.0.0.9 metric 7 proto static");
    let before = all();
    let saved = file("saved", "route add 10.1.0.0/16 via 10.0.0.2 metric 7\nroute add 10.3.0.0/16 via 10.0.0.2 metric 7\n");
    let way = "! route 10.1.0.0/16 via 10.0.0.2 metric 7: in its place is another's route 10.1.0.0/16 via 10.0.0.9 dev w0 proto static metric 7";
    for dry in [" --dry-run", ""] {
        let (status, _, said) = fails(&format!("restore {}{dry}", saved.display()));
        assert!(status == 1 && said.contains(way) && said.contains("1 added") && said.contains("1 in conflict"), "{said}");
        assert_eq!(all(), before);
    }
    let (_, _, json) = fails(&format!("restore {} --dry-run --json", saved.display()));
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["conflicts"][0]["there"]["route"]["protocol"], "static");
    // And a dry run of `apply` ends as `apply` would.
    let (status, _, said) = fails(&format!("apply {} --dry-run", saved.display()));
    assert!(status == 1 && said.contains("! route 10.1.0.0/16") && said.contains("+ route 10.3.0.0/16"), "{said}");
    assert_eq!(all(), before);
    ip("link set w1 down");
    let (status, _, said) = fails(&format!("apply {} --dry-run", file("away", "10.3.0.0/16 dev w1 metric 7\n").display()));
    assert!(status == 1 && said.contains("? route 10.3.0.0/16 dev w1") && said.contains("its interface is down"), "{said}");
}

pub(super) fn a_route_of_metric_0_goes_and_changes_beside_another_of_its_owner() {
    veth_with_addresses("w0", "w1");
    let metric = |metric: u32| file(&format!("m{metric}"), &format!("10.1.0.0/16 via 10.0.0.2 metric {metric}\n"));
    let there = || ip("route show exact 10.1.0.0/16").lines().count();
    waypost(&format!("apply {}", metric(0).display()));
    waypost(&format!("apply {}", metric(5).display()));
    assert_eq!(there(), 2);
    waypost("sweep --owner waypost");
    assert_eq!(there(), 0);
    waypost(&format!("apply {}", metric(0).display()));
    let said = waypost(&format!("apply {} --prune", metric(5).display()));
    assert!(said.ends_with("1 added, 1 removed, 0 changed, 0 unchanged\n"), "{said}");
    assert!(there() == 1 && ip("route show exact 10.1.0.0/16").contains("metric 5"));
    waypost(&format!("apply {} --prune", metric(0).display()));
    assert!(there() == 1 && !ip("route show exact 10.1.0.0/16").contains("metric"));
    // What is another's stays, whatever its metric.
    ip("route add 10.1.0.0/16 via 10.0.0.2 metric 3 proto static");
    waypost("sweep --owner waypost");
    assert!(there() == 1 && ip("route show exact 10.1.0.0/16").contains("proto static metric 3"));
}

pub(super) fn what_is_kept_stays_when_nobody_reads_what_is_told() {
    veth_with_addresses("w0", "w1");
    let path = file("words", "10.1.0.0/16 via 10.0.0.2 metric 50\n");
    let mut kept = waypost_command(&format!("apply {} --keep", path.display()));
    let mut kept = kept.stdout(std::process::Stdio::piped()).spawn().expect("the command starts");
    drop(kept.stdout.take());
    // Like every verb whose reader is gone.
    assert!(kept.wait().expect("it ends").success());
    assert!(ip("route show exact 10.1.0.0/16").contains("via 10.0.0.2"));
}

pub(super) fn the_route_that_an_interface_has_by_itself_stays() {
    veth_with_addresses("w0", "w1");
    let before = all();
    // In its very place it is in the way; with another metric ours stands beside it, and goes without it.
    let (status, _, said) = fails(&format!("apply {}", file("same", "10.0.0.0/24 dev w0 metric 0\n").display()));
    assert!(status == 1 && said.contains("in its place is another's route 10.0.0.0/24 dev w0 proto kernel"), "{said}");
    waypost(&format!("apply {}", file("beside", "10.0.0.0/24 dev w0 metric 5\n2001:db8::/64 dev w0 metric 5\n").display()));
    assert_eq!(ip("route show exact 10.0.0.0/24").lines().count(), 2);
    waypost("sweep --owner waypost");
    assert_eq!(all(), before);
}

pub(super) fn an_owner_sweeps_its_own_alone() {
    veth_with_addresses("w0", "w1");
    ip("route add 10.5.0.0/16 via 10.0.0.2");
    let before = all();
    let path = file("words", WORDS);
    waypost(&format!("apply {} --owner vpn=201", path.display()));
    let fewer = file("fewer", "10.6.0.0/16 via 10.0.0.2 metric 3\n");
    waypost(&format!("apply {} --owner 202", fewer.display()));
    assert_eq!(waypost("claims --owner vpn=201").lines().count(), 6);
    assert_eq!(waypost("claims --owner 202").lines().count(), 1);
    assert_eq!(waypost("claims"), "");
    waypost("sweep --owner vpn=201 --dry-run");
    for both in
        ["-6 sweep --owner 201", "-4 apply /run/fewer --owner 201 --prune", "-4 apply /run/fewer --owner 201 --prune --keep"]
    {
        let (status, error, _) = fails(both);
        assert!(status == 2 && error.contains("both families"), "{both}: {error}");
    }
    assert_eq!(waypost("claims --owner 201").lines().count(), 6);
    waypost("sweep --owner vpn=201");
    assert_eq!(waypost("claims --owner vpn=201"), "");
    waypost("sweep --owner 202");
    assert_eq!(all(), before);
    assert_eq!(waypost("sweep --owner 202"), "nothing to change: 0 are there\n");
}

pub(super) fn programs_get_json() {
    veth_with_addresses("w0", "w1");
    let path = file("words", WORDS);
    let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let dry = read(&waypost(&format!("apply {} --dry-run --json", path.display())));
    assert_eq!((dry["applied"].as_bool(), dry["added"].as_array().map(Vec::len)), (Some(false), Some(6)));
    assert_eq!(dry["added"][0]["route"]["dst"], "10.1.0.0/16");
    let done = read(&waypost(&format!("apply {} --json", path.display())));
    assert_eq!(done["applied"], true);
    let again = read(&waypost(&format!("apply {} --json", path.display())));
    assert_eq!((again["unchanged"].as_u64(), again["added"].as_array().map(Vec::len)), (Some(6), Some(0)));
    let listed = read(&waypost("claims --json"));
    assert_eq!(listed.as_array().map(Vec::len), Some(6));
}

pub(super) fn what_is_kept_comes_back_and_who_took_it_is_told() {
    veth_with_addresses("w0", "w1");
    let path = file("words", "10.1.0.0/16 via 10.0.0.2 metric 50\n10.2.0.0/16 via 10.77.0.1 metric 50\n");
    for json in [false, true] {
        let mut kept = Running::new(&format!("apply {} --keep{}", path.display(), if json { " --json" } else { "" }));
        let event = |line: &str| if json { serde_json::from_str::<serde_json::Value>(line).expect("JSON") } else { line.into() };
        // One waits, and does not keep the other from coming, nor is it told in which order.
        let told: Vec<_> = [kept.line(), kept.line()].iter().map(|line| event(line)).collect();
        let has = |words: [&str; 2]| told.iter().any(|told| words.iter().all(|word| told.to_string().contains(word)));
        assert!(has(["10.1.0.0/16", "installed"]) && has(["10.2.0.0/16", "waiting"]), "{told:?}");
        let mut rival =
            std::process::Command::new("ip").args(["route", "del", "10.1.0.0/16", "metric", "50"]).spawn().expect("ip starts");
        let process = rival.id();
        assert!(rival.wait().expect("ip ends").success());
        let line = kept.line();
        if json {
            let told = event(&line);
            assert_eq!((told["event"].as_str(), told["pid"].as_u64()), (Some("deleted"), Some(process.into())), "{told}");
            assert_eq!(told["item"]["route"]["dst"], "10.1.0.0/16");
        } else {
            assert!(line.starts_with("route 10.1.0.0/16 via 10.0.0.2"), "{line}");
            assert!(line.ends_with(&format!(": deleted by process {process}")), "{line}");
        }
        let line = kept.line();
        assert!(line.contains("installed") && line.contains("10.1.0.0/16"), "{line}");
        assert!(ip("route show exact 10.1.0.0/16").contains("via 10.0.0.2"));
        if !json {
            ip("route replace 10.1.0.0/16 via 10.0.0.9 metric 50 proto static");
            let line = kept.line();
            assert!(line.contains(": replaced by process ") && line.contains("via 10.0.0.9"), "{line}");
            ip("route del 10.1.0.0/16 metric 50");
            assert!(kept.line().ends_with(": installed"));
        }
        drop(kept);
        waypost("sweep --owner waypost -q");
    }
}
