//! The C interface of a foreign kernel: the only place where this program trusts what it cannot check.
#![expect(unsafe_code, reason = "the functions are another language's")]

use std::ffi::{CStr, c_char, c_int, c_long, c_uchar, c_uint, c_void};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::ptr;

/// Declares the functions of the interface as fields, found by their names.
macro_rules! functions {
    ($($name:ident: fn($($argument:ty),*) $(-> $result:ty)?;)*) => {
        /// A library with a kernel in it. There is one in a process.
        pub(crate) struct Library {
            $($name: unsafe extern "C" fn($($argument),*) $(-> $result)?,)*
            /// The functions are there as long as this.
            _loaded: libloading::Library,
        }

        impl Library {
            /// Loads a library.
            ///
            /// # Errors
            ///
            /// What the dynamic linker says, or which function is missing.
            pub(crate) fn load(path: &Path) -> Result<Self, String> {
                // SAFETY: whoever names the library vouches for what it does when it is loaded.
                let loaded = unsafe { libloading::Library::new(path) }.map_err(|error| error.to_string())?;
                $(
                    // SAFETY: the interface says what type the function of this name has.
                    let found = unsafe { loaded.get(concat!(stringify!($name), "\0").as_bytes()) };
                    let $name = *found.map_err(|error| format!("{}: {error}", stringify!($name)))?;
                )*
                Ok(Self { $($name,)* _loaded: loaded })
            }
        }
    };
}

functions! {
    rtk_os: fn() -> *const c_char;
    rtk_boot: fn() -> c_int;
    rtk_topology: fn() -> c_int;
    rtk_ifname: fn() -> *const c_char;
    rtk_pf_route: fn() -> c_int;
    rtk_af_inet6: fn() -> c_int;
    rtk_socket: fn(c_int, c_int) -> c_int;
    rtk_close: fn(c_int) -> c_int;
    rtk_shutdown: fn(c_int, c_int) -> c_int;
    rtk_read: fn(c_int, *mut c_void, usize) -> c_long;
    rtk_write: fn(c_int, *const c_void, usize) -> c_long;
    rtk_setsockopt: fn(c_int, c_int, c_int, *const c_void, c_uint) -> c_int;
    rtk_sysctl: fn(*const c_int, c_uint, *mut c_void, *mut usize) -> c_int;
    rtk_if_up: fn() -> c_int;
    rtk_if_down: fn() -> c_int;
    rtk_if_mtu: fn(c_int) -> c_int;
    rtk_addr4_add: fn(c_uint, c_uint, c_uint) -> c_int;
    rtk_addr4_del: fn(c_uint) -> c_int;
    rtk_addr6_add: fn(*const c_uchar, c_int) -> c_int;
    rtk_addr6_del: fn(*const c_uchar) -> c_int;
    rtk_clone_create: fn() -> c_int;
    rtk_clone_destroy: fn() -> c_int;
    rtk_udp4: fn(c_uint) -> c_int;
    rtk_tick: fn(c_int);
}

/// A number from zero, or else the system's number of an error.
type Called = Result<i64, i32>;

fn called(result: impl Into<i64>) -> Called {
    let result = result.into();
    if result < 0 { Err(i32::try_from(-result).unwrap_or(i32::MAX)) } else { Ok(result) }
}

/// An address as the network has it, in a number.
const fn number(address: Ipv4Addr) -> c_uint {
    c_uint::from_ne_bytes(address.octets())
}

// SAFETY, of every call below: the functions take and give what the interface says, which is what their types say; pointers are
// to what the caller has lent us, of the length that is said, and none is kept.
#[expect(clippy::undocumented_unsafe_blocks, reason = "one reason holds for all; it stands above")]
impl Library {
    /// The system and its version.
    pub(crate) fn os(&self) -> String {
        unsafe { text((self.rtk_os)()) }
    }

    /// Starts the kernel, and makes an Ethernet interface; gives its number.
    pub(crate) fn boot(&self) -> Called {
        called(unsafe { (self.rtk_boot)() })?;
        called(unsafe { (self.rtk_topology)() })
    }

    /// The name of that interface.
    pub(crate) fn interface(&self) -> String {
        unsafe { text((self.rtk_ifname)()) }
    }

