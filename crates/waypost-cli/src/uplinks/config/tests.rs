//! What each key does, and what is refused.

use std::collections::BTreeSet;

use waypost::OnRival;

use super::*;

const UPLINK: &str = "[[uplink]]\nname = \"a\"\ninterface = \"eth0\"\nipv4 = \"192.0.2.1\"\n";

fn eth0() -> IfIndex {
    IfIndex::new(2).unwrap()
}

fn options(text: &str) -> UplinkOptions {
    Plan::parse(&format!("{text}\n{UPLINK}")).unwrap().options
}

fn uplink(more: &str) -> Uplink {
    let plan = Plan::parse(&format!("[probe]\ntargets = [\"192.0.2.9:443\"]\n{UPLINK}{more}\n")).unwrap();
    plan.planned[0].uplink(eth0())
}

#[test]
fn what_has_been_read_again_is_followed_where_the_one_that_runs_can() {
    let plan = |timeout: &str, targets: &str| {
        Plan::parse(&format!("[probe]\ntimeout = {timeout}\ntargets = [{targets}]\n{UPLINK}")).unwrap()
    };
    let (one, two) = ("\"192.0.2.9\"", "\"192.0.2.9\", \"192.0.2.8\"");
    let followed = plan("1.5", one).followed_by(plan("1.5", two)).unwrap();
    assert_eq!(followed.targets.len(), 2);
    assert_eq!(followed.options, plan("1.5", one).options);
    assert!(plan("20", one).followed_by(plan("20", two)).is_err(), "an answer may come after nobody waits for it");
    assert!(plan("20", two).followed_by(plan("20", one)).is_ok());
}

#[test]
fn a_key_that_holds_for_a_whole_run_is_named_with_its_line() {
    let refused = |old: &str, new: &str| {
        let plan = |text: &str| Plan::parse(text).unwrap();
        plan(old).followed_by(plan(new)).expect_err("it holds for a whole run")
    };
    let keys = [
        ("hold_down = 7", "hold_down: it is 7.0, and 5.0 in the one that runs"),
        ("hold_down_max = 70", "hold_down_max: it is 70.0, and 300.0 in"),
        ("retry = 0.5", "retry: it is 0.5, and 0.1 in"),
        ("retry_max = 9", "retry_max: it is 9.0, and 30.0 in"),
        ("on_rival = \"yield\"", "on_rival: it is \"yield\", and \"reassert\" in"),
        ("high_metrics = [2, 9]", "high_metrics: it is [2, 9], and [1, 99] in"),
        ("metric_zero = true", "metric_zero: it is true, and false in"),
        ("socket = \"/run/other\"", "socket: it is \"/run/other\", and \"/run/waypost/uplinks.sock\" in"),
        ("socket_mode = \"0666\"", "socket_mode: it is \"0666\", and \"0600\" in"),
        ("probe.interval = 20", "probe.interval: it is 20.0, and 10.0 in"),
        ("probe.retry = 2", "probe.retry: it is 2.0, and 1.0 in"),
        ("probe.fail_after = 4", "probe.fail_after: it is 4, and 3 in"),
        ("probe.pass_after = 5", "probe.pass_after: it is 5, and 2 in"),
        ("probe.backoff_max = 90", "probe.backoff_max: it is 90.0, and 60.0 in"),
        ("probe.jitter = 30", "probe.jitter: it is 30, and 10 in"),
    ];
    for (text, why) in keys {
        let why = format!("line 2: {why}");
        let error = refused(UPLINK, &format!("# retry, probe.retry and all\n{text}\n{UPLINK}"));
        assert!(error.starts_with(&why) && error.ends_with("only uplinks and targets can change while it runs"), "{error}");
        assert!(Plan::parse(&format!("{text}\n{UPLINK}")).unwrap().followed_by(Plan::parse(text).unwrap()).is_ok());
    }
    let gone = refused("\nretry = 0.5\nretry_max = 9", "");
    assert!(gone.starts_with("line 2 has gone: retry: it was 0.5, and would be 0.1; line 3 has gone: retry_max: "), "{gone}");
    // What says the same in other words is no change, nor is a key that the command's words stand over.
    let same = "hold_down = 5.0\nsocket_mode = \"600\"\nprobe.fail_after = 3";
    assert!(Plan::parse(same).unwrap().followed_by(Plan::parse("").unwrap()).is_ok());
    let over = |text: &str| {
        let mut plan = Plan::parse(text).unwrap();
        plan.listen_at("/run/over".into());
        plan
    };
    assert!(over("").followed_by(over("socket = \"/run/other\"")).is_ok());
    let targets = refused("", "[probe]\ntimeout = 40\ntargets = [\"192.0.2.1\"]");
    assert_eq!(targets, "line 3: probe.targets: all of them may take 40 s, and the one that runs waits 30 s");
}

