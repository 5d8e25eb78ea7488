//! The rights of a process.
#![expect(unsafe_code, reason = "neither socket2 nor nix calls capget(2), capset(2) and prctl(2) for the bounding set")]

use std::io;

/// `CAP_NET_ADMIN` and `CAP_NET_RAW`, of include/uapi/linux/capability.h.
const NETWORK: u32 = 1 << 12 | 1 << 13;

/// The highest capability that is asked about: more are not numbered in sets of 64 bits.
const CAPABILITY_MAX: libc::c_ulong = 63;

/// The header that these calls take: `_LINUX_CAPABILITY_VERSION_3`, whose sets have 64 bits in two halves, and the calling thread.
const HEADER: [u32; 2] = [0x2008_0522, 0];

/// Takes all capabilities but those to change the network out of what the calling thread, and those that it starts afterwards, can ever get by executing a
/// program, as far as it may: that takes CAP_SETPCAP, which goes when it becomes another user.
pub fn bound_network_rights() {
    for capability in (0..=CAPABILITY_MAX).filter(|number| *number != 12 && *number != 13) {
        // Who may not gets nothing back by executing a program either: the caller sees to that. What is not numbered is refused.
        // SAFETY: this operation takes a number alone.
        let _ = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
    }
}

/// Gives up all capabilities but those to change the network (CAP_NET_ADMIN and CAP_NET_RAW), which are in effect from then on as far as this process
/// has them. They are the calling thread's and of threads that it starts afterwards; what it executes has none.
///
/// # Errors
///
/// That of capset(2).
pub fn keep_network_rights() -> io::Result<()> {
    let mut header = HEADER;
    // Effective, permitted, inheritable: the lower half of each, then the upper.
    let mut sets = [0_u32; 6];
    // SAFETY: for this version the kernel writes six numbers, and to the header only where it does not know the version.
    let result = unsafe { libc::syscall(libc::SYS_capget, header.as_mut_ptr(), sets.as_mut_ptr()) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    bound_network_rights();
    let kept = sets[1] & NETWORK;
    let sets = [kept, kept, 0, 0, 0, 0];
    // SAFETY: for this version the kernel reads six numbers.
    let result = unsafe { libc::syscall(libc::SYS_capset, header.as_mut_ptr(), sets.as_ptr()) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
