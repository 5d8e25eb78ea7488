//! What one program hears: a bounded queue, its dumps, its outcomes, and what goes wrong with them.

use std::collections::VecDeque;
use std::time::Duration;

use waypost_core::{
    DumpEnd, Error, ErrorKind, Family, Flow, LossSignal, Notice, Now, Outcome, RouteFilter, RouteVerb, Slot, Ticket,
};

use crate::Profile;
use crate::state::Cursor;

/// Something that goes wrong between the kernel and one program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// The next events are lost.
    LoseEvents {
        /// How many.
        count: usize,
        /// The program is told that there was an overrun.
        signalled: bool,
    },
    /// The next events come twice.
    RepeatEvents(usize),
    /// The next events are cut short or damaged, so that they cannot be understood.
    SpoilEvents(usize),
    /// The receive buffer takes this many notices; what comes while it is full is lost, and told as one overrun where the kernel
    /// tells of losses.
    ReceiveBuffer(usize),
    /// A dump comes in batches of this many routes, one for each call of `drain`, so that events come between.
    DumpBatch(usize),
    /// The next dumps are called interrupted as they end.
    InterruptDumps(usize),
    /// The next dumps are refused, as by a kernel that is out of memory: they list nothing.
    RefuseDumps {
        /// How many.
        count: usize,
        /// For what reason.
        kind: ErrorKind,
    },
    /// What is there and not listed cannot be asked for.
    NoTraces,
    /// The next routes that are listed are damaged, so that they cannot be understood.
    SpoilListed(usize),
    /// Dumps go on where they stopped even on a kernel whose dumps are torn by a changing table.
    WholeDumps(bool),
    /// Outcomes come this much later.
    DelayOutcomes(Duration),
    /// The outcomes of the next requests are lost, though they are carried out.
    LoseOutcomes(usize),
    /// The socket is closed: it hears nothing, and every call fails, until it is [opened anew](waypost_core::Kernel::reopen).
    Close,
    /// The next requests are refused, and not carried out.
    RefuseRequests {
        /// How many.
        count: usize,
        /// For what reason.
        kind: ErrorKind,
    },
}

/// How long a program waits for an outcome before it calls it unknown.
pub(crate) const OUTCOME_TIMEOUT: Duration = Duration::from_secs(5);

/// How many notices a receive buffer takes, unless told otherwise.
const RECEIVE_BUFFER: usize = 4096;

/// How many routes a batch of a dump has, unless told otherwise.
const DUMP_BATCH: usize = 256;

/// What a dump lists, kept for its later batches.
#[derive(Clone, Debug)]
pub(crate) enum Listed {
    Routes(Family, Box<RouteFilter>, Cursor),
    Rules(Family),
    Links,
    Addresses,
    Nothing,
    Barrier,
    Traces(Vec<Slot>),
    NextHops,
}

/// A dump that has begun or waits for the one before it.
#[derive(Clone, Debug)]
pub(crate) struct Dumping {
    pub(crate) ticket: Ticket,
    pub(crate) listed: Listed,
    pub(crate) started: bool,
}

/// A request that changes or asks, without what it borrowed.
#[derive(Clone, Debug)]
pub(crate) struct Due {
    pub(crate) at: Now,
    pub(crate) ticket: Ticket,
    pub(crate) outcome: Outcome,
}

/// A dump of one moment, which overtakes what is queued and ends behind it.
#[derive(Debug)]
struct Moment {
    ticket: Ticket,
    left: VecDeque<Notice>,
    is_interrupted: bool,
}

#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) is_open: bool,
    pub(crate) tells_authors: bool,
    pub(crate) tells_traces: bool,
    pub(crate) dump_batch: usize,
    pub(crate) whole_dumps: bool,
    pub(crate) dumps: VecDeque<Dumping>,
    pub(crate) due: VecDeque<Due>,
    /// A dump of one moment, as far as it has not been told, and how much of it may be told in this call.
    moment: Option<Moment>,
    may_tell: usize,
    queue: VecDeque<Notice>,
    /// How many notices stand in the queue before the end of the batch that was put there last.
    batch_left: usize,
    receive_buffer: usize,
    /// A full buffer takes nothing until it is empty.
    stays_congested: bool,
    is_congested: bool,
    tells_loss: bool,
    has_overrun: bool,
    lose_events: (usize, bool),
    repeat_events: usize,
    spoil_events: usize,
    interrupt_dumps: usize,
    refuse_dumps: Option<(usize, ErrorKind)>,
    spoil_listed: usize,
    delay: Duration,
    lose_outcomes: usize,
    refuse: Option<(usize, ErrorKind)>,
}

