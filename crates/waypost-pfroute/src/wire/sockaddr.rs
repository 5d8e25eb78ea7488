//! The addresses behind a message's header.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::bytes::{ByteOrder, Field, View};
use super::dialect::{Dialect, Families};
use super::error::{DecodeError, Expected};

/// What a sockaddr behind the header is for: RTAX_ of net/route.h.
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
}

impl Axis {
    /// How many there are.
    pub const COUNT: usize = 8;

    const fn place(self) -> usize {
        self as usize
    }
}

/// The sockaddrs of one message.
///
/// They stand one behind the other, so one that runs past the message takes those behind it along: see
/// [`fault`](Self::fault). Those before it are read.
#[derive(Clone, Copy, Debug)]
pub struct Sockaddrs<'a> {
    dialect: &'static Dialect,
    message: View<'a>,
    /// Offsets from the start of the message, zero where absent: a header stands there.
    starts: [u16; Axis::COUNT],
    /// Where the last one stands, whole or not.
    last: u16,
    /// How many bytes of the message and behind it they take.
    end: u32,
    state: State,
}

/// Whether all sockaddrs that are announced are there. A message carries it, so it is small.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Whole,
    /// The message ends before one.
    Missing,
    /// The message ends inside the last one.
    Cut,
}

impl<'a> Sockaddrs<'a> {
    /// Finds the sockaddrs that `mask` announces, the first at `start`.
    pub(super) fn walk(dialect: &'static Dialect, message: View<'a>, start: u16, mask: u32) -> Self {
        let mut found =
            Self { dialect, message, starts: [0; Axis::COUNT], last: start, end: u32::from(start), state: State::Whole };
        let mut at = start;
        for (bit, &axis) in dialect.axes.iter().enumerate() {
            if mask & (1 << bit) == 0 {
                continue;
            }
            found.last = at;
            let Some((&length, rest)) = message.bytes.get(usize::from(at)..).and_then(<[u8]>::split_first) else {
                found.state = State::Missing;
                break;
            };
            if let Some(place) = found.starts.get_mut(axis.place()) {
                *place = at;
            }
            let next = usize::from(at) + dialect.round(usize::from(length));
            found.end = u32::try_from(next).unwrap_or(u32::MAX);
            if usize::from(length) > rest.len() + 1 {
                found.state = State::Cut;
                break;
            }
            // A message is shorter than 64 KiB, so an offset that does not fit is behind its end.
            at = u16::try_from(next).unwrap_or(u16::MAX);
        }
        found
    }

    /// The message that they stand in, header and all.
    pub(super) const fn view(&self) -> View<'a> {
        self.message
    }

    /// The dialect that they are read by.
    pub(super) const fn dialect(&self) -> &'static Dialect {
        self.dialect
    }

    /// The sockaddr for `axis`, as bytes; `None` where the message has none.
    #[must_use]
    pub fn raw(&self, axis: Axis) -> Option<RawSockaddr<'a>> {
        let start = self.starts.get(axis.place()).copied().filter(|&start| start != 0)?;
        let rest = self.message.bytes.get(usize::from(start)..)?;
        let length = *rest.first()?;
        let occupied = if length == 0 { self.dialect.round(0) } else { usize::from(length) };
        Some(RawSockaddr { length, bytes: rest.get(..occupied).unwrap_or(rest) })
    }

    /// The sockaddr for `axis`; `None` where the message has none.
    #[must_use]
    pub fn get(&self, axis: Axis) -> Option<Sockaddr<'a>> {
        self.raw(axis).map(|raw| raw.interpret(&self.dialect.families, self.message.order))
    }

    /// The link-layer sockaddr for `axis`; `None` where there is none or it is of another family.
    #[must_use]
    pub fn link(&self, axis: Axis) -> Option<LinkSockaddr<'a>> {
        match self.get(axis)? {
            Sockaddr::Link(link) => Some(link),
            _ => None,
        }
    }

    /// Which sockaddrs there are, in the order of [`Axis`].
    pub fn iter(&self) -> impl Iterator<Item = (Axis, RawSockaddr<'a>)> + '_ {
        self.dialect.axes.iter().filter_map(|&axis| Some((axis, self.raw(axis)?)))
    }

    /// Why not all announced sockaddrs could be read; its offset counts from the start of the message.
    #[must_use]
    pub fn fault(&self) -> Option<DecodeError> {
        let offset = usize::from(self.last);
        let rest = self.message.bytes.get(offset..).unwrap_or_default();
        let expected = match self.state {
            State::Whole => return None,
            State::Missing => Expected::Sockaddr,
            State::Cut => Expected::SockaddrBody { length: rest.first().copied().unwrap_or(0), found: rest.len() },
        };
        Some(DecodeError { offset, expected })
    }

    /// How many bytes are left behind the last sockaddr; negative where it claims more than the message has.
    #[must_use]
    pub fn trailing(&self) -> i64 {
        i64::try_from(self.message.bytes.len()).unwrap_or(i64::MAX) - i64::from(self.end)
    }
}

/// A sockaddr as it stands in the message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RawSockaddr<'a> {
    length: u8,
    bytes: &'a [u8],
}

impl<'a> RawSockaddr<'a> {
    /// `sa_len`: the length that it claims.
    #[must_use]
    pub const fn length(self) -> u8 {
        self.length
    }

    /// The family's number. In a netmask it means nothing.
    #[must_use]
    pub fn family(self) -> u8 {
        self.bytes.get(1).copied().unwrap_or(0)
    }

    /// The bytes, from the length byte on: as many as it claims and the message has. A length of zero occupies one
    /// unit, and gives that.
    #[must_use]
    pub const fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Reads it by its family.
    fn interpret(self, families: &Families, order: ByteOrder) -> Sockaddr<'a> {
        let known = match self.family() {
            family if family == families.inet => self.inet(),
            family if family == families.inet6 => self.inet6(order),
            family if family == families.link => self.link(order),
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

    fn link(self, order: ByteOrder) -> Option<Sockaddr<'a>> {
        let &[_, _, index0, index1, kind, name_length, address_length, _, ref data @ ..] = self.bytes else { return None };
        let (name, rest) = data.split_at_checked(usize::from(name_length))?;
        let address = rest.get(..usize::from(address_length))?;
        Some(Sockaddr::Link(LinkSockaddr { index: order.u16([index0, index1]), kind, name, address }))
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
    /// Another family, or one of these too short for what it should hold.
    Unknown {
        /// The family's number.
        family: u8,
        /// The whole sockaddr.
        bytes: &'a [u8],
    },
}

/// An interface or a link-layer address: `struct sockaddr_dl`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct LinkSockaddr<'a> {
    /// The interface's index; zero where it is given by name alone.
    pub index: u16,
    /// The IFT_ type.
    pub kind: u8,
    /// The interface's name; often empty.
    pub name: &'a [u8],
    /// The link-layer address; often empty.
    pub address: &'a [u8],
}
