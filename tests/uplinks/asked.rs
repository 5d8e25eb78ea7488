//! What the command says when it is asked: how the uplinks stand, what it would do, and why it does not.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use waypost_tests::command::{Running, command, program};
use waypost_tests::ip::ip;

use crate::world::{ask, config, defaults, directory, leaves_by, make, signal, start, until, write_config};

/// A third uplink, over an interface that is not there, and one whose router is this host.
const MORE: &str = "[[uplink]]\nname = \"lte\"\ninterface = \"w9\"\nipv4 = \"10.9.0.1\"\npriority = 5\n\
                    [[uplink]]\nname = \"self\"\ninterface = \"w3\"\nipv4 = \"10.2.0.2\"\npriority = 99\n";

fn two_and(more: &str) -> String {
    format!("{}{more}", config("", ""))
}

fn run(words: &str) -> Output {
    command(words).output().expect("it starts")
}

/// How it ended, and what it said of that.
fn end(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

pub(crate) fn what_cannot_be_an_uplink_yet_is_listed_and_known_by_its_name() {
    make();
    let log = directory().join("log");
    let mut starting = command(&format!("uplinks --config {}", write_config(&two_and(MORE))));
    starting.stderr(File::create(&log).expect("it can be made"));
    let _daemon = Running::of(starting);
    until("w2 is elected", || defaults().len() == 2 && leaves_by() == "w2");
    let status = ask("--status");
    assert!(status.contains("  lte inet dev w9 via 10.9.0.1 priority 5: inactive (no interface w9 yet), "), "{status}");
    assert!(
        status.contains("  self inet dev w3 via 10.2.0.2 priority 99: inactive (its gateway 10.2.0.2 is an address of "),
        "{status}"
    );
    let json: Value = serde_json::from_str(&ask("--json --status")).expect("an object");
    let lte = json["uplinks"].as_array().expect("a list").iter().find(|uplink| uplink["name"] == "lte").expect("it is there");
    assert_eq!((&lte["state"], &lte["usable"]), (&"inactive".into(), &false.into()));
    let refused = |words: &str| end(&run(&format!("{words} --socket /run/uplinks/sock")));
    assert_eq!(refused("uplinks --promote lte"), (Some(1), "waypost: \"lte\" cannot be used: no interface w9 yet".to_owned()));
    assert!(refused("uplinks --demote self").1.contains("its gateway 10.2.0.2 is an address of this host"));
    assert_eq!(refused("uplinks --promote w9"), (Some(1), "waypost: there is no uplink \"w9\"".to_owned()));
    // One family is asked for, and what is said is of that alone.
    assert_eq!(ask("-4 --status"), status);
    assert_eq!(ask("-6 --status"), "no uplinks\n");
    assert_eq!(refused("-6 uplinks --promote w3"), (Some(1), "waypost: \"w3\" is no uplink of this family".to_owned()));
    assert_eq!(leaves_by(), "w2");
    // Both come when they can.
    ip("link add w9 type veth peer name r9");
    ip("address add 10.9.0.2/24 dev w9");
    until("it is there", || ask("--status").contains("dev w9 via 10.9.0.1 priority 5: inactive (switched off)"));
    ip("link set r9 up");
    ip("link set w9 up");
    until("it has its route", || defaults().len() == 3);
    ask("--promote lte");
    until("it is elected", || defaults()[0].contains("dev w9"));
    ip("link del w9");
    until("it waits again", || {
        ask("--status").contains("lte inet dev w9 via 10.9.0.1 priority 5: inactive (no interface w9 yet)")
    });
    let said = fs::read_to_string(&log).expect("text");
    assert!(said.contains("info: lte has no default route") && !said.contains("one given up"), "{said}");
    assert_eq!(said.matches("warning: self: its gateway 10.2.0.2 is an address of this host").count(), 1, "{said}");
    assert_eq!(said.matches("info: lte: no interface w9 yet").count(), 2, "{said}");
}

pub(crate) fn a_dry_run_says_all_that_it_would_do() {
    make();
    // What an earlier run left: one route that is of use, and one that is not.
    ip("route add default via 10.3.0.1 metric 12 proto 87");
    ip("route add default via 10.3.0.1 metric 77 proto 87");
    let before = defaults();
    let path = write_config(&config("", ""));
    let would: Value =
        serde_json::from_slice(&run(&format!("--json uplinks --dry-run --config {path}")).stdout).expect("an object");
    let of = |key: &str| -> Vec<(String, u64)> {
        let routes = would[key].as_array().expect("a list").iter();
        routes
            .map(|one| (one["role"].to_string() + &one["route"]["dev"].to_string(), one["route"]["metric"].as_u64().unwrap_or(0)))
            .collect()
    };
    let [high, low] = ["\"high\"\"w2\"", "\"low\"\"w3\""];
    assert_eq!(of("added").iter().map(|(one, _)| one.as_str()).collect::<Vec<_>>(), [high, low]);
    assert_eq!(of("removed").iter().map(|(_, metric)| *metric).collect::<Vec<_>>(), [12, 77]);
    assert_eq!(would["added"][0]["uplink"], "w2");
    assert_eq!(defaults(), before, "nothing was done");
    let said = String::from_utf8_lossy(&run(&format!("uplinks --dry-run --config {path}")).stdout).into_owned();
    let signs: String = said.lines().filter_map(|line| line.chars().next()).filter(|sign| *sign != '#').collect();
    assert_eq!(signs, "++--", "{said}");
    // What the other family has would be nobody's.
    for words in ["-6 uplinks --dry-run --config", "-4 uplinks --config"] {
        let (code, why) = end(&run(&format!("{words} {path}")));
        assert!(code == Some(2) && why.contains("one run keeps both families"), "{why}");
    }
    assert_eq!(defaults(), before);
    // And it does just that.
    let _daemon = start(&config("", ""));
    let metrics: Vec<u64> = of("added").into_iter().map(|(_, metric)| metric).collect();
    until("all is done", || {
        defaults().len() == 2
            && metrics.iter().all(|metric| defaults().iter().any(|one| one.contains(&format!("metric {metric}"))))
    });
}

pub(crate) fn who_asks_is_told_when_nobody_runs_and_when_it_ends() {
    make();
    let none = end(&run("uplinks --socket /run/uplinks/sock --status --watch"));
    assert_eq!(none, (Some(1), "waypost: no uplinks are kept: nobody listens at /run/uplinks/sock".to_owned()));
    let mut daemon = start(&config("", ""));
    let mut watching = command("uplinks --socket /run/uplinks/sock --status --watch");
    watching.stderr(Stdio::piped());
    let mut watching = Running::of(watching);
    assert!(watching.line().starts_with("* w2 inet"));
    signal(&daemon, "TERM");
    assert!(daemon.child.wait().expect("it ends").success());
    assert_eq!(watching.child.wait().expect("it ends").code(), Some(1));
    let mut said = String::new();
    watching.child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
    assert_eq!(said, "waypost: the one that kept the uplinks has ended\n");
    assert!(watching.line().starts_with("  w3 inet"));
    assert_eq!(watching.line(), "", "nothing of what was taken away at the end");
    assert_eq!(none, end(&run("uplinks --socket /run/uplinks/sock --promote w2")));
}

pub(crate) fn a_reload_that_cannot_be_followed_is_refused_with_file_line_and_key() {
    make();
    let log = directory().join("log");
    let path = write_config(&config("", ""));
    // That the socket is named by a word is no change of the file's.
    let mut starting = command(&format!("uplinks --socket /run/uplinks/other --config {path}"));
    starting.stderr(File::create(&log).expect("it can be made"));
    let daemon = Running::of(starting);
    until("w2 is elected", || defaults().len() == 2);
    let reload = |text: &str, says: &str| {
        write_config(text);
        let before = fs::read_to_string(&log).expect("text").len();
        signal(&daemon, "HUP");
        until(says, || fs::read_to_string(&log).expect("text")[before..].contains(says));
    };
    reload(&config("hold_down = 9", ""), &format!("{path}: line 2: hold_down: it is 9.0, and 5.0 in the one that runs"));
    reload(&config("", "priority = 3"), &format!("{path}: line 8: priority: it is there twice"));
    reload(&config("", "source = \"2001:db8::1\""), &format!("{path}: line 8: source: 2001:db8::1 is of another family"));
    reload(&config("", "source = \"10.2.0.2\""), "the configuration has been read again");
    until("it is followed", || defaults().iter().all(|route| route.contains("src 10.2.0.2")));
}

pub(crate) fn without_the_rights_that_it_takes_it_does_not_begin() {
    // A new network namespace lets no group ask for echoes without a right (`inet_init_net`, net/ipv4/af_inet.c, Linux 6.18).
    make();
    let begin = |right: &str, text: &str| {
        let path = write_config(text);
        let none = [format!("--bounding-set=-{right}"), format!("--inh-caps=-{right}"), "--ambient-caps=-all".to_owned()];
        let mut starting = Command::new("setpriv");
        starting.args(none).arg(program()).args(["uplinks", "--config", &path]).stdin(Stdio::null());
        let (code, said) = end(&starting.output().expect("it starts"));
        assert_eq!(code, Some(3), "{said}");
        assert!(!directory().join("sock").exists() && defaults().is_empty());
        said
    };
    let said = begin("net_admin", &config("", ""));
    assert!(said.contains("may not change routes") && said.contains("CAP_NET_ADMIN"), "{said}");
    // By what cannot be asked all uplinks would be thought bad.
    let said = begin("net_raw", &config("[probe]\ntargets = [\"198.51.100.1\"]", "probe = true"));
    assert!(said.contains("198.51.100.1") && said.contains("CAP_NET_RAW"), "{said}");
    // Nor where they would be asked from another place than the uplinks are in.
    let path = directory().join("uplinks.toml");
    let (code, said) = end(&run(&format!("-n beyond uplinks --config {}", path.display())));
    assert!(code == Some(2) && said.contains("probes leave by the namespace of the command"), "{said}");
}

pub(crate) fn what_is_found_is_what_others_tell_of() {
    make();
    ip("route add default via 10.2.0.1 metric 100 proto dhcp");
    ip("route add default via 10.3.0.1 metric 200 proto dhcp");
    // What an earlier run left when w3 had been promoted by hand.
    ip("route add default via 10.3.0.1 metric 98 proto 87");
    // One without a router, and one that only an earlier run tells of.
    for (name, address) in [("p8", "10.8.0.2/24"), ("p9", "10.9.0.2/24")] {
        ip(&format!("link add {name} type veth peer name {name}r"));
        ip(&format!("link set {name}r up"));
        ip(&format!("address add {address} dev {name}"));
        ip(&format!("link set {name} up"));
    }
    ip("route add default dev p8 metric 300 proto static");
    ip("route add default dev p9 metric 97 proto 87");
    ip("-6 route add default via fe80::1 dev w2 metric 1024 proto ra");
    ip("-6 route add default via fe80::1 dev p9 metric 1025 proto ra");
    ip("-6 route add default via fe80::1 dev w2 metric 99 proto 87");
    let said = String::from_utf8_lossy(&run("uplinks").stdout).into_owned();
    for line in [
        "# * w2 inet dev w2 via 10.2.0.1 priority 1000: ",
        "#   w3 inet dev w3 via 10.3.0.1 priority 999: ",
        "#   p8 inet dev p8 priority 998: ",
        "#   p9 inet dev p9 priority 997: ",
        "# default via fe80::1 dev w2 proto ra metric 1024",
    ] {
        assert!(said.lines().any(|said| said.starts_with(line)), "{line:?}: {said}");
    }
    assert!(said.contains("is a router's own: it is left alone") && !said.contains("inet6"), "{said}");
    let json: Value = serde_json::from_slice(&run("--json uplinks").stdout).expect("an object");
    assert_eq!(json["left_alone"].as_array().expect("a list").len(), 2);
}

pub(crate) fn the_status_says_why_an_uplink_is_not_as_it_is_wanted() {
    make();
    ip("link add v9 type veth peer name r9");
    ip("link set r9 up");
    ip("address add 10.9.0.2/24 dev v9");
    ip("link set v9 up");
    let vpn = "[[uplink]]\nname = \"vpn\"\ninterface = \"v9\"\nipv4 = \"point-to-point\"\nvpn_server = \"2001:db8:9::1\"\nvpn_split = true\n";
    let options = "retry = 60\nretry_max = 60\nhigh_metrics = [5, 6]";
    let mut daemon = start(&format!("{}{vpn}", config(options, "")));
    let says = |what: &str| until(what, || ask("--status").contains(what));
    says("vpn inet dev v9 priority 0: inactive (its server 2001:db8:9::1 cannot be reached)");
    let (code, why) = end(&run("uplinks --promote vpn --socket /run/uplinks/sock"));
    assert!(code == Some(1) && why.contains("\"vpn\" takes only what has routes of its own (vpn_split)"), "{why}");
    // Whose route is taken away has it again at once; the second time that takes a while.
    let high = || defaults().first().filter(|route| route.contains("dev w2")).cloned();
    for _ in 0..2 {
        until("w2 has its route", || high().is_some());
        ip(&format!("route del {}", high().expect("it is there")));
    }
    says("priority 20: inactive (its high route was taken away), health unknown, tried again in ");
    signal(&daemon, "TERM");
    assert!(daemon.child.wait().expect("it ends").success());
    for metric in [5, 6] {
        ip(&format!("route add default via 10.3.0.1 metric {metric} proto static"));
    }
    let _daemon = Running::new(&format!("uplinks --config {}", write_config(&config(options, ""))));
    until("it runs", || directory().join("sock").exists());
    says("(high route refused: no metric from 5 to 6 is free), health unknown");
}

pub(crate) fn the_status_says_which_router_a_route_has_while_another_is_wanted() {
    make();
    let options = "high_metrics = [5, 6]";
    let daemon = start(&config(options, ""));
    // The other metric of the band is a rival's by now, so that there is no place for a new route.
    let (own, taken) = if defaults()[0].contains("metric 6") { (6, 5) } else { (5, 6) };
    ip(&format!("route add default via 10.3.0.1 metric {taken} proto static"));
    write_config(&config(options, "").replace("10.2.0.1", "10.2.0.9"));
    signal(&daemon, "HUP");
    until("the status has both", || {
        let status = ask("--status");
        status.contains("w2 inet dev w2 via 10.2.0.9 ") && status.contains(&format!("default high {own} via 10.2.0.1"))
    });
}

pub(crate) fn a_reload_that_is_asked_for_before_it_has_begun_ends_nothing() {
    make();
    // It is held up where it reads its configuration.
    let path = directory().join("uplinks.toml");
    assert!(Command::new("mkfifo").arg(&path).status().expect("it starts").success());
    let mut daemon = Running::new(&format!("uplinks --config {}", path.display()));
    let mut reads = File::options().write(true).open(&path).expect("it opens it too");
    fs::remove_file(&path).expect("it is there");
    write_config(&config("", ""));
    signal(&daemon, "HUP");
    // Whoever has gone does not read.
    let _ = reads.write_all(config("", "").as_bytes());
    drop(reads);
    until("w2 is elected", || defaults().len() == 2 && leaves_by() == "w2");
    assert!(daemon.child.try_wait().expect("it is a child").is_none());
}
