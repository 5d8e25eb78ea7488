//! One program's sockets on the simulated machine.

use std::time::Duration;

use waypost_pfroute::session::{Lane, Transport};
use waypost_pfroute::wire::DumpSource;

use super::{Errno, RoutingSim};

/// The process that the program is.
const PID: u32 = 4711;

/// The routing sockets of one program.
#[derive(Debug)]
pub struct SimSockets {
    sim: RoutingSim,
    events: usize,
    requests: usize,
}

impl SimSockets {
    pub(super) fn new(sim: RoutingSim) -> Self {
        let (events, requests) = (sim.socket(), sim.socket());
        Self { sim, events, requests }
    }

    /// Gives the socket of events room for so many bytes that have not been read.
    pub fn set_receive_buffer(&self, bytes: usize) {
        self.sim.set_receive_buffer(self.events, bytes);
    }
}

impl Transport for SimSockets {
    fn write(&mut self, request: &[u8]) -> Result<(), i32> {
        self.sim.write(self.requests, PID, request)
    }

    fn read(&mut self, lane: Lane, buffer: &mut [u8]) -> Result<Option<usize>, i32> {
        let socket = match lane {
            Lane::Events => self.events,
            Lane::Requests => self.requests,
        };
        let Some(message) = self.sim.read(socket)? else { return Ok(None) };
        let length = message.len().min(buffer.len());
        if let (Some(place), Some(bytes)) = (buffer.get_mut(..length), message.get(..length)) {
            place.copy_from_slice(bytes);
        }
        Ok(Some(length))
    }

    fn sysctl(&mut self, name: &[i32], buffer: Option<&mut [u8]>) -> Result<usize, i32> {
        let listing = self.sim.sysctl(name)?;
        let Some(buffer) = buffer else { return Ok(listing.len()) };
        let cuts = self.sim.lock().profile.cuts_dumps;
        if listing.len() > buffer.len() && !cuts {
            return Err(Errno::ENOMEM);
        }
        let length = listing.len().min(buffer.len());
        if let (Some(place), Some(bytes)) = (buffer.get_mut(..length), listing.get(..length)) {
            place.copy_from_slice(bytes);
        }
        Ok(length)
    }

    fn mib2(&mut self, out: &mut Vec<u8>) -> Result<(), i32> {
        let machine = self.sim.lock();
        if machine.profile.dialect.dump != DumpSource::Mib2 {
            return Err(Errno::ENXIO);
        }
        out.extend(machine.mib2());
        Ok(())
    }

    fn interface_index(&mut self, name: &str) -> Option<u32> {
        self.sim.link(name)
    }

    fn pid(&self) -> Option<u32> {
        Some(PID)
    }

    fn since_epoch(&self) -> Duration {
        Duration::from_secs(1_700_000_000)
    }
}
