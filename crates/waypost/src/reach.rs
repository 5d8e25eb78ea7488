//! Which conversations a change of the routing tables hits.

use std::collections::{HashSet, VecDeque};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use mio::event::Source;
use mio::{Interest, Registry, Token};
use waypost_core::{Error, Flow, Kernel};
use waypost_engine::{FlowId, Judgement, Standing, Work};

use crate::Watcher;
use crate::sys::{self, Native, Options};

/// How many events are taken in before some flows are judged: in a storm that never pauses none would ever be.
const EVENTS_MAX: usize = 4096;

/// A slice ends when it has taken so long, or so many flows were looked at.
const SLICE_LONG: Duration = Duration::from_millis(1);
const SLICE_MAX: usize = 4096;

/// After so many flows the clock is read. Whatever slices before it cost, one is longer than it should be by so many lookups at most.
const PIECE: usize = 256;

/// After so many judgements given the kernel is heard though more wait: a program may take its time with each.
const GIVEN_MAX: usize = 128;

/// Tells which of a program's conversations a change of the routing tables hits: whose route has gone, who has none, whose source is no address of the
/// host any more, who leaves by another interface or gateway, or with packets of another size.
///
/// Flows are registered, up to 2^31 of each family; what is told is a [`Judgement`] for each that is hit. How each one stands can be asked at any
/// time. Nothing is judged before the tables are known not to be half read, see [`open_with`](Self::open_with). What a change costs goes by the flows that it may touch.
///
/// ```no_run
/// use waypost::{Effects, Flow, Reach};
///
/// let mut reach = Reach::open()?;
/// let flow = reach.register(&Flow::to("192.0.2.1".parse().unwrap()));
/// while let Some(hit) = reach.next(None)? {
///     assert_eq!(hit.flow, flow);
///     if hit.effects.intersects(Effects::ROUTE_LOST | Effects::SOURCE_LOST | Effects::ROUTE_GONE) {
///         // Connect again.
///     }
/// }
/// # Ok::<(), waypost::Error>(())
/// ```
///
/// # Loops of one's own
///
/// As with a [`Watcher`]: when the descriptor is readable or [`deadline`](Self::deadline) has come, call [`try_next`](Self::try_next) until it
/// gives `None`. Flows are judged some at a time, for about a millisecond, and between two such slices, and after every 128th judgement given, the
/// kernel's messages are taken, so that a million flows do not hold them up. The machine that decides is [`waypost_engine::Reach`](crate::engine::Reach), for programs that feed it themselves.
#[derive(Debug)]
pub struct Reach<K = Native> {
    watcher: Watcher<K>,
    machine: waypost_engine::Reach,
    hits: VecDeque<Judgement>,
    batch: Vec<Judgement>,
    /// Flows that were removed while what hit them may still wait in `hits`; their numbers may be another's by now.
    forgotten: HashSet<FlowId>,
    /// How many were given since the kernel was heard.
    given: usize,
    slices: Slices,
}

/// How flows were judged so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Slices {
    /// How many slices there were: so often were the kernel's messages looked for in between.
    pub count: u64,
    /// How long the longest took by the wall, what the scheduler gave to others included.
    pub longest: Duration,
}

impl Reach {
    /// Opens the current network namespace. No flow is judged before it has been read and was quiet for 100 ms.
    ///
    /// # Errors
    ///
    /// `NotPermitted` where the system refuses the socket (a sandbox).
    pub fn open() -> Result<Self, Error> {
        Self::open_with(&Options::new(), waypost_engine::Reach::COLD_PLUG)
    }

    /// Opens the network namespace that `options` name. No flow is judged before its tables have routes and routes, rules, links and addresses
    /// have been quiet for as long as `cold_plug`, or there have been routes for ten times that.
    ///
    /// # Errors
    ///
    /// `NoSuchDevice` where there is no such namespace, `NotPermitted` where it may not be entered.
    pub fn open_with(options: &Options, cold_plug: Duration) -> Result<Self, Error> {
        Ok(Self::with_watcher(Watcher::open_with(options)?, cold_plug))
    }

    /// The next judgement, waited for until `timeout` has passed (`None` waits as long as it takes).
    ///
    /// # Errors
    ///
    /// `Closed` where the socket is of no more use.
    pub fn next(&mut self, timeout: Option<Duration>) -> Result<Option<Judgement>, Error> {
        let end = timeout.and_then(|timeout| sys::now().running.checked_add(timeout));
        loop {
            let (hit, more) = self.turn()?;
            if hit.is_some() {
                return Ok(hit);
            }
            let now = sys::now().running;
            if end.is_some_and(|end| now >= end) {
                return Ok(None);
            }
            if more {
                continue;
            }
            let wake = end.into_iter().chain(self.own_deadline()).min();
            self.watcher.wait(wake.map(|wake| wake.saturating_sub(now)))?;
        }
    }
}

