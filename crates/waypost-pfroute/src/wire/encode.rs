//! Requests to bytes.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::bytes::{ByteOrder, Field};
use super::dialect::{Dialect, ScopeForm, SockaddrForm};
use super::flags::RouteFlags;
use super::message::{Metric, RouteOp};
use super::sockaddr::{Axis, LinkSockaddr, has_zone};

/// A request about a route, to be written to the routing socket.
///
/// ```
/// use std::net::Ipv4Addr;
/// use waypost_pfroute::wire::{Axis, ByteOrder, FREEBSD, RouteFlags, RouteOp, RouteRequest, SockaddrValue};
///
/// let destination = Ipv4Addr::new(192, 0, 2, 0);
/// let request = RouteRequest {
///     flags: RouteFlags::UP | RouteFlags::GATEWAY | RouteFlags::STATIC,
///     seq: 1,
///     addrs: &[
///         (Axis::Dst, SockaddrValue::Inet(destination)),
///         (Axis::Gateway, SockaddrValue::Inet(Ipv4Addr::new(198, 51, 100, 1))),
///         (Axis::Netmask, SockaddrValue::Inet(Ipv4Addr::new(255, 255, 255, 0))),
///     ],
///     ..RouteRequest::new(RouteOp::Add)
/// };
/// let mut bytes = Vec::new();
/// request.encode(&FREEBSD, ByteOrder::Little, &mut bytes)?;
/// assert_eq!(bytes.len(), 152 + 3 * 16);
/// # Ok::<(), waypost_pfroute::wire::EncodeError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RouteRequest<'a> {
    /// What is asked for.
    pub op: RouteOp,
    /// The flags of the route.
    pub flags: RouteFlags,
    /// Further bits of the flag word, in the system's own numbers.
    pub os_flags: u32,
    /// Which of the flags a change is about.
    pub flag_mask: RouteFlags,
    /// The interface's index; zero for none. Most kernels look at it only where the flags confine the route to it.
    pub index: u32,
    /// The table; `None` for the socket's own. Only some headers have one.
    pub table: Option<u32>,
    /// The rank among routes to the same destination; zero for the system's usual one. Only some headers have one.
    pub priority: u8,
    /// The asker's process; most kernels fill it in themselves.
    pub pid: u32,
    /// The asker's number for the request, by which it knows the answer.
    pub seq: u32,
    /// The metrics that it sets.
    pub metrics: &'a [(Metric, u64)],
    /// The metrics that it locks.
    pub locks: &'a [Metric],
    /// The sockaddrs, in the order of the dialect's axes.
    pub addrs: &'a [(Axis, SockaddrValue<'a>)],
}

/// A sockaddr to be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SockaddrValue<'a> {
    /// An IPv4 address, or a mask of that family.
    Inet(Ipv4Addr),
    /// An IPv6 address with the interface that a link-local one belongs to, or a mask of that family. The interface
    /// is written where the dialect has it: see [`ScopeForm`].
    Inet6 {
        /// The address.
        address: Ipv6Addr,
        /// The interface's index; zero for none.
        scope: u32,
    },
    /// An interface by its index; zero for whichever the kernel chooses. It is written as long as the dialect's
    /// [`link_length`](Dialect::link_length).
    Interface(u32),
    /// An interface, a link-layer address, or both.
    Link(LinkSockaddr<'a>),
    /// A label for the route, of 31 bytes at most.
    Label(&'a [u8]),
}

/// Why a request cannot be written in a dialect.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The system has no such request.
    #[error("{dialect} has no {op:?} request")]
    Op {
        /// The dialect's name.
        dialect: &'static str,
        /// What was asked for.
        op: RouteOp,
    },
    /// The system has no bit for one of the flags.
    #[error("{dialect} cannot say all of {flags:?}")]
    Flags {
        /// The dialect's name.
        dialect: &'static str,
        /// The flags.
        flags: RouteFlags,
    },
    /// The system has no such metric, sets it itself or forgets it, or its field is too narrow for the value.
    #[error("{dialect} cannot set {metric:?} to {value}")]
    Metric {
        /// The dialect's name.
        dialect: &'static str,
        /// The metric.
        metric: Metric,
        /// The value.
        value: u64,
    },
    /// The system has no such sockaddr, or it is given twice or out of order.
    #[error("{dialect} has no place for {axis:?} here")]
    Axis {
        /// The dialect's name.
        dialect: &'static str,
        /// What the sockaddr is for.
        axis: Axis,
    },
    /// A sockaddr cannot be written: a name, address or label is too long, an interface's number too large, or a
    /// zone is given for an address that has none.
    #[error("{dialect} cannot write what is given for {axis:?}")]
    Sockaddr {
        /// The dialect's name.
        dialect: &'static str,
        /// What the sockaddr is for.
        axis: Axis,
    },
    /// A number does not fit into the header, or the header has no place for it.
    #[error("a number does not fit into the header of {dialect}")]
    Range {
        /// The dialect's name.
        dialect: &'static str,
    },
}

