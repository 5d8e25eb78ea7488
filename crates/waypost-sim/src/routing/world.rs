//! The contract's world about a simulated machine with routing sockets.

use std::cell::Cell;

use waypost_core::{Error, ErrorKind, Kernel, Now};
use waypost_pfroute::session::{RoutingSocket, SessionOptions, capabilities};
use waypost_pfroute::wire::ByteOrder;

use super::{RoutingSim, SimSockets};
use crate::contract::{Act, World};
use crate::profile::RoutingProfile;

/// The room for what has not been read: a test reads seldom.
const RECEIVE_BUFFER: usize = 1 << 20;

impl World<'static, RoutingSocket<SimSockets>> {
    /// A world about a machine of this kind that has nothing but its loopback, spoken to through the session and the codec. It
    /// does not wait: its clock goes on as soon as nothing is to be read.
    #[must_use]
    pub fn of_routing_sockets(profile: RoutingProfile, order: ByteOrder) -> Self {
        let sim = RoutingSim::new(profile, order);
        let kernel = sim.kernel();
        kernel.transport().set_receive_buffer(RECEIVE_BUFFER);
        let time = Cell::new(Now::default());
        let operate = move |act: Act<'_>| sim.operate(act).unwrap_or_else(|error| panic!("{act:?}: {error}"));
        Self::new(kernel, operate, move |kernel| {
            time.set(time.get().max(kernel.deadline()?));
            Some(time.get())
        })
    }
}

impl RoutingSim {
    /// A program of this machine: it hears everything from now on.
    #[must_use]
    pub fn kernel(&self) -> RoutingSocket<SimSockets> {
        let (profile, order) = (self.profile(), self.lock().order);
        let options = SessionOptions::new(capabilities(profile.dialect, profile.system, profile.tells_loss));
        RoutingSocket::new(profile.dialect, order, self.sockets(), options)
    }

    /// What kind of machine it is.
    #[must_use]
    pub fn profile(&self) -> RoutingProfile {
        self.lock().profile
    }

    /// Does what an administrator does.
    fn operate(&self, act: Act<'_>) -> Result<(), Error> {
        let link = |name| self.link(name).ok_or_else(|| Error::new(ErrorKind::NoSuchDevice, "find").on(name));
        match act {
            Act::AddLink(name) => {
                self.add_link(name);
                Ok(())
            }
            Act::RemoveLink(name) => self.remove_link(link(name)?),
            Act::SetUp(name) => self.set_up(link(name)?, true),
            Act::SetDown(name) => self.set_up(link(name)?, false),
            Act::TakeCarrier(name) => Err(Error::new(ErrorKind::Unsupported, "take the carrier").on(name)),
            Act::AddAddress(name, address, length) => self.add_address(link(name)?, address, length),
            Act::RemoveAddress(name, address, _) => self.remove_address(link(name)?, address),
        }
    }
}
