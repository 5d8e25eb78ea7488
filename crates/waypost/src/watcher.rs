//! A live picture of the routing tables.

use std::collections::VecDeque;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Duration;

use mio::event::Source;
use mio::unix::SourceFd;
use mio::{Interest, Poll, Registry, Token};
use waypost_core::lookup::{Explanation, Verdict, World};
use waypost_core::{
    Address, Capabilities, Error, ErrorKind, Family, Flow, InterfaceNames, Kernel, Link, Neighbour, NextHopObject, Notice,
    Notices, Now, Outcome, Request, RouteFilter, RouteRef, Rule, Ticket,
};
use waypost_engine::{CheckOptions, Diagnosis, Drift, Event, FollowOptions, Follower, Mirror, Progress, Stats, check};

use crate::sys::{self, Native, Options};
use crate::trace;

/// No sleep is longer: epoll_wait(2) counts milliseconds in 31 bits, and takes more for ever.
const LONGEST_SLEEP: Duration = Duration::from_secs(24 * 60 * 60);

/// How many events may wait while a call reads that gives none: then it ends.
const QUEUE_MAX: usize = 1 << 16;

/// How many turns are taken at once that make no event, of some hundreds of notices each: then others have their turn.
const TURNS_MAX: usize = 64;

/// A live picture of the kernel's routing tables, and of what they hang on: links, addresses, rules, next-hop objects.
///
/// It subscribes before it reads, so nothing falls in between. The picture moves when the program asks for it, by
/// [`wait`](Self::wait), [`try_next`](Self::try_next) or a stream, and between two such calls it stands still. The kernel's messages are
/// taken by the handful, so the picture can be some events ahead of the one that was given last; whoever replays all events
/// over the picture that [`synchronise`](Self::synchronise) left has the picture of now.
///
/// A program that asks too seldom loses nothing: the kernel's queue overflows, the watcher notices, reads the tables again and
/// reports what changed between [`Event::ResyncStarted`] and [`Event::Resynced`].
///
/// ```no_run
/// use waypost::Watcher;
///
/// let mut watcher = Watcher::open()?;
/// watcher.synchronise(None)?;
/// for route in watcher.routes() {
///     println!("{}", route.with_names(watcher.names()));
/// }
/// while let Some(event) = watcher.next(None)? {
///     println!("{event:?}");
/// }
/// # Ok::<(), waypost::Error>(())
/// ```
///
/// # Loops of one's own
///
/// The watcher is a [`mio::event::Source`], and [`AsFd`] gives the descriptor for any other loop: when it is readable, call
/// [`try_next`](Self::try_next) until it gives `None`. Call it too when [`deadline`](Self::deadline) has come, with nothing to read:
/// then the watcher wants to check something, or has left something unread: much can be said that makes no event. The features `tokio` and `async-io` give a stream that does all this.
#[derive(Debug)]
pub struct Watcher<K = Native> {
    kernel: K,
    follower: Follower,
    events: VecDeque<Event>,
    batch: Vec<Event>,
    /// What answers other requests than the follower's: a watcher makes none.
    others: Notices,
    waiting: Option<Waiting>,
    /// Why the kernel has refused what `ask` asked for.
    refused: Option<Error>,
    /// How many events have waited at once, at most.
    queue_max: usize,
    /// The last call left something unread.
    has_more: bool,
}

/// What `wait` waits with; made when it first does.
#[derive(Debug)]
struct Waiting {
    poll: Poll,
    ready: mio::Events,
}

impl Watcher {
    /// Opens the current network namespace and subscribes to its changes.
    ///
    /// Nothing has been read yet when this returns: [`synchronise`](Self::synchronise) waits for the first picture. No privilege is needed.
    ///
    /// # Errors
    ///
    /// `NotPermitted` where the system refuses the socket (a sandbox).
    pub fn open() -> Result<Self, Error> {
        Self::open_with(&Options::new())
    }

    /// Opens the network namespace that `options` name, with the receive buffer and the subscriptions that they ask for.
    ///
    /// # Errors
    ///
    /// `NoSuchDevice` where there is no such namespace, `NotPermitted` where it may not be entered.
    pub fn open_with(options: &Options) -> Result<Self, Error> {
        let kernel = Native::open(options)?;
        let mut follow = FollowOptions::default();
        follow.neighbours = options.tells_neighbours();
        Ok(Self::with_kernel(kernel, follow))
    }

