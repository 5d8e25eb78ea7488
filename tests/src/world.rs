//! The contract's world about the real kernel.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use waypost::{Native, Options};
use waypost_core::Now;
use waypost_sim::contract::{Act, World};

use crate::ip::{ip, sysctl};

/// How long the kernel may be silent when something is waited for, in milliseconds.
const SILENCE_MAX: u16 = 10_000;

/// A world about the namespace of the calling thread, which has nothing but its loopback.
///
/// # Panics
///
/// Where the sockets cannot be opened.
#[must_use]
pub fn world() -> World<'static, Native> {
    let kernel = Native::open(&Options::new()).expect("the sockets open without privilege");
    World::new(kernel, operate, wait)
}

/// Waits until one of the sockets can be read. No time passes: nothing that is asked here is overdue.
fn wait(kernel: &Native) -> Option<Now> {
    let mut sockets = [kernel.event_fd(), kernel.request_fd()].map(|socket| PollFd::new(socket, PollFlags::POLLIN));
    let ready = poll(&mut sockets, PollTimeout::from(SILENCE_MAX)).expect("the sockets live");
    (ready > 0).then(Now::default)
}

/// Every link is one end of a cable whose other end is up: taking that end down takes the carrier.
fn operate(act: Act<'_>) {
    match act {
        Act::AddLink(link) => {
            ip(&format!("link add {link} type veth peer name {link}-end"));
            for end in [link.to_owned(), format!("{link}-end")] {
                // An IPv6 address is usable at once if nobody is asked whether he has it.
                sysctl(&format!("net/ipv6/conf/{end}/accept_dad"), "0");
            }
            ip(&format!("link set {link}-end up"))
        }
        Act::RemoveLink(link) => ip(&format!("link del {link}")),
        Act::SetUp(link) => ip(&format!("link set {link} up")),
        Act::SetDown(link) => ip(&format!("link set {link} down")),
        Act::TakeCarrier(link) => ip(&format!("link set {link}-end down")),
        Act::AddAddress(link, address, length) => {
            // Without nodad the address is no source until a worker of the kernel's has been at it.
            let at_once = if address.is_ipv6() { "nodad" } else { "" };
            ip(&format!("address add {address}/{length} dev {link} {at_once}"))
        }
        Act::RemoveAddress(link, address, length) => ip(&format!("address del {address}/{length} dev {link}")),
        other => panic!("nobody here can {other:?}"),
    };
}
