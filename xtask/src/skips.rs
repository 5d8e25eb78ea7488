//! What was skipped, by name, and which of it may be.
//!
//! A test that cannot run where it is says so in a line `skipped: <name>: <reason>`, on its output and at the
//! end of the file that `WAYPOST_SKIP_LOG` names (`waypost-tests`' module `skip` does both). Steps of
//! continuous integration that are skipped are named the same way.

use std::fmt;
use std::path::PathBuf;

/// Names the file to which tests append the lines of what they skip.
pub(crate) const LOG: &str = "WAYPOST_SKIP_LOG";
/// When set to 1, a test that cannot run fails instead of being skipped.
pub(crate) const REQUIRE: &str = "WAYPOST_REQUIRE_KERNEL";

/// A test or a step that did not run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Skip {
    pub(crate) name: String,
    pub(crate) reason: String,
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "skipped: {}: {}", self.name, self.reason)
    }
}

/// The skips in the text of a log; a line of another shape is taken as a name without a reason, so that
/// nothing skipped goes unseen.
pub(crate) fn parse(log: &str) -> Vec<Skip> {
    let mut skips: Vec<Skip> = Vec::new();
    for line in log.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let rest = line.strip_prefix("skipped: ").unwrap_or(line);
        let (name, reason) = rest.split_once(": ").unwrap_or((rest, "no reason given"));
        let skip = Skip { name: name.to_owned(), reason: reason.to_owned() };
        if !skips.contains(&skip) {
            skips.push(skip);
        }
    }
    skips
}

/// The names that may be skipped: lines `name: reason`, with `#` before what is only said.
///
/// # Errors
/// A line without a reason.
pub(crate) fn allowed(list: &str) -> Result<Vec<String>, String> {
    let lines = list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| match line.split_once(": ") {
            Some((name, reason)) if !reason.trim().is_empty() => Ok(name.to_owned()),
            _ => Err(format!("xtask/allowed-skips.txt: \"{line}\" is no `name: reason`")),
        })
        .collect()
}

/// A log for the tests of one step, empty at first and removed at the end.
#[derive(Debug)]
pub(crate) struct Log(PathBuf);

impl Log {
    /// A new, empty log.
    pub(crate) fn new() -> Result<Self, String> {
        let path = std::env::temp_dir().join(format!("waypost-skips-{}", std::process::id()));
        std::fs::write(&path, "").map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self(path))
    }

    /// Where it is.
    pub(crate) const fn path(&self) -> &PathBuf {
        &self.0
    }

    /// Lets any user append to it.
    pub(crate) fn open_to_all(&self) -> Result<(), String> {
        use std::os::unix::fs::PermissionsExt as _;
        let anybody = std::fs::Permissions::from_mode(0o666);
        std::fs::set_permissions(&self.0, anybody).map_err(|error| format!("{}: {error}", self.0.display()))
    }

    /// What stands in it now.
    pub(crate) fn read(&self) -> Result<Vec<Skip>, String> {
        let text = std::fs::read_to_string(&self.0).map_err(|error| format!("{}: {error}", self.0.display()))?;
        Ok(parse(&text))
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        // A log left behind in the temporary directory harms nobody.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_read_line_by_line_and_told_once() {
        let skips = parse("skipped: v4::get: no user namespaces\n\nskipped: v4::get: no user namespaces\nodd\n");
        let shown: Vec<String> = skips.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["skipped: v4::get: no user namespaces", "skipped: odd: no reason given"]);
    }

    #[test]
    fn a_name_with_colons_keeps_them() {
        assert_eq!(parse("skipped: a::b::c: why: because")[0].name, "a::b::c");
    }

    #[test]
    fn an_allowed_skip_needs_a_reason() {
        assert_eq!(allowed("# said\nmsrv: no such toolchain\n"), Ok(vec!["msrv".to_owned()]));
        assert!(allowed("msrv\n").is_err());
        assert!(allowed("msrv: \n").is_err());
    }
}
