//! The command `waypost` on the real kernel, for both families, with `ip` as a witness.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitCode, Output, Stdio};

use nix::mount::{MsFlags, mount};
use serde_json::Value;
use waypost_tests::ip::{ip, veth_with_addresses};
use waypost_tests::namespace::{cannot_run, run};
use waypost_tests::skip::skip;
use waypost_tests::test;

/// Where cargo puts the command: beside the directory of the test programs.
fn program() -> PathBuf {
    let test = std::env::current_exe().expect("this program has a path");
    test.parent().and_then(std::path::Path::parent).expect("a target directory").join("waypost")
}

fn command(words: &str) -> Command {
    let mut command = Command::new(program());
    command.args(words.split_whitespace()).stdin(Stdio::null());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn ran(words: &str) -> Output {
    command(words).output().expect("the command starts")
}

/// What the command prints, given these words.
#[track_caller]
fn waypost(words: &str) -> String {
    let output = ran(words);
    assert!(output.status.success(), "waypost {words}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// The exit status and the error of a command that must fail.
#[track_caller]
fn fails(words: &str) -> (i32, String) {
    let output = ran(words);
    assert!(!output.status.success(), "waypost {words} did not fail: {}", text(&output.stdout));
    (output.status.code().expect("it ends by itself"), text(&output.stderr))
}

/// The lines of `ip` and of the command, without the blank that `ip` puts at their ends.
fn lines(text: &str) -> Vec<String> {
    text.lines().map(|line| line.trim_end().to_owned()).collect()
}

fn json(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A table with every kind of route that this machine's kernel has.
fn rich_table() {
    veth_with_addresses("w0", "w1");
    ip("nexthop add id 7 via 10.0.0.2 dev w0");
    ip("nexthop add id 8 via 10.0.0.3 dev w0");
    ip("nexthop add id 9 group 7,3/8");
    for route in [
        "10.1.0.0/16 via 10.0.0.2 mtu lock 1400 rtt 300ms rttvar 100ms hoplimit 44 metric 5 proto static",
        "10.2.0.0/16 nexthop via 10.0.0.2 dev w0 weight 3 nexthop via 10.0.0.3 dev w0",
        "blackhole 10.3.0.0/16",
        "throw 10.3.0.0/16 metric 9",
        "10.4.0.0/16 via inet6 fe80::1 dev w0",
        "10.5.0.0/16 via 10.9.9.9 table 51820 proto 99 realms 3/4 onlink dev w0",
        "10.6.0.0/16 nhid 9",
        "10.7.0.0/16 nhid 7 tos 0x10",
        "10.8.0.0/16 dev w0 src 10.0.0.1 features ecn congctl cubic",
        "default via 10.0.0.2",
        "2001:db8:5::/48 from 2001:db8:1::/64 via fe80::1 dev w0 pref high",
        "2001:db8:6::/48 nexthop via fe80::1 dev w0 weight 2 nexthop via fe80::2 dev w0",
        "unreachable 2001:db8:7::/48 metric 7",
        "default via fe80::1 dev w0 table 9",
    ] {
        ip(&format!(
            "{} route add {route}",
            if route.contains("2001") || route.contains("default via fe80") { "-6" } else { "-4" }
        ));
    }
}

fn showing_prints_the_lines_of_ip() {
    rich_table();
    for words in ["", "table 51820", "root 10.0.0.0/8", "match 10.1.2.3", "10.1.0.0/16", "default"] {
        // Bits of features are printed as a number, and the table always, so that the text reads back.
        let ours = waypost(&format!("-4 show {words}")).replace(" features 0x1", " features ecn").replace(" table 51820", "");
        assert_eq!(lines(&ours), lines(&ip(&format!("-4 route show {words}"))), "{words}");
    }
    assert_eq!(waypost("show proto static").lines().count(), 1);
    let both = waypost("show default").lines().count();
    assert_eq!(both, 1, "the other default is in another table");
    assert_eq!(waypost("show table 9"), "default via fe80::1 dev w0 table 9 metric 1024 pref medium\n");
    assert_eq!(waypost("show nhid 9").lines().count(), 3, "the route and its two next hops");
}

/// What `ip` says beyond the route, or in a form of its own.
const OURS_ALONE: [&str; 5] = ["os_flags", "encap_data", "attributes", "priority", "nh_info"];

fn json_has_the_fields_and_values_of_ip() {
    rich_table();
    for family in ["-4", "-6"] {
        let ours = json(&waypost(&format!("{family} --json show table all")));
        let theirs = json(&ip(&format!("{family} -json -details route show table all")));
        assert_eq!(ours.len(), theirs.len());
        assert!(ours.len() > 10, "{}", ours.len());
        for (ours, theirs) in ours.iter().zip(&theirs) {
            for name in ["type", "dst", "table", "protocol", "scope"] {
                assert!(ours.get(name).is_some(), "{name}: {ours}");
            }
            assert_eq!(bare(ours), bare(theirs));
        }
    }
}

/// A route without what only one of the two says.
fn bare(route: &Value) -> Value {
    let mut route = route.clone();
    let fields = route.as_object_mut().expect("an object");
    OURS_ALONE.iter().for_each(|name| drop(fields.remove(*name)));
    for metrics in fields.get_mut("metrics").and_then(Value::as_array_mut).into_iter().flatten() {
        // `ip -json` does not tell what is locked.
        metrics.as_object_mut().map(|metrics| metrics.remove("locked"));
    }
    route
}

fn every_verb_does_what_ip_sees() {
    veth_with_addresses("w0", "w1");
    for (destination, first, second) in
        [("10.1.0.0/16", "via 10.0.0.2", "via 10.0.0.3"), ("2001:db8:1::/48", "via 2001:db8::2", "via 2001:db8::3")]
    {
        let family = if destination.contains(':') { "-6" } else { "-4" };
        let there = || ip(&format!("{family} -oneline route show exact {destination}")).lines().count();
        let has = |way: &str| ip(&format!("{family} route show exact {destination}")).contains(way);
        waypost(&format!("add {destination} {first} metric 5"));
        assert!(there() == 1 && has(first));
        waypost(&format!("ensure {destination} {first} metric 5"));
        waypost(&format!("replace {destination} {second} metric 5"));
        assert!(there() == 1 && has(second));
        waypost(&format!("change {destination} {first} metric 5"));
        assert!(there() == 1 && has(first));
        waypost(&format!("del {destination}"));
        assert_eq!(there(), 0);
        assert_eq!(fails(&format!("del {destination}")).0, 4);
        waypost(&format!("del {destination} --if-exists"));
        waypost(&format!("append {destination} {first} metric 5 proto 99"));
        waypost(&format!("append {destination} {second} metric 5 proto 99"));
        assert!(has(first) && has(second));
        waypost(&format!("{family} flush proto 99"));
        assert_eq!(there(), 0);
    }
    waypost("add 10.1.0.0/16 via 10.0.0.2");
    waypost("prepend 10.1.0.0/16 via 10.0.0.3");
    assert!(ip("route show exact 10.1.0.0/16").starts_with("10.1.0.0/16 via 10.0.0.3"));
}

fn rules_and_next_hops_come_and_go() {
    veth_with_addresses("w0", "w1");
    for family in ["-4", "-6"] {
        waypost(&format!("{family} rule add fwmark 0x1/0xff lookup 7"));
        let theirs = ip(&format!("{family} -details rule")).replace(" proto unspec", "");
        assert_eq!(lines(&waypost(&format!("{family} rule"))), lines(&theirs));
        assert!(ip(&format!("{family} rule")).contains("fwmark 0x1/0xff lookup 7"));
        waypost(&format!("{family} rule del fwmark 0x1/0xff"));
        assert!(!ip(&format!("{family} rule")).contains("fwmark"));
        assert_eq!(fails(&format!("{family} rule del fwmark 0x1/0xff")).0, 4);
    }
    waypost("nexthop add id 7 via 10.0.0.2 dev w0");
    waypost("nexthop add id 9 group 7,3");
    assert_eq!(lines(&waypost("nexthop")), lines(&ip("nexthop")));
    assert_eq!(json(&waypost("--json nexthop")), json(&ip("-json -details nexthop")));
    waypost("nexthop del id 9");
    assert_eq!(ip("nexthop").lines().count(), 1);
    assert!(waypost("link show w0").contains(": w0@w1: <"));
    assert!(waypost("addr show dev w0").contains("inet 10.0.0.1/24"));
    waypost("neigh");
}

fn the_kernel_and_the_mirror_tell_the_way() {
    rich_table();
    let way = waypost("get 10.1.2.3");
    assert!(way.starts_with("10.1.2.3 via 10.0.0.2 dev w0 src 10.0.0.1"), "{way}");
    let entry = waypost("get 10.1.2.3 fibmatch");
    assert!(entry.starts_with("10.1.0.0/16 via 10.0.0.2 dev w0"), "{entry}");
    let local = waypost("get --local 10.1.2.3");
    assert_eq!(local.lines().next(), entry.lines().next());
    assert_eq!(json(&waypost("--json get 10.1.2.3 mark 5"))[0]["mark"], 5);
    let told = waypost("get --explain 10.1.2.3");
    assert!(told.starts_with("rule 0: from all lookup local"), "{told}");
    assert!(
        told.lines().any(|line| line.starts_with("  10.1.0.0/16 via 10.0.0.2 dev w0") && line.ends_with(": taken")),
        "{told}"
    );
    assert!(told.lines().last().is_some_and(|line| line.starts_with("found 10.1.0.0/16 via 10.0.0.2 dev w0")), "{told}");
    assert_eq!(json(&waypost("--json get --explain 10.1.2.3"))[0]["steps"][0]["rule"]["priority"], 0);
    let painted = waypost("--color always get --explain 10.1.2.3");
    assert!(painted.contains("\x1b[32mtaken\x1b[0m"), "{painted}");
    assert_eq!(fails("get --explain 2001:db8:7::1").0, 4);
    assert_eq!(fails("get 10.3.0.1").0, 4);
    assert_eq!(fails("get --local 2001:db8:7::1").0, 4);
}

fn each_failure_has_its_status_and_its_reason() {
    veth_with_addresses("w0", "w1");
    waypost("add 10.1.0.0/16 via 10.0.0.2 metric 5");
    for (words, status, why) in [
        ("add 10.1.0.0/16 via 10.0.0.3 metric 5", 1, "add 10.1.0.0/16 via 10.0.0.3 metric 5: "),
        ("add 10.2.0.0/16 via 192.0.2.1", 1, "Nexthop has invalid gateway"),
        ("add 10.2.0.0/16 dev eth9", 1, "there is no interface \"eth9\""),
        ("add 10.2.0.1/16 via 10.0.0.2", 2, "the network is 10.2.0.0/16"),
        ("add 10.2.0.0/16 metrik 5", 2, "\"metrik\" is no word of a route"),
        ("-6 add 10.2.0.0/16 via 10.0.0.2", 2, "does not go with -6"),
        ("del 10.2.0.0/16", 4, "there is no such route"),
        ("change 10.2.0.0/16 via 10.0.0.2", 4, "change 10.2.0.0/16"),
        ("del via 10.0.0.2", 2, "a destination is missing"),
        ("flush table all", 2, "every route"),
        ("get 192.0.2.1", 4, "get 192.0.2.1: "),
        ("show --netns nowhere", 1, "open network namespace nowhere: there is none of that name ("),
        ("show --netns ..", 1, "..: this is no name"),
        ("show --netns ../nowhere", 1, "../nowhere: there is no such file ("),
        ("show --netns /proc/self/status", 1, "/proc/self/status: this is no network namespace"),
        ("show --netns /proc", 1, "/proc: this is no network namespace"),
        ("", 2, "a verb is missing"),
        ("show --jsn", 2, "a similar argument exists: '--json'"),
        ("-4 -6 show", 2, "cannot be used with"),
        ("completions tcsh", 2, "possible values: bash"),
        ("nonsense", 2, "nonsense"),
        ("batch /nowhere", 1, "/nowhere"),
    ] {
        let (code, said) = fails(words);
        assert_eq!(code, status, "{words}: {said}");
        assert!(said.contains(why), "{words}: {said}");
        assert!(said.starts_with("waypost: ") && said.lines().count() == 1, "{said}");
    }
}

fn what_is_there_already_is_said_of_what_it_is() {
    veth_with_addresses("w0", "w1");
    for (words, hint) in [
        ("rule add pref 5 lookup 7", "there is this very rule"),
        ("nexthop add id 7 via 10.0.0.2 dev w0", "nexthop replace"),
        ("add 10.1.0.0/16 via 10.0.0.2", "another metric"),
    ] {
        waypost(words);
        let (status, said) = fails(words);
        assert_eq!(status, 1);
        assert!(said.contains(hint) && said.contains("metric") == words.starts_with("add"), "{said}");
    }
}

fn another_route_that_would_go_instead_is_named_with_its_interface() {
    veth_with_addresses("w0", "w1");
    // A multipath route that begins with the same gateway is hit first: the kernel looks at nothing else.
    waypost("add 10.2.0.0/16 nexthop via 10.0.0.2 dev w0 nexthop via 10.0.0.3 dev w0");
    waypost("append 10.2.0.0/16 via 10.0.0.2 dev w0");
    let (status, said) = fails("del 10.2.0.0/16 via 10.0.0.2 dev w0");
    assert_eq!(status, 1);
    assert!(said.contains("nexthop via 10.0.0.2 dev w0") && !said.contains("dev if"), "{said}");
}

fn a_gateway_of_the_other_family_makes_default_what_it_is_for_ip() {
    veth_with_addresses("w0", "w1");
    let theirs = || (ip("-4 route show default"), ip("-6 route show default"));
    for words in ["default via inet6 fe80::2 dev w0", "default nexthop via inet6 fe80::2 dev w0 nexthop via inet6 fe80::3 dev w0"]
    {
        ip(&format!("route add {words}"));
        let wanted = theirs();
        ip("-6 route flush default");
        waypost(&format!("add {words}"));
        assert_eq!(theirs(), wanted, "{words}");
        assert!(wanted.0.is_empty() && !wanted.1.is_empty());
        waypost(&format!("del {words}"));
        waypost(&format!("-4 add {words}"));
        assert!(theirs().0.contains("via inet6 fe80::2") && theirs().1.is_empty());
        waypost(&format!("-4 del {words}"));
    }
}

fn words_are_taken_as_ip_takes_them() {
    veth_with_addresses("w0", "w1");
    for words in [
        "-4 10.1/16 via 10.0.0.2 priority 5",
        "-4 0/1 via 10.0.0.2 rto_min 5ms",
        "-4 10.1.0.0/255.255.0.0 dev w0 tos 10",
        "-4 10.1.0.0/16 dev w0 dsfield 0x10 preference 7 mtu lock 1400 features ecn quickack 1 initcwnd 20 congctl cubic",
        "-4 10.1.0.0/16 nexthop via 10.0.0.2 weight 256 realms 3/4 nexthop dev w0",
        "-6 2001:db8:9::/48 from default via fe80::2 dev w0 pref 3 expires 100",
        "-6 unreachable 2001:db8:9::/48 metric 4294967295",
    ] {
        let (family, route) = words.split_at(2);
        ip(&format!("{family} route add {route}"));
        // A second may pass between the two.
        let there = || ip(&format!("{family} -details route show table all proto boot")).replace(" 99sec ", " 100sec ");
        let wanted = there();
        assert_ne!(wanted, "", "{words}");
        ip(&format!("{family} route flush table all proto boot"));
        waypost(&format!("{family} add {route}"));
        assert_eq!(there(), wanted, "{words}");
        ip(&format!("{family} route flush table all proto boot"));
    }
}

/// Covers the files that name numbers with others, for the running test alone.
fn named_numbers(files: &[(&str, &str)]) {
    let place = Path::new("/etc/iproute2");
    if !place.is_dir() {
        cannot_run("there is no /etc/iproute2 to be covered");
    }
    mount(Some("none"), place, Some("tmpfs"), MsFlags::empty(), None::<&Path>).expect("it can be covered");
    for (name, text) in files {
        let file = place.join(name);
        fs::create_dir_all(file.parent().expect("it stands in the place")).expect("a directory");
        fs::write(file, text).expect("a file");
    }
}

fn numbers_have_the_names_that_ip_gives_them() {
    named_numbers(&[
        ("rt_tables", "255 local\n254 main\n253 default\n51820 vpn # of ours\n"),
        ("rt_tables.d/more.conf", "0x65 more\n"),
        ("rt_tables.d/more.txt", "102 unread\n"),
        ("rt_protos", "77 mesh\n"),
        ("rt_scopes", "100 village\n"),
        ("rt_realms", "3 friends\n"),
        ("rt_dsfield", "0x10 lowdelay\n"),
        ("group", "5 uplinks\n"),
    ]);
    veth_with_addresses("w0", "w1");
    ip("link set w0 group uplinks");
    waypost("add 10.1.0.0/16 via 10.0.0.2 table vpn proto mesh realms friends/4");
    waypost("add 10.2.0.0/16 dev w0 scope village tos lowdelay table more");
    waypost("rule add pref 5 tos lowdelay lookup vpn suppress_ifgroup uplinks realms friends/4 proto mesh");
    waypost("rule add pref 6 lookup 102 realms friends");
    for (ours, theirs) in [
        ("show table vpn", "route show table vpn"),
        // `ip` leaves out what it was asked for.
        ("show table more tos lowdelay", "route show table more"),
        ("show table more scope village", "route show table more"),
        ("-4 rule", "rule show"),
    ] {
        // Ours always prints the table, and a rule's protocol.
        let ours = waypost(ours).replace(" table vpn", "").replace(" table more", "").replace(" proto kernel", "");
        let theirs = ip(theirs);
        let without = |text: &str| lines(&text.replace(" proto mesh", ""));
        assert_eq!(without(&ours), without(&theirs));
    }
    for words in ["route show table all", "rule show"] {
        let ours = json(&waypost(&format!("-4 --json {}", words.trim_start_matches("route "))));
        let theirs = json(&ip(&format!("-4 -json -details {words}")));
        assert_eq!(ours.len(), theirs.len());
        for (ours, theirs) in ours.iter().zip(&theirs) {
            let ours = if words == "rule show" { ours.clone() } else { bare(ours) };
            for (name, value) in theirs.as_object().expect("an object") {
                assert_eq!(&ours[name], value, "{name}: {ours} {theirs}");
            }
        }
    }
    assert!(waypost("link show w0").contains(" group uplinks "));
    let watched = json(&waypost("--json link show w0"));
    assert_eq!(watched[0]["group"], "uplinks");
    let told = waypost("get --explain 10.0.0.2 tos 10");
    assert!(told.contains(" lookup vpn ") && told.contains(" tos lowdelay "), "{told}");
    let (status, said) = fails("show table unread");
    assert_eq!(status, 2);
    assert!(said.contains("\"unread\" is no routing table"), "{said}");
    waypost("del 10.1.0.0/16 table vpn");
    waypost("-4 flush table more");
    assert_eq!(ip("route show table 101"), "");
}

fn links_and_addresses_have_the_flags_of_ip() {
    veth_with_addresses("w0", "w1");
    ip("link set w0 promisc on allmulticast on");
    ip("address add 10.0.9.1/24 dev w0 noprefixroute");
    ip("address add 10.0.9.2/24 dev w0 valid_lft 100 preferred_lft 50");
    ip("address add 2001:db8:1::1/64 dev w0 nodad home mngtmpaddr noprefixroute");
    let of_link = |text: &str| json(text)[0]["flags"].clone();
    assert_eq!(of_link(&waypost("-j link show w0")), of_link(&ip("-j link show w0")));
    assert!(waypost("link show w0").contains("<BROADCAST,MULTICAST,ALLMULTI,PROMISC,UP,LOWER_UP>"));
    let ours = json(&waypost("-j addr show w0"))[0]["addr_info"].clone();
    let theirs = json(&ip("-j -d addr show w0"))[0]["addr_info"].clone();
    assert!(theirs.as_array().is_some_and(|all| all.len() == 6), "{theirs}");
    for (ours, theirs) in ours.as_array().expect("a list").iter().zip(theirs.as_array().expect("a list")) {
        let mut ours = ours.clone();
        // iproute2 6.1 does not tell who made an address.
        let maker = ours.as_object_mut().and_then(|ours| ours.remove("protocol"));
        let is_of_kernel = ours["scope"] == "link";
        assert_eq!(maker, is_of_kernel.then(|| "kernel_ll".into()));
        assert_eq!(ours.as_object().map(|all| all.len()), theirs.as_object().map(|all| all.len()), "{ours} {theirs}");
        for (name, value) in theirs.as_object().expect("an object") {
            // Seconds may have passed between the two.
            assert!(&ours[name] == value || name.ends_with("_life_time"), "{name}: {ours} {theirs}");
        }
    }
    let text = waypost("-6 addr show w0");
    assert!(text.contains("2001:db8:1::1/64 scope global nodad home mngtmpaddr noprefixroute valid_lft"), "{text}");
}

fn one_way_of_several_is_not_taken_for_the_route() {
    veth_with_addresses("w0", "w1");
    waypost("add 10.2.0.0/16 nexthop via 10.0.0.2 dev w0 nexthop via 10.0.0.3 dev w0");
    let (status, said) = fails("del 10.2.0.0/16 via 10.0.0.2");
    assert_eq!(status, 1);
    assert!(said.contains("one of several next hops"), "{said}");
    assert_eq!(ip("route show exact 10.2.0.0/16").lines().count(), 3);
    waypost("del 10.2.0.0/16 nexthop via 10.0.0.2 dev w0 nexthop via 10.0.0.3 dev w0");
    assert_eq!(ip("route show exact 10.2.0.0/16"), "");
}

/// Runs a batch that stands on standard input.
fn batch(words: &str, lines: &str) -> Output {
    let mut child = command(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a child");
    child.stdin.take().expect("a pipe").write_all(lines.as_bytes()).expect("it reads");
    child.wait_with_output().expect("it ends")
}

fn a_batch_is_carried_out_in_order() {
    veth_with_addresses("w0", "w1");
    let lines = "# a comment\nroute add 10.1.0.0/16 via 10.0.0.2 \\\n  metric 5\n\n\
        route append 10.1.0.0/16 via \"10.0.0.3\" metric 5\nrule add from 10.0.0.0/8 lookup 7\n\
        route del 10.1.0.0/16 via 10.0.0.2\nroute add 10.2.0.0/16 dev w0\nroute del 10.2.0.0/16\n\
        rule del from 10.0.0.0/8\nroute add 2001:db8:1::/48 via 2001:db8::2\nroute del 2001:db8:1::/48";
    let output = batch("batch", lines);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("9 changes in "), "{}", text(&output.stderr));
    assert_eq!(ip("route show root 10.1.0.0/16").trim(), "10.1.0.0/16 via 10.0.0.3 dev w0 metric 5");
    assert_eq!(ip("route show exact 10.2.0.0/16"), "");
    assert!(!ip("rule").contains("10.0.0.0"));
    assert_eq!(text(&batch("--quiet batch -", "route add 10.3.0.0/16 dev w0").stderr), "");
}

fn a_batch_that_fails_names_the_line() {
    veth_with_addresses("w0", "w1");
    let lines = "route add 10.1.0.0/16 via 10.0.0.2\nroute add 10.2.0.0/16 via 192.0.2.1\nfoo\nroute add 10.3.0.0/16 dev w0\n";
    let output = batch("batch --keep-going", lines);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("standard input:2: route add 10.2.0.0/16 via 192.0.2.1: Nexthop has invalid gateway"), "{said}");
    assert!(said.contains("standard input:3: \"foo\" is none of"), "{said}");
    assert_ne!(ip("route show exact 10.3.0.0/16"), "");
    let output = batch("batch", "foo\nroute add 10.4.0.0/16 dev w0\n");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(ip("route show exact 10.4.0.0/16"), "", "nothing behind a wrong line is done");
    assert_eq!(batch("batch", "route del 10.77.0.0/16").status.code(), Some(4));
}

fn what_is_behind_the_line_that_failed_is_told_exactly() {
    veth_with_addresses("w0", "w1");
    for at in [1, 2, 5, 40, 100, 300] {
        let line = |number: usize| match number {
            _ if number == at => "route add 10.9.0.0/16 via 192.0.2.1\n".to_owned(),
            // One more that fails, if it is tried at all.
            _ if number == at + 3 => "route del 10.77.0.0/16 metric 7\n".to_owned(),
            _ => format!("route add 10.1.{}.{}/32 dev w0 proto 99\n", number / 256, number % 256),
        };
        let output = batch("batch", &(1..=600).map(line).collect::<String>());
        assert_eq!(output.status.code(), Some(1));
        let said = text(&output.stderr);
        let report = said.split(&format!("stopped at line {at}: ")).nth(1).unwrap_or_else(|| panic!("{said}")).trim_end();
        let there = ip("route show proto 99").lines().count();
        if report == "nothing behind it was done" {
            assert_eq!(there, at - 1, "{said}");
        } else {
            let last: usize =
                report.rsplit("behind line ").next().and_then(|end| end.split(' ').next()).unwrap().parse().unwrap();
            assert!(last < at + 64, "{said}");
            assert_eq!(there, last - 1 - usize::from(last >= at + 3), "{said}");
        }
        assert!(at > 1 || report == "nothing behind it was done", "the first is alone: {said}");
        ip("route flush proto 99");
    }
}

/// A monitor and what it has said so far, replayed.
struct Monitor {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
    routes: BTreeMap<String, usize>,
    sequence: u64,
}

impl Monitor {
    fn start(words: &str) -> Self {
        let mut child = command(words).stdout(Stdio::piped()).spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Self { child, lines, routes: BTreeMap::new(), sequence: 0 }
    }

    /// Reads and replays to an object for which `is_last` holds, and returns it.
    fn read_to(&mut self, is_last: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = self.lines.next().expect("it goes on").expect("text");
            let object: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
            self.sequence += 1;
            assert_eq!(object["seq"], self.sequence, "{line}");
            assert_eq!(object["time"].as_str().map(str::len), Some("2026-01-01T00:00:00.000000Z".len()), "{line}");
            self.replay(&object);
            if is_last(&object) {
                return object;
            }
        }
    }

    fn replay(&mut self, object: &Value) {
        if object["event"] != "route" {
            return;
        }
        let (comes, goes) = match object["change"].as_str() {
            Some("added") => (Some("route"), None),
            Some("replaced") => (Some("route"), Some("old")),
            Some("removed") => (None, Some("route")),
            other => panic!("{other:?}"),
        };
        if let Some(name) = goes {
            let route = object[name].to_string();
            let count = self.routes.get_mut(&route).unwrap_or_else(|| panic!("{route} was not there"));
            *count -= 1;
            if *count == 0 {
                self.routes.remove(&route);
            }
        }
        if let Some(name) = comes {
            *self.routes.entry(object[name].to_string()).or_default() += 1;
        }
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        // It may have ended by itself where the test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn whoever_replays_the_monitor_has_the_table() {
    rich_table();
    let mut monitor = Monitor::start("monitor --initial --json -4");
    let end = monitor.read_to(|object| object["event"] == "snapshot-end");
    assert_eq!(end["routes"], monitor.routes.values().sum::<usize>());
    for change in [
        "append 10.1.0.0/16 via 10.0.0.3 metric 5",
        "replace 10.1.0.0/16 via 10.0.0.4 metric 5",
        "del 10.2.0.0/16",
        "replace 10.3.0.0/16 via 10.0.0.2",
        "add 10.20.0.0/16 via 10.0.0.2",
    ] {
        ip(&format!("route {change}"));
    }
    // Routes that vanish without a word are told too, by the name that their interface had.
    ip("link add v0 type veth peer name v1");
    ip("link set v0 up");
    ip("route add 10.30.0.0/16 dev v0");
    ip("link del v0");
    let gone = |object: &Value| object["change"] == "removed" && object["route"]["dst"] == "10.30.0.0/16";
    assert_eq!(monitor.read_to(gone)["route"]["dev"], "v0");
    ip("route add 10.99.0.0/16 via 10.0.0.2");
    monitor.read_to(|object| object["route"]["dst"] == "10.99.0.0/16");
    let listed = json(&waypost("-4 --json show table all"));
    let mut there = BTreeMap::new();
    listed.iter().for_each(|route| *there.entry(route.to_string()).or_default() += 1);
    assert_eq!(monitor.routes, there);
}

fn a_monitor_tells_what_it_is_asked_for() {
    veth_with_addresses("w0", "w1");
    let mut monitor = Monitor::start("--json monitor rules");
    monitor.read_to(|object| object["event"] == "synchronised");
    ip("route add 10.1.0.0/16 dev w0");
    ip("rule add from 10.0.0.0/8 lookup 7");
    let told = monitor.read_to(|object| object["event"] != "synchronised");
    assert_eq!((&told["event"], &told["change"]), (&Value::from("rule"), &Value::from("added")));
    assert_eq!(told["rule"]["table"], "7");
}

fn a_reader_that_goes_away_is_no_error() {
    rich_table();
    let (reader, writer) = UnixStream::pair().expect("a pair of sockets");
    drop(reader);
    let output = command("show table all").stdout(OwnedFd::from(writer)).stderr(Stdio::piped()).output().expect("it starts");
    assert_eq!(text(&output.stderr), "");
    assert!(output.status.success());
}

fn another_namespace_is_looked_into() {
    veth_with_addresses("w0", "w1");
    ip("netns add blue");
    ip("-n blue link set lo up");
    ip("-n blue route add blackhole 10.77.0.0/16");
    assert_eq!(waypost("--netns blue -4 show"), "blackhole 10.77.0.0/16\n");
    assert_eq!(waypost("-4 show --netns /run/netns/blue"), "blackhole 10.77.0.0/16\n");
    waypost("add 10.78.0.0/16 dev lo --netns blue");
    assert_eq!(ip("route show exact 10.78.0.0/16"), "");
}

fn without_privilege_everything_that_reads_works() {
    rich_table();
    let plainly = |words: &str| {
        let mut plain = Command::new("setpriv");
        plain.args(["--inh-caps=-all", "--bounding-set=-all"]).arg(program()).args(words.split_whitespace());
        plain.output().expect("setpriv starts")
    };
    for words in
        ["show table all", "get 10.1.2.3", "get --local 10.1.2.3", "rule", "link", "addr", "neigh", "nexthop", "capabilities"]
    {
        let output = plainly(words);
        assert!(output.status.success(), "{words}: {}", text(&output.stderr));
        assert!(words == "neigh" || !output.stdout.is_empty(), "{words}");
    }
    let refused = plainly("add 10.50.0.0/16 dev w0");
    assert_eq!(refused.status.code(), Some(3), "{}", text(&refused.stderr));
    assert!(text(&refused.stderr).contains("CAP_NET_ADMIN"), "{}", text(&refused.stderr));
}

fn main() -> ExitCode {
    // The program is another package's: cargo builds it for that package's own tests only.
    let built = Command::new(env!("CARGO")).args(["build", "--quiet", "--package", "waypost-cli", "--bin", "waypost"]).status();
    if !built.is_ok_and(|status| status.success()) {
        // So it is for a user who may not write where cargo builds.
        return match skip("command", "the command cannot be built by this user") {
            Ok(()) => ExitCode::SUCCESS,
            Err(required) => {
                eprintln!("{required}");
                ExitCode::FAILURE
            }
        };
    }
    run(&[
        test!(showing_prints_the_lines_of_ip),
        test!(json_has_the_fields_and_values_of_ip),
        test!(every_verb_does_what_ip_sees),
        test!(rules_and_next_hops_come_and_go),
        test!(the_kernel_and_the_mirror_tell_the_way),
        test!(each_failure_has_its_status_and_its_reason),
        test!(what_is_there_already_is_said_of_what_it_is),
        test!(another_route_that_would_go_instead_is_named_with_its_interface),
        test!(a_gateway_of_the_other_family_makes_default_what_it_is_for_ip),
        test!(words_are_taken_as_ip_takes_them),
        test!(numbers_have_the_names_that_ip_gives_them),
        test!(links_and_addresses_have_the_flags_of_ip),
        test!(one_way_of_several_is_not_taken_for_the_route),
        test!(a_batch_is_carried_out_in_order),
        test!(a_batch_that_fails_names_the_line),
        test!(what_is_behind_the_line_that_failed_is_told_exactly),
        test!(whoever_replays_the_monitor_has_the_table),
        test!(a_monitor_tells_what_it_is_asked_for),
        test!(a_reader_that_goes_away_is_no_error),
        test!(another_namespace_is_looked_into),
        test!(without_privilege_everything_that_reads_works),
    ])
}
