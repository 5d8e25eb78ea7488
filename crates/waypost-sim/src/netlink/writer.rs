//! What the kernel says, as bytes.

use waypost_core::{Error, ErrorKind, LookupAnswer, Notice, RouteVerb, Verb};

use super::bytes::{HEADER, Writer};
use super::numbers::*;
use super::{objects, route_writer};

/// Who is told: the request that is answered, or nobody's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Addressee {
    pub(super) sequence: u32,
    pub(super) port: u32,
    /// What is said is part of a list from which the kernel leaves out what was not asked for.
    pub(super) is_filtered: bool,
}

impl Addressee {
    const fn flags(self) -> u16 {
        if self.is_filtered { DUMP_FILTERED } else { 0 }
    }
}

/// The message that says it; nothing of what has none.
pub(super) fn message(notice: &Notice, to: Addressee) -> Option<Vec<u8>> {
    let begin = |kind, flags, header: &[u8]| Writer::begin(kind, flags | to.flags(), to.sequence, to.port, header);
    let multi = |verb: Verb| if verb == Verb::Listed { MULTI } else { 0 };
    let pick = |verb: Verb, new: u16, gone: u16| if verb == Verb::Removed { gone } else { new };
    Some(match notice {
        Notice::Route(verb, route) => {
            let (kind, flags) = kind_and_flags(*verb);
            let mut writer = begin(kind, flags, &route_writer::header(route));
            route_writer::write(&mut writer, route);
            writer.end()
        }
        Notice::Link(verb, link) => {
            let mut writer = begin(pick(*verb, NEWLINK, DELLINK), multi(*verb), &objects::link_header(link));
            objects::link(&mut writer, link);
            writer.end()
        }
        Notice::Address(verb, address) => {
            let mut writer = begin(pick(*verb, NEWADDR, DELADDR), multi(*verb), &objects::address_header(address));
            objects::address(&mut writer, address);
            writer.end()
        }
        Notice::Rule(verb, rule) => {
            let mut writer = begin(pick(*verb, NEWRULE, DELRULE), multi(*verb), &objects::rule_header(rule));
            objects::rule(&mut writer, rule);
            writer.end()
        }
        Notice::NextHop(verb, object) => {
            let mut writer = begin(pick(*verb, NEWNEXTHOP, DELNEXTHOP), multi(*verb), &objects::next_hop_header(object));
            objects::next_hop(&mut writer, object);
            writer.end()
        }
        _ => return None,
    })
}

/// `fib_table_insert` (net/ipv4/fib_trie.c) and `fib6_add_rt2node` (net/ipv6/ip6_fib.c) tell of an addition with CREATE and EXCL, of what is put behind
/// others with CREATE and APPEND, of what is put before them with CREATE, and of a replacement with REPLACE.
const fn kind_and_flags(verb: RouteVerb) -> (u16, u16) {
    match verb {
        RouteVerb::Listed => (NEWROUTE, MULTI),
        RouteVerb::Prepended => (NEWROUTE, CREATE),
        RouteVerb::Appended => (NEWROUTE, CREATE | APPEND),
        RouteVerb::Replaced => (NEWROUTE, REPLACE),
        RouteVerb::Removed => (DELROUTE, 0),
        _ => (NEWROUTE, CREATE | EXCL),
    }
}

/// What a lookup has found: a route, with what was looked up with (`rt_fill_info` in net/ipv4/route.c).
pub(super) fn answer(answer: &LookupAnswer, to: Addressee) -> Vec<u8> {
    let mut writer = Writer::begin(NEWROUTE, 0, to.sequence, to.port, &route_writer::header(&answer.route));
    route_writer::write(&mut writer, &answer.route);
    if answer.mark != 0 {
        writer.u32(RTA_MARK, answer.mark);
    }
    if let Some(uid) = answer.uid {
        writer.u32(RTA_UID, uid);
    }
    if let Some(input) = answer.input {
        writer.u32(RTA_IIF, input.get());
    }
    writer.end()
}

/// The end of a request: zero or the error, and the request's header; the rest of it is cut off (`netlink_ack`).
pub(super) fn acknowledgement(error: Option<Errno>, request: &[u8; HEADER], to: Addressee) -> Vec<u8> {
    let number = error.map_or(0, |errno| -errno.0);
    let mut writer = Writer::begin(NLMSG_ERROR, CAPPED, to.sequence, to.port, &number.to_ne_bytes());
    writer.raw(request);
    writer.end()
}

/// The end of a dump (`netlink_dump_done`).
pub(super) fn done(error: Option<Errno>, is_interrupted: bool, to: Addressee) -> Vec<u8> {
    let flags = MULTI | to.flags() | if is_interrupted { DUMP_INTR } else { 0 };
    let number = error.map_or(0, |errno| -errno.0);
    Writer::begin(NLMSG_DONE, flags, to.sequence, to.port, &number.to_ne_bytes()).end()
}

/// The number by which the kernel says why it refuses; `request` is the type of what it refuses.
pub(super) fn errno(error: &Error, request: u16) -> Errno {
    match error.kind() {
        ErrorKind::NotPermitted => Errno::EPERM,
        ErrorKind::Exists => Errno::EEXIST,
        ErrorKind::NotFound if matches!(request, NEWROUTE | DELROUTE) => Errno::ESRCH,
        ErrorKind::NotFound => Errno::ENOENT,
        ErrorKind::NoSuchDevice => Errno::ENODEV,
        ErrorKind::Unreachable => Errno::ENETUNREACH,
        ErrorKind::Invalid => Errno::EINVAL,
        ErrorKind::Unsupported => Errno::EOPNOTSUPP,
        ErrorKind::Busy => Errno::ENOMEM,
        _ => Errno::EIO,
    }
}
