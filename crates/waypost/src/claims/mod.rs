//! Owning routes and rules on the running system.

mod journal;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use waypost_core::{Capabilities, Error, ErrorKind, InterfaceNames, Route, RouteChange};
use waypost_engine::claim::{
    self, Applied, Backoff, Claim, ClaimId, ClaimState, ClaimTold, Execution, Failed, Item, Owner, Plan, Policy, Prune, Step, Tag,
};
use waypost_engine::{Event, Mirror};

use crate::routes::of_same_destination;
use crate::sys::{self, Options};
use crate::{Operation, Routes, Watcher};
use journal::Journal;

/// How long is waited at most, before a plan is made, for what is being read again.
const SETTLE_MAX: Duration = Duration::from_secs(2);

/// Owns routes and rules: makes them be there, all of them or none, keeps them, and knows them again after a crash.
///
/// What others have is never touched. A route of theirs in the place of a claimed one is a [`Conflict`](claim::Conflict), which names it.
///
/// ```no_run
/// use waypost::claim::{Claim, Owner, Policy, Prune};
/// use waypost::{Claims, Route};
///
/// let mut claims = Claims::open(Owner::new("vpn", 201)?)?;
/// let route = Route::parse("192.0.2.0/24 via 10.0.0.1 dev eth0 metric 50", claims.names())?;
/// claims.put(Claim::new(route).policy(Policy::Reassert))?;
///
/// // What an earlier run of this program has left, and is not claimed any more, goes.
/// let plan = claims.plan(Prune::All)?;
/// print!("{}", plan.with_names(claims.names()));
/// match claims.carry_out(plan)? {
///     Ok(applied) => println!("{} requests", applied.requests()),
///     Err(failed) => eprintln!("{failed}"),
/// }
///
/// // From here on it is kept.
/// while let Some(told) = claims.next(None)? {
///     println!("{}: {:?}", told.item, told.event);
/// }
/// # Ok::<(), waypost::Error>(())
/// ```
///
/// # Platforms
///
/// | | Linux | OpenBSD | FreeBSD, NetBSD, DragonFly, macOS, illumos |
/// |---|---|---|---|
/// | known again by | protocol number | priority | `RTF_PROTO2`, and a journal in `/var/run/waypost` |
/// | a route becomes another | both are there meanwhile | the old goes first | the old goes first |
/// | rules, routes by service | yes | `Unsupported` | `Unsupported` |
#[derive(Debug)]
pub struct Claims {
    watcher: Watcher,
    routes: Routes,
    machine: claim::Claims,
    journal: Option<Journal>,
    told: VecDeque<ClaimTold>,
    /// Changes are heard of; otherwise everything is read again before a plan.
    follows: bool,
    /// Nothing has been planned or changed by what was read.
    is_fresh: bool,
    /// What has been heard, for whoever goes by the same mirror.
    heard: Option<Vec<Event>>,
}

impl Claims {
    /// Opens the current network namespace for `owner`, and reads it. Nothing is claimed yet.
    ///
    /// # Errors
    ///
    /// `NotPermitted` where the system refuses the socket; `Invalid` where the owner's journal is not whole.
    pub fn open(owner: Owner) -> Result<Self, Error> {
        Self::open_with(&Options::new(), owner)
    }

    /// Opens the network namespace that `options` name, as [`open`](Self::open) does.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and `NoSuchDevice` where there is no such namespace.
    pub fn open_with(options: &Options, owner: Owner) -> Result<Self, Error> {
        Self::with(options, owner, true)
    }

    /// The same for a program that makes a plan or two and ends: changes are not followed, and nothing is kept.
    ///
    /// # Errors
    ///
    /// As [`open_with`](Self::open_with).
    pub fn open_once(options: Options, owner: Owner) -> Result<Self, Error> {
        Self::with(&options.events(false), owner, false)
    }

    fn with(options: &Options, owner: Owner, follows: bool) -> Result<Self, Error> {
        let routes = Routes::open_with(options)?;
        let mut machine = claim::Claims::new(owner, routes.capabilities());
        let mut journal = if machine.tag().is_enough() { None } else { Some(Journal::of(machine.owner().name())?) };
        if let Some(journal) = &mut journal {
            machine.remember(journal.read()?);
        }
        let mut watcher = Watcher::open_with(options)?;
        watcher.tell_authors();
        watcher.synchronise(None)?;
        Ok(Self { watcher, routes, machine, journal, told: VecDeque::new(), follows, is_fresh: true, heard: None })
    }

    /// Makes room for so many more claims, as [`claim::Claims::reserve`] does.
    pub fn reserve(&mut self, more: usize) {
        self.machine.reserve(more);
    }