impl Socket {
    pub(crate) fn new(profile: &Profile) -> Self {
        Self {
            moment: None,
            may_tell: 0,
            stays_congested: profile.stays_congested,
            tells_loss: profile.capabilities.loss_signal != LossSignal::None,
            repeat_events: 0,
            spoil_events: 0,
            interrupt_dumps: 0,
            refuse_dumps: None,
            spoil_listed: 0,
            is_open: true,
            tells_authors: false,
            tells_traces: true,
            dump_batch: DUMP_BATCH,
            whole_dumps: false,
            dumps: VecDeque::new(),
            due: VecDeque::new(),
            queue: VecDeque::new(),
            batch_left: 0,
            receive_buffer: RECEIVE_BUFFER,
            is_congested: false,
            has_overrun: false,
            lose_events: (0, false),
            delay: Duration::ZERO,
            lose_outcomes: 0,
            refuse: None,
        }
    }

    pub(crate) fn suffer(&mut self, fault: Fault) {
        match fault {
            Fault::LoseEvents { count, signalled } => self.lose_events = (count, signalled),
            Fault::RepeatEvents(count) => self.repeat_events = count,
            Fault::SpoilEvents(count) => self.spoil_events = count,
            Fault::InterruptDumps(count) => self.interrupt_dumps = count,
            Fault::RefuseDumps { count, kind } => self.refuse_dumps = Some((count, kind)),
            Fault::SpoilListed(count) => self.spoil_listed = count,
            Fault::ReceiveBuffer(size) => self.receive_buffer = size,
            Fault::NoTraces => self.tells_traces = false,
            Fault::Close => self.is_open = false,
            Fault::DumpBatch(size) => self.dump_batch = size.max(1),
            Fault::WholeDumps(whole) => self.whole_dumps = whole,
            Fault::DelayOutcomes(delay) => self.delay = delay,
            Fault::LoseOutcomes(count) => self.lose_outcomes = count,
            Fault::RefuseRequests { count, kind } => self.refuse = Some((count, kind)),
        }
    }

    /// An event comes in, if there is room for it.
    pub(crate) fn hear(&mut self, notice: &Notice) {
        if !self.is_open {
            return;
        }
        let (left, signalled) = &mut self.lose_events;
        if *left > 0 {
            *left -= 1;
            self.has_overrun |= *signalled;
            return;
        }
        let is_repeated = take_one(&mut self.repeat_events);
        for _ in 0..=usize::from(is_repeated) {
            if self.is_congested || self.queue.len() >= self.receive_buffer {
                self.has_overrun |= !self.is_congested && self.tells_loss;
                self.is_congested = self.stays_congested;
                return;
            }
            let spoiled = take_one(&mut self.spoil_events);
            let damaged = || Notice::Undecodable { in_dump: false, why: "damaged by schedule".to_owned() };
            self.queue.push_back(if spoiled { damaged() } else { notice.clone() });
        }
    }

    /// The next thing that was said; a loss is told before what is still queued.
    pub(crate) fn next(&mut self) -> Option<Notice> {
        if std::mem::take(&mut self.has_overrun) {
            if let Some(moment) = &mut self.moment {
                moment.is_interrupted = true;
            }
            return Some(Notice::Overrun);
        }
        match self.moment.as_mut().map(|moment| moment.left.is_empty()) {
            Some(false) if self.may_tell == 0 => return None,
            Some(false) => {
                self.may_tell -= 1;
                return self.moment.as_mut()?.left.pop_front();
            }
            Some(true) if self.queue.is_empty() => {
                let Moment { ticket, is_interrupted, .. } = self.moment.take()?;
                return Some(Notice::DumpDone(ticket, DumpEnd::new(is_interrupted, None)));
            }
            _ => {}
        }
        let notice = self.queue.pop_front();
        self.batch_left = self.batch_left.saturating_sub(1);
        if self.queue.is_empty() {
            self.is_congested = false;
        }
        notice
    }

