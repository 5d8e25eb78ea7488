//! Route messages: RTM_NEWROUTE, RTM_DELROUTE and RTM_GETROUTE.
//!
//! A message is `struct rtmsg` and attributes (include/uapi/linux/rtnetlink.h, Linux 6.18).

mod decode;
mod delete;
mod encode;
mod flags;
mod lower;
mod metrics;
mod next_hops;
mod request;

use waypost_core::{Disposition, Family, RouteVerb};

pub(crate) use decode::BLANK;
pub use decode::{decode, decode_answer, decode_into};
pub use delete::deletes;
pub use encode::encode_route;
pub(super) use encode::family as family_number;
pub(super) use flags::of_next_hop;
pub(super) use lower::next_hop as lacking_in_next_hop;
pub(super) use next_hops::{EncapsulationParts, address_of, flags_to_send, write_encapsulation};
pub use request::{encode_lookup, encode_route_dump};

use super::constants::{
    AF_INET, AF_INET6, NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_MULTI, NLM_F_REPLACE, RTM_DELROUTE, RTN_ANYCAST,
    RTN_BLACKHOLE, RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST, RTN_PROHIBIT, RTN_THROW, RTN_UNICAST, RTN_UNREACHABLE,
};

/// The size of `struct rtmsg`.
const HEADER: usize = 12;

/// What a route message of this type and these flags says of its route.
///
/// The kernel notifies of an add with CREATE and EXCL, of an append with CREATE and APPEND, of a prepend with CREATE alone
/// and of a replace with REPLACE alone: `fib_table_insert` in net/ipv4/fib_trie.c (Linux 6.18). On IPv6 CREATE alone is a
/// route that joined or went behind others of its metric: `fib6_add_rt2node` in net/ipv6/ip6_fib.c.
///
/// ```
/// use waypost_core::{Family, RouteVerb};
/// use waypost_netlink::wire::{constants::RTM_NEWROUTE, route::verb};
///
/// assert_eq!(verb(RTM_NEWROUTE, 0x100, Family::V4), RouteVerb::Replaced);
/// ```
#[must_use]
pub const fn verb(kind: u16, flags: u16, family: Family) -> RouteVerb {
    const CHANGE: u16 = NLM_F_REPLACE | NLM_F_EXCL | NLM_F_CREATE | NLM_F_APPEND;
    const CREATE_AND_APPEND: u16 = NLM_F_CREATE | NLM_F_APPEND;
    if kind == RTM_DELROUTE {
        return RouteVerb::Removed;
    }
    if flags & NLM_F_MULTI != 0 {
        return RouteVerb::Listed;
    }
    match (flags & CHANGE, family) {
        (NLM_F_REPLACE, _) => RouteVerb::Replaced,
        (CREATE_AND_APPEND, _) | (NLM_F_CREATE, Family::V6) => RouteVerb::Appended,
        (NLM_F_CREATE, Family::V4) => RouteVerb::Prepended,
        _ => RouteVerb::Added,
    }
}

/// The family that goes by this number, where it is one that Waypost has routes of.
pub(super) const fn family(number: u8) -> Option<Family> {
    match number {
        AF_INET => Some(Family::V4),
        AF_INET6 => Some(Family::V6),
        _ => None,
    }
}

/// The disposition of this `rtm_type`.
const fn disposition(number: u8) -> Disposition {
    match number {
        RTN_UNICAST => Disposition::Unicast,
        RTN_LOCAL => Disposition::Local,
        RTN_BROADCAST => Disposition::Broadcast,
        RTN_ANYCAST => Disposition::Anycast,
        RTN_MULTICAST => Disposition::Multicast,
        RTN_BLACKHOLE => Disposition::Blackhole,
        RTN_UNREACHABLE => Disposition::Unreachable,
        RTN_PROHIBIT => Disposition::Prohibit,
        RTN_THROW => Disposition::Throw,
        other => Disposition::Other(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::constants::RTM_NEWROUTE;

    #[test]
    fn notices_are_told_apart_by_their_flags() {
        for (flags, v4, v6) in [
            (0x600, RouteVerb::Added, RouteVerb::Added),
            (0xc00, RouteVerb::Appended, RouteVerb::Appended),
            (0x400, RouteVerb::Prepended, RouteVerb::Appended),
            (0x100, RouteVerb::Replaced, RouteVerb::Replaced),
            (0, RouteVerb::Added, RouteVerb::Added),
            (NLM_F_MULTI, RouteVerb::Listed, RouteVerb::Listed),
        ] {
            assert_eq!(verb(RTM_NEWROUTE, flags, Family::V4), v4, "{flags:#x}");
            assert_eq!(verb(RTM_NEWROUTE, flags, Family::V6), v6, "{flags:#x}");
            assert_eq!(verb(RTM_DELROUTE, flags, Family::V4), RouteVerb::Removed);
        }
    }
}
