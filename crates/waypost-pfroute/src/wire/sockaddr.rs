//! The addresses behind a message's header.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::bytes::{ByteOrder, Field, View};
use super::dialect::{Dialect, Families, SockaddrForm, Source};
use super::error::{DecodeError, Expected};

/// What a sockaddr behind the header is for: RTAX_ of net/route.h.
///
/// All systems have the first eight, in this order; the others are each of some.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Axis {
    /// The destination.
    Dst,
    /// The gateway; the interface's own link-layer address where the destination is on the link.
    Gateway,
    /// The netmask; absent for a host route.
    Netmask,
    /// The mask of cloned routes, which no system in use has.
    Genmask,
    /// The interface, with its name.
    Ifp,
    /// The address of the interface.
    Ifa,
    /// Who sent the redirect.
    Author,
    /// The broadcast address, or the far end of a point-to-point link.
    Brd,
    /// The source address.
    Src,
    /// The mask of the source address.
    SrcMask,
    /// A label that an administrator gives to the route.
    Label,
    /// A session of BFD.
    Bfd,
    /// Name servers.
    Dns,
    /// Static routes from a DHCP server.
    StaticRoutes,
    /// Domains to search.
    Search,
    /// A tag.
    Tag,
    /// The first label of MPLS.
    Mpls1,
    /// The second label of MPLS.
    Mpls2,
    /// The third label of MPLS.
    Mpls3,
}

/// The most sockaddrs that a message of any dialect can announce.
const MOST: usize = 15;

/// A power of two of at least so many, so that none is looked for behind the last.
const PLACES: usize = MOST.next_power_of_two();

impl Axis {
    /// How many all systems have, in one order.
    const EVERYWHERE: usize = 8;

    /// All that some system has.
    pub const ALL: [Self; 19] = [
        Self::Dst,
        Self::Gateway,
        Self::Netmask,
        Self::Genmask,
        Self::Ifp,
        Self::Ifa,
        Self::Author,
        Self::Brd,
        Self::Src,
        Self::SrcMask,
        Self::Label,
        Self::Bfd,
        Self::Dns,
        Self::StaticRoutes,
        Self::Search,
        Self::Tag,
        Self::Mpls1,
        Self::Mpls2,
        Self::Mpls3,
    ];

    /// The name in net/route.h, in lower case and without `RTAX_`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dst => "dst",
            Self::Gateway => "gateway",
            Self::Netmask => "netmask",
            Self::Genmask => "genmask",
            Self::Ifp => "ifp",
            Self::Ifa => "ifa",
            Self::Author => "author",
            Self::Brd => "brd",
            Self::Src => "src",
            Self::SrcMask => "srcmask",
            Self::Label => "label",
            Self::Bfd => "bfd",
            Self::Dns => "dns",
            Self::StaticRoutes => "static",
            Self::Search => "search",
            Self::Tag => "tag",
            Self::Mpls1 => "mpls1",
            Self::Mpls2 => "mpls2",
            Self::Mpls3 => "mpls3",
        }
    }

    /// Which bit of the address mask announces it.
    #[inline]
    pub(super) fn bit(self, dialect: &Dialect) -> Option<usize> {
        let place = self as usize;
        if place < Self::EVERYWHERE {
            return Some(place);
        }
        dialect.axes.iter().position(|&known| known == self)
    }
}

/// Says whether an IPv6 address belongs to one link, or one host, and so has a zone: those in which KAME's kernels keep
/// it in the second group (netinet6/scope6.c, `in6_setscope`).
pub(crate) fn has_zone(address: Ipv6Addr) -> bool {
    address.is_unicast_link_local() || matches!(address.segments()[0] & 0xff0f, 0xff01 | 0xff02)
}

/// The sockaddrs of one message.
///
/// They stand one behind the other, so one that runs past the message takes those behind it along: see
/// [`fault`](Self::fault). Those before it are read.
#[derive(Clone, Copy, Debug)]
pub struct Sockaddrs<'a> {
    dialect: &'static Dialect,
    message: View<'a>,
    /// Offsets from the start of the message, by the bits of the mask; zero where absent: a header stands there.
    starts: [u16; PLACES],
    /// Where the last one stands, whole or not.
    last: u16,
    source: Source,
    state: State,
    /// How many bytes of the message and behind it they take.
    end: u32,
}

/// Whether all sockaddrs that are announced are there. A message carries it, so it is small.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Whole,
    /// The message ends before one.
    Missing,
    /// The message ends inside the last one.
    Cut,
    /// The last one has a family of unknown length.
    Family,
}

