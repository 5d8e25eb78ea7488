//! IP's tables of illumos, from bytes written by hand from `inet/mib2.h`: no real kernel's were to be had.

use std::net::IpAddr;
use std::time::Duration;

use waypost_core::{IfIndex, Metric, Notice, Route, TableId};
use waypost_pfroute::lift::{Lift, LiftError, Mib2Links};
use waypost_pfroute::wire::{ByteOrder, Expected, ILLUMOS, Mib2, Mib2Entry};

const LIFT: Lift = Lift { table: TableId(0), since_epoch: Duration::ZERO };

const RTF_GATEWAY: u32 = 0x2;
const RTF_STATIC: u32 = 0x800;
const RTF_BLACKHOLE: u32 = 0x1000;
const RTF_SETSRC: u32 = 0x2_0000;
const RTF_KERNEL: u32 = 0x8_0000;
const IFF: u32 = 0x43;

/// A dump in the making.
struct Dump {
    order: ByteOrder,
    bytes: Vec<u8>,
}

/// An IPv4 route as an entry of 156 bytes has it.
#[derive(Clone, Copy)]
struct Inet {
    destination: [u8; 4],
    mask: [u8; 4],
    next_hop: [u8; 4],
    interface: &'static str,
    mtu: u32,
    kind: u32,
    flags: u32,
}

const DEFAULT: Inet = Inet {
    destination: [0; 4],
    mask: [0; 4],
    next_hop: [192, 0, 2, 1],
    interface: "",
    mtu: 1500,
    kind: 0x2,
    flags: RTF_GATEWAY | RTF_STATIC,
};

impl Dump {
    fn new(order: ByteOrder) -> Self {
        Self { order, bytes: Vec::new() }
    }

    fn word(&self, value: u32) -> [u8; 4] {
        if self.order == ByteOrder::Little { value.to_le_bytes() } else { value.to_be_bytes() }
    }

    fn put(&self, entry: &mut [u8], offset: usize, value: u32) {
        entry[offset..offset + 4].copy_from_slice(&self.word(value));
    }

    fn name(&self, entry: &mut [u8], offset: usize, name: &str) {
        self.put(entry, offset, name.len() as u32);
        entry[offset + 4..offset + 4 + name.len()].copy_from_slice(name.as_bytes());
    }

    fn item(mut self, level: u32, name: u32, data: &[u8]) -> Self {
        for value in [level, name, data.len() as u32] {
            let word = self.word(value);
            self.bytes.extend(word);
        }
        self.bytes.extend(data);
        self
    }

    /// `mib2_ip_t` or `mib2_ipv6IfStatsEntry_t`, with the sizes of entries at these places.
    fn group(self, level: u32, sizes: &[(usize, u32)]) -> Self {
        let mut group = [0; 168];
        sizes.iter().for_each(|&(offset, size)| self.put(&mut group, offset, size));
        self.item(level, 0, &group)
    }

    fn route(&self, route: Inet, size: usize) -> Vec<u8> {
        let mut entry = vec![0; size];
        entry[..4].copy_from_slice(&route.destination);
        entry[56..60].copy_from_slice(&route.next_hop);
        entry[72..76].copy_from_slice(&route.mask);
        self.name(&mut entry, 4, route.interface);
        for (offset, value) in [(80, route.mtu), (100, route.kind), (112, route.flags)] {
            self.put(&mut entry, offset, value);
        }
        entry
    }

    fn address(&self, name: &str, address: [u8; 4], broadcast: [u8; 4], mtu: u32) -> Vec<u8> {
        let mut entry = vec![0; 100];
        entry[..4].copy_from_slice(&address);
        self.name(&mut entry, 4, name);
        entry[40..44].copy_from_slice(&[255, 255, 255, 0]);
        entry[60..64].copy_from_slice(&broadcast);
        self.put(&mut entry, 52, mtu);
        self.put(&mut entry, 68, IFF);
        entry
    }