    pub(crate) fn protocol_family(&self) -> c_int {
        unsafe { (self.rtk_pf_route)() }
    }

    pub(crate) fn inet6(&self) -> c_int {
        unsafe { (self.rtk_af_inet6)() }
    }

    /// A routing socket that does not block.
    pub(crate) fn socket(&self) -> Result<c_int, i32> {
        let fd = called(unsafe { (self.rtk_socket)(0, 1) })?;
        c_int::try_from(fd).map_err(|_| i32::MAX)
    }

    pub(crate) fn close(&self, fd: c_int) {
        // What cannot be closed is closed with the process.
        let _closed = unsafe { (self.rtk_close)(fd) };
    }

    /// SHUT_RD: nothing is to be heard any more.
    pub(crate) fn shut_down_reading(&self, fd: c_int) -> Called {
        called(unsafe { (self.rtk_shutdown)(fd, 0) })
    }

    pub(crate) fn read(&self, fd: c_int, buffer: &mut [u8]) -> Called {
        called(unsafe { (self.rtk_read)(fd, buffer.as_mut_ptr().cast(), buffer.len()) })
    }

    pub(crate) fn write(&self, fd: c_int, request: &[u8]) -> Called {
        called(unsafe { (self.rtk_write)(fd, request.as_ptr().cast(), request.len()) })
    }

    pub(crate) fn set_option(&self, fd: c_int, level: c_int, option: c_int, value: c_int) -> Called {
        let value: *const c_int = &raw const value;
        called(unsafe { (self.rtk_setsockopt)(fd, level, option, value.cast(), 4) })
    }

    /// Reads a variable, or says how long it is where there is no buffer.
    pub(crate) fn sysctl(&self, name: &[c_int], buffer: Option<&mut [u8]>) -> Result<usize, i32> {
        let (place, mut length) = buffer.map_or((ptr::null_mut(), 0), |buffer| (buffer.as_mut_ptr().cast(), buffer.len()));
        let count = c_uint::try_from(name.len()).unwrap_or(0);
        called(unsafe { (self.rtk_sysctl)(name.as_ptr(), count, place, &raw mut length) })?;
        Ok(length)
    }

    pub(crate) fn set_up(&self, is_up: bool) -> Called {
        called(unsafe { if is_up { (self.rtk_if_up)() } else { (self.rtk_if_down)() } })
    }

    pub(crate) fn set_mtu(&self, mtu: c_int) -> Called {
        called(unsafe { (self.rtk_if_mtu)(mtu) })
    }

    pub(crate) fn add_address(&self, address: IpAddr, length: u8) -> Called {
        match address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
                let broadcast = Ipv4Addr::from(u32::from(address) | !mask);
                called(unsafe { (self.rtk_addr4_add)(number(address), number(mask.into()), number(broadcast)) })
            }
            IpAddr::V6(address) => called(unsafe { (self.rtk_addr6_add)(address.octets().as_ptr(), length.into()) }),
        }
    }

    pub(crate) fn remove_address(&self, address: IpAddr) -> Called {
        match address {
            IpAddr::V4(address) => called(unsafe { (self.rtk_addr4_del)(number(address)) }),
            IpAddr::V6(address) => called(unsafe { (self.rtk_addr6_del)(address.octets().as_ptr()) }),
        }
    }

    pub(crate) fn create_clone(&self) -> Called {
        called(unsafe { (self.rtk_clone_create)() })
    }

    pub(crate) fn destroy_clone(&self) -> Called {
        called(unsafe { (self.rtk_clone_destroy)() })
    }

    /// Sends a datagram; whether there is a way is not of interest.
    pub(crate) fn send(&self, destination: Ipv4Addr) {
        let _sent = unsafe { (self.rtk_udp4)(number(destination)) };
    }

    /// Lets time pass inside the kernel.
    pub(crate) fn tick(&self, ticks: c_int) {
        unsafe { (self.rtk_tick)(ticks) };
    }
}

/// # Safety
///
/// `place` is null, or a text that ends with a zero.
unsafe fn text(place: *const c_char) -> String {
    if place.is_null() {
        return String::new();
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(place) }.to_string_lossy().into_owned()
}
