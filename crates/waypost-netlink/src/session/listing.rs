//! What a dump is to list.

use waypost_core::{Dump, Error, Family, RouteFilter};

use super::message::{family, number};
use crate::wire::constants::{
    AF_INET, AF_INET6, AF_UNSPEC, RTM_NEWADDR, RTM_NEWLINK, RTM_NEWNEIGH, RTM_NEWNETCONF, RTM_NEWNEXTHOP, RTM_NEWROUTE,
    RTM_NEWRULE,
};
use crate::wire::next_hop::encode_next_hop_dump;
use crate::wire::route::encode_route_dump;
use crate::wire::{Message, dump};

/// What a dump is to list.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Listing {
    /// Those that pass the filter, if there is one.
    Routes(Family, Option<Box<RouteFilter>>),
    Rules(Family),
    Links,
    Addresses,
    Neighbours,
    NextHops,
    Settings(Family),
    /// Nothing, under the lock under which the kernel changes things.
    Barrier,
}

impl Listing {
    /// What `dump` is to list, or nothing where this backend does not know such dumps.
    pub(super) fn of(dump: Dump<'_>) -> Option<Self> {
        Some(match dump {
            Dump::Routes(family, filter) => {
                let mut filter = Box::new(filter.clone());
                // `takes` sees to the family.
                filter.family = filter.family.filter(|wanted| *wanted != family);
                Self::Routes(family, (!filter.is_empty()).then_some(filter))
            }
            Dump::Rules(family) => Self::Rules(family),
            Dump::Links => Self::Links,
            Dump::Addresses => Self::Addresses,
            Dump::Neighbours => Self::Neighbours,
            Dump::NextHops => Self::NextHops,
            Dump::Settings(family) => Self::Settings(family),
            Dump::Barrier => Self::Barrier,
            _ => return None,
        })
    }

    /// Appends the request.
    pub(super) fn encode(&self, out: &mut Vec<u8>, sequence: u32) -> Result<(), Error> {
        match self {
            Self::Routes(family, Some(filter)) => return encode_route_dump(out, sequence, *family, filter),
            Self::Routes(family, None) => return encode_route_dump(out, sequence, *family, &RouteFilter::default()),
            Self::NextHops => return encode_next_hop_dump(out, sequence),
            Self::Rules(family) => dump::rules(out, sequence, *family),
            Self::Links => dump::links(out, sequence),
            Self::Addresses => dump::addresses(out, sequence),
            Self::Neighbours => dump::neighbours(out, sequence),
            Self::Settings(family) => dump::settings(out, sequence, *family),
            Self::Barrier => dump::no_links(out, sequence),
        }
        Ok(())
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
            Self::Barrier => false,
        }
    }

    /// What an entry must pass. The kernel filters by some of it only, an older one by nothing.
    #[inline]
    pub(super) fn filter(&self) -> Option<&RouteFilter> {
        match self {
            Self::Routes(_, filter) => filter.as_deref(),
            _ => None,
        }
    }

    /// Says whether it names a table. A table without routes need not be there, and is then refused instead of empty.
    pub(super) fn names_a_table(&self) -> bool {
        self.filter().is_some_and(|filter| filter.table.is_some())
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
            Self::Barrier => "nothing",
        }
    }
}
