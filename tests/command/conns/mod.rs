//! `conns`: who talks to whom, by which route, and that a connection without one can be ended.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use waypost_tests::far::far_end;
use waypost_tests::ip::two_uplinks;
use waypost_tests::{serve_as, transparent_datagrams};

use super::*;

/// Puts the far end of `wlan0` into a namespace of its own, where somebody listens at 192.0.2.1, and connects to it.
///
/// What is sent to it is read there until the stream is dropped.
fn far_connection() -> TcpStream {
    two_uplinks();
    far_end("wlan0-end", || {
        ip("address add 10.0.0.1/24 dev wlan0-end");
        ip("address add 192.0.2.1/32 dev lo");
        let listener = TcpListener::bind("192.0.2.1:80").expect("the address is there");
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("somebody connects");
            while stream.read(&mut [0; 64]).is_ok_and(|count| count > 0) {}
        });
    });
    let mut stream = TcpStream::connect("192.0.2.1:80").expect("there is a way");
    stream.write_all(b"hello").expect("it is connected");
    stream
}

/// The socket of the list that talks to this port of this address.
#[track_caller]
fn talking_to(list: &[Value], remote: &str, port: u16) -> Value {
    let found = list.iter().find(|one| one["remote"] == remote && one["rport"] == port);
    found.unwrap_or_else(|| panic!("nobody talks to {remote}: {list:?}")).clone()
}

#[expect(clippy::disallowed_methods, reason = "the time that it takes is what is shown")]
fn now() -> Instant {
    Instant::now()
}

/// Waits until the stream is at its end one way or another, and says how.
fn end_of(stream: &mut TcpStream, patience: Duration) -> Option<ErrorKind> {
    stream.set_read_timeout(Some(patience)).expect("a time");
    stream.read(&mut [0]).err().map(|error| error.kind())
}

pub(super) fn each_socket_is_listed_with_its_route() {
    let stream = far_connection();
    let own = stream.local_addr().unwrap();
    let listener = TcpListener::bind("[::ffff:127.0.0.1]:0").or_else(|_| TcpListener::bind("127.0.0.1:0")).unwrap();
    let near = TcpStream::connect(("127.0.0.1", listener.local_addr().unwrap().port())).unwrap();
    let datagrams = UdpSocket::bind("10.9.0.2:0").unwrap();
    datagrams.connect("198.51.100.7:53").unwrap();
    let list = json(&waypost("conns --json"));
    let far = talking_to(&list, "192.0.2.1", 80);
    assert_eq!((&far["proto"], &far["state"], &far["verdict"]), (&"tcp".into(), &"established".into(), &"routed".into()));
    assert_eq!((&far["local"], &far["lport"], &far["mtu"]), (&"10.0.0.2".into(), &own.port().into(), &1500.into()));
    let route = &far["route"];
    assert_eq!((&route["dst"], &route["gateway"], &route["dev"]), (&"default".into(), &"10.0.0.1".into(), &"wlan0".into()));
    let near = talking_to(&list, "127.0.0.1", near.peer_addr().unwrap().port());
    assert_eq!((&near["route"]["type"], &near["route"]["dev"]), (&"local".into(), &"lo".into()));
    let datagrams = talking_to(&list, "198.51.100.7", 53);
    assert_eq!((&datagrams["proto"], &datagrams["verdict"]), (&"udp".into(), &"routed".into()));
    assert!(list.iter().any(|one| one["state"] == "listen" && one.get("verdict").is_none()), "{list:?}");
    // The witness lists as many that talk to somebody.
    let witness = Command::new("ss").args(["-Htun", "state", "connected"]).output().expect("ss is there");
    let talking = list.iter().filter(|one| one.get("remote").is_some()).count();
    assert_eq!(text(&witness.stdout).lines().filter(|line| !line.contains("TIME-WAIT")).count(), talking, "{list:?}");
    let line = format!("tcp established 10.0.0.2:{} -> 192.0.2.1:80: default via 10.0.0.1 dev wlan0 metric 100", own.port());
    assert!(lines(&waypost("conns")).contains(&line), "{}", waypost("conns"));
    assert!(json(&waypost("-6 --json conns")).iter().all(|one| one["local"].as_str().unwrap().contains(':')));
    ip("route del default via 10.0.0.1 metric 100");
    ip("address del 10.0.0.2/24 dev wlan0");
    let far = talking_to(&json(&waypost("conns --json")), "192.0.2.1", 80);
    assert_eq!((&far["verdict"], far.get("route")), (&"source-lost".into(), None));
}