    /// Waits until the first picture of the tables is whole, or `timeout` has passed (`None` waits as long as it takes).
    ///
    /// Events that were queued until then are dropped: the picture has what they tell.
    ///
    /// # Errors
    ///
    /// `Busy` where the time ran out before; the watcher can be asked again. `Closed` where the socket is of no more use.
    pub fn synchronise(&mut self, timeout: Option<Duration>) -> Result<(), Error> {
        let end = end_of(timeout);
        loop {
            let progress = self.step()?;
            // The picture has these already.
            self.events.clear();
            if self.is_synchronised() {
                return Ok(());
            }
            if is_over(end) {
                let error = Error::new(ErrorKind::Busy, "read the tables");
                return Err(error.because("they were not whole when the time was up"));
            }
            if progress != Progress::More {
                self.sleep(end)?;
            }
        }
    }

    /// Reads everything again, says in what the picture was not what the kernel has, and mends it, or gives up when `timeout` has passed
    /// (`None` waits as long as it takes).
    ///
    /// What it finds is told by events too, between [`Event::ResyncStarted`] and [`Event::Resynced`]; they wait in the queue with all
    /// others that come meanwhile. Amid changes it takes until they pause: only then does a reading prove anything. Where they do not, it ends
    /// when 65,536 events wait, timeout or not: take them, and ask again. The same is done about once a minute unasked, see
    /// [`FollowOptions::verify_every`].
    ///
    /// ```no_run
    /// use waypost::Watcher;
    ///
    /// let mut watcher = Watcher::open()?;
    /// watcher.synchronise(None)?;
    /// assert!(watcher.verify(None)?.is_none());
    /// # Ok::<(), waypost::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Busy` where the time ran out before, or too many events wait; reading goes on, and the watcher can be asked again. `Closed` where the
    /// socket is of no more use.
    pub fn verify(&mut self, timeout: Option<Duration>) -> Result<Drift, Error> {
        let end = end_of(timeout);
        let mut has_begun = false;
        loop {
            let progress = match self.prove(&mut has_begun)? {
                Proof::Drift(drift) => return Ok(drift),
                Proof::Wanting(progress) => progress,
            };
            if is_over(end) {
                return Err(not_verified("they were not read when the time was up"));
            }
            if progress != Progress::More {
                self.sleep(end)?;
            }
        }
    }

    /// Proves the picture as [`verify`](Self::verify) does, and looks it over as an experienced operator would: what is wrong, how grave that
    /// is, and what to do about it.
    ///
    /// How full the table of neighbours is can be told where [`Options`] asked for neighbours.
    ///
    /// ```no_run
    /// use waypost::Watcher;
    ///
    /// let mut watcher = Watcher::open()?;
    /// watcher.synchronise(None)?;
    /// for finding in watcher.check(None)?.findings {
    ///     println!("{}: {}; {}", finding.severity.word(), finding.text, finding.problem.advice());
    /// }
    /// # Ok::<(), waypost::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify).
    pub fn check(&mut self, timeout: Option<Duration>) -> Result<Diagnosis, Error> {
        self.check_family(timeout, None)
    }

    /// Does what [`check`](Self::check) does, and tells what is found of one family alone; `None` is both.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify).
    pub fn check_family(&mut self, timeout: Option<Duration>, family: Option<Family>) -> Result<Diagnosis, Error> {
        let drift = self.verify(timeout)?;
        Ok(self.look_over(Some(drift), family))
    }

    /// Waits until an event is ready, or `timeout` has passed (`None` waits as long as it takes); says whether one is.
    ///
    /// # Errors
    ///
    /// `Closed` where the socket is of no more use.
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<bool, Error> {
        let end = end_of(timeout);
        loop {
            if !self.events.is_empty() {
                return Ok(true);
            }
            let progress = self.step()?;
            if !self.events.is_empty() {
                return Ok(true);
            }
            // Much can be said that makes no event.
            if is_over(end) {
                return Ok(false);
            }
            if progress != Progress::More {
                self.sleep(end)?;
            }
        }
    }

