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
