//! The C interface: pointers and numbers, turned into slices and results.
#![expect(unsafe_code, reason = "the interface is C's")]
#![expect(unreachable_pub, reason = "the dynamic linker reaches it")]

use std::ffi::{c_char, c_int, c_long, c_uchar, c_uint, c_void};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::{ptr, slice};

use crate::machine::{Called, Foreign, errno, kernel};

fn number(called: Called) -> c_int {
    match called {
        Ok(value) => c_int::try_from(value).unwrap_or(c_int::MAX),
        Err(number) => -number,
    }
}

fn long(called: Called) -> c_long {
    match called {
        Ok(value) => c_long::try_from(value).unwrap_or(c_long::MAX),
        Err(number) => -c_long::from(number),
    }
}

fn with(call: impl FnOnce(&'static Foreign) -> Called) -> Called {
    kernel().ok_or(errno::ENOENT).and_then(call)
}

/// What the caller lent for writing.
///
/// # Safety
///
/// `place` is null, or `length` bytes may be written there until the call returns.
unsafe fn lent<'a>(place: *mut c_void, length: usize) -> &'a mut [u8] {
    // SAFETY: the caller's promise; where there is nothing, nothing is taken.
    if place.is_null() { &mut [] } else { unsafe { slice::from_raw_parts_mut(place.cast(), length) } }
}

/// What the caller shows.
///
/// # Safety
///
/// `place` is null, or has `length` values that nobody changes until the call returns.
unsafe fn shown<'a, T>(place: *const T, length: usize) -> &'a [T] {
    // SAFETY: the caller's promise; where there is nothing, nothing is taken.
    if place.is_null() { &[] } else { unsafe { slice::from_raw_parts(place, length) } }
}

/// An address as the network has it, in a number.
const fn address(in_network_order: c_uint) -> Ipv4Addr {
    let [a, b, c, d] = in_network_order.to_ne_bytes();
    Ipv4Addr::new(a, b, c, d)
}

#[unsafe(no_mangle)]
pub extern "C" fn rtk_os() -> *const c_char {
    kernel().map_or(ptr::null(), |kernel| kernel.system.as_ptr())
}

#[unsafe(no_mangle)]
pub extern "C" fn rtk_boot() -> c_int {
    number(with(|_| Ok(0)))
}

#[unsafe(no_mangle)]
pub extern "C" fn rtk_topology() -> c_int {
    number(with(Foreign::topology))
}

#[unsafe(no_mangle)]
pub extern "C" fn rtk_ifname() -> *const c_char {
    kernel().map_or(ptr::null(), |kernel| kernel.name.as_ptr())
}

#[unsafe(no_mangle)]
pub extern "C" fn rtk_pf_route() -> c_int {
    number(with(|kernel| Ok(i64::from(kernel.profile().dialect.protocol_family))))
}

#[unsafe(no_mangle)]
pub extern "C" fn rtk_af_inet6() -> c_int {
    number(with(|kernel| Ok(i64::from(kernel.profile().dialect.families.inet6))))
}

#[unsafe(no_mangle)]
pub extern "C" fn rtk_socket(_proto: c_int, _nonblock: c_int) -> c_int {
    number(with(Foreign::socket))
}

#[unsafe(no_mangle)]
pub extern "C" fn rtk_close(fd: c_int) -> c_int {
    number(with(|kernel| kernel.close(fd)))
}

#[unsafe(no_mangle)]
pub extern "C" fn rtk_shutdown(fd: c_int, how: c_int) -> c_int {
    number(with(|kernel| kernel.shutdown(fd, how)))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtk_read(fd: c_int, buf: *mut c_void, n: usize) -> c_long {
    // SAFETY: as for read(2), which the interface follows.
    let buffer = unsafe { lent(buf, n) };
    long(with(|kernel| kernel.read(fd, buffer)))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtk_write(fd: c_int, buf: *const c_void, n: usize) -> c_long {
    // SAFETY: as for write(2), which the interface follows.
    let request = unsafe { shown(buf.cast(), n) };
    long(with(|kernel| kernel.write(fd, request)))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtk_setsockopt(fd: c_int, level: c_int, opt: c_int, value: *const c_void, n: c_uint) -> c_int {
    // SAFETY: as for setsockopt(2), which the interface follows.
    let value = unsafe { shown(value.cast(), n as usize) };
    number(with(|kernel| kernel.set_option(fd, level, opt, value)))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtk_sysctl(mib: *const c_int, n: c_uint, old: *mut c_void, oldlen: *mut usize) -> c_int {
    if oldlen.is_null() {
        return -errno::EINVAL;
    }
    // SAFETY: as for sysctl(3), which the interface follows: `oldlen` is not null, and says how long `old` is.
    let (name, room) = unsafe { (shown(mib, n as usize), *oldlen) };
    let buffer = if old.is_null() {
        None
    } else {
        // SAFETY: the same.
        Some(unsafe { lent(old, room) })
    };
    match with(|kernel| kernel.sysctl(name, buffer)) {
        Ok(length) => {
            // SAFETY: the same.
            unsafe { *oldlen = usize::try_from(length).unwrap_or(0) };
            0
        }
        Err(number) => -number,
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn rtk_if_up() -> c_int {
    number(with(|kernel| kernel.set_up(true)))
}

#[unsafe(no_mangle)]
pub extern "C" fn rtk_if_down() -> c_int {
    number(with(|kernel| kernel.set_up(false)))
}

#[unsafe(no_mangle)]
pub extern "C" fn rtk_if_mtu(mtu: c_int) -> c_int {
    number(with(|kernel| kernel.set_mtu(mtu)))
}

#[unsafe(no_mangle)]
pub extern "C" fn rtk_addr4_add(be_addr: c_uint, be_mask: c_uint, _be_brd: c_uint) -> c_int {
    let length = u32::from(address(be_mask)).count_ones();
    number(with(|kernel| kernel.add_address(address(be_addr).into(), u8::try_from(length).unwrap_or(32))))
}

#[unsafe(no_mangle)]
pub extern "C" fn rtk_addr4_del(be_addr: c_uint) -> c_int {
    number(with(|kernel| kernel.remove_address(address(be_addr).into())))
}

/// # Safety
///
/// `place` is null or has sixteen bytes.
unsafe fn address6(place: *const c_uchar) -> Result<Ipv6Addr, i32> {
    // SAFETY: the caller's promise.
    let bytes = unsafe { shown(place, 16) };
    bytes.first_chunk::<16>().map(|bytes| Ipv6Addr::from(*bytes)).ok_or(errno::EINVAL)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtk_addr6_add(a: *const c_uchar, plen: c_int) -> c_int {
    // SAFETY: the interface says that there are sixteen bytes.
    let address = unsafe { address6(a) };
    let length = u8::try_from(plen).ok().filter(|length| *length <= 128).ok_or(errno::EINVAL);
    number(with(|kernel| kernel.add_address(address?.into(), length?)))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtk_addr6_del(a: *const c_uchar) -> c_int {
    // SAFETY: the interface says that there are sixteen bytes.
    let address = unsafe { address6(a) };
    number(with(|kernel| kernel.remove_address(address?.into())))
}

#[unsafe(no_mangle)]
pub extern "C" fn rtk_clone_create() -> c_int {
    number(with(Foreign::create_clone))
}

#[unsafe(no_mangle)]
pub extern "C" fn rtk_clone_destroy() -> c_int {
    number(with(Foreign::destroy_clone))
}

#[unsafe(no_mangle)]
pub extern "C" fn rtk_udp4(be_addr: c_uint) -> c_int {
    number(with(|kernel| kernel.send(address(be_addr))))
}

/// The simulated kernel does what it does at once.
#[unsafe(no_mangle)]
pub extern "C" fn rtk_tick(_ticks: c_int) {}
