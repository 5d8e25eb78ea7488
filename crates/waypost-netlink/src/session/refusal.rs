//! What the kernel says as it refuses.

use waypost_core::{Error, ErrorKind};

use super::operation::Operation;
use crate::wire::Attributes;
use crate::wire::constants::{NLM_F_ACK_TLVS, NLM_F_CAPPED, NLMSGERR_ATTR_MSG, NLMSGERR_ATTR_OFFS};

/// The kernel's error numbers (`include/uapi/asm-generic/errno-base.h` and `errno.h`, Linux 6.18): hosts differ.
#[rustfmt::skip]
pub(super) mod errno {
    pub(crate) const EPERM: i32 = 1;
    pub(crate) const ENOENT: i32 = 2;
    pub(crate) const ESRCH: i32 = 3;
    pub(crate) const ENXIO: i32 = 6;
    pub(crate) const EAGAIN: i32 = 11;
    pub(crate) const ENOMEM: i32 = 12;
    pub(crate) const EACCES: i32 = 13;
    pub(crate) const EBUSY: i32 = 16;
    pub(crate) const EEXIST: i32 = 17;
    pub(crate) const ENODEV: i32 = 19;
    pub(crate) const EINVAL: i32 = 22;
    pub(crate) const ERANGE: i32 = 34;
    pub(crate) const EOPNOTSUPP: i32 = 95;
    pub(crate) const EAFNOSUPPORT: i32 = 97;
    pub(crate) const EADDRNOTAVAIL: i32 = 99;
    pub(crate) const ENETDOWN: i32 = 100;
    pub(crate) const ENETUNREACH: i32 = 101;
    pub(crate) const ENOBUFS: i32 = 105;
    pub(crate) const EHOSTUNREACH: i32 = 113;
}

/// The size of the header of the request that an acknowledgement repeats.
const HEADER: usize = 16;

/// The end of a request or of a dump: an error number, and what the kernel says of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Verdict<'a> {
    /// Zero, or the number of the error.
    pub(super) number: i32,
    /// What the kernel says.
    pub(super) text: Option<&'a str>,
    /// Where in the request the attribute stands that it objects to.
    pub(super) offset: Option<u32>,
}

impl<'a> Verdict<'a> {
    /// Reads `NLMSG_ERROR`: the number, the header of the request, the rest of the request unless that is capped, attributes.
    pub(super) fn of_error(flags: u16, payload: &'a [u8]) -> Option<Self> {
        let mut verdict = Self::of_number(payload)?;
        if flags & NLM_F_ACK_TLVS != 0 {
            let request = payload.get(4..).unwrap_or_default();
            // What was done is acknowledged without the rest of the request (Linux 6.18, `netlink_ack`).
            let is_capped = verdict.number == 0 || flags & NLM_F_CAPPED != 0;
            let echoed = if is_capped { HEADER } else { number(request).unwrap_or(u32::MAX) as usize };
            verdict.read_attributes(request.get(echoed.saturating_add(3) & !3..).unwrap_or_default());
        }
        Some(verdict)
    }

    /// Reads `NLMSG_DONE`: the number, attributes.
    pub(super) fn of_done(flags: u16, payload: &'a [u8]) -> Self {
        let mut verdict = Self::of_number(payload).unwrap_or(Self { number: 0, text: None, offset: None });
        if flags & NLM_F_ACK_TLVS != 0 {
            verdict.read_attributes(payload.get(4..).unwrap_or_default());
        }
        verdict
    }

    fn of_number(payload: &'a [u8]) -> Option<Self> {
        // A dump may end with a length, which is positive and no error.
        let number = i32::from_ne_bytes(*payload.first_chunk()?).min(0).checked_neg()?;
        Some(Self { number, text: None, offset: None })
    }

    fn read_attributes(&mut self, bytes: &'a [u8]) {
        for (kind, data) in Attributes::new(bytes).map_while(Result::ok) {
            match kind {
                NLMSGERR_ATTR_MSG => {
                    let text = data.split(|byte| *byte == 0).next().unwrap_or_default();
                    self.text = std::str::from_utf8(text).ok().filter(|text| !text.is_empty());
                }
                NLMSGERR_ATTR_OFFS => self.offset = number(data),
                _ => {}
            }
        }
    }

    /// The error of `operation`.
    pub(super) fn error(&self, operation: Operation) -> Error {
        let (kind, reason) = self.meaning(operation);
        let error = Error::new(kind, operation.name()).with_os_error(self.number);
        let error = match self.offset {
            Some(offset) => error.because(format_args!("{reason}, because of byte {offset} of the request")),
            None => error.because(reason),
        };
        match self.text {
            Some(text) => error.with_kernel_text(text),
            None => error,
        }
    }

    fn meaning(&self, operation: Operation) -> (ErrorKind, &'static str) {
        use errno::*;
        match (self.number, operation) {
            // A lookup fails as the packets would: with the error of the route's type (Linux 6.18, `fib_props`).
            (EACCES, Operation::Lookup) => (ErrorKind::Unreachable, "a route prohibits it"),
            (EINVAL, Operation::Lookup) if self.text.is_none() => (ErrorKind::Unreachable, "a blackhole route drops it"),
            (EPERM | EACCES, _) => (ErrorKind::NotPermitted, "not permitted"),
            (EEXIST, _) => (ErrorKind::Exists, "it is there already"),
            (ESRCH | ENOENT, operation) => (ErrorKind::NotFound, nothing_like_it(operation)),
            (ENETUNREACH, _) => (ErrorKind::Unreachable, "the network is unreachable"),
            (EHOSTUNREACH, _) => (ErrorKind::Unreachable, "the host is unreachable"),
            (ENETDOWN, _) => (ErrorKind::Unreachable, "the interface is down"),
            (ENODEV | ENXIO, _) => (ErrorKind::NoSuchDevice, "there is no such interface"),
            (EINVAL, _) => (ErrorKind::Invalid, "the kernel calls it invalid"),
            (ERANGE, _) => (ErrorKind::Invalid, "a value is out of range"),
            (EADDRNOTAVAIL, _) => (ErrorKind::Invalid, "the address cannot be used"),
            (EOPNOTSUPP, _) => (ErrorKind::Unsupported, "the kernel does not support it"),
            (EAFNOSUPPORT, _) => (ErrorKind::Unsupported, "the kernel does not support this address family"),
            (ENOBUFS | ENOMEM, _) => (ErrorKind::Busy, "the kernel is short of memory"),
            (EBUSY | EAGAIN, _) => (ErrorKind::Busy, "the kernel is busy"),
            _ => (ErrorKind::Other, "the kernel refused"),
        }
    }
}

/// What is not there, where the kernel says no more than that.
const fn nothing_like_it(operation: Operation) -> &'static str {
    use Operation::*;
    match operation {
        ReplaceRoute | ChangeRoute | DeleteRoute | Lookup => "there is no such route",
        DeleteRule => "there is no such rule",
        ReplaceNextHop | DeleteNextHop => "there is no such next-hop object",
        List | AddRoute | AppendRoute | PrependRoute | AddRule | AddNextHop => "there is nothing like what it names",
    }
}

/// The number that the bytes start with.
fn number(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}
