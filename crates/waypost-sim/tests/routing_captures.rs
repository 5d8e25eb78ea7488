//! What the simulated kernel answers, beside what real ones answered to the same bytes.
#![cfg(feature = "pfroute")]

use std::path::Path;

use serde_json::Value;
use waypost_pfroute::wire::ByteOrder;
use waypost_sim::RoutingProfile;
use waypost_sim::routing::RoutingSim;

/// The captures stand where those of the codec stand.
const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../waypost-pfroute/tests/data");

/// One request, in the order in which they were made, with what came of it.
struct Asked {
    name: String,
    request: Vec<u8>,
    result: i64,
    reply: Option<Vec<u8>>,
}

fn asked(folder: &str) -> Vec<Asked> {
    let folder = Path::new(DATA).join(folder);
    let index = std::fs::read_to_string(folder.join("index.jsonl")).expect("the captures are there");
    let captures: Vec<Value> = index.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect();
    let bytes = |capture: &Value| std::fs::read(folder.join(capture["file"].as_str().expect("a file"))).expect("it is there");
    let name = |capture: &Value, kind: &str| {
        let file = capture["file"].as_str().unwrap_or_default();
        file.split_once('-').and_then(|(_, rest)| rest.strip_suffix(&format!("-{kind}.bin"))).map(str::to_owned)
    };
    let requests = captures.iter().enumerate().filter(|(_, capture)| capture["kind"] == "request");
    requests
        .filter_map(|(at, capture)| {
            let name = name(capture, "request")?;
            let answers = captures.get(at + 1..)?.iter().take_while(|next| next["kind"] != "request");
            let reply = answers.filter(|next| next["kind"] == "reply").map(bytes).next();
            Some(Asked { name, request: bytes(capture), result: capture["write_result"].as_i64()?, reply })
        })
        .collect()
}

/// A kernel that differs from the captured one, and why: the rest must be the same, byte for byte.
type Different = [(&'static str, &'static str)];

/// What a lookup makes there: the kernel copies the route for the one destination unless it is asked for RTF_UP.
const COPIES: &str = "a lookup without RTF_UP makes a copy of the route, with a link-layer gateway, and answers that";

const NETBSD: &Different = &[
    ("get-v4-plain", COPIES),
    ("get-v4-metrics", COPIES),
    ("get-v4-default", COPIES),
    ("get-v4-mtu", COPIES),
    ("get-v6", COPIES),
    ("get-v6-default", COPIES),
    ("get-v6-onlink", COPIES),
    ("get-v4-bcast", COPIES),
    ("get-v4-onlink", COPIES),
    ("get-v4-local", COPIES),
    ("get-v6-local", COPIES),
    ("get-v4-arp", COPIES),
    ("get-arp", COPIES),
    ("del-arp", COPIES),
    ("get-v6-ll", "a link-local address of the host's own, which the captured kernel had given itself"),
    ("get-v6-default-up", "IFA is a link-local address, which the captured kernel had given itself"),
    ("get-v4-ifp-bits", "announced sockaddrs that are not there are let pass"),
    ("lock-v4", "locks are taken"),
    ("del-v4", "metrics other than the MTU and an expiry are kept"),
    ("add-v4-iface-name", "an interface is found by its name alone"),
    ("add-v4-noncontig", "a mask with a gap is taken"),
    ("add-v4-viapeer", "the answer is that to another request"),
    ("add-unpriv", "there are users with fewer rights"),
    ("get-unpriv", "there are users with fewer rights, and routes that were made before"),
];

const FREEBSD: &Different = &[
    ("add-v4-iface-sdl54", "a longer gateway out of an interface corrupts the answer"),
    ("get-v4-iface-sdl54", "the route that was made so"),
    ("add-v4-mask-af0", "the answer has the mask's family filled in"),
    ("add-v4-nomask", "the answer says RTF_HOST where there is no mask"),
    ("add-v4-shortdst", "a sockaddr that is too short is refused"),
    ("add-v4-via-v6", "an IPv4 route via an IPv6 gateway is refused"),
    ("bad-dst-len0", "no length is taken for IPv4's zero address"),
    ("bad-trailing", "answers name the number of the next-hop object, and the MTU of the interface"),
    ("get-v4-weight", "answers name the number of the next-hop object, and the MTU of the interface"),
    ("get-after-redirect", "nobody has redirected anything here"),
];

/// A machine as the captured ones were: an Ethernet interface with an address of each family.
fn machine(dialect: &str, name: &str, link_address: [u8; 6]) -> RoutingSim {
    let sim = RoutingSim::new(RoutingProfile::named(dialect).expect("it is simulated"), ByteOrder::Little);
    let index = sim.add_link(name);
    sim.set_link_address(index, &link_address);
    sim.set_up(index, true).expect("it is there");
    sim.add_address(index, "10.0.0.1".parse().expect("an address"), 24).expect("it has none");
    sim.add_address(index, "2001:db8::1".parse().expect("an address"), 64).expect("it has none");
    sim
}

