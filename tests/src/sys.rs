//! The one system call that no crate makes for the tests.
#![expect(unsafe_code, reason = "capset(2) has no safe wrapper among the dependencies")]

use std::io;

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
