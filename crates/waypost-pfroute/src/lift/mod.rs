//! Messages to the portable model.

mod interface;
mod lower;
mod mib2;
mod route;

pub use lower::{Asked, Lower, LowerError};
pub use mib2::Mib2Links;

use std::net::IpAddr;
use std::time::Duration;

use waypost_core::{Miss, Notice, Redirect, RouteVerb, TableId, Verb};

use crate::wire::{Axis, Change, DecodeError, Message, RouteFlags, RouteMessage, RouteOp};

/// Turns messages into notices: what messages do not say, and every message of a source has in common.
///
/// ```
/// use std::time::Duration;
/// use waypost_core::{Notice, TableId, Verb};
/// use waypost_pfroute::lift::Lift;
/// use waypost_pfroute::wire::{ByteOrder, FREEBSD, Messages, Source};
///
/// // RTM_IFANNOUNCE: the interface em0, index 2, has gone.
/// let bytes = [24, 0, 5, 17, 2, 0, b'e', b'm', b'0', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0];
/// let lift = Lift { table: TableId(0), since_epoch: Duration::ZERO };
/// for message in Messages::new(&FREEBSD, ByteOrder::Little, Source::Socket, &bytes) {
///     let notice = lift.event(&message.unwrap()).unwrap();
///     assert!(matches!(notice, Some(Notice::Link(Verb::Removed, link)) if link.name == "em0"));
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_structs, reason = "made by whoever reads a socket, who must know all of it")]
pub struct Lift {
    /// The table that the socket or the dump is of. The messages of most systems do not name it.
    pub table: TableId,
    /// The wall clock's time since 1970, which expiry times are given in.
    pub since_epoch: Duration,
}

/// Why a message says nothing that can be believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LiftError {
    /// Not all sockaddrs that it announces are there.
    #[error("{0}")]
    Sockaddr(#[from] DecodeError),
    /// It lacks a sockaddr that it must have, or has one of a family that it cannot be of.
    #[error("no usable sockaddr for {0:?}")]
    Missing(Axis),
    /// The netmask has ones behind zeros, which a prefix cannot say.
    #[error("a netmask with a gap")]
    MaskGap,
    /// The netmask is not what the kernel was told: FreeBSD 13.0 shortens an interface route's gateway in its echo
    /// and leaves the bytes where the mask should stand, so that it reads as zero, with bytes left over.
    #[error("a netmask of length zero, with {0} bytes left over behind the sockaddrs")]
    MaskLost(i64),
    /// It is about an interface and does not say which.
    #[error("no interface")]
    NoInterface,
}

impl Lift {
    /// What a message from the socket says; `None` for what is no change of anything: requests that failed, answers
    /// to lookups, copies that the kernel cloned, multicast groups, and types that the codec does not read.
    ///
    /// # Errors
    ///
    /// [`LiftError`] where it tells of a change and not of which: then what is known of the tables may be wrong.
    pub fn event(&self, message: &Message<'_>) -> Result<Option<Notice>, LiftError> {
        match message {
            Message::Route(route) => self.route_event(route),
            Message::Address(address) => interface::address(address),
            Message::Interface(link) => interface::link(link).map(Some),
            Message::Announce(announce) => Ok(interface::announced(announce)),
            Message::Desync(_) => Ok(Some(Notice::Overrun)),
            _ => Ok(None),
        }
    }

    /// What an entry of a dump says: of the routing tables, of the interfaces, or of the neighbours. `None` for what
    /// the kernel has cloned from a route: it comes and goes with the traffic.
    ///
    /// # Errors
    ///
    /// [`LiftError`] where the entry makes no sense.
    pub fn listed(&self, message: &Message<'_>) -> Result<Option<Notice>, LiftError> {
        let notice = match message {
            Message::Route(route) => {
                if is_neighbour(route) {
                    return interface::neighbour(route, Verb::Listed).map(Some);
                }
                if is_clone(route) {
                    return Ok(None);
                }
                return self.route_notice(RouteVerb::Listed, route);
            }
            Message::Address(address) => interface::address(address)?,
            Message::Interface(link) => Some(interface::link(link)?),
            _ => None,
        };
        Ok(notice.map(|notice| match notice {
            Notice::Address(_, address) => Notice::Address(Verb::Listed, address),
            Notice::Link(_, link) => Notice::Link(Verb::Listed, link),
            other => other,
        }))
    }

