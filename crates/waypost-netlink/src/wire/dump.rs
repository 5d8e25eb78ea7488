//! Requests for lists of everything but routes and next-hop objects.
//!
//! They have the headers that NETLINK_GET_STRICT_CHK asks for. Whoever answers goes on until NLMSG_DONE.
//!
//! ```
//! use waypost_netlink::wire::{Messages, constants::RTM_GETLINK, dump};
//!
//! let mut buffer = Vec::new();
//! dump::links(&mut buffer, 7);
//! dump::addresses(&mut buffer, 8);
//! assert_eq!(Messages::new(&buffer).next().unwrap()?.kind, RTM_GETLINK);
//! # Ok::<(), waypost_netlink::wire::DecodeError>(())
//! ```

use waypost_core::Family;

use super::constants::{
    AF_INET, AF_INET6, IFLA_EXT_MASK, IFLA_MASTER, NLM_F_DUMP, NLM_F_REQUEST, RTEXT_FILTER_SKIP_STATS, RTM_GETADDR, RTM_GETLINK,
    RTM_GETNEIGH, RTM_GETNETCONF, RTM_GETRULE,
};
use super::{Encoder, address, link, neighbour, rule, settings};

/// Appends a request for all links, without their counters.
pub fn links(out: &mut Vec<u8>, sequence: u32) {
    request(out, RTM_GETLINK, sequence, &[0; link::HEADER], |message| message.u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS));
}

/// Appends a request for the links of a master that is not there: none are listed, under the lock under which all are (`rtnl_dumpit` and
/// `link_master_filtered`, net/core/rtnetlink.c, Linux 6.18). A kernel that does not know this filter lists all.
pub fn no_links(out: &mut Vec<u8>, sequence: u32) {
    // The kernel numbers links upwards from 1.
    request(out, RTM_GETLINK, sequence, &[0; link::HEADER], |message| message.u32(IFLA_MASTER, i32::MAX.unsigned_abs()));
}

/// Appends a request for the addresses of both families.
pub fn addresses(out: &mut Vec<u8>, sequence: u32) {
    request(out, RTM_GETADDR, sequence, &[0; address::HEADER], |_| ());
}

/// Appends a request for the neighbours of both families, but not for those that this host answers for.
pub fn neighbours(out: &mut Vec<u8>, sequence: u32) {
    request(out, RTM_GETNEIGH, sequence, &[0; neighbour::HEADER], |_| ());
}

/// Appends a request for the rules of one family.
pub fn rules(out: &mut Vec<u8>, sequence: u32, family: Family) {
    let mut header = [0; rule::HEADER];
    header[0] = number(family);
    request(out, RTM_GETRULE, sequence, &header, |_| ());
}

/// Appends a request for the interface settings of one family.
pub fn settings(out: &mut Vec<u8>, sequence: u32, family: Family) {
    let mut header = [0; settings::HEADER];
    header[0] = number(family);
    request(out, RTM_GETNETCONF, sequence, &header, |_| ());
}

fn request(out: &mut Vec<u8>, kind: u16, sequence: u32, header: &[u8], fill: impl FnOnce(&mut Encoder<'_>)) {
    let mut message = Encoder::begin(out, kind, NLM_F_REQUEST | NLM_F_DUMP, sequence);
    message.header(header);
    fill(&mut message);
    let finished = message.finish();
    debug_assert!(finished.is_ok(), "a request for a list is a few bytes long");
}

/// The number that a netlink message has for a family.
pub(super) const fn number(family: Family) -> u8 {
    match family {
        Family::V4 => AF_INET,
        Family::V6 => AF_INET6,
    }
}
