//! Gateways that fall silent, and portals.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::sync::mpsc;

use waypost_tests::command::{Running, command};
use waypost_tests::ip::ip;

use crate::world::{BEYOND, Stream, ask, beyond, config, directory, leaves_by, make, now, signal, start, until, write_config};

/// How uplinks are probed: each 100 ms, bad after two failures of 200 ms at most.
fn probes(target: &str) -> String {
    let times = "timeout = 0.2\ninterval = 0.1\nretry = 0.1\nfail_after = 2\npass_after = 2\njitter = 0";
    format!("hold_down = 0.1\n[probe]\ntargets = [\"{target}\"]\n{times}")
}

/// A page beyond that answers 204; to addresses that begin so a portal answers in its stead.
fn pages(portal: Option<&'static str>) {
    let (listens, listening) = mpsc::channel();
    drop(beyond(move || {
        let listener = TcpListener::bind((BEYOND, 80)).expect("it is free");
        listens.send(()).expect("somebody waits");
        while let Ok((mut stream, from)) = listener.accept() {
            answer(&mut stream, portal.is_some_and(|portal| from.ip().to_string().starts_with(portal)));
        }
    }));
    listening.recv().expect("it listens");
}

fn answer(stream: &mut TcpStream, is_portal: bool) {
    // Who has gone meanwhile is told nothing.
    let _ = stream.read(&mut [0; 1024]);
    let page = if is_portal { "302 Found\r\nLocation: http://portal.example/" } else { "204 No Content" };
    let _ = write!(stream, "HTTP/1.1 {page}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

pub(crate) fn a_silent_gateway_is_left_when_its_probes_fail() {
    make();
    for target in ["198.51.100.1:9", "198.51.100.1"] {
        let mut daemon = start(&config(&probes(target), "probe = true"));
        until("both are good", || ask("--status").matches("health good").count() == 2);
        let stream = Stream::begin();
        // The carrier stays, nobody answers.
        ip("-n beyond address del 10.2.0.1/24 dev r2");
        ip("-n beyond neigh flush dev r2");
        ip("neigh flush dev w2");
        let silent = now();
        until("w3 is elected", || leaves_by() == "w3");
        eprintln!("a silent gateway, asked at {target}: left after {:?}", silent.elapsed());
        assert!(ask("--status").contains("health bad"));
        let (sent, lost) = stream.end();
        eprintln!("{sent} packets, {lost} lost");
        ip("-n beyond address add 10.2.0.1/24 dev r2");
        until("w2 is elected", || leaves_by() == "w2");
        // The next is not to find routes by which it seems to be there before it is.
        signal(&daemon, "TERM");
        assert!(daemon.child.wait().expect("it ends").success());
    }
}

pub(crate) fn a_portal_is_not_the_internet() {
    make();
    pages(Some("10.3."));
    let _daemon = start(&config(&probes("http://198.51.100.1/204"), "probe = true"));
    until("w2 is good and w3 is not", || {
        let status = ask("--status");
        status.contains("health good") && status.contains("health bad")
    });
    // Bad is better than none: and a portal is left for the internet again.
    ip("link set w2 down");
    until("w3 is elected", || leaves_by() == "w3");
    ip("link set w2 up");
    until("w2 is elected", || leaves_by() == "w2");
}

/// A resolver beyond, which says of each name that it is the host beyond, and the files by which the system asks that one alone.
fn names() {
    let (listens, listening) = mpsc::channel();
    drop(beyond(move || {
        let socket = UdpSocket::bind((BEYOND, 53)).expect("it is free");
        listens.send(()).expect("somebody waits");
        let mut query = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut query) {
            let _ = socket.send_to(&resolved(&query[..length]), from);
        }
    }));
    listening.recv().expect("it listens");
    for (file, text) in [("resolv.conf", format!("nameserver {BEYOND}\n")), ("nsswitch.conf", "hosts: dns\n".to_owned())] {
        let own = directory().join(file);
        std::fs::write(&own, text).expect("it can be written");
        let mounted = Command::new("mount").arg("--bind").arg(&own).arg(format!("/etc/{file}")).status().expect("it starts");
        assert!(mounted.success(), "{file}");
    }
}

/// The answer to a query with one question: an address, where it asks for one of IPv4 (RFC 1035, 4.1).
fn resolved(query: &[u8]) -> Vec<u8> {
    let name = query.iter().skip(12).position(|byte| *byte == 0).expect("a name ends");
    let question = &query[12..12 + name + 5];
    let is_v4 = question[name + 2] == 1;
    let mut answer = [&query[..2], &[0x81, 0x80, 0, 1, 0, u8::from(is_v4), 0, 0, 0, 0], question].concat();
    if is_v4 {
        // Where the name is, its type, its class, for how long, how many bytes.
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4]);
        answer.extend(BEYOND.octets());
    }
    answer
}

pub(crate) fn a_page_with_a_name_is_asked_for_when_the_way_to_the_resolver_is_silent() {
    make();
    pages(None);
    names();
    let _daemon = start(&config(&probes("http://page.example/204"), "probe = true"));
    until("both are good", || ask("--status").matches("health good").count() == 2);
    // Names are looked up over w2 as long as it is elected.
    ip("-n beyond address del 10.2.0.1/24 dev r2");
    ip("-n beyond neigh flush dev r2");
    ip("neigh flush dev w2");
    until("w3 is elected", || leaves_by() == "w3");
    until("w3 is good and w2 is not", || {
        let status = ask("--status");
        status.contains("health good") && status.contains("health bad")
    });
}

pub(crate) fn what_says_nothing_of_any_uplink_is_warned_of_and_no_success() {
    make();
    let log = directory().join("log");
    // The name cannot be looked up: there is no resolver.
    let targets = "http://nowhere.invalid/204\", \"10.3.0.2";
    let path = write_config(&config(&probes(targets), "probe = true"));
    let mut starting = command(&format!("uplinks --config {path}"));
    starting.stderr(File::create(&log).expect("it can be made"));
    let _daemon = Running::of(starting);
    let said = || std::fs::read_to_string(&log).expect("text");
    until("both are bad", || directory().join("sock").exists() && ask("--status").matches("health bad").count() == 2);
    until("it is warned of both", || {
        ["nowhere.invalid: no address of it was ever known", "10.3.0.2: it is an address of this host"]
            .iter()
            .all(|why| said().contains(&format!("warning: {path}: line 4: probe.targets: {why}")))
    });
    assert_eq!(said().matches("it is an address of this host").count(), 1, "{}", said());
}
