//! Gateways that fall silent, and portals.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;

use waypost_tests::ip::ip;

use crate::world::{BEYOND, Stream, ask, beyond, config, leaves_by, make, now, signal, start, until};

/// How uplinks are probed: each 100 ms, bad after two failures of 200 ms at most.
fn probes(target: &str) -> String {
    let times = "timeout = 0.2\ninterval = 0.1\nretry = 0.1\nfail_after = 2\npass_after = 2\njitter = 0";
    format!("hold_down = 0.1\n[probe]\ntargets = [\"{target}\"]\n{times}")
}

/// A page beyond that answers 204; through w3 a portal answers in its stead.
fn pages() {
    let (listens, listening) = mpsc::channel();
    drop(beyond(move || {
        let listener = TcpListener::bind((BEYOND, 80)).expect("it is free");
        listens.send(()).expect("somebody waits");
        while let Ok((mut stream, from)) = listener.accept() {
            answer(&mut stream, from.ip().to_string().starts_with("10.3."));
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
    pages();
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
