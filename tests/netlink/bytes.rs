//! The bytes that the simulated kernel writes, beside those that the real one writes of the same things.

use std::collections::BTreeMap;

use waypost::{Native, Options};
use waypost_core::{Dump, Family, Kernel, Request, RouteFilter, Ticket};
use waypost_netlink::session::EventLane;
use waypost_sim::netlink::{NetlinkSockets, SocketName};
use waypost_sim::{Profile, Sim};
use waypost_tests::ip::{ip, sysctl, veth};

use super::NOW;

/// RTA_DST.
const DESTINATION: u16 = 1;

/// RTA_CACHEINFO: the kernel counts in it for how long nobody has used the route.
const CACHEINFO: u16 = 12;

// Of what is told: it is part of a list; it has come into a slot that was empty, or behind others.
const MULTI: u16 = 0x2;
const EXCL: u16 = 0x200;
const CREATE: u16 = 0x400;
const APPEND: u16 = 0x800;

const NEWLINK: u16 = 16;
const NEWADDR: u16 = 20;
const ROUTES: [u16; 2] = [24, 25];

/// A message without what numbers it: type, flags, what stands before the attributes, and these in order.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Said {
    kind: u16,
    flags: u16,
    header: Vec<u8>,
    attributes: Vec<(u16, Vec<u8>)>,
}

impl Said {
    fn destination(&self) -> Option<&Vec<u8>> {
        self.attributes.iter().find(|(kind, _)| *kind == DESTINATION).map(|(_, data)| data)
    }

    fn is_about_the_route_of(&self, other: &Self) -> bool {
        let is_of_route = ROUTES.contains(&self.kind) && ROUTES.contains(&other.kind);
        // The family and the length of the destination.
        is_of_route && self.header[..2] == other.header[..2] && self.destination() == other.destination()
    }
}

/// Takes bytes apart, by no code of Waypost's.
fn take_apart(bytes: &[u8]) -> Vec<Said> {
    let u16_at = |at: usize| u16::from_ne_bytes([bytes[at], bytes[at + 1]]);
    let (mut said, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let length = usize::try_from(u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap())).unwrap();
        let kind = u16_at(at + 4);
        let header = match kind {
            16 | 17 => 16,
            20 | 21 | 104 | 105 => 8,
            24..=33 => 12,
            _ => length - 16,
        };
        let mut inner = at + 16 + header;
        let mut attributes = Vec::new();
        while inner < at + length {
            let own = usize::from(u16_at(inner));
            attributes.push((u16_at(inner + 2) & 0x3fff, bytes[inner + 4..inner + own].to_vec()));
            inner += own.next_multiple_of(4);
        }
        said.push(Said { kind, flags: u16_at(at + 6), header: bytes[at + 16..at + 16 + header].to_vec(), attributes });
        at += length.next_multiple_of(4);
    }
    said
}

/// A machine of each sort with the same link, up, of the same number and with the same addresses.
fn machines() -> (Native, Sim, NetlinkSockets) {
    veth("w0", "w1");
    for (setting, value) in [("accept_dad", "0"), ("addr_gen_mode", "1")] {
        ["w0", "w1"].iter().for_each(|link| sysctl(&format!("net/ipv6/conf/{link}/{setting}"), value));
    }
    let kernel = Native::open(&Options::new()).expect("the sockets open");
    let sim = Sim::new(Profile::linux());
    let number = std::fs::read_to_string("/sys/class/net/w0/ifindex").unwrap_or_default();
    let number: u32 = number.trim().parse().unwrap_or_else(|_| {
        let line = ip("-o link show w0");
        line.split(':').next().and_then(|number| number.trim().parse().ok()).expect("ip begins with the number")
    });
    let index = waypost_core::IfIndex::new(number).unwrap();
    sim.add_link_at(index, "w0");
    ip("link set w0 up");
    sim.set_up(index, true).unwrap();
    for (address, length) in [("10.0.0.2", 24), ("2001:db8::2", 64)] {
        ip(&format!("address add {address}/{length} dev w0"));
        sim.add_address(index, address.parse().unwrap(), length).unwrap();
    }
    let sockets = NetlinkSockets::new(&sim);
    (kernel, sim, sockets)
}

