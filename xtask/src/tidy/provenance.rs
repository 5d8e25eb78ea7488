//! Bytes that were captured say where they come from, so that a reader can judge them and make more.

use std::collections::BTreeSet;

use super::Finding;
use super::tree::Tree;

/// What folders of captured bytes are called.
const FOLDERS: &[&str] = &["captures", "data", "corpus", "seeds", "testdata"];

/// Endings of files with captured bytes, which stand in such a folder and nowhere else.
const ENDINGS: &[&str] = &["bin", "hex", "pcap", "dat", "raw"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut sets = BTreeSet::new();
    for file in tree.files() {
        let captured = file.path.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending));
        match folder(&file.path) {
            Some(folder) if !file.path.ends_with(".rs") => {
                let below = file.path.get(folder.len() + 1..).unwrap_or_default();
                sets.insert((folder, below.split_once('/').map_or("", |(set, _)| set)));
            }
            None if captured => {
                let what = format!("captured bytes stand in a folder called {}", FOLDERS.join(", "));
                findings.push(Finding::new(&file.path, 0, what));
            }
            _ => {}
        }
    }
    for (folder, set) in sets {
        let readme = format!("{folder}/README.md");
        let text = tree.texts().find(|(file, _)| file.path == readme).map_or("", |(_, text)| text.trim());
        if text.is_empty() || !text.contains(set) {
            findings.push(Finding::new(&readme, 0, format!("says where the captured bytes in {folder}/{set} come from")));
        }
        findings.extend(packed(tree, folder, text));
    }
    findings.dedup();
    findings
}

/// A folder whose bytes are under a licence that asks for more than Waypost's own stays out of the package of its crate.
fn packed(tree: &Tree, folder: &str, readme: &str) -> Option<Finding> {
    let (package, below) = folder.strip_prefix("crates/").filter(|_| readme.contains("GPL"))?.split_once('/')?;
    let manifest = format!("crates/{package}/Cargo.toml");
    let top = format!("\"{}\"", below.split('/').next().unwrap_or_default());
    let text = tree.texts().find(|(file, _)| file.path == manifest).map_or("", |(_, text)| text);
    let is_left_out = text.lines().any(|line| line.starts_with("exclude = [") && line.contains(&top));
    (!is_left_out).then(|| Finding::new(&manifest, 0, format!("`exclude`s {top}, which has bytes under the GPL")))
}

/// The outermost folder of captured bytes that has `path`.
fn folder(path: &str) -> Option<&str> {
    let (folders, _) = path.rsplit_once('/')?;
    let mut end = 0;
    for part in folders.split('/') {
        end += part.len();
        if FOLDERS.contains(&part) {
            return path.get(..end);
        }
        end += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Tree, check};

    fn findings(files: &[(&str, &str)]) -> usize {
        check(&Tree::of(files)).len()
    }

    #[test]
    fn captures_have_a_readme_that_says_whence() {
        let captures = [("crates/a/tests/captures/freebsd/1.bin", "bytes"), ("crates/a/tests/captures/freebsd/2.bin", "bytes")];
        let with = |path, text| findings(&[captures[0], captures[1], (path, text)]);
        assert_eq!(findings(&captures), 1);
        assert_eq!(with("crates/a/tests/captures/README.md", "# Captures\n## freebsd\nread from its socket"), 0);
        assert_eq!(with("crates/a/tests/captures/README.md", "# Captures\n"), 1);
        assert_eq!(with("crates/a/tests/README.md", "# Captures\n## freebsd\nread from its socket"), 1);
    }

    #[test]
    fn each_set_of_captures_is_told() {
        let readme = ("tests/data/README.md", "## one\nread from its socket");
        assert_eq!(findings(&[readme, ("tests/data/one/a", ""), ("tests/data/two/a", "")]), 1);
        assert_eq!(findings(&[("tests/data/README.md", " \n"), ("tests/data/a", "")]), 1);
        assert_eq!(findings(&[readme, ("tests/data/a", "")]), 0);
    }

    #[test]
    fn what_is_under_the_gpl_is_in_no_package() {
        let readme = ("crates/a/tests/data/README.md", "## one\nGPL-2.0-only");
        let capture = ("crates/a/tests/data/one/1.bin", "bytes");
        let with = |text| findings(&[readme, capture, ("crates/a/Cargo.toml", text)]);
        assert_eq!(with("exclude = [\"tests\", \"examples\"]"), 0);
        assert_eq!(with("exclude = [\"examples\"]"), 1);
        assert_eq!(with("[package]\n# exclude = [\"tests\"]"), 1);
        assert_eq!(findings(&[readme, capture]), 1);
        assert_eq!(findings(&[("crates/a/tests/data/README.md", "## one\nour own"), capture]), 0);
    }

    #[test]
    fn captures_stand_in_no_other_folder() {
        assert_eq!(findings(&[("crates/a/tests/one.hex", "00")]), 1);
        assert_eq!(findings(&[("crates/a/src/data.rs", ""), ("crates/a/src/data/row.rs", "")]), 0);
    }
}