    /// Made where it is returned, and not moved there.
    #[inline(never)]
    fn route_notice(&self, verb: RouteVerb, message: &RouteMessage<'_>) -> Result<Option<Notice>, LiftError> {
        let mut result = BLANK;
        if let Ok(Some(Notice::Route(told, route))) = &mut result {
            *told = verb;
            if let Err(error) = self.fill(message, route) {
                result = Err(error);
            }
        }
        result
    }

    fn route_event(&self, message: &RouteMessage<'_>) -> Result<Option<Notice>, LiftError> {
        let verb = match message.op() {
            RouteOp::Add => RouteVerb::Added,
            RouteOp::Change => RouteVerb::Replaced,
            RouteOp::Delete => RouteVerb::Removed,
            RouteOp::Losing => return Ok(Some(Notice::Losing(Box::new(self.route(message)?)))),
            RouteOp::Miss => return miss(message).map(Some),
            RouteOp::LinkLayerUpdate if message.errno() == 0 => {
                return interface::neighbour(message, Verb::Present).map(Some);
            }
            RouteOp::Redirect if message.errno() == 0 => return self.redirect(message).map(Some),
            // An answer to somebody's lookup, or a request that changes nothing.
            _ => return Ok(None),
        };
        // A request that failed is told to every listener as it came, malformed ones too.
        if message.errno() != 0 || !is_done(message) {
            return Ok(None);
        }
        if is_neighbour(message) {
            let verb = if verb == RouteVerb::Removed { Verb::Removed } else { Verb::Present };
            return interface::neighbour(message, verb).map(Some);
        }
        if is_clone(message) {
            return Ok(None);
        }
        self.route_notice(verb, message)
    }

    fn redirect(&self, message: &RouteMessage<'_>) -> Result<Notice, LiftError> {
        let route = self.route(message)?;
        let hop = route.entry.next_hops.first();
        let gateway = hop.and_then(|hop| hop.gateway).ok_or(LiftError::Missing(Axis::Gateway))?;
        let mut redirect = Redirect::new(route.slot.destination, gateway);
        redirect.author = route::address(message.addrs(), Axis::Author).map(|(author, _)| author);
        redirect.interface = hop.and_then(|hop| hop.interface);
        Ok(Notice::Redirect(redirect))
    }
}

/// A route that says nothing, as it is returned: it is copied at once from where constants stand.
const BLANK: Result<Option<Notice>, LiftError> = Ok(Some(Notice::Route(RouteVerb::Listed, route::BLANK)));

/// Says whether the message tells of what was done, not tried. One kernel does not mark what it did by itself.
fn is_done(message: &RouteMessage<'_>) -> bool {
    let flags = message.flags();
    let is_own = flags.contains(RouteFlags::LOCAL) && message.seq() == 0;
    flags.contains(RouteFlags::DONE) || (is_own && message.dialect().own_routes.local_lack_done)
}

fn miss(message: &RouteMessage<'_>) -> Result<Notice, LiftError> {
    let (destination, _) = route::address(message.addrs(), Axis::Dst).ok_or(LiftError::Missing(Axis::Dst))?;
    let mut miss = Miss::new(destination);
    let source: Option<(IpAddr, u32)> = route::address(message.addrs(), Axis::Ifa);
    miss.source = source.map(|(source, _)| source);
    Ok(Notice::Miss(miss))
}

/// ARP and NDP entries come in route messages. Addresses of the host's own and of everybody have the mark too, on
/// some systems, and are routes.
fn is_neighbour(message: &RouteMessage<'_>) -> bool {
    let flags = message.flags();
    flags.contains(RouteFlags::LINK_LAYER) && !flags.intersects(OF_NO_NEIGHBOUR)
}

/// Says whether a change that the message tells of is one of a neighbour.
pub(crate) fn tells_of_neighbour(message: &RouteMessage<'_>) -> bool {
    match message.op() {
        RouteOp::LinkLayerUpdate => true,
        RouteOp::Add | RouteOp::Change | RouteOp::Delete => is_neighbour(message),
        _ => false,
    }
}

const OF_NO_NEIGHBOUR: RouteFlags = RouteFlags::LOCAL.union(RouteFlags::BROADCAST).union(RouteFlags::MULTICAST);

/// A copy that the kernel made of a route for one destination.
fn is_clone(message: &RouteMessage<'_>) -> bool {
    message.flags().contains(RouteFlags::CLONED)
}

const fn verb(change: Change) -> Verb {
    match change {
        Change::Added | Change::Changed => Verb::Present,
        Change::Removed | Change::Freed => Verb::Removed,
    }
}