    /// Claims something, as [`claim::Claims::put`] says. It is there when a [plan](Self::plan) has been carried out, or when it is [kept](Self::next).
    ///
    /// # Errors
    ///
    /// As [`claim::Claims::put`].
    pub fn put(&mut self, claim: Claim) -> Result<ClaimId, Error> {
        self.machine.put(claim)
    }

    /// Gives a claim up: the next plan deletes what it has put in.
    pub fn withdraw(&mut self, id: ClaimId) -> Option<Claim> {
        self.machine.withdraw(id)
    }

    /// The claims.
    #[must_use]
    pub const fn claims(&self) -> &claim::Claims {
        &self.machine
    }

    /// How a claim stands.
    #[must_use]
    pub fn state(&self, id: ClaimId) -> Option<ClaimState> {
        self.machine.state(id)
    }

    /// How long what was taken away stays away before it is put back.
    pub const fn set_backoff(&mut self, backoff: Backoff) {
        self.machine.set_backoff(backoff);
    }

    /// All that is there and is the owner's, claimed or not: what an earlier run has left among it.
    #[must_use]
    pub fn owned(&self) -> Vec<Item> {
        self.machine.owned(self.watcher.mirror())
    }

    /// Claims all that is there and is the owner's, and says how many claims that made.
    ///
    /// # Errors
    ///
    /// As [`put`](Self::put).
    pub fn adopt(&mut self, policy: Policy) -> Result<usize, Error> {
        self.machine.adopt(self.watcher.mirror(), policy)
    }

    /// The names of the interfaces.
    #[must_use]
    pub fn names(&self) -> &InterfaceNames {
        self.watcher.names()
    }

    /// What the kernel has.
    #[must_use]
    pub const fn mirror(&self) -> &Mirror {
        self.watcher.mirror()
    }

    /// What this kernel can do.
    #[must_use]
    pub fn capabilities(&self) -> &Capabilities {
        self.routes.capabilities()
    }

    /// What would have to be changed so that the kernel has what is claimed. Nothing is changed.
    ///
    /// # Errors
    ///
    /// `Closed` where the socket is of no more use.
    pub fn plan(&mut self, prune: Prune) -> Result<Plan, Error> {
        if !std::mem::take(&mut self.is_fresh) && !self.follows {
            self.watcher.resync();
        }
        let end = sys::now().running + SETTLE_MAX;
        loop {
            self.catch_up()?;
            let left = end.saturating_sub(sys::now().running);
            // In a storm it is never quiet: then the plan is made by what is known, and the kernel refuses what does not fit.
            if self.watcher.is_settled() || left.is_zero() {
                return Ok(self.machine.plan(self.watcher.mirror(), prune));
            }
            let wait = self.watcher.deadline().map_or(left, |deadline| deadline.min(left));
            self.watcher.wait(Some(wait.max(Duration::from_millis(1))))?;
        }
    }

    /// Carries a plan out: all of it, or what was done is undone and the inner error says what was refused and what is left.
    ///
    /// What is in the way of a plan, or has to wait, is not part of it: whoever wants all or nothing looks at [`Plan::conflicts`] and
    /// [`Plan::waiting`] before.
    ///
    /// # Errors
    ///
    /// The outer error says that nothing was begun: the journal could not be written, or it is `Busy`, as another process has this owner's. The inner one is
    /// [`Failed`].
    pub fn carry_out(&mut self, plan: Plan) -> Result<Result<Applied, Failed>, Error> {
        self.carry_out_with(plan, usize::MAX, |_| {})
    }

    /// The same, one request at a time, for those who look at or tell each one: `before` is called with a step before the kernel is asked for it, one
    /// that undoes another among them.
    ///
    /// # Errors
    ///
    /// As [`carry_out`](Self::carry_out).
    pub fn carry_out_step_by_step(&mut self, plan: Plan, before: impl FnMut(&Step)) -> Result<Result<Applied, Failed>, Error> {
        self.carry_out_with(plan, 1, before)
    }

    /// Has at most so many steps under way at once.
    fn carry_out_with(&mut self, plan: Plan, most: usize, before: impl FnMut(&Step)) -> Result<Result<Applied, Failed>, Error> {
        if let Some(journal) = &mut self.journal {
            journal.write(self.machine.remembered(&plan))?;
        }
        self.is_fresh = false;
        // Where the kernel keeps the owner's tag nothing of the plan need be remembered.
        let kept = if self.journal.is_some() { plan.clone() } else { Plan::default() };
        let mut execution = Execution::new(plan);
        self.run(&mut execution, most, before);
        let done = execution.finish().map_err(|failed| self.name_conflict(failed));
        if self.follows {
            self.catch_up()?;
            self.machine.look_at_all();
        } else if self.journal.is_some() {
            self.plan(Prune::Withdrawn)?;
        }
        if done.is_ok() || self.journal.is_some() {
            self.machine.settle(&kept, self.watcher.mirror());
        }
        if let Some(journal) = &mut self.journal {
            journal.write(self.machine.remembered(&Plan::default()))?;
        }
        Ok(done)
    }

