//! A connection that is kept to an interface, as the HTTP client wants connections.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport};
use ureq::{Error, Timeout};

use crate::sys;

/// How many bytes are read or written at once.
const BUFFER: usize = 8 * 1024;

/// Connects through one interface, until a deadline.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) interface: String,
    /// The addresses of the interface.
    pub(super) addresses: Vec<IpAddr>,
    pub(super) deadline: Duration,
    /// Who was connected to.
    pub(super) reached: Arc<OnceLock<IpAddr>>,
}

impl Connector<()> for Bound {
    type Out = Connected;

    fn connect(&self, details: &ConnectionDetails<'_>, _: Option<()>) -> Result<Option<Connected>, Error> {
        // What the interface has no address of its own for cannot be reached from it.
        let has_own = |remote: &&SocketAddr| self.addresses.iter().any(|own| own.is_ipv4() == remote.is_ipv4());
        let remotes: Vec<&SocketAddr> = details.addrs.iter().filter(has_own).collect();
        let mut failed = Error::HostNotFound;
        for (at, remote) in remotes.iter().enumerate() {
            // Each gets its share of the time that is left.
            let share = u32::try_from(remotes.len() - at).unwrap_or(u32::MAX);
            match self.connect_to(remote, left(self.deadline)? / share) {
                Ok(stream) => {
                    let _ = self.reached.set(remote.ip());
                    let buffers = LazyBuffers::new(BUFFER, BUFFER);
                    return Ok(Some(Connected { stream, buffers, deadline: self.deadline }));
                }
                Err(error) => failed = Error::Io(error),
            }
        }
        Err(failed)
    }
}

impl Bound {
    fn connect_to(&self, remote: &SocketAddr, patience: Duration) -> io::Result<TcpStream> {
        // `new` sets close-on-exec, on systems whose socket types cannot say so too.
        let socket = Socket::new(Domain::for_address(*remote), Type::STREAM, Some(Protocol::TCP))?;
        sys::keep_to(&socket, &self.interface, &self.addresses, remote)?;
        socket.connect_timeout(&(*remote).into(), patience.max(Duration::from_millis(1)))?;
        Ok(socket.into())
    }
}

/// How much time is left; none is an error.
fn left(deadline: Duration) -> Result<Duration, Error> {
    let left = deadline.saturating_sub(sys::now().running);
    if left.is_zero() { Err(Error::Timeout(Timeout::Global)) } else { Ok(left) }
}

/// A connection.
pub(super) struct Connected {
    stream: TcpStream,
    buffers: LazyBuffers,
    deadline: Duration,
}

impl Transport for Connected {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), Error> {
        self.stream.set_write_timeout(Some(left(self.deadline)?))?;
        let output = self.buffers.output();
        let output = output.get(..amount).unwrap_or(output);
        Ok(self.stream.write_all(output)?)
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, Error> {
        // Each read gets what is left of all the time: who sends a byte now and then gains none.
        self.stream.set_read_timeout(Some(left(self.deadline)?))?;
        let count = self.stream.read(self.buffers.input_append_buf())?;
        self.buffers.input_appended(count);
        Ok(count > 0)
    }

    fn is_open(&mut self) -> bool {
        // It is used once.
        false
    }
}

impl std::fmt::Debug for Connected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connected").field("stream", &self.stream).finish_non_exhaustive()
    }
}