    /// The next event, waited for as by [`wait`](Self::wait); `None` where the time ran out.
    ///
    /// # Errors
    ///
    /// `Closed` where the socket is of no more use.
    pub fn next(&mut self, timeout: Option<Duration>) -> Result<Option<Event>, Error> {
        self.wait(timeout)?;
        Ok(self.events.pop_front())
    }

    /// How large the kernel's queue for this watcher is, in bytes, as the kernel counts them.
    #[must_use]
    pub fn receive_buffer(&self) -> usize {
        self.kernel.receive_buffer()
    }

    /// Waits until the kernel has said something, the follower wants to act, or `end` has come.
    fn sleep(&mut self, end: Option<Duration>) -> Result<(), Error> {
        let now = sys::now().running;
        let wake = [end, self.follower_deadline().map(|deadline| deadline.running)].into_iter().flatten().min();
        // Rounded up: a wait that ends a little early would spin.
        let timeout = wake.map(|wake| wake.saturating_sub(now).min(LONGEST_SLEEP) + Duration::from_millis(1));
        let failed = |error: std::io::Error| Error::from_io("wait for the kernel", &error);
        let waiting = match &mut self.waiting {
            Some(waiting) => waiting,
            none => {
                let poll = Poll::new().map_err(failed)?;
                let descriptor = self.kernel.event_fd().as_raw_fd();
                poll.registry().register(&mut SourceFd(&descriptor), Token(0), Interest::READABLE).map_err(failed)?;
                none.insert(Waiting { poll, ready: mio::Events::with_capacity(4) })
            }
        };
        match waiting.poll.poll(&mut waiting.ready, timeout) {
            Err(error) if error.kind() != std::io::ErrorKind::Interrupted => Err(failed(error)),
            _ => Ok(()),
        }
    }
}

impl<K: Kernel> Watcher<K> {
    /// From here on tells who deletes and replaces routes and rules, where the kernel says it: an [`Event::Author`] comes before each such change.
    pub fn tell_authors(&mut self) {
        self.kernel.tell_authors();
    }

    /// A watcher of any kernel, such as a simulated one. The kernel must have been told to announce changes.
    #[must_use]
    pub fn with_kernel(kernel: K, options: FollowOptions) -> Self {
        Self {
            kernel,
            follower: Follower::new(options),
            events: VecDeque::new(),
            batch: Vec::new(),
            others: Notices::new(),
            waiting: None,
            refused: None,
            queue_max: 0,
            has_more: false,
        }
    }

    /// Opens the sockets anew where they are of no more use, as when another part of the program has closed them: calls fail with `Closed` from
    /// then on, and [`stats`](Self::stats) and the picture stay as they are.
    ///
    /// They are opened in the same network namespace, even if its name has gone since. What has changed meanwhile is found by reading, and told as
    /// events between [`Event::ResyncStarted`] and [`Event::Resynced`]; what is still there is not told of. [`AsFd`] gives another descriptor
    /// afterwards: a loop of one's own has to watch that.
    ///
    /// A sleeping [`wait`](Self::wait) is not woken by the closing of a descriptor, as no system does that: it is noticed by the next call, or when
    /// the next verification begins. Opening anew does not close what has got the number of a closed descriptor since.
    ///
    /// ```no_run
    /// use waypost::{ErrorKind, Watcher};
    ///
    /// let mut watcher = Watcher::open()?;
    /// watcher.synchronise(None)?;
    /// loop {
    ///     match watcher.next(None) {
    ///         Ok(event) => println!("{event:?}"),
    ///         Err(error) if error.kind() == ErrorKind::Closed => watcher.reopen()?,
    ///         Err(error) => return Err(error),
    ///     }
    /// }
    /// # #[expect(unreachable_code, reason = "the loop has no end")]
    /// # Ok::<(), waypost::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Unsupported` where that cannot be done: on Linux without `/proc`, and on all other systems. `NotPermitted` where the process may not
    /// enter the namespace any more. The watcher is as it was then.
    pub fn reopen(&mut self) -> Result<(), Error> {
        self.kernel.reopen()?;
        // It waits for the descriptor that was.
        self.waiting = None;
        self.follower.reopened(sys::now(), &mut self.batch);
        self.take_batch();
        Ok(())
    }

