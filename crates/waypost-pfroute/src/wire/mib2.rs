//! The tables of IP as illumos and Solaris give them over a stream: `inet/mib2.h`.
//!
//! The answer to a T_SVR4_OPTMGMT_REQ is a list of items, each a `struct opthdr` with its data behind. Most are arrays of
//! entries, and the item that begins a group says how long its entries are. All numbers are 32 bits wide and stand at multiples
//! of four, on every machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::bytes::{ByteOrder, Field, View};
use super::error::{DecodeError, Expected};

/// `struct opthdr`: level, name, length.
const HEAD: usize = 12;
const LEVEL: Field = Field::u32(0);
const NAME: Field = Field::u32(4);
const LENGTH: Field = Field::u32(8);

/// MIB2_IP and MIB2_IP6.
const IP: u32 = 260;
const IP6: u32 = 268;

/// A table that is read: where its group says how long an entry is, and how much of one is looked at.
struct Table {
    level: u32,
    name: u32,
    /// In the first item of the level, `mib2_ip_t` or `mib2_ipv6IfStatsEntry_t`.
    size: Field,
    /// How long an entry is in the header, where the group has not said it.
    usual: usize,
    least: usize,
    read: for<'a> fn(View<'a>) -> Mib2Entry<'a>,
}

const TABLES: [Table; 6] = [
    Table { level: IP, name: 20, size: Field::u32(76), usual: 100, least: 100, read: inet_address },
    Table { level: IP, name: 21, size: Field::u32(80), usual: 156, least: 116, read: inet_route },
    Table { level: IP, name: 22, size: Field::u32(84), usual: 120, least: 80, read: inet_neighbour },
    Table { level: IP6, name: 23, size: Field::u32(20), usual: 152, least: 152, read: inet6_route },
    Table { level: IP6, name: 24, size: Field::u32(24), usual: 68, least: 60, read: inet6_neighbour },
    Table { level: IP6, name: 25, size: Field::u32(16), usual: 176, least: 128, read: inet6_address },
];

/// One entry of a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Mib2Entry<'a> {
    /// `mib2_ipRouteEntry_t` and `mib2_ipv6RouteEntry_t`.
    Route(Mib2Route<'a>),
    /// `mib2_ipAddrEntry_t` and `mib2_ipv6AddrEntry_t`.
    Address(Mib2Address<'a>),
    /// `mib2_ipNetToMediaEntry_t` and `mib2_ipv6NetToMediaEntry_t`.
    Neighbour(Mib2Neighbour<'a>),
}

/// A route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Mib2Route<'a> {
    /// The destination.
    pub destination: IpAddr,
    /// How many leading bits of it count; `None` where its mask has a gap.
    pub prefix_length: Option<u8>,
    /// The next hop: for a route to a link, the address of this machine there.
    pub next_hop: IpAddr,
    /// The name of the interface; empty where the kernel does not say.
    pub interface: &'a [u8],
    /// The largest packet, in bytes; often the interface's.
    pub mtu: u32,
    /// The source address of connections, where the route gives them one.
    pub source: IpAddr,
    /// What kind of entry it is, as IRE_ bits.
    pub kind: u32,
    /// The RTF_ flags, in the system's own numbers.
    pub raw_flags: u32,
}

impl Mib2Route<'_> {
    /// IRE_BROADCAST, of `inet/ip.h`, as all of these.
    pub const BROADCAST: u32 = 0x1;
    /// IRE_DEFAULT.
    pub const DEFAULT: u32 = 0x2;
    /// IRE_LOCAL: an address of this machine.
    pub const LOCAL: u32 = 0x4;
    /// IRE_LOOPBACK.
    pub const LOOPBACK: u32 = 0x8;
    /// IRE_PREFIX: a network behind a router.
    pub const PREFIX: u32 = 0x10;
    /// IRE_IF_NORESOLVER and IRE_IF_RESOLVER: the network of a link.
    pub const INTERFACE: u32 = 0xc0;
    /// IRE_HOST: an address behind a router.
    pub const HOST: u32 = 0x100;
    /// IRE_IF_CLONE: a copy for one destination on a link.
    pub const CLONE: u32 = 0x400;
    /// IRE_MULTICAST.
    pub const MULTICAST: u32 = 0x800;
    /// IRE_NOROUTE.
    pub const NO_ROUTE: u32 = 0x1000;
}

/// An address of an interface. Interfaces without one have an entry too, of the unspecified address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Mib2Address<'a> {
    /// The name of the interface, with a number behind a colon where it is not its first address.
    pub interface: &'a [u8],
    /// The address.
    pub address: IpAddr,
    /// How many of its leading bits are the network's; `None` where its mask has a gap.
    pub prefix_length: Option<u8>,
    /// The broadcast address, of IPv4 alone.
    pub broadcast: Option<Ipv4Addr>,
    /// The other end of a point-to-point link.
    pub peer: IpAddr,
    /// The largest packet of the interface, in bytes.
    pub mtu: u32,
    /// The lower half of the interface's IFF_ flags.
    pub raw_flags: u32,
}

