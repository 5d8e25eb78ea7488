//! Looking whether packets get through an uplink.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use crate::sys;

/// Says whether a TCP connection to `target` comes about in time, kept to an interface that has these addresses. It blocks for `timeout` at most.
///
/// Somebody who refuses the connection has been reached: that counts as well.
///
/// # Platform-specific
///
/// Linux binds the socket to the interface; elsewhere it gets an address of it, and the tables decide by which way it leaves.
#[must_use]
pub fn tcp_probe(interface: &str, addresses: &[IpAddr], target: SocketAddr, timeout: Duration) -> bool {
    let connect = || {
        let socket = Socket::new(Domain::for_address(target), Type::STREAM, Some(Protocol::TCP))?;
        sys::keep_to(&socket, interface, addresses, &target)?;
        socket.connect_timeout(&target.into(), timeout)
    };
    match connect() {
        Ok(()) => true,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
    }
}