pub(super) fn one_without_a_way_is_ended_in_milliseconds() {
    let mut stream = far_connection();
    let near = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut kept = TcpStream::connect(near.local_addr().unwrap()).unwrap();
    let mut running = Running::new("conns --watch --close --json");
    let (lost, returned) = (["10.0.0.1 metric 100", "10.9.0.1 metric 600"], Duration::from_secs(20));
    // The command is ready when it has told of something: a flow that moves is told.
    let probe = UdpSocket::bind("0.0.0.0:0").unwrap();
    probe.connect("198.51.100.9:53").unwrap();
    let reader = thread::spawn(move || {
        loop {
            let object = running.object();
            if object["connection"]["remote"] == "198.51.100.9" && object["effects"] != Value::Array(Vec::new()) {
                return running;
            }
        }
    });
    while !reader.is_finished() {
        ip("route add 198.51.100.9/32 via 10.9.0.7");
        ip("route del 198.51.100.9/32 via 10.9.0.7");
    }
    let running = reader.join().expect("it tells");
    ip(&format!("route del default via {}", lost[0]));
    assert_eq!(end_of(&mut stream, Duration::from_millis(300)), Some(ErrorKind::WouldBlock), "another route remains");
    stream.write_all(b"anybody there?").expect("it is queued, and sent again and again for a quarter of an hour");
    let gone = Command::new("ip").args("route del default via 10.9.0.1 metric 600".split(' ')).spawn();
    let start = now();
    let how = end_of(&mut stream, returned);
    let took = start.elapsed();
    assert!(gone.and_then(|mut gone| gone.wait()).is_ok_and(|status| status.success()));
    assert_eq!(how, Some(ErrorKind::ConnectionAborted));
    println!("a connection whose last route goes is ended {took:?} after `ip route del` was started");
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(end_of(&mut kept, Duration::from_millis(100)), Some(ErrorKind::WouldBlock), "who has a way is left alone");
    drop(running);
}

pub(super) fn those_without_a_way_are_ended_once() {
    let mut stream = far_connection();
    ip("address del 10.0.0.2/24 dev wlan0");
    assert!(!waypost("conns").contains("closed"), "nothing is ended that was not asked for");
    assert_eq!(end_of(&mut stream, Duration::from_millis(100)), Some(ErrorKind::WouldBlock));
    let mut plain = Command::new("setpriv");
    plain.args(["--inh-caps=-all", "--bounding-set=-all"]).arg(program()).args(["conns", "--close"]);
    let refused = plain.output().expect("setpriv starts");
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(3), "{said}");
    assert!(said.contains("end a socket tcp established 10.0.0.2:") && said.contains("CAP_NET_ADMIN"), "{said}");
    let told = waypost("conns --close");
    let line = told.lines().find(|line| line.contains("192.0.2.1:80")).expect("it is listed");
    assert!(line.ends_with(": source lost, closed"), "{told}");
    assert_eq!(end_of(&mut stream, PATIENCE), Some(ErrorKind::ConnectionAborted));
    assert!(!waypost("conns --close").contains("closed"), "it is gone");
}

pub(super) fn who_has_a_way_by_its_ports_or_another_source_is_not_ended() {
    let mut stream = far_connection();
    // Rules go by ports, of which a flow has none, and by the type of service.
    ip("rule add ipproto tcp dport 80 lookup 77");
    ip("rule add tos 0x10 lookup 77");
    ip("route add default via 10.0.0.1 table 77 mtu 1280");
    let marked = UdpSocket::bind("10.0.0.2:0").unwrap();
    serve_as(&marked, 0x10);
    marked.connect("198.51.100.7:53").unwrap();
    // Who listens to many has no source until something is sent.
    let many = UdpSocket::bind("239.1.1.1:0").unwrap();
    many.connect("10.0.0.9:4000").unwrap();
    // A proxy that is not to be seen: its source is another's.
    let proxy = transparent_datagrams("203.0.113.9:4000".parse().unwrap());
    proxy.connect("198.51.100.8:53").unwrap();
    ip("route del default via 10.0.0.1 metric 100");
    ip("route del default via 10.9.0.1 metric 600");
    let told = waypost("conns --close");
    assert!(!told.contains("closed"), "{told}");
    let of = |remote: &str| told.lines().find(|line| line.contains(remote)).unwrap_or_else(|| panic!("{told}")).to_owned();
    assert!(of("192.0.2.1:80").ends_with(": default via 10.0.0.1 dev wlan0 table 77 mtu 1280"), "{told}");
    assert!(of("198.51.100.7:53").ends_with(": default via 10.0.0.1 dev wlan0 table 77 mtu 1280"), "{told}");
    assert!(of("10.0.0.9:4000").contains("10.0.0.0/24 dev wlan0"), "{told}");
    assert!(of("198.51.100.8:53").ends_with(": not judged, as its source may be another's"), "{told}");
    let list = json(&waypost("conns --json"));
    assert_eq!(talking_to(&list, "198.51.100.8", 53)["transparent"], Value::Bool(true));
    let far = talking_to(&list, "192.0.2.1", 80);
    assert_eq!((&far["mtu"], far.get("transparent")), (&1280.into(), None), "of the route by its ports");
    assert_eq!(end_of(&mut stream, Duration::from_millis(100)), Some(ErrorKind::WouldBlock), "it goes on");
    ip("route del default table 77");
    assert!(waypost("conns --close").lines().any(|line| line.contains("192.0.2.1:80") && line.ends_with(": no route, closed")));
    assert_eq!(end_of(&mut stream, PATIENCE), Some(ErrorKind::ConnectionAborted));
}

/// How long something may take that comes at once unless it never comes.
const PATIENCE: Duration = Duration::from_secs(20);