impl<K: Kernel> Reach<K> {
    /// Judges flows by what a watcher has, from now on.
    #[must_use]
    pub fn with_watcher(watcher: Watcher<K>, cold_plug: Duration) -> Self {
        Self {
            watcher,
            machine: waypost_engine::Reach::new(cold_plug),
            hits: VecDeque::new(),
            batch: Vec::new(),
            forgotten: HashSet::new(),
            given: 0,
            slices: Slices::default(),
        }
    }

    /// Registers a flow: where it goes, and where given its source, the interface that its socket is bound to, mark, type of service, user and
    /// protocol. If it turns out to have no way, that is told.
    ///
    /// # Panics
    ///
    /// With 2^31 flows of a family.
    pub fn register(&mut self, flow: &Flow) -> FlowId {
        self.machine.register(flow)
    }

    /// Forgets a flow. Nothing is told of it any more, and its number is given to another.
    pub fn remove(&mut self, flow: FlowId) {
        self.machine.remove(flow);
        if !self.hits.is_empty() {
            self.forgotten.insert(flow);
        }
    }

    /// How a flow stands as far as it has been judged; `None` if it is not registered.
    #[must_use]
    pub fn standing(&self, flow: FlowId) -> Option<&Arc<Standing>> {
        self.machine.standing(flow)
    }

    /// The next judgement, if there is one; never blocks for longer than it takes to judge some flows.
    ///
    /// # Errors
    ///
    /// `Closed` where the socket is of no more use.
    pub fn try_next(&mut self) -> Result<Option<Judgement>, Error> {
        loop {
            match self.turn()? {
                (None, true) => {}
                (hit, _) => return Ok(hit),
            }
        }
    }

    /// Gives what waits, or takes in some events and judges some flows; says whether there may be more of either.
    fn turn(&mut self) -> Result<(Option<Judgement>, bool), Error> {
        let waiting = if self.given < GIVEN_MAX { self.pop() } else { None };
        if waiting.is_some() {
            return Ok((waiting, true));
        }
        let left = self.take_in()?;
        let (mut hit, mut work) = (self.pop(), Work::Done);
        if hit.is_none() && self.watcher.is_synchronised() {
            work = self.judge();
            hit = self.pop();
        }
        let more = hit.is_some() || left == 0 || work == Work::More;
        Ok((hit, more))
    }

    /// Takes in some events; says how many more might have been taken.
    fn take_in(&mut self) -> Result<usize, Error> {
        let now = sys::now();
        let mut left = EVENTS_MAX;
        while let Some(event) = self.watcher.try_next()? {
            // What comes before the first picture is whole is part of it.
            self.machine.note(now, &event, self.watcher.mirror());
            left -= 1;
            if left == 0 {
                break;
            }
        }
        self.given = 0;
        Ok(left)
    }

    /// Takes in what the kernel has said meanwhile (of a storm some thousand changes), and says how a flow stands by that, its ports included; it need
    /// not be registered. Never blocks.
    ///
    /// A judgement may have waited among others while what it tells of was mended. Who acts on it in a way that cannot be undone, such as ending a
    /// connection, looks again with this before.
    ///
    /// # Errors
    ///
    /// `Closed` where the socket is of no more use.
    pub fn look_again(&mut self, flow: &Flow) -> Result<Standing, Error> {
        self.take_in()?;
        Ok(self.look(flow))
    }

    /// How a flow stands by what is known, its ports included; it need not be registered.
    #[must_use]
    pub fn look(&self, flow: &Flow) -> Standing {
        Standing::in_mirror(flow, self.watcher.mirror())
    }

    /// Judges as many flows as take about a millisecond. By the clock alone, and not by what flows cost before: a lookup among a thousand rules
    /// takes many times as long as one among three.
    fn judge(&mut self) -> Work {
        let start = sys::now();
        let (mut work, mut took, mut left) = (Work::More, Duration::ZERO, SLICE_MAX);
        while work == Work::More && took < SLICE_LONG && left > 0 {
            work = self.machine.work(start, self.watcher.mirror(), PIECE, &mut self.batch);
            took = sys::now().running.saturating_sub(start.running);
            left = left.saturating_sub(PIECE);
        }
        self.slices.count += 1;
        self.slices.longest = self.slices.longest.max(took);
        // Nothing waits when this is called, so whoever was forgotten before has not been judged by this.
        self.forgotten.clear();
        self.hits.extend(self.batch.drain(..));
        work
    }

