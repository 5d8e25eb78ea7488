//! Keeping a mirror in step with a kernel.
//!
//! The follower asks for a dump of everything, one subject after the other, and takes in what the kernel says meanwhile
//! and afterwards. It then reads again what it has reason to:
//!
//! ```text
//!            all read once                  overrun, undecodable event, asked
//!  Reading ────────────────▶ Following ──────────────────────────────────────▶ Resyncing
//!                             ▲  │ │ ▲                                          ▲   │
//!  a doubt: that part again   │◀─┘ │ └─── all read again, routes by quiescent ──┼───┘
//!                             │    ▼                dumps                       │
//!              nothing found  └─ Verifying ─────────────────────────────────────┘
//!                                             something found, or overrun
//! ```
//!
//! A dump of routes or addresses begins with a barrier, or with a dump of links where that is due or the kernel has no barrier, unless nothing has been
//! said since the last: what was announced before it has been carried out when it ends.
//!
//! A dump that may be torn (something was said between request and end, or the kernel says so) is repeated once it is
//! calm, with growing patience. Nothing is taken away on the word of such a dump: what it has not listed is suspect
//! and stays.

mod agenda;
mod hidden;
mod metrics;
mod stats;
#[cfg(test)]
mod tests;
mod verification;

use std::collections::BTreeSet;
use std::time::Duration;

use waypost_core::{
    Drained, Dump, DumpEnd, Error, ErrorKind, Family, Flushed, Kernel, Notice, Notices, Now, Request, RouteVerb, Ticket, Verb,
};

use crate::mirror::{Doubt, Event, Mirror, Reason, Subject, Tally, is_listed};
use agenda::{Agenda, Item};
use hidden::Seeking;
pub use metrics::Metrics;
pub use stats::{Drift, Stats};
use verification::Verification;

/// Tickets from here on are the follower's own.
const FIRST_TICKET: u64 = 1 << 63;

/// How many notices are taken from the kernel at once: few enough to stay in the processor's cache until they are taken in.
const BUDGET: usize = 512;

/// How often a dump may fail before the first snapshot is given up.
const ATTEMPTS_MAX: u32 = 8;

/// How often a dump may be torn before the first snapshot does without a whole one.
const ATTEMPTS_TORN: u32 = 3;

/// How often a dump is asked for again of which an entry could not be understood: one that was damaged on the way comes whole then, and one that
/// never can be understood is not to make it dump for ever.
const ATTEMPTS_ODD: u32 = 2;

/// What a [`Follower`] is to follow beside routes, rules, links, addresses, next-hop objects and settings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct FollowOptions {
    /// Neighbours too. The kernel must have been opened so that it tells of them.
    pub neighbours: bool,
    /// The first snapshot is told as changes, one by one.
    pub announce_snapshot: bool,
    /// How often everything is read again to see whether something has changed without a word, give or take a quarter; `None` is never.
    ///
    /// It is done in calm moments, less often where it would take more than a hundredth of all time, and at once when the machine
    /// has been asleep. By this a kernel that loses messages without saying so is followed with bounded delay.
    pub verify_every: Option<Duration>,
}

impl Default for FollowOptions {
    /// No neighbours, a snapshot that is not told, and a verification each minute.
    fn default() -> Self {
        Self { neighbours: false, announce_snapshot: false, verify_every: Some(verification::INTERVAL) }
    }
}

/// Whether there is more to do at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Progress {
    /// Nothing for now: wait until the kernel can be read, or until the deadline.
    Waiting,
    /// Requests are waiting too: wait also until the kernel can be written to.
    WantsToWrite,
    /// There may be more: come again.
    More,
}

