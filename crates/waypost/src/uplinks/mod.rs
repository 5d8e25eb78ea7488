//! Uplinks on the running system.

#[cfg(feature = "captive")]
mod probe;

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use waypost_core::{Capabilities, Error, ErrorKind, Family, InterfaceNames};
use waypost_engine::claim::{Claim, ClaimId, Owner};
use waypost_engine::{
    Event, Mirror, Order, Probed, Told, Uplink, UplinkId, UplinkOptions, UplinkReport, UplinkStatus, Wish, WishId, WishState,
};

use crate::Claims;
use crate::sys::{self, Options};

#[cfg(feature = "captive")]
pub use probe::ProbeTarget;

/// How often orders are carried out in one turn: what a rival does at speed is answered in the next.
const ROUNDS_MAX: usize = 16;

/// Keeps the default routes of several ways out: one a family takes everything, and there is never a moment without.
///
/// It does what [`waypost_engine::Uplinks`] orders, by claims, in a loop of the program's own.
///
/// ```no_run
/// use waypost::{Exit, Family, Options, Uplink, UplinkOptions, Uplinks};
///
/// let mut uplinks = Uplinks::open_with(Options::new(), UplinkOptions::default())?;
/// for (name, router, priority) in [("eth0", "192.0.2.1", 2), ("wwan0", "198.51.100.1", 1)] {
///     let interface = uplinks.names().index(name)?;
///     let mut uplink = Uplink::new(name, Family::V4, interface, Exit::Gateway(router.parse().unwrap()));
///     uplink.priority = priority;
///     uplinks.set(uplink);
/// }
/// loop {
///     for report in uplinks.turn()?.reports {
///         println!("{report:?}");
///     }
///     uplinks.wait(None)?;
/// }
/// # #[expect(unreachable_code, reason = "it goes on")]
/// # Ok::<(), waypost::Error>(())
/// ```
#[derive(Debug)]
pub struct Uplinks {
    claims: Claims,
    machine: waypost_engine::Uplinks,
    ids: BTreeMap<WishId, ClaimId>,
    /// Nothing is written.
    is_dry: bool,
}

/// What came of a turn.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct UplinkTurn {
    /// What is worth telling.
    pub reports: Vec<UplinkReport>,
    /// Uplinks that are to be probed, each with the number of the probe; [`Uplinks::probed`] takes what became of it.
    pub probes: Vec<(UplinkId, u32)>,
    /// What would have been written, where it is a dry run, in that order: whether it is added, and the wish. In that turn, and in the status behind it,
    /// it counts as done.
    pub dry: Vec<(bool, Wish)>,
    /// Something of an interface or of the host's own addresses has changed: uplinks that wait for one may be possible now.
    pub surroundings_changed: bool,
}

impl Uplinks {
    /// Opens the network namespace that `options` name, and reads it. Nothing is written before the first [`turn`](Self::turn).
    ///
    /// # Errors
    ///
    /// As [`Claims::open_with`]; `Invalid` where the protocol number of `uplinks` is known to be another's.
    pub fn open_with(options: Options, mut uplinks: UplinkOptions) -> Result<Self, Error> {
        let owner = Owner::new("uplinks", uplinks.protocol.0)?;
        let claims = Claims::open_with(&options.neighbours(true), owner)?;
        uplinks.table = claims.capabilities().main_table;
        let machine = waypost_engine::Uplinks::new(uplinks, claims.capabilities());
        Ok(Self { claims, machine, ids: BTreeMap::new(), is_dry: false })
    }

    /// From now on nothing is written: what would be is told by [`UplinkTurn::dry`]. It is for one turn: later the mirror shows that nothing was.
    pub const fn dry(&mut self) {
        self.is_dry = true;
    }

    /// Adds an uplink, or gives the one of that name and family another shape.
    pub fn set(&mut self, uplink: Uplink) -> UplinkId {
        self.machine.set(uplink)
    }

    /// Gives an uplink up: its routes go when another's stand.
    pub fn remove(&mut self, uplink: UplinkId) {
        self.machine.remove(uplink);
    }

    /// Gives all uplinks up; [`is_idle`](Self::is_idle) says when their routes have gone.
    pub fn remove_all(&mut self) {
        self.machine.remove_all();
    }