    fn pop(&mut self) -> Option<Judgement> {
        loop {
            let hit = self.hits.pop_front()?;
            if !self.forgotten.contains(&hit.flow) {
                self.given += 1;
                return Some(hit);
            }
        }
    }

    /// Says whether every flow has been judged by all that is known.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.hits.is_empty() && self.machine.is_done() && self.watcher.is_settled()
    }

    /// How long a loop may sleep at most before it calls [`try_next`](Self::try_next) without having been woken.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let own = self.own_deadline().map(|deadline| deadline.saturating_sub(sys::now().running));
        own.into_iter().chain(self.watcher.deadline()).min()
    }

    /// When flows are to be judged though nothing is said, by the clock that stands still while the machine sleeps.
    fn own_deadline(&self) -> Option<Duration> {
        self.machine.deadline().filter(|_| self.watcher.is_synchronised()).map(|deadline| deadline.running)
    }

    /// How many flows are registered.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.machine.len()
    }

    /// Says whether no flow is registered.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.machine.is_empty()
    }

    /// Bytes on the heap for the flows, those kept for growth included; the watcher's mirror is not counted.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.machine.memory()
    }

    /// How flows were judged so far.
    #[must_use]
    pub const fn slices(&self) -> Slices {
        self.slices
    }

    /// The watcher beneath: all that is known of the kernel.
    #[must_use]
    pub const fn watcher(&self) -> &Watcher<K> {
        &self.watcher
    }

    /// The watcher back; the flows are forgotten.
    #[must_use]
    pub fn into_watcher(self) -> Watcher<K> {
        self.watcher
    }
}

impl AsFd for Reach {
    /// The socket that changes come by. Wait until it is readable; leave reading to this.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.watcher.as_fd()
    }
}

