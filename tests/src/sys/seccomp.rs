//! A sandbox for the calling thread.
#![expect(unsafe_code, reason = "prctl(2) with a filter has no safe wrapper among the dependencies")]

use std::io;

/// Lets the kernel refuse the calling thread, and what it starts, to subscribe to what netlink tells.
///
/// # Panics
///
/// Where the kernel has no filters of system calls.
pub fn refuse_subscriptions() {
    // `struct seccomp_data` of include/uapi/linux/seccomp.h: the number of the call, the architecture, the instruction, six arguments of
    // 64 bits, of which the lower half stands first or second.
    const LOWER: u32 = if cfg!(target_endian = "big") { 4 } else { 0 };
    let argument = |index: u32| 16 + 8 * index + LOWER;
    let load = |at| filter(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, at);
    let skip_unless = |value, skipped| filter(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, skipped, value);
    let end = |verdict| filter(libc::BPF_RET | libc::BPF_K, 0, 0, verdict);
    let number = |number: libc::c_long| u32::try_from(number).expect("a small number");
    let named = |name: libc::c_int| u32::try_from(name).expect("a small number");
    let mut filters = [
        load(0),
        skip_unless(number(libc::SYS_setsockopt), 5),
        load(argument(1)),
        skip_unless(named(libc::SOL_NETLINK), 3),
        load(argument(2)),
        skip_unless(named(libc::NETLINK_ADD_MEMBERSHIP), 1),
        end(libc::SECCOMP_RET_ERRNO | named(libc::EPERM)),
        end(libc::SECCOMP_RET_ALLOW),
    ];
    let length = u16::try_from(filters.len()).expect("a few");
    let program = libc::sock_fprog { len: length, filter: filters.as_mut_ptr() };
    // SAFETY: the call takes no pointer (prctl(2), PR_SET_NO_NEW_PRIVS), and from here on the thread gains no rights by starting programs.
    let mut result = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    if result == 0 {
        // SAFETY: the program and the filters that it points at live until the call is over, which copies them.
        result = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
    }
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}

/// One instruction.
fn filter(code: u32, if_so: u8, if_not: u8, value: u32) -> libc::sock_filter {
    libc::sock_filter { code: u16::try_from(code).expect("a small code"), jt: if_so, jf: if_not, k: value }
}