    /// Two interfaces, of which one has a second address, and these routes.
    fn with_routes(order: ByteOrder, routes: &[Inet]) -> Vec<u8> {
        let dump = Self::new(order).group(260, &[(76, 100), (80, 156), (84, 120)]);
        let addresses = [
            dump.address("net0", [192, 0, 2, 2], [192, 0, 2, 255], 1500),
            dump.address("net0:1", [192, 0, 2, 3], [192, 0, 2, 255], 1500),
            dump.address("net1", [0; 4], [0; 4], 9000),
        ]
        .concat();
        let routes: Vec<u8> = routes.iter().flat_map(|route| dump.route(*route, 156)).collect();
        dump.item(260, 20, &addresses).item(260, 21, &routes).bytes
    }
}

fn links(order: ByteOrder, dump: &[u8]) -> Mib2Links {
    Mib2Links::read(&ILLUMOS, order, dump, |name| match name {
        "net0" => IfIndex::new(2),
        "net1" => IfIndex::new(3),
        _ => None,
    })
}

/// Everything that the dump says.
fn said(order: ByteOrder, dump: &[u8]) -> Vec<Result<Notice, LiftError>> {
    let links = links(order, dump);
    Mib2::new(order, dump).filter_map(|entry| LIFT.mib2(&ILLUMOS, &entry.unwrap(), &links).transpose()).collect()
}

fn routes(order: ByteOrder, dump: &[u8]) -> Vec<Route> {
    let routes = said(order, dump).into_iter().filter_map(|notice| match notice.unwrap() {
        Notice::Route(_, route) => Some(route),
        _ => None,
    });
    routes.collect()
}

#[test]
fn the_request_is_that_of_the_header() {
    let expected = [9, 0, 0, 0, 12, 0, 0, 0, 16, 0, 0, 0, 0x80, 0, 0, 0, 4, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(Mib2::request(ByteOrder::Little), expected);
    let mut answer = [22, 12, 16, 0x80, 260, 21, 312].map(u32::to_be_bytes).concat();
    assert_eq!(Mib2::head(ByteOrder::Big, &answer), answer.get(16..));
    assert_eq!(Mib2::data_length(ByteOrder::Big, &answer[16..]), 312);
    assert_eq!(Mib2::head(ByteOrder::Big, &answer[..27]), None, "it is cut");
    answer[3] = 18;
    assert_eq!(Mib2::head(ByteOrder::Big, &answer), None, "T_ERROR_ACK");
}

#[test]
fn routes_read_as_they_were_written() {
    let to_network = Inet { destination: [10, 1, 0, 0], mask: [255, 255, 0, 0], kind: 0x10, interface: "net1", ..DEFAULT };
    let own_network = Inet {
        destination: [192, 0, 2, 0],
        mask: [255, 255, 255, 0],
        next_hop: [192, 0, 2, 2],
        interface: "net0:1",
        kind: 0x80,
        flags: RTF_KERNEL,
        ..DEFAULT
    };
    let nowhere = Inet { destination: [10, 2, 0, 0], flags: RTF_GATEWAY | RTF_BLACKHOLE, ..to_network };
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let dump = Dump::with_routes(order, &[DEFAULT, to_network, own_network, nowhere]);
        let words: Vec<String> = routes(order, &dump).iter().map(Route::to_string).collect();
        let expected = [
            "default via 192.0.2.1 table 0 proto static rt_static up mtu 1500",
            "10.1.0.0/16 via 192.0.2.1 dev if3 table 0 proto static rt_static up mtu 1500",
            // With neither the machine's own address for a gateway nor the interface's MTU.
            "192.0.2.0/24 dev if2 table 0 proto kernel scope link up",
            "blackhole 10.2.0.0/16 via 192.0.2.1 dev if3 table 0 proto unspec up mtu 1500",
        ];
        assert_eq!(words, expected, "{order:?}");
    }
}