impl<'a> Sockaddrs<'a> {
    /// Finds the sockaddrs that `mask` announces, the first at `start`.
    pub(super) fn walk(dialect: &'static Dialect, source: Source, message: View<'a>, start: u16, mask: u32) -> Self {
        // A message is shorter than 64 KiB, whatever there is behind it.
        let message = View { bytes: message.bytes.get(..usize::from(u16::MAX)).unwrap_or(message.bytes), ..message };
        let mut found =
            Self { dialect, message, starts: [0; PLACES], last: start, source, state: State::Whole, end: u32::from(start) };
        // Bits that the dialect gives no meaning announce nothing that could be found.
        let announced = mask & ((1 << dialect.axes.len().min(MOST)) - 1);
        match dialect.sockaddrs {
            SockaddrForm::Length { unit } => {
                found.step(start, announced, usize::from(unit), |rest| rest.first().copied().ok_or(State::Missing));
            }
            SockaddrForm::Family => found.step(start, announced, 1, |rest| length(dialect, message.order, rest)),
        }
        found
    }

    /// Steps from one sockaddr to the next, each of which takes a multiple of `unit` bytes and at least one.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "a place inside the message, and one step of less than 256 behind it")]
    fn step(&mut self, start: u16, mut announced: u32, unit: usize, length: impl Fn(&[u8]) -> Result<u8, State>) {
        let bytes = self.message.bytes;
        let (mut at, mut last) = (usize::from(start), usize::from(start));
        while announced != 0 {
            let bit = announced.trailing_zeros() as usize;
            announced &= announced - 1;
            last = at;
            let rest = bytes.get(at..).unwrap_or_default();
            let length = match length(rest) {
                Ok(length) => usize::from(length),
                Err(state) => {
                    self.state = state;
                    break;
                }
            };
            self.starts[bit % PLACES] = at as u16;
            at += rounded(length, unit);
            if length > rest.len() {
                self.state = State::Cut;
                break;
            }
        }
        self.last = last.min(usize::from(u16::MAX)) as u16;
        self.end = at as u32;
    }

    /// The address for `axis` with the zone that its sockaddr has; `None` where there is none, or of no family that routes are of.
    #[inline]
    pub(crate) fn address(&self, axis: Axis) -> Option<(IpAddr, u32)> {
        self.raw(axis)?.address(&self.dialect.families, self.message.order)
    }

    /// The message that they stand in, header and all.
    pub(super) const fn view(&self) -> View<'a> {
        self.message
    }

    /// The dialect that they are read by.
    pub(crate) const fn dialect(&self) -> &'static Dialect {
        self.dialect
    }

    /// The sockaddr for `axis`, as bytes; `None` where the message has none.
    #[must_use]
    #[inline]
    pub fn raw(&self, axis: Axis) -> Option<RawSockaddr<'a>> {
        let start = self.starts.get(axis.bit(self.dialect)?).copied().filter(|&start| start != 0)?;
        let rest = self.message.bytes.get(usize::from(start)..)?;
        let length = length(self.dialect, self.message.order, rest).ok()?;
        let family = match self.dialect.sockaddrs {
            SockaddrForm::Length { .. } => u16::from(rest.get(1).copied().unwrap_or(0)),
            SockaddrForm::Family => self.message.order.u16(*rest.first_chunk()?),
        };
        let occupied = if length == 0 { self.dialect.round(0) } else { usize::from(length) };
        Some(RawSockaddr { length, family, bytes: rest.get(..occupied).unwrap_or(rest) })
    }

    /// The sockaddr for `axis`; `None` where the message has none.
    #[must_use]
    #[inline]
    pub fn get(&self, axis: Axis) -> Option<Sockaddr<'a>> {
        let raw = self.raw(axis)?;
        Some(match axis {
            Axis::Label => Sockaddr::Label(raw.text()),
            _ => raw.interpret(&self.dialect.families, self.message.order),
        })
    }

    /// The link-layer sockaddr for `axis`; `None` where there is none or it is of another family.
    #[must_use]
    pub fn link(&self, axis: Axis) -> Option<LinkSockaddr<'a>> {
        match self.get(axis)? {
            Sockaddr::Link(link) => Some(link),
            _ => None,
        }
    }

    /// Which sockaddrs there are, in their order in the message.
    pub fn iter(&self) -> impl Iterator<Item = (Axis, RawSockaddr<'a>)> + '_ {
        self.dialect.axes.iter().filter_map(|&axis| Some((axis, self.raw(axis)?)))
    }

    /// Why not all announced sockaddrs could be read; its offset counts from the start of the message.
    #[must_use]
    #[inline]
    pub fn fault(&self) -> Option<DecodeError> {
        if self.state == State::Whole {
            return None;
        }
        let offset = usize::from(self.last);
        let rest = self.message.bytes.get(offset..).unwrap_or_default();
        let expected = match self.state {
            State::Whole => return None,
            State::Missing => Expected::Sockaddr,
            State::Cut => {
                Expected::SockaddrBody { length: length(self.dialect, self.message.order, rest).unwrap_or(0), found: rest.len() }
            }
            State::Family => Expected::Family { family: rest.first_chunk().map_or(0, |&bytes| self.message.order.u16(bytes)) },
        };
        Some(DecodeError { offset, expected })
    }

    /// How many bytes are left behind the last sockaddr; negative where it claims more than the message has.
    ///
    /// Where a kernel leaves the last sockaddr's padding out of what it sends to sockets, none is missed there.
    #[must_use]
    pub fn trailing(&self) -> i64 {
        let left = i64::try_from(self.message.bytes.len()).unwrap_or(i64::MAX) - i64::from(self.end);
        let is_padding = left < 0 && self.state == State::Whole;
        if is_padding && !self.dialect.written(self.source).pads_last { 0 } else { left }
    }
}