    /// The next event, if there is one; never blocks. So much can have been said that makes no event that some is left for the next call:
    /// then [`deadline`](Self::deadline) is now.
    ///
    /// # Errors
    ///
    /// `Closed` where the socket is of no more use.
    pub fn try_next(&mut self) -> Result<Option<Event>, Error> {
        if self.events.is_empty() {
            self.advance()?;
        }
        Ok(self.events.pop_front())
    }

    /// Says whether the first picture of the tables is whole.
    #[must_use]
    pub fn is_synchronised(&self) -> bool {
        self.follower.is_synchronised()
    }

    /// Says whether nothing is left to be read again: once the kernel is quiet, the mirror is what the kernel has.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.events.is_empty() && self.follower.is_settled()
    }

    /// How long a loop may sleep at most before it calls [`try_next`](Self::try_next) without having been woken.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        if self.has_more {
            return Some(Duration::ZERO);
        }
        Some(self.follower_deadline()?.running.saturating_sub(sys::now().running))
    }

    /// The routes of all tables: table by table, IPv4 before IPv6, by destination, and in the kernel's order for one destination.
    pub fn routes(&self) -> impl Iterator<Item = RouteRef<'_>> {
        self.mirror().routes()
    }

    /// The routes that pass `filter`, in the same order.
    pub fn routes_passing<'a>(&'a self, filter: &'a RouteFilter) -> impl Iterator<Item = RouteRef<'a>> {
        self.mirror().routes().filter(|route| filter.passes(*route))
    }

    /// The rules, in the order in which the kernel asks them.
    #[must_use]
    pub fn rules(&self, family: Family) -> &[Rule] {
        self.mirror().rules(family)
    }

    /// The links, by number.
    pub fn links(&self) -> impl Iterator<Item = &Link> {
        self.mirror().links().values()
    }

    /// The addresses.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.mirror().addresses()
    }

    /// The neighbours, where [`Options`] asked for them.
    pub fn neighbours(&self) -> impl Iterator<Item = &Neighbour> {
        self.mirror().neighbours()
    }

    /// The next-hop objects, by number.
    pub fn next_hops(&self) -> impl Iterator<Item = &NextHopObject> {
        self.mirror().next_hops().values()
    }

    /// The names of the interfaces.
    #[must_use]
    pub fn names(&self) -> &InterfaceNames {
        self.mirror().names()
    }

    /// Looks the picture over as [`check_family`](Watcher::check_family) does, without proving it: `drift` is what [`verify`](Watcher::verify) found, or
    /// `None` where it did not come to an end.
    #[must_use]
    pub fn look_over(&self, drift: Option<Drift>, family: Option<Family>) -> Diagnosis {
        let mut options = CheckOptions::default();
        options.family = family;
        options.drift = drift;
        options.neighbours_max = Family::ALL.map(sys::neighbours_max);
        check(self.mirror(), options)
    }

    /// Finds the way of `flow` in the mirror, by the rules and tables, without asking the kernel.
    ///
    /// The answer is the table's entry that matches. What is not known is not guessed: see [`lookup`](waypost_core::lookup).
    ///
    /// ```no_run
    /// use waypost::lookup::Verdict;
    /// use waypost::{Flow, Watcher};
    ///
    /// let mut watcher = Watcher::open()?;
    /// watcher.synchronise(None)?;
    /// if let Verdict::Found(found) = watcher.lookup(&Flow::to("192.0.2.1".parse().unwrap())) {
    ///     println!("{}", found.route.with_names(watcher.names()));
    /// }
    /// # Ok::<(), waypost::Error>(())
    /// ```
    #[must_use]
    pub fn lookup(&self, flow: &Flow) -> Verdict<'_> {
        self.world(Family::of(&flow.destination)).find(flow)
    }

    /// Finds the way of `flow` as [`lookup`](Self::lookup) does, and tells every step: which rules were asked, which routes were passed
    /// over and why.
    ///
    /// ```no_run
    /// use waypost::{Flow, Watcher};
    ///
    /// let mut watcher = Watcher::open()?;
    /// watcher.synchronise(None)?;
    /// println!("{}", watcher.explain(&Flow::to("192.0.2.1".parse().unwrap())));
    /// # Ok::<(), waypost::Error>(())
    /// ```
    #[must_use]
    pub fn explain(&self, flow: &Flow) -> Explanation<'_> {
        self.world(Family::of(&flow.destination)).explain(flow)
    }

    /// The mirror as lookups of one family see it: see [`Mirror::world`]. For many of them together there is [`find_all`](World::find_all).
    #[must_use]
    pub fn world(&self, family: Family) -> World<'_> {
        self.mirror().world(family)
    }

    /// Has everything read again; what has changed without having been noticed is told between [`Event::ResyncStarted`] and
    /// [`Event::Resynced`].
    pub fn resync(&mut self) {
        self.follower.resync(sys::now(), &mut self.batch);
        self.take_batch();
    }

    /// Sets how often everything is read again unasked to see whether something has changed without a word: about once a minute unless this
    /// says otherwise, and never if it says `None`. See [`FollowOptions::verify_every`].
    pub fn verify_every(&mut self, interval: Option<Duration>) {
        self.follower.set_verify_every(sys::now(), interval);
    }

    /// All that is known of the kernel.
    #[must_use]
    pub const fn mirror(&self) -> &Mirror {
        self.follower.mirror()
    }

    /// What has been counted so far.
    #[must_use]
    pub const fn stats(&self) -> Stats {
        let mut stats = *self.follower.stats();
        stats.queue_max = self.queue_max;
        stats
    }

    /// For how long nothing has proved the mirror: the time since everything was last read whole. `None` before the first picture.
    #[must_use]
    pub fn since_proof(&self) -> Option<Duration> {
        self.stats().since_proof(sys::now())
    }

    /// What has been counted so far as OpenMetrics text, for programs that collect such.
    ///
    /// ```no_run
    /// let mut watcher = waypost::Watcher::open()?;
    /// watcher.synchronise(None)?;
    /// std::fs::write("waypost.prom", watcher.metrics()).expect("the file can be written");
    /// # Ok::<(), waypost::Error>(())
    /// ```
    #[must_use]
    pub fn metrics(&self) -> String {
        let tables = self.mirror().tables();
        self.stats().metrics(sys::now(), Family::ALL.map(|family| tables.len_of(family))).to_string()
    }

    /// What this kernel can do.
    #[must_use]
    pub fn capabilities(&self) -> &Capabilities {
        self.kernel.capabilities()
    }

    /// Takes what the kernel has said until that makes an event, or there is no more.
    pub(crate) fn fill_queue(&mut self) -> Result<(), Error> {
        self.advance()
    }

    /// Empties the queue. Then the picture is that after the last event.
    pub(crate) fn take_queued(&mut self) -> impl Iterator<Item = Event> {
        self.events.drain(..)
    }

    /// Asks the kernel for a change. What becomes of it is told by the events of what it changes.
    pub(crate) fn ask(&mut self, request: Request<'_>) -> Result<(), Error> {
        self.kernel.submit(sys::now(), Ticket(0), request)?;
        self.kernel.flush().map(|_| ())
    }

    /// Why the kernel has refused a change that was asked for, told once; of several, the last.
    pub(crate) const fn take_refusal(&mut self) -> Option<Error> {
        self.refused.take()
    }

    /// Takes what the kernel has said, as long as that makes no event, for some turns.
    fn advance(&mut self) -> Result<(), Error> {
        for _ in 0..TURNS_MAX {
            if self.step()? != Progress::More || !self.events.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// Goes on with a verification that this call or a former one has begun.
    fn prove(&mut self, has_begun: &mut bool) -> Result<Proof, Error> {
        if self.events.len() >= QUEUE_MAX {
            return Err(not_verified("too many events wait to be taken"));
        }
        let progress = self.step()?;
        if self.is_synchronised() && !std::mem::replace(has_begun, true) {
            self.follower.verify(sys::now());
            return Ok(Proof::Wanting(Progress::More));
        }
        Ok(self.follower.verified().map_or(Proof::Wanting(progress), Proof::Drift))
    }

    /// Takes some of what the kernel has said; events of it wait in the queue even if taking the rest failed.
    fn step(&mut self) -> Result<Progress, Error> {
        let progress = self.follower.advance(sys::now(), &mut self.kernel, &mut self.batch, &mut self.others);
        for notice in self.others.drain(..) {
            if let Notice::Outcome(_, Outcome::Failed(error)) = notice {
                self.refused = Some(error);
            }
        }
        self.take_batch();
        self.has_more = matches!(progress, Ok(Progress::More));
        progress
    }

    fn take_batch(&mut self) {
        self.batch.iter().for_each(trace::event);
        self.events.extend(self.batch.drain(..));
        self.queue_max = self.queue_max.max(self.events.len());
    }

    fn follower_deadline(&self) -> Option<Now> {
        [self.follower.deadline(), self.kernel.deadline()].into_iter().flatten().min()
    }
}

/// How far a verification is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Proof {
    /// It is done, and has found this.
    Drift(Drift),
    /// It is not done.
    Wanting(Progress),
}

