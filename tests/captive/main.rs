//! Whether the internet is behind a link, or a portal: asked of real HTTP servers at the other end of the cable, honest ones and others.

use std::io::{ErrorKind as Io, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use waypost::captive::{Check, Endpoint, Internet, Options, Through};
use waypost::{ErrorKind, Monitor, MonitorOptions, Snapshot};
use waypost_tests::command::{build, command};
use waypost_tests::far::far_end;
use waypost_tests::ip::{ip, two_uplinks};
use waypost_tests::namespace::run;
use waypost_tests::test;

/// Where the servers are, at the other end of either cable.
const FAR: &str = "192.0.2.1";

/// How long a check may take where all answer, which they do at once unless the machine has other things to do.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long it may take where some are slow or dead, which takes all of it.
const TIMEOUT: Duration = Duration::from_millis(700);

/// How much longer it may take on a machine that has other things to do.
const SLACK: Duration = Duration::from_secs(6);

/// Who listens where, and what is said to who asks.
const OPEN: (u16, &str) = (8000, "HTTP/1.1 204 No Content\r\n\r\n");
const PORTAL: (u16, &str) =
    (8001, "HTTP/1.1 302 Found\r\nLocation: http://portal.example/login?to=there\r\nContent-Length: 0\r\n\r\n");
const LYING: (u16, &str) = (8002, "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n<h1>Accept</h1>");
const NO_HTTP: (u16, &str) = (8003, "220 mail.example ESMTP\r\n");
const TEXT: (u16, &str) = (8004, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsuccess\n");
const EMPTY: (u16, &str) = (8005, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
const REQUIRED: (u16, &str) = (8006, "HTTP/1.1 511 Network Authentication Required\r\nContent-Length: 2\r\n\r\nno");
const BROKEN: (u16, &str) = (8007, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n");
const RELATIVE: (u16, &str) = (8008, "HTTP/1.1 307 Temporary Redirect\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n");
const CAPTIVE_API: (u16, &str) = (
    8009,
    "HTTP/1.1 200 OK\r\nContent-Type: application/captive+json\r\nContent-Length: 66\r\n\r\n\
     {\"captive\":true,\"user-portal-url\":\"https://portal.example/accept\"}",
);
const FREE_API: (u16, &str) = (8010, "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{\"captive\":false}");
/// It accepts and says nothing.
const SILENT: u16 = 8020;
/// It says a letter now and then.
const SLOW: u16 = 8021;
/// Its page has no end.
const ENDLESS: u16 = 8022;
/// Nobody listens.
const DEAD: u16 = 8023;

fn main() -> ExitCode {
    if let Err(ended) = build("captive") {
        return ended;
    }
    run(&[
        test!(each_server_is_seen_for_what_it_is),
        test!(what_is_slow_or_dead_takes_no_longer_than_it_may),
        test!(each_interface_is_asked_for_itself),
        test!(the_networks_own_word_counts_before_all_else),
        test!(one_flight_at_a_time),
        test!(more_pages_than_are_asked_for_at_once_are_all_asked_for),
        test!(the_program_may_ask_the_api_itself),
        test!(the_command_says_it_with_its_status),
    ])
}

/// What answers at the far end: either what stands above, or one of those for everything.
fn serve(to_all: Option<&'static str>) {
    ip(&format!("address add {FAR}/32 dev lo"));
    let texts = [OPEN, PORTAL, LYING, NO_HTTP, TEXT, EMPTY, REQUIRED, BROKEN, RELATIVE, CAPTIVE_API, FREE_API].into_iter();
    for (port, text) in texts {
        let text = to_all.unwrap_or(text);
        listen(port, move |stream| stream.write_all(text.as_bytes()));
    }
    listen(SILENT, |stream| stream.read(&mut [0]).map(|_| ()));
    listen(SLOW, |stream| {
        stream.set_read_timeout(Some(Duration::from_millis(100)))?;
        for byte in b"HTTP/1.1 200 OK\r\nX: ".iter().chain(std::iter::repeat_n(&b'x', 100)) {
            stream.write_all(&[*byte])?;
            match stream.read(&mut [0]) {
                Err(error) if error.kind() == Io::WouldBlock => {}
                _ => break,
            }
        }
        Ok(())
    });
    listen(ENDLESS, |stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
        Ok(())
    });
}

/// Has everybody who connects told something once they have asked.
fn listen(port: u16, tell: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static) {
    let listener = TcpListener::bind((FAR, port)).expect("the address is there");
    let tell = Arc::new(tell);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, tell) = (stream.expect("somebody connects"), Arc::clone(&tell));
            thread::spawn(move || {
                let mut asked = Vec::new();
                while !asked.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    if stream.read(&mut byte).unwrap_or(0) == 0 {
                        return;
                    }
                    asked.extend(byte);
                }
                let asked = String::from_utf8_lossy(&asked);
                assert!(asked.starts_with("GET /page HTTP/1.1\r\n"), "{asked}");
                // Whoever has heard enough goes away.
                let _ = tell(&mut stream);
            });
        }
    });
}