/// How many bytes a sockaddr of this length takes, in units of a power of two.
#[inline]
pub(super) const fn rounded(length: usize, unit: usize) -> usize {
    let length = if length == 0 { unit } else { length };
    (length + unit - 1) & !(unit - 1)
}

/// The length of the sockaddr that `rest` begins with.
#[inline]
fn length(dialect: &Dialect, order: ByteOrder, rest: &[u8]) -> Result<u8, State> {
    match dialect.sockaddrs {
        SockaddrForm::Length { .. } => rest.first().copied().ok_or(State::Missing),
        SockaddrForm::Family => {
            let &family = rest.first_chunk().ok_or(State::Missing)?;
            dialect.families.length(order.u16(family)).ok_or(State::Family)
        }
    }
}

impl Families {
    /// How long a sockaddr of the family is, where no length stands in it: illumos uts/common/inet/ip/ip_rts.c,
    /// `rts_getaddrs`. AF_UNSPEC is one of AF_INET without an address.
    pub(super) const fn length(&self, family: u16) -> Option<u8> {
        if family == 0 || family == self.inet as u16 {
            Some(16)
        } else if family == self.inet6 as u16 {
            Some(32)
        } else if family == self.link as u16 {
            Some(252)
        } else {
            None
        }
    }
}

/// A sockaddr as it stands in the message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RawSockaddr<'a> {
    length: u8,
    family: u16,
    bytes: &'a [u8],
}

impl<'a> RawSockaddr<'a> {
    /// `sa_len`: the length that it claims, or that its family has where the system knows no `sa_len`.
    #[must_use]
    pub const fn length(self) -> u8 {
        self.length
    }

    /// The family's number. In a netmask it means nothing.
    #[must_use]
    pub const fn family(self) -> u16 {
        self.family
    }

    /// The bytes, from the length byte on: as many as it claims and the message has. A length of zero occupies one
    /// unit, and gives that.
    #[must_use]
    pub const fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// The address in it, and its zone, where it has one.
    #[inline]
    pub(crate) fn address(self, families: &Families, order: ByteOrder) -> Option<(IpAddr, u32)> {
        let known = match self.family {
            family if family == u16::from(families.inet) => self.inet(),
            family if family == u16::from(families.inet6) => self.inet6(order),
            _ => None,
        };
        match known? {
            Sockaddr::Inet(address) => Some((address.into(), 0)),
            Sockaddr::Inet6 { address, scope } => Some((address.into(), scope)),
            _ => None,
        }
    }

