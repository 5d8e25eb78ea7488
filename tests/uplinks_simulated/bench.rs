//! A machine with uplinks, what happens to it, and the program that keeps them.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use waypost_core::{Family, IfIndex, Kernel, Notice, Notices, Now, Outcome, Request, Route, RouteChange, Ticket};
use waypost_engine::{
    Event, Exit, FollowOptions, Follower, Order, Probed, Progress, Told, Uplink, UplinkId, UplinkOptions, UplinkReport, Uplinks,
    Wish, WishId, WishState,
};
use waypost_tests::seeded::Seeded;

use crate::judge::{Looks, Truth};
use crate::machine::{Machine, main_table};

/// Tickets of deletions; those of additions are the wish's number.
const DELETION: u64 = 1 << 40;

/// One way out of the machine, as it really is.
pub(crate) struct Wan {
    pub(crate) link: IfIndex,
    pub(crate) up: bool,
    pub(crate) carrier: bool,
    pub(crate) has_address: [bool; 2],
    pub(crate) number: u8,
    /// Packets get through.
    pub(crate) gets_through: bool,
    pub(crate) wanted: bool,
    pub(crate) priority: u32,
}

impl Wan {
    pub(crate) fn works(&self, family: Family) -> bool {
        self.wanted && self.up && self.carrier && self.has_address[family as usize]
    }

    pub(crate) fn address(&self, family: Family, last: u8) -> IpAddr {
        match family {
            Family::V4 => [10, self.number, 0, last].into(),
            Family::V6 => [0x2001, 0xdb8, u16::from(self.number), 0, 0, 0, 0, u16::from(last)].into(),
        }
    }
}

/// The program.
pub(crate) struct Program<K> {
    pub(crate) kernel: K,
    pub(crate) follower: Follower,
    pub(crate) uplinks: Uplinks,
    waiting: VecDeque<Order>,
    /// It has taken over what it found.
    pub(crate) has_begun: bool,
    /// Deletions that were refused, and until when they are not asked again.
    pub(crate) kept: BTreeMap<WishId, Now>,
    /// When a route was added.
    pub(crate) added: BTreeMap<WishId, Now>,
    /// When it was told so.
    pub(crate) told: BTreeMap<WishId, Now>,
    /// When it last read everything again.
    pub(crate) read_at: Option<Now>,
}

pub(crate) struct Bench<M: Machine> {
    pub(crate) machine: M,
    pub(crate) now: Now,
    pub(crate) wans: Vec<Wan>,
    pub(crate) program: Option<Program<M::Kernel>>,
    truth: Truth<M::Kernel>,
    /// What the kernel has, as it was looked at after the last that could change it.
    pub(crate) table: Vec<Route>,
    /// Something has happened since the program took in what the kernel says.
    pub(crate) is_unheard: bool,
    pub(crate) options: UplinkOptions,
    seed: u64,
    /// What has happened, told when something is wrong.
    pub(crate) story: Vec<String>,
    /// It is killed after so many more writes.
    pub(crate) dies_after: Option<u64>,
    probes: Vec<(UplinkId, u32)>,
    /// Events were lost, or will be, of which nobody tells the program.
    pub(crate) is_misled: bool,
    /// What happens between two writes follows from these, where anything does.
    pub(crate) between: Option<Seeded>,
    /// How often was looked at what must hold, and how often that was looked at which must hold of a program that knows how things are.
    pub(crate) looks: Looks,
}