fn really_said(kernel: &mut Native) -> Vec<Said> {
    let mut bytes = Vec::new();
    while kernel.overhear(&mut bytes).expect("nothing is lost") == waypost_core::Drained::More {}
    take_apart(&bytes)
}

fn simulated(sockets: &mut NetlinkSockets) -> Vec<Said> {
    let mut said = Vec::new();
    while let Some(told) = sockets.receive(NOW, SocketName::Events).expect("nothing is lost") {
        said.extend(take_apart(&told.bytes));
    }
    said
}

/// What is compared: the kernel's own times are not, and of a route's hardware offload and such there is nothing.
fn comparable(mut said: Said) -> Said {
    if ROUTES.contains(&said.kind) {
        if said.header[0] == 10 && said.flags & CREATE != 0 && said.flags & EXCL == 0 {
            // Whether a leg came with others or behind others is not told apart on IPv6, where both mean the same.
            said.flags &= !APPEND;
        }
        for (_, data) in said.attributes.iter_mut().filter(|(kind, _)| *kind == CACHEINFO) {
            // Uses, and when the last one was.
            data[..8].fill(0);
            data[16..].fill(0);
        }
    }
    said
}

pub(crate) fn changes_of_routes_are_told_in_the_kernels_own_bytes() {
    let (mut kernel, sim, mut sockets) = machines();
    really_said(&mut kernel);
    simulated(&mut sockets);
    use waypost_core::RouteChange::{Add, Append, Delete, Prepend, Replace};
    let w0 = sim.link("w0").unwrap();
    for (change, words) in [
        (Add, "10.1.0.0/16 via 10.0.0.1 metric 5 proto static"),
        (Append, "10.1.0.0/16 via 10.0.0.3 metric 5"),
        (Prepend, "10.1.0.0/16 via 10.0.0.4 metric 5"),
        (Replace, "10.1.0.0/16 via 10.0.0.9 metric 5 mtu lock 1400 advmss 1300 src 10.0.0.2"),
        (Delete, "10.1.0.0/16 via 10.0.0.3 metric 5"),
        (Add, "10.2.0.0/16 via 10.0.0.1 table 70000"),
        (Add, "10.3.0.0/16 tos 4 via 10.9.0.1 dev w0 onlink"),
        (Add, "blackhole 10.4.0.0/16"),
        (Add, "throw 10.5.0.0/16 metric 9"),
        (Add, "10.6.0.0/16 nexthop via 10.0.0.1 weight 2 nexthop via 10.0.0.3 weight 256"),
        (Add, "10.7.0.0/16 via inet6 2001:db8::5 dev w0"),
        (Add, "default via 10.0.0.1 metric 77"),
        (Delete, "default via 10.0.0.1 metric 77"),
        (Add, "2001:db8:1::/48 via 2001:db8::1 metric 5 proto static"),
        (Append, "2001:db8:1::/48 via 2001:db8::3 metric 5 proto bird"),
        (Replace, "2001:db8:1::/48 via 2001:db8::9 metric 5 pref high"),
        (Delete, "2001:db8:1::/48 via 2001:db8::9 metric 5"),
        (Add, "2001:db8:2::/48 dev w0"),
        (Add, "2001:db8:3::/48 via 2001:db8::1 table 70000 mtu 1400"),
        (Add, "2001:db8:4::/48 nexthop via 2001:db8::1 weight 2 nexthop via 2001:db8::3"),
    ] {
        let verb = format!("{change:?}").to_lowercase();
        let family = if words.contains("2001:") && !words.contains("inet6") { "-6 " } else { "" };
        ip(&format!("{family}route {verb} {words}"));
        let mut names = waypost_core::InterfaceNames::default();
        names.insert(w0, "w0");
        let mut route = waypost_core::Route::parse(words, &names).unwrap();
        // What `ip` says unasked.
        if change == Delete {
            route.entry.scope = waypost_core::Scope::NOWHERE;
            route.entry.protocol = waypost_core::Protocol::UNSPECIFIED;
        }
        sim.rival(change, &route).unwrap_or_else(|error| panic!("{words}: {error}"));
        let said: Vec<Said> = simulated(&mut sockets).into_iter().map(comparable).collect();
        // The real kernel sees to new addresses, and to what hangs on them, in its own time.
        let is_about_it = |other: &Said| said.iter().any(|said| other.is_about_the_route_of(said));
        let really: Vec<Said> = really_said(&mut kernel).into_iter().filter(is_about_it).map(comparable).collect();
        assert_eq!(said, really, "{verb} {words}");
        assert!(!said.is_empty());
    }
}