    /// Reads it by its family.
    #[inline]
    fn interpret(self, families: &Families, order: ByteOrder) -> Sockaddr<'a> {
        let known = match self.family() {
            family if family == u16::from(families.inet) => self.inet(),
            family if family == u16::from(families.inet6) => self.inet6(order),
            family if family == u16::from(families.link) => self.link(order),
            family if families.mpls.is_some_and(|mpls| family == u16::from(mpls)) => self.mpls(),
            _ => None,
        };
        known.unwrap_or(Sockaddr::Unknown { family: self.family(), bytes: self.bytes })
    }

    fn inet(self) -> Option<Sockaddr<'a>> {
        Some(Sockaddr::Inet(Ipv4Addr::from(*self.bytes.get(4..)?.first_chunk::<4>()?)))
    }

    fn inet6(self, order: ByteOrder) -> Option<Sockaddr<'a>> {
        let address = Ipv6Addr::from(*self.bytes.get(8..)?.first_chunk::<16>()?);
        let scope = Field::u32(24).read(order, self.bytes).and_then(|scope| u32::try_from(scope).ok());
        Some(Sockaddr::Inet6 { address, scope: scope.unwrap_or(0) })
    }

    /// The word that MPLS labels stand in: behind the lengths and the family on every system.
    fn mpls(self) -> Option<Sockaddr<'a>> {
        Some(Sockaddr::Mpls(u32::from_be_bytes(*self.bytes.get(4..)?.first_chunk::<4>()?)))
    }

    /// The text of a label, without the zeros behind it.
    fn text(self) -> &'a [u8] {
        let text = self.bytes.get(2..).unwrap_or_default();
        text.split(|&byte| byte == 0).next().unwrap_or_default()
    }

    /// Reads an IPv4 sockaddr as ARP's entries have it: `struct sockaddr_inarp` of netinet/if_inarp.h. Nothing in it
    /// says that it is one. `None` where it is too short.
    #[must_use]
    pub fn inarp(self, order: ByteOrder) -> Option<Inarp> {
        let &[_, _, _, _, a, b, c, d, e, f, g, h, _, _, other0, other1] = self.bytes.first_chunk::<16>()?;
        let is_proxy = order.u16([other0, other1]) & 1 != 0;
        Some(Inarp { address: Ipv4Addr::new(a, b, c, d), source: Ipv4Addr::new(e, f, g, h), is_proxy })
    }

    fn link(self, order: ByteOrder) -> Option<Sockaddr<'a>> {
        let &[_, _, index0, index1, kind, name_length, address_length, _, ref data @ ..] = self.bytes else { return None };
        let (name, rest) = data.split_at_checked(usize::from(name_length))?;
        let address = rest.get(..usize::from(address_length))?;
        Some(Sockaddr::Link(LinkSockaddr { index: order.u16([index0, index1]).into(), kind, name, address }))
    }
}

/// A sockaddr, read by its family.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Sockaddr<'a> {
    /// An IPv4 address.
    Inet(Ipv4Addr),
    /// An IPv6 address, as it stands there: some kernels hide the scope in its third and fourth byte.
    Inet6 {
        /// The address.
        address: Ipv6Addr,
        /// The interface that a link-local address belongs to; zero where none is said.
        scope: u32,
    },
    /// An interface or a link-layer address.
    Link(LinkSockaddr<'a>),
    /// The word with a label of MPLS. OpenBSD and NetBSD have the label in its upper 20 bits, as packets do; DragonFly has
    /// nothing else in it.
    Mpls(u32),
    /// The label that an administrator gave to a route.
    Label(&'a [u8]),
    /// Another family, or one of these too short for what it should hold.
    Unknown {
        /// The family's number.
        family: u16,
        /// The whole sockaddr.
        bytes: &'a [u8],
    },
}

/// An interface or a link-layer address: `struct sockaddr_dl`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct LinkSockaddr<'a> {
    /// The interface's index; zero where it is given by name alone.
    pub index: u32,
    /// The IFT_ type.
    pub kind: u8,
    /// The interface's name; often empty.
    pub name: &'a [u8],
    /// The link-layer address; often empty.
    pub address: &'a [u8],
}

impl<'a> LinkSockaddr<'a> {
    /// No interface and no address.
    pub const EMPTY: Self = Self { index: 0, kind: 0, name: &[], address: &[] };

    /// An interface by its index, with a link-layer address: what an entry of ARP or NDP leads to.
    #[must_use]
    pub const fn new(index: u32, kind: u8, name: &'a [u8], address: &'a [u8]) -> Self {
        Self { index, kind, name, address }
    }
}

/// The destination of an entry of ARP: `struct sockaddr_inarp`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Inarp {
    /// The neighbour's address.
    pub address: Ipv4Addr,
    /// The address that it is asked from, or zeros.
    pub source: Ipv4Addr,
    /// This host answers for the neighbour: SIN_PROXY.
    pub is_proxy: bool,
}
