//! What must hold.

mod step;

use waypost_core::{
    Dump, Family, Kernel, Notice, Notices, Now, Protocol, Request, Route, RouteFilter, RouteVerb, TableId, Ticket,
};
use waypost_engine::{Life, Role, UplinkOptions, Uplinks, Wish, WishState};

use crate::bench::Wan;
use crate::machine::main_table;

pub(crate) use step::Looks;

/// What the kernel has, read by a program of its own.
pub(crate) struct Truth<K> {
    kernel: K,
    next: u64,
}

impl<K: Kernel> Truth<K> {
    pub(crate) const fn new(kernel: K) -> Self {
        Self { kernel, next: 0 }
    }

    /// The main table as it is, in order.
    pub(crate) fn read(&mut self) -> Vec<Route> {
        let mut routes = Vec::new();
        let table = main_table(&self.kernel);
        for family in Family::ALL {
            let mut filter = RouteFilter::default();
            filter.family = Some(family);
            let mut notices = Notices::new();
            // What was said meanwhile stands before the dump.
            let _ = self.kernel.drain(Now::default(), usize::MAX, &mut notices);
            notices.clear();
            self.next += 1;
            self.kernel
                .submit(Now::default(), Ticket(self.next), Request::Dump(Dump::Routes(family, &filter)))
                .expect("it lists");
            for _ in 0..1000 {
                self.kernel.flush().expect("it goes out");
                self.kernel.drain(Now::default(), usize::MAX, &mut notices).expect("it is read");
                if notices.iter().any(|notice| matches!(notice, Notice::DumpDone(Ticket(ticket), _) if *ticket == self.next)) {
                    break;
                }
            }
            routes.extend(notices.into_iter().filter_map(|notice| match notice {
                Notice::Route(RouteVerb::Listed, route) if in_table(&route, table) => Some(route),
                _ => None,
            }));
        }
        routes
    }
}

fn in_table(route: &Route, table: TableId) -> bool {
    route.slot.table == table
}

fn is_ours(route: &Route) -> bool {
    route.entry.protocol == UplinkOptions::PROTOCOL
}

/// The last that happened.
pub(crate) fn tail(story: &[String]) -> Vec<String> {
    let from = story.len().saturating_sub(90);
    story.iter().take(1).chain(story.iter().skip(from.max(1))).cloned().collect()
}

/// Says whether packets to anywhere leave by something that carries them.
fn has_default(table: &[Route], family: Family, wans: &[Wan]) -> bool {
    table.iter().filter(|route| route.slot.destination.is_default() && route.slot.destination.family() == family).any(|route| {
        let alive = |wan: &Wan| wan.up && wan.carrier && route.entry.next_hops.iter().any(|hop| hop.interface == Some(wan.link));
        wans.iter().any(alive)
    })
}

/// At every step a life agrees with the wishes.
pub(crate) fn lives_agree(uplinks: &Uplinks, now: Now, story: &[String]) {
    for status in uplinks.status(now) {
        let own: Vec<&Wish> = uplinks.wishes().filter(|wish| wish.uplink == status.id && wish.role.is_default()).collect();
        let has = |state| own.iter().any(|wish| wish.state == state);
        let life = match (has(WishState::Held), has(WishState::Asked), has(WishState::Leaving)) {
            (true, ..) => Life::Active,
            (false, true, _) => Life::Added,
            (false, false, true) => Life::Removed,
            (false, false, false) => Life::Inactive,
        };
        let is_late = status.life == Life::Inactive && life == Life::Removed;
        assert!(status.life == life || is_late, "{} is {}, with {own:?}: {:#?}", status.uplink.name, status.life, tail(story));
    }
}

/// When all has come to rest: an uplink that works is elected and has the default route; what is there is what is wished for.
pub(crate) fn at_rest<K: Kernel>(uplinks: &Uplinks, table: &[Route], wans: &[Wan], kernel: &K, now: Now, story: &[String]) {
    let has_metrics = kernel.capabilities().metric;
    let all: Vec<&Wish> = uplinks.wishes().collect();
    let foreign_default = |family: Family| {
        let is_it = |route: &&Route| route.slot.destination.is_default() && route.slot.destination.family() == family;
        table.iter().filter(is_it).any(|route| !all.iter().any(|wish| is_the_same(&wish.route, route, has_metrics)))
    };
    for family in Family::ALL {
        let works = wans.iter().any(|wan| wan.works(family));
        let elected = uplinks.elected(family);
        assert_eq!(elected.is_some(), works, "{family:?}: {:#?}", tail(story));
        let Some(elected) = elected else { continue };
        if !has_metrics && foreign_default(family) {
            // There is one place, and somebody else has it.
            continue;
        }
        let status = uplinks.status(now).find(|status| status.id == elected).expect("it is kept");
        let wan = wans.iter().find(|wan| wan.link == status.uplink.interface).expect("it is there");
        assert!(wan.works(family), "{family:?}: who is elected does not work: {:#?}", tail(story));
        assert!(has_default(table, family, wans), "{family:?} has no default route: {:#?}", tail(story));
        let high = |wish: &&&Wish| wish.role == Role::High && wish.route.slot.destination.family() == family;
        let highs: Vec<_> = all.iter().filter(high).collect();
        assert!(
            highs.len() == 1 && highs[0].uplink == elected && highs[0].state == WishState::Held,
            "{family:?}: {highs:?}: {:#?}",
            tail(story)
        );
        let lows = uplinks.status(now).filter(|status| status.uplink.family == family && status.hop.is_some() && has_metrics);
        for status in lows {
            assert_eq!(status.defaults.len(), 1, "{} has one default route: {:#?}", status.uplink.name, tail(story));
        }
    }
    for wish in &all {
        assert_eq!(wish.state, WishState::Held, "{wish:?}: {:#?}", tail(story));
        let count = table.iter().filter(|route| is_the_same(&wish.route, route, has_metrics)).count();
        assert_eq!(count, 1, "{} is wished for: {table:#?} {:#?}", wish.route, tail(story));
    }
    if has_metrics {
        for route in table.iter().filter(|route| route.entry.protocol != Protocol::KERNEL && is_ours(route)) {
            assert!(all.iter().any(|wish| is_the_same(&wish.route, route, true)), "nobody wants {route}: {:#?}", tail(story));
        }
    }
}

pub(crate) fn is_the_same(wanted: &Route, route: &Route, has_metrics: bool) -> bool {
    let way = |route: &Route| route.entry.next_hops.first().map(|hop| (hop.gateway, hop.interface));
    let mut slot = route.slot;
    if wanted.slot.priority == 0 {
        slot.priority = 0;
    }
    wanted.slot == slot && way(wanted) == way(route) && (!has_metrics || is_ours(route))
}
