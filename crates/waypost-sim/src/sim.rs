//! The simulated machine, as its administrator sees it.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use waypost_core::{Error, IfIndex, LinkFlags, Route, RouteChange};

use crate::state::State;
use crate::{Profile, SimKernel, socket::Socket};

/// A machine in memory. Copies of it are the same machine.
#[derive(Clone, Debug)]
pub struct Sim(Arc<Mutex<State>>);

impl Sim {
    /// A machine that keeps its tables as `profile` says, with a loopback and the standing rules.
    #[must_use]
    pub fn new(profile: Profile) -> Self {
        Self(Arc::new(Mutex::new(State::new(profile))))
    }

    /// A program of this machine: it hears everything from now on.
    #[must_use]
    pub fn kernel(&self) -> SimKernel {
        let mut state = self.lock();
        let socket = Socket::new(&state.profile);
        state.sockets.push(socket);
        SimKernel::new(Arc::clone(&self.0), state.profile.capabilities.clone(), state.sockets.len() - 1)
    }

    /// Adds a link, down, with a number that was never used.
    pub fn add_link(&self, name: &str) -> IfIndex {
        self.act().add_link(name, None)
    }

    /// Adds a link, down, with a number that another may have had before.
    pub fn add_link_at(&self, index: IfIndex, name: &str) {
        self.act().add_link(name, Some(index));
    }

    /// The link of this name.
    #[must_use]
    pub fn link(&self, name: &str) -> Option<IfIndex> {
        self.lock().link_named(name)
    }

    /// Switches a link on or off.
    ///
    /// # Errors
    ///
    /// `NoSuchDevice`.
    pub fn set_up(&self, link: IfIndex, up: bool) -> Result<(), Error> {
        self.act().set_up(link, up)
    }

    /// Gives a link its carrier, or takes it: routes stay and nothing is said of them.
    ///
    /// # Errors
    ///
    /// `NoSuchDevice`.
    pub fn set_carrier(&self, link: IfIndex, carrier: bool) -> Result<(), Error> {
        self.act().edit_link(link, |link| link.flags.set(LinkFlags::LOWER_UP, carrier))
    }

    /// Gives a link another name.
    ///
    /// # Errors
    ///
    /// `NoSuchDevice`.
    pub fn rename(&self, link: IfIndex, name: &str) -> Result<(), Error> {
        self.act().edit_link(link, |link| name.clone_into(&mut link.name))
    }

    /// Removes a link, with all that hangs on it.
    ///
    /// # Errors
    ///
    /// `NoSuchDevice`.
    pub fn remove_link(&self, link: IfIndex) -> Result<(), Error> {
        self.act().remove_link(link)
    }

    /// Gives a link an address.
    ///
    /// # Errors
    ///
    /// `NoSuchDevice`, or `Exists`.
    pub fn add_address(&self, link: IfIndex, address: IpAddr, prefix_length: u8) -> Result<(), Error> {
        self.act().add_address(link, address, prefix_length)
    }

    /// Takes an address from a link.
    ///
    /// # Errors
    ///
    /// `NotFound`.
    pub fn remove_address(&self, link: IfIndex, address: IpAddr) -> Result<(), Error> {
        self.act().remove_address(link, address)
    }

    /// What another program does to a route, at once.
    ///
    /// # Errors
    ///
    /// What that program would be told.
    pub fn rival(&self, change: RouteChange, route: &Route) -> Result<(), Error> {
        self.act().change(change, route)
    }

    /// What another program does to a route, of whose process the kernel tells the number.
    ///
    /// # Errors
    ///
    /// What that program would be told.
    pub fn rival_of_process(&self, pid: u32, change: RouteChange, route: &Route) -> Result<(), Error> {
        let mut state = self.act();
        state.author = Some(pid);
        let done = state.change(change, route);
        state.author = None;
        done
    }

    /// What another program does who deletes a route and is held up when that has been announced: where a kernel announces it
    /// before it does it, the route is listed until somebody else takes the lock under which routes are changed.
    ///
    /// # Errors
    ///
    /// What that program would be told.
    pub fn rival_is_held_up(&self, route: &Route) -> Result<(), Error> {
        self.act().delete_and_be_held_up(route)
    }

    /// Locks the machine for one who changes it.
    fn act(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        state.take_lock();
        state
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