/// The messages of a list from each.
fn listed(kernel: &mut Native, sockets: &mut NetlinkSockets, dump: Dump<'_>) -> [Vec<Said>; 2] {
    let mut lane = EventLane::new(sockets.port(SocketName::Events), 0);
    lane.submit(NOW, Ticket(1), dump).unwrap();
    sockets.send(NOW, SocketName::Events, lane.outgoing().expect("one waits")).unwrap();
    kernel.submit(NOW, Ticket(1), Request::Dump(dump)).unwrap();
    kernel.flush().unwrap();
    let really = really_said(kernel);
    // The conversation hears none of it, so it is begun anew for the next.
    kernel.reopen().unwrap();
    // What happened before is told too.
    [really, simulated(sockets)].map(|said| said.into_iter().filter(|said| said.flags & MULTI != 0).collect())
}

fn routes_of(said: Vec<Said>) -> Vec<Said> {
    let is_ours = |said: &Said| {
        let multicast = said.attributes.iter().any(|(kind, data)| *kind == 1 && (data[0] == 0xff || data[..2] == [0xfe, 0x80]));
        // The real kernel has a second link, and addresses of its own for every link.
        said.kind != 24 || !multicast
    };
    said.into_iter().filter(is_ours).map(comparable).collect()
}

pub(crate) fn lists_are_in_the_kernels_own_bytes() {
    let (mut kernel, sim, mut sockets) = machines();
    for words in
        ["10.1.0.0/16 via 10.0.0.1 metric 5", "10.1.0.0/16 via 10.0.0.3 metric 6 mtu 1400", "2001:db8:1::/48 via 2001:db8::1"]
    {
        ip(&format!("route add {words}"));
        sim.rival(waypost_core::RouteChange::Add, &words.parse().unwrap()).unwrap();
    }
    for family in Family::ALL {
        let mut filter = RouteFilter::default();
        filter.table = Some(waypost_core::TableId::MAIN);
        let [really, said] = listed(&mut kernel, &mut sockets, Dump::Routes(family, &filter)).map(routes_of);
        assert_eq!(said, really, "{family:?}");
        assert!(said.len() > 2 && said.last().is_some_and(|said| said.kind == 3), "routes, and the end");
        let [really, said] = listed(&mut kernel, &mut sockets, Dump::Rules(family));
        let sorted = |mut said: Said| {
            said.attributes.sort();
            said
        };
        assert_eq!(said.into_iter().map(sorted).collect::<Vec<_>>(), really.into_iter().map(sorted).collect::<Vec<_>>());
    }
    // Of links and addresses the real kernel says more.
    for (dump, kind) in [(Dump::Links, NEWLINK), (Dump::Addresses, NEWADDR)] {
        let [really, said] = listed(&mut kernel, &mut sockets, dump);
        // The loopbacks differ in size, and the real machine was told to give links no addresses of their own (scope link, 253).
        let is_given = |said: &Said| kind == NEWADDR && said.header[3] == 253;
        let of_kind = |said: &&Said| said.kind == kind && said.header[4..8] != 1u32.to_ne_bytes() && !is_given(said);
        for one in said.iter().filter(of_kind) {
            let wanted: BTreeMap<u16, &Vec<u8>> = one.attributes.iter().map(|(kind, data)| (*kind, data)).collect();
            let is_same = |other: &&Said| {
                let has: BTreeMap<u16, &Vec<u8>> = other.attributes.iter().map(|(kind, data)| (*kind, data)).collect();
                // Times, whether an address has been found to be no other's yet, and the link-layer address that the real one has made up.
                let is_about_it = one.header[4..8] == other.header[4..8];
                is_about_it
                    && wanted.iter().all(|(kind, data)| {
                        [6, 8].contains(kind) || (one.kind == NEWLINK && *kind == 1) || has.get(kind) == Some(data)
                    })
            };
            assert!(really.iter().filter(of_kind).any(|other| is_same(&other)), "{one:?} is not in {really:?}");
        }
        assert!(said.iter().any(|said| of_kind(&said)));
    }
}
