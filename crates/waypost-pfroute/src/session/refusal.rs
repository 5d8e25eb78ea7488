//! Why a kernel refuses, in words.

use waypost_core::{Error, ErrorKind};

use crate::wire::{Dialect, DumpSource};

/// The numbers that all systems share, as the first Unix had them.
#[rustfmt::skip]
pub(super) mod errno {
    pub(crate) const EPERM: i32 = 1;
    pub(crate) const ENOENT: i32 = 2;
    pub(crate) const ESRCH: i32 = 3;
    pub(crate) const ENXIO: i32 = 6;
    pub(crate) const ENOMEM: i32 = 12;
    pub(crate) const EACCES: i32 = 13;
    pub(crate) const EBUSY: i32 = 16;
    pub(crate) const EEXIST: i32 = 17;
    pub(crate) const ENODEV: i32 = 19;
    pub(crate) const EINVAL: i32 = 22;
}

/// The numbers of what sockets brought, which systems chose for themselves.
struct Sockets {
    unsupported: &'static [i32],
    address_in_use: i32,
    address_not_available: i32,
    net_unreachable: i32,
    host_unreachable: i32,
    no_buffers: i32,
}

/// 4.4BSD's: `sys/errno.h` of FreeBSD, NetBSD, OpenBSD, DragonFly and macOS, which has a second EOPNOTSUPP.
const BERKELEY: Sockets = Sockets {
    // EPROTONOSUPPORT, EOPNOTSUPP, EAFNOSUPPORT, macOS's EOPNOTSUPP.
    unsupported: &[43, 45, 47, 102],
    address_in_use: 48,
    address_not_available: 49,
    net_unreachable: 51,
    host_unreachable: 65,
    no_buffers: 55,
};

/// System V's: `sys/errno.h` of illumos.
const SYSTEM_V: Sockets = Sockets {
    unsupported: &[120, 122, 124],
    address_in_use: 125,
    address_not_available: 126,
    net_unreachable: 128,
    host_unreachable: 148,
    no_buffers: 132,
};

const fn sockets(dialect: &Dialect) -> &'static Sockets {
    // The systems whose tables are read over a stream have their numbers from where streams are from.
    match dialect.dump {
        DumpSource::Mib2 => &SYSTEM_V,
        DumpSource::Sysctl { .. } => &BERKELEY,
    }
}

/// Says whether the number tells that messages were lost.
pub(super) fn is_overrun(dialect: &Dialect, number: i32) -> bool {
    number == sockets(dialect).no_buffers
}

/// The error of an operation that the kernel refused with this number.
pub(super) fn error(dialect: &Dialect, operation: &'static str, number: i32) -> Error {
    let (kind, why) = explain(dialect, number);
    Error::new(kind, operation).because(why).with_os_error(number)
}

fn explain(dialect: &Dialect, number: i32) -> (ErrorKind, &'static str) {
    let sockets = sockets(dialect);
    match number {
        errno::EPERM | errno::EACCES => (ErrorKind::NotPermitted, "it needs the rights of root"),
        errno::ESRCH | errno::ENOENT => (ErrorKind::NotFound, "there is no such route"),
        errno::EEXIST => (ErrorKind::Exists, "the kernel has such a route"),
        errno::ENXIO | errno::ENODEV => (ErrorKind::NoSuchDevice, "there is no such interface"),
        errno::ENOMEM | errno::EBUSY => (ErrorKind::Busy, "the kernel is short of memory"),
        errno::EINVAL => (ErrorKind::Invalid, "the kernel takes it for invalid"),
        number if number == sockets.no_buffers => (ErrorKind::Busy, "the kernel is short of memory"),
        number if number == sockets.net_unreachable || number == sockets.host_unreachable => {
            (ErrorKind::Unreachable, "the gateway cannot be reached")
        }
        number if number == sockets.address_not_available => (ErrorKind::Unreachable, "there is no address to send from"),
        number if number == sockets.address_in_use => (ErrorKind::NotPermitted, "the kernel keeps the route for itself"),
        number if sockets.unsupported.contains(&number) => (ErrorKind::Unsupported, "the kernel does not support it"),
        _ => (ErrorKind::Other, "the kernel refuses it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{FREEBSD, ILLUMOS};

    #[test]
    fn numbers_are_read_as_their_system_means_them() {
        assert_eq!(error(&FREEBSD, "add route", 51).kind(), ErrorKind::Unreachable);
        assert_eq!(error(&ILLUMOS, "add route", 51).kind(), ErrorKind::Other);
        assert_eq!(error(&ILLUMOS, "add route", 128).kind(), ErrorKind::Unreachable);
        assert_eq!(error(&ILLUMOS, "add route", 17).kind(), ErrorKind::Exists);
        assert!(is_overrun(&FREEBSD, 55) && !is_overrun(&ILLUMOS, 55));
    }
}