fn url(port: u16) -> String {
    format!("http://{FAR}:{port}/page")
}

fn page(port: u16) -> Endpoint {
    Endpoint::no_content(url(port))
}

fn network() -> Arc<Snapshot> {
    let monitor = Monitor::open(MonitorOptions::new().ignore_interfaces(["*-end"])).expect("it opens");
    Arc::clone(monitor.snapshot())
}

fn check(options: Options) -> Check {
    Check::new(options).expect("all of these can be asked")
}

/// What is found through the one interface that is asked through, and how long that takes.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "the time that it takes is what is shown")]
fn through_default(network: &Snapshot, options: Options) -> (Internet, Duration) {
    let start = Instant::now();
    let found = check(options.through(Through::Default)).run(network).expect("nobody else asks");
    let took = start.elapsed();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].name, "wlan0");
    (found[0].internet.clone(), took)
}

fn captive(portal: Option<&str>) -> Internet {
    Internet::Captive { portal: portal.map(str::to_owned) }
}

/// One machine with one way to everywhere, and the servers behind it.
fn one_uplink() {
    two_uplinks();
    ip("link del lte0");
    far_end("wlan0-end", || {
        ip("address add 10.0.0.1/24 dev wlan0-end");
        serve(None);
    });
}

fn each_server_is_seen_for_what_it_is() {
    one_uplink();
    let network = network();
    let says = |port: u16, text: &str| Endpoint::says(url(port), text);
    for (what, endpoints, expected) in [
        ("open", vec![page(OPEN.0)], Internet::Online),
        ("open, with a text", vec![says(TEXT.0, "success")], Internet::Online),
        ("portal", vec![page(PORTAL.0)], captive(Some("http://portal.example/login?to=there"))),
        ("portal, here", vec![page(RELATIVE.0)], captive(Some("http://192.0.2.1:8008/login"))),
        ("portal, by its number", vec![page(REQUIRED.0)], captive(None)),
        ("lying", vec![page(LYING.0)], captive(None)),
        ("lying, with a text", vec![says(LYING.0, "success")], captive(None)),
        ("empty", vec![page(EMPTY.0)], Internet::None),
        ("empty, where a text is expected", vec![says(EMPTY.0, "success")], Internet::None),
        ("dead", vec![page(DEAD)], Internet::None),
        ("no HTTP", vec![page(NO_HTTP.0)], Internet::None),
        ("broken", vec![page(BROKEN.0)], Internet::None),
        ("endless", vec![page(ENDLESS)], captive(None)),
        ("one dead, one open", vec![page(DEAD), page(OPEN.0)], Internet::Online),
        ("a portal that lets one through", vec![page(OPEN.0), page(LYING.0)], captive(None)),
    ] {
        let (found, _) = through_default(&network, Options::new(endpoints).timeout(PATIENCE));
        assert_eq!(found, expected, "{what}");
    }
}