fn not_verified(why: &str) -> Error {
    Error::new(ErrorKind::Busy, "verify the tables").because(why)
}

/// When a wait of this length ends that begins now; `None` where it never does, as one that outlives the clock.
fn end_of(timeout: Option<Duration>) -> Option<Duration> {
    sys::now().running.checked_add(timeout?)
}

fn is_over(end: Option<Duration>) -> bool {
    end.is_some_and(|end| sys::now().running >= end)
}

impl AsFd for Watcher {
    /// The socket that changes come by. Wait until it is readable; leave reading to the watcher.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.kernel.event_fd()
    }
}

impl Source for Watcher {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> std::io::Result<()> {
        SourceFd(&self.kernel.event_fd().as_raw_fd()).register(registry, token, interests)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> std::io::Result<()> {
        SourceFd(&self.kernel.event_fd().as_raw_fd()).reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> std::io::Result<()> {
        SourceFd(&self.kernel.event_fd().as_raw_fd()).deregister(registry)
    }
}

#[cfg(test)]
mod tests {
    use waypost_sim::{Fault, Profile, Sim, SimKernel};

    use super::*;

    /// How much the kernel may keep for who reads too seldom.
    const PLENTY: usize = 1 << 20;

    fn synchronised() -> (Sim, waypost_core::IfIndex, Watcher<SimKernel>) {
        let sim = Sim::new(Profile::linux());
        let link = sim.add_link("w0");
        let mut kernel = sim.kernel();
        kernel.suffer(Fault::ReceiveBuffer(PLENTY));
        let mut watcher = Watcher::with_kernel(kernel, FollowOptions::default());
        while watcher.step().unwrap() == Progress::More {}
        assert!(watcher.is_synchronised());
        watcher.events.clear();
        (sim, link, watcher)
    }

