//! What must hold at every step: after each thing that happens to the machine, each event, answer and probe that the program is told,
//! each time that it has thought, and each of its writes.
//!
//! At every step, whatever has happened and been lost ([`Bench::judge_step`]):
//!
//! 1. Of a family one uplink at most is elected, and it is of that family.
//! 2. The life of each uplink is what its wishes say.
//! 3. No two wishes have one slot.
//! 4. Each route in the table with our protocol number is that of a wish, once the program has taken over what it found.
//!
//! At every write ([`Bench::judge_write`]):
//!
//! 5. It adds or deletes the one route that was ordered, and leaves all others as they are.
//! 6. It leaves a family with a default route that had one and an uplink that works, unless something has happened since the program
//!    took in what the kernel says, or an event was lost of which nobody told it. (Where there is one place for a default route, a switch
//!    is a deletion and an addition.) So what takes the last default route away is the kernel or a rival, never a write.
//!
//! Each time that the program has thought ([`Bench::judge_poll`]):
//!
//! 7. Somebody is elected exactly where somebody can be used, and whoever is can be.
//! 8. A high route is ordered for the elected uplink alone, once, and a low one for others alone.
//! 9. Who is not elected has a high route only while that of the elected one is not there, its own low one is not there, or its deletion
//!    was refused a moment ago.
//!
//! At the end of each turn, when the program has taken in all and has nothing more to do ([`Bench::judge_turn`]), unless events were lost of
//! which nobody told it, and it can be seen that it does not know how things are:
//!
//! 10. What a wish says to be there is in the table; but for a second not, if it was added, and taken away by a rival, while events were
//!     lost: then nothing was ever heard of it; and not after that second, when the program doubts it: then it counts for nothing.
//! 11. Where an uplink works, one that works is elected, and its high route is in the table, and is used before all others of ours; unless
//!     it waits: for an answer, or because it was refused or robbed a moment ago, or, where there is one place, because another's route is
//!     in it.

use std::collections::BTreeSet;
use std::time::Duration;

use waypost_core::{Entry, Family, Kernel, Link, Now, Prefix, Route, RouteChange, Slot};
use waypost_engine::{Order, Role, UplinkId, Wish, WishState};

use super::{has_default, is_ours, is_the_same, lives_agree};
use crate::bench::{Bench, Program, Wan};
use crate::machine::{Machine, main_table};

/// How long a route may be unknown to a mirror that is in step, though the kernel said that it took it.
const CONFIRM: Duration = Duration::from_secs(1);

/// How often it was looked at what must hold.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Looks {
    /// At every step.
    pub(crate) steps: u64,
    /// Families at the ends of turns, of a program that knew how things are.
    pub(crate) known: u64,
    /// Families at the ends of turns, of one that did not.
    pub(crate) misled: u64,
}

/// A family's default routes of a role.
fn of_role(program: &Program<impl Kernel>, family: Family, role: Role) -> Vec<&Wish> {
    let is_it = |wish: &&Wish| wish.role == role && wish.route.slot.destination.family() == family;
    program.uplinks.wishes().filter(is_it).collect()
}

fn has(program: &Program<impl Kernel>, uplink: UplinkId, role: Role, state: WishState) -> bool {
    program.uplinks.wishes().any(|wish| (wish.uplink, wish.role, wish.state) == (uplink, role, state))
}

/// Says whether an uplink has a default route by the kernel's word, which the program does not doubt.
fn stands(program: &Program<impl Kernel>, uplink: UplinkId, role: Role) -> bool {
    let mut held =
        program.uplinks.wishes().filter(|wish| (wish.uplink, wish.role, wish.state) == (uplink, role, WishState::Held));
    held.any(|wish| !program.uplinks.is_doubted(wish.id))
}

impl<M: Machine> Bench<M> {
    /// What holds at every step.
    pub(crate) fn judge_step(&mut self, program: &Program<M::Kernel>) {
        self.looks.steps += 1;
        let uplinks = &program.uplinks;
        for family in Family::ALL {
            let elected: Vec<UplinkId> = uplinks
                .status(self.now)
                .filter(|status| status.elected && status.uplink.family == family)
                .map(|status| status.id)
                .collect();
            assert!(elected.len() <= 1, "{family:?}: {elected:?} are elected: {:#?}", self.tail());
        }
        lives_agree(uplinks, self.now, &self.story);
        let mut slots = BTreeSet::new();
        for wish in uplinks.wishes() {
            assert!(slots.insert(wish.route.slot), "two wishes have the slot of {}: {:#?}", wish.route, self.tail());
        }
        if program.has_begun && program.kernel.capabilities().metric {
            for route in self.table.iter().filter(|route| is_ours(route)) {
                let is_wished = uplinks.wishes().any(|wish| is_the_same(&wish.route, route, true));
                assert!(is_wished, "nobody answers for {route}: {:#?}", self.tail());
            }
        }
    }

