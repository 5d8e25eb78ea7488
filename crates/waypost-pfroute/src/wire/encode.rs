//! Requests to bytes.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::bytes::{ByteOrder, Field};
use super::dialect::{Dialect, Families};
use super::flags::RouteFlags;
use super::message::{Metric, RouteOp};
use super::sockaddr::Axis;

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
    /// Which of the flags a change is about.
    pub flag_mask: RouteFlags,
    /// The interface's index; zero for none. FreeBSD does not look at it.
    pub index: u16,
    /// The asker's process; most kernels fill it in themselves.
    pub pid: u32,
    /// The asker's number for the request, by which it knows the answer.
    pub seq: u32,
    /// The metrics that it sets.
    pub metrics: &'a [(Metric, u64)],
    /// The sockaddrs, in the order of the dialect's axes.
    pub addrs: &'a [(Axis, SockaddrValue)],
}

/// A sockaddr to be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SockaddrValue {
    /// An IPv4 address, or a mask of that family.
    Inet(Ipv4Addr),
    /// An IPv6 address with the interface that a link-local one belongs to, or a mask of that family.
    Inet6 {
        /// The address.
        address: Ipv6Addr,
        /// The interface's index; zero for none.
        scope: u32,
    },
    /// An interface by its index.
    ///
    /// It is written with 16 bytes: from a longer one, FreeBSD 13.0 makes a route whose echo it corrupts, by
    /// shortening the gateway in place and leaving the rest where the mask should stand.
    Interface(u16),
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
    /// A number does not fit into the header.
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
            flag_mask: RouteFlags::empty(),
            index: 0,
            pid: 0,
            seq: 0,
            metrics: &[],
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

        out.resize(start + usize::from(dialect.route.size), 0);
        let addrs = self.append_addrs(dialect, order, out)?;
        let message = out.get_mut(start..).unwrap_or_default();
        let length = message.len();
        let inits = self.write_metrics(dialect, order, message)?;

        let layout = &dialect.route;
        let fields = [
            (Field::u16(0), length as u64),
            (Field::u8(2), u64::from(dialect.version)),
            (Field::u8(3), u64::from(number)),
            (layout.index, u64::from(self.index)),
            (layout.flags, u64::from(flags)),
            (layout.addrs, u64::from(addrs)),
            (layout.pid, u64::from(self.pid)),
            (layout.seq, u64::from(self.seq)),
            (layout.flag_mask, u64::from(flag_mask)),
            (layout.inits, u64::from(inits)),
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
            let bit = dialect.axes.iter().position(|&known| known == axis).ok_or(refused)?;
            // They are read in the order of their bits, so one out of order would be taken for another.
            if mask >> bit != 0 {
                return Err(refused);
            }
            mask |= 1 << bit;
            let (length, bytes) = value.bytes(&dialect.families, order);
            let end = out.len() + dialect.round(length);
            out.extend_from_slice(bytes.get(..length).unwrap_or_default());
            out.resize(end, 0);
        }
        Ok(mask)
    }

    /// Writes the metrics and gives their bits.
    fn write_metrics(&self, dialect: &'static Dialect, order: ByteOrder, message: &mut [u8]) -> Result<u32, EncodeError> {
        let mut inits = 0;
        for &(metric, value) in self.metrics {
            let refused = EncodeError::Metric { dialect: dialect.name, metric, value };
            let known = dialect
                .route
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

impl SockaddrValue {
    /// The sockaddr's length and its bytes, without the padding.
    fn bytes(self, families: &Families, order: ByteOrder) -> (usize, [u8; 28]) {
        let mut bytes = [0; 28];
        let (length, family) = match self {
            Self::Inet(address) => {
                bytes[4..8].copy_from_slice(&address.octets());
                (16, families.inet)
            }
            Self::Inet6 { address, scope } => {
                bytes[8..24].copy_from_slice(&address.octets());
                let scope = match order {
                    ByteOrder::Little => scope.to_le_bytes(),
                    ByteOrder::Big => scope.to_be_bytes(),
                };
                bytes[24..28].copy_from_slice(&scope);
                (28, families.inet6)
            }
            Self::Interface(index) => {
                let index = match order {
                    ByteOrder::Little => index.to_le_bytes(),
                    ByteOrder::Big => index.to_be_bytes(),
                };
                bytes[2..4].copy_from_slice(&index);
                (16, families.link)
            }
        };
        bytes[0] = length;
        bytes[1] = family;
        (usize::from(length), bytes)
    }
}