#[test]
fn what_comes_and_goes_with_the_traffic_is_not_listed() {
    // IRE_BROADCAST, IRE_LOCAL, IRE_IF_CLONE, IRE_MULTICAST, IRE_NOROUTE of inet/ip.h.
    let kinds = [0x1, 0x4, 0x400, 0x800, 0x1000];
    let mut all: Vec<Inet> =
        kinds.map(|kind| Inet { destination: [192, 0, 2, 9], mask: [255; 4], kind, interface: "net0", ..DEFAULT }).into();
    all.push(DEFAULT);
    let dump = Dump::with_routes(ByteOrder::Little, &all);
    assert_eq!(routes(ByteOrder::Little, &dump).len(), 1);
}

#[test]
fn addresses_tell_which_links_there_are() {
    let dump = Dump::with_routes(ByteOrder::Little, &[]);
    let links = links(ByteOrder::Little, &dump);
    let said: Vec<_> = links.iter().map(|link| (link.name.as_str(), link.index.get(), link.mtu, link.is_up())).collect();
    assert_eq!(said, [("net0", 2, 1500, true), ("net1", 3, 9000, true)]);
    let notices = self::said(ByteOrder::Little, &dump);
    let addresses = notices.into_iter().filter_map(|notice| match notice.unwrap() {
        Notice::Address(_, address) => Some((address.interface.get(), address.local, address.prefix_length, address.broadcast)),
        _ => None,
    });
    let broadcast: Option<IpAddr> = Some("192.0.2.255".parse().unwrap());
    let own = |last: u8| IpAddr::from([192, 0, 2, last]);
    assert_eq!(addresses.collect::<Vec<_>>(), [(2, own(2), 24, broadcast), (2, own(3), 24, broadcast)]);
}

#[test]
fn an_ipv6_route_has_its_prefix_source_and_zone() {
    let dump = Dump::new(ByteOrder::Big).group(268, &[(16, 176), (20, 152), (24, 68)]);
    let mut address = vec![0; 176];
    dump.name(&mut address, 0, "net1");
    let local: std::net::Ipv6Addr = "fe80::2".parse().unwrap();
    address[36..52].copy_from_slice(&local.octets());
    for (offset, value) in [(52, 10), (68, 9000), (92, IFF)] {
        dump.put(&mut address, offset, value);
    }
    let entry = |destination: &str, length: u32, kind: u32, flags: u32| {
        let mut entry = vec![0; 152];
        entry[..16].copy_from_slice(&destination.parse::<std::net::Ipv6Addr>().unwrap().octets());
        entry[60..76].copy_from_slice(&"fe80::1".parse::<std::net::Ipv6Addr>().unwrap().octets());
        entry[120..136].copy_from_slice(&local.octets());
        dump.name(&mut entry, 24, "net1");
        for (offset, value) in [(16, length), (104, 1280), (136, kind), (148, flags)] {
            dump.put(&mut entry, offset, value);
        }
        entry
    };
    let routes =
        [entry("2001:db8::", 32, 0x10, RTF_GATEWAY | RTF_STATIC | RTF_SETSRC), entry("fe80::", 10, 0x80, RTF_KERNEL)].concat();
    let mut neighbour = vec![0; 68];
    dump.put(&mut neighbour, 0, 3);
    neighbour[4..20].copy_from_slice(&"fe80::1".parse::<std::net::Ipv6Addr>().unwrap().octets());
    dump.name(&mut neighbour, 20, "abcdef");
    let bytes = dump.item(268, 25, &address).item(268, 23, &routes).item(268, 24, &neighbour).bytes;
    let words: Vec<String> = self::routes(ByteOrder::Big, &bytes).iter().map(Route::to_string).collect();
    assert_eq!(words[0], "2001:db8::/32 via fe80::1 dev if3 table 0 proto static src fe80::2 rt_static up mtu 1280 pref medium");
    let network = &self::routes(ByteOrder::Big, &bytes)[1];
    assert_eq!(network.slot.interface_scope, IfIndex::new(3));
    assert_eq!(network.entry.next_hops.first().and_then(|hop| hop.gateway), None);
    assert_eq!(network.entry.metrics.get(Metric::Mtu), Some(1280));
    let is_neighbour = |notice: &Result<Notice, LiftError>| matches!(notice, Ok(Notice::Neighbour(_, known)) if known.interface.get() == 3 && known.link_address == b"abcdef");
    assert!(said(ByteOrder::Big, &bytes).iter().any(is_neighbour));
}

