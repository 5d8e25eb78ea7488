//! IP's tables over a stream: getmsg(2), putmsg(2), and T_SVR4_OPTMGMT_REQ of sys/tihdr.h.
#![expect(unsafe_code, reason = "nothing else sends the control parts of messages")]

use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::ptr;

use libc::{c_char, c_int};

use crate::wire::{ByteOrder, Mib2};

/// `struct strbuf` of sys/stropts.h.
#[repr(C)]
struct StrBuf {
    maxlen: c_int,
    len: c_int,
    buf: *mut c_char,
}

unsafe extern "C" {
    fn putmsg(fd: c_int, control: *const StrBuf, data: *const StrBuf, flags: c_int) -> c_int;
    fn getmsg(fd: c_int, control: *mut StrBuf, data: *mut StrBuf, flags: *mut c_int) -> c_int;
}

/// MOREDATA of sys/stropts.h: there is more of the data part.
const MORE_DATA: c_int = 2;

/// Devices that have IP beneath them. The first needs no privilege: netstat(8) asks it.
const DEVICES: [&str; 2] = ["/dev/arp", "/dev/ip"];

/// Appends all items.
pub(super) fn read(out: &mut Vec<u8>) -> io::Result<()> {
    let open = |path: &&str| OpenOptions::new().read(true).write(true).open(path);
    let stream = open(&DEVICES[0]).or_else(|_| open(&DEVICES[1]))?;
    let mut request = Mib2::request(ByteOrder::NATIVE);
    let control = buffer(&mut request)?;
    // SAFETY: the buffer has as many bytes as it says, which are only read; there is no data part.
    done(|| unsafe { putmsg(stream.as_raw_fd(), &raw const control, ptr::null(), 0) })?;
    loop {
        let mut answer = [0; 512];
        let (length, more) = part(&stream, &mut answer, true)?;
        let Some(head) = answer.get(..length).and_then(|answer| Mib2::head(ByteOrder::NATIVE, answer)) else {
            return Err(io::Error::from_raw_os_error(libc::EPROTO));
        };
        let data = Mib2::data_length(ByteOrder::NATIVE, head);
        if !more {
            // The last answer has neither data nor a length.
            return Ok(());
        }
        out.extend_from_slice(head);
        let start = out.len();
        out.try_reserve_exact(data).map_err(|_| io::ErrorKind::OutOfMemory)?;
        out.resize(start + data, 0);
        let mut at = start;
        loop {
            let place = out.get_mut(at..).unwrap_or_default();
            // What is longer than it said is read to its end, so that the next answer is one.
            let mut rest = [0; 512];
            let is_behind = place.is_empty();
            let (length, more) = part(&stream, if is_behind { &mut rest } else { place }, false)?;
            at += if is_behind { 0 } else { length };
            if !more {
                break;
            }
        }
        out.truncate(at);
    }
}

/// Reads the control part or the data part of a message; says how many bytes it has, and whether there is more data.
fn part(stream: &File, bytes: &mut [u8], is_control: bool) -> io::Result<(usize, bool)> {
    let mut part = buffer(bytes)?;
    let result = done(|| {
        let (mut flags, place) = (0, &raw mut part);
        let (control, data) = if is_control { (place, ptr::null_mut()) } else { (ptr::null_mut(), place) };
        // SAFETY: as many bytes may be written as the buffer says, and the flags are one number.
        unsafe { getmsg(stream.as_raw_fd(), control, data, &raw mut flags) }
    })?;
    Ok((usize::try_from(part.len).unwrap_or(0).min(bytes.len()), result & MORE_DATA != 0))
}

fn buffer(bytes: &mut [u8]) -> io::Result<StrBuf> {
    let length = c_int::try_from(bytes.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    Ok(StrBuf { maxlen: length, len: length, buf: bytes.as_mut_ptr().cast() })
}

fn done(mut call: impl FnMut() -> c_int) -> io::Result<c_int> {
    loop {
        let result = call();
        if result >= 0 {
            return Ok(result);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// The number of the interface of this name.
pub(super) fn interface_index(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    // SAFETY: the name ends with a zero and is only read.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (index != 0).then_some(index)
}
