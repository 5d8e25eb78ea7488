//! Listing tables: what to ask the routing sysctl for, and what of its answer was asked for.

use waypost_core::{Dump, Error, Family, Notice, RouteFilter, TableId};

use super::Transport;
use super::refusal::{self, errno};
use crate::wire::{ByteOrder, Dialect, DumpSource, Expected, Messages, Source, SysctlLast};

const CTL_NET: i32 = 4;
/// RTF_LLINFO, which the entries of ARP and NDP have on every system that lists them: net/route.h.
const RTF_LLINFO: i32 = 0x400;

/// How often a table that outgrows its buffer is read again, each time with more room.
const ATTEMPTS: u32 = 8;

/// What is to be listed.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Listing {
    /// Those that pass the filter.
    Routes(Family, Box<RouteFilter>),
    Links,
    Addresses,
    Neighbours,
    /// This system has none of them.
    Nothing,
}

impl Listing {
    pub(super) fn of(dump: Dump<'_>) -> Option<Self> {
        Some(match dump {
            Dump::Routes(family, filter) => Self::Routes(family, Box::new(filter.clone())),
            Dump::Links => Self::Links,
            Dump::Addresses => Self::Addresses,
            Dump::Neighbours => Self::Neighbours,
            Dump::Rules(_) | Dump::NextHops | Dump::Settings(_) => Self::Nothing,
            _ => return None,
        })
    }

    /// The names of the variables that list it, each to be read; see sysctl(3) and route(4).
    fn names(&self, dialect: &Dialect, table: TableId) -> Vec<Vec<i32>> {
        let DumpSource::Sysctl { routes, by_flags, interfaces, last } = dialect.dump else { return Vec::new() };
        let family = |family| match family {
            Family::V4 => i32::from(dialect.families.inet),
            Family::V6 => i32::from(dialect.families.inet6),
        };
        let name = |family, operation: u8, argument| {
            let mut name = vec![CTL_NET, i32::from(dialect.protocol_family), 0, family, i32::from(operation), argument];
            if last == SysctlLast::Table && table != TableId(0) && operation != interfaces {
                name.push(i32::try_from(table.0).unwrap_or(i32::MAX));
            }
            name
        };
        match self {
            Self::Routes(of, _) => vec![name(family(*of), routes, 0)],
            Self::Links | Self::Addresses => vec![name(0, interfaces, 0)],
            Self::Neighbours => [Family::V4, Family::V6].map(|of| name(family(of), by_flags, RTF_LLINFO)).into(),
            Self::Nothing => Vec::new(),
        }
    }

    /// Says whether a notice is such an entry as was asked for.
    pub(super) fn takes(&self, notice: &Notice) -> bool {
        match (self, notice) {
            (Self::Routes(family, filter), Notice::Route(_, route)) => {
                route.slot.destination.family() == *family && filter.passes(route.as_ref())
            }
            (Self::Links, Notice::Link(..))
            | (Self::Addresses, Notice::Address(..))
            | (Self::Neighbours, Notice::Neighbour(..)) => true,
            _ => false,
        }
    }

    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Routes(Family::V4, _) => "IPv4 routes",
            Self::Routes(Family::V6, _) => "IPv6 routes",
            Self::Links => "links",
            Self::Addresses => "addresses",
            Self::Neighbours => "neighbours",
            Self::Nothing => "nothing",
        }
    }

    /// Reads all of it into `buffer`, in the place of what was there.
    pub(super) fn read<T: Transport>(
        &self,
        transport: &mut T,
        dialect: &'static Dialect,
        order: ByteOrder,
        table: TableId,
        buffer: &mut Vec<u8>,
    ) -> Result<(), Error> {
        buffer.clear();
        for name in self.names(dialect, table) {
            let start = buffer.len();
            read_variable(transport, dialect, order, &name, buffer)
                .map_err(|number| refusal::error(dialect, "list", number).on(self.name()))?;
            debug_assert!(buffer.len() >= start, "it is appended");
        }
        Ok(())
    }
}

/// Appends a variable, which may grow between the question how long it is and the reading.
fn read_variable<T: Transport>(
    transport: &mut T,
    dialect: &'static Dialect,
    order: ByteOrder,
    name: &[i32],
    out: &mut Vec<u8>,
) -> Result<(), i32> {
    let start = out.len();
    for attempt in 0..ATTEMPTS {
        let length = transport.sysctl(name, None)?;
        // Some kernels add room for growth to what they say, others none.
        let room = length.saturating_add(length >> 3 << attempt.min(3)).saturating_add(2048);
        // Whatever a kernel says that it has, there is an end to the memory to read it to.
        out.try_reserve_exact(room).map_err(|_| errno::ENOMEM)?;
        out.resize(start + room, 0);
        let read = transport.sysctl(name, out.get_mut(start..));
        out.truncate(start + read.unwrap_or(0).min(room));
        match read {
            // FreeBSD 13.0 cuts a dump that does not fit and calls it a success: in the middle of a message, or behind one.
            Ok(read) if read < room && is_whole(dialect, order, out.get(start..).unwrap_or_default()) => return Ok(()),
            Ok(_) | Err(errno::ENOMEM) => {}
            Err(number) => return Err(number),
        }
    }
    out.truncate(start);
    Err(errno::ENOMEM)
}

/// Says whether the last message is all there.
fn is_whole(dialect: &'static Dialect, order: ByteOrder, bytes: &[u8]) -> bool {
    let last = Messages::new(dialect, order, Source::Sysctl, bytes).last();
    !matches!(last, Some(Err(malformed)) if matches!(malformed.error.expected, Expected::Start { .. } | Expected::Body { .. }))
}
