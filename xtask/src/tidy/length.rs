//! A file can be read in one sitting.

use super::Finding;
use super::tree::Tree;

/// The ceiling; most files should stay far below.
const LINES_MAX: usize = 700;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, code) in tree.rust() {
        let lines = code.code().lines().count();
        if lines > LINES_MAX {
            let what = format!("{lines} lines, of at most {LINES_MAX}: divide it by what it is about");
            findings.push(Finding::new(&file.path, 0, what));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{LINES_MAX, check};
    use crate::tidy::tests::{accepts, refuses};

    #[test]
    fn a_file_has_a_ceiling() {
        accepts(check, "crates/a/src/lib.rs", &"x\n".repeat(LINES_MAX));
        refuses(check, "crates/a/src/lib.rs", &"x\n".repeat(LINES_MAX + 1));
        refuses(check, "tests/a.rs", &"\n".repeat(LINES_MAX + 1));
        accepts(check, "docs/a.md", &"x\n".repeat(LINES_MAX + 1));
    }
}
