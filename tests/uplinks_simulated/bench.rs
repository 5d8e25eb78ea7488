//! A machine with uplinks, what happens to it, and the program that keeps them.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use waypost_core::{
    Disposition, Family, IfIndex, Kernel, LinkFlags, NextHop, Notice, Notices, Now, Outcome, Prefix, Protocol, Request, Route,
    RouteChange, Slot, Ticket,
};
use waypost_engine::{
    Event, Exit, FollowOptions, Follower, Order, Probed, Progress, Told, Uplink, UplinkId, UplinkOptions, UplinkReport, Uplinks,
    Wish, WishState,
};
use waypost_tests::seeded::Seeded;

use crate::judge::Truth;
use crate::machine::{Machine, main_table};

/// Tickets of deletions; those of additions are the wish's number.
const DELETION: u64 = 1 << 40;

/// One way out of the machine, as it really is.
pub(crate) struct Wan {
    pub(crate) link: IfIndex,
    pub(crate) up: bool,
    pub(crate) carrier: bool,
    pub(crate) has_address: [bool; 2],
    number: u8,
    /// Packets get through.
    gets_through: bool,
    wanted: bool,
    priority: u32,
}

impl Wan {
    pub(crate) fn works(&self, family: Family) -> bool {
        self.wanted && self.up && self.carrier && self.has_address[family as usize]
    }

    fn address(&self, family: Family, last: u8) -> IpAddr {
        match family {
            Family::V4 => [10, self.number, 0, last].into(),
            Family::V6 => [0x2001, 0xdb8, u16::from(self.number), 0, 0, 0, 0, u16::from(last)].into(),
        }
    }
}

/// The program.
struct Program<K> {
    kernel: K,
    follower: Follower,
    uplinks: Uplinks,
    waiting: VecDeque<Order>,
}

pub(crate) struct Bench<M: Machine> {
    pub(crate) machine: M,
    pub(crate) now: Now,
    pub(crate) wans: Vec<Wan>,
    program: Option<Program<M::Kernel>>,
    truth: Truth<M::Kernel>,
    options: UplinkOptions,
    seed: u64,
    /// What has happened, told when something is wrong.
    pub(crate) story: Vec<String>,
    /// It is killed after so many more writes.
    dies_after: Option<u64>,
    probes: Vec<(UplinkId, u32)>,
    /// Events were lost, or will be, of which nobody tells the program.
    is_misled: bool,
}

impl<M: Machine> Bench<M> {
    pub(crate) fn new(machine: M, seed: u64, numbers: &mut Seeded) -> Self {
        let mut wans = Vec::new();
        for number in 1..=2 + u8::try_from(numbers.below(3)).expect("a few") {
            let link = machine.add_link(&format!("w{number}"));
            let priority = u32::try_from(numbers.below(3)).expect("a few");
            let mut wan =
                Wan { link, up: true, carrier: true, has_address: [true; 2], number, gets_through: true, wanted: true, priority };
            machine.set_up(link, true);
            for family in Family::ALL {
                machine.add_address(link, wan.address(family, 2), if family == Family::V4 { 24 } else { 64 });
                wan.has_address[family as usize] = true;
            }
            wans.push(wan);
        }
        let kernel = machine.kernel();
        let mut options = UplinkOptions::default();
        (options.table, options.seed) = (main_table(&kernel), seed);
        let truth = Truth::new(machine.kernel());
        let story = vec![format!("{}, seed {seed}", machine.name())];
        let mut bench = Self {
            machine,
            now: Now::awake(Duration::from_secs(1)),
            wans,
            program: None,
            truth,
            options,
            seed,
            story,
            dies_after: None,
            probes: Vec::new(),
            is_misled: false,
        };
        bench.start_program();
        bench
    }

    fn start_program(&mut self) {
        let kernel = self.machine.kernel();
        let mut options = self.options.clone();
        options.seed = self.seed;
        let mut uplinks = Uplinks::new(options, kernel.capabilities());
        for wan in self.wans.iter().filter(|wan| wan.wanted) {
            for family in Family::ALL {
                uplinks.set(self.uplink(wan, family));
            }
        }
        let follower = Follower::new(FollowOptions::default());
        self.program = Some(Program { kernel, follower, uplinks, waiting: VecDeque::new() });
        self.probes.clear();
    }