fn what_is_slow_or_dead_takes_no_longer_than_it_may() {
    one_uplink();
    let network = network();
    let elsewhere = Endpoint::no_content("http://192.0.2.99:80/page");
    for (what, endpoint) in [("silent", page(SILENT)), ("slow", page(SLOW)), ("nobody is there", elsewhere)] {
        let (found, took) = through_default(&network, Options::new([endpoint]).timeout(TIMEOUT));
        assert_eq!(found, Internet::None, "{what}");
        assert!(took < TIMEOUT + SLACK, "{what}: {took:?}");
    }
    let all = Options::new([page(SLOW), page(SILENT), page(SILENT), page(SILENT), page(OPEN.0)]);
    let (found, took) = through_default(&network, all);
    assert_eq!(found, Internet::Online, "one answer is enough, the others being waited for");
    let whole = Duration::from_secs(3);
    assert!(whole <= took && took < whole + SLACK, "they are waited for together, 3 s unless it is said otherwise: {took:?}");
    let (found, _) = through_default(&network, Options::new([Endpoint::says(url(ENDLESS), "success")]).timeout(PATIENCE));
    assert_eq!(found, Internet::None, "a page without an end says nothing that is known");
}

fn each_interface_is_asked_for_itself() {
    two_uplinks();
    for (link, address, to_all) in [("wlan0-end", "10.0.0.1/24", PORTAL.1), ("lte0-end", "10.9.0.1/24", OPEN.1)] {
        far_end(link, move || {
            ip(&format!("address add {address} dev {link}"));
            serve(Some(to_all));
        });
    }
    let portal = captive(Some("http://portal.example/login?to=there"));
    let found = check(Options::new([page(OPEN.0)]).timeout(PATIENCE)).run(&network()).unwrap();
    let mut found: Vec<_> = found.into_iter().map(|one| (one.name, one.internet)).collect();
    found.sort();
    assert_eq!(found, [("lte0".to_owned(), Internet::Online), ("wlan0".to_owned(), portal.clone())]);
    assert_eq!(through_default_of(&network()), [("wlan0".to_owned(), portal)]);
    // One that has no default route any more is asked through all the same: by a bound interface the kernel takes everybody to be on the link.
    ip("route del default via 10.0.0.1 metric 100");
    assert_eq!(through_default_of(&network()), [("lte0".to_owned(), Internet::Online)]);
    let found = check(Options::new([page(OPEN.0)]).timeout(PATIENCE)).run(&network()).unwrap();
    assert!(found.iter().any(|one| one.name == "wlan0"), "{found:?}");
    ip("link set wlan0 down");
    assert_eq!(
        check(Options::new([page(OPEN.0)]).timeout(PATIENCE)).run(&network()).unwrap().len(),
        1,
        "one that is down is not asked through"
    );
}

fn through_default_of(network: &Snapshot) -> Vec<(String, Internet)> {
    let found = check(Options::new([page(OPEN.0)]).through(Through::Default).timeout(PATIENCE)).run(network).unwrap();
    found.into_iter().map(|one| (one.name, one.internet)).collect()
}

fn the_networks_own_word_counts_before_all_else() {
    one_uplink();
    let network = network();
    let portal = captive(Some("https://portal.example/accept"));
    for (what, endpoints, api, expected) in [
        ("it says so, the page is let through", vec![page(OPEN.0)], CAPTIVE_API.0, portal.clone()),
        ("it names another portal", vec![page(PORTAL.0)], CAPTIVE_API.0, portal.clone()),
        ("it is asked alone", vec![], CAPTIVE_API.0, portal),
        ("nothing is in the way", vec![page(OPEN.0)], FREE_API.0, Internet::Online),
        ("nothing is in the way, and nothing is behind it", vec![page(DEAD)], FREE_API.0, Internet::None),
        ("it is none", vec![page(OPEN.0)], LYING.0, Internet::Online),
    ] {
        let options = Options::new(endpoints).api(url(api)).timeout(PATIENCE);
        assert_eq!(through_default(&network, options).0, expected, "{what}");
    }
}