    /// Asks the kernel for the steps of an execution, at most so many under way at once.
    fn run(&mut self, execution: &mut Execution, most: usize, mut before: impl FnMut(&Step)) {
        let execution = RefCell::new(execution);
        let owner = match self.machine.tag() {
            Tag::Protocol(protocol) => Some(protocol),
            _ => None,
        };
        while !execution.borrow().is_over() {
            let mut begun = 0;
            let steps = std::iter::from_fn(|| {
                let mut execution = execution.borrow_mut();
                let step = execution.next()?;
                before(step);
                begun += 1;
                Some(operation(step))
            });
            let heard = self.routes.batch_of_claims(owner, steps.take(most), |_, outcome| {
                execution.borrow_mut().outcome(outcome);
                ControlFlow::Continue(())
            });
            if let Err(error) = heard {
                return execution.borrow_mut().give_up(&error);
            }
            if begun == 0 {
                return;
            }
        }
    }

    /// Names what is in the place of what could not be added.
    fn name_conflict(&mut self, failed: Failed) -> Failed {
        if !failed.is_conflict() {
            return failed;
        }
        // What cannot be read now has no name; that something is there the kernel has said.
        let there = match failed.item() {
            Item::Route(route) => self.in_the_slot_of(route, failed.undone()).map(Item::Route),
            Item::Rule(rule) => {
                let there = self.routes.rules(Some(rule.family)).unwrap_or_default();
                there.into_iter().find(|there| claim::is_same_rule(there, rule)).map(Item::Rule)
            }
            _ => None,
        };
        match there {
            Some(there) => failed.name_in_its_place(there),
            None => failed,
        }
    }

    /// The route in the slot of another: one that is not the owner's before one that is, and none that was put back there.
    fn in_the_slot_of(&mut self, route: &Route, put_back: &[Item]) -> Option<Route> {
        let slot = claim::as_kept(route.slot);
        let mut there = self.routes.list(&of_same_destination(route)).ok()?;
        let is_own = |there: &Route| put_back.iter().any(|item| item.as_route().is_some_and(|own| claim::satisfies(there, own)));
        there.retain(|there| there.slot == slot && !is_own(there));
        let at = there.iter().position(|there| !self.machine.owns(there.as_ref())).unwrap_or(0);
        (!there.is_empty()).then(|| there.swap_remove(at))
    }

    /// Takes in what the kernel has said.
    fn catch_up(&mut self) -> Result<(), Error> {
        while let Some(event) = self.watcher.try_next()? {
            self.machine.note(&event);
            if let Some(heard) = &mut self.heard {
                heard.push(event);
            }
        }
        Ok(())
    }

    /// Takes in what the kernel has said, and gives it to one who goes by the same mirror.
    pub(crate) fn hear(&mut self) -> Result<Vec<Event>, Error> {
        self.heard.get_or_insert_default();
        self.catch_up()?;
        Ok(self.heard.as_mut().map(std::mem::take).unwrap_or_default())
    }

    /// Has everything read again.
    pub(crate) fn read_again(&mut self) -> Result<(), Error> {
        self.watcher.resync();
        self.catch_up()
    }

    /// Waits until the kernel has said something, or `timeout` has passed.
    pub(crate) fn wait(&mut self, timeout: Option<Duration>) -> Result<(), Error> {
        self.watcher.wait(timeout).map(drop)
    }

    /// Claims one route and has it put in at once, by what is known; the inner error says why it is not there, and then it is not claimed.
    pub(crate) fn install(&mut self, claim: Claim) -> Result<Result<ClaimId, Error>, Error> {
        let id = match self.machine.put(claim) {
            Ok(id) => id,
            Err(error) => return Ok(Err(error)),
        };
        // What other claims lack is to hold up nothing: a plan comes about as a whole or not at all.
        let plan = self.machine.plan_for(id, self.watcher.mirror());
        let refused = plan.conflicts().first().map(|conflict| {
            Error::new(ErrorKind::Exists, "claim route").on(&conflict.wanted).because(format!("{} is there", conflict.there))
        });
        let waits = || plan.waiting().first().map(|(item, _)| Error::new(ErrorKind::Unreachable, "claim route").on(item));
        let refused = match refused.or_else(waits) {
            Some(error) => Some(error),
            None => self.carry_out(plan)?.err().map(|failed| match failed.in_its_place() {
                Some(there) => failed.error().clone().because(format!("{there} is there")),
                None => failed.error().clone(),
            }),
        };
        match refused {
            None => Ok(Ok(id)),
            Some(error) => {
                self.machine.withdraw(id);
                Ok(Err(error))
            }
        }
    }

