//! What only a system with rtnetlink and namespaces has: the tests run in namespaces, and look at sockets from outside.
#![expect(unsafe_code, reason = "capset(2) has no safe wrapper among the dependencies")]

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::{fs, io};

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, getsockname, recv, sendto, socket,
};
use nix::unistd::{getegid, geteuid};
use waypost::Native;

use super::{Rights, Root};
use crate::ip::ip;
use crate::skip::is_required;

/// Moves the calling thread into a new network namespace.
///
/// It sees an empty `/run` from then on: `ip netns` keeps its names there, and those of others are not the test's.
///
/// # Panics
///
/// Where that is refused, though it was allowed before.
pub fn new_network() {
    unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).expect("new namespaces, as the process could have them");
    mount(Some("none"), "/run", Some("tmpfs"), MsFlags::empty(), None::<&Path>).expect("/run can be covered");
    ip("link set lo up");
}

/// Moves the calling thread into the network namespace of this file.
///
/// # Panics
///
/// Where there is none.
pub fn enter_network(file: &Path) {
    let file = fs::File::open(file).expect("there is such a namespace");
    nix::sched::setns(file, CloneFlags::CLONE_NEWNET).expect("it is the test's own");
}

/// Has the calling process find that the machine slept for so many seconds: in a time namespace (time_namespaces(7)) the clock that counts
/// sleep has gone on by that, and the one that does not has not. The process must have no other thread.
///
/// # Errors
///
/// Where there is no such namespace to be had.
pub fn sleep_by_the_clocks(seconds: u32) -> std::io::Result<()> {
    let times = CloneFlags::from_bits_retain(libc::CLONE_NEWTIME);
    unshare(times)?;
    fs::write("/proc/self/timens_offsets", format!("boottime {seconds} 0\n"))?;
    nix::sched::setns(fs::File::open("/proc/self/ns/time_for_children")?, times)?;
    Ok(())
}

/// Moves the process where it can make network namespaces without harm to the machine's own.
pub(crate) fn enter() -> Rights {
    let is_root = is_required();
    if !is_root {
        let (user, group) = (geteuid(), getegid());
        unshare(CloneFlags::CLONE_NEWUSER).map_err(|errno| refused("user", errno))?;
        // Without this a group mapping is refused to whoever has no rights outside (user_namespaces(7)).
        let mapped = fs::write("/proc/self/setgroups", "deny")
            .and_then(|()| fs::write("/proc/self/uid_map", format!("0 {user} 1")))
            .and_then(|()| fs::write("/proc/self/gid_map", format!("0 {group} 1")));
        mapped.map_err(|error| format!("the user namespace cannot be set up: {error}"))?;
    }
    unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).map_err(|errno| refused("network", errno))?;
    let nothing: Option<&Path> = None;
    mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing)
        .map_err(|errno| format!("mounts cannot be made private: {errno}"))?;
    Ok(Root(is_root))
}

fn refused(what: &str, errno: Errno) -> String {
    format!("no {what} namespace can be made: {errno}")
}

/// The number by which `ip` knows the calling thread.
pub(crate) fn thread_number() -> i32 {
    nix::unistd::gettid().as_raw()
}

/// Takes all capabilities from the calling thread, and from no other: what it asks of the kernel is asked without rights.
///
/// # Panics
///
/// Where the kernel refuses, which it does to nobody.
pub fn drop_rights() {
    /// `_LINUX_CAPABILITY_VERSION_3` of include/uapi/linux/capability.h: sets of 64 bits in two halves.
    const VERSION: u32 = 0x2008_0522;
    let header: [u32; 2] = [VERSION, 0];
    let none = [0_u32; 6];
    // SAFETY: the header names version 3 and the calling thread; for that version the kernel reads six numbers.
    let result = unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), none.as_ptr()) };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}

