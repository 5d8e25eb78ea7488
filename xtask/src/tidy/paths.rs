//! No path of one developer's machine stands in the tree.

use super::Finding;
use super::tree::Tree;

/// They are put together here so that this file may be read too.
const PATHS: &[&str] = &[concat!("/wo", "rk/"), concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("../", "shared")];

/// The script of continuous integration may look round on its machine.
const ALLOWED: &[&str] = &[".ci"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, text) in tree.texts().filter(|(file, _)| !file.is_under(ALLOWED)) {
        for (line, text) in (1..).zip(text.lines()) {
            let path = PATHS.iter().find(|path| starts_in(text, path));
            findings.extend(path.map(|path| Finding::new(&file.path, line, format!("`{path}…` is there on one machine only"))));
        }
    }
    findings
}

/// Whether `path` stands in `text` and does not go on from a longer one.
fn starts_in(text: &str, path: &str) -> bool {
    let goes_on = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '}' | ')' | '/');
    text.match_indices(path).any(|(at, _)| !text.get(..at).is_some_and(|before| before.ends_with(goes_on)))
}

#[cfg(test)]
mod tests {
    use super::{PATHS, check};
    use crate::tidy::tests::{accepts, refuses};

    #[test]
    fn a_path_of_one_machine_is_refused() {
        for path in PATHS {
            refuses(check, "docs/a.md", &format!("see {path}x"));
            refuses(check, "crates/a/src/lib.rs", &format!("include_bytes!(\"{path}x\")"));
            accepts(check, ".ci/run", &format!("ls {path}x"));
        }
    }

    #[test]
    fn a_path_from_elsewhere_is_fine() {
        for path in &PATHS[..3] {
            accepts(check, "docs/a.md", &format!("src{path}x, $OUT_DIR{path}x"));
        }
        accepts(check, "docs/a.md", "/proc/net/route, ../data");
    }
}
