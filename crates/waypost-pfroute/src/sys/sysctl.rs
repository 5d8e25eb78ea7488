//! The routing sysctl. See sysctl(3).
#![expect(unsafe_code, reason = "neither socket2 nor nix reads variables by number")]

use std::{io, ptr};

use libc::{c_int, c_uint, c_void, size_t};

/// Reads a variable, or says how long it is where there is no buffer.
pub(super) fn read(name: &[c_int], buffer: Option<&mut [u8]>) -> io::Result<usize> {
    let (place, mut length): (*mut c_void, size_t) = match buffer {
        Some(buffer) => (buffer.as_mut_ptr().cast(), buffer.len()),
        None => (ptr::null_mut(), 0),
    };
    let names = c_uint::try_from(name.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: `name` has as many numbers as is said, which are only read; at `place` as many bytes may be written as
    // `length` says, or none where it is null; nothing is set.
    let result = unsafe { libc::sysctl(name.as_ptr().cast_mut(), names, place, &raw mut length, ptr::null_mut(), 0) };
    if result == 0 { Ok(length) } else { Err(io::Error::last_os_error()) }
}