    /// Says whether no route is wanted, there, or under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.machine.is_idle()
    }

    /// Has an uplink elected as long as it is well; `None` lets priorities decide again.
    pub fn choose(&mut self, family: Family, uplink: Option<UplinkId>) {
        self.machine.choose(family, uplink);
    }

    /// Has an uplink elected only where no other is well, until [`choose`](Self::choose) is called for its family.
    pub fn set_back(&mut self, uplink: UplinkId) {
        self.machine.set_back(uplink);
    }

    /// Takes what became of a probe.
    pub fn probed(&mut self, uplink: UplinkId, number: u32, probed: Probed) {
        self.machine.probed(sys::now(), uplink, number, probed);
    }

    /// How each uplink stands.
    pub fn status(&self) -> impl Iterator<Item = UplinkStatus<'_>> {
        self.machine.status(sys::now())
    }

    /// The routes of others that are used before the default routes of elected uplinks.
    #[must_use]
    pub fn outranked_by(&self) -> &[waypost_core::Route] {
        self.machine.outranked_by()
    }

    /// An uplink, while it is kept.
    #[must_use]
    pub fn uplink(&self, id: UplinkId) -> Option<&Uplink> {
        self.machine.uplink(id)
    }

    /// What the kernel has.
    #[must_use]
    pub const fn mirror(&self) -> &Mirror {
        self.claims.mirror()
    }

    /// The names of the interfaces.
    #[must_use]
    pub fn names(&self) -> &InterfaceNames {
        self.claims.names()
    }

    /// What this kernel can do.
    #[must_use]
    pub fn capabilities(&self) -> &Capabilities {
        self.claims.capabilities()
    }

    /// Takes in what the kernel has said, and does what is to be done now. Call it when the [descriptor](AsFd) is readable, when the
    /// [deadline](Self::deadline) has come, and after each change of what is wanted.
    ///
    /// # Errors
    ///
    /// `Closed` where the socket is of no more use.
    pub fn turn(&mut self) -> Result<UplinkTurn, Error> {
        let mut turn = UplinkTurn::default();
        self.hear(&mut turn)?;
        self.start()?;
        for _ in 0..ROUNDS_MAX {
            let mut orders = Vec::new();
            self.machine.poll(sys::now(), self.claims.mirror(), &mut orders, &mut turn.reports);
            self.release();
            if orders.is_empty() {
                break;
            }
            for order in orders {
                self.obey(order, &mut turn)?;
            }
            self.hear(&mut turn)?;
        }
        Ok(turn)
    }

    fn hear(&mut self, turn: &mut UplinkTurn) -> Result<(), Error> {
        let now = sys::now();
        for event in self.claims.hear()? {
            turn.surroundings_changed |= matches!(event, Event::Link(_) | Event::Address(_));
            self.machine.note(now, &event);
        }
        Ok(())
    }

    /// Takes over what is there, and claims it.
    fn start(&mut self) -> Result<(), Error> {
        self.machine.start(sys::now(), self.claims.mirror());
        let unclaimed = |wish: &&Wish| wish.state == WishState::Held && !self.ids.contains_key(&wish.id);
        let found: Vec<Wish> = self.machine.wishes().filter(unclaimed).cloned().collect();
        for wish in found.into_iter().filter(|_| !self.is_dry) {
            let id = self.claims.put(Claim::new(wish.route).metric_zero())?;
            self.ids.insert(wish.id, id);
        }
        Ok(())
    }

    /// Gives up the claims of wishes that are no more: their routes were lost.
    fn release(&mut self) {
        let wished: std::collections::BTreeSet<WishId> = self.machine.wishes().map(|wish| wish.id).collect();
        let gone: Vec<WishId> = self.ids.keys().copied().filter(|id| !wished.contains(id)).collect();
        for claim in gone.into_iter().filter_map(|id| self.ids.remove(&id)) {
            // Should it be there after all, the next plan deletes it.
            self.claims.withdraw(claim);
        }
    }

    fn obey(&mut self, order: Order, turn: &mut UplinkTurn) -> Result<(), Error> {
        match order {
            Order::Probe(uplink, number) => turn.probes.push((uplink, number)),
            Order::Read => self.claims.read_again()?,
            // It is taken for done, so that what would follow from it is told too.
            Order::Install(wish) if self.is_dry => {
                self.machine.told(sys::now(), wish.id, Told::Installed);
                turn.dry.push((true, wish));
            }
            Order::Withdraw(wish) if self.is_dry => {
                self.machine.told(sys::now(), wish.id, Told::Gone);
                turn.dry.push((false, wish));
            }
            Order::Install(wish) => {
                let mut claim = Claim::new(wish.route.clone());
                if wish.route.slot.metric == 0 {
                    claim = claim.metric_zero();
                }
                let told = match self.claims.install(claim)? {
                    Ok(id) => {
                        self.ids.insert(wish.id, id);
                        Told::Installed
                    }
                    Err(error) if error.kind() == ErrorKind::Unknown => Told::Unknown,
                    Err(error) => Told::Refused(error),
                };
                self.machine.told(sys::now(), wish.id, told);
            }
            Order::Withdraw(wish) => {
                let told = match self.ids.remove(&wish.id).map(|id| self.claims.give_up(id)).transpose()? {
                    None | Some(Ok(())) => Told::Gone,
                    Some(Err((error, again))) => {
                        self.ids.extend(again.map(|id| (wish.id, id)));
                        Told::Kept(error)
                    }
                };
                self.machine.told(sys::now(), wish.id, told);
            }
            _ => {}
        }
        Ok(())
    }

    /// How long a loop may sleep at most before it calls [`turn`](Self::turn) without having been woken.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let own = self.machine.deadline().map(|due| due.running.saturating_sub(sys::now().running));
        own.into_iter().chain(self.claims.deadline()).min()
    }

    /// Waits until the kernel has said something, the [deadline](Self::deadline) has come, or `timeout` has passed.
    ///
    /// # Errors
    ///
    /// `Closed` where the socket is of no more use.
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<(), Error> {
        let wake = self.deadline().into_iter().chain(timeout).min();
        self.claims.wait(wake)
    }
}

impl AsFd for Uplinks {
    /// The socket that changes come by. Wait until it is readable; leave reading to [`Uplinks::turn`].
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.claims.as_fd()
    }
}