    fn uplink(&self, wan: &Wan, family: Family) -> Uplink {
        let exit = Exit::Gateway(wan.address(family, 1));
        let mut uplink = Uplink::new(format!("w{}", wan.number), family, wan.link, exit);
        (uplink.priority, uplink.probed) = (wan.priority, wan.number != 1);
        uplink
    }

    /// Lets time pass, without anything happening.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.turn();
    }

    /// Lets so much time pass that everything has come to rest: nobody is held down, refused or in doubt any more.
    pub(crate) fn settle(&mut self) {
        self.dies_after = None;
        if self.program.is_none() {
            self.start_program();
        }
        self.story.push("it comes to rest".to_owned());
        for seconds in [0, 1, 2, 5, 5, 10, 40, 60, 80, 80, 80, 100, 160, 160, 1, 1] {
            self.pass(Duration::from_secs(seconds));
        }
        // What was refused until now may have been asked for again a moment ago.
        let is_under_way = |program: &Program<M::Kernel>| program.uplinks.wishes().any(|wish| wish.state != WishState::Held);
        for _ in 0..30 {
            if !self.program.as_ref().is_some_and(is_under_way) {
                return;
            }
            self.pass(Duration::from_secs(1));
        }
    }

    /// The program does what it has to do now.
    pub(crate) fn turn(&mut self) {
        for round in 0.. {
            assert!(round < 200, "it does not come to an end: {:#?}", self.tail());
            let Some(mut program) = self.program.take() else { return };
            let is_busy = self.hear(&mut program);
            self.program = Some(program);
            if !self.write() && !is_busy {
                return;
            }
        }
    }

    /// Takes what the kernel says, and polls; says whether something came.
    fn hear(&mut self, program: &mut Program<M::Kernel>) -> bool {
        let (mut events, mut others) = (Vec::<Event>::new(), Notices::new());
        let (mut orders, mut reports) = (Vec::new(), Vec::new());
        let Program { kernel, follower, uplinks, waiting } = program;
        while follower.advance(self.now, kernel, &mut events, &mut others).expect("it goes on") == Progress::More {}
        let came = !events.is_empty() || !others.is_empty();
        for event in &events {
            uplinks.note(self.now, event);
        }
        for notice in others {
            if let Notice::Outcome(Ticket(ticket), outcome) = notice {
                self.story.push(format!("  outcome {} {outcome:?}", ticket % DELETION));
                let told = told(ticket >= DELETION, outcome);
                let wish = uplinks.wishes().map(|wish| wish.id).find(|wish| wish.get() == ticket % DELETION);
                if let Some(wish) = wish {
                    uplinks.told(self.now, wish, told);
                }
            }
        }
        if follower.is_synchronised() {
            uplinks.start(self.now, follower.mirror());
        }
        uplinks.poll(self.now, follower.mirror(), &mut orders, &mut reports);
        for report in &reports {
            let words = match report {
                UplinkReport::Moved { uplink, from, trigger, to } => format!("{uplink:?} {from} -{trigger}-> {to}"),
                UplinkReport::Elected { family, before, now, cause } => {
                    format!("{family:?} {before:?} -> {now:?}, {}", cause.words())
                }
                UplinkReport::Lost { wish, overwritten_by } => format!("lost {}, {overwritten_by:?}", wish.route),
                other => format!("{other:?}"),
            };
            self.story.push(format!("  {words}"));
        }
        crate::judge::lives_agree(uplinks, self.now, &self.story);
        waiting.extend(orders);
        came
    }

    /// Writes what is ordered, one by one, and looks at the machine before and after each.
    fn write(&mut self) -> bool {
        let mut wrote = false;
        while let Some(mut program) = self.program.take() {
            let Some(order) = program.waiting.pop_front() else {
                self.program = Some(program);
                break;
            };
            wrote = true;
            match order {
                Order::Read => program.follower.resync(self.now, &mut Vec::new()),
                Order::Probe(uplink, number) => self.probes.push((uplink, number)),
                Order::Install(wish) => self.change(&mut program, RouteChange::Add, &wish, wish.id.get()),
                Order::Withdraw(wish) => self.change(&mut program, RouteChange::Delete, &wish, wish.id.get() + DELETION),
                _ => {}
            }
            let dies = self.dies_after.is_some_and(|left| left == 0);
            self.dies_after = self.dies_after.and_then(|left| left.checked_sub(1));
            if dies {
                self.story.push("it is killed".to_owned());
                self.start_program();
            } else {
                self.program = Some(program);
            }
        }
        self.answer_probes();
        wrote
    }

    fn change(&mut self, program: &mut Program<M::Kernel>, change: RouteChange, wish: &Wish, ticket: u64) {
        let before = self.truth.read();
        self.story.push(format!("  {change:?} {} {}", wish.role, wish.route));
        let has_metrics = program.kernel.capabilities().metric;
        program.kernel.submit(self.now, Ticket(ticket), Request::Route(change, &wish.route)).expect("it can be asked");
        program.kernel.flush().expect("it goes out");
        let after = self.truth.read();
        // What it holds to be there, and somebody took away without its being told, it goes by: the next reading tells.
        let is_there = |wish: &Wish| before.iter().any(|route| crate::judge::is_the_same(&wish.route, route, has_metrics));
        let is_default = |wish: &&Wish| wish.state == WishState::Held && wish.role.is_default();
        let held: Vec<&Wish> = program.uplinks.wishes().filter(is_default).collect();
        // Nor does it know of a way out that has come up meanwhile.
        let mirror = program.follower.mirror();
        let is_known = |wan: &Wan, family| {
            let is_up =
                mirror.links().get(&wan.link).is_some_and(|link| link.flags.contains(LinkFlags::UP | LinkFlags::LOWER_UP));
            is_up && mirror.addresses().any(|own| own.interface == wan.link && Family::of(&own.local) == family)
        };
        let misled = Family::ALL.map(|family| {
            let mut own = held.iter().filter(|wish| wish.route.slot.destination.family() == family);
            let mut working = self.wans.iter().filter(|wan| wan.works(family));
            self.is_misled && (own.any(|wish| !is_there(wish)) || working.all(|wan| !is_known(wan, family)))
        });
        self.judge_write(&before, &after, has_metrics, misled);
    }

    fn answer_probes(&mut self) {
        let probes = std::mem::take(&mut self.probes);
        let Some(program) = &mut self.program else { return };
        for (uplink, number) in probes {
            let Some(link) = program.uplinks.uplink(uplink).map(|uplink| uplink.interface) else { continue };
            let passes = self.wans.iter().any(|wan| wan.link == link && wan.gets_through);
            let probed = if passes { Probed::Passed } else { Probed::Failed };
            program.uplinks.probed(self.now, uplink, number, probed);
        }
    }

    /// Something happens.
    pub(crate) fn disturb(&mut self, numbers: &mut Seeded) {
        let at = usize::try_from(numbers.below(self.wans.len() as u64)).expect("a few");
        let family = numbers.pick(&Family::ALL);
        let what = numbers.below(16);
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

    /// All is well where nothing has happened for long.
    pub(crate) fn judge_at_rest(&mut self) {
        let table = self.truth.read();
        let Some(program) = &self.program else { return };
        crate::judge::at_rest(&program.uplinks, &table, &self.wans, &program.kernel, self.now, &self.story);
    }

    /// In the end all are given up, and nothing of ours is left.
    pub(crate) fn end(&mut self) {
        if let Some(program) = &mut self.program {
            program.uplinks.remove_all();
        }
        self.wans.iter_mut().for_each(|wan| wan.wanted = false);
        self.settle();
        let own = |route: &&Route| route.entry.protocol == UplinkOptions::PROTOCOL;
        let table = self.truth.read();
        let left: Vec<_> = table.iter().filter(own).collect();
        let Some(program) = &self.program else { return };
        assert!(left.is_empty() && program.uplinks.is_idle(), "{left:?} is left: {:#?}", self.tail());
    }

    pub(crate) fn tail(&self) -> Vec<String> {
        crate::judge::tail(&self.story)
    }
}

fn told(deletion: bool, outcome: Outcome) -> Told {
    match (deletion, outcome) {
        (false, Outcome::Done) => Told::Installed,
        (false, Outcome::Failed(error)) => Told::Refused(error),
        (true, Outcome::Done) => Told::Gone,
        (true, Outcome::Failed(error)) => Told::Kept(error),
        _ => Told::Unknown,
    }
}