#[test]
fn every_key_of_the_whole_does_what_it_says() {
    let seconds = Duration::from_secs;
    assert_eq!(options("hold_down = 7").hold_down, seconds(7));
    assert_eq!(options("hold_down_max = 70").hold_down_max, seconds(70));
    assert_eq!(options("retry = 0.5").retry, Duration::from_millis(500));
    assert_eq!(options("retry_max = 9").retry_max, seconds(9));
    assert_eq!(options("on_rival = \"yield\"").on_rival, OnRival::Yield);
    assert_eq!(options("on_rival = \"reassert\"").on_rival, OnRival::Reassert);
    assert_eq!(*options("high_metrics = [200, 300]").bands.high(), 200..=300);
    assert!(options("metric_zero = true").metric_zero);
    let plan = Plan::parse("socket = \"/tmp/x\"\nsocket_mode = \"0660\"").unwrap();
    assert_eq!((plan.socket, plan.socket_mode), (PathBuf::from("/tmp/x"), 0o660));
    let plan = Plan::parse("").unwrap();
    assert_eq!((plan.socket, plan.socket_mode, plan.options), (PathBuf::from(SOCKET), 0o600, UplinkOptions::default()));
}

#[test]
fn every_key_of_probes_does_what_it_says() {
    let text = "[probe]\ntargets = [\"192.0.2.9:443\", \"2001:db8::9\", \"http://192.0.2.9/204\"]\ntimeout = 1.5\ninterval = 20\nretry = 2\nfail_after = 4\n\
                pass_after = 5\nbackoff_max = 90\njitter = 30";
    let plan = Plan::parse(text).unwrap();
    let (connect, echo) = ("192.0.2.9:443".parse().unwrap(), "2001:db8::9".parse().unwrap());
    let page = "http://192.0.2.9/204".to_owned();
    assert_eq!(plan.targets, [ProbeTarget::Connect(connect), ProbeTarget::Echo(echo), ProbeTarget::Page(page)]);
    assert_eq!(plan.timeout, Duration::from_millis(1500));
    let probes = plan.options.probes;
    assert_eq!((probes.interval.as_secs(), probes.retry.as_secs(), probes.backoff_max.as_secs()), (20, 2, 90));
    assert_eq!((probes.fail_after, probes.pass_after, probes.jitter), (4, 5, 30));
    assert_eq!(probes.patience.as_secs(), 60);
    let slow = Plan::parse("[probe]\ntargets = [\"192.0.2.9\", \"192.0.2.8\"]\ntimeout = 20").unwrap();
    assert_eq!(slow.options.probes.patience.as_secs(), 80, "twice what all of them may take");
    let both = "[probe]\ntargets = [\"192.0.2.9\"]\n[[uplink]]\nname = \"b\"\ninterface = \"eth0\"\nipv4 = \"auto\"\nipv6 = \"auto\"\nprobe = true";
    let probed: Vec<bool> = Plan::parse(both).unwrap().planned.iter().map(|one| one.uplink(eth0()).probed).collect();
    assert_eq!(probed, [true, false], "there is nobody to be asked over IPv6");
}

#[test]
fn every_key_of_an_uplink_does_what_it_says() {
    let own = uplink("");
    assert_eq!((own.name.as_str(), own.family, own.exit), ("a", Family::V4, Exit::Gateway("192.0.2.1".parse().unwrap())));
    assert_eq!(uplink("priority = 9").priority, 9);
    assert_eq!(uplink("resolvers = [\"192.0.2.53\"]").resolvers.len(), 1);
    assert_eq!(uplink("source = \"192.0.2.2\"").source, Some("192.0.2.2".parse().unwrap()));
    assert!(uplink("probe = true").probed);
    let vpn = uplink("vpn_server = \"198.51.100.1\"\nvpn_split = true").vpn.unwrap();
    assert!(vpn.split && vpn.server == "198.51.100.1".parse::<IpAddr>().unwrap());
    let both = "[[uplink]]\nname = \"b\"\ninterface = \"eth0\"\nipv4 = \"point-to-point\"\nipv6 = \"auto\"";
    let exits: Vec<_> = Plan::parse(both).unwrap().planned.iter().map(|planned| (planned.family, planned.exit)).collect();
    assert_eq!(exits, [(Family::V4, Exit::PointToPoint), (Family::V6, Exit::Learned)]);
}

