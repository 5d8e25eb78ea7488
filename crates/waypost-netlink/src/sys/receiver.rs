//! Taking datagrams from a socket, several to a system call, into memory that is used again.
#![expect(unsafe_code, reason = "calls that neither socket2 nor nix makes as they are needed here")]

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::ptr;

use crate::session::Datagram;

/// No datagram of the kernel's is longer: it makes none for a dump above this (Linux, `net/netlink/af_netlink.c`,
/// `netlink_recvmsg`: `max_recvmsg_len`), and only if it is asked with a buffer of this size are they as long.
const SLOT: usize = 32 * 1024;

/// How many datagrams at most come at once.
pub(super) const SLOTS: usize = 32;

/// What came.
#[derive(Clone, Copy, Debug, Default)]
struct Arrival {
    length: usize,
    port: u32,
    truncated: bool,
}

/// Memory for datagrams. What has never been written to is not resident.
#[derive(Debug)]
pub(super) struct Receiver {
    memory: Box<[u8]>,
    arrivals: [Arrival; SLOTS],
}

impl Receiver {
    pub(super) fn new() -> Self {
        Self { memory: vec![0; SLOT * SLOTS].into_boxed_slice(), arrivals: [Arrival::default(); SLOTS] }
    }

    /// Takes up to `most` datagrams that are there already, and says how many.
    pub(super) fn receive(&mut self, socket: &impl AsFd, most: usize) -> io::Result<usize> {
        // SAFETY: for all of these, which are numbers and pointers, zero is a value.
        let (mut headers, mut parts, mut names): ([libc::mmsghdr; SLOTS], [libc::iovec; SLOTS], [libc::sockaddr_nl; SLOTS]) =
            unsafe { (std::mem::zeroed(), std::mem::zeroed(), std::mem::zeroed()) };
        let slots = self.memory.chunks_exact_mut(SLOT).zip(&mut parts).zip(&mut names);
        let mut count = 0;
        for (((slot, part), name), header) in slots.zip(&mut headers).take(most) {
            *part = libc::iovec { iov_base: slot.as_mut_ptr().cast(), iov_len: SLOT };
            header.msg_hdr.msg_iov = ptr::from_mut(part);
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_name = ptr::from_mut(name).cast();
            header.msg_hdr.msg_namelen = NAME_LENGTH;
            count += 1;
        }
        let got = loop {
            // SAFETY: the first `count` headers point to a part, which spans a slot of `self.memory` of its own, and to a
            // name of the length that they say; all of these outlive the call, and nobody else uses them meanwhile.
            let got = unsafe {
                libc::recvmmsg(socket.as_fd().as_raw_fd(), headers.as_mut_ptr(), count, libc::MSG_DONTWAIT, ptr::null_mut())
            };
            if let Ok(got) = usize::try_from(got) {
                break got;
            }
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        };
        if headers.iter().take(got).any(|header| header.msg_hdr.msg_namelen != NAME_LENGTH) {
            // The kernel names the sender of whatever a netlink socket gives (`netlink_recvmsg`, net/netlink/af_netlink.c, Linux 6.18):
            // the descriptor has come to stand for something else.
            return Err(io::Error::from_raw_os_error(libc::EBADF));
        }
        for ((arrival, header), name) in self.arrivals.iter_mut().zip(&headers).zip(&names).take(got) {
            *arrival = Arrival {
                length: header.msg_len as usize,
                port: name.nl_pid,
                truncated: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
            };
        }
        Ok(got)
    }

    /// The first `count` datagrams that came last.
    pub(super) fn datagrams(&self, count: usize) -> impl Iterator<Item = Datagram<'_>> {
        self.arrivals.iter().zip(self.memory.chunks_exact(SLOT)).take(count).map(|(arrival, slot)| Datagram {
            bytes: slot.get(..arrival.length).unwrap_or(slot),
            port: arrival.port,
            truncated: arrival.truncated,
        })
    }
}

const NAME_LENGTH: libc::socklen_t = size_of::<libc::sockaddr_nl>() as libc::socklen_t;
