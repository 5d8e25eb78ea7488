//! Systems with routing sockets, as the model sees them: what their bytes are is another matter, see [`routing`](crate::routing).
//!
//! None of them was run. What is said here follows from their manual pages and sources; where these leave it open, the profile does what is
//! harder for who follows: what goes with an address goes without a word.

use waypost_core::{Capabilities, CompareAndDelete, LossSignal, OwnershipTag, Scope, TableId};

use super::{Connected, FamilyProfile, Profile, Resume, SameSlot};

/// What they have in common: one route for a destination, no metrics, and an interface that is switched off keeps its routes.
const PLAIN: FamilyProfile = FamilyProfile {
    same_slot: SameSlot::Single,
    prepends: false,
    default_metric: 0,
    removal_announced_early: false,
    identical_replace_announced: true,
    consequences_announced: false,
    routes_leave_with_link: false,
    shows_lost_carrier: false,
    addresses_leave_with_link: false,
    routes_leave_with_last_address: true,
    routes_leave_with_source: true,
    own_address_as_gateway: false,
    delete_compares_all: false,
    delete_wants_gateway: false,
    resume: Resume::ByPrefix,
    connected: Connected {
        metric: 0,
        scope: Scope::UNIVERSE,
        local_scope: Scope::UNIVERSE,
        prefer_source: false,
        broadcast: false,
        link_local: false,
    },
};

const PLAIN6: FamilyProfile = FamilyProfile { connected: Connected { link_local: true, ..PLAIN.connected }, ..PLAIN };

fn plain(system: &'static str, can: impl FnOnce(&mut Capabilities)) -> Profile {
    let mut capabilities = Capabilities::least(system);
    capabilities.compare_and_delete = CompareAndDelete::Gateway;
    capabilities.loss_signal = LossSignal::None;
    capabilities.ownership_tag = OwnershipTag::Flag;
    capabilities.miss_events = true;
    capabilities.silent_removals = true;
    can(&mut capabilities);
    Profile {
        local_table: capabilities.main_table,
        capabilities,
        ipv4: PLAIN,
        ipv6: PLAIN6,
        rules: Vec::new(),
        next_hop_consequences_announced: false,
        lists_at_once: true,
        stays_congested: false,
    }
}

impl Profile {
    /// FreeBSD 14, by its routing socket: it tells of lost messages (`SO_RERROR`), and compares the gateway before it deletes.
    #[must_use]
    pub fn freebsd() -> Self {
        plain("FreeBSD (simulated)", |can| {
            can.max_table = TableId(u32::from(u16::MAX));
            can.loss_signal = LossSignal::Error;
        })
    }

    /// NetBSD 10: it tells of lost messages (`SO_RERROR`), and deletes whatever there is to the destination.
    #[must_use]
    pub fn netbsd() -> Self {
        plain("NetBSD (simulated)", |can| {
            can.compare_and_delete = CompareAndDelete::Emulated;
            can.loss_signal = LossSignal::Error;
        })
    }

    /// OpenBSD 7.5: a priority is part of the slot, several gateways stand beside each other, lost messages are told by one
    /// (`RTM_DESYNC`), after which nothing comes until all has been read; routes over a dead link stay and are marked.
    #[must_use]
    pub fn openbsd() -> Self {
        let mut profile = plain("OpenBSD (simulated)", |can| {
            can.max_table = TableId(255);
            can.priority = true;
            can.loss_signal = LossSignal::Message;
            can.ownership_tag = OwnershipTag::Priority;
        });
        for family in [&mut profile.ipv4, &mut profile.ipv6] {
            (family.same_slot, family.shows_lost_carrier) = (SameSlot::ByGateway, true);
        }
        profile.stays_congested = true;
        profile
    }

    /// DragonFly 6: it deletes whatever there is to the destination; what a full buffer does not take is lost without a word unless
    /// `SO_RERROR` is on.
    #[must_use]
    pub fn dragonfly() -> Self {
        plain("DragonFly (simulated)", |can| can.compare_and_delete = CompareAndDelete::Emulated)
    }

    /// macOS 14: routes confined to an interface stand beside others to the same destination; it deletes whatever there is, and
    /// loses messages without a word.
    #[must_use]
    pub fn macos() -> Self {
        plain("macOS (simulated)", |can| {
            can.compare_and_delete = CompareAndDelete::Emulated;
            can.interface_scope = true;
        })
    }

    /// illumos: a route for each gateway, which a deletion must name; what goes with an interface, and messages for which there is
    /// no room, go without a word.
    #[must_use]
    pub fn illumos() -> Self {
        let mut profile = plain("illumos (simulated)", |_| {});
        for family in [&mut profile.ipv4, &mut profile.ipv6] {
            family.same_slot = SameSlot::ByGateway;
            family.delete_wants_gateway = true;
            family.routes_leave_with_link = true;
        }
        profile
    }

    /// All of them, Linux first.
    #[must_use]
    pub fn all() -> [Self; 7] {
        [Self::linux(), Self::freebsd(), Self::netbsd(), Self::openbsd(), Self::dragonfly(), Self::macos(), Self::illumos()]
    }
}