/// Keeps a [`Mirror`] in step with a kernel.
///
/// It blocks nowhere and reads no clock: whoever drives it says what time it is, and waits in between.
///
/// ```
/// use waypost_core::Now;
/// use waypost_engine::{Event, FollowOptions, Follower, Progress};
/// use waypost_sim::{Profile, Sim};
///
/// let mut kernel = Sim::new(Profile::linux()).kernel();
/// let mut follower = Follower::new(FollowOptions::default());
/// let (mut events, mut others) = (Vec::new(), Vec::new());
/// while follower.advance(Now::default(), &mut kernel, &mut events, &mut others)? == Progress::More {}
///
/// assert!(follower.is_synchronised());
/// assert_eq!(events, [Event::Synchronised]);
/// # Ok::<(), waypost_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Follower {
    mirror: Mirror,
    options: FollowOptions,
    agenda: Agenda,
    running: Option<Running>,
    behind: Option<Behind>,
    seeking: Option<Seeking>,
    /// How often something was said, or lost, by which a dump can be torn.
    said: u64,
    /// How much had been said when links were last listed, or a barrier passed: what was announced by then has been carried out.
    carried_out: Option<u64>,
    next_ticket: u64,
    /// A dump of the caller's is being listed.
    foreign: Option<Ticket>,
    /// What has not been read once yet; empty from the first snapshot on.
    unread: BTreeSet<Subject>,
    state: State,
    stats: Stats,
    /// What the kernel has said last.
    notices: Notices,
    /// How much of it has been taken in.
    taken: usize,
    /// What a dump has taken away is still being told.
    is_ending: bool,
    verification: Verification,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Nothing has been asked.
    New,
    /// The first snapshot is being read.
    Reading,
    /// The mirror follows.
    Following,
    /// All is being read again, and nothing has been found that was not known; so many changes there had been when that started.
    Verifying(Tally),
    /// All is being read again, as something may have changed that is not known; so many changes there had been when that started.
    Resyncing(Reason, Tally),
}

/// The dump that runs: a kernel runs one at a time for each listener.
#[derive(Clone, Copy, Debug)]
struct Running {
    ticket: Ticket,
    /// `None` is a barrier, which lists nothing, or the question for what is sought.
    subject: Option<Subject>,
    item: Item,
    /// Something was lost meanwhile.
    spoiled: bool,
    /// Something that it lists could not be understood.
    odd: bool,
    /// How much had been said when it was asked for.
    said: u64,
    /// When that was.
    asked: Now,
}

/// A dump that begins when the barrier, or the dump of links, before it has ended.
#[derive(Clone, Copy, Debug)]
struct Behind {
    subject: Subject,
    item: Item,
    /// Something was lost meanwhile.
    spoiled: bool,
}

impl Follower {
    /// A follower that has asked nothing yet.
    #[must_use]
    pub fn new(options: FollowOptions) -> Self {
        let mut mirror = Mirror::new();
        mirror.set_announce(options.announce_snapshot);
        Self {
            mirror,
            options,
            agenda: Agenda::default(),
            running: None,
            behind: None,
            seeking: None,
            said: 0,
            carried_out: None,
            next_ticket: FIRST_TICKET,
            foreign: None,
            unread: BTreeSet::new(),
            state: State::New,
            stats: Stats::default(),
            notices: Notices::new(),
            taken: 0,
            is_ending: false,
            verification: Verification::default(),
        }
    }

    /// What the kernel has.
    #[must_use]
    pub const fn mirror(&self) -> &Mirror {
        &self.mirror
    }

    /// Says whether the first snapshot is whole.
    #[must_use]
    pub const fn is_synchronised(&self) -> bool {
        matches!(self.state, State::Following | State::Verifying(_) | State::Resyncing(..))
    }

