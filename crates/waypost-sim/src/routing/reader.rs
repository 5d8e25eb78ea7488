//! Requests, read as a kernel reads them: strictly.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use waypost_core::{Family, Prefix};
use waypost_pfroute::wire::{Axis, Dialect, Field, Kind, RouteOp, ScopeForm, SockaddrForm};

use super::machine::{Gate, Key, Machine};
use super::{Errno, Odd};

/// A request, understood.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) op: RouteOp,
    pub(super) key: Key,
    /// It names no priority, and means the route of any.
    pub(super) has_any_priority: bool,
    /// It names a mask: then it means just this destination.
    pub(super) has_mask: bool,
    pub(super) gateway: Option<Gate>,
    pub(super) interface: Option<u32>,
    pub(super) flags: u32,
}

#[derive(Clone, Copy, Debug)]
enum Address {
    Ip(IpAddr, u32),
    Link(u32),
    Other,
}

impl Machine {
    /// Reads a request, or says why it is none.
    pub(super) fn read_request(&self, bytes: &[u8]) -> Result<Asked, i32> {
        let dialect = self.profile.dialect;
        let layout = dialect.request;
        let get = |field: Field| field.read(self.order, bytes).ok_or(Errno::EINVAL);
        if get(Field::u8(2))? != u64::from(dialect.version) {
            return Err(self.errno(Odd::Version));
        }
        let number = bytes.get(3).copied().ok_or(Errno::EINVAL)?;
        let Kind::Route(op, _) = dialect.message_type(number).kind else { return Err(self.errno(Odd::Type)) };
        if usize::try_from(get(Field::u16(0))?) != Ok(bytes.len()) || bytes.len() < usize::from(layout.addrs.size) {
            return Err(Errno::EINVAL);
        }
        let number = |field| get(field).map(|value| u32::try_from(value).unwrap_or(u32::MAX));
        let (flags, mask) = (number(layout.flags)?, number(layout.addrs.addrs)?);
        let found = self.sockaddrs(bytes, mask)?;
        let of = |axis| found.iter().find(|(known, _)| *known == axis).map(|(_, bytes)| *bytes);
        let (network, zone) = match of(Axis::Dst).map(|bytes| self.read_address(bytes)) {
            Some(Address::Ip(network, zone)) => (network, zone),
            Some(_) if op == RouteOp::Get => return Err(self.errno(Odd::Family)),
            _ => return Err(Errno::EINVAL),
        };
        let family = Family::of(&network);
        let length = match of(Axis::Netmask) {
            Some(bytes) => mask_length(bytes, family).ok_or(Errno::EINVAL)?,
            None => family.bits(),
        };
        let index = number(layout.index)?;
        let (priority, has_any_priority) = self.read_priority(op, flags, number(layout.priority)?)?;
        let is_scoped = flags & self.bit("IFSCOPE") != 0;
        let key = Key {
            table: number(layout.table)?,
            destination: Prefix::containing(network, length).map_err(|_| Errno::EINVAL)?,
            scope: if is_scoped { index } else { zone },
            priority,
        };
        let gateway = match of(Axis::Gateway).map(|bytes| self.read_address(bytes)) {
            Some(Address::Ip(address, zone)) => Some(Gate::Address(address, zone)),
            Some(Address::Link(index)) => Some(Gate::Link(index)),
            Some(Address::Other) => return Err(Errno::EINVAL),
            None => None,
        };
        let interface = match of(Axis::Ifp).map(|bytes| self.read_address(bytes)) {
            Some(Address::Link(index)) => Some(index),
            _ => None,
        };
        Ok(Asked { op, key, has_any_priority, has_mask: of(Axis::Netmask).is_some(), gateway, interface, flags })
    }

    /// The priority that a request means, and whether it means any (`route_output`, sys/net/rtsock.c, OpenBSD 7.5).
    fn read_priority(&self, op: RouteOp, flags: u32, named: u32) -> Result<(u8, bool), i32> {
        if !self.has_priorities() {
            return Ok((0, false));
        }
        match u8::try_from(named & 0x7f).unwrap_or(0) {
            0 if op != RouteOp::Add => Ok((0, true)),
            // RTP_STATIC, and RTP_DEFAULT.
            0 if flags & self.bit("STATIC") != 0 => Ok((8, false)),
            0 => Ok((56, false)),
            1 | 64.. => Err(Errno::EINVAL),
            named => Ok((named, false)),
        }
    }