#[test]
fn entries_are_as_long_as_their_group_says() {
    let dump = Dump::new(ByteOrder::Little).group(260, &[(80, 164)]);
    let routes = [dump.route(DEFAULT, 164), dump.route(DEFAULT, 164), vec![7; 20]].concat();
    let bytes = dump.item(260, 21, &routes).item(260, 22, &[]).bytes;
    let found: Vec<_> = Mib2::new(ByteOrder::Little, &bytes).collect();
    assert!(matches!(found[..], [Ok(Mib2Entry::Route(_)), Ok(Mib2Entry::Route(_)), Err(_)]), "{found:?}");
    assert_eq!(found[2].as_ref().unwrap_err().expected, Expected::Entry { size: 164, found: 20 });
    let short = Dump::new(ByteOrder::Little).group(260, &[(80, 60)]).item(260, 21, &[0; 120]).bytes;
    let found: Vec<_> = Mib2::new(ByteOrder::Little, &short).map(|entry| entry.unwrap_err().expected).collect();
    assert_eq!(found, [Expected::Entry { size: 116, found: 60 }]);
}

#[test]
fn a_mask_with_a_gap_spoils_its_route_alone() {
    let gap = Inet { mask: [255, 0, 255, 0], destination: [10, 0, 1, 0], ..DEFAULT };
    let dump = Dump::with_routes(ByteOrder::Little, &[gap, DEFAULT]);
    let said = said(ByteOrder::Little, &dump);
    assert_eq!(said.iter().filter(|notice| matches!(notice, Err(LiftError::MaskGap))).count(), 1);
    assert_eq!(said.iter().filter(|notice| matches!(notice, Ok(Notice::Route(..)))).count(), 1);
}

#[test]
fn damage_ends_the_walk_or_spoils_what_it_hits_and_nothing_panics() {
    let dump = Dump::with_routes(ByteOrder::Little, &[DEFAULT, Inet { kind: 0x80, interface: "net1", ..DEFAULT }]);
    let whole = Mib2::new(ByteOrder::Little, &dump).count();
    assert_eq!(whole, 5);
    for length in 0..dump.len() {
        let cut = dump.get(..length).unwrap();
        let found: Vec<_> = Mib2::new(ByteOrder::Little, cut).collect();
        // Whatever is cut is an item, and its entries are not read.
        assert!(found.iter().filter(|entry| entry.is_ok()).count() <= whole);
        assert!(found.iter().rev().skip(1).all(Result::is_ok), "cut at {length}");
        let links = links(ByteOrder::Little, cut);
        found.iter().flatten().for_each(|entry| drop(LIFT.mib2(&ILLUMOS, entry, &links)));
    }
    let mut flipped = dump.clone();
    for at in 0..dump.len() {
        for flip in [0x01, 0x80, 0xff] {
            flipped[at] ^= flip;
            let links = links(ByteOrder::Little, &flipped);
            for entry in Mib2::new(ByteOrder::Little, &flipped).take(10_000).flatten() {
                drop(LIFT.mib2(&ILLUMOS, &entry, &links));
            }
            // Wrong lengths and names make other entries of the same bytes, and not many more.
            assert!(Mib2::new(ByteOrder::Little, &flipped).count() <= 2 * whole, "byte {at}");
            flipped[at] ^= flip;
        }
    }
}
