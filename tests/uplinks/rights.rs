//! Who may do what: the rights of the daemon, its socket, and its log.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixStream;

use waypost_tests::command::{Running, command};
use waypost_tests::ip::ip;

use crate::world::{ask, config, defaults, directory, leaves_by, make, pass, signal, start, until, write_config};

/// What the kernel says of a process.
fn status(running: &Running, key: &str) -> Vec<String> {
    let text = fs::read_to_string(format!("/proc/{}/status", running.child.id())).expect("it runs");
    let line = text.lines().find_map(|line| line.strip_prefix(key)).expect("the kernel says it");
    line.trim_start_matches(':').split_whitespace().map(str::to_owned).collect()
}

/// `CAP_NET_ADMIN` and `CAP_NET_RAW`, of include/uapi/linux/capability.h.
const NETWORK: &str = "0000000000003000";

#[track_caller]
fn has_network_rights_alone(daemon: &Running) {
    assert_eq!([status(daemon, "CapEff"), status(daemon, "CapPrm")], [[NETWORK], [NETWORK]]);
    assert_eq!(status(daemon, "CapInh"), ["0000000000000000"]);
    assert_eq!(status(daemon, "CapAmb"), ["0000000000000000"]);
    assert_eq!(status(daemon, "CapBnd"), [NETWORK]);
    assert_eq!(status(daemon, "NoNewPrivs"), ["1"]);
}

pub(crate) fn it_keeps_no_rights_but_those_to_change_the_network() {
    make();
    let daemon = start(&config("", ""));
    has_network_rights_alone(&daemon);
    ask("--demote w2");
    until("w3 is elected", || leaves_by() == "w3");
}

pub(crate) fn it_goes_on_as_another_user() {
    make();
    let path = write_config(&config("[probe]\ntargets = [\"198.51.100.1\"]\ninterval = 0.1", "probe = true"));
    let mut daemon = Running::new(&format!("uplinks --user nobody --config {path}"));
    until("both are good", || defaults().len() == 2 && ask("--status").matches("health good").count() == 2);
    let nobody = status(&daemon, "Uid");
    assert!(nobody.iter().all(|id| *id != "0" && *id == nobody[0]), "{nobody:?}");
    assert_eq!(status(&daemon, "Groups").len(), 1);
    has_network_rights_alone(&daemon);
    ask("--demote w2");
    until("w3 is elected", || leaves_by() == "w3");
    signal(&daemon, "TERM");
    assert!(daemon.child.wait().expect("it ends").success());
    assert!(defaults().is_empty(), "{:?}", defaults());
    // The socket's file stays where its directory is not that user's, and is in nobody's way.
    assert!(directory().join("sock").exists());
    let own = directory().join("own");
    fs::create_dir(&own).expect("it can be made");
    std::os::unix::fs::chown(&own, Some(nobody[0].parse().expect("a number")), None).expect("root may");
    let sockets = [(directory().join("sock"), true), (own.join("sock"), false)];
    for (socket, stays) in sockets {
        let mut daemon = Running::new(&format!("uplinks --user nobody --config {path} --socket {}", socket.display()));
        until("both have their routes", || defaults().len() == 2 && UnixStream::connect(&socket).is_ok());
        signal(&daemon, "TERM");
        assert!(daemon.child.wait().expect("it ends").success());
        assert_eq!(socket.exists(), stays, "{}", socket.display());
    }
    let refused = command(&format!("uplinks --user no-such-user --config {path}")).output().expect("it starts");
    assert!(refused.status.code() == Some(2) && String::from_utf8_lossy(&refused.stderr).contains("no-such-user"), "{refused:?}");
    assert!(defaults().is_empty(), "nothing was done before");
}

pub(crate) fn the_socket_is_for_those_whom_its_file_lets() {
    make();
    let path = write_config(&config("socket_mode = \"0620\"", ""));
    let socket = directory().join("sock");
    // What is there and is no socket of an earlier run is nobody's to be removed.
    fs::write(&socket, "dear").expect("it can be written");
    let refused = || {
        let output = command(&format!("uplinks --config {path}")).output().expect("it starts");
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(refused().contains("no socket"));
    assert_eq!(fs::read_to_string(&socket).expect("it is there"), "dear");
    let elsewhere = directory().join("elsewhere");
    fs::rename(&socket, &elsewhere).expect("it can be moved");
    symlink(&elsewhere, &socket).expect("a link");
    assert!(refused().contains("no socket"));
    assert_eq!(fs::read_to_string(&elsewhere).expect("it is there"), "dear");
    fs::remove_file(&socket).expect("it is there");
    let _daemon = start(&config("socket_mode = \"0620\"", ""));
    assert_eq!(fs::metadata(&socket).expect("it is there").permissions().mode() & 0o777, 0o620);
    // A second one does not throw the first out.
    assert!(refused().contains("somebody listens there"));
    assert!(ask("--status").contains("* w2"));
    assert_eq!(defaults().len(), 2);
    let entries: Vec<_> = fs::read_dir(directory()).expect("it is there").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(entries.len(), 3, "nothing is left beside: {entries:?}");
}

pub(crate) fn who_says_nothing_keeps_nobody_out() {
    make();
    let _daemon = start(&config("", ""));
    let connect = || UnixStream::connect(directory().join("sock")).expect("it listens");
    let silent: Vec<UnixStream> = (0..100).map(|_| connect()).collect();
    let mut long = connect();
    // Who says too much is not listened to.
    let _ = long.write_all(&[b'x'; 1 << 16]);
    assert!(ask("--status").contains("* w2"));
    drop(silent);
}

pub(crate) fn what_it_says_is_for_the_journal_where_that_listens() {
    make();
    for to_journal in [true, false] {
        let log = directory().join("log");
        let file = File::create(&log).expect("it can be made");
        let own = file.metadata().expect("it is there");
        let stream = if to_journal { format!("{}:{}", own.dev(), own.ino()) } else { "1:1".to_owned() };
        let path = write_config(&config("", ""));
        let mut starting = command(&format!("uplinks --config {path}"));
        starting.env("JOURNAL_STREAM", stream).stderr(file);
        let daemon = Running::of(starting);
        until("w2 is elected", || defaults().len() == 2);
        ip("route del default via 10.2.0.1 dev w2");
        write_config("nonsense");
        signal(&daemon, "HUP");
        let [info, warning, error] = if to_journal { ["<6>", "<4>", "<3>"] } else { ["info: ", "warning: ", "error: "] };
        let mut said = String::new();
        until("it has said all", || {
            said = fs::read_to_string(&log).expect("text");
            said.contains(&format!("{info}w2 is elected for IPv4"))
                && said.lines().any(|line| line.starts_with(warning) && line.ends_with("has gone"))
                && said.lines().any(|line| line.starts_with(error) && line.contains("line 1"))
        });
        assert!(!said.contains('\x1b'), "{said}");
        drop(daemon);
        pass(std::time::Duration::from_millis(1));
        ip("route flush proto 87");
    }
}