impl<'a> RouteRequest<'a> {
    /// A request without flags, metrics or sockaddrs.
    #[must_use]
    pub const fn new(op: RouteOp) -> Self {
        Self {
            op,
            flags: RouteFlags::empty(),
            os_flags: 0,
            flag_mask: RouteFlags::empty(),
            index: 0,
            table: None,
            priority: 0,
            pid: 0,
            seq: 0,
            metrics: &[],
            locks: &[],
            addrs: &[],
        }
    }

    /// Appends the message to `out`, which keeps what it has; after an error, exactly that.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] where `dialect` has no words for a part of it.
    pub fn encode(&self, dialect: &'static Dialect, order: ByteOrder, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let start = out.len();
        let written = self.append(dialect, order, out, start);
        if written.is_err() {
            out.truncate(start);
        }
        written
    }

    fn append(&self, dialect: &'static Dialect, order: ByteOrder, out: &mut Vec<u8>, start: usize) -> Result<(), EncodeError> {
        let name = dialect.name;
        let number = dialect.route_type(self.op).ok_or(EncodeError::Op { dialect: name, op: self.op })?;
        let word = |flags| dialect.flag_word(flags).ok_or(EncodeError::Flags { dialect: name, flags });
        let (flags, flag_mask) = (word(self.flags)?, word(self.flag_mask)?);

        let layout = dialect.request;

        out.resize(start + usize::from(layout.addrs.size), 0);
        let addrs = self.append_addrs(dialect, order, out)?;
        let message = out.get_mut(start..).unwrap_or_default();
        let length = message.len();
        let inits = self.write_metrics(dialect, order, message)?;
        let locks = self.locks(dialect)?;
        let header_length = if layout.addrs.header_length == Field::NONE { 0 } else { layout.addrs.size };

        let fields = [
            (Field::u16(0), length as u64),
            (Field::u8(2), u64::from(dialect.version)),
            (Field::u8(3), u64::from(number)),
            (layout.addrs.header_length, u64::from(header_length)),
            (layout.addrs.addrs, u64::from(addrs)),
            (layout.index, u64::from(self.index)),
            (layout.flags, u64::from(flags | self.os_flags)),
            (layout.table, u64::from(self.table.unwrap_or(0))),
            (layout.priority, u64::from(self.priority)),
            (layout.pid, u64::from(self.pid)),
            (layout.seq, u64::from(self.seq)),
            (layout.flag_mask, u64::from(flag_mask)),
            (layout.inits, u64::from(inits)),
            (layout.locks, u64::from(locks)),
        ];
        for (field, value) in fields {
            if !field.write(order, message, value) {
                return Err(EncodeError::Range { dialect: name });
            }
        }
        Ok(())
    }

    /// Appends the sockaddrs and gives their bit mask.
    fn append_addrs(&self, dialect: &'static Dialect, order: ByteOrder, out: &mut Vec<u8>) -> Result<u32, EncodeError> {
        let mut mask = 0;
        for &(axis, value) in self.addrs {
            let refused = EncodeError::Axis { dialect: dialect.name, axis };
            let bit = axis.bit(dialect).ok_or(refused)?;
            // They are read in the order of their bits, so one out of order would be taken for another.
            if mask >> bit != 0 {
                return Err(refused);
            }
            mask |= 1 << bit;
            let before = out.len();
            if !value.append(dialect, order, out) {
                return Err(EncodeError::Sockaddr { dialect: dialect.name, axis });
            }
            let length = out.len() - before;
            out.resize(before + dialect.round(length), 0);
        }
        Ok(mask)
    }

    /// The bits of the metrics that it locks.
    fn locks(&self, dialect: &'static Dialect) -> Result<u32, EncodeError> {
        self.locks.iter().try_fold(0, |bits, &metric| {
            let known = dialect.request.metrics.iter().find(|known| known.metric == metric && known.bit != 0);
            known.map(|known| bits | known.bit).ok_or(EncodeError::Metric { dialect: dialect.name, metric, value: 0 })
        })
    }

