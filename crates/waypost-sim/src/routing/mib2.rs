//! IP's tables as illumos gives them over a stream: `inet/mib2.h`, written from that header and not by the codec.

use std::net::IpAddr;

use waypost_core::{Family, Prefix};
use waypost_pfroute::wire::ByteOrder;

use super::machine::{Entry, Gate, Key, Machine, Own};

/// MIB2_IP and MIB2_IP6.
const LEVELS: [(u32, Family); 2] = [(260, Family::V4), (268, Family::V6)];

/// How much longer than in the header entries are: readers go by what the group says.
const GROWTH: usize = 8;

/// An entry or an item in the making, all of whose numbers have 32 bits.
struct Words {
    order: ByteOrder,
    bytes: Vec<u8>,
}

impl Words {
    fn new(order: ByteOrder, length: usize) -> Self {
        Self { order, bytes: vec![0; length] }
    }

    fn put(&mut self, offset: usize, value: u32) {
        let bytes = if self.order == ByteOrder::Little { value.to_le_bytes() } else { value.to_be_bytes() };
        self.copy(offset, &bytes);
    }

    fn copy(&mut self, offset: usize, bytes: &[u8]) {
        if let Some(place) = self.bytes.get_mut(offset..offset + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }

    fn octets(&mut self, offset: usize, bytes: &[u8]) {
        self.put(offset, u32::try_from(bytes.len()).unwrap_or(0));
        self.copy(offset + 4, bytes);
    }

    fn address(&mut self, offset: usize, address: IpAddr) {
        match address {
            IpAddr::V4(address) => self.copy(offset, &address.octets()),
            IpAddr::V6(address) => self.copy(offset, &address.octets()),
        }
    }
}

impl Machine {
    /// All items, each a `struct opthdr` and its data.
    pub(super) fn mib2(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (level, family) in LEVELS {
            let addresses: Vec<u8> = self.own(family).flat_map(|own| self.mib2_address(own)).collect();
            let routes: Vec<u8> = self
                .routes
                .iter()
                .filter(|(key, _)| key.destination.family() == family)
                .flat_map(|(key, entry)| self.mib2_route(*key, *entry))
                .chain(self.own(family).flat_map(|own| self.mib2_local(own)))
                .collect();
            let (route_name, address_name) = if family == Family::V4 { (21, 20) } else { (23, 25) };
            for (name, data) in [(0, self.mib2_group(family)), (address_name, addresses), (route_name, routes)] {
                let mut head = Words::new(self.order, 12);
                head.put(0, level);
                head.put(4, name);
                head.put(8, u32::try_from(data.len()).unwrap_or(0));
                out.extend(head.bytes);
                out.extend(data);
            }
        }
        out
    }

    /// The loopback's are there too; a link without an address has an entry of the unspecified one.
    fn own(&self, family: Family) -> impl Iterator<Item = Own> {
        let bare = self.links.keys().map(move |index| {
            let address = if family == Family::V4 { IpAddr::from([0; 4]) } else { IpAddr::from([0; 16]) };
            Own { index: *index, address, length: 0 }
        });
        let has_one =
            move |own: &Own| !self.addresses.iter().any(|other| other.index == own.index && Family::of(&other.address) == family);
        let addressed = self.addresses.iter().copied().filter(move |own| Family::of(&own.address) == family);
        bare.filter(has_one).chain(addressed)
    }

    /// How long the entries are: `mib2_ip_t` and `mib2_ipv6IfStatsEntry_t`.
    fn mib2_group(&self, family: Family) -> Vec<u8> {
        let mut group = Words::new(self.order, 168);
        let sizes = match family {
            Family::V4 => [(76, 100), (80, 156), (84, 120)],
            Family::V6 => [(16, 176), (20, 152), (24, 68)],
        };
        for (offset, size) in sizes {
            group.put(offset, u32::try_from(size + GROWTH).unwrap_or(0));
        }
        group.bytes
    }

