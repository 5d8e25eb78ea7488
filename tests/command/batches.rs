//! Files of changes.

use super::*;

pub(super) fn a_batch_is_carried_out_in_order() {
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

pub(super) fn a_batch_that_fails_names_the_line() {
    veth_with_addresses("w0", "w1");
    let lines = "route add 10.1.0.0/16 via 10.0.0.2\nroute add 10.2.0.0/16 via 192.0.2.1\nfoo\nroute add 10.3.0.0/16 dev w0\n";
    let output = batch("batch --keep-going", lines);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("standard input:2: route add 10.2.0.0/16 via 192.0.2.1: Nexthop has invalid gateway"), "{said}");
    assert!(said.contains("standard input:3: \"foo\" is none of"), "{said}");
    assert_ne!(ip("route show exact 10.3.0.0/16"), "");
    assert_eq!(batch("batch --keep-going", "route del 10.77.0.0/16").status.code(), Some(1), "whatever it is that failed");
    let output = batch("batch", "foo\nroute add 10.4.0.0/16 dev w0\n");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(ip("route show exact 10.4.0.0/16"), "", "nothing behind a wrong line is done");
    assert_eq!(batch("batch", "route del 10.77.0.0/16").status.code(), Some(4));
    let mut child = command("batch").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a child");
    child.stdin.take().expect("a pipe").write_all(b"route add 10.4.0.0/16 dev w0\nroute \xff\n").expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stderr), "waypost: read standard input: line 2 is no text in UTF-8\n");
    assert_eq!(ip("route show exact 10.4.0.0/16"), "", "nothing of such a file is done");
}

pub(super) fn what_is_behind_the_line_that_failed_is_told_exactly() {
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

pub(super) fn what_was_done_before_a_file_ended_in_an_error_is_told() {
    veth_with_addresses("w0", "w1");
    let file = std::env::temp_dir().join(format!("waypost-batch-{}", std::process::id()));
    // More than is read at a time at first.
    let comments = "# nothing to be done\n".repeat(4000);
    fs::write(&file, [b"route add 10.4.0.0/16 dev w0\n", comments.as_bytes(), b"route \xff\n"].concat()).expect("a file");
    let (status, said) = fails(&format!("batch {}", file.display()));
    fs::remove_file(&file).expect("it goes");
    assert_eq!(status, 1);
    assert!(said.starts_with("waypost: 1 change in ") && said.ends_with(": line 4002 is no text in UTF-8\n"), "{said}");
    assert_ne!(ip("route show exact 10.4.0.0/16"), "");
}

pub(super) fn a_line_is_judged_by_what_the_kernel_did_and_not_by_what_it_was_asked() {
    veth_with_addresses("w0", "w1");
    for count in [1, 100] {
        ip("route add 10.6.0.0/16 via 10.0.0.2 metric 5");
        ip("nexthop add id 7 via 10.0.0.2 dev w0");
        ip("route add 10.7.0.0/16 nhid 7 metric 5");
        ip("route add 10.7.0.0/16 dev w0 metric 6");
        let many =
            |net: u8| (0..count).map(move |host| format!("route add 10.{net}.0.{host}/32 dev w0 proto 99\n")).collect::<String>();
        let lines = [
            // What a deletion means is known from here on.
            many(101) + "route del 10.101.0.0\n" + &many(102),
            "route replace 10.6.0.0/16 via 192.0.2.1 metric 5\nroute del 10.6.0.0/16\n".to_owned(),
            "route add 10.8.0.0/16 via 10.0.0.2\nroute del 10.8.0.0/16\n".to_owned(),
            "route add 2001:db8:6::/48 via 2001:db8::2\nroute append 2001:db8:6::/48 via 2001:db8::3\n".to_owned(),
            "route del 2001:db8:6::/48 via 2001:db8::2\n".to_owned(),
            // A deletion that finds nothing leaves a picture behind to which nothing has been done.
            "route del 10.77.0.0/16\nnexthop del id 7\nroute del 10.7.0.0/16\n".to_owned(),
            // Without a priority a rule gets that before the second, which the refused one is not.
            "rule add from 10.1.0.0/16 lookup 7\nrule add pref 10 goto 5\nrule add from 10.2.0.0/16 lookup 7\n".to_owned(),
            // Nor can that be deleted.
            many(103) + "rule add pref 10 goto 5\nrule del pref 10\n",
        ]
        .concat();
        let output = batch("batch --keep-going", &lines);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1));
        let refused: Vec<&str> = said.lines().filter(|line| line.starts_with("waypost: standard input:")).collect();
        let of_rules = ["Backward goto", "Backward goto", "there is no such rule of family inet"];
        let wanted =
            [&["Nexthop has invalid gateway", "one of several next hops", "there is no such route"], &of_rules[..]].concat();
        assert_eq!(refused.len(), wanted.len(), "{said}");
        refused.iter().zip(wanted).for_each(|(line, why)| assert!(line.contains(why), "{why}: {said}"));
        assert!(
            ip("rule").contains("32765:\tfrom 10.1.0.0/16") && ip("rule").contains("32764:\tfrom 10.2.0.0/16"),
            "{}",
            ip("rule")
        );
        for destination in ["10.6.0.0/16", "10.7.0.0/16", "10.8.0.0/16"] {
            assert_eq!(ip(&format!("route show exact {destination}")), "");
        }
        waypost("rule del from 10.1.0.0/16");
        waypost("rule del from 10.2.0.0/16");
        waypost("del 2001:db8:6::/48");
        waypost("-4 flush proto 99");
    }
}