impl<M: Machine> Bench<M> {
    pub(crate) fn new(machine: M, seed: u64, numbers: &mut Seeded, between: Option<Seeded>) -> Self {
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
            table: Vec::new(),
            is_unheard: true,
            options,
            seed,
            story,
            dies_after: None,
            probes: Vec::new(),
            is_misled: false,
            between,
            looks: Looks::default(),
        };
        bench.happened();
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
        self.program = Some(Program {
            kernel,
            follower,
            uplinks,
            waiting: VecDeque::new(),
            has_begun: false,
            kept: BTreeMap::new(),
            added: BTreeMap::new(),
            told: BTreeMap::new(),
            read_at: None,
        });
        self.probes.clear();
    }

    pub(crate) fn uplink(&self, wan: &Wan, family: Family) -> Uplink {
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
        let between = self.between.take();
        self.wait_for_rest();
        self.between = between;
    }

    fn wait_for_rest(&mut self) {
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
                return self.judge_turn();
            }
        }
    }

    /// Takes what the kernel says, and polls; says whether something came.
    fn hear(&mut self, program: &mut Program<M::Kernel>) -> bool {
        let (mut events, mut others) = (Vec::<Event>::new(), Notices::new());
        let (mut orders, mut reports) = (Vec::new(), Vec::new());
        while program.follower.advance(self.now, &mut program.kernel, &mut events, &mut others).expect("it goes on")
            == Progress::More
        {}
        self.is_unheard = false;
        let came = !events.is_empty() || !others.is_empty();
        for event in &events {
            program.uplinks.note(self.now, event);
            if matches!(event, Event::ResyncStarted { .. } | Event::Resynced { .. }) {
                program.read_at = Some(self.now);
            }
            self.judge_step(program);
        }
        for notice in others {
            if let Notice::Outcome(Ticket(ticket), outcome) = notice {
                self.tell(program, ticket, outcome);
                self.judge_step(program);
            }
        }
        if program.follower.is_synchronised() {
            program.uplinks.start(self.now, program.follower.mirror());
            program.has_begun = true;
        }
        program.uplinks.poll(self.now, program.follower.mirror(), &mut orders, &mut reports);
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
        self.judge_step(program);
        self.judge_poll(program, &orders);
        program.waiting.extend(orders);
        came
    }

    /// Tells the machine what became of a wish.
    fn tell(&mut self, program: &mut Program<M::Kernel>, ticket: u64, outcome: Outcome) {
        self.story.push(format!("  outcome {} {outcome:?}", ticket % DELETION));
        let told = told(ticket >= DELETION, outcome);
        let wish = program.uplinks.wishes().map(|wish| wish.id).find(|wish| wish.get() == ticket % DELETION);
        let Some(wish) = wish else { return };
        match told {
            Told::Kept(_) => drop(program.kept.insert(wish, self.now + self.options.retry)),
            Told::Installed => drop(program.told.insert(wish, self.now)),
            _ => {}
        }
        program.uplinks.told(self.now, wish, told);
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
                Order::Install(wish) => {
                    program.added.insert(wish.id, self.now);
                    self.change(&mut program, RouteChange::Add, &wish, wish.id.get());
                }
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
            self.disturb_between_writes();
        }
        self.answer_probes();
        wrote
    }

    fn change(&mut self, program: &mut Program<M::Kernel>, change: RouteChange, wish: &Wish, ticket: u64) {
        self.story.push(format!("  {change:?} {} {}", wish.role, wish.route));
        program.kernel.submit(self.now, Ticket(ticket), Request::Route(change, &wish.route)).expect("it can be asked");
        program.kernel.flush().expect("it goes out");
        let before = std::mem::replace(&mut self.table, self.truth.read());
        self.judge_write(program, change, &wish.route, &before);
        self.judge_step(program);
    }

    /// Something has happened to the machine, or to the program.
    pub(crate) fn happened(&mut self) {
        self.table = self.truth.read();
        self.is_unheard = true;
        self.judge_now();
    }

    /// Looks at what must hold now.
    fn judge_now(&mut self) {
        if let Some(program) = self.program.take() {
            self.judge_step(&program);
            self.program = Some(program);
        }
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
        self.judge_now();
    }

    /// All is well where nothing has happened for long.
    pub(crate) fn judge_at_rest(&mut self) {
        let Some(program) = &self.program else { return };
        crate::judge::at_rest(&program.uplinks, &self.table, &self.wans, &program.kernel, self.now, &self.story);
    }

    /// In the end all are given up, and nothing of ours is left.
    pub(crate) fn end(&mut self) {
        if let Some(program) = &mut self.program {
            program.uplinks.remove_all();
        }
        self.wans.iter_mut().for_each(|wan| wan.wanted = false);
        self.settle();
        let own = |route: &&Route| route.entry.protocol == UplinkOptions::PROTOCOL;
        let left: Vec<_> = self.table.iter().filter(own).collect();
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
