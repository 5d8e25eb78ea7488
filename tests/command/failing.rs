//! How the command fails: its words and its exit status.

use super::*;

pub(super) fn each_failure_has_its_status_and_its_reason() {
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
        ("change 10.2.0.0/16 via 10.0.0.2", 4, "change 10.2.0.0/16 via 10.0.0.2: there is no such route"),
        ("add 10.2.0.0/16", 1, "there is no such interface (`via` an address or `dev`"),
        ("del 10.2.0.0/16 metrik 5", 2, "\"metrik\" is no word of a route"),
        ("flush 10.2.0.0/16 mtu 1400", 2, "only the words of `show`"),
        ("rule add", 2, "what the rule says is missing"),
        ("rule del", 2, "what tells the rule is missing"),
        ("rule del pref 77", 4, "there is no such rule of family inet"),
        ("rule show metrik", 2, "\"metrik\" is no word of a rule"),
        ("rule move", 2, "\"move\" is none of show, add, del"),
        ("nexthop show id 99", 4, "there is no next-hop object 99"),
        ("nexthop del id 99", 4, "there is no such next-hop object"),
        ("nexthop del 99", 2, "`id` and a number are expected"),
        ("nexthop del id 0", 2, "\"0\" is no number of a next-hop object"),
        ("nexthop add id 7 via 10.0.0.2 dev eth9", 1, "there is no interface \"eth9\""),
        ("decode --dialect rtnetlink /dev/null", 1, "there is no message in it"),
        ("nexthop move", 2, "\"move\" is none of show, add, replace, del"),
        ("addr show dev", 2, "something must follow \"dev\""),
        ("link show eth9", 1, "there is no interface \"eth9\""),
        ("link show w0 w1", 2, "\"w1\" is one word too many"),
        ("get 10.0.0.1 oif eth9", 1, "there is no interface \"eth9\""),
        ("get 10.0.0.1 from ::1", 2, "::1 is not of the family of 10.0.0.1"),
        ("add", 2, "<ROUTE>... is missing (Usage: waypost add <ROUTE>...)"),
        ("batch /", 1, "read /: Is a directory\n"),
        ("man /proc/nowhere", 1, "write manual pages into /proc/nowhere: No such file or directory\n"),
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

pub(super) fn what_is_there_already_is_said_of_what_it_is() {
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

pub(super) fn without_privilege_everything_that_reads_works() {
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

/// What the command says of itself where nothing can be written.
pub(super) fn a_full_disk_is_told_of_whatever_is_printed() {
    veth_with_addresses("w0", "w1");
    for words in ["show table all", "--json link", "--help", "--version", "help show", "completions zsh", "man", "capabilities"] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("it is there");
        let output = command(words).stdout(full).stderr(Stdio::piped()).output().expect("it starts");
        assert_eq!(output.status.code(), Some(1), "{words}");
        assert_eq!(text(&output.stderr), "waypost: write to standard output: No space left on device\n", "{words}");
    }
}

/// Names are whatever somebody called them, and whose namespace is looked into may be somebody else's.
pub(super) fn nothing_that_the_kernel_names_reaches_the_terminal_as_a_command() {
    ip("link add w\x1b[31m type veth peer name w\x7f");
    ip("link set w\x1b[31m up");
    ip("address add 10.0.0.1/24 dev w\x1b[31m label w\x1b[31m:1");
    ip("route add 10.1.0.0/16 dev w\x1b[31m");
    ip("rule add iif w\x1b[31m lookup 7");
    let watched = ["get --explain 10.1.0.1", "get 10.1.0.1", "--color always show", "rule"];
    for words in ["show", "link", "addr"].iter().chain(&watched) {
        let said = waypost(words);
        assert!(said.contains("w\\u{1b}[31m"), "{words}: {said:?}");
        let painted = ["\x1b[0m", "\x1b[31m", "\x1b[35m", "\x1b[36m", "\x1b[94m"];
        let bare = painted.iter().fold(said, |said, code| if words.contains("color") { said.replace(code, "") } else { said });
        assert!(!bare.contains(|each: char| each.is_control() && !matches!(each, '\n' | '\t')), "{words}: {bare:?}");
    }
    let mut monitor = command("monitor --initial").stdout(Stdio::piped()).spawn().expect("it starts");
    let mut told = BufReader::new(monitor.stdout.take().expect("a pipe")).lines().map(|line| line.expect("text"));
    let route = told.find(|line| line.contains("10.1.0.0/16")).expect("a route");
    assert!(route.contains("dev w\\u{1b}[31m"), "{route:?}");
    monitor.kill().and_then(|()| monitor.wait()).expect("it ends");
    // Errors name what is there, and what was asked for.
    waypost("append 10.1.0.0/16 via 10.0.0.2");
    for words in ["del 10.1.0.0/16", "ensure 10.1.0.0/16 via 10.0.0.3", "show dev v\x1b[31m"] {
        let (_, said) = fails(words);
        assert!(said.contains("\\u{1b}[31m") && !said.contains('\x1b') && said.lines().count() == 1, "{words}: {said:?}");
    }
}