    #[test]
    fn a_verification_amid_changes_without_end_ends_when_too_many_events_wait() {
        let (sim, link, mut watcher) = synchronised();
        let mut has_begun = false;
        // The kernel is never calm: every dump is torn.
        let ended = (0..).find_map(|turn| {
            (0..64).for_each(|n| sim.rename(link, &format!("w{turn}-{n}")).unwrap());
            watcher.prove(&mut has_begun).err()
        });
        assert_eq!(ended.map(|error| error.kind()), Some(ErrorKind::Busy));
        assert!((QUEUE_MAX..QUEUE_MAX + 4096).contains(&watcher.events.len()), "{} events", watcher.events.len());
        // They are all there, and once they have been taken and it is calm, it ends as it should.
        assert_eq!(watcher.prove(&mut has_begun).unwrap_err().kind(), ErrorKind::Busy);
        watcher.events.clear();
        let proof = (0..10_000_000).find_map(|_| match watcher.prove(&mut has_begun).unwrap() {
            Proof::Drift(drift) => Some(drift),
            Proof::Wanting(_) => None,
        });
        assert!(proof.is_some());
    }

    #[test]
    fn what_makes_no_event_is_taken_in_parts_and_the_rest_is_due_at_once() {
        let (sim, link, mut watcher) = synchronised();
        // It is announced, and has it already.
        let told = (TURNS_MAX + 1) * 512;
        (0..told).for_each(|_| sim.set_carrier(link, true).unwrap());
        let before = watcher.stats().notices;
        assert_eq!(watcher.try_next().unwrap(), None);
        assert!(watcher.stats().notices - before < told as u64, "others have their turn");
        assert_eq!(watcher.deadline(), Some(Duration::ZERO), "and the rest is not waited for");
        assert_eq!(watcher.try_next().unwrap(), None);
        assert_eq!(watcher.stats().notices - before, told as u64);
        assert!(watcher.deadline() != Some(Duration::ZERO));
    }
}