/// Writes what was written to the captured kernel, in its order, and says which results or answers differ.
fn differing(sim: &RoutingSim, folder: &str, pid: u32) -> (usize, Vec<String>) {
    let socket = sim.socket();
    sim.set_receive_buffer(socket, 1 << 20);
    let all = asked(folder);
    let count = all.len();
    let differs = |asked: &Asked| {
        while sim.read(socket).expect("nothing is lost").is_some() {}
        let result = sim.write(socket, pid, &asked.request).err().map_or(0, |number| -i64::from(number));
        let reply = sim.read(socket).expect("nothing is lost");
        asked.result.min(0) != result || asked.reply != reply
    };
    (count, all.into_iter().filter(differs).map(|asked| asked.name).collect())
}

fn assert_but_for(different: &Different, sim: &RoutingSim, folder: &str, pid: u32) {
    let (count, mut found) = differing(sim, folder, pid);
    let mut known: Vec<String> = different.iter().map(|(name, _)| (*name).to_owned()).collect();
    found.sort();
    known.sort();
    assert_eq!(found, known, "of {count} requests");
}

#[test]
fn answers_are_those_of_netbsd() {
    let sim = machine("netbsd7", "shmif0", [0xb2, 0xa0, 0xf7, 0x03, 0xac, 0x00]);
    // The captured kernel runs in a process, whose number it gives to all answers.
    assert_but_for(NETBSD, &sim, "netbsd-7.99.34-amd64", 2);
}

#[test]
fn answers_are_those_of_freebsd() {
    assert_but_for(FREEBSD, &machine("freebsd", "em0", [2, 0, 0, 0, 0, 1]), "freebsd-13.0-amd64", 0);
}

/// What a kernel told by itself, by the number of its capture, without the process that its answers name.
fn told(folder: &str, number: &str) -> Vec<u8> {
    let folder = Path::new(DATA).join(folder);
    let entries = std::fs::read_dir(&folder).expect("the captures are there").flatten();
    let is_it = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with(&format!("{number}-")) && name.ends_with("-event.bin")
    };
    let file = entries.map(|entry| entry.path()).find(is_it).expect("there is such an event");
    let mut bytes = std::fs::read(file).expect("it can be read");
    // The captured NetBSD runs in a process, which it takes for the one that asked, whatever happens.
    if bytes.get(3).is_some_and(|number| *number < 12) {
        bytes[16..20].fill(0);
    }
    bytes
}

/// What is done to a machine, and the captures of what a real kernel told then that the simulated one must tell too, byte for byte.
type Told<'a> = (&'a dyn Fn(&RoutingSim, u32), &'a [&'a str]);

fn assert_told(dialect: &str, link: &str, address: [u8; 6], folder: &str, acts: &[Told<'_>]) {
    let sim = RoutingSim::new(RoutingProfile::named(dialect).expect("it is simulated"), ByteOrder::Little);
    let socket = sim.socket();
    sim.set_receive_buffer(socket, 1 << 20);
    let index = sim.add_link(link);
    sim.set_link_address(index, &address);
    for (act, numbers) in acts {
        act(&sim, index);
        let heard: Vec<Vec<u8>> = std::iter::from_fn(|| sim.read(socket).expect("nothing is lost")).collect();
        for number in *numbers {
            assert!(heard.contains(&told(folder, number)), "{folder} {number}: {heard:02x?}");
        }
    }
}

fn add(address: &'static str, length: u8) -> impl Fn(&RoutingSim, u32) {
    move |sim, index| sim.add_address(index, address.parse().expect("an address"), length).expect("it has none")
}

fn remove(address: &'static str) -> impl Fn(&RoutingSim, u32) {
    move |sim, index| sim.remove_address(index, address.parse().expect("an address")).expect("it has it")
}

fn send(address: &'static str) -> impl Fn(&RoutingSim, u32) {
    move |sim, _| sim.send(address.parse().expect("an address"))
}

/// The others are of what the simulated kernel does not have: routes to its own addresses, multicast groups, the counters of an
/// interface, redirects; and flags of addresses that go (0x1) or are tentative.
#[test]
fn events_are_those_of_freebsd() {
    let acts: [Told<'_>; 7] = [
        (&|_, _| {}, &["001"]),
        (&add("10.0.0.1", 24), &["002", "340"]),
        (&add("2001:db8::1", 64), &["011"]),
        (&add("10.0.0.7", 32), &["016"]),
        (&add("10.9.0.1", 16), &["019"]),
        (&add("2001:db8:5::1", 48), &["031"]),
        (&remove("10.0.0.1"), &["343"]),
    ];
    assert_told("freebsd", "em0", [2, 0, 0, 0, 0, 1], "freebsd-13.0-amd64", &acts);
}

/// As for FreeBSD; and the captured kernel tells of an address before it has given it a broadcast address, in another form of mask,
/// and names the port of an IPv6 packet that found no route.
#[test]
fn events_are_those_of_netbsd() {
    let acts: [Told<'_>; 4] = [
        (&|_, _| {}, &["001"]),
        (&add("10.0.0.1", 24), &["004"]),
        (&add("10.9.0.1", 16), &["020"]),
        (&send("9.9.9.9"), &["238"]),
    ];
    assert_told("netbsd7", "shmif0", [0xb2, 0xa0, 0xf7, 0x03, 0xac, 0x00], "netbsd-7.99.34-amd64", &acts);
}
