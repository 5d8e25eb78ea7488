//! What `show`, `get`, `rule`, `link` and `addr` print, held against `ip`.

use super::*;

pub(super) fn showing_prints_the_lines_of_ip() {
    rich_table();
    for words in ["", "table 51820", "root 10.0.0.0/8", "match 10.1.2.3", "10.1.0.0/16", "default"] {
        // The table is printed always, so that the text reads back.
        let ours = waypost(&format!("-4 show {words}")).replace(" table 51820", "");
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

pub(super) fn json_has_the_fields_and_values_of_ip() {
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

pub(super) fn the_kernel_and_the_mirror_tell_the_way() {
    rich_table();
    let way = waypost("get 10.1.2.3");
    assert!(way.starts_with("10.1.2.3 via 10.0.0.2 dev w0 src 10.0.0.1"), "{way}");
    let entry = waypost("get 10.1.2.3 from 10.0.0.1 fibmatch");
    assert!(!entry.contains("from"), "an entry is for whatever comes: {entry}");
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

/// Covers the files that name numbers with others, for the running test alone.
fn named_numbers(files: &[(&str, &str)]) {
    let place = Path::new("/etc/iproute2");
    if !place.is_dir() {
        cannot_run("there is no /etc/iproute2 to be covered");
    }
    waypost_tests::cover(place);
    for (name, text) in files {
        let file = place.join(name);
        fs::create_dir_all(file.parent().expect("it stands in the place")).expect("a directory");
        fs::write(file, text).expect("a file");
    }
}

pub(super) fn numbers_have_the_names_that_ip_gives_them() {
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

pub(super) fn links_and_addresses_have_the_flags_of_ip() {
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

pub(super) fn a_path_is_told_as_ip_tells_it() {
    rich_table();
    for words in [
        "10.1.2.3",
        "10.1.2.3 from 10.0.0.1",
        "10.0.0.1 from 10.0.0.9 iif w0",
        "10.0.0.255",
        "224.0.0.5",
        "127.0.0.1",
        "2001:db8:6::1 from 2001:db8::1",
        "2001:db8:5::1 from 2001:db8:1::1",
    ] {
        let ours = waypost(&format!("get {words}"));
        // `ip` says how the path is kept on a line of its own, IPv4's metrics among that.
        let theirs = ip(&format!("route get {words}")).replace("\n    cache", " ");
        // The bit of `RTCF_MULTICAST` means this of a route, which a path is not.
        let theirs = theirs.replace(" rt_offload_failed", "");
        let wanted: Vec<&str> = theirs.split_whitespace().filter(|word| !word.starts_with('<')).collect();
        let mut said: Vec<&str> = ours.split_whitespace().collect();
        let mut sorted = wanted.clone();
        said.sort_unstable();
        sorted.sort_unstable();
        assert_eq!(said, sorted, "{words}: {ours} {theirs}");
        let (ours, theirs) = (json(&waypost(&format!("-j get {words}"))), json(&ip(&format!("-j -d route get {words}"))));
        for name in ["type", "dst", "from", "gateway", "dev", "prefsrc", "iif", "uid", "pref"] {
            assert_eq!(ours[0][name], theirs[0][name], "{words}: {name}");
        }
    }
}

pub(super) fn rules_have_the_fields_and_values_of_ip() {
    for family in ["-4", "-6"] {
        for rule in [
            "pref 5 fwmark 0x1/0xff lookup 7",
            "pref 6 not iif gone oif away ipproto tcp sport 1-9 dport 443 uidrange 0-0 goto 32766",
            "pref 7 tos 0x10 blackhole",
            "pref 8 l3mdev",
            "pref 9 suppress_prefixlength 0 suppress_ifgroup 5 lookup main",
            "pref 10 nop",
            "pref 11 goto 40000",
            "pref 12 tun_id 7 lookup 9 proto static",
        ] {
            ip(&format!("{family} rule add {rule}"));
        }
        let (ours, theirs) = (json(&waypost(&format!("{family} -j rule"))), json(&ip(&format!("{family} -j -d rule"))));
        assert!(theirs.len() > 9 && theirs.iter().any(|rule| rule.get("unresolved").is_some()), "{theirs:?}");
        let without_family = |mut rule: Value| {
            rule.as_object_mut().expect("an object").remove("family").expect("ours tell it");
            rule
        };
        assert_eq!(ours.into_iter().map(without_family).collect::<Vec<_>>(), theirs);
        let theirs = ip(&format!("{family} -d rule")).replace(" proto unspec", "");
        assert_eq!(lines(&waypost(&format!("{family} rule"))), lines(&theirs));
        assert_eq!(waypost(&format!("{family} rule show lookup 9")).lines().count(), 1);
    }
    assert_eq!(waypost("rule show pref 5").lines().count(), 2);
}
