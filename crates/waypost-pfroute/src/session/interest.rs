//! What of all that is heard is wanted.

use std::net::IpAddr;

use waypost_core::{Family, Notice};

/// What is told of. The kernel is asked to send no more where it can be; what it sends all the same is left out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Interest {
    /// Changes of this family alone.
    pub family: Option<Family>,
    /// Routes of this priority and better ones, which have lower numbers, alone: in lists too, so that they agree.
    pub worst_priority: Option<u8>,
    /// Lookups of these destinations alone; of all where there are none.
    pub misses_to: Vec<IpAddr>,
}

impl Interest {
    /// Says whether a change is to be told.
    #[must_use]
    pub fn takes(&self, notice: &Notice) -> bool {
        let is_of_family = |family: Family| self.family.is_none_or(|wanted| wanted == family);
        match notice {
            Notice::Route(_, route) => is_of_family(route.slot.destination.family()) && self.takes_listed(notice),
            Notice::Losing(route) => is_of_family(route.slot.destination.family()),
            Notice::Redirect(redirect) => is_of_family(redirect.destination.family()),
            Notice::Address(_, address) => is_of_family(Family::of(&address.local)),
            Notice::Neighbour(_, neighbour) => is_of_family(Family::of(&neighbour.address)),
            Notice::Miss(miss) => {
                is_of_family(Family::of(&miss.destination))
                    && (self.misses_to.is_empty() || self.misses_to.contains(&miss.destination))
            }
            _ => true,
        }
    }

    /// Says whether an entry of a list is to be told; which family is listed, the list says.
    pub(super) fn takes_listed(&self, notice: &Notice) -> bool {
        match notice {
            Notice::Route(_, route) => self.worst_priority.is_none_or(|worst| route.slot.priority <= worst),
            _ => true,
        }
    }
}
