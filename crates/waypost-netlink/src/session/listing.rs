//! What a dump is to list.

use waypost_core::{Dump, Error, ErrorKind, Family, Notice, RouteFilter};

use super::message::{family, number};
use super::operation::Operation;
use crate::wire::constants::{
    AF_INET, AF_INET6, AF_UNSPEC, NLM_F_DUMP, NLM_F_REQUEST, RTM_GETADDR, RTM_GETLINK, RTM_GETNEIGH, RTM_GETNETCONF, RTM_GETRULE,
    RTM_NEWADDR, RTM_NEWLINK, RTM_NEWNEIGH, RTM_NEWNETCONF, RTM_NEWNEXTHOP, RTM_NEWROUTE, RTM_NEWRULE,
};
use crate::wire::next_hop::encode_next_hop_dump;
use crate::wire::route::encode_route_dump;
use crate::wire::{Encoder, Message};

/// `IFLA_EXT_MASK` with `RTEXT_FILTER_SKIP_STATS` (`include/uapi/linux/if_link.h`, `rtnetlink.h`): counters are most of a link.
const IFLA_EXT_MASK: u16 = 29;
const SKIP_STATISTICS: u32 = 1 << 3;

/// What a dump is to list.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Listing {
    Routes(Family, Box<RouteFilter>),
    Rules(Family),
    Links,
    Addresses,
    Neighbours,
    NextHops,
    Settings(Family),
}

impl Listing {
    /// What `dump` is to list, or nothing where this backend does not know such dumps.
    pub(super) fn of(dump: Dump<'_>) -> Option<Self> {
        Some(match dump {
            Dump::Routes(family, filter) => Self::Routes(family, Box::new(filter.clone())),
            Dump::Rules(family) => Self::Rules(family),
            Dump::Links => Self::Links,
            Dump::Addresses => Self::Addresses,
            Dump::Neighbours => Self::Neighbours,
            Dump::NextHops => Self::NextHops,
            Dump::Settings(family) => Self::Settings(family),
            _ => return None,
        })
    }

    /// Appends the request. Its header is zero but for the family: anything else is refused where requests are checked
    /// strictly (Linux 6.18, `rtnl_valid_dump_net_req` and its like).
    pub(super) fn encode(&self, out: &mut Vec<u8>, sequence: u32) -> Result<(), Error> {
        let (kind, header): (u16, &[u8]) = match self {
            Self::Routes(family, filter) => return encode_route_dump(out, sequence, *family, filter),
            Self::Rules(family) => (RTM_GETRULE, &[number(*family), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            Self::Links => (RTM_GETLINK, &[0; 16]),
            Self::Addresses => (RTM_GETADDR, &[0; 8]),
            Self::Neighbours => (RTM_GETNEIGH, &[0; 12]),
            Self::NextHops => return encode_next_hop_dump(out, sequence),
            Self::Settings(family) => (RTM_GETNETCONF, &[number(*family)]),
        };
        let mut message = Encoder::begin(out, kind, NLM_F_REQUEST | NLM_F_DUMP, sequence);
        message.header(header);
        if matches!(self, Self::Links) {
            message.u32(IFLA_EXT_MASK, SKIP_STATISTICS);
        }
        message.finish().map_err(|error| Error::new(ErrorKind::Invalid, Operation::List.name()).because(error))
    }

    /// Says whether a message is such an answer as was asked for: an older kernel answers with another family's entries
    /// where it does not know the one that was named (`rtnetlink_rcv_msg` falls back to `PF_UNSPEC`).
    #[inline]
    pub(super) fn takes(&self, message: &Message<'_>) -> bool {
        let Some(family) = family(message.payload) else { return false };
        match self {
            Self::Routes(asked, _) => message.kind == RTM_NEWROUTE && family == number(*asked),
            Self::Rules(asked) => message.kind == RTM_NEWRULE && family == number(*asked),
            Self::Links => message.kind == RTM_NEWLINK && family == AF_UNSPEC,
            Self::Addresses => message.kind == RTM_NEWADDR && (family == AF_INET || family == AF_INET6),
            Self::Neighbours => message.kind == RTM_NEWNEIGH && (family == AF_INET || family == AF_INET6),
            Self::NextHops => message.kind == RTM_NEWNEXTHOP,
            Self::Settings(asked) => message.kind == RTM_NEWNETCONF && family == number(*asked),
        }
    }

    /// Says whether an entry is among what was asked for. The kernel filters by some of it only, an older one by nothing.
    #[inline]
    pub(super) fn passes(&self, notice: &Notice) -> bool {
        match (self, notice) {
            (Self::Routes(_, filter), Notice::Route(_, route)) => filter.passes(route.as_ref()),
            _ => true,
        }
    }

    /// Says whether it names a table. A table without routes need not be there, and is then refused instead of empty.
    pub(super) fn names_a_table(&self) -> bool {
        matches!(self, Self::Routes(_, filter) if filter.table.is_some())
    }

    /// What it lists, for whoever reads an error.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Routes(Family::V4, _) => "IPv4 routes",
            Self::Routes(Family::V6, _) => "IPv6 routes",
            Self::Rules(Family::V4) => "IPv4 rules",
            Self::Rules(Family::V6) => "IPv6 rules",
            Self::Links => "links",
            Self::Addresses => "addresses",
            Self::Neighbours => "neighbours",
            Self::NextHops => "next-hop objects",
            Self::Settings(Family::V4) => "IPv4 settings",
            Self::Settings(Family::V6) => "IPv6 settings",
        }
    }
}
