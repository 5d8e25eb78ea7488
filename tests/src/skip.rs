//! Saying by name that a test cannot run where it is.
//!
//! A test against a kernel makes itself a user namespace and a network namespace in it. Where that is refused, or
//! where it needs more than a user namespace gives, the test is skipped: [`skip`] prints a line
//! `skipped: <name>: <reason>` and appends the same line to the file that `WAYPOST_SKIP_LOG` names, from which
//! `cargo xtask test` lists what did not run. With `WAYPOST_REQUIRE_KERNEL=1`, which the step `root` of
//! `cargo xtask ci` sets, a test keeps the rights it was started with instead of taking a user namespace, and one
//! that cannot run fails.

use std::fmt::{self, Display};
use std::fs::OpenOptions;
use std::io::Write;

/// Whether a test that cannot run must fail: `WAYPOST_REQUIRE_KERNEL` is 1.
#[must_use]
pub fn is_required() -> bool {
    std::env::var_os("WAYPOST_REQUIRE_KERNEL").is_some_and(|value| value == "1")
}

/// A test that had to run could not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Required {
    line: String,
}

impl Display for Required {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, though WAYPOST_REQUIRE_KERNEL=1", self.line)
    }
}

impl std::error::Error for Required {}

/// Says that the test `name` cannot run here because of `reason`.
///
/// # Errors
/// Where it had to run: the test has failed.
///
/// ```no_run
/// use waypost_tests::skip;
///
/// skip::skip("v4::uid_selector", "a user namespace maps one uid only")?;
/// # Ok::<(), skip::Required>(())
/// ```
pub fn skip(name: &str, reason: impl Display) -> Result<(), Required> {
    let line = line(name, &reason.to_string());
    println!("{line}");
    if is_required() {
        return Err(Required { line });
    }
    if let Some(log) = std::env::var_os("WAYPOST_SKIP_LOG") {
        // One write of the whole line: programs that run at the same time do not mix theirs.
        let written = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&log)
            .and_then(|mut log| log.write_all(format!("{line}\n").as_bytes()));
        if let Err(error) = written {
            return Err(Required { line: format!("{line} (not logged: {error})") });
        }
    }
    Ok(())
}

/// One line, whatever stands in the reason.
fn line(name: &str, reason: &str) -> String {
    let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("skipped: {name}: {reason}")
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn a_skip_is_one_line() {
        assert_eq!(line("v6::append", "no\nuser  namespaces"), "skipped: v6::append: no user namespaces");
    }
}
