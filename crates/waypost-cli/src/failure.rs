//! How the command fails, and with which exit status.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use waypost::{Error, ErrorKind, ParseError};

use crate::output::fit;

/// Why a verb did not do what it was told.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The kernel or the library refused.
    Refused(Error),
    /// The same, and this is what was tried in the user's own words.
    RefusedOn(String, Error),
    /// The command line makes no sense.
    Usage(String),
    /// There is no such interface, route or object as the words name.
    Missing(String, Status),
    /// A file or standard output failed.
    Io(String, io::Error),
    /// All has been said already.
    Said(Status),
    /// Whoever read the output is gone.
    BrokenPipe,
}

/// The exit status.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Status {
    Failed = 1,
    Usage = 2,
    NotPermitted = 3,
    NoSuchRoute = 4,
    /// A portal is in the way.
    Captive = 5,
    /// Nobody answers.
    NoInternet = 6,
}

impl Failure {
    /// The fault of one of `words`: a wrong name of an interface is no wrong usage.
    pub(crate) fn of_words(error: &ParseError, words: &[impl AsRef<str>]) -> Self {
        let names_interface = |pair: &[&str]| matches!(pair[0], "dev" | "oif" | "iif") && pair[1] == error.word();
        let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
        if words.windows(2).any(names_interface) {
            return Self::Missing(format!("there is no interface {:?}", error.word()), Status::Failed);
        }
        Self::Usage(error.to_string())
    }

    pub(crate) fn status(&self) -> Option<Status> {
        match self {
            Self::Refused(error) | Self::RefusedOn(_, error) => Some(Status::of(error)),
            Self::Usage(_) => Some(Status::Usage),
            Self::Missing(_, status) | Self::Said(status) => Some(*status),
            Self::Io(..) => Some(Status::Failed),
            Self::BrokenPipe => None,
        }
    }

    /// Prints what is to be said, and tells the exit status.
    pub(crate) fn report(self) -> ExitCode {
        if !matches!(self, Self::Said(_) | Self::BrokenPipe) {
            complain(&self);
        }
        self.status().map_or(ExitCode::SUCCESS, |status| ExitCode::from(status as u8))
    }
}

/// Prints an error. That standard error is gone is no reason to fail once more.
pub(crate) fn complain(what: &dyn fmt::Display) {
    let _ = writeln!(io::stderr(), "waypost: {}", fit(&what.to_string()));
}

impl Status {
    pub(crate) fn of(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::NotPermitted => Self::NotPermitted,
            ErrorKind::NotFound => Self::NoSuchRoute,
            _ => Self::Failed,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => write!(f, "{error}{}", Hint(error)),
            Self::RefusedOn(what, error) => write!(f, "{what}: {}{}", error.reason(), Hint(error)),
            Self::Usage(why) => write!(f, "usage: {why} (`waypost help` lists the verbs and their words)"),
            Self::Missing(what, _) => f.write_str(what),
            Self::Io(what, error) => write!(f, "{what}: {}", without_number(error)),
            Self::Said(_) | Self::BrokenPipe => Ok(()),
        }
    }
}

/// What the system says, without the number that stands behind it.
pub(crate) fn without_number(error: &io::Error) -> String {
    let mut text = error.to_string();
    text.truncate(text.find(" (os error ").unwrap_or(text.len()));
    text
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<io::Error> for Failure {
    /// Errors of this kind come from writing to standard output.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::BrokenPipe,
            _ => Self::Io("write to standard output".to_owned(), error),
        }
    }
}

/// What could be done about an error.
struct Hint<'a>(&'a Error);

impl fmt::Display for Hint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_about = |what| self.0.operation().ends_with(what);
        f.write_str(match self.0.kind() {
            ErrorKind::Exists if is_about("rule") => " (there is this very rule)",
            ErrorKind::Exists if is_about("next hop") => " (`nexthop replace` changes the object of a number)",
            ErrorKind::Exists if !is_about("route") => return Ok(()),
            ErrorKind::NoSuchDevice if is_about("route") => " (`via` an address or `dev` an interface says where it leads)",
            ErrorKind::NoSuchDevice if is_about("namespace") => " (`ip netns` lists the names; what has a slash is a path)",
            ErrorKind::NotPermitted => " (it takes root, or CAP_NET_ADMIN in this network namespace)",
            ErrorKind::Exists => " (another metric makes a second route; `ensure` is content with one that is there)",
            ErrorKind::Unreachable => " (is the gateway on a network of this host? `onlink` goes without)",
            ErrorKind::Ambiguous => " (name more of it)",
            ErrorKind::Busy => " (try again)",
            _ => return Ok(()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_error_has_its_status() {
        let status = |kind| Failure::Refused(Error::new(kind, "add route")).status().map(|status| status as u8);
        assert_eq!(status(ErrorKind::NotPermitted), Some(3));
        assert_eq!(status(ErrorKind::NotFound), Some(4));
        assert_eq!(status(ErrorKind::Exists), Some(1));
        assert_eq!(Failure::Usage(String::new()).status(), Some(Status::Usage));
        assert_eq!(Failure::from(io::Error::from(io::ErrorKind::BrokenPipe)).status(), None);
    }

    #[test]
    fn a_missing_interface_is_a_failure_and_a_wrong_word_is_usage() {
        let words = ["10.0.0.0/8", "dev", "eth9", "metrik"];
        let missing = Failure::of_words(&ParseError::new("eth9", "is no interface here"), &words);
        assert_eq!((missing.to_string().as_str(), missing.status()), ("there is no interface \"eth9\"", Some(Status::Failed)));
        let wrong = Failure::of_words(&ParseError::new("metrik", "is no word of a route"), &words);
        assert_eq!(wrong.status(), Some(Status::Usage));
    }

    #[test]
    fn a_hint_is_about_what_failed() {
        let hint = |operation: &'static str| Failure::Refused(Error::new(ErrorKind::Exists, operation)).to_string();
        assert!(hint("add route").contains("another metric"));
        assert!(!hint("add rule").contains("metric") && hint("add rule").contains("this very rule"));
        assert!(hint("add next hop").contains("nexthop replace"));
        let of_kind = |kind| Failure::Refused(Error::new(kind, "delete route").because("so")).to_string();
        assert_eq!(of_kind(ErrorKind::Ambiguous), "delete route: so (name more of it)");
        assert_eq!(of_kind(ErrorKind::Busy), "delete route: so (try again)");
        assert_eq!(hint("bind"), "bind: it failed");
    }

    #[test]
    fn the_users_words_stand_before_the_kernels() {
        let error = Error::new(ErrorKind::Unreachable, "add route").on("x").with_kernel_text("Nexthop has invalid gateway");
        let said = Failure::RefusedOn("add 10.0.0.0/8 via 10.9.0.1".to_owned(), error).to_string();
        assert!(said.starts_with("add 10.0.0.0/8 via 10.9.0.1: Nexthop has invalid gateway ("), "{said}");
    }
}
