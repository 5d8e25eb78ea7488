//! How one operating system keeps its routing tables, as data.

mod berkeley;
mod linux;
#[cfg(feature = "pfroute")]
mod routing;

#[cfg(feature = "pfroute")]
pub use routing::RoutingProfile;
use waypost_core::{Capabilities, Family, Scope, TableId};

/// What happens when a slot that has a route gets another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SameSlot {
    /// They stand one behind the other, and the first is used.
    Ordered,
    /// Those with a gateway become one route with several next hops; deleting one of them takes it out again.
    Merged,
    /// There is room for one.
    Single,
    /// They stand one behind the other, each by another gateway or interface.
    ByGateway,
}

/// Where a dump goes on after one batch, if the table has changed meanwhile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Resume {
    /// Behind the last prefix that it listed.
    ByPrefix,
    /// After as many routes as it has listed: what was deleted before makes it miss others, what was added makes it repeat some.
    ByCount,
}

/// The routes that a kernel makes for addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Connected {
    /// Their metric.
    pub metric: u32,
    /// The scope of the route to the attached network.
    pub scope: Scope,
    /// The scope of the route to the host's own address.
    pub local_scope: Scope,
    /// They prefer the address that they are made for.
    pub prefer_source: bool,
    /// The network's broadcast address gets a route.
    pub broadcast: bool,
    /// Each link that is up gets a link-local address, and a route to all groups.
    pub link_local: bool,
}

/// What differs between the families of one kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct FamilyProfile {
    /// What a second route in a slot does.
    pub same_slot: SameSlot,
    /// A program can put a route before the others of its slot.
    pub prepends: bool,
    /// The metric of a route that names none.
    pub default_metric: u32,
    /// That a route goes is announced while it is still listed, and whoever does it may be held up in between.
    pub removal_announced_early: bool,
    /// A replace that changes nothing is announced all the same.
    pub identical_replace_announced: bool,
    /// Routes that go with their link, address or next-hop object are announced.
    pub consequences_announced: bool,
    /// Routes go with a link that is switched off, or lose the next hops over it.
    pub routes_leave_with_link: bool,
    /// A next hop whose link has no carrier is shown as such.
    pub shows_lost_carrier: bool,
    /// A link that goes down loses its addresses.
    pub addresses_leave_with_link: bool,
    /// When the last address of a link goes, all its routes do.
    pub routes_leave_with_last_address: bool,
    /// When an address goes, the routes that prefer it do.
    pub routes_leave_with_source: bool,
    /// A gateway may be an address of the host's own.
    pub own_address_as_gateway: bool,
    /// A delete compares type, scope and preferred source too.
    pub delete_compares_all: bool,
    /// A delete must name the gateway.
    pub delete_wants_gateway: bool,
    /// How a dump goes on.
    pub resume: Resume,
    /// What is made for addresses.
    pub connected: Connected,
}

/// An operating system, as far as its routing tables go.
///
/// A profile is data: whoever wants a kernel that differs in one point changes that field.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Profile {
    /// What this kernel can do.
    pub capabilities: Capabilities,
    /// How it keeps IPv4.
    pub ipv4: FamilyProfile,
    /// How it keeps IPv6.
    pub ipv6: FamilyProfile,
    /// The table of the host's own addresses.
    pub local_table: TableId,
    /// The rules that are there from the beginning: family, priority, table.
    pub rules: Vec<(Family, u32, TableId)>,
    /// Next-hop objects that go with their link are announced.
    pub next_hop_consequences_announced: bool,
    /// A dump is of one moment, and overtakes what is queued: it is told before, and ends behind it.
    pub lists_at_once: bool,
    /// A receive buffer that has been full takes nothing until it is empty; otherwise it takes what there is room for.
    pub stays_congested: bool,
}

impl Profile {
    /// How a family is kept.
    #[must_use]
    pub const fn family(&self, family: Family) -> &FamilyProfile {
        match family {
            Family::V4 => &self.ipv4,
            Family::V6 => &self.ipv6,
        }
    }
}
