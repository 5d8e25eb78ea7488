//! What `monitor` tells, replayed.

use super::*;

/// A monitor and what it has said so far, replayed.
struct Monitor {
    running: Running,
    routes: BTreeMap<String, usize>,
    sequence: u64,
}

impl Monitor {
    fn start(words: &str) -> Self {
        Self { running: Running::new(words), routes: BTreeMap::new(), sequence: 0 }
    }

    /// Reads and replays to an object for which `is_last` holds, and returns it.
    fn read_to(&mut self, is_last: impl Fn(&Value) -> bool) -> Value {
        loop {
            let object = self.running.object();
            self.sequence += 1;
            assert_eq!(object["seq"], self.sequence, "{object}");
            assert_eq!(object["time"].as_str().map(str::len), Some("2026-01-01T00:00:00.000000Z".len()), "{object}");
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

pub(super) fn whoever_replays_the_monitor_has_the_table() {
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

pub(super) fn a_monitor_tells_what_it_is_asked_for() {
    veth_with_addresses("w0", "w1");
    let mut monitor = Monitor::start("--json monitor rules");
    monitor.read_to(|object| object["event"] == "synchronised");
    ip("route add 10.1.0.0/16 dev w0");
    ip("rule add from 10.0.0.0/8 lookup 7");
    let told = monitor.read_to(|object| object["event"] != "synchronised");
    assert_eq!((&told["event"], &told["change"]), (&Value::from("rule"), &Value::from("added")));
    assert_eq!(told["rule"]["table"], "7");
}

pub(super) fn what_was_captured_says_itself_how_it_is_decoded() {
    veth_with_addresses("w0", "w1");
    let mut child = command("capture -").stdout(Stdio::piped()).spawn().expect("it starts");
    let mut captured = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut file = Vec::new();
    // From the header on, everything is captured.
    captured.read_until(b'\n', &mut file).expect("a header");
    ip("route add 10.7.0.0/16 via 10.0.0.2");
    let decoded = |file: &[u8]| {
        let mut child = command("--json decode -").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
        child.stdin.take().expect("a pipe").write_all(file).expect("it reads");
        text(&child.wait_with_output().expect("it ends").stdout)
    };
    let is_it = |line: &str| line.contains("\"RTM_NEWROUTE\"") && line.contains("\"dst\":\"10.7.0.0/16\"");
    loop {
        let part = captured.fill_buf().expect("it goes on");
        assert!(!part.is_empty(), "it does not end by itself");
        let length = part.len();
        file.extend(part);
        captured.consume(length);
        if decoded(&file).lines().any(is_it) {
            break;
        }
    }
    child.kill().and_then(|()| child.wait()).expect("it ends");
    let bare = file.iter().position(|byte| *byte == b'\n').expect("the header is a line") + 1;
    assert_eq!(decoded(&file[bare..]), "", "without its header it must be said whose messages they are");
}