impl Source for Reach {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> std::io::Result<()> {
        self.watcher.register(registry, token, interests)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> std::io::Result<()> {
        self.watcher.reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> std::io::Result<()> {
        self.watcher.deregister(registry)
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use waypost_core::{IfIndex, RouteChange};
    use waypost_engine::{Effects, FollowOptions, Outlook};
    use waypost_sim::{Profile, Sim, SimKernel};

    use super::*;

    const DEFAULT: &str = "default via 10.0.0.1 metric 100";

    /// A machine with a default route, and what judges its flows without waiting.
    fn scene() -> (Sim, Reach<SimKernel>) {
        let sim = Sim::new(Profile::linux());
        let link = sim.add_link("w0");
        sim.set_up(link, true).unwrap();
        sim.set_carrier(link, true).unwrap();
        sim.add_address(link, "10.0.0.2".parse().unwrap(), 24).unwrap();
        change(&sim, RouteChange::Add, DEFAULT);
        let watcher = Watcher::with_kernel(sim.kernel(), FollowOptions::default());
        (sim, Reach::with_watcher(watcher, Duration::ZERO))
    }

    fn change(sim: &Sim, change: RouteChange, text: &str) {
        sim.rival(change, &text.parse().unwrap()).unwrap();
    }

    fn flows(reach: &mut Reach<SimKernel>, count: u32) -> Vec<FlowId> {
        (0..count).map(|n| reach.register(&Flow::to(std::net::Ipv4Addr::from_bits(0xc000_0200 + n).into()))).collect()
    }

    /// Turns until something is told.
    fn first(reach: &mut Reach<SimKernel>) -> Judgement {
        (0..10_000).find_map(|_| reach.try_next().unwrap()).expect("something is told")
    }

    /// Turns until every flow has been judged; nothing may be told.
    fn settle(reach: &mut Reach<SimKernel>) {
        while !reach.machine.is_done() {
            assert_eq!(reach.try_next().unwrap(), None);
        }
    }

    #[test]
    fn nothing_is_told_of_one_that_was_forgotten_though_it_had_been_judged() {
        let (sim, mut reach) = scene();
        let flows = flows(&mut reach, 3);
        settle(&mut reach);
        change(&sim, RouteChange::Delete, DEFAULT);
        let hit = first(&mut reach);
        assert_eq!(hit.effects, Effects::ROUTE_LOST | Effects::ROUTE_GONE);
        let rest: Vec<FlowId> = flows.iter().copied().filter(|flow| *flow != hit.flow).collect();
        reach.remove(rest[0]);
        // Its number may be given to another at once, of whom nothing has been found out.
        let other = reach.register(&Flow::to("10.0.0.9".parse().unwrap()));
        let told: Vec<FlowId> = std::iter::from_fn(|| reach.try_next().unwrap()).map(|hit| hit.flow).collect();
        assert_eq!(told, [rest[1]]);
        settle(&mut reach);
        assert_eq!(reach.standing(other).map(|standing| standing.outlook), Some(Outlook::Routed));
    }

    #[test]
    fn the_kernel_is_heard_between_slices() {
        let (sim, mut reach) = scene();
        flows(&mut reach, 100_000);
        settle(&mut reach);
        change(&sim, RouteChange::Delete, DEFAULT);
        let hit = first(&mut reach);
        assert_eq!(hit.now.outlook, Outlook::NoRoute);
        // While most of them wait to be judged, it comes back: those are not told at all, or told that they go on.
        change(&sim, RouteChange::Add, DEFAULT);
        let told: Vec<Judgement> = std::iter::from_fn(|| reach.try_next().unwrap()).collect();
        let lost = told.iter().filter(|hit| hit.effects.contains(Effects::ROUTE_LOST)).count();
        assert!(lost <= SLICE_MAX, "{lost} were judged by what had been mended already");
        let regained = told.iter().filter(|hit| hit.effects == Effects::REGAINED).count();
        assert_eq!(regained, lost + 1, "each that was lost came back");
        assert!(reach.slices().count > 20, "{:?}", reach.slices());
    }

    #[test]
    fn the_kernel_is_heard_while_judgements_wait_to_be_taken() {
        let (sim, mut reach) = scene();
        flows(&mut reach, 2 * PIECE as u32);
        settle(&mut reach);
        change(&sim, RouteChange::Delete, DEFAULT);
        first(&mut reach);
        let known = reach.watcher().mirror().routes().count();
        change(&sim, RouteChange::Add, DEFAULT);
        for _ in 0..GIVEN_MAX {
            assert_eq!(reach.try_next().unwrap().map(|hit| hit.now.outlook), Some(Outlook::NoRoute));
        }
        assert!(!reach.hits.is_empty(), "more wait");
        assert_eq!(reach.watcher().mirror().routes().count(), known + 1, "it is known that the route is back");
        // Whoever was told of the loss is told that it is over, and nobody is forgotten.
        let told: Vec<Judgement> = std::iter::from_fn(|| reach.try_next().unwrap()).collect();
        let lost = told.iter().filter(|hit| hit.effects.contains(Effects::ROUTE_LOST)).count();
        // Those that a short slice left for later are told that they go on.
        let regained = told.iter().filter(|hit| hit.effects == Effects::REGAINED).count();
        assert_eq!(regained, 1 + GIVEN_MAX + lost);
        assert!(reach.is_settled());
    }

    #[test]
    fn who_looks_again_sees_what_was_mended_while_a_judgement_waited() {
        let (sim, mut reach) = scene();
        let link = sim.add_link("w1");
        sim.set_up(link, true).unwrap();
        sim.set_carrier(link, true).unwrap();
        let v6: IpAddr = "2001:db8::2".parse().unwrap();
        sim.add_address(link, v6, 64).unwrap();
        change(&sim, RouteChange::Add, "default via 2001:db8::1 dev if3 metric 9");
        let flows = [("192.0.2.1", "10.0.0.2"), ("2001:db8:77::1", "2001:db8::2")].map(|(to, from)| {
            let mut flow = Flow::to(to.parse().unwrap());
            flow.source = from.parse().ok();
            flow
        });
        let ids = flows.map(|flow| reach.register(&flow));
        settle(&mut reach);
        let own = IfIndex::new(2).unwrap();
        sim.remove_address(own, "10.0.0.2".parse().unwrap()).unwrap();
        sim.remove_address(link, v6).unwrap();
        let told = [first(&mut reach), first(&mut reach)];
        assert!(told.iter().all(|hit| hit.now.outlook == Outlook::SourceLost), "{told:?}");
        sim.add_address(own, "10.0.0.2".parse().unwrap(), 24).unwrap();
        sim.add_address(link, v6, 64).unwrap();
        change(&sim, RouteChange::Add, DEFAULT);
        for (flow, id) in flows.iter().zip(ids) {
            assert_eq!(reach.standing(id).unwrap().outlook, Outlook::SourceLost, "so it was judged");
            assert_eq!(reach.look_again(flow).unwrap().outlook, Outlook::Routed, "{flow:?}");
            assert_eq!(reach.look(flow).outlook, Outlook::Routed);
        }
    }

    #[test]
    fn each_number_is_told_once_a_change() {
        let (sim, mut reach) = scene();
        let mut flows = flows(&mut reach, 20_000);
        settle(&mut reach);
        change(&sim, RouteChange::Delete, DEFAULT);
        let mut told = vec![first(&mut reach).flow];
        told.extend(std::iter::from_fn(|| reach.try_next().unwrap()).map(|hit| hit.flow));
        told.sort_unstable();
        flows.sort_unstable();
        assert_eq!(told, flows);
        assert!(reach.is_settled());
    }
}