/// A neighbour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Mib2Neighbour<'a> {
    /// Its address.
    pub address: IpAddr,
    /// The name of the interface, of IPv4, or its number, of IPv6.
    pub interface: Mib2Interface<'a>,
    /// Its link-layer address; empty where it is not known.
    pub link_address: &'a [u8],
    /// It was set by hand.
    pub is_static: bool,
}

/// By what an entry names its interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the header has these two")]
pub enum Mib2Interface<'a> {
    /// Its name.
    Name(&'a [u8]),
    /// Its number.
    Index(u32),
}

/// The entries of all tables that are read, in their order; other items pass without a word.
///
/// An item that says that it goes on behind the end of the buffer ends the walk, one with entries too short to be read spoils
/// itself.
///
/// ```
/// use waypost_pfroute::wire::{ByteOrder, Mib2};
///
/// // An item of a level that is not read, with 4 bytes of data.
/// let bytes = [1, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 9, 9, 9, 9];
/// assert!(Mib2::new(ByteOrder::Little, &bytes).next().is_none());
/// ```
#[derive(Clone, Debug)]
pub struct Mib2<'a> {
    order: ByteOrder,
    buffer: &'a [u8],
    at: usize,
    /// What the groups say of the length of the entries of each table; zero where they have said nothing yet.
    sizes: [usize; TABLES.len()],
    /// The rest of the item that is being read, and which table it is of.
    rest: &'a [u8],
    table: usize,
}

impl<'a> Mib2<'a> {
    /// The control part of the request, as `putmsg` sends it: a `struct T_optmgmt_req` of 16 bytes and a `struct opthdr` that
    /// asks for IP's tables with every route (EXPER_IP_AND_ALL_IRES).
    #[must_use]
    pub fn request(order: ByteOrder) -> [u8; 28] {
        // T_SVR4_OPTMGMT_REQ; where the options stand; T_CURRENT; the level.
        let numbers = [(0, 9), (4, 12), (8, 16), (12, 0x80), (16, 1028)];
        let mut bytes = [0; 28];
        for (offset, value) in numbers {
            let _fits = Field::u32(offset).write(order, &mut bytes, value);
        }
        bytes
    }

    /// The `struct opthdr` in the control part of an answer; `None` where it is none, which begins with a
    /// `struct T_optmgmt_ack` (T_OPTMGMT_ACK, its options' length, and where they stand).
    #[must_use]
    pub fn head(order: ByteOrder, control: &[u8]) -> Option<&[u8]> {
        let view = View { order, bytes: control };
        let start = usize::try_from(view.u32(Field::u32(8))).ok()?;
        let head = control.get(start..)?.get(..HEAD)?;
        (view.u32(Field::u32(0)) == 22).then_some(head)
    }

    /// How many bytes of data go with an item, by its `struct opthdr`.
    #[must_use]
    pub fn data_length(order: ByteOrder, head: &[u8]) -> usize {
        usize::try_from(View { order, bytes: head }.u32(LENGTH)).unwrap_or(0)
    }

    /// The entries in `buffer`: each item's `struct opthdr` and its data, one behind the other.
    #[must_use]
    pub const fn new(order: ByteOrder, buffer: &'a [u8]) -> Self {
        Self { order, buffer, at: 0, sizes: [0; TABLES.len()], rest: &[], table: 0 }
    }

    fn fault(&mut self, offset: usize, expected: Expected) -> DecodeError {
        self.rest = &[];
        DecodeError { offset, expected }
    }

    /// The next entry of the item that is being read.
    fn entry(&mut self) -> Option<Result<Mib2Entry<'a>, DecodeError>> {
        if self.rest.is_empty() {
            return None;
        }
        let (table, said) = (TABLES.get(self.table)?, self.sizes.get(self.table).copied().unwrap_or(0));
        let size = if said == 0 { table.usual } else { said };
        let offset = self.at - self.rest.len();
        let Some(bytes) = self.rest.get(..size).filter(|_| size >= table.least) else {
            let found = size.min(self.rest.len());
            return Some(Err(self.fault(offset, Expected::Entry { size: table.least.max(size), found })));
        };
        self.rest = self.rest.get(size..).unwrap_or_default();
        Some(Ok((table.read)(View { order: self.order, bytes })))
    }

    /// Goes on to the next item; `None` where there is none.
    fn item(&mut self) -> Option<Result<(), DecodeError>> {
        let rest = self.buffer.get(self.at..).filter(|rest| !rest.is_empty())?;
        let view = View { order: self.order, bytes: rest };
        let length = usize::try_from(view.u32(LENGTH)).unwrap_or(usize::MAX);
        let data = rest.get(HEAD..).and_then(|data| data.get(..length));
        let Some(data) = data else {
            let (found, at) = (rest.len(), std::mem::replace(&mut self.at, self.buffer.len()));
            return Some(Err(self.fault(at, Expected::Item { length: HEAD.saturating_add(length), found })));
        };
        self.at += HEAD + length;
        let (level, name) = (view.u32(LEVEL), view.u32(NAME));
        if name == 0 {
            let group = View { order: self.order, bytes: data };
            for (table, size) in TABLES.iter().zip(&mut self.sizes).filter(|(table, _)| table.level == level) {
                *size = usize::try_from(group.u32(table.size)).unwrap_or(0);
            }
        }
        if let Some(table) = TABLES.iter().position(|table| (table.level, table.name) == (level, name)) {
            (self.table, self.rest) = (table, data);
        }
        Some(Ok(()))
    }
}