    /// Gives a claim up and has what it has put in deleted at once, by what is known; the inner error says why it is still there, and then
    /// it is claimed again, by the number that comes with it.
    pub(crate) fn give_up(&mut self, id: ClaimId) -> Result<Result<(), (Error, Option<ClaimId>)>, Error> {
        let Some(claim) = self.machine.withdraw(id) else { return Ok(Ok(())) };
        let plan = self.machine.plan_withdrawn(self.watcher.mirror());
        match self.carry_out(plan)? {
            Ok(_) => Ok(Ok(())),
            Err(failed) => Ok(Err((failed.error().clone(), self.machine.put(claim).ok()))),
        }
    }

    /// Keeps what is claimed, and tells what becomes of it: waits until there is something to tell, or `timeout` has passed (`None` waits as long
    /// as it takes).
    ///
    /// What has gone by itself is put back when it can be; what another has taken away by the claim's [`Policy`], with the back-off of
    /// [`set_backoff`](Self::set_backoff). What cannot be there yet comes when it can.
    ///
    /// # Errors
    ///
    /// `Closed` where the socket is of no more use.
    pub fn next(&mut self, timeout: Option<Duration>) -> Result<Option<ClaimTold>, Error> {
        let end = timeout.and_then(|timeout| sys::now().running.checked_add(timeout));
        loop {
            if let Some(told) = self.try_next()? {
                return Ok(Some(told));
            }
            let now = sys::now().running;
            if end.is_some_and(|end| now >= end) {
                return Ok(None);
            }
            let wake = end.into_iter().chain(self.own_deadline()).min();
            self.watcher.wait(wake.map(|wake| wake.saturating_sub(now)))?;
        }
    }

    /// Does what [`next`](Self::next) does without waiting: for loops of one's own, when the [descriptor](AsFd) is readable or the
    /// [deadline](Self::deadline) has come. Call it until it gives `None`.
    ///
    /// # Errors
    ///
    /// `Closed` where the socket is of no more use.
    pub fn try_next(&mut self) -> Result<Option<ClaimTold>, Error> {
        if self.told.is_empty() {
            self.catch_up()?;
            let due = self.machine.turn(sys::now(), self.watcher.mirror());
            self.put_back(due)?;
            self.told.extend(self.machine.take_told());
        }
        Ok(self.told.pop_front())
    }

    fn put_back(&mut self, due: Vec<ClaimId>) -> Result<(), Error> {
        let items: Vec<Item> = due.iter().filter_map(|id| self.machine.get(*id)).map(|claim| claim.item.clone()).collect();
        if let Some(journal) = self.journal.as_mut().filter(|_| !items.is_empty()) {
            self.machine.remember(items.iter().filter_map(Item::as_route).cloned());
            journal.write(self.machine.remembered(&Plan::default()))?;
        }
        let operations = items.into_iter().filter_map(|item| match item {
            Item::Route(route) => Some(Operation::Route(RouteChange::Add, route)),
            Item::Rule(rule) => Some(Operation::AddRule(rule)),
            _ => None,
        });
        let now = sys::now();
        let machine = &mut self.machine;
        self.routes.batch(operations, |at, result| {
            if let Some(id) = due.get(at) {
                machine.answered(*id, now, result);
            }
            ControlFlow::Continue(())
        })
    }

    fn own_deadline(&self) -> Option<Duration> {
        self.machine.deadline().map(|due| due.running)
    }

    /// How long a loop may sleep at most before it calls [`try_next`](Self::try_next) without having been woken.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let own = self.own_deadline().map(|due| due.saturating_sub(sys::now().running));
        own.into_iter().chain(self.watcher.deadline()).min()
    }
}

/// What the kernel is asked for a step.
fn operation(step: &Step) -> Operation {
    match step {
        Step::AddRoute(change, route) => Operation::Route(*change, route.clone()),
        Step::EnsureRoute(route) => Operation::Route(RouteChange::Add, route.clone()),
        Step::DeleteRoute(route, _) => Operation::Route(RouteChange::Delete, route.clone()),
        Step::AddRule(rule) => Operation::AddRule(rule.clone()),
        Step::DeleteRule(rule) => Operation::DeleteRule(rule.clone()),
    }
}

impl AsFd for Claims {
    /// The socket that changes come by. Wait until it is readable; leave reading to [`Claims::try_next`].
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.watcher.as_fd()
    }
}
