//! Taking the room in the receive buffers of routing sockets, so that what the kernel answers next is lost.

use crate::sys::{has_room, route_socket};

/// A message of another process to somebody's routing socket: a header that says nothing.
const FOREIGN: [u8; 20] = [20, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// Fills the receive buffers of all routing sockets of the calling thread's namespace; says with how many messages.
///
/// The kernel answers while it is being asked, and has nowhere to put the answer then: whoever asks next finds the buffer overrun.
///
/// # Panics
///
/// Where messages cannot be sent: it takes `CAP_NET_ADMIN` in the namespace.
pub fn fill_all() -> usize {
    // Before the sender has a port: it is none of those that are to be filled.
    let ports = ports();
    let sender = route_socket(0);
    // Small ones leave no room even for an acknowledgement.
    ports.into_iter().map(|port| (0..).take_while(|_| has_room(&sender, port, &FOREIGN)).count()).sum()
}

/// The ports of the namespace's routing sockets (`netlink_seq_show` in net/netlink/af_netlink.c, Linux 6.18).
fn ports() -> Vec<u32> {
    let text = std::fs::read_to_string("/proc/thread-self/net/netlink").unwrap();
    let port = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        (words.next()? == "0").then_some(words.next()?.parse().ok()?)
    };
    text.lines().skip(1).filter_map(port).filter(|port| *port != 0).collect()
}