/// A routing socket of the calling thread's namespace, which is told what the groups of this mask are told.
///
/// # Panics
///
/// Where the kernel refuses it.
#[must_use]
pub fn route_socket(groups: u32) -> OwnedFd {
    let socket =
        socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute).expect("a socket");
    bind(socket.as_raw_fd(), &NetlinkAddr::new(0, groups)).expect("an address");
    socket
}

/// A datagram socket at a name in the abstract namespace of unix(7).
///
/// # Panics
///
/// Where somebody has that name.
#[must_use]
pub fn abstract_datagrams(name: &str) -> std::os::unix::net::UnixDatagram {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};
    let address = SocketAddr::from_abstract_name(name).expect("a name");
    UnixDatagram::bind_addr(&address).expect("it is free")
}

/// Sends a message to the socket of this port, and says whether there was room for it.
///
/// # Panics
///
/// Where it cannot be sent for another reason.
pub(crate) fn has_room(sender: &OwnedFd, port: u32, message: &[u8]) -> bool {
    match sendto(sender.as_raw_fd(), message, &NetlinkAddr::new(port, 0), MsgFlags::MSG_DONTWAIT) {
        Ok(_all) => true,
        Err(Errno::EAGAIN) => false,
        Err(error) => panic!("send to port {port}: {error}"),
    }
}

/// Switches an interface of the calling thread's namespace on or off, by one message to the kernel: there is no other program to be waited for.
///
/// # Panics
///
/// Where the kernel refuses.
pub fn switch_link(index: u32, up: bool) {
    /// `RTM_NEWLINK`, with `NLM_F_REQUEST` and `NLM_F_ACK`; of the flags `IFF_UP` alone is to change.
    const NEW_LINK: u16 = 16;
    const REQUEST_AND_ACK: u16 = 5;
    const IFF_UP: u32 = 1;
    let kernel = route_socket(0);
    let mut message = Vec::new();
    message.extend(32_u32.to_ne_bytes());
    message.extend(NEW_LINK.to_ne_bytes());
    message.extend(REQUEST_AND_ACK.to_ne_bytes());
    message.extend([0; 8]);
    message.extend([0; 4]);
    message.extend(index.to_ne_bytes());
    message.extend(if up { IFF_UP } else { 0 }.to_ne_bytes());
    message.extend(IFF_UP.to_ne_bytes());
    sendto(kernel.as_raw_fd(), &message, &NetlinkAddr::new(0, 0), MsgFlags::empty()).expect("it is sent");
    let mut answer = [0; 256];
    let length = recv(kernel.as_raw_fd(), &mut answer, MsgFlags::empty()).expect("the kernel answers");
    // The number of the error stands behind the header of 16 bytes.
    assert!(length >= 20 && answer[16..20] == [0; 4], "the kernel refuses to switch {index}: {:?}", &answer[..length]);
}

/// Covers a folder with an empty one, for who is in this mount namespace.
///
/// # Panics
///
/// Where the kernel refuses.
pub fn cover(place: &Path) {
    mount(Some("none"), place, Some("tmpfs"), MsFlags::empty(), None::<&Path>).expect("it can be covered");
}

/// Sends `bytes` to a netlink socket of this process, as any program could.
///
/// # Panics
///
/// Where they do not arrive.
pub fn forge(victim: BorrowedFd<'_>, bytes: &[u8]) {
    let victim: NetlinkAddr = getsockname(victim.as_raw_fd()).expect("it has an address");
    let kind = (SockType::Raw, SockFlag::SOCK_CLOEXEC);
    let forger = socket(AddressFamily::Netlink, kind.0, kind.1, SockProtocol::NetlinkRoute).expect("a socket");
    let sent = sendto(forger.as_raw_fd(), bytes, &NetlinkAddr::new(victim.pid(), 0), MsgFlags::empty()).expect("it is sent");
    assert_eq!(sent, bytes.len(), "the forgery reaches the socket");
}

/// The groups that the kernel does not have, of those that tell of changes.
#[must_use]
pub fn missing_groups(kernel: &Native) -> &[u32] {
    kernel.missing_groups()
}
