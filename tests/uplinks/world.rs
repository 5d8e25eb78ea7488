//! Two uplinks, w2 and w3, and behind their routers the host 198.51.100.1 in a namespace of its own.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use waypost_tests::command::{Running, command};
use waypost_tests::ip::{ip, sysctl};
use waypost_tests::{abstract_datagrams, enter_network};

/// The host beyond.
pub(crate) const BEYOND: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);

/// How long something may take that comes at once unless it never comes.
const PATIENCE: Duration = Duration::from_secs(20);

/// The same host.
pub(crate) const BEYOND_6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 1);

/// Makes the uplinks w2 and w3, of IPv4, and what is behind them.
pub(crate) fn make() {
    ip("netns add beyond");
    for number in [2, 3] {
        make_one(number);
    }
    ip("-n beyond link set lo up");
    ip(&format!("-n beyond address add {BEYOND}/32 dev lo"));
}

/// Makes w2, w3 and w4, of both families, and what is behind them.
pub(crate) fn make_three() {
    make();
    make_one(4);
    for number in [2, 3, 4] {
        ip(&format!("address add 2001:db8:{number}::2/64 dev w{number} nodad"));
        ip(&format!("-n beyond address add 2001:db8:{number}::1/64 dev r{number} nodad"));
    }
    ip(&format!("-n beyond address add {BEYOND_6}/128 dev lo nodad"));
}

fn make_one(number: u32) {
    // Of a veth whose number is not that of its other end a lost carrier is told at once, of others after up to a second
    // (`linkwatch_urgent_event`, net/core/link_watch.c, Linux 6.18).
    ip(&format!("link add w{number} type veth peer name r{number} index {}", 100 + number));
    ip(&format!("link set r{number} netns beyond"));
    ip(&format!("address add 10.{number}.0.2/24 dev w{number}"));
    ip(&format!("link set w{number} up"));
    ip(&format!("-n beyond address add 10.{number}.0.1/24 dev r{number}"));
    ip(&format!("-n beyond link set r{number} up"));
    sysctl(&format!("net/ipv4/conf/w{number}/rp_filter"), "0");
}

/// Runs something among the hosts beyond.
pub(crate) fn beyond<T: Send + 'static>(what: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    thread::spawn(|| {
        enter_network(Path::new("/run/netns/beyond"));
        what()
    })
}

/// A directory of the test's own, in its own `/run`.
pub(crate) fn directory() -> PathBuf {
    let directory = PathBuf::from("/run/uplinks");
    std::fs::create_dir_all(&directory).expect("/run is the test's own");
    directory
}

/// The configuration of both uplinks, w2 before w3, with more words for each.
pub(crate) fn config(top: &str, each: &str) -> String {
    let mut text = format!("socket = \"/run/uplinks/sock\"\n{top}\n");
    for (number, priority) in [(2, 20), (3, 10)] {
        text += &format!(
            "[[uplink]]\nname = \"w{number}\"\ninterface = \"w{number}\"\nipv4 = \"10.{number}.0.1\"\npriority = {priority}\n{each}\n"
        );
    }
    text
}

pub(crate) fn write_config(text: &str) -> String {
    let path = directory().join("uplinks.toml");
    std::fs::write(&path, text).expect("it can be written");
    path.to_string_lossy().into_owned()
}

/// Starts the daemon with a configuration, and waits until w2 has the high default route.
pub(crate) fn start(text: &str) -> Running {
    let path = write_config(text);
    let running = Running::new(&format!("uplinks --config {path}"));
    until("w2 is elected", || defaults().first().is_some_and(|route| route.contains("dev w2")) && defaults().len() == 2);
    running
}

/// The default routes, the one that is used first.
pub(crate) fn defaults() -> Vec<String> {
    ip("-4 route show default").lines().map(|line| line.trim().to_owned()).collect()
}

/// Waits until something is so.
#[track_caller]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = now() + PATIENCE;
    while !is_so() {
        assert!(now() < end, "{what}: not in time: {:?}", defaults());
        pass(Duration::from_millis(1));
    }
}

#[expect(clippy::disallowed_methods, reason = "the time that it takes is what is shown")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// What the daemon answers.
pub(crate) fn ask(words: &str) -> String {
    let output = command(&format!("uplinks --socket /run/uplinks/sock {words}")).output().expect("it starts");
    assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A signal to the daemon.
pub(crate) fn signal(running: &Running, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &running.child.id().to_string()]).status().expect("kill starts");
    assert!(sent.success());
}

