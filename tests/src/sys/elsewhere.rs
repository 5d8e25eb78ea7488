//! A system without namespaces: its routing tables are the machine's own, so no test runs, and each is skipped by name.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

use waypost::Native;

use super::{Rights, Seen};

/// Refuses: there is no place for tests here but the machine's own tables.
pub(crate) fn enter() -> Rights {
    Err("this system has no network namespaces".to_owned())
}

/// Moves the calling thread into a new network namespace.
///
/// # Panics
///
/// Always: no test gets so far.
pub fn new_network() {
    panic!("this system has no network namespaces");
}

/// The number by which `ip` knows the calling thread.
///
/// # Panics
///
/// Always: no test gets so far.
pub(crate) fn thread_number() -> i32 {
    panic!("this system has no `ip`");
}

/// Takes all rights from the calling thread.
///
/// # Panics
///
/// Always: no test gets so far.
pub fn drop_rights() {
    panic!("threads have no rights of their own here");
}

/// A routing socket that is told what groups are told.
///
/// # Panics
///
/// Always: no test gets so far.
#[must_use]
pub fn route_socket(_: u32) -> OwnedFd {
    panic!("routing sockets have no groups");
}

/// A datagram socket at a name in the abstract namespace of unix(7).
///
/// # Panics
///
/// Always: no test gets so far.
#[must_use]
pub fn abstract_datagrams(_: &str) -> std::os::unix::net::UnixDatagram {
    panic!("sockets have no names here but those of files");
}

/// Sends a message to another socket.
///
/// # Panics
///
/// Always: no test gets so far.
pub(crate) fn has_room(_: &OwnedFd, _: u32, _: &[u8]) -> bool {
    panic!("routing sockets have no addresses");
}

/// Switches an interface on or off by one message to the kernel.
///
/// # Panics
///
/// Always: no test gets so far.
pub fn switch_link(_: u32, _: bool) {
    panic!("routing sockets switch no interfaces");
}

/// Covers a folder with an empty one.
///
/// # Panics
///
/// Always: no test gets so far.
pub fn cover(_: &Path) {
    panic!("this system has no mount namespaces");
}

/// Sends `bytes` to a socket of this process, as any program could.
///
/// # Panics
///
/// Always: no test gets so far.
pub fn forge(_: BorrowedFd<'_>, _: &[u8]) {
    panic!("routing sockets have no addresses");
}

/// The groups that the kernel does not have, of those that tell of changes: there are no groups here.
#[must_use]
pub const fn missing_groups(_: &Native) -> &[u32] {
    &[]
}

/// Lets the kernel refuse the calling thread to subscribe to changes.
///
/// # Panics
///
/// Always: no test gets so far.
pub fn refuse_subscriptions() {
    panic!("system calls have no filters here");
}

/// All packets of a namespace.
#[derive(Debug)]
pub struct Wire(());

impl Wire {
    /// Listens.
    ///
    /// # Panics
    ///
    /// Always: no test gets so far.
    #[must_use]
    pub fn open() -> Self {
        panic!("this system has no network namespaces");
    }

    /// What was seen: nothing.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        Vec::new()
    }
}

/// Begins to connect a TCP socket.
///
/// # Panics
///
/// Always: no test gets so far.
#[must_use]
pub fn connecting(_: SocketAddrV4) -> (OwnedFd, Ipv4Addr, u32) {
    panic!("this system has no network namespaces");
}

/// Does nothing where there are no such namespaces: no test runs there.
pub const fn enter_network(_: &Path) {}

/// A UDP socket from an address that need not be the host's own.
///
/// # Panics
///
/// Always: no test gets so far.
#[must_use]
pub fn transparent_datagrams(_: SocketAddrV4) -> UdpSocket {
    panic!("this system has no network namespaces");
}

/// Gives the packets of a socket a type of service.
///
/// # Panics
///
/// Always: no test gets so far.
pub fn serve_as(_: &UdpSocket, _: i32) {
    panic!("this system has no network namespaces");
}

/// Refuses: there are no time namespaces here.
///
/// # Errors
///
/// `Unsupported`.
pub fn sleep_by_the_clocks(_: u32) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}
