//! Linux, as 6.18 was seen to do in a network namespace.

use waypost_core::{Capabilities, CompareAndDelete, Family, LossSignal, OwnershipTag, Scope, TableId};

use super::{Connected, FamilyProfile, Profile, Resume, SameSlot};

/// `fib_table_insert` and `fib_table_delete` (net/ipv4/fib_trie.c), `fib_sync_down_dev` (net/ipv4/fib_semantics.c).
/// `fib_table_delete` calls `rtmsg_fib` before `fib_remove_alias`.
const IPV4: FamilyProfile = FamilyProfile {
    same_slot: SameSlot::Ordered,
    prepends: true,
    default_metric: 0,
    removal_announced_early: true,
    identical_replace_announced: false,
    consequences_announced: false,
    routes_leave_with_link: true,
    shows_lost_carrier: true,
    addresses_leave_with_link: false,
    routes_leave_with_last_address: true,
    routes_leave_with_source: true,
    own_address_as_gateway: true,
    delete_compares_all: true,
    delete_wants_gateway: false,
    resume: Resume::ByPrefix,
    connected: Connected {
        metric: 0,
        scope: Scope::LINK,
        local_scope: Scope::HOST,
        prefer_source: true,
        broadcast: true,
        link_local: false,
    },
};

/// `fib6_add_rt2node` (net/ipv6/ip6_fib.c), `ip6_route_del` and `fib6_ifdown` (net/ipv6/route.c); `fib6_dump_table`
/// skips by count when the table's serial number has changed.
const IPV6: FamilyProfile = FamilyProfile {
    same_slot: SameSlot::Merged,
    prepends: false,
    default_metric: 1024,
    removal_announced_early: false,
    identical_replace_announced: true,
    consequences_announced: true,
    routes_leave_with_link: true,
    shows_lost_carrier: true,
    addresses_leave_with_link: true,
    routes_leave_with_last_address: false,
    routes_leave_with_source: false,
    own_address_as_gateway: false,
    delete_compares_all: false,
    delete_wants_gateway: false,
    resume: Resume::ByCount,
    connected: Connected {
        metric: 256,
        scope: Scope::UNIVERSE,
        local_scope: Scope::UNIVERSE,
        prefer_source: false,
        broadcast: false,
        link_local: true,
    },
};

impl Profile {
    /// Linux 6.18.
    #[must_use]
    pub fn linux() -> Self {
        Self {
            capabilities: capabilities(),
            ipv4: IPV4,
            ipv6: IPV6,
            local_table: TableId::LOCAL,
            rules: vec![
                (Family::V4, 0, TableId::LOCAL),
                (Family::V4, 32766, TableId::MAIN),
                (Family::V4, 32767, TableId::DEFAULT),
                (Family::V6, 0, TableId::LOCAL),
                (Family::V6, 32766, TableId::MAIN),
            ],
            next_hop_consequences_announced: false,
            lists_at_once: false,
            // netlink_overrun, net/netlink/af_netlink.c
            stays_congested: true,
        }
    }
}

const fn capabilities() -> Capabilities {
    let mut can = Capabilities::least("Linux (simulated)");
    can.main_table = TableId::MAIN;
    can.max_table = TableId(u32::MAX);
    can.metric = true;
    can.tos = true;
    can.source_prefix = true;
    can.multipath = true;
    can.ipv4_via_ipv6 = true;
    can.encapsulation = true;
    can.next_hop_objects = true;
    can.rules = true;
    can.throw_and_prohibit = true;
    can.atomic_replace = true;
    can.append = true;
    can.dump_filters = true;
    can.compare_and_delete = CompareAndDelete::Native;
    can.loss_signal = LossSignal::Error;
    can.ownership_tag = OwnershipTag::Protocol;
    can.silent_removals = true;
    can
}
