//! What happens to the machine, and to the program.

use waypost_core::{Disposition, Family, NextHop, Prefix, Protocol, Route, RouteChange, Slot};
use waypost_tests::seeded::Seeded;

use crate::bench::Bench;
use crate::machine::Machine;

/// What only happens between two turns of the program: requests to it, what packets meet, and its end.
const BETWEEN_TURNS: [u64; 5] = [5, 6, 10, 11, 12];

impl<M: Machine> Bench<M> {
    /// Something happens.
    pub(crate) fn disturb(&mut self, numbers: &mut Seeded) {
        let at = usize::try_from(numbers.below(self.wans.len() as u64)).expect("a few");
        let family = numbers.pick(&Family::ALL);
        let what = numbers.below(16);
        self.happen(at, family, what, numbers);
    }

    /// Something happens between two writes of the program's: of that it can know nothing before its next turn.
    pub(crate) fn disturb_between_writes(&mut self) {
        let Some(mut numbers) = self.between.take() else { return };
        if numbers.one_in(6) {
            let at = usize::try_from(numbers.below(self.wans.len() as u64)).expect("a few");
            let (family, what) = (numbers.pick(&Family::ALL), numbers.below(16));
            if !BETWEEN_TURNS.contains(&what) {
                self.happen(at, family, what, &mut numbers);
            }
        }
        self.between = Some(numbers);
    }

    fn happen(&mut self, at: usize, family: Family, what: u64, numbers: &mut Seeded) {
        let link = self.wans[at].link;
        self.story.push(format!("at {:?}: {what} for w{}, {family:?}", self.now.running, self.wans[at].number));
        match what {
            0 | 1 => {
                let up = !self.wans[at].up;
                self.wans[at].up = up;
                self.machine.set_up(link, up);
                // What IPv6 addresses a link loses when it goes down (`addrconf_ifdown`) it is given again.
                let length = 64;
                if up && self.wans[at].has_address[1] {
                    self.machine.add_address(link, self.wans[at].address(Family::V6, 2), length);
                }
            }
            2 | 3 => {
                let carrier = !self.wans[at].carrier;
                self.wans[at].carrier = carrier;
                if self.machine.has_carrier() {
                    self.machine.set_carrier(link, carrier);
                } else {
                    self.wans[at].carrier = true;
                }
            }
            4 => {
                let has = !self.wans[at].has_address[family as usize];
                let address = self.wans[at].address(family, 2);
                if self.wans[at].up {
                    self.wans[at].has_address[family as usize] = has;
                    match has {
                        true => self.machine.add_address(link, address, if family == Family::V4 { 24 } else { 64 }),
                        false => self.machine.remove_address(link, address),
                    }
                }
            }
            5 | 6 => self.wans[at].gets_through = !self.wans[at].gets_through,
            7 => self.rival_deletes(numbers),
            8 => self.rival_overwrites(numbers),
            9 => self.rival_adds(at, family, numbers),
            10 => self.toggle_wanted(at),
            11 => self.choose(at, family, numbers),
            12 => self.dies_after = Some(numbers.below(4)),
            _ => {
                if let Some(program) = &mut self.program {
                    self.is_misled |= self.machine.harm(&mut program.kernel, numbers);
                }
            }
        }
        self.happened();
    }

    fn toggle_wanted(&mut self, at: usize) {
        self.wans[at].wanted = !self.wans[at].wanted;
        for family in Family::ALL {
            let uplink = self.uplink(&self.wans[at], family);
            let wanted = self.wans[at].wanted;
            let Some(program) = &mut self.program else { return };
            let id = program.uplinks.set(uplink);
            if !wanted {
                program.uplinks.remove(id);
            }
        }
    }

    fn choose(&mut self, at: usize, family: Family, numbers: &mut Seeded) {
        let link = self.wans[at].link;
        let asks = numbers.below(2) == 0;
        let Some(program) = &mut self.program else { return };
        let is_meant =
            |status: &waypost_engine::UplinkStatus<'_>| status.uplink.interface == link && status.uplink.family == family;
        let id = program.uplinks.status(self.now).find(is_meant).map(|status| status.id);
        program.uplinks.choose(family, id.filter(|_| asks));
    }

    /// One of our routes, as the kernel has it.
    fn own_route(&mut self, numbers: &mut Seeded) -> Option<Route> {
        let wishes: Vec<Route> = self.program.as_ref()?.uplinks.wishes().map(|wish| wish.route.clone()).collect();
        (!wishes.is_empty()).then(|| wishes[usize::try_from(numbers.below(wishes.len() as u64)).expect("a few")].clone())
    }

    fn rival_deletes(&mut self, numbers: &mut Seeded) {
        if let Some(route) = self.own_route(numbers) {
            self.story.push(format!("  rival deletes {route}"));
            self.machine.rival(RouteChange::Delete, &route);
        }
    }

    fn rival_overwrites(&mut self, numbers: &mut Seeded) {
        if let Some(mut route) = self.own_route(numbers) {
            route.entry.protocol = Protocol::STATIC;
            self.story.push(format!("  rival overwrites {route}"));
            self.machine.rival(RouteChange::Replace, &route);
        }
    }

    /// Another program has a default route too, or takes its own away.
    fn rival_adds(&mut self, at: usize, family: Family, numbers: &mut Seeded) {
        let mut slot = Slot::new(self.options.table, Prefix::default_of(family));
        slot.metric = numbers.pick(&[20, 98, 99, 100, 600, 1024]);
        let mut route = Route::from_parts(slot, Default::default());
        (route.entry.protocol, route.entry.disposition) = (Protocol::DHCP, Disposition::Unicast);
        route.entry.next_hops = NextHop::via(self.wans[at].address(family, 3)).with_interface(self.wans[at].link).into();
        let change = numbers.pick(&[RouteChange::Add, RouteChange::Delete]);
        self.story.push(format!("  rival: {change:?} {route}"));
        self.machine.rival(change, &route);
    }
}