    fn mib2_address(&self, own: Own) -> Vec<u8> {
        let Some(wire) = self.links.get(&own.index) else { return Vec::new() };
        // IFF_UP, IFF_BROADCAST or IFF_LOOPBACK, IFF_RUNNING of net/if.h.
        let flags = u32::from(wire.is_up) | if wire.kind == 24 { 0x8 } else { 0x2 } | u32::from(wire.is_up) << 6;
        match own.address {
            IpAddr::V4(_) => {
                let mut entry = Words::new(self.order, 100 + GROWTH);
                entry.address(0, own.address);
                entry.octets(4, wire.name.as_bytes());
                entry.address(40, mask(own));
                if let Some(broadcast) = self.broadcast(own) {
                    entry.address(60, broadcast);
                }
                entry.put(52, wire.mtu);
                entry.put(68, flags);
                entry.bytes
            }
            IpAddr::V6(_) => {
                let mut entry = Words::new(self.order, 176 + GROWTH);
                entry.octets(0, wire.name.as_bytes());
                entry.address(36, own.address);
                entry.put(52, u32::from(own.length));
                entry.put(68, wire.mtu);
                entry.put(92, flags);
                entry.bytes
            }
        }
    }

    /// An address of the machine's own is listed among the routes too.
    fn mib2_local(&self, own: Own) -> Vec<u8> {
        let length = Family::of(&own.address).bits();
        let Ok(destination) = Prefix::new(own.address, length) else { return Vec::new() };
        let entry = Entry { gateway: Gate::Link(own.index), index: own.index, flags: 0x8_0000, mtu: 0 };
        self.mib2_entry(Key { table: 0, destination, scope: 0, priority: 0 }, entry, 0x4)
    }

    fn mib2_route(&self, key: Key, entry: Entry) -> Vec<u8> {
        // IRE_IF_RESOLVER, IRE_DEFAULT, IRE_HOST, IRE_PREFIX of inet/ip.h.
        let kind = match entry.gateway {
            Gate::Link(_) => 0x80,
            Gate::Address(..) if key.destination.length() == 0 => 0x2,
            Gate::Address(..) if key.destination.is_host() => 0x100,
            Gate::Address(..) => 0x10,
        };
        self.mib2_entry(key, entry, kind)
    }

    fn mib2_entry(&self, key: Key, entry: Entry, kind: u32) -> Vec<u8> {
        let family = key.destination.family();
        let (next_hop, wire) = match entry.gateway {
            Gate::Address(address, _) => (Some(address), None),
            Gate::Link(index) => (self.own_address(index, family), self.links.get(&index)),
        };
        // Of a route through a gateway the kernel does not say by which interface, unless its address is of a link alone.
        let is_zoned = matches!(next_hop, Some(IpAddr::V6(address)) if address.is_unicast_link_local());
        let wire = wire.or_else(|| self.links.get(&entry.index).filter(|_| is_zoned));
        let name = wire.map(|wire| wire.name.as_bytes()).unwrap_or_default();
        let mtu = if entry.mtu == 0 {
            self.links.get(&entry.index).map_or(0, |wire| wire.mtu)
        } else {
            u32::try_from(entry.mtu).unwrap_or(u32::MAX)
        };
        // The kernel does not mark what is up, nor what it has done.
        let flags = entry.flags & !0x41;
        let (length, places) = match family {
            Family::V4 => (156, [4, 56, 80, 100, 112]),
            Family::V6 => (152, [24, 60, 104, 136, 148]),
        };
        let [name_at, next_hop_at, mtu_at, kind_at, flags_at] = places;
        let mut words = Words::new(self.order, length + GROWTH);
        words.address(0, key.destination.network());
        words.octets(name_at, name);
        if let Some(next_hop) = next_hop {
            words.address(next_hop_at, next_hop);
        }
        match family {
            Family::V4 => {
                let own = Own { index: 0, address: key.destination.network(), length: key.destination.length() };
                words.address(72, mask(own));
            }
            Family::V6 => words.put(16, u32::from(key.destination.length())),
        }
        words.put(mtu_at, mtu);
        words.put(kind_at, kind);
        words.put(flags_at, flags);
        words.bytes
    }
}

/// The netmask of IPv4.
fn mask(own: Own) -> IpAddr {
    let bits = u32::MAX.checked_shl(32 - u32::from(own.length.min(32))).unwrap_or(0);
    std::net::Ipv4Addr::from(bits).into()
}