fn one_flight_at_a_time() {
    one_uplink();
    let network = network();
    let check = Arc::new(check(Options::new([page(SILENT)]).timeout(TIMEOUT)));
    let (other, seen) = (Arc::clone(&check), Arc::clone(&network));
    let first = thread::spawn(move || other.run(&seen));
    // Whoever of the two is first, the other one is told, as long as it asks meanwhile.
    let mut refused = 0;
    while !first.is_finished() {
        match check.run(&network) {
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Busy);
                refused += 1;
            }
            Ok(found) => assert_eq!(found[0].internet, Internet::None),
        }
    }
    match first.join().expect("it does not panic") {
        Ok(found) => assert!(refused > 0 && found[0].internet == Internet::None, "{refused}"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Busy),
    }
    assert_eq!(check.run(&network).unwrap()[0].internet, Internet::None, "the next one is not in the way of any");
}

fn more_pages_than_are_asked_for_at_once_are_all_asked_for() {
    one_uplink();
    let pages = std::iter::repeat_n(page(OPEN.0), 80).chain([page(LYING.0)]);
    let (found, _) = through_default(&network(), Options::new(pages).timeout(PATIENCE));
    assert_eq!(found, captive(None), "the last one is asked for too");
}

fn the_program_may_ask_the_api_itself() {
    two_uplinks();
    let network = network();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let options = Options::new([]).api_fetched_by("https://portal.example/api", move |request| {
        seen.lock().unwrap().push((request.interface.to_owned(), request.url.to_owned(), request.addresses.len()));
        assert!(request.timeout <= PATIENCE);
        (request.interface == "wlan0").then(|| r#"{"captive": true, "user-portal-url": "https://portal.example/"}"#.to_owned())
    });
    let mut found: Vec<_> =
        check(options.timeout(PATIENCE)).run(&network).unwrap().into_iter().map(|one| (one.name, one.internet)).collect();
    found.sort();
    let portal = captive(Some("https://portal.example/"));
    assert_eq!(found, [("lte0".to_owned(), Internet::None), ("wlan0".to_owned(), portal)]);
    let mut asked = std::mem::take(&mut *asked.lock().unwrap());
    asked.sort();
    assert_eq!(asked, ["lte0", "wlan0"].map(|name| (name.to_owned(), "https://portal.example/api".to_owned(), 1)));
}

fn the_command_says_it_with_its_status() {
    one_uplink();
    let runs = |words: &str| {
        let done = command(&format!("captive --timeout 20 {words}")).output().expect("the command starts");
        (String::from_utf8(done.stdout).expect("text"), done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned())
    };
    for (words, said, status) in [
        (url(OPEN.0), "wlan0: online\n", 0),
        (url(PORTAL.0), "wlan0: captive, http://portal.example/login?to=there\n", 5),
        (format!("--default {}", url(LYING.0)), "wlan0: captive\n", 5),
        (format!("{} --says success", url(TEXT.0)), "wlan0: online\n", 0),
        (format!("--interface wlan0 {}", url(DEAD)), "wlan0: none\n", 6),
        (format!("--api {}", url(CAPTIVE_API.0)), "wlan0: captive, https://portal.example/accept\n", 5),
        (format!("--json {}", url(OPEN.0)), "[{\"dev\":\"wlan0\",\"internet\":\"online\"}]\n", 0),
    ] {
        let (out, code, error) = runs(&words);
        // Objects stand on lines of their own.
        let bare = |text: &str| text.replace(['\n', ' '], "");
        assert_eq!((bare(&out), code), (bare(said), Some(status)), "{words}: {error}");
    }
    for (words, code, why) in [
        (format!("--interface eth9 {}", url(OPEN.0)), 1, "there is no interface"),
        ("https://192.0.2.1/".to_owned(), 1, "TLS is not built in"),
        (format!("-n nowhere {}", url(OPEN.0)), 2, "ip netns exec"),
        (String::new(), 2, "URL"),
    ] {
        let (out, status, error) = runs(&words);
        assert_eq!((out.as_str(), status), ("", Some(code)), "{words}: {error}");
        assert!(error.contains(why), "{error}");
    }
}