/// An uplink, whose lines are the first four, with more behind.
fn with(more: &str) -> String {
    format!("{UPLINK}{more}\n")
}

#[track_caller]
fn refused(text: &str, line: usize, key: &str, why: &str) {
    let error = Plan::parse(text).unwrap_err();
    assert!(error.starts_with(&format!("line {line}: {key}: ")) && error.contains(why), "{text:?}: {error}");
}

#[test]
fn what_is_wrong_is_told_with_its_line_its_key_and_the_reason() {
    refused("hold_down = 1\nhold_dwon = 2", 2, "hold_dwon", "hold_down may be meant");
    refused("[probe]\nretry_max = 2", 2, "retry_max", "there are targets, timeout, interval, retry,");
    refused("\nretry = -1", 2, "retry", "no time in seconds");
    refused("retry_max = nan", 1, "retry_max", "no time in seconds");
    refused("hold_down = \"soon\"", 1, "hold_down", "invalid type");
    refused("high_metrics = [0, 5]", 1, "high_metrics", "[0, 5]: it goes from 1 or more");
    refused("\nhigh_metrics = [5, 5]", 2, "high_metrics", "[5, 5]: a switch takes two metrics, and this is one");
    refused("high_metrics = [1, 2, 3]", 1, "high_metrics", "[1, 2, 3]: it is two metrics");
    refused("high_metrics = []", 1, "high_metrics", "it is two metrics");
    refused("high_metrics = [1023, 1]", 1, "high_metrics", "the first, 1023, is greater than the last, 1");
    refused("[uplink]\nname = \"a\"", 1, "uplink", "[[uplink]]");
    refused("on_rival = \"fight\"", 1, "on_rival", "unknown variant `fight`");
    refused("socket = \"\"", 1, "socket", "a path");
    refused("socket_mode = \"rw\"", 1, "socket_mode", "octal");
    refused("retry = 0", 1, "retry", "0.01 seconds or more");
    refused("retry_max = 0", 1, "retry_max", "0.01 seconds or more");
    refused("hold_down = 7\nhold_down_max = 6", 2, "hold_down_max", "less than hold_down, 7");
    refused("hold_down = 400", 1, "hold_down", "more than hold_down_max, 300");
    refused("retry_max = 0.05", 1, "retry_max", "less than retry, 0.1");
    assert!(Plan::parse("a =").unwrap_err().starts_with("line 1: "));
}

#[test]
fn what_is_wrong_with_probes_is_told_too() {
    for key in ["interval", "backoff_max", "timeout"] {
        // The same word stands before.
        refused(&format!("# {key}\n[probe]\n{key} = 0"), 3, &format!("probe.{key}"), "0.01 seconds or more");
    }
    refused("retry = 1\n[probe]\nretry = 0.001", 3, "probe.retry", "0.01 seconds or more");
    refused("[probe]\nbackoff_max = 0.5", 2, "probe.backoff_max", "less than probe.retry, 1");
    refused("[probe]\nretry = 61", 2, "probe.retry", "more than probe.backoff_max, 60");
    refused("[probe]\nfail_after = 0", 2, "probe.fail_after", "1 or more");
    refused("[probe]\npass_after = 0", 2, "probe.pass_after", "1 or more");
    refused("[probe]\njitter = 300", 2, "jitter", "300");
    refused("[probe]\ntargets = [\n\"192.0.2.1\",\n\"nobody\"]", 4, "probe.targets", "an address with a port");
    for own in ["0.0.0.0", "::", "0.0.0.0:80", "[::]:80", "http://0.0.0.0/204", "127.0.0.1", "http://[::1]/"] {
        refused(&format!("[probe]\ntargets = [\"192.0.2.1\",\n\"{own}\"]"), 3, "probe.targets", "no address of another host");
    }
    refused(&with("probe = true"), 5, "probe", "names no targets");
}