    /// The sockaddrs that `mask` announces.
    fn sockaddrs<'a>(&self, bytes: &'a [u8], mask: u32) -> Result<Vec<(Axis, &'a [u8])>, i32> {
        let dialect = self.profile.dialect;
        let mut at = usize::from(dialect.request.addrs.size);
        let mut found = Vec::new();
        for (bit, &axis) in dialect.axes.iter().enumerate() {
            if mask & 1 << bit == 0 {
                continue;
            }
            let rest = bytes.get(at..).filter(|rest| !rest.is_empty()).ok_or(Errno::EINVAL)?;
            let (length, takes) = self.extent(rest).ok_or(Errno::EINVAL)?;
            found.push((axis, rest.get(..length).ok_or(Errno::EINVAL)?));
            at += takes;
        }
        Ok(found)
    }

    /// How long a sockaddr is, and how many bytes it takes.
    fn extent(&self, rest: &[u8]) -> Option<(usize, usize)> {
        let dialect: &Dialect = self.profile.dialect;
        match dialect.sockaddrs {
            SockaddrForm::Length { unit } => {
                let length = usize::from(*rest.first()?);
                Some((length, length.max(1).next_multiple_of(usize::from(unit))))
            }
            _ => {
                let family = Field::u16(0).read(self.order, rest)?;
                let families = &dialect.families;
                let length = match family {
                    _ if family == u64::from(families.inet) || family == 0 => 16,
                    _ if family == u64::from(families.inet6) => 32,
                    _ if family == u64::from(families.link) => 252,
                    _ => return None,
                };
                Some((length, length))
            }
        }
    }

    fn read_address(&self, bytes: &[u8]) -> Address {
        let dialect = self.profile.dialect;
        let family = match dialect.sockaddrs {
            SockaddrForm::Length { .. } => bytes.get(1).copied().unwrap_or(0),
            _ => Field::u16(0).read(self.order, bytes).and_then(|family| u8::try_from(family).ok()).unwrap_or(0),
        };
        let chunk = |at: usize| bytes.get(at..).unwrap_or_default();
        if family == dialect.families.inet {
            if let Some(address) = chunk(4).first_chunk::<4>() {
                return Address::Ip(Ipv4Addr::from(*address).into(), 0);
            }
        } else if family == dialect.families.inet6 {
            if let Some(address) = chunk(8).first_chunk::<16>() {
                return self.with_zone(Ipv6Addr::from(*address), bytes);
            }
        } else if family == dialect.families.link {
            let index = Field::u16(2).read(self.order, bytes).and_then(|index| u32::try_from(index).ok());
            return Address::Link(index.unwrap_or(0));
        }
        Address::Other
    }

    /// An address of one link has its zone where the dialect says.
    fn with_zone(&self, address: Ipv6Addr, bytes: &[u8]) -> Address {
        if !address.is_unicast_link_local() {
            return Address::Ip(address.into(), 0);
        }
        let mut segments = address.segments();
        let zone = match self.profile.dialect.scope {
            ScopeForm::Embedded => u64::from(std::mem::take(&mut segments[1])),
            _ => Field::u32(24).read(self.order, bytes).unwrap_or(0),
        };
        Address::Ip(Ipv6Addr::from(segments).into(), u32::try_from(zone).unwrap_or(0))
    }
}

/// How many ones a mask has, whatever it says of its own family; missing bytes are zero.
fn mask_length(bytes: &[u8], family: Family) -> Option<u8> {
    let (start, width) = match family {
        Family::V4 => (4, 4),
        Family::V6 => (8, 16),
    };
    let mut padded = [0; 16];
    padded.iter_mut().zip(bytes.iter().skip(start).take(width)).for_each(|(place, byte)| *place = *byte);
    let bits = u128::from_be_bytes(padded);
    let length = bits.leading_ones();
    let is_whole = bits.checked_shl(length).unwrap_or(0) == 0;
    is_whole.then_some(u8::try_from(length).unwrap_or(0).min(family.bits()))
}