impl<'a> Iterator for Mib2<'a> {
    type Item = Result<Mib2Entry<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.entry() {
                return Some(entry);
            }
            match self.item()? {
                Ok(()) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl std::iter::FusedIterator for Mib2<'_> {}

/// An `Octet_t`: a length, and 32 bytes of which so many count.
fn octets(view: View<'_>, offset: u16) -> &[u8] {
    let length = usize::try_from(view.u32(Field::u32(offset))).unwrap_or(0).min(32);
    let start = usize::from(offset) + 4;
    view.bytes.get(start..start + length).unwrap_or_default()
}

/// A name, without the zeros behind it.
fn name(view: View<'_>, offset: u16) -> &[u8] {
    octets(view, offset).split(|&byte| byte == 0).next().unwrap_or_default()
}

fn inet(view: View<'_>, offset: u16) -> Ipv4Addr {
    let bytes = view.bytes.get(usize::from(offset)..).and_then(<[u8]>::first_chunk::<4>);
    bytes.map_or(Ipv4Addr::UNSPECIFIED, |bytes| Ipv4Addr::from(*bytes))
}

fn inet6(view: View<'_>, offset: u16) -> Ipv6Addr {
    let bytes = view.bytes.get(usize::from(offset)..).and_then(<[u8]>::first_chunk::<16>);
    bytes.map_or(Ipv6Addr::UNSPECIFIED, |bytes| Ipv6Addr::from(*bytes))
}

/// How many ones the mask begins with; `None` where one stands behind a zero.
fn mask_length(mask: Ipv4Addr) -> Option<u8> {
    let (bits, ones) = (mask.to_bits(), mask.to_bits().leading_ones());
    u8::try_from(ones).ok().filter(|_| ones == bits.count_ones())
}

fn length(view: View<'_>, offset: u16) -> Option<u8> {
    u8::try_from(view.u32(Field::u32(offset))).ok().filter(|length| *length <= 128)
}

fn inet_route(view: View<'_>) -> Mib2Entry<'_> {
    Mib2Entry::Route(Mib2Route {
        destination: inet(view, 0).into(),
        prefix_length: mask_length(inet(view, 72)),
        next_hop: inet(view, 56).into(),
        interface: name(view, 4),
        mtu: view.u32(Field::u32(80)),
        source: inet(view, 96).into(),
        kind: view.u32(Field::u32(100)),
        raw_flags: view.u32(Field::u32(112)),
    })
}

fn inet6_route(view: View<'_>) -> Mib2Entry<'_> {
    Mib2Entry::Route(Mib2Route {
        destination: inet6(view, 0).into(),
        prefix_length: length(view, 16),
        next_hop: inet6(view, 60).into(),
        interface: name(view, 24),
        mtu: view.u32(Field::u32(104)),
        source: inet6(view, 120).into(),
        kind: view.u32(Field::u32(136)),
        raw_flags: view.u32(Field::u32(148)),
    })
}

fn inet_address(view: View<'_>) -> Mib2Entry<'_> {
    Mib2Entry::Address(Mib2Address {
        interface: name(view, 4),
        address: inet(view, 0).into(),
        prefix_length: mask_length(inet(view, 40)),
        broadcast: Some(inet(view, 60)),
        peer: inet(view, 64).into(),
        mtu: view.u32(Field::u32(52)),
        raw_flags: view.u32(Field::u32(68)),
    })
}

fn inet6_address(view: View<'_>) -> Mib2Entry<'_> {
    Mib2Entry::Address(Mib2Address {
        interface: name(view, 0),
        address: inet6(view, 36).into(),
        prefix_length: length(view, 52),
        broadcast: None,
        peer: inet6(view, 76).into(),
        mtu: view.u32(Field::u32(68)),
        raw_flags: view.u32(Field::u32(92)),
    })
}

fn inet_neighbour(view: View<'_>) -> Mib2Entry<'_> {
    Mib2Entry::Neighbour(Mib2Neighbour {
        address: inet(view, 72).into(),
        interface: Mib2Interface::Name(name(view, 0)),
        link_address: octets(view, 36),
        is_static: view.u32(Field::u32(76)) == 4,
    })
}

fn inet6_neighbour(view: View<'_>) -> Mib2Entry<'_> {
    Mib2Entry::Neighbour(Mib2Neighbour {
        address: inet6(view, 4).into(),
        interface: Mib2Interface::Index(view.u32(Field::u32(0))),
        link_address: octets(view, 20),
        is_static: view.u32(Field::u32(56)) == 3,
    })
}