    /// What was queued is lost. A dump that had begun has failed, and what became of the requests is not known.
    pub(crate) fn reopen(&mut self) {
        self.is_open = true;
        let ended = |notice: Notice| if let Notice::DumpDone(ticket, _) = notice { Some(ticket) } else { None };
        let unheard: Vec<Ticket> = self.queue.drain(..).filter_map(ended).collect();
        (self.batch_left, self.is_congested, self.has_overrun) = (0, false, false);
        let moment = self.moment.take().map(|moment| moment.ticket);
        let has_begun = self.dumps.front().is_some_and(|dump| dump.started);
        let begun = if has_begun { self.dumps.pop_front().map(|dump| dump.ticket) } else { None };
        for ticket in unheard.into_iter().chain(moment).chain(begun) {
            let error = Error::new(ErrorKind::Unknown, "list").because("the socket was opened anew");
            self.queue.push_back(Notice::DumpDone(ticket, DumpEnd::new(true, Some(error))));
        }
        self.due.iter_mut().for_each(|due| due.outcome = Outcome::Unknown);
    }

    /// Says whether a dump's batch has been read, so that the next can come.
    pub(crate) fn wants_batch(&self) -> bool {
        !self.dumps.is_empty() && self.batch_left == 0 && self.moment.is_none()
    }

    /// A call begins: so much of a dump of one moment is told in it.
    pub(crate) const fn begin_call(&mut self) {
        self.may_tell = self.dump_batch;
    }

    /// What a dump lists goes to who asked, less what is damaged on the way.
    pub(crate) fn spoil(&mut self, batch: &mut [Notice]) {
        for notice in batch.iter_mut().filter(|notice| matches!(notice, Notice::Route(RouteVerb::Listed, _))) {
            if take_one(&mut self.spoil_listed) {
                *notice = Notice::Undecodable { in_dump: true, why: "damaged by schedule".to_owned() };
            }
        }
    }

    /// How the dump ends that is begun now or goes on, as far as faults have a say.
    pub(crate) fn dump_end(&mut self) -> DumpEnd {
        DumpEnd::new(take_one(&mut self.interrupt_dumps), None)
    }

    /// Why the next dump is refused, if it is.
    pub(crate) fn dump_refusal(&mut self) -> Option<Error> {
        let (count, kind) = self.refuse_dumps.as_mut()?;
        take_one(count).then(|| Error::new(*kind, "list").because("refused by schedule"))
    }

    /// A dump of one moment begins.
    pub(crate) fn put_moment(&mut self, ticket: Ticket, left: Vec<Notice>) {
        let is_interrupted = take_one(&mut self.interrupt_dumps);
        self.moment = Some(Moment { ticket, left: left.into(), is_interrupted });
    }

    /// A batch of a dump comes in, behind all that is queued; it is never lost.
    pub(crate) fn put_batch(&mut self, batch: impl IntoIterator<Item = Notice>) {
        self.queue.extend(batch);
        self.batch_left = self.queue.len();
    }

    pub(crate) fn has_more(&self) -> bool {
        self.has_overrun || !self.queue.is_empty() || !self.dumps.is_empty() || self.moment.is_some()
    }

    /// The refusal that a request meets before the kernel looks at it, if any.
    pub(crate) fn refusal(&mut self) -> Option<Error> {
        let (count, kind) = self.refuse.as_mut()?;
        *count = count.checked_sub(1)?;
        Some(Error::new(*kind, "change the tables").because("refused by schedule"))
    }

    /// An outcome is on its way, or lost on it.
    pub(crate) fn answer(&mut self, now: Now, ticket: Ticket, outcome: Outcome) {
        let is_lost = self.lose_outcomes > 0;
        self.lose_outcomes = self.lose_outcomes.saturating_sub(1);
        let due = match is_lost || self.delay >= OUTCOME_TIMEOUT {
            true => Due { at: now + OUTCOME_TIMEOUT, ticket, outcome: Outcome::Unknown },
            false => Due { at: now + self.delay, ticket, outcome },
        };
        self.due.push_back(due);
    }

    /// The outcomes that have come by now.
    pub(crate) fn outcomes(&mut self, now: Now) -> Vec<Due> {
        let (come, late) = std::mem::take(&mut self.due).into_iter().partition(|due| due.at.running <= now.running);
        self.due = late;
        let come: VecDeque<Due> = come;
        come.into()
    }
}

/// Takes one of so many, if there is one.
const fn take_one(count: &mut usize) -> bool {
    let is_one = *count > 0;
    *count = count.saturating_sub(1);
    is_one
}

/// What a program asks, kept until it is sent.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    Dump(Listed),
    Route(waypost_core::RouteChange, Box<waypost_core::Route>),
    Lookup(Flow, waypost_core::LookupMode),
    AddRule(Box<waypost_core::Rule>),
    DeleteRule(Box<waypost_core::Rule>),
    AddNextHop(Box<waypost_core::NextHopObject>, bool),
    DeleteNextHop(waypost_core::NextHopId),
}