/// A steady stream of packets to the host beyond, which sends each back: one each 4 ms.
pub(crate) struct Stream {
    ends: mpsc::Sender<()>,
    client: JoinHandle<(u32, u32)>,
}

/// What is sent behind all packets.
const LAST: u32 = u32::MAX;

/// How long after one packet the next is sent.
const PACE: Duration = Duration::from_millis(4);

impl Stream {
    /// Begins, once the host beyond listens.
    pub(crate) fn begin() -> Self {
        Self::to(BEYOND.into())
    }

    /// The same to another address of it.
    pub(crate) fn to(host: IpAddr) -> Self {
        let (listens, listening) = mpsc::channel();
        let echo = beyond(move || {
            let socket = UdpSocket::bind((host, 0)).expect("a port");
            listens.send(socket.local_addr().expect("it has one").port()).expect("somebody waits");
            let mut buffer = [0; 4];
            // What is empty ends it.
            while let Ok((1.., from)) = socket.recv_from(&mut buffer) {
                let _ = socket.send_to(&buffer, from);
            }
        });
        // A port of its own: the last word to the one before may have been lost.
        let port = listening.recv().expect("it listens");
        let (ends, ended) = mpsc::channel();
        let client = thread::spawn(move || {
            let any: IpAddr = if host.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
            let socket = UdpSocket::bind((any, 0)).expect("a port");
            let (mut sent, mut back) = (0_u32, BTreeSet::new());
            let mut due = now();
            while ended.try_recv() == Err(mpsc::TryRecvError::Empty) {
                // What has no way is lost.
                let _ = socket.send_to(&sent.to_be_bytes(), (host, port));
                (sent, due) = (sent + 1, due + PACE);
                take(&socket, due, &mut back);
            }
            // Whatever is still under way comes before what is sent after it: when that has come back, so has all that ever will.
            let end = now() + PATIENCE;
            for _ in 0..3 {
                while !back.remove(&LAST) && now() < end {
                    let _ = socket.send_to(&LAST.to_be_bytes(), (host, port));
                    take(&socket, now() + Duration::from_millis(20), &mut back);
                }
            }
            let _ = socket.send_to(&[], (host, port));
            (sent, sent - u32::try_from(back.len()).expect("no more than were sent"))
        });
        drop(echo);
        Self { ends, client }
    }

    /// Ends, and says how many packets were sent and how many of them did not come back.
    pub(crate) fn end(self) -> (u32, u32) {
        drop(self.ends);
        self.client.join().expect("it counts")
    }
}

/// Takes what comes back until a time.
fn take(socket: &UdpSocket, until: Instant, back: &mut BTreeSet<u32>) {
    let mut buffer = [0; 4];
    loop {
        let left = until.saturating_duration_since(now());
        if left.is_zero() {
            return;
        }
        socket.set_read_timeout(Some(left)).expect("a time");
        if let Ok((4, _)) = socket.recv_from(&mut buffer) {
            back.insert(u32::from_be_bytes(buffer));
        }
    }
}

/// By which interface packets to the host beyond leave now.
pub(crate) fn leaves_by() -> String {
    leaves_by_to(BEYOND.into())
}

/// By which interface packets to an address leave now.
pub(crate) fn leaves_by_to(host: IpAddr) -> String {
    let output = Command::new("ip").args(["route", "get", &host.to_string()]).output().expect("ip starts");
    let answer = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut words = answer.split_whitespace().skip_while(|word| *word != "dev");
    words.nth(1).unwrap_or_default().to_owned()
}

/// A socket that is told by the daemon how it is doing.
pub(crate) fn manager() -> (UnixDatagram, PathBuf) {
    let path = directory().join("notify");
    let socket = UnixDatagram::bind(&path).expect("it is free");
    socket.set_read_timeout(Some(PATIENCE)).expect("a time");
    (socket, path)
}

/// The same at a name that is no file's.
pub(crate) fn abstract_manager() -> (UnixDatagram, PathBuf) {
    let name = format!("waypost-{}", std::process::id());
    let socket = abstract_datagrams(&name);
    socket.set_read_timeout(Some(PATIENCE)).expect("a time");
    (socket, PathBuf::from(format!("@{name}")))
}

/// Sends nothing but time by: waits for a datagram that nobody sends.
pub(crate) fn pass(time: Duration) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    socket.set_read_timeout(Some(time)).expect("a time");
    let _ = socket.recv(&mut [0]);
}
