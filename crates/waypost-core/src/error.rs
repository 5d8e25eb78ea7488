//! What went wrong, in one type.

use std::borrow::Cow;
use std::fmt;

/// What a caller would do about an [`Error`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The process may not do this: ask for the privilege (`CAP_NET_ADMIN`, root), or do without.
    NotPermitted,
    /// It is there already: whoever wanted it there can go on, whoever wanted it alone must choose another metric or table.
    Exists,
    /// There is no such route, rule or object: whoever wanted it gone can go on.
    NotFound,
    /// The gateway cannot be reached from here: try again when links or addresses have changed.
    Unreachable,
    /// There is no such interface or network namespace: try again when there is.
    NoSuchDevice,
    /// The request makes no sense, as it is or to this kernel: mend it.
    Invalid,
    /// This system cannot do that, or not represent it: do it another way; [`Capabilities`](crate::Capabilities) tells before.
    Unsupported,
    /// The request could hit something that it does not name: name more.
    Ambiguous,
    /// Another route had taken the place of the one that was meant, and was hit: it was put back unless the error says not. Read
    /// the state, then decide. Only where the kernel cannot compare before it deletes
    /// ([`CompareAndDelete::Emulated`](crate::CompareAndDelete::Emulated)).
    Conflict,
    /// The answer got lost and the state does not tell: read it, then decide.
    Unknown,
    /// The kernel is short of memory or of something else that will come back: try again later.
    Busy,
    /// What one talked to is gone: open it again.
    Closed,
    /// Another failure of the system's: report it.
    Other,
}

/// An operation that failed: what was tried on what, why, and the kernel's own words where it had any.
///
/// ```
/// use waypost_core::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::NotFound, "delete route").on("10.0.0.0/8 via 10.0.0.1").because("there is no such route");
/// assert_eq!(error.kind(), ErrorKind::NotFound);
/// assert_eq!(error.to_string(), "delete route 10.0.0.0/8 via 10.0.0.1: there is no such route");
/// ```
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    operation: Cow<'static, str>,
    subject: Option<String>,
    reason: Option<String>,
    kernel_text: Option<String>,
    os: Option<i32>,
}

impl Error {
    /// The failure of `operation`, such as `add route`.
    #[must_use]
    pub fn new(kind: ErrorKind, operation: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner { kind, operation: operation.into(), subject: None, reason: None, kernel_text: None, os: None }))
    }

    /// The same, naming what the operation was about: a route, a rule, an interface.
    #[must_use]
    pub fn on(mut self, subject: impl fmt::Display) -> Self {
        self.0.subject = Some(subject.to_string());
        self
    }

    /// The same, saying why in Waypost's words.
    #[must_use]
    pub fn because(mut self, reason: impl fmt::Display) -> Self {
        self.0.reason = Some(reason.to_string());
        self
    }

    /// The same, with what the kernel said of it: on Linux the extended acknowledgement's text.
    #[must_use]
    pub fn with_kernel_text(mut self, text: impl Into<String>) -> Self {
        self.0.kernel_text = Some(text.into());
        self
    }

    /// The same, with the system's error number.
    #[must_use]
    pub fn with_os_error(mut self, number: i32) -> Self {
        self.0.os = Some(number);
        self
    }

    /// The failure of a system call.
    #[must_use]
    pub fn from_io(operation: impl Into<Cow<'static, str>>, error: &std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let kind = match error.kind() {
            Io::PermissionDenied => ErrorKind::NotPermitted,
            Io::NotFound => ErrorKind::NotFound,
            Io::AlreadyExists => ErrorKind::Exists,
            Io::InvalidInput => ErrorKind::Invalid,
            Io::Unsupported => ErrorKind::Unsupported,
            Io::OutOfMemory | Io::WouldBlock | Io::ResourceBusy => ErrorKind::Busy,
            Io::NetworkUnreachable | Io::HostUnreachable => ErrorKind::Unreachable,
            Io::BrokenPipe | Io::NotConnected => ErrorKind::Closed,
            _ => ErrorKind::Other,
        };
        let made = Self::new(kind, operation).because(error);
        match error.raw_os_error() {
            Some(number) => made.with_os_error(number),
            None => made,
        }
    }

    /// What a caller would do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What was tried: `add route`, `open`, …
    #[must_use]
    pub fn operation(&self) -> &str {
        &self.0.operation
    }

    /// What it was tried on, where that was one thing.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.0.subject.as_deref()
    }

    /// The kernel's own words, where it had any.
    #[must_use]
    pub fn kernel_text(&self) -> Option<&str> {
        self.0.kernel_text.as_deref()
    }

    /// Why, without what was tried: the kernel's words, or else Waypost's or the system's.
    #[must_use]
    pub fn reason(&self) -> &str {
        let Inner { kernel_text, reason, .. } = &*self.0;
        kernel_text.as_deref().or(reason.as_deref()).unwrap_or("it failed")
    }

    /// The system's error number, where it gave one.
    #[must_use]
    pub fn raw_os_error(&self) -> Option<i32> {
        self.0.os
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.operation())?;
        if let Some(subject) = self.subject() {
            write!(f, " {subject}")?;
        }
        write!(f, ": {}", self.reason())?;
        match (&self.0.kernel_text, &self.0.reason) {
            (Some(_), Some(reason)) => write!(f, " ({reason})"),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, operation, subject, reason, kernel_text, os } = &*self.0;
        f.debug_struct("Error")
            .field("kind", kind)
            .field("operation", operation)
            .field("subject", subject)
            .field("reason", reason)
            .field("kernel_text", kernel_text)
            .field("os", os)
            .finish()
    }
}

impl std::error::Error for Error {}

impl From<crate::ParseError> for Error {
    fn from(error: crate::ParseError) -> Self {
        Self::new(ErrorKind::Invalid, "read").because(error)
    }
}

impl From<crate::PrefixError> for Error {
    fn from(error: crate::PrefixError) -> Self {
        crate::ParseError::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_cannot_be_read_is_invalid_and_quoted() {
        let read = |text: &str| -> Result<(crate::Prefix, crate::Route), Error> { Ok((text.parse()?, text.parse()?)) };
        let error = read("10.0.0.1/8").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert_eq!(error.to_string(), "read: \"10.0.0.1/8\" has host bits set; the network is 10.0.0.0/8");
    }

    #[test]
    fn the_kernels_words_come_first_and_the_number_behind() {
        let error = Error::from_io("add route", &std::io::Error::from_raw_os_error(101))
            .on("10.0.0.0/8")
            .with_kernel_text("Nexthop has invalid gateway");
        assert_eq!(error.kind(), ErrorKind::Unreachable);
        assert_eq!(error.raw_os_error(), Some(101));
        assert!(error.to_string().starts_with("add route 10.0.0.0/8: Nexthop has invalid gateway ("), "{error}");
    }

    #[test]
    fn it_is_one_pointer_wide() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