    /// Says whether all that was ever doubted has been read again, and the mirror is known to be what the kernel has.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let is_taken = self.taken == self.notices.len();
        self.state == State::Following && is_taken && self.is_idle() && self.agenda.deadline().is_none()
    }

    /// Says whether no dump runs, nor waits for another to end, nor has left something to do or to ask.
    const fn is_idle(&self) -> bool {
        self.running.is_none() && self.behind.is_none() && self.seeking.is_none() && !self.is_ending
    }

    /// Counters.
    #[must_use]
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// When [`advance`](Self::advance) wants to be called even if the kernel has said nothing; the kernel's own deadline is apart.
    #[must_use]
    pub fn deadline(&self) -> Option<Now> {
        if self.running.is_some() { None } else { self.agenda.deadline().or(self.verification.due()) }
    }

    /// Has everything read again, as after a loss.
    pub fn resync(&mut self, now: Now, out: &mut Vec<Event>) {
        self.start_resync(now, Reason::Asked, out);
    }

    /// What the kernel is heard by has been [opened anew](Kernel::reopen): all is read again, and nothing is taken for gone before that.
    pub fn reopened(&mut self, now: Now, out: &mut Vec<Event>) {
        self.lost(now, Reason::Reopened, out);
    }

    /// Goes on: takes what the kernel has said, adds to `out` what has changed, and asks what is to be asked.
    ///
    /// What answers requests of the caller's, those with a ticket below 2^63, is added to `others` untouched, with
    /// all that a dump of theirs lists. Some hundreds of notices are taken in one call, and some thousand events made at most.
    ///
    /// # Errors
    ///
    /// What the kernel says where it is of no more use, where it does not permit the first snapshot, and where that failed again and again.
    pub fn advance<K: Kernel>(
        &mut self,
        now: Now,
        kernel: &mut K,
        out: &mut Vec<Event>,
        others: &mut Notices,
    ) -> Result<Progress, Error> {
        if self.state == State::New {
            let can = kernel.capabilities();
            if !can.rules {
                self.mirror.is_without_rules(can.main_table);
            }
            self.start(now);
        }
        self.verify_if_due(now);
        let told = out.len();
        if self.is_ending {
            self.is_ending = self.mirror.go_on(out);
            self.mark_what_was_found(told, out);
            self.settle(now, out);
            return Ok(Progress::More);
        }
        let mut flushed = kernel.flush()?;
        let mut drained = Ok(Drained::More);
        if self.taken == self.notices.len() {
            self.notices.clear();
            self.taken = 0;
            drained = kernel.drain(now, BUDGET, &mut self.notices);
            self.stats.notices += self.notices.len() as u64;
        }
        let taken = self.take_all(now, out, others);
        self.mark_what_was_found(told, out);
        taken?;
        let drained = drained?;
        if self.is_ending {
            return Ok(Progress::More);
        }
        self.settle(now, out);
        let asked = self.ask(now, kernel, out)?;
        if asked {
            flushed = kernel.flush()?;
        }
        Ok(match (drained, flushed) {
            (Drained::More, _) => Progress::More,
            (_, Flushed::WantsToWrite) => Progress::WantsToWrite,
            _ if asked => Progress::More,
            _ => Progress::Waiting,
        })
    }

    fn start(&mut self, now: Now) {
        self.state = State::Reading;
        self.unread = self.everything();
        self.unread.iter().for_each(|subject| self.agenda.add(now, *subject));
    }

    fn everything(&self) -> BTreeSet<Subject> {
        let mut all = BTreeSet::from([Subject::Links, Subject::Addresses, Subject::NextHops]);
        for family in Family::ALL {
            all.extend([Subject::Rules(family), Subject::Settings(family), Subject::Routes(family, None)]);
        }
        if self.options.neighbours {
            all.insert(Subject::Neighbours);
        }
        all
    }

    fn owns(ticket: Ticket) -> bool {
        ticket.0 >= FIRST_TICKET
    }

    /// Takes in what the kernel has said, up to the end of a dump that leaves something to do.
    fn take_all(&mut self, now: Now, out: &mut Vec<Event>, others: &mut Notices) -> Result<(), Error> {
        let mut taken = Ok(());
        let mut notices = std::mem::take(&mut self.notices);
        for notice in notices.iter_mut().skip(self.taken) {
            self.taken += 1;
            // Most there is by far, and large: it is read where it lies.
            if let (Notice::Route(RouteVerb::Listed, route), None) = (&*notice, self.foreign) {
                self.mirror.route(RouteVerb::Listed, route, out);
                continue;
            }
            if let Err(error) = self.take(now, std::mem::replace(notice, Notice::Overrun), out, others) {
                taken = Err(error);
            }
            if self.is_ending {
                break;
            }
        }
        self.notices = notices;
        taken
    }

    fn take(&mut self, now: Now, notice: Notice, out: &mut Vec<Event>, others: &mut Notices) -> Result<(), Error> {
        match notice {
            Notice::Route(verb, _) => {
                if verb != RouteVerb::Listed {
                    self.disturbed(now);
                } else if self.foreign.is_some() {
                    others.push(notice);
                    return Ok(());
                }
                self.mirror.handle(notice, out);
            }
            Notice::DumpStarted(ticket) | Notice::DumpDone(ticket, _) | Notice::Outcome(ticket, _) if !Self::owns(ticket) => {
                match &notice {
                    Notice::DumpStarted(_) => self.foreign = Some(ticket),
                    Notice::DumpDone(..) => self.foreign = None,
                    _ => {}
                }
                others.push(notice);
            }
            Notice::DumpStarted(_) => {}
            Notice::DumpDone(ticket, end) => self.dump_done(now, ticket, &end, out)?,
            Notice::Outcome(ticket, waypost_core::Outcome::Failed(error)) => {
                self.dump_done(now, ticket, &DumpEnd::new(false, Some(error)), out)?;
            }
            Notice::Outcome(..) => {}
            Notice::Foreign => self.stats.foreign += 1,
            Notice::Overrun => {
                self.stats.overruns += 1;
                self.lost(now, Reason::Overrun, out);
            }
            Notice::Undecodable { in_dump, .. } => {
                self.stats.undecodable += 1;
                match &mut self.running {
                    _ if !in_dump => self.lost(now, Reason::Undecodable, out),
                    Some(running) => running.odd = true,
                    None => {}
                }
            }
            notice if self.foreign.is_some() && is_listed(&notice) => others.push(notice),
            notice => {
                if disturbs(&notice) {
                    self.disturbed(now);
                }
                self.mirror.handle(notice, out);
            }
        }
        Ok(())
    }

    /// Something has been said, or lost, by which a dump can be torn.
    fn disturbed(&mut self, now: Now) {
        self.said += 1;
        self.agenda.disturbed(now);
    }

    /// Something that the kernel said has been lost.
    fn lost(&mut self, now: Now, reason: Reason, out: &mut Vec<Event>) {
        self.disturbed(now);
        if let Some(running) = &mut self.running {
            running.spoiled = true;
        }
        if let Some(behind) = &mut self.behind {
            behind.spoiled = true;
        }
        self.start_resync(now, reason, out);
    }

    fn start_resync(&mut self, now: Now, reason: Reason, out: &mut Vec<Event>) {
        self.everything().into_iter().for_each(|subject| self.agenda.add_calmly(now, subject));
        if let State::Following | State::Verifying(_) = self.state {
            self.state = State::Resyncing(reason, self.mirror.tally());
            self.stats.resynced_after(reason);
            out.push(Event::ResyncStarted { reason });
        }
    }

    /// The dump that runs has ended.
    fn dump_done(&mut self, now: Now, ticket: Ticket, end: &DumpEnd, out: &mut Vec<Event>) -> Result<(), Error> {
        let Some(Running { subject, mut item, spoiled, odd, said, asked, .. }) =
            self.running.take_if(|running| running.ticket == ticket)
        else {
            return Ok(());
        };
        let Some(subject) = subject else {
            return if self.seeks(ticket) { self.hidden_told(now, asked, end, out) } else { self.barrier_done(said, end) };
        };
        self.stats.dumps += 1;
        let took = now.running.saturating_sub(asked.running);
        self.verification.took(took);
        // Linux refuses to list the routes of an interface that it has not: there are none.
        let none = |error: &&Error| error.kind() == ErrorKind::NoSuchDevice && matches!(subject, Subject::Routes(_, Some(_)));
        let error = end.error.as_ref().filter(|error| !none(error));
        let odd = odd && item.odd < ATTEMPTS_ODD;
        item.odd += u32::from(odd);
        let whole = !spoiled && !odd && !end.interrupted && error.is_none();
        let ended = self.mirror.end_in_slices(subject, whole, out);
        self.is_ending = self.mirror.go_on(out);
        if subject == Subject::Links {
            self.passed(said, error.is_none());
        }
        if let Subject::Routes(family, None) = subject {
            self.stats.suspected(now, family, ended.err().unwrap_or_else(|| self.mirror.hidden()));
            self.seek_hidden(family, item);
        }
        match (error, ended) {
            (Some(error), _) if error.kind() == ErrorKind::Closed => return Err(error.clone()),
            (Some(error), _) if is_final(error) => self.give_up(subject),
            (error, Err(_)) => {
                self.stats.torn += 1;
                let attempts = self.agenda.again(now, subject, item, took, error.is_some());
                // Who may not look does not know that there is nothing.
                let is_hopeless = |error: &&Error| error.kind() == ErrorKind::NotPermitted || attempts >= ATTEMPTS_MAX;
                if let Some(error) = error.filter(|error| self.state == State::Reading && is_hopeless(error)) {
                    return Err(error.clone());
                }
                // What a torn dump has listed is there all the same: it is read again behind the first snapshot.
                let routes = matches!(subject, Subject::Routes(..)) && !spoiled;
                if error.is_none() && (routes || attempts >= ATTEMPTS_TORN) {
                    self.unread.remove(&subject);
                }
            }
            (_, Ok(())) => {
                self.unread.remove(&subject);
                self.agenda.done(now, subject, item);
            }
        }
        Ok(())
    }

    /// The barrier has ended.
    fn barrier_done(&mut self, said: u64, end: &DumpEnd) -> Result<(), Error> {
        self.passed(said, end.error.is_none());
        end.error.clone().filter(|error| error.kind() == ErrorKind::Closed).map_or(Ok(()), Err)
    }

    /// What was announced before so much had been said has been carried out, unless the kernel has refused to say so.
    const fn passed(&mut self, said: u64, has_passed: bool) {
        match &mut self.behind {
            _ if has_passed => self.carried_out = Some(said),
            Some(behind) => behind.spoiled = true,
            None => {}
        }
    }

    /// The kernel cannot list `subject`: it has none.
    fn give_up(&mut self, subject: Subject) {
        self.stats.refused += 1;
        self.unread.remove(&subject);
    }

    /// Sees to the mirror's doubts, and to whether the state is reached that is being worked towards.
    fn settle(&mut self, now: Now, out: &mut Vec<Event>) {
        let doubts = self.mirror.take_doubts();
        for doubt in doubts.iter().copied().filter(|doubt| !matches!(doubt, Doubt::Replaced(_))) {
            self.stats.doubts += 1;
            match doubt {
                Doubt::Replaced(_) => {}
                Doubt::Settings(family) => self.agenda.add(now, Subject::Settings(family)),
                Doubt::Links => self.agenda.add(now, Subject::Links),
                Doubt::Routes(family, None) => self.agenda.add_calmly(now, Subject::Routes(family, None)),
                Doubt::Routes(family, interface) => self.agenda.add(now, Subject::Routes(family, interface)),
                Doubt::Pending(family, index) => {
                    self.agenda.add_with_afterthoughts(now, Subject::Routes(family, Some(index)));
                }
                Doubt::NextHops => self.agenda.add_with_afterthoughts(now, Subject::NextHops),
                Doubt::Rules(family) => self.agenda.add_with_afterthoughts(now, Subject::Rules(family)),
            }
        }
        for doubt in doubts {
            match doubt {
                Doubt::Replaced(family) if self.still_reads_routes(family) => {
                    self.stats.doubts += 1;
                    self.agenda.add_calmly(now, Subject::Routes(family, None));
                }
                _ => {}
            }
        }
        match self.state {
            State::Reading if self.unread.is_empty() => {
                self.proved(now);
                self.state = State::Following;
                self.mirror.set_announce(true);
                out.push(Event::Synchronised);
            }
            State::Verifying(_) if self.is_idle() && !self.any_planned() => {
                self.proved(now);
                self.state = State::Following;
            }
            State::Resyncing(reason, before) if self.is_idle() && !self.any_planned() => {
                self.proved(now);
                self.state = State::Following;
                let Tally { added, removed, replaced } = self.mirror.tally().since(before);
                out.push(Event::Resynced { reason, added, removed, replaced });
            }
            _ => {}
        }
    }

    /// Says whether routes of the family, all or some, are being read or to be read: there may be some that have gone without a word.
    fn still_reads_routes(&self, family: Family) -> bool {
        let concerns = |subject: &Subject| matches!(subject, Subject::Routes(of, _) if *of == family);
        let now = self.running.and_then(|running| running.subject).into_iter().chain(self.behind.map(|behind| behind.subject));
        self.agenda.subjects().chain(now).any(|subject| concerns(&subject))
    }

    fn any_planned(&self) -> bool {
        self.everything().into_iter().any(|subject| self.agenda.contains(subject))
    }

    /// Asks for the next dump that is due, if none runs; says whether it did.
    fn ask<K: Kernel>(&mut self, now: Now, kernel: &mut K, out: &mut Vec<Event>) -> Result<bool, Error> {
        let mut asked = false;
        while self.running.is_none() {
            asked = true;
            if self.ask_for_hidden(now, kernel)? {
                continue;
            }
            if let Some(Behind { subject, item, spoiled }) = self.behind.take() {
                self.submit(now, kernel, subject, item, out)?;
                if let Some(running) = &mut self.running {
                    running.spoiled = spoiled;
                }
                continue;
            }
            let Some((subject, item)) = self.agenda.take_due(now) else { return Ok(false) };
            self.mirror.begin(subject);
            if is_announced_early(subject) && self.carried_out != Some(self.said) {
                self.behind = Some(Behind { subject, item, spoiled: false });
                let links = self.agenda.take(Subject::Links);
                if links.is_some() || !self.submit_barrier(now, kernel)? {
                    self.mirror.begin(Subject::Links);
                    self.submit(now, kernel, Subject::Links, links.unwrap_or_else(|| Item::once(now)), out)?;
                }
            } else {
                self.submit(now, kernel, subject, item, out)?;
            }
        }
        // One that runs since earlier comes when it comes: its end can have been lost, and then nothing is to be had until it is given up.
        Ok(asked)
    }

    /// Asks to be told when all that has been announced has been carried out; says whether the kernel can tell.
    fn submit_barrier<K: Kernel>(&mut self, now: Now, kernel: &mut K) -> Result<bool, Error> {
        let ticket = self.ticket();
        match kernel.submit(now, ticket, Request::Dump(Dump::Barrier)) {
            Ok(()) => self.runs(now, ticket, None, Item::once(now)),
            Err(error) if is_final(&error) => return Ok(false),
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    fn ticket(&mut self) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket = self.next_ticket.wrapping_add(1).max(FIRST_TICKET);
        ticket
    }

    fn runs(&mut self, now: Now, ticket: Ticket, subject: Option<Subject>, item: Item) {
        let (said, asked) = (self.said, now);
        self.running = Some(Running { ticket, subject, item, spoiled: false, odd: false, said, asked });
    }

    /// Asks for a dump, which the mirror has been told of.
    fn submit<K: Kernel>(
        &mut self,
        now: Now,
        kernel: &mut K,
        subject: Subject,
        item: Item,
        out: &mut Vec<Event>,
    ) -> Result<(), Error> {
        let ticket = self.ticket();
        match subject.request(|dump| kernel.submit(now, ticket, Request::Dump(dump))) {
            Ok(()) => self.runs(now, ticket, Some(subject), item),
            Err(error) if is_final(&error) => {
                // What has been begun ends, and takes nothing away.
                _ = self.mirror.end(subject, false, out);
                self.give_up(subject);
                self.settle(now, out);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Says whether the kernel announces that such a thing has gone while it can still be listed, and may be held up in between.
///
/// It does so with IPv4 routes (`fib_table_delete`, net/ipv4/fib_trie.c, Linux 6.18) and with IPv6 addresses of a link that is
/// switched off (`addrconf_ifdown`, net/ipv6/addrconf.c), and drops the routes behind an address or a next-hop object after it has
/// announced that those have gone. All of it is done under one lock, which listing links takes too (`rtnl_dumpit`,
/// net/core/rtnetlink.c), be it none of them, and listing these does not (`RTNL_FLAG_DUMP_UNLOCKED`). So that is done first: when it ends,
/// whatever had been announced before has been carried out.
const fn is_announced_early(subject: Subject) -> bool {
    matches!(subject, Subject::Routes(..) | Subject::Addresses)
}

/// Says whether a kernel that fails so will never do otherwise.
fn is_final(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::Invalid)
}

/// Says whether a notice is of something by which a dump can be torn.
fn disturbs(notice: &Notice) -> bool {
    match notice {
        Notice::Link(verb, _) => *verb != Verb::Listed,
        Notice::Address(verb, _) => *verb != Verb::Listed,
        Notice::NextHop(verb, _) => *verb != Verb::Listed,
        Notice::Rule(verb, _) => *verb != Verb::Listed,
        _ => false,
    }
}