#[test]
fn what_is_wrong_with_an_uplink_is_told_with_its_own_line() {
    refused("[[uplink]]\nname = \"a\"", 1, "interface", "it must be there");
    refused("[[uplink]]\nname = \"a\"\ninterface = \"eth0\"", 2, "name", "neither ipv4 nor ipv6");
    for (key, address) in [("ipv4", "2001:db8::1"), ("ipv4", "0.0.0.0"), ("ipv6", "ff02::2"), ("ipv6", "::1"), ("ipv4", "router")]
    {
        let text = format!("[[uplink]]\nname = \"a\"\ninterface = \"eth0\"\n{key} = \"{address}\"");
        refused(&text, 4, key, "a router's address");
    }
    refused(&with("priority = 1\npriority = 2"), 6, "priority", "it is there twice");
    refused(&with("priority = -1"), 5, "priority", "-1");
    refused(&with("resolver = []"), 5, "resolver", "resolvers may be meant");
    refused(&with("source = \"nobody\""), 5, "source", "IP address");
    refused(&with("vpn_split = true"), 5, "vpn_split", "no vpn_server");
    refused(&with("source = \"2001:db8::2\""), 5, "source", "has ipv4 alone");
    refused(&with("resolvers = [\"192.0.2.53\",\n\"2001:db8::53\"]"), 6, "resolvers", "2001:db8::53 is of another family");
    refused(&with("source = \"0.0.0.0\""), 5, "source", "no address of a host");
    refused(&with("resolvers = [\"127.0.0.53\"]"), 5, "resolvers", "no address of a host");
    refused(&with("vpn_server = \"224.0.0.1\""), 5, "vpn_server", "no address of a host");
    for name in ["", " a", "a ", "a\\nb"] {
        refused(&UPLINK.replace("\"a\"", &format!("\"{name}\"")), 2, "name", "it has letters");
    }
    for interface in ["", "a23456789012345678901234567890123", "eth/0", "eth 0", "eth\\t0"] {
        refused(&UPLINK.replace("eth0", interface), 3, "interface", "an interface's name has 1 to");
    }
    assert!(Plan::parse(&UPLINK.replace("eth0", "a23456789012345")).is_ok());
}

#[test]
fn two_uplinks_that_are_one_are_refused_in_the_line_of_the_second() {
    let second = |name: &str, interface: &str, way: &str| {
        format!("{UPLINK}\n[[uplink]]\nname = \"{name}\"\ninterface = \"{interface}\"\n{way}\n")
    };
    refused(&second("a", "eth1", "ipv6 = \"auto\""), 7, "name", "two uplinks have this name");
    refused(&second("b", "eth0", "ipv4 = \"192.0.2.1\""), 8, "interface", "\"a\" has this interface and router already");
    // A fault in the second is not looked for in the first.
    refused(&second("b", "eth0", "ipv4 = \"192.0.2.256\""), 9, "ipv4", "192.0.2.256");
    for (interface, way) in [("eth1", "ipv4 = \"192.0.2.1\""), ("eth0", "ipv4 = \"192.0.2.2\""), ("eth0", "ipv6 = \"auto\"")] {
        assert!(Plan::parse(&second("b", interface, way)).is_ok());
    }
}

#[test]
fn the_page_has_all_keys_and_no_others() {
    let page = include_str!("../../../../../docs/uplinks.md");
    let (_, reference) = page.split_once("## Configuration").unwrap();
    let (reference, _) = reference.split_once("\n## ").unwrap();
    let mut tables = reference.split("| key |").skip(1).map(|table| {
        let cells = table.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
        cells.flat_map(|cell| cell.split(',')).map(|key| key.trim_matches([' ', '`']).to_owned()).collect::<BTreeSet<_>>()
    });
    // What the reader knows, it tells whoever asks for a key that is none.
    let known = |text: &str| {
        let error = Plan::parse(text).unwrap_err();
        let (_, keys) = error.split_once("there are ").unwrap();
        keys.split(", ").map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let mut whole = known("no_such_key_at_all = 1");
    assert!(whole.remove("probe") && whole.remove("uplink"), "they have tables of their own");
    assert_eq!(tables.next(), Some(whole));
    assert_eq!(tables.next(), Some(known("[probe]\nno_such_key_at_all = 1")));
    assert_eq!(tables.next(), Some(known("[[uplink]]\nno_such_key_at_all = 1")));
    assert_eq!(tables.next(), None);
    // And each key is tried by the tests above.
    let tests = include_str!("tests.rs");
    let all =
        [known("no_such_key_at_all = 1"), known("[probe]\nno_such_key_at_all = 1"), known("[[uplink]]\nno_such_key_at_all = 1")];
    for key in all.iter().flatten().filter(|key| *key != "uplink" && *key != "probe") {
        assert!(tests.contains(&format!("{key} = ")), "{key}");
    }
}
