//! The contract's world about a simulated machine.

use std::cell::Cell;

use waypost_core::{Error, ErrorKind, Kernel, Now};

use super::{Act, World};
use crate::{Sim, SimKernel};

impl World<'static, SimKernel> {
    /// A world about a machine that has nothing but its loopback. It does not wait: its clock goes on as soon as
    /// nothing is to be read.
    ///
    /// # Panics
    ///
    /// Where the machine has a link `w0` already.
    #[must_use]
    pub fn about(sim: &Sim) -> Self {
        Self::of_machine(sim, sim.kernel())
    }
}

impl<K: Kernel> World<'static, K> {
    /// The same, spoken to by any program of the machine.
    ///
    /// # Panics
    ///
    /// Where the machine has a link `w0` already.
    #[must_use]
    pub fn of_machine(sim: &Sim, kernel: K) -> Self {
        let machine = sim.clone();
        let time = Cell::new(Now::default());
        let operate = move |act: Act<'_>| machine.operate(act).unwrap_or_else(|error| panic!("{act:?}: {error}"));
        Self::new(kernel, operate, move |kernel| {
            time.set(time.get().max(kernel.deadline()?));
            Some(time.get())
        })
    }
}

impl Sim {
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
            Act::TakeCarrier(name) => self.set_carrier(link(name)?, false),
            Act::AddAddress(name, address, length) => self.add_address(link(name)?, address, length),
            Act::RemoveAddress(name, address, _) => self.remove_address(link(name)?, address),
        }
    }
}