    /// What holds at every write: `before` is what there was.
    pub(crate) fn judge_write(&self, program: &Program<M::Kernel>, change: RouteChange, route: &Route, before: &[Route]) {
        let has_metrics = program.kernel.capabilities().metric;
        let without = |table: &[Route], other: &[Route]| {
            let mut left = other.to_vec();
            let is_new = |route: &&Route| left.iter().position(|twin| twin == *route).map(|at| left.swap_remove(at)).is_none();
            table.iter().filter(is_new).cloned().collect::<Vec<_>>()
        };
        let (gone, come) = (without(before, &self.table), without(&self.table, before));
        let (changed, untouched) = if change == RouteChange::Add { (come, gone) } else { (gone, come) };
        let is_it = changed.len() <= 1 && changed.iter().all(|changed| is_the_same(route, changed, has_metrics));
        assert!(is_it && untouched.is_empty(), "{change:?} {route} did {changed:?} and {untouched:?}: {:#?}", self.tail());
        for family in Family::ALL {
            let works = self.wans.iter().any(|wan| wan.works(family));
            let lost = has_default(before, family, &self.wans) && !has_default(&self.table, family, &self.wans);
            let is_excused = !has_metrics || self.is_unheard || (self.is_misled && !self.knows(program, family));
            assert!(!works || !lost || is_excused, "{family:?} has lost its default route: {:#?}", self.tail());
        }
    }

    /// What holds each time that the program has thought.
    pub(crate) fn judge_poll(&self, program: &Program<M::Kernel>, orders: &[Order]) {
        if !program.has_begun {
            return;
        }
        for family in Family::ALL {
            let elected = program.uplinks.elected(family);
            let mut own =
                program.uplinks.status(self.now).filter(|status| status.uplink.family == family && status.hop.is_some());
            // One that is being given up may still have a way out.
            let is_elected = own.find(|status| Some(status.id) == elected);
            assert_eq!(elected.is_some(), is_elected.is_some(), "{family:?}: {elected:?} cannot be used: {:#?}", self.tail());
            let ordered = |role| {
                let is_it = move |wish: &&Wish| wish.role == role && wish.route.slot.destination.family() == family;
                let installs = orders.iter().filter_map(|order| if let Order::Install(wish) = order { Some(wish) } else { None });
                installs.filter(is_it).map(|wish| wish.uplink).collect::<Vec<_>>()
            };
            let (high, low) = (ordered(Role::High), ordered(Role::Low));
            let is_one = high.len() <= 1 && high.iter().all(|id| Some(*id) == elected);
            assert!(is_one, "{family:?}: high routes for {high:?}, and {elected:?} is elected: {:#?}", self.tail());
            assert!(low.iter().all(|id| Some(*id) != elected), "{family:?}: {low:?}: {:#?}", self.tail());
            for wish in of_role(program, family, Role::High) {
                assert!(self.may_be_high(program, wish, elected), "{wish:?} is high, {elected:?} elected: {:#?}", self.tail());
            }
        }
    }

    /// Says whether there is a reason for a high route to be there.
    fn may_be_high(&self, program: &Program<M::Kernel>, wish: &Wish, elected: Option<UplinkId>) -> bool {
        let has_metrics = program.kernel.capabilities().metric;
        let status = program.uplinks.status(self.now).find(|status| status.id == wish.uplink);
        let is_usable = status.is_some_and(|status| status.hop.is_some());
        let is_made = elected.is_some_and(|elected| stands(program, elected, Role::High));
        let is_demoted = !is_usable || stands(program, wish.uplink, Role::Low);
        let was_kept = program.kept.get(&wish.id).is_some_and(|until| until.running > self.now.running);
        Some(wish.uplink) == elected
            || wish.state == WishState::Leaving
            || was_kept
            || (has_metrics && ((elected.is_some() && !is_made) || !is_demoted))
    }

    /// What holds at the end of a turn.
    pub(crate) fn judge_turn(&mut self) {
        let Some(taken) = self.program.take() else { return };
        let program = &taken;
        let has_metrics = program.kernel.capabilities().metric;
        for family in Family::ALL.into_iter().filter(|_| program.has_begun) {
            if !self.knows(program, family) {
                let is_excused = self.is_misled || !program.follower.is_settled();
                assert!(is_excused, "{family:?}: nobody knows why it is not known how things are: {:#?}", self.tail());
                self.looks.misled += 1;
                continue;
            }
            self.looks.known += 1;
            let is_there = |wish: &Wish| self.table.iter().any(|route| is_the_same(&wish.route, route, has_metrics));
            let mut own = program.uplinks.wishes().filter(|wish| wish.route.slot.destination.family() == family);
            let missing =
                own.find(|wish| wish.state == WishState::Held && !is_there(wish) && !self.may_be_missing(program, wish));
            assert!(missing.is_none(), "{missing:?} is not there: {:#?}", self.tail());
            if self.wans.iter().any(|wan| wan.works(family)) {
                self.judge_elected(program, family);
            }
        }
        self.program = Some(taken);
    }