    /// Writes the metrics and gives their bits.
    fn write_metrics(&self, dialect: &'static Dialect, order: ByteOrder, message: &mut [u8]) -> Result<u32, EncodeError> {
        let mut inits = 0;
        for &(metric, value) in self.metrics {
            let refused = EncodeError::Metric { dialect: dialect.name, metric, value };
            let known = dialect
                .request
                .metrics
                .iter()
                .find(|known| known.metric == metric && known.bit != 0 && known.kept)
                .ok_or(refused)?;
            if !known.field.write(order, message, value) {
                return Err(refused);
            }
            inits |= known.bit;
        }
        Ok(inits)
    }
}

impl SockaddrValue<'_> {
    /// Appends the sockaddr without its padding; `false` where it cannot be written.
    pub(crate) fn append(self, dialect: &'static Dialect, order: ByteOrder, out: &mut Vec<u8>) -> bool {
        let families = &dialect.families;
        let start = out.len();
        match self {
            Self::Inet(address) => {
                out.extend_from_slice(&[0; 4]);
                out.extend_from_slice(&address.octets());
                out.resize(start + 16, 0);
                head(dialect, order, families.inet, out, start)
            }
            Self::Inet6 { address, scope } => {
                let Some((address, scope)) = scoped(dialect.scope, address, scope) else { return false };
                out.extend_from_slice(&[0; 8]);
                out.extend_from_slice(&address.octets());
                out.resize(start + if dialect.sockaddrs == SockaddrForm::Family { 32 } else { 28 }, 0);
                Field::u32(24).write(order, out.get_mut(start..).unwrap_or_default(), u64::from(scope))
                    && head(dialect, order, families.inet6, out, start)
            }
            Self::Interface(index) => Self::Link(LinkSockaddr { index, ..LinkSockaddr::EMPTY }).append(dialect, order, out),
            Self::Link(link) => {
                let (Ok(name), Ok(address)) = (u8::try_from(link.name.len()), u8::try_from(link.address.len())) else {
                    return false;
                };
                out.extend_from_slice(&[0, 0, 0, 0, link.kind, name, address, 0]);
                out.extend_from_slice(link.name);
                out.extend_from_slice(link.address);
                out.resize(out.len().max(start + usize::from(dialect.link_length)), 0);
                Field::u16(2).write(order, out.get_mut(start..).unwrap_or_default(), u64::from(link.index))
                    && head(dialect, order, families.link, out, start)
            }
            Self::Label(label) => {
                // `struct sockaddr_rtlabel`, which is a string with its end: OpenBSD sys/net/route.h.
                out.extend_from_slice(&[0; 2]);
                out.extend_from_slice(label);
                out.resize(start + 34, 0);
                label.len() < 32 && head(dialect, order, 0, out, start)
            }
        }
    }
}

/// Writes the length and the family of the sockaddr that begins at `start`; `false` where it is too long.
fn head(dialect: &Dialect, order: ByteOrder, family: u8, out: &mut [u8], start: usize) -> bool {
    let Some(sockaddr) = out.get_mut(start..) else { return false };
    match dialect.sockaddrs {
        SockaddrForm::Length { .. } => {
            let length = sockaddr.len() as u64;
            Field::u8(0).write(order, sockaddr, length) && Field::u8(1).write(order, sockaddr, u64::from(family))
        }
        // A sockaddr of another length would be read as another.
        SockaddrForm::Family => {
            dialect.families.length(u16::from(family)).map(usize::from) == Some(sockaddr.len())
                && Field::u16(0).write(order, sockaddr, u64::from(family))
        }
    }
}

/// The address and the number behind it, with the zone where the kernel wants it; `None` where it cannot be said.
fn scoped(form: ScopeForm, address: Ipv6Addr, scope: u32) -> Option<(Ipv6Addr, u32)> {
    if scope == 0 {
        return Some((address, 0));
    }
    match form {
        ScopeForm::Field => Some((address, scope)),
        ScopeForm::None => Some((address, 0)),
        ScopeForm::Embedded => {
            let mut segments = address.segments();
            if !has_zone(address) {
                return None;
            }
            segments[1] = u16::try_from(scope).ok()?;
            Some((segments.into(), 0))
        }
    }
}