    /// Says whether a route that was added may have gone without the program's having heard of it: it was added and taken away while
    /// events were lost, and reading again never found it. After a second it is doubted.
    fn may_be_missing(&self, program: &Program<M::Kernel>, wish: &Wish) -> bool {
        let is_recent = |at: Now| self.now.running < (at + CONFIRM).running;
        let was_read =
            || program.added.get(&wish.id).zip(program.read_at).is_some_and(|(added, read)| read.running >= added.running);
        let has_lost = self.is_misled || !program.follower.is_settled() || was_read();
        let is_fresh = has_lost && program.told.get(&wish.id).is_some_and(|at| is_recent(*at));
        is_fresh || program.uplinks.is_doubted(wish.id) || has(program, wish.uplink, wish.role, WishState::Asked)
    }

    /// At the end of a turn, where an uplink works.
    fn judge_elected(&self, program: &Program<M::Kernel>, family: Family) {
        let has_metrics = program.kernel.capabilities().metric;
        let elected = program.uplinks.elected(family);
        let status = program.uplinks.status(self.now).find(|status| Some(status.id) == elected);
        let Some(status) = status else { panic!("{family:?}: nobody is elected: {:#?}", self.tail()) };
        let works = self.wans.iter().any(|wan| wan.link == status.uplink.interface && wan.works(family));
        assert!(works, "{family:?}: {} is elected and does not work: {:#?}", status.uplink.name, self.tail());
        let highs = of_role(program, family, Role::High);
        // The host route to a gateway comes before the default route.
        let waits = program.uplinks.wishes().any(|wish| Some(wish.uplink) == elected && wish.state == WishState::Asked);
        let defaults = self.table.iter().filter(|route| route.slot.destination == Prefix::default_of(family));
        let is_wished = |route: &Route| program.uplinks.wishes().any(|wish| is_the_same(&wish.route, route, has_metrics));
        let is_taken = !has_metrics
            && defaults.clone().any(|route| !is_wished(route) || highs.iter().all(|wish| wish.state != WishState::Held));
        if status.retry.is_some() || waits || is_taken {
            return;
        }
        if highs.iter().any(|wish| self.may_be_missing(program, wish)) {
            return;
        }
        let stands = highs.iter().any(|wish| Some(wish.uplink) == elected && wish.state == WishState::Held);
        assert!(stands, "{family:?}: {} is elected and has no high route: {:#?}", status.uplink.name, self.tail());
        // One that is still to go may be used before it.
        let is_alone = highs.iter().all(|wish| Some(wish.uplink) == elected);
        let used = defaults.filter(|route| !has_metrics || is_ours(route)).min_by_key(|route| route.slot.metric);
        let leaves_by = used.and_then(|route| route.entry.next_hops.first()).and_then(|hop| hop.interface);
        assert!(!is_alone || leaves_by == Some(status.uplink.interface), "{family:?}: {used:?} is used: {:#?}", self.tail());
    }

    /// Says whether the program's picture of links, addresses and default routes is what there is.
    fn knows(&self, program: &Program<M::Kernel>, family: Family) -> bool {
        let mirror = program.follower.mirror();
        let is_known = |wan: &Wan| {
            let carries = mirror.links().get(&wan.link).is_some_and(Link::has_carrier);
            let has_address = mirror
                .addresses()
                .any(|own| own.interface == wan.link && Family::of(&own.local) == family && !is_link_local(own.local));
            carries == (wan.up && wan.carrier) && (!wan.up || has_address == wan.has_address[family as usize])
        };
        let destination = Prefix::default_of(family);
        let key =
            |slot: &Slot, entry: &Entry| (*slot, entry.protocol, entry.next_hops.first().map(|hop| (hop.gateway, hop.interface)));
        let listed = self.table.iter().filter(|route| route.slot.destination == destination);
        let there: BTreeSet<_> = listed.map(|route| key(&route.slot, &route.entry)).collect();
        let chain = mirror.tables().table(main_table(&program.kernel)).and_then(|table| table.exactly(destination));
        let seen: BTreeSet<_> = chain.into_iter().flatten().map(|route| key(&route.slot, route.entry)).collect();
        self.wans.iter().all(is_known) && there == seen
    }
}

fn is_link_local(address: std::net::IpAddr) -> bool {
    matches!(address, std::net::IpAddr::V6(address) if address.is_unicast_link_local())
}
